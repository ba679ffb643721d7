"""Splitting loses nothing, respects the limit, and cuts where a reader would breathe."""

from __future__ import annotations

import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from narrate.text.mending import MENDS
from narrate.text.split import Piece, sentences, split

PROSE = (
    "It was the best of times, it was the worst of times; it was the age of wisdom. “Dr. Smith,” he said, "
    "“went to St. Ives at 3.14 p.m.” J. R. R. Tolkien agreed... and left! Was that all? Yes."
)


def by_length(limit: int):
    return lambda text: len(text) / limit


def texts(text: str, limit: int) -> list[str]:
    return [text[piece.start : piece.end] for piece in split(text, by_length(limit))]


any_text = st.lists(
    st.one_of(
        st.sampled_from("abc AB. ,;!?…—–\n\t“”()1234567890"),
        st.characters(exclude_categories=("Cs",)),
        st.sampled_from(["é", "e\u0301", "👩\u200d👩\u200d👧", "🇫🇷", "漢字", "。", "が\u3099"]),
    ),
    max_size=300,
).map("".join)


@given(any_text, st.integers(1, 60))
def test_pieces_touch_and_lose_nothing(text: str, limit: int) -> None:
    pieces = split(text, by_length(limit))
    assert pieces[0].start == 0
    assert pieces[-1].end == len(text)
    assert all(left.end == right.start for left, right in pairwise(pieces))


@given(any_text, st.integers(12, 60))
def test_no_piece_is_over_the_limit(text: str, limit: int) -> None:
    assert all(len(part) <= limit for part in texts(text, limit))


@given(st.integers(1, 40))
def test_graphemes_stay_whole(limit: int) -> None:
    family = "👩\u200d👩\u200d👧"
    parts = texts(family * 20, limit)
    assert "".join(parts) == family * 20
    assert all(part.startswith("👩") and part.endswith("👧") for part in parts)


def test_what_fits_is_not_cut() -> None:
    assert split(PROSE, by_length(1000)) == [Piece(0, len(PROSE), "paragraph")]


def test_sentences_stay_whole_where_they_fit() -> None:
    parts = texts(PROSE, 110)
    assert [part.strip()[-1] for part in parts] == [".", "!", "."] or all(part.strip()[-1] in ".!?”" for part in parts)
    assert any("Dr. Smith,” he said" in part for part in parts)
    assert any("J. R. R. Tolkien" in part for part in parts)


def test_an_endless_sentence_is_cut_at_its_commas() -> None:
    parts = texts("one two three four, " * 30, 100)
    assert all(part.rstrip().endswith(",") for part in parts)


def test_a_long_word_is_cut_last() -> None:
    parts = texts("x" * 95 + " end.", 10)
    assert all(len(part) <= 10 for part in parts)
    assert "".join(parts) == "x" * 95 + " end."


def test_pieces_are_about_equal() -> None:
    text = "Ten letters. " * 22  # 286 characters: three halves of the limit, not one full and one stub
    lengths = [len(part) for part in texts(text, 200)]
    assert min(lengths) > 100


@pytest.mark.parametrize(
    ("language", "text", "first"),
    [
        ("ja", "山路を登りながら、こう考えた。智に働けば角が立つ。", "山路を登りながら、こう考えた。"),
        ("zh", "今天天气很好。我们去公园吧！好吗？", "今天天气很好。"),
        ("hi", "यह पहला वाक्य है। यह दूसरा है।", "यह पहला वाक्य है।"),
        ("ar", "هذه جملة أولى. وهذه جملة ثانية؟", "هذه جملة أولى."),
        ("de", "Das ist z. B. ein Satz. Hier ist der zweite.", "Das ist z. B. ein Satz."),
    ],
)
def test_languages_end_their_sentences_in_their_own_way(language: str, text: str, first: str) -> None:
    pieces = split(text, by_length(len(first) + 2), language)
    assert text[pieces[0].start : pieces[0].end].strip() == first
    assert pieces[0].after == "sentence"


