"""`narrate job`, and how `run` and `plan` take job files, folders and patterns."""

from __future__ import annotations

import json
import os
import sys
import tomllib
from pathlib import Path
from typing import Any

import click
import jsonschema
import pytest
from click.testing import CliRunner, Result

from narrate.commands.job import job
from narrate.commands.options import job_from, jobs_from, one_job_from, production_options
from narrate.commands.plan import plan
from narrate.commands.run import run
from narrate.errors import JobError, NarrateError, SourceError
from narrate.job import Job
from narrate.jobs.table import SETTINGS

NARRATE = click.Group("narrate", {"job": job, "run": run, "plan": plan})
BOOK = "# One\n\nA first paragraph.\n\n# Two\n\nThe end.\n"
SAMPLE = Path(__file__).parent.parent.parent / "samples" / "candide-two-chapters.epub"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("book.md").write_text(BOOK, encoding="utf-8")
    return tmp_path


def narrate(*arguments: str) -> Result:
    return CliRunner().invoke(NARRATE, arguments)


def toml(text: str, name: str = "job.toml") -> str:
    Path(name).write_text(text, encoding="utf-8")
    return name


def flags(*arguments: str) -> dict[str, Any]:
    """What click makes of flags."""
    given: dict[str, Any] = {}

    @click.command()
    @production_options
    def command(**found: Any) -> None:
        given.update(found)

    done = CliRunner().invoke(command, arguments, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return given


# --- check


def test_what_is_in_order_is_one_line(folder: Path) -> None:
    done = narrate("job", "check", toml('source = "book.md"\nengine = "tone"\nformats = ["m4b"]'))
    assert (done.exit_code, done.stdout, done.stderr) == (0, "job.toml: 1 book; tone; m4b\n", "")


def test_every_mistake_is_a_line(folder: Path) -> None:
    text = (
        'sorce = "book.md"\njobs = "x"\nlanguage = "x y"\nlexicons = "none.pls"\n[metadata]\ntitel = "x"\noutput = "o"'
    )
    done = narrate("job", "check", toml(text), toml('source = "book.md"', "good.toml"))
    assert done.exit_code == 3
    assert done.stdout == "good.toml: 1 book; an embedded voice; mp3\n"
    assert done.stderr.splitlines() == [
        "narrate: job.toml: unknown setting 'sorce'; did you mean 'source'?",
        "narrate: job.toml: 'jobs' must be a whole number, not 'x'",
        "narrate: job.toml: unknown metadata 'titel'; did you mean 'title'?",
        "narrate: job.toml: 'output' stands below [metadata]; move it above the first table",
        "narrate: job.toml: language 'x y' is no language tag; write for example en or pt-BR",
        "narrate: none.pls: there is no such lexicon",
    ]


@pytest.mark.parametrize(
    ("text", "code", "says"),
    [
        ('source = "none.epub"', 4, "none.epub: there is no such file"),
        ('source = "*.epub"', 4, "finds nothing"),
        ('source = "none.epub"\njobs = -1', 3, "'jobs' must be between"),
        ('engine = "tone"', 3, "'source' is missing; name what is to be read (or check it with --house"),
        ('source = "book.md"\nengine = "tone"\nvoice = "loud"', 3, "job.toml: tone: unknown voice 'loud'"),
        ('source = "book.md"\nvoice = "af_hart"', 3, "did you mean 'af_heart'?"),
        ('source = "book.md"\nengine = "lmnt"\n[settings]\ntempo = 3', 3, "lmnt: unknown setting 'tempo'"),
        ('source = "book.md"\nengine = "espeak"\nmodel = "x"', 3, "espeak: unknown setting 'model'"),
        ("source = ", 3, "job.toml:1: is not valid TOML"),
        ('source = "book.md"\n[[books]]\nsource = "x"', 3, "belongs to a shelf; use `narrate library job.toml`"),
        ('source = "[ab].md"\n[metadata]\ntitle = "T"', 3, "title would be that of all 2 books"),
        ('source = "[ab].md"\nformats = ["feed"]\nfeed_url = "https://x.example"', 3, "would be that of all 2 books"),
    ],
)
def test_what_is_wrong_has_its_exit_code(folder: Path, text: str, code: int, says: str) -> None:
    Path("a.md").write_text(BOOK)
    Path("b.md").write_text(BOOK)
    done = narrate("job", "check", toml(text))
    assert says in done.stderr
    assert (done.exit_code, done.stdout) == (code, "")


def test_voices_are_found_without_keys_or_books(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LMNT_API_KEY", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    for settings in ('engine = "lmnt"\nvoice = "leah"', 'engine = "openai"', 'voice = "de"', 'voice = "bf_emma"'):
        assert narrate("job", "check", toml(f'source = "book.md"\n{settings}')).exit_code == 0, settings


def test_a_file_next_to_a_book_is_checked_too(folder: Path) -> None:
    toml('polcy = "bare"', "book.narrate.toml")
    done = narrate("job", "check", toml('source = "book.md"'))
    assert done.exit_code == 3
    assert "book.narrate.toml: unknown setting 'polcy'; did you mean 'policy'?" in done.stderr
    toml('lexicons = "none.pls"', "book.narrate.toml")
    assert "none.pls: there is no such lexicon" in narrate("job", "check", "job.toml").stderr


def test_a_house_style_is_checked_by_itself(folder: Path) -> None:
    assert narrate("job", "check", toml('engine = "tone"'), "--house").stdout == "job.toml: a house style; tone; mp3\n"


# --- new


def test_a_new_job_is_checked_and_makes_the_same_audiobook(folder: Path) -> None:
    Path("books").mkdir()
    book = Path("books/candide.epub")
    book.write_bytes(SAMPLE.read_bytes())
    done = narrate("job", "new", str(book), "-o", "candide.toml")
    assert (done.exit_code, done.stdout) == (0, "candide.toml: now `narrate run candide.toml`\n")
    assert tomllib.loads(Path("candide.toml").read_text())["source"] == "books/candide.epub"
    assert narrate("job", "check", "candide.toml").exit_code == 0
    rest = ("--engine", "tone", "--store", "store", "--quiet")
    assert narrate("run", "candide.toml", "-o", "one", *rest).exit_code == 0
    assert narrate("run", str(book), "-o", "two", *rest).exit_code == 0
    one, two = (
        {
            path.relative_to(name): path.read_bytes()
            for path in Path(name).rglob("*")
            if path.suffix in (".mp3", ".json")
        }
        for name in ("one", "two")
    )
    assert one == two != {}


def test_a_new_job_goes_to_standard_output_with_a_path_that_holds_everywhere(folder: Path) -> None:
    done = narrate("job", "new", "book.md")
    assert done.exit_code == 0
    toml(done.stdout)
    assert jobs_from("job.toml", {}) == (Job(folder / "book.md"),)


def test_a_new_job_never_takes_the_place_of_a_file(folder: Path) -> None:
    for name, says in (("old.toml", "is there already"), ("link.toml", "is there already"), ("x.txt", "ends in .toml")):
        if name == "link.toml":
            Path(name).symlink_to("nowhere")
        elif name == "old.toml":
            toml("# mine", name)
        done = narrate("job", "new", "book.md", "-o", name)
        assert isinstance(done.exception, JobError)
        assert says in str(done.exception)
    assert Path("old.toml").read_text() == "# mine"
    assert not Path("nowhere").exists()
    assert isinstance(narrate("job", "new", "none.epub").exception, SourceError)


@pytest.mark.parametrize("name", ["~x.md", "a ${HOME}.md", "[a].md", 'quo"te\\.md', "ümläut.md"])
def test_books_of_any_name(folder: Path, name: str) -> None:
    Path(name).write_text(BOOK, encoding="utf-8")
    Path("jobs").mkdir()
    assert narrate("job", "new", f"./{name}", "-o", "jobs/a.toml").exit_code == 0
    assert [found.source.resolve() for found in jobs_from("jobs/a.toml", {})] == [folder / name]


# --- show


def test_every_setting_is_shown_with_its_origin(folder: Path) -> None:
    toml('engine = "tone"\noutput = "out"\nlexicons = []\n[pauses]\nverse = 400', "house.toml")
    toml('policy = "bare"\n[reading]\nnotes = "chapter"', "book.narrate.toml")
    path = toml('extends = "house.toml"\nsource = "book.md"\ntimeout = 90\n[metadata]\ntitle = "T"')
    done = narrate("job", "show", path, "--voice", "high", "--json")
    assert done.exit_code == 0, done.exception
    told = json.loads(done.stdout)
    assert (told["schema"], told["books"]) == (1, ["book.md"])
    rows = {row["name"]: (row["value"], row["from"]) for row in told["settings"]}
    assert rows["engine"] == ("tone", "house.toml")
    assert rows["voice"] == ("high", "the command line")
    assert rows["output"] == ("out", "house.toml")
    assert rows["pauses.verse"] == (400, "house.toml")
    assert rows["pauses.word"] == (0, "default")
    assert rows["metadata.title"] == ("T", "job.toml")
    assert rows["policy"] == ("bare", "the file next to the book")
    assert rows["reading.notes"] == ("chapter", "the file next to the book")
    assert rows["deadlines.first_byte"] == (90, "job.toml")
    assert rows["deadlines.connect"] == (10, "default")
    assert rows["max_cost"] == (None, "default")
    assert {name.partition(".")[0] for name in rows} == set(SETTINGS)
    people = narrate("job", "show", path, "--voice", "high").stdout
    for line in ('voice +"high" +the command line', "store +- +default", 'reading.notes +"chapter" +the file next'):
        assert click.unstyle(people)
        assert any(all(part in row for part in line.split(" +")) for row in people.splitlines()), line


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="names are Unicode there")
def test_a_name_that_is_no_unicode_is_shown(folder: Path) -> None:
    name = os.fsdecode(b"b\xff.md")
    Path(name).write_text(BOOK)
    done = narrate("job", "show", name, "--json")
    assert json.loads(done.stdout_bytes.decode())["books"] == [name]


def test_what_opens_doors_is_not_shown(folder: Path) -> None:
    path = toml('source = "none.md"\n[[hooks]]\nwebhook = "https://x.example/hunter22"\non = "done"')
    done = narrate("job", "show", path, "--loudness", "off")
    assert "hunter22" not in done.output
    assert 'kind = "webhook"' in done.stdout
    assert '"off"' in done.stdout
    assert "warning: none.md: there is no such file" in done.stderr


def test_the_schema_is_printed(folder: Path) -> None:
    done = narrate("job", "schema")
    jsonschema.Draft7Validator.check_schema(json.loads(done.stdout))


# --- a job equals its flags

PAIRS: dict[str, tuple[str, list[str]]] = {
    "output": ('output = "o"', ["-o", "o"]),
    "store": ('store = "s"', ["--store", "s"]),
    "engine": ('engine = "tone"', ["--engine", "tone"]),
    "voice": ('voice = "high"', ["--voice", "high"]),
    "model": ('model = "x"', ["--model", "x"]),
    "language": ('language = "de"', ["--language", "de"]),
    "key_variable": ('key_variable = "MY_KEY"', ["--key-variable", "MY_KEY"]),
    "settings": ("[settings]\nspeed = 1.1\ntimestamps = true", ["--set", "speed=1.1", "--set", "timestamps=true"]),
    "formats": ('formats = ["m4b", "mp3"]', ["-f", "m4b", "-f", "mp3"]),
    "chapters": ('chapters = "1-2"', ["--chapters", "1-2"]),
    "bitrate": ("bitrate = 48", ["--bitrate", "48"]),
    "loudness": ('loudness = "off"', ["--loudness", "off"]),
    "segments": ('segments = "mp3"\nengine = "lmnt"', ["--segments", "mp3", "--engine", "lmnt"]),
    "serial": ("serial = true", ["--serial"]),
    "feed_url": ('feed_url = "https://x.example"', ["--feed-url", "https://x.example"]),
    "jobs": ("jobs = 3", ["-j", "3"]),
    "cores": ("cores = 1", ["--cores", "1"]),
    "attempts": ("attempts = 3", ["--attempts", "3"]),
    "max_wait": ("max_wait = 9", ["--max-wait", "9"]),
    "timeout": ("timeout = 9", ["--timeout", "9"]),
    "patience": ("patience = 9", ["--patience", "9"]),
    "price": ("price = 9", ["--price", "9"]),
    "currency": ('currency = "EUR"', ["--currency", "EUR"]),
    "max_cost": ("max_cost = 9", ["--max-cost", "9"]),
    "max_characters": ("max_characters = 9", ["--max-characters", "9"]),
    "max_requests": ("max_requests = 9", ["--max-requests", "9"]),
    "pauses": ("[pauses]\nverse = 9\nchapter = 0", ["--pause", "verse=9", "--pause", "chapter=0"]),
    "metadata": (
        '[metadata]\ntitle = "a=b"\nauthors = ["A", "B"]',
        ["--meta", "title=a=b", "--meta", "authors=A", "--meta", "authors=B"],
    ),
    "policy": ('policy = "bare"', ["--policy", "bare"]),
    "reading": (
        '[reading]\nnotes = "chapter"\nlist_number = "skip"',
        ["--read", "notes=chapter", "--read", "list-number=skip"],
    ),
    "lexicons": ('lexicons = ["a.pls", "b.pls"]', ["--lexicon", "a.pls", "--lexicon", "b.pls"]),
}
TOO_LONG_FOR_FLAGS = {"source", "places", "deadlines", "bounds", "hooks", "done", "failed"}  # the last two: of `watch`


def test_every_setting_is_compared() -> None:
    assert PAIRS.keys() | TOO_LONG_FOR_FLAGS == SETTINGS.keys()


@pytest.mark.parametrize("name", PAIRS)
def test_a_job_file_equals_its_flags(folder: Path, name: str) -> None:
    text, arguments = PAIRS[name]
    path = toml(f'source = "book.md"\n{text}')
    assert jobs_from(path, {}) == jobs_from("book.md", flags(*arguments)) != (Job(Path("book.md")),)
    assert job_from(path, {}) == job_from("book.md", flags(*arguments))
    both, alone = jobs_from(path, flags(*arguments))[0], jobs_from(path, {})[0]
    assert both.reading_policy.actions == alone.reading_policy.actions
    assert (both.settings, both.metadata, both.pauses) == (alone.settings, alone.metadata, alone.pauses)


def test_flags_win(folder: Path) -> None:
    toml('policy = "complete"\nlexicons = "c.pls"\n[metadata]\ntitle = "C"', "book.narrate.toml")
    path = toml(
        'source = "book.md"\npolicy = "bare"\nlexicons = "a.pls"\nserial = true\nloudness = -20\nmax_cost = 3\n'
        '[metadata]\ntitle = "A"\ndate = "1"\n[settings]\nspeed = 1\ntop_p = 1\n[pauses]\nverse = 1\nscene = 1\n'
        '[reading]\nnotes = "chapter"'
    )
    arguments = ["--policy", "listener", "--lexicon", "b.pls", "--no-serial", "--loudness", "-18", "--max-cost", "0"]
    arguments += ["--meta", "title=B", "--set", "speed=2", "--pause", "verse=2", "--read", "notes=place"]
    (found,) = jobs_from(path, flags(*arguments))
    assert (found.policy, found.serial, found.loudness, found.max_cost) == ("listener", False, -18, 0)
    assert found.lexicons == (Path("a.pls"), folder / "c.pls", Path("b.pls"))
    assert dict(found.metadata) == {"title": "B", "date": "1"}
    assert dict(found.settings) == {"speed": "2", "top_p": "1"}
    assert (found.pauses.verse, found.pauses.scene) == (2, 1)
    assert found.reading_policy.actions["notes"] == "place"
    (plain,) = jobs_from(path, {})
    assert (plain.policy, dict(plain.metadata)["title"]) == ("complete", "C")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--set", "speed"], "--set speed: write it as NAME=VALUE"),
        (["--set", "api_key=hunter22"], "'api_key' would hold a key"),
        (["--pause", "verse"], "--pause verse: write it as KIND=MS"),
        (["--pause", "verse=long"], "must be a whole number"),
        (["--pause", "verze=3"], "did you mean 'verse'?"),
        (["--meta", "titel=x"], "did you mean 'title'?"),
        (["--meta", "=x"], "write it as NAME=VALUE"),
        (["--loudness", "loud"], "is neither a number of LUFS"),
        (["--read", "notes=loud"], "is read in one of the ways"),
        (["--cores", "-1"], "the command line: 'cores' must be between"),
        (["--format", "feed"], "needs 'feed_url'"),
        (["--key-variable", "sk-hunter22"], "'key_variable' is no name of a variable"),
        (["--pause", "verse=" + "9" * 5_000], "must be a whole number"),
        (["--engine", "sk-hunter22hunter22"], "what stands in 'engine' looks like a key"),
        (["--set", "sk-hunter22hunter22"], "what stands in 'settings' looks like a key"),
    ],
)
def test_wrong_flags(folder: Path, arguments: list[str], says: str) -> None:
    with pytest.raises(JobError) as caught:
        jobs_from("book.md", flags(*arguments))
    assert says in str(caught.value)
    assert "hunter22" not in str(caught.value)


