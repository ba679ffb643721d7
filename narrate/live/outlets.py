"""Where live speech goes, as it is made: a file, standard output, the speakers. One protocol, three outlets."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Literal, Protocol

from narrate import disk
from narrate.delivery import Delivery
from narrate.errors import AudioError, Busy, JobError, NarrateError

try:
    import fcntl
except ImportError:  # pragma: no cover (Windows)
    fcntl = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from narrate.audio.streams import Kind
    from narrate.booth import Take

STREAM_S = 1.0
"""Seconds of sound that a stream encodes at once."""
SLICE_S = 0.1
"""Seconds of sound given to the speakers at once: how soon an interruption is heard."""
KINDS: dict[str, Kind] = {
    ".mp3": "mp3", ".wav": "wav", ".flac": "flac", ".opus": "opus", ".ogg": "opus", ".webm": "webm", ".aac": "aac",
}  # fmt: skip
"""The encoding of a file by its name."""

Ending = Literal["whole", "cut", "failed"]
"""All that came was heard, but for what was interrupted; it ended before its end; it could not go on."""


class Outlet(Protocol):
    """Takes in the order in which they are heard. All but ``interrupt`` are called by one thread."""

    def play(self, take: Take, gap_ms: int, wanted: Callable[[], bool]) -> None:
        """Let ``take`` be heard, for as long as it is ``wanted``; ``gap_ms`` is the pause between it and the last."""
        ...

    def end_turn(self) -> None:
        """Whatever is held back is heard."""
        ...

    def interrupt(self) -> None:
        """What is being heard stops at once. Called by another thread, at any time."""
        ...

    def finish(self, ending: Ending) -> None:
        """Nothing more comes. Called once."""
        ...


class Stream:
    """An outlet of bytes for whoever listens now: between turns there are no pauses but those that there were."""

    def __init__(self, file: IO[bytes], kind: Kind, rate: int) -> None:
        self._file = file
        self._delivery = Delivery(kind, rate)
        self.heard = False

    def play(self, take: Take, gap_ms: int, wanted: Callable[[], bool]) -> None:
        """Sound leaves a second at a time."""
        self.heard = True
        self._delivery.rest(gap_ms)
        for data, _ in self._delivery.slices(take, 0, STREAM_S):
            self._write(data)
            if not wanted():
                return

    def end_turn(self) -> None:
        """What the codec holds."""
        self._write(self._delivery.flush())

    def interrupt(self) -> None:
        """What is written is written."""

    def finish(self, ending: Ending) -> None:
        """The end of the stream; where nobody reads any more there is nothing to end."""
        try:
            self._write(self._delivery.finish())
        except (OSError, NarrateError):
            if ending != "failed":  # else what failed before is the one to tell
                raise

    def _write(self, data: bytes) -> None:
        self._file.write(data)
        self._file.flush()


class File(Stream):
    """A file, which appears under its name when it is complete. Until then it is ``NAME.part``, which plays already.

    What was cut short does not take the place of an older file, and what failed takes none: it stays ``NAME.part``,
    and ``report`` is told. Nobody waits for a file, so a turn's end leaves no trace in it.
    """

    def __init__(self, path: Path, rate: int, report: Callable[[str], None] = lambda sentence: None) -> None:
        self._path, self._report = path, report
        self._part = path.with_name(f"{path.name}.part")
        kind = KINDS.get(path.suffix.lower())
        if kind is None:
            hint = "; audiobooks are made with --book TITLE" if path.suffix.lower() in (".m4b", ".m4a") else ""
            raise JobError(f"{path}: the name must end in {', '.join(KINDS)}{hint}")
        if path.is_dir():
            raise JobError(f"{path}: is a folder; name a file")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._sound = _open_alone(self._part)
        except OSError as error:
            raise self._refused(error) from error
        super().__init__(self._sound, kind, rate)

    def end_turn(self) -> None:
        """The next turn goes on where this one ends."""

    def finish(self, ending: Ending) -> None:
        """The file is complete, and takes its place; without any sound there is none."""
        try:
            super().finish(ending)
            if self.heard:
                self._settle(ending)
            else:
                self._part.unlink()
        except OSError as error:
            raise self._refused(error) from error
        finally:
            with suppress(OSError):  # a full disk says so again
                self._sound.close()

    def _settle(self, ending: Ending) -> None:
        try:
            if self._path.suffix.lower() == ".wav":
                _state_sizes(self._sound)
            self._sound.flush()
            disk.sync(self._sound.fileno())
        except OSError:
            if ending != "failed":
                raise
        if ending == "failed" or (ending == "cut" and self._path.exists()):
            older = f"; the older {self._path.name} is unharmed" if self._path.exists() else ""
            self._report(f"what was said is in {self._part}{older}")
            return
        if os.name == "nt":  # pragma: no cover (an open file cannot be moved there)
            self._sound.close()
        self._part.replace(self._path)
        disk.sync_folder(self._path.parent)

    def _write(self, data: bytes) -> None:
        try:
            super()._write(data)
        except OSError as error:
            raise self._refused(error) from error

    def _refused(self, error: OSError) -> NarrateError:
        return NarrateError(f"{self._path}: cannot be written: {(error.strerror or str(error)).lower()}")


def _open_alone(path: Path) -> IO[bytes]:
    """A new, empty file at ``path``, or what a dead run left there; Busy when another run writes it."""
    while True:
        file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o666), "r+b")
        try:
            _lock(file)
            # unless another run has just finished it, and moved it to its place
            if os.path.samestat(os.fstat(file.fileno()), path.stat()):
                file.truncate()
                return file
        except FileNotFoundError:
            pass
        except BlockingIOError:
            file.close()
            raise Busy(f"{path}: another run is writing it; wait for it to end, or name another file") from None
        except OSError:
            file.close()
            raise
        file.close()


def _lock(file: IO[bytes]) -> None:
    try:
        if fcntl is not None:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise
    except OSError as error:
        if error.errno not in (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL):  # no locks on this disk
            raise


def _state_sizes(file: IO[bytes]) -> None:
    """Write the true sizes into the header of a WAV that was streamed."""
    size = file.seek(0, os.SEEK_END)
    if size < 44:  # a full disk did not even take the header
        return
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
        self._lock = threading.Lock()  # no write while the device is stopped
        self._trouble: type[Exception] = sounddevice.PortAudioError
        self._speaking = False
        self._closed = False
        try:
            self._device: Any = sounddevice.RawOutputStream(samplerate=rate, channels=1, dtype="int16")
            self._device.start()
        except self._trouble as error:
            raise AudioError(f"--play: the speakers cannot be opened: {error}; use -o FILE instead") from error

    def play(self, take: Take, gap_ms: int, wanted: Callable[[], bool]) -> None:
        """Heard as it goes out; blocks while the device has enough."""
        import numpy as np

        from narrate.audio import codec

        sound = codec.resample(take.samples, take.rate, self._rate)
        if self._speaking:
            sound = np.concatenate([np.zeros(self._rate * gap_ms // 1000, np.int16), sound])
        self._speaking = True
        step = round(self._rate * SLICE_S)
        for place in range(0, len(sound), step):
            with self._lock:
                if not wanted():
                    return
                self._device_does("write", sound[place : place + step].tobytes())

    def end_turn(self) -> None:
        """The device plays what it has."""
        self._speaking = False

    def interrupt(self) -> None:
        """What the device holds is dropped."""
        with self._lock, suppress(AudioError):  # a device that fails is told of by the next that is played
            if not self._closed:
                self._device_does("abort")
                self._device_does("start")

    def finish(self, ending: Ending) -> None:
        """Wait until all is heard."""
        with self._lock:
            self._closed = True
            self._device_does("stop")
            self._device_does("close")

    def _device_does(self, what: str, *data: bytes) -> None:
        try:
            getattr(self._device, what)(*data)
        except self._trouble as error:
            raise AudioError(f"--play: the speakers have failed: {error}") from error
