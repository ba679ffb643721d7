"""Where live speech goes, as it is made: a file, standard output, the speakers. One protocol, three outlets."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Protocol

from narrate.delivery import Delivery
from narrate.errors import AudioError, JobError, NarrateError

if TYPE_CHECKING:
    from narrate.audio.streams import Kind
    from narrate.booth import Take

SLICE_S = 0.1
"""Seconds of sound given to the speakers at once: how soon an interruption is heard."""
KINDS: dict[str, Kind] = {
    ".mp3": "mp3", ".wav": "wav", ".flac": "flac", ".opus": "opus", ".ogg": "opus", ".webm": "webm", ".aac": "aac",
}  # fmt: skip
"""The encoding of a file by its name."""


class Outlet(Protocol):
    """Takes in the order in which they are heard. All but ``interrupt`` are called by one thread."""

    def play(self, take: Take, pause_ms: int, wanted: Callable[[], bool]) -> None:
        """Let ``take`` be heard, for as long as it is ``wanted``, and then a pause."""
        ...

    def end_turn(self) -> None:
        """Whatever is held back is heard."""
        ...

    def interrupt(self) -> None:
        """What is being heard stops at once. Called by another thread."""
        ...

    def finish(self, whole: bool) -> None:
        """Everything is heard. ``whole`` is False when something went wrong: then a file does not take its place."""
        ...


class Stream:
    """An outlet of bytes."""

    def __init__(self, file: IO[bytes], kind: Kind, rate: int) -> None:
        self._file = file
        self._delivery = Delivery(kind, rate)
        self.heard = False

    def play(self, take: Take, pause_ms: int, wanted: Callable[[], bool]) -> None:
        """Sound leaves a second at a time."""
        self.heard = True
        for data, _ in self._delivery.slices(take, pause_ms, 1.0):
            self._write(data)
            if not wanted():
                return

    def end_turn(self) -> None:
        """What the codec holds."""
        self._write(self._delivery.flush())

    def interrupt(self) -> None:
        """What is written is written."""

    def finish(self, whole: bool) -> None:
        """The end of the stream."""
        self._write(self._delivery.finish())

    def _write(self, data: bytes) -> None:
        self._file.write(data)
        self._file.flush()


class File(Stream):
    """A file, which appears under its name when it is whole. Until then it is ``NAME.part``, which plays already."""

    def __init__(self, path: Path, rate: int) -> None:
        self._path = path
        self._part = path.with_name(f"{path.name}.part")
        kind = KINDS.get(path.suffix.lower())
        if kind is None:
            raise JobError(f"{path}: the name must end in {', '.join(KINDS)}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            file = self._part.open("wb")
        except OSError as error:
            raise NarrateError(f"{path}: cannot be written: {error.strerror}") from error
        self._sound = file
        super().__init__(file, kind, rate)

    def finish(self, whole: bool) -> None:
        """The file is complete, and takes its place; without any sound there is none."""
        super().finish(whole)
        if self._path.suffix.lower() == ".wav":
            _state_sizes(self._sound)
        self._sound.flush()
        os.fsync(self._sound.fileno())
        self._sound.close()
        if not self.heard:
            self._part.unlink()
        elif whole:
            self._part.replace(self._path)


def _state_sizes(file: IO[bytes]) -> None:
    """Write the true sizes into the header of a WAV that was streamed."""
    size = file.seek(0, os.SEEK_END)
    for place, value in ((4, size - 8), (40, size - 44)):
        file.seek(place)
        file.write(min(value, 0xFFFFFFFF).to_bytes(4, "little"))
    file.seek(0, os.SEEK_END)


class Speakers:
    """The machine's own. Needs the extra ``play``."""

    def __init__(self, rate: int) -> None:
        try:
            import sounddevice
        except ImportError as error:
            raise JobError('--play: needs an extra; install it with: pip install "narrate[play]"') from error
        except OSError as error:  # the package is there, the system's PortAudio is not
            raise JobError("--play: the system has no PortAudio library; install libportaudio2") from error
        self._rate = rate
        self._lock = threading.Lock()
        try:
            self._device: Any = sounddevice.RawOutputStream(samplerate=rate, channels=1, dtype="int16")
            self._device.start()
        except sounddevice.PortAudioError as error:
            raise AudioError(f"--play: the speakers cannot be opened: {error}; use -o FILE instead") from error

    def play(self, take: Take, pause_ms: int, wanted: Callable[[], bool]) -> None:
        """Heard as it goes out; blocks while the device has enough."""
        import numpy as np

        from narrate.audio import codec

        sound = codec.resample(take.samples, take.rate, self._rate)
        sound = np.concatenate([sound, np.zeros(self._rate * pause_ms // 1000, np.int16)])
        step = round(self._rate * SLICE_S)
        for place in range(0, len(sound), step):
            if not wanted():
                return
            self._device.write(sound[place : place + step].tobytes())

    def end_turn(self) -> None:
        """The device plays what it has."""

    def interrupt(self) -> None:
        """What the device holds is dropped."""
        with self._lock:
            self._device.abort()
            self._device.start()

    def finish(self, whole: bool) -> None:
        """Wait until all is heard."""
        self._device.stop()
        self._device.close()
