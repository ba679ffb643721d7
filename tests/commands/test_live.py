"""``narrate live`` as it is typed: a real process, with text that comes through a pipe or a terminal."""

from __future__ import annotations

import os
import re
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

import pytest
from click.testing import CliRunner, Result

from narrate.audio.codec import decode
from narrate.audio.container import probe
from narrate.checks.output import check_output
from narrate.cli import narrate
from narrate.commands import live as command
from narrate.errors import EngineClosed, EngineRefused, EngineUnavailable, JobError, NarrateError
from narrate.text.flow import Flow
from tests.llm_server import CUT, CUT_OFF, LlmServer
from tests.speech_server import HANG, KEY, SpeechServer

STORY = (
    "Once there was a lamp that nobody lit.\n\n"
    "# The Keeper\n\nA keeper came up the stairs, and the lamp was glad of it. It burned all night, they say.\n\n"
    "# The Ship\n\nA ship saw the light. It turned away from the rocks, and all on board were saved that night.\n"
)
POSIX = pytest.mark.skipif(os.name == "nt", reason="POSIX")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    for name in ("ANTHROPIC_API_KEY", "OPENAI_API_KEY", "LMNT_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def arguments(*more: str, engine: str = "tone") -> list[str]:
    return [sys.executable, "-m", "narrate", "live", "--engine", engine, "--store", "store", *more]


@dataclass(frozen=True)
class Done:
    """How it went, in this process or another."""

    returncode: int
    stdout: bytes
    stderr: bytes


def run(text: bytes | str, *more: str, engine: str = "tone") -> Done:
    """The command in this process, with ``text`` on standard input."""
    with tempfile.TemporaryFile() as file:
        file.write(text.encode() if isinstance(text, str) else text)
        file.seek(0)
        with patch.object(command, "_stdin", file.fileno):
            done = typed(*more, engine=engine)
    error = done.exception
    assert error is None or isinstance(error, NarrateError), done
    message = f"narrate: {error}\n" if error else ""
    return Done(error.exit_code if error else 0, done.stdout_bytes, (done.stderr + message).encode())


def typed(*more: str, engine: str = "tone") -> Result:
    return CliRunner().invoke(narrate, ["live", "--engine", engine, "--store", "store", *more], standalone_mode=False)


def process(text: bytes | str, *more: str, engine: str = "tone") -> Done:
    """The same as a process of its own."""
    data = text.encode() if isinstance(text, str) else text
    done = subprocess.run(arguments(*more, engine=engine), input=data, capture_output=True, timeout=60)
    return Done(done.returncode, done.stdout, done.stderr)


def said(done: Done) -> str:
    told = done.stderr.decode()
    assert "Traceback" not in told, told
    assert "internal error" not in told, told
    return told


class Talk:
    """A process that is written to while it speaks."""

    def __init__(self, *more: str, engine: str = "tone", begin: Callable[[], object] | None = None) -> None:
        self.process = subprocess.Popen(
            arguments(*more, engine=engine),
            preexec_fn=begin,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
        )
        assert self.process.stdin
        assert self.process.stdout
        assert self.process.stderr
        self.stdin, self.stdout, self.stderr = self.process.stdin, self.process.stdout, self.process.stderr
        self.told = ""

    def write(self, text: str) -> None:
        self.stdin.write(text.encode())

    def until(self, sentence: str) -> None:
        """Wait until ``sentence`` is on standard error."""
        end = time.monotonic() + 30
        while sentence not in self.told:
            assert select.select([self.stderr], [], [], end - time.monotonic())[0], self.told
            piece = os.read(self.stderr.fileno(), 65_536).decode()
            assert piece, self.told
            self.told += piece

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def end(self) -> int:
        self.stdin.close()
        self.process.stdin = None  # else it would be flushed
        _, rest = self.process.communicate(timeout=30)
        self.told += rest.decode()
        assert "Traceback" not in self.told
        return self.process.returncode


def until(true: Callable[[], object]) -> None:
    end = time.monotonic() + 30
    while not true():
        assert time.monotonic() < end
        time.sleep(0.01)


def heard(folder: Path) -> bool:
    part = folder / "out.wav.part"
    return part.exists() and part.stat().st_size > 44


def segments(folder: Path) -> int:
    return sum(1 for _ in (folder / "store" / "segments").glob("*/*"))


# --- to a file, to standard output ----------------------------------------------------------------------------------


def test_text_to_a_file_as_long_as_its_parts(folder: Path) -> None:
    done = process("Good evening to all. It is late.", "-o", "out.wav", "--plain")
    assert done.returncode == 0, said(done)
    sound, rate = decode((folder / "out.wav").read_bytes(), "wav", 0)
    parts = [max(150, 10 * len(text)) for text in ("Good evening to all.", "It is late.")]
    assert len(sound) == rate * (sum(parts) + 350) // 1000
    assert (folder / "out.md").read_text() == "Good evening to all. It is late."
    assert re.search(r"31 characters, 2 chunks spoken, 0 from the store; the first after \d+ ms", said(done))
    assert "the text is kept in out.md" in said(done)
    assert sorted(path.name for path in folder.iterdir()) == ["out.md", "out.wav", "store"]


def test_the_same_again_costs_nothing(folder: Path) -> None:
    first = run(STORY, "-o", "out.wav")
    bytes_before = (folder / "out.wav").read_bytes()
    again = run(STORY.replace("\n", "\r\n"), "-o", "out.wav")
    assert re.search(r"[1-9]\d* chunks spoken, 0 from", said(first))
    assert re.search(r" 0 chunks spoken, [1-9]\d* from", said(again))
    assert (folder / "out.wav").read_bytes() == bytes_before
    assert sorted(path.name for path in folder.iterdir()) == ["out.md", "out.wav", "store"]


def test_standard_output_holds_nothing_but_sound(folder: Path) -> None:
    done = process(STORY, "-o", "-", "--book", "Lamps")
    assert done.returncode == 0, said(done)
    sound, rate = decode(done.stdout, "mp3", 0)
    assert 3 < len(sound) / rate < 20
    assert "Lamps: " in said(done)
    assert (folder / "output" / "Unknown Author" / "Lamps" / "Lamps.mp3").exists()
    assert (folder / "output" / "Lamps.md").read_text() == STORY


def test_sound_leaves_before_the_text_has_ended(folder: Path) -> None:
    talk = Talk("-o", "-", "--encoding", "wav", "--quiet")
    talk.write("Good ")
    until(lambda: segments is not None and (folder / "store" / "segments").exists())
    time.sleep(0.7)  # the voice is warm by then
    since = time.monotonic()
    talk.write("evening to all,")
    assert select.select([talk.stdout], [], [], 20)[0]
    waited = time.monotonic() - since
    assert os.read(talk.stdout.fileno(), 65_536).startswith(b"RIFF")
    talk.stdin.close()
    assert talk.process.wait(30) == 0
    assert waited < 1.5  # 0.1 s where nothing else runs; the promise is 0.3 s
    talk.stdout.close()
    talk.stderr.close()


def test_a_reader_that_goes_away_is_no_failure_to_tell(folder: Path) -> None:
    talk = Talk("-o", "-")
    talk.stdout.close()
    talk.write(STORY * 20)
    talk.stdin.close()
    rest = talk.stderr.read().decode()
    talk.stderr.close()
    assert talk.process.wait(30) == 1
    assert rest.splitlines() == [f"the text is kept in {folder / 'data' / 'narrate' / 'live' / 'live.md'}"]
    assert (folder / "data" / "narrate" / "live" / "live.md").read_text().startswith(STORY)


def test_silence_ends_a_turn(folder: Path) -> None:
    talk = Talk("-o", "-", "--encoding", "wav", "--idle", "0.1", "--quiet")
    talk.write("Good evening")  # no clause, no sentence
    assert select.select([talk.stdout], [], [], 30)[0]
    talk.stdin.close()
    assert talk.end() == 0


@pytest.mark.parametrize("text", ["", "  \n \n", "... !\n\n---\n"])
def test_nothing_to_say_is_told_and_leaves_no_file(folder: Path, text: str) -> None:
    done = run(text, "-o", "out.mp3")
    assert done.returncode == 4
    assert "nothing to say" in said(done)
    left = {path.name for path in folder.iterdir()}
    assert left == ({"store"} if not text else {"store", "out.md"})


def test_a_book_of_nothing_is_none(folder: Path) -> None:
    done = run("```\nx = 1\n```\n", "--book", "Code")
    assert done.returncode == 4
    assert "not spoken (letters and digits): code 2" in said(done)
    assert not (folder / "output" / "Unknown Author" / "Code").exists()


def test_other_encodings_lose_no_letter(folder: Path) -> None:
    done = run(b"\xef\xbb\xbf# Caf\xe9\r\n\r\nNa\xc3\xafve it is.\r\n", "--book", "B", "-o", "out.wav")
    assert done.returncode == 0
    assert (folder / "out.md").read_text() == "# Café\n\nNaïve it is.\n"
    assert "read as Windows-1252" in said(done)


def test_the_users_own_text_beside_the_sound_is_safe(folder: Path) -> None:
    (folder / "story.md").write_text(STORY)
    assert run(STORY, "-o", "story.mp3").returncode == 0
    assert (folder / "story.md").read_text() == STORY
    assert not (folder / "story-2.md").exists()
    assert run("Something else.", "-o", "story.mp3").returncode == 0
    assert (folder / "story.md").read_text() == STORY
    assert (folder / "story-2.md").read_text() == "Something else."
    with (folder / "story.md").open("rb") as file, patch.object(command, "_stdin", file.fileno):
        done = typed("-o", "story.mp3", "--text", "story.md")
    assert "is the file that is read" in str(done.exception)
    assert (folder / "story.md").read_text() == STORY


@pytest.mark.parametrize(
    ("more", "code", "sentence"),
    [
        ((), 3, "nowhere for the sound to go"),
        (("-o", "out.m4b"), 3, "audiobooks are made with --book TITLE"),
        (("-o", "missing/../out"), 3, "must end in"),
        (("-o", "store/file/out.mp3"), 1, "cannot be"),
        (("-o", "a.mp3", "What is a tide?"), 3, "is a prompt"),
        (("--book", " "), 3, "--book needs a title"),
        (("-o", "a.mp3", "-f", "m4b"), 3, "--book TITLE"),
        (("-o", "a.mp3", "--idle", "nan"), 3, "--idle"),
        (("-o", "a.mp3", "--voice", "nobody"), 3, "unknown voice"),
        (("-o", "a.mp3", "--text", "store/file/t.md"), 1, "the text cannot be kept"),
        (("-o", "a.mp3", "--llm", "claude-x", "Hi"), 3, "did you mean 'anthropic:claude-x'?"),
        (("-o", "a.mp3", "--llm", "anthropic", "--prompt", "stroy", "Hi"), 3, "story"),
        (("-o", "a.mp3", "--llm", "anthropic", " "), 3, "--llm needs a prompt"),
        (("--book", "B", "-f", "ogg"), 3, "unknown format"),
        (("-o", "a.mp3", "--text", "./a.mp3"), 3, "is where the sound goes"),
    ],
)
def test_wrong_orders_are_one_sentence_and_leave_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch, more: tuple[str, ...], code: int, sentence: str
) -> None:
    (folder / "store").mkdir()
    (folder / "store" / "file").write_text("x")
    monkeypatch.setattr(command, "_stdin", lambda: 0)
    done = typed(*more)
    assert isinstance(done.exception, NarrateError), done
    assert done.exception.exit_code == code
    assert sentence in str(done.exception)
    assert not (folder / "a.mp3.part").exists()
    assert not (folder / "a.md").exists()


