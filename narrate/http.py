"""Requests to a speech server: one httpx.Client per engine, and everything that can go wrong as one of our failures.

httpx's door. A request ends, whatever the server does: by its answer, by a named deadline (connect, first byte and
between bytes, in all), by a limit in bytes, or by ``close``, which cuts off what is in flight. Keys travel in headers,
never in an address; they do not go over plain http to another machine, nor through a redirect, nor into a message, an
error's cause or a log. What a server sends beyond an answer is never read as the answer to something else.
"""

from __future__ import annotations

import logging
import socket
import threading
import time
import urllib.request
import weakref
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import unquote, urlsplit

from narrate import __version__
from narrate.bounds import Deadlines
from narrate.errors import EngineClosed, EngineError, EngineUnavailable, Interrupted
from narrate.variables import held
from narrate.wire.address import Address, exposed
from narrate.wire.failures import failure, is_error, is_untrusted, request_id_of
from narrate.wire.framing import Framing
from narrate.wire.secrets import cut_out, redacted

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


def key(env: Mapping[str, str], variable: str, engine: str) -> str:
    """The key in ``variable``, or in the file that ``<variable>_FILE`` names; "" when neither is set.

    EngineClosed when the file cannot be read or the key cannot stand in a header.
    """
    try:
        found = held(env, variable)
    except ValueError as error:
        raise EngineClosed(f"{engine}: {error}", engine=engine, sent=False) from None
    if not (found.isascii() and found.isprintable()) or " " in found:
        raise EngineClosed(
            f"{engine}: the key in {variable} holds blanks or signs that no key has", engine=engine, sent=False
        )
    return found


