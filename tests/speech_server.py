"""A real Speech API server on 127.0.0.1, for tests and benchmarks: LMNT's surface and OpenAI's, and every way to fail.

In a test:

    with SpeechServer(plan=[throttled(2), CUT]) as server:      # the first two requests go wrong, the rest do not
        ...
        assert server.counts[body] == 1

As a process, here with three answers in ten wrong by the seeded plan of ``tests/faults.py``:

    python tests/speech_server.py --port 8123 --latency 0.5:1.5 --faults 7:0.3

Its first line of output is its address. ``GET /stats`` tells what it saw. Answers depend on the request's body alone:
audio, request id and latency are the same every time, so that whole books come out reproducible. What ails the whole
server (limits, no money, a revoked key, an outage) is in ``SpeechServer.state``, and may be changed while it runs.
"""

from __future__ import annotations

import argparse
import base64
import json
import socket
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

if not __package__:  # run as a script
    sys.path.insert(0, str(Path(__file__).parent.parent))

from tests.speech_replies import (  # its replies are imported from here
    CUT as CUT,
)
from tests.speech_replies import (
    DROP as DROP,
)
from tests.speech_replies import (
    EMPTY as EMPTY,
)
from tests.speech_replies import (
    GOOD,
    Received,
    Reply,
    Seen,
    State,
    error,
)
from tests.speech_replies import (
    HALF as HALF,
)
from tests.speech_replies import (
    HANG as HANG,
)
from tests.speech_replies import (
    HTML as HTML,
)
from tests.speech_replies import (
    JSON as JSON,
)
from tests.speech_replies import (
    SILENT as SILENT,
)
from tests.speech_replies import (
    TWICE as TWICE,
)
from tests.speech_replies import (
    WRONG_RATE as WRONG_RATE,
)
from tests.speech_replies import (
    throttled as throttled,
)
from tests.speech_sound import ENCODERS, speech_of, timestamps

KEY = "test-key-3f9a1c77d2"
VOICES = ("leah", "brandon", "elowen")
OPENAI_VOICES = ("alloy", "nova", "af_heart")


Plan = Callable[[Received, int], Reply | None]


