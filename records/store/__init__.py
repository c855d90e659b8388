"""The store: SQLite behind one writing thread and a few reading ones."""
