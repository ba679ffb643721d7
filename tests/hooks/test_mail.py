"""Mail, to real SMTP servers on 127.0.0.1."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
import time
from datetime import UTC, datetime
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from narrate.hooks import Hook, Notice, Undelivered
from narrate.hooks import mail as family
from narrate.hooks.mail import Server, deliver, message, server
from narrate.hooks.wording import subject, text
from tests.hooks.mail_server import MailServer, Talker, free_port
from tests.hooks.notices import NASTY, TITLES, notice

PASSWORD = "pass-phrase word"


def hook(address: str, **more: Any) -> Hook:
    given = {"to": ("anna@example.org",), "sender": "narrate@nas", "timeout": 5.0, **more}
    return Hook("email", ("done", "failed"), server=address, **given)


def fails(hook: Hook, env: dict[str, str] | None = None) -> Undelivered:
    with pytest.raises(Undelivered) as caught:
        deliver(hook, notice(), env or {})
    assert PASSWORD not in str(caught.value)
    return caught.value


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for localhost and 127.0.0.1, signed by itself, and its key."""
    if not shutil.which("openssl"):
        pytest.skip("openssl makes the certificates, and is not installed")
    folder = tmp_path_factory.mktemp("tls")
    make = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost"
    names = ("-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1")
    files = ("-out", str(folder / "cert.pem"), "-keyout", str(folder / "key.pem"))
    subprocess.run([*make.split(), *names, *files], check=True, capture_output=True)
    return folder / "cert.pem", folder / "key.pem"


@pytest.fixture
def tls(pair: tuple[Path, Path]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*pair)
    return context


def test_a_mail_arrives() -> None:
    told = Notice("failed", "failed: Dün – 砂の惑星 🏜", "no key\nset LMNT_API_KEY\n\n.\nüber\n", {}, at=1735689600.0)
    with MailServer() as there:
        deliver(hook("${RELAY}", to=("anna@example.org", "ben@example.org")), told, {"RELAY": there.address})
        (mail,) = there.mails
        assert there.recipients == [["anna@example.org", "ben@example.org"]]
    assert mail["Subject"] == "failed: Dün – 砂の惑星 🏜"
    assert (mail["From"], mail["To"]) == ("narrate@nas", "anna@example.org, ben@example.org")
    assert mail["Date"].datetime == datetime(2025, 1, 1, tzinfo=UTC)
    assert mail["Message-ID"].startswith(f"<{told.id}@")
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail.get_content().replace("\r\n", "\n") == "no key\nset LMNT_API_KEY\n\n.\nüber\n"
    assert there.raw[0].isascii()


def test_the_sender_is_this_machine_where_none_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: "anna's näs.local")
    assert message(hook("x", sender=""), notice())["From"] == "narrate@anna-s-n-s.local"
    monkeypatch.setattr(socket, "gethostname", lambda: "")
    assert message(hook("x", sender=""), notice())["From"] == "narrate@localhost"


def test_a_mail_that_is_tried_again_is_the_same_mail() -> None:
    told = notice()
    with MailServer(data=("451 try later", "250 taken")) as there:
        with pytest.raises(Undelivered, match=r"127\.0\.0\.1: answered 451 try later") as caught:
            deliver(hook(there.address), told, {})
        assert caught.value.heals
        deliver(hook(there.address), told, {})
        assert told.id in there.mails[0]["Message-ID"]
    assert message(hook("x"), told).as_bytes() == message(hook("x"), told).as_bytes()


@pytest.mark.parametrize(
    ("refused", "sentence", "heals"),
    [
        ({"anna@example.org": "550 unknown"}, "took it, but not for anna@example.org (550 unknown)", False),
        ({"anna@example.org": "450 later"}, "took it, but not for anna@example.org (450 later)", False),
        (
            {"anna@example.org": "450 later", "ben@example.org": "451 also later"},
            "refused anna@example.org (450 later), ben@example.org (451 also later)",
            True,
        ),
        (
            {"anna@example.org": "550 unknown", "ben@example.org": "450 later"},
            "refused anna@example.org (550 unknown)",
            False,
        ),
    ],
)
def test_who_is_refused_is_named(refused: dict[str, str], sentence: str, heals: bool) -> None:
    with MailServer(refused=refused) as there:
        error = fails(hook(there.address, to=("anna@example.org", "ben@example.org")))
        assert sentence in str(error)
        assert error.heals is heals
        assert there.recipients == ([["ben@example.org"]] if len(refused) == 1 else [])


def test_a_refused_mail() -> None:
    with MailServer(data=("554 we know your kind\x1b[31m",)) as there:
        error = fails(hook(there.address))
    assert str(error) == "127.0.0.1: answered 554 we know your kind\\x1b[31m"
    assert not error.heals


def test_it_is_encrypted_where_the_server_can_and_logged_in(tls: ssl.SSLContext) -> None:
    mine = {"user": "anna", "password_variable": "MAIL"}
    with MailServer(tls=tls, login=("anna", PASSWORD)) as there:
        deliver(hook(there.address, **mine), notice(), {"MAIL": PASSWORD})
        assert there.encrypted == [True]
        assert there.logins == [(b"anna", PASSWORD.encode())]
        error = fails(hook(there.address, **mine), {"MAIL": "wrong"})
        assert "127.0.0.1: did not let us in: 535" in str(error)
        assert not error.heals
        assert "the variable MAIL is not set" in str(fails(hook(there.address, **mine)))
        assert "holds what no mail server takes" in str(fails(hook(there.address, **mine), {"MAIL": "pässword"}))


