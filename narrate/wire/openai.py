"""OpenAI's speech endpoint as data, as many servers speak it: the request's fields, the formats, the voice list."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Literal

from narrate.wire.speech import Listed, described

SPEECH = "/v1/audio/speech"
VOICES = "/v1/audio/voices"
"""Not OpenAI's own, but of several servers that follow it."""

HOST = "api.openai.com"
MAX_CHARS = 4096

KNOWN_VOICES = ("alloy", "ash", "ballad", "coral", "echo", "fable", "nova", "onyx", "sage", "shimmer", "verse")

PRICES = {"tts-1": 15.0, "tts-1-hd": 30.0, "gpt-4o-mini-tts": 16.0}
"""US dollars per million characters. The last is billed by tokens: OpenAI's estimate of $0.015 a minute, at about
950 characters a minute."""

Answered = Literal["pcm_s16le", "wav", "flac", "mp3", "aac", "opus"]


@dataclass(frozen=True, slots=True)
class Format:
    """A value of ``response_format``; ``rate`` is 0 where the file itself says it and the server decides it."""

    answered: Answered
    content_type: str
    rate: int = 0


FORMATS: dict[str, Format] = {
    "wav": Format("wav", "audio/wav"),
    "mp3": Format("mp3", "audio/mpeg"),
    "flac": Format("flac", "audio/flac"),
    "opus": Format("opus", "audio/opus"),
    "aac": Format("aac", "audio/aac"),
    "pcm": Format("pcm_s16le", "audio/pcm", rate=24000),
}


def voice_list(answer: bytes) -> tuple[Listed, ...]:
    """The voices of ``{"voices": [...]}`` or a bare array; each a name, or an object with id or name."""
    message = json.loads(answer)
    entries = message.get("voices", message.get("data")) if isinstance(message, dict) else message
    if not isinstance(entries, list):
        raise ValueError("the voice list is not a list")  # noqa: TRY004 - it is the answer that is wrong, not a type
    return tuple(listed for entry in entries if (listed := _listed(entry)) is not None)


def _listed(entry: object) -> Listed | None:
    match entry:
        case str(name) if name:
            return Listed(name, "")
        case {"id": str(name)} | {"voice_id": str(name)} | {"name": str(name)} if isinstance(entry, dict):
            return Listed(name, described({**entry, "name": None if entry.get("name") == name else entry.get("name")}))
    return None
