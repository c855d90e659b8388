"""Faults, injected at every point where one can happen, and what must hold nevertheless.

`trial tests` runs the short form; with RECORDS_LONG=1 each is run as often as docs/reliability.md
promises. No fault test loosens what it checks between the two: only how often it looks.
"""
