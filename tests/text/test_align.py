"""Offsets through normalisation: regions rise, touch, cover both texts, and are small."""

from __future__ import annotations

import time
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from narrate.text import normalise, normalise_aligned
from narrate.text.align import Region, align, aligned, compose, identity, written_span

WORDS = st.sampled_from(
    [
        *("the", "Dr.", "St.", "Smith", "45", "1914–18", "½", "†", "a", "and", ",", " ", "  ", "\n", "é", "e\u0301"),
        *("XIV", "$1.50", "NASA", "CHAPTER", "—", "“", "ﬁ", "\u00ad", "道", "1 1 1"),
    ]
)
texts = st.one_of(st.lists(WORDS, max_size=14).map("".join), st.lists(WORDS, max_size=14).map(" ".join), st.text())


def fits(regions: tuple[Region, ...], written: str, said: str) -> None:
    """The promises of every answer."""
    assert all(left.end == right.start and left.said_end == right.said_start for left, right in pairwise(regions))
    assert all(one.start <= one.end and one.said_start <= one.said_end for one in regions)
    assert all(one.end > one.start or one.said_end > one.said_start for one in regions)
    if regions:
        assert (regions[0].start, regions[0].said_start) == (0, 0)
        assert (regions[-1].end, regions[-1].said_end) == (len(written), len(said))
    else:
        assert not written
        assert not said
    for one in regions:
        if one.same:
            assert written[one.start : one.end] == said[one.said_start : one.said_end]


def spans(written: str, said: str, regions: tuple[Region, ...]) -> dict[str, str]:
    """Each said word with what was written for it."""
    found: dict[str, str] = {}
    at = 0
    for word in said.split():
        at = said.index(word, at)
        start, end = written_span(regions, at, at + len(word))
        found[word] = written[start:end]
        at += len(word)
    return found


@given(texts, texts)
def test_any_two_texts_are_aligned(written: str, said: str) -> None:
    fits(align(written, said), written, said)


@given(texts, texts, texts)
def test_any_two_alignments_compose(one: str, two: str, three: str) -> None:
    fits(compose(align(one, two), align(two, three)), one, three)


@given(texts, texts, texts, texts)
def test_it_does_not_matter_which_are_composed_first(one: str, two: str, three: str, four: str) -> None:
    first, second, third = align(one, two), align(two, three), align(three, four)
    left, right = compose(compose(first, second), third), compose(first, compose(second, third))
    fits(left, one, four)
    fits(right, one, four)
    assert [one for one in left if one.same] == [one for one in right if one.same]


@given(texts)
def test_what_is_unchanged_is_itself(text: str) -> None:
    assert compose(identity(text), identity(text)) == align(text, text) == identity(text)
    assert all(written_span(identity(text), at, at + 1) == (at, at + 1) for at in range(len(text)))


@settings(max_examples=150, deadline=None)
@given(texts, st.sampled_from(["en", "fr"]))
def test_normalised_text_points_at_what_was_written(written: str, language: str) -> None:
    said, regions = normalise_aligned(written, language)
    assert said == normalise(written, language)
    fits(regions, written, said)
    assert not said or written_span(regions, 0, len(said))[0] <= written_span(regions, 0, len(said))[1]


@given(texts)
def test_spans_rise_with_the_text(written: str) -> None:
    said, regions = normalise_aligned(written)
    places = [written_span(regions, at, at + 1) for at in range(len(said))]
    assert all(left[0] <= right[0] and left[1] <= right[1] for left, right in pairwise(places))


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (
            "Dr. Smith, 45 St. James St.",
            {"Doctor": "Dr.", "Smith,": "Smith,", "forty-five": "45", "Saint": "St.", "James": "James"},
        ),
        ("In 1914–18 it rained", {"In": "In", "nineteen": "1914–18", "eighteen": "1914–18", "rained": "rained"}),
        ("Tea† and ‡cake", {"Tea": "Tea", "and": "and", "cake": "cake"}),
        ("CALL me Ishmael", {"Call": "CALL", "me": "me"}),
        ("2 + 2 = 4", {"plus": "+", "equals": "=", "four": "4"}),
        ("It was won\u00adder\u00adful, 5 times", {"wonderful,": "won\u00adder\u00adful,", "five": "5"}),
        ("He paid $3.50 for 2 at No. 9.", {"three": "$3.50", "cents": "$3.50", "two": "2", "number": "No."}),
        ("1 2 3", {"one": "1", "two": "2", "three": "3"}),
    ],
)
def test_each_said_word_points_at_the_written_one(written: str, expected: dict[str, str]) -> None:
    said, regions = normalise_aligned(written)
    found = spans(written, said, regions)
    assert {word: found[word] for word in expected} == expected


def test_a_word_that_was_added_points_at_an_empty_place() -> None:
    regions = align("one three", "one two three")
    assert written_span(regions, 4, 7) == (4, 4)


def test_more_steps_can_be_run_in_a_row() -> None:
    said, regions = aligned("the Boatswain slept", [str.lower, lambda text: text.replace("boatswain", "bosun")])
    assert said == "the bosun slept"
    assert written_span(regions, 4, 9) == (4, 13)
    assert written_span(regions, 10, 15) == (14, 19)


@pytest.mark.parametrize("piece", ["1 a ", "a ", "1 ", "the 12 of the ", "‘a’ ", "X", "\u00ad", "1,2;"])
def test_time_is_linear_in_the_text(piece: str) -> None:
    def seconds(size: int) -> float:
        start = time.process_time()
        normalise_aligned((piece * size)[:size])
        return time.process_time() - start

    seconds(100)
    assert seconds(5000) < 2
