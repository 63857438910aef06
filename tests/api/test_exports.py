"""A file of footage, from the request to the receiver: made once, of what was approved, and each step on the record."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import signal
import sys
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import numpy as np
import pytest

from adapters.exports import checking
from adapters.exports.making import Maker
from adapters.exports.papers import TelemetrySaid
from adapters.exports.progress import PostgresProgress
from adapters.exports.telemetry import telemetry_of
from adapters.vault.holding import Holding
from api.observability import Health
from api.processes import wiring
from api.processes.exporter import Exporter
from api.processes.running import Running
from application.handling import Accepted
from application.poses import Pose
from application.retention import Retention
from application.standing import service
from domain.footage import FOOTAGE, HeldRangeCopied, RecordFootage, ReportLoss
from domain.kernel import FeedId, FootageId, Place, StreamId
from domain.privacy_override_events import Range
from infra.stack.processes import last_lines, spawn, stop
from tests.adapters.exports.filming import LENGTH, RATE, decoded, filmed, noise, undecodable
from tests.api.looking import camera, grounds
from tests.api.test_leaving import APPROVE, EXPORT, WARRANT, asked, at_work, codes
from tests.api.test_overrides import DRAW, WHY, target
from tests.api.test_retention import DESTROY, HOLD
from tests.api.watch_center import Asker, Json, WatchCenter, fresh, settings_as, until
from tests.application.test_poses import pose

EXPORTS = """query($which: String!, $at: Position) { exports(which: $which, afterPosition: $at, first: 50) {
  edges { node { id state progress recipient masked override feed callNumber category categoryReason
  categorisedBy { id } legalBasis { kind number issuer } requestedBy { id name } decidedBy { id } reasons { code }
  fileSha256 sizeBytes download downloadedBy { id } deliveredBy { id } deliveryMethod } } } }"""
HOURS = iter(range(10_000))
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def feed(watch_center: WatchCenter) -> str:
    return camera(watch_center)


def recorded(
    center: WatchCenter, feed: str, segments: int = 2, at: datetime | None = None, **film: Any
) -> tuple[str, datetime]:
    """Some seconds of a camera in the vault and on the record, and when they begin."""
    at = at or datetime(2026, 6, 1, tzinfo=UTC) + next(HOURS) * timedelta(hours=1)
    with wiring.vault(settings_as("saferweho_recorder", center.environ)) as vault:
        closed = filmed(vault, segments, at=at, feed=FeedId(StreamId(feed)), **film)
    whole, footage = closed.manifest, closed.name.footage
    command = RecordFootage(
        whole.feed, Range(whole.since, whole.until), len(whole.entries), whole.size, closed.root, whole.key
    )
    with at_work(center) as handler:
        told = Retention(handler).record(service("service-recorder"), footage, command, uuid4())
    assert isinstance(told, Accepted), told
    return footage, at


@contextmanager
def exporter(center: WatchCenter) -> Iterator[Exporter]:
    """`saferweho exporter`, a step at a time."""
    settings = settings_as("saferweho_exporter", center.environ)
    assert settings.write_url
    signer = wiring.export_signer(settings)
    with (
        wiring.vault(settings) as vault,
        wiring.shelf(settings) as shelf,
        wiring.handler(settings, checked=False) as handler,
        PostgresProgress(settings.write_url) as progress,
    ):
        shelf.show_root(signer.root_pem)
        process = Running(settings, Health("exporter"), threading.Event())
        yield Exporter(process, handler, Maker(vault, shelf, signer), shelf, progress)


def sergeant(center: WatchCenter) -> Asker:
    return center.as_role("watch_supervisor", step_up=True)


def captain(center: WatchCenter) -> Asker:
    return center.as_role("station_commander", step_up=True)


def requested(center: WatchCenter, footage: str, by: Asker | None = None) -> str:
    told = (by or sergeant(center)).accepted(
        EXPORT, footage=footage, grounds=grounds(center), text="District Attorney", basis=WARRANT
    )
    return str(told["id"])


def requested_unmasked(center: WatchCenter, footage: str, override: str, by: Asker) -> str:
    told = by.accepted(
        EXPORT.replace("recipient:", "override: $override, recipient:"),
        footage=footage,
        grounds=grounds(center),
        text="District Attorney",
        basis=WARRANT,
        override=override,
    )
    return str(told["id"])


def overridden(center: WatchCenter, footage: str, wanted: Range, **changed: object) -> str:
    """An override of the sergeant's for footage, in effect."""
    override = sergeant(center).accepted(
        "requestOverride(input: $target, legalBasis: $basis, reason: $text)",
        target=target(center, f"footage-{footage}", **asked(wanted), **changed),
        basis=WARRANT,
        text="the face of the man with the knife",
    )["id"]
    other = center.asker(center.enrolled("watch_supervisor"), step_up=True)
    other.accepted("approveOverride(override: $override)", override=override)
    return str(override)


