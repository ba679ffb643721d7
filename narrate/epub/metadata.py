"""The metadata of a package, as ebooklib reads it.

ebooklib is given a sound copy: the package's metadata without comments, entities and odd namespaces, and nothing else;
it would keep every page in memory, and a missing picture would cost the book.
"""

from __future__ import annotations

import io
import re
import warnings
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from lxml import etree

from narrate.book import Cover, Metadata
from narrate.errors import SourceError
from narrate.markup.elements import text_of
from narrate.markup.parse import parse_html
from narrate.markup.passage import fold

OPF = "http://www.idpf.org/2007/opf"
_DC = "http://purl.org/dc/elements/1.1/"
_LANGUAGE = re.compile(r"[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8})*")
_BLOCK_TAG = re.compile(r"</?(?:p|br|div|li)\b", re.IGNORECASE)

Values = Sequence[tuple[str | None, Mapping[str, str]]]  # (text, attributes) of each element of a name
Named = Mapping[str, Mapping[str, Values]]  # namespace -> name -> values
Refined = Mapping[str, Mapping[str, Sequence[str]]]  # id -> property -> values


def ask_ebooklib(root: etree._Element, notes: list[str]) -> Named:
    """The metadata as ebooklib reads it; when it gives up, a note and no metadata: the text is worth more."""
    copy = _sound_copy(root)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # ebooklib warns of its own future
        from ebooklib import epub

        try:
            found: Named = epub.read_epub(copy, {"ignore_ncx": True}).metadata
        except Exception as error:  # ebooklib lets whatever lxml, zipfile and its own slips raise escape
            notes.append(
                f"the metadata cannot be read ({type(error).__name__}); the title is taken from the file's name"
            )
            return {}
    return found


def _sound_copy(root: etree._Element) -> io.BytesIO:
    names: Any = {None: OPF, "dc": _DC}
    package = etree.Element(f"{{{OPF}}}package", nsmap=names, version=root.get("version") or "2.0")
    if root.get("unique-identifier"):
        package.set("unique-identifier", str(root.get("unique-identifier")))
    metadata = etree.SubElement(package, f"{{{OPF}}}metadata")
    for element in _metadata_elements(root):
        namespace, _, local = str(element.tag).rpartition("}")
        copy = etree.SubElement(metadata, f"{{{_DC if 'purl.org/dc' in namespace else OPF}}}{local.lower()}")
        copy.text = "".join(map(str, element.itertext()))
        for name, value in element.items():
            copy.set(name, value)
    etree.SubElement(package, f"{{{OPF}}}manifest")
    etree.SubElement(package, f"{{{OPF}}}spine")
    box = io.BytesIO()
    with zipfile.ZipFile(box, "w") as archive:
        archive.writestr(
            "META-INF/container.xml",
            '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container" version="1.0"><rootfiles>'
            '<rootfile full-path="package.opf" media-type="application/oebps-package+xml"/></rootfiles></container>',
        )
        archive.writestr("package.opf", etree.tostring(package, encoding="utf-8"))
    return box


def _metadata_elements(root: etree._Element) -> Iterator[etree._Element]:
    """The entries of the metadata, also where OEBPS 1 put them in boxes of their own."""
    for box in root.iter("{*}metadata"):
        for element in box.iter("{*}*"):
            if element is not box and not str(element.tag).endswith(("}dc-metadata", "}x-metadata")):
                yield element
        return


def metas(values: Named) -> Values:
    """The ``<meta>`` elements of EPUB 2 and 3."""
    return values.get(OPF, {}).get("meta", ())


def read_metadata(values: Named, cover: Cover | None, stem: str) -> Metadata:
    refined = _refinements(values)
    title, subtitle = _titles(values, refined)
    people = list(_people(values, refined))
    series, number = _series(values, refined)
    return Metadata(
        title=title or stem,
        subtitle=subtitle,
        authors=tuple(
            dict.fromkeys(name for name, roles, creator in people if creator and ("aut" in roles or not roles))
        )
        or tuple(dict.fromkeys(name for name, _, creator in people if creator)),
        contributors=tuple((name, role) for name, roles, _ in people for role in roles or ("",)),
        language=_language(_first(values, "language")),
        publisher=_first(values, "publisher"),
        date=_date(values),
        identifier=_first(values, "identifier"),
        description=_plain(_first(values, "description")),
        series=series,
        series_number=number,
        rights=_first(values, "rights"),
        subjects=tuple(dict.fromkeys(filter(None, (fold(text or "") for text, _ in _dublin(values, "subject"))))),
        cover=cover,
    )


