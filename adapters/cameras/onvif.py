"""Cameras on the network, as they tell of themselves by ONVIF Profile S: found by WS-Discovery, asked over SOAP.

What a device answers is hostile until it is checked: it is read by a parser without entities and external references,
an answer has a limit, and an address that it names is used with the host it was reached at.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from onveef import DiscoveredDevice, OnvifAuthError, OnvifClient, OnvifError, urls, wsdiscovery

from adapters.cameras.sources import is_stream, shown
from domain import checks

PORT = 3702  # of WS-Discovery
LARGEST_ANSWER = 2_000_000  # bytes
_UNFIT = re.compile(r"[^a-z0-9._-]+")


class NotAnswered(Exception):
    """A device did not say what it was asked. No message has a password."""


@dataclass(frozen=True, slots=True)
class Found:
    """A device that answered the probe. `service`: the address of its device service; the rest as it says, unproven."""

    service: str
    name: str
    hardware: str
    location: str


@dataclass(frozen=True, slots=True)
class Profile:
    """A media profile: how it is encoded, and where it is fetched. `address`: as the device says, which may put a
    password into it; `shown`: for people to see."""

    token: str
    name: str
    encoding: str
    width: int
    height: int
    frame_rate: float
    address: str = field(repr=False)

    @property
    def shown(self) -> str:
        return shown(self.address)


@dataclass(frozen=True, slots=True)
class Device:
    """What a device says of itself once it knows who asks. `profiles`: the largest picture first."""

    maker: str
    model: str
    serial: str
    firmware: str
    profiles: tuple[Profile, ...]

    @property
    def described(self) -> str:
        """For the inventory."""
        return checks.cleaned(f"{self.maker} {self.model}, serial {self.serial}, firmware {self.firmware}")

    @property
    def secret(self) -> str:
        """A name under which its address may be kept."""
        return _UNFIT.sub("-", f"onvif-{self.model}-{self.serial}".lower()).strip("-.")[:64]


def discover(seconds: float, interfaces: Sequence[str] = (), addresses: Sequence[str] = ()) -> list[Found]:
    """Whatever answers within so many seconds, asked by multicast on these of our own addresses, on all without any;
    with `addresses`, HOST or HOST:PORT, those alone are asked, for cameras in another network."""
    answers: list[DiscoveredDevice] = []
    for address in addresses:
        host, _, port = address.partition(":")
        answers += wsdiscovery.probe_device(host, timeout_s=seconds, port=int(port) if port.isdecimal() else PORT)
    if not addresses:
        answers = wsdiscovery.discover(timeout_s=seconds, interface_ip=list(interfaces) or None)
    found = {
        answer.device_service: Found(
            answer.device_service, *map(_said, (answer.name, answer.hardware, answer.location))
        )
        for answer in answers
        if _is_web_address(answer.device_service)
    }
    return [found[service] for service in sorted(found)]


def ask(service: str, user: str, password: str, seconds: float) -> Device:
    """Who the device is, and where its streams are fetched. The password goes as a digest, never in the clear.

    Raises NotAnswered.
    """
    try:
        with OnvifClient(
            service,
            username=user,
            password=password,
            timeout_s=seconds,
            max_response_bytes=LARGEST_ANSWER,
            http_auth="digest",
        ) as client:
            about = client.get_device_information()
            addressed = [(each, client.get_stream_uri(profile_token=each["token"])) for each in client.get_profiles()]
    except OnvifError as error:
        raise NotAnswered(f"{_host(service)}: {_why(error)}") from None
    profiles = [_profile(each, address) for each, address in addressed if is_stream(address)]
    if not profiles:
        raise NotAnswered(f"{_host(service)}: it names no stream that is fetched by RTSP")
    return Device(
        maker=_said(about.get("Manufacturer", "")),
        model=_said(about.get("Model", "")),
        serial=_said(about.get("SerialNumber", "")),
        firmware=_said(about.get("FirmwareVersion", "")),
        profiles=tuple(sorted(profiles, key=lambda profile: -profile.width * profile.height)),
    )


def with_password(address: str, user: str, password: str) -> str:
    """The address as the recorder fetches it."""
    return urls.with_credentials(address, user, password)


def _profile(each: dict[str, Any], address: str) -> Profile:
    encoder = each.get("video_encoder", {})
    return Profile(
        token=_said(each["token"]),
        name=_said(each.get("name", "")),
        encoding=_said(encoder.get("encoding", "")),
        width=int(encoder.get("width", 0)),
        height=int(encoder.get("height", 0)),
        frame_rate=float(encoder.get("fps_limit") or 0),
        address=address,
    )


def _said(text: str) -> str:
    return checks.cleaned(text, 100)


def _why(error: OnvifError) -> str:
    if isinstance(error, OnvifAuthError):
        return "it does not know this user and password"
    return checks.cleaned(f"no answer of a camera: {type(error).__name__} {error}", 200)


def _host(service: str) -> str:
    return urlsplit(service).netloc.rpartition("@")[2]


def _is_web_address(address: str) -> bool:
    parts = urlsplit(address)
    return parts.scheme in ("http", "https") and bool(parts.hostname)
