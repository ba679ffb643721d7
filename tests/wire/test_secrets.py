"""Keys are found in every disguise that servers give them, and little else is."""

from __future__ import annotations

import base64
import html
import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from narrate.wire.secrets import MARK, cut_out, redacted

KEY = "sk-Pr0j/9f+3a&1c<77d2=Qz"
SENTENCE = "The quick brown fox jumps over the lazy dog while voices speak of nothing that anybody would hide."


@pytest.mark.parametrize(
    "said",
    [
        KEY,
        KEY.upper(),
        KEY.lower(),
        KEY.swapcase(),
        KEY[::-1],
        KEY[:10],
        KEY[-8:],
        KEY[5:12],
        f"{KEY[:3]}...{KEY[-4:]}",
        f"{KEY[:5]}************{KEY[-2:]}",
        f"{KEY[:4]}…",
        f"***{KEY[-4:]}",
        quote(KEY, safe=""),
        quote(KEY),
        html.escape(KEY),
        json.dumps(KEY),
        json.dumps(KEY).replace("/", "\\/"),
        repr(KEY.encode()),
        base64.b64encode(KEY.encode()).decode(),
        base64.b64encode(b"user:" + KEY.encode()).decode(),
        base64.b64encode(b"me:" + KEY.encode() + b":x").decode(),
        base64.urlsafe_b64encode(b"Bearer " + KEY.encode()).decode(),
        KEY.encode().hex(),
        f"{KEY}{KEY}",
        f"{KEY},{KEY[:9]}",
        f"x-api-key={KEY};",
    ],
)
def test_a_key_is_found_in_every_disguise(said: str) -> None:
    clean = cut_out(f"Incorrect key: {said} is not known", [KEY])
    assert MARK in clean
    assert clean.startswith("Incorrect key: ")
    assert clean.endswith(" is not known")
    # of what surrounds a key inside base64, and of "x-api-key=", something stays
    assert len(clean.replace(MARK, "")) <= len("Incorrect key:  is not known") + 14


@given(st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=8, max_size=60), st.text(max_size=80))
def test_no_six_characters_of_any_key_remain(key: str, around: str) -> None:
    clean = cut_out(f"{around}{key}{around}", [key]).replace(MARK, "\0")
    assert not any(key[at : at + 6].lower() in clean.lower() for at in range(len(key) - 5))


def test_what_is_no_key_stays() -> None:
    for key in (KEY, "3f9a1c77d2e84b60a5", "abcd", "x", ""):
        assert cut_out(SENTENCE, [key]) == SENTENCE
    assert cut_out("wait... then * go ** on…", [KEY]) == "wait... then * go ** on…"
    assert cut_out("İstanbul: " + KEY, [KEY]) == "İstanbul: " + MARK


def test_many_keys_and_short_ones() -> None:
    assert (
        cut_out("first-key and second-key, pass", ["first-key", "second-key", "pass"]) == f"{MARK} and {MARK}, {MARK}"
    )


def test_a_long_message_is_cut_after_the_keys_are() -> None:
    assert redacted("x" * 500, [KEY]) == "x" * 199 + "…"
    assert KEY[:6] not in redacted("x" * 190 + KEY, [KEY])
    assert len(redacted((KEY + " ") * 10_000, [KEY])) <= 200
