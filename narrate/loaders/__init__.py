"""FAMILY: Path -> Book. Each sibling reads one kind of source; a loader does not know that voices exist.

A loader has one function, ``load(path: Path, bounds: Bounds = BOUNDS) -> Book``. It accounts for every letter and digit
of the source (P1), never leaves the source's folder, never uses the network (P10), and raises ``SourceError`` with one
clear sentence.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from narrate.book import Book
from narrate.bounds import Bounds


class Loader(Protocol):
    """The one function of a loader module."""

    def __call__(self, path: Path, bounds: Bounds = ...) -> Book:
        """Read the book at ``path``; what is larger than ``bounds`` is no book."""
        ...
