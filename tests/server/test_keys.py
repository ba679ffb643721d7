"""Keys: who may speak, how much and how many at once; the file, the record of usage, and `narrate serve --new-key`."""

from __future__ import annotations

import hashlib
import json
import threading
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from narrate.cli import narrate
from narrate.errors import JobError
from narrate.server.answers import Bounds
from narrate.server.keys import ANYONE, Keys, new_key
from narrate.wire.serving import Fault
from tests.server.servers import Served, key_file, serving

BYTES = "/v1/ai/speech/bytes"
DIGEST = hashlib.sha256(b"secret").hexdigest()


def keys_of(file: Path | None, **more: Any) -> Keys:
    return Keys(file, print, **more)


# --- by themselves --------------------------------------------------------------------------------------------------


def test_without_a_file_everybody_may_speak() -> None:
    keys = keys_of(None)
    assert not keys.needed
    assert keys.who("") is keys.who("anything") is ANYONE
    keys.charge(ANYONE, 10**9)
    keys.refund(ANYONE, 10)
    assert keys.used(ANYONE) == 10**9 - 10
    keys.close()


@pytest.fixture
def known(tmp_path: Path) -> Iterator[Keys]:
    keys = keys_of(key_file(tmp_path, reader="one", poor="two characters=100 at_once=2"))
    yield keys
    keys.close()


def test_a_key_is_known_by_its_secret(known: Keys) -> None:
    assert known.needed
    assert known.who("one").name == "reader"
    poor = known.who("two")
    assert (poor.name, poor.characters, poor.at_once) == ("poor", 100, 2)


@pytest.mark.parametrize("secret", ["wrong", "on", "onee", "One", DIGEST, "\ud800", "one\x00", "éà"])
def test_nothing_else_is_a_key(known: Keys, secret: str) -> None:
    with pytest.raises(Fault, match="Invalid API key") as caught:
        known.who(secret)
    assert (caught.value.status, caught.value.kind) == (401, "authentication_error")


def test_no_key_is_said_to_be_none(known: Keys) -> None:
    with pytest.raises(Fault, match="There is no API key"):
        known.who("")


