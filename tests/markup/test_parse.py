"""Pages as they come: encodings, entities, broken and hostile markup."""

from __future__ import annotations

import time

import pytest

from narrate.bounds import Bounds
from narrate.errors import SourceError
from narrate.markup.elements import text_of
from narrate.markup.parse import parse_page
from narrate.markup.walk import Page, body_of, count_text, walk

RUSSIAN = "Доброе утро, сказал он и вышел на улицу. Была поздняя осень, и ветер гнал листья."
FRENCH = "L’été dernier, nous étions allés à la mer où l’on voyait des bateaux éloignés."
HUNGARIAN = "Az öreg király őszinte örömmel látta, hogy a hűséges szolgák mind együtt ülnek a tűz körül."
JAPANESE = "山路を登りながら、こう考えた。智に働けば角が立つ。"
CHINESE = "我在年輕時候也曾經做過許多夢，後來大半忘卻了，但自己也並不以為可惜。"
KOREAN = "나는 젊었을 때 많은 꿈을 꾸었고 나중에는 대부분 잊어버렸다."


def read(data: bytes) -> tuple[str, int]:
    parsed = parse_page(data, "a.xhtml")
    return " ".join(text_of(body_of(parsed.root)).split()), len(parsed.warnings)


def page(text: str, declared: str = "", meta: str = "") -> str:
    declaration = f'<?xml version="1.0" encoding="{declared}"?>' if declared else ""
    head = f'<meta charset="{meta}"/>' if meta else ""
    return f"{declaration}<html><head>{head}</head><body><p>{text}</p></body></html>"


@pytest.mark.parametrize(
    ("text", "encoding", "declared"),
    [
        (RUSSIAN, "cp1251", "windows-1251"),
        (RUSSIAN, "koi8-r", "koi8-r"),
        (FRENCH, "cp1252", "iso-8859-1"),
        (JAPANESE, "cp932", "Shift_JIS"),
        (JAPANESE, "euc-jp", "euc-jp"),
        (CHINESE, "big5", "Big5"),
        (CHINESE, "gb18030", "gbk"),
        (KOREAN, "euc-kr", "euc-kr"),
        (RUSSIAN, "utf-16", "utf-16"),
        (RUSSIAN, "utf-16-le", "utf-16"),
        (RUSSIAN, "utf-32", "utf-32"),
        (RUSSIAN, "utf-32-be", "utf-32"),
        (RUSSIAN, "utf-8-sig", "koi8-r"),
        (RUSSIAN, "utf-8", ""),
    ],
)
def test_what_is_declared_and_true_is_read_without_a_warning(text: str, encoding: str, declared: str) -> None:
    assert read(page(text, declared).encode(encoding)) == (text, 0)
    if "16" not in encoding and "32" not in encoding:
        assert read(page(text, meta=declared).encode(encoding))[0] == text


@pytest.mark.parametrize(
    ("text", "encoding", "declared"),
    [
        (RUSSIAN, "utf-8", "windows-1251"),
        (FRENCH, "utf-8", "iso-8859-1"),
        (RUSSIAN, "cp1251", "utf-8"),
        (RUSSIAN, "koi8-r", ""),
        (FRENCH, "cp1252", "utf-8"),
        (HUNGARIAN, "cp1250", "utf-8"),
        (JAPANESE, "cp932", "utf-8"),
        (CHINESE, "big5", ""),
        (KOREAN, "euc-kr", "utf-8"),
        (FRENCH, "cp1252", "no-such-encoding"),
        (FRENCH, "cp1252", "punycode"),
        (FRENCH, "cp1252", "undefined"),
    ],
)
def test_what_is_declared_and_wrong_is_found_out_with_a_warning(text: str, encoding: str, declared: str) -> None:
    assert read(page(text, declared).encode(encoding)) == (text, 1)


def test_utf_16_declared_by_bytes_that_are_not() -> None:
    assert read(page("naïve", "utf-16").encode()) == ("naïve", 0)


def test_a_stray_byte_does_not_spoil_a_page_of_utf_8() -> None:
    data = page(RUSSIAN + " X").encode().replace(b" X", b" \x93x\x94")
    assert read(data) == (RUSSIAN + " “x”", 1)


