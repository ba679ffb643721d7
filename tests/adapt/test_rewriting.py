"""Documents made for the eye become documents that can be heard: what is touched, what is kept, what is asked."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from narrate.adapt import rewriting as verb
from narrate.adapt.answers import Answers, Question, judged
from narrate.adapt.drafts import survey, told
from narrate.adapt.rewriting import Adapted, Instructions, adapt, check_room, known, names, write
from narrate.book import Block, Book
from narrate.bounds import BOUNDS
from narrate.errors import EngineClosed, EngineRefused, EngineUnavailable, JobError
from narrate.load import load
from narrate.manuscript.markdown import read_markdown
from narrate.manuscript.visual import Place, made_for_the_eye
from narrate.manuscript.written import escaped, written
from narrate.prompts import prompt
from tests.loaders.builder import PROSE, make_epub, page

HOW = Instructions(prompt("adapt"), "test:model", jobs=2)
DOCUMENT = """---
title: Lamps
author: A. Keeper
lang: en
---
# The Lamps

There are three of them:
- the old lamp, 12 candles
- the new lamp

| Lamp | Year |
|------|------|
| Old  | 1871 |
| New  | 1926 |

> Said the keeper:
> 1. trim it
> 2. wind it

```python
print("light", 42)
```

![The tower seen from the sea](tower.png)

  A *paragraph* with `code`, kept.

## The end

* * *
"""
FIVE = ["list, lines 9-10", "table, lines 12-15", "list, lines 18-19", "code, lines 21-23", "caption, line 25"]


def plain(system: str, block: str) -> str:
    """What an obedient model says: the block's words, without its marks."""
    return "It says: " + " ".join(re.sub(r"[^\w\s]|_", " ", block).split()) + "."


class Model:
    """A model that counts; ``says`` is asked first, and an exception that it gives is raised."""

    def __init__(self, says: Callable[[str], str | Exception | None] = lambda block: None) -> None:
        self.blocks: list[str] = []
        self._says = says
        self._lock = threading.Lock()

    def __call__(self, system: str, block: str) -> str:
        with self._lock:
            self.blocks.append(block)
        said = self._says(block)
        if isinstance(said, Exception):
            raise said
        return plain(system, block) if said is None else said


def adapted(source: Path, model: Model, how: Instructions = HOW) -> Adapted:
    return adapt(survey(source), model, how, Answers(source.parent / "cache"))


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "lamps.md"
    path.write_text(DOCUMENT, encoding="utf-8")
    return path


def test_what_is_made_for_the_eye_is_found_where_it_stands(source: Path) -> None:
    assert [told(place) for _, place in survey(source).blocks] == FIVE
    assert [place.kind for _, place in survey(source, frozenset({"code"})).blocks] == ["code"]
    assert next(place.text for _, place in survey(source).blocks if place.prefix) == "1. trim it\n2. wind it"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("- a\n- b\n\n* c\n", ["list, lines 1-4"]),  # a run of lists is one block
        ("Name  Lamps\n----- -----\nOrrin 12\n", ["table, lines 1-3"]),
        ("x\n\n----- -----\nOrrin 12\n----- -----\n\ny", ["table, lines 3-5"]),
        ("<table>\n<tr><td>a</td></tr>\n\n<tr><td>b</td></tr>\n</table>\n", ["table, lines 1-5"]),
        ("    x = foo(1);\n    y = {}\n", ["code, lines 1-2"]),
        ("!!! tip\n    - one\n    - two\n", ["list, lines 2-3"]),
        ("::: note\n- one\n:::\n", ["list, line 2"]),
        ("1. a\n\n   ```\n   b = {}\n   ```\n", ["list, lines 1-5"]),  # what stands in a list belongs to it
        ("[![A map](m.png)](big.png)\n", ["caption, line 1"]),
        ("```verse\nRoses are red\nViolets are blue\n```\n", []),
        ("![](logo.png)\n\nText with ![a picture](x.png) in it.\n", []),
        ("- [One](#one)\n- [Two](two.md)\n", []),  # a list of the contents is not read
        ("| O lamp\n| O light\n", []),
        ("x[^1]\n\n[^1]: note\n\n    - in a note\n", []),
        ("---\n\n# A heading\n\n> quoted\n", []),
    ],
)
def test_blocks_are_told_apart_as_narrate_reads_them(text: str, found: list[str]) -> None:
    assert [told(place) for place in made_for_the_eye(text)] == found


