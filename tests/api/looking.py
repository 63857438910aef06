"""What the tests about looking have of their own: cameras that are there, grounds, and somebody who watches."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from adapters.heartbeats import PostgresHeartbeats
from api.processes import wiring
from application.accounts import Accounts, Proof
from application.cameras import Cameras
from application.handling import Accepted, Actor
from application.standing import service
from application.views import Views
from domain.camera import NoteOnline
from domain.kernel import CameraId
from tests.api.watch_center import Asker, Json, WatchCenter, settings_as

REQUEST = "requestLiveView(feed: $feed, grounds: $grounds)"
PLACE = {"latitude": 34.0927, "longitude": -118.3511}


def camera(center: WatchCenter, *, online: bool = True) -> str:
    """A feed: that of a camera of the test's own."""
    key = f"c{secrets.token_hex(5)}"
    center.as_role("administrator").accepted(
        'installCamera(camera: $camera, name: "Plummer Park", place: $place, heightM: 6, bearingDeg: 270)',
        camera=key,
        place=PLACE,
    )
    if online:
        with wiring.handler(settings_as("saferweho_gateway", center.environ)) as handler:
            told = Cameras(handler).change(service("service-recorder"), NoteOnline(CameraId(key), datetime.now(UTC)))
            assert isinstance(told, Accepted), told
    return f"camera-{key}"


def grounds(center: WatchCenter, **changed: Any) -> Json:
    reason = f"man with a knife at bus stop {secrets.token_hex(3)}"
    stated: Json = {"purpose": "call_for_service", "reason": reason, **changed}
    if not stated.keys() & {"callNumber", "caseNumber", "authorisation"}:
        stated["callNumber"] = center.call()
    return stated


def watching(center: WatchCenter, asker: Asker, feed: str = "", **changed: Any) -> str:
    """The id of a live view that was granted."""
    told = asker.accepted(REQUEST, feed=feed or camera(center), grounds=grounds(center, **changed))
    return str(told["id"])


def pulse(asker: Asker, view: str) -> Json:
    query = "mutation($view: ID!) { liveViewHeartbeat(view: $view) { open until reason { code } } }"
    told: Json = asker.ask(query, view=view)["liveViewHeartbeat"]
    return told


@contextmanager
def beating(asker: Asker, *views: str, every: float = 1.0) -> Iterator[None]:
    """A console that shows these views, until the end of the block."""
    stop = threading.Event()

    def beat() -> None:
        while not stop.wait(every):
            for view in views:
                pulse(asker, view)

    console = threading.Thread(target=beat, daemon=True)
    console.start()
    try:
        yield
    finally:
        stop.set()
        console.join(60)


def ended(center: WatchCenter, view: str) -> Json | None:
    """The event that ended a view, if it has."""
    told = center.events(f"liveview-{view}")
    return next((event for event in told if event["type"].endswith("live_view_ended.v1")), None)


@contextmanager
def in_person(center: WatchCenter, person: str) -> Iterator[tuple[Actor, Views]]:
    """Somebody signed on without the pages, for roles whose questions are those of the pages alone."""
    settings = settings_as("saferweho_api", center.environ)
    with wiring.handler(settings) as handler, PostgresHeartbeats(settings.write_url or "") as heartbeats:
        ends_at = datetime.now(UTC) + timedelta(hours=1)
        proof = Proof(person, secrets.token_hex(8), "https://id.example", "otp", ends_at)
        yield Accounts(handler).sign_on(proof, "127.0.0.1"), Views(handler, heartbeats)


__all__ = ["REQUEST", "beating", "camera", "ended", "grounds", "in_person", "pulse", "watching"]
