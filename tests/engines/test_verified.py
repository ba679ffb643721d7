from __future__ import annotations

import math
import random
from contextlib import suppress
from typing import Any

import numpy as np
import pytest

from narrate.audiobook import Word
from narrate.engines import AudioFormat, Speech
from narrate.engines import verified as verified_module
from narrate.engines.tone import voice
from narrate.engines.verified import DISTINCT, LEARNING, Verified, speakable
from narrate.errors import EngineUnavailable
from narrate.script import Chunk, Voice
from tests.engines.peers import Scripted
from tests.speech_sound import mp3, tone, wav

TEXT = "It was a bright cold day in April, and the clocks were striking thirteen."
VOICE = Voice("tone", "sine", "mid")
SECONDS = 4.0
PCM = tone(int(24000 * SECONDS), 80, 8000)


class Answering(Scripted):
    def __init__(self, speech: Speech) -> None:
        super().__init__(speech)
        from dataclasses import replace

        self.traits = replace(self.traits, seconds_per_character=(0.02, 0.25), name="lmnt", local=False, pace=0.058)


def verified(
    audio: bytes,
    form: AudioFormat = "wav",
    rate: int = 24000,
    *,
    text: str = TEXT,
    speaker: Voice = VOICE,
    **more: bool,
) -> Speech:
    return Verified(Answering(Speech(audio, form, rate, request_id="req_1")), **more).speak(Chunk(text, speaker, 0))


def test_wav_becomes_samples() -> None:
    assert verified(wav(PCM, 24000)) == Speech(PCM, "pcm_s16le", 24000, request_id="req_1")


def test_pcm_stays_as_it_is() -> None:
    assert verified(PCM, "pcm_s16le").audio == PCM


@pytest.mark.parametrize("size", [0xFFFFFFFF, 0])
def test_a_streamed_wav_without_sizes_is_whole(size: int) -> None:
    assert verified(wav(PCM, 24000, size)).audio == PCM


def test_mp3_is_decoded_or_kept_as_it_came() -> None:
    audio = mp3(PCM, 24000)
    decoded = verified(audio, "mp3")
    assert decoded.format == "pcm_s16le"
    assert len(decoded.audio) / 48000 == pytest.approx(SECONDS, abs=0.1)
    kept = verified(audio, "mp3", keep_mp3=True)
    assert kept == Speech(audio, "mp3", 24000, request_id="req_1")
    assert verified(wav(PCM, 24000), keep_mp3=True).format == "pcm_s16le"


def test_no_promised_rate_is_any_rate() -> None:
    assert verified(wav(PCM, 22050), rate=0).rate == 22050


NOISE = np.random.default_rng(7).integers(0, 256, 20_000, np.uint8).tobytes()


@pytest.mark.parametrize(
    ("audio", "form", "sentence"),
    [
        (b"", "wav", "lmnt: the answer has zero bytes of audio"),
        (b"<!DOCTYPE html><html><title>x</title>", "wav", "lmnt: a web page came in place of audio"),
        (b"\n <html>", "mp3", "lmnt: a web page came in place of audio"),
        (b'{"status": "queued"}', "wav", "lmnt: JSON came in place of audio"),
        (b'{"status": "queued"}', "pcm_s16le", "lmnt: JSON came in place of audio"),
        (b"upstream connect error", "pcm_s16le", "lmnt: plain text came in place of audio"),
        (wav(PCM, 24000)[:50_000], "wav", "lmnt: "),
        (PCM[:-1], "pcm_s16le", "lmnt: "),
        (mp3(PCM, 24000)[:10_001], "mp3", "lmnt: "),
        (wav(PCM, 24000), "mp3", "lmnt: "),
        (NOISE, "mp3", "lmnt: "),
        (NOISE, "wav", "lmnt: "),
        (wav(PCM, 16000), "wav", "lmnt: the audio has 16000 Hz where 24000 Hz were asked for"),
        (wav(bytes(len(PCM)), 24000), "wav", "lmnt: the audio is silent"),
        (wav(tone(96_000, 80, 300), 24000), "wav", "lmnt: the audio is silent"),
        (wav(b"", 24000), "wav", "lmnt: "),
        (wav(PCM[:4800], 24000), "wav", "lmnt: the audio sounds for 0.1 s, too little for a text of 73 characters"),
        (wav(PCM * 5, 24000), "wav", "lmnt: the audio sounds for 20.0 s, too much for a text of 73 characters"),
    ],
)
def test_what_cannot_be_right_may_heal(audio: bytes, form: AudioFormat, sentence: str) -> None:
    # a text long enough that half a sentence is not within the slack
    with pytest.raises(EngineUnavailable) as caught:
        verified(audio, form, text=TEXT)
    assert str(caught.value).startswith(sentence)
    assert "\n" not in str(caught.value)
    assert caught.value.engine == "lmnt"
    assert caught.value.request_id == "req_1"


