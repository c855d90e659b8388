"""Tests for `records.client.fields`: a client and a daemon that has fields of its own."""

from __future__ import annotations

from datetime import date
from typing import Any

import msgspec
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from records.api.messages import FieldInfo, FieldsShown, Permission, describe
from records.client.fields import NO_FIELDS, Fields, check_typed
from records.client.forms import Form
from records.client.menu import Rights
from records.client.region import region_of
from records.client.render import Style, employee_view
from records.model.access import Action
from records.model.fields import STANDARD
from records.model.values import Invalid
from records.test.client.client_case import ClientCase, ScriptedScreen
from records.test.samples import FULL

US, TODAY = region_of("US"), date(2026, 1, 31)

NEW: dict[str, Any] = {
    "name": "badge",
    "label": "Badge",
    "type": "barcode",
    "class": "security",
    "rule": "as printed",
    "masked": False,
    "required": False,
    "unique": True,
    "max_length": None,
    "choices": [],
    "standard": "",
    "own": True,
    "colour": "members that this client does not know are passed over",
}
"""A field of a newer daemon, as it is reported: its type, its class and a member are not known
here.
"""


def newer() -> Fields:
    """The fields of a newer daemon."""
    told = msgspec.to_builtins(describe(STANDARD))
    told["fields"] = [*told["fields"], NEW]
    return Fields(msgspec.json.decode(msgspec.json.encode(told), type=FieldsShown))


class CheckTests(SynchronousTestCase):
    """Checking what is typed."""

    def test_as_the_daemon_does(self) -> None:
        """A value of a known type is checked as the daemon checks it."""
        for field in Fields(describe(STANDARD)):
            self.assertRaises(Invalid, check_typed, field, "\x00", US, TODAY)
            if isinstance(FULL[field.name], str):
                typed = str(FULL[field.name])
                self.assertEqual(
                    check_typed(field, typed, US, TODAY), STANDARD[field.name].check(typed)
                )

    def test_limits_as_told(self) -> None:
        """The length and the choices are those that the daemon told."""
        told = {field.name: field for field in Fields(describe(STANDARD))}
        short = msgspec.structs.replace(told["title"], max_length=3)
        self.assertEqual(check_typed(short, "Boss"[:3], US, TODAY), "Bos")
        self.assertRaises(Invalid, check_typed, short, "Boss", US, TODAY)
        fewer = msgspec.structs.replace(told["status"], choices=("retired",))
        self.assertEqual(check_typed(fewer, "Retired", US, TODAY), "retired")
        self.assertRaises(Invalid, check_typed, fewer, "active", US, TODAY)

    def test_unknown_type(self) -> None:
        """A value of a type that is not known here is left for the daemon to check."""
        badge = newer().get("badge")
        assert badge is not None
        self.assertEqual(check_typed(badge, " 12-b ", US, TODAY), "12-b")


class NewerDaemonTests(ClientCase):
    """A client that is older than its daemon."""

    def test_shown(self) -> None:
        """A field that this client has never heard of is shown with its label."""
        shown = employee_view(newer(), {"id": 1, "badge": "12-b"}, (), Style(80, False))
        self.assertRegex(shown, r"Badge +12-b")

    def test_asked_for(self) -> None:
        """It is asked for in a form where the user may change it."""
        may = [Permission("update", "all", "security"), Permission("update", "all", "directory")]
        rights = Rights(may, None, newer())
        fields = rights.fields(Action.UPDATE, 1)
        self.assertIn("badge", [field.name for field in fields])
        form = Form([field for field in fields if field.name == "badge"], {"badge": None})
        screen = ScriptedScreen("12-b")
        self.successResultOf(Deferred.fromCoroutine(form.fill(self.dialogue(screen))))
        self.assertEqual(screen.prompts, ["Badge (as printed): "])
        self.assertEqual(form.changes, {"badge": "12-b"})

    def test_deletion_needs_its_class(self) -> None:
        """A record is deleted only by those who may do so for that class, too."""
        may = [Permission("delete", "all", each.field_class) for each in Fields(describe(STANDARD))]
        self.assertFalse(Rights(may, None, newer()).may_on_record(Action.DELETE))
        self.assertTrue(Rights(may, None, Fields(describe(STANDARD))).may_on_record(Action.DELETE))

    def test_nothing_told(self) -> None:
        """While no fields are reported, nothing is allowed on a whole record."""
        may = [Permission("delete", "all", "directory")]
        self.assertFalse(Rights(may, None, NO_FIELDS).may_on_record(Action.DELETE))

    def test_harmless(self) -> None:
        """Nothing in a field's description can act on a terminal."""
        nasty: FieldInfo = msgspec.convert(NEW | {"label": "\x1b[2J", "rule": "\x1b"}, FieldInfo)
        screen = ScriptedScreen("x")
        form = Form([nasty], {"badge": None})
        self.successResultOf(Deferred.fromCoroutine(form.fill(self.dialogue(screen))))
        fields = Fields(FieldsShown((nasty,), ""))
        shown = employee_view(fields, {"id": 1, "badge": "x"}, (), Style(80, False))
        for text in (shown, *screen.prompts):
            self.assertTrue(text.replace("\n", "").isprintable(), ascii(text))
