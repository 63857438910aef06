"""Whole sorties over UDP: against the simulated copter, and against MAVSDK's autopilot."""

from pathlib import Path

import pytest

from adapters.mavlink.fence import Circle, Polygon
from adapters.mavlink.gateway import Craft, Gateway, Sample, VehicleSpec
from adapters.mavlink.observations import Observation, Target
from adapters.mavlink.outcomes import Accepted, Denied, Outcome
from adapters.mavlink.tlog import read_tlog
from tests.adapters.mavlink.conftest import Launch, free_port, run

pytestmark = pytest.mark.slow

KEY = bytes(range(32))
HOME = (34.0845, -118.3834)
SCENE = Target(34.0858, -118.3834)


class Diary:
    """What the gateway told us."""

    def __init__(self) -> None:
        self.story: list[str] = []
        self.telemetry: list[Sample] = []
        self.board: list[Sample] = []

    async def observed(self, _name: str, observation: Observation) -> None:
        self.story.append(type(observation).__name__)

    async def sampled(self, _name: str, sample: Sample) -> None:
        self.telemetry.append(sample)

    async def shown(self, _name: str, sample: Sample) -> None:
        self.board.append(sample)

    def told(self, *kinds: str) -> list[str]:
        return [kind for kind in self.story if kind in kinds]


FLIGHT = ("Armed", "TookOff", "ArrivedAt", "Landed")
LINK = ("LinkLost", "LinkRestored")


async def take_off(craft: Craft, height: float) -> None:
    await craft.until(lambda state: state.ready_to_arm, 60)
    accept(await craft.commander.arm())
    accept(await craft.commander.takeoff(height))
    await craft.until(lambda state: (state.altitude_above_home or 0) > height - 2, 60)


def accept(outcome: Outcome) -> None:
    assert isinstance(outcome, Accepted), outcome


