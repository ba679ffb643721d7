"""How ``fuzzing.py`` spoils books: by bytes, by members of the container, by tags, by lines, by words.

Every function takes the random generator it draws from, so that a seed gives the same inputs again. A mutation knows
what a book is made of: one that only flips bits of a ZIP file never gets past its checksums.
"""

# ruff: noqa: E501 - tables of pieces read better whole
from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable, Sequence
from random import Random

SUFFIXES = {"epub": ".epub", "markdown": ".md", "plain": ".txt", "folder": ""}
"""Kinds of input. A folder of Markdown files travels as a ZIP file and is unpacked to be read."""
LARGEST = 200_000  # bytes: a larger input says little more and takes long
_MEMBERS = 40

_TOKEN = re.compile(r"<[^<>]*>|[^<]+|<")
_ATTRIBUTE = re.compile(r"""([\w:.-]+)\s*=\s*("[^"]*"|'[^']*')""")

ELEMENTS = [
    "p",
    "div",
    "span",
    "section",
    "article",
    "aside",
    "nav",
    "header",
    "footer",
    "main",
    "figure",
    "figcaption",
    "hgroup",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "a",
    "em",
    "i",
    "b",
    "strong",
    "small",
    "big",
    "sup",
    "sub",
    "abbr",
    "cite",
    "q",
    "blockquote",
    "pre",
    "code",
    "kbd",
    "samp",
    "var",
    "time",
    "data",
    "mark",
    "del",
    "ins",
    "s",
    "u",
    "bdi",
    "bdo",
    "ruby",
    "rb",
    "rt",
    "rp",
    "rtc",
    "ul",
    "ol",
    "li",
    "dl",
    "dt",
    "dd",
    "table",
    "caption",
    "thead",
    "tbody",
    "tfoot",
    "tr",
    "td",
    "th",
    "colgroup",
    "col",
    "br",
    "hr",
    "wbr",
    "img",
    "picture",
    "source",
    "svg",
    "text",
    "title",
    "math",
    "mi",
    "mo",
    "mn",
    "mrow",
    "msup",
    "mfrac",
    "mtable",
    "mtr",
    "mtd",
    "semantics",
    "annotation",
    "annotation-xml",
    "audio",
    "video",
    "track",
    "object",
    "param",
    "embed",
    "iframe",
    "form",
    "input",
    "button",
    "select",
    "option",
    "textarea",
    "label",
    "fieldset",
    "details",
    "summary",
    "dialog",
    "script",
    "style",
    "template",
    "noscript",
    "link",
    "meta",
    "base",
    "head",
    "body",
    "html",
    "center",
    "font",
    "tt",
    "strike",
    "address",
    "menu",
    "map",
    "area",
    "canvas",
    "slot",
    "custom-el",
    "epub:switch",
    "epub:case",
    "epub:default",
    "x:y",
]
ATTRIBUTES = (
    "id", "class", "epub:type", "role", "href", "src", "alt", "title", "lang", "xml:lang", "hidden", "aria-hidden",
    "aria-label", "aria-level", "start", "value", "type", "reversed", "colspan", "rowspan", "scope", "headers", "style",
    "dir", "name", "data-number", "ssml:ph", "ssml:alphabet", "alttext", "display", "encoding", "linear", "properties",
    "media-type", "idref", "full-path", "playOrder", "toc", "refines", "property", "content", "xmlns", "xml:base",
    "epub:prefix", "opf:role", "opf:file-as", "unique-identifier", "fallback", "version", "charset", "http-equiv", "cite",
)  # fmt: skip
VALUES = (
    "", " ", "a", "p1", "note", "fn1", "noteref", "footnote", "endnote", "endnotes", "rearnote", "backlink", "pagebreak",
    "doc-noteref", "doc-footnote", "doc-endnotes", "doc-pagebreak", "doc-backlink", "toc", "landmarks", "page-list",
    "cover", "titlepage", "halftitlepage", "copyright-page", "dedication", "epigraph", "foreword", "preface", "appendix",
    "index", "bibliography", "glossary", "chapter", "part", "title", "subtitle", "ordinal", "label", "z3998:verse",
    "z3998:poem", "z3998:roman", "z3998:drama", "z3998:stage-direction", "z3998:persona", "z3998:letter", "fulltitle",
    "bodymatter", "frontmatter", "backmatter", "verse", "poem", "stanza", "line", "indent", "pagenum", "pageno", "lnum",
    "linenum", "dropcap", "smallcap", "hidden", "sr-only", "calibre", "calibre1", "MsoNormal", "footnote-ref", "footnotes",
    "chapternumber", "stage", "speaker", "caption", "sidebar", "pullquote", "letter", "ltr", "rtl", "true", "false", "yes",
    "no", "0", "1", "-1", "3", "99999999999", "1e9", "NaN", "a1", "I", "i", "A", "decimal", "en", "fr", "ja", "zh-Hant", "ar",
    "hi", "x-klingon", "e" * 300, "en-US-x-private", "#", "#p1", "#fn1", "#a", "a.xhtml", "a.xhtml#p1", "b.xhtml#fn1",
    "../a.xhtml", "../../../../etc/passwd", "/etc/passwd", "file:///etc/passwd", "http://127.0.0.1:9/x", "//127.0.0.1:9/x",
    "javascript:alert(1)", "data:text/html,<p>x</p>", "mailto:a@b.c", "a.xhtml#%70%31", "%2e%2e/a.xhtml", "a%20b.xhtml",
    "A.XHTML", "?", "a.xhtml?x=1#p1", "\u202e", "application/xhtml+xml", "application/x-dtbncx+xml", "image/svg+xml",
    "image/jpeg", "text/html", "application/pls+xml", "nav", "cover-image", "scripted svg", "display: none",
    "visibility:hidden", "font-variant: small-caps", "vertical-align: super; font-size: 70%", "wʊstə", "ipa", "x-sampa",
    '"wUst@', "text/javascript", "aut", "trl", "http://www.w3.org/1999/xhtml", "http://www.w3.org/1998/Math/MathML",
)  # fmt: skip
MARKUP = (
    '<a epub:type="noteref" href="#fn1">1</a>', '<sup><a href="#fn1" id="r1">1</a></sup>', '<sup>2</sup>', "<sub>2</sub>",
    '<aside epub:type="footnote" id="fn1"><p>A note. <a href="#r1">↩</a></p></aside>', '<a href="#r1">[1]</a>',
    '<ol epub:type="endnotes"><li id="fn1">Note <a epub:type="backlink" href="#r1">↑</a></li></ol>', '<a id="p1"/>',
    '<span epub:type="pagebreak" id="pg9" title="9"/>', '<span epub:type="pagebreak">9</span>', '<a id="x" title="[20]"/>',
    "<ruby>漢<rp>(</rp><rt>かん</rt><rp>)</rp>字<rt>じ</rt></ruby>", "<ruby><rb>a</rb><rtc><rt>b</rt></rtc></ruby>", "<rt>x</rt>",
    "<table><tr><th>H</th><th>I</th></tr><tr><td>1</td><td>2</td></tr></table>", '<td colspan="999999">x</td>', "<tr>",
    '<td rowspan="70000" colspan="2">x</td>', "<table><caption>C</caption><tbody></tbody></table>", "<caption>x</caption>",
    '<math alttext="x squared"><msup><mi>x</mi><mn>2</mn></msup></math>', "<math><mi>x</mi></math>", "<mi>y</mi>",
    "<svg><title>T</title><text>words drawn</text></svg>", "<svg:svg><svg:text>x</svg:text></svg:svg>",
    '<img src="c.jpg" alt="A picture"/>', '<img alt=""/>', "<hr/>", "<br/>", "<br/><br/>", "<br></br>", "<p/>", "<div/>",
    '<p hidden="hidden">gone</p>', '<span aria-hidden="true">gone</span>', '<i epub:type="z3998:stage-direction">Exit.</i>',
    '<ol start="7" type="I"><li>x</li><li value="99">y</li></ol>', '<ol reversed="reversed"><li>x</li></ol>', "<li>x</li>",
    "<dl><dt>t</dt><dd>d</dd></dl>", "<dd>x</dd>", '<abbr title="Doctor">Dr.</abbr>', '<span xml:lang="fr">Bonjour.</span>',
    '<span lang="">x</span>', '<span ssml:ph="wʊstə" ssml:alphabet="ipa">Worcester</span>', "<h1>Chapter I</h1>",
    "<h1>I</h1><h2>The Whale</h2>", "<hgroup><h2>4</h2><p>Of Whales</p></hgroup>", "<h6/>", "<title>x</title>",
    '<p><span class="dropcap">O</span>nce</p>', "O<small>NCE</small>", '<p class="verse">a<br/>b</p>', "* * *", "<p>***</p>",
    '<nav epub:type="toc"><ol><li><a href="a.xhtml">A</a></li><li><span>B</span><ol><li/></ol></li></ol></nav>', "<nav/>",
    '<nav epub:type="page-list"><ol><li><a href="a.xhtml#pg9">9</a></li></ol></nav>', "<body>", "</body>", "</html>",
    '<navPoint><navLabel><text>X</text></navLabel><content src="a.xhtml#p1"/></navPoint>', "<navMap/>",
    '<item id="z" href="a.xhtml" media-type="application/xhtml+xml"/>', '<itemref idref="z" linear="no"/>', "<itemref/>",
    '<meta name="calibre:series" content="S"/>', '<meta property="title-type" refines="#t">main</meta>',
    '<dc:title id="t">Another</dc:title>', "<dc:creator/>", "<dc:language>xx-invalid-!</dc:language>", "<dc:date>x</dc:date>",
    '<reference type="cover" href="a.xhtml"/>', '<meta name="cover" content="z"/>', "<!-- c -->", "<!-- -- --->", "<!--",
    "<![CDATA[ <p>x</p> ]]>", "<![CDATA[", "]]>", "<?pi x?>", "<?xml version='1.0'?>", "<!DOCTYPE html>", "&nbsp;", "&amp;",
    '<!DOCTYPE html [<!ENTITY e "x"><!ENTITY f SYSTEM "file:///etc/passwd">]>', "&e;", "&f;", "&", "&#0;", "&#xD800;", "&#x1F600;",
    "&#99999999;", "&lt;p&gt;", "&hellip;", "&unknown;", "&amp;amp;", "<", ">", "</p>", "</div>", "</span>", '"', "'", "<p", "<a href=",
    '<xi:include href="a.xhtml"/>', '<?xml-stylesheet href="http://127.0.0.1:9/x.xsl"?>', '<base href="../"/>', "<plaintext>",
    "<script>alert(1)</script>", "<style>p{display:none}</style>", "<template><p>t</p></template>", "<textarea>t</textarea>",
    "<noscript><p>n</p></noscript>", "<select><option>o</option></select>", '<object data="x"><p>o</p></object>', "<frameset>",
    '<audio src="a.mp3">no sound</audio>', '<epub:switch><epub:case required-namespace="x">a</epub:case></epub:switch>',
    "<details><summary>s</summary>d</details>", "<p>a</p>tail", "<em>a<p>b</p></em>c", "<p><p>x</p></p>", "<b><i>x</b></i>",
)  # fmt: skip
MARKDOWN = (
    "# ", "## ", "### Heading {#id .class}", "#", "=====", "-----", "---", "***", "* * *", "___", "\n\n", "\n", "    ", "\t", "> ", ">> ",
    "- ", "* ", "+ ", "1. ", "9999999999. ", "1) ", "- [ ] ", "- [x] ", "```", "~~~", "```python\nx = 1\n```", "````", "`", "``", "`code`",
    "[", "]", "(", ")", "[a](b)", "[a][b]", "[b]: http://x", "[^1]", "[^1]: A note.", "[^1]:", "^[inline note]", "![alt](a.png)", "![",
    "![[x]]", "[[wiki|link]]", "*", "**", "***", "_", "__", "*a*", "_a_", "~~", "~", "==x==", "^2^", "H~2~O", "<", ">", "<b>", "</b>", "<div>",
    '<div markdown="1">', "</div>", "<!--", "-->", "<!-- x -->", "<br>", "&amp;", "&nbsp;", "&#0;", "\\", "\\*", "\\[", "| a | b |",
    "|---|:-:|", "|", "a | b\n--|--\n1 | 2", ": definition", "term\n: definition", "*[HTML]: Hyper", "{: .class}", "{% include x %}",
    "{{ x }}", "{% raw %}", "{% endraw %}", "{#id}", "::: note", ":::", "!!! note", "???", "$x$", "$$\nx^2\n$$", "\\(x\\)", "+++", "---\ntitle: T\n---",
    "title: ", "author: [a, b]", "lang: fr", "order: 3", "{{#include ../x}}", "<http://x.y>", "https://example.org/a_b_c", "a@b.c", "@name",
    "Title: X", "# Title: X", "## Author: Y", "  \n", "\\\n", "\r\n", "\r", "\f", "\v", "\u2028", "\u00a0", "\ufeff", "%%", "% title", "{.verse}", "| verse",
    "[TOC]", "[[_TOC_]]", "<details>", "<summary>s</summary>", "<sup>1</sup>", "<a id='x'></a>", '"""', "...", "--", "(c)", "import x from 'y'",
    "export const a = 1", "<Tab />", "```{note}\nx\n```", "{ref}`x`", "%}", "<script>", "</script>", "<p align=center>", "<table><tr><td>",
)  # fmt: skip
WORDS = (
    "1", "0", "12", "1,234,567", "3.14", "-5", "1/2", "½", "3½", "1st", "22nd", "1990s", "'90s", "1066", "12:30", "12.30 p.m.", "5:00am", "$3.50", "€5",
    "£1m", "¥", "50%", "5 kg", "10°C", "6'2\"", "x²", "H₂O", "10–20", "1-2-3", "pp. 3–5", "No. 5", "§ 3", "II", "XIV", "IIII", "Henry VIII", "I", "chapter IV",
    "MDCCCCLXXXXVIIII", "Dr.", "Mr.", "St. John", "e.g.", "i.e.", "etc.", "A. B. C.", "U.S.A.", "J.R.R.", "Ph.D.", "NASA", "STOP", "HELP ME", "O'Neil", "don't",
    "555-1234", "+1 (555) 123-4567", "a@b.co", "http://a.b/c?d=e#f", "www.x.com", "2001-02-29", "3/4/05", "Jan. 5, 1900", "July 4th", "c. 1850", "BC", "AD 70",
    "John 3:16", "2-1", "***", "…", "....", "—", "--", "–", "-", "“", "”", "‘", "’", '"', "'", "«", "»", "(", ")", "[", "]", "{", "}", "!", "?", "?!", ".", ",", ";", ":", "|",
    "/", "\\", "&", "@", "#", "*", "_", "~", "^", "+", "=", "<", ">", "†", "‡", "¶", "©", "™", "°", "′", "″", "№", "😀", "👨‍👩‍👧", "🇫🇷", "é", "e\u0301", "ﬁ", "ß", "İ", "ı", "ſ",
    "漢字", "日本語。", "中文，", "한국어", "العربية", "עברית", "हिन्दी।", "ไทย", "Ελληνικά", "Русский", "\u200b", "\u200d", "\u00ad", "\u202e", "\u2066", "\u0301" * 9, "\u2060",
    "\ufeff", "\ufffd", "\u0085", "\u2028", "\u2029", "\u3000", "\u00a0", "\u2009", "٣", "³", "Ⅷ", "①", "𝟗", "百", "1٣", "\x07", "\x1b[31m", "\x00", "\U000e0041", "\ue000",
    "CHAPTER I", "Chapter One", "BOOK II", "PREFACE", "THE END", "CONTENTS", "*** START OF THE PROJECT GUTENBERG EBOOK X ***", "    I.", "\n\n\n\n",
    "*** END OF THE PROJECT GUTENBERG EBOOK X ***", "Title: X", "Author: Y", "Language: French", "[Illustration: a]", "[Footnote 1: b]", "{12}", "[1]", "_it_",
    "1e400", "9" * 40, "9" * 700, "1." * 20, "0x1F", "1,2,3", "1.2.3.4", "a" * 500, "A" * 60, "I" * 30, "word " * 40, "$" * 9, "1/0", "0/0", "31/02/1999", "24:60", "-0",
)  # fmt: skip
ENCODINGS = (
    "utf-8",
    "utf-16",
    "utf-16-le",
    "utf-16-be",
    "utf-32",
    "cp1252",
    "latin-1",
    "shift_jis",
    "gb18030",
    "koi8-r",
)


