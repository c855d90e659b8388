"""Search: who is found by what people type."""

from __future__ import annotations

from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from records.model.fields import STANDARD, Catalogue, Value
from records.model.search import (
    MAX_WORD,
    email_key,
    person_key,
    query_words,
    search_fold,
    search_words,
    word_changes,
    words_version,
)
from records.model.values import Money

FOLDED = (
    ("O'Hara", "ohara"),
    ("O’HARA", "ohara"),
    ("Kaʻiulani", "kaiulani"),
    ("Zʾōrā", "zora"),
    ("Müller", "muller"),
    ("MU\u0308LLER", "muller"),
    ("Größe", "grosse"),
    ("Søren", "soren"),
    ("Æsa", "aesa"),
    ("Łukasz", "lukasz"),
    ("Thương", "thuong"),
    ("İpek", "ipek"),
    ("ΣΟΦΟΣ", "σοφοσ"),
    ("タロウ", "たろう"),
    ("ﾀﾛｳ", "たろう"),
    ("علي", "علی"),
    ("שָׁלוֹם", "שלום"),
    ("Ｆｕｌｌ", "full"),
)
"""Words and what they are compared as."""

# Who is found by what: given name, family name, what finds them, what does not.
PEOPLE: tuple[tuple[str | None, str | None, tuple[str, ...], tuple[str, ...]], ...] = (
    (
        "Jörg",
        "Müller",
        ("Mueller", "Muller", "Müller", "MUELLER", "muel", "joerg", "jorg", "jörg mueller"),
        ("Mller", "Moller", "Joel"),
    ),
    ("Joerg", "Mueller", ("Müller", "Muller", "jörg", "mueller"), ()),
    ("Jo", "Groesse", ("Größe", "grosse", "groesse"), ()),
    ("Jo", "Größe", ("Groesse", "groeße", "grosse"), ()),
    ("Uwe", "Großmann", ("Grossmann", "großmann"), ("Grosmann",)),
    ("Søren", "Ødegård", ("soren", "soeren", "odegard", "oedegaard", "ødegård"), ()),
    ("Åge", "Håkonsen", ("aage", "age", "haakonsen", "hakonsen"), ()),
    ("Aage", "Haakonsen", ("Åge", "håkonsen"), ()),
    ("Linh", "Thương", ("Thuong", "thương"), ()),
    ("Zʾōrā", None, ("zora", "Zora", "zʾōrā", "ora"), ()),
    (None, "Kaʻiulani", ("kaiulani", "ka'iulani", "kaʻiulani", "Ka’iulani", "ka iulani"), ()),
    ("Ann", "O'Hara", ("ohara", "o hara", "o'hara", "O’Hara", "hara", "ann ohara"), ("ara",)),
    ("Ann", "O Hara", ("ohara", "o hara", "o'hara"), ()),
    ("Ann", "OHara", ("ohara", "o'hara"), ()),
    ("Sean", "O’Neill", ("oneill", "o neill", "o'neill", "neill"), ()),
    ("Ana", "de la Cruz", ("delacruz", "de la cruz", "la cruz", "cruz", "lacruz", "dela"), ()),
    ("Jan", "van der Berg", ("vanderberg", "vander", "van der berg", "berg", "der"), ("erg",)),
    ("Jean-Luc", "Picard", ("jeanluc", "jean-luc", "jean luc", "luc picard", "jean"), ()),
    ("Jeanluc", "Picard", ("jeanluc",), ("luc",)),
    ("Gaia", "D'Angelo", ("dangelo", "d'angelo", "d angelo", "angelo"), ()),
    ("小龙", "李", ("李小龙", "小龙李", "李", "小龙", "龙", "李 小龙", "李小"), ("小李",)),
    ("철수", "김", ("김철수", "철수", "김", "수"), ()),
    ("太郎", "山田", ("山田太郎", "太郎山田", "山田 太郎", "郎"), ()),
    ("タロウ", "ヤマダ", ("やまだ", "ヤマダ", "ﾔﾏﾀﾞ", "やまだたろう", "ヤマダタロウ"), ()),
    ("Joe", "Poe", ("joe", "poe", "jo"), ("joel",)),
    ("John", "Jones", ("jo",), ("joe",)),
    ("Mary", "Sung", ("ma", "su"), ("mae", "sue")),
    ("Samuel", "Bauer", ("samuel", "bauer", "samu", "samue", "baue"), ()),
    ("Łukasz", "Żółć", ("lukasz", "zolc"), ()),
    ("علي", "یزدی", ("علی", "يزدي"), ()),
    ("हिन्दी", None, ("हिन्दी",), ()),
)


