"""Text that arrives in pieces, cut into phrases as soon as each has enough context to sound natural. Pure.

Where a phrase ends depends on the text before its end alone, never on how the text was cut on its way here: the same
story streamed by the letter and sent at once is spoken in the same phrases, and so found in the store again.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from narrate.script import Boundary
from narrate.text import speakable, words
from narrate.text.split import sentences

OPENING_WORDS = 3
"""Words that the first phrase of a turn has at the least; it may end with a clause, since somebody waits for it."""
LEAST = 80
"""Characters of every later phrase at the least: there is sound to listen to by then, and longer ones sound better."""
LONGEST = 600
"""Characters after which a phrase is cut although no sentence has ended."""

_CLOSED = "[\"'”’»)\\]」』*_]*"
_IDEOGRAPHIC = "[。！？]+[”’」』）]*(?=[^。！？”’」』）])"
_SENTENCE = re.compile(rf"[.!?…]+{_CLOSED}(?=\s+\S)|{_IDEOGRAPHIC}")
"""What may end a sentence, once one character of the next is there to tell by."""
_SENTENCE_OF_LINE = re.compile(rf"[.!?…]+{_CLOSED}(?=[ \t]+\S)|{_IDEOGRAPHIC}")
"""In Markdown a line end may be more than a blank."""
_CLAUSE = re.compile(r"(?<=[^\W\d_])[,;]|(?<=[^\W\d_])[!?:—–](?=\s)|[、，；：。！？]")
"""What ends a clause at the opening of a turn, with nothing further to wait for. A full stop is not among them: whether
"Mr." ends anything is told by the first character behind the blank."""
_LOUD = "!?。！？"
"""Of these, the ones behind which a pause is a sentence's."""
_PARAGRAPH = re.compile(r"\n[ \t\r]*\n")
_CUTS: tuple[tuple[re.Pattern[str], Boundary], ...] = (
    (re.compile(r"[,;:，；：、—–][\"'”’»)\]]*"), "clause"),
    (re.compile(r"\s+"), "word"),
)

_HEADING = re.compile(r"#{1,6}[ \t]+[^\n]*\n")
_FENCE = re.compile(r"[ \t]{0,3}(```+|~~~+)[^\n]*\n")
_MAY_BE_BLOCK = re.compile(r"#{1,6}(?:[ \t]|$)|[ \t]{0,3}(?:`{1,2}$|~{1,2}$|`{3}|~{3})")
_LONGEST_BLOCK = 40 * LONGEST
_NEXT_BLOCK = re.compile(r"\n(?=[ \t]*(?:[-*+]|\d{1,3}[.)])[ \t]+\S|#{1,6}[ \t]|[ \t]{0,3}(?:```|~~~))|\n[ \t\r]*\n")
"""A line end behind which, in Markdown, a new block begins."""


@dataclass(frozen=True, slots=True)
class Phrase:
    """What is said in one go: a sentence or a few, the opening clause of a turn, a heading.

    ``start`` is where ``text`` begins, in characters since the turn began. ``after`` is what ends it.
    """

    text: str
    start: int
    after: Boundary


