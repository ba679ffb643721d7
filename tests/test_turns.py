"""The order of a conversation: texts, flushes, resets, the end."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from narrate.text.flow import Phrase
from narrate.turns import Finished, Flushed, Step, Turns, WasReset


def steps(turns: Turns) -> list[Step]:
    return list(iter(turns.next, None))


def said(found: list[Step]) -> str:
    return "".join(step.text for step in found if isinstance(step, Phrase))


def test_a_flush_is_acknowledged_behind_its_text_and_in_order() -> None:
    turns = Turns()
    turns.append("Hello the")
    turns.append("re. How are you")
    assert said(steps(turns)) == ""
    turns.flush(1)
    turns.append("And now")
    turns.flush(2)
    turns.flush(3)
    found = steps(turns)
    assert said(found) == "Hello there. How are youAnd now"
    assert [step for step in found if not isinstance(step, Phrase)] == [Flushed(1), Flushed(2), Flushed(3)]
    assert isinstance(found[0], Phrase)
    assert isinstance(found[-3], Phrase)
    assert turns.waiting == 0


def test_a_reset_drops_what_is_not_said_and_leaves_no_flush_unanswered() -> None:
    turns = Turns()
    turns.append("Never to be heard at all")
    turns.flush(1)
    turns.append("nor this")
    turns.reset(2)
    turns.append("Only this")
    turns.finish()
    found = steps(turns)
    assert found[:2] == [Flushed(1), WasReset(2)]
    assert said(found) == "Only this"
    assert found[-1] == Finished()
    assert turns.round == 1


def test_the_end_outlives_a_reset() -> None:
    turns = Turns()
    turns.append("dropped")
    turns.finish()
    turns.reset(1)
    assert steps(turns) == [WasReset(1), Finished()]


@given(st.lists(st.one_of(st.text(max_size=80), st.just(None)), max_size=30))
def test_every_word_and_every_flush_comes_out_once(events: list[str | None]) -> None:
    turns = Turns()
    found: list[Step] = []
    for number, event in enumerate(events):
        if event is None:
            turns.flush(number)
        else:
            turns.append(event)
        found += steps(turns)
    turns.finish()
    found += steps(turns)
    assert said(found) == "".join(event for event in events if event is not None)
    flushed = [step.nonce for step in found if isinstance(step, Flushed)]
    assert flushed == [number for number, event in enumerate(events) if event is None]
    assert found[-1] == Finished()


def test_a_flush_behind_the_end_is_acknowledged_before_it() -> None:
    turns = Turns()
    turns.append("The rest")
    turns.finish()
    turns.flush(7)
    turns.finish()
    turns.flush(8)
    found = steps(turns)
    assert said(found[:1]) == "The rest"
    assert found[1:] == [Flushed(7), Flushed(8), Finished()]
    turns.flush(9)  # nobody is there to hear of it
    assert turns.next() is None


@given(st.lists(st.one_of(st.text(max_size=200), st.sampled_from(["flush", "reset", "next"])), max_size=40))
def test_what_waits_and_what_is_owed_is_known_at_any_time(events: list[str]) -> None:
    turns = Turns()
    for event in events:
        match event:
            case "flush":
                turns.flush(1)
            case "reset":
                turns.reset(1)
            case "next":
                turns.next()
            case text:
                turns.append(text)
        assert turns.waiting == len(turns.text_waiting)
    owed = turns.owed
    turns.finish()
    assert sum(not isinstance(step, Phrase) for step in steps(turns)) == owed + 1
    assert (turns.waiting, turns.owed) == (0, 0)
