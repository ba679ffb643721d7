"""The cover picture: named in one of many ways, a picture or a page that shows one, and never worth the book."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable

from narrate.book import Cover, cover_of
from narrate.epub.container import Container
from narrate.errors import SourceError
from narrate.markup.parse import parse_page

_DATA_PICTURE = re.compile(r"data:image/(?:jpe?g|png);base64,(.+)", re.DOTALL)
_XLINK_HREF = "{http://www.w3.org/1999/xlink}href"


def find_cover(members: Iterable[str], container: Container, notes: list[str]) -> Cover | None:
    """The first of ``members`` that is a picture or shows one; what cannot be read of them is a note."""
    for member in dict.fromkeys(filter(None, members)):
        try:
            data = container.read(member, counts=False)
            cover = cover_of(data) or _picture_in(data, member, container)
        except SourceError as error:
            notes.append(f"the cover cannot be used: {str(error).removeprefix(f'{container.path}: ')}")
            continue
        if cover:
            return cover
    return None


def _picture_in(data: bytes, member: str, container: Container) -> Cover | None:
    """The first picture shown by a cover page or drawn in an SVG cover, in the file or beside it."""
    if b"<" not in data[:1024]:
        return None
    for element in parse_page(data, member, container.bounds).root.iter("{*}img", "{*}image"):
        href = element.get("src") or element.get(_XLINK_HREF) or element.get("href") or element.get("xlink:href") or ""
        inside = _DATA_PICTURE.fullmatch(href.strip())
        place = None if inside else container.resolve(member, href)
        try:
            if inside:
                data = base64.b64decode(inside.group(1))
            else:
                data = container.read(place[0], counts=False) if place else b""
        except binascii.Error:
            continue
        cover = cover_of(data)
        if cover:
            return cover
    return None
