"""One book of a shelf, made in a process of its own, and what that process and the shelf's say to each other.

A process of its own, because a book that exhausts memory or crashes a parser must not stop the others, and because
planning a book keeps a core busy. On its standard input come the job, pickled, and then answers; on its standard output
it asks and tells, one JSON a line. When its input ends, whoever wanted the book is gone: it stops in good order, and
everything spoken is stored.
"""

from __future__ import annotations

import json
import os
import pickle
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import IO, TYPE_CHECKING, Any

from narrate.errors import LimitReached, NarrateError, shown
from narrate.job import Job

if TYPE_CHECKING:
    from narrate.engines import Price
    from narrate.engines.metered import Budget
    from narrate.estimate import Estimate
    from narrate.produce import Production
    from narrate.speak import Outcome

LOCK_S = 60.0
"""Seconds to wait for a book's folder: what a killed run left behind ends within a few."""


@dataclass(frozen=True, slots=True)
class Task:
    """What the process is told: the book's job, and whether what is sent must be asked for first."""

    job: Job
    asks: bool = False


def command() -> tuple[list[str], dict[str, str]]:
    """The command and the environment of such a process: this very narrate, whatever lies in the working folder."""
    here = str(Path(__file__).resolve().parent.parent.parent)
    before = os.environ.get("PYTHONPATH", "")
    paths = os.pathsep.join(filter(None, (here, before)))
    code = "from narrate.library.maker import main; main()"
    return [sys.executable, "-P", "-c", code], {**os.environ, "PYTHONPATH": paths}


def main() -> None:
    """The process. Ends with the exit code that ``narrate run`` would have."""
    from narrate.stopping import Stopped, Stopping

    stopping = Stopping(tell=lambda sentence: None)
    stopping.listen()
    channel = _Channel()
    spent: list[Budget] = []
    try:
        task: Task = pickle.load(sys.stdin.buffer)
        channel.listen(sys.stdin.buffer)
        code = _make(task, channel, spent)
    except (KeyboardInterrupt, Stopped) as ended:
        code = 128 + (ended.number if isinstance(ended, Stopped) else signal.SIGINT)
        channel.say("stopped", **_spent(spent))
    stopping.over()
    channel.close()
    os._exit(code)  # worker threads that hang in a request are not waited for


def _make(task: Task, channel: _Channel, spent: list[Budget]) -> int:
    from narrate.produce import produce

    console = _Console(channel)
    began = time.monotonic()

    def failed(error: str, code: int) -> int:
        channel.say("failed", error=error, exit_code=code, **_spent(spent))
        return code

    try:
        production = produce(
            task.job,
            console,
            console.approve,
            taken=channel.taken,
            spent=spent,
            purse=channel if task.asks else None,
            wait=LOCK_S,
        )
    except NarrateError as error:
        return failed(str(error), error.exit_code)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        return failed(f"{where}{error.strerror or error}", 1)
    except MemoryError:
        return failed("there is not enough memory for this book", 1)
    except Exception as error:  # the last resort, as on the command line: say that it is our fault
        return failed(f"internal error: {type(error).__name__}: {error}", 1)
    channel.say("done", **_result(production, time.monotonic() - began), **_spent(spent))
    return 0


def _result(production: Production, took: float) -> dict[str, Any]:
    """What goes on record of a book that was made."""
    audiobook = production.audiobook
    return {
        "folder": str(production.folder),
        "files": [str(file.path.relative_to(production.folder)) for file in production.files],
        "title": audiobook.meta.title,
        "authors": list(audiobook.meta.authors),
        "chapters": len(audiobook.marks),
        "duration_ms": audiobook.duration_ms,
        "chunks_bought": production.tally.bought,
        "chunks_stored": production.tally.stored,
        "took": round(took, 3),
    }


def _spent(budgets: list[Budget]) -> dict[str, Any]:
    """What was sent, and what it costs at the most: nothing where no studio was opened."""
    budget = budgets[0] if budgets else None
    price = budget.price if budget else None
    return {
        "requests": budget.requests if budget else 0,
        "characters": budget.characters if budget else 0,
        "cost": budget.cost if budget and budget.characters else 0.0,
        "currency": price.currency if price else "USD",
    }


class _Channel:
    """The process's side of the conversation. Safe to use from many threads. It is a Purse."""

    def __init__(self) -> None:
        # whatever else prints goes to standard error, and not between the lines
        self._out: IO[str] = os.fdopen(os.dup(1), "w", encoding="utf-8", errors="backslashreplace")
        os.dup2(2, 1)
        self._telling = threading.Lock()
        self._asking = threading.Lock()
        self._answers: SimpleQueue[Any] = SimpleQueue()

    def listen(self, answers: Any) -> None:
        """Take answers from now on; their end is ours."""
        threading.Thread(target=self._listen, args=(answers,), daemon=True, name="listen to the shelf").start()

    def _listen(self, answers: Any) -> None:
        for line in answers:
            self._answers.put(json.loads(line))
        os.kill(os.getpid(), signal.SIGTERM)

    def say(self, what: str, **fields: Any) -> None:
        """Tell the shelf."""
        line = json.dumps({"what": what, **fields}, ensure_ascii=False)
        with self._telling:
            try:
                self._out.write(f"{line}\n")
                self._out.flush()
            except (OSError, ValueError):  # nobody listens any more: its end will be noticed, or is ours already
                return

    def _ask(self, what: str, **fields: Any) -> Any:
        with self._asking:
            self.say(what, **fields)
            return self._answers.get()

    def taken(self, folder: Path) -> str:
        """Which other book of the shelf has ``folder``; "" when it is free, and ours from now on."""
        return str(self._ask("folder", folder=str(folder)))

    def take(self, characters: int, price: Price | None) -> None:
        """Ask for what a request needs of what all books may spend."""
        over = self._ask("take", characters=characters, **_priced(price))
        if over:
            raise LimitReached(str(over))

    def give_back(self, characters: int, price: Price | None) -> None:
        """Give back what was not sent."""
        self.say("give_back", characters=characters, **_priced(price))

    def close(self) -> None:
        """Say no more."""
        with self._telling:
            try:
                self._out.close()
            except OSError:
                return


def _priced(price: Price | None) -> dict[str, Any]:
    return {"price": price.amount if price else None, "currency": price.currency if price else None}


class _Console:
    """Tells the shelf what a terminal would show."""

    def __init__(self, channel: _Channel) -> None:
        self._channel = channel

    def approve(self, expected: Estimate) -> bool:
        """Tell what is to come. A shelf asks nobody."""
        self._channel.say(
            "planned",
            chunks=expected.stored + expected.requests,
            requests=expected.requests,
            characters=expected.characters,
            speech_seconds=round(expected.speech_seconds, 1),
        )
        return True

    def report(self, sentence: str) -> None:
        """A sentence for people."""
        self._channel.say("message", text=shown(sentence))

    def retry(self, sentence: str) -> None:
        """A request that is made again."""
        self._channel.say("retry", text=shown(sentence))

    def chapter(self, number: int, of: int, title: str) -> None:
        """A chapter that is finished."""
        self._channel.say("chapter", number=number, of=of, title=shown(title, 200))

    def watch(
        self, outcomes: Iterable[Outcome], chunks: int, chapter_of: Callable[[Outcome], str]
    ) -> Iterator[Outcome]:
        """Pass ``outcomes`` on, telling of each."""
        for outcome in outcomes:
            if outcome.segment is not None:
                self._channel.say("spoken", key=outcome.segment.key, chunks=len(outcome.indices), bought=outcome.bought)
            yield outcome
