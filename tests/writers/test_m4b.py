from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from mutagen.mp4 import MP4

from narrate.audio.container import probe
from narrate.audio.tags import read_mp4
from narrate.writers.m4b import M4bWriter
from tests.blobs import META, make_audiobook, of_tracks
from tests.suites.writer_suite import HARD_TITLES, WriterSuite, heard, of


class TestM4bWriter(WriterSuite):
    codec = "aac"

    @pytest.fixture
    def writer(self) -> M4bWriter:
        return M4bWriter()


def test_chapters_and_tags_read_back(tmp_path: Path) -> None:
    audiobook, _ = make_audiobook(tmp_path / "store", HARD_TITLES, seconds=0.3)
    path = of(M4bWriter().write(audiobook, tmp_path), ".m4b")
    assert path.read_bytes()[4:12] == b"ftypM4B "
    assert probe(path).chapters == audiobook.marks
    tags = MP4(path).tags
    wanted = {
        "\xa9nam": [META.title],
        "\xa9wrt": [audiobook.narrator],
        "\xa9nrt": [audiobook.narrator],
        "stik": [2],
        "pgap": True,
        "\xa9mvi": [3],
        "----:com.apple.iTunes:NARRATION": [b"synthetic"],
        "----:com.apple.iTunes:LANGUAGE": [b"eng"],
    }
    assert {name: tags[name] for name in wanted} == wanted
    assert META.cover is not None
    assert bytes(tags["covr"][0]) == META.cover.data


def test_the_seam_between_chapters_is_silent(tmp_path: Path) -> None:
    """Chapters were encoded apart; where they meet, nothing of either is heard."""
    audiobook, sounds = make_audiobook(tmp_path / "store", seconds=1.0)
    whole = heard(of(M4bWriter().write(audiobook, tmp_path), ".m4b"))
    wanted = np.concatenate(sounds) / 32768
    assert np.abs(whole - wanted).max() < 0.05
    for track in audiobook.tracks[1:]:
        assert np.abs(whole[track.start - 1024 : track.start + 512]).max() < 1e-3


def test_over_255_chapters_no_player_is_given_half_a_list(tmp_path: Path) -> None:
    one, _ = make_audiobook(tmp_path / "store", ("One",), seconds=0.1)
    track = one.tracks[0]
    tracks = tuple(replace(track, title=str(number), start=number * track.samples) for number in range(300))
    path = of(M4bWriter().write(of_tracks(tracks, 24000), tmp_path), ".m4b")
    assert len(probe(path).chapters) == 300
    assert read_mp4(path).listed is None


def test_no_date_gets_into_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    audiobook, _ = make_audiobook(tmp_path / "store", seconds=0.3)
    first = M4bWriter().write(audiobook, tmp_path)[0].digest
    later = time.time() + 1e8
    monkeypatch.setattr(time, "time", lambda: later)
    assert M4bWriter().write(audiobook, tmp_path)[0].digest == first
