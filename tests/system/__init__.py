"""Tests of whole systems: real daemons, terminals, installations."""
