"""Lengths add up exactly, whatever the parts; copied MP3 frames never drift."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from narrate.audio import timeline
from narrate.audio.codec import resampled_length
from narrate.audiobook import GRID, Mp3Stream, Segment

RATE = 24000
parts = st.lists(st.tuples(st.integers(1, 400_000), st.integers(0, 60_000)), min_size=1, max_size=60)


def segment(samples: int, lead: int = 0, silence: int = 0, rate: int = RATE) -> Segment:
    whole = lead + samples + silence
    return Segment("k", "d", Path("x"), 0, 0, "flac", rate, whole, lead, lead + samples, 0.5)


def mp3(samples: int, lead: int, silence: int, per_frame: int = 576, *, tagged: bool = True) -> Segment:
    """A segment as LAME makes it of so many samples of silence, sound and silence."""
    whole = lead + samples + silence
    frames = -(-(whole + 576 + 529) // per_frame)
    stream = Mp3Stream(0, 0, b"\xff\xf3\xa4\xc0", frames, per_frame, 576, frames * per_frame - 576 - whole)
    shown = segment(samples, lead if tagged else lead + 1105, silence)
    decoded = whole if tagged else frames * per_frame
    return replace(shown, codec="mp3", mp3=stream, frames=decoded)


@given(parts, st.booleans())
def test_a_chapter_is_the_sum_of_its_parts_and_ends_on_the_grid(parts: list[tuple[int, int]], first: bool) -> None:
    sounds, pauses = zip(*parts, strict=True)
    layout = timeline.lay_out(sounds, pauses, first=first)
    assert layout.samples % GRID == 0
    assert layout.head == layout.mark == (0 if first else timeline.HEAD)
    assert layout.head + sum(piece.samples + piece.gap for piece in layout.pieces) == layout.samples
    assert [piece.samples for piece in layout.pieces] == list(sounds)
    assert [piece.gap for piece in layout.pieces[:-1]] == list(pauses[:-1])
    at = layout.head
    for piece in layout.pieces:
        assert piece.start == at
        at += piece.samples + piece.gap
    last = layout.pieces[-1].gap
    assert last >= timeline.LEAST_END
    assert last + timeline.HEAD >= pauses[-1]
    assert last < max(pauses[-1], timeline.LEAST_END) + GRID


@given(st.integers(0, 10**9), st.sampled_from([8000, 22050, 24000, 44100]), st.sampled_from([24000, 44100, 48000]))
def test_lengths_at_another_rate_are_those_the_resampler_makes(samples: int, rate: int, to_rate: int) -> None:
    length = timeline.sound_samples(segment(samples, 7, 5, rate), to_rate)
    assert length == resampled_length(samples, rate, to_rate)
    assert abs(length - Fraction(samples * to_rate, rate)) <= Fraction(1, 2)


pieces = st.lists(
    st.tuples(st.integers(1, 200_000), st.integers(0, 9000), st.integers(0, 9000), st.integers(0, 50_000)),
    min_size=1,
    max_size=60,
)


@given(pieces, st.booleans(), st.sampled_from([576, 1152]), st.booleans())
def test_joined_frames_follow_each_other_and_sounds_lie_where_they_are_said_to(
    parts: list[tuple[int, int, int, int]], first: bool, per_frame: int, tagged: bool
) -> None:
    segments = [mp3(sound, lead, silence, per_frame, tagged=tagged) for sound, lead, silence, _ in parts]
    joined = timeline.join_up(segments, [pause for *_, pause in parts], first=first)
    frame = 0
    for (sound, lead, _, _), one, silences, start in zip(parts, segments, joined.silences, joined.starts, strict=True):
        assert silences >= 0
        assert frame * per_frame + lead == start  # 1105 samples of delay, dropped at the start of the file
        assert one.mp3
        frame += one.mp3.frames + silences
        assert one.tail - one.lead == sound
    assert frame * per_frame == joined.layout.samples
    assert joined.layout.samples % GRID == 0
    assert joined.layout.pieces[-1].gap >= timeline.LEAST_END


@given(pieces, st.booleans())
def test_the_encoded_chapter_follows_the_joined_one(parts: list[tuple[int, int, int, int]], first: bool) -> None:
    segments = [mp3(sound, lead, silence) for sound, lead, silence, _ in parts]
    joined = timeline.join_up(segments, [pause for *_, pause in parts], first=first)
    layout = joined.layout
    assert layout.head + sum(piece.samples + piece.gap for piece in layout.pieces) == layout.samples
    assert layout.head >= (0 if first else timeline.HEAD)
    assert all(piece.gap >= 0 for piece in layout.pieces)
    for piece, start in zip(layout.pieces, joined.starts, strict=True):
        assert 0 <= piece.start - start <= timeline.HEAD


def test_ten_thousand_joins_do_not_drift() -> None:
    """Engine silence under every pause: each sound within 1.5 frames of where the pauses alone would put it."""
    parts = [(20_000 + 37 * n % 5000, 300 + n % 400, 200 + n % 300, 12_000) for n in range(10_000)]
    segments = [mp3(sound, lead, silence) for sound, lead, silence, _ in parts]
    joined = timeline.join_up(segments, [pause for *_, pause in parts], first=True)
    wanted = joined.starts[0]
    for (sound, _, _, pause), start in zip(parts, joined.starts, strict=True):
        assert abs(start - wanted) <= 1.5 * 576
        wanted += sound + pause


def test_an_engine_silence_longer_than_the_pause_is_not_taken_out_of_the_next_one() -> None:
    parts = [(20_000, 100, 30_000, 5_000), (20_000, 100, 100, 12_000), (20_000, 100, 100, 12_000)]
    joined = timeline.join_up([mp3(*part[:3]) for part in parts], [pause for *_, pause in parts], first=True)
    assert joined.silences[0] == 0
    assert abs(joined.starts[2] - joined.starts[1] - 32_000) <= 576


@given(st.floats(-30, 30), st.floats(0.001, 1.0))
def test_gain_steps_keep_the_peak_below_full_scale(gain: float, peak: float) -> None:
    steps = timeline.gain_steps(gain, peak)
    assert steps <= 0 or peak * 10 ** (steps * timeline.STEP_DB / 20) < 1
    assert abs(steps) * timeline.STEP_DB <= abs(gain) + timeline.STEP_DB / 2 + 1e-9
    assert timeline.gain_steps(gain, 0.001) == round(gain / timeline.STEP_DB)


def test_starts_are_sums_and_end_with_the_end() -> None:
    assert timeline.starts_of([3, 4, 5]) == [0, 3, 7, 12]
    assert timeline.starts_of([]) == [0]


def test_pauses_are_rounded_to_the_nearest_sample() -> None:
    assert [timeline.pause_samples(ms, 22050) for ms in (0, 1, 10, 650)] == [0, 22, 221, 14333]
