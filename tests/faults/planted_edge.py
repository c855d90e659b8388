"""Bugs at the edge: TLS, keys and files, the start, and the client."""

from __future__ import annotations

from tests.faults.planted_bug import Bug, bug

_TLS = "records/tls/contexts.py"
_TRUST = "records.test.tls.test_contexts.TrustTests"
_INSIST = "records.test.tls.test_contexts.InsistTests"
_CLIENT = "records/client"
_TRUSTING = """\
    made = creator.clientConnectionForTLS

    def trusting(protocol: TLSMemoryBIOProtocol) -> SSL.Connection:
        connection = made(protocol)
        connection.set_verify({mode}, lambda *told: {good})
        return connection

    creator.clientConnectionForTLS = trusting
    return creator
"""
TLS: tuple[Bug, ...] = (
    bug(
        "certificate-not-verified",
        _TLS,
        "The client verifies the daemon's certificate by its authority.",
        f"{_TRUST}.test_unknown_authority",
        ("    return creator\n", _TRUSTING.format(mode="SSL.VERIFY_NONE", good="True")),
    ),
    bug(
        "name-not-verified",
        _TLS,
        "The client verifies that the certificate is for the name that was dialled.",
        f"{_TRUST}.test_wrong_name",
        ("    return creator\n", _TRUSTING.format(mode="SSL.VERIFY_PEER", good="bool(told[4])")),
    ),
    bug(
        "old-version-spoken",
        _TLS,
        "The daemon speaks TLS 1.2 and 1.3, and nothing older.",
        f"{_INSIST}.test_versions",
        (
            "    context.set_options(SSL.OP_NO_COMPRESSION",
            "    context.set_min_proto_version(SSL.TLS1_VERSION)\n"
            '    context.set_cipher_list(b"ALL:@SECLEVEL=0")\n'
            "    context.set_options(SSL.OP_NO_COMPRESSION",
        ),
        (
            "        raiseMinimumTo=TLSVersion.TLSv1_2,\n",
            "        insecurelyLowerMinimumTo=TLSVersion.TLSv1_0,\n",
        ),
    ),
    bug(
        "weak-suite-spoken-by-the-client",
        _TLS,
        "Nor does the client speak others.",
        f"{_INSIST}.test_client",
        (
            '            "acceptableCiphers": CIPHERS,\n',
            '            "acceptableCiphers": AcceptableCiphers.fromOpenSSLCipherString("ALL"),\n',
        ),
    ),
    bug(
        "weak-suite-spoken",
        _TLS,
        "In TLS 1.2 only suites with forward secrecy and authenticated encryption are spoken.",
        f"{_INSIST}.test_suites",
        (
            '    "ECDHE-ECDSA-AES128-GCM-SHA256:',
            '    "ECDHE-ECDSA-AES128-SHA256:ECDHE-ECDSA-AES128-GCM-SHA256:',
        ),
    ),
    bug(
        "renegotiation-allowed",
        _TLS,
        "There is no renegotiation.",
        f"{_INSIST}.test_no_renegotiation",
        (" | SSL.OP_NO_RENEGOTIATION)", " | 1 << 8)  # SSL_OP_ALLOW_CLIENT_RENEGOTIATION"),
    ),
    bug(
        "renewed-certificate-not-used",
        _TLS,
        "At a SIGHUP new connections use a renewed certificate.",
        "records.test.tls.test_contexts.ServerTests.test_reload",
        (
            "        self._context = _server_context(self._files)\n",
            "        _server_context(self._files)\n",
        ),
    ),
    bug(
        "said-before-verified",
        f"{_CLIENT}/protocol.py",
        "The client says nothing to anybody whose certificate was not found good.",
        "records.test.client.test_protocol.HandshakeTests.test_not_trusted",
        (' and not getattr(self.transport, "disconnecting", False):', ":"),
    ),
)

