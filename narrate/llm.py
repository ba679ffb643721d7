"""Text from a language model, as it comes: the one door to the anthropic and openai SDKs (extra ``llm``).

Anthropic's Messages API, and OpenAI's chat completions as any server offers them. A text that was cut off (by the
limit of tokens, by the network, by a filter) is never taken for a whole one: the stream ends with a failure then. Keys
travel as the SDKs send them, not over plain http to another machine, nor through a redirect, nor into a message.
"""

from __future__ import annotations

import json
import re
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Any, Literal, cast

from narrate.errors import EngineClosed, EngineError, EngineRefused, EngineUnavailable, Interrupted, JobError
from narrate.http import key
from narrate.settings import guess
from narrate.wire.address import Address, address, allows_http, exposed
from narrate.wire.failures import failure
from narrate.wire.secrets import redacted

Provider = Literal["anthropic", "openai"]

DEFAULTS: Mapping[str, str] = {"anthropic": "claude-sonnet-5", "openai": "gpt-5.5"}
"""The model of a provider that is named alone."""
HOSTS: Mapping[str, str] = {"anthropic": "api.anthropic.com", "openai": "api.openai.com"}
"""The providers' own servers: those want a key."""
MAX_TOKENS = 16_000
"""Tokens of an answer where the provider wants a limit (Anthropic): some ten thousand words."""
RETRIES = 2
"""How often an SDK asks again by itself, before the first word."""
SILENCE_S = 300.0
"""Seconds without a byte until a server is given up: models that reason are silent for minutes."""

_NO_KEY = "none"  # the SDKs insist on one; servers on this machine ignore it
_VERSIONED = re.compile(r"/v\d+\w*(?:/|$)")
_BROKE = "broke off before its answer was complete"
_LIBRARIES = frozenset({"httpx", "httpx2", "httpcore", "httpcore2", "h11", "h2"})
"""What the SDKs are built on, and whose failures in the middle of a stream they pass on as they are."""
_PAYING = re.compile(r"credit balance|billing|insufficient[ _]quota", re.IGNORECASE)
_CUT = frozenset({"max_tokens", "length", "model_context_window_exceeded"})
_REFUSED = frozenset({"refusal", "content_filter"})
_UNASKED = frozenset({"tool_use", "pause_turn", "tool_calls", "function_call"})


@dataclass(frozen=True, slots=True)
class Model:
    """A language model: who offers it, and under which name."""

    provider: Provider
    name: str

    def __str__(self) -> str:
        return f"{self.provider}:{self.name}"


@dataclass(frozen=True, slots=True)
class _Piece:
    """What one event of a stream brings: text, why the answer ends, and what a refusal says."""

    text: str = ""
    stop: str = ""
    refusal: str = ""


def model(text: str) -> Model:
    """``PROVIDER:NAME``, or a provider alone for its usual model; JobError, with a guess, when it is neither."""
    provider, colon, name = text.strip().partition(":")
    if provider not in DEFAULTS:
        maker = next((known for known, start in (("anthropic", "claude"), ("openai", "gpt")) if start in text), "")
        hint = f"did you mean {f'{maker}:{text.strip()}'!r}?" if maker and not colon else guess(provider, DEFAULTS)
        raise JobError(f"--llm {text}: unknown provider {provider!r}; {hint}")
    name = name.strip() if colon else DEFAULTS[provider]
    if not name or len(name) > 200 or not name.isprintable() or any(map(str.isspace, name)):
        raise JobError(f"--llm {text}: write it as {provider}:NAME, for example {provider}:{DEFAULTS[provider]}")
    return Model(cast(Provider, provider), name)


def server(asked: Model, env: Mapping[str, str]) -> Address:
    """Where texts go: ANTHROPIC_BASE_URL or OPENAI_BASE_URL, as its SDK wants it, else the provider's own server.

    OpenAI's is taken with its ``/v1`` and without, Anthropic's too. EngineClosed when it is another machine by plain
    http, unless NARRATE_ALLOW_HTTP is 1.
    """
    where = address(env, f"{asked.provider.upper()}_BASE_URL", f"https://{HOSTS[asked.provider]}")
    open_to_all = exposed(where)
    if open_to_all and not allows_http(env):
        raise _closed(asked, open_to_all)
    if asked.provider == "anthropic":
        return replace(where, url=where.url.removesuffix("/v1"))
    return where if _VERSIONED.search(where.url) else replace(where, url=f"{where.url}/v1")


