"""What a printed page leaves in a plain text: numbers, running heads, form feeds."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from narrate.manuscript.layout import Numbered

_ROMAN = "[ivxlc]{1,7}"
_LONE = re.compile(
    rf"\s*(?:[-—–\[({{|]\s*)?(?:p(?:age|g|\.)\s*)?(\d{{1,4}}|{_ROMAN})(?:\s*[-—–\])}}|])?\s*", re.IGNORECASE
)
_MARKED = re.compile(rf"\s*[\[({{]\s*p(?:age|g|\.)\s*(\d{{1,4}}|{_ROMAN})\s*[\])}}]\s*", re.IGNORECASE)
_FEWEST = 4  # numbers that rise, before they are pages
_CUT = 0.2  # of the numbers stand in the middle of a sentence
_HEADS = 3  # times a line must stand at the top of a page to be a running head
_END = re.compile(r"[.!?…:。！？”’\"'»)\]*_]\s*$")


@dataclass(frozen=True, slots=True)
class Cut:
    """A line that is left out, and why."""

    reason: str
    number: int
    text: str


def without_pages(lines: Sequence[Numbered]) -> tuple[list[Numbered], list[Cut]]:
    """The lines without page numbers that stand alone and without running heads; form feeds are empty lines."""
    heads = _running_heads(lines) if any("\f" in line for _, line in lines) else {}
    clean = [(number, line.replace("\f", "")) for number, line in lines]
    lone = _page_numbers(clean)
    kept: list[Numbered] = []
    cuts: list[Cut] = []
    skipping = False
    for index, (number, line) in enumerate(clean):
        reason = heads.get(index) or lone.get(index, "")
        if not reason:
            if skipping and line.strip() and kept:
                _close(kept, line)
            skipping = skipping and not line.strip()
            kept.append((number, line))
            continue
        if any(map(str.isalnum, line)):
            cuts.append(Cut(reason, number, line.strip()))
        kept.append((number, ""))
        skipping = True
    return kept, cuts


def _close(kept: list[Numbered], line: str) -> None:
    """A sentence that a page's end cuts goes on: no empty line stays between its halves."""
    before = next((text for _, text in reversed(kept) if text.strip()), "")
    if before and not _END.search(before) and line.lstrip()[:1].islower():
        while kept and not kept[-1][1].strip():
            kept.pop()


def _page_numbers(lines: Sequence[Numbered]) -> dict[int, str]:
    """Lines that hold a number and nothing else and rise, some of them in the middle of a sentence."""
    found = []
    for index, (_, line) in enumerate(lines):
        match = _LONE.fullmatch(line) if len(line) < 60 else None
        if match and (match.group(1).isdigit() or match.group(1).islower()):
            found.append((index, match.group(1), bool(_MARKED.fullmatch(line))))
    marked = {index for index, _, sure in found if sure}
    figures = [(index, int(text)) for index, text, _ in found if text.isdigit()]
    rising = _rising(figures)
    cut = sum(_in_sentence(lines, index) for index in rising)
    if len(rising) >= _FEWEST and cut >= max(1, _CUT * len(rising)):
        romans = {index for index, text, _ in found if not text.isdigit() and index < min(rising) and len(text) > 1}
        marked |= rising | romans
    return dict.fromkeys(marked, "page number")


def _rising(figures: Sequence[tuple[int, int]]) -> set[int]:
    """The longest run of numbers, each a little more than the one before."""
    best: list[int] = []
    run: list[int] = []
    last = 0
    for index, value in figures:
        if run and not last < value <= last + 5:
            if value <= last and value > last - 3:
                continue  # a number that stands twice, or a figure in the text
            run = []
        run.append(index)
        last = value
        if len(run) > len(best):
            best = list(run)
    return set(best)


def _in_sentence(lines: Sequence[Numbered], index: int) -> bool:
    before = next((line for _, line in reversed(lines[max(0, index - 6) : index]) if line.strip()), "")
    after = next((line for _, line in lines[index + 1 : index + 7] if line.strip()), "")
    return bool(before) and not _END.search(before) and after.lstrip()[:1].islower()


def _running_heads(lines: Sequence[Numbered]) -> dict[int, str]:
    """The first line of a page when other pages begin with the same words, and numbers at its top and bottom."""
    tops, bottoms = _edges(lines)
    seen = Counter(_shape(lines[index][1]) for index in tops)
    found = {
        index: "running head" for index in tops if seen[_shape(lines[index][1])] >= _HEADS and _shape(lines[index][1])
    }
    numbers = [index for index in (*tops, *bottoms) if _LONE.fullmatch(lines[index][1].replace("\f", ""))]
    if len(numbers) >= _HEADS:
        found.update(dict.fromkeys(numbers, "page number"))
    return found


def _edges(lines: Sequence[Numbered]) -> tuple[list[int], list[int]]:
    """The first line with text of every page but the first, and the last of every page."""
    tops, bottoms = [], []
    last = -1
    fresh = False
    for index, (_, line) in enumerate(lines):
        if "\f" in line:
            if last >= 0:
                bottoms.append(last)
            fresh = True
        if not line.strip():
            continue
        if fresh:
            tops.append(index)
            fresh = False
        last = index
    return tops, bottoms


def _shape(line: str) -> str:
    """The line's words, whatever number stands beside them."""
    return " ".join(re.sub(r"\d+|\f", " ", line).split()).casefold()
