"""While the service runs: certificates that are exchanged, and what is done every hour."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from records.api.messages import NoParams
from records.client.connection import Connection
from records.daemon.bootstrap import now
from records.daemon.service import SWEEP_EVERY, WARN_DAYS
from records.model.accounts import SessionLimits, session_id
from records.model.fields import STANDARD
from records.operations.boundaries import KeptOutcome, Transaction, Work
from records.operations.sessions import OUTCOMES_KEPT
from records.store.sqlite.database import SqliteDatabase
from records.test.daemon.service_case import ServiceCase
from records.testing import FakeTime
from records.tls.keys import KeyFiles, days_left, make_certificate, prepare_keys

DAY = timedelta(days=1)


class UpkeepCase(ServiceCase):
    """A service whose certificate the test exchanges."""

    def setUp(self) -> None:
        super().setUp()
        self.files = self.places.keys

    def hour(self) -> None:
        """Let an hour pass."""
        self.events.clear()
        self.reactor.advance(SWEEP_EVERY)
        self.turn()

    def on_hangup(self) -> None:
        """Have it told to load its certificate anew."""
        self.events.clear()
        (call,) = self.hang_ups
        call()

    def put(self, days: float) -> None:
        """Put a certificate in place that has this many days left."""
        make_certificate(self.files, ["localhost"], now() - timedelta(days=365 - days))

    def put_foreign(self, days: float) -> None:
        """Put one in place that a company made, which is not ours to renew."""
        for path in self.files.every:
            path.unlink(missing_ok=True)
        prepare_keys(self.files, ["localhost"], now() - timedelta(days=365 - days))
        self.files.ca_key.unlink()

    def put_broken(self) -> bytes:
        """Put a key in place that is another's, and return the right one."""
        right = self.files.key.read_bytes()
        other = KeyFiles(Path(self.mktemp()))
        prepare_keys(other, ["localhost"], now())
        self.files.key.write_bytes(other.key.read_bytes())
        return right

    def shown_serial(self) -> int:
        """What a new connection is shown."""
        self.dialled()
        return self.serial()


class HangUpTests(UpkeepCase):
    """SIGHUP: what is now in the keys' folder counts."""

    def test_new_connections(self) -> None:
        """New connections are shown the new certificate, and those that are there go on."""
        self.started()
        before = self.dialled()
        old = self.serial()
        self.put(100)
        self.assertEqual(self.shown_serial(), old)
        self.on_hangup()
        self.assertNotEqual(self.shown_serial(), old)
        self.assertIn(b"records", bytes(self.result_of(before.request("server.info", NoParams()))))
        (line,) = self.events.ours()
        end = now() + timedelta(days=100)
        near = [f"{end + part:%F}" for part in (-DAY, 0 * DAY, DAY)]
        self.assertTrue(line.startswith("info: Certificate loaded"), line)
        self.assertIn(line[-10:], near)

    def test_unusable(self) -> None:
        """What cannot be used is told as an error, the old certificate stays, and all goes on."""
        self.started()
        self.dialled()
        old = self.serial()
        right = self.put_broken()
        self.on_hangup()
        (why,) = self.events.of("error")
        self.assertIn("The certificate stays as it was", why)
        self.assertIn("is not the key of", why)
        self.assertEqual(self.shown_serial(), old)
        self.files.key.write_bytes(right)
        self.on_hangup()
        self.assertEqual(self.events.of("error"), [])
        self.assertEqual(self.shown_serial(), old)

    def test_gone(self) -> None:
        """So it is when the folder is gone."""
        self.started()
        self.dialled()
        for path in self.files.every:
            path.unlink()
        self.files.folder.rmdir()
        self.files.folder.write_bytes(b"in the way")
        self.on_hangup()
        self.assertEqual(len(self.events.of("error")), 1)

    def test_due(self) -> None:
        """A certificate of ours that is about to end is renewed on that occasion."""
        self.started()
        self.put(20)
        self.on_hangup()
        self.assertGreater(days_left(self.files, now()), 300)
        self.dialled()


