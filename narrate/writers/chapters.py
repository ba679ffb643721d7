"""A folder of MP3s, one for each chapter, for players that know no chapters."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from narrate.audio.binding import plan_mp3, write_mp3
from narrate.audio.reopen import reopen_mp3
from narrate.audio.tags import Facts, id3
from narrate.audiobook import Audiobook, Episode, Published
from narrate.naming import CHAPTERS, LONGEST, chapter_file, safe_name, unique_names
from narrate.serials import decimal, whole

COVER_BYTES = 300_000
"""A larger cover is left out here: every chapter would carry it."""


class ChaptersWriter:
    """``chapters/NN - <Chapter>.mp3``; the chapters of a serial have the names that they were first published by."""

    name = "chapters"

    def write(self, audiobook: Audiobook, folder: Path) -> list[Published]:
        """Write every chapter as an MP3 of its own."""
        (folder / CHAPTERS).mkdir(exist_ok=True)
        episodes = audiobook.serial.episodes if audiobook.serial else ()
        if episodes:
            facts = [_facts_in_serial(audiobook, index, episode) for index, episode in enumerate(episodes)]
            names = [episode.name for episode in episodes]
        else:
            facts = [_facts(audiobook, index) for index in range(len(audiobook.tracks))]
            names = chapter_names([track.title for track in audiobook.tracks])
        return [
            _write_chapter(audiobook, index, one, folder / chapter_file(name))
            for index, (name, one) in enumerate(zip(names, facts, strict=True))
        ]


def chapter_names(titles: list[str]) -> list[str]:
    """File names without suffix, numbered so that they sort in reading order."""
    width = max(2, len(str(len(titles))))
    return unique_names(
        [f"{number:0{width}} - {safe_name(title, LONGEST - width - 3)}" for number, title in enumerate(titles, 1)]
    )


def _facts(audiobook: Audiobook, index: int) -> Facts:
    track, meta = audiobook.tracks[index], audiobook.meta
    return Facts(
        meta=meta,
        narrator=audiobook.narrator,
        title=track.title.strip() or str(index + 1),
        track=(index + 1, len(audiobook.tracks)),
        cover=meta.cover if meta.cover and len(meta.cover.data) <= COVER_BYTES else None,
    )


def _facts_in_serial(audiobook: Audiobook, index: int, episode: Episode) -> Facts:
    """Nothing here changes when other chapters come or go: neither a total, nor the date of the book's last change."""
    facts = _facts(audiobook, index)
    return replace(
        facts,
        meta=replace(facts.meta, date=episode.date),
        title=audiobook.tracks[index].title.strip() or decimal(episode.number),
        track=(whole(episode.number), 0),
    )


def _write_chapter(audiobook: Audiobook, index: int, facts: Facts, path: Path) -> Published:
    track = audiobook.tracks[index]
    plan = plan_mp3([track])
    with path.open("wb") as file:
        file.write(id3(facts))
        write_mp3(file, [track], plan)
    return reopen_mp3(path, track.samples, audiobook.rate, facts)
