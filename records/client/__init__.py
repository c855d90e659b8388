"""The client: a menu on a terminal, or plain lines in a script, over one TLS connection."""