class Flow:
    """The text of one turn. ``append`` it as it comes, ``take`` phrases while there are any, ``close`` it at the end.

    ``markdown``: headings, list items and fenced code are phrases of their own, ended by their lines.
    Nothing is lost or changed: the phrases joined are the text.
    """

    def __init__(self, language: str = "en", *, markdown: bool = False) -> None:
        self._language = language
        self._markdown = markdown
        self._new: list[str] = []  # what came since the last look
        self._arrived = 0  # characters in all
        self._text = ""
        self._at = 0  # where the next phrase begins
        self._dropped = 0  # characters of the turn that are no longer kept
        self._looked = 0  # how far ends were looked for
        self._early = 0  # the last end of a sentence that came too early
        self._opened = False
        self._at_line_start = True
        self.closed = False

    @property
    def waiting(self) -> int:
        """Characters that no phrase has taken yet."""
        return self._arrived - self._dropped - self._at

    @property
    def text_waiting(self) -> str:
        """The text itself."""
        return "".join([self._text[self._at :], *self._new])

    def append(self, text: str) -> None:
        """More text, joined to what is there exactly as it comes."""
        if text:
            self._new.append(text)
            self._arrived += len(text)

    def close(self) -> None:
        """The turn ends: what is there is all."""
        self.closed = True

    def take(self) -> Phrase | None:
        """The next phrase, or None where more text must come first (or, once closed, all is taken)."""
        if self._new:
            self._join()
        found = self._block() if self._markdown else None
        if found is None:
            found = self._end()
        if found is None and self.closed and self.waiting:
            found = len(self._text), "paragraph"
        if found is None or found[0] == self._at:
            return None
        end, after = found
        phrase = Phrase(self._text[self._at : end], self._dropped + self._at, after)
        self._opened = self._opened or speakable(phrase.text)
        self._at_line_start = phrase.text.endswith("\n")
        self._at = self._looked = self._early = end
        return phrase

    def _join(self) -> None:
        """Take in what came, and let go of what is taken."""
        self._text = "".join([self._text[self._at :], *self._new])
        self._new.clear()
        self._dropped += self._at
        self._looked -= self._at
        self._early -= self._at
        self._at = 0

    def _block(self) -> tuple[int, Boundary] | None:
        """The end of a heading or of fenced code that begins here; here itself while it cannot be told yet."""
        if not self._at_line_start:
            return None
        line, ended, _ = self._text[self._at : self._at + LONGEST].partition("\n")
        if not _MAY_BE_BLOCK.match(line):
            return None
        if not ended:
            return None if self.closed or len(line) == LONGEST else (self._at, "paragraph")
        heading = _HEADING.match(self._text, self._at)
        if heading:
            return heading.end(), "heading"
        fence = _FENCE.match(self._text, self._at)
        if fence is None:
            return None
        last = self._at + _LONGEST_BLOCK
        closing = re.compile(rf"^[ \t]{{0,3}}{fence[1]}[^\n]*\n", re.MULTILINE).search(self._text, fence.end(), last)
        if closing:
            return closing.end(), "paragraph"
        return None if self.closed or len(self._text) >= last else (self._at, "paragraph")

    def _end(self) -> tuple[int, Boundary] | None:
        """Where the phrase that begins here ends, as soon as that is certain."""
        last = self._at + LONGEST
        block = (_NEXT_BLOCK if self._markdown else _PARAGRAPH).search(self._text, self._at, last)
        for place, sentence in self._candidates(block.start() if block else min(len(self._text), last)):
            self._looked = place
            if self._holds(place, sentence):
                return place, "sentence" if sentence or self._text[place - 1] in _LOUD else "clause"
        if block:
            return block.end(), "paragraph"
        return self._forced(last) if len(self._text) >= last else None

    def _candidates(self, limit: int) -> list[tuple[int, bool]]:
        """Places below ``limit``, not looked at before, that may end a phrase, each with whether a sentence ends."""
        pattern = _SENTENCE_OF_LINE if self._markdown else _SENTENCE
        found = {match.end(): True for match in pattern.finditer(self._text, self._at, limit)}
        if not self._opened:  # at the same place a clause wins: it would have ended before the next character came
            found |= {match.end(): False for match in _CLAUSE.finditer(self._text, self._at, limit)}
        return sorted((place, sentence) for place, sentence in found.items() if place > self._looked)

    def _holds(self, place: int, sentence: bool) -> bool:
        text = self._text[self._at : place]
        if not self._opened and words(text) < OPENING_WORDS:
            return False
        if not sentence:
            return True
        if not self._ends_sentence(place):
            return False
        self._early = place
        return not self._opened or len(text.strip()) >= LEAST

    def _ends_sentence(self, place: int) -> bool:
        """Whether the rules of the language end a sentence at ``place``, by the first character behind the blanks."""
        behind = place
        while behind < len(self._text) and self._text[behind].isspace():
            behind += 1
        text = self._text[self._at : behind + 1]
        return any(place <= self._at + end <= behind for end in sentences(text, self._language))

    def _forced(self, last: int) -> tuple[int, Boundary]:
        """No phrase ends in all this text: cut behind the last sentence in it, else at a clause, else at a word."""
        if self._early > self._at:
            return self._early, "sentence"
        for pattern, after in _CUTS:
            places = [match.end() for match in pattern.finditer(self._text, self._at + LONGEST // 2, last)]
            if places:
                return places[-1], after
        return last, "word"
