"""One exchange with a server: a question, its redirects, its answer. httpx's door for what is no speech.

It ends, whatever the server does: every read and write is bound by what is left of the deadline, every body by a limit
in bytes, also where it comes packed. Everything that httpx raises becomes a WebError here.
"""

from __future__ import annotations

import logging
import ssl
import threading
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from narrate import __version__
from narrate.errors import shown
from narrate.web.answers import Page, Patience, WebError
from narrate.web.places import Place, checked, named, redirected
from narrate.wire.address import is_loopback
from narrate.wire.failures import is_untrusted, retry_after, understood
from narrate.wire.secrets import redacted

if TYPE_CHECKING:
    import httpx

ANSWER_LIMIT = 100_000
"""Bytes of what is answered to a post; it is only looked at for reasons."""
REDIRECTS = 5
LONGEST_VALIDATOR = 1_000
"""Characters of an ETag or a date that are kept: it comes back with every question."""

_HEALING = frozenset((408, 425, 429, 500, 502, 503, 504, 507, 509, 520, 521, 522, 523, 524))
_REDIRECTS = frozenset((301, 302, 303, 307, 308))

Take = Callable[[Iterator[bytes]], bytes]
"""What becomes of a body as it arrives."""


def followed(url: str, headers: Mapping[str, str], limit: int, patience: Patience, take: Take) -> Page:
    """The page at ``url`` or where it is redirected to, all within ``patience.total``; ``take`` gets its body."""
    deadline = Deadline(patience)
    first = place = checked(url)
    for _ in range(REDIRECTS + 1):
        with _asked("GET", place, headers, None, deadline, named(place.url)) as answer:
            if answer.status_code not in _REDIRECTS or "location" not in answer.headers:
                return _page(place, answer, limit, deadline, take, headers)
            place = redirected(first, place, answer.headers["location"])
    raise WebError(f"{named(url)}: is redirected more than {REDIRECTS} times")


def _page(
    place: Place, answer: httpx.Response, limit: int, deadline: Deadline, take: Take, asked: Mapping[str, str]
) -> Page:
    name, status = named(place.url), answer.status_code
    unchanged = status == HTTPStatus.NOT_MODIFIED and ("If-None-Match" in asked or "If-Modified-Since" in asked)
    # nobody asked for a part: it would be taken for the whole
    if (not 200 <= status < 300 or status == HTTPStatus.PARTIAL_CONTENT) and not unchanged:
        raise _refused(name, answer, b"")
    kind, _, rest = answer.headers.get("content-type", "").partition(";")
    etag = _harmless(answer.headers.get("etag", "").strip())
    modified = _harmless(answer.headers.get("last-modified", "").strip())
    if unchanged:  # what the question named still holds, where the answer does not repeat it
        return Page(
            status,
            place.url,
            b"",
            etag or asked.get("If-None-Match", ""),
            modified or asked.get("If-Modified-Since", ""),
        )
    body = take(_bounded(answer, limit, deadline, name))
    charset = rest.lower().partition("charset=")[2].partition(";")[0].strip("\"' ")
    return Page(status, place.url, body, etag, modified, kind.strip().lower(), charset)


def posted(url: str, body: bytes, headers: Mapping[str, str], patience: Patience, secrets: tuple[str, ...]) -> Page:
    """A success in answer to ``body``; the rest of the address is a secret like ``secrets``."""
    deadline = Deadline(patience)
    place = checked(url, "the address")
    secrets = (*secrets, *(part for part in (place.parts.path.strip("/"), place.parts.query) if part))
    with _asked("POST", place, headers, body, deadline, place.host) as answer:
        if answer.status_code in _REDIRECTS:
            raise WebError(
                f"{place.host}: answered {answer.status_code}, a redirect, which is not followed; "
                "give the final address",
                status=answer.status_code,
            )
        if 200 <= answer.status_code < 300:
            return Page(answer.status_code, place.url, _beginning(answer, deadline, place.host))
        raise _refused(place.host, answer, _beginning(answer, deadline, place.host), secrets)


