"""The cells of a table: which are headers, and what the others stand under."""

from __future__ import annotations

from dataclasses import dataclass

from lxml import etree

from narrate.book import MarkKind
from narrate.markup.elements import name_of
from narrate.markup.folding import fold
from narrate.markup.silence import short_text

# A cell that claims more columns or rows than this is counted as this many; real tables stay far below.
MAX_SPAN = 100
# Headers are known for so many columns.
MAX_COLUMNS = 200
# Larger tables are data for machines; their cells are read without headers.
MAX_CELLS = 50_000
_LONGEST_HEADER = 120  # characters; what is longer is text in bold
_LAYOUT = {"presentation", "none"}
_SECTIONS = {"thead", "tbody", "tfoot"}


@dataclass(frozen=True, slots=True)
class Cell:
    """What a cell is; ``header`` is the text of the header of its column."""

    kind: MarkKind
    header: str = ""


@dataclass(slots=True)
class _Column:
    header: str = ""
    taken: int = 0  # rows below that a cell above reaches into


def cells_of(table: etree._Element) -> dict[etree._Element, Cell]:
    """The cells of ``table``, without those of tables inside it; a table for layout has cells without headers."""
    cells = [(_cells(row), section) for row, section in _rows(table)]
    flat = [cell for row, _ in cells for cell in row]
    layout = (table.get("role") or "").lower() in _LAYOUT or max((len(row) for row, _ in cells), default=0) < 2
    headed = any(section == "thead" for _, section in cells) or any(name_of(cell) == "th" for cell in flat)
    if layout or len(flat) > MAX_CELLS or not headed:
        return {cell: Cell("cell") for cell in flat}
    found: dict[etree._Element, Cell] = {}
    columns: list[_Column] = []
    for row, section in cells:
        _read_row(row, section, columns, found)
    return found


def _read_row(
    row: list[etree._Element], section: str, columns: list[_Column], found: dict[etree._Element, Cell]
) -> None:
    heads = section == "thead" or _is_header_row(row)
    at = 0
    for cell in row:
        while at < len(columns) and columns[at].taken:
            columns[at].taken -= 1
            at += 1
        width, height = _span(cell, "colspan"), _span(cell, "rowspan")
        while len(columns) < min(at + width, MAX_COLUMNS):
            columns.append(_Column())
        spanned = columns[at : at + width] or [_Column()]
        is_column_header = heads or (cell.get("scope") or "") in ("col", "colgroup")
        if is_column_header:
            _head(cell, spanned, below=section == "thead")
        header = "" if is_column_header or name_of(cell) == "th" else spanned[0].header
        found[cell] = Cell("header cell" if is_column_header or name_of(cell) == "th" else "cell", header)
        for column in spanned:
            column.taken = height - 1
        at += width
    for column in columns[at:]:
        column.taken = max(0, column.taken - 1)


def _is_header_row(row: list[etree._Element]) -> bool:
    """Several header cells, and beside them at most an empty corner."""
    heads = [cell for cell in row if name_of(cell) == "th" and cell.get("scope") != "row"]
    return len(heads) > 1 and all(name_of(cell) == "th" or not short_text(cell, 20).strip() for cell in row)


def _head(cell: etree._Element, columns: list[_Column], *, below: bool) -> None:
    """Name the columns; a second row of headers is more exact than one that reaches over several columns."""
    text = fold(short_text(cell, _LONGEST_HEADER))
    for column in columns:
        if text and len(text) <= _LONGEST_HEADER:
            column.header = text
        elif not below:
            column.header = ""


def _span(cell: etree._Element, name: str) -> int:
    value = (cell.get(name) or "").strip()
    return max(1, min(MAX_SPAN, int(value))) if value.isdecimal() and len(value) < 7 else 1


def _rows(table: etree._Element) -> list[tuple[etree._Element, str]]:
    found = []
    for child in table:
        name = name_of(child)
        if name == "tr":
            found.append((child, ""))
        elif name in _SECTIONS:
            found += [(row, name) for row in child if name_of(row) == "tr"]
    return found


def _cells(row: etree._Element) -> list[etree._Element]:
    return [cell for cell in row if name_of(cell) in ("td", "th")]
