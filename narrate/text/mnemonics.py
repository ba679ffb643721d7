"""IPA in the mnemonics that espeak-ng reads between [[ and ]].

Each of its languages has a table of its own, where a mnemonic it lacks ends the word: only languages whose tables were
tried symbol by symbol are written here (tests try them again). English gets its nearest sounds.
"""

from __future__ import annotations

import re
from functools import cache

from narrate.text.phonemes import VOWELS, english, tidy

_ENGLISH = {
    "A": "eI", "I": "aI", "O": "oU", "W": "aU", "Y": "OI", "i": "i:", "u": "u:", "æ": "a", "ɑ": "A:", "ɔ": "O:",
    "ə": "@", "ɛ": "E", "ɜ": "3:", "ɪ": "I", "ʊ": "U", "ʌ": "V", "ð": "D", "ŋ": "N", "ɡ": "g", "ɹ": "r", "ʃ": "S",
    "ʒ": "Z", "ʤ": "dZ", "ʧ": "tS", "θ": "T", "ˈ": "'", "ˌ": ",",
}  # fmt: skip
_ENGLISH_R = {"ɑ": "A@", "ɔ": "O@", "ɛ": "e@", "ɪ": "i@3", "ʊ": "U@", "ɜ": "3:", "ə": "3"}
"""A vowel with the r behind it, which British voices leave out."""
_BEFORE_R = re.compile(f"([{''.join(_ENGLISH_R)}])ɹ(?=(.?))")

_OTHERS = {
    "a": "a", "ɑ": "A", "aː": "a:", "ɑː": "a:", "e": "e", "eː": "e:", "ɛ": "E", "ɛː": "E:", "æ": "E", "i": "i",
    "iː": "i:", "ɪ": "I", "ɨ": "i", "o": "o", "oː": "o:", "ɔ": "O", "ɔː": "O:", "ɒ": "O", "u": "u", "uː": "u:",
    "ʊ": "U", "y": "y", "yː": "y:", "ʏ": "y", "ø": "Y", "øː": "Y:", "œ": "W", "œː": "W:", "ə": "@", "ɐ": "@",
    "ɜ": "@", "ɜː": "W", "ɚ": "@r", "ʌ": "a", "aɪ": "aI", "ai": "aI", "aɪ̯": "aI", "aʊ": "aU", "au": "aU", "ɔʏ": "OY",
    "ɔɪ": "OY", "ɔʏ̯": "OY", "eɪ": "eI", "oʊ": "oU", "əʊ": "oU", "ɑ̃": "A~", "ã": "A~", "ɛ̃": "E~", "ɔ̃": "O~", "õ": "O~",
    "œ̃": "W~", "p": "p", "b": "b", "t": "t", "d": "d", "k": "k", "ɡ": "g", "f": "f", "v": "v", "s": "s", "z": "z",
    "ʃ": "S", "ʒ": "Z", "tʃ": "tS", "dʒ": "dZ", "ts": "ts", "dz": "dz", "pf": "pf", "x": "x", "χ": "x", "ç": "C",
    "h": "h", "ɦ": "h", "m": "m", "n": "n", "ŋ": "N", "ɲ": "n^", "l": "l", "ɫ": "l", "ʎ": "l^", "r": "r", "ɹ": "r",
    "ɾ": "r", "ʁ": "r", "ʀ": "r", "j": "j", "w": "w", "ɥ": "w", "θ": "T", "ð": "D", "β": "B", "ɣ": "g", "ʔ": "",
    "ˈ": "'", "ˌ": ",", "ː": "", ".": "", " ": " ", "\u0361": "", "\u032f": "", "\u0329": "", "\u031a": "", "ʰ": "",
}  # fmt: skip

_LACKING: dict[str, dict[str, str]] = {
    "de": {"Y": "Y:", "E~": "En"},
    "fr": {"A": "a", "U": "u", "aU": "au"},
    "es": {"A": "a", "I": "i", "W": "E", "W:": "E", "A~": "an", "E~": "en", "O~": "on", "W~": "en", "@": "e"},
    "it": {"A": "a", "W": "E", "W:": "E", "A~": "an", "E~": "En", "O~": "on", "W~": "En"},
}
"""The languages besides English, with what their tables lack and the nearest they have."""

LANGUAGES = frozenset(("en", *_LACKING))


def mnemonics(ipa: str, language: str) -> str:
    """``ipa`` for a voice of ``language``; "" when it cannot be written there."""
    primary = language.partition("-")[0].lower()
    if primary == "en":
        return _english(ipa)
    lacking = _LACKING.get(primary)
    if lacking is None:
        return ""
    parts: list[str] = []
    text = _composed(tidy(ipa))
    for found in _sign().finditer(text):
        if found["known"] is None:
            return ""
        sound = _table()[found["known"]]
        parts.append(lacking.get(sound, sound))
    said = _parted(parts)
    return said if any(map(str.isalpha, said)) else ""


def _english(ipa: str) -> str:
    def with_r(found: re.Match[str]) -> str:
        linking = "ɹ" if found[2] and found[2] in VOWELS and found[1] not in "ɜə" else ""
        return _PRIVATE[found[1]] + linking

    sounds = _BEFORE_R.sub(with_r, english(ipa))
    table = {**_ENGLISH, **{sign: _ENGLISH_R[vowel] for vowel, sign in _PRIVATE.items()}}
    return _parted([table.get(sound, sound) for sound in sounds])


_PRIVATE = {vowel: chr(0xE000 + number) for number, vowel in enumerate(_ENGLISH_R)}


def _parted(parts: list[str]) -> str:
    """Mnemonics in a row, with a bar where two would be read as one ("t" and "S")."""
    said = ""
    for part in parts:
        said += "|" if said[-1:].isalpha() and part[:1].isalpha() and said[-1] in "tdpaeo" and len(part) == 1 else ""
        said += part
    return said


def _composed(ipa: str) -> str:
    """Tie bars and marks of no consequence off; nasal vowels keep theirs."""
    return re.sub("[\u0361\u032f\u032a\u0325\u031e\u031d\u0330]", "", ipa)


@cache
def _table() -> dict[str, str]:
    """``_OTHERS`` with its accents apart, as ``tidy`` writes them."""
    return {" " if sign == " " else _composed(tidy(sign)) or sign: sound for sign, sound in _OTHERS.items()}


@cache
def _sign() -> re.Pattern[str]:
    known = sorted(_table(), key=len, reverse=True)
    return re.compile(f"(?P<known>{'|'.join(map(re.escape, known))})|(?P<unknown>.)", re.DOTALL)
