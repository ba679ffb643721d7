"""Layers of settings: the house's, the job's, those next to a book; what wins, and what is refused."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from narrate.bounds import BOUNDS
from narrate.errors import JobError
from narrate.job import Job
from narrate.jobs.files import (
    MOST_FILES,
    Layer,
    beside,
    joined,
    layer,
    merged,
    origins,
    read_job,
    read_layers,
    survey,
    with_overrides,
)
from narrate.jobs.table import SETTINGS
from narrate.script import Pauses
from tests.jobs.strategies import JOBS


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


HOUSE = """
output = "out"
engine = "lmnt"
lexicons = "house.pls"
max_cost = 3
[settings]
speed = 1.1
temperature = 0.3
[pauses]
verse = 400
chapter = 3000
[metadata]
publisher = "House"
[reading]
notes = "chapter"
[[hooks]]
command = "./tell.sh it"
"""
JOB = """
extends = "style/house.toml"
source = "a.epub"
engine = "tone"
lexicons = ["own.pls"]
[settings]
speed = 1.2
[pauses]
chapter = 2000
[metadata]
title = "T"
[reading]
notes = "skip"
[[hooks]]
webhook = "https://x.example/"
"""


def test_a_job_over_its_house(folder: Path) -> None:
    write(folder / "style/house.toml", HOUSE)
    found = read_job(write(folder / "job.toml", JOB))
    assert found.output == folder / "style" / "out"
    assert (found.engine, found.max_cost) == ("tone", 3)
    assert found.lexicons == (folder / "style/house.pls", folder / "own.pls")
    assert found.settings == (("speed", "1.2"), ("temperature", "0.3"))
    assert found.pauses == Pauses(verse=400, chapter=2000)
    assert dict(found.metadata) == {"publisher": "House", "title": "T"}
    assert found.reading_policy.actions["notes"] == "skip"
    assert [hook.kind for hook in found.hooks] == ["command", "webhook"]
    assert found.hooks[0].command == (str(folder / "style/tell.sh"), "it")


def test_a_command_beside_a_job_is_found_from_its_own_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(folder / "job.toml", 'source = "a.epub"\n[[hooks]]\ncommand = "./tell.sh it"')
    monkeypatch.chdir(folder)
    (hook,) = read_job(Path("job.toml")).hooks
    assert hook.command == (str(folder / "tell.sh"), "it"), "a name without a folder would be sought in PATH"


def test_where_each_setting_comes_from(folder: Path) -> None:
    house, path = write(folder / "style/house.toml", HOUSE), write(folder / "job.toml", JOB)
    found = origins(read_layers(path)[0])
    assert found["engine"] == found["settings.speed"] == found["reading.notes"] == str(path)
    assert found["output"] == found["settings.temperature"] == found["pauses.verse"] == str(house)
    assert found["lexicons"] == found["hooks"] == f"{house}, {path}"
    assert "store" not in found


def test_a_chain_of_houses_and_several_of_them(folder: Path) -> None:
    write(folder / "base.toml", 'voice = "base"\nmodel = "base"\nlanguage = "de"\nlexicons = "base.pls"')
    write(folder / "one.toml", 'extends = "base.toml"\nvoice = "one"\nmodel = "one"')
    write(folder / "two.toml", 'extends = "base.toml"\nvoice = "two"')
    found = read_job(write(folder / "job.toml", 'extends = ["one.toml", "two.toml"]\nsource = "a"'))
    assert (found.voice, found.model, found.language) == ("two", "one", "de")
    assert found.lexicons == (folder / "base.pls",), "a file that is reached twice counts once"


def test_a_circle_is_refused(folder: Path) -> None:
    write(folder / "a.toml", 'extends = "b.toml"')
    write(folder / "b.toml", 'extends = "a.toml"\nsource = "x"')
    with pytest.raises(JobError, match=r"a\.toml: 'extends' leads in a circle, back to .*b\.toml"):
        read_layers(folder / "b.toml")
    with pytest.raises(JobError, match="leads in a circle"):
        read_layers(write(folder / "self.toml", 'extends = "self.toml"'))


def test_an_endless_chain_is_refused(folder: Path) -> None:
    for number in range(MOST_FILES + 5):
        write(folder / f"{number}.toml", f'extends = "{number + 1}.toml"')
    with pytest.raises(JobError, match="leads to more than 32 files"):
        read_layers(folder / "0.toml")


def test_a_house_that_is_not_there_is_named_with_who_names_it(folder: Path) -> None:
    path = write(folder / "job.toml", 'extends = "none.toml"\nsource = "x"')
    with pytest.raises(JobError) as caught:
        read_job(path)
    assert str(caught.value) == f"{folder / 'none.toml'}: there is no such file; 'extends' in {path} names it"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("extends = 3", "'extends' must be a list of texts"),
        ('extends = ""', "'extends' is empty"),
        ('extends = "."', "is no file, so it is no file"),
    ],
)
def test_what_can_not_be_extended(folder: Path, text: str, says: str) -> None:
    with pytest.raises(JobError, match=says):
        read_job(write(folder / "job.toml", f'source = "a"\n{text}'))


def test_keys_that_are_kept_apart_are_handed_back_unread(folder: Path) -> None:
    write(folder / "house.toml", 'until = "05:00"\nengine = "tone"\n[[books]]\nsource = "no"')
    path = write(folder / "shelf.toml", 'extends = "house.toml"\nat_once = 3\n[[books]]\nsorce = 1')
    layers, apart = read_layers(path, "shelf file", apart=("books", "at_once", "until"))
    assert apart == {"books": [{"sorce": 1}], "at_once": 3}
    assert merged(layers) == {"engine": "tone"}
    with pytest.raises(JobError, match="there is no such shelf file"):
        read_layers(folder / "none.toml", "shelf file")


def test_one_table_is_a_layer(folder: Path) -> None:
    found = layer("here", {"source": "b", "pauses": {"verse": 1}, "lexicons": []}, folder, {})
    assert found == Layer("here", {"source": folder / "b", "pauses": (("verse", 1),), "lexicons": ()})
    for table, says in (
        ({"sorce": "b"}, "here: unknown setting 'sorce'"),
        ({"extends": "b"}, "here: 'extends' must stand at the top of a file"),
        ({"voice": "sk-abcdefghijklmnopqrstu"}, "looks like a key"),
    ):
        with pytest.raises(JobError, match=says):
            layer("here", table, folder, {})


def test_variables_in_paths(folder: Path) -> None:
    env = {"BOOKS": "/books", "NAME": "x", "EMPTY": ""}
    path = write(
        folder / "job.toml",
        'source = "${BOOKS}/${NAME}.epub"\noutput = "${EMPTY:-out}"\nstore = "${NONE:-/s}"\n'
        'lexicons = ["${NAME}.pls"]\nvoice = "${NAME}"\nextends = "${NAME}.toml"',
    )
    write(folder / "x.toml", "jobs = 3")
    found = read_job(path, env)
    assert (found.source, found.output, found.store) == (Path("/books/x.epub"), folder / "out", Path("/s"))
    assert found.lexicons == (folder / "x.pls",)
    assert (found.voice, found.jobs) == ("${NAME}", 3), "only paths hold variables"
    with pytest.raises(JobError) as caught:
        read_job(path, {"NAME": "x"})
    assert str(caught.value) == (
        f"{path}: 'source' names the variable BOOKS, which is not set; set it, or write ${{BOOKS:-default}}"
    )


def test_the_file_next_to_a_book(folder: Path) -> None:
    book = write(folder / "a.epub", "")
    assert beside(book) is None
    own = write(folder / "a.narrate.toml", 'policy = "bare"\nlexicons = "x.pls"\n[metadata]\ntitle = "T"')
    job = Job(book, metadata=(("title", "old"), ("date", "1900")), lexicons=(Path("/y.pls"),), language="en")
    found = with_overrides(job)
    assert dict(found.metadata) == {"title": "T", "date": "1900"}
    assert found.lexicons == (Path("/y.pls"), folder / "x.pls")
    assert (found.policy, found.language) == ("bare", "en")
    layered = beside(book)
    assert layered is not None
    assert layered.origin == str(own)
    assert with_overrides(Job(folder)) == Job(folder), "a folder's own is beside it, and not in it"
    write(folder.parent / f"{folder.name}.narrate.toml", 'language = "de"')
    assert with_overrides(Job(folder)).language == "de"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('engine = "tone"', "'engine' belongs in a job file; next to a book stand language, lexicons, metadata"),
        ('extends = "x"', "'extends' belongs in a job file"),
        ('polcy = "bare"', "unknown setting 'polcy'; did you mean 'policy'?"),
        ('lexicons = "${HOME}/x"', "names the variable HOME, which is not set"),
        ('language = "x y"', "is no language tag"),
    ],
)
def test_a_file_next_to_a_book_settles_the_book_alone(folder: Path, text: str, says: str) -> None:
    book = write(folder / "a.epub", "")
    own = write(folder / "a.narrate.toml", text)
    with pytest.raises(JobError, match=says) as caught:
        with_overrides(Job(book))
    assert str(own) in str(caught.value)


def test_every_mistake_is_told_at_once(folder: Path) -> None:
    write(folder / "house.toml", 'engin = "x"\n[pauses]\nverse = -1\nchapter = "a"')
    path = write(
        folder / "job.toml",
        'extends = "house.toml"\njobs = "a"\noutput = "o"\n[reading]\nnotes = "x"\nnote = "skip"\n'
        '[metadata]\ntitel = "a"',
    )
    found = survey(path)
    assert [str(error).partition(": ")[2] for error in found.mistakes] == [
        "unknown setting 'engin'; did you mean 'engine'?",
        "'pauses.verse' must be between 0 and 60000 milliseconds, not -1",
        "'pauses.chapter' must be a whole number, not 'a'",
        "'jobs' must be a whole number, not 'a'",
        "'notes' is read in one of the ways 'skip', 'paragraph', 'chapter', 'place', not 'x'",
        "unknown kind of text 'note'; did you mean 'notes'?",
        "unknown metadata 'titel'; did you mean 'title'?",
    ]
    assert merged(found.layers)["output"] == folder / "o", "what is right is read"


@pytest.mark.parametrize("kind", ["folder", "pipe"])
def test_what_is_no_file_keeps_nobody_waiting(folder: Path, kind: str) -> None:
    path = folder / "job.toml"
    path.mkdir() if kind == "folder" else os.mkfifo(path)
    with pytest.raises(JobError, match="is no file, so it is no job file"):
        read_job(path)


def as_layer(job: Job, names: list[str], origin: str) -> Layer:
    """Some of a job's settings, as a layer holds them."""
    values: dict[str, Any] = {name: getattr(job, name) for name in names}
    for name, usual in (("pauses", Pauses()), ("bounds", BOUNDS)):
        if name in values:
            keys = type(values[name]).__dataclass_fields__
            pairs = ((key, getattr(values[name], key)) for key in keys)
            values[name] = tuple((key, item) for key, item in pairs if item != getattr(usual, key))
    return Layer(origin, values)


