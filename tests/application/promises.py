"""What the watch center promises, held against the record alone: every event in the order of its position.

A bookkeeping of its own, which asks no aggregate and no read model. Whoever breaks a promise fails at the event that
breaks it.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from application.codec import Recorded
from domain import export, footage, live_view, person, privacy_override_events, session, viewing
from domain.notice import AttentionNeeded
from domain.privacy_override_events import Range


@dataclass(slots=True)
class Look:
    """A live view or a viewing. `until` None: asked for, not granted."""

    person: str
    session: str
    of: str
    since: datetime | None = None
    until: datetime | None = None
    ended: bool = False

    def open(self, at: datetime) -> bool:
        return self.since is not None and self.until is not None and self.since <= at < self.until and not self.ended


@dataclass(slots=True)
class Lifting:
    """An override. `until` None: asked for, not in effect yet."""

    by: str
    target: str
    range: Range
    asked_at: datetime
    answer_by: datetime | None
    until: datetime | None = None
    justify_by: datetime | None = None
    review_by: datetime | None = None
    over: bool = False
    justified: bool = False
    reviewed: bool = False

    def lifts(self, person: str, target: str, range_: Range, at: datetime) -> bool:
        ours = (self.by, self.target) == (person, target) and self.range.covers(range_)
        return ours and self.until is not None and at < self.until and not self.over


@dataclass(slots=True)
class Promises:
    sessions: dict[str, datetime | None] = field(default_factory=dict)  # when one ends; None: has ended
    whose: dict[str, str] = field(default_factory=dict)  # sessions
    suspended: set[str] = field(default_factory=set)
    looks: dict[str, Look] = field(default_factory=dict)
    liftings: dict[str, Lifting] = field(default_factory=dict)
    asked_by: dict[str, str] = field(default_factory=dict)
    files: dict[str, export.ExportRequested] = field(default_factory=dict)
    holds: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    called_out: set[tuple[str, str]] = field(default_factory=set)
    met: set[str] = field(default_factory=set)  # which kinds of promises have been put to the test

    def take(self, happened: Recorded) -> None:
        at, stream, said = happened.envelope.time, happened.stream, happened.event
        self._looking(stream, said, at)
        self._overriding(stream, said, at)
        self._keeping(stream, said, at)
        match said:
            case session.SignedOn():
                self.sessions[stream], self.whose[stream] = said.ends_at, f"person-{said.person}"
            case person.Suspended():
                self.suspended.add(stream)
            case person.Reinstated():
                self.suspended.discard(stream)
            case session.SignedOff():
                self.sessions[stream] = None
            case AttentionNeeded(what, about):
                self.called_out.add((what, about))

    # -- no view without a grant before it; no unmasked byte outside an active override ------------------------------

    def _looking(self, stream: str, said: object, at: datetime) -> None:
        match said:
            case live_view.LiveViewRequested():
                self.looks[stream] = Look(said.person, f"session-{said.session}", said.feed)
            case viewing.ViewingRequested():
                self.looks[stream] = Look(said.person, f"session-{said.session}", said.footage)
            case live_view.LiveViewGranted() | viewing.ViewingGranted():
                look = self.looks[stream]
                assert look.person == said.person and look.until is None and not look.ended
                look.since, look.until = at, said.until
            case live_view.LiveViewRefused() | viewing.ViewingRefused():
                self.looks[stream].ended = True
            case live_view.LiveViewRenewed():
                assert self.looks[stream].open(at) and self.looks[stream].person == said.person
                self.looks[stream].until = said.until
            case live_view.LiveViewEnded() | viewing.ViewingEnded():
                look = self.looks[stream]
                assert look.since is not None and look.until is not None and not look.ended
                assert look.since <= said.ended_at <= min(at, look.until)
                look.ended = True
            case viewing.SegmentsReserved():
                self._leaves(stream, said, at)

    def _leaves(self, stream: str, said: viewing.SegmentsReserved, at: datetime) -> None:
        self.seen(stream, said.person, at)
        self.met.add("bytes")
        assert said.masked == (said.override is None)
        if said.override is not None:
            lifted = self.liftings[said.override]
            assert lifted.lifts(said.person, f"footage-{said.footage}", said.range, at), "unmasked, and no override"
            self.met.add("unmasked")

    def seen(self, look: str, person: str, at: datetime) -> None:
        """Something of this view or viewing reaches that person now."""
        granted = self.looks.get(look)
        assert granted is not None and granted.person == person and granted.open(at), "seen without a grant before it"
        signed_on_until = self.sessions.get(granted.session)
        assert signed_on_until is not None and at <= signed_on_until, "seen by who is not signed on"
        self.met.add("seen")

    # -- approver is not requester; every deadline -------------------------------------------------------------------

    def _overriding(self, stream: str, said: object, at: datetime) -> None:
        lifted = self.liftings.get(stream)
        match said:
            case privacy_override_events.OverrideRequested():
                until = said.awaits_until
                self.liftings[stream] = Lifting(said.requested_by, said.target, said.range, at, until)
            case privacy_override_events.EmergencyOverrideInvoked():
                assert said.expires_at - at <= timedelta(hours=1)
                self.liftings[stream] = Lifting(
                    said.invoked_by,
                    said.target,
                    said.range,
                    at,
                    None,
                    said.expires_at,
                    said.justify_by,
                    said.review_by,
                )
            case privacy_override_events.OverrideApproved():
                assert lifted is not None and lifted.until is None and not lifted.over
                assert said.approved_by != lifted.by, "approver is requester"
                assert lifted.answer_by is not None and at < lifted.answer_by
                assert said.expires_at - at <= timedelta(hours=1)
                lifted.answer_by, lifted.until, lifted.review_by = None, said.expires_at, said.review_by
                self.met.add("approved")
            case privacy_override_events.OverrideRefused():
                assert lifted is not None and lifted.until is None
                lifted.over, lifted.answer_by = True, None
            case privacy_override_events.OverrideUsed():
                assert lifted is not None and lifted.lifts(said.used_by, lifted.target, said.range, at)
            case privacy_override_events.OverrideExpired():
                assert lifted is not None and not lifted.over
                lifted.over, lifted.answer_by = True, None
            case privacy_override_events.OverrideJustified():
                assert lifted is not None and lifted.justify_by is not None and said.justified_by == lifted.by
                assert said.late == (at > lifted.justify_by)
                lifted.justified = True
            case privacy_override_events.OverrideReviewed():
                assert lifted is not None and lifted.review_by is not None and said.reviewed_by != lifted.by
                assert said.late == (at > lifted.review_by)
                lifted.reviewed = True

    def nothing_goes_on(self, now: datetime) -> None:
        """After the reactor has caught up: who is suspended or has signed off has nothing open."""
        for stream, ends_at in self.sessions.items():
            assert ends_at is None or self.whose[stream] not in self.suspended, f"{stream} goes on"
        for stream, look in self.looks.items():
            assert not look.open(now) or self.sessions[look.session] is not None, f"{stream} goes on"

    def overdue(self, now: datetime) -> None:
        """After the scheduler has looked: what was to be done by now was done, has ended, or was called out."""
        for stream, ends_at in self.sessions.items():
            assert ends_at is None or now <= ends_at, f"{stream} goes on"
        for stream, look in self.looks.items():
            assert look.until is None or look.ended or now < look.until, f"{stream} goes on"
        for stream, lifted in self.liftings.items():
            assert lifted.answer_by is None or now < lifted.answer_by, f"{stream} waits on"
            assert lifted.until is None or lifted.over or now < lifted.until, f"{stream} goes on"
            if lifted.justify_by is not None and now >= lifted.justify_by and not (lifted.justified or lifted.reviewed):
                assert ("override_justification_overdue", stream) in self.called_out
                self.met.add("overdue")
            if lifted.review_by is not None and now >= lifted.review_by and not lifted.reviewed:
                assert ("override_review_overdue", stream) in self.called_out
                self.met.add("overdue")

    # -- nothing destroyed under hold --------------------------------------------------------------------------------

    def _keeping(self, stream: str, said: object, at: datetime) -> None:
        match said:
            case footage.LegalHoldPlaced(hold):
                self.holds[stream].add(hold)
            case footage.LegalHoldReleased(hold):
                self.holds[stream].remove(hold)
            case footage.RetentionExtended():
                assert said.approved_by != said.requested_by == self.asked_by[stream], "approver is requester"
                self.met.add("extended")
            case footage.ExtensionRequested():
                self.asked_by[stream] = said.requested_by
            case footage.FootageDestroyed():
                assert not self.holds[stream], "destroyed under a hold"
                assert at >= said.due_since
                self.met.add("destroyed")
            case export.ExportRequested():
                self.asked_by[stream] = said.person
                self.files[stream] = said
            case export.FootageExported():
                assert said.masked == self.files[stream].masked
                if said.masked:
                    return
                asked = self.files[stream]
                assert asked.override is not None, "unmasked, and no override"
                lifted, target = self.liftings[asked.override], f"footage-{asked.footage}"
                assert lifted.lifts(asked.person, target, asked.range, at), "unmasked, and no override"
                self.met.add("unmasked file")
            case export.ExportApproved():
                assert said.approved_by != self.asked_by[stream], "approver is requester"
                self.met.add("exported")