def record(**values: Value) -> dict[str, Value]:
    """A record with these values."""
    return {**STANDARD.blank, **values}


def finds(query: str, values: Mapping[str, Value]) -> bool:
    """Whether a search finds a record: each of its words begins one of the record's."""
    words = search_words(STANDARD, 41, values)
    wanted = query_words(query)
    return bool(wanted) and all(any(word.startswith(each) for word in words) for each in wanted)


NAMES = st.one_of(
    st.text(max_size=30), st.sampled_from([name for p in PEOPLE for name in p[:2] if name])
)
SEARCHABLE = st.fixed_dictionaries(dict.fromkeys(STANDARD.searched, st.none() | NAMES))
BORN = st.sampled_from((None, "1990-05-17", "1990-05-18"))


class FoldTests(SynchronousTestCase):
    """`search_fold`."""

    def test_folded(self) -> None:
        """Case, accents, apostrophes and forms of letters make no difference."""
        for word, folded in FOLDED:
            self.assertEqual(search_fold(word), folded, word)

    @given(NAMES)
    def test_again(self, word: str) -> None:
        """A folded word stays as it is."""
        self.assertEqual(search_fold(search_fold(word)), search_fold(word))

    @given(NAMES, NAMES)
    def test_beginnings(self, begin: str, end: str) -> None:
        """The beginning of a word folds into the beginning of the folded word."""
        self.assertTrue(search_fold(begin + end).startswith(search_fold(begin)))


