"""What hooks take from the environment, and what of it a command does not get: addresses, secrets, engines' keys.

A variable is looked up when a hook is rung, not when its job is read: an address that nobody may know is a secret too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from narrate.hooks import Hook, Undelivered
from narrate.variables import held

_PLACE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")
_KEYS = tuple(f"{engine}_API_KEY" for engine in ("LMNT", "OPENAI", "ANTHROPIC"))


def expanded(text: str, env: Mapping[str, str]) -> str:
    """``text`` with the values of the variables in place of ``${NAME}`` and ``${NAME:-default}``.

    A variable that is not set, or empty, is Undelivered unless there is a default.
    """

    def value(found: re.Match[str]) -> str:
        name, default = found[1], found[2]
        given = env.get(name, "").strip() or default
        if given is None:
            raise Undelivered(f"the variable {name} is not set; set it, or write ${{{name}:-default}}")
        return given

    return _PLACE.sub(value, text)


def variables(text: str) -> tuple[str, ...]:
    """The names of the variables in ``text``."""
    return tuple(found[1] for found in _PLACE.finditer(text))


def without_variables(text: str, value: str = "x") -> str:
    """``text`` with ``value`` in place of each variable: for looking at its form where the values are not known."""
    return _PLACE.sub(value, text)


def secret(env: Mapping[str, str], variable: str) -> str:
    """What ``variable`` holds, or the file that ``<variable>_FILE`` names. Undelivered when there is nothing."""
    try:
        found = held(env, variable)
    except ValueError as error:
        raise Undelivered(str(error)) from None
    if not found:
        raise Undelivered(f"the variable {variable} is not set; it, or a file named in {variable}_FILE, is needed")
    return found


def secret_variables(hooks: Iterable[Hook]) -> frozenset[str]:
    """The variables that ``hooks`` take secrets and addresses from."""
    return frozenset(
        name
        for hook in hooks
        for name in (hook.secret_variable, hook.password_variable, *variables(hook.url), *variables(hook.server))
        if name
    )


def without_keys(env: Mapping[str, str], names: Iterable[str] = ()) -> dict[str, str]:
    """``env`` without the keys of engines and without the variables ``names``, nor the files that hold either."""
    kept_back = {name + ending for name in (*_KEYS, *names) for ending in ("", "_FILE")}
    return {name: value for name, value in env.items() if name not in kept_back}
