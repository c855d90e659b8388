"""Tests of `records.client`."""
