"""The speech server under load: ``narrate serve`` in a process of its own, and hundreds of clients in another.

Every session speaks turn after turn, its text cut as a language model writes it, and every connection asks again as
soon as it is answered: all of them all the time, so that a time to the first byte is one in a full house. The same
without any other client is measured before. What is spoken is checked: the same text must be the same bytes each time.

    python benchmarks/serving.py [--seconds 60] [--sessions 200] [--requests 500]
    python benchmarks/serving.py --engine kokoro --sessions 4 --requests 8

Ends with 1 when there was an error, when a session had less than half of the turns of the middle one, or when memory
grew by more than MOST_GROWTH in an hour.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import statistics
import struct
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

ROOT = Path(__file__).parent.parent
MOST_GROWTH = 60.0
"""MB in an hour."""
WARM_UP = 0.25
"""Share of the time that is not looked at for memory: until then caches fill."""
STORY = (
    "The keeper of the lighthouse had counted every ship that passed since the spring.",
    "Nobody had asked him to, and nobody would ever read the book in which he wrote them down.",
    "It was a cold evening, and the lamp was lit an hour before its time.",
    "A boat came round the rock, slowly, with a single man at the oars.",
    "“You are late,” said the keeper; but he was glad of it, as he was of every voice.",
    "They sat by the fire and said little, as people do who know each other well.",
    "In the morning the sea lay still, and the boat was gone.",
)


@dataclass
class Results:
    """What came of it. Times are seconds."""

    first_byte: dict[str, list[float]] = field(default_factory=lambda: {"requests": [], "sessions": []})
    done: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    turns: list[int] = field(default_factory=list)
    memory: list[tuple[float, float]] = field(default_factory=list)
    known: dict[tuple[str, str], int] = field(default_factory=dict)
    audio: int = 0

    def heard(self, kind: str, text: str, size: int) -> None:
        """An answer's sound is complete."""
        self.done[kind] += 1
        self.audio += size
        if self.known.setdefault((kind, text), size) != size:
            self.errors[f"{kind}: another sound for the same text"] += 1


# --- clients --------------------------------------------------------------------------------------------------------


def texts(sentences: int, seed: int) -> Iterator[str]:
    """Endless texts of so many sentences."""
    dice = random.Random(seed)
    while True:
        yield " ".join(
            STORY[(place + at) % len(STORY)] for place in [dice.randrange(len(STORY))] for at in range(sentences)
        )


async def asking(host: str, port: int, plan: argparse.Namespace, results: Results, until: float, seed: int) -> None:
    """One connection, request after request."""
    reader, writer = await asyncio.open_connection(host, port)
    try:
        for text in texts(plan.sentences, seed):
            if time.perf_counter() >= until:
                return
            body = json.dumps({"text": text, "voice": "leah", "format": plan.format}).encode()
            head = f"POST /v1/ai/speech/bytes HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Length: {len(body)}\r\n\r\n"
            asked = time.perf_counter()
            writer.write(head.encode() + body)
            status, headers = await _head(reader)
            if status != 200:
                results.errors[f"requests: status {status}"] += 1
                return
            size, first = 0, 0.0
            while piece := await _chunk(reader):
                first = first or time.perf_counter() - asked
                size += len(piece)
            results.first_byte["requests"].append(first)
            results.heard("requests", text, size)
            assert headers.get("request-id")
    finally:
        writer.close()


async def _head(reader: asyncio.StreamReader) -> tuple[int, dict[str, str]]:
    first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().strip().split("\r\n")
    return int(first.split()[1]), {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}


async def _chunk(reader: asyncio.StreamReader) -> bytes:
    size = int(await reader.readuntil(b"\r\n"), 16)
    return (await reader.readexactly(size + 2))[:-2]


