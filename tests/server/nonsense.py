"""What no honest client sends to a WebSocket, from a seed: frames that break its protocol, messages that break ours."""

from __future__ import annotations

import json
import socket
import struct
from collections.abc import Callable
from contextlib import suppress
from random import Random

from narrate.wire.session import PATH

MESSAGES = (
    {"type": "text", "text": "Once upon a time, there was a keeper. He waited. "},
    {"type": "text", "text": ""},
    {"type": "text", "text": "é😀\ud800\x00\u202e" * 5},
    {"text": "Hm"},
    {"type": "flush", "nonce": 1},
    {"type": "flush", "nonce": -(10**30)},
    {"flush": True},
    {"command": "flush", "nonce": 2},
    {"type": "reset", "nonce": 3},
    {"command": "reset"},
    {"type": "finish"},
    {"eof": True},
    {"type": "init", "voice": "leah"},
    {"type": None, "command": 7, "text": []},
    {"type": "text", "text": {"a": [1e400, None]}},
)
OPENINGS = (
    {"X-API-Key": "", "lmnt-version": "1.2", "voice": "leah", "return_timestamps": True},
    {"X-API-Key": "k", "voice": "leah", "protocol_version": 2, "format": "pcm_s16le", "return_extras": True},
    {"voice": "leah", "format": "ulaw", "send_extras": "true"},
    {"type": "init", "voice": "leah", "format": "webm", "sample_rate": 8000},
)


def frame(
    opcode: int, payload: bytes, dice: Random, *, last: bool = True, flags: int = 0, masked: bool = True
) -> bytes:
    """A frame, its length in any of the three ways that can hold it."""
    size = len(payload)
    ways = [way for way, most in ((0, 125), (2, 0xFFFF), (8, 1 << 62)) if size <= most]
    way = ways[0] if dice.random() < 0.9 else dice.choice(ways)
    lead = size if way == 0 else 126 if way == 2 else 127
    head = bytes([(0x80 if last else 0) | flags | opcode, (0x80 if masked else 0) | lead])
    head += b"" if way == 0 else struct.pack("!H" if way == 2 else "!Q", size)
    if not masked:
        return head + payload
    mask = dice.randbytes(4)
    return head + mask + bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))


def in_parts(opcode: int, payload: bytes, dice: Random) -> bytes:
    """A message in fragments, with a ping here and there between them."""
    data, at = b"", 0
    while at < len(payload):
        size = dice.randrange(0, 20)
        data += frame(opcode, payload[at : at + size], dice, last=at + size >= len(payload))
        if dice.random() < 0.2:
            data += frame(9, dice.randbytes(4), dice)
        opcode, at = 0, at + size
    return data


def message(dice: Random) -> bytes:
    """One of the protocol's own messages, or what is left of it after an accident."""
    text = json.dumps(dice.choice(MESSAGES)).encode()
    if dice.random() < 0.15:
        at = dice.randrange(len(text))
        text = text[:at] + dice.randbytes(dice.randrange(4)) + text[at + dice.randrange(3) :]
    return text


KINDS: tuple[tuple[int, Callable[[Random], bytes]], ...] = (
    (12, lambda dice: frame(1, message(dice), dice)),
    (6, lambda dice: in_parts(1, message(dice), dice)),
    (3, lambda dice: frame(9, dice.randbytes(dice.randrange(126)), dice)),
    (2, lambda dice: frame(10, dice.randbytes(dice.randrange(126)), dice)),
    (1, lambda dice: frame(2, dice.randbytes(50), dice)),
    (1, lambda dice: frame(dice.choice((3, 4, 5, 6, 7, 11, 12, 13, 14, 15)), b"", dice)),
    (1, lambda dice: frame(1, message(dice), dice, flags=dice.choice((0x10, 0x20, 0x40, 0x70)))),
    (1, lambda dice: frame(1, message(dice), dice, masked=False)),
    (1, lambda dice: frame(0, b"behind nothing", dice)),
    (1, lambda dice: frame(1, b"{", dice, last=False) + frame(1, b"}", dice)),
    (1, lambda dice: frame(9, b"p" * 126, dice)),
    (1, lambda dice: frame(dice.choice((8, 9, 10)), b"", dice, last=False)),
    (1, lambda dice: frame(1, b'{"text": "\xff\xfe"}', dice)),
    (1, lambda dice: frame(1, b'{"text": "\xed\xa0\x80"}', dice)),
    (1, lambda dice: frame(1, b"[" * 20_000, dice)),
    (1, lambda dice: b"\x81\xff" + struct.pack("!Q", dice.choice((3 << 20, 1 << 31, (1 << 63) - 1, 1 << 63)))),
    (
        1,
        lambda dice: frame(
            8, dice.choice((b"", b"\x03", b"\x03\xe8", b"\x00\x00", b"\x03\xe8\xff", b"\x13\x88ok")), dice
        ),
    ),
    (1, lambda dice: dice.randbytes(dice.randrange(1, 300))),
    (1, lambda dice: frame(0, b"", dice, last=False) * 50),
)


def nonsense(dice: Random, frames: int = 12) -> list[bytes]:
    """All that one client sends: a handshake, an opening, and whatever comes after it."""
    head = (
        f"GET {PATH} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    ).encode()
    if dice.random() < 0.1:
        at = dice.randrange(len(head))
        head = head[:at] + dice.randbytes(dice.randrange(3)) + head[at + dice.randrange(4) :]
    opening = frame(1, json.dumps(dice.choice(OPENINGS)).encode(), dice)
    weights = [weight for weight, _ in KINDS]
    kinds = dice.choices([kind for _, kind in KINDS], weights, k=dice.randrange(frames))
    sent = [head, *([opening] if dice.random() < 0.9 else []), *(kind(dice) for kind in kinds)]
    if dice.random() < 0.3:  # the last one only in part
        sent[-1] = sent[-1][: dice.randrange(len(sent[-1]) + 1)]
    return sent


def visit(port: int, dice: Random) -> None:
    """One client, from its connection to its end, which is of one kind or another."""
    with socket.create_connection(("127.0.0.1", port)) as wire, suppress(OSError):
        wire.settimeout(0.02)
        head, *frames = nonsense(dice)
        wire.sendall(head)
        with suppress(TimeoutError):
            wire.recv(1000)  # a server reads what comes behind a handshake once it has answered
        together = dice.random() < 0.5
        for data in [b"".join(frames)] if together else frames:
            with suppress(TimeoutError):
                wire.sendall(data)
        match dice.randrange(4):
            case 0:  # reads a little
                with suppress(TimeoutError):
                    while wire.recv(65536):
                        pass
            case 1:  # says that it will send no more
                wire.shutdown(socket.SHUT_WR)
                with suppress(TimeoutError):
                    wire.recv(65536)
            case 2:  # resets the connection
                wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
