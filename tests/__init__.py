"""Tests of whole systems (`system`), and with injected faults (`faults`)."""
