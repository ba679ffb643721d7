"""LMNT's Speech Sessions as messages, both sides, without sockets: WebSocket messages in, events out, and back.

Three dialects, told apart by the opening message: ``typed`` (SDK 2.6.0 and later; API 1.1 and 1.2), ``commands`` (2.2
to 2.5.1) and ``plain`` (1.x to 2.1). Whatever form a client's later messages take is understood in any of them; what
goes out is strictly of the dialect it opened with. Times are seconds, as on the wire. No fault repeats anything that
the client sent, since the key may be in it.

What surprises: a ``plain`` client that asked for extras reads strictly in pairs, one JSON message and then one binary
frame, and takes nothing else. ``ServerSide.speech`` keeps to that; who sends ``timestamps`` by hand must do so too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from narrate.wire.failures import understood
from narrate.wire.secrets import redacted
from narrate.wire.session_messages import (
    FORMATS as FORMATS,
)
from narrate.wire.session_messages import (
    KINDS as KINDS,
)
from narrate.wire.session_messages import (
    LONGEST_FRAME as LONGEST_FRAME,
)
from narrate.wire.session_messages import (
    PATH as PATH,
)
from narrate.wire.session_messages import (
    Dialect as Dialect,
)
from narrate.wire.session_messages import (
    Finish as Finish,
)
from narrate.wire.session_messages import (
    Flush as Flush,
)
from narrate.wire.session_messages import (
    Kind as Kind,
)
from narrate.wire.session_messages import (
    Message as Message,
)
from narrate.wire.session_messages import (
    Opening as Opening,
)
from narrate.wire.session_messages import (
    Reset as Reset,
)
from narrate.wire.session_messages import (
    SessionFault as SessionFault,
)
from narrate.wire.session_messages import (
    Text as Text,
)
from narrate.wire.session_messages import (
    Timed as Timed,
)
from narrate.wire.session_messages import (
    dialect_of,
    event_of,
    is_count,
    json_object,
    kind_of,
    opening_of,
    times_of,
    whole,
    written,
)
from narrate.wire.speech import KEY_HEADER, VERSION, VERSION_HEADER

_CUMULATIVE_SINCE = (1, 2)


class ServerSide:
    """One session as the server sees it. ``opening`` is None until the client's first message.

    After ``Finish`` a client may still flush, reset (to cut the speech short) and finish again, but send no text.
    """

    def __init__(self) -> None:
        self.opening: Opening | None = None
        self._dialect: Dialect = "typed"  # before the opening: every client knows an "error" when it sees one
        self._finished = False

    def received(self, message: str | bytes) -> Opening | Text | Flush | Reset | Finish:
        """What ``message`` asks for; SessionFault when it cannot stand, after which the session is to be closed."""
        fields = json_object(message)
        if self.opening is None:
            self._dialect = dialect_of(fields)
            self.opening = opening_of(fields, self._dialect)
            return self.opening
        event = event_of(fields)
        if self._finished and isinstance(event, Text):
            raise SessionFault("text came after finish")
        self._finished = self._finished or isinstance(event, Finish)
        return event

    def ready(self, request_id: str) -> str | None:
        """The first message of a typed session; None in the old dialects, whose clients would break on it."""
        return self._typed(type="ready", request_id=request_id)

    def timestamps(self, entries: Sequence[Timed], *, buffer_empty: bool = False) -> str | None:
        """When what was just sent sounds; None when the client did not ask, or there is nothing to tell.

        ``entries`` count from the last flush or reset, and before API 1.2 are made to count from the message's first.
        ``buffer_empty``: everything received so far has been spoken; only the old dialects tell that.
        """
        asked = self.opening
        if asked is None or not asked.timestamps:
            return None
        zero = entries[0].start if entries and asked.version < _CUMULATIVE_SINCE else 0.0
        told = [
            {"text": whole(each.text), "start": round(each.start - zero, 6), "duration": round(each.duration, 6)}
            for each in entries
        ]
        if asked.dialect == "typed":
            return written(type="timestamps", timestamps=told) if told else None
        if asked.dialect == "commands" and not told and not buffer_empty:
            return None
        return written(durations=told, buffer_empty=buffer_empty)

    def speech(
        self, audio: bytes, entries: Sequence[Timed] = (), *, buffer_empty: bool = False
    ) -> tuple[str | bytes, ...]:
        """The messages for ``audio`` and its times, in the order the client wants them, none over LONGEST_FRAME.

        With ``buffer_empty`` and no audio this is what a plain client knows as the acknowledgement of a flush.
        """
        pieces = [audio[at : at + LONGEST_FRAME] for at in range(0, len(audio), LONGEST_FRAME)]
        if self.opening is None or self.opening.dialect != "plain" or not self.opening.timestamps:
            times = self.timestamps(entries, buffer_empty=buffer_empty)
            return (*pieces, *([] if times is None else [times]))
        if not pieces and (entries or buffer_empty):
            pieces = [b""]
        sent: list[str | bytes] = []
        for number, piece in enumerate(pieces, 1):
            empty = buffer_empty and number == len(pieces)
            times = self.timestamps(entries if number == 1 else (), buffer_empty=empty)
            sent += [piece] if times is None else [times, piece]
        return tuple(sent)

    def flush_complete(self, nonce: int | None) -> str | None:
        """After all audio of a flush; plain sessions have no such message (see ``speech``)."""
        return self._complete("flush", nonce)

    def reset_complete(self, nonce: int | None) -> str | None:
        """After a reset: nothing of the earlier text follows; plain sessions have no such message."""
        return self._complete("reset", nonce)

    def error(self, kind: str, message: str, request_id: str) -> str:
        """The last message before the connection is closed; old clients learn the sentence only."""
        if self._dialect != "typed":
            return written(error=message)
        known = kind if kind in KINDS else "internal_server_error"
        return written(type="error", error={"type": known, "message": message}, request_id=request_id)

    def _typed(self, **fields: Any) -> str | None:
        return written(**fields) if self._dialect == "typed" else None

    def _complete(self, what: str, nonce: int | None) -> str | None:
        echoed = {} if nonce is None else {"nonce": nonce}
        if self._dialect == "commands":
            return written(complete=what, **echoed)
        return self._typed(type=f"{what}_complete", **echoed)


class ClientSide:
    """One session as the client sees it: typed, API 1.2. Flushes and resets are counted together, from 1."""

    def __init__(self) -> None:
        self._secrets: tuple[str, ...] = ()
        self._nonce = 0

    def opening(
        self,
        *,
        key: str,
        voice: str,
        format: str | None = None,
        sample_rate: int | None = None,
        language: str | None = None,
        timestamps: bool = False,
    ) -> str:
        """The first message; text may follow at once. What is None is left to the server."""
        self._secrets = (key,) if key else ()
        chosen = {
            "format": format,
            "language": language,
            "return_timestamps": timestamps or None,
            "sample_rate": sample_rate,
        }
        given = {name: value for name, value in chosen.items() if value is not None}
        return written(**{KEY_HEADER: key, VERSION_HEADER: VERSION, "voice": whole(voice)}, **given)

    def text(self, text: str) -> str:
        """More text, as it is. Halves of characters become U+FFFD."""
        return written(type="text", text=whole(text))

    def flush(self) -> tuple[int, str]:
        """The nonce that will come back in ``flush_complete``, and the message."""
        return self._numbered("flush")

    def reset(self) -> tuple[int, str]:
        """The nonce that will come back in ``reset_complete``, and the message."""
        return self._numbered("reset")

    def finish(self) -> str:
        """No more text will come."""
        return written(type="finish")

    def received(self, message: str | bytes) -> Message:
        """What the server says; SessionFault when that is an error, of any age, or no message at all.

        The key is cut out of the error. An unknown type, or none, is an ``unknown`` message. Times that make no sense
        cost the times only.
        """
        if not isinstance(message, str):
            return Message("audio", audio=bytes(message))
        fields = json_object(message, "internal_server_error")
        named = fields.get("type")
        if named == "error" or fields.get("error") or (named is None and ("detail" in fields or "message" in fields)):
            raise self._fault(fields, message)
        match named:
            case "ready":
                return Message("ready", request_id=self._request_id(fields))
            case "timestamps":
                return Message("timestamps", timestamps=times_of(fields.get("timestamps")))
            case "flush_complete" | "reset_complete" as complete:
                nonce = fields.get("nonce")
                return Message(complete, nonce=nonce if is_count(nonce) else None)
        return Message("unknown")

    def _numbered(self, what: str) -> tuple[int, str]:
        self._nonce += 1
        return self._nonce, written(type=what, nonce=self._nonce)

    def _request_id(self, fields: Mapping[str, Any]) -> str:
        found = fields.get("request_id")
        return redacted(" ".join(whole(found).split()), self._secrets) if isinstance(found, str) else ""

    def _fault(self, fields: Mapping[str, Any], message: str) -> SessionFault:
        said = understood(message.encode("utf-8", "replace"))
        words = redacted(whole(said.words), self._secrets) or "no reason given"
        return SessionFault(words, kind_of(fields, said.kinds, said.words), self._request_id(fields))
