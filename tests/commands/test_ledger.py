"""`narrate ledger` as a user types it."""

from __future__ import annotations

import csv
import io
import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from narrate.commands.ledger import ledger as command
from narrate.errors import StoreError
from narrate.ledger import FILE, Ledger, Request, Settled

NOON = 1795348800.0
"""2026-11-22 12:00 UTC."""
HOSTILE = '=HYPERLINK("http://evil")\x1b[31m\u202e\nred'


def ask(*arguments: str) -> Result:
    return CliRunner().invoke(command, [*arguments, "--store", "store"], catch_exceptions=False)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield tmp_path
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def spent(folder: Path) -> None:
    """Two days, three books, two currencies, an unknown price."""
    now = [NOON]
    ledger = Ledger(folder / "store" / FILE, clock=lambda: now[0])

    def note(book: str, characters: int, state: Settled | None, price: float | None = 10.0, money: str = "USD") -> None:
        engine = "lmnt" if price else "openai"
        key = f"{characters:064x}"
        ticket = ledger.reserve(Request("r1", book, engine, "m", "leah", key, characters, price, money))
        if state:
            ledger.settle(ticket, state, f"req-{characters}", 1.5)

    note("Dune", 100_000, "spoken")
    note("Dune", 200_000, "failed")
    note("Dune", 1, "throttled")
    note("Emma", 300_000, "spoken", 20.0, "EUR")
    now[0] += 86_400
    note("Dune", 400_000, "spoken")
    note(HOSTILE, 500_000, "spoken", None)
    note("戦争と平和" * 12, 50, None)
    ledger.close()


def test_a_table_for_people(spent: None) -> None:
    lines = ask().stdout.splitlines()
    assert lines[0].split() == [
        "day",
        "book",
        "engine",
        "requests",
        "answered",
        "characters",
        "possibly",
        "cost",
        "possibly",
    ]
    assert lines[1].split() == ["2026-11-22", "Dune", "lmnt", "3", "1", "100,000", "200,000", "1.00", "2.00", "USD"]
    assert lines[2].split() == ["2026-11-22", "Emma", "lmnt", "1", "1", "300,000", "0", "6.00", "0.00", "EUR"]
    assert max(map(columns, lines)) <= 100
    assert len({columns(line.rpartition("lmnt")[0]) for line in lines[1:6] if "lmnt" in line}) == 1, "aligned"
    text = "\n".join(lines)
    for words in (
        "7 requests, 4 answered; 1,300,000 characters billed",
        "possibly billed: 200,000 characters (requests: 1 failed without an answer)",
        "in flight: 1 requests, 50 characters",
        "price unknown: 500,000 characters billed, 0 possibly",
        "cost: 6.00 EUR",
        "cost: 5.00 USD, and possibly 2.00 more",
    ):
        assert words in text
    assert "\x1b" not in text
    assert "\u202e" not in text


def columns(line: str) -> int:
    import unicodedata

    return sum(2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in line)


def test_unknown_prices_are_not_nothing(spent: None) -> None:
    (line,) = [line for line in ask("--by", "engine").stdout.splitlines() if line.startswith("openai")]
    assert line.split() == ["openai", "1", "1", "500,000", "0", "unknown", "unknown"]


def test_json_for_programs(spent: None) -> None:
    found = json.loads(ask("--json", "--by", "book").stdout)
    assert (found["schema"], found["by"]) == (1, ["book"])
    assert found["rows"][1] == {
        "book": "Dune",
        "requests": 4,
        "answered": 2,
        "in_flight": 0,
        "billed_characters": 500_000,
        "possibly_billed_characters": 200_000,
        "in_flight_characters": 0,
        "cost": 5.0,
        "possible_cost": 2.0,
        "currency": "USD",
    }
    assert found["rows"][0]["book"] == HOSTILE
    assert found["rows"][0]["cost"] is None
    assert found["total"] == {
        "requests": 7,
        "answered": 4,
        "in_flight": 1,
        "billed_characters": 1_300_000,
        "possibly_billed_characters": 200_000,
        "in_flight_characters": 50,
        "states": {"spoken": 4, "failed": 1, "in flight": 1, "throttled": 1},
        "costs": [
            {"currency": "EUR", "cost": 6.0, "possible_cost": 0.0},
            {"currency": "USD", "cost": 5.0, "possible_cost": 2.0},
        ],
        "unknown_price_characters": 500_000,
    }


