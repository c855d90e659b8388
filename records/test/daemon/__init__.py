"""Tests of `records.daemon`."""
