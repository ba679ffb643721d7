"""The shared client, against real servers on 127.0.0.1 and, for what they cannot do, a transport that is a function."""

from __future__ import annotations

import gc
import pickle
import socket
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from narrate.bounds import Deadlines
from narrate.errors import EngineClosed, EngineUnavailable, Interrupted, JobError
from narrate.http import Client, key
from narrate.wire.address import Address, address, is_loopback
from tests.faults import STALE
from tests.speech_server import DROP, HANG, KEY, Reply, SpeechServer

PATH = "/v1/ai/speech/bytes"
BODY = b'{"text":"Hello there","voice":"leah","format":"wav"}'


def at(url: str) -> Address:
    return address({"URL": url}, "URL", "")


def client(server: SpeechServer, **more: Any) -> Client:
    return Client(at(server.url), engine="lmnt", headers={"X-API-Key": KEY}, secrets=(KEY,), **more)


def ask(asked: Client, **more: Any) -> Any:
    return asked.post(PATH, BODY, {"Content-Type": "application/json"}, **more)


def fails(reply: Reply, **more: Any) -> str:
    """The sentence with which a request ends that gets ``reply``."""
    with SpeechServer([reply]) as server:
        asked = client(server, **more)
        try:
            with pytest.raises(EngineUnavailable) as caught:
                ask(asked)
        finally:
            asked.close()
    assert KEY not in "".join(traceback.format_exception(caught.value))
    return str(caught.value)


def test_an_answer_comes_whole_and_the_connection_is_kept() -> None:
    with SpeechServer() as server:
        asked = client(server)
        answers = [ask(asked) for _ in range(3)]
        assert len({answer.body for answer in answers}) == 1
        assert answers[0].status == 200
        assert answers[0].headers["request-id"].startswith("req_")
        assert len(server._server._open) == 1
        assert server.requests[0].headers["user-agent"].startswith("narrate/")
        asked.close()


def test_an_answer_in_chunks_comes_whole() -> None:
    with SpeechServer([Reply(chunked=True)]) as server:
        asked = client(server)
        assert ask(asked).body == ask(asked).body
        asked.close()


@pytest.mark.parametrize(
    ("reply", "sentence"),
    [
        (DROP, "lmnt: 127.0.0.1 broke off: Server disconnected without sending a response"),
        (Reply(cut=1000), "lmnt: 127.0.0.1 broke off: peer closed connection"),
        (Reply(cut=0), "lmnt: 127.0.0.1 broke off"),
        (Reply(chunked=True, cut=1000), "lmnt: 127.0.0.1 broke off"),
        (Reply(headers=(("Content-Length", "nonsense"),), body=b"x"), "lmnt: 127.0.0.1 broke off"),
        (Reply(headers=(("Content-Encoding", "gzip"),), body=b"no gzip"), "lmnt: 127.0.0.1 answered nonsense"),
    ],
)
def test_a_broken_answer_may_heal(reply: Reply, sentence: str) -> None:
    assert fails(reply).startswith(sentence)


@pytest.mark.parametrize(
    ("reply", "deadlines", "sentence"),
    [
        (HANG, {"first_byte": 0.1}, "did not begin its answer within 0.1 s (first_byte)"),
        (Reply(drip_headers=0.01), {"first_byte": 0.1}, "did not begin its answer within 0.1 s (first_byte)"),
        (Reply(drip_headers=0.01), {"total": 0.2}, "did not complete its answer within 0.2 s (total)"),
        (HANG, {"total": 0.2}, "did not complete its answer within 0.2 s (total)"),
        (Reply(drip=0.01), {"total": 0.2}, "did not complete its answer within 0.2 s (total)"),
        (Reply(drip=0.2), {"between_bytes": 0.1}, "sent nothing for 0.1 s in the middle of its answer (between_bytes)"),
        (
            Reply(cut=100, stall=True),
            {"between_bytes": 0.1, "first_byte": 5},
            "sent nothing for 0.1 s in the middle of its answer (between_bytes)",
        ),
    ],
)
def test_deadlines_are_named(reply: Reply, deadlines: dict[str, float], sentence: str) -> None:
    started = time.monotonic()
    assert fails(reply, deadlines=Deadlines(**deadlines)) == f"lmnt: 127.0.0.1 {sentence}"
    assert time.monotonic() - started < 1


def test_a_slow_beginning_does_not_lengthen_the_silence_allowed_in_the_middle() -> None:
    reply = Reply(delay=0.3, cut=100, stall=True)
    assert "sent nothing for 0.1 s" in fails(reply, deadlines=Deadlines(first_byte=5, between_bytes=0.1))


