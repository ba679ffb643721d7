"""The voices on offer: names that stand for others, users' definitions, their file, and the HTTP calls around them."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from narrate import disk
from narrate.engines import VoiceInfo
from narrate.errors import JobError, StoreError
from narrate.locks import only_run
from narrate.server import lmnt, voices
from narrate.server.voices import ALIASES, Voices
from narrate.wire import serving as wire
from narrate.wire.serving import Fault
from tests.server.servers import Served, serving

VOICE = wire.LMNT_VOICE
KOKORO = (
    VoiceInfo("af_heart", "en", "American, female"),
    VoiceInfo("am_michael", "en", "American, male"),
    VoiceInfo("bf_emma", "en", "British, female"),
    VoiceInfo("de", "de", "German"),
)
TONES = (VoiceInfo("low", "", ""), VoiceInfo("mid", "", ""))


def offered(file: Path | None = None, listed: Any = KOKORO, **aliases: str) -> Voices:
    return Voices(listed, file, aliases)


def made(of: Voices, who: str = "me", **fields: Any) -> dict[str, Any]:
    return of.create(who, **{"name": "Zoë", "description": "", "gender": "", "tags": (), **fields})


# --- names ----------------------------------------------------------------------------------------------------------


def test_well_known_names_stand_for_kokoros_voices() -> None:
    of = offered()
    assert of.get("leah").speaks == "af_heart"
    assert of.get("brandon").speaks == "am_michael"
    assert of.get("leah").gender == "female"
    assert set(ALIASES) <= set(of.names())


def test_with_another_engine_they_stand_for_its_voices_in_turn() -> None:
    of = offered(listed=TONES)
    assert {of.get(name).speaks for name in ALIASES} == {"low", "mid"}


def test_a_name_may_be_given() -> None:
    of = offered(leah="bf_emma", narrator="de")
    assert of.get("leah").speaks == "bf_emma"
    assert (of.get("narrator").speaks, of.get("narrator").language) == ("de", "de")
    assert of.show("narrator", "me")["description"] == "speaks as de"


@pytest.mark.parametrize(
    ("aliases", "words"),
    [
        ({"leah": "bf_ema"}, "--alias leah=bf_ema: there is no voice 'bf_ema'; did you mean 'bf_emma'?"),
        ({"leah": "leah"}, "there is no voice 'leah'"),
        ({"de": "bf_emma"}, "--alias de=bf_emma: 'de' is a voice itself"),
    ],
)
def test_a_name_that_cannot_be_given(aliases: dict[str, str], words: str) -> None:
    with pytest.raises(JobError) as caught:
        offered(**aliases)
    assert words in str(caught.value)


def test_an_engine_without_voices_is_no_engine() -> None:
    with pytest.raises(JobError, match="no voice to offer"):
        offered(listed=())


@pytest.mark.parametrize("name", ["nobody", "LEAH", "..", "\x00", "Zoë 🎙", "x" * 5000, ""])
def test_there_is_no_such_voice(name: str) -> None:
    with pytest.raises(Fault, match="not found") as caught:
        offered().get(name)
    assert (caught.value.status, caught.value.field) == (404, "voice")
    assert len(caught.value.message) < 300


# --- definitions ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "speaks"),
    [
        ({}, "af_heart"),
        ({"gender": "Male "}, "am_michael"),
        ({"gender": "female"}, "bf_emma"),  # af_bella, who comes first, is not among these
        ({"gender": "nonbinary"}, "af_heart"),
        ({"gender": "male", "tags": ("a", "voice=de")}, "de"),
        ({"tags": ("voice=brandon", "voice=de")}, "am_michael"),
    ],
)
def test_who_speaks_for_a_definition(fields: dict[str, Any], speaks: str) -> None:
    of = offered()
    voice = made(of, **fields)
    assert of.get(voice["id"]).speaks == speaks
    assert voice["description"] == f"spoken by {speaks}"
    assert of.show(voice["id"], "me") == voice


def test_a_tag_that_names_no_voice() -> None:
    with pytest.raises(Fault, match="the tag 'voice=lea' names no voice; did you mean 'leah'") as caught:
        made(offered(), tags=("voice=lea",))
    assert caught.value.status == 400


def test_only_what_is_given_changes() -> None:
    of = offered()
    name = made(of, gender="male", tags=("a",))["id"]
    changed = of.update(name, "me", {"name": "Zoe"})
    assert (changed["name"], changed["gender"], changed["tags"]) == ("Zoe", "male", ["a"])
    assert of.update(name, "me", {}) == changed
    assert of.update(name, "me", {"tags": ("voice=de",)})["description"] == "spoken by de"
    assert of.get(name).language == "de"
    assert of.update(name, "me", {"description": "mine"})["description"] == "mine"


def test_a_change_that_cannot_be_changes_nothing() -> None:
    of = offered()
    name = made(of)["id"]
    before = of.show(name, "me")
    with pytest.raises(Fault):
        of.update(name, "me", {"name": "Zoe", "starred": True, "tags": ("voice=nobody",)})
    assert of.show(name, "me") == before


def test_what_is_starred_is_ones_own_affair() -> None:
    of = offered()
    assert of.update("leah", "me", {"starred": True})["starred"] is True
    assert [voice["id"] for voice in of.listed("me", starred=True)] == ["leah"]
    assert of.listed("you", starred=True) == []
    assert of.update("leah", "me", {"starred": False})["starred"] is False
    with pytest.raises(Fault, match="not yours to change") as caught:
        of.update("leah", "me", {"starred": True, "name": "Lea"})
    assert caught.value.status == 403
    assert of.listed("me", starred=True) == []


def test_owners() -> None:
    of = offered()
    mine, yours = made(of, "me")["id"], made(of, "you")["id"]
    assert [voice["id"] for voice in of.listed("me", "me")] == [mine]
    assert {voice["owner"] for voice in of.listed("me", "system")} == {"system"}
    assert {voice["id"]: voice["owner"] for voice in of.listed("me")}[yours] == "other"
    for name in (yours, "leah"):
        with pytest.raises(Fault, match="not yours"):
            of.delete(name, "me")


def test_what_is_forgotten_is_not_starred_any_more(tmp_path: Path) -> None:
    of = offered(tmp_path / "voices.json")
    name = made(of)["id"]
    of.update(name, "you", {"starred": True})
    of.delete(name, "me")
    assert json.loads((tmp_path / "voices.json").read_text()) == {"voices": [], "starred": {}}
    with pytest.raises(Fault, match="not found"):
        of.delete(name, "me")


def test_there_may_be_so_many_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(voices, "MOST", 2)
    of = offered()
    name = made(of)["id"]
    made(of)
    with pytest.raises(Fault, match="there are 2 voices already"):
        made(of)
    of.delete(name, "me")
    made(of)


# --- the file -------------------------------------------------------------------------------------------------------


def test_definitions_outlive_the_server(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "voices.json"
    of = offered(file)
    voice = made(of, description="Mine — 🎙", tags=("voice=de",))
    of.update("leah", "me", {"starred": True})
    again = offered(file)
    assert again.show(voice["id"], "me") == voice
    assert [found["id"] for found in again.listed("me", starred=True)] == ["leah"]


def test_two_servers_share_a_file(tmp_path: Path) -> None:
    file = tmp_path / "voices.json"
    first, second = offered(file), offered(file)
    one, two = made(first)["id"], made(second)["id"]
    assert {one, two} <= set(first.names())
    assert {one, two} <= set(second.names())
    second.delete(one, "me")
    with pytest.raises(Fault):
        first.get(one)
    first.update(two, "me", {"name": "Two"})
    assert second.show(two, "me")["name"] == "Two"


def test_nothing_is_lost_between_servers_and_threads(tmp_path: Path) -> None:
    file = tmp_path / "voices.json"
    servers = [offered(file) for _ in range(3)]
    names: list[str] = []

    def define(of: Voices) -> None:
        for _ in range(4):
            names.append(made(of)["id"])
            of.listed("me")

    threads = [threading.Thread(target=define, args=(of,)) for of in servers for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(names) == 24
    for of in (*servers, offered(file)):
        assert set(names) <= set(of.names())


def test_what_cannot_be_written_has_not_happened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    of = offered(tmp_path / "voices.json")
    name = made(of)["id"]

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(voices, "replace_file", full)
        for change in (
            lambda: made(of),
            lambda: of.delete(name, "me"),
            lambda: of.update(name, "me", {"name": "Zoe"}),
            lambda: of.update("leah", "me", {"starred": True}),
        ):
            with pytest.raises(StoreError, match="the voices cannot be written: No space left"):
                change()
    assert [voice["name"] for voice in of.listed("me", "me")] == ["Zoë"]
    assert of.listed("me", starred=True) == []
    made(of)


def test_a_folder_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    of = offered(tmp_path / "file" / "voices.json")
    with pytest.raises(StoreError, match="the voices cannot be written"):
        made(of)


def test_another_server_is_not_waited_for_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(voices, "_WAIT_S", 0.02)
    file = tmp_path / "voices.json"
    of = offered(file)
    disk.make_folder(tmp_path)
    with only_run(tmp_path, file.name, "a test"), pytest.raises(StoreError, match="another server keeps it"):
        made(of)
    made(of)


ENTRY = {"id": "a", "name": "b", "speaks": "de", "language": "de", "owner": "me", "tags": []}


@pytest.mark.parametrize(
    "message",
    [
        "",
        "[]",
        "{}",
        "null",
        "[" * 100_000,
        '{"voices": []}',
        '{"voices": 5, "starred": {}}',
        '{"voices": [5], "starred": {}}',
        '{"voices": [], "starred": []}',
        '{"voices": [], "starred": {"me": 5}}',
        json.dumps({"voices": [{**ENTRY, "name": 5}], "starred": {}}),
        json.dumps({"voices": [{**ENTRY, "owner": None}], "starred": {}}),
        json.dumps({"voices": [{**ENTRY, "tags": "abc"}], "starred": {}}),
        json.dumps({"voices": [{**ENTRY, "more": "abc"}], "starred": {}}),
        json.dumps({"voices": [{"id": "a"}], "starred": {}}),
        "\udcff",
    ],
)
def test_a_file_that_is_none_is_not_written_over(tmp_path: Path, message: str) -> None:
    file = tmp_path / "voices.json"
    file.write_bytes(message.encode("utf-8", "surrogateescape"))
    with pytest.raises(JobError) as caught:
        offered(file)
    sentence = str(caught.value)
    assert sentence.startswith(f"{file}: is not a file of voices")
    assert "\n" not in sentence
    assert file.read_bytes() == message.encode("utf-8", "surrogateescape")


def test_a_file_that_is_spoiled_meanwhile_is_not_written_over_either(tmp_path: Path) -> None:
    file = tmp_path / "voices.json"
    of = offered(file)
    name = made(of)["id"]
    file.write_text("spoiled")
    assert of.get(name).name == "Zoë"
    with pytest.raises(JobError, match="is not a file of voices"):
        made(of)
    assert file.read_text() == "spoiled"


@given(st.recursive(st.none() | st.integers() | st.text(), lambda i: st.lists(i) | st.dictionaries(st.text(), i)))
def test_any_json_is_a_file_of_voices_or_a_sentence(tmp_path_factory: pytest.TempPathFactory, message: Any) -> None:
    file = tmp_path_factory.getbasetemp() / "any.json"
    for whole in (message, {"voices": message, "starred": {}}, {"voices": [], "starred": message}):
        file.write_text(json.dumps(whole))
        try:
            of = offered(file)
        except JobError:
            continue
        assert of.listed("me")


def test_a_definition_is_spoken_by_whatever_engine_there_is(tmp_path: Path) -> None:
    file = tmp_path / "voices.json"
    first = offered(file)
    names = [made(first, tags=("voice=de",))["id"], made(first, gender="male")["id"], made(first)["id"]]
    second = offered(file, TONES)
    assert {second.get(name).speaks for name in names} <= {"low", "mid"}
    assert second.show(names[0], "me")["description"] == f"spoken by {second.get('leah').speaks}"
    second.update(names[2], "me", {"name": "Changed"})
    assert [offered(file).get(name).speaks for name in names] == ["de", "am_michael", "af_heart"]


def test_a_file_cannot_take_a_name_from_the_system(tmp_path: Path) -> None:
    file = tmp_path / "voices.json"
    file.write_text(json.dumps({"voices": [{**ENTRY, "id": "leah"}], "starred": {}}))
    assert offered(file).get("leah").speaks == "af_heart"


# --- over HTTP ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def recording(client: httpx.Client) -> bytes:
    body = {"text": "This is how I sound.", "voice": "mid", "format": "wav"}
    return client.post("/v1/ai/speech/bytes", json=body).content


def created(client: httpx.Client, recording: bytes, name: str = "Mine", file: str = "file", **data: Any) -> Any:
    return client.post(VOICE, data={"name": name, **data}, files={file: ("me.wav", recording)})


@pytest.mark.parametrize("field", ["tags", "tags[]"])
def test_a_voice_from_its_birth_to_its_end(client: httpx.Client, recording: bytes, field: str) -> None:
    made = created(client, recording, "Zoë 🎙", description="d", gender="g", **{field: ["voice=high", "x"]}).json()
    assert made == {
        "id": made["id"], "name": "Zoë 🎙", "owner": "me", "state": "ready", "type": "instant", "description": "d",
        "gender": "g", "starred": False, "tags": ["voice=high", "x"], "preview_url": None,
    }  # fmt: skip
    place = f"{VOICE}/{made['id']}"
    assert client.get(place).json() == made
    assert made in client.get(f"{VOICE}/list", params={"owner": "me"}).json()
    changed = client.put(place, json={"starred": True, "name": "Z"}).json()
    assert changed == {"voice": {**made, "starred": True, "name": "Z"}}
    assert client.get(f"{VOICE}/list", params={"starred": "true", "owner": "me"}).json() == [changed["voice"]]
    said = [
        client.post("/v1/ai/speech/bytes", json={"text": "Hi.", "voice": voice}).content
        for voice in (made["id"], "high", "low")
    ]
    assert said[0] == said[1] != said[2]
    assert client.delete(place).json() == {"success": True}
    assert client.get(place).status_code == 404


def test_the_list_is_a_bare_array_and_can_be_narrowed(client: httpx.Client) -> None:
    every = client.get(f"{VOICE}/list").json()
    assert isinstance(every, list)
    assert client.get(f"{VOICE}/list", params={"owner": "system", "starred": "false"}).json() == [
        voice for voice in every if voice["owner"] == "system"
    ]
    for wrong in ({"owner": "other"}, {"owner": ""}, {"starred": "yes"}, {"starred": ""}):
        assert client.get(f"{VOICE}/list", params=wrong).status_code == 400


def test_an_old_client_sends_several_recordings(client: httpx.Client, recording: bytes) -> None:
    files = [("files[]", ("a.wav", recording)), ("files[]", ("b.wav", recording))]
    response = client.post(VOICE, data={"name": "Old", "enhance": "false"}, files=files)
    assert response.status_code == 200
    assert client.post(VOICE, data={"name": "Bytes"}, files={"file": ("upload", recording)}).status_code == 200
    assert client.post(VOICE, data={"name": "Old"}, files=files * 11).status_code == 400


@pytest.mark.parametrize(
    ("data", "files", "words"),
    [
        ({}, {"file": ("a.wav", True)}, "name is required"),
        ({"name": " "}, {"file": ("a.wav", True)}, "name is empty"),
        ({"name": "x" * 201}, {"file": ("a.wav", True)}, "name is longer than 200"),
        ({"name": "x" * 70_000}, {"file": ("a.wav", True)}, "Part exceeded maximum size"),
        ({"name": "a", "description": "x" * 2001}, {"file": ("a.wav", True)}, "description is longer"),
        ({"name": "a", "tags": ["x"] * 51}, {"file": ("a.wav", True)}, "50 tags"),
        ({"name": "a", "tags": ["voice=nobody"]}, {"file": ("a.wav", True)}, "names no voice"),
        ({"name": "a"}, {"other": ("a.wav", True)}, "file is required"),
        ({"name": "a", "file": "text"}, {"other": ("a.wav", True)}, "file must be a recording"),
        ({"name": "a"}, {"file": ("a.txt", False)}, "it may be m4a, mp3, mp4, wav, webm"),
        ({"name": "a"}, {"file": ("wav", False)}, "holds no sound"),
        ({"name": "a"}, {"file": ("a.wav", False)}, "holds no sound"),
        ({str(number): "x" for number in range(101)}, {"file": ("a.wav", True)}, "Too many fields"),
    ],
)
def test_what_no_voice_is_made_of(
    client: httpx.Client, recording: bytes, data: dict[str, Any], files: dict[str, Any], words: str
) -> None:
    sent = {field: (name, recording if sound else b"RIFF no sound at all") for field, (name, sound) in files.items()}
    response = client.post(VOICE, data=data, files=sent)
    assert response.status_code == 400
    assert words in response.json()["error"]["message"]


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("", b"x"),
        ("application/json", b"{}"),
        ("application/x-www-form-urlencoded", b"name=x"),
        ("multipart/form-data", b"x"),
        ("multipart/form-data; boundary=abc", b"x"),
        ("multipart/form-data; boundary=abc", b""),
        ("multipart/form-data; boundary=abc; charset=punycode", b'--abc\r\nContent-Disposition: form-data; name="n"'
         b"\r\n\r\n\xff\r\n--abc--\r\n"),
    ],
)  # fmt: skip
def test_what_is_no_form(server: Served, client: httpx.Client, kind: str, body: bytes) -> None:
    response = client.post(VOICE, content=body, headers={"content-type": kind})
    assert response.status_code == 400
    assert response.json()["error"]["type"] == "invalid_request_error"
    assert "detail" not in server.line(response)


def test_the_name_of_the_recording_leads_nowhere(client: httpx.Client, recording: bytes, tmp_path: Path) -> None:
    files = {"file": (f"../../../..{tmp_path}/a.wav", recording)}
    assert client.post(VOICE, data={"name": "x"}, files=files).status_code == 200
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("chunked", [False, True])
def test_a_recording_that_is_too_large(client: httpx.Client, monkeypatch: pytest.MonkeyPatch, chunked: bool) -> None:
    monkeypatch.setattr(wire, "LONGEST_SAMPLE", 1000)
    monkeypatch.setattr(wire, "LONGEST_BODY", 1000)
    head = b'--abc\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n'
    content = iter([head, *[b"a" * 1000] * 5]) if chunked else head + b"a" * 5000
    response = client.post(VOICE, content=content, headers={"content-type": "multipart/form-data; boundary=abc"})
    assert response.status_code == 413


def test_a_recording_is_looked_at_and_not_kept(client: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """A large one is a file on disk without a name; it is closed however it ends."""
    closed: list[Any] = []
    form = lmnt._form

    async def watched(request: Any) -> Any:
        found = await form(request)
        closed.extend(file.file for file in found.getlist("file"))
        return found

    monkeypatch.setattr(lmnt, "_form", watched)
    assert created(client, b"RIFF" + bytes(2_000_000)).status_code == 400
    assert created(client, b"RIFF" + bytes(2_000_000), name="").status_code == 400
    assert len(closed) == 2
    assert all(file.closed for file in closed)


@pytest.mark.parametrize(
    "name", ["..%2f", "%2e%2e", "..%2f..%2fetc%2fpasswd", "le%00ah", "%ff%fe", "a%20b", "%F0%9F%8E%99", "x" * 5000]
)
def test_addresses_that_are_no_voice(client: httpx.Client, name: str) -> None:
    for method in ("GET", "PUT", "DELETE"):
        response = client.request(method, f"{VOICE}/{name}", content=b"{}")
        assert response.status_code == 404
        assert response.json()["error"]["type"] == "not_found_error"


def test_a_change_by_nothing(client: httpx.Client) -> None:
    assert client.put(f"{VOICE}/leah").status_code == 400
    assert client.put(f"{VOICE}/leah", content=b"[]").status_code == 400
    assert client.put(f"{VOICE}/leah", json={"unknown": 1}).json()["voice"]["id"] == "leah"


def test_the_folder_is_only_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(voices, "make_folder", forbidden)
    with serving(voices=tmp_path / "voices.json") as served, httpx.Client(base_url=served.url) as client:
        response = client.put(f"{VOICE}/leah", json={"starred": True})
        assert response.status_code == 500
        assert response.json()["error"]["message"] == "the server cannot keep this; its log says why"
        assert "Permission denied" in served.line(response)["detail"]
        assert client.get(f"{VOICE}/leah").json()["starred"] is False
