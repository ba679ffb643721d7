"""``narrate store``: what is kept, whether it is sound, what stays, and making room."""

from __future__ import annotations

import json
import math
import os
import re
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from narrate.upkeep.pruning import Item

_KINDS = {"segments": "spoken segments", "blobs": "encoded chapters"}

_FOLDER = click.option(
    "--store", "folder", type=click.Path(path_type=Path), help="The store.  [default: the user's cache]"
)
_JSON = click.option("--json", "as_json", is_flag=True, help="For programs.")


class _Measure(click.ParamType):  # type: ignore[type-arg, unused-ignore]
    """A number with a unit: of ``units``, the first is meant where none is written."""

    def __init__(self, name: str, units: dict[str, float]) -> None:
        self.name = name
        self._units = units

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if isinstance(value, int | float):
            return float(value)
        found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([a-zA-Z]*)\s*", value)
        units = {unit.lower(): size for unit, size in self._units.items()}
        if found is None or (found[2].lower() or next(iter(units))) not in units:
            self.fail(f"{value!r} is no {self.name}; write a number and one of {', '.join(self._units)}", param, ctx)
        return float(found[1]) * units[found[2].lower() or next(iter(units))]


_AGE = _Measure("age", {"d": 86_400, "h": 3_600, "w": 7 * 86_400, "y": 365 * 86_400})
_SIZE = _Measure("size", {"B": 1, "kB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12, "K": 1e3, "M": 1e6, "G": 1e9, "T": 1e12})


def _place(folder: Path | None) -> Path:
    """Where the store is; StoreError when that is a file: an empty store is not what it would be taken for."""
    from narrate.errors import StoreError
    from narrate.studio import store_folder

    place = store_folder(folder)
    if os.path.lexists(place) and not place.is_dir():
        raise StoreError(f"{place}: is no folder, so it is no store; move it away, or name another with --store")
    return place


@click.group()
def store() -> None:
    """Look after the store of spoken segments.

    \b
    narrate store info
    narrate store verify
    narrate store pin "output/Jane Austen/Emma"
    narrate store prune --older-than 90d
    """


@store.command()
@_FOLDER
@_JSON
def info(folder: Path | None, as_json: bool) -> None:
    """Where the store is, what it holds, when it was last of use, how much room it takes and is left."""
    from narrate.upkeep.pruning import describe

    about = describe(_place(folder), lambda moment: time.strftime("%Y-%m-%d", time.localtime(moment)))
    if as_json:
        click.echo(json.dumps(about, indent=2))
        return
    click.echo(f"{about['store']}")
    for kind, what in _KINDS.items():
        held = about[kind]
        used = f", last used {held['oldest_use']} to {held['latest_use']}" if held["entries"] else ""
        click.echo(f"  {held['entries']:,} {what}, {held['bytes'] / 1e6:,.1f} MB{used}")
    pins = about["pins"]
    click.echo(f"  {pins['error'] if 'error' in pins else _pinned(pins)}")
    click.echo(f"  {about['bad']['entries']:,} set aside in bad/, {about['bad']['bytes'] / 1e6:,.1f} MB")
    click.echo(f"  ledger: {about['ledger_bytes'] / 1e6:,.1f} MB")
    if about["free_bytes"] is not None:
        click.echo(f"  free on this disk: {about['free_bytes'] / 1e9:,.1f} GB")


def _pinned(pins: dict[str, Any]) -> str:
    return f"{pins['entries']:,} pinned books of {pins['segments']:,} segments"


@store.command()
@_FOLDER
@click.option("--repair", is_flag=True, help="Set aside in bad/ what is damaged, so that it is made anew.")
@_JSON
def verify(folder: Path | None, repair: bool, as_json: bool) -> None:
    """Read everything and compare it with its digest. Nothing is changed without --repair.

    Exits 7 when there is damage that was not set aside. With --repair, what lies in the wrong place goes home, and
    what is damaged goes to bad/: segments are then spoken anew, encoded chapters made anew, by the next run that
    needs them.
    """
    from narrate.errors import StoreError
    from narrate.upkeep.verifying import Flaw, What
    from narrate.upkeep.verifying import repair as set_right
    from narrate.upkeep.verifying import verify as read_all

    place = _place(folder)
    sound = 0
    flaws: list[Flaw] = []
    for found in read_all(place):
        if isinstance(found, Flaw):
            flaws.append(found)
            click.echo(f"{found.path}: {found.what}: {found.why}", err=True)
        else:
            sound += 1
    damaged = [flaw for flaw in flaws if flaw.is_damage]
    aside = [flaw for flaw in damaged if repair and set_right(place, flaw, lambda told: click.echo(told, err=True))]
    lost: What = "segment"
    anew = sum(flaw.what == lost for flaw in aside)
    if as_json:
        told = [{"path": str(flaw.path), "what": flaw.what, "why": flaw.why} for flaw in flaws]
        click.echo(json.dumps({"schema": 1, "sound": sound, "flaws": told, "set_aside": len(aside)}, indent=2))
    elif repair:
        click.echo(f"{sound:,} entries are sound; {len(aside):,} set aside, of which {anew:,} will be spoken anew")
    else:
        advice = "; --repair sets it aside" if damaged else ""
        click.echo(f"{sound:,} entries are sound, {len(damaged):,} damaged{advice}")
    if damaged and not repair:
        raise click.exceptions.Exit(StoreError.exit_code)


@store.command()
@_FOLDER
@click.option("--older-than", type=_AGE, metavar="AGE", help="Not used for so long: 90d, 12w, 1y.")
@click.option("--days", type=click.FloatRange(min=0), help="The same, in days.")
@click.option("--max-size", type=_SIZE, metavar="SIZE", help="Only until the store is below this: 20GB.")
@click.option(
    "--unneeded",
    multiple=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="OUTPUT",
    help="Only what no finished book below this folder needs; name all your folders of books; repeatable.",
)
@click.option("--blobs-only", is_flag=True, help="Only encoded chapters, which cost no speech to make again.")
@click.option("--bad", is_flag=True, help="Also what was set aside as damaged.")
@click.option("--dry-run", is_flag=True, help="Only say what would be removed.")
@click.option("--yes", is_flag=True, help="Remove it without asking.")
def prune(
    folder: Path | None,
    older_than: float | None,
    days: float | None,
    max_size: float | None,
    unneeded: tuple[Path, ...],
    blobs_only: bool,
    bad: bool,
    dry_run: bool,
    yes: bool,
) -> None:
    """Remove what has not been of use. Speech that is needed again is asked for, and paid for, again.

    Says first what would go, and removes it when you agree, or with --yes. All conditions given must hold; at least
    one is needed. Age counts from the last use, to the day: being spoken, planned or made into a book. Encoded
    chapters go before speech, what was unused longest before the rest. What is pinned stays (narrate store pin), and
    so does whatever was used within the hour. A book that is not finished has no manifest: --unneeded counts its
    segments as unneeded; join it with --older-than.

    \b
    narrate store prune --older-than 90d --dry-run
    narrate store prune --max-size 20GB --yes
    narrate store prune --unneeded output --older-than 30d
    """
    from narrate.upkeep import pins, pruning

    place = _place(folder)
    if days is not None and math.isnan(days):  # which no number is below: everything would seem old enough
        raise click.BadParameter("nan is no number of days", param_hint="--days")
    ages = [age for age in (older_than, days * 86_400 if days is not None else None) if age is not None]
    conditions = bool(ages or max_size is not None or unneeded or blobs_only)
    if not conditions and not bad:
        raise click.UsageError("say what may go: --older-than, --max-size, --unneeded, --blobs-only or --bad")
    wish = pruning.Wish(
        older_than=max(ages, default=None),
        max_size=int(max_size) if max_size is not None else None,
        needed=pins.needed(unneeded) if unneeded else None,
        blobs_only=blobs_only,
    )
    held = list(pruning.items(place)) if conditions else []
    going = pruning.choose(held, wish, pins.pinned(place), time.time())
    aside = pruning.set_aside(place) if bad else []
    click.echo(_would_go(going, len(aside)))
    if dry_run or not (going or aside):
        return
    if not yes and not _agreed():
        click.echo("nothing was removed; add --yes to remove it")
        return
    count, size = pruning.remove(place, going)
    if bad:
        pruning.empty_bad(place)
    click.echo(f"removed {count:,} entries, {size / 1e6:,.1f} MB" + (f", and {len(aside):,} set aside" if bad else ""))


def _would_go(going: list[Item], aside: int) -> str:
    """What would be removed, before it is."""
    size = sum(item.size for item in going)
    lines = [f"would remove {len(going):,} entries, {size / 1e6:,.1f} MB"]
    spoken = [item for item in going if item.is_speech]
    if spoken:
        lines.append(
            f"  {len(spoken):,} of them are speech, {sum(item.size for item in spoken) / 1e6:,.1f} MB: "
            "what it would cost to have them spoken again is not known"
        )
    if len(spoken) < len(going):
        lines.append(f"  {len(going) - len(spoken):,} are encoded chapters, which cost no speech")
    if aside:
        lines.append(f"  and {aside:,} that were set aside as damaged")
    return "\n".join(lines)


def _agreed() -> bool:
    return sys.stdin.isatty() and sys.stderr.isatty() and click.confirm("remove it?", err=True)


@store.command()
@_FOLDER
@click.argument("books", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path), metavar="BOOK...")
def pin(folder: Path | None, books: tuple[Path, ...]) -> None:
    """Keep the speech of finished books (their folders, or their manifests) whatever is pruned.

    The pin holds, wherever the book goes. Pin a book again after it has changed.

    \b
    narrate store pin "output/Jane Austen/Emma"
    """
    from narrate.upkeep import pins, pruning

    place = _place(folder)
    there = {item.key for item in pruning.items(place) if item.is_speech}
    for book in books:
        made = pins.pin(place, book)
        held = sum(key in there for key in made.keys)
        missing = "" if held == len(made.keys) else f"; {len(made.keys) - held:,} more are not in this store"
        click.echo(f"{made.name}  {made.title}: {held:,} segments are kept{missing}")


@store.command()
@_FOLDER
@click.argument("books", nargs=-1, required=True, metavar="BOOK...")
def unpin(folder: Path | None, books: tuple[str, ...]) -> None:
    """Let prune have the speech of books again: name them by folder, by title, or as `narrate store pins` does."""
    from narrate.upkeep import pins

    for book in books:
        for gone in pins.unpin(_place(folder), book):
            click.echo(f"{gone.name}  {gone.title}: {len(gone.keys):,} segments are no longer pinned")


@store.command()
@_FOLDER
@_JSON
def pins(folder: Path | None, as_json: bool) -> None:
    """List the pinned books: name of the pin, segments, title, and where the book was."""
    from narrate.upkeep.pins import pins as all_pins

    found = list(all_pins(_place(folder)))
    if as_json:
        told = [{"name": pin.name, "title": pin.title, "source": pin.source, "keys": list(pin.keys)} for pin in found]
        click.echo(json.dumps({"schema": 1, "pins": told}, indent=2))
        return
    for pin in found:
        click.echo(f"{pin.name}  {len(pin.keys):>7,}  {pin.title}  ({pin.source})")