def mutate(kind: str, data: bytes, others: Sequence[bytes], rng: Random) -> bytes:
    """Another input of ``kind`` made of ``data``; ``others`` are inputs to take pieces of."""
    if rng.random() < 0.04:
        return _bytes(data, rng)[:LARGEST]
    if kind in ("epub", "folder"):
        return _members(kind, data, others, rng)
    spoil = _text(MARKDOWN if kind == "markdown" else WORDS)
    text = data.decode("utf-8", "surrogateescape")
    other = rng.choice(others).decode("utf-8", "surrogateescape") if others else text
    for _ in range(_often(rng)):
        change = _tags if kind == "markdown" and rng.random() < 0.15 else spoil
        text = change(text, other, rng)
    made = text.encode("utf-8", "surrogateescape")
    return (_encoded(made, rng) if rng.random() < 0.03 else made)[:LARGEST]


def members_of(data: bytes) -> dict[str, bytes] | None:
    """The members of an EPUB, or None where it cannot be opened."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            infos = archive.infolist()[:_MEMBERS]
            return {info.filename: archive.read(info) for info in infos if info.file_size < LARGEST}
    except Exception:  # any damage will do: it is left to the byte mutations
        return None


def zipped(members: dict[str, bytes]) -> bytes:
    """The members as an EPUB, stored and without times, so that the same members give the same bytes."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name.replace("\0", "") or "x"), data)
    return made.getvalue()


