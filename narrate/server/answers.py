"""What all requests share: who asks, how much of a body is read, speech as an answer, and failures as envelopes."""

from __future__ import annotations

import asyncio
import math
import time
import traceback
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, HTTPConnection, Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Match, Route
from starlette.types import Receive, Scope, Send

from narrate.delivery import Part
from narrate.errors import EngineRefused, EngineUnavailable, JobError, LimitReached, NarrateError, StoreError, shown
from narrate.script import Cast
from narrate.server.keys import QUOTA, Key, Keys
from narrate.server.metrics import Metrics
from narrate.server.stage import Stage
from narrate.server.voices import Voices
from narrate.wire import serving
from narrate.wire.serving import Fault, Order
from narrate.wire.session_messages import SessionFault, Timed

Result = TypeVar("Result")
Wrap = Callable[[Order, AsyncIterator[Part]], AsyncIterator[bytes]]

GONE = 499
"""The status, in the log, of what nobody waits for any more."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much, and for how long. ``requests`` at once in all, ``sessions`` open; seconds that a request's body, an
    upload, a client that does not read, a session that says nothing, and the end of the server may take.
    """

    requests: int = 1000
    sessions: int = 500
    body_s: float = 30.0
    upload_s: float = 300.0
    stall_s: float = 60.0
    idle_s: float = 600.0
    opening_s: float = 10.0
    drain_s: float = 30.0


@dataclass(slots=True)
class Premises:
    """What the server has; one for each. ``leaving``: it ends, and takes nothing new. ``open``: sessions. ``changing``
    is held by who changes users' voices: they wait for each other, and should not fill the threads with that.
    """

    engine: str
    stage: Stage
    voices: Voices
    keys: Keys
    metrics: Metrics
    limits: Bounds
    log: Callable[[dict[str, Any]], None]
    leaving: asyncio.Event = field(default_factory=asyncio.Event)
    changing: asyncio.Lock = field(default_factory=asyncio.Lock)
    open: int = 0

    def who(self, connection: HTTPConnection) -> Key:
        """Whose key the request shows, as LMNT's or OpenAI's clients show it."""
        shown = connection.headers.get("x-api-key") or ""
        if not shown:
            scheme, _, token = connection.headers.get("authorization", "").partition(" ")
            shown = token.strip() if scheme.lower() == "bearer" else ""
        key = self.keys.who(shown)
        connection.state.note["key"] = key.name
        return key

    async def cast(self, voice: str, language: str, settings: tuple[tuple[str, str], ...] = ()) -> Cast:
        """Who speaks when ``voice`` is asked for, in ``language`` ("": the voice's own, or as the text decides)."""
        offered = await asyncio.to_thread(self.voices.get, voice)
        own = not language or _primary(language) == _primary(offered.language)
        spoken = offered.language if own else language
        known = settings if self.engine == "lmnt" else ()
        name = offered.speaks if own or not offered.language else ""
        try:
            return await self.stage.encode(self.stage.booth.cast, name, spoken, known)
        except JobError as error:
            raise Fault(f"{error}", field="language") from None

    async def charge(self, key: Key, characters: int) -> None:
        """Note what is about to be spoken for ``key``."""
        if self.keys.needed:
            await asyncio.to_thread(self.keys.charge, key, characters)  # apart from sound: it waits for the disk
        else:
            self.keys.charge(key, characters)

    @asynccontextmanager
    async def charged(self, key: Key, characters: int) -> AsyncIterator[None]:
        """Charge for what is inside, and give it back when that fails on this side: nobody pays for a failure."""
        await self.charge(key, characters)
        try:
            yield
        except (Fault, NarrateError) as error:
            if not isinstance(error, Fault) or error.status != GONE:
                await asyncio.to_thread(self.keys.refund, key, characters)
            raise


def premises(connection: HTTPConnection) -> Premises:
    """The server's."""
    found: Premises = connection.app.state.premises
    return found


