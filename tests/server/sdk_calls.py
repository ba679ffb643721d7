"""What a program does with LMNT's official SDK, run in a process of its own with one version of it on the path.

Prints what came of it as JSON; the test looks at that. The address is in LMNT_BASE_URL, the keys in LMNT_API_KEY and
POOR_KEY (whose allowance is small and which may do one thing at a time).
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import sys
from collections.abc import Callable
from typing import Any

import lmnt

FORMATS = ("mp3", "wav", "aac", "webm", "ulaw", "pcm_s16le", "pcm_f32le")
RATES = (8000, 16000, 24000)
TEXT = "Hello there, all of you."
WITH_SESSIONS = tuple(map(int, lmnt.__version__.split(".")[:2])) >= (2, 6)


def encoded(audio: bytes) -> str:
    return base64.b64encode(audio).decode()


def formats(client: Any) -> dict[str, Any]:
    """Every format at every rate, and without one."""
    made: dict[str, Any] = {}
    for name in FORMATS:
        for rate in (*RATES, None):
            rated = {} if rate is None else {"sample_rate": rate}
            made[f"{name} {rate}"] = encoded(
                client.speech.generate(text=TEXT, voice="leah", format=name, **rated).read()
            )
    return made


def wrapped(client: Any) -> dict[str, Any]:
    """The same by way of the raw and the streaming response."""
    asked = {"text": TEXT, "voice": "leah", "format": "pcm_s16le", "language": "en", "temperature": 0.7, "top_p": 0.8}
    raw = client.speech.with_raw_response.generate(**asked, debug=False, model="blizzard")
    with client.speech.with_streaming_response.generate(**asked) as response:
        streamed = b"".join(response.iter_bytes())
        kind = response.headers["content-type"]
    return {
        "raw": encoded(raw.read()),
        "request_id": raw.headers["request-id"],
        "streamed": encoded(streamed),
        "content_type": kind,
    }


def detailed(client: Any) -> dict[str, Any]:
    asked: dict[str, Any] = {"return_timestamps" if WITH_SESSIONS else "return_durations": True}
    old = {} if WITH_SESSIONS else {"seed": 7}
    answer = client.speech.generate_detailed(text=TEXT, voice="leah", format="wav", **asked, **old)
    bare = client.speech.generate_detailed(text=TEXT, voice="leah", format="wav")
    return {
        "audio": answer.audio,
        "times": [entry.model_dump() for entry in (answer.timestamps if WITH_SESSIONS else answer.durations)],
        "seed": getattr(answer, "seed", None),
        "bare": bare.model_dump(),
    }


def voices(client: Any) -> dict[str, Any]:
    """A voice from its birth to its end."""
    recording = ("me.wav", client.speech.generate(text=TEXT, voice="leah", format="wav").read())
    if WITH_SESSIONS:
        made = client.voices.create(name="Zoë", file=recording, gender="male", tags=["voice=elowen", "b"])
        changes: dict[str, Any] = {"tags": ["c"]}
    else:
        made = client.voices.create(name="Zoë", files=[recording, recording], enhance=False, gender="male")
        changes = {}
    changed = client.voices.update(made.id, name="Zoe", starred=True, **changes).voice
    found = client.voices.retrieve(made.id)
    mine = client.voices.list(owner="me", starred="true")
    spoken = client.speech.generate(text=TEXT, voice=made.id, format="pcm_s16le").read()
    gone = client.voices.delete(made.id)
    return {
        "made": made.model_dump(),
        "changed": changed.model_dump(),
        "found": found.model_dump(),
        "mine": [voice.id for voice in mine],
        "spoken": len(spoken),
        "gone": gone.success,
        "after": [voice.id for voice in client.voices.list(owner="me")],
        "all": [voice.model_dump() for voice in client.voices.list()],
        "leah": client.voices.retrieve("leah").model_dump(),
    }


def failure(call: Callable[[], Any]) -> dict[str, Any]:
    """The class that the SDK makes of a refusal, and what it says."""
    try:
        call()
    except lmnt.APIStatusError as error:
        return {
            "class": type(error).__name__,
            "status": error.status_code,
            "type": getattr(error, "type", None),
            "request_id": error.response.headers.get("request-id"),
            "message": error.message,
        }
    except lmnt.LmntError as error:
        return {"class": type(error).__name__}
    return {"class": "none"}


def failures(client: Any) -> dict[str, Any]:
    def say(text: str = TEXT, voice: str = "leah", who: Any = client, **more: Any) -> Callable[[], Any]:
        return lambda: who.speech.generate(text=text, voice=voice, **more)

    poor = client.with_options(api_key=os.environ["POOR_KEY"])
    return {
        "wrong key": failure(say(who=client.with_options(api_key="wrong"))),
        "wrong key, voices": failure(client.with_options(api_key="wrong").voices.list),
        "unknown voice": failure(say(voice="nobody")),
        "too long": failure(say(text="a" * 5001)),
        "empty": failure(say(text="")),
        "a wrong format": failure(say(extra_body={"format": "ogg"})),
        "another's voice": failure(lambda: client.voices.update("leah", name="mine")),
        "an unknown voice to delete": failure(lambda: client.voices.delete("nobody")),
        "no money": failure(say(who=poor, text="More than it may have. " * 20)),
        "no server": failure(say(who=client.with_options(base_url="http://127.0.0.1:9"))),
    }


async def session(client: Any) -> dict[str, Any]:
    """Two turns, one of which is cut off."""
    told: list[Any] = []
    audio = bytearray()
    asked = {"voice": "leah", "format": "pcm_s16le", "return_timestamps": True, "sample_rate": 16000}
    talk = await client.speech.sessions.create(**asked)
    for piece in ("Hel", "lo there, al", "l of you."):
        await talk.send_text(piece)
    await talk.send_flush()
    async for message in talk:
        if message.type == "audio":
            audio += message.audio
            continue
        told.append(json.loads(message.model_dump_json()))
        if message.type == "flush_complete":
            await talk.send_text("This is never said. ")
            await talk.send_reset()
            await talk.send_text(TEXT)
            await talk.send_finish()
    code = talk.websocket.close_code
    await talk.close()
    return {"told": told, "audio": encoded(bytes(audio)), "code": code}


async def busy() -> dict[str, Any]:
    """A key that may do one thing at a time does two."""
    client = lmnt.AsyncLmnt(api_key=os.environ["POOR_KEY"], max_retries=0)
    talk = await client.speech.sessions.create(voice="leah")
    await anext(aiter(talk))  # ready
    try:
        await client.speech.generate(text="Hi.", voice="leah")
    except lmnt.APIStatusError as error:
        return {"class": type(error).__name__, "status": error.status_code}
    finally:
        await talk.close()
    return {"class": "none"}


async def turned_away() -> list[Any]:
    client = lmnt.AsyncLmnt(api_key="wrong")
    talk = await client.speech.sessions.create(voice="leah")
    return [json.loads(message.model_dump_json()) async for message in talk]


async def asynchronous() -> dict[str, Any]:
    client = lmnt.AsyncLmnt(max_retries=0)
    said = await client.speech.generate(text=TEXT, voice="leah", format="pcm_s16le")
    told: dict[str, Any] = {"said": encoded(await said.read()), "voices": len(await client.voices.list())}
    if WITH_SESSIONS:
        told |= {"session": await session(client), "busy": await busy(), "turned away": await turned_away()}
    await client.close()
    return told


def main() -> None:
    client = lmnt.Lmnt(max_retries=0)
    account = client.accounts.retrieve()
    told = {
        "version": lmnt.__version__,
        "account": account.model_dump(),
        "formats": formats(client),
        "wrapped": wrapped(client),
        "detailed": detailed(client),
        "voices": voices(client),
        "failures": failures(client),
        "asynchronous": asyncio.run(asynchronous()),
        "used": client.accounts.retrieve().usage.characters - account.usage.characters,
    }
    client.close()
    json.dump(told, sys.stdout)


if __name__ == "__main__":
    main()
