"""A masked file hides what is hidden when it goes on the record: where a mask was changed meanwhile it is made anew."""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from adapters.exports.keeping import Shelf
from adapters.exports.progress import PostgresProgress
from adapters.geometry import CountyGeometry
from adapters.vault import StorageFault, Vault
from application.cameras import Cameras
from application.zones import Zones
from domain.camera import ChangeMask, InstallCamera, Outline
from domain.export import FootageExported
from domain.flight_events import ZoneRule
from domain.kernel import CameraId, FeedId, PersonId, Place
from domain.person import Role
from domain.privacy_zone import DrawZone, Shape
from tests.adapters.exports.filming import FEED, FLIGHT, decoded, noise
from tests.api.bureau import GROUNDS, HEIGHT, SEGMENTS, WARRANT, WIDTH, Bureau, opened
from tests.application.small_center import ADMIN, CAPTAIN, SmallCenter, done

WHY = "a neighbour asked for it"
CAMERA = CameraId(FEED.partition("-")[2])
LEFT: Outline = ((0.0, 0.0), (0.4, 0.0), (0.4, 1.0), (0.0, 1.0))
RIGHT: Outline = ((0.6, 0.0), (1.0, 0.0), (1.0, 1.0), (0.6, 1.0))
# Well inside of them.
ON_THE_LEFT = (slice(8, HEIGHT - 8), slice(4, int(0.4 * WIDTH) - 12))
ON_THE_RIGHT = (slice(8, HEIGHT - 8), slice(int(0.6 * WIDTH) + 12, WIDTH - 4))
CORNERS = (Place(34.0918, -118.3516), Place(34.0918, -118.3507), Place(34.0912, -118.3507), Place(34.0912, -118.3516))
POOL = Shape((*CORNERS, CORNERS[0]), 60.0, ZoneRule.MASK)
MOMENTS = (
    "reads .*/000001-.*segment",
    f"reads .*/{SEGMENTS:06d}-.*segment",
    "writes .*/000001.sealed",
    "writes .*/complete.json",
    "wrote .*/complete.json",
)


class Masked(Bureau):
    """A center with a camera whose picture is masked on the left, and exporters of what was approved."""

    def __init__(self, center: SmallCenter, vault: Vault, shelf: Shelf, progress: PostgresProgress) -> None:
        super().__init__(center, vault, shelf, progress)
        self.cameras, self.zones = Cameras(center.handler), Zones(center.handler)
        self.zones.geometry = CountyGeometry()
        by = PersonId(ADMIN)
        put_up = InstallCamera(CAMERA, "Plummer Park", Place(34.09, -118.3617), 6.0, 90.0, by)
        done(self.cameras.change(center.signed_on(ADMIN), put_up))
        self.mask(LEFT)

    def mask(self, *outlines: Outline) -> None:
        change = ChangeMask(CAMERA, outlines, WHY, PersonId(ADMIN))
        done(self.cameras.change(self.center.signed_on(ADMIN), change))

    def draw(self) -> None:
        drawn = DrawZone("the pool", POOL, WHY, PersonId(CAPTAIN))
        done(self.zones.change(self.center.signed_on(CAPTAIN), "pool", drawn))

    def approved(self, feed: FeedId = FEED) -> str:
        """An export of some seconds that everything is ready for."""
        footage, _ = self.recorded(feed)
        sam = self.center.signed_on(self.center.enrolled("sam", Role.WATCH_SUPERVISOR))
        key = done(self.exports.request(sam, footage, GROUNDS, "District Attorney", WARRANT)).key
        self.approve(key)
        return key

    def once_at(self, moment: str, then: Callable[[], None]) -> list[str]:
        """What was read and written, and `then` happens once in the middle of it."""
        seen: list[str] = []

        def meanwhile(what: str) -> None:
            seen.append(what)
            if sum(bool(re.fullmatch(moment, each)) for each in seen) == 1 and re.fullmatch(moment, what):
                then()

        self.meanwhile(meanwhile)
        return seen

    def made(self, export: str) -> dict[str, bytes]:
        """The files of the one file that is on the record, which is the one that is kept."""
        said = [recorded.event for recorded in self.center.events(f"export-{export}")]
        (event,) = (each for each in said if isinstance(each, FootageExported))
        kept = self.shelf.finished(export)
        assert kept is not None and event.file_sha256 == kept.sha256
        with zipfile.ZipFile(io.BytesIO(b"".join(self.shelf.read(export)))) as file:
            return {name: file.read(name) for name in file.namelist()}


