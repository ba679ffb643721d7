"""Proxies and private authorities, as httpx understands the environment: with a real proxy and a real TLS server."""

from __future__ import annotations

import base64
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from narrate.bounds import Deadlines
from narrate.errors import EngineClosed, EngineError, EngineUnavailable
from narrate.http import Client
from narrate.wire.address import address
from tests.speech_server import KEY, SpeechServer

PATH = "/v1/ai/speech/bytes"
BODY = b'{"text":"Hello there","voice":"leah","format":"wav"}'
PASSWORD = "pr0xy-pass/word"
VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR")


class Proxy:
    """Forwards requests in clear and opens tunnels, for whoever knows the password; all go ``to`` one port here."""

    def __init__(self, to: int, answer: bytes = b"") -> None:
        self.to, self.answer = to, answer
        self.heads: list[str] = []
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]

    def __enter__(self) -> Proxy:
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *unused: object) -> None:
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=self._handle, args=(self._listening.accept()[0],), daemon=True).start()

    def _handle(self, client: socket.socket) -> None:
        with client, suppress(OSError):
            data = b""
            while b"\r\n\r\n" not in data:
                data += client.recv(65536)
            head, _, rest = data.partition(b"\r\n\r\n")
            self.heads.append(head.decode())
            allowed = base64.b64encode(f"me:{PASSWORD}".encode())
            if self.answer or b"Basic " + allowed not in head:
                client.sendall(self.answer or b"HTTP/1.1 407 Who are you\r\nContent-Length: 0\r\n\r\n")
                return
            with socket.create_connection(("127.0.0.1", self.to)) as server:
                if head.startswith(b"CONNECT"):
                    client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                else:
                    server.sendall(head.replace(b" http://speech.example", b" ", 1) + b"\r\n\r\n" + rest)
                threading.Thread(target=_pump, args=(client, server), daemon=True).start()
                _pump(server, client)


def _pump(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


def through(proxy: Proxy, password: str = PASSWORD) -> str:
    return f"http://me:{password.replace('/', '%2F')}@127.0.0.1:{proxy.port}"


def client(url: str, *, within: float = 5) -> Client:
    deadlines = Deadlines(connect=within, first_byte=within, between_bytes=within)
    where = address({"URL": url}, "URL", "")
    return Client(
        where, engine="lmnt", headers={"X-API-Key": KEY}, secrets=(KEY,), deadlines=deadlines, allow_http=True
    )


def failure(url: str, within: float = 5) -> EngineError:
    asked = client(url, within=within)
    try:
        with pytest.raises(EngineError) as caught:
            asked.check(asked.post(PATH, BODY, {}))
    finally:
        asked.close()
    for secret in (PASSWORD, PASSWORD.replace("/", "%2F"), KEY):
        assert secret not in str(caught.value)
    return caught.value


# --- in clear -------------------------------------------------------------------------------------------------------


def test_a_request_in_clear_goes_through_the_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    with SpeechServer() as server, Proxy(int(server.url.rpartition(":")[2])) as proxy:
        monkeypatch.setenv("HTTP_PROXY", through(proxy))
        asked = client("http://speech.example")
        assert asked.post(PATH, BODY, {}).status == 200
        asked.close()
    assert proxy.heads[0].startswith(f"POST http://speech.example{PATH}")


def test_a_proxy_that_wants_a_password_is_for_good(monkeypatch: pytest.MonkeyPatch) -> None:
    with Proxy(0) as proxy:
        for name, url in (("HTTP_PROXY", "http://speech.example"), ("HTTPS_PROXY", "https://speech.example")):
            monkeypatch.setenv(name, through(proxy, "wrong"))
            error = failure(url)
            assert type(error) is EngineClosed
            assert "the proxy wants" in str(error)


def test_a_tunnel_that_is_refused_was_never_used(monkeypatch: pytest.MonkeyPatch) -> None:
    said = f"HTTP/1.1 502 No way for {PASSWORD}\r\nContent-Length: 0\r\n\r\n".encode()
    with Proxy(0, said) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", through(proxy))
        error = failure("https://speech.example")
    assert isinstance(error, EngineUnavailable)
    assert str(error).startswith("lmnt: speech.example cannot be reached through the proxy: 502 No way")
    assert error.sent is False


def test_a_proxy_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    with Proxy(0) as proxy:
        url = through(proxy)
    monkeypatch.setenv("HTTPS_PROXY", url)
    error = failure("https://speech.example")
    assert error.sent is False


@pytest.mark.parametrize(
    ("proxy", "words"),
    [
        (f"ftp://me:{PASSWORD[:9]}@127.0.0.1:1", "the proxy named in the environment"),
        (f"socks5://me:{PASSWORD[:9]}@127.0.0.1:1", "SOCKS"),
        ("http://[::1", "the proxy named in the environment"),
    ],
)
def test_what_is_no_proxy_is_said_without_its_password(proxy: str, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    with pytest.raises(EngineClosed, match=words) as caught:
        client("https://speech.example").close()
    assert PASSWORD[:9] not in str(caught.value)
    assert caught.value.sent is False


# --- TLS ------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the certificate and key of a server named localhost and speech.example, signed by itself."""
    if not shutil.which("openssl"):
        pytest.skip("openssl makes the certificates, and is not installed")
    folder = tmp_path_factory.mktemp("tls")
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"),
            *("-addext", "subjectAltName=DNS:localhost,DNS:speech.example,IP:127.0.0.1"),
            *("-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")),
        ],
        check=True,
        capture_output=True,
    )
    return folder


