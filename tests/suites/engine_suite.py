"""What every engine promises, wrapped or not. An engine's test module subclasses EngineSuite and gives two fixtures."""

from __future__ import annotations

import threading
from typing import get_args

import pytest

from narrate.audio.codec import decode
from narrate.engines import AudioFormat, Engine, Speech
from narrate.errors import EngineRefused
from narrate.script import Chunk, Voice

TEXTS = (
    "It was a bright cold day in April, and the clocks were striking thirteen.",
    "Call me Ishmael.",
    "All happy families are alike; every unhappy family is unhappy in its own way.",
    "Grüße, “Welt” – café!",
)


class EngineSuite:
    """Subclasses give ``engine`` (an Engine) and ``voice`` (one of its voices)."""

    texts = TEXTS

    @pytest.fixture
    def engine(self) -> Engine:
        raise NotImplementedError

    @pytest.fixture
    def voice(self) -> Voice:
        raise NotImplementedError

    def test_the_traits_make_sense(self, engine: Engine, voice: Voice) -> None:
        traits = engine.traits
        least, most = traits.seconds_per_character
        assert traits.name == voice.engine
        assert traits.max_chars > 0
        assert traits.min_words >= 1
        assert 0 <= least < most
        assert traits.price is None or traits.price.amount >= 0
        assert engine.traits == traits, "traits never change"

    def test_it_speaks(self, engine: Engine, voice: Voice) -> None:
        speech = engine.speak(Chunk(self.texts[0], voice, 0))
        samples, rate = sound(speech)
        assert speech.format in get_args(AudioFormat)
        assert speech.rate in (0, rate)
        assert max(abs(int(samples.max())), abs(int(samples.min()))) > 328

    def test_its_length_is_as_plausible_as_its_traits_say(self, engine: Engine, voice: Voice) -> None:
        least, most = engine.traits.seconds_per_character
        for text in self.texts:
            samples, rate = sound(engine.speak(Chunk(text, voice, 0)))
            letters = sum(map(str.isalnum, text))
            assert least * letters - 1 <= len(samples) / rate <= most * letters + 1

    def test_words_rise_and_lie_inside_the_sound(self, engine: Engine, voice: Voice) -> None:
        speech = engine.speak(Chunk(self.texts[0], voice, 0))
        if not engine.traits.timings:
            assert speech.words == ()
            return
        samples, rate = sound(speech)
        assert len(speech.words) > 5
        assert all(word.start_ms <= word.end_ms for word in speech.words)
        assert [word.start_ms for word in speech.words] == sorted(word.start_ms for word in speech.words)
        assert speech.words[-1].end_ms <= len(samples) * 1000 / rate + 1

    def test_a_longer_text_than_its_limit_is_refused(self, engine: Engine, voice: Voice) -> None:
        text = "word " * (engine.traits.max_chars // 5 + 1)
        with pytest.raises(EngineRefused) as caught:
            engine.speak(Chunk(text, voice, 0))
        assert caught.value.engine == engine.traits.name

    def test_many_threads_may_speak_at_once(self, engine: Engine, voice: Voice) -> None:
        alone = {text: sound(engine.speak(Chunk(text, voice, 0)))[0].tobytes() for text in self.texts}
        together: dict[str, bytes] = {}

        def work(text: str) -> None:
            together[text] = sound(engine.speak(Chunk(text, voice, 0)))[0].tobytes()

        threads = [threading.Thread(target=work, args=(text,)) for text in self.texts]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert together == alone


def sound(speech: Speech):
    """The samples and the rate of an answer."""
    return decode(speech.audio, speech.format, speech.rate or 24000)
