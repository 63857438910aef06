"""Footage played out of the vault over the real path: each byte that left is matched with a range on the record."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import av
import httpx
import numpy as np
import psycopg
import pytest
import uvicorn
from prometheus_client import REGISTRY
from starlette.applications import Starlette

from adapters.identity.picture_tokens import PictureTokens, Ticket
from adapters.poses.telemetry import with_telemetry
from adapters.vault import Closed
from adapters.video.playback import Reels
from api import playback
from api.playback import Players, Refusal
from api.processes import wiring
from api.processes.demonstration import Demonstration
from api.processes.media import playback_of
from api.settings import Settings
from application.cameras import Cameras
from application.handling import Accepted
from application.ports import Clock
from application.poses import Pose
from application.retention import Retention
from application.standing import service
from application.viewings import Viewings
from domain.camera import ChangeMask
from domain.footage import RecordFootage
from domain.kernel import CameraId, FeedId, PersonId, StreamId
from domain.privacy_override_events import Range
from infra.stack.processes import free_port, last_lines, spawn
from tests.adapters.event_store.proxy import Proxy
from tests.adapters.video.recorded import RATE, SINCE, cuts, noise, pictures, sealed
from tests.api.counting import CountingProxy, Exchange
from tests.api.looking import camera, grounds
from tests.api.test_leaving import WARRANT, asked, on_duty
from tests.api.test_looking import AUDIENCE, nodes
from tests.api.test_overrides import target, zone
from tests.api.watch_center import CAD_KEY, Asker, Json, WatchCenter, environment, settings_as, typed, until
from tests.application.test_poses import TENTH, pose

VIEW = "requestViewing(footage: $footage, grounds: $grounds, range: $range)"
PICTURE = """mutation($viewing: ID!, $override: ID) { footagePicture(viewing: $viewing, override: $override) {
  url token expiresAt until masked reason { code message } } }"""
SECONDS = 6
LEFT_HALF = ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0))


# -- the media process ---------------------------------------------------------


def media_settings(center: WatchCenter, **more: str) -> Settings:
    return settings_as("saferweho_media", {**center.environ, **more})


def media_key(center: WatchCenter) -> str:
    assert center.settings.media_key is not None
    return center.settings.media_key.get_secret_value()


@contextmanager
def playing(settings: Settings, port: int = 0, clock: Clock | None = None) -> Iterator[int]:
    """`/hls` of the media process, in a thread of this one; its port."""
    port = port or free_port()
    with wiring.handler(settings) as handler, wiring.vault(settings) as vault:
        handler.clock = clock or handler.clock
        tokens = PictureTokens(settings.media_key.get_secret_value()) if settings.media_key else None
        assert tokens is not None
        app = Starlette(routes=playback_of(handler, vault, tokens).routes())
        config = uvicorn.Config(app, port=port, log_config=None, access_log=False, timeout_graceful_shutdown=3)
        server = uvicorn.Server(config)
        running = threading.Thread(target=lambda: asyncio.run(server.serve()), daemon=True)
        running.start()
        until(lambda: server.started, what="media listens")
        try:
            yield port
        finally:
            server.should_exit = True
            running.join(60)


@pytest.fixture(scope="module")
def media(watch_center: WatchCenter) -> Iterator[int]:
    settings = media_settings(watch_center)
    with playing(settings, settings.media_port) as port:
        yield port


@pytest.fixture
def proxy(media: int) -> Iterator[CountingProxy]:
    with CountingProxy(media) as found:
        yield found


# -- footage -------------------------------------------------------------------


@dataclass
class Footage:
    feed: str
    closed: Closed

    @property
    def id(self) -> str:
        return str(self.closed.name.footage)

    @property
    def range(self) -> Range:
        return Range(self.closed.manifest.since, self.closed.manifest.until)


def recorded(center: WatchCenter, feed: str, films: list[Any]) -> Footage:
    """Sealed in the vault, and on the record, as the recorder does."""
    settings = settings_as("saferweho_recorder", center.environ)
    with wiring.vault(settings, writer="recorder") as vault, wiring.handler(settings, checked=False) as handler:
        closed = sealed(vault, FeedId(StreamId(feed)), films)
        whole = closed.manifest
        span = Range(whole.since, whole.until)
        command = RecordFootage(whole.feed, span, len(whole.entries), whole.size, closed.root, whole.key)
        told = Retention(handler).record(service("service-recorder"), whole.footage, command, uuid4())
        assert isinstance(told, Accepted), told
    return Footage(feed, closed)


@pytest.fixture(scope="module")
def films() -> list[Any]:
    return cuts(noise(1, SECONDS * RATE))


@pytest.fixture
def footage(watch_center: WatchCenter, films: list[Any]) -> Footage:
    return recorded(watch_center, camera(watch_center), films)


def masked(center: WatchCenter, feed: str, outlines: Any = (LEFT_HALF,)) -> None:
    with wiring.handler(center.settings) as handler:
        actor = on_duty(handler, "administrator")
        command = ChangeMask(CameraId(feed.partition("-")[2]), outlines, "a bedroom window", PersonId(actor.person))
        told = Cameras(handler).change(actor, command)
        assert isinstance(told, Accepted), told


def northward(at: datetime) -> Pose:
    return pose(at, 400.0)


# -- who looks -----------------------------------------------------------------


@dataclass
class Look:
    """Somebody's viewing, played through a proxy."""

    center: WatchCenter
    asker: Asker
    viewing: str
    proxy: CountingProxy
    token: str = ""
    more: dict[str, str] = field(default_factory=dict)

    def ticket(self, override: str | None = None) -> Json:
        told: Json = self.asker.ask(PICTURE, viewing=self.viewing, override=override)["footagePicture"]
        self.token = told["token"] or ""
        return told

    def get(self, name: str, token: str | None = None, **parameters: str) -> httpx.Response:
        shown = self.token if token is None else token
        headers = {"connection": "close", **({"authorization": f"Bearer {shown}"} if shown else {})}
        address = f"http://127.0.0.1:{self.proxy.port}/hls/{self.viewing}/{name}"
        return httpx.get(address, headers=headers, params=parameters, timeout=120)

    def names(self, **parameters: str) -> list[str]:
        told = self.get("index.m3u8", **parameters)
        assert told.status_code == 200, told.text
        assert told.headers["content-type"].startswith("application/vnd.apple.mpegurl")
        return re.findall(r"^(\S+\.m4s)$", told.text, re.M)

    def init(self) -> bytes:
        (name,) = re.findall(r'URI="(\S+)"', self.get("index.m3u8").text)
        told = self.get(name)
        assert told.status_code == 200, told.text
        return told.content

    def events(self, kind: str) -> list[Json]:
        return [e["data"] for e in self.center.events(f"viewing-{self.viewing}") if e["type"].endswith(f".{kind}.v1")]

    @property
    def served_bytes(self) -> int:
        return sum(event["size_bytes"] for event in self.events("segments_served"))

    def settled(self) -> None:
        """What was reserved is accounted for."""
        until(lambda: len(self.events("segments_served")) == len(self.events("segments_reserved")), what="accounted")

    def close(self) -> Json:
        self.asker.accepted("closeViewing(viewing: $viewing)", viewing=self.viewing)
        (end,) = self.events("viewing_ended")
        return end


