"""Bugs in what each method does: permissions, checks, masks, keys."""

from __future__ import annotations

from tests.faults.planted_bug import Bug, bug

_ACCESS = "records/model/access.py"
_EMPLOYEES = "records/operations/employees.py"
_LISTS = "records/operations/lists.py"
_METHODS = "records/operations/methods.py"
_SESSIONS = "records/operations/sessions.py"
_OPERATIONS = "records.test.operations.test"

PERMISSIONS: tuple[Bug, ...] = (
    bug(
        "fields-defined-by-anybody",
        "records/operations/fields.py",
        "Nobody but an owner changes what fields there are.",
        f"{_OPERATIONS}_own_fields.DefinitionTests.test_owners_only",
        (
            "    require_administration(user, Action.DEFINE_FIELDS)\n    kind",
            "    kind",
        ),
    ),
    bug(
        "retired-still-found",
        "records/store/sqlite/employees.py",
        "Nobody finds an employee by the value of a field that is out of use.",
        f"{_OPERATIONS}_own_fields.RetiredTests.test_hidden",
        ("                self._change_words(employee_id, words - fresh, fresh - words)\n", ""),
    ),
    bug(
        "retired-values-lost",
        "records/store/sqlite/own_fields.py",
        "A field that is taken into use again has its values, whatever was changed meanwhile.",
        f"{_OPERATIONS}_own_fields.RetiredTests.test_taken_into_use_again",
        ("        if present is None:\n            return text\n", "        return text\n"),
    ),
    bug(
        "definition-outlives-its-batch",
        "records/store/sqlite/transactions.py",
        "A definition that is undone is gone for the next work too.",
        "records.test.store.sqlite.test_database.SqliteOwnFieldsTests.test_undone",
        ("            self._transaction.settle()\n", ""),
    ),
    bug(
        "role-sees-too-much",
        _ACCESS,
        "Each role may do what the protocol's table says, and nothing else.",
        "records.test.model.test_access.MatrixTests.test_every_cell",
        ("    Role.IT: _SEES_DIRECTORY\n", "    Role.IT: _SEES_DIRECTORY | _SEES_OWN_RECORD\n"),
    ),
    bug(
        "nobody-is-everybody",
        _ACCESS,
        "Whose account has no record of its own may not do on all what is allowed on one's own.",
        "records.test.model.test_access.MatrixTests.test_without_a_record",
        (
            "return subject is not None and user.employee_id == subject",
            "return user.employee_id == subject",
        ),
    ),
    bug(
        "changed-before-the-gate",
        _EMPLOYEES,
        "The permission comes first: a refusal tells nothing of what is stored.",
        f"{_OPERATIONS}_gate.OrderTests.test_denial_before_anything_else",
        (
            "    require(tx.catalogue, user, Action.UPDATE, named, params.id)\n    before",
            "    before",
        ),
        (
            "    note_change(tx, user, before, after, touched)\n",
            "    note_change(tx, user, before, after, touched)\n"
            "    require(tx.catalogue, user, Action.UPDATE, named, params.id)\n",
        ),
    ),
    bug(
        "looked-up-before-the-gate",
        _EMPLOYEES,
        "Who may not delete does not learn whether there is such an employee.",
        f"{_OPERATIONS}_gate.OrderTests.test_denial_before_anything_else",
        (
            "    require_on_record(user, Action.DELETE, params.id)\n"
            "    employee = _at_revision(tx, user, params.id, params.revision)\n",
            "    employee = _at_revision(tx, user, params.id, params.revision)\n"
            "    require_on_record(user, Action.DELETE, params.id)\n",
        ),
    ),
    bug(
        "field-not-gated",
        _EMPLOYEES,
        "To change a field needs `update` on its class.",
        f"{_OPERATIONS}_gate.EveryFieldTests.test_update",
        ('named = ("given_name", *tx.catalogue.known(params.changes))', 'named = ("given_name",)'),
    ),
    bug(
        "reveal-not-gated",
        _EMPLOYEES,
        "To reveal a masked field needs `reveal` on its class.",
        f"{_OPERATIONS}_reveal.ReadOnlyTests.test_reveal",
        ("    require(catalogue, user, Action.REVEAL, masked, employee_id)\n", ""),
    ),
    bug(
        "chosen-by-an-unreadable-field",
        _LISTS,
        "What may not be read may not be chosen by either.",
        f"{_OPERATIONS}_list.GateTests.test_asking_about_fields",
        ("known([*(params.where or {}), ", "known(["),
    ),
    bug(
        "sorted-by-an-unreadable-field",
        _LISTS,
        "What may not be read may not be sorted by either.",
        f"{_OPERATIONS}_list.GateTests.test_asking_about_fields",
        ("{}), sort, *params.fields])", "{}), *params.fields])"),
    ),
    bug(
        "listed-an-unreadable-field",
        _LISTS,
        "A field that may not be read is refused where it is asked for, too.",
        f"{_OPERATIONS}_export_list.FieldsTests.test_gate",
        ("sort, *params.fields])", "sort])"),
    ),
    bug(
        "revealed-all-without-a-right",
        _LISTS,
        "Who may not reveal a field gets none of a list's.",
        f"{_OPERATIONS}_export_list.RevealTests.test_denied",
        ("    require(catalogue, user, Action.REVEAL, masked)\n", ""),
    ),
    bug(
        "revealed-all-unaudited",
        _LISTS,
        "Each revealed page is in the audit log.",
        f"{_OPERATIONS}_export_list.RevealTests.test_revealed",
        ("    if sent:\n", "    if False:\n"),
    ),
    bug(
        "somebody-else's-import",
        "records/operations/imports.py",
        "An import is its account's only.",
        f"{_OPERATIONS}_import_plan.GateTests.test_others",
        (" or staged.account_id != user.id", ""),
    ),
    bug(
        "imported-what-may-not-be-written",
        "records/operations/import_judge.py",
        "A column that may not be written leaves the value as it is.",
        f"{_OPERATIONS}_import_apply.NoPayTests.test_salary_stays",
        ("and name not in allowed:", "and False:"),
    ),
    bug(
        "applied-an-outdated-plan",
        "records/operations/import_apply.py",
        "A plan is applied only to the employees that it saw.",
        f"{_OPERATIONS}_import_apply.ApplyTests.test_outdated",
        (" or employee.revision != row.revision:", ":"),
    ),
    bug(
        "ended-many-without-a-word",
        "records/operations/import_apply.py",
        "A large change is confirmed by its count.",
        f"{_OPERATIONS}_import_apply.BrakeTests.test_end",
        ("        if expect.get(name) != count\n", "        if expect.get(name) is None\n"),
    ),
    bug(
        "undid-over-a-later-change",
        "records/operations/import_apply.py",
        "An undo leaves employees who were changed since.",
        f"{_OPERATIONS}_import_apply.UndoTests.test_changed_since",
        ("    if present.revision != row.revision:\n", "    if present.revision < row.revision:\n"),
    ),
    bug(
        "took-the-date-for-american",
        "records/client/imports/dates.py",
        "A date with two readings is asked about.",
        "records.test.client.imports.test_reading.DateTests.test_asked",
        ("            if found[header] is None and (", "            if False and ("),
    ),
    bug(
        "kept-half-an-export",
        "records/client/exports/export.py",
        "An export shows one state.",
        "records.test.client.exports.test_export.ExportTests.test_one_state",
        ("        if seq is not None and page.seq != seq:\n", "        if False:\n"),
    ),
    bug(
        "chosen-by-a-masked-field",
        "records/api/query.py",
        "Nobody is chosen by what is masked.",
        f"{_OPERATIONS}_list.GateTests.test_masked_fields",
        ("        if field is None or field.masked:\n", "        if field is None:\n"),
    ),
    bug(
        "first-password-goes-on",
        _METHODS,
        "Nothing else is done before the first password is changed.",
        f"{_OPERATIONS}_sessions.ChangeFirstTests.test_blocks_everything",
        (
            "        if user.must_change_password:\n            raise",
            "        if user.must_change_password and not user.roles:\n            raise",
        ),
    ),
    bug(
        "first-password-goes-on-with-a-key",
        _METHODS,
        "Nor with a key.",
        "records.test.operations.test_repetition.PresentTests.test_password_to_change",
        (
            "method.replay is not None and not user.must_change_password:",
            "method.replay is not None:",
        ),
    ),
    bug(
        "last-owner-goes",
        "records/operations/accounts.py",
        "The last owner's rights cannot be taken away.",
        f"{_OPERATIONS}_accounts.LastOwnerTests.test_last_owner",
        ("    if owners == [account.id] and not still_owner:\n", "    if not owners:\n"),
    ),
)

