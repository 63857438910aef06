"""What an export says of where the drone was: what was sealed of its pictures, and nothing of what masks hide."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner

from adapters.exports import archive, checking, papers
from adapters.exports.keeping import Shelf
from adapters.exports.making import Maker
from adapters.exports.papers import FileSaid
from adapters.exports.signing import AgencySigner
from adapters.exports.telemetry import Telemetry, telemetry_of
from adapters.poses.telemetry import telemetry_in
from adapters.vault import Closed, Vault
from api.cli import main
from application.mask_states import MaskState, mask_at
from application.masks import Errors
from application.poses import Pose
from application.zones import Velocity, distance_m
from domain.camera import WHOLE_PICTURE, Outline
from domain.flight_events import ZoneRule
from domain.privacy_override_events import Range
from tests.adapters.exports.filming import EXPORT, FLIGHT, NOON, SECOND, filmed, on_record, order, zip_of
from tests.adapters.exports.test_checking import written
from tests.application.test_poses import pose, yard

TENTH = SECOND / 10
WINDOW: Outline = ((0.1, 0.2), (0.5, 0.2), (0.5, 0.8), (0.1, 0.8))
MaskAt = Callable[[datetime], Sequence[Outline] | None]


def northward(at: datetime) -> Pose:
    """10 m/s, over the middle of the yard six seconds after noon, as the gateway tells it."""
    return pose(at, (at - NOON - 6 * SECOND) / SECOND * 10, velocity=Velocity(north=10.0))


@pytest.fixture
def flight(vault: Vault) -> Closed:
    """Twelve seconds, of which ten more are missing behind the eighth."""
    return filmed(vault, 6, gap_before=(4,), size=(160, 96), feed=FLIGHT, flown=northward)


class Exported:
    def __init__(self, path: Path, signer: AgencySigner) -> None:
        self.path, self.signer = path, signer

    @property
    def files(self) -> dict[str, bytes]:
        with zipfile.ZipFile(self.path) as export:
            return {name: export.read(name) for name in export.namelist()}

    @property
    def told(self) -> Telemetry:
        return telemetry_of(self.files[archive.TELEMETRY])

    @property
    def readme(self) -> str:
        return " ".join(self.files[archive.README].decode().split())

    def check(self, path: Path | None = None) -> checking.Checked:
        root = self.path.parent / "root.pem"
        root.write_bytes(self.signer.root_pem)
        return checking.check(path or self.path, checking.root_of(root))

    def signed_anew(self, content: bytes | None, **changed: Any) -> checking.Checked:
        """With other telemetry, listed and signed as if it had been made so."""
        files = self.files
        paper = papers.paper_of(files[archive.MANIFEST])
        listed = dict(paper.files)
        if content is None:
            del listed[archive.TELEMETRY], files[archive.TELEMETRY]
        else:
            listed[archive.TELEMETRY] = FileSaid(*_sum(content))
            files[archive.TELEMETRY] = content
        said = msgspec.structs.replace(paper, files=listed, **changed).encoded()
        files |= {archive.MANIFEST: said, archive.SIGNATURE: self.signer.sign(said)}
        sums = {name: _sum(each) for name, each in files.items() if name != archive.SUMS}
        path = self.path.with_name("other.zip")
        path.write_bytes(written({**files, archive.SUMS: archive.sums_of(sums)}))
        return self.check(path)


@pytest.fixture
def export(maker: Maker, shelf: Shelf, signer: AgencySigner, tmp_path: Path) -> Callable[..., Exported]:
    def made(closed: Closed, mask: MaskAt | None, wanted: Range | None = None) -> Exported:
        mask_of = None if mask is None else lambda _, __: mask
        maker.make(order(closed, wanted, masked=mask is not None), on_record(closed), mask_of)
        return Exported(zip_of(shelf, tmp_path), signer)

    return made


def nothing(_: datetime) -> Sequence[Outline]:
    return ()


def is_at(at: datetime, *seconds: float) -> bool:
    return any(abs((at - NOON) / SECOND - n) < 0.05 for n in seconds)


def seconds(told: Telemetry) -> list[float]:
    return [round((each.at - NOON) / SECOND, 1) for each in told.poses]


def tenths(since: int, until: int) -> list[float]:
    return [n / 10 for n in range(since, until)]


# -- what is told ----------------------------------------------------------------


@pytest.mark.parametrize("mask", [None, nothing])
def test_what_was_sealed_of_the_pictures_of_the_clips_is_told_as_it_was_sealed(
    export: Callable[..., Exported], flight: Closed, vault: Vault, mask: MaskAt | None
) -> None:
    wanted = Range(NOON + 15 * TENTH, NOON + 195 * TENTH)
    made = export(flight, mask, wanted)
    told = made.told
    assert seconds(told) == tenths(15, 80) + tenths(180, 195), "once each, and none of what is missing between"
    sealed = {
        each.at: each
        for entry in flight.manifest.entries
        for each in telemetry_in(vault.read(flight.name, entry)[1]).poses
    }
    assert [sealed[each.at] for each in told.poses] == list(told.poses) and told.views
    assert (told.export, told.footage, told.feed) == (EXPORT, flight.name.footage, FLIGHT)
    manifest = papers.paper_of(made.files[archive.MANIFEST])
    assert manifest.telemetry == papers.TelemetrySaid("telemetry.json", 80, True)
    assert manifest.files["telemetry.json"].sha256 in made.files[archive.SUMS].decode()
    assert made.check().good
    assert "where the drone was at 80 moments of the clips, and whither its camera looked" in made.readme


def test_any_program_reads_it_with_times_places_and_angles(export: Callable[..., Exported], flight: Closed) -> None:
    content = export(flight, nothing).files[archive.TELEMETRY]
    told = json.loads(content)
    first = told["poses"][0]
    assert (told["format"], first["at"]) == ("saferweho-telemetry-v1", "2026-06-01T12:00:00Z")
    assert first["place"]["latitude"] == northward(NOON).place.latitude and first["height"]["metres"] == 40.0
    assert first["velocity"] == {"north": 10.0, "east": 0.0, "up": 0.0}
    assert first["gimbal"] == {"yaw": 0.0, "pitch": -45.0, "roll": 0.0} and first["mount"] == "horizon"
    assert len(content.splitlines()) == len(told["poses"]) + 2, "a moment a line"


def test_a_fixed_cameras_export_has_none(maker: Maker, shelf: Shelf, vault: Vault, tmp_path: Path) -> None:
    closed = filmed(vault, 1, size=(160, 96))
    maker.make(order(closed), on_record(closed), lambda *_: nothing)
    with zipfile.ZipFile(zip_of(shelf, tmp_path)) as file:
        assert archive.TELEMETRY not in file.namelist()
        assert json.loads(file.read(archive.MANIFEST))["telemetry"] is None


# -- what is not -----------------------------------------------------------------


@pytest.mark.rule("mask.place")
def test_where_a_part_of_one_picture_is_masked_nothing_says_whither_the_camera_looked(
    export: Callable[..., Exported], flight: Closed
) -> None:
    """One is enough: from a moment beside it, and what moved in the picture, the rest could be told."""
    made = export(flight, lambda at: (WINDOW,) if is_at(at, 7.0) else ())
    told, content = made.told, made.files[archive.TELEMETRY]
    assert seconds(told) == tenths(0, 80) + tenths(180, 220) and not told.views
    assert not any(word in content for word in (b"yaw", b"pitch", b"roll", b"horizontal_deg"))
    assert [each.place for each in told.poses] == [northward(each.at).place for each in told.poses]
    assert made.check().good
    assert "whither its camera looked is left out, because a part of the pictures is masked" in made.readme


def test_under_the_override_that_lifts_the_masks_all_of_it_is_told(
    export: Callable[..., Exported], flight: Closed
) -> None:
    told = export(flight, None).told
    assert told.views and [northward(each.at) for each in told.poses] == list(told.poses)


@pytest.mark.rule("mask.place")
def test_around_a_picture_that_is_black_all_over_nothing_is_told(
    export: Callable[..., Exported], flight: Closed
) -> None:
    made = export(flight, lambda at: None if is_at(at, 3.0, 3.1) else ())
    assert seconds(made.told) == tenths(0, 20) + tenths(42, 80) + tenths(180, 220)
    assert made.told.views, "and what is all black has no edge"
    assert "Of a second before and after each picture that is black all over it says nothing" in made.readme
    assert made.check().good


def test_what_is_black_from_end_to_end_tells_of_no_place(export: Callable[..., Exported], flight: Closed) -> None:
    made = export(flight, lambda _: (WHOLE_PICTURE,))
    assert made.told.poses == () and made.check().good
    assert b"latitude" not in made.files[archive.TELEMETRY]


@pytest.mark.rule("mask.place")
@pytest.mark.parametrize("rule", list(ZoneRule))
def test_a_drone_that_flew_through_a_privacy_zone_is_told_up_to_it_and_behind_it(
    maker: Maker, shelf: Shelf, vault: Vault, signer: AgencySigner, tmp_path: Path, rule: ZoneRule
) -> None:
    """As the exporter asks: the zones of the record, held against the poses that were sealed."""
    closed = filmed(vault, 8, size=(160, 96), feed=FLIGHT, flown=northward)
    zone = yard(rule).shape
    state = MaskState(zones=(zone,))
    maker.make(order(closed), on_record(closed), lambda _, content: mask_at(state, telemetry_in(content).view))
    made = Exported(zip_of(shelf, tmp_path), signer)
    told = made.told
    assert told.poses and not told.views and made.check().good
    away = [distance_m(zone.outline, each.place) for each in told.poses]
    assert min(away) > Errors().position_m, "and nearer than a position may be off it is inside"
    south, north = (each.place.latitude < zone.outline[0].latitude for each in (told.poses[0], told.poses[-1]))
    assert south and not north, "it is told again behind it"


# -- verified --------------------------------------------------------------------


def test_telemetry_that_was_changed_or_is_of_another_flight_is_found_and_named(
    export: Callable[..., Exported], flight: Closed
) -> None:
    made = export(flight, nothing)
    told, content = made.told, made.files[archive.TELEMETRY]
    moved = made.path.with_name("moved.zip")
    moved.write_bytes(made.path.read_bytes().replace(b'"latitude":34', b'"latitude":35', 1))
    assert [wrong.file for wrong in made.check(moved).wrong] == [archive.TELEMETRY, archive.SUMS]
    anew, late = msgspec.structs.replace, replace(told.poses[1], at=NOON + timedelta(hours=1))
    for other, what in (
        (b"nonsense", "is not understood"),
        (content.replace(b"telemetry-v1", b"telemetry-v9"), "is not understood"),
        (anew(told, export="another").encoded(), "is of another export"),
        (anew(told, poses=told.poses[1:]).encoded(), "is not what the manifest says of it"),
        (anew(told, poses=(told.poses[0], late, *told.poses[2:])).encoded(), "has a moment that is in no clip"),
        (anew(told, poses=told.poses[::-1]).encoded(), "or is out of order"),
    ):
        (wrong,) = made.signed_anew(other).wrong
        assert wrong.file == archive.TELEMETRY and what in wrong.what, wrong
    found = made.signed_anew(None, telemetry=None)
    assert [wrong.file for wrong in found.wrong] == [archive.MANIFEST], "a flight's export has it"


def test_a_view_that_was_to_be_left_out_is_found(export: Callable[..., Exported], flight: Closed) -> None:
    made = export(flight, lambda _: (WINDOW,))
    told = made.told
    looked = msgspec.structs.replace(told, poses=(northward(told.poses[0].at), *told.poses[1:]))
    (wrong,) = made.signed_anew(looked.encoded()).wrong
    assert wrong.file == archive.TELEMETRY and "whither the camera looked" in wrong.what


def test_who_verifies_is_told_what_it_says(export: Callable[..., Exported], flight: Closed) -> None:
    made = export(flight, nothing)
    made.check()  # writes the root
    told = CliRunner().invoke(main, ["export", "verify", str(made.path), "--root", str(made.path.parent / "root.pem")])
    assert told.exit_code == 0 and told.output.startswith("GOOD: ")
    assert "Telemetry:" in told.output and "where the drone was at 120 moments" in told.output
    assert "telemetry.json, " in told.output


def _sum(content: bytes) -> tuple[str, int]:
    return hashlib.sha256(content).hexdigest(), len(content)
