"""``narrate schedule``: what has a shelf narrated by itself, for whatever starts programs here."""

from __future__ import annotations

import os
import re
import sys
import sysconfig
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from narrate.errors import NarrateError, shown

if TYPE_CHECKING:
    from narrate.library.window import Window
    from narrate.schedules import Clock, Schedule, Unit

KINDS = ("cron", "systemd", "launchd", "k8s")
_SECRET = re.compile(r"(KEY|TOKEN|SECRET|PASSWORD|PASSWD)$", re.IGNORECASE)
_TAKEN_ALONG = (
    *("LMNT_API_KEY_FILE", "OPENAI_API_KEY_FILE", "XDG_CACHE_HOME", "XDG_DATA_HOME", "SSL_CERT_FILE", "SSL_CERT_DIR"),
)
"""Variables of this terminal that the run needs too, lest it look for keys elsewhere and pay into another store."""
_NOT_TAKEN_ALONG = (
    *("LMNT_API_KEY", "OPENAI_API_KEY", "LMNT_BASE_URL", "OPENAI_BASE_URL"),
    *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"),
)
"""Those that may hold secrets: they are named, so that nobody wonders why a run by night differs from one by day."""


class _Parsed(click.ParamType):  # type: ignore[type-arg, unused-ignore]
    """What a function of ``narrate.schedules`` makes of a text."""

    def __init__(self, name: str, function: str) -> None:
        self.name = name
        self._function = function

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not isinstance(value, str):
            return value
        parse: Callable[[str], Any] = getattr(import_module("narrate.schedules"), self._function)
        try:
            return parse(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


_TIME = _Parsed("time", "clock")
_FILE = click.Path(dir_okay=False, path_type=Path)


@click.group()
def schedule() -> None:
    """Have a shelf narrated by itself: by cron, systemd, launchd or Kubernetes.

    \b
    narrate schedule print shelf.toml --cron
    narrate schedule print shelf.toml --systemd --at 01:30 --until 06:00 -o ~/.config/systemd/user
    """


@schedule.command(name="print")
@click.argument("shelf", type=click.Path(path_type=Path))
@click.option("--cron", is_flag=True, help="A line for crontab.")
@click.option("--systemd", is_flag=True, help="A service and its timer.")
@click.option("--launchd", is_flag=True, help="A property list for macOS.")
@click.option("--k8s", is_flag=True, help="A CronJob for Kubernetes; needs --image.")
@click.option("--at", type=_TIME, metavar="HH:MM", help="Once a day, at this time.  [default: 01:30]")
@click.option("--every", type=_Parsed("interval", "interval"), metavar="TIME", help="All day: 5m, 15m, 1h, 6h.")
@click.option("--days", type=_Parsed("days", "weekdays"), metavar="DAYS", help="Only then: mon-fri, or sat,sun.")
@click.option("--from", "since", type=_TIME, metavar="HH:MM", help="A run begins nothing before.  [default: --at]")
@click.option("--until", type=_TIME, metavar="HH:MM", help="A run ends in good order at this time.")
@click.option("--max-cost", type=click.FloatRange(min=0), help="What a run may spend at the most.")
@click.option("--jobs", "-j", type=click.IntRange(1), help="Requests in flight at the most.  [default: by the engine]")
@click.option("--quiet", "-q", is_flag=True, help="The run tells only of errors.")
@click.option("--log", type=_FILE, help="The run appends what it tells to this file too.")
@click.option("--log-json", type=_FILE, help="The run appends events to this file, one JSON a line.")
@click.option("--env", "variables", multiple=True, metavar="NAME=VALUE", help="A variable of the run; repeatable.")
@click.option("--name", help="What the schedule is called.  [default: by the shelf's name]")
@click.option("--narrate", "program", metavar="PATH", help="The narrate to start.  [default: this one]")
@click.option("--system/--user", default=None, help="systemd: for the whole system, or your own.  [default: --user]")
@click.option("--image", help="k8s: the container image that holds narrate.")
@click.option("--timezone", "zone", metavar="ZONE", help="k8s: Europe/Berlin.  [default: this machine's]")
@click.option("--output", "-o", type=click.Path(file_okay=False, path_type=Path), help="Write files to this folder.")
def print_schedule(shelf: Path, output: Path | None, **flags: Any) -> None:
    """Print what has SHELF narrated by itself, ready to install; its comments say how.

    Runs are of `narrate library`: one at a time, and nothing at all when nothing is due. Keys do not belong into any
    of these: a file holds the key, and a variable names it.

    \b
    narrate schedule print shelf.toml --cron --every 1h --max-cost 2
    narrate schedule print shelf.toml --systemd -o ~/.config/systemd/user
    narrate schedule print shelf.toml --cron --env LMNT_API_KEY_FILE=~/.config/narrate/lmnt.key
    """
    kinds = [kind for kind in KINDS if flags.pop(kind)]
    if len(kinds) != 1:
        raise click.UsageError(f"name {'one kind' if not kinds else 'only one kind'}: --cron, --systemd, ...")
    (kind,) = kinds
    _check(kind, flags)
    planned, names = _schedule(kind, shelf, flags)
    made = import_module(f"narrate.schedules.{kind}").units(planned)
    if not _is_there(shelf):
        click.echo(f"{shown(planned.shelf)}: is not there yet; a run fails until it is", err=True)
    for sentence in _missing(planned, names) if kind != "k8s" else ():
        click.echo(sentence, err=True)
    if output is None:
        click.echo("\n".join(unit.text for unit in made), nl=False)
    else:
        for path in _written(output, made):
            click.echo(shown(str(path)))


def _check(kind: str, flags: dict[str, Any]) -> None:
    """Flags that go together, and with this kind."""
    if flags["at"] and flags["every"]:
        raise click.UsageError("--at is once a day and --every is all day: choose one of them")
    for name, flag, kinds in (
        ("system", "--system or --user", ("systemd",)),
        ("image", "--image", ("k8s",)),
        ("zone", "--timezone", ("k8s",)),
        ("log", "--log", KINDS[:3]),
        ("log_json", "--log-json", KINDS[:3]),
    ):
        if flags[name] is not None and kind not in kinds:
            raise click.UsageError(f"{flag} does not go with --{kind}")
    if kind == "k8s" and not flags["image"]:
        raise click.UsageError("--k8s needs --image: the container image that holds narrate")


def _schedule(kind: str, shelf: Path, flags: dict[str, Any]) -> tuple[Schedule, tuple[str, ...]]:
    """What is to be printed, and the variables that the shelf names. JobError for a shelf that no run could read."""
    from narrate.library.shelf import read_shelf
    from narrate.library.variables import named_by
    from narrate.library.window import Window
    from narrate.schedules import Schedule, unit_name

    usual = Schedule(_absolute(shelf)).check()
    environment = _variables(kind, flags["variables"])
    read = read_shelf(shelf, {**os.environ, **dict(environment)}) if _is_there(shelf) else None
    at, since, until = _hours(read.window if read else Window(), flags, usual.at)
    planned = Schedule(
        shelf=usual.shelf,
        command=_command(kind, flags["program"]),
        name=unit_name(shelf.stem if flags["name"] is None else flags["name"].removeprefix("narrate-")),
        at=at,
        every=flags["every"] or 0,
        days=flags["days"] or usual.days,
        flags=_flags(flags),
        since=since,
        until=until,
        environment=environment,
        home=str(Path.home()),
        owner=_owner() if flags["system"] else "",
        image=flags["image"] or "",
        zone=flags["zone"] or _zone(),
    ).check()
    return planned, named_by(read) if read else ()


def _is_there(shelf: Path) -> bool:
    return os.path.exists(shelf)  # noqa: PTH110 (Path.exists raises where a folder may not be looked into)


def _hours(window: Window, flags: dict[str, Any], usual: Clock) -> tuple[Clock, Clock | None, Clock | None]:
    """When a run begins, and the hours it works in: what the flags say, else the shelf, whose ``window`` it is.

    Where there is an end and no beginning, that is when it is started: made up late, a run would go on for a day. Then
    "since" among ``flags`` is set, to tell it to the run.
    """
    from narrate.schedules import Clock, is_within

    since = flags["since"] or (Clock(*window.since) if window.since else None)
    until = flags["until"] or (Clock(*window.until) if window.until else None)
    at = flags["at"] or usual
    if since and not until:
        raise click.UsageError("--from says when a run may begin; say with --until when it is to stop")
    if since and until and not flags["every"] and not is_within(at, since, until):
        if flags["at"]:
            raise click.UsageError(f"--at {at}: nothing is narrated then, but from {since} until {until}")
        at = since
    if until and not since and not flags["every"]:
        since = flags["since"] = at
    return at, since, until


def _flags(flags: dict[str, Any]) -> tuple[str, ...]:
    """Those of ``narrate library``."""
    words: list[str] = []
    for flag, value in (
        ("--from", flags["since"]),
        ("--until", flags["until"]),
        ("--max-cost", None if flags["max_cost"] is None else f"{flags['max_cost']:.12g}"),
        ("--jobs", flags["jobs"]),
        ("--log", flags["log"] and _absolute(flags["log"])),
        ("--log-json", flags["log_json"] and _absolute(flags["log_json"])),
    ):
        if value is not None:
            words += [flag, str(value)]
    return (*words, "--quiet") if flags["quiet"] else tuple(words)


def _variables(kind: str, given: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """The run's variables: those that are set here and that it needs as well, then what was given."""
    found = {name: os.environ[name] for name in _TAKEN_ALONG if os.environ.get(name) and kind != "k8s"}
    for variable in given:
        name, sign, value = variable.partition("=")
        if not sign or not re.fullmatch("[A-Za-z_][A-Za-z0-9_]*", name):
            raise click.UsageError(f"--env {shown(name)}: write it as NAME=VALUE")
        if _SECRET.search(name):
            raise click.UsageError(
                f"--env {name}: a key has no place in a schedule; put it into a file that only you can read, and give "
                f"its name with --env {name}_FILE=FILE"
            )
        found[name] = str(Path(value).expanduser()) if value.startswith("~") else value
    return tuple(found.items())


def _missing(schedule: Schedule, names: tuple[str, ...]) -> Iterator[str]:
    """What is set in this terminal, and the run would do without."""
    there = {name for name, _ in schedule.environment}
    for name in dict.fromkeys((*_NOT_TAKEN_ALONG, *names)):
        if os.environ.get(name) and not {name, f"{name}_FILE"} & there:
            secret = _SECRET.search(name)
            way = f"put it into a file, and add --env {name}_FILE=FILE" if secret else f"add --env {name}=VALUE"
            yield f"{name} is set here, and will not be there: where the shelf needs it, {way}"


def _command(kind: str, program: str | None) -> tuple[str, ...]:
    """How this installation is started, from anywhere. Links stay links: they are what an update keeps."""
    if kind == "k8s":
        return (program or "narrate",)
    if program is not None:
        return (_absolute(Path(program).expanduser()),)
    called = Path(sys.argv[0])
    installed = Path(sysconfig.get_path("scripts")) / "narrate"
    for path in (called, installed, installed.with_suffix(".exe")):
        if path.stem == "narrate" and path.is_file() and os.access(path, os.X_OK):
            return (_absolute(path),)
    return (_absolute(Path(sys.executable)), "-m", "narrate")


def _absolute(path: Path) -> str:
    return os.path.abspath(path)  # noqa: PTH100 (Path.absolute keeps "..", and resolve follows links)


def _owner() -> str:
    """Who prints it, behind sudo as well."""
    import getpass

    return os.environ.get("SUDO_USER") or getpass.getuser()


def _zone() -> str:
    """This machine's time zone, or UTC where it has no name."""
    given = os.environ.get("TZ", "").removeprefix(":")
    if re.fullmatch(r"[A-Za-z]+(/[A-Za-z0-9_+-]+)+", given):
        return given
    _, found, name = str(Path("/etc/localtime").resolve()).partition("/zoneinfo/")
    return name if found else "Etc/UTC"


def _written(folder: Path, made: tuple[Unit, ...]) -> list[Path]:
    """Write the files, all or none; NarrateError where one is there that says otherwise: it may have been edited."""
    paths = [folder / unit.name for unit in made]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path, unit in zip(paths, made, strict=True):
            if path.exists() and path.read_bytes() != unit.text.encode():
                raise NarrateError(f"{path}: is there, and says otherwise; take it away, or print without -o")
        for path, unit in zip(paths, made, strict=True):
            path.write_bytes(unit.text.encode())
    except OSError as error:
        raise NarrateError(f"{folder}: cannot be written: {(error.strerror or str(error)).lower()}") from error
    return paths