@pytest.mark.parametrize("key", [None, KEY], ids=["unsigned", "signed"])
def test_a_sortie_is_armed_flown_lost_found_and_brought_home(launch: Launch, tmp_path: Path, key: bytes | None) -> None:
    async def sortie() -> None:
        port, diary = free_port(), Diary()
        link = f"udpin:127.0.0.1:{port}"
        signing = ["--signing-key", key.hex()] if key else []
        copter = launch("--connect", f"udpout:127.0.0.1:{port}", "--speedup", "16", "--windy", *signing)
        async with Gateway(
            [VehicleSpec("N123WH", 1, link, key)],
            on_observation=diary.observed,
            on_telemetry=diary.sampled,
            on_board=diary.shown,
            production=key is not None,
        ) as gateway:
            craft = gateway.crafts["N123WH"]
            gateway.start_log("N123WH", tmp_path / "flight.tlog")
            await take_off(craft, 40)
            accept(await craft.commander.goto(SCENE.latitude, SCENE.longitude, 40))
            await craft.until(lambda state: state.target is None, 60)
            accept(await craft.commander.point_gimbal(-60))
            await craft.until(lambda state: state.gimbal_pitch == -60, 60)
            copter.toggle_link()
            await craft.until(lambda state: not state.linked, 60)
            copter.toggle_link()
            await craft.until(lambda state: state.linked, 60)
            accept(await craft.commander.return_to_launch())
            assert craft.state.mode == "RTL"
            await craft.until(lambda state: not state.armed, 60)
            await gateway.settled()
            record = gateway.stop_log("N123WH")

            assert diary.told(*FLIGHT) == list(FLIGHT)
            links = diary.told(*LINK)
            # A machine that stands still for three seconds loses the link once more, rightly.
            assert links == list(LINK) * (len(links) // 2) != []
            assert craft.state.authentication.value == ("authenticated" if key else "unauthenticated")
            assert craft.state.clock_difference is not None
            assert max(sample["altitude_above_home"] or 0 for sample in diary.telemetry) == pytest.approx(40, abs=3)
            assert len(diary.board) < len(diary.telemetry)
            frames = [entry.frame for entry in read_tlog(record.path.read_bytes())]
            assert {frame.system for frame in frames} == {1, 255}
            assert record.complete
            assert len(frames) == record.frames_in + record.frames_out
            assert {frame.signed for frame in frames} == {key is not None}

    run(sortie())


def test_an_autopilot_that_is_not_ours_is_armed_flown_and_brought_home(launch: Launch) -> None:
    async def sortie() -> None:
        port, diary = free_port(), Diary()
        launch(str(port), script="tests/adapters/mavlink/mavsdk_autopilot.py")
        spec = VehicleSpec("mavsdk", 1, f"udpin:127.0.0.1:{port}")
        async with Gateway([spec], on_observation=diary.observed) as gateway:
            craft = gateway.crafts["mavsdk"]
            await take_off(craft, 20)
            accept(await craft.commander.goto(SCENE.latitude, SCENE.longitude, 30))
            await craft.until(lambda state: state.target is None, 60)
            accept(await craft.commander.return_to_launch())
            assert craft.state.mode == "AUTO.RTL"
            await craft.until(lambda state: not state.armed, 60)
            await gateway.settled()
            assert diary.told(*FLIGHT) == list(FLIGHT)

    run(sortie())


def test_the_safety_four_are_obeyed_by_an_autopilot_that_never_acknowledges_them(launch: Launch) -> None:
    async def sortie() -> None:
        port = free_port()
        launch("--connect", f"udpout:127.0.0.1:{port}", "--speedup", "16", "--silent-orders", "--no-gimbal")
        async with Gateway([VehicleSpec("quiet", 1, f"udpin:127.0.0.1:{port}")]) as gateway:
            craft = gateway.crafts["quiet"]
            await take_off(craft, 30)
            assert isinstance(await craft.commander.point_gimbal(-30), Denied)
            accept(await craft.commander.goto(SCENE.latitude, SCENE.longitude, 30))
            for order, mode in (
                (craft.commander.hold, "BRAKE"),
                (craft.commander.return_to_launch, "RTL"),
                (craft.commander.land, "LAND"),
                (craft.commander.hold, "BRAKE"),
                (craft.commander.abort, "LAND"),
            ):
                accept(await order())
                assert craft.state.mode == mode
            await craft.until(lambda state: not state.armed, 60)

    run(sortie())


def test_a_copter_that_leaves_its_fence_comes_home_by_itself(launch: Launch) -> None:
    async def sortie() -> None:
        port, diary = free_port(), Diary()
        launch("--connect", f"udpout:127.0.0.1:{port}", "--speedup", "16", "--fence", "60")
        spec = VehicleSpec("fenced", 1, f"udpin:127.0.0.1:{port}")
        async with Gateway([spec], on_observation=diary.observed) as gateway:
            craft = gateway.crafts["fenced"]
            await take_off(craft, 30)
            refused = await craft.commander.goto(SCENE.latitude, SCENE.longitude, 30)
            assert isinstance(refused, Denied)
            assert refused.text.startswith("FAILED")
            assert craft.state.target is None
            accept(await craft.commander.enable_fence(on=False))
            accept(await craft.commander.goto(SCENE.latitude, SCENE.longitude, 30))
            await craft.until(lambda state: state.target is None, 60)
            accept(await craft.commander.enable_fence(on=True))
            await craft.until(lambda state: state.fence_breached and state.mode == "RTL", 60)
            await craft.until(lambda state: not state.armed, 60)
            await gateway.settled()
            assert diary.told("FenceBreached", "FenceCleared") == ["FenceBreached", "FenceCleared"]
            assert "Anomaly" in diary.story

    run(sortie())


def test_a_fence_that_was_handed_over_is_kept_by_the_vehicle_itself(launch: Launch) -> None:
    async def sortie() -> None:
        port = free_port()
        launch("--connect", f"udpout:127.0.0.1:{port}", "--speedup", "16")
        async with Gateway([VehicleSpec("fenced", 1, f"udpin:127.0.0.1:{port}")]) as gateway:
            craft = gateway.crafts["fenced"]
            north, south, east, west = 34.0850, 34.0840, -118.3828, -118.3840
            box = Polygon(((north, west), (north, east), (south, east), (south, west)))
            await craft.until(lambda state: state.linked, 60)
            accept(await craft.commander.upload_fence([Circle(*HOME, 150), box]))
            await take_off(craft, 30)
            assert isinstance(await craft.commander.goto(north + 0.0002, HOME[1], 30), Denied)
            accept(await craft.commander.goto(north - 0.0002, HOME[1], 30))
            accept(await craft.commander.upload_fence([]))
            accept(await craft.commander.goto(north + 0.0002, HOME[1], 30))
            with pytest.raises(ValueError, match="2 corners"):
                await craft.commander.upload_fence([Polygon(box.corners[:2])])

    run(sortie())
