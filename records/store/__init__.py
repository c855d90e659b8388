"""The store: dispatch of reads to threads and of writes to a process. `sqlite` has all SQL."""
