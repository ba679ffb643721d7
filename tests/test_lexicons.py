"""Lexicons in files: what people and publishers write, and what is told about what is wrong in it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from narrate.errors import JobError
from narrate.lexicons import parse_pls, read_lexicon
from narrate.text.lexicon import Entry

HOUSE = Path(__file__).parent.parent
NAMESPACE = 'xmlns="http://www.w3.org/2005/01/pronunciation-lexicon"'


def read(tmp_path: Path, name: str, text: str | bytes) -> tuple[Entry, ...]:
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_lexicon(path).entries


def pls(body: str, attributes: str = f'{NAMESPACE} alphabet="ipa" xml:lang="en-GB"') -> bytes:
    return f'<?xml version="1.0" encoding="UTF-8"?><lexicon version="1.0" {attributes}>{body}</lexicon>'.encode()


def plain(entry: Entry) -> tuple[str, str, str, str]:
    return entry.word, entry.said, entry.phonemes, entry.language


@pytest.mark.parametrize(
    ("body", "entries"),
    [
        (
            "<lexeme><grapheme>Worcester</grapheme><phoneme>ˈwʊstə</phoneme></lexeme>",
            [("Worcester", "", "ipa:ˈwʊstə", "en-GB")],
        ),
        (
            "<lexeme><grapheme> W3C </grapheme><grapheme>WWW\n C</grapheme><alias>World Wide Web</alias></lexeme>",
            [("W3C", "World Wide Web", "", "en-GB"), ("WWW C", "World Wide Web", "", "en-GB")],
        ),
        (
            '<lexeme xml:lang="fr"><grapheme>Caen</grapheme><phoneme>kan</phoneme>'
            '<phoneme prefer="true" alphabet="x-sampa">kA~</phoneme></lexeme>',
            [("Caen", "", "ipa:kɑ\u0303", "fr")],
        ),
        (
            '<lexeme><grapheme>Yeats</grapheme><phoneme>jeɪts</phoneme><alias prefer="true">Yates</alias></lexeme>',
            [("Yeats", "Yates", "", "en-GB")],
        ),
        (
            "<lexeme><grapheme>Yeats</grapheme><phoneme>jeɪts</phoneme><alias>Yates</alias></lexeme>",
            [("Yeats", "Yates", "ipa:jeɪts", "en-GB")],
        ),
        (
            '<lexeme><grapheme>日本</grapheme><phoneme alphabet="x-JEITA">ニッポ\'ン</phoneme></lexeme>',
            [("日本", "ニッポン", "", "en-GB")],
        ),
        ("<!-- none --><meta/><metadata><x/></metadata>", []),
    ],
)
def test_pls(tmp_path: Path, body: str, entries: list[tuple[str, ...]]) -> None:
    assert [plain(entry) for entry in read(tmp_path, "words.pls", pls(body))] == entries
    book = parse_pls(pls(body), "OEBPS/words.pls", "de")
    assert [plain(entry) for entry in book.lexicon.entries] == entries
    assert book.warnings == ()


def test_pls_without_namespace_takes_the_language_of_the_book() -> None:
    data = pls("<lexeme><grapheme>Caen</grapheme><phoneme>kɑ̃</phoneme></lexeme>", "")
    assert [entry.language for entry in parse_pls(data, "x.pls", "fr").lexicon.entries] == ["fr"]


def test_a_role_is_a_part_of_speech() -> None:
    body = (
        '<lexeme role="claws:VVD"><grapheme>read</grapheme><alias>red</alias></lexeme>'
        '<lexeme role="my:VB my:VBP"><grapheme>read</grapheme><alias>reed</alias></lexeme>'
        '<lexeme role="x:unheard"><grapheme>read</grapheme><alias>rid</alias></lexeme>'
    )
    entries = parse_pls(pls(body), "x.pls", "en").lexicon.entries
    assert [entry.pos for entry in entries] == ["past", "verb", "unheard"]
    assert [entry.source for entry in entries] == [f"x.pls: lexeme {number}" for number in (1, 2, 3)]


@pytest.mark.parametrize(
    ("data", "warning"),
    [
        (b"<lexicon><lexeme>", "cannot be used: b.pls: is not well-formed XML"),
        (b"", "cannot be used: b.pls"),
        (b"<html/>", "its root is <html>; a pronunciation lexicon begins with <lexicon>"),
        (pls("<lexeme><alias>x</alias></lexeme>"), "b.pls: lexeme 1: has no grapheme"),
        (pls("<lexeme><grapheme>x</grapheme></lexeme>"), "'x' has no phoneme and no alias"),
        (pls("<lexeme><grapheme>x</grapheme><phoneme>9</phoneme></lexeme>"), "'9' in '9' is no symbol"),
        (
            pls('<lexeme><grapheme>x</grapheme><phoneme alphabet="x-mine">9</phoneme></lexeme>'),
            "unknown alphabet 'x-mine'; known are ipa",
        ),
        (pls("<lexeme><grapheme>x</grapheme><alias>…</alias></lexeme>"), "holds no letter and no digit"),
    ],
)
def test_a_bad_lexicon_is_a_warning_in_a_book_and_an_error_in_a_job(tmp_path: Path, data: bytes, warning: str) -> None:
    good = b"<lexeme><grapheme>good</grapheme><alias>gud</alias></lexeme></lexicon>"
    book = parse_pls(data.replace(b"</lexicon>", good), "b.pls", "en")
    assert len(book.warnings) == 1
    assert warning in book.warnings[0]
    assert len(book.lexicon.entries) == (b"</lexicon>" in data)
    with pytest.raises(JobError) as error:
        read(tmp_path, "b.pls", data)
    assert "the book is damaged" not in str(error.value)


def test_many_bad_entries_are_told_in_few_words() -> None:
    assert len(parse_pls(pls("<lexeme><alias>x</alias></lexeme>" * 50), "b.pls", "en").warnings) == 6


def test_a_hostile_lexicon_reads_nothing_else(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("hidden")
    data = (
        f'<!DOCTYPE lexicon [<!ENTITY s SYSTEM "file://{secret}"><!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>'
        f"<lexicon><lexeme><grapheme>x&s;</grapheme><alias>y&b;</alias></lexeme></lexicon>"
    )
    assert "hidden" not in repr(parse_pls(data.encode(), "b.pls", "en"))


@settings(deadline=None)
@given(st.binary(max_size=80))
def test_no_bytes_stop_a_book(data: bytes) -> None:
    parse_pls(data, "b.pls", "en")
    parse_pls(b"<lexicon><lexeme><grapheme>" + data + b"</grapheme><alias>x</alias></lexeme></lexicon>", "b.pls", "en")


def test_toml(tmp_path: Path) -> None:
    text = """
