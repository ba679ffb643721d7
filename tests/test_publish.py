from __future__ import annotations

import errno
import os
import subprocess
import sys
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from narrate import disk, manifest
from narrate import publish as publishing
from narrate.audiobook import Audiobook, Published, Serial
from narrate.book import Cover
from narrate.errors import AudioError, NarrateError
from narrate.publish import publish
from narrate.writers import Writer
from narrate.writers.chapters import ChaptersWriter
from narrate.writers.feed import FeedWriter
from narrate.writers.m4b import M4bWriter
from narrate.writers.mp3 import Mp3Writer
from tests.blobs import META, make_audiobook

ALL: tuple[Writer, ...] = (Mp3Writer(), M4bWriter(), ChaptersWriter())


class Failing:
    """A writer that leaves half a file and gives up."""

    name = "failing"

    def __init__(self, error: Exception) -> None:
        self.error = error

    def write(self, audiobook: Audiobook, folder: Path) -> list[Published]:
        (folder / "half.mp3").write_bytes(b"half")
        raise self.error


@pytest.fixture(scope="module")
def audiobook(tmp_path_factory: pytest.TempPathFactory) -> Audiobook:
    return make_audiobook(tmp_path_factory.mktemp("store"), seconds=0.3)[0]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "out" / "Herman Melville" / "Wale"


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_everything_is_there_and_nothing_else(audiobook: Audiobook, folder: Path) -> None:
    files = publish(audiobook, ALL, folder)
    assert set(contents(folder)) == {
        "Über „Wale“.mp3",
        "Über „Wale“.m4b",
        "chapters/01 - One.mp3",
        "chapters/02 - Two.mp3",
        "chapters/03 - Three.mp3",
        "cover.jpg",
        "manifest.json",
    }
    assert files[-1].path == folder / "manifest.json", "always last"
    assert [path.name for path in folder.parent.iterdir()] == [folder.name], "no scratch folder stays"
    described = manifest.read(folder / "manifest.json")
    assert described is not None
    assert {(folder / file.name, file.size, file.sha256) for file in described.files} == {
        (file.path, file.size, file.digest) for file in files[:-1]
    }


def test_two_runs_give_the_same_bytes_and_the_second_touches_nothing(audiobook: Audiobook, folder: Path) -> None:
    """P2."""
    files = publish(audiobook, ALL, folder)
    before = {file.path: file.path.stat().st_mtime_ns for file in files}
    assert publish(audiobook, ALL, folder) == files
    assert {file.path: file.path.stat().st_mtime_ns for file in files} == before
    publish(audiobook, ALL, folder.parent / "again")
    assert contents(folder.parent / "again") == contents(folder)


@pytest.mark.parametrize(
    "error",
    [
        AudioError("cannot"),
        OSError(errno.ENOSPC, "No space left on device"),
        ValueError("a fault"),
        KeyboardInterrupt(),
    ],
)
def test_older_files_survive_any_failure(audiobook: Audiobook, folder: Path, error: Exception) -> None:
    """P7."""
    publish(audiobook, [Mp3Writer()], folder)
    before = contents(folder)
    changed = replace(audiobook, meta=replace(META, subtitle="new"))
    with pytest.raises((NarrateError, ValueError, KeyboardInterrupt)):
        publish(changed, [Mp3Writer(), Failing(error)], folder)
    assert contents(folder) == before
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]


def test_nothing_appears_when_the_first_run_fails(audiobook: Audiobook, folder: Path) -> None:
    with pytest.raises(AudioError):
        publish(audiobook, [Mp3Writer(), Failing(AudioError("cannot"))], folder)
    assert not folder.exists()


class _Killed(BaseException):
    """What stops everything, as a kill does, but for what Python itself does on the way out."""


def lies(folder: Path) -> list[str]:
    """The files that the manifest in ``folder`` lists and that are not there to the bit."""
    described = manifest.read(folder / "manifest.json")
    files = described.files if described else ()
    return [file.name for file in files if not publishing._is_still(folder / file.name, file)]


def renamed(audiobook: Audiobook, mark: str) -> Audiobook:
    return replace(
        audiobook,
        tracks=tuple(replace(track, title=track.title + mark) for track in audiobook.tracks),
        marks=tuple(replace(each, title=each.title + mark) for each in audiobook.marks),
    )


