"""VERB: a document to one that can be heard: its tables, lists, code and pictures as prose of a language model's.

Block by block, and each block's answer is kept, so that a second run asks nothing and an edit costs what it changed.
Everything else stays as it is, byte for byte; above each block that is rewritten a comment says where it stood. What
comes of it is on disk, with a diff to review, before anything is spoken. A block whose answer cannot stand stays as it
was, and is told.
"""

from __future__ import annotations

import difflib
import hashlib
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from narrate import disk
from narrate.adapt.answers import NONE, Answers, Question, Verdict, judged
from narrate.adapt.drafts import Draft, Sheet, told
from narrate.errors import EngineRefused, EngineUnavailable, JobError, NarrateError
from narrate.executors.threads import Threads
from narrate.manuscript.visual import Place
from narrate.prompts import filled

Ask = Callable[[str, str], str]
"""(instructions, block) -> the answer of a language model; fails as ``narrate.llm.complete`` does."""

LONGEST = 30_000
"""Characters of a block that is asked about; more is data, and to its prose nobody would listen."""
TRIES = 2
"""Requests for a block whose first answer cannot stand."""
OUTAGE = 5
"""Failures of the server, one behind the other, until it is not asked any more."""

_UNKNOWN = "the one that the block is written in"
_AGAIN = "{block}\n\n(Your last answer could not be used: {reason}. Answer again, with plain paragraphs only.)"


@dataclass(frozen=True, slots=True)
class Instructions:
    """How blocks are asked about: the template and the model's name, which decide what answers are kept as; and how
    many requests are in flight.
    """

    prompt: str
    model: str
    jobs: int = 4


@dataclass(frozen=True, slots=True)
class Answered:
    """One question, with what may stand in place of its block, or the reason why nothing may."""

    question: Question
    verdict: Verdict
    is_down: bool = False


@dataclass(frozen=True, slots=True)
class Adapted:
    """The texts by name, their diff, and what is to be told: blocks by kind, what stayed as it was, what to check."""

    texts: Mapping[str, str]
    diff: str
    rewritten: Mapping[str, int]
    failures: tuple[str, ...]
    checks: tuple[str, ...]


def known(draft: Draft, instructions: Instructions, answers: Answers) -> dict[Question, Verdict]:
    """Every question of ``draft``, each once, with the answer that is kept; NONE where it must be asked."""
    found: dict[Question, Verdict] = {}
    for sheet, place in draft.blocks:
        asked = question(sheet, place, instructions)
        if asked not in found:
            kept = answers.get(asked)
            verdict = judged(place, sheet.language, kept) if kept else NONE
            found[asked] = verdict if verdict.text else NONE
    return found


def question(sheet: Sheet, place: Place, instructions: Instructions) -> Question:
    """What is asked about a block."""
    system = filled(instructions.prompt, kind=place.kind, language=sheet.language or _UNKNOWN)
    return Question(system, instructions.model, place.kind, sheet.language, place.text)


def adapt(
    draft: Draft,
    ask: Ask,
    instructions: Instructions,
    answers: Answers,
    found: Mapping[Question, Verdict] | None = None,
    watch: Callable[[Iterable[Answered], int], Iterable[Answered]] = lambda answered, count: answered,
) -> Adapted:
    """Ask about every block whose answer is not kept, keep what comes, and put the answers in place of the blocks.

    EngineClosed stops it at once; what was answered till then is kept. A block that is refused, or not answered, stays
    as it was. ``found`` is what is ``known`` already; ``watch`` sees the answers as they come, and is told how many
    there will be.
    """
    verdicts = dict(known(draft, instructions, answers) if found is None else found)
    waiting = [asked for asked, verdict in verdicts.items() if not verdict.text]
    places = {question(sheet, place, instructions): place for sheet, place in draft.blocks}
    down = threading.Event()

    def answered(asked: Question) -> Answered:
        if down.is_set():
            return Answered(asked, Verdict("", "not asked, since the server is down"), is_down=True)
        return _ask(asked, places[asked], ask, answers)

    failing = 0
    for one in watch(Threads(instructions.jobs).map(answered, waiting), len(waiting)):
        verdicts[one.question] = one.verdict
        failing = failing + 1 if one.is_down else 0
        if failing >= OUTAGE:
            down.set()
    return _put_together(draft, instructions, verdicts)


