"""Where live speech goes: files of every kind, streams, and a sound card that is none."""

from __future__ import annotations

import builtins
import io
import os
import sys
import threading
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from narrate.audio.codec import decode
from narrate.booth import Take
from narrate.errors import AudioError, Busy, JobError, NarrateError
from narrate.live.outlets import KINDS, File, Speakers, Stream
from narrate.timings import Timing
from tests.talking import Card, sound_card

RATE = 24_000


def tone(seconds: float, level: int = 8_000) -> Take:
    size = round(seconds * RATE)
    sound = (level * np.sin(np.arange(size) * 2 * np.pi * 300 / RATE)).astype(np.int16)
    return Take(sound, RATE, (Timing("word", 0, size),))


def steady(seconds: float, level: int) -> Take:
    return Take(np.full(round(seconds * RATE), level, np.int16), RATE, ())


def always() -> bool:
    return True


def never() -> bool:
    return False


def heard(path: Path) -> tuple[Any, int]:
    kind = KINDS[path.suffix]
    return decode(path.read_bytes(), kind, RATE)


# --- files ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", KINDS)
def test_every_kind_of_file_holds_its_takes_and_the_pauses_between_them(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / "new" / f"out{suffix}"
    file = File(path, RATE)
    file.play(tone(0.5), 900, always)
    file.end_turn()
    file.play(tone(0.5), 250, always)
    assert not path.exists()
    assert path.with_name(f"out{suffix}.part").exists()
    file.finish("whole")
    assert [each.name for each in path.parent.iterdir()] == [f"out{suffix}"]
    sound, rate = heard(path)
    # a codec's own silence at both ends, and one frame more or less
    assert 1.25 - 0.03 <= len(sound) / rate <= 1.25 + 0.15


@pytest.mark.parametrize("suffix", [".wav", ".flac"])
def test_lossless_files_hold_every_sample(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"out{suffix}"
    file = File(path, RATE)
    first, second = tone(0.3), tone(0.2, 4_000)
    file.play(first, 0, always)
    file.play(second, 100, always)
    file.finish("whole")
    sound, rate = heard(path)
    assert rate == RATE
    assert np.array_equal(sound, np.concatenate([first.samples, np.zeros(2_400, np.int16), second.samples]))


def test_a_wav_states_its_true_sizes(tmp_path: Path) -> None:
    path = tmp_path / "out.wav"
    file = File(path, RATE)
    file.play(tone(0.3), 0, always)
    file.finish("whole")
    with wave.open(str(path)) as sound:
        assert sound.getnframes() == 7_200
    assert int.from_bytes(path.read_bytes()[4:8], "little") == path.stat().st_size - 8


def test_without_sound_there_is_no_file(tmp_path: Path) -> None:
    path = tmp_path / "out.mp3"
    File(path, RATE).finish("whole")
    assert not list(tmp_path.iterdir())
    path.write_bytes(b"older")
    File(path, RATE).finish("whole")
    assert path.read_bytes() == b"older"


@pytest.mark.parametrize(
    ("ending", "older", "stays"),
    [("whole", True, False), ("whole", False, False), ("cut", False, False), ("cut", True, True),
     ("failed", False, True), ("failed", True, True)],
)  # fmt: skip
def test_what_is_not_whole_takes_no_good_files_place(tmp_path: Path, ending: Any, older: bool, stays: bool) -> None:
    path, told = tmp_path / "out.wav", []
    if older:
        path.write_bytes(b"an older good file")
    file = File(path, RATE, told.append)
    file.play(tone(0.3), 0, always)
    file.finish(ending)
    part = tmp_path / "out.wav.part"
    assert part.exists() == stays
    if stays:
        assert path.exists() == older
        assert not older or path.read_bytes() == b"an older good file"
        assert str(part) in told[0]
        assert ("unharmed" in told[0]) == older
        with wave.open(str(part)) as sound:  # and it can be listened to
            assert sound.getnframes() == 7_200
    else:
        with wave.open(str(path)) as sound:
            assert sound.getnframes() == 7_200
        assert not told


def test_what_a_dead_run_left_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / "out.wav.part").write_bytes(b"x" * 100_000)
    file = File(tmp_path / "out.wav", RATE)
    file.play(tone(0.1), 0, always)
    file.finish("whole")
    with wave.open(str(tmp_path / "out.wav")) as sound:
        assert sound.getnframes() == 2_400


@pytest.mark.skipif(os.name == "nt", reason="flock")
def test_two_do_not_write_the_same_file(tmp_path: Path) -> None:
    first = File(tmp_path / "out.wav", RATE)
    with pytest.raises(Busy, match="another run is writing it"):
        File(tmp_path / "out.wav", RATE)
    first.play(tone(0.1), 0, always)
    first.finish("whole")
    File(tmp_path / "out.wav", RATE).finish("whole")  # and now it is free
    assert (tmp_path / "out.wav").stat().st_size == 44 + 4_800


@pytest.mark.parametrize(
    ("name", "sentence"), [("out.txt", "must end in"), ("out", "must end in"), ("out.m4b", "--book TITLE")]
)
def test_a_name_that_says_no_kind_is_refused(tmp_path: Path, name: str, sentence: str) -> None:
    with pytest.raises(JobError, match=sentence):
        File(tmp_path / name, RATE)
    assert not list(tmp_path.iterdir())


def test_places_where_nothing_can_be_written_are_refused_at_once(tmp_path: Path) -> None:
    (tmp_path / "folder.mp3").mkdir()
    with pytest.raises(JobError, match="is a folder"):
        File(tmp_path / "folder.mp3", RATE)
    (tmp_path / "file").write_text("x")
    with pytest.raises(NarrateError, match="cannot be written"):
        File(tmp_path / "file" / "out.mp3", RATE)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
def test_a_full_disk_is_one_sentence_and_the_older_file_stays(tmp_path: Path) -> None:
    path = tmp_path / "out.wav"
    path.write_bytes(b"older")
    file = File(path, RATE)
    with Path("/dev/full").open("wb") as full:
        os.dup2(full.fileno(), file._sound.fileno())
    with pytest.raises(NarrateError, match=r"out\.wav: cannot be written: no space left"):
        file.play(tone(0.5), 0, always)
    file.finish("failed")
    assert path.read_bytes() == b"older"


def test_a_disk_that_fills_at_the_very_end_is_told_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = File(tmp_path / "out.wav", RATE)
    file.play(tone(0.5), 0, always)

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("narrate.disk.sync", full)
    with pytest.raises(NarrateError, match="no space left"):
        file.finish("whole")
    assert not (tmp_path / "out.wav").exists()


# --- streams --------------------------------------------------------------------------------------------------------


class Slow(io.BytesIO):
    """Remembers how much had come at each flush."""

    def __init__(self) -> None:
        super().__init__()
        self.sizes: list[int] = []

    def flush(self) -> None:
        self.sizes.append(self.tell())


def test_a_stream_lets_go_of_sound_second_by_second_and_of_all_at_the_end_of_a_turn() -> None:
    out = Slow()
    stream = Stream(out, "mp3", RATE)
    stream.play(tone(2.5), 0, always)
    assert len(out.sizes) == 3
    assert out.sizes[0] > 8_000
    before = out.tell()
    stream.end_turn()
    assert out.tell() > before
    sound, rate = decode(out.getvalue(), "mp3", RATE)
    assert len(sound) / rate >= 2.5
    stream.finish("whole")


def test_a_turn_begins_with_sound_since_whoever_listens_has_waited() -> None:
    out = io.BytesIO()
    stream = Stream(out, "pcm_s16le", RATE)
    stream.play(steady(0.1, 1_000), 2_000, always)
    stream.play(steady(0.1, 1_000), 200, always)
    stream.end_turn()
    stream.play(steady(0.1, 1_000), 2_000, always)
    stream.finish("whole")
    sound = np.frombuffer(out.getvalue(), "<i2")
    assert len(sound) == 2_400 + 4_800 + 2_400 + 2_400
    assert np.count_nonzero(sound) == 7_200


def test_a_stream_stops_within_a_second_when_it_is_not_wanted() -> None:
    out = io.BytesIO()
    Stream(out, "pcm_s16le", RATE).play(steady(5, 1_000), 0, never)
    assert len(out.getvalue()) == 2 * RATE


def test_where_nobody_reads_any_more_a_failed_stream_ends_quietly() -> None:
    class Broken(io.BytesIO):
        def write(self, data: Any) -> int:
            raise BrokenPipeError(32, "Broken pipe")

    stream = Stream(Broken(), "mp3", RATE)
    with pytest.raises(BrokenPipeError):
        stream.play(tone(0.5), 0, always)
    stream.finish("failed")
    with pytest.raises(BrokenPipeError):
        Stream(Broken(), "wav", RATE).finish("whole")


# --- speakers -------------------------------------------------------------------------------------------------------


def test_the_speakers_get_every_sample_in_order_and_silence_between(monkeypatch: pytest.MonkeyPatch) -> None:
    sound_card(monkeypatch)
    speakers = Speakers(RATE)
    speakers.play(steady(0.25, 1_000), 500, always)
    speakers.play(steady(0.15, 2_000), 300, always)
    speakers.end_turn()
    speakers.play(steady(0.05, 3_000), 300, always)
    speakers.finish("whole")
    expected = [(6_000, 1_000), (7_200, 0), (3_600, 2_000), (1_200, 3_000)]
    assert np.array_equal(Card.last.samples, np.concatenate([np.full(size, level) for size, level in expected]))
    assert Card.last.done[0] == "start"
    assert Card.last.done[-2:] == ["stop", "close"]


def test_other_rates_are_resampled_for_the_speakers(monkeypatch: pytest.MonkeyPatch) -> None:
    sound_card(monkeypatch)
    speakers = Speakers(RATE)
    speakers.play(Take(np.full(22_050, 1_000, np.int16), 22_050, ()), 0, always)
    assert abs(len(Card.last.samples) - RATE) <= 1


def test_an_interruption_is_heard_at_once_and_the_next_take_plays(monkeypatch: pytest.MonkeyPatch) -> None:
    sound_card(monkeypatch)
    speakers = Speakers(RATE)
    wanted = [True, True, False]
    speakers.play(steady(5, 1_000), 0, lambda: wanted.pop(0))
    assert len(Card.last.samples) == 4_800  # two slices of a tenth of a second
    speakers.interrupt()
    assert Card.last.done[-2:] == ["abort", "start"]
    speakers.play(steady(0.1, 2_000), 0, always)
    assert Card.last.samples[-1] == 2_000


def test_an_interruption_never_falls_into_a_write(monkeypatch: pytest.MonkeyPatch) -> None:
    sound_card(monkeypatch)
    speakers = Speakers(RATE)
    writing = threading.Event()

    def blocks() -> None:
        writing.set()
        threading.Event().wait(0.01)

    Card.last.blocks = blocks
    stopped = threading.Event()
    failures: list[BaseException] = []

    def play() -> None:
        try:
            speakers.play(steady(2, 1_000), 0, lambda: not stopped.is_set())
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=play)
    thread.start()
    assert writing.wait(10)
    for _ in range(5):
        speakers.interrupt()
    stopped.set()
    thread.join(10)
    assert not failures


