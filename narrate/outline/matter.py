"""Tell front and back matter by its form, where the source does not mark it.

Conservative on purpose: at least two independent signs, only at the ends of a book, and the evidence is kept so that
the user can see it and overrule it. What is not recognised is read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from narrate.book import ChapterKind
from narrate.markup.passage import Passage, bare, holds_words, same_words
from narrate.outline.kinds import HEADS, SPOKEN_BACK, SPOKEN_FRONT

# How much text (letters and digits) each kind may hold at most; a chapter that merely says "copyright" is longer.
_SHORT = 1_200
_PAGE = 5_000
_LOOK = 20_000  # characters of a division that are looked at
_TITLE_LINE = 120  # characters of the longest line of a title page that bears another title than the book
_PROSE = 300  # a title page holds no paragraph this long

_PAGE_AT_END = re.compile(r"(?:(?<!\d)\d+|(?<![ivxlc])[ivxlc]+)\.?$", re.IGNORECASE)
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
    r"for sale|sold by|newsdealers|booksellers|send for|to order|\border\b.{0,80}\b(?:form|online|copies)\b|pre-?order",
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
_PRAISE_SIGN = re.compile(
    r"^\s*[—–-]{1,2}\s*\S|[”\"»]\s*[—–-]{1,2}\s*\S|\bauthor of\b|\breview\b|\btimes\b", re.MULTILINE
)
_NEWSLETTER = (
    r"newsletter|mailing list|e-?mail list|liste de diffusion|boletín|rundbrief",
    r"sign(?:ing)? up|subscribe|join (?:us|our|my|the)|abonn|anmelden|inscri|suscr|iscriv",
    r"https?://|www\.|[\w.]@[\w.]{1,255}\.\w|[\w-]\.(?:com|org|net)\b",
    r"free (?:book|novella|story|e-?book)|exclusive|special offers|giveaways|updates|new releases",
)
_PREVIEW_SIGN = (
    r"coming (?:soon|in|next)|available (?:now|soon|in|from|wherever)|on sale|pre-?order|next (?:book|novel|instalment)"
    r"|bald erhältlich|jetzt erhältlich|disponible|disponibile|disponível|\bbuy\b"
)
_WORK = re.compile(
    r"\b(?:1[5-9]|20)\d\d[a-z]?\b|\bpp?\. ?\d|\bvols?\.|\beds?\.|https?://|\bdoi\b|\bISBN\b|\bhg\.|\bpress\b",
    re.IGNORECASE,
)
_COLOPHON_SIGN = (
    r"typeset|typeface|\bfont\b|\bset in\b|gesetzt (?:aus|in)|composé en",
    r"cover (?:design|art|image|photo)|book design|umschlag|couverture|layout",
    r"e-?book (?:by|production|conversion|design|edition)|\bepub\b|converted (?:by|with)|produced (?:by|for|with)",
    r"version \d|\bprinted\b|proofread",
)
_OPENING = re.compile(
    r"(?:for|to|in (?:loving )?memory of|dedicated to|this (?:book )?is for|für|dem|der|den|meine[mrn]?|in erinnerung"
    r"|gewidmet|à|pour|au|aux|à la mémoire|a|al|para|per|alla|ai|voor|aan|till|til|dla|pamięci|для|посвящается)\s",
    re.IGNORECASE,
)
_DEDICATION = 150  # letters and digits
_SORTED = 0.85
_INDEX_LINES, _INDEX_LINKS = 4, 0.4  # so many lines, and such a share of their letters in links


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of the book before its matter is told apart."""

    title: str = ""
    authors: tuple[str, ...] = ()
    labels: frozenset[str] = frozenset()  # the titles in the contents, bare
    hints: Mapping[int, frozenset[ChapterKind]] = field(default_factory=dict)  # what the names of whole pages hint at


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
    hints: frozenset[ChapterKind]
    has_heading: bool


Guess = tuple[ChapterKind, str]


def guess_kind(label: str, passages: Sequence[Passage], known: Known, *, front: bool, listed: bool) -> Guess | None:
    """The kind of a division at the front or the back of a book and the evidence, or None: read it."""
    seen = _look(label, passages, listed, known)
    if not seen.letters:
        return None
    for judge in _FRONT if front else _BACK:
        found = judge(seen, known)
        if found:
            return found
    return None


def _look(label: str, passages: Sequence[Passage], listed: bool, known: Known) -> _Text:
    texts = tuple(passage.block.text for passage in passages if passage.block.text and passage.block.kind != "note")
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
        known.hints.get(passages[0].document, frozenset()) if _one_page(passages) else frozenset(),
        heading != "",
    )


