"""Markdown to HTML, in bounded time and memory. markdown-it's one door.

The elements of the HTML carry the line of the source they begin at, as ``data-line``; the walk that reads an EPUB's
pages reads it. Letters are never lost: what is nested too deep, or too long to be looked through for markup, is text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.common.utils import escapeHtml
from markdown_it.rules_block import StateBlock
from markdown_it.token import Token
from mdit_py_plugins.admon import admon_plugin
from mdit_py_plugins.deflist import deflist_plugin
from mdit_py_plugins.footnote import footnote_plugin

from narrate.errors import SourceError
from narrate.manuscript.inlines import inlines_plugin, tame
from narrate.manuscript.listing import Form, form_of, is_verse

_DEEPEST = 80  # of quotations and lists in each other; what is deeper is one paragraph
_PIECES = 750_000  # tokens of half a kilobyte each; a novel of a million words has 60,000
_INLINE = 20_000  # characters looked through for markup at once: markdown-it's time grows with their square
_SPECIAL = re.compile(r"[\[\]*_`<&\\!~^$:(]")
_CROWDED = (
    0.05  # of a paragraph longer than that are signs of markup: prose has one in a hundred, so it is taken as text
)
_INVISIBLE = dict.fromkeys(map(ord, "\u00ad\u200b\u2060\ufeff"))  # in code as in text they say nothing
_SETEXT = 100  # characters: a longer "heading" is a paragraph with a scene break under it
_ALERT = re.compile(r"\[!(\w+)\][+-]?[ \t]*([^\n]*)(?:\n|$)")
_TASK = re.compile(r"\[[ xX]\][ \t]+")
_BOLD = re.compile(r"(\*\*|__)(?!\s)([^*_\n]{1,80}?)(?<![\s,;])\1")
_MARKDOWN_INSIDE = re.compile(r"<[^>]+\smarkdown\s*(?:=|>)", re.IGNORECASE)
_VERSE_BOX = re.compile(r"<(?:div|section) class=\"[^\"]*\b(?:verse|poem|poetry|lyrics|song|stanza)\b", re.IGNORECASE)
_FENCE_END = re.compile(r"[\s>]*(?:`{3,}|~{3,})\s*")
# Tags that would end the page, or begin another, or hide what follows in ways that are not Markdown's.
_PAGE_TAGS = re.compile(
    r"</?(?:html|head|body|frameset|frame|plaintext|xmp|noembed|noframes|noscript|title|base|meta|link)\b[^<>]*>?",
    re.IGNORECASE,
)
_HIDING = (
    (re.compile(r"<(?=script\b)", re.IGNORECASE), "</script"),
    (re.compile(r"<(?=style\b)", re.IGNORECASE), "</style"),
    (re.compile(r"<(?=textarea\b)", re.IGNORECASE), "</textarea"),
    (re.compile(r"<(?=iframe\b)", re.IGNORECASE), "</iframe"),
    (re.compile(r"<(?=!--)"), "-->"),
)


def render(lines: Sequence[str], numbers: Sequence[int], what: str = "the text") -> tuple[str, list[str]]:
    """HTML of the Markdown ``lines``, whose numbers in the source are ``numbers``, and warnings.

    SourceError when ``what`` has so many pieces that they would not fit into memory.
    """
    try:
        return _Renderer(lines, numbers).render()
    except _TooManyPieces as error:
        raise SourceError(f"{what}: has more than {_PIECES:,} pieces of markup; it is no readable book") from error


def tokens_of(text: str) -> list[Token]:
    """What markdown-it reads in ``text``, token by token; SourceError as in ``render``."""
    try:
        return _parser().parse(text, {})
    except _TooManyPieces as error:
        raise SourceError("the text has too many pieces of markup to be looked through") from error


class _TooManyPieces(Exception):
    """The parser is stopped before its tokens fill the memory."""


class _Renderer:
    def __init__(self, lines: Sequence[str], numbers: Sequence[int]) -> None:
        self._lines = lines
        self._numbers = numbers
        self._env: dict[str, Any] = {}
        self._warnings: list[str] = []
        self._parser = _parser()

    def render(self) -> tuple[str, list[str]]:
        tokens = self._parser.parse("\n".join(self._lines), self._env)
        rendered: str = self._parser.renderer.render(self._shaped(tokens), self._parser.options, self._env)
        return _contained(rendered), self._warnings

    def _shaped(self, tokens: Sequence[Token]) -> list[Token]:
        shaped: list[Token] = []
        for token in tokens:
            line = self._line(token)
            if token.type in {"fence", "code_block"}:
                token = self._listing(token, line)
            elif token.type == "html_block":
                inside = _MARKDOWN_INSIDE.search(token.content[:_INLINE])
                content = self._inline(token.content) if inside else token.content
                token = _raw(f'<span data-line="{line}"></span>{_PAGE_TAGS.sub("", content)}')
            elif token.map is not None and token.nesting >= 0 and token.type != "inline":
                token.attrSet("data-line", str(line))
            shaped.append(token)
        return shaped

    def _line(self, token: Token) -> int:
        if token.map is None:
            return 1
        return self._numbers[min(token.map[0], len(self._numbers) - 1)]

    def _inline(self, text: str) -> str:
        rendered: str = self._parser.renderInline(text, self._env)
        return rendered

    def _listing(self, token: Token, line: int) -> Token:
        """Program code stays code; verse and prose that stand as code are read."""
        name = token.info.split()[0] if token.info.split() else ""
        is_fenced = token.type == "fence"
        if is_fenced and token.map is not None and not _FENCE_END.fullmatch(self._lines[token.map[1] - 1]):
            self._warnings.append(f"line {line}: a code block is not closed; what follows it is taken for code")
        form = form_of(token.content, name, is_fenced=is_fenced)
        if form == "code":
            return _raw(
                f'<pre data-line="{line}"><code>{escapeHtml(token.content.translate(_INVISIBLE))}</code></pre>\n'
            )
        return _raw("".join(self._stanzas(token.content, form, line + is_fenced)))

    def _stanzas(self, text: str, form: Form, line: int) -> Iterator[str]:
        for number, stanza in _between_blanks(text):
            said = "\n".join(part.strip() for part in stanza)
            here = f'data-line="{line + number}"'
            verse = form == "verse" and len(stanza) > 1
            said = self._inline(said)
            yield (
                f'<p class="verse" {here}>{said.replace(chr(10), "<br>")}</p>\n' if verse else f"<p {here}>{said}</p>\n"
            )


def _between_blanks(text: str) -> Iterator[tuple[int, list[str]]]:
    """Runs of lines between empty ones, each with the number of lines before it."""
    run: list[str] = []
    for number, line in enumerate([*text.split("\n"), ""]):
        if line.strip():
            run.append(line)
        elif run:
            yield number - len(run), run
            run = []


def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": True, "maxNesting": _DEEPEST + 20})
    parser.enable(["table", "strikethrough"])
    parser.use(footnote_plugin).use(deflist_plugin).use(admon_plugin).use(inlines_plugin)
    parser.block.ruler.before("table", "too_deep", _too_deep)
    parser.core.ruler.before("inline", "prose", _prose)
    parser.core.ruler.at("inline", _inlines)
    parser.core.ruler.before("footnote_tail", "notes_without_reference", _all_notes)
    return parser


def _too_deep(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """What is nested too deep is one paragraph, with its marks: nothing is lost."""
    if len(state.tokens) > _PIECES:
        raise _TooManyPieces
    if state.level < _DEEPEST or silent:
        return False
    text = state.getLines(start, end, 0, False).strip()
    state.line = end
    state.push("paragraph_open", "p", 1).map = [start, end]
    inline = state.push("inline", "", 0)
    inline.content, inline.map, inline.children = text, [start, end], []
    state.push("paragraph_close", "p", -1)
    return True


def _prose(state: Any) -> None:
    """Headings that are none, alerts, tasks, songs: what people mean by what they write."""
    tokens: list[Token] = state.tokens
    made: list[Token] = []
    titles = _bold_titles(tokens)
    verse = False  # inside a box of verse each line is one
    index = 0
    while index < len(tokens):
        token, following = tokens[index], tokens[index + 1] if index + 1 < len(tokens) else None
        index += 1
        made.append(token)
        if token.type == "html_block":
            verse = bool(_VERSE_BOX.match(token.content)) or (verse and "</div" not in token.content)
        if following is None or following.type != "inline":
            continue
        before = made[-2].type if len(made) > 1 else ""
        if token.type == "heading_open" and _is_paragraph(token, following.content):
            made[-1:] = _paragraph_and_break(tokens[index - 1 : index + 2])
            index += 2
        elif token.type == "paragraph_open":
            match = _ALERT.match(following.content) if before == "blockquote_open" else None
            if match is not None:
                made[-1:] = _titled(made[-2], tokens[index - 1 : index + 2], match)
                index += 2
            elif index in titles:
                token.tag = tokens[index + 1].tag = "h2"
            elif before == "list_item_open":
                following.content = _TASK.sub("", following.content, count=1)
            elif verse or _is_song(following.content, quoted=before == "blockquote_open"):
                token.attrSet("class", "verse")
                following.content = "  \n".join(following.content.split("\n"))
    _close_boxes(made)
    state.tokens = made


def _bold_titles(tokens: Sequence[Token]) -> frozenset[int]:
    """Where nothing is a heading, lines in bold are."""
    if any(token.type == "heading_open" for token in tokens):
        return frozenset()
    bold = [index for index in range(1, len(tokens)) if _is_bold_line(tokens, index)]
    return frozenset(bold if len(bold) > 1 else ())


def _is_bold_line(tokens: Sequence[Token], index: int) -> bool:
    inline = tokens[index]
    alone = inline.type == "inline" and tokens[index - 1].type == "paragraph_open" and inline.level == 1
    return alone and _BOLD.fullmatch(inline.content.strip()) is not None


def _is_paragraph(heading: Token, text: str) -> bool:
    """A heading by underline that ends as a sentence, over lines or very long: the line was meant as a scene break."""
    if heading.markup not in {"-", "="}:
        return False
    ends = text.rstrip("\"'”’»*_)").endswith((".", "!", "?", "…", ",", ";"))
    return ends and ("\n" in text or len(text) > _SETEXT)


def _paragraph_and_break(heading: Sequence[Token]) -> list[Token]:
    opening, inline, closing = heading
    opening.type, opening.tag = "paragraph_open", "p"
    closing.type, closing.tag = "paragraph_close", "p"
    return [opening, inline, closing, Token("hr", "hr", 0, map=opening.map, block=True)]


def _titled(quotation: Token, paragraph: Sequence[Token], match: re.Match[str]) -> list[Token]:
    """A quotation that begins with "[!note]" is a box; its title is its first line, or the word a reader sees."""
    opening, inline, _ = paragraph
    quotation.tag = "aside"
    quotation.attrSet("class", f"admonition {match.group(1).lower()}")
    title = Token("inline", "", 0, content=match.group(2).strip() or match.group(1).capitalize(), level=inline.level)
    title.map = inline.map
    inline.content = inline.content[match.end() :]
    titled = [Token("paragraph_open", "p", 1, map=opening.map, block=True, level=opening.level)]
    titled[0].attrSet("class", "admonition-title")
    titled += [title, Token("paragraph_close", "p", -1, block=True, level=opening.level)]
    return [*titled, *paragraph] if inline.content.strip() else titled


def _close_boxes(tokens: Sequence[Token]) -> None:
    """The end of a quotation that became a box has the box's tag."""
    tags: list[str] = []
    for token in tokens:
        if token.type == "blockquote_open":
            tags.append(token.tag)
        elif token.type == "blockquote_close" and tags:
            token.tag = tags.pop()


