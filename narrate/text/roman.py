"""Rule about Roman numerals: Chapter II, Henry VIII, a heading "XXIII", "IV. The Quest", never the pronoun I."""

from __future__ import annotations

import re

from narrate.text.characters import listed
from narrate.text.numbers import FUNCTION_WORDS, cardinal, ordinal, year

_VALUES = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}
_SHAPE = r"M{0,3}(?:CM|CD|D?C{0,3})(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3})"
_VALID = re.compile(_SHAPE)

_WORDS = listed("MIX DIX MI DI CD DC MD MC CC MM CV DV DIV LIV CIV CIX MCI MDC CM VI")
"""Numerals that are words, names or initials: they need a word like "chapter" before them ("VI" may stand alone)."""

_DIVISIONS = (
    "chapter|chap|ch|book|bk|part|pt|act|scene|sc|volume|vol|canto|section|sec|letter|stave|article|art|appendix|"
    "figure|fig|plate|table|phase|psalm|lesson|episode|number|no|nos|war|verse|stanza|sonnet|fit|fytte|tome|class|"
    "type|grade|level|group|series|season|day|night|page|p|pp|note|item|case|problem|proposition|axiom|mark|"
    "exhibit|division|bowl|title|tale|story|ode|elegy|epistle|satire|eclogue|georgic|symphony|opus"
)
_KINGS = listed(
    "Adrian Alexander Alfonso Alfred Anastasius Antiochus Baldwin Basil Benedict Boniface Callixtus Carlos "
    "Caroline Casimir Catherine Celestine Charles Christian Clement Conrad Constantine Cosimo Darius David "
    "Donald Edmund Edward Elizabeth Eric Eugene Ferdinand Francis Frederick Gaston George Gregory Gustav "
    "Gustavus Haakon Harald Harold Henri Henry Honorius Humbert Innocent Isabella Ivan James Joan John Joseph "
    "Juan Julius Justinian Kenneth Leo Leopold Lothair Louis Ludwig Magnus Malcolm Manuel Margaret Margrethe "
    "Mary Matilda Maximilian Mehmed Michael Murad Napoleon Nero Nicholas Olaf Olav Oscar Otho Otto Paul Pedro "
    "Peter Philip Philippe Pius Ptolemy Rameses Ramesses Richard Robert Rudolf Rudolph Sancho Selim Sigismund "
    "Sixtus Stephen Suleiman Theodosius Thutmose Umberto Urban Victor Victoria Wilhelm William Xerxes Emmanuel "
    "Amadeus Afonso Henrique Pope Auguste Augustus Achmet Ahmed Hamid Mustafa Mahmud Osman Theodore "
    "Stanislaus "
    "Ladislaus Wenceslaus Wenceslas Bela Demetrius Seleucus Mithridates Artaxerxes Agrippa Tiberius Friedrich "
    "Karl Heinrich Rainier Albert Alphonse Alphonso Amadeo Vittorio Emanuel "
    "Gustaf Carl Willem Alexius Andronicus Romanus Constans "
    "Valentinian Agapetus Sylvester Silvester Hadrian Lucius Marcellus Eugenius Alexandre François Jean Napoléon João "
    "Kamehameha Rama Hassan Mohammed Mohamed Muhammad Faisal Abdullah Hussein Cyrus Cambyses Seti Amenhotep Amenemhat "
    "Pepi Mentuhotep Nebuchadnezzar Sargon Shalmaneser Ramses Mindaugas Ottokar Borso Ercole Galeazzo Ranuccio"
)
_CROWN = listed("King Queen Pope Emperor Empress Tsar Czar Kaiser Prince Duke Sultan Pharaoh Saint")

