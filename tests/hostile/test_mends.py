"""What keeps time in bounds changes nothing for books: windows, stacks of marks, messages."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from narrate.book import Block, Mark, in_nfc, letters_and_digits
from narrate.errors import shown
from narrate.stretches import stretches
from narrate.text import split
from narrate.text.split import sentences

ODD = st.text(st.sampled_from("aé\u0301\u0323漢字👨\u200d \n.!?A“”1"), max_size=200)


@given(ODD)
def test_a_window_finds_the_sentences_of_the_whole(text: str) -> None:
    """Of paragraphs as long as books have them: in windows as in one."""
    paragraph = "He went home. She said no! Was it so? It was. " * 3 + text
    whole = sentences(paragraph, "en")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(split, "_WINDOW", len(paragraph) - 1)
        assert sentences(paragraph, "en")[:4] == whole[:4]
        assert sentences(paragraph, "en")[-1:] == [len(paragraph)]


def test_many_windows_lose_no_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "He went home. She said no! Was it so? It was all he could do not to laugh. " * 40
    whole = sentences(text, "en")
    monkeypatch.setattr(split, "_WINDOW", 200)
    assert sentences(text, "en") == whole
    monkeypatch.setattr(split, "_WINDOW", 7)  # no window holds a whole sentence: then there is one
    assert sentences("word " * 100, "en") == [500]


@given(ODD)
def test_nfc_is_nfc(text: str) -> None:
    assert in_nfc(text) == unicodedata.normalize("NFC", text)


@given(st.integers(31, 300))
def test_marks_stacked_too_high_are_left_out(count: int) -> None:
    assert in_nfc("x" + "\u0323\u0301" * count + "y") == in_nfc("x" + "\u0323\u0301" * 15 + "y")
    assert letters_and_digits("x" + "\u0323\u0301" * count + "y") == 2


@pytest.mark.parametrize(
    ("sentence", "seen"),
    [
        ("plain, with é and 漢字", "plain, with é and 漢字"),
        ("two\nlines\tand", "two lines and"),
        ("\x1b[31mred\x9b0m \x07", "\\x1b[31mred\\x9b0m \\x07"),
        ("turned \u202e round \u2066", "turned \\u202e round \\u2066"),
        ("half \udcff", "half \\udcff"),
    ],
)
def test_messages_drive_no_terminal(sentence: str, seen: str) -> None:
    assert shown(sentence) == seen


def test_a_message_is_no_book() -> None:
    assert len(shown("long " * 10_000)) == 1_000


MARKS = st.lists(
    st.tuples(st.integers(0, 40), st.integers(0, 9), st.sampled_from(["language", "phonemes", "place"])), max_size=8
)


@given(st.text("ab c", min_size=1, max_size=40), MARKS)
def test_stretches_are_the_text_wherever_the_marks_stand(text: str, places: list[tuple[int, int, str]]) -> None:
    marks, taken = [], {}
    for start, size, kind in sorted(places):
        first = max(start, taken.get(kind, 0))  # marks of a kind do not overlap
        last = min(first + size, len(text))
        if first <= last:
            marks.append(Mark(first, last, kind, f"{kind} {first}"))  # type: ignore[arg-type]
            taken[kind] = last
    made = list(stretches(Block("paragraph", text, "a", marks=tuple(marks)), ()))
    assert "".join(stretch.text for stretch in made) == text
    at = 0
    for stretch in made:
        for mark in marks:
            if mark.start <= at < mark.end:
                told = {"language": stretch.language, "phonemes": stretch.phonemes, "place": stretch.anchor}
                assert told[mark.kind] == mark.value
        at += len(stretch.text)