CHECKS: tuple[Bug, ...] = (
    bug(
        "email-not-checked",
        "records/model/fields.py",
        "An e-mail address is one.",
        "records.test.model.test_fields.CatalogueTests.test_every_kind_is_checked",
        ("            return values.check_email(raw)\n", "            return str(raw)\n"),
    ),
    bug(
        "ssn-not-checked",
        "records/model/fields.py",
        "A social security number can have been given out.",
        "records.test.model.test_fields.CatalogueTests.test_every_kind_is_checked",
        ("            return values.check_ssn(raw)\n", "            return str(raw)\n"),
    ),
    bug(
        "phone-plan-not-checked",
        "records/model/values.py",
        "A phone number is one that its country's plan allows.",
        "records.test.model.test_values_forms.PhoneTests.test_refused",
        (" or not phonenumbers.is_valid_number(number):", ":"),
    ),
    bug(
        "invisible-characters-stored",
        "records/model/values.py",
        "Text holds no invisible characters, nor what turns the direction of writing.",
        "records.test.model.test_values.TextTests.test_refused",
        (' or (category == "Cf" and character not in _JOINERS):', ":"),
    ),
    bug(
        "control-characters-stored",
        "records/model/values.py",
        "Text holds no control characters.",
        "records.test.model.test_values.TextTests.test_refused",
        ('        if category in ("Cc", ', "        if category in ("),
    ),
    bug(
        "cents-cut-off",
        "records/model/values.py",
        "An amount has no more digits than its currency.",
        "records.test.model.test_fields.MoneyTests.test_refused",
        ("    if len(fraction) > digits:\n", "    if len(fraction) > 6:\n"),
    ),
    bug(
        "born-in-the-future",
        "records/model/employee.py",
        "A birth date is not in the future.",
        "records.test.model.test_employee.CheckWholeTests.test_birth",
        ("    if born and born > today.isoformat():\n", '    if born and born > "9999":\n'),
    ),
    bug(
        "left-without-a-date",
        "records/model/employee.py",
        "Whoever left has a termination date.",
        "records.test.model.test_employee.CheckWholeTests.test_status",
        (
            'if values.get("status") == "left" and not left:',
            'if values.get("status") == "left" and not left and hired:',
        ),
    ),
    bug(
        "changed-record-not-checked-as-a-whole",
        _EMPLOYEES,
        "After a change the record as a whole still fits together.",
        f"{_OPERATIONS}_employees.UpdateTests.test_fits_what_is_there",
        (
            "    good, values, errors = checked(tx, before.values, params.changes)\n",
            "    good, errors = check_fields(params.changes)\n"
            "    values = {**before.values, **good}\n",
        ),
    ),
    bug(
        "circle-of-managers",
        _EMPLOYEES,
        "Nobody reports to themselves in the end.",
        f"{_OPERATIONS}_rules.ManagerTests.test_circles",
        (
            "        if above == employee_id:\n            break\n",
            "        if above == employee_id:\n            return\n",
        ),
    ),
    bug(
        "ssn-of-two",
        _EMPLOYEES,
        "Another employee's social security number is answered with `already-exists`.",
        f"{_OPERATIONS}_rules.SsnTests.test_taken",
        ("    taken += check_unique(tx, None, tx.catalogue.blank, values)\n", ""),
    ),
    bug(
        "manager-deleted",
        _EMPLOYEES,
        "Nobody is deleted to whom somebody reports.",
        f"{_OPERATIONS}_employees.DeleteTests.test_with_reports",
        ("    if reports:\n", "    if reports > 1:\n"),
    ),
    bug(
        "revision-not-compared",
        _EMPLOYEES,
        "Nobody's change is overwritten by somebody who has not seen it.",
        f"{_OPERATIONS}_employees.RevisionTests.test_conflict",
        ("    if employee.revision != revision:\n", "    if employee.revision < revision:\n"),
    ),
    bug(
        "cursor-not-checked",
        "records/api/query.py",
        "A cursor is good for its own list only.",
        "records.test.api.test_query.CursorTests.test_another_list",
        (
            "    if mark != fingerprint or isinstance(key, int | float)",
            "    if isinstance(key, int)",
        ),
    ),
)

