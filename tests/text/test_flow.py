"""Text in pieces, cut into phrases."""

from __future__ import annotations

import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from narrate.text.flow import LEAST, LONGEST, Flow, Phrase

STORY = (
    "Once upon a time, there was a keeper of a lighthouse. He paid 1,250.50 dollars a year to Mr. Smith of St. Ives. "
    "“Go away!” he cried; nobody went. See example.com/a?b=1, or don't… It was 3.14 p.m. on the clock.\n\n"
    "A second paragraph begins here and it has a sentence that is long enough to stand alone by itself. No. Yes! What?!"
)
MARKDOWN = (
    "# The Lighthouse\nIt was a dark night, and the lamp was lit. The keeper slept. He did not hear the bell at all.\n"
    "- first, the oil\n- second. The wick\n\n## Chapter *two*\n\n```python\nprint('a.b')\n\nx = 1. \n```\n"
    "1. One thing. And more\n2. Two\nThe end, at last.\n# "
)


def phrases(pieces: list[str], *, markdown: bool = False, close: bool = True) -> list[Phrase]:
    flow = Flow(markdown=markdown)
    found: list[Phrase] = []
    for piece in pieces:
        flow.append(piece)
        found += iter(flow.take, None)
    if close:
        flow.close()
        found += iter(flow.take, None)
    return found


def cut(text: str, places: list[int]) -> list[str]:
    ends = [0, *sorted({place % (len(text) + 1) for place in places}), len(text)]
    return [text[start:end] for start, end in pairwise(ends)]


@given(st.lists(st.integers(0, 10_000)), st.sampled_from([STORY, STORY * 7, MARKDOWN]), st.booleans())
def test_the_phrases_do_not_depend_on_how_the_text_was_cut(places: list[int], text: str, markdown: bool) -> None:
    assert phrases(cut(text, places), markdown=markdown) == phrases([text], markdown=markdown)


@given(
    st.text(st.sampled_from("aB,.!?…;: \n#-*`1“”。、—é"), max_size=400), st.lists(st.integers(0, 400)), st.booleans()
)
def test_any_text_is_kept_whole_and_cut_by_itself_alone(text: str, places: list[int], markdown: bool) -> None:
    whole = phrases([text], markdown=markdown)
    assert "".join(phrase.text for phrase in whole) == text
    assert [phrase.start for phrase in whole] == [
        sum(len(phrase.text) for phrase in whole[:index]) for index in range(len(whole))
    ]
    assert phrases(cut(text, places), markdown=markdown) == whole


@given(st.text(st.sampled_from("ab c"), max_size=3000))
def test_no_phrase_waits_longer_than_the_longest(text: str) -> None:
    assert all(len(phrase.text) <= LONGEST for phrase in phrases([text], close=False))
    flow = Flow()
    flow.append(text)
    while flow.take():
        pass
    assert flow.waiting < LONGEST


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("Once upon a time,", "Once upon a time,"),
        ("Well, hello there, friend", "Well, hello there,"),
        ("It was cold. The", "It was cold."),
        ("It costs 1,250 dollars, or more", "It costs 1,250 dollars,"),
        ("Go to see Mr. Smith today. He", "Go to see Mr. Smith today."),
        ("I went to example.com and", None),
        ("It was cold.", None),
        ("Nobody was there", None),
        ("これは本です。次", "これは本です。"),
        ("Go to see Mr. ", None),
        ("It is about 5 p.m. ", None),
        ("Is it so? ", "Is it so?"),
        ("Look at example.com/a?b", None),
    ],
)
def test_the_opening_leaves_with_its_first_clause(text: str, first: str | None) -> None:
    flow = Flow("ja" if text[0] > "z" else "en")
    flow.append(text)
    phrase = flow.take()
    assert (phrase.text if phrase else None) == first


OPENINGS = (
    "Go to see Mr. ",
    "I saw Dr. ",
    "Well, ",
    "It is 5 p.m. ",
    "e.g. ",
    "“Is it so?” he ",
    "No! ",
    "U.S. ",
    "a.b ",
    "1.5: ",
)


@given(
    st.lists(st.sampled_from((*OPENINGS, "Hi. ", "St. Ives ", "\n", "\n\n", "x", "Y — ", "... ")), max_size=25),
    st.booleans(),
)
def test_an_opening_by_the_letter_is_the_one_at_once(pieces: list[str], markdown: bool) -> None:
    text = "".join(pieces)
    assert phrases(list(text), markdown=markdown) == phrases([text], markdown=markdown)


@pytest.mark.parametrize("text", [" " * 1_000_000, "Hello my friend." + " " * 1_000_000, "." * 100_000, "! " * 100_000])
@pytest.mark.parametrize("markdown", [False, True])
def test_no_phrase_takes_long_whatever_stands_there(text: str, markdown: bool) -> None:
    flow = Flow(markdown=markdown)
    flow.append(text)
    flow.take()
    before = time.process_time()
    for _ in range(10):
        flow.take()
    assert time.process_time() - before < 1.0


def test_later_phrases_are_sentences_of_some_length() -> None:
    found = phrases([STORY])
    assert found[0] == Phrase("Once upon a time,", 0, "clause")
    assert [phrase.after for phrase in found[1:]].count("clause") == 0
    paragraph = next(index for index, phrase in enumerate(found) if phrase.text.endswith("\n\n"))
    assert found[paragraph].after == "paragraph"
    assert all(len(phrase.text) >= LEAST for phrase in found[1:] if phrase.after == "sentence")
    assert not any(phrase.text.endswith(("Mr.", "St.", "3.", "p.m.", "1,")) for phrase in found)


def test_markdown_blocks_are_phrases_of_their_own() -> None:
    found = [(phrase.text, phrase.after) for phrase in phrases([MARKDOWN], markdown=True)]
    assert ("# The Lighthouse\n", "heading") in found
    assert ("## Chapter *two*\n", "heading") in found
    assert ("- first, the oil\n", "paragraph") in found
    assert ("```python\nprint('a.b')\n\nx = 1. \n```\n", "paragraph") in found
    assert any(text.startswith("1. One thing.") for text, _ in found)


def test_a_heading_waits_for_the_end_of_its_line() -> None:
    flow = Flow(markdown=True)
    flow.append("# The keeper, and his lamp. And more")
    assert flow.take() is None
    flow.append("\n")
    assert flow.take() == Phrase("# The keeper, and his lamp. And more\n", 0, "heading")