def _refused(name: str, answer: httpx.Response, said: bytes, secrets: tuple[str, ...] = ()) -> WebError:
    status = answer.status_code
    name = f"{name}: answered {status}"
    with suppress(ValueError):
        name += f" ({HTTPStatus(status).phrase.lower()})"
    words = redacted(understood(said).words, secrets)
    headers = {key.lower(): value for key, value in answer.headers.items()}
    return WebError(
        f"{name}: {words}" if words else name,
        status=status,
        heals=status in _HEALING,
        retry_after=retry_after(headers, time.time()),
    )


def conditional(etag: str, modified: str) -> dict[str, str]:
    """The headers that ask only for what ``etag`` or ``modified`` do not name."""
    return {
        name: value for name, value in (("If-None-Match", etag), ("If-Modified-Since", modified)) if _harmless(value)
    }


def _harmless(value: str) -> str:
    """A validator that can be given back, or ""."""
    return value if value.isascii() and value.isprintable() and len(value) <= LONGEST_VALIDATOR else ""


def trust() -> ssl.SSLContext:
    """Whom requests trust: the authorities in SSL_CERT_FILE or SSL_CERT_DIR, or the usual ones."""
    import httpx

    try:
        return httpx.create_ssl_context()
    except OSError as error:  # also ssl.SSLError
        reason = error.strerror or "no PEM"
    raise WebError(f"the certificates named in SSL_CERT_FILE or SSL_CERT_DIR cannot be read: {reason}")


class Deadline:
    """When an exchange has to be over; it bounds every read and write, so that dripping is of no use."""

    def __init__(self, patience: Patience) -> None:
        self.patience = patience
        self.ends = time.monotonic() + patience.total

    @property
    def passed(self) -> bool:
        """It is over."""
        return time.monotonic() >= self.ends

    def left(self, most: float | None = None) -> float:
        """Seconds that the next step may take, never 0."""
        return max(0.001, min(self.ends - time.monotonic(), self.patience.silence if most is None else most))

    def trace(self, event: str, info: Mapping[str, Any]) -> None:
        """Called by httpcore at every step: what is read from a new connection, and written to it, is bound."""
        if event.endswith(("connect_tcp.complete", "start_tls.complete")):
            stream = info["return_value"]
            read, write = stream.read, stream.write
            stream.read = lambda most, timeout=None: read(most, self.left(timeout))
            stream.write = lambda data, timeout=None: write(data, self.left(timeout))


@contextmanager
def _asked(
    method: str, place: Place, headers: Mapping[str, str], body: bytes | None, deadline: Deadline, name: str
) -> Iterator[httpx.Response]:
    """The answer's status and headers, its body still to be read; everything that httpx raises becomes a WebError."""
    import httpx

    named_too = {"User-Agent": f"narrate/{__version__}", "Accept-Encoding": "identity", **headers}
    waits = httpx.Timeout(deadline.left(), connect=deadline.left(deadline.patience.connect))
    failed: WebError
    try:
        with (
            _quiet(),
            _client(place, name) as client,
            client.stream(
                method,
                place.url,
                content=body,
                headers=named_too,
                auth=place.login,
                timeout=waits,
                extensions={"trace": deadline.trace},
            ) as answer,
        ):
            yield answer
            return
    except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
        failed = _meaning(error, name, deadline)
    raise failed


def _client(place: Place, name: str) -> httpx.Client:
    import httpx

    here = is_loopback(place.host)
    here_in_clear = here and place.parts.scheme == "http"
    host = f"[{place.host}]" if ":" in place.host else place.host
    try:
        return httpx.Client(
            # where TLS never comes in, loading all authorities (20 ms) is spared
            verify=False if here_in_clear else trust(),
            trust_env=not here_in_clear,
            mounts={f"all://{host}": None} if here else None,  # a proxy has no way to a server on this machine
        )
    except ImportError:
        reason = "the environment names a SOCKS proxy, which needs the package socksio"
    except (ValueError, httpx.InvalidURL):
        reason = "the proxy named in the environment (HTTPS_PROXY, HTTP_PROXY, ALL_PROXY) is no address of one"
    raise WebError(f"{name}: cannot be asked: {reason}")


