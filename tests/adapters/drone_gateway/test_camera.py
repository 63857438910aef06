"""Where the camera looks on a flight: level on every way, to the scene on arrival, and on the record once it does."""

from __future__ import annotations

from uuid import uuid4

import pytest

from adapters.mavlink.gateway import VehicleSpec
from application.handling import Mistaken, Refused
from domain.drone import OrderOutcome, SafetyOrder
from domain.kernel import Place
from tests.adapters.drone_gateway.ground import DRONE, PILOT, SCENE, Ground, becomes, done, gatehouse
from tests.adapters.mavlink.conftest import Launch, free_port, run

pytestmark = pytest.mark.slow
ELSEWHERE = Place(SCENE.latitude + 0.0008, SCENE.longitude)


def test_level_in_transit_to_the_scene_on_arrival_and_where_the_pilot_points_it(
    station: Ground, launch: Launch
) -> None:
    async def scene() -> None:
        port, pilot = free_port(), station.signed_on(PILOT)
        flight = station.authorised()

        def story(name: str) -> int:
            return station.story(flight).count(name)

        async with gatehouse(station, VehicleSpec(DRONE, 1, f"udpin:127.0.0.1:{port}")) as house:
            launch("--connect", f"udpout:127.0.0.1:{port}", "--speedup", "8")
            craft = house.gateway.crafts[DRONE]
            await becomes(lambda: craft.state.ready_to_arm)
            await house.sorties.launch(flight)
            await becomes(lambda: story("camera_levelled") == 1)
            early = station.flights.may_point_camera(pilot, flight, -40.0)
            assert isinstance(early, Mistaken) and "in transit" in early.message
            await becomes(lambda: story("camera_turned_to_scene") == 1)
            assert craft.state.gimbal_pitch == pytest.approx(-45.0, abs=5.1), "it is recorded when it looks there"

            # The pilot turns it: the record first, then the order.
            done(station.flights.may_point_camera(pilot, flight, -70.0))
            assert (await house.sorties.camera(flight, -70.0)).outcome is OrderOutcome.ACCEPTED
            await becomes(lambda: craft.state.gimbal_pitch == pytest.approx(-70.0, abs=1))
            other = station.flights.may_point_camera(station.signed_on("j.alvarez"), flight, -30.0)
            assert isinstance(other, Refused)

            done(station.flights.redirect(pilot, flight, ELSEWHERE, 20.0, "the caller moved on"))
            await house.sorties.goto(flight, ELSEWHERE.latitude, ELSEWHERE.longitude, 20.0)
            await becomes(lambda: story("camera_levelled") == 2)
            await becomes(lambda: story("camera_turned_to_scene") == 3)
            await house.sorties.safety(flight, SafetyOrder.RETURN, pilot, "", uuid4())
            await becomes(lambda: story("camera_levelled") == 3)
            assert craft.state.gimbal_pitch == pytest.approx(0.0, abs=5.1)
            await becomes(lambda: story("drone_landed"), 90)
        assert [told["pitch_deg"] for told in station.told(flight, "camera_turned_to_scene")] == [-45.0, -70.0, -45.0]
        assert not story("anomaly_reported")

    run(scene())


def test_a_camera_that_does_not_turn_is_an_anomaly_and_never_said_to_look_there(
    station: Ground, launch: Launch
) -> None:
    async def scene() -> None:
        port = free_port()
        flight = station.authorised()
        async with gatehouse(station, VehicleSpec(DRONE, 1, f"udpin:127.0.0.1:{port}")) as house:
            launch("--connect", f"udpout:127.0.0.1:{port}", "--speedup", "8", "--stuck-gimbal")
            await becomes(lambda: house.gateway.crafts[DRONE].state.ready_to_arm)
            await house.sorties.launch(flight)
            await becomes(lambda: "anomaly_reported" in station.story(flight), 120)
            await house.sorties.safety(flight, SafetyOrder.LAND, station.signed_on(PILOT), "", uuid4())
            await becomes(lambda: "drone_landed" in station.story(flight), 90)
        (anomaly,) = station.told(flight, "anomaly_reported")
        assert anomaly["detail"] == "the camera was to look at -45 degrees and looks at 0"
        assert "camera_turned_to_scene" not in station.story(flight)

    run(scene())