def _is_song(text: str, *, quoted: bool) -> bool:
    """Lines of a song: all of it in one emphasis, or begun with capitals as wrapped prose is not."""
    if "\n" not in text or "  \n" in text or "\\\n" in text or len(text) > _INLINE:
        return False
    lines = text.split("\n")
    mark = re.match(r"[*_]{1,3}(?=\S)", text)
    emphasised = mark is not None and text.rstrip().endswith(mark.group()) and mark.group() not in text[3:-3]
    capitals = sum(line.lstrip("*_\"'“‘«—–- ")[:1].isupper() for line in lines)
    if capitals < len(lines):
        return False
    return is_verse(lines, 2 if emphasised or quoted else 4)


def _inlines(state: Any) -> None:
    """Parse what stands in lines, a piece at a time."""
    count = len(state.tokens)
    for token in state.tokens:
        if count > _PIECES:
            raise _TooManyPieces
        if token.type == "inline":
            token.children = []
            if len(token.content) > _INLINE and len(_SPECIAL.findall(token.content)) > _CROWDED * len(token.content):
                token.children = [Token("text", "", 0, content=token.content)]
                continue
            for piece in _pieces(tame(token.content)):
                state.md.inline.parse(piece, state.md, state.env, token.children)
            count += len(token.children)


def _pieces(text: str) -> Iterator[str]:
    while len(text) > _INLINE:
        cut = max(text.rfind(" ", 0, _INLINE), text.rfind("\n", 0, _INLINE)) + 1 or _INLINE
        yield text[:cut]
        text = text[cut:]
    yield text


def _all_notes(state: Any) -> None:
    """A note that nothing refers to stands among the others, so that it is listed."""
    notes = state.env.get("footnotes")
    if not notes:
        return
    for label, number in notes.get("refs", {}).items():
        if number < 0:
            notes["refs"][label] = len(notes["list"])
            notes["list"][len(notes["list"])] = {"label": label[1:], "count": 0}


def _raw(content: str) -> Token:
    return Token("html_block", "", 0, content=content)


def _contained(text: str) -> str:
    """No tag takes what follows it along."""
    text = _PAGE_TAGS.sub("", text)
    for opening, closing in _HIDING:
        last = text.lower().rfind(closing)
        late = [match.start() for match in opening.finditer(text) if match.start() > last]
        if late:
            text = text[: late[0]] + opening.sub("&lt;", text[late[0] :])
    return text
