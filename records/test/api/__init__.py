"""Tests of `records.api`."""
