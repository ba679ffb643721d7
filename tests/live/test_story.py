"""What was said live, as a book: chapters by headings, and every letter accounted for (P1)."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from narrate.book import Metadata, letters_and_digits
from narrate.booth import EVERYTHING, Booth
from narrate.live.story import Rendition, Story, read_phrase
from narrate.policy import Policy
from narrate.script import Pauses, Script
from narrate.text.flow import Flow, Phrase
from tests.talking import booth

PAUSES = Pauses()


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Booth:
    return booth(tmp_path_factory.mktemp("booth"))


def told(here: Booth, text: str, *, markdown: bool = True, policy: Policy = EVERYTHING) -> Script:
    """The script of ``text``, spoken as it would be live."""
    story = Story(Metadata("The Book", language="en"), here.job.pauses)
    for phrase in phrases(text, markdown):
        for passage in read_phrase(phrase, markdown=markdown):
            script = here.script(passage.blocks, here.studio.cast, policy)
            story.add(Rendition(passage, story.ended(script.chunks, passage), script.skipped))
    return story.script()


def phrases(text: str, markdown: bool) -> list[Phrase]:
    flow = Flow("en", markdown=markdown)
    flow.append(text)
    flow.close()
    return list(iter(flow.take, None))


def titles(script: Script) -> list[tuple[str, int]]:
    return [(chapter.title, chapter.level) for chapter in script.chapters]


def test_headings_begin_chapters_of_their_level(here: Booth) -> None:
    script = told(here, "# One\n\nText of it.\n\n## Within\n\nMore.\n\n# Two\n\nThe end.\n")
    assert titles(script) == [("One", 1), ("Within", 2), ("Two", 1)]
    assert [(chunk.chapter, chunk.source) for chunk in script.chunks] == [
        (0, "One"), (0, "Text of it."), (1, "Within"), (1, "More."), (2, "Two"), (2, "The end."),
    ]  # fmt: skip
    assert [chunk.after for chunk in script.chunks if chunk.after == "chapter"] == ["chapter"] * 3
    assert script.chunks[1].pause_ms == PAUSES.chapter
    assert all(chapter.spoken for chapter in script.chapters)


def test_underlined_headings_are_headings_too(here: Booth) -> None:
    script = told(here, "The First\n=========\n\nText of it.\n\nWithin\n------\nMore of it.\n")
    assert titles(script) == [("The First", 1), ("Within", 2)]
    assert [chunk.source for chunk in script.chunks] == ["The First", "Text of it.", "Within", "More of it."]


def test_text_before_the_first_heading_is_a_chapter_by_the_books_name(here: Booth) -> None:
    assert titles(told(here, "Once upon a time.\n\n# One\n\nText.\n")) == [("The Book", 1), ("One", 1)]
    assert titles(told(here, "No heading at all.")) == [("The Book", 1)]


def test_headings_alone_are_chapters(here: Booth) -> None:
    script = told(here, "# One\n# Two\n# Three\n")
    assert titles(script) == [("One", 1), ("Two", 1), ("Three", 1)]
    assert len(script.chunks) == 3


def test_a_heading_without_words_begins_nothing(here: Booth) -> None:
    assert titles(told(here, "Text.\n\n# \n\nMore.\n\n#\n\nAnd more.\n")) == [("The Book", 1)]


def test_a_heading_in_code_is_no_chapter_and_code_is_left_out(here: Booth) -> None:
    script = told(here, "# One\n\n```python\n# no chapter\nprint(1)\n```\n\nAfter it.\n", policy=Policy())
    assert titles(script) == [("One", 1)]
    assert [chunk.source for chunk in script.chunks] == ["One", "After it."]
    assert [(skip.reason, skip.characters) for skip in script.skipped] == [("code", 15)]


def test_markup_of_headings_is_not_in_titles(here: Booth) -> None:
    script = told(here, "# The *Long* Way [home](https://example.com/x) #\n\nText.\n")
    assert titles(script) == [("The Long Way home", 1)]


def test_lists_links_and_stress_are_heard_without_their_signs(here: Booth) -> None:
    script = told(here, "Look:\n\n- a *first* thing\n- a [second](https://example.com/x)\n\n1. one\n2. two\n")
    assert [chunk.source for chunk in script.chunks] == [
        "Look:", "a first thing", "a second", "1. one", "2. two",
    ]  # fmt: skip


def test_a_break_is_a_longer_pause(here: Booth) -> None:
    script = told(here, "Before it.\n\n---\n\nAfter it.\n")
    assert next((chunk.source, chunk.pause_ms) for chunk in script.chunks) == ("Before it.", PAUSES.scene)


def test_what_is_interrupted_or_not_spoken_counts(here: Booth) -> None:
    story = Story(Metadata("The Book"), PAUSES)
    (passage,) = read_phrase(Phrase("Three little words.", 0, "paragraph"), markdown=True)
    script = here.script(passage.blocks, here.studio.cast)
    story.add(Rendition(passage, (), (), script.chunks))
    story.drop("and four more words\n\n")
    story.drop(" \n")
    book = story.script()
    assert book.spoken_characters == 0
    assert [(skip.reason, skip.characters, skip.preview) for skip in book.skipped] == [
        ("not spoken", 16, "Three little words."),
        ("interrupted", 16, "and four more words"),
    ]
    assert not book.chapters[0].spoken


def test_a_label_that_was_added_does_not_count_as_written(here: Booth) -> None:
    story = Story(Metadata("The Book"), PAUSES)
    (passage,) = read_phrase(Phrase("7. seven\n", 0, "paragraph"), markdown=True)
    script = here.script(passage.blocks, here.studio.cast)
    story.add(Rendition(passage, (), (), script.chunks))
    assert [skip.characters for skip in story.unspoken] == [5]
    assert story.script().spoken_characters == 0


WORDS = some.sampled_from(
    [
        "a",
        "word",
        "Mr.",
        "7",
        "3.5",
        "end.",
        "what?",
        "yes!",
        "—",
        "(so)",
        "naïve",
        "Ω",
        "straße",
        "Москва",
        "42%",
        "“I",
    ]
)
GAPS = some.sampled_from([" ", " ", " ", "\n", "\n\n", "  ", ", "])
PLAIN = some.lists(some.tuples(WORDS, GAPS), max_size=40).map(lambda pairs: "".join(map("".join, pairs)))
BLOCKS = some.sampled_from(
    ["# A Title\n\n", "## Below\n\n", "Some words here. And more.\n\n", "- an item\n- another\n\n", "> said by 2\n\n",
     "`code` and *stress*.\n\n", "---\n\n",
     "1. one\n2. two\n\n", "Under\n=====\n\n", "| a | b |\n|---|---|\n| c | d |\n\n",
     "```\ncode = 1\n```\n\n"]
)  # fmt: skip


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(PLAIN)
def test_p1_every_letter_of_a_plain_text_is_spoken_or_listed(here: Booth, text: str) -> None:
    script = told(here, text, markdown=False)
    left = sum(skip.characters for skip in script.skipped)
    assert script.spoken_characters + left == letters_and_digits(text)
    assert script.spoken_characters <= sum(letters_and_digits(chunk.source) for chunk in script.chunks)


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(some.lists(BLOCKS, max_size=12))
def test_p1_every_letter_of_markdown_is_spoken_or_listed(here: Booth, blocks: list[str]) -> None:
    script = told(here, "".join(blocks), policy=Policy())
    left = sum(skip.characters for skip in script.skipped)
    heard = sum(letters_and_digits(chunk.source) for chunk in script.chunks)
    numbers = 2 * blocks.count("1. one\n2. two\n\n")  # of list items, which are no letters of the text
    assert script.spoken_characters == heard - numbers
    written = sum(letters_and_digits(block) for block in blocks) - numbers
    assert script.spoken_characters + left == written
    starts = sum(block.startswith(("#", "Under")) for block in blocks)
    first = bool(blocks) and not blocks[0].startswith(("#", "Under"))
    assert len(script.chapters) == starts + first
