"""How near the best fixed number of requests in flight the adaptive limiter comes, without being told anything.

Each server is a real one on loopback, in a process of its own, and limits in its way: it refuses above a number at
once, lets requests wait above it, or counts by time. ``tests/test_pacing.py`` shows the same in simulated time for
many more of them.

    python benchmarks/concurrency.py [--seconds 20] [--only rate]
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from random import Random
from types import SimpleNamespace

sys.path.insert(0, str(Path(__file__).parent.parent))

MOST = 64
SERVERS = {
    "at once 4": {"kind": "concurrent", "most": 4, "latency": 0.3},
    "at once 10": {"kind": "concurrent", "most": 10, "latency": 0.3},
    "at once 10, Retry-After": {"kind": "concurrent", "most": 10, "latency": 0.3, "retry_after": 1},
    "at once 40": {"kind": "concurrent", "most": 40, "latency": 0.5},
    "waiting above 10": {"kind": "queueing", "most": 10, "latency": 0.3},
    "rate 20": {"kind": "bucket", "rate": 20, "burst": 20, "latency": 0.3},
    "rate 20, Retry-After": {"kind": "bucket", "rate": 20, "burst": 20, "latency": 0.3, "retry_after": 1},
    "rate 40, no bucket": {"kind": "bucket", "rate": 40, "burst": 1, "latency": 0.3},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=20, help="about how long the best number takes for a run")
    parser.add_argument("--only", default="")
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(json.loads(options.serve))
        return
    print(f"{'server':26}{'requests':>9}   {'fixed: answers a second (refused)':58}{'adaptive':>16}   of the best")
    for name, server in SERVERS.items():
        if options.only in name:
            report(name, server, options.seconds)


def report(name: str, server: dict[str, float | str], seconds: float) -> None:
    most, latency = float(server.get("most", 0)), float(server["latency"])
    capacity = most / latency if most else float(server["rate"])
    needed = max(1, round(capacity * latency))
    requests = round(capacity * seconds)
    found = {}
    for number in sorted({max(1, round(needed * 0.75)), needed, min(MOST, needed + 1), min(MOST, 2 * needed)}):
        found[number] = measure(server, requests, number, adapt=False)
    own, refused = measure(server, requests, MOST, adapt=True)
    best = max(rate for rate, _ in found.values())
    fixed = "  ".join(f"{number}: {rate:.1f} ({bad})" for number, (rate, bad) in found.items())
    print(f"{name:26}{requests:9}   {fixed:58}{own:9.1f} ({refused:4})   {own / best:.3f}", flush=True)


def measure(server: dict[str, float | str], requests: int, most: int, *, adapt: bool) -> tuple[float, int]:
    """Answers a second, and how many requests were refused."""
    from narrate.bounds import Deadlines
    from narrate.engines import Speech, Traits
    from narrate.engines.limited import limited
    from narrate.engines.retrying import Retrying
    from narrate.errors import EngineError
    from narrate.executors.threads import Threads
    from narrate.http import Client
    from narrate.script import Chunk, Voice
    from narrate.wire.address import address

    with running(server) as url:
        client = Client(address({}, "URL", url), engine="bench", connections=MOST, deadlines=Deadlines())

        def speak(chunk: Chunk) -> Speech:
            answer = client.post("/", chunk.text.encode(), {})
            client.check(answer)
            return Speech(answer.body, "mp3", 0)

        engine = SimpleNamespace(traits=Traits("bench", 5000), speak=speak)
        inner = limited(engine, most=most, adapt=adapt)
        stack = Retrying(inner, sleep=inner.rest)

        def work(number: int) -> int:
            try:
                stack.speak(Chunk(f"text {number}", Voice("bench", "", ""), 0))
            except EngineError:
                return 0
            return 1

        started = time.perf_counter()
        served = sum(Threads(most).map(work, range(requests)))
        wall = time.perf_counter() - started
        refused = int(client.get("/").body)
        client.close()
    return served / wall, refused


@contextmanager
def running(server: dict[str, float | str]) -> Iterator[str]:
    """The server as a process; its address."""
    command = [sys.executable, __file__, "--serve", json.dumps(server)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
    finally:
        process.terminate()
        process.wait()


def serve(settings: dict[str, float | str]) -> None:
    """Serve one of the models of the simulation, in real time."""
    from tests.throttles import Bucket, Concurrent, Queueing

    kinds = {"concurrent": Concurrent, "queueing": Queueing, "bucket": Bucket}
    model = kinds[str(settings.pop("kind"))](**settings)
    lock, random, began = threading.Lock(), Random(1), time.monotonic()
    refused = 0

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def log_message(self, *unused: object) -> None:
            """Nothing is printed."""

        def do_GET(self) -> None:
            self.answer(200, str(refused).encode())

        def do_POST(self) -> None:
            nonlocal refused
            self.rfile.read(int(self.headers["Content-Length"]))
            with lock:
                seconds = model.arrive(time.monotonic() - began, random)
                refused += seconds is None
            if seconds is None:
                self.answer(429, b'{"error": {"type": "rate_limit_error", "message": "too many requests"}}')
                return
            time.sleep(seconds)
            with lock:
                model.leave()
            self.answer(200, bytes(2000))

        def answer(self, status: int, body: bytes) -> None:
            head = f"HTTP/1.1 {status} Answer\r\nContent-Length: {len(body)}\r\n"
            if status == 429 and model.retry_after is not None:
                head += f"Retry-After: {model.retry_after}\r\n"
            self.wfile.write(f"{head}\r\n".encode() + body)

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 256

    with Server(("127.0.0.1", 0), Handler) as server:
        print(f"http://127.0.0.1:{server.server_port}", flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main()
