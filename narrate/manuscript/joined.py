"""A chapter's number and its title, written as two headings, are one: "Chapter 4. The Whale"."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from narrate.manuscript.labels import is_named, is_numeral, label_of
from narrate.markup.passage import Passage

_ENDS = tuple(".:!?…—–-。：")


def join_headings(passages: Sequence[Passage]) -> list[Passage]:
    """Join a heading that is only a number to the title right behind it.

    A part's number is joined only when a chapter's heading follows: else what stands behind it is the chapter.
    """
    joined: list[Passage] = []
    index = 0
    while index < len(passages):
        passage = passages[index]
        if index + 1 < len(passages) and _is_pair(passages, index):
            following = passages[index + 1]
            passage = replace(passage, block=replace(passage.block, text=_said(passage, following)))
            passage = replace(passage, linked=passage.linked + following.linked)
            index += 1
        joined.append(passage)
        index += 1
    return joined


def _is_pair(passages: Sequence[Passage], index: int) -> bool:
    number, title = passages[index], passages[index + 1]
    if not (_is_plain_heading(number) and _is_plain_heading(title)) or title.level < number.level:
        return False
    rank = _rank(number.block.text)
    if not rank or _rank(title.block.text) or label_of(title.block.text) or is_named(title.block.text):
        return False
    if rank > 2 or title.level == number.level:
        return True
    third = passages[index + 2] if index + 2 < len(passages) else None
    return (
        third is not None
        and third.block.kind == "heading"
        and bool(label_of(third.block.text) or _rank(third.block.text))
    )


def _rank(text: str) -> int:
    """The rank of a heading that is a number and nothing else, or 0."""
    label = label_of(text)
    if label is not None:
        return 0 if label.title else label.rank
    return 3 if is_numeral(text) else 0


def _is_plain_heading(passage: Passage) -> bool:
    block = passage.block
    return block.kind == "heading" and passage.level > 0 and not block.marks and not block.asides


def _said(number: Passage, title: Passage) -> str:
    text = number.block.text
    return f"{text} {title.block.text}" if text.endswith(_ENDS) else f"{text}. {title.block.text}"
