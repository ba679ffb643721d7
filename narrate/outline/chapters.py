"""Passages to chapters: where each begins, what kind of matter it is, and how deep in the contents it stands."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import groupby, pairwise
from typing import Literal

from narrate.book import Block, Chapter, ChapterKind, Role
from narrate.markup.passage import Passage, bare, same_words
from narrate.outline.gutenberg import mark_licence
from narrate.outline.kinds import HEADS, SPOKEN, title_of
from narrate.outline.matter import Known, guess_kind
from narrate.outline.titles import complete, first_words, is_label

# A level of headings is a level of chapters when its sections hold next to nothing before the next level's headings.
_OWN_TEXT = 0.1
# Guesses are made only this far from either end of a book, and never past a division that is clearly its text.
_EDGE = 10
_TEXT = 8_000  # letters and digits
_NO_LANGUAGE = {"und", "zxx", "mul", "mis"}  # tags that say that there is no language to name
_PLAIN = 3  # so many listed divisions that are nothing in particular, one behind the other, are the text
_NAMED = 2  # so many headings are called parts, and so many below them chapters: then they are
_PART = re.compile(r"(?:part|book|volume|teil|buch|partie|livre|parte|libro|livro|deel|boek|часть)\b", re.IGNORECASE)
_CHAPTER = re.compile(
    r"(?:chapter|chapitre|kapitel|capítulo|capitolo|hoofdstuk|глава)\b|[IVXLC]+\b|\d+\b", re.IGNORECASE
)
_CHAPTER_TITLE = re.compile(
    r"(?:chapter|chapitre|kapitel|capítulo|capitolo|hoofdstuk|letter|act|scene|canto|book|part)\b.*|[IVXLC]+\b.*|\d+\b.*",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Start:
    """Where a division begins: before the passage ``index``.

    ``listed`` says that the contents name it; what is not listed and turns out to be plain text belongs to the
    division before it. ``fallback`` is a title for what has neither a label nor a heading.
    """

    index: int
    title: str = ""
    level: int = 1
    listed: bool = True
    kind: ChapterKind | Literal[""] = ""
    role: Role | Literal[""] = ""
    guess: str = ""
    fallback: str = ""


@dataclass(frozen=True)
class _Draft:
    start: Start
    passages: tuple[Passage, ...]
    kind: ChapterKind
    guess: str = ""

    @cached_property
    def letters(self) -> int:
        return sum(passage.letters for passage in self.passages)

    def headings(self, book: str) -> list[str]:
        """The headings it opens with, without the book's own title and without a section's further down."""
        opening: list[Passage] = []
        for passage in self.passages:
            if not passage.level and (passage.block.kind != "break" and not passage.block.within):
                break
            if passage.level and not (opening and same_words(passage.block.text, book)):
                opening.append(passage)
        later = {passage.level for passage in self.passages[len(opening) :] if passage.level}
        texts = [one.block.text.replace("\n", " ") for n, one in enumerate(opening) if n == 0 or one.level not in later]
        named = [text for text in texts if not same_words(text, book)]
        return named or texts


def build_chapters(
    passages: Sequence[Passage], starts: Sequence[Start], known: Known, language: str
) -> tuple[Chapter, ...]:
    """Divide the passages at ``starts``, which are in reading order; every passage is in exactly one chapter."""
    marked = mark_licence(passages)
    drafts = [part for draft in _slices(marked, starts) for part in _by_kind(draft)]
    drafts = _guessed(drafts, known)
    drafts = _merged(drafts)
    roles = _roles(drafts)
    chapters = [
        _chapter(draft, role, known, language, number=number)
        for number, (draft, role) in enumerate(zip(drafts, roles, strict=True))
    ]
    return tuple(chapter for chapter in chapters if chapter.blocks or chapter.kind == "chapter")


def starts_by_headings(passages: Sequence[Passage]) -> list[Start]:
    """Choose the level of headings that divides the text; every heading of that level begins a chapter."""
    marked = mark_licence(passages)
    headings = [
        (number, passage)
        for number, passage in enumerate(marked)
        if passage.level and passage.block.kind == "heading" and passage.kind in {"", "chapter"}
    ]
    levels = sorted({passage.level for _, passage in headings})
    if not levels:
        return []
    chosen = [levels[0]]
    alone = sum(passage.level == levels[0] for _, passage in headings) == 1
    if alone and len(levels) > 1 and headings[0][1].level == levels[0]:
        chosen.append(levels[1])  # the book's title, then its chapters
    while chosen[-1] != levels[-1] and _hardly_any_own_text(marked, headings, chosen[-1]):
        chosen.append(levels[levels.index(chosen[-1]) + 1])
    depth = {level: max(1, number + (0 if alone and len(chosen) > 1 else 1)) for number, level in enumerate(chosen)}
    found = [(number, passage) for number, passage in headings if passage.level in depth]
    names = {  # "Chapter 1" and "The Whale" right behind it are one title
        number
        for (before, label), (number, passage) in pairwise(found)
        if number == before + 1 and passage.level == label.level and is_label(label.block.text)
        if not is_label(passage.block.text)
    }
    return [
        Start(number, passage.block.text.replace("\n", " "), depth[passage.level])
        for number, passage in found
        if number not in names
    ]


def _hardly_any_own_text(passages: Sequence[Passage], headings: Sequence[tuple[int, Passage]], level: int) -> bool:
    """Whether the sections of ``level`` are parts: several, holding only further headings."""
    parts = [number for number, passage in headings if passage.level == level]
    deeper = [number for number, passage in headings if passage.level > level]
    if _named_so(passages, parts, _PART) and _named_so(passages, deeper, _CHAPTER):
        return True  # however long an introduction beside the parts is
    if len(parts) < 2 or len(deeper) < len(parts):
        return False
    ends = {number: following for number, (following, _) in zip((n for n, _ in headings), headings[1:], strict=False)}
    own = sum(passages[i].letters for part in parts for i in range(part + 1, ends.get(part, len(passages))))
    return own < _OWN_TEXT * sum(passage.letters for passage in passages)


def _named_so(passages: Sequence[Passage], numbers: Sequence[int], names: re.Pattern[str]) -> bool:
    """Whether two or more of the headings are called what ``names`` says."""
    return sum(bool(names.match(passages[number].block.text)) for number in numbers) >= _NAMED


def _slices(passages: Sequence[Passage], starts: Sequence[Start]) -> Iterator[_Draft]:
    if not starts or starts[0].index > 0:
        starts = [Start(0, listed=False), *starts]
    for start, following in zip(starts, [*starts[1:], None], strict=True):
        end = following.index if following else len(passages)
        yield _Draft(start, tuple(passages[start.index : end]), start.kind or "chapter", start.guess)


def _by_kind(draft: _Draft) -> Iterator[_Draft]:
    """Divide where the source marks another kind of matter inside the division."""
    if draft.start.kind or not draft.passages:
        yield draft
        return
    runs = [(kind, tuple(run)) for kind, run in groupby(draft.passages, _kind_in_chapter)]
    runs = _without_lone_breaks(runs)
    named = next((number for number, (kind, _) in enumerate(runs) if kind == "chapter"), 0)
    for number, (kind, run) in enumerate(runs):
        start = draft.start if number == named else replace(draft.start, title="", listed=False)
        yield _Draft(start, run, kind)


def _kind_in_chapter(passage: Passage) -> ChapterKind:
    return passage.kind or "chapter"


def _without_lone_breaks(
    runs: list[tuple[ChapterKind, tuple[Passage, ...]]],
) -> list[tuple[ChapterKind, tuple[Passage, ...]]]:
    """Notes at the end of what is read stay in it; a rule between two kinds of matter is no matter of its own."""
    joined: list[tuple[ChapterKind, tuple[Passage, ...]]] = []
    for kind, run in runs:
        empty = not any(passage.letters for passage in run)
        if joined and (empty or kind == joined[-1][0] or (kind == "notes" and joined[-1][0] in SPOKEN)):
            joined[-1] = (joined[-1][0], joined[-1][1] + run)
        else:
            joined.append((kind, run))
    return joined


def _guessed(drafts: list[_Draft], known: Known) -> list[_Draft]:
    """Look at the ends of the book for matter that is not marked."""
    known = replace(known, labels=frozenset(bare(draft.start.title) for draft in drafts if draft.start.listed))
    found = list(drafts)
    for front in (True, False):
        order = list(range(len(found))) if front else list(reversed(range(len(found))))
        plain = 0
        for number in order[:_EDGE]:
            draft = found[number]
            if number == 0 and front and not draft.letters and draft.kind in ("chapter", "licence") and draft.passages:
                found[number] = replace(draft, kind="cover", guess="the first page, which holds no text")
                continue
            if draft.kind != "chapter" or not draft.passages:
                continue
            guess = guess_kind(draft.start.title, draft.passages, known, front=front, listed=draft.start.listed)
            if guess:
                found[number] = replace(draft, kind=guess[0], guess=guess[1])
                continue
            plain += draft.start.listed and draft.letters > 0
            name = draft.start.title or next(iter(draft.headings(known.title)), "")
            titled = draft.start.listed and _CHAPTER_TITLE.fullmatch(name)
            if draft.letters > _TEXT or titled or plain >= _PLAIN:
                break
    return found if any(draft.kind in SPOKEN and draft.letters for draft in found) else drafts


def _merged(drafts: list[_Draft]) -> list[_Draft]:
    """Plain text that the contents do not list belongs to the chapter before it, unless it stands apart."""
    listed = [number for number, draft in enumerate(drafts) if draft.start.listed and draft.passages]
    first, last = (listed[0], listed[-1]) if listed else (len(drafts), -1)
    merged: list[_Draft] = []
    for number, draft in enumerate(drafts):
        apart = draft.start.listed or draft.kind != "chapter" or bool(draft.start.kind)
        headed = bool(draft.passages) and bool(draft.passages[0].level) and not first < number <= last
        target = next((i for i in reversed(range(len(merged))) if merged[i].passages), None)
        if not apart and not draft.letters and not draft.passages:
            continue
        if target is not None and merged[target].kind in {*SPOKEN, "notes"} and _only_notes(draft):
            merged[target] = replace(merged[target], passages=merged[target].passages + draft.passages)
            continue
        if apart or headed or target is None or merged[target].kind != "chapter" or number < first:
            merged.append(draft)
        else:
            merged[target] = replace(merged[target], passages=merged[target].passages + draft.passages)
    return merged


def _only_notes(draft: _Draft) -> bool:
    """Whether it is a page of notes that nothing names: the notes of the chapter before it."""
    told = draft.start.listed or draft.start.kind or not draft.letters
    return not told and all(one.block.kind == "note" or not one.letters for one in draft.passages)


def _roles(drafts: list[_Draft]) -> list[Role]:
    """Front, body or back: as marked, else by where the plain chapters are.

    Some producers call every page the body that they know nothing of; a kind that had to be guessed says more.
    """
    plain = [i for i, draft in enumerate(drafts) if draft.kind == "chapter" and _marked_role(draft) in {"", "body"}]
    first, last = (plain[0], plain[-1]) if plain else (0, len(drafts))
    roles: list[Role] = []
    for number, draft in enumerate(drafts):
        marked = _marked_role(draft)
        told = marked != "body" or not draft.guess
        roles.append((marked if told else "") or ("front" if number < first else "back" if number > last else "body"))
    return roles


def _marked_role(draft: _Draft) -> Role | Literal[""]:
    if draft.start.role:
        return draft.start.role
    sizes: dict[Role | Literal[""], int] = {}
    for passage in draft.passages:
        sizes[passage.role] = sizes.get(passage.role, 0) + passage.letters
    return max(sizes, key=lambda role: sizes[role]) if sizes else ""


def _chapter(draft: _Draft, role: Role, known: Known, language: str, *, number: int) -> Chapter:
    blocks = tuple(_in_language(passage.block, language) for passage in draft.passages)
    title = " ".join(_title(draft, known, language, number).split())
    return Chapter(title, _tidy(_headed_notes(blocks)), draft.start.level, role, draft.kind, draft.guess)


def _title(draft: _Draft, known: Known, language: str, number: int) -> str:
    """The contents' label with what the page's heading adds, else a heading, the page's title, the kind, the text."""
    headings = draft.headings(known.title)
    first = next((text for text in headings if text), "") or next(
        (passage.block.text for passage in draft.passages if passage.level), ""
    )
    return (
        complete(draft.start.title, headings)
        or first
        or draft.start.fallback
        or title_of(draft.kind, language)
        or (known.title if number == 0 else "")
        or first_words(next((passage.block.text for passage in draft.passages if passage.block.text), ""))
        or known.title
        or "Text"
    )


