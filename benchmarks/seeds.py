"""Small books of every sort, to begin spoiling with: what the samples and the tests' builder give, in small pieces."""

# ruff: noqa: E501 - pieces of books read better whole
from __future__ import annotations

import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mutations import members_of, zipped

from tests.loaders.builder import make_epub, nav, ncx, page, point

ROOT = Path(__file__).resolve().parent.parent
_PROSE = "It was a quiet morning, Mr. Brown said, and “nothing” stirred except No. 7, the miller's dog. "
_LINK = '<li><a href="{}">{}</a>{}</li>'
_PICTURE = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\1\0\0\0\1\10\6\0\0\0\x1f\x15\xc4\x89"
_LEXICON = (
    '<lexicon version="1.0" xmlns="http://www.w3.org/2005/01/pronunciation-lexicon" alphabet="ipa" xml:lang="en">'
    "<lexeme><grapheme>Brown</grapheme><phoneme>bɹaʊn</phoneme></lexeme>"
    "<lexeme><grapheme>No.</grapheme><alias>number</alias></lexeme></lexicon>"
)

PAGES = {
    "prose": f"<h1>Chapter I</h1><p>{_PROSE}</p><p>{_PROSE * 2}</p><hr/><p>{_PROSE}</p>",
    "notes": (
        '<h2 id="c1">II</h2><h3>The Whale</h3><p>Text<a epub:type="noteref" id="r1" href="#fn1">1</a> goes on<sup>'
        '<a id="r2" href="#fn2">2</a></sup>, x<sup>2</sup>.</p><aside epub:type="footnote" id="fn1"><p>1 A note. '
        '<a href="#r1" role="doc-backlink">↩</a></p></aside><p id="fn2"><a href="#r2">2</a> Another.</p>'
    ),
    "table": (
        "<h1>Table</h1><table><caption>Sums</caption><thead><tr><th>Year</th><th>£</th></tr></thead><tbody><tr>"
        '<td>1999</td><td>1,000</td></tr><tr><td colspan="2">none</td></tr></tbody></table><p>So much for 1999.</p>'
    ),
    "verse": (
        '<section epub:type="z3998:poem"><h2>Song</h2><p class="verse"><span>Roses are red,</span><br/><span>Violets '
        'blue</span></p><div class="stanza"><p>One</p><p>Two <span class="linenum">5</span></p></div></section>'
    ),
    "drama": (
        '<p class="speaker">ALGERNON.</p><p><i epub:type="z3998:stage-direction">Enter Lane.</i> Did you hear?</p><table>'
        '<tr><td epub:type="z3998:persona">Lane</td><td>I didn\'t think it polite, sir.</td></tr></table>'
    ),
    "ruby": '<p xml:lang="ja"><ruby>漢字<rp>(</rp><rt>かんじ</rt><rp>)</rp></ruby>を読む。吾輩は猫である。</p><p>ASCII 12。</p>',
    "lists": (
        '<h2>Lists</h2><ol start="3" type="i"><li>One</li><li><p>Two</p><ul><li>in</li></ul></li></ol><dl><dt>Term</dt>'
        "<dd>Meaning</dd></dl><pre><code>x = 1\ny = 2</code></pre><blockquote><p>Dear Sir,</p><p>Yours, A. B.</p></blockquote>"
    ),
    "formula": (
        '<p>Let <math alttext="x squared"><msup><mi>x</mi><mn>2</mn></msup></math> be 1/2. <span hidden="hidden">Not'
        '</span><span aria-hidden="true">this</span></p><figure><img src="c.png" alt="A dog"/><figcaption>Fig. 1</figcaption>'
        '</figure><svg xmlns="http://www.w3.org/2000/svg"><title>T</title><text>drawn</text></svg>'
    ),
    "pages": (
        '<p class="runhead">A Book</p><p>The sentence is cut <span epub:type="pagebreak" id="pg2" title="2">2</span>in '
        'two.</p><p><a class="pageno" id="p3" title="[3]"/>Here <span xml:lang="fr">je ne sais pas</span> and '
        '<span ssml:ph="wʊstə" ssml:alphabet="ipa">Worcester</span>.</p><p>T<small>HE</small> end, <abbr title="Doctor">Dr.'
        "</abbr> <span class='dropcap'>O</span>nce.</p>"
    ),
    "front": '<section epub:type="dedication"><p>To my mother</p></section><section epub:type="copyright-page"><p>© 1999</p>'
    "</section>",
    "old": "<h1 align=center>THE BOOK</h1><center><font size=5>by A. Author</font></center><p>Text<p>More &nbsp; text &hellip;"
    "<br>line<br>line<p><a name=p1><b>bold</a></b>",
    "licence": "<pre>*** START OF THE PROJECT GUTENBERG EBOOK X ***</pre><p>Text.</p><p>*** END OF THE PROJECT GUTENBERG "
    "EBOOK X ***</p><p>START: FULL LICENSE. Section 1. You may copy it.</p>",
    "advertisement": "<h2>Also by the Author</h2><p>A Book, $1.25</p><p>Another, cloth, 75c.</p><p>A third, $2.00</p>",
    "index": '<h1>Index</h1><p><a href="p0.xhtml#c1">whale</a>, 5, 7–9</p><p>zebra, <a href="p0.xhtml">12</a></p>' * 3,
}

