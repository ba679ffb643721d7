"""A folder of MP3s, one for each chapter, for players that know no chapters."""

from __future__ import annotations

from pathlib import Path

from narrate.audio.binding import plan_mp3, write_mp3
from narrate.audio.reopen import reopen_mp3
from narrate.audio.tags import Facts, id3
from narrate.audiobook import Audiobook, Published
from narrate.naming import LONGEST, safe_name, unique_names

FOLDER = "chapters"

COVER_BYTES = 300_000
"""A larger cover is left out here: every chapter would carry it."""


class ChaptersWriter:
    """``chapters/NN - <Chapter>.mp3``."""

    name = "chapters"

    def write(self, audiobook: Audiobook, folder: Path) -> list[Published]:
        """Write every chapter as an MP3 of its own."""
        below = folder / FOLDER
        below.mkdir(exist_ok=True)
        return [
            _write_chapter(audiobook, number, below / f"{name}.mp3")
            for number, name in enumerate(chapter_names([track.title for track in audiobook.tracks]))
        ]


def chapter_names(titles: list[str]) -> list[str]:
    """File names without suffix, numbered so that they sort in reading order."""
    width = max(2, len(str(len(titles))))
    return unique_names(
        [f"{number:0{width}} - {safe_name(title, LONGEST - width - 3)}" for number, title in enumerate(titles, 1)]
    )


def _write_chapter(audiobook: Audiobook, number: int, path: Path) -> Published:
    track, meta = audiobook.tracks[number], audiobook.meta
    facts = Facts(
        meta=meta,
        narrator=audiobook.narrator,
        title=track.title.strip() or str(number + 1),
        track=(number + 1, len(audiobook.tracks)),
        cover=meta.cover if meta.cover and len(meta.cover.data) <= COVER_BYTES else None,
    )
    plan = plan_mp3([track])
    with path.open("wb") as file:
        file.write(id3(facts))
        write_mp3(file, [track], plan)
    return reopen_mp3(path, track.samples, audiobook.rate, facts)
