"""The simulated copter behaves as the real one where it matters."""

from math import hypot

import pytest

from infra.vehicle.autopilot import Copter, Mode, Parameters, Result
from infra.vehicle.physics import Battery, Body, Home, Wind

HOME = Home(34.0845, -118.3834)


class Flight:
    """A copter, what it said, and simulated time to spend."""

    def __init__(self, parameters: Parameters | None = None, battery: float = 100.0, wind: Wind | None = None) -> None:
        self.texts: list[str] = []
        self.copter = Copter(
            HOME,
            lambda _severity, text: self.texts.append(text),
            parameters or Parameters(),
            Body(wind=wind or Wind()),
            Battery(battery),
        )

    def wait(self, seconds: float) -> None:
        for _ in range(round(seconds / 0.02)):
            self.copter.step(0.02)

    def take_off(self, height: float = 30) -> Copter:
        self.wait(7)
        assert self.copter.set_mode(Mode.GUIDED) is Result.ACCEPTED
        assert self.copter.arm() is Result.ACCEPTED
        assert self.copter.take_off(height) is Result.ACCEPTED
        self.wait(height / 4 + 10)
        assert self.copter.body.up == pytest.approx(height, abs=0.5)
        return self.copter


def test_it_does_not_arm_before_it_knows_where_it_is() -> None:
    flight = Flight()
    flight.wait(3)
    assert flight.copter.set_mode(Mode.GUIDED) is Result.FAILED
    assert flight.copter.arm() is Result.FAILED
    assert flight.texts[-1] == "Arm: Need Position Estimate"


def test_it_stops_its_motors_when_it_is_armed_and_left_alone() -> None:
    flight = Flight()
    flight.wait(7)
    flight.copter.set_mode(Mode.GUIDED)
    flight.copter.arm()
    flight.wait(11)
    assert not flight.copter.armed


def test_it_flies_to_a_point_in_wind_and_comes_home() -> None:
    flight = Flight(wind=Wind(east=6, gustiness=2.5))
    copter = flight.take_off()
    assert copter.go_to(200, 100, 40, change_mode=False) is Result.ACCEPTED
    flight.wait(45)
    assert hypot(copter.body.north - 200, copter.body.east - 100) < 3
    copter.set_mode(Mode.RTL)
    flight.wait(100)
    assert not copter.armed
    assert hypot(copter.body.north, copter.body.east) < 2


@pytest.mark.parametrize("mode", [Mode.BRAKE, Mode.LAND])
def test_it_stops_where_it_is_told_to(mode: Mode) -> None:
    flight = Flight()
    copter = flight.take_off()
    copter.go_to(500, 0, 30, change_mode=False)
    flight.wait(15)
    before = copter.body.north
    copter.set_mode(mode)
    flight.wait(40)
    assert before < copter.body.north < before + 30
    assert copter.armed == (mode == Mode.BRAKE)


def test_it_refuses_a_point_outside_its_fence() -> None:
    copter = Flight(Parameters(fence_radius=80)).take_off()
    assert copter.go_to(100, 0, 30, change_mode=False) is Result.FAILED
    assert copter.go_to(70, 0, 30, change_mode=False) is Result.ACCEPTED


def test_it_comes_home_when_the_battery_is_low_and_lands_when_it_is_critical() -> None:
    flight = Flight(battery=21.5)
    copter = flight.take_off()
    copter.go_to(2_000, 0, 30, change_mode=False)
    flight.wait(10)
    assert copter.mode == Mode.RTL
    copter.battery.percent = 9
    flight.wait(1)
    assert flight.copter.mode == Mode.LAND


def test_it_comes_home_when_nobody_speaks_to_it() -> None:
    copter = Flight().take_off()
    copter.ground_heard(heard=False)
    assert copter.mode == Mode.RTL


def test_it_does_not_stop_its_motors_in_the_air_unless_forced() -> None:
    flight = Flight()
    copter = flight.take_off()
    assert copter.disarm() is Result.FAILED
    assert copter.disarm(force=True) is Result.ACCEPTED
    flight.wait(10)
    assert copter.body.up == 0
