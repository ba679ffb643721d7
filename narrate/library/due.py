"""What is due: a pure function of what a shelf orders, what lies on the disk, and what is on record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from narrate.errors import SourceError, shown
from narrate.library.orders import Order
from narrate.library.records import Record
from narrate.library.sighting import Sighting

State = Literal["due", "current", "unreadable", "gone"]


@dataclass(frozen=True, slots=True)
class Standing:
    """How it stands with a book, and ``why``, for people.

    due: to be made. current: made, and nothing changed. unreadable: its source cannot be read, which was told, and
    nothing of it has changed since: trying again would be of no use. gone: it was made, and its source is gone.
    """

    order: Order
    record: Record | None
    sighting: Sighting
    state: State
    why: str = ""

    @property
    def restamped(self) -> bool:
        """Whether inputs have new times and old bytes: worth a note, so that they are not read again.

        Of a source that is gone for a while (a disk that is not mounted) what was seen of it is kept.
        """
        kept = self.state in ("current", "unreadable")
        return kept and self.record is not None and self.record.inputs != self.sighting.inputs


def standing(order: Order, record: Record | None, sighting: Sighting, *, again: bool = False) -> Standing:
    """How it stands with one book. With ``again`` whatever is there is due."""
    state, why = _judge(order, record, sighting, again)
    return Standing(order, record, sighting, state, why)


def _judge(order: Order, record: Record | None, sighting: Sighting, again: bool) -> tuple[State, str]:
    if record is None:
        return "due", "new"
    if not sighting.there and record.outputs:
        return "gone", "its source is there no more; the audiobook is kept"
    if again:
        return "due", "asked for"
    if record.state in ("paused", "making"):
        return "due", "unfinished"
    changed = _changed_inputs(record, sighting) or _changed_settings(record.settings, order.settings)
    if record.state == "failed":
        if record.exit_code == SourceError.exit_code and not changed:
            return "unreadable", record.reason
        return "due", changed or "failed before"
    if changed:
        return "due", changed
    if not record.outputs:
        return "due", "never published"
    return ("due", f"{sighting.missing} is gone or was altered") if sighting.missing else ("current", "")


def _changed_inputs(record: Record, sighting: Sighting) -> str:
    before = {item.name: item for item in record.inputs}
    now = {item.name: item for item in sighting.inputs}
    for name, item in now.items():
        was = before.pop(name, None)
        if was is None:
            return f"{name} is new"
        same = was.stamp == item.stamp or (was.digest and was.digest == item.digest)
        if not same:
            return f"{name} changed" if item.stamp else f"{name} is gone"
    return f"{next(iter(before))} is gone" if before else ""


def _changed_settings(before: Mapping[str, str], now: Mapping[str, str]) -> str:
    if before == now:
        return ""
    changed = [name for name in {**before, **now} if before.get(name) != now.get(name)]
    told = [f"{name}: {_brief(before.get(name))} -> {_brief(now.get(name))}" for name in changed[:3]]
    return "; ".join(told) + ("" if len(changed) <= 3 else f"; and {len(changed) - 3} more")


def _brief(value: str | None) -> str:
    return "default" if value is None else shown(value, 40)
