from __future__ import annotations

import math
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from narrate.pacing import FOREVER
from narrate.pacing.circuit import Circuit
from narrate.pacing.gate import SPREAD_S, Gate, Stop
from narrate.pacing.limiter import START, Limiter
from tests.throttles import Bucket, Concurrent, Noisy, Queueing, Server, Shut, adaptive, fixed

LATENCIES = (0.05, 0.3, 1.0, 3.0)
ROUND_TRIPS = 4
"""Allowed for the way up from eight to sixty-four."""
HOLDS = 2
"""Waits of Retry-After allowed for learning where the limit is."""


# --- the limiter, against servers in simulated time ---


def compare(make: Callable[[], Server], numbers: set[int], requests: int) -> None:
    """At least 95 % of the best fixed number that loses nothing, the way up aside; few refusals; nothing lost."""
    results = [fixed(make(), number, requests) for number in numbers]
    best = max((result for result in results if not result.lost), key=lambda result: result.throughput)
    server = make()
    found = adaptive(server, requests)
    learning = ROUND_TRIPS * server.latency + HOLDS * (server.retry_after or 0)
    assert found.served / (found.seconds - learning) >= 0.95 * best.throughput
    assert found.refused < 0.06 * requests
    assert found.lost == 0


@pytest.mark.parametrize("latency", LATENCIES)
@pytest.mark.parametrize("most", [1, 4, 10, 40])
@pytest.mark.parametrize("retry_after", [None, 1.0])
def test_a_server_that_refuses_above_a_number_is_used_in_full(
    most: int, latency: float, retry_after: float | None
) -> None:
    # where a refusal holds everybody for a second, that second is small against a minute only
    requests = 2000 if retry_after is None else max(2000, round(60 * most / latency / 4))
    compare(lambda: Concurrent(most, latency, retry_after), {most, most + 1, min(64, 2 * most)}, requests)


@pytest.mark.parametrize("latency", LATENCIES)
@pytest.mark.parametrize("most", [1, 4, 10, 40])
def test_a_server_that_lets_requests_wait_is_used_in_full(most: int, latency: float) -> None:
    compare(lambda: Queueing(most, latency), {most, 64}, 2000)


@pytest.mark.parametrize("latency", LATENCIES)
@pytest.mark.parametrize("rate", [1, 5, 20])
@pytest.mark.parametrize("saved_s", [1, 10])
@pytest.mark.parametrize("retry_after", [None, 1.0])
def test_a_server_that_counts_by_time_is_used_in_full(
    rate: int, saved_s: int, latency: float, retry_after: float | None
) -> None:
    needed = rate * latency
    numbers = {max(1, min(64, round(share * needed))) for share in (0.8, 1.0, 1.3, 4.0)} | {64}
    compare(lambda: Bucket(rate, rate * saved_s, latency, retry_after), numbers, 4000 if latency > 1 else 2000)


@pytest.mark.parametrize("latency", LATENCIES)
@pytest.mark.parametrize("rate", [1, 20])
def test_so_is_one_that_never_takes_two_at_once(rate: int, latency: float) -> None:
    compare(lambda: Bucket(rate, 1, latency), {1, 2, 5, 10, 20, 40, 64}, 4000)


@pytest.mark.parametrize("latency", [0.05, 1])
@pytest.mark.parametrize("share", [0.01, 0.06, 0.3])
@pytest.mark.parametrize("retry_after", [None, 0.2])
def test_refusals_at_random_do_not_slow_it_down_for_ever(
    share: float, latency: float, retry_after: float | None
) -> None:
    for seed in range(3):
        found = adaptive(Noisy(share, latency, retry_after), 1500, seed=seed)
        modest = fixed(Noisy(share, latency, retry_after), START, 1500, seed=seed)
        assert found.throughput > 0.5 * modest.throughput
        assert found.lost <= modest.lost + 2


@pytest.mark.parametrize("latency", [0.02, 0.3])
def test_a_server_that_refused_everything_for_a_while_is_used_again(latency: float) -> None:
    found = adaptive(Shut(2, 40, latency), 3000)
    modest = fixed(Shut(2, 40, latency), START, 3000)
    assert found.seconds < modest.seconds + 40


