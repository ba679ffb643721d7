"""``narrate check``: a finished file, decoded from end to end, against what it should be."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from narrate.figures import clock

if TYPE_CHECKING:
    from narrate.audio.meter import Figures


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE...")
@click.option("--spec", "specs", multiple=True, help="A shop's numbers: acx, google, podcast or r128; repeatable.")
@click.option("--quiet", "-q", is_flag=True, help="Only what is wrong.")
def check(files: tuple[Path, ...], specs: tuple[str, ...], quiet: bool) -> None:
    """Decode and measure finished files; say what is wrong with them.

    Errors end with exit code 9; what is marked "review" asks for an ear.

    \b
    narrate check output/Voltaire/Candide/Candide.mp3
    narrate check chapters/*.mp3 --spec acx
    """
    from narrate.checks.output import examine
    from narrate.checks.specs import SPECS, check_spec
    from narrate.errors import CheckFailed, JobError, SourceError
    from narrate.job import unknown

    for name in specs:
        if name not in SPECS:
            raise JobError(unknown("--spec", "spec", name, SPECS))
    missing = [path for path in files if not path.is_file()]
    if missing:
        raise SourceError(f"{missing[0]}: there is no such file")
    errors = []
    for path in files:
        figures, findings = examine(path)
        if figures is not None:
            findings += tuple(found for name in specs for found in check_spec(path, figures, SPECS[name]))
            if not quiet:
                click.echo(_describe(path, figures))
        for found in findings:
            click.echo(f"  {found.severity}: {found.code}: {found.where}: {found.message}")
        errors += [found for found in findings if found.severity == "error"]
    if errors:
        raise CheckFailed(f"{len(errors)} of what was checked is not as it should be", tuple(errors))


def _describe(path: Path, figures: Figures) -> str:
    probe = figures.probe
    loudness = "silent" if figures.lufs is None else f"{figures.lufs:.1f} LUFS"
    floor = "" if figures.floor_db is None else f", noise floor {figures.floor_db:.1f} dB"
    return (
        f"{path}: {clock(round(figures.duration * 1000))}, {len(probe.chapters)} chapters, {probe.codec} "
        f"{probe.bitrate} kbit/s, {probe.rate} Hz, {probe.channels} channel{'s' if probe.channels > 1 else ''}; "
        f"{loudness}, RMS {figures.rms_db:.1f} dB, peak {figures.peak_db:.1f} dB{floor}; "
        f"silence {figures.head:.2f} s at the head, {figures.tail:.2f} s at the tail"
    )
