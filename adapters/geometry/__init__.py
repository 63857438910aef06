"""Checks outlines of privacy zones and of what cameras see with GEOS, by way of shapely."""

from adapters.geometry.outlines import CountyGeometry

__all__ = ["CountyGeometry"]
