"""Links: every kind carries frames both ways and mends itself."""

import asyncio
import os
import socket
import tty

import pytest

from adapters.mavlink.gateway import Gateway, VehicleSpec
from adapters.mavlink.links import Address, open_link
from tests.adapters.mavlink.conftest import Launch, eventually, free_port, run


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("udpin:0.0.0.0:14550", Address("udpin", "0.0.0.0", 14550)),
        ("udpout:drone-7.example:14550", Address("udpout", "drone-7.example", 14550)),
        ("tcp:[::1]:5760", Address("tcp", "::1", 5760)),
        ("serial:/dev/ttyUSB0:57600", Address("serial", "/dev/ttyUSB0", 57600)),
    ],
)
def test_addresses(text: str, address: Address) -> None:
    assert Address.parse(text) == address


@pytest.mark.slow
def test_a_tcp_link_comes_back_when_the_vehicle_does(launch: Launch) -> None:
    async def scene() -> None:
        port = free_port(socket.SOCK_STREAM)
        first = launch("--connect", f"tcpin:127.0.0.1:{port}")
        link = f"tcp:127.0.0.1:{port}"
        async with Gateway([VehicleSpec("one", 1, link)]) as gateway:
            craft = gateway.crafts["one"]
            await craft.until(lambda state: state.linked, 60)
            first.stop()
            await craft.until(lambda state: not state.linked, 60)
            assert gateway.links()[link]
            launch("--connect", f"tcpin:127.0.0.1:{port}")
            await craft.until(lambda state: state.linked, 60)
            assert gateway.links()[link] is None

    run(scene())


def test_we_may_speak_first_to_a_vehicle_that_listens(launch: Launch) -> None:
    async def scene() -> None:
        port = free_port()
        async with Gateway([VehicleSpec("one", 1, f"udpout:127.0.0.1:{port}")]) as gateway:
            launch("--connect", f"udpin:127.0.0.1:{port}")
            await gateway.crafts["one"].until(lambda state: state.linked, 60)

    run(scene())


def test_a_serial_line_carries_bytes_both_ways_and_tells_when_it_is_pulled() -> None:
    async def scene() -> None:
        far, near = os.openpty()
        tty.setraw(near)
        arrived = asyncio.Queue[bytes]()
        link = open_link(f"serial:{os.ttyname(near)}:57600", lambda data, _peer: arrived.put_nowait(data))
        running = asyncio.create_task(link.run())
        await eventually(lambda: link.send(b"\xfd to the vehicle"))
        assert os.read(far, 100) == b"\xfd to the vehicle"
        os.write(far, b"\xfd from the vehicle")
        assert await arrived.get() == b"\xfd from the vehicle"
        os.close(near)
        os.close(far)
        await eventually(lambda: link.error)
        assert not link.send(b"late")
        running.cancel()

    run(scene())


def test_a_line_that_is_not_there_says_why_and_is_tried_again() -> None:
    async def scene() -> None:
        link = open_link("serial:/dev/no-such-line:57600", lambda _data, _peer: None)
        running = asyncio.create_task(link.run())
        await eventually(lambda: link.error)
        assert link.error is not None
        assert "/dev/no-such-line" in link.error
        assert not running.done()
        running.cancel()

    run(scene())


def test_what_does_not_fit_the_buffer_is_dropped_and_counted() -> None:
    async def scene() -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            link = open_link(f"tcp:127.0.0.1:{server.getsockname()[1]}", lambda _data, _peer: None)
            running = asyncio.create_task(link.run())
            await eventually(lambda: link.send(bytes(280)))
            # The other end never reads.
            for _ in range(100_000):
                link.send(bytes(280))
            assert link.dropped > 0
            running.cancel()

    run(scene())
