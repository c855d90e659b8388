"""Bugs in the threads that hash: how far they stay behind, and that nobody starves there."""

from __future__ import annotations

from tests.faults.planted_bug import Bug, bug

_PATIENCE = "records/patience.py"
_PATIENT = "records.test.test_patience.PatienceTests"

HASHING: tuple[Bug, ...] = (
    bug(
        "hashes-before-requests",
        _PATIENCE,
        "Hashing takes only what nobody else wants.",
        "records.test.test_patience.ThreadsTests.test_niceness",
        ("self._far, with_niceness, FAR, call", "self._far, with_niceness, 0, call"),
    ),
    bug(
        "login-starves",
        _PATIENCE,
        "A login gets on, whatever others do.",
        f"{_PATIENT}.test_starves",
        ("        if has - had >= SHARE * LOOK:\n", "        if has >= had:\n"),
    ),
    bug(
        "logins-drive-each-other",
        _PATIENCE,
        "Hashing stays behind when others have gone.",
        f"{_PATIENT}.test_taken_by_near",
        ("elif starved < LOOKS and self._is_taken():", "elif starved < 0:"),
    ),
    bug(
        "stop-cuts-hashing-off",
        _PATIENCE,
        "A stop leaves no thread that gets on.",
        "records.test.test_patience.ThreadsTests.test_stop",
        ("if not self._awaited:", "if self._at_rest:"),
    ),
    bug(
        "login-starves-after-a-good-begin",
        _PATIENCE,
        "A login gets on, also if others come later.",
        f"{_PATIENT}.test_starves_later",
        (
            "            self.look_later(has)\n        elif",
            "            self.look_later(had)\n        elif",
        ),
    ),
    bug(
        "lock-held-far-behind",
        _PATIENCE,
        "Nobody keeps Python's lock where he gets no processor.",
        f"{_PATIENT}.test_holds_lock",
        ("if holds_lock or not self._free:", "if not self._free:"),
    ),
    bug(
        "lock-not-told",
        "records/passwords.py",
        "Nobody keeps Python's lock where he gets no processor.",
        "records.test.test_passwords_change.ChangeTests.test_lock",
        ("                holds_lock=True,\n", ""),
    ),
    bug(
        "no-thread-second-time-fails",
        _PATIENCE,
        "A login that starves and finds no second thread goes on in the first.",
        f"{_PATIENT}.test_cannot_run_again",
        ("        if watched.has_begun:\n", "        if watched:\n"),
    ),
    bug(
        "stop-waits-for-who-starves",
        _PATIENCE,
        "A stop does not wait for a hash that nobody wants any more.",
        "records.test.test_patience.ThreadsTests.test_starves",
        ("        if self._patience.is_idle:\n", "        if self._far:\n"),
    ),
    bug(
        "login-starves-beside-others",
        _PATIENCE,
        "A login gets on, also beside others that began later.",
        f"{_PATIENT}.test_taken_for_long",
        ("elif starved < LOOKS and self._is_taken():", "elif self._is_taken():"),
    ),
    bug(
        "stop-before-who-asked",
        _PATIENCE,
        "What a login leaves in the audit log is there, also at a stop.",
        f"{_PATIENT}.test_finish",
        ("self._clock.callLater(0, self._tell_at_rest)  # who", "self._tell_at_rest()  # who"),
    ),
)
