"""Go or no-go out of three JSON files: weather.json, airspace.json, traffic.json.

Each says from when until when it may be believed; outside that time, and where it is missing or cannot be read, nothing
is known. The formats are those of docs/how-to/feed-conditions.md. A file is to be replaced by renaming, so that no half
of one is ever read.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Generic, TypeVar

import msgspec
from shapely import LineString, Point, Polygon

from application.conditions import Sources, Way
from domain.kernel import InvalidValue, Place
from domain.launch import Finding, Go

WEATHER, AIRSPACE, TRAFFIC = "weather.json", "airspace.json", "traffic.json"
BYTES = 4 * 1024 * 1024

# What the drone bears, and 14 CFR 107.51(c) and (d): 3 statute miles to see, 500 ft below the clouds.
MOST_WIND_MPS, MOST_GUST_MPS = 12.0, 15.0
LEAST_VISIBILITY_M, LEAST_BELOW_CLOUD_M = 4828.0, 152.4
# Crewed aircraft this near the way, and this low, are in the way.
NEAR_M, LOW_AGL_M = 1000.0, 300.0
METRES_PER_DEGREE = 111_320.0


class File(msgspec.Struct, kw_only=True):
    """`source`: who says so, for the record."""

    source: str
    valid_from: datetime
    valid_until: datetime


class Weather(File, kw_only=True):
    """`ceiling_agl_m`: lowest layer that is broken or overcast; None: none."""

    wind_mps: float
    gust_mps: float | None = None
    visibility_m: float
    ceiling_agl_m: float | None = None
    thunderstorm: bool = False


class Restriction(msgspec.Struct, kw_only=True):
    """A circle or an outline, from the ground up to `ceiling_agl_m` or without end, from `begins` to `ends`."""

    id: str
    begins: datetime
    ends: datetime | None = None
    center: Place | None = None
    radius_m: float | None = None
    outline: tuple[Place, ...] = ()
    floor_agl_m: float = 0.0


class Airspace(File, kw_only=True):
    restrictions: tuple[Restriction, ...]


class Aircraft(msgspec.Struct, kw_only=True):
    id: str
    place: Place
    agl_m: float


class Traffic(File, kw_only=True):
    aircraft: tuple[Aircraft, ...]


F = TypeVar("F", bound=File)


@dataclass(frozen=True)
class FileSource(Generic[F]):
    """`judge`: why not, or nothing."""

    name: str
    path: Path
    format: type[F]
    judge: Callable[[F, Way, datetime], str]

    def find(self, way: Way, at: datetime) -> Finding:
        try:
            with self.path.open("rb") as file:
                said = msgspec.json.decode(file.read(BYTES), type=self.format)
            if said.valid_from.tzinfo is None or said.valid_until.tzinfo is None:
                return Finding(Go.UNKNOWN, self.name, "the times of the file have no time zone")
            if not said.valid_from <= at <= said.valid_until:
                return Finding(Go.UNKNOWN, said.source[:120], f"valid until {said.valid_until.isoformat()}")
            reason = self.judge(said, way, at)
        except FileNotFoundError:
            return Finding(Go.UNKNOWN, self.name, "there is no file")
        except (OSError, msgspec.DecodeError, InvalidValue, TypeError, ValueError) as error:
            return Finding(Go.UNKNOWN, self.name, f"the file cannot be read: {type(error).__name__}")
        return Finding(Go.NO_GO if reason else Go.GO, said.source[:120], reason[:300])


def sources(folder: Path) -> Sources:
    """The three sources of a folder; a file that is not there is a source that knows nothing."""
    return Sources(
        weather=FileSource("weather file", folder / WEATHER, Weather, weather_against),
        airspace=FileSource("airspace file", folder / AIRSPACE, Airspace, airspace_against),
        traffic=FileSource("traffic file", folder / TRAFFIC, Traffic, traffic_against),
    )


def weather_against(said: Weather, way: Way, at: datetime) -> str:
    figures = (said.wind_mps, said.gust_mps or 0.0, said.visibility_m, said.ceiling_agl_m or 0.0)
    if not all(math.isfinite(figure) and figure >= 0 for figure in figures):
        raise ValueError("a figure is negative or none")
    against = []
    if said.wind_mps > MOST_WIND_MPS:
        against.append(f"wind {said.wind_mps:g} m/s, at most {MOST_WIND_MPS:g}")
    if said.gust_mps is not None and said.gust_mps > MOST_GUST_MPS:
        against.append(f"gusts {said.gust_mps:g} m/s, at most {MOST_GUST_MPS:g}")
    if said.visibility_m < LEAST_VISIBILITY_M:
        against.append(f"visibility {said.visibility_m:g} m, at least {LEAST_VISIBILITY_M:g}")
    if said.ceiling_agl_m is not None and said.ceiling_agl_m - way.agl_m < LEAST_BELOW_CLOUD_M:
        against.append(f"clouds at {said.ceiling_agl_m:g} m, flight at {way.agl_m:g} m")
    if said.thunderstorm:
        against.append("thunderstorm")
    return "; ".join(against)


def airspace_against(said: Airspace, way: Way, at: datetime) -> str:
    track = _track(way)
    against = []
    for each in said.restrictions:
        if not each.begins <= at or (each.ends is not None and at > each.ends) or way.agl_m < each.floor_agl_m:
            continue
        if each.center is not None and each.radius_m is not None:
            distance = track.distance(Point(_metres(each.center, way.dock)))
            reaches = distance <= each.radius_m
        elif len(each.outline) >= 3:
            reaches = Polygon([_metres(corner, way.dock) for corner in each.outline]).intersects(track)
        else:
            raise ValueError("a restriction has neither circle nor outline")
        if reaches:
            against.append(each.id)
    return f"restricted: {', '.join(against)}" if against else ""


def traffic_against(said: Traffic, way: Way, at: datetime) -> str:
    track = _track(way)
    near = [
        each.id
        for each in said.aircraft
        if each.agl_m <= LOW_AGL_M and track.distance(Point(_metres(each.place, way.dock))) <= NEAR_M
    ]
    return f"crewed aircraft near the way: {', '.join(near)}" if near else ""


def _track(way: Way) -> LineString:
    return LineString([(0.0, 0.0), _metres(way.scene, way.dock)])


def _metres(place: Place, origin: Place) -> tuple[float, float]:
    """East and north of the origin. A plane is good to a metre over the few kilometres of a city."""
    east = (place.longitude - origin.longitude) * METRES_PER_DEGREE * math.cos(math.radians(origin.latitude))
    return east, (place.latitude - origin.latitude) * METRES_PER_DEGREE
