"""A mail server on 127.0.0.1 (aiosmtpd) that takes mail, or refuses it as it is told, and keeps what it took."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any, cast

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return cast(int, probe.getsockname()[1])


@dataclass
class MailServer:
    """``refused``: what is answered to recipients, ``data``: to mails, one after the other, the last for ever."""

    refused: Mapping[str, str] = field(default_factory=dict)
    data: Sequence[str] = ("250 taken",)
    tls: ssl.SSLContext | None = None
    implicit: bool = False
    login: tuple[str, str] | None = None
    mails: list[EmailMessage] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)
    encrypted: list[bool] = field(default_factory=list)
    recipients: list[list[str]] = field(default_factory=list)
    logins: list[tuple[bytes, bytes]] = field(default_factory=list)
    tries: int = 0

    def __enter__(self) -> MailServer:
        self.port = free_port()
        more: dict[str, Any] = {}
        if self.implicit:
            more["ssl_context"] = self.tls
        elif self.tls is not None:
            more["tls_context"] = self.tls
        if self.login is not None:
            more |= {"authenticator": self._authenticate, "auth_require_tls": False}
        self._controller = Controller(self, hostname="127.0.0.1", port=self.port, **more)
        self._controller.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._controller.stop()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: list[str]) -> str:
        if address in self.refused:
            return self.refused[address]
        envelope.rcpt_tos.append(address)
        return "250 fine"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        answer = self.data[min(self.tries, len(self.data) - 1)]
        self.tries += 1
        if answer.startswith("250"):
            self.raw.append(envelope.content)
            self.mails.append(cast(EmailMessage, message_from_bytes(envelope.content, policy=default)))
            self.recipients.append(list(envelope.rcpt_tos))
            self.encrypted.append(session.ssl is not None or self.implicit)
        return answer

    def _authenticate(
        self, server: Any, session: Any, envelope: Any, mechanism: str, data: LoginPassword
    ) -> AuthResult:
        self.logins.append((data.login, data.password))
        expected = tuple(part.encode() for part in self.login or ())
        return AuthResult(success=(data.login, data.password) == expected, handled=False)


class Talker:
    """A server that does ``talk`` with each connection, for what no mail server would do."""

    def __init__(self, talk: Callable[[socket.socket], None]) -> None:
        import threading

        self._talk = talk
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listening.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Talker:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join(5)

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            with connection:
                try:
                    self._talk(connection)
                except OSError:
                    continue
