"""Where speech is made while the event loop goes on: threads in front of a booth, never more waiting than agreed.

Work is taken in the order in which it was asked for, a chunk at a time, and nobody has more than two chunks in it: one
that is spoken and the next one. So a long text does not keep a short one waiting, and no session starves. Threads that
compute are few: each one more makes the event loop wait its turn for the interpreter a little longer.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from narrate.booth import Booth, Line, Take, left_out
from narrate.delivery import Delivery, Part
from narrate.script import Cast
from narrate.text.flow import Flow
from narrate.wire.serving import Fault, Order

if TYPE_CHECKING:
    from narrate.server.metrics import Metrics

SHORT = 100
"""Characters of a text that is spoken in one go; of a longer one that is streamed the opening is spoken first."""
ENCODERS = 2
"""Threads that plan and encode, so that a sound which is ready need not queue behind others still to be made."""

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


class Stage:
    """``most`` is how many requests may be in work or waiting at once; beyond it one is turned away (429)."""

    def __init__(self, booth: Booth, metrics: Metrics, *, most: int) -> None:
        self.booth = booth
        self.metrics = metrics
        self.text_held = 0  # characters that wait in all sessions
        self._most = most
        self._taken = 0
        self._speakers = ThreadPoolExecutor(_speakers(booth), thread_name_prefix="speak")
        self._encoders = ThreadPoolExecutor(ENCODERS, thread_name_prefix="encode")

    def close(self) -> None:
        """Take no more work; what is being spoken is not waited for."""
        self._speakers.shutdown(wait=False, cancel_futures=True)
        self._encoders.shutdown(wait=False, cancel_futures=True)
        self.booth.close()

    @contextmanager
    def place(self) -> Iterator[None]:
        """Hold one of the places; Fault when all are taken."""
        if self._taken >= self._most:
            raise Fault(f"{self._most} requests are in work already; try again", "rate_limit_error", retry_after=1)
        self._taken += 1
        try:
            yield
        finally:
            self._taken -= 1

    async def speak(
        self, work: Callable[Arguments, Result], *args: Arguments.args, **kwargs: Arguments.kwargs
    ) -> Result:
        """Have a thread do ``work``, which makes speech."""
        with self.metrics.queued():
            return await _in(self._speakers, work, *args, **kwargs)

    async def encode(
        self, work: Callable[Arguments, Result], *args: Arguments.args, **kwargs: Arguments.kwargs
    ) -> Result:
        """Have a thread do ``work``, which takes milliseconds."""
        return await _in(self._encoders, work, *args, **kwargs)

    def take(self, line: Line, tempo: float = 1.0) -> Take:
        """In a thread of ``speak``: have ``line`` spoken, and count it."""
        take = self.booth.take(line, tempo)
        self.metrics.took(take, len(line.chunk.text))
        return take

    async def perform(self, order: Order, cast: Cast) -> AsyncIterator[Part]:
        """The parts of what ``order`` asks for, each while the one after it is being made.

        Fault, before anything else, when there is nothing to say.
        """
        lines = await self.encode(self._lines, order, cast)
        delivery = Delivery(order.kind, order.rate, whole=not order.streamed)  # type: ignore[arg-type]
        making = begun(self.speak(self.take, lines[0], order.speed))
        try:
            for number, line in enumerate(lines, 1):
                take = await making
                if number < len(lines):
                    making = begun(self.speak(self.take, lines[number], order.speed))
                pause = round(line.chunk.pause_ms / order.speed)
                yield await self.encode(_added, delivery, take, pause, number == len(lines))
        finally:
            making.cancel()

    def _lines(self, order: Order, cast: Cast) -> tuple[Line, ...]:
        """The order's text in lines; somebody waits for the first byte of a stream, so its first line is short."""
        lines = self.booth.lines(order.text, cast, language=order.language)
        if not lines:
            raise Fault("there is nothing to say: the text holds no letter and no digit that a voice here reads")
        self.metrics.left_out(left_out(order.text, lines))
        first = lines[0]
        if not order.streamed or len(first.text) <= SHORT:
            return lines
        flow = Flow(order.language or "en")
        flow.append(first.text)
        opening = flow.take()
        if opening is None:
            return lines
        rest = first.text[len(opening.text) :]
        return (
            *self.booth.lines(opening.text, cast, opening.after, order.language),
            *self.booth.lines(rest, cast, first.chunk.after, order.language),
            *lines[1:],
        )


def _speakers(booth: Booth) -> int:
    """How many threads speak: an engine that computes here gains nothing by more of them than there are processors."""
    return min(booth.workers, os.cpu_count() or 1) if booth.traits.local and not booth.job.jobs else booth.workers


def _added(delivery: Delivery, take: Take, pause_ms: int, last: bool) -> Part:
    audio, times = delivery.add(take, pause_ms)
    return audio + delivery.finish() if last else audio, times


def begun(work: Coroutine[Any, Any, Result]) -> asyncio.Task[Result]:
    """``work``, under way. That it fails while nobody waits for it any more is nobody's concern."""
    task = asyncio.ensure_future(work)
    task.add_done_callback(lambda done: done.cancelled() or done.exception())
    return task


async def _in(
    pool: ThreadPoolExecutor,
    work: Callable[Arguments, Result],
    *args: Arguments.args,
    **kwargs: Arguments.kwargs,
) -> Result:
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(pool, lambda: work(*args, **kwargs))
