"""The line that tells how far something long has come."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from records.client.progress import ProgressLine


class ProgressTests(SynchronousTestCase):
    """A line, written again and again."""

    def setUp(self) -> None:
        self.written, self.now = "", 0.0
        self.line = ProgressLine(self.write, lambda: self.now)

    def write(self, text: str) -> None:
        self.written += text

    def tell(self, now: float, done: int, total: int | None = None, what: str = "Sending") -> str:
        """What is written when it is told of progress at that time."""
        self.now, before = now, len(self.written)
        self.line(what, done, total)
        return self.written[before:]

    def test_quick(self) -> None:
        """What takes less than a second shows nothing."""
        self.assertEqual(self.tell(0, 0, 10) + self.tell(0.9, 9, 10), "")
        self.line.clear()
        self.assertEqual(self.written, "")

    def test_long(self) -> None:
        """What takes longer shows how much, how fast, and how long it will take; not too often."""
        self.tell(0, 0, 100_000)
        expected = "\rSending: 2,000 of 100,000 (2 %), 1,000 a second, 1:38 left"
        self.assertEqual(self.tell(2, 2000, 100_000), expected)
        self.assertEqual(self.tell(2.4, 2400, 100_000), "")
        self.assertIn("2,500", self.tell(2.5, 2500, 100_000))

    def test_unknown_total(self) -> None:
        """Without a total there is no time left to tell."""
        self.tell(0, 0)
        self.assertEqual(self.tell(2, 10), "\rSending: 10, 5 a second")

    def test_shorter(self) -> None:
        """A shorter line covers the one before."""
        self.tell(0, 0)
        first = self.tell(2, 1000)
        self.assertEqual(len(self.tell(3, 1)), len(first))

    def test_next(self) -> None:
        """Another thing begins anew, on a clean line."""
        self.tell(0, 0)
        first = self.tell(2, 1000)
        after = self.tell(3, 0, what="Planning")
        self.assertEqual(after, "\r" + " " * (len(first) - 1) + "\r")
        self.line.clear()
        self.assertEqual(self.tell(3, 0, what="Planning"), "")