def test_all_hashes_are_compared_in_constant_time(known: Keys, monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[tuple[str, str]] = []

    def compare(one: str, other: str) -> bool:
        compared.append((one, other))
        return one == other

    monkeypatch.setattr("hmac.compare_digest", compare)
    known.who("one")
    assert len(compared) == 2  # the second too, though the first was right


def test_an_allowance_is_spent_to_the_last_character(known: Keys) -> None:
    poor = known.who("two")
    known.charge(poor, 60)
    known.charge(poor, 40)
    with pytest.raises(Fault, match="100 characters a month does not cover") as caught:
        known.charge(poor, 1)
    assert (caught.value.status, caught.value.code) == (402, "insufficient_quota")
    assert known.used(poor) == 100
    known.refund(poor, 30)
    known.charge(poor, 30)
    assert known.used(known.who("one")) == 0


def test_no_more_is_spent_than_there_is_by_many_at_once(known: Keys) -> None:
    poor, taken = known.who("two"), []

    def spend() -> None:
        for _ in range(10):
            try:
                known.charge(poor, 3)
            except Fault:
                continue
            taken.append(3)

    threads = [threading.Thread(target=spend) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(taken) == known.used(poor) == 99


def test_usage_outlives_the_server_and_ends_with_the_month(tmp_path: Path) -> None:
    file, moment = key_file(tmp_path, poor="two characters=100"), [1_769_900_000.0]  # the last of January 2026
    keys = keys_of(file, clock=lambda: moment[0])
    keys.charge(keys.who("two"), 100)
    keys.close()
    keys = keys_of(file, clock=lambda: moment[0])
    assert keys.used(keys.who("two")) == 100
    moment[0] += 86_400
    assert keys.used(keys.who("two")) == 0
    keys.charge(keys.who("two"), 5)
    keys.refund(keys.who("two"), 50)  # of last month
    assert keys.used(keys.who("two")) == 0
    keys.close()


def test_two_servers_share_one_allowance(tmp_path: Path) -> None:
    file = key_file(tmp_path, poor="two characters=100")
    first, second = keys_of(file), keys_of(file)
    first.charge(first.who("two"), 60)
    with pytest.raises(Fault):
        second.charge(second.who("two"), 60)
    first.close()
    second.close()


def test_so_many_at_once_and_no_more(known: Keys) -> None:
    poor = known.who("two")
    with known.busy(poor):
        with known.busy(poor), pytest.raises(Fault, match="2 requests at once") as caught, known.busy(poor):
            pass
        assert (caught.value.status, caught.value.retry_after) == (429, 1)
        with known.busy(poor):
            pass


def test_neither_keys_nor_their_hashes_are_written_anywhere(tmp_path: Path) -> None:
    file = key_file(tmp_path, reader="one-secret", poor="two-secret characters=100")
    keys = keys_of(file)
    keys.charge(keys.who("two-secret"), 5)
    keys.close()
    others = b"".join(path.read_bytes() for path in tmp_path.iterdir() if path != file)
    assert b"poor" in others
    assert b"secret" not in others
    assert hashlib.sha256(b"two-secret").hexdigest().encode() not in others


# --- the file -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "must hold [[key]] tables"),
        ("key = []", "must hold [[key]] tables"),
        ("key = 5", "must hold [[key]] tables"),
        ("[key]\nname = 'a'", "must hold [[key]] tables"),
        ("[[keys]]\nname = 'a'", "must hold [[key]] tables"),
        ("key = [1]", "key 1: must be a [[key]] table"),
        ("key = ['a']", "key 1: must be a [[key]] table"),
        ("[[key]]", "key 1: name must be a text of 1 to 100 characters"),
        ("[[key]]\nname = 5", "key 1: name must be a text"),
        ("[[key]]\nname = ' '", "key 1: name must be a text"),
        (f"[[key]]\nname = '{'x' * 101}'", "key 1: name must be a text of 1 to 100 characters"),
        ("[[key]]\nname = 'a'", "key 1 ('a'): sha256 must be the 64 hexadecimal digits"),
        ("[[key]]\nname = 'a'\nsha256 = 'abc'", "sha256 must be the 64"),
        ("[[key]]\nname = 'a'\nsha256 = 5", "sha256 must be the 64"),
        (f"[[key]]\nname = 'a'\nsha256 = '{hashlib.sha256(b'').hexdigest()}'", "is that of an empty key"),
        (f"[[key]]\nname = 'a'\nsha-256 = '{DIGEST}'", "unknown setting 'sha-256'; did you mean 'sha256'?"),
        (f"[[key]]\nname = 'a'\nsha256 = '{DIGEST}'\ncharacters = 0", "characters must be a whole number from 1"),
        (f"[[key]]\nname = 'a'\nsha256 = '{DIGEST}'\ncharacters = true", "characters must be a whole number"),
        (f"[[key]]\nname = 'a'\nsha256 = '{DIGEST}'\nat_once = '8'", "at_once must be a whole number from 1"),
        (f"[[key]]\nname = 'a'\nsha256 = '{DIGEST}'\nat_once = 1.5", "at_once must be a whole number from 1"),
        (2 * f"[[key]]\nname = 'a'\nsha256 = '{DIGEST}'\n", "key 2 ('a') stands there twice"),
        (f"[[key]]\nname = 'a'\nsha256 = '{DIGEST}'\n[[key]]\nname = 'b'\nsha256 = '{DIGEST.upper()}'", "twice"),
        (f"[[key]]\nname = 'a'\nsha256 = '{DIGEST}'\n[[key]]\nname = 'a'\nsha256 = '{'0' * 64}'", "twice"),
        ("[[key]\nname", "is no TOML"),
        ("\udc80", "is no TOML"),
    ],
)
def test_a_file_that_cannot_be(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "keys.toml"
    file.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(JobError) as caught:
        keys_of(file)
    sentence = str(caught.value)
    assert sentence.startswith(f"{file}: ")
    assert words in sentence
    assert "\n" not in sentence
    assert not sentence.endswith(".")
    assert not file.with_suffix(".usage.sqlite3").exists()
    done = CliRunner().invoke(narrate, ["serve", "--engine", "tone", "--port", "0", "--keys", str(file)])
    assert isinstance(done.exception, JobError)


def test_a_file_that_is_not_there_and_one_that_is_a_folder(tmp_path: Path) -> None:
    for place, words in ((tmp_path / "no.toml", "No such file"), (tmp_path, "Is a directory")):
        with pytest.raises(JobError, match=words):
            keys_of(place)


# --- a new key ------------------------------------------------------------------------------------------------------


@given(st.text(st.characters(codec="utf-8"), min_size=1, max_size=100))
def test_a_new_key_is_let_in_by_its_lines(name: str) -> None:
    try:
        secret, lines = new_key(name)
    except JobError:
        assert not name.strip() or not name.isprintable()
        return
    (entry,) = tomllib.loads(f"# without an end{lines}")["key"]
    assert entry == {"name": name, "sha256": hashlib.sha256(secret.encode()).hexdigest()}
    assert secret not in lines


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "a\x7fb", "x" * 101, "\x1b[2J", "\udc80"])
def test_a_name_that_the_file_could_not_hold(name: str) -> None:
    with pytest.raises(JobError, match=r"^--new-key '.*': name must be a text of 1 to 100 characters"):
        new_key(name)


