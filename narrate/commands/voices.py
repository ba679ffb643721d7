"""``narrate voices``: engines and their voices."""

from __future__ import annotations

import click


@click.command()
@click.option("--engine", help="Only this one.")
def voices(engine: str | None) -> None:
    """List engines and their voices; the embedded ones need no network.

    \b
    narrate voices
    narrate voices --engine lmnt
    """
    from narrate.errors import JobError
    from narrate.job import ENGINES, unknown
    from narrate.studio import list_voices

    if engine and engine not in ENGINES:
        raise JobError(unknown("--engine", "engine", engine, ENGINES))
    for name in [engine] if engine else ENGINES:
        click.echo(f"{name}:")
        for voice in list_voices(name):
            click.echo(f"  {voice.name:<16} {voice.language:<8} {voice.description}".rstrip())
