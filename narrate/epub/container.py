"""The ZIP file of an EPUB, read as something hostile: limits on size, number and ratio, names that cannot climb out."""

from __future__ import annotations

import posixpath
import re
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from narrate.errors import SourceError
from narrate.markup.parse import parse_xml

MEBIBYTE = 1 << 20
MAX_MEMBERS = 20_000
MAX_MEMBER = 32 * MEBIBYTE  # of what is read: pages, packages, the cover. The longest page known has 5 MB
MAX_TOTAL = 64 * MEBIBYTE  # of everything read from one book: ten million words
MAX_RATIO = 200  # uncompressed to compressed; text reaches 10, deflate at most 1,032
SMALL = MEBIBYTE  # below this a high ratio does no harm

_CONTAINER = "META-INF/container.xml"
_PACKAGE_TYPE = "application/oebps-package+xml"
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
# Obfuscated fonts are no protection of the text (EPUB 3.3, 4.2.6.1.2; Adobe's older way).
_FONT_ALGORITHMS = {"http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC"}
_RIGHTS = ("META-INF/rights.xml", "META-INF/sinf.xml", "META-INF/license.lcpl")
_UNREADABLE = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError, ValueError)


@dataclass(slots=True)
class Container:
    """An open EPUB. ``read`` counts what it hands out and stops at the limits."""

    path: Path
    archive: zipfile.ZipFile
    names: dict[str, str]  # a folded name -> the member's own name
    total: int = 0

    @classmethod
    @contextmanager
    def open(cls, path: Path) -> Iterator[Container]:
        """Open the file and check that it is an EPUB that may be read."""
        try:
            archive = zipfile.ZipFile(path)
        except FileNotFoundError as error:
            raise SourceError(f"{path}: there is no such file") from error
        except zipfile.BadZipFile as error:
            empty = path.stat().st_size == 0
            raise SourceError(f"{path}: is {'empty' if empty else 'not a ZIP file, so it is no EPUB'}") from error
        except (OSError, ValueError, NotImplementedError) as error:
            raise SourceError(f"{path}: cannot be opened: {error}") from error
        with archive:
            members = archive.infolist()
            if len(members) > MAX_MEMBERS:
                raise SourceError(f"{path}: holds {len(members):,} files, more than {MAX_MEMBERS:,}; it is no book")
            names = {_key(info.filename): info.filename for info in reversed(members) if not info.is_dir()}
            container = cls(path, archive, names)
            container._refuse_protection()
            yield container

    def find(self, name: str) -> str | None:
        """The member's own name, whatever the case, the Unicode form and the percent signs of ``name``."""
        for candidate in (name, unquote(name)):
            found = self.names.get(_key(candidate))
            if found is not None:
                return found
        return None

    def resolve(self, base: str, href: str) -> tuple[str, str] | None:
        """(member, fragment) of an href inside the member ``base``; None when it leads outside or nowhere."""
        address, _, fragment = href.strip().partition("#")
        if _SCHEME.match(address) or address.startswith("//"):
            return None
        path = address.partition("?")[0]
        if not path:
            return base, unquote(fragment)
        for candidate in (path, unquote(path)):
            joined = posixpath.normpath(posixpath.join(posixpath.dirname(base), candidate))
            found = None if joined.startswith(("../", "/")) else self.names.get(_key(joined))
            if found is not None:
                return found, unquote(fragment)
        return None

    def read(self, name: str) -> bytes:
        """The member's bytes; SourceError when it is missing, damaged, encrypted or larger than a book's may be."""
        try:
            info = self.archive.getinfo(name)
        except KeyError as error:
            raise SourceError(f"{self.path}: {name} is missing") from error
        if info.flag_bits & 0x1:
            raise SourceError(f"{self.path}: is protected with a password; narrate reads only open books")
        self._check(info, info.file_size)
        try:
            with self.archive.open(info) as member:
                data = member.read(MAX_MEMBER + 1)
        except _UNREADABLE as error:
            raise SourceError(f"{self.path}: {name} is damaged: {error}") from error
        self._check(info, len(data))
        self.total += len(data)
        if self.total > MAX_TOTAL:
            raise SourceError(f"{self.path}: holds more than {MAX_TOTAL // MEBIBYTE} MiB of text; it is no book")
        return data

    def package_name(self) -> str:
        """The member that describes the book."""
        name = self.find(_CONTAINER)
        candidates: list[str] = []
        if name is not None:
            root = parse_xml(self.read(name), f"{self.path}: {_CONTAINER}")
            files = [element for element in root.iter("{*}rootfile") if element.get("full-path")]
            files.sort(key=lambda element: element.get("media-type") != _PACKAGE_TYPE)
            candidates = [str(element.get("full-path")) for element in files]
        else:
            candidates = sorted(own for key, own in self.names.items() if key.endswith(".opf"))
        for candidate in candidates:
            found = self.find(candidate)
            if found is not None:
                return found
        missing = f"{candidates[0]} is missing" if candidates else f"{_CONTAINER} names no package"
        raise SourceError(f"{self.path}: is a ZIP file but no EPUB: {missing}")

    def _check(self, info: zipfile.ZipInfo, size: int) -> None:
        if size > MAX_MEMBER:
            raise SourceError(
                f"{self.path}: {info.filename} is larger than {MAX_MEMBER // MEBIBYTE} MiB; it is no book"
            )
        if size > SMALL and size > MAX_RATIO * max(1, info.compress_size):
            raise SourceError(
                f"{self.path}: {info.filename} is compressed beyond {MAX_RATIO}:1; it looks like a ZIP bomb"
            )

    def _refuse_protection(self) -> None:
        for name in _RIGHTS:
            if self.find(name):
                raise SourceError(f"{self.path}: is protected (DRM, {name}); narrate reads only open books")
        listed = self.names.get(_key("META-INF/encryption.xml"))
        if listed is None:
            return
        root = parse_xml(self.read(listed), f"{self.path}: {listed}")
        for data in root.iter("{*}EncryptedData"):
            method = data.find("{*}EncryptionMethod")
            if method is None or method.get("Algorithm") not in _FONT_ALGORITHMS:
                raise SourceError(f"{self.path}: is encrypted (DRM); narrate reads only open books")


def _key(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()
