"""``narrate doctor``: what is installed, what is missing, what would work."""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import click

from narrate.errors import EngineClosed, JobError, NarrateError

_PACKAGES = (
    *("av", "lameenc", "mutagen", "ebooklib", "markdown-it-py", "onnxruntime", "httpx", "pydub"),
    *("starlette", "uvicorn", "websockets"),
)
_EXTRAS = {
    "llm": (("anthropic", "openai"), "narrate adapt, narrate live --llm"),
    "play": (("sounddevice",), "narrate live --play"),
}
_HOSTED = {
    "lmnt": ("LMNT_API_KEY", "LMNT_BASE_URL"),
    "openai": ("OPENAI_API_KEY", "OPENAI_BASE_URL"),
}


@click.command()
@click.option("--store", "folder", type=click.Path(path_type=Path), help="The store.  [default: the user's cache]")
def doctor(folder: Path | None) -> None:
    """Show what is installed, what is missing and what would work. Sends nothing anywhere.

    \b
    narrate doctor
    """
    from narrate import __version__
    from narrate.studio import audition, open_store

    healthy = True

    def line(name: str, find_out: Callable[[], str]) -> bool:
        try:
            found, fine = find_out(), True
        except NarrateError as error:
            found, fine = str(error), False
        click.echo(f"  {'ok' if fine else '--':<3} {name:<10} {found}")
        return fine

    click.echo(
        f"narrate {__version__}, Python {platform.python_version()}, {os.cpu_count()} cores, {platform.system()}"
    )
    click.echo("engines")
    for name in ("kokoro", "espeak"):
        healthy &= line(name, lambda name=name: audition(name))  # type: ignore[misc]
    for name, (key, address) in _HOSTED.items():
        line(name, lambda key=key, address=address: _hosted(key, address))  # type: ignore[misc]
    line("tone", lambda: "for rehearsals; needs nothing")
    click.echo("folders")
    healthy &= line("store", lambda: _folder(open_store(folder, lambda sentence: None).folder))
    line("output", lambda: _folder(Path("output")))
    click.echo("extras")
    for name, (packages, what) in _EXTRAS.items():
        line(name, lambda name=name, packages=packages, what=what: _extra(name, packages, what))  # type: ignore[misc]
    click.echo("packages")
    click.echo("      " + ", ".join(f"{name} {_version(name)}" for name in _PACKAGES))
    if not healthy:
        raise click.exceptions.Exit(1)


def _hosted(key: str, address: str) -> str:
    """What the environment says of a hosted engine; the key itself is never shown."""
    from narrate.wire.address import address as parsed

    has_key = bool(os.environ.get(key) or os.environ.get(f"{key}_FILE"))
    where = parsed(os.environ, address, "").url if os.environ.get(address) else ""
    told = f"{key} is {'set' if has_key else 'not set'}; {address} is {where or 'not set'}"
    if not has_key and not (where and key == "OPENAI_API_KEY"):  # servers at home often need no key
        raise EngineClosed(told)
    return told


def _extra(name: str, packages: tuple[str, ...], what: str) -> str:
    """What an extra is for, and whether it is there."""
    found = ", ".join(f"{package} {_version(package)}" for package in packages)
    if "missing" in found:
        raise JobError(f'for {what}; install it with: pip install "narrate[{name}]"')
    return f"for {what}: {found}"


def _folder(folder: Path) -> str:
    existing = next(parent for parent in (folder.absolute(), *folder.absolute().parents) if parent.exists())
    writable = "" if os.access(existing, os.W_OK) else ", not writable"
    return f"{folder}, {shutil.disk_usage(existing).free / 1e9:.1f} GB free{writable}"


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "missing"
