"""Speech Sessions as a client sees them on the wire, in all three dialects: JSON and bytes, nothing understood."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Self

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from narrate.booth import Booth, Line, Take
from tests.server.servers import Served

PATIENCE = 10.0
"""Seconds without a message after which a test has failed."""

OPENINGS: dict[str, dict[str, Any]] = {
    "typed": {"lmnt-version": "1.2", "return_timestamps": True},
    "typed 1.1": {"lmnt-version": "1.1", "return_timestamps": True},
    "commands": {"protocol_version": 2, "return_extras": True},
    "plain": {"send_extras": "True"},
    "plain without extras": {},
}


@dataclass
class Said:
    """What a server said until some point."""

    messages: list[Any] = field(default_factory=list)

    @property
    def audio(self) -> bytes:
        return b"".join(message for message in self.messages if isinstance(message, bytes))

    @property
    def told(self) -> list[dict[str, Any]]:
        return [message for message in self.messages if isinstance(message, dict)]

    @property
    def kinds(self) -> list[str]:
        """The messages, whatever their dialect, by the first of their fields that names them; audio once in a row."""
        found: list[str] = []
        for message in self.messages:
            kind = "audio" if isinstance(message, bytes) else message.get("type") or next(iter(message))
            if kind != "audio" or found[-1:] != ["audio"]:
                found.append(kind)
        return found

    @property
    def times(self) -> list[dict[str, Any]]:
        return [entry for message in self.told for entry in message.get("timestamps") or message.get("durations") or []]

    def error(self) -> tuple[str, str]:
        """Its type ("" in the old dialects) and its message; it was the last that was said."""
        error = self.messages[-1]["error"]
        return ("", error) if isinstance(error, str) else (error["type"], error["message"])


class Talk:
    """One session. ``code`` is that of the close, once there was one."""

    def __init__(self, served: Served, dialect: str = "typed", **fields: Any) -> None:
        self.dialect = dialect
        self._stack = ExitStack()
        self._socket = self._stack.enter_context(
            connect(served.sessions_url, compression=None, max_size=1 << 20, ping_interval=None, proxy=None)
        )
        self.code: int | None = None
        if fields.pop("opens", True):
            self.sends(self.opening(**fields))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *unused: object) -> None:
        self._stack.close()

    def opening(self, **fields: Any) -> dict[str, Any]:
        asked = {"X-API-Key": "a-key", "voice": "leah", "format": "pcm_s16le", **OPENINGS[self.dialect], **fields}
        return {name: value for name, value in asked.items() if value is not None}

    def sends(self, *messages: dict[str, Any] | str | bytes) -> Self:
        """What a server that has closed does not take is lost: why it has will be heard."""
        with suppress(ConnectionClosed):
            for message in messages:
                self._socket.send(json.dumps(message) if isinstance(message, dict) else message)
        return self

    def text(self, *pieces: str) -> Self:
        typed = {"type": "text"} if self.dialect.startswith("typed") else {}
        return self.sends(*({**typed, "text": piece} for piece in pieces))

    def flush(self, nonce: int | None = 1) -> Self:
        return self._asks("flush", nonce)

    def reset(self, nonce: int | None = 2) -> Self:
        return self._asks("reset", nonce)

    def finish(self) -> Self:
        match self.dialect:
            case "commands":
                return self.sends({"command": "eof"})
            case "typed" | "typed 1.1":
                return self.sends({"type": "finish"})
        return self.sends({"eof": True})

    def _asks(self, what: str, nonce: int | None) -> Self:
        counted = {} if nonce is None else {"nonce": nonce}
        match self.dialect:
            case "commands":
                return self.sends({"command": what, **counted})
            case "typed" | "typed 1.1":
                return self.sends({"type": what, **counted})
        return self.sends({what: True})

    def hears(self, patience: float = PATIENCE) -> Any:
        """The next message; None behind the last."""
        try:
            message = self._socket.recv(patience)
        except ConnectionClosed as closed:
            self.code = closed.rcvd.code if closed.rcvd else 1006
            return None
        return json.loads(message) if isinstance(message, str) else message

    def until(self, kind: str, count: int = 1) -> Said:
        """Everything to the ``count``-th message of ``kind``, a ``type`` or a field of it, that one included."""
        said = Said()
        while count:
            message = self.hears()
            assert message is not None, f"closed with {self.code} before {kind}, after {said.kinds}: {said.told[-1:]}"
            said.messages.append(message)
            named = "audio" if isinstance(message, bytes) else message.get("type")
            count -= kind == named or (isinstance(message, dict) and kind in message)
        return said

    def end(self) -> Said:
        """Everything to the close."""
        return Said(list(iter(self.hears, None)))

    def vanishes(self) -> None:
        """Without a word."""
        self._socket.socket.shutdown(socket.SHUT_RDWR)


class Gate:
    """An engine that speaks when it is let: ``Event`` in front of a booth's takes."""

    def __init__(self, booth: Booth) -> None:
        self._take = booth.take
        self._open = threading.Event()
        self.texts: list[str] = []

    def take(self, line: Line, tempo: float = 1.0) -> Take:
        self.texts.append(line.text)
        assert self._open.wait(PATIENCE)
        return self._take(line, tempo)

    def open(self) -> None:
        self._open.set()

    def close(self) -> None:
        self._open.clear()


@contextmanager
def gated(served: Served) -> Iterator[Gate]:
    """The server's engine behind a gate, closed until it is opened."""
    booth = served.premises.stage.booth
    gate = Gate(booth)
    booth.take = gate.take  # type: ignore[method-assign]
    try:
        yield gate
    finally:
        gate.open()
        del booth.take