def listed(center: WatchCenter, asker: Asker, export: str, which: str = "mine") -> Json | None:
    edges = asker.ask(EXPORTS, which=which, at=center.head())["exports"]["edges"]
    return next((edge["node"] for edge in edges if edge["node"]["id"] == export), None)


def fetched(asker: Asker, export: str) -> httpx.Response:
    return asker.http.get(f"/exports/{export}")


def kinds(center: WatchCenter, export: str) -> list[str]:
    return [event["type"].rpartition("export.")[2] for event in center.events(f"export-{export}")]


def test_a_file_goes_from_the_request_to_who_gets_it(watch_center: WatchCenter, feed: str, tmp_path: Path) -> None:
    footage, _ = recorded(watch_center, feed)
    asking, deciding = sergeant(watch_center), captain(watch_center)
    export = requested(watch_center, footage, asking)
    waiting = listed(watch_center, deciding, export, "waiting")
    assert waiting and (waiting["state"], waiting["legalBasis"], waiting["feed"]) == ("waiting", WARRANT, feed)
    with exporter(watch_center) as made:
        made.once()
        assert fetched(asking, export).status_code == 409, "nothing is made before it is approved"
        deciding.accepted(APPROVE, export=export)
        approved = listed(watch_center, asking, export)
        assert approved and (approved["state"], approved["category"]) == ("approved", "investigatory_file")
        assert approved["categorisedBy"]["id"] == deciding.person and approved["download"] is None
        made.once()
        made.once()
    ready = listed(watch_center, asking, export)
    assert ready and ready["state"] == "made" and ready["download"] == f"/exports/{export}"
    file = fetched(asking, export)
    assert file.status_code == 200 and file.headers["content-type"] == "application/zip"
    assert hashlib.sha256(file.content).hexdigest() == ready["fileSha256"] and len(file.content) == ready["sizeBytes"]
    assert watch_center.events(f"export-{export}")[-1]["data"]["downloaded_by"] == asking.person
    path = tmp_path / "export.zip"
    path.write_bytes(file.content)
    root = tmp_path / "root.pem"
    root.write_bytes(watch_center.http().get("/export-root.pem").content)
    found = checking.check(path, checking.root_of(root))
    assert found.good and found.paper is not None
    assert (found.paper.export, found.paper.footage.name) == (export, "Plummer Park")
    assert found.paper.approved.by.id == deciding.person
    asking.accepted("deliverExport(export: $export, method: $text)", export=export, text="evidence portal")
    assert fetched(asking, export).status_code == 200, "and once more, which is on the record too"
    assert kinds(watch_center, export) == [
        "export_requested.v2",
        "export_categorised.v1",
        "export_approved.v1",
        "footage_exported.v1",
        "export_downloaded.v1",
        "export_delivered.v1",
        "export_downloaded.v1",
    ]
    last = listed(watch_center, watch_center.as_role("auditor"), export, "all")
    assert last and (last["state"], last["deliveryMethod"]) == ("delivered", "evidence portal")
    assert last["downloadedBy"]["id"] == asking.person


def test_what_was_refused_or_waits_has_no_file(watch_center: WatchCenter, feed: str) -> None:
    footage, _ = recorded(watch_center, feed)
    asking = sergeant(watch_center)
    refused, waits = requested(watch_center, footage, asking), requested(watch_center, footage, asking)
    captain(watch_center).accepted(
        "refuseExport(export: $export, reason: $text)", export=refused, text="a still is enough"
    )
    with exporter(watch_center) as made:
        made.once()
    kept = Path(watch_center.settings.kept_exports)
    assert not (kept / refused).exists() and not (kept / waits).exists()
    assert [fetched(asking, export).status_code for export in (refused, waits, "no-such", "a" * 200)] == [
        409,
        409,
        404,
        404,
    ]
    shown = listed(watch_center, asking, refused)
    assert shown and (shown["state"], shown["download"]) == ("refused", None)
    assert codes(shown) == ["refused_by_person"]