def test_an_interruption_after_the_end_touches_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    sound_card(monkeypatch)
    speakers = Speakers(RATE)
    speakers.finish("cut")
    done = list(Card.last.done)
    speakers.interrupt()
    assert Card.last.done == done


def test_a_device_that_goes_away_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    sound_card(monkeypatch)
    speakers = Speakers(RATE)
    Card.last.broken = True
    speakers.interrupt()  # told by what is played next
    with pytest.raises(AudioError, match="speakers have failed: device unplugged"):
        speakers.play(steady(0.5, 1_000), 0, always)


def test_speakers_that_cannot_be_opened_are_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    sound_card(monkeypatch, opens=False)
    with pytest.raises(AudioError, match="cannot be opened: Error querying device -1; use -o FILE instead"):
        Speakers(RATE)


@pytest.mark.parametrize(
    ("failure", "sentence"),
    [(ImportError("no"), r'pip install "narrate\[play\]"'), (OSError("PortAudio library not found"), "libportaudio2")],
)
def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch, failure: Exception, sentence: str) -> None:
    real = builtins.__import__

    def imported(name: str, *more: Any) -> Any:
        if name == "sounddevice":
            raise failure
        return real(name, *more)

    monkeypatch.delitem(sys.modules, "sounddevice", raising=False)
    monkeypatch.setattr(builtins, "__import__", imported)
    with pytest.raises(JobError, match=sentence):
        Speakers(RATE)
