"""Cuts between sentences that are none: where a library's rules end a sentence too early, by the words around it."""

from __future__ import annotations

import re
from typing import NamedTuple

from narrate.text.shortened import BEFORE_NAME, BEFORE_NUMBER, FIRST_NAMES, RANKS

_NEAR = 48
"""Characters on either side of a cut that are looked at."""


class Mend(NamedTuple):
    """A cut is no end of a sentence in ``languages`` (primary subtags, none for all) where ``left`` is found at the
    end of what is before it and ``right`` at the start of what is behind it. ``because`` is the reason, for readers.
    """

    because: str
    languages: frozenset[str]
    left: re.Pattern[str]
    right: re.Pattern[str]


def _any(words: object) -> str:
    return "|".join(sorted(map(re.escape, words), key=len, reverse=True))  # type: ignore[call-overload]


def _mend(because: str, languages: str, left: str, right: str) -> Mend:
    return Mend(because, frozenset(languages.split()), re.compile(rf"(?:{left})\s*$"), re.compile(rf"\s*(?:{right})"))


_SAID = (
    "said|cried|asked|replied|answered|exclaimed|shouted|whispered|called|returned|murmured|muttered|added|continued|"
    "thought|began|repeated|screamed|laughed|sighed|growled|roared|gasped|yelled|demanded|inquired|enquired|observed|"
    "remarked|interrupted|put in|went on|broke in"
)
_LOWER = "[a-zà-öø-ÿа-яёα-ω]"

MENDS: tuple[Mend, ...] = (
    _mend("a sentence does not go on with a small letter", "", r"\.[”’\"')»]*|[!?…][”’\"'»]", rf"[“‘\"'(«]?{_LOWER}"),
    _mend("speech goes on behind a dash: —¡Alto! —dijo él", "", r"[.!?…][”\"»]|[!¡?]", rf"[—–] ?{_LOWER}"),
    _mend("a number with a dot alone begins an item of a list", "",
          r"(?:^|\n)\s*\(?(?:\d{1,3}|[A-Za-z]|[IVX]{1,5})[.)]", r"\S"),
    _mend("a title stands before a name", "en", rf"(?<![\w.])(?:{_any({**BEFORE_NAME, **FIRST_NAMES, **RANKS})})\.",
          r"[A-Z]"),
    _mend("No., Vol. and p. stand before a number", "en", rf"(?<![\w.])(?:{_any(BEFORE_NUMBER)}|approx|Approx)\.",
          r"\d|[IVXLC]+\b(?<!\bI)|[ivxlc]+\b(?<!\bi)"),
    _mend("a question or a shout is said by a name: “Come!” Holmes cried", "en", r"[!?…][”’\"']",
          rf"(?!(?:He|She|It|They|We|I|You|Nobody|Everyone|Everybody)\b)(?:(?:Mr|Mrs|Miss|Dr|Sir|Lady|Lord)\.? )?"
          rf"[A-Z][\w’-]+(?: [A-Z][\w’-]+)? (?:{_SAID})\b"),
    _mend("a numeral with a dot is an ordinal: im 19. Jahrhundert", "de",
          r"\b(?:[Ii]m|[Aa]m|[Vv]om|[Zz]um|[Zz]ur|[Bb]eim|[Dd](?:er|em|en|es|as|ie)|[Ee]in(?:e[mnrs]?)?|[Jj]ede[mnrs]|bis|"
          r"seit|ab|und|bis zum) \d{1,3}\.", r"[A-ZÄÖÜ]"),
    _mend("a numeral with a dot is an ordinal", "de da no nb nn cs sk sl hr fi hu",
          r"\d{1,3}\.", r"(?:Jahrhundert|Kapitel|Band|Auflage|Weltkrieg|Januar|Februar|März|April|Mai|Juni|Juli|August|"
          r"September|Oktober|November|Dezember|Januar|Jh)"),
    _mend("a title stands before a name", "fr", r"(?<![\w.])(?:M|MM|Mme|Mmes|Mlle|Mlles|Dr|Me|St|Ste)\.", r"[A-ZÀ-Þ]"),
    _mend("a title or an initial stands before a name", "pl ru uk cs sk bg sr",
          r"(?<![\w.])(?:[A-ZА-ЯĄĆĘŁŃÓŚŹŻ]|[Pp]|[Dd]r|[Pp]rof|[гГ])\.",
          r"[A-ZĄĆĘŁŃÓŚŹŻА-ЯЁ]\w"),
    _mend("quoted speech is reported: 「…」と言った", "ja", r"[」』]", r"(?:と|って|、|。|との|という)"),
    _mend("quoted speech is reported: “…”他说", "zh",
          r"[！？…。][”」』]", r"[^，。！？“”]{0,6}(?:说|道|问|喊|叫|答|嚷|笑)"),
)  # fmt: skip


def mended(text: str, ends: list[int], language: str) -> list[int]:
    """``ends`` without those that are inside a sentence after all."""
    rules = [mend for mend in MENDS if not mend.languages or language in mend.languages]
    kept: list[int] = []
    start = 0
    for end in ends:
        if end < len(text) and _goes_on(text[max(start, end - _NEAR) : end], text[end : end + _NEAR], rules):
            continue
        kept.append(end)
        start = end
    return kept


def _goes_on(left: str, right: str, rules: list[Mend]) -> bool:
    return any(mend.right.match(right) and mend.left.search(left) for mend in rules)
