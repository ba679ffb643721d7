"""Webhooks, verified by the reference library of Standard Webhooks, against a real server on 127.0.0.1."""

from __future__ import annotations

import base64
import json
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from standardwebhooks import Webhook

from narrate.hooks import Hook, Undelivered
from narrate.hooks.webhook import deliver
from tests.hooks.notices import TITLES, notice
from tests.hooks.web_server import HANG, Reply, WebServer

SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()


def hook(url: str, **more: Any) -> Hook:
    return Hook("webhook", ("done",), url=url, **{"secret_variable": "SECRET", "timeout": 0.2, **more})


def fails(reply: Reply, env: dict[str, str] | None = None, **more: Any) -> Undelivered:
    with WebServer([reply]) as server, pytest.raises(Undelivered) as caught:
        deliver(hook(f"{server.url}/T0/hidden-path", **more), notice(), {"SECRET": SECRET} if env is None else env)
    assert "hidden-path" not in str(caught.value)
    return caught.value


def test_it_is_signed_so_that_the_reference_library_believes_it() -> None:
    told = notice(chapters=5)
    with WebServer() as server:
        deliver(hook("${URL}/a?b=c"), told, {"URL": server.url, "SECRET": SECRET})
        asked = server.requests[0]
    assert (asked.method, asked.path) == ("POST", "/a?b=c")
    assert asked.headers["content-type"] == "application/json"
    assert asked.headers["webhook-id"] == told.id
    assert Webhook(SECRET).verify(asked.body, asked.headers) == json.loads(asked.body)
    assert json.loads(asked.body)["data"] == {"title": "Dune", "chapters": 5}
    assert abs(time.time() - int(asked.headers["webhook-timestamp"])) < 60
    with pytest.raises(Exception, match="No matching signature"):
        Webhook(SECRET).verify(asked.body + b" ", asked.headers)
    with pytest.raises(Exception, match="No matching signature"):
        Webhook("whsec_" + base64.b64encode(b"another").decode()).verify(asked.body, asked.headers)


def test_a_secret_that_is_any_text_is_taken_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("dïe söcret\n")
    with WebServer() as server:
        deliver(hook(server.url), notice(), {"SECRET_FILE": str(tmp_path / "secret")})
        asked = server.requests[0]
    as_base64 = base64.b64encode("dïe söcret".encode()).decode()
    assert Webhook(as_base64).verify(asked.body, asked.headers)


def test_without_a_secret_there_is_no_signature() -> None:
    with WebServer() as server:
        deliver(hook(server.url, secret_variable=""), notice(), {})
        assert "webhook-signature" not in server.requests[0].headers
        assert "webhook-id" in server.requests[0].headers


def test_every_try_has_the_same_id() -> None:
    told = notice()
    with WebServer([Reply(500), Reply(500), Reply(200)]) as server:
        for _ in range(2):
            with pytest.raises(Undelivered) as caught:
                deliver(hook(server.url), told, {"SECRET": SECRET})
            assert caught.value.heals
        deliver(hook(server.url), told, {"SECRET": SECRET})
        assert {asked.headers["webhook-id"] for asked in server.requests} == {told.id}
        assert all(Webhook(SECRET).verify(asked.body, asked.headers) for asked in server.requests)


@pytest.mark.parametrize(
    ("reply", "sentence", "heals"),
    [
        (Reply(410), "127.0.0.1: answered 410 (gone)", False),
        (Reply(400, body=b"invalid_payload"), "answered 400 (bad request): invalid_payload", False),
        (Reply(401, body=f"no {SECRET}".encode()), "answered 401 (unauthorized): no [key]", False),
        (Reply(302, headers={"Location": "/hidden-path"}), "a redirect, which is not followed", False),
        (Reply(429, headers={"Retry-After": "9"}), "answered 429", True),
        (HANG, "did not complete its answer within 0.2 s", True),
        (Reply(drip_headers=0.02), "did not complete its answer within 0.2 s", True),
    ],
)
def test_why_it_was_not_taken(reply: Reply, sentence: str, heals: bool) -> None:
    error = fails(reply)
    assert sentence in str(error)
    assert error.heals is heals
    assert error.retry_after == (9 if reply.status == 429 else None)
    assert error.__context__ is None


@pytest.mark.parametrize(
    ("env", "sentence"),
    [
        ({}, "the variable SECRET is not set"),
        ({"SECRET": "whsec_no base64!"}, "what stands behind whsec_ in SECRET is not base64"),
    ],
)
def test_a_secret_that_is_none(env: dict[str, str], sentence: str) -> None:
    error = fails(Reply(), env)
    assert sentence in str(error)
    assert not error.heals


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("${NOWHERE}", "the variable NOWHERE is not set"),
        ("${URL}", "its address is no http or https address"),
        ("https://[::1/x", "its address is no http or https address"),
        ("http://example.org/hidden-path", "what is told would travel unencrypted to example.org; use https"),
    ],
)
def test_an_address_that_nothing_is_sent_to(url: str, sentence: str) -> None:
    with pytest.raises(Undelivered) as caught:
        deliver(hook(url), notice(), {"URL": "nonsense", "SECRET": SECRET})
    assert sentence in str(caught.value)
    assert "hidden-path" not in str(caught.value)


@settings(max_examples=25, deadline=None)
@given(TITLES)
def test_any_title_is_taken_and_verified(title: str) -> None:
    with WebServer() as server:
        deliver(hook(server.url, timeout=5.0), notice(title=title), {"SECRET": SECRET})
        asked = server.requests[0]
    assert Webhook(SECRET).verify(asked.body, asked.headers)