class _Exchange:
    """One request and its answer: which deadline holds now, and what has come. Used by one thread."""

    def __init__(self, deadlines: Deadlines, first_byte_s: float, total_s: float) -> None:
        self.sent = False
        self.frame = Framing()
        self.limits = {
            "first_byte": (first_byte_s, f"did not begin its answer within {first_byte_s:g} s"),
            "between_bytes": (
                deadlines.between_bytes,
                f"sent nothing for {deadlines.between_bytes:g} s in the middle of its answer",
            ),
            "total": (total_s, f"did not complete its answer within {total_s:g} s"),
        }
        self.ends = time.monotonic() + total_s
        self._silent_until: float | None = None
        self._phase = "first_byte"
        self._holding = "first_byte"

    def begins_body(self) -> None:
        """The headers are there."""
        self._phase = "between_bytes"

    def left(self) -> float:
        """Seconds that the next read may take, never 0."""
        now = time.monotonic()
        if self._phase == "first_byte":
            # all reads of the headers together: a server that drips them has not begun
            self._silent_until = self._silent_until or now + self.limits["first_byte"][0]
            wait = self._silent_until - now
        else:
            wait = self.limits["between_bytes"][0]
        self._holding = "total" if self.ends - now < wait else self._phase
        return max(0.001, min(wait, self.ends - now))

    def sentence(self, name: str = "") -> str:
        """Which deadline passed, in words; that which held last when none is named."""
        name = name or self._holding
        return f"{self.limits[name][1]} ({name})"


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
        open_to_all = exposed(where, "the key and the texts" if secrets else "the texts")
        if open_to_all and not allow_http:
            raise EngineClosed(f"{engine}: {open_to_all}", engine=engine, sent=False)
        self.where = where
        self.engine = engine
        self.deadlines = deadlines
        self._secrets = (*secrets, *_passwords_of_proxies())
        self._limit = limit
        self._sockets: weakref.WeakSet[socket.socket] = weakref.WeakSet()
        self._closed = False
        self._in_flight = 0
        self._changed = threading.Condition()
        self._mine = threading.local()
        named = {"User-Agent": f"narrate/{__version__}", "Accept-Encoding": "identity", **(headers or {})}
        self._client = _opened(where, engine, named, connections, transport)
        self._discreet = _Discreet(self._secrets)
        self._discreet.listen()

    def __reduce__(self) -> NoReturn:
        raise TypeError("a client holds connections and a key: it is made anew, not copied")

    def post(self, path: str, body: bytes, headers: Mapping[str, str], *, first_byte_s: float | None = None) -> Answer:
        """Send ``body``; EngineUnavailable when no complete answer came, whatever its status."""
        return self._request("POST", path, body, headers, first_byte_s, None)

    def get(self, path: str, headers: Mapping[str, str] | None = None, *, within_s: float | None = None) -> Answer:
        """Ask for ``path``; ``within_s`` bounds the whole of it, where the user need not wait as for speech."""
        return self._request("GET", path, None, headers or {}, within_s, within_s)

    def check(self, answer: Answer) -> None:
        """Raise what ``answer`` amounts to when it is anything but a success, also an error told with status 200."""
        if answer.status != 200 or is_error(answer.body):
            raise failure(
                answer.status, answer.headers, answer.body, self.engine, now=time.time(), secrets=self._secrets
            )

    def request_id(self, answer: Answer) -> str:
        """The provider's own id of the request, or ""."""
        return request_id_of(answer.headers, self._secrets)

    def cut_out(self, text: str) -> str:
        """What the server says, without the keys: for whatever of its answers is shown or kept."""
        return cut_out(text, self._secrets)

    def shown(self, text: str) -> str:
        """What the server says, on one line, without the keys and not too long: for messages."""
        return redacted(" ".join(text.split()), self._secrets)

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
        self._discreet.leave()

    def _request(
        self,
        method: str,
        path: str,
        body: bytes | None,
        headers: Mapping[str, str],
        first_byte_s: float | None,
        total_s: float | None,
    ) -> Answer:
        with self._changed:
            if self._closed:
                raise Interrupted(f"{self.engine}: stopped")
            self._in_flight += 1
        exchange = _Exchange(self.deadlines, first_byte_s or self.deadlines.first_byte, total_s or self.deadlines.total)
        self._mine.exchange = exchange
        ended: EngineError | Interrupted
        try:
            return self._exchange(method, path, body, headers, exchange)
        except Exception as error:
            ended = self._meaning(error, exchange)
        finally:
            with self._changed:
                self._in_flight -= 1
                self._changed.notify_all()
        # raised out here, so that httpx's own error, which holds the request and so the key, is not its context
        ended.__context__ = ended.__cause__ = None
        raise ended

    def _exchange(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str], exchange: _Exchange
    ) -> Answer:
        import httpx

        total = exchange.limits["total"][0]
        with self._client.stream(
            method,
            self.where.url + path,
            content=body,
            headers=dict(headers),
            timeout=httpx.Timeout(
                exchange.limits["first_byte"][0],
                connect=min(self.deadlines.connect, total),
                write=min(self.deadlines.between_bytes, total),
            ),
            extensions={"trace": self._trace},
        ) as response:
            exchange.begins_body()
            if response.is_redirect:
                raise EngineClosed(
                    f"{self.engine}: {self.where.host} answered {response.status_code}, a redirect, which is not "
                    f"followed because it would carry the key along; set {self.where.variable} to the final address",
                    engine=self.engine,
                )
            return Answer(response.status_code, dict(response.headers), self._body(response, exchange))

    def _body(self, response: httpx.Response, exchange: _Exchange) -> bytes:
        pieces: list[bytes] = []
        size = 0
        for piece in response.iter_bytes():
            pieces.append(piece)
            size += len(piece)
            if size > self._limit:
                raise self._unavailable(f"sent more than {self._limit // 1_000_000} MB for one text")
            if time.monotonic() > exchange.ends:
                raise self._unavailable(exchange.sentence("total"))
        promised = response.headers.get("content-length", "")
        if promised.isdecimal() and response.num_bytes_downloaded != int(promised):
            raise self._unavailable(f"broke off: {response.num_bytes_downloaded} of {promised} bytes came")
        return b"".join(pieces)

    def _trace(self, event: str, info: Mapping[str, Any]) -> None:
        """Called by httpcore at every step of a request: at its sending, and for every new connection, in clear and in
        TLS.
        """
        if event.endswith("send_request_headers.started"):
            tunnel = info["request"].method == b"CONNECT"
            self._mine.exchange.frame = Framing(tunnel)
            self._mine.exchange.sent = not tunnel
        elif event.endswith(("connect_tcp.complete", "start_tls.complete")):
            stream = info["return_value"]
            stream.read = _guarded(stream, stream.read, self._mine)
            with self._changed:
                self._sockets.add(stream.get_extra_info("socket"))
                if self._closed:
                    _shut(stream.get_extra_info("socket"))

    def _meaning(self, error: Exception, exchange: _Exchange) -> EngineError | Interrupted:
        """What an exception amounts to; what is none of the network's is raised as it is."""
        import httpx

        if isinstance(error, EngineError):
            return error
        if self._closed:  # a socket that is shut under a thread may fail in any way
            return Interrupted(f"{self.engine}: stopped")
        if not isinstance(error, httpx.HTTPError | httpx.InvalidURL | UnicodeError):
            raise error
        # our own request is at fault, or the name of the server
        if isinstance(error, httpx.LocalProtocolError | httpx.UnsupportedProtocol | httpx.InvalidURL | UnicodeError):
            return self._closing("cannot be asked: bad request")
        if is_untrusted(error):
            return self._closing(
                "shows a certificate that is not trusted here; name your authority's file in SSL_CERT_FILE"
            )
        if isinstance(error, httpx.ProxyError) and str(error).startswith("407"):
            return self._closing("cannot be reached: the proxy wants a name and a password; put them into its address")
        never = isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout | httpx.ProxyError)
        return self._unavailable(self._sentence(error, exchange), sent=exchange.sent and not never)

    def _sentence(self, error: httpx.HTTPError, exchange: _Exchange) -> str:
        import httpx

        waits = self.deadlines
        sentences: tuple[tuple[type[Exception], str], ...] = (
            (httpx.ConnectTimeout, f"did not take a connection within {waits.connect:g} s (connect)"),
            (httpx.ReadTimeout, exchange.sentence()),
            (httpx.WriteTimeout, f"took nothing for {waits.between_bytes:g} s (between_bytes)"),
            (httpx.PoolTimeout, "had no connection free"),
            (httpx.ConnectError, f"cannot be reached: {error}"),
            (httpx.ProxyError, f"cannot be reached through the proxy: {error}"),
            (httpx.TransportError, f"broke off: {error}"),
        )
        return next((text for kind, text in sentences if isinstance(error, kind)), f"answered nonsense: {error}")

    def _closing(self, sentence: str) -> EngineClosed:
        return EngineClosed(f"{self.engine}: {self.where.host} {sentence}", engine=self.engine, sent=False)

    def _unavailable(self, sentence: str, sent: bool = True) -> EngineUnavailable:
        text = redacted(f"{self.engine}: {self.where.host} {sentence.strip()}".rstrip(":. "), self._secrets)
        return EngineUnavailable(text, engine=self.engine, sent=sent)


