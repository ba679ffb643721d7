"""A real Speech API server on 127.0.0.1, for tests and benchmarks: LMNT's surface and OpenAI's, and every way to fail.

In a test:

    with SpeechServer(plan=[throttled(2), CUT]) as server:      # the first two requests go wrong, the rest do not
        ...
        assert server.counts[body] == 1

As a process:

    python tests/speech_server.py --port 8123 --latency 0.5:1.5

Its first line of output is its address. ``GET /stats`` tells what it saw. Answers depend on the request's body alone:
audio, request id and latency are the same every time, so that whole books come out reproducible.
"""

from __future__ import annotations

import argparse
import base64
import functools
import hashlib
import io
import json
import math
import re
import socket
import struct
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np

KEY = "test-key-3f9a1c77d2"
MS_PER_CHARACTER = 60
PERIODS = {8000: (20, 25, 40), 16000: (40, 50, 80), 24000: (60, 75, 80), 22050: (63, 70, 90), 48000: (120, 150, 160)}
VOICES = ("leah", "brandon", "elowen")
OPENAI_VOICES = ("alloy", "nova", "af_heart")


@dataclass(frozen=True)
class Reply:
    """What is sent back, and how. The defaults are a healthy answer.

    ``body`` None is the speech asked for; ``speech`` changes how that is made. ``cut`` is how many bytes of the body
    are sent before the connection is cut, though the headers promise all of it; ``drop`` cuts it before any header.
    ``hang`` waits, before headers, until ``SpeechServer.release``. ``drip`` is the pause, in seconds, after every byte
    of the body, ``drip_headers`` after every byte of all.
    """

    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None
    delay: float = 0.0
    cut: int | None = None
    drop: bool = False
    hang: bool = False
    drip: float = 0.0
    drip_headers: float = 0.0
    chunked: bool = False
    speech: tuple[tuple[str, Any], ...] = ()


def error(status: int, kind: str, message: str, **headers: str) -> Reply:
    """An error in LMNT's envelope; header names are given with underscores."""
    body = json.dumps({"error": {"type": kind, "message": message}}).encode()
    named = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return Reply(status, (("Content-Type", "application/json"), *named), body)


def throttled(seconds: float | str) -> Reply:
    """429 with Retry-After."""
    return error(429, "rate_limit_error", "too many requests", retry_after=str(seconds))


GOOD = Reply()
DROP = Reply(drop=True)
CUT = Reply(cut=1000)
HANG = Reply(hang=True)
HTML = Reply(headers=(("Content-Type", "text/html"),), body=b"<!DOCTYPE html><html><title>Bad gateway</title></html>")
JSON = Reply(headers=(("Content-Type", "application/json"),), body=b'{"status": "queued", "position": 3}')
EMPTY = Reply(body=b"")
SILENT = Reply(speech=(("amplitude", 0),))
WRONG_RATE = Reply(speech=(("rate", 16000),))
HALF = Reply(speech=(("share", 0.1),), chunked=True)
TWICE = Reply(speech=(("share", 10.0),))