# the look behind stands after the first letter, so that the search may leap from one such letter to the next
_NUMERAL = re.compile(
    r"([IVXLCDM](?<![\w’'.-].)[IVXLCDM]{0,11})(th|st|nd|rd)?(?![\w&@/]|[’'](?!s\b)|[-–][A-Z][a-z]|\.\w)"
)
_SMALL = re.compile(r" (?<=[a-zA-Z.][ ])([ivxlcm]{1,12})(?![\w’'-])")
_RANGE_LIKELY = re.compile(r"[–-][ivxlc]").search
_SMALL_RANGE = re.compile(r"(?<![\w’'.-])([ivxlc]{1,10})[–-]([ivxlc]{1,10})(?![\w’'-])")
_NO_NAME = listed(
    "A After Again Ah Alas All Although Am And As At Because Before But By Can Could Did Do Ere Even Ever For Had Have "
    "Here Hence How If In Indeed Is Just Lest May Might Must Nay Neither Never No Nor Not Now O Often Oh On Once Or "
    "Perhaps Shall Should Since So Soon Still Than That The Then There Therefore Thus Though Till To Unless Until Was "
    "Well Were What Whatever When Whenever Where Whether Which While Who Whom Why Will With Would Yes Yet"
)
_CLEAR = re.compile(
    r"[VXLCDM](?![a-z’'])|I[IVXLCDM]|[IVX]+[’']s|[IVXLCDM](?:th|st|nd|rd)\b|\([ivx]+\)|[ivxlc][–-][ivxlc]"
).search
_SMALL_LIKELY = re.compile(r" [ivxlcm]+(?![\w’'-])").search
_AT_START = re.compile(r"\W*(?:I\b|[ivx]+\. )").match
_LONE = re.compile(r" I\b(?![’'])").finditer
_LAST_WORD = re.compile(r"([^\W\d_]+)([.,]?)$")
_SHORT_DIVISIONS = listed("vol vols ch chs chap chaps bk bks pt pts fig figs sc no nos")


def likely(text: str) -> object:
    """Whether a numeral may stand in ``text``. Quick, so that prose full of the pronoun is not looked through slowly:
    "I" counts only at the start, behind a capitalised word that no sentence begins with, or behind "vol."."""
    return _CLEAR(text) or _SMALL_LIKELY(text) or _AT_START(text) or any(map(_named, _LONE(text)))


def _named(lone: re.Match[str]) -> bool:
    before = _LAST_WORD.search(lone.string, max(0, lone.start() - 16), lone.start())
    if before is None:
        return False
    word, stop = before.groups()
    return (word[0].isupper() and word not in _NO_NAME) or (bool(stop) and word in _SHORT_DIVISIONS)


_DIVISION_BEFORE = re.compile(rf"(?:^|(?<=[\W_]))(?:{_DIVISIONS})s?\.?,?\s?$", re.IGNORECASE)
_SURE_DIVISION_BEFORE = re.compile(
    r"(?:^|(?<=[\W_]))(?:(?:Chap(?:ter)?|CHAPTER|Book|BOOK|Part|PART|Act|ACT|Scene|SCENE|Volume|VOLUME|Canto|"
    r"CANTO|"
    r"Section|SECTION|Stave|STAVE|Article|Appendix|Figure|Plate|Table|Phase|PHASE|Type|Class|World War|WORLD WAR)|"
    r"(?:[Vv]ols?|[Cc]h|[Cc]haps?|[Bb]k|[Pp]t|[Ff]ig|[Ss]c|Nos?)\.),?\s?$"
)
_FOLLOWING = re.compile(r"\s([a-z]+)")
_AFTER_NUMERAL = listed("of and to in the by for on or")
_WORD_BEFORE = re.compile(r"([^\W\d_]+)[ ]$")
_NAME_BEFORE = re.compile(r"([^\W\d_]+)(?: (the|The|THE))?[ ]$")
_ALONE_DIVISION = re.compile(rf"[“(\[]?(?:{_DIVISIONS})\s", re.IGNORECASE)
_ENUMERATOR = re.compile(r"\(([ivx]{2,6})\)|^\(([iv])\)(?= )|^([ivx]{1,6})\.(?= (?!e\.))")
_LONG_WORDS = listed("MIX DIX LIV CIV DIV CLI XXX CCC CLL XXL XXV")
_TITLE_BEFORE = re.compile(r"([^\W\d_]+)[ ][^\W\d_]+[ ]$")
_HEADING = re.compile(r"^[\s(\[“\"*—–-]*$")
_CENTURY = re.compile(r"\s(?:century|centuries|dynasty|arrondissement|corps)\b", re.IGNORECASE)
_HEADING_TAIL = re.compile(r"[.:)—–,-]?\s*$")


def value(numeral: str) -> int:
    """The value of a Roman numeral in capitals, 0 when it is none in its usual form."""
    if not numeral or not _VALID.fullmatch(numeral):
        return 0
    numbers = [_VALUES[letter] for letter in numeral]
    return sum(-here if here < after else here for here, after in zip(numbers, [*numbers[1:], 0], strict=True))


def roman(text: str, language: str = "en") -> str:
    """Roman numerals where they are numbers. What could as well be a word, a name or an initial stays."""
    if _RANGE_LIKELY(text):
        text = _SMALL_RANGE.sub(_small_range, text)
    text = _SMALL.sub(_small, text)
    text = _ENUMERATOR.sub(_enumerated, text)
    return _NUMERAL.sub(_numeral, text)


