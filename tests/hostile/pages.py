"""Pages: entities, remote things, depth, length, repetition."""

# ruff: noqa: E501 - pieces of books read better whole
from __future__ import annotations

from tests.hostile.cases import FULL, PROSE, Place, bodies, case, epub, n, package, remote_address, size, zip_of
from tests.loaders.builder import CONTAINER, nav, page


@case()
def external_entities_everywhere(place: Place) -> str:
    doctype = (
        f'<!DOCTYPE x [<!ENTITY f SYSTEM "file://{place.secret}"><!ENTITY h SYSTEM "{remote_address(place)}">'
        f'<!ENTITY % p SYSTEM "{remote_address(place)}.dtd">%p;]>'
    )
    doctype_only = f'<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.1//EN" "{remote_address(place)}.dtd">'
    spoiled = page(f"<p>{PROSE}&f;&h;</p>").replace("?>", f"?>{doctype}", 1)
    described = f'<?xml version="1.0"?>{doctype}' + package(
        {"a": "a.xhtml", "b": "b.xhtml"}, metadata="<dc:title>T &f;&h;</dc:title><dc:language>en</dc:language>"
    )
    container = CONTAINER.replace("?>", f"?>{doctype}", 1).replace("</rootfiles>", "&f;&h;</rootfiles>")
    pages = {"OEBPS/a.xhtml": spoiled, "OEBPS/b.xhtml": page(PROSE).replace("?>", f"?>{doctype_only}", 1)}
    encryption = f'<?xml version="1.0"?>{doctype}<encryption>&f;</encryption>'
    return zip_of(
        place,
        {
            "META-INF/container.xml": container,
            "OEBPS/content.opf": described,
            "META-INF/encryption.xml": encryption,
            **pages,
        },
    )


@case()
def remote_resources_of_every_kind(place: Place) -> str:
    remote = remote_address(place)
    body = (
        f'<h1>One</h1><p>{PROSE}</p><img src="{remote}.png" alt="x"/><iframe src="{remote}"/><object data="{remote}"/>'
        f'<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="file://{place.secret}" parse="text"/>'
        f'<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="{remote}" parse="text"/><audio src="{remote}"/>'
        f'<a href="javascript:alert(1)">j</a><a href="data:text/html,&lt;p&gt;x&lt;/p&gt;">d</a><a href="{remote}">r</a>'
    )
    whole = page(body).replace("?>", f'?><?xml-stylesheet href="{remote}.xsl" type="text/xsl"?>', 1)
    whole = whole.replace("<head>", f'<head><base href="{remote}"/><link rel="stylesheet" href="{remote}.css"/>')
    item = f'<item id="c" href="{remote}.jpg" media-type="image/jpeg" properties="cover-image"/>'
    item += f'<item id="l" href="{remote}.pls" media-type="application/pls+xml"/>'
    entries = f'<li><a href="{remote}">R</a></li><li><a href="javascript:x">J</a></li><li><a href="a.xhtml">A</a></li>'
    return epub(place, {"a.xhtml": whole}, manifest=item, nav=nav(entries))


def _doctype(declarations: str, use: str) -> bytes:
    return page(f"<h1>One</h1><p>{PROSE}{use}</p>").replace("?>", f"?><!DOCTYPE html [{declarations}]>", 1).encode()


