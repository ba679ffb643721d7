"""Finished files in and out of their containers: the second room that knows PyAV, apart from ``codec``.

``codec`` makes sound and packets; here packets become an M4B, and finished files are opened, listened to and looked
at. Everything streams: memory does not grow with the length of a book.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from narrate.audiobook import ChapterMark, Encoding
from narrate.errors import AudioError

if TYPE_CHECKING:
    from av.audio.frame import AudioFrame

Sound = NDArray[np.float32]

PRIMING = 1024
"""Samples the AAC encoder sends before the first one; an edit list tells players to leave them out."""

NERO_LIMIT = 255
"""Chapters, and bytes of a title, that Nero's chapter list can hold: both counts are one byte."""


@contextmanager
def _errors(path: Path) -> Iterator[None]:
    """PyAV's failures as AudioError, with FFmpeg's own reason."""
    import av

    try:
        yield
    except av.FFmpegError as error:
        raise AudioError(f"{path.name}: {error.strerror or error}") from error


# --- writing --------------------------------------------------------------------------------------------------------


def mux_m4b(
    path: Path,
    encoding: Encoding,
    config: bytes,
    packets: Iterable[bytes],
    marks: Sequence[ChapterMark],
    samples: int,
    language: str = "",
) -> int:
    """Write an M4B from AAC packets, the first of which is the priming packet; returns how many there were.

    ``config`` is their AudioSpecificConfig; ``samples`` the length of the sound, where the last chapter ends. Chapters
    are written as a QuickTime text track, and as Nero's list unless that cannot hold them: players that prefer the
    list would lose the rest. No date and no version is written, so the same packets give the same bytes.
    ``language`` is ISO 639-2.
    """
    import av

    options = {"brand": "M4B ", "fflags": "+bitexact", "movie_timescale": str(encoding.rate)}
    if not _fits_nero(marks):
        options["movflags"] = "disable_chpl"
    count = 0
    with _errors(path), av.open(str(path), "w", format="ipod", options=options) as container:
        stream = container.add_stream("aac", rate=encoding.rate, layout="mono")
        context = stream.codec_context
        context.bit_rate = encoding.bitrate * 1000
        context.flags |= av.codec.context.Flags.bitexact
        context.open()
        context.extradata = config  # the packets' own; the muxer copies it from here
        if language:
            stream.metadata["language"] = language
        container.set_chapters([_chapter(number, mark, encoding.rate, samples) for number, mark in enumerate(marks)])
        container.start_encoding()
        packet_of, mux_one = av.Packet, container.mux_one
        for count, data in enumerate(packets, 1):
            packet = packet_of(data)
            packet.stream = stream
            packet.pts = packet.dts = (count - 1) * PRIMING - PRIMING
            packet.duration = PRIMING
            packet.is_keyframe = True
            mux_one(packet)
    return count


def _fits_nero(marks: Sequence[ChapterMark]) -> bool:
    return len(marks) <= NERO_LIMIT and all(len(mark.title.encode()) <= NERO_LIMIT for mark in marks)


