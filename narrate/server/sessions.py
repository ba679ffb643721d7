"""Speech Sessions over WebSocket: text in as it is written, sound out as it is spoken, in all dialects of the wire.

Two tasks a session: one reads, always, so that a reset cuts what is being said and pings are answered; the other speaks
and sends. A client that reads slowly holds its own speech back, and nobody else's.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable
from contextlib import ExitStack
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect

from narrate.booth import Line, Take
from narrate.delivery import Delivery
from narrate.script import Cast
from narrate.server.answers import Premises, fault_of, now, premises, told
from narrate.server.keys import Key
from narrate.server.stage import begun
from narrate.text.flow import Phrase
from narrate.turns import Finished, Flushed, Step, Turns, WasReset
from narrate.wire import speech
from narrate.wire.serving import Fault
from narrate.wire.session import (
    LONGEST_FRAME,
    Finish,
    Flush,
    Opening,
    Reset,
    ServerSide,
    SessionFault,
    Text,
    Timed,
)

MOST_TEXT = 1_000_000
"""Characters that may wait to be spoken. Reading cannot simply stop there: pings, and resets, would wait as well."""
MOST_TEXT_IN_ALL = 20_000_000
"""Characters that may wait in all sessions together."""
MOST_TURNS = 1_000
"""Flushes and resets that may wait."""
SLICE_S = 1.0
"""Seconds of sound that are encoded at once: what a reset cannot take back any more."""
_AT_A_STRETCH = 32
"""Messages that are taken in before others have their turn: the small ones of a large packet cost a second."""


class _Gone(Exception):
    """The client has left."""


async def session(websocket: WebSocket) -> None:
    """One session, from the opening message to the close."""
    await _Session(websocket, premises(websocket)).run()


class _Session:
    def __init__(self, websocket: WebSocket, here: Premises) -> None:
        self._socket = websocket
        self._here = here
        self._side = ServerSide()
        self._note: dict[str, Any] = websocket.state.note
        self._turns = Turns()
        self._wake = asyncio.Event()
        self._reset = asyncio.get_running_loop().create_future()  # done as soon as what is spoken now is unwanted
        self._stale: set[asyncio.Task[Take | None]] = set()  # what was unwanted too late
        self._busy_at = now()
        self._held = 0  # of the text that waits in all sessions
        self._asked_at: deque[float | None] = deque([None])  # when each turn's text came; 0.0 once it is heard
        self._finished = self._refused = False
        self._note["characters"] = 0

    async def run(self) -> None:
        """All of it."""
        end, code = "cut short", 1001  # "going away": what remains when the server is ended by force
        try:
            await self._socket.accept()
            with ExitStack() as places:
                await self._converse(places)
            if self._finished and not self._refused:
                end, code = "finished", 1000
        except (_Gone, WebSocketDisconnect):
            end, code = "gone", 0
        except Exception as error:  # whatever it is, the client is told in the protocol's words
            fault = Fault(error.message, error.kind) if isinstance(error, SessionFault) else fault_of(error)
            end, code = fault.kind, 1000
            self._note |= told(error, fault)
            await self._tell(fault)
        finally:
            self._here.metrics.ended.labels(end).inc()
            self._note["end"] = end
        if code:
            await self._close(code)

    async def _converse(self, places: ExitStack) -> None:
        opening = await self._opened()
        key = self._here.keys.who(opening.key)
        self._note["key"] = key.name
        if self._here.leaving.is_set():
            raise Fault("the server is ending", "internal_server_error", status=503)
        self._enter(places, key)
        language = speech.subtag(opening.language)
        cast = await self._here.cast(opening.voice, language)
        self._turns = Turns(language or "en")
        await self._send(self._side.ready(self._socket.state.request_id))
        reader = asyncio.create_task(self._read())
        leaver = asyncio.create_task(self._leave())
        speaker = asyncio.create_task(self._speak(opening, cast, key))
        try:
            await asyncio.wait((reader, speaker), return_when=asyncio.FIRST_COMPLETED)
            for task in (reader, speaker):
                if task.done():
                    task.result()
        finally:
            tasks: tuple[asyncio.Task[Any], ...] = (reader, speaker, leaver, *self._stale)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _opened(self) -> Opening:
        try:
            async with asyncio.timeout(self._here.limits.opening_s):
                opening = await self._event()
        except TimeoutError:
            raise SessionFault("the opening message did not come in time") from None
        if not isinstance(opening, Opening):  # the protocol's own first message, or it would have been a fault
            raise SessionFault("the opening message must come first")
        return opening

    def _enter(self, places: ExitStack, key: Key) -> None:
        """Take a place; it is given back when the session ends."""
        here = self._here
        if here.open >= here.limits.sessions:
            raise Fault(f"{here.limits.sessions} sessions are open already; try again", "rate_limit_error")
        places.enter_context(here.keys.busy(key))
        here.open += 1
        here.metrics.sessions.inc()
        places.callback(self._left)

    def _left(self) -> None:
        self._here.open -= 1
        self._here.metrics.sessions.dec()
        self._here.stage.text_held -= self._held

    # --- what comes in ----------------------------------------------------------------------------------------------

    async def _event(self) -> Opening | Text | Flush | Reset | Finish:
        message = await self._socket.receive()
        if message["type"] == "websocket.disconnect":
            raise _Gone
        self._busy_at = now()
        data = message.get("text")
        if data is None:
            data = message.get("bytes") or b""
        if len(data) > LONGEST_FRAME:
            raise SessionFault(f"a message may have {LONGEST_FRAME:,} bytes")
        return self._side.received(data)

    async def _read(self) -> None:
        """Take in whatever comes, until the client leaves or breaks a rule."""
        count = 0
        while True:
            self._take_in(await self._event())
            self._count_text()
            if self._turns.waiting > MOST_TEXT or self._turns.owed > MOST_TURNS:
                raise SessionFault("too much is waiting to be spoken; send it as it is spoken")
            if self._here.stage.text_held > MOST_TEXT_IN_ALL:
                raise Fault("too much text is waiting in all sessions; try again", "rate_limit_error")
            self._wake.set()
            count += 1
            if count % _AT_A_STRETCH == 0:
                await asyncio.sleep(0)

    def _take_in(self, event: Opening | Text | Flush | Reset | Finish) -> None:
        match event:
            case Text() if self._here.leaving.is_set():
                self._refused = True  # the close tells
            case Text(text=text):
                if self._asked_at[-1] is None:
                    self._asked_at[-1] = now()
                self._turns.append(text)
            case Flush(nonce=nonce):
                self._asked_at.append(None)
                self._turns.flush(nonce)
            case Reset(nonce=nonce):
                self._asked_at = deque([None] * len(self._asked_at))
                self._turns.reset(nonce)
                self._reset.set_result(None)
                self._reset = asyncio.get_running_loop().create_future()
            case Finish():
                self._finished = True
                self._turns.finish()

    def _count_text(self) -> None:
        held, self._held = self._held, self._turns.waiting
        self._here.stage.text_held += self._held - held

    async def _leave(self) -> None:
        """When the server ends: what has been sent is spoken, and no more text is taken."""
        await self._here.leaving.wait()
        self._turns.finish()
        self._wake.set()

    # --- what goes out ----------------------------------------------------------------------------------------------

    async def _speak(self, opening: Opening, cast: Cast, key: Key) -> None:
        """Say what there is, until everything is said."""
        delivery = Delivery(opening.format, opening.sample_rate)  # type: ignore[arg-type]
        while True:
            step = await self._next()
            match step:
                case Phrase():
                    await self._say(step, delivery, cast, key)
                case Flushed(nonce=nonce):
                    await self._play(await self._here.stage.encode(delivery.flush), buffer_empty=True)
                    await self._send(self._side.flush_complete(nonce))
                    if len(self._asked_at) > 1:
                        self._asked_at.popleft()
                case WasReset(nonce=nonce):
                    await self._play(await self._here.stage.encode(delivery.flush))
                    await self._send(self._side.reset_complete(nonce))
                case Finished():
                    await self._play(await self._here.stage.encode(delivery.finish), buffer_empty=True)
                    return
            self._busy_at = now()

    async def _next(self) -> Step:
        """What to do next, as soon as there is something to do."""
        while (step := self._turns.next()) is None:
            self._wake.clear()
            idle = self._here.limits.idle_s - (now() - self._busy_at)
            try:
                async with asyncio.timeout(max(0.0, idle)):
                    await self._wake.wait()
            except TimeoutError:
                if now() - self._busy_at >= self._here.limits.idle_s:
                    raise SessionFault("the session was idle for too long") from None
        self._count_text()
        return step

    async def _say(self, phrase: Phrase, delivery: Delivery, cast: Cast, key: Key) -> None:
        """Speak a phrase, line by line and slice by slice: what a reset makes stale is not begun."""
        stage, current = self._here.stage, self._turns.round
        lines = () if phrase.text.isspace() else await stage.encode(stage.booth.lines, phrase.text, cast, phrase.after)
        if self._turns.round != current:
            return
        if not lines:  # the times tell of all that was sent
            await self._play(b"", (Timed(phrase.text, delivery.position / delivery.rate, 0.0),))
            return
        self._note["characters"] += len(phrase.text)
        async with self._here.charged(key, len(phrase.text)):
            for line in lines:
                take = await self._taken(line, current)
                if take is None or not await self._sound(take, line, delivery, current):
                    return

    async def _taken(self, line: Line, current: int) -> Take | None:
        """The take of ``line``; None as soon as a reset makes it unwanted. What is being made then is made to its end,
        and discarded: one such chunk may be under way while the next is made, and no more.
        """
        unwanted = self._reset
        while len(self._stale) > 1 and not unwanted.done():
            await asyncio.wait((*self._stale, unwanted), return_when=asyncio.FIRST_COMPLETED)
        if self._turns.round != current:
            return None
        making = begun(self._here.stage.speak(self._take, line, current))
        try:
            await asyncio.wait((making, unwanted), return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            making.cancel()
            raise
        if self._turns.round == current:
            return making.result()
        if not making.done():
            self._stale.add(making)
            making.add_done_callback(self._stale.discard)
        return None

    def _take(self, line: Line, current: int) -> Take | None:
        """In a thread: speak, if that is still wanted."""
        if self._turns.round != current:
            return None
        return self._here.stage.take(line)

    async def _sound(self, take: Take, line: Line, delivery: Delivery, current: int) -> bool:
        """Send a take; whether all of it was wanted."""
        if len(take.samples) <= 2 * SLICE_S * take.rate:  # most are: not worth three turns
            await self._play(*await self._here.stage.encode(delivery.add, take, line.chunk.pause_ms))
            return True
        slices = delivery.slices(take, line.chunk.pause_ms, SLICE_S)
        while (part := await self._here.stage.encode(next, slices, None)) is not None:
            if self._turns.round != current:
                await self._play(part[0])  # it is in the stream already: without it the rest would not decode
                return False
            await self._play(*part)
        return True

    async def _play(self, audio: bytes, times: Iterable[Timed] = (), *, buffer_empty: bool = False) -> None:
        asked = self._asked_at[0]
        if audio and asked:
            self._here.metrics.first_byte.labels("session").observe(now() - asked)
            self._asked_at[0] = 0.0
        empty = buffer_empty and self._turns.waiting == 0
        for message in self._side.speech(audio, tuple(times), buffer_empty=empty):
            await self._send(message)

    async def _send(self, message: str | bytes | None) -> None:
        if message is None:
            return
        try:
            if isinstance(message, str):
                await self._socket.send_text(message)
            else:
                await self._socket.send_bytes(message)
        except (WebSocketDisconnect, RuntimeError, ConnectionError):  # RuntimeError: the socket is closed already
            raise _Gone from None

    async def _tell(self, fault: Fault) -> None:
        try:
            await self._send(self._side.error(fault.kind, fault.message, self._socket.state.request_id))
        except _Gone:
            return

    async def _close(self, code: int) -> None:
        try:
            await self._socket.close(code)
        except (WebSocketDisconnect, RuntimeError, ConnectionError):  # it is closed
            return
