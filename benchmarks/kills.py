"""Kills runs wherever they can be killed, runs them again, and counts what was lost, paid twice or made wrong.

    python benchmarks/kills.py [--kills 200] [--seed 1] [--inline | --strace] [--minutes 12]

A book is made with the real command against a Speech API server on this machine: four workers, two encodings, three
formats. Half the kills are at file-system calls (write, fsync, rename, unlink, mkdir, SQLite, ...), each kind in turn,
right before or after the call, of all processes (as a power cut does) or of the one that calls; the other half at
random moments, from outside. Most runs that follow are killed too; half the trials replace an older edition. At
the end of each trial the files must be an undisturbed run's, byte for byte, and no stored segment asked for again.

``--strace`` (where strace is installed) kills at true system calls, and has them fail: a full disk, a broken one, one
that is read-only. Such a run ends with one sentence, and the next one is right.

``--inline`` forks runs whose executors work inline, ten times as fast, and kills them at file-system calls alone.

The last line is PASS or FAIL; the exit code is 1 for FAIL.
"""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from tests.crashing import KINDS, Campaign, Figures, Kill, by_command, farmed, spread, system_calls
from tests.speech_server import SpeechServer

AGAIN = 0.6
"""How likely it is that the run after a killed one is killed too."""
ERRORS = ("ENOSPC", "EIO", "EROFS")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--strace", action="store_true", help="kill and fail at true system calls")
    parser.add_argument("--inline", action="store_true", help="forks without worker threads and processes: fast")
    parser.add_argument("--minutes", type=float, default=60.0, help="stop after so long, whatever was done")
    parser.add_argument("--folder", type=Path, help="where to work, on the disk that is to be tested")
    chosen = parser.parse_args()
    if chosen.strace and not shutil.which("strace"):
        parser.error("strace is not installed")
    chance = random.Random(chosen.seed)
    until = time.monotonic() + 60 * chosen.minutes
    with (
        SpeechServer(latency=(0.0, 0.0 if chosen.inline else 0.02)) as server,
        farmed() if chosen.inline else nullcontext(by_command) as runner,
        tempfile.TemporaryDirectory(prefix="kills", dir=chosen.folder) as folder,
    ):
        campaign = Campaign(Path(folder), server, runner)
        print(f"an undisturbed run: {len(campaign.calls):,} file-system calls, {campaign.seconds:.1f} s", flush=True)
        plan = _failures if chosen.strace else _calls if chosen.inline else _kills
        kills = plan(campaign, chance)
        trials = 0
        while campaign.figures.kills < chosen.kills and time.monotonic() < until:
            times = 1
            while chance.random() < AGAIN:
                times += 1
            campaign.trial([next(kills) for _ in range(times)], replacing=trials % 2 == 1)
            trials += 1
            if trials % 10 == 0:
                print(f"{trials} trials, {campaign.figures.kills} kills", file=sys.stderr, flush=True)
    _print(campaign.figures, trials)
    return 0 if campaign.figures.sound else 1


def _calls(campaign: Campaign, chance: random.Random) -> Iterator[Kill]:
    """By call, without end."""
    while True:
        yield from spread(campaign.calls, len(KINDS), chance)


def _kills(campaign: Campaign, chance: random.Random) -> Iterator[Kill]:
    """By call and by time in turn, without end."""
    for kill in _calls(campaign, chance):
        yield replace(kill, group=chance.random() < 0.7)
        yield Kill(seconds=chance.uniform(0.05, campaign.seconds), group=chance.random() < 0.5)


def _failures(campaign: Campaign, chance: random.Random) -> Iterator[Kill]:
    """By a signal and by an error in turn, without end; every kind of system call alike."""
    calls = system_calls(campaign)
    kinds = sorted({name for name, _ in calls})
    while True:
        for kind in kinds:
            number = chance.choice([number for name, number in calls if name == kind])
            yield Kill(inject=f"{kind}:signal=SIGKILL:when={number}")
            number = chance.choice([number for name, number in calls if name == kind])
            yield Kill(inject=f"{kind}:error={chance.choice(ERRORS)}:when={number}")


def _print(figures: Figures, trials: int) -> None:
    named = {letter: names[0] for letter, names in KINDS.items()} | {"q": "sqlite"}
    by_kind = ", ".join(f"{named.get(kind, kind)} {number}" for kind, number in sorted(figures.by_kind.items()))
    found = ", ".join(f"{what} {number}" for what, number in figures.found.most_common())
    extra = figures.requests - figures.minimum
    print(f"trials            {trials}")
    print(f"kills             {figures.kills}  ({by_kind})")
    print(f"came too late     {figures.missed}")
    print(f"runs              {figures.runs}")
    print(f"published between {found}")
    print(f"requests          {figures.requests:,}, minimum {figures.minimum:,}: {extra} in flight at a kill")
    print(f"asked for again   {figures.asked_again} although stored")
    print(f"differing         {figures.differing}")
    for complaint in figures.failed:
        print(f"  {complaint}")
    print("PASS" if figures.sound else "FAIL")


if __name__ == "__main__":
    sys.exit(main())