def test_a_server_that_takes_less_than_before_and_more_again_is_followed() -> None:
    server = Concurrent(40, 0.3)
    limiter, now = Limiter(64), drive(Limiter(64), server, 0.0, 30)
    now = drive(limiter, server, now, 60)
    assert 36 <= limiter.limit <= 44
    server.most = 5
    now = drive(limiter, server, now, 60)
    assert served_in(limiter, server, now, 20) >= 0.9 * 5 / 0.3 * 20
    server.most = 60
    now = drive(limiter, server, now + 20, 300)
    assert served_in(limiter, server, now, 20) >= 0.85 * 60 / 0.3 * 20


def drive(limiter: Limiter, server: Concurrent, now: float, seconds: float) -> float:
    served_in(limiter, server, now, seconds)
    return now + seconds


def served_in(limiter: Limiter, server: Concurrent, start: float, seconds: float) -> int:
    """Ask as much as the limiter lets, in steps of a millisecond, with answers in even time; how many came."""
    flying: list[tuple[float, bool, object]] = []
    served = 0
    for step in range(round(seconds * 200)):
        now = start + step / 200
        due = [item for item in flying if item[0] <= now]
        flying = [item for item in flying if item[0] > now]
        for _, good, permit in due:
            if good:
                server.leave()
                limiter.served(permit, now)  # type: ignore[arg-type]
                served += 1
            else:
                limiter.throttled(permit, now)  # type: ignore[arg-type]
        while limiter.wait(now) == 0:
            good = server.busy < server.most
            server.busy += good
            flying.append((now + (server.latency if good else 0.02), good, limiter.admit(now)))
    for _, good, permit in flying:
        if good:
            server.leave()
        limiter.released(permit)  # type: ignore[arg-type]
    return served


def test_latency_that_never_comes_down_again_does_not_starve_the_run() -> None:
    limiter, now = Limiter(64), 0.0
    for latency, rounds in ((0.2, 200), (1.0, 400)):
        for _ in range(rounds):
            permits = []
            while limiter.in_flight < int(limiter.limit):
                permits.append(limiter.admit(now))
            now += latency
            for permit in permits:
                limiter.served(permit, now)
    assert limiter.limit >= 32


def test_without_adapting_the_number_stays() -> None:
    limiter = Limiter(3, adapt=False)
    for number in range(50):
        permit = limiter.admit(float(number))
        if number % 3 == 0:
            limiter.throttled(permit, number + 0.5)
        elif number % 3 == 1:
            limiter.failed(permit, number + 0.9)
        else:
            limiter.served(permit, number + 0.9)
        assert limiter.limit == 3
        assert limiter.wait(number + 1.0) == 0


def test_it_doubles_per_round_trip_up_to_the_most() -> None:
    limiter, sizes = Limiter(50), []
    flying = [limiter.admit(0.0) for _ in range(8)]
    for turn in range(1, 5):
        sizes.append(len(flying))
        due, flying = flying, []
        for number, permit in enumerate(due):
            now = turn + number / 1000
            limiter.served(permit, now)
            while limiter.in_flight < int(limiter.limit):
                flying.append(limiter.admit(now))
    assert sizes == [8, 16, 32, 50]


def test_it_does_not_grow_where_nobody_needs_more() -> None:
    limiter = Limiter(50)
    for turn in range(100):
        limiter.served(limiter.admit(float(turn)), turn + 0.5)
    assert limiter.limit == 8


def test_a_failure_after_a_strangely_long_time_shrinks_it() -> None:
    limiter = Limiter(50, start=10)
    limiter.served(limiter.admit(0.0), 1.0)
    slow, quick = limiter.admit(1.0), limiter.admit(1.0)
    limiter.failed(quick, 1.5)
    assert limiter.limit == 10
    limiter.failed(slow, 61.0)
    assert limiter.limit == 9


def test_after_an_outage_it_begins_modestly() -> None:
    limiter = Limiter(64, start=32)
    limiter.restart(5.0)
    assert limiter.limit == 16


def test_when_everything_is_refused_there_is_soon_nothing_left_to_give_up() -> None:
    limiter, now = Limiter(64), 0.0
    for _ in range(12):
        now += 1.0
        if limiter.wait(now) == 0:
            limiter.throttled(limiter.admit(now), now + 0.1)
    assert limiter.spent


