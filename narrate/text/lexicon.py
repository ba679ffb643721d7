"""Lexicon: a text as it is said, with the words of a lexicon said their way. Pure; ``narrate.lexicons`` reads files.

A hit never passes through the rules of the language, and the rules see the words around it as if it were any name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

from narrate.text import phonemes as sounds
from narrate.text.entries import OURS, POSSESSIVE, TYPED, Entry, Lexicon, Match, layered, lexicon, unused, whole

__all__ = ["Entry", "Lexicon", "Match", "Range", "Said", "layered", "lexicon", "say", "spoken_as", "unused"]

Normalise = Callable[[str, str], str]
Range = tuple[int, int, str]
"""First character, one past the last, and how they are pronounced ("ipa:...", "x-sampa:..."): a mark of a block."""


class Said(NamedTuple):
    """A text as it is said, and the entries that made it so."""

    text: str
    used: frozenset[Entry] = frozenset()


class _Spot(NamedTuple):
    """A range of a text with what is said in its place. ``ipa`` is "" for a respelling."""

    start: int
    end: int
    written: str
    said: str
    ipa: str
    entry: Entry | None


def say(
    text: str,
    lexicon: Lexicon,
    language: str,
    normalise: Normalise,
    phonemes: bool,
    marks: Sequence[Range] = (),
) -> Said:
    """``text`` as it is said: words of the lexicon their way, the rest by ``normalise``.

    ``phonemes``: the engine takes IPA, as ``[written](/ipa/)``; otherwise, in English, phonemes become a respelling
    (other languages keep the word). ``marks`` win over the lexicon. A text without a hit is exactly
    ``normalise(text, language)``; what a hit is said as never passes through ``normalise``.
    """
    spots = _spots(text, lexicon.find(text, language), marks, phonemes, language.partition("-")[0].lower() in OURS)
    said = normalise(text, language)
    if not spots:
        return Said(said)
    used = frozenset(spot.entry for spot in spots if spot.entry)
    lost = _lost(text, said, spots, language)
    if not lost:
        return Said(_replaced(text, said, spots, language), used)
    for hidden in (lost, set(range(len(spots)))):
        masked, moved = _masked(text, spots, hidden)
        said = normalise(masked, language)
        if not _lost(masked, said, moved, language):
            return Said(_replaced(masked, said, moved, language), used)
    return Said(_in_parts(text, spots, language, normalise), used)


def spoken_as(entry: Entry, phonemes: bool, language: str = "en") -> str:
    """What is sent for ``entry`` to an engine that takes ``phonemes`` or not; "" when it has nothing for that one."""
    ipa = entry.phonemes.partition(":")[2]
    if ipa and phonemes:
        return f"/{ipa}/"
    return entry.said or (sounds.respelling(ipa) if language.partition("-")[0].lower() in OURS else "")


def _spots(text: str, matches: Sequence[Match], marks: Sequence[Range], phonemes: bool, ours: bool) -> list[_Spot]:
    """What is said of its own, in order, none over another; marks come before matches."""
    ranges = sorted(mark for mark in marks if 0 <= mark[0] < mark[1] <= len(text))
    candidates = [_marked(text, mark, phonemes, ours) for mark in ranges]
    candidates += [_matched(text, match, phonemes, ours) for match in matches]
    spots: list[_Spot] = []
    for spot in candidates:
        if spot and not (ranges and any(spot.start < other.end and other.start < spot.end for other in spots)):
            spots.append(spot)
    return sorted(spots, key=lambda spot: spot.start)


def _matched(text: str, match: Match, phonemes: bool, ours: bool) -> _Spot | None:
    start, end, entry, ending = match
    written = text[start:end]
    ipa = entry.phonemes.partition(":")[2]
    if ipa and phonemes:
        return _Spot(start, end, written, "", ipa + (_sibilant(ipa) if ending else ""), entry)
    if entry.said:
        return _Spot(start, end, written, entry.said + ending, "", entry)
    if ipa and ours:
        return _Spot(start, end, written, sounds.respelling(ipa) + ending, "", entry)
    return None


def _marked(text: str, mark: Range, phonemes: bool, ours: bool) -> _Spot | None:
    """What a mark says; nothing when its alphabet or a symbol is not known."""
    start, end, value = mark
    try:
        ipa, reading = sounds.ipa_of(value)
    except ValueError:
        return None
    if phonemes and ipa:
        return _Spot(start, end, text[start:end], "", ipa, None)
    said = reading or (sounds.respelling(ipa) if ours else "")
    return _Spot(start, end, text[start:end], said, "", None) if said else None


def _sibilant(ipa: str) -> str:
    """The sound of a plural's or possessive's s behind ``ipa``."""
    last = sounds.english(ipa)[-1:]
    return "ɪz" if last and last in "szʃʒʧʤ" else "s" if last and last in "ptkfθ" else "z"


# Words are looked for again in what the rules made of the text: so the rules see the words they know (Louis XIV, Mr.
# Cholmondeley). One that does not come through as it went in (St. John, 1984) has a stand-in among letters no text has.


def _flat(text: str) -> str:
    return text.translate(TYPED).lower()


def _forms(text: str, spots: Sequence[_Spot]) -> set[str]:
    return {_flat(text[spot.start : spot.end]) for spot in spots}


def _places(text: str, forms: Iterable[str], language: str) -> list[tuple[int, int]]:
    """Where any of ``forms`` stands as a whole word, the longest at each place."""
    flat = _flat(text)
    found = []
    for form in forms:
        at = flat.find(form)
        while at >= 0 and len(flat) == len(text):  # some capitals have two small letters
            if whole(text, at, at + len(form), language):
                found.append((at, -len(form)))
            at = flat.find(form, at + 1)
    places: list[tuple[int, int]] = []
    for start, length in sorted(found):
        if not places or start >= places[-1][1]:
            places.append((start, start - length))
    return places


def _lost(text: str, said: str, spots: Sequence[_Spot], language: str) -> set[int]:
    """The numbers of the spots whose words did not come through: changed, or no longer told from others."""
    forms = _forms(text, spots)
    there, here = _places(text, forms, language), _places(said, forms, language)
    before = [_flat(text[start:end]) for start, end in there]
    after = [_flat(said[start:end]) for start, end in here]
    known = set(there)
    lost = {number for number, spot in enumerate(spots) if (spot.start, spot.end) not in known}
    if before == after:
        return lost
    moved = {form for form in forms if before.count(form) != after.count(form)}
    return lost | {
        number for number, spot in enumerate(spots) if not moved or _flat(text[spot.start : spot.end]) in moved
    }


_LETTERS = "bdfghjklmn"


def _masked(text: str, spots: Sequence[_Spot], hidden: set[int]) -> tuple[str, list[_Spot]]:
    """``text`` with stand-ins for the spots ``hidden``, and the spots at their new places."""
    lead = "qzx"
    while lead in text.lower():
        lead += "x"
    parts: list[str] = []
    moved: list[_Spot] = []
    at = length = 0
    for number, spot in enumerate(spots):
        name = text[spot.start : spot.end]
        if number in hidden:
            name = _dressed(lead + "".join(_LETTERS[int(digit)] for digit in str(number)) + "zq", spot.written)
        length += spot.start - at
        moved.append(spot._replace(start=length, end=length + len(name)))
        parts += [text[at : spot.start], name]
        length += len(name)
        at = spot.end
    return "".join(parts) + text[at:], moved


def _dressed(name: str, written: str) -> str:
    """``name`` with the capitals of ``written``: rules look at them."""
    if written.isupper() and sum(map(str.isalpha, written)) > 1:
        return name.upper()
    return name.capitalize() if written[:1].isupper() else name


def _in_parts(text: str, spots: Sequence[_Spot], language: str, normalise: Normalise) -> str:
    """What stands between the words is normalised piece by piece: the rules see less, but nothing is lost."""
    edges = [0, *(edge for spot in spots for edge in (spot.start, spot.end)), len(text)]
    said = ""
    for index, (start, end) in enumerate(list(pairwise(edges))[::2]):
        piece = text[start:end]
        said += (" " if piece[:1].isspace() else "") + (normalise(piece, language) if piece.strip() else "")
        said += " " if piece[-1:].isspace() and said[-1:] != " " else ""
        said += _voiced(spots[index], said, "") if index < len(spots) else ""
    return said.strip()


def _replaced(text: str, said: str, spots: Sequence[_Spot], language: str) -> str:
    """``said`` with each spot's own saying in its place; an ’s behind a word with phonemes is drawn into them."""
    forms = _forms(text, spots)
    now = dict(zip(_places(text, forms, language), _places(said, forms, language), strict=True))
    parts: list[str] = []
    at = 0
    for spot in spots:
        start, end = now[spot.start, spot.end]
        owned = POSSESSIVE.match(said, end) if spot.ipa else None
        parts += [said[at:start], _voiced(spot, said[:start], owned[0] if owned else "")]
        at = owned.end() if owned else end
    return "".join(parts) + said[at:]


def _voiced(spot: _Spot, before: str, owned: str) -> str:
    """What is said at a spot behind ``before``: capitals as written, but an acronym's none within a sentence."""
    written = spot.written
    if spot.ipa:
        plain = re.sub(r"[\[\]()]", "", written) or "word"
        return sounds.noted(plain + owned, spot.ipa + (_sibilant(spot.ipa) if owned else ""))
    lead = not before.strip() or before.rstrip(" “”‘’\"'()")[-1:] in tuple(".!?…")
    if written[:1].isupper() and (lead or not written.isupper() or len(written) == 1):
        return spot.said[:1].upper() + spot.said[1:]
    return spot.said
