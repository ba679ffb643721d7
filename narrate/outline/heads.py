"""Running heads: the book's or the author's name, or a part's, that stands again at the top of every file."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from narrate.markup.passage import Passage, bare
from narrate.outline.titles import is_label

# A head must begin so many files; two may be a coincidence.
_FILES = 3
_SHARE_FOLLOWED = 0.8
_LONGEST = 120  # letters and digits


@dataclass(frozen=True, slots=True)
class _Head:
    index: int
    document: int
    followed: str  # the heading right behind it, "" when other text follows


def mark_running_heads(
    passages: Sequence[Passage], names: Collection[str], titled: Mapping[int, Collection[str]]
) -> list[Passage]:
    """Mark what stands again at the top of a file, from its second time on.

    ``names`` are the book's title, its authors and series: such a heading repeated at the top of three files is a
    running head. Any other heading must also stand on three files in a row and be followed by the chapter's own
    heading. ``titled`` are the contents' titles of each document: what they name is a title there.
    """
    known = {bare(name) for name in names} - {""}
    heads: dict[str, list[_Head]] = {}
    for index, passage in enumerate(passages):
        first = index == 0 or passages[index - 1].document != passage.document
        if first and 0 < passage.letters <= _LONGEST:
            text = bare(passage.block.text)
            if passage.level or text in known:
                heads.setdefault(text, []).append(_Head(index, passage.document, _heading_behind(passages, index)))
    marked = list(passages)
    for text, found in heads.items():
        if len(found) < _FILES or not (text in known or _is_running(passages, found)):
            continue
        for head in found[1:]:
            if text not in {bare(title) for title in titled.get(head.document, ())}:
                old = marked[head.index]
                marked[head.index] = replace(old, level=0, block=replace(old.block, within="running head"))
    return marked


def _heading_behind(passages: Sequence[Passage], index: int) -> str:
    after = passages[index + 1] if index + 1 < len(passages) else None
    return after.block.text if after and after.level and after.document == passages[index].document else ""


def _is_running(passages: Sequence[Passage], found: Sequence[_Head]) -> bool:
    """Two signs: on every file of a row of files, and over the chapters' own headings, which are no bare numbers."""
    text = passages[found[0].index].block.text
    followed = [head for head in found if head.followed and bare(head.followed) != bare(text)]
    if is_label(text) or len(followed) < _SHARE_FOLLOWED * len(found):
        return False
    if all(is_label(head.followed) and not any(map(str.isalpha, head.followed)) for head in followed):
        return False  # "Luku", "1": the word for a chapter and its number
    return _longest_row([head.document for head in found]) >= _FILES


def _longest_row(documents: Sequence[int]) -> int:
    longest = row = 1
    for before, after in pairwise(documents):
        row = row + 1 if after == before + 1 else 1
        longest = max(longest, row)
    return longest
