"""Sound in and out of its encodings: one of three rooms that know PyAV, and the one for soxr and pydub.

Everything is mono; samples are 16-bit integers unless said otherwise. The libraries are loaded where they are used, so
that importing this module is cheap and a process that only lays out time never loads a codec.
"""

from __future__ import annotations

import functools
import io
import struct
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from narrate.audio import frames
from narrate.errors import AudioError

if TYPE_CHECKING:
    from av import AudioFrame
    from av.container import InputContainer

Samples = NDArray[np.int16]

LONGEST_SECONDS = 2 * 3600
"""No single answer is longer; a small compressed one that decodes to more is an attack on memory."""

_UNKNOWN_SIZE = 0x7FFF0000
"""Sizes from here on, and 0, are what streaming servers write into a header before they know."""


# --- decoding -------------------------------------------------------------------------------------------------------


def decode(audio: bytes, format: str, rate: int) -> tuple[Samples, int]:
    """Decode ``audio`` to mono samples and their rate in Hz.

    ``rate`` counts only where no header says it (pcm_s16le, bare µ-law). WAV headers with unknown sizes, as streaming
    servers write them, are accepted. AudioError, in one sentence, when the bytes are of another format, are cut off
    against their own header, hold no audio, or when any single packet does not decode.
    """
    if not audio:
        raise AudioError(f"the {format} audio is empty")
    if format == "pcm_s16le":
        return _decode_pcm(audio), rate
    demuxer = _demuxer(audio, format)
    _check_riff(audio, format)
    if (plain := _plain_wav(audio)) is not None:
        return plain
    options = {"sample_rate": str(rate)} if demuxer == "mulaw" else {}
    with translated(f"the {format} audio"), _open(io.BytesIO(audio), demuxer, options) as container:
        samples, found_rate, packets = _decode_all(container)
    if not samples.size:
        raise AudioError(f"the {format} audio holds no sound")
    if demuxer == "mp3":
        _check_mp3(audio, packets)
    if demuxer == "flac":
        _check_length(format, "samples", samples.size, int.from_bytes(audio[18:26], "big") & 0xFFFFFFFFF)  # STREAMINFO
    return samples, found_rate


def _plain_wav(audio: bytes) -> tuple[Samples, int] | None:
    """The samples of a mono 16-bit WAV, read without a decoder: the usual answer of a server, and a tenth of the cost.

    None for every other kind.
    """
    if audio[:4] != b"RIFF":
        return None
    at, rate = 12, 0
    while at + 8 <= len(audio):
        name, size = audio[at : at + 4], int.from_bytes(audio[at + 4 : at + 8], "little")
        if name == b"fmt ":
            tag, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", audio, at + 8)
            if (tag, channels, bits) != (1, 1, 16):
                return None
        if name == b"data" and rate:
            end = at + 8 + size if 0 < size < _UNKNOWN_SIZE else len(audio)
            return (_decode_pcm(audio[at + 8 : end]), rate) if end > at + 8 else None
        at += 8 + size + size % 2
    return None


def _decode_pcm(audio: bytes) -> Samples:
    if len(audio) % 2:
        raise AudioError(f"the 16-bit PCM audio is cut off: {len(audio)} bytes is an odd number")
    return np.frombuffer(audio, "<i2").astype(np.int16)


def _open(source: Any, demuxer: str | None, options: dict[str, str]) -> InputContainer:
    import av

    container: InputContainer = av.open(source, "r", format=demuxer, options=options)
    return container


@contextmanager
def translated(what: str, fails: str = "does not decode") -> Iterator[None]:
    """Turn PyAV's errors into ours."""
    import av

    try:
        yield
    except av.FFmpegError as error:
        raise AudioError(f"{what} {fails}: {error.strerror or error}") from error


def _stream(container: InputContainer) -> Any:
    if not container.streams.audio:
        raise AudioError("there is no audio in what should hold some; the answer may be a video or a picture")
    stream = container.streams.audio[0]
    if stream.codec_context is None:  # the types say never; a WAV can name any codec
        raise AudioError("the audio is in an encoding that nobody here knows")
    stream.codec_context.thread_count = 1  # a segment is too short for threads to pay
    return stream


def _decode_all(container: InputContainer) -> tuple[Samples, int, int]:
    """All samples, their rate, and how many packets held them."""
    stream = _stream(container)
    decoded: list[AudioFrame] = []
    packets = total = 0
    for packet in container.demux(stream):
        packets += packet.size > 0
        for frame in packet.decode():
            decoded.append(frame)
            total += frame.samples
            if total > LONGEST_SECONDS * frame.sample_rate:
                raise AudioError(f"the audio is longer than {LONGEST_SECONDS // 3600} hours, more than one text can be")
    if stream.frames > packets:
        raise AudioError(f"the audio is cut off: {packets} of {stream.frames} frames arrived")
    kinds = {(frame.sample_rate, frame.format.name, len(frame.layout.channels)) for frame in decoded}
    if len(kinds) > 1:
        raise AudioError("the audio changes its rate or its channels in the middle")
    if not decoded:
        return np.empty(0, np.int16), 0, packets
    whole = np.concatenate([frame.to_ndarray() for frame in decoded], axis=1)
    return _mono(whole, decoded[0]), decoded[0].sample_rate, packets


