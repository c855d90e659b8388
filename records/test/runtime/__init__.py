"""Tests of `records.runtime`."""