def _primary(language: str) -> str:
    return language.partition("-")[0].lower()


# --- bodies ---------------------------------------------------------------------------------------------------------


class Bounded(Request):
    """A request whose body may have ``longest`` bytes, however it comes; Fault beyond."""

    def __init__(self, request: Request, longest: int) -> None:
        super().__init__(request.scope, request.receive)
        self._longest = longest
        promised = request.headers.get("content-length", "")
        self._allow(int(promised) if promised.isdecimal() else 0)

    async def stream(self) -> AsyncGenerator[bytes, None]:
        """The body as it comes."""
        size = 0
        async for piece in super().stream():
            size += len(piece)
            self._allow(size)
            yield piece

    def _allow(self, size: int) -> None:
        if size > self._longest:
            raise Fault(f"the body is larger than {self._longest:,} bytes", status=413)


async def body_of(request: Request, longest: int = serving.LONGEST_BODY) -> bytes:
    """The request's body; Fault when it has more than ``longest`` bytes, or takes too long to come."""
    async with patience(premises(request).limits.body_s):
        return await Bounded(request, longest).body()


@asynccontextmanager
async def patience(seconds: float) -> AsyncIterator[None]:
    """Fault when what is inside takes longer."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError:
        raise Fault("the body did not arrive in time", status=408) from None


# --- speech ---------------------------------------------------------------------------------------------------------


async def deliver(request: Request, key: Key, order: Order, wrap: Wrap | None = None) -> Response:
    """The speech of ``order``: as it is made, or with its length where the format has to be whole."""
    if not order.streamed and wrap is None:
        audio, _ = await whole(request, key, order)
        return Response(audio, media_type=order.content_type)
    stack = AsyncExitStack()
    try:
        parts = await _begin(request, key, order, stack)
        async with premises(request).charged(key, len(order.text)):
            first = await _while_here(request, anext(parts))
    except BaseException:
        await stack.aclose()
        raise
    pieces = wrap(order, _after(first, parts)) if wrap else _bytes(_after(first, parts))
    return _Sound(pieces, "text/event-stream" if wrap else order.content_type, stack)


async def whole(request: Request, key: Key, order: Order) -> tuple[bytes, tuple[Timed, ...]]:
    """All of the speech of ``order``, and its times. Given up when the client goes away."""
    async with AsyncExitStack() as stack:
        audio: list[bytes] = []
        times: list[Timed] = []
        parts = await _begin(request, key, order, stack)
        async with premises(request).charged(key, len(order.text)):
            while (part := await _while_here(request, anext(parts, None))) is not None:
                audio.append(part[0])
                times += part[1]
        return b"".join(audio), tuple(times)


async def _begin(request: Request, key: Key, order: Order, stack: AsyncExitStack) -> AsyncIterator[Part]:
    """Admit the request, and have it ready to begin; ``stack`` lets go of its places."""
    here = premises(request)
    cast = await here.cast(order.voice, order.language, order.settings)
    stack.enter_context(here.stage.place())
    stack.enter_context(here.keys.busy(key))
    request.state.note["characters"] = len(order.text)
    parts = here.stage.perform(order, cast)
    stack.push_async_callback(parts.aclose)  # type: ignore[attr-defined]
    return parts


async def _while_here(request: Request, work: Awaitable[Result]) -> Result:
    """What ``work`` gives; Fault, and an end to it, when nobody waits for that any more."""
    doing, gone = asyncio.ensure_future(work), asyncio.ensure_future(_leaves(request))
    try:
        await asyncio.wait((doing, gone), return_when=asyncio.FIRST_COMPLETED)
        if not doing.done():
            raise Fault("the client went away", status=GONE)
        return doing.result()
    finally:
        for task in (doing, gone):
            task.cancel()
        await asyncio.gather(doing, gone, return_exceptions=True)


async def _leaves(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _after(first: Part, parts: AsyncIterator[Part]) -> AsyncIterator[Part]:
    yield first
    async for part in parts:
        yield part


async def _bytes(parts: AsyncIterator[Part]) -> AsyncIterator[bytes]:
    async for data, _ in parts:
        if data:
            yield data


class _Sound(StreamingResponse):
    """A stream that lets go of its places when it ends, however it does."""

    def __init__(self, pieces: AsyncIterator[bytes], content_type: str, stack: AsyncExitStack) -> None:
        super().__init__(pieces, media_type=content_type)
        self._stack = stack

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        async with self._stack:
            await super().__call__(scope, receive, send)


def json_answer(message: object, status: int = 200) -> Response:
    """Compact JSON."""
    return Response(serving.written(message), status, media_type="application/json")


# --- failures -------------------------------------------------------------------------------------------------------


def surface_of(path: str) -> serving.Surface:
    """Whose envelope errors wear at ``path``."""
    return "openai" if path.startswith(("/v1/audio", "/v1/models")) else "lmnt"


async def refuse(request: Request, error: Exception) -> Response:
    """The failure as the answer to a request."""
    if isinstance(error, RuntimeError) and isinstance(error.__cause__, Fault | NarrateError):
        error = error.__cause__  # Starlette's word for a failure behind the beginning of an answer
    fault = fault_of(error)
    request.state.note.update(told(error, fault))
    headers = {"Retry-After": f"{math.ceil(fault.retry_after)}"} if fault.retry_after is not None else {}
    if fault.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if fault.code == QUOTA:  # which OpenAI's surface says with 429, and asking again does not help
        headers["x-should-retry"] = "false"
    if fault.status == 405:
        headers["Allow"] = ", ".join(sorted(_methods(request)))
    body = serving.error_body(fault, surface_of(request.url.path))
    return Response(body, fault.status, headers, media_type="application/json")


def _methods(request: Request) -> set[str]:
    """What the address takes: a route answers for some of its methods only."""
    routes = [route for route in request.app.routes if isinstance(route, Route)]
    path = next(route.path for route in routes if route.matches(request.scope)[0] is not Match.NONE)
    return set().union(*(route.methods or () for route in routes if route.path == path))


def told(error: Exception, fault: Fault) -> dict[str, str]:
    """What the log says of a failure: of our own failures why, or where in the code; of a client's its kind."""
    note = {"error": fault.kind}
    if isinstance(error, EngineRefused):
        return note  # its words may quote the text; the client has them
    if isinstance(error, NarrateError):
        note["detail"] = shown(str(error), 300)
    elif not isinstance(error, Fault | SessionFault | HTTPException | ClientDisconnect):
        place = traceback.extract_tb(error.__traceback__)[-1]  # not its words, which may hold a text
        note["detail"] = f"{type(error).__name__} at {Path(place.filename).name}:{place.lineno}"
    return note


def fault_of(error: Exception) -> Fault:
    """What a client is told of a failure. Of the server's own troubles it learns that there are some."""
    match error:
        case Fault():
            return error
        case EngineRefused():
            return Fault(str(error))
        case EngineUnavailable():
            return Fault(
                "the engine does not answer now; try again",
                "internal_server_error",
                status=503,
                retry_after=max(1.0, error.retry_after or 0.0),
            )
        case LimitReached():
            return Fault("a limit of this server is reached", "payment_required_error")
        case StoreError():
            return Fault("the server cannot keep this; its log says why", "internal_server_error")
        case NarrateError():
            return Fault("the server cannot speak now; its log says why", "internal_server_error")
        case HTTPException(status_code=404):
            return Fault("there is nothing at this address", "not_found_error")
        case HTTPException(status_code=405):
            return Fault("this address does not take that method", status=405)
        case HTTPException(status_code=status, detail=detail) if 400 <= status < 500:
            return Fault(detail, status=status)
        case ClientDisconnect():
            return Fault("the client went away", status=GONE)
    return Fault("the server failed; its log says why", "internal_server_error")


def now() -> float:
    """Seconds, for measuring."""
    return time.perf_counter()
