"""A real EPUB through real speech servers that misbehave: the same audiobook as from one that does not (P2, P3, P8)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from narrate.errors import EngineClosed, SpeechIncomplete
from narrate.job import Job
from narrate.produce import Production, produce
from tests.speech_server import HALF, KEY, SILENT, TWICE, Received, Reply, SpeechServer, error, throttled
from tests.test_produce import Quiet, contents, yes

BOOK = Path(__file__).parent.parent / "samples" / "candide-two-chapters.epub"

FAULTS = (
    throttled(0.1),
    throttled("0.2"),
    error(500, "internal_server_error", "out of order"),
    error(503, "internal_server_error", "busy"),
    Reply(drop=True),
    Reply(cut=500),
    Reply(body=b"<!DOCTYPE html><html><body>gateway</body></html>", headers=(("Content-Type", "text/html"),)),
    Reply(body=b'{"error": {"type": "rate_limit_error", "message": "slow down"}}'),
    Reply(body=b""),
    Reply(hang=True),
    SILENT,
    HALF,
    TWICE,
)


def faulty(request: Received, seen: int) -> Reply | None:
    """Every text goes wrong the first time it is asked for, each in its way; the second time all is well."""
    return FAULTS[request.number % len(FAULTS)] if request.method == "POST" and seen == 0 else None


@pytest.fixture(params=["lmnt", "openai"])
def job(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Job:
    monkeypatch.setenv("LMNT_API_KEY", KEY)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    return Job(
        BOOK,
        output=tmp_path / "out",
        store=tmp_path / "store",
        engine=request.param,
        formats=("mp3", "m4b"),
        chapters="1",
        jobs=8,
        timeout=0.5,
    )


def make(job: Job, server: SpeechServer, monkeypatch: pytest.MonkeyPatch) -> Production:
    monkeypatch.setenv("LMNT_BASE_URL", server.url)
    monkeypatch.setenv("OPENAI_BASE_URL", server.url)
    return produce(job, Quiet(), yes)


@pytest.mark.parametrize("segments", ["flac", "mp3"])
def test_faults_change_nothing_but_the_time(
    job: Job, segments: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = replace(job, segments=segments)
    with SpeechServer() as server:
        clean = contents(make(job, server, monkeypatch))
    with SpeechServer(faulty) as server:
        production = make(replace(job, output=tmp_path / "out 2", store=tmp_path / "store 2"), server, monkeypatch)
        asked = len(server.spoken)
    assert contents(production) == clean
    # one faulty and one good answer for each text, and no more
    assert asked == 2 * production.tally.bought


def test_a_bad_key_stops_at_once(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LMNT_API_KEY", "wrong")
    monkeypatch.setenv("OPENAI_API_KEY", "wrong")
    with SpeechServer() as server, pytest.raises(EngineClosed) as caught:
        make(job, server, monkeypatch)
    assert "wrong" not in str(caught.value).replace("went wrong", "")
    assert len(server.spoken) <= 16


def test_no_money_in_mid_run_stops_and_keeps_what_is_there(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    def broke(request: Received, seen: int) -> Reply | None:
        spent = request.method == "POST" and len(server.spoken) > 4
        return error(402, "payment_required_error", "quota spent") if spent else None

    with SpeechServer(broke) as server, pytest.raises(EngineClosed, match="quota spent"):
        make(replace(job, jobs=1), server, monkeypatch)
    with SpeechServer() as server:
        assert make(job, server, monkeypatch).tally.stored == 4


def test_a_refused_text_is_told_and_the_rest_is_kept(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(request: Received, seen: int) -> Reply | None:
        return error(400, "invalid_request_error", "text not allowed") if b"earthquake" in request.body else None

    with SpeechServer(refuse) as server, pytest.raises(SpeechIncomplete) as caught:
        make(job, server, monkeypatch)
    assert "text not allowed" in str(caught.value)
    assert "VI: How the Portuguese" in str(caught.value)
    refused = len(caught.value.failures)
    with SpeechServer() as server:
        assert make(job, server, monkeypatch).tally.bought == refused
