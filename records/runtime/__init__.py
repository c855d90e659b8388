"""What we add to Twisted and the operating system. Knows nothing of records or accounts."""
