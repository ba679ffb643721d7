"""For tests of live speech: a booth with the tone engine, outlets that remember, a fake sound card."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from narrate.book import Metadata
from narrate.booth import EVERYTHING, Booth, Take
from narrate.engines import Engine, Speech
from narrate.job import Job
from narrate.live.conversation import Live
from narrate.live.outlets import Ending, Outlet
from narrate.live.story import Story
from narrate.script import Chunk
from narrate.store import Store
from narrate.studio import Studio


def booth(folder: Path, **settings: Any) -> Booth:
    """With the engine ``tone``: ten milliseconds a character, 150 at the least."""
    job = Job(Path("live"), **{"engine": "tone", "store": folder / "store", "language": "en", **settings})
    return Booth(job, lambda sentence: None, keep=True)


@dataclass(frozen=True)
class Replaced:
    """A studio whose engine is another."""

    studio: Studio
    engine: Engine

    def __getattr__(self, name: str) -> Any:
        return getattr(self.studio, name)

    @property
    def store(self) -> Store:
        return self.studio.store


class Scripted:
    """An Engine around another, which is asked first what to do about a text: raise, wait, or nothing."""

    def __init__(self, inner: Engine, first: Callable[[str], None]) -> None:
        self._inner, self._first = inner, first
        self.texts: list[str] = []

    @property
    def traits(self) -> Any:
        return self._inner.traits

    def speak(self, chunk: Chunk) -> Speech:
        self.texts.append(chunk.text)
        self._first(chunk.text)
        return self._inner.speak(chunk)


def scripted(here: Booth, first: Callable[[str], None]) -> Scripted:
    """Put a scripted engine into the booth."""
    engine = Scripted(here.studio.engine, first)
    here.studio = Replaced(here.studio, engine)  # type: ignore[assignment]
    return engine


@dataclass
class Memory:
    """An outlet that remembers what it was told. ``gate`` holds up whatever is played until it is set."""

    told: list[str] = field(default_factory=list)
    gaps: list[int] = field(default_factory=list)
    gate: threading.Event = field(default_factory=threading.Event)
    playing: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    ending: Ending | None = None
    fails: Exception | None = None
    unheard: list[str] = field(default_factory=list)

    def play(self, take: Take, gap_ms: int, wanted: Callable[[], bool]) -> None:
        text = "".join(timing.text for timing in take.timings)
        self.playing.release()
        assert self.gate.wait(10)
        if self.fails:
            raise self.fails
        (self.told if wanted() else self.unheard).append(text)
        self.gaps.append(gap_ms)

    def end_turn(self) -> None:
        self.told.append("|")

    def interrupt(self) -> None:
        self.gate.set()
        self.told.append("!")

    def finish(self, ending: Ending) -> None:
        assert self.ending is None
        self.ending = ending

    @property
    def phrases(self) -> list[str]:
        return [text for text in self.told if text not in "|!"]


def memory() -> Memory:
    """One that holds up nothing."""
    outlet = Memory()
    outlet.gate.set()
    return outlet


def live(here: Booth, *outlets: Outlet, **options: Any) -> Live:
    """A conversation whose silence ends nothing, unless told."""
    story = Story(Metadata("Told Live", language="en"), here.job.pauses)
    options = {"idle_s": 0, "policy": EVERYTHING, **options}
    return Live(here, here.studio.cast, outlets, story, **options)


@contextmanager
def running(conversation: Live) -> Iterator[dict[str, Any]]:
    """``run`` in a thread while the block lasts; then ``result`` or ``error`` is known."""
    result: dict[str, Any] = {}

    def run() -> None:
        try:
            result["result"] = conversation.run()
        except BaseException as error:
            result["error"] = error

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    yield result
    thread.join(20)
    assert not thread.is_alive()


class PortAudioError(Exception):
    """The fake sound card's."""


class Card:
    """A sound card that remembers what it was given, as sounddevice's RawOutputStream."""

    last: Card

    def __init__(self, samplerate: int, channels: int, dtype: str) -> None:
        assert (channels, dtype) == (1, "int16")
        self.rate = samplerate
        self.done: list[str] = []
        self.sound = b""
        self.broken = False
        self.blocks: Callable[[], None] = lambda: None
        self._running = False
        Card.last = self

    def _note(self, what: str) -> None:
        if self.broken:
            raise PortAudioError("device unplugged")
        self.done.append(what)

    def start(self) -> None:
        self._note("start")
        self._running = True

    def write(self, data: bytes) -> None:
        if not self._running:
            raise PortAudioError("Stream is stopped")
        self._note("write")
        self.sound += data
        self.blocks()
        if not self._running:
            raise PortAudioError("Stream was stopped while it was written to")

    def abort(self) -> None:
        self._note("abort")
        self._running = False

    def stop(self) -> None:
        self._note("stop")
        self._running = False

    def close(self) -> None:
        self._note("close")

    @property
    def samples(self) -> Any:
        return np.frombuffer(self.sound, "<i2")


def sound_card(monkeypatch: pytest.MonkeyPatch, opens: bool = True) -> None:
    """Put a fake sounddevice in place of the real one."""
    module = ModuleType("sounddevice")

    def refuse(**settings: Any) -> Any:
        raise PortAudioError("Error querying device -1")

    module.PortAudioError = PortAudioError  # type: ignore[attr-defined]
    module.RawOutputStream = Card if opens else refuse  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "sounddevice", module)
