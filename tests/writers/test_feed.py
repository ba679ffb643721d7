from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import replace
from email.utils import parsedate_to_datetime
from pathlib import Path
from urllib.parse import unquote

import pytest

from narrate.audiobook import Audiobook, Episode, Published, Serial, Track
from narrate.book import Cover
from narrate.errors import AudioError, JobError
from narrate.naming import chapter_file
from narrate.serials import feed_guid
from narrate.writers.chapters import ChaptersWriter
from narrate.writers.feed import FeedWriter
from tests.blobs import META, make_audiobook, untitled
from tests.suites.writer_suite import WriterSuite, of

URL = "https://books.example/über/wale"
NAMES = {
    "itunes": "http://www.itunes.com/dtds/podcast-1.0.dtd",
    "podcast": "https://podcastindex.org/namespace/1.0",
    "atom": "http://www.w3.org/2005/Atom",
}


class TestFeedWriter(WriterSuite):
    @pytest.fixture
    def writer(self) -> FeedWriter:
        return FeedWriter(URL, ChaptersWriter())

    def expected(self, audiobook: Audiobook) -> Sequence[tuple[Track, ...]]:
        return [(track,) for track in audiobook.tracks]


class Chapters:
    """A writer of chapters that are not sound, or not quite what it says of them."""

    name = "chapters"

    def __init__(self, *, longer: int = 0, missing: bool = False) -> None:
        self.longer = longer
        self.missing = missing
        self.calls = 0

    def write(self, audiobook: Audiobook, folder: Path) -> list[Published]:
        self.calls += 1
        assert audiobook.serial is not None
        (folder / "chapters").mkdir(exist_ok=True)
        files = []
        for number, episode in enumerate(audiobook.serial.episodes, 1):
            path = folder / chapter_file(episode.name)
            path.write_bytes(bytes(1000 * number))
            files.append(Published(path, 1000 * number + self.longer, "x", 61_499 * number))
        return files[self.missing :]


@pytest.fixture(scope="module")
def audiobook(tmp_path_factory: pytest.TempPathFactory) -> Audiobook:
    return make_audiobook(tmp_path_factory.mktemp("store"), seconds=0.2)[0]


def in_serial(audiobook: Audiobook, *numbers: str, date: str = "") -> Audiobook:
    """``audiobook`` with episodes of these numbers."""
    made = (
        Episode(number, f"guid {number}", f"{number} - {track.title}", track.title, date=date)
        for number, track in zip(numbers, audiobook.tracks, strict=True)
    )
    return replace(audiobook, serial=Serial(episodes=tuple(made)))


def channel_of(audiobook: Audiobook, folder: Path, url: str = URL) -> ET.Element:
    """What a player reads of the feed."""
    path = of(FeedWriter(url, Chapters()).write(audiobook, folder), ".xml")
    rss = ET.parse(path).getroot()
    assert (rss.tag, rss.get("version"), len(rss)) == ("rss", "2.0", 1)
    return rss[0]


def text(parent: ET.Element, name: str) -> str | None:
    """The text of the one element of that name; None when there is none."""
    found = parent.findall(name, NAMES)
    assert len(found) <= 1
    return (found[0].text or "") if found else None


def test_the_channel_holds_what_directories_ask_for(audiobook: Audiobook, tmp_path: Path) -> None:
    channel = channel_of(audiobook, tmp_path)
    said = {
        "title": META.title,
        "link": "https://books.example/%C3%BCber/wale/",
        "language": "en-gb",
        "itunes:author": "Herman Melville, A. N. Other",
        "itunes:explicit": "false",
        "itunes:type": "serial",
        "podcast:medium": "audiobook",
        "podcast:guid": feed_guid(URL),
        "generator": "narrate",
    }
    assert {name: text(channel, name) for name in said} == said
    assert text(channel, "description") == f"{META.description}\n\nNarrated by Leah (synthetic voice, tone)."
    (itself,) = channel.findall("atom:link", NAMES)
    assert itself.attrib == {
        "href": "https://books.example/%C3%BCber/wale/feed.xml",
        "rel": "self",
        "type": "application/rss+xml",
    }
    (image,) = channel.findall("itunes:image", NAMES)
    assert image.get("href") == "https://books.example/%C3%BCber/wale/cover.jpg"
    assert [one.get("text") for one in channel.findall(".//itunes:category", NAMES)] == ["Arts", "Books"]
    assert [child.tag for child in channel][-3:] == ["item"] * 3, "items come last, in reading order"


