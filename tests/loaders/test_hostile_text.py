"""Markdown and plain text written to take long: each of these once grew with the square of its length."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from narrate.loaders import markdown, plain
from tests.suites.loader_suite import check_book_holds, spoken

SIZE = 100_000  # characters; quadratic time would be minutes
SECONDS = 12  # for any of them, on a machine that does other things as well

MARKDOWN = {
    "open brackets": "[",
    "images": "![",
    "links": "[a](",
    "reference links": "[a][",
    "inline notes": "^[",
    "note references": "[^a",
    "notes in notes": "[^a]: ",
    "angle brackets": "<",
    "comments": "<!--",
    "emphasis": "*a **a ",
    "underscores": "_a ",
    "stars": "a*",
    "code spans": "`a``b",
    "quotations": "> ",
    "list items": "- ",
    "formulas": "$a ",
    "tex": "\\(",
    "templates": "{{ ",
    "attributes": "{: ",
    "colons": ":",
    "spaces": " ",
    "backslashes": "\\",
    "unclosed brackets on lines": "[a\n",
}
PLAIN = {
    "underscores": "_a ",
    "equals": "=a ",
    "brackets": "[",
    "references": "[1] ",
    "hyphens": "a-\n",
    "notes": "x[1]\n\n[1] y\n\n",
    "open notes": "[Footnote 1: a\n\n",
    "spaces": " ",
    "bars": "|",
    "contents": "CONTENTS\n\n",
    "form feeds": "\fHEAD\n",
}


@pytest.mark.parametrize("name", MARKDOWN)
def test_hostile_markdown_is_read_in_time(tmp_path: Path, name: str) -> None:
    piece = MARKDOWN[name]
    (tmp_path / "a.md").write_text(f"start\n\n{piece * (SIZE // len(piece))}\n\nthe end\n")
    begun = time.monotonic()
    book = markdown.load(tmp_path / "a.md")
    assert time.monotonic() - begun < SECONDS
    check_book_holds(book)
    assert spoken(book).startswith("start")


@pytest.mark.parametrize("name", PLAIN)
def test_hostile_text_is_read_in_time(tmp_path: Path, name: str) -> None:
    piece = PLAIN[name]
    (tmp_path / "a.txt").write_text(f"start\n\n{piece * (SIZE // len(piece))}\n\nthe end\n")
    begun = time.monotonic()
    book = plain.load(tmp_path / "a.txt")
    assert time.monotonic() - begun < SECONDS
    check_book_holds(book)
    assert spoken(book).startswith("start")
