"""Articles of feeds as EPUBs: what is to be read of a page, and books of one page or of many, always the same bytes.

Of a page remain its text and what gives it form. Scripts, pictures, forms and every address go; of a picture its
alternative text stays, as text. The files are written here and not by ebooklib, which puts the time and a random
number into each: the same articles must make the same file, since a file that changes is narrated again.
"""

from __future__ import annotations

import hashlib
import io
import re
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from narrate import disk

if TYPE_CHECKING:
    from lxml import etree

_GONE = (
    "script", "style", "noscript", "template", "iframe", "object", "embed", "applet", "canvas", "svg", "audio", "video",
    "input", "select", "textarea", "button", "datalist", "head", "title", "meta", "link", "base",
)  # fmt: skip
"""What is left out with all that is in it: no text, or text for whom something does not work."""
_KEPT = frozenset(
    (
        "a", "abbr", "aside", "b", "bdi", "bdo", "blockquote", "body", "br", "caption", "cite", "code", "col",
        "colgroup", "dd", "del", "dfn", "div", "dl", "dt", "em", "figcaption", "figure", "h1", "h2", "h3", "h4", "h5",
        "h6", "hr", "html", "i", "ins", "kbd", "li", "mark", "ol", "p", "pre", "q", "rb", "rp", "rt", "rtc", "ruby",
        "s", "samp", "section", "small", "span", "strong", "sub", "sup", "table", "tbody", "td", "tfoot", "th",
        "thead", "tr", "u", "ul", "var", "wbr",
    )
)  # fmt: skip
_DEEPER = {"h1": "h2", "h2": "h3", "h3": "h4", "h4": "h5", "h5": "h6"}
"""Headings of an article stand below its title."""
_ATTRIBUTES = frozenset(("id", "dir", "start", "value", "reversed", "colspan", "rowspan", "hidden", "title"))
_TITLED = frozenset(("abbr", "dfn"))
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{1,8}){0,4}")
_ID = re.compile(r"[A-Za-z_][\w.-]{0,100}", re.ASCII)
_HIDDEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
_PARAGRAPHS = re.compile(r"\n[ \t\r]*\n")
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the first moment that ZIP knows
_UNDATED = "2000-01-01"
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_XHTML = "http://www.w3.org/1999/xhtml"
_OPS = "http://www.idpf.org/2007/ops"
_CONTAINER = (
    '<?xml version="1.0" encoding="utf-8"?>\n'
    '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container" version="1.0"><rootfiles>'
    '<rootfile full-path="package.opf" media-type="application/oebps-package+xml"/></rootfiles></container>\n'
)


@dataclass(frozen=True, slots=True)
class Article:
    """What an entry of a feed says. ``body`` is what ``cleaned`` made of it; ``identity`` what the feed calls it by;
    ``date`` is YYYY-MM-DD or "", ``language`` a BCP 47 tag or "".
    """

    identity: str
    title: str
    body: str
    authors: tuple[str, ...] = ()
    date: str = ""
    language: str = ""

    @property
    def digest(self) -> str:
        """Its name in a book, the same for ever."""
        return digest_of(self.identity)


def digest_of(identity: str) -> str:
    """Twelve hexadecimal digits for what a feed calls an entry by."""
    return hashlib.sha256(identity.encode("utf-8", "replace")).hexdigest()[:12]


def cleaned(html: str) -> str:
    """What is to be read of a page or a part of one, as XHTML; "" when nothing is. SourceError for what is hostile."""
    from lxml import etree

    from narrate.markup.parse import parse_html

    if not html.strip():
        return ""
    # in a division, so that a text without any element is one too
    root = parse_html(f"<html><body><div>{html}</div></body></html>", "an article")
    etree.strip_elements(root, *_GONE, with_tail=False)
    ids = {str(element.get("id")) for element in root.iter("*") if element.get("id")}
    unknown = {_made_plain(element, ids) for element in list(root.iter("*"))} - {""}
    etree.strip_tags(root, "body", "html", *unknown)  # of which hostile pages have several; the root itself stays
    if not "".join(map(str, root.itertext())).strip():
        return ""
    return etree.tostring(root, method="xml", encoding="unicode").partition(">")[2].rpartition("</")[0].strip()


def _made_plain(element: etree._Element, ids: set[str]) -> str:
    """Make of ``element`` what may stay of it; its name when only what is in it may."""
    from narrate.markup.elements import BLOCKS

    name = str(element.tag).lower()
    given = {str(key).lower(): str(value) for key, value in element.attrib.items()}
    element.attrib.clear()
    if name in ("img", "math"):
        said = given.get("alt" if name == "img" else "alttext", "").strip()
        if name == "img" or said:
            for child in list(element):
                element.remove(child)
            element.text = said
        name = "span"
    name = _DEEPER.get(name, name)
    if name not in _KEPT:
        if name not in BLOCKS:
            return str(element.tag)
        name = "div"
    if name == "a":
        target = given.get("href", "").rpartition("#")
        if not target[0] and target[1] and target[2] in ids and _ID.fullmatch(target[2]):
            element.set("href", f"#{target[2]}")  # a note, say; other addresses are nothing to a listener
        else:
            name = "span"
    element.tag = name
    for key, value in given.items():
        if key in _ATTRIBUTES and (key != "title" or name in _TITLED) and (key != "id" or _ID.fullmatch(value)):
            element.set(key, value)
    if _HIDDEN.search(given.get("style", "")):
        element.set("hidden", "hidden")
    language = given.get("lang") or given.get("{http://www.w3.org/xml/1998/namespace}lang") or given.get("xml:lang", "")
    if _LANGUAGE.fullmatch(language):
        element.set("lang", language)
        element.set("{http://www.w3.org/XML/1998/namespace}lang", language)
    return ""


