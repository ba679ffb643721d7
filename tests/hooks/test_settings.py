"""The tables [[hooks]]: what is taken, what is refused and how it is said, and that editors are told the same."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from narrate.errors import JobError
from narrate.hooks import EVENTS, Hook
from narrate.hooks.settings import SCHEMA, read_hooks, rooted

SECRET_URL = "https://hooks.example.org/services/T0SECRET/abcdef"


def read(text: str) -> tuple[Hook, ...]:
    return read_hooks("shelf.toml", "hooks", tomllib.loads(text)["hooks"])


def one(text: str) -> Hook:
    (hook,) = read(f"[[hooks]]\n{text}")
    return hook


def refused(text: str) -> str:
    with pytest.raises(JobError) as caught:
        one(text)
    return str(caught.value)


def test_the_key_says_what_it_is() -> None:
    hooks = read(
        """
        [[hooks]]
        webhook = "${HOOK_URL}"
        on = ["failed", "done"]
        secret_variable = "HOOK_SECRET"
        per = "book"

        [[hooks]]
        heartbeat = "https://hc-ping.com/11111111-2222"

        [[hooks]]
        command = "sh -c 'cat > /tmp/x y'"

        [[hooks]]
        kind = "email"
        email = ["anna@example.org", "ben@example.org"]
        server = "smtp.example.org:587"
        user = "anna"
        password_variable = "MAIL_PASSWORD"
        timeout = 5
        attempts = 2
        """
    )
    assert hooks == (
        Hook("webhook", ("done", "failed"), "book", url="${HOOK_URL}", secret_variable="HOOK_SECRET"),
        Hook("heartbeat", ("start", "done", "failed", "nothing-due"), url="https://hc-ping.com/11111111-2222"),
        Hook(
            "command",
            ("start", "done", "failed"),
            command=("sh", "-c", "cat > /tmp/x y"),
            timeout=60.0,
            attempts=1,
        ),
        Hook(
            "email",
            ("done", "failed"),
            to=("anna@example.org", "ben@example.org"),
            server="smtp.example.org:587",
            user="anna",
            password_variable="MAIL_PASSWORD",
            timeout=5.0,
            attempts=2,
        ),
    )


def test_one_event_and_a_list_as_command() -> None:
    hook = one('command = ["notify-send", "a b", "$HOME"]\non = "nothing-due"')
    assert hook.command == ("notify-send", "a b", "$HOME")
    assert hook.on == ("nothing-due",)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('webhok = "https://x.org"', "shelf.toml: hooks, table 1: unknown setting 'webhok'; did you mean 'webhook'?"),
        ('url = "https://x.org"', 'did you mean webhook = "https://..." or heartbeat'),
        ('to = "a@b.org"', 'did you mean email = "someone@example.org"?'),
        ('webhook = "https://x.org"\non = ["fail"]', "unknown event 'fail' in 'on'; did you mean 'failed'?"),
        ('webhook = "https://x.org"\non = []', "'on' must be a list of events"),
        ('webhook = "https://x.org"\non = 3', "'on' must be a list of events"),
        ('webhook = "https://x.org"\nper = "shelf"', "unknown value 'shelf' of 'per'; known are book, run"),
        ('webhook = "https://x.org"\nper = 1', "unknown value 1 of 'per'"),
        ('webhook = "https://x.org"\ntimeout = 0', "'timeout' must be between 0.05 and 3600 seconds"),
        ('webhook = "https://x.org"\ntimeout = nan', "'timeout' must be between"),
        ('webhook = "https://x.org"\ntimeout = true', "'timeout' must be between"),
        ('webhook = "https://x.org"\nattempts = 0', "'attempts' must be a whole number from 1 to 20"),
        ('webhook = "https://x.org"\nattempts = 2.0', "'attempts' must be a whole number"),
        (
            'webhook = "https://x.org"\nsecret = "abc"',
            "'secret' must not stand in a file; put it into a variable, and ",
        ),
        ('webhook = "https://x.org"\napi_key = "abc"', "its name here as secret_variable"),
        ('email = "a@b.org"\npassword = "abc"', "its name here as password_variable"),
        (
            'webhook = "https://x.org"\nsecret_variable = "whsec_MfKQ9r8"',
            "'secret_variable' must be the name of a vari",
        ),
        (
            'webhook = "https://x.org"\nsecret_variable = "not a name"',
            "'secret_variable' must be the name of a variable",
        ),
        ('webhook = "https://x.org"\nserver = "x"', "'server' is for hooks of kind 'email'; this one is of kind 'webh"),
        ('heartbeat = "https://x.org"\nsecret_variable = "A"', "'secret_variable' is for hooks of kind 'webhook'"),
        ('on = "done"', "says nobody to tell; name one of command, webhook, heartbeat, email"),
        ('kind = "webhook"\nheartbeat = "https://x.org"', "'webhook' is missing; write webhook = "),
        ('kind = "slack"\nwebhook = "https://x.org"', "unknown value 'slack' of 'kind'"),
        ('webhook = "https://x.org"\nemail = "a@b.org"', "'webhook' and 'email' are two hooks; give each its own"),
        ('webhook = "x.org/hook"', "'webhook' must be an http or https address"),
        ('webhook = "ftp://x.org/hook"', "'webhook' must be an http or https address"),
        ('webhook = "https://x.org/a b"', "'webhook' must be an http or https address"),
        ('webhook = "http://[::1"', "'webhook' must be an http or https address"),
        ('heartbeat = ["https://x.org"]', "'heartbeat' must be an http or https address"),
        ('webhook = "https://anna:geheim@x.org/"', "a password stands in 'webhook'"),
        ("command = []", "'command' must be a list of texts"),
        ('command = ""', "'command' is empty"),
        ('command = [""]', "'command' is empty"),
        ('command = "sh -c \'oh"', "'command' cannot be split into words (No closing quotation)"),
        ('command = ["a", "\\u0000"]', "'command' holds a sign that no command can"),
        ('email = "anna"', "'email' must be an address alone, such as someone@example.org, not 'anna'"),
        ('email = "Anna <a@b.org>"', "'email' must be an address alone"),
        ('email = "a@b.org\\nBcc: c@d.org"', "'email' must be an address alone"),
        ('email = "ä@b.org"', "'email' must be an address alone"),
        ('email = "a@b.org"\nsender = "x"', "'sender' must be an address alone"),
        ('email = "a@b.org"\nserver = "http://x.org"', "'server' must name a mail server"),
        ('email = "a@b.org"\nserver = "a b"', "'server' must name a mail server"),
        ('email = "a@b.org"\nserver = 25', "'server' must be a text in quotes, not 25"),
        ('email = "a@b.org"\nuser = "anna"', "'password_variable' is missing: 'user' alone lets nobody in"),
        ('email = "a@b.org"\npassword_variable = "A"', "'user' is missing"),
    ],
)
def test_what_is_refused_and_how(text: str, sentence: str) -> None:
    assert sentence in refused(text)
    assert "geheim" not in refused(text)
    assert "MfKQ9r8" not in refused(text)


@pytest.mark.parametrize("value", [{"webhook": "https://x.org"}, "https://x.org", ["https://x.org"], 3])
def test_hooks_are_tables(value: Any) -> None:
    with pytest.raises(JobError, match=r"job.toml: 'hooks' must be tables, each such as \[\[hooks\]\] webhook = "):
        read_hooks("job.toml", "hooks", value)


def test_the_second_table_is_named() -> None:
    with pytest.raises(JobError, match="hooks, table 2: unknown setting 'hartbeat'; did you mean 'heartbeat'"):
        read('[[hooks]]\ncommand = "true"\n[[hooks]]\nhartbeat = "https://x.org"')


def test_an_address_is_never_repeated() -> None:
    for wrong in (f'webhook = "{SECRET_URL} "', f'webhook = ["{SECRET_URL}"]', f'webhook = "x{SECRET_URL}"'):
        assert "T0SECRET" not in refused(wrong)


@pytest.mark.parametrize(
    "text",
    [
        'webhook = "${HOOK_URL:-http://localhost:8080/x}"',
        'webhook = "https://${HOST}:${PORT:-8080}/a?key=${KEY}"',
        'webhook = "https://anna:${PASSWORD}@x.org/"',
        'email = "a.b+c@x-y.example.org"\nserver = "${MAIL_SERVER:-localhost}"',
        'email = "a@b.org"\nserver = "smtp://${MAIL_HOST}:2525"',
        'email = "a@b.org"\nserver = "[::1]:25"',
        'email = "a@b.org"\nserver = "smtps://smtp.example.org:465"',
        'email = "a@localhost"\nsender = "narrate@nas"',
    ],
)
def test_what_is_taken(text: str) -> None:
    hook = one(text)
    assert "${" not in text or "${" in hook.url + hook.server
    jsonschema.validate(tomllib.loads(text), SCHEMA)


def test_a_relative_command_belongs_to_its_folder() -> None:
    hooks = read('[[hooks]]\ncommand = "./tell.sh a/b"\n[[hooks]]\ncommand = "curl x"\n[[hooks]]\ncommand = "/bin/x"')
    assert [hook.command for hook in rooted(hooks, Path("/books"))] == [
        ("/books/tell.sh", "a/b"),
        ("curl", "x"),
        ("/bin/x",),
    ]


VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["additionalProperties"] is False
    assert all(part["description"].endswith(".") for part in SCHEMA["properties"].values())
    assert SCHEMA["properties"]["on"]["anyOf"][0]["enum"] == list(EVENTS)


@pytest.mark.parametrize(
    "table",
    [
        {"webhook": "https://x.org", "webhok": 1},
        {"on": ["done"]},
        {"webhook": "https://x.org", "heartbeat": "https://x.org"},
        {"webhook": "https://x.org", "server": "x"},
        {"webhook": "x.org"},
        {"webhook": "https://x.org", "on": ["fail"]},
        {"webhook": "https://x.org", "secret_variable": "whsec_abc"},
        {"command": []},
        {"command": ""},
        {"email": "a@b.org", "user": "anna"},
        {"webhook": "https://x.org", "timeout": 0},
        {"webhook": "https://x.org", "attempts": 21},
        {"webhook": "https://x.org", "kind": "slack"},
    ],
)
def test_editors_and_narrate_refuse_the_same(table: dict[str, Any]) -> None:
    assert not VALIDATOR.is_valid(table)
    with pytest.raises(JobError):
        read_hooks("x", "hooks", [table])


@pytest.mark.parametrize("name", list(SCHEMA["properties"]))
def test_every_setting_in_the_schema_is_known(name: str) -> None:
    with pytest.raises(JobError) as caught:
        read_hooks("x", "hooks", [{name: object()}])
    assert "unknown setting" not in str(caught.value)
