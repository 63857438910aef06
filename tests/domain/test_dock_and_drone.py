"""Docks and drones: in service, airworthy, and given to one flight at a time."""

from __future__ import annotations

from dataclasses import replace

import pytest

from domain.dock import DOCK, CommissionDock, DockCommissioned, InService
from domain.drone import (
    DRONE,
    AssignDrone,
    Assigned,
    BatterySwapped,
    DroneAssigned,
    DroneGrounded,
    DroneReadied,
    DroneRegistered,
    DroneReleased,
    DroneStanding,
    Frame,
    GroundDrone,
    Grounded,
    MaintenancePerformed,
    NotReady,
    OrderOutcome,
    PerformMaintenance,
    Ready,
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


# -- limits, and what is kept ----------------------------------------------------------


def test_a_drone_has_the_number_of_a_vehicle() -> None:
    for system_id in (1, 250):
        given().when(replace(register, system_id=system_id)).then(replace(registered, system_id=system_id))
    for system_id in (0, 251):
        given().when(replace(register, system_id=system_id)).then_raises(InvalidValue, "system_id")
    given().when(replace(register, signing_key_id=None)).then(replace(registered, signing_key_id=None))
    given().when(replace(register, drone=DroneId("?"))).then_raises(InvalidValue, "drone")
    given().when(replace(register, model="x" * 80)).then(replace(registered, model="x" * 80))
    given().when(replace(register, model="x" * 81)).then_raises(InvalidValue, "model")


def test_a_battery_is_ready_from_half_its_charge_to_all_of_it() -> None:
    for percent in (50.0, 100.0):
        given(registered).when(ReadyDrone(percent, LEE)).then(DroneReadied(percent, LEE))
    mistake = given(registered).when(ReadyDrone(49.9, LEE)).then_raises(InvalidValue)
    assert mistake.accepted == "50 to 100 percent"


def test_upkeep_is_told_in_so_many_words() -> None:
    for cycles in (0, 10_000):
        given(registered).when(SwapBattery("BAT-1", cycles, LEE)).then(BatterySwapped("BAT-1", cycles, LEE))
    for cycles in (-1, 10_001):
        given(registered).when(SwapBattery("BAT-1", cycles, LEE)).then_raises(InvalidValue, "cycles")
    given(registered).when(SwapBattery("no serial", 1, LEE)).then_raises(InvalidValue, "battery_serial")
    given(registered).when(RotateSigningKey("no key", LEE)).then_raises(InvalidValue, "signing_key_id")
    due = NOW.date()
    given(registered).when(PerformMaintenance("oil", due, LEE)).then(MaintenancePerformed("oil", LEE, due))
    for said in ("xx", "x" * 201):
        given(registered).when(PerformMaintenance(said, None, LEE)).then_raises(InvalidValue, "work")
        given(registered).when(GroundDrone(said, LEE)).then_raises(InvalidValue, "reason")
    given(registered).when(GroundDrone("xxx", LEE)).then(DroneGrounded("xxx", LEE))


@pytest.mark.rule("flight.one_each")
def test_a_standing_tells_where_a_drone_is_and_whose() -> None:
    grounded = DroneGrounded("motor 3 is loud", LEE)
    for happened, standing in (
        ((), DroneStanding(WEHO_1, False, False)),
        ((registered,), DroneStanding(WEHO_1, True, False, ROOF)),
        ((registered, readied), DroneStanding(WEHO_1, True, True, ROOF)),
        ((registered, readied, grounded), DroneStanding(WEHO_1, True, False, ROOF, None, "motor 3 is loud")),
        ((registered, readied, assigned), DroneStanding(WEHO_1, True, True, ROOF, ONE)),
        (
            (registered, readied, assigned, grounded),
            DroneStanding(WEHO_1, True, False, ROOF, ONE, "motor 3 is loud"),
        ),
    ):
        assert drone_standing(WEHO_1, given(*happened).state) == standing


def test_what_a_drone_is_stays_with_it_whatever_becomes_of_it() -> None:
    frame = Frame("FA3X7WEHO1", "1581F5FHD23AB00C", "M4TD", ROOF, 1, "key-1")
    grounded = DroneGrounded("motor 3 is loud", LEE)
    ready = given(registered, readied)
    assert given(registered).state == NotReady(frame)
    assert ready.state == Ready(frame, 97.0)
    assert given(*ready.happened, DroneReadied(80.0, LEE)).state == Ready(frame, 80.0)
    assert given(*ready.happened, grounded).state == Grounded(frame, "motor 3 is loud")
    assert given(*ready.happened, grounded, readied).state == ready.state
    in_flight = given(registered, readied, assigned)
    assert in_flight.state == Assigned(frame, ONE, 97.0)
    assert given(*in_flight.happened, grounded).state == Assigned(frame, ONE, 97.0, "motor 3 is loud")
    assert given(*in_flight.happened, DroneReleased(ONE, False)).state == ready.state
    assert given(*in_flight.happened, DroneReleased(ONE, True)).state == NotReady(frame)
    assert given(*in_flight.happened, grounded, DroneReleased(ONE, True)).state == Grounded(frame, "motor 3 is loud")
    before = (
        readied,
        grounded,
        assigned,
        SigningKeyRotated("key-2", LEE),
        UnassignedFlightObserved(POSITION, NOW, NOW),
    )
    assert given(*before).state == given().state
    later = NOW + SECOND
    given(registered).when(ReportUnassignedFlight(POSITION, NOW, later)).then(
        UnassignedFlightObserved(POSITION, NOW, later)
    )
    swapped = BatterySwapped("BAT-1", 41, LEE)
    assert given(*ready.happened, swapped).state == ready.state


def test_a_dock_stands_in_a_known_place_at_a_height_on_earth() -> None:
    place = Place(34.0846, -118.3849)
    commission = CommissionDock(ROOF, "Station roof", place, 61.0, LEE)
    assert given_dock().and_when(commission).state == InService("Station roof", place, 61.0)
    given_dock().when(replace(commission, name="x" * 80)).then_types(DockCommissioned)
    given_dock().when(replace(commission, name="x" * 81)).then_raises(InvalidValue, "name")
    for height in (-100, 3000):
        given_dock().when(replace(commission, amsl_m=height)).then_types(DockCommissioned)
    for height in (-101, 3001):
        given_dock().when(replace(commission, amsl_m=height)).then_raises(InvalidValue, "amsl_m")
    for name, field in (("name", "name"), ("dock", "dock")):
        given_dock().when(replace(commission, **{name: "?\x00"})).then_raises(InvalidValue, field)  # type: ignore[arg-type]
    for latitude, longitude in ((-90, 180), (90, -180)):
        assert Place(latitude, longitude).latitude == latitude
    for latitude, longitude in ((-90.1, 0), (90.1, 0), (0, 180.1), (0, -180.1)):
        with pytest.raises(InvalidValue) as refused:
            Place(latitude, longitude)
        assert refused.value.field == "place"
