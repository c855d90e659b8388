"""Tests of `records.tls.contexts`."""
