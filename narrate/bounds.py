"""NOUNS: what is not passed: of a source (P10), of time, of money (P11). Every bound has its reason here."""

from __future__ import annotations

from dataclasses import dataclass

MEBIBYTE = 1 << 20


@dataclass(frozen=True, slots=True)
class Bounds:
    """Sizes are in bytes unless they say otherwise. A job can set each in its table ``[bounds]``."""

    members: int = 20_000
    """Files in an EPUB. The largest dictionaries have 5,000."""

    member: int = 16 * MEBIBYTE
    """One file of an EPUB that is read: a page, the package, the cover. The longest page known has 5 MB; 30 MB in one
    paragraph take more than 500 MiB."""

    total: int = 64 * MEBIBYTE
    """All that is read from one EPUB: ten million words."""

    ratio: int = 200
    """Uncompressed to compressed size of a file above ``small``. Text reaches 10, deflate at most 1,032."""

    small: int = MEBIBYTE
    """Below this a high ratio does no harm."""

    depth: int = 1_000
    """Elements of a page inside each other. Books stay under 30; libxml2's own limit is 2,048."""

    elements: int = 600_000
    """Elements of a book. A whole Bible with a link on every verse has 200,000; a million take 700 MB."""

    file: int = 16 * MEBIBYTE
    """A text or Markdown file: three million words; the longest novels have two."""

    files: int = 5_000
    """Files of a folder that is one book."""


BOUNDS = Bounds()
"""What holds when a job says nothing."""


@dataclass(frozen=True, slots=True)
class Deadlines:
    """How long a server may take, in seconds. A job can set each in its table ``[deadlines]``."""

    connect: float = 10.0
    """Until there is a connection, and it is encrypted."""

    first_byte: float = 60.0
    """From the request to the first byte of the answer. Texts that are only sent when all is spoken are given more."""

    between_bytes: float = 60.0
    """Without a byte in the middle of an answer."""

    total: float = 300.0
    """For a whole answer: a server that sends one byte a second must not hold a worker for ever."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one run may spend, every request counted, also those that failed or are in flight; None is no limit."""

    cost: float | None = None
    """In the engine's currency."""

    characters: int | None = None
    """Sent to the engine."""

    requests: int | None = None
