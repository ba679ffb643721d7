"""A real server of language models on 127.0.0.1: Anthropic's Messages API and OpenAI's chat completions, streamed.

    with LlmServer("It was a dark night.", plan=[throttled()]) as server:    # the first request goes wrong
        ...
        assert len(server.seen) == 2

The official SDKs are used against it as they are: it sends the events that the services send, one after another, in
chunks. An answer is a text, or a function of the request. Every request is kept in ``seen``, so that it can be counted.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as it came. ``authorization`` is whichever header carried the key."""

    path: str
    authorization: str
    body: dict[str, Any]

    @property
    def system(self) -> str:
        if "system" in self.body:
            return str(self.body["system"])
        return "".join(one["content"] for one in self.body["messages"] if one["role"] == "system")

    @property
    def prompt(self) -> str:
        return str(self.body["messages"][-1]["content"])


@dataclass(frozen=True, slots=True)
class Reply:
    """How one request goes wrong.

    ``status`` other than 200 is an error with ``error`` as its body. Else the stream carries ``events`` pieces of text
    (all of them when None), then a reason to stop, then its end; ``cut`` shuts the connection after the pieces,
    ``ends`` ends the stream there as if all were well, ``failing`` sends an error event.
    """

    status: int = 200
    error: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    events: int | None = None
    stop: str = ""
    cut: bool = False
    ends: bool = False
    failing: str = ""


GOOD = Reply()
CUT = Reply(events=2, cut=True)
ENDS = Reply(events=2, ends=True)
OVERLOADED = Reply(events=2, failing="overloaded_error")
CUT_OFF = Reply(events=2, stop="max_tokens")
REFUSED = Reply(events=1, stop="refusal")


def failed(status: int, kind: str, message: str, **headers: str) -> Reply:
    """An error before the stream; waits are named in milliseconds, so that the SDKs do not sleep."""
    error = {"type": "error", "error": {"type": kind, "code": kind, "message": message, "param": None}}
    return Reply(status, error, {"retry-after-ms": "1", "request-id": "req_1", **headers})


def throttled() -> Reply:
    return failed(429, "rate_limit_error", "slow down")


class LlmServer:
    """The server, while the ``with`` block lasts. ``plan`` is for the first requests, one each."""

    def __init__(self, answer: str | Callable[[Asked], str] = "Yes.", plan: Iterable[Reply] = ()) -> None:
        self.answer = answer
        self.plan = list(plan)
        self.seen: list[Asked] = []
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"owner": self}))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def env(self) -> dict[str, str]:
        return {"ANTHROPIC_BASE_URL": self.url, "OPENAI_BASE_URL": f"{self.url}/v1"}

    def __enter__(self) -> LlmServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    def takes(self, asked: Asked) -> tuple[str, Reply]:
        with self._lock:
            self.seen.append(asked)
            reply = self.plan.pop(0) if self.plan else GOOD
        return self.answer if isinstance(self.answer, str) else self.answer(asked), reply


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    owner: LlmServer

    def log_message(self, *_: object) -> None:
        pass

    def handle(self) -> None:
        with suppress(ConnectionError):  # the SDKs hang up when they have what they want
            super().handle()

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        key = self.headers.get("X-Api-Key") or self.headers.get("Authorization") or ""
        text, reply = self.owner.takes(Asked(self.path, key, body))
        with suppress(OSError):  # whoever asked has gone
            if reply.status != 200:
                self._error(reply)
                return
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            pieces = text.replace(" ", " \0").split("\0")
            messages = self.path == "/v1/messages"
            for event in (_messages if messages else _completions)(pieces, reply, body["model"]):
                if not event:
                    self.close_connection = True
                    self.connection.close()
                    return
                self.wfile.write(f"{len(event.encode()):x}\r\n{event}\r\n".encode())
                self.wfile.flush()
            self.wfile.write(b"0\r\n\r\n")

    def _error(self, reply: Reply) -> None:
        body = json.dumps(reply.error).encode()
        self.send_response(reply.status)
        for name, value in {**reply.headers, "Content-Type": "application/json"}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _event(name: str, **fields: Any) -> str:
    return f"event: {name}\ndata: {json.dumps({'type': name, **fields})}\n\n"


def _messages(pieces: list[str], reply: Reply, model: str) -> Iterator[str]:
    """The events of Anthropic's Messages API; "" where the connection is shut."""
    usage = {"input_tokens": 5, "output_tokens": 1}
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": model, "content": [], "usage": usage}
    yield _event("message_start", message={**message, "stop_reason": None, "stop_sequence": None})
    yield _event("content_block_start", index=0, content_block={"type": "text", "text": ""})
    yield _event("ping")
    for piece in pieces[: reply.events]:
        yield _event("content_block_delta", index=0, delta={"type": "text_delta", "text": piece})
    if reply.failing:
        yield _event("error", error={"type": reply.failing, "message": "Overloaded"})
    if reply.cut:
        yield ""
    if reply.ends or reply.failing:
        return
    yield _event("content_block_stop", index=0)
    stop = {"stop_reason": reply.stop or "end_turn", "stop_sequence": None}
    yield _event("message_delta", delta=stop, usage={"output_tokens": len(pieces)})
    yield _event("message_stop")


_FINISHED = {"": "stop", "max_tokens": "length", "refusal": "content_filter"}


def _completions(pieces: list[str], reply: Reply, model: str) -> Iterator[str]:
    """The chunks of OpenAI's chat completions; "" where the connection is shut."""
    chunk = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": model}

    def with_choice(delta: dict[str, Any], reason: str | None = None) -> str:
        choices = [{"index": 0, "delta": delta, "finish_reason": reason, "logprobs": None}]
        return f"data: {json.dumps({**chunk, 'choices': choices})}\n\n"

    yield with_choice({"role": "assistant", "content": ""})
    for piece in pieces[: reply.events]:
        yield with_choice({"content": piece})
    if reply.failing:
        yield f"data: {json.dumps({'error': {'type': reply.failing, 'code': None, 'message': 'Overloaded'}})}\n\n"
    if reply.cut:
        yield ""
    if reply.ends or reply.failing:
        return
    yield with_choice({}, _FINISHED.get(reply.stop, reply.stop))
    yield f"data: {json.dumps({**chunk, 'choices': [], 'usage': None})}\n\n"
    yield "data: [DONE]\n\n"