@POSIX
def test_a_closed_standard_input_is_one_sentence(folder: Path) -> None:
    line = f"exec {sys.executable} -m narrate live -o out.mp3 --engine tone --store store <&-"
    done = subprocess.run(["sh", "-c", line], capture_output=True, timeout=60)
    assert done.returncode == 4
    assert done.stderr == b"narrate: standard input is closed; text is read from it\n"


def test_a_language_that_kokoro_lacks_is_spoken_by_espeak(folder: Path) -> None:
    done = run("Guten Tag, meine Damen und Herren.", "--language", "de", "-o", "out.wav", engine="")
    assert done.returncode == 0, said(done)
    assert "espeak does" in said(done)
    sound, rate = decode((folder / "out.wav").read_bytes(), "wav", 0)
    assert 1 < len(sound) / rate < 5
    done = run("Guten Tag.", "-o", "a.mp3", "--language", "de", engine="kokoro")
    assert (done.returncode, "speaks English only" in said(done)) == (3, True)


def test_quiet_tells_errors_only(folder: Path) -> None:
    done = process(STORY, "-o", "out.mp3", "--book", "Lamps", "-q")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


# --- audiobooks -----------------------------------------------------------------------------------------------------


def test_a_story_ends_as_an_audiobook_with_chapters(folder: Path) -> None:
    done = run(STORY, "--book", "Lamps / Ships 🚢", "--author", "A. Keeper", "-f", "mp3", "-f", "m4b")
    assert done.returncode == 0, said(done)
    place = folder / "output" / "A. Keeper" / "Lamps - Ships 🚢"
    assert {path.name for path in place.iterdir()} == {"Lamps - Ships 🚢.mp3", "Lamps - Ships 🚢.m4b", "manifest.json"}
    for name in ("Lamps - Ships 🚢.mp3", "Lamps - Ships 🚢.m4b"):
        marks = [mark.title for mark in probe(place / name).chapters]
        assert marks == ["Lamps / Ships 🚢", "The Keeper", "The Ship"]
        assert not [found for found in check_output(place / name) if found.severity == "error"]
    assert "3 chapters" in done.stdout.decode()
    assert (folder / "output" / "Lamps - Ships 🚢.md").read_text() == STORY
    files = {path: path.read_bytes() for path in place.iterdir()}
    again = run(STORY, "--book", "Lamps / Ships 🚢", "--author", "A. Keeper", "-f", "mp3", "-f", "m4b")
    assert " 0 chunks spoken" in said(again)
    assert {path: path.read_bytes() for path in place.iterdir()} == files


