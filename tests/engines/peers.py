"""What the tests of hosted engines share: environments, a clock that only sleeping moves, a scripted engine."""

from __future__ import annotations

from typing import Any

from narrate.engines import Speech
from narrate.engines.retrying import Retrying
from narrate.engines.tone import Tone
from narrate.errors import EngineUnavailable
from narrate.script import Chunk, Voice
from tests.speech_server import KEY, SpeechServer

TEXT = "The quick brown fox jumps over the lazy dog."


def chunk(voice: Voice, text: str = TEXT) -> Chunk:
    return Chunk(text, voice, 0)


def lmnt_env(server: SpeechServer) -> dict[str, str]:
    return {"LMNT_API_KEY": KEY, "LMNT_BASE_URL": server.url}


def openai_env(server: SpeechServer) -> dict[str, str]:
    return {"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": server.url}


class Time:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    def clock(self) -> float:
        return self.now


def patient(engine: Any, time: Time, **options: Any) -> Retrying:
    """A Retrying that waits in ``time`` and draws the middle of every window."""
    return Retrying(engine, **{"sleep": time.sleep, "random": lambda: 0.5, **options})


class Scripted:
    """An engine that raises or returns what it is given, in turn; then it speaks silence."""

    def __init__(self, *outcomes: Any) -> None:
        self.traits = Tone().traits
        self.outcomes = list(outcomes)
        self.asked = 0

    def speak(self, chunk: Chunk) -> Any:
        self.asked += 1
        outcome = self.outcomes.pop(0) if self.outcomes else Speech(b"\0\0", "pcm_s16le", 24000)
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome


def unavailable(message: str = "the server is busy", **more: Any) -> EngineUnavailable:
    return EngineUnavailable(message, engine="tone", **more)
