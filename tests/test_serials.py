"""A book that grows: what was published keeps its number, GUID and file name, whatever happens around it."""

from __future__ import annotations

import json
import re
import uuid
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from narrate import manifest
from narrate.audiobook import Audiobook, Cue, Episode, Serial, Track
from narrate.serials import continued, day, decimal, feed_address, feed_guid, parts_of, whole
from tests.blobs import META, of_tracks


@dataclass(frozen=True)
class Text:
    """A chapter as its author has it. ``who`` is what it is, whatever is done to it."""

    who: int
    title: str
    sentences: tuple[str, ...]


def fresh(who: int) -> Text:
    return Text(who, f"Title {who}", tuple(f"Sentence {n} of text {who}." for n in range(6)))


def book(chapters: list[Text], *, named: bool = True, date: str = "", identifier: str = "urn:x") -> Audiobook:
    """An audiobook of these chapters. ``named``: their anchors are their own; else they count, as most sources do."""
    tracks = tuple(Track(one.title, 1, index * 9216, 9216, 0) for index, one in enumerate(chapters))
    bare = of_tracks(tracks, 24000)
    cues = tuple(
        Cue(f"{one.who if named else index}.xhtml#p{n}", sentence, index, 0, 1, "k", "d")
        for index, one in enumerate(chapters)
        for n, sentence in enumerate(one.sentences)
    )
    meta = replace(META, date=date, identifier=identifier)
    return replace(bare, meta=meta, cues=cues, serial=Serial())


def published(folder: Path, audiobook: Audiobook, *names: str) -> manifest.Manifest:
    """``audiobook``'s manifest, written and read back; ``names`` are files in it."""
    path = folder / manifest.NAME
    files = [manifest.File(name, 1, "x") for name in names]
    path.write_text("".join(manifest.lines(audiobook, files)), encoding="utf-8")
    found = manifest.read(path)
    assert found is not None
    return found


def after(folder: Path, *editions: Audiobook) -> list[tuple[Episode, ...]]:
    """The episodes of each edition, published one after the other."""
    older, rows = None, []
    for edition in editions:
        made = continued(edition, older)
        assert made.serial is not None
        rows.append(made.serial.episodes)
        older = published(folder, made)
    return rows


def numbers(episodes: tuple[Episode, ...]) -> list[str]:
    return [episode.number for episode in episodes]


ONE, TWO, THREE, FOUR, FIVE = (fresh(who) for who in range(1, 6))


# --- growing --------------------------------------------------------------------------------------------------------


def test_a_first_edition_is_numbered_with_room(tmp_path: Path) -> None:
    (episodes,) = after(tmp_path, book([ONE, TWO]))
    assert [(one.number, one.name, one.order) for one in episodes] == [
        ("0001", "0001 - Title 1", 1),
        ("0002", "0002 - Title 2", 2),
    ]
    assert all(uuid.UUID(one.guid).version == 5 for one in episodes)


@pytest.mark.parametrize(
    ("then", "wanted"),
    [
        ([ONE, TWO, THREE, FOUR, FIVE], ["0001", "0002", "0003", "0004", "0005"]),
        ([ONE, FOUR, TWO, THREE], ["0001", "0001.1", "0002", "0003"]),
        ([FOUR, ONE, TWO, THREE, FIVE], ["0000.1", "0001", "0002", "0003", "0004"]),
        ([ONE, TWO, FOUR, FIVE, THREE], ["0001", "0002", "0002.1", "0002.2", "0003"]),
        ([ONE, THREE], ["0001", "0003"]),
        ([ONE, TWO, FOUR], ["0001", "0002", "0004"]),
        ([FOUR], ["0004"]),
        ([THREE, ONE, TWO], ["0003", "0001", "0002"]),
    ],
    ids=["end", "between", "front", "two between", "gone", "gone and one more", "all gone", "moved"],
)
@pytest.mark.parametrize("named", [True, False])
def test_what_the_next_edition_is_numbered(tmp_path: Path, then: list[Text], wanted: list[str], named: bool) -> None:
    if then == [ONE, TWO, FOUR] and not named:
        wanted = ["0001", "0002", "0003"]  # another title and text, but nothing has moved: it was rewritten
    first, second = after(tmp_path, book([ONE, TWO, THREE], named=named), book(then, named=named))
    assert numbers(second) == wanted
    known = {one.title: one for one in first}
    for episode in second:
        if episode.title in known:
            assert replace(episode, anchor="") == replace(known[episode.title], anchor="")