bodies(
    {
        "billion laughs": lambda: _doctype(
            '<!ENTITY a0 "lol">' + "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 12)), "&a11;"
        ),
        "quadratic blowup": lambda: _doctype(f'<!ENTITY a "{"lol" * n(20_000)}">', "&a;" * n(20_000)),
        "entities in a circle": lambda: _doctype('<!ENTITY a "&b;"><!ENTITY b "&a;">', "&a;&b;"),
        "parameter entities": lambda: _doctype("<!ENTITY % a \"<!ENTITY b 'x'>\"> %a; %a;", "&b;"),
        "a million entities": lambda: (
            "<p>" + "&amp;" * n(300_000) + "&nbsp;" * n(300_000) + "&x;" * n(300_000) + "</p>"
        ),
        "a flood of declarations": lambda: _doctype(
            "".join(f'<!ENTITY e{n} "x{n}">' for n in range(n(100_000))), "&e5;"
        ),
        "an endless doctype": lambda: b"<?xml version='1.0'?><!DOCTYPE html [" + b"<!ENTITY a " * n(200_000),
        "many doctypes": lambda: b"<!DOCTYPE html>" * n(200_000) + page(PROSE).encode(),
        "a flood of comments": lambda: "<!-- c -->" * n(300_000) + "<!--" * n(100_000),
        "a flood of cdata": lambda: "<![CDATA[x]]>" * n(200_000) + "<![CDATA[" * n(100_000),
        "a flood of instructions": lambda: "<?a b?>" * n(300_000) + "<?" * n(100_000),
        "many xml declarations": lambda: b"<?xml version='1.0'?>" * n(100_000) + page(PROSE).encode(),
        "a declaration that never ends": lambda: b"<?xml " + b" encoding" * n(300_000) + page(PROSE).encode(),
    },
    None,
)
bodies(
    {
        "100,000 nested divs": lambda: "<div>" * n(100_000) + "x" + "</div>" * n(100_000),
        "900 nested divs": lambda: "<div>" * 900 + "x" + "</div>" * 900,
        "100,000 nested spans": lambda: "<p>" + "<span>" * n(100_000) + "x" + "</span>" * n(100_000) + "</p>",
        "900 nested spans with text": lambda: "<p>" + "<i>a " * 900 + "</i> b" * 900 + "</p>",
        "100,000 nested lists": lambda: "<ul><li>a" * n(100_000) + "</li></ul>" * n(100_000),
        "400 nested lists": lambda: "<ul><li>a" * 400 + "</li></ul>" * 400,
        "400 nested quotations": lambda: "<blockquote><p>a</p>" * 400 + "</blockquote>" * 400,
        "200 nested tables": lambda: "<table><tr><td>a" * 200 + "</td></tr></table>" * 200,
        "100,000 unclosed elements": lambda: "<b>x" * n(100_000),
        "100,000 unclosed paragraphs": lambda: "<p>x<b>y" * n(100_000),
        "100,000 ends of nothing": lambda: "</b></p></i>" * n(100_000),
        "crossed elements": lambda: "<p><b><i>x</b>y</i>" * n(20_000),
        "900 nested rubies": lambda: "<p>" + "<ruby>a<rt>b" * 400 + "</rt></ruby>" * 400 + "</p>",
        "900 nested formulas": lambda: "<p><math>" + "<mrow><mi>x</mi>" * 900 + "</mrow>" * 900 + "</math></p>",
        "900 nested sections": lambda: "<section><h2>x</h2>" * 900 + "</section>" * 900,
        "900 nested notes": lambda: '<aside epub:type="footnote" id="x"><p>n</p>' * 400 + "</aside>" * 400,
        "900 nested references": lambda: "<p>" + '<sup><a href="#x" id="y">1' * 400 + "</a></sup>" * 400 + "</p>",
    },
    None,
)
bodies(
    {
        "one long paragraph": lambda: f"<p>{PROSE * (size(15 << 20, 150_000) // len(PROSE))}</p>",
        "one long word": lambda: f"<p>{'a' * size(15 << 20, 150_000)}</p>",
        "a million empty paragraphs": lambda: "<p></p>" * size(500_000, 20_000),
        "a million short paragraphs": lambda: "<p>Word.</p>" * size(200_000, 4_000),
        "a million line breaks": lambda: "<p>x" + "<br/>" * size(500_000, 20_000) + "y</p>",
        "a million spans": lambda: "<p>" + "<i>word</i> " * size(200_000, 4_000) + "</p>",
        "an id 100,000 times": lambda: '<p id="x">a</p>' * size(100_000, 4_000),
        "many references to one note": lambda: (
            "<p>a"
            + '<a epub:type="noteref" href="#n">1</a>' * size(200_000, 4_000)
            + '</p><aside epub:type="footnote" id="n"><p>N</p></aside>'
        ),
        "as many notes as references": lambda: (
            "".join(f'<p>a<sup><a id="r{n}" href="#n{n}">{n}</a></sup></p>' for n in range(size(40_000, 1_500)))
            + "".join(f'<p id="n{n}"><a href="#r{n}">{n}</a> Note.</p>' for n in range(size(40_000, 1_500)))
        ),
        "an attribute of ten megabytes": lambda: f'<p class="{"x " * (5 << 20)}" id="{"y" * (5 << 20)}">a</p>',
        "100,000 attributes": lambda: "<p " + " ".join(f'a{n}="x"' for n in range(n(100_000))) + ">a</p>",
        "an unclosed quote": lambda: '<p class="' + "x > y " * n(500_000),
        "unclosed quotes": lambda: '<p class="x>' * n(200_000),
        "open brackets": lambda: "<" * n(1_000_000),
        "open tags": lambda: "<a " * n(500_000),
        "self-closed elements": lambda: "<p/><a/>" * n(200_000),
        "many headings": lambda: "<h2>x</h2>" * size(100_000, 2_000),
        "headings of one page": lambda: "".join(
            f"<h{n % 6 + 1}>x {n}</h{n % 6 + 1}><p>y</p>" for n in range(n(20_000))
        ),
        "a title of a megabyte": lambda: f"<h1>{'Title ' * n(200_000)}</h1>",
        "a wide table": lambda: (
            "<table><tr>" + "<th>h</th>" * n(10_000) + "</tr>" + "<tr>" + "<td>c</td>" * n(10_000) + "</tr></table>"
        ),
        "a table that claims to be wide": lambda: (
            '<table><tr><td colspan="999999999" rowspan="999999999">x</td></tr></table>' * 1000
        ),
        "a table of spans": lambda: (
            "<table>" + f"<tr>{'<td colspan=1000 rowspan=65534>x</td>' * 20}</tr>" * 200 + "</table>"
        ),
        "a long table": lambda: (
            "<table><tr><th>h</th><th>i</th></tr>" + "<tr><td>1</td><td>2</td></tr>" * n(30_000) + "</table>"
        ),
        "a long verse": lambda: '<p class="verse">' + "line<br/>" * n(50_000) + "</p>",
        "a list that claims to begin far on": lambda: (
            '<ol start="99999999999999999999999" type="I"><li value="-9">x</li></ol>' * 100
        ),
        "a roman list": lambda: '<ol type="I" start="1">' + "<li>x</li>" * n(20_000) + "</ol>",
        "many rubies": lambda: "<p>" + "<ruby>漢<rt>かん</rt></ruby>" * n(50_000) + "</p>",
        "many page breaks": lambda: '<p>a<span epub:type="pagebreak">5</span></p>' * n(30_000),
        "many words of another language": lambda: "<p>" + '<span xml:lang="fr">mot</span> word. ' * n(20_000) + "</p>",
        "many addresses": lambda: "<p>" + "http://a.b/c " * n(50_000) + "</p>",
        "many brackets": lambda: "<p>" + "[" * n(100_000) + "]" * n(100_000) + "[x] " * n(50_000) + "</p>",
        "an address without end": lambda: "<p>http://" + "a." * n(500_000) + "</p>",
        "many abbreviations explained": lambda: "<p>" + '<abbr title="Doctor">Dr.</abbr> ' * n(30_000) + "</p>",
        "many phonemes": lambda: "<p>" + '<span ssml:ph="wʊstə" ssml:alphabet="ipa">W</span> ' * n(20_000) + "</p>",
        "phonemes of a megabyte": lambda: f'<p><span ssml:ph="{"wʊ" * n(500_000)}" ssml:alphabet="ipa">W</span></p>',
        "controls": lambda: (
            "<p>\x01\x02\x1b[31m&#27;[2J\x07\x9b31m red&#x9b;0m \u202e evil \u2066 x</p><h2>\x1b]0;t\x07</h2>"
        ),
        "combining marks": lambda: "<p>a" + "\u0301" * n(300_000) + " b</p>",
        "a svg with scripts": lambda: (
            '<svg xmlns="http://www.w3.org/2000/svg"><script>x</script><text>t</text></svg>' * 1000
        ),
    },
    None,
    80.0 if FULL else 30.0,
)