def looking(
    center: WatchCenter, proxy: CountingProxy, footage: Footage, asker: Asker | None = None, within: Range | None = None
) -> Look:
    asker = asker or center.asker(center.enrolled("watch_operator"))
    span = asked(within or footage.range)
    told = asker.accepted(VIEW, footage=footage.id, grounds=grounds(center), range=span)
    look = Look(center, asker, str(told["id"]), proxy)
    look.ticket()
    return look


def override_asked(center: WatchCenter, asker: Asker, footage: Footage, span: Range, **more: object) -> str:
    where = {"since": span.since.isoformat(), "until": span.until.isoformat(), **more}
    told = asker.accepted(
        "requestOverride(input: $target, legalBasis: $basis, reason: $text)",
        target=target(center, f"footage-{footage.id}", **where),
        basis=WARRANT,
        text="the face of the man with the knife",
    )
    return str(told["id"])


def approved(center: WatchCenter, override: str) -> None:
    sergeant = center.as_role("watch_supervisor", step_up=True)
    sergeant.accepted("approveOverride(override: $override)", override=override)


def lifted(center: WatchCenter, asker: Asker, footage: Footage, span: Range, **more: object) -> str:
    """An override of this footage, asked for and approved."""
    override = override_asked(center, asker, footage, span, **more)
    approved(center, override)
    return override


def code(told: httpx.Response, status: int) -> str:
    assert told.status_code == status, (told.status_code, told.text)
    said = told.json()
    assert set(said) == {"code", "message", "rule", "field", "accepted"} and said["message"]
    return str(said["code"])


def seconds(*ranges: Json) -> float:
    moments = [(datetime.fromisoformat(r["since"]), datetime.fromisoformat(r["until"])) for r in ranges]
    return sum((until - since).total_seconds() for since, until in moments)


# -- played --------------------------------------------------------------------


@pytest.mark.rule("view.reserved_first")
def test_what_was_recorded_plays_and_each_byte_that_left_is_on_the_record(
    watch_center: WatchCenter, proxy: CountingProxy, footage: Footage
) -> None:
    look = looking(watch_center, proxy, footage)
    names = look.names()
    assert len(names) == len(footage.closed.manifest.entries) == SECONDS // 2
    assert look.events("segments_reserved") == [], "a list is no picture"
    film = look.init()
    assert look.events("segments_reserved") == [], "nor is what a player needs first"
    for number, name in enumerate(names, start=1):
        told = look.get(name)
        assert told.status_code == 200 and told.headers["x-footage-masked"] == "true"
        film += told.content
        assert len(look.events("segments_reserved")) == number, "reserved before, and no more than is sent"
    shown = pictures(film)
    assert len(shown) == SECONDS * RATE
    assert [f.pts for f in shown] == sorted({f.pts for f in shown})
    look.settled()
    reserved, served = look.events("segments_reserved"), look.events("segments_served")
    assert [e["ranges"] for e in served] == [[e["range"]] for e in reserved]
    assert seconds(*(e["range"] for e in reserved)) == pytest.approx(SECONDS, abs=0.05)
    assert look.served_bytes == proxy.pictures > 0
    order = [e["type"].split(".")[-2] for e in watch_center.events(f"viewing-{look.viewing}")][2:]
    assert order == ["segments_reserved", "segments_served"] * len(names)
    (granted,) = look.events("viewing_granted")
    assert datetime.fromisoformat(look.ticket()["until"]) == datetime.fromisoformat(granted["until"])
    end = look.close()
    assert (end["unclosed"], end["size_bytes"]) == (0, proxy.pictures)
    assert end["seen_s"] == pytest.approx(SECONDS, abs=0.05)


def test_a_player_of_its_own_plays_it_over_a_gap(watch_center: WatchCenter, media: int, proxy: CountingProxy) -> None:
    """FFmpeg's: it reads the list, the heads and the segments by RFC 8216, and not by us."""
    since = SINCE + timedelta(hours=1)
    films = [*cuts(noise(5, 4 * RATE), since), *cuts(noise(6, 4 * RATE), since + timedelta(seconds=20))]
    look = looking(watch_center, proxy, recorded(watch_center, camera(watch_center), films))
    told = look.get("index.m3u8").text
    assert told.count("#EXT-X-DISCONTINUITY\n") == 1 and told.count("#EXT-X-MAP:") == 2
    address = f"http://127.0.0.1:{media}/hls/{look.viewing}/index.m3u8"
    with av.open(address, options={"headers": f"Authorization: Bearer {look.token}\r\n"}, timeout=60) as player:
        shown = sum(1 for _ in player.decode(video=0))
    assert shown == 8 * RATE
    look.settled()
    assert seconds(*(e["range"] for e in look.events("segments_reserved"))) == pytest.approx(8, abs=0.1)


