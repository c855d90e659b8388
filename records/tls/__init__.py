"""Certificates, keys and TLS contexts, for both ends."""
