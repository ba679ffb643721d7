"""Phonemes: alphabets into IPA, the nearest English sounds, a spelling that any English voice says about right.

A pronunciation is written ``alphabet:symbols`` ("ipa:ˈtʃʌmli", "x-sampa:\\"tSVmli"). Engines that take phonemes find
them in the text as ``[Cholmondeley](/ˈtʃʌmli/)``; what counts letters asks ``heard`` for the text without them.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from functools import cache

NOTATION = re.compile(r"\[([^\[\]()]+)\]\(/([^/()\[\]]+)/\)")
"""A word and how it is pronounced, in IPA, for engines whose traits name "ipa"."""

_IPA_LETTERS = frozenset(
    "abcdefhijklmnopqrstuvwxyzæçðøħŋœɐɑɒɓɔɕɖɗɘəɚɛɜɝɞɟɠɡɢɣɤɥɦɧɨɪɫɬɭɮɯɰɱɲɳɴɵɶɸɹɺɻɽɾʀʁʂʃʄʈʉʊʋʌʍʎʏʐʑʒʔʕʘʙʛʜʝʟʡʢβθχᵻᵊʦʣʧʤʨʥǀǁǂǃ"
)
_IPA_MARKS = frozenset("ˈˌːˑ.‿|‖ʰʱʲʷˠˤⁿˡʼ˞˥˦˧˨˩↗↘ꜛꜜᵝ -")
_TYPED = str.maketrans({"g": "ɡ", ":": "ː", "'": "ˈ", "’": "ˈ", "(": "", ")": "", "/": "", "[": "", "]": ""})
"""How IPA is typed by those who lack the keys, and the brackets that people put around it."""

_X_SAMPA = {
    "b_<": "ɓ", "d`": "ɖ", "d_<": "ɗ", "g_<": "ɠ", "h\\": "ɦ", "j\\": "ʝ", "l`": "ɭ", "l\\": "ɺ", "n`": "ɳ",
    "p\\": "ɸ", "r`": "ɽ", "r\\`": "ɻ", "r\\": "ɹ", "s`": "ʂ", "s\\": "ɕ", "t`": "ʈ", "v\\": "ʋ", "x\\": "ɧ",
    "z`": "ʐ", "z\\": "ʑ", "A": "ɑ", "B\\": "ʙ", "B": "β", "C": "ç", "D": "ð", "E": "ɛ", "F": "ɱ", "G\\_<": "ʛ",
    "G\\": "ɢ", "G": "ɣ", "H\\": "ʜ", "H": "ɥ", "I\\": "ᵻ", "I": "ɪ", "J\\_<": "ʄ", "J\\": "ɟ", "J": "ɲ",
    "K\\": "ɮ", "K": "ɬ", "L\\": "ʟ", "L": "ʎ", "M\\": "ɰ", "M": "ɯ", "N\\": "ɴ", "N": "ŋ", "O\\": "ʘ", "O": "ɔ",
    "P": "ʋ", "Q": "ɒ", "R\\": "ʀ", "R": "ʁ", "S": "ʃ", "T": "θ", "U\\": "ʊ", "U": "ʊ", "V": "ʌ", "W": "ʍ",
    "X\\": "ħ", "X": "χ", "Y": "ʏ", "Z": "ʒ", "1": "ɨ", "2": "ø", "3\\": "ɞ", "3`": "ɝ", "3": "ɜ", "4": "ɾ",
    "5": "ɫ", "6": "ɐ", "7": "ɤ", "8": "ɵ", "9": "œ", "&": "ɶ", "@\\": "ɘ", "@`": "ɚ", "@": "ə", "{": "æ",
    "}": "ʉ", "?\\": "ʕ", "?": "ʔ", "<\\": "ʢ", ">\\": "ʡ", "!\\": "ǃ", "|\\|\\": "ǁ", "|\\": "ǀ", "=\\": "ǂ",
    ":\\": "ˑ", ":": "ː", '"': "ˈ", "%": "ˌ", "-\\": "‿", "-": "", "_=": "\u0329", "=": "\u0329",
    "_~": "\u0303", "~": "\u0303", "_h": "ʰ", "_j": "ʲ", "'": "ʲ", "_w": "ʷ", "_G": "ˠ", "_?\\": "ˤ", "_n": "ⁿ",
    "_l": "ˡ", "_>": "ʼ", "`": "˞", "_^": "\u032f", "_d": "\u032a", "_a": "\u033a", "_0": "\u0325", "_v": "\u032c",
    "_t": "\u0324", "_k": "\u0330", "_}": "\u031a", "_T": "˥", "_H": "˦", "_M": "˧", "_L": "˨", "_B": "˩",
    "_": "\u0361",
}  # fmt: skip
"""X-SAMPA (Wells 1995). Letters that stand for themselves are not listed."""

_ARPABET = {
    "AA": "ɑ", "AE": "æ", "AH": "ʌ", "AO": "ɔ", "AW": "aʊ", "AX": "ə", "AXR": "ɚ", "AY": "aɪ", "B": "b", "CH": "tʃ",
    "D": "d", "DH": "ð", "DX": "ɾ", "EH": "ɛ", "EL": "əl", "EM": "əm", "EN": "ən", "ER": "ɝ", "EY": "eɪ", "F": "f",
    "G": "ɡ", "HH": "h", "H": "h", "IH": "ɪ", "IX": "ɨ", "IY": "i", "JH": "dʒ", "K": "k", "L": "l", "M": "m", "N": "n",
    "NG": "ŋ", "NX": "ɾ", "OW": "oʊ", "OY": "ɔɪ", "P": "p", "Q": "ʔ", "R": "ɹ", "S": "s", "SH": "ʃ", "T": "t",
    "TH": "θ", "UH": "ʊ", "UW": "u", "UX": "ʉ", "V": "v", "W": "w", "WH": "ʍ", "Y": "j", "Z": "z", "ZH": "ʒ",
}  # fmt: skip
"""As the CMU dictionary and TIMIT write it."""

_UNSTRESSED = {"AH": "ə", "ER": "ɚ"}

_ALPHABETS = {
    "ipa": "ipa", "x-ipa": "ipa", "x-sampa": "x-sampa", "xsampa": "x-sampa", "sampa": "x-sampa", "arpabet": "arpabet",
    "x-arpabet": "arpabet", "cmu": "arpabet", "x-cmu": "arpabet", "x-jeita": "kana", "x-jeita-ipa": "kana",
    "x-kana": "kana",
}  # fmt: skip
"""Names of alphabets in the wild. JEITA's (IT-4002) is kana with accent marks, which is a reading and no IPA."""

