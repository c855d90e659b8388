"""Tests of `records.model`."""
