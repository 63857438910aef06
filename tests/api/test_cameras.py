"""The inventory of cameras against the real path: kept by IT, taken in as a file, told to the public."""

from __future__ import annotations

import json
import secrets
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from api.cli import main
from api.inventory import KEPT_FOR_S, PAGE
from infra.stack.processes import wait_until
from tests.api.looking import PLACE, camera
from tests.api.watch_center import Json, WatchCenter, typed

SAMPLE = Path(__file__).parents[2] / "docs" / "cameras" / "synthetic-cameras.csv"
INSTALL = "installCamera(camera: $camera, name: $name, place: $place, heightM: 6, bearingDeg: 270)"
CAMERA = """query($id: ID, $at: Position) { cameras(id: $id, afterPosition: $at) { edges { node {
  id feed name place { latitude longitude } heightM bearingDeg fieldOfView { latitude longitude } mask { x y }
  online health outage outagesIn30Days maintainedOn maintenanceDueOn maintenanceOverdue secret device retired watchers
  history(first: 20) { edges { node { what said person { id } } } } } } } }"""
OUTLINE = [
    {"latitude": 34.0927, "longitude": -118.3511},
    {"latitude": 34.0927, "longitude": -118.3515},
    {"latitude": 34.0931, "longitude": -118.3515},
    {"latitude": 34.0927, "longitude": -118.3511},
]
HEAD = "camera,name,latitude,longitude,height_m,bearing_deg,view_angle_deg,view_range_m,secret"


def one(center: WatchCenter, role: str, key: str, at: int) -> Json:
    (edge,) = center.as_role(role).ask(CAMERA, id=key, at=at)["cameras"]["edges"]
    node: Json = edge["node"]
    return node


# -- kept by IT ------------------------------------------------------------------


def test_a_camera_is_put_up_drawn_looked_after_and_taken_down(watch_center: WatchCenter) -> None:
    quan, key = watch_center.as_role("administrator"), f"c{secrets.token_hex(5)}"
    today = datetime.now(UTC).date()
    quan.accepted(INSTALL, camera=key, name="Plummer Park, gate", place=PLACE)
    draw = "drawFieldOfView(camera: $camera, outline: $outline, reason: $text)"
    quan.accepted(draw, camera=key, outline=OUTLINE, text="as surveyed")
    quan.accepted(
        "nameStreamSource(camera: $camera, secret: $name, device: $text)", camera=key, name="s-1", text="Axis"
    )
    work = "recordCameraMaintenance(camera: $camera, work: $text, doneOn: $date, nextDueOn: $until)"
    days = {"date": str(today), "until": str(today + timedelta(days=180))}
    told = quan.accepted(work, camera=key, text="dome cleaned", **days)
    seen = one(watch_center, "administrator", key, told["position"])
    assert (seen["health"], seen["online"], seen["maintenanceOverdue"]) == ("never_seen", False, False)
    assert (seen["maintainedOn"], seen["maintenanceDueOn"]) == (days["date"], days["until"])
    assert (seen["fieldOfView"], seen["secret"], seen["device"]) == (OUTLINE, "s-1", "Axis")
    happened = [edge["node"] for edge in seen["history"]["edges"]]
    assert [row["what"] for row in happened] == [
        "camera_maintained",
        "stream_source_named",
        "field_of_view_drawn",
        "camera_installed",
    ]
    assert {row["person"]["id"] for row in happened} == {quan.person}
    told = quan.accepted("retireCamera(camera: $camera, reason: $text)", camera=key, text="replaced")
    assert one(watch_center, "administrator", key, told["position"])["health"] == "retired"


@pytest.mark.rule("camera.moved")
def test_a_moved_camera_hides_everything_until_its_mask_is_drawn_anew(watch_center: WatchCenter) -> None:
    quan, feed = watch_center.as_role("administrator"), camera(watch_center)
    key = feed.removeprefix("camera-")
    mask = "maskCamera(camera: $camera, outlines: $corners, reason: $text)"
    corners = [[{"x": 0.1, "y": 0.1}, {"x": 0.4, "y": 0.1}, {"x": 0.4, "y": 0.5}]]
    quan.accepted(mask, camera=key, corners=corners, text="windows of the flats")
    move = "moveCamera(camera: $camera, place: $place, heightM: 6, bearingDeg: 90, reason: $text)"
    told = quan.accepted(move, camera=key, place=PLACE, text="turned to the playground")
    seen = one(watch_center, "watch_operator", key, told["position"])
    assert seen["mask"] == [[{"x": 0, "y": 0}, {"x": 1, "y": 0}, {"x": 1, "y": 1}, {"x": 0, "y": 1}]]
    assert (seen["bearingDeg"], seen["fieldOfView"], seen["health"]) == (90.0, None, "online")
    told = quan.accepted(mask, camera=key, corners=corners, text="as before, in the new picture")
    assert one(watch_center, "watch_operator", key, told["position"])["mask"] == corners


