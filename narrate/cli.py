"""The command line: collects ``commands/`` and turns failures into one line and an exit code."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from contextlib import suppress
from types import FrameType
from typing import NoReturn

import click

from narrate import __version__
from narrate.commands import adapt, check, doctor, ledger, live, plan, run, say, serve, store, voices
from narrate.errors import NarrateError, shown

EXIT_CODES = """\b
Exit codes:
  0   done
  1   failed
  2   wrong usage
  3   a job or a setting is wrong
  4   the source cannot be read
  5   the engine cannot speak
  6   incomplete: run again to resume
  7   the store cannot be read or written
  8   audio cannot be made
  9   a check failed
  75  another run works on the same output
  130 interrupted (143: terminated, 129: the terminal was closed)
"""


@click.group(epilog=EXIT_CODES, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="narrate")
@click.option("--debug", is_flag=True, help="Show the traceback of a failure.")
def narrate(debug: bool) -> None:
    """Books and documents in, finished audiobooks out.

    \b
    narrate run book.epub             an MP3 with chapters, in output/
    narrate run book.epub -f m4b      an M4B with chapters and cover
    narrate plan book.epub            what would be spoken, skipped and spent
    """


for command in (
    run.run,
    plan.plan,
    say.say,
    serve.serve,
    live.live,
    adapt.adapt,
    voices.voices,
    check.check,
    doctor.doctor,
    store.store,
    ledger.ledger,
):
    narrate.add_command(command)


def main() -> NoReturn:
    """Run the command line and exit. A failure is one line on standard error; a traceback only with ``--debug``."""
    stopping = _Stopping()
    stopping.listen()
    try:
        code = _run()
    except (KeyboardInterrupt, click.Abort):
        code = _stopped(signal.SIGINT)
    except _Stopped as stopped:
        code = _stopped(stopped.number)
    stopping.over()
    _leave(code)


def _run() -> int:
    """The exit code of the command; a failure has been told then."""
    try:
        return int(narrate.main(standalone_mode=False) or 0)
    except click.Abort:
        raise
    except click.exceptions.Exit as done:
        return done.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except BrokenPipeError:
        # the reader of standard output went away (narrate plan | head): nothing to say, and nothing to flush to it
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except NarrateError as error:
        return _say(str(error), error.exit_code, error)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        return _say(f"{where}{error.strerror or error}", 1, error)
    except MemoryError as error:
        return _say("there is not enough memory for this; close other programs, or name a smaller book", 1, error)
    except Exception as error:  # the last resort: say it is our fault
        sentence = f"internal error: {type(error).__name__}: {error}; please report it with the output of --debug"
        return _say(sentence, 1, error)


_ENDED = {signal.SIGINT: "interrupted", signal.SIGTERM: "terminated"}
if hasattr(signal, "SIGHUP"):
    _ENDED[signal.SIGHUP] = "the terminal was closed"
"""The signals that end a run in good order, and what is said then. The exit code is 128 + the signal's number."""

_KEPT = "everything spoken so far is stored, run again to go on"
_ECHO = 0.3
"""Seconds in which a second signal is the same one, passed on by whoever started us; no human is as quick."""
_NOTICE = 1.0
"""Seconds until it is said why the end takes so long: answers that are paid for are waited for."""
_PATIENCE = 15.0
"""Seconds that the end may take. In good order it takes 6 at most (``Threads.grace``, ``http.Client.close``)."""


class _Stopped(BaseException):
    """A signal to end, raised where the main thread happens to be, as KeyboardInterrupt is."""

    def __init__(self, number: signal.Signals) -> None:
        super().__init__(number)
        self.number = number


class _Stopping:
    """The first signal ends the run in good order (``_Stopped`` is raised), a second one ends the process at once.

    Nothing stored is lost either way: what is written appears only when it is complete. Should the end in good order
    hang, it is cut short.
    """

    def __init__(self) -> None:
        self._first: float | None = None

    def listen(self) -> None:
        """From now on. Signals that whoever started us has turned off stay so (``nohup``, a shell's ``&``)."""
        for number in _ENDED:
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._end)

    def over(self) -> None:
        """The run has ended: what is left is done by Python, which would show an interrupt as a traceback."""
        if self._first is None:
            for number in _ENDED:
                if signal.getsignal(number) is not signal.SIG_IGN:
                    signal.signal(number, signal.SIG_DFL)

    def _end(self, signum: int, frame: FrameType | None) -> None:
        number, now = signal.Signals(signum), time.monotonic()
        if self._first is None:
            self._first = now
            threading.Thread(target=self._follow, args=(number,), daemon=True, name="follow the end").start()
            raise _Stopped(number)
        if now - self._first > _ECHO:
            _end_at_once(number)

    def _follow(self, number: signal.Signals) -> None:
        time.sleep(_NOTICE)
        _tell("waiting a few seconds for answers that are on their way; once more ends at once")
        time.sleep(_PATIENCE - _NOTICE)
        _end_at_once(number)


def _end_at_once(number: signal.Signals) -> NoReturn:
    """Without cleaning up: child processes follow this one, and the next run clears away what it left."""
    _tell(f"{_ENDED[number]}; {_KEPT}")
    os._exit(128 + number)


def _tell(sentence: str) -> None:
    """A line on standard error, past everything that may be locked while a signal is handled."""
    with suppress(OSError):
        os.write(2, f"{chr(10) if os.isatty(2) else ''}narrate: {sentence}\n".encode())


def _stopped(number: signal.Signals) -> int:
    return _say(f"{_ENDED[number]}; {_KEPT}", 128 + number)


def _say(sentence: str, code: int, error: BaseException | None = None) -> int:
    if error is not None and "--debug" in sys.argv:
        import traceback

        traceback.print_exception(error)
    click.echo(f"narrate: {shown(sentence)}", err=True)
    return code


def _leave(code: int) -> NoReturn:
    """Exit without waiting for worker threads that hang in a request: what they would store, the next run asks for."""
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except BrokenPipeError:
        pass
    if code > 128:
        os._exit(code)
    sys.exit(code)
