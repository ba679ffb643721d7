"""What hooks take from the environment."""

from __future__ import annotations

from pathlib import Path

import pytest

from narrate.hooks import Hook, Undelivered
from narrate.hooks.environment import expanded, secret, secret_variables, without_keys


def test_variables_are_looked_up_when_they_are_needed() -> None:
    env = {"HOST": "example.org", "EMPTY": " "}
    assert expanded("https://${HOST}/${PATH_:-a/b}?c=${EMPTY:-d}", env) == "https://example.org/a/b?c=d"
    assert expanded("$HOST $(x) ${not a name}", env) == "$HOST $(x) ${not a name}"
    assert expanded("${A:-}", {}) == ""


@pytest.mark.parametrize("env", [{}, {"HOOK_URL": " "}])
def test_a_variable_that_is_not_set(env: dict[str, str]) -> None:
    with pytest.raises(Undelivered, match="the variable HOOK_URL is not set") as caught:
        expanded("${HOOK_URL}", env)
    assert not caught.value.heals


def test_a_secret_comes_from_a_variable_or_a_file(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(" whsec_abc\n")
    assert secret({"S": " abc "}, "S") == "abc"
    assert secret({"S_FILE": str(tmp_path / "secret")}, "S") == "whsec_abc"
    (tmp_path / "empty").touch()
    (tmp_path / "bytes").write_bytes(b"\xff\xfe")
    for file, reason in (("none", "cannot be read: no such file"), ("empty", "is empty"), ("bytes", "not a text file")):
        with pytest.raises(Undelivered, match=reason) as caught:
            secret({"S_FILE": str(tmp_path / file)}, "S")
        assert str(tmp_path) not in str(caught.value)
    with pytest.raises(Undelivered, match="the variable S is not set"):
        secret({}, "S")


def test_keys_are_kept_back() -> None:
    hooks = (
        Hook("webhook", (), url="https://${HOST}/${TOKEN:-x}", secret_variable="SIGNING"),
        Hook("email", (), server="${RELAY}", password_variable="MAIL"),
    )
    names = secret_variables(hooks)
    assert names == {"HOST", "TOKEN", "SIGNING", "RELAY", "MAIL"}
    env = {
        "PATH": "/bin",
        "LMNT_API_KEY": "a",
        "LMNT_API_KEY_FILE": "a",
        "OPENAI_API_KEY": "a",
        "ANTHROPIC_API_KEY": "a",
        "SIGNING": "a",
        "MAIL_FILE": "a",
        "LMNT_BASE_URL": "http://localhost",
    }
    assert without_keys(env, names) == {"PATH": "/bin", "LMNT_BASE_URL": "http://localhost"}
