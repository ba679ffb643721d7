"""Whom a shelf tells: real web and mail servers on loopback, and commands; none of them can fail a book."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from standardwebhooks.webhooks import Webhook

from tests.hooks.mail_server import MailServer
from tests.hooks.web_server import HANG, Reply, WebServer
from tests.library.shelves import Watching, book, run, shelf_file

EACH = '["start", "chapter", "done"]'
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    book(tmp_path / "books" / "a.md", "Alpha", chapters=2)
    return tmp_path


def test_all_kinds_of_hooks_are_told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = folder / "told.jsonl"
    code = f"import sys; open({str(told)!r}, 'a').write(sys.stdin.read() + chr(10))"
    with WebServer() as web, MailServer() as mail:
        monkeypatch.setenv("HEARTBEAT", f"{web.url}/ping/secret-path")
        monkeypatch.setenv("WEBHOOK_SECRET", SECRET)
        hooks = f"""
hooks = [
    {{ heartbeat = "${{HEARTBEAT}}" }},
    {{ webhook = "{web.url}/hook", secret_variable = "WEBHOOK_SECRET", on = {EACH}, per = "book" }},
    {{ email = "me@example.org", server = "{mail.address}" }},
    {{ command = {json.dumps([sys.executable, "-c", code])}, on = ["done", "nothing-due"] }},
]"""
        shelf = shelf_file(folder, hooks)
        assert run(shelf).hook_failures == ()
        assert [asked.path for asked in web.requests if "ping" in asked.path] == [
            "/ping/secret-path/start",
            "/ping/secret-path",
        ]
        calls = [asked for asked in web.requests if asked.path == "/hook"]
        bodies = [Webhook(SECRET).verify(asked.body, asked.headers) for asked in calls]
        assert [body["type"] for body in bodies] == ["start", "chapter", "chapter", "done"]
        assert bodies[-1]["data"]["book"]["title"] == "Alpha"
        assert {file["name"] for file in bodies[-1]["data"]["book"]["files"]} == {"Alpha.mp3"}
        assert "cues" not in bodies[-1]["data"]["book"]
        assert len(mail.mails) == 1
        assert "1 made" in str(mail.mails[0]["subject"])
        assert "Alpha, A. Writer" in mail.mails[0].get_content()

        # nothing is due: the heartbeat beats, the command is told, and nobody gets a mail
        assert run(shelf).hook_failures == ()
        assert web.requests[-1].path == "/ping/secret-path"
        assert len(mail.mails) == 1
        lines = [json.loads(line) for line in told.read_text().splitlines()]
        assert [line["type"] for line in lines] == ["done", "nothing-due"]
        assert lines[0]["data"]["made"][0]["manifest"]["title"] == "Alpha"

        # what fails is told as failed, once
        (folder / "books" / "bad.epub").write_text("no book")
        run(shelf)
        assert web.requests[-1].path == "/ping/secret-path/fail"
        assert "bad.epub" in mail.mails[1].get_content()
        run(shelf)
        assert (web.requests[-1].path, len(mail.mails)) == ("/ping/secret-path", 2)


def test_hooks_that_fail_or_hang_are_reported_and_fail_no_book(folder: Path) -> None:
    with WebServer([Reply(500)]) as web, WebServer([HANG]) as hanging:
        hooks = f"""
hooks = [
    {{ webhook = "{web.url}/hook?token=secret", attempts = 1 }},
    {{ heartbeat = "{hanging.url}/ping", attempts = 1, timeout = 0.3 }},
    {{ command = ["/no/such/command"] }},
]"""
        watching = Watching()
        outcome = run(shelf_file(folder, hooks), watching)
    assert (len(outcome.of("made")), outcome.exit_code) == (1, 0)
    assert len(outcome.hook_failures) >= 3
    assert not [sentence for sentence in outcome.hook_failures if "secret" in sentence]
    assert set(watching.told) >= set(outcome.hook_failures)


def test_a_command_gets_none_of_the_shelf_s_secrets(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secrets = ("MY_KEY", "OTHER_KEY", "WEBHOOK_SECRET", "FEED_URL", "SERVER", "LMNT_API_KEY")
    for name in secrets:
        monkeypatch.setenv(name, "http://127.0.0.1:9/hunter22hunter22")
    code = f"import os; open({str(folder / 'told')!r}, 'a').write(repr(dict(os.environ)))"
    command = json.dumps([sys.executable, "-c", code])
    hooks = f"""
key_variable = "MY_KEY"
hooks = [
    {{ command = {command}, on = ["done"] }},
    {{ command = {command}, on = ["done"], per = "book" }},
    {{ webhook = "${{SERVER}}/x", secret_variable = "WEBHOOK_SECRET", on = ["nothing-due"] }},
]"""
    shelf = shelf_file(folder, hooks)
    feed = '[[books]]\nfeed = "${FEED_URL}"\nkey_variable = "OTHER_KEY"\n'
    shelf.write_text(shelf.read_text() + feed)
    run(shelf)
    told = (folder / "told").read_text()
    assert told.count("NARRATE_EVENT") == 1, "the run failed, for its feed; the book did not"
    assert "hunter22" not in told
