"""A vehicle and a link as the gateway holds them."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from adapters.mavlink.commander import GROUND_COMPONENT, GROUND_SYSTEM, Commander
from adapters.mavlink.dialect import mavlink
from adapters.mavlink.frames import FrameCounts, FrameScanner
from adapters.mavlink.links import Link, Peer, open_link
from adapters.mavlink.signing import Signatures
from adapters.mavlink.state import Limits, VehicleState
from adapters.mavlink.tlog import TlogWriter
from adapters.mavlink.vehicle import Vehicle

PEERS_PER_LINK = 64
"""Senders of datagrams whose unfinished frames are kept; a flood of invented ones pushes out the oldest."""


@dataclass(frozen=True, slots=True)
class VehicleSpec:
    """A vehicle to expect: our name for it, its MAVLink system id, its link's address, its signing key."""

    name: str
    system: int
    link: str
    key: bytes | None = None


class Craft:
    """One vehicle as the gateway holds it. Read `state`, call `commander`; the rest is the gateway's."""

    def __init__(self, spec: VehicleSpec, port: "Port", limits: Limits, signing_clock: Callable[[], int]) -> None:
        self.spec = spec
        self.vehicle = Vehicle(limits)
        self.commander: Commander
        self.counts = FrameCounts()
        """What of this vehicle's frames was taken and what was refused."""
        self.signatures = Signatures(spec.key, signing_clock) if spec.key else None
        self.candidate: Signatures | None = None
        self.port = port
        self.peer: Peer = None
        self.log: TlogWriter | None = None
        self.next_sample = self.next_board = 0.0
        self.streams: asyncio.Task[None] | None = None
        self.changed = asyncio.Event()

    @property
    def state(self) -> VehicleState:
        """What is known of the vehicle now."""
        return self.vehicle.state

    async def until(self, condition: Callable[[VehicleState], bool], within: float) -> None:
        """Wait until the state fulfils a condition, so many seconds. Raises TimeoutError that names the vehicle."""
        try:
            async with asyncio.timeout(within):
                while not condition(self.state):
                    self.changed.clear()
                    await self.changed.wait()
        except TimeoutError:
            raise TimeoutError(f"Vehicle {self.spec.name} did not get there in {within:g} s: {self.state}") from None


class Port:
    """A link with what belongs to it: its vehicles, the pieces of frames, our sequence numbers."""

    def __init__(self, number: int, address: str, receive: Callable[["Port", bytes, Peer], None]) -> None:
        self.number = number
        self.link: Link = open_link(address, lambda data, peer: receive(self, data, peer))
        self.counts = FrameCounts()
        self.scanners: OrderedDict[Peer, FrameScanner] = OrderedDict()
        self.crafts: dict[int, Craft] = {}
        self.strangers: set[int] = set()
        self.packer = mavlink.MAVLink(None, GROUND_SYSTEM, GROUND_COMPONENT)

    def scanner(self, peer: Peer) -> FrameScanner:
        found = self.scanners.get(peer)
        if found is None:
            found = self.scanners[peer] = FrameScanner(self.counts)
            if len(self.scanners) > PEERS_PER_LINK:
                self.scanners.popitem(last=False)[1].close()
        return found

    def pack(self, message: Any, signatures: Signatures | None) -> bytes:
        signing = self.packer.signing
        signing.sign_outgoing = signatures is not None
        if signatures is not None:
            signing.secret_key, signing.link_id = signatures.key, self.number
            signing.timestamp = signatures.next_timestamp()
        raw: bytes = message.pack(self.packer)
        self.packer.seq = (self.packer.seq + 1) % 256
        return raw
