"""The server as a process: opened with everything it needs, listening, and ended in good order.

The first SIGTERM, SIGHUP or Ctrl-C: nothing new is taken, what is being spoken is spoken to its end and sent, for
``drain_s`` at the most. The second one ends at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import signal
import socket
import ssl
import threading
import time
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

LONGEST_MESSAGE = 2 << 20
"""Bytes of a session's message. A session may have half as many, and says so; beyond this it is not even read."""
ECHO_S = 0.3
"""Seconds in which a second signal is the same one, passed on by whoever started us."""
FORGETS_S = 10.0
"""Seconds after which a hosted engine that was given up is tried again."""
SPARE_FILES = 256
"""Open files beside the connections: the store, the engine, and connections that are turned away."""


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


@dataclass(frozen=True, slots=True)
class Ended:
    """Which signal ended a server, and whether everything that was being spoken then was spoken."""

    by: signal.Signals
    whole: bool


def serve(serving: Serving, listening: Callable[[str], None], report: Report) -> Ended:
    """Serve until a signal comes. ``listening`` is told the address once requests are taken.

    Raises JobError for settings that cannot be, NarrateError when the address is taken.
    """
    if serving.keys is None and not is_loopback(serving.host):
        raise JobError(
            f"--host {serving.host}: others can reach this address, so keys are needed: see --new-key and --keys"
        )
    _check_certificate(serving)
    sock = _bound(serving.host, serving.port)
    with contextlib.closing(sock):
        _have_files(serving.bounds.requests + serving.bounds.sessions + SPARE_FILES)
        host = f"[{serving.host}]" if ":" in serving.host else serving.host
        scheme = "https" if serving.certificate else "http"
        address = f"{scheme}://{host}:{sock.getsockname()[1]}"
        with opened(serving, report) as premises:
            server = _Server(serving, premises, lambda: listening(address))
            _quiet_uvicorn()
            asyncio.run(server.serve(sockets=[sock]))
            return server.ended()


@contextlib.contextmanager
def opened(serving: Serving, report: Report) -> Iterator[Premises]:
    """Everything a server needs, ready for use, and closed in the end."""
    with contextlib.ExitStack() as stack:
        booth = Booth(serving.job, report, keep=serving.keep, title="served speech", forgets=FORGETS_S)
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
        **protocols(stall_s=serving.bounds.stall_s),  # type: ignore[arg-type]
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        ws_max_size=LONGEST_MESSAGE,
        ws_per_message_deflate=False,
        ws_ping_interval=20.0,  # so that what lies between keeps the connection; see connections.py for the rest
        ws_ping_timeout=None,
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
        self._ended_by: signal.Signals | None = None
        self._signalled_at = 0.0
        self._whole = False

    def ended(self) -> Ended:
        """How it ended. That it is by a signal, nothing else ends it."""
        return Ended(self._ended_by or signal.SIGTERM, self._whole)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, and say so."""
        self._loop = asyncio.get_running_loop()
        self._loop.set_exception_handler(self._note_trouble)
        await super().startup(sockets)
        if self._ended_by is not None:
            self._begin_to_drain()
        elif self.started:
            self._listening()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals end the server; they are not raised again, since whoever called is told. What whoever started us
        has turned off stays so (``nohup``, a shell's ``&``).
        """
        signals = [signal.SIGINT, signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else [])]
        heard = [number for number in signals if signal.getsignal(number) is not signal.SIG_IGN]
        before = {number: signal.signal(number, self.handle_exit) for number in heard}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """The first signal drains, the second ends."""
        if self._ended_by is not None:
            self.should_exit = self.force_exit = self.force_exit or time.monotonic() - self._signalled_at > ECHO_S
            return
        self._ended_by, self._signalled_at = signal.Signals(sig), time.monotonic()
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._begin_to_drain)

    def _begin_to_drain(self) -> None:
        if self._draining is None:
            self._premises.leaving.set()
            self._draining = asyncio.ensure_future(self._drain())

    async def _drain(self) -> None:
        """Wait until nobody is being answered any more, and everybody has been sent everything."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._drain_s):
                while self.server_state.tasks or any(map(_unsent, self.server_state.connections)):
                    await asyncio.sleep(0.02)
                self._whole = True
        self.should_exit = True

    def _note_trouble(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """What goes wrong where nobody can be told: in the log, without its words, which may hold a text."""
        error = context.get("exception")
        if not isinstance(error, ConnectionError | TimeoutError | ssl.SSLError):  # clients that break off
            kind = type(error).__name__ if error else ""
            self._premises.log({"event": "trouble", "error": kind, "detail": str(context.get("message", ""))[:100]})


def _unsent(connection: Any) -> bool:
    return bool(connection.transport.get_write_buffer_size())


def _check_certificate(serving: Serving) -> None:
    """JobError for one that cannot be used, before anything is opened."""
    if serving.certificate is None or serving.private_key is None:
        return
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:  # a password is never asked for: nobody may be there to type it
        context.load_cert_chain(serving.certificate, serving.private_key, password="")
    except OSError as error:  # ssl.SSLError among them
        missing = next((path for path in (serving.certificate, serving.private_key) if not path.is_file()), None)
        if missing:
            raise JobError(f"{missing}: there is no such file; --tls-cert and --tls-key name PEM files") from error
        why = "they are no pair of PEM files, or the key has a password"
        raise JobError(f"--tls-cert {serving.certificate}, --tls-key {serving.private_key}: {why}") from error


def _have_files(wanted: int) -> None:
    """Be allowed so many open files, as far as the system lets us: each connection is one."""
    try:
        import resource
    except ImportError:  # not on this system
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def _bound(host: str, port: int) -> socket.socket:
    """A socket at the address. JobError for an address that is not this machine's, NarrateError for a port that cannot
    be had.
    """
    try:
        family, kind, number, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        sock = socket.socket(family, kind, number)
    except (OSError, UnicodeError) as error:  # UnicodeError: a name that cannot be looked up
        raise JobError(f"--host {host}: is no address; 127.0.0.1 is this machine, 0.0.0.0 all its networks") from error
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(address)
    except OSError as error:
        sock.close()
        if error.errno == errno.EADDRNOTAVAIL:
            raise JobError(f"--host {host}: is no address of this machine; 0.0.0.0 is all it has") from error
        why = "is taken by another program" if error.errno == errno.EADDRINUSE else f"cannot be had ({error.strerror})"
        raise NarrateError(f"port {port} of {host} {why}; choose another --port, or 0 for any") from error
    return sock


def _quiet_uvicorn() -> None:
    """What it would say is in the access log already, or of no use to users."""
    for name in ("uvicorn.error", "uvicorn.access", "uvicorn.asgi", "python_multipart"):
        logger = logging.getLogger(name)
        logger.handlers = [logging.NullHandler()]
        logger.propagate = False
