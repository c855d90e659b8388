"""One request of each kind that writes, and how to tell afterwards what has become of it.

Owns what each is, what its one effect is, and how it is repeated. Knows nothing of faults.
"""

from __future__ import annotations

import json
import ssl
from dataclasses import dataclass, field
from typing import Any

from records.auth.hashing import BcryptHasher
from records.model.accounts import session_id
from records.model.audit import Outcome
from records.operations.boundaries import Transaction
from tests.daemon_case import PASSWORD
from tests.faults.injected_scene import Scene
from tests.wire import Refusal, Wire, request

Answer = dict[str, Any]


@dataclass
class Asked:
    """A request, and how everything was before it. token: whose; facts: for its kind alone."""

    method: str
    params: dict[str, Any]
    token: str | None
    seq: int
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def line(self) -> bytes:
        """What is sent."""
        return request(self.method, **self.params)


def read_answer(wire: Wire) -> Answer | None:
    """The answer, or None if the connection ended without one."""
    try:
        line = wire.line()
    except (ConnectionError, ssl.SSLError):
        return None
    return json.loads(line) if line.endswith(b"\n") else None


def reason_of(answer: Answer | None) -> str:
    """`ok`, or why not; `nothing` if there was no answer."""
    if answer is None:
        return "nothing"
    return "ok" if "result" in answer else str(answer["error"]["data"]["reason"])


class Kind:
    """A kind of request.

    done: the reason that it is answered with if all is well. has_state: whether what it did can
    be seen, whatever the answer was, and to repeat it does not do it again. is_lasting: whether
    it can be seen for ever. is_first: whether it is to be a daemon's first change.
    """

    name = ""
    action = ""
    outcome = Outcome.OK
    done = "ok"
    has_state = False
    is_lasting = False
    is_first = False

    def prepare(self, scene: Scene) -> Asked:
        """Make the next one, unlike any before."""
        raise NotImplementedError

    def subject(self, asked: Asked) -> str:
        """Whom its audit entry is about."""
        return f"employee:{asked.params['id']}"

    def effects(self, scene: Scene, asked: Asked) -> int:
        """How often it has been done."""

        def count(tx: Transaction) -> int:
            events = [entry.event for entry in tx.journal.entries(asked.seq)]
            wanted = (self.action, self.subject(asked), self.outcome)
            return sum((each.action, each.subject, each.outcome) == wanted for each in events)

        return scene.read(count)

    def shows(self, scene: Scene, asked: Asked, answer: Answer | None) -> bool:
        """Whether it looks done to its users."""
        raise NotImplementedError

    def repeat(self, scene: Scene, asked: Asked) -> str:
        """Ask again; the reason. With a key that is the same request."""
        wire = scene.wire(asked.token)
        try:
            wire.send(asked.line)
            return reason_of(read_answer(wire))
        finally:
            wire.close()

    def settled(self, scene: Scene, asked: Asked) -> None:
        """It is done, in the end."""


class Add(Kind):
    """`employee.add`."""

    name, action = "add", "employee.add"
    has_state = is_lasting = True

    def prepare(self, scene: Scene) -> Asked:
        number = scene.next()
        person = {"id": 1000 + number, "given_name": "Ann", "title": f"Clerk {number}"}
        params = {"employee": person, "key": f"add {number}"}
        return Asked("employee.add", params, scene.token, scene.head().seq)

    def subject(self, asked: Asked) -> str:
        return f"employee:{asked.params['employee']['id']}"

    def shows(self, scene: Scene, asked: Asked, answer: Answer | None) -> bool:
        person = asked.params["employee"]
        return scene.title(person["id"]) == (1, person["title"])


class Update(Kind):
    """`employee.update`."""

    name, action = "update", "employee.update"
    has_state = True

    def prepare(self, scene: Scene) -> Asked:
        number = scene.next()
        revision, _ = scene.title(1)
        changes = {"title": f"Clerk {number}"}
        params = {"id": 1, "revision": revision, "changes": changes, "key": f"update {number}"}
        return Asked("employee.update", params, scene.token, scene.head().seq)

    def shows(self, scene: Scene, asked: Asked, answer: Answer | None) -> bool:
        after = (asked.params["revision"] + 1, asked.params["changes"]["title"])
        return scene.title(1) == after


class Delete(Kind):
    """`employee.delete`."""

    name, action = "delete", "employee.delete"
    has_state = is_lasting = True

    def prepare(self, scene: Scene) -> Asked:
        number = scene.next()
        person = {"id": 1000 + number, "given_name": "Ann", "salary": "64000.00 USD"}
        scene.ask("employee.add", employee=person)
        params = {"id": 1000 + number, "revision": 1, "key": f"delete {number}"}
        return Asked("employee.delete", params, scene.token, scene.head().seq)

    def shows(self, scene: Scene, asked: Asked, answer: Answer | None) -> bool:
        return scene.title(asked.params["id"])[0] == 0