def test_a_book_without_headings_is_one_chapter(folder: Path) -> None:
    done = run("Once upon a time, and so on.", "--book", "Plain")
    path = folder / "output" / "Unknown Author" / "Plain" / "Plain.mp3"
    assert [mark.title for mark in probe(path).chapters] == ["Plain"]
    assert "1 chapter\n" in done.stdout.decode()


def test_two_do_not_make_the_same_book(folder: Path) -> None:
    first = Talk("--book", "Lamps")
    first.write("Good evening to all,")
    first.until("the text is kept")
    second = run(STORY, "--book", "Lamps")
    assert second.returncode == 75
    assert "another run is making this book" in said(second)
    first.stdin.close()
    assert first.end() == 0


# --- interruptions --------------------------------------------------------------------------------------------------


def sentences(count: int) -> str:
    return " ".join(
        f"This is number {number} of many sentences, and it takes its time to be said." for number in range(count)
    )


@POSIX
def test_ctrl_c_interrupts_and_listens_on(folder: Path) -> None:
    talk = Talk("-o", "out.wav", "--set", "ms_per_char=100")
    talk.write(sentences(3))
    until(lambda: segments(folder) >= 1)
    talk.signal(signal.SIGINT)
    talk.until("listening again")
    talk.write(" And so it goes on.")
    talk.stdin.close()
    assert talk.end() == 0, talk.told
    assert "interrupted" in talk.told
    assert (folder / "out.wav").exists()
    assert (folder / "out.md").read_text() == sentences(3) + " And so it goes on."


