"""Program code, verse or prose, told by form. A poem that is dropped is a missing page, a listing read a nuisance."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

Form = Literal["code", "verse", "prose"]

_MANY = 0.06  # of the characters: signs that programs are full of and prose is not
_LOOK = 20_000  # characters of a listing that are looked at
_SIGNS = frozenset("{}[]()<>=;/\\|_$#@&*+%^~`")
# Each of these is one sign of code.
_CODE: tuple[re.Pattern[str], ...] = (
    re.compile(r"[;{}]\s*$|^\s*[)}\]]+[;,]?\s*$|\\$", re.MULTILINE),
    re.compile(
        r"^\s*(?:def|class|import|from|return|function|var|let|const|public|private|static|void|int|using|package|module"
        r"|include|require|echo|sudo|git|npm|npx|yarn|pip3?|cargo|docker|curl|brew|apt(?:-get)?|cd|ls|mkdir|make|go|python3?"
        r"|node|fn|pub|impl|struct|enum|SELECT|INSERT|CREATE|UPDATE|end|elif|else:|try:|#!/|#include|//|/\*|<\?|<!--)\b",
        re.MULTILINE,
    ),
    re.compile(r"\w\s*(?:[-+*/:|&]?=|==|!=|=>|->|::|:=)\s*\S"),
    re.compile(r"\b\w+\.\w+\(|\b\w+\(\)|\b[a-z]+_[a-z]+\b|\b[a-z]+[A-Z][a-z]+\w*\b|\b[\w.-]+/[\w.-]+\.\w{1,4}\b"),
    re.compile(r"^\s*(?:[$%>]\s+\S|>>>|\.\.\.\s|C:\\|[├└│┌]|[-+]{3,}[-+| ]*$|--?\w)", re.MULTILINE),
    re.compile(
        r"^\s*[\w-]+:\s*(?:[\"'\[{]|\d+\s*$|true\b|false\b|$)|^\s*[\"'][\w-]+[\"']\s*:|^\s*</?\w+[^>]*>", re.MULTILINE
    ),
)
_SENTENCE = re.compile(r"[.!?…,;:—–-][\"'”’»)]*\s*$", re.MULTILINE)
_CAPITAL = re.compile(r"\s*[\"'“‘«¿¡(\[—–*_-]*\s*[^\W\d_]")
_VERSE_LINE = 65  # characters: the longest line of verse; prose is wrapped later
_SHORT_LINE = 45
_PROSE_NAMES = {"verse", "poem", "poetry", "lyrics", "song", "prose", "letter", "quote"}
_TEXT_NAMES = {"", "text", "txt", "plain", "plaintext", "none"}


def form_of(text: str, name: str = "", *, is_fenced: bool = False) -> Form:
    """What a listing holds; ``name`` is the language its fence gives.

    Code needs two signs, a fence or the name of a language being the first of them; without a fence, both must be in
    the text.
    """
    name = name.lower().strip("{}.")
    lines = [line for line in text[:_LOOK].split("\n") if line.strip()]
    if name not in _TEXT_NAMES | _PROSE_NAMES or not lines:
        return "code"
    if name in _PROSE_NAMES:
        return "verse" if is_verse(lines, 2) else "prose"
    if is_fenced and not (is_verse(lines, 3) and not code_signs(text)):
        return "code"
    if code_signs(text) >= 2:
        return "code"
    return "verse" if is_verse(lines, 2) else "prose"


def code_signs(text: str) -> int:
    """How many signs of program code the text shows."""
    text = text[:_LOOK]
    dense = sum(character in _SIGNS for character in text) > _MANY * max(1, len("".join(text.split())))
    lines = [line for line in text.split("\n") if line.strip()]
    worded = _SENTENCE.search(text) or any(_is_capital(line) for line in lines)
    return sum(bool(pattern.search(text)) for pattern in _CODE) + 2 * dense + (not worded and bool(lines))


def is_verse(lines: Sequence[str], fewest: int) -> bool:
    """Whether the lines are lines of verse: short, and begun with capitals as no wrapped prose is, or very short."""
    if len(lines) < fewest or any(len(line.strip()) > _VERSE_LINE for line in lines):
        return False
    cased = [line for line in lines if _CAPITAL.match(line)]
    capitals = sum(_is_capital(line) for line in cased)
    if cased and capitals >= 0.7 * len(cased):
        return True
    return len(lines) >= 2 and sum(len(line.strip()) for line in lines) / len(lines) <= _SHORT_LINE


def _is_capital(line: str) -> bool:
    match = _CAPITAL.match(line)
    if match is None:
        return False
    letter = match.group()[-1]
    return letter.isupper() or not letter.islower()
