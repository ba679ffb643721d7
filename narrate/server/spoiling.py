"""What a plan of faults does to the sound of a healthy answer, in the format that was asked for.

Pure but for the codecs. What cannot be read as sound (a refusal, a stream of events) is left as it is.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from narrate.errors import AudioError
from narrate.server.faults import Received
from narrate.wire import openai, speech

if TYPE_CHECKING:
    from narrate.audio.codec import Samples
    from narrate.audio.streams import Kind


@dataclass(frozen=True, slots=True)
class Asked:
    """What speech was asked for: its encoding, and at how many Hz where no header says it. An answer that is
    ``wrapped`` is JSON that holds the audio.
    """

    kind: Kind
    rate: int
    wrapped: bool = False


def asked(request: Received) -> Asked | None:
    """What ``request`` asks for; None where nobody could answer it with speech."""
    fields = _fields(request.body)
    try:
        if request.path.endswith(openai.SPEECH):
            form = openai.FORMATS[fields.get("response_format") or "mp3"]
            return Asked(form.answered, form.rate)
        return _asked_of_lmnt(fields, wrapped=not request.path.endswith(speech.SPEECH_BYTES))
    except (KeyError, TypeError, ValueError):
        return None


def _asked_of_lmnt(fields: Mapping[str, Any], *, wrapped: bool) -> Asked:
    form = speech.FORMATS[fields.get("format") or "mp3"]
    kind: Kind = "pcm_f32le" if form.float32 else form.answered
    return Asked(kind, int(fields.get("sample_rate") or form.rate), wrapped)


def instead(request: Received, text: str) -> Received:
    """``request`` as it would be if it asked for ``text``."""
    name = "input" if request.path.endswith(openai.SPEECH) else "text"
    fields = _fields(request.body)
    if not isinstance(fields.get(name), str):
        return request
    body = json.dumps({**fields, name: text}, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
    return replace(request, body=body)


def _fields(body: bytes) -> dict[str, Any]:
    with suppress(ValueError, RecursionError):
        fields = json.loads(body)
        return fields if isinstance(fields, dict) else {}
    return {}


def spoiled(body: bytes, request: Received, changes: Mapping[str, Any]) -> bytes:
    """The healthy answer's ``body`` with ``changes`` (as in ``Reply.speech``) to its sound."""
    form = asked(request)
    if form is None:
        return body
    try:
        if not form.wrapped:
            return _changed(body, form, changes)
        message = json.loads(body)
        audio = _changed(base64.b64decode(message["audio"]), form, changes)
    except (AudioError, ValueError, KeyError, TypeError):  # not the answer of a healthy server: what it is may stay
        return body
    return json.dumps({**message, "audio": base64.b64encode(audio).decode()}).encode()


def _changed(audio: bytes, form: Asked, changes: Mapping[str, Any]) -> bytes:
    if changes.keys() & {"share", "amplitude", "other_rate"}:
        samples, rate = _decoded(audio, form)
        audio = _encoded(*_worse(samples, rate, changes), form)
    return audio[: int(len(audio) * changes.get("keep", 1.0))]


def _worse(samples: Samples, rate: int, changes: Mapping[str, Any]) -> tuple[Samples, int]:
    """Said again and again, or broken off, to the ``share`` of its length; or silent; or at another rate."""
    import numpy as np

    from narrate.audio import codec

    samples = np.resize(samples, int(samples.size * changes.get("share", 1.0)))
    if changes.get("amplitude") == 0:
        samples = np.zeros_like(samples)
    other = 24000 if rate == 16000 else 16000
    if changes.get("other_rate"):
        return codec.resample(samples, rate, other), other
    return samples, rate


def _decoded(audio: bytes, form: Asked) -> tuple[Samples, int]:
    import numpy as np

    from narrate.audio import codec

    if form.kind == "pcm_f32le":
        return codec.to_int16(np.frombuffer(audio, "<f4")), form.rate
    return codec.decode(audio, form.kind, form.rate)


def _encoded(samples: Samples, rate: int, form: Asked) -> bytes:
    from narrate.audio.streams import open_stream

    stream = open_stream(form.kind, rate, whole=True)
    return stream.encode(samples) + stream.finish()
