"""What is due is a pure function of orders, of what lies on the disk, and of what is on record."""

from __future__ import annotations

from dataclasses import replace

import pytest

from narrate.errors import EngineError, SourceError
from narrate.library.due import standing
from narrate.library.orders import Order
from narrate.library.records import Input, Output, Record
from narrate.library.sighting import Sighting

SETTINGS = {"engine": "tone", "voice": "low"}
BOOK = Input("a.epub", "10.1.1", "digest")
LEXICON = Input("house.toml", "5.1.1", "words")
ORDER = Order("a.epub", "a.epub", (("a.epub", "a.epub"), ("house.toml", "house.toml")), SETTINGS, (), "shelf")
MADE = Record("a.epub", "made", 1.0, SETTINGS, (BOOK, LEXICON), "A/B", (Output("B.mp3", 9, 9),), made_at=1.0)
SEEN = Sighting((BOOK, LEXICON), True, "")
NEW_STAMP = replace(SEEN, inputs=(BOOK._replace(stamp="10.2.2"), LEXICON))
EDITED = replace(SEEN, inputs=(BOOK._replace(stamp="10.2.2", digest="other"), LEXICON))
UNREADABLE = replace(MADE, state="failed", exit_code=SourceError.exit_code, reason="it is no EPUB")


@pytest.mark.parametrize(
    ("order", "record", "seen", "state", "why"),
    [
        (ORDER, None, SEEN, "due", "new"),
        (ORDER, MADE, SEEN, "current", ""),
        (ORDER, MADE, NEW_STAMP, "current", ""),
        (ORDER, MADE, EDITED, "due", "a.epub changed"),
        (
            ORDER,
            MADE,
            replace(SEEN, inputs=(BOOK, LEXICON._replace(stamp="6.2.2", digest="x"))),
            "due",
            "house.toml changed",
        ),
        (ORDER, MADE, replace(SEEN, inputs=(BOOK, LEXICON._replace(stamp="", digest=""))), "due", "house.toml is gone"),
        (ORDER, MADE, replace(SEEN, inputs=(BOOK,)), "due", "house.toml is gone"),
        (ORDER, MADE, replace(SEEN, inputs=(BOOK, LEXICON, Input("b", "1", ""))), "due", "b is new"),
        (replace(ORDER, settings={**SETTINGS, "voice": "high"}), MADE, SEEN, "due", "voice: low -> high"),
        (replace(ORDER, settings={**SETTINGS, "policy": "bare"}), MADE, SEEN, "due", "policy: default -> bare"),
        (replace(ORDER, settings={"engine": "tone"}), MADE, SEEN, "due", "voice: low -> default"),
        (ORDER, MADE, replace(SEEN, missing="B.mp3"), "due", "B.mp3 is gone or was altered"),
        (ORDER, MADE, Sighting((BOOK._replace(stamp=""), LEXICON), False, ""), "gone", "its source is there no more"),
        (ORDER, replace(MADE, outputs=()), SEEN, "due", "never published"),
        (ORDER, replace(MADE, state="paused"), SEEN, "due", "unfinished"),
        (ORDER, replace(MADE, state="making"), SEEN, "due", "unfinished"),
        (ORDER, replace(MADE, state="failed", exit_code=EngineError.exit_code), SEEN, "due", "failed before"),
        (ORDER, UNREADABLE, SEEN, "unreadable", "it is no EPUB"),
        (ORDER, UNREADABLE, EDITED, "due", "a.epub changed"),
        (replace(ORDER, settings={"engine": "tone"}), UNREADABLE, SEEN, "due", "voice"),
        (ORDER, None, Sighting((BOOK._replace(stamp=""),), False, ""), "due", "new"),
    ],
)
def test_how_it_stands(order: Order, record: Record | None, seen: Sighting, state: str, why: str) -> None:
    found = standing(order, record, seen)
    assert (found.state, found.why[: len(why)]) == (state, why)


def test_whatever_is_there_can_be_asked_for_again() -> None:
    assert standing(ORDER, MADE, SEEN, again=True).state == "due"
    assert standing(ORDER, UNREADABLE, SEEN, again=True).state == "due"
    assert standing(ORDER, MADE, Sighting((BOOK._replace(stamp=""),), False, ""), again=True).state == "gone"


def test_new_times_of_old_bytes_are_worth_a_note() -> None:
    assert standing(ORDER, MADE, NEW_STAMP).restamped
    assert not standing(ORDER, MADE, SEEN).restamped
    assert not standing(ORDER, MADE, EDITED).restamped