def test_only_who_may_takes_a_file_out_and_the_attempt_is_recorded(watch_center: WatchCenter, feed: str) -> None:
    footage, _ = recorded(watch_center, feed)
    export = requested(watch_center, footage)
    captain(watch_center).accepted(APPROVE, export=export)
    with exporter(watch_center) as made:
        made.once()
    assert watch_center.http().get(f"/exports/{export}").status_code == 401
    for role in ("administrator", "city_analyst", "auditor", "station_commander"):
        asker = watch_center.as_role(role)
        before = watch_center.head("session-")
        told = fetched(asker, export)
        assert told.status_code == 403 and b"PK" not in told.content, role
        assert watch_center.head("session-") > before, "the attempt is on the record"
    assert "export_downloaded.v1" not in kinds(watch_center, export)
    assert watch_center.as_role("watch_operator").code(EXPORTS, which="all") == "not_permitted"
    assert listed(watch_center, watch_center.as_role("watch_operator"), export) is None, "another's is not one's own"


def test_a_look_at_what_is_there_is_no_download_and_a_part_is_none_either(watch_center: WatchCenter, feed: str) -> None:
    footage, _ = recorded(watch_center, feed)
    asking = sergeant(watch_center)
    export = requested(watch_center, footage, asking)
    captain(watch_center).accepted(APPROVE, export=export)
    address = f"/exports/{export}"
    assert asking.http.head(address).status_code == 409, "nothing is made yet"
    with exporter(watch_center) as made:
        made.once()
    before = kinds(watch_center, export)
    looked = [asking.http.head(address) for _ in range(3)]
    assert kinds(watch_center, export) == before, "nothing left"
    file = fetched(asking, export)
    for look in looked:
        assert look.status_code == file.status_code == 200 and look.content == b""
        for name in ("content-length", "content-type", "content-disposition", "repr-digest", "accept-ranges"):
            assert look.headers[name] == file.headers[name], name
    assert int(file.headers["content-length"]) == len(file.content) and file.headers["accept-ranges"] == "none"
    part = asking.http.get(address, headers={"range": "bytes=0-99"})
    assert part.status_code == 200 and part.content == file.content, "all of it, as the record says"
    assert kinds(watch_center, export) == [*before, "export_downloaded.v1", "export_downloaded.v1"]
    assert watch_center.http().head(address).status_code == 401
    assert asking.http.head("/exports/no-such").status_code == 404
    other = watch_center.as_role("city_analyst")
    refused = watch_center.head("session-")
    assert other.http.head(address).status_code == 403 and watch_center.head("session-") > refused
    with exporter(watch_center) as made:
        made._process.settings = made._process.settings.model_copy(update={"export_days": 0})
        made.tidy()
    assert asking.http.head(address).status_code == fetched(asking, export).status_code == 410


def test_beside_the_files_their_address_is_the_page_and_nothing_else_of_the_machine(watch_center: WatchCenter) -> None:
    asker = sergeant(watch_center)
    page = asker.http.get("/exports")
    climbing = ("..%2f..%2fkeys", "..%2fexport-keys", "%2e%2e/%2e%2e/etc/passwd", "..%2f..%2f..%2fetc%2fpasswd", "%00")
    for path in climbing:
        told = asker.http.get(f"/exports/{path}")
        assert told.status_code == 404 or (page.status_code, told.content) == (200, page.content), path
        assert b"root:" not in told.content and b"PRIVATE" not in told.content, path
    assert "application/zip" not in page.headers["content-type"]


