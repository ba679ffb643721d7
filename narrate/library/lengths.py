"""How long books sound, roughly, before any of them is opened: to begin with the longest."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

from narrate.bounds import BOUNDS
from narrate.errors import SourceError
from narrate.library.due import Standing
from narrate.load import LOADERS

CHARACTERS_A_SECOND = 15.0
"""Of speech."""
_PAGES = ("html", "htm", "xhtml")


def length(each: Standing) -> float:
    """How long a book sounds, in seconds: as it did last time, or as its size says. Nothing is unpacked."""
    if each.record is not None and each.record.duration_ms:
        return each.record.duration_ms / 1000
    path = Path(each.order.source)
    try:
        if path.is_dir():
            texts = (item for item in islice(path.rglob("*"), BOUNDS.members) if item.suffix.lower() in LOADERS)
            size = sum(item.stat().st_size for item in texts)
        elif path.suffix.lower() in (".epub", ".kepub"):
            size = _pages(path)
        else:
            size = path.stat().st_size
    except (OSError, ValueError, SourceError):
        return 0.0
    return size / CHARACTERS_A_SECOND


def _pages(path: Path) -> int:
    """Bytes of an EPUB's pages, unpacked. SourceError where it is none, or claims to hold more than a book."""
    from narrate.epub.archive import open_archive

    with open_archive(path, BOUNDS) as book, book.fp or book:  # a ZIP file does not close the file it was given
        return sum(item.file_size for item in book.infolist() if item.filename.lower().endswith(_PAGES))
