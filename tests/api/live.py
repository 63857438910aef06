"""What the tests of live pictures have of their own: cameras, a recorder and a media process, and who looks at it."""

from __future__ import annotations

import io
import json
import os
import secrets
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any

import av
import httpx
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from infra.stack.processes import free_port, last_lines, spawn, stop
from tests.adapters.recorder.cameras import Cameras, cameras
from tests.api.looking import PLACE, REQUEST, grounds
from tests.api.watch_center import Asker, Json, WatchCenter, settings_as, until

ROOT = Path(__file__).parents[2]
WITHIN_S = 120.0  # what a busy machine needs for what takes seconds
PICTURE = """mutation($view: ID!) { livePicture(view: $view) {
  url token expiresAt until masked reason { code message } } }"""


@dataclass
class Process:
    """A verb of `saferweho` under its own login."""

    verb: str
    login: str
    center: WatchCenter
    folder: Path
    more: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None
    health_port: int = field(default_factory=free_port)

    def start(self) -> None:
        settings = settings_as(self.login, self.center.environ)
        assert settings.write_url
        environ = {
            **os.environ,
            **self.center.environ,
            "DATABASE_URL": settings.write_url,
            "SAFERWEHO_HEALTH_PORT": str(self.health_port),
            **self.more,
        }
        self.process = spawn([sys.executable, "-m", "api.cli", self.verb], self.log, env=environ, cwd=ROOT)

    @property
    def log(self) -> Path:
        return self.folder / f"{self.verb}.log"

    def ready(self) -> Json | None:
        assert self.process is not None and self.process.poll() is None, last_lines(self.log, 40)
        try:
            answer = httpx.get(f"http://127.0.0.1:{self.health_port}/health/ready", timeout=10)
        except httpx.HTTPError:
            return None
        report: Json = answer.json()
        return report if answer.status_code == 200 else None

    def figure(self, name: str) -> float:
        """The sum of a figure over its labels."""
        text = httpx.get(f"http://127.0.0.1:{self.health_port}/metrics", timeout=60).text
        lines = [line for line in text.splitlines() if line.partition("{")[0].partition(" ")[0] == name]
        return sum(float(line.rpartition(" ")[2]) for line in lines)

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        if self.process is not None:
            stop(self.process, (signal.SIGTERM, 60.0))


@dataclass
class Plane:
    """A watch center's pictures: cameras over RTSP, the recorder, and the media process. `feeds`: by name."""

    center: WatchCenter
    cameras: Cameras
    recorder: Process
    media: Process
    feeds: dict[str, str]

    def watching(self, asker: Asker, feed: str) -> str:
        told = asker.accepted(REQUEST, feed=self.feeds[feed], grounds=grounds(self.center))
        return str(told["id"])

    def ticket(self, asker: Asker, view: str) -> Json:
        told: Json = asker.ask(PICTURE, view=view)["livePicture"]
        return told


@contextmanager
def plane(
    center: WatchCenter,
    folder: Path,
    *options: str,
    names: tuple[str, ...] = ("a", "b"),
    limits: Mapping[str, str] | None = None,
) -> Iterator[Plane]:
    """`options`: of the cameras; `limits`: settings of the media process."""
    ids = {name: f"c{secrets.token_hex(5)}" for name in names}
    for key in ids.values():
        center.as_role("administrator").accepted(
            'installCamera(camera: $camera, name: "Plummer Park", place: $place, heightM: 6, bearingDeg: 270)',
            camera=key,
            place=PLACE,
        )
    with cameras(folder, "--size", "320x180", *options, *ids.values()) as filming:
        addresses = folder / "cameras"
        addresses.touch(0o600)
        addresses.write_text("".join(f"{key} {filming.address(key).url}\n" for key in ids.values()))
        more = {"SAFERWEHO_CAMERAS": str(addresses), "SAFERWEHO_SCRUB_MB_PER_S": "0"}
        recorder = Process("recorder", "saferweho_recorder", center, folder, more)
        media = Process("media", "saferweho_media", center, folder, dict(limits or {}))
        made = Plane(center, filming, recorder, media, {name: f"camera-{key}" for name, key in ids.items()})
        try:
            recorder.start()
            media.start()

            def online() -> bool:
                report = recorder.ready()
                assert media.process is not None and media.process.poll() is None, last_lines(media.log, 40)
                return report is not None and all(
                    report["cameras"]["cameras"].get(key, {}).get("online") for key in ids.values()
                )

            until(online, WITHIN_S, what=f"the cameras are online\n{last_lines(recorder.log, 20)}")
            until(lambda: media.ready(), WITHIN_S, what=f"pictures are served\n{last_lines(media.log, 20)}")
            for feed in made.feeds.values():
                until(lambda feed=feed: _on_record(center, feed), WITHIN_S, what="it is on the record")  # type: ignore[misc]
            yield made
        finally:
            media.stop()
            recorder.stop()


