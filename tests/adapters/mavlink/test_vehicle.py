"""What is observed of recorded flights."""

import pytest

from adapters.mavlink.dialect import Fields, decode, mavlink
from adapters.mavlink.observations import (
    Anomaly,
    Armed,
    ArrivedAt,
    FenceBreached,
    LinkLost,
    LinkRestored,
    ModeChanged,
    Observation,
    Target,
    TookOff,
)
from adapters.mavlink.state import VehicleState
from adapters.mavlink.tlog import read_tlog
from adapters.mavlink.vehicle import FOLDS, Vehicle, distance
from tests.adapters.mavlink.conftest import recording

Story = list[tuple[str, str]]


def watch(name: str, system: int, target: Target | None = None) -> tuple[Vehicle, list[Observation]]:
    vehicle, seen = Vehicle(), []
    vehicle.aim(target)
    now = 0
    for at, frame in read_tlog(recording(name)):
        now = now or at
        while now < at:  # time passes without frames too
            now = min(now + 250_000, at)
            seen += vehicle.tick(now / 1e6, now)
        if frame.system == system and frame.number in FOLDS:
            seen += vehicle.fold(frame.number, decode(frame.number, frame.raw), frame.component, at / 1e6, at)
    return vehicle, seen


def kinds(seen: list[Observation]) -> list[str]:
    return [
        f"{type(each).__name__} {each.mode}" if isinstance(each, ModeChanged) else type(each).__name__ for each in seen
    ]


def test_a_whole_sortie_is_told_in_order() -> None:
    vehicle, seen = watch("ardupilot_sitl_weho_sortie", 1)
    assert kinds(seen) == [
        "ModeChanged STABILIZE", "ModeChanged GUIDED", "Armed", "TookOff", "ModeChanged RTL", "Landed",
    ]  # fmt: skip
    assert not vehicle.state.armed
    assert vehicle.state.battery_percent is not None


def test_a_breach_of_the_fence_and_a_gap_in_the_link_are_seen_once_each() -> None:
    _, seen = watch("ardupilot_sitl_fence_breach_and_link_gap", 11)
    assert kinds(seen) == [
        "ModeChanged STABILIZE", "ModeChanged GUIDED", "Armed", "TookOff", "LinkLost", "LinkRestored",
        "ModeChanged RTL", "FenceBreached", "FenceCleared", "Landed",
    ]  # fmt: skip
    lost = next(each for each in seen if isinstance(each, LinkLost))
    restored = next(each for each in seen if isinstance(each, LinkRestored))
    assert 3.0 < (lost.received_time - lost.last_heartbeat).total_seconds() < 3.5
    assert restored.silence == pytest.approx(13.0, abs=0.2)
    assert next(each.breach for each in seen if isinstance(each, FenceBreached)) == "BOUNDARY"


def test_two_drones_on_one_stream_are_told_apart() -> None:
    first, seen = watch("ardupilot_sitl_two_drones", 11)
    second, seen_too = watch("ardupilot_sitl_two_drones", 12)
    for story in (seen, seen_too):
        flown = [kind for kind in kinds(story) if kind in ("Armed", "TookOff", "ModeChanged RTL", "Landed")]
        assert flown == ["Armed", "TookOff", "ModeChanged RTL", "Landed"]
    assert first.state.home != second.state.home or first.state.latitude != second.state.latitude


def test_arrival_is_seen_once_near_the_target_and_slow() -> None:
    target = Target(34.0855, -118.3834)
    _, seen = watch("ardupilot_sitl_signed_sortie", 11, target)
    arrivals = [each for each in seen if isinstance(each, ArrivedAt)]
    assert [each.target for each in arrivals] == [target]
    assert arrivals[0].latitude is not None
    assert arrivals[0].longitude is not None
    assert distance(arrivals[0].latitude, arrivals[0].longitude, target.latitude, target.longitude) <= 15


def test_a_real_flight_of_1377_seconds_is_followed_through_its_damage() -> None:
    _, seen = watch("real_copter_flight", 1)
    assert kinds(seen).count("Armed") == 7
    assert kinds(seen).count("TookOff") == kinds(seen).count("Landed") == 5
    assert "ModeChanged RTL" in kinds(seen)
    assert {each.kind for each in seen if isinstance(each, Anomaly)} == {"autopilot", "ekf", "battery_low"}