@pytest.mark.parametrize("then", ["the same again", "another text"])
@pytest.mark.parametrize("last", range(7))
@pytest.mark.parametrize("error", [_Killed(), OSError(errno.EIO, "Input/output error")], ids=["killed", "disk"])
def test_a_run_that_ends_between_moves_tells_no_lie_and_is_completed_by_the_next(
    audiobook: Audiobook, folder: Path, monkeypatch: pytest.MonkeyPatch, last: int, then: str, error: BaseException
) -> None:
    publish(audiobook, ALL, folder)
    changed = renamed(audiobook, " anew")
    real, moves = publishing._place, []

    def place(file: Published, scratch: Path, folder: Path) -> None:
        if len(moves) == last:
            raise error
        moves.append(file)
        real(file, scratch, folder)
        assert lies(folder) == []

    with monkeypatch.context() as patch:
        patch.setattr(publishing, "_place", place)
        with suppress(_Killed):
            try:
                publish(changed, ALL, folder)
            except NarrateError as told:
                assert "run again to complete it" in str(told)
    assert lies(folder) == []
    wanted = changed if then == "the same again" else renamed(audiobook, " a third time")
    publish(wanted, ALL, folder)
    publish(wanted, ALL, folder.parent / "fresh")
    assert contents(folder) == contents(folder.parent / "fresh")