def test_no_connection_is_named_too() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listening:
        port = listening.getsockname()[1]
        waiting = [socket.socket() for _ in range(4)]  # more than the queue holds: the next is not answered
        for each in waiting:
            each.setblocking(False)
            with suppress(BlockingIOError):
                each.connect(("127.0.0.1", port))
        asked = Client(at(f"http://127.0.0.1:{port}"), engine="lmnt", deadlines=Deadlines(connect=0.1))
        with pytest.raises(EngineUnavailable) as caught:
            ask(asked)
        asked.close()
        for each in waiting:
            each.close()
    assert str(caught.value) == "lmnt: 127.0.0.1 did not take a connection within 0.1 s (connect)"
    assert caught.value.sent is False


def test_the_deadline_also_bounds_the_headers_on_a_kept_connection() -> None:
    with SpeechServer([Reply(), Reply(drip_headers=0.01)]) as server:
        asked = client(server, deadlines=Deadlines(total=0.3))
        ask(asked)
        with pytest.raises(EngineUnavailable, match=r"within 0\.3 s"):
            ask(asked)
        asked.close()


def test_the_read_timeout_can_be_longer_for_one_request() -> None:
    with SpeechServer(latency=(0.15, 0.15)) as server:
        asked = client(server, deadlines=Deadlines(first_byte=0.05))
        assert ask(asked, first_byte_s=5).status == 200
        with pytest.raises(EngineUnavailable):
            ask(asked)
        asked.close()


def test_an_endless_answer_ends() -> None:
    assert fails(Reply(body=bytes(3_000_000)), limit=2_000_000) == "lmnt: 127.0.0.1 sent more than 2 MB for one text"


def test_nobody_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
    asked = Client(at(url), engine="lmnt")
    with pytest.raises(EngineUnavailable, match=r"lmnt: 127\.0\.0\.1 cannot be reached: .*refused") as caught:
        ask(asked)
    assert caught.value.sent is False
    asked.close()


def test_speaking_tls_to_a_server_that_does_not() -> None:
    with SpeechServer() as server:
        asked = Client(at(server.url.replace("http:", "https:")), engine="lmnt")
        with pytest.raises(EngineUnavailable, match="cannot be reached") as caught:
            ask(asked)
        assert caught.value.sent is False
        asked.close()


def mocked(handler: Callable[[httpx.Request], httpx.Response], **more: Any) -> Client:
    return Client(at("https://speech.example"), engine="lmnt", transport=httpx.MockTransport(handler), **more)


class Stream(httpx.SyncByteStream):
    def __iter__(self) -> Iterator[bytes]:
        yield b"short"


def test_less_than_the_promised_length_is_a_failure_whatever_the_transport_thinks() -> None:
    asked = mocked(lambda request: httpx.Response(200, headers={"Content-Length": "9"}, stream=Stream()))
    with pytest.raises(EngineUnavailable, match="broke off: 5 of 9 bytes came"):
        ask(asked)
    asked.close()


@pytest.mark.parametrize(
    "error",
    [
        httpx.ConnectTimeout("x"),
        httpx.ReadTimeout("x"),
        httpx.WriteTimeout("x"),
        httpx.PoolTimeout("x"),
        httpx.ConnectError("x"),
        httpx.ReadError("x"),
        httpx.WriteError("x"),
        httpx.CloseError("x"),
        httpx.ProxyError("x"),
        httpx.RemoteProtocolError("x"),
        httpx.DecodingError("x"),
        httpx.TooManyRedirects("x"),
    ],
)
def test_every_failure_of_httpx_may_heal(error: httpx.HTTPError) -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        raise error

    asked = mocked(handler)
    with pytest.raises(EngineUnavailable, match=r"^lmnt: speech\.example "):
        ask(asked)
    asked.close()


@pytest.mark.parametrize(
    "error",
    [
        httpx.LocalProtocolError(f"Illegal header value {KEY!r}"),
        httpx.InvalidURL(f"Invalid IDNA hostname {KEY!r}"),
        UnicodeError("label empty or too long"),
    ],
)
def test_a_request_that_cannot_be_made_is_for_good(error: Exception) -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        raise error

    asked = mocked(handler)
    with pytest.raises(EngineClosed) as caught:
        ask(asked)
    assert KEY not in str(caught.value)
    asked.close()