async def talking(host: str, port: int, plan: argparse.Namespace, results: Results, until: float, seed: int) -> None:
    """One session, turn after turn."""
    reader, writer = await asyncio.open_connection(host, port)
    dice = random.Random(seed)
    number = len(results.turns)
    results.turns.append(0)
    try:
        writer.write(
            f"GET /v1/ai/speech/stream HTTP/1.1\r\nHost: {host}:{port}\r\n"
            "Upgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
        )
        status, _ = await _head(reader)
        if status != 101:
            results.errors[f"sessions: status {status}"] += 1
            return
        _send(writer, {"X-API-Key": "", "lmnt-version": "1.2", "voice": "leah", "format": plan.format})
        for turn, text in enumerate(texts(plan.sentences, seed)):
            if time.perf_counter() >= until:
                break
            place = 0
            while place < len(text):
                step = dice.randrange(1, 12)
                _send(writer, {"type": "text", "text": text[place : place + step]})
                place += step
            asked = time.perf_counter()
            _send(writer, {"type": "flush", "nonce": turn})
            size, first = 0, 0.0
            while True:
                opcode, payload = await _frame(reader)
                if opcode == 2:
                    first = first or time.perf_counter() - asked
                    size += len(payload)
                elif opcode == 1:
                    message = json.loads(payload)
                    if message["type"] == "flush_complete":
                        break
                    if message["type"] == "error":
                        results.errors[f"sessions: {message['error']}"] += 1
                        return
                elif opcode == 8:
                    results.errors[f"sessions: closed with {payload[:2]!r}"] += 1
                    return
            results.first_byte["sessions"].append(first)
            results.turns[number] += 1
            if turn:  # the first turn of a stream begins with what the later ones need not
                results.heard("sessions", text, size if plan.format.startswith("pcm") else 0)
        _send(writer, {"type": "finish"})
        while (await _frame(reader))[0] != 8:
            pass
        writer.write(b"\x88\x82\0\0\0\0\x03\xe8")
    finally:
        writer.close()


def _send(writer: asyncio.StreamWriter, message: dict[str, object]) -> None:
    payload = json.dumps(message).encode()
    size = len(payload)
    writer.write(
        b"\x81" + (bytes([0x80 | size]) if size < 126 else b"\xfe" + struct.pack("!H", size)) + bytes(4) + payload
    )


async def _frame(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    first, size = await reader.readexactly(2)
    if size == 126:
        [size] = struct.unpack("!H", await reader.readexactly(2))
    elif size == 127:
        [size] = struct.unpack("!Q", await reader.readexactly(8))
    return first & 15, await reader.readexactly(size)


# --- the run --------------------------------------------------------------------------------------------------------


async def load(host: str, port: int, plan: argparse.Namespace, server: psutil.Process) -> Results:
    """All clients at once, for so many seconds."""
    results = Results()
    began = time.perf_counter()
    until = began + plan.seconds
    clients = [talking(host, port, plan, results, until, seed) for seed in range(plan.sessions)]
    clients += [asking(host, port, plan, results, until, seed) for seed in range(plan.requests)]
    watch = asyncio.create_task(_watch(server, results, began))
    for outcome in await asyncio.gather(*clients, return_exceptions=True):
        if isinstance(outcome, BaseException):
            results.errors[f"{type(outcome).__name__}: {outcome}"[:120]] += 1
    watch.cancel()
    return results


async def _watch(server: psutil.Process, results: Results, began: float) -> None:
    while True:
        results.memory.append((time.perf_counter() - began, server.memory_info().rss / 1e6))
        await asyncio.sleep(min(2.0, max(0.1, len(results.memory) / 10)))


@contextmanager
def running(plan: argparse.Namespace) -> Iterator[tuple[str, int, psutil.Process]]:
    """The server: its host, its port, itself."""
    settings = ["--set", f"ms_per_char={plan.ms_per_char}"] if plan.engine == "tone" else []
    room = ["--max-requests", str(2 * plan.requests + 1), "--max-sessions", str(plan.sessions + 1)]
    command = [sys.executable, "-m", "narrate", "serve", "--engine", plan.engine, "--port", "0", "-q", *settings, *room]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT, env={**os.environ}) as process:
        try:
            assert process.stdout is not None
            host, _, port = process.stdout.readline().strip().removeprefix("http://").rpartition(":")
            yield host, int(port), psutil.Process(process.pid)
        finally:
            process.terminate()
            print(f"the server ended with {process.wait(60)}", flush=True)


