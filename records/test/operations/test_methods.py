"""Tests for `records.operations.methods`: the columns of the table fit together."""

from __future__ import annotations

import pickle
from typing import get_type_hints

import msgspec
from twisted.trial.unittest import SynchronousTestCase

from records.api.messages import GetParams, ListParams
from records.operations.methods import METHODS, Mode
from records.test.samples import PARAMS


class TableTests(SynchronousTestCase):
    """The table, line by line."""

    def test_sessions_have_no_operation(self) -> None:
        """Exactly the methods that concern the session have no operation."""
        for method in METHODS.values():
            self.assertEqual(method.operation is None, method.mode is Mode.SESSION, method.name)

    def test_samples(self) -> None:
        """The tests have sample params of each method with an operation."""
        self.assertEqual(set(PARAMS), {name for name, each in METHODS.items() if each.operation})

    def test_keys_are_replayed(self) -> None:
        """Exactly the methods that take a key keep their outcome, and they are writes."""
        for method in METHODS.values():
            takes_key = "key" in method.decode.type.__struct_fields__
            self.assertEqual(takes_key, method.replay is not None, method.name)
            if takes_key:
                assert method.replay is not None
                returned = get_type_hints(method.operation)["return"]
                self.assertIs(method.mode, Mode.WRITE, method.name)
                self.assertIs(method.replay.result, returned, method.name)

    def test_subjects(self) -> None:
        """The audit subject of a method on one employee, import or own field names it."""
        for name, sample in PARAMS.items():
            params = msgspec.convert(sample, METHODS[name].decode.type)
            wanted = "import:1" if "import_id" in sample else "-"
            wanted = "employee:1" if "id" in sample else wanted
            wanted = "field:shirt" if name.startswith("field.") else wanted
            self.assertEqual(METHODS[name].subject(params), wanted, name)

    def test_cost(self) -> None:
        """A list costs a row for each employee that it may hold, any other method one."""
        for name, sample in PARAMS.items():
            params = msgspec.convert(sample, METHODS[name].decode.type)
            limit = params.limit if isinstance(params, ListParams) else 1
            self.assertEqual(METHODS[name].cost(params), limit, name)

    def test_reveal(self) -> None:
        """Params that reveal a field select the variant that writes an audit entry."""
        method = METHODS["employee.get"]
        self.assertIs(method.for_params(GetParams(id=1)), method)
        reveal = method.for_params(GetParams(id=1, reveal=["ssn"]))
        self.assertTrue(reveal.is_reveal)
        self.assertIs(reveal.mode, Mode.WRITE)

    def test_pickled_by_name(self) -> None:
        """A method, and its variant, are the same on both sides of a process boundary."""
        for method in METHODS.values():
            for variant in filter(None, (method, method.reveal)):
                self.assertIs(pickle.loads(pickle.dumps(variant)), variant)