def test_tls_from_the_first_byte(tls: ssl.SSLContext, pair: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    mine = {"user": "anna", "password_variable": "MAIL"}
    with MailServer(tls=tls, implicit=True, login=("anna", PASSWORD)) as there:
        url = f"smtps://localhost:{there.port}"
        error = fails(hook(url, **mine), {"MAIL": PASSWORD})
        assert "localhost: shows a certificate that is not trusted here" in str(error)
        assert not error.heals
        monkeypatch.setenv("SSL_CERT_FILE", str(pair[0]))
        deliver(hook(url, **mine), notice(), {"MAIL": PASSWORD})
        assert (there.encrypted, len(there.logins)) == ([True], 1)


def test_of_other_machines_certificates_are_checked(
    tls: ssl.SSLContext, pair: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(family, "is_loopback", lambda host: False)
    with MailServer(tls=tls) as there:
        assert "certificate that is not trusted here" in str(fails(hook(there.address)))
        monkeypatch.setenv("SSL_CERT_FILE", str(pair[0]))
        deliver(hook(there.address), notice(), {})
        assert there.encrypted == [True]


def test_a_password_does_not_travel_in_clear(monkeypatch: pytest.MonkeyPatch) -> None:
    mine = {"user": "anna", "password_variable": "MAIL"}
    with MailServer(login=("anna", PASSWORD)) as there:
        deliver(hook(there.address, **mine), notice(), {"MAIL": PASSWORD})
        assert (there.encrypted, len(there.logins)) == ([False], 1)
        monkeypatch.setattr(family, "is_loopback", lambda host: False)
        error = fails(hook(there.address, **mine), {"MAIL": PASSWORD})
        assert "offers no encryption, and the password would be read on the way" in str(error)
        assert len(there.logins) == 1


def test_a_server_that_lets_nobody_log_in() -> None:
    with MailServer() as there:
        error = fails(hook(there.address, user="anna", password_variable="MAIL"), {"MAIL": PASSWORD})
    assert "offers no way to log in" in str(error)


def hangs(connection: socket.socket) -> None:
    connection.settimeout(2)
    connection.recv(1)


def drips(connection: socket.socket) -> None:
    for _ in range(200):
        connection.sendall(b"2")
        time.sleep(0.02)


def stops_in_the_middle(connection: socket.socket) -> None:
    connection.sendall(b"220 here\r\n")
    connection.recv(100)
    connection.sendall(b"250 fine\r\n")
    drips(connection)


def hangs_up(connection: socket.socket) -> None:
    connection.sendall(b"220 here\r\n")


def is_busy(connection: socket.socket) -> None:
    connection.sendall(b"421 too busy\r\n")


def talks_nonsense(connection: socket.socket) -> None:
    connection.sendall(b"SSH-2.0-OpenSSH_9\r\n")


@pytest.mark.parametrize(
    ("talk", "sentence"),
    [
        (hangs, "took longer than 0.2 s"),
        (drips, "took longer than 0.2 s"),
        (stops_in_the_middle, "took longer than 0.2 s"),
        (hangs_up, "broke off"),
        (is_busy, "answered 421 too busy"),
    ],
)
def test_every_try_ends(talk: Any, sentence: str) -> None:
    began = time.monotonic()
    with Talker(talk) as there:
        error = fails(hook(there.address, timeout=0.2))
        assert sentence in str(error)
        assert error.heals
        assert time.monotonic() - began < 2


def test_what_is_no_mail_server() -> None:
    with Talker(talks_nonsense) as there:
        assert "127.0.0.1: " in str(fails(hook(there.address, timeout=0.2)))
    error = fails(hook(f"127.0.0.1:{free_port()}"))
    assert "127.0.0.1: cannot be reached, or broke off: connection refused" in str(error)
    assert error.heals


@pytest.mark.parametrize(
    ("text", "with_user", "expected"),
    [
        ("localhost", False, Server("localhost", 25, False)),
        ("smtp.example.org", True, Server("smtp.example.org", 587, False)),
        ("smtp.example.org:2525", True, Server("smtp.example.org", 2525, False)),
        ("smtp://smtp.example.org/", False, Server("smtp.example.org", 25, False)),
        ("smtps://smtp.example.org", True, Server("smtp.example.org", 465, True)),
        ("smtps://[::1]:1465", False, Server("::1", 1465, True)),
    ],
)
def test_how_servers_are_named(text: str, with_user: bool, expected: Server) -> None:
    assert server(text, with_user) == expected


@pytest.mark.parametrize("text", ["", "http://x.org", "a:0", "a:99999", "a b", "user@host", "a:b", "::1"])
def test_what_names_no_server(text: str) -> None:
    with pytest.raises(Undelivered, match="its mail server is none"):
        server(text, False)


@settings(max_examples=300, deadline=None)
@given(TITLES)
def test_no_title_adds_to_a_mail(title: str) -> None:
    told = Notice("done", title, title, {})
    raw = message(hook("x"), told).as_bytes()
    assert raw.isascii()
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    mail = message_from_bytes(raw, policy=default)
    assert mail.keys().count("Subject") == 1
    assert set(mail.keys()) == {
        *("From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted"),
        *("Content-Type", "Content-Transfer-Encoding", "MIME-Version"),
    }
    assert "".join(str(mail["Subject"]).split()) == ("".join(subject(told).split()) or "done")
    assert "".join(mail.get_content().split()) == "".join(text(told).split())


def test_hostile_titles_arrive() -> None:
    with MailServer() as there:
        for title in NASTY:
            deliver(hook(there.address), notice(title=title), {})
        assert len(there.mails) == len(NASTY)
        assert all(recipients == ["anna@example.org"] for recipients in there.recipients)
