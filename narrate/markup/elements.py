"""What an element of a page is called and what it says of itself; and what kind of matter that names.

Semantic types are those of the EPUB 3 Structural Semantics Vocabulary, the DPUB-ARIA roles and the z3998 vocabulary;
class names are those that several producers share.
"""

from __future__ import annotations

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
        "search",
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

KINDS: dict[str, ChapterKind] = {
    "cover": "cover",
    "doc-cover": "cover",
    "titlepage": "titlepage",
    "title-page": "titlepage",
    "halftitlepage": "halftitle",
    "halftitle-page": "halftitle",
    "imprint": "imprint",
    "imprimatur": "imprint",
    "copyright-page": "copyright",
    "z3998:copyright-page": "copyright",
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
"""Types that name a kind wherever they stand."""

WHOLE_KINDS: dict[str, ChapterKind] = {
    "dedication": "dedication",
    "doc-dedication": "dedication",
    "epigraph": "epigraph",
    "doc-epigraph": "epigraph",
    "foreword": "introduction",
    "doc-foreword": "introduction",
    "preface": "introduction",
    "doc-preface": "introduction",
    "introduction": "introduction",
    "doc-introduction": "introduction",
    "afterword": "afterword",
    "doc-afterword": "afterword",
    "acknowledgments": "acknowledgements",
    "acknowledgements": "acknowledgements",
    "doc-acknowledgments": "acknowledgements",
    "appendix": "appendix",
    "doc-appendix": "appendix",
    "bibliography": "bibliography",
    "doc-bibliography": "bibliography",
    "glossary": "glossary",
    "doc-glossary": "glossary",
}
"""Types that name a kind where they say it of a page or of a section that stands in no other: a motto over a chapter is
a part of the chapter."""

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
    "dedication": "dedication",
    "epigraph": "epigraph",
    "foreword": "introduction",
    "preface": "introduction",
    "introduction": "introduction",
    "afterword": "afterword",
    "acknowledgements": "acknowledgements",
    "acknowledgments": "acknowledgements",
    "appendix": "appendix",
    "bibliography": "bibliography",
    "glossary": "glossary",
}
ROLES: dict[str, Role] = {
    "frontmatter": "front",
    "bodymatter": "body",
    "backmatter": "back",
}
_TEXTS = etree.XPath("descendant::text()[not(parent::*[local-name()='script' or local-name()='style'])]")


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


def kind_of(types: set[str] | frozenset[str], classes: set[str] | frozenset[str]) -> ChapterKind | None:
    """The kind of matter the source says this element holds, wherever it stands, if it says so."""
    for table, values in ((KINDS, types), (CLASS_KINDS, classes)):
        for value in sorted(values):
            if value in table:
                return table[value]
    return None


def whole_kind_of(types: set[str] | frozenset[str]) -> ChapterKind | None:
    """The kind of matter a page or an outermost section says it is."""
    return next((WHOLE_KINDS[value] for value in sorted(types) if value in WHOLE_KINDS), None)


def role_of(types: set[str] | frozenset[str]) -> Role | None:
    """Front, body or back matter, if the source says so."""
    return next((ROLES[value] for value in sorted(types) if value in ROLES), None)


def language_of(element: etree._Element) -> str | None:
    """The language the element declares, if it does."""
    return element.get(XML_LANG) or element.get("xml:lang") or element.get("lang")


def key_of(element: etree._Element) -> str | None:
    """The name by which links reach the element."""
    return element.get("id") or (element.get("name") if name_of(element) == "a" else None)