ALPHABETS = ("ipa", "x-sampa", "arpabet", "x-jeita")


def pronunciation(symbols: str, alphabet: str) -> tuple[str, str]:
    """``symbols`` of an ``alphabet`` as (IPA, reading); one of the two is "".

    ValueError says which symbol or which alphabet is not known.
    """
    kind = _ALPHABETS.get(alphabet.strip().lower())
    if kind is None:
        raise ValueError(f"unknown alphabet {alphabet!r}; known are {', '.join(ALPHABETS)}")
    if kind == "kana":
        return "", "".join(letter for letter in symbols if letter.isalpha() or letter == "ー")
    convert: dict[str, Callable[[str], str]] = {"x-sampa": _from_x_sampa, "arpabet": _from_arpabet}
    ipa = tidy(convert[kind](symbols) if kind in convert else symbols)
    wrong = unknown_symbol(ipa)
    if wrong:
        raise ValueError(f"{wrong!r} in {symbols!r} is no symbol of the alphabet {alphabet}")
    if not any(letter in _IPA_LETTERS for letter in ipa):
        raise ValueError(f"{symbols!r} holds no sound")
    return ipa, ""


def ipa_of(value: str) -> tuple[str, str]:
    """(IPA, reading) of ``alphabet:symbols``; ValueError as in ``pronunciation``."""
    alphabet, _, symbols = value.partition(":")
    return pronunciation(symbols, alphabet)


def tidy(ipa: str) -> str:
    """IPA in one form: typed stand-ins as the symbols they mean, brackets off, blanks single, accents apart."""
    return " ".join(unicodedata.normalize("NFD", ipa.strip().lower()).translate(_TYPED).split()).replace("c\u0327", "ç")


def unknown_symbol(ipa: str) -> str:
    """The first character that is no IPA, "" when all are."""
    for sign in ipa:
        if sign not in _IPA_LETTERS and sign not in _IPA_MARKS and not unicodedata.combining(sign):
            return sign
    return ""


@cache
def _x_sampa_symbol() -> re.Pattern[str]:
    known = "|".join(re.escape(symbol) for symbol in sorted(_X_SAMPA, key=len, reverse=True))
    return re.compile(f"({known})|(.)", re.DOTALL)


