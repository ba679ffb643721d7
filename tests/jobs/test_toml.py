"""TOML: mistakes explained by line, and values written."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from narrate.errors import JobError
from narrate.jobs.toml import key_written, parsed, written


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ('a = "b"\nengine = kokoro', 2, 'texts stand in quotes: engine = "…"'),
        ("a = 1\n\nkey = sk-abcdefghijklmnop", 3, "texts stand in quotes"),
        ("sk-abcdefghijklmnop = kokoro", 1, 'texts stand in quotes: name = "…"'),
        ("a = 'x\u2028y'\nengine = kokoro\nb: 1", 2, 'texts stand in quotes: engine = "…"'),
        ("a = 1\nengine: 'x'", 2, 'write it as name = "value"'),
        ('a = "C:\\Users\\x"', 1, "write paths with /, or between single quotes"),
        ("a = “x”", 1, "quotes must be straight"),
        ("a = True", 1, "true and false are written in small letters"),
        ("a = 1\na = 2", 2, "it stands there twice"),
        ("[a]\nb = 1\n[a]\n", 3, "it stands there twice"),
        ("a = 1\nb = ", 2, ""),
        ("a = [1,\n2", 2, ""),
    ],
)
def test_syntax_is_explained_by_line(tmp_path: Path, text: str, line: int, says: str) -> None:
    path = tmp_path / "job.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(JobError) as caught:
        parsed(path, "job file")
    assert str(caught.value).startswith(f"{path}:{line}: is not valid TOML: ")
    assert says in str(caught.value)
    assert "sk-abc" not in str(caught.value)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"\xff", "it is not written in UTF-8"),
        (b"a = " + b"[" * 20_000, "is not valid TOML"),
        (b"# " + b"x" * (1 << 20), "is larger than 1 MiB"),
        (b"a = " + b"9" * 5_000, "is not valid TOML: a number in it has thousands of digits$"),
        (b"a = 0x" + b"f" * 5_000, "is not valid TOML: a number in it has thousands of digits$"),
    ],
)
def test_what_is_no_job_file(tmp_path: Path, data: bytes, says: str) -> None:
    path = tmp_path / "job.toml"
    path.write_bytes(data)
    with pytest.raises(JobError, match=says):
        parsed(path, "job file")


def test_a_mark_of_byte_order_does_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "job.toml"
    path.write_bytes(b"\xef\xbb\xbfa = 1\r\n")
    assert parsed(path, "job file") == {"a": 1}


_TEXT = st.text(st.characters(exclude_categories=["Cs"]))
_VALUES = st.recursive(
    st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False) | _TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3),
    max_leaves=8,
)


@given(_TEXT, _VALUES)
def test_what_is_written_is_read_back(key: str, value: Any) -> None:
    assert tomllib.loads(f"{key_written(key)} = {written(value)}") == {key: value}
