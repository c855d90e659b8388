-- Imports: rows that are received, planned, and applied.

CREATE TABLE imports (
    id INTEGER PRIMARY KEY,
    account_id INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    at BIGINT NOT NULL,
    state TEXT NOT NULL,
    content TEXT NOT NULL
);
-- the last number: none is used again, because the audit log names imports by them
CREATE TABLE import_numbers (
    last INTEGER NOT NULL
);
INSERT INTO import_numbers (last) VALUES (0);
CREATE INDEX imports_by_account ON imports (account_id);

CREATE TABLE import_rows (
    import_id INTEGER NOT NULL REFERENCES imports (id) ON DELETE CASCADE,
    line INTEGER NOT NULL,
    outcome TEXT,
    employee_id INTEGER,
    level INTEGER NOT NULL,
    content TEXT NOT NULL,
    PRIMARY KEY (import_id, line)
) WITHOUT ROWID;
CREATE INDEX import_rows_by_employee ON import_rows (import_id, employee_id);
CREATE INDEX import_rows_by_outcome ON import_rows (import_id, outcome, level);

-- by which rows of an import are found: unique values, e-mail addresses, names
CREATE TABLE import_keys (
    import_id INTEGER NOT NULL REFERENCES imports (id) ON DELETE CASCADE,
    key TEXT NOT NULL,
    line INTEGER NOT NULL,
    PRIMARY KEY (import_id, key, line)
) WITHOUT ROWID;