_SCALE = {"u8": (128, 128), "s16": (0, 32768), "s32": (0, 2147483648), "flt": (0, 1), "dbl": (0, 1)}
"""Silence and full scale of each sample format."""


def _mono(array: NDArray[Any], kind: AudioFrame) -> Samples:
    """Decoded values of one kind of frame as 16-bit samples: floats scaled and clipped, channels averaged."""
    name = kind.format.name.removesuffix("p")
    channels = len(kind.layout.channels)
    if channels == 1 and name == "s16":
        return np.asarray(array[0], np.int16)
    planar: NDArray[Any] = array if kind.format.is_planar else array.reshape(-1, channels).T
    middle, full = _SCALE[name]
    sound: NDArray[Any] = (planar.astype("f4" if name == "flt" else "f8") - middle) / full
    if not np.isfinite(sound).all():
        raise AudioError("the audio holds values that are not numbers")
    return to_int16(sound.mean(axis=0) if channels > 1 else sound[0])


def to_int16(sound: NDArray[Any]) -> Samples:
    """Floating point sound, full scale 1.0, as the nearest 16-bit samples, clipped."""
    samples: Samples = np.clip(np.rint(sound * 32768), -32768, 32767).astype(np.int16)
    return samples


def to_float(samples: Samples) -> NDArray[np.float32]:
    """16-bit samples as floating point, full scale 1.0."""
    return samples.astype(np.float32) * np.float32(1 / 32768)


# --- what the first bytes say ---------------------------------------------------------------------------------------

Opens = Callable[[bytes], bool]


def _starts(magic: bytes, at: int = 0) -> Opens:
    return lambda head: head[at : at + len(magic)] == magic


def _mpeg(layer_mask: int, layer: int) -> Opens:
    return lambda head: len(head) > 1 and head[0] == 0xFF and head[1] & layer_mask == layer


_WAV: tuple[tuple[Opens, str], ...] = ((_starts(b"RIFF"), "wav"), (_starts(b"RF64"), "wav"))
_DEMUXERS: dict[str, tuple[tuple[Opens, str], ...]] = {
    "wav": _WAV,
    "flac": ((_starts(b"fLaC"), "flac"),),
    "mp3": ((_starts(b"ID3"), "mp3"), (_mpeg(0xE6, 0xE2), "mp3")),
    "aac": ((_mpeg(0xF6, 0xF0), "aac"), (_starts(b"ftyp", 4), "mp4"), (_starts(b"ID3"), "aac")),
    "opus": ((_starts(b"OggS"), "ogg"),),
    "webm": ((_starts(b"\x1a\x45\xdf\xa3"), "matroska"),),
    "ulaw": (*_WAV, (lambda head: not _words(head), "mulaw")),
}
"""How each format may begin, and which demuxer reads it then. Nothing is guessed: an answer in another format than
the one asked for is wrong, and saying so is better than playing it."""


def _demuxer(audio: bytes, format: str) -> str:
    if format not in _DEMUXERS:
        raise AudioError(f"cannot decode {format!r}: the formats are pcm_s16le, {', '.join(_DEMUXERS)}")
    head = audio[:12]
    for opens, demuxer in _DEMUXERS[format]:
        if opens(head):
            return demuxer
    found = _words(audio) or f"starts with the bytes {head[:8].hex(' ')}"
    raise AudioError(f"the audio is not {format}: it {found}")


def _words(audio: bytes) -> str:
    """What bytes that are a text look like, or ""."""
    head = audio[:64].lstrip().lower()
    kinds = ((b"<", "looks like HTML or XML"), (b'{"', "looks like JSON"), (b"[{", "looks like JSON"))
    return next((kind for magic, kind in kinds if head.startswith(magic)), "")


def _check_riff(audio: bytes, format: str) -> None:
    """Compare a WAV file's data size with what arrived. 0 and the largest numbers stand for an unknown size."""
    if audio[:4] != b"RIFF":
        return
    at = 12
    while at + 8 <= len(audio):
        size = int.from_bytes(audio[at + 4 : at + 8], "little")
        if audio[at : at + 4] == b"data":
            known = 0 < size < _UNKNOWN_SIZE
            _check_length(format, "bytes", len(audio) - at - 8, size if known else 0)
            return
        at += 8 + size + size % 2
    raise AudioError("the wav audio holds no data")