CLASSICS = [
    ("en", "“Stop!” he said.|He ran."),
    ("en", "“Stop!”|She ran."),
    ("en", "‘Stop!’ he said.|He ran."),
    ("en", '"Stop!" he said.|He ran.'),
    ("en", "“Where are you going?” asked Tom.|“Home,” she said."),
    ("en", "“Come!” Holmes cried.|“Now!”"),
    ("en", "“Good-bye.”|“Stay!”|“No.”"),
    ("en", "“But why?”—he paused—“why?”"),
    ("en", "“Why, Mr.——” he began.|She left."),
    ("en", "He asked, “Why?”|She did not say."),
    ("en", "Yahoo! is a company.|It is old."),
    ("en", "J. R. R. Tolkien wrote it.|He was old."),
    ("en", "Mr. Smith came.|Mrs. Low went."),
    ("en", "Dr. Smith and Prof. Hill met at St. Ives.|It rained."),
    ("en", "Wm. Smith and Chas. Brown.|They came."),
    ("en", "Lt.-Col. Smith came.|So did he."),
    ("en", "Messrs. Smith & Co. came.|They left."),
    ("en", "It cost 3.14 dollars.|He paid."),
    ("en", "He waited... and waited.|Then he left."),
    ("en", "He waited . . . and waited.|Then he left."),
    ("en", "He waited....|Then he left."),
    ("en", "See p. 12 for more.|Then go on."),
    ("en", "“No. 5,” he said.|He left."),
    ("en", "Vol. II. was lost.|So was the rest."),
    ("en", "Use e.g. this one.|Or that."),
    ("en", "We met at 5 p.m. today.|So did they."),
    ("en", "the 5th inst. he came.|She did not."),
    ("en", "approx. 5 men.|They came."),
    ("en", "He lived in the U.S.|He liked it."),
    ("en", "The U.S. Army came.|It left."),
    ("en", "It was plan B.|The next day came."),
    ("en", "1. One thing is sure.|It rains."),
    ("en", "Mr. and Mrs. Smith of No. 5 St. James St. came at 7.45 p.m. with J. Low.|They left."),
    ("de", "Das ist am 3. Mai passiert.|Es regnete."),
    ("de", "Er kam im 19. Jahrhundert.|Sie nicht."),
    ("de", "Das ist z. B. ein Satz.|Hier ist der zweite."),
    ("de", "Das ist z.B. ein Satz.|Hier ist der zweite."),
    ("de", "„Halt!“, rief er.|Sie lief."),
    ("de", "»Halt!« rief er.|Sie lief."),
    ("de", "Dr. Müller kam.|Karl V. kam.|Er ging."),
    ("fr", "« Halte ! » dit-il.|Elle partit."),
    ("fr", "« Où vas-tu ? » demanda-t-il.|Elle partit."),
    ("fr", "M. Dupont arriva.|Mme. Dupont partit."),
    ("es", "¿Adónde vas?|¡A casa!|Bueno."),
    ("es", "El Sr. López llegó.|La Sra. López se fue."),
    ("es", "—¡Alto! —dijo él.|Ella corrió."),
    ("it", "Il sig. Rossi arrivò.|Lei partì."),
    ("ru", "«Стой!» — сказал он.|Она ушла."),
    ("pl", "P. Nowak przyszedł.|Koniec."),
    ("sv", "T.ex. detta.|Och det."),
    ("nl", "Dhr. Jansen kwam.|Hij ging."),
    ("zh", "今天天气很好。|我们去公园吧！|好吗？"),
    ("zh", "“你好！”他说。|我走了。"),
    ("ja", "「止まれ！」と彼は言った。|彼女は走った。"),
    ("ja", "山路を登りながら、こう考えた。|智に働けば角が立つ。"),
    ("ar", "هل أنت بخير؟|نعم."),
    ("fa", "سلام؟|خوبم."),
    ("hi", "यह पहला वाक्य है।|यह दूसरा है।"),
    ("ur", "یہ پہلا ہے۔|یہ دوسرا ہے۔"),
    ("ko", "안녕하세요.|저는 민수입니다."),
    ("hy", "Բարեւ։|Ինչպես ես։"),
    ("am", "ሰላም።|እንዴት ነህ።"),
]


@pytest.mark.parametrize(("language", "marked"), CLASSICS)
def test_sentences_end_where_a_reader_ends_them(language: str, marked: str) -> None:
    parts = marked.split("|")
    text = ("" if language in ("zh", "ja") else " ").join(parts)
    found, start = [], 0
    for end in sentences(text, language):
        found.append(text[start:end].strip())
        start = end
    assert found == parts


def test_every_mend_has_its_reason() -> None:
    assert all(mend.because for mend in MENDS)


def test_an_endless_sentence_of_many_clauses_is_cut_between_them() -> None:
    text = ", ".join(f"it was the season of {number} and of light" for number in range(40)) + "."
    parts = texts(text, 200)
    assert all(part.rstrip()[-1] in ",." for part in parts)
    assert min(map(len, parts)) > 80


@pytest.mark.parametrize("language", ["th", "lo", "km", "my"])
def test_scripts_without_blanks_and_stops_are_cut_all_the_same(language: str) -> None:
    text = {"th": "สวัสดีครับผมชื่อสมชาย", "lo": "ສະບາຍດີ", "km": "សួស្តី", "my": "မင်္ဂလာပါ"}[language] * 20
    pieces = split(text, by_length(50), language)
    assert all(piece.end - piece.start <= 50 for piece in pieces)
    assert pieces[-1].end == len(text)


@pytest.mark.parametrize("piece", ["1. ", "M. ", "“A!” B ", "a. ", "—", "Mr. "])
def test_mending_takes_time_by_length_only(piece: str) -> None:
    def seconds(count: int) -> float:
        start = time.process_time()
        sentences(piece * count, "en")
        return time.process_time() - start

    seconds(10)
    short, long = max(seconds(300), 0.002), seconds(3000)
    assert long < 60 * short
