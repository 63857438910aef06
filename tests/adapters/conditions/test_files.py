"""Weather, airspace and traffic out of files: go, no-go, and unknown wherever nobody can say."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from adapters.conditions import AIRSPACE, TRAFFIC, WEATHER, sources
from application.conditions import NOBODY, Way
from domain.kernel import Place
from domain.launch import Conditions, Finding, Go

NOW = datetime(2026, 6, 1, 20, tzinfo=UTC)
DOCK, SCENE = Place(34.0845, -118.3834), Place(34.0927, -118.3511)  # three kilometres, nearly eastward
WAY = Way(DOCK, SCENE, 60.0)
UNASKED = Conditions(*[Finding(Go.UNKNOWN, NOBODY)] * 3)
CLEAR = {"wind_mps": 4.0, "gust_mps": 6.5, "visibility_m": 16000.0, "ceiling_agl_m": 900.0}


def file(folder: Path, name: str, **content: Any) -> None:
    times = {
        "source": "station",
        "valid_from": (NOW - timedelta(minutes=5)).isoformat(),
        "valid_until": (NOW + timedelta(minutes=5)).isoformat(),
    }
    (folder / name).write_text(json.dumps(times | content))


def found(folder: Path, asked: Conditions = UNASKED, at: datetime = NOW) -> dict[str, Finding]:
    return dict(sources(folder).complete(asked, WAY, at).each())


def test_clear_skies_are_go(tmp_path: Path) -> None:
    file(tmp_path, WEATHER, **CLEAR)
    file(tmp_path, AIRSPACE, restrictions=[])
    file(tmp_path, TRAFFIC, aircraft=[])
    assert {finding.go for finding in found(tmp_path).values()} == {Go.GO}


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"wind_mps": 13.0}, "wind"),
        ({"gust_mps": 16.0}, "gusts"),
        ({"visibility_m": 4000.0}, "visibility"),
        ({"ceiling_agl_m": 200.0}, "clouds"),
        ({"thunderstorm": True}, "thunderstorm"),
    ],
)
def test_weather_that_a_drone_does_not_bear_is_no_go(tmp_path: Path, changed: dict[str, Any], says: str) -> None:
    file(tmp_path, WEATHER, **{**CLEAR, **changed})
    weather = found(tmp_path)["weather"]
    assert weather.go is Go.NO_GO and says in weather.detail


def restriction(**where: Any) -> dict[str, Any]:
    return {"id": "6/4321", "begins": NOW.isoformat(), **where}


HALFWAY = {"latitude": 34.0886, "longitude": -118.3672}
ASIDE = {"latitude": 34.1200, "longitude": -118.3672}  # 3.5 km north of the way
CIRCLE = {"center": HALFWAY, "radius_m": 50.0}


@pytest.mark.parametrize(
    ("where", "go"),
    [
        (CIRCLE, Go.NO_GO),
        ({"center": ASIDE, "radius_m": 1000.0}, Go.GO),
        ({"center": ASIDE, "radius_m": 5556.0}, Go.NO_GO),
        ({"outline": [{"latitude": 34.08, "longitude": -118.37}, HALFWAY, ASIDE]}, Go.NO_GO),
        ({**CIRCLE, "ends": (NOW - timedelta(seconds=1)).isoformat()}, Go.GO),
        ({**CIRCLE, "begins": (NOW + timedelta(seconds=1)).isoformat()}, Go.GO),
        ({**CIRCLE, "floor_agl_m": 61.0}, Go.GO),
        ({}, Go.UNKNOWN),
        ({"center": {"latitude": 134.0, "longitude": 0.0}, "radius_m": 1.0}, Go.UNKNOWN),
    ],
)
def test_a_restriction_on_the_way_is_no_go(tmp_path: Path, where: dict[str, Any], go: Go) -> None:
    file(tmp_path, AIRSPACE, restrictions=[restriction(**where)])
    assert found(tmp_path)["airspace"].go is go


@pytest.mark.parametrize(
    ("place", "agl_m", "go"), [(HALFWAY, 150.0, Go.NO_GO), (HALFWAY, 400.0, Go.GO), (ASIDE, 150.0, Go.GO)]
)
def test_crewed_aircraft_low_and_near_the_way_are_no_go(
    tmp_path: Path, place: dict[str, float], agl_m: float, go: Go
) -> None:
    file(tmp_path, TRAFFIC, aircraft=[{"id": "N212LA", "place": place, "agl_m": agl_m}])
    assert found(tmp_path)["traffic"].go is go


def test_what_is_old_missing_or_damaged_is_unknown(tmp_path: Path) -> None:
    file(tmp_path, WEATHER, **CLEAR)
    (tmp_path / TRAFFIC).write_text('{"source": "radar", "valid_from"')
    for at in (NOW + timedelta(minutes=6), NOW - timedelta(minutes=6)):
        assert found(tmp_path, at=at)["weather"].go is Go.UNKNOWN
    unknown = found(tmp_path)
    assert (unknown["traffic"].go, unknown["airspace"].go) == (Go.UNKNOWN, Go.UNKNOWN)
    assert "no file" in unknown["airspace"].detail and "cannot be read" in unknown["traffic"].detail
    file(tmp_path, WEATHER, **CLEAR, valid_from="2026-06-01T19:00:00")
    assert found(tmp_path)["weather"].go is Go.UNKNOWN
    file(tmp_path, WEATHER, **{**CLEAR, "wind_mps": -1})
    assert found(tmp_path)["weather"].go is Go.UNKNOWN


def test_what_a_source_calls_no_go_is_so_whatever_the_request_says(tmp_path: Path) -> None:
    file(tmp_path, WEATHER, **{**CLEAR, "thunderstorm": True})
    named = Conditions(*[Finding(Go.GO, "the sergeant")] * 3)
    complete = found(tmp_path, named)
    assert complete["weather"].go is Go.NO_GO
    assert complete["traffic"] == Finding(Go.GO, "the sergeant")
