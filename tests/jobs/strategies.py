"""Jobs and tables of settings, of every kind, for properties."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from narrate.bounds import Bounds
from narrate.hooks import EVENTS, Hook
from narrate.job import BITRATES, ENGINES, Job
from narrate.jobs.readers import BOUNDS, DEADLINES, MANY, METADATA, PAUSES
from narrate.policy import KINDS, POLICIES, PlaceRule
from narrate.script import Pauses

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
# what looks like a key is refused, and that is tested elsewhere
PATH = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=12).map(
    lambda name: Path("/x") / name
)
NAME = st.from_regex("[a-z]{1,8}", fullmatch=True)
WHOLE = st.integers(0, 1024)
SECONDS = st.floats(0.05, 86_400)


def pairs(names: Any, values: Any) -> Any:
    return st.dictionaries(names, values, max_size=3).map(lambda table: tuple(table.items()))


def some(kind: type, names: tuple[str, ...], values: Any) -> Any:
    return st.dictionaries(st.sampled_from(names), values, max_size=3).map(lambda table: kind(**table))


_CHANGE = st.sampled_from([(kind, action) for kind, known in KINDS.items() for action in known.actions])
_EVENTS = st.lists(st.sampled_from(EVENTS), min_size=1, unique=True).map(
    lambda chosen: tuple(event for event in EVENTS if event in chosen)
)
_TRIES: dict[str, Any] = {
    "on": _EVENTS,
    "per": st.sampled_from(["book", "run"]),
    "timeout": st.floats(0.05, 3_600),
    "attempts": st.integers(1, 20),
}
_HOOK = st.one_of(
    st.builds(
        Hook,
        st.just("command"),
        command=st.tuples(NAME, st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))),
        **_TRIES,
    ),
    st.builds(
        Hook,
        st.just("webhook"),
        url=st.sampled_from(["https://x.example/a?b=c", "${HOOK}", "http://localhost:80/"]),
        secret_variable=st.sampled_from(["", "HOOK_SECRET"]),
        **_TRIES,
    ),
    st.builds(Hook, st.just("heartbeat"), url=st.just("https://hc.example/${UUID}"), **_TRIES),
    st.builds(
        Hook,
        st.just("email"),
        to=st.sampled_from([("a@b.example",), ("a@b.example", "c@d.example")]),
        server=st.sampled_from(["localhost", "smtp.example.org:587"]),
        sender=st.sampled_from(["", "me@example.org"]),
        **_TRIES,
    ),
)

JOBS = st.builds(
    Job,
    PATH,
    output=PATH,
    store=st.none() | PATH,
    engine=st.sampled_from(ENGINES),
    voice=TEXT,
    model=TEXT,
    language=st.sampled_from(["", "en", "pt-BR", "zh-Hant-TW"]),
    settings=pairs(NAME, TEXT).map(lambda found: tuple(sorted(found))),
    formats=st.lists(st.sampled_from(["mp3", "m4b", "chapters"]), min_size=1).map(tuple),
    chapters=st.sampled_from(["", "1-3,7", " 2 "]),
    bitrate=st.none() | st.sampled_from([known for known in BITRATES if known < 300]),
    loudness=st.none() | st.floats(-40, -5),
    jobs=WHOLE,
    cores=WHOLE,
    attempts=st.integers(1, 100),
    max_wait=SECONDS,
    timeout=st.none() | SECONDS,
    deadlines=pairs(st.sampled_from(DEADLINES), SECONDS),
    patience=st.none() | SECONDS,
    price=st.none() | st.floats(0, 1e9),
    currency=st.sampled_from(["USD", "EUR"]),
    max_cost=st.none() | st.floats(0, 1e9),
    max_characters=st.none() | st.integers(0, 10**12),
    max_requests=st.none() | st.integers(0, 10**12),
    pauses=some(Pauses, PAUSES, st.integers(0, 60_000)),
    metadata=st.dictionaries(st.sampled_from(METADATA), TEXT, max_size=4).map(
        lambda table: tuple((name, (text,) if name in MANY else text) for name, text in table.items())
    ),
    policy=st.sampled_from(sorted(POLICIES)),
    reading=st.lists(_CHANGE, max_size=4, unique_by=lambda change: change[0]).map(tuple),
    places=st.lists(
        st.builds(PlaceRule, TEXT.filter(bool), read=st.sampled_from(["speak", "skip"]), say=TEXT), max_size=2
    ).map(tuple),
    lexicons=st.lists(PATH, max_size=2).map(tuple),
    bounds=some(Bounds, BOUNDS, st.integers(1, 10**9)),
    key_variable=st.sampled_from(["", "LMNT_API_KEY_SCHOOL"]),
    serial=st.booleans(),
    feed_url=st.sampled_from(["", "https://x.example/a"]),
    hooks=st.lists(_HOOK, max_size=3).map(tuple),
)
