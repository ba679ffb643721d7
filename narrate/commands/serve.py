"""``narrate serve``: a speech server that speaks LMNT's API and OpenAI's."""

from __future__ import annotations

import json
import queue
import re
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

import click

from narrate.commands.options import job_from, lexicon_option
from narrate.errors import JobError, NarrateError, shown

TONE_MS = 60
"""Milliseconds of tone a character where nothing else is set: as long as speech, since clients compare an answer with
its text, and those who rehearse here should see nothing else go wrong than what was planned."""
_ORIGIN = re.compile(r"https?://[^\s/?#@*]+")
_MOST_LINES = 10_000
"""Lines of the log that may wait to be written; beyond them some are left out, and counted."""
_LAST_LINES_S = 3.0
"""Seconds in which what waits is still written at the end."""

ATTEMPTS, PATIENCE_S = 3, 10.0
"""A hosted engine is asked so often, and waited for so long when it is down: behind us somebody waits who will not wait
for minutes, and asks again himself."""


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen at.")
@click.option(
    "--port", default=8080, show_default=True, type=click.IntRange(0, 65535), help="0 takes any that is free."
)
@click.option("--engine", default="kokoro", show_default=True, help="kokoro, espeak, lmnt, openai or tone.")
@click.option("--model", help="The engine's model, where it has several.")
@click.option("--set", "settings", multiple=True, metavar="NAME=VALUE", help="An engine's setting: speed=1.1.")
@lexicon_option
@click.option("--alias", "aliases", multiple=True, metavar="NAME=VOICE", help="Another name of a voice: leah=bf_emma.")
@click.option("--cache", is_flag=True, help="Keep what is spoken in the store: a sentence asked twice is spoken once.")
@click.option("--store", type=click.Path(path_type=Path), help="Where speech is kept.  [default: the user's cache]")
@click.option("--voices", type=click.Path(path_type=Path, dir_okay=False), help="The file of users' own voices.")
@click.option("--keys", type=click.Path(path_type=Path, dir_okay=False), help="The file of hashed keys; see --new-key.")
@click.option(
    "--new-key", metavar="NAME", help="Make a key, show it once with its lines for the file of keys, and end."
)
@click.option("--allow-origin", "origins", multiple=True, metavar="URL", help="A web page's origin that may use it.")
@click.option("--tls-cert", type=click.Path(path_type=Path, dir_okay=False), help="A certificate, to serve https.")
@click.option("--tls-key", type=click.Path(path_type=Path, dir_okay=False), help="The certificate's private key.")
@click.option("--jobs", "-j", type=int, help="Chunks spoken at once at the most.  [default: by the engine]")
@click.option("--max-requests", default=1000, show_default=True, type=click.IntRange(1), help="At once; more get 429.")
@click.option("--max-sessions", default=500, show_default=True, type=click.IntRange(1), help="Open at once.")
@click.option(
    "--idle", default=600.0, show_default=True, type=click.FloatRange(1), help="Seconds a session may be idle."
)
@click.option("--stall", default=60.0, show_default=True, type=click.FloatRange(1), help="Seconds without a read.")
@click.option(
    "--drain", default=30.0, show_default=True, type=click.FloatRange(0), help="Seconds to end in good order."
)
@click.option("--max-cost", type=float, help="Stop speaking before a hosted engine has cost more than this.")
@click.option("--faults", metavar="PLAN", help="Go wrong on purpose: SEED:SHARE or SEED:SHARE:KIND,KIND, as 7:0.3.")
@click.option("--log-json", type=click.Path(dir_okay=False, path_type=Path), help="Append the access log to a file.")
@click.option("--quiet", "-q", is_flag=True, help="No access log on standard error.")
def serve(
    host: str,
    port: int,
    aliases: tuple[str, ...],
    cache: bool,
    voices: Path | None,
    keys: Path | None,
    new_key: str | None,
    origins: tuple[str, ...],
    tls_cert: Path | None,
    tls_key: Path | None,
    max_requests: int,
    max_sessions: int,
    idle: float,
    stall: float,
    drain: float,
    faults: str | None,
    log_json: Path | None,
    quiet: bool,
    **flags: Any,
) -> None:
    """Serve speech: LMNT's Speech API and Sessions, and OpenAI's speech endpoint, spoken by any engine.

    The address is the first line on standard output. On this machine no key is needed; for any other --host there must
    be a file of keys.

    \b
    narrate serve
    LMNT_BASE_URL=http://127.0.0.1:8080 LMNT_API_KEY=any python your_program.py
    OPENAI_BASE_URL=http://127.0.0.1:8080/v1 OPENAI_API_KEY=any python another.py
    narrate serve --new-key "the reading app" >> keys.toml
    narrate serve --host 0.0.0.0 --keys keys.toml --cache
    narrate serve --engine tone --faults 7:0.3
    """
    from narrate.server.answers import Bounds
    from narrate.server.faults import read_plan
    from narrate.server.keys import new_key as made
    from narrate.server.run import Serving
    from narrate.server.run import serve as run

    if new_key is not None:
        secret, lines = made(new_key)
        click.echo(f"the key, shown this once: {secret}", err=True)
        click.echo(lines)
        return
    if bool(tls_cert) != bool(tls_key):
        raise JobError("--tls-cert and --tls-key go together")
    for origin in origins:
        if not _ORIGIN.fullmatch(origin):
            raise JobError(f"--allow-origin {origin}: write it as a browser does, for example https://reader.example")
    pairs = [alias.partition("=") for alias in aliases]
    for name, sign, voice in pairs:
        if not (name and sign and voice):
            raise JobError(f"--alias {name}: write it as NAME=VOICE, for example leah=bf_emma")
    if flags["engine"] == "tone":
        flags["settings"] = (f"ms_per_char={TONE_MS}", *flags["settings"])
    with _Log(log_json, quiet) as log:
        serving = Serving(
            job=replace(job_from("serve", flags), attempts=ATTEMPTS, max_wait=PATIENCE_S, patience=PATIENCE_S),
            host=host,
            port=port,
            keep=cache,
            keys=keys,
            voices=voices or _voices_file(),
            aliases=tuple((name, voice) for name, _, voice in pairs),
            origins=tuple(origin.lower() for origin in origins),
            faults=read_plan(faults) if faults else None,
            certificate=tls_cert,
            private_key=tls_key,
            bounds=Bounds(max_requests, max_sessions, stall_s=stall, idle_s=idle, drain_s=drain),
            log=log.write,
        )
        ended = run(serving, _listening(serving, quiet), lambda sentence: click.echo(shown(sentence), err=True))
    what = "everything that was being spoken is spoken" if ended.whole else "what was being spoken is cut short"
    click.echo(f"narrate: {ended.by.name}: {what}", err=True)
    raise click.exceptions.Exit(128 + ended.by)


