"""Feeds and catalogues, from a real server on 127.0.0.1 that answers conditional requests and counts them."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from narrate import disk, web
from narrate.catalogues.articles import Article, write_article
from narrate.catalogues.feeds import Feed, brought_by, read_feed
from narrate.errors import JobError
from narrate.jobs.files import layer, merged
from narrate.library.orders import orders_of
from narrate.library.shelf import read_shelf
from narrate.load import load
from narrate.locks import only_run
from narrate.web import Patience

ONCE = Patience(connect=1, silence=1, total=5, attempts=1)
RSS = "application/rss+xml"
ATOM = "application/atom+xml"


@dataclass
class Resource:
    """What a site has at a path. Without ``validators`` a server cannot say that nothing has changed."""

    body: bytes
    media_type: str = RSS
    status: int = 200
    validators: bool = True
    headers: Mapping[str, str] = field(default_factory=dict)


class Site:
    """A web site whose pages can be changed, and which knows what it was asked."""

    def __init__(self) -> None:
        self.pages: dict[str, Resource] = {}
        self.asked: list[tuple[str, int]] = []
        self.logins: list[str] = []
        site = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                found = site.pages.get(self.path)
                status, body, headers = site.answer(found, self.headers)
                site.asked.append((self.path, status))
                site.logins.append(self.headers.get("Authorization", ""))
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                if status != 304:
                    self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.block_on_close = False
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    @staticmethod
    def answer(found: Resource | None, headers: Any) -> tuple[int, bytes, dict[str, str]]:
        if found is None:
            return 404, b"nothing here", {}
        tag = f'"{hashlib.sha256(found.body).hexdigest()[:16]}"'
        said = {"Content-Type": found.media_type, **found.headers} | ({"ETag": tag} if found.validators else {})
        if found.validators and found.status == 200 and headers.get("If-None-Match") == tag:
            return 304, b"", {"ETag": tag}
        return found.status, found.body, said

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def put(self, path: str, body: str | bytes, media_type: str = RSS, **more: Any) -> str:
        self.pages[path] = Resource(body if isinstance(body, bytes) else body.encode(), media_type, **more)
        return self.url + path

    def forget(self) -> None:
        self.asked.clear()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    site = Site()
    yield site
    site.close()


def read(url: str, folder: Path, **more: Any) -> Feed:
    return read_feed(
        url,
        folder,
        fetch=partial(web.fetch, patience=ONCE),
        download=partial(web.download, patience=ONCE),
        **more,
    )


def item(guid: str, title: str = "", html: str = "", more: str = "") -> str:
    named = f'<guid isPermaLink="false">{guid}</guid>' if guid else ""
    return f"<item>{named}<title>{title}</title><description><![CDATA[{html}]]></description>{more}</item>"


def rss(*items: str, more: str = "", title: str = "The Blog") -> str:
    return (
        '<?xml version="1.0"?><rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/" '
        'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:atom="http://www.w3.org/2005/Atom">'
        f"<channel><title>{title}</title><language>en-gb</language>{more}{''.join(items)}</channel></rss>"
    )


def dated(day: int) -> str:
    return f"<pubDate>{day:02} May 2024 10:00:00 GMT</pubDate>"


def entry(
    identity: str, title: str = "A Book", href: str = "", updated: str = "2024-01-01T00:00:00Z", more: str = ""
) -> str:
    link = f'<link rel="http://opds-spec.org/acquisition" type="application/epub+zip" href="{href}"/>' if href else ""
    return (
        f"<entry><id>{identity}</id><title>{title}</title><updated>{updated}</updated>"
        f"<author><name>An Author</name></author>{link}{more}</entry>"
    )


def catalogue(*entries: str, more: str = "") -> str:
    return (
        '<feed xmlns="http://www.w3.org/2005/Atom" xmlns:dcterms="http://purl.org/dc/terms/" '
        'xmlns:opds="http://opds-spec.org/2010/catalog"><id>urn:cat</id><title>My Books</title>'
        f'<link rel="self" type="{ATOM};profile=opds-catalog;kind=acquisition" href="/opds"/>'
        f"{more}{''.join(entries)}</feed>"
    )


@pytest.fixture
def epub(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return book(tmp_path_factory.mktemp("epub"), "Some text.")


def book(folder: Path, text: str) -> bytes:
    path = folder / "book.epub"
    write_article(path, Article("urn:book", "Its Own Title", f"<p>{text}</p>", ("Somebody",), "", "en"))
    return path.read_bytes()


def said(feed: Feed) -> list[list[str]]:
    """What is said in each book, without its title."""
    return [
        [block.text for chapter in load(listed.source).chapters for block in chapter.blocks][1:]
        for listed in feed.listed
    ]


def tree(folder: Path) -> dict[str, tuple[int, int]]:
    return {
        path.relative_to(folder).as_posix(): (path.stat().st_mtime_ns, path.stat().st_ino) for path in folder.rglob("*")
    }


# articles


def test_each_entry_is_a_book(site: Site, tmp_path: Path) -> None:
    url = site.put(
        "/feed.xml",
        rss(
            item("g2", "A/B: 🎉 &amp;amp; C", "<p>Two.</p>", dated(2) + "<dc:creator>Jane Doe</dc:creator>"),
            item("g1", "One", "short", f"{dated(1)}<content:encoded><![CDATA[<p>The whole.</p>]]></content:encoded>"),
        ),
    )
    feed = read(url, tmp_path)
    assert (feed.title, feed.problems, feed.passed_over) == ("The Blog", (), ())
    first, second = feed.listed
    assert first.settings == {
        "metadata": {
            "title": "A/B: 🎉 & C",
            "authors": ["Jane Doe"],
            "date": "2024-05-02",
            "language": "en-gb",
            "series": "The Blog",
        }
    }
    assert first.source.name.startswith("A-B - 🎉 & C-")
    assert first.source.parent.parent == tmp_path
    assert said(feed) == [["Two."], ["The whole."]]
    loaded = load(first.source)
    assert (loaded.meta.title, loaded.meta.authors, loaded.meta.date) == ("A/B: 🎉 & C", ("Jane Doe",), "2024-05-02")
    merged([layer(first.origin, first.settings, first.folder), layer(second.origin, second.settings, second.folder)])


def test_what_has_not_changed_is_asked_for_and_left_alone(site: Site, tmp_path: Path) -> None:
    url = site.put("/feed.xml", rss(item("g1", "One", "x"), item("g2", "Two", "y")))
    first = read(url, tmp_path)
    before = tree(tmp_path)
    site.forget()
    assert read(url, tmp_path) == first
    assert site.asked == [("/feed.xml", 304)]
    assert tree(tmp_path) == before


def test_a_server_that_cannot_tell_what_has_changed(site: Site, tmp_path: Path) -> None:
    url = site.put("/feed.xml", rss(item("g1", "One", "<p id='ad123'>x</p>")), validators=False)
    first = read(url, tmp_path)
    before = tree(tmp_path)
    site.forget()
    assert read(url, tmp_path) == first
    assert site.asked == [("/feed.xml", 200)]
    assert tree(tmp_path) == before


def test_an_entry_is_known_by_its_guid_and_never_by_its_title(site: Site, tmp_path: Path) -> None:
    url = site.put("/feed.xml", rss(item("g1", "Same", "a"), item("g2", "Same", "b")))
    first = read(url, tmp_path)
    assert said(first) == [["a"], ["b"]]
    site.put("/feed.xml", rss(item("g1", "Another Title", "a"), item("g2", "Same", "b, corrected")))
    before = tree(tmp_path)
    second = read(url, tmp_path)
    assert [listed.source for listed in second.listed] == [listed.source for listed in first.listed]
    assert [listed.settings["metadata"]["title"] for listed in second.listed] == ["Another Title", "Same (2)"]
    assert said(second) == [["a"], ["b, corrected"]]
    assert {name for name, seen in tree(tmp_path).items() if before.get(name) != seen} == {
        f"{path.parent.name}/{name}"
        for path in [first.listed[0].source]
        for name in ("feed.json", *(listed.source.name for listed in first.listed))
    } | {first.listed[0].source.parent.name}


def test_what_fell_out_of_a_feed_stays(site: Site, tmp_path: Path) -> None:
    url = site.put("/feed.xml", rss(item("g1", "One", "a")))
    read(url, tmp_path)
    site.put("/feed.xml", rss(item("g2", "Two", "b")))
    assert said(read(url, tmp_path)) == [["a"], ["b"]]


def test_what_somebody_removed_comes_back_while_the_feed_has_it(site: Site, tmp_path: Path) -> None:
    url = site.put("/feed.xml", rss(item("g1", "One", "a"), item("g2", "Two", "b")))
    first = read(url, tmp_path)
    first.listed[0].source.unlink()
    assert said(read(url, tmp_path)) == [["a"], ["b"]]
    site.put("/feed.xml", rss(item("g2", "Two", "b")))
    read(url, tmp_path)
    first.listed[0].source.unlink()
    assert said(read(url, tmp_path)) == [["b"]]


WRONG = b'{"version": 1, "pages": [{"etag": 7}], "held": {}}'


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b'{"version": 1}', b'{"version": 9}', WRONG, b"\xff"])
def test_a_damaged_state_is_fetched_anew_and_files_are_left_alone(site: Site, tmp_path: Path, damage: bytes) -> None:
    url = site.put("/feed.xml", rss(item("g1", "One", "a")))
    first = read(url, tmp_path)
    [state] = tmp_path.glob("*/feed.json")
    state.write_bytes(damage)
    site.put("/feed.xml", rss(item("g1", "A New Title", "a")))
    second = read(url, tmp_path)
    assert second.listed[0].source == first.listed[0].source
    assert site.asked[-1] == ("/feed.xml", 200)
    assert len(list(tmp_path.glob("*/*.epub"))) == 1


def test_a_state_leads_nowhere_else(site: Site, tmp_path: Path) -> None:
    url = site.put("/feed.xml", rss(item("g1", "One", "a")))
    read(url, tmp_path)
    [state] = tmp_path.glob("*/feed.json")
    table = json.loads(state.read_text())
    table["held"]["g1"]["file"] = "../../secret.epub"
    state.write_text(json.dumps(table))
    assert [listed.source.parent for listed in read(url, tmp_path).listed] == [state.parent]


def test_the_newest_are_taken_and_no_more(site: Site, tmp_path: Path) -> None:
    items = [item(f"g{day}", f"{day}", f"text {day}", dated(day)) for day in (3, 9, 1, 7)]
    url = site.put("/feed.xml", rss(*items))
    assert said(read(url, tmp_path, newest=2)) == [["text 9"], ["text 7"]]
    assert len(read(url, tmp_path, newest=3).listed) == 3  # asked for again, though the feed is the same
    assert len(read(url, tmp_path).listed) == 4
    undated = site.put("/other.xml", rss(item("a", "A", "a"), item("b", "B", "b")))
    assert said(read(undated, tmp_path, newest=1)) == [["a"]]
    for wrong in (-1, True, "3"):
        with pytest.raises(JobError, match="'newest' must be a whole number"):
            read(url, tmp_path, newest=wrong)


def test_other_feeds_are_not_read_page_by_page(site: Site, tmp_path: Path) -> None:
    """Ten years of a blog are not narrated by accident."""
    url = site.put("/feed.xml", rss(item("g1", "One", "a"), more='<atom:link rel="next" href="/feed.xml?2"/>'))
    read(url, tmp_path)
    assert [path for path, _ in site.asked] == ["/feed.xml"]


def test_entries_that_cannot_be_taken_are_named(site: Site, tmp_path: Path) -> None:
    url = site.put(
        "/feed.xml",
        rss(
            item("", "Nameless", "x"),
            item("g1", "A Picture", '<img src="x">'),
            item("g2", "Deep", "<div>" * 30_000 + "x" + "</div>" * 30_000),
            item("g3", "", "Untitled text."),
            item("g4", "An Episode", "Notes.", '<enclosure url="http://h/a.mp3" type="audio/mpeg" length="9"/>'),
        ),
    )
    feed = read(url, tmp_path)
    assert said(feed) == [["Untitled text."], ["Notes."]]
    assert feed.passed_over == (
        f"{url}: Nameless: has neither an id nor an address",
        f"{url}: A Picture, Deep: has no text to be read",
    )
    assert not list(tmp_path.rglob("*.mp3"))


ATOM_FEED = """<?xml version="1.0" encoding="iso-8859-1"?>
<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="fr"><id>urn:f</id><title type="html">Caf\xe9 &amp;lt;3</title>
<author><name>Rédaction</name></author>
<entry><id>urn:1</id><title>Un</title><published>2024-02-03T23:30:00-05:00</published><updated>2024-03-01T00:00:00Z</updated>
<content type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml"><p>D\xe9j\xe0 <b>vu</b>.</p></div></content></entry>
<entry><id>urn:2</id><title type="text">a &lt; b</title><updated>2024-03-02T00:00:00Z</updated>
<content type="text">x &lt; y

