"""Docks and drones: in service, airworthy, and given to one flight at a time."""

from __future__ import annotations

from dataclasses import replace

import pytest

from domain.dock import DOCK, CommissionDock, DockCommissioned
from domain.drone import (
    DRONE,
    AssignDrone,
    BatterySwapped,
    DroneAssigned,
    DroneGrounded,
    DroneReadied,
    DroneRegistered,
    DroneReleased,
    GroundDrone,
    MaintenancePerformed,
    OrderOutcome,
    PerformMaintenance,
    ReadyDrone,
    RecordDroneOrder,
    RegisterDrone,
    ReleaseDrone,
    ReportUnassignedFlight,
    RotateSigningKey,
    SafetyOrder,
    SafetyOrderGiven,
    SigningKeyRotated,
    SwapBattery,
    UnassignedFlightObserved,
    drone_standing,
)
from domain.kernel import AirPosition, DockId, DroneId, FlightId, InvalidValue, NotFound, PersonId, Place, WrongState
from tests.domain.scenario import NOW, SECOND, Scenario

given_dock, given = Scenario(DOCK), Scenario(DRONE)
LEE, WEHO_1, ROOF = PersonId("lee"), DroneId("weho-1"), DockId("station-roof")
ONE, TWO = FlightId("flight-1"), FlightId("flight-2")
register = RegisterDrone(WEHO_1, "FA3X7WEHO1", "1581F5FHD23AB00C", "M4TD", ROOF, 1, "key-1", LEE)
registered = DroneRegistered("FA3X7WEHO1", "1581F5FHD23AB00C", "M4TD", ROOF, 1, "key-1", LEE)
readied = DroneReadied(97.0, LEE)
assigned = DroneAssigned(ONE)
POSITION = AirPosition(34.09, -118.37, 100.0, 40.0)


def test_a_dock_is_commissioned_once() -> None:
    place = Place(34.0846, -118.3849)
    commission = CommissionDock(ROOF, "Station roof", place, 61.0, LEE)
    commissioned = DockCommissioned("Station roof", place, 61.0, LEE)
    given_dock().when(commission).then(commissioned)
    given_dock(commissioned).when(commission).then_raises(WrongState, "dock")
    given_dock().when(replace(commission, amsl_m=float("nan"))).then_raises(InvalidValue, "amsl_m")
    given_dock().when(replace(commission, name="")).then_raises(InvalidValue, "name")


def test_no_place_is_off_the_earth() -> None:
    with pytest.raises(InvalidValue, match="not on Earth"):
        Place(91.0, 0.0)
    with pytest.raises(InvalidValue, match="not on Earth"):
        Place(float("nan"), 0.0)


def test_a_drone_is_registered_once() -> None:
    given().when(register).then(registered)
    given(registered).when(register).then_raises(WrongState, "drone")


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"system_id": 0}, "system_id"),
        ({"system_id": 255}, "system_id"),
        ({"registration": "no registration"}, "registration"),
        ({"remote_id_serial": ""}, "remote_id_serial"),
        ({"model": ""}, "model"),
        ({"signing_key_id": "a key"}, "signing_key_id"),
        ({"dock": DockId("?")}, "dock"),
    ],
)
def test_a_registration_that_makes_no_sense_is_told_which_field(changed: dict[str, object], field: str) -> None:
    given().when(replace(register, **changed)).then_raises(InvalidValue, field)  # type: ignore[arg-type]


def test_nothing_is_done_with_a_drone_nobody_registered() -> None:
    given().when(ReadyDrone(97.0, LEE)).then_raises(NotFound, "drone")


@pytest.mark.rule("launch.drone")
def test_a_registered_drone_is_not_ready_before_somebody_says_so() -> None:
    assert not drone_standing(WEHO_1, given(registered).state).ready
    given(registered).when(ReadyDrone(97.0, LEE)).then(readied)
    assert drone_standing(WEHO_1, given(registered, readied).state).ready


@pytest.mark.parametrize("percent", [49.9, 100.1, float("nan"), -1.0])
def test_a_drone_is_not_ready_on_a_poor_battery(percent: float) -> None:
    given(registered).when(ReadyDrone(percent, LEE)).then_raises(InvalidValue, "battery_percent")