def slope(memory: Sequence[tuple[float, float]]) -> float:
    """MB in an hour, by least squares, of all that comes behind the warm-up."""
    points = [point for point in memory if point[0] >= WARM_UP * memory[-1][0]]
    if len(points) < 3:
        return 0.0
    return 3600 * statistics.linear_regression([at for at, _ in points], [size for _, size in points]).slope


def percentile(found: Sequence[float], share: float) -> float:
    return sorted(found)[min(len(found) - 1, int(share * len(found)))] if found else float("nan")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--engine", default="tone")
    parser.add_argument("--sessions", type=int, default=200)
    parser.add_argument("--requests", type=int, default=500)
    parser.add_argument("--sentences", type=int, default=2, help="of a text")
    parser.add_argument("--format", default="mp3")
    parser.add_argument("--ms-per-char", type=int, default=10, help="of the tone")
    plan = parser.parse_args()
    with running(plan) as (host, port, server):
        alone = argparse.Namespace(
            **{**vars(plan), "seconds": min(plan.seconds / 4, 2.0 if plan.engine == "tone" else 10.0)}
        )
        floors = {}
        for kind in ("requests", "sessions"):
            only = {"requests": 0, "sessions": 0, kind: 1}
            quiet = asyncio.run(load(host, port, argparse.Namespace(**{**vars(alone), **only}), server))
            floors[kind] = percentile(quiet.first_byte[kind][1:], 0.5)
        cpu = sum(server.cpu_times()[:2])
        began = time.perf_counter()
        results = asyncio.run(load(host, port, plan, server))
        seconds = time.perf_counter() - began
        cpu = sum(server.cpu_times()[:2]) - cpu
    sys.exit(report(plan, results, floors, seconds, cpu))


def report(plan: argparse.Namespace, results: Results, floors: dict[str, float], seconds: float, cpu: float) -> int:
    """Print it; the exit code."""
    print(f"{plan.engine}, {plan.format}: {plan.sessions} sessions and {plan.requests} requests for {seconds:.0f} s")
    print(f"{'':10}{'answers':>9}{'a second':>10}   first byte {'p50':>9}{'p99':>9}{'worst':>9}   alone")
    for kind in ("requests", "sessions"):
        found = results.first_byte[kind]
        spread = "".join(f"{percentile(found, share) * 1000:6.0f} ms" for share in (0.5, 0.99, 1.0))
        print(f"{kind:10}{len(found):9}{len(found) / seconds:10.1f}   {'':10} {spread}{floors[kind] * 1000:5.0f} ms")
    turns = sorted(results.turns)
    middle = statistics.median(turns) if turns else 0
    fair = turns[0] / middle if middle else 0.0
    if turns:
        print(f"turns of a session: from {turns[0]} to {turns[-1]}, {middle:.0f} in the middle: {fair:.2f}")
    sizes = [size for _, size in results.memory]
    growth = slope(results.memory)
    print(f"memory: {sizes[0]:.0f} MB, {max(sizes):.0f} at the most, {sizes[-1]:.0f} at last; {growth:+.0f} an hour")
    step = max(1, len(results.memory) // 12)
    print("        " + "  ".join(f"{at:.0f} s {size:.0f}" for at, size in results.memory[::step]))
    print(f"the server used {cpu / seconds:.2f} cores; {results.audio / 1e6:.0f} MB of sound")
    for error, count in results.errors.most_common():
        print(f"ERROR {count} x {error}")
    starved = bool(turns) and fair < 0.5
    grows = seconds >= 30 and growth > MOST_GROWTH
    return int(bool(results.errors) or starved or grows)


if __name__ == "__main__":
    main()
