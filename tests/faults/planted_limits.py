"""Bugs in limits and deadlines: what a peer may take of the daemon, and for how long."""

from __future__ import annotations

from tests.faults.planted_bug import Bug, bug

_CONVERSATION = "records/server/conversation.py"
_PROTOCOL = "records/server/protocol.py"

LIMITS: tuple[Bug, ...] = (
    bug(
        "line-without-end",
        _PROTOCOL,
        "A request line has a limit, also while it has no end yet.",
        "records.test.server.test_protocol.LongLineTests.test_never_ending",
        ("    MAX_LENGTH = MAX_LINE + 1 ", "    MAX_LENGTH = MAX_LINE * 1000 "),
    ),
    bug(
        "longer-line-taken",
        _PROTOCOL,
        "A request line has at most 65,536 bytes, its end not counted.",
        "records.test.server.test_protocol.LongLineTests.test_longer",
        ("        if len(line) > MAX_LINE:\n", "        if len(line) > MAX_LINE + 1:\n"),
    ),
    bug(
        "answer-without-end",
        _CONVERSATION,
        "An answer line has a limit.",
        "records.test.server.test_conversation_faults.FaultTests.test_too_long",
        (
            "        if len(response) > MAX_ANSWER:\n            too_long",
            "        if len(response) > 100 * MAX_ANSWER:\n            too_long",
        ),
    ),
    bug(
        "batch-without-end",
        "records/api/jsonrpc.py",
        "A batch has at most 100 members.",
        "records.test.api.test_jsonrpc.BatchTests.test_limit",
        ("    if len(members) > MAX_BATCH:\n", "    if len(members) > 100 * MAX_BATCH:\n"),
    ),
    bug(
        "nested-without-end",
        "records/api/jsonrpc.py",
        "Values are nested at most 32 deep.",
        "records.test.api.test_jsonrpc.DepthTests.test_limit",
        ("    return bool(brackets)\n", "    return len(brackets) > 1000\n"),
    ),
    bug(
        "under-way-without-end",
        _CONVERSATION,
        "With 256 requests under way no further lines are read.",
        "records.test.server.test_protocol_flow.FlowTests.test_full",
        ("return self.under_way >= MAX_UNDER_WAY or", "return"),
    ),
    bug(
        "bytes-under-way-without-end",
        _CONVERSATION,
        "With 256 KiB of requests under way no further lines are read.",
        "records.test.server.test_protocol_flow.FlowTests.test_full_of_bytes",
        (" or self._bytes_under_way >= MAX_BYTES_UNDER_WAY", ""),
    ),
    bug(
        "works-for-who-does-not-read",
        _PROTOCOL,
        "Nothing is begun for a peer that does not read its answers.",
        "records.test.server.test_protocol_flow.FlowTests.test_unread",
        ("        self._conversation.hold()\n", ""),
    ),
    bug(
        "reads-on-unread",
        _PROTOCOL,
        "Nothing is read from a peer that does not read its answers.",
        "records.test.server.test_protocol_flow.FlowTests.test_unread",
        ("self._is_full or self._finishing or unread)", "self._is_full or self._finishing)"),
    ),
    bug(
        "memory-of-the-unread",
        "records/runtime/immediate_writes.py",
        "Whoever writes pauses while the peer does not read.",
        "records.test.runtime.test_immediate_writes.ImmediateTransportTests.test_pause",
        ("            self._producer.pauseProducing()\n", ""),
    ),
    bug(
        "source-takes-all-connections",
        _PROTOCOL,
        "Nobody can take all connections.",
        "records.test.server.test_factory.SourceLimitTests.test_limit",
        (" or from_there >= self._max_per_source:", ":"),
    ),
    bug(
        "address-takes-a-network",
        "records/auth/throttle.py",
        "IPv6 gives each subscriber a /64, and it counts as one source.",
        "records.test.auth.test_throttle.NetworkTests.test_network",
        ('.partition("%")[0], 64)', '.partition("%")[0], 128)'),
    ),
    bug(
        "connections-without-end",
        _PROTOCOL,
        "The daemon holds only so many connections.",
        "records.test.server.test_factory.ConnectionsTests.test_limit",
        ("if count >= self.max_connections or", "if"),
    ),
    bug(
        "more-than-a-share",
        _PROTOCOL,
        "Whoever sends without end has a share of each turn, and no more.",
        "records.test.server.test_protocol_flow.FlowTests.test_share",
        ("        if self._cost >= SHARE:\n", "        if self._cost < 0:\n"),
    ),
    bug(
        "who-floods-goes-first",
        "records/runtime/input_batching.py",
        "Who sends one small request is served before those who ask for much.",
        "records.test.runtime.test_input_batching.BusyTests.test_others_first",
        ("return len(data) <= INTERACTIVE_BYTES and", "return"),
    ),
    bug(
        "flood-by-the-line",
        "records/runtime/input_batching.py",
        "So he is before those who send much in many small pieces.",
        "records.test.runtime.test_input_batching.BusyTests.test_piece_by_piece",
        (" and connection not in served and", " and"),
    ),
    bug(
        "turn-without-end",
        "records/runtime/input_batching.py",
        "Those who ask for much have a short while of each turn, and no more.",
        "records.test.runtime.test_input_batching.BusyTests.test_time",
        ("if served and self._scheduler.slice_is_over():", "if served and False:"),
    ),
    bug(
        "outcomes-without-end",
        "records/store/dispatch.py",
        "And so have the outcomes of what they asked for.",
        "records.test.store.test_dispatch_bulk.DeliveredTests.test_a_turns_time",
        (" and not (given and self._scheduler.slice_is_over())", ""),
    ),
    bug(
        "turns-come-to-an-end",
        "records/runtime/scheduler.py",
        "A fault in one turn does not keep later ones from being ended.",
        "records.test.runtime.test_scheduler.ScheduleTests.test_raised",
        (
            "            self._is_running = False\n            if",
            "            pass\n            if",
        ),
    ),
    bug(
        "bulk-goes-first",
        "records/store/queues.py",
        "In the store, who asks for little does not wait for all that others sent together.",
        "records.test.store.test_queues.JobQueueTests.test_no_starving",
        ("may and (not self._interactive or not self._was_bulk)", "may"),
    ),
    bug(
        "bulk-never-done",
        "records/store/queues.py",
        "Nor do these wait for good while others come.",
        "records.test.store.test_queues.JobQueueTests.test_no_starving",
        ("may and (not self._interactive or not self._was_bulk)", "may and not self._interactive"),
    ),
    bug(
        "all-is-little",
        "records/gateway/gateway.py",
        "What comes from a connection with more under way is in bulk.",
        "records.test.server.test_conversation_bulk.BulkTests.test_writes",
        (
            "perform_encoded, caller, method, raw, bulk=bulk)",
            "perform_encoded, caller, method, raw)",
        ),
    ),
    bug(
        "little-by-the-batch",
        "records/runtime/input_batching.py",
        "A batch is not little, however short it is.",
        "records.test.runtime.test_input_batching.BusyTests.test_who",
        (' and data.lstrip()[:1] != b"["', ""),
    ),
    bug(
        "little-at-the-end",
        _PROTOCOL,
        "Nor is the rest of a line whose beginning was sent before.",
        "records.test.server.test_protocol_flow.FlowTests.test_part_of_a_line",
        (" or self._is_yielding or self._buffer)", " or self._is_yielding)"),
    ),
    bug(
        "batch-in-one-share",
        _PROTOCOL,
        "Each request of a batch counts in its connection's share.",
        "records.test.server.test_protocol_flow.FlowTests.test_share_of_batches",
        ("self._cost += requests +", "self._cost += 1 +"),
    ),
    bug(
        "lost-ones-stay",
        _PROTOCOL,
        "A connection that is gone takes no memory.",
        "records.test.server.test_protocol_tls.LostTests.test_no_circles",
        ("        self.transport = None\n", "        pass\n"),
    ),
    bug(
        "log-filled-by-refusals",
        _PROTOCOL,
        "Whoever is refused for being one too many cannot fill the log.",
        "tests.faults.test_descriptors.DescriptorTests.test_too_many_connections",
        ("self._refusals = now + REFUSAL_LOG_INTERVAL, 0", "self._refusals = now, 0"),
    ),
    bug(
        "log-filled-by-denials",
        "records/gateway/gateway.py",
        "Who is denied 600 times at once waits for further answers.",
        "records.test.server.test_conversation_reads.DelayTests.test_denials",
        ("if wait > 0 else outcome", "if wait < 0 else outcome"),
    ),
)

