"""What is fetched and sent that is no speech, against real servers on 127.0.0.1."""

from __future__ import annotations

import gzip
import logging
import os
import shutil
import ssl
import subprocess
import time
import traceback
import zlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from narrate import web
from narrate.errors import NarrateError, SourceError, StoreError
from narrate.web import Page, Patience, WebError
from narrate.web.places import checked, leads_inside, named, redirected
from tests.hooks.web_server import HANG, Reply, WebServer

LOGIN = "anna:s%C3%A4cret-word"
TOKEN = "t0ken-value"
PATH = "services/T00/abcdef012345"
SECRET = "whsec_value"
ONCE = Patience(connect=0.5, silence=0.2, total=0.4, attempts=1)


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)


def fails(*replies: Reply, path: str = "/feed.xml", **more: Any) -> WebError:
    """How fetching ends from a server that answers so."""
    with WebServer(replies) as server, pytest.raises(WebError) as caught:
        web.fetch(server.url + path, patience=ONCE, **more)
    return caught.value


def test_a_page_comes_with_what_is_needed_to_ask_again() -> None:
    headers = {
        "ETag": '"v1"',
        "Last-Modified": "Wed, 01 Jan 2025 00:00:00 GMT",
        "Content-Type": 'Application/RSS+xml; charset="UTF-8"',
    }
    with WebServer([Reply(body=b"<rss/>", headers=headers)]) as server:
        page = web.fetch(f"{server.url}/feed.xml#top")
        assert page == Page(
            200,
            f"{server.url}/feed.xml",
            b"<rss/>",
            '"v1"',
            "Wed, 01 Jan 2025 00:00:00 GMT",
            "application/rss+xml",
            "utf-8",
        )
        assert not page.unchanged
        asked = server.requests[0]
        assert asked.headers["user-agent"].startswith("narrate/")
        assert "if-none-match" not in asked.headers


def test_what_has_not_changed_is_not_sent_again() -> None:
    with WebServer([Reply(304)]) as server:
        page = web.fetch(server.url, etag='"v1"', modified="Wed, 01 Jan 2025 00:00:00 GMT")
        assert page.unchanged
        assert (page.body, page.etag, page.modified) == (b"", '"v1"', "Wed, 01 Jan 2025 00:00:00 GMT")
        assert server.requests[0].headers["if-none-match"] == '"v1"'
        assert server.requests[0].headers["if-modified-since"] == "Wed, 01 Jan 2025 00:00:00 GMT"


def test_not_modified_means_nothing_to_who_did_not_ask() -> None:
    assert "answered 304" in str(fails(Reply(304)))


@pytest.mark.parametrize("etag", ['"ü"', '"a\r\nX-Evil: 1"', '"' + "a" * 2_000 + '"'])
def test_a_validator_that_is_none_is_neither_kept_nor_sent(etag: str) -> None:
    with WebServer([Reply(body=b"x")]) as server:
        assert web.fetch(server.url, etag=etag).body == b"x"
        assert "if-none-match" not in server.requests[0].headers


@pytest.mark.parametrize("name", ["gzip", "deflate"])
def test_a_page_that_comes_packed_is_unpacked(name: str) -> None:
    packed = gzip.compress(b"<rss/>" * 100) if name == "gzip" else zlib.compress(b"<rss/>" * 100)
    with WebServer([Reply(body=packed, headers={"Content-Encoding": name})]) as server:
        assert web.fetch(server.url).body == b"<rss/>" * 100
        assert server.requests[0].headers["accept-encoding"] == "identity"


def test_a_bomb_goes_off_bit_by_bit() -> None:
    bomb = gzip.compress(bytes(20_000_000))
    assert len(bomb) < 100_000
    error = fails(Reply(body=bomb, headers={"Content-Encoding": "gzip"}), limit=100_000)
    assert "sends more than 0.1 MB" in str(error)
    assert not error.heals


