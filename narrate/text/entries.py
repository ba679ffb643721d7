"""Entries of a lexicon, and where they hold in a text.

An entry holds for whole words. Its capitals must be capitals in the text, its small letters may be either ("Job" is
not found in "job", "SQL" not in "sql", "read" is found in "Read" and "READ"), unless ``case`` says otherwise.
Typographic apostrophes, hyphens and blanks are as good as typed ones. Where several entries could begin at a word, the
longest is taken; among equals one of a later layer, then the more particular one, then the later one.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
"""Scripts written without blanks: Thai, Lao, Burmese, Khmer, kana and Han. There a word may begin anywhere."""
_TOKEN = re.compile(f"[^\\W_{_UNSPACED}]+")
_IS_UNSPACED = re.compile(f"[{_UNSPACED}]")
_VARIANTS = {"'": "['’ʼ]", "-": "[-‐‑]", " ": r"\s+"}
TYPED = str.maketrans({"’": "'", "ʼ": "'", "‘": "'", "‐": "-", "‑": "-", "\u00a0": " "})
POSSESSIVE = re.compile("(?i)['’]s(?![^\\W_])")
OURS = ("", "en")
"""Languages that are, or may be, English."""
_ELIDING = frozenset(("fr", "it", "ca", "oc", "pms", "wa"))
"""Languages where a letter and an apostrophe stand before a word: l’hôpital."""
_BEFORE = re.compile(r"([^\W_]+(?:['’-][^\W_]+)*)[\s“‘\"(-]*$")
_AFTER = re.compile(r"[\s”’\",)-]*([^\W_]+(?:['’-][^\W_]+)*)")
_IN_FIGURE = re.compile(r"\d[.,]\d")
_NEAR = 48
"""Characters in which the word before or after is looked for."""
_NAME = 5
"""Letters from which a name is also found with a plural's s: shorter ones would be found in other words."""

_SPEECH_PARTS = {
    "noun": "a an the this that these those my your his her its our their some any no each every of in with from by",
    "verb": "to will would can could shall should may might must do does did don't not i you we they who let please",
    "past": "has have had having was were been be is are being he she it i've we've they've i'd he'd she'd never",
    "adjective": "very too so more most rather quite a an the as",
}
"""The words that tell a part of speech, when they stand right before and entries differ by nothing else."""


@dataclass(frozen=True, slots=True)
class Entry:
    """``word`` is said as ``said``, or as ``phonemes`` ("ipa:...") where an engine takes them; one may be "".

    ``language`` is a BCP 47 tag whose first part counts, "" for all. ``case`` True: exactly as written, or all in
    capitals for a capitalised word; False: in any case; None: as the module says. ``before`` and ``after`` are words,
    parted by commas, one of which must stand right before or after. ``pos`` is a part of speech: it counts only between
    entries of the same word (see ``_SPEECH_PARTS``). ``source`` is file and line, for reports.
    """

    word: str
    said: str = ""
    phonemes: str = ""
    language: str = ""
    case: bool | None = None
    before: str = ""
    after: str = ""
    pos: str = ""
    source: str = ""


class Match(NamedTuple):
    """An entry at its place in a text; ``ending`` is a plural's ("s", "es") that the text adds to the word."""

    start: int
    end: int
    entry: Entry
    ending: str = ""


@dataclass(frozen=True, eq=False)
class _Candidate:
    """An entry ready to be found: longest and most telling first when sorted by ``order``."""

    order: tuple[int, ...]
    entry: Entry
    ending: str
    before: frozenset[str]
    after: frozenset[str]

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """Made when the first letters were met: most entries of a large lexicon never are."""
        return re.compile(_pattern(self.entry, self.ending))


