"""LMNT's surface over real HTTP, by plain requests: what is answered, refused, charged and noted."""

from __future__ import annotations

import base64
import json
import socket
import threading
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from narrate.booth import Booth
from narrate.delivery import Delivery
from narrate.errors import AudioError, EngineClosed, EngineRefused, EngineUnavailable, LimitReached, NarrateError
from narrate.job import Job
from narrate.server.answers import Bounds
from narrate.wire import speech
from tests.server.servers import Served, decoded, eventually, serving

BYTES = speech.SPEECH_BYTES
TEXT = "Hello there, all of you."
PARAGRAPHS = "One moment, please.\n\nThe second paragraph comes after a pause."


def asked(text: str = TEXT, **changes: Any) -> dict[str, Any]:
    return {"text": text, "voice": "leah", **changes}


def refusal(response: httpx.Response) -> tuple[int, str, str]:
    """Status, type and message; only these two fields are in LMNT's envelope."""
    error = response.json()["error"]
    assert set(error) == {"type", "message"}
    assert response.headers["request-id"].startswith("req_")
    return response.status_code, error["type"], error["message"]


# --- speech ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rate", speech.RATES)
@pytest.mark.parametrize("name", speech.FORMATS)
def test_every_format_decodes(client: httpx.Client, name: str, rate: int) -> None:
    response = client.post(BYTES, json=asked(format=name, sample_rate=rate))
    assert response.status_code == 200
    assert response.headers["content-type"] == speech.FORMATS[name].content_type
    assert ("content-length" in response.headers) == (name in ("wav", "aac"))
    samples, found = decoded(response.content, name, rate)
    assert found == (48000 if name == "webm" else rate)
    assert len(samples) / found == pytest.approx(0.24, abs=0.3)


def test_wav_tells_its_true_size(client: httpx.Client) -> None:
    audio = client.post(BYTES, json=asked(format="wav")).content
    assert int.from_bytes(audio[4:8], "little") == len(audio) - 8


def test_a_long_text_comes_in_pieces(client: httpx.Client) -> None:
    with client.stream("POST", BYTES, json=asked(TEXT * 100, format="pcm_s16le")) as response:
        pieces = [len(piece) for piece in response.iter_raw()]
    assert len(pieces) > 2
    assert sum(pieces) == pytest.approx(2 * 24000 * 24, rel=0.1)


@pytest.mark.parametrize("name", speech.FORMATS)
def test_the_detailed_answer_is_the_same_sound(client: httpx.Client, name: str) -> None:
    detailed = client.post(speech.SPEECH, json=asked(format=name)).json()
    assert set(detailed) == {"audio", "seed"}
    plain = decoded(client.post(BYTES, json=asked(format=name)).content, name, 24000)
    assert np.array_equal(decoded(base64.b64decode(detailed["audio"]), name, 24000)[0], plain[0])


@pytest.mark.parametrize(
    "text",
    [TEXT, PARAGRAPHS, "  a-b  c’d… (1,5 €) e.g. 3.14!  ", "日本語のテキスト。", "नमस्ते दुनिया", "a\x00b\x07c", "𝒳𝒴 é ﬁ"],
)
def test_times_rise_and_are_the_text(client: httpx.Client, text: str) -> None:
    message = client.post(speech.SPEECH, json=asked(text, format="pcm_s16le", return_timestamps=True)).json()
    times = message["timestamps"]
    assert "".join(entry["text"] for entry in times) == text
    assert times[0]["start"] == 0.0
    assert all(before["start"] + before["duration"] <= after["start"] + 1e-5 for before, after in pairwise(times))
    end = times[-1]["start"] + times[-1]["duration"]
    assert end == pytest.approx(len(base64.b64decode(message["audio"])) / 2 / 24000, abs=0.001)
    assert speech.words(times)  # narrate's own client believes them


def test_times_of_a_later_paragraph_begin_behind_the_pause(client: httpx.Client) -> None:
    times = client.post(speech.SPEECH, json=asked(PARAGRAPHS, return_timestamps=True)).json()["timestamps"]
    starts = {entry["text"]: entry["start"] for entry in times}
    assert starts["The"] > starts["please"] + 0.5