def test_numbers_between_two_never_run_out_and_stay_short(tmp_path: Path) -> None:
    """A serial whose last chapter is always the afterword."""
    chapters, older, longest = [ONE, TWO], None, 0
    for who in range(100, 250):
        made = continued(book(chapters, named=False), older)
        assert made.serial is not None
        given = numbers(made.serial.episodes)
        assert given == sorted(given, key=parts_of) == sorted(given)
        longest = max(map(len, given))
        older = replace(EMPTY, serial=made.serial, **told(made))
        chapters.insert(-1, fresh(who))
    assert longest <= 24


EMPTY = manifest.Manifest((), (), 0, {})


def told(audiobook: Audiobook) -> dict[str, object]:
    """What a manifest tells of an audiobook, without the way over JSON."""
    cues = [{"chapter": cue.chapter, "anchor": cue.anchor, "text": cue.text} for cue in audiobook.cues]
    return {"marks": audiobook.marks, "content": {"cues": cues}}


@pytest.mark.parametrize("count", [9, 10, 81, 300])
def test_many_between_two_at_once(count: int) -> None:
    made = continued(book([ONE, TWO]), None)
    older = replace(EMPTY, serial=made.serial, **told(made))
    grown = continued(book([ONE, *(fresh(100 + n) for n in range(count)), TWO]), older)
    assert grown.serial is not None
    given = numbers(grown.serial.episodes)
    assert given[0] == "0001" and given[-1] == "0002"
    assert given == sorted(given) == sorted(given, key=parts_of)
    assert len(set(given)) == len(given)
    assert max(map(len, given)) <= 12


# --- edits ----------------------------------------------------------------------------------------------------------


def edited(text: Text, kind: str) -> Text:
    if kind == "title":
        return replace(text, title=f"New {text.title}")
    if kind == "a sentence":
        return replace(text, sentences=(*text.sentences[:-1], "Quite another end."))
    if kind == "text":
        return replace(text, sentences=tuple(f"New: {one}" for one in text.sentences))
    return edited(edited(text, "title"), "text")


@pytest.mark.parametrize("kind", ["title", "a sentence", "text", "both"])
def test_an_edited_chapter_keeps_what_it_has(tmp_path: Path, kind: str) -> None:
    first, second = after(tmp_path, book([ONE, TWO, THREE]), book([ONE, edited(TWO, kind), THREE, FOUR]))
    assert [(one.number, one.guid, one.name) for one in first] == [
        (one.number, one.guid, one.name) for one in second[:3]
    ]
    assert second[1].title == edited(TWO, kind).title


def test_a_chapter_in_anothers_place_is_not_taken_for_it(tmp_path: Path) -> None:
    """Files that are numbered by position: the third file now holds what the second did."""
    first, second = after(
        tmp_path, book([ONE, TWO, THREE], named=False), book([ONE, FOUR, edited(TWO, "a sentence"), THREE], named=False)
    )
    assert numbers(second) == ["0001", "0001.1", "0002", "0003"]
    assert second[2].guid == first[1].guid


def test_a_window_that_has_rolled_on_holds_new_chapters(tmp_path: Path) -> None:
    """A newsletter's latest, of which none is left a month later: the places are the same, the letters are not."""
    _, second = after(tmp_path, book([ONE, TWO], named=False), book([THREE, FOUR], named=False))
    assert numbers(second) == ["0003", "0004"]