def test_a_file_whose_time_is_over_is_gone_and_no_download_is_recorded(watch_center: WatchCenter, feed: str) -> None:
    footage, _ = recorded(watch_center, feed)
    asking = sergeant(watch_center)
    export = requested(watch_center, footage, asking)
    captain(watch_center).accepted(APPROVE, export=export)
    with exporter(watch_center) as made:
        made.once()
        made.tidy()
        assert fetched(asking, export).status_code == 200, "it is kept for its days"
        made._process.settings = made._process.settings.model_copy(update={"export_days": 0})
        made.tidy()
    assert fetched(asking, export).status_code == 410
    assert not (Path(watch_center.settings.kept_exports) / export).exists()
    assert kinds(watch_center, export).count("export_downloaded.v1") == 1


@pytest.mark.rule("retention.key")
def test_a_file_of_destroyed_footage_is_taken_out_by_nobody_though_it_is_still_there(
    watch_center: WatchCenter, feed: str
) -> None:
    """Whoever makes and takes away the files may be away itself."""
    long_ago = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(days=400)
    footage, _ = recorded(watch_center, feed, at=long_ago)
    asking = sergeant(watch_center)
    export = requested(watch_center, footage, asking)
    captain(watch_center).accepted(APPROVE, export=export)
    with exporter(watch_center) as made:
        made.once()
    assert fetched(asking, export).status_code == 200
    captain(watch_center).accepted("destroyFootage(footage: $footage)", footage=footage)
    assert (Path(watch_center.settings.kept_exports) / export).exists()
    told = fetched(asking, export)
    assert told.status_code == 410 and b"PK" not in told.content
    assert kinds(watch_center, export).count("export_downloaded.v1") == 1
    with exporter(watch_center) as made:
        made.tidy()
    assert not (Path(watch_center.settings.kept_exports) / export).exists()


@pytest.mark.rule("retention.lost")
def test_a_file_of_lost_footage_stays_for_it_may_be_all_that_is_left(watch_center: WatchCenter, feed: str) -> None:
    footage, at = recorded(watch_center, feed)
    asking = sergeant(watch_center)
    export = requested(watch_center, footage, asking)
    captain(watch_center).accepted(APPROVE, export=export)
    with exporter(watch_center) as made:
        made.once()
        before = fetched(asking, export).content
        loss = ReportLoss(FeedId(StreamId(feed)), Range(at, at + 2 * LENGTH), "the disk failed")
        with at_work(watch_center) as handler:
            told = Retention(handler).report_loss(service("service-recorder"), footage, loss, uuid4())
        assert isinstance(told, Accepted), told
        made.tidy()
        after = fetched(asking, export)
        assert after.status_code == 200 and after.content == before
        made._process.settings = made._process.settings.model_copy(update={"export_days": 0})
        made.tidy()
    assert fetched(asking, export).status_code == 410, "its days are over like those of any"


def test_what_does_not_decode_ends_no_file_but_that_of_nothing_else(
    watch_center: WatchCenter, feed: str, tmp_path: Path
) -> None:
    in_part, _ = recorded(watch_center, feed, 3, broken={1: undecodable})
    as_a_whole, _ = recorded(watch_center, feed, 2, broken={0: undecodable, 1: undecodable})
    asking = sergeant(watch_center)
    some, none = requested(watch_center, in_part, asking), requested(watch_center, as_a_whole, asking)
    for export in (some, none):
        captain(watch_center).accepted(APPROVE, export=export)
    with exporter(watch_center) as made:
        made.once()
    path = tmp_path / "export.zip"
    path.write_bytes(fetched(asking, some).content)
    found = checking.check(path, checking.root_of(_root(watch_center, tmp_path)))
    assert found.good and found.paper is not None, found.wrong
    (clip,) = found.paper.clips
    assert clip.covered_entirely > 0 and len(clip.not_decoded) == 1
    assert clip.not_decoded[0].until - clip.not_decoded[0].since == LENGTH
    shown = listed(watch_center, asking, none)
    assert shown and (shown["state"], codes(shown)) == ("refused", ["footage_undecodable"])
    assert fetched(asking, none).status_code == 409
    assert not (Path(watch_center.settings.kept_exports) / none).exists()


