"""Where books lie: files, folders, patterns."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from narrate.errors import SourceError
from narrate.jobs.sources import books_at, is_pattern
from narrate.load import LOADERS, _folder_suffix


def fill(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return folder


def found(folder: Path, pattern: str = "") -> list[str]:
    return [path.relative_to(folder).as_posix() for path in books_at(folder / pattern)]


def test_a_file_is_a_book(tmp_path: Path) -> None:
    for suffix in LOADERS:
        path = fill(tmp_path, f"a{suffix}") / f"a{suffix}"
        assert books_at(path) == (path,)


def test_a_folder_of_text_is_one_book(tmp_path: Path) -> None:
    fill(tmp_path, "one/ch/1.md", "two/a.TXT", "two/b.epub")
    assert books_at(tmp_path / "one") == (tmp_path / "one",)
    assert books_at(tmp_path / "two") == (tmp_path / "two",), "as narrate.load decides"


def test_each_epub_in_a_folder_is_a_book_in_natural_order(tmp_path: Path) -> None:
    fill(tmp_path, "b10.epub", "b2.EPUB", "Author/Title (1)/x.kepub", "B1.epub", "cover.jpg", ".hidden/a.epub")
    fill(tmp_path, "__MACOSX/b1.epub", ".a.epub", "old.epub/META-INF/container.xml")
    assert found(tmp_path) == ["B1.epub", "b2.EPUB", "b10.epub", "old.epub", "Author/Title (1)/x.kepub"]


def test_folders_are_judged_as_the_loader_judges_them(tmp_path: Path) -> None:
    for number, names in enumerate((["a.md"], ["x/b.markdown"], ["a.epub", "x/y.text"], ["a.epub"], ["a.jpg"], [])):
        folder = fill(tmp_path / str(number), *names)
        folder.mkdir(exist_ok=True)
        try:
            is_book = bool(_folder_suffix(folder))
        except SourceError:
            is_book = False
        try:
            books = books_at(folder)
        except SourceError:
            books = ()
        assert (books == (folder,)) is is_book, names


def test_patterns(tmp_path: Path) -> None:
    fill(tmp_path, "a/1.epub", "a/b/2.epub", "a/b/c/3.epub", "a/x.jpg", "d/4.epub", "a/.h/5.epub", "a/.6.epub")
    assert found(tmp_path, "a/*.epub") == ["a/1.epub"]
    assert found(tmp_path, "a/**/*.epub") == ["a/1.epub", "a/b/2.epub", "a/b/c/3.epub"]
    assert found(tmp_path, "**/?.epub") == ["a/1.epub", "a/b/2.epub", "a/b/c/3.epub", "d/4.epub"]
    assert found(tmp_path, "[ad]/[0-9].epub") == ["a/1.epub", "d/4.epub"]
    assert found(tmp_path, "*/*") == ["a/1.epub", "d/4.epub"]
    assert found(tmp_path, "a/.*.epub") == ["a/.6.epub"]
    assert found(tmp_path, "**/**/2.epub") == ["a/b/2.epub"]


def test_a_pattern_finds_folders_that_are_books(tmp_path: Path) -> None:
    fill(tmp_path, "one/1.md", "one/2.md", "two/x/1.txt", "two/x/art.epub", "three/a.epub", "four.md", "five/x.jpg")
    assert found(tmp_path, "*") == ["four.md", "one", "two"]
    assert found(tmp_path, "**/*") == ["four.md", "one", "two", "three/a.epub", "two/x/art.epub"]
    assert found(tmp_path, "**/*.md") == ["four.md", "one/1.md", "one/2.md"]


def test_names_may_hold_brackets(tmp_path: Path) -> None:
    fill(tmp_path, "books [old]/a [1].epub", "books [old]/b.epub", "books o/c.epub")
    assert found(tmp_path, "books [old]/a [1].epub") == ["books [old]/a [1].epub"]
    assert found(tmp_path, "books [old]") == ["books [old]/a [1].epub", "books [old]/b.epub"]
    assert found(tmp_path, "books [old]/*.epub") == ["books [old]/a [1].epub", "books [old]/b.epub"]
    assert found(tmp_path, "books [opq]/*.epub") == ["books o/c.epub"]
    assert not is_pattern(tmp_path / "books [old]")
    assert is_pattern(tmp_path / "books [opq]")
    assert not is_pattern(tmp_path / "none.epub")


def test_relative_paths_stay_relative(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(fill(tmp_path, "a/1.epub", "b.epub"))
    assert books_at(Path("a")) == books_at(Path("a/*")) == (Path("a/1.epub"),)
    assert books_at(Path("*.epub")) == (Path("b.epub"),)
    assert books_at(Path("**/*.epub")) == (Path("b.epub"), Path("a/1.epub"))
    assert books_at(Path("a/../*.epub")) == (Path("a/../b.epub"),)


def test_links(tmp_path: Path) -> None:
    fill(tmp_path, "real/a.epub", "far/b.epub")
    (tmp_path / "real/same.epub").symlink_to("a.epub")
    (tmp_path / "real/loop").symlink_to(".")
    (tmp_path / "real/circle.epub").symlink_to("circle.epub")
    (tmp_path / "real/far.epub").symlink_to("../far/b.epub")
    (tmp_path / "real/away").symlink_to("../far")
    assert found(tmp_path, "real") == ["real/a.epub", "real/circle.epub", "real/far.epub"]
    assert found(tmp_path, "real/away") == ["real/away/b.epub"], "a link that is named is followed"
    assert found(tmp_path, "real/**/a.epub") == ["real/a.epub"]


@pytest.mark.parametrize(
    ("pattern", "says"),
    [
        ("none", "there is no such file or folder"),
        ("none.epub", "there is no such file or folder"),
        ("*.mobi", "finds nothing; for all EPUBs below a folder write"),
        ("pictures/*", "finds nothing narrate reads"),
        ("pictures", "holds no book"),
        ("pictures/a.jpg", "is not a book narrate knows"),
        ("a\0b", "cannot be read|there is no such file"),
        ("*\0b", "cannot be read|finds nothing"),
        ("x" * 300, "cannot be read"),
    ],
)
def test_what_is_no_book_is_one_sentence(tmp_path: Path, pattern: str, says: str) -> None:
    fill(tmp_path, "pictures/a.jpg")
    with pytest.raises(SourceError, match=says) as caught:
        books_at(tmp_path / pattern)
    assert "\n" not in str(caught.value)


def test_a_folder_that_is_locked_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(tmp_path, "a.epub", "locked/b.epub")
    scandir = os.scandir

    def locked(folder: str) -> object:  # root, who may run this, is kept out of nothing
        if folder.endswith("locked"):
            raise PermissionError(13, "Permission denied", folder)
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", locked)
    with pytest.raises(SourceError, match="locked: cannot be read: Permission denied"):
        books_at(tmp_path)


def test_ten_thousand_files_take_no_time(tmp_path: Path) -> None:
    for author in range(20):
        fill(tmp_path, *(f"{author}/Volume {number} of a series.epub" for number in range(500)))
    for pattern in ("", "**/*.epub"):
        took = []
        for _ in range(3):
            start = time.perf_counter()
            assert len(books_at(tmp_path / pattern)) == 10_000
            took.append(time.perf_counter() - start)
        assert min(took) < 0.3
