"""The schema that editors check job files with says what the readers say."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings

from narrate.errors import JobError
from narrate.job import Job
from narrate.jobs.draft import dump
from narrate.jobs.files import layer
from narrate.jobs.schema import schema, schema_text
from narrate.jobs.table import HOMES, SETTINGS
from tests.jobs.strategies import JOBS

CONFIGS = Path(__file__).parent.parent.parent / "configs"
SCHEMA = schema()
CHECKERS: list[Any] = [jsonschema.Draft7Validator(SCHEMA), jsonschema.Draft4Validator(SCHEMA)]
"""Taplo promises draft 4, other editors read draft 7."""


def accepts(table: dict[str, Any]) -> bool:
    verdicts = {checker.is_valid(table) for checker in CHECKERS}
    assert len(verdicts) == 1, "the drafts disagree"
    return verdicts.pop()


def test_the_schema_is_one() -> None:
    jsonschema.Draft7Validator.check_schema(SCHEMA)
    jsonschema.Draft4Validator.check_schema(SCHEMA)


def test_the_file_is_the_schema() -> None:
    text = (CONFIGS / "narrate.schema.json").read_text(encoding="utf-8")
    assert text == schema_text(), "write it anew: narrate job schema > configs/narrate.schema.json"


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.toml")), ids=lambda path: path.name)
def test_every_config_that_names_the_schema_keeps_to_it(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    named = text.startswith("#:schema ./narrate.schema.json\n")
    assert named or path.name in ("lexicon.toml", "shelf.toml")
    assert accepts(tomllib.loads(text)) or not named


@given(JOBS)
@settings(max_examples=50)
def test_every_job_keeps_to_it(job: Job) -> None:
    table = tomllib.loads(dump(job))
    # engines name their settings; here they have any name
    table.pop("settings", None)
    assert accepts(table), [error.message for error in CHECKERS[0].iter_errors(table)]


@pytest.mark.parametrize("name", SETTINGS)
def test_misspelt_settings_are_refused(name: str) -> None:
    assert not accepts({f"{name}x": "x"})
    assert name in SCHEMA["properties"]
    assert SCHEMA["properties"][name]["description"]


@pytest.mark.parametrize("table", [name for name in HOMES if name not in ("places", "hooks")])
def test_misspelt_keys_of_tables_are_refused(table: str) -> None:
    assert accepts({table: {}})
    assert not accepts({table: {"quux": "speak"}})


@pytest.mark.parametrize(
    "table",
    [
        {"jobs": "many"},
        {"jobs": -1},
        {"jobs": 1.5},
        {"engine": "kokorro"},
        {"formats": []},
        {"formats": ["mp4"]},
        {"loudness": 3},
        {"loudness": "on"},
        {"bitrate": 97},
        {"segments": "wav"},
        {"currency": "usd"},
        {"language": "x y"},
        {"key_variable": "lower"},
        {"serial": "yes"},
        {"policy": "listner"},
        {"pauses": {"verse": -1}},
        {"deadlines": {"total": 0}},
        {"bounds": {"member": 0}},
        {"reading": {"notes": "loud"}},
        {"places": [{"read": "skip"}]},
        {"places": [{"where": "x", "read": "loud"}]},
        {"metadata": {"authors": 3}},
        {"hooks": [{"webhook": "x", "colour": "red"}]},
        {"source": ""},
        {"lexicons": 3},
        {"max_cost": -1},
    ],
    ids=str,
)
def test_what_the_readers_refuse_the_schema_refuses(table: dict[str, Any]) -> None:
    assert not accepts(table)
    from narrate.job import check
    from narrate.jobs.files import merged

    with pytest.raises(JobError):
        check(Job(**{"source": Path(), **merged([layer("f", table, Path(), {})])}), "f")


@pytest.mark.parametrize(
    "table",
    [
        {"formats": "m4b"},
        {"loudness": "off"},
        {"extends": ["a.toml", "b.toml"]},
        {"lexicons": "a.pls"},
        {"reading": {"about_the_author": "skip", "transcriber's note": "speak"}},
        {"settings": {"speed": 1.1, "timestamps": True}},
        {"metadata": {"authors": "A", "subjects": ["a", "b"]}},
        {"hooks": [{"email": ["a@b.example"], "on": "failed"}]},
    ],
    ids=str,
)
def test_the_short_forms_are_known(table: dict[str, Any]) -> None:
    assert accepts(table)


def test_a_shelf_may_add_settings_of_its_own() -> None:
    more = schema({"books": {"type": "array"}})
    assert jsonschema.Draft7Validator(more).is_valid({"books": []})
    assert "books" not in SCHEMA["properties"]
    assert json.loads(schema_text({"books": {"type": "array"}})) == more
