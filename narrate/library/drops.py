"""A drop folder: what is put into it is narrated once it has stopped growing, and moved where the job says."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from narrate import disk
from narrate.catalogues.dropped import OURS
from narrate.errors import JobError, SourceError, shown
from narrate.jobs.files import Layer, merged
from narrate.library.due import Standing
from narrate.library.outcome import Outcome
from narrate.library.shelf import Entry, Shelf, for_books, without
from narrate.library.sighting import stamp_of

SETTLE_S = 5.0
"""Seconds for which nothing of a book changes before it counts as whole."""
UNFINISHED_S = 60.0
"""The same for an EPUB whose end has not come yet: copying over a network may stall."""
AGAIN_S = 300.0
"""Seconds until a book that failed for want of an engine, a disk or money is tried again."""
FOR_GOOD = (JobError.exit_code, SourceError.exit_code)
"""Failures that no waiting mends: such a book goes to where failed ones go."""


def shelf_of(folder: Path, layers: Iterable[Layer], apart: tuple[Path, ...]) -> Shelf:
    """A shelf whose books are what is dropped into ``folder``, but for what lies ``apart`` in it; ``layers`` say how
    they are narrated.
    """
    parts = tuple(for_books(without(part, ("source",))) for part in layers)
    values = merged(parts)
    output = values.get("output", Path("output"))
    entry = Entry("drops", str(folder), Layer(str(folder), {}), {"apart": (*apart, output)}, str(folder))
    if output.absolute() == folder.absolute():
        raise JobError(f"{folder}: audiobooks cannot go into the drop folder itself; name another output folder (-o)")
    return Shelf(folder, output, parts, (entry,), downloads=output / OURS / "downloads")


@dataclass(slots=True)
class Settling:
    """What of a drop folder still changes. ``clock`` is in seconds and only goes forward."""

    settle: float = SETTLE_S
    clock: Callable[[], float] = time.monotonic
    _seen: dict[str, tuple[str, float]] = field(default_factory=dict)

    def wait(self, sources: Iterable[Path]) -> float | None:
        """Look at ``sources``; seconds until the next of them may be whole, None when none is waited for."""
        now = self.clock()
        seen = {}
        waits = []
        for path in sources:
            stamp = stamp_of(str(path))
            before = self._seen.get(str(path))
            since = before[1] if before and before[0] == stamp else now
            seen[str(path)] = stamp, since
            left = since + self._needs(path) - now
            if left > 0:
                waits.append(left)
        self._seen = seen
        return min(waits, default=None)

    def is_whole(self, path: Path) -> bool:
        """Whether nothing of it has changed for long enough, as of the last ``wait``."""
        stamp, since = self._seen.get(str(path), ("", self.clock()))
        return bool(stamp) and self.clock() - since >= self._needs(path)

    def _needs(self, path: Path) -> float:
        unfinished = path.suffix.lower() in (".epub", ".kepub") and not _has_end(path)
        return max(self.settle, UNFINISHED_S) if unfinished else self.settle


def _has_end(path: Path) -> bool:
    """Whether the end of a ZIP's directory is there; True where it cannot be told: loading will say what is wrong."""
    from narrate.epub.archive import has_end

    try:
        with disk.open_regular(path) as file:
            return has_end(file)
    except (OSError, disk.NotAFile):
        return True


def is_ripe(each: Standing, now: float, again: float = AGAIN_S) -> bool:
    """Whether a due book may be tried ``now`` (seconds since 1970): after a failure that heals, not at once again."""
    record = each.record
    healing = (
        record is not None and record.state in ("failed", "paused") and each.why in ("failed before", "unfinished")
    )
    # a clock that was put back makes no book wait for the future
    return not healing or record is None or not 0 <= now - record.at < again


@dataclass(frozen=True, slots=True)
class Moves:
    """Where sources go when they are narrated, and when they cannot be; None: they stay."""

    done: Path | None = None
    failed: Path | None = None

    @property
    def places(self) -> tuple[Path, ...]:
        """Those that are named."""
        return tuple(place for place in (self.done, self.failed) if place is not None)

    def clear(self, outcome: Outcome, report: Callable[[str], None]) -> None:
        """Move what a run is done with: books that were made, now or before, and those that no waiting mends. What has
        changed meanwhile stays: it is another book now.
        """
        failed = {result.standing.order.id: result.record for result in outcome.of("failed")}
        made = {result.standing.order.id for result in outcome.of("made")}
        for each in outcome.standings:
            record = failed.get(each.order.id) or each.record
            source = Path(each.order.source)
            if stamp_of(each.order.source) != each.sighting.inputs[0].stamp:
                continue
            if each.order.id in made or each.state == "current":
                _move(source, self.done, report)
            elif record is not None and record.state == "failed" and record.exit_code in FOR_GOOD:
                _move(source, self.failed, report, record.reason)


def _move(source: Path, folder: Path | None, report: Callable[[str], None], why: str = "") -> None:
    """Move a source and the file next to it; of a failure the reason is written beside."""
    if folder is None:
        return
    try:
        disk.make_folder(folder.absolute())
        target = _free(folder, source.name)
        own = "name" if source.is_dir() else "stem"  # as ``jobs.files.beside`` looks for it
        beside = source.with_name(f"{getattr(source, own)}.narrate.toml")
        shutil.move(source, target)
        if beside.is_file():
            shutil.move(beside, target.with_name(f"{getattr(target, own)}.narrate.toml"))
        if why:
            target.with_name(f"{target.name}.why.txt").write_text(
                f"{why}\n", encoding="utf-8", errors="backslashreplace"
            )
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        report(shown(f"{source}: cannot be moved to {folder}: {reason}; it stays, and is not narrated again"))


def _free(folder: Path, name: str) -> Path:
    """A path in ``folder`` where nothing lies: "book (2).epub" where there is a "book.epub"."""
    target, number = folder / name, 1
    while target.exists():
        number += 1
        target = folder / f"{Path(name).stem} ({number}){Path(name).suffix}"
    return target
