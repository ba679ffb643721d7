from __future__ import annotations

import pytest

from narrate.errors import JobError
from narrate.settings import Check, number, one_of, settled, whole, words

TABLE: dict[str, Check] = {
    "temperature": number(0, 5),
    "format": one_of("wav", "ulaw"),
    "rate": whole(1, 99),
    "instructions": words(10),
}


def test_values_become_canonical() -> None:
    given = {"temperature": "0.70", "format": " wav ", "rate": "007", "instructions": "slowly"}
    assert settled("x", given, TABLE) == {
        "temperature": "0.7",
        "format": "wav",
        "rate": "7",
        "instructions": "slowly",
    }
    assert settled("x", {"temperature": "1.0"}, TABLE) == settled("x", {"temperature": "1"}, TABLE)


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("temprature", "1", "x: unknown setting 'temprature'; did you mean 'temperature'?"),
        ("zzz", "1", "x: unknown setting 'zzz'; known are format, instructions, rate, temperature"),
        ("temperature", "hot", "x: setting 'temperature' must be a number from 0 to 5, not 'hot'"),
        ("temperature", "nan", "x: setting 'temperature' must be a number from 0 to 5, not 'nan'"),
        ("temperature", "6", "x: setting 'temperature' must be a number from 0 to 5, not '6'"),
        ("format", "mulaw", "x: setting 'format' must be one of wav, ulaw (perhaps 'ulaw'), not 'mulaw'"),
        ("rate", "1.5", "x: setting 'rate' must be a whole number from 1 to 99, not '1.5'"),
        ("rate", "100", "x: setting 'rate' must be a whole number from 1 to 99, not '100'"),
        ("rate", "9" * 5000, "x: setting 'rate' must be a whole number from 1 to 99"),
        ("instructions", "", "x: setting 'instructions' must be a text of 1 to 10 characters, not ''"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(name: str, value: str, sentence: str) -> None:
    with pytest.raises(JobError) as caught:
        settled("x", {name: value}, TABLE)
    assert str(caught.value).startswith(sentence)
