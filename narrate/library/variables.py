"""The variables of the environment that a shelf names beside those in paths: of addresses, secrets and keys."""

from __future__ import annotations

from narrate.hooks.environment import secret_variables, variables
from narrate.library.shelf import Shelf


def named_by(shelf: Shelf) -> tuple[str, ...]:
    """Those of the hooks, the feeds and the engines of ``shelf``; what a list says of its books is not among them."""
    names: list[str] = []
    for part in (*shelf.layers, *(entry.settings for entry in shelf.entries)):
        names += sorted(secret_variables(part.values.get("hooks", ())))
        names.append(part.values.get("key_variable", ""))
    for entry in shelf.entries:
        names += variables(entry.where) if entry.kind == "feed" else ()
    return tuple(dict.fromkeys(name for name in names if name))
