"""Schedules to print, and paths that no format likes."""

from __future__ import annotations

import stat
from pathlib import Path

from hypothesis import strategies as st

from narrate.schedules import Clock, Schedule

NASTY = (
    "plain",
    "two  words ",
    "it's",
    'a "quoted" one',
    "100%",
    "%h %% %n",
    "$HOME ${x} $(id) `id`",
    "back\\slash",
    "two\\\\slashes\\",
    "\\%",
    "\\\\%\\",
    "'\\''",
    "é ü 漢字 😀 \u2028 \u202e",
    "-dash ~ * ? [a] {b,c} ! # ; & | < > ( ) ^ =",
    "--> <!-- <key>Label</key> &amp; ]]>",
    ": - {} []",
)
"""Names of shelves, each one a file's."""

names = st.text(
    st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="/\ufffe\uffff"), min_size=1, max_size=60
) | st.text(st.sampled_from("\\%'\"$` a"), min_size=1, max_size=30)
"""Whatever a file may be called and a schedule can say."""

TIMES = (
    Schedule("/s.toml"),
    Schedule("/s.toml", at=Clock(23, 5), days=(0, 1, 2, 3, 4)),
    Schedule("/s.toml", at=Clock(0, 0), days=(5, 6)),
    Schedule("/s.toml", at=Clock(6, 30), days=(0, 2, 6)),
    Schedule("/s.toml", every=1),
    Schedule("/s.toml", every=15),
    Schedule("/s.toml", every=60),
    Schedule("/s.toml", every=20, days=(4, 5, 6)),
    Schedule("/s.toml", every=360, days=(6,)),
)


def says_its_words(path: Path) -> Path:
    """A program that prints the words it is called with, a zero byte after each."""
    path.write_text("#!/bin/sh\nprintf '%s\\0' \"$@\"\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path