def test_silence_around_the_sound_is_not_counted() -> None:
    quiet = bytes(48_000 * 30)
    assert verified(wav(quiet + PCM + quiet, 24000)).rate == 24000
    with pytest.raises(EngineUnavailable, match="too little"):
        verified(wav(quiet + PCM[:4800] + quiet, 24000))


def test_a_short_word_may_take_its_time() -> None:
    assert verified(wav(PCM[:50_000], 24000), text="No.").rate == 24000
    assert verified(wav(PCM[:5_000], 24000), text="No.").rate == 24000


def test_speed_changes_what_is_plausible() -> None:
    fast = Voice("openai", "m", "v", "", (("speed", "4"),))
    quarter = wav(PCM, 24000)
    long = TEXT * 6
    with pytest.raises(EngineUnavailable, match="too little"):
        verified(quarter, text=long)
    assert verified(quarter, text=long, speaker=fast).rate == 24000


@pytest.mark.parametrize(
    ("text", "letters"), [("Hello, world!", 10), ("1984", 12), ("春はあけぼの", 18), ("é — …", 1), ("안녕", 6), ("", 0)]
)
def test_what_there_is_to_say(text: str, letters: int) -> None:
    assert speakable(text) == letters


def test_the_traits_are_those_inside() -> None:
    assert Verified(Scripted()).traits == Scripted().traits
    assert voice("", "", {}, {}).engine == Scripted().traits.name


def test_sound_that_begins_like_text_is_sound() -> None:
    assert verified(b"{\x22" + PCM, "pcm_s16le").audio == b"{\x22" + PCM
    assert verified("{ö".encode("latin-1") * 300 + PCM, "pcm_s16le").rate == 24000


# --- what is doubted ------------------------------------------------------------------------------------------------

SENTENCE = "The clock in the hall had stopped at {} and nobody wound it up again that winter."


class Pacing:
    """An engine that says each text at ``pace`` seconds a letter, or as ``answers`` say, in turn."""

    def __init__(self, *answers: float, pace: float = 0.075, local: bool = False, words: Any = None) -> None:
        from dataclasses import replace

        self.traits = replace(
            Scripted().traits, seconds_per_character=(0.01, 0.5), name="lmnt", local=local, pace=0.058
        )
        self.answers, self.pace, self.words = list(answers), pace, words
        self.asked = 0

    def speak(self, chunk: Chunk) -> Speech:
        self.asked += 1
        pace = self.answers.pop(0) if self.answers else self.pace
        samples = round(24000 * pace * speakable(chunk.text))
        words = self.words(chunk.text) if self.words else ()
        return Speech(tone(samples, 60 + self.asked % 20, 8000), "pcm_s16le", 24000, words)


def asked_for(engine: Pacing, wrapped: Verified, text: str) -> int:
    """How many requests it took until an answer was believed."""
    before = engine.asked
    while True:
        with suppress(EngineUnavailable):
            wrapped.speak(Chunk(text, VOICE, 0))
            return engine.asked - before


def experienced(**more: Any) -> tuple[Pacing, Verified]:
    """An engine whose pace is known; what was asked for until then does not count."""
    engine = Pacing(**more)
    wrapped = Verified(engine)
    for number in range(10):
        asked_for(engine, wrapped, SENTENCE.format("abcdefghij"[number] * 4))
    return engine, wrapped


