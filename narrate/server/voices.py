"""The voices on offer: the engine's own, well-known names that stand for them, and those that users define.

A user's voice is made of a recording, as LMNT's API has it; no engine here copies a voice, so what is kept is the
definition, not the recording: its name, and which of the engine's voices speaks for it. The tag ``voice=NAME`` chooses
that, else the gender does, else it is the default; the description says so, where its owner gave none.

Several servers may share one file: each looks, before it answers, whether another has written it.
"""

from __future__ import annotations

import json
import secrets
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from narrate.disk import make_folder, replace_file
from narrate.engines import VoiceInfo
from narrate.errors import Busy, JobError, NarrateError, StoreError
from narrate.locks import only_run
from narrate.settings import guess
from narrate.wire import serving, speech
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
_WAIT_S = 5.0
"""How long another server may keep the file to itself."""


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


@dataclass(frozen=True, slots=True)
class _Kept:
    """What the file holds: users' voices, and who has starred which. Never changed: replaced."""

    voices: Mapping[str, Offered] = field(default_factory=dict)
    starred: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def by(self, who: str) -> frozenset[str]:
        """What ``who`` has starred."""
        return self.starred.get(who, frozenset())

    def having(self, voice: Offered) -> _Kept:
        """With ``voice``, new or changed."""
        return replace(self, voices={**self.voices, voice.id: voice})

    def without(self, name: str) -> _Kept:
        """Without the voice ``name``."""
        voices = {known: voice for known, voice in self.voices.items() if known != name}
        return _Kept(voices, {who: mine - {name} for who, mine in self.starred.items()})

    def starring(self, who: str, name: str, starred: bool) -> _Kept:
        """With ``name`` among what ``who`` has starred, or not."""
        mine = self.by(who) | {name} if starred else self.by(who) - {name}
        return replace(self, starred={**self.starred, who: mine})


class Voices:
    """All voices of a server. Changes are on disk, in ``file``, before they are answered; without a file they last as
    long as the server. Safe to use from threads; where there is a file, every question may read it.
    """

    def __init__(self, listed: Sequence[VoiceInfo], file: Path | None, aliases: Mapping[str, str]) -> None:
        if not listed:
            raise JobError("the engine has no voice to offer")
        own = {info.name: Offered(info.name, info.name, info.name, info.language, None, info.description, _gender(info))
               for info in listed}  # fmt: skip
        self._own = frozenset(own)
        self._system = {**_named(own, aliases), **own}
        self._file = file
        self._lock = threading.Lock()
        self._known: tuple[object, _Kept] = (None, _Kept())
        self._load()

    def get(self, name: str) -> Offered:
        """The voice ``name``; Fault when there is none."""
        return self._found(self._now(), name)

    def listed(self, who: str, owner: str = "all", starred: bool = False) -> list[dict[str, Any]]:
        """The voices as LMNT's list shows them to the key ``who``: the system's, then the users'."""
        kept = self._now()
        return [
            shown(self._spoken(voice), who, kept.by(who))
            for voice in (*self._system.values(), *kept.voices.values())
            if owner in ("all", _owner(voice, who)) and (not starred or voice.id in kept.by(who))
        ]

    def show(self, name: str, who: str) -> dict[str, Any]:
        """One voice."""
        kept = self._now()
        return shown(self._found(kept, name), who, kept.by(who))

    def names(self) -> tuple[str, ...]:
        """The ids that can be asked for."""
        return (*self._system, *self._now().voices)

    def create(self, who: str, name: str, description: str, gender: str, tags: tuple[str, ...]) -> dict[str, Any]:
        """Define a voice; Fault for a tag that names no voice, or when there are too many."""
        speaks = self._speaker(gender, tags)
        voice = Offered(
            id=secrets.token_hex(12),
            name=name,
            speaks=speaks.speaks,
            language=speaks.language,
            owner=who,
            description=description,
            gender=gender,
            tags=tags,
        )

        def change(kept: _Kept) -> _Kept:
            if len(kept.voices) >= MOST:
                raise Fault(f"there are {MOST:,} voices already; delete some", "permission_error")
            return kept.having(voice)

        self._change(change)
        return shown(voice, who, frozenset())

    def update(self, name: str, who: str, changes: Mapping[str, Any]) -> dict[str, Any]:
        """Change what is given; of a voice that is not one's own only whether it is starred."""
        told = {field: value for field, value in changes.items() if field != "starred"}

        def change(kept: _Kept) -> _Kept:
            voice = self._found(kept, name)
            if told:
                self._belongs(voice, who)
                speaker = self._speaker(told.get("gender", voice.gender), told.get("tags", voice.tags))
                kept = kept.having(replace(voice, **told, speaks=speaker.speaks, language=speaker.language))
            return kept.starring(who, name, changes["starred"]) if "starred" in changes else kept

        if changes:
            self._change(change)
        return self.show(name, who)

    def delete(self, name: str, who: str) -> None:
        """Forget a voice of one's own."""

        def change(kept: _Kept) -> _Kept:
            self._belongs(self._found(kept, name), who)
            return kept.without(name)

        self._change(change)

    def _found(self, kept: _Kept, name: str) -> Offered:
        found = self._system.get(name) or kept.voices.get(name)
        if found is None:
            hint = guess(name, self._system)
            if not hint.startswith("did"):
                hint = f"GET {speech.VOICES} lists what there is"
            raise Fault(f"voice {name[:60]!r} not found; {hint}", "not_found_error", field="voice")
        return self._spoken(found)

    def _spoken(self, voice: Offered) -> Offered:
        """``voice`` as this engine speaks it: it may have been defined while another one did."""
        if voice.speaks in self._own:
            return voice
        try:
            speaker = self._speaker(voice.gender, voice.tags)
        except Fault:  # its tag names a voice of the other engine
            speaker = self._speaker(voice.gender, ())
        return replace(voice, speaks=speaker.speaks, language=speaker.language)

    def _belongs(self, voice: Offered, who: str) -> None:
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
        meant = (self._system.get(name) for name in _GENDERS.get(gender.strip().lower(), ()))
        return next((voice for voice in meant if voice), None) or self._system["leah"]

    # --- the file ---------------------------------------------------------------------------------------------------

    def _now(self) -> _Kept:
        """What there is. A file that has been spoiled meanwhile is not believed, and not written over either."""
        try:
            return self._load()
        except JobError:
            return self._known[1]

    def _load(self) -> _Kept:
        """What the file holds, read if it is another than before; JobError when it is none of voices."""
        seen, kept = self._known
        if self._file is not None and (now := _signature(self._file)) != seen:
            kept = _read(self._file)
            self._known = now, kept  # at once: other threads read it
        return kept

    def _change(self, change: Callable[[_Kept], _Kept]) -> None:
        """Have ``change`` done to what there is now. StoreError when the file cannot be written: then nothing has
        changed.
        """
        if self._file is None:
            with self._lock:
                self._known = None, change(self._known[1])
            return
        with self._lock, _alone(self._file):
            kept = change(self._load())
            _write(self._file, kept)
            self._known = _signature(self._file), kept


