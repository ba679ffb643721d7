"""What stands in a line of Markdown beyond CommonMark: formulas, wiki links, citations, emoji by name."""

from __future__ import annotations

import html
import re

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.rules_inline import StateInline

from narrate.manuscript.languages import in_its_language

_BRACKETS = 40  # so many unclosed or nested brackets a paragraph of a book does not have
_NESTED = 8
_LONGEST = 2_000  # characters of a formula
_MATH = re.compile(r"(\$\$?)(?![\s$])((?:\\.|[^\\$\n]|\n(?!\n))+?)(?<![\s\\])\1(?![\d$])")
_MATH_SIGN = re.compile(r"[\\^_=+<>{}|/*]|[-−]|^[^\W_]'?$|^\d+$")
_WIKI = re.compile(r"(!?)\[\[([^\[\]\n|]{1,300})(?:\|([^\[\]\n]{0,300}))?\]\]")
_CITATION = re.compile(r"\[(?:[^\[\]\n@]{0,80}[\s;-])?@[\w:.#$%&+?<>~/-]+[^\[\]\n]{0,200}\](?![(\[{:])")
_SPAN = re.compile(r"\[([^\[\]`<]{1,500})\]\{((?:[.#][\w-]|[\w:-]+=)[^{}]{0,500})\}")
_EMPHASIS = re.compile(r"(?<!\w)[*_]+(?=\w)|(?<=\w)[*_]+(?!\w)")
_SCRIPT = re.compile(r"([~^])(?!\[)([^\s~^\\$]{1,20})\1")
_LONGEST_SCRIPT = 24  # characters
_EMOJI = re.compile(r":[a-z+-][a-z0-9_+-]{1,40}:(?![\w:])")


def inlines_plugin(md: MarkdownIt) -> None:
    """Add the rules to ``md``."""
    md.inline.ruler.before("escape", "tex_formula", _tex_formula)
    md.inline.ruler.before("link", "wiki_link", _wiki_link)
    md.inline.ruler.before("link", "citation", _citation)
    md.inline.ruler.before("link", "span", _span)
    md.inline.ruler.after("escape", "script", _script)
    md.inline.ruler.after("escape", "formula", _formula)
    md.inline.ruler.after("escape", "emoji", _emoji)
    md.block.ruler.before("fence", "formula", _formula_block, {"alt": ["paragraph", "reference", "blockquote", "list"]})


def tame(text: str) -> str:
    """Escape brackets that close nothing or nest too deep, where there are so many that finding out takes too long."""
    if text.count("[") <= _BRACKETS:
        return text
    open_at: list[int] = []
    escaped: set[int] = set()
    depth_of: dict[int, int] = {}
    for index, character in enumerate(text):
        if character == "[":
            depth_of[index] = len(open_at)
            open_at.append(index)
        elif character == "]" and open_at:
            open_at.pop()
    escaped = {*open_at, *(index for index, depth in depth_of.items() if depth >= _NESTED)}
    pieces = []
    for index, character in enumerate(text):
        pieces.append("\\[" if index in escaped and text[index - 1 : index] != "\\" else character)
    return "".join(pieces)


def formula(tex: str, *, block: bool) -> str:
    """A formula as the walk knows it: its text is the TeX, and so is what it says."""
    shown = ' display="block"' if block else ""
    written = html.escape(" ".join(tex.split()))
    return f'<math{shown} alttext="{written}"><annotation encoding="application/x-tex">{written}</annotation></math>'


def _formula(state: StateInline, silent: bool) -> bool:
    """A dollar before a figure is money: a formula's last dollar follows no blank and precedes no digit."""
    if state.src[state.pos] != "$":
        return False
    match = _MATH.match(state.src, state.pos, min(state.posMax, state.pos + _LONGEST))
    if match is None or not _MATH_SIGN.search(match.group(2)) or _is_money(state.src, match):
        return False
    return _push(state, silent, formula(match.group(2), block=match.group(1) == "$$"), match.end())


def _is_money(text: str, match: re.Match[str]) -> bool:
    before, after = text[match.start() - 1 : match.start()], text[match.end() : match.end() + 1]
    worded = len(re.findall(r"[^\W\d_]{2,}", re.sub(r"\\[a-zA-Z]+", "", match.group(2)))) >= 3
    return before.isalnum() or after.isalnum() or (worded and "\\" not in match.group(2))


