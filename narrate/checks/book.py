"""Checks on a Book before money is spent on it: the promise P1, and what a listener would stumble over."""

from __future__ import annotations

from narrate.audiobook import Finding
from narrate.book import Book, letters_and_digits

# A chapter mark every few seconds, or none in hours, is no help to a listener; a warning from a loader is said already.
_LONGEST = 500_000  # letters and digits of one chapter: about ten hours


def check_book(book: Book) -> list[Finding]:
    """Look at a loaded book; an error means that text was lost or doubled in reading."""
    return [*_p1(book), *_anchors(book), *_spoken(book)]


def _p1(book: Book) -> list[Finding]:
    read = sum(block.characters for chapter in book.chapters for block in chapter.blocks)
    left_out = sum(skip.characters for skip in book.skipped)
    lost = book.source_characters - read - left_out
    if lost == 0:
        return []
    what = f"{lost:,} of its letters were lost" if lost > 0 else f"{-lost:,} letters were read twice"
    message = f"{what} in reading ({book.source_characters:,} in the source, {read:,} read, {left_out:,} left out)"
    return [Finding("b-001", "error", book.source, message)]


def _anchors(book: Book) -> list[Finding]:
    seen: set[str] = set()
    findings = []
    for chapter in book.chapters:
        for block in chapter.blocks:
            if not block.anchor or block.anchor in seen:
                where = block.anchor or chapter.title
                findings.append(Finding("b-002", "error", where, "two blocks have this place in the source, or none"))
            seen.add(block.anchor)
    return findings


def _spoken(book: Book) -> list[Finding]:
    sizes = [
        (chapter, sum(letters_and_digits(block.text) for block in chapter.blocks))
        for chapter in book.chapters
        if chapter.kind == "chapter"
    ]
    if not any(size for _, size in sizes):
        return [Finding("b-003", "error", book.source, "no chapter of it is read aloud; see `narrate plan`")]
    return [
        Finding("b-004", "review", chapter.title, f"is {size:,} letters long; the contents may not divide the text")
        for chapter, size in sizes
        if size > _LONGEST
    ]
