"""Bugs in who hashes: how far he stays behind, that nobody starves there, and how it ends."""

from __future__ import annotations

from tests.faults.planted_bug import Bug, bug

_HASHER = "records/auth/hasher_process.py"
_PATIENCE = "records/auth/patience.py"
_PATIENT = "records.test.auth.test_patience.PatienceTests"

HASHING: tuple[Bug, ...] = (
    bug(
        "hashes-before-requests",
        _PATIENCE,
        "Hashing takes only what nobody else wants.",
        "records.test.auth.test_patience.ThreadsTests.test_niceness",
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
        _HASHER,
        "A stop waits for the logins that are under way.",
        "records.test.auth.test_hasher_process.StopTests.test_in_time",
        (
            "        if not self._awaited:\n            return succ",
            "        if True:\n            return succ",
        ),
    ),
    bug(
        "hashes-in-the-way",
        _HASHER,
        "Nobody waits for the interpreter's lock of a thread that hashes.",
        "records.test.auth.test_hasher_process.CallTests.test_niceness",
        (
            "        self._count += 1\n        parcel",
            "        result.callback(call())\n        return result\n        parcel",
        ),
    ),
    bug(
        "nobody-can-log-in",
        "records/daemon/service.py",
        "A daemon at which nobody can log in any more ends, and says why.",
        "records.test.daemon.test_service_stop.HashingFailsTests.test_stops",
        ("        hashing.failed.addErrback(self._cannot_hash)\n", ""),
    ),
    bug(
        "login-never-answered",
        _HASHER,
        "Whoever waits for a password to be compared is answered, whatever happens.",
        "records.test.auth.test_hasher_process.EndTests.test_killed",
        ("        for result in waiting.values():\n", "        for result in ():\n"),
    ),
    bug(
        "hasher-falls-silent",
        _HASHER,
        "Whoever waits for a password to be compared is answered, whatever happens.",
        "records.test.auth.test_hasher_main.InsideTests.test_unreadable",
        ("            self._break_down(error)\n", "            pass\n"),
    ),
    bug(
        "hasher-writes-the-log",
        _HASHER,
        "Only the daemon writes to its log.",
        "records.test.auth.test_hasher_process.LifeTests.test_log",
        ("        globalLogPublisher.removeObserver(observer)\n", "        pass\n"),
    ),
    bug(
        "password-in-a-fault",
        _HASHER,
        "A fault tells nothing of the password that it came up with.",
        "records.test.auth.test_hasher_process.CallTests.test_errors",
        ("error = portable(outcome.value) if", "error = outcome.value if"),
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
        "records/auth/login.py",
        "Nobody keeps Python's lock where he gets no processor.",
        "records.test.auth.test_password_change.ChangeTests.test_lock",
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
        "login-starves-beside-others",
        _PATIENCE,
        "A login gets on, also beside others that began later.",
        f"{_PATIENT}.test_taken_for_long",
        ("elif starved < LOOKS and self._is_taken():", "elif self._is_taken():"),
    ),
    bug(
        "stop-before-who-asked",
        _HASHER,
        "What a login leaves in the audit log is there, also at a stop.",
        "records.test.auth.test_hasher_process.StopTests.test_who_asked_comes_first",
        ("self._reactor.callLater(0, self._tell_at_rest)  # who", "self._tell_at_rest()  # who"),
    ),
)
