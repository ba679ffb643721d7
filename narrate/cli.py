"""The command line: collects ``commands/`` and turns failures into one line and an exit code."""

from __future__ import annotations

import codecs
import io
import os
import signal
import sys
from contextlib import suppress
from typing import NoReturn

import click

from narrate import __version__
from narrate.commands import (
    adapt,
    check,
    doctor,
    job,
    ledger,
    library,
    live,
    plan,
    run,
    say,
    schedule,
    serve,
    status,
    store,
    voices,
    watch,
)
from narrate.errors import NarrateError, shown
from narrate.stopping import ENDED, KEPT, Stopped, Stopping

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
    narrate library shelf.toml        what is due of a shelf of books
    """


for command in (
    run.run,
    plan.plan,
    say.say,
    job.job,
    library.library,
    status.status,
    watch.watch,
    schedule.schedule,
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
    stopping = Stopping()
    stopping.listen()
    if isinstance(sys.stdout, io.TextIOWrapper):
        # a terminal or a pipe of another encoding shows what it can of a title, and the run goes on
        codecs.register_error("escaped", _escaped)
        sys.stdout.reconfigure(errors="escaped")
    try:
        code = _run()
    except (KeyboardInterrupt, click.Abort):
        code = _stopped(signal.SIGINT)
    except Stopped as stopped:
        code = _stopped(stopped.number)
    stopping.over()
    _leave(code)


def _escaped(error: UnicodeError) -> tuple[str, int]:
    """What an encoding lacks, as JSON writes it: JSON stays JSON."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end].encode("utf-16-be", "surrogatepass")
    units = (lacking[at : at + 2].hex() for at in range(0, len(lacking), 2))
    return "".join(f"\\u{unit}" for unit in units), error.end


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


def _stopped(number: signal.Signals) -> int:
    return _say(f"{ENDED[number]}; {KEPT}", 128 + number)


def _say(sentence: str, code: int, error: BaseException | None = None) -> int:
    if error is not None and "--debug" in sys.argv:
        import traceback

        traceback.print_exception(error)
    click.echo(f"narrate: {shown(sentence)}", err=True)
    return code


def _leave(code: int) -> NoReturn:
    """Exit without waiting for worker threads that hang in a request: what they would store, the next run asks for."""
    with suppress(BrokenPipeError):
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:  # they were closed when it was started
                stream.flush()
    if code > 128:
        os._exit(code)
    sys.exit(code)