class SpeechServer:
    """``plan`` says what goes wrong: a list of replies, used up one by one, or a function of the request and the number
    of requests with that body so far (from 0). ``latency`` is a range of seconds, drawn by the body's hash.
    """

    def __init__(
        self,
        plan: Plan | Iterable[Reply] = (),
        *,
        port: int = 0,
        key: str | None = KEY,
        latency: tuple[float, float] = (0.0, 0.0),
        keep: bool = True,
        state: State | None = None,
    ) -> None:
        self.plan = plan if callable(plan) else _in_turn(plan)
        self.key, self.latency, self.keep = key, latency, keep
        self.requests: list[Received] = []
        self.counts: Counter[bytes] = Counter()
        self.seen = Seen()
        self.state = state or State()
        self.lock = threading.Lock()
        self.released = threading.Event()
        self._open(port)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def _open(self, port: int) -> None:
        self._server = _Server(("127.0.0.1", port), _Handler)
        self._server.speech = self

    def __enter__(self) -> SpeechServer:
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *unused: object) -> None:
        self.release()
        self.leave()

    def leave(self) -> None:
        """Refuse connections, and cut those there are."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def come_back(self) -> None:
        """Listen again, at the same address."""
        self._open(self._server.server_port)
        self.__enter__()

    def serve(self) -> None:
        """Serve until interrupted."""
        self._server.serve_forever()

    def release(self) -> None:
        """Let every hanging request go."""
        self.released.set()

    @property
    def spoken(self) -> list[Received]:
        """The requests for speech."""
        return [request for request in self.requests if request.method == "POST"]

    def delay(self, request: Received) -> float:
        low, high = self.latency
        return low + (high - low) * (request.number % 10_007) / 10_006


def _in_turn(replies: Iterable[Reply]) -> Plan:
    waiting = list(replies)
    return lambda request, seen: waiting.pop(0) if waiting else None


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 1024
    speech: SpeechServer

    def __init__(self, *arguments: Any) -> None:
        self._open: set[socket.socket] = set()
        super().__init__(*arguments)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def server_close(self) -> None:
        super().server_close()
        for request in list(self._open):  # connections kept alive, whose threads wait for a next request
            with suppress(OSError):
                request.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is no news; anything else is."""
        if not isinstance(sys.exception(), ConnectionError | TimeoutError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def log_message(self, *unused: Any) -> None:
        """Nothing is printed."""

    def do_GET(self) -> None:
        self._answer("GET", b"")

    def do_POST(self) -> None:
        promised = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(promised)
        if len(body) < promised:  # whoever asked was killed: that is no request
            self.close_connection = True
            return
        self._answer("POST", body)

    def _answer(self, method: str, body: bytes) -> None:
        speech = self.server.speech
        if self.path == "/stats":
            self._send(_json(vars(speech.seen)), "")
            return
        request = Received(method, self.path, {name.lower(): value for name, value in self.headers.items()}, body)
        reply = self._admit(request)
        try:
            self._deliver(request, reply)
        finally:
            with speech.lock:
                speech.seen.in_flight -= 1

    def _admit(self, request: Received) -> Reply:
        speech = self.server.speech
        with speech.lock:
            seen = speech.counts[request.body]
            speech.counts[request.body] += 1
            if speech.keep:
                speech.requests.append(request)
            told = speech.seen
            told.requests += 1
            told.repeated += seen > 0
            told.in_flight += 1
            told.most = max(told.most, told.in_flight)
            ailing = (
                speech.state.judge(told.in_flight - told.hanging, time.monotonic())
                if request.method == "POST"
                else None
            )
            reply = ailing or speech.plan(request, seen) or GOOD
            told.faults.update([reply.name] if reply != GOOD else [])
            delay = 0.0 if ailing else reply.delay + speech.delay(request)
            told.latency += delay
        return replace(reply, delay=delay)

    def _deliver(self, request: Received, reply: Reply) -> None:
        started = time.monotonic()
        if reply.hang:  # who hangs is no work
            with self.server.speech.lock:
                self.server.speech.seen.hanging += 1
            self.server.speech.released.wait(60)
            with self.server.speech.lock:
                self.server.speech.seen.hanging -= 1
            reply = replace(reply, drop=True)
        if reply.drop:
            self.close_connection = True
            return
        if reply.status == 200 and reply.body is None:
            reply = respond(request, self.server.speech, reply)
        rest = reply.delay - (time.monotonic() - started)
        if rest > 0:
            time.sleep(rest)
        self._send(reply, f"req_{request.number:016x}")

    def _send(self, reply: Reply, request_id: str) -> None:
        body = reply.body or b""
        names = {name.lower() for name, _ in reply.headers}
        lines = [f"HTTP/1.1 {reply.status} {'OK' if reply.status == 200 else 'Answer'}"]
        lines += [f"{name}: {value}" for name, value in reply.headers]
        if request_id and "request-id" not in names:
            lines.append(f"request-id: {request_id}")
        if reply.chunked:
            lines.append("Transfer-Encoding: chunked")
            body = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in _pieces(body)) + b"0\r\n\r\n"
        elif "content-length" not in names:
            lines.append(f"Content-Length: {len(body)}")
        head = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
        if reply.cut is not None:
            body = body[: reply.cut]
        if reply.cut_headers is not None:
            head, body = head[: reply.cut_headers], b""
        cut = reply.cut is not None or reply.cut_headers is not None
        self.close_connection = self.close_connection or cut or reply.drop_after
        if reply.drip_headers or reply.drip:
            self._drip(head + body, 0 if reply.drip_headers else len(head), reply.drip_headers or reply.drip)
            return
        self.wfile.write(head + body + reply.surplus)
        if reply.stall:
            self.server.speech.released.wait(60)

    def _drip(self, data: bytes, at_once: int, pause: float) -> None:
        self.wfile.write(data[:at_once])
        for place in range(at_once, len(data)):
            self.wfile.write(data[place : place + 1])
            if self.server.speech.released.wait(pause):
                self.close_connection = True
                return


def _pieces(body: bytes) -> list[bytes]:
    return [body[place : place + 16_384] for place in range(0, len(body), 16_384)]


# --- the two surfaces ---------------------------------------------------------------------------------------------


def _json(message: Any) -> Reply:
    return Reply(headers=(("Content-Type", "application/json"),), body=json.dumps(message).encode())


def respond(request: Received, server: SpeechServer, reply: Reply) -> Reply:
    """The healthy answer to ``request``, delivered as ``reply`` says."""
    key = server.key
    surface = _SURFACES.get((request.method, request.path.partition("?")[0]))
    if surface is None:
        answer = error(404, "not_found_error", f"no such address: {request.path}")
    elif key and key not in (request.headers.get("x-api-key"), request.headers.get("authorization", "")[7:]):
        answer = error(401, "authentication_error", "Invalid API key.")
    elif request.path == "/v1/account":
        answer = _json(server.state.account)
    else:
        answer = surface(request, dict(reply.speech))
    return replace(reply, status=answer.status, headers=(*answer.headers, *reply.headers), body=answer.body)


