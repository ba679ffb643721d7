"""FAMILY: Audiobook -> files. A writer turns finished sound into one kind of output, and checks what it made.

A writer writes into the folder it is given (which is a scratch folder: ``publish`` moves files into place, P7) and
re-opens each file before it returns. It copies encoded sound from blobs or joined segments; it never encodes.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from narrate.audiobook import Audiobook, Published


class Writer(Protocol):
    """One kind of output."""

    name: str

    def write(self, audiobook: Audiobook, folder: Path) -> list[Published]:
        """Write the output below ``folder`` and return what was written, re-opened and checked.

        Raises AudioError when the result does not hold what it should.
        """
        ...
