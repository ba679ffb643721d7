"""Which loader reads what, and what is refused before any of them."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from narrate.load import LOADERS, load
from tests.loaders.builder import make_epub
from tests.suites.loader_suite import check_loader, check_refuses, spoken


def test_every_suffix_has_a_loader() -> None:
    for name in LOADERS.values():
        assert callable(import_module(f"narrate.loaders.{name}").load)


def test_the_suffix_decides_whatever_its_case(tmp_path: Path) -> None:
    epub = make_epub(tmp_path / "A.EPUB", {"a.xhtml": "<p>epub</p>"})
    (tmp_path / "b.Md").write_text("# T\n\nmark *down*")
    (tmp_path / "c.txt").write_text("plain _text_ 2*3")
    assert spoken(check_loader(load, epub)) == "epub"
    assert spoken(check_loader(load, tmp_path / "b.Md")) == "T\nmark down"
    assert spoken(check_loader(load, tmp_path / "c.txt")) == "plain text 2*3"


def test_a_folder_is_read_by_what_it_holds(tmp_path: Path) -> None:
    for name in ("md", "txt"):
        (tmp_path / name).mkdir()
        for number in (1, 2, 10):
            (tmp_path / name / f"part {number}.{name}").write_text(f"words {number}")
    for name in ("md", "txt"):
        book = check_loader(load, tmp_path / name)
        assert [chapter.title for chapter in book.chapters] == ["Part 1", "Part 2", "Part 10"]
        assert spoken(book) == "words 1\nwords 2\nwords 10"


def test_what_no_loader_knows_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(b"%PDF")
    (tmp_path / "empty").mkdir()
    (tmp_path / "shelf").mkdir()
    make_epub(tmp_path / "shelf" / "a.epub", {"a.xhtml": "<p>x</p>"})
    (tmp_path / "unpacked" / "META-INF").mkdir(parents=True)
    (tmp_path / "unpacked" / "META-INF" / "container.xml").touch()
    check_refuses(load, tmp_path / "a.pdf", "narrate reads")
    check_refuses(load, tmp_path / "none.epub", "no such file")
    check_refuses(load, tmp_path / "empty", "holds no book")
    check_refuses(load, tmp_path / "shelf", "name the files")
    check_refuses(load, tmp_path / "unpacked", "unpacked EPUB")
    check_refuses(load, Path("a\0b.epub"), "")


@pytest.mark.parametrize("name", ["epub", "markdown_it", "lxml", "yaml", "ebooklib"])
def test_parsers_are_imported_only_when_needed(name: str) -> None:
    code = f"import sys, narrate.load; sys.exit({name!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
