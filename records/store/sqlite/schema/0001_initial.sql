-- Employees, accounts, and the journal of all that has happened.
-- A column and the attribute that it keeps share one name. Instants are microseconds since 1970
-- in UTC; dates are ISO 8601 text; amounts count ten-thousandths of their currency.

CREATE TABLE employees (
    id INTEGER PRIMARY KEY CHECK (id > 0),
    revision INTEGER NOT NULL CHECK (revision > 0),
    given_name TEXT,
    family_name TEXT,
    preferred_name TEXT,
    email TEXT,
    phone TEXT,
    title TEXT,
    department TEXT,
    location TEXT,
    manager_id INTEGER REFERENCES employees (id),
    hire_date TEXT,
    termination_date TEXT,
    status TEXT NOT NULL,
    birth_date TEXT,
    home_address TEXT,
    personal_email TEXT,
    personal_phone TEXT,
    emergency_contact TEXT,
    ssn TEXT UNIQUE,
    salary_amount BIGINT CHECK (salary_amount >= 0),
    salary_currency TEXT,
    -- derived: family and given name without case and accents, which lists are sorted by
    name_key TEXT NOT NULL,
    CHECK (given_name IS NOT NULL OR family_name IS NOT NULL),
    CHECK ((salary_amount IS NULL) = (salary_currency IS NULL))
);
CREATE INDEX employees_by_name ON employees (name_key, id);
CREATE INDEX employees_by_family_name ON employees (family_name);
CREATE INDEX employees_by_department ON employees (department);
CREATE INDEX employees_by_manager ON employees (manager_id);

-- derived: the folded words of the searched fields
CREATE TABLE employee_words (
    word TEXT NOT NULL,
    employee_id INTEGER NOT NULL,
    PRIMARY KEY (word, employee_id)
) WITHOUT ROWID;

CREATE TABLE accounts (
    id INTEGER PRIMARY KEY,
    username TEXT NOT NULL UNIQUE,
    password_hash TEXT NOT NULL,
    roles TEXT NOT NULL,
    employee_id INTEGER REFERENCES employees (id) ON DELETE SET NULL,
    disabled INTEGER NOT NULL CHECK (disabled IN (0, 1)),
    must_change_password INTEGER NOT NULL CHECK (must_change_password IN (0, 1))
);
CREATE INDEX accounts_by_employee ON accounts (employee_id);

-- id is the SHA-256 of the token
CREATE TABLE sessions (
    id BLOB PRIMARY KEY,
    account_id INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    created_at BIGINT NOT NULL,
    used_at BIGINT NOT NULL,
    source TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX sessions_by_account ON sessions (account_id);

-- where an account has logged in from before
CREATE TABLE sources (
    account_id INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    source TEXT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (account_id, source)
) WITHOUT ROWID;

CREATE TABLE audit (
    seq INTEGER PRIMARY KEY,
    at BIGINT NOT NULL,
    actor TEXT NOT NULL,
    source TEXT NOT NULL,
    action TEXT NOT NULL,
    subject TEXT NOT NULL,
    outcome TEXT NOT NULL,
    fields TEXT NOT NULL,
    digest TEXT NOT NULL,
    hash BLOB NOT NULL
);

-- before and after are JSON objects of the touched fields
CREATE TABLE history (
    seq INTEGER PRIMARY KEY REFERENCES audit (seq),
    at BIGINT NOT NULL,
    actor TEXT NOT NULL,
    employee_id INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    kind TEXT NOT NULL,
    before TEXT NOT NULL,
    after TEXT NOT NULL,
    salt BLOB NOT NULL,
    UNIQUE (employee_id, revision)
);

CREATE TABLE outcomes (
    account_id INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    key TEXT NOT NULL,
    at BIGINT NOT NULL,
    request BLOB NOT NULL,
    answer TEXT NOT NULL,
    PRIMARY KEY (account_id, key)
) WITHOUT ROWID;
CREATE INDEX outcomes_by_age ON outcomes (at);
