"""Drop caps: the first letter of a chapter, set large, is one word with what follows."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

from lxml import etree

from narrate.markup.elements import BLOCKS, UNREAD, name_of
from narrate.markup.senses import DROP_CAP_CLASSES, sense_of

# A letter, perhaps behind an opening quotation mark.
_INITIAL = re.compile(r"[\"'“‘«„¿¡]?[^\W\d_]")
# Letters that are words by themselves in the languages that are written with drop caps.
_WORDS = frozenset("aioeyuàéóúíáhkswvzаиоувскя")
_VOWEL = re.compile(r"[aeiouy]")
_ONSETS = frozenset(
    [
        "bl",
        "br",
        "ch",
        "cl",
        "cr",
        "cz",
        "dr",
        "dw",
        "fl",
        "fr",
        "gh",
        "gl",
        "gn",
        "gr",
        "kh",
        "kl",
        "kn",
        "kr",
        "ph",
        "pf",
        "pl",
        "pr",
        "ps",
        "qu",
        "rh",
        "sc",
        "sh",
        "sk",
        "sl",
        "sm",
        "sn",
        "sp",
        "sq",
        "sr",
        "st",
        "sv",
        "sw",
        "sz",
        "th",
        "tr",
        "ts",
        "tw",
        "vl",
        "vr",
        "wh",
        "wr",
        "zh",
        "zw",
    ]
)
_FIRST_WORD = re.compile(r"[^\W\d_]+")


def is_initial(text: str) -> bool:
    """Whether ``text`` is one letter, as a drop cap is."""
    return _INITIAL.fullmatch(text) is not None


def belongs(letter: str, rest: str, vocabulary: Callable[[], Mapping[str, int]]) -> bool:
    """Whether ``letter``, a drop cap with a blank behind it, begins the word that ``rest`` goes on with.

    A letter that may be a word by itself ("A cat", but "A fter") is tried against the words of the page and how often
    they occur, ``rest`` at this place among them; where they do not tell, by whether ``rest`` can begin a word.
    """
    word = _FIRST_WORD.match(rest)
    if word is None:
        return False
    initial, half = letter[-1].casefold(), word[0].casefold()
    if initial not in _WORDS:
        return True
    known = vocabulary()
    elsewhere = known.get(half, 0) > 1
    if known.get(initial + half, 0):
        return not elsewhere
    return not elsewhere and not _may_begin(half)


def _may_begin(word: str) -> bool:
    """Whether a word may begin like this: with a vowel in it, and not with two consonants that begin none."""
    if not word.isascii():
        return True
    if not _VOWEL.search(word):
        return False
    return _VOWEL.search(word[:2]) is not None or word[:2] in _ONSETS


def pictured_initial(image: etree._Element) -> str:
    """The letter ``image`` stands for, when it is a drop cap: it opens a block, and a letter follows."""
    letter = (image.get("alt") or "").strip()
    if not _INITIAL.fullmatch(letter):
        return ""
    element: etree._Element | None = image
    following = ""
    while element is not None and name_of(element) not in BLOCKS:
        following = following or (element.tail or "")
        before = element.getprevious()
        parent = element.getparent()
        if before is not None or parent is None or (parent.text or "").strip():
            return ""
        if not following.strip() and element.getnext() is not None:
            inner = element.getnext()
            following = (inner.text or "") if inner is not None and name_of(inner) not in BLOCKS else ""
        element = parent
    rest = following.lstrip()
    marked = bool(set((image.get("class") or "").lower().split()) & DROP_CAP_CLASSES)
    joins = rest[:1].isalpha() and (rest[:1].islower() or rest[:2].isupper() or marked)
    return letter if joins and not _is_silent(image) else ""


def _is_silent(image: etree._Element) -> bool:
    """Whether the picture stands in something that is not running text."""
    return any(
        sense_of(around).silent is not None or name_of(around) in (*UNREAD, "rt", "rtc") for around in _chain(image)
    )


def _chain(element: etree._Element) -> Iterator[etree._Element]:
    yield element
    for parent in element.iterancestors("{*}*"):
        if name_of(parent) == "body":
            return
        yield parent
