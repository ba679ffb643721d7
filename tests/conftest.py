"""For all tests."""

from __future__ import annotations

import signal

# Behind a shell's `&` Ctrl-C is ignored, by everything that is started there: then no test could send it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