def _dublin(values: Named, name: str) -> Values:
    return values.get(_DC, {}).get(name, ())


def _first(values: Named, name: str) -> str:
    return next((fold(text) for text, _ in _dublin(values, name) if text and text.strip()), "")


def _refinements(values: Named) -> Refined:
    """EPUB 3's ``<meta refines="#id" property="...">``: id -> property -> values."""
    found: dict[str, dict[str, list[str]]] = {}
    for text, attributes in metas(values):
        target, name = attributes.get("refines", "").lstrip("#"), attributes.get("property", "")
        if target and name and text:
            found.setdefault(target, {}).setdefault(name, []).append(fold(text))
    return found


def _titles(values: Named, refined: Refined) -> tuple[str, str]:
    kinds: dict[str, str] = {}
    for text, attributes in _dublin(values, "title"):
        kind = refined.get(attributes.get("id", ""), {}).get("title-type", [""])[0]
        kinds.setdefault(kind, fold(text or ""))
    main = kinds.get("main") or kinds.get("") or next(iter(kinds.values()), "")
    return main, kinds.get("subtitle", "")


def _people(values: Named, refined: Refined) -> Iterator[tuple[str, tuple[str, ...], bool]]:
    """(name, MARC relator codes, whether named as a creator) of everybody, creators first."""
    for element in ("creator", "contributor"):
        for text, attributes in _dublin(values, element):
            name = fold(text or "")
            roles = list(refined.get(attributes.get("id", ""), {}).get("role", ()))
            old = attributes.get(f"{{{OPF}}}role")
            roles += [old] if old else []
            if name:
                yield name, tuple(dict.fromkeys(role.lower() for role in roles)), element == "creator"


def _series(values: Named, refined: Refined) -> tuple[str, str]:
    named = {attributes.get("name", ""): attributes.get("content", "") for _, attributes in metas(values)}
    for text, attributes in metas(values):
        if attributes.get("property") == "belongs-to-collection" and text:
            about = refined.get(attributes.get("id", ""), {})
            if about.get("collection-type", ["series"])[0] == "series":
                return fold(text), about.get("group-position", [""])[0]
    if named.get("calibre:series"):
        return fold(named["calibre:series"]), fold(named.get("calibre:series_index", "")).removesuffix(".0")
    return "", ""


def _date(values: Named) -> str:
    """The date of publication when several are given (EPUB 2 marks them), else the first."""
    dates = [(fold(text or ""), attributes.get(f"{{{OPF}}}event", "")) for text, attributes in _dublin(values, "date")]
    dates.sort(key=lambda date: date[1] not in {"publication", "original-publication", ""})
    date = dates[0][0] if dates else ""
    return re.sub(r"T00:00:00.*$", "", date)


def _language(tag: str) -> str:
    tag = tag.replace("_", "-")
    return tag if _LANGUAGE.fullmatch(tag) and tag.lower() not in {"und", "zxx"} else ""


def _plain(text: str) -> str:
    """A description without its markup (it is often HTML, escaped)."""
    if "<" not in text:
        return text
    try:
        return fold(text_of(parse_html(_BLOCK_TAG.sub(r" \g<0>", text), "description")))
    except SourceError:
        return ""


def _authors(people: Sequence[tuple[str, tuple[str, ...], bool]]) -> tuple[str, ...]:
    """Creators whose role is author or not given; all creators when none is."""
    creators = [(name, roles) for name, roles, creator in people if creator]
    writers = [name for name, roles in creators if not roles or "aut" in roles]
    return tuple(dict.fromkeys(writers or [name for name, _ in creators]))
