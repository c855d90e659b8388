"""Tests of `records.operations`."""
