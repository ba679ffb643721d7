"""HOOK: a mail, by SMTP: plain text, to a server of this machine or another.

    localhost                      port 25 (or 587 with a user), TLS when the server offers it (STARTTLS)
    smtp.example.org:587           the same at another port
    smtps://smtp.example.org       port 465, TLS from the first byte

A password goes only over TLS, or to a server on this machine. Certificates are checked, but on this machine, where
nobody is in between. Whoever gets a mail twice, since an answer was lost, sees it once: the Message-ID is the notice's.
"""

from __future__ import annotations

import re
import smtplib
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Any

from narrate.errors import shown
from narrate.hooks import Hook, Notice, Undelivered
from narrate.hooks.environment import expanded, secret
from narrate.hooks.wording import subject, text
from narrate.wire.address import is_loopback
from narrate.wire.failures import is_untrusted
from narrate.wire.secrets import redacted

_SERVER = re.compile(r"(?:(smtps?)://)?(?:\[([^\]]+)\]|([^/\[\]:@\s]+))(?::(\d{1,5}))?/?")


@dataclass(frozen=True, slots=True)
class Server:
    """A mail server; ``tls``: from the first byte."""

    host: str
    port: int
    tls: bool

    @property
    def here(self) -> bool:
        """It is on this machine."""
        return is_loopback(self.host)


def deliver(hook: Hook, notice: Notice, env: Mapping[str, str]) -> None:
    """Send one mail to all, once. Undelivered names who was refused, or why nobody was sent anything."""
    where = server(expanded(hook.server, env), bool(hook.user))
    password = secret(env, hook.password_variable) if hook.password_variable else ""
    mail = message(hook, notice)
    try:
        with _connected(where, hook.timeout) as connection:
            if hook.user:
                _log_in(connection, where, hook.user, password)
            refused = connection.sendmail(mail["From"].addresses[0].addr_spec, hook.to, mail.as_bytes())
    except _Late:
        told = Undelivered(f"{where.host}: took longer than {hook.timeout:g} s", heals=True)
    except (smtplib.SMTPException, OSError, UnicodeError) as error:
        told = _meaning(error, where, password)
    else:
        if not refused:
            return
        told = Undelivered(f"{where.host}: took it, but not for {_refusals(refused)}")
    raise told


def server(given: str, with_user: bool) -> Server:
    """The server that ``given`` names. Undelivered when it names none."""
    found = _SERVER.fullmatch(given.strip())
    if not found or int(found[4] or 1) not in range(1, 65_536):
        raise Undelivered("its mail server is none; write it as smtp.example.org:587 or smtps://smtp.example.org:465")
    tls = found[1] == "smtps"
    return Server(found[2] or found[3], int(found[4] or (465 if tls else 587 if with_user else 25)), tls)


def message(hook: Hook, notice: Notice) -> EmailMessage:
    """The mail. Titles cannot add headers to it: no line ends in what stands there, and the library checks it."""
    mail = EmailMessage(SMTP)
    mail["From"] = hook.sender or f"narrate@{this_host()}"
    mail["To"] = ", ".join(hook.to)
    # the library reads what looks like an encoded word, and its line ends with it
    mail["Subject"] = subject(notice).replace("=?", "= ?") or notice.event
    mail["Date"] = format_datetime(datetime.fromtimestamp(notice.at, UTC))
    mail["Message-ID"] = f"<{notice.id}@{this_host()}>"
    mail["Auto-Submitted"] = "auto-generated"  # so that nobody's absence answers it
    mail.set_content(text(notice) + "\n", cte="quoted-printable")
    return mail


def this_host() -> str:
    """This machine's name, fit for an address; nothing is looked up."""
    return re.sub(r"[^A-Za-z0-9.-]", "-", socket.gethostname()).strip(".-")[:200] or "localhost"


class _Late(Exception):
    """The server took longer, in all, than it had."""


