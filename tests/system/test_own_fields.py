"""A company's own fields in a real daemon: its process that writes, and all that read."""

from __future__ import annotations

from tests.daemon_case import STOPPED, DaemonCase

SHOE = {"name": "shoe", "label": "Shoe", "type": "number", "class": "directory"}


class OwnFieldsTests(DaemonCase):
    """One daemon."""

    is_ahead = True

    def test_seen_everywhere(self) -> None:
        """What is defined on one connection counts at the next request on another, of any kind.

        Points are read in the reactor's thread, lists in two others, and changes are made in
        another process; each has seen the fields from before.
        """
        daemon = self.start_daemon()
        wire, token = self.log_in_first(daemon)
        other = self.resume(daemon, token)
        other.ask("employee.add", employee={"id": 1, "given_name": "Ada"})

        def seen() -> list[object]:
            """What each kind of request tells of the field."""
            got = other.ask("employee.get", id=1)["employee"]
            lists = [other.ask("employee.list", limit=1)["employees"][0] for _ in range(4)]
            return [each.get("shoe", "no such field") for each in (got, *lists)]

        self.assertEqual(seen(), ["no such field"] * 5)
        wire.ask("field.add", **SHOE)
        self.assertEqual(seen(), [None] * 5)
        other.ask("employee.update", id=1, revision=1, changes={"shoe": 38.5})
        self.assertEqual(seen(), [38.5] * 5)
        wire.ask("field.retire", name="shoe")
        self.assertEqual(seen(), ["no such field"] * 5)
        daemon.kill()
        daemon.start()
        wire = other = self.resume(daemon, token)
        wire.ask("field.update", name="shoe", retired=False)
        self.assertEqual(seen(), [38.5] * 5)
        wire.close()
        self.assertEqual(daemon.stop(), STOPPED)
        self.assertIn("is whole", self.office(daemon, "verify"))
