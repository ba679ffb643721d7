"""``narrate say``: audition a voice."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from narrate.commands.options import job_from, voice_options
from narrate.errors import shown


@click.command()
@click.argument("text")
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="A .wav, .flac or .mp3 file.")
@click.option("--engine", help="kokoro, espeak, lmnt, openai or tone.")
@voice_options
@click.option("--language", default="en", show_default=True, help="BCP 47 tag of the text.")
def say(text: str, output: Path, **flags: Any) -> None:
    """Say TEXT to a file; "-" reads standard input.

    \b
    narrate say "Call me Ishmael." -o ishmael.wav --voice am_michael
    narrate say "Cholmondeley" -o name.wav --lexicon names.toml
    """
    from narrate.saying import say_text

    if text == "-":
        text = sys.stdin.read()
    job = job_from("-", flags)
    seconds = say_text(job, text, output, lambda sentence: click.echo(shown(sentence), err=True))
    click.echo(f"{output}  {seconds:.1f} s")
