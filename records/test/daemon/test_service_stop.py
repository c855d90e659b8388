"""The service's end: in order, within its deadline, or because the store cannot go on."""

from __future__ import annotations

import os
from threading import Event
from typing import Any

from twisted.internet.defer import Deferred

from records.api.messages import AddParams, LoginParams
from records.client.protocol import Lost
from records.daemon.bootstrap import lock
from records.daemon.service import RecordsService
from records.model.errors import OutcomeUnknown
from records.operations.boundaries import CommitUnknown
from records.test.auth.hashing_case import PlainHasher
from records.test.daemon.service_case import LISTEN, ServiceCase
from records.test.samples import ANN
from records.test.store.dispatch_case import WriterThread


class HeldHasher(PlainHasher):
    """One that compares no passwords until it may."""

    def __init__(self) -> None:
        super().__init__()
        self.begun, self.go_on = Event(), Event()

    def verify(self, password: str, hashed: str) -> bool:
        """See `PasswordHasher`."""
        self.begun.set()
        self.go_on.wait(20)
        return super().verify(password, hashed)


class StopCase(ServiceCase):
    """A service that is stopped or breaks while something is under way."""

    def outcome(self, deferred: Deferred[Any]) -> list[Any]:
        """What comes out of it, once it does; failures as their exceptions."""
        found: list[Any] = []
        deferred.addCallbacks(found.append, lambda failure: found.append(failure.value))
        return found

    def writing(self) -> list[Any]:
        """Somebody adds an employee, and the thread that writes is held. The answer, later."""
        connection = self.logged_in()
        client = connection._protocol
        assert client is not None
        self.time.go_on.clear()
        return self.outcome(client.request("employee.add", AddParams(employee=dict(ANN), key="k")))

    def added(self) -> bool:
        """Whether the employee is in the database."""
        return self.look(lambda tx: tx.employees.get(1)) is not None

    def all_closed(self, service: RecordsService) -> None:
        """Nothing of a stopped service is left."""
        self.assertFalse([port for port in self.reactor.ports if port.is_open])
        self.assertEqual(service.ports, ())
        self.assertEqual(self.left_running(), [])
        data = self.places.data
        self.assertEqual(
            sorted(path.name for path in data.iterdir() if path.name != "first-password"),
            ["lock", "records.sqlite"],
        )
        self.assertEqual(self.events.ours()[-1], "info: Stopped")
        os.close(lock(self.places, ()))
        self.assertEqual(self.reactor.getDelayedCalls(), [])


