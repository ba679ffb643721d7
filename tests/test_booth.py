"""The booth: texts to takes, through the store or not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from narrate.book import letters_and_digits
from narrate.booth import Booth, Line, left_out, sound_of
from narrate.errors import EngineClosed, JobError, SegmentDamaged
from narrate.job import Job
from tests.talking import booth, scripted

TEXT = "Good evening, Dr. Smith. It is 5 km from here.\n\nAnother paragraph: with 3 words.\n"


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Booth:
    return booth(tmp_path_factory.mktemp("booth"))


def quiet(sentence: str) -> None:
    """Nobody is told."""


def test_lines_joined_are_the_text(here: Booth) -> None:
    lines = here.lines(TEXT, here.studio.cast)
    assert "".join(line.text for line in lines) == TEXT
    assert [line.chunk.after for line in lines] == ["paragraph", "paragraph"]
    assert here.lines("Well, this is", here.studio.cast, after="clause")[-1].chunk.pause_ms == here.job.pauses.clause
    assert here.lines(" \n…\n", here.studio.cast) == ()


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(some.text(some.sampled_from("ab c.\n,?1é Ω\t\r-\x00\u2028"), max_size=120))
def test_lines_joined_are_any_text_that_has_something_to_say(here: Booth, text: str) -> None:
    lines = here.lines(text, here.studio.cast)
    if lines:
        assert "".join(line.text for line in lines) == text
        assert left_out(text, lines) == 0
    else:
        assert letters_and_digits(text) == 0


def test_a_long_text_is_cut_to_what_the_engine_takes(tmp_path: Path) -> None:
    here = booth(tmp_path, settings=(("max_chars", "40"),))
    lines = here.lines(TEXT * 3, here.studio.cast)
    assert "".join(line.text for line in lines) == TEXT * 3
    assert len(lines) > 6
    assert max(len(line.chunk.text) for line in lines) <= 40


def test_a_take_has_its_sound_and_when_each_word_is_heard(here: Booth) -> None:
    (line,) = here.lines("Good evening to all.", here.studio.cast)
    take = here.take(line)
    assert take.rate == 24_000
    assert abs(len(take.samples) - 24 * 10 * len("Good evening to all.")) <= 4 * 24
    assert "".join(timing.text for timing in take.timings) == "Good evening to all."
    ends = [timing.start + timing.length for timing in take.timings]
    assert [timing.start for timing in take.timings] == [0, *ends[:-1]]
    assert ends[-1] == len(take.samples)
    words = {timing.text: timing.start for timing in take.timings}
    assert abs(words["evening"] - 5 * 240) <= 24


def test_what_is_kept_is_found_again(here: Booth) -> None:
    (line,) = here.lines("To be kept, once.", here.studio.cast)
    first, second = here.take(line), here.take(line)
    assert (first.bought, second.bought) == (True, False)
    assert np.array_equal(first.samples, second.samples)
    assert first.timings == second.timings
    assert first.segment == second.segment
    assert first.segment is not None
    assert np.array_equal(sound_of(first.segment), first.samples)


def test_what_is_not_kept_is_made_each_time_and_sounds_the_same(tmp_path: Path) -> None:
    kept = booth(tmp_path)
    loose = Booth(Job(Path("live"), engine="tone", store=tmp_path / "other", language="en"), quiet, keep=False)
    (line,) = kept.lines("Said twice over.", kept.studio.cast)
    first, second = loose.take(line), loose.take(line)
    assert first.bought
    assert second.bought
    assert first.segment is None
    assert np.array_equal(first.samples, kept.take(line).samples)
    assert first.timings == second.timings == kept.take(line).timings
    assert not any((tmp_path / "other" / "segments").glob("*/*"))


def test_a_faster_take_is_shorter_and_its_times_with_it(here: Booth) -> None:
    (line,) = here.lines("Good evening to all of you.", here.studio.cast)
    usual, fast = here.take(line), here.take(line, 2.0)
    assert abs(2 * len(fast.samples) - len(usual.samples)) < 4_800
    end = fast.timings[-1]
    assert end.start + end.length == len(fast.samples)


@pytest.mark.parametrize("damage", ["flipped", "gone"])
def test_a_damaged_segment_is_made_anew(tmp_path: Path, damage: str) -> None:
    here = booth(tmp_path)
    (line,) = here.lines("A sound that gets damaged.", here.studio.cast)
    first = here.take(line)
    assert first.segment is not None
    path = first.segment.path
    # where its header is still sound, only who reads the payload finds out
    data = bytearray(path.read_bytes())
    if damage == "flipped":
        data[200] ^= 0xFF
        path.write_bytes(data)
    else:
        path.unlink()
    again = here.take(line)
    assert again.bought
    assert np.array_equal(again.samples, first.samples)


def test_a_store_that_damages_everything_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = booth(tmp_path)

    def damaged(*place: object) -> bytes:
        raise ValueError("its sound does not match its digest")

    monkeypatch.setattr("narrate.booth.read_part", damaged)
    monkeypatch.setattr(here.studio.store, "set_aside", lambda *told, **more: True)
    with pytest.raises(SegmentDamaged, match="check the disk"):
        here.take(here.lines("Never to be read.", here.studio.cast)[0])


def test_warming_up_never_fails_and_keeps_nothing(tmp_path: Path) -> None:
    here = booth(tmp_path)

    def first(text: str) -> None:
        raise EngineClosed("tone: the key is wrong", engine="tone")

    engine = scripted(here, first)
    here.warm()
    assert len(engine.texts) == 1
    assert not any((tmp_path / "store" / "segments").glob("*/*"))


def test_a_lexicon_that_is_wrong_opens_nothing(tmp_path: Path) -> None:
    with pytest.raises(JobError, match="no such lexicon"):
        booth(tmp_path, lexicons=(tmp_path / "none.toml",))
    assert not (tmp_path / "store").exists()


def test_a_lexicon_holds(tmp_path: Path) -> None:
    (tmp_path / "names.csv").write_text("word,said\nCholmondeley,Chumley\n")
    here = booth(tmp_path, lexicons=(tmp_path / "names.csv",))
    (line,) = here.lines("Mr Cholmondeley comes.", here.studio.cast)
    assert "Chumley" in line.chunk.text
    assert line.text == "Mr Cholmondeley comes."


def test_text_that_no_voice_here_reads_is_counted(here: Booth) -> None:
    (line,) = here.lines("Good evening.", here.studio.cast)
    assert left_out("Good evening. Guten Abend.", [line]) == 10
    assert left_out("Good evening.", [Line(line.chunk, "")]) == 0
