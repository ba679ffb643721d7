"""A podcast feed of a book: RSS 2.0 with the tags of Apple and of Podcasting 2.0, one episode for each chapter's MP3.

The bytes depend on the audiobook and the feed's address alone. Without a clock there is no date but the book's own: an
episode is dated the day that its book was dated when it was first published, as many minutes after midnight as its
number says, so that players that sort by date keep the reading order. A book without a date, or from before players'
calendars begin, has none.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from fractions import Fraction
from pathlib import Path
from urllib.parse import quote, urljoin, urlsplit, urlunsplit

from narrate.audio.reopen import digest_of
from narrate.audiobook import Audiobook, Episode, Published, Serial
from narrate.errors import AudioError, JobError
from narrate.naming import chapter_file, cover_file
from narrate.serials import continued, day, decimal, feed_address, feed_guid
from narrate.writers import Writer

NAME = "feed.xml"

_ITUNES = "http://www.itunes.com/dtds/podcast-1.0.dtd"
_PODCAST = "https://podcastindex.org/namespace/1.0"
_ATOM = "http://www.w3.org/2005/Atom"
for _prefix, _namespace in {"itunes": _ITUNES, "podcast": _PODCAST, "atom": _ATOM}.items():
    ET.register_namespace(_prefix, _namespace)

_NO_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_LONGEST_DESCRIPTION = 4000  # bytes; directories take no more
_PRINTABLE = "!$&'()*+,;=:@~/%?[]"  # what an address may hold as it is
_FIRST_YEAR = "1970"


class FeedWriter:
    """``feed.xml``, and the chapters' files that it leads to. ``url`` is where the book's folder will be, or the feed
    itself; ``chapters`` writes the files, each ``naming.chapter_file`` of its episode's name.
    """

    name = "feed"

    def __init__(self, url: str, chapters: Writer) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise JobError(f"{url!r}: a feed needs the http(s) address that its folder will have; set feed_url")
        at = urlsplit(feed_address(url))
        # %-signs are for what follows the server's name
        written = at._replace(netloc=at.netloc.encode("idna").decode())
        self._address = quote(urlunsplit(written), safe=_PRINTABLE)
        self._guid = feed_guid(url)
        self._chapters = chapters

    def write(self, audiobook: Audiobook, folder: Path) -> list[Published]:
        """Write the chapters, then the feed, which says how many bytes each has."""
        if audiobook.serial is None or not audiobook.serial.episodes:
            audiobook = continued(replace(audiobook, serial=Serial()), None)
        files = self._chapters.write(audiobook, folder)
        found = {file.path.relative_to(folder).as_posix(): file for file in files}
        serial = audiobook.serial or Serial()
        path = folder / NAME
        try:
            episodes = [(episode, found[chapter_file(episode.name)]) for episode in serial.episodes]
        except KeyError as error:
            raise AudioError(f"{NAME}: there is no file {error} to lead to") from error
        rss = ET.Element("rss", version="2.0")
        channel = self._channel(ET.SubElement(rss, "channel"), audiobook, serial.guid or self._guid)
        for episode, file in episodes:
            self._item(ET.SubElement(channel, "item"), episode, file)
        ET.indent(rss)
        ET.ElementTree(rss).write(path, encoding="utf-8", xml_declaration=True)
        _reopen(path, [(episode.guid, self._url(chapter_file(episode.name)), file) for episode, file in episodes])
        return [*files, Published(path, path.stat().st_size, digest_of(path))]

    def _url(self, name: str) -> str:
        """The address of a file in the book's folder."""
        return urljoin(self._address, quote(name, errors="replace"))

    def _channel(self, channel: ET.Element, audiobook: Audiobook, guid: str) -> ET.Element:
        meta = audiobook.meta
        title = _line(meta.title) or "Untitled"
        cover = cover_file(meta)
        _add(channel, "title", title)
        _add(channel, "link", self._url("."))
        ET.SubElement(channel, f"{{{_ATOM}}}link", href=self._address, rel="self", type="application/rss+xml")
        _add(channel, "description", _description(audiobook) or title)
        _add(channel, "language", meta.language.lower())
        _add(channel, "copyright", _line(meta.rights))
        _add(channel, "generator", "narrate")
        _add(channel, f"{{{_ITUNES}}}author", _line(", ".join(meta.authors)))
        if cover:
            ET.SubElement(channel, f"{{{_ITUNES}}}image", href=self._url(cover))
        category = ET.SubElement(channel, f"{{{_ITUNES}}}category", text="Arts")
        ET.SubElement(category, f"{{{_ITUNES}}}category", text="Books")
        _add(channel, f"{{{_ITUNES}}}explicit", "false")
        _add(channel, f"{{{_ITUNES}}}type", "serial")
        _add(channel, f"{{{_PODCAST}}}guid", guid)
        _add(channel, f"{{{_PODCAST}}}medium", "audiobook")
        return channel

    def _item(self, item: ET.Element, episode: Episode, file: Published) -> None:
        number = decimal(episode.number)
        _add(item, "title", _line(episode.title) or number)
        ET.SubElement(item, "guid", isPermaLink="false").text = episode.guid
        _add(item, "pubDate", _published(episode))
        ET.SubElement(
            item, "enclosure", url=self._url(chapter_file(episode.name)), length=str(file.size), type="audio/mpeg"
        )
        _add(item, f"{{{_ITUNES}}}duration", str(max(1, round((file.duration_ms or 0) / 1000))))
        if number.isdigit() and number != "0":  # Apple knows whole numbers only
            _add(item, f"{{{_ITUNES}}}episode", number)
        _add(item, f"{{{_ITUNES}}}episodeType", "full")
        _add(item, f"{{{_PODCAST}}}episode", number)