def _bounded(answer: httpx.Response, limit: int, deadline: Deadline, name: str) -> Iterator[bytes]:
    """The body, piece by piece; WebError as soon as it is, or says it will be, more than ``limit`` bytes."""
    promised = answer.headers.get("content-length", "")
    too_much = WebError(f"{name}: sends more than {limit / 1e6:g} MB, which is not taken")
    if promised.isdecimal() and (len(promised) > 18 or int(promised) > limit):
        raise too_much
    size = 0
    for piece in _decoded(answer, name):
        size += len(piece)
        if size > limit:
            raise too_much
        if deadline.passed:
            raise WebError(f"{name}: {_LATE.format(deadline.patience.total)}", heals=True)
        yield piece


def _beginning(answer: httpx.Response, deadline: Deadline, name: str) -> bytes:
    """As much of the body as comes, and is wanted: what breaks off was an answer all the same."""
    import httpx

    said = b""
    with suppress(httpx.HTTPError, WebError):
        for piece in _decoded(answer, name):
            said += piece
            if len(said) >= ANSWER_LIMIT or deadline.passed:
                break
    return said[:ANSWER_LIMIT]


def _decoded(answer: httpx.Response, name: str) -> Iterator[bytes]:
    """The body, unpacked in small pieces where a server packs what nobody asked it to: a bomb goes off bit by bit."""
    encoding = answer.headers.get("content-encoding", "").strip().lower()
    if encoding in ("", "identity"):
        yield from answer.iter_raw()
        return
    if encoding not in ("gzip", "x-gzip", "deflate"):
        raise WebError(f"{name}: sends its answer packed as {shown(encoding, 40)}, which was not asked for")
    unpacking = zlib.decompressobj(wbits=47)  # either format, told by its first bytes
    try:
        for packed in answer.iter_raw():
            while packed:
                yield unpacking.decompress(packed, 65_536)
                packed = unpacking.unconsumed_tail
    except zlib.error:
        raise WebError(f"{name}: its packed answer is damaged", heals=True) from None
    if not unpacking.eof:
        raise WebError(f"{name}: broke off in the middle of its packed answer", heals=True)


_LATE = "did not complete its answer within {:g} s"


def _meaning(error: Exception, name: str, deadline: Deadline) -> WebError:
    """What an exception of httpx amounts to."""
    import httpx

    patience = deadline.patience
    if isinstance(error, httpx.LocalProtocolError | httpx.UnsupportedProtocol | httpx.InvalidURL | UnicodeError):
        return WebError(f"{name}: cannot be asked: bad request")
    if "location header" in str(error):  # httpx looks at it, also where nobody follows
        return WebError(f"{name}: is redirected to what is no http or https address")
    if is_untrusted(error):
        return WebError(f"{name}: shows a certificate that is not trusted here; name its authority in SSL_CERT_FILE")
    sentences: tuple[tuple[type[Exception], str], ...] = (
        (httpx.ConnectTimeout, f"did not take a connection within {patience.connect:g} s"),
        (
            httpx.TimeoutException,
            _LATE.format(patience.total) if deadline.passed else f"was silent for {patience.silence:g} s",
        ),
        (httpx.ConnectError, f"cannot be reached: {error}"),
        (httpx.ProxyError, f"cannot be reached through the proxy: {error}"),
        (httpx.TransportError, f"broke off: {error}"),
    )
    sentence = next((text for kind, text in sentences if isinstance(error, kind)), f"answered nonsense: {error}")
    return WebError(shown(f"{name}: {sentence}".rstrip(": "), 400), heals=True)


_mine = threading.local()


class _Hushed(logging.Filter):
    """Drops what httpx and httpcore log of our exchanges: the address, whole, and what servers say in headers."""

    def filter(self, record: logging.LogRecord) -> bool:
        return not getattr(_mine, "hushed", False)


_HUSHED = _Hushed()


@contextmanager
def _quiet() -> Iterator[None]:
    for name in ("httpx", *(f"httpcore.{part}" for part in ("connection", "http11", "proxy", "socks"))):
        logging.getLogger(name).addFilter(_HUSHED)  # once; the next time it is there already
    _mine.hushed = True
    try:
        yield
    finally:
        _mine.hushed = False
