from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from narrate.errors import JobError, SpeechIncomplete
from narrate.estimate import Edit, Estimate, edited, estimate, limit_warnings
from narrate.figures import duration, priced
from narrate.job import Job
from narrate.ledger import FILE
from narrate.naming import book_folder
from narrate.produce import prepare, produce
from tests.speech_server import KEY, SpeechServer
from tests.test_produce import Quiet, yes

BOOK = "# One\n\nThe first paragraph.\n\nThe second paragraph.\n\n# Two\n\nThe third paragraph.\n"


@pytest.fixture
def job(tmp_path: Path) -> Job:
    (tmp_path / "book.md").write_text(BOOK)
    return Job(tmp_path / "book.md", output=tmp_path / "out", store=tmp_path / "store", engine="tone", price=20.0)


def estimated(job: Job) -> Estimate:
    script, studio = prepare(job, print, silent=True)
    try:
        return estimate(script, studio, book_folder(script.book.meta, job.output))
    finally:
        studio.close()


def told(job: Job) -> list[str]:
    console = Quiet()
    with pytest.raises(SpeechIncomplete, match="nothing was spent"):
        produce(job, console, lambda expected: False)
    return console.told


def test_the_jobs_price_holds_also_for_an_engine_that_costs_nothing(job: Job) -> None:
    found = estimated(job)
    assert found.requests == 5
    assert found.amount == pytest.approx(found.characters * 20 / 1_000_000)
    assert estimated(replace(job, price=None)).amount == 0
    assert found.edit is None  # it was not published yet


def test_the_price_of_an_edit(job: Job) -> None:
    produce(job, Quiet(), yes)
    assert estimated(job).edit == Edit(0, 5, 0, 0.0)
    job.source.write_text(BOOK.replace("second", "other"))
    found = estimated(job)
    text = "The other paragraph."
    assert found.edit == Edit(1, 5, len(text), pytest.approx(len(text) * 20 / 1e6))
    assert (found.requests, found.characters) == (1, len(text))
    assert f"price of this edit: 1 of 5 chunks, {len(text)} characters, 0.0004 USD" in "\n".join(told(job))


def test_the_rate_is_the_one_last_measured(job: Job) -> None:
    assert not estimated(job).measured
    _, studio = prepare(job, print, silent=True)
    narrator = studio.cast.narrator
    studio.ledger.note_speed(narrator.engine, narrator.model, 5_000, 50.0)
    studio.close()
    found = estimated(job)
    assert found.measured
    assert found.seconds == pytest.approx(found.characters / 100)


def test_a_limit_in_money_needs_a_price(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:1")
    unpriced = replace(job, engine="openai", model="my-own-model", price=None, max_cost=2.0)
    with pytest.raises(JobError, match="--price"):
        produce(unpriced, Quiet(), yes)


def test_an_unknown_price_is_counted_as_the_protocols(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LMNT_BASE_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("LMNT_API_KEY", "k")
    said = told(replace(job, engine="lmnt", price=None, max_cost=2.0))
    assert any("the limit counts 50 USD per million characters" in sentence for sentence in said)


@pytest.mark.parametrize(
    ("limits", "says"),
    [
        ({"max_cost": 0.001}, "--max-cost 0.001 is enough for about"),
        ({"max_characters": 10}, "--max-characters 10 is enough for about"),
        ({"max_requests": 2}, "--max-requests 2 is enough for about 40%"),
        ({"max_requests": 5}, ""),
    ],
)
def test_limits_that_will_be_reached_are_told_first(job: Job, limits: dict[str, float], says: str) -> None:
    said = [sentence for sentence in told(replace(job, **limits)) if "enough" in sentence]
    assert [says in sentence for sentence in said] == ([True] if says else [])


def test_a_quota_too_small_is_told_before_the_first_request(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    with SpeechServer() as server:
        server.state.account = {"plan": {"type": "hobby", "character_limit": 60}, "usage": {"characters": 20}}
        monkeypatch.setenv("LMNT_BASE_URL", server.url)
        monkeypatch.setenv("LMNT_API_KEY", KEY)
        said = told(replace(job, engine="lmnt"))
        assert not server.spoken
    assert any(
        "the account (plan hobby) says that 20 of 60 characters are used, so about 40 are left" in sentence
        for sentence in said
    )


def test_a_damaged_ledger_is_set_aside_before_the_account_is_looked_at(
    job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert job.store is not None
    job.store.mkdir()
    (job.store / FILE).write_bytes(b"no database" * 1000)
    with SpeechServer() as server:
        monkeypatch.setenv("LMNT_BASE_URL", server.url)
        monkeypatch.setenv("LMNT_API_KEY", KEY)
        console = Quiet()
        produce(replace(job, engine="lmnt"), console, yes)
    assert any("the ledger was damaged" in sentence for sentence in console.told)


def test_a_limit_in_another_currency_than_the_price_cannot_be_kept(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    abroad = replace(job, engine="openai", price=None, currency="EUR", max_cost=5.0)
    with pytest.raises(JobError, match=r"is in EUR .* in USD; name the price in EUR with --price"):
        produce(abroad, Quiet(), lambda expected: False)
    told(replace(abroad, price=12.5))


def test_nothing_to_ask_for_asks_for_no_account(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    with SpeechServer() as server:
        monkeypatch.setenv("LMNT_BASE_URL", server.url)
        monkeypatch.setenv("LMNT_API_KEY", KEY)
        hosted = replace(job, engine="lmnt")
        produce(hosted, Quiet(), yes)
        asked = len(server.requests)
        produce(hosted, Quiet(), yes)
        assert len(server.requests) == asked


def test_figures_for_people() -> None:
    assert [priced(amount, "USD") for amount in (None, 0.0, 12.345, 0.0042, 0.00001)] == [
        "unknown",
        "nothing",
        "12.35 USD",
        "0.0042 USD",
        "less than 0.0001 USD",
    ]
    assert [duration(seconds) for seconds in (0.2, 59, 600, 7300)] == ["1 s", "59 s", "10 min", "2 h 2 min"]
    assert edited(Edit(1, 600, 84, None), "USD") == "price of this edit: 1 of 600 chunks, 84 characters, unknown"


def test_warnings_say_nothing_where_all_is_stored(job: Job) -> None:
    produce(job, Quiet(), yes)
    script, studio = prepare(replace(job, max_requests=0), print, silent=True)
    try:
        assert list(limit_warnings(estimate(script, studio), replace(job, max_requests=0), studio)) == []
    finally:
        studio.close()