@dataclass(frozen=True)
class Received:
    """A request as it came."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def fields(self) -> dict[str, Any]:
        """The JSON body."""
        fields: dict[str, Any] = json.loads(self.body)
        return fields

    @property
    def number(self) -> int:
        """A number that depends on the body alone."""
        return int.from_bytes(hashlib.sha256(self.body).digest()[:8])


Plan = Callable[[Received, int], Reply | None]


@dataclass
class Seen:
    """What ``GET /stats`` tells. ``latency`` is the sum of all delays in seconds, ``most`` the most in flight."""

    requests: int = 0
    repeated: int = 0
    latency: float = 0.0
    in_flight: int = 0
    most: int = 0


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
    ) -> None:
        self.plan = plan if callable(plan) else _in_turn(plan)
        self.key, self.latency, self.keep = key, latency, keep
        self.requests: list[Received] = []
        self.counts: Counter[bytes] = Counter()
        self.seen = Seen()
        self.lock = threading.Lock()
        self.released = threading.Event()
        self._server = _Server(("127.0.0.1", port), _Handler)
        self._server.speech = self
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> SpeechServer:
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *unused: object) -> None:
        self.release()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

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
        self._answer("POST", self.rfile.read(int(self.headers.get("Content-Length", 0))))

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
            state = speech.seen
            state.requests += 1
            state.repeated += seen > 0
            state.in_flight += 1
            state.most = max(state.most, state.in_flight)
            reply = speech.plan(request, seen) or GOOD
            delay = reply.delay + speech.delay(request)
            state.latency += delay
        return replace(reply, delay=delay)

    def _deliver(self, request: Received, reply: Reply) -> None:
        started = time.monotonic()
        if reply.hang:
            self.server.speech.released.wait(60)
            reply = replace(reply, drop=True)
        if reply.drop:
            self.close_connection = True
            return
        if reply.status == 200 and reply.body is None:
            reply = respond(request, self.server.speech.key, reply)
        rest = reply.delay - (time.monotonic() - started)
        if rest > 0:
            time.sleep(rest)
        self._send(reply, f"req_{request.number:016x}")

    def _send(self, reply: Reply, request_id: str) -> None:
        body = reply.body or b""
        names = {name.lower() for name, _ in reply.headers}
        lines = [f"HTTP/1.1 {reply.status} {'OK' if reply.status == 200 else 'Answer'}"]
        lines += [f"{name}: {value}" for name, value in reply.headers]
        if request_id:
            lines.append(f"request-id: {request_id}")
        if reply.chunked:
            lines.append("Transfer-Encoding: chunked")
            body = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in _pieces(body)) + b"0\r\n\r\n"
        elif "content-length" not in names:
            lines.append(f"Content-Length: {len(body)}")
        head = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
        if reply.cut is not None:
            body = body[: reply.cut]
            self.close_connection = True
        if reply.drip_headers or reply.drip:
            self._drip(head + body, 0 if reply.drip_headers else len(head), reply.drip_headers or reply.drip)
            return
        self.wfile.write(head + body)

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


def respond(request: Received, key: str | None, reply: Reply) -> Reply:
    """The healthy answer to ``request``, delivered as ``reply`` says."""
    surface = _SURFACES.get((request.method, request.path.partition("?")[0]))
    if surface is None:
        answer = error(404, "not_found_error", f"no such address: {request.path}")
    elif key and key not in (request.headers.get("x-api-key"), request.headers.get("authorization", "")[7:]):
        answer = error(401, "authentication_error", "Invalid API key.")
    else:
        answer = surface(request, dict(reply.speech))
    return replace(reply, status=answer.status, headers=answer.headers, body=answer.body)


def _lmnt(request: Received, changes: dict[str, Any]) -> Reply:
    fields = request.fields
    complaint = _complaint(fields, "text", 5000)
    if complaint is not None:
        return complaint
    if fields.get("voice") not in VOICES:
        return error(404, "not_found_error", f"voice {fields.get('voice')!r} not found")
    name = fields.get("format", "mp3")
    if name not in _ENCODERS or name in ("pcm", "flac", "opus"):
        return error(400, "invalid_request_error", f"invalid format: {name}")
    rate = fields.get("sample_rate", 8000 if name == "ulaw" else 24000)
    audio = speech_of(request, fields["text"], name, rate, **changes)
    if not request.path.endswith("/bytes"):
        message: dict[str, Any] = {"audio": base64.b64encode(audio).decode()}
        if fields.get("return_timestamps"):
            message["timestamps"] = timestamps(fields["text"])
        return _json(message)
    return Reply(headers=(("Content-Type", "application/octet-stream"),), body=audio)


def _openai(request: Received, changes: dict[str, Any]) -> Reply:
    fields = request.fields
    complaint = _complaint(fields, "input", 4096)
    if complaint is not None:
        return complaint
    if fields.get("voice") not in OPENAI_VOICES:
        return error(400, "invalid_request_error", f"Voice {fields.get('voice')!r} not found. Available voices: alloy")
    name = fields.get("response_format", "mp3")
    changes = {"share": 1 / fields.get("speed", 1.0), **changes}
    return Reply(body=speech_of(request, fields["input"], name, 24000, **changes))


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
    ("POST", "/v1/audio/speech"): _openai,
    ("GET", "/v1/audio/voices"): lambda request, changes: _json({"voices": list(OPENAI_VOICES)}),
}


def timestamps(text: str) -> list[dict[str, Any]]:
    """One entry per word, blank and mark, as the service gives them, with silence before and after."""
    seconds = MS_PER_CHARACTER / 1000
    entries = [
        {"text": found[0], "start": found.start() * seconds, "duration": len(found[0]) * seconds}
        for found in re.finditer(r"\w+|\s+|[^\w\s]", text)
    ]
    return [{"text": "", "start": 0.0, "duration": 0.0}, *entries]


# --- sound --------------------------------------------------------------------------------------------------------


def speech_of(
    request: Received, text: str, name: str, rate: int, *, amplitude: int = 8000, share: float = 1.0, **changes: int
) -> bytes:
    """A tone as long as ``text`` takes, times ``share``, its pitch drawn by the request's hash, encoded."""
    rate = changes.get("rate", rate)
    samples = int(rate * max(len(text), 3) * MS_PER_CHARACTER * share) // 1000
    periods = PERIODS[rate]
    return _ENCODERS[name](tone(samples, periods[request.number % len(periods)], amplitude), rate)


