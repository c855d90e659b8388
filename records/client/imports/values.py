"""Turns the cells of a row into the values of fields, after the file as a whole has been looked at.

Owns the combination of several columns into one field. Each value that cannot be read is an error
of its row. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date

import msgspec

from records.api.messages import FieldInfo
from records.client.fields import Fields, check_typed
from records.client.imports import headers
from records.client.imports.amounts import AmountColumn, read_amount, read_plain
from records.client.imports.columns import Column
from records.client.imports.dates import DateColumns, read_in_column
from records.client.imports.tables import ABSENT, Cell, Decision, plain
from records.client.region import Region
from records.model.errors import FieldError
from records.model.fields import Kind
from records.model.values import Invalid, check_choice

_MASK = re.compile(r"\*{3}(?:-\*\*-\d{4})?")
_GUARDED = re.compile(r"\A'(?=[=+\-@\t\r'])")
_SSN_DIGITS = 9
_ZIP_DIGITS = 5
_AMERICA = frozenset(("us", "usa", "unitedstates", "unitedstatesofamerica"))
_ERROR_CELL = re.compile(r"#(?:N/A|REF!|VALUE!|NAME\?|DIV/0!|NULL!|NUM!|SPILL!|CALC!)|Err:\d{3}")
"""What spreadsheets show in place of a value that they could not compute."""
_SUFFIXES = frozenset(
    {
        *("jr", "sr", "junior", "senior", "ii", "iii", "iv", "esq"),
        *("phd", "md", "dds", "dvm", "cpa", "rn", "mba", "msc", "bsc"),
    }
)
"""What may follow a name and a comma without being a given name."""
_PERIODS = {headers.YEARLY: "year", headers.MONTHLY: "month", headers.HOURLY: "hour"}
_MANAGER_BY = {
    headers.MANAGER: "name",
    headers.MANAGER_NUMBER: "employee_number",
    headers.MANAGER_EMAIL: "email",
}
_PAY = ("salary", headers.YEARLY, headers.MONTHLY, headers.HOURLY)
_COMMON = ("id", "manager_id", "home_address", "salary", "status", "employment_type")


class RowReader:
    """Reads the rows of one table: first `note` for each row, then `decide`, then `read`."""

    def __init__(
        self,
        columns: Sequence[Column],
        dates: DateColumns,
        decimal: str | None,
        fields: Fields,
        region: Region,
        today: date,
    ) -> None:
        self.columns = tuple(columns)
        self.decisions: tuple[Decision, ...] = ()
        self._fields, self._region, self._today = fields, region, today
        self._used = [each for each in columns if each.field is not None]
        self._place = {each.meaning: each.place for each in self._used}
        self._dates = dates
        self._amounts = {
            each.place: AmountColumn(each.header, decimal)
            for each in self._used
            if each.meaning in _PAY or self._has_mark(each)
        }
        self._date_columns = [each for each in self._used if self._kind(each) is Kind.DATE]
        self._orders: dict[str, str | None] = {}
        self._marks: dict[int, str | None] = {}
        self._numbers: set[str] = set()
        self._short_ssns = self._short_zips = self._ended = self._phones = 0
        self._is_typed = True

    def _kind(self, column: Column) -> Kind | None:
        info = self._fields.get(column.meaning)
        try:
            return Kind(info.kind) if info is not None else None
        except ValueError:  # a type that this client does not know
            return None

    def _has_mark(self, column: Column) -> bool:
        """Whether a column of the company's own holds numbers or amounts."""
        return column.meaning == column.field and self._kind(column) in (Kind.NUMBER, Kind.MONEY)

    def note(self, cells: Sequence[Cell]) -> None:
        """Look at a row, for what the file as a whole decides."""
        for column in self._date_columns:
            text = self._text(cells, column.place)
            if text:
                self._dates.note(column.header, text)
        for place, amounts in self._amounts.items():
            text = self._amount(cells, place)
            if text and not _MASK.fullmatch(text):
                amounts.note(text)
        ssn = self._cell(cells, "ssn")
        self._short_ssns += ssn.isdecimal() and len(ssn) < _SSN_DIGITS
        self._short_zips += self._is_short_zip(cells)
        number = self._cell(cells, "employee_number")
        if headers.MANAGER in self._place and number and len(self._numbers) < 100_000:  # noqa: PLR2004
            self._numbers.add(number.casefold())
        self._phones += bool(self._cell(cells, "phone") or self._cell(cells, "personal_phone"))
        ended = self._cell(cells, "termination_date")
        self._ended += "status" not in self._place and bool(ended)

    def _is_short_zip(self, cells: Sequence[Cell]) -> bool:
        code, country = self._cell(cells, headers.ADDRESS[4]), self._cell(cells, headers.ADDRESS[5])
        named = plain(country).replace(" ", "")
        is_american = named in _AMERICA if named else self._region.code == "US"
        return is_american and code.isdecimal() and len(code) == _ZIP_DIGITS - 1

    def decide(self, *, is_typed: bool) -> None:
        """Decide what the values do not tell one by one. Raises `Unclear`.

        is_typed: whether the values are text as people write it, and not the protocol's.
        """
        self._is_typed = is_typed
        if not is_typed:
            return
        self._orders = self._dates.orders()
        found = self._dates.decisions(self._orders)
        for place, amounts in self._amounts.items():
            self._marks[place] = amounts.mark()
            decision = amounts.decision(self._marks[place])
            found += [decision] if decision else []
        found += self._told()
        self.decisions = tuple(found)

    def _told(self) -> list[Decision]:
        """Decisions about single columns."""
        found = []
        if self._amounts and headers.CURRENCY not in self._place:
            text = f"Amounts that name no currency are in {self._region.currency}."
            found.append(Decision("currency", self._region.currency, text))
        if self._phones:
            text = f"Phone numbers without a country code are of the region {self._region.code}."
            found.append(Decision("region", self._region.code, text))
        if self._short_ssns:
            text = f"Leading zeros of {self._short_ssns} SSNs were lost, and are added again."
            found.append(Decision("zeros", str(self._short_ssns), text))
        if self._short_zips:
            text = f"Leading zeros of {self._short_zips} ZIP codes were lost, and are added again."
            found.append(Decision("zeros", str(self._short_zips), text))
        if self._ended:
            text = "There is no status: whose termination date is past has left."
            found.append(Decision("status", "left", text))
        return found

    def _text(self, cells: Sequence[Cell], place: int) -> str:
        cell = cells[place] if place < len(cells) else None
        return "" if cell is None else _GUARDED.sub("", str(cell).strip(), count=1)

    def _amount(self, cells: Sequence[Cell], place: int) -> str:
        text = self._text(cells, place)
        # A number of a sheet has no mark of thousands, and more digits say so.
        return f"{text}0" if place < len(cells) and isinstance(cells[place], float) else text

    def _cell(self, cells: Sequence[Cell], meaning: str) -> str:
        place = self._place.get(meaning)
        return "" if place is None else self._text(cells, place)

    def read(self, cells: Sequence[Cell]) -> tuple[dict[str, object], tuple[FieldError, ...]]:
        """The values of a row, and an error for each that cannot be read."""
        if not self._is_typed:
            return self._as_sent(cells), ()
        values: dict[str, object] = {}
        errors: list[FieldError] = []
        for column in self._used:
            if column.field in values or any(column.field == each.field for each in errors):
                continue
            text = self._text(cells, column.place)
            if _MASK.fullmatch(self._pay(cells) if column.field == "salary" else text):
                continue
            try:
                if _ERROR_CELL.fullmatch(text):
                    raise Invalid(f"is {text}, an error of the spreadsheet. Correct that cell.")
                values.update(self._value(column, text, cells))
            except Invalid as reason:
                name = str(column.field)
                values[name] = text
                info = self._fields.get(name)
                label = info.label if info is not None else name
                errors.append(FieldError(name, f"{label} {reason}"))
        width = len(self.columns)
        if any(cell not in (None, "") for cell in cells[width:]):
            why = "This row has more cells than the header. Is something not in quotation marks?"
            errors.append(FieldError("row", why))
        self._add_status(values)
        return values, tuple(errors)

    def _as_sent(self, cells: Sequence[Cell]) -> dict[str, object]:
        found: dict[str, object] = {}
        for column in self._used:
            cell = cells[column.place]
            if cell is not ABSENT and not (isinstance(cell, str) and _MASK.fullmatch(cell)):
                found[str(column.field)] = "" if cell is None else cell
        return found

    def _value(self, column: Column, text: str, cells: Sequence[Cell]) -> Mapping[str, object]:
        """The fields that a column makes, with the others that belong to it."""
        if column.meaning in _NAMES:
            return _NAMES[column.meaning](text)
        if column.field in _COMMON:
            return {column.field: self._common(column, text, cells)}
        if column.meaning != column.field:
            return {}  # a part of an amount, which is read with it
        if not text:
            return {str(column.field): ""}
        info = self._fields.get(str(column.field))
        assert info is not None
        return {info.name: self._own(column, info, text, cells)}

    def _own(self, column: Column, info: FieldInfo, text: str, cells: Sequence[Cell]) -> object:
        """The value of a field by its type, a number by the decimal mark of its column."""
        mark = self._marks.get(column.place)
        if info.kind == Kind.MONEY.value:
            currency, per = (self._cell(cells, f"{info.name}/{x}") for x in ("currency", "per"))
            return read_amount(text, mark, currency, per, self._region)
        if info.kind == Kind.NUMBER.value:
            return read_plain(text, mark)
        return self._typed(column, info, text)

    def _common(self, column: Column, text: str, cells: Sequence[Cell]) -> object:
        """The value of a field that has forms of its own."""
        if column.field == "manager_id":
            return self._manager(column, text)
        if column.field == "home_address":
            return self._address(cells)
        if column.field == "salary":
            return self._salary(cells)
        if column.field == "status":
            return headers.STATUSES.get(plain(text), text)
        if column.field == "employment_type":
            return headers.TYPES.get(plain(text), text)
        return int(text) if text.isascii() and text.isdecimal() else text

    def _typed(self, column: Column, info: FieldInfo, text: str) -> object:
        if info.kind == Kind.DATE.value:
            order = self._orders.get(column.header)
            return read_in_column(text, order, info.name, self._today, self._region)
        if info.kind == Kind.SSN.value and text.isdecimal() and len(text) < _SSN_DIGITS:
            text = text.zfill(_SSN_DIGITS)
        if info.kind == Kind.CHOICE.value:
            return check_choice(text, info.choices)  # in a file, the beginning of one is a mistake
        checked = check_typed(info, _one_line(text), self._region, self._today)
        return msgspec.to_builtins(checked)

    def _manager(self, column: Column, text: str) -> object:
        """Whom a cell names: an Employee ID, or a number, an e-mail address or a name."""
        if not text:
            return ""
        if column.meaning == headers.MANAGER_ID:
            return int(text) if text.isascii() and text.isdecimal() else {"employee_number": text}
        kind = _MANAGER_BY[column.meaning]
        if kind == "name":
            if "@" in text:
                kind = "email"
            elif text.casefold() in self._numbers or not any(each.isalpha() for each in text):
                kind = "employee_number"
        return {kind: text}

    def _address(self, cells: Sequence[Cell]) -> str:
        """The parts of an address in one line: 12 Alder St, Apt 4, Portland, OR 02134."""
        whole = _one_line(self._cell(cells, "home_address"))
        parts = {name: _one_line(self._cell(cells, name)) for name in headers.ADDRESS}
        code = parts["zip"]
        parts["zip"] = code.zfill(_ZIP_DIGITS) if self._is_short_zip(cells) else code
        if whole and parts["address1"] and whole != parts["address1"]:
            raise Invalid("stands in two columns, which differ. Leave one out with --map.")
        if whole and all(_has(whole, each) for each in parts.values()):
            return whole  # the whole address, beside its parts
        parts["address1"] = parts["address1"] or whole
        if self._region.code in ("US", "CA", "GB", "AU", "IE", "NZ"):
            state = " ".join(each for each in (parts["state"], parts["zip"]) if each)
            lines = (parts["address1"], parts["address2"], parts["city"], state, parts["country"])
        else:
            city = " ".join(each for each in (parts["zip"], parts["city"]) if each)
            lines = (parts["address1"], parts["address2"], city, parts["state"], parts["country"])
        return ", ".join(each for each in lines if each)

    def _pay_column(self) -> str:
        """The meaning of the column with the amount."""
        return next((each for each in _PAY if each in self._place), "salary")

    def _pay(self, cells: Sequence[Cell]) -> str:
        return self._amount(cells, self._place.get(self._pay_column(), len(cells)))

    def _salary(self, cells: Sequence[Cell]) -> object:
        """The amount, with the currency and the period of their own columns."""
        text = self._pay(cells)
        if not text:
            return ""
        meaning = self._pay_column()
        currency = self._cell(cells, headers.CURRENCY)
        typed = self._cell(cells, headers.PER)
        per = _PERIODS.get(meaning, "")
        if typed:
            per = headers.PERIODS.get(plain(typed), "")
            if not per:
                raise Invalid("must be paid per year, month or hour.")
        mark = self._marks.get(self._place.get(meaning, -1))
        return read_amount(text, mark, currency, per, self._region)

    def _add_status(self, values: dict[str, object]) -> None:
        """The status of somebody whose termination date is past, where the file has none."""
        ended = values.get("termination_date")
        today = self._today.isoformat()
        if self._ended and isinstance(ended, str) and "" < ended <= today:
            values.setdefault("status", "left")


