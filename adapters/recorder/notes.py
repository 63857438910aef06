"""What the recorder puts on the record, one after the other, until the store has taken each.

Nothing is kept on disk for it: after a crash the vault itself says which footage and which losses are not on the record
yet (`Recording.settle`), and whether a camera is there is seen again. Ids follow from what is said, so that saying it
twice records it once.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import NAMESPACE_URL, UUID, uuid5

import structlog
from prometheus_client import Counter, Gauge

from adapters.vault import Closed
from application.cameras import Cameras
from application.handling import Accepted, Handler, Outcome, Unavailable
from application.ports import StoreUnavailable
from application.retention import Retention, loss_key
from application.standing import service
from domain.camera import NoteOffline, NoteOnline
from domain.footage import HeldRangeCopied, RecordFootage, ReportLoss
from domain.kernel import CameraId, FeedId, FootageId
from domain.privacy_override_events import Range

RECORDER = "service-recorder"
AGAIN_S = (0.5, 15.0)
WAITING = Gauge("saferweho_recorder_notes_waiting", "What was recorded, lost or seen and is not on the record yet")
REJECTED = Counter("saferweho_recorder_notes_rejected", "Notes that the domain did not take", ["kind"])
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Note:
    kind: str
    say: Callable[[], Outcome]


class Notes:
    """Safe to use from many threads; `run` is for one."""

    def __init__(self, handler: Handler) -> None:
        self._retention, self._cameras = Retention(handler), Cameras(handler)
        self._actor = service(RECORDER)
        self._waiting: deque[_Note] = deque()
        self._some = threading.Condition()
        WAITING.set_function(lambda: len(self._waiting))

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    # -- what can be said ----------------------------------------------------

    def recorded(self, closed: Closed) -> None:
        whole = closed.manifest
        footage, span = whole.footage, Range(whole.since, whole.until)
        command = RecordFootage(whole.feed, span, len(whole.entries), whole.size, closed.root, whole.key)
        self._put("footage", lambda: self._retention.record(self._actor, footage, command, _id(footage, "recorded")))

    def copied(self, footage: FootageId, copied: HeldRangeCopied) -> None:
        id_ = _id(footage, "copied", copied.hold, copied.manifest_root_sha256)
        self._put("hold", lambda: self._retention.note_copy(self._actor, footage, copied, id_))

    def lost(self, feed: FeedId, span: Range, why: str) -> None:
        self._put("loss", lambda: lost(self._retention, feed, span, why))

    def online(self, camera: CameraId, since: datetime) -> None:
        id_ = _id(camera, f"online {since.isoformat()}")
        self._put("camera", lambda: self._cameras.change(self._actor, NoteOnline(camera, since), id_))

    def offline(self, camera: CameraId, since: datetime, why: str, said_at: datetime) -> None:
        id_ = _id(camera, f"offline {said_at.isoformat()}")
        self._put("camera", lambda: self._cameras.change(self._actor, NoteOffline(camera, since, why), id_))

    def _put(self, kind: str, say: Callable[[], Outcome]) -> None:
        with self._some:
            self._waiting.append(_Note(kind, say))
            self._some.notify()

    # -- saying it -----------------------------------------------------------

    def run(self, stop: threading.Event) -> None:
        """Until `stop`, and then once more what waits, as far as the store takes it."""
        pause = AGAIN_S[0]
        while not stop.is_set():
            with self._some:
                self._some.wait_for(lambda: bool(self._waiting) or stop.is_set(), timeout=1.0)
            if self._waiting and not self._say_first():
                stop.wait(pause)
                pause = min(pause * 2, AGAIN_S[1])
            else:
                pause = AGAIN_S[0]
        while self._waiting and self._say_first():
            pass

    def _say_first(self) -> bool:
        """False where it must be said again."""
        note = self._waiting[0]
        try:
            told = note.say()
        except StoreUnavailable as away:
            log.warning("record_waits", kind=note.kind, reason=str(away))
            return False
        if isinstance(told, Unavailable):
            return False
        if not isinstance(told, Accepted):
            REJECTED.labels(note.kind).inc()
            log.error("note_rejected", kind=note.kind, told=str(told))
        self._waiting.popleft()
        return True


def lost(retention: Retention, feed: FeedId, span: Range, why: str) -> Outcome:
    """A loss onto the record; of the same stretch once, whoever finds it."""
    key = loss_key(feed, span)
    return retention.report_loss(service(RECORDER), key, ReportLoss(feed, span, why), _id(key, "lost"))


def _id(*of: str) -> UUID:
    return uuid5(NAMESPACE_URL, f"urn:saferweho:recorder:{':'.join(of)}")
