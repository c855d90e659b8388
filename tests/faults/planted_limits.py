"""Bugs in limits and deadlines: what a peer may take of the daemon, and for how long."""

from __future__ import annotations

from tests.faults.planted_bug import Bug, bug

_CONVERSATION = "records/conversation.py"
_PROTOCOL = "records/protocol.py"

LIMITS: tuple[Bug, ...] = (
    bug(
        "line-without-end",
        _PROTOCOL,
        "A request line has a limit, also while it has no end yet.",
        "records.test.test_protocol.LongLineTests.test_never_ending",
        ("    MAX_LENGTH = MAX_LINE + 1 ", "    MAX_LENGTH = MAX_LINE * 1000 "),
    ),
    bug(
        "longer-line-taken",
        _PROTOCOL,
        "A request line has at most 65,536 bytes, its end not counted.",
        "records.test.test_protocol.LongLineTests.test_longer",
        ("        if len(line) > MAX_LINE:\n", "        if len(line) > MAX_LINE + 1:\n"),
    ),
    bug(
        "answer-without-end",
        _CONVERSATION,
        "An answer line has a limit.",
        "records.test.test_conversation_faults.FaultTests.test_too_long",
        (
            "        if len(answer) > MAX_ANSWER:\n            too_long",
            "        if len(answer) > 100 * MAX_ANSWER:\n            too_long",
        ),
    ),
    bug(
        "batch-without-end",
        "records/wire.py",
        "A batch has at most 100 members.",
        "records.test.test_wire.BatchTests.test_limit",
        ("    if len(members) > MAX_BATCH:\n", "    if len(members) > 100 * MAX_BATCH:\n"),
    ),
    bug(
        "nested-without-end",
        "records/wire.py",
        "Values are nested at most 32 deep.",
        "records.test.test_wire.DepthTests.test_limit",
        ("    return bool(brackets)\n", "    return len(brackets) > 1000\n"),
    ),
    bug(
        "under-way-without-end",
        _CONVERSATION,
        "With 256 requests under way no further lines are read.",
        "records.test.test_protocol_flow.FlowTests.test_full",
        ("return self.under_way >= MAX_UNDER_WAY or", "return"),
    ),
    bug(
        "bytes-under-way-without-end",
        _CONVERSATION,
        "With 256 KiB of requests under way no further lines are read.",
        "records.test.test_protocol_flow.FlowTests.test_full_of_bytes",
        (" or self._bytes_under_way >= MAX_BYTES_UNDER_WAY", ""),
    ),
    bug(
        "works-for-who-does-not-read",
        _PROTOCOL,
        "Nothing is begun for a peer that does not read its answers.",
        "records.test.test_protocol_flow.FlowTests.test_unread",
        ("        self._conversation.hold()\n", ""),
    ),
    bug(
        "reads-on-unread",
        _PROTOCOL,
        "Nothing is read from a peer that does not read its answers.",
        "records.test.test_protocol_flow.FlowTests.test_unread",
        ("self._is_full or self._finishing or unread)", "self._is_full or self._finishing)"),
    ),
    bug(
        "memory-of-the-unread",
        "records/eager.py",
        "Whoever writes pauses while the peer does not read.",
        "records.test.test_eager.EagerTests.test_pause",
        ("            self._producer.pauseProducing()\n", ""),
    ),
    bug(
        "source-takes-all-connections",
        _PROTOCOL,
        "Nobody can take all connections.",
        "records.test.test_factory.SourceLimitTests.test_limit",
        (" or from_there >= self._max_per_source:", ":"),
    ),
    bug(
        "address-takes-a-network",
        "records/throttle.py",
        "IPv6 gives each subscriber a /64, and it counts as one source.",
        "records.test.test_throttle.NetworkTests.test_network",
        ('.partition("%")[0], 64)', '.partition("%")[0], 128)'),
    ),
    bug(
        "connections-without-end",
        _PROTOCOL,
        "The daemon holds only so many connections.",
        "records.test.test_factory.ConnectionsTests.test_limit",
        ("if count >= self.max_connections or", "if"),
    ),
    bug(
        "more-than-a-share",
        _PROTOCOL,
        "Whoever sends without end has a share of each turn, and no more.",
        "records.test.test_protocol_flow.FlowTests.test_share",
        ("        if self._taken >= SHARE:\n", "        if self._taken < 0:\n"),
    ),
    bug(
        "who-floods-goes-first",
        "records/gathering.py",
        "Who asks for little is served before those who ask for much.",
        "records.test.test_gathering.BusyTests.test_others_first",
        ("return len(data) <= LITTLE and", "return"),
    ),
    bug(
        "flood-by-the-line",
        "records/gathering.py",
        "So he is before those who send much in many small pieces.",
        "records.test.test_gathering.BusyTests.test_piece_by_piece",
        (" and connection not in served and", " and"),
    ),
    bug(
        "turn-without-end",
        "records/gathering.py",
        "Those who ask for much have a short while of each turn, and no more.",
        "records.test.test_gathering.BusyTests.test_time",
        ("if served and (self._turns.is_long() or", "if served and (False or"),
    ),
    bug(
        "outcomes-without-end",
        "records/store/batching.py",
        "And so have the outcomes of what they asked for.",
        "records.test.test_batching_bulk.GivenOutTests.test_a_turns_time",
        (" and not (given and self._turns.is_long())", ""),
    ),
    bug(
        "turns-come-to-an-end",
        "records/turns.py",
        "A fault in one turn does not keep later ones from being ended.",
        "records.test.test_turns.ScheduleTests.test_raised",
        ("            self._is_ending = False\n            if", "            pass\n            if"),
    ),
    bug(
        "bulk-goes-first",
        "records/store/lanes.py",
        "In the store, who asks for little does not wait for all that others sent together.",
        "records.test.test_lanes.LanesTests.test_no_starving",
        ("may and (not self._others or not self._was_bulk)", "may"),
    ),
    bug(
        "bulk-never-done",
        "records/store/lanes.py",
        "Nor do these wait for good while others come.",
        "records.test.test_lanes.LanesTests.test_no_starving",
        ("may and (not self._others or not self._was_bulk)", "may and not self._others"),
    ),
    bug(
        "all-is-little",
        _CONVERSATION,
        "What comes from a connection with more under way is in bulk.",
        "records.test.test_conversation_bulk.BulkTests.test_writes",
        ("raw, bulk = bytes(task.raw), self._is_bulk", "raw, bulk = bytes(task.raw), False"),
    ),
    bug(
        "little-by-the-batch",
        "records/gathering.py",
        "A batch is not little, however short it is.",
        "records.test.test_gathering.BusyTests.test_who",
        (' and data.lstrip()[:1] != b"["', ""),
    ),
    bug(
        "little-at-the-end",
        _PROTOCOL,
        "Nor is the rest of a line whose beginning was sent before.",
        "records.test.test_protocol_flow.FlowTests.test_part_of_a_line",
        (" or self._resting or self._buffer)", " or self._resting)"),
    ),
    bug(
        "batch-in-one-share",
        _PROTOCOL,
        "Each request of a batch counts in its connection's share.",
        "records.test.test_protocol_flow.FlowTests.test_share_of_batches",
        (
            "self._taken += self._conversation.receive(line, bool(self._buffer)) +",
            "self._conversation.receive(line, bool(self._buffer))\n        self._taken += 1 +",
        ),
    ),
    bug(
        "lost-ones-stay",
        _PROTOCOL,
        "A connection that is gone takes no memory.",
        "records.test.test_protocol_tls.LostTests.test_no_circles",
        ("        self.transport = None\n", "        pass\n"),
    ),
    bug(
        "log-filled-by-refusals",
        _PROTOCOL,
        "Whoever is refused for being one too many cannot fill the log.",
        "tests.faults.test_descriptors.DescriptorTests.test_too_many_connections",
        ("self._refusals = now + QUIET, 0", "self._refusals = now, 0"),
    ),
    bug(
        "log-filled-by-denials",
        _CONVERSATION,
        "Who is denied 600 times at once waits for further answers.",
        "records.test.test_conversation_reads.PaceTests.test_denials",
        (
            "        if wait <= 0:\n            return False\n",
            "        if wait >= 0:\n            return False\n",
        ),
    ),
)

