"""What is said over the wire: params and results of each method, queries, JSON-RPC."""