def _signature(file: Path) -> object:
    """What changes with a file: it is always written as a new one."""
    try:
        status = file.stat()
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns, status.st_size


@contextmanager
def _alone(file: Path) -> Iterator[None]:
    """No other server writes ``file`` meanwhile."""
    until = time.monotonic() + _WAIT_S
    with ExitStack() as stack:
        while True:
            try:
                make_folder(file.parent)
                stack.enter_context(only_run(file.parent, file.name, f"{file}"))
            except Busy:
                if time.monotonic() > until:
                    raise StoreError(f"{file}: another server keeps it to itself") from None
                time.sleep(0.005)
            except OSError as error:
                raise _unwritten(file, error) from error
            except NarrateError as error:
                raise StoreError(f"{file}: the voices cannot be written: {error}") from error
            else:
                break
        yield


def _write(file: Path, kept: _Kept) -> None:
    message = {
        "voices": [asdict(voice) for voice in kept.voices.values()],
        "starred": {who: sorted(mine) for who, mine in kept.starred.items() if mine},
    }
    try:
        replace_file(file, json.dumps(message, ensure_ascii=False, indent=1))
    except OSError as error:
        raise _unwritten(file, error) from error


def _unwritten(file: Path, error: OSError) -> StoreError:
    return StoreError(f"{file}: the voices cannot be written: {error.strerror or error}")


def shown(voice: Offered, who: str, starred: frozenset[str]) -> dict[str, Any]:
    """A voice in LMNT's words, to the key ``who``."""
    stands_for = None if voice.owner is None else f"spoken by {voice.speaks}"
    return {
        "id": voice.id,
        "name": voice.name,
        "owner": _owner(voice, who),
        "state": "ready",
        "type": "instant",
        "description": voice.description or stands_for,
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
    """The well-known names, and those of ``aliases`` over them; a voice's own name cannot be taken from it."""
    for alias, name in aliases.items():
        if name not in own:
            raise JobError(f"--alias {alias}={name}: there is no voice {name!r}; {guess(name, own)}")
        if alias in own:
            raise JobError(f"--alias {alias}={name}: {alias!r} is a voice itself")
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


_TEXTS = frozenset(entry.name for entry in fields(Offered)) - {"tags", "alias"}


def _read(file: Path) -> _Kept:
    """The users' voices; JobError for a file that is none, since it is the users' only copy."""
    try:
        message = json.loads(file.read_text(encoding="utf-8"))
        voices = [_definition(entry) for entry in message["voices"]]
        starred = {who: frozenset(map(str, mine)) for who, mine in message["starred"].items()}
    except FileNotFoundError:
        return _Kept()
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError, Fault) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise JobError(
            f"{file}: is not a file of voices ({reason}); move it away, or name another with --voices"
        ) from error
    return _Kept({voice.id: voice for voice in voices}, starred)


def _definition(entry: Mapping[str, Any]) -> Offered:
    """A voice of the file; ValueError or TypeError for anything else."""
    for name in _TEXTS & entry.keys():
        if not isinstance(entry[name], str):
            raise ValueError(f"{name} must be a text")  # noqa: TRY004 - the file is wrong, not a type
    return Offered(**{**entry, "owner": entry["owner"], "tags": serving.voice_tags(entry["tags"]), "alias": False})
