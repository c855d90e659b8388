-- A company's own fields, and what its employees have in them.

-- content is the definition, as JSON; a retired field stays for the history
CREATE TABLE own_fields (
    name TEXT PRIMARY KEY,
    place INTEGER NOT NULL UNIQUE,
    content TEXT NOT NULL
);
-- raised by each change of a definition
CREATE TABLE own_fields_version (
    version INTEGER NOT NULL
);
INSERT INTO own_fields_version (version) VALUES (0);

-- a JSON object of the own fields that are not blank, those of retired fields included
ALTER TABLE employees ADD COLUMN own TEXT;

-- derived: by which the values of unique fields and of references are found
CREATE TABLE own_keys (
    name TEXT NOT NULL,
    key TEXT NOT NULL,
    employee_id INTEGER NOT NULL,
    PRIMARY KEY (name, key, employee_id)
) WITHOUT ROWID;
