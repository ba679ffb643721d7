from __future__ import annotations

import numpy as np
import pytest

from narrate.engines import AudioFormat, Speech
from narrate.engines.tone import voice
from narrate.engines.verified import Verified, speakable
from narrate.errors import EngineUnavailable
from narrate.script import Chunk, Voice
from tests.engines.peers import Scripted
from tests.speech_server import _mp3 as mp3
from tests.speech_server import tone, wav

TEXT = "It was a bright cold day in April, and the clocks were striking thirteen."
VOICE = Voice("tone", "sine", "mid")
SECONDS = 4.0
PCM = tone(int(24000 * SECONDS), 80, 8000)


class Answering(Scripted):
    def __init__(self, speech: Speech) -> None:
        super().__init__(speech)
        from dataclasses import replace

        self.traits = replace(self.traits, seconds_per_character=(0.02, 0.25), name="lmnt")


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
    quarter = wav(PCM[: 48 * 300], 24000)
    long = TEXT * 2
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
