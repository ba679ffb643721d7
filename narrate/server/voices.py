"""The voices on offer: the engine's own, well-known names that stand for them, and those that users define.

A user's voice is made of a recording, as LMNT's API has it; no engine here copies a voice, so what is kept is the
definition, not the recording: its name, and which of the engine's voices speaks for it. The tag ``voice=NAME`` chooses
that, else the gender does, else it is the default; the description says so.
"""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from narrate.disk import make_folder, replace_file
from narrate.engines import VoiceInfo
from narrate.errors import JobError, StoreError
from narrate.settings import guess
from narrate.wire.serving import Fault

ALIASES = {
    "leah": "af_heart", "brandon": "am_michael", "elowen": "bf_emma",
    "alloy": "af_heart", "ash": "am_michael", "ballad": "bm_george", "cedar": "am_fenrir", "coral": "af_bella",
    "echo": "am_fenrir", "fable": "bm_george", "marin": "af_bella", "nova": "af_bella", "onyx": "am_michael",
    "sage": "bf_emma", "shimmer": "bf_emma", "verse": "am_fenrir",
}  # fmt: skip
"""Names that LMNT's and OpenAI's own examples use, and the voices of kokoro that speak for them. With another engine
they stand for its voices in turn."""

MOST = 1_000
"""Voices that users may define."""
_GENDERS = {"female": ("af_bella", "bf_emma"), "male": ("am_michael", "bm_george")}
_TAG = "voice="


@dataclass(frozen=True, slots=True)
class Offered:
    """A voice that may be asked for by ``id``. ``speaks`` is the engine's voice, in ``language`` ("": any).

    ``owner`` is the name of the key that defined it, or None for the system's own. ``alias``: another name of a voice.
    """

    id: str
    name: str
    speaks: str
    language: str = ""
    owner: str | None = None
    description: str = ""
    gender: str = ""
    tags: tuple[str, ...] = ()
    alias: bool = False


@dataclass(slots=True)
class _Kept:
    """What the file holds: users' voices, and who has starred which."""

    voices: dict[str, Offered] = field(default_factory=dict)
    starred: dict[str, set[str]] = field(default_factory=dict)


