"""When which piece of a text is heard."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from narrate.audiobook import Word
from narrate.timings import timings

WORDS = st.lists(st.builds(Word, st.text(max_size=5), st.integers(0, 5000), st.integers(0, 5000)), max_size=12)


@given(st.text(max_size=80), st.integers(0, 500_000), WORDS)
def test_the_entries_are_the_text_and_fill_the_sound(text: str, sound: int, words: list[Word]) -> None:
    found = timings(text, sound, words, 24000)
    assert "".join(entry.text for entry in found) == text
    assert all(entry.length >= 0 for entry in found)
    assert all(one.start + one.length == two.start for one, two in pairwise(found))
    if found:
        assert found[0].start == 0 or words
        assert found[-1].start + found[-1].length == sound


def test_words_that_the_engine_timed_stand_where_it_says() -> None:
    words = [Word("Hello,", 100, 400), Word("world", 600, 1000)]
    found = [(entry.text, entry.start, entry.length) for entry in timings("Hello, world.", 12_000, words, 10_000)]
    assert found == [
        ("Hello", 1000, 3000),
        (",", 4000, 1000),
        (" ", 5000, 1000),
        ("world", 6000, 4000),
        (".", 10_000, 2000),
    ]


def test_without_times_the_sound_is_shared_by_letters() -> None:
    found = {entry.text: entry.length for entry in timings("I telephoned 1984", 10_000, (), 1000)}
    assert found["I"] < found["telephoned"] < found["1984"]


@pytest.mark.parametrize(
    ("text", "entries"),
    [
        ("नमस्ते दुनिया।", ["नमस्ते", " ", "दुनिया", "।"]),
        ("สวัสดีครับ", ["สวัสดีครับ"]),
        ("cafe\u0301 noir", ["cafe\u0301", " ", "noir"]),
        ("می\u200cخواهم", ["می\u200cخواهم"]),
        ("שָׁלוֹם, مُحَمَّد", ["שָׁלוֹם", ",", " ", "مُحَمَّد"]),
        ("👨\u200d👩\u200d👧 ❤\ufe0f ok", ["👨\u200d👩\u200d👧", " ", "❤\ufe0f", " ", "ok"]),
        ("3.14, o’clock — a-b…", ["3.14", ",", " ", "o’clock", " ", "—", " ", "a-b", "…"]),
        ("\u0301a", ["\u0301", "a"]),
    ],
)
def test_a_word_is_one_entry_in_every_script(text: str, entries: list[str]) -> None:
    assert [entry.text for entry in timings(text, 1000, (), 1000)] == entries


def test_what_rides_on_a_letter_takes_no_time_of_its_own() -> None:
    found = {entry.text: entry.length for entry in timings("नन नि", 1000, (), 1000)}
    assert found["नन"] == 2 * found["नि"]


def test_words_that_do_not_match_are_not_used() -> None:
    found = timings("in 1984", 7000, [Word("in", 0, 1), Word("nineteen", 1, 2), Word("eighty-four", 2, 3)], 1000)
    assert found == timings("in 1984", 7000, (), 1000)
