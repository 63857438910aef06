"""Weather, airspace and crewed traffic out of files that something else keeps current."""

from adapters.conditions.files import AIRSPACE, TRAFFIC, WEATHER, sources

__all__ = ["AIRSPACE", "TRAFFIC", "WEATHER", "sources"]
