"""A drop folder: whole books are narrated, and go where the job says; the rest waits."""

from __future__ import annotations

import io
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from narrate.catalogues.dropped import dropped
from narrate.errors import JobError, SourceError
from narrate.library.drops import AGAIN_S, Moves, Settling, is_ripe, shelf_of
from narrate.library.due import Standing
from narrate.library.orders import Listing
from narrate.library.outcome import Outcome, Result
from narrate.library.records import Input
from narrate.library.shelf import Shelf
from narrate.library.sighting import stamp_of
from tests.library.test_due import MADE, ORDER, SEEN, UNREADABLE


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_what_may_be_a_book(tmp_path: Path) -> None:
    for name in ("b.epub", "a.md", "x.pdf", ".hidden", "c.epub.part", "a.narrate.toml", "d.md~", "x.pdf.why.txt"):
        (tmp_path / name).write_text(name)
    for name in ("folder", "done", "out/.narrate"):
        (tmp_path / name).mkdir(parents=True)
    found = [path.name for path in dropped(tmp_path, (tmp_path / "done",))]
    assert found == ["a.md", "b.epub", "folder", "x.pdf"]
    with pytest.raises(SourceError, match="cannot be read"):
        dropped(tmp_path / "none")


def test_a_book_is_whole_when_it_has_stopped_growing(tmp_path: Path) -> None:
    clock = Clock()
    settling = Settling(5.0, clock)
    book = tmp_path / "a.md"
    book.write_text("one")
    assert settling.wait([book]) == 5.0
    clock.now = 4.0
    book.write_text("one and more")
    assert settling.wait([book]) == 5.0
    clock.now = 8.0
    assert settling.wait([book]) == 1.0
    assert not settling.is_whole(book)
    clock.now = 9.0
    assert settling.wait([book]) is None
    assert settling.is_whole(book)
    book.unlink()
    settling.wait([])
    assert not settling.is_whole(book)


def test_an_epub_whose_end_has_not_come_is_waited_for_longer(tmp_path: Path) -> None:
    clock, whole = Clock(), io.BytesIO()
    with zipfile.ZipFile(whole, "w") as file:
        file.writestr("mimetype", "application/epub+zip" * 100)
    book = tmp_path / "a.epub"
    book.write_bytes(whole.getvalue()[:500])
    settling = Settling(5.0, clock)
    assert settling.wait([book]) == 60.0
    clock.now = 30.0
    assert settling.wait([book]) == 30.0
    book.write_bytes(whole.getvalue())
    assert settling.wait([book]) == 5.0


def standing(state: str, record: object) -> Standing:
    return Standing(ORDER, record, SEEN, state, "failed before" if state == "due" else "")  # type: ignore[arg-type]


def test_a_failure_that_heals_is_not_tried_again_at_once() -> None:
    down = replace(MADE, state="failed", exit_code=5, at=1000.0)
    assert not is_ripe(standing("due", down), 1000.0 + AGAIN_S - 1)
    assert is_ripe(standing("due", down), 1000.0 + AGAIN_S)
    assert is_ripe(standing("due", None), 0.0)


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    for name in ("a.epub", "a.narrate.toml"):
        (tmp_path / name).write_text(name)
    return tmp_path


def outcome(inbox: Path, state: str, record: object) -> Outcome:
    source = str(inbox / "a.epub")
    seen = replace(SEEN, inputs=(Input("a.epub", stamp_of(source), ""),))
    each = replace(standing(state, record), order=replace(ORDER, source=source), sighting=seen)
    results = (Result(each, record),) if state == "due" else ()  # type: ignore[arg-type]
    return Outcome(Shelf(inbox, inbox, (), ()), Listing(()), (each,), results)


def names(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(("state", "record"), [("due", MADE), ("current", MADE)])
def test_narrated_books_go_to_done(inbox: Path, state: str, record: object) -> None:
    Moves(inbox / "done", inbox / "failed").clear(outcome(inbox, state, record), print)
    assert names(inbox) == {"done/a.epub", "done/a.narrate.toml"}


@pytest.mark.parametrize("state", ["due", "unreadable"])
def test_books_that_cannot_be_read_go_to_failed_with_the_reason(inbox: Path, state: str) -> None:
    (inbox / "failed").mkdir()
    (inbox / "failed" / "a.epub").write_text("an older one")
    Moves(inbox / "done", inbox / "failed").clear(outcome(inbox, state, UNREADABLE), print)
    moved = {"failed/a.epub", "failed/a (2).epub", "failed/a (2).narrate.toml", "failed/a (2).epub.why.txt"}
    assert names(inbox) == moved
    assert (inbox / "failed" / "a (2).epub.why.txt").read_text() == "it is no EPUB\n"


def test_books_that_wait_for_an_engine_stay(inbox: Path) -> None:
    down = replace(MADE, state="failed", exit_code=5)
    Moves(inbox / "done", inbox / "failed").clear(outcome(inbox, "due", down), print)
    assert names(inbox) == {"a.epub", "a.narrate.toml"}


def test_what_cannot_be_moved_is_told(inbox: Path) -> None:
    told: list[str] = []
    (inbox / "file").write_text("")
    Moves(inbox / "file" / "done").clear(outcome(inbox, "current", MADE), told.append)
    assert "cannot be moved" in told[0]


def test_the_output_may_not_be_the_drop_folder(tmp_path: Path) -> None:
    from narrate.jobs.files import Layer

    with pytest.raises(JobError, match="drop folder itself"):
        shelf_of(tmp_path, [Layer("x", {"output": tmp_path})], ())


def test_a_clock_that_is_put_back_makes_no_book_wait() -> None:
    assert is_ripe(standing("due", replace(MADE, state="failed", exit_code=5, at=1e9)), 1000.0)


def test_a_book_that_changed_while_it_was_narrated_stays(inbox: Path) -> None:
    found = outcome(inbox, "due", MADE)
    (inbox / "a.epub").write_text("a second edition")
    Moves(inbox / "done", inbox / "failed").clear(found, print)
    assert names(inbox) == {"a.epub", "a.narrate.toml"}


def test_the_file_next_to_a_folder_goes_with_it(tmp_path: Path) -> None:
    (tmp_path / "vol.1").mkdir()
    (tmp_path / "vol.1" / "a.md").write_text("one")
    (tmp_path / "vol.1.narrate.toml").write_text("")
    seen = replace(SEEN, inputs=(Input("vol.1", stamp_of(str(tmp_path / "vol.1")), ""),))
    order = replace(ORDER, source=str(tmp_path / "vol.1"))
    each = replace(standing("current", MADE), order=order, sighting=seen)
    Moves(tmp_path / "done").clear(Outcome(Shelf(tmp_path, tmp_path, (), ()), Listing(()), (each,)), print)
    assert names(tmp_path) == {"done/vol.1/a.md", "done/vol.1.narrate.toml"}
