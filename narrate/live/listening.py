"""Text as it comes in: read in a thread of its own, and on disk before it is spoken.

A listener's text is never only heard: whatever goes wrong with the speech, what was to be said can be read.
"""

from __future__ import annotations

import codecs
import io
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import IO

from narrate.errors import Interrupted, JobError, NarrateError, SourceError

Cancelled = Callable[[], bool]
Pieces = Callable[[Cancelled], Iterator[str]]
Report = Callable[[str], None]

_AT_ONCE = 65_536
_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_STRAYS = {0xDC00 + byte: bytes([byte]).decode("cp1252", "replace") for byte in range(0x80, 0x100)}
"""A byte that is no UTF-8 (a surrogate, as Python hands it on) -> the letter it is in the encoding of old text."""


class Decoding:
    """Bytes to text as they come: UTF-8, or UTF-16 that begins with its mark; every line end becomes "\\n".

    A byte that is no UTF-8 is read as Windows-1252, so that no letter is lost; ``strays`` says that there was one.
    """

    def __init__(self) -> None:
        self._decoder: codecs.IncrementalDecoder | None = None
        self._lines = io.IncrementalNewlineDecoder(None, translate=True)
        self._held = b""
        self.strays = False

    def decode(self, data: bytes, *, final: bool = False) -> str:
        """What can be read by now; ``final`` takes all that is left."""
        if self._decoder is None:
            self._held = data = self._held + data
            if not final and any(mark.startswith(data) and mark != data for mark, _ in _BOMS):
                return ""
            name = next((name for mark, name in _BOMS if data.startswith(mark)), "utf-8")
            errors = "replace" if name == "utf-16" else "surrogateescape"
            self._decoder = codecs.getincrementaldecoder(name)(errors)
        text = self._decoder.decode(data, final)
        read = text.translate(_STRAYS)
        self.strays = self.strays or read != text
        return self._lines.decode(read, final)


def from_file(handle: int, report: Report) -> Pieces:
    """What comes through an open file, a pipe or a terminal, in whatever pieces."""

    def pieces(cancelled: Cancelled) -> Iterator[str]:
        decoding, told = Decoding(), False
        while not cancelled():
            try:
                data = os.read(handle, _AT_ONCE)
            except OSError as error:
                raise SourceError(f"the text cannot be read on: {(error.strerror or str(error)).lower()}") from error
            yield decoding.decode(data, final=not data)
            if decoding.strays and not told:
                told = True
                report("the text is not all UTF-8: its other bytes are read as Windows-1252")
            if not data:
                return

    return pieces


def read_all(handle: int) -> str:
    """The whole of a text that is needed at once."""
    return "".join(from_file(handle, lambda sentence: None)(lambda: False))


class Source:
    """Reads ``pieces`` in a thread, keeps each, and has it heard; ``end`` is told whether it came to its own end.

    What goes wrong is in ``failure``; what came before is kept and heard. ``over`` asks it to stop.
    """

    def __init__(
        self,
        pieces: Pieces,
        transcript: Transcript,
        hear: Callable[[str], None],
        end: Callable[[bool], None],
    ) -> None:
        self._pieces, self._transcript, self._hear, self._end = pieces, transcript, hear, end
        self._thread = threading.Thread(target=self._read, daemon=True, name="listen")
        self.failure: BaseException | None = None
        self.over = False

    def start(self) -> None:
        """Begin to listen."""
        self._thread.start()

    @property
    def open(self) -> bool:
        """Whether more may come."""
        return self._thread.is_alive()

    def wait(self) -> None:
        """Until the text is over."""
        while self._thread.is_alive():
            self._thread.join(0.2)

    def _read(self) -> None:
        try:
            for piece in self._pieces(lambda: self.over):
                self._transcript.add(piece)
                self._hear(piece)
        except Interrupted:
            pass
        except BaseException as error:  # raised by whoever waits, when what came before has been heard
            self.failure = error
        finally:
            self._end(self.failure is None)


class Transcript:
    """The text, on disk as it comes, in ``path``; where something lies there already and it is not ``exact``ly this
    file that was asked for, under the next free name beside it. A context.

    At the end a text that lies there under an earlier name, or of which only the beginning does, is not kept twice.
    """

    def __init__(self, path: Path, report: Report, *, exact: bool = False) -> None:
        self.path = path
        self._wanted, self._exact, self._report = path, exact, report
        self._older: list[Path] = []
        self._size = 0

    def __enter__(self) -> Transcript:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file: IO[bytes] = self._open()
        except OSError as error:
            raise self._refused(error) from error
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):  # what was refused has been told
            os.fsync(self._file.fileno())
        with suppress(OSError):
            self._file.close()
        if self._exact:
            return
        with suppress(OSError):  # then it is there twice, which is no loss
            self._settle()

    def add(self, piece: str) -> None:
        """Keep ``piece``; NarrateError when the disk refuses."""
        data = piece.encode("utf-8", "backslashreplace")
        if data and not self._size:
            self._report(f"the text is kept in {self.path}")
        try:
            while data:
                written = self._file.write(data)
                self._size += written
                data = data[written:]
        except OSError as error:
            raise self._refused(error) from error

    def _open(self) -> IO[bytes]:
        if self._exact:
            return self.path.open("wb", buffering=0)
        for number in count(2):
            try:
                return self.path.open("xb", buffering=0)
            except FileExistsError:
                self._older.append(self.path)
                self.path = self._wanted.with_name(f"{self._wanted.stem}-{number}{self._wanted.suffix}")
        raise AssertionError

    def _settle(self) -> None:
        if not self._size:
            self.path.unlink()
            return
        for older in self._older:
            if older.is_file() and not older.is_symlink() and older.stat().st_size <= self._size:
                shorter = older.stat().st_size < self._size
                if _begins_alike(self.path, older):
                    self.path.replace(older) if shorter else self.path.unlink()
                    self.path = older
                    self._report(f"the text is kept in {older} after all, which held the same or its beginning")
                    return

    def _refused(self, error: OSError) -> NarrateError:
        reason = (error.strerror or str(error)).lower()
        return NarrateError(f"{self.path}: the text cannot be kept: {reason}; name another file with --text")


def check_transcript(path: Path, handle: int | None) -> None:
    """JobError when ``path`` is the very file that is read: it would be emptied before it is."""
    try:
        same = handle is not None and os.path.samestat(path.stat(), os.fstat(handle))
    except OSError:
        return
    if same and path.is_file():
        raise JobError(f"--text {path}: is the file that is read; name another one")


def _begins_alike(path: Path, shorter: Path) -> bool:
    with path.open("rb") as whole, shorter.open("rb") as start:
        while piece := start.read(_AT_ONCE):
            if whole.read(len(piece)) != piece:
                return False
    return True
