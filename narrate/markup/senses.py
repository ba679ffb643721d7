"""What an element means to a listener, by its name, its types and its classes: tables, and one look into them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeVar

from lxml import etree

from narrate.book import AsideKind, BlockKind, MarkKind, Within
from narrate.markup.elements import BLOCKS, EPUB_TYPE, HEADINGS, name_of

_Value = TypeVar("_Value")


def _words(names: str) -> frozenset[str]:
    return frozenset(names.split())


# Elements whose text is not running text.
SILENT: dict[str, AsideKind] = {
    "rp": "ruby bracket",
    "math": "formula",
    "svg": "picture text",
    "nav": "contents",
    "audio": "embedded media",
    "video": "embedded media",
    "object": "embedded media",
    "iframe": "embedded media",
    "canvas": "embedded media",
    "embed": "embedded media",
    "button": "form control",
    "select": "form control",
    "textarea": "form control",
    "datalist": "form control",
    "template": "hidden text",
    "head": "hidden text",
}
NOTE_REFERENCE_TYPES = _words("noteref doc-noteref")
NOTE_REFERENCE_CLASSES = _words(
    "noteref note-ref note_ref footnote-ref footnoteref footnote_ref fnref fn-ref fnanchor footnote-reference"
    " footnotereference endnote-ref endnoteref endnote-reference endnotereference footnote-anchor endnote-anchor"
    " footnotecall note-call notecall footnote-link endnote-link _idfootnotelink"
)
NOTE_TYPES = _words("footnote endnote rearnote doc-footnote doc-endnote")
NOTE_CLASSES = _words(
    "footnote endnote rearnote footnote-item footnote-text footnotetext endnote-text endnotetext _idfootnote"
)
BACKLINK_TYPES = _words("backlink doc-backlink referrer")
BACKLINK_CLASSES = _words(
    "footnote-backref footnote-back backlink footnote-backlink fn-back note-back _idfootnoteanchor"
)
PAGE_TYPES = _words("pagebreak doc-pagebreak")
PAGE_CLASSES = _words(
    "pagenum pageno pagenumber page-number pagebreak page-break x-ebookmaker-pageno pb page_number pgnum page-num"
    " page_num pgbreak newpage-number"
)
LINE_NUMBER_CLASSES = _words(
    "linenum line-number linenumber line_number lineno line-no linenr line-num lnum lnno versenum verse-number"
    " verse-num versenumber vnum v-num"
)
# A page marker holds a number, "[Pg 12]" or "Page xii of the print edition"; a class named "pagebreak" on more than
# this is a request to the printer. A line number is shorter still.
LONGEST_PAGE_MARKER, LONGEST_LINE_NUMBER = 40, 8

TITLE_TYPES = _words("title subtitle fulltitle halftitle label ordinal doc-subtitle")
VERSE_TYPES = _words("z3998:verse z3998:poem z3998:song z3998:hymn z3998:lyrics verse poem")
VERSE_CLASSES = _words(
    "verse verses poem poetry poetry-container poems lyrics song stanza versegroup verse-group poem-container hymn"
)
LINE_GROUPS = _words("stanza linegroup line-group lg strophe line-block lineblock")
LINE_CLASSES = _words(
    "line verse-line verseline verse_line poem-line poemline poetry-line poetryline l vers versline lyric-line"
)
BREAK_CLASSES = _words(
    "scene-break scenebreak scene_break space-break spacebreak space_break section-break sectionbreak section_break"
    " asterism text-break textbreak thought-break thoughtbreak tb ornament ornamental-break ornamentbreak dinkus"
    " fleuron separator sep divider line-break-ornament transition context-break z3998:scene-break"
)
DROP_CAP_CLASSES = _words(
    "dropcap drop-cap dropcaps drop-caps drop_cap drop drop1 drop2 drop3 dropped initial initials initialcap"
    " initial-cap firstletter first-letter first_letter lettrine letterine versal raised-cap raisedcap bigcap big-cap"
    " capital illuminated dc"
)
CODE_CLASSES = _words("code programlisting screen highlight sourcecode listing")
BYLINE_CLASSES = _words("byline by-line by_line author authors chapter-author chapterauthor authorname author-name")
CONTENTS_CLASSES = _words("toc contents table-of-contents tableofcontents toc-list minitoc local-toc")

WITHIN: dict[str, Within] = {
    **dict.fromkeys(
        [
            "z3998:letter",
            "z3998:diary",
            "z3998:diary-entry",
            "z3998:telegram",
            "z3998:postcard",
            "z3998:correspondence",
        ],
        "letter",
    ),
    **dict.fromkeys(["epigraph", "doc-epigraph"], "epigraph"),
    **dict.fromkeys(
        ["sidebar", "doc-tip", "tip", "help", "notice", "doc-notice", "case-study", "marginalia"], "sidebar"
    ),
    **dict.fromkeys(["pullquote", "doc-pullquote", "z3998:pullquote"], "pull quote"),
    **dict.fromkeys(["running-head", "running-header"], "running head"),
    **dict.fromkeys(["z3998:transcriber-notes", "z3998:transcribers-note"], "transcriber's note"),
}
"""What a type says of the text inside a block."""

CLASS_WITHIN: dict[str, Within] = {
    **dict.fromkeys(
        ["letter", "telegram", "diary", "diary-entry", "diaryentry", "epistle", "correspondence"], "letter"
    ),
    **dict.fromkeys(["epigraph", "motto", "chapter-epigraph"], "epigraph"),
    **dict.fromkeys(
        ["sidebar", "side-bar", "sidenote", "tip", "tipbox", "callout", "infobox", "admonition", "textbox"], "sidebar"
    ),
    **dict.fromkeys(["pullquote", "pull-quote", "pull_quote", "pullquotes"], "pull quote"),
    **dict.fromkeys(
        [
            "running-head",
            "runninghead",
            "running-header",
            "runningheader",
            "runhead",
            "page-header",
            "pageheader",
            "page-footer",
            "pagefooter",
            "running-foot",
            "runningfoot",
            "running-footer",
            "runningfooter",
        ],
        "running head",
    ),
    **dict.fromkeys(
        [
            "transnote",
            "transnotes",
            "tnote",
            "tnotes",
            "trans-note",
            "transcriber-note",
            "transcribernote",
            "transcriber-notes",
            "transcribers-note",
        ],
        "transcriber's note",
    ),
}
"""The same of a class, on elements that are blocks."""

MARKS: dict[str, MarkKind] = {
    **dict.fromkeys(["z3998:persona", "z3998:speaker", "speaker", "persona", "speaker-name", "speakername"], "speaker"),
    **dict.fromkeys(
        [
            "z3998:stage-direction",
            "stage",
            "stage-direction",
            "stagedirection",
            "stage_direction",
            "stage-directions",
            "stagedirections",
            "stagedir",
            "stage-dir",
            "sd",
            "stgdir",
        ],
        "stage direction",
    ),
}
"""What a type or a class says of the text inside an element."""

BLOCK_KINDS: dict[str, BlockKind] = {
    **dict.fromkeys(HEADINGS, "heading"),
    "hgroup": "heading",
    "li": "item",
    "dt": "item",
    "dd": "item",
    "figcaption": "caption",
    "caption": "caption",
    "legend": "caption",
}
CONTAINERS = _words("blockquote aside figure td th li dd dt table details form fieldset")
"""Elements that set a paragraph apart from plain ones."""

_INVISIBLE_STYLE = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Sense:
    """What the name and the attributes of an element say, wherever it stands.

    ``silent`` is the kind of aside it is; a page marker or a line number only when its text is short enough.
    """

    name: str
    types: frozenset[str]
    classes: frozenset[str]
    is_block: bool
    silent: AsideKind | None
    is_hidden: bool
    is_note: bool
    within: Within | None
    mark: MarkKind | None

    @property
    def signs(self) -> frozenset[str]:
        """Its types and its classes."""
        return self.types | self.classes


def sense_of(element: etree._Element) -> Sense:
    """Look the element up in the tables."""
    attributes = element.attrib
    if not attributes:
        return _plain_sense(name_of(element))
    get = attributes.get
    name = name_of(element)
    # a caption is hidden from those who are read the same words as the alternative text
    hidden = get("hidden") is not None or (get("aria-hidden") == "true" and name != "figcaption")
    types = f"{get(EPUB_TYPE) or get('epub:type') or ''} {get('role') or ''}"
    return _sense(name, types, get("class") or "", hidden, get("style") or "")


@lru_cache(1024)
def _plain_sense(name: str) -> Sense:
    return _sense(name, "", "", False, "")


@lru_cache(4096)
def _sense(name: str, types: str, classes: str, hidden: bool, style: str) -> Sense:
    said, named = frozenset(types.lower().split()), frozenset(classes.lower().split())
    is_block = name in BLOCKS
    unseen = hidden or bool(style and _INVISIBLE_STYLE.search(style))
    is_note = bool(said & NOTE_TYPES) or (bool(named & NOTE_CLASSES) and is_block)
    within = (_first(WITHIN, said) or _first(CLASS_WITHIN, named)) if is_block else None
    if within is None and name == "aside" and not is_note:
        within = "sidebar"
    mark = _first(MARKS, said) or _first(MARKS, named)
    silent = _silent(name, said, named, unseen, is_block=is_block)
    return Sense(name, said, named, is_block, silent, unseen, is_note, within, mark)


def _silent(
    name: str, types: frozenset[str], classes: frozenset[str], unseen: bool, *, is_block: bool
) -> AsideKind | None:
    if name in SILENT:
        return SILENT[name]
    if types & PAGE_TYPES or classes & PAGE_CLASSES:
        return "page number"
    if types & NOTE_REFERENCE_TYPES or (classes & NOTE_REFERENCE_CLASSES and not is_block):
        return "note reference"
    if types & BACKLINK_TYPES or (classes & BACKLINK_CLASSES and not is_block):
        return "link back from a note"
    if classes & LINE_NUMBER_CLASSES:
        return "line number"
    return "hidden text" if unseen else None


def _first(table: Mapping[str, _Value], values: frozenset[str]) -> _Value | None:
    return next((table[value] for value in sorted(values) if value in table), None)
