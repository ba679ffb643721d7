"""Plain text: paragraphs by blank lines, hard wraps joined, chapters where lines are plainly headings."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from narrate.book import Block, BlockKind, Book, Metadata, letters_and_digits
from narrate.errors import SourceError
from narrate.files import read_file, text_files
from narrate.markup.gutenberg import mark_licence
from narrate.markup.matter import Known
from narrate.markup.outline import Start, build_chapters, starts_by_headings
from narrate.markup.parse import decode_text
from narrate.markup.passage import Passage, fold

SUFFIXES = (".txt", ".text")

_NUMBER = r"(?:[IVXLCDM]+|\d{1,3})"
_WORD_NUMBER = (
    r"(?:the )?(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|\w+teen|\w+ty(?:[- ]\w+)?|first|second"
    r"|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|last)"
)
_LABELLED = re.compile(
    r"(?:chapter|chapitre|kapitel|capítulo|capitolo|hoofdstuk|book|part|act|scene|canto|letter|volume)\s+"
    rf"(?:{_NUMBER}|{_WORD_NUMBER})\b[.:]?.{{0,80}}",
    re.IGNORECASE,
)
_NAMED = re.compile(
    r"(?:prologue|epilogue|preface|foreword|introduction|afterword|conclusion|appendix|dedication|contents)\.?",
    re.IGNORECASE,
)
_NUMERAL = re.compile(rf"{_NUMBER}\.?")
_CAPITALS_MAX = 60  # a line in capitals longer than this is a line somebody shouts
_MIN_HEADINGS = 2  # of a doubtful kind, to be headings at all
_ORNAMENT = re.compile(r"[\s*·•~#=_+\-–—⁂❦]+")
_INDENTED = re.compile(r"[ \t]{2,}|\t")
_UNDERSCORED = re.compile(r"(?<!\w)_([^_\n](?:[^_]*[^_\s])?)_(?!\w)")
_FIELD = re.compile(r"^(Title|Author|Language|Release Date):[ \t]*(.+)$", re.MULTILINE | re.IGNORECASE)
_HEADER = 5_000  # characters: where a header's fields are looked for
_LANGUAGES = {
    "english": "en",
    "french": "fr",
    "german": "de",
    "spanish": "es",
    "italian": "it",
    "portuguese": "pt",
    "dutch": "nl",
    "japanese": "ja",
    "chinese": "zh",
    "latin": "la",
}


@dataclass(frozen=True, slots=True)
class _Part:
    """A stretch between blank lines: its lines as they stand and the number of the first."""

    lines: tuple[str, ...]
    number: int
    gap: int  # blank lines before it

    @property
    def text(self) -> str:
        return fold(" ".join(self.lines))


def load(path: Path) -> Book:
    """Read the text at ``path``, a file or a folder of files in natural order."""
    files = text_files(path, SUFFIXES) if path.is_dir() else [path]
    if not files:
        raise SourceError(f"{path}: holds no text file")
    warnings: list[str] = []
    passages: list[Passage] = []
    starts: list[Start] = []
    counted, first = 0, ""
    for number, file in enumerate(files):
        text, notes = decode_text(read_file(file), str(file))
        warnings += notes
        text = unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n").replace("\f", "\n\n"))
        counted += letters_and_digits(text)
        name = file.relative_to(path).as_posix() if path.is_dir() else file.name
        found = [replace(passage, document=number) for passage in _passages(text, name)]
        starts += _starts(found, len(passages), file if len(files) > 1 else None)
        passages += found
        first = first or text
    if not any(passage.letters for passage in passages):
        raise SourceError(f"{path}: holds no text to read")
    meta = _metadata(first, path)
    chapters = build_chapters(passages, starts, Known(meta.title, meta.authors), meta.language)
    return Book(meta, chapters, (), counted, str(path), tuple(warnings))


def _passages(text: str, name: str) -> list[Passage]:
    parts = list(_parts(text))
    headings = _headings(parts)
    made = []
    for index, part in enumerate(parts):
        kind, said = _block(part, is_heading=index in headings)
        made.append(Passage(Block(kind, said, f"{name}:{part.number}"), level=headings.get(index, 0)))
    return made


def _parts(text: str) -> Iterator[_Part]:
    lines: list[str] = []
    gap = begun = 0
    for number, line in enumerate([*text.split("\n"), ""], start=1):
        if line.strip():
            begun = begun if lines else number
            lines.append(line)
        else:
            if lines:
                yield _Part(tuple(lines), begun, gap)
                lines, gap = [], 0
            gap += 1


def _block(part: _Part, *, is_heading: bool) -> tuple[BlockKind, str]:
    if is_heading:
        return "heading", part.text
    if _ORNAMENT.fullmatch("".join(part.lines)):
        return "break", ""
    if len(part.lines) > 1 and all(_INDENTED.match(line) for line in part.lines):
        return "verse", "\n".join(_plain(fold(line)) for line in part.lines)
    return "paragraph", _plain(part.text)


def _plain(text: str) -> str:
    """Without the underscores by which plain text marks italics."""
    return _UNDERSCORED.sub(r"\1", text)


def _headings(parts: Sequence[_Part]) -> dict[int, int]:
    """Which parts are headings, and their level: labels first; without labels, numerals, or lines in capitals."""
    short = [index for index, part in enumerate(parts) if len(part.lines) <= 2]
    labelled = [index for index in short if _LABELLED.fullmatch(parts[index].text)]
    if labelled:
        named = [index for index in short if _NAMED.fullmatch(parts[index].text)]
        return _levels(parts, sorted({*labelled, *named}))
    numerals = [index for index in short if _NUMERAL.fullmatch(parts[index].text)]
    if len(numerals) >= _MIN_HEADINGS:
        return dict.fromkeys(numerals, 1)
    capitals = [index for index in short if _in_capitals(parts[index])]
    return dict.fromkeys(capitals, 1) if len(capitals) >= _MIN_HEADINGS else {}


def _in_capitals(part: _Part) -> bool:
    text = part.text
    ends = text[-1:] in "!?,;"
    return len(part.lines) == 1 and part.gap > 1 and text.isupper() and 4 <= len(text) <= _CAPITALS_MAX and not ends


def _levels(parts: Sequence[_Part], headings: Sequence[int]) -> dict[int, int]:
    """Books, parts and volumes stand above chapters, acts above scenes, where both occur."""
    ranks = {"volume": 1, "book": 2, "part": 2, "act": 2, "scene": 4}
    found = {index: ranks.get(parts[index].text.split()[0].lower().rstrip("."), 3) for index in headings}
    order = {rank: number for number, rank in enumerate(sorted(set(found.values())), start=1)}
    return {index: order[rank] for index, rank in found.items()}


def _starts(found: Sequence[Passage], offset: int, file: Path | None) -> list[Start]:
    if file is not None:
        heading = next((passage.block.text for passage in found[:3] if passage.level), "")
        return [Start(offset, heading or _named(file))]
    starts = starts_by_headings(found)
    return _without_contents(starts, mark_licence(found))


def _without_contents(starts: Sequence[Start], passages: Sequence[Passage]) -> list[Start]:
    """A list of chapters at the front looks like chapters without text: only those later named again begin one."""
    later: set[str] = set()
    kept = []
    for number in reversed(range(len(starts))):
        start = starts[number]
        end = starts[number + 1].index if number + 1 < len(starts) else len(passages)
        empty = not any(passage.letters for passage in passages[start.index + 1 : end])
        if empty and start.title.casefold() in later:
            continue
        later.add(start.title.casefold())
        kept.append(start)
    return kept[::-1]


def _metadata(text: str, path: Path) -> Metadata:
    fields = {name.lower(): value.strip() for name, value in reversed(_FIELD.findall(text[:_HEADER]))}
    return Metadata(
        title=fields.get("title") or _named(path),
        authors=(fields["author"],) if fields.get("author") else (),
        language=_LANGUAGES.get(fields.get("language", "").lower(), ""),
        date=re.sub(r"\s*\[.*", "", fields.get("release date", "")),
    )


def _named(path: Path) -> str:
    """A title from a file's name."""
    words = re.sub(r"[-_\s]+", " ", path.stem).strip()
    return words[:1].upper() + words[1:] if words else path.name
