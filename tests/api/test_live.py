"""Live pictures, from cameras over RTSP to who was granted a view, through processes of their own."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import groupby
from pathlib import Path
from time import monotonic
from typing import Any

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from adapters.identity.picture_tokens import PictureTokens
from infra.stack.processes import free_port, last_lines
from tests.api.live import PICTURE, WITHIN_S, Plane, Process, Screen, looking, plane, screen, showing
from tests.api.test_overrides import EMERGENCY, target
from tests.api.watch_center import Asker, Json, WatchCenter, until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
SUSPENDED_S, SILENT_S = 5.0, 10.0  # the domain's deadlines


@pytest.fixture(scope="module")
def seen(watch_center: WatchCenter, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plane]:
    with plane(watch_center, tmp_path_factory.mktemp("plane")) as made:
        yield made


@pytest.fixture
def deputy(watch_center: WatchCenter) -> Asker:
    return watch_center.asker(watch_center.enrolled("watch_operator"))


def ends_as(ticket: Json, **headers: str) -> tuple[str, int | None]:
    """What a connection with this ticket is told, and with which code it is closed."""
    with screen(ticket, **headers) as shown:
        code = shown.ends()
        assert not shown.parts, "no byte of a picture left"
        return code, shown.closed


# -- the picture -----------------------------------------------------------------


def test_who_was_granted_a_view_sees_it_at_once_and_everybody_sees_how_many_watch(seen: Plane, deputy: Asker) -> None:
    other = seen.center.as_role("watch_supervisor")
    with looking(seen, deputy) as (_, shown):
        picture = next(said for said in shown.said if said["type"] == "picture")
        assert picture["mime"].startswith('video/mp4; codecs="avc1.42') and not picture["masked"]
        assert (picture["width"], picture["height"]) == (320, 180)
        shown.shows(5)
        frames = shown.frames()
        assert len(frames) >= 15 and {(frame.width, frame.height) for frame in frames} == {(320, 180)}
        assert frames[0].key_frame
        until(lambda: shown.watchers == 1, WITHIN_S, what="nobody else watches any more")
        with looking(seen, other) as (_, second):
            until(lambda: shown.watchers == second.watchers == 2, WITHIN_S, what="both are told of each other")
        until(lambda: shown.watchers == 1, WITHIN_S, what="who went is not counted")
        (view,) = {said["until"] for said in shown.said if said["type"] == "view"}
        assert view.endswith("Z")
        expected = {"watchers": 1, "fault": None}
        until(lambda: told_of(seen)["feeds"].get(seen.feeds["a"]) == expected, WITHIN_S, what=f"{told_of(seen)}")


BYTES = """query($person: ID) { accessRecord(personId: $person, first: 1) { edges { node { bytes masked } } } }"""


def served(seen: Plane, view: str) -> list[Json]:
    """What the record says that left."""
    told = seen.center.events(f"liveview-{view}")
    return [event for event in told if event["type"].endswith("live_pictures_served.v1")]


def told_of(seen: Plane) -> Json:
    """What the media process says of live pictures."""
    report = seen.media.ready()
    return report["live"] if report else {"feeds": {}, "watchers": None, "not_on_record": None}


def nobody_watches(seen: Plane) -> bool:
    """And what left is on the record."""
    live = told_of(seen)
    return (live["watchers"], live["not_on_record"]) == (0, 0)


@pytest.mark.rule("view.accounted")
def test_what_left_is_counted_to_the_byte_and_on_the_record(seen: Plane, deputy: Asker) -> None:
    before = seen.media.figure("saferweho_media_live_bytes_total")
    with looking(seen, deputy) as (view, shown):
        until(lambda: served(seen, view), WITHIN_S, what="it is told while it goes on")
        assert shown.closed is None
        shown.shows(5)
    until(lambda: shown.closed is not None, WITHIN_S)
    until(lambda: nobody_watches(seen), WITHIN_S)
    left = seen.media.figure("saferweho_media_live_bytes_total") - before
    told = served(seen, view)
    on_record = sum(event["data"]["size_bytes"] for event in told)
    got = sum(map(len, shown.fragments))
    longest = max(map(len, shown.fragments))
    # One fragment may be on its way when a console hangs up.
    assert got <= left <= got + 2 * longest
    assert got <= on_record <= got + 2 * longest
    assert len(told) >= 2 and told[-1]["data"]["total_bytes"] == on_record
    for event in told:
        data = event["data"]
        assert (data["person"], data["feed"], data["masked"], data["override"]) == (
            deputy.person,
            seen.feeds["a"],
            False,
            None,
        )
        assert datetime.fromisoformat(data["since"]) <= datetime.fromisoformat(data["until"])
        assert (event["actorid"], event["purpose"]) == ("service-media", "call_for_service")

    auditor = seen.center.as_role("auditor")

    def shown_to_oversight() -> list[Json]:
        told: Json = auditor.ask(BYTES, person=deputy.person)
        return [edge["node"] for edge in told["accessRecord"]["edges"]]

    until(lambda: shown_to_oversight() == [{"bytes": on_record, "masked": None}], WITHIN_S, what="it is shown")


# -- who may not -----------------------------------------------------------------


def test_a_ticket_opens_once_and_its_second_use_is_on_the_record(seen: Plane, deputy: Asker) -> None:
    view = seen.watching(deputy, "a")
    ticket = seen.ticket(deputy, view)
    granted = seen.center.events(f"liveview-{view}")[1]["data"]
    assert datetime.fromisoformat(ticket["until"]) == datetime.fromisoformat(granted["until"])
    with showing(deputy, view):
        with screen(ticket) as shown:
            shown.shows()
        assert ends_as(ticket) == ("token_used", 4401)
    session = deputy.ask("{ viewer { sessionId } }")["viewer"]["sessionId"]
    last = seen.center.events(f"session-{session}")[-1]
    assert last["type"].endswith("attempt_refused.v1")
    assert (last["data"]["target"], last["data"]["reasons"][0]["code"]) == (f"liveview-{view}", "token_used")


@pytest.mark.rule("view.grant_first")
def test_a_forged_an_expired_and_another_feeds_ticket_open_nothing(seen: Plane, deputy: Asker) -> None:
    view = seen.watching(deputy, "a")
    session = deputy.ask("{ viewer { sessionId } }")["viewer"]["sessionId"]
    key = seen.center.environ["SAFERWEHO_MEDIA_KEY"]

    def ticket(secret: str = key, seconds: float = 30, feed: str = "a", of: str = "a", **changed: str) -> Json:
        claims: dict[str, Any] = {"person": deputy.person, "session": session, "subject": view, **changed}
        lifetime = timedelta(seconds=seconds)
        token, _ = PictureTokens(secret).issue(use="live", feed=seen.feeds[of], lifetime=lifetime, **claims)
        return {"url": f"{media_of(seen)}/live/{seen.feeds[feed]}", "token": token}

    with showing(deputy, view):
        assert ends_as(ticket("somebody else's secret, which is long enough")) == ("token_forged", 4401)
        assert ends_as(ticket(seconds=-1)) == ("token_expired", 4401)
        assert ends_as(ticket(feed="b")) == ("token_other_feed", 4401)
        assert ends_as(ticket(feed="b", of="b"))[0] == "token_other_feed", "the view is of another feed"
        assert ends_as(ticket(person="m.okafor"))[0] == "not_your_view"
        assert ends_as(ticket(session="another-session"))[0] == "not_your_view"
        assert ends_as(ticket(subject="nobody-asked"))[0] == "view_not_granted"
        assert ends_as({**ticket(), "token": ""}) == ("token_missing", 4401)
    told = [e["data"] for e in seen.center.events(f"session-{session}") if e["type"].endswith("attempt_refused.v1")]
    assert {(data["target"], data["reasons"][0]["code"]) for data in told} >= {
        (f"liveview-{view}", "token_expired"),
        (f"liveview-{view}", "token_other_feed"),
        (f"liveview-{view}", "not_your_view"),
        ("liveview-nobody-asked", "view_not_granted"),
    }
    assert "token_forged" not in {data["reasons"][0]["code"] for data in told}


@pytest.mark.parametrize(
    "path",
    ["..%2f..%2fetc%2fpasswd", "%2e%2e/%2e%2e/key-encryption-keys", "recorder.tap", "{feed}%00", "{feed}%0a", "{feed}/",
     "{feed}/../{other}", "{other}%2f..%2f{feed}"],
)  # fmt: skip
def test_nothing_is_shown_by_a_path(seen: Plane, deputy: Asker, path: str) -> None:
    view = seen.watching(deputy, "a")
    ticket = seen.ticket(deputy, view)
    named = path.format(feed=seen.feeds["a"], other=seen.feeds["b"])

    def opened() -> str:
        try:
            return ends_as({**ticket, "url": f"{media_of(seen)}/live/{named}"})[0]
        except InvalidStatus as refused:
            return str(refused.response.status_code)

    with showing(deputy, view):
        assert opened() in ("token_other_feed", "403", "404")


def test_nobody_gets_a_ticket_to_anothers_view(seen: Plane, deputy: Asker) -> None:
    view = seen.watching(deputy, "a")
    other = seen.center.asker(seen.center.enrolled("watch_operator"))
    again = seen.center.asker(deputy.person)
    for asker in (other, again):  # another person, and another sign-on of the same
        told = asker.ask(PICTURE, view=view)["livePicture"]
        assert (told["token"], told["reason"]["code"]) == (None, "not_your_view")
        session = asker.ask("{ viewer { sessionId } }")["viewer"]["sessionId"]
        last = seen.center.events(f"session-{session}")[-1]
        assert last["data"]["reasons"][0]["code"] == "not_your_view"
    assert deputy.ask(PICTURE, view="no-view")["livePicture"]["reason"]["code"] == "view_not_granted"


def test_a_page_of_another_origin_is_not_heard(seen: Plane, deputy: Asker) -> None:
    view = seen.watching(deputy, "a")
    ticket = seen.ticket(deputy, view)
    with (
        pytest.raises(InvalidStatus) as refused,
        connect(ticket["url"], additional_headers={"origin": "https://e.example"}),
    ):
        pass
    assert refused.value.response.status_code == 403
    with showing(deputy, view), screen(ticket, origin=seen.center.base) as shown:
        shown.shows()


def test_who_says_nothing_or_nonsense_is_closed(seen: Plane) -> None:
    url = f"{media_of(seen)}/live/{seen.feeds['a']}"
    for said in ("{}", "[]", "hello", '{"token": 7}'):
        with connect(url) as socket:
            socket.send(said)
            assert json.loads(socket.recv(30))["reason"]["code"] == "token_missing"
    with connect(url) as socket:
        assert json.loads(socket.recv(60))["reason"]["code"] == "token_missing"
    with connect(f"{url}?size=huge") as socket:
        told = json.loads(socket.recv(30))["reason"]
        assert (told["field"], told["accepted"]) == ("size", "full, grid")


CORNERS = ((0.1, 0.1), (0.5, 0.1), (0.5, 0.6), (0.1, 0.6))
MASK = 'maskCamera(camera: $camera, outlines: $corners, reason: "a window")'
UNDER = """mutation($view: ID!, $override: ID) { livePicture(view: $view, override: $override) {
  url token masked reason { code message } } }"""


def hidden(shown: Screen) -> bool:
    """Whether the part under the mask is black in every picture since the last one that was begun. Else in none."""
    frames = [frame.to_ndarray(format="gray") for frame in shown.frames()]
    parts = [frame[len(frame) // 5 : len(frame) // 2, len(frame[0]) // 5 : 2 * len(frame[0]) // 5] for frame in frames]
    black = {bool(part.max() < 40) for part in parts}
    assert len(black) == 1, "all of them, from the first fragment on"
    return black.pop()


@pytest.fixture
def masked(seen: Plane) -> Iterator[str]:
    """The feed of a camera with a mask."""
    feed, admin = seen.feeds["b"], seen.center.as_role("administrator")
    corners = [[{"x": x, "y": y} for x, y in CORNERS]]
    admin.accepted(MASK, camera=feed.removeprefix("camera-"), corners=corners)
    yield feed
    admin.accepted(MASK, camera=feed.removeprefix("camera-"), corners=[])


def pictures(shown: Screen) -> list[bool]:
    """Whether each picture that was begun is masked."""
    return [said["masked"] for said in shown.said if said["type"] == "picture"]


@pytest.mark.rule("mask.fails_closed")
def test_a_mask_that_is_drawn_while_somebody_watches_hides_at_once(seen: Plane, deputy: Asker) -> None:
    admin, camera = seen.center.as_role("administrator"), seen.feeds["b"].removeprefix("camera-")
    with looking(seen, deputy, "b") as (_, shown):
        assert pictures(shown) == [False] and not hidden(shown)
        corners = [[{"x": x, "y": y} for x, y in CORNERS]]
        admin.accepted(MASK, camera=camera, corners=corners)
        until(lambda: pictures(shown) == [False, True], WITHIN_S, what=f"it is masked: {shown.said}")
        shown.shows(5)
        assert hidden(shown)
        admin.accepted(MASK, camera=camera, corners=[])
        until(lambda: pictures(shown) == [False, True, False], WITHIN_S, what=f"it is not: {shown.said}")
        shown.shows(3)
        assert not hidden(shown)


@pytest.mark.rule("view.masked")
def test_an_override_lifts_the_mask_for_who_has_it_as_long_as_it_lasts(seen: Plane, deputy: Asker, masked: str) -> None:
    other = seen.center.as_role("watch_supervisor")
    with looking(seen, deputy, "b") as (view, shown), looking(seen, other, "b") as (theirs, second):
        assert pictures(shown) == pictures(second) == [True]
        where = target(seen.center, masked, minutes=1)
        threat = "a child has climbed out of that window, nobody is near"
        override = deputy.accepted(EMERGENCY, target=where, text=threat)["id"]
        told = other.ask(UNDER, view=theirs, override=override)["livePicture"]
        assert told["token"] is None and told["reason"]["code"] == "wrong_state", "it is not theirs"
        ticket = deputy.ask(UNDER, view=view, override=override)["livePicture"]
        assert not ticket["masked"]
        used = seen.center.events(f"override-{override}")[-1]
        assert used["type"].endswith("override_used.v1") and used["data"]["through"] == f"liveview-{view}"
        shown.send({"token": ticket["token"]})
        until(lambda: pictures(shown) == [True, False], WITHIN_S, what=f"it is lifted: {shown.said}")
        shown.shows(5)
        assert not hidden(shown)
        assert {said.get("override") for said in shown.said if said["type"] == "picture"} == {None, override}
        until(lambda: pictures(shown) == [True, False, True], WITHIN_S, what=f"it is over: {shown.said}")
        shown.shows(3)
        assert hidden(shown) and hidden(second) and pictures(second) == [True]
    until(lambda: nobody_watches(seen), WITHIN_S)
    told = [(event["data"]["masked"], event["data"]["override"]) for event in served(seen, view)]
    assert [state for state, _ in groupby(told)] == [(True, None), (False, f"override-{override}"), (True, None)]
    assert {(event["data"]["masked"], event["data"]["override"]) for event in served(seen, theirs)} == {(True, None)}


# -- the end ---------------------------------------------------------------------


@pytest.mark.rule("view.ends_with_access")
def test_who_is_suspended_sees_nothing_more_within_five_seconds(seen: Plane, deputy: Asker) -> None:
    captain = seen.center.as_role("station_commander", step_up=True)
    with looking(seen, deputy) as (_, shown):
        captain.accepted("suspendPerson(personId: $person, reason: $text)", person=deputy.person, text="under inquiry")
        began = monotonic()
        assert shown.ends() in ("account_suspended", "view_ended", "not_signed_on")
        assert shown.last_at - began < SUSPENDED_S


@pytest.mark.rule("view.heartbeat")
def test_a_console_that_falls_silent_sees_nothing_after_ten_seconds(seen: Plane, deputy: Asker) -> None:
    view = seen.watching(deputy, "a")
    began = monotonic()  # before the last beat
    deputy.ask("mutation($view: ID!) { liveViewHeartbeat(view: $view) { open } }", view=view)
    beaten = monotonic()
    with screen(seen.ticket(deputy, view)) as shown:
        shown.shows()
        assert shown.ends() in ("heartbeat_lost", "view_ended")
        assert shown.last_at - beaten < SILENT_S
        assert shown.last_at - began > SILENT_S / 2, "and is shown it until then"


@pytest.mark.parametrize(
    "way",
    ["closeLiveView(view: $view)", 'lockSession(reason: "leaving the console")', "signOff"],
)
def test_a_view_that_is_closed_or_a_session_that_ends_ends_the_picture(seen: Plane, deputy: Asker, way: str) -> None:
    with looking(seen, deputy) as (view, shown):
        query = (
            f"mutation($view: ID!) {{ {way} {{ __typename }} }}"
            if "$view" in way
            else f"mutation {{ {way} {{ __typename }} }}"
        )
        deputy.ask(query, **({"view": view} if "$view" in way else {}))
        began = monotonic()
        assert shown.ends() in ("view_ended", "not_signed_on")
        assert shown.last_at - began < SUSPENDED_S


def test_a_recorder_that_is_killed_costs_a_pause_and_the_view_goes_on(seen: Plane, deputy: Asker) -> None:
    with looking(seen, deputy) as (_, shown):
        seen.recorder.kill()
        until(lambda: any(said["type"] == "stalled" for said in shown.said), WITHIN_S, what=f"it is said: {shown.said}")
        seen.recorder.start()
        until(lambda: len(shown.inits) == 2, WITHIN_S, what=f"the picture is there again: {shown.said}")
        shown.shows(3)
        assert shown.frames()[0].key_frame and shown.end is None
        assert [said["type"] for said in shown.said].count("picture") == 2


def test_a_media_process_that_is_killed_is_started_again_and_knows_no_old_ticket(seen: Plane, deputy: Asker) -> None:
    view = seen.watching(deputy, "a")
    with showing(deputy, view):
        unused = seen.ticket(deputy, view)
        with screen(seen.ticket(deputy, view)) as shown:
            shown.shows()
            seen.media.kill()
            until(lambda: shown.closed is not None, WITHIN_S)
        seen.media.start()
        until(lambda: seen.media.ready(), WITHIN_S, what="it serves again")
        assert ends_as(unused)[0] == "token_expired"
        with screen(seen.ticket(deputy, view)) as shown:
            shown.shows()


@pytest.mark.rule("view.heartbeat")
def test_an_api_that_is_killed_ends_the_picture_in_ten_seconds_and_what_left_is_on_the_record(
    seen: Plane, deputy: Asker, tmp_path: Path
) -> None:
    """Nobody can say any more that somebody looks: it is as with a console that fell silent."""
    port = free_port()
    api = Process("api", "saferweho_api", seen.center, tmp_path, {"SAFERWEHO_PORT": str(port)})

    def answers() -> bool:
        assert api.process is not None and api.process.poll() is None, last_lines(api.log, 40)
        try:
            return httpx.get(f"http://127.0.0.1:{port}/health/live", timeout=10).status_code == 200
        except httpx.TransportError:
            return False

    with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=deputy.http.headers, timeout=60) as http:
        there = replace(deputy, http=http)
        api.start()
        try:
            until(answers, WITHIN_S, what="the API answers")
            with looking(seen, there) as (view, shown):
                shown.shows(5)
                api.kill()
                killed = monotonic()
                assert shown.ends() in ("heartbeat_lost", "view_ended")
                assert shown.last_at - killed < SILENT_S
            until(lambda: nobody_watches(seen), WITHIN_S)
            on_record = sum(event["data"]["size_bytes"] for event in served(seen, view))
            got, longest = sum(map(len, shown.fragments)), max(map(len, shown.fragments))
            assert got <= on_record <= got + 2 * longest
            api.start()
            until(answers, WITHIN_S, what="the API answers again")
            with looking(seen, there) as (_, again):
                again.shows(3)
        finally:
            api.stop()


# -- the way there ---------------------------------------------------------------


def test_scripts_find_pictures_at_the_address_of_the_api(seen: Plane, deputy: Asker) -> None:
    path = f"/live/{seen.feeds['a']}?size=full"
    answer = httpx.get(f"{seen.center.base}{path}")
    assert answer.status_code == 307
    assert answer.headers["location"] == f"{media_of(seen).replace('ws', 'http', 1)}{path}"
    assert httpx.get(f"{seen.center.base}/hls/x/index.m3u8").status_code == 307
    assert httpx.get(answer.headers["location"]).status_code == 426
    view = seen.watching(deputy, "a")
    ticket = seen.ticket(deputy, view)
    there = f"ws{seen.center.base.removeprefix('http')}/live/{seen.feeds['a']}"
    with showing(deputy, view), screen({**ticket, "url": there}) as shown:  # this client goes where it is sent
        shown.shows()
    bearer = {"authorization": f"Bearer {seen.ticket(deputy, view)['token']}"}
    with showing(deputy, view), connect(ticket["url"], additional_headers=bearer) as socket:
        assert json.loads(socket.recv(30))["type"] == "view"


def test_pages_may_speak_to_the_media_process_and_to_nobody_else(seen: Plane) -> None:
    policy = httpx.get(f"{seen.center.base}/").headers["content-security-policy"]
    media = media_of(seen)
    assert f"connect-src 'self' {media.replace('ws', 'http', 1)} {media};" in policy
    assert "media-src 'self' blob:;" in policy and "default-src 'self';" in policy


def test_nobody_outside_is_told_what_is_being_watched(seen: Plane, deputy: Asker) -> None:
    """Its health names the feeds that somebody watches now: that is for IT, at an address of its own."""
    outside = media_of(seen).replace("ws", "http", 1)
    with looking(seen, deputy):
        for path in ("/health/ready", "/health/live", "/metrics"):
            assert httpx.get(f"{outside}{path}").status_code == 404
        report = seen.media.ready()
        assert report and report["live"]["watchers"] == 1


def test_a_process_that_has_pictures_or_keys_in_memory_leaves_no_core_behind(seen: Plane) -> None:
    for each in (seen.media, seen.recorder):
        assert each.process is not None
        limits = Path(f"/proc/{each.process.pid}/limits").read_text()
        (line,) = [line for line in limits.splitlines() if line.startswith("Max core file size")]
        assert line.split()[4:6] in (["1", "1"], ["0", "0"]), "no file has room, and no program is given it"


def test_the_media_process_stops_cleanly_and_its_log_holds_no_ticket(seen: Plane, deputy: Asker) -> None:
    with looking(seen, deputy) as (_, shown):
        assert seen.media.process is not None
        seen.media.process.send_signal(signal.SIGTERM)
        assert seen.media.process.wait(60) == 0
        until(lambda: shown.closed is not None, WITHIN_S)
    log = seen.media.log.read_text()
    assert "eyJ" not in log and '"stopped"' in log
    seen.media.start()
    until(lambda: seen.media.ready(), WITHIN_S, what="it serves again")


def media_of(seen: Plane) -> str:
    return f"ws{seen.center.environ['SAFERWEHO_MEDIA_URL'].removeprefix('http')}"
