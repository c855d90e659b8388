"""What every database must do with a company's own fields. See `store_contract`."""

from __future__ import annotations

from dataclasses import replace

from records.model.employee import Employee
from records.model.fields import STANDARD, Field, FieldClass, Kind, Value
from records.model.values import Money
from records.operations.boundaries import Transaction, Work
from records.test.store.store_contract import DatabaseCase, named

BADGE = Field("badge", "Badge", Kind.TEXT, FieldClass.DIRECTORY, "text", "", own=True, unique=True)
BONUS = Field("bonus", "Bonus", Kind.MONEY, FieldClass.PAY, "money", "", own=True)
BUDDY = Field("buddy", "Buddy", Kind.REFERENCE, FieldClass.DIRECTORY, "an ID", "", own=True)


def having(number: int, **values: Value) -> Employee:
    """An employee with these values of own fields."""
    blank: dict[str, Value] = {"badge": None, "bonus": None, "buddy": None}
    employee = named(number)
    return Employee(number, 1, {**employee.values, **blank, **values})


class OwnFieldsContract(DatabaseCase):
    """boundaries.OwnFields, and employees who have them"""

    def define(self, *fields: Field) -> None:
        for field in fields:
            self.do(lambda tx, each=field: tx.own_fields.put(each))

    def change(self, before: Employee, **values: Value) -> Employee:
        after = Employee(before.id, before.revision + 1, {**before.values, **values})
        self.do(lambda tx: tx.employees.replace(before, after))
        return after

    def test_catalogue(self) -> None:
        """Definitions are kept in their order, and every transaction sees them from then on."""
        reader = self.made.reader()
        self.addCleanup(reader.close)
        self.assertIs(reader.begin().catalogue, STANDARD)
        reader.end()
        self.define(BONUS, BADGE)

        def seen(tx: Transaction) -> tuple[tuple[Field, ...], tuple[str, ...]]:
            return tx.own_fields.all(), tx.catalogue.names

        expected = (BONUS, BADGE), (*STANDARD.names, "bonus", "badge")
        self.assertEqual(seen(reader.begin()), expected)
        reader.end()
        self.assertEqual(self.do(seen), expected)
        renamed = replace(BONUS, label="Yearly bonus")
        self.define(renamed)
        self.assertEqual(seen(reader.begin()), ((renamed, BADGE), expected[1]))
        reader.end()

    def test_in_its_own_transaction(self) -> None:
        """A transaction sees a definition that it has made."""

        def define(tx: Transaction) -> tuple[str, ...]:
            tx.own_fields.put(BADGE)
            return tx.catalogue.names

        self.assertIn("badge", self.do(define))

    def test_undone(self) -> None:
        """A definition of a work that fails is gone, for the works after it as well."""

        def define(tx: Transaction, field: Field, fault: Exception | None) -> None:
            tx.own_fields.put(field)
            if fault is not None:
                raise fault

        def names(tx: Transaction) -> tuple[str, ...]:
            return tx.catalogue.names

        writer = self.made.writer()
        self.addCleanup(writer.close)
        works = [
            Work(define, (BADGE, None)),
            Work(define, (BONUS, KeyError("x"))),
            Work(names),
            Work(define, (BUDDY, None)),
            Work(names),
        ]
        _, failed, between, _, after = writer.run(works)
        self.assertIsInstance(failed.error, KeyError)
        self.assertEqual(between.value, (*STANDARD.names, "badge"))
        self.assertEqual(after.value, (*STANDARD.names, "badge", "buddy"))
        self.assertEqual(self.see(names), after.value)

    def test_values(self) -> None:
        """Values come back as they were stored, changed and cleared, alone and in lists."""
        self.do(lambda tx: tx.employees.add(named(1)))
        self.define(BADGE, BONUS, BUDDY)
        money = Money("500.00", "EUR", "month")
        second = having(2, badge="b2", bonus=money, buddy=1)
        self.do(lambda tx: tx.employees.add(second))
        self.assertEqual(self.see(lambda tx: list(tx.employees.everyone())), [having(1), second])
        third = self.change(second, bonus=Money("7.00", "USD"), badge=None)
        self.assertEqual(self.see(lambda tx: tx.employees.get(2)), third)
        fourth = self.change(third, bonus=None, buddy=None)
        self.assertEqual(self.see(lambda tx: tx.employees.get(2)), fourth)

    def test_holders(self) -> None:
        """Who has a value of a unique field is found, without regard to case, as it is now."""
        self.define(BADGE, BONUS, BUDDY)
        first = having(1, badge="Ab")
        self.do(lambda tx: tx.employees.add(first))

        def holder(value: str) -> int | None:
            found: int | None = self.see(lambda tx: tx.employees.holder("badge", value))
            return found

        self.assertEqual((holder("aB"), holder("x")), (1, None))
        second = self.change(first, badge="x")
        self.assertEqual((holder("ab"), holder("X")), (None, 1))
        self.do(lambda tx: tx.employees.remove(second))
        self.assertIsNone(holder("x"))

    def test_named(self) -> None:
        """How many others name an employee is counted, each once."""
        self.define(BADGE, BONUS, BUDDY)
        for each in (having(1, buddy=1), having(2, buddy=1), having(3, buddy=1)):
            self.do(lambda tx, employee=each: tx.employees.add(employee))
        counts = [self.see(lambda tx, n=n: tx.employees.count_naming(n)) for n in (1, 2)]
        self.assertEqual(counts, [2, 0])

    def test_shared(self) -> None:
        """Two with the same value are told once the field is unique."""
        plain = replace(BADGE, unique=False)
        self.define(plain, BONUS, BUDDY)
        for each in (having(1, badge="a"), having(2, badge="b"), having(3, badge="A")):
            self.do(lambda tx, employee=each: tx.employees.add(employee))
        self.define(BADGE)
        self.assertEqual(self.see(lambda tx: tx.employees.shared("badge")), (1, 3))

    def test_retired(self) -> None:
        """Values of a retired field are not there, survive changes, and come back."""
        self.define(BADGE, BONUS, BUDDY)
        first = having(1, badge="Zebra", buddy=1)
        self.do(lambda tx: tx.employees.add(first))
        words = [self.see(lambda tx: tx.employees.with_word("zebra", 5))]
        self.define(replace(BADGE, retired=True))
        words.append(self.see(lambda tx: tx.employees.with_word("zebra", 5)))
        without = self.see(lambda tx: tx.employees.get(1))
        self.assertNotIn("badge", without.values)
        cleared = self.change(without, buddy=None)
        self.define(BADGE)
        words.append(self.see(lambda tx: tx.employees.with_word("zebra", 5)))
        self.assertEqual(words, [[1], [], [1]])
        present = self.see(lambda tx: tx.employees.get(1))
        self.assertEqual(present.values["badge"], "Zebra")
        self.assertEqual(self.see(lambda tx: tx.employees.holder("badge", "zebra")), 1)
        self.assertEqual(present.revision, cleared.revision)

    def test_values_in_use(self) -> None:
        """The values in use of an own field, the most frequent first."""
        self.define(BADGE, BONUS, BUDDY)
        for number, badge in enumerate(("b", "a", "b", None), 1):
            employee = having(number, badge=badge and f"{badge}{number % 2}")
            self.do(lambda tx, each=employee: tx.employees.add(each))
        self.assertEqual(self.see(lambda tx: tx.employees.values_of("badge", 9)), ["b1", "a0"])