FILES: tuple[Bug, ...] = (
    bug(
        "readable-key",
        "records/runtime/files.py",
        "Keys are for their owner's eyes only.",
        "records.test.tls.test_keys.MadeTests.test_write_private",
        ("os.O_EXCL, 0o600)", "os.O_EXCL, 0o644)"),
    ),
    bug(
        "readable-database",
        "records/store/sqlite/database.py",
        "The database is for its owner's eyes only.",
        "records.test.store.sqlite.test_open.SettingsTests.test_only_the_owner",
        ("        draft.touch(mode=0o600)\n", "        draft.touch(mode=0o644)\n"),
    ),
    bug(
        "readable-backup",
        "records/store/sqlite/database.py",
        "A backup is for its owner's eyes only.",
        "records.test.store.sqlite.test_copies.CopyTests.test_only_the_owner",
        ("draft.touch(mode=0o600, exist_ok=False)", "draft.touch(mode=0o644, exist_ok=False)"),
    ),
    bug(
        "readable-tar",
        "records/daemon/backup.py",
        "A backup in a tar is for its owner's eyes only.",
        "records.test.daemon.test_backup.WriteTests.test_forms",
        (
            "packed, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)",
            "packed, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)",
        ),
    ),
    bug(
        "restored-uncompared",
        "records/daemon/restore.py",
        "What is restored ends where its manifest says.",
        "records.test.daemon.test_backup.RestoreTests.test_other_manifest",
        ("(expected.head_seq, expected.head_hash):", "(head.seq, head.hash.hex()):"),
    ),
    bug(
        "umask-dropped",
        "records/tap.py",
        "Whatever the daemon writes is for its owner only.",
        "records.test.test_tap.ServiceTests.test_umask",
        ("    os.umask(0o077)\n", ""),
    ),
    bug(
        "umask-of-the-office-dropped",
        "records/admin.py",
        "Whatever `records.admin` writes is for its owner only.",
        "records.test.test_admin_usage.UsageTests.test_private",
        ("    os.umask(0o077)\n", ""),
    ),
    bug(
        "exposed-key-used",
        "records/tls/keys.py",
        "The daemon refuses to start on keys that others can read.",
        "records.test.tls.test_refused.RefusedTests.test_exposed",
        ("        if mode & forbidden:\n", "        if mode & forbidden & 0o022:\n"),
    ),
    bug(
        "exposed-records-used",
        "records/daemon/bootstrap.py",
        "The daemon refuses to start on records that others can read.",
        "records.test.daemon.test_bootstrap.ExposedTests.test_exposed",
        ("        if mode & forbidden:\n", "        if mode & forbidden & 0o022:\n"),
    ),
    bug(
        "two-daemons",
        "records/daemon/bootstrap.py",
        "Two daemons do not use one data folder.",
        "records.test.daemon.test_bootstrap.LockTests.test_second",
        ("fcntl.LOCK_EX | fcntl.LOCK_NB", "fcntl.LOCK_SH | fcntl.LOCK_NB"),
    ),
    bug(
        "first-password-left",
        "records/daemon/bootstrap.py",
        "The first password's file is gone once it was changed.",
        "records.test.daemon.test_bootstrap_database.DatabaseTests.test_forgotten",
        (
            "        places.first_password.unlink(missing_ok=True)\n",
            "        places.first_password\n",
        ),
    ),
    bug(
        "account-before-its-password",
        "records/daemon/bootstrap.py",
        "A first start that is cut off leaves no account whose password nobody knows.",
        "records.test.daemon.test_bootstrap_database.DatabaseTests.test_crash_in_between",
        (
            '        write_private(places.first_password, f"{password}\\n".encode("ascii"))\n'
            "    except OSError as error:\n",
            "        pass\n    except OSError as error:\n",
        ),
        (
            '        raise Unusable(f"The first account could not be made: {done.error}")\n',
            '        raise Unusable(f"The first account could not be made: {done.error}")\n'
            '    write_private(places.first_password, f"{password}\\n".encode("ascii"))\n',
        ),
    ),
    bug(
        "certificate-not-renewed",
        "records/tls/keys.py",
        "The daemon renews its own certificate a month before its end.",
        "records.test.test_promised_numbers.NumberTests.test_renewal",
        ("RENEW_DAYS = 30\n", "RENEW_DAYS = 3\n"),
    ),
)

