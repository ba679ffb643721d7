"""A chapter's title as a listener would want it: number and name together, from the contents and the page."""

from __future__ import annotations

import re
from collections.abc import Sequence

from narrate.markup.passage import bare, same_words

_WORDS = (
    "chapter|chap|ch|part|book|volume|vol|act|scene|section|letter|canto|stave|episode|lesson|unit|day|night|number|no"
    "|kapitel|teil|buch|band|akt|szene|brief|abschnitt|gesang|chapitre|partie|livre|tome|acte|scène|lettre"
    "|section|chant"
    "|capítulo|capitulo|parte|libro|tomo|acto|escena|carta|sección|capitolo|atto|scena|lettera|volume|sezione"
    "|cena|ato|seção|hoofdstuk|deel|boek|bedrijf|kapittel|del|bok|luku|osa|rozdział|część|księga"
    "|kapitola|část|fejezet|rész"
    "|глава|часть|книга|том|письмо|розділ|частина|bölüm|kısım|κεφάλαιο|μέρος"
)
_NUMBER_WORDS = (
    "one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen"
    "|eighteen"
    "|nineteen|(?:twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety)(?:[- ](?:one|two|three|four|five|six"
    "|seven|eight"
    "|nine))?|(?:the )?(?:first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|last)"
    "|eins|zwei|drei|vier|fünf|sechs|sieben|acht|neun|zehn|elf|zwölf|un|une|deux|trois|quatre|cinq|sept|huit|neuf|dix"
    "|onze|douze|premier|première|primero|primera|uno|dos|tres|cuatro|cinco|seis|siete|ocho|nueve|diez|due|tre|quattro"
    "|cinque|sei|sette|otto|nove|dieci|primo|prima|um|dois|três|quatro|sete|oito|dez|een|twee|drie|vijf|zes|zeven"
)
_ROMAN = r"(?=[MDCLXVI])M{0,3}(?:CM|CD|D?C{0,4})(?:XC|XL|L?X{0,4})(?:IX|IV|V?I{0,4})"
_NUMBER = rf"(?:\d{{1,4}}(?:\.\d{{1,3}})*|{_ROMAN}|{_NUMBER_WORDS})"
_CJK_NUMBER = r"第?\s*[〇零一二三四五六七八九十百千\d]+\s*[章回節节部巻卷話话編编]?"
_BARE = re.compile(
    rf"(?:(?:{_WORDS})\.?\s*(?:the\s+)?(?:no\.?\s*)?)?(?:{_NUMBER})|{_CJK_NUMBER}|(?:{_WORDS})", re.IGNORECASE
)
_STOP = r"\s*[.:)/|–—-]+\s+|\s+|(?<=\d)[.:)]+"
_AHEAD = re.compile(
    rf"(?P<label>(?:(?:{_WORDS})\.?\s+)?{_NUMBER}|{_CJK_NUMBER})(?P<stop>{_STOP})(?P<rest>\S.*)",
    re.IGNORECASE | re.DOTALL,
)
_WORD = re.compile(rf"(?:{_WORDS})\.?\s*", re.IGNORECASE)
_EDGE = " .:–—-·•*|/"
_LONGEST = 120  # characters of a heading that may complete a label; more is a summary of the chapter
_FIRST_WORDS = 40
_LETTERS = {"", "c", "d", "l", "m"}  # chapters 50, 100, 500 and 1,000 by themselves are letters of the alphabet


def is_label(text: str) -> bool:
    """Whether ``text`` is only a number or the name of a division and its number: "4", "IV", "Chapter Four"."""
    text = text.strip(_EDGE)
    return text.casefold() not in _LETTERS and _BARE.fullmatch(text) is not None


def complete(label: str, headings: Sequence[str]) -> str:
    """The title of a chapter whose contents entry says ``label`` and whose page begins with ``headings``.

    The contents have the last word, but a bare label gets the name that stands on the page: ("4", "The Whale") and
    ("Chapter 4", "4. The Whale") become "4. The Whale" and "Chapter 4. The Whale".
    """
    if label and not is_label(label):
        return label
    heading = joined(headings)
    if not label or not heading:
        return label or heading
    if len(heading) > _LONGEST or same_words(label, heading):
        return label
    number, rest = _divided(heading)
    if not number:
        return f"{label.rstrip(_EDGE)}. {heading}"
    if _number_of(number) != _number_of(label):
        # a label that only counts: the page knows better, unless both are whole labels at odds
        return heading if label.isdigit() and _WORD.match(number) else label
    if not rest:
        return max(label, number.rstrip(_EDGE), key=len)
    longer = label if len(bare(label)) >= len(bare(number)) else number
    return f"{longer.rstrip(_EDGE)}. {rest}"


def joined(headings: Sequence[str]) -> str:
    """The first heading, and what follows it when it is only a label: "Chapter 4", "The Whale" are one title."""
    title = ""
    for heading in headings:
        heading = " ".join(heading.split())
        if not title:
            title = heading
        elif same_words(title, heading):
            continue
        else:
            title = f"{title.rstrip(_EDGE)} {heading}" if _is_word(title) else f"{title.rstrip(_EDGE)}. {heading}"
        if not is_label(heading):
            break
    return title


def first_words(text: str) -> str:
    """The beginning of a text, for what has no other name."""
    flat = " ".join(text.split())
    if len(flat) <= _FIRST_WORDS:
        return flat.rstrip(" ,;:")
    return (flat[:_FIRST_WORDS].rpartition(" ")[0] or flat[:_FIRST_WORDS]).rstrip(" ,;:.") + "…"


def _divided(heading: str) -> tuple[str, str]:
    """(label, name) of a heading; the label is "" when it does not begin with one."""
    if is_label(heading):
        return heading, ""
    found = _AHEAD.fullmatch(heading)
    if not found:
        return "", heading
    label, stop = found["label"], found["stop"]
    # "I went home" and "Two Cities" begin with no number; "Chapter I Went Home" and "1 The Whale" do
    if not stop.strip() and not _WORD.match(label) and not label.isdigit():
        return "", heading
    return label, found["rest"]


def _is_word(text: str) -> bool:
    return _WORD.fullmatch(text.strip(_EDGE)) is not None


_ROMAN_VALUES = {"i": 1, "v": 5, "x": 10, "l": 50, "c": 100, "d": 500, "m": 1000}
_SPELLED = {
    word: number
    for number, word in enumerate(
        ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen",
         "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty"),
        start=1,
    )
}  # fmt: skip


def _number_of(label: str) -> str:
    """The number in a label, however it is written, so that "Chapter IV", "4" and "FOUR" compare alike."""
    last = _WORD.sub("", label.strip(_EDGE).casefold(), count=1).strip(_EDGE)
    if last in _SPELLED:
        return str(_SPELLED[last])
    if re.fullmatch(_ROMAN, last, re.IGNORECASE):
        values = [_ROMAN_VALUES[letter] for letter in last]
        following = [*values[1:], 0]
        return str(sum(-one if one < other else one for one, other in zip(values, following, strict=True)))
    return last.lstrip("0") or last
