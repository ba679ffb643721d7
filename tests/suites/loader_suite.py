"""The conformance suite of the loaders: what any Book must be, whatever it was read from."""

from __future__ import annotations

import re
from pathlib import Path
from unicodedata import normalize

import pytest

from narrate.book import Book, letters_and_digits
from narrate.checks.book import check_book
from narrate.errors import SourceError, shown
from narrate.loaders import Loader
from narrate.policy import Policy
from narrate.reading import read

_KINDS_ON_ONE_LINE = {"heading", "paragraph", "item", "cell", "caption", "note"}


def check_loader(load: Loader, path: Path) -> Book:
    """Load ``path`` twice and hold the book to the family's promises."""
    before = sorted(path.parent.rglob("*"))
    book = load(path)
    assert load(path) == book, "the same source gave two different books"
    assert sorted(path.parent.rglob("*")) == before, "a loader writes nothing"
    check_book_holds(book)
    return book


def check_book_holds(book: Book) -> None:
    """P1, and the form of every chapter, block and skip."""
    errors = [finding for finding in check_book(book) if finding.severity == "error" and finding.code != "b-003"]
    assert not errors, errors
    assert book.meta.title
    assert book.chapters
    for chapter in book.chapters:
        assert chapter.title == " ".join(chapter.title.split()) != ""
        assert chapter.level >= 1
        assert chapter.guess == "" or chapter.kind != "chapter"
        kinds = [block.kind for block in chapter.blocks]
        assert kinds[:1] != ["break"]
        assert kinds[-1:] != ["break"]
        for block in chapter.blocks:
            check_text(block.kind, block.text)
    for skip in book.skipped:
        assert skip.reason
        assert skip.where
        assert 0 < len(skip.preview) <= 80


def check_text(kind: str, text: str) -> None:
    """A block's text is clean."""
    assert text == normalize("NFC", text)
    assert not re.search("[\u00ad\u200b\u2060\ufeff\x00-\x08\x1c-\x1f]", text)
    if kind == "break":
        assert text == ""
    elif kind == "verse":
        assert all(line == " ".join(line.split()) != "" for line in text.split("\n"))
    elif kind in _KINDS_ON_ONE_LINE:
        assert text == " ".join(text.split()) != ""


def check_refuses(load: Loader, path: Path, *words: str) -> str:
    """Loading ``path`` raises SourceError with one sentence that holds ``words``; returned for more looks."""
    with pytest.raises(SourceError) as caught:
        load(path)
    message = str(caught.value)
    assert "\n" not in message
    assert not message.endswith(".")
    assert shown(str(path)) in message or shown(path.name) in message
    for word in words:
        assert word in message
    return message


def spoken(book: Book) -> str:
    """What the default reading speaks, one block a line."""
    return "\n".join(one.text for chapter in read(book, Policy()).chapters for one in chapter or ())


def size(text: str) -> int:
    """Letters and digits."""
    return letters_and_digits(text)
