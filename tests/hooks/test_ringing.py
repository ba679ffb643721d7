"""Hooks are rung beside the work: never waiting, never failing, in order, within bounds; and all is said once."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import Webhook

from narrate.hooks import EVENTS, Event, Hook, Notice, Undelivered
from narrate.hooks import ringing as family
from narrate.hooks import webhook as webhooks
from narrate.hooks.ringing import Hooks, named
from tests.hooks.mail_server import MailServer
from tests.hooks.notices import notice
from tests.hooks.web_server import HANG, Reply, WebServer

SECRET = "whsec_" + base64.b64encode(bytes(24)).decode()
ENV = {"PATH": os.environ["PATH"], "SECRET": SECRET}


def webhook(url: str, *on: Event, **more: Any) -> Hook:
    return Hook("webhook", on or EVENTS, url=url, **{"timeout": 2.0, **more})


def rung(hooks: tuple[Hook, ...], *events: Event, grace: float = 10.0, **more: Any) -> list[str]:
    """What is reported when ``events`` are told."""
    said: list[str] = []
    ringing = Hooks(hooks, said.append, more.pop("env", ENV), **{"sleep": lambda seconds: None, **more})
    for number, event in enumerate(events):
        ringing.tell(notice(event, number=number))
    ringing.close(grace)
    return said


class Slow:
    """A deliverer that waits until it may go on, in place of the webhook's."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, then: Callable[[Notice], None] = lambda told: None) -> None:
        self.go = threading.Event()
        self.begun = threading.Event()
        self.told: list[Notice] = []
        self._then = then
        monkeypatch.setattr(webhooks, "deliver", self)

    def __call__(self, hook: Hook, told: Notice, env: Any) -> None:
        self.begun.set()
        assert self.go.wait(10)
        self.told.append(told)
        self._then(told)


def test_all_kinds_are_told_in_order(tmp_path: Path) -> None:
    script = f'cat >> "{tmp_path}/out"; echo >> "{tmp_path}/out"'
    with WebServer() as web, MailServer() as mail:
        hooks = (
            webhook("${URL}/hook", secret_variable="SECRET"),
            Hook("heartbeat", EVENTS, url="${URL}/check"),
            Hook("email", ("done", "failed"), to=("anna@example.org",), server=mail.address),
            Hook("command", EVENTS, command=("sh", "-c", script)),
        )
        assert rung(hooks, *EVENTS, env={**ENV, "URL": web.url}) == []
        posted = [asked for asked in web.requests if asked.path == "/hook"]
        assert [json.loads(asked.body)["type"] for asked in posted] == list(EVENTS)
        assert all(Webhook(SECRET).verify(asked.body, asked.headers) for asked in posted)
        checked = [asked.path for asked in web.requests if asked.path != "/hook"]
        assert checked == ["/check/start", "/check/log", "/check", "/check/fail", "/check"]
        assert [each["Subject"] for each in mail.mails] == ["done: Dune"] * 2
        told = [json.loads(line) for line in (tmp_path / "out").read_text().splitlines()]
        assert [each["data"]["number"] for each in told] == [0, 1, 2, 3, 4]


def test_only_what_is_wanted_is_told() -> None:
    with WebServer() as server:
        rung((webhook(server.url, "failed"),), "start", "done", "failed", "nothing-due")
        assert [json.loads(asked.body)["type"] for asked in server.requests] == ["failed"]


def test_telling_never_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    slow = Slow(monkeypatch)
    hooks = Hooks((webhook("https://example.org"),), pytest.fail, ENV)
    began = time.monotonic()
    for _ in range(200):
        hooks.tell(notice())
    assert time.monotonic() - began < 0.5
    slow.go.set()
    hooks.close(10)
    assert len(slow.told) == 200


def test_what_may_heal_is_tried_again_with_the_same_id() -> None:
    waits: list[float] = []
    with WebServer([Reply(500), Reply(500), Reply(200)]) as server:
        assert rung((webhook(server.url),), "done", sleep=waits.append, random=lambda: 0.5) == []
        assert len({asked.headers["webhook-id"] for asked in server.requests}) == 1
        assert len(server.requests) == 3
    assert waits == [1.0, 4.0]


def test_a_wait_that_is_asked_for_is_waited() -> None:
    waits: list[float] = []
    with WebServer([Reply(429, headers={"Retry-After": "9"}), Reply(200)]) as server:
        assert rung((webhook(server.url),), "done", sleep=waits.append) == []
    assert waits == [9.0]
    with WebServer([Reply(429, headers={"Retry-After": "900"})]) as server:
        assert len(rung((webhook(server.url),), "done", sleep=waits.append)) == 1
        assert (len(server.requests), waits) == (1, [9.0])


