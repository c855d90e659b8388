"""Policy: what each method does, in one transaction. See `records.operations.methods`."""
