"""A Book as Markdown that narrate reads as the same book: for sources that are no Markdown, so that they can be edited.

What the listener's policy never reads (title pages, the contents, page numbers) is left out and counted; code, pictures
and notes are kept, since they may be wanted. Every chapter is a heading of the first level. Text is escaped, so that a
star or a bracket of the book does not become markup.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby, pairwise

from narrate.book import Aside, Block, Book, Chapter, Metadata, letters_and_digits
from narrate.policy import SKIP, Policy

_SPECIAL = re.compile(r"[\\`*_<>~^$|&\[\]]")
_BRACE = re.compile(r"\{")
_EMOJI = re.compile(r":(?=[a-z+-][a-z0-9_+-]{1,40}:)")
_FIRST = re.compile(r"([#+=:!?-])")
_NUMBERED = re.compile(r"(\d{1,9})([.)])(?=\s|$)")
_LABEL = re.compile(r"\d{1,9}[.)]")
_KEPT_KINDS = frozenset({"code", "image"})
_QUOTED = frozenset({"letter", "epigraph"})
_LONGEST_FIELD = 4_000  # characters of a description


@dataclass(frozen=True, slots=True)
class Written:
    """The Markdown, and how many letters and digits were left out of it, by reason."""

    text: str
    left_out: Mapping[str, int]


@dataclass(slots=True)
class _Page:
    """What is known while a book is written."""

    notes: dict[str, int]
    left_out: Counter[str] = field(default_factory=Counter)
    actions: Mapping[str, str] = field(default_factory=lambda: Policy().actions)


def written(book: Book, cover: str = "") -> Written:
    """``book`` as Markdown with YAML at its top; ``cover`` is the name of a picture beside it."""
    bodies = [
        block.note for chapter in book.chapters for block in chapter.blocks if block.kind == "note" and block.note
    ]
    page = _Page({name: number for number, name in enumerate(dict.fromkeys(bodies), start=1)})
    for one in book.skipped:
        page.left_out[one.reason] += one.characters
    pieces = [_fields(book.meta, cover)]
    for chapter in book.chapters:
        pieces += _chapter(chapter, page)
    pieces += _notes(book, page)
    return Written(
        "\n\n".join(piece for piece in pieces if piece) + "\n", {k: v for k, v in page.left_out.items() if v}
    )


def escaped(text: str) -> str:
    """``text``, one line, as Markdown that narrate reads as the same text."""
    # a bracket behind a backslash may begin a formula in TeX, so brackets and braces are written as their numbers
    line = _SPECIAL.sub(lambda found: _entity(found[0]) if found[0] in "[]" else f"\\{found[0]}", text)
    line = _BRACE.sub("&#123;", _EMOJI.sub(r"\\:", line)).replace("%%", "%&#37;")
    if _FIRST.match(line):
        line = f"\\{line}"
    if line.startswith("(@") or re.match(r"(?:import|export)\b", line):
        line = _entity(line[0]) + line[1:]
    return _NUMBERED.sub(r"\1\\\2", line, count=1) if _NUMBERED.match(line) else line


def _entity(character: str) -> str:
    return f"&#{ord(character)};"


def _fields(meta: Metadata, cover: str) -> str:
    fields: dict[str, object] = {
        "title": meta.title,
        "subtitle": meta.subtitle,
        "author": list(meta.authors),
        "translator": [name for name, role in meta.contributors if role == "trl"],
        "lang": meta.language,
        "publisher": meta.publisher,
        "date": meta.date,
        "identifier": meta.identifier,
        "description": meta.description[:_LONGEST_FIELD],
        "series": meta.series,
        "series_index": meta.series_number,
        "rights": meta.rights[:_LONGEST_FIELD],
        "subjects": list(meta.subjects),
        "cover": cover,
    }
    lines = [f"{name}: {_scalar(value)}" for name, value in fields.items() if value]
    return "\n".join(["---", *lines, "---"])


def _scalar(value: object) -> str:
    """JSON is YAML, as long as every character can be shown."""
    if isinstance(value, list):
        return f"[{', '.join(_scalar(item) for item in value)}]"
    return json.dumps("".join(sign if sign.isprintable() else " " for sign in str(value)), ensure_ascii=False)


def _chapter(chapter: Chapter, page: _Page) -> Iterator[str]:
    blocks = [block for block in chapter.blocks if block.kind != "note"]
    if page.actions.get(chapter.kind) == SKIP:
        page.left_out[chapter.kind] += sum(block.characters for block in blocks)
        return
    if not blocks:
        return
    if blocks[0].kind != "heading":
        yield f"# {escaped(chapter.title)}"
    level = 1
    for together, run in groupby(blocks, _family):
        kept = [block for block in run if _is_kept(block, page)]
        if together == "cell" and kept:
            yield from _tables(kept, page)
        elif together == "item" and kept:
            yield "\n".join(_item(block, page) for block in kept)
        elif kept:
            for block in kept:
                yield _block(block, page, level)
                level = 2 if block.kind == "heading" else level


def _family(block: Block) -> str:
    return block.kind if block.kind in ("cell", "item") else ""


def _is_kept(block: Block, page: _Page) -> bool:
    reason = block.within or block.kind
    kept = block.kind in _KEPT_KINDS or page.actions.get(reason) != SKIP
    page.left_out[reason] += 0 if kept else block.characters
    return kept


def _block(block: Block, page: _Page, level: int) -> str:
    match block.kind:
        case "heading":
            return f"{'#' * level} {_text(block, page)}"
        case "break":
            return "* * *"
        case "code":
            longest = max((len(run) for run in re.findall(r"`+", block.text)), default=0)
            fence = "`" * max(3, longest + 1)
            return f"{fence}code\n{block.text}\n{fence}"
        case "image":
            return f"![{escaped(block.said)}](picture)" if any(map(str.isalnum, block.said)) else ""
        case "formula":
            return f"$$ {block.text} $$" if "\\" in block.said or not block.said else escaped(block.said)
        case "verse":
            return "\n".join(f"| {line}" for line in _lines(block, page))
    text = _text(block, page)
    return f"> {text}" if block.within in _QUOTED and text else text


def _item(block: Block, page: _Page) -> str:
    text = _text(block, page)
    if _LABEL.fullmatch(block.label):
        return f"{block.label} {text}"
    return f"- {escaped(block.label)} {text}" if any(map(str.isalnum, block.label)) else f"- {text}"


def _tables(rows: Sequence[Block], page: _Page) -> Iterator[str]:
    """A row of headers below other rows begins another table."""
    table: list[Block] = []
    for row in rows:
        if _is_header(row) and table and not _is_header(table[-1]):
            yield _table(table, page)
            table = []
        table.append(row)
    yield _table(table, page)


def _is_header(row: Block) -> bool:
    cells = [mark.kind for mark in row.marks if mark.kind in ("cell", "header cell")]
    return len(cells) > 1 and "cell" not in cells


def _table(rows: Sequence[Block], page: _Page) -> str:
    for row in rows:
        page.left_out["in a table"] += row.characters - letters_and_digits(row.text)
    cells = [
        [escaped(row.text[mark.start : mark.end]) for mark in row.marks if mark.kind in ("cell", "header cell")]
        or [escaped(row.text)]
        for row in rows
    ]
    width = max(map(len, cells))
    head, body = (cells[0], cells[1:]) if _is_header(rows[0]) else ([""] * width, cells)
    return "\n".join(f"| {' | '.join(row + [''] * (width - len(row)))} |" for row in [head, ["---"] * width, *body])


def _notes(book: Book, page: _Page) -> Iterator[str]:
    told: set[str] = set()
    for block in (block for chapter in book.chapters for block in chapter.blocks if block.kind == "note"):
        if not block.note:
            page.left_out["notes"] += block.characters
            continue
        head = "    " if block.note in told else f"[^{page.notes[block.note]}]: "
        told.add(block.note)
        yield head + _text(block, page).replace("\n", " ")


def _text(block: Block, page: _Page) -> str:
    return " ".join(_lines(block, page))


def _lines(block: Block, page: _Page) -> Iterator[str]:
    """The lines of a block, escaped, with the references to its notes; a passage in another language is marked."""
    at = 0
    for line in block.text.split("\n"):
        here = [aside for aside in block.asides if at <= aside.at <= at + len(line)]
        cuts = sorted({0, len(line), *(aside.at - at for aside in here)})
        pieces = [escaped(line[a:b]) if not a else _inner(line[a:b]) for a, b in pairwise(cuts)]
        said = {cut: "".join(_aside(aside, page) for aside in here if aside.at - at == cut) for cut in cuts}
        text = said[0] + "".join(piece + said[cut] for piece, cut in zip(pieces, cuts[1:], strict=True))
        plain = line and not any(said.values()) and not _SPECIAL.search(line) and "{" not in line
        yield f"[{text}]{{lang={block.language}}}" if plain and block.language else text
        at += len(line) + 1


def _inner(text: str) -> str:
    """A piece that stands within a line, where nothing special begins."""
    return escaped(f"x{text}")[1:]


def _aside(aside: Aside, page: _Page) -> str:
    if aside.kind == "note reference" and aside.target in page.notes:
        return f"[^{page.notes[aside.target]}]"
    if aside.kind == "formula":
        return f" {_inner(aside.said or aside.text)} "
    page.left_out[aside.kind] += letters_and_digits(aside.text)
    return ""
