"""BRICK: how written text is split and said. One rule per file, chained here. Pure: no files, no clocks.

A rule is a name, the languages it is for ("" is every language) and a function of text and language. They run in the
order of the table; each sees what the ones before it have written. A rule's cases stand in ``tests/cases/text``.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from typing import NamedTuple

from narrate.text import (
    abbreviations,
    capitals,
    characters,
    dates,
    fractions,
    measures,
    money,
    numbers,
    punctuation,
    ranges,
    roman,
    symbols,
    telephone,
    times,
    web,
)


class Rule(NamedTuple):
    """One step of writing text as it is said. ``language`` is a primary subtag, "" for all, "other" for all but en.

    ``needs`` must be found in the text, or the rule is passed over: most sentences hold no figure and no sign.
    """

    name: str
    language: str
    apply: Callable[[str, str], str]
    needs: re.Pattern[str] | None = None


UNUSUAL = re.compile(r"[^\n -~¡¿À-ÿ‘’“”–—…]")
FIGURE = re.compile(r"\d")
SIGN = re.compile(r"[^\w\s.,;:!?—…'’\"“”-]|_|[²³¹⁰-ⁿ]")
ADDRESS = re.compile(r"[@#]|\w\.\w|://")


RULES: tuple[Rule, ...] = (
    Rule("grouped thousands", "", numbers.grouped, FIGURE),
    Rule("characters", "", characters.clean, UNUSUAL),
    Rule("lookalikes", "", characters.lookalikes, UNUSUAL),
    Rule("raised letters", "", characters.raised, UNUSUAL),
    Rule("addresses", "", web.addresses, ADDRESS),
    Rule("emoji", "", characters.no_emoji, UNUSUAL),
    Rule("handles", "en", web.handles, ADDRESS),
    Rule("about", "en", symbols.about, SIGN),
    Rule("ornaments", "", punctuation.ornaments, SIGN),
    Rule("spaces", "", characters.spaces),
    Rule("dots", "", punctuation.dots, re.compile(r"[.!?,;:—…]\s?[.!?,;:—…]")),
    Rule("roman numerals", "en", roman.roman),
    Rule("capitals", "en", capitals.capitals, re.compile(r"[^\W\d_a-z][^\W\d_a-z’'-]")),
    Rule("abbreviations", "en", abbreviations.abbreviations),
    Rule("initials", "en", abbreviations.initials, re.compile(r"[A-Z]\.")),
    Rule("telephone numbers", "en", telephone.telephone, FIGURE),
    Rule("dates", "en", dates.dates, FIGURE),
    Rule("negative numbers", "en", numbers.negatives, FIGURE),
    Rule("times", "en", times.times, FIGURE),
    Rule("money", "en", money.money, re.compile(r"\d|¢")),
    Rule("measures", "en", measures.measures, FIGURE),
    Rule("decades", "en", numbers.decades, FIGURE),
    Rule("ranges", "en", ranges.ranges, re.compile(r"\d|–")),
    Rule("fractions", "en", fractions.fractions, re.compile(r"\d|[¼-¾⅐-⅞↉]")),
    Rule("ordinals", "en", numbers.ordinals, FIGURE),
    Rule("powers", "en", symbols.powers, SIGN),
    Rule("years", "en", numbers.years, FIGURE),
    Rule("signs", "en", symbols.signs, SIGN),
    Rule("numbers", "en", numbers.bare, FIGURE),
    Rule("numbers of other languages", "other", numbers.other_language, FIGURE),
    Rule("greek letters", "en", symbols.greek_letters),
    Rule("dashes", "", punctuation.dashes, re.compile(r"[-‐‑‒–—―−⸺⸻]")),
    Rule("brackets", "en", symbols.brackets, SIGN),
    Rule("quotation marks", "en", punctuation.quotes),
    Rule("other signs", "en", symbols.rest, SIGN),
    Rule("spaces again", "", characters.spaces),
    Rule("stray marks", "", punctuation.no_stray_start),
)

_SPOKEN_SIGNS = frozenset("%‰&@#+=×÷±≈≠≤≥√∞©§°$£€¥¢₹№½¼¾℃℉")
_UNSPACED = re.compile("[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\u0e00-\u0eff]")
"""Scripts written without blanks: kana, Han, Thai and Lao."""


def normalise(text: str, language: str = "en") -> str:
    """Write one sentence or paragraph as it is said.

    Pure and deterministic; a second pass changes nothing that is heard. Text with a letter or a digit never comes
    out empty, control and format characters never come out at all. Languages other than English get the rules that
    hold everywhere, and whole numbers in words where num2words knows the language.
    """
    primary = language.partition("-")[0].lower() or "en"
    said = text
    for rule in RULES:
        meant = rule.language in ("", primary) or (rule.language == "other" and primary != "en")
        if meant and (rule.needs is None or rule.needs.search(said)):
            said = rule.apply(said, language)
    return said


def speakable(text: str) -> bool:
    """Whether ``text`` holds anything to say: a letter, a digit, or a sign that has a name."""
    return any(character.isalnum() or character in _SPOKEN_SIGNS for character in text)


def words(text: str) -> int:
    """Count the words of ``text``: runs between blanks that hold a letter or a digit.

    In scripts written without blanks two characters count as one word.
    """
    unspaced = sum(map(_is_letter, _UNSPACED.findall(text)))
    spaced = _UNSPACED.sub(lambda found: " " if _is_letter(found[0]) else found[0], text) if unspaced else text
    return (unspaced + 1) // 2 + sum(any(map(str.isalnum, run)) for run in spaced.split())


def _is_letter(character: str) -> bool:
    return unicodedata.category(character)[0] in "LM"