def _tex_formula(state: StateInline, silent: bool) -> bool:
    """ "\\(" to "\\)" and "\\[" to "\\]", where what stands between is TeX: else they are escaped brackets."""
    if state.src[state.pos] != "\\":
        return False
    closing = {"(": "\\)", "[": "\\]"}.get(state.src[state.pos + 1 : state.pos + 2], "")
    end = state.src.find(closing, state.pos + 2, min(state.posMax, state.pos + _LONGEST)) if closing else -1
    tex = state.src[state.pos + 2 : end] if end > 0 else ""
    if not ("\\" in tex or ("=" in tex and _MATH_SIGN.search(tex))):
        return False
    return _push(state, silent, formula(tex, block=closing == "\\]"), end + 2)


def _wiki_link(state: StateInline, silent: bool) -> bool:
    """The words a reader sees of a link; what an embedding names is not fetched."""
    if state.src[state.pos] not in "![":
        return False
    match = _WIKI.match(state.src, state.pos, state.posMax)
    if match is None:
        return False
    embed, target, alias = match.groups()
    said = html.escape((alias or target.strip("#").replace("#", ", ")).strip())
    return _push(state, silent, f"<span hidden>{said}</span>" if embed else said, match.end())


def _citation(state: StateInline, silent: bool) -> bool:
    if state.src[state.pos] != "[":
        return False
    match = _CITATION.match(state.src, state.pos, state.posMax)
    if match is None:
        return False
    return _push(state, silent, f'<span class="noteref">{html.escape(match.group())}</span>', match.end())


def _span(state: StateInline, silent: bool) -> bool:
    """ "[words]{lang=fr}" over several lines; what stands in one line is plain already."""
    if state.src[state.pos] != "[":
        return False
    match = _SPAN.match(state.src, state.pos, min(state.posMax, state.pos + _LONGEST))
    if match is None:
        return False
    said = html.escape(_EMPHASIS.sub("", match.group(1)))
    return _push(state, silent, in_its_language(said, match.group(2)), match.end())


def _script(state: StateInline, silent: bool) -> bool:
    """ "H~2~O" and "x^2^": lowered and raised."""
    mark = state.src[state.pos]
    if mark not in "~^":
        return False
    match = _SCRIPT.match(state.src, state.pos, min(state.posMax, state.pos + _LONGEST_SCRIPT))
    if (
        match is None
        or state.src[state.pos - 1 : state.pos] == mark
        or state.src[match.end() : match.end() + 1] == mark
    ):
        return False
    name = "sub" if mark == "~" else "sup"
    return _push(state, silent, f"<{name}>{html.escape(match.group(2))}</{name}>", match.end())


def _emoji(state: StateInline, silent: bool) -> bool:
    """ ":tada:" stands for a picture."""
    if state.src[state.pos] != ":":
        return False
    before = state.src[state.pos - 1 : state.pos] if state.pos else ""
    match = _EMOJI.match(state.src, state.pos, state.posMax)
    if match is None or before.isalnum() or before == ":":
        return False
    return _push(state, silent, f"<span hidden>{html.escape(match.group())}</span>", match.end())


def _push(state: StateInline, silent: bool, content: str, end: int) -> bool:
    if not silent:
        token = state.push("html_inline", "", 0)
        token.content = content
    state.pos = end
    return True


_OPENINGS = {"$$": "$$", "\\[": "\\]"}
_ENVIRONMENT = re.compile(r"\\begin\{(equation|align|gather|multline|eqnarray|displaymath|math)(\*?)\}")
_FORMULA_LINES = 200


def _formula_block(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """ "$$" to "$$", or an environment of TeX's, over several lines."""
    line = _line(state, start)
    opening = next((mark for mark in _OPENINGS if line.startswith(mark)), "")
    environment = _ENVIRONMENT.match(line)
    if not opening and environment is None:
        return False
    closing = _OPENINGS.get(opening) or (
        f"\\end{{{environment.group(1)}{environment.group(2)}}}" if environment else ""
    )
    lines = [line[len(opening) :]]
    last = start
    while not lines[-1].rstrip().endswith(closing):
        last += 1
        if last >= min(end, start + _FORMULA_LINES) or closing in lines[-1]:
            return False
        lines.append(_line(state, last))
    if silent:
        return True
    tex = "\n".join(lines).rstrip()
    tex = tex.removesuffix(closing) if opening else tex
    token = state.push("html_block", "", 0)
    token.content = f"<p>{formula(tex, block=True)}</p>\n"
    token.map = [start, last + 1]
    state.line = last + 1
    return True


def _line(state: StateBlock, number: int) -> str:
    return state.src[state.bMarks[number] + state.tShift[number] : state.eMarks[number]]
