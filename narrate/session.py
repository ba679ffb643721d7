"""``narrate.SpeechSession``: speech of text that is still being written, over one WebSocket. websockets' door.

    async with SpeechSession(voice="leah", return_timestamps=True) as session:
        await session.append_text("Once upon a time")
        await session.finish()
        async for message in session:
            file.write(message.audio)

One task may write while another reads. Errors are raised, as ``narrate.errors``, never yielded: also a connection that
was dropped, with what was spoken until then. The key goes in the first message and nowhere else: not over plain ws to
another machine, not through a redirect, not into a message or a log.
"""

from __future__ import annotations

import asyncio
import logging
import os
import ssl
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Self

from narrate import __version__
from narrate.engines.lmnt import BASE_URL, NAME, VOICE
from narrate.errors import EngineClosed, EngineError, EngineRefused, EngineUnavailable, shown
from narrate.http import key
from narrate.wire.address import Address, address, allows_http, exposed
from narrate.wire.failures import request_id_of, retry_after, understood
from narrate.wire.hearing import Hearing
from narrate.wire.hearing import Spoken as Spoken
from narrate.wire.secrets import cut_out, redacted
from narrate.wire.session import PATH, ClientSide, Kind, Message, SessionFault

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection
    from websockets.exceptions import ConnectionClosed, InvalidStatus

CONNECT_S = 10.0
"""Seconds to connect in."""
CLOSE_S = 2.0
"""Seconds a server has to say goodbye."""
LARGEST_FRAME = 16 * 1024 * 1024
"""Bytes of one message. LMNT's own clients take a sixteenth of it; other servers need not know."""
PIECE = 100_000
"""Characters sent at once. A longer text is cut, which nobody can hear."""

_HEADED = frozenset({"ulaw", "webm"})
_NORMAL = 1000
_TOO_LARGE = 1009
_MEANING: dict[Kind, tuple[type[EngineError], str]] = {
    "authentication_error": (EngineClosed, "check the key"),
    "payment_required_error": (EngineClosed, "the account has no money or quota left"),
    "permission_error": (EngineClosed, "the key may not do this"),
    "not_found_error": (EngineClosed, "check the voice"),
    "invalid_request_error": (EngineRefused, ""),
    "rate_limit_error": (EngineUnavailable, "try again later"),
    "internal_server_error": (EngineUnavailable, ""),
}


