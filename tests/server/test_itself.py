"""narrate as the client of its own server: a book comes out whole, is asked for once, and faults change no sound."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from narrate.engines import lmnt
from narrate.job import Job
from narrate.produce import Production, produce
from narrate.server.faults import Faults, Pace
from narrate.speak import Outcome
from narrate.studio import list_voices
from tests.server.servers import Served, key_file, serving

BOOK = Path(__file__).parent.parent.parent / "samples" / "lighthouse.md"
LIKE_SPEECH = {"ms_per_char": "60"}
"""The client compares an answer's length with its text's."""
SPOKEN = ("/v1/ai/speech", "/v1/ai/speech/bytes", "/v1/audio/speech")


class Quiet:
    """A console that says nothing."""

    def report(self, sentence: str) -> None: ...

    def retry(self, sentence: str) -> None: ...

    def chapter(self, number: int, of: int, title: str) -> None: ...

    def watch(self, outcomes: Iterable[Outcome], *_: object) -> Iterable[Outcome]:
        return outcomes


def contents(production: Production) -> dict[str, bytes]:
    folder = production.folder
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(params=["lmnt", "openai"])
def job(request: pytest.FixtureRequest, tmp_path: Path) -> Job:
    return Job(
        BOOK,
        output=tmp_path / "out",
        store=tmp_path / "store",
        engine=request.param,
        formats=("mp3", "m4b"),
        jobs=4,
        timeout=0.5,
        deadlines=(("total", 1.0),),
    )


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Served]:
    with serving(settings=LIKE_SPEECH, keys=key_file(tmp_path, reader="one")) as served:
        yield served


def make(job: Job, server: Served, monkeypatch: pytest.MonkeyPatch) -> Production:
    for name, address in (("LMNT", server.url), ("OPENAI", f"{server.url}/v1")):
        monkeypatch.setenv(f"{name}_BASE_URL", address)
        monkeypatch.setenv(f"{name}_API_KEY", "one")
    return produce(job, Quiet(), lambda estimate: True)


def asked(server: Served) -> list[dict[str, Any]]:
    return [line for line in list(server.lines) if line["path"] in SPOKEN]


def sound(production: Production) -> dict[str, bytes]:
    """What came out, apart from the ids of the requests that it came from."""

    def without(message: Any) -> Any:
        if isinstance(message, dict):
            return {name: without(value) for name, value in message.items() if "request" not in name}
        return [without(value) for value in message] if isinstance(message, list) else message

    found = contents(production)
    (manifest,) = (name for name in found if name.endswith("manifest.json"))
    found[manifest] = json.dumps(without(json.loads(found[manifest]))).encode()
    return found


@pytest.mark.parametrize("segments", ["flac", "mp3"])
def test_a_book_is_asked_for_once(
    job: Job, server: Served, tmp_path: Path, segments: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = replace(job, segments=segments)
    production = make(job, server, monkeypatch)
    assert {path.rpartition(".")[2] for path in contents(production)} >= {"mp3", "m4b", "json"}
    lines = asked(server)
    assert len(lines) == production.tally.bought > 5
    assert {(line["status"], line["key"]) for line in lines} == {(200, "reader")}
    again = make(replace(job, output=tmp_path / "again"), server, monkeypatch)
    assert again.tally.bought == 0
    assert len(asked(server)) == len(lines)
    assert contents(again) == contents(production)


def test_faults_change_nothing_but_the_time(
    job: Job, server: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lmnt, "SECONDS_PER_CHARACTER_WAITED", 0)
    clean = sound(make(job, server, monkeypatch))
    job = replace(job, output=tmp_path / "out 2", store=tmp_path / "store 2", attempts=12)
    plan = Faults(7, 0.3, pace=Pace(late=0.02, whole=0, fraction=0.01, drip=0.05))
    with serving(settings=LIKE_SPEECH, faults=plan, keys=key_file(tmp_path, reader="one")) as faulty:
        production = make(job, faulty, monkeypatch)
        assert faulty.metric("narrate_faults_total") >= 2
    assert sound(production) == clean


def test_its_voices_can_be_listed(server: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, address in (("LMNT", server.url), ("OPENAI", f"{server.url}/v1")):
        monkeypatch.setenv(f"{name}_BASE_URL", address)
        monkeypatch.setenv(f"{name}_API_KEY", "one")
    for engine in ("lmnt", "openai"):
        assert {"leah", "mid", "alloy"} <= {voice.name for voice in list_voices(engine)}
