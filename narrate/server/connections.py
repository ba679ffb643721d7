"""Connections, below ASGI: uvicorn's own protocols, with what a server in the open needs and uvicorn leaves out.

Each connection's transport travels in its requests' state, so that it can be cut; and who opens a connection without
ever completing a request does not hold it for ever.
"""

from __future__ import annotations

import asyncio
import functools

from starlette.types import Scope

from narrate.errors import NarrateError

TRANSPORT = "narrate.transport"
"""The name under which a connection's transport travels in ``scope["state"]``."""
HEADERS_S = 20.0
"""Seconds that the headers of a request may take."""


def transport_of(scope: Scope) -> asyncio.Transport:
    """The transport under ``scope``'s connection; NarrateError where the server does not use ``protocols``."""
    transport = scope.get("state", {}).get(TRANSPORT)
    if transport is None:
        raise NarrateError("a connection cannot be cut off by a server without these protocols")
    found: asyncio.Transport = transport
    return found


@functools.cache
def protocols(headers_s: float = HEADERS_S) -> dict[str, type[asyncio.Protocol]]:
    """``http`` and ``ws`` for uvicorn.Config."""
    import h11
    from uvicorn.protocols.http.h11_impl import H11Protocol
    from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

    class Http(H11Protocol):
        _late: asyncio.TimerHandle | None = None

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            self.app_state = {**self.app_state, TRANSPORT: transport}
            super().connection_made(transport)
            self._watch()

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            self._watch()

        def connection_lost(self, exc: Exception | None) -> None:
            self._calm()
            super().connection_lost(exc)

        def _watch(self) -> None:
            """Wait for headers while there is part of them, or nothing yet."""
            if self.conn.their_state is not h11.IDLE or self.transport.is_closing():
                self._calm()
            elif self._late is None:
                self._late = self.loop.call_later(headers_s, self.transport.abort)

        def _calm(self) -> None:
            if self._late is not None:
                self._late.cancel()
                self._late = None

    class WebSocket(WebSocketsSansIOProtocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            self.app_state = {**self.app_state, TRANSPORT: transport}
            super().connection_made(transport)

    return {"http": Http, "ws": WebSocket}
