from __future__ import annotations

import pytest

from narrate.wire import openai
from narrate.wire.speech import Listed


@pytest.mark.parametrize(
    ("body", "voices"),
    [
        (b'{"voices": ["af_bella", "am_adam"]}', (Listed("af_bella", ""), Listed("am_adam", ""))),
        (b'["alloy", ""]', (Listed("alloy", ""),)),
        (b'{"voices": [{"id": "af", "name": "Bella", "gender": "female"}]}', (Listed("af", "Bella, female"),)),
        (b'{"data": [{"voice_id": "x1"}, {"name": "nova"}, 7]}', (Listed("x1", ""), Listed("nova", ""))),
    ],
)
def test_voice_lists_of_many_shapes(body: bytes, voices: tuple[Listed, ...]) -> None:
    assert openai.voice_list(body) == voices


@pytest.mark.parametrize("body", [b"{}", b"7", b"<html>", b'{"voices": "alloy"}'])
def test_what_is_no_voice_list(body: bytes) -> None:
    with pytest.raises(ValueError):
        openai.voice_list(body)
