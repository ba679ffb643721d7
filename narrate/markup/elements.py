"""What each element, semantic type and class name means to a listener: tables, and the questions asked of them.

Semantic types are those of the EPUB 3 Structural Semantics Vocabulary, the DPUB-ARIA roles and the z3998 vocabulary;
class names are those that several producers share.
"""

from __future__ import annotations

import re

from lxml import etree

from narrate.book import ChapterKind, Role

EPUB_TYPE = "{http://www.idpf.org/2007/ops}type"
XML_LANG = "{http://www.w3.org/XML/1998/namespace}lang"

UNREAD = {"script", "style"}  # code, not text: neither spoken nor counted
HEADINGS = {"h1": 1, "h2": 2, "h3": 3, "h4": 4, "h5": 5, "h6": 6}
BLOCKS = frozenset(
    [
        "address",
        "article",
        "aside",
        "blockquote",
        "body",
        "center",
        "dd",
        "details",
        "dialog",
        "dir",
        "div",
        "dl",
        "dt",
        "fieldset",
        "figcaption",
        "figure",
        "footer",
        "form",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "header",
        "hgroup",
        "hr",
        "html",
        "legend",
        "li",
        "main",
        "menu",
        "nav",
        "ol",
        "p",
        "pre",
        "section",
        "summary",
        "table",
        "caption",
        "thead",
        "tbody",
        "tfoot",
        "tr",
        "td",
        "th",
        "ul",
    ]
)
# Elements whose text is not running text, each with the reason a listener is given.
SILENT = {
    "rt": "ruby reading",
    "rp": "ruby reading",
    "rtc": "ruby reading",
    "math": "formula",
    "svg": "picture text",
    "nav": "contents",
    "audio": "embedded media",
    "video": "embedded media",
    "object": "embedded media",
    "iframe": "embedded media",
    "canvas": "embedded media",
    "button": "form control",
    "select": "form control",
    "textarea": "form control",
    "datalist": "form control",
    "template": "hidden text",
    "head": "hidden text",
}
NOTE_REFERENCE_TYPES = {"noteref", "doc-noteref"}
NOTE_REFERENCE_CLASSES = frozenset(
    [
        "noteref",
        "note-ref",
        "footnote-ref",
        "footnoteref",
        "fnref",
        "fn-ref",
        "fnanchor",
        "footnote-reference",
        "endnote-ref",
        "endnoteref",
        "footnote-anchor",
        "footnotecall",
        "note-call",
        "notecall",
    ]
)
NOTE_TYPES = frozenset(["footnote", "endnote", "rearnote", "doc-footnote", "doc-endnote"])
NOTE_CLASSES = frozenset(
    ["footnote", "endnote", "rearnote", "footnote-item", "footnote-text", "footnotetext", "endnote-text"]
)
BACKLINK_TYPES = {"backlink", "doc-backlink", "referrer"}
BACKLINK_CLASSES = {"footnote-backref", "footnote-back", "backlink"}
PAGE_TYPES = {"pagebreak", "doc-pagebreak"}
PAGE_CLASSES = frozenset(
    [
        "pagenum",
        "pageno",
        "pagenumber",
        "page-number",
        "pagebreak",
        "page-break",
        "x-ebookmaker-pageno",
        "pb",
        "page_number",
        "pgnum",
    ]
)
TITLE_TYPES = frozenset(["title", "subtitle", "fulltitle", "halftitle", "label", "ordinal", "doc-subtitle"])
VERSE_TYPES = frozenset(["z3998:verse", "z3998:poem", "z3998:song", "z3998:hymn", "z3998:lyrics", "verse", "poem"])
VERSE_CLASSES = frozenset(["verse", "poem", "poetry", "poetry-container", "lyrics", "song", "stanza"])
LINE_GROUPS = {"stanza", "linegroup", "line-group", "lg", "strophe"}
TRANSCRIBER_CLASSES = {"transnote", "transnotes", "tnote", "tnotes", "trans-note", "transcriber-note"}