@pytest.mark.parametrize(
    ("reply", "sentence", "heals"),
    [
        (Reply(404), "/feed.xml: answered 404 (not found)", False),
        (Reply(410), "answered 410 (gone)", False),
        (Reply(599), "answered 599", False),
        (Reply(503), "answered 503", True),
        (HANG, "was silent for 0.2 s", True),
        (Reply(body=bytes(50), drip=0.05), "did not complete its answer within 0.4 s", True),
        (Reply(drip_headers=0.05), "did not complete its answer within 0.4 s", True),
        (Reply(body=bytes(200_000), headers={"Content-Length": "200000"}), "sends more than 0.1 MB", False),
        (Reply(body=b"", headers={"Content-Length": "9" * 18}), "sends more than 0.1 MB", False),
        (Reply(body=b"", headers={"Content-Length": "9" * 30}), "broke off: bad Content-Length", True),
        (Reply(body=bytes(1_000), cut=10), "broke off", True),
        (Reply(body=b"no gzip", headers={"Content-Encoding": "gzip"}), "packed answer is damaged", True),
        (Reply(body=gzip.compress(b"a" * 99)[:-9], headers={"Content-Encoding": "gzip"}), "broke off in the", True),
        (Reply(body=b"x", headers={"Content-Encoding": "br"}), "packed as br", False),
    ],
)
def test_every_exchange_ends_with_its_reason(reply: Reply, sentence: str, heals: bool) -> None:
    began = time.monotonic()
    error = fails(reply, limit=100_000)
    assert sentence in str(error)
    assert error.heals is heals
    assert time.monotonic() - began < 2
    assert isinstance(error, SourceError)


def test_nobody_there() -> None:
    with WebServer() as server:
        gone = server.url
    with pytest.raises(WebError, match=r"cannot be reached: .*refused"):
        web.fetch(gone, patience=ONCE)


def test_what_may_heal_is_tried_again_as_late_as_the_server_asks() -> None:
    waits: list[float] = []
    replies = [Reply(503, headers={"Retry-After": "7"}), Reply(429, headers={"Retry-After": "0"}), Reply(body=b"x")]
    with WebServer(replies) as server:
        assert web.fetch(server.url, sleep=waits.append).body == b"x"
    assert waits[0] == 7
    assert 0 < waits[1] <= 3


def test_a_longer_wait_than_is_allowed_for_is_not_waited_for() -> None:
    waits: list[float] = []
    with WebServer([Reply(429, headers={"Retry-After": "3600"})]) as server:
        with pytest.raises(WebError) as caught:
            web.fetch(server.url, sleep=waits.append)
        assert caught.value.retry_after == 3600
        assert (len(server.requests), waits) == (1, [])


def test_it_is_given_up_after_so_many_tries() -> None:
    waits: list[float] = []
    with WebServer([Reply(500)]) as server:
        with pytest.raises(WebError):
            web.fetch(server.url, patience=Patience(attempts=3), sleep=waits.append)
        assert (len(server.requests), len(waits)) == (3, 2)


def test_a_final_answer_is_not_asked_for_again() -> None:
    with WebServer([Reply(403)]) as server:
        with pytest.raises(WebError, match="403"):
            web.fetch(server.url, sleep=lambda seconds: pytest.fail("waited"))
        assert len(server.requests) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_followed(status: int) -> None:
    with WebServer([Reply(status, headers={"Location": "/new?a=1"}), Reply(body=b"x")]) as server:
        page = web.fetch(f"{server.url}/old")
        assert (page.body, page.url) == (b"x", f"{server.url}/new?a=1")
        assert [asked.path for asked in server.requests] == ["/old", "/new?a=1"]


def test_redirects_end() -> None:
    with WebServer([Reply(302, headers={"Location": "/again"})]) as server:
        with pytest.raises(WebError, match="redirected more than 5 times"):
            web.fetch(server.url)
        assert len(server.requests) == 6


@pytest.mark.parametrize("location", ["file:///etc/passwd", "ftp://example.org/x", "http://[::1", "//a..b/"])
def test_a_redirect_leads_only_to_http(location: str) -> None:
    assert "is redirected to what is no http" in str(fails(Reply(302, headers={"Location": location})))


@pytest.mark.parametrize(
    ("first", "location", "sentence"),
    [
        ("https://example.org/a", "http://example.org/a", "from https to http"),
        ("https://example.org/a", "https://127.0.0.1/a", "into the network of this machine"),
        ("http://example.org/a", "http://169.254.169.254/latest/meta-data", "into the network of this machine"),
        ("http://example.org/a", "http://2130706433/", "into the network of this machine"),
        ("http://example.org/a", "http://localhost:8080/", "into the network of this machine"),
    ],
)
def test_where_a_redirect_must_not_lead(first: str, location: str, sentence: str) -> None:
    place = checked(first)
    with pytest.raises(WebError, match=sentence):
        redirected(place, place, location)