def _often(rng: Random) -> int:
    return min(40, int(rng.expovariate(0.3)) + 1)


def _members(kind: str, data: bytes, others: Sequence[bytes], rng: Random) -> bytes:
    members = members_of(data)
    if not members:
        return _bytes(data, rng)[:LARGEST]
    other = (members_of(rng.choice(others)) if others else None) or members
    for _ in range(_often(rng)):
        if rng.random() < 0.12:
            members = rng.choice(_CONTAINER)(members, other, rng)
            continue
        name = rng.choice(list(members) or [""])
        if name.endswith((".jpg", ".png")) or name not in members:
            continue
        text = members[name].decode("utf-8", "replace")
        from_other = rng.choice(list(other.values())).decode("utf-8", "replace")
        tagged = rng.random() < (0.85 if kind == "epub" else 0.15)
        change = _tags if tagged else _text(WORDS if kind == "epub" else MARKDOWN)
        members[name] = change(text, from_other, rng).encode("utf-8", "replace")[:LARGEST]
    made = zipped(members)
    return (_bytes(made, rng) if rng.random() < 0.02 and kind == "epub" else made)[: 2 * LARGEST]


def _removed(members: dict[str, bytes], other: dict[str, bytes], rng: Random) -> dict[str, bytes]:
    gone = rng.choice(list(members) or [""])
    return {name: data for name, data in members.items() if name != gone} or members