def test_what_cannot_be_made_is_refused_on_the_record(watch_center: WatchCenter, feed: str) -> None:
    footage, _ = recorded(watch_center, feed)
    asking = sergeant(watch_center)
    export = requested(watch_center, footage, asking)
    captain(watch_center).accepted(APPROVE, export=export)
    with wiring.footage_keys(settings_as("saferweho_reactor", watch_center.environ)) as keys:
        keys.destroy(footage)
    with exporter(watch_center) as made:
        made.once()
        made.once()
    shown = listed(watch_center, asking, export)
    assert shown and (shown["state"], codes(shown)) == ("refused", ["footage_destroyed"])
    assert (
        kinds(watch_center, export)[-1] == "export_refused.v1"
        and kinds(watch_center, export).count("export_refused.v1") == 1
    )
    assert not (Path(watch_center.settings.kept_exports) / export).exists()


def test_what_a_hold_keeps_of_destroyed_footage_becomes_a_file_out_of_its_copy(
    watch_center: WatchCenter, feed: str, tmp_path: Path
) -> None:
    footage, at = recorded(watch_center, feed, 3)
    day = str((datetime.now(UTC) + timedelta(days=90)).date())
    asking, deciding = sergeant(watch_center), captain(watch_center)
    hold = HOLD.replace("verifyAgainOn: $date)", "verifyAgainOn: $date, range: $range)")
    held = {"since": at.isoformat(), "until": (at + LENGTH / 2).isoformat()}
    asking.accepted(hold, footage=footage, basis=WARRANT, text="homicide case 926-1", date=day, range=held)
    copies: list[HeldRangeCopied] = []
    settings = settings_as("saferweho_recorder", watch_center.environ)
    with wiring.vault(settings) as vault, at_work(watch_center) as handler:

        def note(of: FootageId, copied: HeldRangeCopied) -> None:
            told = Retention(handler).note_copy(service("service-recorder"), of, copied, uuid4())
            assert isinstance(told, Accepted), told
            copies.append(copied)

        state = handler.states.load([(FOOTAGE, footage)])[FOOTAGE.stream(footage)][1]
        Holding(vault, note).look(FootageId(footage), state)
    (copy,) = copies
    deciding.accepted(DESTROY, footage=footage)
    with wiring.footage_keys(settings_as("saferweho_reactor", watch_center.environ)) as keys:
        keys.destroy(footage)
    export = requested(watch_center, footage, asking)
    deciding.accepted(APPROVE, export=export)
    with exporter(watch_center) as made:
        made.once()
    ready = listed(watch_center, asking, export)
    assert ready and ready["state"] == "made", ready
    path = tmp_path / "export.zip"
    path.write_bytes(fetched(asking, export).content)
    found = checking.check(path, checking.root_of(_root(watch_center, tmp_path)))
    assert found.good and found.paper is not None
    assert (found.paper.footage.id, found.paper.footage.manifest_root_sha256) == (copy.copy, copy.manifest_root_sha256)
    (clip,) = found.paper.clips
    assert (clip.since, clip.until) == (copy.range.since, copy.range.until) == (at, at + LENGTH)


def _root(center: WatchCenter, folder: Path) -> Path:
    path = folder / "root.pem"
    path.write_bytes(center.http().get("/export-root.pem").content)
    return path


def test_the_mask_of_the_camera_is_burnt_into_the_file_and_an_override_alone_lifts_it(
    watch_center: WatchCenter, tmp_path: Path
) -> None:
    feed = camera(watch_center)
    corners = [[{"x": 0.0, "y": 0.0}, {"x": 0.5, "y": 0.0}, {"x": 0.5, "y": 1.0}, {"x": 0.0, "y": 1.0}]]
    watch_center.as_role("administrator").accepted(
        "maskCamera(camera: $camera, outlines: $corners, reason: $text)",
        camera=feed.partition("-")[2],
        corners=corners,
        text="windows of the flats",
    )
    footage, at = recorded(watch_center, feed)
    asking = sergeant(watch_center)
    override = overridden(watch_center, footage, Range(at, at + 2 * LENGTH))
    masked = requested(watch_center, footage, asking)
    lifted = requested_unmasked(watch_center, footage, override, asking)
    for export in (masked, lifted):
        captain(watch_center).accepted(APPROVE, export=export)
    with exporter(watch_center) as made:
        made.once()
    for export, hidden in ((masked, True), (lifted, False)):
        path = tmp_path / f"{export}.zip"
        path.write_bytes(fetched(asking, export).content)
        with zipfile.ZipFile(path) as file:
            said, clip = json.loads(file.read("manifest.json")), file.read("clips/clip-01.mp4")
        assert said["masked"] is hidden and said["override"] == (None if hidden else f"override-{override}")
        pictures = decoded(clip)
        assert len(pictures) == 4 * RATE
        for number, (_, luma) in enumerate(pictures):
            original, part = noise(1, number, 320, 192), (slice(12, 180), slice(12, 148))
            likeness = np.corrcoef(luma[part].reshape(-1), original[part].reshape(-1))[0, 1]
            assert abs(likeness) < 0.12 if hidden else likeness > 0.8


