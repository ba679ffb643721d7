"""Speech Sessions over real WebSockets: what is said in each dialect, cut, flushed, reset, ended, and gone wrong."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from websockets.exceptions import ConnectionClosed

from narrate.errors import EngineClosed, EngineRefused, EngineUnavailable
from narrate.server import sessions
from narrate.server.answers import Bounds
from narrate.server.connections import protocols
from narrate.session import SpeechSession
from narrate.wire.session import FORMATS
from tests.server.servers import Served, decoded, eventually, key_file, serving
from tests.server.talks import OPENINGS, Talk, gated

HELLO = "Hello there, all of you. How are you today, my friends?"
STORY = (
    "Once upon a time, Mr. Smith of St. Ives went out to see the sea. He paid 3.50 dollars for it!\n\n"
    "“It is large,” he said; “larger than I thought…” And so it was, as it had always been, and will be.\n \n"
    " It was 5 p.m. when he came home again.  \n"
)
SECONDS = {"pcm_s16le": 0.001, "pcm_f32le": 0.001, "ulaw": 0.001, "mp3": 0.16, "webm": 0.08}
"""How much longer a turn may be than what was said in it."""


@pytest.fixture(scope="module")
def server() -> Iterator[Served]:
    with serving() as served:
        yield served


@pytest.fixture(autouse=True)
def _nobody_stays(server: Served) -> Iterator[None]:
    """Behind every test all places are free again."""
    yield
    assert eventually(lambda: server.premises.open == 0 and server.metric("narrate_sessions_open") == 0)
    assert server.premises.stage.text_held == 0


def joined(times: list[dict[str, Any]]) -> str:
    return "".join(entry["text"] for entry in times)


def rises(times: list[dict[str, Any]]) -> bool:
    return times[0]["start"] >= 0 and all(
        before["start"] + before["duration"] <= after["start"] + 2e-6 for before, after in pairwise(times)
    )


def length(times: list[dict[str, Any]]) -> float:
    return float(times[-1]["start"] + times[-1]["duration"])


# --- the dialects ---------------------------------------------------------------------------------------------------


def test_the_typed_dialect(server: Served) -> None:
    with Talk(server) as talk:
        talk.text("Hel", "lo there.", " How are you?").flush(1)
        first = talk.until("flush_complete")
        talk.text(" And more.").finish()
        last = talk.end()
    assert first.kinds[0] == "ready"
    assert first.told[0] == {"type": "ready", "request_id": first.told[0]["request_id"]}
    assert set(first.kinds[1:-1]) == {"audio", "timestamps"}
    assert first.told[-1] == {"type": "flush_complete", "nonce": 1}
    assert set(last.kinds) == {"audio", "timestamps"}
    assert talk.code == 1000
    assert joined(first.times) == "Hello there. How are you?"
    assert joined(last.times) == " And more."
    assert last.times[0]["start"] == 0.0
    assert len(first.audio) / 48000 == pytest.approx(length(first.times), abs=0.001)
    line = next(line for line in server.lines if line["request_id"] == first.told[0]["request_id"])
    assert (line["event"], line["end"], line["status"]) == ("session", "finished", 101)
    assert line["characters"] == len("Hello there. How are you? And more.")
    assert line["bytes"] == len(first.audio + last.audio)


def test_times_of_api_1_1_begin_anew_with_every_message(server: Served) -> None:
    with Talk(server, "typed 1.1") as talk:
        said = talk.text(STORY).flush().until("flush_complete")
    messages = [message["timestamps"] for message in said.told if "timestamps" in message]
    assert len(messages) > 2
    assert all(message[0]["start"] == 0.0 and rises(message) for message in messages)
    assert joined(said.times) == STORY


def test_the_commands_dialect(server: Served) -> None:
    with Talk(server, "commands") as talk:
        said = talk.text("Hello there.").flush(7).until("complete")
        again = talk.text("Dropped").reset(8).until("complete")
        end = talk.text("Good night.").finish().end()
    assert said.kinds[0] == "audio"
    assert said.told[-1] == {"complete": "flush", "nonce": 7}
    assert said.told[-2] == {"durations": [], "buffer_empty": True}
    assert joined(said.times) == "Hello there."
    assert again.told == [{"complete": "reset", "nonce": 8}]
    assert joined(end.times) == "Good night."
    assert end.told[-1] == {"durations": [], "buffer_empty": True}
    assert talk.code == 1000


def test_the_plain_dialect_comes_in_pairs(server: Served) -> None:
    with Talk(server, "plain") as talk:
        said = talk.text(STORY).flush(None).until("buffer_empty")
        while not said.told[-1]["buffer_empty"]:
            said.messages += [talk.hears(), talk.hears()]
        said.messages.append(talk.hears())
        end = talk.text("Good night.").finish().end()
    for heard in (said, end):
        pairs = list(zip(heard.messages[::2], heard.messages[1::2], strict=True))
        assert all(isinstance(told, dict) and isinstance(audio, bytes) for told, audio in pairs)
        assert [told["buffer_empty"] for told, _ in pairs] == [False] * (len(pairs) - 1) + [True]
    assert joined(said.times) == STORY
    assert joined(end.times) == "Good night."
    assert talk.code == 1000


def test_the_plain_dialect_without_extras_is_sound_alone(server: Served) -> None:
    with Talk(server, "plain without extras") as talk:
        heard = talk.text(HELLO).flush(None).finish().end()
    with Talk(server) as typed:
        assert heard.audio == typed.text(HELLO).finish().end().audio
    assert heard.told == []
    assert talk.code == 1000


@pytest.mark.parametrize("dialect", OPENINGS)
def test_any_form_of_a_message_is_understood_in_any_dialect(server: Served, dialect: str) -> None:
    forms = ({"type": "text", "text": "One "}, {"text": "two "}, {"command": "flush", "nonce": 1}, {"flush": True})
    with Talk(server, dialect) as talk:
        heard = talk.sends(*forms, {"type": "reset"}, {"type": "text", "text": "three"}, {"eof": True}).end()
    assert talk.code == 1000
    if heard.times:
        assert joined(heard.times).endswith("three")


# --- times and sound ------------------------------------------------------------------------------------------------


def test_times_rise_since_the_last_flush_or_reset_and_are_the_text(server: Served) -> None:
    with Talk(server) as talk:
        first = talk.text(STORY).flush(1).until("flush_complete")
        second = talk.text(HELLO).flush(2).until("flush_complete")
        talk.text("Dropped").reset(3).until("reset_complete")
        third = talk.text(STORY).finish().end()
    for said, text in ((first, STORY), (second, HELLO), (third, STORY)):
        assert joined(said.times) == text
        assert rises(said.times)
        assert said.times[0]["start"] == 0.0
    assert third.times == first.times
    assert third.audio == first.audio


@given(places=st.lists(st.integers(0, len(STORY)), max_size=12))
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_how_the_text_is_cut_cannot_be_heard(server: Served, places: list[int]) -> None:
    ends = [0, *sorted(places), len(STORY)]
    with Talk(server) as talk:
        cut = talk.text(*(STORY[start:end] for start, end in pairwise(ends))).finish().end()
    with Talk(server) as talk:
        whole = talk.text(STORY).finish().end()
    assert cut.audio == whole.audio
    assert cut.times == whole.times


def test_a_text_that_arrives_by_the_letter_waits_for_what_an_abbreviation_stands_for(server: Served) -> None:
    text = "Go to see Mr. Smith today. He waits for you."
    with Talk(server) as talk:
        talk.until("ready")
        for letter in text:
            talk.text(letter)
        by_the_letter = talk.finish().end()
    with Talk(server) as talk:
        at_once = talk.text(text).finish().end()
    assert by_the_letter.times == at_once.times


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_all_frames_of_a_session_are_one_stream(server: Served, name: str) -> None:
    with Talk(server, format=name, sample_rate=16000) as talk:
        turns = [talk.text(HELLO).flush(number).until("flush_complete") for number in range(3)]
        talk.flush(9).until("flush_complete")
        turns.append(talk.text("Dropped").reset(10).until("reset_complete"))
        turns.append(talk.text(STORY).finish().end())
    samples, rate = decoded(b"".join(turn.audio for turn in turns), name, 16000)
    said = sum(length(turn.times) for turn in turns if turn.times)
    assert said - 0.001 <= len(samples) / rate <= said + 4 * SECONDS[name]
    assert abs(samples[: rate // 2]).max() > 4000


def test_a_text_of_blanks_and_marks_is_in_the_times_and_is_no_sound(server: Served) -> None:
    with Talk(server) as talk:
        nothing = talk.text("\n\n ...\n\n").flush(1).until("flush_complete")
        something = talk.text("Word. \n\n \n\n").flush(2).until("flush_complete")
    assert nothing.audio == b""
    assert joined(nothing.times) == "\n\n ...\n\n"
    assert joined(something.times) == "Word. \n\n \n\n"
    assert rises(something.times)


def test_a_voice_of_another_language_speaks_it(server: Served) -> None:
    with Talk(server, language="de") as talk:
        heard = talk.text("Grüße, z. B. aus Köln. Auf Wiedersehen.").finish().end()
    assert joined(heard.times).startswith("Grüße")


# --- flush, reset, finish -------------------------------------------------------------------------------------------


def test_flushes_are_acknowledged_in_order_and_empty_ones_at_once(server: Served) -> None:
    with Talk(server) as talk:
        talk.flush(1).flush(2).text(HELLO).flush(3).flush(-1).text("More.").flush(0)
        said = talk.until("flush_complete", 5)
        end = talk.finish().end()
    acknowledged = [message["nonce"] for message in said.told if message["type"] == "flush_complete"]
    assert acknowledged == [1, 2, 3, -1, 0]
    assert said.kinds[:3] == ["ready", "flush_complete", "flush_complete"]
    assert end.messages == []
    assert talk.code == 1000


def test_a_flush_without_a_nonce_is_acknowledged_without_one(server: Served) -> None:
    with Talk(server) as talk:
        assert talk.flush(None).until("flush_complete").told[-1] == {"type": "flush_complete"}


def test_a_reset_in_mid_speech_waits_for_no_engine(server: Served) -> None:
    with gated(server) as gate, Talk(server) as talk:
        talk.text("Never to be heard at all, in this world or the next. ").flush(1)
        assert eventually(lambda: len(gate.texts) == 1)
        before = talk.reset(2).until("reset_complete")  # the engine is still at it
        assert before.kinds == ["ready", "flush_complete", "reset_complete"]
        talk.text("Only this.").flush(3)
        assert eventually(lambda: "Only this." in gate.texts)  # it begins beside what nobody wants any more
        gate.open()
        after = talk.until("flush_complete")
        assert joined(after.times) == "Only this."
        assert len(after.audio) / 48000 == pytest.approx(0.15)


def test_resets_do_not_pile_up_work(server: Served) -> None:
    with gated(server) as gate, Talk(server) as talk:
        for number in range(20):
            talk.text(f"Unwanted number {number}.").flush().reset(number).until("reset_complete")
        talk.text("Wanted.").flush(77)
        time.sleep(0.05)
        assert len(gate.texts) <= 3
        gate.open()
        said = talk.until("flush_complete")
        assert said.told[-1]["nonce"] == 77
        assert joined(said.times) == "Wanted."


def test_a_reset_behind_long_sound_drops_the_rest_of_it() -> None:
    with serving(settings={"ms_per_char": "1000"}) as served, Talk(served) as talk:  # ten minutes of sound
        talk.text("word " * 120).flush(1)
        talk.until("audio")
        said = talk.reset(2).until("reset_complete")
        assert len(said.audio) < 48000 * 590
        rest = talk.text("Hm").finish().end()
        assert len(rest.audio) == 48000 * 2
        assert rest.times[0]["start"] == 0.0


def test_finish_can_be_repeated_and_outlives_a_reset(server: Served) -> None:
    with gated(server) as gate, Talk(server) as talk:
        talk.text("Not to be heard.").finish().flush(4).finish().reset(5)
        said = talk.until("reset_complete")
        gate.open()
        assert said.kinds == ["ready", "flush_complete", "reset_complete"]
        assert talk.end().messages == []
        assert talk.code == 1000


def test_a_flush_behind_finish_is_acknowledged(server: Served) -> None:
    with gated(server) as gate, Talk(server) as talk:
        talk.text("To be heard.").finish().flush(4)
        assert eventually(lambda: bool(gate.texts))
        time.sleep(0.02)
        gate.open()
        said = talk.end()
    assert said.kinds[-1] == "flush_complete"
    assert talk.code == 1000


def test_a_session_without_a_word(server: Served) -> None:
    with Talk(server, format="webm") as talk:
        assert talk.finish().end().kinds in (["ready"], ["ready", "audio"])
        assert talk.code == 1000


def test_the_wait_for_the_first_sound_is_counted_once_a_turn(server: Served) -> None:
    before = server.metric("narrate_first_byte_seconds_count")
    with Talk(server) as talk:
        for piece in STORY.split(" "):
            talk.text(f"{piece} ")
        talk.flush(1).text(HELLO).flush(2).until("flush_complete", 2)
        talk.text("Dropped").reset(3).text(HELLO).flush(4).until("flush_complete")
        talk.finish().end()
    assert server.metric("narrate_first_byte_seconds_count") == before + 3


# --- what is wrong --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("message", "words"),
    [
        (b"\x00\x01", "a binary message came"),
        ("{", "not a JSON object"),
        ("[1]", "not a JSON object"),
        ("[" * 100_000, "not a JSON object"),
        ('{"type": "sing"}', "none of text, flush, reset and finish"),
        ('{"type": "text", "text": 7}', "text must be a string"),
        ('{"type": "flush", "nonce": 1.5}', "nonce must be an integer"),
        ('{"type": "init", "voice": "leah"}', "open already"),
        ("x" * ((1 << 20) + 1), "1,048,576 bytes"),
    ],
)
@pytest.mark.parametrize("dialect", ["typed", "commands", "plain"])
def test_nonsense_is_told_in_the_clients_dialect(server: Served, dialect: str, message: Any, words: str) -> None:
    with Talk(server, dialect) as talk:
        said = talk.sends(message).end()
    kind, told = said.error()
    assert kind == ("invalid_request_error" if dialect == "typed" else "")
    assert words in told
    assert talk.code == 1000
    if dialect == "typed":
        assert said.messages[-1]["request_id"] == said.messages[0]["request_id"]


@pytest.mark.parametrize(
    ("fields", "kind", "words"),
    [
        ({"voice": "nobody"}, "not_found_error", "nobody"),
        ({"voice": None}, "invalid_request_error", "voice is required"),
        ({"format": "wav"}, "invalid_request_error", "format must be one of"),
        ({"language": "tlh"}, "invalid_request_error", "language must be"),
        ({"sample_rate": 44100}, "invalid_request_error", "sample_rate must be"),
    ],
)
def test_an_opening_that_cannot_be(server: Served, fields: dict[str, Any], kind: str, words: str) -> None:
    with Talk(server, **fields) as talk:
        said = talk.text(HELLO).end()
    assert said.error()[0] == kind
    assert words in said.error()[1]
    assert talk.code == 1000


def test_a_message_far_too_large_is_not_even_read(server: Served) -> None:
    with suppress(ConnectionClosed), Talk(server) as talk:
        talk.until("ready")
        talk.sends("x" * (3 << 20))
        talk.end()
    assert talk.code in (1009, 1006, None)  # None: it was cut off while it still sent
    assert eventually(lambda: server.lines[-1].get("end") == "gone")


def test_text_behind_finish_is_an_error(server: Served) -> None:
    with gated(server), Talk(server) as talk:
        assert "after finish" in talk.text("One.").finish().text("Two.").end().error()[1]


def test_keys(tmp_path: Path) -> None:
    file = key_file(tmp_path, app="a-key-of-the-app at_once=1", poor="a-poor-key characters=30")
    with serving(keys=file) as served:
        for wrong in ("not-a-key", "", None):
            with Talk(served, **{"X-API-Key": wrong}) as talk:
                assert talk.end().error()[0] == "authentication_error"
                assert talk.code == 1000
        with Talk(served, **{"X-API-Key": "a-key-of-the-app"}) as talk:
            talk.until("ready")
            with Talk(served, **{"X-API-Key": "a-key-of-the-app"}) as another:
                assert another.end().error()[0] == "rate_limit_error"
            talk.text(HELLO).finish().end()
        with Talk(served, **{"X-API-Key": "a-poor-key"}) as talk:
            said = talk.text("Twenty characters. " * 2).flush().text("And too many more.").flush().end()
            assert said.error()[0] == "payment_required_error"
        assert eventually(lambda: len(served.lines) == 6)
        log = repr(served.lines)
        assert "not-a-key" not in log and "a-poor-key" not in log and "Hello" not in log and "Twenty" not in log
        assert [line["key"] for line in served.lines if line.get("key")] == ["app", "app", "poor"]


def test_no_opening_message_in_time() -> None:
    with serving(bounds=Bounds(opening_s=0.05)) as served, Talk(served, opens=False) as talk:
        assert "did not come in time" in talk.end().error()[1]
        assert talk.code == 1000


def test_an_idle_session_is_closed_but_not_one_that_is_spoken_to() -> None:
    with serving(bounds=Bounds(idle_s=0.15)) as served:
        with Talk(served) as talk:
            assert "idle for too long" in talk.end().error()[1]
            assert talk.code == 1000
        with gated(served) as gate, Talk(served) as talk:  # speech that takes longer than a client may be silent
            talk.text(HELLO).flush(1)
            assert eventually(lambda: bool(gate.texts))
            time.sleep(0.2)
            gate.open()
            talk.until("flush_complete")
            assert talk.flush(2).until("flush_complete").told[-1]["nonce"] == 2
            assert "idle for too long" in talk.end().error()[1]


def test_more_sessions_than_there_may_be() -> None:
    with serving(bounds=Bounds(sessions=2)) as served, ExitStack() as stack:
        first, second = (stack.enter_context(Talk(served)) for _ in range(2))
        first.until("ready")
        second.until("ready")
        with Talk(served, "commands") as third:
            assert "sessions are open already" in third.end().error()[1]
        first.finish().end()
        assert eventually(lambda: served.premises.open == 1)
        with Talk(served) as fourth:
            fourth.until("ready")


def test_too_much_text_is_refused(server: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "MOST_TEXT", 1000)
    monkeypatch.setattr(sessions, "MOST_TURNS", 50)
    with gated(server):
        with Talk(server) as talk:
            assert "too much is waiting" in talk.text("A word. " * 200).end().error()[1]
        for asks in ("flush", "reset"):
            with Talk(server) as talk:
                talk.text("Hello there you.").flush()
                for _ in range(60):
                    talk._asks(asks, 3)
                said = talk.end()
                assert said.error()[0] == "invalid_request_error" or asks == "reset"
    monkeypatch.setattr(sessions, "MOST_TEXT_IN_ALL", 900)
    with gated(server), Talk(server) as one, Talk(server) as other:
        one.text("A word. " * 80).until("ready")
        assert eventually(lambda: server.premises.stage.text_held > 0)
        assert other.text("A word. " * 80).end().error()[0] == "rate_limit_error"


@pytest.mark.parametrize(
    ("failure", "kind", "words"),
    [
        (EngineRefused("tone: this text is refused"), "invalid_request_error", "refused"),
        (EngineUnavailable("tone: down at 10.0.0.7"), "internal_server_error", "does not answer now"),
        (EngineClosed("tone: bad key"), "internal_server_error", "its log says why"),
        (ValueError("Secret text"), "internal_server_error", "its log says why"),
    ],
)
def test_an_engine_that_fails_is_told(server: Served, failure: Exception, kind: str, words: str) -> None:
    booth = server.premises.stage.booth

    def take(*unused: object) -> None:
        raise failure

    booth.take = take  # type: ignore[method-assign, assignment]
    try:
        with Talk(server) as talk:
            said = talk.text(HELLO).flush().end()
    finally:
        del booth.take
    assert said.error()[0] == kind
    assert words in said.error()[1]
    assert "10.0.0.7" not in said.error()[1] and "Secret" not in said.error()[1]
    assert talk.code == 1000
    assert eventually(lambda: any(line["request_id"] == said.messages[-1]["request_id"] for line in server.lines))
    assert "Secret" not in repr(server.lines)


# --- clients that are slow, or gone ---------------------------------------------------------------------------------


def test_a_slow_reader_holds_back_itself_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    kind: Any = protocols(stall_s=30.0)["ws"]
    made: list[Any] = []
    was = kind.connection_made
    monkeypatch.setattr(kind, "connection_made", lambda self, transport: (made.append(self), was(self, transport))[1])
    with ExitStack() as stack:
        served = stack.enter_context(serving(settings={"ms_per_char": "1000"}, bounds=Bounds(stall_s=30.0)))
        slow = stack.enter_context(Talk(served, "plain without extras"))
        slow.text("word " * 80).finish()  # 19 MB of sound
        assert eventually(lambda: bool(made) and _is_stuck(made[0]))
        assert made[0].transport.get_write_buffer_size() <= 1 << 20
        with Talk(served) as quick:
            assert quick.text("Hm").flush().until("flush_complete").audio
        assert eventually(lambda: _is_stuck(made[0]))
        assert len(slow.end().audio) > 48_000 * 390  # nothing was lost
        assert slow.code == 1000


def _is_stuck(connection: Any) -> bool:
    """Whether something waits to be sent, and nothing of it leaves."""
    left = connection.transport.get_write_buffer_size()
    time.sleep(0.02)
    return left > 0 and connection.transport.get_write_buffer_size() == left


@pytest.mark.parametrize("when", ["before the opening", "in mid-speech", "idle"])
def test_a_client_that_vanishes_frees_its_place(server: Served, when: str) -> None:
    with gated(server) as gate:
        talk = Talk(server, opens=when != "before the opening")
        if when != "before the opening":
            talk.until("ready")
        if when == "in mid-speech":
            talk.text(HELLO).flush()
            assert eventually(lambda: bool(gate.texts))
        talk.vanishes()
        assert eventually(lambda: server.premises.open == 0)
    assert eventually(lambda: server.lines[-1].get("end") == "gone")


def test_a_client_that_leaves_in_good_order_before_the_end(server: Served) -> None:
    with gated(server) as gate:
        with Talk(server) as talk:
            talk.text(HELLO).flush()
            assert eventually(lambda: bool(gate.texts))
        assert eventually(lambda: server.premises.open == 0)


# --- narrate's own client -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_speech_session(server: Served, name: str) -> None:
    async def talk() -> tuple[bytes, str, list[str]]:
        audio, text, kinds = b"", "", []
        async with SpeechSession(
            voice="leah", format=name, return_timestamps=True, base_url=server.url, api_key=""
        ) as session:
            for piece in STORY.split(" "):
                await session.append_text(f"{piece} ")
            await session.flush()
            await session.append_text("Dropped.")
            await session.reset()
            await session.append_text(HELLO)
            await session.finish()
            async for message in session:
                audio += message.audio
                text += "".join(entry.text for entry in message.timestamps)
                kinds.append(message.type)
        return audio, text, kinds

    audio, text, kinds = asyncio.run(talk())
    samples, rate = decoded(audio, name, 24000 if name != "ulaw" else 8000)
    assert kinds.count("flush_complete") == kinds.count("reset_complete") == 1
    assert text.endswith(HELLO)
    assert len(samples) / rate > len(HELLO) / 100


def test_speech_session_learns_what_is_wrong(server: Served) -> None:
    async def talk(voice: str) -> None:
        async with SpeechSession(voice=voice, base_url=server.url, api_key="") as session:
            await session.append_text("Hello.")
            await session.finish()
            async for _ in session:
                pass

    with pytest.raises(EngineClosed, match="nobody"):
        asyncio.run(talk("nobody"))