def _chapter(number: int, mark: ChapterMark, rate: int, samples: int) -> Any:
    """A chapter in samples: in milliseconds the last one could outlast the sound."""
    return {
        "id": number,
        "start": (2 * mark.start_ms * rate + 1000) // 2000,
        "end": min(samples, (2 * mark.end_ms * rate + 1000) // 2000),
        "time_base": Fraction(1, rate),
        "metadata": {"title": mark.title.replace("\0", "")},
    }


# --- looking --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Probe:
    """What a file says of itself, without listening. ``bitrate`` in kbit/s, ``duration`` in seconds as stated."""

    container: str
    codec: str
    rate: int
    channels: int
    bitrate: int
    duration: float
    chapters: tuple[ChapterMark, ...]


def probe(path: Path) -> Probe:
    """Open ``path`` and read what its headers say. AudioError when it is no audio file."""
    import av

    with _errors(path), av.open(str(path)) as container:
        if not container.streams.audio:
            raise AudioError(f"{path.name}: holds no sound")
        stream = container.streams.audio[0]
        duration = (container.duration or 0) / 1e6
        if stream.duration is not None and stream.time_base is not None:
            duration = float(stream.duration * stream.time_base)
        return Probe(
            container=container.format.name,
            codec=stream.codec_context.name,
            rate=stream.codec_context.sample_rate,
            channels=stream.codec_context.layout.nb_channels,
            bitrate=round((stream.codec_context.bit_rate or container.bit_rate or 0) / 1000),
            duration=duration,
            chapters=tuple(_mark(chapter) for chapter in container.chapters()),
        )


def _mark(chapter: Any) -> ChapterMark:
    unit = chapter["time_base"] * 1000
    return ChapterMark(
        title=chapter["metadata"].get("title", ""),
        level=1,
        start_ms=round(chapter["start"] * unit),
        end_ms=round(chapter["end"] * unit),
    )


# --- listening ------------------------------------------------------------------------------------------------------


@dataclass
class Listening:
    """One pass over a file's sound. ``errors`` counts packets that did not decode, ``samples`` what was heard.

    ``rate`` in Hz and ``channels`` are known from the start; ``at`` is where the first block starts, in samples.
    """

    path: Path
    start: float = 0.0
    rate: int = 0
    channels: int = 0
    errors: int = 0
    samples: int = 0
    at: int | None = field(default=None)

    def blocks(self) -> Iterator[Sound]:
        """The sound from ``start`` seconds (or a little before) on, channels as rows, -1..1, packet by packet."""
        import av

        with _errors(self.path), av.open(str(self.path)) as container:
            if not container.streams.audio:
                raise AudioError(f"{self.path.name}: holds no sound")
            stream = container.streams.audio[0]
            self.rate, self.channels = stream.codec_context.sample_rate, stream.codec_context.layout.nb_channels
            begins = stream.start_time or 0  # an MP3's clock starts with its encoder delay
            if self.start > 0 and stream.time_base is not None:
                container.seek(int(self.start / stream.time_base) + begins, stream=stream)
            for packet in container.demux(stream):
                yield from self._decoded(packet, begins)

    def _decoded(self, packet: Any, begins: int) -> Iterator[Sound]:
        import av

        if packet.is_corrupt:
            self.errors += 1
        try:
            frames: list[AudioFrame] = packet.decode()
        except av.FFmpegError:
            self.errors += 1
            return
        for frame in frames:
            if self.at is None and frame.pts is not None and frame.time_base is not None:
                self.at = round((frame.pts - begins) * frame.time_base * frame.sample_rate)
            sound = _as_float(frame)
            self.samples += sound.shape[1]
            yield sound


def _as_float(frame: AudioFrame) -> Sound:
    """Channels as rows, -1..1."""
    data = frame.to_ndarray()
    if not frame.format.is_planar and data.shape[0] == 1:
        data = data.reshape(-1, frame.layout.nb_channels).T
    if data.dtype.kind == "f":
        return data.astype(np.float32, copy=False)
    width = 8 * data.dtype.itemsize  # whole numbers; unsigned ones have their zero in the middle
    middle = 2.0 ** (width - 1)
    return ((data.astype(np.float64) - (middle if data.dtype.kind == "u" else 0)) / middle).astype(np.float32)


def stretch(path: Path, start: float, seconds: float) -> tuple[Sound, int]:
    """The sound of ``path`` from ``start`` seconds on, mono, at most ``seconds`` long, and its rate.

    The decoder starts half a second early, because an MP3 frame may need its predecessors; errors there do not count,
    an error later raises AudioError.
    """
    listening = Listening(path, max(0.0, start - 0.5))
    kept: list[Sound] = []
    heard = 0
    for block in listening.blocks():
        begins = (listening.at or 0) + heard
        heard += block.shape[1]
        first = round(start * listening.rate)
        last = first + round(seconds * listening.rate)
        piece = block.mean(axis=0)[max(0, first - begins) : max(0, last - begins)]
        if not kept:
            listening.errors = 0
        if piece.size:
            kept.append(piece)
        if begins + block.shape[1] >= last:
            break
    if listening.errors:
        raise AudioError(f"{path.name}: {listening.errors} packets after second {start:.1f} do not decode")
    sound = np.concatenate(kept) if kept else np.zeros(0, np.float32)
    return sound, listening.rate
