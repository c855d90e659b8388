"""Tests of `records.gateway`."""