def test_no_key_is_like_another() -> None:
    made = {new_key("a")[0] for _ in range(20)}
    assert len(made) == 20
    assert all(len(secret) > 40 for secret in made)


def test_a_new_key_from_the_command_line_to_the_server(tmp_path: Path) -> None:
    done = CliRunner().invoke(narrate, ["serve", "--new-key", 'the "reading" app'])
    assert done.exit_code == 0
    secret = done.stderr.rpartition(" ")[2].strip()
    assert secret not in done.stdout
    file = tmp_path / "keys.toml"
    file.write_text(done.stdout, encoding="utf-8")
    keys = keys_of(file)
    assert keys.who(secret).name == 'the "reading" app'
    keys.close()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.org"])
def test_without_keys_it_listens_to_this_machine_alone(host: str) -> None:
    done = CliRunner().invoke(narrate, ["serve", "--engine", "tone", "--port", "0", "--host", host])
    assert isinstance(done.exception, JobError)
    assert "keys are needed" in str(done.exception)
    assert done.exception.exit_code == 3


# --- at work --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    keys = key_file(tmp_path_factory.mktemp("keys"), reader="one", poor="two characters=20 at_once=1")
    with serving(keys=keys) as served:
        yield served


@pytest.fixture
def client(server: Served) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, trust_env=False) as http:
        yield http


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"X-API-Key": "one"}, 200),
        ({"x-api-key": "one", "authorization": "Bearer wrong"}, 200),
        ({"authorization": "Bearer one"}, 200),
        ({"authorization": "bearer   one"}, 200),
        ({"x-api-key": "", "authorization": "Bearer one"}, 200),
        ({"x-api-key": "wrong", "authorization": "Bearer one"}, 401),
        ({"authorization": "Basic one"}, 401),
        ({"authorization": "one"}, 401),
        ({"authorization": "Bearer"}, 401),
        ({"cookie": "x-api-key=one"}, 401),
        ({}, 401),
    ],
)
def test_how_a_key_is_shown(client: httpx.Client, headers: dict[str, str], status: int) -> None:
    response = client.get("/v1/account", headers=headers)
    assert response.status_code == status
    assert ("www-authenticate" in response.headers) == (status == 401)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", BYTES, b"no JSON"),
        ("POST", "/v1/ai/speech", b"no JSON"),
        ("GET", "/v1/ai/voice/list?owner=nobody", b""),
        ("GET", "/v1/ai/voice/nobody", b""),
        ("PUT", "/v1/ai/voice/nobody", b"no JSON"),
        ("DELETE", "/v1/ai/voice/leah", b""),
        ("POST", "/v1/ai/voice", b"no form"),
        ("GET", "/v1/account", b""),
        ("POST", "/v1/audio/speech", b"no JSON"),
        ("GET", "/v1/audio/voices", b""),
        ("GET", "/v1/models", b""),
        ("GET", "/v1/models/nothing", b""),
        ("GET", "/metrics", b""),
    ],
)
def test_who_has_no_key_learns_nothing_else(client: httpx.Client, method: str, path: str, body: bytes) -> None:
    for headers in ({}, {"x-api-key": "wrong"}):
        response = client.request(method, path, content=body, headers=headers)
        assert response.status_code == 401
        assert response.json()["error"]["type"] == "authentication_error"


