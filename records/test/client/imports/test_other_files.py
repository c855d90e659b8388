"""Workbooks, JSON lines, and the predecessor's database."""

from __future__ import annotations

import json
import sqlite3
import zipfile
from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import date
from pathlib import Path

import openpyxl

from records.client.imports.reading import Unclear, Unreadable
from records.test.client.imports.reading_case import ReadingCase


class OtherFilesTests(ReadingCase):
    """Files that are no CSV."""

    def workbook(self, sheets: Mapping[str, Sequence[Sequence[object]]]) -> Path:
        book = openpyxl.Workbook()
        book.remove(book.active)
        for title, rows in sheets.items():
            sheet = book.create_sheet(title)
            for row in rows:
                sheet.append(list(row))
        path = self.file("", "people.xlsx")
        book.save(path)
        return path

    def test_xlsx(self) -> None:
        """Dates and numbers are read as the sheet means them, zeros included."""
        rows: list[list[object]] = [["Vorname", "Personalnummer", "DOB", "Salary"]]
        rows.append(["A", 17, date(1990, 3, 4), 500.5])
        path = self.workbook({"Staff": rows, "Empty": []})
        book = openpyxl.load_workbook(path)
        book["Staff"]["B2"].number_format = "00000"
        book["Staff"]["D2"].number_format = '#,##0.00 "€"'
        book.save(path)
        (found,) = self.values(self.open(path))
        self.assertEqual(found["employee_number"], "00017")
        self.assertEqual(found["birth_date"], "1990-03-04")
        self.assertEqual(found["salary"]["amount"], "500.50")
        self.assertEqual(found["salary"]["currency"], "EUR")

    def test_currencies(self) -> None:
        """A currency is what a format shows, and no country's sign is taken for one."""
        for form, expected in (
            ("#,##0 [$CHF]", "CHF"),
            ("[$CHF-807] #,##0", "CHF"),
            ("[$€-407] #,##0.00", "EUR"),
            ("[$£-809]#,##0", "GBP"),
            ("[$₹-4009] #,##0", "INR"),
            ("[$$-409]#,##0", "USD"),
            ('"$"#,##0', "USD"),
            ("[$-409]#,##0", "EUR"),
            ("#,##0", "EUR"),
            ("[$xyz-407] #,##0", None),
        ):
            path = self.workbook({"Staff": [["Vorname", "Salary"], ["A", 85000]]})
            book = openpyxl.load_workbook(path)
            book["Staff"]["B2"].number_format = form
            book.save(path)
            (row,) = self.open(path, "DE").rows()
            found: object = row.values["salary"]
            self.assertEqual(found["currency"] if isinstance(found, dict) else None, expected, form)

    def test_numbers(self) -> None:
        """Numbers of a sheet have no decimal mark that needs a question."""
        path = self.workbook({"Staff": [["Vorname", "Salary"], ["A", 12.345], ["B", "1.234,50"]]})
        first, second = self.values(self.open(path, "DE"))
        self.assertEqual(first, ["salary"])
        rows: list[list[object]] = [["Vorname", "Cost center"], ["A", 12.345]]
        (found,) = self.values(self.open(self.workbook({"Staff": rows})))
        self.assertEqual(found["cost_center"], "12.345")
        self.assertEqual(second["salary"]["amount"], "1234.50")

    def test_sheets(self) -> None:
        """Of several sheets one is chosen by name."""
        path = self.workbook({"One": [["Vorname"], ["A"]], "Two": [["Vorname"], ["B"]]})
        question = self.assertRaises(Unclear, self.open, path)
        self.assertEqual([value for value, _ in question.choices], ["One", "Two"])
        self.assertEqual(self.values(self.open(path, sheet="two")), [{"given_name": "B"}])
        self.assertRaises(Unreadable, self.open, path, sheet="Three")

    def test_locked(self) -> None:
        """A locked workbook is told as locked, a damaged one as damaged."""
        path = self.file(b"\xd0\xcf\x11\xe0" + bytes(600), "people.xlsx")
        self.assertIn("locked", self.assertRaises(Unreadable, self.open, path).message)
        path = self.file(b"PK\x03\x04" + bytes(600), "people.xlsx")
        self.assertIn("damaged", self.assertRaises(Unreadable, self.open, path).message)

    def ods(self, rows: str, manifest: str = "") -> Path:
        path = self.file("", "people.ods")
        names = "".join(
            f' xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
            for name in ("office", "table", "text")
        )
        content = f'<office:x{names}><table:table table:name="S">{rows}</table:table></office:x>'
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("content.xml", content)
            archive.writestr("META-INF/manifest.xml", f"<x>{manifest}</x>")
        return path

    def test_ods(self) -> None:
        """The same of ODS; repeated cells and rows are counted."""

        def row(*cells: str, repeated: int = 1) -> str:
            return (
                f'<table:table-row table:number-rows-repeated="{repeated}">'
                f"{''.join(cells)}</table:table-row>"
            )

        def cell(text: str, attributes: str = "") -> str:
            return f"<table:table-cell {attributes}><text:p>{text}</text:p></table:table-cell>"

        blank = '<table:table-cell table:number-columns-repeated="2"/>'
        born = 'office:value-type="date" office:date-value="1990-03-04"'
        path = self.ods(
            row(cell("Vorname"), cell("Personalnummer"), blank, cell("DOB"))
            + row(blank, repeated=3)
            + row(cell("A"), cell("00017"), blank, cell("04.03.90", born))
            + row(blank, repeated=1_000_000)
        )
        file = self.open(path)
        expected = {"given_name": "A", "employee_number": "00017", "birth_date": "1990-03-04"}
        self.assertEqual(self.values(file), [expected])
        self.assertEqual([each.line for each in file.rows()], [5])
        comment = "<office:annotation><text:p>ask Bo</text:p></office:annotation>"
        noted = cell("x").replace("<text:p>", f"{comment}<text:p>", 1)
        rounded = 'office:value-type="float" office:value="24.75"'
        euros = 'office:value-type="currency" office:currency="EUR" office:value="52400.5"'
        zeros = 'office:value-type="float" office:value="17"'
        path = self.ods(
            row(*map(cell, ("Vorname", "Title", "Badge", "Salary")))
            + row(cell("A"), noted, cell("00017", zeros), cell("25", rounded))
            + row(cell("B"), cell("y"), cell("1"), cell("52.400,50 €", euros))
        )
        first, second = self.values(self.open(path))
        self.assertEqual((first["title"], first["employee_number"]), ("x", "00017"))
        self.assertEqual(first["salary"]["amount"], "24.75")
        self.assertEqual(second["salary"], {"amount": "52400.50", "currency": "EUR", "per": "year"})
        locked = self.ods("", "encryption-data")
        self.assertIn("locked", self.assertRaises(Unreadable, self.open, locked).message)
        path = self.file(b"PK\x03\x04" + bytes(600), "people.ods")
        self.assertIn("damaged", self.assertRaises(Unreadable, self.open, path).message)

    def test_json_lines(self) -> None:
        """JSON lines have the protocol's values; a mask is none."""
        lines = [
            {"id": 7, "given_name": "A", "salary": {"amount": "1.00", "currency": "USD"}},
            {"given_name": "B", "title": None, "manager_id": 7, "ssn": "***-**-1234"},
        ]
        path = self.file("\n\n".join(map(json.dumps, lines)), "people.jsonl")
        first, second = self.values(self.open(path))
        self.assertEqual(first, lines[0])
        self.assertEqual(second, {"given_name": "B", "manager_id": 7})
        self.assertEqual([row.line for row in self.open(path).rows()], [1, 3])
        one, two = self.open(path).rows()
        self.assertNotIn("title", one.values)  # blanks may clear; what is not named does not
        self.assertEqual(two.values["title"], "")
        self.assertNotIn("id", two.values)
        for content in ('{"given_name": "A"}\n[1]\n', "{x\n"):
            path = self.file(content, "people.jsonl")
            self.assertRaises(Unreadable, lambda p=path: list(self.open(p).rows()))

    def test_predecessor(self) -> None:
        """An employee.db is read; lost zeros are added again."""
        path = self.file("", "employee.db")
        path.unlink()
        with closing(sqlite3.connect(path)) as database:
            database.execute(
                "CREATE TABLE employee (id INTEGER, fname, lname, ssn INTEGER, dob, salary)"
            )
            database.execute(
                "INSERT INTO employee VALUES (3, 'Ann', 'Lee', 1010001, '03-04-1990', 64000)"
            )
            database.commit()
        (found,) = self.values(self.open(path))
        self.assertEqual(found["id"], 3)
        self.assertEqual((found["ssn"], found["birth_date"]), ("001-01-0001", "1990-03-04"))
        self.assertEqual(found["salary"]["amount"], "64000.00")
        with closing(sqlite3.connect(path)) as database:
            database.execute("DROP TABLE employee")
            database.commit()
        self.assertRaises(Unreadable, self.open, path)