KINDS: dict[str, ChapterKind] = {
    "cover": "cover",
    "doc-cover": "cover",
    "titlepage": "titlepage",
    "title-page": "titlepage",
    "halftitlepage": "halftitle",
    "imprint": "imprint",
    "imprimatur": "imprint",
    "copyright-page": "copyright",
    "colophon": "colophon",
    "doc-colophon": "colophon",
    "toc": "contents",
    "toc-brief": "contents",
    "doc-toc": "contents",
    "landmarks": "contents",
    "page-list": "contents",
    "doc-pagelist": "contents",
    "loi": "contents",
    "lot": "contents",
    "loa": "contents",
    "lov": "contents",
    "footnotes": "notes",
    "endnotes": "notes",
    "rearnotes": "notes",
    "doc-endnotes": "notes",
    "doc-footnotes": "notes",
    "index": "index",
    "doc-index": "index",
}
CLASS_KINDS: dict[str, ChapterKind] = {
    "pg-boilerplate": "licence",
    "pgheader": "licence",
    "pgfooter": "licence",
    "footnotes": "notes",
    "endnotes": "notes",
}
GUIDE_KINDS: dict[str, ChapterKind] = {
    "cover": "cover",
    "title-page": "titlepage",
    "titlepage": "titlepage",
    "toc": "contents",
    "loi": "contents",
    "lot": "contents",
    "copyright-page": "copyright",
    "colophon": "colophon",
    "index": "index",
    "endnotes": "notes",
    "rearnotes": "notes",
}
ROLES: dict[str, Role] = {
    "frontmatter": "front",
    "bodymatter": "body",
    "backmatter": "back",
}
_TEXTS = etree.XPath("descendant::text()[not(parent::*[local-name()='script' or local-name()='style'])]")
# A page marker holds a number, "[Pg 12]" or "Page xii of the print edition"; a class named "pagebreak" on more than
# this is a request to the printer.
_LONGEST_PAGE_MARKER = 40
_INVISIBLE_STYLE = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)


def name_of(element: etree._Element) -> str:
    """The element's local name in lower case ("" for what is no element)."""
    tag: object = element.tag
    if not isinstance(tag, str):
        return ""
    return tag.rpartition("}")[2].rpartition(":")[2].lower()


def types_of(element: etree._Element) -> set[str]:
    """The element's epub:type values and ARIA roles."""
    values = (element.get(EPUB_TYPE) or element.get("epub:type") or "") + " " + (element.get("role") or "")
    return set(values.lower().split())


def classes_of(element: etree._Element) -> set[str]:
    """The element's class names."""
    return set((element.get("class") or "").lower().split())


def text_of(element: etree._Element) -> str:
    """All text inside ``element``, as it stands; what scripts and styles hold is no text."""
    texts = _TEXTS(element)
    return "".join(map(str, texts)) if isinstance(texts, list) else ""


def is_hidden(element: etree._Element) -> bool:
    """Whether the source says that a reader does not see this, or an assistive reader should not say it."""
    return (
        element.get("hidden") is not None
        or element.get("aria-hidden") == "true"
        or bool(_INVISIBLE_STYLE.search(element.get("style") or ""))
    )


def silence(element: etree._Element, types: set[str], classes: set[str]) -> str:
    """Why this element's text is not running text, or "" when it is."""
    name = name_of(element)
    if name in SILENT:
        return SILENT[name]
    if (types & PAGE_TYPES or classes & PAGE_CLASSES) and _is_short(element):
        return "page number"
    if types & NOTE_REFERENCE_TYPES or (classes & NOTE_REFERENCE_CLASSES and _is_inline(name)):
        return "note reference"
    if types & BACKLINK_TYPES or (classes & BACKLINK_CLASSES and _is_inline(name)):
        return "link back from a note"
    if is_hidden(element):
        return "hidden text"
    return ""


def is_note(name: str, types: set[str], classes: set[str]) -> bool:
    """Whether the source marks this element as the body of a note."""
    return bool(types & NOTE_TYPES) or (bool(classes & NOTE_CLASSES) and not _is_inline(name))


def kind_of(types: set[str], classes: set[str]) -> ChapterKind | None:
    """The kind of matter the source says this element holds, if it says so."""
    for table, values in ((KINDS, types), (CLASS_KINDS, classes)):
        for value in sorted(values):
            if value in table:
                return table[value]
    return None


def role_of(types: set[str]) -> Role | None:
    """Front, body or back matter, if the source says so."""
    return next((ROLES[value] for value in sorted(types) if value in ROLES), None)


def language_of(element: etree._Element) -> str | None:
    """The language the element declares, if it does."""
    return element.get(XML_LANG) or element.get("xml:lang") or element.get("lang")


def _is_short(element: etree._Element) -> bool:
    return sum(len(text.strip()) for text in element.itertext()) <= _LONGEST_PAGE_MARKER


def _is_inline(name: str) -> bool:
    return name not in BLOCKS
