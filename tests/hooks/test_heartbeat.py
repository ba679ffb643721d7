"""Heartbeats, as healthchecks.io takes them."""

from __future__ import annotations

import pytest

from narrate.hooks import Event, Hook, Notice, Undelivered
from narrate.hooks.heartbeat import LONGEST_BODY, at, deliver
from tests.hooks.notices import NASTY, notice
from tests.hooks.web_server import Reply, WebServer

CHECK = "/ping/11111111-2222"


def hook(url: str) -> Hook:
    return Hook("heartbeat", ("start", "done"), url=url, timeout=0.3)


@pytest.mark.parametrize(
    ("event", "path"),
    [
        ("start", f"{CHECK}/start"),
        ("done", CHECK),
        ("nothing-due", CHECK),
        ("failed", f"{CHECK}/fail"),
        ("chapter", f"{CHECK}/log"),
    ],
)
def test_each_event_has_its_place(event: Event, path: str) -> None:
    with WebServer([Reply(body=b"OK")]) as server:
        deliver(hook("${CHECK}"), notice(event), {"CHECK": server.url + CHECK})
        asked = server.requests[0]
    assert (asked.method, asked.path, asked.body) == ("POST", path, b"Dune\nfive chapters")


def test_what_stands_behind_the_question_mark_stays_there() -> None:
    assert at("https://h.org/p?create=1&a=%20", "failed") == "https://h.org/p/fail?create=1&a=%20"
    assert at("https://h.org/p/?a", "start") == "https://h.org/p/start?a"
    assert at("https://h.org/p/", "done") == "https://h.org/p/"
    assert at("https://h.org", "failed") == "https://h.org/fail"
    assert at("https://u:p@h.org:8000/p#x", "failed") == "https://u:p@h.org:8000/p/fail"


@pytest.mark.parametrize("title", NASTY)
def test_any_text_is_taken(title: str) -> None:
    with WebServer() as server:
        deliver(hook(server.url), Notice("done", title, title * 1000, {}), {})
        asked = server.requests[0].body.decode()
    assert len(asked) <= LONGEST_BODY


@pytest.mark.parametrize(
    ("reply", "sentence", "heals"),
    [
        (Reply(body=b"OK (not found)"), "the check's server ignored it: not found", False),
        (Reply(body=b"OK (rate limited)"), "the check's server ignored it: rate limited", True),
        (Reply(404, body=b"not found"), "127.0.0.1: answered 404 (not found): not found", False),
        (Reply(503), "answered 503", True),
    ],
)
def test_why_it_was_not_taken(reply: Reply, sentence: str, heals: bool) -> None:
    with WebServer([reply]) as server, pytest.raises(Undelivered) as caught:
        deliver(hook(server.url + CHECK), notice(), {})
    assert sentence in str(caught.value)
    assert "1111" not in str(caught.value)
    assert caught.value.heals is heals