@POSIX
@pytest.mark.parametrize("older", [False, True])
def test_ctrl_c_twice_ends(folder: Path, older: bool) -> None:
    if older:
        (folder / "out.wav").write_bytes(b"an older one")
    talk = Talk("-o", "out.wav")
    talk.write("Good evening to all of you. Good ")
    until(lambda: heard(folder))
    talk.signal(signal.SIGINT)
    talk.until("listening again")
    talk.write("night")
    time.sleep(0.2)
    talk.signal(signal.SIGINT)
    assert talk.end() == 130
    assert talk.told.splitlines()[-1] == "narrate: interrupted; what was spoken is kept"
    if older:  # "night" was not said any more
        assert (folder / "out.wav").read_bytes() == b"an older one"
        assert "out.wav.part" in talk.told
    path = folder / ("out.wav.part" if older else "out.wav")
    sound, rate = decode(path.read_bytes(), "wav", 0)
    assert len(sound) / rate == pytest.approx(0.27, abs=0.01)


@POSIX
def test_terminated_it_ends_in_good_order(folder: Path) -> None:
    talk = Talk("-o", "out.wav", "--book", "Lamps")
    talk.write("Good evening to all of you. Good night")
    until(lambda: heard(folder))
    talk.signal(signal.SIGTERM)
    assert talk.end() == 143
    assert talk.told.splitlines()[-1] == "narrate: terminated; what was spoken is kept"
    assert (folder / "out.wav").exists()
    assert (folder / "out.md").read_text() == "Good evening to all of you. Good night"
    assert not (folder / "output" / "Unknown Author").exists()


