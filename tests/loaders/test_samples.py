"""The samples that ship: sound, small, and telling what a listener should see skipped."""

from __future__ import annotations

import zipfile
from pathlib import Path

from narrate.load import load
from tests.suites.loader_suite import check_loader, spoken

SAMPLES = Path(__file__).resolve().parents[2] / "samples"


def test_the_epub_sample() -> None:
    path = SAMPLES / "candide-two-chapters.epub"
    assert path.stat().st_size < 150_000
    with zipfile.ZipFile(path) as archive:
        first = archive.infolist()[0]
        assert (first.filename, first.compress_type) == ("mimetype", zipfile.ZIP_STORED)
    book = check_loader(load, path)
    assert book.warnings == ()
    assert [chapter.kind for chapter in book.chapters] == ["titlepage", "chapter", "chapter", "notes"]
    asides = {aside.kind for chapter in book.chapters for block in chapter.blocks for aside in block.asides}
    assert asides == {"note reference", "link back from a note"}
    assert book.meta.cover is not None
    assert "public domain" in book.meta.rights
    assert spoken(book).startswith("VI. How the Portuguese Made")
    assert 1_000 < len(spoken(book).split()) < 1_200


def test_the_markdown_sample() -> None:
    book = check_loader(load, SAMPLES / "lighthouse.md")
    assert book.warnings == ()
    assert [chapter.title for chapter in book.chapters if chapter.kind == "chapter"] == [
        "The Keeper's List",
        "The Night There Was None",
    ]
    kinds = {block.kind for chapter in book.chapters for block in chapter.blocks}
    assert kinds == {"heading", "paragraph", "item", "break", "note"}
    assert "example.org" not in spoken(book)
