"""The gateway: N links, M vehicles, one place where frames are judged and routed.

Invariants: a frame reaches a vehicle's state only if it came over that vehicle's link with a right
checksum and, where the vehicle has a key, a right and fresh signature. Answers go to where the last
such frame came from, so a forger can neither move a vehicle's picture nor draw its commands away.
Nobody downstream can hold a link or a safety order up: observations and samples wait in queues.
"""

import asyncio
import struct
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from time import monotonic, time_ns
from types import TracebackType
from typing import Any, Self

import structlog

from adapters.mavlink import fence
from adapters.mavlink.commander import GROUND_SYSTEM, Commander
from adapters.mavlink.craft import Craft, Port, VehicleSpec
from adapters.mavlink.dialect import decode, mavlink
from adapters.mavlink.frames import Frame, FrameCounts
from adapters.mavlink.links import Peer
from adapters.mavlink.observations import LinkRestored, Observation
from adapters.mavlink.outcomes import Accepted, LinkRefused, Timing
from adapters.mavlink.samples import Outbox, Sample, sample_of
from adapters.mavlink.signing import Signatures, Verdict, signing_timestamp
from adapters.mavlink.state import Authentication, Limits
from adapters.mavlink.tlog import TlogRecord, TlogWriter
from adapters.mavlink.vehicle import FOLDS

__all__ = ["Craft", "Gateway", "Sample", "VehicleSpec"]

log = structlog.get_logger(__name__)

TELEMETRY_PERIOD, BOARD_PERIOD, HEARTBEAT_PERIOD = 0.1, 0.5, 1.0
"""Seconds between two samples of a vehicle, two board samples, two heartbeats of ours."""
TICK = 0.1
SAMPLES_KEPT = 1_000
"""Samples that wait for a slow reader; older ones are dropped."""

STREAMS: dict[int, float] = {
    mavlink.MAVLINK_MSG_ID_GLOBAL_POSITION_INT: 10,
    mavlink.MAVLINK_MSG_ID_ATTITUDE: 10,
    mavlink.MAVLINK_MSG_ID_EXTENDED_SYS_STATE: 2,
    mavlink.MAVLINK_MSG_ID_SYS_STATUS: 2,
    mavlink.MAVLINK_MSG_ID_EKF_STATUS_REPORT: 2,
    mavlink.MAVLINK_MSG_ID_GPS_RAW_INT: 2,
    mavlink.MAVLINK_MSG_ID_BATTERY_STATUS: 1,
    mavlink.MAVLINK_MSG_ID_SYSTEM_TIME: 1,
    mavlink.MAVLINK_MSG_ID_FENCE_STATUS: 2,
    mavlink.MAVLINK_MSG_ID_HOME_POSITION: 0.5,
    mavlink.MAVLINK_MSG_ID_GIMBAL_DEVICE_ATTITUDE_STATUS: 10,
    mavlink.MAVLINK_MSG_ID_MOUNT_STATUS: 2,
    mavlink.MAVLINK_MSG_ID_CAMERA_FOV_STATUS: 1,
    mavlink.MAVLINK_MSG_ID_TERRAIN_REPORT: 2,
    mavlink.MAVLINK_MSG_ID_ALTITUDE: 2,
}
"""What is asked of an autopilot on first hearing it: message number and times a second."""


async def _nobody(_name: str, _item: Any) -> None:
    return None


