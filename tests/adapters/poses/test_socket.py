"""Poses over a real socket, from a gateway's loop to another process's threads."""

from __future__ import annotations

import asyncio
import socket
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from adapters.poses import publishing
from adapters.poses.lines import Moment, Tick, Zones, connected, decode
from adapters.poses.listening import Poses
from adapters.poses.publishing import PosesServer
from application.poses import IN_A_ZONE, ZONES_UNKNOWN, Track
from application.zones import KnownZone
from domain.kernel import FeedId, StreamId
from infra.stack.processes import wait_until
from tests.application.test_poses import FLIGHT, pose, yard

FEED = FeedId(StreamId("flight-f1"))
WITHIN_S = 30.0


class Gateway:
    """What it knows, and its loop in a thread of its own."""

    def __init__(self, path: Path) -> None:
        self.zones: tuple[KnownZone, ...] | None = (yard(),)
        self.aloft = {"skylark-1": FLIGHT}
        self.server = PosesServer(path, lambda: self.zones, lambda: self.aloft)
        self.north = 0.0
        self._going = threading.Event()

    @contextmanager
    def running(self) -> Iterator[None]:
        self._going.set()
        thread = threading.Thread(target=asyncio.run, args=(self._run(),))
        thread.start()
        try:
            yield
        finally:
            self._going.clear()
            thread.join()

    async def _run(self) -> None:
        serving = asyncio.create_task(self.server.run())
        while self._going.is_set():
            for drone, flight in self.aloft.items():
                self.server.pose(drone, flight, pose(datetime.now(UTC), self.north))
            await asyncio.sleep(0.05)
        serving.cancel()


@contextmanager
def listening(path: Path) -> Iterator[Poses]:
    poses = Poses(path)
    poses.start()
    try:
        yield poses
    finally:
        poses.stop()


def becomes(track: Track, expected: str | None) -> bool:
    return bool(wait_until(lambda: track.may_keep(datetime.now(UTC)) == expected, WITHIN_S, every=0.02))


def test_what_the_gateway_says_is_known_elsewhere_and_forgotten_when_it_dies(tmp_path: Path) -> None:
    path = tmp_path / "gateway" / "poses.sock"
    gateway = Gateway(path)
    with listening(path) as poses:
        track = poses.track(FEED)
        assert track.may_keep(datetime.now(UTC)) == ZONES_UNKNOWN
        assert poses.fault and not poses.aloft()
        with gateway.running():
            assert becomes(track, IN_A_ZONE)
            assert poses.aloft() == {"skylark-1": FLIGHT} and poses.fault is None
            gateway.north = 200.0
            assert becomes(track, None)
            assert track.view(datetime.now(UTC)) is not None
            gateway.zones = (yard(), KnownZone("all over", yard().shape))
            gateway.north = 0.0
            assert becomes(track, IN_A_ZONE)
            gateway.zones = ()
            assert becomes(track, None)
            gateway.zones = None
            assert becomes(track, ZONES_UNKNOWN)
            gateway.zones = ()
            assert becomes(track, None)
        assert becomes(track, ZONES_UNKNOWN), "it is away: nobody says where the zones are"
        assert wait_until(lambda: not poses.aloft(), WITHIN_S)
        with Gateway(path).running():
            assert becomes(track, IN_A_ZONE), "it came back, where the one before had left its socket"


def test_a_gateway_that_says_nothing_more_is_away(tmp_path: Path) -> None:
    """Its connection stays: a process that was stopped keeps it."""
    path = tmp_path / "poses.sock"
    gateway = Gateway(path)
    with listening(path) as poses, gateway.running():
        track = poses.track(FEED)
        assert becomes(track, IN_A_ZONE)
        blocked = threading.Event()
        gateway.server._zones = lambda: blocked.wait(60) and None  # type: ignore[assignment, return-value]
        assert becomes(track, ZONES_UNKNOWN)
        blocked.set()


def test_only_its_owner_can_listen_and_a_home_may_be_deep(tmp_path: Path) -> None:
    path = tmp_path / ("d" * 60) / ("e" * 60) / "poses.sock"
    gateway = Gateway(path)
    with gateway.running():
        assert wait_until(path.exists, WITHIN_S)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) & 0o077 == 0
        assert wait_until(lambda: _answers(path), WITHIN_S)


def _answers(path: Path) -> bool:
    try:
        with connected(path, 5.0) as line, line.makefile("rb") as lines:
            said = [decode(lines.readline()) for _ in range(8)]
    except OSError:
        return False
    assert isinstance(said[0], Zones) and isinstance(said[1], Tick)
    return any(isinstance(each, Moment) for each in said)


def test_who_takes_nothing_loses_the_connection_and_holds_nobody_up(tmp_path: Path) -> None:
    path = tmp_path / "poses.sock"
    gateway = Gateway(path)
    before, publishing.MOST_UNSENT = publishing.MOST_UNSENT, 10_000
    try:
        with gateway.running():
            assert wait_until(path.exists, WITHIN_S)
            lazy = connected(path, WITHIN_S)
            lazy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            assert wait_until(lambda: gateway.server._listeners, WITHIN_S)
            gateway.zones = tuple(KnownZone(f"{n}", yard().shape) for n in range(3_000))
            assert wait_until(lambda: not gateway.server._listeners, WITHIN_S)
            gateway.zones = (yard(),)
            with listening(path) as poses:
                assert becomes(poses.track(FEED), IN_A_ZONE)
            lazy.close()
    finally:
        publishing.MOST_UNSENT = before


def test_a_feed_that_is_no_flights_has_a_track_of_which_nothing_is_known(tmp_path: Path) -> None:
    poses = Poses(tmp_path / "poses.sock")
    for feed in ("camera-north", "flight-", "import-1"):
        track = poses.track(FeedId(StreamId(feed)))
        track.told(())
        assert track.may_show(datetime.now(UTC)) == ZONES_UNKNOWN
    assert poses.track(FEED) is poses.track(FEED)
    assert poses.track(FeedId(StreamId("flight-f2"))) is not poses.track(FEED)