@pytest.mark.parametrize("arguments", [["book.md", "-o", ""], ["book.md", "--store", ""], ["book.md", "--lexicon", ""]])
def test_an_empty_path_is_not_the_folder_we_are_in(folder: Path, arguments: list[str]) -> None:
    done = narrate("run", *arguments, "--engine", "tone")
    assert (done.exit_code, "is empty; name a path" in done.output) == (2, True)
    assert [path.name for path in folder.iterdir()] == ["book.md"]


@pytest.mark.parametrize(
    ("source", "says"), [("", "'source' is empty"), ("https://me:hunter22@x.example/a.epub", "'source' is an address")]
)
def test_a_source_is_a_path(folder: Path, source: str, says: str) -> None:
    with pytest.raises(JobError, match=says) as caught:
        jobs_from(source, {})
    assert "hunter22" not in str(caught.value)


def test_a_mistake_next_to_a_book_is_told_of_that_file(folder: Path) -> None:
    toml('language = "x y"', "book.narrate.toml")
    with pytest.raises(JobError, match=r"book\.narrate\.toml: language"):
        jobs_from("book.md", {})


# --- several books


@pytest.fixture
def shelf(folder: Path) -> Path:
    for name in ("books/b 10.md", "books/b 2.md", "books/b 1.md"):
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_text(f"# {name[6:-3]}\n\nText of {name[6:-3]}.\n")
    return folder


