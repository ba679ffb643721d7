from __future__ import annotations

from narrate.wire.hearing import Hearing, Spoken
from narrate.wire.session_messages import Message, Timed


def times(*entries: tuple[str, float, float]) -> Message:
    return Message("timestamps", timestamps=tuple(Timed(*entry) for entry in entries))


def test_seconds_count_on_over_flushes() -> None:
    heard = Hearing(timed=True)
    heard.takes(times(("One", 0.0, 0.5), (" ", 0.5, 0.25)))
    heard.takes(times(("two", 0.75, 0.5)))
    heard.takes(Message("flush_complete", nonce=1))
    heard.takes(times(("three", 0.0, 0.5)))
    assert heard.spoken() == Spoken(0, 1.75, "One twothree")


def test_an_older_server_counts_anew_with_every_message() -> None:
    heard = Hearing(timed=True)
    for _ in range(3):
        heard.takes(times(("a", 0.0, 0.5), ("b", 0.5, 0.5)))
    assert heard.spoken().seconds == 3.0


def test_without_timestamps_nobody_knows_the_seconds() -> None:
    heard = Hearing(timed=False)
    assert heard.takes(Message("audio", audio=b"123"))
    assert heard.spoken() == Spoken(3, None, "")
    assert heard.sentence() == "3 bytes of audio; 0 of 0 flushes acknowledged"


def test_only_the_last_words_are_repeated() -> None:
    heard = Hearing(timed=True)
    heard.flushes = 2
    heard.takes(times(("x" * 50, 0.0, 1.0), (" end\n", 1.0, 1.25)))
    heard.takes(Message("flush_complete", nonce=1))
    assert heard.sentence() == f'0 bytes of audio, 2.2 s, up to "…{"x" * 35} end"; 1 of 2 flushes acknowledged'


def test_stale_speech_is_not_taken() -> None:
    heard = Hearing(timed=True)
    heard.reset_sent = 2
    assert not heard.takes(Message("audio", audio=b"123"))
    assert not heard.takes(times(("a", 0.0, 0.5)))
    assert heard.takes(Message("flush_complete", nonce=1))
    assert heard.takes(Message("reset_complete", nonce=2))
    assert heard.takes(Message("audio", audio=b"12"))
    assert heard.spoken() == Spoken(2, 0.0, "")


def test_two_resets_need_the_second_acknowledgement() -> None:
    heard = Hearing(timed=False)
    heard.reset_sent = 2
    heard.takes(Message("reset_complete", nonce=1))
    assert not heard.takes(Message("audio", audio=b"old"))
    heard.takes(Message("reset_complete"))
    assert heard.takes(Message("audio", audio=b"new"))


def test_what_is_unknown_is_not_delivered() -> None:
    assert not Hearing(timed=False).takes(Message("unknown"))


def test_the_first_audio_is_never_stale_where_it_holds_the_header() -> None:
    heard = Hearing(timed=False, headed=True)
    heard.reset_sent = 1
    assert heard.takes(Message("audio", audio=b"RIFF"))
    assert not heard.takes(Message("audio", audio=b"old"))
    assert heard.spoken().audio_bytes == 4
