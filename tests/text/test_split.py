"""Splitting loses nothing, respects the limit, and cuts where a reader would breathe."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from narrate.text.split import Piece, split

PROSE = (
    "It was the best of times, it was the worst of times; it was the age of wisdom. “Dr. Smith,” he said, "
    "“went to St. Ives at 3.14 p.m.” J. R. R. Tolkien agreed... and left! Was that all? Yes."
)


def by_length(limit: int):
    return lambda text: len(text) / limit


def texts(text: str, limit: int) -> list[str]:
    return [text[piece.start : piece.end] for piece in split(text, by_length(limit))]


any_text = st.lists(
    st.one_of(
        st.sampled_from("abc AB. ,;!?…—–\n\t“”()1234567890"),
        st.characters(exclude_categories=("Cs",)),
        st.sampled_from(["é", "e\u0301", "👩\u200d👩\u200d👧", "🇫🇷", "漢字", "。", "が\u3099"]),
    ),
    max_size=300,
).map("".join)


@given(any_text, st.integers(1, 60))
def test_pieces_touch_and_lose_nothing(text: str, limit: int) -> None:
    pieces = split(text, by_length(limit))
    assert pieces[0].start == 0
    assert pieces[-1].end == len(text)
    assert all(left.end == right.start for left, right in pairwise(pieces))


@given(any_text, st.integers(12, 60))
def test_no_piece_is_over_the_limit(text: str, limit: int) -> None:
    assert all(len(part) <= limit for part in texts(text, limit))


@given(st.integers(1, 40))
def test_graphemes_stay_whole(limit: int) -> None:
    family = "👩\u200d👩\u200d👧"
    parts = texts(family * 20, limit)
    assert "".join(parts) == family * 20
    assert all(part.startswith("👩") and part.endswith("👧") for part in parts)


def test_what_fits_is_not_cut() -> None:
    assert split(PROSE, by_length(1000)) == [Piece(0, len(PROSE), "paragraph")]


def test_sentences_stay_whole_where_they_fit() -> None:
    parts = texts(PROSE, 110)
    assert [part.strip()[-1] for part in parts] == [".", "!", "."] or all(part.strip()[-1] in ".!?”" for part in parts)
    assert any("Dr. Smith,” he said" in part for part in parts)
    assert any("J. R. R. Tolkien" in part for part in parts)


def test_an_endless_sentence_is_cut_at_its_commas() -> None:
    parts = texts("one two three four, " * 30, 100)
    assert all(part.rstrip().endswith(",") for part in parts)


def test_a_long_word_is_cut_last() -> None:
    parts = texts("x" * 95 + " end.", 10)
    assert all(len(part) <= 10 for part in parts)
    assert "".join(parts) == "x" * 95 + " end."


def test_pieces_are_about_equal() -> None:
    text = "Ten letters. " * 22  # 286 characters: three halves of the limit, not one full and one stub
    lengths = [len(part) for part in texts(text, 200)]
    assert min(lengths) > 100


@pytest.mark.parametrize(
    ("language", "text", "first"),
    [
        ("ja", "山路を登りながら、こう考えた。智に働けば角が立つ。", "山路を登りながら、こう考えた。"),
        ("zh", "今天天气很好。我们去公园吧！好吗？", "今天天气很好。"),
        ("hi", "यह पहला वाक्य है। यह दूसरा है।", "यह पहला वाक्य है।"),
        ("ar", "هذه جملة أولى. وهذه جملة ثانية؟", "هذه جملة أولى."),
        ("de", "Das ist z. B. ein Satz. Hier ist der zweite.", "Das ist z. B. ein Satz."),
    ],
)
def test_languages_end_their_sentences_in_their_own_way(language: str, text: str, first: str) -> None:
    pieces = split(text, by_length(len(first) + 2), language)
    assert text[pieces[0].start : pieces[0].end].strip() == first
    assert pieces[0].after == "sentence"
