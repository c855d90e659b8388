"""The line protocol's connections: reading, order, answers, deadlines."""
