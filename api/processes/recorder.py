"""`saferweho recorder`: the cameras' pictures into the vault, and what was recorded and lost onto the record."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import islice
from typing import Any

import click
import structlog
from prometheus_client import Gauge

from adapters.cameras import sources
from adapters.cameras.sources import SourcesRefused
from adapters.poses.listening import Poses
from adapters.recorder.notes import RECORDER, Notes
from adapters.recorder.recording import Recording
from adapters.recorder.source import CameraAddress
from adapters.recorder.tap import Taps
from adapters.vault import StorageFault, Vault
from adapters.vault.checking import Check, Finding, Scrubber, in_the_vault
from adapters.vault.holding import Holding
from adapters.vault.layout import original
from adapters.video import wire
from api.processes import wiring
from api.processes.flight_recorder import FlightRecorder
from api.processes.running import Running, in_threads, running
from api.settings import SettingsError
from application.handling import Handler
from application.notices import Notices
from application.ports import StoreUnavailable
from application.sealing import KeysUnavailable
from application.standing import service
from domain.camera import CAMERA, Installed
from domain.footage import FOOTAGE
from domain.kernel import CameraId, FootageId, StreamId
from domain.notice import CallForAttention
from domain.policy import POLICY, POLICY_KEY, PolicyBook, policy_in_force

LOOK_S = 15.0  # for cameras that were put up or taken down
POLICY_S = 2.0  # for another use policy
READY_AHEAD = timedelta(minutes=10)
LOOK_AT_SPACE_S = 60.0
SCRUB_AGAIN_S = 600.0
TIDY_S = 300.0
MARK_IT = "nothing in it says whose it is: is its disk mounted? If it is the vault, 'saferweho footage mark'"
SPACE_USED = Gauge("saferweho_vault_used_bytes", "Bytes of sealed footage in the vault")
SPACE_FREE = Gauge("saferweho_vault_free_bytes", "Bytes free on the vault's disk")
SCRUB_FINDINGS = Gauge("saferweho_vault_findings", "What the last pass over the vault found wrong")
log = structlog.get_logger()


def run() -> None:
    with running("recorder", ["DATABASE_URL", "SAFERWEHO_CAMERAS"]) as process:
        settings = process.settings
        assert settings.cameras is not None
        try:
            known = sources.read(settings.cameras)
        except SourcesRefused as refused:
            click.echo(SettingsError([f"SAFERWEHO_CAMERAS: {refused}"]), err=True)
            raise SystemExit(2) from None
        # What a camera sent is a fact under whichever rules, so nothing is compared with the adopted ones.
        with (
            wiring.vault(settings, writer="recorder") as vault,
            wiring.handler(settings, checked=False, acts_as=RECORDER) as handler,
        ):
            Recorder(process, vault, handler, known).run()


class Recorder:
    """All cameras of this process: those that are installed, by the record, and whose address is `known` under the name
    that the inventory has as their secret, or under their id where it has none."""

    def __init__(self, process: Running, vault: Vault, handler: Handler, known: Mapping[str, str]) -> None:
        self._process, self._vault, self._handler, self._known = process, vault, handler, known
        self._notes = Notes(handler)
        self._taps = Taps(process.settings.home.absolute() / wire.SOCKET)
        self._recordings: dict[str, tuple[Recording, threading.Event, list[threading.Thread]]] = {}
        self._book: PolicyBook | None = None
        self._sound, self._policy = False, 0  # whether it is recorded, and by which version of the use policy
        self._why_not: str | None = "not looked for cameras yet"
        self._without: list[str] = []  # cameras that are put up and nobody here can reach
        self._low: str | None = None
        self._marked = False
        self._scrubber = Scrubber(self._check, vault.reels, self._found, process.settings.scrub_mb_per_s * 1_000_000)
        poses = Poses(process.settings.home.absolute() / "gateway" / "poses.sock")
        self._flights = FlightRecorder(
            vault, handler, self._notes, poses, self._taps, known, self._on_record, self._keep
        )
        self._holding = Holding(vault, self._notes.copied)
        process.health.checks["cameras"] = self._cameras
        process.health.checks["flights"] = lambda: {"ok": True, **self._flights.standing()}
        process.health.checks["vault"] = self._room

    def run(self) -> None:
        work: dict[str, Callable[[threading.Event], None]] = {"cameras": self._look_after, "space": self._watch_space}
        if self._process.settings.scrub_mb_per_s:
            work["scrubber"] = self._scrub
        work["flights"] = self._flights.run
        work["flights left open"] = self._flights.left_open
        work["tap"] = self._taps.run
        work["use policy"] = self._follow_policy
        work["tidying"], work["holds"] = self._tidy, self._copy_what_is_held
        # What is recorded last, while all else ends, is still said.
        said, telling = threading.Event(), threading.Thread(name="notes", target=self._tell)
        self._said = said
        telling.start()
        try:
            in_threads(self._process.stop, work)
        finally:
            self._end(list(self._recordings))
            said.set()
            telling.join()

    def _tell(self) -> None:
        try:
            self._notes.run(self._said)
        except Exception:
            log.exception("failed", part="notes")
            self._process.stop.set()

    # -- cameras -------------------------------------------------------------

    def _look_after(self, stop: threading.Event) -> None:
        while not stop.is_set():
            try:
                self._as_installed()
                self._why_not = None
            except (StoreUnavailable, StorageFault) as away:
                self._why_not = str(away)
                log.warning("cameras_wait", reason=str(away))
            stop.wait(LOOK_S if self._why_not is None else 2.0)

    def _as_installed(self) -> None:
        """Raises StoreUnavailable, KeysUnavailable and StorageFault."""
        if not self._marked:
            self._marked = self._vault.mark(self._handler.store.has_footage)
            if not self._marked:
                log.error("vault_in_doubt", where=repr(self._vault.storage), do=MARK_IT)
        cameras = [CameraId(stream.partition("-")[2]) for stream in self._handler.store.cameras()]
        states = self._handler.states.load([(CAMERA, camera) for camera in cameras])
        wanted: dict[CameraAddress, Installed] = {}
        self._as_policy_says()
        without = []
        for camera in cameras:
            state = states[CAMERA.stream(camera)][1]
            if isinstance(state, Installed):
                url = self._known.get(state.secret or camera)
                if url is None:
                    without.append(str(camera))
                else:
                    wanted[CameraAddress(camera, url, self._sound)] = state
        self._without = without
        # Also one whose address is another now: it is begun anew.
        self._end([camera for camera, (of, _, _) in self._recordings.items() if of.address not in wanted])
        for ahead in (timedelta(0), READY_AHEAD):
            self._vault.make_ready([address.feed for address in wanted], datetime.now(UTC) + ahead)
        for address, state in wanted.items():
            if address.camera not in self._recordings:
                self._begin(address, state)

    def _follow_policy(self, stop: threading.Event) -> None:
        while not stop.is_set():
            self._as_policy_says()
            stop.wait(POLICY_S)

    def _as_policy_says(self) -> None:
        """Sound is recorded while the use policy in force says so; without one nobody does. While the record cannot be
        asked, what was adopted until then counts, each from its time on."""
        try:
            _, self._book = self._handler.states.load([(POLICY, POLICY_KEY)])[POLICY.stream(POLICY_KEY)]
        except StoreUnavailable as away:
            log.warning("policy_unknown", reason=str(away))
        policy = policy_in_force(self._book, datetime.now(UTC)) if self._book is not None else None
        sound, version = (policy.parameters.sound_recorded, policy.version) if policy is not None else (False, 0)
        if sound != self._sound:
            log.info("sound", recorded=sound, policy=version)
        self._sound, self._policy = sound, version
        for camera, (recording, _, _) in list(self._recordings.items()):
            recording.address = CameraAddress(CameraId(camera), recording.address.url, sound)

    def _begin(self, address: CameraAddress, state: Installed) -> None:
        recording = Recording(address, self._vault, self._notes, tap=self._taps.of(address.feed))
        recording.settle(self._on_record, was_online=state.online)
        stop = threading.Event()
        threads = [
            threading.Thread(target=partial(self._keep, part, stop), name=f"{address.camera} {name}")
            for name, part in (("receive", recording.receive), ("seal", recording.seal))
        ]
        self._recordings[address.camera] = (recording, stop, threads)
        for thread in threads:
            thread.start()
        log.info("recording", camera=address.camera)

    def _keep(self, part: Callable[[threading.Event], None], stop: threading.Event) -> None:
        """A camera that does what nobody foresaw ends the process, which is started again, and not itself alone."""
        try:
            part(stop)
        except Exception:
            log.exception("failed", part=threading.current_thread().name)
            self._process.stop.set()

    def _end(self, cameras: Collection[str]) -> None:
        ending = [self._recordings.pop(camera) for camera in cameras]
        for _, stop, _ in ending:
            stop.set()
        for _, _, threads in ending:
            for thread in threads:
                thread.join()
        for recording, _, _ in ending:
            self._taps.forget(recording.feed)

    def _on_record(self, footage: Collection[str]) -> set[str]:
        if not footage:
            return set()
        versions = self._handler.store.versions([FOOTAGE.stream(each) for each in footage])
        return {each for each in footage if versions[FOOTAGE.stream(each)]}

    def _cameras(self) -> dict[str, Any]:
        cameras = {camera: recording.standing() for camera, (recording, _, _) in list(self._recordings.items())}
        return {
            "ok": self._why_not is None,
            "error": self._why_not,
            "cameras": cameras,
            "without_address": self._without,
            "sound_recorded": self._sound,
            "policy": self._policy,
            "shown_live": self._taps.fault or "offered",
            "notes_waiting": self._notes.waiting,
        }

    # -- the vault -----------------------------------------------------------

    def _watch_space(self, stop: threading.Event) -> None:
        """Calls for attention, once a day, while the vault runs full."""
        notices = Notices(self._handler)
        while not stop.is_set():
            try:
                space = self._vault.space()
                SPACE_USED.set(space.used)
                SPACE_FREE.set(space.free or 0)
                self._low = space.low(self._process.settings.least_free_percent)
                if self._low is not None:
                    day = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
                    command = CallForAttention("low_space", StreamId(RECORDER), day, f"{self._low}.")
                    notices.call_for_attention(service(RECORDER), command)
            except (StorageFault, StoreUnavailable) as away:
                self._low = str(away)
                log.warning("space_unknown", reason=str(away))
            stop.wait(LOOK_AT_SPACE_S)

    def _tidy(self, stop: threading.Event) -> None:
        """Takes away what is left of footage whose key is destroyed."""
        while not stop.wait(TIDY_S):
            try:
                names = iter(self._vault.reels())
                while some := list(islice(names, 500)):
                    for name in self._vault.destroyed(some):
                        if self._vault.storage.files(name.folder) and not stop.is_set():
                            self._vault.remove(name)
                            log.info("footage_removed", footage=name.footage)
            except (StorageFault, KeysUnavailable) as away:
                log.warning("tidying_waits", reason=str(away))

    def _copy_what_is_held(self, stop: threading.Event) -> None:
        """What a legal hold keeps is sealed once more under a key of its own, so that the rest can go."""
        while not stop.is_set():
            try:
                streams = self._handler.store.held_footage()
                keys = [FootageId(stream.partition("-")[2]) for stream in streams]
                states = self._handler.states.load([(FOOTAGE, key) for key in keys]) if keys else {}
                for key in keys:
                    if not stop.is_set():
                        self._holding.look(key, states[FOOTAGE.stream(key)][1])
            except (StoreUnavailable, StorageFault, KeysUnavailable) as away:
                log.warning("holds_wait", reason=str(away))
            stop.wait(LOOK_S)

    def _room(self) -> dict[str, Any]:
        wrong = [f"{f.footage}: {f.what} ({f.code})" for f in list(self._scrubber.wrong.values())]
        return {
            "where": self._process.settings.footage_vault,
            "low_space": self._low,
            "in_doubt": None if self._marked else MARK_IT,
            "scrubbed_segments": self._scrubber.segments,
            "scrubbed_passes": self._scrubber.passes,
            "findings": wrong[:20],
            "holds_not_copied": dict(list(self._holding.faults.items())[:20]),
        }

    def _scrub(self, stop: threading.Event) -> None:
        while not stop.is_set():
            try:
                self._scrubber.once(stop)
            except (StorageFault, KeysUnavailable) as away:
                log.warning("scrubber_waits", reason=str(away))
            SCRUB_FINDINGS.set(len(self._scrubber.wrong))
            stop.wait(SCRUB_AGAIN_S)

    def _check(self, paced: Callable[[int], None]) -> Check:
        return Check(self._vault, self._vault.signer.verifier, datetime.now(UTC), paced=paced)

    def _found(self, finding: Finding) -> None:
        log.error("footage_damaged", footage=finding.footage, segment=finding.segment, what=finding.what)
        if finding.range is not None:
            self._notes.lost(original(finding.feed), finding.range, in_the_vault(finding))
