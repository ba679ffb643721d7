"""Boxes that begin and end with a line of their own: ":::tip Title", "::: {.verse}", "```{note}"."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass

_COLONS = re.compile(
    r"([ \t]*)(:{3,})[ \t]*(?:\{([^{}]*)\}|([A-Za-z][\w-]*))?[ \t]*"
    r"(?:\[([^\]]*)\]|([^\[{]*?))(?:\{[^{}]*\})?[ \t]*:*"
)
_PROSE_FENCE = re.compile(
    r"([ \t]*)(`{3,}|~{3,})[ \t]*(?:\{(note|tip|hint|important|warning|caution|attention|danger|error|seealso"
    r"|admonition|sidebar|margin|topic|epigraph|dropdown)\}|(admonish)\b)[ \t]*([^`]*)"
)
_LONG = 500  # characters: no line that opens a box is longer
_NAME = re.compile(r"[.]?([A-Za-z][\w-]*)")
_TITLE = re.compile(r"title=[\"']([^\"']*)[\"']")
_END = re.compile(r"[ \t]*(:{3,}|`{3,}|~{3,})[ \t]*")
# What a reader sees as a box beside the text; everything else is merely styled.
_ASIDES = frozenset(
    ["note", "tip", "info", "warning", "danger", "caution", "important", "hint", "attention", "error",
     "seealso", "admonition", "success", "question", "failure", "bug", "example", "abstract", "summary", "todo",
     "details", "sidebar", "aside", "margin", "topic", "dropdown", "box", "callout", "blurb"]
)  # fmt: skip
_NAMES_SEEN = {"note", "tip", "info", "warning", "danger", "caution", "important", "hint", "attention", "example"}


@dataclass(frozen=True, slots=True)
class Box:
    """An open box: what closes it, and how it is written in HTML."""

    mark: str
    indent: str
    tag: str
    classes: str
    title: str

    def begin(self) -> tuple[str, ...]:
        """The lines that open it; between empty lines, so that what it holds is Markdown."""
        opening = f'{self.indent}<{self.tag} class="{html.escape(self.classes)}">'
        title = (f'{self.indent}<p class="admonition-title">{html.escape(self.title)}</p>', "") if self.title else ()
        return ("", opening, "", *title)

    def end(self) -> tuple[str, ...]:
        """The lines that close it."""
        return ("", f"{self.indent}</{self.tag}>", "")


def boxed(line: str) -> Box | None:
    """The box that ``line`` opens, if it opens one."""
    if len(line) > _LONG:
        return None
    if ":::" in line and (match := _COLONS.fullmatch(line)):
        indent, mark, attributes, word, bracketed, rest = match.groups()
        if attributes is None and word is None:
            return None
        names = _NAME.findall(attributes or "") if attributes else [word]
        titled = _TITLE.search(attributes or "")
        said = (titled.group(1) if titled else "") or bracketed or rest or ""
        return _box(mark, indent, names or ["div"], said.strip())
    if match := _PROSE_FENCE.fullmatch(line):
        indent, mark, name, admonish, rest = match.groups()
        titled = _TITLE.search(rest)
        words = re.sub(_TITLE, "", rest).split()
        names = words[:1] or ["note"] if admonish else [name]
        return _box(mark, indent, names, titled.group(1) if titled else "" if admonish else rest.strip())
    return None


def is_prose_fence(line: str) -> bool:
    """Whether the fence that ``line`` opens holds prose."""
    return len(line) <= _LONG and _PROSE_FENCE.fullmatch(line) is not None


def is_end(line: str, box: Box) -> bool:
    """Whether ``line`` closes ``box``; of colons any number from three does, as in pandoc."""
    match = _END.fullmatch(line)
    return (
        match is not None
        and (match.group(1)[0] == box.mark[0])
        and (box.mark[0] == ":" or match.group(1).startswith(box.mark))
    )


def _box(mark: str, indent: str, names: list[str], title: str) -> Box:
    plain = [name.lower().removeprefix("callout-") for name in names]
    aside = any(name in _ASIDES for name in plain)
    seen = next((name for name in plain if name in _NAMES_SEEN), "")
    said = title or (seen.capitalize() if aside and seen else "")
    classes = " ".join(["admonition"] * aside + plain)
    return Box(mark, indent[:3], "aside" if aside else "div", classes, re.sub(r"[*_`]", "", said))
