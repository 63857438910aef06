"""Run synthetic cameras: `python -m infra.camera --port 8554 north south`, at rtsp://127.0.0.1:8554/north."""

from __future__ import annotations

import asyncio
import signal
from contextlib import ExitStack

import click

from infra.camera.filming import ENCODERS, Film, Filming
from infra.camera.rtsp import Camera, serve

SOURCES = ("testsrc2", "smptehdbars", "testsrc")


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", required=True, type=click.IntRange(1, 65535))
@click.option("--codec", default="h264", show_default=True, type=click.Choice(list(ENCODERS)))
@click.option("--size", default="640x360", show_default=True, help="WIDTHxHEIGHT")
@click.option("--rate", default=15, show_default=True, help="Pictures a second.")
@click.option("--key-every", default=15, show_default=True, help="Pictures from one key frame to the next.")
@click.option("--bit-rate", default=400_000, show_default=True)
@click.option("--clock-ahead", default=0.0, help="Seconds by which the cameras' clock is ahead.")
@click.option("--resize-after", default=0, help="Pictures after which they send another size; 0: never.")
@click.option("--one-film", is_flag=True, help="All of them send the same.")
@click.option("--user", default="")
@click.option("--password", default="", envvar="CAMERA_PASSWORD")
@click.option("--aboard", default=0, help="The camera is a drone's, which says on this UDP port where it looks.")
@click.option("--marked", is_flag=True, help="A drone's pictures tell in squares where they were taken.")
@click.argument("names", nargs=-1, required=True)
def main(
    host: str,
    port: int,
    codec: str,
    size: str,
    rate: int,
    key_every: int,
    bit_rate: int,
    clock_ahead: float,
    resize_after: int,
    one_film: bool,
    user: str,
    password: str,
    aboard: int,
    marked: bool,
    names: tuple[str, ...],
) -> None:
    """Cameras that can be reached at rtsp://HOST:PORT/NAME, until they are ended."""
    width, height = map(int, size.split("x"))

    async def run() -> None:
        loop, stop = asyncio.get_running_loop(), asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        cameras: dict[str, Camera] = {}
        with ExitStack() as stack:
            for index, sharing in enumerate([names] if one_film else [(name,) for name in names]):
                source = SOURCES[index % len(SOURCES)]
                motion = (rate, key_every, bit_rate, clock_ahead, resize_after)
                film = Film(source, codec, width, height, *motion, aboard, marked)

                def sent(packet: bytes, sharing: tuple[str, ...]) -> None:
                    for name in sharing:
                        cameras[name].send(packet)

                def send(packet: bytes, sharing: tuple[str, ...] = sharing) -> None:
                    loop.call_soon_threadsafe(sent, packet, sharing)

                filming = Filming(film, send)
                cameras.update({name: Camera(filming, user, password) for name in sharing})
                await asyncio.to_thread(stack.enter_context, filming)
            server = await serve(cameras, host, port)
            print(f"rtsp://{host}:{port}/", flush=True)
            await stop.wait()
            server.close()

    asyncio.run(run())


if __name__ == "__main__":
    main()
