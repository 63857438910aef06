"""Whether an outline is a proper polygon on the map: simple, of some size, within the county, before a camera.

The county is Los Angeles County as the Census Bureau draws it at 1:500,000, with Santa Catalina and San Clemente and
without the sea; `los_angeles_county.geojson` beside this file says where it comes from. Its line may be some hundred
metres off and NAD83 is taken for WGS 84 (a metre or two): it says whether a place is in the county, not where it ends.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from math import atan2, cos, degrees, hypot, radians

from shapely import Point, Polygon, contains_properly, prepare
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry
from shapely.validation import explain_validity

from domain.camera import METRES_PER_DEGREE
from domain.kernel import Place

FARTHEST_M = 500.0  # of a corner from its camera; no fixed camera's picture is of use beyond
NEAREST_M = 60.0  # at most so far before the camera begins what it sees
TURNED_DEG = 100.0  # the middle of what is seen lies no further off the bearing
SMALLEST_M2, LARGEST_M2 = 4.0, 25_000_000.0
_M2_PER_SQUARE_DEGREE = 111_320.0**2 * 0.8281  # cosine of 34.1 degrees, the city's latitude


@cache
def county() -> BaseGeometry:
    """Los Angeles County, in degrees of longitude and latitude."""
    read = json.loads(files(__package__).joinpath("los_angeles_county.geojson").read_text("utf-8"))
    outline: BaseGeometry = shape(read["features"][0]["geometry"])
    prepare(outline)
    return outline


class CountyGeometry:
    """Implements `application.zones.Geometry` and `application.cameras.Sight`."""

    def fault(self, outline: Sequence[Place]) -> str | None:
        polygon = Polygon([(place.longitude, place.latitude) for place in outline])
        if not polygon.is_valid:
            return explain_validity(polygon).partition("[")[0].strip().lower() or "it is not valid"
        if not contains_properly(county(), polygon):
            return "it is not in the county"
        if not SMALLEST_M2 <= polygon.area * _M2_PER_SQUARE_DEGREE <= LARGEST_M2:
            return f"it is smaller than {SMALLEST_M2:g} m² or larger than {LARGEST_M2 / 1e6:g} km²"
        return None

    def sight_fault(self, place: Place, bearing_deg: float, outline: Sequence[Place]) -> str | None:
        """A slip rather than a surveyor's error is what this finds: another camera's ground, a bearing the wrong way
        round, latitude and longitude changed over."""
        if (fault := self.fault(outline)) is not None:
            return fault
        east_per_degree = METRES_PER_DEGREE * cos(radians(place.latitude))
        seen = Polygon(
            [
                ((p.longitude - place.longitude) * east_per_degree, (p.latitude - place.latitude) * METRES_PER_DEGREE)
                for p in outline
            ]
        )
        if max(hypot(east, north) for east, north in seen.exterior.coords) > FARTHEST_M + 1:
            return f"a corner is more than {FARTHEST_M:g} m from the camera"
        camera = Point(0, 0)
        if seen.distance(camera) > NEAREST_M:
            return f"it begins more than {NEAREST_M:g} m from the camera"
        middle = seen.centroid
        if not seen.contains(camera):
            off = abs((degrees(atan2(middle.x, middle.y)) - bearing_deg + 180) % 360 - 180)
            if off > TURNED_DEG:
                return "it lies behind the camera"
        return None