def _instead(request: Received, name: str, text: str | None) -> Received:
    """``request`` as it would be if it asked for ``text``."""
    if text is None:
        return request
    fields = {**request.fields, name: text}
    return replace(request, body=json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode())


def _lmnt(request: Received, changes: dict[str, Any]) -> Reply:
    request = _instead(request, "text", changes.pop("instead", None))
    fields = request.fields
    complaint = _complaint(fields, "text", 5000)
    if complaint is not None:
        return complaint
    if fields.get("voice") not in VOICES:
        return error(404, "not_found_error", f"voice {fields.get('voice')!r} not found")
    name = fields.get("format", "mp3")
    if name not in ENCODERS or name in ("pcm", "flac", "opus"):
        return error(400, "invalid_request_error", f"invalid format: {name}")
    rate = fields.get("sample_rate", 8000 if name == "ulaw" else 24000)
    audio = speech_of(request.number, fields["text"], name, rate, **changes)
    if not request.path.endswith("/bytes"):
        message: dict[str, Any] = {"audio": base64.b64encode(audio).decode()}
        if fields.get("return_timestamps"):
            message["timestamps"] = timestamps(fields["text"])
        return _json(message)
    return Reply(headers=(("Content-Type", "application/octet-stream"),), body=audio)


def _openai(request: Received, changes: dict[str, Any]) -> Reply:
    request = _instead(request, "input", changes.pop("instead", None))
    fields = request.fields
    complaint = _complaint(fields, "input", 4096)
    if complaint is not None:
        return complaint
    if fields.get("voice") not in OPENAI_VOICES:
        return error(400, "invalid_request_error", f"Voice {fields.get('voice')!r} not found. Available voices: alloy")
    name = fields.get("response_format", "mp3")
    changes = {"share": 1 / fields.get("speed", 1.0), **changes}
    return Reply(body=speech_of(request.number, fields["input"], name, 24000, **changes))


def _complaint(fields: dict[str, Any], name: str, longest: int) -> Reply | None:
    text = fields.get(name)
    if not isinstance(text, str) or not text:
        return error(400, "invalid_request_error", f"{name} is required")
    if len(text) > longest:
        return error(400, "invalid_request_error", f"{name} is longer than {longest} characters")
    return None


_SURFACES: dict[tuple[str, str], Callable[[Received, dict[str, Any]], Reply]] = {
    ("POST", "/v1/ai/speech/bytes"): _lmnt,
    ("POST", "/v1/ai/speech"): _lmnt,
    ("GET", "/v1/ai/voice/list"): lambda request, changes: _json(
        [{"id": name, "name": name.title(), "owner": "system", "state": "ready", "gender": "female"} for name in VOICES]
        + [{"id": "unborn", "name": "Unborn", "owner": "me", "state": "training"}]
    ),
    ("GET", "/v1/account"): lambda request, changes: GOOD,
    ("POST", "/v1/audio/speech"): _openai,
    ("GET", "/v1/audio/voices"): lambda request, changes: _json({"voices": list(OPENAI_VOICES)}),
}


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--latency", default="0:0", help="seconds, as LOW:HIGH")
    parser.add_argument("--key", default=KEY)
    parser.add_argument("--faults", metavar="SEED:SHARE", help="a share of wrong answers, such as 7:0.3")
    parser.add_argument("--concurrency", type=int, help="answer 429 above so many at once")
    parser.add_argument("--rate", type=float, help="answer 429 above so many a second")
    chosen = parser.parse_args()
    low, _, high = chosen.latency.partition(":")
    threading.stack_size(256 * 1024)
    latency = (float(low), float(high or low))
    state = State(concurrency=chosen.concurrency, rate=chosen.rate)
    plan: Plan | tuple[Reply, ...] = ()
    if chosen.faults:
        from tests.faults import Faults

        seed, _, share = chosen.faults.partition(":")
        plan = Faults(int(seed), float(share or 0.3))
    server = SpeechServer(plan, port=chosen.port, key=chosen.key, latency=latency, keep=False, state=state)
    print(server.url, flush=True)
    with suppress(KeyboardInterrupt):
        server.serve()


if __name__ == "__main__":
    from tests.speech_server import main as serve  # one module, not two: plans make its replies

    serve()
