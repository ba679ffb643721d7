"""A list of links as a table of contents: mdBook's and GitBook's SUMMARY.md, docsify's sidebar."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from markdown_it import MarkdownIt

from narrate.manuscript.inlines import tame
from narrate.markup.passage import fold

_LONGEST = 1 << 20  # characters of a list that are looked at; the longest known has 60,000


def links(text: str) -> Iterator[tuple[str, str, int]]:
    """(title, address, depth) of each entry; a heading names a part, an entry without address a draft or a group.

    A heading "Summary" or "Table of contents" at the top names the list itself.
    """
    depth = part = 0
    previous = ""
    begun = False
    for token in _tokens(text[:_LONGEST]):
        depth += {"list_item_open": 1, "list_item_close": -1}.get(token.type, 0)
        if token.type == "inline" and previous == "heading_open":
            title = _text(token.children or ())
            if title and (begun or title.lower() not in {"summary", "table of contents", "contents"}):
                yield title, "", 1
                part = 1
            begun = True
        elif token.type == "inline":
            found = next((child for child in token.children or () if child.type == "link_open"), None)
            title = _text(token.children or ())
            if found is not None:
                begun = True
                yield title, str(found.attrGet("href") or ""), max(1, depth) + part
            elif depth and title:
                yield title, "", depth + part
        previous = token.type


def _tokens(text: str) -> Sequence[Any]:
    return MarkdownIt("commonmark").parse(tame(text))


def _text(tokens: Sequence[Any]) -> str:
    return fold("".join(token.content for token in tokens if token.type in {"text", "code_inline"}))
