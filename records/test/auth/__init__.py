"""Tests of `records.auth`."""
