"""Readings beside characters: which characters each reading belongs to."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Ruby:
    """One ruby element as it is read; places are those of the raw text of the block.

    ``start`` is where base text may begin, ``filled`` says that some came; ``bases`` wait for their readings.
    """

    start: int
    filled: bool = False
    bases: list[tuple[int, int]] = field(default_factory=list)
    annotated: bool = False

    def close_base(self, place: int) -> None:
        """What came since ``start`` is one base."""
        if self.filled:
            self.bases.append((self.start, place))
            self.annotated = False
        self.start, self.filled = place, False

    def next_base(self, place: int) -> tuple[int, int] | None:
        """The characters that the next reading belongs to; None when all have theirs: it is a second reading."""
        self.close_base(place)
        if not self.bases:
            return None
        self.annotated = True
        return self.bases.pop(0)
