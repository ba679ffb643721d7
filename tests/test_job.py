"""Job files: every mistake is named with its file, its setting and the likely meaning."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from narrate.book import Metadata
from narrate.bounds import BOUNDS, Bounds, Deadlines
from narrate.errors import JobError
from narrate.job import Job, check, chosen_chapters, one_slip, problems, with_metadata
from narrate.jobs.files import merged, read_job, read_layers
from narrate.jobs.table import SETTINGS
from narrate.policy import KINDS
from narrate.script import Pauses

CONFIGS = Path(__file__).parent.parent / "configs"


def job(tmp_path: Path, text: str) -> Job:
    path = tmp_path / "job.toml"
    path.write_text(text)
    return read_job(path)


def test_the_smallest_job(tmp_path: Path) -> None:
    assert job(tmp_path, 'source = "a.epub"') == Job(tmp_path / "a.epub")


def test_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    found = job(tmp_path, 'source = "books/a.epub"\noutput = "out"\nstore = "/var/store"')
    assert found.source == tmp_path / "books/a.epub"
    assert found.output == tmp_path / "out"
    assert found.store == Path("/var/store")


def test_a_long_timeout_is_not_cut_short_by_the_deadline_for_the_whole() -> None:
    assert Job(Path(), timeout=600.0).waits == Deadlines(first_byte=600.0, between_bytes=600.0, total=3000.0)
    assert Job(Path(), timeout=5.0).waits.total == Deadlines().total
    assert Job(Path(), timeout=600.0, deadlines=(("total", 700.0),)).waits.total == 700.0


HOUSE = CONFIGS / "house.toml"
JOBS = sorted(set(CONFIGS.glob("*.toml")) - {CONFIGS / "lexicon.toml", CONFIGS / "shelf.toml", HOUSE})


@pytest.mark.parametrize("path", JOBS, ids=lambda path: path.name)
def test_every_config_loads(path: Path) -> None:
    assert read_job(path).source.exists()


def test_the_house_style_is_a_job_but_for_its_source() -> None:
    layers, _ = read_layers(HOUSE)
    check(Job(Path("a.epub"), **merged(layers)), "house.toml")
    assert "source" not in merged(layers)
    assert any("house.toml" in path.read_text() for path in JOBS), "nobody extends it"


def test_the_default_config_states_the_defaults() -> None:
    found = read_job(CONFIGS / "default.toml")
    assert found.pauses == Pauses()
    for name in SETTINGS.keys() - {"source", "output"}:
        assert getattr(found, name) == getattr(Job(Path()), name), name


def test_the_default_config_names_every_setting() -> None:
    text = (CONFIGS / "default.toml").read_text()
    for name in {item.name for item in fields(Job)} | {item.name for item in fields(Pauses)}:
        assert f"{name} = " in text or f"[{name}]" in text, name
    assert set(SETTINGS) == {item.name for item in fields(Job)}
    assert "extends = " in text


def test_the_default_config_names_every_kind_of_text_and_every_bound() -> None:
    text = (CONFIGS / "default.toml").read_text().replace("# ", "")
    for name, kind in KINDS.items():
        key = name.replace("'", "").replace(" ", "_")
        line = next((line for line in text.splitlines() if line.startswith(f'{key} = "{kind.actions[0]}"')), "")
        assert kind.meaning in line, name
        assert ", ".join(kind.actions[1:]) in line, name
    for item in fields(Bounds):
        assert f"{item.name} = {getattr(BOUNDS, item.name)}" in text


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('source = "a"\n[reading]\nnote = "chapter"', "unknown kind of text 'note'; did you mean 'notes'?"),
        ('source = "a"\n[reading]\nnotes = "loud"', "'notes' is read in one of the ways 'skip', 'paragraph'"),
        ('source = "a"\nreading = 3', "must be a table of kinds of text"),
        ('source = "a"\n[[places]]\nread = "skip"', "a place needs 'where'"),
        ('source = "a"\n[[places]]\nwhere = "x"\nread = "loud"', "a place is read 'speak' or 'skip', not 'loud'"),
        ('source = "a"\n[[places]]\nwher = "x"', "unknown setting of a place 'wher'; did you mean 'where'?"),
        ('source = "a"\npolicy = "listner"', "unknown reading policy 'listner'; did you mean 'listener'?"),
        ('source = "a"\n[bounds]\nmember = 0', "'bounds.member' must be at least 1"),
        ('source = "a"\n[bounds]\nmembres = 9', "unknown bound 'membres'; did you mean 'members'?"),
        ('source = "a"\ncores = -1', "'cores' must be between 0 and 1024"),
        ('source = "a"\nserial = 1', "'serial' must be true or false"),
        ('source = "a"\nkey_variable = "lmnt key"', "'key_variable' is no name of a variable"),
        ('source = "a"\nfeed_url = "ftp://a.example"', "'feed_url' must be an http(s) address"),
        ('source = "a"\nfeed_url = "https://me:hunter2@a.example"', "without a password"),
        ('source = "a"\nfeed_url = "https://a.example/x\\ty"', "'feed_url' must be an http(s) address"),
        ('source = "a"\nfeed_url = "https://ä..example/"', "'feed_url' must be an http(s) address"),
        ('source = "a"\n[metadata]\ndate = 1759-01-15', "must be a text in quotes, not 1759-01-15"),
        ('source = "https://me:hunter2@a.example/b.epub"', "'source' is an address, and narrate reads files"),
        ('extends = "https://me:hunter2@a.example/b.toml"', "'extends' is an address, and narrate reads files"),
        ('source = "a"\nsegments = "mp3"', "the embedded voice, where no 'engine' is named, gives none"),
        ('source = "a"\nsegments = "mp3"\nengine = "tone"', "'engine' = \"tone\" gives none; take lmnt or openai"),
        (
            'source = "a"\nsegments = "mp3"\nengine = "lmnt"\n[settings]\nformat = "wav"',
            "[settings] format = 'wav' asks for another",
        ),
        ('source = "a"\nformats = ["feed"]', "'formats' names \"feed\", which needs 'feed_url'"),
        ('source = "a"\nformats = ["m4b"]\nbitrate = 320', "can hold of one voice; the most is 256"),
        ('source = ""', "'source' is empty; name a path"),
        ('source = "a\\u0000b"', "holds a sign that no path can"),
        ('source = "~nobody-by-this-name/a"', "there is no such user"),
        ('sorce = "a.epub"', "unknown setting 'sorce'; did you mean 'source'?"),
        ('engine = "kokoro"', "'source' is missing"),
        ('source = "a"\nengine = "kokorro"', "unknown engine 'kokorro'; did you mean 'kokoro'?"),
        ('source = "a"\nformats = ["mp4"]', "unknown format 'mp4'"),
        ('source = "a"\nformats = []', "'formats' is empty"),
        ('source = "a"\njobs = "many"', "'jobs' must be a whole number"),
        ('source = "a"\njobs = true', "'jobs' must be a whole number"),
        ('source = "a"\nloudness = 3', "'loudness' must be between -40 and -5"),
        (f'source = "a"\nmax_cost = {"9" * 400}', "'max_cost' must be between 0 and 1e+09, not inf"),
        (f'source = "a"\nmax_requests = {"9" * 400}', "'max_requests' must be between 0 and 1e+12, not 999999999999…"),
        (f'source = "a"\n[deadlines]\ntotal = -{"9" * 400}', "'deadlines.total' must be between 0.05 and 86400"),
        (f'source = "a"\nprice = {"9" * 5_000}', "is not valid TOML"),
        ('source = "a"\n[pauses]\nparagaph = 5', "unknown pause 'paragaph'; did you mean 'paragraph'?"),
        ('source = "a"\n[pauses]\nparagraph = -5', "'pauses.paragraph' must be between 0 and 60000"),
        ('source = "a"\npauses = 3', "'pauses' must be a table"),
        ('source = "a"\n[metadata]\nauthor = "x"', "unknown metadata 'author'; did you mean 'authors'?"),
        ('source = "a"\n[settings]\nspeed = [1]', "'settings' must be a table"),
        ('source = "a"\nsegments = "wav"', "unknown kind of segments 'wav'"),
        ('source = "a"\nchapters = "3-1"', "not a range of chapters"),
        ("source = ", "is not valid TOML"),
        ("source = 4", "'source' must be a text in quotes"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(JobError, match=r"job\.toml") as caught:
        job(tmp_path, text)
    assert says in str(caught.value)


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(JobError, match="no such job file"):
        read_job(tmp_path / "none.toml")


@pytest.mark.parametrize(
    ("text", "numbers"), [("", None), ("3", {3}), ("1-3,7", {1, 2, 3, 7}), (" 2 - 3 , 5 ", {2, 3, 5})]
)
def test_chapters(text: str, numbers: set[int] | None) -> None:
    assert chosen_chapters(text) == numbers


@pytest.mark.parametrize("text", ["a", "1-", "-3", "0", "3-1", "1,,2", "1-999999999", "9" * 5_000, "1-" + "9" * 5_000])
def test_bad_chapters(text: str) -> None:
    with pytest.raises(JobError):
        chosen_chapters(text)


def test_metadata_of_the_job_wins() -> None:
    meta = with_metadata(Metadata("Old", ("A",)), [("title", "New"), ("authors", ("B", "C"))])
    assert (meta.title, meta.authors) == ("New", ("B", "C"))


def test_settings_are_texts_numbers_and_truths(tmp_path: Path) -> None:
    found = job(tmp_path, 'source = "a"\n[settings]\ntimestamps = true\nspeed = 1.5\nmodel = "x"')
    assert dict(found.settings) == {"timestamps": "true", "speed": "1.5", "model": "x"}


def test_loudness_off(tmp_path: Path) -> None:
    assert job(tmp_path, 'source = "a"\nloudness = "off"').loudness is None


def test_flags_are_checked_like_files() -> None:
    with pytest.raises(JobError, match="the command line"):
        check(Job(Path("a"), attempts=0), "the command line")


def test_all_that_is_wrong_is_told() -> None:
    told = [str(error) for error in problems(Job(Path("a"), engine="x", formats=(), jobs=-1, feed_url="y"), "z")]
    assert len(told) == 4
    assert all(sentence.startswith("z: ") for sentence in told)


@pytest.mark.parametrize("value", ["sk-abcdefghijklmnop", "lower", "1A", "A B", "A=b"])
def test_what_may_be_a_key_is_not_repeated(value: str) -> None:
    told = [str(error) for error in problems(Job(Path("a"), key_variable=value), "here")]
    assert len(told) == 1
    assert value not in told[0]


@pytest.mark.parametrize(
    "job",
    [
        Job(Path("a"), engine="lmnt", segments="mp3"),
        Job(Path("a"), engine="openai", segments="mp3", settings=(("format", "mp3"),)),
        Job(Path("a"), engine="tone", max_cost=3, price=1),
        Job(Path("a"), formats=("m4b", "mp3"), bitrate=320),
        Job(Path("a"), formats=("feed", "mp3"), feed_url="http://localhost:8000/books/a"),
        Job(Path("a"), key_variable="_KEY2", cores=3, serial=True),
    ],
)
def test_what_goes_together_is_left_alone(job: Job) -> None:
    assert check(job, "here") == job


@pytest.mark.parametrize(
    ("name", "other", "is_one"),
    [
        ("abc", "abc", False),
        ("ab", "abc", True),
        ("bc", "abc", True),
        ("abcd", "abc", True),
        ("axc", "abc", True),
        ("acb", "abc", True),
        ("bac", "abc", True),
        ("cba", "abc", False),
        ("a", "abc", False),
        ("", "a", True),
        ("xxc", "abc", False),
    ],
)
def test_one_slip(name: str, other: str, is_one: bool) -> None:
    assert one_slip(name, other) is is_one
    assert one_slip(other, name) is is_one