def _renamed(members: dict[str, bytes], other: dict[str, bytes], rng: Random) -> dict[str, bytes]:
    old = rng.choice(list(members) or [""])
    new = rng.choice(
        [old.upper(), f"../{old}", f"/{old}", old.replace("/", "\\"), f"{old}/", f"x/{old}", "é" + old, ""]
    )
    return {new if name == old else name: data for name, data in members.items()}


def _replaced(members: dict[str, bytes], other: dict[str, bytes], rng: Random) -> dict[str, bytes]:
    name = rng.choice(list(members) or ["x"])
    return {**members, name: rng.choice([*other.values(), b"", b"\0", b"<", b"\xff\xfe"])}


def _added(members: dict[str, bytes], other: dict[str, bytes], rng: Random) -> dict[str, bytes]:
    name = rng.choice(list(other) or ["x"])
    return {
        **members,
        rng.choice([name, f"new/{name}", "META-INF/encryption.xml", "META-INF/rights.xml"]): other.get(name, b""),
    }


def _recoded(members: dict[str, bytes], other: dict[str, bytes], rng: Random) -> dict[str, bytes]:
    name = rng.choice(list(members) or ["x"])
    return {**members, name: _encoded(members.get(name, b""), rng)}


def _flipped(members: dict[str, bytes], other: dict[str, bytes], rng: Random) -> dict[str, bytes]:
    name = rng.choice(list(members) or ["x"])
    return {**members, name: _bytes(members.get(name, b""), rng)}


