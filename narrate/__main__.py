"""The way in, for the command ``narrate`` and for ``python -m narrate``.

Until the command line listens to signals itself, Ctrl-C ends the process as the system does it, without a traceback;
so nothing is imported before ``main``, and this module stays as light as it is.
"""

from __future__ import annotations

import signal


def main() -> None:
    """Run the command line and exit."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # and not ignored, as behind a shell's `&`
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from narrate import cli

    cli.main()


if __name__ == "__main__":
    main()
