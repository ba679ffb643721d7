"""``narrate watch``: a drop folder. What is copied into it becomes an audiobook."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from narrate.commands.options import production_options
from narrate.errors import NarrateError, SourceError, shown

if TYPE_CHECKING:
    from narrate.events import EventLog, TextLog
    from narrate.library.drops import Moves
    from narrate.library.making import Said
    from narrate.library.shelf import Shelf

STILL_S = 900.0
"""Seconds without a turn, of which there is one a second while books are made, after which the watchdog is no longer
told that all is well.
"""
LOOK_S = 30.0
"""Seconds after which a folder is looked at though nobody says that it changed: some file systems do not tell."""


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--job", "job_file", type=click.Path(path_type=Path), help="A job file: how books are narrated.")
@click.option("--done", type=click.Path(path_type=Path), help="Move narrated books here.  [default: they stay]")
@click.option("--failed", type=click.Path(path_type=Path), help="Move books that cannot be read here, with the reason.")
@click.option("--settle", type=click.FloatRange(0), default=5.0, help="Seconds without growth: whole.  [default: 5]")
@click.option("--once", is_flag=True, help="Narrate what lies there, and end.")
@click.option("--quiet", "-q", is_flag=True, help="Only errors.")
@click.option("--log", "log_path", type=click.Path(dir_okay=False, path_type=Path), help="Append messages to it.")
@click.option("--log-json", type=click.Path(dir_okay=False, path_type=Path), help="Append events, one JSON a line.")
@production_options
def watch(
    folder: Path,
    job_file: Path | None,
    done: Path | None,
    failed: Path | None,
    settle: float,
    once: bool,
    quiet: bool,
    log_path: Path | None,
    log_json: Path | None,
    **flags: Any,
) -> None:
    """Narrate whatever is put into FOLDER, once it has stopped growing.

    Each file or folder in it is a book; book.narrate.toml beside book.epub says how to narrate that one. Books that
    were narrated, and those that cannot be read, go where the job or the flags say; without these they stay, and are
    not narrated twice. Ends with Ctrl-C or SIGTERM.

    \b
    narrate watch inbox/ -o audiobooks/ --done inbox/done --failed inbox/failed
    narrate watch inbox/ --job configs/newsletter.toml
    narrate watch inbox/ --once
    """
    from narrate.events import EventLog, TextLog
    from narrate.library.drops import Moves, Settling, shelf_of

    if not folder.is_dir():
        raise SourceError(f"{folder}: there is no such folder; make it, and start again")
    layers, moves = _order(job_file, flags, Moves(done, failed))
    shelf = shelf_of(folder, layers, moves.places)
    with ExitStack() as stack:
        log = stack.enter_context(EventLog(log_json))
        text = stack.enter_context(TextLog(log_path))
        drop = _Drop(shelf, moves, Settling(settle), log, _Teller(quiet, text))
        if once:
            drop.empty()
        else:
            drop.serve(stack)
    if once and drop.wrong:
        raise click.exceptions.Exit(6)


def _order(job_file: Path | None, flags: dict[str, Any], moves: Moves) -> tuple[tuple[Any, ...], Moves]:
    """How books are narrated, and where they go: as the job says, and flags win."""
    from dataclasses import replace

    from narrate.commands.options import flag_layer
    from narrate.jobs.files import merged, read_layers

    layers = (*(read_layers(job_file)[0] if job_file else ()), flag_layer(flags))
    values = merged(layers)
    return layers, replace(moves, done=moves.done or values.get("done"), failed=moves.failed or values.get("failed"))


class _Drop:
    """The drop folder at work."""

    def __init__(self, shelf: Shelf, moves: Moves, settling: Any, log: EventLog, teller: _Teller) -> None:
        self._shelf, self._moves, self._settling = shelf, moves, settling
        self._log, self._teller = log, teller
        self._changed = threading.Event()
        self._tick: Callable[[], None] = lambda: None
        self._complaints: list[str] = []
        self.wrong = False

    def empty(self) -> None:
        """Narrate what lies there, each as soon as it is whole."""
        while (wait := self._look()) is not None:
            time.sleep(min(wait, 1.0))

    def serve(self, stack: ExitStack) -> None:
        """Go on for ever."""
        from narrate.systemd import Notifier, Pulse

        notifier, pulse = Notifier.from_environment(os.environ), Pulse(STILL_S)
        self._tick = pulse.beat  # a book may take longer than the watchdog is patient
        stack.callback(notifier.stopping)
        stack.enter_context(notifier.watch(pulse))
        threading.Thread(target=self._listen, daemon=True, name="watch the folder").start()
        notifier.ready()
        self._teller.report(f"watching {self._shelf.path}; audiobooks go to {self._shelf.output}")
        while True:
            pulse.beat()
            try:
                wait = self._look()
            except NarrateError as error:  # the folder is away, or another run is at work: later
                self._complain([str(error)])
                wait = LOOK_S
            self._changed.wait(LOOK_S if wait is None else min(wait, LOOK_S))
            self._changed.clear()

    def _listen(self) -> None:
        """Be told of changes. Where the system does not tell, looking now and then has to do."""
        from watchfiles import watch as changes

        try:
            for _ in changes(self._shelf.path, debounce=400, step=100, recursive=True):
                self._changed.set()
        except (OSError, RuntimeError) as error:
            self._teller.report(
                f"{self._shelf.path}: changes are not told ({error}); it is looked at every {LOOK_S:g} s"
            )

    def _look(self) -> float | None:
        """Narrate what is whole; seconds until the next look is worth it, None when nothing is waited for."""
        from narrate.catalogues.dropped import dropped
        from narrate.library.drops import is_ripe
        from narrate.library.run import run_shelf

        wait: float | None = self._settling.wait(dropped(self._shelf.path, (*self._moves.places, self._shelf.output)))
        now = time.time()
        outcome = run_shelf(
            self._shelf,
            self._teller,
            self._log,
            only=lambda each: self._settling.is_whole(Path(each.order.source)) and is_ripe(each, now),
            tick=self._tick,
            quiet=True,
        )
        complaints: list[str] = []
        self._moves.clear(outcome, complaints.append)
        self._complain(complaints)
        self.wrong = self.wrong or bool(outcome.of("failed"))
        return wait

    def _complain(self, sentences: list[str]) -> None:
        """Say what is wrong, but not again at every look."""
        for sentence in sentences:
            if sentence not in self._complaints:
                self._teller.report(sentence)
        self._complaints = sentences


class _Teller:
    """A line for each book, and what goes wrong."""

    def __init__(self, quiet: bool, log: TextLog) -> None:
        self._quiet = quiet
        self._log = log

    def begins(self, due: int) -> None:
        """So many books are due."""

    def report(self, sentence: str) -> None:
        """A sentence for people."""
        self._log.say(shown(sentence))
        if not self._quiet:
            click.echo(shown(sentence), err=True)

    def sees(self, book: str, said: Said) -> None:
        """What the process of a book says."""
        from narrate.figures import clock

        if said.what == "done":
            sentence = f"{said.fields['title']}: {clock(said.fields['duration_ms'])}, in {said.fields['folder']}"
            self._log.say(shown(sentence))
            if not self._quiet:
                click.echo(shown(sentence))
        elif said.what in ("failed", "crashed"):
            error = str(said.fields["error"])
            sentence = error if said.id in error else f"{said.id}: {error}"
            self._log.say(shown(sentence))
            click.echo(f"narrate: {shown(sentence)}", err=True)
        elif said.what == "message":
            self._log.say(f"{book}: {said.fields.get('text')}")
