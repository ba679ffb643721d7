"""espeak-ng through its worker process: real, offline, a few milliseconds a sentence."""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from narrate.engines import espeak
from narrate.engines.espeak import Espeak, Installed, voice
from narrate.errors import EngineClosed, EngineRefused, EngineUnavailable, JobError
from narrate.script import Chunk, Voice
from narrate.text import mnemonics
from tests.suites.engine_suite import EngineSuite


@pytest.fixture
def engine() -> Iterator[Espeak]:
    engine = Espeak()
    yield engine
    engine.close()


class TestEspeak(EngineSuite):
    @pytest.fixture
    def engine(self) -> Iterator[Espeak]:
        engine = Espeak()
        yield engine
        engine.close()

    @pytest.fixture
    def voice(self) -> Voice:
        return voice()


def chunk(text: str, language: str = "en", **settings: str) -> Chunk:
    return Chunk(text, voice(language=language, settings=settings), 0)


def test_the_same_question_has_the_same_answer_whatever_was_said_before(engine: Espeak) -> None:
    first = engine.speak(chunk("Good morning to you all."))
    engine.speak(chunk("Something else, at 7:45 p.m."))
    assert engine.speak(chunk("Good morning to you all.")) == first
    other = Espeak()
    assert other.speak(chunk("Good morning to you all.")).audio == first.audio
    other.close()


def test_many_threads_get_their_own_answers(engine: Espeak) -> None:
    texts = [f"This is sentence number {number}." for number in range(12)]
    alone = [engine.speak(chunk(text)).audio for text in texts]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda text: engine.speak(chunk(text)).audio, texts))
    assert together == alone
    assert len(set(alone)) == len(alone)


def test_words_have_times(engine: Espeak) -> None:
    speech = engine.speak(chunk("Héllo there, my “friend”."))
    assert [word.text for word in speech.words] == ["Héllo", "there", "my", "friend"]
    assert speech.words[0].start_ms == 0
    assert all(a.end_ms == b.start_ms for a, b in zip(speech.words, speech.words[1:], strict=False))
    assert speech.words[-1].end_ms <= len(speech.audio) / 2 / speech.rate * 1000 + 1


def test_speed_changes_the_length(engine: Espeak) -> None:
    text = "The quick brown fox jumps over the lazy dog."
    slow, fast = engine.speak(chunk(text, speed="0.7")), engine.speak(chunk(text, speed="1.5"))
    assert len(slow.audio) > 1.6 * len(fast.audio)


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("fr-CA", "Bonjour à tous."),
        ("ru", "Это русский текст."),
        ("zh-CN", "你好，世界。"),
        ("el", "Καλημέρα κόσμε."),
        ("ja", "こんにちは"),
        ("en", "A stray слово is spelled."),
        ("en", "nul\0 and \ud800 go"),
        ("en", "Long. " * 150),
        ("en", "<b>no markup</b> [[no phonemes]]"),
    ],
)
def test_speaks(engine: Espeak, language: str, text: str) -> None:
    speech = engine.speak(chunk(text, language))
    assert len(speech.audio) / 2 / speech.rate > 0.03 * sum(map(str.isalnum, text))


def test_nul_and_surrogates_are_as_if_they_were_not_there(engine: Espeak) -> None:
    assert engine.speak(chunk("one\0 two \ud800three")).audio == engine.speak(chunk("one two three")).audio


@pytest.mark.parametrize(
    ("language", "text"),
    [("ja", "日本語の文章です"), ("en", "Это русский текст"), ("de", "漢字"), ("en", "..."), ("en", "")],
)
def test_what_would_be_gibberish_or_silence_is_refused(engine: Espeak, language: str, text: str) -> None:
    with pytest.raises(EngineRefused):
        engine.speak(chunk(text, language))


def test_a_worker_that_dies_while_idle_is_replaced(engine: Espeak) -> None:
    first = engine.speak(chunk("Again."))
    worker = engine._idle.get_nowait()
    worker._process.kill()
    worker._process.wait()
    engine._idle.put(worker)
    assert engine.speak(chunk("Again.")) == first


def test_a_worker_that_is_too_slow_is_unavailable_and_the_next_is_not(engine: Espeak) -> None:
    engine.speak(chunk("Warm."))
    worker = engine._idle.get_nowait()
    os.kill(worker._process.pid, signal.SIGSTOP)
    engine._idle.put(worker)
    engine._patience = 0.05
    with pytest.raises(EngineUnavailable, match="took too long"):
        engine.speak(chunk("Warm."))
    assert worker._process.poll() is not None
    engine._patience = 20.0
    assert engine.speak(chunk("Warm.")).audio


def test_no_process_outlives_the_engine() -> None:
    engine = Espeak()
    engine.speak(chunk("Hello."))
    worker = engine._idle.get_nowait()
    engine._idle.put(worker)
    del engine
    gc.collect()
    assert worker._process.poll() is not None


def test_a_worker_that_spoke_while_the_engine_was_closed_ends_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Espeak()
    asked, ask = [], espeak._Worker.ask

    def closing(worker: espeak._Worker, *arguments: object) -> object:
        asked.append(worker)
        answer = ask(worker, *arguments)  # type: ignore[arg-type]
        engine.close()
        return answer

    monkeypatch.setattr(espeak._Worker, "ask", closing)
    assert engine.speak(Chunk("All is well.", voice("", "en"), 0)).audio
    assert asked[0]._process.returncode is not None


def test_a_worker_ends_when_narrate_does() -> None:
    worker = espeak._Worker(espeak.find_library())
    assert worker._process.stdin is not None
    worker._process.stdin.close()
    assert worker._process.wait(timeout=10) == 0
    worker.end()


