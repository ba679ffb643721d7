"""The plan of faults, where tests and benchmarks look for it: narrate/server/faults.py, as users have it too.

with SpeechServer(Faults(seed=7, share=0.3)) as server: ...
"""

from __future__ import annotations

from narrate.server.faults import BY_LENGTH, KINDS, LONG, SECRETIVE, STALE, Faults, Pace

__all__ = ["BY_LENGTH", "KINDS", "LONG", "SECRETIVE", "STALE", "Faults", "Pace"]
