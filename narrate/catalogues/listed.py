"""What every list of books comes down to, wherever it stands: a source, its settings, and where it was said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Listed:
    """One book of a list.

    ``source`` is a file, a folder or a pattern, the list's folder in front of it; nobody has looked whether it is
    there. ``settings`` is a table as one would write it in a job file, not yet checked; paths in it are relative to
    ``folder``. ``origin`` names its place in messages: "books.csv line 7".
    """

    source: Path
    settings: Mapping[str, Any]
    origin: str
    folder: Path = Path()
