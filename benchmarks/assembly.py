"""How long a ten-hour book takes to assemble, against what cannot be avoided. Prints each figure beside its target.

    python benchmarks/assembly.py             ten hours: about 8 minutes, 2 GB of scratch space
    python benchmarks/assembly.py --quick     half an hour of sound, for a glance
    python benchmarks/assembly.py --hours 1

Every measurement runs in a fresh process; peak memory is the sum of PSS over it and all its children, sampled from
/proc. Segments are synthetic, speech-like sound: 200 of them, kept again and again under other keys, and with other
pauses between them, so that no two chapters are the same.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import json
import os
import pickle
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from narrate.assemble import Mastering, assemble
from narrate.audio import codec, encoders, frames, loudness
from narrate.audiobook import Audiobook, Encoding, Segment
from narrate.book import Book, Metadata
from narrate.executors.processes import Processes
from narrate.mastering import Source, _mastered
from narrate.publish import publish
from narrate.script import Chunk, Script, ScriptChapter, Voice
from narrate.store import Store
from narrate.writers.m4b import M4bWriter
from narrate.writers.mp3 import Mp3Writer

RATE = 24000
DISTINCT = 200
SEGMENTS_PER_HOUR = 500  # with 6.6 s of sound and half a second of pause each
CHAPTERS = 40
CORES = os.cpu_count() or 1
MP3, AAC = Encoding("mp3", 0, 96), Encoding("aac", 0, 64)
FIELDS = ("path", "offset", "size", "digest", "codec", "rate", "lead", "tail")
PRELOAD = ("narrate.mastering", "av", "lameenc")

Catalogue = tuple[Script, list[Segment], list[Segment]]


# --- the book -------------------------------------------------------------------------------------------------------


def speech(seed: int) -> codec.Samples:
    """4.6 to 8.6 s of harmonics and breath under syllables and pauses, with the engine's silence around it."""
    random = np.random.default_rng(seed)
    size = int(random.uniform(4.6, 8.6) * RATE)
    time_ = np.arange(size) / RATE
    knots = np.arange(0, size + 3000, 3000)
    pitch = np.interp(np.arange(size), knots, random.normal(120 + seed % 60, 12, knots.size))
    phase = 2 * np.pi * np.cumsum(pitch) / RATE
    voice = sum(np.sin(k * phase + k) / k**1.3 for k in range(1, 22))
    breath = np.convolve(random.normal(0, 0.1, size), [1, -0.6], "same")
    syllables = np.interp(np.arange(size), knots, random.random(knots.size) ** 1.5)
    voiced = 0.5 + 0.5 * np.sign(np.sin(2 * np.pi * 1.7 * time_ + seed))
    sound = syllables * (voice * voiced + breath * (1.15 - voiced)) * random.uniform(0.08, 0.16)
    quiet = np.zeros(int(0.15 * RATE), np.int16)
    return np.concatenate([quiet, codec.to_int16(sound), quiet])


def facts(samples: codec.Samples, payload: bytes, *, mp3: bool) -> Segment:
    lead, tail = codec.find_sound(samples, RATE)
    return Segment(
        key="",
        digest="",
        path=Path(),
        offset=0,
        size=len(payload),
        codec="mp3" if mp3 else "flac",
        rate=RATE,
        frames=samples.size,
        lead=lead,
        tail=tail,
        peak=float(np.abs(samples.astype(int)).max() / 32768),
        blocks=loudness.gating_blocks(samples, RATE),
        mp3=frames.scan(payload) if mp3 else None,
    )


