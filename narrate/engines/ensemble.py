"""ENGINE of engines: each chunk goes to the one that its voice names."""

from __future__ import annotations

from collections.abc import Mapping

from narrate.engines import Engine, Speech, Traits
from narrate.errors import EngineRefused
from narrate.script import Chunk


class Ensemble:
    """An Engine. ``leader`` is the name of the one whose traits are shown; the others are guests."""

    def __init__(self, engines: Mapping[str, Engine], leader: str) -> None:
        self._engines = engines
        self._leader = leader

    @property
    def traits(self) -> Traits:
        """The leader's."""
        return self._engines[self._leader].traits

    def speak(self, chunk: Chunk) -> Speech:
        """What the engine of the chunk's voice answers."""
        engine = self._engines.get(chunk.voice.engine)
        if engine is None:
            raise EngineRefused(f"no engine here is called {chunk.voice.engine!r}", engine=self._leader)
        return engine.speak(chunk)
