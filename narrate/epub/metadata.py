"""The metadata of a package, as ebooklib reads it.

ebooklib is given a sound copy: the package's metadata without comments, entities and odd namespaces, and nothing else;
it would keep every page in memory, and a missing picture would cost the book.
"""

from __future__ import annotations

import html
import io
import re
import warnings
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from lxml import etree

from narrate.book import LANGUAGE_TAG, Cover, Metadata
from narrate.epub.people import Person, authors_of, contributors_of, roles_of
from narrate.errors import SourceError
from narrate.markup.elements import text_of
from narrate.markup.parse import parse_html
from narrate.markup.passage import fold

OPF = "http://www.idpf.org/2007/opf"
_DC = "http://purl.org/dc/elements/1.1/"
_DUBLIN = frozenset(
    ("title", "creator", "contributor", "language", "publisher", "date", "identifier", "description", "rights")
) | {"subject", "source", "type", "relation", "coverage", "format"}
_XML = "http://www.w3.org/XML/1998/namespace"
_PREFIXES = {"opf": OPF, "xml": _XML}
_NAME = re.compile(r"[A-Za-z_][\w.-]*")  # lenient parsers make up names that none may have
_NO_LANGUAGE = {"und", "zxx", "mul", "mis", "none", "unknown"}
# Codes of three letters (ISO 639-2, both forms) and names that stand where a tag of two letters should.
_TAGS = {
    **dict.fromkeys(("eng", "english"), "en"),
    **dict.fromkeys(("ger", "deu", "german", "deutsch"), "de"),
    **dict.fromkeys(("fre", "fra", "french", "français"), "fr"),
    **dict.fromkeys(("spa", "spanish", "español"), "es"),
    **dict.fromkeys(("ita", "italian", "italiano"), "it"),
    **dict.fromkeys(("por", "portuguese", "português"), "pt"),
    **dict.fromkeys(("dut", "nld", "dutch", "nederlands"), "nl"),
    **dict.fromkeys(("rus", "russian", "русский"), "ru"),
    **dict.fromkeys(("jpn", "japanese", "日本語"), "ja"),
    **dict.fromkeys(("chi", "zho", "chinese", "中文"), "zh"),
    "kor": "ko",
    "ara": "ar",
    "hin": "hi",
    "pol": "pl",
    "swe": "sv",
    "dan": "da",
    "nor": "no",
    "fin": "fi",
    "cze": "cs",
    "ces": "cs",
    "hun": "hu",
    "tur": "tr",
    "gre": "el",
    "ell": "el",
    "ukr": "uk",
    "heb": "he",
    "rum": "ro",
    "ron": "ro",
    "cat": "ca",
    "lat": "la",
}
_BLOCK_TAG = re.compile(r"</?(?:p|br|div|li|ul|ol|h[1-6]|blockquote|tr)\b", re.IGNORECASE)
_TIME = re.compile(r"T\d\d:?\d\d.*$")
_UNDATED = ("0101-01-01", "0100-12-31")  # what calibre writes for a book without a date, and it in western zones
_PUBLISHED = {"publication", "original-publication", "issued", ""}
_ISBN = re.compile(r"97[89](?:[- ]?\d){10}|\d(?:[- ]?\d){8}[- ]?[\dXx]")

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
        prefix, _, local = local.rpartition(":")  # an undeclared prefix stays in the name
        dublin = "purl.org/dc" in namespace or prefix.lower() == "dc" or (not namespace and local.lower() in _DUBLIN)
        if not _NAME.fullmatch(local):
            continue
        copy = etree.SubElement(metadata, f"{{{_DC if dublin else OPF}}}{local.lower()}")
        copy.text = "".join(map(str, element.itertext()))
        for name, value in element.items():
            prefix, _, bare = str(name).rpartition(":") if not str(name).startswith("{") else ("", "", str(name))
            if (not prefix or prefix in _PREFIXES) and _NAME.fullmatch(bare.rpartition("}")[2]):
                copy.set(f"{{{_PREFIXES[prefix]}}}{bare}" if prefix else bare, value)
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


def read_metadata(values: Named, cover: Cover | None, stem: str, unique: str = "") -> Metadata:
    """What ``values`` say of the book; ``stem`` serves as title, and ``unique`` is the id of its own identifier."""
    refined = _refinements(values)
    title, subtitle = _titles(values, refined)
    people = list(_people(values, refined))
    series, number = _series(values, refined)
    return Metadata(
        title=title or stem,
        subtitle=subtitle,
        authors=authors_of(people),
        contributors=contributors_of(people),
        language=next(filter(None, (language_tag(text or "") for text, _ in _dublin(values, "language"))), ""),
        publisher=_first(values, "publisher"),
        date=_date(values),
        identifier=_identifier(values, unique),
        description=_plain(_first(values, "description")),
        series=series,
        series_number=number,
        rights=_plain(_first(values, "rights")),
        subjects=tuple(dict.fromkeys(filter(None, (fold(text or "") for text, _ in _dublin(values, "subject"))))),
        cover=cover,
    )


def language_tag(written: str) -> str:
    """A BCP 47 tag for what a book writes as its language; "" when it says nothing."""
    tag = written.strip().replace("_", "-")
    tag = _TAGS.get(tag.casefold(), tag)
    found = LANGUAGE_TAG.match(tag)
    primary = tag.partition("-")[0].casefold()
    if found is None or primary in _NO_LANGUAGE or len(primary) > 3:
        return ""
    main = _TAGS.get(primary, "")
    return found.group().replace(tag[: len(primary)], main, 1) if main else found.group()