@pytest.mark.rule("flight.one_each")
def test_one_drone_has_one_active_flight() -> None:
    given(registered, readied).when(AssignDrone(ONE)).then(assigned)
    given(registered, readied, assigned).when(AssignDrone(ONE)).then_nothing()
    given(registered, readied, assigned).when(AssignDrone(TWO)).then_raises(WrongState, "drone")


def test_a_drone_that_is_not_ready_gets_no_flight() -> None:
    given(registered).when(AssignDrone(ONE)).then_raises(WrongState, "drone")
    grounded = DroneGrounded("motor 3 is loud", LEE)
    given(registered, readied, grounded).when(AssignDrone(ONE)).then_raises(WrongState, "drone")


def test_a_drone_that_has_flown_is_readied_again_and_one_that_has_not_is_still_ready() -> None:
    flown, not_flown = DroneReleased(ONE, True), DroneReleased(ONE, False)
    given(registered, readied, assigned).when(ReleaseDrone(ONE, True)).then(flown)
    given(registered, readied, assigned).when(ReleaseDrone(TWO, True)).then_nothing()
    given(registered, readied).when(ReleaseDrone(ONE, False)).then_nothing()
    assert not drone_standing(WEHO_1, given(registered, readied, assigned, flown).state).ready
    assert drone_standing(WEHO_1, given(registered, readied, assigned, not_flown).state).ready


def test_a_drone_in_flight_is_not_readied() -> None:
    given(registered, readied, assigned).when(ReadyDrone(97.0, LEE)).then_raises(WrongState)


def test_a_drone_grounded_in_flight_is_grounded_when_it_is_back() -> None:
    grounded = DroneGrounded("motor 3 is loud", LEE)
    given(registered, readied, assigned).when(GroundDrone("motor 3 is loud", LEE)).then(grounded)
    back = given(registered, readied, assigned, grounded, DroneReleased(ONE, False))
    standing = drone_standing(WEHO_1, back.state)
    assert (standing.ready, standing.grounded) == (False, "motor 3 is loud")
    back.when(ReadyDrone(97.0, LEE)).then(readied)


def test_upkeep_is_on_the_record_in_every_state() -> None:
    for story in (given(registered), given(registered, readied), given(registered, readied, assigned)):
        story.when(SwapBattery("BAT-1", 41, LEE)).then(BatterySwapped("BAT-1", 41, LEE))
        story.when(PerformMaintenance("new propellers", None, LEE)).then(
            MaintenancePerformed("new propellers", LEE, None)
        )
        story.when(RotateSigningKey("key-2", LEE)).then(SigningKeyRotated("key-2", LEE))
        story.when(GroundDrone("?", LEE)).then_raises(InvalidValue, "reason")
        assert story.and_when(RotateSigningKey("key-2", LEE)).state.frame.signing_key_id == "key-2"  # type: ignore[union-attr]


@pytest.mark.parametrize("order", SafetyOrder)
@pytest.mark.rule("flight.safety_first")
def test_an_order_to_a_drone_without_a_flight_is_recorded_with_both_times(order: SafetyOrder) -> None:
    command = RecordDroneOrder(order, LEE, NOW - 40 * SECOND, OrderOutcome.UNKNOWN, "no\x00link")
    given(registered).when(command).then(
        SafetyOrderGiven(order, LEE, NOW - 40 * SECOND, OrderOutcome.UNKNOWN, "no link", recorded_late=True)
    )
    prompt = replace(command, ordered_at=NOW - SECOND, detail="")
    given(registered).when(prompt).then(
        SafetyOrderGiven(order, LEE, NOW - SECOND, OrderOutcome.UNKNOWN, "", recorded_late=False)
    )


@pytest.mark.rule("flight.anomalies")
def test_a_drone_seen_in_the_air_without_a_flight_is_grounded() -> None:
    observed = UnassignedFlightObserved(POSITION, None, NOW)
    given(registered, readied).when(ReportUnassignedFlight(POSITION, None, NOW)).then(observed)
    standing = drone_standing(WEHO_1, given(registered, readied, observed).state)
    assert (standing.ready, standing.grounded) == (False, "it was seen in the air without a flight")
    in_flight = drone_standing(WEHO_1, given(registered, readied, assigned, observed).state)
    assert (in_flight.assigned_to, in_flight.ready) == (ONE, False)