class Voices:
    """All voices of a server. Changes are on disk, in ``file``, before they are answered; without a file they last as
    long as the server. Safe to use from threads.
    """

    def __init__(self, listed: Sequence[VoiceInfo], file: Path | None, aliases: Mapping[str, str]) -> None:
        if not listed:
            raise JobError("the engine has no voice to offer")
        own = {info.name: Offered(info.name, info.name, info.name, info.language, None, info.description, _gender(info))
               for info in listed}  # fmt: skip
        self._system = {**_named(own, aliases), **own}
        self._file = file
        self._lock = threading.Lock()
        self._kept = _read(file) if file and file.exists() else _Kept()

    def get(self, name: str) -> Offered:
        """The voice ``name``; Fault when there is none."""
        found = self._kept.voices.get(name) or self._system.get(name)
        if found is None:
            raise Fault(f"voice {name[:60]!r} not found; {guess(name, self._system)}", "not_found_error", field="voice")
        return found

    def listed(self, who: str, owner: str = "all", *, starred: bool = False) -> list[dict[str, Any]]:
        """The voices as LMNT's list shows them to the key ``who``: the system's, then the users'."""
        mine = self._kept.starred.get(who, set())
        return [
            shown(voice, who, mine)
            for voice in (*self._system.values(), *self._kept.voices.values())
            if owner in ("all", _owner(voice, who)) and (not starred or voice.id in mine)
        ]

    def show(self, name: str, who: str) -> dict[str, Any]:
        """One voice."""
        return shown(self.get(name), who, self._kept.starred.get(who, set()))

    def names(self) -> tuple[str, ...]:
        """The ids that can be asked for."""
        return (*self._system, *self._kept.voices)

    def create(self, who: str, name: str, description: str, gender: str, tags: tuple[str, ...]) -> Offered:
        """Define a voice; Fault for a tag that names no voice, or when there are too many."""
        if len(self._kept.voices) >= MOST:
            raise Fault(f"there are {MOST:,} voices already; delete some", "permission_error")
        speaks = self._speaker(gender, tags)
        voice = Offered(
            id=secrets.token_hex(12),
            name=name,
            speaks=speaks.speaks,
            language=speaks.language,
            owner=who,
            description=description or f"spoken by {speaks.speaks}",
            gender=gender,
            tags=tags,
        )
        with self._lock:
            self._kept.voices[voice.id] = voice
            self._write()
        return voice

    def update(self, name: str, who: str, changes: Mapping[str, Any]) -> dict[str, Any]:
        """Change what is given; of a voice that is not one's own only whether it is starred."""
        changes = dict(changes)
        starred = changes.pop("starred", None)
        voice = self.get(name)
        if changes:
            self._own(voice, who)
        with self._lock:
            if changes:
                voice = replace(voice, **changes)
                speaker = self._speaker(voice.gender, voice.tags)
                voice = replace(voice, speaks=speaker.speaks, language=speaker.language)
                self._kept.voices[voice.id] = voice
            if starred is not None:
                mine = self._kept.starred.setdefault(who, set())
                (mine.add if starred else mine.discard)(voice.id)
            self._write()
        return self.show(name, who)

    def delete(self, name: str, who: str) -> None:
        """Forget a voice of one's own."""
        voice = self.get(name)
        self._own(voice, who)
        with self._lock:
            self._kept.voices.pop(voice.id, None)
            for mine in self._kept.starred.values():
                mine.discard(voice.id)
            self._write()

    def _own(self, voice: Offered, who: str) -> None:
        if voice.owner != who:
            raise Fault(f"the voice {voice.id!r} is not yours to change", "permission_error")

    def _speaker(self, gender: str, tags: Iterable[str]) -> Offered:
        """The system's voice that speaks for a definition."""
        for tag in tags:
            if tag.startswith(_TAG):
                found = self._system.get(tag.removeprefix(_TAG))
                if found is None:
                    hint = guess(tag.removeprefix(_TAG), self._system)
                    raise Fault(f"the tag {tag[:60]!r} names no voice; {hint}", field="tags")
                return found
        meant = (self._system.get(name) for name in _GENDERS.get(gender.lower(), ()))
        return next((voice for voice in meant if voice), None) or self._system["leah"]

    def _write(self) -> None:
        """StoreError when the file cannot be written; then nothing is promised."""
        if self._file is None:
            return
        message = {
            "voices": [asdict(voice) for voice in self._kept.voices.values()],
            "starred": {who: sorted(mine) for who, mine in self._kept.starred.items() if mine},
        }
        try:
            make_folder(self._file.parent)
            replace_file(self._file, json.dumps(message, ensure_ascii=False, indent=1))
        except OSError as error:
            raise StoreError(f"{self._file}: the voices cannot be written: {error.strerror or error}") from error


def shown(voice: Offered, who: str, starred: set[str]) -> dict[str, Any]:
    """A voice in LMNT's words, to the key ``who``."""
    return {
        "id": voice.id,
        "name": voice.name,
        "owner": _owner(voice, who),
        "state": "ready",
        "type": "instant",
        "description": voice.description or None,
        "gender": voice.gender or None,
        "starred": voice.id in starred,
        "tags": list(voice.tags),
        "preview_url": None,
    }


def _owner(voice: Offered, who: str) -> str:
    return "system" if voice.owner is None else "me" if voice.owner == who else "other"


def _gender(info: VoiceInfo) -> str:
    described = info.description.lower().split()
    return "female" if "female" in described else "male" if "male" in described else ""


def _named(own: Mapping[str, Offered], aliases: Mapping[str, str]) -> dict[str, Offered]:
    """The well-known names, and those of ``aliases`` over them; a voice's own name is never taken from it."""
    for alias, name in aliases.items():
        if name not in own:
            raise JobError(f"--alias {alias}={name}: there is no voice {name!r}; {guess(name, own)}")
    turns = list(own)
    usual = {
        alias: name if name in own else turns[number % len(turns)]
        for number, (alias, name) in enumerate(ALIASES.items())
    }
    return {
        alias: replace(own[name], id=alias, name=alias.title(), description=f"speaks as {name}", alias=True)
        for alias, name in {**usual, **aliases}.items()
        if alias not in own
    }


def _read(file: Path) -> _Kept:
    """The users' voices; JobError for a file that is none, since it is the users' only copy."""
    try:
        message = json.loads(file.read_text(encoding="utf-8"))
        voices = [Offered(**{**entry, "tags": tuple(entry["tags"])}) for entry in message["voices"]]
        starred = {str(who): set(map(str, mine)) for who, mine in message["starred"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise JobError(
            f"{file}: is not a file of voices ({error}); move it away, or name another with --voices"
        ) from error
    return _Kept({voice.id: voice for voice in voices}, starred)
