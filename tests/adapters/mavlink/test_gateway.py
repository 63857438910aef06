"""Who is believed, who is told, and what cannot be held up."""

import asyncio
import hashlib
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from time import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from adapters.mavlink.craft import Craft
from adapters.mavlink.dialect import mavlink
from adapters.mavlink.figures import GatewayFigures
from adapters.mavlink.frames import Frame, FrameScanner
from adapters.mavlink.gateway import Gateway, VehicleSpec
from adapters.mavlink.observations import Observation
from adapters.mavlink.outcomes import Accepted, Denied, LinkRefused, Timing, Unknown
from adapters.mavlink.signing import signing_timestamp
from adapters.mavlink.tlog import read_tlog
from tests.adapters.mavlink.conftest import Launch, free_port, recording, run

KEY = bytes(range(32))


class Speaker:
    """A far end that says what a test wants it to, through a real socket."""

    def __init__(self, port: int, key: bytes | None = None, system: int = 1) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.connect(("127.0.0.1", port))
        self.socket.setblocking(False)
        self.packer = mavlink.MAVLink(None, system, 1)
        if key:
            self.packer.signing.secret_key, self.packer.signing.sign_outgoing = key, True
            self.packer.signing.timestamp = signing_timestamp(time())

    def heartbeat(self, *, mode: int = 4, armed: bool = False) -> bytes:
        return self.say(mavlink.MAVLink_heartbeat_message(2, 3, 81 | 128 * armed, mode, 3, 3))

    def say(self, message: object) -> bytes:
        raw: bytes = message.pack(self.packer)  # type: ignore[attr-defined]
        self.packer.seq = (self.packer.seq + 1) % 256
        with suppress(ConnectionRefusedError):  # the gateway's socket may not be open yet
            self.socket.send(raw)
        return raw

    async def hears(self, number: int) -> Frame:
        """The next frame of a message that comes here."""
        scanner, loop = FrameScanner(), asyncio.get_running_loop()
        while True:
            for frame in scanner.feed(await loop.sock_recv(self.socket, 2048)):
                if frame.number == number:
                    return frame


@contextmanager
def speaking(*speakers: Speaker) -> Iterator[None]:
    try:
        yield
    finally:
        for speaker in speakers:
            speaker.socket.close()


def figure(gateway: Gateway, name: str, labels: dict[str, str]) -> float:
    """What a scrape of the gateway would say."""
    registry = CollectorRegistry()
    registry.register(GatewayFigures(gateway))
    value = registry.get_sample_value(name, labels)
    assert value is not None, f"no {name} of {labels}"
    return value


async def saying(say: Callable[[], object], until: Callable[[], bool]) -> None:
    """Again and again, until it has come: a datagram may be lost."""
    while not until():
        say()
        await asyncio.sleep(0.2)


async def counted(craft: Craft, counter: str, say: Callable[[], object]) -> None:
    await saying(say, lambda: getattr(craft.counts, counter) >= 1)


