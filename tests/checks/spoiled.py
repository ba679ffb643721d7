"""A sound book, and the ways in which one can be spoiled without any player complaining."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from narrate.audiobook import GRID, Audiobook, Encoding, Track
from narrate.publish import publish
from narrate.writers.m4b import M4bWriter
from narrate.writers.mp3 import Mp3Writer
from tests.blobs import HEAD, Samples, blob, of_tracks

RATE = 24000
TITLES = ("One", "Two", "Three")


def voice(seconds: float, pitch: float, level: float = 0.3) -> NDArray[np.float64]:
    """A sound with the level, the rhythm and the smoothness of speech."""
    time = np.arange(round(seconds * RATE)) / RATE
    sound = sum(np.sin(2 * np.pi * pitch * harmonic * time) / harmonic**1.3 for harmonic in range(1, 12))
    syllables = 0.5 - 0.5 * np.cos(2 * np.pi * 3.3 * time)
    ends = np.clip(np.minimum(time, time[::-1]) / 0.02, 0, 1)
    return np.asarray(level * sound * syllables * ends)


def chapter(number: int) -> NDArray[np.float64]:
    """Three phrases with pauses between, and silence behind, on the grid."""
    pitch = 140 + 25 * number
    gap, head = np.zeros(int(0.65 * RATE)), np.zeros(HEAD if number else 0)
    phrases = [part for phrase in range(3) for part in (voice(1.2, pitch + 4 * phrase), gap)]
    sound = np.concatenate([head, *phrases, np.zeros(RATE)])
    return np.pad(sound, (0, -sound.size % GRID))


def audiobook(store: Path, spoil: Callable[[list[NDArray[np.float64]]], object] = lambda sounds: None) -> Audiobook:
    """The book; ``spoil`` may change the chapters' sounds before they are encoded."""
    store.mkdir(parents=True, exist_ok=True)
    sounds = [chapter(number) for number in range(len(TITLES))]
    spoil(sounds)
    tracks: list[Track] = []
    start = 0
    for number, (title, sound) in enumerate(zip(TITLES, sounds, strict=True)):
        sound = np.pad(sound, (0, -sound.size % GRID))
        pcm: Samples = np.asarray(np.rint(np.clip(sound, -1, 1) * 32767), np.int16)
        blobs = tuple(blob(store, pcm, encoding) for encoding in (Encoding("mp3", RATE, 96), Encoding("aac", RATE, 64)))
        tracks.append(Track(title, 1, start, pcm.size, HEAD if number else 0, blobs))
        start += pcm.size
    return of_tracks(tuple(tracks), RATE)


def finished(book: Audiobook, folder: Path, suffix: str, *, alone: bool = True) -> Path:
    """The published file of ``book``; ``alone``: without its manifest."""
    made = publish(book, [Mp3Writer() if suffix == ".mp3" else M4bWriter()], folder)
    (path,) = [file.path for file in made if file.path.suffix == suffix]
    if not alone:
        return path
    copy = folder.parent / f"alone{suffix}"
    shutil.copyfile(path, copy)
    return copy


def titled(book: Audiobook, titles: tuple[str, ...]) -> Audiobook:
    """``book`` with other chapter titles."""
    marks = tuple(replace(mark, title=title) for mark, title in zip(book.marks, titles, strict=True))
    return replace(book, marks=marks)


def shifted(book: Audiobook, ms: int) -> Audiobook:
    """``book`` with every mark but the first moved by so many milliseconds for each chapter before it."""
    starts = [mark.start_ms + number * ms for number, mark in enumerate(book.marks)]
    ends = [*starts[1:], book.marks[-1].end_ms]
    marks = tuple(
        replace(mark, start_ms=start, end_ms=end) for mark, start, end in zip(book.marks, starts, ends, strict=True)
    )
    return replace(book, marks=marks)
