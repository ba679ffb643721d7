"""What stands around packets, byte by byte where a decoder would forgive."""

from __future__ import annotations

import io
import struct

import av
import numpy as np
import pytest

from narrate.audio import wrapping
from narrate.audio.streams import open_stream
from narrate.audio.wrapping import OPUS_RATE, PACKET, Ogg, Webm

CONFIG = b"OpusHead" + struct.pack("<BBHIHB", 1, 1, 312, 24000, 0, 0)
SILENT = b"\xf8\xff\xfe"  # 20 ms of nothing


def pages(data: bytes) -> list[tuple[int, int, int, bytes]]:
    """Flags, position, number and content of every Ogg page."""
    found = []
    while data:
        magic, version, flags, position, stream, number, _, places = struct.unpack_from("<4sBBqIIIB", data)
        assert (magic, version, stream) == (b"OggS", 0, 1)
        end = 27 + places + sum(data[27 : 27 + places])
        found.append((flags, position, number, data[27 + places : end]))
        data = data[end:]
    return found


def test_ogg_pages_count_themselves_and_their_samples() -> None:
    ogg = Ogg(CONFIG)
    data = ogg.head() + ogg.add([]) + ogg.add([SILENT] * 3) + ogg.add([SILENT] * 45) + ogg.close([SILENT], 100)
    found = pages(data)
    assert [page[0] for page in found] == [2, 0, 0, 0, 0, 4]
    assert [page[1] for page in found] == [0, 0, *(PACKET * n for n in (3, 43, 48)), 49 * PACKET - 100]
    assert [page[2] for page in found] == list(range(6))
    assert found[0][3] == CONFIG
    assert found[1][3] == b"OpusTags\x07\0\0\0narrate\0\0\0\0"


@pytest.mark.parametrize("size", [0, 1, 254, 255, 256, 510, 1275])
def test_ogg_packets_of_every_size_keep_their_ends(size: int) -> None:
    ogg = Ogg(CONFIG)
    packet = b"\xf8" * size
    ogg.head()
    page = ogg.add([packet, packet])
    places = page[27 : 27 + page[26]]
    assert places == 2 * (b"\xff" * (size // 255) + bytes([size % 255]))
    assert page[27 + len(places) :] == packet * 2


def test_an_ogg_stream_ends_even_when_nothing_is_left() -> None:
    ogg = Ogg(CONFIG)
    last = pages(ogg.head() + ogg.add([SILENT]) + ogg.close([], 0))[-1]
    assert last == (4, PACKET, 3, b"")


def test_oggs_sum_is_the_polynomial_read_bit_by_bit() -> None:
    def slowly(data: bytes) -> int:
        crc = 0
        for byte in data:
            crc ^= byte << 24
            for _ in range(8):
                crc = (crc << 1 ^ (0x104C11DB7 if crc >> 31 else 0)) & 0x1FFFFFFFF
        return crc

    for data in (b"", b"\0", b"123456789", bytes(range(256)) * 3):
        assert wrapping._ogg_crc(data) == slowly(data)
    page = Ogg(CONFIG).head()[:47]
    assert int.from_bytes(page[22:26], "little") == slowly(page[:22] + bytes(4) + page[26:])


def elements(data: bytes) -> list[tuple[int, bytes]]:
    """Names and contents of EBML elements; one of unknown size holds the rest."""
    found, at = [], 0
    while at < len(data):
        width = 9 - data[at].bit_length()
        name, at = int.from_bytes(data[at : at + width], "big"), at + width
        width = 9 - data[at].bit_length()
        size = int.from_bytes(data[at : at + width], "big") ^ 1 << 7 * width
        at += width
        if size == (1 << 7 * width) - 1:
            size = len(data) - at
        assert at + size <= len(data)
        found.append((name, data[at : at + size]))
        at += size
    return found


CLUSTER, TIME, BLOCK, GROUP = 0x1F43B675, 0xE7, 0xA3, 0xA0


def test_webm_is_one_endless_segment_of_short_clusters() -> None:
    webm = Webm(CONFIG)
    data = webm.head() + webm.add([SILENT]) + webm.add([SILENT] * 41) + webm.add([]) + webm.close([SILENT] * 2, 480)
    (first, opening), (second, segment) = elements(data)
    assert (first, second) == (0x1A45DFA3, 0x18538067)
    assert (0x4282, b"webm") in elements(opening)
    names = [name for name, _ in elements(segment)]
    assert names == [0x1549A966, 0x1654AE6B, *[CLUSTER] * 5]
    clusters = [elements(content) for name, content in elements(segment) if name == CLUSTER]
    assert [int.from_bytes(cluster[0][1], "big") for cluster in clusters] == [0, 20, 820, 840, 860]
    assert [len(cluster) - 1 for cluster in clusters] == [1, 40, 1, 1, 1]
    assert clusters[1][40] == (BLOCK, b"\x81" + struct.pack(">hB", 780, 0x80) + SILENT)
    name, group = clusters[-1][1]
    assert name == GROUP
    assert elements(group) == [(0xA1, b"\x81\0\0\0" + SILENT), (0x75A2, (10_000_000).to_bytes(4, "big"))]


@pytest.mark.parametrize("size", [0, 1, 126, 127, 128, 16382, 16383, 70000])
def test_ebml_sizes_are_read_as_written(size: int) -> None:
    assert elements(wrapping._element(0xEC, bytes(size)) + wrapping._element(0x4282, b"x")) == [
        (0xEC, bytes(size)),
        (0x4282, b"x"),
    ]


@pytest.mark.parametrize("kind", ["webm", "opus"])
def test_players_are_told_what_to_leave_out_in_front(kind: str) -> None:
    stream = open_stream(kind, 24000)  # type: ignore[arg-type]
    with av.open(io.BytesIO(stream.encode(np.zeros(480, np.int16)) + stream.finish())) as container:
        context = container.streams.audio[0].codec_context
        assert (context.name, context.sample_rate, context.layout.name) == ("opus", OPUS_RATE, "mono")
        assert int.from_bytes((context.extradata or b"")[10:12], "little") == 312


@pytest.mark.parametrize(("rate", "index"), [(96000, 0), (44100, 4), (24000, 6), (8000, 11), (7350, 12)])
def test_adts_says_rate_channel_and_length(rate: int, index: int) -> None:
    data = wrapping.adts(b"packet", rate)
    assert data[7:] == b"packet"
    assert data[:2] == b"\xff\xf1"
    assert data[2] >> 6 == 1
    assert data[2] >> 2 & 15 == index
    assert (data[2] & 1) << 2 | data[3] >> 6 == 1
    assert (data[3] & 3) << 11 | data[4] << 3 | data[5] >> 5 == len(data)
    assert data[6] & 3 == 0


def test_a_wav_larger_than_its_numbers_does_not_wrap_around() -> None:
    head = wrapping.wav_head(wrapping.PCM, 24000, 2, 2**32 + 2)
    assert head[4:8] == head[-4:] == b"\xff" * 4
    assert len(head) == 44