@pytest.mark.parametrize(
    ("factor", "requests"), [(1.0, 1), (1.3, 1), (0.75, 1), (0.5, 2), (0.2, 2), (2.0, 2), (5.0, 2)]
)
@pytest.mark.parametrize("pace", [0.05, 0.075, 0.11])
def test_a_length_that_this_voice_does_not_need_is_doubted_once(factor: float, requests: int, pace: float) -> None:
    engine, wrapped = experienced(pace=pace)
    engine.answers = [pace * factor]
    assert asked_for(engine, wrapped, SENTENCE.format("noon")) == requests


def test_the_sentence_says_what_is_usual() -> None:
    engine, wrapped = experienced()
    engine.answers = [0.03]
    with pytest.raises(EngineUnavailable) as caught:
        wrapped.speak(Chunk(TEXT, VOICE, 0))
    assert str(caught.value) == (
        "lmnt: the audio sounds for 1.7 s, where about 4.3 s are usual for a text of 73 characters; "
        "it is asked for once more"
    )
    assert caught.value.doubted  # and the server is there


def test_honest_slow_texts_cost_one_request_more_at_most() -> None:
    engine, wrapped = experienced()
    for number in range(20):
        engine.answers = [0.2, 0.204]
        assert asked_for(engine, wrapped, SENTENCE.format(f"{number} hundred thousand")) <= 2


def test_two_doubtful_takes_that_differ_are_asked_about_once_more_and_no_further() -> None:
    engine, wrapped = experienced()
    engine.answers = [0.2, 0.3, 0.4, 0.45]
    assert asked_for(engine, wrapped, SENTENCE.format("noon")) == 3


def test_a_text_that_is_asked_for_once_is_not_doubted() -> None:
    engine = Pacing(0.2, 0.3)
    wrapped = Verified(engine, doubts=0)
    assert [asked_for(engine, wrapped, SENTENCE.format(name)) for name in ("noon", "ten")] == [1, 1]
    engine = Pacing(0.2, 0.3, 0.4)
    assert asked_for(engine, Verified(engine, doubts=1), SENTENCE.format("noon")) == 2


def test_a_voice_beyond_all_others_is_learned() -> None:
    engine = Pacing(pace=0.15)
    wrapped = Verified(engine)
    needed = [asked_for(engine, wrapped, SENTENCE.format(str(number) * 2)) for number in range(20)]
    assert needed == [2] * LEARNING + [1] * (20 - LEARNING)


@pytest.mark.parametrize("pace", [0.05, 0.075, 0.12])
def test_usual_voices_cost_nothing_more(pace: float) -> None:
    engine = Pacing(pace=pace)
    wrapped = Verified(engine)
    assert {asked_for(engine, wrapped, SENTENCE.format(str(number) * 2)) for number in range(20)} == {1}


def test_half_a_text_is_doubted_from_the_first() -> None:
    engine = Pacing(0.0375)
    assert asked_for(engine, Verified(engine), SENTENCE.format("noon") * 2) == 2


def test_a_voice_whose_pace_varies_is_given_room() -> None:
    engine = Pacing()
    wrapped = Verified(engine)
    draw = random.Random(3)
    for number in range(40):
        engine.answers = [0.075 * math.exp(draw.gauss(0, 0.15))]
        asked_for(engine, wrapped, SENTENCE.format(str(number)))
    engine.answers = [0.075 * 1.7]
    assert asked_for(engine, wrapped, SENTENCE.format("noon")) == 1


@pytest.mark.parametrize("pace", [0.02, 0.3])
def test_short_texts_and_engines_here_are_not_doubted(pace: float) -> None:
    engine, wrapped = experienced()
    engine.answers = [pace]
    assert asked_for(engine, wrapped, "Nobody wound it up.") == 1
    engine, wrapped = experienced(local=True)
    engine.answers = [pace]
    assert asked_for(engine, wrapped, SENTENCE.format("noon")) == 1


def test_paces_are_each_voice_s_own() -> None:
    engine, wrapped = experienced(pace=0.05)
    slow = Voice("tone", "sine", "low")
    engine.answers = [0.09]
    assert wrapped.speak(Chunk(SENTENCE.format("noon"), slow, 0)).audio


