"""NOUN: what can be heard. ``assemble`` makes an Audiobook; writers need nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from narrate.book import Metadata

Codec = Literal["mp3", "aac"]

GRID = 9216
"""Samples. Every chapter lasts a whole number of these, so that one timeline serves every codec.

It is the least common multiple of the frame lengths of AAC (1024) and of MP3 (1152, and 576 below 32 kHz); the
rest, at most 384 ms at 24 kHz, is taken into the pause that ends the chapter.
"""


@dataclass(frozen=True, slots=True)
class Word:
    """A spoken word and its time in milliseconds from the start of the engine's answer."""

    text: str
    start_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True)
class Segment:
    """An engine's answer, kept in the store under ``key``. Times are in samples of ``rate``, mono.

    ``digest`` is the SHA-256 of the kept audio, ``path`` the store's file and ``offset``/``size`` its bytes there.
    ``codec`` is "flac" (what narrate keeps of PCM and WAV) or "mp3" (the engine's own bytes, with ``--segments mp3``).
    ``frames`` is the number of samples a decoder yields; ``lead`` and ``tail`` are the first and the last sample of
    sound (what lies outside is the engine's silence and is trimmed when a chapter is laid out).
    ``peak`` is 0..1. ``blocks`` holds the loudness of every 400 ms window in steps of 100 ms, as little-endian signed
    16-bit hundredths of a LUFS (the gating blocks of ITU-R BS.1770), so that the loudness of any row of segments is
    known without decoding them again. ``words`` are the engine's own timings, if it gives them.
    """

    key: str
    digest: str
    path: Path
    offset: int
    size: int
    codec: Literal["flac", "mp3"]
    rate: int
    frames: int
    lead: int
    tail: int
    peak: float
    blocks: bytes = b""
    words: tuple[Word, ...] = ()
    request_id: str = ""
    mp3: Mp3Stream | None = None


@dataclass(frozen=True, slots=True)
class Mp3Stream:
    """Where the audio frames of an MP3 lie, so that they can be joined without decoding (reference: ISO 11172-3).

    ``start``/``end`` are byte offsets of the frames inside the kept audio: tags, the Info frame and stray bytes lie
    outside. ``header`` is the first frame's four bytes with the padding bit cleared: version, rate, bit rate and
    channel mode, which must be equal for frames to be joined. ``frames`` counts them; ``samples_per_frame`` is 576 or
    1152; ``delay``/``padding`` are samples of encoder delay and padding as the LAME tag states them (1105 samples of
    delay are assumed without a tag: 576 of the encoder and 529 of the decoder).
    """

    start: int
    end: int
    header: bytes
    frames: int
    samples_per_frame: int
    delay: int
    padding: int


@dataclass(frozen=True, slots=True)
class Encoding:
    """How a chapter's sound is encoded. ``rate`` in Hz, ``bitrate`` in kbit/s, always mono."""

    codec: Codec
    rate: int
    bitrate: int


@dataclass(frozen=True, slots=True)
class Blob:
    """A chapter's sound, encoded once and kept in the store, from which files are bound by copying.

    A blob is encoded from the chapter's own first sample, with an empty bit reservoir and nothing before it, and holds
    the encoder's flush at the end. ``offset`` is where the payload starts in ``path``.

    mp3: the payload is MP3 frames, no tags, no Info frame. The first ``body_bytes`` bytes are the ``body_frames``
    frames that stand for ``samples`` samples; what follows (up to ``size``) is the flush, needed only at the very end
    of a file. Decoded, the sound comes 1105 samples late, as in every LAME stream: writers state a delay of 576.

    aac: the payload is raw AAC packets without ADTS headers, then, from ``sizes_at``, one little-endian unsigned
    32-bit number per packet: its size. Packet 0 is the priming packet (1024 samples before the first); packets
    1..body_frames stand for ``samples`` samples; later ones are the flush. A file takes packet 0 of its first blob,
    packets 1..body_frames of each, and nothing of the flush: each chapter but a file's first starts
    with at least one frame of silence and each ends with more than one, so blobs follow each other without a seam.
    ``config`` is the AudioSpecificConfig of ISO 14496-3.
    """

    path: Path
    offset: int
    size: int
    digest: str
    encoding: Encoding
    samples: int
    frames: int
    body_frames: int
    body_bytes: int
    sizes_at: int = 0
    config: bytes = b""


