"""What a drone's camera sees of a made-up city: streets, blocks and roofs on flat ground, drawn from where the drone
says that it is and looks. Enough to see that it flies, turns and looks down; no place that there is."""

from __future__ import annotations

import json
import socket
from contextlib import suppress
from math import cos, radians, sin, tan
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from infra.vehicle.optics import LENS_HORIZONTAL_DEG, LENS_VERTICAL_DEG, Look

Picture = NDArray[np.uint8]
Figures = NDArray[np.floating[Any]]
BLOCK_NORTH_M, BLOCK_EAST_M, STREET_M, ROOF_M = 90.0, 130.0, 14.0, 22.0
LOWEST_M = 1.5  # on its legs
FURTHEST_M = 3000.0
SQUARE_PX, BITS = 16, 40  # of the marks
BRIGHT, DARK = 235, 16


class Aerial:
    """The camera. `port`: of this machine, where it hears where it looks; `marked`: each picture tells in squares of
    black and white along its top where it was taken (`place_marked`), for tests that must know."""

    def __init__(self, port: int, *, marked: bool = False) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", port))
        self._socket.setblocking(False)
        self._look = Look(0.0, 0.0, 0.0, 0.0, 0.0)
        self._marked = marked

    def close(self) -> None:
        self._socket.close()

    def picture(self, width: int, height: int) -> Any:
        with suppress(BlockingIOError):
            while said := self._socket.recv(1024):
                self._look = Look(**json.loads(said))
        # Half as fine as the picture: this is the demonstration's machine, too.
        drawn = drawn_from(self._look, width // 2, height // 2).repeat(2, 0).repeat(2, 1)
        if self._marked:
            _mark(drawn, self._look)
        return av.VideoFrame.from_ndarray(drawn, "rgb24").reformat(format="yuv420p")


def drawn_from(look: Look, width: int, height: int) -> Picture:
    """Rows of pixels, red, green and blue."""
    across = (np.arange(width, dtype=np.float32) + 0.5) / width * 2 - 1
    upright = (np.arange(height, dtype=np.float32) + 0.5) / height * 2 - 1
    right = (across * tan(radians(LENS_HORIZONTAL_DEG) / 2))[None, :]
    below = (upright * tan(radians(LENS_VERTICAL_DEG) / 2))[:, None]
    yaw, pitch = radians(look.heading), radians(look.pitch)
    north = cos(pitch) * cos(yaw) - right * sin(yaw) + below * (sin(pitch) * cos(yaw))
    east = cos(pitch) * sin(yaw) + right * cos(yaw) + below * (sin(pitch) * sin(yaw))
    down = np.broadcast_to(-sin(pitch) + below * cos(pitch), north.shape)
    far = max(look.up, LOWEST_M) / np.maximum(down, 1e-4)
    seen = _ground(look.north + far * north, look.east + far * east)
    haze = np.clip(far / FURTHEST_M, 0, 1)[..., None] ** 0.5
    sky = np.array([150, 180, 215], np.float32) + (upright[:, None, None] * 20)
    picture = np.where((down > 0)[..., None], seen * (1 - haze) + sky * haze, sky)
    return np.clip(picture, 0, 255).astype(np.uint8)


def _ground(north: Figures, east: Figures) -> Figures:
    block_north, block_east = np.floor(north / BLOCK_NORTH_M), np.floor(east / BLOCK_EAST_M)
    in_north, in_east = north - block_north * BLOCK_NORTH_M, east - block_east * BLOCK_EAST_M
    street = (in_north < STREET_M) | (in_east < STREET_M)
    line = (abs(in_north - STREET_M / 2) < 0.4) | (abs(in_east - STREET_M / 2) < 0.4)
    roof_north, roof_east = np.floor(in_north / ROOF_M), np.floor(in_east / ROOF_M)
    chance = np.abs(np.sin(block_north * 12.9898 + block_east * 78.233 + roof_north * 37.7 + roof_east * 4.1) * 43758.5)
    shade = chance % 1.0
    edge = ((in_north % ROOF_M) < 1.5) | ((in_east % ROOF_M) < 1.5)
    roofs = np.stack([110 + 90 * shade, 100 + 70 * shade, 90 + 80 * (1 - shade)], axis=-1)
    parks = np.broadcast_to(np.array([70, 120, 60], np.float32), roofs.shape)
    colour = np.where((shade > 0.8)[..., None], parks, roofs)
    colour = np.where(edge[..., None], np.float32(75), colour)
    colour = np.where(street[..., None], np.float32(60), colour)
    return np.where((street & line)[..., None], np.float32(220), colour).astype(np.float32)


def _mark(picture: Picture, look: Look) -> None:
    north, east = (round(metres * 10) & 0xFFFF for metres in (look.north, look.east))
    value = (north << 24) | (east << 8)
    value |= sum(value.to_bytes(5)) & 0xFF
    for bit in range(BITS):
        lit = value >> (BITS - 1 - bit) & 1
        picture[:SQUARE_PX, bit * SQUARE_PX : (bit + 1) * SQUARE_PX] = BRIGHT if lit else DARK


def place_marked(luma: Picture) -> tuple[float, float] | None:
    """Metres north and east of home where a marked picture was taken; None: its marks cannot be read."""
    value = 0
    for bit in range(BITS):
        square = luma[3 : SQUARE_PX - 3, bit * SQUARE_PX + 3 : (bit + 1) * SQUARE_PX - 3]
        value = value << 1 | int(square.mean() > 126)
    if sum((value & ~0xFF).to_bytes(5)) & 0xFF != value & 0xFF:
        return None
    north, east = ((part - 0x10000 if part >= 0x8000 else part) for part in (value >> 24 & 0xFFFF, value >> 8 & 0xFFFF))
    return north / 10, east / 10
