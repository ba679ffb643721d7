"""Wrong names are told with what they most likely mean; keys are refused, and never repeated."""

from __future__ import annotations

import string
from importlib import import_module
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from narrate.errors import JobError
from narrate.job import ENGINES
from narrate.jobs.files import Layer, survey
from narrate.jobs.slips import without_keys
from narrate.jobs.table import ENGINE_SETTINGS, HOMES, SETTINGS
from narrate.jobs.values import values_of

LETTERS = string.ascii_lowercase + "_"


def told(table: dict[str, object]) -> list[str]:
    mistakes: list[JobError] = []
    values_of("f", table, Path(), {}, mistakes)
    return [str(error) for error in mistakes]


@st.composite
def slips(draw: st.DrawFn, names: list[str]) -> tuple[str, str]:
    """A name, and the same with one letter too many, too few, wrong, or in its neighbour's place."""
    name = draw(st.sampled_from(names))
    at = draw(st.integers(0, len(name) - 1))
    letter = draw(st.sampled_from(LETTERS))
    slip = draw(
        st.sampled_from(
            [
                name[:at] + letter + name[at:],
                name[:at] + name[at + 1 :],
                name[:at] + letter + name[at + 1 :],
                name[:at] + name[at : at + 2][::-1] + name[at + 2 :],
            ]
        ).filter(lambda slip: slip and slip not in names)
    )
    return name, slip


@given(slips([*SETTINGS, "extends"]))
def test_every_setting_misspelt_by_one_letter_is_guessed(pair: tuple[str, str]) -> None:
    name, slip = pair
    (sentence,) = told({slip: 1})
    assert repr(name) in sentence or slip == "heading", sentence  # which has a meaning of its own


TABLES = ["metadata", "pauses", "reading", "deadlines", "bounds"]


@pytest.mark.parametrize("table", TABLES)
def test_every_key_of_a_table_misspelt_by_one_letter_is_guessed(table: str) -> None:
    @given(slips(list(HOMES[table])))
    def check(pair: tuple[str, str]) -> None:
        name, slip = pair
        (sentence,) = told({table: {slip: "x"}})
        assert repr(name) in sentence, sentence

    check()


@pytest.mark.parametrize("table", HOMES)
def test_a_key_of_a_table_that_stands_at_the_top_is_sent_there(table: str) -> None:
    for name in HOMES[table]:
        if name not in SETTINGS and name not in ("url", "format"):
            (sentence,) = told({name: "x"})
            assert f"[{table}] {name}" in sentence.replace("[[", "[").replace("]]", "]"), sentence


@pytest.mark.parametrize("table", HOMES)
def test_a_setting_below_a_table_is_sent_above_it(table: str) -> None:
    for name in [*SETTINGS, "extends"]:
        if name in HOMES[table]:
            continue
        below = {"where": "x", name: "y"} if table == "places" else {name: "y"}
        (sentence,) = told({table: [below] if table in ("places", "hooks") else below})
        assert f"'{name}' stands below [" in sentence
        assert "; move it above the first table" in sentence


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("max-cost", "did you mean 'max_cost'?"),
        ("Output", "did you mean 'output'?"),
        ("format", "did you mean 'formats' or [settings] format?"),
        ("lexicon", "did you mean 'lexicons'?"),
        ("set", "did you mean [settings]?"),
        ("read", "did you mean [reading] or [[places]] read?"),
        ("chapter", "did you mean 'chapters' or [pauses] chapter?"),
        ("author", "did you mean [metadata] authors?"),
        ("heading", "did you mean [pauses] heading or [reading] heading?"),
        ("yes", "is a flag of the command line, and no setting"),
        ("log-json", "is a flag of the command line, and no setting"),
        ("books", "[[books]] belongs to a shelf; use `narrate library f`"),
        ("at_once", "'at_once' belongs to a shelf"),
        ("words", "'words' belongs to a lexicon"),
        ("webhook", "did you mean [[hooks]] webhook?"),
        ("quux", "known are source, output"),
    ],
)
def test_what_is_most_likely_meant(name: str, says: str) -> None:
    (sentence,) = told({name: "x"})
    assert says in sentence


def test_a_key_in_the_wrong_table_is_sent_to_the_right_one() -> None:
    assert told({"pauses": {"speed": 1}}) == ["f: 'speed' stands below [pauses]; did you mean [settings] speed?"]
    assert told({"pauses": {"chapters": 1}}) == [
        "f: 'chapters' stands below [pauses]; move it above the first table, or did you mean 'chapter'?"
    ]
    assert told({"settings": {"notes": "x"}}) == ["f: 'notes' stands below [settings]; did you mean [reading] notes?"]


def test_what_engines_take_is_known() -> None:
    taken = {name for engine in ENGINES for name in import_module(f"narrate.engines.{engine}")._SETTINGS}
    assert taken == set(ENGINE_SETTINGS)


@pytest.mark.parametrize(
    "text",
    [
        'api_key = "hunter22"',
        'key = "hunter22"',
        'token = "hunter22"',
        'LMNT_API_KEY = "hunter22"',
        '[settings]\napi-key = "hunter22"',
        '[settings]\npassword = "hunter22"',
        '[[books]]\nsource = "x"\nsecret = "hunter22"',
        '[metadata]\nclient_secret = "hunter22"',
        'voice = "sk-hunter22hunter22"',
        'key_variable = "sk-proj-hunter22hunter22"',
        'formats = ["whsec_hunter22hunter22"]',
        '[settings]\ninstructions = "Bearer hunter22hunter22"',
        '[[hooks]]\nwebhook = "https://x.example"\nsecret = "hunter22"',
        '[[hooks]]\nwebhook = "https://x.example"\nsecret_variable = "whsec_hunter22"',
        'api_key = { a = "hunter22" }',
        'voice = [[{ password = "hunter22" }]]',
        'voice = [{ token = "hunter22" }, 1]',
        '"sk-hunter22hunter22" = 1',
        "[pauses]\nsk-hunter22hunter22 = 1",
        '[[hooks]]\nwebhook = "https://x.example"\nsk-hunter22hunter22 = 1',
    ],
)
def test_no_key_stands_in_a_file_and_none_is_repeated(tmp_path: Path, text: str) -> None:
    path = tmp_path / "job.toml"
    path.write_text(f'engine = "tone"\n{text}\n')
    found = survey(path, apart=("books",))
    assert found.mistakes
    for error in found.mistakes:
        assert "hunter22" not in str(error)
    assert any("never stand" in str(error) or "must not stand" in str(error) for error in found.mistakes)
    assert found.layers == [Layer(str(path), {"engine": "tone"})] or text.startswith("[")


def test_what_only_sounds_like_a_key_is_left_alone() -> None:
    table = {
        "key_variable": "LMNT_API_KEY",
        "metadata": {"title": "The Secret Garden", "description": "A skeleton key, a token of love. ask-me-anything"},
        "hooks": [{"email": "a@b.example", "password_variable": "SMTP_PASSWORD"}],
    }
    mistakes: list[JobError] = []
    assert without_keys("f", table, mistakes) == table
    assert not mistakes
