"""VERB: Script -> Segments. Lazy: yields as they arrive, and asks only for what is not in the store (P3)."""

from __future__ import annotations

import base64
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from narrate.audiobook import Mp3Stream, Segment, Word
from narrate.engines import Engine, Speech
from narrate.errors import (
    EngineClosed,
    EngineDown,
    EngineError,
    EngineRefused,
    EngineUnavailable,
    LimitReached,
    NarrateError,
    SpeechIncomplete,
)
from narrate.executors import Executor
from narrate.script import Chunk, Failure, Script, Why
from narrate.store import Entry, Store

if TYPE_CHECKING:
    from numpy import int16
    from numpy.typing import NDArray


_WHY: tuple[tuple[type[NarrateError], Why], ...] = (
    (EngineRefused, "refused"),
    (EngineDown, "down"),
    (EngineUnavailable, "unanswered"),
    (LimitReached, "limit"),
    (EngineClosed, "closed"),
)
_GRAVEST: tuple[Why, ...] = ("closed", "limit", "down")
_ENDING = frozenset(_GRAVEST)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of the chunks ``indices`` (equal text by the same voice is spoken once).

    ``segment`` is None when there is no speech; then ``failure`` says why. ``bought`` is True when the engine gave it
    now, False when the store had it; ``characters`` is what was, or would have been, sent.
    """

    indices: tuple[int, ...]
    characters: int
    segment: Segment | None
    failure: Failure | None = None
    bought: bool = False


def speak(script: Script, engine: Engine, store: Store, executor: Executor) -> Generator[Outcome, None, None]:
    """Yield an outcome for every chunk, first to last for what is stored, as they arrive for the rest.

    A chunk without speech does not stop the others; ``complete`` tells of it at the end. Where nothing more can be
    asked (a bad key, a limit, a server that is down) the engine itself turns the rest away at once, without a request,
    while what is in flight, and perhaps paid for, still arrives and is stored.
    """
    places: dict[str, list[int]] = {}
    for index, chunk in enumerate(script.chunks):
        places.setdefault(chunk.key, []).append(index)

    def work(indices: tuple[int, ...]) -> Outcome:
        chunk = script.chunks[indices[0]]
        size = len(chunk.text)
        try:
            segment, bought = speak_chunk(chunk, engine, store)
        except (EngineError, LimitReached) as error:
            title = script.chapters[chunk.chapter].title
            why = next(why for kind, why in _WHY if isinstance(error, kind))
            return Outcome(indices, size, None, Failure(chunk, title, str(error), why))
        return Outcome(indices, size, segment, bought=bought)

    yield from executor.map(work, (tuple(indices) for indices in places.values()))


def speak_chunk(chunk: Chunk, engine: Engine, store: Store) -> tuple[Segment, bool]:
    """The whole of a worker's duty: the segment of ``chunk``, and whether it had to be asked for.

    It is stored, and on disk, before it is returned. Of several runs that want the same chunk one asks, and the others
    wait for what it stores. Nothing is asked for that could not be kept: a full disk is a StoreError before.
    """
    stored = find(chunk, store)
    if stored is not None:
        return stored, False
    with store.claimed(chunk.key):
        stored = find(chunk, store)
        if stored is not None:
            return stored, False
        store.check_room()
        speech = engine.speak(chunk)
        header, payload = _keep(speech)
        entry = store.put("segments", chunk.key, header, payload)
        return _segment(entry), True


def find(chunk: Chunk, store: Store) -> Segment | None:
    """The stored segment of ``chunk``, or None."""
    entry = store.get("segments", chunk.key)
    if entry is None:
        return None
    try:
        return _segment(entry)
    except (KeyError, TypeError, ValueError) as error:
        store.set_aside(entry.path, f"unknown header: {error}")
        return None


def complete(outcomes: Iterable[Outcome]) -> Iterator[tuple[int, Segment]]:
    """Pass on what was spoken, chunk by chunk; when all have been tried, SpeechIncomplete names what was not.

    Once it is clear that nothing more can be asked, nothing more is passed on: what is in flight is waited for, and
    then EngineClosed, LimitReached or SpeechIncomplete says why.
    """
    failures: list[Failure] = []
    spoken = bought = left = 0
    ended = False
    for outcome in outcomes:
        if outcome.failure is not None:
            failures.append(outcome.failure)
            ended = ended or outcome.failure.why in _ENDING
        if outcome.segment is None:
            left += len(outcome.indices)
            continue
        spoken += len(outcome.indices)
        bought += outcome.bought
        if not ended:
            for index in outcome.indices:
                yield index, outcome.segment
    if failures:
        raise _ending(failures, f"{spoken:,} chunks are stored, {left:,} are left", bought > 0)


def _ending(failures: Sequence[Failure], state: str, bought: bool) -> NarrateError:
    """What the failures of a run amount to; ``state`` is what is there and what is not. A limit that does not allow for
    a single request is not helped by running again.
    """
    told = [failure for failure in failures if failure.why not in _ENDING]
    last = next((failure for why in _GRAVEST for failure in failures if failure.why == why), None)
    if last is None:
        return SpeechIncomplete(_report(told), tuple(failures))
    hope = "; run again to go on" if bought or last.why != "limit" else ""
    sentence = f"{last.reason}; {state}{hope}"
    if last.why == "closed":
        return EngineClosed(sentence, engine=last.chunk.voice.engine)
    kind = LimitReached if last.why == "limit" else SpeechIncomplete
    return kind("\n".join([sentence, *_listed(told)]), tuple(failures))


def _report(failures: Sequence[Failure]) -> str:
    hope = "change what is refused" if all(failure.why == "refused" for failure in failures) else "run again to resume"
    head = f"{len(failures)} of the chunks were not spoken; everything else is stored, {hope}:"
    return "\n".join([head, *_listed(failures)])


def _listed(failures: Sequence[Failure]) -> list[str]:
    lines = [
        f"  {failure.chapter!r}: {_short(failure.chunk.source or failure.chunk.text)!r}: {failure.reason}"
        for failure in failures[:10]
    ]
    return [*lines, f"  ... and {len(failures) - 10} more"] if len(failures) > 10 else lines


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:59] + "…"


def _keep(speech: Speech) -> tuple[dict[str, Any], bytes]:
    """What is stored of an answer: its audio (PCM losslessly as FLAC, MP3 as it came) and what was measured of it."""
    from narrate.audio import codec, frames, loudness

    samples, rate = codec.decode(speech.audio, speech.format, speech.rate)
    as_it_came = speech.format == "mp3"
    payload = speech.audio if as_it_came else codec.encode_flac(samples, rate)
    stream = asdict(frames.scan(payload)) if as_it_came else None
    lead, tail = codec.find_sound(samples, rate)
    header = {
        "codec": "mp3" if stream else "flac",
        "rate": rate,
        "frames": len(samples),
        "lead": lead,
        "tail": tail,
        "peak": round(_peak(samples), 5),
        "blocks": base64.b64encode(loudness.gating_blocks(samples, rate)).decode(),
        "words": [[word.text, word.start_ms, word.end_ms] for word in speech.words],
        "request_id": speech.request_id,
        "mp3": {**stream, "header": stream["header"].hex()} if stream else None,
    }
    return header, payload


def _peak(samples: NDArray[int16]) -> float:
    return max(int(samples.max(initial=0)), -int(samples.min(initial=0))) / 32768


def _segment(entry: Entry) -> Segment:
    header = entry.header
    stream = header["mp3"]
    return Segment(
        key=entry.key,
        digest=entry.digest,
        path=entry.path,
        offset=0,
        size=entry.size,
        codec=header["codec"],
        rate=header["rate"],
        frames=header["frames"],
        lead=header["lead"],
        tail=header["tail"],
        peak=header["peak"],
        blocks=base64.b64decode(header["blocks"]),
        words=tuple(Word(*word) for word in header["words"]),
        request_id=header["request_id"],
        mp3=Mp3Stream(**{**stream, "header": bytes.fromhex(stream["header"])}) if stream else None,
    )
