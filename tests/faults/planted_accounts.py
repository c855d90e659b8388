"""Bugs in who is who: the audit log, sessions, passwords."""

from __future__ import annotations

from tests.faults.planted_bug import Bug, bug

_SESSIONS = "records/operations/sessions.py"
_EMPLOYEES = "records/operations/employees.py"
_METHODS = "records/operations/methods.py"
_OPERATIONS = "records.test.operations.test"

AUDIT: tuple[Bug, ...] = (
    bug(
        "reveal-not-audited",
        _EMPLOYEES,
        "Each look behind a mask is recorded.",
        f"{_OPERATIONS}_rules.RevealTests.test_reveal",
        ("    if masked:\n        note(", "    if not masked:\n        note("),
    ),
    bug(
        "denial-not-audited",
        _METHODS,
        "Every refusal is noted in the audit log.",
        f"{_OPERATIONS}_gate.EveryFieldTests",
        (
            "        remember = Work(_note_denial, (user, method, params, raised))\n        raise",
            "        remember = Work(lambda tx: None)\n        raise",
        ),
    ),
    bug(
        "failed-login-not-audited",
        _SESSIONS,
        "Failed logins are noted.",
        f"{_OPERATIONS}_sessions.LoginTests.test_failed",
        ('    note(tx, anonymous, "login", subject, outcome)\n', ""),
    ),
    bug(
        "role-not-audited",
        "records/operations/accounts.py",
        "What is done to accounts is in the audit log.",
        f"{_OPERATIONS}_accounts.ChangeTests.test_roles",
        ('    note(tx, user, "role.grant"', '    roles or note(tx, user, "role.grant"'),
    ),
    bug(
        "hash-not-chained",
        "records/model/audit.py",
        "No audit entry can be rewritten without all later ones being wrong.",
        "records.test.model.test_audit.ChainTests.test_rewritten",
        ("hashlib.sha256(before + content)", "hashlib.sha256(content)"),
    ),
    bug(
        "hash-not-compared",
        "records/model/audit.py",
        "`verify` notices a changed entry.",
        "records.test.model.test_audit.ChainTests.test_any_field_changed",
        ("entry.at, entry.event) != entry.hash:", "entry.at, entry.event) == b'':"),
    ),
    bug(
        "digest-not-compared",
        "records/operations/audit.py",
        "`verify` notices a changed row of the history.",
        f"{_OPERATIONS}_audit.VerifyTests.test_every_column",
        (
            "return (event.digest, event.actor, entry.at) == (digest_of(change), change.actor, "
            "change.at)",
            "return (event.actor, entry.at) == (change.actor, change.at)",
        ),
    ),
    bug(
        "employees-not-compared",
        "records/operations/audit.py",
        "`verify` notices an employee that is not what the history says.",
        f"{_OPERATIONS}_audit.VerifyTests.test_employees",
        ("    _compare_employees(tx, head.seq)\n", ""),
    ),
    bug(
        "content-in-the-audit-log",
        "records/operations/journal.py",
        "The audit log names fields, and never what they hold.",
        f"{_OPERATIONS}_rules.NotingTests.test_no_content_in_the_audit_log",
        (
            "            tuple(new),\n",
            "            tuple(f'{each}={new[each]}' for each in new),\n",
        ),
    ),
)

SESSIONS: tuple[Bug, ...] = (
    bug(
        "session-end-ignored",
        _SESSIONS,
        "A session ends when it was not used for its idle time.",
        f"{_OPERATIONS}_sessions.ExpiryTests.test_idle",
        (" or caller.limits.is_over(found[0], tx.now):", ":"),
    ),
    bug(
        "used-for-ever",
        "records/model/accounts.py",
        "A session ends at `expires_at`, however much it is used.",
        f"{_OPERATIONS}_sessions.ExpiryTests.test_use_keeps_it",
        (" or now >= self.end(session)\n", "\n"),
    ),
    bug(
        "disabled-goes-on",
        _SESSIONS,
        "A disabled account's sessions are over.",
        f"{_OPERATIONS}_sessions.ExpiryTests.test_disabled",
        ("found is None or found[1].disabled or", "found is None or"),
    ),
    bug(
        "logout-ends-nothing",
        _SESSIONS,
        "A session ends by `logout`, on all of its connections.",
        f"{_OPERATIONS}_sessions.EndTests.test_logout",
        ("    tx.accounts.end_session(caller.session_id)\n", ""),
    ),
    bug(
        "other-sessions-go-on",
        _SESSIONS,
        "A changed password ends the account's other sessions.",
        f"{_OPERATIONS}_sessions.EndTests.test_password_change",
        ("    tx.accounts.end_sessions(account.id, keep=caller.session_id)\n", ""),
    ),
    bug(
        "reset-ends-nothing",
        "records/operations/accounts.py",
        "A new password given at the daemon's machine ends the account's sessions.",
        f"{_OPERATIONS}_accounts.ChangeTests.test_reset",
        (
            '    tx.accounts.end_sessions(account.id)\n    note(tx, user, "password.reset"',
            '    note(tx, user, "password.reset"',
        ),
    ),
    bug(
        "overtaken-password-counts",
        _SESSIONS,
        "A password that was changed while it was compared does not count.",
        f"{_OPERATIONS}_sessions.LoginTests.test_changed_meanwhile",
        (" or present.password_hash != account.password_hash:", ":"),
    ),
    bug(
        "token-in-clear",
        "records/model/accounts.py",
        "Only a token's hash is stored.",
        "records.test.model.test_accounts.SessionTests.test_session_id",
        (
            'return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()',
            'return token.encode("utf-8", "surrogatepass")',
        ),
    ),
    bug(
        "short-token",
        "records/gateway/session.py",
        "A session's token is 256 random bits.",
        "records.test.daemon.test_service.StartTests.test_tokens",
        ("TOKEN_BYTES = 32\n", "TOKEN_BYTES = 8\n"),
    ),
)

