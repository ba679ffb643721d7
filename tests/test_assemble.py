"""A book of chapters mastered apart is one sound: to the sample, without seams, the same bytes every time."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from narrate.assemble import Mastering, assemble
from narrate.audio import codec, encoders, frames, loudness, mp3
from narrate.audiobook import GRID, Audiobook, Blob, Encoding, Segment, Track
from narrate.book import Book, Metadata
from narrate.errors import AudioError, JobError, SpeechIncomplete, StoreError
from narrate.executors.inline import Inline
from narrate.executors.processes import Processes
from narrate.mastering import ChapterJob, Source, blob_key, master_chapter
from narrate.script import Chunk, Script, ScriptChapter, Voice
from narrate.store import Store

RATE = 24000
MP3, AAC = Encoding("mp3", 0, 96), Encoding("aac", 0, 64)
BOTH = Mastering(encodings=(MP3, AAC))
VOICE = Voice("tone", "1", "Ada")


def spoken(seed: int, rate: int = RATE) -> codec.Samples:
    """Silence, then something voiced that starts and ends hard, then silence, all of uneven length."""
    random = np.random.default_rng(seed)
    size = int(random.integers(rate // 2, rate))
    time = np.arange(size) / rate
    voice = sum(np.sin(2 * np.pi * (110 + 7 * (seed % 9)) * k * time + k) / k for k in range(1, 12))
    sound = voice * (0.6 - 0.4 * np.cos(2 * np.pi * 5 * time)) * 0.12 + random.normal(0, 0.004, size)
    quiet = [np.zeros(int(random.integers(500, 4000)), np.int16) for _ in "ab"]
    return np.concatenate([quiet[0], codec.to_int16(sound), quiet[1]])


def kept(store: Store, name: str, samples: codec.Samples, rate: int = RATE, as_mp3: int = 0) -> Segment:
    """A segment in the store, as ``speak`` keeps it; ``as_mp3`` is a bit rate."""
    stream = None
    if as_mp3:
        encoder = encoders.Mp3Encoder(rate, as_mp3)
        payload = b"".join(encoder.encode(samples) + encoder.finish())
        samples, _ = codec.decode(payload, "mp3", rate)
        stream = frames.scan(payload)
    else:
        payload = codec.encode_flac(samples, rate)
    key = name.encode().hex().rjust(64, "0")
    entry = store.put("segments", key, {}, payload)
    lead, tail = codec.find_sound(samples, rate)
    return Segment(
        key=key,
        digest=entry.digest,
        path=entry.path,
        offset=0,
        size=entry.size,
        codec="mp3" if as_mp3 else "flac",
        rate=rate,
        frames=samples.size,
        lead=lead,
        tail=tail,
        peak=int(np.abs(samples.astype(int)).max()) / 32768,
        blocks=loudness.gating_blocks(samples, rate),
        mp3=stream,
    )


def script(*sizes: int) -> Script:
    """A script with so many chunks in each chapter; a chapter of none is one that is not spoken."""
    chunks = [
        Chunk(f"text {chapter}.{n}", VOICE, chapter, f"c{chapter}#{n}", pause_ms=2200 if n + 1 == size else 350)
        for chapter, size in enumerate(sizes)
        for n in range(size)
    ]
    chapters = tuple(ScriptChapter(f"Chapter {n}", 1, "body", size > 0, 10, 50) for n, size in enumerate(sizes))
    book = Book(Metadata("A Book"), (), (), 0, "book.txt")
    return Script(book, chapters, tuple(chunks), (), 0)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def segments(store: Store, count: int, **how: Any) -> list[tuple[int, Segment]]:
    return [(n, kept(store, f"s{n}", spoken(n, how.get("rate", RATE)), **how)) for n in range(count)]


def payload(blob: Blob) -> bytes:
    return blob.path.read_bytes()[: blob.size]


def bound_mp3(book: Audiobook) -> bytes:
    """The MP3 frames of the whole book, as a writer copies them."""
    blobs = [track.blobs[0] for track in book.tracks]
    return b"".join(payload(blob)[: blob.body_bytes] for blob in blobs) + payload(blobs[-1])[blobs[-1].body_bytes :]


def packets(blob: Blob) -> list[bytes]:
    data = payload(blob)
    ends = np.cumsum(np.frombuffer(data[blob.sizes_at :], "<u4")).tolist()
    return [data[start:end] for start, end in zip([0, *ends], ends, strict=False)]


def adts(bodies: Iterable[bytes], config: bytes) -> bytes:
    """AAC packets as a stream that can be decoded: an ADTS header before each (ISO 13818-7)."""
    rate_index = (config[0] & 7) << 1 | config[1] >> 7
    made = []
    for body in bodies:
        size = len(body) + 7
        made.append(
            bytes(
                [
                    0xFF,
                    0xF1,
                    1 << 6 | rate_index << 2,
                    1 << 6 | size >> 11,
                    size >> 3 & 0xFF,
                    (size & 7) << 5 | 0x1F,
                    0xFC,
                ]
            )
            + body
        )
    return b"".join(made)


def bound_aac(book: Audiobook) -> bytes:
    blobs = [track.blobs[1] for track in book.tracks]
    body = [packet for blob in blobs for packet in packets(blob)[1 : blob.body_frames + 1]]
    return adts([packets(blobs[0])[0], *body], blobs[0].config)


def assembled(store: Store, plan: Script, arrived: Iterable[tuple[int, Segment]], **how: Any) -> Audiobook:
    return assemble(plan, arrived, store, Inline(), how.pop("mastering", BOTH), **how)


def heard_at(samples: codec.Samples, place: int, reach: int = 4000) -> int:
    """How far from ``place`` the sound starts, looking at most ``reach`` ahead of and behind it."""
    near = np.abs(samples[max(0, place - reach) : place + reach].astype(int))
    return int(np.argmax(near > 600)) - min(place, reach)


PLAN = script(3, 0, 4, 2)


def test_the_book_is_the_sum_of_its_chapters_and_each_of_its_parts(store: Store) -> None:
    arrived = segments(store, 9)
    book = assembled(store, PLAN, arrived)
    assert [track.title for track in book.tracks] == ["Chapter 0", "Chapter 2", "Chapter 3"]
    at = 0
    for track in book.tracks:
        assert track.start == at
        assert track.samples % GRID == 0
        assert all(blob.samples == track.samples for blob in track.blobs)
        at += track.samples
    assert at == book.samples
    assert [mark.start_ms for mark in book.marks[1:]] == [mark.end_ms for mark in book.marks[:-1]]
    assert (book.marks[0].start_ms, book.marks[-1].end_ms) == (0, book.duration_ms)
    assert [cue.text for cue in book.cues] == [chunk.text for chunk in PLAN.chunks]
    assert [cue.chapter for cue in book.cues] == [0, 0, 0, 1, 1, 1, 1, 2, 2]
    for (_, segment), cue in zip(arrived, book.cues, strict=True):
        assert abs(cue.end_ms - cue.start_ms - (segment.tail - segment.lead) * 1000 / RATE) <= 1
    assert book.narrator == "Ada (synthetic voice, tone)"


def test_bound_mp3_holds_every_sound_where_the_timeline_says(store: Store) -> None:
    book = assembled(store, PLAN, segments(store, 9))
    samples, rate = codec.decode(bound_mp3(book), "mp3", 0)
    assert rate == book.rate == RATE
    assert samples.size >= book.samples + 1105
    assert samples.size - book.samples - 1105 < 3 * 1152
    for track in book.tracks:
        found = heard_at(samples, 1105 + track.start + track.mark)
        assert 0 <= found <= 576  # silence up to the mark, then up to 15 ms that were kept in front of the sound


def test_bound_aac_holds_every_sound_where_the_timeline_says(store: Store) -> None:
    book = assembled(store, PLAN, segments(store, 9))
    samples, _ = codec.decode(bound_aac(book), "aac", 0)
    assert samples.size == book.samples + 1024  # the priming packet
    for track in book.tracks:
        found = heard_at(samples, 1024 + track.start + track.mark)
        assert -200 <= found <= 1024  # AAC smears a hard start forwards by a short block


@pytest.mark.parametrize("name", ["mp3", "aac"])
def test_seams_are_as_silent_as_in_one_long_encode(store: Store, name: codec.Codec) -> None:
    book = assembled(store, script(2, 2, 2), segments(store, 6))
    place = 0 if name == "mp3" else 1
    apart, _ = codec.decode((bound_mp3, bound_aac)[place](book), name, 0)
    one = encoders.ENCODERS[name](RATE, book.tracks[0].blobs[place].encoding.bitrate)
    whole = [codec.decode(codec.encode_flac(sound, RATE), "flac", 0)[0] for sound in chapters_as_mastered(store, book)]
    encoded = one.encode(np.concatenate(whole)) + one.finish()
    together, _ = codec.decode(b"".join(encoded) if name == "mp3" else adts(encoded, one.config), name, 0)
    assert abs(apart.size - together.size) <= 2 * 1152
    delay = 1105 if name == "mp3" else 1024
    for track in book.tracks[1:]:
        seam = delay + track.start
        assert np.abs(apart[seam - 2000 : seam + 900].astype(int)).max() <= 3
        around = slice(seam - 2000, seam + 6000)
        asked, made = together[around].astype(float), apart[around].astype(float)
        assert np.abs(np.diff(made)).max() <= 1.3 * np.abs(np.diff(asked)).max()
        assert np.sqrt(np.mean((asked - made) ** 2)) < 0.15 * np.sqrt(np.mean(asked**2))


def chapters_as_mastered(store: Store, book: Audiobook) -> list[codec.Samples]:
    """The samples that went into the encoder, caught on their way."""
    from narrate import mastering

    caught: list[codec.Samples] = []
    jobs: list[ChapterJob] = []

    class Catching:
        def map(self, work: Callable[[Any], Any], items: Iterable[Any]) -> Iterator[Any]:
            for item in items:
                jobs.append(item)
                yield work(item)

    plan = script(2, 2, 2)
    again = assemble(plan, segments(store, 6), store, Catching(), BOTH)
    assert again == book
    for job in jobs:
        caught.append(np.concatenate(list(mastering._sounds(store, job))))
        assert caught[-1].size == job.samples
    return caught


def test_nothing_depends_on_the_order_of_arrival_or_on_where_it_is_done(tmp_path: Path) -> None:
    books = []
    for number, workers in enumerate((Inline(), Inline(), Processes(2))):
        store = Store(tmp_path / str(number))
        arrived = segments(store, 9)
        order = np.random.default_rng(number).permutation(9) if number else range(9)
        book = assemble(PLAN, (arrived[n] for n in order), store, workers, BOTH)
        books.append(
            replace(
                book,
                tracks=tuple(
                    replace(track, blobs=tuple(replace(blob, path=Path(blob.path.name)) for blob in track.blobs))
                    for track in book.tracks
                ),
            )
        )
    assert books[0] == books[1] == books[2]


def test_chapters_are_mastered_while_later_ones_are_still_being_spoken(store: Store) -> None:
    arrived = segments(store, 9)
    pulled = 0
    mastered_after: list[int] = []

    def speaking() -> Iterator[tuple[int, Segment]]:
        nonlocal pulled
        for pulled, item in enumerate(arrived, 1):  # noqa: B007 (seen by the executor below)
            yield item

    class Watching:
        def map(self, work: Callable[[Any], Any], items: Iterable[Any]) -> Iterator[Any]:
            for item in items:
                mastered_after.append(pulled)
                yield work(item)

    assemble(PLAN, speaking(), store, Watching(), BOTH)
    assert mastered_after == [3, 7, 9]


def test_every_chapter_is_brought_to_the_target(store: Store) -> None:
    long = [np.concatenate([spoken(10 * n + piece) for piece in range(6)]) for n in range(3)]
    arrived = [(n, kept(store, f"s{n}", samples // (n + 1))) for n, samples in enumerate(long)]
    book = assembled(store, script(1, 1, 1), arrived, mastering=replace(BOTH, target_lufs=-27.0))
    for track in book.tracks:
        samples, _ = codec.decode(payload(track.blobs[0]), "mp3", 0)
        made = loudness.integrated([loudness.gating_blocks(samples, RATE)])
        assert made == pytest.approx(-27.0, abs=0.6)  # each pause adds blocks that are half silence
        assert track.loudness is not None
        assert track.gain_db == loudness.gain_db(track.loudness, -27.0)


def test_no_peak_passes_the_ceiling_by_more_than_what_encoding_adds(store: Store) -> None:
    book = assembled(store, PLAN, segments(store, 9), mastering=replace(BOTH, target_lufs=-12.0))
    samples, _ = codec.decode(bound_mp3(book), "mp3", 0)
    assert -2.5 < 20 * np.log10(np.abs(samples.astype(int)).max() / 32768) < -0.8


def test_a_second_run_encodes_nothing_and_an_edit_one_chapter(store: Store) -> None:
    arrived = segments(store, 9)
    first = assembled(store, PLAN, arrived)
    before = {path: path.stat().st_mtime_ns for path in store.entries("blobs")}
    assert assembled(store, PLAN, arrived) == first
    assert {path: path.stat().st_mtime_ns for path in store.entries("blobs")} == before
    arrived[4] = (4, kept(store, "edited", spoken(77)))
    second = assembled(store, PLAN, arrived)
    assert [a.blobs == b.blobs for a, b in zip(first.tracks, second.tracks, strict=True)] == [True, False, True]
    assert len(list(store.entries("blobs"))) == len(before) + 2


def test_a_damaged_blob_is_made_anew(store: Store) -> None:
    arrived = segments(store, 9)
    book = assembled(store, PLAN, arrived)
    blob = book.tracks[1].blobs[0]
    data = bytearray(blob.path.read_bytes())
    data[blob.size // 2] ^= 1
    blob.path.write_bytes(data)
    assert assembled(store, PLAN, arrived) == book
    assert codec.decode(payload(blob), "mp3", 0)[0].size


def test_a_damaged_segment_is_named_and_set_aside(store: Store) -> None:
    arrived = segments(store, 9)
    victim = arrived[5][1]
    data = bytearray(victim.path.read_bytes())
    data[victim.size // 2] ^= 1
    victim.path.write_bytes(data)
    with pytest.raises(StoreError, match=f"{victim.path.name[:12]}.*set aside"):
        assembled(store, PLAN, arrived)
    assert store.get("segments", victim.key) is None
    with pytest.raises(StoreError, match="cannot be read"):
        assembled(store, PLAN, arrived)
    assert not list((store.folder / "tmp").iterdir())


def test_what_can_be_mastered_is_before_incomplete_speech_is_reported(store: Store) -> None:
    arrived = segments(store, 9)

    def refusing() -> Iterator[tuple[int, Segment]]:
        yield from arrived[:7]
        raise SpeechIncomplete("two were refused")

    with pytest.raises(SpeechIncomplete, match="two were refused"):
        assembled(store, PLAN, refusing())
    assert len(list(store.entries("blobs"))) == 4
    with pytest.raises(SpeechIncomplete, match=r"2 chunks have no speech.*'Chapter 3'"):
        assembled(store, PLAN, arrived[:7])


def test_no_chunks_make_no_book(store: Store) -> None:
    with pytest.raises(AudioError, match="nothing to assemble"):
        assembled(store, script(0, 0), [])


def test_a_segment_given_twice_counts_once(store: Store) -> None:
    arrived = segments(store, 3)
    assert len(assembled(store, script(3), [*arrived, arrived[1]]).cues) == 3


@pytest.mark.parametrize(
    ("rate", "asked", "gives"), [(24000, None, 24000), (23000, None, 24000), (24000, 44100, 44100)]
)
def test_the_timeline_has_the_rate_of_the_first_segment_unless_asked(
    store: Store, rate: int, asked: int | None, gives: int
) -> None:
    book = assembled(store, script(2), segments(store, 2, rate=rate), mastering=replace(BOTH, rate=asked))
    assert book.rate == gives
    samples, found = codec.decode(bound_mp3(book), "mp3", 0)
    assert found == gives
    assert samples.size >= book.samples
    assert 0 <= heard_at(samples, 1105 + book.tracks[0].mark) <= 1152


def test_segments_of_several_rates_share_a_timeline(store: Store) -> None:
    arrived = [(0, kept(store, "a", spoken(1))), (1, kept(store, "b", spoken(2, 44100), 44100))]
    book = assembled(store, script(1, 1), reversed(arrived))
    assert book.rate == RATE
    samples, _ = codec.decode(bound_mp3(book), "mp3", 0)
    assert 0 <= heard_at(samples, 1105 + book.tracks[1].start + book.tracks[1].mark) <= 576


def test_two_rates_for_one_book_are_refused(store: Store) -> None:
    clash = Mastering(encodings=(Encoding("mp3", 44100, 128), AAC), rate=24000)
    with pytest.raises(JobError, match="24000 and 44100"):
        assembled(store, script(2), segments(store, 2), mastering=clash)


def test_a_bit_rate_out_of_reach_is_stated_as_what_it_becomes(store: Store) -> None:
    book = assembled(store, script(1), segments(store, 1), mastering=Mastering(encodings=(Encoding("mp3", 0, 192),)))
    assert book.tracks[0].blobs[0].encoding == Encoding("mp3", RATE, 160)


SOURCE = Source(Path("a"), 0, 10, "d" * 64, "flac", RATE, 5, 9, 3)
JOB = ChapterJob(0, Path("s"), RATE, 0, GRID, (SOURCE, SOURCE), 1.5, -1.5, (MP3,))


@pytest.mark.parametrize(
    "change",
    [
        {"gain_db": 1.6},
        {"ceiling_db": -3.0},
        {"head": 1024},
        {"rate": 44100},
        {"sources": (SOURCE,)},
        *(
            {"sources": (SOURCE, replace(SOURCE, **{name: value}))}
            for name, value in (("digest", "e" * 64), ("lead", 6), ("tail", 8), ("gap", 4), ("rate", 22050))
        ),
    ],
)
def test_a_blobs_key_changes_with_all_that_changes_its_sound(change: dict[str, Any]) -> None:
    assert blob_key(replace(JOB, **change), MP3) != blob_key(JOB, MP3)


def test_a_blobs_key_is_the_encodings_own_and_knows_no_places() -> None:
    encodings = [
        Encoding("mp3", RATE, 96),
        Encoding("mp3", RATE, 64),
        Encoding("aac", RATE, 64),
        Encoding("aac", 22050, 64),
    ]
    assert len({blob_key(JOB, encoding) for encoding in encodings}) == 4
    moved = replace(JOB, chapter=7, store=Path("t"), sources=(replace(SOURCE, path=Path("b")), SOURCE), encodings=())
    assert blob_key(moved, MP3) == blob_key(JOB, MP3)


def test_a_segment_that_is_not_what_it_says_fails_by_name(store: Store) -> None:
    segment = replace(kept(store, "s", spoken(1)), tail=10**7)
    with pytest.raises(AudioError, match=segment.key):
        assembled(store, script(1), [(0, segment)])


# --- copied MP3 -----------------------------------------------------------------------------------------------------

JOIN = replace(BOTH, join_mp3=True)


def joined_bytes(track: Track) -> bytes:
    """A track's frames as a writer copies them, silent frames between."""
    assert track.joined
    header = frames.parse(track.joined.header)
    assert header
    made = []
    for segment, silences in track.joined.pieces:
        assert segment.mp3
        data = segment.path.read_bytes()[segment.offset + segment.mp3.start : segment.offset + segment.mp3.end]
        made += [data, mp3.silence(header, silences)]
    return b"".join(made)


