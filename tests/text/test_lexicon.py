"""Words said as a lexicon says, and everything around them as if it were not there."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from narrate.text import normalise
from narrate.text.lexicon import Entry, Lexicon, layered, lexicon, say, spoken_as, unused
from narrate.text.phonemes import heard


def said(text: str, *entries: Entry, language: str = "en", phonemes: bool = False) -> str:
    return say(text, lexicon(entries), language, normalise, phonemes).text


def found(text: str, *entries: Entry, language: str = "en") -> list[str]:
    return [text[match.start : match.end] for match in lexicon(entries).find(text, language)]


@pytest.mark.parametrize(
    ("word", "text", "hits"),
    [
        ("Cholmondeley", "Cholmondeley, CHOLMONDELEY; cholmondeley", ["Cholmondeley", "CHOLMONDELEY"]),
        ("read", "Read or READ what you read already.", ["Read", "READ", "read"]),
        ("SQL", "SQL, sql, NoSQL, SQL2, _SQL_", ["SQL", "SQL"]),
        ("Job", "A job for Job’s sons.", ["Job"]),
        ("Don", "Don’t, Don, don, Don-like", ["Don", "Don"]),
        ("X", "X-ray, X, Malcolm X.", ["X", "X"]),
        ("O'Brien", "O’Brien’s and O'Brien", ["O’Brien", "O'Brien"]),
        ("Brien", "O’Brien", ["Brien"]),
        ("re", "They’re re-reading re.", ["re"]),
        ("San José", "in San\u00a0José and San José", ["San\u00a0José", "San José"]),
        ("Saxe-Coburg", "Saxe‑Coburg", ["Saxe‑Coburg"]),
        ("Cholmondeley", "the Cholmondeleys’ house", ["Cholmondeleys"]),
        ("Jones", "the Joneses", ["Joneses"]),
        ("march", "he marches", []),
        ("C++", "C++ and C", ["C++"]),
        (".NET", "the .NET way", [".NET"]),
        ("Dr.", "Dr. No saw the Dr.", ["Dr.", "Dr"]),
        ("1984", "1984, 1,984.5, 1984.5 and 1984.", ["1984", "1984"]),
        ("道", "大道之行", ["道"]),
        ("東京", "東京都と京都", ["東京"]),
        ("हिन्दी", "हिन्दी हिन्दीका", ["हिन्दी"]),
    ],
)
def test_where_a_word_is_found(word: str, text: str, hits: list[str]) -> None:
    assert found(text, Entry(word, "x")) == hits


def test_case_is_as_the_entry_says() -> None:
    text = "Polish POLISH polish"
    assert found(text, Entry("Polish", "x", case=True)) == ["Polish", "POLISH"]
    assert found(text, Entry("polish", "x", case=True)) == ["polish"]
    assert found(text, Entry("POLISH", "x", case=False)) == ["Polish", "POLISH", "polish"]


def test_elision_is_no_part_of_a_word_where_it_is_usual() -> None:
    assert found("l’hôpital", Entry("hôpital", "x"), language="fr") == ["hôpital"]
    assert found("l’hôpital", Entry("hôpital", "x"), language="en") == []


def test_a_language_is_its_first_part() -> None:
    entries = (Entry("chat", "sha", language="fr-CA"), Entry("pain", "pan", language="fr"))
    assert found("chat pain", *entries, language="fr-FR") == ["chat", "pain"]
    assert found("chat pain", *entries, language="en") == []


def test_the_longest_entry_wins_and_then_the_later_layer() -> None:
    general = lexicon([Entry("St. John", "Sinjin"), Entry("John", "Jon"), Entry("lead", "leed")])
    book = lexicon([Entry("lead", "led")])
    both = layered(general, book)
    assert say("St. John and John lead.", both, "en", normalise, False).text == "Sinjin and Jon led."
    assert [(hidden.said, by.said) for hidden, by in both.shadowed] == [("leed", "led")]


@pytest.mark.parametrize(
    ("weaker", "stronger", "hidden"),
    [
        (Entry("lead", "a"), Entry("lead", "b"), True),
        (Entry("lead", "a"), Entry("lead", "b", after="pipe"), False),
        (Entry("lead", "a", after="pipe"), Entry("lead", "b"), True),
        (Entry("Lead", "a"), Entry("lead", "b"), True),
        (Entry("lead", "a"), Entry("Lead", "b"), False),
        (Entry("Lead", "a"), Entry("lead", "b", case=True), False),
        (Entry("lead", "a"), Entry("LEAD", "b", case=False), True),
        (Entry("lead", "a"), Entry("lead", "b", language="en"), False),
        (Entry("lead", "a", language="en"), Entry("lead", "b"), True),
        (Entry("O'Brien", "a"), Entry("O’Brien", "b"), True),
        (Entry("lead", "a", pos="noun"), Entry("lead", "b", pos="verb"), False),
    ],
)
def test_what_hides_an_entry(weaker: Entry, stronger: Entry, hidden: bool) -> None:
    assert bool(layered(lexicon([weaker]), lexicon([stronger])).shadowed) is hidden


def test_within_a_layer_the_more_particular_entry_wins() -> None:
    entries = (Entry("read", "red", before="had, has"), Entry("read", "reed"))
    assert said("He has read what we read.", *entries) == "He has red what we reed."
    assert said("They had—read it? He had “read” it.", *entries) == "They had—reed it? He had “red” it."
    assert lexicon(entries).shadowed == ()


def test_words_behind_decide_as_well() -> None:
    assert said("A lead pipe; to lead on.", Entry("lead", "led", after="pipe,pencil")) == "A led pipe; to lead on."


def test_parts_of_speech_count_where_neighbours_tell_them() -> None:
    entries = (Entry("wind", "winned", pos="noun"), Entry("wind", "wined", pos="verb"))
    assert said("The wind will wind on. Wind!", *entries) == "The winned will wined on. Wind!"
    assert said("Wind!", Entry("wind", "winned", pos="noun")) == "Winned!"
    apart = (Entry("Polish", "Poalish", pos="adjective"), Entry("polish", "pollish", pos="verb"))
    assert said("Some Polish polish.", *apart) == "Some Poalish pollish."


@pytest.mark.parametrize(
    ("text", "heard_as"),
    [
        ("Mr. Cholmondeley said so.", "Mister Chumley said so."),
        ("MR. CHOLMONDELEY’S HOUSE", "Mister Chumley’s house"),
        ("Louis XIV of San José.", "Loo-ee the fourteenth of San Hosay."),
        ("Louis XIV met St. John at St. Ives.", "Loo-ee the fourteenth met Sinjin at Saint Ives."),
        ("In 1984 he was 84.", "In nineteen eighty-four it is he was eighty-four."),
        ("He saw the Dr.", "He saw the Medic."),
        ("The Dr. said “SQL!” SQL, she said.", "The Medic said “sequel!” Sequel, she said."),
        ("Chapter II. sotto voce", "Chapter two. so toe voachay"),
        ("Sotto voce, he went", "So toe voachay, he went"),
        ("qzxbzq and St. John", "qzxbzq and Sinjin"),
    ],
)
def test_rules_work_around_the_words(text: str, heard_as: str) -> None:
    entries = (
        Entry("Cholmondeley", "Chumley"),
        Entry("Louis", "Loo-ee"),
        Entry("San José", "San Hosay"),
        Entry("St. John", "Sinjin"),
        Entry("1984", "nineteen eighty-four it is"),
        Entry("Dr.", "medic"),
        Entry("SQL", "sequel"),
        Entry("sotto voce", "so toe voachay"),
    )
    assert said(text, *entries) == heard_as


def test_phonemes_go_to_engines_that_take_them_and_else_become_a_spelling() -> None:
    entries = (Entry("Hermione", phonemes="ipa:hɜːˈmaɪəni"), Entry("Keats", "Keets", "ipa:kiːts"))
    text = "Hermione’s Keats; Keats’s Hermione."
    assert said(text, *entries) == "Hurmyany’s Keets; Keets’s Hurmyany."
    noted = said(text, *entries, phonemes=True)
    assert noted == "[Hermione’s](/hɜːˈmaɪəniz/) [Keats](/kiːts/); [Keats’s](/kiːtsɪz/) [Hermione](/hɜːˈmaɪəni/)."
    assert heard(noted) == text


def test_a_spelling_for_english_is_given_to_english_alone() -> None:
    entry = Entry("Goethe", phonemes="ipa:ˈɡøːtə")
    result = say("Goethe kam.", lexicon([entry]), "de", normalise, False)
    assert result.text == "Goethe kam."
    assert result.used == frozenset()
    assert said("Goethe kam.", entry, language="de", phonemes=True) == "[Goethe](/ˈɡøːtə/) kam."
    assert [spoken_as(entry, True, "de"), spoken_as(entry, False, "de"), spoken_as(entry, False)] == [
        "/ˈɡøːtə/",
        "",
        "gurta",
    ]


def test_marks_of_a_block_win_over_the_lexicon() -> None:
    text = "Worcester, not Worcester."
    words = lexicon([Entry("Worcester", "Wor Cester")])
    marks = [(0, 9, "ipa:ˈwʊstə")]
    result = say(text, words, "en", normalise, False, marks)
    assert result.text == "Woosta, not Wor Cester."
    assert say(text, words, "en", normalise, True, marks).text == "[Worcester](/ˈwʊstə/), not Wor Cester."
    assert say(text, Lexicon(), "en", normalise, True, [(0, 9, "sapi:w 1 s t")]).text == text
    assert say("日本へ", Lexicon(), "ja", normalise, True, [(0, 2, "x-JEITA:ニッポ'ン")]).text == "ニッポンへ"
    assert say("No. 5!", Lexicon(), "en", normalise, True, [(4, 5, "ipa:faɪv")]).text == "No. [5](/faɪv/)!"


def test_used_and_unused_entries_are_told() -> None:
    entries = (Entry("Keats", "Keets"), Entry("Yeats", "Yates"), Entry("Yeats", "Yayts"))
    words = lexicon(entries)
    result = say("Keats.", words, "en", normalise, False)
    assert result.used == {entries[0]}
    assert unused(words, result.used) == (entries[2],)
    assert words.shadowed == ((entries[1], entries[2]),)


WORDS = ("Cholmondeley", "St. John", "lead", "SQL", "1984", "O'Brien", "José")
PIECES = st.sampled_from(
    [
        *WORDS,
        "Cholmondeleys",
        "the",
        "Mr.",
        "II",
        "in 1984,",
        "‘said’",
        "$5.50",
        "(a)",
        "Don’t",
        "—",
        "e.g.",
        "BIG",
        "I",
    ]
)


@settings(deadline=None)  # the rules load their tables at the first text
@given(st.lists(PIECES, max_size=9).map(" ".join), st.sampled_from(WORDS), st.booleans())
def test_an_added_entry_changes_only_the_texts_that_hold_its_word(text: str, word: str, phonemes: bool) -> None:
    """P4, in the order in which chunks get their keys."""
    old = lexicon([Entry("Mr.", "Maistre"), Entry("Don", "Dawn")])
    new = layered(old, lexicon([Entry(word, "zebra", "ipa:ˈzɛbɹə")]))
    before, after = (say(text, words, "en", normalise, phonemes) for words in (old, new))
    held = bool(lexicon([Entry(word, "zebra")]).find(text, "en"))
    assert (before.text != after.text) == held
    assert len(after.used - before.used) == held
    if not any(match.entry for match in new.find(text, "en")):
        assert after.text == normalise(text, "en")


@settings(deadline=None)  # the rules load their tables at the first text
@given(st.text(max_size=60), st.text(min_size=1, max_size=6), st.sampled_from(["en", "fr", "ja", ""]))
def test_anything_can_be_said(text: str, word: str, language: str) -> None:
    """Whatever the word: it is said as often as it was found, and nothing else goes."""
    if not word.strip():
        return
    words = lexicon([Entry(word, "zebra")])
    hits = words.find(text, language)
    result = say(text, words, language, lambda one, _: one, phonemes=False)
    expected, at = "", 0
    for hit in hits:
        expected += text[at : hit.start] + "zebra" + hit.ending
        at = hit.end
    assert result.text.casefold() == (expected + text[at:]).casefold()


@settings(deadline=None)  # the rules load their tables at the first text
@given(st.lists(PIECES, max_size=9).map(" ".join))
def test_every_hit_is_said_once(text: str) -> None:
    words = lexicon([Entry(word, "zebra") for word in WORDS])
    result = say(text, words, "en", normalise, phonemes=False).text
    assert result.casefold().count("zebra") == len(words.find(text, "en"))


def test_a_rule_that_eats_a_word_cannot_take_it_away() -> None:
    def hungry(text: str, language: str) -> str:
        return " ".join("nothing" for _ in text.split())

    result = say("So Keats said.", lexicon([Entry("Keats", "Keets")]), "en", hungry, False)
    assert result.text == "nothing Keets nothing"


def test_none_of_ten_thousand_entries_is_found_in_longer_words() -> None:
    letters = "bcdfgklmnprstvz"
    names = [f"{a}o{b}a{c}e{d}".capitalize() for a in letters for b in letters for c in letters for d in "bdg"][:10_000]
    words = lexicon(Entry(name, "x") for name in names)
    text = " ".join(f"the quick brown fox {names[7 * index % len(names)].lower()}x jumped" for index in range(10))
    assert words.find(text, "en") == ()
