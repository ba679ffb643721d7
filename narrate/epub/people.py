"""Who made a book: names and roles from the package's creators and contributors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

AUTHOR = "aut"

# What books write in place of the code of the MARC relators (https://id.loc.gov/vocabulary/relators).
_CODES = {
    **dict.fromkeys(("author", "autor", "autora", "autore", "auteur", "autrice", "verfasser", "schrijver"), AUTHOR),
    **dict.fromkeys(("writer", "co-author", "coauthor", "main author"), AUTHOR),
    **dict.fromkeys(("editor", "herausgeber", "éditeur scientifique", "redacteur", "curatore", "organizador"), "edt"),
    **dict.fromkeys(("translator", "übersetzer", "traducteur", "traductrice", "traductor", "traduttore"), "trl"),
    **dict.fromkeys(("tradutor", "vertaler", "translated by"), "trl"),
    **dict.fromkeys(("illustrator", "illustrateur", "ilustrador", "illustratore"), "ill"),
    **dict.fromkeys(("narrator", "reader", "sprecher", "narrateur", "narrador", "narratore", "verteller"), "nrt"),
    **dict.fromkeys(("author of introduction", "introduction", "foreword", "author of foreword"), "aui"),
    **dict.fromkeys(("author of afterword", "afterword"), "aft"),
    **dict.fromkeys(("cover artist", "cover designer", "cover design"), "cov"),
    **dict.fromkeys(("book producer", "producer"), "bkp"),
    "compiler": "com",
    "photographer": "pht",
    "designer": "dsr",
    "publisher": "pbl",
    "contributor": "ctb",
    "transcriber": "trc",
}


@dataclass(frozen=True, slots=True)
class Person:
    """A name, its MARC relator codes (() when the book says none), and whether it stands among the creators."""

    name: str
    roles: tuple[str, ...]
    creator: bool


def role_code(written: str) -> str:
    """The MARC relator code of a role as books write it: a code, an address that ends in one, or a word."""
    role = written.strip().rstrip("/").casefold()
    role = role.rpartition("/")[2] if "/" in role else role.removeprefix("marc:").removeprefix("relators:")
    return _CODES.get(role, role)


def authors_of(people: Sequence[Person]) -> tuple[str, ...]:
    """Creators who are authors or of whom nothing is said, and contributors called authors; else every creator."""
    writers = [
        person.name
        for person in people
        if AUTHOR in person.roles or (person.creator and not person.roles)
    ]  # fmt: skip
    return tuple(dict.fromkeys(writers or [person.name for person in people if person.creator]))


def contributors_of(people: Sequence[Person]) -> tuple[tuple[str, str], ...]:
    """(name, role) of everybody, a line for each role."""
    return tuple(dict.fromkeys((person.name, role) for person in people for role in person.roles or ("",)))


def roles_of(refined: Mapping[str, Sequence[str]], old: str | None) -> tuple[str, ...]:
    """The roles of a person: EPUB 3's refinements, then EPUB 2's attribute."""
    written = [*refined.get("role", ()), *([old] if old else [])]
    return tuple(dict.fromkeys(code for role in written if (code := role_code(role))))