def test_another_format_leaves_the_manifest_in_its_place(
    audiobook: Audiobook, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(audiobook, [Mp3Writer()], folder)
    older = (folder / "manifest.json").read_bytes()

    def place(file: Published, scratch: Path, folder: Path) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(publishing, "_place", place)
    with pytest.raises(NarrateError):
        publish(audiobook, [Mp3Writer(), M4bWriter()], folder)
    assert (folder / "manifest.json").read_bytes() == older


@pytest.mark.parametrize("torn", [b"", b"{", b'{"files": 3}', b'{"files": ["../../out", 3, "/etc/passwd"]}', b"[]"])
def test_a_torn_note_of_a_dead_run_is_no_obstacle(audiobook: Audiobook, folder: Path, torn: bytes) -> None:
    publish(audiobook, [Mp3Writer()], folder)
    before = contents(folder)
    (folder / publishing.INTENT).write_bytes(torn)
    publish(audiobook, [Mp3Writer()], folder)
    assert contents(folder) == before


def test_what_dead_runs_left_is_cleared_away_and_the_living_keep_theirs(audiobook: Audiobook, folder: Path) -> None:
    dead = subprocess.Popen([sys.executable, "-c", "pass"])
    dead.wait()
    once = folder.parent / f".{folder.name}.part"
    stale = folder.parent / f".narrate.{disk.host()}~{dead.pid}~7~abc"
    living = folder.parent / f".narrate.{disk.owner()}abc"
    for scratch in (once, stale, living):
        (scratch / "chapters").mkdir(parents=True)
        (scratch / "chapters" / "old.mp3").write_bytes(b"x")
    publish(audiobook, [Mp3Writer()], folder)
    assert set(folder.parent.iterdir()) == {folder, living}
    assert "chapters/old.mp3" not in contents(folder)


def test_renamed_chapters_leave_no_old_files(audiobook: Audiobook, folder: Path) -> None:
    publish(audiobook, [ChaptersWriter()], folder)
    (folder / "chapters" / "mine.txt").write_text("not narrate's")
    renamed = replace(
        audiobook,
        tracks=tuple(replace(track, title=track.title + "!") for track in audiobook.tracks),
        marks=tuple(replace(mark, title=mark.title + "!") for mark in audiobook.marks),
    )
    publish(renamed, [ChaptersWriter()], folder)
    names = {name for name in contents(folder) if name.startswith("chapters/")}
    assert names == {
        "chapters/01 - One!.mp3",
        "chapters/02 - Two!.mp3",
        "chapters/03 - Three!.mp3",
        "chapters/mine.txt",
    }


def test_another_format_of_the_same_book_is_kept_and_listed(audiobook: Audiobook, folder: Path) -> None:
    publish(audiobook, [Mp3Writer()], folder)
    publish(audiobook, [M4bWriter()], folder)
    described = manifest.read(folder / "manifest.json")
    assert described is not None
    assert [file.name for file in described.files] == ["cover.jpg", "Über „Wale“.m4b", "Über „Wale“.mp3"]


def test_another_format_of_an_older_text_is_removed(audiobook: Audiobook, folder: Path) -> None:
    publish(audiobook, [Mp3Writer()], folder)
    newer = replace(audiobook, cues=audiobook.cues[1:])
    publish(newer, [M4bWriter()], folder)
    assert set(contents(folder)) == {"cover.jpg", "manifest.json", "Über „Wale“.m4b"}


def test_a_png_cover_stays_png(audiobook: Audiobook, folder: Path) -> None:
    publish(replace(audiobook, meta=replace(META, cover=Cover(b"\x89PNG", "image/png"))), [Mp3Writer()], folder)
    assert contents(folder)["cover.png"] == b"\x89PNG"


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write anywhere")
def test_no_permission_is_one_sentence(audiobook: Audiobook, folder: Path) -> None:
    folder.parent.mkdir(parents=True)
    folder.parent.chmod(0o500)
    try:
        with pytest.raises(NarrateError, match="cannot be written"):
            publish(audiobook, [Mp3Writer()], folder)
    finally:
        folder.parent.chmod(0o700)


def test_a_file_in_the_way_is_one_sentence(audiobook: Audiobook, folder: Path) -> None:
    folder.parent.parent.mkdir(parents=True)
    folder.parent.write_text("a file")
    with pytest.raises(NarrateError, match="cannot be written"):
        publish(audiobook, [Mp3Writer()], folder)


def test_a_full_disk_met_by_ffmpeg_is_the_same_sentence(audiobook: Audiobook, folder: Path) -> None:
    error = AudioError("x.m4b: No space left on device")
    error.__cause__ = OSError(errno.ENOSPC, "No space left on device")
    with pytest.raises(NarrateError, match="no space left on device") as caught:
        publish(audiobook, [Failing(error)], folder)
    assert str(folder) in str(caught.value)
    assert type(caught.value) is NarrateError


@pytest.mark.parametrize("name", [manifest.NAME, publishing.RETIRED, publishing.INTENT, "Über „Wale“.mp3"])
def test_a_folder_in_place_of_a_file_is_named_and_left_alone(audiobook: Audiobook, folder: Path, name: str) -> None:
    publish(audiobook, ALL, folder)
    (folder / name).unlink(missing_ok=True)
    (folder / name / "mine").mkdir(parents=True)
    before = sorted(folder.rglob("*"))
    with pytest.raises(NarrateError, match="a folder lies where this file should") as caught:
        publish(audiobook, ALL, folder)
    assert str(folder / name) in str(caught.value)
    assert sorted(folder.rglob("*")) == before
    (folder / name / "mine").rmdir()
    (folder / name).rmdir()
    publish(audiobook, ALL, folder)
    assert {manifest.NAME, "Über „Wale“.mp3"} <= set(contents(folder))


def test_pipes_in_place_of_what_a_run_noted_are_replaced(audiobook: Audiobook, folder: Path) -> None:
    publish(audiobook, ALL, folder)
    before = contents(folder)
    for name in (manifest.NAME, publishing.RETIRED, publishing.INTENT):
        (folder / name).unlink(missing_ok=True)
        os.mkfifo(folder / name)
    publish(audiobook, ALL, folder)
    assert contents(folder) == before
    assert not list(folder.glob(".*"))


@pytest.mark.parametrize("damage", ["gone", "altered"])
def test_a_damaged_file_is_made_anew_and_the_manifest_stays(audiobook: Audiobook, folder: Path, damage: str) -> None:
    publish(audiobook, ALL, folder)
    before = contents(folder)
    path = folder / "Über „Wale“.mp3"
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:-1] + b"?")
    publish(audiobook, ALL, folder)
    assert contents(folder) == before


# --- serials --------------------------------------------------------------------------------------------------------


def edition(store: Path, *titles: str) -> Audiobook:
    """A serial as far as it has come: each chapter of a text of its own, in files that are counted."""
    made, _ = make_audiobook(store, titles, seconds=0.2)
    cues = (replace(cue, text=f"All of chapter {title}.") for cue, title in zip(made.cues, titles, strict=True))
    return replace(made, cues=tuple(cues), serial=Serial("feed's guid"))


def feed() -> FeedWriter:
    return FeedWriter("https://books.example/wale/", ChaptersWriter())