@POSIX
def test_a_hosted_engine_that_hangs_does_not_hold_up_the_end(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with SpeechServer(plan=[HANG] * 9) as server:
        monkeypatch.setenv("LMNT_API_KEY", KEY)
        monkeypatch.setenv("LMNT_BASE_URL", server.url)
        talk = Talk("-o", "out.wav", engine="lmnt")
        talk.write("Good evening to all of you. Good night")
        until(lambda: server.seen.in_flight)
        since = time.monotonic()
        talk.signal(signal.SIGTERM)
        time.sleep(0.1)
        talk.signal(signal.SIGTERM)  # in a hurry
        assert talk.end() == 143
        assert time.monotonic() - since < 8
    assert not (folder / "out.wav").exists()


@POSIX
def test_killed_and_run_again_only_what_was_missing_is_spoken(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with SpeechServer() as server:
        monkeypatch.setenv("LMNT_API_KEY", KEY)
        monkeypatch.setenv("LMNT_BASE_URL", server.url)
        talk = Talk("-o", "out.wav", "--idle", "0", engine="lmnt")
        half = sentences(12)[:450]
        talk.write(half)
        flow = Flow("en", markdown=True)
        flow.append(half)
        complete = len(list(iter(flow.take, None)))
        assert complete >= 3
        until(lambda: segments(folder) == complete)  # nothing is in flight: what is would be asked for again
        talk.signal(signal.SIGKILL)
        talk.end()
        assert (folder / "out.md").read_text() == half
        stored = segments(folder)
        done = run(sentences(12), "-o", "out.wav", engine="lmnt")
        assert done.returncode == 0, said(done)
        assert f"{segments(folder) - stored} chunks spoken, {stored} from the store" in said(done)
        assert max(server.counts.values()) == 1  # nothing was asked for twice
    assert (folder / "out.md").read_text() == sentences(12)
    assert not (folder / "out.wav.part").exists()
    assert not (folder / "out-2.md").exists()


def test_an_engine_that_is_closed_is_told_and_the_text_goes_on_being_kept(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with SpeechServer() as server:
        monkeypatch.setenv("LMNT_API_KEY", "wrong-key-0123456789")
        monkeypatch.setenv("LMNT_BASE_URL", server.url)
        talk = Talk("-o", "out.wav", engine="lmnt")
        talk.write("Good evening to all of you. ")
        talk.write("And ")
        talk.until("the text that still comes is kept in out.md")
        talk.write("good night.")
        assert talk.end() == 5
    assert "wrong-key" not in talk.told
    assert (folder / "out.md").read_text() == "Good evening to all of you. And good night."
    assert not (folder / "out.wav").exists()


@POSIX
def test_ctrl_c_ends_the_keeping_of_text_that_nobody_will_say(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with SpeechServer() as server:
        monkeypatch.setenv("LMNT_API_KEY", "wrong-key-0123456789")
        monkeypatch.setenv("LMNT_BASE_URL", server.url)
        talk = Talk("-o", "out.wav", engine="lmnt")
        talk.write("Good evening to all of you. And ")
        talk.until("the text that still comes is kept in out.md")
        talk.signal(signal.SIGINT)
        assert talk.end() == 130
    assert (folder / "out.md").read_text() == "Good evening to all of you. And "


@POSIX
def test_signals_that_are_turned_off_stay_so(folder: Path) -> None:
    talk = Talk("-o", "out.wav", begin=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN))
    talk.write("Good evening to all of you. Good ")
    until(lambda: heard(folder))
    for _ in range(3):
        talk.signal(signal.SIGINT)
        time.sleep(0.1)
    talk.write("night.")
    assert talk.end() == 0
    assert "interrupted" not in talk.told


# --- a terminal -----------------------------------------------------------------------------------------------------


@POSIX
def test_at_a_terminal(folder: Path) -> None:
    import pty

    child, handle = pty.fork()
    if not child:  # pragma: no cover (the other process)
        os.execv(sys.executable, arguments("-o", "out.wav", "--idle", "0.2"))
    shown = ""

    def wait_for(sentence: str) -> None:
        nonlocal shown
        end = time.monotonic() + 30
        while sentence not in shown:
            assert select.select([handle], [], [], end - time.monotonic())[0], shown
            try:
                shown += os.read(handle, 65_536).decode()
            except OSError:  # the other end is closed
                assert sentence in shown, shown

    wait_for("Ctrl-D when it is over")
    os.write(handle, b"Good evening.\n")
    wait_for("the text is kept")
    until(lambda: segments(folder) == 1)
    time.sleep(0.1)
    os.write(handle, b"\x03")
    wait_for("nothing is being said; Ctrl-C once more ends")
    os.write(handle, b"Good night.\n")
    until(lambda: segments(folder) == 2)
    os.write(handle, b"\x04")
    wait_for("2 chunks spoken")
    _, status = os.waitpid(child, 0)
    os.close(handle)
    assert os.waitstatus_to_exitcode(status) == 0
    assert "Traceback" not in shown
    assert (folder / "out.md").read_text() == "Good evening.\nGood night.\n"


@POSIX
def test_sound_is_not_poured_into_a_terminal(folder: Path) -> None:
    import pty

    main, other = pty.openpty()
    done = subprocess.run(
        arguments("-o", "-"), stdin=subprocess.DEVNULL, stdout=other, stderr=subprocess.PIPE, timeout=60
    )
    os.close(other)
    os.close(main)
    assert done.returncode == 3
    assert b"standard output is a terminal" in done.stderr


# --- language models ------------------------------------------------------------------------------------------------


@pytest.fixture
def model(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LlmServer]:
    pytest.importorskip("anthropic")
    pytest.importorskip("openai")
    with LlmServer(STORY) as server:
        for name, value in server.env.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-very-secret-0123456789")
        monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret-0123456789")
        yield server


@pytest.mark.parametrize("provider", ["anthropic", "openai"])
def test_a_model_writes_an_audiobook(model: LlmServer, folder: Path, provider: str) -> None:
    done = typed("--llm", f"{provider}:some-model", "A story of a lamp", "--book", "The Lamp")
    assert done.exception is None, done.output
    path = folder / "output" / "Unknown Author" / "The Lamp" / "The Lamp.mp3"
    assert [mark.title for mark in probe(path).chapters] == ["The Lamp", "The Keeper", "The Ship"]
    assert not [found for found in check_output(path) if found.severity == "error"]
    assert (folder / "output" / "The Lamp.md").read_text() == STORY
    (asked,) = model.seen
    assert asked.prompt == "A story of a lamp"
    assert "audiobook with chapters" in asked.system
    assert asked.body["model"] == "some-model"
    assert "sk-very" not in done.output


def test_a_model_answers_a_question_to_a_file(model: LlmServer, folder: Path) -> None:
    model.answer = "Well, a tide is the sea, going up and down."
    done = typed("--llm", "anthropic", "What is a tide?", "-o", "tide.mp3")
    assert done.exception is None
    assert (folder / "tide.mp3").exists()
    assert (folder / "tide.md").read_text() == model.answer
    assert "Everything you write will be heard" in model.seen[0].system


def test_the_question_may_come_from_standard_input_in_any_encoding(model: LlmServer, folder: Path) -> None:
    done = process(b"Caf\xe9?", "--llm", "openai", "-o", "a.mp3")
    assert done.returncode == 0, said(done)
    assert model.seen[0].prompt == "Café?"


@pytest.mark.parametrize("provider", ["anthropic", "openai"])
@pytest.mark.parametrize(("plan", "failure"), [(CUT, EngineUnavailable), (CUT_OFF, EngineRefused)])
def test_an_answer_that_breaks_off_is_spoken_as_far_as_it_came(
    model: LlmServer, folder: Path, provider: str, plan: object, failure: type[NarrateError]
) -> None:
    model.plan = [plan]  # type: ignore[list-item]
    done = typed("--llm", provider, "A story", "-o", "out.wav", "--book", "The Lamp")
    assert isinstance(done.exception, failure), done.output
    assert (folder / "out.md").read_text() == "Once there "
    assert (folder / "out.wav").exists()
    book = folder / "output" / "Unknown Author" / "The Lamp" / "The Lamp.mp3"
    before = book.read_bytes()
    # and what is cut short does not take the place of what is there
    typed("--llm", provider, "A story", "-o", "out.wav", "--book", "The Lamp")
    whole, whole_book = (folder / "out.wav").read_bytes(), book.read_bytes()
    assert whole_book != before
    model.plan = [plan]  # type: ignore[list-item]
    done = typed("--llm", provider, "A story", "-o", "out.wav", "--book", "The Lamp")
    assert isinstance(done.exception, failure)
    assert (folder / "out.wav").read_bytes() == whole
    assert (folder / "out.wav.part").exists()
    assert book.read_bytes() == whole_book
    assert "stays as it is" in done.output


def test_a_model_that_is_slow_is_not_flushed_in_the_middle_of_a_sentence(
    model: LlmServer, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert command._Order("p", "o", "mp3", False, "openai", None, None, None, (), None, False).idle_s == 0
    assert command._Order(None, "o", "mp3", False, None, None, None, None, (), None, False).idle_s == 2
    assert command._Order("p", "o", "mp3", False, "openai", None, None, None, (), 3, False).idle_s == 3


def test_when_the_engine_fails_the_whole_answer_is_kept(
    model: LlmServer, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with SpeechServer() as server:
        monkeypatch.setenv("LMNT_API_KEY", "wrong-key-0123456789")
        monkeypatch.setenv("LMNT_BASE_URL", server.url)
        done = typed("--llm", "anthropic", "A story", "--book", "The Lamp", engine="lmnt")
    assert isinstance(done.exception, EngineClosed)
    assert (folder / "output" / "The Lamp.md").read_text() == STORY


def test_missing_keys_and_packages_are_one_sentence(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = typed("--llm", "anthropic", "Hello", "-o", "a.mp3")
    assert isinstance(done.exception, EngineClosed)
    assert "ANTHROPIC_API_KEY" in str(done.exception)
    assert not list(folder.glob("a.*"))
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret-0123456789")
    monkeypatch.setitem(sys.modules, "openai", None)
    done = typed("--llm", "openai", "Hello", "-o", "a.mp3")
    assert isinstance(done.exception, JobError)
    assert 'pip install "narrate[llm]"' in str(done.exception)
    assert not list(folder.glob("a.*"))


def test_hosted_speech_is_asked_for_once_and_its_price_is_told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with SpeechServer() as server:
        monkeypatch.setenv("LMNT_API_KEY", KEY)
        monkeypatch.setenv("LMNT_BASE_URL", server.url)
        first = run(STORY, "-o", "out.mp3", engine="lmnt")
        asked = sum(server.counts.values())
        again = run(STORY, "-o", "out.mp3", engine="lmnt")
        assert first.returncode == again.returncode == 0, said(first)
        assert sum(server.counts.values()) == asked
        assert max(server.counts.values()) == 1
    for path in folder.rglob("*"):
        if path.is_file():
            assert KEY.encode() not in path.read_bytes()


def test_a_refused_piece_is_told_and_the_rest_is_spoken(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.speech_server import Reply

    refused = Reply(status=400, body=b'{"error": {"message": "text not allowed"}}', headers={})

    def plan(request: object, seen: object) -> object:
        return refused if "ship" in request.fields["text"] else None  # type: ignore[attr-defined]

    with SpeechServer(plan=plan) as server:  # type: ignore[arg-type]
        monkeypatch.setenv("LMNT_API_KEY", KEY)
        monkeypatch.setenv("LMNT_BASE_URL", server.url)
        done = run(STORY, "-o", "out.mp3", engine="lmnt")
    assert done.returncode == 6
    assert "not spoken: 'A ship saw the light." in said(done)
    assert (folder / "out.mp3").exists()
