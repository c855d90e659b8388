"""The forms of the protocol: params and results of each method, queries, JSON-RPC."""
