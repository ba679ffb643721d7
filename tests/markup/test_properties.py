"""P1 and the places of marks on arbitrary markup: nothing lost, nothing doubled, nothing out of place."""

from __future__ import annotations

import unicodedata
from xml.sax.saxutils import escape, quoteattr

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from narrate.markup.folding import edited, fold, folded
from tests.markup.pages import flow_of

_INLINE = (
    "span", "i", "b", "a", "em", "sup", "sub", "small", "abbr", "ruby", "rb", "rt", "rp", "rtc", "br",
    "wbr", "img", "math", "mi", "mn", "msup", "svg", "title", "text", "button", "audio", "code",
    "bdo", "q", "script", "style", "acronym",
)  # fmt: skip
_BLOCKS = (
    "p", "div", "h1", "h2", "hgroup", "blockquote", "section", "aside", "ul", "ol", "li", "dl", "dt",
    "dd", "table", "thead", "tr", "th", "td", "caption", "figure", "figcaption", "pre", "hr", "nav",
    "header", "details", "summary", "center", "head",
)  # fmt: skip
_CLASSES = (
    "noteref", "footnote", "pagenum", "linenum", "verse", "line", "stanza", "poem", "dropcap", "scene-break", "stage",
    "speaker", "byline", "letter", "epigraph", "toc", "transnote", "sidebar", "code", "backlink", "caption",
)  # fmt: skip
_TYPES = (
    "noteref", "footnote", "pagebreak", "backlink", "z3998:poem", "z3998:persona", "z3998:stage-direction", "epigraph",
    "footnotes", "toc", "title", "chapter", "dedication",
)  # fmt: skip
# Letters that compose with letters are counted one by one where an element parts them (old Korean).
_TEXT = st.text(
    st.one_of(
        st.sampled_from("aT1 25.,[]()-*†é\u0301\u00ad\u200b\u200f\n\t 漢かß٣²½“"),
        st.characters(blacklist_categories=("Cs", "Cc", "Cn"), max_codepoint=0x10FF),
    ),
    max_size=8,
)
_ATTRIBUTES = st.dictionaries(
    st.sampled_from(
        (
            "class",
            "epub:type",
            "id",
            "href",
            "title",
            "alt",
            "xml:lang",
            "hidden",
            "colspan",
            "rowspan",
            "start",
            "ssml:ph",
        )
    ),
    st.one_of(
        st.sampled_from((*_CLASSES, *_TYPES)),
        st.sampled_from(("n1", "n2", "#n1", "#n2", "fr", "de", "3", "T", "“A", "12")),
    ),
    max_size=3,
)


def _element(name: str, attributes: dict[str, str], inner: list[str]) -> str:
    pairs = "".join(f" {key}={quoteattr(value)}" for key, value in attributes.items())
    return f"<{name}{pairs}>{''.join(inner)}</{name}>"


_PAGE = st.recursive(
    _TEXT.map(escape),
    lambda inner: st.builds(_element, st.sampled_from((*_INLINE, *_BLOCKS)), _ATTRIBUTES, st.lists(inner, max_size=5)),
    max_leaves=25,
)


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(_PAGE, min_size=1, max_size=5))
def test_every_letter_is_in_a_block_or_in_a_skip(parts: list[str]) -> None:
    flow_of("".join(parts), frozenset(("n2",)))


@settings(max_examples=300, deadline=None)
@given(st.text(st.sampled_from("a \n\t\u00ad\u200de\u0301漢。\r\u3000한\u1112\u1161ſ"), max_size=30), st.data())
def test_places_follow_their_characters_through_folding(text: str, data: st.DataObject) -> None:
    places = data.draw(st.lists(st.integers(0, len(text)), max_size=5).map(sorted))
    clean, moved = folded(text, places)
    assert clean == folded(text)[0]
    assert clean.strip() == fold(text)
    assert unicodedata.is_normalized("NFC", clean)
    assert moved == sorted(moved)
    for place, now in zip(places, moved, strict=True):
        assert 0 <= now <= len(clean)
        before = sum(map(str.isalnum, unicodedata.normalize("NFC", text[:place])))
        assert abs(sum(map(str.isalnum, clean[:now])) - before) <= 1


@given(st.text(max_size=20), st.data())
def test_an_edit_moves_what_stands_behind_it(text: str, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.sets(st.integers(0, len(text)), max_size=6)))
    edits = [(start, end, "xy") for start, end in zip(cuts[::2], cuts[1::2], strict=False)]
    done, moved = edited(text, edits, range(len(text) + 1))
    assert len(done) == len(text) + sum(2 - (end - start) for start, end, _ in edits)
    kept = [place for place in range(len(text)) if not any(start <= place < end for start, end, _ in edits)]
    assert all(done[moved[place]] == text[place] for place in kept)