def test_health_and_the_description_need_no_key(client: httpx.Client) -> None:
    assert client.get("/healthz").json() == {"status": "ok", "engine": "tone"}
    assert client.get("/openapi.json").status_code == 200


def test_an_allowance_holds_and_failures_are_not_paid_for(client: httpx.Client) -> None:
    poor = {"x-api-key": "two"}
    text = {"voice": "leah", "format": "wav"}

    def used() -> dict[str, Any]:
        account: dict[str, Any] = client.get("/v1/account", headers=poor).json()
        assert account["plan"]["character_limit"] == 20
        return account["usage"]["characters"]

    assert client.post(BYTES, json={**text, "text": "..."}, headers=poor).status_code == 400
    assert used() == 0
    assert client.post(BYTES, json={**text, "text": "Ten signs."}, headers=poor).status_code == 200
    assert used() == 10
    refused = client.post(BYTES, json={**text, "text": "Eleven sign"}, headers=poor)
    assert (refused.status_code, refused.json()["error"]["type"]) == (402, "payment_required_error")
    assert client.post(BYTES, json={**text, "text": "Ten signs.", "format": "mp3"}, headers=poor).status_code == 200
    assert used() == 20
    assert client.post(BYTES, json={**text, "text": "More."}, headers={"x-api-key": "one"}).status_code == 200


def test_one_key_cannot_take_the_others_places(server: Served, client: httpx.Client) -> None:
    keys = server.premises.keys
    with keys.busy(keys.who("two")):
        hi = {"text": "Hi.", "voice": "leah"}
        for path, body in ((BYTES, hi), ("/v1/audio/speech", {"model": "tts-1", "input": "Hi.", "voice": "leah"})):
            response = client.post(path, json=body, headers={"x-api-key": "two"})
            assert (response.status_code, response.json()["error"]["type"]) == (429, "rate_limit_error")
            assert client.post(path, json=body, headers={"x-api-key": "one"}).status_code == 200


def test_the_log_names_the_key_and_does_not_show_it(server: Served, client: httpx.Client) -> None:
    line = server.line(client.get("/v1/account", headers={"x-api-key": "one"}))
    assert line["key"] == "reader"
    wrong = server.line(client.get("/v1/account", headers={"x-api-key": "wrong-secret"}))
    assert "key" not in wrong
    assert "secret" not in json.dumps(wrong)


def test_each_sees_their_own_voices(tmp_path: Path) -> None:
    keys = key_file(tmp_path, ann="a", bob="b")
    with serving(keys=keys, bounds=Bounds()) as served:
        voices = served.premises.voices
        made = voices.create("ann", "Ann's", "", "", ())
        with httpx.Client(base_url=served.url, trust_env=False) as client:

            def seen(key: str, owner: str) -> list[str]:
                listed = client.get(f"/v1/ai/voice/list?owner={owner}", headers={"x-api-key": key}).json()
                return [voice["owner"] for voice in listed if voice["id"] == made["id"]]

            assert (seen("a", "me"), seen("b", "me"), seen("b", "all")) == (["me"], [], ["other"])
            place = f"/v1/ai/voice/{made['id']}"
            assert client.delete(place, headers={"x-api-key": "b"}).status_code == 403
            assert client.put(place, json={"name": "Bob's"}, headers={"x-api-key": "b"}).status_code == 403
            assert client.put(place, json={"starred": True}, headers={"x-api-key": "b"}).json()["voice"]["starred"]
            assert not client.get(place, headers={"x-api-key": "a"}).json()["starred"]
            said = {"text": "Hi.", "voice": made["id"]}
            assert client.post(BYTES, json=said, headers={"x-api-key": "b"}).status_code == 200
            assert client.delete(place, headers={"x-api-key": "a"}).json() == {"success": True}
