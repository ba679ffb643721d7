"""Job -> Studio: the only file that names concrete engines, executors and writers, and reads the environment."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from narrate.assemble import Mastering
from narrate.audiobook import Codec, Encoding, Serial
from narrate.book import Metadata
from narrate.engines import Account, Dictionary, Engine, Price, Traits, VoiceInfo
from narrate.errors import JobError
from narrate.executors import Executor
from narrate.job import FOLDER, Job, part_title, with_metadata
from narrate.naming import book_folder
from narrate.script import Cast, Chunk, Voice
from narrate.store import Store
from narrate.writers import Writer

if TYPE_CHECKING:
    from narrate.engines.metered import Budget, Purse
    from narrate.ledger import Ledger

Report = Callable[[str], None]
Settings = Mapping[str, str]
Opened = tuple[Engine, Callable[[], None]]
Opener = Callable[[Job, Settings, Mapping[str, str]], Opened]

MOST_JOBS = 64
"""Requests in flight, at the most, where neither the user nor the engine says how many: how many of them are of use is
found while working."""
FIRST_JOBS = 8
"""Requests in flight at first. Who names a number knows the server: then three quarters of it."""


@dataclass(frozen=True)
class Studio:
    """Everything a production needs, ready for use. ``close`` cuts off what is still in flight."""

    engine: Engine
    cast: Cast
    narrator: str
    store: Store
    ledger: Ledger
    budget: Budget
    price: Price | None
    account: Callable[[], Account | None]
    workers: int
    speakers: Executor
    masters: Executor
    mastering: Mastering
    writers: tuple[Writer, ...]
    serial: Serial | None
    close: Callable[[], None]

    @property
    def traits(self) -> Traits:
        """The engine's."""
        return self.engine.traits

    @property
    def currency(self) -> str:
        """What prices are in."""
        return self.price.currency if self.price else "USD"


