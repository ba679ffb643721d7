"""NOUN: the reading policy: for each kind of text, whether and how it is read.

A policy is a name and an action for every kind; ``KINDS`` lists them. A named policy is changed by kind
(``notes = "chapter"``) or by place (``where = "text/ads.xhtml"``). What comes later wins, and a place wins over a kind.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

SPEAK, SKIP = "speak", "skip"
_EITHER = (SPEAK, SKIP)


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of text: its ``actions``, the one that suits listeners first, and what it is."""

    actions: tuple[str, ...]
    meaning: str


def _spoken(meaning: str) -> Kind:
    return Kind((SPEAK, SKIP), meaning)


def _skipped(meaning: str) -> Kind:
    return Kind((SKIP, SPEAK), meaning)


KINDS: dict[str, Kind] = {
    # divisions of a book
    "cover": _skipped("a cover page"),
    "titlepage": _skipped("a title page"),
    "halftitle": _skipped("a page with the title only"),
    "imprint": _skipped("the publisher's page"),
    "copyright": _skipped("a copyright page"),
    "licence": _skipped("a licence, such as Project Gutenberg's"),
    "colophon": _skipped("how the book was made"),
    "contents": _skipped("a list of the contents, of plates, of tables"),
    "advertisement": _skipped("other books for sale"),
    "index": _skipped("an index"),
    "bibliography": _skipped("a list of works at the back of the book"),
    "glossary": _spoken("a list of terms"),
    "dedication": _spoken("a dedication"),
    "epigraph": _spoken("a motto at the front of a book or a chapter"),
    "introduction": _spoken("a foreword, a preface or an introduction"),
    "afterword": _spoken("an afterword"),
    "acknowledgements": _spoken("thanks"),
    "appendix": _spoken("an appendix"),
    "about the author": _spoken("who wrote the book"),
    # blocks of text
    "heading": _spoken("the titles of chapters and sections"),
    "chapter title": _skipped("a chapter's title that stands in the contents or the front matter, and not in its text"),
    "caption": _spoken("what stands under a picture or over a table"),
    "table": Kind(("headers", "cells", SKIP), "a table: each cell behind its header, the cells alone, or nothing"),
    "list number": _spoken("the number or letter that the page prints before a list item"),
    "code": _skipped("a listing of program code"),
    "verse": Kind(("lines", "run on", SKIP), "verse: a breath at the end of a line, or none"),
    "letter": _spoken("a letter or telegram quoted in the text"),
    "sidebar": _spoken("a box beside the main text"),
    "pull quote": _skipped("a sentence of the text that is repeated in large type"),
    "running head": _skipped("a heading that stands again at the top of a page or a file"),
    "transcriber's note": _skipped("what a transcriber says of the transcript"),
    "contents list": _skipped("links to chapters on a page that holds other text"),
    "byline": _spoken("who wrote a piece of an anthology"),
    "image": _skipped("the alternative text of a picture"),
    # what stands in a line
    "notes": Kind(
        (SKIP, "paragraph", "chapter", "place"),
        "footnotes and endnotes: not read, read behind the paragraph, behind the chapter, or where they stand",
    ),
    "note reference": _skipped("the number or mark that leads to a note"),
    "page number": _skipped("the number of a printed page"),
    "line number": _skipped("the number of a line of verse"),
    "formula": Kind((SPEAK, SKIP), "a formula, by its alternative text or by its signs"),
    "ruby": Kind(("base", "reading"), "characters with their reading beside them: the characters, or the reading"),
    "abbreviation": Kind(("written", "meaning"), "an abbreviation that the source explains"),
    "address": Kind(
        ("short", SPEAK, "site", SKIP), "a web address: in full if short, always in full, its site alone, or nothing"
    ),
    "brackets": Kind((SPEAK, SKIP), "what an editor put in square brackets"),
    "speaker": _spoken("the name of a speaker in a play"),
    "stage direction": _spoken("a stage direction"),
    "hidden text": _skipped("what the source hides from readers, or from those who listen"),
    "link back from a note": _skipped("the arrow back to the text"),
    "ruby bracket": _skipped("the brackets around a reading"),
    "embedded media": _skipped("what stands in for sound and film"),
    "form control": _skipped("buttons and fields"),
    "picture text": _skipped("words drawn in a picture"),
}
"""Every kind a policy decides, its actions with the listener's first, and what it is."""

_COMPLETE = {
    **{name: kind.actions[1] for name, kind in KINDS.items() if kind.actions == (SKIP, SPEAK)},
    **dict.fromkeys(("page number", "line number", "note reference", "link back from a note", "ruby bracket"), SKIP),
    **dict.fromkeys(("running head", "pull quote", "hidden text", "form control", "embedded media"), SKIP),
    "notes": "paragraph",
    "chapter title": SPEAK,
}
_BARE = {
    **dict.fromkeys(("glossary", "dedication", "epigraph", "introduction", "afterword"), SKIP),
    **dict.fromkeys(("acknowledgements", "appendix", "about the author", "caption", "sidebar", "byline"), SKIP),
    "address": "site",
}
POLICIES: dict[str, Mapping[str, str]] = {"listener": {}, "complete": _COMPLETE, "bare": _BARE}
"""listener: what suits most listeners. complete: everything with words, notes behind their paragraph. bare: the text of
the chapters and nothing around it. Each is what it changes of the listener's."""


@dataclass(frozen=True, slots=True)
class PlaceRule:
    """What is read at a place: ``where`` is an anchor of the source with ``*`` for any characters
    (``text/ads.xhtml*``), or the title of a chapter; ``read`` is speak or skip; ``say`` is said in place of it.
    """

    where: str
    read: str = SPEAK
    say: str = ""

    def meets(self, anchor: str, title: str) -> bool:
        """Whether the rule is about the block at ``anchor`` in the chapter ``title``."""
        return self.where == title or fnmatchcase(anchor, self.where) or anchor.startswith(f"{self.where}#")


@dataclass(frozen=True, slots=True)
class Policy:
    """An action for every kind of ``KINDS``, and the places that are read otherwise; of two rules the later wins."""

    name: str = "listener"
    changes: tuple[tuple[str, str], ...] = ()
    places: tuple[PlaceRule, ...] = ()

    @property
    def actions(self) -> dict[str, str]:
        """The action for every kind."""
        listeners = {name: kind.actions[0] for name, kind in KINDS.items()}
        return {**listeners, **POLICIES[self.name], **dict(self.changes)}

    def changed(self, changes: Iterable[tuple[str, str]], places: Iterable[PlaceRule] = ()) -> Policy:
        """This policy with later rules."""
        return replace(self, changes=(*self.changes, *changes), places=(*self.places, *places))
