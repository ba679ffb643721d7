"""A scripted peer for Speech Sessions on 127.0.0.1: the protocol of ``narrate.wire.session`` over real sockets.

async with session_server() as url:                 # speaks: the audio of a text is the text itself, in UTF-8
    ...
async with session_server(script) as url:           # ``script(peer)`` does what it likes
    ...
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from narrate.wire.session import PATH, Finish, Flush, Opening, Reset, ServerSide, SessionFault, Text, Timed

KEY = "test-key-3f9a1c77d2"
REQUEST_ID = "req_5e551014"
SECONDS_A_WORD = 0.5


class Peer:
    """One connection, seen from the server."""

    def __init__(self, socket: ServerConnection) -> None:
        self.socket = socket
        self.side = ServerSide()
        self.second = 0.0  # of the stretch since the last flush or reset

    async def hears(self) -> Opening | Text | Flush | Reset | Finish:
        return self.side.received(await self.socket.recv())

    async def says(self, *messages: str | bytes | None) -> None:
        for message in messages:
            if message is not None:
                await self.socket.send(message)

    async def opens(self) -> Opening:
        opening = await self.hears()
        assert isinstance(opening, Opening)
        if opening.key not in ("", KEY):
            raise SessionFault(f"Invalid API key: {opening.key}.", "authentication_error")
        await self.says(self.side.ready(REQUEST_ID))
        return opening

    async def speaks(self, text: str) -> None:
        await self.says(*self.side.speech(text.encode(), self.timed(text)))

    def timed(self, text: str) -> Sequence[Timed]:
        words = [piece for word in text.split() for piece in (word, " ")]
        start = self.second
        self.second += SECONDS_A_WORD * len(words)
        return [Timed(word, start + SECONDS_A_WORD * number, SECONDS_A_WORD) for number, word in enumerate(words)]

    def cuts(self) -> None:
        """The connection, without a word."""
        self.socket.transport.abort()


async def speaks(peer: Peer) -> None:
    """Say everything at each flush and at the end, as a server should."""
    await peer.opens()
    text = ""
    while True:
        event = await peer.hears()
        match event:
            case Text():
                text += event.text
            case Flush():
                await peer.speaks(text)
                await peer.says(peer.side.flush_complete(event.nonce))
            case Reset():
                await peer.says(peer.side.reset_complete(event.nonce))
            case Finish():
                await peer.speaks(text)
                return
        if isinstance(event, Flush | Reset):
            text, peer.second = "", 0.0


@asynccontextmanager
async def session_server(
    script: Callable[[Peer], Awaitable[None]] = speaks, *, path: str = PATH, **options: Any
) -> AsyncIterator[str]:
    """The address of a server whose every connection follows ``script``; faults are told, and end the session."""
    failures: list[Exception] = []

    async def handler(socket: ServerConnection) -> None:
        peer = Peer(socket)
        try:
            assert socket.request is not None
            assert socket.request.path == path
            await script(peer)
        except SessionFault as fault:
            await peer.says(peer.side.error(fault.kind, fault.message, REQUEST_ID))
        except ConnectionClosed:
            pass
        except Exception as error:  # raised below: a script that fails must fail its test
            failures.append(error)

    async with serve(handler, "127.0.0.1", 0, compression=None, **options) as server:
        [listening] = server.sockets
        yield f"http://127.0.0.1:{listening.getsockname()[1]}{path.removesuffix(PATH)}"
    if failures:
        raise failures[0]