def open_studio(
    job: Job,
    book: Metadata,
    report: Report,
    retry: Report = lambda sentence: None,
    *,
    silent: bool = False,
    spent: Iterable[Budget] = (),
    purse: Purse | None = None,
    forgets: float | None = None,
) -> Studio:
    """Build what ``job`` names, for ``book``: its language decides on the voice, its title stands in the ledger.

    ``report`` is told, in a sentence, of damaged store entries, of an engine chosen for the language and of one that is
    down; ``retry`` of each request that is made again. A ``silent`` studio only plans: it needs no key. What was
    ``spent`` on books before counts towards the job's limits; ``purse`` is what other books spend from at the same
    time. ``forgets``: seconds after which an engine that was given
    up is tried again; None is never, as suits a run.
    """
    from narrate.engines.limited import limited
    from narrate.engines.metered import Budget, Metered
    from narrate.engines.retrying import Retrying
    from narrate.engines.verified import Verified
    from narrate.executors.processes import Processes
    from narrate.executors.threads import Threads
    from narrate.ledger import FILE as LEDGER
    from narrate.ledger import Ledger
    from narrate.pacing.gate import Stop

    name, language = (job.engine, book.language) if job.engine else _embedded_for(book.language, report)
    settings = {**dict(job.settings), **({"model": job.model} if job.model else {})}
    if job.segments == "mp3" and name in _HOSTED:
        settings.setdefault("format", "mp3")
    store = open_store(job.store, report)
    cast = cast_for(name, job.voice, language, settings)
    bare, close = _OPENERS[name](job, settings, _environment(job, name, silent))
    cores = job.cores or os.cpu_count() or 1
    most = min(bare.traits.connections or 1024, job.cores if job.cores and bare.traits.local else 1024)
    workers = min(job.jobs or bare.traits.connections or MOST_JOBS, most)
    stop = Stop()
    ledger = Ledger(store.folder / LEDGER, report)
    price, counted = _prices(job, bare.traits)
    budget = Budget(job.limits, counted, spent, purse)
    metered = Metered(
        Verified(bare, keep_mp3=job.segments == "mp3", doubts=job.attempts - 1),
        budget,
        # what costs nothing needs no ledger
        ledger if price or not bare.traits.local else None,
        book=book.title,
        price=price,
        run=secrets.token_hex(8),
        source=job.source.name,
        report=report,
    )
    queued = limited(
        metered,
        most=workers,
        start=max(FIRST_JOBS, job.jobs * 3 // 4),
        adapt=not bare.traits.local,
        patience=0 if bare.traits.local else job.patience,
        attempts=job.attempts,
        max_wait=job.max_wait,
        stop=stop,
        report=report,
        forgets=forgets,
    )
    engine = Retrying(
        queued,
        attempts=job.attempts,
        max_wait=job.max_wait,
        stop=stop,
        sleep=queued.rest,
        watch=lambda waiting: retry(f"attempt {waiting.attempt}, again in {waiting.seconds:.1f} s: {waiting.reason}"),
    )

    def close_all() -> None:
        close()
        ledger.close()

    return Studio(
        engine=engine,
        cast=cast,
        narrator=f"{cast.narrator.name} (synthetic voice, {_MAKERS[name]})",
        store=store,
        ledger=ledger,
        budget=budget,
        price=price,
        account=getattr(bare, "account", _unknown),
        workers=workers,
        speakers=Threads(workers, on_stop=stop.set),
        masters=Processes(cores, preload=("narrate.mastering", "av", "lameenc")),
        mastering=_mastering(job),
        writers=_writers(job, book),
        serial=_serial(job, book),
        close=close_all,
    )


def _prices(job: Job, traits: Traits) -> tuple[Price | None, Price | None]:
    """What is paid, as far as it is known: the job knows better than the engine. And what limits count with."""
    price = traits.price if job.price is None else Price(job.price, job.currency)
    return price, price or (Price(0.0) if traits.local else traits.list_price)


def _unknown() -> None:
    """The account of an engine that has none."""


def open_store(folder: Path | None, report: Report) -> Store:
    """The store in ``folder``, or the user's own."""
    return Store(store_folder(folder), report)


def store_folder(folder: Path | None) -> Path:
    """``folder``, or where the user's own store lies."""
    from platformdirs import user_cache_path

    return folder or user_cache_path("narrate", appauthor=False) / "store"


def data_folder() -> Path:
    """Where what a user has made lies, and not only what can be made again."""
    from platformdirs import user_data_path

    return user_data_path("narrate", appauthor=False)


def list_voices(engine: str) -> tuple[VoiceInfo, ...]:
    """The voices of one engine; hosted ones are asked where that takes no more than what the environment gives."""
    module = import_module(f"narrate.engines.{engine}")
    found: tuple[VoiceInfo, ...] = module.voices(os.environ) if engine in _ASK_WITH_ENVIRONMENT else module.voices()
    return found


def dictionary(engine: str) -> Dictionary | None:
    """What an engine knows of words, where it can tell without speaking."""
    found: Callable[[], Dictionary] | None = getattr(import_module(f"narrate.engines.{engine}"), "dictionary", None)
    return found() if found else None


def audition(name: str) -> str:
    """Have an embedded engine speak, and tell how it went. Raises what it raises."""
    voice = _voice(name, "", "en", {})
    engine, close = _OPENERS[name](Job(Path()), {}, os.environ)
    try:
        speech = engine.speak(Chunk("All is well in this house.", voice, 0))
    finally:
        close()
    return f"{len(list_voices(name))} voices; speaks ({len(speech.audio) / 2 / speech.rate:.1f} s of sound)"


_HOSTED = ("lmnt", "openai")
_ASK_WITH_ENVIRONMENT = (*_HOSTED, "tone")
_MAKERS = {"kokoro": "Kokoro-82M", "espeak": "espeak-ng", "lmnt": "LMNT", "openai": "OpenAI API", "tone": "tone"}


def _embedded_for(language: str, report: Report) -> tuple[str, str]:
    """The embedded engine for a book in ``language``, and the language it is then read in: English where the book is
    silent or says what nobody knows.
    """
    primary = language.split("-")[0].lower()
    if primary in ("", "en"):
        return "kokoro", "en"
    if primary not in {listed.language.split("-")[0] for listed in list_voices("espeak")}:
        report(f"the book's language {language!r} is spoken by no voice here: it is read as English; see --language")
        return "kokoro", "en"
    report(f"the book is in {language!r}, which kokoro does not speak: espeak does (or name another with --engine)")
    return "espeak", language


def _voice(engine: str, name: str, language: str, settings: dict[str, str]) -> Voice:
    make: Any = import_module(f"narrate.engines.{engine}").voice
    if engine in _ASK_WITH_ENVIRONMENT:
        voice: Voice = make(name, language, settings, os.environ)
    else:
        voice = make(name, language or "en", settings)
    return voice


_GUESTS = {
    "Greek": "el", "Cyrillic": "ru", "Arabic": "ar", "Hebrew": "he", "Devanagari": "hi", "Korean": "ko", "Thai": "th",
    "Georgian": "ka", "Armenian": "hy", "Tamil": "ta", "Telugu": "te", "Bengali": "bn", "Gujarati": "gu",
    "Kannada": "kn", "Malayalam": "ml", "Gurmukhi": "pa", "Ethiopic": "am",
}  # fmt: skip
"""Scripts that kokoro cannot read, and the language in which espeak reads a quotation in them."""


def cast_in(engine: str, name: str, language: str, settings: dict[str, str]) -> Cast:
    """As ``cast_for``, but a language that kokoro lacks is read by espeak, whatever the voice that was named."""
    if engine == "kokoro" and (language or "en").partition("-")[0].lower() != "en":
        return cast_for("espeak", "", language, {key: value for key, value in settings.items() if key == "speed"})
    return cast_for(engine, name, language, settings)


def cast_for(engine: str, name: str, language: str, settings: dict[str, str]) -> Cast:
    """The voice ``name`` of an engine, and those that read for it the scripts that it cannot. JobError for a voice,
    language or setting that there is not.
    """
    narrator = _voice(engine, name, language, settings)
    if engine != "kokoro":
        return Cast(narrator)
    speed = {"speed": narrator.setting("speed")} if narrator.setting("speed") else {}
    known = {listed.language for listed in list_voices("espeak")}
    guests = {script: spoken for script, spoken in _GUESTS.items() if spoken in known}
    pairs = ((script, _voice("espeak", "", spoken, speed)) for script, spoken in guests.items())
    return Cast(narrator, tuple(pairs), latin_only=True)


def _nothing() -> None:
    """What closing an engine without connections takes."""


_KEYS = {"lmnt": "LMNT_API_KEY", "openai": "OPENAI_API_KEY"}


def _environment(job: Job, engine: str, silent: bool) -> Mapping[str, str]:
    """What an engine reads its key and its address from. For planning, hosted engines open without a key: a request
    with this one would be turned away.
    """
    if silent:
        return {**os.environ, **dict.fromkeys(_KEYS.values(), "none")}
    usual, named = _KEYS.get(engine), job.key_variable
    if not usual or not named or named == usual:
        return os.environ
    if not os.environ.get(named, "").strip() and not os.environ.get(f"{named}_FILE", "").strip():
        raise JobError(f"the variable {named}, which the job names for its key (key_variable), is not set")
    others = {name: value for name, value in os.environ.items() if name not in (usual, f"{usual}_FILE")}
    own = {f"{usual}{suffix}": os.environ.get(f"{named}{suffix}", "") for suffix in ("", "_FILE")}
    return {**others, **own}


def _kokoro(job: Job, settings: Settings, environment: Mapping[str, str]) -> Opened:
    from narrate.engines.ensemble import Ensemble
    from narrate.engines.kokoro import Kokoro

    local = environment.get("NARRATE_KOKORO_MODEL")
    espeak, close = _espeak(job, settings, environment)
    return Ensemble({"kokoro": Kokoro(Path(local) if local else None), "espeak": espeak}, leader="kokoro"), close


def _espeak(job: Job, settings: Settings, environment: Mapping[str, str]) -> Opened:
    from narrate.engines.espeak import Espeak

    engine = Espeak()
    return engine, engine.close


def _hosted(name: str) -> Opener:
    def open_engine(job: Job, settings: Settings, environment: Mapping[str, str]) -> Opened:
        module = import_module(f"narrate.engines.{name}")
        own: dict[str, Any] = {}
        if name == "lmnt":
            own["timings"] = settings.get("timestamps") == "true"
        elif "model" in settings:
            own["model"] = settings["model"]
        jobs = job.jobs or MOST_JOBS
        engine, client = module.engine(environment, connections=jobs, deadlines=job.waits, **own)
        return engine, client.close

    return open_engine


def _tone(job: Job, settings: Settings, environment: Mapping[str, str]) -> Opened:
    from narrate.engines import tone

    return tone.engine(settings), _nothing


_OPENERS: dict[str, Opener] = {
    "kokoro": _kokoro,
    "espeak": _espeak,
    "lmnt": _hosted("lmnt"),
    "openai": _hosted("openai"),
    "tone": _tone,
}


_CODECS: dict[str, tuple[Codec, int]] = {
    "mp3": ("mp3", 96),
    "chapters": ("mp3", 96),
    "feed": ("mp3", 96),
    "m4b": ("aac", 64),
}
"""Each format's codec and its default bit rate in kbit/s: plenty for one voice at 24 kHz (audio.md, section 4)."""


def _mastering(job: Job) -> Mastering:
    codecs = dict(_CODECS[name] for name in job.formats)
    return Mastering(
        target_lufs=job.loudness,
        # one sample rate for the whole book: the timeline's
        encodings=tuple(Encoding(codec, 0, job.bitrate or usual) for codec, usual in codecs.items()),
        join_mp3=job.segments == "mp3",
    )


def _writers(job: Job, book: Metadata) -> tuple[Writer, ...]:
    """One for each format; a feed writes the chapters that it leads to, so that nobody else may."""
    from narrate.writers.chapters import ChaptersWriter
    from narrate.writers.feed import FeedWriter
    from narrate.writers.m4b import M4bWriter
    from narrate.writers.mp3 import Mp3Writer

    writers: dict[str, Callable[[], Writer]] = {
        "mp3": Mp3Writer,
        "m4b": M4bWriter,
        "chapters": ChaptersWriter,
        "feed": lambda: FeedWriter(_feed_url(job, book), ChaptersWriter()),
    }
    names = dict.fromkeys(job.formats)
    return tuple(writers[name]() for name in names if name != "chapters" or "feed" not in names)


def _serial(job: Job, book: Metadata) -> Serial | None:
    """What a book that grows starts from; a feed makes a serial of every book."""
    from narrate.serials import feed_guid

    if not job.serial and "feed" not in job.formats:
        return None
    return Serial(feed_guid(_feed_url(job, book)) if job.feed_url else "")


def _feed_url(job: Job, book: Metadata) -> str:
    """Where the audiobook's folder will be found; it ends in "/" where the folder's name is its end, and may be that of
    a feed: "Learning.xml".
    """
    named = with_metadata(book, job.metadata)
    folder = book_folder(replace(named, title=part_title(named.title, job.chapters)), Path()).as_posix()
    address = f"{job.feed_url}/" if job.feed_url.endswith(FOLDER) else job.feed_url
    return address.replace(FOLDER, quote(folder))
