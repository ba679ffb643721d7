"""BRICK: serials. A book that grows keeps the numbers, GUIDs and file names of what was published of it.

Pure: the new audiobook and the older manifest in, the audiobook with its episodes out. A chapter is known again by its
text, its title and its anchor together, for each may change: an anchor alone is no proof, since most sources count
their files or lines, and one chapter more moves all that follow.

A chapter at the end gets the next number; one in between a number that sorts between its neighbours', as text and as
numbers between dots alike. What was given is never given again: nothing is renamed, and a chapter that was moved keeps
its number where it then stands. No clock: a date is the book's own, as it was when the episode was first published.
"""

from __future__ import annotations

import hashlib
import re
import uuid
from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import PurePosixPath
from urllib.parse import urlsplit, urlunsplit

from narrate.audiobook import Audiobook, Episode, Serial
from narrate.manifest import Manifest
from narrate.naming import CHAPTERS, LONGEST, safe_name

WIDTH = 4
"""Digits of a serial's numbers, from its first chapter on."""

_PODCASTS = uuid.UUID("ead4c236-bf58-58c6-a2c6-a6b28d128cb6")
"""The namespace of podcast:guid."""

_SENTENCE_ENDS = re.compile(r"[.!?…。！？\n]+\s*")
_HALF = 0.5  # of the shorter text: so much in common is proof by itself
_SOME = 0.1  # so much beside an equal anchor

Number = tuple[int, ...]


def continued(audiobook: Audiobook, older: Manifest | None) -> Audiobook:
    """``audiobook`` with an episode for each chapter, if it is a serial, or once was: then it stays one, or whoever
    makes another format of it would take its names away. ``older`` is what was published last; when that was no
    serial yet, it is taken as it stands.
    """
    asked, before = audiobook.serial, older.serial if older else None
    if asked is None and before is None:
        return audiobook
    new, old = _chapters(audiobook), _chapters_of(older)
    if before is None:
        before = _taken_as_it_stands(old, audiobook, older)
    same = _known_again(new, [replace(_of(episode), sentences=said) for episode, said in _told(before, old)])
    line = _Line(audiobook, before, [before.episodes[same[n]] if n in same else None for n in range(len(new))])
    line.bring_back(new)
    line.number(new)
    episodes = tuple(
        replace(episode, title=chapter.title, anchor=chapter.anchor, digest=chapter.digest)
        for episode, chapter in zip(line.episodes(), new, strict=True)
    )
    living = {episode.number for episode in episodes}
    retired = tuple(one for one in (*before.retired, *before.episodes) if one.number not in living)
    guid = before.guid or (asked.guid if asked else "")
    return replace(audiobook, serial=Serial(guid, episodes, tuple(sorted(retired, key=lambda one: one.order))))


# --- numbers and addresses ------------------------------------------------------------------------------------------


def parts_of(number: str) -> Number:
    """A number to sort by: "0003.1" is (3, 1)."""
    return tuple(map(int, number.split(".")))


def whole(number: str) -> int:
    """The whole part of an episode's number."""
    return parts_of(number)[0]


def decimal(number: str) -> str:
    """An episode's number as a decimal: "0003.0.1" is 3.01."""
    first, *digits = parts_of(number)
    return f"{first}.{''.join(map(str, digits))}" if digits else str(first)


def day(date: str) -> str:
    """The day, month or year that ``date`` begins with, as YYYY-MM-DD with its first day; "" when it is none."""
    found = re.match(r"\s*(\d{4})(?:-(0[1-9]|1[0-2])(?:-(0[1-9]|[12]\d|3[01]))?)?(?!\d)", date, re.ASCII)
    return f"{found[1]}-{found[2] or '01'}-{found[3] or '01'}" if found else ""


def feed_address(url: str) -> str:
    """Where a feed is, if the book's folder is at ``url``; ``url`` itself when it is the feed's own."""
    parts = urlsplit(url)
    path = parts.path if parts.path.endswith(".xml") else f"{parts.path.rstrip('/')}/feed.xml"
    return urlunsplit(parts._replace(path=path, fragment=""))