def test_only_the_blocks_change_and_the_diff_says_so(source: Path) -> None:
    model = Model()
    made = adapted(source, model)
    lines = DOCUMENT.split("\n")
    gone = [line for place in survey(source).sheets[0].places for line in lines[place.first - 1 : place.last]]
    hunks = made.diff.split("\n")[2:]
    assert sorted(line[1:] for line in hunks if line.startswith("-")) == sorted(gone)
    kept = [line for line in lines if line not in gone]
    assert [line for line in made.texts["lamps.spoken.md"].split("\n") if line in kept and line] == list(
        filter(None, kept)
    )
    assert "> <!-- narrate adapt: list, lines 18-19 -->\n>\n> It says: 1 trim it 2 wind it." in made.texts[
        "lamps.spoken.md"
    ].replace("\r", "")
    assert len(model.blocks) == 5
    assert dict(made.rewritten) == {"list": 2, "table": 1, "code": 1, "caption": 1}
    assert not made.failures


def test_comments_are_not_spoken_and_nothing_is_lost(source: Path, tmp_path: Path) -> None:
    draft = survey(source)
    answers = Answers(tmp_path / "cache")
    paths = write(draft, adapt(draft, Model(), HOW, answers), tmp_path / "out", answers)
    book = load(paths[0])
    blocks = [block for chapter in book.chapters for block in chapter.blocks]
    assert book.source_characters == sum(block.characters for block in blocks) + sum(
        skip.characters for skip in book.skipped
    )
    assert not any("narrate adapt" in block.text for block in blocks)
    assert {block.kind for block in blocks} == {"heading", "paragraph"}
    assert (book.meta.title, book.meta.authors, book.meta.language) == ("Lamps", ("A. Keeper",), "en")
    assert any("lamp Year Old 1871".casefold() in block.text.casefold() for block in blocks)