def test_an_autopilot_without_terrain_data_says_no_height_above_ground() -> None:
    """The recorded ArduCopter sends 1,166 TERRAIN_REPORTs with a spacing of 0 and a height of 0: it has no data."""
    vehicle, _ = watch("ardupilot_sitl_weho_sortie", 1)
    assert (vehicle.state.height_above_terrain, vehicle.state.terrain_source) == (None, None)


def test_an_autopilot_with_terrain_data_says_its_height_above_ground() -> None:
    vehicle, _ = watch("real_copter_flight", 1)
    assert vehicle.state.terrain_source == "TERRAIN_REPORT"
    assert vehicle.state.height_above_terrain == pytest.approx(vehicle.state.altitude_above_home, abs=5)
    assert vehicle.state.terrain_received is not None


# -- single rules ------------------------------------------------------------------------------------


class Watched:
    """A vehicle fed by hand; a tenth of a second passes with each message."""

    def __init__(self, *, armed: bool = False) -> None:
        self.vehicle = Vehicle()
        self.at = 0.0
        self.heartbeat(armed=armed)

    def __call__(self, number: int, **fields: object) -> list[Observation]:
        self.at += 0.1
        return self.vehicle.fold(number, Fields(fields), 1, self.at, int(self.at * 1e6))

    def heartbeat(self, *, armed: bool = False, status: int = 3) -> list[Observation]:
        base = 81 | (128 if armed else 0)
        return self(0, type=2, autopilot=3, base_mode=base, custom_mode=4, system_status=status, mavlink_version=3)

    def position(self, height: float, falling: float = 0.0) -> list[Observation]:
        return self(
            mavlink.MAVLINK_MSG_ID_GLOBAL_POSITION_INT,
            time_boot_ms=1, lat=340845000, lon=-1183834000, alt=90_000, relative_alt=round(height * 1000),
            vx=0, vy=0, vz=round(falling * 100), hdg=0,
        )  # fmt: skip

    def battery(self, percent: int) -> list[Observation]:
        return self(147, id=0, voltages=[4000] * 3, battery_remaining=percent)

    def text(self, severity: int, text: str) -> list[Observation]:
        return self(253, severity=severity, text=text, id=0, chunk_seq=0)

    def fence(self, breached: int) -> list[Observation]:
        return self(162, breach_status=breached, breach_type=3, breach_count=1, breach_time=1, breach_mitigation=0)


def test_a_height_above_ground_is_the_word_of_the_message_that_knows_it_last() -> None:
    drone = Watched()
    report, altitude = mavlink.MAVLINK_MSG_ID_TERRAIN_REPORT, mavlink.MAVLINK_MSG_ID_ALTITUDE

    def told() -> tuple[float | None, str | None]:
        return drone.vehicle.state.height_above_terrain, drone.vehicle.state.terrain_source

    drone(altitude, altitude_terrain=float("nan"))
    drone(altitude, altitude_terrain=-1001.0)
    assert told() == (None, None)
    drone(altitude, altitude_terrain=41.5)
    drone(report, spacing=0, current_height=0.0)  # knows nothing, and takes nothing away
    assert told() == (41.5, "ALTITUDE")
    drone(report, spacing=100, current_height=40.0)
    assert told() == (40.0, "TERRAIN_REPORT")
    assert drone.vehicle.state.terrain_received == pytest.approx(drone.at * 1e6, abs=1)
    drone(report, spacing=0, current_height=0.0)
    assert told() == (None, None)


def test_one_high_reading_is_not_a_take_off() -> None:
    watched = Watched()
    watched.heartbeat(armed=True)
    assert kinds(watched.position(3) + watched.position(0) + watched.position(3)) == []
    assert kinds(watched.position(3)) == ["TookOff"]


def test_standing_after_a_flight_is_a_landing_before_the_motors_stop() -> None:
    watched = Watched()
    watched.heartbeat(armed=True, status=4)
    watched.position(3)
    watched.position(3)
    assert kinds(watched.heartbeat(armed=True, status=3)) == []  # it may be a bounce
    watched.at += 1.5
    assert kinds(watched.heartbeat(armed=True, status=3)) == ["Landed"]
    assert kinds(watched.heartbeat(armed=False)) == []