def test_the_language_of_the_page_decides_between_code_pages() -> None:
    text = "žluť a kůň"
    assert read(f'<html lang="cs"><body><p>{text}</p></body></html>'.encode("cp1250"))[0] == text


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("caf&eacute; &mdash; &nbsp;x", "café — x"),
        ("a &unknown; b", "a b"),
        ("AT&T &amp R&D &copy 2020", "AT&T & R&D © 2020"),
        ("a<!-- no -->b<?no no?>c", "abc"),
        ("<![CDATA[x < y & z]]> &lt;", "x < y & z <"),
        ("&#150;&#x97;&#8212;&#0;&#99999999999;", "–——&#99999999999;"),
        ("5 < 6 and 7 <8", "5 < 6 and 7 <8"),
        ("<P>one<BR>two</P><B>three", "onetwothree"),
        ("<html:p>x <html:i>y</html:i></html:p>", "x y"),
        ("<span epub:type='z'>x</span>", "x"),
        ("a\x00\x0bb", "ab"),
        ("<p class=a>x <i>y</p> z", "x y z"),
        ("<a id='x'/>text <i/>more", "text more"),
    ],
)
def test_markup_as_it_comes(body: str, expected: str) -> None:
    assert read(f"<html><head><title/></head><body>{body}</body></html>".encode())[0] == expected


def test_prefixes_that_nobody_declared_are_no_reason_to_read_html() -> None:
    parsed = parse_page(b'<html xmlns="http://www.w3.org/1999/xhtml"><body><p epub:type="x">y</p></body></html>', "a")
    assert parsed.warnings == ()
    assert parsed.root.tag == "{http://www.w3.org/1999/xhtml}html"


def test_entities_that_the_document_declares() -> None:
    text = '<!DOCTYPE html [<!ENTITY a "b"> <!ENTITY long "' + "x" * 100 + '">]><html><body>&a;&long;</body></html>'
    assert read(text.encode()) == ("b" + "x" * 64, 0)


_LONG = 200_000


@pytest.mark.parametrize(
    "body",
    [
        "<" * _LONG,
        "&" * _LONG,
        "<!DOCTYPE " * (_LONG // 10),
        "<!DOCTYPE x [" * (_LONG // 13),
        '<p class="' + "a" * _LONG,
        '<a b="' * (_LONG // 6),
        "<div>" * (_LONG // 5),
        "<p><b>" * (_LONG // 6),
        "<i>" * 9_000 + "</b>" * 9_000,
        "<![CDATA[" * (_LONG // 9),
        "<!--" * (_LONG // 4),
        "<?x " * (_LONG // 4),
        "&" + "a" * _LONG,
        "&#" + "9" * _LONG,
        "<p>" + " " * _LONG + "x", "<a " * (_LONG // 3),
        "<p>" + "word<sup>1</sup>" * (_LONG // 20),
        "<br>" * (_LONG // 4),
        "<p id='n'>" + '<a href="#n">*</a>' * (_LONG // 20),
        "<ruby>a<rt>b</rt></ruby>" * (_LONG // 30),
        "<table>" + '<tr><th>a<td colspan="1000" rowspan="9999">b</tr>' * (_LONG // 60),
        "<table><tr><th>" * 300 + "x" * 9_000,
        '<p><span class="dropcap">A</span> fter' * (_LONG // 60),
        'a-<span class="pagenum">1</span>b ' * (_LONG // 40),
    ],
    ids=lambda body: body[:12],
)  # fmt: skip
def test_hostile_pages_take_no_more_time_than_others(body: str) -> None:
    began = time.process_time()
    try:
        root = parse_page(f"<html><body>{body}".encode(), "a.xhtml").root
    except SourceError as error:
        assert "a.xhtml" in str(error)
    else:
        walk(root, Page("a.xhtml"))
        count_text(root)
    assert time.process_time() - began < 5


def test_bounds_are_the_caller_s() -> None:
    nested = b"<html><body>" + b"<div>" * 50 + b"x" + b"</div>" * 50 + b"</body></html>"
    parse_page(nested, "a.xhtml")
    with pytest.raises(SourceError, match="nested more than 40 deep"):
        parse_page(nested, "a.xhtml", Bounds(depth=40))
    with pytest.raises(SourceError, match="more than 20 elements"):
        parse_page(nested, "a.xhtml", Bounds(elements=20))
