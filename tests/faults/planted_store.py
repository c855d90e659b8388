"""Bugs in the store: durability, transactions, what is remembered, and the SQL."""

from __future__ import annotations

from tests.faults.planted_bug import Bug, bug

_SQLITE = "records/store/sqlite/database.py"
_TRANSACTIONS = "records/store/sqlite/transactions.py"
_BATCHING = "records/store/dispatch.py"
_ACCOUNTS = "records/store/sqlite/accounts.py"
_EMPLOYEES = "records/store/sqlite/employees.py"
_PAGES = "records/store/sqlite/pages.py"
_JOURNAL = "records/store/sqlite/journal.py"
_TESTS = "records.test.store.sqlite.test_database"

DURABILITY: tuple[Bug, ...] = (
    bug(
        "commit-not-synced",
        _SQLITE,
        "A change is on the disk before it is answered.",
        "tests.faults.test_power.PowerLossTests.test_nothing_acknowledged_is_lost",
        ('"synchronous": 2,', '"synchronous": 1,'),
    ),
    bug(
        "no-sync-at-all",
        _SQLITE,
        "A power loss does not damage the database.",
        "tests.faults.test_power.PowerLossTests.test_nothing_acknowledged_is_lost",
        ('"synchronous": 2,', '"synchronous": 0,'),
    ),
    bug(
        "answered-before-commit",
        _TRANSACTIONS,
        "A change is committed before it is answered, and not right after that.",
        f"{_TESTS}.SqliteTransactionTests.test_all_or_nothing",
        (
            '            execute("COMMIT")\n        except (apsw.FullError',
            "            pass\n        except (apsw.FullError",
        ),
        (
            "        if self._log_pages >= CHECKPOINT_PAGES:\n",
            "        if self._connection.in_transaction:\n"
            '            self._connection.execute("COMMIT")\n'
            "        if self._log_pages >= CHECKPOINT_PAGES:\n",
        ),
        (
            "        self._checkpoint(self._last_checkpoint)\n",
            "        self.maintain()\n        self._checkpoint(self._last_checkpoint)\n",
        ),
    ),
    bug(
        "folder-not-synced",
        "records/runtime/files.py",
        "A file that took its place has it after a power loss.",
        "tests.faults.test_power_first_start",
        ("    _sync(path.parent)\n", ""),
    ),
    bug(
        "made-folder-not-synced",
        "records/runtime/files.py",
        "A folder that was made for the data is there after a power loss.",
        "tests.faults.test_power_first_start",
        ("            _sync(each.parent)\n", "            pass\n"),
    ),
    bug(
        "draft-not-synced",
        "records/runtime/files.py",
        "A file that took its place is whole after a power loss.",
        "tests.faults.test_power_first_start",
        ("    _sync(draft)\n", ""),
    ),
    bug(
        "unknown-commit-is-success",
        _TRANSACTIONS,
        "Where it cannot be known whether a commit is durable, it is not answered as done.",
        f"{_TESTS}.FaultTests.test_commit_unknown",
        (
            "            return _all_refused(works, error)\n        except apsw.Error as error:\n"
            "            raise CommitUnknown(type(error).__name__) from error\n        return done",
            "            return _all_refused(works, error)\n        except apsw.Error:\n"
            "            return done\n        return done",
        ),
    ),
    bug(
        "full-disk-is-success",
        _TRANSACTIONS,
        "A change that a full disk refused is answered with `busy`.",
        "records.test.store.sqlite.test_full_disk.FullAtCommitTests.test_refused",
        (
            "            # Neither has made the commit's last frame durable: it is known not to be "
            "done.\n            self._abandon()\n            return _all_refused(works, error)\n",
            "            self._abandon()\n            return done\n",
        ),
    ),
    bug(
        "checkpoint-failure-swallowed",
        _TRANSACTIONS,
        "After a failed fsync nothing more is written, also where it was a checkpoint's.",
        f"{_TESTS}.FaultTests.test_checkpoint_fails",
        (
            "            self._log_pages = 0\n        except apsw.Error as error:\n"
            "            raise CommitUnknown(type(error).__name__) from error",
            "            self._log_pages = 0\n        except apsw.Error:\n"
            "            self._log_pages = 0",
        ),
    ),
    bug(
        "goes-on-after-a-failed-sync",
        "records/daemon/service.py",
        "A failed fsync stops the daemon.",
        "records.test.daemon.test_service_stop.FatalTests.test_answered",
        ("        self._environment.reactor.callLater(0, self._stop_reactor)\n", ""),
    ),
    bug(
        "writes-after-a-failed-sync",
        _BATCHING,
        "Nothing more is taken on once a commit's outcome could not be known.",
        "records.test.store.test_dispatch_ends.DeathTests.test_commit_unknown",
        ("            self._broken = True\n", ""),
    ),
    bug(
        "damage-not-looked-for",
        _SQLITE,
        "A damaged database is refused when it is opened.",
        "records.test.store.sqlite.test_open.OpenTests.test_damaged",
        ('        if told != "ok":\n', '        if told == "":\n'),
    ),
    bug(
        "damaged-accounts-not-looked-for",
        _SQLITE,
        "Damaged accounts are found when a database is opened, however large it is.",
        "records.test.store.sqlite.test_open.OpenTests.test_damaged_accounts",
        ('QUICK_CHECK_BYTES else "accounts"', 'QUICK_CHECK_BYTES else "sessions"'),
    ),
    bug(
        "unreadable-account-not-told",
        "records/daemon/bootstrap.py",
        "An account that cannot be read is told at the start.",
        "records.test.daemon.test_bootstrap_database.DatabaseTests.test_unreadable_account",
        ("    except ValueError:  # an unknown role", "    except KeyError:  # an unknown role"),
    ),
    bug(
        "look-without-patience",
        _SQLITE,
        "A database that another process is just leaving is waited for.",
        "records.test.store.sqlite.test_open.OpenTests.test_taken",
        ("                glance.set_busy_timeout(BUSY_TIMEOUT)\n", ""),
    ),
    bug(
        "altered-step-accepted",
        "records/store/sqlite/upgrade.py",
        "A database whose schema is not the one that this program knows is refused.",
        "records.test.store.sqlite.test_open.OpenTests.test_altered",
        ("(step.number, step.checksum) != (number, checksum)", "step.number != number"),
    ),
)

