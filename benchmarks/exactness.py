"""Are finished files right to the frame? Thousands of joins, then the files are decoded and listened to.

The book's chunks are short tones, so that every chapter's first sound is sharp. Three ways: encoded to MP3, encoded to
M4B, and MP3 segments copied frame by frame. The yardstick is one codec frame; plain concatenation of the same MP3
segments, as ``cat`` does it, stands beside them.

    python benchmarks/exactness.py [--chunks 5000] [--chapters 40]
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np

from narrate.assemble import Mastering, assemble
from narrate.audio import codec, encoders
from narrate.audio.container import Listening
from narrate.audiobook import Audiobook, Encoding
from narrate.book import Block, Book, Chapter, Metadata
from narrate.engines import Speech, Traits
from narrate.engines.tone import Tone, voice
from narrate.executors.processes import Processes
from narrate.executors.threads import Threads
from narrate.plan import plan
from narrate.script import Cast, Chunk
from narrate.speak import complete, speak
from narrate.store import Store
from narrate.writers.m4b import M4bWriter
from narrate.writers.mp3 import Mp3Writer

RATE = 24000
FRAMES = {"mp3": 576, "m4b": 1024, "copied mp3": 576}


class Mp3Tone:
    """The tone as a service would send it: MP3 at 96 kbit/s, without a LAME tag."""

    def __init__(self) -> None:
        self._tone = Tone()

    @property
    def traits(self) -> Traits:
        return self._tone.traits

    def speak(self, chunk: Chunk) -> Speech:
        speech = self._tone.speak(chunk)
        samples, rate = codec.decode(speech.audio, speech.format, speech.rate)
        encoder = encoders.Mp3Encoder(rate, 96)
        return Speech(b"".join([*encoder.encode(samples), *encoder.finish()]), "mp3", rate)


def book(chunks: int, chapters: int) -> Book:
    each = chunks // chapters
    return Book(
        Metadata("A Long Book", ("Nobody",), "en"),
        tuple(
            Chapter(
                f"Chapter {number + 1}",
                tuple(
                    Block("paragraph", f"Chapter {number}, paragraph {place}.", f"book.md:{number * each + place}")
                    for place in range(each)
                ),
            )
            for number in range(chapters)
        ),
        (),
        0,
        "book.md",
    )


def report(name: str, audiobook: Audiobook, path: Path) -> None:
    sound = np.concatenate([np.abs(block).max(axis=0) for block in Listening(path).blocks()])
    loud = np.flatnonzero(sound > 0.25 * sound.max())
    late = []
    for track in audiobook.tracks:
        mark = track.start + track.mark
        late.append(int(loud[np.searchsorted(loud, max(0, mark - 4 * FRAMES[name]))]) - mark)
    frame = FRAMES[name]
    worst = max(late, key=abs)
    print(
        f"{name:11} {len(audiobook.cues):,} segments, {sound.size / RATE / 60:.1f} min; length off by "
        f"{sound.size - audiobook.samples} samples; first sound after its mark: median {int(np.median(late))}, "
        f"worst {worst} samples ({abs(worst) / frame:.2f} of a frame)"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--chunks", type=int, default=5000)
    parser.add_argument("--chapters", type=int, default=40)
    options = parser.parse_args()
    cast = Cast(voice("", "en", {}, {}))
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        script = plan(book(options.chunks, options.chapters), cast, Tone().traits)
        store, masters = Store(root / "store"), Processes(2)
        segments = complete(speak(script, Tone(), store, Threads(2)))
        both = Mastering(encodings=(Encoding("mp3", 0, 96), Encoding("aac", 0, 64)))
        made = assemble(script, segments, store, masters, both)
        for name, writer in (("mp3", Mp3Writer()), ("m4b", M4bWriter())):
            report(name, made, writer.write(made, root)[0].path)

        copied = Cast(replace(cast.narrator, settings=(("format", "mp3"),)))
        script = plan(book(options.chunks, options.chapters), copied, Tone().traits)
        segments = complete(speak(script, Mp3Tone(), store, Threads(2)))
        joining = Mastering(encodings=(Encoding("mp3", 0, 96),), join_mp3=True)
        made = assemble(script, segments, store, masters, joining)
        report("copied mp3", made, Mp3Writer().write(made, root)[0].path)

        pieces = [piece for track in made.tracks if track.joined for piece, _ in track.joined.pieces]
        samples = sum(piece.mp3.frames * piece.mp3.samples_per_frame for piece in pieces if piece.mp3)
        spoken = sum(piece.tail - piece.lead for piece in pieces)
        print(f"cat of the same segments, without pauses: {(samples - spoken) / RATE:+.1f} s against what was spoken")


if __name__ == "__main__":
    main()
