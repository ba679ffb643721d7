"""Notices for tests, and titles that would break what is careless."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from narrate.hooks import Event, Notice

NASTY = (
    "Dune\r\nBcc: everybody@example.org\r\n\r\nbody",
    "\x00\x1b]0;title\x07\x9b31m",
    "half \ud800 and \udcff",
    "👩‍👩‍👧‍👦 شيء 日本語 " * 20,
    "",
    "   ",
    "=?utf-8?q?already?= =?x",
    "=?utf-8?q?a=0D=0ABcc:_everybody=40example.org=0D=0A=0D=0Abody?=",
    "\u202eright\u2028to left\x85",
    "-n $(touch x) `id` 'a' \"b\" \\",
)

TITLES = st.one_of(
    st.sampled_from(NASTY),
    st.text(st.characters(), max_size=300),
    st.text(st.sampled_from("aq\r\n\x00\x1b\ud83d\udcff:<>=??_-8é 字"), max_size=80),
)


def notice(event: Event = "done", title: str = "Dune", **payload: Any) -> Notice:
    return Notice(event, f"done: {title}", f"{title}\nfive chapters", {"title": title, **payload})