def _headed_notes(blocks: Sequence[Block]) -> list[Block]:
    """What stands over the notes at the end of a chapter and says no more than that they are notes is of their kind."""
    kept = list(blocks)
    first = len(kept)
    while first and kept[first - 1].kind in ("note", "break"):
        first -= 1
    over = kept[first - 1] if 1 < first < len(kept) else None
    if over is not None and over.kind in ("heading", "paragraph") and HEADS["notes"].fullmatch(over.text.strip(" .:")):
        kept[first - 1] = replace(over, kind="note")
    return kept


def _tidy(blocks: Sequence[Block]) -> tuple[Block, ...]:
    """No scene break at either end of a chapter, and none beside another."""
    kept: list[Block] = []
    for block in blocks:
        if block.kind == "break" and (not kept or kept[-1].kind == "break"):
            continue
        kept.append(block)
    while kept and kept[-1].kind == "break":
        kept.pop()
    return tuple(kept)


def _in_language(block: Block, language: str) -> Block:
    """Leave out the language where it is the book's own (regions apart: en-US in a book in en-GB is English)."""
    primary = block.language.replace("_", "-").partition("-")[0].lower()
    same = primary in _NO_LANGUAGE or primary == language.partition("-")[0].lower()
    return replace(block, language="") if same and block.language else block