@pytest.fixture
def bureau(database_url: str, tmp_path: Path) -> Iterator[Masked]:
    with opened(Masked, database_url, tmp_path) as bureau:
        yield bureau


def finished(seen: list[str]) -> int:
    return sum(what.startswith("wrote") and what.endswith("complete.json") for what in seen)


def shown(files: dict[str, bytes], part: tuple[slice, slice]) -> list[float]:
    """How like the original a part of each picture is."""
    found: list[float] = []
    for number, (_, luma) in enumerate(decoded(files["clips/clip-01.mp4"])):
        original: Any = noise(1, number, WIDTH, HEIGHT)
        found.append(float(np.corrcoef(luma[part].reshape(-1), original[part].reshape(-1))[0, 1]))
    return found


@pytest.mark.rule("view.masked")
@pytest.mark.parametrize("moment", MOMENTS)
def test_a_mask_that_is_drawn_while_the_file_is_made_is_in_the_file(bureau: Masked, moment: str) -> None:
    export = bureau.approved()
    seen = bureau.once_at(moment, lambda: bureau.mask(LEFT, RIGHT))
    bureau.exporter.once()
    assert finished(seen) == 2, "the first one is nobody's"
    files = bureau.made(export)
    assert max(map(abs, shown(files, ON_THE_LEFT))) < 0.2 and max(map(abs, shown(files, ON_THE_RIGHT))) < 0.2
    assert json.loads(files["manifest.json"])["export"] == export


@pytest.mark.rule("view.masked")
def test_a_finished_file_that_is_not_on_the_record_yet_is_made_anew_under_a_new_mask(bureau: Masked) -> None:
    """Whoever made it died just then, and the next one finds it."""
    export = bureau.approved()

    def dies() -> None:
        raise StorageFault("the disk was taken away")

    bureau.once_at("wrote .*/complete.json", dies)
    with pytest.raises(StorageFault):
        bureau.exporter.once()
    first = bureau.shelf.finished(export)
    bureau.mask(LEFT, RIGHT)
    bureau.meanwhile(lambda _: None)
    bureau.exporter.once()
    files = bureau.made(export)
    assert max(map(abs, shown(files, ON_THE_RIGHT))) < 0.2
    assert first is not None and first != bureau.shelf.finished(export)


def test_while_no_mask_is_changed_the_file_is_made_once(bureau: Masked) -> None:
    export = bureau.approved()
    seen = bureau.once_at("nothing", lambda: None)
    bureau.exporter.once()
    files = bureau.made(export)
    assert finished(seen) == 1
    assert max(map(abs, shown(files, ON_THE_LEFT))) < 0.2 and min(shown(files, ON_THE_RIGHT)) > 0.7
    bureau.mask(LEFT, RIGHT)
    bureau.exporter.once()
    assert bureau.made(export) == files, "what is on the record stays what it was"


@pytest.mark.rule("view.masked")
@pytest.mark.parametrize("moment", ["reads .*/000002-.*segment", "wrote .*/complete.json"])
def test_a_zone_that_is_drawn_while_a_drones_file_is_made_is_masked_in_it(bureau: Masked, moment: str) -> None:
    """Nobody knows where this drone was, so under a zone all of it is."""
    export = bureau.approved(FLIGHT)
    seen = bureau.once_at(moment, bureau.draw)
    bureau.exporter.once()
    files = bureau.made(export)
    assert finished(seen) == 2
    assert max(map(abs, shown(files, ON_THE_LEFT))) < 0.2 and max(map(abs, shown(files, ON_THE_RIGHT))) < 0.2
    (clip,) = json.loads(files["manifest.json"])["clips"]
    assert clip["covered_entirely"] == clip["pictures"] > 0
