"""LMNT's official SDK, unmodified and in several versions, against the server with the embedded voice.

The one that is installed is always tried. More are found in the folders that NARRATE_TEST_SDKS names, separated as in
PATH, each filled by ``pip install --no-deps --target FOLDER lmnt==VERSION``.
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from importlib import metadata
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from narrate.job import Job
from tests.server import sdk_calls
from tests.server.servers import Served, decoded, key_file, serving

pytestmark = pytest.mark.slow

FOLDERS = [folder for folder in os.environ.get("NARRATE_TEST_SDKS", "").split(os.pathsep) if folder]
KEYS = {"LMNT_API_KEY": "the-reader", "POOR_KEY": "the-poor"}
RATES = {"webm": 48000}
"""Hz, of formats that decode to the same rate whatever was asked for."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One for all versions: with the store, so that each sentence is spoken once."""
    folder = tmp_path_factory.mktemp("server")
    keys = key_file(folder, reader=KEYS["LMNT_API_KEY"], poor=f"{KEYS['POOR_KEY']} characters=300 at_once=1")
    job = Job(Path("serve"), engine="kokoro", store=folder / "store")
    with serving(job=job, keep=True, keys=keys, voices=folder / "voices.json") as served:
        yield served


@pytest.fixture(scope="module", params=["installed", *FOLDERS])
def told(request: pytest.FixtureRequest, server: Served) -> dict[str, Any]:
    """What one version made of it."""
    environment = {**os.environ, **KEYS, "LMNT_BASE_URL": server.url, "NO_PROXY": "127.0.0.1"}
    if request.param != "installed":
        environment["PYTHONPATH"] = request.param
    done = subprocess.run([sys.executable, sdk_calls.__file__], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return {"folder": request.param, **json.loads(done.stdout)}


def sessions(told: dict[str, Any]) -> dict[str, Any]:
    """What came of sessions; the SDKs before 2.6 open them at LMNT's address alone."""
    version = tuple(map(int, told["version"].split(".")[:2]))
    if version < (2, 6):
        pytest.skip(f"sessions of version {told['version']} know no other address than LMNT's")
    found: dict[str, Any] = told["asynchronous"]
    return found


@pytest.mark.skipif(not FOLDERS, reason="NARRATE_TEST_SDKS names no folders with further versions")
def test_it_is_the_version_in_the_folder(told: dict[str, Any]) -> None:
    if told["folder"] == "installed":
        assert told["version"] == metadata.version("lmnt")
    else:
        assert Path(told["folder"], f"lmnt-{told['version']}.dist-info").is_dir()


def test_every_format_decodes_at_every_rate(told: dict[str, Any]) -> None:
    assert len(told["formats"]) == len(sdk_calls.FORMATS) * (len(sdk_calls.RATES) + 1)
    for asked, audio in told["formats"].items():
        name, rate = asked.split()
        usual = 8000 if name == "ulaw" else 24000
        hertz = RATES.get(name, usual if rate == "None" else int(rate))
        samples, found = decoded(base64.b64decode(audio), name, hertz)
        assert found == hertz, asked
        assert len(samples) / found == pytest.approx(seconds(told), abs=0.3), asked  # two frames of AAC at 8 kHz
        assert abs(samples.astype(float)).max() > 1000, asked


def seconds(told: dict[str, Any]) -> float:
    return len(base64.b64decode(told["formats"]["pcm_s16le 24000"])) / 2 / 24000


def test_all_ways_to_take_an_answer_give_the_same(told: dict[str, Any]) -> None:
    plain = told["formats"]["pcm_s16le 24000"]
    wrapped = told["wrapped"]
    assert wrapped["raw"] == wrapped["streamed"] == plain == told["asynchronous"]["said"]
    assert wrapped["request_id"].startswith("req_")
    assert wrapped["content_type"] == "application/octet-stream"


def test_times_rise_and_name_the_whole_text(told: dict[str, Any]) -> None:
    times = told["detailed"]["times"]
    assert "".join(entry["text"] for entry in times) == sdk_calls.TEXT
    assert all(entry["duration"] >= 0 for entry in times)
    assert all(before["start"] <= after["start"] for before, after in pairwise(times))
    samples, rate = decoded(base64.b64decode(told["detailed"]["audio"]), "wav", 24000)
    assert times[-1]["start"] + times[-1]["duration"] == pytest.approx(len(samples) / rate, abs=0.01)


def test_times_are_told_only_when_asked_for(told: dict[str, Any]) -> None:
    bare = told["detailed"]["bare"]
    assert bare.pop("audio") == told["detailed"]["audio"]
    old = told["version"].startswith("2.5")
    assert {name: value for name, value in bare.items() if value is not None} == ({"seed": 0} if old else {})
    assert told["detailed"]["seed"] == (7 if old else None)


def test_voices_are_made_changed_and_forgotten(told: dict[str, Any]) -> None:
    voices = told["voices"]
    made, changed = voices["made"], voices["changed"]
    assert made["name"] == "Zoë"
    assert (made["owner"], made["state"], made["type"], made["starred"]) == ("me", "ready", "instant", False)
    assert changed["id"] == made["id"]
    assert (changed["name"], changed["starred"], changed["gender"]) == ("Zoe", True, "male")
    assert voices["found"] == changed
    assert voices["mine"] == [made["id"]]
    assert voices["spoken"] > 24000
    assert voices["gone"] is True
    assert voices["after"] == []
    if not told["version"].startswith("2.5"):
        assert made["tags"] == ["voice=elowen", "b"]
        assert made["description"] == "spoken by bf_emma"
        assert changed["tags"] == ["c"]
        assert changed["description"] == "spoken by am_michael"


def test_all_voices_are_listed(told: dict[str, Any]) -> None:
    every = told["voices"]["all"]
    assert {"leah", "brandon", "elowen", "af_heart", "de"} <= {voice["id"] for voice in every}
    assert told["voices"]["leah"] in every
    assert {voice["state"] for voice in every} == {"ready"}


def test_the_account_has_the_fields_that_the_sdk_declares(told: dict[str, Any]) -> None:
    account = told["account"]
    assert account["plan"]["type"] == "local"
    assert account["plan"]["commercial_use_allowed"] is True
    assert account["plan"]["character_limit"] is None
    if told["version"].startswith("2.5"):
        assert account["usage"]["professional_voices"] == account["usage"]["instant_voices"] == 0
    assert told["used"] % len(sdk_calls.TEXT) == 0  # what failed was not counted
    assert told["used"] >= 28 * len(sdk_calls.TEXT)


@pytest.mark.parametrize(
    ("case", "name", "status", "kind"),
    [
        ("wrong key", "AuthenticationError", 401, "authentication_error"),
        ("wrong key, voices", "AuthenticationError", 401, "authentication_error"),
        ("unknown voice", "NotFoundError", 404, "not_found_error"),
        ("too long", "BadRequestError", 400, "invalid_request_error"),
        ("empty", "BadRequestError", 400, "invalid_request_error"),
        ("a wrong format", "BadRequestError", 400, "invalid_request_error"),
        ("another's voice", "PermissionDeniedError", 403, "permission_error"),
        ("an unknown voice to delete", "NotFoundError", 404, "not_found_error"),
        ("no money", "APIStatusError", 402, "payment_required_error"),
    ],
)
def test_refusals_become_their_classes(told: dict[str, Any], case: str, name: str, status: int, kind: str) -> None:
    failure = told["failures"][case]
    assert (failure["class"], failure["status"]) == (name, status)
    assert failure["request_id"].startswith("req_")
    assert failure["type"] == (None if told["version"].startswith("2.5") else kind)
    assert kind in failure["message"]


def test_no_server_is_no_refusal(told: dict[str, Any]) -> None:
    assert told["failures"]["no server"] == {"class": "APIConnectionError"}


def test_a_session_speaks_in_turns(told: dict[str, Any]) -> None:
    session = sessions(told)["session"]
    kinds = [message["type"] for message in session["told"]]
    assert kinds[0] == "ready"
    assert kinds.index("flush_complete") < kinds.index("reset_complete")
    assert {message["nonce"] for message in session["told"] if "nonce" in message} == {1, 2}
    turns = ["", ""]
    for message in session["told"][kinds.index("reset_complete") :]:
        turns[1] += "".join(entry["text"] for entry in message.get("timestamps", ()))
    for message in session["told"][: kinds.index("flush_complete")]:
        turns[0] += "".join(entry["text"] for entry in message.get("timestamps", ()))
    assert turns == [sdk_calls.TEXT, sdk_calls.TEXT]
    assert len(base64.b64decode(session["audio"])) / 2 / 16000 == pytest.approx(2 * seconds(told), abs=0.3)
    assert session["code"] == 1000


def test_a_key_that_does_too_much_at_once_is_told_so(told: dict[str, Any]) -> None:
    assert sessions(told)["busy"] == {"class": "RateLimitError", "status": 429}


def test_a_session_with_a_wrong_key_is_told_so(told: dict[str, Any]) -> None:
    (message,) = sessions(told)["turned away"]
    assert message["type"] == "error"
    assert message["error"]["type"] == "authentication_error"
    assert message["request_id"].startswith("req_")


def test_nothing_went_wrong_inside_and_no_text_or_key_is_in_the_log(told: dict[str, Any], server: Served) -> None:
    lines = list(server.lines)
    assert not [line for line in lines if line.get("status", 0) >= 500 or "detail" in line]
    page = json.dumps(lines)
    assert not [secret for secret in (*KEYS.values(), "Hello there", "This is never said") if secret in page]
    assert '"key": "reader"' in page
