"""What the page has parted and a listener must not hear parted: a sentence cut by a page break, a drop cap in a block
of its own.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial

from narrate.book import Mark
from narrate.markup.folding import Edit
from narrate.markup.initials import belongs, is_initial
from narrate.markup.passage import Flow, Passage
from narrate.markup.shaping import shifted, spliced

Vocabulary = Callable[[], Mapping[str, int]]
"""The words around, and how often they occur."""

_HYPHENS = "\u2010\u2011¬-"  # the last may stand at the end of a set only
_CLOSERS = "\"'”’»)]}」』"
_STOPS = tuple(".!?…:;。！？")
_WORD = re.compile(r"[^\W_]+(?:['’\u2010\u2011-][^\W_]+)*")
_LAST = re.compile(rf"([^\W\d_]+(?:['’{_HYPHENS}][^\W\d_]+)*)[{_HYPHENS}]\Z")
_FIRST = re.compile(r"[^\W\d_]+(?:['’\u2010\u2011-][^\W\d_]+)*")
_OPENING = re.compile(r"[\"'“‘«(\[—–-]?\s?([^\W\d_])")
_LONGEST_WORD = 60  # characters
_FULL, _CROWDED = 50_000, 500
"""Characters, and marks and asides, of a paragraph that is not joined to the next: it is no page that cut it."""


def vocabulary_of(texts: Iterable[str]) -> Counter[str]:
    """The words of ``texts`` without case, hyphenated ones whole and in parts, and how often they occur."""
    words: Counter[str] = Counter()
    for text in texts:
        found = _WORD.findall(text.casefold())
        words.update(found)
        for word in found:
            if not word.isalnum():
                words.update(re.split(r"['’\u2010\u2011-]", word))
    return words


def rejoined(left: str, right: str, vocabulary: Collection[str]) -> str:
    """One text of the two halves of a text that a break cut.

    A hyphen at the cut goes, unless the book writes the word with it and never without: "exam-" and "ple" are
    "example", "well-" and "known" stay "well-known" where the book has that.
    """
    kept = _kept(left, right, vocabulary.__contains__)
    return left[:kept] + ("" if kept != len(left) or _goes_on(left, right) else " ") + right


def joined(left: Passage, right: Passage, vocabulary: Callable[[], Collection[str]]) -> Passage | None:
    """One passage of two, when a page break or the end of a file has cut a sentence in two; else None."""
    if not _is_cut(left, right):
        return None
    one, other = left.block, right.block
    if len(one.text) > _FULL or len(one.marks) + len(one.asides) > _CROWDED:
        return None
    words = vocabulary() if _LAST.search(one.text[-_LONGEST_WORD:]) else ()
    text = rejoined(one.text, other.text, words)
    return _together(left, right, text, len(text) - len(other.text))


def join_broken(flow: Sequence[Flow], vocabulary: Mapping[str, int] | None = None) -> list[Flow]:
    """The flow with its cut sentences whole. What stands between two passages, but for a skip, keeps them apart."""
    words = _lazily(flow) if vocabulary is None else (lambda: vocabulary)
    mended: list[Flow] = []
    for item in flow:
        before = mended[-1] if mended else None
        if isinstance(item, Passage):
            item = _unbroken(item, words)
            if isinstance(before, Passage):
                whole = joined(before, item, words) or _with_initial(before, item, words)
                if whole is not None:
                    mended[-1] = whole
                    continue
        mended.append(item)
    return mended


def _lazily(flow: Sequence[Flow]) -> Vocabulary:
    made: list[Counter[str]] = []

    def words() -> Mapping[str, int]:
        if not made:
            made.append(vocabulary_of(item.block.text for item in flow if isinstance(item, Passage)))
        return made[0]

    return words


def _is_cut(left: Passage, right: Passage) -> bool:
    one, other = left.block, right.block
    if one.kind != "paragraph" or other.kind != "paragraph" or not one.text or not other.text:
        return False
    if left.document == right.document and not right.broken:
        return False
    same = (left.around, one.within, one.note, one.language, left.kind) == (
        right.around, other.within, other.note, other.language, right.kind,
    )  # fmt: skip
    opening = _OPENING.match(other.text)
    end = one.text.rstrip(_CLOSERS)
    return bool(same and opening and opening[1].islower() and end and not end.endswith(_STOPS))


def _kept(left: str, right: str, occurs: Callable[[str], bool]) -> int:
    """How much of ``left`` stays: all, or all but a hyphen that only the end of the line asked for."""
    last, first = _LAST.search(left[-_LONGEST_WORD:]), _FIRST.match(right[:_LONGEST_WORD])
    if last is None or first is None or not first[0][0].islower():
        return len(left)
    whole, hyphenated = f"{last[1]}{first[0]}".casefold(), f"{last[1]}-{first[0]}".casefold()
    if occurs(hyphenated) and not occurs(whole):
        return len(left)
    return len(left) - 1


def _occurs(vocabulary: Vocabulary, here: int, word: str) -> bool:
    """Whether the word occurs elsewhere than ``here``, where it stands with its hyphen."""
    return vocabulary().get(word, 0) > here * ("-" in word)


def _goes_on(left: str, right: str) -> bool:
    """Whether no blank stands between: behind a hyphen in a word, or a dash."""
    if not left or not right or left[-1] == " ":
        return True
    return left[-1] in (*_HYPHENS, "—", "–") and left[-2:-1] != " "


def _together(left: Passage, right: Passage, text: str, at: int) -> Passage:
    """One passage with ``text``, in which that of ``right`` begins at ``at``."""
    one, other = left.block, right.block
    marks, asides = shifted(other.marks, other.asides, at)
    kept = min(at, len(one.text))
    own = tuple(
        mark if mark.end <= kept else replace(mark, start=min(mark.start, kept), end=kept) for mark in one.marks
    )
    before = tuple(aside if aside.at <= at else replace(aside, at=at) for aside in one.asides)
    place = Mark(at, len(text), "place", other.anchor)
    inner = [mark for mark in marks if mark.kind == "place"]
    if inner:
        place = replace(place, end=inner[0].start)
    block = replace(one, text=text, marks=(*own, place, *marks), asides=(*before, *asides))
    return replace(left, block=block, linked=left.linked + right.linked, document=right.document)


def _unbroken(passage: Passage, vocabulary: Vocabulary) -> Passage:
    """The passage with the hyphens gone that a page number in it has cut words at."""
    block = passage.block
    if block.kind not in ("paragraph", "item", "note"):
        return passage
    edits: list[Edit] = []
    for at in sorted({aside.at for aside in block.asides if aside.kind == "page number"}):
        left, right = block.text[max(0, at - _LONGEST_WORD) : at].rstrip(), block.text[at : at + _LONGEST_WORD].lstrip()
        if left[-1:] not in tuple(_HYPHENS) or not _LAST.search(left) or (edits and edits[-1][1] > at):
            continue
        start = max(0, at - _LONGEST_WORD) + len(left)
        end = at + len(block.text[at : at + _LONGEST_WORD]) - len(right)
        # the word stands here itself, with the hyphen when no blank follows
        here = int(start == end)
        kept = _kept(left, right, partial(_occurs, vocabulary, here))
        if right[:1].islower() and (kept < len(left) or start < end):
            edits.append((start - (len(left) - kept), end, ""))
    return replace(passage, block=spliced(block, edits)) if edits else passage


def _with_initial(left: Passage, right: Passage, vocabulary: Vocabulary) -> Passage | None:
    """One passage of a drop cap in a block of its own and the text it begins."""
    letter, text = left.block.text, right.block.text
    if left.block.kind != "paragraph" or not is_initial(letter) or left.document != right.document:
        return None
    if right.block.kind not in ("paragraph", "verse") or not text[:1].isalpha():
        return None
    together = belongs(letter, text, vocabulary)
    if not left.initial and not (together and text[0].islower() and letter[-1].isupper()):
        return None
    at = len(letter) + (not together)
    whole = _together(left, right, f"{letter}{'' if together else ' '}{text}", at)
    return replace(whole, block=replace(whole.block, kind=right.block.kind), initial=False)
