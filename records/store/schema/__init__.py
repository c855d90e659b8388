"""The schema files, numbered; see `records.store.upgrade`."""