CLIENT: tuple[Bug, ...] = (
    bug(
        "escape-sequence-obeyed",
        f"{_CLIENT}/render.py",
        "What comes from the daemon cannot act on a terminal.",
        "records.test.client.test_render.SafeTextTests.test_harmful",
        ('frozenset({"Cc", ', "frozenset({"),
    ),
    bug(
        "error-shown-as-it-is",
        f"{_CLIENT}/render.py",
        "Nor what comes in its errors.",
        "records.test.client.test_promises.ErrorTests.test_harmless",
        ('return "\\n".join([safe_text(error.message),', 'return "\\n".join([error.message,'),
    ),
    bug(
        "repeated-without-its-key",
        f"{_CLIENT}/connection.py",
        "The client repeats a change under its key.",
        "records.test.client.test_promises.KeyTests.test_the_callers_own",
        ("AddParams(employee=dict(employee), key=key)", "AddParams(employee=dict(employee))"),
    ),
    bug(
        "login-repeated",
        f"{_CLIENT}/connection.py",
        "The client does not repeat a login by itself.",
        "records.test.client.test_connection.LoginTests.test_not_repeated",
        (
            "LoginParams(username=username, password=password), LoggedIn)",
            "LoginParams(username=username, password=password), LoggedIn, RETRY_AFTER)",
        ),
    ),
    bug(
        "answer-to-another-request",
        f"{_CLIENT}/protocol.py",
        "Each answer is taken for its own request's.",
        "records.test.client.test_protocol.ProtocolTests.test_answers_by_id",
        (
            "        waiting = self._take(told.id)\n",
            "        waiting = self._take(next(iter(self._waiting), told.id))\n",
        ),
    ),
    bug(
        "password-echoed",
        f"{_CLIENT}/lineedit.py",
        "A password is not shown while it is typed.",
        "records.test.client.test_lineedit.LineEditorTests.test_secret",
        ('return "" if self._secret else safe_text(character)', "return safe_text(character)"),
    ),
    bug(
        "conflict-overwritten",
        f"{_CLIENT}/changes.py",
        "Who saves on top of another's change sees both versions first, and then decides.",
        "records.test.client.test_commands.ChangeTests.test_conflict_left",
        (
            "        if not answer.strip():\n            return False\n",
            "        if not answer.strip():\n"
            "            form.rebase(present.employee, present.masked)\n            return True\n",
        ),
    ),
    bug(
        "saved-unasked",
        f"{_CLIENT}/changes.py",
        "Nothing is saved before a summary was seen and agreed to.",
        "records.test.client.test_commands.ChangeTests.test_not_confirmed",
        (
            'if not await _confirm(dialogue, "Save these changes?", warnings):',
            'if await _confirm(dialogue, "Save these changes?", warnings) is None:',
        ),
    ),
    bug(
        "warnings-not-shown",
        f"{_CLIENT}/changes.py",
        "What looks wrong is told before the confirmation.",
        "records.test.client.test_people.WarningTests.test_add",
        (
            "        dialogue.screen.show(warning_text(warnings))\n    return",
            "        pass\n    return",
        ),
    ),
    bug(
        "password-asked-first",
        f"{_CLIENT}/login.py",
        "Nothing is asked before the daemon answers and is verified.",
        "records.test.client.test_conversation.LoginTests.test_unreachable",
        ("    await dialogue.screen.wait(dialogue.records.greet())\n", ""),
    ),
    bug(
        "date-of-another-region",
        f"{_CLIENT}/typed.py",
        "A date in numbers is read in the order of the region.",
        "records.test.client.test_typed.DateTests.test_round_trip",
        ('if mark == "." or region.order is DateOrder.DAY_FIRST:', 'if mark == ".":'),
    ),
    bug(
        "two-readings-of-an-amount",
        f"{_CLIENT}/typed.py",
        "An amount with two readings is refused.",
        "records.test.client.test_typed.MoneyTests.test_refused",
        (" < len(fraction) and not is_fine:", " < len(fraction):"),
    ),
    bug(
        "command-changes-at-a-check",
        f"{_CLIENT}/cli.py",
        "With --check a command changes nothing.",
        "records.test.client.test_cli.ResultTests.test_check",
        (
            "if self._options.check:\n            stored = await self._records.check_update(",
            "if self._options.json:\n            stored = await self._records.check_update(",
        ),
    ),
    bug(
        "unknown-outcome-taken-for-unreachable",
        f"{_CLIENT}/cli.py",
        "A script is told that a change may have been made.",
        "records.test.client.test_cli.ErrorTests.test_trouble",
        ("Exit.OUTCOME_UNKNOWN if error.maybe_done else Exit.UNREACHABLE", "Exit.UNREACHABLE"),
    ),
    bug(
        "value-given-twice",
        f"{_CLIENT}/cli.py",
        "Of two values for one field a command chooses none.",
        "records.test.client.test_cli.ErrorTests.test_given_twice",
        ("            if name in found:\n", "            if name in errors:\n"),
    ),
    bug(
        "one-of-several",
        f"{_CLIENT}/people.py",
        "If several employees are meant, the user says which.",
        "records.test.client.test_people.NamingTests.test_several",
        ("    while len(found) > 1:\n", "    while not found:\n"),
    ),
)

EDGE: tuple[Bug, ...] = (*TLS, *FILES, *CLIENT)
