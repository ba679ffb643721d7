"""Where everything lies in time: pure arithmetic in integer samples, published in milliseconds, converted once.

A chapter is laid out by itself: its length does not depend on where in the book it stands, only on whether it is the
first that is heard. So chapters may be encoded in any order, and the book is their sum.

    head | sound gap sound gap ... sound gap        one chapter, a whole number of GRID samples long

``head`` is silence that hides the seam between two AAC blobs: their first frame starts where the last one of the
chapter before has not yet faded. It is taken out of the pause that ends every chapter.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from narrate.audio.frames import DECODER_DELAY, ENCODER_DELAY
from narrate.audio.mp3 import STEP_DB
from narrate.audiobook import GRID, Mp3Stream, Segment

HEAD = 1024
"""Samples of silence at the start of every chapter but the first: one AAC frame."""

LEAST_END = 2 * 1152 + 1105
"""Samples of silence at the end of every chapter: two MP3 frames and LAME's delay: what a cut may lose."""

MP3_DELAY = ENCODER_DELAY + DECODER_DELAY
"""Samples that the start of an MP3 file is played too late, and that its Info frame tells players to drop."""


@dataclass(frozen=True, slots=True)
class Piece:
    """One segment's sound in its chapter: from sample ``start``, ``samples`` long, then ``gap`` samples of silence."""

    start: int
    samples: int
    gap: int


@dataclass(frozen=True, slots=True)
class Layout:
    """One chapter in time. ``samples`` is a whole number of GRID. Heads, sounds and gaps add up to it exactly."""

    head: int
    pieces: tuple[Piece, ...]
    samples: int

    @property
    def mark(self) -> int:
        """The sample at which the first sound begins."""
        return self.pieces[0].start


def pause_samples(milliseconds: int, rate: int) -> int:
    """A pause in samples, to the nearest."""
    return (milliseconds * rate + 500) // 1000


def sound_samples(segment: Segment, rate: int) -> int:
    """How long the segment's trimmed sound is at ``rate``: the same rounding as the resampler's."""
    return (2 * (segment.tail - segment.lead) * rate + segment.rate) // (2 * segment.rate)


def lay_out(sounds: Sequence[int], pauses: Sequence[int], *, first: bool) -> Layout:
    """The layout of a chapter of ``sounds`` with the ``pauses`` behind each, all in samples of the timeline."""
    starts = []
    head = at = 0 if first else HEAD
    for sound, pause in zip(sounds, pauses, strict=True):
        starts.append(at)
        at += sound + pause
    return _fill(head, starts, sounds, at - HEAD)


def _fill(head: int, starts: Sequence[int], sounds: Sequence[int], end: int) -> Layout:
    """Sounds at their starts, silence between, and an end no earlier than ``end`` that falls on the grid."""
    least = starts[-1] + sounds[-1] + LEAST_END
    total = -(-max(end, least) // GRID) * GRID
    follows = [*starts[1:], total]
    pieces = (
        Piece(start, sound, follow - start - sound)
        for start, sound, follow in zip(starts, sounds, follows, strict=True)
    )
    return Layout(head, tuple(pieces), total)


@dataclass(frozen=True, slots=True)
class JoinedLayout:
    """A chapter of MP3 segments copied frame by frame: ``silences`` are the silent frames behind each.

    ``layout`` is the same chapter for encoders: every sound where the copied one is heard. ``mark`` is the sample at
    which the first copied sound is heard; in an encoded chapter it may be up to HEAD samples later.
    """

    silences: tuple[int, ...]
    layout: Layout
    starts: tuple[int, ...]

    @property
    def mark(self) -> int:
        """The sample at which the first sound begins."""
        return max(0, self.starts[0])


def sound_in_frames(segment: Segment, mp3: Mp3Stream) -> int:
    """Where the sound lies from the first sample of the segment's first frame, once a player has dropped MP3_DELAY.

    A decoder drops the delay of a segment that states it; of one that does not, it yields every frame whole. It may be
    negative where the first segment of a file has less delay than the file's Info frame states.
    """
    dropped = mp3.frames * mp3.samples_per_frame - segment.frames
    start = mp3.delay + DECODER_DELAY if dropped >= mp3.delay + DECODER_DELAY else 0
    return start + segment.lead - MP3_DELAY


def join_up(segments: Sequence[Segment], pauses: Sequence[int], *, first: bool) -> JoinedLayout:
    """The layout of a chapter whose MP3 segments, all of one kind, are copied whole.

    A segment cannot be trimmed, so its own silence is part of the pause; where it is longer than the pause, it is the
    pause. Each rounding to whole frames is made up for in the next gap, so that nothing drifts.
    """
    streams = [segment.mp3 for segment in segments if segment.mp3]
    per_frame = streams[0].samples_per_frame
    leads = [sound_in_frames(segment, mp3) for segment, mp3 in zip(segments, streams, strict=True)]
    sounds = [segment.tail - segment.lead for segment in segments]
    silences: list[int] = []
    starts = [leads[0]]
    frame = owed = 0
    for index, (sound, pause) in enumerate(zip(sounds[:-1], pauses[:-1], strict=True)):
        frame += streams[index].frames
        wanted = starts[-1] + sound + pause + owed
        gap = max(0, (2 * (wanted - leads[index + 1] - frame * per_frame) + per_frame) // (2 * per_frame))
        frame += gap
        silences.append(gap)
        starts.append(frame * per_frame + leads[index + 1])
        owed = (
            wanted - starts[-1] if 2 * (starts[-1] - wanted) <= per_frame else 0
        )  # a longer silence is kept, not owed
    frame += streams[-1].frames
    shifted = _no_earlier(starts, sounds, 0 if first else HEAD)
    layout = _fill(shifted[0], shifted, sounds, max(frame * per_frame, starts[-1] + sounds[-1] + pauses[-1] - HEAD))
    silences.append(layout.samples // per_frame - frame)
    return JoinedLayout(tuple(silences), layout, tuple(starts))


def _no_earlier(starts: Sequence[int], sounds: Sequence[int], head: int) -> list[int]:
    """The same starts, none before ``head`` and none before the sound ahead of it has ended."""
    shifted: list[int] = []
    at = head
    for start, sound in zip(starts, sounds, strict=True):
        shifted.append(max(at, start))
        at = shifted[-1] + sound
    return shifted


def gain_steps(gain_db: float, peak: float) -> int:
    """``gain_db`` in steps of an MP3's global_gain, no more than keeps ``peak`` (0..1) below full scale."""
    steps = round(gain_db / STEP_DB)
    while steps > 0 and peak * 10 ** (steps * STEP_DB / 20) >= 1.0:
        steps -= 1
    return steps


def starts_of(lengths: Iterable[int]) -> list[int]:
    """Where each of these lengths begins when they follow each other, and, last, where they all end."""
    starts = [0]
    for length in lengths:
        starts.append(starts[-1] + length)
    return starts