DEADLINES: tuple[Bug, ...] = (
    bug(
        "handshake-without-end",
        _PROTOCOL,
        "A connection on which no TLS handshake comes is dropped.",
        "records.test.server.test_protocol_deadlines.HandshakeTests.test_never",
        ("return self._phase_began + deadlines.handshake,", "return NEVER,"),
    ),
    bug(
        "login-without-end",
        _PROTOCOL,
        "A connection on which nobody logs in is dropped.",
        "records.test.server.test_protocol_deadlines.LoginTests.test_silent",
        ('(login, "did not log in") if anonymous', "line if anonymous"),
    ),
    bug(
        "login-put-off-by-chatter",
        _PROTOCOL,
        "Whatever else it asks.",
        "records.test.server.test_protocol_deadlines.LoginTests.test_chatter",
        ("login, idle = self._phase_began +", "login, idle = self._active_at +"),
    ),
    bug(
        "line-drop-by-drop",
        _PROTOCOL,
        "The rest of a line is due in time, however it comes.",
        "records.test.server.test_protocol_deadlines.LineTests.test_drop_by_drop",
        ('        elif self._line_began == NEVER or b"\\n" in data:\n', "        else:\n"),
    ),
    bug(
        "idle-without-end",
        _PROTOCOL,
        "Who is silent for too long is dropped.",
        "records.test.server.test_protocol_deadlines.IdleTests.test_silent",
        ('else (idle, "was silent")', "else line"),
    ),
    bug(
        "unread-without-end",
        _PROTOCOL,
        "Who does not read its answers is dropped.",
        "records.test.server.test_protocol_ends.UnreadTests.test_never",
        ("return self._unread_since + deadlines.read,", "return NEVER,"),
    ),
    bug(
        "goodbye-without-end",
        _PROTOCOL,
        "Who does not answer the goodbye is dropped.",
        "records.test.server.test_protocol_ends.CloseTests.test_never",
        ("return self._closing_since + deadlines.close,", "return NEVER,"),
    ),
    bug(
        "logins-without-turns",
        "records/gateway/gateway.py",
        "Who sends many logins has them done after what others ask for.",
        "records.test.server.test_conversation_bulk.BulkTests.test_who_comes_and_goes",
        ("session.run(method, decoded, bulk)", "session.run(method, decoded)"),
    ),
    bug(
        "goodbye-without-turns",
        _PROTOCOL,
        "Who has been told goodbye and sends on has its turn after others.",
        "records.test.server.test_protocol_ends.CloseTests.test_thrown_away",
        (
            "            self._yield()  # discarded,",
            "            pass  # discarded,",
        ),
    ),
    bug(
        "deaf-after-goodbye",
        _PROTOCOL,
        "Who has been told goodbye and closes its end is not taken for one who does not.",
        "records.test.server.test_protocol_ends.CloseTests.test_thrown_away",
        (
            "            if self._is_yielding and self.transport is not None:",
            "            if not self._is_yielding:",
        ),
    ),
    bug(
        "fault-in-who-is-lost",
        _PROTOCOL,
        "A connection that is lost harms nothing.",
        "records.test.server.test_protocol_ends.CloseTests.test_lost",
        (
            "            if self._is_yielding and self.transport is not None:",
            "            if self._is_yielding:",
        ),
    ),
    bug(
        "beginning-of-a-line-kept",
        _PROTOCOL,
        "Nothing is kept of what came before the goodbye.",
        "records.test.server.test_protocol_ends.CloseTests.test_thrown_away",
        (
            "        self.clearLineBuffer()\n        self._is_yielding = False\n",
            "        self._is_yielding = False\n",
        ),
    ),
    bug(
        "received-ahead-of-turn",
        "records/runtime/input_batching.py",
        "Whoever floods the daemon waits for others who do, and hardly anybody else does.",
        "records.test.runtime.test_input_batching.BusyTests.test_full_piece",
        ("if len(data) >= FULL_RECORD:", "if not data:"),
    ),
    bug(
        "deadlines-by-the-wall-clock",
        "records/tap.py",
        "Deadlines do not notice when the wall clock is set.",
        "tests.faults.test_clock.ClockTests.test_deadlines_after_setting_back",
        ("        _use_monotonic_clock(reactor)\n", ""),
    ),
    bug(
        "stop-cuts-off",
        _PROTOCOL,
        "A daemon that stops answers what is under way.",
        "records.test.server.test_factory.FinishTests.test_under_way",
        (
            "            self._update_reading()\n"
            "            if not self._conversation.under_way:\n",
            "            self._update_reading()\n            if self._conversation:\n",
        ),
    ),
    bug(
        "stop-waits-for-ever",
        "records/daemon/service.py",
        "A stop waits only so long for requests under way.",
        "records.test.daemon.test_service_stop.StopTests.test_deadline",
        (".addTimeout(self._settings.stop, self._environment.reactor)", ""),
    ),
)

LIMITED: tuple[Bug, ...] = (*LIMITS, *DEADLINES)