def test_a_stretch_is_asked_for_by_time_and_what_is_beyond_was_not_granted(
    watch_center: WatchCenter, proxy: CountingProxy, footage: Footage
) -> None:
    first, second, third = footage.closed.manifest.entries
    whole = looking(watch_center, proxy, footage)
    assert len(whole.names(since=second.since.isoformat())) == 2
    assert whole.names(since=second.since.isoformat(), until=second.until.isoformat()) == [whole.names()[1]]
    # Of a stretch that begins and ends within segments only what lies within it from end to end.
    granted = Range(first.since + timedelta(seconds=1), third.until)
    look = looking(watch_center, proxy, footage, within=granted)
    names = look.names()
    assert names == whole.names()[1:]
    beyond = f"{first.since:%Y%m%dT%H%M%S.%f}Z"
    assert code(look.get(f"{beyond}.m4s"), 416) == "range_not_granted"
    assert code(look.get(f"init-{beyond}.mp4"), 416) == "range_not_granted"
    assert code(look.get("still", at=first.since.isoformat()), 416) == "range_not_granted"
    inside = first.since + timedelta(seconds=1.5)
    assert code(look.get("still", at=inside.isoformat()), 404) == "not_found"
    assert code(look.get(f"{inside:%Y%m%dT%H%M%S.%f}Z.m4s"), 404) == "not_found"
    for query in ({"since": first.since.isoformat()}, {"until": (third.until + timedelta(seconds=1)).isoformat()}):
        assert code(look.get("index.m3u8", **query), 416) == "range_not_granted"
    assert code(look.get("index.m3u8", since="yesterday"), 400) == "invalid_value"
    assert code(look.get("still"), 400) == "invalid_value"
    short = Range(first.since + timedelta(seconds=1), first.since + timedelta(seconds=2))
    assert code(looking(watch_center, proxy, footage, within=short).get("index.m3u8"), 404) == "not_found"
    assert look.events("segments_reserved") == [] and proxy.pictures == 0


@pytest.mark.parametrize(
    "name",
    ["..%2f..%2f..%2fetc%2fpasswd", "../../../../etc/passwd", "%2e%2e/%2e%2e/key-encryption-keys", "manifest.jsonl",
     "20260601T120000.000000Z.m4s%00", "init-.mp4", ".m4s", "20260601T120000.m4s"],
)  # fmt: skip
def test_nothing_is_found_by_a_path(
    watch_center: WatchCenter, proxy: CountingProxy, footage: Footage, name: str
) -> None:
    look = looking(watch_center, proxy, footage)
    request = httpx.Request("GET", f"http://127.0.0.1:{proxy.port}/", headers={"authorization": f"Bearer {look.token}"})
    request.headers["connection"] = "close"
    request.url = request.url.copy_with(raw_path=f"/hls/{look.viewing}/{name}".encode())
    with httpx.Client() as client:
        assert client.send(request).status_code == 404
    assert proxy.pictures == 0 and look.events("segments_reserved") == []


def test_a_still_is_a_view(watch_center: WatchCenter, proxy: CountingProxy, footage: Footage) -> None:
    look = looking(watch_center, proxy, footage)
    told = look.get("still", at=(footage.range.since + timedelta(seconds=3)).isoformat())
    assert told.status_code == 200 and told.headers["content-type"] == "image/jpeg"
    (picture,) = pictures(told.content)
    assert (picture.width, picture.height) == (320, 180)
    look.settled()
    (reserved,), (served,) = look.events("segments_reserved"), look.events("segments_served")
    assert served["ranges"] == [reserved["range"]] and 0 < seconds(reserved["range"]) <= 0.2
    assert look.served_bytes == proxy.pictures == len(told.content)
    beside = look.get("telemetry", at=footage.range.since.isoformat())
    assert (beside.status_code, beside.json()) == (200, []), "a fixed camera is where it is"
    assert look.close()["seen_s"] > 0


def test_a_still_counts_as_seen_when_its_picture_was_taken_however_few_a_camera_sends(
    watch_center: WatchCenter, proxy: CountingProxy
) -> None:
    """A picture every 1.2 seconds: what is shown at a moment is of a second before, and on the record as of then."""
    frames = noise(8, 5)
    for number, frame in enumerate(frames):
        frame.pts = 30 * number
    footage = recorded(watch_center, camera(watch_center), cuts(frames, SINCE + timedelta(hours=3), g="2"))
    since, deputy = footage.range.since, watch_center.as_role("watch_operator", step_up=True)
    look, at = looking(watch_center, proxy, footage, deputy), (since + timedelta(seconds=1)).isoformat()
    assert look.get("still", at=at).status_code == 200
    look.settled()
    (reserved,), (served,) = look.events("segments_reserved"), look.events("segments_served")
    assert served["ranges"] == [reserved["range"]]
    assert datetime.fromisoformat(reserved["range"]["since"]) == since
    override = lifted(watch_center, deputy, footage, Range(since + timedelta(seconds=0.5), footage.range.until))
    look.ticket(override)
    assert code(look.get("still", at=at), 409) in ("override_not_in_effect", "wrong_state"), "taken before its range"
    assert look.served_bytes == proxy.pictures


# -- who may -------------------------------------------------------------------


