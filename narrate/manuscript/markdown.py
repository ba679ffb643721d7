"""A Markdown text to passages, with what was left out of it and how much text it holds."""

from __future__ import annotations

import re
from dataclasses import dataclass

from lxml import etree

from narrate.book import Skip, letters_and_digits, skip
from narrate.bounds import Bounds
from narrate.errors import SourceError
from narrate.manuscript.dialects import prepare
from narrate.manuscript.joined import join_headings
from narrate.manuscript.render import render
from narrate.markup.notes import find_notes
from narrate.markup.parse import parse_html
from narrate.markup.passage import Passage
from narrate.markup.walk import Page, count_text, walk

_HTML = re.compile(
    r"\s*(?:<\?xml[^>]*>\s*)?(?:<!--.{0,500}?-->\s*)?<(?:!doctype\s+html|html)\b", re.IGNORECASE | re.DOTALL
)
# Signs of Markdown in a file that does not say it is; two kinds are needed.
_MARKDOWN = (
    (re.compile(r"^#{1,4} \S.*\n", re.MULTILINE), 2),
    (re.compile(r"\]\((?:https?://|\.{0,2}/|#)[^)\s]+\)"), 2),
    (re.compile(r"\*\*[^*\n]{2,80}\*\*"), 3),
    (re.compile(r"^(?:```|~~~)", re.MULTILINE), 2),
    (re.compile(r"\A---\n(?:[\w-]+:.*\n)+---\n"), 1),
)
_LOOK = 200_000  # characters


@dataclass(frozen=True, slots=True)
class Sheet:
    """What a text holds: passages in reading order, what was left out, its letters and digits, and warnings."""

    passages: list[Passage]
    skips: list[Skip]
    counted: int
    warnings: list[str]


def read_markdown(text: str, name: str, number: int, bounds: Bounds, offset: int = 0) -> Sheet:
    """Read Markdown whose first line is number ``offset`` + 1 of the file ``name``; line ends are "\\n"."""
    prepared = prepare(text, offset)
    rendered, warnings = render(prepared.lines, prepared.numbers, name)
    sheet = read_html(f"<html><body>{rendered}</body></html>", name, number, bounds)
    removed = [skip(cut.reason, f"{name}:{cut.line}", cut.text) for cut in prepared.removed]
    counted = sheet.counted + sum(letters_and_digits(cut.text) for cut in prepared.removed)
    passages = join_headings(sheet.passages)
    return Sheet(passages, [*sheet.skips, *removed], counted, [*prepared.warnings, *warnings])


def read_html(text: str, name: str, number: int, bounds: Bounds) -> Sheet:
    """Read a page of HTML whose elements may carry their line as ``data-line``."""
    if text.count("<") > 2 * bounds.elements:
        raise SourceError(f"{name}: has more than {bounds.elements:,} elements; it is no readable book")
    root: etree._Element = parse_html(text, name)
    notes = find_notes({name: root}, _within)
    flow = walk(root, Page(name, number, frozenset(), notes.references, notes.bodies, by_line=True))
    passages = [item for item in flow if isinstance(item, Passage)]
    return Sheet(passages, [item for item in flow if isinstance(item, Skip)], count_text(root), [])


def form_of_file(text: str) -> str:
    """ "html" or "markdown" for a file that says it is plain text and plainly is not, else ""."""
    if _HTML.match(text[:2_000]):
        return "html"
    head = text[:_LOOK]
    signs = sum(len(pattern.findall(head)) >= fewest for pattern, fewest in _MARKDOWN)
    return "markdown" if signs >= 2 else ""


def _within(name: str, href: str) -> tuple[str, str] | None:
    """Notes of a Markdown file are in the file."""
    return (name, href[1:]) if href.startswith("#") else None
