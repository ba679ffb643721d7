"""Tell front and back matter by its form, where the source does not mark it.

Conservative on purpose: at least two independent signs, only at the ends of a book, and the evidence is kept so that
the user can see it and overrule it. What is not recognised is read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from narrate.book import ChapterKind
from narrate.markup.passage import Passage, bare, holds_words, same_words

# How much text (letters and digits) each kind may hold at most; a chapter that merely says "copyright" is longer.
_SHORT = 1_200
_PAGE = 5_000
_LOOK = 20_000  # characters of a division that are looked at
_PROSE = 300  # a title page holds no paragraph this long

_CONTENTS_HEAD = re.compile(
    r"(?:table of )?contents|contents of .*|table des matières|sommaire|inhalt(?:sverzeichnis)?|índice|indice|sommario"
    r"|inhoud(?:sopgave)?|innehåll|spis treści|содержание|目次|目录|list of (?:illustrations|plates|figures|tables)",
    re.IGNORECASE,
)
_PAGE_AT_END = re.compile(r"(?:\d+|[ivxlc]+)\.?$", re.IGNORECASE)
_COPYRIGHT_SIGNS = (
    r"©|\(c\) ?\d{4}|\bcopyright\b",
    r"all rights reserved|tous droits réservés|alle rechte vorbehalten",
    r"\be?isbn\b",
    r"first (?:published|printed)|first edition|published (?:in|by)|publishers?\b",
    r"printed in|printing|edition",
    r"library of congress|british library|cataloguing|cataloging|act of congress|clerk.s office",
    r"no part of this|reproduced|without (?:the )?(?:prior )?(?:written )?permission",
)
_ADVERTISEMENT_SIGNS = (
    r"[$£€] ?\d|\bcents\b|\bprice\b|post-?paid|\b\d+s\. ?\d+d\b",
    r"for sale|sold by|newsdealers|booksellers|send for|to order|\border\b.*\b(?:form|online|copies)\b|pre-?order",
    r"also by|by the same author|other (?:books|works|titles)|now ready|in press|just published|coming soon|"
    r"new (?:books|novels|series|works)|(?:books|novels|series|works) by",
    r"catalogue|publishers?\b|newsletter|sign up|visit (?:us|our)",
)
_LIST_LINE = re.compile(r"\b(?:by|BY|By)\s+[A-Z]|^(?:no\. ?)?\d+\s*[—.:)-]", re.MULTILINE)
_TRANSCRIBER_HEAD = re.compile(r"transcriber.?s.? notes?|transcription notes?", re.IGNORECASE)
_TRANSCRIBER_SIGN = re.compile(
    r"corrected|changed to|retained|hyphenation|punctuation|spelling|created by the transcriber", re.IGNORECASE
)
_BY = re.compile(
    r"^by\b|\bby$|translated|illustrated|edited|publish|press\b|& (?:co|sons)\b", re.IGNORECASE | re.MULTILINE
)
_LEGAL_SIGNS = (r"licen[cs]e", r"creative commons|public domain|gutenberg", r"distribut|copyright|permission")
_INDEX_HEAD = re.compile(r"(?:general )?index(?: of .*)?|register|índice alfabético", re.IGNORECASE)
_NOTES_HEAD = re.compile(r"(?:end|foot)?notes|anmerkungen|notas|note", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of the book before its matter is told apart."""

    title: str = ""
    authors: tuple[str, ...] = ()
    labels: frozenset[str] = frozenset()  # the titles in the contents, bare


@dataclass(frozen=True, slots=True)
class _Text:
    label: str
    heading: str
    blocks: tuple[str, ...]
    text: str
    letters: int
    linked: int
    listed: bool
    notes: int
    transcriber: bool


Guess = tuple[ChapterKind, str]


def guess_kind(label: str, passages: Sequence[Passage], known: Known, *, front: bool, listed: bool) -> Guess | None:
    """The kind of a division at the front or the back of a book and the evidence, or None: read it."""
    seen = _look(label, passages, listed)
    if not seen.letters:
        return None
    for judge in _FRONT if front else _BACK:
        found = judge(seen, known)
        if found:
            return found
    return None


def _look(label: str, passages: Sequence[Passage], listed: bool) -> _Text:
    texts = tuple(passage.block.text for passage in passages if passage.block.text)
    heading = next((passage.block.text for passage in passages if passage.level), "")
    return _Text(
        label,
        heading or (texts[0] if texts else ""),
        texts,
        "\n".join(texts)[:_LOOK],
        sum(passage.letters for passage in passages),
        sum(passage.linked for passage in passages),
        listed,
        sum(passage.block.kind == "note" for passage in passages),
        any(passage.transcriber for passage in passages),
    )


def _half_title(seen: _Text, known: Known) -> Guess | None:
    if seen.letters <= _PROSE and same_words(seen.text, known.title):
        return "halftitle", "holds the book's title and nothing else, before the text"
    return None


