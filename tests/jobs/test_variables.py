"""Variables in paths."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from narrate.errors import JobError
from narrate.jobs.variables import escaped, expanded

ENV = {
    "A": "x",
    "EMPTY": "",
    "LMNT_API_KEY": "top secret",
    "LMNT_API_KEY_FILE": "/k",
    "OPENAI_APIKEY": "top secret",
    "DB_PASS": "top secret",
    "SCHOOL": "sk-topsecrettopsecret",
    "MONKEY": "ape",
}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("plain", "plain"),
        ("${A}", "x"),
        ("a${A}b${A}", "axbx"),
        ("${NONE:-d}", "d"),
        ("${EMPTY:-d/e}", "d/e"),
        ("${A:-d}", "x"),
        ("${NONE:-}", ""),
        ("$A $ {A}", "$A $ {A}"),
        ("$${A}", "${A}"),
        ("$$${A}", "$${A}"),
        ("${LMNT_API_KEY_FILE}", "/k"),
        ("${MONKEY}", "ape"),
        ("${NONE:-$HOME}", "$HOME"),
    ],
)
def test_values(text: str, value: str) -> None:
    assert expanded("f", "output", text, ENV) == value


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("${NONE}", "f: 'output' names the variable NONE, which is not set; set it, or write ${NONE:-default}"),
        ("${EMPTY}", "which is not set"),
        ("${}", "names no variable"),
        ("${1}", "names no variable"),
        ("${A", "names no variable"),
        ("${LMNT_API_KEY}", "names LMNT_API_KEY, which holds a key: a path is no place for it"),
        ("${MY_TOKEN:-x}", "a path is no place for it"),
        ("${OPENAI_APIKEY}", "a path is no place for it"),
        ("${DB_PASS}", "a path is no place for it"),
        ("${SCHOOL}", "names SCHOOL, which holds a key"),
        ("${NONE:-${A}}", "with a default that names none"),
    ],
)
def test_what_is_refused(text: str, says: str) -> None:
    with pytest.raises(JobError) as caught:
        expanded("f", "output", text, ENV)
    assert says in str(caught.value)
    assert "top secret" not in str(caught.value)


@given(st.text(st.sampled_from("$${}A:-x")))
def test_what_is_escaped_means_itself(text: str) -> None:
    assert expanded("f", "output", escaped(text), {}) == text