PASSWORDS: tuple[Bug, ...] = (
    bug(
        "failures-not-counted",
        "records/auth/throttle.py",
        "Who fails too often at an account is slowed.",
        "records.test.auth.test_login.SlowedTests.test_too_many",
        ("        self._pairs.add((attempt.source, attempt.account), now)\n", ""),
    ),
    bug(
        "source-not-counted",
        "records/auth/throttle.py",
        "Who fails too often at whatever accounts is slowed.",
        "records.test.auth.test_throttle.SourceTests.test_waits",
        ("        self._sources.add(attempt.source, now)\n", ""),
    ),
    bug(
        "unknown-user-takes-no-time",
        "records/auth/login.py",
        "An unknown username is not told by the time that an answer takes.",
        "records.test.auth.test_login.LogInTests.test_compared_with_a_real_hash",
        (
            "partial(self._hasher.verify, password, hashed), at_most",
            "partial(str.__eq__ if hashed == self._nobody else self._hasher.verify,"
            " password, hashed), at_most",
        ),
    ),
    bug(
        "older-hash-takes-less-time",
        "records/auth/hashing.py",
        "Whose account is older than the present cost is not told by the time either.",
        "records.test.auth.test_hashing.SameCostTests.test_cheaper",
        ("range(_cost_of(hashed), self._cost)", "range(self._cost, self._cost)"),
    ),
    bug(
        "unknown-user-told",
        "records/auth/login.py",
        "An unknown username is not told by the answer.",
        "records.test.auth.test_login.LogInTests.test_told_apart_by_nothing",
        (
            '        raise NotAuthenticated("Wrong username or password.")\n',
            '        raise NotAuthenticated("Wrong password." if account else "Wrong username.")\n',
        ),
    ),
    bug(
        "disabled-meanwhile-logs-in",
        "records/operations/sessions.py",
        "A disabled account cannot log in, also if it was disabled only just now.",
        "records.test.auth.test_login.OrderOfQueuesTests.test_disabled",
        ("present is None or present.disabled or", "present is None or"),
    ),
    bug(
        "compared-in-other-time",
        "records/auth/hashing.py",
        "A password is compared in constant time, by bcrypt itself.",
        "records.test.auth.test_hashing.SameCostTests",
        (
            "        good = self._checkpw(given, stored)\n",
            "        good = bcrypt.hashpw(given, stored) == stored\n",
        ),
    ),
    bug(
        "rest-of-a-password-ignored",
        "records/auth/hashing.py",
        "Every character of a password counts.",
        "records.test.auth.test_hashing.OwnHashTests.test_long",
        (
            "return base64.b64encode(hmac.digest(salt, text, hashlib.sha256))",
            "return text[:_BCRYPT_READS]",
        ),
    ),
    bug(
        "common-password-taken",
        "records/model/accounts.py",
        "A password that is easy to guess is refused.",
        "records.test.model.test_accounts.PasswordTests.test_common",
        ('if estimate["guesses"] < _ENOUGH_GUESSES:', 'if estimate["guesses"] < 1:'),
    ),
    bug(
        "all-places-for-one-source",
        "records/auth/hashing.py",
        "Nobody can take all logins.",
        "records.test.auth.test_hashing_queue.FloodTests",
        ("        if held >= at_most:\n", "        if held < 0:\n"),
    ),
)

ACCOUNTS: tuple[Bug, ...] = (*AUDIT, *SESSIONS, *PASSWORDS)
