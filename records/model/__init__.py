"""Pure values and rules: employees, fields, accounts, permissions, history and audit."""