def test_only_the_ticket_of_this_viewing_by_its_person_opens_it(
    watch_center: WatchCenter, proxy: CountingProxy, footage: Footage
) -> None:
    look, other = looking(watch_center, proxy, footage), looking(watch_center, proxy, footage)
    name = look.names()[0]
    assert code(look.get(name, token=""), 401) == "token_missing"
    head, body, signature = look.token.split(".")
    forged = f"{head}.{body}.{signature[:-2]}{'AA' if signature[-2:] != 'AA' else 'BB'}"
    assert code(look.get(name, token=forged), 401) == "token_forged"
    assert code(look.get(name, token=f"{head}.{other.token.split('.')[1]}.{signature}"), 401) == "token_forged"
    assert code(look.get(name, token=watch_center.token(look.asker.person)), 401) == "token_forged"
    assert code(look.get(name, token=other.token), 403) == "token_of_another_viewing"
    told = other.asker.ask(PICTURE, viewing=look.viewing)["footagePicture"]
    assert told["token"] is None and told["reason"]["code"] == "not_your_viewing"
    # Made with the right key for the wrong person, or the right person's other sign-on: the store knows better.
    tokens = PictureTokens(media_key(watch_center))
    with wiring.handler(watch_center.settings) as handler:
        session = on_duty(handler, "watch_operator").session
    for person in (other.asker.person, look.asker.person):
        ticket, _ = tokens.issue(
            use="playback", person=person, session=session, subject=look.viewing, feed="", lifetime=timedelta(minutes=1)
        )
        assert code(look.get(name, token=ticket), 403) == "not_your_viewing"
    assert attempts_of(watch_center, session) == [(f"viewing-{look.viewing}", "not_your_viewing")]
    live, _ = tokens.issue(
        use="live", person=look.asker.person, session=session, subject=look.viewing, feed="", lifetime=timedelta(1)
    )
    assert code(look.get(name, token=live), 401) == "token_other_use"
    old, _ = PictureTokens(media_key(watch_center), now=lambda: datetime.now(UTC) - timedelta(hours=1)).issue(
        use="playback",
        person=look.asker.person,
        session=session,
        subject=look.viewing,
        feed="",
        lifetime=timedelta(1, -86399),
    )
    assert code(look.get(name, token=old), 401) == "token_expired"
    assert proxy.pictures == 0 and look.events("segments_reserved") == []


@pytest.mark.rule("view.grant_first")
def test_a_genuine_ticket_that_opens_nothing_is_on_the_record_of_its_sign_on(
    watch_center: WatchCenter, proxy: CountingProxy, footage: Footage
) -> None:
    first, _, third = footage.closed.manifest.entries
    look = looking(watch_center, proxy, footage, within=Range(first.until, third.until))
    other = looking(watch_center, proxy, footage)
    name = look.names()[0]
    mine, theirs = session_of(look.asker), session_of(other.asker)

    def ticket(ago_s: float = 0, **changed: Any) -> str:
        tokens = PictureTokens(media_key(watch_center), now=lambda: datetime.now(UTC) - timedelta(seconds=ago_s))
        lifetime = timedelta(minutes=5)
        claims: dict[str, Any] = {
            "use": "playback",
            "person": look.asker.person,
            "session": mine,
            "feed": "",
            **changed,
        }
        token, _ = tokens.issue(subject=look.viewing, lifetime=lifetime, **claims)
        return token

    assert attempts_of(watch_center, mine) == []
    assert code(look.get(name, token=ticket(3600)), 401) == "token_expired"
    assert code(look.get(name, token=ticket(use="live")), 401) == "token_other_use"
    beyond = first.since.isoformat()
    assert code(look.get("still", at=beyond), 416) == "range_not_granted"
    look.close()
    assert code(look.get(name), 409) == "viewing_ended"
    told = ["token_expired", "token_other_use", "range_not_granted", "viewing_ended"]
    assert attempts_of(watch_center, mine) == [(f"viewing-{look.viewing}", code) for code in told]
    # Another person's ticket to it, and that person's ticket to another viewing.
    stranger = ticket(person=other.asker.person, session=theirs)
    assert code(other.get(name, token=stranger), 409) == "viewing_ended"
    open_ = looking(watch_center, proxy, footage)
    assert code(open_.get(open_.names()[0], token=other.token), 403) == "token_of_another_viewing"
    assert attempts_of(watch_center, theirs) == [
        (f"viewing-{look.viewing}", "viewing_ended"),
        (f"viewing-{other.viewing}", "token_of_another_viewing"),
    ]
    assert proxy.pictures == 0


def test_what_a_forged_ticket_says_is_not_written_down_and_it_is_counted(
    watch_center: WatchCenter, proxy: CountingProxy, footage: Footage
) -> None:
    look = looking(watch_center, proxy, footage)
    stranger = PictureTokens("another secret, as long as that of the installation")
    forged, _ = stranger.issue(
        use="playback",
        person=look.asker.person,
        session=session_of(look.asker),
        subject=look.viewing,
        feed="",
        lifetime=timedelta(minutes=5),
    )
    name, before = look.names()[0], counted("token_forged")
    for _ in range(5):
        assert code(look.get(name, token=forged), 401) == "token_forged"
    assert counted("token_forged") == before + 5
    assert attempts_of(watch_center, session_of(look.asker)) == []


def session_of(asker: Asker) -> str:
    return str(asker.ask("{ viewer { sessionId } }")["viewer"]["sessionId"])


def attempts_of(center: WatchCenter, session: str) -> list[tuple[str, str]]:
    """What was refused in a session by the record: of which stream, and the code of why."""
    found = [e["data"] for e in center.events(f"session-{session}") if e["type"].endswith(".attempt_refused.v1")]
    return [(data["target"], data["reasons"][0]["code"]) for data in found]