def _on_record(center: WatchCenter, feed: str) -> bool:
    return any(event["type"].endswith("camera_online.v1") for event in center.events(feed))


class Screen:
    """A console's player: takes what comes, as long as it comes."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self.said: list[Json] = []
        self.parts: list[bytes] = []  # of the pictures: initialization segments and fragments
        self.inits: list[int] = []  # where in `parts` they are
        self.last_at = self.began = monotonic()
        self.first_at: float | None = None
        self.closed: int | None = None
        self._thread = threading.Thread(target=self._take, daemon=True)
        self._thread.start()

    def _take(self) -> None:
        try:
            for message in self._socket:
                if isinstance(message, str):
                    self.said.append(json.loads(message))
                    continue
                if message[4:8] == b"ftyp":
                    self.inits.append(len(self.parts))
                else:
                    self.last_at = monotonic()
                    self.first_at = self.first_at or self.last_at
                self.parts.append(message)
        except ConnectionClosed:
            pass
        self.closed = self._socket.close_code or 1006

    def send(self, message: object) -> None:
        self._socket.send(json.dumps(message))

    @property
    def fragments(self) -> list[bytes]:
        return [part for n, part in enumerate(self.parts) if n not in self.inits]

    @property
    def end(self) -> Json | None:
        return next((said["reason"] for said in self.said if said["type"] == "end"), None)

    @property
    def watchers(self) -> int | None:
        told = [said["watchers"] for said in self.said if said["type"] == "view"]
        return told[-1] if told else None

    def shows(self, fragments: int = 1) -> None:
        before = len(self.fragments)
        until(
            lambda: len(self.fragments) >= before + fragments or self.closed,
            WITHIN_S,
            what=f"pictures come: {self.said}",
        )
        assert len(self.fragments) >= before + fragments, self.said

    def ends(self) -> str:
        """The code of why it ended."""
        until(lambda: self.closed is not None, WITHIN_S, what=f"it ends: {self.said}")
        assert self.end is not None, (self.closed, self.said)
        return str(self.end["code"])

    def frames(self) -> list[Any]:
        """What the last picture that was begun shows, decoded."""
        content = b"".join(self.parts[self.inits[-1] :])
        with av.open(io.BytesIO(content)) as file:
            return list(file.decode(video=0))


@contextmanager
def screen(ticket: Json, **headers: str) -> Iterator[Screen]:
    """With the ticket in the first message, as a page has it."""
    with connect(ticket["url"], additional_headers=headers, compression=None, max_size=None) as socket:
        socket.send(json.dumps({"token": ticket["token"]}))
        yield Screen(socket)


@contextmanager
def showing(asker: Asker, view: str) -> Iterator[None]:
    """A console that says that it shows the picture, also when nobody listens to it any more."""
    stop = threading.Event()
    body = {"query": "mutation($view: ID!) { liveViewHeartbeat(view: $view) { open } }", "variables": {"view": view}}

    def beat() -> None:
        while not stop.wait(1.0):
            with suppress(httpx.HTTPError):
                asker.send(body)

    console = threading.Thread(target=beat, daemon=True)
    console.start()
    try:
        yield
    finally:
        stop.set()
        console.join(60)


@contextmanager
def looking(plane: Plane, asker: Asker, feed: str = "a") -> Iterator[tuple[str, Screen]]:
    """Somebody at a console that shows the picture and says so."""
    view = plane.watching(asker, feed)
    with showing(asker, view), screen(plane.ticket(asker, view)) as shown:
        shown.shows()
        yield view, shown
