"""What systemd is told, at a socket such as its own; and that nothing goes wrong where there is none."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from narrate.systemd import Notifier, Pulse

pytestmark = pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="no sockets of UNIX")


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.settimeout(5)
        receiver.bind(str(tmp_path / "notify"))
        yield receiver


def notifier(systemd: socket.socket, **variables: str) -> Notifier:
    return Notifier.from_environment({"NOTIFY_SOCKET": systemd.getsockname(), **variables})


def waiting(systemd: socket.socket) -> list[bytes]:
    """What has come until now."""
    found = []
    systemd.setblocking(False)
    with suppress(BlockingIOError):
        while True:
            found.append(systemd.recv(4096))
    systemd.settimeout(5)
    return found


def test_systemd_is_told(systemd: socket.socket) -> None:
    tell = notifier(systemd)
    assert tell
    assert all([tell.ready(), tell.status("Emma: 3 of 12 chapters"), tell.watchdog(), tell.stopping()])
    assert waiting(systemd) == [b"READY=1", b"STATUS=Emma: 3 of 12 chapters", b"WATCHDOG=1", b"STOPPING=1"]


def test_a_title_cannot_say_more_than_a_status(systemd: socket.socket) -> None:
    notifier(systemd).status("Emma\nREADY=1\nMAINPID=1 \udcff")
    (message,) = waiting(systemd)
    assert b"\n" not in message
    assert message.startswith(b"STATUS=Emma READY=1 MAINPID=1")


@pytest.mark.skipif(not Path("/proc/net/unix").exists(), reason="only Linux has abstract sockets")
def test_an_abstract_socket_is_found() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.settimeout(5)
        receiver.bind(f"\0narrate-test-{os.getpid()}")
        assert Notifier(f"@narrate-test-{os.getpid()}").ready()
        assert receiver.recv(100) == b"READY=1"


@pytest.mark.parametrize("address", ["", "relative", "vsock:2:1234", "/there/is/none", "/" + "x" * 300, "/\0", "@"])
def test_where_there_is_nobody_nothing_happens(address: str) -> None:
    tell = Notifier.from_environment({"NOTIFY_SOCKET": address})
    assert not any([tell.ready(), tell.status("x"), tell.watchdog(), tell.stopping()])
    assert not Notifier.from_environment({})
    assert Notifier.from_environment({"WATCHDOG_USEC": "1000"}).watchdog_s is None


def test_systemd_that_went_away_is_no_trouble(systemd: socket.socket, tmp_path: Path) -> None:
    tell = notifier(systemd)
    systemd.close()
    assert not tell.ready()
    (tmp_path / "notify").unlink()
    assert not tell.ready()


@pytest.mark.parametrize(
    ("variables", "seconds"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "30000000"}, 15.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid())}, 15.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "me"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "-5"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({"WATCHDOG_USEC": "²"}, None),
    ],
)
def test_the_watchdog_wants_to_hear_twice_as_often_as_it_must(
    systemd: socket.socket, variables: dict[str, str], seconds: float | None
) -> None:
    assert notifier(systemd, **variables).watchdog_s == seconds


def test_the_watchdog_hears_from_us_as_long_as_we_get_on(systemd: socket.socket) -> None:
    tell = notifier(systemd, WATCHDOG_USEC="4000")
    alive, asked = threading.Event(), threading.Semaphore(0)
    alive.set()

    def well() -> bool:
        asked.release()
        return alive.is_set()

    with tell.watch(well):
        assert [systemd.recv(100) for _ in range(3)] == 3 * [b"WATCHDOG=1"]
        alive.clear()
        asked.acquire(timeout=5)
        while asked.acquire(blocking=False):
            pass
        for _ in range(2):  # the first may have been asked before it was cleared
            assert asked.acquire(timeout=5)
        waiting(systemd)
        for _ in range(3):
            assert asked.acquire(timeout=5)
        assert waiting(systemd) == []
        alive.set()
        assert systemd.recv(100) == b"WATCHDOG=1"
    assert "heart" not in {thread.name for thread in threading.enumerate()}


def test_what_cannot_say_whether_it_gets_on_does_not(systemd: socket.socket) -> None:
    asked = threading.Semaphore(0)

    def broken() -> bool:
        asked.release()
        raise RuntimeError("no idea")

    with notifier(systemd, WATCHDOG_USEC="4000").watch(broken):
        for _ in range(3):
            assert asked.acquire(timeout=5)
    assert waiting(systemd) == []


def test_without_a_watchdog_there_is_no_thread(systemd: socket.socket) -> None:
    with notifier(systemd).watch(lambda: True):
        assert "heart" not in {thread.name for thread in threading.enumerate()}


def test_a_pulse_lasts_for_its_patience() -> None:
    now = [0.0]
    pulse = Pulse(10, lambda: now[0])
    assert pulse()
    now[0] = 9.9
    assert pulse()
    now[0] = 10
    assert not pulse()
    pulse.beat()
    assert pulse()
