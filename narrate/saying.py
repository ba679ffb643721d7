"""A few words to one sound file, for auditions: the line without chapters, tags or mastering."""

from __future__ import annotations

import wave
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from narrate.audio import codec, encoders
from narrate.book import Block
from narrate.booth import Booth, Line, Take
from narrate.errors import JobError, NarrateError, SourceError
from narrate.executors.inline import Inline
from narrate.job import Job
from narrate.policy import Policy
from narrate.script import Chunk
from narrate.speak import complete, speak
from narrate.studio import Report

MP3_BITRATE = 96


def say_text(job: Job, text: str, output: Path, report: Report) -> float:
    """Say ``text`` to ``output`` (.wav, .flac or .mp3, by its suffix) and return the seconds of sound."""
    write = _WRITERS.get(output.suffix.lower())
    if write is None:
        raise JobError(f"{output}: the name must end in {', '.join(_WRITERS)}")
    booth = Booth(job, report, keep=True)
    try:
        script = booth.script(_blocks(text), booth.studio.cast, Policy(), job.language)
        if not script.chunks:
            raise SourceError("there is nothing to say: the text holds no letter and no digit")
        for _ in complete(speak(script, booth.studio.engine, booth.studio.store, Inline())):  # all of it, or a failure
            pass
        takes = [booth.take(Line(chunk, chunk.source)) for chunk in script.chunks]
    finally:
        booth.close()
    rate = takes[0].rate
    samples = np.concatenate(list(_sounds(script.chunks, takes, rate)))
    try:
        write(output, samples, rate)
    except OSError as error:
        raise NarrateError(f"{output}: cannot be written: {error.strerror}") from error
    return len(samples) / rate


def _blocks(text: str) -> list[Block]:
    """A paragraph for each that a blank line ends."""
    parts = [" ".join(part.split()) for part in text.split("\n\n")]
    return [Block("paragraph", part, f"{number}") for number, part in enumerate(parts, 1) if part]


def _sounds(chunks: Sequence[Chunk], takes: Sequence[Take], rate: int) -> Iterator[codec.Samples]:
    """The takes, and the pauses between them."""
    for index, (chunk, take) in enumerate(zip(chunks, takes, strict=True)):
        yield codec.resample(take.samples, take.rate, rate)
        if index + 1 < len(chunks):
            yield np.zeros(rate * chunk.pause_ms // 1000, np.int16)


def _write_wav(path: Path, samples: codec.Samples, rate: int) -> None:
    with path.open("wb") as file, wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(rate)
        sound.writeframes(samples.astype("<i2").tobytes())


def _write_flac(path: Path, samples: codec.Samples, rate: int) -> None:
    path.write_bytes(codec.encode_flac(samples, rate))


def _write_mp3(path: Path, samples: codec.Samples, rate: int) -> None:
    target = encoders.known_rate(rate)
    encoder = encoders.Mp3Encoder(target, encoders.known_bitrate("mp3", target, MP3_BITRATE))
    path.write_bytes(b"".join([*encoder.encode(codec.resample(samples, rate, target)), *encoder.finish()]))


_WRITERS: dict[str, Callable[[Path, codec.Samples, int], None]] = {
    ".wav": _write_wav,
    ".flac": _write_flac,
    ".mp3": _write_mp3,
}