def test_every_failure_is_one_sentence_without_the_address() -> None:
    with WebServer([Reply(500)]) as server:
        said = rung((webhook(f"{server.url}/hidden/path?token=hidden", attempts=3),), "done")
        assert len(server.requests) == 3
    assert said == ['hook "webhook to 127.0.0.1": not told of "done": 127.0.0.1: answered 500 (internal server error)']


def test_a_final_failure_is_not_tried_again() -> None:
    with WebServer([Reply(410)]) as server:
        (said,) = rung((webhook(server.url),), "failed")
        assert 'not told of "failed": 127.0.0.1: answered 410 (gone)' in said
        assert len(server.requests) == 1


def test_the_same_failure_is_said_once_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    errors = iter(["a", "a", "a", "b", "a"])

    def fail(told: Notice) -> None:
        raise Undelivered(next(errors))

    slow = Slow(monkeypatch, fail)
    slow.go.set()
    assert rung((webhook("https://example.org"),), *(["done"] * 5)) == [
        'hook "webhook to example.org": not told of "done": a',
        'hook "webhook to example.org": the same 2 more times: a',
        'hook "webhook to example.org": not told of "done": b',
        'hook "webhook to example.org": not told of "done": a',
    ]


def test_while_others_wait_one_that_is_down_is_tried_once_a_notice(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(told: Notice) -> None:
        raise Undelivered("down", heals=True)

    slow = Slow(monkeypatch, fail)
    hooks = Hooks((webhook("https://example.org", attempts=3),), lambda said: None, ENV, sleep=lambda seconds: None)
    for number in range(4):
        hooks.tell(notice(number=number))
    slow.go.set()
    hooks.close(10)
    assert [told.payload["number"] for told in slow.told] == [0, 0, 0, 1, 2, 3, 3, 3]


def test_one_failing_hook_keeps_nobody_from_being_told() -> None:
    with WebServer([HANG]) as bad, WebServer() as good:
        said = rung((webhook(bad.url, timeout=0.2, attempts=1), webhook(good.url)), "start", "done")
        assert len(good.requests) == 2
    assert len(said) == 2
    assert "did not complete its answer within 0.2 s" in said[0]
    assert "the same 1 more time" in said[1]


@pytest.mark.parametrize("error", [ValueError("secret words"), MemoryError(), KeyError("x"), RecursionError()])
def test_nothing_that_goes_wrong_escapes(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(told: Notice) -> None:
        raise error

    Slow(monkeypatch, fail).go.set()
    (said,) = rung((webhook("https://example.org"),), "done")
    assert said.endswith(f"failed in a way that nobody thought of ({type(error).__name__})")


def test_a_reporter_that_fails_ends_nothing() -> None:
    with WebServer([Reply(410), Reply(200)]) as server:

        def closed(sentence: str) -> None:
            raise BrokenPipeError

        hooks = Hooks((webhook(server.url),), closed, ENV)
        hooks.tell(notice())
        hooks.tell(notice())
        hooks.close(10)
        assert len(server.requests) == 2


def test_closing_waits_only_so_long_and_says_who_was_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    slow = Slow(monkeypatch)
    said: list[str] = []
    hooks = Hooks((webhook("https://example.org"),), said.append, ENV)
    for _ in range(3):
        hooks.tell(notice())
    assert slow.begun.wait(5)
    began = time.monotonic()
    hooks.close(0.1)
    assert time.monotonic() - began < 1
    assert said == ['hook "webhook to example.org": given up after 0.1 s; 2 more notices were not told']
    hooks.tell(notice())
    hooks.close(0.1)
    slow.go.set()
    time.sleep(0.05)
    assert (len(said), len(slow.told)) == (1, 1)


def test_closing_wakes_one_that_waits_for_its_next_try() -> None:
    said: list[str] = []
    with WebServer([Reply(500)]) as server:
        hooks = Hooks((webhook(server.url),), said.append, ENV)
        hooks.tell(notice())
        while not server.requests:
            time.sleep(0.005)
        hooks.close(0.1)
        assert said == ['hook "webhook to 127.0.0.1": given up after 0.1 s']
        (bell,) = hooks._bells
        for _ in range(100):
            if bell._thread is None:
                break
            time.sleep(0.01)
        assert bell._thread is None
        assert (len(server.requests), len(said)) == (1, 1)


def test_a_command_that_is_given_up_is_ended(tmp_path: Path) -> None:
    import psutil

    said: list[str] = []
    command = ("sh", "-c", 'echo $$ > "$0"; sleep 60; :', str(tmp_path / "pid"))
    hooks = Hooks((Hook("command", ("done",), command=command, timeout=60.0),), said.append, ENV)
    hooks.tell(notice())
    while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text().strip():
        time.sleep(0.005)
    hooks.close(0.05)
    process = int((tmp_path / "pid").read_text())
    for _ in range(200):
        if not psutil.pid_exists(process):
            break
        time.sleep(0.01)
    assert not psutil.pid_exists(process)
    assert said == ['hook "command sh": given up after 0.05 s']


def test_of_too_many_notices_chapters_go_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(family, "LONGEST_QUEUE", 4)
    slow = Slow(monkeypatch)
    said: list[str] = []
    hooks = Hooks((webhook("https://example.org"),), said.append, ENV)
    hooks.tell(notice("start", number=0))
    assert slow.begun.wait(5)
    events: list[Event] = ["start", "chapter", "chapter", "done", "chapter", "failed", "done", "chapter", "done"]
    for number, event in enumerate(events, 1):
        hooks.tell(notice(event, number=number))
    slow.go.set()
    hooks.close(10)
    assert [told.payload["number"] for told in slow.told] == [0, 4, 6, 7, 9]
    assert said == ['hook "webhook to example.org": was too slow, and not told of 5 things, of chapters first']


def test_commands_get_no_secret_of_any_hook(tmp_path: Path) -> None:
    hooks = (
        Hook("command", ("done",), command=("sh", "-c", f'env > "{tmp_path}/env"')),
        webhook("${HOOK_URL:-http://127.0.0.1:9}", "failed", secret_variable="SECRET"),
    )
    env = {**ENV, "HOOK_URL": "x", "LMNT_API_KEY": "x", "MY_KEY": "x", "KEPT": "kept"}
    assert rung(hooks, "done", env=env, keep_back=("MY_KEY",)) == []
    names = {line.partition("=")[0] for line in (tmp_path / "env").read_text().splitlines()}
    assert {"KEPT", "NARRATE_EVENT"} <= names
    assert not names & {"SECRET", "HOOK_URL", "LMNT_API_KEY", "MY_KEY"}


def test_a_thread_lives_only_while_there_is_something_to_tell() -> None:
    with WebServer() as server:
        hooks = Hooks((webhook(server.url),), pytest.fail, ENV)
        for expected in (1, 2):
            hooks.tell(notice())
            (bell,) = hooks._bells
            for _ in range(500):
                if bell._thread is None:
                    break
                time.sleep(0.005)
            assert bell._thread is None
            assert len(server.requests) == expected
        hooks.close()


def test_no_thread_to_be_had(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    Slow(monkeypatch).go.set()
    monkeypatch.setattr(threading.Thread, "start", refuse)
    said = rung((webhook("https://example.org"),), "done")
    assert said == ['hook "webhook to example.org": given up after 10 s; 1 more notice was not told']


def test_without_hooks_it_costs_nothing() -> None:
    code = """
import sys, threading
from narrate.hooks import Notice
from narrate.hooks.ringing import Hooks
hooks = Hooks((), print)
hooks.tell(Notice("done", "", "", {}))
hooks.close()
print(threading.active_count(), sorted({"httpx", "smtplib", "tenacity", "subprocess", "ssl"} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "1 []"


@pytest.mark.parametrize(
    ("hook", "name"),
    [
        (webhook("https://u:p@example.org/T0?x"), "webhook to example.org"),
        (Hook("heartbeat", (), url="${URL}"), "heartbeat to hc-ping.com"),
        (webhook("${NOWHERE}/x"), "webhook to an unknown address"),
        (webhook("https://[::1"), "webhook to an unknown address"),
        (Hook("command", (), command=("/usr/bin/tell", "secret")), "command tell"),
        (Hook("email", (), to=("a@b.org",)), "email to a@b.org"),
        (Hook("email", (), to=("a@b.org", "c@d.org", "e@f.org")), "email to a@b.org and 2 more"),
    ],
)
def test_how_hooks_are_named(hook: Hook, name: str) -> None:
    assert named(hook, {"URL": "https://hc-ping.com/1111"}) == name
