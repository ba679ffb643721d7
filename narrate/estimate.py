"""What a script would cost now, in requests, money and time: said before anything is spent (P11)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from narrate import manifest
from narrate.errors import JobError
from narrate.figures import duration, priced
from narrate.job import Job
from narrate.script import Chunk, Script
from narrate.studio import Studio


@dataclass(frozen=True, slots=True)
class Edit:
    """What changed since the book was published last: ``chunks`` of ``of`` that it did not have, with so many
    ``characters``. ``amount`` is what speaking them costs, had nobody spoken them yet; None where no price is known.
    """

    chunks: int
    of: int
    characters: int
    amount: float | None


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a script would cost now: ``stored`` chunks cost nothing; ``amount`` is None where the price is unknown.

    ``seconds`` is how long the speaking takes at the rate last measured here (``measured``), or the engine's usual one.
    ``edit`` is None for a book that was not published yet.
    """

    stored: int
    requests: int
    characters: int
    amount: float | None
    currency: str
    speech_seconds: float
    seconds: float = 0.0
    measured: bool = False
    edit: Edit | None = None

    @property
    def cost(self) -> str:
        """The price for people."""
        return priced(self.amount, self.currency)


def estimate(script: Script, studio: Studio, folder: Path | None = None) -> Estimate:
    """Count what is stored and what is to be asked for, each text once. ``folder`` is where the book was published."""
    chunks = {chunk.key: chunk for chunk in script.chunks}
    missing = {key for key in chunks if studio.store.get("segments", key) is None}
    characters = _characters(chunks[key] for key in missing)
    narrator = studio.cast.narrator
    measured = studio.ledger.speed(narrator.engine, narrator.model)
    return Estimate(
        stored=sum(chunk.key not in missing for chunk in script.chunks),
        requests=len(missing),
        characters=characters,
        amount=_amount(characters, studio),
        currency=studio.currency,
        speech_seconds=studio.traits.pace * sum(len(chunk.text) for chunk in script.chunks)
        + sum(chunk.pause_ms for chunk in script.chunks) / 1000,
        seconds=characters / (measured or studio.traits.speed),
        measured=measured is not None,
        edit=_edit(chunks, studio, folder / manifest.NAME) if folder else None,
    )


def _characters(chunks: Iterable[Chunk]) -> int:
    return sum(len(chunk.text) for chunk in chunks)


def _amount(characters: int, studio: Studio) -> float | None:
    if studio.price is not None:
        return studio.price.of(characters)
    return 0.0 if studio.traits.local else None


def _edit(chunks: dict[str, Chunk], studio: Studio, published: Path) -> Edit | None:
    older = manifest.read(published)
    if older is None:
        return None
    had = _keys(older.content.get("cues"))
    changed = [chunk for key, chunk in chunks.items() if key not in had]
    characters = _characters(changed)
    return Edit(len(changed), len(chunks), characters, _amount(characters, studio))


def _keys(cues: object) -> Collection[object]:
    return {cue.get("key") for cue in cues if isinstance(cue, dict)} if isinstance(cues, list) else ()


def expectation(script: Script, expected: Estimate) -> str:
    """What will be asked for and spent, in a sentence."""
    minutes = expected.speech_seconds / 60
    parts = [
        f"{script.book.meta.title}: about {minutes:.0f} min of speech",
        f"{expected.stored:,} of {len(script.chunks):,} chunks stored",
        f"{expected.requests:,} requests, {expected.characters:,} characters, price {expected.cost}",
    ]
    if expected.requests:
        rate = "at the rate last measured" if expected.measured else "at a usual rate"
        parts.append(f"about {duration(expected.seconds)} {rate}")
    if expected.edit is not None and expected.edit.chunks:
        parts.append(edited(expected.edit, expected.currency))
    return "; ".join(parts)


def edited(edit: Edit, currency: str) -> str:
    """The price of an edit, for people."""
    return (
        f"price of this edit: {edit.chunks:,} of {edit.of:,} chunks, {edit.characters:,} characters, "
        f"{priced(edit.amount, currency)}"
    )


def limit_warnings(expected: Estimate, job: Job, studio: Studio) -> Iterator[str]:
    """What a user should hear of limits that will be reached, or that count with a price nobody named.

    Raises JobError when a limit in money could not be kept, because no price is known.
    """
    if not expected.requests:
        return
    counted = studio.budget.price
    if job.max_cost is not None and studio.price is None and not studio.traits.local:
        if counted is None:
            raise JobError(
                "--max-cost: the price of this engine and model is unknown, so no limit can be kept; "
                "name it with --price, per million characters"
            )
        yield (
            f"the price of this server is unknown: the limit counts {counted.amount:g} {counted.currency} per million "
            "characters, the list price of those who made its protocol; name another with --price"
        )
    if job.max_cost is not None and counted is not None and counted.amount and counted.currency != job.currency:
        raise JobError(
            f"--max-cost is in {job.currency} (currency), and the price of this engine in {counted.currency}; "
            f"name the price in {job.currency} with --price, per million characters"
        )
    yield from _short_limits(expected, job, studio)


def account_warnings(expected: Estimate, studio: Studio) -> Iterator[str]:
    """Whether the engine's account has enough for this; it is asked only when something is to be asked of the engine.

    Services differ in whether they count what is used or what is left, as their SDKs do; most seem to say what is used.
    """
    account = studio.account() if expected.requests else None
    if account is None or account.allowance is None:
        return
    left = max(0, account.allowance - account.used)
    if expected.characters > left:
        yield (
            f"the account (plan {account.plan or 'unknown'}) says that {account.used:,} of {account.allowance:,} "
            f"characters are used, so about {left:,} are left, and this run needs {expected.characters:,}: when they "
            "are used up it stops, keeps everything, and a later run goes on"
        )


def _short_limits(expected: Estimate, job: Job, studio: Studio) -> Iterator[str]:
    price, before = studio.budget.price, studio.budget.before
    needs = (
        ("max-cost", job.max_cost, before.cost or 0.0, price.of(expected.characters) if price else 0.0),
        ("max-characters", job.max_characters, before.characters or 0, expected.characters),
        ("max-requests", job.max_requests, before.requests or 0, expected.requests),
    )
    for name, limit, spent, need in needs:
        if limit is not None and need > limit - spent:
            share = max(0.0, limit - spent) / need
            left = f", of which {limit - spent:,g} are left," if spent else ""
            yield (
                f"--{name} {limit:,g}{left} is enough for about {share:.0%} of this; the run stops there, "
                "keeps everything, and the next run goes on"
            )