@dataclass(frozen=True, eq=False)
class Lexicon:
    """Layers of entries, the weakest first. Made by ``lexicon`` and ``layered``."""

    layers: tuple[tuple[Entry, ...], ...] = ()

    @cached_property
    def entries(self) -> tuple[Entry, ...]:
        """All, the weakest layer first."""
        return tuple(entry for layer in self.layers for entry in layer)

    @cached_property
    def shadowed(self) -> tuple[tuple[Entry, Entry], ...]:
        """Entries that can never be used, each with the one that is always taken in its place."""
        groups: dict[str, list[tuple[tuple[int, ...], Entry]]] = {}
        for order, entry in self._ordered():
            groups.setdefault(folded(entry.word), []).append((order, entry))
        hidden: list[tuple[Entry, Entry]] = []
        for group in groups.values():
            ranked = [entry for _, entry in sorted(group, key=lambda pair: pair[0])]
            for at, entry in enumerate(ranked):
                winner = next((other for other in ranked[:at] if _covers(other, entry)), None)
                if winner:
                    hidden.append((entry, winner))
        return tuple(hidden)

    def find(self, text: str, language: str = "") -> tuple[Match, ...]:
        """Where entries hold in ``text``, from left to right, none over another."""
        index = self._index
        if not index or (self._signs.isdisjoint(text) and index.keys().isdisjoint(_TOKEN.findall(text.casefold()))):
            return ()
        primary = language.partition("-")[0].lower()
        found: list[Match] = []
        at = 0
        for token in self._scan.finditer(text):
            if token.start() >= at and (candidates := index.get(token[0].casefold())):
                match = _best(candidates, text, token.start(), primary)
                if match:
                    found.append(match)
                    at = match.end
        return tuple(found)

    def _ordered(self) -> Iterator[tuple[tuple[int, ...], Entry]]:
        """Entries with what sorts them: length, layer, how particular, place; the strongest is least."""
        place = 0
        for depth, layer in enumerate(self.layers):
            for entry in filter(lambda one: one.word.strip(), layer):
                place += 1
                particular = 4 * bool(entry.before or entry.after or entry.pos) + 2 * (entry.case is True)
                capitals = sum(map(str.isupper, entry.word)) if entry.case is None else 0
                yield (-len(entry.word), -depth, -particular, -capitals, -bool(entry.language), -place), entry

    @cached_property
    def _index(self) -> dict[str, tuple[_Candidate, ...]]:
        """Candidates by what the word begins with: its first run of letters, or a single sign or character."""
        rivals: dict[str, set[str]] = {}
        for entry in self.entries:
            rivals.setdefault(_typed(entry.word), set()).add(entry.pos)
        index: dict[str, list[_Candidate]] = {}
        for order, entry in self._ordered():
            told = len(rivals[_typed(entry.word)]) > 1 and entry.language.partition("-")[0].lower() in OURS
            for ending in ("", *_plural(entry.word)):
                key = _key(entry.word + ending)
                index.setdefault(key, []).append(_candidate((len(ending), *order), entry, ending, told))
        return {key: tuple(sorted(found, key=lambda candidate: candidate.order)) for key, found in index.items()}

    @cached_property
    def _signs(self) -> frozenset[str]:
        return frozenset(key for key in self._index if not _TOKEN.match(key))

    @cached_property
    def _scan(self) -> re.Pattern[str]:
        signs = "".join(map(re.escape, sorted(self._signs)))
        return re.compile(f"{_TOKEN.pattern}|[{signs}]") if signs else _TOKEN


def lexicon(entries: Iterable[Entry]) -> Lexicon:
    """One layer."""
    return Lexicon((tuple(entries),))


def layered(*lexicons: Lexicon) -> Lexicon:
    """One lexicon of several; a later one wins over those before it: the machine's, the series', the book's."""
    return Lexicon(tuple(layer for one in lexicons for layer in one.layers))


def unused(lexicon: Lexicon, used: Iterable[Entry]) -> tuple[Entry, ...]:
    """Entries that were not used, though none hides them."""
    known = {*used, *(entry for entry, _ in lexicon.shadowed)}
    return tuple(entry for entry in lexicon.entries if entry not in known)


def _typed(word: str) -> str:
    """A word composed, with plain apostrophes and hyphens and single blanks."""
    return " ".join(unicodedata.normalize("NFC", word).translate(TYPED).split())


def folded(word: str) -> str:
    """``_typed``, whatever its case."""
    return _typed(word).casefold()


def _key(word: str) -> str:
    word = unicodedata.normalize("NFC", word).strip()
    token = _TOKEN.match(word)
    return (token[0] if token else word[0]).casefold()


def _plural(word: str) -> tuple[str, ...]:
    """What a name adds in the plural; nothing for what is no single capitalised word."""
    if len(word) < _NAME or not word[0].isupper() or not word[1:].islower() or not word.isalpha():
        return ()
    return ("es",) if word.endswith(("s", "x", "z", "ch", "sh")) else ("s",)