def test_a_serial_grows_and_nothing_older_is_touched(tmp_path: Path, folder: Path) -> None:
    publish(edition(tmp_path, "One", "Two"), [feed(), Mp3Writer()], folder)
    chapters = [folder / "chapters" / name for name in ("0001 - One.mp3", "0002 - Two.mp3")]
    before = [(path.read_bytes(), path.stat().st_mtime_ns, path.stat().st_ino) for path in chapters]
    once = (folder / "feed.xml").read_text(encoding="utf-8")
    publish(edition(tmp_path, "One", "Two", "Three"), [feed(), Mp3Writer()], folder)
    assert [(path.read_bytes(), path.stat().st_mtime_ns, path.stat().st_ino) for path in chapters] == before
    assert sorted(path.name for path in chapters[0].parent.iterdir()) == [
        "0001 - One.mp3",
        "0002 - Two.mp3",
        "0003 - Three.mp3",
    ]
    item = once[once.index("<item>") : once.index("</item>")]
    assert item in (folder / "feed.xml").read_text(encoding="utf-8")


def test_a_serials_chapters_keep_their_names_whatever_becomes_of_them(tmp_path: Path, folder: Path) -> None:
    publish(edition(tmp_path, "One", "Two", "Three"), [ChaptersWriter()], folder)
    first = manifest.read(folder / manifest.NAME)
    publish(renamed(edition(tmp_path, "One", "New", "Two", "Three"), "!"), [ChaptersWriter()], folder)
    publish(renamed(edition(tmp_path, "One", "New", "Three", "Four"), "!"), [ChaptersWriter()], folder)
    last = manifest.read(folder / manifest.NAME)
    assert first is not None and last is not None and first.serial is not None and last.serial is not None
    assert sorted(name for name in contents(folder) if name.startswith("chapters/")) == [
        "chapters/0001 - One.mp3",
        "chapters/0001.1 - New!.mp3",
        "chapters/0003 - Three.mp3",
        "chapters/0004 - Four!.mp3",
    ]
    guids = {one.number: one.guid for one in first.serial.episodes}
    assert [one.guid for one in last.serial.episodes][::2] == [guids["0001"], guids["0003"]]
    assert [one.title for one in last.serial.episodes] == ["One!", "New!", "Three!", "Four!"]
    assert [(one.number, one.guid) for one in last.serial.retired] == [("0002", guids["0002"])]
    assert last.serial.guid == "feed's guid"


def test_another_format_of_a_serial_keeps_its_episodes(tmp_path: Path, folder: Path) -> None:
    """Also when whoever makes it does not know that it is one."""
    publish(edition(tmp_path, "One", "Two"), [feed()], folder)
    before = contents(folder)
    once = manifest.read(folder / manifest.NAME)
    publish(replace(edition(tmp_path, "One", "Two"), serial=None), [Mp3Writer()], folder)
    again = manifest.read(folder / manifest.NAME)
    assert once is not None and again is not None
    assert again.serial == once.serial
    assert {name: contents(folder)[name] for name in before if name != manifest.NAME} == {
        name: data for name, data in before.items() if name != manifest.NAME
    }
    assert {file.name for file in again.files} == {*(file.name for file in once.files), "Über „Wale“.mp3"}


def test_a_book_that_becomes_a_serial_keeps_its_files_names(tmp_path: Path, folder: Path) -> None:
    publish(replace(edition(tmp_path, "One", "Two"), serial=None), [ChaptersWriter()], folder)
    publish(edition(tmp_path, "Zero", "One", "Two", "Three"), [ChaptersWriter()], folder)
    assert sorted(name for name in contents(folder) if name.startswith("chapters/")) == [
        "chapters/00.1 - Zero.mp3",
        "chapters/01 - One.mp3",
        "chapters/02 - Two.mp3",
        "chapters/03 - Three.mp3",
    ]


def test_a_serial_that_died_half_way_goes_on_with_the_same_names(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(edition(tmp_path, "One", "Two"), [feed()], folder)
    grown = edition(tmp_path, "New", "One", "Two")
    publish(edition(tmp_path, "One", "Two"), [feed()], folder.parent / "other")
    publish(grown, [feed()], folder.parent / "other")

    def place(file: Published, scratch: Path, folder: Path) -> None:
        raise _Killed

    with monkeypatch.context() as patch:
        patch.setattr(publishing, "_place", place)
        with suppress(_Killed):
            publish(grown, [feed()], folder)
    assert not (folder / manifest.NAME).exists()
    publish(grown, [feed()], folder)
    assert contents(folder) == contents(folder.parent / "other")
