"""What the walk makes of each kind of markup: blocks, marks, asides."""

from __future__ import annotations

import pytest

from narrate.book import Mark, Skip
from narrate.markup.passage import Passage
from tests.markup.pages import aside_list, blocks_of, flow_of, marked, texts

MATH = '<math xmlns="http://www.w3.org/1998/Math/MathML"'


@pytest.mark.parametrize(
    ("body", "text", "asides"),
    [
        ('<p>word <span epub:type="pagebreak">172</span>more</p>', "word more", [(5, "page number", "172", "")]),
        ('<p>word <a class="pagenum" title="[20]"/>more</p>', "word more", [(5, "page number", "", "20")]),
        ('<p>a<span role="doc-pagebreak" aria-label="page xii"/>b</p>', "ab", [(1, "page number", "", "xii")]),
        ('<p>one [<span class="pagenum">3</span>] two</p>', "one two", [(4, "page number", "3", "")]),
        ('<p>it<a epub:type="noteref" href="x">1</a> is</p>', "it is", [(2, "note reference", "1", "")]),
        ('<p>see <img alt="a cat"/> here</p>', "see here", [(4, "image", "", "a cat")]),
        ('<p>see <img alt="img_01.jpg"/> here</p>', "see here", []),
        ('<p>seen<span hidden="">unseen</span></p>', "seen", [(4, "hidden text", "unseen", "")]),
        ("<p>ok<button>Go</button></p>", "ok", [(2, "form control", "Go", "")]),
        ("<p>ok<video>No film</video></p>", "ok", [(2, "embedded media", "No film", "")]),
        (
            '<p>a <svg xmlns="http://www.w3.org/2000/svg"><title>A map</title><text>N</text></svg> b</p>',
            "a b",
            [(2, "picture text", "A mapN", "A map")],
        ),
        (f"<p>so {MATH}><msup><mi>x</mi><mn>2</mn></msup></math>, or</p>", "so, or", [(2, "formula", "x2", "x^2")]),
        ('<p><span class="linenum">5</span>Of arms</p>', "Of arms", [(0, "line number", "5", "")]),
        ("<p>x</p><nav><a href='y'>Next</a></nav>", "x", [(1, "contents", "Next", "")]),
    ],
)
def test_what_is_silent_is_an_aside_at_its_place(body: str, text: str, asides: list[tuple[int, str, str, str]]) -> None:
    block = blocks_of(body)[0]
    assert block.text == text
    assert aside_list(block) == asides


def test_what_is_silent_between_blocks_goes_to_a_neighbour_and_never_to_a_break() -> None:
    first, rule, second = blocks_of('<p>a</p><hr/><span class="pagenum">7</span><p>b</p>')
    assert (first.asides, rule.asides) == ((), ())
    assert aside_list(second) == [(0, "page number", "7", "")]


def test_a_page_without_blocks_keeps_skips() -> None:
    assert [item.reason for item in flow_of("<nav>one</nav>") if isinstance(item, Skip)] == ["contents"]


def test_notes_and_references_share_a_key() -> None:
    body = (
        '<p>He paused<sup><a id="r1" href="#n1">1</a></sup> and<sup><a id="r2" href="#n2">2</a>, '
        '<a href="#n1">1</a></sup> spoke [<a id="r3" href="#n3">3</a>].</p>'
        '<ol><li id="n1"><p>First. <a href="#r1">↩</a></p><p>More.</p></li>'
        '<li id="n2">Second. <a href="#r2">↩</a></li></ol>'
        '<div class="footnote"><p id="n3"><a href="#r3">[3]</a> Third.</p><p>End.</p></div>'
    )
    text, *notes = blocks_of(body)
    assert text.text == "He paused and spoke."
    assert [aside.target for aside in text.asides] == ["a.xhtml#n1", "a.xhtml#n2", "a.xhtml#n1", "a.xhtml#n3"]
    assert [(note.kind, note.text, note.note) for note in notes] == [
        ("note", "First.", "a.xhtml#n1"),
        ("note", "More.", "a.xhtml#n1"),
        ("note", "Second.", "a.xhtml#n2"),
        ("note", "Third.", "a.xhtml#n3"),
        ("note", "End.", "a.xhtml#n3"),
    ]


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("<p>One end.<sup>1</sup> Another word<sup>2</sup>.</p>", "One end. Another word."),
        ("<p>Said<sup>†</sup> he<sup>*</sup>.</p>", "Said he."),
        ("<p>x<sup>2</sup> and y<sup>3</sup></p>", "x² and y³"),
        ("<p>10<sup>−3</sup> m<sup>2</sup> or cm<sup>3</sup></p>", "10⁻³ m² or cm³"),
        ("<p>(a+b)<sup>2</sup>, (a+b)<sup>3</sup></p>", "(a+b)², (a+b)³"),
        ("<p>area<sup>2</sup> alone</p>", "area² alone"),
        ("<p>a<sup>2</sup><sup>3</sup> b<sup>4</sup>H c<sup>5</sup>d</p>", "a²³ b⁴H c⁵d"),
        ("<p>In 1833<sup>12</sup> and then<sup>13</sup>.</p>", "In 1833 and then."),
        ("<p>the 1<sup>st</sup>, M<sup>r</sup>, 3<sup>e</sup></p>", "the 1st, Mr, 3e"),
        ("<p>H<sub>2</sub>O, 2<sup>1</sup>/<sub>2</sub></p>", "H₂O, 2 1/2"),
        ("<p><sup>1</sup>And God <sup>2</sup>said <sup>3</sup>it</p>", "And God said it"),
    ],
)
def test_raised_numbers(body: str, text: str) -> None:
    assert blocks_of(body)[0].text == text


