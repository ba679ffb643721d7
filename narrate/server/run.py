"""The server as a process: opened with everything it needs, listening, and ended in good order.

The first SIGTERM or Ctrl-C: nothing new is taken, what is being spoken is spoken to its end, for ``drain_s`` at the
most. The second one ends at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

import uvicorn

from narrate.booth import Booth
from narrate.errors import JobError, NarrateError
from narrate.job import Job
from narrate.server.answers import Bounds, Premises
from narrate.server.app import build
from narrate.server.connections import protocols
from narrate.server.faults import Faults
from narrate.server.keys import Keys
from narrate.server.metrics import Metrics
from narrate.server.rehearsal import Rehearsal
from narrate.server.stage import Stage
from narrate.server.voices import Voices
from narrate.studio import Report, list_voices
from narrate.wire.address import is_loopback

LONGEST_MESSAGE = 1 << 20
"""Bytes of a session's message: the clients' own limit is the same."""


@dataclass(frozen=True, slots=True)
class Serving:
    """What a server is to be. ``keep``: speech goes through the store. ``log`` gets a dictionary for each request."""

    job: Job
    host: str = "127.0.0.1"
    port: int = 8080
    keep: bool = False
    keys: Path | None = None
    voices: Path | None = None
    aliases: tuple[tuple[str, str], ...] = ()
    origins: tuple[str, ...] = ()
    faults: Faults | None = None
    certificate: Path | None = None
    private_key: Path | None = None
    bounds: Bounds = field(default_factory=Bounds)
    log: Callable[[dict[str, Any]], None] = lambda line: None


def serve(serving: Serving, listening: Callable[[str], None], report: Report) -> signal.Signals | None:
    """Serve until a signal comes, and return it. ``listening`` is told the address once requests are taken.

    Raises JobError for settings that cannot be, NarrateError when the address is taken.
    """
    if serving.keys is None and not is_loopback(serving.host):
        raise JobError(
            f"--host {serving.host}: others can reach this address, so keys are needed: see --new-key and --keys"
        )
    sock = _bound(serving.host, serving.port)
    with contextlib.closing(sock):
        host = f"[{serving.host}]" if ":" in serving.host else serving.host
        scheme = "https" if serving.certificate else "http"
        address = f"{scheme}://{host}:{sock.getsockname()[1]}"
        with opened(serving, report) as premises:
            server = _Server(serving, premises, lambda: listening(address))
            _quiet_uvicorn()
            asyncio.run(server.serve(sockets=[sock]))
            return server.ended_by


@contextlib.contextmanager
def opened(serving: Serving, report: Report) -> Iterator[Premises]:
    """Everything a server needs, ready for use, and closed in the end."""
    with contextlib.ExitStack() as stack:
        booth = Booth(serving.job, report, keep=serving.keep, title="served speech")
        stack.callback(booth.close)
        engine = booth.traits.name
        listed = list_voices(engine)
        if engine == "kokoro":
            listed += tuple(info for info in list_voices("espeak") if not info.language.startswith("en"))
        metrics = Metrics()
        keys = Keys(serving.keys, report)
        stack.callback(keys.close)
        voices = Voices(listed, serving.voices, dict(serving.aliases))
        stage = Stage(booth, metrics, most=serving.bounds.requests)
        stack.callback(stage.close)
        threading.Thread(target=booth.warm, daemon=True, name="warm").start()
        yield Premises(engine, stage, voices, keys, metrics, serving.bounds, serving.log)


def config(serving: Serving, premises: Premises) -> uvicorn.Config:
    """uvicorn's settings for this server."""
    names = {"localhost", "127.0.0.1", "[::1]", serving.host.lower(), f"[{serving.host.lower()}]"}
    app = build(premises, hosts=names if is_loopback(serving.host) else (), origins=serving.origins)
    if serving.faults is not None:
        app = Rehearsal(app, serving.faults, told=premises.metrics.fault)
    return uvicorn.Config(
        app,
        **protocols(),  # type: ignore[arg-type]
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        ws_max_size=LONGEST_MESSAGE,
        ws_per_message_deflate=False,
        ws_ping_interval=20.0,
        ws_ping_timeout=20.0,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=1,
        backlog=2048,
        proxy_headers=False,
        ssl_certfile=serving.certificate,
        ssl_keyfile=serving.private_key,
    )


class _Server(uvicorn.Server):
    """uvicorn's, which at a signal would close sessions at once: this one lets them finish first."""

    def __init__(self, serving: Serving, premises: Premises, listening: Callable[[], None]) -> None:
        super().__init__(config(serving, premises))
        self._premises = premises
        self._drain_s = serving.bounds.drain_s
        self._listening = listening
        self._draining: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self.ended_by: signal.Signals | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, and say so."""
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)
        if self.started:
            self._listening()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals end the server; they are not raised again, since whoever called is told."""
        signals = (signal.SIGINT, signal.SIGTERM)
        before = {number: signal.signal(number, self.handle_exit) for number in signals}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """The first signal drains, the second ends."""
        if self.ended_by is not None or self._loop is None:
            self.should_exit = self.force_exit = True
            return
        self.ended_by = signal.Signals(sig)
        self._loop.call_soon_threadsafe(self._begin_to_drain)

    def _begin_to_drain(self) -> None:
        self._premises.leaving.set()
        self._draining = asyncio.ensure_future(self._drain())

    async def _drain(self) -> None:
        """Wait until nobody is being answered any more."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._drain_s):
                while self.server_state.tasks:
                    await asyncio.sleep(0.05)
        self.should_exit = True


def _bound(host: str, port: int) -> socket.socket:
    """A socket at the address; NarrateError when it cannot be had."""
    try:
        family, kind, number, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        sock = socket.socket(family, kind, number)
    except OSError as error:
        raise JobError(f"--host {host}: is no address of this machine ({error.strerror or error})") from error
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(address)
    except OSError as error:
        sock.close()
        raise NarrateError(f"{host}:{port}: cannot listen there ({error.strerror}); choose another --port") from error
    return sock


def _quiet_uvicorn() -> None:
    """What it would say is in the access log already, or of no use to users."""
    for name in ("uvicorn.error", "uvicorn.access", "uvicorn.asgi"):
        logger = logging.getLogger(name)
        logger.handlers = [logging.NullHandler()]
        logger.propagate = False