@pytest.mark.rule("mask.place")
def test_what_a_drone_filmed_says_where_it_was_and_not_where_the_privacy_zone_is(
    watch_center: WatchCenter, tmp_path: Path
) -> None:
    """A zone forty metres ahead, in the picture all the while."""
    here = Place(34.2, -118.4)

    def flown(at: datetime) -> Pose:
        return replace(pose(at, 0.0), place=here)

    ahead = [(here.latitude + n * 1e-5, here.longitude + e * 1e-4) for n, e in ((36, -5), (36, 5), (72, 5), (72, -5))]
    outline = [{"latitude": latitude, "longitude": longitude} for latitude, longitude in (*ahead, ahead[0])]
    zone, shape = f"z{secrets.token_hex(5)}", {"outline": outline, "ceilingAglM": 60, "rule": "mask"}
    captain(watch_center).accepted(DRAW, zone=zone, shape=shape, text=WHY, commandId=fresh())
    footage, at = recorded(watch_center, f"flight-{secrets.token_hex(5)}", flown=flown)
    asking = sergeant(watch_center)
    export = requested(watch_center, footage, asking)
    captain(watch_center).accepted(APPROVE, export=export)
    with exporter(watch_center) as made:
        made.once()
    path = tmp_path / "export.zip"
    path.write_bytes(fetched(asking, export).content)
    found = checking.check(path, checking.root_of(_root(watch_center, tmp_path)))
    assert found.good and found.paper is not None, found.wrong
    assert found.paper.telemetry == TelemetrySaid("telemetry.json", 40, False)
    with zipfile.ZipFile(path) as file:
        content = file.read("telemetry.json")
    told = telemetry_of(content)
    assert [each.at for each in told.poses] == [at + n * LENGTH / 20 for n in range(40)]
    assert {each.place for each in told.poses} == {here}
    assert b"yaw" not in content and b"horizontal_deg" not in content
    captain(watch_center).accepted("retirePrivacyZone(zone: $zone, reason: $text)", zone=zone, text="the pool is gone")


# -- killed ------------------------------------------------------------------------------