def counted(code: str) -> float:
    return REGISTRY.get_sample_value("saferweho_media_refused_total", {"code": code}) or 0.0


def test_a_ticket_that_was_replaced_or_is_used_elsewhere_opens_nothing(
    watch_center: WatchCenter, proxy: CountingProxy, footage: Footage
) -> None:
    players = Players()
    look = looking(watch_center, proxy, footage)
    first, name = look.token, look.names()[0]
    look.ticket()
    assert look.get(name).status_code == 200
    assert code(look.get(name, token=first), 403) == "token_superseded"
    look.close()
    assert code(look.get(name), 409) == "viewing_ended", "replayed afterwards"
    read = PictureTokens(media_key(watch_center)).read(look.token, "playback")
    players.admitted(read, "198.51.100.1")
    with pytest.raises(Refusal) as told:
        players.admitted(read, "198.51.100.2")
    assert told.value.reason.code == "token_replayed"


def test_of_a_viewing_that_was_forgotten_no_older_ticket_counts() -> None:
    """Too many play for all of them to be remembered."""
    players, begun = Players(most=1), datetime.now(UTC)

    def ticket(viewing: str, second: int) -> Ticket:
        at = begun + timedelta(seconds=second)
        return Ticket("playback", "p", "s", viewing, "", None, f"{viewing}-{second}", at, at + timedelta(minutes=5))

    players.admitted(ticket("one", 2), "")
    players.admitted(ticket("other", 3), "")
    with pytest.raises(Refusal) as told:
        players.admitted(ticket("one", 1), "")
    assert (told.value.status, told.value.reason.code) == (401, "token_expired")
    players.admitted(ticket("one", 2), "")


@pytest.mark.rule("view.ends_with_access")
def test_who_is_suspended_gets_no_further_segment(
    watch_center: WatchCenter, proxy: CountingProxy, footage: Footage
) -> None:
    look = looking(watch_center, proxy, footage)
    names = look.names()
    assert look.get(names[0]).status_code == 200
    captain = watch_center.as_role("station_commander", step_up=True)
    captain.accepted("suspendPerson(personId: $person, reason: $text)", person=look.asker.person, text="left")
    left = proxy.pictures
    for name in names[1:]:
        assert look.get(name).status_code in (403, 409)
    assert proxy.pictures == left == look.served_bytes


# -- fail closed ---------------------------------------------------------------


@pytest.fixture(scope="module")
def large(watch_center: WatchCenter) -> Footage:
    """Segments of many megabytes: more than lies between two sockets."""
    films = cuts(noise(2, 2 * RATE, 640, 360), crf="0")
    assert len(films[0].content) > 10_000_000
    return recorded(watch_center, camera(watch_center), films)


def gone(exchange: Exchange) -> None:
    assert exchange.done.wait(60)


@pytest.mark.rule("view.reserved_first")
def test_of_a_segment_that_somebody_left_in_the_middle_what_left_is_on_the_record(
    watch_center: WatchCenter, media: int, large: Footage
) -> None:
    with CountingProxy(media, most=1_000_000) as proxy:
        look = looking(watch_center, proxy, large)
        (name,) = look.names()
        with pytest.raises(httpx.TransportError):
            look.get(name)
        gone(proxy.exchanges[-1])
        look.settled()
    (reserved,), (served,) = look.events("segments_reserved"), look.events("segments_served")
    whole = large.closed.manifest.size
    assert proxy.pictures <= served["size_bytes"] < whole - 1_000_000
    assert 0 < seconds(*served["ranges"]) < seconds(reserved["range"]) - 0.2
    end = look.close()
    assert end["unclosed"] == 0 and end["size_bytes"] == served["size_bytes"]


