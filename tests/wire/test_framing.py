"""Where an answer ends, however it is cut into pieces."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from narrate.wire.framing import Framing

LENGTH = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX: y\r\n\r\nhello"
CHUNKED = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"5;name=value\r\nhel\r\n\r\n10\r\n0123456789abcdef\r\n0\r\nTrailer: x\r\n\r\n"
)
NOTHING = b"HTTP/1.1 204 No Content\r\n\r\n"
EMPTY = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
CONTINUED = b"HTTP/1.1 100 Continue\r\n\r\n" + LENGTH


@given(
    st.sampled_from([LENGTH, CHUNKED, NOTHING, EMPTY, CONTINUED]), st.binary(max_size=30), st.lists(st.integers(1, 20))
)
def test_what_belongs_to_an_answer_is_told_however_it_is_cut(answer: bytes, surplus: bytes, sizes: list[int]) -> None:
    frame, rest, took = Framing(), answer + surplus, 0
    for size in [*sizes, len(rest)]:
        took += frame.took(rest[:size])
        rest = rest[size:]
    assert took == len(answer)
    assert frame.over


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\n\r\nuntil the end of the connection",
        b"HTTP/1.1 200 OK\r\nContent-Length: five\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhello",
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"x" * 500_000,
    ],
)
def test_where_no_end_can_be_told_all_belongs(answer: bytes) -> None:
    frame = Framing()
    assert frame.took(answer) == len(answer)
    assert frame.took(answer) == len(answer)
    assert not frame.over


def test_a_tunnel_begins_behind_the_headers() -> None:
    frame = Framing(tunnel=True)
    head = b"HTTP/1.1 200 Connection established\r\nContent-Length: 7\r\n\r\n"
    assert frame.took(head + b"tls") == len(head)