def _check_mp3(audio: bytes, packets: int) -> None:
    """Compare an MP3 with its Xing or Info frame, if it has one, and see that its last frame is whole.

    Some writers count that frame too, hence the one that may be missing.
    """
    at = frames.outside(audio[:32])
    header = frames.parse(audio[at : at + 4])
    info = frames.read_info(audio[at : at + header.length]) if header else None
    _check_length("mp3", "frames", packets, (info.frames or 1) - 1 if info else 0)
    while header and at + header.length <= len(audio):
        at += header.length
        header = frames.parse(audio[at : at + 4])
    if header:
        _check_length("mp3", "bytes of the last frame", len(audio) - at, header.length)


def _check_length(format: str, unit: str, arrived: int, promised: int) -> None:
    if arrived < promised:
        raise AudioError(f"the {format} audio is cut off: {arrived} of {promised} {unit} arrived")


def holds_sound(file: IO[bytes]) -> bool:
    """Whether a recording (WAV, MP3, MP4 or WebM, by its first bytes) begins with sound that decodes."""
    head = file.read(12)
    file.seek(0)
    kinds = (_DEMUXERS[name] for name in ("wav", "mp3", "aac", "webm"))
    demuxer = next((demuxer for known in kinds for opens, demuxer in known if opens(head)), None)
    if demuxer is None:
        return False
    try:
        with translated("the recording"), _open(file, demuxer, {}) as container:
            stream = _stream(container)
            return next((True for frame in container.decode(stream) if frame.samples), False)
    except AudioError:
        return False


# --- one segment at a time ------------------------------------------------------------------------------------------


def encode_flac(samples: Samples, rate: int) -> bytes:
    """16-bit mono FLAC, the same bytes for the same samples: no dates, no versions.

    Fixed predictors cost 3 % in size and decode a third faster than searched ones, and every change of a chapter
    decodes all its segments again; 4608 is the largest block of FLAC's streamable subset.
    """
    import av

    options = {"compression_level": "3", "lpc_type": "fixed", "frame_size": "4608"}
    file = io.BytesIO()
    with (
        translated("the sound of a segment", "cannot be kept as FLAC"),
        av.open(file, "w", "flac", options={"fflags": "+bitexact", "metadata_header_padding": "0"}) as container,
    ):
        stream = container.add_stream("flac", rate=rate, options=options, layout="mono", format="s16")
        if samples.size:
            container.mux(stream.encode(audio_frame(samples, "s16", rate)))
        container.mux(stream.encode(None))
    return file.getvalue()


def audio_frame(samples: NDArray[Any], format: str, rate: int) -> AudioFrame:
    import av

    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples)[None, :], format=format, layout="mono")
    frame.sample_rate = rate
    return frame


def find_sound(
    samples: Samples, rate: int, *, threshold_db: float = -50.0, before_ms: int = 10, after_ms: int = 30
) -> tuple[int, int]:
    """The first sample of sound and the one past the last; all of it when nothing is above the threshold.

    pydub listens from both ends in steps of 5 ms for the first step whose level is over ``threshold_db`` (dBFS);
    ``before_ms`` and ``after_ms`` are kept around what it finds, because consonants begin and breaths end softer.
    """
    sound = _audio_segment()(samples.tobytes(), sample_width=2, frame_rate=rate, channels=1)
    first = _leading_silence()(sound, threshold_db, 5)
    if first >= len(sound):
        return 0, samples.size
    last = len(sound) - _leading_silence()(sound.reverse(), threshold_db, 5)
    lead = max(0, (first - before_ms) * rate // 1000)
    return lead, min(samples.size, -(-(last + after_ms) * rate // 1000))


@functools.cache
def _audio_segment() -> Any:
    with warnings.catch_warnings():
        # audioop leaves the standard library in 3.13 (audioop-lts replaces it); pydub's pattern strings are unescaped;
        # and it looks for ffmpeg, which narrate does not need
        warnings.simplefilter("ignore")
        from pydub import AudioSegment
    return AudioSegment


@functools.cache
def _leading_silence() -> Any:
    _audio_segment()
    from pydub.silence import detect_leading_silence

    return detect_leading_silence


def resampled_length(samples: int, from_rate: int, to_rate: int) -> int:
    """How many samples ``resample`` makes of so many: the nearest whole number, halves up."""
    return (2 * samples * to_rate + from_rate) // (2 * from_rate)


def resample(samples: NDArray[Any], from_rate: int, to_rate: int) -> NDArray[Any]:
    """``samples`` at another rate (soxr, high quality), in the same type, exactly ``resampled_length`` long."""
    if from_rate == to_rate:
        return samples
    import soxr  # type: ignore[import-untyped]

    whole = samples.dtype == np.int16
    sound = soxr.resample(to_float(samples) if whole else samples, from_rate, to_rate, quality="HQ")
    length = resampled_length(samples.size, from_rate, to_rate)
    sound = np.pad(sound[:length], (0, max(0, length - sound.size)))
    return to_int16(sound) if whole else sound