def test_a_field_of_view_that_cannot_be_is_refused_with_its_field(watch_center: WatchCenter) -> None:
    quan, key = watch_center.as_role("administrator"), camera(watch_center).removeprefix("camera-")
    draw = "drawFieldOfView(camera: $camera, outline: $outline, reason: $text)"
    away = [{**point, "latitude": point["latitude"] + 0.02} for point in OUTLINE]
    told = quan.order(draw, camera=key, outline=away, text="as surveyed")
    assert (told["__typename"], told["field"]) == ("Mistaken", "outline")
    assert "500 m" in told["message"]


@pytest.mark.rule("camera.secret")
def test_an_address_is_not_taken_where_a_name_is_asked_and_is_in_no_event(watch_center: WatchCenter) -> None:
    quan, key = watch_center.as_role("administrator"), camera(watch_center).removeprefix("camera-")
    address = "rtsp://admin:hunter2@10.0.0.7/stream1"
    told = quan.order("nameStreamSource(camera: $camera, secret: $name)", camera=key, name=address)
    assert (told["__typename"], told["field"]) == ("Mistaken", "secret")
    assert "never an address or a password" in told["accepted"]
    quan.accepted("nameStreamSource(camera: $camera, secret: $name)", camera=key, name="plummer-1")
    with_it = [event for event in watch_center.events(f"camera-{key}") if "hunter2" in str(event)]
    assert not with_it
    assert "hunter2" not in str(
        watch_center.events(f"session-{quan.ask('{ viewer { sessionId } }')['viewer']['sessionId']}")
    )
    # The watch is shown the camera, not how it is reached.
    seen = one(watch_center, "watch_operator", key, watch_center.head(f"camera-{key}"))
    assert (seen["secret"], seen["device"]) == (None, None)


@pytest.mark.parametrize("role", ["watch_operator", "station_commander", "auditor"])
def test_nobody_but_it_keeps_cameras_and_an_attempt_is_on_the_record(watch_center: WatchCenter, role: str) -> None:
    key = f"c{secrets.token_hex(5)}"
    told = watch_center.as_role(role).order(INSTALL, camera=key, name="Plaza", place=PLACE)
    assert [reason["code"] for reason in told["reasons"]] == ["not_permitted"]
    assert not watch_center.events(f"camera-{key}")


def test_the_list_goes_by_pages(watch_center: WatchCenter) -> None:
    for _ in range(3):
        camera(watch_center)
    deputy, at = watch_center.as_role("watch_operator"), watch_center.head("camera-")
    page = "query($after: String, $at: Position) { cameras(first: 2, after: $after, afterPosition: $at)"
    page += " { edges { node { id } } pageInfo { hasNextPage endCursor } position } }"
    seen: list[str] = []
    after = None
    while True:
        told = deputy.ask(page, after=after, at=at)["cameras"]
        seen += [edge["node"]["id"] for edge in told["edges"]]
        after = told["pageInfo"]["endCursor"]
        if not told["pageInfo"]["hasNextPage"]:
            break
    assert len(seen) == len(set(seen)) >= 3


# -- an inventory, from a console --------------------------------------------------


def taken_in(
    center: WatchCenter, folder: Path, content: str, *more: str, role: str = "administrator"
) -> tuple[int, Json]:
    """The exit code, and what was printed as JSON."""
    file, token = folder / "cameras.csv", folder / "me.jwt"
    file.write_text(content, "utf-8")
    token.write_text(center.as_role(role).token)
    told = typed(center.environ, "cameras", "import", str(file), "--token-file", str(token), "--json", *more)
    assert told.stdout, told.stderr
    return told.returncode, json.loads(told.stdout)


def rows(mark: str, count: int = 3, **changed: str) -> str:
    lines = [HEAD]
    for n in range(count):
        latitude = changed.get("latitude", f"34.09{n:02d}") if n == 1 else f"34.09{n:02d}"
        lines.append(f"{mark}-{n},Corner {mark} {n},{latitude},-118.36,6.5,{changed.get('bearing', '90')},90,60,s-{n}")
    return "\n".join(lines)


def test_an_inventory_is_taken_in_whole_and_again_does_nothing(watch_center: WatchCenter, tmp_path: Path) -> None:
    mark = f"i{secrets.token_hex(4)}"
    code, dry = taken_in(watch_center, tmp_path, rows(mark), "--dry-run")
    assert (code, dry["result"], dry["new"]) == (0, "would be accepted", 3)
    assert dry["steps"][0]["does"] == "camera_installed, field_of_view_drawn, stream_source_named"
    assert not watch_center.events(f"camera-{mark}-0")
    code, told = taken_in(watch_center, tmp_path, rows(mark))
    assert (code, told["result"], told["new"]) == (0, "accepted", 3)
    first, last = watch_center.events(f"camera-{mark}-0"), watch_center.events(f"camera-{mark}-2")
    assert {event["commandid"] for event in (*first, *last)} == {first[0]["commandid"]}  # one append
    assert first[0]["actorid"] == watch_center.as_role("administrator").person
    before = watch_center.head(f"camera-{mark}")
    code, told = taken_in(watch_center, tmp_path, rows(mark))
    assert (code, told["result"], told["unchanged"]) == (0, "as it should be", 3)
    assert watch_center.head(f"camera-{mark}") == before
    code, told = taken_in(watch_center, tmp_path, rows(mark, bearing="180"), "--reason", "turned to the crossings")
    assert (code, told["changed"]) == (0, 3)
    moved = watch_center.events(f"camera-{mark}-0")[-2:]
    assert [event["type"].split(".")[-2] for event in moved] == ["camera_moved", "field_of_view_drawn"]
    assert moved[0]["data"]["reason"] == "turned to the crossings"


