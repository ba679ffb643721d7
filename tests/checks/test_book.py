"""The checks on a loaded book."""

from __future__ import annotations

from narrate.book import Block, Book, Chapter, Metadata, skip
from narrate.checks.book import check_book


def _book(*chapters: Chapter, letters: int, skipped: str = "") -> Book:
    skips = (skip("hidden text", "a#1", skipped),) if skipped else ()
    return Book(Metadata("T"), chapters, skips, letters, "a.epub")


def _chapter(text: str, anchor: str = "a#1") -> Chapter:
    return Chapter("One", (Block("paragraph", text, anchor),))


def test_a_whole_book_has_no_findings() -> None:
    assert check_book(_book(_chapter("four"), letters=6, skipped="xy")) == []


def test_lost_and_doubled_text_is_an_error() -> None:
    lost = check_book(_book(_chapter("four"), letters=5))
    doubled = check_book(_book(_chapter("four"), letters=3))
    assert [finding.code for finding in lost + doubled] == ["b-001", "b-001"]
    assert "1 of its letters were lost" in lost[0].message
    assert "1 letters were read twice" in doubled[0].message


def test_a_place_is_named_once() -> None:
    found = check_book(_book(_chapter("four"), _chapter("four"), _chapter("four", ""), letters=12))
    assert [finding.code for finding in found] == ["b-002", "b-002"]


def test_a_book_of_which_nothing_is_read_is_an_error() -> None:
    silent = Chapter("Cover", (Block("paragraph", "four", "a#1"),), kind="cover")
    assert [finding.code for finding in check_book(_book(silent, letters=4))] == ["b-003"]


def test_an_endless_chapter_asks_for_a_look() -> None:
    found = check_book(_book(_chapter("x" * 600_000), letters=600_000))
    assert [(finding.code, finding.severity) for finding in found] == [("b-004", "review")]
