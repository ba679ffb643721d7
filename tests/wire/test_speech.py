from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from narrate.audiobook import Word
from narrate.wire import speech


def test_a_body_is_compact_utf8_with_only_what_is_given() -> None:
    fields = {"text": 'Grüße, "Welt" — café.', "voice": "leah", "language": None, "sample_rate": 16000, "top_p": 0.8}
    assert speech.body(fields) == (
        '{"text":"Grüße, \\"Welt\\" — café.","voice":"leah","sample_rate":16000,"top_p":0.8}'.encode()
    )


@given(st.text())
def test_any_text_survives_the_body(text: str) -> None:
    assert json.loads(speech.body({"text": text}))["text"] == text


def test_lone_surrogates_become_replacement_characters() -> None:
    assert json.loads(speech.body({"text": "a\ud800b\U0001f600"}))["text"] == "a\ufffdb\U0001f600"


def answer(**fields: object) -> bytes:
    return json.dumps({"audio": base64.b64encode(b"sound").decode(), **fields}).encode()


ENTRIES = [
    {"text": "", "start": 0.0, "duration": 0.1},
    {"text": "Hello", "start": 0.1, "duration": 0.335},
    {"text": ",", "start": 0.435, "duration": 0.15},
    {"text": " ", "start": 0.585, "duration": 0.03},
    {"text": "world", "start": 0.615, "duration": 0.5},
]


@pytest.mark.parametrize("name", ["timestamps", "durations"])
def test_a_detailed_answer_gives_audio_and_words_in_milliseconds(name: str) -> None:
    assert speech.detailed(answer(**{name: ENTRIES})) == (
        b"sound",
        (Word("Hello", 100, 435), Word("world", 615, 1115)),
    )


@pytest.mark.parametrize(
    "entries",
    [
        None,
        "none",
        [{"text": "Hello"}],
        [{"text": "Hello", "start": "0", "duration": 1}],
        [{"text": "Hello", "start": float("nan"), "duration": 1}],
        [{"text": "Hello", "start": -1, "duration": 1}],
        [{"text": "Hello", "start": 1e308, "duration": 1}],
        [{"text": "Hello", "start": 10**400, "duration": 1}],
        [{"text": "b", "start": 1, "duration": 1}, {"text": "a", "start": 0, "duration": 1}],
        [7],
    ],
)
def test_times_that_make_no_sense_cost_the_times_only(entries: object) -> None:
    assert speech.detailed(answer(timestamps=entries)) == (b"sound", ())


@pytest.mark.parametrize(
    "body", [b"", b"RIFF", b"[]", b"7", b"{}", b'{"audio": 7}', b'{"audio": ""}', b'{"audio": "not base64!"}', b'{"au']
)
def test_a_detailed_answer_without_audio_is_an_error(body: bytes) -> None:
    with pytest.raises(ValueError, match="answer"):
        speech.detailed(body)


def test_the_voice_list_holds_what_can_speak() -> None:
    body = [
        {"id": "leah", "name": "Leah", "gender": "female", "state": "ready", "description": "warm\nand clear"},
        {"id": "mine", "name": "Mine", "state": "training"},
        {"id": "old", "name": "Old", "gender": None},
        {"name": "no id"},
        "text",
    ]
    assert speech.voice_list(json.dumps(body).encode()) == (
        speech.Listed("leah", "Leah, female, warm and clear"),
        speech.Listed("old", "Old"),
    )
    with pytest.raises(ValueError, match="not a list"):
        speech.voice_list(b'{"voices": []}')


@pytest.mark.parametrize(
    ("tag", "primary"),
    [("zh-CN", "zh"), ("en_GB", "en"), ("PT-br", "pt"), ("", ""), ("und", ""), ("auto", ""), (" fr ", "fr")],
)
def test_languages_are_asked_for_by_primary_subtag(tag: str, primary: str) -> None:
    assert speech.subtag(tag) == primary


def test_there_are_31_languages_and_seven_formats() -> None:
    assert len(speech.LANGUAGES) == 31
    assert set(speech.FORMATS) == {"mp3", "webm", "ulaw", "pcm_s16le", "pcm_f32le", "wav", "aac"}
    assert {name for name, form in speech.FORMATS.items() if not form.streamed} == {"wav", "aac"}
    assert speech.FORMATS["ulaw"].rate == 8000