z</content></entry>
<entry><id>urn:3</id><title>Elsewhere</title><updated>2024-03-03T00:00:00Z</updated>
<content type="text/html" src="http://h/x"/><summary>In short.</summary></entry></feed>"""
RDF_FEED = """<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/"
xmlns:dc="http://purl.org/dc/elements/1.1/"><channel rdf:about="http://h/"><title>Old</title></channel>
<item rdf:about="http://h/1"><title>One</title><link>http://h/1</link><description>Text.</description>
<dc:date>2003-04-05T06:07:08Z</dc:date></item></rdf:RDF>"""


def test_atom(site: Site, tmp_path: Path) -> None:
    feed = read(site.put("/atom", ATOM_FEED.encode("iso-8859-1", "xmlcharrefreplace"), ATOM), tmp_path)
    assert feed.title == "Café <3"
    assert said(feed) == [["Déjà vu."], ["x < y", "z"], ["In short."]]
    about = [listed.settings["metadata"] for listed in feed.listed]
    assert about[0] == {
        "series": "Café <3",
        "title": "Un",
        "authors": ["Rédaction"],
        "date": "2024-02-03",
        "language": "fr",
    }
    assert about[1]["title"] == "a < b"


def test_old_dialects_and_broken_feeds(site: Site, tmp_path: Path) -> None:
    feed = read(site.put("/rdf", RDF_FEED, "text/xml"), tmp_path)
    assert said(feed) == [["Text."]]
    assert feed.listed[0].settings["metadata"]["date"] == "2003-04-05"
    broken = rss(item("g1", "Caf&eacute; & Bar", "x")).replace("</rss>", "").replace("</channel>", "")
    feed = read(site.put("/broken", broken), tmp_path)
    assert said(feed) == [["x"]]
    assert feed.listed[0].settings["metadata"]["title"] == "Café & Bar"


# serials


def chapters(feed: Feed) -> list[tuple[str, str]]:
    [listed] = feed.listed
    return [(chapter.title, chapter.blocks[-1].text) for chapter in load(listed.source).chapters]


def test_a_serial_grows_by_its_entries(site: Site, tmp_path: Path) -> None:
    url = site.put("/feed.xml", rss(item("g2", "II", "two", dated(2)), item("g1", "I", "one", dated(1))))
    first = read(url, tmp_path, as_serial=True)
    [listed] = first.listed
    assert listed.source.name == "The Blog.epub"
    assert listed.settings == {"serial": True, "metadata": {"title": "The Blog", "language": "en-gb"}}
    assert merged([layer(listed.origin, listed.settings, listed.folder)])["serial"] is True
    assert chapters(first) == [("I", "one"), ("II", "two")]
    anchors = [chapter.blocks[0].anchor for chapter in load(listed.source).chapters]
    # the first has fallen out of the feed, the second is corrected, a third has come, and one that is said to be older
    site.put(
        "/feed.xml",
        rss(
            item("g3", "III", "three", dated(3)),
            item("g0", "Prologue", "zero", "<pubDate>1 Jan 2020 10:00:00 GMT</pubDate>"),
            item("g2", "II", "two, corrected", dated(2)),
            title="The Blog, Renamed",
        ),
    )
    second = read(url, tmp_path, as_serial=True)
    assert second.listed[0].source == listed.source
    assert second.listed[0].settings["metadata"]["title"] == "The Blog, Renamed"
    assert chapters(second) == [("I", "one"), ("II", "two, corrected"), ("Prologue", "zero"), ("III", "three")]
    assert [chapter.blocks[0].anchor for chapter in load(listed.source).chapters][:2] == anchors


def test_a_serial_that_has_not_changed_is_left_alone(site: Site, tmp_path: Path) -> None:
    url = site.put("/feed.xml", rss(item("g1", "I", "one")), validators=False)
    first = read(url, tmp_path, as_serial=True)
    before = tree(tmp_path)
    assert read(url, tmp_path, as_serial=True) == first
    assert tree(tmp_path) == before


def test_a_serial_without_dates_is_read_from_its_end(site: Site, tmp_path: Path) -> None:
    url = site.put("/feed.xml", rss(item("c", "C", "3"), item("b", "B", "2"), item("a", "A", "1", dated(1))))
    assert [title for title, _ in chapters(read(url, tmp_path, as_serial=True))] == ["A", "B", "C"]


def test_no_damage_costs_a_serial_its_chapters(site: Site, tmp_path: Path) -> None:
    url = site.put("/feed.xml", rss(item("a", "A", "1", dated(1)), item("b", "B", "2", dated(2))))
    first = read(url, tmp_path, as_serial=True)
    site.put("/feed.xml", rss(item("b", "B", "2", dated(2)), item("c", "C", "3", dated(3))))
    [state] = tmp_path.glob("*/feed.json")
    state.write_text("{")
    first.listed[0].source.unlink()
    whole = [("A", "1"), ("B", "2"), ("C", "3")]
    assert chapters(read(url, tmp_path, as_serial=True)) == whole
    [_, second, _] = sorted(tmp_path.glob("*/chapters/*.json"))
    second.write_text("{}")
    first.listed[0].source.unlink()
    assert chapters(read(url, tmp_path, as_serial=True)) == whole  # the feed still has it
    [oldest, *_] = sorted(tmp_path.glob("*/chapters/*.json"))
    oldest.write_text("{}")
    first.listed[0].source.unlink()
    third = read(url, tmp_path, as_serial=True)
    assert chapters(third) == whole[1:]
    assert third.problems == (f"{oldest}: is damaged; its chapter is left out until the feed brings it again",)


def test_articles_become_a_serial_when_that_is_asked(site: Site, tmp_path: Path) -> None:
    url = site.put("/feed.xml", rss(item("a", "A", "1"), item("b", "B", "2")))
    assert len(read(url, tmp_path).listed) == 2
    assert len(read(url, tmp_path, as_serial=True).listed) == 1
    assert len(read(url, tmp_path).listed) == 2


# catalogues


def test_a_catalogue_brings_its_books(site: Site, tmp_path: Path, epub: bytes) -> None:
    site.put("/a.epub", epub, "application/epub+zip")
    free = '<link rel="http://opds-spec.org/acquisition/open-access" type="application/epub+zip" href="a.epub"/>'
    steps = (
        '<link rel="http://opds-spec.org/acquisition/borrow" type="application/epub+zip" href="/loan"/>'
        '<link rel="http://opds-spec.org/acquisition" type="application/vnd.adobe.adept+xml" href="/drm">'
        '<opds:indirectAcquisition type="application/epub+zip"/></link>'
        '<link rel="http://opds-spec.org/acquisition/sample" type="application/epub+zip" href="/sample"/>'
    )
    url = site.put(
        "/opds",
        catalogue(
            entry(
                "urn:1", "Moby <Dick>".replace("<", "&lt;"), "/a.epub", more="<dcterms:language>eng</dcterms:language>"
            ),
            entry("urn:2", "Only Lent", more=steps),
            entry("urn:3", "Free", more=steps + free),
            entry("urn:4", "A PDF", more=free.replace("epub+zip", "pdf")),
        ),
        ATOM,
    )
    feed = read(url, tmp_path)
    assert feed.problems == ()
    assert feed.passed_over == (f"{url}: Only Lent, A PDF: is not offered as an EPUB that anybody may have",)
    assert [listed.settings for listed in feed.listed] == [
        {"metadata": {"title": "Moby <Dick>", "authors": ["An Author"], "language": "en"}},
        {"metadata": {"title": "Free", "authors": ["An Author"]}},
    ]
    assert said(feed) == [["Some text."], ["Some text."]]
    before = tree(tmp_path)
    site.forget()
    assert read(url, tmp_path).listed == feed.listed
    assert site.asked == [("/opds", 304)]
    assert tree(tmp_path) == before


def test_a_book_comes_again_when_its_entry_says_so(site: Site, tmp_path: Path, epub: bytes) -> None:
    site.put("/a.epub", epub)
    site.put("/b.epub", epub)
    url = site.put("/opds", catalogue(entry("urn:1", "A", "/a.epub"), entry("urn:2", "B", "/b.epub")), ATOM)
    first = read(url, tmp_path)
    new = "2024-06-01T00:00:00Z"
    site.put("/opds", catalogue(entry("urn:1", "A2", "/a.epub", new), entry("urn:2", "B", "/b.epub")), ATOM)
    before = tree(first.listed[0].folder)
    site.forget()
    assert read(url, tmp_path).listed[0].source == first.listed[0].source
    assert site.asked == [("/opds", 200), ("/a.epub", 200)]
    assert {name for name, seen in tree(first.listed[0].folder).items() if before.get(name) != seen} == {"feed.json"}
    site.put("/a.epub", book(tmp_path, "Other text."))
    site.put("/opds", catalogue(entry("urn:1", "A2", "/a.epub", f"{new}x"), entry("urn:2", "B", "/b.epub")), ATOM)
    assert said(read(url, tmp_path)) == [["Other text."], ["Some text."]]


def test_a_book_that_cannot_be_had_is_tried_again(site: Site, tmp_path: Path, epub: bytes) -> None:
    site.put("/b.epub", epub)
    site.put("/c.epub", "<html>Please log in</html>")
    url = site.put("/opds", catalogue(*(entry(f"urn:{name}", name, f"/{name}.epub") for name in "abc")), ATOM)
    feed = read(url, tmp_path)
    assert len(feed.listed) == 1
    assert feed.problems == (
        f"{site.url}/a.epub: answered 404 (not found)",
        f"{site.url}/c.epub: is no EPUB, whatever the catalogue says",
    )
    assert list(tmp_path.rglob(".*")) == []
    site.put("/a.epub", epub)
    site.put("/c.epub", epub)
    site.forget()
    feed = read(url, tmp_path)
    assert (len(feed.listed), feed.problems) == (3, ())
    assert site.asked == [("/opds", 200), ("/a.epub", 200), ("/c.epub", 200)]


def test_a_server_that_is_down_is_not_asked_for_every_book(site: Site, tmp_path: Path) -> None:
    url = site.put("/opds", catalogue(*(entry(f"urn:{n}", f"{n}", f"/{n}.epub") for n in range(30))), ATOM)
    feed = read(url, tmp_path)
    assert len(site.asked) == 4
    assert feed.problems[-1] == f"{url}: 27 more books are left for the next run"


def test_a_catalogue_is_read_page_by_page(site: Site, tmp_path: Path, epub: bytes) -> None:
    for name in "abc":
        site.put(f"/{name}.epub", epub)
    following = '<link rel="next" href="/opds?page={}"/>'
    url = site.put("/opds", catalogue(entry("urn:a", "A", "/a.epub"), more=following.format(2)), ATOM)
    site.put("/opds?page=2", catalogue(entry("urn:b", "B", "/b.epub"), more=following.format(3)), ATOM)
    site.put("/opds?page=3", catalogue(entry("urn:c", "C", "/c.epub"), more='<link rel="next" href="/opds"/>'), ATOM)
    assert len(read(url, tmp_path).listed) == 3
    site.put("/opds?page=2", catalogue(entry("urn:b", "B", "/b.epub"), entry("urn:d", "D", "/a.epub")), ATOM)
    site.forget()
    assert len(read(url, tmp_path).listed) == 4
    assert site.asked == [("/opds", 304), ("/opds?page=2", 200), ("/a.epub", 200)]
    assert len(read(url, tmp_path / "few", newest=2).listed) == 2
    assert "/opds?page=3" not in [path for path, _ in site.asked[3:]]


def test_pages_without_end_end(site: Site, tmp_path: Path) -> None:
    for number in range(60):
        site.put(f"/opds?{number}", catalogue(more=f'<link rel="next" href="/opds?{number + 1}"/>'), ATOM)
    read(f"{site.url}/opds?0", tmp_path)
    assert len(site.asked) == 50


def test_a_page_that_fails_costs_only_itself(site: Site, tmp_path: Path, epub: bytes) -> None:
    for name in "ab":
        site.put(f"/{name}.epub", epub)
    url = site.put("/opds", catalogue(entry("urn:a", "A", "/a.epub"), more='<link rel="next" href="/2"/>'), ATOM)
    site.put("/2", catalogue(entry("urn:b", "B", "/b.epub")), ATOM)
    first = read(url, tmp_path)
    before = tree(tmp_path)
    page = site.pages.pop("/2")
    feed = read(url, tmp_path)
    assert (feed.listed, feed.problems) == (first.listed, (f"{site.url}/2: answered 404 (not found)",))
    assert tree(tmp_path) == before
    site.pages["/2"] = page
    site.forget()
    assert read(url, tmp_path) == first
    assert site.asked == [("/opds", 304), ("/2", 304)]


def test_where_a_catalogue_must_not_lead(site: Site, tmp_path: Path) -> None:
    url = site.put(
        "/opds",
        catalogue(
            entry("urn:1", "A File", "file:///etc/passwd"),
            entry("urn:2", "Odd", "http://[::1"),
            more='<link rel="next" href="http://127.0.0.2:1/opds"/>',
        ),
        ATOM,
    )
    feed = read(url, tmp_path)
    assert feed.listed == ()
    assert feed.passed_over == (f"{url}: A File, Odd: is not offered as an EPUB that anybody may have",)
    assert feed.problems == (f"{url}: its next page is on another server (127.0.0.2), and is not read",)
    inside = catalogue(entry("urn:1", "Inside", f"{site.url}/a.epub"))
    page = web.Page(200, "https://books.example/opds", inside.encode(), media_type=ATOM)
    feed = read_feed("https://books.example/opds", tmp_path, fetch=lambda url, **more: page)
    assert feed.passed_over == (
        "https://books.example/opds: Inside: leads into the network of this machine, which is not followed",
    )
    assert [path for path, _ in site.asked] == ["/opds"]


def test_the_front_page_of_a_catalogue_names_its_lists(site: Site, tmp_path: Path) -> None:
    kind = f'type="{ATOM};profile=opds-catalog;kind=acquisition"'
    url = site.put("/opds", catalogue(entry("urn:new", "Newest", more=f'<link {kind} href="/opds/new"/>')), ATOM)
    feed = read(url, tmp_path)
    assert feed.listed == ()
    assert feed.problems == (
        f"{url}: is the front page of a catalogue; name one of its lists: Newest ({site.url}/opds/new)",
    )


OPDS_2 = {
    "metadata": {"title": {"en": "My Books"}},
    "links": [{"rel": ["self"], "href": "/opds2"}, {"rel": "next", "href": "/opds2?2"}],
    "publications": [
        {
            "metadata": {
                "title": "Emma",
                "author": [{"name": "Jane Austen"}, "Anon"],
                "identifier": "urn:emma",
                "language": "en",
                "published": "1815-12-23",
                "modified": "2020",
                "publisher": {"name": "Murray"},
                "belongsTo": {"series": {"name": "Novels", "position": 4}},
            },
            "links": [
                {
                    "rel": "http://opds-spec.org/acquisition/open-access",
                    "href": "/a.epub",
                    "type": "application/epub+zip",
                }
            ],
        },
        {"metadata": {"title": "Sold"}, "links": [{"rel": "http://opds-spec.org/acquisition/buy", "href": "/x"}]},
        {"metadata": 7, "links": {"rel": 7}},
        "nonsense",
    ],
}


def test_a_catalogue_in_json(site: Site, tmp_path: Path, epub: bytes) -> None:
    site.put("/a.epub", epub)
    url = site.put("/opds2", json.dumps(OPDS_2), "application/opds+json")
    site.put("/opds2?2", json.dumps({"publications": []}), "application/opds+json")
    feed = read(url, tmp_path)
    [listed] = feed.listed
    assert feed.title == "My Books"
    assert listed.settings == {
        "metadata": {
            "title": "Emma",
            "authors": ["Jane Austen", "Anon"],
            "date": "1815-12-23",
            "language": "en",
            "publisher": "Murray",
            "series": "Novels",
            "series_number": "4",
        }
    }
    assert [path for path, _ in site.asked] == ["/opds2", "/a.epub", "/opds2?2"]
    front = {"metadata": {"title": "X"}, "navigation": [{"title": "All", "href": "all"}]}
    feed = read(site.put("/front", json.dumps(front)), tmp_path)
    assert feed.problems == (
        f"{site.url}/front: is the front page of a catalogue; name one of its lists: All ({site.url}/all)",
    )


# trouble


def test_a_feed_that_does_not_answer_lists_what_it_brought(site: Site, tmp_path: Path) -> None:
    url = site.put("/feed.xml", rss(item("g1", "One", "a")))
    first = read(url, tmp_path)
    before = tree(tmp_path)
    for answer, sentence in (
        (Resource(b"", status=503), f"{url}: answered 503 (service unavailable)"),
        (
            Resource(b"<html><body>Down for maintenance</body></html>", "text/html"),
            f"{url}: is a web page, and no feed",
        ),
        (Resource(b"{}"), f"{url}: is no feed (RSS, Atom or OPDS)"),
        (None, f"{url}: answered 404 (not found)"),
    ):
        site.pages.pop("/feed.xml", None)
        if answer is not None:
            site.pages["/feed.xml"] = answer
        feed = read(url, tmp_path)
        assert (feed.listed, feed.problems) == (first.listed, (sentence,))
        assert tree(tmp_path) == before
    site.close()
    feed = read(url, tmp_path)
    assert feed.listed == first.listed
    assert len(feed.problems) == 1
    assert tree(tmp_path) == before


BOMB = (
    '<!DOCTYPE r [<!ENTITY a "lol">'
    + "".join(f'<!ENTITY a{n} "{f"&a{n - 1 if n else str()};" * 10}">' for n in range(12))
    + ']><rss version="2.0"><channel><title>&a11;</title>'
    '<item><guid>1</guid><title a="&a11;">x</title></item></channel></rss>'
)


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ("", "is empty, and no feed"),
        ("hello", "is no feed (RSS, Atom or OPDS)"),
        ("/etc/passwd", "is no feed (RSS, Atom or OPDS)"),
        ("<opml/>", "is no feed (RSS, Atom or OPDS)"),
        ("{", "is no feed: it begins like JSON, and is none"),
        ('{"a":' * 100_000, "is no feed: it begins like JSON, and is none"),
        ('{"publications": 7}', ""),
        (
            "<rss version='2.0'>" + "<a>" * 250_000,
            "has more than 200,000 elements or 400,000 attributes; it is no feed",
        ),
        (
            '<!doctype html><html><head><link rel="alternate" type="application/rss+xml" href="/feed"></head></html>',
            "is a web page, and no feed; the feeds it names are {site}/feed",
        ),
        (BOMB, ""),
    ],
)
def test_what_is_no_feed_is_a_sentence(site: Site, tmp_path: Path, body: str, sentence: str) -> None:
    url = site.put("/feed.xml", body, "text/xml")
    feed = read(url, tmp_path)
    assert feed.listed == ()
    assert feed.problems == ((f"{url}: {sentence.format(site=site.url)}",) if sentence else ())


def test_nothing_of_this_machine_gets_into_a_feed(site: Site, tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("top secret")
    url = site.put(
        "/feed.xml",
        f'<!DOCTYPE r [<!ENTITY x SYSTEM "{secret.as_uri()}">]><rss version="2.0"><channel><title>T</title>'
        "<item><guid>1</guid><title>x</title><description>Say: &x;</description></item></channel></rss>",
    )
    feed = read(url, tmp_path / "feeds")
    assert [words for words in said(feed) if "secret" in str(words)] == []
    assert "secret" not in feed.title


def test_a_feed_without_end_is_not_taken(site: Site, tmp_path: Path) -> None:
    url = site.put("/feed.xml", rss(item("g1", "One", "x" * 9_000_000)))
    feed = read(url, tmp_path)
    assert feed.listed == ()
    assert len(feed.problems) == 1
    assert re.search(r"6(?:\.0)? MB|6,000,000|6000000", feed.problems[0]), feed.problems[0]


@pytest.mark.parametrize("url", ["file:///etc/passwd", "feed.xml", "http://[::1", "ftp://h/x", ""])
def test_an_address_that_is_none(tmp_path: Path, url: str) -> None:
    feed = read(url, tmp_path)
    assert feed.listed == ()
    assert len(feed.problems) == 1
    assert "is no http or https address" in feed.problems[0]
    assert list(tmp_path.iterdir()) == []


def test_a_feed_that_has_moved(site: Site, tmp_path: Path, epub: bytes) -> None:
    site.put("/new/a.epub", epub)
    site.put("/new/opds", catalogue(entry("urn:1", "A", "a.epub")), ATOM)
    url = site.put("/opds", "", status=301, headers={"Location": "/new/opds"})
    assert len(read(url, tmp_path).listed) == 1
    assert site.asked[-1] == ("/new/a.epub", 200)


def test_a_login_goes_with_every_question_and_into_no_file(site: Site, tmp_path: Path, epub: bytes) -> None:
    site.put("/a.epub", epub)
    site.put("/opds", catalogue(entry("urn:1", "A", "/a.epub"), more='<link rel="next" href="/2"/>'), ATOM)
    site.put("/2", catalogue(entry("urn:2", "B", "/gone.epub")), ATOM)
    url = f"{site.url}/opds".replace("http://", "http://anna:pa55word@")
    feed = read(url, tmp_path)
    login = f"Basic {base64.b64encode(b'anna:pa55word').decode()}"
    assert [path for path, _ in site.asked] == ["/opds", "/a.epub", "/2", "/gone.epub"]
    assert site.logins == [login] * 4
    assert len(feed.problems) == 1
    kept = [path.read_text() for path in tmp_path.rglob("*.json")]
    assert "pa55word" not in f"{feed} {[*tmp_path.rglob('*')]} {kept}"


def test_two_feeds_share_a_folder_and_nothing_else(site: Site, tmp_path: Path) -> None:
    one = site.put("/feed.xml?key=s3cret", rss(item("g1", "One", "a")))
    two = site.put("/feed.xml?key=other", rss(item("g1", "One", "b")))
    assert said(read(one, tmp_path)) == [["a"]]
    assert said(read(two, tmp_path)) == [["b"]]
    assert said(read(one, tmp_path)) == [["a"]]
    assert "s3cret" not in " ".join(path.name for path in tmp_path.rglob("*"))


def test_what_cannot_be_kept_is_a_problem(site: Site, tmp_path: Path) -> None:
    (tmp_path / "feeds").write_text("a file")
    feed = read(site.put("/feed.xml", rss(item("g1", "One", "a"))), tmp_path / "feeds")
    assert feed.listed == ()
    assert "cannot be written" in feed.problems[0]


def test_what_a_crash_left_is_cleared(site: Site, tmp_path: Path) -> None:
    url = site.put("/feed.xml", rss(item("g1", "One", "a")), validators=False)
    read(url, tmp_path)
    [home] = tmp_path.iterdir()
    left = home / f".narrate.{disk.host()}~999999999~1~a.epub"
    left.write_bytes(b"half")
    read(url, tmp_path)
    assert not left.exists()


def test_entries_of_the_same_title_are_told_apart(site: Site, tmp_path: Path) -> None:
    links = [item(f"g{day}", "Links", f"Of day {day}.", dated(day)) for day in (2, 1)]
    url = site.put("/feed.xml", rss(*links, item("g3", "", "One."), item("g4", "", "Two.")))
    feed = read(url, tmp_path)
    titles = [listed.settings["metadata"]["title"] for listed in feed.listed]
    assert titles == ["Links", "Links, 2024-05-01", "untitled", "untitled (2)"]
    assert {listed.settings["metadata"]["authors"][0] for listed in feed.listed} == {"The Blog"}, (
        "of another feed's too"
    )
    site.put("/feed.xml", rss(item("g5", "Links", "New.", dated(3)), *links))
    feed = read(url, tmp_path)
    later = [listed.settings["metadata"]["title"] for listed in feed.listed]
    assert later == [*titles, "Links, 2024-05-03"], "those that are made keep their names"


def test_an_id_that_is_there_twice(site: Site, tmp_path: Path) -> None:
    url = site.put(
        "/feed.xml", rss(item("g1", "One", "first"), item("g1", "Two", "second"), item("g1", "One", "first"))
    )
    feed = read(url, tmp_path)
    assert said(feed) == [["first"]]
    assert feed.passed_over == (f"{url}: Two: has the id of another entry",)
    before = tree(tmp_path)
    site.pages["/feed.xml"].validators = False
    assert said(read(url, tmp_path)) == [["first"]]
    assert tree(tmp_path).keys() == before.keys()
    assert {name: when for name, when in tree(tmp_path).items() if name.endswith(".epub")} == {
        name: when for name, when in before.items() if name.endswith(".epub")
    }, "not written again with every visit"


@pytest.mark.parametrize("serial", [False, True])
def test_a_feed_that_breaks_off_is_not_taken_for_the_whole(site: Site, tmp_path: Path, serial: bool) -> None:
    whole = rss(item("g1", "One", "first"), item("g2", "Two", "second, and much more"))
    url = site.put("/feed.xml", whole[: whole.index(", and much more")])
    feed = read(url, tmp_path, as_serial=serial)
    assert feed.problems == (f"{url}: breaks off in the middle of an entry",)
    assert feed.listed == ()
    site.put("/feed.xml", whole)
    assert "second, and much more" in str(said(read(url, tmp_path, as_serial=serial)))


def test_a_part_is_not_taken_for_the_whole(site: Site, tmp_path: Path) -> None:
    url = site.put("/feed.xml", rss(item("g1", "One", "first")), status=206)
    assert read(url, tmp_path).problems == (f"{url}: answered 206 (partial content)",)


@pytest.mark.parametrize(
    ("page", "problem"),
    [
        ("<html>login</html>", "${FEED_URL}: is a web page, and no feed"),
        (rss(item("", "One", "text")).replace("One", "O"), ""),
        (catalogue(entry("urn:1", "A", "/s3cr3t-t0ken/a.epub")), "a.epub: answered 404 (not found)"),
    ],
)
def test_an_address_in_a_variable_is_a_secret(site: Site, tmp_path: Path, page: str, problem: str) -> None:
    url = site.put("/private/s3cr3t-t0ken/feed?k=s3cr3t-t0ken", page)
    feed = read(url, tmp_path, called="${FEED_URL}")
    assert "".join(feed.problems).endswith(problem)
    assert len(feed.problems + feed.passed_over) == 1
    seen = (feed, feed.listed, brought_by(url, tmp_path, "${FEED_URL}"), list(tmp_path.rglob("*")))
    assert "s3cr3t" not in str(seen)
    assert "127.0.0.1" in str([path.name for path in tmp_path.iterdir()] or "127.0.0.1")


def test_a_shelf_keeps_the_address_in_a_variable_to_itself(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FEED_URL", site.put("/private/s3cr3t-t0ken/feed", rss(item("g1", "One", "first"))))
    (tmp_path / "shelf.toml").write_text('output = "out"\nengine = "tone"\n[[books]]\nfeed = "${FEED_URL}"\n')
    shelf = read_shelf(tmp_path / "shelf.toml")
    found = orders_of(shelf)
    assert len(found.orders) == 1
    assert orders_of(shelf, ask=False) == found
    assert "s3cr3t" not in str(found)
    monkeypatch.setenv("FEED_URL", "http://[::1/s3cr3t-t0ken")
    assert "s3cr3t" not in str(orders_of(shelf))
    assert len(orders_of(shelf).problems) == 1


def test_a_catalogue_of_slow_books_does_not_hold_up_the_shelf(
    site: Site, tmp_path: Path, epub: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("narrate.catalogues.feeds.VISIT_S", -1.0)
    site.put("/a.epub", epub)
    url = site.put("/opds", catalogue(entry("urn:1", "A", "/a.epub")), ATOM)
    assert read(url, tmp_path).problems == (f"{url}: 1 more books are left for the next run",)
    monkeypatch.undo()
    assert len(read(url, tmp_path).listed) == 1


def test_books_of_the_same_title_are_told_apart(site: Site, tmp_path: Path, epub: bytes) -> None:
    for name in ("a", "b"):
        site.put(f"/{name}.epub", epub)
    editions = [entry("urn:1", "Dune", "/a.epub"), entry("urn:2", "Dune", "/b.epub")]
    url = site.put("/opds", catalogue(*editions), ATOM)
    for _ in range(2):
        feed = read(url, tmp_path)
        assert [listed.settings["metadata"]["title"] for listed in feed.listed] == ["Dune", "Dune (2)"]
        site.put("/opds", catalogue(*editions, entry("urn:3", "Emma")), ATOM)


def test_another_secret_makes_no_other_feed(site: Site, tmp_path: Path) -> None:
    items = [item(f"g{day}", f"Chapter {day}", f"Text {day}.", dated(day)) for day in (1, 2, 3)]
    first = site.put("/feed?token=one", rss(*items[:2]))
    second = site.put("/feed?token=two", rss(*items[1:]))
    for url in (first, second):
        feed = read(url, tmp_path / "variable", as_serial=True, called="${FEED_URL}")
    assert "Text 1." in said(feed)[0], "what the feed has forgotten is still there"
    for login, url in (("me:one", first), ("me:two", first.replace("one", "two"))):
        feed = read(url.replace("//", f"//{login}@").partition("?")[0] + "?token=two", tmp_path / "login")
    assert len(list((tmp_path / "login").iterdir())) == 1
    read(second.replace("//", "//another@"), tmp_path / "login")
    read(second, tmp_path / "login")
    assert len(list((tmp_path / "login").iterdir())) == 3, "of another user it may be another"


def test_what_another_run_is_fetching_is_no_name_of_a_book(site: Site, tmp_path: Path, epub: bytes) -> None:
    site.put("/a.epub", epub)
    url = site.put("/opds", catalogue(entry("urn:1", "A", "/a.epub")), ATOM)
    [listed] = read(url, tmp_path).listed
    name, home = listed.source.name, listed.source.parent
    for path in home.iterdir():
        path.unlink()
    scratch = home / f"{disk.SCRATCH}{disk.owner()}{name}"
    scratch.write_bytes(b"PK")
    [listed] = read(url, tmp_path).listed
    assert listed.source.name == name


def test_two_runs_at_once_keep_a_serial_s_chapters_once(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = site.put("/feed.xml", rss(item("g1", "One", "first"), item("g2", "Two", "second")))
    home = read(url, tmp_path, as_serial=True).listed[0].folder
    site.put("/feed.xml", rss(item("g3", "Three", "third"), item("g2", "Two", "second")))
    monkeypatch.setattr("narrate.catalogues.feeds.LOCKED_S", 0.05)
    with only_run(home.parent, home.name, "it"):
        feed = read(url, tmp_path, as_serial=True)
    assert len(feed.listed) == 1
    assert "keeping the chapters of this feed" in feed.problems[0]
    assert len(list((home / "chapters").iterdir())) == 2
    assert read(url, tmp_path, as_serial=True).problems == ()
    assert len(list((home / "chapters").iterdir())) == 3
