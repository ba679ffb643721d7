"""Speaking: asked once (P3), failures told and not fatal (P8), a closed engine stops the run."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from narrate.audiobook import Word
from narrate.engines import Speech, Traits
from narrate.engines.tone import Tone
from narrate.errors import EngineClosed, EngineDown, EngineRefused, LimitReached, NarrateError, SpeechIncomplete
from narrate.executors.inline import Inline
from narrate.executors.threads import Threads
from narrate.plan import plan
from narrate.script import Cast, Chunk, Script, Voice
from narrate.speak import complete, find, speak
from narrate.store import Store
from tests.books import book, chapter

VOICE = Voice("fake", "1", "a")


class Fake:
    """An engine that counts what it is asked; ``answer`` may raise."""

    def __init__(self, answer: Callable[[Chunk], None] = lambda chunk: None) -> None:
        self.traits = Traits("fake", max_chars=500)
        self.asked: list[str] = []
        self._answer = answer
        self._lock = threading.Lock()

    def speak(self, chunk: Chunk) -> Speech:
        with self._lock:
            self.asked.append(chunk.text)
        self._answer(chunk)
        time = np.arange(2400 + 24 * len(chunk.text)) / 24000
        samples = (8000 * np.sin(2 * np.pi * 220 * time)).astype("<i2")
        return Speech(samples.tobytes(), "pcm_s16le", 24000, (Word("w", 1, 99),), "req_1")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def script(*texts: str) -> Script:
    return plan(book(chapter("One", *texts)), Cast(VOICE), Fake().traits)


def test_every_chunk_gets_its_segment(store: Store) -> None:
    made = script("First.", "Second.", "Third.")
    segments = dict(complete(speak(made, Fake(), store, Threads(3))))
    assert sorted(segments) == [0, 1, 2]
    assert [segments[index].key for index in range(3)] == [chunk.key for chunk in made.chunks]
    assert segments[0].rate == 24000
    assert segments[0].words == (Word("w", 1, 99),)
    assert segments[0].request_id == "req_1"


def test_p3_nothing_is_asked_for_twice(store: Store) -> None:
    engine = Fake()
    first = dict(complete(speak(script("First.", "Second."), engine, store, Inline())))
    again = dict(complete(speak(script("First.", "Second.", "Third."), engine, store, Inline())))
    assert engine.asked == ["First.", "Second.", "Third."]
    assert again[0] == first[0]


def test_p3_equal_texts_are_asked_for_once(store: Store) -> None:
    engine = Fake()
    outcomes = list(speak(script("Ha!", "What?", "Ha!", "Ha!"), engine, store, Threads(4)))
    assert sorted(engine.asked) == ["Ha!", "What?"]
    assert sorted(index for outcome in outcomes for index in outcome.indices) == [0, 1, 2, 3]


def test_a_damaged_segment_is_asked_for_again(store: Store) -> None:
    engine = Fake()
    made = script("First.")
    segment = dict(complete(speak(made, engine, store, Inline())))[0]
    segment.path.write_bytes(segment.path.read_bytes()[:-3])
    assert find(made.chunks[0], store) is None
    assert dict(complete(speak(made, engine, store, Inline())))[0] == segment
    assert engine.asked == ["First.", "First."]


def test_p8_a_refused_chunk_does_not_stop_the_others(store: Store) -> None:
    def answer(chunk: Chunk) -> None:
        if "bad" in chunk.text:
            raise EngineRefused("the text is not allowed", engine="fake")

    spoken = []
    with pytest.raises(SpeechIncomplete) as caught:
        spoken.extend(complete(speak(script("First.", "A bad word.", "Third."), Fake(answer), store, Inline())))
    assert len(spoken) == 2
    assert [failure.why for failure in caught.value.failures] == ["refused"]
    for words in ("One", "A bad word.", "the text is not allowed", "change what is refused"):
        assert words in str(caught.value)
    with pytest.raises(SpeechIncomplete):
        list(complete(speak(script("First.", "A bad word.", "Third."), Fake(answer), store, Inline())))


@pytest.mark.parametrize(
    ("error", "raised"),
    [
        (EngineClosed("bad key", engine="fake"), EngineClosed),
        (LimitReached("the limit of 2 USD is reached"), LimitReached),
        (EngineDown("nothing answers", engine="fake"), SpeechIncomplete),
    ],
)
def test_where_nothing_can_be_asked_what_is_in_flight_still_counts(
    store: Store, error: NarrateError, raised: type[NarrateError]
) -> None:
    def answer(chunk: Chunk) -> None:
        if "First" not in chunk.text and "Last" not in chunk.text:
            raise type(error)(str(error))

    passed = []
    with pytest.raises(raised, match=f"{error}; 2 chunks are stored, 2 are left; run again"):
        passed.extend(complete(speak(script("First.", "Two.", "Three.", "Last."), Fake(answer), store, Inline())))
    assert [index for index, _ in passed] == [0]  # nothing is assembled of a book that cannot be finished now


def test_outcomes_say_what_was_bought(store: Store) -> None:
    first = list(speak(script("First."), Fake(), store, Inline()))
    second = list(speak(script("First."), Fake(), store, Inline()))
    assert [outcome.bought for outcome in first + second] == [True, False]
    assert first[0].characters == len("First.")


def test_the_tone_engine_is_spoken_to_the_sample(store: Store) -> None:
    made = plan(book(chapter("One", "Some text.")), Cast(Voice("tone", "sine", "mid")), Tone().traits)
    segment = dict(complete(speak(made, Tone(), store, Inline())))[0]
    assert segment.lead <= 24
    assert segment.codec == "flac"
    assert 0 < segment.peak < 1
