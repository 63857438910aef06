"""Random histories of looking, of equipment and of oversight, and their figures computed the plain way."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import zip_longest
from typing import Any

from application.codec import Recorded
from domain import camera, complaint, disclosure, drone, export, footage, live_view, plate_search, viewing
from domain import privacy_override_events as o
from domain import review_events as review
from domain.kernel import FeedId, FootageId, StreamId
from domain.reason_quality import ReasonQuality
from domain.sampling import Access
from tests.golden.make import event_of
from tests.projections.log import START

Happened = tuple[str, Any]
HOUR = timedelta(hours=1)
FEEDS = ("camera-1", "camera-2", "flight-f0")
PURPOSES = ("pursuit", "training")


@dataclass
class Case:
    at: datetime | None = None
    apart: bool = False
    holds: bool = True
    value: float | None = None
    per: float = 0.0
    dims: dict[str, str | None] = field(default_factory=dict)


# -- what may happen -----------------------------------------------------------


def watched(chance: random.Random) -> list[list[Happened]]:
    return [
        *(_viewing(chance, f"w{n}") for n in range(5)),
        *(_export(chance, f"x{n}") for n in range(4)),
        *(_footage(chance, f"g{n}") for n in range(4)),
        *(_plates(chance, f"p{n}") for n in range(5)),
        *(_disclosure(chance, f"d{n}") for n in range(3)),
        *(_complaint(chance, f"c{n}") for n in range(4)),
        *(_review(chance, week) for week in ("2026-W09", "2026-W10")),
        [("override-used", replace(event_of("override.override_used.v1"), through=_view(chance))) for _ in range(3)],
        *(_camera(chance, n) for n in (1, 2)),
        _drone(chance),
    ]


def _grounds(chance: random.Random, asked: Any) -> Any:
    quality = ReasonQuality(40, chance.random() < 0.4, ())
    return replace(asked.grounds, purpose=chance.choice(PURPOSES), quality=quality)


def _view(chance: random.Random) -> StreamId:
    return StreamId(chance.choice(("liveview-v0", "viewing-w0", "export-x0")))


def _asked(chance: random.Random, name: str, **more: Any) -> Any:
    asked = event_of(name)
    return replace(asked, grounds=_grounds(chance, asked), **more)


def _range(chance: random.Random) -> o.Range:
    since = START + timedelta(hours=chance.randint(0, 900))
    return o.Range(since, since + timedelta(seconds=chance.randint(60, 3600)))


def _which(chance: random.Random) -> FootageId:
    return FootageId(f"g{chance.randint(0, 4)}")


def _viewing(chance: random.Random, key: str) -> list[Happened]:
    stream, of, feed = f"viewing-{key}", _which(chance), chance.choice((*FEEDS, None))
    named = FeedId(StreamId(feed)) if feed else None
    said: list[Any] = [_asked(chance, "viewing.viewing_requested.v1", footage=of, feed=named)]
    if chance.random() < 0.3:
        return [(stream, each) for each in (*said, replace(event_of("viewing.viewing_refused.v1"), footage=of))]
    granted_at = START + timedelta(minutes=chance.randint(0, 90_000))
    said.append(replace(event_of("viewing.viewing_granted.v1"), footage=of, granted_at=granted_at))
    if chance.random() < 0.7:
        said.append(replace(event_of("viewing.viewing_ended.v1"), footage=of, seen_s=chance.uniform(0, 600)))
    return [(stream, each) for each in said]


def _export(chance: random.Random, key: str) -> list[Happened]:
    of, masked = _which(chance), chance.random() < 0.5
    said: list[Any] = [_asked(chance, "export.export_requested.v1", footage=of)]
    if chance.random() < 0.8:
        said.append(replace(event_of("export.footage_exported.v1"), footage=of, masked=masked))
        if chance.random() < 0.6:
            said.append(event_of("export.export_delivered.v1"))
    return [(f"export-{key}", each) for each in said]


def _footage(chance: random.Random, key: str) -> list[Happened]:
    stream, of = f"footage-{key}", {"feed": chance.choice(FEEDS), "range": _range(chance)}
    if chance.random() < 0.3:
        return [(stream, replace(event_of("footage.footage_lost.v1"), **of))]
    category = chance.choice(("routine", "evidence"))
    said: list[Any] = [replace(event_of("footage.footage_recorded.v1"), category=category, **of)]
    if chance.random() < 0.5:
        said.append(replace(event_of("footage.footage_tagged.v1"), category="evidence"))
    return [(stream, each) for each in said]


def _plates(chance: random.Random, key: str) -> list[Happened]:
    stream = f"platesearch-{key}"
    name = chance.choice(("plate_searched", "plate_search_refused", "hit_confirmed", "hit_rejected"))
    if name.startswith("hit"):
        decided = event_of(f"platesearch.{name}.v1")
        if isinstance(decided, plate_search.HitRejected):
            decided = replace(decided, why=chance.choice(list(plate_search.RejectionReason)))
        return [(stream, decided)]
    agency = chance.choice((None, "Beverly Hills Police Department"))
    return [(stream, _asked(chance, f"platesearch.{name}.v1", for_agency=agency))]


def _disclosure(chance: random.Random, key: str) -> list[Happened]:
    said = [_asked(chance, "disclosure.disclosure_requested.v1")]
    if chance.random() < 0.8:
        said.append(event_of(chance.choice(("disclosure.disclosure_made.v1", "disclosure.disclosure_refused.v1"))))
    return [(f"disclosure-{key}", each) for each in said]


def _complaint(chance: random.Random, key: str) -> list[Happened]:
    received_at = START - timedelta(hours=chance.randint(1, 400))
    due = START + timedelta(seconds=chance.randint(0, 900))
    topic = chance.choice(list(complaint.Topic))
    said: list[Any] = [replace(event_of("complaint.feedback_received.v1"), received_at=received_at)]
    if chance.random() < 0.8:
        said.append(replace(event_of("complaint.complaint_opened.v1"), topic=topic, answer_by=due))
        if chance.random() < 0.6:
            how = chance.choice((complaint.Resolution.SUSTAINED, complaint.Resolution.UNFOUNDED))
            said.append(replace(event_of("complaint.complaint_resolved.v1"), resolution=how))
    return [(f"complaint-{key}", each) for each in said]


def _review(chance: random.Random, week: str) -> list[Happened]:
    stream = f"review-week-{week}"
    (access,) = event_of("review.audit_sample_drawn.v1").sample
    sample = tuple(Access(n, access.stream, access.person) for n in range(1, chance.randint(2, 5)))
    due = START + timedelta(seconds=chance.randint(0, 900))
    drawn = replace(event_of("review.audit_sample_drawn.v1"), sample=sample, review_by=due)
    said: list[Any] = [replace(drawn, population_size=chance.randint(5, 90))]
    for each in sample:
        if chance.random() < 0.6:
            verdict = chance.choice(list(review.AccessVerdict))
            reviewed = replace(event_of("review.access_reviewed.v1"), position=each.position, verdict=verdict)
            said.append(replace(reviewed, late=chance.random() < 0.3))
    for n in range(chance.randint(0, 2)):
        kind = chance.choice(list(review.FindingKind))
        said.append(replace(event_of("review.finding_recorded.v1"), number=n + 1, kind=kind))
        taken = event_of("review.corrective_action_taken.v1")
        said.append(replace(taken, finding=n + 1, late=chance.random() < 0.5))
    return [(stream, each) for each in said]


def _camera(chance: random.Random, n: int) -> list[Happened]:
    names = [chance.choice(("offline", "online")) for _ in range(chance.randint(0, 6))]
    names += ["retired"] if chance.random() < 0.4 else []
    return [(f"camera-{n}", event_of(f"camera.camera_{name}.v1")) for name in ("installed", *names)]


def _drone(chance: random.Random) -> list[Happened]:
    released = event_of("drone.drone_released.v1")
    turns = [
        event_of("drone.drone_grounded.v1"),
        event_of("drone.drone_readied.v1"),
        replace(released, flown=True),
        event_of("drone.unassigned_flight_observed.v1"),
    ]
    said = [event_of("drone.drone_registered.v1"), *(chance.choice(turns) for _ in range(chance.randint(0, 8)))]
    return [("drone-d1", each) for each in said]


# -- the plain way -------------------------------------------------------------


def cases(events: Sequence[Recorded], code: str) -> list[Case] | None:
    return Watch(events).cases(code)


def act(r: Recorded, what: str | None, purpose: str | None = None, **more: Any) -> Case:
    """What an event is by itself, when it was recorded."""
    dims = {"what": what, "purpose": purpose or r.envelope.purpose, "unit": r.envelope.actororg}
    return Case(at=r.envelope.time, dims=dims, **more)


def equipment(feed: str | None) -> str | None:
    return None if feed is None else "camera" if feed.startswith("camera-") else "drone"


class Watch:
    def __init__(self, events: Sequence[Recorded]) -> None:
        self.events = events
        self.now = events[-1].envelope.time if events else START

    def _all(self, *kinds: type) -> Iterator[Recorded]:
        return (recorded for recorded in self.events if isinstance(recorded.event, kinds))

    def _first(self, stream: str, kind: type) -> Recorded | None:
        return next((r for r in self._all(kind) if r.stream == stream), None)

    def cases(self, code: str) -> list[Case] | None:
        make: Callable[[], Iterable[Case]] | None = getattr(self, f"_{code}", None)
        return None if make is None else list(make())

    def _evidence(self, of: str) -> bool:
        return any(
            r.stream == f"footage-{of}" and r.event.category == "evidence"
            for r in self._all(footage.FootageRecorded, footage.FootageTagged)
        )

    def _handed_over(self, of: str) -> bool:
        asked = [r.stream for r in self._all(export.ExportRequested) if r.event.footage == of]
        return any(r.stream in asked for r in self._all(export.ExportDelivered))

    # looking

    def _viewed(self) -> Iterator[tuple[Case, Any, Recorded | None]]:
        for r in self._all(viewing.ViewingGranted):
            asked = self._first(r.stream, viewing.ViewingRequested)
            assert asked is not None
            dims = {"what": equipment(asked.event.feed), "purpose": asked.event.grounds.purpose}
            case = Case(at=r.event.granted_at, dims={**dims, "unit": asked.envelope.actororg})
            yield case, asked.event, self._first(r.stream, viewing.ViewingEnded)

    def _viewings(self) -> Iterator[Case]:
        return (case for case, _, _ in self._viewed())

    def _viewing_length(self) -> Iterator[Case]:
        return (replace(case, value=ended.event.seen_s) for case, _, ended in self._viewed() if ended)

    def _viewings_with_evidence(self) -> Iterator[Case]:
        for case, asked, _ in self._viewed():
            yield replace(case, holds=self._evidence(asked.footage) or self._handed_over(asked.footage))

    def _exported(self) -> Iterator[tuple[Case, export.FootageExported]]:
        for r in self._all(export.FootageExported):
            asked = self._first(r.stream, export.ExportRequested)
            assert asked is not None
            dims: dict[str, str | None] = {"purpose": asked.event.grounds.purpose, "unit": asked.envelope.actororg}
            yield Case(at=r.envelope.time, dims=dims), r.event

    def _exports(self) -> Iterator[Case]:
        return (case for case, _ in self._exported())

    def _exports_unmasked(self) -> Iterator[Case]:
        return (replace(case, holds=not file.masked) for case, file in self._exported())

    def _exports_with_evidence(self) -> Iterator[Case]:
        return (replace(case, holds=self._evidence(file.footage)) for case, file in self._exported())

    def _plate_searches(self) -> Iterator[Case]:
        for r in self._all(plate_search.PlateSearched):
            yield act(r, "agency" if r.event.for_agency else "own", r.event.grounds.purpose)

    def _hits_confirmed(self) -> Iterator[Case]:
        yield from (act(r, "confirmed") for r in self._all(plate_search.HitConfirmed))
        yield from (act(r, str(r.event.why), holds=False) for r in self._all(plate_search.HitRejected))

    def _disclosures_made(self) -> Iterator[Case]:
        for r in self._all(disclosure.DisclosureMade, disclosure.DisclosureRefused):
            yield act(r, None, holds=isinstance(r.event, disclosure.DisclosureMade))

    def _vague_reasons(self) -> Iterator[Case]:
        for r in self.events:
            if (grounds := getattr(r.event, "grounds", None)) is not None:
                yield act(r, r.stream.split("-")[0], grounds.purpose, holds=grounds.quality.vague)
            elif isinstance(r.event, live_view.LiveViewRenewed):
                yield act(r, "renewal", holds=r.event.quality.vague)

    def _masks_lifted(self) -> Iterator[Case]:
        return (act(r, r.event.through.split("-")[0]) for r in self._all(o.OverrideUsed))

    # oversight

    def _samples(self) -> Iterator[tuple[Case, review.AuditSampleDrawn, list[review.AccessReviewed]]]:
        for r in self._all(review.AuditSampleDrawn):
            done = [x.event for x in self._all(review.AccessReviewed) if x.stream == r.stream]
            yield Case(at=r.envelope.time), r.event, done

    def _accesses_sampled(self) -> Iterator[Case]:
        for case, drawn, _ in self._samples():
            yield replace(case, value=float(len(drawn.sample)), per=drawn.population_size)

    def _sampled_accesses_overdue(self) -> Iterator[Case]:
        for case, drawn, done in self._samples():
            left = len(drawn.sample) - len(done) if drawn.review_by < self.now else 0
            yield replace(case, value=float(sum(x.late for x in done) + left), per=len(done) + left)

    def _accesses_improper(self) -> Iterator[Case]:
        for r in self._all(review.AccessReviewed):
            yield act(r, None, holds=r.event.verdict == review.AccessVerdict.IMPROPER)

    def _findings(self) -> Iterator[Case]:
        return (act(r, str(r.event.kind)) for r in self._all(review.FindingRecorded))

    def _corrective_actions_late(self) -> Iterator[Case]:
        return (act(r, None, holds=r.event.late) for r in self._all(review.CorrectiveActionTaken))

    def _opened(self) -> Iterator[tuple[Case, Recorded, Recorded | None]]:
        for r in self._all(complaint.ComplaintOpened):
            case = Case(at=r.envelope.time, dims={"what": str(r.event.topic)})
            yield case, r, self._first(r.stream, complaint.ComplaintResolved)

    def _complaints(self) -> Iterator[Case]:
        return (case for case, _, _ in self._opened())

    def _days_to_close_a_complaint(self) -> Iterator[Case]:
        for case, opened, resolved in self._opened():
            received = self._first(opened.stream, complaint.FeedbackReceived)
            if resolved and received:
                yield replace(case, value=(resolved.envelope.time - received.event.received_at) / timedelta(days=1))

    def _complaints_sustained(self) -> Iterator[Case]:
        for case, _, resolved in self._opened():
            if resolved:
                yield replace(case, holds=resolved.event.resolution == complaint.Resolution.SUSTAINED)

    def _complaints_overdue(self) -> Iterator[Case]:
        for case, opened, resolved in self._opened():
            due = opened.event.answer_by
            if resolved or due < self.now:
                yield replace(case, holds=(resolved.envelope.time if resolved else self.now) > due)

    # equipment

    def _footage_losses(self) -> Iterator[Case]:
        return (act(r, equipment(r.event.feed)) for r in self._all(footage.FootageLost))

    def _footage_lost(self) -> Iterator[Case]:
        for r in self._all(footage.FootageRecorded, footage.FootageLost):
            seconds = (r.event.range.until - r.event.range.since).total_seconds()
            lost = seconds if isinstance(r.event, footage.FootageLost) else 0.0
            yield act(r, equipment(r.event.feed), value=lost, per=seconds)

    def _availability(self) -> Iterator[Case]:
        yield from self.available()

    def available(self, since: datetime | None = None, until: datetime | None = None) -> Iterator[Case]:
        """Second by second would be too slow: from each turn to the next, as far as it lies in the period."""
        for stream in dict.fromkeys(r.stream for r in self.events):
            turns = [r for r in self.events if r.stream == stream and isinstance(r.event, TURNS) and _turns(r.event)]
            for r, following in zip_longest(turns, turns[1:]):
                ends = following.envelope.time if following else self.now
                begins = max(r.envelope.time, since or r.envelope.time)
                seconds = (min(ends, until or ends) - begins).total_seconds()
                if seconds > 0 and not isinstance(r.event, camera.CameraRetired):
                    can = isinstance(r.event, camera.CameraOnline | drone.DroneReadied)
                    dims: dict[str, str | None] = {"what": stream.split("-")[0]}
                    yield Case(begins, value=seconds if can else 0.0, per=seconds, dims=dims)


TURNS = (
    camera.CameraInstalled,
    camera.CameraOnline,
    camera.CameraOffline,
    camera.CameraRetired,
    drone.DroneRegistered,
    drone.DroneReadied,
    drone.DroneGrounded,
    drone.DroneReleased,
    drone.UnassignedFlightObserved,
)


def _turns(event: object) -> bool:
    return not isinstance(event, drone.DroneReleased) or event.flown
