"""Which words of a text deserve a listener's ear before it is spoken: names, rare words, words of the lexicon.

Pure. Case, possessives and typographic apostrophes are folded; a word counts once for each time it stands in the text.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from narrate.script import Script
from narrate.text.lexicon import Entry, Lexicon, spoken_as

_WORD = re.compile(r"(?<![^\W_])[^\W\d_]+(?:['’-][^\W\d_]+)*(?![^\W_])")
_OWNED = re.compile(r"(?:['’][sS]|(?<=[sS])['’])$")
_STARTS = re.compile(r"(?:^|[.!?…:;—–*•“‘\"(\[«„¿¡-])[\s“‘\"(\[«„¿¡'_*-]*$")
_TITLE = re.compile(
    r"(?<![^\W_])(?:[^\W\d_]|[^\W\d_aeiou]{2,4}|Rev|Prof|Capt|Col|Gen|Hon|Lieut|Maj|Messrs|Mme|Mlle)\.\s*$"
)
"""An initial or a title behind whose stop a sentence goes on."""
_CONTRACTED = re.compile(r"(?:i|[a-z]+n)['’][a-z]+|[a-z]+['’](?:ll|re|ve|d|m|s|em)", re.IGNORECASE)
_VOWEL = re.compile(r"[aeiouyà-öø-ÿ]", re.IGNORECASE)
_NEAR = 36
"""Characters shown on each side of a word's first place."""
_OFTEN = 4
"""So many times as often as in small letters must a word that is known stand in capitals to be a name."""


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of text as written, the index of its chapter, its place in the source, its language ("": the book's)."""

    text: str
    chapter: int
    place: str = ""
    language: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """A word, how often and in which chapters (by index) it stands, where first and in what words.

    ``said`` is what is sent for it, or in IPA how it would be said where that can be told. ``known``: the engine's
    dictionary lists it. ``entry`` is the lexicon's, if it has one.
    """

    word: str
    count: int
    chapters: tuple[int, ...]
    place: str
    context: str
    said: str
    known: bool
    entry: Entry | None = None


@dataclass(slots=True)
class _Seen:
    """What was counted of one word, under its folded form."""

    place: str
    context: str
    entry: Entry | None = None
    small: int = 0
    within: int = 0  # in capitals within a sentence
    stopped: int = 0  # with a full stop behind it
    forms: Counter[str] = field(default_factory=Counter)
    chapters: set[int] = field(default_factory=set)


def passages(script: Script) -> Iterable[Passage]:
    """What a script says, as it was written."""
    return (Passage(chunk.source, chunk.chapter, chunk.anchor, chunk.voice.language) for chunk in script.chunks)


def rare_words(
    texts: Iterable[Passage],
    lexicon: Lexicon,
    language: str = "en",
    knows: Callable[[str], bool] | None = None,
    pronounce: Callable[[str], str] | None = None,
    phonemes: bool = False,
    most: int = 0,
) -> tuple[Row, ...]:
    """Words worth a listener's ear: those of ``lexicon``, those that the engine does not ``know``, and names.

    Doubtful ones come first (unknown, or in the lexicon), then names that are known; each the more frequent first.
    Without ``knows`` nothing is known, and only names and the lexicon's words are told. ``phonemes``: the engine takes
    IPA, so that is what an entry sends. ``most`` rows at the most (0: all); only these are pronounced.
    """
    seen: dict[str, _Seen] = {}
    for passage in texts:
        _count(passage, lexicon, passage.language or language, seen)
    rows = [row for one in seen.values() if (row := _row(one, language, knows, phonemes))]
    rows.sort(key=lambda row: (row.known and not row.entry, -row.count, row.word.casefold(), row.word))
    chosen = rows[:most] if most else rows
    if pronounce is None:
        return tuple(chosen)
    return tuple(row if row.entry else replace(row, said=pronounce(row.word) or row.word) for row in chosen)


def _count(passage: Passage, lexicon: Lexicon, language: str, seen: dict[str, _Seen]) -> None:
    text = passage.text
    matches = lexicon.find(text, language)
    for match in matches:
        key = f"\0{match.entry.word}\0{match.entry.source}"
        one = _seen(seen, key, passage, match.start, match.end)
        one.entry = match.entry
        one.forms[match.entry.word] += 1
    taken = [(match.start, match.end) for match in matches]
    for found in _WORD.finditer(text):
        start, end = found.span()
        if taken and any(start < last and first < end for first, last in taken):
            continue
        word = _OWNED.sub("", found[0])
        if len(word) < 2 or _CONTRACTED.fullmatch(word):
            continue
        one = _seen(seen, word.casefold().replace("’", "'"), passage, start, end)
        one.forms[word] += 1
        one.stopped += text[end : end + 1] == "."
        if word[0].islower():
            one.small += 1
        elif _within(text[max(0, start - 10) : start]):
            one.within += 1


def _within(before: str) -> bool:
    return not _STARTS.search(before) or _TITLE.search(before) is not None


def _seen(seen: dict[str, _Seen], key: str, passage: Passage, start: int, end: int) -> _Seen:
    one = seen.get(key)
    if one is None:
        one = seen[key] = _Seen(passage.place, _context(passage.text, start, end))
    one.chapters.add(passage.chapter)
    return one


def _context(text: str, start: int, end: int) -> str:
    """A few words around a place, cut at blanks."""
    first, last = max(0, start - _NEAR), min(len(text), end + _NEAR)
    before, after = text[first:start], text[end:last]
    if first:
        before = "…" + before.partition(" ")[2]
    if last < len(text):
        after = after.rpartition(" ")[0] + "…"
    return " ".join(f"{before}{text[start:end]}{after}".split())


def _row(one: _Seen, language: str, knows: Callable[[str], bool] | None, phonemes: bool) -> Row | None:
    word, count = _usual(one.forms), one.forms.total()
    chapters = tuple(sorted(one.chapters))
    if one.entry:
        said = spoken_as(one.entry, phonemes, language) or word
        return Row(word, count, chapters, one.place, one.context, said, True, one.entry)
    name = one.within > 0 and one.within >= _OFTEN * one.small
    known = knows is not None and all(map(knows, word.split("-")))
    abbreviation = one.stopped == count and not _VOWEL.search(word)  # Mr., St.: the rules say them
    if abbreviation or (not name and (known or knows is None)):
        return None
    return Row(word, count, chapters, one.place, one.context, word, known)


def _usual(forms: Counter[str]) -> str:
    """How a word is mostly written; among equals the form with the fewest capitals."""
    return min(forms, key=lambda form: (-forms[form], sum(map(str.isupper, form)), form))
