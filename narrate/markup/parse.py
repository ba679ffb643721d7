"""Bytes to an lxml tree, whatever they are: declared or guessed encodings, entities without a DTD, broken XHTML.

Nothing is fetched, no entity of the document is ever expanded by the parser, comments and processing instructions are
dropped, and a document that is not well-formed is read by the lenient HTML parser instead (with a warning).
"""

from __future__ import annotations

import codecs
import html
import html.entities
import re
from dataclasses import dataclass

from lxml import etree

from narrate.errors import SourceError

# The deepest nesting a document may have; EPUBs stay under 30. libxml2's own limit is 2,048.
MAX_DEPTH = 1000
# The most elements a page may have; a whole Bible with a link on every verse has 200,000.
MAX_ELEMENTS = 1_000_000
# An entity the document itself declares is replaced when it is this short and holds no markup.
MAX_ENTITY = 64
MAX_ENTITIES = 256

_XML_NAMES = {"amp", "lt", "gt", "quot", "apos"}
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_XML_DECLARATION = re.compile(r"^\s*<\?xml[^>]*?\?>", re.DOTALL)
_DECLARED = re.compile(rb"""<\?xml[^>]*?encoding\s*=\s*["']([\w.:-]+)""")
_META_CHARSET = re.compile(rb"""<meta[^>]*?charset\s*=\s*["']?([\w.:-]+)""", re.IGNORECASE)
_DOCTYPE = re.compile(r"<!DOCTYPE[^\[>]*(?:\[(.*?)\]\s*)?>", re.DOTALL | re.IGNORECASE)
_ENTITY_DECLARATION = re.compile(r"""<!ENTITY\s+([\w.-]+)\s+(?:"([^"&%<]*)"|'([^'&%<]*)')\s*>""")
_ENTITY = re.compile(r"&([A-Za-z][\w.-]*);")
_BARE_AMPERSAND = re.compile(r"&(?!#?\w+;)")
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# In HTML these have an end tag, whatever XHTML's "/>" says; left as they are they would swallow what follows.
_SELF_CLOSED = re.compile(
    r"<((?!(?:area|base|br|col|embed|hr|img|input|link|meta|param|source|track|wbr)\b)[A-Za-z][\w:-]*)"
    r"((?:\s[^<>]*?)?)/>",
)


@dataclass(frozen=True, slots=True)
class Parsed:
    """A tree and what had to be repaired to get it."""

    root: etree._Element
    warnings: tuple[str, ...] = ()


def parse_xml(data: bytes, what: str) -> etree._Element:
    """Parse an XML document that must be well-formed (a package, a container); SourceError when it is not."""
    text, _ = decode(data, what)
    prepared, _ = _prepare(text)
    try:
        return _xml(prepared)
    except etree.XMLSyntaxError as error:
        raise SourceError(f"{what}: is not well-formed XML ({_reason(error)}); the book is damaged") from error


def parse_page(data: bytes, what: str) -> Parsed:
    """Parse a page of a book, leniently; SourceError only when nothing can be made of it."""
    text, warnings = decode(data, what)
    prepared, unknown = _prepare(text)
    if unknown:
        names = ", ".join(f"&{name};" for name in sorted(unknown)[:3])
        warnings.append(f"{what}: unknown entities were left out: {names}")
    try:
        root = _xml(prepared)
    except etree.XMLSyntaxError as error:
        warnings.append(f"{what}: is not well-formed XHTML ({_reason(error)}); read as HTML")
        root = parse_html(prepared, what)
    _check_form(root, what)
    return Parsed(root, tuple(warnings))


def parse_html(text: str, what: str) -> etree._Element:
    """Parse HTML as browsers do, without ever failing on its form; SourceError when there is nothing in it."""
    parser = etree.HTMLParser(no_network=True, remove_comments=True, remove_pis=True, huge_tree=True, encoding="utf-8")
    prepared = _SELF_CLOSED.sub(r"<\1\2></\1>", _NOT_XML.sub("", text))
    try:
        root = etree.fromstring(prepared.encode("utf-8", "replace"), parser)
    except etree.ParserError as error:
        raise SourceError(f"{what}: holds no text") from error
    except etree.XMLSyntaxError as error:
        raise SourceError(f"{what}: cannot be read as HTML ({_reason(error)})") from error
    if root is None:
        raise SourceError(f"{what}: holds no text")
    return root