def test_a_redirect_is_not_followed() -> None:
    with SpeechServer() as other, SpeechServer([Reply(307, (("Location", f"{other.url}{PATH}"),))]) as server:
        asked = client(server)
        with pytest.raises(EngineClosed, match="redirect, which is not followed because it would carry the key"):
            ask(asked)
        assert other.requests == []
        asked.close()


def test_a_proxy_never_sees_what_goes_to_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    with SpeechServer() as proxy, SpeechServer() as server:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        asked = client(server)
        assert ask(asked).status == 200
        assert proxy.requests == []
        asked.close()


def test_closing_ends_hundreds_of_requests_in_flight_at_once() -> None:
    many = 300
    ended: list[BaseException] = []
    with SpeechServer(lambda request, seen: HANG) as server:
        asked = client(server, connections=many)

        def work() -> None:
            try:
                ask(asked)
            except BaseException as error:
                ended.append(error)

        threads = [threading.Thread(target=work) for _ in range(many)]
        for thread in threads:
            thread.start()
        deadline = time.monotonic() + 10
        while server.seen.in_flight < many and time.monotonic() < deadline:
            time.sleep(0.005)
        started = time.monotonic()
        asked.close()
        for thread in threads:
            thread.join(2)
        assert time.monotonic() - started < 1
        assert [type(error) for error in ended] == [Interrupted] * many
        assert not any(error.__context__ for error in ended)
        with pytest.raises(Interrupted):
            ask(asked)
    ended.clear()
    gc.collect()