def test_the_sound_of_another_text_is_doubted() -> None:
    both = Speech(PCM, "pcm_s16le", 24000)
    engine = Answering(both)
    wrapped = Verified(engine)
    others = [Speech(tone(len(PCM) // 2 + 50 * more, 80, 8000), "pcm_s16le", 24000) for more in range(DISTINCT)]
    engine.outcomes = [*others, *[both] * 4]
    for number in range(DISTINCT):
        wrapped.speak(Chunk(TEXT.replace("April", f"{number}"), VOICE, 0))
    assert wrapped.speak(Chunk(TEXT, VOICE, 0)) == both
    assert wrapped.speak(Chunk(TEXT.replace("April", "March"), VOICE, 0)) == both  # as long: it may well be
    with pytest.raises(EngineUnavailable, match="the audio is the same as for another text"):
        wrapped.speak(Chunk(TEXT.replace("April", "January, February and March"), VOICE, 0))
    assert wrapped.speak(Chunk(TEXT.replace("April", "January, February and March"), VOICE, 0)) == both


def test_an_engine_that_says_everything_alike_is_asked_once() -> None:
    both = Speech(PCM, "pcm_s16le", 24000)
    engine = Answering(both)
    engine.outcomes = [both] * 20
    wrapped = Verified(engine)
    for number in range(20):
        assert wrapped.speak(Chunk(TEXT + " and" * number, VOICE, 0)) == both


def told(text: str) -> tuple[Word, ...]:
    return tuple(Word(word, 100 * place, 100 * place + 90) for place, word in enumerate(text.split()))


@pytest.mark.parametrize(
    ("text", "words", "requests"),
    [
        (TEXT, TEXT, 1),
        (TEXT, TEXT.upper().replace(",", " ,"), 1),
        (TEXT, "it was a bright cold day in april and the clo cks were stri king thirteen", 1),
        ("Dr. Smith paid $5 to Mrs. Brown.", "Doctor Smith paid five dollars to Missus Brown", 1),
        ("In 1984, 23 of 57.", "in nineteen eighty four twenty three of fifty seven", 1),
        ("春はあけぼの、やうやう白くなりゆく", "春 は あけぼの やうやう 白く なりゆく", 1),
        ("Yes.", "yes", 1),
        (TEXT, "The ferry leaves the old harbour at noon", 2),
        (TEXT, "It was a bright", 2),
        ("Chapter One", "The ferry leaves the old harbour at noon", 2),
        ("1984", "The ferry leaves the old harbour at noon", 1),
    ],
)
def test_the_words_of_an_answer_are_the_text_s(text: str, words: str, requests: int) -> None:
    said = [words, text]
    engine = Pacing(words=lambda text: told(said.pop(0)))
    assert asked_for(engine, Verified(engine), text) == requests


def test_words_that_go_on_when_the_sound_has_ended_are_doubted() -> None:
    late = [(*told(TEXT)[:-1], Word("thirteen.", 8000, 9000)), told(TEXT)]
    engine = Pacing(words=lambda text: late.pop(0))
    assert asked_for(engine, Verified(engine), TEXT) == 2


def test_an_engine_that_tells_words_in_another_alphabet_is_understood_in_the_end() -> None:
    engine = Pacing(words=lambda text: told("ɪt wʌz ə bɹaɪt"))
    wrapped = Verified(engine)
    needed = [asked_for(engine, wrapped, SENTENCE.format(str(number))) for number in range(10)]
    assert needed == [2] * 4 + [1] * 6


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verified_module, "REMEMBERED", 5)
    experience = verified_module.Experience()
    for number in range(50):
        for take, seconds in enumerate([5.0] * LEARNING + [1.0]):
            chunk = Chunk(SENTENCE.format(number * 10 + take), Voice("lmnt", "m", str(number)), 0)
            experience.doubt(chunk, verified_module.Take(60, seconds, 5.0, bytes([number, take])), 0.058)
    memories = [vars(experience)[name] for name in ("_paces", "_owners", "_doubted")]
    assert all(0 < len(memory) <= 5 for memory in memories)