def test_what_stands_in_many_chapters_proves_nothing(tmp_path: Path) -> None:
    thanks = ("Thank you for reading, and do tell your friends of this story; there will be more next week.",)
    chapters = [replace(one, title="", sentences=one.sentences[:1] + thanks) for one in (ONE, TWO, THREE, FOUR)]
    first, second = after(tmp_path, book(chapters[:3], named=False), book([chapters[0], *chapters[2:]], named=False))
    assert numbers(second) == ["0001", "0003", "0004"]
    assert second[1].guid == first[2].guid


def test_chapters_of_one_text_are_told_apart_by_their_order(tmp_path: Path) -> None:
    blank = [Text(who, "", ("This page is left blank.",)) for who in (7, 8, 9)]
    _, second = after(
        tmp_path,
        book([blank[0], ONE, blank[1], TWO], named=False),
        book([FIVE, blank[0], ONE, blank[1], TWO, blank[2]], named=False),
    )
    assert numbers(second) == ["0000.1", "0001", "0002", "0003", "0004", "0005"]


def test_the_same_text_cut_into_other_pieces_is_the_same(tmp_path: Path) -> None:
    """Another engine takes longer pieces; and its chapters moved."""
    whole_text = replace(TWO, title="Else", sentences=(" ".join(TWO.sentences),))
    _, second = after(tmp_path, book([ONE, TWO], named=False), book([THREE, ONE, whole_text], named=False))
    assert numbers(second) == ["0000.1", "0001", "0002"]


# --- what was given is never given again ----------------------------------------------------------------------------


def test_a_removed_chapters_number_stays_taken_and_is_its_own_when_it_returns(tmp_path: Path) -> None:
    rows = after(
        tmp_path,
        book([ONE, TWO, THREE]),
        book([ONE]),
        book([ONE, FOUR, FIVE]),
        book([ONE, TWO, FOUR]),
        book([ONE, FOUR, THREE]),
    )
    assert [numbers(row) for row in rows[1:]] == [
        ["0001"],
        ["0001", "0004", "0005"],
        ["0001", "0002", "0004"],
        ["0001", "0004", "0006"],  # it now stands elsewhere
    ]
    assert rows[3][1].guid == rows[0][1].guid
    assert rows[4][2].guid not in {one.guid for row in rows[:4] for one in row}


def test_a_guid_is_read_back_and_not_computed_anew(tmp_path: Path) -> None:
    first, second = after(tmp_path, book([ONE]), book([ONE, TWO], identifier="another"))
    assert second[0].guid == first[0].guid
    (elsewhere,) = after(tmp_path, book([ONE], identifier="another"))
    assert elsewhere[0].guid != first[0].guid


def test_a_book_without_identifier_goes_by_author_and_title(tmp_path: Path) -> None:
    bare = book([ONE], identifier=" ")
    (first,), (again,) = after(tmp_path, bare), after(tmp_path, bare)
    assert first[0].guid == again[0].guid
    for other in (replace(bare.meta, title="\ud800"), replace(bare.meta, authors=("B",))):
        ((episode,),) = after(tmp_path, replace(bare, meta=other))
        assert episode.guid != first[0].guid


# --- books that were no serials -------------------------------------------------------------------------------------


def test_a_plain_book_stays_as_it_is(tmp_path: Path) -> None:
    plain = replace(book([ONE]), serial=None)
    assert continued(plain, None) is plain
    assert continued(plain, published(tmp_path, plain)) is plain
    assert "episodes" not in (tmp_path / manifest.NAME).read_text(encoding="utf-8")


def test_a_plain_book_becomes_a_serial_as_it_stands(tmp_path: Path) -> None:
    plain = replace(book([ONE, TWO], date="2024-05-01"), serial=None)
    older = published(
        tmp_path, plain, "chapters/01 - Old.mp3", "chapters/02 - Title 2.mp3", "chapters/x.mp3", "03 - .mp3"
    )
    grown = continued(book([ONE, FOUR, TWO, THREE], date="2024-06-01"), older)
    assert grown.serial is not None
    assert [(one.number, one.name, one.date) for one in grown.serial.episodes] == [
        ("01", "01 - Old", "2024-05-01"),
        ("01.1", "01.1 - Title 4", "2024-05-01"),
        ("02", "02 - Title 2", "2024-05-01"),
        ("03", "03 - Title 3", "2024-06-01"),
    ]