def _listening(serving: Any, quiet: bool) -> Callable[[str], None]:
    def told(address: str) -> None:
        click.echo(address)
        sys.stdout.flush()
        if not quiet:
            click.echo(f"speaking with {serving.job.engine}; LMNT_BASE_URL={address}", err=True)
            click.echo(f"OPENAI_BASE_URL={address}/v1", err=True)

    return told


def _voices_file() -> Path:
    from narrate.studio import data_folder

    return data_folder() / "voices.json"


class _Log:
    """The access log: one JSON a line, with stable names; no texts, no keys.

    Lines are written by a thread of their own: the server must not wait for a disk, or for whoever reads standard error
    through a pipe and has stopped to do so.
    """

    def __init__(self, path: Path | None, quiet: bool) -> None:
        self._path = path
        self._quiet = quiet
        self._file: IO[bytes] | None = None
        self._lines: queue.Queue[dict[str, Any] | None] = queue.Queue(_MOST_LINES)
        self._left_out = 0
        self._writer = threading.Thread(target=self._write_all, daemon=True, name="log")

    def __enter__(self) -> _Log:
        if self._path is not None:
            try:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                self._file = self._path.open("ab", buffering=0)
            except OSError as error:
                raise NarrateError(f"{self._path}: the log cannot be written: {error.strerror}") from error
        self._writer.start()
        return self

    def __exit__(self, *_: object) -> None:
        until = time.monotonic() + _LAST_LINES_S
        with suppress(queue.Full):  # nobody reads it
            self._lines.put(None, timeout=_LAST_LINES_S)
        self._writer.join(max(0.0, until - time.monotonic()))

    def write(self, line: dict[str, Any]) -> None:
        """Add ``line``, with the time. Never blocks, never fails."""
        moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        try:
            self._lines.put_nowait({"time": moment, **line})
        except queue.Full:
            self._left_out += 1

    def _write_all(self) -> None:
        while (line := self._lines.get()) is not None:
            if self._left_out:
                line["lines_left_out"], self._left_out = self._left_out, 0
            text = json.dumps(line, ensure_ascii=True)
            try:
                if self._file is not None:
                    self._file.write(f"{text}\n".encode())
                if not self._quiet:
                    click.echo(text, err=True)
            except (OSError, ValueError):  # a full disk, a pipe whose reader has left, a stream that was closed
                self._left_out += 1
        if self._file is not None:
            self._file.close()