class SpeechSession:
    """A session with LMNT, or with any server that speaks its protocol (``narrate serve``).

    ``base_url`` and ``api_key`` are LMNT_BASE_URL, and LMNT_API_KEY or what the file named in LMNT_API_KEY_FILE holds,
    unless given; a server on this machine needs no key. ``sample_rate`` and ``language`` None: the server's choice.
    ``timeout``: seconds to connect in. What the server sends is taken in at once, however slowly it is read here.
    """

    def __init__(
        self,
        voice: str = VOICE,
        format: str = "mp3",
        sample_rate: int | None = None,
        language: str | None = None,
        return_timestamps: bool = False,
        api_key: str | None = None,
        base_url: str | None = None,
        *,
        timeout: float = CONNECT_S,
    ) -> None:
        self.request_id = ""
        self._where = _address(base_url)
        self._timeout = timeout
        secret = _key(api_key, self._where)
        self._secrets = (secret,) if secret else ()
        self._side = ClientSide()
        self._opening = self._side.opening(
            key=secret,
            voice=voice,
            format=format,
            sample_rate=sample_rate,
            language=language,
            timestamps=return_timestamps,
        )
        self._heard = Hearing(return_timestamps, headed=format in _HEADED)
        self._socket: ClientConnection | None = None
        self._receiving = asyncio.Lock()
        self._ahead: deque[str | bytes] = deque()
        self._failure: EngineError | None = None
        self._finished = self._closed = False

    @classmethod
    async def connect(cls, *arguments: Any, **named: Any) -> Self:
        """An open session, with the constructor's arguments; to be closed by ``close``."""
        session = cls(*arguments, **named)
        await session._open()
        return session

    async def __aenter__(self) -> Self:
        await self._open()
        return self

    async def __aexit__(self, *unused: object) -> None:
        await self.close()

    @property
    def spoken(self) -> Spoken:
        """What has been delivered so far."""
        return self._heard.spoken()

    async def append_text(self, text: str) -> None:
        """Add to the text, which may be cut anywhere; the server speaks when it has enough of it."""
        self._unfinished("text")
        for place in range(0, len(text), PIECE):
            await self._send(self._side.text(text[place : place + PIECE]))

    async def flush(self) -> int:
        """Have everything spoken that was sent so far; returns the nonce of the ``flush_complete`` to come."""
        self._unfinished("a flush")
        nonce, message = self._side.flush()
        self._heard.flushes += 1
        await self._send(message)
        return nonce

    async def reset(self) -> int:
        """Drop what is not spoken yet; returns the nonce of the ``reset_complete`` to come. Text may follow at once.

        What still arrives before that ``reset_complete`` is stale: its audio and timestamps are not delivered, but for
        the session's first audio in ulaw and webm, which begins with a header.
        """
        nonce, message = self._side.reset()
        self._heard.reset_sent = nonce
        await self._send(message)
        return nonce

    async def finish(self) -> None:
        """No more text will come: the rest is spoken, and the iteration ends behind it."""
        if not self._finished:
            self._finished = True
            await self._send(self._side.finish())

    async def close(self) -> None:
        """End the session now, whatever is unspoken; a task that iterates over it simply ends."""
        self._closed = True
        if self._socket is not None:
            await self._socket.close()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Message:
        """The next message. Only ``audio`` messages have ``.audio``; all others have b"" there."""
        while True:
            raw = None if self._closed else await self._received()
            if raw is None:
                raise StopAsyncIteration
            message = self._understood(raw)
            self.request_id = message.request_id or self.request_id
            if self._heard.takes(message):
                return message

    async def _open(self) -> None:
        if self._socket is not None or self._closed:
            raise EngineRefused("lmnt: a session is opened once; make another", engine=NAME, sent=False)
        self._socket = await _connected(self._where, self._timeout, self._secrets)
        try:
            await self._send(self._opening)
        except BaseException:  # also when cancelled: a block that was not entered closes nothing
            self._socket.transport.abort()
            raise

    async def _send(self, message: str) -> None:
        from websockets.exceptions import ConnectionClosed

        if self._socket is None or self._closed:
            raise EngineRefused(
                "lmnt: the session is not open; use async with, or SpeechSession.connect", engine=NAME, sent=False
            )
        try:
            await self._socket.send(message)
            await asyncio.sleep(0)  # sending alone never waits: a reader, and the server's last word, would starve
        except ConnectionClosed as error:
            closed = error
        else:
            return
        raise await self._reason(self._socket, closed)

    async def _received(self) -> str | bytes | None:
        from websockets.exceptions import ConnectionClosed

        if self._socket is None:
            raise EngineRefused("lmnt: the session is not open; use async with", engine=NAME, sent=False)
        async with self._receiving:
            if self._ahead:
                return self._ahead.popleft()
            if self._failure is not None:
                raise self._failure
            try:
                return await self._socket.recv()
            except ConnectionClosed as error:
                closed = error
        if self._closed or self._ended_well(closed):
            return None
        self._failure = self._dropped(closed)
        raise self._failure

    async def _reason(self, socket: ClientConnection, closed: ConnectionClosed) -> EngineError:
        """Why nothing more can be sent: the server's last word, which may not have been read yet, says more than the
        end of the connection. What is read on the way to it is kept for the iterator.
        """
        from websockets.exceptions import ConnectionClosed

        if self._closed:
            return EngineRefused("lmnt: the session was closed", engine=NAME, sent=False)
        async with self._receiving:
            with suppress(ConnectionClosed):
                while True:
                    self._ahead.append(await socket.recv())
        if self._failure is not None:
            return self._failure
        for raw in self._ahead:
            try:
                self._side.received(raw)
            except SessionFault as fault:
                return self._meaning(fault)
        if self._ended_well(closed):
            return EngineRefused("lmnt: the session has ended; open another", engine=NAME, sent=False)
        return self._dropped(closed)

    def _understood(self, raw: str | bytes) -> Message:
        try:
            return self._side.received(raw)
        except SessionFault as fault:
            self._failure = self._meaning(fault)
        raise self._failure

    def _unfinished(self, what: str) -> None:
        if self._finished:
            raise EngineRefused(f"lmnt: {what} came after finish; open another session", engine=NAME, sent=False)

    def _ended_well(self, closed: ConnectionClosed) -> bool:
        return self._finished and closed.rcvd is not None and closed.rcvd.code == _NORMAL

    def _meaning(self, fault: SessionFault) -> EngineError:
        kind, hint = _MEANING[fault.kind]
        words = shown(redacted(fault.message, self._secrets)).rstrip(". ")
        failure = kind(f"lmnt: {words}; {hint}" if hint else f"lmnt: {words}", engine=NAME)
        failure.request_id = fault.request_id or self.request_id
        if isinstance(failure, EngineUnavailable):
            failure.throttled = fault.kind == "rate_limit_error"
        return failure

    def _dropped(self, closed: ConnectionClosed) -> EngineUnavailable:
        code = closed.rcvd.code if closed.rcvd else closed.sent.code if closed.sent else 1006
        said = redacted(" ".join(closed.rcvd.reason.split()), self._secrets, 80) if closed.rcvd else ""
        if closed.rcvd is None and code == _TOO_LARGE:
            said = f"a message of more than {LARGEST_FRAME:,} bytes"
        why = f"{code}: {said}" if said else f"{code}"
        words = f"lmnt: {self._where.host} dropped the session ({why}) after {self._heard.sentence()}"
        return EngineUnavailable(shown(cut_out(words, self._secrets)), engine=NAME, request_id=self.request_id)


