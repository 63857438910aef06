"""The recorder offers its pictures to who shows them; who listens slowly costs the recording nothing."""

from __future__ import annotations

import os
import socket
import stat
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from time import monotonic

from adapters.recorder.tap import Tap, Taps
from adapters.video import wire
from adapters.video.coded import CodecParameters, CodedPicture, Item
from adapters.video.tapped import AWAY, TappedFeeds
from infra.stack.processes import wait_until
from tests.adapters.video.film import film

WITHIN_S = 60.0
FEED = "camera-north"


def until(condition: object, *args: object) -> None:
    assert wait_until(condition, WITHIN_S, every=0.02), args  # type: ignore[arg-type]


@contextmanager
def offering(path: Path) -> Iterator[Taps]:
    taps, stop = Taps(path), threading.Event()
    thread = threading.Thread(target=taps.run, args=(stop,))
    thread.start()
    try:
        until(lambda: taps.fault is None, taps.fault)
        yield taps
    finally:
        stop.set()
        thread.join(WITHIN_S)
        assert not thread.is_alive()


def sends(tap: Tap, *items: Item) -> None:
    for item in items:
        if isinstance(item, CodecParameters):
            tap.begins(item)
        else:
            at_us = round(item.at.timestamp() * 1e6)
            tap.take(wire.Head(item.pts, item.dts, item.key, at_us), item.data)


def test_who_listens_gets_the_parameters_the_current_group_and_then_what_comes(tmp_path: Path) -> None:
    parameters, pictures = film(40)
    with offering(tmp_path / wire.SOCKET) as taps:
        sends(taps.of(FEED), parameters, *pictures[:20])
        feeds = TappedFeeds(taps.path)
        got: list[Item | None] = []
        leave = feeds.source(FEED).follow(got.append)
        until(lambda: len(got) == 6, got)
        assert got == [parameters, *pictures[15:20]]
        assert feeds.source(FEED).fault is None
        sends(taps.of(FEED), *pictures[20:])
        until(lambda: len(got) == 26)
        assert got[6:] == list(pictures[20:])
        late: list[Item | None] = []
        leave_too = feeds.source(FEED).follow(late.append)
        assert late == [parameters, *pictures[30:]], (
            "a second one has the current group at once, of the same connection"
        )
        leave()
        leave_too()


def test_a_camera_that_goes_is_said_and_begins_anew(tmp_path: Path) -> None:
    parameters, pictures = film(20)
    with offering(tmp_path / wire.SOCKET) as taps:
        tap = taps.of(FEED)
        source = TappedFeeds(taps.path).source(FEED)
        got: list[Item | None] = []
        leave = source.follow(got.append)
        until(lambda: tap._listeners)
        until(lambda: source.fault == "the camera is not connected yet", source.fault)
        sends(tap, parameters, *pictures)
        until(lambda: len(got) == 21)
        tap.ends("the camera sent nothing for 10 s")
        until(lambda: source.fault == "the camera sent nothing for 10 s")
        assert source.parameters is None
        again: list[Item | None] = []
        leave_too = source.follow(again.append)
        assert again == [], "nothing of before the outage"
        sends(tap, parameters, *pictures[:5])
        until(lambda: len(got) == 27 and len(again) == 6)
        assert again == [parameters, *pictures[:5]]
        leave()
        leave_too()


def test_a_recorder_that_is_started_again_is_found_again(tmp_path: Path) -> None:
    parameters, pictures = film(20)
    feeds = TappedFeeds(tmp_path / wire.SOCKET)
    source, got = feeds.source(FEED), []  # type: ignore[var-annotated]
    leave = source.follow(got.append)
    until(lambda: source.fault == AWAY)
    for _ in range(2):
        got.clear()
        with offering(tmp_path / wire.SOCKET) as taps:
            sends(taps.of(FEED), parameters, *pictures)
            until(lambda: len(got) >= 6)
            assert got[0] == parameters
        until(lambda: source.fault == AWAY)
    leave()


def test_a_listener_that_is_slow_loses_its_connection_and_holds_nobody_up(tmp_path: Path) -> None:
    parameters, (first, *_) = film(2)
    with offering(tmp_path / wire.SOCKET) as taps:
        tap = Tap(FEED, most_waiting=4 << 20)
        taps._taps[FEED] = tap
        sends(tap, parameters, first)
        with wire.connected(taps.path) as slow:
            slow.sendall(b'{"feed":"camera-north"}\n')
            until(lambda: tap._listeners)
            got: list[Item | None] = []
            leave = TappedFeeds(taps.path).source(FEED).follow(got.append)
            until(lambda: len(got) == 2)
            began = monotonic()
            big = CodedPicture(bytes(1 << 20), 0, 0, False, first.at)
            for count in range(64):
                sends(tap, big)
                until(lambda count=count: len(got) == 3 + count)
            assert monotonic() - began < WITHIN_S
            until(lambda: len(tap._listeners) == 1, "the slow one is gone")
            leave()


def test_the_socket_is_for_its_owner_alone(tmp_path: Path) -> None:
    with offering(tmp_path / wire.SOCKET) as taps:
        assert stat.S_IMODE(taps.path.stat().st_mode) == 0o600
        if os.geteuid() == 0:  # then somebody else can be played: the file's mode is theirs to pass, and still
            tmp_path.chmod(0o755)
            taps.path.chmod(0o666)
            ask = "import socket,sys; s=socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]);"
            ask += 's.sendall(b\'{"feed":"camera-north"}\\n\'); s.settimeout(30); sys.exit(3 if s.recv(1) else 0)'
            argv = ["setpriv", "--reuid=65534", "--clear-groups", "/usr/bin/python3", "-I", "-c", ask, wire.SOCKET]
            asked = subprocess.run(argv, check=False, cwd=tmp_path)
            assert asked.returncode in (0, 1), "nothing is sent to another user"


def test_who_asks_for_nonsense_gets_nothing(tmp_path: Path) -> None:
    with offering(tmp_path / wire.SOCKET) as taps:
        for line in (b"\n", b"GET / HTTP/1.1\r\n\r\n", b'{"feed": 7}\n', b"x" * 600):
            with wire.connected(taps.path) as asking:
                asking.settimeout(30)
                asking.sendall(line)
                asking.shutdown(socket.SHUT_WR)
                with suppress(ConnectionResetError):
                    assert asking.recv(1) == b""
        source = TappedFeeds(taps.path).source("camera-nowhere")
        leave = source.follow(lambda _: None)
        until(lambda: source.fault in ("the recorder has no such camera", AWAY))
        leave()


def test_a_path_longer_than_an_address_may_be_is_reached_all_the_same(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 100)
    deep.mkdir()
    parameters, pictures = film(5)
    with offering(deep / wire.SOCKET) as taps:
        sends(taps.of(FEED), parameters, *pictures)
        got: list[Item | None] = []
        leave = TappedFeeds(taps.path).source(FEED).follow(got.append)
        until(lambda: len(got) == 6)
        leave()


def test_what_lies_where_the_socket_would_be_stays_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / wire.SOCKET
    path.write_text("somebody's file")
    taps, stop = Taps(path), threading.Event()
    thread = threading.Thread(target=taps.run, args=(stop,))
    thread.start()
    until(lambda: taps.fault is not None and "no socket" in taps.fault, taps.fault)
    stop.set()
    thread.join(WITHIN_S)
    assert path.read_text() == "somebody's file"
