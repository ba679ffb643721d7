"""Which book is the longest is told without opening any; nothing hostile keeps the shelf from beginning."""

from __future__ import annotations

import os
import struct
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from narrate.library.due import Standing
from narrate.library.lengths import length
from tests.library.test_due import MADE, ORDER, SEEN


def of(path: Path, **record: int) -> float:
    known = replace(MADE, **record) if record else None
    return length(Standing(replace(ORDER, source=str(path)), known, SEEN, "due"))


def test_the_last_time_tells_best(tmp_path: Path) -> None:
    assert of(tmp_path, duration_ms=5_000) == 5.0


def test_pages_count_and_pictures_do_not(tmp_path: Path) -> None:
    for name, pages in (("short", 100), ("long", 10_000)):
        with zipfile.ZipFile(tmp_path / f"{name}.epub", "w", zipfile.ZIP_DEFLATED) as book:
            book.writestr("page.xhtml", "x" * pages)
            book.writestr("cover.jpg", os.urandom(100_000 // pages))
    assert of(tmp_path / "long.epub") > of(tmp_path / "short.epub") > 0
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "a.md").write_text("x" * 150)
    assert of(tmp_path / "folder" / "a.md") == of(tmp_path / "folder") == 10.0


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"PK\x05\x06",
        struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 65_535, 65_535, 2**32 - 1, 2**32 - 1, 0),
        struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 3, 3, 500_000_000, 0, 0),
        struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 3, 3, 100, 0, 0),
    ],
)
def test_what_is_no_zip_has_no_length(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.epub").write_bytes(content)
    assert of(tmp_path / "a.epub") == 0.0


def test_what_is_not_there_has_no_length(tmp_path: Path) -> None:
    assert of(tmp_path / "none.epub") == 0.0
