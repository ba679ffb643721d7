"""What a language model wrote in place of a block: whether it may stand there, and where it is kept.

An answer is kept under the hash of its question (instructions, model, kind, language, block), one JSON file each, so
that the same block is never asked for twice. It may stand only as plain paragraphs that are read back letter by letter;
numbers of the block that it does not hold are told.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from narrate import disk
from narrate.book import letters_and_digits
from narrate.bounds import BOUNDS
from narrate.errors import SourceError, StoreError
from narrate.manuscript.markdown import read_markdown
from narrate.manuscript.visual import Place, no_prose
from narrate.manuscript.written import escaped
from narrate.text import numbers

SCHEMA = 1
"""Of the files; a higher number than ours is another program's, and a miss."""
TIMES, MORE = 6, 400
"""An answer may hold so many times the letters and digits of its block, and so many more."""

_THINKING = re.compile(r"\A\s*<think>.*?</think>", re.DOTALL)  # what some models say to themselves first
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_BETWEEN = re.compile(r"(?<=\d)[.,\s\u00a0\u202f’'](?=\d)")
_LONGEST = 12  # digits of a number that anybody would write in words


@dataclass(frozen=True, slots=True)
class Verdict:
    """``text`` as it may stand in Markdown, or "" and the ``reason`` why not; ``missing`` are numbers it lacks."""

    text: str
    reason: str = ""
    missing: tuple[str, ...] = ()


NONE = Verdict("", "there is no answer")
"""For a block that nobody was asked about yet."""


def judged(place: Place, language: str, answer: str) -> Verdict:
    """Whether ``answer`` may stand in place of the block, one paragraph a line.

    Numbers count as kept in digits, or in the words that narrate would use for them in ``language``.
    """
    said = _THINKING.sub("", answer, count=1).replace("\r\n", "\n").replace("\r", "\n").strip()
    if not any(map(str.isalnum, said)):
        return Verdict("", "the answer is empty")
    most = TIMES * letters_and_digits(place.text) + MORE
    if letters_and_digits(said) > most or len(said) > 2 * most:
        return Verdict("", f"the answer is far longer than the block ({letters_and_digits(said):,} letters)")
    if found := no_prose(said):
        return Verdict("", f"the answer holds {found}")
    paragraphs = [" ".join(part.split()) for part in re.split(r"\n\s*\n", said)]
    for text in ("\n\n".join(paragraphs), "\n\n".join(map(escaped, paragraphs))):
        if _reads_as(text, paragraphs):
            return Verdict(text, missing=tuple(_missing(shown_text(place), " ".join(paragraphs), language)))
    return Verdict("", "the answer would not be read as it stands")


def shown_text(place: Place) -> str:
    """What of a block can be seen or heard: no addresses, no numbers of list items."""
    if place.kind == "code":
        return place.text
    try:
        passages = read_markdown(place.text, "block", 0, BOUNDS).passages
    except SourceError:
        return place.text
    return " ".join(passage.block.text or passage.block.said for passage in passages)


def _reads_as(text: str, paragraphs: list[str]) -> bool:
    try:
        sheet = read_markdown(text, "answer", 0, BOUNDS)
    except SourceError:
        return False
    blocks = [passage.block for passage in sheet.passages]
    plain = all(block.kind == "paragraph" and not block.asides and not block.within for block in blocks)
    return plain and _bare(" ".join(block.text for block in blocks)) == _bare(" ".join(paragraphs))


def _bare(text: str) -> str:
    return "".join(sign for sign in text.casefold() if sign.isalnum())


def _missing(block: str, answer: str, language: str) -> Iterator[str]:
    joined = _BETWEEN.sub("", answer)
    words = _bare(re.sub(r"\b(?:and|und|et|y|e)\b", " ", answer))
    for written in dict.fromkeys(_NUMBER.findall(block)):
        digits = re.sub(r"\D", "", written)
        if any(re.search(rf"(?<!\d){digits}(?!\d)", text) for text in (joined, answer)):
            continue
        spelled = (_bare(re.sub(r"\b(?:and|und|et|y|e)\b", " ", words)) for words in _in_words(written, language))
        if not any(each and each in words for each in spelled):
            yield written


def _in_words(written: str, language: str) -> Iterator[str]:
    """The ways in which somebody would write a number in words."""
    if len(written) > _LONGEST or not written.isascii():
        return
    primary = language.partition("-")[0].lower() or "en"
    try:
        if primary == "en":
            yield numbers.number(written)
            yield numbers.digit_by_digit(written)
        if written.isdecimal():
            yield numbers.cardinal(int(written), primary)
            if primary == "en":
                yield from (numbers.ordinal(int(written)), numbers.year(int(written)))
    except (NotImplementedError, OverflowError, ValueError):
        return  # a language or a number that num2words does not know


@dataclass(frozen=True, slots=True)
class Question:
    """Everything that changes an answer, and nothing else."""

    instructions: str
    model: str
    kind: str
    language: str
    text: str

    @property
    def key(self) -> str:
        """The name of its answer."""
        parts = [SCHEMA, self.instructions, self.model, self.kind, self.language, self.text]
        return hashlib.sha256(json.dumps(parts, ensure_ascii=True).encode()).hexdigest()


class Answers:
    """A folder of answers. Any number of processes may use it: a file appears only when it is complete."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def get(self, question: Question) -> str:
        """The answer, or "" when there is none or what is there is damaged."""
        found = _read(self._path(question.key))
        answer = found.get("answer")
        return answer if found.get("key") == question.key and isinstance(answer, str) else ""

    def put(self, question: Question, answer: str) -> None:
        """Keep an answer."""
        fields = {"key": question.key, "model": question.model, "kind": question.kind, "language": question.language}
        self._write(self._path(question.key), {**fields, "block": question.text, "answer": answer})

    def wrote(self, path: Path, digest: str) -> None:
        """Remember what was written to ``path``, so that a later run can tell whether somebody has edited it."""
        self._write(self._note(path), {"path": str(path.resolve()), "sha256": digest})

    def is_ours(self, path: Path, digest: str) -> bool:
        """Whether ``path`` still holds what we wrote there."""
        return _read(self._note(path)).get("sha256") == digest

    def _path(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key}.json"

    def _note(self, path: Path) -> Path:
        return self.folder / "written" / f"{hashlib.sha256(str(path.resolve()).encode()).hexdigest()}.json"

    def _write(self, path: Path, fields: dict[str, str]) -> None:
        try:
            disk.make_folder(path.parent)
            text = json.dumps({"schema": SCHEMA, **fields}, ensure_ascii=False, indent=1)
            disk.replace_file(path, text.encode("utf-8", "replace").decode() + "\n")
        except OSError as error:
            raise StoreError(
                f"{self.folder}: answers cannot be kept: {error.strerror}; nothing more is asked"
            ) from error


def _read(path: Path) -> dict[str, object]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) and found.get("schema") == SCHEMA else {}