def _opened(
    where: Address, engine: str, headers: Mapping[str, str], connections: int, transport: httpx.BaseTransport | None
) -> httpx.Client:
    import httpx

    host = f"[{where.host}]" if ":" in where.host else where.host
    here_in_clear = where.plain and where.loopback
    try:
        return httpx.Client(
            headers=headers,
            follow_redirects=False,
            # where TLS never comes in, loading all authorities (20 ms) is spared
            verify=not here_in_clear,
            trust_env=not here_in_clear,
            limits=httpx.Limits(max_connections=max(connections, 1) + 8, max_keepalive_connections=max(connections, 1)),
            # a proxy has no way to a server on this machine, and must not see its key
            mounts={f"all://{host}": None} if where.loopback else None,
            transport=transport,
        )
    except OSError as error:  # also ssl.SSLError
        reason = f"the certificates named in SSL_CERT_FILE or SSL_CERT_DIR cannot be read: {error.strerror or 'no PEM'}"
    except ImportError:
        reason = (
            "the environment names a SOCKS proxy, which needs the package socksio; install it, or use an http proxy"
        )
    except (ValueError, httpx.InvalidURL):
        reason = "the proxy named in the environment (HTTPS_PROXY, HTTP_PROXY, ALL_PROXY) is no address of one"
    raise EngineClosed(f"{engine}: {reason}", engine=engine, sent=False)


def _passwords_of_proxies() -> tuple[str, ...]:
    """What proxies in the environment would rather not see repeated."""
    found = []
    for url in urllib.request.getproxies().values():
        with suppress(ValueError):
            password = urlsplit(url).password or ""
            found += [password, unquote(password)] if password else []
    return tuple(dict.fromkeys(found))


def _guarded(stream: Any, read: Callable[..., bytes], mine: threading.local) -> Callable[..., bytes]:
    """``read`` of ``stream``, within the deadlines of the asking thread's exchange, and not beyond its answer.

    A connection on which more came than was asked for is shut: its next answer would not be one to the next question.
    """

    def guarded(max_bytes: int, timeout: float | None = None) -> bytes:
        exchange: _Exchange | None = getattr(mine, "exchange", None)
        if exchange is None:
            return read(max_bytes, timeout)
        piece = read(max_bytes, exchange.left())
        whole = exchange.frame.took(piece)
        if whole < len(piece):
            _shut(stream.get_extra_info("socket"))
        return piece[:whole]

    return guarded


class _Discreet(logging.Filter):
    """Keeps keys out of what httpx and httpcore log: servers repeat them in headers and in reasons."""

    _LOGGERS = ("httpx", *(f"httpcore.{name}" for name in ("connection", "http11", "http2", "proxy", "socks")))

    def __init__(self, secrets: tuple[str, ...]) -> None:
        super().__init__()
        self._secrets = secrets

    def listen(self) -> None:
        """From now on."""
        for name in self._LOGGERS:
            logging.getLogger(name).addFilter(self)

    def leave(self) -> None:
        """No more."""
        for name in self._LOGGERS:
            logging.getLogger(name).removeFilter(self)

    def filter(self, record: logging.LogRecord) -> bool:
        """Pass ``record`` on, its sentence without keys."""
        record.msg, record.args = cut_out(record.getMessage(), self._secrets), ()
        return True


def _shut(each: socket.socket) -> None:
    with suppress(OSError):
        # the plain socket's method: the TLS one drops its state while another thread may be using it
        socket.socket.shutdown(each, socket.SHUT_RDWR)