QUIET = ("--engine", "tone", "--store", "store", "--quiet")


def test_a_pattern_is_several_books(shelf: Path) -> None:
    assert [found.source.name for found in jobs_from("books/*.md", {})] == ["b 1.md", "b 2.md", "b 10.md"]
    assert len(jobs_from(toml('source = "books/*.md"\nengine = "tone"'), {})) == 3
    toml('policy = "bare"', "books/b 2.narrate.toml")
    assert [found.policy for found in jobs_from("books/*.md", {})] == ["listener", "bare", "listener"]
    done = narrate("run", "job.toml", *QUIET)
    assert done.exit_code == 0, done.stderr
    assert sorted(path.name for path in Path("output").rglob("*.mp3")) == ["b 1.mp3", "b 10.mp3", "b 2.mp3"]


def test_one_bad_book_stops_none(shelf: Path) -> None:
    Path("books/b 1.md").write_text("")
    done = narrate("run", "books/*.md", *QUIET)
    assert done.exit_code == 4
    assert done.stderr.startswith("narrate: books/b 1.md: ")
    assert len(list(Path("output").rglob("*.mp3"))) == 2


def test_a_limit_of_a_job_holds_for_all_of_its_books(shelf: Path) -> None:
    path = toml('source = "books/*.md"\nmax_requests = 4\nprice = 1')
    done = narrate("run", path, *QUIET)
    assert done.exit_code == 6
    assert len(list(Path("output").rglob("*.mp3"))) == 2


def test_two_books_do_not_take_one_place(shelf: Path) -> None:
    for name in ("1", "2"):
        Path(f"books/b {name}.md").write_text("---\ntitle: Same\n---\n\n# One\n\nText.\n")
    done = narrate("run", "books/*.md", *QUIET)
    assert done.exit_code == 3
    assert "b 2.md: has the author and title of books/b 1.md" in done.stderr


def test_a_plan_is_of_one_book(shelf: Path) -> None:
    assert one_job_from("books/*10.md", {}).source == Path("books/b 10.md")
    with pytest.raises(JobError, match=r"is 3 books; name one of them, for example books/b 1\.md"):
        one_job_from("books/*.md", {})
    done = narrate("plan", "books/*10.md", "--engine", "tone", "--store", "store", "--json")
    assert json.loads(done.stdout)["title"]
    assert isinstance(narrate("plan", "books/*.md", "--store", "store").exception, NarrateError)


def test_a_shelf_is_no_job(folder: Path) -> None:
    path = toml('output = "out"\nengine = "tone"\n[[books]]\nsource = "books/*.epub"')
    with pytest.raises(JobError, match=r"\[\[books\]\] belongs to a shelf; use `narrate library job\.toml`"):
        jobs_from(path, {})