def _from_x_sampa(symbols: str) -> str:
    return _x_sampa_symbol().sub(lambda found: _X_SAMPA[found[1]] if found[1] else found[2], symbols)


def _from_arpabet(symbols: str) -> str:
    parts = []
    for symbol in symbols.upper().split():
        name, stress = symbol.rstrip("012"), symbol[-1:]
        if name not in _ARPABET:
            raise ValueError(f"{symbol!r} in {symbols!r} is no symbol of the alphabet arpabet")
        sound = _UNSTRESSED.get(name, _ARPABET[name]) if stress == "0" else _ARPABET[name]
        parts.append({"1": "ˈ", "2": "ˌ"}.get(stress, "") + sound)
    return "".join(parts)


def noted(written: str, ipa: str) -> str:
    """The notation for engines that take phonemes."""
    return f"[{written}](/{ipa}/)"


def heard(text: str) -> str:
    """``text`` with the written word in place of each notation: what limits and lengths are counted on."""
    return NOTATION.sub(r"\1", text) if "](/" in text else text


def respelt(text: str) -> str:
    """``text`` with a spelling in place of each notation, for an engine that takes no phonemes after all."""
    return NOTATION.sub(lambda found: respelling(found[2]), text) if "](/" in text else text


# The nearest English sounds. One symbol each, as American dictionaries for speech write them: A in face, I in price,
# O in goat, W in mouth, Y in choice, ʧ in church, ʤ in judge; ɜɹ in nurse.

VOWELS = "AIOWYiuæɑɔəɛɜɪʊʌ"
_CONSONANTS = "bdfhjklmnpstvwzðŋɡɹʃʒʤʧθ"

_NEAREST = {
    # diphthongs
    "eɪ": "A", "ei": "A", "ej": "A", "ɛɪ": "A", "ɛj": "A", "aɪ": "I", "ai": "I", "aj": "I", "ɑɪ": "I", "ɑj": "I",
    "ʌɪ": "I", "ɐɪ": "I", "aʊ": "W", "au": "W", "aw": "W", "ɑʊ": "W", "æʊ": "W", "ɐʊ": "W", "oʊ": "O", "ou": "O",
    "ow": "O", "əʊ": "O", "əu": "O", "ɜʊ": "O", "ɘʊ": "O", "ɔɪ": "Y", "ɔi": "Y", "ɔj": "Y", "oɪ": "Y", "oi": "Y",
    "oj": "Y", "ɔʏ": "Y", "ɔʊ": "O", "œy": "I", "ɛʊ": "O",
    # vowels with r
    "ɪəɹ": "ɪɹ", "ɪər": "ɪɹ", "eəɹ": "ɛɹ", "eər": "ɛɹ", "ɛəɹ": "ɛɹ", "ɛər": "ɛɹ", "ʊəɹ": "ʊɹ", "ʊər": "ʊɹ",
    "eə": "ɛɹ", "ɛə": "ɛɹ", "ʊə": "ʊɹ", "ɜɹ": "ɜɹ", "ɜr": "ɜɹ", "ɜ": "ɜɹ", "ɝ": "ɜɹ", "ɝɹ": "ɜɹ", "ɚ": "əɹ",
    "ɚɹ": "əɹ", "ɞ": "ɜɹ", "øʁ": "ɜɹ", "œʁ": "ɜɹ", "øɐ": "ɜɹ", "œɐ": "ɜɹ", "ø": "ɜɹ", "œ": "ɜɹ",
    # other vowels
    "a": "ɑ", "ɒ": "ɑ", "e": "ɛ", "o": "O", "y": "u", "ʏ": "ʊ", "ɯ": "u", "ʉ": "u", "ɨ": "ɪ", "ᵻ": "ɪ", "ɤ": "ʌ",
    "ɐ": "ə", "ɘ": "ə", "ɵ": "ʊ", "ɶ": "æ", "ᵊ": "ə", "ɪə": "iə",
    # affricates
    "tʃ": "ʧ", "tɕ": "ʧ", "tʂ": "ʧ", "ʨ": "ʧ", "dʒ": "ʤ", "dʑ": "ʤ", "dʐ": "ʤ", "ʥ": "ʤ", "ʦ": "ts", "ʣ": "dz",
    # consonants
    "c": "ʧ", "ɟ": "ʤ", "ʄ": "ʤ", "q": "k", "ɢ": "ɡ", "ʛ": "ɡ", "ɠ": "ɡ", "ɣ": "ɡ", "ʈ": "t", "ɖ": "d", "ɗ": "d",
    "ɓ": "b", "β": "b", "ʙ": "b", "ɸ": "f", "ʋ": "v", "ɱ": "m", "ɳ": "n", "ɴ": "n", "ɲ": "nj", "ʎ": "lj", "ɬ": "l",
    "ɮ": "l", "ɫ": "l", "ɭ": "l", "ʟ": "l", "ɺ": "l", "r": "ɹ", "ɾ": "ɹ", "ɽ": "ɹ", "ɻ": "ɹ", "ʀ": "ɹ", "ʁ": "ɹ",
    "ʂ": "ʃ", "ɕ": "ʃ", "ɧ": "ʃ", "ʐ": "ʒ", "ʑ": "ʒ", "ʝ": "j", "ɥ": "w", "ʍ": "w", "ɰ": "w", "ħ": "h", "ɦ": "h",
    "ʜ": "h", "x": "k", "χ": "k", "ç": "k", "ʔ": "", "ʕ": "", "ʡ": "", "ʢ": "", "ʘ": "k", "ǀ": "k", "ǁ": "k",
    "ǂ": "k", "ǃ": "k", "ʲ": "j", "ʷ": "w", "˞": "ɹ", "ⁿ": "n",
}  # fmt: skip
_ROUGH = "xχç"
_SYLLABIC, _NASAL, _UMLAUT = "\u0329", "\u0303", "\u0308"
_NASAL_VOWELS = {"ɛ": "æn", "œ": "ʌn", "a": "ɑn", "ɑ": "ɑn", "ɔ": "ɔn", "o": "ɔn", "e": "æn"}
_SILENT = re.compile("[\u0361\u035cˑʰʱˠˤˡʼ˥˦˧˨˩↗↘ꜛꜜᵝ‖|‿-]|(?![\u0303\u0329])[\u0300-\u036f]")


