"""Speech Sessions over real sockets on 127.0.0.1."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import socket
import sys
import time
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection
from websockets.http11 import Request, Response

from narrate.errors import EngineClosed, EngineError, EngineRefused, EngineUnavailable, JobError
from narrate.session import PIECE, SpeechSession, Spoken
from narrate.wire.session import PATH, Message, Text
from tests.session_server import KEY, REQUEST_ID, Peer, session_server, speaks

TEXT = "The ferry leaves at noon."


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LMNT_API_KEY_FILE", "LMNT_BASE_URL", "NARRATE_ALLOW_HTTP"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LMNT_API_KEY", KEY)


def converse(
    talk: Callable[[SpeechSession], Awaitable[Any]],
    script: Callable[[Peer], Awaitable[None]] = speaks,
    *,
    server: dict[str, Any] | None = None,
    **options: Any,
) -> Any:
    """What ``talk`` makes of a session with ``script``."""

    async def main() -> Any:
        async with (
            session_server(script, **(server or {})) as url,
            SpeechSession(base_url=url, **options) as session,
        ):
            return await talk(session)

    return asyncio.run(asyncio.wait_for(main(), 10))


async def rest(session: SpeechSession) -> list[Message]:
    return [message async for message in session]


def sound(messages: list[Message]) -> str:
    return b"".join(message.audio for message in messages).decode()


# --- what goes well -----------------------------------------------------------------------------------------------


def test_text_becomes_speech() -> None:
    async def talk(session: SpeechSession) -> None:
        for piece in ("The fer", "ry lea", "", "ves at noon."):
            await session.append_text(piece)
        await session.finish()
        await session.finish()
        messages = await rest(session)
        assert [message.type for message in messages] == ["ready", "audio", "timestamps"]
        assert sound(messages) == TEXT
        assert messages[2].timestamps[0].text == "The"
        assert session.request_id == REQUEST_ID
        assert session.spoken == Spoken(len(TEXT), 5.0, TEXT + " ")
        assert await rest(session) == []

    converse(talk, return_timestamps=True)


def test_a_session_can_be_opened_without_a_block() -> None:
    async def main() -> None:
        async with session_server() as url:
            session = await SpeechSession.connect("leah", base_url=url)
            await session.append_text(TEXT)
            await session.finish()
            assert sound(await rest(session)) == TEXT
            assert session.spoken == Spoken(len(TEXT), None, "")
            await session.close()
            await session.close()

    asyncio.run(main())


def test_options_reach_the_server() -> None:
    seen = []

    async def script(peer: Peer) -> None:
        opening = await peer.opens()
        seen.append((opening, peer.socket.request.headers["User-Agent"] if peer.socket.request else ""))

    async def talk(session: SpeechSession) -> None:
        await session.finish()
        await rest(session)

    converse(talk, script, voice="brandon", format="ulaw", sample_rate=8000, language="de", return_timestamps=True)
    [(opening, agent)] = seen
    assert (opening.key, opening.voice, opening.format, opening.sample_rate) == (KEY, "brandon", "ulaw", 8000)
    assert (opening.language, opening.timestamps, opening.dialect, opening.version) == ("de", True, "typed", (1, 2))
    assert agent.startswith("narrate/")


def test_flushes_are_numbered_and_acknowledged() -> None:
    async def talk(session: SpeechSession) -> None:
        await session.append_text("One.")
        assert await session.flush() == 1
        await session.append_text("Two.")
        assert await session.flush() == 2
        await session.finish()
        kinds = [(message.type, message.nonce, message.audio) for message in await rest(session)]
        assert kinds == [
            ("ready", None, b""),
            ("audio", None, b"One."),
            ("flush_complete", 1, b""),
            ("audio", None, b"Two."),
            ("flush_complete", 2, b""),
        ]

    converse(talk)


def test_two_tasks_may_write_and_read_at_once() -> None:
    async def write(session: SpeechSession) -> None:
        for number in range(200):
            await session.append_text(f"{number} ")
            if number % 10 == 9:
                await session.flush()
        await session.finish()

    async def talk(session: SpeechSession) -> None:
        _, messages = await asyncio.gather(write(session), rest(session))
        assert sound(messages) == "".join(f"{number} " for number in range(200))

    converse(talk)


def test_a_long_text_is_sent_in_pieces_that_a_server_takes() -> None:
    text = "ü😀" * PIECE

    async def talk(session: SpeechSession) -> None:
        await session.append_text(text)
        await session.finish()
        assert sound(await rest(session)) == text

    converse(talk)


@pytest.mark.parametrize("size", [1_048_576, 1_048_577, 16 * 1024 * 1024])
def test_large_frames_are_taken(size: int) -> None:
    async def script(peer: Peer) -> None:
        await peer.opens()
        await peer.says(bytes(size))

    async def talk(session: SpeechSession) -> None:
        await session.finish()
        assert sum(len(message.audio) for message in await rest(session)) == size

    converse(talk, script)


def test_a_slow_reader_is_not_taken_for_dead() -> None:
    """All is taken in at once, so that a pong behind it is seen."""

    async def script(peer: Peer) -> None:
        await peer.opens()
        for _ in range(1000):
            await peer.says(bytes(10_000))
        await (await peer.socket.ping())

    async def talk(session: SpeechSession) -> None:
        await session.finish()
        assert session._socket is not None
        await session._socket.wait_closed()
        assert len(await rest(session)) == 1001

    converse(talk, script)


def test_newer_messages_are_passed_over() -> None:
    async def script(peer: Peer) -> None:
        await peer.opens()
        await peer.says('{"type": "mood", "mood": "sunny"}', b"sound")

    async def talk(session: SpeechSession) -> None:
        await session.finish()
        assert [message.type for message in await rest(session)] == ["ready", "audio"]

    converse(talk, script)


# --- reset and close ----------------------------------------------------------------------------------------------


def test_after_a_reset_stale_speech_is_dropped() -> None:
    async def script(peer: Peer) -> None:
        await peer.opens()
        text = await peer.hears()
        assert isinstance(text, Text)
        await peer.speaks(text.text)  # on its way while the client resets
        reset = await peer.hears()
        await peer.speaks("Late.")
        await peer.says(peer.side.reset_complete(reset.nonce))  # type: ignore[union-attr]
        peer.second = 0.0
        await peer.speaks("New.")

    async def talk(session: SpeechSession) -> None:
        assert (await anext(session)).type == "ready"
        await session.append_text("Old.")
        assert await session.reset() == 1
        await session.finish()
        kinds = [(message.type, message.nonce, message.audio) for message in await rest(session)]
        assert kinds == [("reset_complete", 1, b""), ("audio", None, b"New."), ("timestamps", None, b"")]
        assert session.spoken == Spoken(4, 1.0, "New. ")

    converse(talk, script, return_timestamps=True)


def test_a_reset_may_come_after_finish() -> None:
    async def script(peer: Peer) -> None:
        await peer.opens()
        await peer.hears()
        reset = await peer.hears()
        await peer.says(peer.side.reset_complete(reset.nonce))  # type: ignore[union-attr]

    async def talk(session: SpeechSession) -> None:
        await session.finish()
        await session.reset()
        assert [message.type for message in await rest(session)] == ["ready", "reset_complete"]

    converse(talk, script)


def test_close_ends_the_iteration_of_another_task() -> None:
    async def talk(session: SpeechSession) -> None:
        reader = asyncio.create_task(rest(session))
        await session.append_text("never spoken")
        while not session.request_id:
            await asyncio.sleep(0.001)
        await session.close()
        assert [message.type for message in await reader] == ["ready"]
        with pytest.raises(EngineRefused, match="not open"):
            await session.append_text("more")

    converse(talk)


def test_what_cannot_be_done_is_said_at_once() -> None:
    async def talk(session: SpeechSession) -> None:
        await session.finish()
        for late in (session.append_text("more"), session.flush()):
            with pytest.raises(EngineRefused, match="after finish"):
                await late
        await rest(session)
        with pytest.raises(EngineRefused, match="has ended"):
            await session.reset()
        with pytest.raises(EngineRefused, match="opened once"):
            await session.__aenter__()

    converse(talk)


def test_a_session_that_is_not_open_says_so() -> None:
    async def main() -> None:
        session = SpeechSession(base_url="http://127.0.0.1:9")
        with pytest.raises(EngineRefused, match="not open"):
            await session.append_text("text")
        with pytest.raises(EngineRefused, match="not open"):
            await anext(session)
        await session.close()

    asyncio.run(main())


# --- errors that a server tells -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "failure", "hint"),
    [
        ("authentication_error", EngineClosed, "; check the key"),
        ("payment_required_error", EngineClosed, "; the account has no money"),
        ("permission_error", EngineClosed, "; the key may not"),
        ("not_found_error", EngineClosed, "; check the voice"),
        ("invalid_request_error", EngineRefused, ""),
        ("rate_limit_error", EngineUnavailable, "; try again later"),
        ("internal_server_error", EngineUnavailable, ""),
    ],
)
def test_errors_are_raised_by_class(kind: str, failure: type[EngineError], hint: str) -> None:
    async def script(peer: Peer) -> None:
        await peer.opens()
        await peer.says(b"a little", peer.side.error(kind, "Something\nis wrong.", "req_of_the_error"))

    async def talk(session: SpeechSession) -> None:
        with pytest.raises(failure) as told:
            await rest(session)
        assert type(told.value) is failure
        assert str(told.value).startswith(f"lmnt: Something is wrong{hint}")
        assert told.value.request_id == "req_of_the_error"
        assert getattr(told.value, "throttled", False) == (kind == "rate_limit_error")
        assert session.spoken.audio_bytes == 8
        with pytest.raises(failure):  # and again, instead of some other
            await anext(session)

    converse(talk, script)


def test_a_wrong_key_is_refused_and_not_repeated(caplog: pytest.LogCaptureFixture) -> None:
    wrong = "wrong-key-77d2e9b1"

    async def talk(session: SpeechSession) -> None:
        with pytest.raises(EngineClosed, match=r"Invalid API key: \[key\]; check the key") as told:
            await rest(session)
        assert wrong not in repr(told.value)
        assert told.value.__context__ is None

    caplog.set_level(logging.DEBUG)
    converse(talk, api_key=wrong)
    ours = [record.getMessage() for record in caplog.records if record.name == "websockets.client"]
    assert any('"X-API-Key": "[key]' in line for line in ours)
    assert not any("77d2e9" in line for line in ours)


def test_who_only_writes_learns_why_as_well() -> None:
    """The server's error waits unread: a writer must not be told that the connection is gone, and no more."""

    async def talk(session: SpeechSession) -> None:
        with pytest.raises(EngineClosed, match="check the key"):
            while True:
                await session.append_text("word ")
        with pytest.raises(EngineClosed, match="check the key"):
            await rest(session)
        with pytest.raises(EngineClosed, match="check the key"):
            await session.flush()

    converse(talk, api_key="wrong-key-77d2e9b1")