def _one_page(passages: Sequence[Passage]) -> bool:
    return bool(passages) and len({passage.document for passage in passages}) == 1


def _headed(seen: _Text, kind: str) -> str:
    """How the division is called what it may be: by its title, its heading, or the name its page has in the source."""
    for text in (seen.label, seen.heading):
        if HEADS[kind].fullmatch(text.strip(" .:*")):
            return f"headed “{text}”"
    return f"its page is called “{kind}”" if kind in seen.hints else ""


def _spoken(seen: _Text, known: Known, kinds: Sequence[ChapterKind]) -> Guess | None:
    """Kinds that are read all the same: a name is evidence enough."""
    return next(((kind, evidence) for kind in kinds if (evidence := _headed(seen, kind))), None)


def _spoken_front(seen: _Text, known: Known) -> Guess | None:
    return _spoken(seen, known, SPOKEN_FRONT) or _dedication(seen)


def _spoken_back(seen: _Text, known: Known) -> Guess | None:
    return _spoken(seen, known, SPOKEN_BACK)


def _dedication(seen: _Text) -> Guess | None:
    opening = _OPENING.match(seen.text)
    if opening and seen.letters <= _DEDICATION and not seen.listed and not seen.has_heading:
        return "dedication", f"a short page that begins “{opening.group().strip()}”"
    return None


def _half_title(seen: _Text, known: Known) -> Guess | None:
    if seen.letters <= _PROSE and same_words(seen.text, known.title):
        return "halftitle", "holds the book's title and nothing else, before the text"
    return None


def _title_page(seen: _Text, known: Known) -> Guess | None:
    if any(_headed(seen, kind) for kind in ("copyright", *SPOKEN_FRONT)):
        return None
    short = seen.letters <= _SHORT and all(len(text) <= _PROSE for text in seen.blocks)
    lines = all(len(text) <= _TITLE_LINE for text in seen.blocks)
    titled = holds_words(seen.text, _main(known.title)) or (lines and holds_words(seen.text, seen.label))
    if "titlepage" in seen.hints and short and holds_words(seen.text, _main(known.title)):
        return "titlepage", "short, with the book's title, and its page is called “titlepage”"
    named = any(holds_words(seen.text, author) for author in known.authors)
    if short and titled and (named or _BY.search(seen.text)):
        return "titlepage", "short, with the book's title and " + ("its author" if named else "an imprint")
    return None


def _contents(seen: _Text, known: Known) -> Guess | None:
    headed = _headed(seen, "contents")
    lines = [line for text in seen.blocks for line in text.split("\n") if line != seen.heading]
    if not lines:
        return None
    numbered = sum(bool(_PAGE_AT_END.search(line)) for line in lines) / len(lines)
    named = sum(bare(line) in known.labels for line in lines) / len(lines)
    linked = seen.linked / seen.letters
    signs = {"lines end in page numbers": numbered, "lines are links": linked, "lines are chapter titles": named}
    strong = [sign for sign, share in signs.items() if share >= 0.6]
    if headed and strong:
        return "contents", f"{headed}, {strong[0]}"
    if len(lines) >= 5 and len(strong) >= 2:
        return "contents", " and ".join(strong)
    return None


def _copyright(seen: _Text, known: Known) -> Guess | None:
    signs = _matches(_COPYRIGHT_SIGNS, seen.text)
    labelled = _headed(seen, "copyright")
    if seen.letters <= _PAGE and len(signs) + bool(labelled) >= 2 and (signs and (labelled or len(signs) >= 2)):
        return "copyright", "a short page that says " + " and ".join(f"“{sign}”" for sign in signs[:3])
    return None


def _licence(seen: _Text, known: Known) -> Guess | None:
    signs = _matches(_LEGAL_SIGNS, seen.text)
    if re.search(r"licen[cs]e", seen.label + " " + seen.heading, re.IGNORECASE) and len(signs) >= 2:
        return "licence", "headed as a licence, and says " + " and ".join(f"“{sign}”" for sign in signs[:2])
    return None