def _candidate(order: tuple[int, ...], entry: Entry, ending: str, told: bool) -> _Candidate:
    before = entry.before
    if told and not before and not entry.after:
        before = _SPEECH_PARTS.get(entry.pos, "").replace(" ", ",")
    return _Candidate(order, entry, ending, _listed(before), _listed(entry.after))


def _listed(words: str) -> frozenset[str]:
    return frozenset(filter(None, map(folded, words.split(","))))


def _pattern(entry: Entry, ending: str) -> str:
    word = _typed(entry.word)
    if entry.case is True:
        exact = "".join(_VARIANTS.get(sign) or re.escape(sign) for sign in word)
        loud = "".join(_VARIANTS.get(sign) or re.escape(sign) for sign in word.upper())
        return (f"(?:{exact}|{loud})" if word[0].isupper() and word != word.upper() else exact) + ending
    return "".join(_either(sign, entry.case is False) for sign in word + ending)


def _either(sign: str, any_case: bool) -> str:
    if sign in _VARIANTS:
        return _VARIANTS[sign]
    other = sign.swapcase() if any_case or sign.islower() else sign
    return re.escape(sign) if other == sign or len(other) > 1 else f"[{sign}{other}]"


def _best(candidates: Sequence[_Candidate], text: str, start: int, language: str) -> Match | None:
    for candidate in candidates:
        entry = candidate.entry
        if entry.language and language and entry.language.partition("-")[0].lower() != language:
            continue
        found = candidate.pattern.match(text, start)
        if not found or not whole(text, start, found.end(), language) or (candidate.ending and language not in OURS):
            continue
        if _between(candidate, text, start, found.end()):
            end = found.end()
            # the stop of an abbreviation that also ends the text stays where it is
            stop = text[end - 1] == "." and not any(map(str.isalnum, text[end:])) and text[end : end + 1] != "."
            return Match(start, end - (stop and end - start > 1), entry, candidate.ending)
    return None


def _between(candidate: _Candidate, text: str, start: int, end: int) -> bool:
    """Whether the words beside the place are among those the entry asks for."""
    if candidate.before:
        word = _BEFORE.search(text[max(0, start - _NEAR) : start])
        if not word or folded(word[1]) not in candidate.before:
            return False
    if candidate.after:
        word = _AFTER.match(text[end : end + _NEAR])
        if not word or folded(word[1]) not in candidate.after:
            return False
    return True


def whole(text: str, start: int, end: int, language: str) -> bool:
    """Whether a place begins and ends as a word does. "Don" is not found in "Don’t", "X" not in "X-ray"."""
    if _IN_FIGURE.match(text, end - 1) or (start > 1 and _IN_FIGURE.match(text, start - 2)):
        return False
    short = end - start < 3
    if start and _joins(text[start]):
        before, inner = text[start - 1], start > 1 and _joins(text[start - 2])
        if _joins(before) or (before in "-‐‑" and inner and short):
            return False
        if before in "'’ʼ" and inner and text[start].islower() and language.partition("-")[0] not in _ELIDING:
            return False
    if end < len(text) and _joins(text[end - 1]):
        after, inner = text[end], end + 1 < len(text) and _joins(text[end + 1])
        if _joins(after) or (after in "-‐‑" and inner and short):
            return False
        if after in "'’ʼ" and inner:
            return bool(POSSESSIVE.match(text, end))
    return True


def _joins(sign: str) -> bool:
    """Whether a character would make one word with a letter beside it: letters, digits, and the marks on them."""
    return (sign.isalnum() or unicodedata.category(sign)[0] == "M") and not _IS_UNSPACED.match(sign)


def _covers(winner: Entry, entry: Entry) -> bool:
    """Whether ``winner``, which comes first, holds wherever ``entry`` does (their words differ in case alone)."""
    context = not (winner.before or winner.after) or (winner.before, winner.after) == (entry.before, entry.after)
    tongue = not winner.language or winner.language.partition("-")[0] == entry.language.partition("-")[0]
    if not context or not tongue or (winner.pos in _SPEECH_PARTS and winner.pos != entry.pos):
        return False
    if winner.case is False or _typed(winner.word) == _typed(entry.word):
        return winner.case is not True or entry.case is True
    if winner.case is True or entry.case is False:
        return False
    return all(mine == theirs or mine.islower() for mine, theirs in zip(winner.word, entry.word, strict=False))
