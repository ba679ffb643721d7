"""The same speech faster or slower, at the same pitch. One of the rooms that know PyAV."""

from __future__ import annotations

import numpy as np

from narrate.audio import codec
from narrate.audio.codec import Samples
from narrate.errors import AudioError

SLOWEST, FASTEST = 0.25, 4.0
"""Times the speed of the samples."""

_TAIL_MS = 100
"""Of silence behind the samples: atempo loses up to a window of 30 ms at the end, or all of a sound shorter than it."""


def at_tempo(samples: Samples, rate: int, tempo: float) -> Samples:
    """``samples`` at ``tempo`` times their speed, ``samples.size / tempo`` of them to the nearest whole number.

    At 1.0 they are returned as they are. AudioError for a tempo out of range.
    """
    if not SLOWEST <= tempo <= FASTEST:
        raise AudioError(f"a tempo of {tempo:g} cannot be spoken; it goes from {SLOWEST} to {FASTEST}")
    if tempo == 1.0 or not samples.size:
        return samples
    length = round(samples.size / tempo)
    changed = _stretched(np.pad(samples, (0, rate * _TAIL_MS // 1000)), rate, tempo)[:length]
    return np.pad(changed, (0, length - changed.size))


def _stretched(samples: Samples, rate: int, tempo: float) -> Samples:
    import av
    from av.filter import Graph

    graph = Graph()
    graph.threads = 1
    steps = [tempo] if 0.5 <= tempo <= 2.0 else [tempo**0.5] * 2  # beyond twice the speed atempo drops sound
    source = graph.add_abuffer(sample_rate=rate, format="s16", layout="mono", time_base=None)
    filters = [graph.add("atempo", f"{step:.9f}") for step in steps]
    graph.link_nodes(source, *filters, graph.add("abuffersink"))
    with codec.translated("the sound", "cannot be spoken at another tempo"):
        graph.configure()
        graph.push(codec.audio_frame(samples, "s16", rate))
        graph.push(None)
        pieces = []
        while True:
            try:
                pieces.append(graph.pull().to_ndarray()[0])
            except (av.BlockingIOError, av.EOFError):
                return np.concatenate(pieces) if pieces else samples[:0]
