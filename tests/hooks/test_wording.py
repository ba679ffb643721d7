"""Notices in words and as JSON."""

from __future__ import annotations

import json
import math
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from narrate.hooks import Notice
from narrate.hooks.wording import LONGEST_SUBJECT, as_json, lines, subject, text
from tests.hooks.notices import TITLES, notice


def test_the_envelope() -> None:
    told = json.loads(as_json(Notice("failed", "failed: Dune", "no key", {"a": (1, None)}, "msg_1", 1735689600.5)))
    assert told == {
        "type": "failed",
        "timestamp": "2025-01-01T00:00:00Z",
        "subject": "failed: Dune",
        "text": "failed: Dune\nno key",
        "data": {"a": [1, None]},
    }


def test_what_json_has_not() -> None:
    given = {"path": Path("/a"), 3: {1}, "nan": math.nan, "many": [math.inf, True, 1.5], "half\ud800": "\udcff"}
    assert json.loads(as_json(notice(x=given)))["data"]["x"] == {
        "path": "/a",
        "3": [1],
        "nan": None,
        "many": [None, True, 1.5],
        "half\ufffd": "\ufffd",
    }


def test_each_notice_has_an_id_of_its_own() -> None:
    assert notice().id.startswith("msg_")
    assert notice().id != notice().id


@given(TITLES, st.recursive(st.text() | st.floats(), st.lists, max_leaves=5))
def test_any_title_is_harmless(title: str, more: object) -> None:
    told = notice(title=title, more=more)
    assert len(subject(told)) <= LONGEST_SUBJECT * 8
    assert not set(subject(told)) & set("\r\n\0\x1b\x85\u2028")
    assert not set(text(told)) & set("\r\0\x1b\x85")
    subject(told).encode()
    text(told).encode()
    body = as_json(told)
    assert body.isascii()
    json.dumps(json.loads(body), ensure_ascii=False).encode()


def test_where_there_is_no_text_the_subject_is_told() -> None:
    told = Notice("done", "done: Dune", " \r\n", {})
    assert text(told) == "done: Dune"
    assert json.loads(as_json(told))["text"] == "done: Dune"


def test_lines_are_cut() -> None:
    assert lines("a\r\nb\rc\td\x1b", 100) == "a\nb\nc\td "
    assert lines("a" * 20, 10) == "a" * 9 + "…"