def test_a_library_that_is_none_closes_the_engine(tmp_path: Path) -> None:
    engine = Espeak(Installed(str(tmp_path / "none.so"), espeak.find_library().data))
    with pytest.raises(EngineClosed, match="cannot be loaded"):
        engine.speak(chunk("Hello."))
    engine.close()


def test_without_fork_each_text_gets_a_process(engine: Espeak, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = engine.speak(chunk("Hello."))
    script = (
        "import os, sys, runpy; del os.fork; sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0], run_name='__main__')"
    )
    bare = Espeak()
    installed = espeak.find_library()
    monkeypatch.delattr(os, "fork")
    monkeypatch.setattr(espeak, "_COMMAND", (sys.executable, "-P", "-c", script, str(espeak._WORKER)))
    assert bare.speak(chunk("Hello.")) == expected
    assert bare.speak(chunk("Hello.")) == expected
    assert bare._idle.empty()
    assert installed.data.is_dir()
    bare.close()


def test_a_missing_package_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "espeakng_loader", None)
    with pytest.raises(EngineClosed, match="pip install espeakng-loader"):
        espeak.find_library()


@pytest.mark.parametrize(
    ("language", "identifier"),
    [
        ("en", "gmw/en"),
        ("en-US", "gmw/en-US"),
        ("zh-CN", "sit/cmn"),
        ("nb-NO", "gmq/nb"),
        ("pt-BR", "roa/pt-BR"),
        ("de_AT", "gmw/de"),
    ],
)
def test_a_language_picks_its_voice(language: str, identifier: str) -> None:
    assert voice(language=language).name == identifier


@pytest.mark.parametrize(
    ("name", "language", "settings", "message"),
    [
        ("", "xx", {}, "unknown language 'xx'"),
        ("pt-bz", "en", {}, "did you mean 'pt-br'"),
        ("", "en", {"speed": "fast"}, "must be a number from 0.5 to 2"),
        ("", "en", {"tempo": "1"}, "unknown setting 'tempo'"),
    ],
)
def test_unknown_words_are_job_errors(name: str, language: str, settings: dict[str, str], message: str) -> None:
    with pytest.raises(JobError, match=message):
        voice(name, language, settings)


def test_voices_are_listed_and_each_can_be_chosen() -> None:
    listed = espeak.voices()
    assert len(listed) > 100
    assert all(voice(name=info.name).name for info in listed)


def test_traits(engine: Espeak) -> None:
    traits = engine.traits
    assert traits.languages is not None
    assert {"en", "fr", "ja", "zh", "no"} <= traits.languages
    assert traits.normalises
    assert traits.timings
    assert traits.local


def test_phonemes_in_the_text_are_said(engine: Espeak) -> None:
    noted = engine.speak(chunk("Mister [Cholmondeley](/ˈtʃʌmli/) said so.", "en-us"))
    spelt = engine.speak(chunk("Mister Chumley said so.", "en-us"))
    assert [word.text for word in noted.words] == ["Mister", "Cholmondeley", "said", "so"]
    assert len(noted.audio) == pytest.approx(len(spelt.audio), rel=0.02)
    assert noted.audio != engine.speak(chunk("Mister Cholmondeley said so.", "en-us")).audio
    assert engine.traits.phonemes == {"ipa"}


def test_several_words_of_phonemes_are_one_word_as_written(engine: Espeak) -> None:
    said = engine.speak(chunk("To [San José](/sæn hoʊˈseɪ/) she went.", "en-us"))
    assert [word.text for word in said.words] == ["To", "San José", "she", "went"]


def test_phonemes_a_voice_lacks_are_left_to_it(engine: Espeak) -> None:
    assert engine.speak(chunk("Ja, [Praha](/ˈpraɦa/).", "cs")).audio == engine.speak(chunk("Ja, Praha.", "cs")).audio
    assert espeak._phonemes("[Goethe](/ˈɡøːtə/) [[x]]", "de") == ("[['gY:t@]] [ [x]]", [(0, 10, "Goethe")])
    assert espeak._phonemes("[[x]] [y]", "de") == ("[[x]] [y]", [])


def test_how_a_voice_would_say_a_text(engine: Espeak) -> None:
    assert engine.pronounce("Worcester, or so. Yes!", voice("en-us")) == "wˈʊstɚ ɔːɹ sˈoʊ jˈɛs"
    assert engine.pronounce("schön", voice("de")) == "ʃˈøːn"
    assert engine.pronounce("", voice("de")) == ""


ALL = {"en": "en-us", "de": "de", "fr": "fr", "es": "es", "it": "it"}


@pytest.mark.parametrize("language", sorted(mnemonics.LANGUAGES))
def test_every_mnemonic_is_known_to_its_voice(engine: Espeak, language: str) -> None:
    """An unknown one would end the word: each stands before the same syllables, and all must be longer than those."""
    found = voice(ALL[language])

    def length(said: str) -> int:
        request = {"text": f"[[{said}]]", "voice": found.name, "wpm": 175, "phonemes": True}
        return int(engine._ask(request, 20)[0]["length_ms"])

    signs = mnemonics._ENGLISH if language == "en" else mnemonics._table()
    tail = mnemonics.mnemonics("tatatata", language)
    bare = length(tail)
    assert length("2" + tail) < 0.7 * bare  # a sign that none of the tables has
    for sign in signs:
        said = mnemonics.mnemonics(f"{sign}tatatata", language)
        if said.strip("'") != tail.strip("'") and sign not in "ˈˌ":
            assert length(said) > 0.9 * bare, (language, sign, said)