def stream(
    asked: Model,
    system: str,
    prompt: str,
    *,
    env: Mapping[str, str],
    max_tokens: int | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Iterator[str]:
    """The answer to ``prompt`` under the instructions ``system``, in pieces as they come.

    What is wrong with the settings is raised here, what the server does while iterating: EngineClosed (key, money,
    model), EngineRefused (this text; also an answer that reached ``max_tokens``, after its last piece) or
    EngineUnavailable (load, network; also a stream that breaks off). ``max_tokens`` counts a model's reasoning too;
    None leaves it to the server, or is MAX_TOKENS. ``cancelled`` is asked at each piece, and ends it with Interrupted.
    """
    where = server(asked, env)
    secret = key(env, f"{asked.provider.upper()}_API_KEY", asked.provider)
    if not secret and where.host == HOSTS[asked.provider]:
        name = f"{asked.provider.upper()}_API_KEY"
        raise _closed(asked, f"there is no key; put it into {name}, or into a file named in {name}_FILE")
    client = _client(_sdk(asked), where, secret)
    pieces = _PIECES[asked.provider](client, asked, where, system, prompt, max_tokens)
    return _deltas(asked, where, client, pieces, (secret,) if secret else (), cancelled)


def complete(
    asked: Model,
    system: str,
    prompt: str,
    *,
    env: Mapping[str, str],
    max_tokens: int | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> str:
    """The whole answer; fails as ``stream`` does, so that a text that was cut off is never returned."""
    return "".join(stream(asked, system, prompt, env=env, max_tokens=max_tokens, cancelled=cancelled))


def _sdk(asked: Model) -> Any:
    try:
        return import_module("anthropic") if asked.provider == "anthropic" else import_module("openai")
    except ImportError:
        raise JobError(
            f'--llm {asked}: the package {asked.provider} is not installed; pip install "narrate[llm]"'
        ) from None


def _client(sdk: Any, where: Address, secret: str) -> Any:
    """The SDK's client. A server on this machine is not asked by way of a proxy; redirects would carry the key along,
    and are told as failures.
    """
    make = sdk.Anthropic if hasattr(sdk, "Anthropic") else sdk.OpenAI
    host = f"[{where.host}]" if ":" in where.host else where.host
    direct = {"mounts": {f"all://{host}": None}} if where.loopback else {}
    http = sdk.DefaultHttpxClient(follow_redirects=False, trust_env=not (where.loopback and where.plain), **direct)
    return make(api_key=secret or _NO_KEY, base_url=where.url, max_retries=RETRIES, timeout=SILENCE_S, http_client=http)


def _deltas(
    asked: Model,
    where: Address,
    client: Any,
    pieces: Iterator[_Piece],
    secrets: tuple[str, ...],
    cancelled: Callable[[], bool] | None,
) -> Iterator[str]:
    ended: EngineError | None = None
    stop, refusal, begun = "", "", False
    try:
        for piece in _until(cancelled, pieces, asked):
            begun = True
            stop, refusal = piece.stop or stop, refusal + piece.refusal
            if piece.text:
                yield piece.text
    except Exception as error:  # the SDKs pass on what their HTTP library raises; what is no failure of it is re-raised
        ended = _meaning(error, asked, where, secrets, begun=begun)
        if ended is None:
            raise
    finally:
        client.close()
    if ended is not None:
        # raised out here: the SDK's error, which holds the request and so the key, is not its context
        ended.__context__ = ended.__cause__ = None
        raise ended
    _judge(asked, where, stop, redacted(refusal, secrets))


def _until(cancelled: Callable[[], bool] | None, pieces: Iterator[_Piece], asked: Model) -> Iterator[_Piece]:
    for piece in pieces:
        if cancelled is not None and cancelled():
            raise Interrupted(f"{asked}: stopped")
        yield piece


def _judge(asked: Model, where: Address, stop: str, refusal: str) -> None:
    """Raise unless the answer came to its own end."""
    if refusal or stop in _REFUSED:
        words = f": {' '.join(refusal.split())}" if refusal else ""
        raise EngineRefused(f"{asked} declined to answer{words}", engine=asked.provider)
    if not stop:
        raise EngineUnavailable(f"{asked}: {where.host} {_BROKE}", engine=asked.provider)
    if stop in _CUT:
        raise EngineRefused(
            f"{asked}: the answer was cut off at the limit of tokens ({stop}); ask for less, or allow more",
            engine=asked.provider,
        )
    if stop in _UNASKED:
        raise EngineRefused(f"{asked}: answered with a call of a tool ({stop}), not with text", engine=asked.provider)


def _from_anthropic(
    client: Any, asked: Model, where: Address, system: str, prompt: str, max_tokens: int | None
) -> Iterator[_Piece]:
    with client.messages.create(
        model=asked.name,
        system=system,
        messages=[{"role": "user", "content": prompt}],
        max_tokens=max_tokens or MAX_TOKENS,
        stream=True,
    ) as events:
        for event in events:
            if event.type == "content_block_delta" and event.delta.type == "text_delta":
                yield _Piece(event.delta.text)
            elif event.type == "message_delta":
                yield _Piece(stop=event.delta.stop_reason or "")


def _from_openai(
    client: Any, asked: Model, where: Address, system: str, prompt: str, max_tokens: int | None
) -> Iterator[_Piece]:
    # OpenAI's newer models know only the newer name, other servers only the older
    limit = "max_completion_tokens" if where.host == HOSTS["openai"] else "max_tokens"
    with client.chat.completions.create(
        model=asked.name,
        messages=[{"role": "system", "content": system}, {"role": "user", "content": prompt}],
        stream=True,
        **({limit: max_tokens} if max_tokens else {}),
    ) as chunks:
        for choice in (choice for chunk in chunks for choice in (chunk.choices or ())[:1]):
            delta = choice.delta
            yield _Piece(
                (delta.content if delta else "") or "",
                choice.finish_reason or "",
                getattr(delta, "refusal", "") or "",
            )


_PIECES: Mapping[str, Callable[..., Iterator[_Piece]]] = {"anthropic": _from_anthropic, "openai": _from_openai}


def _meaning(
    error: Exception, asked: Model, where: Address, secrets: tuple[str, ...], *, begun: bool
) -> EngineError | None:
    """What an SDK's exception amounts to; None for what is none of the server's or the network's."""
    kinds = {kind.__name__ for kind in type(error).__mro__}
    if isinstance(error, EngineError):
        return error
    if "APIConnectionError" in kinds and not begun:
        return _unreached(error, asked, where, secrets)
    if "APIError" in kinds and "APIConnectionError" not in kinds:
        return _told(error, asked, secrets)
    library = {kind.__module__.partition(".")[0] for kind in type(error).__mro__} & _LIBRARIES
    if library or "APIConnectionError" in kinds or isinstance(error, OSError | ValueError):
        # ValueError: an event that is no JSON
        return EngineUnavailable(f"{asked}: {where.host} {_BROKE}", engine=asked.provider)
    return None


def _told(error: Any, asked: Model, secrets: tuple[str, ...]) -> EngineError:
    """An error that the server named, with a status of its own or in the middle of a stream."""
    body = error.body
    if isinstance(body, Mapping) and "error" not in body:
        body = {"error": body}  # OpenAI's SDK unwraps it
    said = json.dumps(body, default=str) if isinstance(body, Mapping) else str(body or error.message)
    response = getattr(error, "response", None)
    headers = {name.lower(): value for name, value in response.headers.items()} if response is not None else {}
    status = getattr(error, "status_code", 200)
    found = failure(status, headers, said.encode(), asked.provider, now=time.time(), secrets=secrets)
    if isinstance(found, EngineRefused) and _PAYING.search(said):
        return EngineClosed(
            f"{found}; the account has no money or quota left", engine=asked.provider, request_id=found.request_id
        )
    return found


def _unreached(error: BaseException, asked: Model, where: Address, secrets: tuple[str, ...]) -> EngineError:
    causes = list(_causes(error))
    if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes):
        return _closed(
            asked,
            f"{where.host} shows a certificate that is not trusted here; name your authority's file in SSL_CERT_FILE",
        )
    why = redacted(" ".join(str(causes[-1]).split()), secrets).rstrip(". ")
    return EngineUnavailable(f"{asked}: {where.host} cannot be reached: {why}", engine=asked.provider)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


def _closed(asked: Model, sentence: str) -> EngineClosed:
    return EngineClosed(f"{asked}: {sentence}", engine=asked.provider, sent=False)
