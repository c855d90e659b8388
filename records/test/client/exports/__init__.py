"""Tests of `records.client.exports`."""