@pytest.mark.parametrize("start", ["", "\ufeff"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_line_ends_and_marks_stay_byte_for_byte(tmp_path: Path, start: str, end: str) -> None:
    path = tmp_path / "a.md"
    text = start + "---\ntitle: X\n---\n\nA\u2028b\x85c\n\n- one\n- two".replace("\n", end)
    path.write_bytes(text.encode())
    made = adapted(path, Model()).texts["a.spoken.md"]
    head, comment, rest = made.partition("<!--")
    assert head == text.partition("- one")[0]
    assert comment
    assert rest == f" narrate adapt: list, lines 7-8 -->{end}{end}It says: one two."


def test_a_second_run_asks_nothing_and_an_edit_costs_one_request(source: Path) -> None:
    first = Model()
    made = adapted(source, first)
    second = Model()
    assert adapted(source, second) == made
    assert not second.blocks
    source.write_text(DOCUMENT.replace("New  | 1926", "New  | 1927"), encoding="utf-8")
    assert "1927" in adapted(source, second).texts["lamps.spoken.md"]
    assert len(second.blocks) == 1
    source.write_text(f"Moved.\n\n{DOCUMENT[DOCUMENT.index('# The') :]}", encoding="utf-8")
    assert len(second.blocks) == 1


@pytest.mark.parametrize(
    "other",
    [
        Instructions(HOW.prompt + ".", HOW.model),
        Instructions(HOW.prompt, "test:other"),
    ],
)
def test_other_instructions_or_another_model_are_other_questions(source: Path, other: Instructions) -> None:
    adapted(source, Model())
    model = Model()
    adapted(source, model, other)
    assert len(model.blocks) == 5


def test_every_part_of_a_question_is_in_its_key() -> None:
    parts = ["a", "b", "c", "d", "e"]
    keys = {Question(*parts).key}
    for place in range(5):
        keys.add(Question(*[*parts[:place], "x", *parts[place + 1 :]]).key)
    keys.add(Question("ab", "", "c", "d", "e").key)
    assert len(keys) == 7


def test_the_same_block_twice_is_asked_about_once(tmp_path: Path) -> None:
    path = tmp_path / "a.md"
    path.write_text("- one\n\ntext\n\n- one\n")
    model = Model()
    assert adapted(path, model).texts["a.spoken.md"].count("It says: one.") == 2
    assert len(model.blocks) == 1


def test_a_refused_block_stays_and_the_others_go_on(source: Path) -> None:
    model = Model(lambda block: EngineRefused("declined to answer") if "Lamp |" in block else None)
    made = adapted(source, model)
    assert made.failures == ("lamps.md: table, lines 12-15: declined to answer",)
    assert "| Old  | 1871 |" in made.texts["lamps.spoken.md"]
    assert sum(made.rewritten.values()) == 4
    again = Model()
    assert not adapted(source, again).failures
    assert len(again.blocks) == 1


def test_a_closed_engine_stops_at_once_and_what_came_is_kept(source: Path) -> None:
    model = Model(lambda block: EngineClosed("check the key") if "Lamp |" in block else None)
    with pytest.raises(EngineClosed):
        adapted(source, model, Instructions(HOW.prompt, HOW.model, jobs=1))
    assert len(model.blocks) < 5
    again = Model()
    adapted(source, again)
    assert len(again.blocks) + len(model.blocks) == 6


def test_a_server_that_is_down_is_not_asked_for_ever(tmp_path: Path) -> None:
    path = tmp_path / "a.md"
    path.write_text("\n\ntext\n\n".join(f"- item {number}" for number in range(60)))
    model = Model(lambda block: EngineUnavailable("cannot be reached"))
    made = adapted(path, model)
    assert len(made.failures) == 60
    assert len(model.blocks) < 20
    assert any("not asked" in failure for failure in made.failures)


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ("", "empty"),
        (" \n--- ", "empty"),
        ("- still\n- a list", "a list"),
        ("1. one\n2. two", "a list"),
        ("| a | b |\n|---|---|\n| 1 | 2 |", "a table"),
        ("```\ncode\n```", "a block of code"),
        ("# Heading\n\nText.", "a heading"),
        ("Heading\n=======\n\nText.", "a heading"),
        ("> quoted", "a quotation"),
        ("See ![this](x.png).", "a picture"),
        ("<div>said</div>", "HTML"),
        ("word " * 500, "far longer"),
    ],
)
def test_an_answer_that_cannot_stand_is_asked_for_once_more(tmp_path: Path, bad: str, reason: str) -> None:
    path = tmp_path / "a.md"
    path.write_text("- lamp\n- light\n")
    model = Model(lambda block: bad)
    made = adapted(path, model)
    assert len(model.blocks) == verb.TRIES
    assert reason in made.failures[0]
    assert reason in model.blocks[1]
    assert made.texts["a.spoken.md"] == "- lamp\n- light\n"
    better = Model(lambda block: None if "last answer" in block else bad)
    assert not adapted(path, better).failures