@pytest.mark.parametrize(
    ("body", "marks"),
    [
        ('<p>the <i xml:lang="fr">bon <b>mot</b></i> of</p>', [("language", "bon mot", "fr")]),
        ('<p lang="fr">le mot</p>', []),
        ('<p>“You have <i lang="fr">carte blanche.</i>”</p>', [("language", "carte blanche.", "fr")]),
        ('<p><abbr title="Mister">Mr.</abbr> A</p>', [("abbreviation", "Mr.", "Mister")]),
        ('<p>in <span ssml:ph="wUst@" ssml:alphabet="x-sampa">W</span></p>', [("phonemes", "W", "x-sampa:wUst@")]),
        (
            "<p>行<ruby>漢<rp>(</rp><rt>かん</rt>字<rt>じ</rt></ruby></p>",
            [("ruby", "漢", "かん"), ("ruby", "字", "じ")],
        ),
        (
            "<p><ruby><rb>東</rb><rb>京</rb><rt>とう</rt><rt>きょう</rt></ruby></p>",
            [("ruby", "東", "とう"), ("ruby", "京", "きょう")],
        ),
        ("<p><ruby><ruby>東<rt>とう</rt></ruby><rt>east</rt></ruby></p>", [("ruby", "東", "とう")]),
        (
            '<p><b class="speaker">Jack.</b> Well <i class="stage">(aside)</i>!</p>',
            [("speaker", "Jack.", ""), ("stage direction", "(aside)", "")],
        ),
        ('<p>Enter <b epub:type="z3998:persona">Lane</b></p>', []),
        ("<p>line\n broken  <i lang='la'>e\u0301t\n tu</i></p>", [("language", "ét tu", "la")]),
    ],
)
def test_marks(body: str, marks: list[tuple[str, str, str]]) -> None:
    assert marked(blocks_of(body)[0]) == marks


def test_cells_stand_under_their_headers() -> None:
    rows = blocks_of(
        '<table><tr><td/><th>Name</th><th colspan="2">Born</th></tr><tr><th>1</th><td rowspan="2">Ann</td><td>May</td>'
        "<td>1810</td></tr><tr><th>2</th><td>June</td><td>1811</td></tr></table>"
    )
    assert marked(rows[0]) == [("header cell", "Name", ""), ("header cell", "Born", "")]
    assert marked(rows[1]) == [
        ("header cell", "1", ""), ("cell", "Ann", "Name"), ("cell", "May", "Born"), ("cell", "1810", "Born"),
    ]  # fmt: skip
    assert marked(rows[2]) == [("header cell", "2", ""), ("cell", "June", "Born"), ("cell", "1811", "Born")]


def test_a_table_without_headers_has_cells_without_values() -> None:
    row, more = blocks_of(
        '<table><tr><td epub:type="z3998:persona">Jack</td><td><p>Hi.</p><p>Ho.</p></td></tr></table>'
    )
    assert marked(row) == [("cell", "Jack", ""), ("speaker", "Jack", ""), ("cell", "Hi.", "")]
    assert (row.text, more.text) == ("Jack. Hi.", "Ho.")