@given(
    st.integers(1, 64),
    st.lists(st.tuples(st.sampled_from("srfl"), st.floats(0.001, 100.0), st.floats(0, 30)), max_size=200),
)
def test_whatever_happens_there_is_always_a_way_on(most: int, happenings: list[tuple[str, float, float]]) -> None:
    limiter, now, flying = Limiter(most), 0.0, []
    for what, seconds, asked in happenings:
        if limiter.wait(now) == 0:
            flying.append(limiter.admit(now))
        now += seconds
        if not flying:
            continue
        permit = flying.pop(0)
        match what:
            case "s":
                limiter.served(permit, now)
            case "r":
                limiter.throttled(permit, now, asked)
            case "f":
                limiter.failed(permit, now)
            case _:
                limiter.released(permit)
        assert limiter.in_flight == len(flying)
        assert 1 <= limiter.limit <= most
        assert limiter.pace is None or limiter.pace > 0
        assert limiter.wait(now) < FOREVER or flying
        assert not math.isnan(limiter.wait(now))


# --- the gate ---


def test_a_gate_keeps_the_longest_hold() -> None:
    gate = Gate()
    gate.hold(10, 100.0)
    gate.hold(2, 100.0)
    assert gate.shut(100.0) == gate.wait(100.0) == 10
    assert gate.wait(111.0) == gate.shut(111.0) == 0


def test_those_held_back_come_out_one_after_the_other() -> None:
    gate, now, came = Gate(lambda: 0.5), 0.0, []
    gate.hold(10, now)
    for _ in range(20):
        now += gate.wait(now)
        came.append(now)
        gate.passed(now, 10)
    assert came[:11] == pytest.approx([10 + SPREAD_S * number / 10 for number in range(11)])
    assert came[11:] == pytest.approx([came[10]] * 9)


# --- the circuit ---


def down(circuit: Circuit, chunks: int, failures: int, *, sent: bool = True) -> list[bool]:
    return [circuit.failed(f"c{number % chunks}", "no", 0.0, sent=sent) for number in range(failures)]


def test_eight_failures_of_three_chunks_open_it() -> None:
    assert down(Circuit(patience=60, probes=8), 3, 8) == [False] * 7 + [True]


def test_one_or_two_chunks_that_always_fail_do_not() -> None:
    assert not any(down(Circuit(patience=60, probes=8), 2, 100))


def test_five_that_reached_nobody_do() -> None:
    assert down(Circuit(patience=60, probes=8), 1, 5, sent=False) == [False] * 4 + [True]


def test_an_answer_begins_the_count_anew() -> None:
    circuit = Circuit(patience=60, probes=8)
    down(circuit, 7, 7)
    assert not circuit.answered()
    assert not any(down(circuit, 7, 7))


def test_one_probe_at_a_time_with_growing_pauses() -> None:
    circuit, now, pauses = Circuit(patience=None, probes=10, random=lambda: 0.0), 0.0, []
    down(circuit, 3, 8)
    for _ in range(9):
        pauses.append(circuit.wait(now))
        now += circuit.wait(now)
        assert circuit.ask()
        assert circuit.wait(now) == FOREVER
        circuit.failed("c", "still no", now, sent=True, probe=True)
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert not circuit.down
    circuit.failed("c", "still no", now, sent=True, probe=True)
    assert circuit.down


def test_patience_ends_with_a_last_probe() -> None:
    circuit, now, asked = Circuit(patience=10, probes=3, random=lambda: 1.0), 0.0, 0
    down(circuit, 3, 8)
    while not circuit.down:
        now += circuit.wait(now)
        circuit.ask()
        circuit.failed("c", "no", now, sent=True, probe=True)
        asked += 1
    assert now == circuit.seconds(now) == 10
    assert asked == 4  # after 1.1, 3.3, 7.7 and 10 s


def test_no_patience_is_no_probe() -> None:
    circuit = Circuit(patience=0, probes=8)
    down(circuit, 3, 8)
    assert circuit.down


def test_an_answer_closes_it_and_a_probe_never_asked_frees_its_place() -> None:
    circuit = Circuit(patience=60, probes=8, random=lambda: 0.0)
    down(circuit, 3, 8)
    assert circuit.wait(1.0) == 0
    circuit.ask()
    circuit.gave_up()
    assert circuit.wait(1.0) == 0
    circuit.ask()
    assert circuit.answered()
    assert circuit.wait(1.0) == 0
    assert not circuit.ask()


def test_failures_of_what_was_in_flight_do_not_lengthen_the_pause() -> None:
    circuit = Circuit(patience=60, probes=8, random=lambda: 0.0)
    down(circuit, 3, 8)
    assert not any(down(circuit, 3, 30))
    assert circuit.wait(0.0) == 1


def test_a_stop_tells_also_who_came_too_late() -> None:
    stop, told = Stop(), []
    stop.on_set(lambda: told.append("first"))
    stop.set()
    stop.on_set(lambda: told.append("late"))
    assert told == ["first", "late"]
