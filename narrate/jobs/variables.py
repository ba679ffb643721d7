"""Variables of the environment in paths: ``${NAME}`` and ``${NAME:-default}``; ``$${`` is the sign itself."""

from __future__ import annotations

import re
from collections.abc import Mapping

from narrate.errors import JobError
from narrate.jobs.slips import looks_like_a_key

_PLACE = re.compile(r"\$(?P<sign>\$)?\{(?:(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>(?:(?!\$\{)[^}])*))?\})?")
_SECRET = re.compile(
    "(?:^|_)(?:(?:api)?key|token|secret|pass|password|passwd|passphrase|pwd|credentials?)$", re.IGNORECASE
)


def expanded(where: str, name: str, text: str, env: Mapping[str, str]) -> str:
    """``text`` with values in place of variables. A variable that is empty counts as one that is not set."""

    def value(found: re.Match[str]) -> str:
        variable = found["name"]
        if found["sign"]:
            return found[0][1:]
        if not variable:
            raise JobError(
                f"{where}: '{name}' holds a ${{ that names no variable; write ${{NAME}}, or ${{NAME:-default}} "
                "with a default that names none"
            )
        given = env.get(variable) or found["default"]
        if _SECRET.search(variable) or looks_like_a_key(given or ""):  # paths are shown, and put on record
            raise JobError(f"{where}: '{name}' names {variable}, which holds a key: a path is no place for it")
        if given is None:
            raise JobError(
                f"{where}: '{name}' names the variable {variable}, which is not set; "
                f"set it, or write ${{{variable}:-default}}"
            )
        return given

    return _PLACE.sub(value, text)


def escaped(text: str) -> str:
    """``text`` as it must be written in a file to mean itself."""
    return text.replace("${", "$${")
