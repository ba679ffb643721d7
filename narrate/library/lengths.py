"""How long books sound, roughly, before any of them is opened: to begin with the longest."""

from __future__ import annotations

import struct
import zipfile
from itertools import islice
from pathlib import Path

from narrate.library.due import Standing
from narrate.load import LOADERS

CHARACTERS_A_SECOND = 15.0
"""Of speech."""
_PAGES = ("html", "htm", "xhtml")
_MOST_MEMBERS, _MOST_BYTES = 20_000, 16 << 20
"""Of a ZIP's directory that is looked at: what has more is no book, and loading it will say so."""
_END = struct.Struct("<4s4H2LH")
_END_WITHIN = _END.size + 65_535


def length(each: Standing) -> float:
    """How long a book sounds, in seconds: as it did last time, or as its size says. Nothing is unpacked."""
    if each.record is not None and each.record.duration_ms:
        return each.record.duration_ms / 1000
    path = Path(each.order.source)
    try:
        if path.is_dir():
            texts = (item for item in islice(path.rglob("*"), _MOST_MEMBERS) if item.suffix.lower() in LOADERS)
            size = sum(item.stat().st_size for item in texts)
        elif path.suffix.lower() in (".epub", ".kepub"):
            size = _pages(path)
        else:
            size = path.stat().st_size
    except (OSError, ValueError, NotImplementedError, zipfile.BadZipFile):
        return 0.0
    return size / CHARACTERS_A_SECOND


def _pages(path: Path) -> int:
    """Bytes of an EPUB's pages, unpacked; 0 where its directory is damaged, or too large to be one."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - _END_WITHIN))
        tail = file.read()
        found = tail.rfind(b"PK\x05\x06")
        if found < 0 or len(tail) - found < _END.size:
            return 0
        _, _, _, _, members, directory, _, _ = _END.unpack_from(tail, found)
        if members > _MOST_MEMBERS or directory > _MOST_BYTES:
            return 0
        with zipfile.ZipFile(file) as book:
            return sum(item.file_size for item in book.infolist() if item.filename.lower().endswith(_PAGES))
