"""Documentation that would lie breaks the build."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from narrate import __version__, errors
from narrate.cli import EXIT_CODES, narrate

ROOT = Path(__file__).parent.parent


def commands(group: click.Group = narrate, prefix: str = "") -> dict[str, click.Command]:
    found: dict[str, click.Command] = {}
    for name, command in group.commands.items():
        found[f"{prefix}{name}"] = command
        if isinstance(command, click.Group):
            found |= commands(command, f"{prefix}{name} ")
    return found


@pytest.mark.parametrize("name", commands())
def test_every_command_has_help_and_every_flag_is_explained(name: str) -> None:
    command = commands()[name]
    assert command.help
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, f"{name} {parameter.opts}"
    shown = CliRunner().invoke(narrate, [*name.split(), "--help"])
    assert shown.exit_code == 0


@pytest.mark.parametrize("name", [name for name in commands() if " " not in name])
def test_every_command_shows_an_example(name: str) -> None:
    assert f"narrate {name}" in (commands()[name].help or "")


@pytest.mark.parametrize("name", [name for name in commands() if " " not in name])
def test_readme_names_every_command(name: str) -> None:
    assert f"narrate {name}" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_readme_names_only_commands_and_flags_that_exist() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    known = commands()
    for line in re.findall(r"^\s*(?:\$ )?narrate ([a-z].*)$", text, re.M):
        name = line.split()[0]
        assert name in known, line
        flags = {flag for command in known.values() for parameter in command.params for flag in parameter.opts}
        for flag in re.findall(r"(?<=\s)--?[a-z][a-z-]*", line.split("#")[0]):
            assert flag in flags, f"{flag} in {line}"


def test_every_exit_code_is_listed() -> None:
    codes = {
        error.exit_code
        for error in vars(errors).values()
        if isinstance(error, type) and issubclass(error, errors.NarrateError)
    }
    listed = {int(number) for number in re.findall(r"\d+", EXIT_CODES)}
    assert codes <= listed


def test_the_changelog_knows_the_version() -> None:
    assert f"## {__version__}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
