"""ENGINE: LMNT's Speech API 1.2, at its own address or at any server that speaks it (LMNT_BASE_URL).

An answer is a take: the API has no seed, so the same text asked for twice sounds different twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from narrate.audiobook import Word
from narrate.bounds import Deadlines
from narrate.engines import Account, Price, Speech, Traits, VoiceInfo
from narrate.errors import EngineClosed, EngineRefused, EngineUnavailable, JobError
from narrate.http import DEADLINES, Client, key
from narrate.script import Chunk, Voice
from narrate.settings import guess, number, one_of, settled, words
from narrate.wire import speech as wire
from narrate.wire.address import Address, address, allows_http

NAME = "lmnt"
BASE_URL = "https://api.lmnt.com"
VOICE = "leah"
MODEL = "blizzard"

FORMAT = "wav"
"""Lossless, and its header says how long it is. Headerless PCM arrives chunked, and a chunked body that ends early
but properly cannot be told from a complete one."""

SECONDS_PER_CHARACTER = (0.03, 0.25)
"""Plausible per letter; measured voices lie between 0.05 and 0.1."""

SECONDS_PER_CHARACTER_WAITED = 0.02
"""Added to the wait for the first byte: formats that are not streamed send nothing until everything is spoken."""

PRICE = Price(50.0)
"""Indie beyond its allowance, per million characters; the larger plans are cheaper."""

ACCOUNT_WITHIN_S = 10.0
"""Seconds for a look at the account: a run waits for it, and can do without."""

TRAITS = Traits(
    name=NAME,
    max_chars=wire.MAX_CHARS,
    max_bytes=wire.MAX_CHARS,  # which keeps UTF-16 units below it as well
    languages=wire.LANGUAGES,
    seconds_per_character=SECONDS_PER_CHARACTER,
    price=PRICE,
    list_price=PRICE,
)

_SETTINGS = {
    "model": words(100),
    "format": one_of(*wire.FORMATS),
    "sample_rate": one_of(*map(str, wire.RATES)),
    "temperature": number(0, 5),
    "top_p": number(0, 1),
    "timestamps": one_of("true", "false"),
}


class Lmnt:
    """An Engine. ``timings`` asks for the words' times too, which needs the whole speech before the first byte."""

    def __init__(self, client: Client, *, timings: bool = False, price: Price | None = PRICE) -> None:
        self._client = client
        self._timings = timings
        self.traits = replace(TRAITS, timings=timings, price=price)

    def speak(self, chunk: Chunk) -> Speech:
        """One request, one take, one price; never repeated here."""
        text, voice = chunk.text, chunk.voice
        if len(text) > wire.MAX_CHARS or len(text.encode("utf-8", "replace")) > wire.MAX_CHARS:
            raise EngineRefused(
                f"lmnt: a text may have {wire.MAX_CHARS} bytes at most; this one has more", engine=NAME, sent=False
            )
        form = wire.FORMATS[voice.setting("format", FORMAT)]
        rate = int(voice.setting("sample_rate") or form.rate)
        answer = self._client.post(
            wire.SPEECH if self._timings else wire.SPEECH_BYTES,
            wire.body(_fields(text, voice, rate, self._timings)),
            _JSON_ANSWER if self._timings else _BYTES_ANSWER,
            first_byte_s=self._client.deadlines.first_byte + SECONDS_PER_CHARACTER_WAITED * len(text),
        )
        self._client.check(answer)
        request_id = self._client.request_id(answer)
        audio, times, wrong = self._parts(answer.body, form)
        if wrong:
            raise EngineUnavailable(f"lmnt: {wrong}", engine=NAME, request_id=request_id)
        return Speech(audio, form.answered, rate, tuple(map(self._discreet, times)), request_id)

    def _parts(self, body: bytes, form: wire.Format) -> tuple[bytes, tuple[Word, ...], str]:
        """The audio, the words' times, and what is wrong with them: a sentence, since an exception's context would hold
        the answer, and with it whatever of the request the server repeats.
        """
        try:
            audio, times = wire.detailed(body) if self._timings else (body, ())
            return _sixteen_bits(audio) if form.float32 else audio, times, ""
        except ValueError as error:
            return b"", (), str(error)

    def account(self) -> Account | None:
        """What the account has used of its allowance; None where the server does not say.

        One request, never repeated: only a key that nobody knows (401) is an error, EngineClosed; one that may speak
        need not be allowed to look here. ``used`` is to be doubted (see ``wire.speech.account``): it may be what
        remains.
        """
        try:
            answer = self._client.get(wire.ACCOUNT, {"Accept": "application/json"}, within_s=ACCOUNT_WITHIN_S)
        except (EngineUnavailable, EngineClosed):  # a redirect, or nobody there: speaking will tell more of it
            return None
        try:
            if answer.status == 401:
                self._client.check(answer)
            plan, used, allowance = wire.account(answer.body) if answer.status == 200 else ("", 0, None)
        except (EngineUnavailable, EngineRefused, ValueError):
            return None
        return Account(self._client.shown(plan), used, allowance) if answer.status == 200 else None

    def _discreet(self, word: Word) -> Word:
        return replace(word, text=self._client.cut_out(word.text))


