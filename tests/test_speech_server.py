"""The rehearsal server is trusted by other tests, so it is tested itself: as a process, and under many requests."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path
from urllib.request import Request, urlopen

from tests.speech_server import KEY, SpeechServer, throttled


def ask(url: str, text: str) -> tuple[bytes, str]:
    body = json.dumps({"text": text, "voice": "leah", "format": "wav"}).encode()
    with urlopen(Request(f"{url}/v1/ai/speech/bytes", body, {"X-API-Key": KEY}), timeout=30) as answer:
        return answer.read(), answer.headers["request-id"]


def test_it_runs_as_a_process_and_answers_the_same_as_in_a_test() -> None:
    command = [sys.executable, str(Path(__file__).with_name("speech_server.py")), "--latency", "0.01:0.02"]
    with SpeechServer() as server:
        expected = ask(server.url, "Hello there")
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().strip()
            assert ask(url, "Hello there") == expected
            with urlopen(f"{url}/stats") as answer:
                seen = json.load(answer)
        finally:
            process.terminate()
    assert seen["requests"] == 1
    assert 0.01 <= seen["latency"] <= 0.02


def test_two_hundred_requests_are_in_flight_at_once() -> None:
    answers: dict[str, bytes] = {}

    def work(text: str) -> None:
        answers[text] = ask(server.url, text)[0]

    with SpeechServer(latency=(0.6, 0.6)) as server:
        threads = [threading.Thread(target=work, args=(f"text {number:03}",)) for number in range(200)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert server.seen.most > 100
        assert server.seen.latency > 119
    assert len(answers) == 200


def test_a_plan_may_look_at_the_request() -> None:
    def plan(request: object, seen: int) -> object:
        return throttled(1) if seen == 0 else None

    with SpeechServer(plan) as server:  # type: ignore[arg-type]
        statuses = []
        for text in ("one", "one", "two", "two"):
            try:
                ask(server.url, text)
                statuses.append(200)
            except OSError as error:
                statuses.append(error.code)  # type: ignore[attr-defined]
                error.close()  # type: ignore[attr-defined]
    assert statuses == [429, 200, 429, 200]
