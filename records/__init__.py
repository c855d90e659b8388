"""Employee records: a daemon that keeps them, and a client that reads and changes them."""

__version__ = "0.1.0"
