"""``narrate store``: what is kept, whether it is sound, and making room."""

from __future__ import annotations

import time
from pathlib import Path

import click

from narrate.store import Kind

_KINDS: dict[Kind, str] = {"segments": "spoken segments", "blobs": "encoded chapters"}

_FOLDER = click.option(
    "--store", "folder", type=click.Path(path_type=Path), help="The store.  [default: the user's cache]"
)


@click.group()
def store() -> None:
    """Look after the store of spoken segments.

    \b
    narrate store info
    narrate store verify
    narrate store prune --days 90 --dry-run
    """


@store.command()
@_FOLDER
def info(folder: Path | None) -> None:
    """Where the store is, what it holds, how much room it takes."""
    from narrate.studio import open_store

    opened = open_store(folder, lambda sentence: None)
    click.echo(f"{opened.folder}")
    for kind, what in _KINDS.items():
        sizes = [path.stat().st_size for path in opened.entries(kind)]
        click.echo(f"  {len(sizes):,} {what}, {sum(sizes) / 1e6:,.1f} MB")


@store.command()
@_FOLDER
def verify(folder: Path | None) -> None:
    """Read every entry and compare it with its digest; damaged ones are set aside, to be made anew."""
    from narrate.errors import StoreError
    from narrate.studio import open_store

    opened = open_store(folder, lambda sentence: click.echo(sentence, err=True))
    sound = bad = 0
    for kind in _KINDS:
        for path in list(opened.entries(kind)):
            entry = opened.get(kind, path.name)
            try:
                if entry is not None:
                    entry.read()
                    sound += 1
                    continue
            except StoreError as error:
                opened.set_aside(path, str(error))
            bad += 1
    click.echo(f"{sound:,} entries are sound, {bad:,} were damaged and set aside")
    if bad:
        raise click.exceptions.Exit(StoreError.exit_code)


@store.command()
@_FOLDER
@click.option("--days", type=float, required=True, help="Remove what was made longer ago than this.")
@click.option("--blobs-only", is_flag=True, help="Only encoded chapters, which cost no speech to make again.")
@click.option("--dry-run", is_flag=True, help="Only say what would be removed.")
def prune(folder: Path | None, days: float, blobs_only: bool, dry_run: bool) -> None:
    """Remove old entries. What is needed again is spoken, and paid for, again."""
    from narrate.studio import open_store

    opened = open_store(folder, lambda sentence: None)
    before = time.time() - days * 86_400
    old = [
        path
        for kind in _KINDS
        for path in opened.entries(kind)
        if (kind == "blobs" or not blobs_only) and path.stat().st_mtime < before
    ]
    size = sum(path.stat().st_size for path in old)
    if not dry_run:
        for path in old:
            path.unlink(missing_ok=True)
    click.echo(f"{'would remove' if dry_run else 'removed'} {len(old):,} entries, {size / 1e6:,.1f} MB")
