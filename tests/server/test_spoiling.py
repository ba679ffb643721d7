"""What a plan does to sound: in every format that is answered, what comes out is still a file of that format."""

from __future__ import annotations

import base64
import json
from typing import Any

import numpy as np
import pytest

from narrate.audio import codec
from narrate.server.faults import Received
from narrate.server.spoiling import Asked, asked, instead, spoiled
from tests.speech_sound import ENCODERS, speech_of

TEXT = "The clock in the hall had stopped at noon, and nobody wound it up again."
LMNT = ("wav", "mp3", "pcm_s16le", "pcm_f32le", "ulaw", "webm", "aac")
OPENAI = ("wav", "mp3", "pcm", "flac", "opus", "aac")


def request(path: str, **fields: Any) -> Received:
    return Received("POST", path, {}, json.dumps(fields).encode())


def lmnt(name: str, path: str = "/v1/ai/speech/bytes") -> Received:
    return request(path, text=TEXT, format=name, sample_rate=24000)


def heard(audio: bytes, form: Asked) -> tuple[codec.Samples, int]:
    if form.kind == "pcm_f32le":
        return codec.to_int16(np.frombuffer(audio, "<f4")), form.rate
    return codec.decode(audio, form.kind, form.rate)


CASES = [
    *(pytest.param(lmnt(name), name, id=name) for name in LMNT),
    *(
        pytest.param(request("/v1/audio/speech", input=TEXT, response_format=name), name, id=f"openai {name}")
        for name in OPENAI
    ),
]


@pytest.mark.parametrize(("asking", "name"), CASES)
@pytest.mark.parametrize("share", [0.45, 10.0])
def test_it_sounds_for_another_time(asking: Received, name: str, share: float) -> None:
    audio, form = speech_of(1, TEXT, name, 24000), asked(asking)
    assert form is not None
    before, rate = heard(audio, form)
    after, same = heard(spoiled(audio, asking, {"share": share}), form)
    assert rate == same
    # MP3 and AAC carry a frame or two of silence beside the sound
    assert after.size / before.size == pytest.approx(share, rel=0.05)
    assert np.abs(after).max() > 1000


@pytest.mark.parametrize(("asking", "name"), CASES)
def test_it_is_silent_for_as_long(asking: Received, name: str) -> None:
    audio, form = speech_of(1, TEXT, name, 24000), asked(asking)
    assert form is not None
    before, _ = heard(audio, form)
    after, _ = heard(spoiled(audio, asking, {"amplitude": 0}), form)
    assert after.size == pytest.approx(before.size, rel=0.05)
    assert np.abs(after).max() <= 8


@pytest.mark.parametrize("name", ["wav", "mp3", "ulaw", "aac"])
def test_it_has_another_rate(name: str) -> None:
    asking = lmnt(name)
    form = asked(asking)
    assert form is not None
    audio = speech_of(1, TEXT, name, 24000)
    seconds = heard(audio, form)[0].size / 24000
    after, rate = heard(spoiled(audio, asking, {"other_rate": True}), form)
    assert rate == 16000
    assert after.size / rate == pytest.approx(seconds, rel=0.05)


def test_a_file_is_cut_off_in_the_middle() -> None:
    audio = speech_of(1, TEXT, "wav", 24000)
    assert spoiled(audio, lmnt("wav"), {"keep": 0.6}) == audio[: int(len(audio) * 0.6)]


def test_audio_in_json_is_changed_and_all_else_is_kept() -> None:
    audio = speech_of(1, TEXT, "wav", 24000)
    message = {"audio": base64.b64encode(audio).decode(), "timestamps": [{"text": "The", "start": 0, "duration": 1}]}
    answer = json.loads(spoiled(json.dumps(message).encode(), lmnt("wav", "/v1/ai/speech"), {"amplitude": 0}))
    assert answer["timestamps"] == message["timestamps"]
    samples, _ = codec.decode(base64.b64decode(answer["audio"]), "wav", 0)
    assert not samples.any()
    assert len(base64.b64decode(answer["audio"])) == len(audio)


@pytest.mark.parametrize(
    ("asking", "body"),
    [
        (lmnt("wav"), b'{"error": "no"}'),
        (lmnt("mp3", "/v1/ai/speech"), b"no JSON"),
        (lmnt("mp3", "/v1/ai/speech"), b'["a"]'),
        (lmnt("mp3", "/v1/ai/speech"), b'{"audio": 5}'),
        (lmnt("xyz"), b"abc"),
        (lmnt([]), b"abc"),  # type: ignore[arg-type]
        (request("/v1/ai/speech/bytes", text=TEXT, sample_rate="many"), b"abc"),
        (Received("POST", "/v1/ai/speech/bytes", {}, b"no JSON"), b"abc"),
    ],
)
def test_what_is_no_sound_stays_as_it_is(asking: Received, body: bytes) -> None:
    assert spoiled(body, asking, {"share": 0.5}) == body


def test_what_is_asked_for_has_defaults() -> None:
    assert asked(request("/v1/ai/speech/bytes", text=TEXT)) == Asked("mp3", 24000)
    assert asked(request("/v1/ai/speech/bytes", text=TEXT, format="ulaw")) == Asked("ulaw", 8000)
    assert asked(request("/v1/ai/speech", text=TEXT, format="wav", sample_rate=None)) == Asked("wav", 24000, True)
    assert asked(request("/v1/audio/speech", input=TEXT, response_format="pcm")) == Asked("pcm_s16le", 24000)


def test_another_text_is_asked_for_in_its_place() -> None:
    asking = request("/v1/ai/speech/bytes", text=TEXT, voice="leah")
    assert instead(asking, "Grüße.").fields == {"text": "Grüße.", "voice": "leah"}
    assert instead(request("/v1/audio/speech", input=TEXT), "Noon.").fields == {"input": "Noon."}
    for unreadable in (b"no JSON", b"[]", b'{"text": 5}', b"[" * 100_000):
        assert instead(Received("POST", "/v1/ai/speech", {}, unreadable), "Noon.").body == unreadable


def test_every_format_of_the_test_server_is_covered() -> None:
    assert {*LMNT, *OPENAI} == set(ENCODERS)