TRANSACTIONS: tuple[Bug, ...] = (
    bug(
        "savepoint-forgotten",
        _TRANSACTIONS,
        "A piece of work that fails halfway leaves nothing behind.",
        f"{_TESTS}.SqliteTransactionTests.test_all_or_nothing",
        ("                raise _Halfway from None\n", "                raise\n"),
    ),
    bug(
        "savepoint-not-undone",
        _TRANSACTIONS,
        "A piece of work that fails halfway leaves nothing behind, beside others that do not.",
        f"{_TESTS}.SqliteTransactionTests.test_all_or_nothing",
        ('                execute("ROLLBACK TO work")\n', ""),
    ),
    bug(
        "head-of-what-was-undone",
        _TRANSACTIONS,
        "The audit log's chain goes on from what is there, and not from what was undone.",
        f"{_TESTS}.SqliteJournalTests.test_undone",
        (
            "            self._transaction.forget()\n            self._transaction.settle()\n",
            "            self._transaction.settle()\n",
        ),
    ),
    bug(
        "state-kept-past-an-answer",
        _BATCHING,
        "A read sees every change that has been answered.",
        "records.test.store.test_dispatch.InlineReadTests.test_own_writes",
        ("        self._end_inline()\n        for job,", "        for job,"),
    ),
    bug(
        "denials-pile-up",
        "records/operations/methods.py",
        "Nor does one that must leave a trace, however it was asked.",
        "records.test.server.test_conversation_bulk.RefusedReadsTests.test_nothing_is_left",
        (
            "params, raised))\n        raise Refused(raised.without_traceback()",
            "params, raised))\n        raise Refused(raised",
        ),
    ),
    bug(
        "refusals-pile-up",
        "records/model/errors.py",
        "A refused request leaves nothing in memory.",
        "records.test.store.sqlite.test_database.KeptErrorsTests",
        ("        self.__traceback__ = self.__context__ = self.__cause__ = None\n", ""),
    ),
    bug(
        "state-kept-by-a-reader",
        _BATCHING,
        "A read in another thread sees every change that has been answered.",
        "records.test.store.test_dispatch.InlineReadTests.test_own_writes_by_thread",
        ("        finally:\n            reader.end()\n", "        finally:\n            pass\n"),
        (
            "        transaction = reader.begin()\n",
            "        transaction = getattr(reader, '_transaction')\n"
            "        if not reader._connection.in_transaction:\n"
            "            transaction = reader.begin()\n",
        ),
    ),
    bug(
        "waiting-without-end",
        _BATCHING,
        "Only so many requests wait for a thread; further ones are refused.",
        "records.test.store.test_dispatch.LimitTests.test_waiting",
        ("worker.waiting >= MAX_WAITING_JOBS", "worker.waiting > 100 * MAX_WAITING_JOBS"),
    ),
)

