from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from narrate.book import Metadata
from narrate.naming import LONGEST, book_folder, safe_name, unique_names


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("Moby-Dick; or, The Whale", "Moby-Dick; or, The Whale"),
        ("AC/DC", "AC-DC"),
        ("Act: I", "Act - I"),
        ('He said "No"?', "He said 'No'"),
        ("..hidden. ", "hidden"),
        ("../../etc/passwd", "-..-etc-passwd"),
        ("con", "_con"),
        ("COM1.txt", "_COM1.txt"),
        ("Console", "Console"),
        ("a\x00b\nc\td", "ab c d"),
        ("a\u202eb", "ab"),
        ("e\u0301", "é"),
        ("👩‍👩‍👧", "👩‍👩‍👧"),
        ("日本語", "日本語"),
        ("", "untitled"),
        (" .?* ", "untitled"),
        ("\ud800", "untitled"),
    ],
)
def test_names(title: str, name: str) -> None:
    assert safe_name(title) == name


@given(st.text(max_size=300))
def test_every_name_is_safe(title: str) -> None:
    name = safe_name(title)
    assert name
    assert len(name.encode()) <= LONGEST
    assert not set(name) & set('/\\:*?"<>|')
    assert name == name.strip(" .")
    assert name not in {".", ".."}
    assert not any(ord(character) < 32 for character in name)
    assert safe_name(name) == name


@pytest.mark.parametrize("title", ["é" * 200, "日本" * 100, "👩‍👩‍👧" * 40, "e\u0323\u0304" * 200, "a" * 500])
def test_long_titles_are_cut_between_characters_and_stay_apart(title: str) -> None:
    name, other = safe_name(title), safe_name(title + "!")
    assert LONGEST - 30 <= len(name.encode()) <= LONGEST
    assert title.startswith(name[:-9]) or name[:1] not in title
    assert name != other


@given(st.lists(st.sampled_from(["a", "A", "a (2)", "b", "B (2)"]), max_size=12))
def test_unique_names_are_unique_whatever_the_case(names: list[str]) -> None:
    unique = unique_names(names)
    assert len({name.casefold() for name in unique}) == len(names)
    assert all(one.startswith(name) for one, name in zip(unique, names, strict=True))


def test_the_folder_is_author_and_title(tmp_path: Path) -> None:
    assert book_folder(Metadata("T", ("A/B", "C")), tmp_path) == tmp_path / "A-B" / "T"
    assert book_folder(Metadata("T"), tmp_path) == tmp_path / "Unknown Author" / "T"
    assert book_folder(Metadata("..", ("..",)), tmp_path) == tmp_path / "untitled" / "untitled"