def _advertisement(seen: _Text, known: Known) -> Guess | None:
    """Other books for sale: only what the contents do not list, or list under such a name."""
    signs = _matches(_ADVERTISEMENT_SIGNS, seen.text)
    titles = len(_LIST_LINE.findall(seen.text)) >= 5
    label = _matches(_ADVERTISEMENT_SIGNS[2:3], seen.label)
    headed = _headed(seen, "advertisement")
    if seen.listed and not label and not headed:
        return None
    evidence = [f"“{sign}”" for sign in signs[:3]] + ["a list of titles"] * titles
    long = [text for text in seen.blocks if len(text) > 500 and len(_LIST_LINE.findall(text)) < 5]
    prose = sum(map(len, long)) / max(1, len(seen.text))
    if len(evidence) >= 2 and prose < 0.5:
        return "advertisement", "after or before the listed chapters, with " + " and ".join(evidence)
    lines = [line for text in seen.blocks for line in text.split("\n") if line not in (seen.heading, seen.label)]
    if headed and lines and not long and seen.letters <= _PAGE:
        if len(lines) >= 2 and all(len(line) <= 100 for line in lines):
            return "advertisement", f"{headed}, and a list of short lines"
        if len(_PRAISE_SIGN.findall(seen.text)) >= 2:
            return "advertisement", f"{headed}, and quotations with their sources"
    return None


def _newsletter(seen: _Text, known: Known) -> Guess | None:
    signs = _matches(_NEWSLETTER, seen.text)
    if seen.listed and not _headed(seen, "advertisement"):
        return None
    if seen.letters <= _SHORT and len(signs) >= 3:
        return "advertisement", "a short page with " + " and ".join(f"“{sign}”" for sign in signs[:3])
    return None


def _preview(seen: _Text, known: Known) -> Guess | None:
    headed = HEADS["preview"].fullmatch(seen.heading) or HEADS["preview"].fullmatch(seen.label)
    sign = re.search(_PREVIEW_SIGN, seen.text[:1_000] + seen.text[-300:], re.IGNORECASE)
    if headed and sign:
        return "advertisement", f"headed “{headed.group()}”, and says “{sign.group()}”"
    return None


def _colophon(seen: _Text, known: Known) -> Guess | None:
    signs = _matches(_COLOPHON_SIGN, seen.text)
    named = re.fullmatch(
        r"colophon|kolophon|achevé d.imprimer|colofón|colofão", seen.heading or seen.label, re.IGNORECASE
    )
    called = "colophon" in seen.hints
    if seen.letters <= _PAGE and signs and (named or called):
        how = f"headed “{named.group()}”" if named else "its page is called “colophon”"
        return "colophon", f"{how}, and says “{signs[0]}”"
    return None


def _transcriber(seen: _Text, known: Known) -> Guess | None:
    headed = _TRANSCRIBER_HEAD.match(seen.heading) or _TRANSCRIBER_HEAD.match(seen.label)
    says = _TRANSCRIBER_SIGN.search(seen.text)
    if (headed and (says or seen.transcriber)) or (seen.transcriber and says):
        return "colophon", "a transcriber's note: headed so" if headed else "a transcriber's note: marked so"
    return None


def _index(seen: _Text, known: Known) -> Guess | None:
    lines = [line for text in seen.blocks for line in text.split("\n") if line != seen.heading]
    headed = _headed(seen, "index")
    if not headed or not lines:
        return None
    if sum(bool(_PAGE_AT_END.search(line)) for line in lines) / len(lines) >= 0.6:
        return "index", f"{headed}, and its lines end in page numbers"
    if len(lines) >= _INDEX_LINES and seen.linked >= _INDEX_LINKS * seen.letters:
        return "index", f"{headed}, and its lines are links"
    entries = [bare(line) for line in lines if len(line) <= 200 and len(bare(line)) > 1]
    if len(entries) >= 8 and len(entries) >= 0.9 * len(lines) and _in_order(entries) >= _SORTED:
        return "index", f"{headed}, and its lines stand in the order of the alphabet"
    return None


def _in_order(entries: Sequence[str]) -> float:
    return sum(one <= other for one, other in pairwise(entries)) / max(1, len(entries) - 1)


def _bibliography(seen: _Text, known: Known) -> Guess | None:
    headed = _headed(seen, "bibliography")
    entries = [text for text in seen.blocks if text not in (seen.heading, seen.label)]
    works = sum(bool(_WORK.search(text)) for text in entries)
    if headed and entries and works >= 0.6 * len(entries):
        return "bibliography", f"{headed}, and its entries have years or pages"
    return None


def _notes(seen: _Text, known: Known) -> Guess | None:
    headed = _headed(seen, "notes")
    if headed and seen.notes and seen.notes >= 0.6 * (seen.notes + len(seen.blocks) - 1):
        return "notes", f"{headed}, and the text refers to them"
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
    _colophon,
    _advertisement,
    _newsletter,
    _spoken_front,
)
_BACK: tuple[_Judge, ...] = (
    _transcriber,
    _notes,
    _index,
    _bibliography,
    _contents,
    _copyright,
    _licence,
    _colophon,
    _preview,
    _advertisement,
    _newsletter,
    _spoken_back,
)