REMEMBERED: tuple[Bug, ...] = (
    bug(
        "stale-permission",
        _ACCOUNTS,
        "Roles are looked up anew for each request.",
        f"{_TESTS}.SqliteAccountsTests.test_never_stale",
        (
            "        self.forget()\n        return self._execute(statement, bound)\n",
            "        return self._execute(statement, bound)\n",
        ),
    ),
    bug(
        "stale-permission-of-others",
        _TRANSACTIONS,
        "What `records.admin` changes counts from the next request on.",
        f"{_TESTS}.SqliteAccountsTests.test_never_stale",
        (
            "            self._version = version\n            self.forget()\n",
            "            self._version = version\n",
        ),
    ),
    bug(
        "stale-own-record",
        _EMPLOYEES,
        "An account whose own record was deleted has none from then on.",
        f"{_TESTS}.SqliteAccountsTests.test_never_stale",
        ("(employee.id,))\n        self._removed()\n", "(employee.id,))\n"),
    ),
)

SQL: tuple[Bug, ...] = (
    bug(
        "deleted-id-used-again",
        _EMPLOYEES,
        "No Employee ID is ever used again.",
        f"{_TESTS}.SqliteEmployeesTests.test_ids",
        ('"coalesce((SELECT max(employee_id) FROM history), 0))"', '"0)"'),
    ),
    bug(
        "search-word-dropped",
        _PAGES,
        "Every word of a search must be found.",
        "records.test.operations.test_search.SearchTests.test_all_words",
        ("in range(len(self._query.words)):", "in range(len(self._query.words[:1])):"),
    ),
    bug(
        "search-words-not-kept-up",
        _EMPLOYEES,
        "After a change a record is found by its new words, and not by those that are gone.",
        "records.test.operations.test_search.SearchTests.test_after_a_change",
        (
            "self._change_words(after.id, *changes)",
            "self._change_words(after.id, set(), changes[1])",
        ),
    ),
    bug(
        "ties-in-no-order",
        _PAGES,
        "Ties go by Employee ID, so that no page misses anybody.",
        "records.test.operations.test_list.PagingTests.test_every_sort",
        (
            'self._after = [f"({self._key}, id) {self._on} (:after_key, :after_id)"]',
            'self._after = [f"{self._key} {self._on} :after_key AND id <> :after_id"]',
        ),
    ),
    bug(
        "page-not-filled",
        _PAGES,
        "A page has all that fit, whichever way they are found.",
        "records.test.store.sqlite.test_pages",
        ("if are_all or len(rows) == self._limit:", "if are_all or rows:"),
    ),
    bug(
        "blanks-found",
        _PAGES,
        "But for `ne` and `pr`, blank fields are never found except by null.",
        "records.test.operations.test_search.ConditionTests.test_every_operator",
        (
            'Operator.LESS: "{column} < :{value}"',
            "Operator.LESS: \"coalesce({column}, '') < :{value}\"",
        ),
    ),
    bug(
        "outcome-of-another-account",
        _JOURNAL,
        "Keys of different accounts have nothing to do with each other.",
        "records.test.operations.test_repetition.OtherRequestTests.test_other_users_key",
        (
            "FROM outcomes WHERE account_id = ? AND key = ?",
            "FROM outcomes WHERE account_id <> -?1 AND key = ?2",
        ),
    ),
    bug(
        "history-row-missing",
        "records/operations/journal.py",
        "Every change has a row in the history.",
        "records.test.operations.test_rules.NotingTests.test_history_and_audit",
        (
            "    tx.journal.add_change(\n        Change(entry.seq, entry.at, user.username, "
            "employee_id, revision, kind, old, new, salt),\n        texts,\n    )\n",
            "    Change(entry.seq, entry.at, user.username, employee_id, revision, kind, old, new, "
            "salt)\n",
        ),
    ),
    bug(
        "audit-of-a-change-missing",
        _JOURNAL,
        "Every change has an entry in the audit log.",
        "records.test.operations.test_rules.NotingTests.test_history_and_audit",
        (
            "        self._change(\n            _APPEND,\n",
            "        event.digest or self._change(\n            _APPEND,\n",
        ),
    ),
)

STORE: tuple[Bug, ...] = (*DURABILITY, *TRANSACTIONS, *REMEMBERED, *SQL)
