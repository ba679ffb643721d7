"""Where the divisions of an EPUB begin: the contents laid over what the pages hold, and headings where they fail."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

from narrate.book import ChapterKind
from narrate.epub.contents import Entry, Landmark
from narrate.epub.package import Package
from narrate.epub.pages import Reading
from narrate.markup.elements import GUIDE_KINDS
from narrate.markup.passage import Passage, same_words
from narrate.outline.chapters import Start, starts_by_headings
from narrate.outline.kinds import LARGEST

# Contents that lead to less than this share of the text are no contents; headings divide the book instead.
MIN_COVERAGE = 0.3
# So much text (letters and digits) may stand in a page before the first place the contents name in it and still belong
# to what follows: a part's title, a motto. More is the end of the chapter before.
_LEAD = 300
_LEAD_BLOCK = 120
# Contents of one or two lines say little when so many times more headings divide the text.
_FEW = 2
_MANY_MORE = 3
# One division that holds this share of a long book is divided by its headings: two hours of listening without a mark.
_GIANT_SHARE = 0.7
_GIANT = 60_000  # letters and digits

_TOLD = 5  # warnings of one sort that are given in full
_LINES = 3  # a page of contents that are no links has at least so many short lines
_LINKED = 0.3  # share of a page of contents that is links; the rest are page numbers and headings

_BACK = re.compile(r"[\[(]?[↩↵⏎⤴⤶↑←⇐⇑^\ufe0e\ufe0f]+[\])]?")
_NOTE_MARK = re.compile(r"[\W_]*(?:notes?\W*)?\d{1,4}[\W_]*|[\W_]+", re.IGNORECASE)
_NO_TITLE = re.compile(r"[\W_]*|\(?(?:unnamed|untitled|no title)\)?", re.IGNORECASE)  # a heading says more

Placed = tuple[Start, Entry | None]


def find_starts(
    package: Package, entries: Sequence[Entry], reading: Reading, titles: Mapping[str, str], warnings: list[str]
) -> list[Start]:
    """Where divisions begin: each entry of the contents, and each page that no entry names.

    ``titles`` are the pages' own. What is missing or was found otherwise is added to ``warnings``.
    """
    return _Divisions(package, entries, reading, titles, warnings).starts()


class _Divisions:
    def __init__(
        self,
        package: Package,
        entries: Sequence[Entry],
        reading: Reading,
        titles: Mapping[str, str],
        warnings: list[str],
    ) -> None:
        self._package = package
        self._entries = entries
        self._reading = reading
        self._titles = titles
        self._warnings = warnings
        self._astray: list[str] = []  # entries that lead nowhere
        self._sizes = [passage.letters for passage in reading.passages]

    def starts(self) -> list[Start]:
        reading = self._reading
        listed = self._listed()
        self._warnings += self._astray[:_TOLD]
        if len(self._astray) > _TOLD:
            self._warnings.append(f"{len(self._astray) - _TOLD:,} more lines of the contents lead nowhere")
        starts = self._by_headings_too(listed)
        starts = self._with_leads(starts or self._by_page())
        begun = {start.index for start in starts}
        starts += [
            Start(first, listed=False, fallback=self._titles.get(member, ""))
            for member, first in reading.filled.items()
            if first not in begun and self._holds_text(first)
        ]
        kinds = self._landmark_kinds()
        starts = [replace(start, kind=start.kind or kinds.get(start.index, "")) for start in starts]
        return _without_pictures(sorted(starts, key=lambda start: start.index), self._sizes)

    def _holds_text(self, first: int) -> bool:
        """Whether the page that begins at ``first`` holds more than pictures."""
        passages = self._reading.passages
        for index in range(first, len(passages)):
            if passages[index].document != passages[first].document:
                break
            if self._sizes[index]:
                return True
        return False

    # ---- the contents ------------------------------------------------------------------------------------------------

    def _listed(self) -> list[Placed]:
        """The entries that lead somewhere, in reading order; and labels above such entries."""
        found: list[Placed] = []
        waiting: list[Entry] = []  # labels without a link, until a linked entry below them is found
        seen: set[tuple[str, int]] = set()
        for entry in self._entries:
            while waiting and waiting[-1].level >= entry.level:
                waiting.pop()
            if _BACK.fullmatch(entry.title):
                continue  # contents made of all links of a book hold its notes, and the ways back from them
            index = self._index(entry)
            if index is not None and _NOTE_MARK.fullmatch(entry.title) and self._is_note(index):
                continue
            if index is None:
                if entry.title and entry.member not in self._package.aside:
                    waiting.append(entry)
                continue
            if (entry.title, index) in seen:
                continue
            seen.add((entry.title, index))
            found += [(Start(index, label.title, label.level), None) for label in waiting]
            waiting.clear()
            title = "" if _NO_TITLE.fullmatch(entry.title) else entry.title
            fallback = self._titles.get(entry.member, "") or ("" if title else entry.title)
            found.append((Start(index, title, entry.level, fallback=fallback), entry))
        return self._headings_apart(sorted(self._apart(found), key=lambda pair: pair[0].index))

    def _is_note(self, index: int) -> bool:
        """Whether the passage is a note."""
        return any(passage.block.kind == "note" for passage in self._reading.passages[index : index + 1])

    def _index(self, entry: Entry) -> int | None:
        """The passage an entry leads to; a place that is not there is looked for by the entry's words."""
        reading = self._reading
        if not entry.member:
            if entry.missing:
                self._astray.append(f"the contents name “{entry.title}”, but {entry.missing} is missing")
            return None
        if entry.member not in reading.firsts:
            if entry.member not in self._package.aside:
                self._astray.append(f"the contents name “{entry.title}”, but {entry.member} is not read")
            return None
        place = reading.places.get((entry.member, entry.fragment)) if entry.fragment else reading.firsts[entry.member]
        if place is not None:
            return place
        self._astray.append(f"the contents name “{entry.title}”, but {entry.member} has no place “{entry.fragment}”")
        headed = self._heading(entry, -1)
        return reading.firsts[entry.member] if headed is None else headed

    def _heading(self, entry: Entry, after: int) -> int | None:
        """The first heading behind ``after`` in the entry's page that has the entry's words."""
        passages = self._reading.passages
        first = self._reading.firsts[entry.member]
        for index in range(first, len(passages)):
            if passages[index].document != passages[first].document:
                break
            if index > after and passages[index].level and same_words(passages[index].block.text, entry.title):
                return index
        return None

    def _apart(self, found: Sequence[Placed]) -> list[Placed]:
        """Of several entries that lead to the start of one page, each goes to the heading that has its words."""
        kept: list[Placed] = []
        taken: dict[tuple[int, int, str], int] = {}  # (index, level, member) -> number in ``kept``
        last: dict[str, int] = {}  # member -> where its last entry was put
        for start, entry in found:
            if entry is None:
                kept.append((start, entry))
                continue
            key = (start.index, start.level, entry.member)
            shared = key in taken
            headed = self._heading(entry, last.get(entry.member, -1)) if shared else None
            if shared and headed is None:
                continue  # the first of them has the place
            if headed is not None:
                start = replace(start, index=headed)
            taken.setdefault((start.index, start.level, entry.member), len(kept))
            last[entry.member] = max(start.index, last.get(entry.member, -1))
            kept.append((start, entry))
        return kept

    def _headings_apart(self, found: list[Placed]) -> list[Placed]:
        """Where a part and its first chapter begin at the same place, the part's own heading stays with the part."""
        moved = list(found)
        passages = self._reading.passages
        for number in range(1, len(moved)):
            (before, entry), (start, _) = moved[number - 1], moved[number]
            if entry is None or start.index != before.index or start.index >= len(passages) - 1:
                continue
            heading, following = passages[start.index], passages[start.index + 1]
            if heading.level and following.level and same_words(heading.block.text, before.title):
                later = number
                while later < len(moved) and moved[later][0].index == before.index:
                    moved[later] = (replace(moved[later][0], index=before.index + 1), moved[later][1])
                    later += 1
        return moved

    # ---- headings and pages where the contents fail ------------------------------------------------------------------

    def _by_headings_too(self, listed: Sequence[Placed]) -> list[Start]:
        """The listed starts, with headings where they say too little."""
        passages = self._reading.passages
        starts = [start for start, _ in listed]
        places = {start.index for start in starts}
        little = self._coverage(listed) < MIN_COVERAGE
        if not little and len(places) > _FEW:
            return self._without_giant(starts)
        headed = starts_by_headings(passages)
        if not starts:
            return headed
        more = len(places) if little else max(_FEW, _MANY_MORE * len(places) - 1)
        if len(headed) > more:
            self._warnings.append("the contents lead to little of the text; headings divide the book instead")
            return _combined(starts, headed)
        return starts

    def _without_giant(self, starts: list[Start]) -> list[Start]:
        passages = self._reading.passages
        total = sum(self._sizes)
        if total < _GIANT:
            return starts
        for first, end in pairwise([*sorted({start.index for start in starts}), len(passages)]):
            size = sum(self._sizes[first:end])
            if size < _GIANT or size < _GIANT_SHARE * total:
                continue
            level = max(start.level for start in starts if start.index == first)
            headed = [
                replace(start, index=start.index + first, level=level)
                for start in starts_by_headings(passages[first:end])
            ]
            if len(headed) >= _MANY_MORE:
                return _combined(starts, headed)
        return starts

    def _coverage(self, listed: Sequence[Placed]) -> float:
        """The share of the text that stands in pages the contents lead to."""
        reading = self._reading
        named = {entry.member for _, entry in listed if entry}
        numbers = {number for number, member in enumerate(reading.firsts) if member in named}
        sized = zip(reading.passages, self._sizes, strict=True)
        return sum(size for passage, size in sized if passage.document in numbers) / max(1, sum(self._sizes))

    def _by_page(self) -> list[Start]:
        """Without contents and headings each page is a chapter, by its own title if it has one."""
        filled = self._reading.filled
        if len(filled) < 2:
            return []
        return [
            Start(first, self._titles.get(member) or str(number))
            for number, (member, first) in enumerate(filled.items(), start=1)
        ]

    # ---- the edges of pages ------------------------------------------------------------------------------------------

    def _with_leads(self, starts: list[Start]) -> list[Start]:
        """What little stands in a page before the first place named in it belongs to that, not to the page before."""
        passages = self._reading.passages
        starts = list(starts)
        named = {start.index for start in starts}
        for first in self._reading.filled.values():
            if first in named:
                continue
            document = passages[first].document
            lead: list[Passage] = []
            for passage in passages[first:]:
                if first + len(lead) in named or passage.document != document:
                    break
                lead.append(passage)
            index = first + len(lead)
            ends_in_page = index < len(passages) and passages[index].document == document
            short = sum(passage.letters for passage in lead) <= _LEAD and all(
                passage.letters <= _LEAD_BLOCK for passage in lead
            )
            if not ends_in_page or not short:
                continue
            if self._is_title(" ".join(passage.block.text for passage in lead)):
                evidence = "the book's title and nothing else, before a chapter's heading"
                starts.append(Start(first, listed=False, kind="halftitle", guess=evidence))
            else:
                starts = [replace(start, index=first) if start.index == index else start for start in starts]
        return starts

    def _is_title(self, text: str) -> bool:
        """Whether it is the book's title, also without the subtitle that the metadata put behind it."""
        title = self._package.meta.title
        parts = [title, *(title.split(mark)[0] for mark in (":", ";", "/", " or ", ",") if mark in title)]
        return any(same_words(text, part) for part in parts)

    def _landmark_kinds(self) -> dict[int, ChapterKind]:
        """What the landmarks or the guide say of whole pages, as far as the pages look like it."""
        kinds: dict[int, ChapterKind] = {}
        for mark in self._package.landmarks:
            for kind in sorted(mark.types):
                place = self._landmark_place(mark)
                if kind in GUIDE_KINDS and place is not None and self._may_be(GUIDE_KINDS[kind], mark.member):
                    kinds.setdefault(place, GUIDE_KINDS[kind])
        return kinds

    def _landmark_place(self, mark: Landmark) -> int | None:
        first = self._reading.filled.get(mark.member)
        return self._reading.places.get((mark.member, mark.fragment), first) if mark.fragment else first

    def _may_be(self, kind: ChapterKind, member: str) -> bool:
        """A guide often calls the one file of a book its cover; a page of text is none of the things that are small."""
        passages = self._reading.passages
        document = passages[self._reading.filled[member]].document if member in self._reading.filled else -1
        page = [passage for passage in passages if passage.document == document]
        size = sum(passage.letters for passage in page)
        if size > min(LARGEST.get(kind, size), sum(self._sizes) // 2):
            return False
        if kind == "contents":
            linked = sum(passage.linked for passage in page)
            lines = len(page) >= _LINES and all(passage.letters <= _LEAD_BLOCK for passage in page)
            return linked >= _LINKED * size or lines
        return True


def _combined(listed: Sequence[Start], headed: Sequence[Start]) -> list[Start]:
    """Headings, with the contents' title and depth where both begin at one place, and what only the contents name."""
    places = {start.index for start in listed}
    return sorted([*listed, *(start for start in headed if start.index not in places)], key=lambda start: start.index)


def _without_pictures(starts: Sequence[Start], sizes: Sequence[int]) -> list[Start]:
    """Leave out entries that lead to a page without text, unless others stand below them."""
    following = [*starts[1:], None]
    return [
        start
        for start, after in zip(starts, following, strict=True)
        if any(sizes[start.index : after.index if after else None]) or (after is not None and after.level > start.level)
    ]
