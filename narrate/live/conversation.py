"""Speech from text as it is written: what comes in is said as soon as it makes sense, and heard while more comes.

Three threads: the caller's listens (to text, to silence, to interruptions), one has phrases spoken, one lets them be
heard, so that the next is made while the last is playing. An interruption drops what is not heard yet and stops what
is being heard; the listening goes on.
"""

from __future__ import annotations

import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Literal

from narrate.booth import EVERYTHING, Booth, Line, Take
from narrate.errors import EngineDown, EngineRefused, EngineUnavailable
from narrate.live.outlets import Ending, Outlet
from narrate.live.story import Rendition, Story, read_phrase
from narrate.policy import Policy
from narrate.script import Cast, Chunk, Failure
from narrate.text.flow import Phrase
from narrate.turns import Finished, Flushed, Turns, WasReset

IDLE_S = 2.0
"""Seconds without text after which what is there is said."""
TWICE_S = 2.0
"""Seconds within which a second interruption ends."""
ECHO_S = 0.05
"""Seconds within which a second one is the same, passed on by whoever started us; no human is as quick."""
GRACE_S = 5.0
"""Seconds that the end may take once it is asked for: an answer that is paid for should reach the store."""
AHEAD = 4
"""Things that wait to be heard at the most: a take or two, and no more, since an interruption drops them."""


class _Event(Enum):
    INTERRUPT = auto()
    STOP = auto()
    END = auto()
    BROKEN = auto()
    HEARD = auto()
    LATE = auto()


@dataclass(frozen=True, slots=True)
class _Sound:
    """A take to be heard, ``gap_ms`` after the one before it. ``since``: when its phrase was complete."""

    take: Take
    chunk: Chunk
    gap_ms: int
    round: int
    since: float


@dataclass(frozen=True, slots=True)
class _Said:
    """All of a phrase has been heard."""

    renditions: tuple[Rendition, ...]
    round: int


