"""The whole line with the tone engine: the promises, pinned on finished files."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from narrate.audio.container import Listening
from narrate.errors import Busy, JobError, LimitReached, SourceError, SpeechIncomplete
from narrate.job import Job
from narrate.produce import Estimate, Production, only_run_in, prepare, produce
from narrate.script import Pauses
from narrate.speak import Outcome
from tests.speech_server import KEY, SpeechServer

SAMPLES = Path(__file__).parent.parent / "samples"
CORPUS = Path(__file__).parent.parent.parent / "shared" / "corpus"

BOOK = "\n\n".join(
    f"# Chapter {part}\n\n" + "\n\n".join(f"Paragraph {number} of chapter {part} says this." for number in range(6))
    for part in range(1, 4)
)


class Quiet:
    """A console that keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def report(self, sentence: str) -> None:
        self.told.append(sentence)

    def retry(self, sentence: str) -> None:
        self.told.append(sentence)

    def chapter(self, number: int, of: int, title: str) -> None:
        assert 1 <= number <= of

    def watch(
        self, outcomes: Iterable[Outcome], chunks: int, chapter_of: Callable[[Outcome], str]
    ) -> Iterator[Outcome]:
        for outcome in outcomes:
            assert chapter_of(outcome)
            yield outcome


def yes(estimate: Estimate) -> bool:
    return True


@pytest.fixture
def job(tmp_path: Path) -> Job:
    source = tmp_path / "book.md"
    source.write_text(BOOK, encoding="utf-8")
    return Job(source, output=tmp_path / "out", store=tmp_path / "store", engine="tone", formats=("mp3", "m4b"))


def make(job: Job) -> Production:
    return produce(job, Quiet(), yes)


def contents(production: Production) -> dict[str, bytes]:
    folder = production.folder
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def manifest(production: Production) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((production.folder / "manifest.json").read_text(encoding="utf-8"))
    return found


def test_p2_the_same_bytes_from_another_store(job: Job, tmp_path: Path) -> None:
    first = contents(make(job))
    again = contents(make(replace(job, store=tmp_path / "other store", output=tmp_path / "other out")))
    assert first == again
    assert {name.rsplit(".")[-1] for name in first} >= {"mp3", "m4b", "json"}


def test_p3_a_second_run_asks_nothing_and_touches_nothing(job: Job) -> None:
    first = make(job)
    times = {path: path.stat().st_mtime_ns for path in first.folder.rglob("*") if path.is_file()}
    second = make(job)
    assert second.tally.bought == 0
    assert second.tally.stored == first.tally.bought
    assert {path: path.stat().st_mtime_ns for path in second.folder.rglob("*") if path.is_file()} == times


def test_p4_one_changed_paragraph_is_one_request(job: Job) -> None:
    make(job)
    job.source.write_text(BOOK.replace("Paragraph 3 of chapter 2 says this.", "Paragraph 3, changed, says that."))
    assert make(job).tally.bought == 1


@pytest.mark.parametrize(
    "change",
    [
        {"pauses": Pauses(paragraph=900)},
        {"metadata": (("title", "Another Title"),)},
        {"bitrate": 64},
        {"loudness": -23.0},
        {"formats": ("chapters",)},
    ],
    ids=lambda change: next(iter(change)),
)
def test_p4_what_is_not_sound_costs_no_speech(job: Job, change: dict[str, Any]) -> None:
    make(job)
    assert make(replace(job, **change)).tally.bought == 0


def test_p4_another_voice_speaks_all_again(job: Job) -> None:
    first = make(job)
    assert make(replace(job, voice="high")).tally.bought == first.tally.bought


def test_p6_durations_are_the_sum_of_the_parts(job: Job) -> None:
    production = make(job)
    listed = manifest(production)
    for file in listed["files"]:
        if file["name"].endswith((".mp3", ".m4b")):
            samples = sum(block.shape[-1] for block in Listening(production.folder / file["name"]).blocks())
            assert abs(samples - production.audiobook.samples) <= 1024
    assert listed["chapters"][0]["start_ms"] == 0
    assert listed["chapters"][-1]["end_ms"] == listed["duration_ms"]


@pytest.mark.parametrize("suffix", ["mp3", "m4b"])
def test_p6_marks_lie_on_the_first_sound(job: Job, suffix: str) -> None:
    production = make(job)
    path = next(production.folder.glob(f"*.{suffix}"))
    sound = np.concatenate([np.abs(block).max(axis=0) for block in Listening(path).blocks()])
    loud = np.flatnonzero(sound > 0.02 * sound.max()) / 24
    for chapter in manifest(production)["chapters"]:
        first = loud[np.searchsorted(loud, chapter["start_ms"] - 43)]
        assert abs(first - chapter["start_ms"]) <= 43


def test_cues_cover_every_chunk_in_order(job: Job) -> None:
    production = make(job)
    cues = manifest(production)["cues"]
    assert len(cues) == len(production.script.chunks)
    assert all(left["end_ms"] <= right["start_ms"] for left, right in pairwise(cues))