def test_a_plain_book_without_chapter_files_gets_a_serials_names(tmp_path: Path) -> None:
    older = published(tmp_path, replace(book([ONE]), serial=None), "Book.mp3")
    grown = continued(book([ONE, TWO]), older)
    assert grown.serial is not None
    assert [one.name for one in grown.serial.episodes] == ["0001 - Title 1", "0002 - Title 2"]


def test_once_a_serial_always_a_serial(tmp_path: Path) -> None:
    """Or whoever makes an M4B of it by hand would take away the names of its episodes."""
    older = published(tmp_path, continued(book([ONE, TWO, THREE]), None))
    again = continued(replace(book([ONE, THREE]), serial=None), older)
    assert again.serial is not None
    assert numbers(again.serial.episodes) == ["0001", "0003"]


def test_a_feeds_guid_is_kept(tmp_path: Path) -> None:
    older = published(tmp_path, continued(replace(book([ONE]), serial=Serial(guid="a")), None))
    moved = continued(replace(book([ONE]), serial=Serial(guid="b")), older)
    assert moved.serial is not None
    assert moved.serial.guid == "a"


@pytest.mark.parametrize("cues", [None, 5, [1, {}, {"chapter": []}, {"chapter": 99}, {"chapter": 0, "text": 1}]])
def test_a_manifest_of_odd_cues_is_gone_on_from(tmp_path: Path, cues: object) -> None:
    published(tmp_path, continued(book([ONE, TWO]), None))
    said = json.loads((tmp_path / manifest.NAME).read_text(encoding="utf-8"))
    (tmp_path / manifest.NAME).write_text(json.dumps({**said, "cues": cues}), encoding="utf-8")
    grown = continued(book([ONE, TWO, THREE]), manifest.read(tmp_path / manifest.NAME))
    assert grown.serial is not None
    assert numbers(grown.serial.episodes) == ["0001", "0002", "0003"]


# --- dates ----------------------------------------------------------------------------------------------------------


def test_an_episode_keeps_the_date_of_its_book_when_it_was_first_published(tmp_path: Path) -> None:
    rows = after(
        tmp_path,
        book([ONE, TWO], date="2024"),
        book([ONE, TWO, THREE], date="2024-03-01"),
        book([FIVE, ONE, FOUR, TWO, THREE, fresh(6)], date="2024-02-01T12:00:00Z"),
    )
    assert [one.date for one in rows[1]] == ["2024", "2024", "2024-03-01"]
    # between others theirs, and never before the one it follows
    assert [one.date for one in rows[2]] == ["2024", "2024", "2024", "2024", "2024-03-01", "2024-03-01"]


def test_a_date_that_comes_late_is_everybodys(tmp_path: Path) -> None:
    _, second = after(tmp_path, book([ONE], date="soon"), book([ONE, TWO], date="2024-03"))
    assert [one.date for one in second] == ["2024-03", "2024-03"]


@pytest.mark.parametrize(
    ("date", "wanted"),
    [
        ("2024", "2024-01-01"),
        ("2024-03", "2024-03-01"),
        ("2024-03-09T10:00:00+02:00", "2024-03-09"),
        ("2024-13-01", "2024-01-01"),
        ("20240301", ""),
        ("May 2024", ""),
        ("", ""),
    ],
)
def test_days(date: str, wanted: str) -> None:
    assert day(date) == wanted