_BYTES_ANSWER = {"Content-Type": "application/json", "Accept": "application/octet-stream"}
_JSON_ANSWER = {"Content-Type": "application/json", "Accept": "application/json"}


def _fields(text: str, voice: Voice, rate: int, timings: bool) -> dict[str, Any]:
    temperature, top_p = voice.setting("temperature"), voice.setting("top_p")
    return {
        "text": text,
        "voice": voice.name,
        "format": voice.setting("format", FORMAT),
        "sample_rate": rate,
        "language": wire.subtag(voice.language) or None,
        "model": voice.model or None,
        "temperature": float(temperature) if temperature else None,
        "top_p": float(top_p) if top_p else None,
        "return_timestamps": timings or None,
    }


def _sixteen_bits(audio: bytes) -> bytes:
    """32-bit float samples as 16-bit ones, rounded, clipped at full scale."""
    import numpy as np

    if len(audio) % 4:
        raise ValueError(f"the 32-bit samples are cut off after {len(audio)} bytes")
    samples = np.nan_to_num(np.frombuffer(audio, "<f4").astype(np.float64))
    return np.clip(np.rint(samples * 32768), -32768, 32767).astype("<i2").tobytes()


def engine(
    env: Mapping[str, str], *, connections: int = 8, timings: bool = False, deadlines: Deadlines = DEADLINES
) -> tuple[Lmnt, Client]:
    """The engine and the client to close, from LMNT_API_KEY, LMNT_BASE_URL and NARRATE_ALLOW_HTTP."""
    where = _address(env)
    client = _client(env, where, connections=connections, deadlines=deadlines)
    return Lmnt(client, timings=timings, price=None if _foreign(where) else PRICE), client


def voice(name: str, language: str, settings: Mapping[str, str], env: Mapping[str, str]) -> Voice:
    """The voice ``name`` ("" is leah). Settings: model, format, sample_rate, temperature, top_p, timestamps.

    The API has one voice for all languages; naming the language sets the accent. JobError for an unknown setting or a
    language that the service does not speak ("auto" lets it decide).
    """
    given = settled(NAME, settings, _SETTINGS)
    given.pop("timestamps", None)  # asks for more to be told, not for another sound
    model = given.pop("model", MODEL)
    form = given.setdefault("format", FORMAT)
    given.setdefault("sample_rate", str(wire.FORMATS[form].rate))
    spoken = wire.subtag(language)
    if spoken and spoken not in wire.LANGUAGES:
        raise JobError(f"lmnt: does not speak {language!r}; {guess(spoken, wire.LANGUAGES)} (or auto)")
    where = _address(env)
    if _foreign(where):
        given["server"] = where.server
    return Voice(NAME, model, name or VOICE, spoken, tuple(sorted(given.items())))


def voices(env: Mapping[str, str]) -> tuple[VoiceInfo, ...]:
    """The account's voices when there is a key, else the ids that LMNT's own examples use."""
    if not key(env, "LMNT_API_KEY", NAME):
        return tuple(VoiceInfo(name, "", "well-known voice; set LMNT_API_KEY for all") for name in wire.SYSTEM_VOICES)
    client = _client(env, _address(env), connections=1, deadlines=DEADLINES)
    try:
        answer = client.get(wire.VOICES, {"Accept": "application/json"})
        client.check(answer)
        listed = wire.voice_list(answer.body)
        return tuple(VoiceInfo(client.cut_out(each.id), "", client.cut_out(each.description)) for each in listed)
    except (ValueError, RecursionError) as error:
        raise EngineUnavailable(f"lmnt: {error}", engine=NAME) from None
    finally:
        client.close()


def _address(env: Mapping[str, str]) -> Address:
    return address(env, "LMNT_BASE_URL", BASE_URL)


def _foreign(where: Address) -> bool:
    return where.url != BASE_URL


def _client(env: Mapping[str, str], where: Address, *, connections: int, deadlines: Deadlines) -> Client:
    secret = key(env, "LMNT_API_KEY", NAME)
    if not secret:
        raise EngineClosed(
            "lmnt: there is no key; put it into LMNT_API_KEY, or into a file named in LMNT_API_KEY_FILE",
            engine=NAME,
            sent=False,
        )
    return Client(
        where,
        engine=NAME,
        headers={wire.KEY_HEADER: secret, wire.VERSION_HEADER: wire.VERSION},
        secrets=(secret,),
        connections=connections,
        deadlines=deadlines,
        allow_http=allows_http(env),
    )
