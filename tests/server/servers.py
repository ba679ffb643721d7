"""``serving(...)``: the speech server as it is, on a port of 127.0.0.1, for as long as a test needs it."""

from __future__ import annotations

import contextlib
import hashlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import uvicorn

from narrate.audio import codec
from narrate.job import Job
from narrate.server.answers import Premises
from narrate.server.run import Serving, config, opened


@dataclass
class Served:
    """A server at work. ``lines`` are its access log, ``reports`` what it told its user."""

    premises: Premises
    lines: list[dict[str, Any]] = field(default_factory=list)
    reports: list[str] = field(default_factory=list)
    url: str = ""

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    @property
    def sessions_url(self) -> str:
        return f"ws{self.url.removeprefix('http')}/v1/ai/speech/stream"

    def line(self, response: httpx.Response) -> dict[str, Any]:
        """The line of the access log for ``response``; it is written a moment after the answer has been sent."""
        name = response.headers["request-id"]
        assert eventually(lambda: any(line["request_id"] == name for line in list(self.lines)))
        return next(line for line in self.lines if line["request_id"] == name)

    def metric(self, name: str) -> float:
        """The sum of what ``/metrics`` says by the sample name ``name``."""
        page = self.premises.metrics.page()[0].decode()
        told = [line for line in page.splitlines() if line.startswith((f"{name} ", f"{name}{{"))]
        return sum(float(line.rpartition(" ")[2]) for line in told)


def eventually(holds: Callable[[], bool], within: float = 10.0) -> bool:
    """Whether something comes to hold in time."""
    until = time.monotonic() + within
    while not (held := holds()) and time.monotonic() < until:
        time.sleep(0.002)
    return held


def decoded(audio: bytes, format: str, rate: int) -> tuple[codec.Samples, int]:
    """The samples of an answer and their rate; AudioError when they do not decode to the end."""
    if format == "pcm_f32le":
        return codec.to_int16(np.frombuffer(audio, "<f4")), rate
    return codec.decode(audio, "pcm_s16le" if format == "pcm" else format, rate)


def key_file(folder: Path, **keys: str) -> Path:
    """A file of keys: each by its name and its secret, behind which limits may stand: ``secret characters=9``."""
    lines = []
    for name, described in keys.items():
        secret, *limits = described.split()
        digest = hashlib.sha256(secret.encode()).hexdigest()
        lines += ["[[key]]", f'name = "{name}"', f'sha256 = "{digest}"', *limits]
    file = folder / "keys.toml"
    file.write_text("\n".join(lines), encoding="utf-8")
    return file


@contextlib.contextmanager
def serving(
    engine: str = "tone", *, settings: Mapping[str, str] | None = None, job: Job | None = None, **changes: Any
) -> Iterator[Served]:
    """Serve speech by ``engine``, or as ``job`` says; ``changes`` are fields of Serving. Users' voices are kept in
    memory unless a file is named.
    """
    lines: list[dict[str, Any]] = []
    reports: list[str] = []
    order = job or Job(Path("serve"), engine=engine, settings=tuple((settings or {}).items()))
    planned = Serving(order, **{"port": 0, "log": lines.append, **changes})
    with opened(planned, reports.append) as premises:
        server = uvicorn.Server(config(planned, premises))
        server.config.host, server.config.port = planned.host, planned.port
        thread = threading.Thread(target=server.run, name="server")
        thread.start()
        try:
            assert eventually(lambda: server.started or not thread.is_alive()) and server.started
            port = server.servers[0].sockets[0].getsockname()[1]
            yield Served(premises, lines, reports, f"http://{planned.host}:{port}")
        finally:
            server.should_exit = True
            thread.join()
