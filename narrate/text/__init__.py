"""BRICK: how written text is split and said. One rule per file, chained here. Pure: no files, no clocks.

A rule is a name, the languages it is for ("" is every language) and a function of text and language. They run in the
order of the table; each sees what the ones before it have written. A rule's cases stand in ``tests/cases/text``.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from functools import cache, partial
from typing import NamedTuple

from narrate.text import (
    abbreviations,
    bible,
    capitals,
    characters,
    codes,
    dates,
    fractions,
    languages,
    measures,
    money,
    numbers,
    printing,
    punctuation,
    ranges,
    roman,
    symbols,
    telephone,
    times,
    web,
)
from narrate.text.align import Region, Step, aligned


class Rule(NamedTuple):
    """One step of writing text as it is said. ``language`` is a primary subtag, "" for all, "other" for all but en.

    ``needs`` must find something in the text, or the rule is passed over: most sentences hold no figure and no sign,
    and a book has a hundred thousand of them.
    """

    name: str
    language: str
    apply: Callable[[str, str], str]
    needs: Callable[[str], object] | None = None


UNUSUAL = re.compile(r"[^\n -~¡¿À-ÿ‘’“”–—…]").search
FIGURE = re.compile(r"\d").search
SIGN = re.compile(r"[^\w\s.,;:!?—…'’‘\"“”()-]|_|[²³¹⁰-ⁿ]").search
SUM = re.compile(r"[\d¢½¼¾]").search
PART = re.compile(r"[\d¼-¾⅐-⅞↉]").search
GREEK = re.compile(r"[Α-ω]").search
ADDRESS = re.compile(r"\.\w|[@#]|://").search
_NEVER_IN_PROSE = frozenset((UNUSUAL, FIGURE, SIGN, SUM, PART, GREEK))
_PROSE = re.compile(r"[A-Za-zÀ-ÖØ-öø-ÿ ,.;:!?'’‘“”\"—…()-]*").fullmatch
"""Nine in ten pieces of a novel; none of ``_NEVER_IN_PROSE`` finds anything there, and none has to look."""


RULES: tuple[Rule, ...] = (
    Rule("grouped thousands", "", numbers.grouped, FIGURE),
    Rule("ordinal signs of other languages", "other", languages.ordinal_signs, re.compile(r"[ºª°№]").search),
    Rule("characters", "", characters.clean, UNUSUAL),
    Rule("lookalikes", "", characters.lookalikes, UNUSUAL),
    Rule("raised letters", "", characters.raised, UNUSUAL),
    Rule("addresses", "", web.addresses, ADDRESS),
    Rule("emoji", "", characters.no_emoji, UNUSUAL),
    Rule("handles", "en", web.handles, re.compile(r"\.\w|[@#]|/[\w.]|\\").search),
    Rule("about", "en", symbols.about, SIGN),
    Rule("ornaments", "", punctuation.ornaments, SIGN),
    Rule("printing", "en", printing.printing, re.compile(r"-(?<=[a-z]-) [a-z]|[\[(]\s?[….]|\[[A-Za-z]{1,5}\]").search),
    Rule("spaces", "", characters.spaces, characters.UNTIDY),
    Rule("dots", "", punctuation.dots, re.compile(r"[.!?,;:—…]\s?[.!?,;:—…]").search),
    Rule("oaths", "en", printing.oaths, re.compile(r"[dDhHGbw](?:[—–]|--)[a-z]").search),
    Rule("the Bible", "en", bible.bible, FIGURE),
    Rule("manuscripts", "en", abbreviations.manuscripts, re.compile(r"MSS?\b").search),
    Rule("roman numerals", "en", roman.roman, roman.likely),
    Rule("capitals", "en", capitals.capitals, capitals.LOUD),
    Rule("abbreviations", "en", abbreviations.abbreviations, abbreviations.likely),
    Rule("abbreviations beside figures", "en", abbreviations.with_figures, FIGURE),
    Rule("abbreviations with a slash", "en", abbreviations.slashed, SIGN),
    Rule("initials", "en", abbreviations.initials, re.compile(r"[A-Z]\.").search),
    Rule("telephone numbers", "en", telephone.telephone, FIGURE),
    Rule("spaced thousands", "en", numbers.spaced, FIGURE),
    Rule("codes", "en", codes.codes, FIGURE),
    Rule("dates", "en", dates.dates, FIGURE),
    Rule("times", "en", times.times, FIGURE),
    Rule("negative numbers", "en", numbers.negatives, FIGURE),
    Rule("money", "en", money.money, SUM),
    Rule("measures", "en", measures.measures, FIGURE),
    Rule("decades", "en", numbers.decades, FIGURE),
    Rule("ranges", "en", ranges.ranges, re.compile(r"[\d–]|A-Z").search),
    Rule("fractions", "en", fractions.fractions, PART),
    Rule("ordinals", "en", numbers.ordinals, FIGURE),
    Rule("powers", "en", symbols.powers, SIGN),
    Rule("years", "en", numbers.years, FIGURE),
    Rule("signs", "en", symbols.signs, SIGN),
    Rule("numbers", "en", numbers.bare, FIGURE),
    Rule("dates of other languages", "other", languages.dates, FIGURE),
    Rule("ordinals of other languages", "other", languages.ordinals, FIGURE),
    Rule("amounts of other languages", "other", languages.amounts, FIGURE),
    Rule("signs of other languages", "other", languages.signs, SIGN),
    Rule("numbers of other languages", "other", numbers.other_language, FIGURE),
    Rule("greek letters", "en", symbols.greek_letters, GREEK),
    Rule("dashes", "", punctuation.dashes, re.compile(r"[‐‑‒–―−⸺⸻]|[-—] ?[-—]|-(?<=\s-)\s").search),
    Rule("brackets", "en", symbols.brackets, re.compile(r"[\[{⟨【\]}⟩】]|\([\s,;.]*\)").search),
    Rule("quotation marks", "en", punctuation.quotes, punctuation.FOREIGN_OR_SINGLE),
    Rule("other signs", "en", symbols.rest, SIGN),
    Rule("spaces again", "", characters.spaces, characters.UNTIDY),
    Rule("stray marks", "", punctuation.no_stray_start, re.compile(r"^[\s,;:.!?…—)\]”-]").search),
)

_SPOKEN_SIGNS = frozenset("%‰&@#+=×÷±≈≠≤≥√∞©§°$£€¥¢₹№½¼¾℃℉")
_WORD = re.compile(r"[^\W_]\S*").findall
_UNSPACED = re.compile("[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\u0e00-\u0eff]")
"""Scripts written without blanks: kana, Han, Thai and Lao."""


def normalise(text: str, language: str = "en") -> str:
    """Write one sentence or paragraph as it is said.

    Pure and deterministic; a second pass changes nothing that is heard. Text with a letter or a digit never comes
    out empty, control and format characters never come out at all. Languages other than English get the rules that
    hold everywhere, and whole numbers in words where num2words knows the language.
    """
    said = text
    for rule in _rules(language, _PROSE(text) is not None):
        if rule.needs is None or rule.needs(said):
            said = rule.apply(said, language)
    return said


def normalise_aligned(text: str, language: str = "en") -> tuple[str, tuple[Region, ...]]:
    """``normalise``, and the regions that lead from each said word back to what was written for it.

    Slower than ``normalise`` by what has to be compared: each rule that changed something.
    """
    return aligned(text, steps(text, language))


def steps(text: str, language: str = "en") -> tuple[Step, ...]:
    """The rules for ``text`` as plain steps, to be run with others by ``align.aligned``."""
    return tuple(partial(_step, rule, language) for rule in _rules(language, _PROSE(text) is not None))


def _step(rule: Rule, language: str, text: str) -> str:
    return rule.apply(text, language) if rule.needs is None or rule.needs(text) else text


@cache
def _rules(language: str, prose: bool) -> tuple[Rule, ...]:
    """The rules for a text in ``language``; without those that have nothing to do in plain prose."""
    primary = language.partition("-")[0].lower() or "en"
    meant = ("", "en") if primary == "en" else ("", "other", primary)
    return tuple(rule for rule in RULES if rule.language in meant and not (prose and rule.needs in _NEVER_IN_PROSE))


def speakable(text: str) -> bool:
    """Whether ``text`` holds anything to say: a letter, a digit, or a sign that has a name."""
    return any(character.isalnum() or character in _SPOKEN_SIGNS for character in text)


def words(text: str) -> int:
    """Count the words of ``text``: runs between blanks that hold a letter or a digit.

    In scripts written without blanks two characters count as one word.
    """
    unspaced = 0 if text.isascii() else sum(map(_is_letter, _UNSPACED.findall(text)))
    spaced = _UNSPACED.sub(lambda found: " " if _is_letter(found[0]) else found[0], text) if unspaced else text
    return (unspaced + 1) // 2 + len(_WORD(spaced))


def _is_letter(character: str) -> bool:
    return unicodedata.category(character)[0] in "LM"