@cache
def _sound() -> re.Pattern[str]:
    known = sorted({*_NEAREST, *_NASAL_VOWELS}, key=len, reverse=True)
    return re.compile(f"(?P<known>{'|'.join(map(re.escape, known))})|(?P<sign>.)")


def english(ipa: str) -> str:
    """The English sounds nearest to ``ipa``, one symbol each, a stress mark before the vowel it belongs to.

    Whatever has no sound of its own there (tones, length, syllables' dots) is left out; blanks part words. A word
    without any stress mark is given one, on its last syllable but one.
    """
    flat = _SILENT.sub("", tidy(ipa)).replace("ː", "")
    words = ["".join(_near(word)) for word in flat.split(" ")]
    return " ".join(_stressed(word) for word in words if any(sound in VOWELS + _CONSONANTS for sound in word))


def _near(word: str) -> list[str]:
    """The sounds of one word and its stress marks; each mark waits for its vowel."""
    found: list[str] = []
    stress, at = "", 0
    while at < len(word):
        nasal = word[at + 1 : at + 2] == _NASAL
        match = _sound().match(word, at)
        assert match is not None
        sign = word[at] if nasal else match[0]
        at += len(sign) + nasal
        if sign in "ˈˌ":
            stress = sign
            continue
        if sign == _SYLLABIC:
            found.insert(max(0, len(found) - 1), "ə")
            continue
        for sound in _as_english(sign, nasal, first=not found, last=at >= len(word)):
            if sound in VOWELS and stress:
                found.append(stress)
                stress = ""
            if not (sound == "ɹ" and found[-1:] == ["ɹ"]):
                found.append(sound)
    return found


def _as_english(sign: str, nasal: bool, first: bool, last: bool) -> str:
    if nasal:
        return _NASAL_VOWELS.get(sign, _NEAREST.get(sign, sign) + "n")
    if sign == "e" and last:
        return "A"  # José; within a word dictionaries write it for the vowel of "dress"
    if sign in _ROUGH and first:
        return "h"  # Juan; elsewhere as in "loch"
    if sign in "ʲɲʎ" and last:
        return {"ʲ": "", "ɲ": "n", "ʎ": "l"}[sign]
    return _NEAREST.get(sign, sign if sign in VOWELS or sign in _CONSONANTS else "")


def _stressed(word: str) -> str:
    if "ˈ" in word:
        return word
    if "ˌ" in word:
        return word.replace("ˌ", "ˈ", 1)
    places = [at for at, sound in enumerate(word) if sound in VOWELS]
    if not places:
        return word
    at = places[-2] if len(places) > 1 else places[0]
    return f"{word[:at]}ˈ{word[at:]}"