def _ask(asked: Question, place: Place, ask: Ask, answers: Answers) -> Answered:
    if len(asked.text) > LONGEST:
        return Answered(asked, Verdict("", f"too long to be asked about ({len(asked.text):,} characters)"))
    prompt, verdict = asked.text, NONE
    try:
        for _ in range(TRIES):
            answer = ask(asked.instructions, prompt)
            verdict = judged(place, asked.language, answer)
            if verdict.text:
                answers.put(asked, answer)
                break
            prompt = _AGAIN.format(block=asked.text, reason=verdict.reason)
    except EngineRefused as error:
        verdict = Verdict("", str(error))
    except EngineUnavailable as error:
        return Answered(asked, Verdict("", str(error)), is_down=True)
    return Answered(asked, verdict)


def _put_together(draft: Draft, instructions: Instructions, verdicts: Mapping[Question, Verdict]) -> Adapted:
    texts: dict[str, str] = {}
    diffs: list[str] = []
    rewritten: Counter[str] = Counter()
    failures: list[str] = []
    checks: list[str] = []
    for sheet in draft.sheets:
        made: list[str] = []
        done = 0
        for place in sheet.places:
            verdict = verdicts[question(sheet, place, instructions)]
            where = f"{sheet.before}: {told(place)}"
            if not verdict.text:
                failures.append(f"{where}: {verdict.reason}")
                continue
            if verdict.missing:
                checks.append(f"{where}: not found in its prose: {', '.join(verdict.missing)}")
            rewritten[place.kind] += 1
            made += [*sheet.lines[done : place.first - 1], *_replacement(sheet, place, verdict.text)]
            done = place.last
        made += sheet.lines[done:]
        texts[sheet.after] = "".join(made)
        diffs += _diff(sheet.lines, made, sheet)
    return Adapted(texts, "".join(diffs), rewritten, tuple(failures), tuple(checks))


def _replacement(sheet: Sheet, place: Place, prose: str) -> list[str]:
    """The comment and the prose, parted by empty lines from what stands around."""
    last = sheet.lines[place.last - 1]
    end = "\r\n" if sheet.lines[place.first - 1].endswith("\r\n") else "\n"
    empty = place.prefix.rstrip() + end
    above = sheet.lines[place.first - 2] if place.first > 1 else ""
    below = sheet.lines[place.last] if place.last < len(sheet.lines) else ""
    made = [f"{place.prefix}<!-- narrate adapt: {told(place)} -->{end}", empty]
    made += [f"{place.prefix}{line}{end}" if line else empty for line in prose.split("\n")]
    if not last.endswith(("\n", "\r", "\f")):
        made[-1] = made[-1].removesuffix(end)
    return [*([empty] if above.strip(" \t\r\n\f>") else []), *made, *([empty] if below.strip(" \t\r\n\f>") else [])]


def _diff(old: Iterable[str], new: Iterable[str], sheet: Sheet) -> Iterator[str]:
    for line in difflib.unified_diff(list(old), list(new), sheet.before, sheet.after):
        yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"


def names(draft: Draft) -> list[str]:
    """What will be written, in order; the diff is the last."""
    sheets = [name for sheet in draft.sheets for name in ((sheet.before,) if draft.is_written else ()) + (sheet.after,)]
    return [*sheets, *(name for name, _ in draft.beside), f"{draft.name}.spoken.diff"]


def check_room(draft: Draft, folder: Path, answers: Answers) -> None:
    """JobError when something lies in ``folder`` under a name that will be written, and it is not as we wrote it."""
    beside = dict(draft.beside)
    for name in names(draft):
        path = folder / name
        if not path.exists() or (path.is_file() and answers.is_ours(path, _digest(path))):
            continue
        if name in beside and path.is_file() and path.read_bytes() == _content(beside[name]):
            continue
        raise JobError(f"{path}: is there already and may have been edited; move it away, or write over it by --force")


def write(draft: Draft, adapted: Adapted, folder: Path, answers: Answers) -> list[Path]:
    """Write everything, each file whole or not at all, and return the paths of the texts and of the diff."""
    contents: dict[str, bytes | Path] = dict(draft.beside)
    for sheet in draft.sheets:
        if draft.is_written:
            contents[sheet.before] = "".join(sheet.lines).encode("utf-8", "replace")
        contents[sheet.after] = adapted.texts[sheet.after].encode("utf-8", "replace")
    contents[f"{draft.name}.spoken.diff"] = adapted.diff.encode("utf-8", "replace")
    for name in names(draft):
        path = folder / name
        try:
            disk.make_folder(path.parent)
            disk.update_file(path, _content(contents[name]))
        except OSError as error:
            raise NarrateError(f"{path}: cannot be written: {error.strerror}; every answer is kept") from error
        answers.wrote(path, _digest(path))
    beside = dict(draft.beside)
    return [folder / name for name in names(draft) if name not in beside]


def _content(content: bytes | Path) -> bytes:
    return content if isinstance(content, bytes) else content.read_bytes()


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
