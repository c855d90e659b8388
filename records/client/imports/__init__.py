"""Reads files of employees, sends them to the daemon, and shows what it plans."""
