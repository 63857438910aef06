"""The gateway's way of a frame against pymavlink's bare parser, on recorded flights, datagram by datagram.

Bare: bytes to message objects, and nothing done with them. The gateway: frames found and checked, signature
verified, routed to its vehicle, folded into its state, observations and samples queued, the frame written to a log.
"""

from __future__ import annotations

import asyncio
import hashlib
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

from adapters.mavlink.dialect import mavlink
from adapters.mavlink.gateway import Gateway, VehicleSpec
from adapters.mavlink.tlog import TlogEntry, read_tlog

GOAL = 0.8
RECORDINGS = Path(__file__).parents[1] / "tests" / "data"
LINK = "udpin:127.0.0.1:0"
KEY = hashlib.sha256(b"saferweho test key").digest()


def run(rounds: int = 5, **_: Any) -> list[dict[str, Any]]:
    """One row for an unsigned and one for a signed flight."""
    unsigned = list(read_tlog((RECORDINGS / "ardupilot_sitl_weho_sortie.tlog").read_bytes()))
    both = read_tlog((RECORDINGS / "ardupilot_sitl_signed_sortie.tlog").read_bytes())
    signed = [entry for entry in both if entry.frame.signed and entry.frame.system == 11]
    return [
        _row("MAVLink gateway", unsigned, 1, None, rounds),
        _row("MAVLink gateway, signed", signed, 11, KEY, rounds),
    ]


def _row(name: str, entries: list[TlogEntry], system: int, key: bytes | None, rounds: int) -> dict[str, Any]:
    values, floors = [], []
    for _ in range(rounds):
        floors.append(len(entries) / _bare(entries, key))
        values.append(len(entries) / asyncio.run(_gateway(entries, system, key)))
    value, floor = median(values), median(floors)
    return {
        "name": name,
        "value": round(value),
        "unit": "frames/s",
        "floor": round(floor),
        "ratio": round(value / floor, 2),
        "goal": GOAL,
        "holds": value / floor >= GOAL,
    }


def _bare(entries: list[TlogEntry], key: bytes | None) -> float:
    parser = mavlink.MAVLink(None)
    parser.robust_parsing = True
    parser.signing.secret_key = key
    datagrams = [entry.frame.raw for entry in entries]
    start, parsed = perf_counter(), 0
    for datagram in datagrams:
        parsed += len(parser.parse_buffer(datagram) or ())
    took = perf_counter() - start
    assert parsed == len(entries)
    return took


async def _gateway(entries: list[TlogEntry], system: int, key: bytes | None) -> float:
    gateway = Gateway(now=lambda: entries[0].at)
    craft = gateway.add(VehicleSpec("one", system, LINK, key))
    datagrams = [entry.frame.raw for entry in entries]
    with tempfile.TemporaryDirectory() as folder:
        gateway.start_log("one", Path(folder) / "one.tlog")
        start = perf_counter()
        for datagram in datagrams:
            gateway.take_in(LINK, datagram, ("127.0.0.1", 14550))
        took = perf_counter() - start
        gateway.stop_log("one")
    assert craft.counts.frames == len(entries)
    assert craft.state.heartbeats > 0
    return took


if __name__ == "__main__":
    import json

    print(json.dumps(run(), indent=2))