def test_a_redirect_within_this_network_is_followed() -> None:
    place = checked("http://192.168.1.5/a")
    assert redirected(place, place, "http://192.168.1.6/b").url == "http://192.168.1.6/b"


@pytest.mark.parametrize(
    ("url", "inside"),
    [
        ("http://127.0.0.1/", True),
        ("http://127.1/", True),
        ("http://0x7f000001/", True),
        ("http://localhost./", True),
        ("http://[::1]/", True),
        ("http://[::ffff:10.0.0.1]/", True),
        ("http://[fe80::1%25eth0]/", True),
        ("http://10.1.2.3/", True),
        ("http://nas.local/", True),
        ("http://example.org/", False),
        ("http://8.8.8.8/", False),
    ],
)
def test_what_is_inside(url: str, inside: bool) -> None:
    assert leads_inside(url) is inside


def test_a_login_goes_to_its_server_and_into_no_message(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with WebServer([Reply(404)]) as other, WebServer([Reply(302, headers={"Location": f"{other.url}/b"})]) as server:
        with pytest.raises(WebError) as caught:
            web.fetch(f"http://{LOGIN}@{server.host}/feed?token={TOKEN}", patience=ONCE)
        assert server.requests[0].headers["authorization"].startswith("Basic ")
        assert "authorization" not in other.requests[0].headers
        told = "".join(traceback.format_exception(caught.value)) + caplog.text
    for hidden in ("cret-word", TOKEN, "anna"):
        assert hidden not in told
    assert caught.value.__context__ is None


def test_a_login_stays_with_a_redirect_to_the_same_server() -> None:
    with WebServer([Reply(302, headers={"Location": "/b"}), Reply(body=b"x")]) as server:
        assert web.fetch(f"http://anna:secret@{server.host}/a").body == b"x"
        assert "authorization" in server.requests[1].headers


@pytest.mark.parametrize(
    "url",
    ["", "feed.xml", "file:///etc/passwd", "http://", "http://a..b/", "http://[::1/", "http://h:99999/", "http://a b/"],
)
def test_what_is_no_address(url: str) -> None:
    with pytest.raises(WebError, match="is no http or https address"):
        web.fetch(url)


@pytest.mark.parametrize("url", ["http://anna:secret@h:99999/", "anna:secret@example.org/feed", "https://u:secret@[/"])
def test_what_is_no_address_hides_its_password_too(url: str) -> None:
    with pytest.raises(WebError) as caught:
        web.fetch(url)
    assert "secret" not in str(caught.value)


@given(st.text(max_size=60))
def test_any_text_has_a_name_on_one_line(text: str) -> None:
    for url in (text, f"http://{text}", f"http://example.org/{text}"):
        assert named(url).isprintable() or "\u00a0" in text or not text.isprintable()
        assert not set(named(url)) & set("\n\r\x1b\x00")
        leads_inside(url)
        try:
            checked(url)
        except WebError as error:
            assert "\n" not in str(error)


def test_a_file_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "new" / "book.epub"
    body = os.urandom(300_000)
    with WebServer([Reply(body=body, cut=100_000), Reply(body=body, headers={"ETag": '"1"'}), Reply(304)]) as server:
        page = web.download(f"{server.url}/b", path, sleep=lambda seconds: None)
        assert path.read_bytes() == body
        assert (page.body, page.etag) == (b"", '"1"')
        assert web.download(f"{server.url}/b", path, etag='"1"').unchanged
    assert path.read_bytes() == body
    assert list(path.parent.iterdir()) == [path]


def test_a_failed_download_leaves_the_older_file(tmp_path: Path) -> None:
    path = tmp_path / "book.epub"
    path.write_bytes(b"old")
    with WebServer([Reply(body=bytes(5_000), cut=3_000)]) as server, pytest.raises(WebError, match="broke off"):
        web.download(server.url, path, patience=ONCE)
    with WebServer([Reply(body=bytes(5_000))]) as server, pytest.raises(WebError, match="sends more than"):
        web.download(server.url, path, limit=4_000)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_download_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "book").mkdir()
    (tmp_path / "book" / "x").touch()
    with WebServer([Reply(body=b"x")]) as server, pytest.raises(StoreError, match="cannot be written"):
        web.download(server.url, tmp_path / "book")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["book"]