def _one_line(text: str) -> str:
    return ", ".join(part.strip() for part in text.splitlines() if part.strip())


def _has(whole: str, part: str) -> bool:
    """Whether a part of an address stands in the whole one, as words of it."""
    return f" {plain(part)} " in f" {plain(whole)} " or not plain(part)


def _last_first(text: str) -> dict[str, object]:
    """Lee, Ann; or a single name."""
    family, comma, given = (part.strip() for part in text.partition(","))
    if "," in given or plain(given).replace(" ", "") in _SUFFIXES:
        raise Invalid(
            f"cannot be told from what else stands in {text!r}. Write it as Family name, Given "
            "name, with a column of its own for a suffix or a title."
        )
    return {"family_name": family, "given_name": given if comma else ""}


def _full_name(text: str) -> dict[str, object]:
    """Ann Lee, or Lee, Ann. With more words it is not known where the family name begins."""
    if "," in text:
        return _last_first(text)
    words = text.split()
    if len(words) > 2:  # noqa: PLR2004
        raise Invalid(
            f"cannot be told from the given name in {text}. Write it as Family name, Given name."
        )
    if len(words) == 2:  # noqa: PLR2004
        return {"family_name": words[1], "given_name": words[0]}
    return {"family_name": text, "given_name": ""}


_NAMES = {headers.LAST_FIRST: _last_first, headers.FULL_NAME: _full_name}
