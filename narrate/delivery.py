"""Takes to the bytes of one stream, in order: resampled, with pauses between them, and when each word is heard."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from narrate.wire.session_messages import Timed

if TYPE_CHECKING:
    from narrate.audio.streams import Kind
    from narrate.booth import Take


Part = tuple[bytes, tuple[Timed, ...]]
"""Bytes of a stream, and the times of what was said, in seconds."""


class Delivery:
    """One stream of ``kind`` at ``rate`` Hz. ``position`` is how many samples the turn has had so far.

    ``whole``: all bytes are joined before they are sent, so headers may tell true sizes.
    """

    def __init__(self, kind: Kind, rate: int, *, whole: bool = False) -> None:
        from narrate.audio.streams import open_stream

        self._stream = open_stream(kind, rate, whole=whole)
        self.rate = rate
        self.position = 0
        self._pause = 0

    def add(self, take: Take, pause_ms: int) -> Part:
        """The bytes that are ready with ``take``, and its times in seconds since the turn began.

        ``pause_ms`` is the silence between this take and the next of the same turn.
        """
        parts = list(self.slices(take, pause_ms, len(take.samples) / take.rate + 1))
        return b"".join(data for data, _ in parts), parts[-1][1]

    def slices(self, take: Take, pause_ms: int, seconds: float) -> Iterator[Part]:
        """The same, in parts of about so many ``seconds``, each encoded when it is asked for; the last has the times.

        Who stops asking leaves the rest of the take out of the stream.
        """
        import numpy as np

        from narrate.audio import codec

        sound = codec.resample(take.samples, take.rate, self.rate)
        silence = np.zeros(self._pause, np.int16)
        start, self._pause = self.position + self._pause, 0
        step = max(1, round(seconds * self.rate))
        for place in range(0, max(1, len(sound)), step):
            piece = sound[place : place + step]
            data = self._stream.encode(np.concatenate([silence, piece]) if len(silence) else piece)
            self.position = start + place + len(piece)
            silence = silence[:0]
            last = place + step >= len(sound)
            if last:
                self._pause = self.rate * pause_ms // 1000
            yield data, self._times(take, start) if last else ()

    def rest(self, pause_ms: int) -> None:
        """So much silence before the next take, in place of what the last one asked for; none where a turn begins."""
        self._pause = self.rate * pause_ms // 1000 if self.position else 0

    def _times(self, take: Take, start: int) -> tuple[Timed, ...]:
        return tuple(
            Timed(entry.text, start / self.rate + entry.start / take.rate, entry.length / take.rate)
            for entry in take.timings
        )

    def flush(self) -> bytes:
        """The turn ends: what the codec still holds of it. The next take begins a turn of its own."""
        self.position = self._pause = 0
        return self._stream.flush()

    def finish(self) -> bytes:
        """The rest, and the end of the stream."""
        return self._stream.finish()