def paragraphs(text: str) -> str:
    """A text without markup as HTML: an empty line stands between paragraphs."""
    return "".join(f"<p>{escape(part.strip())}</p>" for part in _PARAGRAPHS.split(text) if part.strip())


def write_article(path: Path, article: Article) -> bool:
    """Write a book of one article; whether the file at ``path`` is another than before. OSError where it cannot be."""
    return _write(path, article.identity, article.title, article.authors, article.date, article.language, [article])


def write_serial(
    path: Path, identity: str, title: str, authors: tuple[str, ...], language: str, chapters: Sequence[Article]
) -> bool:
    """Write a book with a chapter for each article, in their order; whether the file at ``path`` changed.

    A chapter's place in the book is named after the article's identity, and stays when others come before it.
    """
    date = chapters[0].date if chapters else ""
    return _write(path, identity, title, authors, date, language, chapters)


def _write(
    path: Path,
    identity: str,
    title: str,
    authors: tuple[str, ...],
    date: str,
    language: str,
    chapters: Sequence[Article],
) -> bool:
    latest = max((chapter.date for chapter in chapters), default="")
    parts = [
        ("META-INF/container.xml", _CONTAINER),
        ("package.opf", _package(identity, title, authors, date, latest, language, chapters)),
        ("contents.xhtml", _contents(title, language, chapters)),
        *((f"text/{chapter.digest}.xhtml", _page(chapter, language)) for chapter in chapters),
    ]
    box = io.BytesIO()
    with zipfile.ZipFile(box, "w") as archive:  # not packed: other builds of zlib pack otherwise
        for name, text in (("mimetype", "application/epub+zip"), *parts):
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.create_system, entry.external_attr = 3, 0o644 << 16
            archive.writestr(entry, text)
    return disk.update_file(path, box.getvalue())


def _page(article: Article, language: str) -> str:
    return _document(
        article.title,
        article.language or language,
        f'<section epub:type="chapter" id="a-{article.digest}"><h1>{escape(article.title)}</h1>\n'
        f"{article.body}\n</section>",
    )


def _contents(title: str, language: str, chapters: Sequence[Article]) -> str:
    items = "".join(
        f'<li><a href="text/{chapter.digest}.xhtml">{escape(chapter.title)}</a></li>\n' for chapter in chapters
    )
    return _document(title, language, f'<nav epub:type="toc"><ol>\n{items}</ol></nav>')


def _document(title: str, language: str, body: str) -> str:
    said = f' lang="{escape(language)}" xml:lang="{escape(language)}"' if language else ""
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n<!DOCTYPE html>\n'
        f'<html xmlns="{_XHTML}" xmlns:epub="{_OPS}"{said}>\n'
        f"<head><title>{escape(title)}</title></head>\n<body>\n{body}\n</body>\n</html>\n"
    )


def _package(
    identity: str,
    title: str,
    authors: tuple[str, ...],
    date: str,
    latest: str,
    language: str,
    chapters: Sequence[Article],
) -> str:
    unique = f"urn:sha256:{hashlib.sha256(identity.encode('utf-8', 'replace')).hexdigest()}"
    changed = latest if _DAY.fullmatch(latest) else _UNDATED
    creators = "".join(f"<dc:creator>{escape(name)}</dc:creator>\n" for name in authors)
    dated = f"<dc:date>{escape(date)}</dc:date>\n" if date else ""
    items = "".join(
        f'<item id="a-{chapter.digest}" href="text/{chapter.digest}.xhtml" media-type="application/xhtml+xml"/>\n'
        for chapter in chapters
    )
    spine = "".join(f'<itemref idref="a-{chapter.digest}"/>\n' for chapter in chapters)
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n'
        '<package xmlns="http://www.idpf.org/2007/opf" version="3.0" unique-identifier="id">\n'
        '<metadata xmlns:dc="http://purl.org/dc/elements/1.1/">\n'
        f'<dc:identifier id="id">{unique}</dc:identifier>\n<dc:title>{escape(title)}</dc:title>\n'
        f"<dc:language>{escape(language or 'und')}</dc:language>\n{creators}{dated}"
        f'<meta property="dcterms:modified">{changed}T00:00:00Z</meta>\n</metadata>\n'
        '<manifest>\n<item id="contents" href="contents.xhtml" media-type="application/xhtml+xml" properties="nav"/>\n'
        f"{items}</manifest>\n<spine>\n{spine}</spine>\n</package>\n"
    )
