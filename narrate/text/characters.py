"""Rules about characters: what no voice can say is dropped or written in plain letters. For every language."""

from __future__ import annotations

import re
import unicodedata

_LOOKALIKES = frozenset(
    ("<font>", "<wide>", "<narrow>", "<compat>", "<circle>", "<initial>", "<medial>", "<final>", "<isolated>")
)
"""Compatibility decompositions (UAX #44) of letters and digits that are read as the plain character."""

_SPOKEN_SIGNS = frozenset("°℃℉№©®™℗♭♮♯%&@#+=±×÷<>≤≥≈≠√∞$£€¥¢₹§µΩ^~|/\\→←↑↓′″")
"""Signs other rules write out; the emoji rule leaves them."""

_SPACES = re.compile(r"[^\S\n]+")
_BREATH = re.compile(r"(?<=\w)([”’\"')\]]{0,4}) ?\n\s*")
_LINES = re.compile(r" ?\n\s*")
_BEFORE_MARK = re.compile(r" (?=[,.;:!?…)\]”](?:\s|$))")

UNTIDY = re.compile(r"[^\S ]| (?:[ ,.;:!?…)\]”]|$)|^ ").search
"""Finds what ``spaces`` would change, and a little more."""

_SUPERSCRIPT = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿ", "0123456789+-n")
_SUBSCRIPT = str.maketrans("₀₁₂₃₄₅₆₇₈₉₊₋", "0123456789+-")
_RAISED_LETTERS = str.maketrans("ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻªº", "abcdefghijklmnoprstuvwxyzao")


def listed(words: str) -> frozenset[str]:
    """A set of words written as one text, for the tables of the rules."""
    return frozenset(words.split())


def clean(text: str, language: str = "") -> str:
    """Compose (NFC) and drop control and format characters, lone surrogates, private and unassigned code points.

    Soft hyphens, zero-width characters and bidirectional marks are format characters. Tabs and line ends stay, as
    white space; every other separator becomes a blank.
    """
    if text.isascii() and text.isprintable():
        return text
    return unicodedata.normalize("NFC", "".join(map(_plain, unicodedata.normalize("NFC", text))))


def _plain(character: str) -> str:
    if character in "\n\t":
        return character
    category = unicodedata.category(character)
    if category in ("Zl", "Zp") or character in "\r\v\f\x1c\x1d\x1e\x85":
        return "\n"
    if category == "Zs":
        return " "
    if category[0] == "C":
        return ""
    return character


def lookalikes(text: str, language: str = "") -> str:
    """Write ligatures, full-width, mathematical, circled and single-character Roman letters as plain ones."""
    return text if text.isascii() else "".join(map(_look, text))


def _look(character: str) -> str:
    decomposition = unicodedata.decomposition(character)
    if not decomposition.startswith("<") or decomposition.partition(" ")[0] not in _LOOKALIKES:
        return character
    plain = unicodedata.normalize("NFKC", character)
    return plain if plain.isalnum() else character


def raised(text: str, language: str = "") -> str:
    """Lower superscript ordinals and note-like letters (1ˢᵗ, 3ʳᵈ, Mʳ) and subscripts (H₂O) to the line.

    Superscript numbers are powers, and wait for the rule of their language.
    """
    if text.isascii():
        return text
    return text.translate(_SUBSCRIPT).translate(_RAISED_LETTERS)


def plain_superscripts(text: str) -> str:
    """Superscript digits and signs as ordinary ones."""
    return text.translate(_SUPERSCRIPT)


def no_emoji(text: str, language: str = "") -> str:
    """Drop emoji and other pictures, with their selectors and modifiers; keep signs that are spoken."""
    return text if text.isascii() else "".join(map(_no_picture, text))


def _no_picture(character: str) -> str:
    if character in _SPOKEN_SIGNS:
        return character
    if unicodedata.category(character) == "So":
        return " "
    if "\ufe00" <= character <= "\ufe0f" or character == "\u20e3" or "\U0001f3fb" <= character <= "\U0001f3ff":
        return ""
    return character


def spaces(text: str, language: str = "") -> str:
    """Fold white space to single blanks; a line end after a bare word becomes a breath (a comma)."""
    text = _SPACES.sub(" ", text)
    text = _BREATH.sub(r"\1, ", text)
    text = _LINES.sub(" ", text)
    return _BEFORE_MARK.sub("", text).strip()
