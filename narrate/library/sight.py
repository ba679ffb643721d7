"""A shelf as it stands: its books, its records, what is due. Looks, and touches nothing."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass

from narrate.library.due import Standing, standing
from narrate.library.orders import Listing, orders_of
from narrate.library.records import SUFFIX, Record, Records
from narrate.library.shelf import Shelf
from narrate.library.sighting import look
from narrate.locks import is_held


def records_of(shelf: Shelf) -> Records:
    """The shelf's journal. It goes by the place of the shelf file, seen from the output: a tree may be moved."""
    where = os.path.relpath(shelf.path, shelf.output)
    mark = hashlib.sha256(where.encode("utf-8", "surrogateescape")).hexdigest()[:8]
    return Records(shelf.place / f"{shelf.name}-{mark}{SUFFIX}")


def standings_of(
    shelf: Shelf, listing: Listing, records: Mapping[str, Record], *, again: bool = False
) -> tuple[Standing, ...]:
    """How it stands with every book of the shelf, now."""
    output = str(shelf.output)
    found = []
    for order in listing.orders:
        record = records.get(order.id)
        found.append(standing(order, record, look(order.names, record, output), again=again))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Sight:
    """A shelf as it stands. ``removed`` are books on record that no entry names any more."""

    shelf: Shelf
    listing: Listing
    standings: tuple[Standing, ...]
    removed: tuple[str, ...]
    running: bool

    def state(self, each: Standing) -> str:
        """A book's state in one word: due, failed, making, current, unreadable or gone."""
        if each.record is not None and each.record.state == "making" and self.running:
            return "making"
        failed = each.state == "due" and each.record is not None and each.record.state == "failed"
        return "failed" if failed else each.state

    def next_due(self, each: Standing, now: float) -> float | None:
        """When a book will be made that is due, in seconds since 1970: ``now``, or when the shelf's hours begin. None
        for one that is not due before it changes.
        """
        return self.shelf.window.begin(now) if each.state == "due" and self.state(each) != "making" else None


def sight_of(shelf: Shelf, *, again: bool = False) -> Sight:
    """Look at a shelf without touching anything. With ``again`` whatever is there is due."""
    listing = orders_of(shelf, ask=False)
    records = records_of(shelf)
    known = records.read()
    here = {order.id for order in listing.orders}
    return Sight(
        shelf,
        listing,
        standings_of(shelf, listing, known, again=again),
        tuple(name for name, record in known.items() if name not in here and record.made_at is not None),
        is_held(shelf.place, records.path.name),
    )