def test_a_flight_that_began_before_we_listened_is_not_passed_off_as_seen() -> None:
    watched = Watched(armed=True)
    watched.position(30)
    (took_off,) = watched.position(30)
    assert isinstance(took_off, TookOff)
    assert not took_off.witnessed
    watched.heartbeat(armed=False)
    (armed,) = watched.heartbeat(armed=True)
    assert isinstance(armed, Armed)
    assert armed.witnessed


def test_arming_without_flying_is_no_flight() -> None:
    watched = Watched()
    assert kinds(watched.heartbeat(armed=True)) == ["Armed"]
    assert kinds(watched.heartbeat(armed=False)) == []


def test_motors_that_stop_in_a_fall_are_an_anomaly() -> None:
    watched = Watched()
    watched.heartbeat(armed=True, status=4)
    watched(mavlink.MAVLINK_MSG_ID_EXTENDED_SYS_STATE, vtol_state=0, landed_state=mavlink.MAV_LANDED_STATE_IN_AIR)
    watched.position(30, falling=6)
    seen = watched.heartbeat(armed=False)
    assert kinds(seen) == ["Anomaly", "Landed"]
    assert seen[0].kind == "disarmed_in_flight"  # type: ignore[union-attr]


def test_a_battery_level_is_reported_once_until_it_has_recovered() -> None:
    watched = Watched()
    levels = [26, 25, 24, 26, 25, 31, 25, 15, 14]
    reported = [(level, kind.kind) for level in levels for kind in watched.battery(level) if isinstance(kind, Anomaly)]
    assert reported == [(25, "battery_low"), (25, "battery_low"), (15, "battery_critical")]


def test_a_repeated_text_is_reported_once_and_information_never() -> None:
    watched = Watched()
    assert kinds(watched.text(3, "Compass error") + watched.text(3, "Compass error")) == ["Anomaly"]
    assert watched.text(6, "EKF3 active") == []


def test_a_failed_check_before_arming_is_a_state_and_not_an_anomaly() -> None:
    watched = Watched()
    assert watched.text(2, "PreArm: Need Position Estimate") == []
    assert watched.vehicle.state.prearm_text == "PreArm: Need Position Estimate"


def test_a_flood_of_texts_is_bounded() -> None:
    watched = Watched()
    seen = [each for number in range(200) for each in watched.text(2, f"Error {number}")]
    assert kinds(seen).count("Anomaly") == 20


def test_a_long_text_is_put_together() -> None:
    watched = Watched()
    watched(253, severity=2, text="x" * 50, id=7, chunk_seq=0)
    (anomaly,) = watched(253, severity=2, text="end", id=7, chunk_seq=1)
    assert isinstance(anomaly, Anomaly)
    assert anomaly.text == "x" * 50 + "end"


def test_a_fence_is_clear_only_after_two_readings() -> None:
    watched = Watched()
    readings = [1, 1, 0, 1, 0, 0, 0]
    assert [kinds(watched.fence(reading)) for reading in readings] == [
        ["FenceBreached"], [], [], [], [], ["FenceCleared"], [],
    ]  # fmt: skip


def test_a_gimbal_may_not_speak_for_the_autopilot() -> None:
    watched = Watched()
    before = str(watched.vehicle.state)
    heartbeat = {"type": 26, "autopilot": 8, "base_mode": 128, "custom_mode": 9, "system_status": 4}
    assert watched.vehicle.fold(0, heartbeat, 154, 1.0, 1) == []
    assert str(watched.vehicle.state) == before


def test_ready_to_arm_needs_checks_and_a_position_estimate() -> None:
    state = VehicleState(linked=True, autopilot=3, latitude=34.0, longitude=-118.0, prearm_ok=True)
    assert not state.ready_to_arm
    state.ekf_flags = 0xA7
    assert not state.ready_to_arm
    state.ekf_flags = 0x33F
    assert state.ready_to_arm
    state.prearm_ok = False
    assert not state.ready_to_arm


def test_a_vehicle_without_a_position_says_so_by_zeros() -> None:
    watched = Watched()
    watched(33, time_boot_ms=1, lat=0, lon=0, alt=0, relative_alt=0, vx=0, vy=0, vz=0, hdg=0xFFFF)
    assert watched.vehicle.state.latitude is None
