"""Cameras on the network: an ONVIF device of others' making, found, asked, its password nowhere to be read."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import gettempdir
from time import monotonic

import pytest
from click.testing import CliRunner, Result
from fasteners import InterProcessLock

from adapters.cameras import onvif, sources
from adapters.cameras.onvif import NotAnswered
from adapters.cameras.sources import SourcesRefused, shown
from api.cli import main
from infra.stack.processes import free_port, wait_until
from tests.adapters.cameras.onvif_device import LOOPBACK, PASSWORD, USER

PATIENCE_S = 120


@dataclass(frozen=True)
class RunningDevice:
    service: str


@pytest.fixture(scope="module")
def device() -> Iterator[RunningDevice]:
    # WS-Discovery has one port for all: of tests at the same time, one has a device.
    with InterProcessLock(Path(gettempdir()) / "saferweho-test-ws-discovery"):
        port = free_port()
        command = [sys.executable, "-m", "tests.adapters.cameras.onvif_device", str(port)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            assert process.stdout is not None and process.stdout.readline().strip() == "ready"
            yield RunningDevice(f"http://{LOOPBACK}:{port}/onvif/device_service")
        finally:
            process.kill()
            process.wait(PATIENCE_S)


def typed(*words: str) -> Result:
    return CliRunner().invoke(main, ["cameras", "discover", "--seconds", "3", "--json", *words])


def answered(*words: str) -> Result:
    """Typed again where a busy device was not heard in time."""
    told = typed(*words)
    deadline = monotonic() + PATIENCE_S
    while json.loads(told.stdout) == [] and monotonic() < deadline:
        told = typed(*words)
    return told


@pytest.fixture
def credentials(tmp_path: Path) -> Path:
    file = tmp_path / "credentials"
    file.write_text(f"10.0.0.9 admin other\n* {USER} {PASSWORD}\n")
    file.chmod(0o600)
    return file


def test_a_camera_answers_the_probe_by_multicast_and_by_its_address(device: RunningDevice) -> None:
    for asked in (lambda: onvif.discover(3, [LOOPBACK]), lambda: onvif.discover(2, addresses=[LOOPBACK])):
        found = wait_until(asked, PATIENCE_S) or []
        assert [(each.service, each.name) for each in found] == [(device.service, "Plummer_Gate")]


def test_a_camera_says_who_it_is_and_where_its_streams_are(device: RunningDevice) -> None:
    asked = onvif.ask(device.service, USER, PASSWORD, 20)
    assert asked.described == "Acme Bullet 4, serial SN-0417, firmware 1.2.3"
    assert asked.secret == "onvif-bullet-4-sn-0417"
    assert [(p.encoding, p.width, p.height, p.frame_rate) for p in asked.profiles] == [
        ("H264", 1920, 1080, 30.0),
        ("H264", 640, 360, 30.0),
    ]
    assert asked.profiles[0].shown == "rtsp://127.0.0.1:8554/video_main"


@pytest.mark.rule("camera.secret")
def test_who_asks_with_a_wrong_password_is_told_so_and_it_is_repeated_nowhere(device: RunningDevice) -> None:
    with pytest.raises(NotAnswered) as refused:
        onvif.ask(device.service, USER, "hunter2", 20)
    assert "does not know this user and password" in str(refused.value) and "hunter2" not in str(refused.value)
    away = f"http://{LOOPBACK}:{free_port()}/onvif/device_service"
    with pytest.raises(NotAnswered) as silent:
        onvif.ask(away, USER, "hunter2", 2)
    assert "no answer of a camera" in str(silent.value) and "hunter2" not in str(silent.value)


@pytest.mark.rule("camera.secret")
def test_what_is_discovered_goes_into_a_file_that_its_owner_alone_reads(
    device: RunningDevice, credentials: Path, tmp_path: Path
) -> None:
    kept = tmp_path / "sources"
    told = answered("--interface", LOOPBACK, "--credentials", str(credentials), "--write", str(kept))
    assert told.exit_code == 0, told.output
    (row,) = json.loads(told.stdout)
    assert (row["ok"], row["secret"]) == (True, "onvif-bullet-4-sn-0417")
    assert row["stream"] == "rtsp://127.0.0.1:8554/video_main"
    assert row["picture"] == "H264 1920x1080, 30/s"
    for said in (told.stdout, told.stderr):
        assert PASSWORD not in said and "pass" not in said
    assert kept.stat().st_mode & 0o777 == 0o600
    assert sources.read(kept) == {row["secret"]: "rtsp://operator:pass%20word%2F%3A%40%23@127.0.0.1:8554/video_main"}


def test_a_camera_that_does_not_say_is_told_with_its_reason(device: RunningDevice, tmp_path: Path) -> None:
    told = answered("--address", LOOPBACK)
    (row,) = json.loads(told.stdout)
    assert (told.exit_code, row["ok"]) == (1, False) and "user and password" in row["detail"]


def test_where_nothing_answers_it_is_said() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind((LOOPBACK, 0))
        told = typed("--address", f"{LOOPBACK}:{silent.getsockname()[1]}")
    assert (told.exit_code, json.loads(told.stdout)) == (1, [])
    assert "0 devices answered" in told.stderr


# -- files ---------------------------------------------------------------------------


@pytest.mark.rule("camera.secret")
@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("plummer-1 http://10.0.0.7/", "plummer-1 has no stream's address"),
        ("plummer-1", "no stream's address"),
        ("plummer-1 rtsp://:0", "no stream's address"),
        ("rtsp://a:hunter2@10.0.0.7/1", "begins with no name"),
        ("a rtsp://a:hunter2@h/1\na rtsp://a:hunter2@h/2", "named twice"),
        ("\udcff", "cannot be read"),
    ],
)
def test_a_file_of_addresses_that_cannot_be_used_says_where_and_repeats_nothing(
    tmp_path: Path, content: str, said: str
) -> None:
    file = tmp_path / "sources"
    file.write_bytes(content.encode("utf-8", "surrogateescape"))
    file.chmod(0o600)
    with pytest.raises(SourcesRefused) as refused:
        sources.read(file)
    assert said in str(refused.value) and "hunter2" not in str(refused.value)


@pytest.mark.rule("camera.secret")
def test_a_file_of_addresses_that_others_can_read_is_not_used(tmp_path: Path) -> None:
    file = tmp_path / "sources"
    file.write_text("# a remark\n\nb rtsp://u:p@h/1\n")
    file.chmod(0o640)
    for use in (lambda: sources.read(file), lambda: sources.write(file, {"a": "rtsp://h/2"})):
        with pytest.raises(SourcesRefused, match="chmod 600"):
            use()
    file.chmod(0o600)
    sources.write(file, {"a": "rtsp://h/2"})
    assert sources.read(file) == {"a": "rtsp://h/2", "b": "rtsp://u:p@h/1"}


@pytest.mark.parametrize(
    ("address", "seen"),
    [
        ("rtsp://u:p@10.0.0.7:554/s1?a=1", "rtsp://10.0.0.7:554/s1?a=1"),
        ("rtsp://10.0.0.7/s?user=admin&password=hunter2&ch=1", "rtsp://10.0.0.7/s?user=***&password=***&ch=1"),
        ("rtsp://[fe80::1]:8554/s", "rtsp://[fe80::1]:8554/s"),
        ("rtsp://h:port/s", "(no address)"),
    ],
)
def test_an_address_is_shown_without_what_opens_it(address: str, seen: str) -> None:
    assert shown(address) == seen


def test_credentials_that_others_can_read_are_not_used(tmp_path: Path) -> None:
    file = tmp_path / "credentials"
    for content, mode, said in (("* a b", 0o644, "chmod 600"), ("* hunter2", 0o600, "HOST USER PASSWORD")):
        file.write_text(content)
        file.chmod(mode)
        told = typed("--credentials", str(file))
        assert told.exit_code == 1 and said in told.stderr and "hunter2" not in told.output
