"""A corpus of small files: each gives exact values or a question, and never a wrong value."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from records.client.imports import headers
from records.client.imports.reading import (
    Unreadable,
)
from records.client.imports.tables import plain
from records.test.client.imports.reading_case import ReadingCase


class DateTests(ReadingCase):
    """Dates: the column decides."""

    def test_decided(self) -> None:
        """Values that allow one order decide the others; points have the day first."""
        for cells, expected in (
            (("3/4/1990", "12/31/1980"), ["1990-03-04", "1980-12-31"]),
            (("3/4/1990", "31/12/1980"), ["1990-04-03", "1980-12-31"]),
            (("3.4.1990",), ["1990-04-03"]),
            (
                ("1990-04-03", "4 March 1990", "5/5/1990"),
                ["1990-04-03", "1990-03-04", "1990-05-05"],
            ),
            (("1/13/2020", "1/14/2020", "1/15/2020", "13/1/2020"), [*DAYS, None]),
            (("2/30/2020", "12/31/1980"), [None, "1980-12-31"]),
            (("3.4.1990", "12.13.1980", "12.14.1980", "12.15.1980"), MONTH_FIRST),
            (("3 / 4 / 1990", "12/31/1980"), ["1990-03-04", "1980-12-31"]),
            (("3/4/1990 12:00:00 AM", "12/31/1980"), ["1990-03-04", "1980-12-31"]),
        ):
            self.assertEqual(self.column("Start date", *cells), expected, cells)

    def test_asked(self) -> None:
        """Where no value decides it is asked, even where the region has an order."""
        for region in ("US", "DE", "GB"):
            question = self.asked("First name,Start date\nA,3/4/1990\n", region)
            self.assertEqual([value for value, _ in question.choices], ["dmy", "mdy"])
            self.assertIn("3 April 1990", question.choices[0][1])
        self.asked("First name,Start date\nA,13/1/1990\nB,1/13/1990\n")
        self.asked("First name,Start date\nA,3 / 4 / 1990\n")
        self.asked("First name,Start date\nA,3.4.1990\nB,12.31.1980\n")

    def test_columns_differ(self) -> None:
        """Columns that differ decide nothing for a third one."""
        rows = "".join(f"A,{day}/1/1980,1/13/2019,\n" for day in range(13, 28))
        question = self.asked(f"First name,DOB,Start date,End date\n{rows}B,,,3/4/2030\n")
        self.assertIn("End date", question.question)
        file = self.open(self.file(f"First name,DOB,Start date\n{rows}"))
        self.assertFalse([each.text for each in file.decisions if "refused" in each.text])

    def test_said(self) -> None:
        """What the user says decides, and another column may."""
        self.assertEqual(self.column("DOB", "3/4/1990", dates="dmy"), ["1990-04-03"])
        self.assertEqual(self.column("DOB", "3/4/1990", dates="mdy"), ["1990-03-04"])
        found = self.read("First name,DOB,Start date\nA,3/4/1990,12/31/2019\n")
        self.assertEqual(found[0]["birth_date"], "1990-03-04")

    def test_short_years(self) -> None:
        """A birth date of two digits is never in the future; a hire date at most a year ahead."""
        found = self.column("DOB", "12/31/58", "12/31/01", "12/31/26", "12/31/15", "12/31/00")
        expected = ["1958-12-31", "2001-12-31", "1926-12-31", "1915-12-31", "2000-12-31"]
        self.assertEqual(found, expected)
        found = self.column("Start date", "12/31/27", "12/31/28", "12/31/99", "2/29/24")
        self.assertEqual(found, ["2027-12-31", "1928-12-31", "1999-12-31", "2024-02-29"])
        rows = self.read("First name,End date\nA,12/31/28\nB,12/31/99\n")
        self.assertEqual([each["termination_date"] for each in rows], ["2028-12-31", "1999-12-31"])
        file = self.open(self.file("First name,DOB\nA,12/31/58\n"))
        self.assertIn("years", [each.about for each in file.decisions])


MONTH_FIRST = ["1990-03-04", "1980-12-13", "1980-12-14", "1980-12-15"]
DAYS = ["2020-01-13", "2020-01-14", "2020-01-15"]


class AmountTests(ReadingCase):
    """Amounts: the decimal mark, the currency and the period."""

    def amounts(self, *cells: str, header: str = "Salary", **options: Any) -> list[Any]:
        found = self.column(header, *cells, **options)
        return [each and (each["amount"], each["currency"], each["per"]) for each in found]

    def test_decided(self) -> None:
        """Values that allow one decimal mark decide the others."""
        year = [("1234.00", "EUR", "year"), ("84000.50", "EUR", "year")]
        self.assertEqual(self.amounts("1.234", "84.000,50 €", region="DE"), year)
        year = [("1234.00", "USD", "year"), ("84000.50", "USD", "year")]
        self.assertEqual(self.amounts("1,234", "$84,000.50"), year)
        self.assertEqual(self.amounts("1'234.50", region="CH"), [("1234.50", "CHF", "year")])
        self.assertEqual(self.amounts("64k", "abc"), [("64000.00", "USD", "year"), None])
        self.assertEqual(self.amounts("85000", "61250.5")[1], ("61250.50", "USD", "year"))
        self.assertEqual(self.amounts("1.50", "1,5,0"), [("1.50", "USD", "year"), None])

    def test_asked(self) -> None:
        """1.234 alone is asked, and read as it is answered."""
        for cell in ("1.234", "1,234"):
            content = f'First name,Salary\nA,"{cell}"\n'
            question = self.asked(content, "DE")
            self.assertEqual(question.option, "decimal")
            self.assertEqual({value for value, _ in question.choices}, {".", ","})
        self.assertEqual(self.amounts("1.234", decimal=",")[0], ("1234.00", "USD", "year"))
        self.asked('First name,Salary\nA,"84.000,50"\nB,"84,000.50"\nC,1.234\n')

    def test_columns(self) -> None:
        """Amount, currency and period may stand in three columns, or in the header."""
        found = self.read("First name,Pay,Currency,Per\nA,31.40,GBP,Hour\nB,9,,week\n")
        self.assertEqual(found[0]["salary"], {"amount": "31.40", "currency": "GBP", "per": "hour"})
        self.assertEqual(found[1], ["salary"])
        found = self.read("First name,Pay,Per\nA,31.40/hr,Hour\nB,31.40/hr,Year\n")
        self.assertEqual(found[0]["salary"]["per"], "hour")
        self.assertEqual(found[1], ["salary"])
        self.assertEqual(self.amounts("2500", header="Monatsgehalt")[0][2], "month")
        self.assertEqual(self.amounts("25.50", header="Hourly rate")[0][2], "hour")


class ColumnTests(ReadingCase):
    """What columns mean."""

    def test_table(self) -> None:
        """No header means two things."""
        seen: dict[str, str] = {}
        for field, names in headers._NAMES.items():
            for name in names.split("|"):
                self.assertEqual(seen.setdefault(plain(name), field), field, name)

    def test_languages(self) -> None:
        """Headers are known in five languages, and by the names and labels of fields."""
        for header, field in (
            *(("VORNAME", "given_name"), ("Prénom", "given_name"), ("Apellidos", "family_name")),
            *(("Achternaam", "family_name"), ("Fecha de nacimiento", "birth_date")),
            *(
                ("E-Mail", "email"),
                ("home_address", "home_address"),
                ("Cost center", "cost_center"),
            ),
            *(("Emergency contact", "emergency_contact"), ("Manager's ID", "manager_id")),
        ):
            file = self.open(self.file(f"Employee number,{header}\n1,x\n"))
            self.assertEqual(file.columns[1].field, field, header)

    def test_names(self) -> None:
        """Names in one column: Last, First; two words; a single name; more are not guessed."""
        found = self.read('Name\n"Lee, Ann Mary"\n')
        self.assertEqual(found, [{"family_name": "Lee", "given_name": "Ann Mary"}])
        found = self.read("Employee name\nAnn Lee\nSuharto\nAnn Mary Lee\n")
        expected = [{"family_name": "Lee", "given_name": "Ann"}, {"family_name": "Suharto"}]
        self.assertEqual(found, [*expected, ["family_name"]])
        content = 'Employee name\n"Smith, Jr."\n"Bo Doe, PhD"\n"King, Ann, Jr."\n'
        self.assertEqual(self.read(content), [["family_name"]] * 3)
        found = self.read('Employee name\n"Kim, Jun"\n')
        self.assertEqual(found, [{"family_name": "Kim", "given_name": "Jun"}])

    def test_whole_names(self) -> None:
        """A whole name beside a given name is asked about, in whatever order they stand."""
        header, cells = "Display name,First name,Last name", "Bo Lee,Rob,Leeds"
        for names, values in ((header, cells), (_turned(header), _turned(cells))):
            content = f"{names}\n{values}\n"
            question = self.asked(content)
            self.assertEqual(question.option, "mapping")
            self.assertEqual([value for value, _ in question.choices], ["Display name="])
            found = self.read(content, mapping={"Display name": ""})
            self.assertEqual(found, [{"given_name": "Rob", "family_name": "Leeds"}])

    def test_address(self) -> None:
        """An address in six columns is one line, and a lost zero is added again and told."""
        content = "First name,Address line 1,Address 2,City,State,Zip\nA,1 Elm St,,Boston,MA,2134\n"
        self.assertEqual(self.read(content)[0]["home_address"], "1 Elm St, Boston, MA 02134")
        found = self.read("Vorname,Straße,PLZ,Ort\nA,Elmstr. 1,01067,Dresden\n", "DE")
        self.assertEqual(found[0]["home_address"], "Elmstr. 1, 01067 Dresden")

        content = "First name,Address 1,Zip,Country\nA,1 Elm St,2134,USA\nB,2 Elm St,2134,Norway\n"
        found = [each["home_address"] for each in self.read(content)]
        self.assertEqual(found, ["1 Elm St, 02134, USA", "2 Elm St, 2134, Norway"])

    def test_address_and_parts(self) -> None:
        """A column Address is the street beside a city, or the whole, or refused if they differ."""
        names = "First name,Address,City,State,Zip"
        for cells, expected in (
            ("A,1 Elm St,Boston,MA,02134", "1 Elm St, Boston, MA 02134"),
            ('A,"1 Elm St, Boston, MA 02134",Boston,MA,02134', "1 Elm St, Boston, MA 02134"),
            ("A,1 Boston St,Bos,MA,02134", "1 Boston St, Bos, MA 02134"),
            ("A,1 Elm St,,,", "1 Elm St"),
        ):
            (found,) = self.read(f"{names}\n{cells}\n")
            self.assertEqual(found["home_address"], expected, cells)
        content = "First name,Address,Address 1\nA,1 Elm St,2 Elm St\n"
        self.assertEqual(self.read(content), [["home_address"]])

    def test_status(self) -> None:
        """What a column holds decides between status and type of employment."""
        found = self.read("First name,Status,Employment status\nA,Part-Time,Terminated\n")
        expected = {"given_name": "A", "employment_type": "part_time", "status": "left"}
        self.assertEqual(found, [expected])
        found = self.read("First name,End date\nA,2020-01-01\nB,2030-01-01\n")
        self.assertEqual([each.get("status") for each in found], ["left", None])

    def test_manager(self) -> None:
        """A manager is named by ID, number, e-mail or name, by the header and what it holds."""
        for header, cell, expected in (
            ("Manager ID", "7", 7),
            ("manager_id", "7", 7),
            ("Manager", "Lee, Ann", {"name": "Lee, Ann"}),
            ("Manager", "ann@example.com", {"email": "ann@example.com"}),
            ("Manager", "j-1", {"employee_number": "j-1"}),
            ("Manager number", "00017", {"employee_number": "00017"}),
            ("Reports to", "", None),
        ):
            found = self.read(f'Employee #,First name,{header}\nJ-1,A,"{cell}"\n')
            self.assertEqual(found[0].get("manager_id"), expected, header)

    def test_twice(self) -> None:
        """Two columns for one field are asked about, and either can be left out."""
        content = "First name,Email,Work email\nA,a@example.com,b@example.com\n"
        question = self.asked(content)
        self.assertEqual(question.option, "mapping")
        for choice, _ in question.choices:
            header = choice.removesuffix("=")
            self.assertEqual(len(self.read(content, mapping={header: ""})), 1)

    def test_same_headers(self) -> None:
        """Columns of the same name are told apart, and one of them can be left out."""
        content = "First name,Email,Email\nA,a@example.com,b@example.com\n"
        question = self.asked(content)
        self.assertEqual([value for value, _ in question.choices], ["Email (2)=", "Email="])
        found = self.read(content, mapping={"Email": ""})
        self.assertEqual(found[0]["email"], "b@example.com")

    def test_mapping(self) -> None:
        """The user says what a column means; a wrong name is told with those that there are."""
        found = self.read("Who,Shoe\nAnn,43\n", mapping={"Who": "given_name", "Shoe": ""})
        self.assertEqual(found, [{"given_name": "Ann"}])
        for mapping in ({"Zz": "title"}, {"Who": "zz"}):
            path = self.file("First name,Who\nAnn,x\n")
            error = self.assertRaises(Unreadable, self.open, path, mapping=mapping)
            self.assertTrue(error.message.endswith("."), error.message)


def _turned(row: str) -> str:
    return ",".join(reversed(row.split(",")))


class TextTests(ReadingCase):
    """Encodings, dialects, and what stands around the table."""

    def test_encodings(self) -> None:
        """UTF-8 and UTF-16 are read, with a mark or without, and the choice is told."""
        text = "Vorname;Nachname\nJörg;Weiß\nŁukasz;Żak\n"
        expected = [
            {"given_name": "Jörg", "family_name": "Weiß"},
            {"given_name": "Łukasz", "family_name": "Żak"},
        ]
        for encoding in ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"):
            self.assertEqual(self.read(text.encode(encoding)), expected, encoding)

    def test_western(self) -> None:
        """Windows-1252 is found out if other encodings would give the same text or none."""
        file = self.open(self.file("Vorname;Nachname\nJörg;Groß\nZoë;Müller\n".encode("cp1252")))
        self.assertEqual(self.values(file)[1]["given_name"], "Zoë")
        self.assertIn("Windows-1252", file.decisions[0].text)

    def test_encoding_asked(self) -> None:
        """Names that differ by encoding are shown and asked about: Anaïs or Anaďs."""
        content = "Prénom;Nom\nAnaïs;Muñoz\n".encode("cp1252")
        question = self.asked(content)
        shown = dict(question.choices)
        self.assertIn("Anaïs", shown["cp1252"])
        self.assertIn("Anaďs", shown["cp1250"])
        self.assertEqual(self.read(content, encoding="cp1252")[0]["given_name"], "Anaïs")
        self.asked("Nachname;Vorname\nИванов;Иван\n".encode("cp1251"))

    def test_central_european(self) -> None:
        """Miloš in ISO 8859-2 would be Miloą in Windows-1250, and is asked about."""
        question = self.asked("First name\nMiloš\n".encode("iso8859-2"))
        shown = dict(question.choices)
        self.assertIn("Miloš", shown["iso8859-2"])
        self.assertIn("Miloą", shown["cp1250"])
        question = self.asked("First name\nиван\n".encode("koi8-r"))
        self.assertIn("koi8-r", dict(question.choices))

    def test_hard_spaces(self) -> None:
        """A hard space is no letter of another encoding."""
        question = self.asked("First name\nAnne\xa0Marie\n".encode("cp1252"))
        self.assertIn("AnneáMarie", dict(question.choices)["cp850"])
        self.assertIn("cp1252", dict(question.choices))
        content = "First name;Salary\nJosé;84\xa0000,50\n".encode("cp1252")
        (found,) = self.read(content, "FR")
        self.assertEqual(found["given_name"], "José")
        self.assertEqual(found["salary"]["amount"], "84000.50")

    def test_wrong_encoding(self) -> None:
        """An encoding that does not fit, or does not exist, is refused."""
        path = self.file("First name\nAnaïs\n".encode("cp1252"))
        for encoding in ("utf-8", "no-such"):
            self.assertRaises(Unreadable, self.open, path, encoding=encoding)

    def test_around(self) -> None:
        """Titles above, blank rows and columns, and a total below are left out; lines stay."""
        content = (
            "Staff report,,\n,,\nFirst name,,Salary\nAnn,,1000\n,,\nBo,,500\nTotal,,1500\n,,\n"
        )
        file = self.open(self.file(content))
        self.assertEqual([row.line for row in file.rows()], [4, 6])
        self.assertEqual(file.count(), 2)
        self.assertLessEqual({"header", "total"}, {each.about for each in file.decisions})

    def test_total(self) -> None:
        """A person whose name is Sum is no total."""
        for content, count in (
            ("Last name,First name\nLee,Ann\nSum,Vathana\n", 2),
            ("Last name,Salary\nLee,1\nSum,1\n", 1),
            ("Last name,Salary,Title\nLee,1,x\nTotal,1,one person\n", 1),
        ):
            self.assertEqual(len(self.read(content)), count, content)

    def test_error_cells(self) -> None:
        """What a spreadsheet could not compute is refused."""
        for cell in ("#N/A", "#REF!", "#DIV/0!", "Err:502"):
            self.assertEqual(self.read(f"First name,Department\nA,{cell}\n"), [["department"]])
        self.assertEqual(self.read("First name,Title\nA,#1 cook\n")[0]["title"], "#1 cook")

    def test_lines_in_cells(self) -> None:
        """A cell of several lines is one cell of one row."""
        content = 'First name,Home address\nAnn,"1 Elm St\nSpringfield, IL"\nBo,x\n'
        file = self.open(self.file(content))
        rows = list(file.rows())
        self.assertEqual([row.line for row in rows], [2, 3])
        self.assertEqual(rows[0].values["home_address"], "1 Elm St, Springfield, IL")

    def test_masks_and_guards(self) -> None:
        """A mask is no value; the apostrophe before a formula is taken away."""
        found = self.read("First name,SSN,Salary,Title\nA,***-**-6789,***,'=1+1\nB,,,''=x\n")
        self.assertEqual(found[0], {"given_name": "A", "title": "=1+1"})
        self.assertEqual(found[1], {"given_name": "B", "title": "'=x"})

    def test_short_ssns(self) -> None:
        """Zeros that a spreadsheet ate are added again, and told."""
        file = self.open(self.file("First name,SSN\nA,1010001\n"))
        self.assertEqual(self.values(file)[0]["ssn"], "001-01-0001")
        self.assertIn("zeros", [each.about for each in file.decisions])

    def test_too_many_cells(self) -> None:
        """A row with more cells than the header is refused."""
        self.assertEqual(self.read("First name,Title\nA,x,y\n"), [["row"]])

    def test_unreadable(self) -> None:
        """What is no table is told, with what to do."""
        for content in ("", "1,2\n3,4\n", "First name\n", 'First name\n"' + "x" * 200_000):
            path = self.file(content)
            error = self.assertRaises(Unreadable, lambda p=path: list(self.open(p).rows()))
            self.assertTrue(error.message.endswith((".", "?")), error.message)
        self.assertRaises(Unreadable, self.open, Path("no-such-file.csv"))
        self.assertRaises(Unreadable, self.open, self.file("First name\nA\n"), format="zz")

    @given(
        st.lists(
            st.tuples(
                st.text("abcÄößéñ ,;\"|\n'", min_size=1, max_size=9).filter(str.strip),
                st.text("xyz.,;\t\"'", min_size=1, max_size=9).filter(str.strip),
            ),
            min_size=1,
            max_size=9,
        ),
        st.sampled_from(",;\t|"),
        st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
        st.sampled_from(["\n", "\r\n"]),
    )
    def test_dialects(
        self, rows: Sequence[tuple[str, str]], delimiter: str, encoding: str, end: str
    ) -> None:
        """Whatever the dialect, each cell comes back as it was written."""
        text = io.StringIO(newline="")
        writer = csv.writer(text, delimiter=delimiter, lineterminator=end)
        writer.writerow(["First name", "Department", "Location"])
        writer.writerows([(first, second, "x") for first, second in rows])
        path = self.file(text.getvalue().encode(encoding))
        found = [row.cells for row in self.open(path).rows()]
        self.assertEqual(found, [(first, second, "x") for first, second in rows])
