"""``narrate plan``: what would be spoken, skipped and spent."""

from __future__ import annotations

import contextlib
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from narrate.commands.options import one_job_from, production_options
from narrate.errors import shown
from narrate.figures import clock

if TYPE_CHECKING:
    from narrate.estimate import Edit, Estimate
    from narrate.job import Job
    from narrate.script import Chunk, Script
    from narrate.studio import Studio


_MOST_WORDS = 60
"""Rows of ``--words`` for people; ``--json`` lists all."""

_WIDEST = 10_000  # characters of a line of the table: more than any engine is sent at once


@click.command()
@click.argument("source")
@production_options
@click.option("--json", "as_json", is_flag=True, help="For programs; the schema is a contract.")
@click.option("--text", "with_text", is_flag=True, help="Add what is spoken.")
@click.option("--offsets", is_flag=True, help="With --json: where in the source each spoken word is written.")
@click.option("--words", "as_words", is_flag=True, help="List rare words and names instead, with how they are said.")
def plan(source: str, as_json: bool, with_text: bool, offsets: bool, as_words: bool, **flags: Any) -> None:
    """Show what would be spoken, skipped and spent, without speaking.

    \b
    narrate plan book.epub
    narrate plan book.epub --json --text | jq .chapters
    narrate plan book.epub --policy complete --read table=skip
    narrate plan book.epub --words --lexicon names.toml
    """
    from narrate.estimate import estimate, limit_warnings
    from narrate.naming import book_folder
    from narrate.produce import part_of, prepare

    def report(sentence: str) -> None:
        click.echo(shown(sentence), err=True)

    if offsets and not as_json:
        raise click.UsageError("--offsets is for programs: add --json")
    job = one_job_from(source, flags)
    script, studio = prepare(job, report, silent=True)
    with contextlib.closing(studio):
        if as_words:
            click.echo(_words(script, studio, job, as_json))
            return
        expected = estimate(script, studio, book_folder(part_of(script, job).book.meta, job.output))
        script = replace(script, notices=(*script.notices, *limit_warnings(expected, job, studio)))
    if as_json:
        found = as_schema(script, expected, with_text)
        if offsets:
            found["spoken"] = [_placed(chunk) for chunk in script.chunks]
        click.echo(json.dumps(found, ensure_ascii=False, indent=1))
    else:
        click.echo(_table(script, expected, with_text))


def _words(script: Script, studio: Studio, job: Job, as_json: bool) -> str:
    """Words worth an ear, the most doubtful first, and what of the lexicons is of no use here."""
    from narrate.lexicons import lexicon_for
    from narrate.studio import dictionary
    from narrate.text.lexicon import unused
    from narrate.words import passages, rare_words

    lexicon, _ = lexicon_for(script.book, job.lexicons)
    language = studio.cast.narrator.language or script.book.meta.language or "en"
    known = dictionary(studio.cast.narrator.engine)
    rows = rare_words(
        passages(script),
        lexicon,
        language,
        known.knows if known else None,
        known.pronounce if known else None,
        bool(studio.traits.phonemes),
        0 if as_json else _MOST_WORDS,
    )
    idle = unused(lexicon, script.pronounced)
    if as_json:
        listed = [
            {
                "word": row.word,
                "count": row.count,
                "chapters": row.chapters,
                "where": row.place,
                "context": row.context,
                "said": row.said,
                "known": row.known,
                "lexicon": row.entry.source if row.entry else None,
            }
            for row in rows
        ]
        hidden = [
            {"word": entry.word, "where": entry.source, "by": winner.source} for entry, winner in lexicon.shadowed
        ]
        rest = [{"word": entry.word, "where": entry.source} for entry in idle]
        return json.dumps(
            {"schema": 1, "words": listed, "shadowed": hidden, "unused": rest}, ensure_ascii=False, indent=1
        )
    lines = ["count  word                    said                      in"]
    for row in rows:
        mark = "*" if row.entry else " " if row.known else "?"
        lines.append(shown(f"{row.count:5d} {mark}{row.word:<23} {row.said:<25} {row.context}"))
    lines += ["", "? a guess of the engine's; * settled by a lexicon"] if rows else ["", "nothing to settle"]
    lines += [f"never used: {entry.word!r} ({entry.source})" for entry in idle]
    lines += [f"hidden: {entry.word!r} ({entry.source}) by {winner.source}" for entry, winner in lexicon.shadowed]
    return "\n".join(lines)


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
        "decisions": [
            {
                "kind": item.kind,
                "read": item.action,
                "count": item.count,
                "characters": item.characters,
                "where": item.where,
                "preview": item.preview,
            }
            for item in script.decisions
        ],
        "warnings": [*script.warnings, *script.notices],
        "chunks": len(script.chunks),
        "cached_chunks": expected.stored,
        "characters_to_send": expected.characters,
        "requests": expected.requests,
        "cost": _cost(expected.amount, expected.currency),
        "speech_seconds": round(expected.speech_seconds, 1),
        "seconds": round(expected.seconds, 1),
        "seconds_measured": expected.measured,
        "edit": _edit(expected.edit, expected.currency) if expected.edit else None,
    }