[words]
Cholmondeley = "Chumley"
"St. John" = "/ˈsɪndʒɪn/"
"Yeats" = {said = "Yates", language = "en"}

[[entry]]
word = "read"
said = "red"
before = ["has", "had"]
case = true

[[entry]]
word = "Goethe"
x-sampa = 'g2:t@'
pos = "NNP"
"""
    entries = read(tmp_path, "words.toml", text)
    path = tmp_path / "words.toml"
    assert entries == (
        Entry("Cholmondeley", "Chumley", source=f"{path}:3"),
        Entry("St. John", phonemes="ipa:ˈsɪndʒɪn", source=f"{path}:4"),
        Entry("Yeats", "Yates", language="en", source=f"{path}:5"),
        Entry("read", "red", before="has,had", case=True, source=f"{path}:7"),
        Entry("Goethe", phonemes="ipa:ɡøːtə", pos="noun", source=f"{path}:13"),
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[words", "is not valid TOML"),
        ("[word]\na='b'", "unknown table 'word'; did you mean 'words'?"),
        ("words = 1", "'words' must be a table"),
        ("entry = 1", "'entry' must be a list of tables"),
        ("[words]\n\na = 1", ":3: 'a' must be a text in quotes, not 1"),
        ("[words]\na = ''", ":2: 'a' has nothing to be said as; give it 'said' or 'ipa'"),
        ("[[entry]]\nword='a'\nsayed='b'", ":1: unknown column 'sayed'; did you mean 'said'?"),
        ("[[entry]]\nsaid='b'", ":1: the word is empty"),
        ("[[entry]]\nword='a'\nipa='w9'", ":1: 'a': '9' in 'w9' is no symbol of the alphabet ipa"),
        ("[[entry]]\nword='a'\nsaid='b'\ncase='perhaps'", "'case' must be true or false, not 'perhaps'"),
        ("[[entry]]\nword='a'\nsaid='b'\nlanguage='english!'", "'english!' is no language tag"),
        ("[[entry]]\nword='a'\nsaid=['b']", "'said' must be a text in quotes"),
        ("[words]\na = '" + "b" * 201 + "'", "is longer than 200 characters"),
    ],
)
def test_what_is_wrong_in_toml_is_said(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(JobError) as error:
        read(tmp_path, "words.toml", text)
    assert message in str(error.value)
    assert str(error.value).startswith(str(tmp_path / "words.toml"))


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("w.csv", "word,said,language\nDvořák,Dvorzhock,en\n"),
        ("w.csv", "\ufeffword;said;language\r\n\r\n# a remark\r\nDvořák;Dvorzhock;en\r\n"),
        ("w.tsv", "Grapheme\tSaid As\tLang\nDvořák\tDvorzhock\ten\n"),
        ("w.csv", "said,word,language\nDvorzhock,Dvořák,en".encode("utf-16")),
        ("w.csv", 'word,said,language,pos\n"Dvořák","Dvorzhock",en\n'),
    ],
)
def test_tables(tmp_path: Path, name: str, data: str | bytes) -> None:
    assert [plain(entry) for entry in read(tmp_path, name, data)] == [("Dvořák", "Dvorzhock", "", "en")]


def test_a_table_from_an_old_editor(tmp_path: Path) -> None:
    assert read(tmp_path, "w.csv", "word,said,case\nAbbé,Abbay,yes".encode("cp1252"))[0] == Entry(
        "Abbé", "Abbay", case=True, source=f"{tmp_path / 'w.csv'}:2"
    )


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("w.csv", "", "is empty; the first line must name the columns"),
        ("w.csv", "Keats,Keets\n", ":1: the first line must name the columns"),
        ("w.csv", "word,said\nKeats,Keets,twice\n", ":2: has 3 fields for 2 columns"),
        ("w.csv", "word,said,langauge\nKeats,Keets,en\n", ":2: unknown column 'langauge'; did you mean 'language'?"),
        ("w.csv", "word,said\nKeats,\n", ":2: 'Keats' has nothing to be said as"),
        ("w.csv", b"word,said\0\x01\x02", "is not text"),
        ("w.docx", "", "a lexicon must end in .toml, .csv, .tsv, .pls, .xml"),
    ],
)
def test_what_is_wrong_in_a_table_is_said(tmp_path: Path, name: str, text: str | bytes, message: str) -> None:
    with pytest.raises(JobError) as error:
        read(tmp_path, name, text)
    assert message in str(error.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(JobError, match="there is no such lexicon"):
        read_lexicon(tmp_path / "none.toml")
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(JobError, match="cannot be read"):
        read_lexicon(tmp_path / "folder.csv")


@pytest.mark.parametrize("name", ["configs/lexicon.toml", "samples/lighthouse.pls"])
def test_the_examples_are_sound(name: str) -> None:
    words = read_lexicon(HOUSE / name)
    assert words.entries
    assert words.shadowed == ()
