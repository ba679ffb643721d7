"""One MP3 with chapters: ID3v2.4 in front, the Info frame, then the frames of every chapter as they were encoded."""

from __future__ import annotations

from pathlib import Path

from narrate.audio.binding import plan_mp3, write_mp3
from narrate.audio.reopen import reopen_mp3
from narrate.audio.tags import book_facts, id3
from narrate.audiobook import Audiobook, Published
from narrate.naming import book_name


class Mp3Writer:
    """``<Title>.mp3``."""

    name = "mp3"

    def write(self, audiobook: Audiobook, folder: Path) -> list[Published]:
        """Write the book as one MP3."""
        facts = book_facts(audiobook.meta, audiobook.narrator, audiobook.marks)
        path = folder / f"{book_name(audiobook.meta)}.mp3"
        plan = plan_mp3(audiobook.tracks)
        with path.open("wb") as file:
            file.write(id3(facts))
            write_mp3(file, audiobook.tracks, plan)
        return [reopen_mp3(path, audiobook.samples, audiobook.rate, facts)]
