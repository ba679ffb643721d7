"""One M4B with chapters: the AAC packets of every chapter in an MP4, tagged as an audiobook."""

from __future__ import annotations

from pathlib import Path

from narrate.audio.binding import aac_packets, one_encoding
from narrate.audio.container import mux_m4b
from narrate.audio.languages import iso_639_2
from narrate.audio.reopen import reopen_m4b
from narrate.audio.tags import book_facts, tag_mp4
from narrate.audiobook import Audiobook, Published
from narrate.naming import book_name


class M4bWriter:
    """``<Title>.m4b``."""

    name = "m4b"

    def write(self, audiobook: Audiobook, folder: Path) -> list[Published]:
        """Write the book as one M4B. The tags follow the muxing, while moov is at the end and costs nothing to move."""
        facts = book_facts(audiobook.meta, audiobook.narrator, audiobook.marks)
        path = folder / f"{book_name(audiobook.meta)}.m4b"
        blobs, encoding = one_encoding(audiobook.tracks, "aac")
        language = iso_639_2(audiobook.meta.language)
        mux_m4b(path, encoding, blobs[0].config, aac_packets(blobs), facts.marks, audiobook.samples, language)
        tag_mp4(path, facts)
        return [reopen_m4b(path, audiobook.samples, audiobook.rate, facts)]
