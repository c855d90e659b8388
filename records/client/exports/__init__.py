"""Writes employees to a file: what the user may see, complete or not at all."""
