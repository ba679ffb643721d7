"""Books that mean harm, or look like it, built on the fly. Each builder writes into a folder and names the source.

The sizes are those of the attack; where that would take long to build or to read, the default suite uses the slim one
(``NARRATE_HOSTILE=full`` for the whole).
"""

# ruff: noqa: E501 - pieces of books read better whole
from __future__ import annotations

import os
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.loaders.builder import METADATA, make_epub, page

FULL = os.environ.get("NARRATE_HOSTILE") == "full"
SECRET = "canary7f3a"
PROSE = "It was a quiet morning, and nothing in the village stirred except the miller's dog. "


@dataclass(frozen=True)
class Place:
    """Where a book is built: its folder, a file with SECRET that it must not read, and a port it must not call."""

    folder: Path
    secret: Path
    port: int


Build = Callable[[Place], str]


@dataclass(frozen=True)
class Case:
    """A hostile source; ``code`` is what must come of it: 0 read, 4 refused, None either. ``seconds`` of processor."""

    name: str
    build: Build
    code: int | None = None
    seconds: float = 30.0


CASES: list[Case] = []


def size(full: int, slim: int) -> int:
    return full if FULL else slim


def n(count: int) -> int:
    """So many times, or in the default suite a twentieth: what takes the square of its size shows there too."""
    return count if FULL else count // 20


def case(code: int | None = None, seconds: float = 80.0 if FULL else 30.0) -> Callable[[Build], Build]:
    """Register a builder under its name."""

    def register(build: Build) -> Build:
        CASES.append(Case(build.__name__.strip("_").replace("_", " "), build, code, seconds))
        return build

    return register


def texts(
    suffix: str,
    cases: Mapping[str, Callable[[], str | bytes]],
    code: int | None,
    seconds: float = 80.0 if FULL else 30.0,
) -> None:
    """Register sources that are one file of text."""
    for name, make in cases.items():

        def build(place: Place, make: Callable[[], str | bytes] = make) -> str:
            made = make()
            data = made.encode("utf-8", "surrogatepass") if isinstance(made, str) else made
            (place.folder / f"book{suffix}").write_bytes(data)
            return f"book{suffix}"

        CASES.append(Case(f"{suffix[1:]}: {name}", build, code, seconds))


def bodies(
    cases: Mapping[str, Callable[[], str | bytes]], code: int | None, seconds: float = 80.0 if FULL else 30.0
) -> None:
    """Register EPUBs of one page with such a body."""
    for name, make in cases.items():

        def build(place: Place, make: Callable[[], str | bytes] = make) -> str:
            made = make()
            whole = made if isinstance(made, bytes) else page(f"<h1>One</h1><p>{PROSE}</p>{made}").encode()
            return stored(epub(place, {"a.xhtml": whole}), place)

        CASES.append(Case(f"page: {name}", build, code, seconds))


def epub(place: Place, pages: Mapping[str, str | bytes], **options: object) -> str:
    make_epub(place.folder / "book.epub", pages, **options)  # type: ignore[arg-type]
    return "book.epub"


def stored(name: str, place: Place) -> str:
    """Without compression: a page of one thing 100,000 times shall not pass for a ZIP bomb."""
    path = place.folder / name
    with zipfile.ZipFile(path) as archive:
        members = {info.filename: archive.read(info) for info in archive.infolist()}
    with zipfile.ZipFile(path, "w") as archive:
        for member, data in members.items():
            archive.writestr(member, data)
    return name


def remote_address(place: Place) -> str:
    return f"http://127.0.0.1:{place.port}/x"


def zip_of(place: Place, members: Mapping[str, str | bytes], modes: Mapping[str, int] | None = None) -> str:
    with zipfile.ZipFile(place.folder / "book.epub", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            info = zipfile.ZipInfo(name)
            info.external_attr = (modes or {}).get(name, 0o644) << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, data)
    return "book.epub"


def package(items: Mapping[str, str], spine: str = "", metadata: str = METADATA) -> str:
    listed = "".join(
        f'<item id="{key}" href="{href}" media-type="application/xhtml+xml"/>' for key, href in items.items()
    )
    refs = spine or "".join(f'<itemref idref="{key}"/>' for key in items)
    return (
        '<package xmlns="http://www.idpf.org/2007/opf" version="3.0"><metadata xmlns:dc="http://purl.org/dc/elements/1.1/" '
        f'xmlns:opf="http://www.idpf.org/2007/opf">{metadata}</metadata><manifest>{listed}</manifest><spine>{refs}</spine></package>'
    )