class StopTests(StopCase):
    """A stop."""

    def test_idle(self) -> None:
        """A service that nobody uses closes its ports, threads and database, and frees the lock."""
        service = self.started(LISTEN, "tcp:7444")
        self.stop(service)
        self.assertFalse(service.running)
        self.all_closed(service)

    def test_lock(self) -> None:
        """The writer holds the lock as well, and so until its own end."""
        service = self.started()
        store = service._store
        assert store is not None
        writer = store._writer
        assert isinstance(writer, WriterThread)
        (kept,) = writer.keep
        self.assertTrue(os.path.sameopenfile(kept, service._lock))  # type: ignore[arg-type]

    def test_connected(self) -> None:
        """Connections on which nothing is under way are closed at once."""
        service = self.started()
        connection = self.logged_in()
        client = connection._protocol
        assert client is not None
        self.stop(service)
        self.assertIsNotNone(client.lost)
        self.all_closed(service)

    def test_handshake(self) -> None:
        """Whoever is still silent is waited for no longer than the deadline."""
        service = self.started(stop=3)
        end = self.connected()
        stopped = self.outcome(service.stopService())
        self.reactor.advance(3)
        self.until(lambda: stopped)
        self.assertIsNotNone(end.error)
        self.all_closed(service)

    def test_finishes(self) -> None:
        """A change that is under way is made and answered before the end."""
        service = self.started()
        answer = self.writing()
        self.turn()
        stopped = self.outcome(service.stopService())
        self.turn()
        self.assertEqual((answer, stopped), ([], []))
        self.assertFalse(self.reactor.ports[-1].is_open)
        self.time.go_on.set()
        self.until(lambda: stopped)
        self.assertEqual(stopped, [None])
        self.assertIn(b'"id":1', bytes(answer[0]))
        self.assertTrue(self.added())
        self.assertEqual(self.events.of("warn"), [])
        self.all_closed(service)

    def test_logging_in(self) -> None:
        """A password that is being compared is answered before the end."""
        self.hasher = held = HeldHasher()
        self.addCleanup(held.go_on.set)
        service = self.started()
        client = self.dialled()
        params = LoginParams(username="admin", password=self.first_password())
        answer = self.outcome(client.request("login", params))
        self.until(held.begun.is_set)
        stopped = self.outcome(service.stopService())
        self.turn()
        self.assertEqual((answer, stopped), ([], []))
        held.go_on.set()
        self.until(lambda: stopped)
        self.assertIn(b'"token"', bytes(answer[0]))
        self.all_closed(service)

    def test_nobody_new(self) -> None:
        """While it stops, whoever is on the way to connect is hung up on."""
        service = self.started()
        self.writing()
        self.turn()
        stopped = self.outcome(service.stopService())
        self.assertIsNotNone(self.connected().error)
        self.time.go_on.set()
        self.until(lambda: stopped)

    def test_deadline(self) -> None:
        """After the deadline connections are ended; what was submitted is made all the same."""
        service = self.started(stop=5)
        answer = self.writing()
        self.turn()
        stopped = self.outcome(service.stopService())
        self.reactor.advance(4.9)
        self.turn()
        self.assertEqual((answer, stopped, self.events.of("warn")), ([], [], []))
        self.reactor.advance(0.1)
        self.until(lambda: answer)
        self.assertIsInstance(answer[0], Lost)
        self.assertEqual(
            self.events.of("warn"), ["Some requests did not finish in time. Connections ended: 1"]
        )
        self.turn()
        self.assertEqual(stopped, [])
        self.time.go_on.set()
        self.until(lambda: stopped)
        self.assertEqual(stopped, [None])
        self.assertTrue(self.added())
        self.all_closed(service)

    def test_port_fails(self) -> None:
        """A port that cannot be closed well keeps nothing else from being closed."""
        service = self.started(LISTEN, "tcp:7444")
        self.reactor.ports[0].fault = OSError("no")
        self.stop(service)
        self.assertEqual(self.events.of("warn"), ["A port did not close well: OSError"])
        self.all_closed(service)

    def test_fault(self) -> None:
        """A stop comes to an end whatever goes wrong in it: the reactor waits for that."""
        service = self.started()
        self.reactor.ports[0].fault = LookupError("no")
        stopped = self.outcome(service.stopService())
        self.until(lambda: stopped)

    def test_before_the_start(self) -> None:
        """Stopping what was never started does nothing."""
        service = self.service()
        self.stop(service)
        self.assertFalse(self.places.data.exists())

    def test_twice(self) -> None:
        """A second stop finds nothing to do, and takes nothing from anybody."""
        service = self.started()
        self.stop(service)
        self.stop(service)
        self.all_closed(service)

    def test_twice_at_once(self) -> None:
        """A second stop while the first waits ends with it."""
        service = self.started()
        answer = self.writing()
        self.turn()
        first = self.outcome(service.stopService())
        second = self.outcome(service.stopService())
        self.time.go_on.set()
        self.until(lambda: first and second)
        self.assertEqual((first, second), ([None], [None]))
        self.assertIn(b'"id":1', bytes(answer[0]))
        self.all_closed(service)