# The spelling. Of the forms tried (syllables with hyphens, with blanks, run together, with capitals for stress, and
# this one, like an English name) a reader trained on a dictionary comes nearest with this one.

_SPELT: dict[str, tuple[str, str, str]] = {
    "A": ("ai", "ay", "ay"), "I": ("igh", "y", "y"), "O": ("oa", "oh", "oa"), "W": ("ou", "ow", "ow"),
    "Y": ("oi", "oy", "oy"), "i": ("ee", "y", "i"), "u": ("oo", "oo", "oo"), "æ": ("a", "a", "a"),
    "ɑ": ("o", "ah", "ah"), "ɔ": ("aw", "aw", "aw"), "ə": ("a", "a", "a"), "ɛ": ("e", "eh", "eh"),
    "ɪ": ("i", "ih", "i"), "ʊ": ("oo", "oo", "oo"), "ʌ": ("u", "uh", "u"), "ɜ": ("ur", "ur", "ur"),
}  # fmt: skip
"""A vowel within a word, at its end, before another vowel."""

_SPELT_WITH_R: dict[str, tuple[str, str]] = {
    "ɜ": ("ur", "ur"), "ə": ("er", "er"), "ɔ": ("or", "or"), "ɑ": ("ar", "ar"), "ɛ": ("air", "err"),
    "ɪ": ("eer", "irr"), "ʊ": ("oor", "oor"),
}  # fmt: skip
"""A vowel and the r behind it; the second before a vowel."""

_SPELT_CONSONANTS = {
    "ɡ": "g",
    "j": "y",
    "ð": "th",
    "θ": "th",
    "ŋ": "ng",
    "ɹ": "r",
    "ʃ": "sh",
    "ʒ": "zh",
    "ʤ": "j",
    "ʧ": "ch",
}
_DOUBLED = {
    "b": "bb", "d": "dd", "f": "ff", "ɡ": "gg", "l": "ll", "m": "mm", "n": "nn", "p": "pp", "ɹ": "rr", "s": "ss",
    "t": "tt", "k": "ck", "ʧ": "tch", "z": "zz", "ʤ": "dge",
}  # fmt: skip
"""Behind a short vowel and before another vowel."""
_SHORT = "æɛɪɑʌ"


def respelling(ipa: str) -> str:
    """A spelling that English voices say about as ``ipa``: small letters, one word for each word of it."""
    return " ".join(_spelt(word.translate(_NO_STRESS)) for word in english(ipa).split())


_NO_STRESS = str.maketrans("", "", "ˈˌ")


def _spelt(word: str) -> str:
    parts: list[str] = []
    for at, sound in enumerate(word):
        before, after, beyond = word[at - 1 : at], word[at + 1 : at + 2], word[at + 2 : at + 3]
        if sound in VOWELS:
            parts.append(_spelt_vowel(sound, after, beyond, short=len(word) <= 3))
        elif not (sound == "ɹ" and before and before in _SPELT_WITH_R):
            parts.append(_spelt_consonant(sound, before, after, bool(parts) and parts[-1].endswith("ah")))
    return "".join(parts)


def _spelt_vowel(sound: str, after: str, beyond: str, short: bool) -> str:
    if after == "ɹ" and sound in _SPELT_WITH_R:
        return _SPELT_WITH_R[sound][beyond != "" and beyond in VOWELS]
    if not after:
        return "ee" if sound == "i" and short else _SPELT[sound][1]
    if after in VOWELS:
        return _SPELT[sound][2]
    open_syllable = beyond and beyond in VOWELS
    return "ah" if sound == "ɑ" and open_syllable else _SPELT[sound][0]


def _spelt_consonant(sound: str, before: str, after: str, long: bool) -> str:
    short = before != "" and before in _SHORT and not long
    if short and after and after in VOWELS:
        return _DOUBLED.get(sound, _SPELT_CONSONANTS.get(sound, sound))
    if not after and before and sound in "skf" and (before in _SHORT or (sound == "s" and before in VOWELS)):
        return _DOUBLED[sound]
    if sound == "ɡ" and after and after in "ɛɪi":
        return "gh"
    if sound == "ŋ" and after and after in "kɡ":
        return "n"
    return _SPELT_CONSONANTS.get(sound, sound)
