"""The schema files, numbered; see `records.store.sqlite.upgrade`."""