class SearchTests(SynchronousTestCase):
    """`query_words` and `search_words`."""

    def test_people(self) -> None:
        """People are found by their names as others type them."""
        for given_name, family_name, found, not_found in PEOPLE:
            values = record(given_name=given_name, family_name=family_name)
            for query in found:
                self.assertTrue(finds(query, values), f"{query} does not find {values}")
            for query in not_found:
                self.assertFalse(finds(query, values), f"{query} finds {values}")

    @given(st.none() | NAMES, NAMES)
    def test_own_name(self, given_name: str | None, family_name: str) -> None:
        """Whatever a name is, it is found by itself, if there is a word in it."""
        values = record(given_name=given_name, family_name=family_name)
        if query_words(family_name):
            self.assertTrue(finds(family_name, values))

    def test_numbers(self) -> None:
        """An employee number is found whole, by its parts, and without its punctuation."""
        values = record(given_name="Ann", employee_number="JAW-0018")
        for query in ("JAW-0018", "jaw0018", "jaw", "0018", "jaw-00", "41", "ann jaw"):
            self.assertTrue(finds(query, values), query)
        self.assertFalse(finds("18", values))

    def test_other_fields(self) -> None:
        """Titles and places are found by each of their words, with or without apostrophes."""
        values = record(
            title="Rue de l'Hôpital", department="Women’s R&D 2b", email="ann.ohara@example.com"
        )
        for query in ("hopital", "l'hôpital", "lhopital", "womens", "women's", "r&d", "2b"):
            self.assertTrue(finds(query, values), query)
        for query in ("ann.ohara@example.com", "ohara", "ruede", "relhopital"):
            self.assertEqual(finds(query, values), not query.startswith("r"), query)

    def test_only_searched_fields(self) -> None:
        """Nothing else of a record is found."""
        values = record(
            home_address="1 Secret Street",
            ssn="536-90-4399",
            salary=Money("64000.00", "USD"),
            birth_date="1990-05-17",
        )
        for query in ("secret", "street", "536", "4399", "64000", "1990"):
            self.assertFalse(finds(query, values), query)

    def test_query(self) -> None:
        """The words of a search are divided by whatever is no letter, digit or apostrophe."""
        words = query_words("  O'Hára-Smith, R&D 2b smith ")
        self.assertEqual(words, ("ohara", "smith", "r", "d", "2b"))
        self.assertEqual(query_words("'’-. ʻ"), ())

    @given(st.integers(1, 200))
    def test_long_words(self, length: int) -> None:
        """Only the beginning of a long word is compared, and its end is no word of its own."""
        self.assertEqual(query_words("y" * length + " z"), ("y" * min(length, MAX_WORD), "z"))
        self.assertTrue(finds("y" * length, record(given_name="y" * length)))

    @given(
        st.text(st.characters(max_codepoint=0x17F), max_size=40),
        st.sampled_from(("email", "title")),
    )
    def test_short_values(self, text: str, name: str) -> None:
        """The words of a short value are found as those of a long one are."""
        short, long = record(**{name: text}), record(**{name: text + " " + "-" * 40})
        keys = {email_key(str(each["email"])) for each in (short, long) if each["email"]}
        self.assertEqual(
            search_words(STANDARD, 41, short) - keys, search_words(STANDARD, 41, long) - keys
        )

    @given(SEARCHABLE)
    def test_keys(self, values: dict[str, Value]) -> None:
        """The words by which duplicates are found are never part of a search."""
        found = search_words(STANDARD, 41, record(**values))
        keys = {word for word in found if word[0] in "=@"}
        self.assertEqual(len(keys), bool(values["email"]))
        born = record(**values, birth_date="1990-05-17")
        self.assertIn(person_key(born), search_words(STANDARD, 41, born) - found)
        self.assertTrue(all(not query_words(word) or query_words(word) != (word,) for word in keys))

    def test_same_name(self) -> None:
        """Spellings of one name have the same key, other names another."""
        key = person_key(record(given_name="Jörg", family_name="Müller-Lüdenscheid"))
        for names in (("Joerg", "Mueller Luedenscheid"), ("JORG", "muller-ludenscheid")):
            self.assertEqual(person_key(record(given_name=names[0], family_name=names[1])), key)
        swapped = record(given_name="Müller-Lüdenscheid", family_name="Jörg")
        self.assertNotEqual(person_key(swapped), key)
        self.assertEqual(email_key("Ann@Example.com"), email_key("ann@example.com"))

    def test_version(self) -> None:
        """Other searched fields make other words, so their version differs."""
        fewer = Catalogue(STANDARD, STANDARD.searched[:-1])
        self.assertNotEqual(words_version(fewer), words_version(STANDARD))

    @given(
        SEARCHABLE,
        SEARCHABLE,
        st.tuples(BORN, BORN),
        st.sets(st.sampled_from((*STANDARD.searched, "birth_date"))),
    )
    def test_word_changes(
        self,
        one: dict[str, Value],
        other: dict[str, Value],
        born: tuple[Value, Value],
        names: set[str],
    ) -> None:
        """What a change of some fields does to a record's words is what all its words tell."""
        old, others = record(**one, birth_date=born[0]), other | {"birth_date": born[1]}
        new = old | {name: others[name] for name in names}
        changed = [name for name in names if old[name] != new[name]]
        before, after = search_words(STANDARD, 11, old), search_words(STANDARD, 11, new)
        self.assertEqual(
            word_changes(STANDARD, 11, old, new, changed), (before - after, after - before)
        )
