"""The plan: everything is spoken or accounted for (P1), keys depend on the sound alone (P4), limits hold."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from narrate.book import Block, Book, Mark, letters_and_digits
from narrate.plan import plan
from narrate.policy import Policy
from narrate.script import Cast, Chunk, Origin, Pauses, Script, Voice
from narrate.text import speakable
from tests.books import block, book, chapter

VOICE = Voice("tone", "tone-1", "low", "en")


@dataclass(frozen=True)
class Limits:
    max_chars: int = 200
    max_bytes: int | None = None
    min_words: int = 1
    normalises: bool = True
    languages: frozenset[str] | None = None
    phonemes: frozenset[str] = frozenset()


def script(*chapters, limits: Limits = Limits(), **options) -> Script:
    return plan(book(*chapters), Cast(VOICE), limits, **options)


def texts(made: Script) -> list[str]:
    return [chunk.text for chunk in made.chunks]


pieces_of_text = st.text(st.sampled_from("abcDEF 123 .,!?…*—“”é漢字\n🎉"), max_size=120)
kinds = st.sampled_from(["heading", "paragraph", "verse", "item", "cell", "caption", "code", "note", "break"])
blocks = st.builds(lambda kind, text: Block(kind, "" if kind == "break" else text, "x"), kinds, pieces_of_text)
chapters = st.builds(
    lambda kind, role, made: chapter("T", *made, kind=kind, role=role),
    st.sampled_from(["chapter", "cover", "licence", "contents", "notes"]),
    st.sampled_from(["front", "body", "back"]),
    st.lists(blocks, max_size=6),
)
books = st.lists(chapters, max_size=4).map(lambda made: book(*made))
all_limits = st.builds(Limits, st.integers(20, 400), st.none() | st.integers(60, 900), st.integers(1, 4))


@given(books, all_limits, st.none() | st.frozensets(st.integers(1, 4)))
def test_p1_every_letter_is_spoken_or_skipped(made: Book, limits: Limits, chosen: frozenset[int] | None) -> None:
    found = plan(made, Cast(VOICE), limits, chapters=chosen)
    skipped = sum(item.characters for item in found.skipped)
    assert found.spoken_characters + skipped == made.source_characters
    assert sum(letters_and_digits(chunk.text) for chunk in found.chunks) == found.spoken_characters
    assert all(item.reason for item in found.skipped)


@given(books, all_limits)
def test_chunks_fit_and_can_be_spoken(made: Book, limits: Limits) -> None:
    for chunk in plan(made, Cast(VOICE), limits).chunks:
        assert len(chunk.text) <= limits.max_chars
        assert limits.max_bytes is None or len(chunk.text.encode()) <= limits.max_bytes
        assert speakable(chunk.text)
        assert chunk.text == chunk.text.strip()


@given(books, all_limits)
def test_p2_the_same_plan_every_time(made: Book, limits: Limits) -> None:
    assert plan(made, Cast(VOICE), limits) == plan(made, Cast(VOICE), limits)


def test_p4_one_changed_paragraph_changes_one_chunk() -> None:
    before = script(chapter("One", "First.", "Second one.", "Third."), chapter("Two", "Fourth."))
    after = script(chapter("One", "First.", "Second, changed.", "Third."), chapter("Two", "Fourth."))
    assert len({c.key for c in after.chunks} - {c.key for c in before.chunks}) == 1


def test_p4_an_inserted_paragraph_leaves_the_others_alone() -> None:
    before = script(chapter("One", "First.", "Third."))
    after = script(chapter("One", "First.", "Second.", "Third."))
    assert {c.key for c in before.chunks} < {c.key for c in after.chunks}
    assert len(after.chunks) == len(before.chunks) + 1


@pytest.mark.parametrize(
    "change",
    [
        {"engine": "kokoro"},
        {"model": "tone-2"},
        {"name": "high"},
        {"language": "fr"},
        {"settings": (("speed", "2"),)},
    ],
)
def test_p4_whatever_changes_the_sound_changes_the_key(change: dict) -> None:
    chunk = Chunk("Hello.", VOICE, 0)
    assert replace(chunk, voice=replace(VOICE, **change)).key != chunk.key
    assert replace(chunk, text="Hello!").key != chunk.key


@pytest.mark.parametrize(
    "change",
    [
        {"chapter": 3},
        {"anchor": "b"},
        {"origins": (Origin(0, 1, "b", 0, 1),)},
        {"source": "b"},
        {"after": "scene"},
        {"pause_ms": 9},
    ],
)
def test_p4_whatever_does_not_change_the_sound_does_not(change: dict) -> None:
    chunk = Chunk("Hello.", VOICE, 0)
    assert replace(chunk, **change).key == chunk.key


def test_the_order_of_settings_does_not_matter() -> None:
    one = Chunk("Hello.", replace(VOICE, settings=(("a", "1"), ("b", "2"))), 0)
    two = Chunk("Hello.", replace(VOICE, settings=(("b", "2"), ("a", "1"))), 0)
    assert one.key == two.key


def test_pauses_are_typed_and_kept_apart() -> None:
    pauses = Pauses(sentence=1, verse=2, paragraph=3, heading=4, scene=5, chapter=6)
    made = script(
        chapter(
            "One",
            block("A title", "heading"),
            "A sentence of some length. " * 10,
            block("", "break"),
            block("Roses are red\nViolets are blue", "verse"),
            "More.",
            "The end.",
        ),
        pauses=pauses,
    )
    assert [chunk.pause_ms for chunk in made.chunks] == [4, 1, 5, 2, 3, 6]
    assert [chunk.after for chunk in made.chunks] == ["heading", "sentence", "scene", "verse", "paragraph", "chapter"]


def test_verse_lines_are_breaths() -> None:
    made = script(chapter("One", block("Roses are red\nViolets are blue,\nSugar", "verse")))
    assert texts(made) == ["Roses are red,\nViolets are blue,\nSugar"]


def test_a_short_heading_is_joined_to_its_neighbour() -> None:
    made = script(chapter("I", block("I", "heading"), "It was a dark night.", "He slept."), limits=Limits(min_words=2))
    assert texts(made) == ["I. It was a dark night.", "He slept."]


def test_a_short_last_line_is_joined_to_what_stands_before() -> None:
    made = script(chapter("I", "It was a dark night.", "Fin"), limits=Limits(min_words=2))
    assert texts(made) == ["It was a dark night. Fin"]


def test_a_joined_heading_leaves_room_for_the_limit() -> None:
    long = "A sentence of about forty characters ok. " * 9
    made = script(chapter("I", block("II", "heading"), long), limits=Limits(min_words=2, max_chars=125))
    assert made.chunks[0].text.startswith("II. A sentence")
    assert max(map(len, texts(made))) <= 125


def test_a_scene_break_is_not_talked_over() -> None:
    made = script(chapter("I", "End.", block("", "break"), "A new day begins."), limits=Limits(min_words=2))
    assert texts(made) == ["End.", "A new day begins."]


def test_ornaments_are_never_sent() -> None:
    made = script(chapter("One", "* * *", "…", "—", "🎉", "Text."))
    assert texts(made) == ["Text."]


def test_chapters_by_number_count_what_is_read() -> None:
    made = script(
        chapter("Cover", "Cover page", kind="cover"),
        chapter("One", "First."),
        chapter("Two", "Second."),
        chapters={2},
    )
    assert texts(made) == ["Second."]
    assert [item.reason for item in made.skipped] == ["cover", "chapter not chosen"]
    assert [item.spoken for item in made.chapters] == [False, False, True]


def test_a_guess_is_said_to_be_one() -> None:
    guessed = replace(chapter("Ads", "Buy now!", kind="advertisement"), guess="prices and a list of titles")
    made = script(chapter("One", "Text."), guessed)
    assert "a guess" in made.skipped[0].reason
    assert any("left out by guess" in warning for warning in made.warnings)


def test_a_passage_in_another_language_is_marked_where_the_engine_can_tell() -> None:
    made = script(
        chapter("One", "English.", block("Bonjour tout le monde.", language="fr-CA")),
        limits=Limits(languages=frozenset({"en", "fr"})),
    )
    assert [chunk.voice.language for chunk in made.chunks] == ["en", "fr"]
    alone = script(
        chapter("One", "English.", block("Bonjour.", language="fr")), limits=Limits(languages=frozenset({"en"}))
    )
    assert [chunk.voice.language for chunk in alone.chunks] == ["en", "en"]


def test_texts_are_normalised_only_for_engines_that_do_not() -> None:
    made = script(chapter("One", "It cost $3.50."), limits=Limits(normalises=False))
    assert made.chunks[0].source == "It cost $3.50."
    assert "$" not in made.chunks[0].text
    assert texts(script(chapter("One", "It cost $3.50."))) == ["It cost $3.50."]


def test_origins_lead_back_to_the_written_text() -> None:
    text = "A first sentence here. A second sentence here. A third sentence here."
    made = script(chapter("One", text), limits=Limits(max_chars=30))
    assert len(made.chunks) > 1
    for chunk in made.chunks:
        (origin,) = chunk.origins
        assert origin.anchor == "One#0"
        assert text[origin.first : origin.last] == chunk.source[origin.start : origin.end] == chunk.source


def test_origins_of_joined_blocks_lead_to_each_of_them() -> None:
    made = script(
        chapter("One", block("I", "heading", "a"), block("It began here at last.", anchor="b")),
        limits=Limits(min_words=3),
    )
    (chunk,) = made.chunks
    assert chunk.source == "I. It began here at last."
    assert [(o.start, o.end, o.anchor, o.first, o.last) for o in chunk.origins] == [
        (0, 1, "a", 0, 1),
        (1, 3, "a", 1, 1),
        (3, 25, "b", 0, 22),
    ]


def test_a_sentence_in_another_language_goes_to_that_language() -> None:
    text = "He turned. Je ne sais pas. She left with a certain savoir vivre."
    french = (Mark(11, 26, "language", "fr"), Mark(51, 63, "language", "fr"))
    made = script(
        chapter("One", Block("paragraph", text, "a", marks=french)), limits=Limits(languages=frozenset(("en", "fr")))
    )
    assert [(chunk.source, chunk.voice.language) for chunk in made.chunks] == [
        ("He turned.", "en"),
        ("Je ne sais pas.", "fr"),
        ("She left with a certain savoir vivre.", "en"),
    ]
    assert [chunk.after for chunk in made.chunks] == ["sentence", "sentence", "chapter"]


def test_an_engine_of_one_language_speaks_a_foreign_sentence_with_its_own_voice() -> None:
    marked = Block("paragraph", "He turned. Je ne sais pas.", "a", marks=(Mark(11, 26, "language", "fr"),))
    made = script(chapter("One", marked), limits=Limits(languages=frozenset(("en",))))
    assert {chunk.voice.language for chunk in made.chunks} == {"en"}


def test_what_the_policy_decides_is_in_the_script() -> None:
    made = script(chapter("One", "Text.", block("x = 1", "code")), policy=Policy(changes=(("code", "speak"),)))
    assert texts(made) == ["Text.", "x = 1"]
    assert ("code", "speak") in [(item.kind, item.action) for item in made.decisions]


def test_a_script_the_narrator_cannot_read_goes_to_a_guest() -> None:
    greek = Voice("espeak", "1", "el", "el")
    made = plan(
        book(chapter("One", "He quoted Homer.", "Μῆνιν ἄειδε θεά", "The word λόγος alone he may try himself.")),
        Cast(VOICE, (("Greek", greek),)),
        Limits(normalises=False),
    )
    assert [chunk.voice for chunk in made.chunks] == [VOICE, greek, VOICE]
    assert made.chunks[1].text == "Μῆνιν ἄειδε θεά"


def test_what_grows_in_normalising_still_fits() -> None:
    made = script(chapter("One", "In 1,234,567 or 7,654,321 cases. " * 20), limits=Limits(100, normalises=False))
    assert max(len(chunk.text) for chunk in made.chunks) <= 100


def test_a_script_nobody_reads_is_left_out_and_listed() -> None:
    made = plan(
        book(chapter("One", "An English line.", "日本語の文章です。", "Another.")),
        Cast(VOICE, latin_only=True),
        Limits(),
    )
    assert [chunk.text for chunk in made.chunks] == ["An English line.", "Another."]
    (left_out,) = made.skipped
    assert "no voice here reads" in left_out.reason
    assert made.spoken_characters + left_out.characters == made.book.source_characters
    assert any("no voice here reads" in warning for warning in made.notices)


def test_a_cut_inside_a_sentence_does_not_end_it() -> None:
    made = script(chapter("One", "word " * 60), limits=Limits(100, normalises=False))
    assert [chunk.text[-1] for chunk in made.chunks[:-1]] == [","] * (len(made.chunks) - 1)