def test_what_came_before_the_error_is_still_delivered() -> None:
    async def script(peer: Peer) -> None:
        await peer.opens()
        await peer.says(b"a little", peer.side.error("internal_server_error", "out of order", ""))

    async def talk(session: SpeechSession) -> None:
        with pytest.raises(EngineUnavailable, match="out of order"):
            while True:
                await session.append_text("word ")
        assert [(await anext(session)).type for _ in range(2)] == ["ready", "audio"]
        with pytest.raises(EngineUnavailable, match="out of order"):
            await anext(session)

    converse(talk, script)


def test_nonsense_is_a_failure_too() -> None:
    async def script(peer: Peer) -> None:
        await peer.opens()
        await peer.says("<html>")

    async def talk(session: SpeechSession) -> None:
        with pytest.raises(EngineUnavailable, match="not a JSON object"):
            await rest(session)

    converse(talk, script)


# --- connections that break ---------------------------------------------------------------------------------------


def test_a_dropped_session_tells_how_far_it_came() -> None:
    async def script(peer: Peer) -> None:
        await peer.opens()
        await peer.speaks("The ferry leaves")
        await peer.says(peer.side.flush_complete(1))
        peer.second = 0.0
        await peer.speaks("at")
        for _ in range(3):
            await peer.hears()
        peer.cuts()

    async def talk(session: SpeechSession) -> None:
        await session.flush()
        await session.append_text("at noon")
        await session.flush()
        with pytest.raises(EngineUnavailable) as told:
            await rest(session)
        assert str(told.value) == (
            "lmnt: 127.0.0.1 dropped the session (1006) after 18 bytes of audio, 4.0 s, "
            'up to "The ferry leaves at"; 1 of 2 flushes acknowledged'
        )
        assert told.value.request_id == REQUEST_ID
        assert session.spoken == Spoken(18, 4.0, "The ferry leaves at ")
        with pytest.raises(EngineUnavailable, match="dropped"):
            await session.append_text("more")

    converse(talk, script, return_timestamps=True)


