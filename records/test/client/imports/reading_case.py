"""What the tests of reading share: small files, and how they are read."""

from __future__ import annotations

import csv
import io
from datetime import date
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from records.client.imports.reading import ImportFile, ReadOptions, Unclear, open_import
from records.client.region import region_of
from records.test.client.client_case import FIELDS

TODAY = date(2026, 1, 31)


class ReadingCase(SynchronousTestCase):
    """Files that are read as in a region, on 31 January 2026."""

    def file(self, content: bytes | str, name: str = "people.csv") -> Path:
        path = Path(self.mktemp())
        path.mkdir()
        path /= name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def open(self, path: Path, region: str = "US", **options: Any) -> ImportFile:
        return open_import(path, ReadOptions(**options), FIELDS, region_of(region), TODAY)

    def read(self, content: bytes | str, region: str = "US", **options: Any) -> list[Any]:
        """The values of each row that are not blank; of a wrong row the fields that are wrong."""
        return self.values(self.open(self.file(content), region, **options))

    def values(self, file: ImportFile) -> list[Any]:
        found: list[Any] = []
        for row in file.rows():
            if row.errors:
                found.append([each.field for each in row.errors])
                for error in row.errors:
                    self.assertTrue(error.message.endswith((".", "?")), error)
            else:
                found.append({name: value for name, value in row.values.items() if value != ""})
        return found

    def asked(self, content: bytes | str, region: str = "US", **options: Any) -> Unclear:
        """The question that a file leads to, whose every choice leads on."""
        path = self.file(content)
        question: Unclear = self.assertRaises(Unclear, self.open, path, region, **options)
        self.assertTrue(question.question.endswith("."), question.question)
        self.assertTrue(question.command.startswith("--"))
        return question

    def column(self, header: str, *cells: str, region: str = "US", **options: Any) -> list[Any]:
        """The values of one column beside a name; of a wrong cell None."""
        text = io.StringIO()
        csv.writer(text).writerows([["First name", header], *(["A", cell] for cell in cells)])
        found = []
        for row in self.open(self.file(text.getvalue()), region, **options).rows():
            (value,) = [each for name, each in row.values.items() if name != "given_name"]
            found.append(None if row.errors else value)
        return found
