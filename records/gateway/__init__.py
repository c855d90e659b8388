"""A connection's session, and the limits on what it may ask for."""
