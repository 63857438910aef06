"""Checks outlines of privacy zones with GEOS, by way of shapely."""

from adapters.geometry.outlines import COUNTY, CountyGeometry

__all__ = ["COUNTY", "CountyGeometry"]
