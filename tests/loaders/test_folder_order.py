"""The order of a folder's Markdown files: lists of contents of several tools, the files' own order, their names."""

from __future__ import annotations

from pathlib import Path

import pytest

from narrate.bounds import Bounds
from narrate.errors import SourceError
from narrate.loaders.markdown import load
from narrate.policy import Policy
from narrate.reading import read
from tests.loaders.test_markdown import folder, titles
from tests.suites.loader_suite import spoken

PAGES = {"b.md": "# Bee\n\nb", "a.md": "# Ay\n\na", "c.md": "# Cee\n\nc"}


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("SUMMARY.md", "- [Bee](b.md)\n- [Cee](./c.md#x)\n- [Again](c.md)\n- [Ay](a.md)", ["Bee", "Cee", "Ay"]),
        ("_sidebar.md", "* [Bee](/b.md)\n* [Bee](b)\n* [Ay](a)", ["Bee", "Ay"]),
        ("Book.txt", "{mainmatter}\nc.md\nb.md\n", ["Cee", "Bee"]),
        (
            "_quarto.yml",
            "book:\n  title: T\n  chapters:\n    - b.md\n    - part: Rest\n      chapters: [a.md]\n",
            ["Bee", "Rest", "Ay"],
        ),
        ("_toc.yml", "root: c\nchapters:\n- file: b\n- file: a\n", ["Cee", "Bee", "Ay"]),
        ("_bookdown.yml", "rmd_files: [c.md, a.md]\n", ["Cee", "Ay"]),
    ],
)
def test_a_list_of_contents_decides(tmp_path: Path, name: str, text: str, expected: list[str]) -> None:
    book = folder(tmp_path, {**PAGES, name: text})
    assert [title for _, title in titles(book)] == expected


def test_mkdocs(tmp_path: Path) -> None:
    nav = "nav:\n  - b.md\n  - Guide:\n    - The A: a.md\n  - Out: https://x.org\n"
    config = f"site_name: The Site\n{nav}x: !!python/name:a.b\n"
    book = folder(tmp_path, {"mkdocs.yml": config, **{f"docs/{name}": text for name, text in PAGES.items()}})
    assert titles(book) == [(1, "Bee"), (1, "Guide"), (2, "The A")]
    assert book.meta.title == "The Site"
    assert "docs/c.md" in book.warnings[0]


def test_folders_are_parts(tmp_path: Path) -> None:
    files = {
        "intro.md": "---\nsidebar_position: 0\n---\n# Intro\n\nx",
        "02-two/_category_.json": '{"label": "The Second", "position": 1}',
        "02-two/b.md": "# B\n\nb",
        "01-one/_index.md": "---\ntitle: The First\nweight: 5\n---\n",
        "01-one/10.md": "# Ten\n\nx",
        "01-one/9.md": "# Nine\n\nx",
    }
    expected = [(1, "Intro"), (1, "The Second"), (2, "B"), (1, "The First"), (2, "Nine"), (2, "Ten")]
    assert titles(folder(tmp_path, files)) == expected


def test_one_folder_of_chapters_is_no_part(tmp_path: Path) -> None:
    book = folder(tmp_path, {"README.md": "# Book\n\nx", "chapters/chapter10.md": "ten", "chapters/chapter2.md": "two"})
    assert titles(book) == [(1, "Book"), (1, "Chapter 2"), (1, "Chapter 10")]


def test_drafts_and_files_of_the_repository_are_listed(tmp_path: Path) -> None:
    files = {
        "one.md": "# One\n\nx",
        "code-of-conduct.md": "# Conduct\n\na chapter",
        "CODE_OF_CONDUCT.md": "legal",
        "d.md": "---\ndraft: true\n---\nlater",
        "e.md": "---\npublished: false\n---\nlater",
        "node_modules/x/readme.md": "never",
    }
    book = folder(tmp_path, files)
    assert [title for _, title in titles(book)] == ["Conduct", "One"]
    assert sorted(skip.reason for skip in book.skipped) == ["draft", "draft", "repository file"]


def test_a_title_that_only_the_front_matter_gives_names_the_chapter(tmp_path: Path) -> None:
    book = folder(
        tmp_path, {"a.md": "---\ntitle: The Start\n---\n\n## Section\n\nx", "b.md": "---\ntitle: End\n---\n# End\n\ny"}
    )
    assert [chapter.title for chapter in book.chapters] == ["The Start", "End"]
    assert spoken(book) == "Section\nx\nEnd\ny"
    announced = read(book, Policy(changes=(("chapter title", "speak"),)))
    assert [one.text for one in announced.chapters[0] or ()] == ["The Start", "Section", "x"]


def test_an_untranslated_file_is_in_its_own_language(tmp_path: Path) -> None:
    english = (
        "It was the best of the days and he was not in the house with her, for she had to go to the sea as it was. " * 3
    )
    files = {"a.md": "---\nlang: fr\n---\nBonjour.", "b.md": f"---\nlang: fr\nuntranslated: true\n---\n{english}"}
    book = folder(tmp_path, files)
    assert [block.language for chapter in book.chapters for block in chapter.blocks] == ["", "en"]


def test_a_list_never_leads_out(tmp_path: Path) -> None:
    (tmp_path / "secret.md").write_text("secret")
    book = folder(tmp_path, {"SUMMARY.md": "- [A](a.md)\n- [S](../secret.md)\n- [T](/etc/passwd)", "a.md": "text"})
    assert spoken(book) == "text"
    assert sum("missing" in warning for warning in book.warnings) == 2


def test_links_in_a_circle_are_not_entered(tmp_path: Path) -> None:
    book = tmp_path / "the-book"
    book.mkdir()
    (book / "loop").symlink_to(book, target_is_directory=True)
    (book / "self.md").symlink_to(book / "self.md")
    assert spoken(folder(tmp_path, {"a.md": "text"})) == "text"


def test_too_many_files_are_refused(tmp_path: Path) -> None:
    for number in range(4):
        (tmp_path / f"{number}.md").write_text("x")
    with pytest.raises(SourceError, match="more than 3 files"):
        load(tmp_path, Bounds(files=3))
