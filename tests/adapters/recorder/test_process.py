"""`saferweho recorder` as a process, with a login of its own, killed and started again."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit
from uuid import uuid4

import av
import httpx
import pytest

from adapters import keys
from adapters.event_store import login_roles
from adapters.keys import PostgresFootageKeys
from adapters.recorder.source import CameraAddress
from adapters.vault import LocalFiles, Vault
from adapters.vault.layout import named
from application.cameras import Cameras
from application.retention import Retention
from application.standing import service
from domain.camera import CameraOnline, InstallCamera, NameStreamSource
from domain.footage import FootageLost, FootageRecorded, HeldRangeCopied, PlaceLegalHold, RecordFootage
from domain.kernel import CameraId, PersonId, Place
from domain.legal_basis import BasisKind, LegalBasis
from domain.notice import AttentionNeeded
from domain.person import Role
from domain.policy import RECORD_ALL_KEEP_30_DAYS
from domain.privacy_override_events import Range
from infra.stack.processes import free_port, last_lines, spawn, stop, wait_until
from tests.adapters.event_store.appends import PASSWORD
from tests.adapters.recorder.cameras import cameras
from tests.adapters.vault.filming import NORTH, SOUTH, TWO_S, filmed
from tests.application.small_center import ADMIN, SmallCenter, done, small_center
from tests.application.test_policies import adopted
from tests.keys import ENCRYPTION, key_encryption_file

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
ROOT = Path(__file__).parents[3]
WITHIN_S = 200.0


class Recording:
    """The process, as `saferweho dev` starts it."""

    def __init__(self, center: SmallCenter, home: Path, addresses: str) -> None:
        self._home, self.log = home, home / "recorder.log"
        file = home / "cameras"
        file.touch(0o600)
        file.write_text(addresses)
        login_roles(center.url, {"saferweho_recorder": PASSWORD})
        keys.login_roles(center.url, {"saferweho_recorder": PASSWORD})
        self.health_port = free_port()
        host = urlsplit(center.url).netloc.rpartition("@")[2]
        self.environ = {
            **os.environ,
            "SAFERWEHO_ENV": "development",
            "SAFERWEHO_HOME": str(home),
            "DATABASE_URL": urlsplit(center.url)
            ._replace(netloc=f"saferweho_recorder:{quote(PASSWORD)}@{host}")
            .geturl(),
            "SAFERWEHO_KEY_ENCRYPTION_KEYS": str(key_encryption_file(home)),
            "SAFERWEHO_CAMERAS": str(file),
            "SAFERWEHO_FOOTAGE_MINUTES": "1",
            "SAFERWEHO_HEALTH_PORT": str(self.health_port),
        }

    @contextmanager
    def running(self) -> Iterator[subprocess.Popen[bytes]]:
        process = spawn([sys.executable, "-m", "api.cli", "recorder"], self.log, env=self.environ, cwd=ROOT)
        try:
            yield process
        finally:
            stop(process, (signal.SIGTERM, 60.0))

    def asked(self) -> dict[str, Any] | None:
        """What it says of itself, ready or not."""
        try:
            answer = httpx.get(f"http://127.0.0.1:{self.health_port}/health/ready", timeout=5)
        except httpx.HTTPError:
            return None
        report: dict[str, Any] = answer.json()
        return report

    def ready(self) -> dict[str, Any] | None:
        report = self.asked()
        return report if report and report["ready"] and report["cameras"]["cameras"] else None

    def until(self, condition: Any) -> Any:
        found = wait_until(condition, WITHIN_S, every=0.3)
        assert found, last_lines(self.log, 40)
        return found


def test_footage_goes_on_the_record_also_when_the_recorder_is_killed(database_url: str, tmp_path: Path) -> None:
    with (
        small_center(database_url, datetime.now(UTC)) as center,
        PostgresFootageKeys(database_url, ENCRYPTION) as footage_keys,
        cameras(tmp_path, "--size", "320x180", "north", "south") as running,
    ):
        admin = center.signed_on(ADMIN)
        for name in ("north", "south", "unreached"):
            command = InstallCamera(CameraId(name), name, Place(34.0905, -118.3605), 6.0, 90.0, PersonId(ADMIN))
            done(Cameras(center.handler).change(admin, command))
        named = NameStreamSource(CameraId("south"), "onvif-1", "Maker 1, serial 2, firmware 3", PersonId(ADMIN))
        done(Cameras(center.handler).change(admin, named))
        known = {
            "north": running.address("north").url,
            "onvif-1": running.address("south").url,
            "not-put-up": "rtsp://a/",
        }
        recorder = Recording(center, tmp_path, "".join(f"{name} {url}\n" for name, url in known.items()))
        vault = Vault(LocalFiles(tmp_path / "vault"), footage_keys)

        def events(kind: type) -> list[Any]:
            return [recorded.event for recorded in center.all_events() if isinstance(recorded.event, kind)]

        with recorder.running() as process:
            report = recorder.until(recorder.ready)
            assert set(report["cameras"]["cameras"]) == {"north", "south"}
            assert report["cameras"]["without_address"] == ["unreached"]
            recorder.until(lambda: len(events(CameraOnline)) == 2)
            recorder.until(lambda: all(vault.last(feed) for feed in ("camera-north", "camera-south")))  # type: ignore[arg-type]
            process.kill()
            process.wait()
        with recorder.running():
            recorder.until(
                lambda: {event.feed for event in events(FootageRecorded)} == {"camera-north", "camera-south"}
            )
            recorder.until(lambda: {event.feed for event in events(FootageLost)} == {"camera-north", "camera-south"})
        for lost in events(FootageLost):
            assert lost.range.since < lost.range.until

        verify = [sys.executable, "-m", "api.cli", "footage", "verify", "--json"]
        environ = {**recorder.environ, "DATABASE_URL": center.url}
        verified = subprocess.run(verify, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=200)
        found = json.loads(verified.stdout)
        assert verified.returncode == 0 and found["segments"] >= 4 and found["findings"] == []


def test_a_vault_that_is_full_is_told_and_what_it_did_not_take_is_lost_with_its_range(
    database_url: str, tmp_path: Path
) -> None:
    with (
        small_center(database_url, datetime.now(UTC)) as center,
        PostgresFootageKeys(database_url, ENCRYPTION) as footage_keys,
        cameras(tmp_path, "--size", "320x180", "north") as running,
    ):
        put_up = InstallCamera(CameraId("north"), "north", Place(34.0905, -118.3605), 6.0, 90.0, PersonId(ADMIN))
        done(Cameras(center.handler).change(center.signed_on(ADMIN), put_up))
        recorder = Recording(center, tmp_path, f"north {running.address('north').url}\n")
        vault = Vault(LocalFiles(tmp_path / "vault"), footage_keys)

        def events(kind: type) -> list[Any]:
            return [recorded.event for recorded in center.all_events() if isinstance(recorded.event, kind)]

        recorder.environ |= {"SAFERWEHO_FOOTAGE_MINUTES": "60", "SAFERWEHO_VAULT_QUOTA_GB": "0.0003"}
        with recorder.running():
            recorder.until(recorder.ready)
            recorder.until(lambda: "quota" in str((recorder.ready() or {"cameras": ""})["cameras"]))
            (attention,) = recorder.until(lambda: events(AttentionNeeded))
            assert attention.what == "low_space" and "GB it may" in attention.detail
            full_at = vault.until(next(vault.reels()))
        recorder.environ["SAFERWEHO_VAULT_QUOTA_GB"] = "1"
        with recorder.running():
            recorder.until(lambda: events(FootageLost))
        assert events(FootageLost)[0].range.since == full_at


@pytest.mark.rule("camera.sound")
def test_sound_is_kept_while_the_use_policy_in_force_says_so_also_one_adopted_meanwhile(
    database_url: str, tmp_path: Path, another_makers: CameraAddress
) -> None:
    with (
        small_center(database_url, datetime.now(UTC)) as center,
        PostgresFootageKeys(database_url, ENCRYPTION) as footage_keys,
    ):
        put_up = InstallCamera(CameraId("north"), "north", Place(34.0905, -118.3605), 6.0, 90.0, PersonId(ADMIN))
        done(Cameras(center.handler).change(center.signed_on(ADMIN), put_up))
        recorder = Recording(center, tmp_path, f"north {another_makers.url}\n")
        vault = Vault(LocalFiles(tmp_path / "vault"), footage_keys)

        def kept() -> list[tuple[str, list[str]]]:
            """Of every segment what it says that it holds, and what it does."""
            found = []
            for name in vault.reels():
                for entry in vault.reread(name)._entries:
                    head, content = vault.read(name, entry)
                    with av.open(io.BytesIO(content)) as file:
                        found.append((head.media, [stream.type for stream in file.streams]))
            return found

        def sounds() -> str:
            return "".join("s" if "audio" in kinds else "-" for _, kinds in kept())

        def follows(version: int, *, sound: bool) -> bool:
            cameras = (recorder.asked() or {}).get("cameras", {})
            return (cameras.get("policy"), cameras.get("sound_recorded")) == (version, sound)

        with recorder.running():
            recorder.until(lambda: len(sounds()) >= 2)
            assert follows(1, sound=False) and "s" not in sounds()
            adopted(center, replace(RECORD_ALL_KEEP_30_DAYS, sound_recorded=True))
            recorder.until(lambda: follows(2, sound=True) and sounds().count("s") >= 2)
            adopted(center, RECORD_ALL_KEEP_30_DAYS)
            recorder.until(lambda: follows(3, sound=False) and sounds().endswith("--"))
        assert re.fullmatch("-+s+-+", sounds()), sounds()
        assert all(("mp4a" in media) == ("audio" in kinds) for media, kinds in kept())


@pytest.mark.rule("retention.lost", "retention.held_copy")
def test_the_running_recorder_finds_what_broke_and_copies_what_is_held(database_url: str, tmp_path: Path) -> None:
    began = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=5)
    with (
        small_center(database_url, datetime.now(UTC)) as center,
        PostgresFootageKeys(database_url, ENCRYPTION) as footage_keys,
    ):
        sergeant = center.signed_on(center.enrolled("lee", Role.WATCH_SUPERVISOR))
        vault, retention = Vault(LocalFiles(tmp_path / "vault"), footage_keys), Retention(center.handler)
        north, south = filmed(vault, 20, NORTH, began)[0].close(), filmed(vault, 5, SOUTH, began)[0].close()
        for whole, root in ((north.manifest, north.root), (south.manifest, south.root)):
            span = Range(whole.since, whole.until)
            command = RecordFootage(whole.feed, span, len(whole.entries), whole.size, root, whole.key)
            done(retention.record(service("service-recorder"), whole.footage, command, uuid4()))
        path = tmp_path / "vault" / south.name.segment(3, began + 2 * TWO_S)
        path.write_bytes(path.read_bytes()[:-1] + b"x")
        span = Range(began + 5 * TWO_S, began + 9 * TWO_S)
        basis, day = LegalBasis(BasisKind.WARRANT, "26-SW-1", "Superior Court"), center.clock.now().date()
        by, later = PersonId("lee"), day + timedelta(days=90)
        hold = PlaceLegalHold(north.manifest.footage, "h1", basis, "homicide case", later, by, span)
        done(retention.change(sergeant, hold))

        def events(kind: type) -> list[Any]:
            return [recorded.event for recorded in center.all_events() if isinstance(recorded.event, kind)]

        recorder = Recording(center, tmp_path, "north rtsp://127.0.0.1:9/north\n")
        with recorder.running():
            (copied,) = recorder.until(lambda: events(HeldRangeCopied))
            (lost,) = recorder.until(lambda: events(FootageLost))
            health = recorder.until(lambda: (recorder.asked() or {}).get("vault", {}).get("findings"))
        assert copied.range == span and copied.segments == 4 and vault.is_ours()
        assert (lost.feed, lost.range) == (SOUTH, Range(began + 2 * TWO_S, began + 3 * TWO_S))
        assert lost.detail == "segment 3 is not what was sealed in the vault" and "segment_changed" in health[0]
        opened = named(copied.copy)
        assert opened is not None and len(vault.manifest(opened)[0].entries) == 4
        with recorder.running():
            recorder.until(lambda: (recorder.asked() or {}).get("vault", {}).get("findings"))
        assert len(events(FootageLost)) == len(events(HeldRangeCopied)) == 1, "found again, and on the record once"


def test_it_says_what_it_lacks(tmp_path: Path) -> None:
    environ = {**os.environ, "SAFERWEHO_ENV": "development", "SAFERWEHO_HOME": str(tmp_path)}
    recorder = [sys.executable, "-m", "api.cli", "recorder"]
    bare = subprocess.run(recorder, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=100)
    assert bare.returncode == 2 and "SAFERWEHO_CAMERAS: is not set" in bare.stderr
    file = tmp_path / "cameras"
    file.touch(0o600)
    file.write_text("north http://secret@10.0.0.1/\n")
    more = {"DATABASE_URL": "postgresql://nobody@127.0.0.1:9/x", "SAFERWEHO_CAMERAS": str(file)}
    wrong = subprocess.run(recorder, cwd=ROOT, env={**environ, **more}, capture_output=True, text=True, timeout=100)
    assert (
        wrong.returncode == 2
        and "cameras:1: north has no stream's address" in wrong.stderr
        and "secret" not in wrong.stderr
    )
