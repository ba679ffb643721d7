"""HOOK: JSON posted to an address, signed as Standard Webhooks say (https://www.standardwebhooks.com).

    webhook-id           the notice's own id, the same at every try
    webhook-timestamp    UNIX seconds of this try
    webhook-signature    v1, and HMAC-SHA256 of "id.timestamp.body" in base64, where there is a secret

A secret that begins with ``whsec_`` is base64 behind it; any other is taken as it is. A redirect is not followed.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import time
from collections.abc import Mapping

from narrate.hooks import Hook, Notice, Undelivered
from narrate.hooks.environment import secret
from narrate.hooks.posting import address, post
from narrate.hooks.wording import as_json

_MARK = "whsec_"


def deliver(hook: Hook, notice: Notice, env: Mapping[str, str]) -> None:
    """Post ``notice``, once. Undelivered says why it was not taken."""
    url, body = address(hook, env), as_json(notice)
    stamp = str(int(time.time()))
    headers = {"Content-Type": "application/json", "webhook-id": notice.id, "webhook-timestamp": stamp}
    held = secret(env, hook.secret_variable) if hook.secret_variable else ""
    if held:
        headers["webhook-signature"] = signature(_key(held, hook.secret_variable), notice.id, stamp, body)
    post(hook, url, body, headers, (held,) if held else ())


def signature(key: bytes, notice_id: str, stamp: str, body: bytes) -> str:
    """What proves that ``body`` comes from whoever has ``key``, was not changed, and when it was sent."""
    signed = f"{notice_id}.{stamp}.".encode() + body
    return f"v1,{base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()}"


def _key(held: str, variable: str) -> bytes:
    if not held.startswith(_MARK):
        return held.encode("utf-8", "surrogateescape")
    try:
        return base64.b64decode(held.removeprefix(_MARK), validate=True)
    except (binascii.Error, ValueError):
        told = Undelivered(f"what stands behind {_MARK} in {variable} is not base64")
    raise told
