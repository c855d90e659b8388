"""The gate: every role, action, class and scope, against a table written out on its own."""

from __future__ import annotations

from functools import cache

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from records.model.access import (
    ROLES,
    Action,
    Grant,
    Role,
    Scope,
    User,
    View,
    allows,
    explain,
    grants_of,
    require,
    require_administration,
    require_on_record,
    view,
)
from records.model.errors import PermissionDenied
from records.model.fields import STANDARD, FieldClass
from records.test.document import table
from records.testing import user

OWN, OTHER = 7, 8
ON_FIELDS = (Action.READ, Action.REVEAL, Action.ADD, Action.UPDATE, Action.DELETE)
ROLE_SETS = st.lists(st.sampled_from(Role), unique=True).map(tuple)


@cache
def promised() -> dict[tuple[str, str, str], str]:
    """The scope of each (role, action, class), as the table of the protocol's document has it."""
    roles = [role.value for role in Role]
    return {
        (role, action, field_class): scope
        for action, field_class, *scopes in table("Permissions and roles", "action")
        for role, scope in zip(roles, scopes, strict=True)
    }


def expected(role: Role, action: Action, field_class: FieldClass | None, own: bool) -> bool:
    kind = field_class.value if field_class else ""
    scope = promised().get((role.value, action.value, kind))
    return scope == "all" or (scope == "self" and own)


class MatrixTests(SynchronousTestCase):
    """Role by action by class by scope."""

    def test_every_cell(self) -> None:
        """Each role may do exactly what the table says, on the own record and on others'."""
        for role in Role:
            somebody = user(role, employee_id=OWN)
            for action in Action:
                for field_class in (*FieldClass, None):
                    for subject in (OWN, OTHER, None):
                        self.assertEqual(
                            allows(somebody, action, field_class, subject),
                            expected(role, action, field_class, own=subject == OWN),
                            (role, action, field_class, subject),
                        )

    def test_nobody(self) -> None:
        """Without a role nothing is allowed, not even on the own record."""
        nobody = user(employee_id=OWN)
        for action in Action:
            for field_class in (*FieldClass, None):
                self.assertFalse(allows(nobody, action, field_class, OWN))
        self.assertEqual(view(STANDARD, nobody, OWN).plain + view(STANDARD, nobody, OWN).masked, ())

    def test_without_a_record(self) -> None:
        """An account without an employee owns no record, and least of all 'no record'."""
        for role in Role:
            for action in ON_FIELDS:
                for field_class in FieldClass:
                    for subject in (OWN, None):
                        self.assertEqual(
                            allows(user(role), action, field_class, subject),
                            expected(role, action, field_class, own=False),
                        )

    def test_every_role_is_granted_something(self) -> None:
        """Each role has its grants, and administrative ones go by no class and no scope."""
        self.assertEqual(set(ROLES), set(Role))
        for grants in ROLES.values():
            for grant in grants:
                self.assertEqual(grant.field_class is None, grant.action not in ON_FIELDS)
                if grant.field_class is None:
                    self.assertIs(grant.scope, Scope.ALL)


