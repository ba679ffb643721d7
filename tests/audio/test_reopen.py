from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from mutagen.id3 import ID3
from mutagen.mp4 import MP4

from narrate.audio.reopen import reopen_m4b, reopen_mp3
from narrate.audio.tags import Facts, book_facts
from narrate.audiobook import Audiobook
from narrate.errors import AudioError
from narrate.writers.m4b import M4bWriter
from narrate.writers.mp3 import Mp3Writer
from tests.blobs import make_audiobook

Spoil = Callable[[Path], object]


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Audiobook:
    return make_audiobook(tmp_path_factory.mktemp("store"), seconds=1.0)[0]


def facts(book: Audiobook) -> Facts:
    return book_facts(book.meta, book.narrator, book.marks)


def edit_id3(change: Callable[[ID3], object]) -> Spoil:
    def spoil(path: Path) -> None:
        tag = ID3(path)
        change(tag)
        tag.save(path)

    return spoil


def edit_bytes(change: Callable[[bytes], bytes]) -> Spoil:
    return lambda path: path.write_bytes(change(path.read_bytes()))


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (edit_id3(lambda tag: tag.delall("TIT2")), "title"),
        (edit_id3(lambda tag: tag.delall("APIC")), "cover"),
        (edit_id3(lambda tag: tag.delall("CTOC")), "table of contents"),
        (edit_id3(lambda tag: tag.getall("CHAP")[1].sub_frames["TIT2"].text.__setitem__(0, "x")), "chapter 2"),
        (edit_bytes(lambda data: data[: -288 * 5]), "frames"),
        (edit_bytes(lambda data: data[:-100]), "byte"),
        (edit_bytes(lambda data: data + b"<html>"), "byte"),
        (edit_bytes(lambda data: data.replace(b"Info", b"info")), "frames"),
    ],
)
def test_a_spoiled_mp3_is_not_published(book: Audiobook, tmp_path: Path, spoil: Spoil, message: str) -> None:
    path = Mp3Writer().write(book, tmp_path)[0].path
    reopen_mp3(path, book.samples, book.rate, facts(book))
    spoil(path)
    with pytest.raises(AudioError, match=message):
        reopen_mp3(path, book.samples, book.rate, facts(book))


def _no_cover(path: Path) -> None:
    file = MP4(path)
    del file.tags["covr"]
    file.save()


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (_no_cover, "cover"),
        (edit_bytes(lambda data: data[: len(data) // 2]), "not a MP4"),
        (edit_bytes(lambda data: b""), "."),
    ],
)
def test_a_spoiled_m4b_is_not_published(book: Audiobook, tmp_path: Path, spoil: Spoil, message: str) -> None:
    path = M4bWriter().write(book, tmp_path)[0].path
    reopen_m4b(path, book.samples, book.rate, facts(book))
    spoil(path)
    with pytest.raises(AudioError, match=message):
        reopen_m4b(path, book.samples, book.rate, facts(book))


@pytest.mark.parametrize("more", [-9216, 9216])
def test_a_file_of_another_length_is_not_published(book: Audiobook, tmp_path: Path, more: int) -> None:
    for writer, reopen in ((Mp3Writer(), reopen_mp3), (M4bWriter(), reopen_m4b)):
        path = writer.write(book, tmp_path)[0].path  # type: ignore[attr-defined]
        with pytest.raises(AudioError):
            reopen(path, book.samples + more, book.rate, facts(book))


def test_other_marks_than_were_to_be_written(book: Audiobook, tmp_path: Path) -> None:
    moved = replace(facts(book), marks=(*book.marks[:-1], replace(book.marks[-1], start_ms=5)))
    with pytest.raises(AudioError, match="chapter 3"):
        reopen_m4b(M4bWriter().write(book, tmp_path)[0].path, book.samples, book.rate, moved)
