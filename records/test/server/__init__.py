"""Tests of `records.server`."""
