"""A drop folder as a list of books: what was put into it, unfinished copies left alone."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from narrate.errors import SourceError

OURS = ".narrate"
"""A folder that holds this is an output of narrate, and no book."""
_UNFINISHED = (".part", ".partial", ".crdownload", ".download", ".tmp", ".swp", "~", ".narrate.toml", ".why.txt")
"""How names end of what is being copied or edited, and of what stands next to books."""


def dropped(folder: Path, apart: Iterable[Path] = ()) -> list[Path]:
    """What lies in a drop folder and may be a book: files and folders, hidden and unfinished ones passed over, and
    those ``apart``, where narrated books go.
    """
    try:
        found = [path for path in folder.iterdir() if not path.name.startswith(".")]
    except OSError as error:
        raise SourceError(f"{folder}: cannot be read: {(error.strerror or str(error)).lower()}") from error
    others = {path.absolute() for path in apart}
    return sorted(
        path
        for path in found
        if not path.name.endswith(_UNFINISHED) and not (path / OURS).exists() and path.absolute() not in others
    )
