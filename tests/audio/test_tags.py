from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mutagen.id3 import ID3

from narrate.audio import tags
from narrate.audio.languages import iso_639_2
from narrate.audiobook import ChapterMark
from narrate.book import Metadata
from tests.blobs import META

HARD = (
    "=;#\\ equals",
    "two\nlines",
    "„quotes“ \"and\" 'more'",
    "👩‍👩‍👧 emoji",
    "é" * 150,
    "日本語",
    " blanks ",
    "a/b:c*d?",
)


def marks(titles: tuple[str, ...]) -> tuple[ChapterMark, ...]:
    return tuple(ChapterMark(title, 1, number * 1000, number * 1000 + 1000) for number, title in enumerate(titles))


def written(folder: Path, facts: tags.Facts) -> Path:
    path = folder / "x.mp3"
    path.write_bytes(tags.id3(facts))
    return path


def test_hard_titles_survive_id3(tmp_path: Path) -> None:
    for title in HARD:
        facts = tags.book_facts(replace(META, title=title), title, marks(HARD))
        found = tags.read_id3(written(tmp_path, facts))
        assert (found.title, found.album, found.narrator) == (title, title, title)
        assert found.marks == marks(HARD)
        assert found.contents


@pytest.mark.parametrize("count", [1, 254, 255, 256, 300, 700])
def test_any_number_of_chapters_is_listed(tmp_path: Path, count: int) -> None:
    wanted = marks(tuple(str(number) for number in range(count)))
    path = written(tmp_path, tags.book_facts(META, "", wanted))
    found = tags.read_id3(path)
    assert found.contents
    assert found.marks == wanted
    tables = ID3(path).getall("CTOC")
    assert sum(bool(table.flags & 2) for table in tables) == 1, "exactly one is the top"
    assert all(table.flags & 1 and len(table.child_element_ids) <= 255 for table in tables)


def test_contents_that_leave_out_a_chapter_are_told(tmp_path: Path) -> None:
    path = written(tmp_path, tags.book_facts(META, "", marks(("a", "b"))))
    tag = ID3(path)
    tag.getall("CTOC")[0].child_element_ids.pop()
    tag.save(path)
    assert not tags.read_id3(path).contents


def test_the_trade_s_tags_are_where_players_look(tmp_path: Path) -> None:
    tag = ID3(written(tmp_path, tags.book_facts(META, "Leah", ())))
    wanted = {
        "TIT2": META.title,
        "TALB": META.title,
        "TPE1": "Herman Melville; A. N. Other",
        "TPE2": "Herman Melville; A. N. Other",
        "TCOM": "Leah",
        "TXXX:NARRATOR": "Leah",
        "TXXX:NARRATION": "synthetic",
        "TXXX:SERIES": "Sea",
        "TXXX:SERIES-PART": "3",
        "TXXX:ISBN": "9780306406157",
        "TCON": "Audiobook",
        "TDRC": "1851-10-18",
        "TPUB": "Harper",
        "TLAN": "eng",
        "TIT1": "Sea #3",
        "COMM::eng": META.description,
    }
    assert {name: str(tag[name].text[0]) for name in wanted} == wanted
    assert tag.getall("APIC")[0].data == META.cover.data if META.cover else False


def test_what_is_not_known_is_not_written(tmp_path: Path) -> None:
    tag = ID3(written(tmp_path, tags.book_facts(Metadata("T"), "", ())))
    assert sorted(tag) == ["TALB", "TCON", "TIT2", "TXXX:NARRATION"]


@pytest.mark.parametrize(
    ("date", "year"),
    [
        ("1818", "1818"),
        ("1818-01", "1818-01"),
        ("1818-01-01T00:00:00Z", "1818-01-01"),
        ("January 1818", "1818"),
        ("c. 18", ""),
        ("20201231", ""),
        ("", ""),
    ],
)
def test_dates(date: str, year: str) -> None:
    assert tags._year(date) == year


@pytest.mark.parametrize(
    ("identifier", "isbn"),
    [
        ("urn:isbn:978-0-306-40615-7", "9780306406157"),
        ("ISBN 0-306-40615-2", "0306406152"),
        ("080442957x", "080442957X"),
        ("9780306406158", ""),
        ("https://example.org/9780306406157", ""),
        ("urn:uuid:9780306406157", ""),
    ],
)
def test_isbns(identifier: str, isbn: str) -> None:
    assert tags._isbn(identifier) == isbn


@pytest.mark.parametrize(
    ("tag", "code"), [("en-GB", "eng"), ("de", "deu"), ("zh_Hant", "zho"), ("grc", "grc"), ("xx", ""), ("", "")]
)
def test_languages(tag: str, code: str) -> None:
    assert iso_639_2(tag) == code


@given(title=st.text(min_size=1, max_size=40), chapters=st.lists(st.text(max_size=30), max_size=4))
@settings(max_examples=50, deadline=None)
def test_any_text_is_written_the_same_twice(title: str, chapters: list[str]) -> None:
    facts = tags.book_facts(replace(META, title=title, description=title), title, marks(tuple(chapters)))
    assert tags.id3(facts) == tags.id3(facts)


def test_damaged_files_are_audio_errors(tmp_path: Path) -> None:
    path = tmp_path / "x.m4b"
    path.write_bytes(b"not an mp4")
    with pytest.raises(tags.AudioError):
        tags.read_mp4(path)
    with pytest.raises(tags.AudioError):
        tags.tag_mp4(path, tags.book_facts(META, "", ()))
