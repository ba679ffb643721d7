from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from mutagen.id3 import ID3

from narrate.audio.tags import read_id3
from narrate.audiobook import Audiobook, Episode, Serial, Track
from narrate.book import Cover
from narrate.writers.chapters import COVER_BYTES, ChaptersWriter, chapter_names
from tests.blobs import META, make_audiobook, untitled
from tests.suites.writer_suite import WriterSuite


class TestChaptersWriter(WriterSuite):
    @pytest.fixture
    def writer(self) -> ChaptersWriter:
        return ChaptersWriter()

    def expected(self, audiobook: Audiobook) -> Sequence[tuple[Track, ...]]:
        return [(track,) for track in audiobook.tracks]


def test_names_sort_in_reading_order_and_differ() -> None:
    names = chapter_names(["I", "I", "", "a/b", "é" * 200] + ["x"] * 100)
    assert names[:4] == ["001 - I", "002 - I", "003 - untitled", "004 - a-b"]
    assert names == sorted(names)
    assert len({name.casefold() for name in names}) == len(names)
    assert all(len(name.encode()) <= 150 for name in names)


def test_each_file_says_which_chapter_it_is(tmp_path: Path) -> None:
    audiobook, _ = make_audiobook(tmp_path / "store", seconds=0.3)
    files = ChaptersWriter().write(audiobook, tmp_path)
    assert [file.path.name for file in files] == ["01 - One.mp3", "02 - Two.mp3", "03 - Three.mp3"]
    for file, track in zip(files, audiobook.tracks, strict=True):
        tags = read_id3(file.path)
        assert (tags.title, tags.album, tags.is_part) == (track.title, META.title, True)
        assert tags.cover_bytes > 0


def test_a_large_cover_is_not_put_into_every_chapter(tmp_path: Path) -> None:
    audiobook, _ = make_audiobook(tmp_path / "store", seconds=0.3)
    large = replace(META, cover=Cover(b"\xff\xd8" + bytes(COVER_BYTES), "image/jpeg"))
    files = ChaptersWriter().write(replace(audiobook, meta=large), tmp_path)
    assert all(read_id3(file.path).cover_bytes == 0 for file in files)


def in_serial(audiobook: Audiobook, *episodes: tuple[str, str]) -> Audiobook:
    """``audiobook`` with episodes of these numbers and file names."""
    made = (Episode(number, f"guid {number}", name, "", date="1999") for number, name in episodes)
    return replace(audiobook, serial=Serial(episodes=tuple(made)))


def test_a_serials_chapters_have_the_names_they_were_published_by(tmp_path: Path) -> None:
    audiobook, _ = make_audiobook(tmp_path / "store", ("One", "Two", ""), seconds=0.3)
    named = in_serial(audiobook, ("0001", "0001 - Once"), ("0001.1", "0001.1 - Then"), ("0012", "12 - Last"))
    files = ChaptersWriter().write(named, tmp_path)
    assert [file.path.name for file in files] == ["0001 - Once.mp3", "0001.1 - Then.mp3", "12 - Last.mp3"]
    tags = [ID3(file.path) for file in files]
    assert [str(tag["TRCK"]) for tag in tags] == ["1", "1", "12"]
    assert [str(tag["TIT2"]) for tag in tags] == ["One", "Two", "12"]
    assert {str(tag["TDRC"]) for tag in tags} == {"1999"}
    assert all(read_id3(file.path).is_part for file in files)


def test_a_chapter_before_the_first_is_a_part_too(tmp_path: Path) -> None:
    audiobook, _ = make_audiobook(tmp_path / "store", ("Prologue",), seconds=0.3)
    (file,) = ChaptersWriter().write(in_serial(audiobook, ("0000.1", "0000.1 - Prologue")), tmp_path)
    assert read_id3(file.path).is_part


def test_another_chapter_changes_no_other_file_of_a_serial(tmp_path: Path) -> None:
    digests = []
    for number, titles in enumerate([("One", "Two"), ("One", "Two", "Three")]):
        audiobook, _ = make_audiobook(tmp_path / f"store{number}", titles, seconds=0.3)
        audiobook = untitled(audiobook, date=f"200{number}")
        folder = tmp_path / str(number)
        folder.mkdir()
        episodes = [(f"000{place}", title) for place, title in enumerate(titles, 1)]
        digests.append([file.digest for file in ChaptersWriter().write(in_serial(audiobook, *episodes), folder)])
    assert digests[0] == digests[1][:2]


def test_a_plain_books_chapters_count_all_of_them(tmp_path: Path) -> None:
    audiobook, _ = make_audiobook(tmp_path / "store", ("One", "Two"), seconds=0.3)
    assert [str(ID3(file.path)["TRCK"]) for file in ChaptersWriter().write(audiobook, tmp_path)] == ["1/2", "2/2"]