@dataclass(frozen=True, slots=True)
class Cue:
    """Text bound to its time in the whole book, in milliseconds.

    ``places`` are where it stands in the source, as (anchor of the block, first character, one past the last).
    """

    anchor: str
    text: str
    chapter: int
    start_ms: int
    end_ms: int
    key: str
    digest: str
    request_id: str = ""
    places: tuple[tuple[str, int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class ChapterMark:
    """A titled span of the whole book, in milliseconds. Marks touch: each ends where the next starts."""

    title: str
    level: int
    start_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True)
class Track:
    """One chapter of sound, ``samples`` long, starting at sample ``start`` of the book.

    ``mark`` is the sample, from the track's start, at which its first sound begins. ``blobs`` are its encodings.
    ``joined`` replaces them when MP3 segments are copied instead of encoded.
    """

    title: str
    level: int
    start: int
    samples: int
    mark: int
    blobs: tuple[Blob, ...] = ()
    joined: Joined | None = None
    gain_db: float = 0.0
    loudness: float | None = None


@dataclass(frozen=True, slots=True)
class Joined:
    """MP3 segments to be copied frame by frame: each with the number of silent frames that follow it.

    ``gain_steps`` is added to every frame's global_gain: one step is 1.505 dB (ISO 11172-3), no second lossy pass.
    """

    pieces: tuple[tuple[Segment, int], ...]
    header: bytes
    samples_per_frame: int
    gain_steps: int = 0


@dataclass(frozen=True, slots=True)
class Episode:
    """A chapter of a serial as listeners know it: what it is called once and for all, and what it is known again by.

    ``number`` is a whole number, and behind it single digits for a chapter that came in between ("0003", "0003.1"); it
    and the ``guid`` are never another chapter's. ``name`` is its file's, without suffix. ``date`` is the book's when
    it was first published, as the source gave it; ``order`` counts the episodes as they were first published, from 1.
    ``title``, ``anchor`` (of its first words) and ``digest`` (SHA-256 of its text) are as last published.
    """

    number: str
    guid: str
    name: str
    title: str
    anchor: str = ""
    digest: str = ""
    date: str = ""
    order: int = 0


@dataclass(frozen=True, slots=True)
class Serial:
    """What a book that grows keeps from one publication to the next. Empty for one that is to become a serial.

    ``guid`` is its feed's, "" while it has none. ``episodes`` are its chapters, one for each track; ``retired`` those
    that it no longer has: their numbers stay taken.
    """

    guid: str = ""
    episodes: tuple[Episode, ...] = ()
    retired: tuple[Episode, ...] = ()


@dataclass(frozen=True, slots=True)
class Audiobook:
    """All a writer ever needs; as JSON it is the manifest.

    ``rate`` is the sample rate of the timeline; tracks follow each other without gaps. ``narrator`` is what the tags
    say of the voice; ``voices`` the (engine, model, voice) triples that speak. ``serial`` is None for a book that is
    published as a whole.
    """

    meta: Metadata
    narrator: str
    rate: int
    tracks: tuple[Track, ...]
    marks: tuple[ChapterMark, ...]
    cues: tuple[Cue, ...]
    voices: tuple[tuple[str, str, str], ...] = ()
    serial: Serial | None = None

    @property
    def samples(self) -> int:
        """Length of the whole book in samples."""
        return sum(track.samples for track in self.tracks)

    @property
    def duration_ms(self) -> int:
        """Length of the whole book in milliseconds, converted once."""
        return milliseconds(self.samples, self.rate)


def milliseconds(samples: int, rate: int) -> int:
    """Samples as whole milliseconds, rounded to the nearest (halves up), without floating point."""
    return (samples * 2000 + rate) // (2 * rate)


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check reports. ``code`` is stable ("a-003"); "error" fails the check, "review" asks for an ear."""

    code: str
    severity: Literal["error", "review"]
    where: str
    message: str


@dataclass(frozen=True, slots=True)
class Published:
    """A finished file: where it is, its size and SHA-256, and the checked duration (None for what has no sound)."""

    path: Path
    size: int
    digest: str
    duration_ms: int | None = None