def test_on_a_signed_link_forged_replayed_and_unsigned_frames_change_nothing() -> None:
    async def scene() -> None:
        port = free_port()
        genuine, forger, unsigned = Speaker(port, KEY), Speaker(port, bytes(32)), Speaker(port)
        forger.packer.signing.timestamp += 10**9  # from the future
        with speaking(genuine, forger, unsigned):
            async with Gateway([VehicleSpec("one", 1, f"udpin:127.0.0.1:{port}", KEY)], production=True) as gateway:
                craft = gateway.crafts["one"]
                while not craft.state.linked:
                    genuine.heartbeat(mode=5)
                    await asyncio.sleep(0.05)
                sent: list[bytes] = []
                await saying(lambda: sent.append(genuine.heartbeat(mode=4)), lambda: craft.state.mode == "GUIDED")
                first = sent[0]
                await asyncio.sleep(0.5)  # what was said more than once has come
                peer, heartbeats = craft.peer, craft.state.heartbeats
                await counted(craft, "bad_signature", lambda: forger.heartbeat(mode=9, armed=True))
                await counted(craft, "unsigned", lambda: unsigned.heartbeat(mode=9, armed=True))
                await counted(craft, "replayed", lambda: unsigned.socket.send(first))
                unsigned.socket.send(first[:12] + b"\x01" + first[13:])
                damaged = bytearray(first)
                damaged[12] ^= 1  # in the content, so that the checksum is wrong
                link = {"link": f"udpin:127.0.0.1:{port}"}
                await saying(
                    lambda: genuine.socket.send(damaged),
                    lambda: figure(gateway, "saferweho_link_bad_crc_total", link) >= 1,
                )
                for name in ("bad_signature", "unsigned", "replayed"):
                    assert figure(gateway, f"saferweho_link_{name}_total", link) >= 1
                    assert figure(gateway, f"saferweho_drone_{name}_total", {"drone": "one"}) >= 1
                assert figure(gateway, "saferweho_drone_authenticated_state", {"drone": "one"}) == 1
                assert figure(gateway, "saferweho_link_up_state", link) == 1
                assert (craft.state.mode, craft.state.armed, craft.peer) == ("GUIDED", False, peer)
                assert craft.state.heartbeats == heartbeats
                await saying(
                    lambda: genuine.heartbeat(mode=6, armed=True),
                    lambda: craft.state.mode == "RTL" and craft.state.armed,
                )

    run(scene())


def test_production_refuses_an_unsigned_link_but_never_the_safety_four() -> None:
    async def scene() -> None:
        port = free_port()
        speaker = Speaker(port)
        spec = VehicleSpec("bare", 1, f"udpin:127.0.0.1:{port}")
        with speaking(speaker):
            timing = Timing(safety_deadline=1.0)
            async with Gateway([spec], production=True, timing=timing) as gateway:
                craft = gateway.crafts["bare"]
                while not craft.counts.unsigned:
                    speaker.heartbeat()
                    await asyncio.sleep(0.05)
                assert craft.state.authentication.value == "refused"
                assert figure(gateway, "saferweho_drone_authenticated_state", {"drone": "bare"}) == 0
                assert not craft.state.linked
                for start in (craft.commander.arm(), craft.commander.takeoff(30), craft.commander.goto(34, -118, 30)):
                    with pytest.raises(LinkRefused, match="bare is not signed"):
                        await start
                order = asyncio.create_task(craft.commander.return_to_launch())
                heard = await speaker.hears(mavlink.MAVLINK_MSG_ID_COMMAND_LONG)
                assert heard.system == 255
                assert await order == Unknown(None)

    run(scene())


def test_a_new_key_is_used_from_the_vehicles_first_frame_with_it(launch: Launch) -> None:
    async def scene() -> None:
        port = free_port()
        launch("--connect", f"udpout:127.0.0.1:{port}", "--speedup", "5")
        async with Gateway([VehicleSpec("one", 1, f"udpin:127.0.0.1:{port}")]) as gateway:
            craft = gateway.crafts["one"]
            await craft.until(lambda state: state.linked, 60)
            assert craft.state.authentication.value == "unauthenticated"
            await gateway.set_up_signing("one", KEY)
            assert craft.state.authentication.value == "authenticated"
            await craft.until(lambda state: state.ready_to_arm, 60)
            assert isinstance(await craft.commander.arm(), Accepted)

    run(scene())


def test_two_copters_on_one_port_are_told_apart_and_told_different_things(launch: Launch) -> None:
    async def scene() -> None:
        port = free_port()
        link = f"udpin:127.0.0.1:{port}"
        for system, home in ((11, "34.0845,-118.3834"), (12, "34.0905,-118.3707")):
            launch(
                "--connect", f"udpout:127.0.0.1:{port}", "--sysid", str(system), "--home", home, "--speedup", "5"
            )  # fmt: skip
        async with Gateway([VehicleSpec("a", 11, link), VehicleSpec("b", 12, link)]) as gateway:
            first, second = gateway.crafts["a"], gateway.crafts["b"]
            await first.until(lambda state: state.ready_to_arm, 60)
            await second.until(lambda state: state.ready_to_arm, 60)
            assert isinstance(await second.commander.arm(), Accepted)
            await second.until(lambda state: state.armed, 60)
            assert not first.state.armed
            assert first.state.latitude == pytest.approx(34.0845, abs=1e-4)
            assert second.state.latitude == pytest.approx(34.0905, abs=1e-4)
            assert gateway.strangers() == {link: set()}

    run(scene())


