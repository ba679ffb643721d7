"""A real EPUB through real speech servers that misbehave: the same audiobook as from one that does not (P2, P3, P8)."""

from __future__ import annotations

import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from narrate.bounds import Deadlines
from narrate.engines import Speech, lmnt
from narrate.engines.verified import Verified
from narrate.errors import EngineClosed, EngineUnavailable, SpeechIncomplete
from narrate.job import Job
from narrate.produce import Production, produce
from narrate.script import Chunk
from tests.engines.peers import Time, patient
from tests.faults import BY_LENGTH, KINDS, LONG, SECRETIVE, Faults, Pace
from tests.speech_server import HALF, KEY, SILENT, TWICE, Received, Reply, SpeechServer, State, error, throttled
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
        deadlines=(("total", 1.0),),
    )


def make(job: Job, server: SpeechServer, monkeypatch: pytest.MonkeyPatch) -> Production:
    monkeypatch.setenv("LMNT_BASE_URL", server.url)
    monkeypatch.setenv("OPENAI_BASE_URL", server.url)
    return produce(job, Quiet(), yes)


def test_faults_change_nothing_but_the_time(job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    job = replace(job, segments={"lmnt": "flac", "openai": "mp3"}[job.engine])
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


# --- by a seeded plan -----------------------------------------------------------------------------------------------


def test_the_plan_is_the_same_whatever_the_order() -> None:
    bodies = [b'{"text": "%b %d"}' % (b"word " * (number % 60), number) for number in range(400)]
    plan, again = Faults(7, 0.3), Faults(7, 0.3)
    first = {(body, seen): plan.kind(body, seen) for body in bodies for seen in (0, 1)}
    assert first == {(body, seen): again.kind(body, seen) for seen in (1, 0) for body in reversed(bodies)}
    share = sum(map(bool, first.values())) / len(first)
    assert share == pytest.approx(0.3, abs=0.05)
    other = Faults(8, 0.3)
    assert first != {(body, seen): other.kind(body, seen) for body, seen in first}


def test_every_kind_is_given_and_those_of_length_once_to_long_texts() -> None:
    long, short = (b'{"text": "%b %%d"}' % (b"x" * size) for size in (LONG, 20))
    plan = Faults(1, 1.0)
    given = [[plan.kind(text % number, seen) for seen in range(20)] for number in range(200) for text in (long, short)]
    assert {name for names in given[0::2] for name in names} == set(KINDS) - SECRETIVE
    assert {name for names in given[1::2] for name in names} == set(KINDS) - SECRETIVE - BY_LENGTH
    assert max(sum(name in BY_LENGTH for name in names) for names in given) == 1


@pytest.mark.parametrize("timings", [False, True])
@pytest.mark.parametrize("kind", sorted(KINDS))
def test_each_fault_costs_one_request_at_most_and_changes_no_sound(
    kind: str, timings: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lmnt, "SECONDS_PER_CHARACTER_WAITED", 0)
    pace = Pace(late=0.05, fraction=0.01, drip=0.1)
    faulty = replace(KINDS[kind](pace), name=kind)
    text = "The clock in the hall had stopped at noon, and nobody wound it up again. " * 3
    waits = Deadlines(first_byte=0.3, between_bytes=0.2, total=0.6)

    def spoken(plan: list[Reply]) -> tuple[Speech, SpeechServer]:
        with SpeechServer(plan) as server:
            env = {"LMNT_API_KEY": KEY, "LMNT_BASE_URL": server.url}
            engine, client = lmnt.engine(env, timings=timings, deadlines=waits)
            voice = lmnt.voice("", "en", {}, env)
            patiently = patient(Verified(engine), Time(), max_wait=600)
            try:
                return patiently.speak(Chunk(text, voice, 0)), server
            finally:
                client.close()

    undisturbed, _ = spoken([])
    speech, server = spoken([faulty])
    assert speech == undisturbed
    assert len(server.spoken) <= 2
    assert server.seen.faults == {kind: 1}


# --- what ails the whole server -------------------------------------------------------------------------------------


def statuses(server: SpeechServer, many: int) -> list[int]:
    env = {"LMNT_API_KEY": KEY, "LMNT_BASE_URL": server.url}
    _, client = lmnt.engine(env, deadlines=Deadlines(connect=0.5))
    found = []
    for number in range(many):
        try:
            body = b'{"text":"Number %d","voice":"leah","format":"wav"}' % number
            found.append(client.post("/v1/ai/speech/bytes", body, {}).status)
        except EngineUnavailable as error:
            found.append(0 if error.sent else -1)
    client.close()
    return found


@pytest.mark.parametrize(
    ("state", "expected", "name"),
    [
        (State(money=2), [200, 200, 402, 402], "no money"),
        (State(valid=1), [200, 401, 401, 401], "key revoked"),
        (State(down=True), [0, 0, 0, 0], "down"),
        (State(outage=(1, 60.0)), [200, 0, 0, 0], "down"),
        (State(wait=(2, 300.0)), [200, 200, 429, 200], "429 in minutes"),
        (State(rate=0.01, burst=3), [200, 200, 200, 429], "limit of rate"),
        (State(concurrency=0), [429] * 4, "limit of concurrency"),
    ],
)
def test_what_ails_a_server(state: State, expected: list[int], name: str) -> None:
    with SpeechServer(state=state) as server:
        assert statuses(server, 4) == expected
        assert server.seen.faults == {name: sum(status != 200 for status in expected)}


def test_a_server_refuses_connections_and_comes_back() -> None:
    with SpeechServer() as server:
        assert statuses(server, 1) == [200]
        server.leave()
        assert statuses(server, 2) == [-1, -1]
        server.come_back()
        assert statuses(server, 1) == [200]


def test_a_limit_of_concurrency_turns_away_what_is_too_much() -> None:
    with SpeechServer(latency=(0.3, 0.3), state=State(concurrency=3)) as server:
        found: list[int] = []
        threads = [threading.Thread(target=lambda: found.extend(statuses(server, 1))) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(found) == [200] * 3 + [429] * 5


# --- whole books ----------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_book_comes_through_a_seeded_storm() -> None:
    """The short form of benchmarks/faults.py: the command line, three answers in ten wrong, and no money half-way."""
    script = Path(__file__).parent.parent / "benchmarks" / "faults.py"
    command = [sys.executable, str(script), "--first", "1", "--seeds", "1", "--chunks", "30"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=150)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 of 1 seeds right" in done.stdout
    assert "no money" in done.stdout
