"""Jobs written as TOML: read back they are equal; drafts change nothing, and tell everything."""

from __future__ import annotations

import re
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from narrate.book import Block, Book, Chapter, Metadata
from narrate.bounds import Deadlines
from narrate.job import Job
from narrate.jobs.draft import SECTIONS, draft, dump
from narrate.jobs.files import read_job
from narrate.jobs.table import HOMES, SETTINGS
from narrate.load import load
from narrate.policy import POLICIES
from tests.jobs.strategies import JOBS

SAMPLES = Path(__file__).parent.parent.parent / "samples"


@given(JOBS)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_a_job_written_and_read_is_the_same(tmp_path: Path, job: Job) -> None:
    path = tmp_path / "job.toml"
    path.write_text(dump(job), encoding="utf-8")
    assert read_job(path, {}) == job


def test_the_smallest_job_is_one_line() -> None:
    assert dump(Job(Path("/a.epub"))) == 'source = "/a.epub"\n'


def test_no_secret_can_be_written_only_the_names_of_variables(tmp_path: Path) -> None:
    (tmp_path / "job.toml").write_text(
        'source = "a"\n[[hooks]]\nwebhook = "${URL}"\nsecret_variable = "HOOK_SECRET"\n', encoding="utf-8"
    )
    assert 'secret_variable = "HOOK_SECRET"' in dump(read_job(tmp_path / "job.toml"))


@pytest.fixture(scope="module")
def candide() -> tuple[Book, str]:
    book = load(SAMPLES / "candide-two-chapters.epub")
    return book, draft(book, "candide.epub")


def test_a_draft_is_the_job_of_the_book_alone(tmp_path: Path, candide: tuple[Book, str]) -> None:
    path = tmp_path / "job.toml"
    path.write_text(candide[1], encoding="utf-8")
    assert read_job(path) == Job(tmp_path / "candide.epub")


def test_a_draft_tells_what_the_book_is(candide: tuple[Book, str]) -> None:
    text = candide[1]
    assert text.startswith("# Candide, by Voltaire; language: en-GB.\n")
    for line in ('# language = "en-GB"', '# title = "Candide"', '# authors = ["Voltaire"]'):
        assert line in text
    assert re.search(r"^# +1  VI: How the Portuguese", text, re.M)
    assert re.search(r"^# +2  VII: How the Old Woman", text, re.M)
    assert re.search(r"^# +-  Endnotes  \(not read: notes\)$", text, re.M)


def test_a_draft_holds_every_setting(candide: tuple[Book, str]) -> None:
    assert {name for _, names in SECTIONS for name in names} | {*HOMES, "source"} == set(SETTINGS)
    for _, names in SECTIONS:
        for name in names:
            assert re.search(rf"^# {name} = .+ # \S", candide[1], re.M), name
    for table in HOMES:
        assert f"[{table}]" in candide[1]


def test_what_a_draft_shows_as_default_is_the_default(tmp_path: Path, candide: tuple[Book, str]) -> None:
    book, text = candide
    plain = re.sub(r"^# (?=[a-z_]+ = |\[\[)", "", text, flags=re.M)
    table = tomllib.loads(plain)
    examples = {"store", "bitrate", "timeout", "patience", "price", "max_cost", "max_characters", "max_requests"}
    examples |= {"done", "failed", "chapters", "lexicons", "settings", "places", "hooks", "language", "metadata"}
    for name in table["settings"].keys() - {"speed"}:  # no engine takes all of them, but a job may hold them
        assert name in plain
    path = tmp_path / "job.toml"
    path.write_text(plain, encoding="utf-8")
    found, usual = read_job(path, {}), Job(tmp_path / "candide.epub", output=tmp_path / "output")
    for name in SETTINGS.keys() - examples - {"reading", "deadlines"}:
        assert getattr(found, name) == getattr(usual, name), name
    assert found.reading_policy.actions == replace(found.reading_policy, changes=()).actions
    assert found.waits == Deadlines()
    assert dict(found.metadata) == {name: getattr(book.meta, name) for name in table["metadata"]} | {
        "authors": book.meta.authors,
        "subjects": book.meta.subjects,
    }
    assert found.policy in POLICIES


_ANY = st.text(max_size=30)


@given(_ANY, _ANY, _ANY, _ANY)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_no_book_can_write_into_its_draft(tmp_path: Path, title: str, author: str, said: str, chapter: str) -> None:
    meta = Metadata(title, (author,), "en", description=said, subjects=(said, author))
    book = Book(meta, (Chapter(chapter, (Block("paragraph", "x", "a"),)),), (), 1, "a.epub")
    path = tmp_path / "job.toml"
    path.write_text(draft(book, "a.epub"), encoding="utf-8")
    assert read_job(path) == Job(tmp_path / "a.epub")


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0/"), min_size=1, max_size=20))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_any_name_of_a_file_can_be_a_source(tmp_path: Path, name: str) -> None:
    path = tmp_path / "job.toml"
    book = Book(Metadata("T"), (), (), 0, "x")
    path.write_text(draft(book, f"./{name}"), encoding="utf-8")
    if "sk-" not in name:
        assert read_job(path) == Job(tmp_path / name)
