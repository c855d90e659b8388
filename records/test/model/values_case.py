"""What the tests of single values share: any input, and two ways to ask for a verdict."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from records.model.values import Invalid

ANYTHING = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(),
    st.text(st.characters(codec=None)),
    st.binary(),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=8), st.integers(), max_size=2),
)


class RulesCase(SynchronousTestCase):
    """What tests of one rule share."""

    def assert_refused(self, check: Callable[[object], object], raws: Iterable[object]) -> None:
        for raw in raws:
            try:
                value = check(raw)
            except Invalid as reason:
                sentence = str(reason)
            else:
                self.fail(f"{ascii(raw)[:100]} passed as {ascii(value)[:100]}")
            self.assertTrue(sentence.endswith("."), sentence)
            self.assertTrue(sentence[:1].islower(), sentence)

    def assert_canonical(
        self, check: Callable[[object], object], pairs: Iterable[tuple[object, object]]
    ) -> None:
        for raw, canonical in pairs:
            self.assertEqual(check(raw), canonical, ascii(raw))
            self.assertEqual(check(canonical), canonical, ascii(raw))