def test_an_item_leads_to_its_file(audiobook: Audiobook, tmp_path: Path) -> None:
    channel = channel_of(in_serial(audiobook, "0001", "0001.1", "0002"), tmp_path)
    items = channel.findall("item")
    assert [text(item, "title") for item in items] == ["One", "Two", "Three"]
    assert [text(item, "guid") for item in items] == ["guid 0001", "guid 0001.1", "guid 0002"]
    assert {item.find("guid").get("isPermaLink") for item in items} == {"false"}  # type: ignore[union-attr]
    assert [text(item, "itunes:duration") for item in items] == ["61", "123", "184"]
    assert [text(item, "itunes:episode") for item in items] == ["1", None, "2"]
    assert [text(item, "podcast:episode") for item in items] == ["1", "1.1", "2"]
    for number, (item, name) in enumerate(zip(items, ("0001 - One", "0001.1 - Two", "0002 - Three"), strict=True), 1):
        (enclosure,) = item.findall("enclosure")
        assert (enclosure.get("length"), enclosure.get("type")) == (str(1000 * number), "audio/mpeg")
        url = enclosure.get("url", "")
        assert url.isascii() and " " not in url
        assert unquote(url) == f"{URL}/chapters/{name}.mp3"


def test_hard_texts_are_read_back(audiobook: Audiobook, tmp_path: Path) -> None:
    odd = "a]]> <script>&amp; \x0b\x00\ud800 👩‍👩‍👧 %41?#\n„x“"
    plain = "a]]> <script>&amp; 👩‍👩‍👧 %41?# „x“"
    titled = plain.replace("👩", "? 👩", 1)  # half a character is no text that a manifest could hold
    tracks = tuple(replace(track, title=odd) for track in audiobook.tracks)
    hard = untitled(replace(audiobook, tracks=tracks), title=odd, authors=(odd,), rights=odd)
    channel = channel_of(hard, tmp_path)
    assert [text(channel, name) for name in ("title", "itunes:author", "copyright")] == [plain] * 3
    assert {text(item, "title") for item in channel.findall("item")} == {titled}
    files = {path.name for path in (tmp_path / "chapters").iterdir()}
    assert {unquote(one.get("url", "")).split("/")[-1] for one in channel.iter("enclosure")} == files


@pytest.mark.parametrize(
    ("url", "folder"),
    [
        ("http://a.example", "http://a.example/"),
        ("https://a.example/b c/", "https://a.example/b%20c/"),
        ("https://a.example/b%20c/feed.xml", "https://a.example/b%20c/"),
        ("https://a.example/b?key=1", "https://a.example/b/"),
        ("https://[::1]:8000/b", "https://[::1]:8000/b/"),
        ("https://bücher.example:8000/ä", "https://xn--bcher-kva.example:8000/%C3%A4/"),
    ],
)
def test_files_lie_beside_the_feed(audiobook: Audiobook, tmp_path: Path, url: str, folder: str) -> None:
    channel = channel_of(audiobook, tmp_path, url)
    assert text(channel, "link") == folder
    assert all(one.get("url", "").startswith(f"{folder}chapters/0") for one in channel.iter("enclosure"))