class GateTests(SynchronousTestCase):
    """What holds for any roles together."""

    @given(
        ROLE_SETS,
        st.sampled_from(Action),
        st.sampled_from((*FieldClass, None)),
        st.none() | st.integers(1, 3),
        st.none() | st.integers(1, 3),
    )
    def test_no_more_than_granted(
        self,
        roles: tuple[Role, ...],
        action: Action,
        field_class: FieldClass | None,
        own: int | None,
        subject: int | None,
    ) -> None:
        """The gate lets through what a grant of one of the roles gives, and nothing else."""
        scopes = {
            grant.scope
            for role in roles
            for grant in ROLES[role]
            if (grant.action, grant.field_class) == (action, field_class)
        }
        own_record = own is not None and own == subject
        self.assertEqual(
            allows(user(*roles, employee_id=own), action, field_class, subject),
            Scope.ALL in scopes or (Scope.SELF in scopes and own_record),
        )

    @given(ROLE_SETS, st.sampled_from(Role))
    def test_more_roles_never_take_away(self, roles: tuple[Role, ...], more: Role) -> None:
        """Another role adds its grants to what was allowed before."""
        self.assertEqual(grants_of((*roles, more)), grants_of(roles) | ROLES[more])

    @given(
        ROLE_SETS,
        st.sampled_from(ON_FIELDS),
        st.lists(st.sampled_from(STANDARD.names)),
        st.sampled_from((OWN, OTHER, None)),
    )
    def test_require(
        self, roles: tuple[Role, ...], action: Action, names: list[str], subject: int | None
    ) -> None:
        """Exactly the refused fields are named, all of them at once, each once."""
        somebody = user(*roles, employee_id=OWN)
        refused = [
            n for n in names if not allows(somebody, action, STANDARD[n].field_class, subject)
        ]
        try:
            require(STANDARD, somebody, action, names, subject)
            told = []
        except PermissionDenied as denied:
            told = [error.field for error in denied.errors]
            self.assertTrue(denied.message.startswith("Your role"))
        self.assertEqual(told, list(dict.fromkeys(refused)))

    def test_require_on_record(self) -> None:
        """What concerns a whole record needs every class of its fields."""
        for role in Role:
            somebody = user(role, employee_id=OWN)
            for action in ON_FIELDS:
                for subject in (OWN, OTHER):
                    every = all(expected(role, action, each, subject == OWN) for each in FieldClass)
                    if every:
                        require_on_record(somebody, action, subject)
                    else:
                        with self.assertRaises(PermissionDenied):
                            require_on_record(somebody, action, subject)

    def test_require_administration(self) -> None:
        """Administrative actions have a gate of their own."""
        for role in Role:
            for action in set(Action) - set(ON_FIELDS):
                if expected(role, action, None, own=False):
                    require_administration(user(role), action)
                else:
                    with self.assertRaises(PermissionDenied):
                        require_administration(user(role), action)


class ExplainTests(SynchronousTestCase):
    """Saying why."""

    def test_agrees_with_the_gate(self) -> None:
        """The sentence says what the gate answers, for every cell."""
        for role in Role:
            somebody = user(role, employee_id=OWN, name="tess")
            for action in Action:
                for field_class in (*FieldClass, None):
                    for subject in (OWN, OTHER, None):
                        told = explain(somebody, action, field_class, subject)
                        allowed = allows(somebody, action, field_class, subject)
                        self.assertEqual(told.startswith("tess ("), allowed, told)
                        self.assertIn(role.value, told)

    def test_hint(self) -> None:
        """Who may do something on the own record only is told so."""
        told = explain(user(Role.EMPLOYEE, employee_id=OWN), Action.READ, FieldClass.PAY, OTHER)
        self.assertTrue(told.endswith("It is allowed on your own record only."))
        self.assertIn("no role", explain(user(), Action.READ, FieldClass.PAY, OTHER))


class ViewTests(SynchronousTestCase):
    """How a record is seen."""

    @given(
        ROLE_SETS,
        st.sampled_from((OWN, OTHER, None)),
        st.lists(st.sampled_from(STANDARD.names), unique=True).map(tuple),
    )
    def test_plain_masked_absent(
        self, roles: tuple[Role, ...], subject: int | None, revealed: tuple[str, ...]
    ) -> None:
        """Readable fields are there, in order, pay and identity masked unless revealed."""
        somebody: User = user(*roles, employee_id=OWN)
        seen = view(STANDARD, somebody, subject, revealed)
        readable = [
            f.name for f in STANDARD if allows(somebody, Action.READ, f.field_class, subject)
        ]
        masked = [n for n in readable if STANDARD[n].masked and n not in revealed]
        self.assertEqual(list(seen.masked), masked)
        self.assertEqual(list(seen.plain), [n for n in readable if n not in masked])

    def test_colleague(self) -> None:
        """An employee sees a colleague's directory fields, and the whole of the own record."""
        tess = user(Role.EMPLOYEE, employee_id=OWN)
        directory = tuple(f.name for f in STANDARD if f.field_class is FieldClass.DIRECTORY)
        masked = ("salary", "ssn")
        self.assertEqual(view(STANDARD, tess, OTHER), View(directory, ()))
        self.assertEqual(view(STANDARD, tess, OWN).masked, masked)
        self.assertEqual(view(STANDARD, tess, OWN, masked[1:]).masked, masked[:1])

    def test_grants_are_values(self) -> None:
        """Two grants of the same thing are one."""
        self.assertEqual(
            len({Grant(Action.READ, None, Scope.ALL), Grant(Action.READ, None, Scope.ALL)}), 1
        )