def test_p7_an_older_file_survives_a_failure(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    before = contents(make(job))
    job.source.write_text(BOOK + "\n\nMore.\n")
    from narrate.writers.m4b import M4bWriter

    def fail(self: M4bWriter, *arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(M4bWriter, "write", fail)
    with pytest.raises(Exception, match=r"(?i)space"):
        make(job)
    folder = next(path for path in job.output.glob("*/*") if path.parent.name != ".narrate")
    after = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert after == before


def test_a_second_run_of_the_same_book_is_turned_away(job: Job) -> None:
    from narrate.naming import book_folder

    script, studio = prepare(job, print)
    studio.close()
    with only_run_in(job.output, book_folder(script.book.meta, job.output)), pytest.raises(Busy, match="another run"):
        make(job)


def test_chapters_can_be_chosen(job: Job) -> None:
    production = make(replace(job, chapters="2"))
    assert [chapter["title"] for chapter in manifest(production)["chapters"]] == ["Chapter 2"]
    with pytest.raises(JobError, match="--chapters 9"):
        make(replace(job, chapters="9"))


def test_a_part_does_not_take_the_place_of_the_whole(job: Job) -> None:
    whole = make(job)
    before = contents(whole)
    part = make(replace(job, chapters="2-3"))
    assert part.folder != whole.folder
    assert part.folder.name.endswith("(chapters 2-3)")
    assert contents(whole) == before


def test_damaged_segments_are_spoken_anew_in_the_same_run(job: Job) -> None:
    clean = contents(make(job))
    assert job.store is not None
    victims = sorted(path for path in (job.store / "segments").rglob("*") if path.is_file())[-3:]
    for path in victims:
        data = bytearray(path.read_bytes())
        data[100] ^= 1
        path.write_bytes(data)
    shutil.rmtree(job.store / "blobs")
    healed = make(job)
    assert contents(healed) == clean
    assert 1 <= healed.tally.bought <= 3  # an answer that came while a round was given up counts as stored


def test_damage_found_while_later_chapters_are_spoken_is_healed_in_the_same_run(
    job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = replace(job, engine="lmnt", jobs=1)
    monkeypatch.setenv("LMNT_API_KEY", KEY)
    with SpeechServer() as server:
        monkeypatch.setenv("LMNT_BASE_URL", server.url)
        first = make(job)
    keys = {chunk.key: chunk.chapter for chunk in first.script.chunks}
    store = job.store or Path()
    shutil.rmtree(store / "blobs")
    for key, chapter in keys.items():
        path = store / "segments" / key[:2] / key
        if chapter == 2:
            path.unlink()
        elif key == first.script.chunks[1].key:
            data = bytearray(path.read_bytes())
            data[100] ^= 1
            path.write_bytes(data)
    clean = contents(first)
    with SpeechServer(latency=(0.3, 0.3)) as server:
        monkeypatch.setenv("LMNT_BASE_URL", server.url)
        assert contents(make(job)) == clean
    assert len(server.spoken) == 1 + list(keys.values()).count(2)


def test_two_books_of_one_title_do_not_replace_each_other_in_one_run(job: Job) -> None:
    first = make(job)
    with pytest.raises(JobError, match="would take its place"):
        produce(job, Quiet(), yes, taken=lambda folder: "another.md" if folder == first.folder else "")


def test_a_language_written_by_its_old_code_is_understood(job: Job) -> None:
    assert make(replace(job, language="eng")).script.book.meta.language == "en"


def test_whoever_declines_spends_nothing(job: Job) -> None:
    with pytest.raises(SpeechIncomplete, match="nothing was spent"):
        produce(job, Quiet(), lambda estimate: False)
    assert not list((job.store or Path()).glob("segments/*/*"))


@pytest.mark.parametrize(
    "limits", [{"max_cost": 0.0001, "price": 1.0}, {"max_characters": 100}, {"max_requests": 3}], ids=str
)
def test_p11_at_a_limit_everything_is_kept_and_the_next_run_goes_on(job: Job, limits: dict[str, float]) -> None:
    bought = [0]
    for _ in range(30):
        console = Quiet()
        try:
            production = produce(replace(job, **limits), console, yes)
        except LimitReached as error:
            assert error.exit_code == 6
            assert "run again to go on" in str(error)
            bought.append(len(list((job.store or Path()).glob("segments/*/*"))))
            assert bought[-1] > bought[-2]
        else:
            break
    assert len(bought) > 3
    assert contents(production) == contents(make(replace(job, output=job.output / "2", store=job.output / "s")))


def test_nothing_to_speak_is_a_source_error(job: Job) -> None:
    job.source.write_text("***\n\n***\n")
    with pytest.raises(SourceError):
        make(job)


def test_awkward_titles_make_safe_files(job: Job) -> None:
    odd = (("title", "What / Why? 🎉: a\\b"), ("authors", ("../..",)))
    production = make(replace(job, metadata=odd, formats=("mp3",)))
    assert production.folder.resolve().is_relative_to(job.output.resolve())
    assert len(production.folder.relative_to(job.output).parts) == 2
    assert production.files[0].path.exists()


@pytest.mark.slow
def test_the_sample_is_spoken_by_the_embedded_voice(tmp_path: Path) -> None:
    source = tmp_path / "short.md"
    source.write_text("# A Walk\n\nThe sun was warm, but the wind was cold.\n\n# Home\n\nAt 7:45 p.m. we were home.\n")
    job = Job(source, output=tmp_path / "out", store=tmp_path / "store", formats=("mp3",))
    production = make(job)
    assert production.audiobook.voices[0][0] == "kokoro"
    assert [mark.title for mark in production.audiobook.marks] == ["A Walk", "Home"]
    assert 4000 < production.audiobook.duration_ms < 20_000
    first = contents(production)
    shutil.rmtree(tmp_path / "store")
    assert contents(make(job)) == first


@pytest.mark.skipif(not CORPUS.exists(), reason="the corpus is not beside the checkout")
@pytest.mark.parametrize("name", ["kusamakura-preview.epub", "earnest.epub"])
def test_real_books_become_audiobooks(tmp_path: Path, name: str) -> None:
    job = Job(CORPUS / name, output=tmp_path / "out", store=tmp_path / "store", engine="tone", formats=("mp3",))
    production = make(job)
    assert production.audiobook.duration_ms > 30_000
    assert sum(skip.characters for skip in production.script.skipped) + production.script.spoken_characters == (
        production.script.book.source_characters
    )
