"""What a tool adds to Markdown, taken off or written as Markdown knows it, line by line.

Nothing that a template, an include or an import names is ever followed. What holds letters and is taken off is
returned, so that it can be listed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby

from narrate.manuscript.columns import table_at
from narrate.manuscript.containers import Box, boxed, is_end
from narrate.manuscript.fences import fenced
from narrate.manuscript.languages import in_its_language

_TAG = 2_000  # characters: the longest template tag that is looked for
_LONG = 1_000  # characters: a line this long is no markup of a line's own
_LOOK_BACK = 500  # characters: how far before a tag a code span may have begun
_ZERO_WIDTH = "\u200b"  # breaks a tag open and is no text

# HTML that takes all that follows with it when it is not closed, and what closes it
_SWALLOWING = (
    (re.compile(r"[ \t>*+-]*<(?=!--)"), "-->", "an HTML comment"),
    (re.compile(r"[ \t>*+-]*<(?=\?)"), "?>", "a processing instruction"),
    (re.compile(r"[ \t>*+-]*<(?=!\[CDATA\[)"), "]]>", "a CDATA section"),
    (re.compile(r"[ \t>*+-]*<(?=![A-Za-z])"), ">", "a declaration"),
    (re.compile(r"[ \t>*+-]*<(?=script\b)", re.IGNORECASE), "</script", "<script>"),
    (re.compile(r"[ \t>*+-]*<(?=style\b)", re.IGNORECASE), "</style", "<style>"),
    (re.compile(r"[ \t>*+-]*<(?=textarea\b)", re.IGNORECASE), "</textarea", "<textarea>"),
)
# (reason, how it begins, how it ends, how long it may be)
_TAGS = (
    ("comment", re.compile(r"\{%-?\s*comment\b"), re.compile(r"\{%-?\s*endcomment\s*-?%\}"), 1 << 20),
    ("comment", re.compile(r"\{/\*"), re.compile(r"\*/\}"), 1 << 20),
    ("comment", re.compile(r"(?<![^\s])%%(?=[\s\w])"), re.compile(r"%%"), 1 << 20),
    ("template", re.compile(r"\{%"), re.compile(r"%\}"), _TAG),
    ("template", re.compile(r"\{\{"), re.compile(r"\}\}"), _TAG),
)
_HIGHLIGHT = re.compile(r"(\s*)\{%-?\s*(end)?highlight\b[^%]*%\}\s*")
_ATTRIBUTES = re.compile(
    r"\{:[^{}\n]*\}|(?<=[\])`*_])\{[#.][^{}\n]*\}|(?<=[\])`])\{[\w-]+=[^{}\n]*\}|^\s*\{[#.][\w-][^{}\n]*\}\s*$"
)
_HEADING_ATTRIBUTES = re.compile(r"^( {0,3}#{1,6}[ \t].*?)[ \t]*(?<!\])\{(?:[#.-]|[\w-]+=)[^{}\n]*\}[ \t]*#*[ \t]*$")
_SPAN = re.compile(r"(?<!\!)\[([^\[\]\n]+)\]\{([^{}\n]+)\}")
_QUOTED_BOX = re.compile(r"^((?: {0,3}>)+) {0,3}:{3,}(?: *\{[^{}]{0,500}\}| *[\w-]{1,40})? *:*$")
_RAW_HTML = re.compile(r"(?<!`)`(</?[A-Za-z][^`\n]{0,500}>)`\{=html\d?\}")
_CODE_SPAN = re.compile(r"(`+[^`]*`+)")
_IMPORT = re.compile(r"import\s+(?:[\w*{},\s]+\s+from\s+)?[\"'][^\"']+[\"'];?\s*")
_EXPORT = re.compile(r"export\s+(?:const|let|var|default|function|async|class)\b.*|export\s*\{.*")
_TEX = re.compile(
    r"\s*\\(?:newpage|pagebreak|clearpage|cleardoublepage|[vh]space|bigskip|medskip|smallskip|noindent|maketitle"
    r"|tableofcontents|listoffigures|listoftables|frontmatter|mainmatter|backmatter|appendix|thispagestyle|pagestyle"
    r"|pagenumbering|setcounter|addtocounter|addcontentsline|markboth|markright|centering|vfill|hfill|newline"
    r"|linebreak|nopagebreak|label|vspace\*|hspace\*|setlength|onehalfspacing|doublespacing|singlespacing|raggedright"
    r"|begingroup|endgroup|(?:begin|end)\{(?:center|flushleft|flushright|quote|quotation|verse|minipage|figure"
    r"|multicols|titlepage|landscape|small|large|spacing|adjustwidth)\})\*?(?:\[[^\[\]]*\])*(?:\{[^{}]*\})*\s*"
)
_MARKUA = re.compile(
    r"\{(?:front|main|back)matter\}|\{/?(?:aside|blurb|pagebreak|book|sample|quiz|exercise)\}"
    r"|\{[\w-]+:\s*[^{}]*\}|\{(?:#[\w-]+|i:.*)\}"
)
_MARKUA_BOX = re.compile(r"^([ABWTEIQDX])>(?:[ \t]|$)")
_CONTENTS = re.compile(r"\s*(?:\[\[?_?toc_?\]?\]|\{\{toc\}\}|<!--\s*toc\s*-->|\[\[_TOC_\]\])\s*", re.IGNORECASE)
_KRAMDOWN_CONTENTS = re.compile(r"\s*\{:\s*toc\b[^}]*\}\s*")
_EXAMPLE = re.compile(r"^( {0,3})\(@[\w-]*\)[ \t]+(?=\S)")
_HASH_ITEM = re.compile(r"^( {0,3})#\.[ \t]+(?=\S)")
_LONE_HASH = re.compile(r" {0,3}#{1,6}[ \t]*")
_TIGHT_HEADING = re.compile(r"(#{1,6})(?=[^\s#!{])(.{1,80})")
_TITLE_LIKE = re.compile(r"(?:[A-ZÀ-ÖØ-ÞА-Я\d“\"'«¿¡\u3040-\u9fff\uac00-\ud7a3]).*")
_HEADING = re.compile(r" {0,3}#{1,6}(?:[ \t]|$)")
_VERSE_LINE = re.compile(r" {0,3}\|(?:[ ](.*)|)$")
_DELIMITER_ROW = re.compile(r"\s*\|?\s*:?-{2,}:?\s*(?:\|.*)?")


@dataclass(frozen=True, slots=True)
class Removed:
    """Letters that were taken off: why, at which line, and what."""

    reason: str
    line: int
    text: str


@dataclass(slots=True)
class Prepared:
    """Lines of plain Markdown, each with the number of the line of the source it came from."""

    lines: list[str] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    removed: list[Removed] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def add(self, number: int, *lines: str) -> None:
        """Add lines that came from the line ``number``."""
        self.lines.extend(lines)
        self.numbers.extend([number] * len(lines))

    def take(self, reason: str, number: int, text: str) -> None:
        """Note that ``text`` was taken off."""
        if any(map(str.isalnum, text)):
            self.removed.append(Removed(reason, number, text))


def prepare(text: str, offset: int = 0) -> Prepared:
    """Plain Markdown of ``text``, whose line ends are "\\n" and whose first line is number ``offset`` + 1."""
    made = Prepared()
    lines = [_HIGHLIGHT.sub(r"\1```", line) if _HIGHLIGHT.fullmatch(line) else line for line in text.split("\n")]
    codes = fenced(lines)
    lines = _closed(lines, codes, made.warnings)
    number = offset + 1
    boxes: list[Box] = []
    for is_code, run in groupby(zip(lines, codes, strict=True), key=lambda pair: pair[1]):
        block = [line for line, _ in run]
        if is_code:
            made.add(number, block[0])
            for place, line in enumerate(block[1:], start=1):
                made.add(number + place, line)
        else:
            _Lines(_without_tags(block, number, made), number, made, boxes).read()
        number += len(block)
    for box in reversed(boxes):
        made.add(number - 1, *box.end())
    return made


def _closed(lines: list[str], codes: Sequence[bool], warnings: list[str]) -> list[str]:
    """What opens and is not closed would take the rest of the text with it: such an opening is made text."""
    for opening, closing, what in _SWALLOWING:
        last = next((i for i in reversed(range(len(lines))) if closing in lines[i].lower()), -1)
        found = [i for i in range(max(0, last), len(lines)) if not codes[i] and opening.match(lines[i])]
        found = [i for i in found if i > last or lines[i].lower().rfind(closing) < _end(opening, lines[i])]
        for i in found:
            end = _end(opening, lines[i])
            lines[i] = lines[i][:end] + _ZERO_WIDTH + lines[i][end:]
        if found:
            warnings.append(f"{what} is not closed; what follows it is read as text")
    return lines


def _end(opening: re.Pattern[str], line: str) -> int:
    match = opening.match(line)
    return match.end() if match else 0


def _without_tags(lines: Sequence[str], number: int, made: Prepared) -> list[str]:
    """Without comments and template tags; the number of lines stays."""
    text = "\n".join(lines)
    for reason, opening, closing, limit in _TAGS:
        pieces, end, position = [], 0, 0
        while (match := opening.search(text, position)) is not None:
            found = closing.search(text, match.end(), min(len(text), match.end() + limit))
            if found is None or _in_code_span(text, match.start()):
                position = match.end()
                if found is None and limit > _TAG:
                    break  # nothing closes it, so nothing closes those that follow
                continue
            cut = text[match.start() : found.end()]
            made.take(reason, number + text.count("\n", 0, match.start()), cut)
            pieces += [text[end : match.start()], "\n" * cut.count("\n")]
            end = position = found.end()
        text = "".join(pieces) + text[end:]
    return text.split("\n")


def _in_code_span(text: str, position: int) -> bool:
    start = max(text.rfind("\n", max(0, position - _LOOK_BACK), position) + 1, position - _LOOK_BACK, 0)
    return text.count("`", start, position) % 2 == 1


class _Lines:
    """The lines between two fences, one after another."""

    def __init__(self, lines: Sequence[str], number: int, made: Prepared, boxes: list[Box]) -> None:
        self._lines = lines
        self._number = number
        self._made = made
        self._boxes = boxes
        self._at = 0

    def read(self) -> None:
        while self._at < len(self._lines):
            short = len(self._lines[self._at]) <= _LONG
            if not short or not any(
                rule() for rule in (self._verse, self._columns, self._box, self._code, self._markup)
            ):
                self._made.add(self._here, self._plain(self._lines[self._at]))
                self._at += 1

    @property
    def _here(self) -> int:
        return self._number + self._at

    def _near(self, distance: int) -> str:
        place = self._at + distance
        return self._lines[place] if 0 <= place < len(self._lines) else ""

    def _verse(self) -> bool:
        """Pandoc's line blocks: "| " before each line, and no row of dashes, which would make it a table."""
        if not _VERSE_LINE.match(self._lines[self._at]) or self._near(-1).strip():
            return False
        end = self._at
        while end < len(self._lines) and _VERSE_LINE.match(self._lines[end]):
            end += 1
        block = self._lines[self._at : end]
        row = any(_DELIMITER_ROW.fullmatch(line) for line in [*block[1:2], *self._lines[end : end + 1]] if line.strip())
        if row or sum(line.rstrip().endswith("|") and len(line.strip()) > 1 for line in block) * 2 >= len(block):
            return False
        self._made.add(self._here, "", '<div class="verse">', "")
        for line in block:
            match = _VERSE_LINE.match(line)
            said = (match.group(1) or "").strip() if match else ""
            self._made.add(self._here, f"{self._plain(said)}  " if said else "")
            self._at += 1
        self._made.add(self._here - 1, "", "</div>", "")
        return True

    def _columns(self) -> bool:
        """A table drawn with rows of dashes."""
        if "--" not in self._lines[self._at] and "--" not in self._near(1):
            return False
        rows, end = table_at(self._lines, self._at)
        if not rows:
            return False
        self._made.add(self._here, "")
        for place, row in rows:
            self._made.add(self._number + place, self._plain(row))
        self._made.add(self._number + end - 1, "")
        self._at = end
        return True

    def _box(self) -> bool:
        line = self._lines[self._at]
        if self._boxes and is_end(line, self._boxes[-1]):
            self._made.add(self._here, *self._boxes.pop().end())
        elif (box := boxed(line)) is not None:
            self._boxes.append(box)
            self._made.add(self._here, *box.begin())
        elif re.fullmatch(r" {0,3}:{3,}\s*", line):
            self._made.add(self._here, "")
        else:
            return False
        self._at += 1
        return True

    def _code(self) -> bool:
        """Lines of a program that an MDX page begins with."""
        line = self._lines[self._at]
        before = self._near(-1)
        if before.strip() and not _IMPORT.fullmatch(before):
            return False
        if _IMPORT.fullmatch(line):
            end = self._at + 1
        elif _EXPORT.fullmatch(line):
            end = next((i for i in range(self._at, len(self._lines)) if not self._lines[i].strip()), len(self._lines))
        else:
            return False
        self._made.take("code", self._here, "\n".join(self._lines[self._at : end]))
        for _ in range(self._at, end):
            self._made.add(self._here, "")
            self._at += 1
        return True

    def _markup(self) -> bool:
        """A line that is an order to the typesetter, or a list of contents to be put in."""
        line = self._lines[self._at]
        contents = bool(_CONTENTS.fullmatch(line)) or bool(
            re.fullmatch(r"\s*[*+-]\s+[^\n]{1,60}", line) and _KRAMDOWN_CONTENTS.fullmatch(self._near(1))
        )
        layout = bool(_TEX.fullmatch(line)) or bool(_MARKUA.fullmatch(line.strip()))
        if not contents and not layout:
            return False
        self._made.take("contents" if contents else "markup", self._here, line)
        self._made.add(self._here, "")
        self._at += 1
        return True

    def _plain(self, line: str) -> str:
        """The line as plain Markdown writes it."""
        short = len(line) <= _LONG
        if short and "#" in line[:10]:
            line = self._heading(line)
        if short and line.lstrip()[:1] == ">":
            line = _QUOTED_BOX.sub(r"\1", line)
        if "{" in line:
            line = _HEADING_ATTRIBUTES.sub(r"\1", line) if short else line
            line = _RAW_HTML.sub(r"\1", line)
            line = "".join(part if number % 2 else _bare(part) for number, part in enumerate(_CODE_SPAN.split(line)))
        if line[:2] in _BOXES and (match := _MARKUA_BOX.match(line)):
            line = f"> {line[match.end() :]}"
        return _EXAMPLE.sub(r"\g<1>1. ", _HASH_ITEM.sub(r"\g<1>1. ", line))

    def _heading(self, line: str) -> str:
        alone = not self._near(-1).strip() and not self._near(1).strip()
        if _LONE_HASH.fullmatch(line) and alone:
            return "***"  # to printers a scene break, to Markdown a heading without text
        match = _TIGHT_HEADING.fullmatch(line)
        if match and alone and _TITLE_LIKE.match(match.group(2)) and _not_a_tag(match):
            return f"{match.group(1)} {match.group(2)}"
        return line


_BOXES = frozenset(f"{letter}>" for letter in "ABWTEIQDX")


def _not_a_tag(match: re.Match[str]) -> bool:
    """ "#Chapter One" and "##Start" are headings; "#OneWord" is as likely a tag."""
    text = match.group(2).strip()
    return (len(match.group(1)) > 1 or " " in text) and text.count("#") == 0 and text[-1:] not in ",;"


def _bare(part: str) -> str:
    """Without attribute lists; a span's language stays, and all of a span that began in a line above."""
    part = _SPAN.sub(_span, part)
    return _ATTRIBUTES.sub(lambda match: match.group() if _began_above(part[: match.start()]) else "", part)


def _began_above(before: str) -> bool:
    return before.endswith("]") and before.count("]") > before.count("[")


def _span(match: re.Match[str]) -> str:
    text, attributes = match.groups()
    if attributes.startswith("::") or not re.search(r"[.#:=]", attributes):
        return match.group()
    return in_its_language(text, attributes)