DEADLINES: tuple[Bug, ...] = (
    bug(
        "handshake-without-end",
        _PROTOCOL,
        "A connection on which no TLS handshake comes is dropped.",
        "records.test.test_protocol_deadlines.HandshakeTests.test_never",
        ("return self._since + deadlines.handshake,", "return NEVER,"),
    ),
    bug(
        "login-without-end",
        _PROTOCOL,
        "A connection on which nobody logs in is dropped.",
        "records.test.test_protocol_deadlines.LoginTests.test_silent",
        ('(login, "did not log in") if anonymous', "line if anonymous"),
    ),
    bug(
        "login-put-off-by-chatter",
        _PROTOCOL,
        "Whatever else it asks.",
        "records.test.test_protocol_deadlines.LoginTests.test_chatter",
        ("login, idle = self._since +", "login, idle = self._heard_at +"),
    ),
    bug(
        "line-drop-by-drop",
        _PROTOCOL,
        "The rest of a line is due in time, however it comes.",
        "records.test.test_protocol_deadlines.LineTests.test_drop_by_drop",
        ('        elif self._line_began == NEVER or b"\\n" in data:\n', "        else:\n"),
    ),
    bug(
        "idle-without-end",
        _PROTOCOL,
        "Who is silent for too long is dropped.",
        "records.test.test_protocol_deadlines.IdleTests.test_silent",
        ('else (idle, "was silent")', "else line"),
    ),
    bug(
        "unread-without-end",
        _PROTOCOL,
        "Who does not read its answers is dropped.",
        "records.test.test_protocol_ends.UnreadTests.test_never",
        ("return self._unread_since + deadlines.read,", "return NEVER,"),
    ),
    bug(
        "goodbye-without-end",
        _PROTOCOL,
        "Who does not answer the goodbye is dropped.",
        "records.test.test_protocol_ends.CloseTests.test_never",
        ("return self._closing_since + deadlines.close,", "return NEVER,"),
    ),
    bug(
        "logins-without-turns",
        "records/conversation.py",
        "Who sends many logins has them done after what others ask for.",
        "records.test.test_conversation_bulk.BulkTests.test_who_comes_and_goes",
        ("perform(task.method, task.params, self._is_bulk)", "perform(task.method, task.params)"),
    ),
    bug(
        "goodbye-without-turns",
        _PROTOCOL,
        "Who has been told goodbye and sends on has its turn after others.",
        "records.test.test_protocol_ends.CloseTests.test_thrown_away",
        (
            "            self._rest()  # it is thrown away,",
            "            pass  # it is thrown away,",
        ),
    ),
    bug(
        "deaf-after-goodbye",
        _PROTOCOL,
        "Who has been told goodbye and closes its end is not taken for one who does not.",
        "records.test.test_protocol_ends.CloseTests.test_thrown_away",
        (
            "            if self._resting and self.transport is not None:",
            "            if not self._resting:",
        ),
    ),
    bug(
        "all-who-flood-in-one-turn",
        "records/gathering.py",
        "Whoever floods the daemon waits for others who do, and hardly anybody else does.",
        "records.test.test_gathering.BusyTests.test_few",
        ("(served >= FEW and self._turns.is_mindful)", "False"),
    ),
    bug(
        "received-ahead-of-turn",
        "records/gathering.py",
        "Whoever floods the daemon waits for others who do, and hardly anybody else does.",
        "records.test.test_gathering.BusyTests.test_full_piece",
        ("if len(data) >= FULL:", "if not data:"),
    ),
    bug(
        "hang-up-unnoticed",
        _PROTOCOL,
        "Who has hung up is not kept, also while nothing is read from there.",
        "records.test.test_protocol_deadlines.ClosedTests.test_full",
        ("if due == NEVER and self.transport.has_closed():", "if due > NEVER:"),
    ),
    bug(
        "only-resets-noticed",
        "records/eager.py",
        "Who has hung up is not kept, also while nothing is read from there.",
        "records.test.test_eager.EagerTests.test_closed",
        (
            "poll.register(self.transport.fileno(), _CLOSED)",
            "poll.register(self.transport.fileno(), 0)",
        ),
    ),
    bug(
        "deadlines-by-the-wall-clock",
        "records/tap.py",
        "Deadlines do not notice when the wall clock is set.",
        "tests.faults.test_clock.ClockTests.test_deadlines_after_setting_back",
        ("        _count_true_seconds(reactor)\n", ""),
    ),
    bug(
        "stop-cuts-off",
        _PROTOCOL,
        "A daemon that stops answers what is under way.",
        "records.test.test_factory.FinishTests.test_under_way",
        (
            "            self._read_or_not()\n            if not self._conversation.under_way:\n",
            "            self._read_or_not()\n            if self._conversation:\n",
        ),
    ),
    bug(
        "stop-waits-for-ever",
        "records/service.py",
        "A stop waits only so long for requests under way.",
        "records.test.test_service_stop.StopTests.test_deadline",
        (".addTimeout(self._settings.stop, self._around.reactor)", ""),
    ),
)