MASKS: tuple[Bug, ...] = (
    bug(
        "pay-not-masked",
        "records/model/fields.py",
        "Pay comes masked.",
        "records.test.model.test_fields.CatalogueTests.test_masked",
        ("frozenset({FieldClass.PAY, FieldClass.IDENTITY})", "frozenset({FieldClass.IDENTITY})"),
    ),
    bug(
        "own-record-not-masked",
        _ACCESS,
        "One's own record comes masked too.",
        "records.test.model.test_access.ViewTests.test_plain_masked_absent",
        (
            "if f.masked and f.name not in revealed]",
            "if f.masked and f.name not in revealed and not own]",
        ),
    ),
    bug(
        "mask-shows-all",
        "records/model/fields.py",
        "The mask of a social security number shows its last four digits.",
        "records.test.model.test_fields.CatalogueTests.test_mask",
        ("{str(value)[-4:]}", "{str(value)[-6:]}"),
    ),
    bug(
        "all-revealed",
        _ACCESS,
        "Only what is named is revealed.",
        f"{_OPERATIONS}_rules.RevealTests.test_reveal",
        ("if f.masked and f.name not in revealed]", "if f.masked and not revealed]"),
    ),
    bug(
        "manager-sees-masked-pay-of-all",
        _ACCESS,
        "A field that the user may not read at all is absent.",
        "records.test.model.test_access.ViewTests.test_colleague",
        ("        if grant.scope is Scope.ALL or own\n", "        if grant.scope in Scope\n"),
    ),
    bug(
        "list-not-masked",
        "records/model/employee.py",
        "A list is masked like the records in it.",
        "records.test.model.test_employee.VisibleTests.test_listing",
        ("hidden = [mask(values[place])", "hidden = [values[place]"),
    ),
    bug(
        "list-seen-as-ones-own",
        _LISTS,
        "In a list others' records are seen as others'.",
        f"{_OPERATIONS}_list.GateTests.test_own_record_in_the_list",
        ("show_own(each) if owns(user, each.id) else show(each)", "show_own(each)"),
    ),
)

