"""What the gateway sends and what it refuses, against simulated copters and a far end that does what a test wants."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from uuid import uuid4

import httpx
import pytest
from starlette.applications import Starlette

from adapters.drone_gateway.wire import HttpDroneGateway, routes
from adapters.mavlink.dialect import decode, mavlink
from adapters.mavlink.frames import FrameScanner
from adapters.mavlink.gateway import VehicleSpec
from adapters.mavlink.outcomes import Timing
from application.gateway import GatewayUnavailable
from domain.drone import OrderOutcome, SafetyOrder
from domain.kernel import Place
from tests.adapters.drone_gateway.ground import (
    DRONE,
    KEY,
    PILOT,
    SCENE,
    Ahead,
    Ground,
    becomes,
    gatehouse,
    ground,
)
from tests.adapters.mavlink.conftest import Launch, free_port, run
from tests.adapters.mavlink.test_gateway import Speaker

SIGNING = bytes(range(32))
ARM, TAKE_OFF = mavlink.MAV_CMD_COMPONENT_ARM_DISARM, mavlink.MAV_CMD_NAV_TAKEOFF
RETURN, MODE = mavlink.MAV_CMD_NAV_RETURN_TO_LAUNCH, mavlink.MAV_CMD_DO_SET_MODE
IMPATIENT = Timing(ack_timeout=0.5, retries=1, safety_period=0.2, safety_deadline=1.5)


class Vehicle:
    """An autopilot in the hands of a test: says where it is ten times a second, and writes down what it is told."""

    def __init__(self, port: int, key: bytes | None = None, system: int = 1) -> None:
        self.speaker = Speaker(port, key, system)
        self.armed, self.height, self.mode, self.silent = False, 0.0, 4, False
        self.told: list[tuple[int, float]] = []
        """Commands with their first parameter, in order."""
        self.sent: list[bytes] = []
        self.obeys: Callable[[int], bool] = lambda _command: True

    async def run(self) -> None:
        scanner, loop = FrameScanner(), asyncio.get_running_loop()
        while True:
            if not self.silent:
                self._speak()
            await asyncio.sleep(0.02)
            with suppress(TimeoutError, ConnectionRefusedError):
                async with asyncio.timeout(0.08):
                    while True:
                        for frame in scanner.feed(await loop.sock_recv(self.speaker.socket, 2048)):
                            if frame.number == mavlink.MAVLINK_MSG_ID_COMMAND_LONG:
                                self._act(decode(frame.number, frame.raw))

    def _speak(self) -> None:
        millimetres = round(self.height * 1000)
        place = (round(34.0845 * 1e7), round(-118.3834 * 1e7), 90_000 + millimetres, millimetres)
        self.sent.append(self.speaker.heartbeat(mode=self.mode, armed=self.armed))
        self.sent.append(
            self.speaker.say(mavlink.MAVLink_global_position_int_message(1000, *place, 0, 0, 0, 0)),
        )
        self.sent.append(self.speaker.say(mavlink.MAVLink_ekf_status_report_message(0x33F, 0, 0, 0, 0, 0, 0)))

    def _act(self, fields: dict[str, object]) -> None:
        command, first = int(str(fields["command"])), float(str(fields["param1"]))
        self.told.append((command, first))
        if self.silent or not self.obeys(command):
            return
        if command == ARM:
            self.armed = bool(first)
        elif command == MODE:
            self.mode = int(float(str(fields["param2"])))
        self.speaker.say(mavlink.MAVLink_command_ack_message(command, 0, 0, 0, 255, 190))

    def commands(self) -> list[int]:
        return [command for command, _ in self.told]


@asynccontextmanager
async def vehicle(port: int, key: bytes | None = None, system: int = 1) -> AsyncIterator[Vehicle]:
    made = Vehicle(port, key, system)
    work = asyncio.create_task(made.run())
    try:
        yield made
    finally:
        work.cancel()
        made.speaker.socket.close()


def udp(port: int) -> str:
    return f"udpin:127.0.0.1:{port}"


async def refused(launch: object) -> str:
    with pytest.raises(GatewayUnavailable) as told:
        await launch  # type: ignore[misc]
    return told.value.code


# -- what starts a flight ------------------------------------------------------------


def test_nothing_takes_off_without_an_authorisation_that_lasts(station: Ground, environ: dict[str, str]) -> None:
    async def scene() -> None:
        port = free_port()
        with ground(environ, Ahead(timedelta(hours=1))) as later:
            flight = station.authorised()
            async with vehicle(port) as craft, gatehouse(later, VehicleSpec(DRONE, 1, udp(port))) as house:
                await becomes(lambda: house.gateway.crafts[DRONE].state.ready_to_arm)
                assert await refused(house.sorties.launch("no-such-flight")) == "not_authorised"
                assert await refused(house.sorties.launch(flight)) in ("authorisation_lapsed", "not_authorised")
                await becomes(lambda: "launch_lapsed" in station.story(flight), what="the launch has lapsed")
                await becomes(lambda: station.drone_story()[-1] == "drone_released")
                await becomes(lambda: not house.sorties.active, what="the drone has no flight here either")
                assert ARM not in craft.commands()

    run(scene())


def test_an_authorisation_that_goes_while_the_drone_arms_keeps_it_on_the_ground(station: Ground) -> None:
    async def scene() -> None:
        port, flight = free_port(), station.authorised()
        pilot = station.signed_on("j.alvarez")

        def withdraws(command: int) -> bool:
            if command == ARM and not craft.armed:
                station.flights.withdraw(pilot, flight, "the call was cancelled")
            return True

        async with vehicle(port) as craft, gatehouse(station, VehicleSpec(DRONE, 1, udp(port))) as house:
            await becomes(lambda: house.gateway.crafts[DRONE].state.ready_to_arm)
            craft.obeys = withdraws
            assert await refused(house.sorties.launch(flight)) == "not_authorised"
            assert TAKE_OFF not in craft.commands()
            assert not craft.armed

    run(scene())


def test_an_order_of_safety_while_the_drone_arms_keeps_it_on_the_ground(station: Ground) -> None:
    async def scene() -> None:
        port, flight, pilot = free_port(), station.authorised(), station.signed_on(PILOT)
        patient = Timing(ack_timeout=60)  # so that it is still arming when a busy machine comes to ask
        async with (
            vehicle(port) as craft,
            gatehouse(station, VehicleSpec(DRONE, 1, udp(port)), timing=patient) as house,
        ):
            await becomes(lambda: house.gateway.crafts[DRONE].state.ready_to_arm)
            craft.obeys = lambda command: command != ARM
            launching = asyncio.create_task(house.sorties.launch(flight))
            await becomes(lambda: ARM in craft.commands())
            assert await refused(house.sorties.launch(flight)) == "busy"
            sent = await house.sorties.safety(flight, SafetyOrder.ABORT, pilot, "people below", uuid4())
            assert sent.outcome is OrderOutcome.ACCEPTED
            with suppress(GatewayUnavailable):
                assert (await launching).outcome is OrderOutcome.DENIED
            assert await refused(house.sorties.launch(flight)) == "halted"
            assert TAKE_OFF not in craft.commands()

    run(scene())


def test_a_drone_is_sent_elsewhere_only_on_a_way_that_is_on_the_record(station: Ground) -> None:
    async def scene() -> None:
        port, flight, pilot = free_port(), station.authorised(), station.signed_on(PILOT)
        there = Place(34.0870, -118.3834)
        async with vehicle(port) as craft, gatehouse(station, VehicleSpec(DRONE, 1, udp(port))) as house:
            goto = house.sorties.goto
            await becomes(lambda: DRONE in house.sorties.active, what="the gateway knows its flight")
            assert await refused(goto(flight, there.latitude, there.longitude, 60)) == "superseded"
            craft.armed, craft.height = True, 20.0
            await becomes(lambda: "drone_launched" in station.story(flight))
            assert await refused(goto(flight, there.latitude, there.longitude, 60)) == "superseded"
            await asyncio.to_thread(station.flights.redirect, pilot, flight, there, 60, "the suspect moves")
            await house.sorties.safety(flight, SafetyOrder.RETURN, pilot, "", uuid4())
            assert await refused(goto(flight, there.latitude, there.longitude, 60)) in ("halted", "superseded")

    run(scene())


def test_an_order_needs_the_key_of_the_gateway(station: Ground) -> None:
    async def scene() -> None:
        async with gatehouse(station) as house:
            transport = httpx.ASGITransport(Starlette(routes=routes(house.sorties, KEY)))
            async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as http:
                for headers in ({}, {"authorization": "Bearer guess"}):
                    assert (await http.post("/orders", content=b"{}", headers=headers)).status_code == 401
                with pytest.raises(GatewayUnavailable, match="SAFERWEHO_GATEWAY_KEY"):
                    await HttpDroneGateway("http://gateway", "guess", http).launch("a flight")
                gateway = HttpDroneGateway("http://gateway", KEY, http)
                assert await refused(gateway.launch("a flight")) == "not_authorised"
                right = {"authorization": f"Bearer {KEY}"}
                assert (await http.post("/orders", content=b"{}", headers=right)).status_code == 400

    run(scene())


# -- who is believed -------------------------------------------------------------------


def test_in_production_an_unsigned_drone_is_sent_nothing_but_orders_of_safety(station: Ground) -> None:
    async def scene() -> None:
        port, flight, pilot = free_port(), station.authorised(), station.signed_on(PILOT)
        spec = VehicleSpec(DRONE, 1, udp(port))
        async with (
            vehicle(port) as craft,
            gatehouse(station, spec, production=True, timing=IMPATIENT) as house,
        ):
            await becomes(lambda: house.gateway.crafts[DRONE].counts.unsigned > 5)
            assert await refused(house.sorties.launch(flight)) == "link_refused"
            sent = await house.sorties.safety(flight, SafetyOrder.RETURN, pilot, "", uuid4())
            assert sent.outcome is OrderOutcome.UNKNOWN  # its answers prove nothing
            assert set(craft.commands()) == {RETURN}
            assert "return_ordered" in station.story(flight)

    run(scene())


@pytest.mark.slow
def test_forgers_on_a_signed_link_change_nothing_of_a_flight(station: Ground, launch: Launch) -> None:
    async def scene() -> None:
        port, flight, pilot = free_port(), station.authorised(cruise_agl_m=30), station.signed_on(PILOT)
        connect = ("--connect", f"udpout:127.0.0.1:{port}", "--speedup", "12")
        async with gatehouse(station, VehicleSpec(DRONE, 1, udp(port), SIGNING), production=True) as house:
            launch(*connect, "--signing-key", SIGNING.hex())
            launch(*connect, "--signing-key", bytes(32).hex(), "--home", "40.0,-74.0,10")
            launch(*connect, "--home", "40.0,-74.0,10")
            craft = house.gateway.crafts[DRONE]
            await becomes(lambda: craft.state.ready_to_arm)
            assert (await house.sorties.launch(flight)).outcome is OrderOutcome.ACCEPTED
            await becomes(lambda: "arrived_on_scene" in station.story(flight))
            await house.sorties.safety(flight, SafetyOrder.RETURN, pilot, "", uuid4())
            await becomes(lambda: "telemetry_archived" in station.story(flight))
            assert craft.counts.bad_signature > 50
            assert craft.counts.unsigned > 50
            (arrived,) = station.told(flight, "arrived_on_scene")
            assert arrived["position"]["latitude"] == pytest.approx(SCENE.latitude, abs=0.001)
            assert station.story(flight).count("drone_launched") == 1
            assert "anomaly_reported" not in station.story(flight)

    run(scene())


def test_frames_believed_before_a_restart_are_not_believed_again_after_it(station: Ground) -> None:
    async def scene() -> None:
        port = free_port()
        spec = VehicleSpec(DRONE, 1, udp(port), SIGNING)
        async with vehicle(port, SIGNING) as craft:
            async with gatehouse(station, spec) as house:
                await becomes(lambda: house.gateway.crafts[DRONE].counts.frames > 30)
            craft.silent = True
            async with gatehouse(station, spec) as house:
                state = house.gateway.crafts[DRONE]
                while state.counts.replayed < 10:
                    with suppress(ConnectionRefusedError):  # its socket may not be open yet
                        for frame in craft.sent[-9:]:
                            craft.speaker.socket.send(frame)
                    await asyncio.sleep(0.02)
                assert not state.state.heartbeats
                craft.silent = False
                await becomes(lambda: state.state.linked, what="the genuine drone is believed")

    run(scene())


# -- what drones do ----------------------------------------------------------------------


@pytest.mark.slow
def test_two_drones_on_one_port_fly_each_its_own_flight(station: Ground, launch: Launch) -> None:
    async def scene() -> None:
        port, other = free_port(), station.registered(2)
        names = (DRONE, other)
        specs = [VehicleSpec(name, number, udp(port)) for number, name in enumerate(names, 1)]
        scenes = [Place(34.0855, -118.3834), Place(34.0835, -118.3834)]
        flights = [
            station.authorised(name, cruise_agl_m=height, there=there)
            for name, height, there in zip(names, (35, 55), scenes, strict=True)
        ]
        async with gatehouse(station, *specs) as house:
            for number in (1, 2):
                launch("--connect", f"udpout:127.0.0.1:{port}", "--speedup", "12", "--sysid", str(number))
            for name in names:
                await becomes(lambda name=name: house.gateway.crafts[name].state.ready_to_arm)
            for flight in flights:
                await house.sorties.launch(flight)
            for flight in flights:
                await becomes(lambda flight=flight: "arrived_on_scene" in station.story(flight), 60)
            pilot = station.signed_on(PILOT)
            for flight in flights:
                await house.sorties.safety(flight, SafetyOrder.RETURN, pilot, "", uuid4())
            for flight in flights:
                await becomes(lambda flight=flight: "drone_landed" in station.story(flight), 60)
        for name, flight, height, there in zip(names, flights, (35, 55), scenes, strict=True):
            (arrived,), (landed,) = station.told(flight, "arrived_on_scene"), station.told(flight, "drone_landed")
            assert arrived["position"]["latitude"] == pytest.approx(there.latitude, abs=0.0003)
            assert landed["drone"] == name
            assert landed["max_agl_m"] == pytest.approx(height, abs=3)

    run(scene())


def test_a_drone_seen_in_the_air_without_a_flight_is_on_its_own_record(station: Ground) -> None:
    async def scene() -> None:
        port = free_port()
        async with vehicle(port) as craft, gatehouse(station, VehicleSpec(DRONE, 1, udp(port))) as house:
            await becomes(lambda: house.gateway.crafts[DRONE].state.linked)
            craft.armed, craft.height = True, 12.0
            await becomes(lambda: "unassigned_flight_observed" in station.drone_story())
            craft.armed, craft.height = False, 0.0
            await becomes(lambda: not house.sorties.active)
        (seen,) = (e for e in station.events(f"drone-{DRONE}") if "unassigned" in e["type"])
        assert seen["data"]["position"]["agl_m"] == pytest.approx(12)

    run(scene())


def test_a_landing_and_a_log_that_a_restart_fell_into_are_on_the_record(station: Ground) -> None:
    async def scene() -> None:
        port, flight = free_port(), station.authorised()
        spec = VehicleSpec(DRONE, 1, udp(port))
        async with vehicle(port) as craft:
            async with gatehouse(station, spec) as house:
                await becomes(lambda: DRONE in house.sorties.active)
                craft.armed, craft.height = True, 15.0
                await becomes(lambda: "drone_launched" in station.story(flight))
            craft.armed, craft.height = False, 0.0
            async with gatehouse(station, spec):
                await becomes(lambda: station.story(flight).count("telemetry_archived") == 2)
        assert station.story(flight).count("drone_launched") == 1
        (landed,) = station.told(flight, "drone_landed")
        assert landed["max_agl_m"] == pytest.approx(15)
        assert station.drone_story()[-1] == "drone_released"

    run(scene())


# -- safety --------------------------------------------------------------------------------


def test_an_order_to_a_drone_that_is_not_heard_is_repeated_and_its_end_unknown(station: Ground) -> None:
    async def scene() -> None:
        port, flight, pilot = free_port(), station.authorised(), station.signed_on(PILOT)
        spec = VehicleSpec(DRONE, 1, udp(port))
        async with vehicle(port) as craft, gatehouse(station, spec, timing=IMPATIENT) as house:
            await becomes(lambda: DRONE in house.sorties.active)
            craft.armed, craft.height = True, 15.0
            await becomes(lambda: "drone_launched" in station.story(flight))
            craft.silent = True
            await becomes(lambda: "link_lost" in station.story(flight))
            sent = await house.sorties.safety(flight, SafetyOrder.RETURN, pilot, "", uuid4())
            assert sent.outcome is OrderOutcome.UNKNOWN
            assert craft.commands().count(RETURN) >= 3
            (order,) = station.told(flight, "return_ordered")
            assert order["outcome"] == "unknown"
            assert "not heard" in order["detail"]
            craft.silent = False
            await becomes(lambda: "link_restored" in station.story(flight))

    run(scene())


@pytest.mark.slow
def test_a_drone_called_back_while_it_climbs_does_not_go_to_the_scene(station: Ground, launch: Launch) -> None:
    async def scene() -> None:
        port, flight, pilot = free_port(), station.authorised(cruise_agl_m=80), station.signed_on(PILOT)
        launch("--connect", f"udpout:127.0.0.1:{port}", "--speedup", "3")  # it climbs for seconds of ours, too
        async with gatehouse(station, VehicleSpec(DRONE, 1, udp(port))) as house:
            craft = house.gateway.crafts[DRONE]
            await becomes(lambda: craft.state.ready_to_arm)
            await house.sorties.launch(flight)
            await becomes(lambda: craft.state.airborne)
            await house.sorties.safety(flight, SafetyOrder.RETURN, pilot, "", uuid4())
            await becomes(lambda: "drone_landed" in station.story(flight), 60)
        assert "arrived_on_scene" not in station.story(flight)
        (landed,) = station.told(flight, "drone_landed")
        assert landed["max_agl_m"] < 72

    run(scene())


def test_an_order_for_a_flight_nobody_told_us_of_finds_the_drone_even_without_the_store(station: Ground) -> None:
    async def scene() -> None:
        port, pilot = free_port(), station.signed_on(PILOT)
        nowhere = {**station.environ, "DATABASE_URL": f"postgresql://nobody:x@127.0.0.1:{free_port()}/none"}
        with ground(nowhere) as away:
            async with (
                vehicle(port) as craft,
                gatehouse(away, VehicleSpec(DRONE, 1, udp(port)), timing=IMPATIENT) as house,
            ):
                await becomes(lambda: house.gateway.crafts[DRONE].state.linked)
                order = SafetyOrder.RETURN
                assert await refused(house.sorties.safety("some", order, pilot, "", uuid4())) == "not_found"
                craft.armed, craft.height = True, 15.0
                await becomes(lambda: house.gateway.crafts[DRONE].state.airborne)
                await becomes(lambda: DRONE in house.sorties.active)
                sent = await house.sorties.safety("some", order, pilot, "", uuid4())
                assert (sent.outcome, sent.recorded) == (OrderOutcome.ACCEPTED, None)
                assert RETURN in craft.commands()

    run(scene())
