"""Clients that send nonsense, hundreds of them: the server stays up, serves the next, and keeps nothing of them."""

from __future__ import annotations

import gc
import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from random import Random

import pytest

from narrate.server.answers import Bounds
from tests.server.nonsense import visit
from tests.server.servers import Served, eventually, serving
from tests.server.talks import Talk

VISITS = 400
SEED = 20260713


@pytest.fixture(scope="module")
def server() -> Iterator[Served]:
    with serving(bounds=Bounds(opening_s=0.5, idle_s=0.5)) as served:
        yield served


def test_nonsense_does_no_harm(server: Served, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR, "asyncio")
    with ThreadPoolExecutor(8) as clients:
        for done in [clients.submit(visit, server.port, Random(SEED + number)) for number in range(VISITS)]:
            done.result()
    with Talk(server) as talk:
        said = talk.text("Hello there, all of you. ").flush().until("flush_complete")
        assert said.audio and said.times
        assert server.metric("narrate_sessions_open") >= 1
        talk.finish().end()
    assert eventually(lambda: server.premises.open == 0 and server.metric("narrate_sessions_open") == 0)
    assert eventually(lambda: server.metric("narrate_chunks_waiting") == 0)
    assert server.premises.stage.text_held == 0
    gc.collect()
    assert [record.getMessage() for record in caplog.records if record.name == "asyncio"] == []
    assert [line for line in server.lines if line.get("error") == "internal_server_error"] == []
    ends = {line.get("end") for line in server.lines if line["event"] == "session"}
    assert {"gone", "invalid_request_error", "finished"} <= ends
