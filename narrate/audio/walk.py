"""The frames of an MP3 file of any length, walked in memory that does not grow. Finds what decoders pass over."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from narrate.audio.frames import Header, InfoFrame, offsets, outside, parse, read_info
from narrate.errors import AudioError

_PIECE = 1 << 22  # bytes
_FIRST = 1 << 14  # bytes, more than the longest frame
_INFO_LETTERS = (ord("X"), ord("I"))  # Xing, Info
_STRAY_PLACES = 100  # as many are remembered


@dataclass(frozen=True, slots=True)
class Walk:
    """What the frames of an MP3 file are. ``info`` is the first frame, if that is a Xing or Info frame.

    ``frames`` counts the others; ``stray`` are the first byte offsets at which something else than a frame stands;
    ``inner`` counts Xing and Info frames among the sound, which players play as silence; ``kinds`` is how many sorts
    of frame there are, ``bitrates`` the kbit/s among them.
    """

    header: Header
    info: InfoFrame | None
    frames: int
    stray: tuple[int, ...]
    inner: int
    kinds: int
    bitrates: tuple[int, ...]
    digest: str
    size: int

    @property
    def samples(self) -> int:
        """Samples a decoder yields: what the Info frame leaves of the frames that are there."""
        whole = self.frames * self.header.samples
        if self.info is None or self.info.delay is None or self.info.padding is None:
            return whole
        return whole - self.info.delay - self.info.padding


def walk(path: Path) -> Walk:
    """Walk every frame of ``path``. AudioError when it does not begin with one."""
    with path.open("rb") as file:
        steps = _Steps(file)
        start = outside(file.read(32))
        file.seek(start)
        first = file.read(_FIRST)
        header = parse(first[:4])
        if header is None:
            raise AudioError(f"{path.name}: not an MP3 file: no frame at byte {start}")
        info = read_info(first[: header.length])
        file.seek(start + (info.length if info else 0))
        steps.walk(file.tell())
        file.seek(0)
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        size = file.tell()
    return Walk(
        header=next((kind for kind in steps.kinds), header),
        info=info,
        frames=steps.frames,
        stray=tuple(steps.stray),
        inner=steps.inner,
        kinds=len(steps.kinds),
        bitrates=tuple(sorted({kind.bitrate for kind in steps.kinds})),
        digest=digest,
        size=size,
    )


class _Steps:
    """One walk: what was met so far."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.frames = 0
        self.inner = 0
        self.stray: list[int] = []
        self.kinds: dict[Header, None] = {}

    def walk(self, at: int) -> None:
        """Step from byte ``at`` to the end of the file."""
        held = b""
        while True:
            piece = self._file.read(_PIECE)
            held += piece
            used = self._whole_frames(held, at, last=not piece)
            at, held = at + used, held[used:]
            if not piece:
                return

    def _whole_frames(self, held: bytes, at: int, *, last: bool) -> int:
        """Bytes of ``held`` that are dealt with. The end of a piece is left for the next one, unless it is the last."""
        used = 0
        while used < len(held) and (last or len(held) - used > _FIRST):
            header = parse(held[used : used + 4])
            if header is None or header.length > len(held) - used:
                used = self._skip(held, used, at)
            else:
                used += self._uniform(held[used:] if used else held, header)
        return used

    def _uniform(self, held: bytes, header: Header) -> int:
        """Take the frames of one kind at the start of ``held``; returns their bytes."""
        plain = parse(header.data) or header
        self.kinds.setdefault(plain)
        short = held[: 64 * header.length] if len(self.kinds) > 1 else held  # kinds that alternate come in short rows
        found, walked = offsets(short, plain)
        self.frames += len(found)
        places = found + sum(plain.side_info)
        view = np.frombuffer(short, np.uint8)
        suspects = found[np.isin(view[places], _INFO_LETTERS)]
        self.inner += sum(read_info(short[place : place + plain.length + 1]) is not None for place in suspects.tolist())
        return walked

    def _skip(self, held: bytes, used: int, at: int) -> int:
        """Step over what is no frame, and remember where, unless it is a tag."""
        rest = len(held) - used
        if tag := outside(held[used : used + 32]):
            self._note(at + used)
            return used + min(tag, rest)
        if rest == 128 and held[used : used + 3] == b"TAG":
            return len(held)
        self._note(at + used)
        following = held.find(b"\xff", used + 1)
        while following != -1 and not self._resumes(held, following):
            following = held.find(b"\xff", following + 1)
        return len(held) if following == -1 else following

    def _resumes(self, held: bytes, at: int) -> bool:
        """Whether frames go on here: one of a known kind, and another behind it unless the bytes end."""
        header = parse(held[at : at + 4])
        if header is None or (parse(header.data) or header) not in self.kinds:
            return False
        following = held[at + header.length : at + header.length + 4]
        return not following or parse(following) is not None

    def _note(self, at: int) -> None:
        if len(self.stray) < _STRAY_PLACES:
            self.stray.append(at)
