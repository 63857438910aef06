"""Footage of flights: what was to be recorded of one, by the record, and what nobody says anything of.

A recorder tells what it could not record, and why. One that never ran tells nothing, and neither does one that knows no
address of the drone's camera. So some time after each landing the record itself is asked whether it accounts for all of
the flight, and what it does not is lost.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID, uuid5

from application import codec
from application.deadlines import Due, when_due
from application.handling import Accepted, Handler, Outcome
from application.retention import Retention, loss_key
from application.standing import service
from domain.flight import FLIGHT
from domain.flight_events import RecordingStarted, RecordingStopped
from domain.footage import ReportLoss
from domain.kernel import FeedId, FlightId, StreamId
from domain.privacy_override_events import Range

FOOTAGE = "flight_footage"
# From the landing: the recorder knows why, and one that was restarted tells what it missed.
RECORDER_FIRST = timedelta(minutes=30)
LOOKED_BACK = timedelta(days=8)  # for who was away himself; as far as the recorder does
ASKED_EVERY = timedelta(minutes=1)
FIRST_PICTURE = timedelta(seconds=5)  # from the start of a recording: the record is asked, and a key frame must come
NOBODY_TOLD = "nobody recorded it, and no recorder said why"
SCHEDULER = "service-scheduler"


@dataclass(frozen=True, slots=True)
class Stretch:
    """In which a flight was being recorded, by the record; `until` None: it is."""

    since: datetime
    until: datetime | None


def stretches(handler: Handler, flight: FlightId) -> list[Stretch]:
    """Raises StoreUnavailable."""
    stream = FLIGHT.stream(flight)
    found: list[Stretch] = []
    for stored in handler.store.read([stream])[stream]:
        recorded = codec.recorded(stored)
        match recorded.event:
            case RecordingStarted():
                found.append(Stretch(recorded.envelope.time, None))
            case RecordingStopped() if found and found[-1].until is None:
                found[-1] = replace(found[-1], until=recorded.envelope.time)
    return found


def unaccounted(handler: Handler, flight: FlightId) -> Iterator[Range]:
    """What was to be recorded of a flight that is over, and is neither recorded nor lost by the record.

    Whoever tells of a stretch has told of what was missing before it, or has the reason in what was sealed: only what
    is behind the last that was told is open. Raises StoreUnavailable.
    """
    feed = FLIGHT.stream(flight)
    told = (codec.recorded(stored).event for stored in handler.store.flight_footage(feed))
    accounted = max((event.range.until for event in told if event.feed == feed), default=None)
    for stretch in stretches(handler, flight):
        since = max(stretch.since, accounted or stretch.since)
        if stretch.until is not None and stretch.until - since > FIRST_PICTURE:
            yield Range(since, stretch.until)


# -- some time after each landing ----------------------------------------------


class Landings:
    """The deadlines that landings set. The looking leaves no event where all is well, so none would clear them in the
    read model of deadlines: they are drawn from the store, as long as somebody may have been away."""

    def __init__(self, handler: Handler) -> None:
        self._store = handler.store
        self._position = 0
        self._asked_at: datetime | None = None
        self._due: dict[str, datetime] = {}

    def due_until(self, at: datetime) -> list[Due]:
        """Of every landing of the last days, up to a time. Raises StoreUnavailable."""
        if self._asked_at is None or not timedelta(0) <= at - self._asked_at < ASKED_EVERY:
            for stored in self._store.landings(self._position):
                landed = codec.recorded(stored)
                self._due[landed.stream] = landed.envelope.time + RECORDER_FIRST
                self._position = max(self._position, stored.position)
            self._due = {stream: due for stream, due in self._due.items() if at - due < LOOKED_BACK}
            self._asked_at = at
        return [Due(FOOTAGE, stream, due) for stream, due in self._due.items() if due <= at]


@when_due(FOOTAGE)
def _look(handler: Handler, due: Due, command_id: UUID) -> Outcome:
    flight = FlightId(due.stream.partition("-")[2])
    feed, told = FeedId(StreamId(due.stream)), Accepted(due.stream, flight)
    for span in list(unaccounted(handler, flight)):
        key = loss_key(feed, span)
        lost = Retention(handler).report_loss(
            service(SCHEDULER), key, ReportLoss(feed, span, NOBODY_TOLD), uuid5(command_id, key)
        )
        if not isinstance(lost, Accepted):
            return lost
    return told
