"""Bugs in the process that hashes: its priority, its answers and its end."""

from __future__ import annotations

from tests.faults.planted_bug import Bug, bug

_HASHER = "records/auth/hasher_process.py"

HASHING: tuple[Bug, ...] = (
    bug(
        "hashes-before-requests",
        _HASHER,
        "Hashing has a lower priority than requests.",
        "records.test.auth.test_hasher_process.CallTests.test_niceness",
        ("        os.nice(NICENESS)\n", "        pass\n"),
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
            "        self._count += 1\n        frame",
            "        result.callback(call())\n        return result\n        frame",
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
        "records.test.auth.test_hasher_main.InsideTests.test_cannot_send",
        ("            self._socket.shutdown(SHUT_RDWR)\n", "            pass\n"),
    ),
    bug(
        "hasher-outlives-the-daemon",
        _HASHER,
        "When the daemon has died, the process that hashes ends at once.",
        "records.test.auth.test_hasher_main.InsideTests.test_daemon_gone",
        (
            "                threads.submit(self._run, number, call)\n",
            "                threads.submit(self._run, number, call)\n        threads.shutdown()\n",
        ),
    ),
    bug(
        "password-in-a-fault",
        _HASHER,
        "A fault tells nothing of the password that it came up with.",
        "records.test.auth.test_hasher_process.CallTests.test_errors",
        (
            "encode_frame((number, None, portable_error(error)))",
            "encode_frame((number, None, error))",
        ),
    ),
    bug(
        "hasher-writes-the-log",
        "records/runtime/forked.py",
        "Only the daemon writes its log.",
        "records.test.auth.test_hasher_process.LifeTests.test_log",
        ("        globalLogPublisher.removeObserver(observer)\n", "        pass\n"),
    ),
    bug(
        "stop-before-who-asked",
        _HASHER,
        "What a login leaves in the audit log is there, also at a stop.",
        "records.test.auth.test_hasher_process.StopTests.test_who_asked_comes_first",
        (
            "self._reactor.callLater(0, self._check_idle)  # callers",
            "self._check_idle()  # callers",
        ),
    ),
)