class HourlyTests(UpkeepCase):
    """House-keeping."""

    def write(self, *works: Work) -> None:
        """Change the database behind the service's back."""
        writer = SqliteDatabase(
            self.places.database, FakeTime(self.time.now), catalogue=STANDARD
        ).writer()
        try:
            for done in writer.run(works):
                self.assertIsNone(done.error)
        finally:
            writer.close()

    def test_sweep(self) -> None:
        """Sessions that have ended, and old outcomes, are forgotten within the hour."""
        self.started(sessions=SessionLimits(idle=600))
        connection = Connection(self.dial, self.reactor, lambda _: None)
        token = self.result_of(connection.login("admin", self.first_password())).token
        kept = KeptOutcome(1, "a key", self.time.now, b"", "{}")
        self.write(Work(lambda tx: tx.journal.keep_outcome(kept)))

        def left(tx: Transaction) -> tuple[bool, bool]:
            session = tx.accounts.session(session_id(token))
            return session is not None, tx.journal.outcome(1, "a key") is not None

        self.assertEqual(self.look(left), (True, True))
        self.time.advance(601)
        self.hour()
        self.until(lambda: self.look(left) == (False, True))
        self.time.advance(OUTCOMES_KEPT + 1)
        self.hour()
        self.until(lambda: self.look(left) == (False, False))
        self.assertEqual(self.events.ours(), [])

    def test_at_the_start(self) -> None:
        """The first time is at the start."""
        first = self.started()
        connection = Connection(self.dial, self.reactor, lambda _: None)
        token = self.result_of(connection.login("admin", self.first_password())).token
        self.stop(first)
        self.time.advance(24 * 60 * 60)
        self.started()
        self.until(lambda: self.look(lambda tx: tx.accounts.session(session_id(token))) is None)

    def test_renewal(self) -> None:
        """A certificate of ours that is about to end is renewed, and used."""
        self.started()
        self.put(20)
        self.hang_ups.clear()
        self.hour()
        self.assertGreater(days_left(self.files, now()), 300)
        self.assertEqual(len(self.events.of("info")), 1)
        self.assertEqual((self.events.of("warn"), self.events.of("error")), ([], []))
        renewed = self.shown_serial()
        self.hour()
        self.assertEqual(self.events.ours(), [])
        self.assertEqual(self.shown_serial(), renewed)

    def test_warning(self) -> None:
        """A company's own certificate is warned of every hour once it is near its end."""
        self.started()
        self.put_foreign(WARN_DAYS + 2.5)
        self.hour()
        self.assertEqual(self.events.ours(), [])
        for days in (WARN_DAYS, 0):
            self.put_foreign(days + 0.5)
            for _ in range(2):
                self.hour()
                self.assertEqual(
                    self.events.ours(), [f"warn: The server's certificate ends in {days} days"]
                )

    def test_ended(self) -> None:
        """One that has ended is told as such, and not as ending in less than no days."""
        self.started()
        self.put_foreign(-2.5)
        self.hour()
        told = [*self.events.of("warn"), *self.events.of("error")]
        self.assertEqual(len(told), 1)
        self.assertNotIn("-", told[0])

    def test_attention(self) -> None:
        """Keys that have become unusable are told of every hour, and all goes on."""
        self.started()
        self.files.key.chmod(0o644)
        for _ in range(2):
            self.hour()
            (line,) = self.events.ours()
            self.assertTrue(line.startswith("error: The keys need attention: "), line)
            self.assertIn("0644", line)
        self.dialled()
        self.files.key.chmod(0o600)
        self.hour()
        self.assertEqual(self.events.ours(), [])

    def test_not_swept(self) -> None:
        """A sweep that fails is reported, and tried again after an hour."""
        store = self.started()._store
        assert store is not None
        self.result_of(store.write(lambda tx: None))  # after the first sweep
        writer = SqliteDatabase(self.places.database, FakeTime(), catalogue=STANDARD).writer()
        connection = writer._connection
        self.addCleanup(writer.close)
        connection.execute(
            "CREATE TRIGGER no BEFORE DELETE ON outcomes BEGIN SELECT raise(ABORT, 'no'); END"
        )
        kept = KeptOutcome(1, "a key", 0, b"", "{}")
        self.write(Work(lambda tx: tx.journal.keep_outcome(kept)))
        self.hour()
        self.until(lambda: self.events.of("warn"))
        self.assertEqual(
            self.events.of("warn"),
            ["Ended sessions could not be cleared out: ConstraintError"],
        )
        connection.execute("DROP TRIGGER no")
        self.hour()
        self.until(lambda: self.look(lambda tx: tx.journal.outcome(1, "a key")) is None)
        self.assertEqual(self.events.ours(), [])