_DOCUMENTS = (
    "# A Book\n\n## Chapter 1\n\nSome *text*, with a [link](https://example.org) and a note[^1].\n\n[^1]: The note.\n\n***\n\nMore.\n",
    "---\ntitle: A Book\nauthor: [A. B., C. D.]\nlang: en\n---\n\nTitle\n=====\n\nText\n\nSub\n---\n\n- one\n- two\n    1. three\n\n> quoted\n> > twice\n",
    "+++\ntitle = 'T'\n+++\n# T\n\n| a | b |\n|---|--:|\n| 1 | 2 |\n\n```python\nx = 1\n```\n\nterm\n: meaning\n\n![alt](x.png)\n\n<div>html *in*</div>\n",
    "# Title: X\n\n## Author: Y\n\n## PART ONE\n\n## 1. The Whale\n\nCall me Ishmael. -- *Sung:*\n\n    *Fifteen men\n    on a chest*\n\n{: .x}\n{% include y %}\n",
    "Text $x^2$ and $$\n\\frac12\n$$ H~2~O ==hi== ~~no~~ <sup>1</sup> &nbsp; \\* ::: note\nin\n:::\n\n!!! tip\n    Inside\n\n*[HTML]: Hyper\nHTML\n",
)
_TEXTS = (
    "The Project Gutenberg EBook of A Book\n\nTitle: A Book\n\nAuthor: A. B.\n\nLanguage: English\n\n*** START OF THIS PROJECT "
    "GUTENBERG EBOOK A BOOK ***\n\n\n\n\nCONTENTS\n\nCHAPTER I. The Whale\nCHAPTER II. The Sea\n\n\n\nCHAPTER I. The Whale\n\n"
    "It was on the 3d of May,\n1851, that Mr. Brown paid £5.\n\n     Roses are red,\n       Violets blue.\n\n* * * * *\n\n"
    "CHAPTER II. The Sea\n\nThe end. [Illustration: a dog]\n\n*** END OF THIS PROJECT GUTENBERG EBOOK A BOOK ***\n\nLicence.\n",
    "I\n\nText one. At 12:30 p.m. he ran 3 km in 1/2 an hour; pp. 3-5.\n\nII\n\nText two, Henry VIII, 1914-18.\n\n\nTHE CAT\n\nText.\n\n\nTHE DOG\n\nText.\n",
    "Scene one.\n\n\n\n-----\n\nDr. A. B. Smith, Ph.D., of 10 Main St., said: “I can't--” $3.50 & 50% (c. 1900)…\n\n日本語。 Привет! ¿Qué? Straße 1.5\n",
)
_FOLDERS: tuple[dict[str, str], ...] = (
    {"SUMMARY.md": "# Summary\n\n[Intro](README.md)\n\n- [One](one.md)\n    - [Deep](sub/two.md#x)\n\n# Part\n\n- [Draft]()\n",
     "README.md": "# Intro\n\nText.\n", "one.md": "# One\n\nText {{#include sub/two.md}}\n", "sub/two.md": "## Two\n\nMore.\n"},
    {"a10.md": "# Ten\n\nText.\n", "a2.md": "---\ntitle: Two\norder: 1\nlang: fr\n---\nTexte.\n", "_config.yml": "title: T\nauthor: A\n",
     "index.md": "# The Book\n\nBy A.\n", "LICENSE.md": "MIT\n"},
    {"book.toml": '[book]\ntitle = "T"\nauthors = ["A"]\nsrc = "src"\n', "src/SUMMARY.md": "- [A](a.md)\n- [B](./b.md)\n",
     "src/a.md": "# A\n\nText.\n", "src/b.md": "# B\n\nText.\n"},
    {"mkdocs.yml": "site_name: T\nnav:\n  - Home: index.md\n  - Part:\n      - One: one.md\n", "docs/index.md": "# H\n\nx\n", "docs/one.md": "# 1\n\ny\n"},
    {"metadata.yaml": "---\ntitle: T\nauthor: A\n---\n", "01-a.md": "# A\n\nx\n", "02-b.markdown": "# B\n\ny\n", "Book.txt": "01-a.md\n02-b.markdown\n"},
    {"1.txt": "Chapter 1\n\nText.\n", "2.txt": "Chapter 2\n\nText.\n", "10.txt": "Text.\n"},
)  # fmt: skip