@pytest.mark.rule("flight.safety_first")
def test_a_safety_order_goes_out_while_the_recorder_is_stuck_and_takes_starters_back() -> None:
    async def scene() -> None:
        port, stuck = free_port(), asyncio.Event()
        speaker = Speaker(port)

        async def never(_name: str, _observation: Observation) -> None:
            await stuck.wait()

        spec = VehicleSpec("one", 1, f"udpin:127.0.0.1:{port}")
        with speaking(speaker):
            async with Gateway([spec], on_observation=never) as gateway:
                craft = gateway.crafts["one"]
                while not craft.state.linked:
                    speaker.heartbeat(armed=True)
                    await asyncio.sleep(0.05)
                going = asyncio.create_task(craft.commander.goto(34.09, -118.38, 40))
                queued = asyncio.create_task(craft.commander.takeoff(40))
                await speaker.hears(mavlink.MAVLINK_MSG_ID_COMMAND_INT)
                order = asyncio.create_task(craft.commander.return_to_launch())
                await speaker.hears(mavlink.MAVLINK_MSG_ID_COMMAND_LONG)
                assert await going == Denied(None, "Superseded by the order to return.")
                assert await queued == Denied(None, "Superseded by the order to return.")
                await saying(lambda: speaker.heartbeat(mode=6, armed=True), order.done)
                assert await order == Accepted("RTL")

    run(scene())


def test_a_later_safety_order_ends_an_earlier_one() -> None:
    async def scene() -> None:
        port = free_port()
        speaker = Speaker(port)
        with speaking(speaker):
            async with Gateway([VehicleSpec("one", 1, f"udpin:127.0.0.1:{port}")]) as gateway:
                craft = gateway.crafts["one"]
                while not craft.state.linked:
                    speaker.heartbeat(armed=True)
                    await asyncio.sleep(0.05)
                returning = asyncio.create_task(craft.commander.return_to_launch())
                await asyncio.sleep(0)
                holding = asyncio.create_task(craft.commander.hold())
                assert await returning == Denied(None, "Superseded by the order to hold.")
                await saying(lambda: speaker.heartbeat(mode=17, armed=True), holding.done)
                assert await holding == Accepted("BRAKE")

    run(scene())


def test_an_unanswered_command_is_repeated_with_its_count_and_then_unknown() -> None:
    async def scene() -> None:
        port = free_port()
        speaker = Speaker(port)
        spec = VehicleSpec("one", 1, f"udpin:127.0.0.1:{port}")
        with speaking(speaker):
            async with Gateway([spec], timing=Timing(ack_timeout=0.1)) as gateway:
                craft = gateway.crafts["one"]
                while not craft.state.linked:
                    speaker.heartbeat(armed=True)
                    await asyncio.sleep(0.05)
                asked = asyncio.create_task(craft.commander.takeoff(30))
                counts: list[int] = []
                while len(counts) < 4:
                    raw = (await speaker.hears(mavlink.MAVLINK_MSG_ID_COMMAND_LONG)).raw
                    message = mavlink.MAVLink(None).decode(bytearray(raw))
                    if message.command == mavlink.MAV_CMD_NAV_TAKEOFF:
                        counts.append(message.confirmation)
                assert counts == [0, 1, 2, 3]
                assert await asked == Unknown("GUIDED")

    run(scene())


def test_an_acknowledgement_for_another_ground_station_is_not_ours() -> None:
    async def scene() -> None:
        port = free_port()
        speaker = Speaker(port)
        with speaking(speaker):
            async with Gateway([VehicleSpec("one", 1, f"udpin:127.0.0.1:{port}")]) as gateway:
                craft = gateway.crafts["one"]
                while not craft.state.linked:
                    speaker.heartbeat(armed=True)
                    await asyncio.sleep(0.05)
                asked = asyncio.create_task(craft.commander.takeoff(30))
                await speaker.hears(mavlink.MAVLINK_MSG_ID_COMMAND_LONG)
                command = mavlink.MAV_CMD_NAV_TAKEOFF
                speaker.say(mavlink.MAVLink_command_ack_message(command, 0, 0, 0, 250, 190))
                speaker.say(mavlink.MAVLink_command_ack_message(command, 5, 50, 0, 255, 190))
                speaker.say(mavlink.MAVLink_statustext_message(4, b"Takeoff: no"))
                speaker.say(mavlink.MAVLink_command_ack_message(command, 4, 0, 0, 255, 190))
                assert await asked == Denied(4, "FAILED: Takeoff: no")

    run(scene())


