"""Pages to trees, whatever they are: entities without a DTD, missing namespaces, broken XHTML, HTML.

Nothing is fetched, no entity of the document is ever expanded by the parser, comments and processing instructions are
dropped, and a document that is not well-formed is read by the lenient HTML parser instead (with a warning). Every
pattern here takes time in proportion to the text, however hostile it is.
"""

from __future__ import annotations

import html
import html.entities
import re
from dataclasses import dataclass

from lxml import etree

from narrate.bounds import BOUNDS, Bounds
from narrate.errors import SourceError
from narrate.markup.decoding import decode as decode
from narrate.markup.decoding import decode_text as decode_text

# An entity the document itself declares is replaced when it is this short and holds no markup.
MAX_ENTITY = 64
MAX_ENTITIES = 256
# A document type and its entities stand in the first so many characters.
_PROLOGUE = 100_000

_XML_NAMES = {"amp", "lt", "gt", "quot", "apos"}
_XML_DECLARATION = re.compile(r"\s*<\?xml\b[^>]*>", re.DOTALL)
_DOCTYPE = re.compile(r"<!DOCTYPE", re.IGNORECASE)
_SUBSET_END = re.compile(r"\]\s*>")
_ENTITY_DECLARATION = re.compile(r"""<!ENTITY\s+([\w.-]+)\s+(?:"([^"&%<]*)"|'([^'&%<]*)')\s*>""")
_ENTITY = re.compile(r"&([A-Za-z][\w.-]{0,60});")
_LEGACY = "|".join(sorted((name for name in html.entities.html5 if name[-1] != ";"), key=len, reverse=True))
_UNCLOSED_ENTITY = re.compile(rf"&({_LEGACY})(?![\w;=.-])")
_NUMBER = re.compile(r"&#(?:[xX]([0-9a-fA-F]{1,7})|(\d{1,7}));")
_BARE_AMPERSAND = re.compile(r"&(?!(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,7}|[A-Za-z][\w.-]{0,60});)")
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# Control characters that Windows-1252 meant for quotation marks and dashes.
_WINDOWS = re.compile("[\x80-\x9f]")
# In HTML these have an end tag, whatever XHTML's "/>" says; left as they are they would swallow what follows.
_SELF_CLOSED = re.compile(
    r"<((?!(?:area|base|br|col|embed|hr|img|input|link|meta|param|source|track|wbr)\b)[A-Za-z][\w:-]{0,60})"
    r"((?:\s[^<>]*?)?)/>",
    re.IGNORECASE,
)
_ROOT_TAG = re.compile(r"<(?![!?])[^\s<>/]{1,60}")
_PLAIN_NAME = re.compile(r"[a-z][\w.-]*")
_NAMESPACES = {
    "epub": "http://www.idpf.org/2007/ops",
    "ssml": "http://www.w3.org/2001/10/synthesis",
    "xlink": "http://www.w3.org/1999/xlink",
    "svg": "http://www.w3.org/2000/svg",
    "m": "http://www.w3.org/1998/Math/MathML",
    "mml": "http://www.w3.org/1998/Math/MathML",
    "math": "http://www.w3.org/1998/Math/MathML",
    "html": "http://www.w3.org/1999/xhtml",
    "xhtml": "http://www.w3.org/1999/xhtml",
    "h": "http://www.w3.org/1999/xhtml",
    "dc": "http://purl.org/dc/elements/1.1/",
    "opf": "http://www.idpf.org/2007/opf",
    "xsi": "http://www.w3.org/2001/XMLSchema-instance",
    "ibooks": "http://vocabulary.itunes.apple.com/rdf/ibooks/vocabulary-extensions-1.0/",
}
"""Prefixes that pages use without declaring them."""

_TAG = re.compile(r"<(/?)([A-Za-z][\w:-]{0,60})")
_VOID = frozenset(
    [
        "area",
        "base",
        "br",
        "col",
        "embed",
        "hr",
        "img",
        "input",
        "link",
        "meta",
        "param",
        "source",
        "track",
        "wbr",
        "p",
        "li",
        "dt",
        "dd",
        "tr",
        "td",
        "th",
        "option",
    ]
)


@dataclass(frozen=True, slots=True)
class Parsed:
    """A tree and what had to be repaired to get it."""

    root: etree._Element
    warnings: tuple[str, ...] = ()


def parse_xml(data: bytes, what: str, bounds: Bounds = BOUNDS) -> etree._Element:
    """Parse an XML document that must be well-formed (a package, a container); SourceError when it is not."""
    text, _ = decode(data, what)
    prepared, _ = _prepare(text)
    try:
        root = _xml(prepared)
    except etree.XMLSyntaxError as error:
        raise SourceError(f"{what}: is not well-formed XML ({_reason(error)}); the book is damaged") from error
    _check_form(root, what, bounds)
    return root


def parse_page(data: bytes, what: str, bounds: Bounds = BOUNDS) -> Parsed:
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
        root = parse_html(prepared, what, bounds)
    _check_form(root, what, bounds)
    return Parsed(root, tuple(warnings))