_PATIENCE = "records/patience.py"
_PATIENT = "records.test.test_patience.PatienceTests"

HASHING: tuple[Bug, ...] = (
    bug(
        "hashes-before-requests",
        _PATIENCE,
        "Hashing takes only what nobody else wants.",
        "records.test.test_patience.ThreadsTests.test_niceness",
        ("self._far, with_niceness, FAR, call", "self._far, with_niceness, 0, call"),
    ),
    bug(
        "login-starves",
        _PATIENCE,
        "A login gets on, whatever others do.",
        f"{_PATIENT}.test_starves",
        ("        if has - had >= SHARE * LOOK:\n", "        if has >= had:\n"),
    ),
    bug(
        "login-starves-after-a-good-begin",
        _PATIENCE,
        "A login gets on, also if others come later.",
        f"{_PATIENT}.test_starves_later",
        ("self.look_later(has)", "self.look_later(had)"),
    ),
    bug(
        "lock-held-far-behind",
        _PATIENCE,
        "Nobody keeps Python's lock where he gets no processor.",
        f"{_PATIENT}.test_holds_lock",
        ("if holds_lock or not self._free:", "if not self._free:"),
    ),
    bug(
        "lock-not-told",
        "records/passwords.py",
        "Nobody keeps Python's lock where he gets no processor.",
        "records.test.test_passwords_change.ChangeTests.test_lock",
        ("                holds_lock=True,\n", ""),
    ),
    bug(
        "no-thread-second-time-fails",
        _PATIENCE,
        "A login that starves and finds no second thread goes on in the first.",
        f"{_PATIENT}.test_cannot_run_again",
        ("addCallbacks(self.settle, lambda _: None)", "addBoth(self.settle)"),
    ),
    bug(
        "stop-waits-for-who-starves",
        _PATIENCE,
        "A stop does not wait for a hash that nobody wants any more.",
        "records.test.test_patience.ThreadsTests.test_starves",
        ("        if self._patience.is_idle:\n", "        if self._far:\n"),
    ),
)

LIMITED: tuple[Bug, ...] = (*LIMITS, *DEADLINES, *HASHING)
