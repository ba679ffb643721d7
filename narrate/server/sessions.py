"""Speech Sessions over WebSocket: text in as it is written, sound out as it is spoken, in all dialects of the wire.

Two tasks a session: one reads, always, so that a reset cuts what is being said and pings are answered; the other speaks
and sends. A client that reads slowly holds its own speech back, and nobody else's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import ExitStack
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect

from narrate.booth import Line, Take
from narrate.delivery import Delivery
from narrate.script import Cast
from narrate.server.answers import Premises, fault_of, now, premises, told
from narrate.server.keys import Key
from narrate.text.flow import Phrase
from narrate.turns import Finished, Flushed, Step, Turns, WasReset
from narrate.wire import speech
from narrate.wire.serving import Fault
from narrate.wire.session import Finish, Flush, Opening, Reset, ServerSide, SessionFault, Text

MOST_TEXT = 1_000_000
"""Characters that may wait to be spoken. Reading cannot simply stop there: pings, and resets, would wait as well."""
MOST_TURNS = 1_000
"""Flushes that may wait."""
_LAST = -1
"""The nonce of the flush with which a server that ends closes the last turn itself."""
SLICE_S = 1.0
"""Seconds of sound that are encoded at once: what a reset cannot take back any more."""


class _Gone(Exception):
    """The client has left."""


async def session(websocket: WebSocket) -> None:
    """One session, from the opening message to the close."""
    here = premises(websocket)
    await websocket.accept()
    await _Session(websocket, here).run()


class _Session:
    def __init__(self, websocket: WebSocket, here: Premises) -> None:
        self._socket = websocket
        self._here = here
        self._side = ServerSide()
        self._note: dict[str, Any] = websocket.state.note
        self._turns = Turns()
        self._wake = asyncio.Event()
        self._heard_at = now()
        self._flushes = 0
        self._asked_at: float | None = None
        self._note["characters"] = 0

    async def run(self) -> None:
        end, code = "finished", 1000
        try:
            with ExitStack() as places:
                await self._converse(places)
        except _Gone:
            end, code = "gone", 0
        except Exception as error:  # whatever it is, the client is told in the protocol's words
            fault = Fault(error.message, error.kind) if isinstance(error, SessionFault) else fault_of(error)
            end = fault.kind
            self._note |= told(error, fault)
            await self._tell(fault)
        if end == "finished" and not self._turns.finished:
            end, code = "cut short", 1001  # "going away": the server ends, and the client had not finished
        self._here.metrics.ended.labels(end).inc()
        self._note["end"] = end
        if code:
            await self._close(code)

    async def _converse(self, places: ExitStack) -> None:
        opening = await self._opened()
        key = self._here.keys.who(opening.key)
        self._note["key"] = key.name
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
            tasks = (reader, speaker, leaver)
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

    # --- what comes in ----------------------------------------------------------------------------------------------

    async def _event(self) -> Opening | Text | Flush | Reset | Finish:
        message = await self._socket.receive()
        if message["type"] == "websocket.disconnect":
            raise _Gone
        self._heard_at = now()
        data = message.get("text")
        return self._side.received(data if data is not None else message.get("bytes") or b"")

    async def _read(self) -> None:
        """Take in whatever comes, until the client leaves or breaks a rule."""
        while True:
            event = await self._event()
            match event:
                case _ if self._here.leaving.is_set() and not isinstance(event, Reset):
                    continue  # the close tells that it was not taken
                case Text(text=text):
                    self._asked_at = self._asked_at or now()
                    self._turns.append(text)
                case Flush(nonce=nonce):
                    self._flushes += 1
                    self._turns.flush(nonce)
                case Reset(nonce=nonce):
                    self._flushes = 0
                    self._turns.reset(nonce)
                case Finish() if not self._turns.finished:
                    self._turns.finish()
            if self._turns.waiting > MOST_TEXT or self._flushes > MOST_TURNS:
                raise SessionFault("too much text is waiting to be spoken; send it as it is spoken")
            self._wake.set()

    async def _leave(self) -> None:
        """When the server ends: what has been sent is spoken, and nothing more is taken."""
        await self._here.leaving.wait()
        if not self._turns.finished:
            self._turns.flush(_LAST)
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
                    self._flushes = max(0, self._flushes - 1)
                    await self._play(await self._here.stage.encode(delivery.flush), buffer_empty=True)
                    if nonce == _LAST:
                        return
                    await self._send(self._side.flush_complete(nonce))
                    self._asked_at = None
                case WasReset(nonce=nonce):
                    await self._play(await self._here.stage.encode(delivery.flush))
                    await self._send(self._side.reset_complete(nonce))
                    self._asked_at = None
                case Finished():
                    await self._play(await self._here.stage.encode(delivery.finish), buffer_empty=True)
                    return

    async def _next(self) -> Step:
        """What to do next, as soon as there is something to do."""
        while (step := self._turns.next()) is None:
            self._wake.clear()
            idle = self._here.limits.idle_s - (now() - self._heard_at)
            try:
                async with asyncio.timeout(max(0.0, idle)):
                    await self._wake.wait()
            except TimeoutError:
                if now() - self._heard_at >= self._here.limits.idle_s:
                    raise SessionFault("the session was idle for too long") from None
        return step

    async def _say(self, phrase: Phrase, delivery: Delivery, cast: Cast, key: Key) -> None:
        """Speak a phrase, line by line and slice by slice: what a reset makes stale is not begun."""
        stage, current = self._here.stage, self._turns.round
        lines = await stage.encode(stage.booth.lines, phrase.text, cast, phrase.after)
        if lines:
            await self._here.charge(key, len(phrase.text))
            self._note["characters"] += len(phrase.text)
        for line in lines:
            take = await stage.speak(stage.booth.take, line)
            if self._turns.round != current:
                return
            self._here.metrics.took(take, len(line.chunk.text))
            if not await self._sound(take, line, delivery, current):
                return

    async def _sound(self, take: Take, line: Line, delivery: Delivery, current: int) -> bool:
        """Send a take; whether all of it was wanted."""
        slices = delivery.slices(take, line.chunk.pause_ms, SLICE_S)
        while (part := await self._here.stage.encode(next, slices, None)) is not None:
            if self._turns.round != current:
                await self._play(part[0])  # it is in the stream already: without it the rest would not decode
                return False
            await self._play(*part)
        return True

    async def _play(self, audio: bytes, times: Iterable[Any] = (), *, buffer_empty: bool = False) -> None:
        if audio and self._asked_at is not None:
            self._here.metrics.first_byte.labels("session").observe(now() - self._asked_at)
            self._asked_at = None
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
        except (RuntimeError, ConnectionError):  # it is closed
            return
