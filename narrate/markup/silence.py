"""What stands on a page and is not its running text: which kind it is, and what would be said of it."""

from __future__ import annotations

import re

from lxml import etree

from narrate.book import AsideKind
from narrate.markup.elements import name_of, text_of
from narrate.markup.folding import fold
from narrate.markup.senses import LONGEST_LINE_NUMBER, LONGEST_PAGE_MARKER, Sense

_FILE_NAME = re.compile(r"[^\s]*\.(?:jpe?g|png|gif|svg|webp|bmp|tiff?)", re.IGNORECASE)
_PAGE = re.compile(r"(?:\d{1,5}|[ivxlcdm]{1,9})(?![^\W_])", re.IGNORECASE)
_FORMULA_CLASSES = {"math", "tex", "latex", "equation", "formula", "mwe-math-fallback-image-inline", "inlineequation"}

# "12", "[a]", "*", "xii", "Note 3", "fn1": what leads to a note. A linked word or phrase is read, whatever its class
# says: programs that tidy a book give one class to all that looks alike.
_REFERENCE = re.compile(
    r"[\W_]*(?:(?:[^\W\d_]{1,12}[\W_]*)?\d{1,4}[a-z]?(?:[\W_]+\d{1,4}){0,5}|[^\W\d_]{1,2}|[ivxlc]{1,7}"
    r"|(?:foot|end)?notes?)?[\W_]*",
    re.IGNORECASE,
)
_LONGEST_REFERENCE = 40  # characters


def silent_kind(element: etree._Element, sense: Sense) -> AsideKind | None:
    """The kind of aside the element is, None when its text is read."""
    kind = sense.silent
    if (kind == "page number" and not _is_within(element, LONGEST_PAGE_MARKER)) or (
        kind == "line number" and not (_is_within(element, LONGEST_LINE_NUMBER) and _is_number(element))
    ):
        kind = None
    if kind == "note reference" and _is_linked_phrase(element):
        kind = None
    return kind or ("hidden text" if sense.is_hidden else None)


def is_image(name: str) -> bool:
    """Whether elements of this name are pictures without text of their own."""
    return name in ("img", "image")


def is_formula(sense: Sense) -> bool:
    """Whether a picture is one of a formula."""
    return bool(sense.classes & _FORMULA_CLASSES)


def said_of_image(image: etree._Element) -> str:
    """A picture's alternative text, "" where it is empty or only the name of a file."""
    said = fold(image.get("alt") or image.get("aria-label") or "")
    return "" if _FILE_NAME.fullmatch(said) else said


def said_of_drawing(drawing: etree._Element) -> str:
    """The title, or else the description, of a drawing."""
    label = fold(drawing.get("aria-label") or "")
    if label:
        return label
    for name in ("title", "desc"):
        for element in drawing.iter("{*}" + name):
            said = fold("".join(map(str, element.itertext())))
            if said:
                return said
    return ""


def said_of_page(marker: etree._Element) -> str:
    """The number of a page that only an attribute gives."""
    for name in ("aria-label", "title"):
        label = fold(marker.get(name) or "")
        number = (
            _PAGE.search(re.sub(r"(?i)\bpage\b|\bpg\b\.?", " ", label)) if len(label) <= LONGEST_PAGE_MARKER else None
        )
        if number:
            return number[0]
    return ""


def short_text(element: etree._Element, most: int) -> str:
    """The text inside ``element``, at most a little more than ``most`` characters of it."""
    text = ""
    for part in element.itertext():
        text += str(part)
        if len(text) > most:
            break
    return text[: most + 1]


def _is_linked_phrase(element: etree._Element) -> bool:
    """Whether it is a link, or holds one, whose words are not the mark of a note."""
    link = next(element.iter("{*}a"), None)
    return link is not None and not _REFERENCE.fullmatch(short_text(element, _LONGEST_REFERENCE))


def has_text(element: etree._Element) -> bool:
    """Whether there is anything but white space inside."""
    return any(not str(text).isspace() for text in element.itertext() if text)


def _is_within(element: etree._Element, most: int) -> bool:
    letters = 0
    for text in element.itertext():
        letters += len(str(text).strip())
        if letters > most:
            return False
    return True


def _is_number(element: etree._Element) -> bool:
    return any(character.isdigit() for character in text_of(element)) or name_of(element) == "a"
