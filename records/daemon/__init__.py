"""Start, stop, first start and housekeeping."""