def test_a_post_is_sent_and_answered() -> None:
    with WebServer([Reply(202, body=b"thanks")]) as server:
        page = web.post(f"{server.url}/hook?a=1", b"{}", {"Content-Type": "application/json"})
        assert (page.status, page.body) == (202, b"thanks")
        assert (server.requests[0].method, server.requests[0].path, server.requests[0].body) == (
            "POST",
            "/hook?a=1",
            b"{}",
        )


def test_a_post_shows_of_the_address_only_the_host(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    said = f'{{"error": "no hook {PATH} here, key {SECRET}"}}'.encode()
    with WebServer([Reply(404, body=said)]) as server, pytest.raises(WebError) as caught:
        web.post(f"{server.url}/{PATH}", b"", {}, secrets=(SECRET,))
    told = "".join(traceback.format_exception(caught.value)) + caplog.text
    assert "127.0.0.1: answered 404 (not found): no hook" in told
    assert "abcdef012345" not in told
    assert SECRET not in told


def test_a_post_is_not_redirected() -> None:
    with WebServer([Reply(307, headers={"Location": "/other"})]) as server:
        with pytest.raises(WebError, match="a redirect, which is not followed") as caught:
            web.post(server.url, b"", {})
        assert len(server.requests) == 1
        assert not caught.value.heals


def test_a_post_is_tried_as_often_as_is_asked() -> None:
    waits: list[float] = []
    with WebServer([Reply(500), Reply(502), Reply(204)]) as server:
        assert web.post(server.url, b"x", {}, attempts=3, sleep=waits.append).status == 204
        assert [asked.body for asked in server.requests] == [b"x"] * 3
        assert len(waits) == 2
    with WebServer([Reply(500)]) as server:
        with pytest.raises(WebError):
            web.post(server.url, b"x", {})
        assert len(server.requests) == 1


@pytest.mark.parametrize("reply", [HANG, Reply(drip_headers=0.02)])
def test_a_post_ends_in_time(reply: Reply) -> None:
    began = time.monotonic()
    with WebServer([reply]) as server, pytest.raises(WebError):
        web.post(server.url, b"x", {}, timeout=0.2)
    assert time.monotonic() - began < 1


@pytest.mark.parametrize("reply", [Reply(body=b"ok" * 50, cut=7), Reply(body=bytes(100), drip=0.05)])
def test_a_post_that_was_taken_was_taken_however_the_answer_ends(reply: Reply) -> None:
    with WebServer([reply]) as server:
        assert web.post(server.url, b"x", {}, timeout=0.3).status == 200
        assert len(server.requests) == 1


@pytest.mark.skipif(not shutil.which("openssl"), reason="openssl makes the certificates")
def test_a_certificate_nobody_vouches_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pair = tmp_path / "cert.pem", tmp_path / "key.pem"
    make = (
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-days",
        "2",
    )
    more = ("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost")
    subprocess.run([*make, *more, "-out", str(pair[0]), "-keyout", str(pair[1])], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*pair)
    with WebServer([Reply(body=b"x")]) as server:
        server._server.socket = context.wrap_socket(server._server.socket, server_side=True)
        url = f"https://localhost:{server.host.split(':')[1]}/"
        with pytest.raises(WebError, match="certificate that is not trusted here") as caught:
            web.fetch(url, patience=ONCE)
        assert not caught.value.heals
        monkeypatch.setenv("SSL_CERT_FILE", str(pair[0]))
        assert web.fetch(url).body == b"x"
        assert web.post(url, b"x", {}).body == b"x"
    (tmp_path / "none.pem").write_text("no certificate")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none.pem"))
    with pytest.raises(NarrateError, match="named in SSL_CERT_FILE"):
        web.fetch(url, patience=ONCE)


def test_a_proxy_that_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "nonsense://x")
    with pytest.raises(WebError, match="the proxy named in the environment"):
        web.fetch("http://example.org/", patience=ONCE)