def decode(data: bytes, what: str) -> tuple[str, list[str]]:
    """Decode by byte order mark, declaration, or guess; a guess other than UTF-8 is a warning."""
    for mark, name in _BOMS:
        if data.startswith(mark):
            return data[len(mark) if name == "utf-8" else 0 :].decode(name, "replace"), []
    if data[:2] in (b"<\0", b"\0<"):
        return data.decode("utf-16-le" if data[0] else "utf-16-be", "replace"), []
    head = data[:2048]
    declared = _DECLARED.search(head) or _META_CHARSET.search(head)
    name = declared.group(1).decode("ascii").lower() if declared else "utf-8"
    # browsers read Latin-1 as Windows-1252, and so do the books that say Latin-1
    name = {"iso-8859-1": "cp1252", "latin-1": "cp1252", "latin1": "cp1252", "us-ascii": "utf-8"}.get(name, name)
    try:
        return data.decode(name), []
    except (LookupError, UnicodeDecodeError):
        return _guess(data, name, what)


def decode_text(data: bytes, what: str) -> tuple[str, list[str]]:
    """Decode a text file, which declares nothing: byte order mark, UTF-16 by its zeros, UTF-8, else Windows-1252."""
    for mark, name in _BOMS:
        if data.startswith(mark):
            return data[len(mark) if name == "utf-8" else 0 :].decode(name, "replace"), []
    head = data[:4096]
    zeros = head[0::2].count(0), head[1::2].count(0)
    if max(zeros) > len(head) // 8 and min(zeros) == 0:
        name = "utf-16-le" if zeros[1] else "utf-16-be"
        return data.decode(name, "replace"), [f"{what}: has no byte order mark; read as {name}"]
    if b"\0" in data:
        raise SourceError(f"{what}: is not text; narrate reads EPUB, Markdown and plain text")
    try:
        return data.decode("utf-8"), []
    except UnicodeDecodeError:
        return _guess(data, "UTF-8", what)


def _guess(data: bytes, declared: str, what: str) -> tuple[str, list[str]]:
    for name in ("utf-8", "cp1252"):
        try:
            return data.decode(name), [f"{what}: is not {declared} as it should be; read as {name}"]
        except UnicodeDecodeError:
            continue
    return data.decode("latin-1"), [f"{what}: is not {declared} as it should be; read as latin-1"]


def _prepare(text: str) -> tuple[str, set[str]]:
    """Take off what only a DTD could explain, and write its entities as characters."""
    declared: dict[str, str] = {}
    doctype = _DOCTYPE.search(text[:100_000])
    if doctype:
        for name, double, single in _ENTITY_DECLARATION.findall(doctype.group(1) or "")[:MAX_ENTITIES]:
            declared[name] = (double or single)[:MAX_ENTITY]
        text = text[: doctype.start()] + text[doctype.end() :]
    unknown: set[str] = set()

    def spelled(match: re.Match[str]) -> str:
        name = match.group(1)
        if name in _XML_NAMES:
            return match.group()
        character = declared.get(name) or html.entities.html5.get(f"{name};")
        if character is None:
            unknown.add(name)
            return ""
        return html.escape(character)

    text = _XML_DECLARATION.sub("", text.lstrip("\ufeff"), count=1)
    return _ENTITY.sub(spelled, _BARE_AMPERSAND.sub("&amp;", text)), unknown


def _xml(text: str) -> etree._Element:
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=True,  # the sizes are limited where the bytes are read
        remove_comments=True,
        remove_pis=True,
    )
    return etree.fromstring(text.encode("utf-8", "replace"), parser)


def _check_form(root: etree._Element, what: str) -> None:
    depth = 0
    for number, (event, _) in enumerate(etree.iterwalk(root, events=("start", "end"))):
        depth += 1 if event == "start" else -1
        if depth > MAX_DEPTH:
            raise SourceError(f"{what}: its elements are nested more than {MAX_DEPTH} deep; it is no readable page")
        if number > 2 * MAX_ELEMENTS:
            raise SourceError(f"{what}: has more than {MAX_ELEMENTS:,} elements; it is no readable page")


def _reason(error: etree.XMLSyntaxError) -> str:
    return (error.msg or "no reason given").split(",")[0].rstrip(".")
