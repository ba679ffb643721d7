"""espeak-ng: a hundred languages offline, a thousand times faster than speech, and it sounds so.

The library runs in worker processes (``espeak_worker.py``): it keeps global state, and a crash of native code must not
take narrate with it. Each utterance starts from the same state, so the same question has the same answer.
"""

from __future__ import annotations

import json
import os
import queue
import re
import subprocess
import sys
import threading
import weakref
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from difflib import get_close_matches
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, NamedTuple

from narrate.audiobook import Word
from narrate.engines import Speech, Traits, VoiceInfo
from narrate.errors import EngineClosed, EngineError, EngineRefused, EngineUnavailable, JobError
from narrate.script import Chunk, Voice
from narrate.settings import number, settled
from narrate.text.mnemonics import mnemonics
from narrate.text.phonemes import NOTATION, heard
from narrate.text.scripts import MOSTLY, foreign, script_of

NAME = "espeak"

_WORKER = Path(__file__).with_name("espeak_worker.py")
_COMMAND = (sys.executable, "-P", str(_WORKER))
"""-P: the folder narrate is run in is not searched for modules."""
_WORDS_PER_MINUTE = 175
"""espeak-ng's own default."""
_SETTINGS = {"speed": number(0.5, 2)}
_MAX_CHARS = 1000
_PATIENCE = (20.0, 0.02)
"""Seconds a worker may take, and seconds more for each character (measured: 0.0001)."""
_READS_HAN = frozenset(("cmn", "yue", "hak", "zh"))
"""Languages whose Chinese characters espeak-ng reads; in others it says "Chinese letter" for each."""
_HAN_ALLOWED = 0.1
_NOT_IN_LATIN = frozenset(
    (
        *(
            "am",
            "ar",
            "as",
            "ba",
            "be",
            "bg",
            "bn",
            "bpy",
            "chr",
            "cmn",
            "cv",
            "el",
            "en-shaw",
            "fa",
            "grc",
            "gu",
            "hak",
        ),
        *(
            "he",
            "hi",
            "hy",
            "hyw",
            "ja",
            "ka",
            "kk",
            "kn",
            "ko",
            "kok",
            "ky",
            "mk",
            "ml",
            "mr",
            "my",
            "ne",
            "nog",
            "or",
        ),
        *(
            "pa",
            "piqd",
            "qya",
            "ru",
            "sd",
            "shn",
            "si",
            "sjn",
            "sr",
            "ta",
            "te",
            "th",
            "ti",
            "tt",
            "ug",
            "uk",
            "ur",
            "uz",
        ),
        "yue",
    )
)
"""Languages whose own script is not, or not always, Latin. A voice of any other spells foreign letters one by one."""
_WORD = re.compile(r"\w[\w’'-]*")


class Installed(NamedTuple):
    """Where the library and its data lie."""

    library: str
    data: Path


class _Lang(NamedTuple):
    """A language file of espeak-ng: what selects it, its name, and the tags it serves with their rank (least: best)."""

    identifier: str
    name: str
    tags: tuple[tuple[str, int], ...]


class Espeak:
    """The engine. Workers start with the first chunks, as many as are in use at once; ``close`` ends them."""

    def __init__(self, installed: Installed | None = None, patience: float = _PATIENCE[0]) -> None:
        self._installed = installed or find_library()
        self._patience = patience
        self._idle: queue.LifoQueue[_Worker] = queue.LifoQueue()
        self.close = weakref.finalize(self, _end_all, self._idle)

    @property
    def traits(self) -> Traits:
        """It says numbers and abbreviations itself, in each language's way."""
        return Traits(
            name=NAME,
            max_chars=_MAX_CHARS,
            connections=os.cpu_count() or 1,
            languages=languages(self._installed.data),
            seconds_per_character=(0.02, 0.4),
            timings=True,
            local=True,
            speed=2_000.0,
            phonemes=frozenset(("ipa",)),
        )

    def speak(self, chunk: Chunk) -> Speech:
        """Say ``chunk`` as 16-bit PCM with the time of each word."""
        text, noted = _phonemes(_clean(chunk.text), chunk.voice.language)
        written = heard(_clean(chunk.text))
        if len(written) > _MAX_CHARS:
            raise EngineRefused(f"espeak takes {_MAX_CHARS} characters at once, not {len(written)}", engine=NAME)
        _check_script(written, chunk.voice.language)
        speed = float(chunk.voice.setting("speed", "1"))
        request: dict[str, Any] = {"text": text, "voice": chunk.voice.name, "wpm": round(_WORDS_PER_MINUTE * speed)}
        if noted:
            request["phonemes"] = True
        header, pcm = self._ask(request, self._patience + _PATIENCE[1] * len(text))
        if "error" in header:
            raise EngineClosed(str(header["error"]), engine=NAME)
        if not pcm or not any(pcm):
            raise EngineRefused("espeak-ng finds nothing to say in this text", engine=NAME)
        return Speech(pcm, "pcm_s16le", int(header["rate"]), _words(text, noted, header["words"], header["length_ms"]))

    def pronounce(self, text: str, voice: Voice) -> str:
        """How ``voice`` would say ``text``, in IPA."""
        header, _ = self._ask({"text": _clean(text)[:_MAX_CHARS], "voice": voice.name, "ipa": True}, self._patience)
        return str(header.get("ipa", ""))

    def _ask(self, request: dict[str, Any], limit: float) -> tuple[dict[str, Any], bytes]:
        worker = self._worker()
        try:
            answer = worker.ask(request, limit)
        except BaseException:
            worker.end()
            raise
        if worker.ended:
            worker.end()
        else:
            self._idle.put(worker)
        if not self.close.alive:  # closed while this was spoken: nobody else would end the worker
            _end_all(self._idle)
        return answer

    def _worker(self) -> _Worker:
        """An idle worker that still lives, or a new one."""
        while True:
            try:
                worker = self._idle.get_nowait()
            except queue.Empty:
                return _Worker(self._installed)
            if not worker.ended:
                return worker
            worker.end()


