"""Run the copter: `python -m infra.vehicle --connect udpout:127.0.0.1:14550`."""

import os
import signal
import sys
import time

import click

from infra.vehicle.autopilot import Copter, Parameters
from infra.vehicle.optics import Look, Wire
from infra.vehicle.physics import Battery, Body, Home, Wind
from infra.vehicle.radio import Radio

STEP = 0.02
"""Seconds of simulated time between two steps."""
HURRY = 10.0
"""Times as fast as the clock."""


def _home(_context: click.Context, _parameter: click.Parameter, text: str) -> Home:
    try:
        return Home(*(float(part) for part in text.split(",")))
    except (TypeError, ValueError):
        raise click.BadParameter(f"{text!r} is not LATITUDE,LONGITUDE[,METRES_AMSL].") from None


def _key(_context: click.Context, _parameter: click.Parameter, text: str | None) -> bytes | None:
    try:
        key = bytes.fromhex(text) if text else None
    except ValueError:
        key = b""
    if key is not None and len(key) != 32:
        raise click.BadParameter("a signing key is 64 hexadecimal digits.")
    return key


@click.command()
@click.option("--connect", required=True, help="udpout:HOST:PORT, udpin:HOST:PORT or tcpin:HOST:PORT.")
@click.option("--sysid", default=1, show_default=True, type=click.IntRange(1, 254))
@click.option("--home", default="34.0845,-118.3834,90", show_default=True, callback=_home, help="Where it stands.")
@click.option("--signing-key", envvar="VEHICLE_SIGNING_KEY", callback=_key, help="64 hexadecimal digits.")
@click.option("--speedup", default=1.0, show_default=True, type=click.FloatRange(0.1, 50))
@click.option("--windy", is_flag=True, help="6 m/s from the west with gusts.")
@click.option("--battery", default=100.0, show_default=True, help="Percent at the start.")
@click.option("--charging", default=0.0, help="Seconds from empty to full in the dock; 0: not charged there.")
@click.option("--ready-after", default=6.0, show_default=True, help="Simulated seconds until it has a position.")
@click.option("--fence", default=0.0, help="Radius in metres around home; 0: none.")
@click.option("--ground-timeout", default=5.0, show_default=True, help="Seconds without us until it returns; 0: never.")
@click.option("--gimbal/--no-gimbal", default=True)
@click.option("--stuck-gimbal", is_flag=True, help="It takes every order and stays where it is.")
@click.option("--silent-orders", is_flag=True, help="Never acknowledge return, land and mode changes.")
@click.option("--remote-id", help="Serial to broadcast.")
@click.option(
    "--camera", help="HOST:PORT of its camera, `python -m infra.camera --aboard PORT`, to tell where it looks."
)
def main(
    connect: str,
    sysid: int,
    home: Home,
    signing_key: bytes | None,
    speedup: float,
    windy: bool,
    battery: float,
    charging: float,
    ready_after: float,
    fence: float,
    ground_timeout: float,
    gimbal: bool,
    stuck_gimbal: bool,
    silent_orders: bool,
    remote_id: str | None,
    camera: str | None,
) -> None:
    """A simulated copter. SIGUSR1 cuts its link and, again, restores it; SIGUSR2 begins and ends a hurry."""
    radio = Radio(connect, sysid, key=signing_key, gimbal=gimbal, silent_orders=silent_orders, remote_id=remote_id)
    copter = radio.copter = Copter(
        home,
        radio.say,
        Parameters(ready_after=ready_after, fence_radius=fence, ground_timeout=ground_timeout),
        Body(wind=Wind(east=6.0, gustiness=2.5) if windy else Wind()),
        Battery(battery, charging=charging),
        gimbal_turns=not stuck_gimbal,
    )
    signal.signal(signal.SIGUSR1, lambda *_: radio.go_silent())
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    pace = [speedup, HURRY]
    signal.signal(signal.SIGUSR2, lambda *_: pace.reverse())
    wire = Wire(camera) if camera else None
    parent = os.getppid()
    due = time.monotonic()
    while os.getppid() == parent:  # whoever started it is gone: so is it
        radio.listen()
        copter.step(STEP)
        radio.transmit()
        if wire:
            body = copter.body
            heading = (body.heading + copter.gimbal_yaw) % 360
            wire.send(Look(body.north, body.east, body.up, heading, copter.gimbal_pitch), time.monotonic())
        due = max(due + STEP / pace[0], time.monotonic() - 0.5)
        time.sleep(max(0.0, due - time.monotonic()))


if __name__ == "__main__":
    main()
