"""Every way narrate fails, as one tree. Each class carries the exit code the command line gives it.

    NarrateError                 1    the family
    ├─ JobError                  3    a setting or a job file is wrong
    ├─ SourceError               4    a book is unreadable, encrypted or empty
    ├─ EngineError               5    speech failed; carries .engine
    │  ├─ EngineRefused               this chunk, for good: text rejected; the others go on
    │  ├─ EngineClosed                every chunk, for good: bad key, unknown voice, quota spent
    │  └─ EngineUnavailable           may heal: timeout, 429, 5xx, bad answer; carries .retry_after
    │     └─ EngineDown               no answer for as long as the user would wait; asking again is no use now
    ├─ SpeechIncomplete          6    some chunks were refused or never answered; carries .failures
    │  └─ LimitReached                the next request would pass a limit of the job: money, characters, requests
    ├─ StoreError                7    the store cannot be read or written
    │  └─ SegmentDamaged              a segment was damaged and set aside
    ├─ AudioError                8    a codec or a container failed
    ├─ CheckFailed               9    a file does not meet its spec; carries .findings
    ├─ Busy                     75    another run holds the lock
    └─ Interrupted             130    Ctrl-C (SIGTERM: 143)

Messages say what, where and what to do; lower case, no full stop, no key or password ever.
Exit code 2 is click's own, for wrong usage.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from narrate.audiobook import Finding
    from narrate.script import Failure


_DRIVES = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""What a terminal obeys rather than shows: controls, line ends, overrides of direction; and halves of characters."""


def shown(sentence: str, longest: int = 1_000) -> str:
    """``sentence`` on one line of at most ``longest`` characters, and harmless: names in books and of files may hold
    what would drive a terminal, and may be as long as a book.
    """
    cut = sentence if len(sentence) <= longest else f"{sentence[: longest - 1]}…"
    return _DRIVES.sub(lambda found: " " if found[0] in "\t\n\r" else ascii(found[0])[1:-1], cut)


class NarrateError(Exception):
    """Any failure of narrate that a user can understand; the command line prints it as one line."""

    exit_code: ClassVar[int] = 1


class JobError(NarrateError):
    """A setting, a flag or a job file is wrong."""

    exit_code = 3


class SourceError(NarrateError):
    """A book cannot be read: missing, damaged, encrypted, empty, or hostile."""

    exit_code = 4


class EngineError(NarrateError):
    """An engine did not speak.

    ``engine`` is the engine's name. ``request_id`` is the provider's own id of the failed request, if it gave one.
    ``sent`` is False where it is certain that no request left this machine, so that nothing can have been billed.
    """

    exit_code = 5

    def __init__(self, message: str, *, engine: str = "", request_id: str = "", sent: bool = True) -> None:
        super().__init__(message)
        self.engine = engine
        self.request_id = request_id
        self.sent = sent


class EngineRefused(EngineError):
    """This chunk will never be spoken as it stands; other chunks may be."""


class EngineClosed(EngineError):
    """No chunk will be spoken until the user changes something; stop at once."""


class EngineUnavailable(EngineError):
    """The same request may succeed later.

    ``retry_after`` is the wait the server asked for, in seconds, or None. ``throttled`` says that the failure is about
    load (429 and its kin), so that all workers should slow down. ``doubted`` says that speech came, of which another
    take is wanted: that speaks well of the server, and ill of nothing but this answer.
    """

    def __init__(
        self,
        message: str,
        *,
        engine: str = "",
        request_id: str = "",
        retry_after: float | None = None,
        throttled: bool = False,
        doubted: bool = False,
        sent: bool = True,
    ) -> None:
        super().__init__(message, engine=engine, request_id=request_id, sent=sent)
        self.retry_after = retry_after
        self.throttled = throttled
        self.doubted = doubted


class EngineDown(EngineUnavailable):
    """Nothing has answered for as long as the user would wait: no chunk need be tried now."""


class SpeechIncomplete(NarrateError):
    """Some chunks have no speech; everything else is stored, and running again resumes."""

    exit_code = 6

    def __init__(self, message: str, failures: tuple[Failure, ...] = ()) -> None:
        super().__init__(message)
        self.failures = failures


class LimitReached(SpeechIncomplete):
    """The next request would pass a limit of the job; it was not sent."""


class StoreError(NarrateError):
    """The store cannot be read or written (disk full, no permission, not a store)."""

    exit_code = 7


class SegmentDamaged(StoreError):
    """A stored segment did not match its digest; it has been set aside, and speaking again replaces it."""


class AudioError(NarrateError):
    """Audio cannot be decoded, encoded or put into its container; the library's own reason is included."""

    exit_code = 8


class CheckFailed(NarrateError):
    """A finished file does not meet what was asked of it."""

    exit_code = 9

    def __init__(self, message: str, findings: tuple[Finding, ...] = ()) -> None:
        super().__init__(message)
        self.findings = findings


class Busy(NarrateError):
    """Another run works on the same output (75 is EX_TEMPFAIL of sysexits.h: try again later)."""

    exit_code = 75


class Interrupted(NarrateError):
    """The user stopped the run (128 + signal number, as shells report it)."""

    exit_code = 130