def find_library() -> Installed:
    """The espeak-ng of the package espeakng-loader; EngineClosed when it is not installed."""
    try:
        import espeakng_loader

        return Installed(espeakng_loader.get_library_path(), Path(espeakng_loader.get_data_path()))
    except (ImportError, RuntimeError, OSError):
        raise EngineClosed(
            "the package espeakng-loader is missing; install it with 'pip install espeakng-loader'", engine=NAME
        ) from None


def voices() -> tuple[VoiceInfo, ...]:
    """One voice for each language file, named by its language tag."""
    listed = ((lang.tags[0][0], lang.name) for lang in _langs(find_library().data) if lang.tags)
    return tuple(VoiceInfo(tag, tag, name) for tag, name in sorted(listed))


def languages(data: Path) -> frozenset[str]:
    """The primary subtags espeak-ng speaks."""
    return frozenset(tag.partition("-")[0] for lang in _langs(data) for tag, _ in lang.tags)


def voice(name: str = "", language: str = "en", settings: Mapping[str, str] | None = None) -> Voice:
    """The Voice for a language, or the one named by a tag that ``voices`` lists ("en-us", "pt-br").

    The only setting is ``speed``, 0.5 to 2. Whatever is unknown is a JobError.
    """
    known = _langs(find_library().data)
    wanted = (name or language or "en").replace("_", "-").lower()
    found = _best(wanted, known, exact=bool(name))
    if found is None:
        tags = sorted({tag for lang in known for tag, _ in lang.tags})
        close = get_close_matches(wanted, tags, 1, 0.6)
        hint = f"; did you mean '{close[0]}'?" if close else "; 'narrate voices' lists what there is"
        raise JobError(f"espeak: unknown {'voice' if name else 'language'} '{name or language}'{hint}")
    speed = settled(NAME, settings or {}, _SETTINGS).get("speed", "1")
    return Voice(NAME, _model_name(), found.identifier, found.tags[0][0], () if speed == "1" else (("speed", speed),))


def _best(wanted: str, known: tuple[_Lang, ...], exact: bool) -> _Lang | None:
    """The language file that serves a tag best: the tag itself, else, unless ``exact``, the shorter tag."""
    while wanted:
        served = [(rank, lang) for lang in known for tag, rank in lang.tags if tag == wanted]
        if served:
            return min(served, key=lambda pair: (pair[0], pair[1].identifier))[1]
        if exact:
            return None
        wanted = wanted.rpartition("-")[0]
    return None


@cache
def _langs(data: Path) -> tuple[_Lang, ...]:
    """The language files, read once. A language may come as Latin letters ("cmn-latn-pinyin") as well."""
    found = []
    for path in sorted((data / "lang").glob("*/*")):
        with suppress(OSError, UnicodeDecodeError):
            found.append(_lang(path))
    return tuple(lang for lang in found if lang.tags)


def _lang(path: Path) -> _Lang:
    name, tags = path.name, []
    for line in path.read_text(encoding="utf-8").splitlines():
        key, _, value = line.partition("//")[0].strip().partition(" ")
        if key == "name":
            name = value.strip()
        elif key == "language":
            tag, _, rank = value.strip().partition(" ")
            tags.append((tag.lower(), int(rank) if rank.strip().isdigit() else 5))  # 5 is espeak-ng's default
    return _Lang(f"{path.parent.name}/{path.name}", name, tuple(tags))


