"""Fifty cameras that do not exist, at real street corners: `python -m infra.sample_cameras [--check]`.

For trying `saferweho cameras import`, the map and the public inventory. Corners are where streets of the map data cross
within the city; they are taken as far from each other as can be, the busiest first: the same data, the same file.
"""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from math import atan2, cos, degrees, radians, sin
from pathlib import Path

from shapely import LineString, Point, Polygon, STRtree
from shapely.geometry import shape

from domain.camera import METRES_PER_DEGREE

ROOT = Path(__file__).parents[1]
MAP = ROOT / "ui" / "public" / "map"
TARGET = ROOT / "docs" / "cameras" / "synthetic-cameras.csv"
COUNT = 50
KERB_M = 9.0  # from the middle of the crossing to the post
WEIGHT = {"major": 2, "minor": 1}
EAST_PER_DEGREE = METRES_PER_DEGREE * cos(radians(34.09))
NOTE = "synthetic: no camera stands here; corners © OpenStreetMap contributors, ODbL 1.0"


@dataclass(frozen=True, slots=True)
class Street:
    """`line`: metres east and north."""

    name: str
    weight: int
    line: LineString


@dataclass(frozen=True, slots=True)
class Crossing:
    """`along_deg`: where the busier street runs to, clockwise from north."""

    at: Point
    names: tuple[str, str]
    weight: int
    along_deg: float


def _metres(line: LineString) -> LineString:
    return LineString([(x * EAST_PER_DEGREE, y * METRES_PER_DEGREE) for x, y in line.coords])


def streets() -> list[Street]:
    features = json.loads((MAP / "west_hollywood_streets.geojson").read_text())["features"]
    return [
        Street(f["properties"]["name"], WEIGHT[f["properties"]["class"]], _metres(shape(f["geometry"])))
        for f in features
        if f["properties"]["class"] in WEIGHT and f["properties"].get("name") and f["geometry"]["type"] == "LineString"
    ]


def city() -> Polygon:
    features = json.loads((MAP / "west_hollywood_boundary_osm.geojson").read_text())["features"]
    rings = [shape(f["geometry"]) for f in features]
    outline = next(ring for ring in rings if ring.geom_type in ("Polygon", "LineString"))
    coordinates = outline.exterior.coords if outline.geom_type == "Polygon" else outline.coords
    return Polygon([(x * EAST_PER_DEGREE, y * METRES_PER_DEGREE) for x, y in coordinates])


def crossings(found: list[Street], within: Polygon) -> Iterator[Crossing]:
    tree = STRtree([street.line for street in found])
    for one, street in enumerate(found):
        for other in tree.query(street.line, predicate="intersects"):
            crossing = found[other]
            if other <= one or crossing.name == street.name:
                continue
            for point in _points(street.line.intersection(crossing.line)):
                if within.contains(point.buffer(KERB_M * 2)):
                    busier, lesser = sorted((street, crossing), key=lambda s: (-s.weight, s.name))
                    along = _along(busier.line, point)
                    yield Crossing(point, (busier.name, lesser.name), street.weight + crossing.weight, along)


def _points(geometry: object) -> list[Point]:
    parts = getattr(geometry, "geoms", [geometry])
    return [part for part in parts if isinstance(part, Point)]


def _along(line: LineString, point: Point) -> float:
    at = line.project(point)
    a, b = line.interpolate(max(0.0, at - 5)), line.interpolate(min(line.length, at + 5))
    return degrees(atan2(b.x - a.x, b.y - a.y)) % 360


def chosen(found: list[Crossing]) -> list[Crossing]:
    """One after the other, each where busy streets cross far from all that were taken before."""
    left = sorted(found, key=lambda c: (-c.weight, c.names, round(c.at.x), round(c.at.y)))
    taken: list[Crossing] = []
    while left and len(taken) < COUNT:
        best = max(left, key=lambda c: c.weight**2 * min((c.at.distance(t.at) for t in taken), default=1.0))
        taken.append(best)
        left = [c for c in left if c.at.distance(best.at) > 40 and c.names != best.names]
    return taken


def rows() -> Iterator[dict[str, str]]:
    for number, crossing in enumerate(chosen(list(crossings(streets(), city()))), 1):
        # The post stands at a corner, off both streets' middle lines, and looks back along the busier one.
        towards = crossing.along_deg + (135 if number % 2 else 315)
        east = crossing.at.x + KERB_M * sin(radians(towards))
        north = crossing.at.y + KERB_M * cos(radians(towards))
        yield {
            "camera": f"synthetic-{number:02d}",
            "name": f"Synthetic: {crossing.names[0]} at {crossing.names[1]}",
            "latitude": f"{north / METRES_PER_DEGREE:.6f}",
            "longitude": f"{east / EAST_PER_DEGREE:.6f}",
            "height_m": f"{6 + number % 3 * 0.5:g}",
            "bearing_deg": f"{round(crossing.along_deg + (0 if number % 2 else 180)) % 360}",
            "view_angle_deg": "90" if crossing.weight > 3 else "70",
            "view_range_m": "80" if crossing.weight > 3 else "50",
            "note": NOTE,
        }


def content() -> str:
    out = io.StringIO()
    all_rows = list(rows())
    writer = csv.DictWriter(out, list(all_rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(all_rows)
    return out.getvalue()


def main() -> int:
    made = content()
    if "--check" in sys.argv[1:]:
        if TARGET.exists() and TARGET.read_text("utf-8") == made:
            return 0
        print(f"{TARGET.relative_to(ROOT)} is not what the code makes. Run: python -m infra.sample_cameras")
        return 1
    TARGET.parent.mkdir(exist_ok=True)
    TARGET.write_text(made, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
