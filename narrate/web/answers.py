"""What comes of asking the web: a page, or the reason why there is none; and how long is waited for either."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus

from narrate.errors import SourceError


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a server is waited for, in seconds: for a connection, for its next byte, for one whole exchange with
    all its redirects; and how often it is asked, with waits of at most ``longest_wait`` between.
    """

    connect: float = 10.0
    silence: float = 30.0
    total: float = 120.0
    attempts: int = 4
    longest_wait: float = 60.0


PATIENCE = Patience()
"""For pages."""
LONG_PATIENCE = Patience(total=3_600.0)
"""For files."""


@dataclass(frozen=True, slots=True)
class Page:
    """An answer. ``url`` is where it came from in the end, without a password; ``etag`` and ``modified`` are to be
    given back at the next question; ``media_type`` is in small letters. ``body`` is b"" where it went into a file.
    """

    status: int
    url: str
    body: bytes
    etag: str = ""
    modified: str = ""
    media_type: str = ""
    charset: str = ""

    @property
    def unchanged(self) -> bool:
        """It is still what the validators in the question belong to; there is no body."""
        return self.status == HTTPStatus.NOT_MODIFIED


class WebError(SourceError):
    """Nothing was fetched, or a notice was not taken. ``status`` is 0 where there was no answer; ``heals``: another
    try may do better; ``retry_after`` is the wait that was asked for, in seconds.
    """

    def __init__(self, message: str, *, status: int = 0, heals: bool = False, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.status, self.heals, self.retry_after = status, heals, retry_after
