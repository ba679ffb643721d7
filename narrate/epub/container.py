"""The container of an EPUB, read as something hostile: bounds on size, number and ratio, names that stay inside."""

from __future__ import annotations

import posixpath
import re
import stat
import unicodedata
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote

from narrate.bounds import BOUNDS, MEBIBYTE, Bounds
from narrate.epub.archive import open_archive
from narrate.epub.protection import RIGHTS, encrypted_addresses, looks_like_markup, scheme_of
from narrate.errors import SourceError
from narrate.markup.parse import parse_page

_CONTAINER = "META-INF/container.xml"
_ENCRYPTION = "META-INF/encryption.xml"
_PACKAGE_TYPE = "application/oebps-package+xml"
PAGE_SUFFIXES = (".xhtml", ".html", ".htm", ".xht", ".xml")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_UNREADABLE = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError, ValueError)
_OPEN_ONLY = "narrate reads only open books"


class Excess(SourceError):
    """More is read from one book than any book holds: there is no going on with the other pages."""


@dataclass(slots=True)
class Container:
    """An open EPUB. ``read`` counts what it hands out and stops at the bounds."""

    path: Path
    archive: zipfile.ZipFile
    bounds: Bounds = BOUNDS
    members: dict[str, zipfile.ZipInfo] = field(default_factory=dict)  # own name -> the last of that name
    names: dict[str, str] = field(default_factory=dict)  # a folded name -> the first member's own name
    locked: frozenset[str] = frozenset()  # members that are encrypted
    scheme: str = ""  # whose protection, as far as the book tells
    total: int = 0  # bytes read
    elements: int = 0  # of all pages that were parsed
    _stems: dict[str, list[str]] = field(default_factory=dict)

    @classmethod
    @contextmanager
    def open(cls, path: Path, bounds: Bounds = BOUNDS) -> Iterator[Container]:
        """Open the file and look at what is in it, without reading a page."""
        archive = open_archive(path, bounds)
        with archive, archive.fp or archive:  # a ZIP file does not close the file it was given
            container = cls(path, archive, bounds)
            for info in archive.infolist():
                key = _key(info.filename)
                if (
                    info.filename
                    and not info.is_dir()
                    and not stat.S_ISLNK(info.external_attr >> 16)
                    and ".." not in key.split("/")
                ):
                    container.members[info.filename] = info
                    container.names.setdefault(key, info.filename)
            container._find_protection()
            yield container

    def find(self, name: str) -> str | None:
        """The member's own name, whatever the case, the Unicode form and the percent signs of ``name``."""
        for candidate in dict.fromkeys((name, unquote(name))):
            if candidate in self.members:
                return candidate
            found = self.names.get(_key(candidate))
            if found is not None:
                return found
        return None

    def resolve(self, base: str, href: str) -> tuple[str, str] | None:
        """(member, fragment) of an href inside the member ``base``; None when it leads outside or nowhere.

        What starts with a slash is looked for from the root of the container, and backslashes are slashes.
        """
        address, _, fragment = href.strip().replace("\\", "/").partition("#")
        if _SCHEME.match(address) or address.startswith("//"):
            return None
        if not address.partition("?")[0]:
            return base, unquote(fragment)
        folder = posixpath.dirname(base.replace("\\", "/"))
        # a question mark may belong to a name that was not percent-encoded
        for candidate in dict.fromkeys((address.partition("?")[0], address)):
            for path in dict.fromkeys((candidate, unquote(candidate))):
                joined = posixpath.normpath(path.lstrip("/") if path[:1] == "/" else posixpath.join(folder, path))
                if joined in self.members:
                    return joined, unquote(fragment)
                found = None if joined.startswith("../") else self.names.get(_key(joined))
                if found is not None:
                    return found, unquote(fragment)
        return None

    def nearest(self, href: str) -> tuple[str, str] | None:
        """The one page of the book whose file is called as ``href`` says, in another folder or with another suffix."""
        address, _, fragment = href.strip().replace("\\", "/").partition("#")
        if _SCHEME.match(address) or address.startswith("//") or ".." in address:
            return None
        if not self._stems:
            for key, own in self.names.items():
                if key.endswith(PAGE_SUFFIXES):
                    self._stems.setdefault(_stem(key), []).append(own)
        found = self._stems.get(_stem(_key(unquote(address.partition("?")[0]))), [])
        return (found[0], unquote(fragment)) if len(found) == 1 else None

    def read(self, name: str, *, counts: bool = True) -> bytes:
        """The member's bytes; SourceError when it is missing, damaged, encrypted or larger than a book's may be.

        ``counts`` is False for what is beside the text, such as the cover: it shall not use up the text's bound.
        """
        info = self.members.get(name)
        if info is None:
            raise SourceError(f"{self.path}: {name} is missing")
        if info.flag_bits & 0x1:
            raise SourceError(f"{self.path}: {name} is protected with a password; {_OPEN_ONLY}")
        if name in self.locked:
            raise SourceError(self._protected())
        self._check(info, info.file_size)
        try:
            with self.archive.open(info) as member:
                data = member.read(self.bounds.member + 1)
        except _UNREADABLE as error:
            raise SourceError(f"{self.path}: {name} is damaged: {error}") from error
        self._check(info, len(data))
        if counts:
            self.total += len(data)
            if self.total > self.bounds.total:
                size = self.bounds.total // MEBIBYTE
                raise Excess(f"{self.path}: holds more than {size:,} MiB of text; it is no book")
        return data

    def size(self, name: str) -> int:
        """How large the member claims to be, in bytes; 0 when there is none."""
        info = self.members.get(name)
        return info.file_size if info else 0

    def packages(self) -> list[str]:
        """The members that may describe the book, the likeliest first; SourceError when there is none."""
        named, trouble = self._rootfiles()
        found = [own for candidate in named if (own := self.find(candidate.strip().lstrip("/")))]
        found += sorted(
            (own for key, own in self.names.items() if key.endswith(".opf")), key=lambda own: own.count("/")
        )
        if found:
            return list(dict.fromkeys(found))
        books = [own for key, own in self.names.items() if key.endswith((".epub", ".mobi", ".azw3", ".pdf"))]
        if books:
            raise SourceError(f"{self.path}: is a ZIP file around {books[0]} and no EPUB itself; unzip it first")
        missing = f"{named[0]} is missing" if named else trouble
        raise SourceError(f"{self.path}: is a ZIP file but no EPUB: {missing}")

    def refuse_protected(self, pages: Iterable[str]) -> None:
        """SourceError when any of ``pages`` is encrypted: a book with holes would pass for the book."""
        pages = [page for page in pages if page in self.members]
        hidden = any(page in self.locked for page in pages)
        if not hidden and self.scheme and pages:
            try:
                hidden = not looks_like_markup(self.read(pages[0], counts=False))
            except SourceError:
                hidden = False  # damage is told where the page is read
        if hidden:
            raise SourceError(self._protected())
        if pages and all(self.members[page].flag_bits & 0x1 for page in pages):
            raise SourceError(f"{self.path}: is protected with a password; {_OPEN_ONLY}")

    def _rootfiles(self) -> tuple[list[str], str]:
        """What container.xml names as packages, and what is wrong when it names none."""
        name = self.find(_CONTAINER)
        if name is None:
            return [], f"{_CONTAINER} is missing, and no package is in it"
        try:
            root = parse_page(self.read(name), _CONTAINER, self.bounds).root
        except Excess:
            raise
        except SourceError as error:
            return [], str(error).removeprefix(f"{self.path}: ")
        files = [element for element in root.iter("{*}rootfile") if element.get("full-path")]
        files.sort(key=lambda element: element.get("media-type") != _PACKAGE_TYPE)
        return [str(element.get("full-path")) for element in files], f"{_CONTAINER} names no package"

    def _check(self, info: zipfile.ZipInfo, size: int) -> None:
        if size > self.bounds.member:
            limit = self.bounds.member // MEBIBYTE
            raise SourceError(f"{self.path}: {info.filename} is larger than {limit:,} MiB; it is no book")
        if size > self.bounds.small and size > self.bounds.ratio * max(1, info.compress_size):
            ratio = f"{self.bounds.ratio}:1"
            raise SourceError(f"{self.path}: {info.filename} is compressed beyond {ratio}; it looks like a ZIP bomb")

    def _find_protection(self) -> None:
        for name in RIGHTS:
            own = self.find(name)
            if own and not self.scheme:
                try:
                    self.scheme = scheme_of(name, self.read(own))
                except SourceError:
                    self.scheme = RIGHTS[name]
        listed = self.find(_ENCRYPTION)
        if listed is None:
            return
        try:
            root = parse_page(self.read(listed), _ENCRYPTION, self.bounds).root
        except SourceError:
            return  # what is encrypted shows when it is read
        addresses = encrypted_addresses(root)
        self.locked = frozenset(own for address in addresses if (own := self.find(address.lstrip("/"))))

    def _protected(self) -> str:
        whose = f"DRM, {self.scheme}" if self.scheme else "DRM"
        return f"{self.path}: is protected ({whose}: its text is encrypted); {_OPEN_ONLY}"


def _stem(key: str) -> str:
    return posixpath.splitext(posixpath.basename(key))[0]


def _key(name: str) -> str:
    """A name as it is compared: without case, Unicode form, leading slash, and with slashes for backslashes."""
    folded = unicodedata.normalize("NFC", name.replace("\\", "/")).casefold()
    return posixpath.normpath(folded).lstrip("/") if folded.startswith(("/", "./")) or "//" in folded else folded
