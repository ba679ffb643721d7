"""narrate: books and documents in, finished audiobooks out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from narrate.session import SpeechSession as SpeechSession

__version__ = "0.1.0"

__all__ = ["SpeechSession", "__version__"]


def __getattr__(name: str) -> Any:
    """``narrate.SpeechSession``, loaded when it is asked for: the command line need not wait for it."""
    if name == "SpeechSession":
        from importlib import import_module

        return import_module("narrate.session").SpeechSession
    raise AttributeError(f"module 'narrate' has no attribute {name!r}")
