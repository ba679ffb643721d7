"""VERB: script and segments -> audiobook. Chapters are mastered elsewhere while later ones are still being spoken.

Here only time is laid out, and one small record kept per chunk; sound is touched by ``master_chapter`` alone, in the
executor's processes.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from narrate.audio import encoders, limiter, loudness, timeline
from narrate.audiobook import Audiobook, Blob, ChapterMark, Cue, Encoding, Joined, Segment, Track, milliseconds
from narrate.errors import AudioError, JobError, SpeechIncomplete
from narrate.executors import Executor
from narrate.mastering import ChapterJob, Source, master_chapter
from narrate.script import Chunk, Script
from narrate.store import Store


@dataclass(frozen=True, slots=True)
class Mastering:
    """How a book is to sound, apart from who speaks it. Nothing here costs speech.

    ``target_lufs`` is the loudness every chapter is brought to (None: as the engine spoke); ``ceiling_db`` the highest
    sample peak. ``encodings`` may leave their rate 0: it is the timeline's, the same for all. ``rate`` is the
    timeline's; None takes the rate of the book's first segment, or the next that MP3 and AAC know. ``join_mp3`` copies
    the engine's own MP3 frames into the MP3 instead of encoding them, when all segments are of one kind.
    """

    target_lufs: float | None = loudness.TARGET_LUFS
    ceiling_db: float = limiter.CEILING_DB
    encodings: tuple[Encoding, ...] = ()
    rate: int | None = None
    join_mp3: bool = False


def assemble(
    script: Script,
    segments: Iterable[tuple[int, Segment]],
    store: Store,
    masters: Executor,
    mastering: Mastering,
    *,
    warn: Callable[[str], None] = lambda sentence: None,
    finished: Callable[[int, int, str], None] = lambda number, of, title: None,
) -> Audiobook:
    """Make the audiobook of ``script`` from its ``segments``.

    ``segments`` gives (index in ``script.chunks``, segment), in any order; pulling it is what speaks. A chapter goes
    to ``masters`` as soon as its last segment is there. ``warn`` is told, in a sentence, when MP3 segments cannot be
    joined and are encoded instead, and of stored encodings that were damaged; ``finished`` of each chapter that is
    encoded: its number among those with sound, counted from 1, how many there are, and its title. When speech stays
    incomplete, the chapters that are complete are mastered first, and SpeechIncomplete is raised then.
    """
    assembly = _Assembly(script, store.folder, mastering)
    blobs = _mastered(masters, assembly.jobs(segments), warn, assembly.telling(finished))
    assembly.require_complete()
    if assembly.misfit:
        warn(assembly.misfit)
        blobs = _mastered(masters, assembly.jobs_without_joining(), warn)
    return assembly.bind(blobs)


def _mastered(
    masters: Executor,
    jobs: Iterator[ChapterJob],
    warn: Callable[[str], None],
    finished: Callable[[int], None] = lambda chapter: None,
) -> dict[int, tuple[Blob, ...]]:
    blobs = {}
    for done in masters.map(master_chapter, jobs):
        blobs[done.chapter] = done.blobs
        finished(done.chapter)
        for sentence in done.reports:
            warn(sentence)
    return blobs


@dataclass(frozen=True, slots=True)
class _Chapter:
    """A chapter whose segments are all there, without what only its gain needed."""

    segments: tuple[Segment, ...]
    chunks: tuple[Chunk, ...]
    loudness: float | None
    gain_db: float
    layout: timeline.Layout
    joined: timeline.JoinedLayout | None


class _Assembly:
    """What has arrived of a book so far. Nothing in the result depends on the order of arrival."""

    def __init__(self, script: Script, store: Path, mastering: Mastering) -> None:
        if not script.chunks:
            raise AudioError("there is nothing to assemble: no chapter of the book is spoken")
        self.misfit = ""
        self._script = script
        self._store = store
        self._mastering = mastering
        self._asked_rate = _asked_rate(mastering)
        # whoever speaks most decides the rate: a guest may speak the first line
        usual = Counter(chunk.voice for chunk in script.chunks).most_common(1)[0][0]
        self._leading = next(index for index, chunk in enumerate(script.chunks) if chunk.voice == usual)
        self._first: Segment | None = None
        self._chunks: dict[int, list[Chunk]] = defaultdict(list)
        self._missing: dict[int, set[int]] = defaultdict(set)
        for index, chunk in enumerate(script.chunks):
            self._chunks[chunk.chapter].append(chunk)
            self._missing[chunk.chapter].add(index)
        self._arrived: dict[int, dict[int, Segment]] = defaultdict(dict)
        self._chapters: dict[int, _Chapter] = {}
        self._failure: SpeechIncomplete | None = None

    @property
    def rate(self) -> int:
        """The timeline's rate, known once the book's first segment is."""
        return self._asked_rate or encoders.known_rate(self._first.rate if self._first else 0)

    @property
    def _joining(self) -> bool:
        return self._mastering.join_mp3 and not self.misfit

    def jobs(self, segments: Iterable[tuple[int, Segment]]) -> Iterator[ChapterJob]:
        """A job for each chapter, as soon as its last segment (and the book's first, for the rate) has arrived."""
        try:
            for index, segment in segments:
                self._take(index, segment)
                if self._first:
                    yield from self._finish_chapters()
        except SpeechIncomplete as failure:
            self._failure = failure

    def jobs_without_joining(self) -> Iterator[ChapterJob]:
        """All chapters again, for a book whose segments turned out not to be of one kind."""
        for number, chapter in sorted(self._chapters.items()):
            self._chapters[number] = replace(chapter, layout=self._lay_out(chapter), joined=None)
            yield from self._job(number)

    def telling(self, finished: Callable[[int, int, str], None]) -> Callable[[int], None]:
        """What tells of a chapter, by its place in the script, in terms of what is heard."""
        places = {chapter: place for place, chapter in enumerate(sorted(self._chunks), 1)}
        titles = self._script.chapters
        return lambda chapter: finished(places[chapter], len(places), titles[chapter].title)

    def require_complete(self) -> None:
        """Raise SpeechIncomplete if any chunk has no speech."""
        if self._failure:
            raise self._failure
        if self._missing:
            count = sum(map(len, self._missing.values()))
            titles = ", ".join(repr(self._script.chapters[chapter].title) for chapter in sorted(self._missing)[:3])
            raise SpeechIncomplete(f"{count} chunks have no speech (in {titles}); run again to go on")

    def _take(self, index: int, segment: Segment) -> None:
        if index == self._leading:
            self._first = segment
        chapter = self._script.chunks[index].chapter
        if index in self._missing.get(chapter, ()):
            self._missing[chapter].discard(index)
            self._arrived[chapter][index] = segment

    def _finish_chapters(self) -> Iterator[ChapterJob]:
        for number in [number for number in self._arrived if not self._missing[number]]:
            del self._missing[number]
            arrived = self._arrived.pop(number)
            self._chapters[number] = self._measured(number, [arrived[index] for index in sorted(arrived)])
            yield from self._job(number)

    def _measured(self, number: int, segments: list[Segment]) -> _Chapter:
        level = loudness.integrated(segment.blocks for segment in segments)
        gain = loudness.gain_db(level, self._mastering.target_lufs)
        light = tuple(replace(segment, blocks=b"", words=()) for segment in segments)
        chunks = tuple(self._chunks[number])
        nothing = timeline.Layout(0, (), 0)
        chapter = _Chapter(light, chunks, level, gain, nothing, None)
        if self._mastering.join_mp3:
            self.misfit = self.misfit or self._find_misfit(light)
        if not self._joining:
            return replace(chapter, layout=self._lay_out(chapter))
        joined = timeline.join_up(light, self._pauses(chapter), first=self._is_first(chapter))
        return replace(chapter, layout=joined.layout, joined=joined)

    def _find_misfit(self, segments: tuple[Segment, ...]) -> str:
        """Why the book's MP3 segments cannot be joined, or ""."""
        first = self._first.mp3 if self._first else None
        odd = next((one for one in segments if not one.mp3 or not first or one.mp3.header != first.header), None)
        if odd is not None:
            return f"the segments are not all MP3 of one kind ({odd.path.name[:12]}): the MP3 is encoded, not joined"
        if self._first and self.rate != self._first.rate:
            return f"the segments are at {self._first.rate} Hz, not {self.rate}: the MP3 is encoded, not joined"
        return ""

    def _is_first(self, chapter: _Chapter) -> bool:
        return chapter.chunks[0].chapter == self._script.chunks[0].chapter

    def _pauses(self, chapter: _Chapter) -> list[int]:
        return [timeline.pause_samples(chunk.pause_ms, self.rate) for chunk in chapter.chunks]

    def _lay_out(self, chapter: _Chapter) -> timeline.Layout:
        sounds = [timeline.sound_samples(segment, self.rate) for segment in chapter.segments]
        return timeline.lay_out(sounds, self._pauses(chapter), first=self._is_first(chapter))

    def _job(self, number: int) -> Iterator[ChapterJob]:
        chapter = self._chapters[number]
        encodings = tuple(
            Encoding(one.codec, self.rate, encoders.known_bitrate(one.codec, self.rate, one.bitrate))
            for one in self._mastering.encodings
            if one.codec != "mp3" or not self._joining
        )
        if not encodings:
            return
        layout = chapter.layout
        sources = (
            Source(one.path, one.offset, one.size, one.digest, one.codec, one.rate, one.lead, one.tail, piece.gap)
            for one, piece in zip(chapter.segments, layout.pieces, strict=True)
        )
        yield ChapterJob(
            chapter=number,
            store=self._store,
            rate=self.rate,
            head=layout.head,
            samples=layout.samples,
            sources=tuple(sources),
            gain_db=chapter.gain_db,
            ceiling_db=self._mastering.ceiling_db,
            encodings=encodings,
        )

    def bind(self, blobs: dict[int, tuple[Blob, ...]]) -> Audiobook:
        """The audiobook of all chapters, in order."""
        numbers = sorted(self._chapters)
        starts = timeline.starts_of(self._chapters[number].layout.samples for number in numbers)
        tracks = tuple(
            self._track(number, start, blobs.get(number, ())) for number, start in zip(numbers, starts, strict=False)
        )
        voices = dict.fromkeys(chunk.voice for chunk in self._script.chunks)
        return Audiobook(
            meta=self._script.book.meta,
            narrator=", ".join(f"{voice.name} (synthetic voice, {voice.engine})" for voice in voices),
            rate=self.rate,
            tracks=tracks,
            marks=marks(tracks, self.rate),
            cues=tuple(
                cue
                for place, (number, start) in enumerate(zip(numbers, starts, strict=False))
                for cue in self._cues(self._chapters[number], place, start)
            ),
            voices=tuple(dict.fromkeys((voice.engine, voice.model, voice.name) for voice in voices)),
        )

    def _track(self, number: int, start: int, blobs: tuple[Blob, ...]) -> Track:
        chapter, heading = self._chapters[number], self._script.chapters[number]
        return Track(
            title=heading.title,
            level=heading.level,
            start=start,
            samples=chapter.layout.samples,
            mark=chapter.joined.mark if chapter.joined else chapter.layout.mark,
            blobs=blobs,
            joined=_joined(chapter),
            gain_db=chapter.gain_db,
            loudness=chapter.loudness,
        )

    def _cues(self, chapter: _Chapter, place: int, start: int) -> Iterator[Cue]:
        begins = chapter.joined.starts if chapter.joined else [piece.start for piece in chapter.layout.pieces]
        for chunk, segment, piece, begin in zip(
            chapter.chunks, chapter.segments, chapter.layout.pieces, begins, strict=True
        ):
            at = max(0, start + begin)
            yield Cue(
                anchor=chunk.anchor,
                text=chunk.source or chunk.text,
                chapter=place,
                start_ms=milliseconds(at, self.rate),
                end_ms=milliseconds(at + piece.samples, self.rate),
                key=segment.key,
                digest=segment.digest,
                request_id=segment.request_id,
                places=tuple((origin.anchor, origin.first, origin.last) for origin in chunk.origins),
            )


def _asked_rate(mastering: Mastering) -> int:
    """The timeline's rate as far as it was asked for, or 0. JobError when encodings want different ones."""
    asked = {rate for rate in (mastering.rate, *(encoding.rate for encoding in mastering.encodings)) if rate}
    if len(asked) > 1:
        raise JobError(f"one book has one sample rate, but {' and '.join(map(str, sorted(asked)))} Hz were asked for")
    return encoders.known_rate(asked.pop()) if asked else 0


def _joined(chapter: _Chapter) -> Joined | None:
    if not chapter.joined or not chapter.segments[0].mp3:
        return None
    stream = chapter.segments[0].mp3
    peak = max(segment.peak for segment in chapter.segments)
    return Joined(
        pieces=tuple(zip(chapter.segments, chapter.joined.silences, strict=True)),
        header=stream.header,
        samples_per_frame=stream.samples_per_frame,
        gain_steps=timeline.gain_steps(chapter.gain_db, peak),
    )


def marks(tracks: tuple[Track, ...], rate: int) -> tuple[ChapterMark, ...]:
    """Chapter marks in milliseconds: the first at 0, each to the next, the last to the end of the book."""
    starts = [0, *(milliseconds(track.start + track.mark, rate) for track in tracks[1:])]
    ends = [*starts[1:], milliseconds(sum(track.samples for track in tracks), rate)]
    return tuple(
        ChapterMark(track.title, track.level, start, end)
        for track, start, end in zip(tracks, starts, ends, strict=True)
    )