def test_a_fault_anywhere_takes_nothing_in_and_every_fault_is_told(watch_center: WatchCenter, tmp_path: Path) -> None:
    mark = f"i{secrets.token_hex(4)}"
    bad = rows(mark, latitude="34.9").replace("6.5,90,90,60,s-2", "600,90,90,60,s 2")
    code, told = taken_in(watch_center, tmp_path, f"{bad}\n{mark}-0,again,34.09,-118.36,6,0,,,\nx,y,1,north,,0,,,")
    assert (code, told["result"]) == (1, "at fault")
    found = {(fault["row"], fault["column"]): fault["accepted"] for fault in told["faults"]}
    assert found.keys() >= {(3, "field_of_view"), (4, "height_m"), (5, "camera"), (6, "longitude"), (6, "height_m")}
    assert all(found.values())
    assert not watch_center.events(f"camera-{mark}-0")


def test_who_may_not_keep_cameras_takes_nothing_in_and_is_on_the_record(
    watch_center: WatchCenter, tmp_path: Path
) -> None:
    mark = f"i{secrets.token_hex(4)}"
    code, told = taken_in(watch_center, tmp_path, rows(mark), role="watch_operator")
    assert (code, told["result"]) == (1, "refused")
    assert told["reasons"][0]["code"] == "not_permitted" and told["position"] > 0


def test_the_sample_of_fifty_goes_in_and_comes_out_on_the_public_page(
    watch_center: WatchCenter, tmp_path: Path
) -> None:
    code, told = taken_in(watch_center, tmp_path, SAMPLE.read_text("utf-8"))
    assert (code, told["new"] + told["unchanged"]) == (0, 50)
    watch_center.applied(watch_center.head("camera-synthetic"))
    anybody = watch_center.http()

    def shown() -> list[Json]:
        answer = anybody.get("/public/cameras.geojson")
        assert answer.status_code == 200 and answer.headers["content-type"].startswith("application/geo+json")
        return [f for f in answer.json()["features"] if f["properties"]["name"].startswith("Synthetic: ")]

    assert wait_until(lambda: len(shown()) == 50, KEPT_FOR_S + 30)
    for feature in shown():
        assert feature["properties"].keys() == {"name", "installed"}
        assert all(round(degrees, 3) == degrees for degrees in feature["geometry"]["coordinates"])


# -- told to the public ------------------------------------------------------------


@pytest.mark.rule("camera.public")
def test_the_public_page_tells_corners_and_months_and_nothing_that_helps_to_evade(watch_center: WatchCenter) -> None:
    quan, mark = watch_center.as_role("administrator"), secrets.token_hex(5)
    key, name = f"c{mark}", f"Corner <{mark}>"
    quan.accepted(INSTALL, camera=key, name=name, place=PLACE)
    told = quan.accepted(
        "nameStreamSource(camera: $camera, secret: $name, device: $text)",
        camera=key,
        name=f"s{mark}",
        text=f"Axis{mark}",
    )
    watch_center.applied(told["position"])
    anybody = watch_center.http()

    def page(language: str) -> str:
        answer = anybody.get(PAGE, headers={"accept-language": language})
        assert (answer.status_code, answer.headers["content-language"]) == (200, language)
        assert "script" not in answer.text and "set-cookie" not in answer.headers
        return answer.text

    assert wait_until(lambda: f"Corner &lt;{mark}&gt;" in page("en"), KEPT_FOR_S + 30)
    assert "Public safety cameras" in page("en") and "Cámaras de seguridad pública" in page("es")
    for text in (page("en"), anybody.get("/public/cameras.geojson").text):
        assert f"{datetime.now(UTC):%Y-%m}" in text
        for kept_back in (key, f"s{mark}", f"Axis{mark}", "34.0927", "-118.3511", "bearing", "online"):
            assert kept_back not in text


def test_import_without_a_token_is_wrong_use(tmp_path: Path) -> None:
    file = tmp_path / "cameras.csv"
    file.write_text(HEAD)
    told = CliRunner().invoke(main, ["cameras", "import", str(file)])
    assert told.exit_code == 2 and "--token-file" in told.stderr
