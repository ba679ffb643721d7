"""What in a Markdown text is made for the eye: where its tables, lists, code and lone pictures stand.

The text is read as narrate reads it for speech, with every dialect, so that what a listener would get as verse or prose
is not taken for code, and a list of the contents, which is not read, not for a list. Places are lines of the source.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from markdown_it.token import Token

from narrate.manuscript.dialects import prepare
from narrate.manuscript.listing import form_of
from narrate.manuscript.render import tokens_of

Kind = Literal["table", "list", "code", "caption"]
KINDS: tuple[Kind, ...] = ("table", "list", "code", "caption")

_OPENINGS: dict[str, Kind] = {"table_open": "table", "bullet_list_open": "list", "ordered_list_open": "list"}
_TRANSPARENT = frozenset({"blockquote_open", "admonition_open"})
"""Containers that are looked into; of a list, a note or a definition nothing is taken alone."""
_HTML: tuple[tuple[str, Kind], ...] = (
    ("table", "table"),
    ("ul", "list"),
    ("ol", "list"),
    ("pre", "code"),
    ("figure", "caption"),
)
_LONGEST_HTML = 2_000  # lines that are looked through for the end of an element
_RULE = re.compile(r" {0,3}-{2,}[- ]*")
_PREFIX = re.compile(r"[ \t]*(?:>[ \t]?)*")
_TAG = re.compile(r"<[^>]*>")
_ELSEWHERE = re.compile(r"[a-z][a-z0-9+.-]*:|//", re.IGNORECASE)
_NO_PROSE = {
    "bullet_list_open": "a list",
    "ordered_list_open": "a list",
    "dl_open": "a list",
    "table_open": "a table",
    "fence": "a block of code",
    "code_block": "a block of code",
    "heading_open": "a heading",
    "blockquote_open": "a quotation",
    "hr": "a rule",
    "footnote_block_open": "a footnote",
    "admonition_open": "a box",
}


@dataclass(frozen=True, slots=True)
class Place:
    """A block made for the eye: the lines ``first`` to ``last`` of the source, both counted in, from 1.

    ``prefix`` is what each line begins with because of a quotation or a box around the block; ``text`` is without it.
    """

    kind: Kind
    first: int
    last: int
    prefix: str
    text: str


def made_for_the_eye(text: str, offset: int = 0) -> list[Place]:
    """The blocks in ``text``, whose line ends are "\\n" and whose first line is number ``offset`` + 1, in order.

    Lists with nothing but empty lines between them are one block.
    """
    source = text.split("\n")
    prepared = prepare(text, offset)
    tokens = tokens_of("\n".join(prepared.lines))
    places: list[Place] = []
    for kind, quoted, start, end in _found(tokens, prepared.lines):
        while end > start + 1 and not prepared.lines[end - 1].strip(" \t>"):
            end -= 1
        first, last = prepared.numbers[start], prepared.numbers[end - 1]
        if kind == "table":
            first, last = _with_rules(source, offset, first, last)
        if places and first <= places[-1].last:
            continue  # inside what was taken already
        lines = source[first - 1 - offset : last - offset]
        prefix = _prefix(lines[0]) if quoted else ""
        place = Place(kind, first, last, prefix, "\n".join(_without(prefix, line) for line in lines))
        if places and _go_on(places[-1], place, source, offset):
            place = replace(place, first=places[-1].first, text=f"{places.pop().text}\n\n{place.text}")
        places.append(place)
    return places


def no_prose(text: str) -> str:
    """What ``text`` holds besides paragraphs, in words ("a list"), or ""."""
    for token in tokens_of(text):
        if token.type in _NO_PROSE:
            return _NO_PROSE[token.type]
        if token.type == "html_block":
            return "HTML"
        if any(child.type == "image" for child in token.children or ()):
            return "a picture"
    return ""


def _found(tokens: Sequence[Token], lines: Sequence[str]) -> Iterator[tuple[Kind, bool, int, int]]:
    """(kind, whether it is quoted, first prepared line, the one behind the last)."""
    around: list[str] = []
    done = 0  # lines before this one belong to an element of HTML that was taken
    index = 0
    while index < len(tokens):
        token = tokens[index]
        kind, end = _kind(tokens, index, lines)
        start = token.map[0] if token.map else 0
        within = all(each in _TRANSPARENT for each in around)
        if kind is not None and within and start >= done and not (around and token.type == "code_block"):
            yield kind, bool(around), start, end
            done = end
        if token.nesting == 1:
            around.append(token.type)
        elif token.nesting == -1:
            around.pop()
        index += 1


def _kind(tokens: Sequence[Token], index: int, lines: Sequence[str]) -> tuple[Kind | None, int]:
    """What begins at the token ``index``, and the prepared line behind it."""
    token = tokens[index]
    if token.map is None:
        return None, 0
    if token.type in ("fence", "code_block"):
        name = next(iter(token.info.split()), "")
        code = form_of(token.content, name, is_fenced=token.type == "fence") == "code"
        return ("code" if code else None), token.map[1]
    if token.type == "html_block":
        return _element(token, lines)
    if token.type == "paragraph_open" and _is_picture(tokens[index + 1]):
        return "caption", token.map[1]
    kind = _OPENINGS.get(token.type)
    return (None if kind == "list" and _is_contents(tokens, index) else kind), token.map[1]


def _element(token: Token, lines: Sequence[str]) -> tuple[Kind | None, int]:
    """A table, list, listing or figure in HTML, with the lines behind empty ones that still belong to it."""
    start = token.map[0] if token.map else 0
    low = token.content.lstrip().lower()
    for name, kind in _HTML:
        if not re.match(rf"<{name}[\s>]", low):
            continue
        depth = 0
        for number in range(start, min(len(lines), start + _LONGEST_HTML)):
            line = lines[number].lower()
            depth += len(re.findall(rf"<{name}[\s>]", line)) - line.count(f"</{name}")
            if depth <= 0:
                worded = any(map(str.isalnum, _TAG.sub("", "".join(lines[start : number + 1])))) or kind == "caption"
                alone = not line.rpartition(f"</{name}")[2].partition(">")[2].strip()
                return (kind if worded and alone else None), number + 1
    return None, 0


def _is_picture(inline: Token) -> bool:
    """Whether a paragraph holds one picture with words to it, and nothing else."""
    shown = [each for each in inline.children or () if each.type not in ("link_open", "link_close", "softbreak")]
    return len(shown) == 1 and shown[0].type == "image" and any(map(str.isalnum, shown[0].content))


def _is_contents(tokens: Sequence[Token], index: int) -> bool:
    """Whether a list holds nothing but links into the same text or to its neighbours."""
    depth, links = 0, 0
    for token in tokens[index:]:
        depth += token.nesting
        inside = 0
        for child in token.children or ():
            inside += {"link_open": 1, "link_close": -1}.get(child.type, 0)
            if child.type == "link_open":
                links += 1
                if _ELSEWHERE.match(str(child.attrGet("href") or "")):
                    return False
            elif not inside and any(map(str.isalpha, child.content)):
                return False
        if depth == 0:
            break
    return links > 1


def _with_rules(source: Sequence[str], offset: int, first: int, last: int) -> tuple[int, int]:
    """With the rows of dashes that a drawn table begins and ends with."""

    def rule(number: int) -> bool:
        return 0 <= number - 1 - offset < len(source) and bool(_RULE.fullmatch(source[number - 1 - offset]))

    return first - rule(first - 1), last + rule(last + 1)


def _prefix(line: str) -> str:
    found = _PREFIX.match(line)
    return found[0] if found else ""


def _without(prefix: str, line: str) -> str:
    if line.startswith(prefix):
        return line[len(prefix) :]
    return line.lstrip(" \t>") if prefix else line


def _go_on(before: Place, place: Place, source: Sequence[str], offset: int) -> bool:
    between = source[before.last - offset : place.first - 1 - offset]
    empty = not any(line.strip() for line in between)
    return before.kind == place.kind == "list" and before.prefix == place.prefix == "" and empty
