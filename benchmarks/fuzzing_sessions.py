"""Nonsense against the speech server's WebSocket, for as long as you like: tests/server/test_nonsense.py, without end.

Prints how the sessions ended, and stops with 1 at the first sign of harm: the server does not answer, keeps a session,
fails in itself, or grows. The seed of each client is its number, so that a finding can be had again.

    python benchmarks/fuzzing_sessions.py [--seconds 60] [--seed 0]
"""

from __future__ import annotations

import argparse
import logging
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random

import psutil

sys.path.insert(0, str(Path(__file__).parent.parent))

from narrate.server.answers import Bounds
from tests.server.nonsense import visit
from tests.server.servers import eventually, serving
from tests.server.talks import Talk

ROUND = 500
"""Clients between two looks at the server."""
MOST_GROWTH = 100.0
"""MB of this process, server and clients, from the end of the first round on."""


class Troubles(logging.Handler):
    """What asyncio did not expect."""

    def __init__(self, level: int) -> None:
        super().__init__(level)
        self.found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.found.append(self.format(record))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    logging.getLogger("uvicorn.error").disabled = True  # it has a word for each of them
    troubles = Troubles(logging.ERROR)
    logging.getLogger("asyncio").addHandler(troubles)
    until = time.monotonic() + options.seconds
    number, before = options.seed, 0.0
    ends: Counter[str] = Counter()
    with serving(bounds=Bounds(opening_s=0.5, idle_s=0.5)) as server, ThreadPoolExecutor(8) as clients:
        while time.monotonic() < until:
            done = [clients.submit(visit, server.port, Random(seed)) for seed in range(number, number + ROUND)]
            for each in done:
                each.result()
            number += ROUND
            with Talk(server) as talk:
                assert talk.text("Hello there, all of you.").finish().end().audio, "no sound"
            assert eventually(lambda: server.metric("narrate_sessions_open") == 0), "a session is kept"
            assert eventually(lambda: server.metric("narrate_chunks_waiting") == 0), "a chunk is kept"
            assert server.premises.stage.text_held == 0, "a text is kept"
            failed = [line for line in server.lines if line.get("error") == "internal_server_error"]
            assert not troubles.found, troubles.found[0]
            assert not failed, f"between seeds {number - ROUND} and {number}: {failed[:3]}"
            ends.update(str(line.get("end", line["status"])) for line in server.lines)
            server.lines.clear()
            size = psutil.Process().memory_info().rss / 1e6
            before = before or size
            assert size - before < MOST_GROWTH, f"grew from {before:.0f} to {size:.0f} MB"
            print(f"{number - options.seed:8} clients  {size:5.0f} MB  {dict(ends.most_common())}", flush=True)


if __name__ == "__main__":
    main()
