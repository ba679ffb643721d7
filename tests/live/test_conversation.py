"""One conversation: what is said when, what an interruption drops, and how it ends."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from narrate.book import letters_and_digits
from narrate.booth import Booth
from narrate.errors import EngineClosed, EngineRefused, EngineUnavailable, NarrateError
from narrate.live import conversation as rooms
from tests.talking import Memory, booth, live, memory, running, scripted

FIRST = "Good evening to all of you here. "
SECOND = "This is the second sentence, which is long enough to be said alone, as it should be. "
THIRD = "And here comes the third one, which nobody should have to wait for any longer than that. "


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Booth]:
    opened = booth(tmp_path)
    yield opened
    opened.close()


def said(outlet: Memory) -> str:
    return " ".join(outlet.phrases)


def until(true: object, seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while not true():  # type: ignore[operator]
        assert time.monotonic() < end
        time.sleep(0.002)


def test_phrases_are_heard_in_order_and_the_end_says_the_rest(here: Booth) -> None:
    outlet, another = memory(), memory()
    talk = live(here, outlet, another)
    for letter in FIRST + SECOND + "The end":
        talk.hear(letter)
    talk.end()
    assert talk.run() == "done"
    assert said(outlet) == (FIRST + SECOND + "The end").strip() == said(another)
    assert len(outlet.phrases) == 3
    assert outlet.ending == another.ending == "whole"
    assert talk.heard.first_s is not None
    assert (talk.heard.bought, talk.heard.stored) == (3, 0)
    assert talk.heard.characters == len(said(outlet)) - 2
    assert talk.story.script().spoken_characters == letters_and_digits(FIRST + SECOND + "The end")


def test_the_same_again_comes_from_the_store(here: Booth) -> None:
    for bought, stored in ((2, 0), (0, 2)):
        talk = live(here, memory())
        talk.hear(FIRST + SECOND)
        talk.end()
        talk.run()
        assert (talk.heard.bought, talk.heard.stored) == (bought, stored)


def test_the_first_clause_is_heard_while_the_text_still_comes(here: Booth) -> None:
    outlet = memory()
    talk = live(here, outlet)
    with running(talk):
        talk.hear("Good evening to all of you here,")
        until(lambda: outlet.phrases)
        assert outlet.told == ["Good evening to all of you here,"]
        talk.hear(" and thank you.")
        talk.end()


def test_a_turn_is_flushed_when_nothing_comes_for_a_while_and_only_then(here: Booth) -> None:
    outlet = memory()
    talk = live(here, outlet, idle_s=0.03)
    with running(talk):
        talk.hear("Good evening")
        until(lambda: "|" in outlet.told)
        assert outlet.told == ["Good evening", "|"]
        time.sleep(0.1)
        assert outlet.told == ["Good evening", "|"]  # silence after silence is no turn
        talk.hear("Again")
        until(lambda: outlet.told.count("|") == 2)
        talk.end()
    assert outlet.told == ["Good evening", "|", "Again", "|"]


def test_silence_ends_a_turn_once_although_its_speech_goes_on(here: Booth) -> None:
    outlet = Memory()
    talk = live(here, outlet, idle_s=0.02)
    with running(talk):
        talk.hear(FIRST + SECOND)
        assert outlet.playing.acquire(timeout=10)
        time.sleep(0.15)  # seven times as long as silence may last
        outlet.gate.set()
        until(lambda: "|" in outlet.told)
        talk.end()
    assert outlet.told.count("|") == 1


def test_without_an_idle_time_silence_ends_nothing(here: Booth) -> None:
    outlet = memory()
    talk = live(here, outlet)
    with running(talk):
        talk.hear("Good evening")
        time.sleep(0.1)
        assert not outlet.told
        talk.end()
    assert outlet.told == ["Good evening"]


def test_an_interruption_drops_what_is_not_heard_and_goes_on_listening(here: Booth) -> None:
    outlet = Memory()
    told: list[str] = []
    talk = live(here, outlet, report=told.append)
    with running(talk) as end:
        talk.hear(FIRST + SECOND + THIRD)
        assert outlet.playing.acquire(timeout=10)
        talk.interrupt()  # in the middle of the first phrase
        until(lambda: "!" in outlet.told)
        talk.hear("Something else, if you please.")
        talk.end()
    assert end["result"] == "done"
    assert said(outlet) == "Something else, if you please."
    assert outlet.ending == "whole"
    assert told == ["interrupted; listening again"]
    script = talk.story.script()
    assert {skip.reason for skip in script.skipped} == {"interrupted"}
    whole = letters_and_digits(FIRST + SECOND + THIRD + "Something else, if you please.")
    assert script.spoken_characters + sum(skip.characters for skip in script.skipped) == whole
    assert talk.heard.interruptions == 1


def test_what_was_made_and_then_interrupted_is_not_asked_for_again(here: Booth) -> None:
    outlet = Memory()
    talk = live(here, outlet)
    with running(talk):
        talk.hear(FIRST + SECOND + THIRD)
        assert outlet.playing.acquire(timeout=10)
        until(lambda: talk.heard.bought >= 2)  # the next is made while the first is being heard
        talk.interrupt()
        talk.end()
    again = live(here, memory())
    again.hear(FIRST + SECOND + THIRD)
    again.end()
    again.run()
    assert again.heard.stored >= 2


def test_two_interruptions_end(here: Booth) -> None:
    outlet = memory()
    talk = live(here, outlet)
    with running(talk) as end:
        talk.hear("Good evening to all of you here,")
        until(lambda: outlet.phrases)
        talk.interrupt()
        time.sleep(2 * rooms.ECHO_S)
        talk.interrupt()
    assert end["result"] == "interrupted"
    assert outlet.ending == "whole"  # all that came was said


def test_one_in_silence_does_not_end_and_is_told(here: Booth) -> None:
    outlet, told = memory(), []
    talk = live(here, outlet, report=told.append)
    with running(talk) as end:
        talk.interrupt()
        until(lambda: told)
        talk.hear("Good evening")
        talk.end()
    assert end["result"] == "done"
    assert outlet.phrases == ["Good evening"]
    assert told == ["nothing is being said; Ctrl-C once more ends"]


def test_an_echo_of_an_interruption_is_the_same_one(here: Booth) -> None:
    talk = live(here, memory())
    with running(talk) as end:
        talk.interrupt()
        talk.interrupt()
        talk.hear("Still here")
        talk.end()
    assert end["result"] == "done"
    assert talk.heard.interruptions == 1


def test_two_that_lie_far_apart_do_not_end(here: Booth) -> None:
    now = [100.0]
    outlet = memory()
    talk = live(here, outlet, clock=lambda: now[0])
    with running(talk) as end:
        for _ in range(3):
            before = talk.heard.interruptions
            talk.interrupt()
            until(lambda: talk.heard.interruptions > before)  # noqa: B023
            now[0] += rooms.TWICE_S + 0.1
        talk.hear("Still here")
        talk.end()
    assert end["result"] == "done"
    assert outlet.phrases == ["Still here"]


def test_an_interruption_when_no_more_comes_is_the_end_and_leaves_it_cut(here: Booth) -> None:
    outlet = Memory()
    talk = live(here, outlet)
    with running(talk) as end:
        talk.hear(FIRST + SECOND)
        talk.end()
        assert outlet.playing.acquire(timeout=10)
        talk.interrupt()
    assert end["result"] == "interrupted"
    assert outlet.ending == "cut"


def test_being_stopped_ends_at_once(here: Booth) -> None:
    outlet = Memory()
    talk = live(here, outlet)
    with running(talk) as end:
        talk.hear(FIRST + SECOND)
        assert outlet.playing.acquire(timeout=10)
        talk.stop()
    assert end["result"] == "interrupted"
    assert outlet.ending == "cut"
    assert not outlet.phrases


def test_an_engine_that_hangs_does_not_hold_up_the_end(here: Booth, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rooms, "GRACE_S", 0.1)
    hanging, asked = threading.Event(), threading.Event()

    def first(text: str) -> None:
        asked.set()
        hanging.wait(20)

    scripted(here, first)
    outlet = memory()
    talk = live(here, outlet)
    with running(talk) as end:
        talk.hear(FIRST + SECOND)
        assert asked.wait(10)
        since = time.monotonic()
        talk.stop()
    assert time.monotonic() - since < 3
    assert end["result"] == "interrupted"
    assert outlet.ending == "cut"
    hanging.set()
    talk.wait()


def test_an_outlet_that_hangs_does_not_hold_up_the_end(here: Booth, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rooms, "GRACE_S", 0.1)
    gate = threading.Event()

    class Stuck(Memory):
        def interrupt(self) -> None:
            """It does not listen."""

        def end_turn(self) -> None:
            """Nor to this."""

    outlet = Stuck(gate=gate)
    talk = live(here, outlet)
    with running(talk) as end:
        talk.hear(FIRST + SECOND)
        assert outlet.playing.acquire(timeout=10)
        talk.stop()
    assert end["result"] == "interrupted"
    gate.set()
    talk.wait()


def test_a_failure_of_the_engine_is_raised_when_what_came_before_is_heard(here: Booth) -> None:
    def first(text: str) -> None:
        if "third" in text:
            raise EngineClosed("tone: the key is wrong", engine="tone")

    scripted(here, first)
    outlet = memory()
    talk = live(here, outlet)
    talk.hear(FIRST + SECOND + THIRD + "Nobody hears this")
    talk.end()
    with pytest.raises(EngineClosed, match="key is wrong"):
        talk.run()
    assert said(outlet) == (FIRST + SECOND).strip()
    assert outlet.ending == "failed"


@pytest.mark.parametrize("failure", [EngineRefused, EngineUnavailable])
def test_a_refused_piece_does_not_stop_the_others_and_does_not_vanish(here: Booth, failure: type[NarrateError]) -> None:
    def first(text: str) -> None:
        if "second" in text:
            raise failure("tone: not this")

    scripted(here, first)
    outlet, told = memory(), []
    talk = live(here, outlet, report=told.append)
    talk.hear(FIRST + SECOND + THIRD)
    talk.end()
    assert talk.run() == "done"
    assert said(outlet) == (FIRST + THIRD).strip()
    assert outlet.ending == "cut"
    assert [each.chunk.source for each in talk.failures] == [SECOND.strip()]
    assert "not spoken" in told[0]
    assert "not this" in told[0]
    left = [skip for skip in talk.story.unspoken if skip.reason == "not spoken"]
    assert sum(skip.characters for skip in left) == letters_and_digits(SECOND)


def test_a_text_that_broke_off_is_said_as_far_as_it_came(here: Booth) -> None:
    outlet = memory()
    talk = live(here, outlet)
    talk.hear(FIRST + "And then the")
    talk.end(False)
    assert talk.run() == "done"
    assert said(outlet) == FIRST + "And then the"
    assert outlet.ending == "cut"


def test_an_outlet_that_fails_ends_it_and_the_others_are_finished(here: Booth) -> None:
    bad, good = memory(), memory()
    bad.fails = NarrateError("the disk is full")
    talk = live(here, bad, good)
    talk.hear(FIRST)
    talk.end()
    with pytest.raises(NarrateError, match="disk is full"):
        talk.run()
    assert bad.ending == good.ending == "failed"
    talk.wait()


def test_one_that_cannot_be_finished_is_told_and_the_others_are_finished(here: Booth) -> None:
    class Unfinished(Memory):
        def finish(self, ending: object) -> None:
            raise NarrateError("the disk is full")

    bad, good = Unfinished(), memory()
    bad.gate.set()
    talk = live(here, bad, good)
    talk.hear(FIRST)
    talk.end()
    with pytest.raises(NarrateError, match="disk is full"):
        talk.run()
    assert good.ending == "whole"


def test_no_more_is_made_ahead_than_an_interruption_may_waste(here: Booth) -> None:
    outlet = Memory()
    talk = live(here, outlet)
    with running(talk):
        talk.hear((SECOND + THIRD) * 20)
        talk.end()
        assert outlet.playing.acquire(timeout=10)
        time.sleep(0.2)
        assert 2 <= talk.heard.bought + talk.heard.stored <= rooms.AHEAD
        outlet.gate.set()
    assert len(outlet.phrases) == 40


def test_pauses_are_a_headings_a_scenes_a_chapters(here: Booth) -> None:
    outlet = memory()
    talk = live(here, outlet)
    talk.hear("# One\n\nA first paragraph.\n\nA second one.\n\n---\n\nAfter the break.\n\n# Two\n\nThe end.\n")
    talk.end()
    talk.run()
    pauses = here.job.pauses
    assert outlet.phrases == ["One", "A first paragraph.", "A second one.", "After the break.", "Two", "The end."]
    assert outlet.gaps[1:] == [pauses.heading, pauses.paragraph, pauses.scene, pauses.chapter, pauses.heading]


def test_plain_text_is_read_as_it_stands(here: Booth) -> None:
    outlet = memory()
    talk = live(here, outlet, markdown=False)
    talk.hear("# 1 is no heading here, and *this* is no stress.")
    talk.end()
    talk.run()
    assert said(outlet) == "# 1 is no heading here, and *this* is no stress."
    assert talk.story.script().chapters[0].title == "Told Live"


def test_a_megabyte_without_a_line_end_is_said_in_bounded_phrases(here: Booth) -> None:
    outlet = memory()
    talk = live(here, outlet)
    with running(talk) as end:
        talk.hear("word " * 200_000)
        until(lambda: len(outlet.phrases) > 20)
        talk.stop()
    assert end["result"] == "interrupted"
    assert max(map(len, outlet.phrases)) <= 600
