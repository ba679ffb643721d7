"""When may the next request go? A gate, a circuit breaker and a limiter; no threads, no clock of their own.

Each is told what happens, with the time, and tells how long to wait; ``FOREVER`` is until something else happens.
They know nothing of engines: ``narrate.engines.limited`` puts them under one lock in front of one.
"""

from __future__ import annotations

import math

FOREVER = math.inf

ATTEMPTS = 8
"""Tries for one question, and probes of a server that is down, where nobody says how long to wait for it."""
MAX_WAIT_S = 120.0
"""Seconds. The longest wait that a server may ask for and get."""