def build(store: Store, hours: float) -> Catalogue:
    """A script and its segments, as FLAC and as MP3, in the store."""
    count = max(CHAPTERS, round(hours * SEGMENTS_PER_HOUR))
    made: list[tuple[tuple[Segment, bytes], tuple[Segment, bytes]]] = []
    for seed in range(min(DISTINCT, count)):
        samples = speech(seed)
        flac = codec.encode_flac(samples, RATE)
        encoder = encoders.Mp3Encoder(RATE, 96)
        mp3 = b"".join(encoder.encode(samples) + encoder.finish())
        heard, _ = codec.decode(mp3, "mp3", RATE)
        made.append(((facts(samples, flac, mp3=False), flac), (facts(heard, mp3, mp3=True), mp3)))

    def stored(number: int, kind: int) -> Segment:
        segment, payload = made[number % len(made)][kind]
        key = f"{number:032x}{kind:032x}"
        path = store.path("segments", key)
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(payload)  # without the store's fsync: building is not what is measured
        return replace(segment, key=key, digest=codec_digest(payload), path=path)

    return script(count), [stored(n, 0) for n in range(count)], [stored(n, 1) for n in range(count)]


@functools.cache
def codec_digest(payload: bytes) -> str:
    import hashlib

    return hashlib.sha256(payload).hexdigest()