def test_list_items_have_the_labels_the_page_prints() -> None:
    body = (
        '<ol start="3"><li>a</li><li value="7"><p>b</p><p>c</p><ol type="a"><li>d</li><li>e<ol type="I"><li>f</li></ol>'
        '</li></ol></li><li>8. g</li></ol><ul><li>h</li></ul><ol reversed=""><li>i</li><li>j</li></ol>'
        '<ol style="list-style-type: lower-roman"><li>I came</li></ol>'
    )
    assert [block.label for block in blocks_of(body)] == [
        "3.", "7.", "", "a.", "b.", "I.", "", "", "2.", "1.", "i.",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("body", "within"),
    [
        ('<blockquote epub:type="z3998:letter"><p>x</p></blockquote>', "letter"),
        ('<div class="epigraph"><p>x</p></div>', "epigraph"),
        ("<aside><p>x</p></aside>", "sidebar"),
        ('<aside class="pullquote"><p>x</p></aside>', "pull quote"),
        ('<p class="stage">x</p>', "stage direction"),
        ('<p><i epub:type="z3998:stage-direction">[x]</i></p>', "stage direction"),
        ('<p class="running-head">x</p>', "running head"),
        ('<div class="transnote"><p>x</p></div>', "transcriber's note"),
        ('<p class="byline">x</p>', ""),
    ],
)
def test_within(body: str, within: str) -> None:
    assert blocks_of(body)[0].within == within


def test_a_byline_stands_under_a_heading_and_a_list_of_links_is_one_of_contents() -> None:
    assert [block.within for block in blocks_of('<h2>T</h2><p class="byline">by X</p>')] == ["", "byline"]
    links = "".join(f'<li><a href="#{key}">{key}</a></li>' for key in "abc")
    assert {block.within for block in blocks_of(f"<ul>{links}</ul>")} == {"contents list"}
    assert {block.within for block in blocks_of(f"<ul>{links}<li>and text</li></ul>")} == {""}


@pytest.mark.parametrize(
    "body",
    [
        '<p>text<a href="#f" id="r"><sup>[1]</sup></a></p><p id="f"><a href="#r">[1]</a> A note</p>',
        '<p>text<a id="r"></a><a href="#f"><sup>1</sup></a></p><p><a id="f"></a><a href="#r">1</a>. A note</p>',
        '<p>text<sup id="r"><a href="#f">1</a></sup></p><aside id="f"><p>A note <a href="#r">back</a></p></aside>',
        '<p>text<a class="_idFootnoteLink" href="#f">1</a></p><div class="_idFootnote" id="f"><p>A note</p></div>',
        '<p>text<sup>1</sup> and</p><p>word<sup>2</sup></p><p id="f"><sup>1</sup> A note</p>',
        '<p>text<a href="#f">*</a></p><aside epub:type="footnote" id="f">A note</aside>',
    ],
)
def test_notes_as_producers_link_them(body: str) -> None:
    first, *_, note = blocks_of(body)
    assert [aside.target for aside in first.asides] == ["a.xhtml#f"]
    assert (note.kind, note.text, note.note) == ("note", "A note", "a.xhtml#f")


def test_pictures_and_formulas_set_apart_are_blocks() -> None:
    found = blocks_of(
        f'<figure><img alt="A cat"/><figcaption>Tom</figcaption></figure><p><img alt="lone"/></p>'
        f'<p>where {MATH} display="block" alttext="E = mc^2"><mi>E</mi></math> holds</p>'
    )
    assert [(block.kind, block.text, block.said) for block in found] == [
        ("image", "", "A cat"), ("caption", "Tom", ""), ("image", "", "lone"), ("paragraph", "where", ""),
        ("formula", "E", "E = mc^2"), ("paragraph", "holds", ""),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ('<p><span class="dropcap">T</span>he cat</p>', ["The cat"]),
        ('<p><span class="dropcap">T</span> he cat</p>', ["The cat"]),
        ('<p><span class="dropcap">A</span> cat sat</p>', ["A cat sat"]),
        ('<p><span class="dropcap">A</span> fter that</p>', ["After that"]),
        ('<p><span class="dropcap">I</span> <small>T</small> was</p>', ["IT was"]),
        ('<p><span class="dropcap">A</span> lone man</p><p>Alone, alone.</p>', ["Alone man", "Alone, alone."]),
        ('<p class="dropcap">O</p><p>nce upon</p>', ["Once upon"]),
        ("<div>T</div><p>he end</p>", ["The end"]),
        ("<p>I</p><p>It was</p>", ["I", "It was"]),
        ('<p><img alt="T"/>he cat</p>', ["The cat"]),
        ("<p>T<small>HE</small> <span>C</span>AT</p>", ["THE CAT"]),
    ],
)
def test_drop_caps_and_small_capitals_make_one_word(body: str, expected: list[str]) -> None:
    assert [block.text for block in blocks_of(body)] == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ('<div class="poem"><p>one</p><p>two</p></div>', [("verse", "one\ntwo")]),
        ('<p class="line">one</p><p class="line">two</p><p>x</p>', [("verse", "one\ntwo"), ("paragraph", "x")]),
        ('<p class="verse">one</p><p class="verse">two</p>', [("verse", "one\ntwo")]),
        ('<p><span class="line">one</span><span class="line">two</span></p>', [("verse", "one\ntwo")]),
        ('<p><span class="line">one</span><br/><span class="line">two</span></p>', [("verse", "one\ntwo")]),
        (
            '<div class="line-block"><div class="line">one</div><div class="line">two</div></div>',
            [("verse", "one\ntwo")],
        ),
        ('<p>a</p><p class="asterism"/><p>b</p>', [("paragraph", "a"), ("break", ""), ("paragraph", "b")]),
        (
            '<p>a</p><div style="text-align: center"><img src="x.png" alt=""/></div><p>b</p>',
            [("paragraph", "a"), ("break", ""), ("paragraph", "b")],
        ),
        ("<p>a\u202eb\u200f c<wbr/>d</p>", [("paragraph", "ab cd")]),
        ("<p>می\u200cخواهم shelf\u200cful</p>", [("paragraph", "می\u200cخواهم shelfful")]),
        (
            "text<details><summary>s</summary>in</details><dl><dt>t</dt><dd>d</dd></dl>",
            [("paragraph", "text"), ("paragraph", "s"), ("paragraph", "in"), ("item", "t"), ("item", "d")],
        ),
    ],
)
def test_lines_breaks_and_blocks(body: str, expected: list[tuple[str, str]]) -> None:
    assert texts(body) == expected


