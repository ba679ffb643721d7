"""Text as it is said. The cases stand in tests/cases/text: title, input, expected, each ended by a line of one dot.

The name of a file may end in a language: numbers.de.md. Without one it is English.
"""

from __future__ import annotations

import time
import unicodedata
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from narrate.text import RULES, normalise, speakable, words

CASES = Path(__file__).parent.parent / "cases" / "text"


def read_cases(path: Path) -> list[tuple[str, str, str]]:
    """The triples of one file."""
    parts = path.read_text(encoding="utf-8").split("\n.\n")
    triples = zip(parts[0::3], parts[1::3], parts[2::3], strict=False)
    return [(title.strip(), written, said) for title, written, said in triples]


ALL = [
    pytest.param(path.stem.partition(".")[2] or "en", written, said, id=f"{path.stem}: {title}")
    for path in sorted(CASES.glob("*.md"))
    for title, written, said in read_cases(path)
]


def test_the_cases_are_read() -> None:
    assert len(ALL) > 600
    assert len({case.id for case in ALL}) == len(ALL)


@pytest.mark.parametrize(("language", "written", "said"), ALL)
def test_case(language: str, written: str, said: str) -> None:
    assert normalise(written, language) == said


@pytest.mark.parametrize(("language", "written", "said"), ALL)
def test_a_second_pass_changes_nothing(language: str, written: str, said: str) -> None:
    assert normalise(said, language) == said


def test_rules_have_names_of_their_own() -> None:
    names = [rule.name for rule in RULES if "again" not in rule.name]
    assert len(set(names)) == len(names)


def test_every_rule_says_what_it_does() -> None:
    assert all(rule.apply.__doc__ for rule in RULES)


PIECES = st.sampled_from(
    [
        "12",
        "/",
        ":",
        ".",
        "St",
        "No",
        "I",
        "XIV",
        "$",
        "p.m.",
        "1914",
        "–",
        " ",
        "'",
        "’",
        "A",
        "MR",
        "°",
        "½",
        "²",
        "&",
        "é",
    ]
)


@settings(max_examples=200, deadline=None)
@given(
    st.one_of(st.text(), st.lists(PIECES, max_size=12).map("".join)),
    st.sampled_from(["en", "en-GB", "fr", "ja", "", "de", "es", "pl", "sv", "nb", "xx"]),
)
@example("\ud800", "en")
@example("a\x00b", "en")
@example("१२३ ٣ ௰ ⅷ ①", "en")
def test_any_text(written: str, language: str) -> None:
    said = normalise(written, language)
    assert not any(unicodedata.category(character) in ("Cc", "Cf", "Cs") for character in said)
    if any(map(str.isalnum, written)):
        assert any(map(str.isalnum, said))


def unguarded(text: str, language: str) -> str:
    """Every rule for the language, whether or not its guard finds anything."""
    for rule in RULES:
        if rule.language in ("", language) or (rule.language == "other" and language != "en"):
            text = rule.apply(text, language)
    return text


BROKEN = st.sampled_from(
    [
        *("Mr. ", "St. ", "I ", "And I ", "Henry I ", "II. ", "vol. i", "No. 5 ", "J. R. ", "etc. ", "e.g. ", "Wm. "),
        *(
            "p. ix ",
            "--",
            " - ",
            "...",
            "‘a’ ",
            "«b» ",
            "’ ",
            "\n",
            "  ",
            " ,",
            "CAPS ",
            "U.S. ",
            "(ii) ",
            "exam- ple ",
        ),
        *("d—n ", "[t]he ", "Chas Low ", "A–Z ", "a.b ", "x’s ", "XVI’s ", "ACT I ", "é ", "½ ", "12 ", "# ", "/x "),
        *("MS. ", "Sat. ", "¢ ", "( ) "),
    ]
)


@settings(max_examples=300, deadline=None)
@given(
    st.one_of(
        st.lists(BROKEN, max_size=8).map("".join),
        st.text("abI VX.,;:!?'’“”‘—- \nMrS", max_size=30),
        st.text(max_size=30),
    ),
    st.sampled_from(["en", "de", "fr"]),
)
def test_no_guard_hides_what_a_rule_would_do(written: str, language: str) -> None:
    assert normalise(written, language) == unguarded(written, language)


@settings(max_examples=200, deadline=None)
@given(st.text(st.characters(codec="ascii", categories=("L", "N", "P", "S", "Z"))))
def test_no_figure_is_left_in_english(written: str) -> None:
    assert not any(character.isdigit() for character in normalise(written))


@pytest.mark.parametrize(
    "piece",
    [
        *(
            "1",
            "1,",
            "1.",
            "A",
            "A.",
            "I",
            " ",
            "-",
            "- ",
            "(",
            "a@",
            "a.",
            "$1 ",
            "12/",
            "1:",
            "’",
            "\n",
            "X",
            "St. ",
            "°",
        ),
        *(
            "1 000 ",
            "1-",
            " I ",
            "[a",
            "a—",
            "/a",
            "1 Cor. ",
            "ix ",
            "1st ",
            "1,000 ",
            "1 in. ",
            "$1.",
            "at 1.10 ",
            "’1",
        ),
    ],
)
def test_time_grows_with_length_only(piece: str) -> None:
    def seconds(count: int) -> float:
        start = time.process_time()
        normalise(piece * count)
        return time.process_time() - start

    seconds(10)
    short, long = max(seconds(1000), 0.002), seconds(10_000)
    assert long < 60 * short


@pytest.mark.parametrize(
    ("language", "written", "said"),
    [
        ("fr", "J’ai 21 livres.", "J’ai vingt et un livres."),
        (
            "de",
            "Er hat 12 Bücher und 1.234 Seiten, 3,5 kg.",
            "Er hat zwölf Bücher und eintausendzweihundertvierunddreißig Seiten, drei Komma fünf kg.",
        ),
        ("de", "Mail an a@example.com 😀", "Mail an a at example Punkt com"),
        ("es", "Capítulo XII", "Capítulo XII"),
        ("xx", "12 zu", "12 zu"),
        ("ja", "第12章", "第12章"),
        ("fr", "Chapitre 007", "Chapitre 007"),
    ],
)
def test_other_languages_get_the_safe_rules(language: str, written: str, said: str) -> None:
    assert normalise(written, language) == said


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("", False),
        ("  ", False),
        ("…—!", False),
        ("***", False),
        ("😀", False),
        ("a", True),
        ("7", True),
        ("%", True),
        ("道", True),
    ],
)
def test_speakable(text: str, spoken: bool) -> None:
    assert speakable(text) is spoken


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 0),
        ("one two", 2),
        ("well-known — fact", 2),
        ("* * *", 0),
        ("吾輩は猫である", 4),
        ("don’t", 1),
        ("Act I.", 2),
    ],
)
def test_words(text: str, count: int) -> None:
    assert words(text) == count