def test_one_segment_at_a_time_is_on_its_way(watch_center: WatchCenter, proxy: CountingProxy, footage: Footage) -> None:
    look = looking(watch_center, proxy, footage)
    with ThreadPoolExecutor(6) as several:
        told = list(several.map(look.get, look.names() * 2))
    assert {each.status_code for each in told} == {200}
    look.settled()
    kinds = [e["type"].split(".")[-2] for e in watch_center.events(f"viewing-{look.viewing}")][2:]
    assert kinds == ["segments_reserved", "segments_served"] * (len(kinds) // 2)
    assert look.served_bytes == proxy.pictures, "what was sent twice left twice"


def test_segments_that_are_slow_to_make_hold_up_nobody_who_asks_what_may_be_seen(
    watch_center: WatchCenter, proxy: CountingProxy, footage: Footage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More of them than an event loop has threads of its own (`ThreadPoolExecutor`)."""
    goes_on, making = threading.Event(), threading.Semaphore(0)
    sent = Reels.sent

    def slowly(*arguments: Any, **more: Any) -> Any:
        making.release()
        assert goes_on.wait(120)
        return sent(*arguments, **more)

    monkeypatch.setattr(Reels, "sent", slowly)
    deputy, last = watch_center.asker(watch_center.enrolled("watch_operator")), looking(watch_center, proxy, footage)
    looks = [looking(watch_center, proxy, footage, deputy) for _ in range(min(32, (os.cpu_count() or 1) + 4))]
    name = last.names()[0]
    with ThreadPoolExecutor(len(looks)) as several:
        waiting = [several.submit(look.get, name) for look in looks]
        try:
            for _ in looks:
                assert making.acquire(timeout=60)
            assert last.names() and not any(each.done() for each in waiting)
        finally:
            goes_on.set()
        assert {each.result().status_code for each in waiting} == {200}


def test_a_player_has_thirty_seconds_at_once_and_then_four_times_as_fast_as_it_was(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [0.0]
    monkeypatch.setattr(playback, "time", SimpleNamespace(monotonic=lambda: now[0]))
    pace = playback.Pace(at=0.0)

    def thirty_seconds_at_once() -> None:
        for _ in range(15):
            assert pace.wait_s(2) == 0
            pace.took(2)
        assert pace.wait_s(2) == 0.5

    thirty_seconds_at_once()
    now[0] += 0.5
    assert pace.wait_s(2) == 0
    pace.took(2)
    assert pace.wait_s(2) == 0.5
    now[0] += 3600
    thirty_seconds_at_once()


def test_nobody_runs_far_ahead_of_the_clock(watch_center: WatchCenter, proxy: CountingProxy, footage: Footage) -> None:
    look = looking(watch_center, proxy, footage)
    names, began = look.names(), monotonic()
    for name in names * 8:
        assert look.get(name).status_code == 200
    asked_for = 8 * SECONDS
    assert monotonic() - began > (asked_for - 31) / 4, "thirty seconds at once, and then four times as fast as it was"
    look.settled()
    assert len(look.events("segments_served")) == asked_for // 2


class Drops:
    """A player that takes a segment drop by drop: so little at once that little is on its way, and never nothing."""

    def __init__(self, look: Look, name: str, port: int) -> None:
        self.came = bytearray()
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024)
        self._socket.settimeout(60)
        self._socket.connect(("127.0.0.1", port))
        head = f"GET /hls/{look.viewing}/{name} HTTP/1.1", "host: media", f"authorization: Bearer {look.token}"
        self._socket.sendall("\r\n".join([*head, "connection: close", "", ""]).encode())
        self._thread = threading.Thread(target=self._take, daemon=True)
        self._thread.start()

    def _take(self) -> None:
        pause = threading.Event()
        with self._socket:
            while some := self._socket.recv(32 * 1024):
                self.came += some
                pause.wait(0.1)

    def ended(self) -> int:
        """Bytes of the picture that came."""
        self._thread.join(120)
        assert not self._thread.is_alive() and self.came.startswith(b"HTTP/1.1 200")
        return len(self.came.partition(b"\r\n\r\n")[2])


TAKES_S = 8.0  # a third of what `Drops` needs for a large segment


@pytest.mark.slow
@pytest.mark.rule("view.reserved_first")
def test_who_takes_a_segment_drop_by_drop_sees_no_more_when_its_reservation_is_over(
    watch_center: WatchCenter, media: int, large: Footage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(playback, "LASTS_S", TAKES_S)
    with CountingProxy(media) as proxy:
        look = looking(watch_center, proxy, large)
        (name,) = look.names()
    came = Drops(look, name, media).ended()
    look.settled()
    (reserved,), (served,) = look.events("segments_reserved"), look.events("segments_served")
    assert 0 < came <= served["size_bytes"] < large.closed.manifest.size - 1_000_000
    assert 0 < seconds(*served["ranges"]) < seconds(reserved["range"])


@dataclass
class StoodStill:
    at: datetime

    def now(self) -> datetime:
        return self.at


@pytest.mark.slow
@pytest.mark.rule("view.masked")
def test_an_unmasked_segment_ends_with_the_override_that_it_was_reserved_under(
    watch_center: WatchCenter, media: int, large: Footage
) -> None:
    deputy = watch_center.as_role("watch_operator", step_up=True)
    with CountingProxy(media) as proxy:
        look = looking(watch_center, proxy, large, deputy)
        (name,) = look.names()
    override = lifted(watch_center, deputy, large, large.range, minutes=5)
    (expires,) = [
        e["data"]["expires_at"] for e in watch_center.events(f"override-{override}") if "expires_at" in e["data"]
    ]
    soon = StoodStill(datetime.fromisoformat(expires) - timedelta(seconds=TAKES_S))
    with playing(media_settings(watch_center), clock=soon) as port:
        assert look.ticket(override)["masked"] is False
        came = Drops(look, name, port).ended()
        look.settled()
    (served,) = look.events("segments_served")
    assert served["masked"] is False
    assert 0 < came <= served["size_bytes"] < large.closed.manifest.size - 1_000_000


def test_without_the_store_the_picture_ends_with_what_was_reserved(watch_center: WatchCenter, footage: Footage) -> None:
    with ExitStack() as stack:
        store = stack.enter_context(Proxy(media_settings(watch_center).write_url or ""))
        settings = Settings.model_validate({**watch_center.environ, "DATABASE_URL": as_url(store.url)})
        port = stack.enter_context(playing(settings))
        proxy = stack.enter_context(CountingProxy(port))
        look = looking(watch_center, proxy, footage)
        names = look.names()
        assert look.get(names[0]).status_code == 200
        look.settled()
        left = proxy.pictures
        store.mode = "freeze"
        for name in names[1:]:
            assert code(look.get(name), 503) in ("store_unavailable", "keys_unavailable")
        assert code(look.get("index.m3u8"), 503) == "store_unavailable"
        assert proxy.pictures == left == look.served_bytes
        store.mode = "pass"

        def again() -> bool:
            return look.get(names[1]).status_code == 200

        until(again, 120, what="the picture goes on when the store is back")
        look.settled()
        assert proxy.pictures == look.served_bytes


@pytest.mark.rule("view.reserved_first")
def test_of_a_segment_that_could_not_be_reserved_no_byte_leaves(
    watch_center: WatchCenter, footage: Footage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store said that it may be seen, and is away just when that is to be put on the record."""
    reserve = Viewings.reserve
    with ExitStack() as stack:
        store = stack.enter_context(Proxy(media_settings(watch_center).write_url or ""))
        settings = Settings.model_validate({**watch_center.environ, "DATABASE_URL": as_url(store.url)})
        proxy = stack.enter_context(CountingProxy(stack.enter_context(playing(settings))))
        look = looking(watch_center, proxy, footage)
        names, asked_for = look.names(), list[str]()

        def then(*arguments: Any, **more: Any) -> Any:
            store.mode = "freeze"
            asked_for.append("reserved")
            try:
                return reserve(*arguments, **more)
            finally:
                store.mode = "pass"  # so that nothing else keeps it back

        with monkeypatch.context() as patch:
            patch.setattr(Viewings, "reserve", then)
            assert code(look.get(names[0]), 503) == "store_unavailable"
        assert asked_for == ["reserved"] and proxy.pictures == 0
        until(lambda: look.get(names[1]).status_code == 200, 120, what="the picture goes on when the store is back")
        until(lambda: look.served_bytes, what="it is accounted for")
        assert look.served_bytes == proxy.pictures


def as_url(conninfo: str) -> str:
    parts = psycopg.conninfo.conninfo_to_dict(conninfo)
    password = str(parts["password"]).replace(" ", "%20")
    return f"postgresql://{parts['user']}:{password}@{parts['host']}:{parts['port']}/{parts['dbname']}"


def started(center: WatchCenter, port: int, log: Path) -> subprocess.Popen[bytes]:
    """`saferweho media`, once it listens."""
    environ = {**center.environ, "SAFERWEHO_MEDIA_PORT": str(port)}
    url = settings_as("saferweho_media", environ).write_url
    argv = [sys.executable, "-m", "api.cli", "media"]
    process = spawn(argv, log, env={**environ, "DATABASE_URL": str(url), "PATH": "/usr/bin:/bin"}, cwd=Path.cwd())

    def listens() -> bool:
        assert process.poll() is None, last_lines(log)
        try:
            return httpx.get(f"http://127.0.0.1:{port}/hls/x/index.m3u8").status_code == 401
        except httpx.TransportError:
            return False

    try:
        until(listens, 120, what="media listens")
    except BaseException:
        process.kill()
        raise
    return process


def test_after_a_restart_no_ticket_from_before_counts_and_another_one_is_had_without_asking_again(
    watch_center: WatchCenter, footage: Footage, tmp_path: Path
) -> None:
    port, log = free_port(), tmp_path / "media.log"
    process = started(watch_center, port, log)
    try:
        with CountingProxy(port) as proxy:
            look = looking(watch_center, proxy, footage)
            older, name = look.token, look.names()[0]
            look.ticket()
            newest = look.token
            assert look.get(name).status_code == 200
            assert code(look.get(name, token=older), 403) == "token_superseded"
            look.settled()
            process.kill()
            process.wait()
            process = started(watch_center, port, log)
            left = proxy.pictures
            for token in (older, newest):
                assert code(look.get(name, token=token), 401) == "token_expired"
            assert proxy.pictures == left and len(look.events("segments_reserved")) == 1
            assert attempts_of(watch_center, session_of(look.asker))[-1] == (f"viewing-{look.viewing}", "token_expired")
            look.ticket()  # as the page does by itself
            assert look.get(name).status_code == 200
            look.settled()
            assert look.served_bytes == proxy.pictures > left
            assert len(look.events("viewing_requested")) == 1
    finally:
        process.kill()
        process.wait()


@pytest.mark.rule("view.reserved_first")
def test_what_a_process_that_was_killed_had_reserved_counts_as_seen(
    watch_center: WatchCenter, large: Footage, tmp_path: Path
) -> None:
    port, log = free_port(), tmp_path / "media.log"
    process = started(watch_center, port, log)
    try:
        with CountingProxy(port) as proxy:
            look = looking(watch_center, proxy, large)
            (name,) = look.names()
            headers = {"authorization": f"Bearer {look.token}", "connection": "close"}
            with httpx.stream(
                "GET", f"http://127.0.0.1:{proxy.port}/hls/{look.viewing}/{name}", headers=headers, timeout=60
            ) as told:
                assert len(next(told.iter_raw(1024))) > 0
                process.send_signal(signal.SIGKILL)
                process.wait()
        assert proxy.pictures > 0
        (reserved,) = look.events("segments_reserved")
        assert look.events("segments_served") == []
        end = look.close()
        assert end["unclosed"] == 1 and end["seen_s"] == pytest.approx(seconds(reserved["range"]), abs=0.001)
    finally:
        process.kill()
        process.wait()


# -- footage that cannot be shown ----------------------------------------------


def test_footage_that_was_damaged_or_destroyed_says_so(
    watch_center: WatchCenter, proxy: CountingProxy, footage: Footage
) -> None:
    look = looking(watch_center, proxy, footage)
    names = look.names()
    name, entries = footage.closed.name, footage.closed.manifest.entries
    vault = Path(watch_center.settings.footage_vault)
    (vault / name.segment(2, entries[1].since)).write_bytes(b"{}\n")
    assert code(look.get(names[1]), 422) == "footage_damaged"
    assert code(look.get("still", at=entries[1].since.isoformat()), 422) == "footage_damaged"
    assert look.get(names[2]).status_code == 200
    with wiring.footage_keys(settings_as("saferweho_reactor", watch_center.environ)) as keys:
        assert keys.destroy(footage.id)
    until(lambda: look.get(names[0]).status_code == 410, 30, what="no key opens after two seconds")
    assert code(look.get(names[0]), 410) == "footage_destroyed"
    look.settled()
    assert look.served_bytes == proxy.pictures
    assert next(e["ranges"] for e in look.events("segments_served")) == []


# -- masks ---------------------------------------------------------------------


def halves(content: bytes) -> tuple[float, float]:
    """How much the left and the right half of the pictures differ within themselves."""
    shown = [frame.to_ndarray(format="gray") for frame in pictures(content)]
    assert shown
    middle = shown[0].shape[1] // 2
    left, right = (np.stack([f[:, part] for f in shown]) for part in (slice(0, middle - 16), slice(middle + 16, None)))
    return float(left.std()), float(right.std())


@pytest.mark.rule("view.masked")
def test_a_mask_is_burnt_in_unless_an_override_lifts_it(
    watch_center: WatchCenter, proxy: CountingProxy, footage: Footage
) -> None:
    masked(watch_center, footage.feed)
    deputy = watch_center.as_role("watch_operator", step_up=True)
    look = looking(watch_center, proxy, footage, deputy)
    names, at = look.names(), (footage.range.since + timedelta(seconds=1)).isoformat()
    left, right = halves(look.init() + look.get(names[0]).content)
    assert left < 4 and right > 8
    left, right = halves(look.get("still", at=at).content)
    assert left < 4 and right > 8
    span = Range(footage.range.since, footage.closed.manifest.entries[1].until)
    override = override_asked(watch_center, deputy, footage, span)
    refused = look.asker.ask(PICTURE, viewing=look.viewing, override=override)["footagePicture"]
    assert refused["reason"]["code"] == "override_not_in_effect", "nobody approved it"
    approved(watch_center, override)
    assert look.ticket(override)["masked"] is False
    plain = look.get(names[0])
    assert plain.headers["x-footage-masked"] == "false"
    left, right = halves(look.init() + plain.content)
    assert left > 8 and right > 8
    assert halves(look.get("still", at=at).content)[0] > 8
    assert code(look.get(names[2]), 409) in ("override_not_in_effect", "wrong_state"), "outside its range"
    look.settled()
    reserved = look.events("segments_reserved")
    assert [(e["masked"], bool(e["override"])) for e in reserved] == [(True, False)] * 2 + [(False, True)] * 2
    assert [e["masked"] for e in look.events("segments_served")] == [True, True, False, False]
    uses = [e for e in watch_center.events(f"override-{override}") if e["type"].endswith("override_used.v1")]
    assert [e["data"]["through"] for e in uses] == [f"viewing-{look.viewing}"] * 2
    assert look.served_bytes == proxy.pictures


@pytest.mark.rule("mask.place")
def test_beside_a_drones_masked_pictures_its_place_is_told_and_under_an_override_whither_it_looked(
    watch_center: WatchCenter, proxy: CountingProxy
) -> None:
    """400 m north of a privacy zone that was drawn here, looking the other way."""
    since, feed = SINCE + timedelta(hours=5), f"flight-f{uuid4().hex[:10]}"
    films = []
    for cut in cuts(noise(9, 4 * RATE), since):
        poses = [northward(cut.since + n * TENTH) for n in range(20)]
        films.append(replace(cut, content=with_telemetry(cut.content, cut.since, poses)))
    footage = recorded(watch_center, feed, films)
    deputy = watch_center.as_role("watch_operator", step_up=True)
    zone(watch_center)
    look, at = looking(watch_center, proxy, footage, deputy), footage.range.since.isoformat()
    masked = look.get("telemetry", at=at)
    assert masked.status_code == 200, masked.text
    assert len(masked.json()) == 20 and {each["latitude"] for each in masked.json()} == {
        northward(since).place.latitude
    }
    assert not any(each[view] for each in masked.json() for view in ("headingDeg", "cameraPitchDeg", "cameraYawDeg"))
    assert look.events("segments_reserved") == []
    first, second = footage.closed.manifest.entries
    override = lifted(watch_center, deputy, footage, Range(first.since, first.until))
    look.ticket(override)
    told = look.get("telemetry", at=at).json()
    assert [(each["cameraPitchDeg"], each["headingDeg"]) for each in told] == [(-45.0, 10.0)] * 20
    uses = [e for e in watch_center.events(f"override-{override}") if e["type"].endswith("override_used.v1")]
    assert len(uses) == 1, "what it lifts is used"
    look.settled()
    (served,) = look.events("segments_served")
    assert (served["masked"], served["ranges"], served["size_bytes"]) == (False, [], 0), "no picture left"
    assert code(look.get("telemetry", at=second.since.isoformat()), 409) == "override_not_in_effect"
    assert proxy.pictures == 0


# -- what there is -------------------------------------------------------------


def test_what_footage_there_is_is_listed_for_scripts(watch_center: WatchCenter, footage: Footage) -> None:
    words = ("footage", "list", "--feed", footage.feed, "--json")
    (row,) = json.loads(typed(watch_center.environ, *words).stdout)
    manifest = footage.closed.manifest
    assert (row["footage"], row["state"], row["segments"]) == (footage.id, "kept", len(manifest.entries))
    assert (row["since"], row["bytes"]) == (manifest.since.isoformat(), manifest.size)
    later = f"{manifest.until + timedelta(minutes=1):%Y-%m-%dT%H:%M:%S}"
    assert json.loads(typed(watch_center.environ, *words, "--since", later).stdout) == []


def test_the_demonstration_plays_footage_masked_and_then_as_two_persons_let_it(
    watch_center: WatchCenter, media: int
) -> None:
    since = datetime.now(UTC).replace(second=0) - timedelta(minutes=10)  # all of it within an hour of the clock
    footage = recorded(watch_center, camera(watch_center), cuts(noise(7, SECONDS * RATE), since))
    masked(watch_center, footage.feed)
    watch_center.applied(watch_center.head())
    with environment(watch_center.environ):
        shown = Demonstration(watch_center.base, watch_center.home, CAD_KEY, threading.Event())
        shown._scenes.footage(watch_center.call(), footage.feed.partition("-")[2])
    (look,) = nodes(
        watch_center.as_role("auditor").ask(AUDIENCE, subject=f"footage-{footage.id}", at=watch_center.head())
    )
    assert (look["kind"], look["state"], look["person"]["id"]) == ("viewing", "ended", "j.alvarez")
    served = [e["data"] for e in watch_center.events(look["stream"]) if e["type"].endswith("segments_served.v1")]
    assert {e["masked"] for e in served} == {True, False} and all(e["size_bytes"] for e in served)
