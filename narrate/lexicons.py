"""Lexicons in files: PLS (W3C, the Pronunciation Lexicon Specification 1.0), TOML, and tables (CSV, TSV).

What is wrong in a user's own file is a JobError with the file, the line and what to do. A book's own lexicon never
stops a book: what cannot be read of it is left out, with a warning.
"""

from __future__ import annotations

import csv
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from narrate.book import LANGUAGE_TAG, Book
from narrate.errors import JobError, SourceError
from narrate.settings import guess
from narrate.text.lexicon import Entry, Lexicon, layered, lexicon
from narrate.text.phonemes import ipa_of

if TYPE_CHECKING:
    from lxml import etree

LONGEST = 200
"""Characters of a word, or of what is said for it: more is no word, and a misread file."""
MOST = 200_000
"""Entries of one file; the largest dictionaries of English have 130,000."""

_COLUMNS = ("word", "said", "ipa", "x-sampa", "arpabet", "language", "pos", "case", "before", "after")
_ALSO = {
    "grapheme": "word", "alias": "said", "said as": "said", "say": "said", "respelling": "said", "phonemes": "ipa",
    "phoneme": "ipa", "lang": "language", "part of speech": "pos", "role": "pos", "xsampa": "x-sampa",
}  # fmt: skip
"""Other names that tables in use give to columns."""
_TRUTH = {"": None, "true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
_IN_SLASHES = re.compile(r"/([^/]+)/")

_SPEECH_PARTS = (
    ("past", re.compile(r"(?:[vV][vV]?[bBdDhH]?[DN]|past|participle|past participle)", re.IGNORECASE)),
    ("verb", re.compile(r"(?:v|vv\w*|vb\w*|verb)", re.IGNORECASE)),
    ("noun", re.compile(r"(?:n|nn\w*|np\w*|noun|name|nnp)", re.IGNORECASE)),
    ("adjective", re.compile(r"(?:a|adj|aj\w*|jj\w*|adjective)", re.IGNORECASE)),
)
"""Names of parts of speech in use (Penn, CLAWS, plain English), and what the house calls them."""


class Read(NamedTuple):
    """A lexicon, and sentences about what of it could not be read."""

    lexicon: Lexicon
    warnings: tuple[str, ...] = ()


def lexicon_for(book: Book, paths: Sequence[Path]) -> Read:
    """The book's own lexicons, over them those of the user, the last strongest; and what of the book's is of no use."""
    own = [parse_pls(data, name, book.meta.language) for name, data in book.lexicons]
    layers = [*(found.lexicon for found in own), *map(read_lexicon, paths)]
    return Read(layered(*layers), tuple(warning for found in own for warning in found.warnings))


def read_lexicon(path: Path) -> Lexicon:
    """The lexicon in a file of the user's, by its suffix; JobError for whatever is wrong in it."""
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise JobError(f"{path}: a lexicon must end in {', '.join(_READERS)}")
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise JobError(f"{path}: there is no such lexicon") from error
    except OSError as error:
        raise JobError(f"{path}: the lexicon cannot be read: {error.strerror or error}") from error
    try:
        entries = tuple(reader(data, str(path)))
    except SourceError as error:
        raise JobError(_plain(error)) from error
    if len(entries) > MOST:
        raise JobError(f"{path}: has {len(entries):,} entries; a lexicon may have {MOST:,}")
    return lexicon(entries)


def parse_pls(data: bytes, name: str, language: str = "") -> Read:
    """A book's own lexicon. ``language`` holds where the document names none. Never fails: see ``warnings``."""
    warnings: list[str] = []
    entries: list[Entry] = []
    try:
        for entry in _pls_entries(data, name, language):
            if isinstance(entry, JobError):
                warnings.append(f"{entry}; the entry is left out")
            else:
                entries.append(entry)
            if len(entries) >= MOST:
                warnings.append(f"{name}: has more than {MOST:,} entries; the rest are left out")
                break
    except SourceError as error:
        warnings.append(f"the pronunciation lexicon cannot be used: {_plain(error)}")
    return Read(lexicon(entries), tuple(_short(warnings)))


def _plain(error: SourceError) -> str:
    """The reason, without what it would mean for a book."""
    return str(error).removesuffix("; the book is damaged")


def _short(warnings: list[str], most: int = 5) -> list[str]:
    more = len(warnings) - most
    return warnings if more <= 1 else [*warnings[:most], f"and {more} more like these"]


# PLS.


def _pls(data: bytes, name: str) -> Iterator[Entry]:
    for entry in _pls_entries(data, name, ""):
        if isinstance(entry, JobError):
            raise entry
        yield entry


def _pls_entries(data: bytes, name: str, language: str) -> Iterator[Entry | JobError]:
    """The entries of a document, or in place of one the reason why it cannot be used."""
    from narrate.markup.parse import parse_xml

    root = parse_xml(data, name)
    if _local(root) != "lexicon":
        raise SourceError(f"{name}: its root is <{_local(root)}>; a pronunciation lexicon begins with <lexicon>")
    tongue = _attribute(root, "lang") or language
    alphabet = _attribute(root, "alphabet") or "ipa"
    lexemes = (element for element in root if _local(element) == "lexeme")
    for number, lexeme in enumerate(lexemes, 1):
        where = f"{name}: lexeme {number}"
        try:
            yield from _lexeme(lexeme, alphabet, _attribute(lexeme, "lang") or tongue, where)
        except JobError as error:
            yield error


def _lexeme(lexeme: etree._Element, alphabet: str, language: str, where: str) -> Iterator[Entry]:
    """An entry for each grapheme. The preferred pronunciation counts, or the first; an alias stays beside phonemes."""
    graphemes = [element for element in lexeme if _local(element) == "grapheme"]
    spoken = [element for element in lexeme if _local(element) in ("phoneme", "alias") and _text(element)]
    if not graphemes:
        raise JobError(f"{where}: has no grapheme; write the word as it stands in the text")
    if not spoken:
        raise JobError(f"{where}: {_text(graphemes[0])!r} has no phoneme and no alias; say how it is pronounced")
    chosen = next((one for one in spoken if _attribute(one, "prefer") in ("true", "1")), spoken[0])
    aliases = [chosen] if _local(chosen) == "alias" else [one for one in spoken if _local(one) == "alias"]
    fields = {"said": _text(aliases[0]) if aliases else "", "language": language}
    if _local(chosen) == "phoneme":
        fields["phonemes"] = f"{_attribute(chosen, 'alphabet') or alphabet}:{_text(chosen)}"
    fields["pos"] = (_attribute(lexeme, "role").split() or [""])[0].rpartition(":")[2]
    for grapheme in graphemes:
        tongue = _attribute(grapheme, "lang") or language
        yield _entry({**fields, "word": _text(grapheme), "language": tongue}, where)


def _local(element: etree._Element) -> str:
    return str(element.tag).rpartition("}")[2].lower()


def _text(element: etree._Element) -> str:
    return " ".join("".join(map(str, element.itertext())).split())


def _attribute(element: etree._Element, name: str) -> str:
    """An attribute by its name, in whatever namespace."""
    for key, value in element.items():
        if str(key).rpartition("}")[2] == name:
            return str(value).strip()
    return ""


# TOML.


def _toml(data: bytes, name: str) -> Iterator[Entry]:
    text = _decoded(data, name)
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise JobError(f"{name}: is not valid TOML: {error}") from error
    for key in table:
        if key not in ("words", "entry"):
            raise JobError(f"{name}: unknown table {key!r}; {guess(key, ('words', 'entry'))}")
    words, entries = table.get("words", {}), table.get("entry", [])
    if not isinstance(words, dict):
        raise JobError(f'{name}: \'words\' must be a table, such as [words] "Worcester" = "Wooster"')
    if not isinstance(entries, list) or not all(isinstance(item, dict) for item in entries):
        raise JobError(f"{name}: 'entry' must be a list of tables; begin each with [[entry]]")
    for word, said in words.items():
        where = f"{name}{_line(text, word)}"
        if isinstance(said, dict):
            yield _entry(_fields({**said, "word": word}, where), where)
        elif isinstance(said, str):
            slashed = _IN_SLASHES.fullmatch(said.strip())
            yield _entry({"word": word, **({"phonemes": f"ipa:{slashed[1]}"} if slashed else {"said": said})}, where)
        else:
            raise JobError(f"{where}: {word!r} must be a text in quotes, not {said!r}")
    starts = [number for number, line in enumerate(text.splitlines(), 1) if re.match(r"\s*\[\[\s*entry", line)]
    for number, item in enumerate(entries):
        where = f"{name}:{starts[number]}" if len(starts) == len(entries) else f"{name}: entry {number + 1}"
        yield _entry(_fields(item, where), where)


def _line(text: str, word: str) -> str:
    """ ":12" where a key of the table of words begins its line, or ""."""
    key = re.compile(rf"""\s*["']?{re.escape(word)}["']?\s*=""")
    return next((f":{number}" for number, line in enumerate(text.splitlines(), 1) if key.match(line)), "")


# Tables.


def _csv(data: bytes, name: str) -> Iterator[Entry]:
    text = _decoded(data, name)
    header = text.partition("\n")[0]
    return _table(text, name, max(",;\t", key=header.count))


def _tsv(data: bytes, name: str) -> Iterator[Entry]:
    return _table(_decoded(data, name), name, "\t")


def _table(text: str, name: str, delimiter: str) -> Iterator[Entry]:
    rows = csv.reader(text.splitlines(keepends=True), delimiter=delimiter)
    header: list[str] = []
    try:
        for row in rows:
            cells = [cell.strip() for cell in row]
            if not any(cells) or cells[0].startswith("#"):
                continue
            where = f"{name}:{rows.line_num}"
            if not header:
                header = [cell.lower() for cell in cells]
                if "word" not in map(_column, header):
                    raise JobError(f"{where}: the first line must name the columns, such as word,said,language")
                continue
            if len(cells) > len(header) and any(cells[len(header) :]):
                raise JobError(f"{where}: has {len(cells)} fields for {len(header)} columns; put quotes around a comma")
            yield _entry(_fields(dict(zip(header, cells, strict=False)), where), where)
    except csv.Error as error:
        raise JobError(f"{name}:{rows.line_num}: is no table: {error}") from error
    if not header:
        raise JobError(f"{name}: is empty; the first line must name the columns, such as word,said,language")


def _decoded(data: bytes, name: str) -> str:
    from narrate.markup.parse import decode_text

    return decode_text(data, name)[0]


# One entry.


def _column(name: str) -> str:
    return _ALSO.get(name.strip().lower().replace("_", " "), name.strip().lower())


def _fields(given: Mapping[str, Any], where: str) -> dict[str, Any]:
    """A row's or table's values under the names of ``Entry``; JobError for an unknown or wrong one."""
    fields: dict[str, Any] = {}
    for key, value in given.items():
        column = _column(key)
        if column not in _COLUMNS:
            raise JobError(f"{where}: unknown column {key!r}; {guess(column, _COLUMNS)}")
        if column == "case":
            value = _truth(value, where)
        elif column in ("before", "after") and isinstance(value, list) and all(isinstance(one, str) for one in value):
            value = ",".join(value)
        elif not isinstance(value, str):
            raise JobError(f"{where}: {key!r} must be a text in quotes, not {value!r}")
        if column in ("ipa", "x-sampa", "arpabet"):
            if value.strip():
                fields["phonemes"] = f"{column}:{value.strip().strip('/[]')}"
        else:
            fields[column] = value
    return fields


def _truth(value: Any, where: str) -> bool | None:
    known = str(value).strip().lower()
    if known not in _TRUTH:
        raise JobError(f"{where}: 'case' must be true or false, not {value!r}")
    return _TRUTH[known]


def _entry(fields: Mapping[str, Any], where: str) -> Entry:
    """A checked entry; its phonemes in IPA, whatever they were written in."""
    values = {name: " ".join(value.split()) for name, value in fields.items() if isinstance(value, str)}
    word, said, language = (values.get(name, "") for name in ("word", "said", "language"))
    if not word:
        raise JobError(f"{where}: the word is empty; write it as it stands in the text")
    if max(len(word), len(said)) > LONGEST:
        raise JobError(f"{where}: {word[:30]!r}… is longer than {LONGEST} characters; an entry is a word or a name")
    ipa = ""
    if values.get("phonemes"):
        try:
            ipa, reading = ipa_of(values["phonemes"])
        except ValueError as error:
            raise JobError(f"{where}: {word!r}: {error}") from error
        said = said or reading
    if not said and not ipa:
        raise JobError(f"{where}: {word!r} has nothing to be said as; give it 'said' or 'ipa'")
    if said and not any(map(str.isalnum, said)):
        raise JobError(f"{where}: {word!r} would be said as {said!r}, which holds no letter and no digit")
    if language and not LANGUAGE_TAG.fullmatch(language):
        raise JobError(f"{where}: language {language!r} is no language tag; write for example en or pt-BR")
    pos = values.get("pos", "")
    return Entry(
        word=word,
        said=said,
        phonemes=f"ipa:{ipa}" if ipa else "",
        language=language,
        case=fields.get("case"),
        before=values.get("before", ""),
        after=values.get("after", ""),
        pos=next((name for name, known in _SPEECH_PARTS if known.fullmatch(pos)), pos),
        source=where,
    )


_READERS: dict[str, Callable[[bytes, str], Iterator[Entry]]] = {
    ".toml": _toml,
    ".csv": _csv,
    ".tsv": _tsv,
    ".pls": _pls,
    ".xml": _pls,
}
