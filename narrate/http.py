"""Requests to a speech server: one httpx.Client per engine, and everything that can go wrong as one of our failures.

httpx's door. A request ends, whatever the server does: by its answer, by a named deadline (connect, first byte and
between bytes, in all), by a limit in bytes, or by ``close``, which cuts off what is in flight. Keys travel in headers,
never in an address; they do not go over plain http to another machine, nor through a redirect, nor into a message.
"""

from __future__ import annotations

import ipaddress
import socket
import ssl
import threading
import time
import weakref
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, urlsplit

from narrate import __version__
from narrate.bounds import Deadlines
from narrate.errors import EngineClosed, EngineError, EngineUnavailable, Interrupted, JobError
from narrate.wire.failures import failure, is_error, redacted

if TYPE_CHECKING:
    import httpx

DEADLINES = Deadlines()
"""What holds when a job says nothing."""
LIMIT = 200_000_000
"""Bytes of one answer: more than an hour of WAV at 24 kHz, far beyond what one chunk can sound."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A complete answer. Header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Address:
    """A server's address, checked. ``url`` has no trailing slash; ``variable`` is where the user gave it."""

    url: str
    host: str
    loopback: bool
    plain: bool
    variable: str

    @property
    def server(self) -> str:
        """The server's name in a voice: host, port and path.

        A loopback address is "localhost" without a port, since a local server that was started anew speaks as before.
        """
        parts = urlsplit(self.url)
        return ("localhost" if self.loopback else parts.netloc.lower()) + parts.path


def address(env: Mapping[str, str], variable: str, default: str) -> Address:
    """The address in ``variable``, or ``default``; a path in it is kept. JobError when it is not one."""
    text = env.get(variable, "").strip() or default
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        parts, host = SplitResult("", "", "", "", ""), ""
    if parts.scheme not in ("http", "https") or not host or any(sign.isspace() for sign in text):
        raise JobError(f"{variable} must be an http or https address, such as http://localhost:8880")
    if parts.username is not None or parts.query or parts.fragment:
        raise JobError(f"{variable} must be an address alone: no password, query or fragment in it")
    url = f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"
    return Address(url, host, is_loopback(host), parts.scheme == "http", variable)


