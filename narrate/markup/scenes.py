"""Scene breaks that hold no text: a space with a name, a decoration in the middle of the page."""

from __future__ import annotations

import re

from lxml import etree

from narrate.markup.senses import BREAK_CLASSES, Sense
from narrate.markup.silence import has_text

_HOLDERS = {"p", "div", "center", "figure"}
_CENTRED = {"center", "centre", "centered", "centred", "aligncenter", "text-center", "c", "img-center", "centerimg"}
_CENTRED_STYLE = re.compile(r"text-align\s*:\s*center", re.IGNORECASE)
_ORNAMENT_NAME = re.compile(
    r"(?:ornament|divider|separator|fleuron|asterism|dinkus|scene|break|glyph|flourish|vignette|deco)[^/]*\.\w+$",
    re.IGNORECASE,
)
_MOST_CHILDREN = 3


def is_scene_break(element: etree._Element, sense: Sense) -> bool:
    """Whether the element is a scene break without text: empty and named so, or an ornament set in the middle."""
    if sense.name not in _HOLDERS or len(element) > _MOST_CHILDREN or (element.text or "").strip():
        return False
    named = bool(sense.signs & BREAK_CLASSES)
    if not named and not len(element):
        return False
    images = list(element.iter("{*}img"))[: _MOST_CHILDREN + 1]
    if (not images and not named) or len(images) > _MOST_CHILDREN or has_text(element):
        return False
    if any((image.get("alt") or "").strip() for image in images):
        return False
    if named:
        return True
    centred = (
        bool(sense.classes & _CENTRED)
        or sense.name == "center"
        or bool(_CENTRED_STYLE.search(element.get("style") or ""))
    )
    return centred and all(_is_ornament(image) for image in images)


def _is_ornament(image: etree._Element) -> bool:
    """A picture that says it is decoration: by an empty alternative text, its role, its class, or its file's name."""
    classes = set((image.get("class") or "").lower().split())
    decorative = image.get("alt") is not None or (image.get("role") or "") in ("presentation", "none")
    return decorative or bool(classes & BREAK_CLASSES) or bool(_ORNAMENT_NAME.search(image.get("src") or ""))