@pytest.mark.parametrize(
    ("version", "fields", "names"),
    [
        ("1.2", {}, set()),
        ("1.1", {"return_timestamps": True}, {"timestamps"}),
        ("1.0", {"return_durations": True}, {"durations", "seed"}),
        ("", {"return_durations": True, "seed": 5}, {"durations", "seed"}),
        ("1.2", {"return_durations": True, "return_timestamps": True}, {"durations", "timestamps"}),
    ],
)
def test_old_and_new_clients_get_the_fields_they_read(
    client: httpx.Client, version: str, fields: dict[str, Any], names: set[str]
) -> None:
    headers = {"lmnt-version": version} if version else {}
    message = client.post(speech.SPEECH, json=asked(**fields), headers=headers).json()
    assert set(message) - {"audio"} == names
    assert message.get("seed", 0) == fields.get("seed", 0)


def test_speed_changes_the_length_and_the_times(client: httpx.Client) -> None:
    slow, fast = (
        client.post(speech.SPEECH, json=asked(TEXT * 5, format="pcm_s16le", speed=speed, return_timestamps=True)).json()
        for speed in (0.5, 2)
    )
    lengths = [len(base64.b64decode(message["audio"])) for message in (slow, fast)]
    assert lengths[0] / lengths[1] == pytest.approx(4, rel=0.05)
    assert slow["timestamps"][-1]["start"] / fast["timestamps"][-1]["start"] == pytest.approx(4, rel=0.05)


def test_the_same_text_is_the_same_bytes(client: httpx.Client) -> None:
    first, again = (client.post(BYTES, json=asked(PARAGRAPHS)).content for _ in range(2))
    assert first == again


def test_sound_and_silence_are_where_they_should_be(client: httpx.Client) -> None:
    samples, _ = decoded(client.post(BYTES, json=asked(PARAGRAPHS, format="pcm_s16le")).content, "pcm_s16le", 24000)
    loud = np.abs(samples.astype(int)) > 500
    assert loud[:480].any()
    assert loud[-480:].any()
    first = len("One moment, please.") * 240
    assert not loud[first + 10 : first + 12000].any()


# --- refusals -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        (b"", 400, "not JSON"),
        (b"[]", 400, "must be a JSON object"),
        (json.dumps(asked("...")).encode(), 400, "nothing to say"),
        (json.dumps(asked("😀 —")).encode(), 400, "nothing to say"),
        (json.dumps(asked("a" * 5001)).encode(), 400, "longer than 5,000"),
        (json.dumps(asked(voice="nobody")).encode(), 404, "voice 'nobody' not found; GET /v1/ai/voice/list"),
        (json.dumps(asked(voice="leaj")).encode(), 404, "did you mean 'leah'?"),
        (json.dumps(asked(voice="Zoë")).encode(), 404, "voice 'Zoë' not found"),
        (json.dumps(asked("a" * 300_000)).encode(), 413, "larger than 262,144 bytes"),
    ],
)
@pytest.mark.parametrize("path", [BYTES, speech.SPEECH])
def test_what_cannot_be_spoken(client: httpx.Client, path: str, body: bytes, status: int, words: str) -> None:
    kind = "not_found_error" if status == 404 else "invalid_request_error"
    answered, type_, message = refusal(client.post(path, content=body))
    assert (answered, type_) == (status, kind)
    assert words in message


@pytest.mark.parametrize("text", ["𝒳" * 5000, "e" * 5000, "\U0001f600a" * 2500])
def test_five_thousand_characters_are_taken(client: httpx.Client, text: str) -> None:
    """Beyond the BMP a client may write each as two escapes: twelve bytes."""
    response = client.post(BYTES, content=json.dumps(asked(text, format="ulaw")))
    assert response.status_code == 200


def test_a_body_may_come_in_chunks(client: httpx.Client) -> None:
    body = json.dumps(asked()).encode()
    response = client.post(BYTES, content=iter([body[:5], body[5:20], body[20:]]))
    assert response.content == client.post(BYTES, content=body).content


