"""espeak-ng in a process of its own, since it keeps global state and native code may crash. Run by ``espeak.py``.

    python -P espeak_worker.py LIBRARY DATA

Requests are lines of JSON on standard input: ``{"text", "voice", "wpm"}``, with ``"phonemes": true`` when the text
holds mnemonics between [[ and ]]. An answer is a line of JSON on standard output, ``{"size", "rate", "words": [[first
character, length, start ms], ...], "length_ms"}`` and ``size`` bytes of 16-bit mono PCM, or ``{"error": "..."}``. To
``{"text", "voice", "ipa": true}`` it is ``{"size": 0, "ipa"}``: how the voice would say the text.

One utterance changes the sound of the next within one process (by a few samples), so each is spoken in a fork of the
warm process; where there is no fork, the process answers once and ends. It imports nothing but the standard library
and ends when its standard input does.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
from typing import Any

_SYNCHRONOUS = 2
_DONT_EXIT = 0x8000
_UTF8 = 1
_PHONEMES = 0x100
_IPA = 2
_BY_CHARACTER = 1
_RATE_PARAMETER = 1
_WORD_EVENT = 1
_END_EVENT = 5


class _Id(ctypes.Union):
    _fields_ = (("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8))


class _Event(ctypes.Structure):
    """espeak_EVENT of speak_lib.h."""

    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _Id),
    )


_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.POINTER(_Event))


class Library:
    """The loaded library; ``speak`` once per process."""

    def __init__(self, library: str, data: str) -> None:
        self._lib = ctypes.CDLL(library)
        self._pcm = bytearray()
        self._words: list[tuple[int, int, int]] = []
        self._end = 0
        self._callback = _Callback(self._collect)
        self.rate = int(self._lib.espeak_Initialize(_SYNCHRONOUS, 0, os.fsencode(data), _DONT_EXIT))
        if self.rate <= 0:
            raise OSError("espeak-ng cannot read its data")
        self._lib.espeak_SetSynthCallback(self._callback)

    def _collect(self, samples: int | None, count: int, events: Any) -> int:
        if samples and count > 0:
            self._pcm += ctypes.string_at(samples, count * 2)
        index = 0
        while events[index].type:
            event = events[index]
            if event.type == _WORD_EVENT:
                self._words.append((event.text_position - 1, event.length, event.audio_position))
            elif event.type == _END_EVENT:
                self._end = event.audio_position
            index += 1
        return 0

    def speak(self, text: str, voice: str, wpm: int, phonemes: bool) -> bytes:
        """The whole answer to one request."""
        if self._lib.espeak_SetVoiceByName(voice.encode()) != 0:
            return _line({"error": f"espeak-ng has no voice '{voice}'"})
        self._lib.espeak_SetParameter(_RATE_PARAMETER, wpm, 0)
        spoken = text.encode()
        flags = _UTF8 | (_PHONEMES if phonemes else 0)
        status = self._lib.espeak_Synth(spoken, len(spoken) + 1, 0, _BY_CHARACTER, 0, flags, None, None)
        if status != 0:
            return _line({"error": f"espeak-ng failed with status {status}"})
        header = {"size": len(self._pcm), "rate": self.rate, "words": self._words, "length_ms": self._end}
        return _line(header) + bytes(self._pcm)

    def ipa(self, text: str, voice: str) -> bytes:
        """How a voice would say a text."""
        if self._lib.espeak_SetVoiceByName(voice.encode()) != 0:
            return _line({"error": f"espeak-ng has no voice '{voice}'"})
        tell = self._lib.espeak_TextToPhonemes
        tell.restype = ctypes.c_char_p
        tell.argtypes = [ctypes.POINTER(ctypes.c_char_p), ctypes.c_int, ctypes.c_int]
        rest, said = ctypes.c_char_p(text.encode()), []
        while rest.value:  # it takes a clause at a time
            said.append((tell(ctypes.byref(rest), _UTF8, _IPA) or b"").decode("utf-8", "replace").strip())
        return _line({"size": 0, "ipa": " ".join(filter(None, said))})


def _line(header: dict[str, Any]) -> bytes:
    return json.dumps(header).encode() + b"\n"


def _answer(library: Library, line: bytes) -> None:
    request = json.loads(line)
    text, voice = request["text"], request["voice"]
    if request.get("ipa"):
        answer = library.ipa(text, voice)
    else:
        answer = library.speak(text, voice, request["wpm"], request.get("phonemes", False))
    sys.stdout.buffer.write(answer)
    sys.stdout.buffer.flush()


def _answer_in_fork(library: Library, line: bytes) -> int:
    """Answer in a child process; its exit status. Nothing of the utterance stays behind in this one."""
    child = os.fork()
    if child == 0:
        status = 70  # EX_SOFTWARE of sysexits.h
        try:
            _answer(library, line)
            status = 0
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def main(arguments: list[str]) -> int:
    """Answer requests until standard input ends; the exit code."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what an interrupt means
    try:
        library = Library(*arguments)
    except OSError as error:
        sys.stdin.buffer.readline()
        sys.stdout.buffer.write(_line({"error": f"espeak-ng cannot be loaded: {error}"}))
        return 0
    for line in sys.stdin.buffer:
        if not hasattr(os, "fork"):
            _answer(library, line)
            return 0
        status = _answer_in_fork(library, line)
        if status != 0:
            return 70
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
