-- More of a person; the company's own numbers; what pay is for; and the version of derived data.

ALTER TABLE employees ADD COLUMN middle_name TEXT;
ALTER TABLE employees ADD COLUMN suffix TEXT;
ALTER TABLE employees ADD COLUMN employee_number TEXT;
-- derived: the number without case, by which it is unique
ALTER TABLE employees ADD COLUMN employee_number_key TEXT;
ALTER TABLE employees ADD COLUMN cost_center TEXT;
ALTER TABLE employees ADD COLUMN employment_type TEXT;
ALTER TABLE employees ADD COLUMN salary_per TEXT NOT NULL DEFAULT 'year';
CREATE UNIQUE INDEX employees_by_number ON employees (employee_number_key);

-- which version of the program's rules the derived data of a kind was made by
CREATE TABLE derived_versions (
    kind TEXT PRIMARY KEY,
    version TEXT NOT NULL
);