class Gateway:
    """Connects to vehicles. Use it as an async context manager; see `Craft` for one vehicle.

    The callbacks are called one at a time and in order, observations of all vehicles in one line. One that waits (a
    store is away) delays only its own line: observations wait without limit, the oldest samples are dropped. One that
    raises has given its item up; that is logged.

    `production` refuses vehicles without a key: their frames are counted, not read, and nothing that starts or
    extends a flight is sent to them.
    """

    def __init__(
        self,
        vehicles: Iterable[VehicleSpec] = (),
        *,
        on_observation: Callable[[str, Observation], Awaitable[None]] = _nobody,
        on_telemetry: Callable[[str, Sample], Awaitable[None]] = _nobody,
        on_board: Callable[[str, Sample], Awaitable[None]] = _nobody,
        production: bool = False,
        limits: Limits | None = None,
        timing: Timing | None = None,
        now: Callable[[], int] = lambda: time_ns() // 1000,
    ) -> None:
        self._production = production
        self._limits = limits or Limits()
        self._timing = timing or Timing()
        self._now = now
        self._ports: dict[str, Port] = {}
        self.crafts: dict[str, Craft] = {}
        self._observations: Outbox[Observation] = Outbox(on_observation, None)
        self._telemetry: Outbox[Sample] = Outbox(on_telemetry, SAMPLES_KEPT)
        self._board: Outbox[Sample] = Outbox(on_board, SAMPLES_KEPT)
        self._running = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._failure: BaseException | None = None
        self._broken = asyncio.Event()
        for spec in vehicles:
            self.add(spec)

    # -- life ----------------------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        self._running = True
        for work in (self._observations.run(), self._telemetry.run(), self._board.run(), self._clock()):
            self._start(work)
        for port in self._ports.values():
            self._start(port.link.run())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._running = False
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for name, craft in self.crafts.items():
            if craft.log:
                self.stop_log(name)

    def _start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (failure := task.exception()):
            log.critical("a part of the gateway broke", task=str(task.get_coro()), exc_info=failure)
            self._failure = self._failure or failure
            self._broken.set()

    async def watch(self) -> None:
        """Never returns; raises what broke a part of the gateway, so that its process can end and be restarted."""
        await self._broken.wait()
        assert self._failure is not None
        raise self._failure

    async def settled(self) -> None:
        """Wait until every observation so far was taken by its callback."""
        await self._observations.idle.wait()

    # -- vehicles and links ----------------------------------------------------------------------------

    def add(self, spec: VehicleSpec) -> Craft:
        """Expect a vehicle, opening its link if it is the first on it.

        Raises ValueError on a wrong address, a wrong key, or a name or system id that is taken.
        """
        if spec.name in self.crafts:
            raise ValueError(f"A vehicle named {spec.name} is already there.")
        if not 1 <= spec.system <= 254:
            raise ValueError(f"Vehicle {spec.name}: MAVLink system id {spec.system} is not between 1 and 254.")
        port = self._ports.get(spec.link)
        if port and spec.system in port.crafts:
            raise ValueError(f"Vehicle {spec.name}: system id {spec.system} on {spec.link} is taken.")
        port = port or Port(len(self._ports) + 1, spec.link, self._receive)
        craft = Craft(spec, port, self._limits, self._signing_clock)
        if self._production and not spec.key:
            craft.state.authentication = Authentication.REFUSED
            log.error("unsigned link refused", vehicle=spec.name, link=spec.link)
        craft.commander = Commander(
            spec.system,
            craft.vehicle,
            lambda message: self._send(craft, message),
            lambda: self._check(craft),
            self._timing,
        )
        if spec.link not in self._ports:
            self._ports[spec.link] = port
            if self._running:
                self._start(port.link.run())
        port.crafts[spec.system] = craft
        self.crafts[spec.name] = craft
        return craft

    def _signing_clock(self) -> int:
        return signing_timestamp(self._now() / 1e6)

    def counts(self) -> dict[str, dict[str, int]]:
        """Every counter by link address and by vehicle name."""
        totals: dict[str, dict[str, int]] = {}
        for address, port in self._ports.items():
            total = FrameCounts()
            total.add(port.counts)
            for craft in port.crafts.values():
                total.add(craft.counts)
                totals[craft.spec.name] = asdict(craft.counts)
            total.frames = port.counts.frames
            total.dropped += port.link.dropped
            totals[address] = asdict(total)
        return totals

    def links(self) -> dict[str, str | None]:
        """Every link's address with why it is down, None for one that is up."""
        return {address: port.link.error for address, port in self._ports.items()}

    def strangers(self) -> dict[str, set[int]]:
        """System ids heard by link that no vehicle is configured for."""
        return {address: port.strangers for address, port in self._ports.items()}

    # -- logs and keys ---------------------------------------------------------------------------------

    def start_log(self, name: str, path: Path) -> None:
        """Keep a vehicle's frames of both directions from now on. Raises FileExistsError, OSError."""
        craft = self.crafts[name]
        if craft.log:
            raise ValueError(f"Vehicle {name} is already logged to {craft.log.path}.")
        craft.log = TlogWriter(path)

    def stop_log(self, name: str) -> TlogRecord:
        """Close a vehicle's log: where it is, what it holds and its hash."""
        craft = self.crafts[name]
        if craft.log is None:
            raise ValueError(f"Vehicle {name} is not logged.")
        writer, craft.log = craft.log, None
        return writer.close()

    async def set_up_signing(self, name: str, key: bytes, within: float = 10.0) -> None:
        """Give the vehicle a new key and use it from its first frame signed with it.

        Only over a link that nobody else hears (a cable at the dock): the key travels in the clear.
        Raises TimeoutError when the vehicle does not sign with it in time; the old state then stays.
        """
        craft = self.crafts[name]
        candidate = craft.candidate = Signatures(key, self._signing_clock)
        message = mavlink.MAVLink_setup_signing_message(
            craft.spec.system, mavlink.MAV_COMP_ID_AUTOPILOT1, list(key), candidate.timestamp()
        )
        try:
            async with asyncio.timeout(within):
                while craft.signatures is not candidate:
                    self._send(craft, message)
                    craft.changed.clear()
                    with suppress(TimeoutError):
                        await asyncio.wait_for(craft.changed.wait(), 0.5)
        except TimeoutError:
            raise TimeoutError(f"Vehicle {name} did not sign with its new key in {within:g} s.") from None
        finally:
            craft.candidate = None

    # -- frames in -------------------------------------------------------------------------------------

    def take_in(self, link: str, data: bytes, peer: Peer = None) -> None:
        """Take in bytes as if they had come over a link: a replayed log goes the way of a live vehicle."""
        self._receive(self._ports[link], data, peer)

    def _receive(self, port: Port, data: bytes, peer: Peer) -> None:
        at, received = monotonic(), self._now()
        for frame in port.scanner(peer).feed(data):
            craft = port.crafts.get(frame.system)
            if craft is None:
                port.counts.strangers += 1
                if frame.system != GROUND_SYSTEM:
                    port.strangers.add(frame.system)
            elif self._believe(craft, frame):
                craft.peer = peer
                self._take(craft, frame, at, received)
            elif craft.signatures is None:
                craft.peer = peer  # where a safety order goes, at least

    def _believe(self, craft: Craft, frame: Frame) -> bool:
        """Whether a frame may speak for the vehicle; counts the ones that may not."""
        counts = craft.counts
        if craft.candidate and craft.candidate.check(frame) is Verdict.GENUINE:
            craft.signatures, craft.candidate = craft.candidate, None
            craft.changed.set()
        elif craft.signatures is None:
            if self._production:
                counts.unsigned += 1
                return False
            counts.frames += 1
            return True
        else:
            match craft.signatures.check(frame):
                case Verdict.FORGED:
                    counts.bad_signature += 1
                    return False
                case Verdict.REPLAYED:
                    counts.replayed += 1
                    return False
                case Verdict.UNSIGNED:
                    counts.unsigned += 1
                    return False
        counts.frames += 1
        craft.state.authentication = Authentication.AUTHENTICATED
        return True

    def _take(self, craft: Craft, frame: Frame, at: float, received: int) -> None:
        number = frame.number
        if craft.log:
            craft.log.write(received, frame.raw, outbound=False)
        if number not in FOLDS and number not in _ANSWERS:
            return
        try:
            fields = decode(number, frame.raw)
            if number == mavlink.MAVLINK_MSG_ID_COMMAND_ACK:
                craft.commander.acknowledged(fields)
                return
            if number in fence.ANSWERS:
                craft.commander.mission_answered(number, fields)
                return
            seen = craft.vehicle.fold(number, fields, frame.component, at, received)
        except (struct.error, ValueError, ArithmeticError, LookupError) as failure:
            craft.counts.parser_errors += 1
            log.warning("frame not understood", vehicle=craft.spec.name, message=frame.name, error=str(failure))
            return
        self._report(craft, seen)
        if number == mavlink.MAVLINK_MSG_ID_HEARTBEAT:
            craft.commander.heard()
            if craft.streams is None and craft.state.linked:
                self._ask_for_streams(craft)
        elif number == mavlink.MAVLINK_MSG_ID_GLOBAL_POSITION_INT and at >= craft.next_sample:
            craft.next_sample = max(craft.next_sample + TELEMETRY_PERIOD, at + TELEMETRY_PERIOD / 2)
            self._telemetry.put(craft.spec.name, sample_of(craft.state, received))
        craft.changed.set()

    def _report(self, craft: Craft, seen: list[Observation]) -> None:
        for observation in seen:
            self._observations.put(craft.spec.name, observation)
            if isinstance(observation, LinkRestored):  # perhaps after a restart, which forgot what we asked for
                self._ask_for_streams(craft)

    def _ask_for_streams(self, craft: Craft) -> None:
        if self._running and (craft.streams is None or craft.streams.done()):
            craft.streams = self._start(self._streams(craft))

    async def _streams(self, craft: Craft) -> None:
        for number, hertz in STREAMS.items():
            try:
                outcome = await craft.commander.set_message_interval(number, hertz)
            except LinkRefused:
                return
            if not isinstance(outcome, Accepted):
                log.info("message not offered", vehicle=craft.spec.name, message=number, outcome=str(outcome))

    # -- frames out ------------------------------------------------------------------------------------

    def _check(self, craft: Craft) -> None:
        if self._production and craft.signatures is None:
            raise LinkRefused(
                f"The link of {craft.spec.name} is not signed: give the vehicle a signing key. "
                "Only return, land, hold and abort are sent to it."
            )

    def _send(self, craft: Craft, message: Any) -> bool:
        raw = craft.port.pack(message, craft.signatures)
        sent = craft.port.link.send(raw, craft.peer)
        # A key never goes into a log.
        if sent and craft.log and message.get_msgId() != mavlink.MAVLINK_MSG_ID_SETUP_SIGNING:
            craft.log.write(self._now(), raw, outbound=True)
        return sent

    def _send_heartbeats(self) -> None:
        for port in self._ports.values():
            told: set[tuple[Peer, bytes | None]] = set()
            for craft in port.crafts.values():
                to = (craft.peer, craft.signatures.key if craft.signatures else None)
                if to not in told:
                    told.add(to)
                    self._send(craft, _HEARTBEAT)

    async def _clock(self) -> None:
        next_heartbeat = 0.0
        while True:
            at, received = monotonic(), self._now()
            if at >= next_heartbeat:
                next_heartbeat = at + HEARTBEAT_PERIOD
                self._send_heartbeats()
            for craft in self.crafts.values():
                seen = craft.vehicle.tick(at, received)
                if seen:
                    self._report(craft, seen)
                    craft.changed.set()
                if craft.state.heartbeats and at >= craft.next_board:
                    craft.next_board = at + BOARD_PERIOD
                    self._board.put(craft.spec.name, sample_of(craft.state, received))
            await asyncio.sleep(TICK)


_ANSWERS = {mavlink.MAVLINK_MSG_ID_COMMAND_ACK, *fence.ANSWERS}
_HEARTBEAT = mavlink.MAVLink_heartbeat_message(
    mavlink.MAV_TYPE_GCS, mavlink.MAV_AUTOPILOT_INVALID, 0, 0, mavlink.MAV_STATE_ACTIVE, 3
)
