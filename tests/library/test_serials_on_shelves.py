"""What feeds and Calibre bring to a shelf is narrated, and a serial that grows costs its new chapter alone."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from narrate.library.shelf import read_shelf
from narrate.library.sight import sight_of
from tests.catalogues.test_calibre import Library
from tests.catalogues.test_feeds import Site, site  # noqa: F401  (a fixture)
from tests.library.shelves import Watching, files, ids, run
from tests.speech_server import KEY, SpeechServer


def feed(entries: dict[str, str]) -> str:
    items = "".join(
        f"<item><guid>{guid}</guid><title>{guid}</title><description>{text}</description></item>"
        for guid, text in reversed(entries.items())
    )
    return f'<rss version="2.0"><channel><title>The Weekly</title><language>en</language>{items}</channel></rss>'


def shelf(folder: Path, books: str, top: str = "") -> Path:
    path = folder / "shelf.toml"
    path.write_text(f'output = "out"\nstore = "store"\n{top}\n[[books]]\n{books}\n')
    return path


def test_a_serial_keeps_numbers_names_and_guids_and_pays_for_its_new_chapter(
    tmp_path: Path,
    site: Site,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    entries = {"One": "The first issue says little.", "Two": "The second issue says more."}
    url = site.put("/weekly.xml", feed(entries))
    with SpeechServer() as server:
        monkeypatch.setenv("LMNT_API_KEY", KEY)
        monkeypatch.setenv("LMNT_BASE_URL", server.url)
        books = f'feed = "{url}"\nserial = true\nformats = ["feed"]\nfeed_url = "https://a.example/{{folder}}/"'
        path = shelf(tmp_path, books, 'engine = "lmnt"')
        assert not sight_of(read_shelf(path)).standings, "looking asks nobody"
        assert site.asked == []
        first = run(path)
        assert len(first.of("made")) == 1, first.of("failed")
        folder = tmp_path / "out" / first.of("made")[0].record.folder
        before = {path.name: path.stat() for path in (folder / "chapters").iterdir()}
        guids = episodes(folder)
        assert [title for title, _, _ in guids] == ["One", "Two"]
        assert sorted(before) == ["0001 - One.mp3", "0002 - Two.mp3"]

        # nothing new: the server says so, and nothing is touched
        untouched = files(tmp_path)
        site.forget()
        assert not run(path).news
        assert [status for _, status in site.asked] == [304]
        assert files(tmp_path) == untouched

        # one more: one chapter's requests, and the others stay as they are
        asked = dict(server.counts)
        site.put("/weekly.xml", feed({**entries, "Three": "The third issue says most."}))
        grown = run(path)
        assert len(grown.of("made")) == 1
        new = [body for body, count in server.counts.items() if body and count > asked.get(body, 0)]
        assert all(b"Three" in body or b"third" in body for body in new)
        assert 1 <= len(new) <= 2
        after = {path.name: path.stat() for path in (folder / "chapters").iterdir()}
        assert sorted(after) == ["0001 - One.mp3", "0002 - Two.mp3", "0003 - Three.mp3"]
        for name, stat in before.items():
            assert (after[name].st_mtime_ns, after[name].st_ino) == (stat.st_mtime_ns, stat.st_ino), name
        assert episodes(folder)[:2] == guids
        assert all(address.startswith("https://a.example/") and "{" not in address for _, _, address in guids)

        # a feed that does not answer is a problem, and nothing is lost
        site.pages.clear()
        silent = run(path, Watching())
        assert (silent.exit_code, len(silent.listing.orders), silent.of("failed")) == (6, 1, ())


def episodes(folder: Path) -> list[tuple[str, str, str]]:
    """Title, GUID and address of each episode."""
    items = ET.parse(folder / "feed.xml").getroot().iter("item")
    return [
        (item.findtext("title", ""), item.findtext("guid", ""), item.find("enclosure").attrib["url"])  # type: ignore[union-attr]
        for item in items
    ]


def test_a_calibre_library_is_narrated_and_only_read(tmp_path: Path) -> None:
    (tmp_path / "calibre").mkdir()
    library = Library(tmp_path / "calibre")
    library.add("A Tale", ("TXT",), series=["Tales"])
    library.add("Locked", ("PDF",))
    for path in library.folder.rglob("*.txt"):
        path.write_text("It was the best of times.")
    before = files(library.folder)
    path = shelf(tmp_path, f'calibre = "{library.folder}"', 'engine = "tone"')
    outcome = run(path)
    assert len(outcome.of("made")) == 1, outcome.listing.problems
    assert outcome.of("made")[0].record.title == "A Tale"
    assert outcome.of("made")[0].payload["series"] == "Tales"
    assert any("Locked" in note for note in outcome.listing.notes)
    assert files(library.folder) == before
    assert not run(path).news
    assert ids(outcome.of("made")) == {outcome.listing.orders[0].id}