def test_a_chunked_body_is_cut_off_where_it_is_too_large(client: httpx.Client) -> None:
    assert refusal(client.post(BYTES, content=(b"a" * 10_000 for _ in range(40))))[0] == 413


def test_a_kind_of_content_is_not_insisted_on(client: httpx.Client) -> None:
    for kind in ("text/plain", "application/octet-stream", "application/x-www-form-urlencoded"):
        assert client.post(BYTES, content=json.dumps(asked()), headers={"content-type": kind}).status_code == 200


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "PUT", "PATCH", "DELETE"])
def test_other_methods_are_told_which_is_right(client: httpx.Client, method: str) -> None:
    response = client.request(method, BYTES)
    assert response.status_code == 405
    assert response.headers["allow"] == "POST"


@pytest.mark.parametrize(
    "path", ["/", "/v1", "/v1/ai/speech/", "/v1/ai/speech/convert", "//v1/account", "/v1/ai/voice/"]
)
def test_there_is_nothing_elsewhere(client: httpx.Client, path: str) -> None:
    assert refusal(client.post(path))[:2] in ((404, "not_found_error"), (405, "invalid_request_error"))


def exchanged(server: Served, *pieces: bytes) -> bytes:
    """What comes back for ``pieces``, sent one after the other, when the other end then says no more."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as connection:
        for piece in pieces:
            connection.sendall(piece)
            time.sleep(0.01)
        connection.shutdown(socket.SHUT_WR)
        got = b""
        while data := connection.recv(65536):
            got += data
        return got


HEAD = f"POST {BYTES} HTTP/1.1\r\nHost: 127.0.0.1\r\n".encode()


def test_who_expects_to_be_told_to_go_on_is_told(server: Served) -> None:
    body = json.dumps(asked(format="wav")).encode()
    head = HEAD + b"Connection: close\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(body)
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as connection:
        connection.sendall(head)
        assert connection.recv(1000).startswith(b"HTTP/1.1 100 ")
        connection.sendall(body)
        assert connection.recv(1000).startswith(b"HTTP/1.1 200 ")


def test_who_promises_too_much_is_not_told_to_go_on(server: Served) -> None:
    assert exchanged(server, HEAD + b"Expect: 100-continue\r\nContent-Length: 999999\r\n\r\n")[:12] == b"HTTP/1.1 413"


def test_a_client_that_leaves_in_its_body_is_no_failure_of_ours(server: Served) -> None:
    before = len(server.lines)
    exchanged(server, HEAD + b"Content-Length: 100\r\n\r\n{")
    assert eventually(lambda: len(server.lines) > before)
    line = server.lines[-1]
    assert line["status"] in (400, 499)
    assert "detail" not in line


@pytest.mark.parametrize("path", [BYTES, speech.SPEECH])
def test_nothing_more_is_spoken_for_a_client_that_has_left(
    server: Served, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoken, left, before = [0], threading.Event(), len(server.lines)
    take = Booth.take

    def wait(self: Booth, *args: Any) -> Any:
        spoken[0] += 1
        left.wait(5)
        return take(self, *args)

    monkeypatch.setattr(Booth, "take", wait)
    body = json.dumps(asked(PARAGRAPHS * 20)).encode()
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as connection:
        connection.sendall(f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(body)}\r\n\r\n".encode())
        connection.sendall(body)
        assert eventually(lambda: spoken[0] > 0)
    assert eventually(lambda: len(server.lines) > before)
    assert (server.lines[-1]["status"], server.lines[-1]["error"]) == (499, "invalid_request_error")
    left.set()
    assert eventually(lambda: server.metric("narrate_chunks_waiting") == 0)
    assert spoken[0] == 1
    with server.premises.stage.place():
        assert server.premises.stage._taken == 1


def test_a_body_that_does_not_come_is_not_waited_for() -> None:
    with serving(bounds=Bounds(body_s=0.05)) as server:
        answer = exchanged(server, HEAD + b"Content-Length: 100\r\n\r\n", b"{", b'"', b"t", b"e", b"x", b"t", b'"')
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert b"the body did not arrive in time" in answer


# --- the server's own troubles ---------------------------------------------------------------------------------------


@pytest.fixture
def broken(server: Served, monkeypatch: pytest.MonkeyPatch) -> Callable[[Exception], None]:
    """Have the engine fail."""

    def fail(error: Exception) -> None:
        def take(*args: object) -> None:
            raise error

        monkeypatch.setattr(type(server.premises.stage.booth), "take", take)

    return fail


SECRET = "upstream.example/secret"


@pytest.mark.parametrize(
    ("error", "status", "kind", "words"),
    [
        (EngineRefused("tone: not this text", engine="tone"), 400, "invalid_request_error", "tone: not this text"),
        (EngineUnavailable(SECRET, engine="tone"), 503, "internal_server_error", "does not answer now"),
        (EngineUnavailable(SECRET, engine="tone", retry_after=2e6), 503, "internal_server_error", "not answer now"),
        (EngineClosed(SECRET, engine="tone"), 500, "internal_server_error", "cannot speak now"),
        (LimitReached(SECRET, ()), 402, "payment_required_error", "a limit of this server"),
        (AudioError(SECRET), 500, "internal_server_error", "its log says why"),
        (ZeroDivisionError(SECRET), 500, "internal_server_error", "its log says why"),
    ],
)
@pytest.mark.parametrize("path", [BYTES, speech.SPEECH])
def test_failures_are_told_and_their_reasons_are_kept(
    server: Served,
    client: httpx.Client,
    broken: Callable[[Exception], None],
    path: str,
    error: Exception,
    status: int,
    kind: str,
    words: str,
) -> None:
    broken(error)
    used = client.get(speech.ACCOUNT).json()["usage"]["characters"]
    response = client.post(path, json=asked())
    answered, type_, message = refusal(response)
    assert (answered, type_) == (status, kind)
    assert words in message
    assert SECRET not in message
    line = server.line(response)
    if isinstance(error, EngineRefused):
        assert "detail" not in line, "an engine's words about a text may quote it"
    elif isinstance(error, NarrateError):
        assert line["detail"] == str(error)
    if isinstance(error, NarrateError):
        assert client.get(speech.ACCOUNT).json()["usage"]["characters"] == used
    else:
        assert line["detail"].startswith("ZeroDivisionError at test_lmnt.py:")
    if status == 503:
        assert int(response.headers["retry-after"]) >= 1


def test_an_answer_that_breaks_off_is_not_taken_for_a_whole_one(
    server: Served, client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoken: list[object] = []
    add = Delivery.add

    def break_off(self: Delivery, *args: Any) -> Any:
        spoken.append(args)
        if len(spoken) > 2:
            raise AudioError("no more")
        return add(self, *args)

    monkeypatch.setattr(Delivery, "add", break_off)
    with pytest.raises(httpx.RemoteProtocolError):
        client.post(BYTES, json=asked(PARAGRAPHS * 5, format="pcm_s16le"))
    assert eventually(lambda: server.lines[-1].get("detail") == "no more")


def test_more_than_there_is_room_for_is_turned_away() -> None:
    with serving(bounds=Bounds(requests=1)) as server, httpx.Client(base_url=server.url, trust_env=False) as client:
        with server.premises.stage.place():
            response = client.post(BYTES, json=asked())
        assert refusal(response)[:2] == (429, "rate_limit_error")
        assert response.headers["retry-after"] == "1"
        assert client.post(BYTES, json=asked()).status_code == 200  # the place is free again
        assert client.post(BYTES, json=asked(format="wav")).status_code == 200
        assert refusal(client.post(BYTES, json=asked("...")))[0] == 400
        assert client.post(BYTES, json=asked()).status_code == 200


# --- the account, the log -------------------------------------------------------------------------------------------


def test_what_was_spoken_is_counted(client: httpx.Client) -> None:
    def used() -> int:
        return int(client.get(speech.ACCOUNT).json()["usage"]["characters"])

    before = used()
    client.post(BYTES, json=asked())
    client.post(speech.SPEECH, json=asked())
    client.post(BYTES, json=asked("..."))
    client.post(BYTES, json=asked(voice="nobody"))
    assert used() == before + 2 * len(TEXT)


def test_the_log_says_what_happened_and_not_what_was_said(server: Served, client: httpx.Client) -> None:
    response = client.post(BYTES, json=asked(), headers={"x-api-key": "a-secret-key"})
    line = server.line(response)
    assert line["event"] == "request"
    assert (line["method"], line["path"], line["status"], line["key"]) == ("POST", BYTES, 200, "")
    assert (line["characters"], line["bytes"]) == (len(TEXT), len(response.content))
    assert line["client"] == "127.0.0.1"
    assert 0 <= line["first_byte_ms"] <= line["ms"]
    refused = server.line(client.post(f"{BYTES}?text=secret", json=asked(format="secret")))
    assert (refused["status"], refused["error"]) == (400, "invalid_request_error")
    assert not [word for word in ("Hello", "secret") if word in json.dumps([line, refused])]


def test_pages_of_strangers_are_turned_away(client: httpx.Client) -> None:
    for origin in ("http://evil.example", "null", "http://127.0.0.1:9999"):
        response = client.post(BYTES, json=asked(), headers={"origin": origin})
        assert refusal(response)[:2] == (403, "permission_error")
        asking = {"origin": origin, "access-control-request-method": "POST"}
        assert client.options(BYTES, headers=asking).status_code == 403
        assert not [name for name in response.headers if name.startswith("access-control")]


def test_pages_that_are_named_may_ask() -> None:
    page = "https://page.example"
    with serving(origins=(page,)) as server, httpx.Client(base_url=server.url, trust_env=False) as client:
        asking = {
            "origin": page,
            "access-control-request-method": "POST",
            "access-control-request-headers": "content-type,x-api-key,lmnt-version,x-lmnt-lang,x-stainless-os",
        }
        allowed = client.options(BYTES, headers=asking)
        assert allowed.status_code == 200
        assert allowed.headers["access-control-allow-origin"] == page
        assert {"x-lmnt-lang", "x-stainless-os"} <= set(allowed.headers["access-control-allow-headers"].split(","))
        response = client.post(BYTES, json=asked(), headers={"origin": page})
        assert response.headers["access-control-allow-origin"] == page
        assert response.headers["access-control-expose-headers"] == "request-id"
        assert client.post(BYTES, json=asked(), headers={"origin": "https://other.example"}).status_code == 403


def test_another_name_for_this_machine_is_not_believed(client: httpx.Client) -> None:
    """A page whose name was made to point here would otherwise be of the same origin."""
    assert refusal(client.get("/healthz", headers={"host": "evil.example"}))[0] == 403
    for host in ("localhost:80", "127.0.0.1", "[::1]:8080", "LOCALHOST"):
        assert client.get("/healthz", headers={"host": host}).status_code == 200


# --- languages ------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_language_that_the_voice_lacks_is_spoken_by_one_that_has_it(tmp_path: Path) -> None:
    """With the embedded voices: German is espeak's, whatever voice was named; naming English changes nothing."""
    with (
        serving(job=Job(Path("serve"), engine="kokoro", store=tmp_path)) as server,
        httpx.Client(base_url=server.url, trust_env=False, timeout=60) as client,
    ):

        def said(**changes: Any) -> bytes:
            response = client.post(BYTES, json=asked("Gut.", format="pcm_s16le", **changes))
            assert response.status_code == 200, response.text
            return response.content

        english, german = said(language="en"), said(language="de")
        assert said() == english
        assert german != english
        assert said(voice="de") == said(voice="de", language="de") == german
        assert said(voice="fr-be", language="fr") == said(voice="fr-be")
        assert refusal(client.post(BYTES, json=asked("你好")))[0] == 400
        assert client.post(BYTES, json=asked("你好.\n\nGood.")).status_code == 200
        assert server.metric("narrate_characters_left_out_total") == 2
