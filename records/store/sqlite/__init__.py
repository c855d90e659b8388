"""The store in SQLite. Nothing outside this package knows apsw or an SQLite error."""