def feed_guid(url: str) -> str:
    """The podcast:guid of a feed that is first published at ``url``. It stays when the feed moves."""
    name = re.sub(r"^[^:/]*://", "", feed_address(url)).rstrip("/")
    return str(uuid.uuid5(_PODCASTS, _encodable(name)))


def _episode_guid(audiobook: Audiobook, number: str) -> str:
    meta = audiobook.meta
    book = meta.identifier.strip() or "\n".join((*meta.authors, meta.title))
    return str(uuid.uuid5(uuid.NAMESPACE_URL, _encodable(f"narrate:{book}#{number}")))


def _encodable(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


# --- what a chapter is known by -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Chapter:
    """``sentences`` are those of its text, without the marks that end them; their order does not count."""

    title: str
    anchor: str
    digest: str
    sentences: frozenset[str] = frozenset()


def _chapters(audiobook: Audiobook) -> list[_Chapter]:
    cues = ((cue.chapter, cue.anchor, cue.text) for cue in audiobook.cues)
    return _gathered([track.title for track in audiobook.tracks], cues)


def _chapters_of(older: Manifest | None) -> list[_Chapter]:
    if older is None:
        return []
    told = older.content.get("cues")
    cues = [cue for cue in told if isinstance(cue, dict)] if isinstance(told, list) else []
    placed = ((cue["chapter"], cue) for cue in cues if isinstance(cue.get("chapter"), int))
    words = ((chapter, str(cue.get("anchor", "")), str(cue.get("text", ""))) for chapter, cue in placed)
    return _gathered([str(mark.title) for mark in older.marks], words)


def _gathered(titles: Sequence[str], cues: Iterable[tuple[int, str, str]]) -> list[_Chapter]:
    texts: dict[int, list[str]] = defaultdict(list)
    anchors: dict[int, str] = {}
    for chapter, anchor, text in cues:
        texts[chapter].append(text)
        anchors.setdefault(chapter, anchor)
    return [_chapter(title, anchors.get(index, ""), " ".join(texts[index])) for index, title in enumerate(titles)]


def _chapter(title: str, anchor: str, text: str) -> _Chapter:
    sentences = frozenset(filter(None, map(str.strip, _SENTENCE_ENDS.split(text))))
    digest = hashlib.sha256(_encodable(text).encode()).hexdigest()
    return _Chapter(_encodable(title), _encodable(anchor), digest, sentences)


def _of(episode: Episode) -> _Chapter:
    return _Chapter(episode.title, episode.anchor, episode.digest)


def _told(before: Serial, old: Sequence[_Chapter]) -> Iterator[tuple[Episode, frozenset[str]]]:
    """The older episodes, each with the sentences of its chapter."""
    for index, episode in enumerate(before.episodes):
        yield episode, old[index].sentences if index < len(old) else frozenset()


def _known_again(new: Sequence[_Chapter], old: Sequence[_Chapter]) -> dict[int, int]:
    """Which of the old chapters each of the new ones is, by index. The strongest resemblances count first."""
    shares = _shares(new, old)
    titles = _alone_in_both([_flat(one.title) for one in new], [_flat(one.title) for one in old])
    anchors = _alone_in_both([one.anchor for one in new], [one.anchor for one in old])
    scores = {
        pair: 2 * shares.get(pair, 0) + _HALF * (pair in anchors) + 0.4 * (pair in titles)
        for pair in {*shares, *titles}
        if pair in titles or shares[pair] >= _HALF or (pair in anchors and shares[pair] >= _SOME)
    }
    same: dict[int, int] = {}
    taken: set[int] = set()

    def join(pairs: Iterable[tuple[int, int]]) -> None:
        for one, other in pairs:
            if one not in same and other not in taken:
                same[one] = other
                taken.add(other)

    join(sorted(scores, key=lambda pair: (-scores[pair], pair)))
    join(_twins(new, old, same, taken))
    if same and all(pair in anchors for pair in same.items()):  # else they count files or lines, which have moved
        join(sorted(anchors))
    return same


def _shares(new: Sequence[_Chapter], old: Sequence[_Chapter]) -> dict[tuple[int, int], float]:
    """How much of the shorter text two chapters have in common. A sentence of several chapters proves nothing."""
    here, there = _owners(new), _owners(old)
    common: Counter[tuple[int, int]] = Counter()
    for sentence, owner in here.items():
        other = there.get(sentence)
        if owner is not None and other is not None:
            common[owner, other] += len(sentence)
    sizes = [[sum(map(len, one.sentences)) for one in side] for side in (new, old)]
    return {(one, other): size / min(sizes[0][one], sizes[1][other]) for (one, other), size in common.items()}


def _owners(chapters: Sequence[_Chapter]) -> dict[str, int | None]:
    """The chapter that each sentence is in; None for one that is in several."""
    owners: dict[str, int | None] = {}
    for index, chapter in enumerate(chapters):
        for sentence in chapter.sentences:
            owners[sentence] = None if sentence in owners else index
    return owners


def _flat(title: str) -> str:
    return " ".join(title.split()).casefold()


def _alone_in_both(new: Sequence[str], old: Sequence[str]) -> set[tuple[int, int]]:
    """Pairs of equal texts, where no other is equal to them on either side."""
    here, there = Counter(new), Counter(old)
    places = {text: index for index, text in enumerate(old) if text and there[text] == 1}
    return {(index, places[text]) for index, text in enumerate(new) if here[text] == 1 and text in places}


def _twins(
    new: Sequence[_Chapter], old: Sequence[_Chapter], same: dict[int, int], taken: set[int]
) -> Iterator[tuple[int, int]]:
    """Chapters of the very same text, of which the book has several: one after the other."""
    waiting: dict[str, deque[int]] = defaultdict(deque)
    for index, chapter in enumerate(old):
        if index not in taken:
            waiting[chapter.digest].append(index)
    for index, chapter in enumerate(new):
        if index not in same and waiting.get(chapter.digest):
            yield index, waiting[chapter.digest].popleft()


# --- what was published before --------------------------------------------------------------------------------------


def _taken_as_it_stands(old: Sequence[_Chapter], audiobook: Audiobook, older: Manifest | None) -> Serial:
    """A book that was no serial yet, as one: a chapter's number is its place, and its file keeps its name."""
    if older is None:
        return Serial()
    names = _numbered_files(older)
    width = min((len(name.split()[0]) for name in names.values()), default=WIDTH)
    date = str(older.content.get("date", ""))
    return Serial(
        episodes=tuple(
            Episode(
                number=(number := f"{place:0{width}}"),
                guid=_episode_guid(audiobook, number),
                name=names.get(place) or _name(number, chapter.title),
                title=chapter.title,
                anchor=chapter.anchor,
                digest=chapter.digest,
                date=date,
                order=place,
            )
            for place, chapter in enumerate(old, 1)
        )
    )


def _numbered_files(older: Manifest) -> dict[int, str]:
    """The names of the chapters' own files, without suffix, by the number that they begin with."""
    paths = [PurePosixPath(file.name) for file in older.files]
    stems = [path.stem for path in paths if path.parts[:-1] == (CHAPTERS,) and path.suffix == ".mp3"]
    return {int(stem.split()[0]): stem for stem in stems if re.match(r"\d{1,9} - ", stem, re.ASCII)}


def _name(number: str, title: str) -> str:
    return f"{number} - {safe_name(title, max(LONGEST - len(number) - 3, 40))}"


# --- the line of episodes -------------------------------------------------------------------------------------------


class _Line:
    """The episodes of a book in reading order, while places in it are still empty."""

    def __init__(self, audiobook: Audiobook, before: Serial, places: list[Episode | None]) -> None:
        known = (*before.episodes, *before.retired)
        self._audiobook = audiobook
        self._retired = list(before.retired)
        self._places = places
        self._taken = {parts_of(one.number) for one in known}
        self._order = max((one.order for one in known), default=0)
        self._width = len(known[0].number.split(".")[0]) if known else WIDTH

    def episodes(self) -> Iterator[Episode]:
        """All of them, when no place is empty any more. Those from before there was a date get the first there is."""
        for episode in filter(None, self._places):
            yield episode if day(episode.date) else replace(episode, date=self._audiobook.meta.date)

    def bring_back(self, new: Sequence[_Chapter]) -> None:
        """Give a chapter that had gone and is there again what it had, unless it now stands elsewhere."""
        gone: dict[object, Episode] = {}
        for episode in self._retired:
            gone[episode.digest] = episode
            if episode.anchor and episode.title.strip():
                gone[episode.anchor, _flat(episode.title)] = episode
        for index, chapter in enumerate(new if gone else ()):
            found = gone.get(chapter.digest) or gone.get((chapter.anchor, _flat(chapter.title)))
            if found is None or found not in self._retired or self._places[index] is not None:
                continue
            low, high = self._neighbours(index)
            if low < parts_of(found.number) and (high is None or parts_of(found.number) < high):
                self._places[index] = found
                self._retired.remove(found)

    def _neighbours(self, index: int) -> tuple[Number, Number | None]:
        """The numbers before and behind a place; None when nothing is behind it."""
        before = next((one for one in reversed(self._places[:index]) if one), None)
        behind = next((one for one in self._places[index + 1 :] if one), None)
        return parts_of(before.number) if before else (0,), parts_of(behind.number) if behind else None

    def number(self, new: Sequence[_Chapter]) -> None:
        """Fill the places that are empty, each row of them at once."""
        index = 0
        while index < len(self._places):
            end = next((place for place in range(index, len(new)) if self._places[place]), len(new))
            if end > index:
                self._fill(range(index, end), new)
            index = end + 1

    def _fill(self, places: range, new: Sequence[_Chapter]) -> None:
        at_the_end = places.stop == len(self._places)
        if at_the_end:
            last = max(self._taken, default=(0,))[0]
            numbers: list[Number] = [(last + count,) for count in range(1, len(places) + 1)]
        else:
            low, _ = self._neighbours(places.start)
            high = min((one for one in self._taken if one > low), default=(low[0] + 1,))
            numbers = _between(low, high, len(places))
        self._taken.update(numbers)
        date = self._date(places, at_the_end)
        for place, number in zip(places, numbers, strict=True):
            self._order += 1
            written = ".".join((f"{number[0]:0{self._width}}", *map(str, number[1:])))
            self._places[place] = Episode(
                number=written,
                guid=_episode_guid(self._audiobook, written),
                name=_name(written, new[place].title),
                title=new[place].title,
                date=date,
                order=self._order,
            )

    def _date(self, places: range, at_the_end: bool) -> str:
        """The book's date; between others theirs, since players sort by it."""
        before = next((one.date for one in reversed(self._places[: places.start]) if one and day(one.date)), "")
        if at_the_end:
            return max(before, self._audiobook.meta.date, key=day)
        behind = next((one.date for one in self._places[places.stop :] if one and day(one.date)), "")
        return before or behind or self._audiobook.meta.date


def _between(low: Number, high: Number, count: int) -> list[Number]:
    """``count`` numbers between two, the shortest there is room for. Room never ends: each time it is used up to the
    neighbour, numbers get twice as many digits behind the whole.
    """
    high = min(high, (low[0] + 1,))
    depth = 1
    while True:
        numbers = list(islice(_numbers(low, high, depth), count))
        if len(numbers) == count:
            return numbers
        depth *= 2


def _numbers(low: Number, high: Number, depth: int) -> Iterator[Number]:
    """All numbers between two that have at most ``depth`` digits behind the whole and need the last of them."""
    first, last = (int("".join(map(str, (*one[1:], *[0] * depth)[:depth]))) for one in (low, high))
    last = last if high[0] == low[0] else 10**depth - 1
    for value in range(first, last + 1):
        number = (low[0], *map(int, f"{value:0{depth}}"))
        if value % 10 and low < number < high:
            yield number
