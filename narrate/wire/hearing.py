"""What a client has heard of a speech session: how much, up to which word, and which of it a reset has made stale."""

from __future__ import annotations

from dataclasses import dataclass

from narrate.wire.session_messages import Message

LAST_WORDS = 40
"""Characters of what was spoken last, in a sentence about it."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """What the iterator has delivered: bytes of audio, and, if timestamps were asked for, how many seconds of speech
    and which text they tell of (else None and "").
    """

    audio_bytes: int = 0
    seconds: float | None = None
    text: str = ""


class Hearing:
    """Follows one session. ``flushes`` and ``reset_sent`` (a nonce) are what the client asked for.

    ``timed``: timestamps were asked for. ``headed``: the session's first audio begins with the header of all of it.
    """

    def __init__(self, timed: bool, headed: bool = False) -> None:
        self.flushes = self.reset_sent = 0
        self._flushed = self._reset_done = 0
        self._bytes = 0
        self._timed = timed
        self._header_due = headed
        self._text: list[str] = []
        self._before = self._start = self._end = 0.0  # seconds: of earlier stretches; of this stretch's last piece

    def takes(self, message: Message) -> bool:
        """Note ``message``; False for what is not to be delivered: the unknown, and what a reset has made stale."""
        stale = self._reset_done < self.reset_sent
        if message.type == "audio" and self._header_due:  # never stale: nothing after it could be decoded
            stale = self._header_due = False
        match message.type:
            case "audio" if not stale:
                self._bytes += len(message.audio)
            case "timestamps" if not stale:
                self._note(message)
            case "flush_complete":
                self._flushed += 1
                self._next_stretch()
            case "reset_complete":
                self._reset_done = self.reset_sent if message.nonce is None else message.nonce
                self._next_stretch()
        return message.type != "unknown" and not (stale and message.type in ("audio", "timestamps"))

    def spoken(self) -> Spoken:
        seconds = round(self._before + self._end, 6) if self._timed else None
        return Spoken(self._bytes, seconds, "".join(self._text))

    def sentence(self) -> str:
        """How far it came, in words."""
        spoken = self.spoken()
        parts = [f"{spoken.audio_bytes:,} bytes of audio"]
        if spoken.seconds is not None:
            parts.append(f"{spoken.seconds:.1f} s")
        last = " ".join(spoken.text[-LAST_WORDS:].split())
        if last:
            parts.append(f'up to "{"…" if len(spoken.text) > LAST_WORDS else ""}{last}"')
        return f"{', '.join(parts)}; {self._flushed} of {self.flushes} flushes acknowledged"

    def _note(self, message: Message) -> None:
        for entry in message.timestamps:
            if entry.start < self._start:  # an older server counts anew with every message
                self._next_stretch()
            self._start = entry.start
            self._end = max(self._end, entry.start + entry.duration)
            self._text.append(entry.text)

    def _next_stretch(self) -> None:
        self._before += self._end
        self._start = self._end = 0.0
