"""``narrate ledger``: what was asked of engines, and what it cost."""

from __future__ import annotations

import csv
import io
import json
import time
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from narrate.errors import shown

if TYPE_CHECKING:
    from narrate.ledger import Ledger, Record, Spending

BY = ("day", "book", "engine", "model", "voice", "run", "request")
USUAL = ("day", "book", "engine")
WIDEST = 100
"""Columns of a table, where names can be cut to fit."""
NARROWEST = 8
"""Columns that a name keeps."""
_SPANS = (("%Y-%m-%d", 1), ("%Y-%m", 31), ("%Y", 366))
"""How a date is written, and the most days it can mean."""


@click.command()
@click.option("--by", multiple=True, type=click.Choice(BY), help="Repeatable.  [default: day, book, engine]")
@click.option("--since", metavar="DATE", help="From this day on: 2026-11-22, 2026-11 or 2026.")
@click.option("--until", metavar="DATE", help="Up to this day, and with it.")
@click.option("--csv", "as_csv", is_flag=True, help="For spreadsheets.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.option("--store", type=click.Path(path_type=Path), help="The store.  [default: the user's cache]")
def ledger(
    by: tuple[str, ...], since: str | None, until: str | None, as_csv: bool, as_json: bool, store: Path | None
) -> None:
    """What was spent on speech: by day, book and engine, or each request alone.

    Every request is noted before it is sent, so that nothing is missing after a crash. One that failed without a word
    of its price, or was cut off by a crash, counts as possibly billed.

    \b
    narrate ledger
    narrate ledger --by book --since 2026-11
    narrate ledger --by request --since 2026-11-22 --csv
    """
    from narrate.ledger import FILE, Ledger
    from narrate.studio import store_folder

    if as_csv and as_json:
        raise click.UsageError("--csv and --json: choose one of them")
    if "request" in by and len(by) > 1:
        raise click.UsageError("--by request lists each request alone: it goes with no other --by")
    first = _moment("--since", since, end=False)
    last = _moment("--until", until, end=True)
    opened = Ledger(store_folder(store) / FILE)
    parts = tuple(dict.fromkeys(by)) or USUAL
    report = _requests(opened, first, last) if by == ("request",) else _groups(opened, parts, first, last)
    if as_json:
        click.echo(json.dumps(report.as_schema(), ensure_ascii=False, indent=1))
    elif as_csv:
        click.echo(_csv(report), nl=False)
    elif not report.total:
        nothing = "is empty for these days" if since or until else "is empty"
        there = opened.path.exists()
        click.echo(shown(f"{opened.path}: the ledger {nothing}" if there else f"{opened.path}: there is no ledger yet"))
    else:
        click.echo("\n".join(_table(report)))


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its name for programs; for people its head, and how a value is shown. One that has neither head nor
    ``left`` is for programs alone. ``left`` is for words; those that ``show`` leaves alone are names, and may be cut.
    """

    name: str
    head: str = ""
    show: Callable[[Any], str] | None = None
    left: bool = False

    @property
    def for_people(self) -> bool:
        return bool(self.head) or self.left


@dataclass(frozen=True, slots=True)
class Report:
    """Rows under ``columns``; ``total`` has one Spending for each currency."""

    by: tuple[str, ...]
    columns: tuple[Column, ...]
    rows: list[tuple[Any, ...]]
    total: list[Spending]

    def as_schema(self) -> dict[str, Any]:
        """The contract of ``--json``."""
        names = [column.name for column in self.columns]
        return {
            "schema": 1,
            "by": list(self.by),
            "rows": [dict(zip(names, map(_plain, row), strict=True)) for row in self.rows],
            "total": _total(self.total),
        }


def _moment(flag: str, text: str | None, *, end: bool) -> float | None:
    """When the day, month or year ``text`` begins or ends, in local time, as UNIX seconds."""
    for form, days in _SPANS if text is not None else ():
        try:
            day = datetime.strptime(str(text), form)
            if end:
                # the first of what comes next: a month has not always 31 days
                day += timedelta(days=days)
                day = day.replace(day=1) if "%d" not in form else day
                day = day.replace(month=1) if "%m" not in form else day
            return day.timestamp()
        except (OverflowError, OSError):
            raise click.UsageError(f"{flag} {text}: is beyond the calendar") from None
        except ValueError:
            continue
    if text is not None:
        raise click.UsageError(f"{flag} {shown(text)}: write a date as 2026-11-22, 2026-11 or 2026")
    return None


def _groups(opened: Ledger, by: Sequence[str], since: float | None, until: float | None) -> Report:
    spent = opened.spending(by, since, until)
    money = _money_shown(cost for item in spent for cost in (item.cost, item.possible_cost))
    columns = (
        *(Column(part, part, _day if part == "day" else None, left=True) for part in by),
        Column("requests", "requests", "{:,}".format),
        Column("answered", "answered", "{:,}".format),
        Column("in_flight"),
        Column("billed_characters", "characters", "{:,}".format),
        Column("possibly_billed_characters", "possibly", "{:,}".format),
        Column("in_flight_characters"),
        Column("cost", "cost", money),
        Column("possible_cost", "possibly", money),
        Column("currency", "", _currency, left=True),
    )
    rows = [(*item.group, *_figures(item)) for item in spent]
    return Report(tuple(by), columns, rows, opened.spending((), since, until))


def _figures(item: Spending) -> tuple[Any, ...]:
    return (
        item.requests,
        item.answered,
        item.states.get("in flight", 0),
        item.billed,
        item.possible,
        item.in_flight,
        item.cost,
        item.possible_cost,
        item.currency,
    )


def _requests(opened: Ledger, since: float | None, until: float | None) -> Report:
    rows = [_request(record) for record in opened.requests(since, until)]
    money = _money_shown(row[6] for row in rows)
    columns = (
        Column("time", "time", _local, left=True),
        Column("state", "state", str, left=True),
        Column("attempt", "try", str),
        Column("characters", "characters", "{:,}".format),
        Column("billed_characters"),
        Column("seconds"),
        Column("cost", "cost", money),
        Column("currency", "", _currency, left=True),
        Column("key", "key", lambda key: shown(key[:8]), left=True),
        Column("book", "book", left=True),
        Column("request_id", "request id", shown, left=True),  # whole: support asks for it
        *(Column(name) for name in ("source", "engine", "model", "voice", "run", "host", "pid")),
    )
    return Report(("request",), columns, rows, opened.spending((), since, until))


def _request(record: Record) -> tuple[Any, ...]:
    cost = record.cost
    return (
        record.time,
        record.state,
        record.attempt,
        record.characters,
        record.billed,
        record.seconds,
        cost,
        None if cost is None else record.currency,
        record.key,
        record.book,
        record.request_id,
        record.source,
        record.engine,
        record.model,
        record.voice,
        record.run,
        record.host,
        record.pid,
    )


def _total(total: Sequence[Spending]) -> dict[str, Any]:
    """Over all currencies, but for the money."""
    return {
        "requests": sum(item.requests for item in total),
        "answered": sum(item.answered for item in total),
        "in_flight": sum(item.states.get("in flight", 0) for item in total),
        "billed_characters": sum(item.billed for item in total),
        "possibly_billed_characters": sum(item.possible for item in total),
        "in_flight_characters": sum(item.in_flight for item in total),
        "states": {state: count for state in _states(total) if (count := _count(total, state))},
        "costs": [
            {"currency": item.currency, "cost": _plain(item.cost), "possible_cost": _plain(item.possible_cost)}
            for item in total
            if item.currency is not None
        ],
        "unknown_price_characters": sum(item.billed + item.possible for item in total if item.currency is None),
    }


def _states(total: Sequence[Spending]) -> Iterator[str]:
    yield from dict.fromkeys(state for item in total for state in item.states)


def _count(total: Sequence[Spending], state: str) -> int:
    return sum(item.states.get(state, 0) for item in total)


def _plain(value: Any) -> Any:
    """For programs."""
    return float(value) if isinstance(value, Decimal) else value


def _day(day: str | None) -> str:
    return day or "unknown"


def _currency(code: str | None) -> str:
    return shown(code or "", 8)


def _local(moment: float) -> str:
    try:
        return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(moment))
    except (ValueError, OverflowError, OSError, TypeError):
        return "unknown"


def _money_shown(amounts: Iterable[Decimal | None]) -> Callable[[Decimal | None], str]:
    """How the amounts of a column are shown: with two places, or as many as the smallest needs to be seen."""
    smallest = min((amount for amount in amounts if amount), default=Decimal(1))
    places = next((places for places in (2, 4) if smallest >= Decimal(10) ** -places), 6)
    return lambda amount: "unknown" if amount is None else f"{amount:,.{places}f}"


def _csv(report: Report) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([column.name for column in report.columns])
    writer.writerows(
        [
            _cell(_local(value) if column.name == "time" else value)
            for column, value in zip(report.columns, row, strict=True)
        ]
        for row in report.rows
    )
    return out.getvalue()


def _cell(value: Any) -> Any:
    """Spreadsheets take for a formula what begins like one, also in a title."""
    if not isinstance(value, str):
        return f"{value.normalize():f}" if isinstance(value, Decimal) else value
    text = shown(value)
    return f"'{text}" if text.lstrip().startswith(("=", "+", "-", "@", "＝", "＋", "－", "＠")) else text


def _table(report: Report) -> Iterator[str]:
    """Lines for people: words to the left, numbers to the right, and what they come to."""
    places = [place for place, column in enumerate(report.columns) if column.for_people]
    columns = [report.columns[place] for place in places]
    lines = [[column.head for column in columns]]
    lines += [[_text(row[place], column) for place, column in zip(places, columns, strict=True)] for row in report.rows]
    widths = _fitted([max(map(_width, cells)) for cells in zip(*lines, strict=True)], columns)
    for line in lines:
        cells = zip(line, widths, columns, strict=True)
        yield "  ".join(_padded(cell, width, left=column.left) for cell, width, column in cells).rstrip()
    yield ""
    yield from _sums(report.total)


def _fitted(widths: list[int], columns: Sequence[Column]) -> list[int]:
    """The widths, those of the longest names made less until a line fits."""
    fitted = list(widths)
    names = [place for place, column in enumerate(columns) if column.left and column.show is None]
    while sum(fitted) + 2 * (len(fitted) - 1) > WIDEST and names:
        longest = max(names, key=fitted.__getitem__)
        if fitted[longest] <= NARROWEST:
            break
        fitted[longest] -= 1
    return fitted


def _text(value: Any, column: Column) -> str:
    if column.show is not None:
        return column.show(value)
    return shown(str(value), WIDEST) if value is not None else "unknown"


def _sums(total: Sequence[Spending]) -> Iterator[str]:
    sums = _total(total)
    billed = f"{sums['billed_characters']:,} characters billed"
    yield f"{sums['requests']:,} requests, {sums['answered']:,} answered; {billed}"
    if sums["possibly_billed_characters"]:
        why = {"failed": "failed without an answer", "crashed": "were cut off with their run"}
        told = ", ".join(f"{count:,} {words}" for state, words in why.items() if (count := _count(total, state)))
        yield f"possibly billed: {sums['possibly_billed_characters']:,} characters (requests: {told})"
    if sums["in_flight"]:
        yield f"in flight: {sums['in_flight']:,} requests, {sums['in_flight_characters']:,} characters"
    for item in total:
        if item.cost is None or item.possible_cost is None:
            yield f"price unknown: {item.billed:,} characters billed, {item.possible:,} possibly"
            continue
        money = _money_shown((item.cost, item.possible_cost))
        more = f", and possibly {money(item.possible_cost)} more" if item.possible_cost else ""
        yield f"cost: {money(item.cost)} {shown(item.currency or '', 20)}{more}"


def _width(text: str) -> int:
    """Columns of a terminal: Han and Kana take two, marks that join a letter none."""
    return sum(2 if unicodedata.east_asian_width(sign) in "WF" else _takes_place(sign) for sign in text)


def _takes_place(sign: str) -> int:
    return unicodedata.category(sign) not in ("Mn", "Me", "Cf")


def _padded(text: str, width: int, *, left: bool) -> str:
    """``text`` over just so many columns, cut if it has to be."""
    if _width(text) > width:
        while text and _width(text) > width - 1:
            text = text[:-1]
        text += "…"
    gap = " " * (width - _width(text))
    return text + gap if left else gap + text
