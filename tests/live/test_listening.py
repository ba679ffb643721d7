"""Text as it comes: decoded piece by piece, and on disk before it is spoken."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from narrate.errors import EngineUnavailable, Interrupted, JobError, NarrateError, SourceError
from narrate.live.listening import Decoding, Source, Transcript, check_transcript, from_file


def decoded(data: bytes, step: int = 1) -> tuple[str, bool]:
    decoding = Decoding()
    text = "".join(decoding.decode(data[at : at + step]) for at in range(0, len(data), step))
    return text + decoding.decode(b"", final=True), decoding.strays


@pytest.mark.parametrize("step", [1, 2, 3, 1000])
@pytest.mark.parametrize(
    ("data", "text"),
    [
        ("naïve — “ok” 日本語 🎈".encode(), "naïve — “ok” 日本語 🎈"),
        ("\ufeff# Title\r\n\r\nText.\rMore".encode(), "# Title\n\nText.\nMore"),
        ("\ufeffHello, wörld\r\n".encode("utf-16-le"), "Hello, wörld\n"),
        ("\ufeffHello, wörld\n".encode("utf-16-be"), "Hello, wörld\n"),
        (b"", ""),
        (b"\xef\xbb\xbf", ""),
        (b"Hi\r", "Hi\n"),
    ],
)
def test_texts_are_read_in_whatever_pieces_they_come(data: bytes, text: str, step: int) -> None:
    assert decoded(data, step) == (text, False)


@pytest.mark.parametrize("step", [1, 4])
def test_what_is_no_utf_8_loses_no_letter(step: int) -> None:
    assert decoded("Café “au lait”, naïve".encode("cp1252"), step) == ("Café “au lait”, naïve", True)
    assert decoded("Café ".encode() + "café".encode("cp1252"), step) == ("Café café", True)
    assert decoded(b"cut off: \xe2\x82", step)[1]


@given(some.text(), some.integers(1, 7))
def test_any_text_comes_through(text: str, step: int) -> None:
    data = text.encode("utf-8", "ignore")
    expected = data.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    assert decoded(data, step) == (expected, False)


def test_the_first_letters_are_not_held_back() -> None:
    assert Decoding().decode(b"H") == "H"


def test_stray_bytes_are_told_once(tmp_path: Path) -> None:
    (tmp_path / "text").write_bytes(b"caf\xe9 " * 40_000)
    handle, told = os.open(tmp_path / "text", os.O_RDONLY), []
    text = "".join(from_file(handle, told.append)(lambda: False))
    os.close(handle)
    assert text == "café " * 40_000
    assert told == ["the text is not all UTF-8: its other bytes are read as Windows-1252"]


def test_what_cannot_be_read_is_one_sentence(tmp_path: Path) -> None:
    handle = os.open(tmp_path, os.O_RDONLY)
    with pytest.raises(SourceError, match="cannot be read on: is a directory"):
        list(from_file(handle, print)(lambda: False))
    os.close(handle)


# --- the thread that listens ----------------------------------------------------------------------------------------


def listened(transcript: Transcript, pieces: Callable[[Any], Iterator[str]]) -> tuple[list[str], list[bool], Source]:
    heard: list[str] = []
    ends: list[bool] = []
    with transcript:
        source = Source(pieces, transcript, heard.append, ends.append)
        source.start()
        source.wait()
    return heard, ends, source


def test_text_is_kept_and_heard(tmp_path: Path) -> None:
    told: list[str] = []
    heard, ends, source = listened(Transcript(tmp_path / "a" / "t.md", told.append), lambda over: iter(["one ", "twö"]))
    assert heard == ["one ", "twö"]
    assert ends == [True]
    assert source.failure is None
    assert (tmp_path / "a" / "t.md").read_text(encoding="utf-8") == "one twö"
    assert told == [f"the text is kept in {tmp_path / 'a' / 't.md'}"]


def test_text_is_on_disk_before_it_is_heard(tmp_path: Path) -> None:
    with Transcript(tmp_path / "t.md", lambda sentence: None) as transcript:
        seen: list[str] = []
        source = Source(
            lambda over: iter(["one", "two"]),
            transcript,
            lambda piece: seen.append((tmp_path / "t.md").read_text()),
            lambda whole: None,
        )
        source.start()
        source.wait()
    assert seen == ["one", "onetwo"]


def test_a_source_that_breaks_off_keeps_what_came(tmp_path: Path) -> None:
    def pieces(over: Any) -> Iterator[str]:
        yield "one "
        raise EngineUnavailable("the server went away", engine="x")

    heard, ends, source = listened(Transcript(tmp_path / "t.md", lambda sentence: None), pieces)
    assert (heard, ends) == (["one "], [False])
    assert isinstance(source.failure, EngineUnavailable)
    assert (tmp_path / "t.md").read_text() == "one "


def test_a_source_that_was_asked_to_stop_has_not_failed(tmp_path: Path) -> None:
    def pieces(over: Any) -> Iterator[str]:
        yield "one"
        raise Interrupted("stopped")

    _, ends, source = listened(Transcript(tmp_path / "t.md", lambda sentence: None), pieces)
    assert (ends, source.failure) == ([True], None)


# --- the text on disk -----------------------------------------------------------------------------------------------


def kept(path: Path, text: str, **options: bool) -> tuple[Path, list[str]]:
    told: list[str] = []
    with Transcript(path, told.append, **options) as transcript:
        for letter in text:
            transcript.add(letter)
    return transcript.path, told


def test_a_file_that_is_there_is_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "t.md").write_text("something else entirely")
    (tmp_path / "t-2.md").write_text("and this")
    path, _ = kept(tmp_path / "t.md", "the new text")
    assert path == tmp_path / "t-3.md"
    assert path.read_text() == "the new text"
    assert (tmp_path / "t.md").read_text() == "something else entirely"


def test_the_same_text_is_not_kept_twice(tmp_path: Path) -> None:
    for _ in range(3):
        path, told = kept(tmp_path / "t.md", "the text")
    assert path == tmp_path / "t.md"
    assert [each.name for each in tmp_path.iterdir()] == ["t.md"]
    assert "after all" in told[-1]


def test_a_text_that_was_cut_short_before_is_completed(tmp_path: Path) -> None:
    kept(tmp_path / "t.md", "the te")
    path, _ = kept(tmp_path / "t.md", "the text")
    assert path.read_text() == "the text"
    assert [each.name for each in tmp_path.iterdir()] == ["t.md"]


def test_no_text_leaves_no_file(tmp_path: Path) -> None:
    _, told = kept(tmp_path / "t.md", "")
    assert not list(tmp_path.iterdir())
    assert not told


def test_a_file_that_was_asked_for_is_that_file(tmp_path: Path) -> None:
    (tmp_path / "t.md").write_text("a longer older text")
    path, _ = kept(tmp_path / "t.md", "new", exact=True)
    assert path.read_text() == "new"


def test_line_ends_and_halves_of_characters_are_kept_as_they_are(tmp_path: Path) -> None:
    path, _ = kept(tmp_path / "t.md", "one\ntwo \udc80")
    assert path.read_bytes() == b"one\ntwo \\udc80"


def test_a_disk_that_refuses_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(NarrateError, match="the text cannot be kept"):
        Transcript(tmp_path / "file" / "t.md", print).__enter__()
    if Path("/dev/full").exists():
        with (
            Transcript(Path("/dev/full"), lambda sentence: None, exact=True) as transcript,
            pytest.raises(NarrateError, match="the text cannot be kept: no space left on device"),
        ):
            transcript.add("text")


def test_the_file_that_is_read_cannot_be_the_one_that_is_written(tmp_path: Path) -> None:
    (tmp_path / "t.md").write_text("the only copy")
    handle = os.open(tmp_path / "t.md", os.O_RDONLY)
    with pytest.raises(JobError, match="is the file that is read"):
        check_transcript(tmp_path / "t.md", handle)
    os.close(handle)
    check_transcript(tmp_path / "other.md", 0)
    check_transcript(tmp_path / "t.md", None)
