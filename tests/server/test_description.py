"""The served OpenAPI description against the server itself: schemathesis asks for everything it allows and forbids.

Every answer is of a documented status and shape, nothing fails inside, what the description forbids is refused and
what it allows is taken, and where there are keys none of it goes without.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from narrate.server import lmnt, openai
from narrate.server.description import description
from tests.server.servers import Served, key_file, serving

HOUSE = Path(__file__).parent.parent.parent
EXAMPLES = "10"
LONGEST_S = 60
CONFIG = """
seed = 1
[[operations]]
include-name = "POST /v1/ai/voice"
# in a form everything is a text: no wrong type can be told from a right one
checks.negative_data_rejection.enabled = false
"""


def narrowed(server: Served, headers: dict[str, str]) -> dict[str, Any]:
    """The description as it is served, with the names of voices and models that exist just now."""
    served: dict[str, Any] = httpx.get(f"{server.url}/openapi.json").json()
    names = httpx.get(f"{server.url}/v1/audio/voices", headers=headers).json()["voices"]
    models = [model["id"] for model in httpx.get(f"{server.url}/v1/models", headers=headers).json()["data"]]
    schemas = served["components"]["schemas"]
    for schema in ("LmntSpeech", "OpenAiSpeech"):
        assert "examples" in json.dumps(schemas[schema]["properties"]["voice"])
        schemas[schema]["properties"]["voice"] = {"enum": names}
    schemas["OpenAiSpeech"]["properties"]["model"] = {"enum": models}
    return served


def examined(folder: Path, server: Served, *options: str, headers: dict[str, str] | None = None) -> str:
    """What schemathesis says of the server."""
    (folder / "openapi.json").write_text(json.dumps(narrowed(server, headers or {})), encoding="utf-8")
    (folder / "schemathesis.toml").write_text(CONFIG, encoding="utf-8")
    shown = [part for name, value in (headers or {}).items() for part in ("-H", f"{name}: {value}")]
    done = subprocess.run(
        [
            sys.executable, "-m", "schemathesis.cli", "run", "openapi.json", "--url", server.url, *shown, *options,
            "--max-examples", EXAMPLES, "--continue-on-failure", "--no-color",
        ],
        cwd=folder,
        env={**os.environ, "SCHEMATHESIS_HOOKS": "tests.server.description_hooks", "PYTHONPATH": str(HOUSE)},
        capture_output=True,
        text=True,
        timeout=LONGEST_S,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[:20_000] + done.stderr[-2000:]
    return done.stdout


def test_the_server_keeps_to_its_description(tmp_path: Path) -> None:
    with serving() as server:
        told = examined(tmp_path, server, "--phases", "examples,coverage,fuzzing")
        lines = list(server.lines)
    assert "Tested: 15" in told
    assert len(lines) > 500
    assert not [line for line in lines if line["status"] >= 500 or "detail" in line]
    answered = {(line["path"], line["status"]) for line in lines}
    for path in ("/v1/ai/speech", "/v1/ai/speech/bytes", "/v1/audio/speech", "/v1/ai/voice"):
        assert {(path, 200), (path, 400), (path, 405)} <= answered


def test_nothing_goes_without_a_key(tmp_path: Path) -> None:
    with serving(keys=key_file(tmp_path, reader="one")) as server:
        examined(tmp_path, server, "--phases", "coverage", headers={"X-API-Key": "one"})
        lines = list(server.lines)
    open_to_all = {line["path"] for line in lines if line["status"] == 200 and "key" not in line}
    assert open_to_all == {"/healthz", "/openapi.json"}
    assert [line for line in lines if line["status"] == 401]
    assert not [line for line in lines if line["status"] >= 500]


def test_it_lists_what_there_is() -> None:
    """Every route is described, with its methods, and nothing else is."""
    paths = description("tone")["paths"]
    described = {(path, method.upper()) for path, calls in paths.items() for method in calls}
    routes = {(route.path, method) for route in (*lmnt.ROUTES, *openai.ROUTES) for method in route.methods or ()}
    own = {(path, "GET") for path in ("/healthz", "/metrics", "/openapi.json")}
    assert described == {(path, method) for path, method in routes if method != "HEAD"} | own


@pytest.mark.parametrize("keys", [False, True])
def test_it_says_whether_a_key_is_needed(keys: bool) -> None:
    told = description("tone", keys=keys)
    assert ({} in told["security"]) != keys
    assert told["paths"]["/healthz"]["get"]["security"] == []
    assert set(told["components"]["securitySchemes"]) == {"lmnt", "openai"}


def test_all_it_refers_to_is_there() -> None:
    told = description("tone")
    text = json.dumps(told)
    for name in told["components"]["schemas"]:
        assert f'"#/components/schemas/{name}"' in text
    assert text.count('"$ref"') == sum(text.count(f'schemas/{name}"') for name in told["components"]["schemas"])