KEYS: tuple[Bug, ...] = (
    bug(
        "outcome-not-kept",
        _METHODS,
        "A change that is repeated under its key has one effect.",
        "records.test.operations.test_repetition.OnceTests.test_add",
        (
            "    keep(tx, user, key, request, replay.keep(result))\n    return result\n",
            "    return result\n",
        ),
    ),
    bug(
        "refusal-not-kept",
        _METHODS,
        "A refusal that is repeated under its key is the same.",
        "records.test.operations.test_repetition.ErrorTests.test_not_found",
        (
            "            remember = Work(keep, (user, key, request, kept_error(raised)))\n",
            "            remember = Work(lambda tx: None)\n",
        ),
    ),
    bug(
        "denial-kept",
        _METHODS,
        "Whether something is allowed is judged anew each time.",
        "records.test.operations.test_repetition.ErrorTests.test_denied",
        (
            "            remember = Work(_note_denial, (user, method, params, raised))\n"
            "        else:\n",
            "            _note_denial(tx, user, method, params, raised)\n        if raised:\n",
        ),
    ),
    bug(
        "any-request-under-a-key",
        "records/operations/repetition.py",
        "Another request under the same key is refused.",
        "records.test.operations.test_repetition.OtherRequestTests.test_refused",
        ("    if found.request != request:\n", "    if not found.request:\n"),
    ),
    bug(
        "present-record-as-the-outcome",
        "records/operations/repetition.py",
        "A repeated success is answered with the record as it was after the change.",
        "records.test.operations.test_repetition.OnceTests.test_later_changes",
        ("changes, kept.revision)", "changes, kept.revision + 1)"),
    ),
    bug(
        "outcome-forgotten-early",
        _SESSIONS,
        "An outcome is kept for 48 hours at least.",
        "records.test.test_protocol_document.TablesTests.test_limits",
        ("OUTCOMES_KEPT = 48 * 60 * 60\n", "OUTCOMES_KEPT = 48 * 60\n"),
    ),
)

POLICY: tuple[Bug, ...] = (*PERMISSIONS, *CHECKS, *MASKS, *KEYS)
