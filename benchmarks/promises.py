"""What must hold of a book, whatever it was made of: the promises that ``fuzzing.py`` holds spoiled books to."""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

SLOW = (2.0, 100e-6)
"""Seconds a step may take: at least, and for each byte of the text (a novel has 500 kB)."""


class Broken(Exception):
    """A promise is broken; the message is the finding's signature."""


def check(path: Path, size: int, *, thorough: bool) -> str:
    """Hold the book at ``path`` to every promise; "read" or "refused". ``size`` is that of its text, in bytes.

    ``thorough`` adds what doubles the time: everything once more (P2), and the way back of every word.
    """
    from narrate.errors import SourceError
    from narrate.load import load

    limit = SLOW[0] + SLOW[1] * size
    try:
        with timed("load", limit):
            book = load(path)
    except SourceError as error:
        _check_sentence(str(error), path)
        return "refused"
    if thorough and load(path) != book:
        raise Broken("P2: another book the second time")
    _check_book(book)
    _check_readings(book, limit)
    _check_scripts(book, limit, thorough)
    return "read"


def _check_sentence(sentence: str, path: Path) -> None:
    if "\n" in sentence or "\r" in sentence:
        raise Broken("refusal: holds a line end")
    if sentence.endswith("."):
        raise Broken("refusal: ends in a full stop")
    if not sentence.isprintable():
        raise Broken("refusal: holds what a terminal would obey")
    if str(path) not in sentence:
        raise Broken("refusal: does not name the file")
    if len(sentence) > 700 + len(str(path)):
        raise Broken("refusal: is no sentence but a flood")


def _check_book(book: Any) -> None:
    from tests.suites.loader_suite import check_book_holds

    held = sum(block.characters for chapter in book.chapters for block in chapter.blocks)
    if held + sum(skip.characters for skip in book.skipped) != book.source_characters:
        raise Broken("P1: the book loses or invents letters")
    check_book_holds(book)
    for chapter in book.chapters:
        for block in chapter.blocks:
            for mark in block.marks:
                if not 0 <= mark.start <= mark.end <= len(block.text):
                    raise Broken(f"book: a mark ({mark.kind}) outside its block")
            for aside in block.asides:
                if not 0 <= aside.at <= len(block.text):
                    raise Broken(f"book: an aside ({aside.kind}) outside its block")
    for warning in book.warnings:
        if "\n" in warning:
            raise Broken("warning: holds a line end")


def policies() -> Iterator[Any]:
    """The named ones, and two that choose what these do not."""
    from narrate.policy import KINDS, POLICIES, Policy

    yield from (Policy(name) for name in POLICIES)
    yield Policy("complete", tuple((name, kind.actions[-1]) for name, kind in KINDS.items()))
    yield Policy(
        "listener", (("notes", "chapter"), ("ruby", "reading"), ("table", "cells"), ("note reference", "speak"))
    )


def _check_readings(book: Any, limit: float) -> None:
    from narrate.reading import read

    lengths: dict[str, int] = {}
    for chapter in book.chapters:
        for block in chapter.blocks:
            lengths[block.anchor] = max(lengths.get(block.anchor, 0), len(block.text))
            places = [mark.value for mark in block.marks if mark.kind == "place"]
            lengths |= dict.fromkeys(places, 1 << 40)
    for policy in policies():
        with timed("read", limit):
            reading = read(book, policy)
        skipped = sum(skip.characters for skip in reading.skips)
        if reading.spoken_characters + skipped != book.source_characters:
            raise Broken(f"P1: policy {policy.name} {policy.changes[:1]}: spoken and skipped are not the source")
        for spoken in (one for chapter in reading.chapters for one in chapter or ()):
            for stretch in spoken.stretches:
                if not 0 <= stretch.first <= stretch.last <= lengths.get(stretch.anchor, 0):  # 0: it was added there
                    raise Broken("reading: a stretch leads to no place of the book")


def _check_scripts(book: Any, limit: float, thorough: bool) -> None:
    from narrate.commands.plan import as_schema
    from narrate.engines import Traits
    from narrate.plan import plan
    from narrate.produce import Estimate
    from narrate.script import Cast, Voice
    from narrate.text import speakable
    from narrate.tracing import trace

    normalising = Traits("kokoro", 400, min_words=3, languages=frozenset(("en",)), normalises=False)
    plain = Traits("tone", 60, max_bytes=200, languages=None)
    for traits in (normalising, plain):
        cast = Cast(Voice(traits.name, "1", "v", "en"))
        with timed(f"plan for {traits.name}", 2 * limit):
            script = plan(book, cast, traits)
        if thorough and script != plan(book, cast, traits):
            raise Broken("P2: another script the second time")
        if script.spoken_characters + sum(skip.characters for skip in script.skipped) != book.source_characters:
            raise Broken("P1: the script's spoken and skipped are not the source")
        json.dumps(as_schema(script, Estimate(0, 0, 0, None, "", 0.0), True), ensure_ascii=False).encode()
        for chunk in script.chunks:
            if not speakable(chunk.text) or chunk.text != chunk.text.strip():
                raise Broken("script: a chunk that cannot be spoken")
            if len(chunk.text) > traits.max_chars and " " in chunk.text:
                raise Broken("script: a chunk over the engine's limit")
            for word in trace(chunk) if thorough else ():
                if not 0 <= word.first <= word.last:
                    raise Broken("trace: a word that was written nowhere")


@contextlib.contextmanager
def timed(step: str, limit: float) -> Iterator[None]:
    """Broken when the step takes more than ``limit`` seconds of the processor's time."""
    started = time.process_time()
    yield
    if time.process_time() - started > limit * float(os.environ.get("FUZZING_PATIENCE", "1")):
        raise Broken(f"slow: {step}")