def _swapped(members: dict[str, bytes], other: dict[str, bytes], rng: Random) -> dict[str, bytes]:
    names = list(members)
    rng.shuffle(names)
    return (
        dict(zip(members, (members[name] for name in names), strict=True))
        if rng.random() < 0.3
        else {name: members[name] for name in names}
    )


_Container = Callable[[dict[str, bytes], dict[str, bytes], Random], dict[str, bytes]]
_CONTAINER: tuple[_Container, ...] = (_removed, _renamed, _replaced, _added, _recoded, _flipped, _swapped)


def _tags(text: str, other: str, rng: Random) -> str:
    """Change one thing of a marked-up text: a tag, an attribute, a stretch between tags."""
    tokens = _TOKEN.findall(text)
    if not tokens:
        return rng.choice(MARKUP)
    at = rng.randrange(len(tokens))
    end = min(len(tokens), at + int(rng.expovariate(0.15)) + 1)
    choice = rng.randrange(10)
    if choice <= 2:
        tokens[at:at] = [rng.choice(MARKUP)]
    elif choice == 3:
        tokens[at:end] = []
    elif choice == 4:
        tokens[end:end] = tokens[at:end] * rng.choice((1, 1, 2, 7))
    elif choice == 5:
        name = rng.choice(ELEMENTS)
        value = f' {rng.choice(ATTRIBUTES)}="{rng.choice(VALUES)}"' if rng.random() < 0.6 else ""
        deep = 300 if rng.random() < 0.02 else 1
        tokens[at:end] = [*[f"<{name}{value}>"] * deep, *tokens[at:end], *[f"</{name}>"] * deep]
    elif choice <= 7:
        places = [number for number, token in enumerate(tokens) if token[:1] == "<" and token[1:2].isalpha()]
        if places:
            place = rng.choice(places)
            tokens[place] = _attribute(tokens[place], text, rng)
    elif choice == 8:
        pieces = _TOKEN.findall(other)
        first = rng.randrange(len(pieces)) if pieces else 0
        tokens[at:at] = pieces[first : first + int(rng.expovariate(0.1)) + 1]
    else:
        tokens[at] = _text(WORDS)(tokens[at], other, rng)
    return "".join(tokens)


