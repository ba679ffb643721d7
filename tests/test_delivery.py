"""Takes to the bytes of one stream: nothing lost between them, pauses where they belong, times that are right."""

from __future__ import annotations

import numpy as np
import pytest

from narrate.audio.codec import decode
from narrate.booth import Booth, Take
from narrate.delivery import Delivery
from narrate.timings import Timing
from tests.talking import booth

RATE = 24_000


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Booth:
    return booth(tmp_path_factory.mktemp("booth"))


def take(here: Booth, text: str) -> Take:
    (line,) = here.lines(text, here.studio.cast)
    return here.take(line)


def pcm(data: bytes) -> np.ndarray:
    return np.frombuffer(data, "<i2")


def silent(seconds: float, rate: int = RATE) -> Take:
    return Take(np.full(round(seconds * rate), 1000, np.int16), rate, (Timing("x", 0, round(seconds * rate)),))


def test_pauses_stand_between_the_takes_of_a_turn_and_nowhere_else(here: Booth) -> None:
    delivery = Delivery("pcm_s16le", RATE)
    one, two = take(here, "Good evening to all."), take(here, "And good night.")
    first, second = delivery.add(one, 500)[0], delivery.add(two, 300)[0]
    assert len(pcm(first)) == len(one.samples)
    assert len(pcm(second)) == RATE // 2 + len(two.samples)
    assert not pcm(second)[: RATE // 2].any()
    assert delivery.position == len(one.samples) + RATE // 2 + len(two.samples)
    assert delivery.flush() == b""
    assert len(pcm(delivery.add(one, 500)[0])) == len(one.samples)  # a new turn begins with sound
    assert delivery.finish() == b""


def test_a_rest_takes_the_place_of_what_the_last_take_asked_for(here: Booth) -> None:
    delivery = Delivery("pcm_s16le", RATE)
    one = silent(0.1)
    delivery.rest(700)
    assert len(pcm(delivery.add(one, 500)[0])) == 2_400  # none where the turn begins
    delivery.rest(250)
    assert len(pcm(delivery.add(one, 500)[0])) == 6_000 + 2_400


@pytest.mark.parametrize("kind", ["pcm_s16le", "wav", "mp3", "aac", "opus", "webm", "flac"])
def test_slices_joined_are_what_comes_at_once(here: Booth, kind: str) -> None:
    spoken = [take(here, text) for text in ("Good evening to all of you.", "And good night, everybody.")]
    whole, sliced = Delivery(kind, RATE), Delivery(kind, RATE)  # type: ignore[arg-type]
    at_once, in_parts = b"", b""
    for each in spoken:
        at_once += whole.add(each, 400)[0]
        parts = list(sliced.slices(each, 400, 0.05))
        assert len(parts) > 3
        assert not any(times for _, times in parts[:-1])
        in_parts += b"".join(data for data, _ in parts)
    at_once, in_parts = at_once + whole.finish(), in_parts + sliced.finish()
    assert whole.position == sliced.position
    if kind in ("pcm_s16le", "wav", "flac"):
        assert at_once == in_parts
    else:
        assert abs(len(at_once) - len(in_parts)) < 200


def test_times_rise_and_fall_inside_the_sound_of_the_turn(here: Booth) -> None:
    delivery = Delivery("pcm_s16le", RATE)
    told = []
    for text in ("Good evening to all of you.", "And good night, everybody."):
        data, times = delivery.add(take(here, text), 400)
        assert "".join(time.text for time in times) == text
        told += times
        assert times[-1].start + times[-1].duration <= delivery.position / RATE + 1e-9
    starts = [time.start for time in told]
    assert starts == sorted(starts)
    assert told[0].start == 0
    second = next(time for time in told if time.text == "And")
    assert second.start == pytest.approx(
        (delivery.position - len(take(here, "And good night, everybody.").samples)) / RATE
    )
    assert data


@pytest.mark.parametrize("rate", [8_000, 16_000, 22_050, 48_000])
def test_what_has_another_rate_is_resampled_and_times_stay(rate: int) -> None:
    delivery = Delivery("pcm_s16le", RATE)
    data, times = delivery.add(silent(0.5, rate), 0)
    assert abs(len(pcm(data)) - RATE // 2) <= 1
    assert times[0].start == 0
    assert times[0].duration == pytest.approx(0.5)


def test_who_stops_asking_leaves_the_rest_out() -> None:
    delivery = Delivery("pcm_s16le", RATE)
    parts = delivery.slices(silent(1.0), 900, 0.25)
    next(parts)
    parts.close()
    assert delivery.position == RATE // 4
    assert len(pcm(delivery.add(silent(0.1), 0)[0])) == 2_400  # without the pause of what was not said


def test_an_empty_take_is_nothing(here: Booth) -> None:
    delivery = Delivery("pcm_s16le", RATE)
    assert delivery.add(Take(np.zeros(0, np.int16), RATE, ()), 100) == (b"", ())
    assert len(pcm(delivery.add(silent(0.1), 0)[0])) in (2_400, 2_400 + 2_400)


def test_a_whole_wav_tells_its_size() -> None:
    delivery = Delivery("wav", RATE, whole=True)
    data = delivery.add(silent(0.25), 0)[0] + delivery.finish()
    samples, rate = decode(data, "wav", RATE)
    assert (len(samples), rate) == (RATE // 4, RATE)
    assert int.from_bytes(data[4:8], "little") == len(data) - 8
