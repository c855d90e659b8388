"""Bugs in what people meet first: warnings, checks, employee numbers, and being found by name."""

from __future__ import annotations

from tests.faults.planted_bug import Bug, bug

_EMPLOYEES = "records/operations/employees.py"
_METHODS = "records/operations/methods.py"
_OPERATIONS = "records.test.operations.test"
_WARNINGS = "records/operations/warnings.py"
_WARNING_TESTS = f"{_OPERATIONS}_warnings"

PEOPLE: tuple[Bug, ...] = (
    bug(
        "entry-point-reveals-unaudited",
        "records/gateway/gateway.py",
        "A reveal is audited, whichever entry point it comes from.",
        "records.test.gateway.test_gateway.RequestTests.test_reveal",
        ("                method = method.for_params(decoded)\n", ""),
    ),
    bug(
        "check-stores-an-addition",
        _EMPLOYEES,
        "A check changes nothing.",
        f"{_WARNING_TESTS}.CheckOnlyTests.test_add",
        (
            "    if not params.check_only:\n        tx.employees.add(employee)",
            "    if employee:\n        tx.employees.add(employee)",
        ),
    ),
    bug(
        "check-stores-a-change",
        _EMPLOYEES,
        "A check changes nothing.",
        f"{_WARNING_TESTS}.CheckOnlyTests.test_update",
        (
            "    if not params.check_only:\n        tx.employees.replace(",
            "    if after:\n        tx.employees.replace(",
        ),
    ),
    bug(
        "check-uses-up-its-key",
        _METHODS,
        "The change that follows a check may have the same key.",
        f"{_WARNING_TESTS}.CheckOnlyTests.test_key",
        ("    return None if is_check else params.key\n", "    return params.key\n"),
    ),
    bug(
        "warns-of-unreadable-fields",
        _WARNINGS,
        "Warnings go by fields that the user may read.",
        f"{_WARNING_TESTS}.SecretTests",
        ("        if seen.issuperset(fields) and", "        if"),
    ),
    bug(
        "warns-of-untouched-fields",
        _WARNINGS,
        "A change of other fields is not warned of.",
        f"{_WARNING_TESTS}.DuplicateTests.test_update",
        (
            'birth_date"] and not set(PERSON_FIELDS).isdisjoint(touched):',
            'birth_date"]:',
        ),
        (" and not set(fields).isdisjoint(touched)", ""),
    ),
    bug(
        "duplicate-of-oneself",
        _WARNINGS,
        "Nobody is a duplicate of themselves.",
        f"{_WARNING_TESTS}.DuplicateTests.test_not_oneself",
        ("        if other_id != employee.id and ", "        if "),
    ),
    bug(
        "number-of-two",
        "records/model/values.py",
        "No two employees have the same employee number, whatever its case.",
        f"{_WARNING_TESTS}.NumberTests.test_unique",
        ('unicodedata.normalize("NFKC", code).casefold())', 'unicodedata.normalize("NFKC", code))'),
    ),
    bug(
        "anybodys-record-by-number",
        _EMPLOYEES,
        "By number, one's own record is told from those of others.",
        f"{_WARNING_TESTS}.NumberTests.test_own_record",
        (
            "    employee_id = _id_of(tx, params)\n    require(catalogue, user, Action.READ, (",
            "    employee_id = _id_of(tx, params) and user.employee_id\n"
            "    require(catalogue, user, Action.READ, (",
        ),
    ),
    bug(
        "error-follows-from-another",
        "records/model/employee.py",
        "An error never follows from another.",
        f"{_OPERATIONS}_employees.AddTests.test_bad_name_alone",
        ("        if not {name, *compared} & set(wrong):\n", "        if name not in wrong:\n"),
    ),
    bug(
        "mueller-not-found",
        "records/model/search.py",
        "People are found by their names as others type them.",
        "records.test.model.test_search.SearchTests.test_people",
        ("    found = [folded, _one_spelling(folded)]\n    if", "    found = [folded]\n    if"),
    ),
    bug(
        "old-words-stay",
        "records/store/sqlite/database.py",
        "A database of an earlier version finds people by the present rules.",
        "records.test.store.sqlite.test_version_1.Version1Tests.test_names_are_found",
        (
            "            if needs_words(connection, self._words_version):\n",
            "            if not self._path:\n",
        ),
    ),
    bug(
        "words-half-made",
        "records/store/sqlite/upgrade.py",
        "If making the words is interrupted, the old ones stay.",
        "records.test.store.sqlite.test_version_1.Version1Tests.test_interrupted",
        (
            '    with connection:\n        connection.execute("DELETE FROM employee_words")\n',
            '    connection.execute("DELETE FROM employee_words")\n    with connection:\n',
        ),
    ),
    bug(
        "history-tells-the-period",
        "records/model/history.py",
        "The digests of earlier versions' history still hold.",
        "records.test.store.sqlite.test_version_1.Version1Tests.test_verified",
        ('and value.per == "year":', 'and value.per == "never":'),
    ),
)