def test_a_vehicle_that_is_not_heard_is_not_sent_off() -> None:
    async def scene() -> None:
        async with Gateway([VehicleSpec("one", 1, f"udpin:127.0.0.1:{free_port()}")]) as gateway:
            commander = gateway.crafts["one"].commander
            assert await commander.goto(34.09, -118.38, 40) == Denied(None, "The vehicle is not heard.")
            with pytest.raises(ValueError, match="height -5"):
                await commander.takeoff(-5)
            with pytest.raises(ValueError, match="latitude 340"):
                await commander.goto(340.9, -118.38, 40)

    run(scene())


LOG = list(read_tlog(recording("ardupilot_sitl_signed_sortie")))
SIGNED = [entry for entry in LOG if entry.frame.signed]
LINK = "udpin:127.0.0.1:0"


def after_the_signed_sortie() -> tuple[Gateway, Craft]:
    gateway = Gateway(now=lambda: SIGNED[0].at)
    craft = gateway.add(VehicleSpec("one", 11, LINK, hashlib.sha256(b"saferweho test key").digest()))
    for entry in SIGNED:
        gateway.take_in(LINK, entry.frame.raw)
    return gateway, craft


def test_a_signed_sortie_is_followed_and_its_unsigned_beginning_is_not() -> None:
    gateway, craft = after_the_signed_sortie()
    assert (craft.counts.frames, craft.state.mode, craft.state.armed) == (3_280, "RTL", False)
    before = asdict(craft.state)
    for entry in LOG:
        if not entry.frame.signed:
            gateway.take_in(LINK, entry.frame.raw)
    assert asdict(craft.state) == before
    assert craft.counts.unsigned == 1_292


@given(
    st.lists(
        st.tuples(
            st.integers(0, len(SIGNED) - 1),
            st.lists(st.tuples(st.integers(0, 300), st.integers(1, 255)), max_size=4),
        ),
        max_size=50,
    )
)
@settings(max_examples=60, deadline=None)
def test_no_replayed_or_altered_copy_changes_what_is_known(copies: list[tuple[int, list[tuple[int, int]]]]) -> None:
    gateway, craft = FOLLOWED
    before = asdict(craft.state), craft.peer, craft.counts.frames
    for which, flips in copies:
        copy = bytearray(SIGNED[which].frame.raw)
        for at, flip in flips:
            copy[at % len(copy)] ^= flip
        gateway.take_in(LINK, bytes(copy), ("198.51.100.7", 14550))
    assert (asdict(craft.state), craft.peer, craft.counts.frames) == before


FOLLOWED = after_the_signed_sortie()


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        (VehicleSpec("x", 1, "udp:127.0.0.1:14550"), "is none of udpin:HOST:PORT"),
        (VehicleSpec("x", 1, "udpin:127.0.0.1:99999"), "port 99999"),
        (VehicleSpec("x", 255, "udpin:127.0.0.1:14550"), "system id 255"),
        (VehicleSpec("x", 1, "udpin:127.0.0.1:14550", b"short"), "32 bytes"),
        (VehicleSpec("taken", 2, "udpin:127.0.0.1:14550"), "named taken"),
        (VehicleSpec("x", 1, "udpin:127.0.0.1:14551"), "system id 1 on udpin:127.0.0.1:14551 is taken"),
    ],
)
def test_a_wrong_vehicle_is_refused_with_words(spec: VehicleSpec, words: str) -> None:
    gateway = Gateway([VehicleSpec("taken", 1, "udpin:127.0.0.1:14551")])
    with pytest.raises(ValueError, match=words):
        gateway.add(spec)
