"""Notes, captions and page numbers of a plain text, marked as Project Gutenberg's volunteers and others mark them."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field

from narrate.book import Aside
from narrate.manuscript.layout import Part

_NOTE = re.compile(
    r"\s*\[\s*(?:Footnote|Note|Fußnote|Note de bas de page|Nota)\s*([\w*†‡]{0,4})\s*[:.]\s*", re.IGNORECASE
)
_NUMBERED_NOTE = re.compile(r"\s*\[(\d{1,3}|[A-Z]|[*†‡]{1,3})\][ \t]+(?=\S)")
_REFERENCE = re.compile(r"[ \t]?\[(\d{1,3}|[A-Z]|[*†‡]{1,3})\]")
_PAGE = re.compile(
    r"[ \t]?[\[{(]\s*(?:pg|p\.|page)\s*(?:\d{1,4}|[ivxlc]{1,7})\s*[\]})]|[ \t]?\{(?:\d{1,4}|[ivxlc]{1,7})\}", re.I
)
_TEX_BEFORE, _TEX_LONG = re.compile(r"(?:\\[A-Za-z]+|[}_^])\Z"), 20  # "\frac{1}{3}" holds no numbers of pages
_CAPTION = re.compile(
    r"\s*\[\s*(Illustrations?|Illustrazione|Ilustración|Abbildung|Image|Picture|Plate)\s*(?:[:.]\s*|(?=\]))", re.I
)
_TRANSCRIBER = re.compile(
    r"\s*[\[{*_]*\s*(?:transcriber|transcription|etext).{0,2}s? notes?\b|\s*\[\s*(?:transcriber)", re.I
)
_NOTE_PARTS = 12  # paragraphs of the longest note that is looked for
_EMPHASIS = (
    re.compile(r"(?<!\w)_([^_\n](?:[^_]*[^_\s])?)_(?!\w)"),
    re.compile(r"(?<![\w=])=([^=\n\s](?:[^=\n]{0,300}[^=\s])?)=(?![\w=])"),
    re.compile(r"(?<![\w*])\*([^*\n\s](?:[^*\n]{0,300}[^*\s])?)\*(?![\w*])"),
)


@dataclass(slots=True)
class Apparatus:
    """What parts of a text are: by the index of the part."""

    notes: dict[int, str] = field(default_factory=dict)  # the key of the note that the part belongs to
    openings: dict[int, int] = field(default_factory=dict)  # characters of the part that only say so
    captions: dict[int, int] = field(default_factory=dict)  # the same for captions
    inside: set[int] = field(default_factory=set)  # later parts of a caption
    transcriber: set[int] = field(default_factory=set)
    labels: dict[str, list[tuple[int, str]]] = field(default_factory=dict)  # label -> where its notes stand


def apparatus_of(parts: Sequence[Part], name: str) -> Apparatus:
    """Find the notes, captions and transcriber's notes among the parts."""
    found = Apparatus()
    texts = [part.text for part in parts]
    referred = _referred(texts)
    index = 0
    while index < len(parts):
        index = _look(index, texts, name, referred, found)
    return found


def _look(index: int, texts: Sequence[str], name: str, referred: dict[str, int], found: Apparatus) -> int:
    text = texts[index]
    note, caption = _NOTE.match(text), _CAPTION.match(text)
    if note or caption:
        last = _closing(texts, index)
        if last is None:
            return index + 1
        if note:
            _add_note(found, range(index, last + 1), note.group(1) or "*", name, note.end())
        elif caption:
            found.captions[index] = caption.end()
            found.inside.update(range(index + 1, last + 1))
        return last + 1
    numbered = _NUMBERED_NOTE.match(text)
    if numbered and referred.get(numbered.group(1), index) < index:
        _add_note(found, range(index, index + 1), numbered.group(1), name, numbered.end())
    elif _TRANSCRIBER.match(text):
        last = _closing(texts, index) if text.lstrip().startswith("[") else index
        found.transcriber.update(range(index, (index if last is None else last) + 1))
        return (index if last is None else last) + 1
    return index + 1


def _add_note(found: Apparatus, places: range, label: str, name: str, opening: int) -> None:
    key = f"{name}#note{len(found.openings) + 1}"
    found.openings[places.start] = opening
    found.notes.update(dict.fromkeys(places, key))
    found.labels.setdefault(label.casefold(), []).append((places.start, key))


def _referred(texts: Sequence[str]) -> dict[str, int]:
    """Where each mark first stands in a text, not at its beginning."""
    first: dict[str, int] = {}
    for index, text in enumerate(texts):
        for match in _REFERENCE.finditer(text):
            if match.start() > 0:
                first.setdefault(match.group(1), index)
    return first


def _closing(texts: Sequence[str], index: int) -> int | None:
    """The part that closes the bracket which the part ``index`` opens, when it is near."""
    depth = 0
    for place in range(index, min(len(texts), index + _NOTE_PARTS)):
        text = texts[place]
        depth += text.count("[") - text.count("]")
        if depth <= 0:
            return place if text.rstrip("_=* .").endswith("]") else (None if place > index else place)
    return None


def plain(text: str) -> str:
    """Without the signs by which plain text marks italics and bold type."""
    for pattern in _EMPHASIS:
        text = pattern.sub(r"\1", text)
    return text


def asides_of(text: str, index: int, found: Apparatus) -> tuple[str, tuple[Aside, ...]]:
    """The running text without page numbers and note references, which are its asides."""
    if "[" not in text and "{" not in text and "(p" not in text.lower():
        return text, ()
    pieces: list[str] = []
    asides: list[Aside] = []
    end = length = 0
    matches = sorted([*_PAGE.finditer(text), *_REFERENCE.finditer(text)], key=lambda match: match.start())
    for match in matches:
        if match.start() < end or _TEX_BEFORE.search(text, max(0, match.start() - _TEX_LONG), match.start()):
            continue
        is_page = match.re is _PAGE
        target = "" if is_page else _target(match.group(1), index, found)
        if not is_page and not target:
            continue
        before = text[end : match.start()]
        pieces.append(before)
        length += len(before)
        asides.append(
            Aside(length, "page number" if is_page else "note reference", match.group().strip(), target=target)
        )
        end = match.end()
    clean = "".join([*pieces, text[end:]])
    shift = len(clean) - len(clean.lstrip())
    clean = clean.strip()
    return clean, tuple(
        Aside(max(0, min(len(clean), aside.at - shift)), aside.kind, aside.text, target=aside.target)
        for aside in asides
    )


def _target(label: str, index: int, found: Apparatus) -> str:
    """The note with this label that follows, or the last one before."""
    notes = found.labels.get(label.casefold(), [])
    behind = bisect_right(notes, index, key=lambda note: note[0])
    if behind < len(notes):
        return notes[behind][1]
    if notes and notes[-1][1] == found.notes.get(index):
        notes = notes[:-1][-1:]  # a note does not refer to itself
    return notes[-1][1] if notes else ""
