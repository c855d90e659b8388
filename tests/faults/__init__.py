"""Faults, injected at every point where one can happen, and what must hold nevertheless.

`trial tests.faults` runs the short form. With RECORDS_LONG=1 each test runs as often as it says in
docs/reliability.md. The checks of both forms are the same.
"""
