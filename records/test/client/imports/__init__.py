"""Tests of `records.client.imports`."""
