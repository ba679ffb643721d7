"""``narrate status``: a shelf at a glance."""

from __future__ import annotations

import json
import shutil
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from narrate.errors import shown
from narrate.figures import clock, priced

if TYPE_CHECKING:
    from narrate.library.due import Standing
    from narrate.library.sight import Sight

_STATES = ("due", "failed", "making", "current", "unreadable", "gone")
WIDEST = 48
"""Characters of a book's name."""
_HEADS = ("state", "book", "chapters", "sounds", "price", "last run", "next due", "why")


@click.command()
@click.argument("shelf", type=click.Path(path_type=Path))
@click.option("--state", "states", multiple=True, type=click.Choice(_STATES), help="Only books of this state.")
@click.option("--watch", is_flag=True, help="Show it again every few seconds, until Ctrl-C.")
@click.option("--every", type=click.FloatRange(0.1), default=2.0, help="Seconds between two looks.  [default: 2]")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def status(shelf: Path, states: tuple[str, ...], watch: bool, every: float, as_json: bool) -> None:
    """Show a shelf: each book's state, length, price, when it was made, why it is due, and what is wrong with it.

    Looks and changes nothing, also while a run is at work.

    \b
    narrate status shelf.toml
    narrate status shelf.toml --state failed --state due
    narrate status shelf.toml --watch
    """
    from narrate.library.shelf import read_shelf
    from narrate.library.sight import sight_of

    while True:
        sight = sight_of(read_shelf(shelf))
        lines = [_json(sight, states)] if as_json else list(_lines(sight, states))
        if watch and sys.stdout.isatty() and not as_json:
            click.clear()
            width = shutil.get_terminal_size().columns
            lines = [line[:width] for line in lines]  # a table whose lines wrap is none
        click.echo("\n".join(lines))
        if not watch:
            return
        sys.stdout.flush()
        time.sleep(every)


def _json(sight: Sight, states: tuple[str, ...]) -> str:
    from narrate.library.report import of_standing

    now = time.time()
    books = [
        {**of_standing(each), "state": sight.state(each), "next_due": sight.next_due(each, now)}
        for each in _chosen(sight, states)
    ]
    problems = [{"where": where, "error": sentence} for where, sentence in sight.listing.problems]
    content = {
        "schema": 1,
        "shelf": str(sight.shelf.path),
        "running": sight.running,
        "books": books,
        "problems": problems,
        "removed": list(sight.removed),
    }
    return json.dumps(content, ensure_ascii=False)


def _chosen(sight: Sight, states: tuple[str, ...]) -> list[Standing]:
    return [each for each in sight.standings if not states or sight.state(each) in states]


def _lines(sight: Sight, states: tuple[str, ...]) -> Iterator[str]:
    """A table for people."""
    from narrate.library.report import columns

    now = time.time()
    rows = [_row(sight, each, now) for each in _chosen(sight, states)]
    for line in columns([_HEADS, *rows]) if rows else ():
        yield shown(line, 2_000)
    for _, sentence in sight.listing.problems:
        yield shown(f"problem: {sentence}")
    for sentence in sight.listing.notes:
        yield shown(f"note: {sentence}")
    for name in sight.removed:
        yield shown(f"no longer on the shelf: {name}")
    yield _total(sight)


def _row(sight: Sight, each: Standing, now: float) -> tuple[str, ...]:
    record, state, due = each.record, sight.state(each), _due(sight, each, now)
    why = record.reason if state == "failed" and record is not None else "" if state == "making" else each.why
    if record is None:
        return state, shown(each.order.id, WIDEST), "", "", "", "", due, why
    made = record.made_at is not None
    price = priced(record.spent, record.currency) if record.cost is not None else "unknown"
    return (
        state,
        shown(record.title or each.order.id, WIDEST),
        str(record.chapters) if made else "",
        clock(record.duration_ms) if made else "",
        price if made else "",
        time.strftime("%Y-%m-%d %H:%M", time.localtime(record.at)),
        due,
        why,
    )


def _due(sight: Sight, each: Standing, now: float) -> str:
    """When a book will be made again."""
    moment = sight.next_due(each, now)
    if moment is not None:
        return "now" if moment <= now else time.strftime("%a %H:%M", time.localtime(moment))
    return "when it changes" if sight.state(each) in ("current", "unreadable") else ""


def _total(sight: Sight) -> str:
    states = Counter(sight.state(each) for each in sight.standings)
    records = [each.record for each in sight.standings if each.record is not None]
    spent: Counter[str] = Counter()
    for record in records:
        spent[record.currency] += record.spent  # type: ignore[assignment]
    prices = [priced(amount, currency) for currency, amount in sorted(spent.items()) if amount]
    told = ", ".join(f"{states[state]:,} {state}" for state in _STATES if states[state])
    sound = sum(record.duration_ms for record in records if record.made_at is not None)
    running = "; a run is at work" if sight.running else ""
    return (
        f"{sight.shelf.name}: {told or 'no books'}; {clock(sound)}; {' and '.join(prices) or 'nothing'} spent{running}"
    )
