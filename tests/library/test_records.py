"""The journal of a shelf: the last line of a book counts, a torn one is nothing, reading touches nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from narrate.errors import StoreError
from narrate.library.records import SLACK, Input, Output, Record, Records, line_of

texts = st.text(max_size=12)
records = st.builds(
    Record,
    id=st.sampled_from(["a.epub", "b/ü.md", "c\n.txt"]),
    state=st.sampled_from(["made", "failed", "paused", "making"]),
    at=st.floats(0, 2e9),
    settings=st.dictionaries(texts, texts, max_size=3),
    inputs=st.lists(st.builds(Input, texts, texts, texts), max_size=3).map(tuple),
    folder=texts,
    outputs=st.lists(st.builds(Output, texts, st.integers(0, 9**9), st.integers(0, 2**62)), max_size=3).map(tuple),
    title=texts,
    authors=st.lists(texts, max_size=2).map(tuple),
    duration_ms=st.integers(0, 10**9),
    cost=st.none() | st.floats(0, 100),
    reason=texts,
)


@settings(max_examples=25, deadline=None)
@given(st.lists(records, max_size=8))
def test_what_is_added_is_read_and_the_last_of_a_book_counts(
    tmp_path_factory: pytest.TempPathFactory, added: list[Record]
) -> None:
    journal = Records(tmp_path_factory.mktemp("journal") / ".narrate" / "shelf.jsonl")
    for record in added:
        journal.add(record)
    assert Records(journal.path).read() == {record.id: record for record in added}


@settings(max_examples=25, deadline=None)
@given(st.lists(records, min_size=1, max_size=4), st.data())
def test_a_line_that_a_crash_tore_is_passed_over_and_does_no_harm(
    tmp_path_factory: pytest.TempPathFactory, added: list[Record], data: st.DataObject
) -> None:
    journal = Records(tmp_path_factory.mktemp("journal") / "shelf.jsonl")
    for record in added:
        journal.add(record)
    whole = journal.path.read_bytes()
    last = len(whole) - len(whole.rstrip(b"\n").rpartition(b"\n")[2]) - 1
    journal.path.write_bytes(whole[: data.draw(st.integers(last, len(whole) - 2))])
    earlier = {record.id: record for record in added[:-1]}
    assert Records(journal.path).read() == earlier
    journal.add(added[-1])
    assert Records(journal.path).read() == {**earlier, added[-1].id: added[-1]}


def test_lines_of_other_versions_and_nonsense_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "shelf.jsonl"
    journal = Records(path)
    journal.add(Record("a.epub", "made", 1.0))
    with path.open("ab") as file:
        file.write(
            b'{"schema": 99, "id": "b"}\n[]\nnull\n{"schema": 1}\n\xff\xfe\n{"schema": 1, "id": "c", "new": 1}\n'
        )
    assert set(journal.read()) == {"a.epub"}


def test_a_long_journal_is_written_anew_and_a_short_one_is_not(tmp_path: Path) -> None:
    journal = Records(tmp_path / "shelf.jsonl")
    for number in range(SLACK + 4):
        journal.add(Record("a.epub", "made", float(number)))
    before = journal.path.read_bytes()
    journal.tidy(journal.read().values())
    assert journal.path.read_bytes().count(b"\n") == 1
    assert Records(journal.path).read()["a.epub"].at == SLACK + 3
    assert len(before) > 200 * journal.path.stat().st_size
    inode = journal.path.stat().st_ino
    journal.tidy(journal.read().values())
    assert journal.path.stat().st_ino == inode


def test_reading_touches_nothing_and_needs_nothing(tmp_path: Path) -> None:
    assert Records(tmp_path / "none" / "shelf.jsonl").read() == {}
    assert list(tmp_path.iterdir()) == []


def test_a_folder_in_its_place_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "shelf.jsonl").mkdir()
    with pytest.raises(StoreError, match=r"shelf\.jsonl"):
        Records(tmp_path / "shelf.jsonl").read()
    with pytest.raises(StoreError, match="cannot be written"):
        Records(tmp_path / "shelf.jsonl").add(Record("a", "made", 0.0))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("id", []),
        ("state", "mode"),
        ("at", 1e300),
        ("at", float("nan")),
        ("settings", None),
        ("folder", 7),
        ("title", [1]),
        ("duration_ms", "x"),
        ("chapters", 1.5),
        ("spent", None),
        ("cost", "dear"),
        ("outputs", [["a.mp3", float("inf"), 0]]),
    ],
)
def test_a_line_with_a_damaged_value_is_passed_over(tmp_path: Path, name: str, value: object) -> None:
    journal = Records(tmp_path / "shelf.jsonl")
    journal.add(Record("a", "failed", 1.0))
    line = json.loads(line_of(Record("a", "made", 2.0)))
    with journal.path.open("a") as file:
        file.write(json.dumps({**line, name: value}) + "\n")
    assert Records(journal.path).read()["a"].state == "failed"


def test_a_file_in_place_of_its_folder_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("")
    with pytest.raises(StoreError, match="a file lies where a folder should"):
        Records(tmp_path / "out" / ".narrate" / "shelf.jsonl").read()
