"""How soon a granted view shows its first picture, and how far behind the camera it is: API, recorder and media process
as they run in service, one camera of another process.

The clock runs from the request, whose grant is on the record before anything is shown, over the ticket and the
WebSocket to the first decoded picture. Floor: the same camera opened directly over RTSP, to the first decoded picture.
How far behind: each picture against its own arrival over RTSP directly, matched by what the two show.
"""

from __future__ import annotations

import hashlib
import io
import json
import random
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from time import perf_counter, sleep
from typing import Any

import av
import httpx
from websockets.sync.client import ClientConnection, connect

from bench.figures import figure, quantile
from bench.product import PARTS, Product, product
from bench.stack import stack
from infra.stack.plan import Context, Plan, saferweho
from infra.stack.processes import free_port, wait_until
from infra.stack.supervisor import Service

CAMERA = "bench-live"
SIZE, RATE = "1280x720", "30"
LOOKS, WARM_UP = 60, 5
BEHIND_S = 20.0
GOAL_BEHIND_S = 2.0
ROOT = Path(__file__).parents[1]
# Without a look at the stream first, which FFmpeg takes seconds for: the floor waits for a key frame, for nothing else.
_RTSP = {
    "rtsp_transport": "tcp",
    "allowed_media_types": "video",
    "fflags": "nobuffer",
    "analyzeduration": "1",
}
_TOLD = "__typename ... on Accepted { id } ... on Refused { reasons { code } } ... on Mistaken { code field }"
INSTALL = f"""mutation {{ installCamera(camera: "{CAMERA}", name: "bench", heightM: 6, bearingDeg: 90,
  place: {{latitude: 34.0905, longitude: -118.3605}}) {{ {_TOLD} }} }}"""
REQUEST = f"""mutation {{ requestLiveView(feed: "camera-{CAMERA}", grounds: {{purpose: "call_for_service",
  reason: "a man on the roof of the pool", caseNumber: "926-00001"}}) {{ {_TOLD} }} }}"""
PICTURE = "mutation($view: ID!) { livePicture(view: $view) { url token reason { code message } } }"
CLOSE = f"mutation($view: ID!) {{ closeLiveView(view: $view) {{ {_TOLD} }} }}"
BEAT = "mutation($view: ID!) { liveViewHeartbeat(view: $view) { open } }"

Ask = Callable[..., dict[str, Any]]


def run(looks: int = LOOKS, **_: Any) -> list[dict[str, Any]]:
    with (
        _filming() as url,
        stack() as running,
        product(running, (*PARTS, "media"), partial(_recorder, url)) as center,
    ):
        watch = _asking(center, "watch_operator")
        _installed(_asking(center, "administrator"), watch)
        direct: list[float] = []
        took: list[float] = []
        for look in range(-WARM_UP, looks):
            sleep(random.random())  # at any moment between two key frames
            floor = _directly(url)
            sleep(random.random())
            seen = _granted(watch)
            if look >= 0:
                direct.append(floor)
                took.append(seen)
        behind = _behind(watch, url)
    direct.sort()
    took.sort()
    behind.sort()
    of = "request → first decoded picture"
    return [
        figure(f"{of}, p50", 1e3 * quantile(took, 0.5), "ms", 1e3 * quantile(direct, 0.5), 1.0, at_most=True),
        figure(f"{of}, p99", 1e3 * quantile(took, 0.99), "ms", 1e3 * quantile(direct, 0.99), 1.0, at_most=True),
        figure("behind RTSP itself, p50", quantile(behind, 0.5), "s", None, GOAL_BEHIND_S, at_most=True, absolute=True),
        figure(
            "behind RTSP itself, p99", quantile(behind, 0.99), "s", None, GOAL_BEHIND_S, at_most=True, absolute=True
        ),
    ]


