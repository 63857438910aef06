"""Checks outlines of privacy zones and of what cameras see with GEOS, by way of shapely."""

from adapters.geometry.outlines import COUNTY, CountyGeometry

__all__ = ["COUNTY", "CountyGeometry"]