def tone(samples: int, period: int, amplitude: int) -> bytes:
    """16-bit samples: one wave, repeated; bytes are only copied."""
    wave = _wave(period, amplitude)
    return (wave * (samples // period + 1))[: samples * 2]


@functools.cache
def _wave(period: int, amplitude: int) -> bytes:
    return struct.pack(f"<{period}h", *(round(amplitude * math.sin(2 * math.pi * i / period)) for i in range(period)))


def wav(pcm: bytes, rate: int, size: int | None = None) -> bytes:
    """A WAV file; ``size`` puts another size into its header, as streaming servers do."""
    return _riff(pcm, 1, rate, 2, size)


def _riff(data: bytes, tag: int, rate: int, width: int, size: int | None = None) -> bytes:
    size = len(data) if size is None else size
    shape = struct.pack("<IHHIIHH", 16, tag, 1, rate, rate * width, width, 8 * width)
    head = struct.pack("<4sI8s", b"RIFF", min(size + 36, 0xFFFFFFFF), b"WAVEfmt ") + shape
    return head + struct.pack("<4sI", b"data", size) + data


def _ulaw(pcm: bytes, rate: int) -> bytes:
    """G.711 µ-law in a WAV header, as LMNT sends it (format tag 7)."""
    samples = np.frombuffer(pcm, "<i2").astype(np.int32)
    size = np.minimum(np.abs(samples), 32635) + 132
    exponent = np.floor(np.log2(size)).astype(np.int32) - 7
    sound = ~((samples < 0) * 128 | exponent << 4 | (size >> (exponent + 3)) & 15) & 255
    return _riff(sound.astype(np.uint8).tobytes(), 7, rate, 1)


def _mp3(pcm: bytes, rate: int) -> bytes:
    import lameenc

    encoder = lameenc.Encoder()
    encoder.silence()
    encoder.set_in_sample_rate(rate)
    encoder.set_channels(1)
    encoder.set_bit_rate(64)
    encoder.set_quality(7)
    return bytes(encoder.encode(pcm) + encoder.flush())


def _with_av(container: str, codec: str) -> Callable[[bytes, int], bytes]:
    def encode(pcm: bytes, rate: int) -> bytes:
        import av

        file = io.BytesIO()
        with av.open(file, "w", format=container) as output:
            stream: Any = output.add_stream(codec, rate=rate, layout="mono")
            resampler = av.AudioResampler(format=stream.format, layout="mono", rate=rate, frame_size=stream.frame_size)
            frame = av.AudioFrame.from_ndarray(np.frombuffer(pcm, "<i2").reshape(1, -1), format="s16", layout="mono")
            frame.sample_rate = rate
            for piece in [*resampler.resample(frame), *resampler.resample(None)]:
                output.mux(stream.encode(piece))
            output.mux(stream.encode(None))
        return file.getvalue()

    return encode


def _float32(pcm: bytes, rate: int) -> bytes:
    return (np.frombuffer(pcm, "<i2") / np.float32(32768)).astype("<f4").tobytes()


_ENCODERS: dict[str, Callable[[bytes, int], bytes]] = {
    "wav": wav,
    "pcm_s16le": lambda pcm, rate: pcm,
    "pcm": lambda pcm, rate: pcm,
    "pcm_f32le": _float32,
    "ulaw": _ulaw,
    "mp3": _mp3,
    "aac": _with_av("adts", "aac"),
    "flac": _with_av("flac", "flac"),
    "webm": _with_av("webm", "libopus"),
    "opus": _with_av("ogg", "libopus"),
}


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--latency", default="0:0", help="seconds, as LOW:HIGH")
    parser.add_argument("--key", default=KEY)
    chosen = parser.parse_args()
    low, _, high = chosen.latency.partition(":")
    threading.stack_size(256 * 1024)
    latency = (float(low), float(high or low))
    server = SpeechServer(port=chosen.port, key=chosen.key, latency=latency, keep=False)
    print(server.url, flush=True)
    with suppress(KeyboardInterrupt):
        server.serve()


if __name__ == "__main__":
    main()
