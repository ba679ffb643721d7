"""``narrate plan``: what would be spoken, skipped and spent."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from narrate.commands import clock
from narrate.commands.options import job_from, production_options

if TYPE_CHECKING:
    from narrate.produce import Estimate
    from narrate.script import Script


@click.command()
@click.argument("source")
@production_options
@click.option("--json", "as_json", is_flag=True, help="For programs; the schema is a contract.")
@click.option("--text", "with_text", is_flag=True, help="Add what is spoken.")
def plan(source: str, as_json: bool, with_text: bool, **flags: Any) -> None:
    """Show what would be spoken, skipped and spent, without speaking.

    \b
    narrate plan book.epub
    narrate plan book.epub --json --text | jq .chapters
    """
    from narrate.produce import estimate, prepare

    def report(sentence: str) -> None:
        click.echo(sentence, err=True)

    script, studio = prepare(job_from(source, flags), report, silent=True)
    try:
        expected = estimate(script, studio)
    finally:
        studio.close()
    if as_json:
        click.echo(json.dumps(as_schema(script, expected, with_text), ensure_ascii=False, indent=1))
    else:
        click.echo(_table(script, expected, with_text))


def as_schema(script: Script, expected: Estimate, with_text: bool) -> dict[str, Any]:
    """``plan --json``, schema 1 (design.md); letters and digits are counted as promise P1 counts them."""
    chunks_of: dict[int, list[str]] = {}
    for chunk in script.chunks:
        chunks_of.setdefault(chunk.chapter, []).append(chunk.text)
    meta = script.book.meta
    return {
        "schema": 1,
        "title": meta.title,
        "authors": list(meta.authors),
        "language": meta.language,
        "source_characters": script.book.source_characters,
        "spoken_characters": script.spoken_characters,
        "skipped_characters": sum(item.characters for item in script.skipped),
        "chapters": [
            {
                "title": chapter.title,
                "level": chapter.level,
                "role": chapter.role,
                "spoken": chapter.spoken,
                "words": chapter.words,
                "chunks": len(chunks_of.get(index, ())),
                **({"text": "\n".join(chunks_of.get(index, ()))} if with_text else {}),
            }
            for index, chapter in enumerate(script.chapters)
        ],
        "skipped": [
            {
                "reason": item.reason,
                "where": item.where,
                "characters": item.characters,
                "preview": item.preview,
            }
            for item in script.skipped
        ],
        "warnings": list(script.warnings),
        "chunks": len(script.chunks),
        "cached_chunks": expected.stored,
        "characters_to_send": expected.characters,
        "requests": expected.requests,
        "cost": None if expected.amount is None else {"currency": expected.currency, "amount": expected.amount},
        "speech_seconds": round(expected.speech_seconds, 1),
    }


def _table(script: Script, expected: Estimate, with_text: bool) -> str:
    meta = script.book.meta
    lines = [
        f"{meta.title} — {', '.join(meta.authors) or 'unknown author'} ({meta.language or 'unknown language'})",
        "",
    ]
    plan = as_schema(script, expected, with_text)
    number = 0
    for chapter in plan["chapters"]:
        number += chapter["spoken"]
        mark = f"{number:4d}" if chapter["spoken"] else "   -"
        indent = "  " * (chapter["level"] - 1)
        lines.append(f"{mark}  {chapter['words']:7,} words  {chapter['chunks']:5,} chunks  {indent}{chapter['title']}")
        if with_text and chapter.get("text"):
            lines += [f"        {line}" for line in chapter["text"].splitlines()]
    lines += ["", f"not spoken ({plan['skipped_characters']:,} of {plan['source_characters']:,} letters and digits):"]
    lines += _skips(plan["skipped"]) or ["  nothing"]
    lines += [
        "",
        f"{plan['chunks']:,} chunks, {plan['cached_chunks']:,} of them stored; "
        f"{plan['requests']:,} requests, {plan['characters_to_send']:,} characters to send; "
        f"about {clock(int(plan['speech_seconds'] * 1000))} of speech, price {expected.cost}",
    ]
    return "\n".join([*lines, *(f"warning: {warning}" for warning in script.book.warnings)])


def _skips(skipped: list[dict[str, Any]]) -> list[str]:
    """A line for each reason, with its count, size and first preview."""
    reasons: dict[str, list[dict[str, Any]]] = {}
    for item in skipped:
        reasons.setdefault(item["reason"], []).append(item)
    return [
        f"  {reason}: {len(items)} x, {sum(item['characters'] for item in items):,}: {items[0]['preview']!r}"
        for reason, items in sorted(reasons.items(), key=lambda pair: -sum(item["characters"] for item in pair[1]))
    ]
