"""MathML, or TeX by way of it, to a line of signs and few words: what is said of a formula. latex2mathml's one door."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from lxml import etree

from narrate.markup.elements import name_of
from narrate.markup.folding import fold

# A formula longer than this (characters) is cut: nobody follows it by ear. Deeper ones are read as their plain text.
MAX_SAID = 600
MAX_DEPTH = 40
MAX_ELEMENTS = 2_000
MAX_TEX = 1_000  # characters of TeX that are looked at
_PLAIN_ENCODINGS = {"text/plain", "text", "plain", "asciimath", "text/x-asciimath", "application/x-asciimath"}
_INVISIBLE_OPERATORS = dict.fromkeys(map(ord, "\u2061\u2062\u2063\u2064"), None)
_SPACED = re.compile(r"^(?:[=<>≤≥≠≈≡+±∓·×÷→←⇒⇔∈∉⊂⊆∪∩∧∨∣|/−∗*-]|:=)$")
_SIGN = re.compile(r"((?:^|[=(,<>+*/×·^_]) *)([-−+±]) ")  # of a number, not between two
_ONE = re.compile(r"\w+|[^\W\d_]", re.UNICODE)
_SIMPLE_TEX = re.compile(r"[^\\{}$&]*")
_OVER = {"¯": "bar", "‾": "bar", "̅": "bar", "^": "hat", "ˆ": "hat", "~": "tilde", "˜": "tilde", "→": "vector",
         "⃗": "vector", "˙": "dot", ".": "dot", "¨": "double dot"}  # fmt: skip
_BIG = {"∫": "integral", "∮": "integral", "∑": "sum", "∏": "product", "⋃": "union", "⋂": "intersection"}
_COMMAND = re.compile(r"\\([A-Za-z]+)|[\\{}$&]")
_SILENT = {"annotation", "annotation-xml", "mphantom", "mspace", "maligngroup", "malignmark", "none", "mprescripts"}


def said_of(math: etree._Element) -> str:
    """What is said of a formula: its alternative text, a plain annotation, or its signs in a line."""
    written = fold(math.get("alttext") or math.get("aria-label") or math.get("alt") or "")
    if written and _SIMPLE_TEX.fullmatch(written):
        return written[:MAX_SAID]
    annotated = _annotation(math)
    if annotated:
        return annotated[:MAX_SAID]
    read = _linear(math) or _of_tex(written)
    return (read or fold("".join(map(str, math.itertext()))))[:MAX_SAID].strip()


def _of_tex(tex: str) -> str:
    """TeX as its MathML would be said; what is no TeX after all loses its signs."""
    if not tex or len(tex) > MAX_TEX:
        return ""
    try:
        from latex2mathml.converter import convert

        read = _linear(etree.fromstring(convert(tex)))
    except Exception:  # it lets slip whatever its parsing trips over; a formula is worth no book
        read = ""
    return read or fold(_COMMAND.sub(lambda found: f" {found[1] or ''} ", tex))


def is_display(math: etree._Element) -> bool:
    """Whether the formula stands in a line of its own."""
    return (math.get("display") or math.get("mode") or "").lower() in ("block", "display")


def _annotation(math: etree._Element) -> str:
    for element in math.iter("{*}annotation"):
        if (element.get("encoding") or "").lower() in _PLAIN_ENCODINGS:
            return fold("".join(map(str, element.itertext())))
    return ""


def _linear(math: etree._Element) -> str:
    if sum(1 for _ in math.iter("{*}*")) > MAX_ELEMENTS:
        return ""
    return fold(_read(math, 0))


def _read(element: etree._Element, depth: int) -> str:
    name = name_of(element)
    if name in _SILENT:
        return ""
    if depth > MAX_DEPTH:
        return fold("".join(map(str, element.itertext())))
    children = [_read(child, depth + 1) for child in element]
    if not children:
        return _token(name, element.text or "")
    if name == "mfenced":
        return _fenced(element, children)
    if name == "munder" and len(children) == 2 and children[0].strip() in _BIG:
        return _index(children)
    if name == "munder" or name == "mover":
        return _accented(name, children)
    return _READ.get(name, _row)(children)


def _token(name: str, text: str) -> str:
    text = fold(text.translate(_INVISIBLE_OPERATORS))
    if name == "mo":
        return f" {text} " if _SPACED.match(text) else f"{text} " if text in (",", ";") else text
    return f" {text} " if name == "mtext" and text else text


def _row(parts: Sequence[str]) -> str:
    """Side by side; two names or numbers do not run together into one."""
    line = ""
    for part in parts:
        if line and part and line[-1].isalnum() and part[0].isalnum():
            line += " "
        line += part
    return _SIGN.sub(r"\1\2", re.sub(" {2,}", " ", line))


def _group(part: str) -> str:
    """Brackets around what is more than one sign."""
    part = part.strip()
    return (
        part if _ONE.fullmatch(part) or (part[:1] == "(" and part[-1:] == ")" and part.count("(") == 1) else f"({part})"
    )


def _pair(parts: Sequence[str], sign: str) -> str:
    return f"{_group(parts[0])}{sign}{_group(parts[1])}" if len(parts) == 2 else _row(parts)


def _power(parts: Sequence[str]) -> str:
    if len(parts) == 2 and parts[1].strip() in ("′", "'", "″", "*", "∗", "†", "°", "%"):
        return f"{parts[0].strip()}{parts[1].strip()}"
    return f"{parts[0].strip() if len(parts) else ''}^{_group(parts[1])}" if len(parts) == 2 else _row(parts)


def _index(parts: Sequence[str]) -> str:
    if len(parts) == 2 and parts[0].strip() in _BIG:
        return f"{_BIG[parts[0].strip()]} over {parts[1].strip()} of "
    return f"{parts[0].strip()}_{_group(parts[1])}" if len(parts) == 2 else _row(parts)


def _both(parts: Sequence[str]) -> str:
    if len(parts) == 3 and parts[0].strip() in _BIG:
        return _limits(parts)
    return f"{parts[0].strip()}_{_group(parts[1])}^{_group(parts[2])}" if len(parts) == 3 else _row(parts)


def _limits(parts: Sequence[str]) -> str:
    if len(parts) != 3:
        return _row(parts)
    name = parts[0].strip()
    if name in _BIG:
        return f"{_BIG[name]} from {parts[1].strip()} to {parts[2].strip()} of "
    return f"{name} from {parts[1].strip()} to {parts[2].strip()} "


def _fraction(parts: Sequence[str]) -> str:
    return _pair(parts, " over ")


def _square_root(parts: Sequence[str]) -> str:
    return f"square root of {_group(_row(parts))}"


def _root(parts: Sequence[str]) -> str:
    if len(parts) != 2:
        return _square_root(parts)
    named = {"2": "square root", "3": "cube root"}.get(parts[1].strip(), f"{parts[1].strip()}-th root")
    return f"{named} of {_group(parts[0])}"


def _table(parts: Sequence[str]) -> str:
    return "; ".join(part.strip() for part in parts if part.strip())


def _cells(parts: Sequence[str]) -> str:
    return ", ".join(part.strip() for part in parts if part.strip())


def _fenced(element: etree._Element, parts: Sequence[str]) -> str:
    opens, closes = element.get("open", "("), element.get("close", ")")
    separator = (element.get("separators", ",").strip() or " ")[:1]
    return f"{opens[:3]}{f'{separator} '.join(part.strip() for part in parts)}{closes[:3]}"


def _accented(name: str, parts: Sequence[str]) -> str:
    if len(parts) != 2:
        return _row(parts)
    mark = parts[1].strip()
    if mark in _OVER:
        return f"{_group(parts[0])} {_OVER[mark]}"
    return f"{parts[0].strip()} {'under' if name == 'mover' else 'over'} {mark} " if mark else parts[0]


_READ: dict[str, Callable[[Sequence[str]], str]] = {
    "msup": _power,
    "msub": _index,
    "msubsup": _both,
    "munderover": _limits,
    "mfrac": _fraction,
    "msqrt": _square_root,
    "mroot": _root,
    "mtable": _table,
    "mtr": _cells,
    "mlabeledtr": _cells,
}
