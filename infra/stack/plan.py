"""What `saferweho dev` runs, as data: a new process of the product is one more line here."""

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit

from adapters import keys
from adapters.event_store import login_roles
from api.processes.demonstration import CAMERAS, DRONE, SYSTEM_ID

from .processes import free_port
from .supervisor import Service


@dataclass(frozen=True, slots=True)
class Task:
    """A command to run to its end before the services. `shown`: its output is for the person at the console."""

    name: str
    argv: Sequence[str]
    env: Mapping[str, str]
    shown: bool = False


@dataclass(frozen=True, slots=True)
class Call:
    """The same as a function of ours; an exception is its failure."""

    name: str
    function: Callable[[], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """Tasks, then services in waves, then the tasks that tell people how to get in."""

    prepare: Sequence[Task | Call]
    services: Sequence[Service]
    announce: Sequence[Task] = ()


@dataclass(frozen=True, slots=True)
class Context:
    """What a plan may use: addresses that are known before anything of ours runs."""

    home: Path
    port: int
    database_url: str  # of the superuser, or what DATABASE_URL said
    bootstrap: str
    passwords: Mapping[str, str]  # of the logins, one a process, so that each can do its own work alone
    gateway_key: str
    media_key: str
    drone_key: str  # 64 hexadecimal digits, of the demonstration's drone
    cad_key: str
    env: Mapping[str, str]  # settings that every process shares
    demo: bool

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def url_as(self, login: str) -> str:
        """libpq URI of the database as one of the logins."""
        address = urlsplit(self.database_url)
        host = address.netloc.rpartition("@")[2]
        return address._replace(netloc=f"{login}:{quote(self.passwords[login], safe='')}@{host}").geturl()


def saferweho(*arguments: str) -> list[str]:
    """The command line of one of the product's verbs."""
    return [sys.executable, "-m", "api.cli", *arguments]


def _logins(context: Context) -> None:
    login_roles(context.database_url, context.passwords)
    keys.login_roles(context.database_url, context.passwords)


def _kept(file: Path, content: str) -> Path:
    """A file of secrets, for its owner alone."""
    with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
        out.write(content)
    return file


def the_product(context: Context) -> Plan:
    """The spine, and with `demo` synthetic cameras, a simulated drone and the demonstration that flies it."""
    gateway_port, link_port, media_port = free_port(), free_port(), free_port()
    shared = {
        **context.env,
        "SAFERWEHO_GATEWAY_URL": f"http://127.0.0.1:{gateway_port}",
        "SAFERWEHO_GATEWAY_KEY": context.gateway_key,
        "SAFERWEHO_MEDIA_PORT": str(media_port),
        "SAFERWEHO_MEDIA_URL": f"http://127.0.0.1:{media_port}",
        "SAFERWEHO_MEDIA_KEY": context.media_key,
        "SAFERWEHO_DRONE_LINKS": f"{DRONE}@udpin:127.0.0.1:{link_port}#{SYSTEM_ID}",
        "SAFERWEHO_DRONE_KEYS": str(_kept(context.home / "drone-keys", f"{DRONE} {context.drone_key}\n")),
        "SAFERWEHO_CAD_KEYS": str(_kept(context.home / "cad-keys", f"{context.cad_key}\n")),
        "SAFERWEHO_AIRSPACE_AUTHORITY": "coa:2026-WSA-DEMO:1:2027-12-31",
        "SAFERWEHO_SEPARATION": "detect_and_avoid:demonstration radar",
    }

    def service(name: str, login: str, *, wave: int = 0) -> Service:
        port = free_port()
        env = {**shared, "DATABASE_URL": context.url_as(login), "SAFERWEHO_HEALTH_PORT": str(port)}
        return Service(name, saferweho(name), env, f"http://127.0.0.1:{port}/health/ready", wave)

    owner = {**shared, "DATABASE_URL": context.database_url}
    prepare: list[Task | Call] = [
        Task("migrate", saferweho("migrate"), owner),
        Call("database logins", lambda: _logins(context)),
        Task("topics", saferweho("topics", "create"), owner),
    ]
    services = [
        service("relay", "saferweho_relay"),
        service("projector", "saferweho_projector"),
        service("reactor", "saferweho_reactor"),
        service("scheduler", "saferweho_scheduler"),
        service("drone-gateway", "saferweho_gateway"),
        service("media", "saferweho_media"),
        service("exporter", "saferweho_exporter"),
        service("api", "saferweho_api"),
    ]
    if not context.demo:
        return Plan(prepare, services)
    camera_port, drone_camera_port, look_port = free_port(), free_port(), free_port()
    addresses = "".join(f"{camera.id} rtsp://127.0.0.1:{camera_port}/{camera.id}\n" for camera in CAMERAS)
    addresses += f"drone-{DRONE} rtsp://127.0.0.1:{drone_camera_port}/{DRONE}\n"
    shared["SAFERWEHO_CAMERAS"] = str(_kept(context.home / "cameras", addresses))
    shared["SAFERWEHO_FOOTAGE_MINUTES"] = "2"  # so that who looks on sees it go on the record
    names = [camera.id for camera in CAMERAS]
    filming = ["-m", "infra.camera", "--port", str(camera_port), "--rate", "10", "--key-every", "20", *names]
    services.append(Service("cameras", [sys.executable, *filming], context.env))
    aboard = ["-m", "infra.camera", "--port", str(drone_camera_port), "--aboard", str(look_port), "--rate", "10"]
    services.append(Service("drone-camera", [sys.executable, *aboard, "--key-every", "10", DRONE], context.env))
    services.append(service("recorder", "saferweho_recorder"))
    vehicle = [
        "-m",
        "infra.vehicle",
        "--connect",
        f"udpout:127.0.0.1:{link_port}",
        "--sysid",
        str(SYSTEM_ID),
        "--charging",
        "120",
        "--camera",
        f"127.0.0.1:{look_port}",
    ]
    prepare.append(Task("demonstration's people", saferweho("demonstration", "prepare"), owner))
    services.append(
        Service("vehicle", [sys.executable, *vehicle], {**context.env, "VEHICLE_SIGNING_KEY": context.drone_key})
    )
    services.append(service("demonstration", "saferweho_api", wave=1))
    return Plan(prepare, services, [Task("sign-in links", saferweho("demonstration", "links"), owner, shown=True)])