class Reveal(Kind):
    """`employee.get` of a masked field."""

    name, action = "reveal", "employee.reveal"

    def prepare(self, scene: Scene) -> Asked:
        params = {"id": 1, "reveal": ["salary"]}
        return Asked("employee.get", params, scene.token, scene.head().seq)

    def shows(self, scene: Scene, asked: Asked, answer: Answer | None) -> bool:
        return answer is not None and "***" not in json.dumps(answer.get("result", "***"))


class Denied(Kind):
    """A request that is denied, which is to be noted."""

    name, action = "denied", "employee.update"
    outcome, done = Outcome.DENIED, "permission-denied"

    def prepare(self, scene: Scene) -> Asked:
        changes = {"title": "Chief"}
        params = {"id": 1, "revision": 1, "changes": changes, "key": f"denied {scene.next()}"}
        return Asked("employee.update", params, scene.clerk_token, scene.head().seq)

    def shows(self, scene: Scene, asked: Asked, answer: Answer | None) -> bool:
        return reason_of(answer) == self.done


class Login(Kind):
    """`login`."""

    name, action = "login", "login"
    is_lasting = True

    def prepare(self, scene: Scene) -> Asked:
        params = {"username": "admin", "password": PASSWORD}
        return Asked("login", params, None, scene.head().seq)

    def subject(self, asked: Asked) -> str:
        return "user:admin"

    def shows(self, scene: Scene, asked: Asked, answer: Answer | None) -> bool:
        if reason_of(answer) != "ok":
            return False
        assert answer is not None
        scene.wire(answer["result"]["token"]).close()
        return True


class Logout(Kind):
    """`logout`."""

    name, action = "logout", "logout"
    has_state = is_lasting = True

    def prepare(self, scene: Scene) -> Asked:
        wire = scene.wire()
        token = wire.ask("login", username="admin", password=PASSWORD)["token"]
        wire.close()
        return Asked("logout", {}, token, scene.head().seq)

    def subject(self, asked: Asked) -> str:
        return "user:admin"

    def shows(self, scene: Scene, asked: Asked, answer: Answer | None) -> bool:
        return not _is_good(scene, asked.token)

    def repeat(self, scene: Scene, asked: Asked) -> str:
        return super().repeat(scene, asked) if _is_good(scene, asked.token) else "ok"


def _is_good(scene: Scene, token: str | None) -> bool:
    """Whether a session can be gone on with."""
    try:
        scene.wire(token).close()
    except Refusal as refusal:
        if refusal.reason != "not-authenticated":
            raise
        return False
    return True


class PasswordChange(Kind):
    """`password.change`, of the clerk's, who has one session."""

    name, action = "password.change", "password.change"
    has_state = True

    def prepare(self, scene: Scene) -> Asked:
        new = f"seven quiet herons wade {scene.next()} times"
        params = {"current": scene.clerk_password, "new": new}
        return Asked("password.change", params, scene.clerk_token, scene.head().seq)

    def subject(self, asked: Asked) -> str:
        return "user:clerk"

    def shows(self, scene: Scene, asked: Asked, answer: Answer | None) -> bool:
        """By the hash: logging in with what is wrong would only be slowed."""
        account = scene.read(lambda tx: tx.accounts.named("clerk"))
        assert account is not None
        hasher = BcryptHasher(10)
        good = [hasher.verify(asked.params[each], account.password_hash) for each in asked.params]
        assert sorted(good) == [False, True]  # one of the two, and not both
        return good[1]

    def repeat(self, scene: Scene, asked: Asked) -> str:
        return "ok" if self.shows(scene, asked, None) else super().repeat(scene, asked)

    def settled(self, scene: Scene, asked: Asked) -> None:
        scene.clerk_password = asked.params["new"]


class Resume(Kind):
    """`resume`, which notes when its session was last used."""

    name = "resume"

    def prepare(self, scene: Scene) -> Asked:
        before = self._used_at(scene)
        params = {"token": scene.token}
        return Asked("resume", params, None, scene.head().seq, {"used_at": before})

    def _used_at(self, scene: Scene) -> int:
        found = scene.read(lambda tx: tx.accounts.session(session_id(scene.token)))
        assert found is not None
        return found[0].used_at

    def effects(self, scene: Scene, asked: Asked) -> int:
        return int(self._used_at(scene) > asked.facts["used_at"])

    def shows(self, scene: Scene, asked: Asked, answer: Answer | None) -> bool:
        return reason_of(answer) == "ok"


class FirstResume(Resume):
    """`resume` as the first change after a start, which begins a new write-ahead log."""

    name = "first resume"
    is_first = True


KINDS: tuple[Kind, ...] = (
    Update(),
    Add(),
    Delete(),
    Reveal(),
    Denied(),
    Login(),
    Logout(),
    PasswordChange(),
    Resume(),
    FirstResume(),
)
