"""Where speech is made while the event loop goes on: threads in front of a booth, never more waiting than agreed.

Work is taken in the order in which it was asked for, a chunk at a time, and nobody has more than two chunks in it: one
that is spoken and the next one. So a long text does not keep a short one waiting, and no session starves.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from narrate.booth import Booth, Line, left_out
from narrate.delivery import Delivery, Part
from narrate.script import Cast
from narrate.text.flow import Flow
from narrate.wire.serving import Fault, Order

if TYPE_CHECKING:
    from narrate.server.metrics import Metrics

SHORT = 100
"""Characters of a text that is spoken in one go; of a longer one that is streamed the opening is spoken first."""
ENCODERS = 2
"""Threads that encode, so that a sound which is ready need not queue behind others that are still to be made."""

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


class Stage:
    """``most`` is how many requests may be in work or waiting at once; beyond it one is turned away (429)."""

    def __init__(self, booth: Booth, metrics: Metrics, *, most: int) -> None:
        self.booth = booth
        self.metrics = metrics
        self._most = most
        self._taken = 0
        workers = booth.workers
        self._speakers = ThreadPoolExecutor(workers, thread_name_prefix="speak")
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

    async def perform(self, order: Order, cast: Cast) -> AsyncIterator[Part]:
        """The parts of what ``order`` asks for, each while the one after it is being made.

        Fault, before anything else, when there is nothing to say.
        """
        parts = self._parts(order, cast)
        following = asyncio.ensure_future(self.speak(next, parts, None))
        try:
            while (part := await following) is not None:
                following = asyncio.ensure_future(self.speak(next, parts, None))
                yield part
        finally:
            following.cancel()

    def _parts(self, order: Order, cast: Cast) -> Iterator[Part]:
        """In a thread: speak, encode, and so on to the end."""
        lines = self._lines(order, cast)
        if not lines:
            raise Fault("there is nothing to say: the text holds no letter and no digit that a voice here reads")
        self.metrics.left_out(left_out(order.text, lines))
        delivery = Delivery(order.kind, order.rate, whole=not order.streamed)  # type: ignore[arg-type]
        for line in lines:
            take = self.booth.take(line, order.speed)
            self.metrics.took(take, len(line.chunk.text))
            yield delivery.add(take, round(line.chunk.pause_ms / order.speed))
        yield delivery.finish(), ()

    def _lines(self, order: Order, cast: Cast) -> tuple[Line, ...]:
        """The order's text in lines; somebody waits for the first byte of a stream, so its first line is short."""
        lines = self.booth.lines(order.text, cast, language=order.language)
        if not order.streamed or not lines or len(lines[0].text) <= SHORT:
            return lines
        flow = Flow(order.language or "en")
        flow.append(order.text)
        opening = flow.take()
        if opening is None or len(opening.text) > len(lines[0].text):
            return lines
        first = self.booth.lines(opening.text, cast, opening.after, order.language)
        return (*first, *self.booth.lines(order.text[len(opening.text) :], cast, language=order.language))


async def _in(
    pool: ThreadPoolExecutor,
    work: Callable[Arguments, Result],
    *args: Arguments.args,
    **kwargs: Arguments.kwargs,
) -> Result:
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(pool, lambda: work(*args, **kwargs))