def _address(base_url: str | None) -> Address:
    env = os.environ
    found = address(env, "LMNT_BASE_URL", BASE_URL) if base_url is None else _given(base_url)
    open_to_all = exposed(found)
    if open_to_all and not allows_http(env):
        raise EngineClosed(f"lmnt: {open_to_all}", engine=NAME, sent=False)
    return found


def _given(base_url: str) -> Address:
    return address({"base_url": base_url}, "base_url", "an address")


def _key(api_key: str | None, where: Address) -> str:
    found = key(os.environ, "LMNT_API_KEY", NAME) if api_key is None else key({"api_key": api_key}, "api_key", NAME)
    if not found and not where.loopback:
        raise EngineClosed(
            "lmnt: there is no key; put it into LMNT_API_KEY, or into a file named in LMNT_API_KEY_FILE",
            engine=NAME,
            sent=False,
        )
    return found


async def _connected(where: Address, timeout: float, secrets: tuple[str, ...]) -> ClientConnection:
    from websockets.asyncio.client import connect
    from websockets.exceptions import WebSocketException

    class Straight(connect):
        """Follows no redirect: it would carry the key along."""

        def process_redirect(self, exc: Exception) -> Exception | str:
            return exc

    failed: Exception
    try:
        return await Straight(
            where.url.replace("http", "ws", 1) + PATH,
            user_agent_header=f"narrate/{__version__}",
            proxy=None if where.loopback else True,  # a proxy has no way to a server on this machine
            compression=None,  # nearly all of it is audio
            open_timeout=timeout,
            close_timeout=CLOSE_S,
            max_size=LARGEST_FRAME,
            # unbounded: a pong behind audio that nobody reads would not be seen, and the server taken for dead
            max_queue=None,
            logger=_Discreet(logging.getLogger("websockets.client"), secrets),
        )
    except (OSError, WebSocketException, ImportError) as error:
        failed = error
    raise _unopened(failed, where, timeout, secrets)


def _unopened(error: Exception, where: Address, timeout: float, secrets: tuple[str, ...]) -> EngineError:
    """Why there is no session. What websockets says of proxies is not repeated: it holds their passwords."""
    from websockets.exceptions import InvalidProxy, InvalidStatus, ProxyError

    match error:
        case InvalidStatus():
            return _refused(error, where, secrets)
        case ssl.SSLCertVerificationError():
            words = "shows a certificate that is not trusted here; name your authority's file in SSL_CERT_FILE"
            return EngineClosed(f"lmnt: {where.host} {words}", engine=NAME, sent=False)
        case ImportError():
            words = "the environment names a SOCKS proxy, which needs the package python-socks"
            return EngineClosed(f"lmnt: {words}; install it, or use an http proxy", engine=NAME, sent=False)
        case TimeoutError():
            words = f"did not open a session within {timeout:g} s"
        case InvalidProxy() | ProxyError():
            words = "cannot be reached through the proxy that the environment names"
        case OSError():
            words = f"cannot be reached: {redacted(error.strerror or str(error), secrets)}"
        case _:
            words = f"does not speak WebSocket: {redacted(str(error), secrets)}"
    return EngineUnavailable(shown(f"lmnt: {where.host} {words}"), engine=NAME, sent=False)


def _refused(error: InvalidStatus, where: Address, secrets: tuple[str, ...]) -> EngineError:
    answer = error.response
    headers = {name.lower(): value for name, value in answer.headers.raw_items()}
    head = f"lmnt: {where.host} answered {answer.status_code}"
    if 300 <= answer.status_code < 400:
        words = "a redirect, which is not followed because it would carry the key along"
        return EngineClosed(f"{head}, {words}; set {where.variable} to the final address", engine=NAME, sent=False)
    said = redacted(understood(bytes(answer.body or b"")).words, secrets)
    return EngineUnavailable(
        f"{head} instead of opening a session{f': {said}' if said else ''}",
        engine=NAME,
        request_id=request_id_of(headers, secrets),
        retry_after=retry_after(headers),
        throttled=answer.status_code == 429,
        sent=False,
    )


class _Discreet(logging.LoggerAdapter[logging.Logger]):
    """Keeps the key out of what websockets logs of the first message."""

    def __init__(self, logger: logging.Logger, secrets: tuple[str, ...]) -> None:
        super().__init__(logger, {})
        self._secrets = secrets

    def log(self, level: int, msg: object, *args: object, **kwargs: Any) -> None:
        """Pass the sentence on, without keys."""
        if self.isEnabledFor(level):
            sentence = str(msg) % args if args else str(msg)
            self.logger.log(level, "%s", cut_out(sentence, self._secrets), **kwargs)