@contextmanager
def _filming() -> Iterator[str]:
    port = free_port()
    argv = ["--port", str(port), "--size", SIZE, "--rate", RATE, "--key-every", RATE, "--bit-rate", "2000000", CAMERA]
    process = subprocess.Popen([sys.executable, "-m", "infra.camera", *argv], cwd=ROOT, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        process.stdout.readline()
        yield f"rtsp://127.0.0.1:{port}/{CAMERA}"
    finally:
        process.terminate()
        process.wait()


def _recorder(url: str, context: Context, plan: Plan) -> Sequence[Service]:
    addresses = context.home / "cameras"
    addresses.touch(0o600)
    addresses.write_text(f"{CAMERA} {url}\n")
    port = free_port()
    env = {
        **next(service.env for service in plan.services if service.name == "media"),
        "DATABASE_URL": context.url_as("saferweho_recorder"),
        "SAFERWEHO_CAMERAS": str(addresses),
        "SAFERWEHO_HEALTH_PORT": str(port),
    }
    return [Service("recorder", saferweho("recorder"), env, f"http://127.0.0.1:{port}/health/ready")]


def _asking(center: Product, role: str) -> Ask:
    headers = {"authorization": f"Bearer {center.token(role)}"}
    http = httpx.Client(base_url=center.base_url, headers=headers, timeout=60)

    def ask(query: str, **variables: object) -> dict[str, Any]:
        answer = http.post("/graphql", json={"query": query, "variables": variables}).json()
        if "errors" in answer:
            raise RuntimeError(str(answer["errors"]))
        (told,) = answer["data"].values()
        return dict(told)

    return ask


def _installed(admin: Ask, watch: Ask) -> None:
    """A camera that is recorded, by the record. Raises RuntimeError."""
    if (told := admin(INSTALL))["__typename"] != "Accepted":
        raise RuntimeError(str(told))
    asked: list[dict[str, Any]] = []

    def granted() -> bool:
        asked.append(watch(REQUEST))
        return bool(asked[-1]["__typename"] == "Accepted")

    if not wait_until(granted, 90, every=1.0):
        raise RuntimeError(f"the camera is not seen: {asked[-1]}")
    watch(CLOSE, view=asked[-1]["id"])


def _directly(url: str) -> float:
    """Seconds from opening the camera to its first decoded picture."""
    began = perf_counter()
    with av.open(url, options=dict(_RTSP), timeout=10) as camera:
        next(camera.decode(video=0))
        return perf_counter() - began


def _granted(watch: Ask) -> float:
    """Seconds from the request to the first decoded picture."""
    began = perf_counter()
    view, socket = _connected(watch)
    with socket:
        head = b""
        for message in socket:
            if isinstance(message, str):
                _went_well(message)
            elif message[4:8] == b"ftyp":
                head = message
            else:
                with av.open(io.BytesIO(head + message), "r") as picture:
                    next(picture.decode(video=0))
                    took = perf_counter() - began
                break
    watch(CLOSE, view=view)
    return took


def _connected(watch: Ask) -> tuple[str, ClientConnection]:
    told = watch(REQUEST)
    if told["__typename"] != "Accepted":
        raise RuntimeError(str(told))
    picture = watch(PICTURE, view=told["id"])
    socket = connect(picture["url"], compression=None, max_size=None)
    socket.send(json.dumps({"token": picture["token"]}))
    return str(told["id"]), socket


def _went_well(message: str) -> None:
    said = json.loads(message)
    if said["type"] == "end":
        raise RuntimeError(str(said))


def _behind(watch: Ask, url: str) -> list[float]:
    """Seconds by which each picture comes later than over RTSP directly. Decoded when all is over."""
    came: list[tuple[Any, float]] = []
    stop = threading.Event()

    def follow() -> None:
        with av.open(url, options=dict(_RTSP), timeout=10) as camera:
            for packet in camera.demux(video=0):
                came.append((packet, perf_counter()))
                if stop.is_set():
                    break
            for packet, at in came:
                for frame in packet.decode():
                    direct.setdefault(_shown(frame), at)

    direct: dict[bytes, float] = {}
    following = threading.Thread(target=follow)
    following.start()
    sleep(3)
    view, socket = _connected(watch)
    beaten = began = perf_counter()
    parts: list[tuple[bytes, float]] = []
    with socket:
        while perf_counter() - began < BEHIND_S:
            message = socket.recv(timeout=10)
            if isinstance(message, str):
                _went_well(message)
            else:
                parts.append((message, perf_counter()))
            if perf_counter() - beaten > 3:
                watch(BEAT, view=view)
                beaten = perf_counter()
    stop.set()
    following.join()
    watch(CLOSE, view=view)
    late = []
    # The first group was waiting in the cache: how old it is says nothing of how far behind what follows is.
    for fragment, at in _pictures_of(parts):
        if fragment in direct and at - began > 2:
            late.append(max(0.0, at - direct[fragment]))
    if not late:
        raise RuntimeError("no picture was recognised")
    return late


def _pictures_of(parts: list[tuple[bytes, float]]) -> Iterator[tuple[bytes, float]]:
    """Each picture with when its fragment came."""
    whole = b"".join(part for part, _ in parts)
    with av.open(io.BytesIO(whole), "r") as file:
        shown = [_shown(frame) for frame in file.decode(video=0)]
    number = 0
    for part, at in parts:
        if part[4:8] == b"ftyp":
            continue
        for _ in range(_count(part)):
            if number < len(shown):
                yield shown[number], at
                number += 1


def _count(fragment: bytes) -> int:
    """How many pictures are in it: `sample_count` of its track runs (ISO/IEC 14496-12 §8.8.8)."""
    count, at = 0, fragment.find(b"trun")
    while at >= 0:
        count += int.from_bytes(fragment[at + 8 : at + 12], "big")
        at = fragment.find(b"trun", at + 4, fragment.find(b"mdat"))
    return count


def _shown(frame: Any) -> bytes:
    return hashlib.sha256(frame.to_ndarray().tobytes()).digest()


if __name__ == "__main__":
    print(json.dumps(run(), indent=2))
