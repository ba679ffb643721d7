"""LMNT's Speech API 1.2 over HTTP: speech, voices and the account, as the SDKs of all versions ask for them."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from narrate.server.answers import body_of, deliver, json_answer, patience, premises, whole
from narrate.wire import serving, speech
from narrate.wire.serving import Fault

if TYPE_CHECKING:
    from starlette.datastructures import FormData

_SUFFIXES = ", ".join(sorted(serving.SAMPLE_TYPES))


async def speech_bytes(request: Request) -> Response:
    """Audio, sent while it is made where the format allows it."""
    order = serving.lmnt_order(await body_of(request, serving.LONGEST_BODY))
    return await deliver(request, order)


async def speech_detailed(request: Request) -> Response:
    """JSON: the audio in base64, and the times of its words if asked for."""
    order = serving.lmnt_order(await body_of(request, serving.LONGEST_BODY))
    audio, times = await whole(request, order)
    message: dict[str, Any] = {"audio": base64.b64encode(audio).decode()}
    if order.timestamps:
        message["timestamps"] = serving.timestamps(times)
    return json_answer(message)


async def list_voices(request: Request) -> Response:
    """A bare array, as LMNT gives it."""
    owner = request.query_params.get("owner", "all")
    starred = request.query_params.get("starred", "")
    if owner not in ("system", "me", "all"):
        raise Fault("owner must be system, me or all", field="owner")
    if starred not in ("", "true", "false"):
        raise Fault("starred must be true", field="starred")
    key = premises(request).who(request)
    return json_answer(premises(request).voices.listed(key.name, owner, starred=starred == "true"))


async def retrieve_voice(request: Request) -> Response:
    key = premises(request).who(request)
    return json_answer(premises(request).voices.show(request.path_params["id"], key.name))


async def update_voice(request: Request) -> Response:
    key = premises(request).who(request)
    changes = serving.voice_changes(await body_of(request, serving.LONGEST_BODY))
    here = premises(request)
    voice = await here.stage.encode(here.voices.update, request.path_params["id"], key.name, changes)
    return json_answer({"voice": voice})


async def delete_voice(request: Request) -> Response:
    key = premises(request).who(request)
    await premises(request).stage.encode(premises(request).voices.delete, request.path_params["id"], key.name)
    return json_answer({"success": True})


async def create_voice(request: Request) -> Response:
    """A voice of one's own. The recording is looked at, and not kept."""
    key = premises(request).who(request)
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        raise Fault("a voice is created with multipart/form-data: file, name, description, gender, tags")
    promised = request.headers.get("content-length", "")
    if promised.isdigit() and int(promised) > serving.LONGEST_SAMPLE:
        raise Fault("the recording is larger than 250 MB", status=413)
    async with patience(premises(request).limits.upload_s):
        form = await request.form(max_files=1, max_fields=100, max_part_size=64 * 1024)
    try:
        name = form.get("name")
        if not isinstance(name, str) or not name.strip() or len(name) > 200:
            raise Fault("name is required, of 200 characters at the most", field="name")
        await premises(request).stage.encode(_check_recording, form)
        tags = serving.voice_tags([*form.getlist("tags[]"), *form.getlist("tags")])
        text = {field: str(form.get(field) or "")[:2000] for field in ("description", "gender")}
    finally:
        await form.close()
    voices = premises(request).voices
    made = await premises(request).stage.encode(
        voices.create, key.name, name, text["description"], text["gender"], tags
    )
    return json_answer(voices.show(made.id, key.name))


def _check_recording(form: FormData) -> None:
    """Fault unless there is one file, of a known kind, that holds sound."""
    from starlette.datastructures import UploadFile

    from narrate.audio.codec import holds_sound

    file = form.get("file")
    if not isinstance(file, UploadFile):
        raise Fault("file is required: one recording", field="file")
    if (file.size or 0) > serving.LONGEST_SAMPLE:
        raise Fault("the recording is larger than 250 MB", status=413)
    if (file.filename or "").rpartition(".")[2].lower() not in serving.SAMPLE_TYPES:
        raise Fault(f"the recording must be one of {_SUFFIXES}", field="file")
    if not holds_sound(file.file):
        raise Fault("the recording holds no sound that can be read", field="file")


async def account(request: Request) -> Response:
    """The plan is this server's; what is counted is what was used this month."""
    key = premises(request).who(request)
    used = await premises(request).stage.encode(premises(request).keys.used, key)
    return json_answer(serving.account("local", key.characters, used))


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