def _dublin(values: Named, name: str) -> Values:
    return values.get(_DC, {}).get(name, ())


def _first(values: Named, name: str) -> str:
    return next((fold(text) for text, _ in _dublin(values, name) if text and text.strip()), "")


def _refinements(values: Named) -> Refined:
    """EPUB 3's ``<meta refines="#id" property="...">``: id -> property -> values."""
    found: dict[str, dict[str, list[str]]] = {}
    for text, attributes in metas(values):
        target, name = attributes.get("refines", "").lstrip("#"), attributes.get("property", "")
        if target and name and text and text.strip():
            found.setdefault(target, {}).setdefault(name, []).append(fold(text))
    return found


_TITLE_TYPES = ("main", "", "extended", "expanded", "short", "edition", "collection", "subtitle")


def _titles(values: Named, refined: Refined) -> tuple[str, str]:
    """The main title and the subtitle, of titles in their order of display."""
    found: list[tuple[float, str, str]] = []
    for text, attributes in _dublin(values, "title"):
        about = refined.get(attributes.get("id", ""), {})
        kind = about.get("title-type", [""])[0].lower()
        if text and fold(text):
            found.append((_number(about.get("display-seq", [""])[0]), kind, fold(text)))
    found.sort(key=lambda title: title[0])
    kinds: dict[str, str] = {}
    for _, kind, text in found:
        kinds.setdefault(kind, text)
    main = next((kinds[kind] for kind in _TITLE_TYPES if kind in kinds), "") or next(iter(kinds.values()), "")
    return main, kinds.get("subtitle", "") if kinds.get("subtitle") != main else ""


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("inf")


# several names in one element, as some programs write them; an entity that was escaped twice ends in the same sign
_NAMES_APART = re.compile(r"(?<!&amp)(?<!&quot)(?<!&apos)(?<!&#39);")


def _people(values: Named, refined: Refined) -> Iterator[Person]:
    """Everybody, creators first."""
    for element in ("creator", "contributor"):
        for text, attributes in _dublin(values, element):
            roles = roles_of(refined.get(attributes.get("id", ""), {}), attributes.get(f"{{{OPF}}}role"))
            for name in _NAMES_APART.split(fold(text or "")):
                if name.strip():
                    yield Person(name.strip(), roles, element == "creator")


def _series(values: Named, refined: Refined) -> tuple[str, str]:
    """The series that the book itself belongs to, not one that its series belongs to; a set is a list of somebody's."""
    found: dict[str, tuple[str, str]] = {}
    for text, attributes in metas(values):
        if attributes.get("property") == "belongs-to-collection" and text and fold(text):
            about = refined.get(attributes.get("id", ""), {})
            kind = about.get("collection-type", ["series"])[0].lower()
            nested = "nested " if attributes.get("refines") else ""
            found.setdefault(nested + kind, (fold(text), _position(about.get("group-position", [""])[0])))
    named = {
        attributes.get("name") or attributes.get("property", ""): (text, attributes)
        for text, attributes in metas(values)
    }
    text, attributes = named.get("calibre:series", (None, {}))
    if name := fold(attributes.get("content") or text or ""):
        text, attributes = named.get("calibre:series_index", (None, {}))
        found.setdefault("calibre", (name, _position(fold(attributes.get("content") or text or ""))))
    order = ("series", "calibre", "nested series")
    return next((found[kind] for kind in order if kind in found), ("", ""))


def _position(text: str) -> str:
    return re.sub(r"(?<=\d)\.0+$", "", text)


def _date(values: Named) -> str:
    """The date of publication when several are given (EPUB 2 marks them), else the first."""
    dates = [(fold(text or ""), attributes.get(f"{{{OPF}}}event", "")) for text, attributes in _dublin(values, "date")]
    dates = [(date, event) for date, event in dates if date and not date.startswith(_UNDATED)]
    dates.sort(key=lambda date: date[1].lower() not in _PUBLISHED)
    return _TIME.sub("", dates[0][0]) if dates else ""


def _identifier(values: Named, unique: str) -> str:
    """An ISBN, else the identifier that the package calls its own, else the first."""
    found = [(fold(text or ""), attributes) for text, attributes in _dublin(values, "identifier") if text]
    found = [(text, attributes) for text, attributes in found if text]
    isbn = next((text for text, attributes in found if _is_isbn(text, attributes)), "")
    own = next((text for text, attributes in found if unique and attributes.get("id") == unique), "")
    return isbn or own or (found[0][0] if found else "")


def _is_isbn(text: str, attributes: Mapping[str, str]) -> bool:
    said = text.lower().startswith(("urn:isbn:", "isbn")) or attributes.get(f"{{{OPF}}}scheme", "").lower() == "isbn"
    digits = re.sub(r"[- ]", "", text.lower().removeprefix("urn:").removeprefix("isbn").lstrip(": "))
    whole = bool(_ISBN.fullmatch(digits))
    return (said and digits != "") or (whole and len(digits) == 13 and _check_digit(digits))


def _check_digit(digits: str) -> bool:
    return sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(digits)) % 10 == 0


def _plain(text: str) -> str:
    """A description without its markup (it is often HTML, escaped)."""
    if "<" not in text:
        return fold(html.unescape(text)) if "&" in text else text
    try:
        return fold(text_of(parse_html(_BLOCK_TAG.sub(r" \g<0>", text), "description")))
    except SourceError:
        return ""
