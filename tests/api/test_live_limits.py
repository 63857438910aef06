"""What the media process takes on is bounded: who comes too late is told how much there is already, and who takes
nothing or says nothing costs nobody else a picture."""

from __future__ import annotations

import base64
import re
import secrets
import select
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Self
from urllib.parse import urlsplit

import httpx
import pytest

from api.live import Most
from tests.api.live import WITHIN_S, Plane, Screen, looking, plane, screen, showing
from tests.api.test_live import CORNERS, MASK, media_of
from tests.api.watch_center import Asker, Json, WatchCenter, until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
WATCHING, EACH = 3, 2
LIMITS = {
    "SAFERWEHO_MEDIA_CONNECTIONS": str(WATCHING),
    "SAFERWEHO_MEDIA_CONNECTIONS_EACH": str(EACH),
    "SAFERWEHO_MASKED_MEGAPIXELS_PER_S": "1",  # 320 by 180 at 15 pictures a second: 0.9
}


@pytest.fixture(scope="module")
def limited(watch_center: WatchCenter, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plane]:
    with plane(watch_center, tmp_path_factory.mktemp("limited"), limits=LIMITS) as made:
        yield made


@pytest.fixture(autouse=True)
def _nobody_watches(limited: Plane) -> None:
    until(lambda: watchers(limited) == 0, WITHIN_S, what="those of the test before have left")


@pytest.fixture
def deputy(watch_center: WatchCenter) -> Asker:
    return watch_center.asker(watch_center.enrolled("watch_operator"))


def watchers(limited: Plane) -> int | None:
    report = limited.media.ready()
    return None if report is None else int(report["live"]["watchers"])


def full(shown: Screen) -> str:
    """What who was not let in is told."""
    assert shown.ends() == "media_full" and shown.closed == 4429
    assert not shown.parts, "no byte of a picture left"
    assert shown.end is not None and shown.end["accepted"]
    return str(shown.end["message"])


class Raw:
    """A connection that takes what it is made to take, and says nothing by itself. `room`: bytes."""

    def __init__(self, url: str, token: str = "", room: int = 0) -> None:
        address = urlsplit(url)
        self.socket = socket.socket()
        if room:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
        self.socket.settimeout(WITHIN_S)
        self.socket.connect((address.hostname, address.port))
        lines = [
            f"GET {address.path} HTTP/1.1",
            f"Host: {address.netloc}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            f"Sec-WebSocket-Key: {base64.b64encode(secrets.token_bytes(16)).decode()}",
            "Sec-WebSocket-Version: 13",
            *([f"Authorization: Bearer {token}"] if token else []),
        ]
        self.socket.sendall("\r\n".join([*lines, "", ""]).encode())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def told(self) -> str:
        """The code of why it got no picture, or `picture`."""
        came = b""
        while (found := re.search(rb'"type":"(picture)"|"code":"(\w+)"', came)) is None:
            data = self.socket.recv(65536)
            assert data, came
            came += data
        return (found[1] or found[2]).decode()

    def is_gone(self) -> bool:
        """Whether the other end has thrown the connection away: closing it would leave what waits to be taken."""
        poll = select.poll()
        poll.register(self.socket, 0)
        return any(events & select.POLLERR for _, events in poll.poll(0))

    def rest(self) -> int:
        """How much is taken still."""
        taken = 0
        try:
            while data := self.socket.recv(65536):
                taken += len(data)
        except ConnectionResetError:
            pass
        return taken


def test_one_person_watches_so_many_pictures_and_all_together_so_many(limited: Plane, deputy: Asker) -> None:
    center = limited.center
    other, third = center.as_role("watch_supervisor"), center.asker(center.enrolled("watch_operator"))
    view, another = limited.watching(deputy, "a"), limited.watching(third, "a")
    with showing(deputy, view), showing(third, another), ExitStack() as open_:
        first, second = (open_.enter_context(screen(limited.ticket(deputy, view))) for _ in range(EACH))
        first.shows()
        second.shows()
        with screen(limited.ticket(deputy, view)) as one_more:
            assert full(one_more) == "you watch 2 live pictures already, and one person may watch 2 at once"
        with looking(limited, other) as (_, shown):
            with screen(limited.ticket(third, another)) as one_more:
                assert full(one_more) == "3 live pictures are watched already, as many as are shown here at once"
            assert {first.watchers, shown.watchers} == {2}, "who was not let in is nobody who watches"
        until(lambda: watchers(limited) == EACH, WITHIN_S, what="somebody has left")
        with screen(limited.ticket(third, another)) as shown:
            shown.shows()
        assert (first.end, second.end) == (None, None)


