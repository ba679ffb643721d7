"""Where speech is made: in order, in parts, beside the event loop, and never more than agreed."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from narrate.booth import Booth, Line, Take
from narrate.errors import EngineRefused
from narrate.job import Job
from narrate.script import Cast
from narrate.server.metrics import Metrics
from narrate.server.stage import Stage, begun
from narrate.wire.serving import Fault, Order

LONG = "It was a cold evening, and the lamp was lit an hour before its time. The keeper went up once more. " * 3


@pytest.fixture(scope="module")
def booth() -> Iterator[Booth]:
    found = Booth(Job(Path("serve"), engine="tone", settings=(("max_chars", "300"),)), print, keep=False)
    yield found
    found.close()


@pytest.fixture
def stage(booth: Booth) -> Iterator[Stage]:
    """``takes`` of a test are taken back behind it."""
    found = Stage(booth, Metrics(), most=2)
    yield found
    booth.__dict__.pop("take", None)
    found._speakers.shutdown()
    found._encoders.shutdown()


@pytest.fixture
def cast(booth: Booth) -> Cast:
    return booth.cast("mid", "en", ())


def order(text: str, *, streamed: bool = True, speed: float = 1.0) -> Order:
    return Order(text, "mid", "pcm_s16le", 24000, streamed, "audio/x", "en", speed=speed)


def waiting(stage: Stage) -> float:
    [line] = [
        line for line in stage.metrics.page()[0].decode().splitlines() if line.startswith("narrate_chunks_waiting")
    ]
    return float(line.rpartition(" ")[2])


async def performed(stage: Stage, what: Order, cast: Cast) -> list[bytes]:
    return [audio async for audio, _ in stage.perform(what, cast)]


def test_parts_are_the_text_whatever_is_spoken_first(stage: Stage, cast: Cast) -> None:
    async def times() -> list[str]:
        return [entry.text async for _, told in stage.perform(order(LONG), cast) for entry in told]

    assert "".join(asyncio.run(times())) == LONG


def test_the_opening_of_a_stream_is_short_and_of_a_file_is_not(stage: Stage, booth: Booth, cast: Cast) -> None:
    said: list[str] = []
    real = booth.take

    def take(line: Line, tempo: float = 1.0) -> Take:
        said.append(line.text)
        return real(line, tempo)

    booth.take = take  # type: ignore[method-assign]
    asyncio.run(performed(stage, order(LONG), cast))
    assert said[0] == "It was a cold evening,"
    assert "".join(said) == LONG
    said.clear()
    asyncio.run(performed(stage, order(LONG, streamed=False), cast))
    assert said == [LONG]
    said.clear()
    asyncio.run(performed(stage, order("A short one, as it is."), cast))
    assert said == ["A short one, as it is."]


@pytest.mark.parametrize("text", [" ", "...", "\n\n—\n"])
def test_nothing_to_say_is_told_before_anything_is_made(stage: Stage, cast: Cast, text: str) -> None:
    with pytest.raises(Fault, match="nothing to say"):
        asyncio.run(performed(stage, order(text), cast))


def test_one_chunk_is_made_while_another_is_taken_and_no_more(stage: Stage, booth: Booth, cast: Cast) -> None:
    said: list[str] = []
    real = booth.take

    def take(line: Line, tempo: float = 1.0) -> Take:
        said.append(line.text)
        return real(line, tempo)

    booth.take = take  # type: ignore[method-assign]

    async def look() -> None:
        parts = stage.perform(order(LONG * 3), cast)
        for number in range(1, 3):
            await anext(parts)
            await asyncio.sleep(0.03)
            assert len(said) == number + 1
        await parts.aclose()  # type: ignore[attr-defined]

    asyncio.run(look())
    assert waiting(stage) == 0


def test_a_long_text_does_not_keep_a_short_one_waiting(stage: Stage, booth: Booth, cast: Cast) -> None:
    ended: list[str] = []

    async def perform(text: str) -> None:
        await performed(stage, order(text), cast)
        ended.append(text)

    async def both() -> None:
        await asyncio.gather(perform(LONG * 20), perform("Short."), perform("Short as well."))

    asyncio.run(both())
    assert ended[-1] == LONG * 20


def test_the_event_loop_goes_on_while_an_engine_is_at_work(stage: Stage, booth: Booth, cast: Cast) -> None:
    begins, goes_on = threading.Event(), threading.Event()
    real = booth.take

    def take(line: Line, tempo: float = 1.0) -> Take:
        begins.set()
        assert goes_on.wait(10)
        return real(line, tempo)

    booth.take = take  # type: ignore[method-assign]

    async def both() -> None:
        work = asyncio.ensure_future(performed(stage, order("Hello there."), cast))
        while not begins.is_set():
            await asyncio.sleep(0)
        assert waiting(stage) == 1
        assert await stage.encode(len, "planned meanwhile") == 17
        goes_on.set()
        assert await work

    asyncio.run(both())


def test_places(stage: Stage) -> None:
    with stage.place(), stage.place(), pytest.raises(Fault) as refused, stage.place():
        pass
    assert (refused.value.status, refused.value.retry_after) == (429, 1)
    with stage.place(), stage.place():
        pass


def test_a_chunk_that_fails_when_nobody_waits_for_it_is_nobodys_concern(
    stage: Stage, booth: Booth, cast: Cast, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR, "asyncio")
    real = booth.take
    failed = threading.Event()

    def take(line: Line, tempo: float = 1.0) -> Take:
        if line.text.startswith("It was"):
            return real(line, tempo)
        failed.set()
        raise EngineRefused("tone: no")

    booth.take = take  # type: ignore[method-assign]

    async def leave() -> None:
        parts = stage.perform(order(LONG), cast)
        await anext(parts)
        while not failed.is_set():
            await asyncio.sleep(0)
        await asyncio.sleep(0.02)
        await parts.aclose()  # type: ignore[attr-defined]

    asyncio.run(leave())
    gc.collect()
    assert caplog.records == []


def test_work_that_is_begun_still_tells_who_waits() -> None:
    async def fails() -> None:
        raise ValueError("told")

    async def wait() -> None:
        await begun(fails())

    with pytest.raises(ValueError, match="told"):
        asyncio.run(wait())


@pytest.mark.parametrize(("jobs", "threads"), [(0, None), (7, 7)])
def test_an_engine_that_computes_here_has_a_thread_for_each_processor(jobs: int, threads: int | None) -> None:
    booth = Booth(Job(Path("serve"), engine="tone", jobs=jobs), print, keep=False)
    stage = Stage(booth, Metrics(), most=1)
    assert stage._speakers._max_workers == (threads or os.cpu_count())
    stage.close()
