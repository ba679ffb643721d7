"""The files of a book: what is no plain file is refused at once, and nothing is read beyond its bound."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from narrate.bounds import Bounds
from narrate.errors import SourceError
from narrate.files import inside, read_file, text_files


def test_a_pipe_a_device_and_a_folder_are_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.md")
    for path in (tmp_path / "pipe.md", Path("/dev/zero"), tmp_path):
        with pytest.raises(SourceError, match="is not a file"):
            read_file(path)


def test_a_file_may_be_as_large_as_its_bound(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_bytes(b"x" * 100)
    assert len(read_file(tmp_path / "a.md", Bounds(file=100))) == 100
    with pytest.raises(SourceError, match="larger than 99 bytes"):
        read_file(tmp_path / "a.md", Bounds(file=99))


def test_files_are_found_in_natural_order_and_links_out_are_not(tmp_path: Path) -> None:
    book = tmp_path / "book"
    (book / "sub").mkdir(parents=True)
    for name in ("10.md", "9.md", "sub/1.MD", ".hidden.md", "x.png"):
        (book / name).write_text("x")
    (tmp_path / "out.md").write_text("x")
    (book / "link.md").symlink_to(tmp_path / "out.md")
    (book / "same.md").symlink_to(book / "9.md")
    names = [path.relative_to(book).as_posix() for path in text_files(book, (".md",))]
    assert names == ["9.md", "10.md", "sub/1.MD"] or names == ["10.md", "same.md", "sub/1.MD"]
    assert inside(book, "../out.md") is None
    assert inside(book, "link.md") is None
    assert inside(book, "a\0b") is None


def test_a_folder_of_very_many_entries_is_refused(tmp_path: Path) -> None:
    for number in range(25):
        (tmp_path / f"{number}.png").write_text("x")
    with pytest.raises(SourceError, match="far more files"):
        text_files(tmp_path, (".md",), Bounds(files=1))