@pytest.mark.parametrize("url", ["", "books.example/x", "ftp://a.example/", "https:///x", "file:///x"])
def test_an_address_that_leads_nowhere_is_told_before_anything_is_written(url: str) -> None:
    with pytest.raises(JobError, match="feed_url"):
        FeedWriter(url, Chapters())


def test_without_metadata_the_feed_says_less(audiobook: Audiobook, tmp_path: Path) -> None:
    tracks = tuple(replace(track, title=" ") for track in audiobook.tracks)
    bare = untitled(replace(audiobook, tracks=tracks, narrator=""), title="", authors=(), language="", cover=None)
    channel = channel_of(untitled(bare, description="", rights=""), tmp_path)
    assert text(channel, "title") == text(channel, "description") == "Untitled"
    assert [text(channel, name) for name in ("language", "itunes:author", "copyright", "itunes:image")] == [None] * 4
    assert [text(item, "title") for item in channel.findall("item")] == ["1", "2", "3"]


def test_a_long_description_is_cut_and_still_says_who_narrates(audiobook: Audiobook, tmp_path: Path) -> None:
    said = text(channel_of(untitled(audiobook, description="ü" * 5000), tmp_path), "description")
    assert said is not None
    assert len(said.encode()) <= 4000
    assert said.startswith("üüü") and said.endswith("…\n\nNarrated by Leah (synthetic voice, tone).")


def test_a_png_cover_is_called_so(audiobook: Audiobook, tmp_path: Path) -> None:
    channel = channel_of(untitled(audiobook, cover=Cover(b"\x89PNG", "image/png")), tmp_path)
    (image,) = channel.findall("itunes:image", NAMES)
    assert image.get("href", "").endswith("/cover.png")


def test_the_guid_that_a_feed_has_is_kept(audiobook: Audiobook, tmp_path: Path) -> None:
    known = in_serial(audiobook, "0001", "0002", "0003")
    assert known.serial is not None
    channel = channel_of(replace(known, serial=replace(known.serial, guid="older")), tmp_path)
    assert text(channel, "podcast:guid") == "older"


def test_dates_sort_as_the_numbers_do(audiobook: Audiobook, tmp_path: Path) -> None:
    channel = channel_of(in_serial(audiobook, "0001", "0001.1", "0002", date="2024-05"), tmp_path)
    assert [text(item, "pubDate") for item in channel.findall("item")] == [
        "Wed, 01 May 2024 00:01:00 +0000",
        "Wed, 01 May 2024 00:01:06 +0000",
        "Wed, 01 May 2024 00:02:00 +0000",
    ]
    far = in_serial(audiobook, "0059", "0060", "2000", date="2024-12-31")
    dates = [parsedate_to_datetime(text(item, "pubDate") or "") for item in channel_of(far, tmp_path).findall("item")]
    assert dates == sorted(dates)


@pytest.mark.parametrize("date", ["", "soon", "1851-10-18", "2024-02-30", "9999-12-31"])
def test_without_a_date_that_players_know_there_is_none(audiobook: Audiobook, tmp_path: Path, date: str) -> None:
    channel = channel_of(in_serial(audiobook, "0001", "0002", "9999", date=date), tmp_path)
    assert text(channel.findall("item")[-1], "pubDate") is None


def test_the_chapters_are_written_once(audiobook: Audiobook, tmp_path: Path) -> None:
    chapters = Chapters()
    FeedWriter(URL, chapters).write(audiobook, tmp_path)
    assert chapters.calls == 1


def test_a_file_of_another_size_than_was_said_is_found(audiobook: Audiobook, tmp_path: Path) -> None:
    with pytest.raises(AudioError, match="does not lead to the 3 chapters"):
        FeedWriter(URL, Chapters(longer=1)).write(audiobook, tmp_path)


def test_a_file_that_is_not_there_is_found(audiobook: Audiobook, tmp_path: Path) -> None:
    with pytest.raises(AudioError, match="0001 - One"):
        FeedWriter(URL, Chapters(missing=True)).write(audiobook, tmp_path)
