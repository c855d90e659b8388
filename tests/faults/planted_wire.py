"""Bugs at a connection: order, what is told, and what is logged."""

from __future__ import annotations

from tests.faults.planted_bug import Bug, bug

_CONVERSATION = "records/server/conversation.py"

ORDER: tuple[Bug, ...] = (
    bug(
        "answers-as-they-come",
        _CONVERSATION,
        "Answers leave in the order of the requests.",
        "records.test.server.test_conversation.OrderTests.test_answers_in_order",
        (
            "        while lines and not lines[0].missing:\n            line = lines.popleft()\n",
            "        for line in [each for each in lines if not each.missing]:\n"
            "            lines.remove(line)\n",
        ),
    ),
    bug(
        "read-overtakes-a-change",
        _CONVERSATION,
        "A read that is sent after a change sees it.",
        "records.test.server.test_conversation.OrderTests.test_reads_one_s_own_writes",
        (
            "        if not self._in_flight:\n",
            "        if not self._in_flight or request.method.mode is Mode.POINT:\n",
        ),
    ),
    bug(
        "point-read-overtakes",
        _CONVERSATION,
        "What is answered at once does not overtake what waits.",
        "records.test.server.test_conversation.OrderTests",
        ("        if self._lines or self._held or request", "        if self._held or request"),
    ),
    bug(
        "login-beside-others",
        _CONVERSATION,
        "Nothing else is under way while the session changes.",
        "records.test.server.test_conversation.OrderTests.test_session_matters_stand_alone",
        (
            "        if not self._in_flight:\n",
            "        if not self._in_flight or request.method.mode is Mode.SESSION:\n",
        ),
    ),
    bug(
        "overtaken-in-the-store",
        "records/store/queues.py",
        "On one connection requests take effect in the order sent.",
        "records.test.store.test_dispatch_bulk.DeliveredTests.test_overtakes_nothing",
        ("bool(self._bulk) and self._bulk[0][0] <= self._served", "bool(self._bulk)"),
        ("len(batch) < most and self._bulk[0][0] <= self._served:", "len(batch) < most:"),
    ),
    bug(
        "denied-before-noted",
        "records/gateway/gateway.py",
        "A refusal that must leave a trace leaves it before it is answered.",
        "records.test.server.test_conversation_reads.TraceTests.test_before_the_answer",
        ("return written.addCallback(lambda _: Failure(error))", "return fail(error)"),
    ),
    bug(
        "revealed-before-noted",
        "records/operations/methods.py",
        "A reveal is noted, durably, before the answer leaves.",
        "records.test.server.test_conversation_reads.TraceTests.test_reveal",
        (
            "            return self.reveal\n        return self\n",
            "            return self\n        return self\n",
        ),
    ),
    bug(
        "notification-answered",
        _CONVERSATION,
        "A notification is never answered, not even with an error.",
        "records.test.server.test_conversation_rpc.NotificationTests.test_errors",
        (
            'line.put(place, b"" if member.id is UNSET else encode_error(member.id, error))',
            "line.put(place, encode_error(None, error))",
        ),
    ),
    bug(
        "rest-lost",
        "records/runtime/immediate_writes.py",
        "What the peer does not take at once is sent later.",
        "records.test.runtime.test_immediate_writes.ImmediateTransportTests.test_rest",
        ("            self._append(data[sent:])\n", ""),
    ),
    bug(
        "rest-overtaken",
        "records/runtime/immediate_writes.py",
        "What is written later leaves later.",
        "records.test.runtime.test_immediate_writes.ImmediateTransportTests.test_rest",
        (
            "        if self._backlog is not None:\n"
            "            self._append(data)\n            return\n",
            "",
        ),
    ),
)

TOLD: tuple[Bug, ...] = (
    bug(
        "password-in-the-log",
        "records/gateway/session.py",
        "Logs hold no passwords.",
        "records.test.server.test_conversation_session.LoginTests.test_no_secret_is_logged",
        (
            "        token = self._services.new_token()\n",
            "        token = self._services.new_token()\n"
            '        self._log.info("A login: {told}", told=repr(params.password))\n',
        ),
    ),
    bug(
        "token-in-the-log",
        "records/gateway/session.py",
        "Logs hold no tokens.",
        "records.test.server.test_conversation_session.LoginTests.test_no_secret_is_logged",
        (
            "        caller = self._calling(token)\n        try:\n",
            "        caller = self._calling(token)\n"
            '        self._log.info("A session: {token}", token=token)\n        try:\n',
        ),
    ),
    bug(
        "token-in-the-log-at-resume",
        "records/gateway/session.py",
        "Nor of sessions that are resumed.",
        "tests.system.test_stop.LogTests.test_no_secrets",
        (
            "        return await self._enter(SessionToken(",
            '        self._log.info("Resumed: {token}", token=params.token)\n'
            "        return await self._enter(SessionToken(",
        ),
    ),
    bug(
        "content-in-the-log",
        "records/gateway/gateway.py",
        "Logs hold no contents of records: of a fault they tell kind and place.",
        "records.test.server.test_conversation_faults.FaultTests",
        (
            "method=method.name, fault=describe(error))",
            "method=method.name, fault=repr(error))",
        ),
    ),
    bug(
        "secret-in-a-representation",
        "records/api/messages.py",
        "What a request holds is not shown where it is printed.",
        "records.test.api.test_messages.SecretTests.test_repr",
        ('        return "PasswordChangeParams(...)"\n', "        return f'Params({self.new})'\n"),
    ),
    bug(
        "exception-told-to-the-client",
        "records/gateway/gateway.py",
        "No text of an exception goes into an answer.",
        "records.test.server.test_conversation_faults.FaultTests.test_operation",
        (
            'InternalError("Internal error. The daemon\'s log has the details.")',
            'InternalError(f"Internal error: {error}")',
        ),
    ),
    bug(
        "fault-in-a-list",
        "records/api/query.py",
        "Nothing that is sent ends in a fault of the daemon.",
        "records.test.api.test_query.AskedTests.test_wrong_operands",
        ("if not isinstance(raw, list) or not 1 <= len(raw)", "if not 1 <= len(raw)"),
    ),
    bug(
        "fault-in-a-text",
        "records/model/values.py",
        "Nor what is sent as a value.",
        "records.test.model.test_values.NothingElseIsRaisedTests.test_anything",
        (
            '        raise Invalid("must be text.")\n    if len(raw) > _MAX_TYPED:  # before',
            "        raw = str(raw + '')\n    if len(raw) > _MAX_TYPED:  # before",
        ),
    ),
    bug(
        "fault-of-one-stops-all",
        "records/runtime/input_batching.py",
        "One connection's fault does not stop the others.",
        "records.test.runtime.test_input_batching.FaultTests.test_fault",
        (
            "        except Exception as error:  # noqa: BLE001  any fault is logged\n",
            "        except OSError as error:\n",
        ),
    ),
)

WIRE: tuple[Bug, ...] = (*ORDER, *TOLD)