_Item = _Sound | _Said | Flushed | WasReset | Finished | BaseException


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
    """One conversation in one voice. ``hear`` text from any thread, ``interrupt`` or ``stop`` from a signal handler,
    and ``run`` until all is said. ``idle_s`` 0: silence ends no turn.

    A chunk that is refused, or never answered, does not stop the others: it is told, and listed in ``failures``.
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
        report: Callable[[str], None] = lambda sentence: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._booth, self._cast, self._outlets, self.story = booth, cast, outlets, story
        self._idle_s, self._markdown, self._policy = idle_s, markdown, policy
        self._report, self._clock = report, clock
        self._language = cast.narrator.language or booth.job.language or "en"
        self._turns = Turns(self._language, markdown=markdown)
        self._inbox: queue.SimpleQueue[str | _Event] = queue.SimpleQueue()  # whose put a signal handler may call
        self._changed = threading.Condition()
        self._unheard: deque[str] = deque()  # phrases that are being made, wait, or are being heard
        self._ahead: deque[_Item] = deque()
        self._over = False  # nothing more is made or heard
        self._open = False  # the turn has text
        self._gap_ms = 0  # behind what was made last
        self._failure: BaseException | None = None
        self._interrupted_at = -TWICE_S
        self._deadline: float | None = None  # when the end is not waited for any longer
        self._stopped = False
        self._threads = [threading.Thread(target=work, daemon=True) for work in (self._speak, self._play)]
        self.ending: Ending = "whole"
        self.heard = Heard()
        self.failures: list[Failure] = []

    def hear(self, text: str) -> None:
        """A piece of the text."""
        self._inbox.put(text)

    def end(self, whole: bool = True) -> None:
        """The text is over: say the rest. ``whole`` is False when it broke off."""
        self._inbox.put(_Event.END if whole else _Event.BROKEN)

    def interrupt(self) -> None:
        """Stop talking, and go on listening. Twice: the end."""
        self._inbox.put(_Event.INTERRUPT)

    def stop(self) -> None:
        """The end, now."""
        self._inbox.put(_Event.STOP)

    def run(self) -> Literal["done", "interrupted"]:
        """Listen until all is said, and say whether all was. Raises what speaking raises; outlets are finished."""
        for thread in self._threads:
            thread.start()
        while (event := self._listen()) not in (_Event.HEARD, _Event.LATE):
            if event is _Event.INTERRUPT:
                self._interrupt()
            elif event is _Event.STOP:
                self._end_now()
        if event is _Event.LATE:
            self._abandon()
        if self._failure is not None:
            raise self._failure
        return "interrupted" if self._stopped else "done"

    def wait(self) -> None:
        """Give what was left to itself a few seconds: a process should not end in the middle of native code."""
        deadline = time.monotonic() + GRACE_S
        for thread in self._threads:
            if thread.is_alive():
                thread.join(max(0.0, deadline - time.monotonic()))

    # --- the thread that listens ------------------------------------------------------------------------------------

    def _listen(self) -> _Event | None:
        """Take in what comes next; silence ends the turn."""
        wait = self._idle_s or None
        if self._deadline is not None:
            wait = max(0.0, self._deadline - self._clock())
        try:
            event = self._inbox.get(timeout=wait)
        except queue.Empty:
            if self._deadline is not None:
                return _Event.LATE
            self._flush()
            return None
        if isinstance(event, str):
            with self._changed:
                self._open = self._open or bool(event)
                self._turns.append(event)
                self._changed.notify_all()
            return None
        if event in (_Event.END, _Event.BROKEN):
            self._finish_text(whole=event is _Event.END)
        return event

    def _flush(self) -> None:
        with self._changed:
            if self._open and not self._turns.finished:
                self._open = False
                self._turns.flush()
                self._changed.notify_all()

    def _finish_text(self, *, whole: bool) -> None:
        with self._changed:
            if not self._turns.finished:
                self.ending = "whole" if whole else "cut"
                self._turns.finish()
                self._changed.notify_all()

    def _interrupt(self) -> None:
        now = self._clock()
        since, self._interrupted_at = now - self._interrupted_at, now
        if since < ECHO_S:
            return
        self.heard.interruptions += 1
        if self._deadline is not None:
            self._deadline = now
        elif since < TWICE_S:
            self._end_now()
        elif self._drop():
            self._report("interrupted; listening again")
        else:
            self._report("nothing is being said; Ctrl-C once more ends")

    def _end_now(self) -> None:
        """Nothing more is said; what is being made has a few seconds to reach the store."""
        with self._changed:
            self._stopped = True
            self._turns.finish()
        self._drop()
        now = self._clock()
        self._deadline = now + GRACE_S if self._deadline is None else now

    def _drop(self) -> bool:
        """Stop talking, and say whether there was anything to be said."""
        with self._changed:
            dropped = "".join(self._unheard) + self._turns.text_waiting
            self._unheard.clear()
            self._open = False
            self._turns.reset()
            self.story.drop(dropped)
            found = bool(dropped.strip())
            if found and self._turns.finished:  # no more comes: it will never be said
                self._stopped = True
                self.ending = "cut"
            self._changed.notify_all()
        for outlet in self._outlets:
            outlet.interrupt()
        return found

    def _abandon(self) -> None:
        """What does not come to its end is left to itself; outlets that nobody holds up are finished still."""
        with self._changed:
            self._over = True
            self.ending = "cut"
            self._changed.notify_all()
        deadline = time.monotonic() + 1.0
        while (left := deadline - time.monotonic()) > 0:
            try:
                if self._inbox.get(timeout=left) is _Event.HEARD:
                    return
            except queue.Empty:
                return

    # --- the thread that speaks -------------------------------------------------------------------------------------

    def _speak(self) -> None:
        try:
            while not isinstance(step := self._next(), Finished):
                if isinstance(step, Phrase):
                    self._say(step)
                else:
                    self._pass_on(step)
            self._pass_on(step)
        except BaseException as error:  # raised by ``run``, when all that came before has been heard
            self._pass_on(error)

    def _next(self) -> Phrase | Flushed | WasReset | Finished:
        """What is to be said next; waits for it."""
        with self._changed:
            while (step := self._turns.next()) is None and not self._over:
                self._changed.wait()
            if step is None:
                return Finished()
            if isinstance(step, Phrase):
                self._unheard.append(step.text)
                self._round = self._turns.round
            return step

    def _say(self, phrase: Phrase) -> None:
        """Have ``phrase`` spoken, unless it is interrupted."""
        since, current = self._clock(), self._round
        renditions = []
        for passage in read_phrase(phrase, markdown=self._markdown):
            script = self._booth.script(passage.blocks, self._cast, self._policy, self._language)
            chunks = self.story.ended(script.chunks, passage)
            self._gap_ms = max(self._gap_ms, self.story.gap_before(passage))
            spoken: list[Chunk] = []
            silent: list[Chunk] = []
            for chunk in chunks:
                take = self._take(chunk)
                if not self._wanted(current):
                    return
                if take is None:
                    silent.append(chunk)
                    continue
                self._pass_on(_Sound(take, chunk, self._gap_ms, current, since))
                self._gap_ms = chunk.pause_ms
                spoken.append(chunk)
            renditions.append(Rendition(passage, tuple(spoken), script.skipped, tuple(silent)))
        self._pass_on(_Said(tuple(renditions), current))

    def _take(self, chunk: Chunk) -> Take | None:
        """``chunk`` as it is said; None, and told, where there will be no speech for it."""
        try:
            take = self._booth.take(Line(chunk, chunk.source))
        except EngineDown:
            raise
        except (EngineRefused, EngineUnavailable) as error:
            why: Literal["refused", "unanswered"] = "refused" if isinstance(error, EngineRefused) else "unanswered"
            self.failures.append(Failure(chunk, "", str(error), why))
            self._report(f"not spoken: {chunk.source[:60]!r}: {error}")
            return None
        if take.bought:
            self.heard.bought += 1
        else:
            self.heard.stored += 1
        return take

    def _wanted(self, current: int) -> bool:
        return self._turns.round == current and not self._over

    def _pass_on(self, item: _Item) -> None:
        """Hand ``item`` to whoever lets it be heard; waits where enough is waiting."""
        with self._changed:
            while len(self._ahead) >= AHEAD and not self._over:
                self._changed.wait()
            self._ahead.append(item)
            self._changed.notify_all()

    # --- the thread that lets it be heard ---------------------------------------------------------------------------

    def _play(self) -> None:
        try:
            while not isinstance(item := self._next_item(), Finished):
                self._let_hear(item)
        except BaseException as error:  # raised by ``run``, in the thread of whoever waits
            self._failure, self.ending = error, "failed"
        if self.failures and self.ending == "whole":
            self.ending = "cut"
        for outlet in self._outlets:
            try:
                outlet.finish(self.ending)
            except BaseException as error:  # the others are finished still; the first failure is the one to tell
                self._failure = self._failure or error
        with self._changed:
            self._over = True
            self._changed.notify_all()
        self._inbox.put(_Event.HEARD)

    def _next_item(self) -> _Item:
        with self._changed:
            while not self._ahead and not self._over:
                self._changed.wait()
            if self._over:
                return Finished()
            item = self._ahead.popleft()
            self._changed.notify_all()
            return item

    def _let_hear(self, item: _Item) -> None:
        match item:
            case _Sound():
                if self._wanted(item.round):
                    self._count(item)
                    for outlet in self._outlets:
                        outlet.play(item.take, item.gap_ms, lambda: self._wanted(item.round))
            case _Said():
                with self._changed:
                    if self._turns.round == item.round:
                        self._unheard.popleft()
                        for rendition in item.renditions:
                            self.story.add(rendition)
            case BaseException():
                raise item
            case _:
                for outlet in self._outlets:
                    outlet.end_turn()

    def _count(self, sound: _Sound) -> None:
        heard = self.heard
        if heard.first_s is None:
            heard.first_s = self._clock() - sound.since
        heard.characters += len(sound.chunk.text)
        heard.seconds += len(sound.take.samples) / sound.take.rate