def _title_page(seen: _Text, known: Known) -> Guess | None:
    short = seen.letters <= _SHORT and all(len(text) <= _PROSE for text in seen.blocks)
    titled = holds_words(seen.text, _main(known.title)) or holds_words(seen.text, seen.label)
    named = any(holds_words(seen.text, author) for author in known.authors)
    if short and titled and (named or _BY.search(seen.text)):
        return "titlepage", "short, with the book's title and " + ("its author" if named else "an imprint")
    return None


def _contents(seen: _Text, known: Known) -> Guess | None:
    headed = next((text for text in (seen.heading, seen.label) if _CONTENTS_HEAD.fullmatch(text.strip(" .:"))), "")
    lines = [line for text in seen.blocks for line in text.split("\n") if line != seen.heading]
    if not lines:
        return None
    numbered = sum(bool(_PAGE_AT_END.search(line)) for line in lines) / len(lines)
    named = sum(bare(line) in known.labels for line in lines) / len(lines)
    linked = seen.linked / seen.letters
    signs = {"lines end in page numbers": numbered, "lines are links": linked, "lines are chapter titles": named}
    strong = [sign for sign, share in signs.items() if share >= 0.6]
    if headed and strong:
        return "contents", f"headed “{headed}”, {strong[0]}"
    if len(lines) >= 5 and len(strong) >= 2:
        return "contents", " and ".join(strong)
    return None


def _copyright(seen: _Text, known: Known) -> Guess | None:
    signs = _matches(_COPYRIGHT_SIGNS, seen.text)
    labelled = re.fullmatch(r"copyright(?: page| notice| information)?|imprint|impressum", seen.label, re.IGNORECASE)
    if seen.letters <= _PAGE and len(signs) + bool(labelled) >= 2 and (signs and (labelled or len(signs) >= 2)):
        return "copyright", "a short page that says " + " and ".join(f"“{sign}”" for sign in signs[:3])
    return None


def _licence(seen: _Text, known: Known) -> Guess | None:
    signs = _matches(_LEGAL_SIGNS, seen.text)
    if re.search(r"licen[cs]e", seen.label + " " + seen.heading, re.IGNORECASE) and len(signs) >= 2:
        return "licence", "headed as a licence, and says " + " and ".join(f"“{sign}”" for sign in signs[:2])
    return None


def _advertisement(seen: _Text, known: Known) -> Guess | None:
    """Only what the contents do not list, or list under such a name."""
    signs = _matches(_ADVERTISEMENT_SIGNS, seen.text)
    titles = len(_LIST_LINE.findall(seen.text)) >= 5
    label = _matches(_ADVERTISEMENT_SIGNS[2:3], seen.label)
    if seen.listed and not label:
        return None
    evidence = [f"“{sign}”" for sign in signs[:3]] + ["a list of titles"] * titles
    long = [text for text in seen.blocks if len(text) > 500 and len(_LIST_LINE.findall(text)) < 5]
    prose = sum(map(len, long)) / max(1, len(seen.text))
    if len(evidence) >= 2 and prose < 0.5:
        return "advertisement", "after or before the listed chapters, with " + " and ".join(evidence)
    return None


def _transcriber(seen: _Text, known: Known) -> Guess | None:
    headed = _TRANSCRIBER_HEAD.match(seen.heading) or _TRANSCRIBER_HEAD.match(seen.label)
    says = _TRANSCRIBER_SIGN.search(seen.text)
    if (headed and (says or seen.transcriber)) or (seen.transcriber and says):
        return "colophon", "a transcriber's note: headed so" if headed else "a transcriber's note: marked so"
    return None


def _index(seen: _Text, known: Known) -> Guess | None:
    lines = [line for text in seen.blocks for line in text.split("\n") if line != seen.heading]
    headed = _INDEX_HEAD.fullmatch(seen.heading) or _INDEX_HEAD.fullmatch(seen.label)
    if headed and lines and sum(bool(re.search(r"\d$", line)) for line in lines) / len(lines) >= 0.6:
        return "index", "headed as an index, and its lines end in page numbers"
    return None


def _notes(seen: _Text, known: Known) -> Guess | None:
    headed = _NOTES_HEAD.fullmatch(seen.heading) or _NOTES_HEAD.fullmatch(seen.label)
    if headed and seen.notes and seen.notes >= 0.6 * (len(seen.blocks) - 1):
        return "notes", "headed as notes, and the text refers to them"
    return None


def _matches(signs: Sequence[str], text: str) -> list[str]:
    found = (re.search(sign, text, re.IGNORECASE) for sign in signs)
    return [match.group() for match in found if match]


def _main(title: str) -> str:
    """The main title, without what follows a colon, a semicolon or a slash."""
    return re.split(r"\s*[:;/]\s*", title)[0]


_Judge = Callable[[_Text, Known], Guess | None]
_FRONT: tuple[_Judge, ...] = (
    _half_title,
    _contents,
    _title_page,
    _copyright,
    _licence,
    _transcriber,
    _advertisement,
)
_BACK: tuple[_Judge, ...] = (_transcriber, _notes, _index, _contents, _copyright, _licence, _advertisement)
