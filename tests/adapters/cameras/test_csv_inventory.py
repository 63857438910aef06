"""Inventories of cameras as files: what is read, and every fault told by row and column."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.cameras import csv_inventory
from adapters.cameras.csv_inventory import LARGEST, Inventory
from adapters.geometry import CountyGeometry
from domain.camera import sector
from domain.kernel import Place

HEAD = "camera,name,latitude,longitude,height_m,bearing_deg,view_angle_deg,view_range_m,field_of_view,secret,note"
GOOD = "plummer-1,Santa Monica & Plummer,34.0907,-118.3511,6.5,270,90,60,,plummer-1,by the gate"
HERE = Place(34.0907, -118.3511)
POLYGON = '"POLYGON((-118.3511 34.0907, -118.3515 34.0907, -118.3515 34.0911, -118.3511 34.0907))"'
SAMPLE = Path(__file__).parents[3] / "docs" / "cameras" / "synthetic-cameras.csv"


def of(folder: Path, text: str | bytes) -> Inventory:
    file = folder / "cameras.csv"
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    return csv_inventory.read(file)


def test_a_row_is_a_camera_with_what_it_sees(tmp_path: Path) -> None:
    inventory = of(tmp_path, f"\ufeff{HEAD}\r\n{GOOD}\r\n\r\n")
    (listed,) = inventory.cameras
    assert (inventory.rows, inventory.faults, listed.row) == (1, (), 2)
    assert (listed.camera, listed.name, listed.place) == ("plummer-1", "Santa Monica & Plummer", HERE)
    assert (listed.height_m, listed.bearing_deg, listed.secret) == (6.5, 270.0, "plummer-1")
    assert listed.field_of_view == sector(HERE, 270.0, 90.0, 60.0)


def test_what_it_sees_may_be_a_polygon_or_left_out(tmp_path: Path) -> None:
    drawn = of(tmp_path, f"{HEAD}\n{GOOD.replace('90,60,,', f',,{POLYGON},')}")
    assert not drawn.faults and drawn.cameras[0].field_of_view is not None
    assert drawn.cameras[0].field_of_view[1] == Place(34.0907, -118.3515)
    assert of(tmp_path, f"{HEAD}\n{GOOD.replace('90,60,,', ',,,')}").cameras[0].field_of_view is None
    few = "camera,name,latitude,longitude,height_m,bearing_deg\nc,C,34.09,-118.35,6,0"
    assert of(tmp_path, few).cameras[0].secret is None


@pytest.mark.parametrize(
    ("changed", "column", "accepted"),
    [
        (("34.0907", "north"), "latitude", "degrees north"),
        (("34.0907", "nan"), "latitude", "degrees north"),
        (("34.0907", "134.0907"), "latitude, longitude", "-90..90"),
        (("-118.3511", ""), "longitude", "degrees east"),
        (("6.5", "6,5"), "", "as the header has"),
        (("270,90", "270,400"), "view_angle_deg", "1 to 360"),
        (("270,90", "270,"), "view_angle_deg", "1 to 360"),
        (("90,60", "90,5 m"), "view_range_m", "5 to 500"),
        (("90,60", "90,6000"), "view_range_m", "5 to 500"),
        (("90,60,,", f"90,60,{POLYGON},"), "field_of_view", "angle and range"),
        (("90,60,,", ",,POINT(1 2),"), "field_of_view", "POLYGON"),
        (("90,60,,", ',,"POLYGON((1 2",'), "field_of_view", "POLYGON"),
        (("90,60,,", ',,"POLYGON((900 2, 3 4, 5 6, 900 2))",'), "field_of_view", "POLYGON"),
        (("plummer-1,S", ",S"), "camera", "a text"),
    ],
)
def test_a_fault_names_row_column_and_what_is_accepted(
    tmp_path: Path, changed: tuple[str, str], column: str, accepted: str
) -> None:
    inventory = of(tmp_path, f"{HEAD}\n{GOOD}\n{GOOD.replace(*changed, 1)}\n")
    (fault,) = inventory.faults
    assert (fault.row, fault.column, len(inventory.cameras), inventory.rows) == (3, column, 1, 2)
    assert accepted in fault.accepted


def test_every_fault_is_told_at_once(tmp_path: Path) -> None:
    inventory = of(tmp_path, f"{HEAD}\n{GOOD.replace('34.0907', 'x').replace('6.5', 'y')}\n{GOOD.replace('270', 'z')}")
    assert [(fault.row, fault.column) for fault in inventory.faults] == [
        (2, "latitude"),
        (2, "height_m"),
        (3, "bearing_deg"),
    ]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "missing"),
        ("camera;name\n", "missing"),
        (f"{HEAD},colour\n", "not known"),
        (f"{HEAD},note\n", "twice"),
        (b"\xff\xfe" + HEAD.encode("utf-16-le"), "no UTF-8"),
        (f"{HEAD}\n" + "x" * 200_000, "no CSV"),
        ("x" * (LARGEST + 1), "too large"),
    ],
)
def test_what_is_no_inventory_is_told_what_it_lacks(tmp_path: Path, content: str | bytes, said: str) -> None:
    inventory = of(tmp_path, content)
    assert not inventory.cameras
    assert any(said in fault.message for fault in inventory.faults)


@given(st.text(max_size=400) | st.lists(st.text(alphabet='",\n09.-ab', max_size=60), max_size=6).map("\n".join))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_whatever_is_in_a_file_is_told_and_never_raised(tmp_path: Path, text: str) -> None:
    inventory = of(tmp_path, f"{HEAD}\n{text}".encode(errors="replace"))
    assert len(inventory.cameras) + len({fault.row for fault in inventory.faults}) >= 0
    assert all(fault.message for fault in inventory.faults)


@pytest.mark.rule("camera.field_of_view")
def test_the_sample_is_fifty_cameras_that_are_possible_and_marked() -> None:
    inventory = csv_inventory.read(SAMPLE)
    assert (inventory.rows, inventory.faults) == (50, ())
    geometry = CountyGeometry()
    for listed in inventory.cameras:
        assert listed.name.startswith("Synthetic: ") and listed.camera.startswith("synthetic-")
        assert listed.field_of_view is not None
        assert geometry.sight_fault(listed.place, listed.bearing_deg, listed.field_of_view) is None


@pytest.mark.rule("camera.field_of_view")
@pytest.mark.parametrize(
    ("place", "bearing", "outline", "said"),
    [
        (HERE, 90.0, sector(HERE, 270.0, 90.0, 60.0), "behind"),
        (Place(34.095, -118.36), 270.0, sector(HERE, 270.0, 90.0, 60.0), "more than 500 m"),
        (Place(34.0907, -118.3500), 270.0, sector(HERE, 270.0, 90.0, 60.0), "begins"),
        (
            HERE,
            0.0,
            (HERE, Place(34.0911, -118.3515), Place(34.0911, -118.3511), Place(34.0907, -118.3515), HERE),
            "self",
        ),
        (HERE, 0.0, tuple(Place(p.longitude / 2, 10 + p.latitude) for p in sector(HERE, 0, 90, 60)), "county"),
    ],
)
def test_a_field_of_view_that_cannot_be_is_found(
    place: Place, bearing: float, outline: tuple[Place, ...], said: str
) -> None:
    fault = CountyGeometry().sight_fault(place, bearing, outline)
    assert fault is not None and said in fault