def _attribute(tag: str, text: str, rng: Random) -> str:
    found = list(_ATTRIBUTE.finditer(tag))
    known = [match[2][1:-1] for match in _ATTRIBUTE.finditer(text[:20_000])]
    value = rng.choice(known) if known and rng.random() < 0.5 else rng.choice(VALUES)
    value = value.replace('"', "&quot;").replace("<", "&lt;")
    if found and rng.random() < 0.5:
        match = rng.choice(found)
        kept = "" if rng.random() < 0.3 else f'{match[1]}="{value}"'
        return tag[: match.start()] + kept + tag[match.end() :]
    closing = 2 if tag.endswith("/>") else 1
    return f'{tag[:-closing]} {rng.choice(ATTRIBUTES)}="{value}"{tag[-closing:]}'


def _text(words: Sequence[str]) -> Callable[[str, str, Random], str]:
    """Change one thing of a text: a word, a line, a stretch."""

    def spoil(text: str, other: str, rng: Random) -> str:
        choice = rng.randrange(9)
        at = rng.randrange(len(text) + 1)
        size = int(rng.expovariate(0.05)) + 1
        if choice <= 2:
            pool = words if rng.random() < 0.8 else WORDS
            joint = rng.choice(("", " ", " ", "\n", "\n\n"))
            return text[:at] + joint + rng.choice(pool) * rng.choice((1, 1, 1, 1, 2, 3, 30)) + joint + text[at:]
        if choice == 3:
            return text[:at] + text[at + size :]
        if choice == 4:
            return text[:at] + text[at : at + size] * rng.choice((2, 2, 3, 9)) + text[at + size :]
        if choice == 5:
            start = rng.randrange(len(other) + 1)
            return text[:at] + other[start : start + 4 * size] + text[at:]
        lines = text.split("\n")
        place = rng.randrange(len(lines))
        if choice == 6:
            lines[place:place] = [rng.choice(lines)]
        elif choice == 7:
            lines[place] = rng.choice(words) + lines[place]
        else:
            lines[place : place + 2] = lines[place : place + 2][::-1] if rng.random() < 0.5 else []
        return "\n".join(lines)

    return spoil


def _bytes(data: bytes, rng: Random) -> bytes:
    made = bytearray(data or b"\0")
    for _ in range(_often(rng)):
        at = rng.randrange(len(made) or 1)
        choice = rng.randrange(4)
        if choice == 0 and made:
            made[at] = rng.randrange(256)
        elif choice == 1:
            del made[at : at + rng.randrange(1, 20)]
        elif choice == 2:
            made[at:at] = made[at : at + rng.randrange(1, 20)]
        else:
            made[at:at] = rng.choice(
                (b"\0", b"\xff", b"\xfe\xff", b"\xed\xa0\x80", b"\xc0\x80", b"PK\1\2", b"\x85", b"\x1b")
            )
    return bytes(made)


def _encoded(data: bytes, rng: Random) -> bytes:
    """In another encoding, declared rightly, wrongly, or not at all."""
    text = data.decode("utf-8", "replace")
    if rng.random() < 0.5:
        text = f'<?xml version="1.0" encoding="{rng.choice((*ENCODINGS, "no-such", "idna", "utf-7", "rot13"))}"?>{text}'
    return text.encode(rng.choice(ENCODINGS), "replace")
