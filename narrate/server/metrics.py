"""What the server counts, for ``/metrics``: prometheus_client's one door. No texts, no keys, no addresses."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from narrate.booth import Take

_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0)


class Metrics:
    """One registry for one server. Safe to use from threads."""

    def __init__(self) -> None:
        from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

        self._registry = registry = CollectorRegistry()
        self.requests = Counter(
            "narrate_requests", "HTTP requests by path and status.", ("path", "status"), registry=registry
        )
        self.in_flight = Gauge("narrate_requests_in_flight", "HTTP requests being answered.", registry=registry)
        self.sessions = Gauge("narrate_sessions_open", "Speech sessions that are open.", registry=registry)
        self.ended = Counter("narrate_sessions", "Speech sessions by how they ended.", ("end",), registry=registry)
        self.first_byte = Histogram(
            "narrate_first_byte_seconds",
            "From a request, or the text of a turn, to the first sound sent.",
            ("path",),
            buckets=_SECONDS,
            registry=registry,
        )
        self._characters = Counter("narrate_characters", "Characters spoken.", registry=registry)
        self._left_out = Counter("narrate_characters_left_out", "Letters no voice could read.", registry=registry)
        self._audio = Counter("narrate_audio_seconds", "Seconds of sound made.", registry=registry)
        self._takes = Counter("narrate_chunks", "Chunks by where they came from.", ("source",), registry=registry)
        self._waiting = Gauge("narrate_chunks_waiting", "Chunks being spoken or waiting to be.", registry=registry)
        self._faults = Counter("narrate_faults", "Faults given on purpose, by kind.", ("kind",), registry=registry)

    def took(self, take: Take, characters: int) -> None:
        """A chunk was spoken, or found in the store."""
        self._characters.inc(characters)
        self._audio.inc(len(take.samples) / take.rate)
        self._takes.labels("engine" if take.bought else "store").inc()

    def left_out(self, letters: int) -> None:
        """Letters and digits of a text were not spoken."""
        self._left_out.inc(max(0, letters))

    def fault(self, kind: str) -> None:
        """A fault was given, as the plan of a rehearsal says."""
        self._faults.labels(kind).inc()

    @contextmanager
    def queued(self) -> Iterator[None]:
        """Something waits to be spoken, or is."""
        self._waiting.inc()
        try:
            yield
        finally:
            self._waiting.dec()

    def page(self) -> tuple[bytes, str]:
        """Everything, as Prometheus reads it, and its content type."""
        from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

        return generate_latest(self._registry), CONTENT_TYPE_LATEST
