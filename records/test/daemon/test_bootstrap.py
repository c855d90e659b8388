"""The first start, and all later ones: what is made, what is kept, and what is refused."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime, timedelta
from threading import Timer
from types import FrameType
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from records.daemon.bootstrap import (
    Places,
    generate_password,
    host_names,
    lock,
    now,
    open_keys,
)
from records.model.errors import Unusable
from records.test.daemon.bootstrap_case import ALPHABET, SHAPE, PlacesCase
from records.test.tls.tls_case import NOW
from records.tls.keys import KeyFiles, can_be_certified


class PasswordTests(SynchronousTestCase):
    """A first password."""

    def test_form(self) -> None:
        """It is five groups of five letters and digits, of which none look alike."""
        for _ in range(20):
            self.assertTrue(SHAPE.fullmatch(generate_password(os.urandom)))

    def test_different(self) -> None:
        """It is another one each time."""
        self.assertEqual(len({generate_password(os.urandom) for _ in range(50)}), 50)

    def test_all_bytes_count(self) -> None:
        """Each character comes from a byte of its own, in their order."""
        password = generate_password(lambda count: bytes(range(count)))
        self.assertEqual(password.replace("-", ""), ALPHABET[:25])
        password = generate_password(lambda count: bytes(range(31, 31 + count)))
        self.assertEqual(password.replace("-", ""), ALPHABET[:25])

    def test_unbiased(self) -> None:
        """Every character comes of as many bytes as any other; the bytes left over are not used."""
        counts = dict.fromkeys(ALPHABET, 0)
        for byte in range(256):
            drawn = iter([bytes([byte]) * 64])
            try:
                password = generate_password(lambda _: next(drawn))  # noqa: B023  called at once
            except StopIteration:
                self.assertGreaterEqual(byte, 248)
            else:
                self.assertEqual(len(set(password) - {"-"}), 1)
                counts[password[0]] += 1
        self.assertEqual(set(counts.values()), {8})

    def test_asks_again(self) -> None:
        """If too many bytes are of no use, more are asked for."""
        drawn = iter([b"\xff" * 64, b"\xff" * 44 + b"\0" * 20, b"\x01" * 64])
        self.assertEqual(generate_password(lambda _: next(drawn)), "aaaaa-" * 4 + "bbbbb")


class HostNamesTests(SynchronousTestCase):
    """What this machine is called."""

    def test_names(self) -> None:
        """This machine's loopback names come first; each is told once, and can be certified."""
        names = list(host_names())
        self.assertEqual(names[:3], ["localhost", "127.0.0.1", "::1"])
        self.assertEqual(len(set(names)), len(names))
        self.assertTrue(all(map(can_be_certified, names)))

    def test_no_zones(self) -> None:
        """No address needs an interface's name beside it."""
        self.assertFalse([name for name in host_names() if "%" in name or name.startswith("fe80")])


class LockTests(PlacesCase):
    """One daemon in one folder."""

    def test_made(self) -> None:
        """The folder is made, with those above it, for its owner only."""
        self.addCleanup(os.umask, os.umask(0))
        self.places = Places(self.root / "a" / "b", KeyFiles(self.root))
        os.close(lock(self.places, ()))
        self.assertEqual(self.mode(self.places.data), 0o700)
        self.assertEqual(self.mode(self.places.lock), 0o600)

    def test_second(self) -> None:
        """A second daemon is kept out until the first has closed its lock."""
        first = lock(self.places, ())
        self.assertIn("in use", self.unusable(self.places.data, lock, self.places, (), 0))
        os.close(first)
        os.close(lock(self.places, ()))

    def test_waits(self) -> None:
        """It waits a moment for what a daemon that was killed has left at its work."""
        first = lock(self.places, ())
        at_work = Timer(0.1, os.close, [first])
        at_work.start()
        os.close(lock(self.places, (), patience=20))
        at_work.join()

    def test_after_a_fork(self) -> None:
        """Who has the descriptor holds the lock, also once the daemon itself has ended."""
        first = lock(self.places, ())
        copy = os.dup(first)
        os.close(first)
        self.assertRaises(Unusable, lock, self.places, (), 0)
        os.close(copy)
        os.close(lock(self.places, (), 0))

    def test_refusal_leaves_nothing(self) -> None:
        """A refusal leaves no file open, and does not end the first one's lock."""
        first = lock(self.places, ())
        before = sorted(os.listdir("/proc/self/fd"))
        for _ in range(3):
            self.assertRaises(Unusable, lock, self.places, (), 0.02)
        self.assertEqual(sorted(os.listdir("/proc/self/fd")), before)
        os.close(first)

    def test_not_inherited(self) -> None:
        """Another program that the daemon starts does not keep the lock."""
        descriptor = lock(self.places, ())
        self.assertFalse(os.get_inheritable(descriptor))
        os.close(descriptor)

    def test_unusable(self) -> None:
        """A place in which no folder can be is refused."""
        (self.root / "data").write_bytes(b"")
        self.unusable(self.places.data, lock, self.places, ())
        below = Places(self.root / "data" / "below", KeyFiles(self.root))
        self.unusable(below.data, lock, below, ())
        long = Places(self.root / ("x" * 300), KeyFiles(self.root))
        self.unusable(long.data, lock, long, ())


class ExposedTests(PlacesCase):
    """Records that others can read."""

    def test_exposed(self) -> None:
        """A database that others can read, or a folder that they can change, is refused."""
        os.close(lock(self.places, ()))
        self.places.database.write_bytes(b"")
        for path, mode, wanted in (
            (self.places.database, 0o644, 0o600),
            (self.places.database, 0o606, 0o600),
            (self.places.data, 0o777, 0o700),
        ):
            path.chmod(mode)
            with self.assertRaisesRegex(Unusable, f"chmod {wanted:o} {path}"):
                lock(self.places, [self.places.database])
            path.chmod(wanted)
        self.places.data.chmod(0o755)
        os.close(lock(self.places, ()))


class KeysTests(PlacesCase):
    """The keys, at each start."""

    def test_made_once(self) -> None:
        """They are made at the first start, and left alone at the next."""
        self.assertTrue(open_keys(self.places, NOW))
        before = self.places.keys.certificate.read_bytes()
        self.assertFalse(open_keys(self.places, NOW + timedelta(days=1)))
        self.assertEqual(self.places.keys.certificate.read_bytes(), before)

    def test_unusable(self) -> None:
        """A place where they cannot be is refused."""
        self.places.keys.folder.write_bytes(b"in the way")
        self.unusable(self.places.keys.folder, open_keys, self.places, NOW)
        below = Places(self.root, KeyFiles(self.places.keys.folder / "below"))
        self.unusable(below.keys.folder, open_keys, below, NOW)

    def test_asks_for_no_names(self) -> None:
        """Where nothing is to be made nobody is asked for names: a name server may be slow."""
        open_keys(self.places, NOW)
        called: set[str] = set()

        def note(frame: FrameType, event: str, arg: Any) -> None:
            called.add(frame.f_code.co_name)

        sys.setprofile(note)
        try:
            open_keys(self.places, NOW)
        finally:
            sys.setprofile(None)
        self.assertIn("prepare_keys", called)
        self.assertNotIn("getfqdn", called)

    def test_now(self) -> None:
        """The time that keys are made for is the present one, in UTC."""
        before = datetime.now(UTC)
        found = now()
        self.assertTrue(before <= found <= datetime.now(UTC))
        self.assertEqual(found.utcoffset(), timedelta(0))