@pytest.mark.parametrize("rate", [24000, 44100])
def test_joined_segments_are_heard_where_the_timeline_says(store: Store, rate: int) -> None:
    arrived = segments(store, 9, rate=rate, as_mp3=96)
    book = assembled(store, PLAN, arrived, mastering=JOIN)
    per_frame = 576 if rate < 32000 else 1152
    assert all(len(track.blobs) == 1 for track in book.tracks)  # M4B is still made by decoding
    samples, _ = codec.decode(b"".join(map(joined_bytes, book.tracks)), "mp3", 0)
    assert samples.size == book.samples
    for cue in book.cues:
        assert abs(heard_at(samples, 1105 + cue.start_ms * rate // 1000) - 0.012 * rate) <= per_frame
    for track in book.tracks:
        assert abs(heard_at(samples, 1105 + track.start + track.mark) - 0.012 * rate) <= per_frame
    aac = [track.blobs[0] for track in book.tracks]
    body = [packet for blob in aac for packet in packets(blob)[1 : blob.body_frames + 1]]
    samples, _ = codec.decode(adts([packets(aac[0])[0], *body], aac[0].config), "aac", 0)
    for track in book.tracks:
        assert abs(heard_at(samples, 1024 + track.start + track.mark) - 0.012 * rate) <= 1024


@pytest.mark.parametrize("odd", [0, 5, 8])
def test_segments_that_cannot_be_joined_are_encoded_with_a_warning(store: Store, odd: int) -> None:
    arrived = segments(store, 9, as_mp3=96)
    arrived[odd] = (odd, kept(store, "odd", spoken(odd), as_mp3=64))
    said: list[str] = []
    book = assembled(store, PLAN, arrived, mastering=JOIN, warn=said.append)
    assert len(said) == 1
    assert "not joined" in said[0]
    assert book == assembled(store, PLAN, arrived)
    assert all(track.joined is None and len(track.blobs) == 2 for track in book.tracks)


def test_joined_alone_encodes_nothing(store: Store) -> None:
    book = assembled(store, PLAN, segments(store, 9, as_mp3=96), mastering=Mastering(encodings=(MP3,), join_mp3=True))
    assert all(track.joined and not track.blobs for track in book.tracks)
    assert list(store.entries("blobs")) == []


def test_master_chapter_says_what_is_stored(store: Store) -> None:
    segment = kept(store, "s", spoken(3))
    source = Source(segment.path, 0, segment.size, segment.digest, "flac", RATE, segment.lead, segment.tail, 0)
    sound = segment.tail - segment.lead
    samples = -(-(sound + 4000) // GRID) * GRID
    job = ChapterJob(4, store.folder, RATE, 0, samples, (replace(source, gap=samples - sound),), 0.0, -1.5, (MP3, AAC))
    job = replace(job, encodings=(replace(MP3, rate=RATE), replace(AAC, rate=RATE)))
    made = master_chapter(job)
    assert made.chapter == 4
    assert [blob.encoding for blob in made.blobs] == list(job.encodings)
    assert [blob.body_frames for blob in made.blobs] == [samples // 576, samples // 1024]
    stored = store.get("blobs", blob_key(job, job.encodings[0]))
    assert stored
    assert stored.read() == payload(made.blobs[0])
    assert len(packets(made.blobs[1])) == made.blobs[1].frames
    with av.open(io.BytesIO(payload(made.blobs[0])), format="mp3") as container:
        assert sum(packet.size > 0 for packet in container.demux()) == made.blobs[0].frames