def test_signs_of_markup_in_an_answer_are_spoken_and_not_obeyed(tmp_path: Path) -> None:
    place = Place("code", 1, 1, "", "List<int> x = a * b * c;")
    for said in (
        "The list List<int> is a * b * c, in {{ braces }} and [brackets](x).",
        "Half the cost is $a_1$ and $b_2$, that is H~2~O.",
        "<think>Let me see: 5.</think>\n\nIt multiplies a by b.",
        "One line\nand another\n\nNext paragraph.",
    ):
        verdict = judged(place, "en", said)
        wanted = re.sub(r"<think>.*</think>", "", said)
        blocks = [passage.block for passage in read_markdown(verdict.text, "a", 0, BOUNDS).passages]
        assert bare(" ".join(block.text for block in blocks)) == bare(wanted), verdict
        assert "\n" not in verdict.text.replace("\n\n", "")


@pytest.mark.parametrize(
    ("said", "missing"),
    [
        ("In 1871 there were 1,200 lamps, 3.5 metres high.", ()),
        ("In eighteen seventy-one there were one thousand two hundred lamps, three point five metres high.", ()),
        ("In 1871 there were twelve thousand lamps, 3.5 metres high.", ("1,200",)),
        ("In 1871 there were 1200 lamps, 35 metres high.", ()),  # a point that is lost is not noticed
        ("There were lamps.", ("1871", "1,200", "3.5")),
    ],
)
def test_numbers_that_are_gone_are_told(said: str, missing: tuple[str, ...]) -> None:
    place = Place("list", 1, 3, "", "1. in 1871\n2. [1,200 lamps](http://x.org/999)\n3. 3.5 metres")
    assert judged(place, "en", said).missing == missing


def test_numbers_in_the_words_of_another_language_are_known() -> None:
    place = Place("list", 1, 1, "", "- 21 Lampen, 7 Leuchter")
    assert judged(place, "de", "Es sind einundzwanzig Lampen und 7 Leuchter.").missing == ()
    assert judged(place, "xx", "Es sind einundzwanzig Lampen und 7 Leuchter.").missing == ("21",)


def test_checks_stand_in_the_report(source: Path) -> None:
    made = adapted(source, Model(lambda block: "Some lamps and years." if "Lamp |" in block else None))
    assert made.checks == ("lamps.md: table, lines 12-15: not found in its prose: 1871, 1926",)


def test_a_block_too_long_is_not_asked_about(tmp_path: Path) -> None:
    path = tmp_path / "a.md"
    path.write_text("\n".join(f"- item number {number}" for number in range(3000)))
    model = Model()
    assert "too long" in adapted(path, model).failures[0]
    assert not model.blocks


def test_a_damaged_answer_is_asked_for_again(source: Path, tmp_path: Path) -> None:
    adapted(source, Model())
    kept = sorted(path for path in (tmp_path / "cache").rglob("*.json") if path.parent.name != "written")
    assert len(kept) == 5
    kept[0].write_text("{")
    kept[1].write_text("[]")
    fields = json.loads(kept[2].read_text())
    kept[2].write_text(json.dumps({**fields, "answer": "- no prose"}))
    model = Model()
    assert not adapted(source, model).failures
    assert len(model.blocks) == 3


def test_a_folder_becomes_a_folder(tmp_path: Path) -> None:
    folder = tmp_path / "notes"
    (folder / "part").mkdir(parents=True)
    (folder / "book.toml").write_text('title = "Notes"\n')
    (folder / "LICENSE.md").write_text("- may be copied\n- may be sold\n")
    (folder / "1 first.md").write_text("# First\n\n- one\n- two\n")
    (folder / "part" / "2 second.md").write_text("# Second\n\ntext\n")
    draft = survey(folder)
    answers = Answers(tmp_path / "cache")
    model = Model()
    write(draft, adapt(draft, model, HOW, answers), tmp_path / "out", answers)
    out = tmp_path / "out" / "notes.spoken"
    assert len(model.blocks) == 1
    assert "It says: one two." in (out / "1 first.md").read_text()
    for same in ("LICENSE.md", "book.toml", "part/2 second.md"):
        assert (out / same).read_bytes() == (folder / same).read_bytes()
    diff = (tmp_path / "out" / "notes.spoken.diff").read_text()
    assert diff.startswith("--- notes/1 first.md\n+++ notes.spoken/1 first.md\n")
    assert "LICENSE" not in diff
    assert [chapter.title for chapter in load(out).chapters] == [chapter.title for chapter in load(folder).chapters]


