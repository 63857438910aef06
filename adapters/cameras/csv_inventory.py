"""An inventory of cameras out of a CSV file: every fault of the file is told at once, by row and column.

What the ground is that a camera sees is told as a polygon (`field_of_view`, WKT in longitude and latitude, OGC 06-103r4
§7), or as the lens's angle and how far its picture is of use (`view_angle_deg`, `view_range_m`), or not at all.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import StringIO
from math import isfinite
from pathlib import Path

from shapely import Polygon, from_wkt
from shapely.errors import ShapelyError

from application.cameras import Fault, Listed
from domain.camera import sector
from domain.kernel import CameraId, Mistake, Place

NEEDED = ("camera", "name", "latitude", "longitude", "height_m", "bearing_deg")
OPTIONAL = ("view_angle_deg", "view_range_m", "field_of_view", "secret")
NOTE = "note"  # a column that nothing reads
NUMBERS = {
    "latitude": "degrees north, such as 34.0905",
    "longitude": "degrees east, such as -118.3707",
    "height_m": "metres above the ground, such as 6.5",
    "bearing_deg": "degrees clockwise from true north, 0 to 360",
}
LARGEST = 1_000_000  # bytes; an inventory of 250 cameras has a tenth of it


@dataclass(frozen=True, slots=True)
class Inventory:
    """`rows`: how many there are, also those at fault."""

    rows: int
    cameras: tuple[Listed, ...]
    faults: tuple[Fault, ...]


def read(file: Path) -> Inventory:
    """Row 1 is the header. Raises OSError."""
    if file.stat().st_size > LARGEST:
        return Inventory(0, (), (Fault(0, "", "the file is too large", f"at most {LARGEST:,} bytes"),))
    try:
        text = file.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        return Inventory(0, (), (Fault(0, "", f"byte {error.start} is no UTF-8", "a CSV file in UTF-8"),))
    rows = csv.reader(StringIO(text, newline=""))
    try:
        header = [name.strip() for name in next(rows, [])]
        faults = list(_header(header))
        if faults:
            return Inventory(0, (), tuple(faults))
        cameras: list[Listed] = []
        count = 0
        for cells in rows:
            if not any(cell.strip() for cell in cells):
                continue
            count += 1
            found, wrong = _row(rows.line_num, header, cells)
            faults += wrong
            cameras += [found] if found else []
    except csv.Error as error:
        return Inventory(0, (), (Fault(rows.line_num, "", f"this is no CSV: {error}", "commas, and quotes in pairs"),))
    return Inventory(count, tuple(cameras), tuple(faults))


def _header(header: list[str]) -> Iterator[Fault]:
    known = (*NEEDED, *OPTIONAL, NOTE)
    accepted = f"{', '.join(NEEDED)}; and if you like {', '.join((*OPTIONAL, NOTE))}"
    for missing in [name for name in NEEDED if name not in header]:
        yield Fault(1, missing, "this column is missing", accepted)
    for name in header:
        if name not in known:
            yield Fault(1, name[:40], "this column is not known", accepted)
    for name in {name for name in header if header.count(name) > 1}:
        yield Fault(1, name, "this column is there twice", "each column once")


def _row(row: int, header: list[str], cells: list[str]) -> tuple[Listed | None, list[Fault]]:
    if len(cells) != len(header):
        return None, [Fault(row, "", f"this row has {len(cells)} cells", f"{len(header)}, as the header has")]
    said = dict(zip(header, (cell.strip() for cell in cells), strict=True))
    faults = [Fault(row, name, "is empty", NUMBERS.get(name, "a text")) for name in NEEDED if not said[name]]
    numbers: dict[str, float] = {}
    for name, accepted in NUMBERS.items():
        number = _number(said[name])
        if number is not None:
            numbers[name] = number
        elif said[name]:
            faults.append(Fault(row, name, "is no number", accepted))
    if numbers.keys() != NUMBERS.keys():
        return None, faults
    try:
        place = Place(numbers["latitude"], numbers["longitude"])
    except Mistake as mistake:
        return None, [*faults, Fault(row, "latitude, longitude", mistake.message, mistake.accepted or "")]
    seen, wrong = _sight(row, said, place, numbers["bearing_deg"])
    faults += wrong
    if faults:
        return None, faults
    listed = Listed(
        row=row,
        camera=CameraId(said["camera"]),
        name=said["name"],
        place=place,
        height_m=numbers["height_m"],
        bearing_deg=numbers["bearing_deg"],
        field_of_view=seen,
        secret=said.get("secret") or None,
    )
    return listed, []


def _sight(
    row: int, said: Mapping[str, str], place: Place, bearing_deg: float
) -> tuple[tuple[Place, ...] | None, list[Fault]]:
    drawn, angle, range_ = (said.get(name, "") for name in ("field_of_view", "view_angle_deg", "view_range_m"))
    if drawn and (angle or range_):
        accepted = "a polygon, or angle and range"
        return None, [Fault(row, "field_of_view", "what it sees is told twice", accepted)]
    if drawn:
        return _polygon(row, drawn)
    if not angle and not range_:
        return None, []
    angle_deg, range_m = _number(angle), _number(range_)
    faults = [
        Fault(row, name, "is no number", accepted)
        for name, number, accepted in (
            ("view_angle_deg", angle_deg, "degrees, 1 to 360"),
            ("view_range_m", range_m, "metres, 5 to 500"),
        )
        if number is None
    ]
    if angle_deg is None or range_m is None:
        return None, faults
    try:
        return sector(place, bearing_deg, angle_deg, range_m), []
    except Mistake as mistake:
        return None, [Fault(row, mistake.field or "", mistake.message, mistake.accepted or "")]


def _polygon(row: int, drawn: str) -> tuple[tuple[Place, ...] | None, list[Fault]]:
    accepted = "POLYGON((longitude latitude, …)), without a hole, the last point the first one again"
    try:
        shape = from_wkt(drawn)
    except ShapelyError:
        shape = None
    if not isinstance(shape, Polygon) or shape.is_empty or shape.interiors or shape.has_z:
        return None, [Fault(row, "field_of_view", "is no polygon", accepted)]
    try:
        return tuple(Place(latitude, longitude) for longitude, latitude in shape.exterior.coords), []
    except Mistake as mistake:
        return None, [Fault(row, "field_of_view", mistake.message, accepted)]


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if isfinite(number) else None
