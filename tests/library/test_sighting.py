"""Looking at ten thousand books reads none of them; an edit is seen whatever it does to times."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from narrate.library import sighting
from narrate.library.records import Output, Record
from narrate.library.sighting import digest, look, outputs, stamp_of, with_digests


def made(path: Path) -> Record:
    """The record of a book that was made of ``path``."""
    names = [(path.name, str(path))]
    return Record(path.name, "made", 0.0, inputs=with_digests(look(names, None, "").inputs, names))


def test_bytes_are_read_only_when_the_stamp_is_new(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    book = tmp_path / "a.md"
    book.write_text("one")
    record, names = made(book), [("a.md", str(book))]
    read: list[str] = []
    monkeypatch.setattr(sighting, "digest", lambda path: read.append(path) or "new")
    assert look(names, record, "").inputs == record.inputs
    assert read == []
    os.utime(book, (1, 1))
    assert look(names, record, "").inputs[0].digest == "new"
    assert read == [str(book)]


def test_an_edit_that_keeps_size_and_time_is_seen(tmp_path: Path) -> None:
    book = tmp_path / "a.md"
    book.write_text("one")
    before, times = stamp_of(str(book)), book.stat()
    book.write_text("two")
    os.utime(book, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert stamp_of(str(book)) != before


def test_a_folder_is_its_files_but_not_what_narrate_makes_there(tmp_path: Path) -> None:
    (tmp_path / "part").mkdir()
    (tmp_path / "part" / "1.md").write_text("one")
    stamp, whole = stamp_of(str(tmp_path)), digest(str(tmp_path))
    for name in ("Book.mp3", "manifest.json", ".hidden"):
        (tmp_path / name).write_text("made")
    assert (stamp_of(str(tmp_path)), digest(str(tmp_path))) == (stamp, whole)
    (tmp_path / "part" / "1.md").rename(tmp_path / "part" / "2.md")
    assert stamp_of(str(tmp_path)) != stamp
    assert digest(str(tmp_path)) != whole


def test_what_is_gone_has_no_stamp(tmp_path: Path) -> None:
    record = made(tmp_path / "a.md")
    assert record.inputs[0] == ("a.md", "", "")
    assert not look([("a.md", str(tmp_path / "a.md"))], record, "").there
    assert stamp_of("a\0b") == ""
    assert digest(str(tmp_path / "none")) == ""


def test_published_files_are_looked_for(tmp_path: Path) -> None:
    folder = tmp_path / "A" / "B"
    folder.mkdir(parents=True)
    for name in ("B.mp3", "manifest.json"):
        (folder / name).write_text(name)
    book = tmp_path / "a.md"
    book.write_text("one")
    record = Record("a.md", "made", 0.0, folder="A/B", outputs=outputs(folder, ["B.mp3", "manifest.json", "none.mp3"]))
    names = [("a.md", str(book))]
    assert len(record.outputs) == 2
    assert look(names, record, str(tmp_path)).missing == ""
    (folder / "manifest.json").write_text("altered")
    assert look(names, record, str(tmp_path)).missing == "manifest.json"
    (folder / "B.mp3").unlink()
    assert look(names, record, str(tmp_path)).missing == "B.mp3"


def test_what_changed_since_it_was_seen_is_due_again(tmp_path: Path) -> None:
    book = tmp_path / "a.md"
    book.write_text("one")
    names = [("a.md", str(book))]
    seen = look(names, None, "").inputs
    book.write_text("two, while it was narrated")
    assert with_digests(seen, names)[0].digest == "", "nobody knows which of the two was narrated"
    record = Record("a.md", "made", 0.0, inputs=with_digests(seen, names))
    assert look(names, record, "").inputs[0].stamp != record.inputs[0].stamp


def test_a_name_that_no_file_has_is_a_missing_file(tmp_path: Path) -> None:
    record = Record("a", "made", 1.0, outputs=(Output("a\0.mp3", 1, 1),))
    assert look([("a", str(tmp_path))], record, str(tmp_path)).missing == "a\0.mp3"
