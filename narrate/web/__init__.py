"""What is fetched and sent that is no speech: feeds, articles, notices. tenacity's door to the web.

Whatever a server does, an exchange ends: by its answer, by a deadline, by a limit in bytes. ``fetch`` and ``download``
ask only for what has changed, follow few redirects and none that leads from https to http or from the world into this
network; ``post`` follows none. What failed and may heal is tried again, as long after as the server asks.

A password in an address goes to that server alone, and into no message or log. Of an address, messages of ``fetch``
show no query and those of ``post`` only the host: who knows the rest may be whom it was meant for.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from narrate import disk
from narrate.errors import StoreError
from narrate.web.answers import LONG_PATIENCE, PATIENCE, Page, Patience, WebError
from narrate.web.exchange import conditional, followed, posted
from narrate.web.places import leads_inside, named

if TYPE_CHECKING:
    import tenacity

__all__ = ["PATIENCE", "Page", "Patience", "WebError", "download", "fetch", "leads_inside", "named", "post"]

LIMIT = 32_000_000
"""Bytes of a page; the largest feeds have a tenth of it."""
DOWNLOAD_LIMIT = 1_000_000_000
"""Bytes of a file; illustrated books reach some hundred million."""
FIRST_WAIT_S = 1.0
"""Seconds before the second try; the next are twice as long each."""


def fetch(
    url: str,
    *,
    etag: str = "",
    modified: str = "",
    accept: str = "*/*",
    limit: int = LIMIT,
    patience: Patience = PATIENCE,
    sleep: Callable[[float], object] = time.sleep,
) -> Page:
    """What is at ``url``, an http or https address; ``unchanged`` when that is what ``etag`` or ``modified`` name.

    WebError when there is no page of at most ``limit`` bytes to be had.
    """
    asked = conditional(etag, modified) | {"Accept": accept}
    return _patiently(lambda: followed(url, asked, limit, patience, _in_memory), patience, sleep)


def download(
    url: str,
    path: Path,
    *,
    etag: str = "",
    modified: str = "",
    limit: int = DOWNLOAD_LIMIT,
    patience: Patience = LONG_PATIENCE,
    sleep: Callable[[float], object] = time.sleep,
) -> Page:
    """Like ``fetch``, into the file ``path``: whole or not at all, and durably. Unchanged: the file is left alone."""
    disk.make_folder(path.parent)
    scratch = disk.scratch_for(path)
    try:
        into = partial(_in_file, scratch)
        page = _patiently(lambda: followed(url, conditional(etag, modified), limit, patience, into), patience, sleep)
        if not page.unchanged:
            disk.sync_file(scratch)
            scratch.replace(path)
            disk.sync_folder(path.parent)
    except OSError as error:
        raise StoreError(f"{path}: cannot be written: {(error.strerror or str(error)).lower()}") from error
    finally:
        with suppress(OSError):
            scratch.unlink(missing_ok=True)
    return page


def post(
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    *,
    timeout: float = 30.0,
    attempts: int = 1,
    secrets: tuple[str, ...] = (),
    sleep: Callable[[float], object] = time.sleep,
) -> Page:
    """Send ``body`` to ``url`` and give the answer, a success; each try has ``timeout`` seconds in all.

    WebError otherwise; what the server says to it is in its message, without ``secrets`` and the address.
    """
    patience = Patience(min(10.0, timeout), timeout, timeout, attempts)
    return _patiently(lambda: posted(url, body, headers, patience, secrets), patience, sleep)


def _in_memory(pieces: Iterator[bytes]) -> bytes:
    return b"".join(pieces)


def _in_file(path: Path, pieces: Iterator[bytes]) -> bytes:
    with path.open("wb") as file:
        file.writelines(pieces)
    return b""


def _patiently(once: Callable[[], Page], patience: Patience, sleep: Callable[[float], object]) -> Page:
    """What ``once`` gives, at the latest at the last attempt; a longer wait than is allowed for is not waited for."""
    import tenacity

    window = tenacity.wait_exponential_jitter(FIRST_WAIT_S, patience.longest_wait, jitter=FIRST_WAIT_S)

    def why(state: tenacity.RetryCallState) -> BaseException | None:
        return state.outcome.exception() if state.outcome else None

    def rest(seconds: float) -> None:
        sleep(seconds)

    retry = tenacity.Retrying(
        retry=tenacity.retry_if_exception(
            lambda error: (
                isinstance(error, WebError) and error.heals and (error.retry_after or 0) <= patience.longest_wait
            )
        ),
        wait=lambda state: max(window(state), getattr(why(state), "retry_after", None) or 0),
        stop=tenacity.stop_after_attempt(patience.attempts),
        sleep=rest,
        reraise=True,
    )
    try:
        return retry(once)
    except WebError as error:
        failed = error
    # raised out here, and cleaned: httpx's own error holds the request, with its address and the login
    failed.__context__ = failed.__cause__ = None
    raise failed.with_traceback(None)
