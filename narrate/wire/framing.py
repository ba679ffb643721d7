"""Where an HTTP/1.1 answer ends: so that what a server sends beyond it is never read as the answer to something else.

Pure: bytes in, a number out. Only lengths are followed here; what the bytes mean is the HTTP library's business.
"""

from __future__ import annotations

LONGEST_LINE = 200_000
"""Bytes; the library that reads the headers gives up sooner."""


class Framing:
    """Follows one answer: ``took`` says how much of each piece belongs to it. ``over`` is True behind its end.

    An answer that lasts until the connection closes is never over, and neither is one that is no HTTP: all belongs.
    ``tunnel``: the question was CONNECT, whose answer has no body.
    """

    def __init__(self, tunnel: bool = False) -> None:
        self.over = False
        self._tunnel = tunnel
        self._line = bytearray()
        self._skip = 0
        self._read = self._status
        self._number = 0
        self._length: int | None = None
        self._chunked = False
        self._lost = False

    def took(self, piece: bytes) -> int:
        """How many of the bytes of ``piece``, which came next, belong to the answer."""
        place = 0
        while place < len(piece) and not self.over and not self._lost:
            if self._skip:
                step = min(self._skip, len(piece) - place)
                self._skip -= step
                place += step
                self.over = not self._skip and not self._chunked
                continue
            end = piece.find(b"\n", place) + 1
            self._line += piece[place : end or len(piece)]
            place = end or len(piece)
            self._lost = len(self._line) > LONGEST_LINE
            if end:
                line, self._line = bytes(self._line).strip(), bytearray()
                self._read(line)
        return len(piece) if self._lost else place

    def _status(self, line: bytes) -> None:
        parts = line.split(None, 2)
        if len(parts) < 2 or not parts[0].startswith(b"HTTP/1.") or not parts[1].isdigit():
            self._lost = True
            return
        self._number = int(parts[1])
        self._read = self._header

    def _header(self, line: bytes) -> None:
        name, _, value = line.lower().partition(b":")
        if not line:
            self._head_ended()
        elif name == b"content-length":
            self._length = int(value) if value.strip().isdigit() else None
        elif name == b"transfer-encoding":
            self._chunked = value.strip().endswith(b"chunked")

    def _head_ended(self) -> None:
        if 100 <= self._number < 200:  # the answer proper is still to come
            self._read, self._length, self._chunked = self._status, None, False
        elif self._number in (204, 304) or (self._tunnel and 200 <= self._number < 300):
            self.over = True
        elif self._chunked:
            self._read = self._size
        elif self._length is None:
            self._lost = True
        else:
            self._skip, self.over = self._length, not self._length

    def _size(self, line: bytes) -> None:
        try:
            size = int(line.partition(b";")[0], 16)
        except ValueError:
            self._lost = True
            return
        self._skip = max(0, size)
        self._read = self._chunk_ended if size else self._trailer

    def _chunk_ended(self, line: bytes) -> None:
        self._read = self._size
        self._lost = bool(line)

    def _trailer(self, line: bytes) -> None:
        self.over = not line