def test_of_many_that_come_at_once_no_more_are_let_in_than_may(limited: Plane, deputy: Asker) -> None:
    view = limited.watching(deputy, "a")
    with showing(deputy, view), ExitStack() as open_:
        tickets = [limited.ticket(deputy, view) for _ in range(4 * EACH)]
        raws = [open_.enter_context(Raw(ticket["url"], ticket["token"])) for ticket in tickets]
        told = [raw.told() for raw in raws]
        assert sorted(told) == ["media_full"] * (len(raws) - EACH) + ["picture"] * EACH


def test_who_shows_no_ticket_makes_room_for_who_does(limited: Plane, deputy: Asker) -> None:
    view, url = limited.watching(deputy, "a"), f"{media_of(limited)}/live/{limited.feeds['a']}"

    def made_room() -> bool:
        """On a machine that needs more than five seconds to hear of them all, none has to."""
        with ExitStack() as open_:
            silent = [open_.enter_context(Raw(url)) for _ in range(Most().silent + 6)]
            with screen(limited.ticket(deputy, view)) as shown:
                shown.shows()
            told = [raw.told() for raw in silent]
        assert set(told) <= {"media_full", "token_missing"}
        return "media_full" in told

    with showing(deputy, view):
        until(made_room, WITHIN_S, what="who was silent longest makes room")


@pytest.mark.parametrize("said", [b"", b"GET /live/camera-x HTTP/1.1\r\nHost: "])
def test_who_asks_nothing_is_let_go(limited: Plane, said: bytes) -> None:
    address = urlsplit(media_of(limited))
    assert address.hostname and address.port
    with socket.create_connection((address.hostname, address.port), WITHIN_S) as silent:
        silent.sendall(said)
        assert silent.recv(1) == b""


def test_who_takes_nothing_is_cut_off_and_gets_nothing_of_it_later(limited: Plane, deputy: Asker) -> None:
    other = limited.center.as_role("watch_supervisor")
    view = limited.watching(deputy, "a")
    with showing(deputy, view), looking(limited, other) as (_, shown):
        ticket = limited.ticket(deputy, view)
        with Raw(ticket["url"], ticket["token"], room=4096) as slow:
            assert slow.told() == "picture"
            shown.shows(5)
            until(slow.is_gone, WITHIN_S, what="it is cut off")
            assert slow.rest() < 64 * 1024, "what waited for it went with the connection"
        until(lambda: watchers(limited) == 1, WITHIN_S, what="it is nobody who watches")
        assert 'saferweho_media_ended_total{code="too_slow"} 1.0' in metrics(limited)
        shown.shows(5)
        assert shown.end is None
        with screen(limited.ticket(deputy, view)) as again:  # the view goes on: the page comes back by itself
            again.shows()


def metrics(limited: Plane) -> str:
    return httpx.get(f"http://127.0.0.1:{limited.media.health_port}/metrics", timeout=10).text


@pytest.fixture
def masked(limited: Plane) -> Iterator[None]:
    """Both cameras."""
    admin = limited.center.as_role("administrator")
    corners: list[list[Json]] = [[{"x": x, "y": y} for x, y in CORNERS]]
    for outlines in (corners, []):
        for feed in limited.feeds.values():
            admin.accepted(MASK, camera=feed.removeprefix("camera-"), corners=outlines)
        if outlines:
            yield


def test_a_masked_picture_beyond_what_the_machine_can_is_refused_in_so_many_words(
    limited: Plane, deputy: Asker, masked: None
) -> None:
    other = limited.center.as_role("watch_supervisor")
    beyond = limited.watching(deputy, "b")
    with looking(limited, deputy, "a") as (_, shown):
        with looking(limited, other, "a"):  # of the same picture any number watch
            with showing(deputy, beyond), screen(limited.ticket(deputy, beyond)) as one_more:
                assert full(one_more).startswith(
                    "1 masked picture is already being made; this machine's limit is 1 million pixels a second,"
                    " of which 0 are free and this one needs "
                )
            shown.shows(3)
        assert shown.end is None and [said["masked"] for said in shown.said if said["type"] == "picture"] == [True]
    with showing(deputy, beyond):

        def is_shown() -> bool:
            with screen(limited.ticket(deputy, beyond)) as now:
                until(lambda: now.parts or now.closed, WITHIN_S)
                return bool(now.parts)

        until(is_shown, WITHIN_S, what="there is room when nobody watches the other")
