"""Tests for `records.client.menu`."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from records.api.messages import Permission, describe
from records.client.fields import Fields
from records.client.menu import Command, Rights, choices, choose, menu_prompt, menu_text, why_not
from records.model.access import Action, Role
from records.model.fields import STANDARD, FieldClass
from records.operations.sessions import permissions
from records.testing import user

FIELDS = Fields(describe(STANDARD))
ALWAYS = [Command.PASSWORD, Command.LOG_OUT, Command.QUIT]


def rights(*roles: Role, own: int | None = None) -> Rights:
    """The rights of a user with these roles."""
    return Rights(permissions(user(*roles, employee_id=own)), own, FIELDS)


class ChoicesTests(SynchronousTestCase):
    """What is offered."""

    def offered(self, which: Rights) -> list[Command]:
        return [each.command for each in choices(which)]

    def test_owner(self) -> None:
        """An owner is offered everything."""
        self.assertEqual(self.offered(rights(Role.OWNER)), [*Command])

    def test_hr(self) -> None:
        """Who keeps the records is offered everything but to say what fields there are."""
        wanted = [each for each in Command if each is not Command.OWN_FIELDS]
        self.assertEqual(self.offered(rights(Role.HR)), wanted)

    def test_employee(self) -> None:
        """An employee can look, and change nothing."""
        self.assertEqual(
            self.offered(rights(Role.EMPLOYEE, own=3)),
            [Command.FIND, Command.SHOW, Command.EXPORT, *ALWAYS],
        )

    def test_own_record_only(self) -> None:
        """Who may read and change only the own record is not offered to find others."""
        own = Rights(
            [Permission("read", "self", "directory"), Permission("update", "self", "directory")], 3
        )
        self.assertEqual(self.offered(own), [Command.SHOW, Command.CHANGE, *ALWAYS])

    def test_no_own_record(self) -> None:
        """Rights on one's own record are nothing to a user without one."""
        nobody = Rights([Permission("read", "self", "directory")], None)
        self.assertEqual(self.offered(nobody), ALWAYS)

    def test_deletion_needs_all(self) -> None:
        """Deletion concerns the whole record, so each class of field must be allowed."""
        some = Rights([Permission("delete", "all", "directory")], None, FIELDS)
        self.assertNotIn(Command.DELETE, self.offered(some))

    def test_unknown_permission(self) -> None:
        """A permission that this client does not know yet is passed over."""
        self.assertEqual(self.offered(Rights([Permission("dance", "moon", "new")], 1)), ALWAYS)

    def test_fields(self) -> None:
        """Fields are offered by class, for everybody or for one's own record."""
        mine = rights(Role.EMPLOYEE, own=3)
        self.assertEqual(mine.fields(Action.READ, 3), tuple(FIELDS))
        everybody = {field.field_class for field in mine.fields(Action.READ, 4)}
        self.assertEqual(everybody, {FieldClass.DIRECTORY.value})


class ChooseTests(SynchronousTestCase):
    """Choosing."""

    def test_ways(self) -> None:
        """A letter, a number and a word choose alike, and the rest of the line goes along."""
        offered = choices(rights(Role.HR))
        for line in ("s 12", " S  12 ", "2 12", "show 12"):
            self.assertEqual(choose(line, offered), (Command.SHOW, "12"))
        self.assertEqual(choose("logout", offered), (Command.LOG_OUT, ""))

    def test_numbers_follow_the_menu(self) -> None:
        """Numbers count what is offered."""
        offered = choices(rights(Role.EMPLOYEE))
        self.assertEqual(choose("4", offered), (Command.PASSWORD, ""))
        self.assertIn("4  p  Change your password", menu_text(offered))
        self.assertEqual(menu_prompt(offered), "Choose [f s x p l q, ? for the menu]: ")

    def test_nothing(self) -> None:
        """What is not offered is no choice, and it is said why."""
        offered = choices(rights(Role.EMPLOYEE))
        for line in ("", "d", "delete 1", "9", "zz"):
            self.assertIsNone(choose(line, offered))
        self.assertIn("Your role does not allow", why_not("delete 1"))
        self.assertIn("not on the menu", why_not("zz"))