class FatalTests(StopCase):
    """The store cannot go on: whether what it was doing is durable cannot be known."""

    def broken(self, service: RecordsService) -> list[Any]:
        """Somebody's change is under way while the store breaks. The answer."""
        answer = self.writing()
        self.turn()
        self.time.fault = CommitUnknown("IOError")
        self.time.go_on.set()
        self.until(lambda: answer)
        return answer

    def test_answered(self) -> None:
        """A waiting client is told that it is not known; the process ends as a failed one."""
        service = self.started()
        (error,) = self.broken(service)
        self.assertIsInstance(error, OutcomeUnknown)
        self.turn()
        self.assertEqual(self.given_up, [True])
        self.assertTrue(self.reactor.hasStopped)
        self.assertEqual(
            [line for line in self.events.ours() if line.startswith("critical")],
            ["critical: Stopping: whether the last changes are durable cannot be known"],
        )
        self.assertEqual(len(self.flushLoggedErrors(CommitUnknown)), 1)

    def test_then_stopped(self) -> None:
        """The stop that follows closes what there is, and frees the lock."""
        service = self.started()
        self.broken(service)
        self.stop(service)
        self.flushLoggedErrors(CommitUnknown)
        self.assertEqual(self.left_running(), [])
        os.close(lock(self.places, ()))
        self.assertEqual(self.given_up, [True])
        self.assertEqual(self.events.ours()[-1], "info: Stopped")

    def test_what_was_answered(self) -> None:
        """What was answered before is there; what was under way, in this case, is not."""
        service = self.started()
        self.broken(service)
        self.stop(service)
        self.flushLoggedErrors(CommitUnknown)
        self.assertFalse(self.added())
        account = self.look(lambda tx: tx.accounts.named("admin"))
        assert account is not None
        self.assertFalse(account.must_change_password)

    def test_in_the_hour(self) -> None:
        """Until the reactor stops, house-keeping tells that it is refused, and no more."""
        service = self.started()
        self.broken(service)
        self.flushLoggedErrors(CommitUnknown)
        self.events.clear()
        self.reactor.advance(60 * 60)
        self.assertIn("Ended sessions could not be cleared out: Busy", self.events.of("warn"))
        self.stop(service)
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_during_a_stop(self) -> None:
        """If it happens while the reactor stops already, it is not told to a second time."""
        service = self.started()
        answer = self.writing()
        self.turn()
        self.reactor.stop()
        stopped = self.outcome(service.stopService())
        self.time.fault = CommitUnknown("IOError")
        self.addCleanup(self.flushLoggedErrors, CommitUnknown)
        self.time.go_on.set()
        self.until(lambda: stopped)
        self.turn()
        self.assertIsInstance(answer[0], OutcomeUnknown)
        self.assertEqual(stopped, [None])
        self.assertEqual(self.given_up, [True])


class HashingFailsTests(StopCase):
    """Nothing can be hashed any more: whoever is logged in is served to the end."""

    def test_stops(self) -> None:
        """What is under way is made and answered; the process ends as a failed one."""
        service = self.started()
        answer = self.writing()
        self.turn()
        self.hashing[-1].break_down("the process has ended: signal 9")
        self.turn()
        self.assertEqual(self.given_up, [True])
        self.assertTrue(self.reactor.hasStopped)
        stopped = self.outcome(service.stopService())
        self.time.go_on.set()
        self.until(lambda: stopped)
        self.assertIn(b'"id":1', bytes(answer[0]))
        self.assertEqual(
            self.events.of("critical"),
            ["Stopping: nobody can log in any more: the process has ended: signal 9"],
        )
        self.all_closed(service)

    def test_during_a_stop(self) -> None:
        """If it happens while the reactor stops already, it is not told to a second time."""
        service = self.started()
        self.writing()
        self.turn()
        self.reactor.stop()
        stopped = self.outcome(service.stopService())
        self.hashing[-1].break_down("the process has ended: signal 9")
        self.turn()
        self.time.go_on.set()
        self.until(lambda: stopped)
        self.assertEqual((stopped, self.given_up), ([None], [True]))
