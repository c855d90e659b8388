"""What one connection asks, in which order it is done, and the answers in that same order.

Owns the queue of the connection's requests. Consecutive reads go to the store together, and so do
consecutive writes; a change from one to the other waits for what is under way, so that everything
takes effect in the order sent. Who asks is `gateway.session`'s business. Knows nothing of bytes
on a wire: a line comes in, lines go out to the `Peer`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

from msgspec import UNSET, Raw
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from records.api.jsonrpc import (
    Batch,
    Malformed,
    Request,
    decode_params,
    encode_error,
    encode_result,
    parse,
)
from records.api.messages import (
    MAX_ANSWER,
    MAX_BYTES_UNDER_WAY,
    MAX_PAGE,
    MAX_UNDER_WAY,
    ListParams,
)
from records.gateway.session import Attendance, Services
from records.model.errors import (
    InternalError,
    MethodNotFound,
    NotAuthenticated,
    PermissionDenied,
    RecordsError,
)
from records.operations.boundaries import Done, Refused
from records.operations.methods import (
    METHODS,
    REVEAL,
    Method,
    Way,
    perform,
    perform_all,
    perform_encoded,
)
from records.operations.sessions import Caller
from records.runtime.faults import kind_of, whereabouts
from records.server.pending import AnswerLine, Task

MAX_WRITES = 16
"""How many writes of one connection are in the store among others' at a time: one in a crowd."""

MAX_READS = 16
"""How many reads go to the store in one piece."""

MAX_ROWS = 2 * MAX_PAGE
"""How many employees they may ask for in all: so many are held at a time, in full answers."""


class Peer(Protocol):
    """The other end, as a conversation sees it."""

    def send(self, line: bytes) -> None:
        """Send a line, whose end is not part of it."""

    def settled(self) -> None:
        """Told after some requests have been answered."""


class Nobody:
    """In the place of an other end that is gone."""

    def send(self, line: bytes) -> None: ...

    def settled(self) -> None: ...


NOBODY: Peer = Nobody()