def other(number: int) -> bytes:
    return b'{"text":"Text number %d","voice":"leah","format":"wav"}' % number


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize(
    "surplus",
    [b"x", STALE, STALE[:60], b"\r\n", STALE * 3, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"],
)
def test_what_comes_behind_an_answer_is_never_the_next_answer(surplus: bytes, chunked: bool) -> None:
    with SpeechServer() as calm:
        asked = client(calm)
        right = [asked.post(PATH, other(number), {}).body for number in range(6)]
        asked.close()
    with SpeechServer(lambda request, seen: Reply(surplus=surplus, chunked=chunked)) as server:
        asked = client(server)
        assert [asked.post(PATH, other(number), {}).body for number in range(6)] == right
        assert len(server.requests) == 6
        asked.close()


def test_what_comes_behind_an_answer_in_a_packet_of_its_own_is_not_the_next_answer_either() -> None:
    def serve(listening: socket.socket, answer: bytes) -> None:
        with listening.accept()[0] as connection:
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n" + answer)
            time.sleep(0.05)
            connection.sendall(STALE)
            done.wait(5)

    done = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        threads = [threading.Thread(target=serve, args=(listening, answer)) for answer in (b"good", b"fine")]
        asked = Client(at(f"http://127.0.0.1:{listening.getsockname()[1]}"), engine="lmnt")
        for thread, answer in zip(threads, (b"good", b"fine"), strict=True):
            thread.start()
            assert ask(asked).body == answer
            time.sleep(0.15)
        done.set()
        for thread in threads:
            thread.join()
        asked.close()


def test_a_connection_that_the_server_closed_while_it_was_idle_costs_no_attempt() -> None:
    with SpeechServer(lambda request, seen: Reply(drop_after=True)) as server:
        asked = client(server)
        for number in range(5):
            assert asked.post(PATH, other(number), {}).status == 200
            time.sleep(0.02)
        assert len(server.requests) == 5
        asked.close()


def test_surplus_costs_a_connection_and_not_its_neighbours() -> None:
    """Many at once, every third answer with something behind it: all right, and hardly one asked for twice."""
    with SpeechServer() as calm:
        asked = client(calm)
        right = {number: asked.post(PATH, other(number), {}).body for number in range(120)}
        asked.close()
    got: dict[int, bytes] = {}
    with SpeechServer(lambda request, seen: Reply(surplus=STALE) if request.number % 3 == 0 else None) as server:
        asked = client(server, connections=8)
        waiting = iter(range(120))
        lock = threading.Lock()

        def work() -> None:
            while True:
                with lock:
                    number = next(waiting, None)
                if number is None:
                    return
                while number not in got:  # now and then a thread takes the connection while it is being shut
                    with suppress(EngineUnavailable):
                        got[number] = asked.post(PATH, other(number), {}).body

        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        assert got == right
        assert len(server.requests) <= 125
        asked.close()


def test_a_request_that_went_out_may_have_been_heard() -> None:
    with SpeechServer([DROP, HANG, Reply(cut=10)]) as server:
        asked = client(server, deadlines=Deadlines(first_byte=0.1))
        for _ in range(3):
            with pytest.raises(EngineUnavailable) as caught:
                ask(asked)
            assert caught.value.sent is True
        asked.close()


def test_errors_hold_nothing_of_the_request() -> None:
    with SpeechServer([DROP]) as server:
        asked = client(server)
        with pytest.raises(EngineUnavailable) as caught:
            ask(asked)
        assert caught.value.__cause__ is None
        assert caught.value.__context__ is None
        assert KEY.encode() not in pickle.dumps(caught.value)
        with pytest.raises(TypeError, match="not copied"):
            pickle.dumps(asked)
        asked.close()


def test_neither_keys_nor_texts_go_over_plain_http_to_another_machine() -> None:
    where = at("http://speech.example")
    with pytest.raises(EngineClosed) as caught:
        Client(where, engine="lmnt", secrets=(KEY,))
    assert str(caught.value) == (
        "lmnt: the key and the texts would travel unencrypted to speech.example; use https in URL, "
        "or set NARRATE_ALLOW_HTTP=1 if that network is yours"
    )
    assert caught.value.sent is False
    with pytest.raises(EngineClosed, match="lmnt: the texts would travel unencrypted"):
        Client(where, engine="lmnt")
    for allowed in (
        Client(where, engine="lmnt", secrets=(KEY,), allow_http=True),
        Client(at("https://speech.example"), engine="lmnt", secrets=(KEY,)),
        Client(at("http://[::1]:8080"), engine="lmnt", secrets=(KEY,)),
    ):
        allowed.close()


@pytest.mark.parametrize(
    ("host", "here"),
    [
        ("localhost", True),
        ("tts.localhost", True),
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("localhost.example.com", False),
        ("127.0.0.1.example.com", False),
        ("192.168.1.2", False),
        ("0.0.0.0", False),
    ],
)
def test_what_this_machine_is(host: str, here: bool) -> None:
    assert is_loopback(host) is here


@pytest.mark.parametrize(
    ("text", "url", "server"),
    [
        ("", "https://api.lmnt.com", "api.lmnt.com"),
        ("http://localhost:8899/", "http://localhost:8899", "localhost"),
        ("http://127.0.0.1:1/p/", "http://127.0.0.1:1/p", "localhost/p"),
        ("http://[::1]:8080", "http://[::1]:8080", "localhost"),
        ("https://TTS.example:8443/v1", "https://TTS.example:8443/v1", "tts.example:8443/v1"),
    ],
)
def test_addresses(text: str, url: str, server: str) -> None:
    where = address({"LMNT_BASE_URL": text}, "LMNT_BASE_URL", "https://api.lmnt.com")
    assert (where.url, where.server) == (url, server)


@pytest.mark.parametrize(
    "text",
    [
        "api.lmnt.com",
        "ftp://x",
        "https://",
        "https://user:hunter2@x",
        "https://x?key=hunter2",
        "https://x#a",
        "http://x:port",
        "http://a b",
        "http://[::1",
        "https://api..lmnt.com",
        f"https://{'a' * 64}.com",
        "https://xn--a.com",
    ],
)
def test_what_is_no_address_is_not_repeated(text: str) -> None:
    with pytest.raises(JobError, match=r"^LMNT_BASE_URL must be an") as caught:
        address({"LMNT_BASE_URL": text}, "LMNT_BASE_URL", "")
    assert "hunter2" not in str(caught.value)


def test_keys_come_from_the_environment_or_a_file_named_there(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(f"{KEY}\n")
    assert key({}, "K", "lmnt") == ""
    assert key({"K": f" {KEY}\n"}, "K", "lmnt") == KEY
    assert key({"K_FILE": str(file)}, "K", "lmnt") == KEY
    assert key({"K": "first", "K_FILE": str(file)}, "K", "lmnt") == "first"


def test_key_files_that_cannot_be_used_and_whose_name_is_not_repeated(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    for name, reason in (
        (KEY, "cannot be read: no such file"),
        (str(tmp_path), "cannot be read: is a directory"),
        (str(tmp_path / "empty"), "is empty"),
        (str(tmp_path / "binary"), "it is not a text file"),
    ):
        with pytest.raises(EngineClosed, match=reason) as caught:
            key({"K_FILE": name}, "K", "lmnt")
        assert name not in str(caught.value)


@pytest.mark.parametrize("bad", ["two words", "line\nbreak", "schlüssel", "tab\there"])
def test_a_key_that_no_header_can_carry(bad: str) -> None:
    with pytest.raises(EngineClosed, match="holds blanks or signs that no key has") as caught:
        key({"K": bad}, "K", "lmnt")
    assert bad not in str(caught.value)
