"""Tests of `records.store`."""