def _small(found: re.Match[str]) -> str:
    numeral = found[1]
    amount = value(numeral.upper())
    before = found.string[max(0, found.start() - 15) : found.start() + 1]
    if not 0 < amount < 400 or not _DIVISION_BEFORE.search(before):
        return found[0]
    if len(numeral) == 1 and before[-2] != "." and found.string[found.end() : found.end() + 1] == " ":
        return found[0]
    return f" {cardinal(amount)}"


def _enumerated(found: re.Match[str]) -> str:
    """(ii) and, at the start of a text, "ii."."""
    amount = value((found[1] or found[2] or found[3]).upper())
    if not amount:
        return found[0]
    return f"{cardinal(amount)}." if found[3] else f"({cardinal(amount)})"


def _small_range(found: re.Match[str]) -> str:
    first, last = value(found[1].upper()), value(found[2].upper())
    return f"{cardinal(first)} to {cardinal(last)}" if 0 < first < last else found[0]


def _numeral(found: re.Match[str]) -> str:
    numeral, suffix = found[1], found[2]
    amount = value(numeral)
    if not amount or (suffix and amount < 2):
        return found[0]
    text = found.string
    before, after = text[max(0, found.start() - 40) : found.start()], text[found.end() : found.end() + 40]
    if suffix or (_CENTURY.match(after) and len(numeral) > 1):
        return ordinal(amount)
    if len(numeral) >= 4 and 1000 <= amount < 2100:
        return year(amount)
    for reading in (_after_division, _of_a_king, _heading, _by_itself):
        said = reading(numeral, amount, before, after, found.start() <= 40)
        if said:
            return said
    return found[0]


def _after_division(numeral: str, amount: int, before: str, after: str, whole: bool) -> str:
    if not _DIVISION_BEFORE.search(before):
        return ""
    if numeral == "I":
        sure = _SURE_DIVISION_BEFORE.search(before)
        following = _FOLLOWING.match(after)
        alone = whole and _ALONE_DIVISION.fullmatch(before) and _HEADING_TAIL.fullmatch(after)
        if not alone and (not sure or (following and following[1] not in _AFTER_NUMERAL)):
            return ""  # "the Book I read", "one Day I was"
    return cardinal(amount)


def _of_a_king(numeral: str, amount: int, before: str, after: str, whole: bool) -> str:
    name = _NAME_BEFORE.search(before)
    if not name or amount > 39 or name[1].capitalize() not in _KINGS:
        return ""
    if name[2]:
        return ordinal(amount) if numeral != "I" and name[1][:1].isupper() else ""  # Henry the VIII
    if not name[1][:1].isupper() or (numeral == "X" and name[1] == "Malcolm"):
        return ""
    if numeral == "I":
        title = _TITLE_BEFORE.search(before)
        crowned = bool(title) and title is not None and title[1].capitalize() in _CROWN
        if not crowned and re.match(r"\s+(?!of\b|was\b|is\b|had\b|in\b|and\b|to\b|who\b|\()", after):
            return ""  # "Well, Henry I am glad"
    return f"the {ordinal(amount)}"


def _heading(numeral: str, amount: int, before: str, after: str, whole: bool) -> str:
    """A text that is, or begins with, a numeral."""
    if not whole or not _HEADING.match(before):
        return ""
    alone = bool(_HEADING_TAIL.fullmatch(after))
    if alone:
        ambiguous = numeral in _WORDS - {"VI"} or numeral in "CDM"
        return "" if ambiguous else cardinal(amount)
    if not re.match(r"[.:)—–]", after) or numeral in "LCDM":
        return ""
    if len(numeral) == 1:
        rest = after[1:].strip()
        initials = re.match(r"[A-Z]\.", rest)
        prose = len(after) >= 40 or rest.endswith((".", "!", "?", "…")) or not rest[:1].isupper()
        return "" if initials or prose or (numeral == "I" and after[0] in "—–") else cardinal(amount)
    return "" if numeral in _WORDS - {"VI"} else cardinal(amount)


def _by_itself(numeral: str, amount: int, before: str, after: str, whole: bool) -> str:
    if len(numeral) >= 3 and "X" in numeral and not set(numeral) - set("IVXLC") and numeral not in _LONG_WORDS:
        return cardinal(amount)
    if len(numeral) < 2 or set(numeral) - set("IVX") or amount > 39:
        return ""
    word = _WORD_BEFORE.search(before)
    if numeral == "IV" and word and word[1].lower() in FUNCTION_WORDS | {"the"}:
        return ""  # the drip of a hospital
    return cardinal(amount)