def _add(parent: ET.Element, name: str, text: str) -> None:
    """An element with ``text``; none when there is nothing to say."""
    if text := _NO_XML.sub("", text):
        ET.SubElement(parent, name).text = text


def _line(text: str) -> str:
    return " ".join(_NO_XML.sub("", text).split())


def _description(audiobook: Audiobook) -> str:
    """What the book says of itself, and that no human narrates."""
    about = _NO_XML.sub("", audiobook.meta.description).strip()
    narrator = f"Narrated by {_line(audiobook.narrator)}." if audiobook.narrator.strip() else ""
    room = _LONGEST_DESCRIPTION - len(narrator.encode()) - 5
    if len(about.encode()) > room:
        about = about.encode()[: max(room, 0)].decode(errors="ignore").rstrip() + "…"
    return "\n\n".join(filter(None, (about, narrator)))


def _published(episode: Episode) -> str:
    date = day(episode.date)
    if date < _FIRST_YEAR:
        return ""
    try:
        midnight = datetime.fromisoformat(date).replace(tzinfo=UTC)
        return format_datetime(midnight + timedelta(seconds=int(60 * Fraction(decimal(episode.number)))))
    except (ValueError, OverflowError):  # 30 February, or past the year 9999
        return ""


def _reopen(path: Path, wanted: Sequence[tuple[str, str, Published]]) -> None:
    """AudioError unless the feed, read as a player would, leads to all files, at the size that they are."""
    try:
        items = list(ET.parse(path).iter("item"))
    except ET.ParseError as error:
        raise AudioError(f"{path.name}: cannot be read back: {error}") from error
    found = [(item.findtext("guid"), *_enclosed(item.iter("enclosure"))) for item in items]
    if found != [(guid, url, str(file.path.stat().st_size)) for guid, url, file in wanted]:
        raise AudioError(f"{path.name}: does not lead to the {len(wanted)} chapters as they are")


def _enclosed(enclosures: Iterable[ET.Element]) -> tuple[str, str]:
    (enclosure,) = enclosures
    return enclosure.get("url", ""), enclosure.get("length", "")
