from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from narrate.audio.tags import read_id3
from narrate.audiobook import Audiobook, Track
from narrate.book import Cover
from narrate.writers.chapters import COVER_BYTES, ChaptersWriter, chapter_names
from tests.blobs import META, make_audiobook
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