def _cost(amount: float | None, currency: str) -> dict[str, Any] | None:
    return None if amount is None else {"currency": currency, "amount": amount}


def _edit(edit: Edit, currency: str) -> dict[str, Any]:
    """What changed since the book was published."""
    return {
        "chunks": edit.chunks,
        "of": edit.of,
        "characters": edit.characters,
        "cost": _cost(edit.amount, currency),
    }


def _placed(chunk: Chunk) -> dict[str, Any]:
    """A chunk with the places of its words: [start, end) of ``text`` was written as [first, last) at ``anchor``."""
    from narrate.tracing import trace

    return {
        "chapter": chunk.chapter,
        "anchor": chunk.anchor,
        "written": chunk.source,
        "text": chunk.text,
        "words": [[word.start, word.end, word.anchor, word.first, word.last] for word in trace(chunk)],
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
    lines += _decisions(plan["decisions"])
    lines += [
        "",
        f"{plan['chunks']:,} chunks, {plan['cached_chunks']:,} of them stored; "
        f"{plan['requests']:,} requests, {plan['characters_to_send']:,} characters to send; "
        f"about {clock(int(plan['speech_seconds'] * 1000))} of speech, price {expected.cost}",
        *_to_come(expected),
    ]
    warnings = (*script.book.warnings, *script.notices)
    return "\n".join(shown(line, _WIDEST) for line in [*lines, *(f"warning: {warning}" for warning in warnings)])


def _to_come(expected: Estimate) -> list[str]:
    """How long the speaking takes, and what an edit costs."""
    from narrate.estimate import edited
    from narrate.figures import duration

    lines = []
    if expected.requests:
        rate = "at the rate last measured here" if expected.measured else "at the engine's usual rate"
        lines.append(f"speaking it takes about {duration(expected.seconds)} {rate}")
    if expected.edit is not None:
        lines.append(edited(expected.edit, expected.currency))
    return lines


def _decisions(decisions: list[dict[str, Any]]) -> list[str]:
    """What the reading policy decided to read, a line for each kind; what it left out is among what is not spoken."""
    read = [item for item in decisions if item["read"] != "skip"]
    if not read:
        return []
    return [
        "",
        "read by the policy (change it with --read KIND=HOW, or [reading] in a job):",
        *(f"  {item['kind']} = {item['read']}: {item['count']} x, {item['preview']!r}" for item in read),
    ]


def _skips(skipped: list[dict[str, Any]]) -> list[str]:
    """A line for each reason, with its count, size and first preview."""
    reasons: dict[str, list[dict[str, Any]]] = {}
    for item in skipped:
        reasons.setdefault(item["reason"], []).append(item)
    return [
        f"  {reason}: {len(items)} x, {sum(item['characters'] for item in items):,}: {items[0]['preview']!r}"
        for reason, items in sorted(reasons.items(), key=lambda pair: -sum(item["characters"] for item in pair[1]))
    ]