@pytest.mark.parametrize(
    ("code", "reason", "finished", "told"),
    [
        (1000, "", False, r"dropped the session \(1000\)"),
        (1011, "out of order", True, r"\(1011: out of order\)"),
        (1001, f"key {KEY}", True, r"\(1001: key \[key\]\)"),
        (4000, "", True, r"\(4000\) after 0 bytes of audio; 0 of 0 flushes"),
    ],
)
def test_every_end_but_a_clean_one_is_a_failure(code: int, reason: str, finished: bool, told: str) -> None:
    async def script(peer: Peer) -> None:
        await peer.opens()
        if finished:
            await peer.hears()
        await peer.socket.close(code, reason)

    async def talk(session: SpeechSession) -> None:
        if finished:
            await session.finish()
        with pytest.raises(EngineUnavailable, match=told):
            await rest(session)

    converse(talk, script)


def test_a_frame_beyond_all_measure_is_refused() -> None:
    async def script(peer: Peer) -> None:
        await peer.opens()
        await peer.says(bytes(16 * 1024 * 1024 + 1))
        await peer.hears()

    async def talk(session: SpeechSession) -> None:
        with pytest.raises(EngineUnavailable, match=r"1009: a message of more than 16,777,216 bytes"):
            await rest(session)

    converse(talk, script)