def test_csv_for_spreadsheets(spent: None) -> None:
    rows = list(csv.DictReader(io.StringIO(ask("--csv", "--by", "book").stdout)))
    assert rows[0]["book"] == '\'=HYPERLINK("http://evil")\\x1b[31m\\u202e red'
    assert rows[1]["book"] == "Dune"
    assert rows[1]["cost"] == "5"
    assert rows[0]["cost"] == ""
    assert len(rows) == 4


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t=", " =", "\r-", "＝"])
def test_no_title_is_a_formula(folder: Path, start: str) -> None:
    ledger = Ledger(folder / "store" / FILE)
    ledger.reserve(Request("r1", f"{start}1+1", "lmnt", "m", "v", "k", 1))
    ledger.close()
    (row,) = csv.DictReader(io.StringIO(ask("--csv", "--by", "book").stdout))
    assert row["book"].startswith("'")


def test_single_requests(spent: None) -> None:
    lines = ask("--by", "request").stdout.splitlines()
    assert lines[1].split() == [
        "2026-11-22", "12:00:00", "spoken", "1", "100,000", "1.0000", "USD", "00000000", "Dune", "req-100000",
    ]  # fmt: skip
    assert "in flight" in lines[7]
    assert max(map(columns, lines)) <= 100
    found = json.loads(ask("--by", "request", "--json").stdout)
    assert [row["state"] for row in found["rows"]] == [
        "spoken", "failed", "throttled", "spoken", "spoken", "spoken", "in flight",
    ]  # fmt: skip
    assert found["rows"][1]["billed_characters"] is None
    assert found["rows"][0]["key"] == f"{100_000:064x}"
    rows = list(csv.DictReader(io.StringIO(ask("--by", "request", "--csv").stdout)))
    assert [row["request_id"] for row in rows][:2] == ["req-100000", "req-200000"]
    assert rows[0]["attempt"] == "1"
    assert rows[0]["time"] == "2026-11-22 12:00:00"
    assert found["rows"][0]["time"] == NOON


@pytest.mark.parametrize(
    ("arguments", "requests"),
    [
        ([], 7),
        (["--since", "2026-11-23"], 3),
        (["--until", "2026-11-22"], 4),
        (["--since", "2026-11-22", "--until", "2026-11-22"], 4),
        (["--since", "2026-11", "--until", "2026-11"], 7),
        (["--since", "2026", "--until", "2026"], 7),
        (["--until", "2025"], 0),
        (["--since", "2026-12"], 0),
        (["--until", "2026-10"], 0),
    ],
)
def test_days_months_and_years(spent: None, arguments: list[str], requests: int) -> None:
    assert json.loads(ask("--json", *arguments).stdout)["total"]["requests"] == requests
    if not requests:
        assert "the ledger is empty for these days" in ask(*arguments).stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ["--since", "yesterday"],
        ["--until", "9999-12-31"],
        ["--until", "9999"],
        ["--since", "2026-02-30"],
        ["--since", "\x1b[31m"],
        ["--csv", "--json"],
        ["--by", "request", "--by", "day"],
        ["--by", "moon"],
    ],
)
def test_wrong_usage_is_said(spent: None, arguments: list[str]) -> None:
    done = ask(*arguments)
    assert done.exit_code == 2
    assert "\x1b" not in done.output


@pytest.mark.parametrize("since", ["0001", "0001-01-01", "1900"])
def test_long_ago_is_no_mistake(spent: None, since: str) -> None:
    assert ask("--since", since).exit_code in (0, 2)


def test_no_ledger_is_said_and_none_is_made(folder: Path) -> None:
    done = ask()
    assert done.exit_code == 0
    assert f"{FILE}: there is no ledger yet" in done.stdout
    found = json.loads(ask("--json").stdout)
    assert (found["rows"], found["total"]["requests"]) == ([], 0)
    assert ask("--csv").stdout.startswith("day,book,engine,requests")
    assert list(folder.iterdir()) == []


def test_a_damaged_ledger_is_said_and_left_alone(spent: None, folder: Path) -> None:
    path = folder / "store" / FILE
    path.write_bytes(b"garbage" * 1000)
    with pytest.raises(StoreError, match="the ledger is damaged"):
        ask()
    assert path.read_bytes() == b"garbage" * 1000