def test_what_somebody_edited_is_not_written_over(source: Path, tmp_path: Path) -> None:
    draft, answers, out = survey(source), Answers(tmp_path / "cache"), tmp_path / "out"
    check_room(draft, out, answers)
    paths = write(draft, adapt(draft, Model(), HOW, answers), out, answers)
    check_room(draft, out, answers)  # nobody has touched it
    paths[0].write_text("mine now")
    with pytest.raises(JobError, match=r"lamps\.spoken\.md: is there already .* --force"):
        check_room(draft, out, answers)
    assert paths[0].read_text() == "mine now"


def test_a_cover_goes_along(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "cover.jpg").write_bytes(b"\xff\xd8\xffoutside")
    (tmp_path / "in" / "cover.jpg").write_bytes(b"\xff\xd8\xffinside")
    path = tmp_path / "in" / "a.md"
    for name, goes in (("cover.jpg", True), ("../cover.jpg", False), ("../in/cover.jpg", False), ("/etc/hosts", False)):
        path.write_text(f"---\ntitle: A\ncover: {name}\n---\n- one\n")
        assert ("cover.jpg" in names(survey(path))) is goes, name


EPUB = {
    "one.xhtml": page(
        f"<h1>The * First</h1><p>{PROSE}</p><p>It cost $5 [sic], a_b_c, &lt;b&gt; 3 * 4 and <i>more</i>.</p>"
        "<p>1. not a list</p><p># not a heading</p>"
        "<table><tr><th>Lamp</th><th>Year</th></tr><tr><td>Old</td><td>1871</td></tr></table>"
        f"<h2>Below</h2><ol start='3'><li>trim</li><li>wind</li></ol><pre><code>x = foo(1);</code></pre><p>{PROSE}</p>"
    ),
    "two.xhtml": page(
        f'<h1>The Second</h1><p>{PROSE}<a epub:type="noteref" href="#n1">1</a> Then.</p><p>{PROSE}</p>'
        '<aside epub:type="footnote" id="n1"><p>A note on it.</p></aside>'
    ),
}


def test_an_epub_is_written_as_markdown_first(tmp_path: Path) -> None:
    epub = make_epub(tmp_path / "book.epub", EPUB)
    draft, answers, model = survey(epub), Answers(tmp_path / "cache"), Model()
    assert names(draft) == ["book.md", "book.spoken.md", "book.spoken.diff"]
    paths = write(draft, adapt(draft, model, HOW, answers), tmp_path / "out", answers)
    assert [place.kind for _, place in draft.blocks] == ["table", "list", "code"]
    before, after = load(paths[0]), load(paths[1])
    assert (before.meta.title, before.meta.authors, before.meta.language) == ("A Book", ("An Author",), "en")
    assert [chapter.title for chapter in after.chapters] == ["The * First", "The Second"]
    own = load(epub)
    for kind in ("paragraph", "heading", "item", "cell", "code", "note"):
        assert texts(before, kind) == texts(own, kind), kind
    assert [block.label for chapter in before.chapters for block in chapter.blocks if block.kind == "item"] == [
        "3.",
        "4.",
    ]
    references = [
        aside.target for block in blocks_of(before) for aside in block.asides if aside.kind == "note reference"
    ]
    assert references == [block.note for block in blocks_of(before) if block.kind == "note"]
    assert not texts(after, "cell") and not texts(after, "item") and not texts(after, "code")
    assert paths[2].read_text().count("\n@@ ") >= 1
    assert "-| Old | 1871 |" in paths[2].read_text()


def texts(book: Book, kind: str) -> list[str]:
    return [block.text for block in blocks_of(book) if block.kind == kind]