# --- numbers and addresses ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "first", "written"),
    [("0003", 3, "3"), ("0003.1", 3, "3.1"), ("0000.0.1", 0, "0.01"), ("12345", 12345, "12345")],
)
def test_numbers(number: str, first: int, written: str) -> None:
    assert (whole(number), decimal(number)) == (first, written)


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("https://a.example/b", "https://a.example/b/feed.xml"),
        ("https://a.example/b/", "https://a.example/b/feed.xml"),
        ("https://a.example", "https://a.example/feed.xml"),
        ("https://a.example/b/podcast.xml#x", "https://a.example/b/podcast.xml"),
        ("https://a.example/b?key=1", "https://a.example/b/feed.xml?key=1"),
    ],
)
def test_where_a_feed_is(url: str, address: str) -> None:
    assert feed_address(url) == address


def test_a_feeds_guid_is_that_of_the_podcast_namespace() -> None:
    """The example of its specification."""
    for scheme in ("https://", "http://"):
        assert feed_guid(f"{scheme}mp3s.nashownotes.com/pc20rss.xml") == "917393e3-1b1e-5cef-ace4-edaa54e1f810"


# --- any history ----------------------------------------------------------------------------------------------------


class History:
    """A book under its author's hand."""

    def __init__(self, *, named: bool) -> None:
        self.named = named
        self.chapters = [fresh(who) for who in range(3)]
        self.gone: list[Text] = []
        self.count = 3
        self.older: manifest.Manifest | None = None

    def rework(self, data: st.DataObject) -> None:
        """What an author does between two editions. Nothing is moved, and no chapter loses title and text at once;
        where chapters are counted, nothing takes the place of what goes.
        """
        removed: list[Text] = []
        kinds = ["title", "a sentence", "text"] if self.named else ["title", "a sentence"]
        kind = data.draw(st.sampled_from(kinds))
        adding = ["append", "insert", "edit", "bring back"]
        deeds = data.draw(st.sampled_from([[*adding, "remove"]] if self.named else [adding, ["edit", "remove"]]))
        for deed in data.draw(st.lists(st.sampled_from(deeds), max_size=5)):
            place = data.draw(st.integers(0, len(self.chapters)))
            inside = place < len(self.chapters)
            if deed in ("append", "insert"):
                self.chapters.insert(place if deed == "insert" else len(self.chapters), fresh(self.count))
                self.count += 1
            elif deed == "bring back" and self.gone:
                self.chapters.insert(place, self.gone.pop())
            elif deed == "remove" and inside and len(self.chapters) > 1:
                removed.append(self.chapters.pop(place))
            elif deed == "edit" and inside:
                self.chapters[place] = edited(self.chapters[place], kind)
        self.gone += removed

    def publish(self) -> Serial:
        made = continued(book(self.chapters, named=self.named), self.older)
        assert made.serial is not None
        self.older = replace(EMPTY, serial=made.serial, **told(made))
        return made.serial


@pytest.mark.parametrize("named", [True, False])
@settings(max_examples=80, deadline=None)
@given(data=st.data())
def test_any_history(named: bool, data: st.DataObject) -> None:
    """Numbers are unique and sort in reading order, nothing published is ever renamed, and no GUID is another's."""
    history = History(named=named)
    living: dict[int, tuple[str, ...]] = {}
    owners: dict[str, int] = {}
    for _ in range(data.draw(st.integers(2, 6))):
        serial = history.publish()
        given = numbers(serial.episodes)
        assert given == sorted(given, key=parts_of) == sorted(given)
        everything = [*serial.episodes, *serial.retired]
        for values in zip(*((one.number, one.guid, one.name, one.order) for one in everything), strict=True):
            assert len(set(values)) == len(values)
        assert set(owners) <= {part for one in everything for part in (one.number, one.guid)}, "nothing is forgotten"
        now = {
            text.who: (episode.number, episode.guid, episode.name)
            for text, episode in zip(history.chapters, serial.episodes, strict=True)
        }
        assert {who: now[who] for who in living if who in now} == {who: living[who] for who in living if who in now}
        for who, (number, guid, _) in now.items():
            assert owners.setdefault(number, who) == owners.setdefault(guid, who) == who
            assert re.fullmatch(r"\d{4}(\.\d)*", number)
        living = now
        history.rework(data)
