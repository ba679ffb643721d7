"""Pages for the tests of the walk: a body in, blocks out."""

from __future__ import annotations

from lxml import etree

from narrate.book import Block, Skip
from narrate.markup.notes import find_notes
from narrate.markup.parse import parse_page
from narrate.markup.passage import Flow, Passage
from narrate.markup.walk import Page, count_text, walk

NAME = "a.xhtml"


def root_of(body: str, language: str = "en") -> etree._Element:
    """The tree of a page."""
    page = (
        '<html xmlns="http://www.w3.org/1999/xhtml" xmlns:epub="http://www.idpf.org/2007/ops" '
        f'xmlns:ssml="http://www.w3.org/2001/10/synthesis" xml:lang="{language}"><head><title>t</title></head>'
        f"<body>{body}</body></html>"
    )
    return parse_page(page.encode(), NAME).root


def resolve(page: str, href: str) -> tuple[str, str] | None:
    """A link inside the page."""
    member, _, fragment = href.partition("#")
    return (member or page, fragment) if fragment else None


def flow_of(body: str, wanted: frozenset[str] = frozenset()) -> list[Flow]:
    """Walk the page; the promise P1 is checked on every one."""
    root = root_of(body)
    notes = find_notes({NAME: root}, resolve)
    flow = walk(root, Page(NAME, 0, wanted, notes.references, notes.bodies))
    blocks = [item.block for item in flow if isinstance(item, Passage)]
    skipped = sum(item.characters for item in flow if isinstance(item, Skip))
    assert sum(block.characters for block in blocks) + skipped == count_text(root), body
    for block in blocks:
        check_places(block)
    return flow


def check_places(block: Block) -> None:
    """Marks and asides lie inside the text, in order, and marks of one kind apart."""
    assert all(0 <= aside.at <= len(block.text) for aside in block.asides)
    assert [aside.at for aside in block.asides] == sorted(aside.at for aside in block.asides)
    last: dict[str, int] = {}
    for mark in block.marks:
        assert 0 <= mark.start < mark.end <= len(block.text), (mark, block)
        assert mark.start >= last.get(mark.kind, 0), (mark, block)
        last[mark.kind] = mark.end
    assert not (block.kind == "break" and (block.asides or block.marks))


def blocks_of(body: str) -> list[Block]:
    """The blocks of the page."""
    return [item.block for item in flow_of(body) if isinstance(item, Passage)]


def texts(body: str) -> list[tuple[str, str]]:
    """Kind and text of each block."""
    return [(block.kind, block.text) for block in blocks_of(body)]


def marked(block: Block) -> list[tuple[str, str, str]]:
    """Kind, text and value of each mark."""
    return [(mark.kind, block.text[mark.start : mark.end], mark.value) for mark in block.marks]


def aside_list(block: Block) -> list[tuple[int, str, str, str]]:
    """Place, kind, text and what is said of each aside."""
    return [(aside.at, aside.kind, aside.text, aside.said) for aside in block.asides]
