"""A job: everything a run needs, validated; names and numbers only, no objects, no keys (P9).

``narrate/jobs`` reads one from TOML. Every setting stands, with its default, in ``configs/default.toml``. Values out of
range and settings that cannot go together are JobErrors that name the settings.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from narrate.book import LANGUAGE_TAG, Metadata
from narrate.bounds import BOUNDS, Bounds, Deadlines, Limits
from narrate.errors import JobError
from narrate.hooks import Hook
from narrate.policy import POLICIES, PlaceRule, Policy
from narrate.script import Pauses
from narrate.settings import guess
from narrate.wire.address import http_parts

ENGINES = ("kokoro", "espeak", "lmnt", "openai", "tone")
GIVE_MP3 = ("lmnt", "openai")
"""Engines whose answers can be MP3."""
FORMATS = ("mp3", "m4b", "chapters", "feed")
SEGMENTS = ("flac", "mp3")
BITRATES = (16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 192, 224, 256, 320)
"""kbit/s that Layer III knows at one rate or another; where one is too high for a rate, the next lower is used."""
MOST_AAC = 288
"""kbit/s of one channel at 48 kHz: the ceiling of what an M4B can hold, whatever the engine's rate."""
DEFAULT_LOUDNESS = -19.0
"""LUFS, for one channel: the listening level of audio.md's survey (-16 stereo is -19 mono)."""
RANGES: dict[str, tuple[float, float]] = {
    "jobs": (0, 1024),
    "cores": (0, 1024),
    "attempts": (1, 100),
    "max_wait": (0, 86_400),
    "timeout": (0.05, 86_400),
    "patience": (0, 30 * 86_400),
    "loudness": (-40, -5),
    "price": (0, 1e9),
    "max_cost": (0, 1e9),
    "max_characters": (0, 1e12),
    "max_requests": (0, 1e12),
}
"""The least and the most that each of these may be."""
FOLDER = "{folder}"
"""What stands, in ``feed_url``, for an audiobook's folder below the output: <Author>/<Title>."""
VARIABLE = re.compile("[A-Z_][A-Z0-9_]*")
"""The name of a variable of the environment."""
CURRENCY = re.compile("[A-Z]{3}")
_NUMBER = re.compile("[0-9]{1,20}")


@dataclass(frozen=True, slots=True)
class Job:
    """One book's order. Empty values mean: decide from the book, the engine or the machine.

    ``bitrate`` is in kbit/s, ``loudness`` in LUFS (None: leave levels alone). ``max_wait``, ``timeout`` and
    ``patience`` are seconds: the longest wait that a server may ask for, the longest silence of a server, and how long
    one that is down is waited for (None: as many tries as one chunk is given). ``price`` is what a million characters
    cost where the engine's own list does not hold; it is in ``currency``, and so is ``max_cost``. ``segments`` is how
    answers are kept: "flac", or "mp3" to keep an engine's MP3 as it comes. ``policy`` names a reading policy, which
    ``reading`` changes by kind and ``places`` by place. Of ``lexicons``, PLS files or tables, a later one wins.
    ``bounds`` say how much of a source is read. ``cores`` is how many may be busy at once (0: all). ``key_variable``
    names the variable of the environment that holds the engine's key, where it is not the usual one. A ``serial``
    grows, and keeps the numbers and names of its chapters. ``feed_url`` is where the folder of the audiobook will be
    found, for players that take it as a podcast; "{folder}" in it stands for that folder's place below the output.
    ``hooks`` are told how it goes. ``done`` and ``failed`` are where ``narrate watch`` puts sources it is done with.
    """

    source: Path
    output: Path = Path("output")
    store: Path | None = None
    engine: str = ""
    voice: str = ""
    model: str = ""
    language: str = ""
    settings: tuple[tuple[str, str], ...] = ()
    formats: tuple[str, ...] = ("mp3",)
    chapters: str = ""
    bitrate: int | None = None
    loudness: float | None = DEFAULT_LOUDNESS
    segments: str = "flac"
    jobs: int = 0
    attempts: int = 8
    max_wait: float = 120.0
    timeout: float | None = None
    deadlines: tuple[tuple[str, float], ...] = ()
    patience: float | None = None
    price: float | None = None
    currency: str = "USD"
    max_cost: float | None = None
    max_characters: int | None = None
    max_requests: int | None = None
    pauses: Pauses = field(default_factory=Pauses)
    metadata: tuple[tuple[str, str | tuple[str, ...]], ...] = ()
    policy: str = "listener"
    reading: tuple[tuple[str, str], ...] = ()
    places: tuple[PlaceRule, ...] = ()
    lexicons: tuple[Path, ...] = ()
    bounds: Bounds = BOUNDS
    cores: int = 0
    key_variable: str = ""
    serial: bool = False
    feed_url: str = ""
    hooks: tuple[Hook, ...] = ()
    done: Path | None = None
    failed: Path | None = None

    @property
    def reading_policy(self) -> Policy:
        """The named policy with the job's changes."""
        return Policy(self.policy, self.reading, self.places)

    @property
    def waits(self) -> Deadlines:
        """How long a server may take: ``timeout`` sets both kinds of silence, ``deadlines`` each alone. The whole takes
        as many times longer as usual, and not less than usual: else a long ``timeout`` would be of no use.
        """
        usual, named = Deadlines(), dict(self.deadlines)
        if self.timeout is None:
            return Deadlines(**named)
        total = max(usual.total, self.timeout * usual.total / usual.first_byte)
        return Deadlines(**{"first_byte": self.timeout, "between_bytes": self.timeout, "total": total, **named})

    @property
    def limits(self) -> Limits:
        """What the run may spend."""
        return Limits(self.max_cost, self.max_characters, self.max_requests)


