"""The list of words worth a listener's ear."""

from __future__ import annotations

import re

from narrate.engines import kokoro
from narrate.text.lexicon import Entry, lexicon
from narrate.words import Passage, Row, rare_words

TEXT = (
    Passage("“Well,” said Mr. Cholmondeley to Lestrade. Nobody spoke.", 0, "a#1"),
    Passage("Lestrade’s hat! He saw LESTRADE and St. Ives and London; the flimwhistle purred.", 1, "b#1"),
    Passage("Cholmondeleys, all of them. They’d gone on the 9th. Flimwhistle.", 1, "b#2"),
)
WORDS = lexicon([Entry("Cholmondeley", "Chumley", source="w:1"), Entry("hat", "hatte", source="w:2")])
KNOWN = frozenset(
    re.findall("[a-z]+", "well said mr to nobody spoke he saw and st ives london the purred all of them gone on they")
)


def listed(**how: object) -> list[Row]:
    return list(rare_words(TEXT, WORDS, "en", **how))  # type: ignore[arg-type]


def test_unknown_words_names_and_the_lexicons_words_by_frequency() -> None:
    rows = listed(knows=lambda word: word.lower() in KNOWN)
    assert [(row.word, row.count, row.chapters, row.place, row.said, row.known) for row in rows] == [
        ("Lestrade", 3, (0, 1), "a#1", "Lestrade", False),
        ("Cholmondeley", 2, (0, 1), "a#1", "Chumley", True),
        ("flimwhistle", 2, (1,), "b#1", "flimwhistle", False),
        ("hat", 1, (1,), "b#1", "hatte", True),
        ("Ives", 1, (1,), "b#1", "Ives", True),
        ("London", 1, (1,), "b#1", "London", True),
    ]
    assert rows[1].entry == WORDS.entries[0]
    assert rows[0].context == "“Well,” said Mr. Cholmondeley to Lestrade. Nobody spoke."
    assert rows[2].context == "…and St. Ives and London; the flimwhistle purred."


def test_without_a_dictionary_names_are_told_by_their_capitals() -> None:
    assert [row.word for row in listed()] == ["Lestrade", "Cholmondeley", "hat", "Ives", "London"]


def test_only_the_rows_that_are_shown_are_pronounced() -> None:
    asked: list[str] = []

    def pronounce(word: str) -> str:
        asked.append(word)
        return word.upper()

    rows = listed(knows=lambda word: word.lower() in KNOWN, pronounce=pronounce, most=3)
    assert [row.said for row in rows] == ["LESTRADE", "Chumley", "FLIMWHISTLE"]
    assert asked == ["Lestrade", "flimwhistle"]


def test_with_the_embedded_voice() -> None:
    told = kokoro.dictionary()
    rows = {row.word: row for row in rare_words(TEXT, WORDS, "en", told.knows, told.pronounce, phonemes=True)}
    assert rows["Lestrade"].said == "lˈɛstɹˌeɪd"
    assert rows["London"].known
    assert "purred" not in rows
    assert "Mr" not in rows
