from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from narrate import manifest
from narrate.audiobook import Audiobook, Episode, Serial
from tests.blobs import make_audiobook


@pytest.fixture(scope="module")
def audiobook(tmp_path_factory: pytest.TempPathFactory) -> Audiobook:
    return make_audiobook(tmp_path_factory.mktemp("store"), seconds=0.3)[0]


FILES = (manifest.File("chapters/01 - One.mp3", 5, "ab", 100), manifest.File("cover.jpg", 7, "cd"))


def written(folder: Path, audiobook: Audiobook, files: tuple[manifest.File, ...] = FILES) -> Path:
    path = folder / manifest.NAME
    path.write_text("".join(manifest.lines(audiobook, files)), encoding="utf-8")
    return path


def test_it_reads_back(tmp_path: Path, audiobook: Audiobook) -> None:
    found = manifest.read(written(tmp_path, audiobook))
    assert found is not None
    assert (found.files, found.marks, found.duration_ms) == (FILES, audiobook.marks, audiobook.duration_ms)
    assert found.content == manifest.content_of(audiobook)


def test_it_is_json_with_everything_a_later_step_needs(tmp_path: Path, audiobook: Audiobook) -> None:
    content = json.loads(written(tmp_path, audiobook).read_text(encoding="utf-8"))
    assert content["schema"] == 1
    assert content["authors"] == list(audiobook.meta.authors)
    assert content["voices"] == [{"engine": "tone", "model": "1", "voice": "Leah"}]
    assert [chapter["start_ms"] for chapter in content["chapters"]] == [mark.start_ms for mark in audiobook.marks]
    assert set(content["cues"][0]) == {
        "anchor", "text", "chapter", "start_ms", "end_ms", "key", "digest", "request_id", "places",
    }  # fmt: skip
    assert set(content["files"][0]) == {"name", "size", "sha256", "duration_ms"}


def test_no_absolute_path_and_no_cover_bytes_get_in(tmp_path: Path, audiobook: Audiobook) -> None:
    text = written(tmp_path, audiobook).read_text(encoding="utf-8")
    assert str(audiobook.tracks[0].blobs[0].path.parent) not in text


def test_a_book_of_nothing_is_json_too(tmp_path: Path, audiobook: Audiobook) -> None:
    bare = replace(audiobook, tracks=(), marks=(), cues=())
    found = manifest.read(written(tmp_path, bare, ()))
    assert found is not None
    assert found.files == ()


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", "null", "nonsense", '{"schema": 2}', '{"schema": 1, "narrate": "", "files": [1]}']
)
def test_what_is_no_manifest_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "m.json").write_text(text)
    assert manifest.read(tmp_path / "m.json") is None
    assert manifest.read(tmp_path / "missing.json") is None


@pytest.mark.parametrize("name", ["../x.mp3", "/etc/passwd", "a/../../b", "", "a\\..\\b"])
def test_names_that_lead_out_of_the_folder_are_dropped(tmp_path: Path, audiobook: Audiobook, name: str) -> None:
    """P10: a manifest from elsewhere cannot make narrate touch other files."""
    found = manifest.read(written(tmp_path, audiobook, (manifest.File(name, 1, "x"), FILES[0])))
    assert found is not None
    assert found.files == FILES[:1]


def test_surrogates_do_not_break_it(tmp_path: Path, audiobook: Audiobook) -> None:
    odd = replace(audiobook, meta=replace(audiobook.meta, title="a\ud800b"))
    assert json.loads(written(tmp_path, odd).read_text(encoding="utf-8"))["title"] == "a?b"


@pytest.mark.parametrize("place", ["pipe", "device", "folder", "endless"])
def test_what_is_no_file_is_no_manifest_and_never_waited_for(tmp_path: Path, place: str) -> None:
    path = tmp_path / manifest.NAME
    if place == "pipe":
        os.mkfifo(path)
    elif place == "device":
        path.symlink_to("/dev/zero")
    elif place == "folder":
        path.mkdir()
    else:
        path.write_text(
            '{"schema": 1, "narrate": "1", "files": [], "chapters": [], "duration_ms": 1e999}', encoding="utf-8"
        )
    assert manifest.read(path) is None


SERIAL = Serial(
    "feed",
    (
        Episode("0001", "a", "01 - One", "One", "p1", "d1", "2024", 1),
        Episode("0001.1", "b", "0001.1 - Zwei", "Two „2“", "p2", "d2", "", 4),
        Episode("0002", "c", "0002 - Three", "Three", "p3", "d3", "2024-05", 2),
    ),
    (Episode("0003", "e", "0003 - Gone", "Gone", "p4", "d4", "", 3),),
)


def test_a_serial_reads_back_and_is_not_its_content(tmp_path: Path, audiobook: Audiobook) -> None:
    """Another format of the same serial has the same content, whichever files it lists."""
    found = manifest.read(written(tmp_path, replace(audiobook, serial=SERIAL)))
    assert found is not None
    assert found.serial == SERIAL
    assert found.files == FILES
    assert found.content == manifest.content_of(replace(audiobook, serial=SERIAL)) == manifest.content_of(audiobook)


def test_a_book_that_is_no_serial_says_nothing_of_episodes(tmp_path: Path, audiobook: Audiobook) -> None:
    path = written(tmp_path, audiobook)
    found = manifest.read(path)
    assert found is not None
    assert found.serial is None
    assert not {"episodes", "retired", "feed_guid"} & set(json.loads(path.read_text(encoding="utf-8")))


def test_episodes_say_where_they_are(tmp_path: Path, audiobook: Audiobook) -> None:
    content = json.loads(written(tmp_path, replace(audiobook, serial=SERIAL)).read_text(encoding="utf-8"))
    assert content["schema"] == 1
    assert [entry["file"] for entry in content["episodes"]] == ["chapters/01 - One.mp3", "", ""]
    assert [entry["chapter"] for entry in content["episodes"]] == [0, 1, 2]
    at = 0
    for entry in content["episodes"]:
        assert entry["start_ms"] == at
        at += entry["duration_ms"]
    assert at == audiobook.duration_ms
    assert set(content["retired"][0]) == {"number", "guid", "name", "title", "anchor", "digest", "date", "order"}


@pytest.mark.parametrize(
    "change",
    [
        {"number": "0003"},
        {"number": "../1"},
        {"number": "1.23"},
        {"number": "1.0"},
        {"guid": "e"},
        {"name": "../x"},
        {"name": "a/b"},
        {"name": "a\\b"},
        {"name": ""},
        {"name": "a\0b"},
        {"order": "first"},
        {"guid": None, "number": None},
    ],
)
def test_episodes_that_nobody_can_go_on_from_are_no_manifest(
    tmp_path: Path, audiobook: Audiobook, change: dict[str, object]
) -> None:
    """P10: the name is a file's; and two episodes of one number are one too many."""
    path = written(tmp_path, replace(audiobook, serial=SERIAL))
    content = json.loads(path.read_text(encoding="utf-8"))
    content["episodes"][0].update(change)
    path.write_text(json.dumps(content), encoding="utf-8")
    assert manifest.read(path) is None