def is_loopback(host: str) -> bool:
    """Whether ``host`` is this machine by its name alone; nothing is looked up."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    with suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return False


def key(env: Mapping[str, str], variable: str, engine: str) -> str:
    """The key in ``variable``, or in the file that ``<variable>_FILE`` names; "" when neither is set.

    EngineClosed when the file cannot be read or the key cannot stand in a header. The path is not repeated: some put
    the key itself there.
    """
    found = env.get(variable, "").strip()
    file = env.get(f"{variable}_FILE", "").strip()
    if not found and file:
        try:
            found = Path(file).expanduser().read_text(encoding="utf-8").strip()
        except (OSError, ValueError, RuntimeError) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else "it is not a text file"
            raise EngineClosed(
                f"{engine}: the file named in {variable}_FILE cannot be read: {reason.lower()}", engine=engine
            ) from None
        if not found:
            raise EngineClosed(f"{engine}: the file named in {variable}_FILE is empty", engine=engine)
    if not (found.isascii() and found.isprintable()) or " " in found:
        raise EngineClosed(f"{engine}: the key in {variable} holds blanks or signs that no key has", engine=engine)
    return found


class Client:
    """Requests to one server, from any number of threads.

    ``headers`` go with every request; ``secrets`` are the keys among them. ``connections`` are kept alive between
    requests. ``deadlines`` and ``limit`` (bytes) bound each answer.
    """

    def __init__(
        self,
        where: Address,
        *,
        engine: str,
        headers: Mapping[str, str] | None = None,
        secrets: tuple[str, ...] = (),
        connections: int = 8,
        deadlines: Deadlines = DEADLINES,
        limit: int = LIMIT,
        allow_http: bool = False,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        if secrets and where.plain and not where.loopback and not allow_http:
            raise EngineClosed(
                f"{engine}: the key would travel unencrypted to {where.host}; use https in {where.variable}, "
                "or set NARRATE_ALLOW_HTTP=1 if that network is yours",
                engine=engine,
            )
        import httpx

        self.where = where
        self.engine = engine
        self.secrets = secrets
        self.deadlines = deadlines
        self._limit = limit
        self._sockets: weakref.WeakSet[socket.socket] = weakref.WeakSet()
        self._closed = False
        self._in_flight = 0
        self._changed = threading.Condition()
        self._mine = threading.local()
        host = f"[{where.host}]" if ":" in where.host else where.host
        self._client = httpx.Client(
            headers={"User-Agent": f"narrate/{__version__}", "Accept-Encoding": "identity", **(headers or {})},
            follow_redirects=False,
            # where TLS never comes in, loading all authorities (20 ms) is spared
            verify=not (where.plain and where.loopback),
            limits=httpx.Limits(max_connections=max(connections, 1) + 8, max_keepalive_connections=max(connections, 1)),
            # a proxy has no way to a server on this machine, and must not see its key
            mounts={f"all://{host}": None} if where.loopback else None,
            transport=transport,
        )

    def post(self, path: str, body: bytes, headers: Mapping[str, str], *, first_byte_s: float | None = None) -> Answer:
        """Send ``body``; EngineUnavailable when no complete answer came, whatever its status."""
        return self._request("POST", path, body, headers, first_byte_s or self.deadlines.first_byte)

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> Answer:
        """Ask for ``path``."""
        return self._request("GET", path, None, headers or {}, self.deadlines.first_byte)

    def check(self, answer: Answer) -> None:
        """Raise what ``answer`` amounts to when it is anything but a success, also an error told with status 200."""
        if answer.status != 200 or is_error(answer.body):
            raise failure(
                answer.status, answer.headers, answer.body, self.engine, now=time.time(), secrets=self.secrets
            )

    def close(self, grace: float = 1.0) -> None:
        """Cut off what is in flight, from any thread; those requests end with Interrupted.

        Closing a socket does not wake a thread that waits for it; shutting it down does.
        """
        with self._changed:
            self._closed = True
            for each in list(self._sockets):
                _shut(each)
            self._changed.wait_for(lambda: self._in_flight == 0, timeout=grace)
        self._client.close()

    def _request(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str], first_byte_s: float
    ) -> Answer:
        import httpx

        with self._changed:
            if self._closed:
                raise Interrupted(f"{self.engine}: stopped")
            self._in_flight += 1
        self._mine.deadline = time.monotonic() + self.deadlines.total
        try:
            return self._exchange(
                method, path, body, headers, httpx.Timeout(first_byte_s, connect=self.deadlines.connect)
            )
        except EngineError:
            raise
        except Exception as error:
            # a socket that is shut under a thread may fail in any way
            if self._closed:
                raise Interrupted(f"{self.engine}: stopped") from None
            if isinstance(error, httpx.HTTPError):
                # no cause: httpx's own error holds the request, and that holds the key
                raise self._failed(error, first_byte_s) from None
            raise
        finally:
            with self._changed:
                self._in_flight -= 1
                self._changed.notify_all()

    def _exchange(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str], timeout: httpx.Timeout
    ) -> Answer:
        with self._client.stream(
            method,
            self.where.url + path,
            content=body,
            headers=dict(headers),
            timeout=timeout,
            extensions={"trace": self._trace},
        ) as response:
            if response.is_redirect:
                raise EngineClosed(
                    f"{self.engine}: {self.where.host} answered {response.status_code}, a redirect, which is not "
                    f"followed because it would carry the key along; set {self.where.variable} to the final address",
                    engine=self.engine,
                )
            return Answer(response.status_code, dict(response.headers), self._body(response))

    def _body(self, response: httpx.Response) -> bytes:
        pieces: list[bytes] = []
        size = 0
        for piece in response.iter_bytes():
            pieces.append(piece)
            size += len(piece)
            if size > self._limit:
                raise self._unavailable(f"sent more than {self._limit // 1_000_000} MB for one text")
            if time.monotonic() > self._mine.deadline:
                raise self._unavailable(self._late())
        promised = response.headers.get("content-length", "")
        if promised.isdecimal() and response.num_bytes_downloaded != int(promised):
            raise self._unavailable(f"broke off: {response.num_bytes_downloaded} of {promised} bytes came")
        return b"".join(pieces)

    def _trace(self, event: str, info: Mapping[str, Any]) -> None:
        """Called by httpcore at every step of a request; here for every new connection, in clear and in TLS."""
        if not event.endswith(("connect_tcp.complete", "start_tls.complete")):
            return
        stream = info["return_value"]
        # httpcore bounds each read alone; this bounds all of them together, those of the headers too
        stream.read = _bounded(stream.read, self._mine)
        with self._changed:
            self._sockets.add(stream.get_extra_info("socket"))
            if self._closed:
                _shut(stream.get_extra_info("socket"))

    def _failed(self, error: httpx.HTTPError, first_byte_s: float) -> EngineError:
        import httpx

        overdue = time.monotonic() >= self._mine.deadline
        sentences: tuple[tuple[type[Exception], str], ...] = (
            (httpx.ConnectTimeout, f"did not take a connection within {self.deadlines.connect:g} s"),
            (httpx.ReadTimeout, self._late() if overdue else f"sent nothing for {first_byte_s:g} s"),
            (httpx.WriteTimeout, f"took nothing for {first_byte_s:g} s"),
            (httpx.PoolTimeout, f"had no connection free for {first_byte_s:g} s"),
            (httpx.ConnectError, f"cannot be reached: {error}"),
            (httpx.ProxyError, f"cannot be reached through the proxy: {error}"),
            (httpx.TransportError, f"broke off: {error}"),
        )
        sentence = next((text for kind, text in sentences if isinstance(error, kind)), f"answered nonsense: {error}")
        if isinstance(error, httpx.LocalProtocolError | httpx.UnsupportedProtocol):  # our own request is at fault
            return EngineClosed(f"{self.engine}: {self.where.host} cannot be asked: bad request", engine=self.engine)
        if _untrusted(error):
            return EngineClosed(
                f"{self.engine}: the certificate of {self.where.host} is not trusted here; "
                "name your authority's file in SSL_CERT_FILE",
                engine=self.engine,
            )
        return self._unavailable(sentence)

    def _late(self) -> str:
        return f"did not complete its answer within {self.deadlines.total:g} s"

    def _unavailable(self, sentence: str) -> EngineUnavailable:
        text = redacted(f"{self.engine}: {self.where.host} {sentence.strip()}".rstrip(":. "), self.secrets)
        return EngineUnavailable(text, engine=self.engine)


def _bounded(read: Callable[..., bytes], mine: threading.local) -> Callable[..., bytes]:
    """``read`` with its timeout cut to what is left of the asking thread's deadline."""

    def bounded(max_bytes: int, timeout: float | None = None) -> bytes:
        left = max(0.001, getattr(mine, "deadline", float("inf")) - time.monotonic())
        return read(max_bytes, left if timeout is None else min(timeout, left))

    return bounded


def _shut(each: socket.socket) -> None:
    with suppress(OSError):
        # the plain socket's method: the TLS one drops its state while another thread may be using it
        socket.socket.shutdown(each, socket.SHUT_RDWR)


def _untrusted(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return True
        error = error.__cause__ or error.__context__
    return False