def parse_html(text: str, what: str, bounds: Bounds = BOUNDS) -> etree._Element:
    """Parse HTML as browsers do, without ever failing on its form; SourceError when there is nothing in it."""
    prepared = _SELF_CLOSED.sub(r"<\1\2></\1>", _NOT_XML.sub("", text))
    _check_depth(prepared, what, bounds)
    parser = etree.HTMLParser(no_network=True, remove_comments=True, remove_pis=True, huge_tree=True, encoding="utf-8")
    try:
        root = etree.fromstring(prepared.encode("utf-8", "replace"), parser)
    except etree.ParserError as error:
        raise SourceError(f"{what}: holds no text") from error
    except etree.XMLSyntaxError as error:
        raise SourceError(f"{what}: cannot be read as HTML ({_reason(error)})") from error
    if root is None:
        raise SourceError(f"{what}: holds no text")
    for element in root.iter("*"):  # HTML knows no namespaces: html:p is p
        tag: object = element.tag
        if isinstance(tag, str) and ":" in tag and tag.partition(":")[0].lower() in _NAMESPACES:
            local = tag.rpartition(":")[2].lower()
            if _PLAIN_NAME.fullmatch(local):  # what is none cannot be a name at all
                element.tag = local
    return root


def _prepare(text: str) -> tuple[str, set[str]]:
    """Take off what only a DTD could explain, and write its entities as characters."""
    text = _XML_DECLARATION.sub("", text.lstrip("\ufeff"), count=1) if "<?xml" in text[:1000] else text
    text, declared = _without_doctype(text)
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

    if "<![CDATA[" in text:
        text = _without_cdata(text)
    if "&" in text:
        text = _UNCLOSED_ENTITY.sub(lambda match: html.escape(html.entities.html5[match[1]]), text)
        text = _NUMBER.sub(_numbered, _BARE_AMPERSAND.sub("&amp;", text))
        text = _ENTITY.sub(spelled, text)
    text = _NOT_XML.sub("", text)
    return _WINDOWS.sub(lambda match: match[0].encode("latin-1").decode("cp1252", "ignore"), text), unknown


def _without_doctype(text: str) -> tuple[str, dict[str, str]]:
    """The text without its document type, and the short entities that declares."""
    found = _DOCTYPE.search(text, 0, _PROLOGUE)
    if found is None:
        return text, {}
    declared: dict[str, str] = {}
    close, subset = text.find(">", found.end()), text.find("[", found.end())
    end = close + 1
    if -1 < subset < close:
        ended = _SUBSET_END.search(text, subset, subset + _PROLOGUE)
        end = ended.end() if ended else end
        for name, double, single in _ENTITY_DECLARATION.findall(text, subset, end)[:MAX_ENTITIES]:
            declared[name] = (double or single)[:MAX_ENTITY]
    return (text[: found.start()] + text[end:], declared) if end else (text, {})


def _without_cdata(text: str) -> str:
    """What stands in marked sections, written as plain text."""
    parts: list[str] = []
    at = 0
    while (start := text.find("<![CDATA[", at)) >= 0 and (end := text.find("]]>", start)) >= 0:
        parts += (text[at:start], html.escape(text[start + 9 : end], quote=False))
        at = end + 3
    parts.append(text[at:])
    return "".join(parts)


def _numbered(match: re.Match[str]) -> str:
    """A character by its number; nothing for one that no page may hold."""
    number = int(match[1], 16) if match[1] else int(match[2])
    if 0x80 <= number <= 0x9F:
        return bytes([number]).decode("cp1252", "ignore")
    if number > 0x10FFFF or _NOT_XML.match(chr(number)):
        return ""
    return match[0]


def _xml(text: str) -> etree._Element:
    try:
        return _parsed(text)
    except etree.XMLSyntaxError:
        named = _with_namespaces(text)
        if named == text:
            raise
        return _parsed(named)


def _parsed(text: str) -> etree._Element:
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=True,  # the sizes are limited where the bytes are read
        remove_comments=True,
        remove_pis=True,
    )
    return etree.fromstring(text.encode("utf-8", "replace"), parser)


def _with_namespaces(text: str) -> str:
    """The text with the usual prefixes declared that it uses and does not declare."""
    missing = [
        f' xmlns:{prefix}="{name}"'
        for prefix, name in _NAMESPACES.items()
        if f"{prefix}:" in text and f"xmlns:{prefix}=" not in text
    ]
    found = _ROOT_TAG.search(text, 0, _PROLOGUE) if missing else None
    return text[: found.end()] + "".join(missing) + text[found.end() :] if found else text


def _check_depth(text: str, what: str, bounds: Bounds) -> None:
    """Refuse what the HTML parser would take very long for: more open elements than any tree may hold."""
    depth = deepest = 0
    for match in _TAG.finditer(text):
        if match[2].lower() not in _VOID:
            depth += -1 if match[1] else 1
            depth = max(depth, 0)
            deepest = max(deepest, depth)
    if deepest > 20 * bounds.depth:
        raise _too_deep(what, bounds)


def _check_form(root: etree._Element, what: str, bounds: Bounds) -> None:
    depth = 0
    for number, (event, _) in enumerate(etree.iterwalk(root, events=("start", "end"))):
        depth += 1 if event == "start" else -1
        if depth > bounds.depth:
            raise _too_deep(what, bounds)
        if number > 2 * bounds.elements:
            raise SourceError(f"{what}: has more than {bounds.elements:,} elements; it is no readable page")


def _too_deep(what: str, bounds: Bounds) -> SourceError:
    return SourceError(f"{what}: its elements are nested more than {bounds.depth:,} deep; it is no readable page")


def _reason(error: etree.XMLSyntaxError) -> str:
    return (error.msg or "no reason given").split(",")[0].rstrip(".")
