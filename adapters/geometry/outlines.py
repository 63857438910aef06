"""Whether an outline is a proper polygon on the map: simple, of some size, within the county."""

from __future__ import annotations

from collections.abc import Sequence

from shapely import Polygon, box
from shapely.validation import explain_validity

from domain.kernel import Place

COUNTY = (-118.95, 32.79, -117.64, 34.83)
"""Los Angeles County as the box around it, with Santa Catalina and San Clemente: degrees WGS 84, west, south, east,
north, rounded outwards to a hundredth of a degree. It is there to catch slips such as latitude and longitude changed
over, not to settle where the county ends."""

SMALLEST_M2, LARGEST_M2 = 4.0, 25_000_000.0
_M2_PER_SQUARE_DEGREE = 111_320.0**2 * 0.8281  # cosine of 34.1 degrees, the city's latitude


class CountyGeometry:
    """Implements `application.zones.Geometry`."""

    def fault(self, outline: Sequence[Place]) -> str | None:
        polygon = Polygon([(place.longitude, place.latitude) for place in outline])
        if not polygon.is_valid:
            return explain_validity(polygon).partition("[")[0].strip().lower() or "it is not valid"
        if not box(*COUNTY).contains(polygon):
            return "it is not in the county"
        if not SMALLEST_M2 <= polygon.area * _M2_PER_SQUARE_DEGREE <= LARGEST_M2:
            return f"it is smaller than {SMALLEST_M2:g} m² or larger than {LARGEST_M2 / 1e6:g} km²"
        return None