def blocks_of(book: Book) -> list[Block]:
    return [block for chapter in book.chapters for block in chapter.blocks]


def test_the_epub_sample_reads_the_same_as_markdown(tmp_path: Path) -> None:
    book = load(Path(__file__).parents[2] / "samples" / "candide-two-chapters.epub")
    made = written(book, "")
    (tmp_path / "candide.md").write_text(made.text, encoding="utf-8")
    again = load(tmp_path / "candide.md")
    spoken = [block.text for chapter in book.chapters if chapter.role == "body" for block in chapter.blocks]
    assert [block.text for chapter in again.chapters for block in chapter.blocks if block.kind != "note"] == spoken
    assert made.left_out["titlepage"] > 0
    assert again.meta.title == "Candide"


def bare(text: str) -> str:
    return "".join(filter(str.isalnum, text))


SIGNS = [*"ab1 9.)*_`#<>[](){}|\\~^$&%:!=+-@\"'é雨/", "import ", "{{", "}}", "%% ", "![", "](", "&amp;", "\\(", "[^1]"]
LINES = st.lists(st.sampled_from(SIGNS), min_size=1, max_size=40).map(lambda signs: " ".join("".join(signs).split()))


@given(LINES.filter(bare))
@settings(max_examples=300, deadline=None)
def test_text_that_is_escaped_is_read_as_it_is(text: str) -> None:
    sheet = read_markdown(f"Before.\n\n{escaped(text)}\n\nAfter.", "a", 0, BOUNDS)
    blocks = [passage.block for passage in sheet.passages]
    assert [block.text for block in blocks] == ["Before.", text, "After."]
    assert not sheet.skips


PIECES = st.sampled_from(
    [
        "A paragraph.\nOf two lines.",
        "# A heading",
        "- one\n- two",
        "3. three",
        "| a | b |\n|---|---|\n| 1 | 2 |",
        "```\nx = {}\n```",
        "> quoted\n> - a list in it\n>\n> more",
        "![A map](map.png)",
        "* * *",
        "<!-- a comment -->",
        "::: note\n- boxed\n:::",
        "{% include x %}",
        "$$\nx = 1\n$$",
        "Term\n: its meaning",
        "Said[^1]\n\n[^1]: a note",
    ]
)


@given(st.lists(PIECES, min_size=1, max_size=8), st.sampled_from(["\n", "\n\n", "\n\n\n"]))
@settings(max_examples=150, deadline=None)
def test_whatever_stands_around_blocks_is_kept(
    tmp_path_factory: pytest.TempPathFactory, pieces: list[str], gap: str
) -> None:
    source = tmp_path_factory.mktemp("a") / "a.md"
    text = "Text to read.\n\n" + gap.join(pieces) + "\n"
    source.write_text(text)
    draft = survey(source)
    made = adapted(source, Model(lambda block: "Said aloud."))
    assert not made.failures
    places = draft.sheets[0].places
    lines = text.split("\n")
    kept = [line for number, line in enumerate(lines, 1) if not any(p.first <= number <= p.last for p in places)]
    ours = re.compile(r"[> ]*(?:<!-- narrate adapt: .* -->|Said aloud\.)?")
    result = made.texts["a.spoken.md"].split("\n")
    assert [line for line in result if not ours.fullmatch(line)] == [line for line in kept if not ours.fullmatch(line)]
    assert made.texts["a.spoken.md"].count("Said aloud.") == len(places)
    # and so it is heard: nothing that was read before is not read now, and each block is
    path = source.with_name("b.md")
    path.write_text(made.texts["a.spoken.md"])
    book = load(path)
    spoken = [block.text for chapter in book.chapters for block in chapter.blocks]
    assert sum(text.count("Said aloud.") for text in spoken) == len(places)
    assert not made_for_the_eye(made.texts["a.spoken.md"])
    assert known(survey(path), HOW, Answers(path.parent / "none")) == {}
