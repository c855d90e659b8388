"""How full names are written."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from records.model.names import written_name

WRITTEN: tuple[tuple[dict[str, object], str], ...] = (
    ({"given_name": "Ann", "family_name": "O'Hara"}, "Ann O'Hara"),
    ({"given_name": "Cher", "family_name": None}, "Cher"),
    ({"family_name": "O'Hara"}, "O'Hara"),
    ({}, ""),
    (
        {"given_name": "Ann", "middle_name": "B.", "family_name": "Lee", "suffix": "Jr."},
        "Ann B. Lee Jr.",
    ),
    ({"given_name": "小龙", "family_name": "李"}, "李小龙"),
    ({"given_name": "철수", "family_name": "김"}, "김철수"),
    ({"given_name": "太郎", "family_name": "山田"}, "山田太郎"),
    ({"given_name": "たろう", "family_name": "やまだ"}, "やまだ たろう"),
    ({"given_name": "ﾀﾛｳ", "family_name": "ﾔﾏﾀﾞ"}, "ﾔﾏﾀﾞ ﾀﾛｳ"),
    # Somebody with a name in each script writes it as in the Latin one.
    ({"given_name": "Bruce", "family_name": "李"}, "Bruce 李"),
    ({"given_name": "小龙", "family_name": "李", "suffix": "Jr."}, "李小龙 Jr."),
)


class WrittenNameTests(SynchronousTestCase):
    """`written_name`."""

    def test_written(self) -> None:
        """Han, Hangul and Kana have the family name first, all other scripts the given name."""
        for values, written in WRITTEN:
            self.assertEqual(written_name(values), written, values)