def test_numbers_beside_lines_of_verse_are_told_by_two_signs() -> None:
    lines = [f"line of verse{' ' + str(number) if number % 5 == 0 else ''}" for number in range(1, 11)]
    poem = blocks_of(
        f'<div class="stanza">{"<br/>".join(lines[:6])}</div><div class="stanza">{"<br/>".join(lines[6:])}</div>'
    )
    assert [aside.text for block in poem for aside in block.asides] == ["5", "10"]
    assert not any(character.isdigit() for block in poem for character in block.text)
    assert blocks_of('<div class="stanza">I was<br/>aged 15<br/>then</div>')[0].text == "I was\naged 15\nthen"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ('<p>half a</p><p epub:type="pagebreak">2</p><p>sentence</p>', ["half a sentence"]),
        ('<p>an exam-</p><div class="pagenum">2</div><p>ple here</p>', ["an example here"]),
        ('<p>an exam-<span class="pagenum">2</span>ple here</p>', ["an example here"]),
        (
            '<p>a well-known man</p><p>a well-</p><div class="pagenum">2</div><p>known one</p>',
            ["a well-known man", "a well-known one"],
        ),
        ('<p>It ended.</p><span class="pagenum">2</span><p>and so on</p>', ["It ended.", "and so on"]),
        ('<p>half a</p><span class="pagenum">2</span><p>Sentence</p>', ["half a", "Sentence"]),
        ("<p>half a</p><p>sentence</p>", ["half a", "sentence"]),
        ('<p>half a</p><div class="page-break"/><p>sentence</p>', ["half a", "sentence"]),
        ('<p>half —</p><p class="pagenum">2</p><p>a sentence</p>', ["half — a sentence"]),
        (
            '<p>half a</p><span class="pagenum">2</span><blockquote><p>quotation</p></blockquote>',
            ["half a", "quotation"],
        ),
    ],
)
def test_a_sentence_cut_by_a_page_break_is_whole(body: str, expected: list[str]) -> None:
    assert [block.text for block in blocks_of(body)] == expected


def test_what_comes_from_another_place_is_marked() -> None:
    (block,) = blocks_of(
        '<p id="x">half a</p><span class="pagenum">2</span><p id="y">sentence <i lang="fr">ici</i></p>'
    )
    assert block.marks == (Mark(7, 19, "place", "a.xhtml#y"), Mark(16, 19, "language", "fr"))
    assert aside_list(block) == [(7, "page number", "2", "")]


def test_the_matter_of_a_page_and_of_its_outermost_sections() -> None:
    flow = flow_of(
        '<section epub:type="dedication"><p>to you</p></section><section epub:type="chapter"><header>'
        '<blockquote epub:type="epigraph"><p>m</p></blockquote></header>'
        '<section epub:type="epigraph"><p>n</p></section></section>'
    )
    assert [(item.kind, item.block.within) for item in flow if isinstance(item, Passage)] == [
        ("dedication", ""), ("", "epigraph"), ("", "epigraph"),
    ]  # fmt: skip
