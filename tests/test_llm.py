"""Language models, by the official SDKs against a real server on this machine."""

from __future__ import annotations

import sys
import traceback
from pathlib import Path

import pytest

from narrate import llm
from narrate.errors import EngineClosed, EngineError, EngineRefused, EngineUnavailable, Interrupted, JobError
from narrate.prompts import filled, names, prompt, prompt_from
from tests.llm_server import CUT, CUT_OFF, ENDS, OVERLOADED, REFUSED, LlmServer, Reply, failed, throttled

pytest.importorskip("anthropic")
pytest.importorskip("openai")

MODELS = [llm.Model("anthropic", "claude-test"), llm.Model("openai", "gpt-test")]
KEY = "sk-very-secret-0123456789"
TEXT = "It was a dark and stormy night; the rain fell in torrents. Ünïcode, 雨, too."


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("anthropic:claude-x", llm.Model("anthropic", "claude-x")),
        ("openai:llama3.2:3b", llm.Model("openai", "llama3.2:3b")),
        ("anthropic", llm.Model("anthropic", llm.DEFAULTS["anthropic"])),
        ("openai", llm.Model("openai", llm.DEFAULTS["openai"])),
    ],
)
def test_a_model_is_a_provider_and_a_name(text: str, found: llm.Model) -> None:
    assert llm.model(text) == found


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("antropic:claude-x", "did you mean 'anthropic'"),
        ("claude-x", "did you mean 'anthropic:claude-x'"),
        ("gpt-x", "did you mean 'openai:gpt-x'"),
        ("", "known are"),
        ("openai:", "write it as openai:NAME"),
        ("openai:a b", "write it as openai:NAME"),
    ],
)
def test_what_is_no_model_is_guessed_at(text: str, hint: str) -> None:
    with pytest.raises(JobError, match=hint):
        llm.model(text)


@pytest.mark.parametrize("asked", MODELS, ids=str)
def test_text_comes_in_pieces_and_whole(asked: llm.Model) -> None:
    with LlmServer(TEXT) as server:
        env = {**server.env, f"{asked.provider.upper()}_API_KEY": KEY}
        pieces = list(llm.stream(asked, "Be brief.", "Tell me.", env=env))
        assert len(pieces) > 5
        assert "".join(pieces) == TEXT == llm.complete(asked, "Be brief.", "Tell me.", env=env)
        seen = server.seen[0]
        assert (seen.system, seen.prompt, seen.body["model"]) == ("Be brief.", "Tell me.", asked.name)
        assert seen.authorization.removeprefix("Bearer ") == KEY


@pytest.mark.parametrize("asked", MODELS, ids=str)
def test_a_server_on_this_machine_needs_no_key_and_no_proxy(asked: llm.Model, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv(f"{asked.provider.upper()}_API_KEY", KEY)  # the environment that is asked is the one given
    with LlmServer("Yes.") as server:
        assert llm.complete(asked, "s", "p", env=server.env) == "Yes."
        assert KEY not in server.seen[0].authorization


@pytest.mark.parametrize("ending", ["", "/", "/v1", "/v1/"])
@pytest.mark.parametrize("asked", MODELS, ids=str)
def test_an_address_is_taken_with_its_version_and_without(asked: llm.Model, ending: str) -> None:
    with LlmServer("Yes.") as server:
        env = {f"{asked.provider.upper()}_BASE_URL": server.url + ending}
        assert llm.complete(asked, "s", "p", env=env) == "Yes."


def test_a_version_of_another_name_is_left_alone() -> None:
    where = llm.server(llm.Model("openai", "x"), {"OPENAI_BASE_URL": "https://example.com/v1beta/openai"})
    assert where.url == "https://example.com/v1beta/openai"


@pytest.mark.parametrize("asked", MODELS, ids=str)
def test_nothing_goes_in_clear_to_another_machine(asked: llm.Model) -> None:
    env = {f"{asked.provider.upper()}_BASE_URL": "http://10.0.0.7:8000", f"{asked.provider.upper()}_API_KEY": KEY}
    with pytest.raises(EngineClosed, match="unencrypted") as caught:
        llm.stream(asked, "s", "p", env=env)
    assert not caught.value.sent
    assert llm.server(asked, {**env, "NARRATE_ALLOW_HTTP": "1"}).host == "10.0.0.7"


@pytest.mark.parametrize("asked", MODELS, ids=str)
def test_without_a_key_the_providers_own_server_is_not_asked(asked: llm.Model) -> None:
    with pytest.raises(EngineClosed, match="there is no key"):
        llm.stream(asked, "s", "p", env={})


def test_a_key_may_lie_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "key").write_text(f"{KEY}\n")
    with LlmServer("Yes.") as server:
        env = {**server.env, "ANTHROPIC_API_KEY_FILE": str(tmp_path / "key")}
        llm.complete(MODELS[0], "s", "p", env=env)
        assert KEY in server.seen[0].authorization


@pytest.mark.parametrize("asked", MODELS, ids=str)
def test_a_missing_sdk_is_one_sentence(asked: llm.Model, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, asked.provider, None)
    with pytest.raises(JobError, match=r'pip install "narrate\[llm\]"'):
        llm.stream(asked, "s", "p", env={f"{asked.provider.upper()}_BASE_URL": "http://127.0.0.1:9"})


