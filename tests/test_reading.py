"""The reading policy applied: every letter is read or skipped, every kind decided, every word keeps its place."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from narrate.book import Aside, AsideKind, Block, BlockKind, Book, ChapterKind, Mark, MarkKind, Within
from narrate.policy import KINDS, POLICIES, PlaceRule, Policy
from narrate.reading import Reading, read
from tests.books import book, chapter

texts = st.text(st.sampled_from("abC 1.[]\n,é漢https://x.org www.a.b"), max_size=60).map(str.strip)


@st.composite
def _blocks(draw: st.DrawFn) -> Block:
    kind = draw(st.sampled_from(get_args(BlockKind)))
    text = "" if kind in ("break", "image") else draw(texts)
    edges = st.integers(0, len(text))
    marks = []
    for name in draw(st.lists(st.sampled_from(get_args(MarkKind)), max_size=3, unique=True)):
        start, end = sorted((draw(edges), draw(edges)))
        if start < end:
            marks.append(Mark(start, end, name, draw(texts)))
    asides = [
        Aside(draw(edges), draw(st.sampled_from(get_args(AsideKind))), draw(texts), draw(texts), draw(notes))
        for _ in range(draw(st.integers(0, 2)))
    ]
    note = draw(notes) if kind == "note" else ""
    within = draw(st.sampled_from(["", *get_args(Within)]))
    label = draw(st.sampled_from(["", "3."])) if kind == "item" else ""
    said = draw(texts) if kind in ("image", "formula") else ""
    return Block(kind, text, "x", "", label, said, within, note, tuple(marks), tuple(asides))


notes = st.sampled_from(["", "n1", "n2"])
_chapters = st.builds(
    lambda kind, made: replace(chapter("T", *made), kind=kind),
    st.sampled_from(get_args(ChapterKind)),
    st.lists(_blocks(), max_size=5),
)
books = st.lists(_chapters, max_size=4).map(lambda made: book(*made))
changes = st.lists(
    st.sampled_from([(name, action) for name, kind in KINDS.items() for action in kind.actions]), max_size=6
).map(tuple)
places = st.lists(
    st.builds(PlaceRule, st.sampled_from(["x", "T", "*", "y"]), st.sampled_from(["speak", "skip"]), st.just("")),
    max_size=2,
).map(tuple)
policies = st.builds(Policy, st.sampled_from(list(POLICIES)), changes, places)


@given(books, policies, st.none() | st.frozensets(st.integers(1, 3)))
def test_p1_whatever_the_policy(made: Book, policy: Policy, chosen: frozenset[int] | None) -> None:
    found = read(made, policy, chosen)
    assert found.spoken_characters + sum(item.characters for item in found.skips) == made.source_characters
    assert all(item.reason for item in found.skips)
    assert sum(found.characters) == found.spoken_characters


_ELSE = {"ruby", "abbreviation", "place"}


@given(books, policies)
def test_what_is_said_leads_back_to_what_is_written(made: Book, policy: Policy) -> None:
    for spoken in read(made, policy).chapters:
        for one in spoken or ():
            if _ELSE & {mark.kind for mark in one.block.marks} or one.block.kind in ("verse", "formula", "image"):
                continue  # something else is said in place of what is written
            for stretch in one.stretches:
                assert stretch.anchor == one.block.anchor
                written = one.block.text[stretch.first : stretch.last]
                assert stretch.text == written or stretch.first == stretch.last or "://" in written or "www" in written


def reading(*blocks: Block, kind: str = "chapter", language: str = "en", **policy: str) -> Reading:
    rules = tuple((name.replace("_", " "), how) for name, how in policy.items())
    role = "body" if kind == "chapter" else "back"
    return read(book(chapter("T", *blocks, kind=kind, role=role), language=language), Policy(changes=rules))


def said(*blocks: Block, **policy: str) -> list[str]:
    return [one.text for one in reading(*blocks, **policy).chapters[0] or ()]


def paragraph(text: str, *extras: Mark | Aside, kind: BlockKind = "paragraph", **more: str) -> Block:
    marks = tuple(extra for extra in extras if isinstance(extra, Mark))
    asides = tuple(extra for extra in extras if isinstance(extra, Aside))
    return Block(kind, text, more.pop("anchor", "x"), marks=marks, asides=asides, **more)  # type: ignore[arg-type]


NOTED = paragraph("A claim. More.", Aside(8, "note reference", "3", target="n3"))
NOTE = Block("note", "The proof.", "n", note="n3")
OTHER = Block("paragraph", "Next.", "y")


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ("skip", ["A claim. More.", "Next."]),
        ("paragraph", ["A claim. More.", "Note 3: The proof.", "Next."]),
        ("chapter", ["A claim. More.", "Next.", "Note 3: The proof."]),
        ("place", ["A claim. More.", "Next.", "The proof."]),
    ],
)
def test_notes(how: str, expected: list[str]) -> None:
    assert said(NOTED, OTHER, NOTE, notes=how) == expected


def test_a_note_is_read_once_and_announced_in_the_books_language() -> None:
    again = replace(NOTED, anchor="z")
    found = reading(NOTED, again, NOTE, language="de", notes="paragraph")
    assert [one.text for one in found.chapters[0] or ()] == [NOTED.text, "Anmerkung 3: The proof.", NOTED.text]


def test_endnotes_of_another_chapter_are_read_behind_their_paragraph_and_the_rest_is_listed() -> None:
    lost = Block("note", "Nobody refers to this.", "m", note="n9")
    made = book(chapter("T", NOTED), chapter("Notes", NOTE, lost, kind="notes"))
    found = read(made, Policy(changes=(("notes", "paragraph"),)))
    assert [one.text for one in found.chapters[0] or ()] == [NOTED.text, "Note 3: The proof."]
    assert found.chapters[1] is None
    assert [(item.reason, item.preview) for item in found.skips] == [("note reference", "3"), ("notes", lost.text)]


def test_cells_are_read_behind_their_headers() -> None:
    head = paragraph("Name. Age", Mark(0, 4, "header cell"), Mark(6, 9, "header cell"), kind="cell")
    row = paragraph("Ada. 36", Mark(0, 3, "cell", "Name"), Mark(5, 7, "cell", "Age"), kind="cell")
    assert said(head, row) == ["Name: Ada. Age: 36"]
    assert said(head, row, table="cells") == ["Name. Age", "Ada. 36"]
    assert said(head, row, table="skip") == []


@pytest.mark.parametrize(
    ("made", "policy", "expected"),
    [
        (paragraph("漢字だ", Mark(0, 2, "ruby", "かんじ")), {}, "漢字だ"),
        (paragraph("漢字だ", Mark(0, 2, "ruby", "かんじ")), {"ruby": "reading"}, "かんじだ"),
        (paragraph("the WHO said", Mark(4, 7, "abbreviation", "World Health Organization")), {}, "the WHO said"),
        (
            paragraph("the WHO said", Mark(4, 7, "abbreviation", "World Health Organization")),
            {"abbreviation": "meaning"},
            "the World Health Organization said",
        ),
        (paragraph("One", kind="item", label="3."), {}, "3. One"),
        (paragraph("One", kind="item", label="3."), {"list_number": "skip"}, "One"),
        (paragraph("half way", Aside(5, "page number", "12")), {}, "half way"),
        (paragraph("half way", Aside(5, "page number", "12")), {"page_number": "speak"}, "half 12 way"),
        (paragraph("let be", Aside(4, "formula", "ab", "a times b")), {}, "let a times b be"),
        (paragraph("let be", Aside(4, "formula", "ab", "a times b")), {"formula": "skip"}, "let be"),
        (paragraph("HAL. (Rising.) No.", Mark(5, 14, "stage direction")), {}, "HAL. (Rising.) No."),
        (paragraph("HAL. (Rising.) No.", Mark(5, 14, "stage direction")), {"stage_direction": "skip"}, "HAL. No."),
        (paragraph("see https://example.org/a now"), {}, "see https://example.org/a now"),
        (paragraph("see https://example.org/a now"), {"address": "site"}, "see example.org now"),
        (paragraph("see https://example.org/a now"), {"address": "skip"}, "see now"),
        (
            paragraph("see https://www.example.org/a/very/long/path/to/somewhere?with=query now"),
            {},
            "see example.org now",
        ),
        (paragraph("he [the king] died"), {"brackets": "skip"}, "he died"),
        (paragraph("a\nb.\nc", kind="verse"), {}, "a,\nb.\nc"),
        (paragraph("a\nb.\nc", kind="verse"), {"verse": "run on"}, "a b. c"),
        (Block("image", "", "x", said="A whale."), {"image": "speak"}, "A whale."),
        (Block("formula", "ab", "x", said="a times b"), {}, "a times b"),
        (paragraph("print(x)", kind="code"), {"code": "speak"}, "print(x)"),
        (paragraph("Dear Sir,", within="letter"), {}, "Dear Sir,"),
    ],
)
def test_each_kind_can_be_read_otherwise(made: Block, policy: dict[str, str], expected: str) -> None:
    assert said(made, **policy) == [expected]


@pytest.mark.parametrize("within", get_args(Within))
def test_what_stands_within_another_text_can_be_left_out(within: Within) -> None:
    made = paragraph("Some words.", within=within)
    assert said(made, **{within.replace(" ", "_"): "skip"}) == []
    assert said(made, **{within.replace(" ", "_"): "speak"}) == ["Some words."]


@pytest.mark.parametrize("kind", sorted(set(get_args(ChapterKind)) - {"chapter", "notes"}))
def test_each_kind_of_chapter_can_be_read_or_left_out(kind: str) -> None:
    made = paragraph("Some words.")
    spoken = reading(made, kind=kind, **{kind.replace(" ", "_"): "speak"})
    assert spoken.chapters[0] is not None
    silent = reading(made, kind=kind, **{kind.replace(" ", "_"): "skip"})
    assert silent.chapters[0] is None
    assert [item.reason for item in silent.skips] == [kind]


def test_a_list_of_works_among_the_chapters_is_one_of_them() -> None:
    works = chapter("Works", "A book. Another.", kind="bibliography", role="body")
    assert read(book(works), Policy()).chapters[0] is not None


def test_a_place_is_stronger_than_a_kind() -> None:
    made = book(
        chapter("Ads", paragraph("Buy.", anchor="ads.xhtml#a"), kind="advertisement"),
        chapter("One", paragraph("In.", anchor="one.xhtml#a"), paragraph("Out.", anchor="one.xhtml#b")),
    )
    rules = (PlaceRule("Ads"), PlaceRule("one.xhtml#b", "skip"), PlaceRule("one.xhtml#a", say="Inside."))
    found = read(made, Policy(places=rules))
    assert [[one.text for one in spoken or ()] for spoken in found.chapters] == [["Buy."], ["Inside."]]
    assert [(item.reason, item.preview) for item in found.skips] == [("place rule", "Out.")]
    assert found.unmet == []


def test_a_rule_about_a_place_that_is_not_there_is_told() -> None:
    rules = (PlaceRule("one.xhtml", "skip"), PlaceRule("Two", "skip"))
    assert read(book(chapter("Two", "x")), Policy(places=rules)).unmet == [rules[0]]


def test_a_page_can_be_named_by_its_file() -> None:
    made = book(chapter("One", paragraph("In.", anchor="one.xhtml#a")), chapter("Two", paragraph("x", anchor="two#b")))
    found = read(made, Policy(places=(PlaceRule("one.xhtml", "skip"),)))
    assert [len(spoken or ()) for spoken in found.chapters] == [0, 1]


def test_a_title_that_the_text_does_not_hold_can_be_announced() -> None:
    made = book(chapter("One", "Text."), chapter("Two", Block("heading", "Two", "h"), "Text."))
    assert read(made, Policy()).decisions["chapter title", "skip"].count == 1
    found = read(made, Policy(changes=(("chapter title", "speak"),)))
    assert [[one.text for one in spoken or ()] for spoken in found.chapters] == [["One", "Text."], ["Two", "Text."]]


def test_every_decision_is_counted_with_its_first_place() -> None:
    found = reading(NOTED, replace(NOTED, anchor="z"), NOTE)
    decision = found.decisions["note reference", "skip"]
    assert (decision.count, decision.characters, decision.where, decision.preview) == (2, 2, "x", "3")
    assert found.decisions["notes", "skip"].preview == "The proof."


def test_every_kind_of_the_loaders_has_an_entry_in_the_policy() -> None:
    assert set(get_args(AsideKind)) | set(get_args(Within)) <= set(KINDS)
    assert set(get_args(ChapterKind)) - {"chapter"} <= set(KINDS)
    for name, changed in POLICIES.items():
        assert all(action in KINDS[kind].actions for kind, action in changed.items()), name
