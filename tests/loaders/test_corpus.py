"""The books of shared/corpus against the facts a separate reader found in them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from narrate.book import Book
from narrate.load import load
from narrate.policy import Policy
from narrate.reading import read
from tests.suites.loader_suite import check_book_holds, spoken

CORPUS = Path(__file__).resolve().parents[3] / "shared" / "corpus"
EPUBS = (
    "candide",
    "childrens-literature",
    "earnest",
    "eliot-poetry",
    "frankenstein",
    "golden-harpoon",
    "kusamakura-preview",
    "sherlock-adventures",
)
MARKDOWN = {
    "treasure-island": "treasure-island.md",
    "opensource-guide": "opensource-guide",
    "opensource-guide-fr": "opensource-guide-fr",
}

pytestmark = pytest.mark.skipif(not CORPUS.is_dir(), reason="the sample books are not beside this checkout")


def _facts(name: str) -> dict[str, Any]:
    facts: dict[str, Any] = json.loads((CORPUS / "facts" / f"{name}.json").read_text("utf-8"))
    return facts


def _source(name: str) -> Path:
    return CORPUS / "markdown" / MARKDOWN[name] if name in MARKDOWN else CORPUS / f"{name}.epub"


def _bare(text: str) -> str:
    return "".join(filter(str.isalnum, text.casefold()))


def _check_chapters(book: Book, facts: dict[str, Any], *, opening: bool) -> None:
    position = 0
    for expected in facts["expected_chapters"]:
        title = " ".join(expected["title"].split())
        found = [i for i, chapter in enumerate(book.chapters) if i >= position and chapter.title == title]
        assert found, f"no chapter “{title}” after number {position}"
        chapter = book.chapters[found[0]]
        position = found[0] + 1
        text = _bare(" ".join(block.text for block in chapter.blocks if block.kind not in {"note", "code"}))
        # facts count entities undecoded and code without its tags: differences of a few letters in Markdown
        assert abs(len(text) - expected["alnum"]) <= max(3, 0.01 * expected["alnum"])
        if expected.get("depth"):
            assert chapter.level == expected["depth"]
        if opening and expected.get("opens"):
            assert text.startswith(_bare(expected["opens"]))
        if expected.get("closes"):
            assert text.endswith(_bare(expected["closes"]))


@pytest.mark.parametrize("name", EPUBS)
def test_an_epub_agrees_with_its_facts(name: str) -> None:
    facts = _facts(name)
    book = load(_source(name))
    check_book_holds(book)
    assert not book.warnings
    assert book.source_characters == facts["totals"]["every_alnum"]
    readable = facts["totals"]["readable_alnum"]
    assert abs(read(book, Policy()).spoken_characters - readable) <= 0.001 * readable
    assert book.meta.language == facts["languages"][0]
    assert book.meta.title == facts["title"]
    assert book.meta.authors == tuple(creator["name"] for creator in facts["creators"])
    assert (book.meta.cover is not None) == facts["cover_image"]["present"]
    _check_chapters(book, facts, opening=True)
    for probe in facts["probes"]:
        _check_probe(probe, spoken(book))


def _check_probe(probe: dict[str, Any], text: str) -> None:
    bare = _bare(text)
    if "spoken" in probe:
        assert _bare(probe["spoken"]) in bare, probe
    if "silent" in probe:
        assert _bare(probe["silent"]) not in bare, probe
    if "once" in probe:
        assert bare.count(_bare(probe["once"])) == 1, probe
    if "before" in probe:
        first, second = map(_bare, probe["before"])
        assert -1 < bare.find(first) < bare.find(second), probe
    if "apart" in probe:
        first, second = map(re.escape, probe["apart"])
        assert re.search(rf"{first}\W+{second}", text), probe
        assert not re.search(first + second, text), probe


@pytest.mark.parametrize("name", MARKDOWN)
def test_a_markdown_book_agrees_with_its_facts(name: str) -> None:
    facts = _facts(name)
    book = load(_source(name))
    check_book_holds(book)
    assert abs(read(book, Policy()).spoken_characters - facts["alnum"]) <= 0.002 * facts["alnum"]
    assert [chapter.kind for chapter in book.chapters] == ["chapter"] * len(facts["expected_chapters"])
    _check_chapters(book, facts, opening=name != "opensource-guide-fr")
    assert "](" not in spoken(book), "an address is read"