def unknown(where: str, what: str, name: str, known: Iterable[str]) -> str:
    """The sentence for a name that is none of ``known``, with a guess when one is near."""
    known = sorted(known)
    near = [one for one in known if one_slip(name, one)]
    return f"{where}: unknown {what} {name!r}; " + (did_you_mean(map(repr, near)) if near else guess(name, known))


def did_you_mean(labels: Iterable[str]) -> str:
    """The question that offers all of ``labels``, as they are to be shown."""
    return f"did you mean {' or '.join(labels)}?"


def one_slip(name: str, other: str) -> bool:
    """Whether one letter too many, too few, wrong or in its neighbour's place makes ``name`` of ``other``."""
    if abs(len(name) - len(other)) > 1 or name == other:
        return False
    start = next((at for at, pair in enumerate(zip(name, other, strict=False)) if pair[0] != pair[1]), None)
    if start is None:
        return True
    left, right = name[start:], other[start:]
    swapped = left[:2] == right[1::-1] and left[2:] == right[2:]
    return swapped or left[1:] == right[1:] or left[1:] == right or left == right[1:]


def check(job: Job, where: str) -> Job:
    """``job``, if its values make sense, also together; ``where`` names their origin in messages."""
    for wrong in problems(job, where):
        raise wrong
    return job


def problems(job: Job, where: str) -> Iterator[JobError]:
    """All that is wrong with ``job``, a sentence each; ``where`` names its origin."""
    for what, name, known in (
        ("engine", job.engine, ("", *ENGINES)),
        *(("format", name, FORMATS) for name in job.formats),
        ("kind of segments", job.segments, SEGMENTS),
        ("reading policy", job.policy, tuple(POLICIES)),
    ):
        if name not in known:
            yield JobError(unknown(where, what, name, filter(None, known)))
    if not job.formats:
        yield JobError(f"{where}: 'formats' is empty; name at least one of {', '.join(FORMATS)}")
    if job.bitrate is not None and job.bitrate not in BITRATES:
        near = min(BITRATES, key=lambda known: abs(known - (job.bitrate or 0)))
        yield JobError(f"{where}: 'bitrate' {job.bitrate} is none that MP3 knows; the nearest is {near}")
    for name, (least, most) in RANGES.items():
        value = getattr(job, name)
        if value is not None and not least <= value <= most:
            yield JobError(f"{where}: '{name}' must be between {least:g} and {most:g}, not {_brief(value)}")
    if not CURRENCY.fullmatch(job.currency):
        yield JobError(f"{where}: 'currency' must be a code of three capitals, such as USD, not {job.currency!r}")
    if job.language and not LANGUAGE_TAG.fullmatch(job.language):
        yield JobError(f"{where}: language {job.language!r} is no language tag; write for example en or pt-BR")
    if job.key_variable and not VARIABLE.fullmatch(job.key_variable):
        # what stands there may be the key itself
        yield JobError(
            f"{where}: 'key_variable' is no name of a variable, such as LMNT_API_KEY_SCHOOL; "
            "the key itself belongs in the environment, under that name"
        )
    if job.feed_url and not _is_address(job.feed_url):
        yield JobError(
            f"{where}: 'feed_url' must be an http(s) address without a password, such as https://books.example/emma"
        )
    try:
        chosen_chapters(job.chapters, where)
    except JobError as error:
        yield error
    yield from _contradictions(job, where)


