"""Whole-system tests: a real daemon, real clients and real faults. Run with `trial tests`."""