def script(count: int) -> Script:
    voice = Voice("tone", "1", "speech")
    places = [n * CHAPTERS // count for n in range(count)]
    chunks = tuple(
        Chunk(f"text {n}", voice, place, f"#{n}", pause_ms=2200 if places[n + 1 : n + 2] != [place] else 500 + n % 211)
        for n, place in enumerate(places)
    )
    chapters = tuple(ScriptChapter(f"Chapter {n + 1}", 1, "body", True, 0, 0) for n in range(CHAPTERS))
    return Script(Book(Metadata("Long Book", ("Nobody",), "en"), (), (), 0, ""), chapters, chunks, (), 0)


# --- what is measured, each in a process of its own -------------------------------------------------------------------


def assembled(folder: Path, mastering: Mastering, *, mp3: bool = False, edit: bool = False) -> Audiobook:
    plan, flac, as_mp3 = catalogue(folder)
    segments = as_mp3 if mp3 else flac
    arriving = edited(segments) if edit else enumerate(segments)
    return assemble(plan, arriving, Store(folder), Processes(CORES, preload=PRELOAD), mastering)


ANSWERED: list[float] = []


def edited(segments: Sequence[Segment]) -> Iterator[tuple[int, Segment]]:
    """All segments of a book in which one is new: stored ones at once, the new one when the engine has answered."""
    middle = len(segments) // 2
    yield from ((index, segment) for index, segment in enumerate(segments) if index != middle)
    time.sleep(3)  # about what an engine takes for a paragraph
    ANSWERED.append(time.perf_counter())
    other = segments[middle + 1]
    same = ("path", "digest", "size", "frames", "lead", "tail", "peak", "blocks", "mp3")
    yield middle, replace(segments[middle], **{name: getattr(other, name) for name in same})


@functools.cache
def catalogue(folder: Path) -> Catalogue:
    with (folder / "catalogue").open("rb") as file:
        loaded: Catalogue = pickle.load(file)
    return loaded


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def measure(what: str, folder: Path) -> dict[str, float]:
    """One measurement. Seconds of wall time, and what else is of interest."""
    catalogue(folder)
    out = Path(tempfile.mkdtemp(dir=folder))
    return MEASUREMENTS[what](folder, out)


def encode(folder: Path, _: Path, encodings: tuple[Encoding, ...], **how: Any) -> dict[str, float]:
    wall, book = timed(lambda: assembled(folder, Mastering(encodings=encodings, **how)))
    return {"wall": wall, "hours": book.samples / book.rate / 3600}


def bind(folder: Path, out: Path, *, edit: bool = False) -> dict[str, float]:
    mastering = Mastering(encodings=(MP3, AAC))
    arranging, book = timed(lambda: assembled(folder, mastering, edit=edit))
    if edit:
        arranging = time.perf_counter() - ANSWERED[0]
    binding, _ = timed(lambda: publish(book, (Mp3Writer(), M4bWriter()), out / "book"))
    blobs = [str(blob.path) for track in book.tracks for blob in track.blobs]
    return {"assemble": arranging, "publish": binding, "cat": cat(blobs, out), "wall": arranging + binding}


def copy(folder: Path, out: Path) -> dict[str, float]:
    mastering = Mastering(encodings=(MP3,), join_mp3=True)
    arranging, book = timed(lambda: assembled(folder, mastering, mp3=True))
    binding, _ = timed(lambda: publish(book, (Mp3Writer(),), out / "book"))
    joined = [str(piece.path) for track in book.tracks if track.joined for piece, _ in track.joined.pieces]
    return {"assemble": arranging, "publish": binding, "cat": cat(joined, out), "wall": arranging + binding}


def cat(paths: list[str], out: Path) -> float:
    """Seconds that ``cat`` needs for these files, into one."""
    names = "\0".join(paths).encode()
    with (out / "cat").open("wb") as file:
        wall, _ = timed(lambda: subprocess.run(["xargs", "-0", "cat"], input=names, stdout=file, check=True))
    return wall


def encoders_alone(folder: Path, _: Path) -> dict[str, float]:
    """CPU seconds per hour of sound of each encoder alone, on every core at once, as the book is encoded."""
    alone = list(Processes(CORES).map(encode_only, [folder] * CORES))
    return {one.codec: sum(figures[one.codec] for figures in alone) / len(alone) for one in (MP3, AAC)}


def encode_only(folder: Path) -> dict[str, float]:
    """The same for one process, fed with mastered sound that is ready in memory."""
    _, flac, _ = catalogue(folder)
    job: Any = type("Job", (), {"rate": RATE, "gain_db": 1.0, "ceiling_db": -1.5})
    pause = np.zeros(RATE * 600 // 1000, np.int16)
    sounds = [
        np.concatenate([_mastered(Store(folder), Source(*(getattr(s, name) for name in FIELDS), 0), job), pause])
        for s in flac[:100]
    ]
    hours = sum(sound.size for sound in sounds) / RATE / 3600
    figures = {}
    for one in (MP3, AAC):
        encoder = encoders.ENCODERS[one.codec](RATE, one.bitrate)
        start = time.process_time()
        for sound in sounds:
            encoder.encode(sound)
        encoder.finish()
        figures[one.codec] = (time.process_time() - start) / hours
    return figures


def pydub(folder: Path, _: Path) -> dict[str, float]:
    """Joining as tutorials show it, ``combined += segment``: loading and encoding not counted."""
    from pydub import AudioSegment

    _, flac, _ = catalogue(folder)
    figures = {}
    for count in (100, 200, 400):
        sounds = [
            AudioSegment(
                codec.decode(s.path.read_bytes()[: s.size], "flac", 0)[0].tobytes(),
                sample_width=2,
                frame_rate=RATE,
                channels=1,
            )
            for s in (flac * 10)[:count]
        ]
        pause = AudioSegment.silent(600, RATE)

        def join(sounds: list[Any] = sounds, pause: Any = pause) -> None:
            combined = AudioSegment.empty()
            for sound in sounds:
                combined += sound + pause

        figures[str(count)], _ = timed(join)
    return figures


MEASUREMENTS: dict[str, Callable[[Path, Path], dict[str, float]]] = {
    "encoders": encoders_alone,
    "encode mp3": functools.partial(encode, encodings=(MP3,)),
    "encode m4b": functools.partial(encode, encodings=(AAC,)),
    "encode both": functools.partial(encode, encodings=(MP3, AAC), ceiling_db=-1.6),  # other keys: nothing is reused
    "bind": bind,
    "edit": functools.partial(bind, edit=True),
    "copy": copy,
    "pydub": pydub,
}


# --- the parent -----------------------------------------------------------------------------------------------------


def watch(process: psutil.Process, cpu: dict[int, float]) -> int:
    """Bytes of a family of processes, shared pages counted once over all. Notes the CPU seconds of each."""
    total = 0
    for one in [process, *process.children(recursive=True)]:
        try:
            times = one.cpu_times()
            lines = Path(f"/proc/{one.pid}/smaps_rollup").read_text().splitlines()
        except (OSError, psutil.Error):
            continue
        cpu[one.pid] = times.user + times.system
        total += sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
    return total


def run(what: str, folder: Path) -> dict[str, float]:
    """Measure in a fresh process, watching its memory and its CPU time."""
    command = [sys.executable, __file__, "--measure", what, "--folder", str(folder)]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    peak = 0
    cpu: dict[int, float] = {}
    while child.poll() is None:
        with contextlib.suppress(psutil.Error):
            peak = max(peak, watch(psutil.Process(child.pid), cpu))
        time.sleep(0.5)
    answer = child.communicate()[0]
    if child.returncode:
        raise SystemExit(f"the measurement {what!r} failed")
    return {**json.loads(answer), "peak": peak / 2**20, "cpu": sum(cpu.values())}


def line(name: str, measured: str, target: str = "") -> None:
    print(f"{name:34} {measured:58} {target}", flush=True)


def book(root: Path, hours: float) -> Path:
    folder = root / f"{hours:g}h"
    store = Store(folder)
    with (folder / "catalogue").open("wb") as file:
        pickle.dump(build(store, hours), file)
    return folder


def report(root: Path, hours: float) -> None:
    folder = book(root, hours)
    alone = run("encoders", folder)
    line("encoders alone, CPU per hour", f"mp3 {alone['mp3']:.1f} s, aac {alone['aac']:.1f} s")
    for name in ("mp3", "m4b"):
        figures = run(f"encode {name}", folder)
        needed = alone["aac" if name == "m4b" else name] * figures["hours"]
        line(
            f"encode {figures['hours']:.1f} h to {name}",
            f"{figures['wall']:.1f} s, {figures['wall'] / (needed / CORES):.2f} x encoder CPU / {CORES} cores "
            f"(CPU {figures['cpu'] / needed:.2f} x)",
            "1.25 x",
        )
        line("  peak memory", f"{figures['peak']:.0f} MiB", "250 MiB")
    for what, target in (("bind", "5 x cat"), ("copy", "5 x cat"), ("edit", "8 s")):
        figures = run(what, folder)
        parts = ", ".join(f"{part} {figures[part]:.2f}" for part in ("assemble", "publish") if part in figures)
        times = f"{figures['wall'] / figures['cat']:.1f} x cat ({figures['cat']:.2f} s)"
        line(what, f"{figures['wall']:.2f} s ({parts}), {times}", target)
        line("  peak memory", f"{figures['peak']:.0f} MiB", "250 MiB")
    memory(root, hours, folder)
    joining = run("pydub", folder)
    count = round(hours * SEGMENTS_PER_HOUR)
    line("naive pydub, joining only", ", ".join(f"{n}: {joining[n]:.2f} s" for n in ("100", "200", "400")))
    line(f"  at {count}, by the square", f"{joining['400'] * (count / 400) ** 2:.0f} s (extrapolated)")


def memory(root: Path, hours: float, folder: Path) -> None:
    short = book(root, hours / 10)
    few, many = run("encode both", short)["peak"], run("encode both", folder)["peak"]
    line(
        f"peak memory at {hours / 10:g} h and {hours:g} h", f"{few:.0f} and {many:.0f} MiB, both encodings", "no growth"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hours", type=float, default=10.0)
    parser.add_argument("--quick", action="store_true", help="half an hour of sound")
    parser.add_argument("--measure", choices=sorted(MEASUREMENTS), help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        print(json.dumps(measure(arguments.measure, arguments.folder)))
        return
    with tempfile.TemporaryDirectory(prefix="narrate-assembly-") as scratch:
        report(Path(scratch), 0.5 if arguments.quick else arguments.hours)


if __name__ == "__main__":
    main()