@pytest.fixture
def encrypted(authority: Path) -> Iterator[SpeechServer]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority / "cert.pem", authority / "key.pem")
    server = SpeechServer()
    listening = server._server
    listening.socket = context.wrap_socket(listening.socket, server_side=True, do_handshake_on_connect=False)
    with server:
        yield server


def test_a_private_authority_is_believed_where_it_is_named(
    encrypted: SpeechServer, authority: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = encrypted.url.replace("http://127.0.0.1", "https://localhost")
    error = failure(url)
    assert type(error) is EngineClosed
    assert error.sent is False
    assert "not trusted here; name your authority's file in SSL_CERT_FILE" in str(error)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority / "cert.pem"))
    asked = client(url)
    assert [asked.post(PATH, BODY, {}).status for _ in range(3)] == [200] * 3
    asked.close()
    assert encrypted.requests[0].headers["x-api-key"] == KEY


def test_authorities_may_lie_in_a_folder(
    encrypted: SpeechServer, authority: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(authority / "cert.pem", tmp_path)
    subprocess.run(["openssl", "rehash", str(tmp_path)], check=True, capture_output=True)
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    asked = client(encrypted.url.replace("http://127.0.0.1", "https://localhost"))
    assert asked.post(PATH, BODY, {}).status == 200
    asked.close()


def test_certificates_that_are_not_there_are_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "no.pem").write_text("no certificate")
    for name in ("missing.pem", "no.pem"):
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / name))
        with pytest.raises(EngineClosed, match="SSL_CERT_FILE or SSL_CERT_DIR cannot be read"):
            client("https://speech.example").close()


def test_a_tunnel_hides_the_key_from_the_proxy(
    encrypted: SpeechServer, authority: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority / "cert.pem"))
    with Proxy(int(encrypted.url.rpartition(":")[2])) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", through(proxy))
        asked = client("https://speech.example")
        assert [asked.post(PATH, BODY, {}).status for _ in range(3)] == [200] * 3
        asked.close()
        monkeypatch.setenv("NO_PROXY", "speech.example")
        assert failure("https://speech.example", within=0.5).sent is False
    assert len(proxy.heads) == 1
    assert proxy.heads[0].startswith("CONNECT speech.example:443")
    assert KEY not in proxy.heads[0]


def test_a_tunnel_that_hangs_ends_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{listening.getsockname()[1]}")
        error = failure("https://speech.example", within=0.2)
    assert error.sent is False
