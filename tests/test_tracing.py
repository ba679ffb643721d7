"""Offsets: every spoken word leads back to the word that was written."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from narrate.book import Aside, Block, Mark
from narrate.plan import plan
from narrate.policy import Policy
from narrate.script import Cast
from narrate.tracing import trace
from tests.books import block, book, chapter
from tests.test_plan import VOICE, Limits

NORMALISING = Limits(max_chars=120, normalises=False)


def traced(*blocks: Block, limits: Limits = NORMALISING, **policy: str) -> list[tuple[str, str]]:
    """(said, written) of every word."""
    made = plan(book(chapter("One", *blocks)), Cast(VOICE), limits, policy=Policy(changes=tuple(policy.items())))
    texts = {one.anchor: one.text for one in blocks}
    return [
        (chunk.text[word.start : word.end], texts[word.anchor][word.first : word.last])
        for chunk in made.chunks
        for word in trace(chunk)
    ]


def test_a_said_word_leads_to_the_written_one() -> None:
    found = dict(traced(block("Dr. Smith, of 45 St. James St., came.", anchor="a")))
    assert found["Doctor"] == "Dr."
    assert found["Smith,"] == "Smith,"
    assert found["forty-five"] == "45"
    assert found["Saint"] == "St."
    assert found["came."] == "came."


def test_through_what_the_policy_left_out_and_put_in() -> None:
    noted = Block("item", "The king1 died.", "a", label="2.", asides=(Aside(9, "page number", "7"),))
    assert traced(noted) == [("two.", ""), ("The", "The"), ("king-one", "king1"), ("died.", "died.")]
    marked = Block("paragraph", "He [sic] was the WHO man.", "a", marks=(Mark(17, 20, "abbreviation", "World Health"),))
    found = traced(marked, brackets="skip", abbreviation="meaning")
    assert found == [
        ("He", "He"),
        ("was", "was"),
        ("the", "the"),
        ("World", "WHO"),
        ("Health", "WHO"),
        ("man.", "man."),
    ]


def test_across_joined_blocks_and_broken_sentences() -> None:
    broken = Block("paragraph", "It went over the page.", "b", marks=(Mark(8, 22, "place", "c#p1"),))
    made = plan(book(chapter("One", block("I", "heading", "a"), broken)), Cast(VOICE), Limits(min_words=3))
    (chunk,) = made.chunks
    places = [(chunk.text[word.start : word.end], word.anchor, word.first, word.last) for word in trace(chunk)]
    assert places == [
        ("I.", "a", 0, 1),
        ("It", "b", 0, 2),
        ("went", "b", 3, 7),
        ("over", "c#p1", 0, 4),
        ("the", "c#p1", 5, 8),
        ("page.", "c#p1", 9, 14),
    ]


texts = st.lists(
    st.sampled_from(
        ["Mr.", "Hill", "paid", "£3.50", "in", "1887,", "at", "7:45", "p.m.", "then", "left.", "II", "the"]
    ),
    min_size=1,
    max_size=30,
).map(" ".join)


@given(texts, st.integers(20, 80))
def test_places_rise_and_plain_words_lead_to_themselves(text: str, most: int) -> None:
    made = plan(book(chapter("One", block(text, anchor="a"))), Cast(VOICE), Limits(most, normalises=False))
    last = 0
    for chunk in made.chunks:
        for word in trace(chunk):
            said, written = chunk.text[word.start : word.end], text[word.first : word.last]
            assert word.first >= last or written == "" or word.first == last
            last = word.first
            if said in ("then", "paid", "left."):
                assert written == said
