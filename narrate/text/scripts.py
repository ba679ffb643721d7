"""Scripts other than Latin: which a text is written in, and how a stray word of one is written in Latin letters."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from itertools import groupby

_GREEK_SOUNDS = "a v g d e z i th i k l m n x o p r s s t y f ch ps o"
_CYRILLIC_SOUNDS = (
    "a b v g d e zh z i y k l m n o p r s t u f kh ts ch sh shch ' y ' e yu ya "  # the Russian alphabet
    "yo ye i yi g u y ly ny ch dj dzh"
)
_GREEK = dict(zip("αβγδεζηθικλμνξοπρσςτυφχψω", _GREEK_SOUNDS.split(), strict=True))
_CYRILLIC = dict(
    zip(
        "абвгдежзийклмнопрстуфхцчшщъыьэюяёєіїґўјљњћђџ",
        _CYRILLIC_SOUNDS.split(),
        strict=True,
    )
)
_LATIN = {
    "æ": "ae", "œ": "oe", "ø": "o", "ß": "ss", "ł": "l", "đ": "d", "ð": "th", "þ": "th", "ı": "i", "ħ": "h", "ŋ": "ng",
    "ə": "e", "ŧ": "t", "ĸ": "k", "ƒ": "f", "ŀ": "l", "ʻ": "'", "ʼ": "'", "ʔ": "'",
}  # fmt: skip
_PLAIN = _GREEK | _CYRILLIC | _LATIN

_NAMES = {
    "CJK": "Chinese or Japanese", "HIRAGANA": "Japanese", "KATAKANA": "Japanese", "HANGUL": "Korean", "THAI": "Thai",
    "KATAKANA-HIRAGANA": "Japanese",
}  # fmt: skip
_LETTER_NAME = re.compile(r"(?:LETTER|SYLLABLE|SIGN) (?:SMALL |CAPITAL |FINAL )*([A-Z]+)")
_IDEOGRAPHS = "CJK"
_STAND_IN = {"CJK": ("a Chinese character", "Chinese characters")}


def script_of(character: str) -> str:
    """The script of a letter, in capitals, as its Unicode name begins: LATIN, GREEK, CYRILLIC, CJK, HANGUL."""
    return unicodedata.name(character, "UNKNOWN").partition(" ")[0]


_PERHAPS_FOREIGN = re.compile(r"[^\W\d_A-Za-z\u00c0-\u024f]").search


def foreign(text: str) -> tuple[float, str]:
    """The share of letters that are not Latin, 0..1, and the name of the commonest other script ("" without one)."""
    if not _PERHAPS_FOREIGN(text):
        return 0.0, ""
    scripts = Counter("LATIN" if c.isascii() else script_of(c) for c in text if c.isalpha())
    total = sum(scripts.values())
    latin = scripts.pop("LATIN", 0) + scripts.pop("FEMININE", 0) + scripts.pop("MASCULINE", 0)
    if not scripts:
        return 0.0, ""
    commonest = max(sorted(scripts), key=lambda script: scripts[script])
    return (total - latin) / total, _NAMES.get(commonest, commonest.capitalize())


MOSTLY = 0.5
"""Share of letters. A text with more of them in another script is in that script; with fewer it only quotes it."""


def script_in(text: str) -> str:
    """The script that ``text`` is mostly written in, "" for Latin."""
    share, script = foreign(text)
    return script if share > MOSTLY else ""


def latin(text: str) -> str:
    """``text`` in unaccented Latin letters, for a voice that knows no others.

    Accents are dropped; Greek, Cyrillic and syllabic scripts are transliterated; a run of Chinese characters, which
    have no reading of their own, is announced instead of lost.
    """
    if text.isascii():
        return text
    return "".join(_run(ideographs, "".join(run)) for ideographs, run in groupby(text, key=_is_ideograph))


def _is_ideograph(character: str) -> bool:
    return not character.isascii() and character.isalpha() and script_of(character) == _IDEOGRAPHS


def _run(ideographs: bool, run: str) -> str:
    if ideographs:
        return f" {_STAND_IN[_IDEOGRAPHS][len(run) > 1]} "
    return "".join(map(_letter, run))


def _letter(character: str) -> str:
    if character.isascii():
        return character
    if unicodedata.category(character)[0] == "M":
        return ""
    decomposed = unicodedata.normalize("NFKD", character)
    base = "".join(part for part in decomposed if not unicodedata.combining(part)) if character.isalpha() else character
    return "".join(map(_plain, base))


def _plain(letter: str) -> str:
    if letter.isascii() or not letter.isalpha():
        return letter
    plain = _PLAIN.get(letter.lower())
    if plain is not None:
        return plain.capitalize() if letter.isupper() else plain
    named = _LETTER_NAME.search(unicodedata.name(letter, ""))
    return named[1].lower() if named else ""
