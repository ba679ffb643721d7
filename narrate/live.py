"""Speech from text as it is written: what comes in is said as soon as it makes sense, and heard while more comes.

Two threads: the caller's listens (to text, to silence, to interruptions), the other speaks. An interruption drops what
is not said yet and stops what is being heard; the listening goes on.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import Literal

from narrate.booth import EVERYTHING, Booth, Line, Take
from narrate.outlets import Outlet
from narrate.policy import Policy
from narrate.script import Cast, Chunk
from narrate.story import Story, read_phrase
from narrate.text.flow import Phrase
from narrate.turns import Finished, Flushed, Turns, WasReset

IDLE_S = 2.0
"""Seconds without text after which what is there is said."""
TWICE_S = 2.0
"""Seconds within which a second interruption ends."""


class _Event(Enum):
    INTERRUPT = auto()
    END = auto()
    SPOKEN = auto()


@dataclass(slots=True)
class Heard:
    """What came of it. ``first_s``: from the moment the first phrase was complete to its first sound, in seconds."""

    characters: int = 0
    seconds: float = 0.0
    bought: int = 0
    stored: int = 0
    interruptions: int = 0
    first_s: float | None = None


class Live:
    """One conversation in one voice. ``hear`` text from any thread, ``interrupt`` from a signal handler, and ``run``
    until all is said. ``idle_s`` 0: silence ends no turn.
    """

    def __init__(
        self,
        booth: Booth,
        cast: Cast,
        outlets: Sequence[Outlet],
        story: Story,
        *,
        idle_s: float = IDLE_S,
        markdown: bool = True,
        policy: Policy = EVERYTHING,
    ) -> None:
        self._booth, self._cast, self._outlets, self.story = booth, cast, outlets, story
        self._idle_s, self._markdown, self._policy = idle_s, markdown, policy
        self._turns = Turns(cast.narrator.language or "en", markdown=markdown)
        self._inbox: queue.SimpleQueue[str | _Event] = queue.SimpleQueue()  # whose put a signal handler may call
        self._changed = threading.Condition()
        self._saying = ""  # what is being said, as far as it is not heard yet
        self._failure: BaseException | None = None
        self._interrupted_at = -TWICE_S
        self.heard = Heard()

    def hear(self, text: str) -> None:
        """A piece of the text."""
        self._inbox.put(text)

    def end(self) -> None:
        """The text is over: say the rest."""
        self._inbox.put(_Event.END)

    def interrupt(self) -> None:
        """Stop talking. Twice, or where nothing is being said: the end."""
        self._inbox.put(_Event.INTERRUPT)

    def run(self) -> Literal["done", "interrupted"]:
        """Listen until all is said, and say whether all was. Raises what speaking raises; outlets are finished."""
        speaker = threading.Thread(target=self._speak, daemon=True, name="speak")
        speaker.start()
        cut = False
        while (event := self._listen()) is not _Event.SPOKEN:
            if event is _Event.INTERRUPT:
                cut = self._interrupt() or cut
        speaker.join()
        for outlet in self._outlets:
            outlet.finish(whole=self._failure is None)
        if self._failure is not None:
            raise self._failure
        return "interrupted" if cut else "done"

    # --- the thread that listens ------------------------------------------------------------------------------------

    def _listen(self) -> _Event | None:
        """Take in what comes next; silence ends the turn."""
        try:
            event = self._inbox.get(timeout=self._idle_s or None)
        except queue.Empty:
            with self._changed:
                if self._turns.waiting and not self._turns.finished:
                    self._turns.flush()
                    self._changed.notify()
            return None
        if isinstance(event, str) or event is _Event.END:
            with self._changed:
                if isinstance(event, str):
                    self._turns.append(event)
                elif not self._turns.finished:
                    self._turns.finish()
                self._changed.notify()
        return event if isinstance(event, _Event) else None

    def _interrupt(self) -> bool:
        """Stop talking; whether that leaves something unsaid for good."""
        now = time.monotonic()
        with self._changed:
            dropped = self._saying + self._turns.text_waiting
            again = now - self._interrupted_at < TWICE_S or not dropped.strip()
            over = again or self._turns.finished
            if again and not self._turns.finished:
                self._turns.finish()
            self._turns.reset()
            self.story.drop(dropped)
            self._saying = ""
            self._changed.notify()
        self._interrupted_at = now
        self.heard.interruptions += 1
        for outlet in self._outlets:
            outlet.interrupt()
        return over

    # --- the thread that speaks -------------------------------------------------------------------------------------

    def _speak(self) -> None:
        try:
            while self._step():
                pass
        except BaseException as error:  # raised by ``run``, in the thread of whoever waits
            self._failure = error
        finally:
            self._inbox.put(_Event.SPOKEN)

    def _step(self) -> bool:
        """Say the next phrase; whether there may be another."""
        with self._changed:
            while (step := self._turns.next()) is None:
                self._changed.wait()
            current = self._turns.round
            self._saying = step.text if isinstance(step, Phrase) else ""
        match step:
            case Phrase():
                self._say(step, current)
            case Flushed() | WasReset():
                for outlet in self._outlets:
                    outlet.end_turn()
            case Finished():
                return False
        return True

    def _say(self, phrase: Phrase, current: int) -> None:
        """Speak ``phrase`` and let it be heard, unless it is interrupted."""
        since = time.monotonic()
        passage = read_phrase(phrase, markdown=self._markdown)
        script = self._booth.script(passage.blocks, self._cast, self._policy)
        chunks = [*script.chunks]
        if chunks:
            pause = self._booth.job.pauses.after(phrase.after)
            chunks[-1] = replace(chunks[-1], after=phrase.after, pause_ms=pause)
        for chunk in chunks:
            take = self._booth.take(Line(chunk, chunk.source))
            if not self._wanted(current):
                return
            self._count(take, chunk, since)
            for outlet in self._outlets:
                outlet.play(take, chunk.pause_ms, lambda: self._wanted(current))
        with self._changed:
            if self._turns.round == current:
                self.story.add(passage, chunks, script.skipped)
                self._saying = ""

    def _wanted(self, current: int) -> bool:
        return self._turns.round == current

    def _count(self, take: Take, chunk: Chunk, since: float) -> None:
        heard = self.heard
        if heard.first_s is None:
            heard.first_s = time.monotonic() - since
        heard.characters += len(chunk.text)
        heard.seconds += len(take.samples) / take.rate
        if take.bought:
            heard.bought += 1
        else:
            heard.stored += 1
