"""LMNT's Speech API 1.2 over HTTP: speech, voices and the account, as the SDKs of all versions ask for them."""

from __future__ import annotations

import asyncio
import base64
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from narrate.server.answers import Bounded, body_of, deliver, json_answer, patience, premises, whole
from narrate.wire import serving, speech
from narrate.wire.serving import Fault

if TYPE_CHECKING:
    from starlette.datastructures import FormData

_KINDS = ", ".join(sorted(serving.SAMPLE_TYPES))
_MOST_FILES = 20
"""API 1.0's limit; later versions send one."""


async def speech_bytes(request: Request) -> Response:
    """Audio, sent while it is made where the format allows it."""
    key = premises(request).who(request)
    return await deliver(request, key, serving.lmnt_order(await body_of(request)))


async def speech_detailed(request: Request) -> Response:
    """JSON: the audio in base64, and the times of its words if asked for, by the name they were asked for."""
    key = premises(request).who(request)
    order = serving.lmnt_order(await body_of(request))
    audio, times = await whole(request, key, order)
    message: dict[str, Any] = {"audio": base64.b64encode(audio).decode()}
    if order.timestamps:
        message["timestamps"] = serving.timestamps(times)
    if order.durations:
        message["durations"] = serving.timestamps(times)
    if order.seed is not None or _is_old(request):
        message["seed"] = order.seed or 0
    return json_answer(message)


def _is_old(request: Request) -> bool:
    """Whether the client speaks API 1.0, whose SDKs sent no version."""
    return request.headers.get(speech.VERSION_HEADER, "1.0") in ("1.0", "2025-09-25")


async def list_voices(request: Request) -> Response:
    """A bare array, as LMNT gives it."""
    key = premises(request).who(request)
    owner = request.query_params.get("owner", "all")
    starred = request.query_params.get("starred", "false")
    if owner not in ("system", "me", "all"):
        raise Fault("owner must be system, me or all", field="owner")
    if starred not in ("true", "false"):
        raise Fault("starred must be true or false", field="starred")
    voices = premises(request).voices
    return json_answer(await asyncio.to_thread(voices.listed, key.name, owner, starred == "true"))


async def retrieve_voice(request: Request) -> Response:
    key = premises(request).who(request)
    here = premises(request)
    return json_answer(await asyncio.to_thread(here.voices.show, request.path_params["id"], key.name))


async def update_voice(request: Request) -> Response:
    key = premises(request).who(request)
    changes = serving.voice_changes(await body_of(request))
    here = premises(request)
    async with here.changing:
        voice = await asyncio.to_thread(here.voices.update, request.path_params["id"], key.name, changes)
    return json_answer({"voice": voice})


async def delete_voice(request: Request) -> Response:
    key = premises(request).who(request)
    here = premises(request)
    async with here.changing:
        await asyncio.to_thread(here.voices.delete, request.path_params["id"], key.name)
    return json_answer({"success": True})


async def create_voice(request: Request) -> Response:
    """A voice of one's own. The recordings are looked at, and not kept."""
    key = premises(request).who(request)
    form = await _form(request)
    try:
        await asyncio.to_thread(_check_recordings, form)
        text = {name: _field(form, name) for name in ("name", "description", "gender")}
        tags = serving.voice_tags([*form.getlist("tags[]"), *form.getlist("tags")])
    finally:
        await form.close()
    here = premises(request)
    async with here.changing:
        return json_answer(await asyncio.to_thread(here.voices.create, key.name, **text, tags=tags))


async def _form(request: Request) -> FormData:
    """The parts of a multipart body; files are on disk beyond a megabyte."""
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        raise Fault("a voice is created with multipart/form-data: file, name, description, gender, tags")
    bounded = Bounded(request, serving.LONGEST_SAMPLE + serving.LONGEST_BODY)
    async with patience(premises(request).limits.upload_s):
        try:
            return await bounded.form(max_files=_MOST_FILES, max_fields=100, max_part_size=64 * 1024)
        except UnicodeError:  # of an encoding that the body says it has, and only Python knows
            raise Fault("the fields are not in UTF-8") from None


def _field(form: FormData, name: str) -> str:
    return serving.voice_text({name: form.get(name)}, name)


def _check_recordings(form: FormData) -> None:
    """Fault unless there are files, and all of them hold sound. API 1.0 took several, as ``files``."""
    from starlette.datastructures import UploadFile

    from narrate.audio.codec import holds_sound

    files = [file for name in ("file", "files", "files[]") for file in form.getlist(name)]
    if not files:
        raise Fault("file is required: a recording", field="file")
    for file in files:
        if not isinstance(file, UploadFile):
            raise Fault("file must be a recording, not a text", field="file")
        if not holds_sound(file.file):  # whatever it is called
            raise Fault(f"the recording holds no sound that can be read; it may be {_KINDS}", field="file")


async def account(request: Request) -> Response:
    """The plan is this server's; what is counted is what was used this month."""
    here = premises(request)
    key = here.who(request)
    used = await asyncio.to_thread(here.keys.used, key)
    own = await asyncio.to_thread(here.voices.listed, key.name, "me") if _is_old(request) else None
    return json_answer(serving.account("local", key.characters, used, None if own is None else len(own)))


ROUTES = [
    Route(speech.SPEECH_BYTES, speech_bytes, methods=["POST"]),
    Route(speech.SPEECH, speech_detailed, methods=["POST"]),
    Route(speech.VOICES, list_voices, methods=["GET"]),
    Route(serving.LMNT_VOICE, create_voice, methods=["POST"]),
    Route(f"{serving.LMNT_VOICE}/{{id}}", retrieve_voice, methods=["GET"]),
    Route(f"{serving.LMNT_VOICE}/{{id}}", update_voice, methods=["PUT"]),
    Route(f"{serving.LMNT_VOICE}/{{id}}", delete_voice, methods=["DELETE"]),
    Route(speech.ACCOUNT, account, methods=["GET"]),
]