THREE = 1 + llm.RETRIES
FAILURES: list[tuple[str, list[Reply], type[EngineError], int, str]] = [
    ("bad key", [failed(401, "authentication_error", f"invalid key {KEY}")], EngineClosed, 1, "check the key"),
    ("no money", [failed(402, "payment_required_error", "pay first")], EngineClosed, 1, "no money"),
    ("no credit", [failed(400, "invalid_request_error", "Your credit balance is too low")], EngineClosed, 1, "money"),
    ("quota", [failed(429, "insufficient_quota", "quota", **{"x-should-retry": "false"})], EngineClosed, 1, "money"),
    ("forbidden", [failed(403, "permission_error", "no")], EngineClosed, 1, "may not"),
    ("wrong model", [failed(404, "not_found_error", "model: claude-test")], EngineClosed, 1, "check the"),
    ("redirect", [failed(307, "", "", location="http://127.0.0.1:9/")], EngineClosed, 1, "address"),
    ("content", [failed(400, "invalid_request_error", "prompt is not allowed")], EngineRefused, 1, "not allowed"),
    ("too long", [failed(413, "request_too_large", "too large")], EngineRefused, 1, "too large"),
    ("load", [throttled()] * THREE, EngineUnavailable, THREE, "slow down"),
    ("ill", [failed(500, "api_error", "oh no")] * THREE, EngineUnavailable, THREE, "oh no"),
    ("cut", [CUT], EngineUnavailable, 1, "broke off"),
    ("ends early", [ENDS], EngineUnavailable, 1, "broke off"),
    ("overloaded on the way", [OVERLOADED], EngineUnavailable, 1, "Overloaded"),
    ("refused", [REFUSED], EngineRefused, 1, "declined"),
    ("cut off", [CUT_OFF], EngineRefused, 1, "cut off"),
]


@pytest.mark.parametrize(("plan", "kind", "requests", "words"), [each[1:] for each in FAILURES], ids=lambda each: None)
@pytest.mark.parametrize("asked", MODELS, ids=str)
def test_every_failure_is_one_of_ours(
    asked: llm.Model, plan: list[Reply], kind: type[EngineError], requests: int, words: str
) -> None:
    with LlmServer(TEXT, plan) as server:
        env = {**server.env, f"{asked.provider.upper()}_API_KEY": KEY}
        with pytest.raises(kind, match=words) as caught:
            llm.complete(asked, "s", "p", env=env)
        assert type(caught.value) is kind
        assert caught.value.engine == asked.provider
        assert len(server.seen) == requests
        whole = "".join(traceback.format_exception(caught.value))
        assert KEY not in whole and KEY[-8:] not in whole
        assert caught.value.__context__ is None


@pytest.mark.parametrize("asked", MODELS, ids=str)
def test_a_throttled_request_is_made_again_by_the_sdk(asked: llm.Model) -> None:
    with LlmServer("Yes.", [throttled(), throttled()]) as server:
        assert llm.complete(asked, "s", "p", env=server.env) == "Yes."
        assert len(server.seen) == 3


@pytest.mark.parametrize("asked", MODELS, ids=str)
def test_pieces_before_a_break_are_given(asked: llm.Model) -> None:
    with LlmServer(TEXT, [CUT]) as server:
        pieces = llm.stream(asked, "s", "p", env=server.env)
        assert [next(pieces), next(pieces)] == ["It ", "was "]
        with pytest.raises(EngineUnavailable):
            next(pieces)


@pytest.mark.parametrize("asked", MODELS, ids=str)
def test_whoever_asked_may_stop(asked: llm.Model) -> None:
    heard: list[str] = []
    with LlmServer(TEXT) as server, pytest.raises(Interrupted):
        heard.extend(llm.stream(asked, "s", "p", env=server.env, cancelled=lambda: len(heard) > 2))
        pytest.fail("the stream went on")


@pytest.mark.parametrize(("asked", "name"), [(MODELS[0], "max_tokens"), (MODELS[1], "max_tokens")])
def test_a_limit_is_sent(asked: llm.Model, name: str) -> None:
    with LlmServer("Yes.") as server:
        llm.complete(asked, "s", "p", env=server.env, max_tokens=77)
        assert server.seen[0].body[name] == 77


def test_nobody_there_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(llm, "RETRIES", 0)
    with pytest.raises(EngineUnavailable, match="cannot be reached"):
        llm.complete(MODELS[0], "s", "p", env={"ANTHROPIC_BASE_URL": "http://127.0.0.1:9"})


def test_prompts_are_there_by_name_and_say_what_matters() -> None:
    assert names() == ("adapt", "spoken", "story")
    for name in ("spoken", "story"):
        text = prompt(name).lower()
        assert all(word in text for word in ("list", "emoji", "contraction", "filler", "as words", "heard"))
    adapt = prompt("adapt", kind="table", language="de")
    assert "table" in adapt and "de" in adapt and "{" not in adapt
    with pytest.raises(JobError, match="did you mean 'spoken'"):
        prompt("spokn")


def test_a_prompt_may_be_the_users_own(tmp_path: Path) -> None:
    own = tmp_path / "mine.md"
    own.write_text("\ufeffSay it in {language}; keep {braces} and { this }.\n", encoding="utf-8")
    text = prompt_from(str(own))
    assert text == "Say it in {language}; keep {braces} and { this }."
    assert filled(text, language="fr") == "Say it in fr; keep {braces} and { this }."
    assert prompt_from("story") == prompt("story")
    own.write_text(" \n")
    for wrong in (str(own), str(tmp_path / "none.md"), "storry"):
        with pytest.raises(JobError):
            prompt_from(wrong)
