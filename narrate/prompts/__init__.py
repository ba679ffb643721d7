"""What a language model is told so that its text can be heard: templates as plain Markdown files beside this one.

``spoken`` for live text, ``story`` for a long one whose headings become chapters, ``adapt`` for one block of a
document. A user's own file may stand in place of any of them. ``{name}`` in a template is a field.
"""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path

from narrate.errors import JobError
from narrate.settings import guess

LONGEST = 100_000
"""Characters of a user's own template; more is no template but a book."""

_FIELD = re.compile(r"\{([a-z]+)\}")


def names() -> tuple[str, ...]:
    """The templates that narrate brings along."""
    found = (each.name for each in files(__name__).iterdir())
    return tuple(sorted(name.removesuffix(".md") for name in found if name.endswith(".md")))


def prompt(name: str, **fields: str) -> str:
    """The template ``name`` with its fields filled in; JobError, with a guess, when there is none of that name."""
    if name not in names():
        raise JobError(f"there is no prompt {name!r}; {guess(name, names())}")
    return filled(files(__name__).joinpath(f"{name}.md").read_text(encoding="utf-8").strip(), **fields)


def prompt_from(name_or_path: str) -> str:
    """A template by its name, or the text of a user's own file; its fields are left as they stand.

    A name wins over a file of the same name: write ``./spoken`` for the file.
    """
    if name_or_path in names():
        return prompt(name_or_path)
    path = Path(name_or_path).expanduser()
    if not path.is_file():
        raise JobError(f"--prompt {name_or_path}: is neither a file nor a prompt of narrate's; {_known(name_or_path)}")
    try:
        with path.open(encoding="utf-8-sig") as file:
            text = file.read(LONGEST + 1).strip()
    except (OSError, ValueError) as error:
        raise JobError(
            f"{path}: the prompt cannot be read: {getattr(error, 'strerror', None) or 'it is no UTF-8 text'}"
        ) from error
    if not text or len(text) > LONGEST:
        raise JobError(f"{path}: the prompt is {'empty' if not text else f'longer than {LONGEST:,} characters'}")
    return text


def filled(template: str, **fields: str) -> str:
    """``template`` with the fields that are given; what else stands in braces stays."""
    return _FIELD.sub(lambda found: fields.get(found[1], found[0]), template)


def _known(name: str) -> str:
    return guess(name, names())
