"""BRICK: file and folder names from titles, safe on every file system and readable on all of them."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from pathlib import Path

from narrate.book import Metadata

LONGEST = 150
"""UTF-8 bytes of a name without its suffix. Most file systems stop at 255, some encrypted ones at 143."""

CHAPTERS = "chapters"
"""The folder of the chapters' own files."""

COVERS = {"image/jpeg": "cover.jpg", "image/png": "cover.png"}

_FORBIDDEN = str.maketrans({"/": "-", "\\": "-", "|": "-", ":": " -", '"': "'", "<": "(", ">": ")", "*": "", "?": ""})
_RESERVED = {"con", "prn", "aux", "nul", "conin$", "conout$"} | {
    f"{port}{number}" for port in ("com", "lpt") for number in "0123456789¹²³"
}  # names of devices on Windows, with or without a suffix


def safe_name(title: str, longest: int = LONGEST) -> str:
    """A file name, without suffix, that says ``title``; "untitled" when nothing of it can be written.

    Never holds a separator, a control or a formatting character; never begins or ends with a dot or a blank; is no
    device of Windows. A name over ``longest`` bytes is cut between characters and marked with a digest of the title.
    """
    text = unicodedata.normalize("NFC", title.encode("utf-8", "replace").decode())
    text = "".join(" " if character.isspace() else character for character in text)
    text = "".join(character for character in text if not _is_unseen(character)).translate(_FORBIDDEN)
    text = _trim(re.sub(r" +", " ", text))
    if not text:
        return "untitled"
    if text.split(".")[0].rstrip().lower() in _RESERVED:
        text = f"_{text}"
    if len(text.encode()) > longest:
        mark = hashlib.sha256(title.encode("utf-8", "replace")).hexdigest()[:8]
        text = f"{_trim(_cut(text, longest - 9))}-{mark}"
    return text


def _is_unseen(character: str) -> bool:
    """Controls, surrogates, private characters, and marks of direction; emoji joiners are kept."""
    return unicodedata.category(character) in {"Cc", "Cs", "Co", "Cf"} and character != "\u200d"


def _trim(text: str) -> str:
    return text.strip(" .\u200d")


def _cut(text: str, longest: int) -> str:
    """The start of ``text``, at most ``longest`` bytes; a letter keeps its accents, an emoji its parts."""
    kept = text.encode()[:longest].decode(errors="ignore")
    while len(kept) > 1 and len(kept) < len(text) and _belongs_to_last(text[len(kept)], kept[-1]):
        kept = kept[:-1]
    return kept


def _belongs_to_last(following: str, last: str) -> bool:
    joins = "\u200d" in (following, last)
    return joins or unicodedata.category(following) in {"Mn", "Me", "Mc", "Sk"}


def unique_names(names: list[str]) -> list[str]:
    """``names`` with a number behind each that would meet an earlier one, also where case does not count."""
    taken: set[str] = set()
    unique = []
    for name in names:
        candidate, number = name, 1
        while candidate.casefold() in taken:
            number += 1
            candidate = f"{name} ({number})"
        taken.add(candidate.casefold())
        unique.append(candidate)
    return unique


def chapter_file(name: str) -> str:
    """Where a chapter of its own lies, relative to the book's folder; ``name`` is the file's without suffix."""
    return f"{CHAPTERS}/{name}.mp3"


def cover_file(meta: Metadata) -> str:
    """Where the cover lies, relative to the book's folder; "" when there is none that players show."""
    return COVERS.get(meta.cover.media_type, "") if meta.cover else ""


def book_name(meta: Metadata) -> str:
    """The name of the book's folder and, with a suffix, of its files."""
    return safe_name(meta.title)


def book_folder(meta: Metadata, output: Path) -> Path:
    """``output/<Author>/<Title>``: what library servers expect. The first author counts."""
    author = meta.authors[0] if meta.authors else ""
    return output / (safe_name(author) if author.strip() else "Unknown Author") / book_name(meta)