class Killed:
    """`saferweho exporter` as a process of its own."""

    def __init__(self, center: WatchCenter, folder: Path) -> None:
        self._center, self.log, self.hits = center, folder / "exporter.log", folder / "hits"
        url = settings_as("saferweho_exporter", center.environ).write_url
        self.environ = {**os.environ, **center.environ, "DATABASE_URL": str(url), "PYTHONPATH": str(ROOT)}

    @contextmanager
    def running(self, failpoint: str | None = None) -> Iterator[Any]:
        more = {"SAFERWEHO_FAILPOINT": failpoint, "SAFERWEHO_FAILPOINT_LOG": str(self.hits)} if failpoint else {}
        argv = [sys.executable, "-m", "api.cli", "exporter"]
        process = spawn(argv, self.log, env={**self.environ, **more}, cwd=ROOT)
        try:
            yield process
        finally:
            stop(process)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "place", ["export.piece", "export.before_complete", "export.complete", "export.before_record", "export.recorded"]
)
def test_killed_in_the_middle_it_makes_the_file_once(
    watch_center: WatchCenter, feed: str, tmp_path: Path, place: str
) -> None:
    footage, _ = recorded(watch_center, feed)
    asking = sergeant(watch_center)
    export = requested(watch_center, footage, asking)
    captain(watch_center).accepted(APPROVE, export=export)
    killed = Killed(watch_center, tmp_path)
    with killed.running(place) as process:
        until(lambda: process.poll() is not None, 120, what=f"dies at {place}: {last_lines(killed.log, 20)}")
    assert killed.hits.read_text().splitlines() == [place]
    done = place == "export.recorded"
    assert ("footage_exported.v1" in kinds(watch_center, export)) is done
    assert fetched(asking, export).status_code == (200 if done else 409), "half a file is none"
    with killed.running():
        until(lambda: "footage_exported.v1" in kinds(watch_center, export), 120, what=last_lines(killed.log, 20))
        file = fetched(asking, export)
    made = [e["data"] for e in watch_center.events(f"export-{export}") if e["type"].endswith("footage_exported.v1")]
    assert len(made) == 1 and hashlib.sha256(file.content).hexdigest() == made[0]["file_sha256"]


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.rule("view.masked")
def test_a_file_that_was_being_made_when_its_override_ended_never_leaves(
    watch_center: WatchCenter, feed: str, tmp_path: Path
) -> None:
    small, _ = recorded(watch_center, feed)
    footage, at = recorded(watch_center, feed, 30, size=(640, 384))
    asking, deciding = sergeant(watch_center), captain(watch_center)
    first = requested(watch_center, small, asking)
    deciding.accepted(APPROVE, export=first)
    at_it, url = Killed(watch_center, tmp_path), settings_as("saferweho_api", watch_center.environ).write_url
    assert url
    with at_it.running() as process, PostgresProgress(url) as progress:
        until(lambda: "footage_exported.v1" in kinds(watch_center, first), 120, what="it makes files")
        override = overridden(watch_center, footage, Range(at, at + 30 * LENGTH), minutes=1)
        export = requested_unmasked(watch_center, footage, override, asking)
        deciding.accepted(APPROVE, export=export)
        until(lambda: progress.of([export]).get(export, 0) > 0, 120, what=last_lines(at_it.log, 20))
        process.send_signal(signal.SIGSTOP)
        try:
            (granted,) = (e for e in watch_center.events(f"override-{override}") if "override_approved" in e["type"])
            over = datetime.fromisoformat(granted["data"]["expires_at"])
            assert kinds(watch_center, export)[-1] == "export_approved.v1", "it is in the middle of it"
            until(lambda: datetime.now(UTC) > over, 120)
        finally:
            process.send_signal(signal.SIGCONT)
        until(lambda: kinds(watch_center, export)[-1] == "export_refused.v1", 120, what=last_lines(at_it.log, 20))
    shown = listed(watch_center, asking, export)
    assert shown and (shown["state"], shown["download"], codes(shown)) == ("refused", None, ["override_over"])
    assert fetched(asking, export).status_code == 409 and "PK" not in fetched(asking, export).text
    assert not (Path(watch_center.settings.kept_exports) / export).exists()
    assert not {"footage_exported.v1", "export_downloaded.v1"} & set(kinds(watch_center, export))


def test_how_far_a_file_is_made_is_told(watch_center: WatchCenter, feed: str) -> None:
    footage, _ = recorded(watch_center, feed)
    asking = sergeant(watch_center)
    export = requested(watch_center, footage, asking)
    captain(watch_center).accepted(APPROVE, export=export)
    settings = settings_as("saferweho_exporter", watch_center.environ)
    assert settings.write_url
    with PostgresProgress(settings.write_url) as progress:
        progress.note(export, 0.25)
        shown = listed(watch_center, asking, export)
        assert shown and (shown["state"], shown["progress"]) == ("approved", 0.25)
    with exporter(watch_center) as made:
        made.once()
    shown = listed(watch_center, asking, export)
    assert shown and (shown["state"], shown["progress"]) == ("made", None)


def test_who_asks_wrongly_is_told_what_is_accepted(watch_center: WatchCenter, feed: str) -> None:
    footage, _ = recorded(watch_center, feed)
    asking = sergeant(watch_center)
    paper = {"kind": "warrant", "number": "26-SW-118"}
    told = asking.order(EXPORT, footage=footage, grounds=grounds(watch_center), text="District Attorney", basis=paper)
    assert (told["__typename"], told["field"]) == ("Mistaken", "legal_basis.issuer")
    export = requested(watch_center, footage, asking)
    told = captain(watch_center).order(APPROVE.replace("investigatory_file", "secret"), export=export)
    assert told["field"] == "category" and "factual_inquiry" in told["accepted"]
    assert asking.code(EXPORTS, which="yours") == "invalid_value"
