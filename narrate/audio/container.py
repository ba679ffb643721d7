"""Finished files in and out of their containers: the second room that knows PyAV, apart from ``codec``.

``codec`` makes sound and packets; here packets become an M4B, and finished files are opened, listened to and looked
at. Everything streams: memory does not grow with the length of a book.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from narrate.audiobook import ChapterMark, Encoding
from narrate.errors import AudioError

if TYPE_CHECKING:
    from av.audio.frame import AudioFrame
    from av.audio.stream import AudioStream
    from av.container import InputContainer

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
    packets: Iterable[Sequence[bytes]],
    marks: Sequence[ChapterMark],
    samples: int,
    language: str = "",
) -> int:
    """Write an M4B from rows of AAC packets, the first of which is the priming packet; returns how many there were.

    ``config`` is their AudioSpecificConfig; ``samples`` the length of the sound, where the last chapter ends. Chapters
    are written as a QuickTime text track, and as Nero's list unless that cannot hold them: players that prefer the
    list would lose the rest. No date and no version is written, so the same packets give the same bytes.
    ``language`` is ISO 639-2.
    """
    import av

    options = {"brand": "M4B ", "fflags": "+bitexact", "movie_timescale": str(encoding.rate)}
    if not _fits_nero(marks):
        options["movflags"] = "disable_chpl"
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
        at = -PRIMING
        for data in chain.from_iterable(packets):  # a million times for a long book
            packet = packet_of(data)
            packet.stream = stream
            packet.pts = packet.dts = at
            packet.duration = PRIMING
            at += PRIMING
            mux_one(packet)
    return at // PRIMING + 1


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
        stream = _sound_stream(path, container)
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
    """One pass over a file's sound. ``errors`` counts packets that did not decode."""

    path: Path
    errors: int = 0

    def blocks(self) -> Iterator[Sound]:
        """All the sound, channels as rows, -1..1, packet by packet."""
        import av

        with _errors(self.path), av.open(str(self.path)) as container:
            stream = _sound_stream(self.path, container)
            for packet in container.demux(stream):
                for frame in self.decoded(packet):
                    yield _as_float(frame)

    def decoded(self, packet: Any) -> list[AudioFrame]:
        """The frames of one packet; none when it does not decode."""
        import av

        if packet.is_corrupt:
            self.errors += 1
        try:
            frames: list[AudioFrame] = packet.decode()
        except av.FFmpegError:
            self.errors += 1
            return []
        return frames


def _sound_stream(path: Path, container: InputContainer) -> AudioStream:
    if not container.streams.audio:
        raise AudioError(f"{path.name}: holds no sound")
    return container.streams.audio[0]


def _as_float(frame: AudioFrame) -> Sound:
    """Channels as rows, -1..1."""
    if frame.format.name == "fltp":  # MP3 and AAC; to_ndarray would cost more than decoding does
        rows = [np.frombuffer(plane, np.float32, frame.samples) for plane in frame.planes]  # type: ignore[call-overload]
        return rows[0][None, :] if len(rows) == 1 else np.stack(rows)
    data = frame.to_ndarray()
    if not frame.format.is_planar and data.shape[0] == 1:
        data = data.reshape(-1, frame.layout.nb_channels).T
    if data.dtype.kind == "f":
        return data.astype(np.float32, copy=False)
    width = 8 * data.dtype.itemsize  # whole numbers; unsigned ones have their zero in the middle
    middle = 2.0 ** (width - 1)
    return ((data.astype(np.float64) - (middle if data.dtype.kind == "u" else 0)) / middle).astype(np.float32)


def stretches(path: Path, starts: Sequence[float], seconds: float) -> Iterator[Sound]:
    """The sound of ``path`` from each of the rising ``starts`` on, in seconds, mono, at most ``seconds`` long.

    The decoder starts half a second early, because an MP3 frame may need its predecessors; what does not decode there
    does not count, later it raises AudioError. In an MP3 a start may be a frame or two off: it is sought by bit rate,
    for FFmpeg would otherwise read everything before it.
    """
    import av

    with _errors(path), av.open(str(path), options={"fflags": "+fastseek"}) as container:
        stream = _sound_stream(path, container)
        for start in starts:
            if stream.time_base is not None and start > 0:  # a fresh container stands at the start
                early = int(max(0.0, start - 0.5) / stream.time_base)
                container.seek(early + (stream.start_time or 0), stream=stream)
            yield _stretch(path, container, stream, start, seconds)


def _stretch(path: Path, container: InputContainer, stream: AudioStream, start: float, seconds: float) -> Sound:
    """The sound from ``start`` on, decoded from where the container stands."""
    listening = Listening(path)
    first = round(start * stream.rate)
    last = first + round(seconds * stream.rate)
    begins = stream.start_time or 0  # an MP3's clock starts with its encoder delay
    kept = [np.zeros(0, np.float32)]
    at: int | None = None
    for packet in container.demux(stream):
        for frame in listening.decoded(packet):
            if at is None and frame.pts is not None and frame.time_base is not None:
                at = round((frame.pts - begins) * frame.time_base * stream.rate)
            at = at or 0
            if at <= first:
                listening.errors = 0
            kept.append(_as_float(frame).mean(axis=0)[max(0, first - at) : max(0, last - at)])
            at += frame.samples
        if at is not None and at >= last:
            break
    if listening.errors:
        raise AudioError(f"{path.name}: {listening.errors} packets after second {start:.1f} do not decode")
    return np.concatenate(kept)