LAYERS = st.builds(
    as_layer, JOBS, st.lists(st.sampled_from(sorted(SETTINGS)), unique=True), st.sampled_from(["one", "two", "three"])
)


@given(LAYERS, LAYERS, LAYERS)
@settings(max_examples=40)
def test_joining_is_associative(one: Layer, two: Layer, three: Layer) -> None:
    left = joined((Layer("", joined((one, two))), three))
    assert left == joined((one, Layer("", joined((two, three))))) == joined((one, two, three))
    assert merged((one, two, three)) == merged((Layer("", left),))


@given(LAYERS, LAYERS)
@settings(max_examples=40)
def test_the_later_wins_and_nothing_else_changes(one: Layer, two: Layer) -> None:
    found, came = joined((one, two)), origins((one, two))
    assert found.keys() == one.values.keys() | two.values.keys()
    for name, value in found.items():
        earlier, later = one.values.get(name, ()), two.values.get(name, ())
        if SETTINGS[name].joins == "add":
            assert value == (*earlier, *later)
        elif SETTINGS[name].joins == "by key":
            assert dict(value) == {**dict(earlier), **dict(later)}
            for key in dict(value):
                assert came[f"{name}.{key}"] == (two if key in dict(later) else one).origin
        else:
            winner = two if name in two.values else one
            assert value == winner.values[name]
            assert came[name] == winner.origin


@given(LAYERS)
@settings(max_examples=40)
def test_nothing_joined_to_a_layer_is_that_layer(one: Layer) -> None:
    nothing = Layer("", {})
    assert joined((one, nothing)) == joined((nothing, one)) == dict(one.values)