class _Timed(smtplib.SMTP):
    """A connection that is cut off when its seconds are over, in all: smtplib's own bound each step alone."""

    def __init__(self, late: threading.Event, timeout: float, **how: Any) -> None:
        self._over = threading.Event()
        threading.Thread(target=self._watch, args=(late, timeout), name="a mail's clock", daemon=True).start()
        try:
            # a step alone has a little more, so that it is always the clock that decides
            super().__init__(timeout=timeout + 0.5, local_hostname=this_host(), **how)
        except BaseException:
            self._over.set()
            raise

    def _watch(self, late: threading.Event, timeout: float) -> None:
        if self._over.wait(timeout):
            return
        late.set()
        while not self._over.wait(0.05):  # again, since it may still be connecting
            if isinstance(self.sock, socket.socket):
                with suppress(OSError):
                    # closing a socket does not wake a thread that waits for it; shutting it down does
                    socket.socket.shutdown(self.sock, socket.SHUT_RDWR)

    def close(self) -> None:
        """Close it, and stop the clock."""
        self._over.set()
        super().close()


class _TimedTls(_Timed, smtplib.SMTP_SSL):
    """The same, with TLS from the first byte."""


@contextmanager
def _connected(where: Server, timeout: float) -> Iterator[smtplib.SMTP]:
    """A connection, greeted and encrypted where that can be; _Late when ``timeout`` seconds are over, in all."""
    late = threading.Event()
    try:
        connection = (
            _TimedTls(late, timeout, host=where.host, port=where.port, context=_trust(where))
            if where.tls
            else _Timed(late, timeout, host=where.host, port=where.port)
        )
        try:
            connection.ehlo_or_helo_if_needed()
            if not where.tls and connection.has_extn("starttls"):
                connection.starttls(context=_trust(where))
                connection.ehlo_or_helo_if_needed()
            yield connection
            with suppress(smtplib.SMTPException, OSError):  # it has been taken; a goodbye changes nothing
                connection.quit()
        finally:
            connection.close()
    except (smtplib.SMTPException, OSError):
        if late.is_set():
            raise _Late from None
        raise


def _trust(where: Server) -> ssl.SSLContext:
    from narrate.web.exchange import trust

    context = trust()
    if where.here and not where.tls:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _log_in(connection: smtplib.SMTP, where: Server, user: str, password: str) -> None:
    if not where.here and not isinstance(connection.sock, ssl.SSLSocket):
        raise Undelivered(
            f"{where.host}: offers no encryption, and the password would be read on the way; use smtps://"
        )
    connection.login(user, password)


def _meaning(error: Exception, where: Server, password: str) -> Undelivered:
    """What an exception of smtplib or of the network amounts to; 4xx may heal, 5xx does not."""
    name = where.host
    if is_untrusted(error):
        return Undelivered(f"{name}: shows a certificate that is not trusted here; name its authority in SSL_CERT_FILE")
    if isinstance(error, UnicodeError):
        return Undelivered(f"{name}: the user or the password holds what no mail server takes")
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        heals = all(400 <= code < 500 for code, _ in error.recipients.values())
        return Undelivered(f"{name}: refused {_refusals(error.recipients)}", heals=heals)
    if isinstance(error, smtplib.SMTPResponseException):
        words = redacted(_said(error.smtp_error), (password,) if password else ())
        what = "did not let us in: " if isinstance(error, smtplib.SMTPAuthenticationError) else "answered "
        return Undelivered(f"{name}: {what}{error.smtp_code} {words}".rstrip(), heals=400 <= error.smtp_code < 500)
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return Undelivered(f"{name}: offers no way to log in; leave out 'user'")
    if isinstance(error, TimeoutError):
        return Undelivered(f"{name}: did not answer in time", heals=True)
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return Undelivered(f"{name}: cannot be reached, or broke off: {shown(reason, 200).lower()}", heals=True)


def _refusals(refused: Mapping[str, tuple[int, bytes]]) -> str:
    return ", ".join(f"{to} ({code} {_said(words)})".replace(" )", ")") for to, (code, words) in refused.items())


def _said(words: bytes | str) -> str:
    plain = words.decode("utf-8", "replace") if isinstance(words, bytes) else words
    return shown(" ".join(plain.split()), 150)
