"""BRICK: secrets in variables of the environment, or in the files that variables name."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


def held(env: Mapping[str, str], variable: str) -> str:
    """What ``variable`` holds, or the file that ``<variable>_FILE`` names; "" when neither is set.

    ValueError, with a sentence, when the file cannot be read or is empty. The path is not repeated: some put the secret
    itself there.
    """
    found = env.get(variable, "").strip()
    file = env.get(f"{variable}_FILE", "").strip()
    if found or not file:
        return found
    try:
        found = Path(file).expanduser().read_text(encoding="utf-8").strip()
    except (OSError, ValueError, RuntimeError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "it is not a text file"
        raise ValueError(f"the file named in {variable}_FILE cannot be read: {reason.lower()}") from None
    if not found:
        raise ValueError(f"the file named in {variable}_FILE is empty")
    return found