def _model_name() -> str:
    try:
        return f"espeakng-loader-{version('espeakng-loader')}"
    except PackageNotFoundError:
        return "espeak-ng"


def _clean(text: str) -> str:
    """Without NUL, which would end the text for the library, and without lone surrogates, which no encoding has."""
    return text.replace("\0", "").encode("utf-8", "ignore").decode()


def _check_script(text: str, language: str) -> None:
    """Refuse text whose letters would be announced one by one instead of read."""
    primary = language.partition("-")[0]
    if primary in _READS_HAN or text.isascii():
        return
    share, script = foreign(text)
    if share > MOSTLY and not {primary, language} & _NOT_IN_LATIN:
        raise EngineRefused(
            f"the text is in {script} script, which the voice for '{language}' would only spell; set --language",
            engine=NAME,
        )
    letters = [character for character in text if character.isalpha()]
    han = sum(not character.isascii() and script_of(character) == "CJK" for character in letters)
    if han > _HAN_ALLOWED * len(letters):
        raise EngineRefused(
            f"espeak-ng cannot read Chinese characters in '{language}'; use an engine that can (narrate voices)",
            engine=NAME,
        )


class _Noted(NamedTuple):
    """A range of what is sent that holds mnemonics, and the word they stand for."""

    start: int
    end: int
    word: str


def _phonemes(text: str, language: str) -> tuple[str, list[_Noted]]:
    """``text`` with mnemonics for each notation; a word whose phonemes the voice lacks is left to the voice."""
    if "](/" not in text:
        return text, []
    sent, noted, at = "", [], 0
    for found in NOTATION.finditer(text):
        sent += text[at : found.start()].replace("[[", "[ [")
        said = mnemonics(found[2], language)
        if said:
            noted.append(_Noted(len(sent), len(sent) + len(said) + 4, found[1]))
        sent += f"[[{said}]]" if said else found[1]
        at = found.end()
    return sent + text[at:].replace("[[", "[ ["), noted


def _words(text: str, noted: list[_Noted], timings: list[list[int]], length_ms: int) -> tuple[Word, ...]:
    """Word events as times: a word lasts until the next begins. Letters spelled one by one are one word."""
    found: list[Word] = []
    last = -1
    for index, (first, size, start) in enumerate(timings):
        end = timings[index + 1][2] if index + 1 < len(timings) else max(length_ms, start)
        own = next((one for one in noted if one.start <= first < one.end), None)
        place = own.start if own else first
        word = own.word if own else text[first : first + size] or _at(text, first)
        if place == last:
            found[-1] = replace(found[-1], end_ms=max(start, end))
        elif word.strip():
            found.append(Word(word, start, max(start, end)))
            last = place
    return tuple(found)


def _at(text: str, first: int) -> str:
    """The word at a place. Behind a quotation mark espeak-ng gives a word's place without its length."""
    word = _WORD.match(text, first)
    return word[0] if word else ""


class _Worker:
    """A process that speaks one text at a time."""

    def __init__(self, installed: Installed) -> None:
        command = [*_COMMAND, installed.library, str(installed.data)]
        try:
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
            )
        except OSError as error:
            raise EngineUnavailable(f"cannot start espeak-ng: {error.strerror}", engine=NAME) from None

    @property
    def ended(self) -> bool:
        """Whether the process answers no more (without fork it answers once)."""
        return not hasattr(os, "fork") or self._process.poll() is not None

    def ask(self, request: dict[str, Any], limit: float) -> tuple[dict[str, Any], bytes]:
        """Send a request and read the answer, within ``limit`` seconds."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        alarm = threading.Timer(limit, self._process.kill)
        alarm.daemon = True
        alarm.start()
        try:
            self._process.stdin.write(json.dumps(request).encode() + b"\n")
            self._process.stdin.flush()
            header = json.loads(self._process.stdout.readline())
            size = int(header.get("size", 0))
            pcm = self._process.stdout.read(size)
        except (OSError, ValueError) as error:
            raise self._failed() from error
        finally:
            alarm.cancel()
        if len(pcm) != size:
            raise self._failed()
        return header, pcm

    def _failed(self) -> EngineError:
        return EngineUnavailable("espeak-ng ended in the middle of a text, or took too long", engine=NAME)

    def end(self) -> None:
        """End the process and wait for it."""
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                with suppress(OSError):
                    stream.close()
        self._process.kill()
        self._process.wait()


def _end_all(idle: queue.LifoQueue[_Worker]) -> None:
    while True:
        try:
            idle.get_nowait().end()
        except queue.Empty:
            return