def _made(pages: dict[str, Any], **options: Any) -> bytes:
    with tempfile.TemporaryDirectory(prefix="seeds-") as folder:
        return zipped(members_of(make_epub(Path(folder) / "a.epub", pages, **options).read_bytes()) or {})


def EPUBS() -> Iterator[bytes]:  # noqa: N802 - a table of kinds names these four
    """EPUBs: one for each page, then books of several with contents of every sort."""
    for body in PAGES.values():
        yield _made({"p0.xhtml": body, "p1.xhtml": f"<p>{_PROSE}</p>"})
    pages = {f"p{number}.xhtml": body for number, body in enumerate(PAGES.values())}
    entries = "".join(_LINK.format(name, f"Chapter {number}", "") for number, name in enumerate(pages))
    deep = _LINK.format(
        "p1.xhtml#c1", "II. The Whale", f"<ol>{_LINK.format('p1.xhtml#fn2', 'x', '')}<li><span>y</span></li></ol>"
    )
    points = "".join(point(f"Chapter {number}", name) for number, name in enumerate(pages))
    yield _made(pages, nav=nav(entries), ncx=ncx(points))
    few = dict(list(pages.items())[:3])
    yield _made(
        few,
        nav=nav(
            deep + entries,
            '<nav epub:type="landmarks"><ol><li><a epub:type="cover" href="p0.xhtml">C</a></li></ol></nav>',
        ),
    )
    yield _made(
        few,
        ncx=ncx(point("Part", "p0.xhtml", points)),
        version="2.0",
        guide='<guide><reference type="toc" href="p1.xhtml"/></guide>',
    )
    whole = page("<p>A <b>page</b> &nbsp;</p>").replace("utf-8", "iso-8859-1")
    yield _made(
        {"a b.xhtml": whole, "ü.xhtml": "<h1>Ü</h1><p>x</p>"},
        nav=nav(_LINK.format("a%20b.xhtml", "A", "") + _LINK.format("%C3%BC.xhtml", "Ü", "")),
    )
    manifest = '<item id="c" href="c.png" media-type="image/png" properties="cover-image"/><item id="l" href="l.pls" media-type="application/pls+xml"/>'
    linked = page(f"<h1>One</h1><p>{_PROSE}</p>").replace(
        "<head>", '<head><link rel="pronunciation" href="l.pls" hreflang="en"/>'
    )
    yield _made({"p0.xhtml": linked}, manifest=manifest, extra={"OEBPS/c.png": _PICTURE, "OEBPS/l.pls": _LEXICON})
    metadata = (
        '<dc:identifier id="uid">x</dc:identifier><dc:title id="t1">Main</dc:title><meta refines="#t1" property="title-type">main</meta>'
        '<dc:title id="t2">Sub</dc:title><meta refines="#t2" property="title-type">subtitle</meta><dc:creator opf:role="aut" id="c1">A. B.</dc:creator>'
        '<meta refines="#c1" property="role">aut</meta><dc:contributor opf:role="trl">T. T.</dc:contributor><dc:language>fr-CA</dc:language>'
        '<meta property="belongs-to-collection" id="s">Series</meta><meta refines="#s" property="group-position">2.5</meta><dc:date>1999</dc:date>'
    )
    yield _made({"p0.xhtml": f"<h1>Un</h1><p>Le 3 mai 1999, à 12 h 30. {_PROSE}</p>"}, metadata=metadata)
    sample = ROOT / "samples" / "candide-two-chapters.epub"
    with zipfile.ZipFile(sample) as archive:
        text = {info.filename: archive.read(info) for info in archive.infolist() if info.file_size < 12_000}
    yield zipped(text)


def MARKDOWN() -> Iterator[bytes]:  # noqa: N802
    """Markdown as people write it."""
    yield from (text.encode() for text in _DOCUMENTS)
    yield (ROOT / "samples" / "lighthouse.md").read_bytes()


def PLAIN() -> Iterator[bytes]:  # noqa: N802
    """Text files."""
    yield from (text.encode() for text in _TEXTS)
    yield "Über 3½ Straßen.\r\n\r\nII.\r\n".encode("cp1252")
    yield "\ufeffI\n\nText.\n".encode("utf-16")


def FOLDERS() -> Iterator[bytes]:  # noqa: N802
    """Folders of Markdown, zipped."""
    yield from (zipped({name: text.encode() for name, text in files.items()}) for files in _FOLDERS)