def test_a_refused_connection() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"

        async def main() -> None:
            with pytest.raises(EngineUnavailable, match=r"127\.0\.0\.1 cannot be reached: ") as told:
                await SpeechSession.connect(base_url=url)
            assert not told.value.sent

        asyncio.run(main())


@pytest.mark.parametrize(
    ("status", "headers", "failure", "words"),
    [
        (503, {"Retry-After": "7"}, EngineUnavailable, "answered 503 instead of opening a session: no room"),
        (404, {}, EngineUnavailable, "answered 404"),
        (307, {"Location": "https://example.org/"}, EngineClosed, "a redirect, which is not followed"),
    ],
)
def test_a_refused_upgrade(status: int, headers: dict[str, str], failure: type[EngineError], words: str) -> None:
    def refuse(connection: ServerConnection, request: Request) -> Response:
        answer = connection.respond(HTTPStatus(status), "no room")
        for name, value in headers.items():
            answer.headers[name] = value
        return answer

    async def talk(session: SpeechSession) -> None:
        raise AssertionError("there is no session")

    with pytest.raises(failure, match=words) as told:
        converse(talk, server={"process_request": refuse})
    assert getattr(told.value, "retry_after", None) == (7.0 if status == 503 else None)


@pytest.mark.parametrize("answer", [b"", b"SSH-2.0-OpenSSH_9.6\r\n\r\n", b"HTTP/1.1 101 Yes\r\n\r\n"])
def test_a_server_of_another_kind(answer: bytes) -> None:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        writer.close()

    async def main() -> None:
        async with await asyncio.start_server(greet, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            with pytest.raises(EngineUnavailable, match="does not speak WebSocket"):
                await SpeechSession.connect(base_url=f"http://127.0.0.1:{port}")

    asyncio.run(main())


def test_a_server_that_never_answers() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"

        async def main() -> None:
            with pytest.raises(EngineUnavailable, match=r"did not open a session within 0\.05 s"):
                await SpeechSession.connect(base_url=url, timeout=0.05)

        started = time.monotonic()
        asyncio.run(main())
        assert time.monotonic() - started < 2
    gc.collect()  # a socket left open would be a warning, and so an error


# --- addresses and keys -------------------------------------------------------------------------------------------


def test_the_environment_names_the_server_and_the_key(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(f"{KEY}\n")
    monkeypatch.delenv("LMNT_API_KEY")
    monkeypatch.setenv("LMNT_API_KEY_FILE", str(file))

    async def script(peer: Peer) -> None:
        assert (await peer.opens()).key == KEY

    async def main() -> None:
        async with session_server(script, path=f"/a/prefix{PATH}") as url:
            monkeypatch.setenv("LMNT_BASE_URL", f"{url}/")
            async with SpeechSession() as session:
                await session.finish()
                assert [message.type for message in await rest(session)] == ["ready"]

    asyncio.run(main())


def test_a_server_on_this_machine_needs_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LMNT_API_KEY")

    async def script(peer: Peer) -> None:
        assert (await peer.opens()).key == ""

    async def talk(session: SpeechSession) -> None:
        await session.finish()
        await rest(session)

    converse(talk, script)
    with pytest.raises(EngineClosed, match="there is no key; put it into LMNT_API_KEY"):
        SpeechSession(base_url="https://speech.example.org")


def test_the_key_does_not_travel_in_clear(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(EngineClosed, match=r"unencrypted to speech\.example\.org; use https in base_url"):
        SpeechSession(base_url="http://speech.example.org")
    monkeypatch.setenv("LMNT_BASE_URL", "http://speech.example.org")
    with pytest.raises(EngineClosed, match="use https in LMNT_BASE_URL"):
        SpeechSession()
    monkeypatch.setenv("NARRATE_ALLOW_HTTP", "1")
    SpeechSession()


@pytest.mark.parametrize("url", ["ftp://127.0.0.1", "127.0.0.1:8080", "http://127.0.0.1/?key=1", ""])
def test_an_address_that_is_none(url: str) -> None:
    with pytest.raises(JobError, match="base_url must be an"):
        SpeechSession(base_url=url)


def test_a_key_that_is_none() -> None:
    with pytest.raises(EngineClosed, match="the key in api_key holds blanks"):
        SpeechSession(api_key="two words")


def test_a_proxy_is_not_asked_for_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "ws_proxy", "socks_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
        monkeypatch.delenv("no_proxy", raising=False)

    async def talk(session: SpeechSession) -> None:
        await session.append_text(TEXT)
        await session.finish()
        assert sound(await rest(session)) == TEXT

    converse(talk)


def test_a_proxy_that_is_not_there_is_named_without_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://user:pass-77d2e9b1@127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)

    async def main() -> None:
        with pytest.raises(EngineUnavailable, match=r"speech\.example\.org cannot be reached") as told:
            await SpeechSession.connect(base_url="https://speech.example.org", timeout=5)
        assert "77d2" not in f"{told.value!r} {told.value.__context__!r}"

    asyncio.run(main())


def test_the_sample_speaks_through_any_server(tmp_path: Path) -> None:
    sample = Path(__file__).parent.parent / "samples" / "live_story.py"

    async def main() -> None:
        async with session_server() as url:
            given = {name: value for name, value in os.environ.items() if not name.endswith("_API_KEY")}
            program = await asyncio.create_subprocess_exec(
                sys.executable, str(sample), cwd=tmp_path, env={**given, "LMNT_BASE_URL": url}
            )
            assert await program.wait() == 0

    asyncio.run(main())
    assert (tmp_path / "output.mp3").read_text().startswith("The last ferry of the year left at noon. ")