def _contradictions(job: Job, where: str) -> Iterator[JobError]:
    """Settings that are right alone and cannot go together."""
    if job.segments == "mp3" and job.engine in ("", *(name for name in ENGINES if name not in GIVE_MP3)):
        spoken = f"'engine' = \"{job.engine}\"" if job.engine else "the embedded voice, where no 'engine' is named,"
        yield JobError(
            f"{where}: 'segments' = \"mp3\" keeps an engine's MP3, and {spoken} gives none; "
            f"take {' or '.join(GIVE_MP3)}, or leave 'segments' out"
        )
    form = dict(job.settings).get("format", "mp3")
    if job.segments == "mp3" and form != "mp3" and job.engine in GIVE_MP3:
        yield JobError(
            f"{where}: 'segments' = \"mp3\" keeps an engine's MP3, and [settings] format = {form!r} asks for another; "
            "leave one of them out"
        )
    if "feed" in job.formats and not job.feed_url:
        yield JobError(
            f"{where}: 'formats' names \"feed\", which needs 'feed_url', the address where players "
            "will find the audiobook's folder"
        )
    if set(job.formats) == {"m4b"} and job.bitrate in BITRATES and (job.bitrate or 0) > MOST_AAC:
        most = max(known for known in BITRATES if known <= MOST_AAC)
        yield JobError(
            f"{where}: 'bitrate' = {job.bitrate} is more than 'formats' = [\"m4b\"] can hold of one voice; "
            f"the most is {most}"
        )


def not_for_many(job: Job, books: int, where: str) -> Iterator[JobError]:
    """What is wrong with ``job`` when it is for so many books at once."""
    if books > 1 and "title" in dict(job.metadata):
        yield JobError(f"{where}: [metadata] title would be that of all {books:,} books of {job.source}; leave it out")
    if books > 1 and "feed" in job.formats and FOLDER not in job.feed_url:
        yield JobError(
            f"{where}: 'feed_url' would be that of all {books:,} books of {job.source}; "
            f"put {FOLDER} into it, which stands for each one's folder"
        )


def _is_address(text: str) -> bool:
    written = text.isprintable() and not any(map(str.isspace, text))
    parts = http_parts(text) if written else None
    return parts is not None and "@" not in parts.netloc


def _brief(value: float) -> str:
    """A number for people; of whole numbers beyond all floats only how they begin."""
    return f"{value:g}" if abs(value) < 1e300 or isinstance(value, float) else f"{str(value)[:12]}…"


def chosen_chapters(text: str, where: str = "--chapters") -> frozenset[int] | None:
    """Chapter numbers from a list such as "1-3,7"; None for an empty one, which means all."""
    if not text.strip():
        return None
    numbers: set[int] = set()
    for part in text.split(","):
        first, dash, last = map(str.strip, part.partition("-"))
        if not _NUMBER.fullmatch(first) or (dash and not _NUMBER.fullmatch(last)):
            raise JobError(f"{where}: {part.strip()!r} is no chapter number or range; write for example 1-3,7")
        low, high = int(first), int(last) if dash else int(first)
        if not 1 <= low <= high <= 100_000:
            raise JobError(f"{where}: {part.strip()!r} is not a range of chapters; they count from 1 upwards")
        numbers.update(range(low, high + 1))
    return frozenset(numbers)


def part_title(title: str, chapters: str) -> str:
    """What a part of a book is published as: it has a name of its own, or it would take the place of the whole one."""
    return f"{title} (chapters {chapters.replace(' ', '')})" if chapters else title


def with_metadata(meta: Metadata, changes: Iterable[tuple[str, str | tuple[str, ...]]]) -> Metadata:
    """``meta`` with a job's own values in place of the book's."""
    return replace(meta, **dict(changes))  # type: ignore[arg-type]
