"""What to tell of a shelf's run: one clear text, fit for a mail; and the same as JSON."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from narrate.errors import shown
from narrate.figures import clock, count, duration, priced
from narrate.library.due import Standing
from narrate.library.outcome import Outcome, Result
from narrate.library.records import Record

SCHEMA = 1
WIDEST = 60
"""Characters of a book's name in a table."""
MOST = 200
"""Books of one kind that a text lists by name; more are counted."""


def subject(outcome: Outcome) -> str:
    """One line: what happened, in figures."""
    counts = (
        ("made", len(outcome.of("made"))),
        ("failed", len(outcome.of("failed"))),
        ("unfinished", len(outcome.of("paused")) + len(outcome.left)),
        ("problem" if len(outcome.listing.problems) == 1 else "problems", len(outcome.listing.problems)),
        ("still unreadable", len(outcome.unreadable)),
        ("up to date", sum(each.state == "current" for each in outcome.standings)),
    )
    told = ", ".join(f"{count:,} {what}" for what, count in counts if count)
    return f"{outcome.shelf.name}: {told or 'no books'}"


def text(outcome: Outcome) -> str:
    """What happened, for people: a table of what was made, what failed and why and what is left; problems; what it cost
    and how long it sounds.
    """
    lines = [subject(outcome), *_table(outcome)]
    _list(lines, "problems", (sentence for _, sentence in outcome.listing.problems))
    if outcome.over:
        lines.append(f"stopped early: {outcome.over}")
    if outcome.results or outcome.listing.problems:
        _list(lines, "still unreadable, told before", (_named(each, each.why) for each in outcome.unreadable))
    _list(lines, "hooks that failed", outcome.hook_failures)
    if outcome.results:
        lines.append(_totals(outcome))
    return "\n".join(shown(line, 4_000) for line in lines)


def _table(outcome: Outcome) -> list[str]:
    """A row for each book that was due: what became of it, its name, chapters, length, price, and why."""
    rows = [
        *map(_made, outcome.of("made")),
        *(_unmade("failed", result) for result in outcome.of("failed")),
        *(_unmade("unfinished", result) for result in outcome.of("paused")),
        *(("left", shown(each.order.id, WIDEST), "", "", "", "for the next run") for each in outcome.left),
    ]
    more = [f"  ... and {len(rows) - MOST:,} more"] if len(rows) > MOST else []
    return [*columns(rows[:MOST]), *more]


def columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows as lines, each column as wide as its widest cell; the last is not padded."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)][:-1]
    return [
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[-1]]).rstrip()
        for row in rows
    ]


def _made(result: Result) -> tuple[str, ...]:
    record, older = result.record, result.standing.record
    by = f", {record.authors[0]}" if record.authors else ""
    price = priced(record.cost, record.currency) if record.requests and record.cost != 0 else ""
    why = result.standing.why
    if older is not None and older.folder and older.folder != record.folder:
        why += f"; what was made before stays in {older.folder}"
    name = shown(f"{record.title}{by}", WIDEST)
    return "made", name, count(record.chapters, "chapter"), clock(record.duration_ms), price, why


def _unmade(state: str, result: Result) -> tuple[str, ...]:
    reason = result.record.reason.removeprefix(f"{result.standing.order.source}: ")
    return state, shown(result.record.id, WIDEST), "", "", "", reason


def _list(lines: list[str], title: str, items: Iterable[str]) -> None:
    listed = [f"  {item}" for item in items]
    if listed:
        lines.append(f"{title}:")
        lines.extend(listed[:MOST])
        if len(listed) > MOST:
            lines.append(f"  ... and {len(listed) - MOST:,} more")


def _named(each: Standing, sentence: str) -> str:
    """A sentence about a book, with its name in front unless it has it already."""
    named = each.order.id in sentence or each.order.source in sentence
    return sentence if named else f"{each.order.id}: {sentence}"


def _totals(outcome: Outcome) -> str:
    sound = sum(result.record.duration_ms for result in outcome.of("made"))
    return f"price: {price(outcome.results)}; sounds: {clock(sound)}; took {duration(outcome.took)}"


def price(results: Iterable[Result]) -> str:
    """What was spent, for people; each currency apart."""
    results = list(results)
    unknown = sum(result.record.cost is None for result in results)
    parts = [priced(amount, currency) for currency, amount in _costs(results).items()]
    if unknown:
        parts.append(f"unknown for {unknown:,} of the books (see `narrate ledger`)")
    return " and ".join(parts) or "nothing"


def payload(outcome: Outcome) -> dict[str, Any]:
    """What happened, for programs."""
    return {
        "shelf": str(outcome.shelf.path),
        "made": [_book(result) for result in outcome.of("made")],
        "failed": [_book(result) for result in outcome.of("failed")],
        "paused": [_book(result) for result in outcome.of("paused")],
        "left": [each.order.id for each in outcome.left],
        "skipped": sum(each.state == "current" for each in outcome.standings),
        "gone": [each.order.id for each in outcome.standings if each.state == "gone"],
        "unreadable": [{"source": each.order.id, "error": each.why} for each in outcome.unreadable],
        "problems": [{"where": where, "error": sentence} for where, sentence in outcome.listing.problems],
        "hook_failures": list(outcome.hook_failures),
        "stopped": outcome.over,
        "requests": sum(result.record.requests for result in outcome.results),
        "characters": sum(result.record.characters for result in outcome.results),
        "costs": _costs(outcome.results),
        "duration_ms": sum(result.record.duration_ms for result in outcome.of("made")),
        "seconds": round(outcome.took, 3),
        "exit_code": outcome.exit_code,
    }


def _costs(results: Iterable[Result]) -> dict[str, float]:
    costs: dict[str, float] = defaultdict(float)
    for result in results:
        if result.record.cost:
            costs[result.record.currency] += result.record.cost
    return {currency: round(amount, 8) for currency, amount in sorted(costs.items())}


def _book(result: Result) -> dict[str, Any]:
    record = result.record
    return {"why": result.standing.why, **of_record(record), "manifest": dict(result.payload)}


def of_record(record: Record) -> dict[str, Any]:
    """A record, for programs: without what is for comparison alone."""
    return {
        "source": record.id,
        "state": record.state,
        "title": record.title,
        "authors": list(record.authors),
        "folder": record.folder,
        "chapters": record.chapters,
        "duration_ms": record.duration_ms,
        "requests": record.requests,
        "characters": record.characters,
        "cost": record.cost,
        "currency": record.currency,
        "seconds": record.took,
        "error": record.reason,
        "exit_code": record.exit_code,
    }


def of_standing(each: Standing) -> dict[str, Any]:
    """How it stands with a book, for programs."""
    record = each.record
    told = {name: value for name, value in of_record(record).items() if name != "state"} if record else {}
    return {
        **told,
        "source": each.order.id,
        "state": each.state if record is None or record.state != "failed" else "failed",
        "due": each.state == "due",
        "why": each.why,
        "last_run": record.at if record else None,
        "made_at": record.made_at if record else None,
    }