class Conversation:
    """One connection's requests and answers.

    source: where the other end is, an address or "local".
    """

    _log = Logger()

    def __init__(self, services: Services, peer: Peer, source: str) -> None:
        self._services = services
        self._store = services.store
        self._peer = peer
        self._attendance = Attendance(services, source)
        self._lines: deque[AnswerLine] = deque()
        self._queue: deque[Task] = deque()
        self._way: Way | None = None  # of what is under way in the store, if anything is
        self._count = 0  # how many pieces of it there are
        self._held = False
        self._pumping = False
        self.under_way = 0
        """How many requests have been received and not yet been answered."""
        self._bytes_under_way = 0
        self._more_follows = False

    @property
    def _is_bulk(self) -> bool:
        return self.under_way > 1 or self._more_follows

    @property
    def is_anonymous(self) -> bool:
        """Whether nobody has logged in here, or has logged out."""
        return self._attendance.caller is None

    @property
    def is_full(self) -> bool:
        """Whether so much is under way that the next lines are to wait unread."""
        return self.under_way >= MAX_UNDER_WAY or self._bytes_under_way >= MAX_BYTES_UNDER_WAY

    def receive(self, line: bytes, more_follows: bool = False) -> int:
        """Take on what a line asks for, behind which more may have come. Never raises.

        Returns how many requests that were.
        """
        self._more_follows = more_follows
        message = parse(line)
        if type(message) is Request and self._answer_at_once(message):
            return 1
        is_batch = isinstance(message, Batch)
        members = message.members if isinstance(message, Batch) else (message,)
        answer = AnswerLine.of(len(members), is_batch, len(line))
        self._lines.append(answer)
        self.under_way += len(members)
        self._bytes_under_way += answer.size
        for place, member in enumerate(members):
            self._enter(answer, place, member)
        self._go_on()
        self._more_follows = False
        return len(members)

    def _answer_at_once(self, request: Request) -> bool:
        """Answer a point read in the fewest steps, if nothing else waits; whether that was done.

        It is what is asked most. Whatever is out of the ordinary is left to the ordinary way,
        which comes to the same.
        """
        method, caller = METHODS.get(request.method), self._attendance.caller
        if self._lines or self._held or caller is None or request.id is UNSET:
            return False
        if method is None or method.way is not Way.POINT:
            return False
        try:
            params = decode_params(request.params, method.decode)
            if method.form(params) is not method:
                return False
            value = self._store.read_now(perform, caller, method, params)
            answer = encode_result(request.id, value)
        except Exception:  # noqa: BLE001  it comes up again, and is told or logged there
            return False
        if len(answer) > MAX_ANSWER:
            return False
        self._attendance.used(caller)
        self._peer.send(answer)
        return True

    def refuse(self, error: RecordsError) -> None:
        """Answer, in its turn, to something that could not even be received."""
        answer = AnswerLine.of(1, False, 0)
        answer.put(0, encode_error(None, error))
        self._lines.append(answer)
        self.under_way += 1
        self._go_on()

    def hold(self) -> None:
        """Begin nothing more for now: the other end does not read its answers."""
        self._held = True

    def release(self) -> None:
        """Go on after `hold`."""
        self._held = False
        self._go_on()

    def lose(self) -> None:
        """The connection is gone. What has begun is finished; nothing else is begun."""
        self._peer = NOBODY
        self._attendance.lose()
        self._queue.clear()
        self._lines.clear()

    def _enter(self, line: AnswerLine, place: int, member: Request | Malformed) -> None:
        """Look at a request's method and params, and put it in the queue."""
        if isinstance(member, Malformed):
            line.put(place, encode_error(member.id, member.error))
            return
        try:
            method = METHODS.get(member.method)
            if method is None:
                raise MethodNotFound("There is no such method. See docs/protocol.md.")
            params = decode_params(member.params, method.decode)
        except RecordsError as error:
            line.put(place, b"" if member.id is UNSET else encode_error(member.id, error))
        else:
            rows = params.limit if isinstance(params, ListParams) else 1
            task = Task(line, place, member.id, method.form(params), member.params, rows)
            self._queue.append(task)

    def _go_on(self) -> None:
        """Begin what may begin, and send what can be sent."""
        if self._pumping:
            return  # called from within: the loop below sees what has changed
        self._pumping = True
        try:
            while self._queue and not self._held and self._begin(self._queue[0]):
                pass
        finally:
            self._pumping = False
        self._send()

    def _send(self) -> None:
        lines = self._lines
        answered = 0
        while lines and not lines[0].left:
            line = lines.popleft()
            answered += line.count
            self._bytes_under_way -= line.size
            encoded = line.encoded()
            if encoded:
                self._peer.send(encoded)
        if answered:
            self.under_way -= answered
            self._peer.settled()

    def _begin(self, task: Task) -> bool:
        """Begin the first task of the queue, if it may begin now. Returns whether it did."""
        way, caller = task.method.way, self._attendance.caller
        if self._count and not (way is Way.WRITE and self._way is Way.WRITE):
            return False
        if self._count and (self._count >= MAX_WRITES or self._store.is_crowded):
            return False
        if way is Way.ALONE:
            self._queue.popleft()
            work = self._attendance.perform(task.method, task.params, self._is_bulk)
            self._track(way, work, task)
        elif caller is None:
            self._queue.popleft()
            self._fail(task, NotAuthenticated("Nobody is logged in here. Log in first."))
        elif way is Way.WRITE:
            self._queue.popleft()
            self._attendance.used(caller)
            raw, bulk = bytes(task.raw), self._is_bulk
            written = self._store.write(perform_encoded, caller, task.method, raw, bulk=bulk)
            self._track(way, written, task)
        elif way is Way.POINT:
            self._queue.popleft()
            self._point(task, caller)
        else:
            self._read(caller)
        return True

    def _point(self, task: Task, caller: Caller) -> None:
        """Do a read of a few rows at once."""
        self._attendance.used(caller)
        try:
            value = self._store.read_now(perform, caller, task.method, task.params)
        except Exception as error:  # noqa: BLE001  mapped to a reply, or logged
            self._end_read(task, Done(error=error))
        else:
            self._settle(task, value)

    def _read(self, caller: Caller) -> None:
        """Hand the reads that stand first in the queue to the store, as one piece."""
        tasks: list[Task] = []
        asked: list[tuple[Method, Raw]] = []
        rows = 0
        while self._queue and len(tasks) < MAX_READS and rows < MAX_ROWS:
            task = self._queue[0]
            if task.method.way not in (Way.POINT, Way.READ):
                break
            rows += task.rows
            asked.append((task.method, task.raw))
            tasks.append(self._queue.popleft())
        self._attendance.used(caller)
        self._way, self._count = Way.READ, 1
        self._store.read(perform_all, caller, asked, bulk=self._is_bulk).addCallbacks(
            self._reads_done, self._reads_failed, callbackArgs=(tasks,), errbackArgs=(tasks,)
        ).addErrback(self._fault)

    def _reads_done(self, outcomes: list[Done], tasks: list[Task]) -> None:
        self._count -= 1
        for task, done in zip(tasks, outcomes, strict=True):
            self._end_read(task, done)
        self._go_on()

    def _reads_failed(self, failure: Failure, tasks: list[Task]) -> None:
        self._count -= 1
        for task in tasks:
            self._fail(task, failure.value)
        self._go_on()

    def _end_read(self, task: Task, done: Done) -> None:
        if isinstance(done.error, Refused):
            # A refusal that must leave a trace leaves it before it is answered.
            remember, error = done.error.remember, done.error.error.bare()
            written = self._store.write(remember.operation, *remember.args, bulk=self._is_bulk)
            self._track(Way.WRITE, written.addCallback(lambda _: Failure(error)), task)
        elif done.error is not None:
            self._fail(task, done.error)
        else:
            self._settle(task, done.value)

    def _track(self, way: Way, work: Deferred[Any] | Any, task: Task) -> None:
        """Keep account of a piece of work, and answer its task when it has ended."""
        self._way = way
        self._count += 1
        deferred = work if isinstance(work, Deferred) else Deferred.fromCoroutine(work)
        deferred.addCallbacks(
            self._work_done, self._work_failed, callbackArgs=(task,), errbackArgs=(task,)
        ).addErrback(self._fault)

    def _work_done(self, value: object, task: Task) -> None:
        if task.method is REVEAL and self._owes_a_wait(partial(self._work_ends, task, value)):
            return
        self._work_ends(task, value)

    def _work_ends(self, task: Task, value: object) -> None:
        self._count -= 1
        self._settle(task, value)
        self._go_on()

    def _work_failed(self, failure: Failure, task: Task) -> None:
        denied = isinstance(failure.value, PermissionDenied)
        if denied and self._owes_a_wait(partial(self._work_fails, task, failure.value)):
            return
        self._work_fails(task, failure.value)

    def _work_fails(self, task: Task, error: BaseException | None) -> None:
        self._count -= 1
        self._fail(task, error)
        self._go_on()

    def _owes_a_wait(self, end: Callable[[], None]) -> bool:
        """Whether what was just audited is to be answered later only: `end` is called then."""
        caller, services = self._attendance.caller, self._services
        if caller is None:
            return False
        wait = services.pace.delay(caller.session_id, services.seconds())
        if wait <= 0:
            return False
        services.wait(wait).addCallback(lambda _: end()).addErrback(self._fault)
        return True

    def _settle(self, task: Task, value: object) -> None:
        if task.id is UNSET:
            task.line.put(task.place, b"")
            return
        try:
            answer = encode_result(task.id, value)
        except Exception as error:  # noqa: BLE001  damaged data, say: mapped to a reply, and logged
            self._fail(task, error)
            return
        if len(answer) > MAX_ANSWER:
            too_long = InternalError("This answer is too long. Ask for less at a time.")
            answer = encode_error(task.id, too_long)
        task.line.put(task.place, answer)

    def _fail(self, task: Task, error: BaseException | None) -> None:
        told = self._reply(error, task.method)
        task.line.put(task.place, b"" if task.id is UNSET else encode_error(task.id, told))

    def _reply(self, error: BaseException | None, method: Method) -> RecordsError:
        """What is answered to an error: the one place where that is decided."""
        if isinstance(error, RecordsError):
            return error
        self._log.error(
            "A fault in {method}: {kind} at {where}",
            method=method.name,
            kind=kind_of(error),
            where=whereabouts(error),
        )
        return InternalError("The daemon has made a mistake; its log says which.")

    def _fault(self, failure: Failure) -> None:
        """A mistake in this module itself, which must not pass in silence."""
        self._log.critical(
            "A fault in a conversation: {kind} at {where}",
            kind=kind_of(failure.value),
            where=whereabouts(failure.value),
        )
