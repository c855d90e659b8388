"""Tests of `records.store.sqlite.database`."""
