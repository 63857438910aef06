"""What is to be hidden of a picture: of which feed, taken when, seen by whom, under which override.

Invariants: it is asked of the store, never of a read model, and where nothing can be said everything is hidden. A mask
is lifted for one person, for what the override names and as long as it is in effect, and for nobody else: others go on
seeing the mask. Footage is shown under the masks of its own time and under those of now (ADR 20): a mask that was drawn
since protects what was recorded before, and one that was taken away still protects what was recorded under it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock
from typing import Any, Generic, TypeVar
from uuid import UUID

import msgspec

from application import codec
from application.commands import Commands
from application.handling import KEY, Actor, Attempt, Handler, Outcome, Recorded
from application.masks import Errors, View, drone_mask
from application.overrides import override_of, use_override
from application.ports import StoredEvent
from application.standing import outcome
from application.views import may_ask_again
from domain import camera, privacy_zone
from domain.camera import CAMERA, WHOLE_PICTURE, Outline
from domain.flight import FLIGHT
from domain.footage import FOOTAGE, footage_standing
from domain.kernel import Aggregate, FeedId, FlightId, FootageId, PersonId, StreamId, WrongState
from domain.live_view import LIVE_VIEW, Open, view_permit
from domain.privacy_override import OVERRIDE, OverrideStanding, override_standing
from domain.privacy_override_events import Range
from domain.privacy_zone import ZONE, Shape

SLACK = timedelta(seconds=10)  # between the recorder's clock and the store's
T = TypeVar("T")
MaskAt = Callable[[datetime], Sequence[Outline] | None]
Pose = Callable[[datetime], "tuple[View, Errors] | None"]
"""From where and whither a drone's camera looked at a moment, and by how much that may be wrong; None: not known."""


@dataclass(frozen=True, slots=True)
class MaskState:
    """What is hidden. `outlines`: in parts of the picture; `zones`: projected into a drone's picture, frame by frame;
    `lifted_by`: the override without which more would be, and `lifted_until`: no longer than so."""

    outlines: tuple[Outline, ...] = ()
    zones: tuple[Shape, ...] = ()
    lifted_by: str | None = None
    lifted_until: datetime | None = field(default=None, compare=False)

    @property
    def nothing_hidden(self) -> bool:
        return not self.outlines and not self.zones

    @property
    def key(self) -> str:
        """Names what is hidden: pictures of one feed under one key look the same, whoever sees them."""
        said = msgspec.json.encode([self.outlines, codec.to_builtins(self.zones)], order="deterministic")
        return hashlib.sha256(said).hexdigest()[:32]


EVERYTHING = MaskState((WHOLE_PICTURE,))


def mask_at(state: MaskState, pose: Pose | None = None) -> MaskAt:
    """What is to be hidden of the picture taken at a moment; None: everything, because it cannot be computed."""
    if not state.zones:
        return lambda _: state.outlines

    def at(moment: datetime) -> Sequence[Outline] | None:
        known = pose(moment) if pose is not None else None
        if known is None:
            return None
        view, errors = known
        return (*state.outlines, *drone_mask(view, state.zones, errors))

    return at


class MaskStates(Commands):
    """Each question raises StoreUnavailable: then there is no picture."""

    def __init__(self, handler: Handler) -> None:
        super().__init__(handler)
        self._cameras = Histories(handler, CAMERA, _outlines)
        self._zones = Histories(handler, ZONE, _shape)

    def live(self, feed: FeedId, person: str, override: str | None = None) -> MaskState:
        """Of what the feed shows now. `override`: of the feed, or of a zone for this flight; where it lifts nothing
        for this person now, the answer is as without one."""
        now = self.handler.clock.now()
        aggregate, _, key = feed.partition("-")
        standing = self._standing(override, person, Range(now, now), now)
        if standing is not None and standing.target == feed:
            return MaskState(lifted_by=override, lifted_until=_until(standing))
        if aggregate == CAMERA.name:
            return _together(self._cameras.of([key])[0])
        if aggregate != FLIGHT.name:
            return EVERYTHING
        lifted = standing.target if standing is not None and standing.flight == FlightId(key) else None
        zones, used = self._drawn(without=lifted)
        if not used or standing is None:
            return MaskState(zones=zones)
        return MaskState(zones=zones, lifted_by=override, lifted_until=_until(standing))

    def recorded(self, footage: FootageId, range_: Range, person: str, override: str | None = None) -> MaskState:
        """Of a stretch of footage: what was to be hidden at any moment of it, and what is now. `override`: of this
        footage, in effect, this person's, and for all of the stretch; else the answer is as without one."""
        now = self.handler.clock.now()
        known = self.handler.states.load([(FOOTAGE, footage)])[FOOTAGE.stream(footage)][1]
        feed = footage_standing(footage, known).feed
        if feed is None:
            return EVERYTHING
        standing = self._standing(override, person, range_, now)
        if standing is not None and standing.target == FOOTAGE.stream(footage):
            return MaskState(lifted_by=override, lifted_until=standing.expires_at)
        aggregate, _, key = feed.partition("-")
        then = Range(range_.since - SLACK, range_.until + SLACK)
        if aggregate == CAMERA.name:
            return _together(self._cameras.of([key], then)[0])
        if aggregate == FLIGHT.name:
            return MaskState(zones=self._drawn(then)[0])
        return EVERYTHING

    def as_recorded(self, attempt: Attempt, footage: FootageId, range_: Range, person: str) -> MaskState:
        """As `recorded` without an override, for what is decided in this attempt: where the camera's mask or a zone
        is changed before it is appended, it is decided anew."""
        feed = footage_standing(footage, attempt.state(FOOTAGE, footage)).feed
        aggregate, _, key = str(feed).partition("-")
        if aggregate == CAMERA.name:
            attempt.load((CAMERA, key))
        elif aggregate == FLIGHT.name:
            attempt.load(*((ZONE, stream.partition("-")[2]) for stream in self.handler.store.zones()))
        return self.recorded(footage, range_, person)

    def lift(self, actor: Actor, view: str, override: str, command_id: UUID | None = None) -> Outcome:
        """Before an unmasked picture goes to who watches: the override's use through this view is put on the record,
        from now until it ends. Raises nothing; where it is refused the picture stays masked."""

        def use(attempt: Attempt) -> Recorded:
            state = attempt.state(LIVE_VIEW, view)
            if not isinstance(state, Open) or view_permit(state, PersonId(actor.person), actor.session, attempt.at):
                raise WrongState("this view is not open, or another person's", field="view", accepted="an open view")
            feed, standing = state.request.feed, override_of(attempt, override)
            may_ask_again(attempt, state.request)
            until = _until(standing)
            if not standing.active or until is None or until <= attempt.at:
                raise WrongState("the override is not in effect", field="override", accepted="one in effect")
            target, through = StreamId(feed), LIVE_VIEW.stream(view)
            if standing.target is not None and standing.flight is not None:
                target, through = standing.target, StreamId(feed)  # a zone is lifted for a flight
            use_override(attempt, override, target, through, Range(attempt.at, until))
            return outcome(attempt, LIVE_VIEW.stream(view), view)

        return self.run(actor, "lift_mask", [view, override], command_id, use)

    def _standing(self, override: str | None, person: str, range_: Range, now: datetime) -> OverrideStanding | None:
        """Of an override that is in effect, for this person and this stretch."""
        if override is None or not KEY.fullmatch(override):
            return None
        state = self.handler.states.load([(OVERRIDE, override)])[OVERRIDE.stream(override)][1]
        standing = override_standing(state, now)
        if not standing.active or standing.opened_by != person or standing.range is None:
            return None
        within = standing.range.covers(range_) and range_.since < standing.range.until
        return standing if within else None

    def _drawn(self, then: Range | None = None, without: StreamId | None = None) -> tuple[tuple[Shape, ...], bool]:
        """The zones that are drawn now, and those of a stretch; and whether one of them was left out."""
        streams = self.handler.store.zones()
        kept = [stream for stream in streams if stream != without]
        drawn = self._zones.of([stream.partition("-")[2] for stream in kept], then)
        return _once([shape for shapes in drawn for shape in shapes if shape is not None]), len(kept) < len(streams)


def _until(standing: OverrideStanding) -> datetime | None:
    """When a live picture is masked again."""
    ends = [standing.expires_at, standing.range.until if standing.range is not None else None]
    return min((end for end in ends if end is not None), default=None)


def _together(masks: Sequence[tuple[Outline, ...] | None]) -> MaskState:
    """All that is hidden by any of them; everything where one of them is not known, or there is none at all."""
    if not masks or any(mask is None for mask in masks):
        return EVERYTHING
    return MaskState(_once([outline for mask in masks if mask is not None for outline in mask]))


def _once(several: Sequence[T]) -> tuple[T, ...]:
    """Each once, in an order of their own: the same set is the same state."""
    return tuple(sorted(set(several), key=repr))


# -- what a stream said, and when --------------------------------------------


def _outlines(state: camera.State, before: tuple[Outline, ...] | None) -> tuple[Outline, ...] | None:
    """A camera's mask; of one that was taken down, what it was before."""
    return state.outlines if isinstance(state, camera.Installed) else before


def _shape(state: privacy_zone.State, _: Shape | None) -> Shape | None:
    return state.shape if isinstance(state, privacy_zone.Drawn) else None


@dataclass(slots=True)
class _Told(Generic[T]):
    """Of one stream. `changes`: from when on it said what, in order."""

    version: int
    state: Any
    changes: list[tuple[datetime, T | None]]


class Histories(Generic[T]):
    """What each stream of a kind said of one thing, and from when on: out of the store, which is asked for what came
    since; an event never changes. Safe to call from many threads; one asks at a time."""

    def __init__(
        self, handler: Handler, aggregate: Aggregate[Any, Any, Any], said: Callable[[Any, T | None], T | None]
    ) -> None:
        self._store, self._aggregate, self._said = handler.store, aggregate, said
        self._known: dict[str, _Told[T]] = {}
        self._lock = Lock()

    def of(self, keys: Sequence[str], then: Range | None = None) -> list[list[T | None]]:
        """For each stream what it says now, and before that what it said at any moment of a stretch, both ends
        included; nothing where it does not exist. All as of one moment. Raises StoreUnavailable."""
        streams: list[str] = [self._aggregate.stream(key) for key in keys]
        with self._lock:
            after = {stream: self._known[stream].version for stream in streams if stream in self._known}
            fresh = self._store.read(streams, after) if streams else {}
            told = [self._grown(stream, fresh[stream]).changes for stream in streams]
            return [[*(_within(each, then) if then else ()), *(said for _, said in each[-1:])] for each in told]

    def _grown(self, stream: str, stored: Sequence[StoredEvent]) -> _Told[T]:
        told = self._known.get(stream) or _Told(0, self._aggregate.initial, [])
        for one in stored:
            recorded = codec.recorded(one)
            told.state, told.version = self._aggregate.evolve(told.state, recorded.event), one.version
            since, before = told.changes[-1] if told.changes else (recorded.envelope.time, None)
            said = self._said(told.state, before)
            if not told.changes or said != before:
                # Clocks of two processes differ a little; the order is the stream's.
                told.changes.append((max(since, recorded.envelope.time), said))
        if told.version:
            self._known[stream] = told
        return told


def _within(changes: Sequence[tuple[datetime, T | None]], then: Range) -> list[T | None]:
    ends = [since for since, _ in changes[1:]]
    return [
        said
        for n, (since, said) in enumerate(changes)
        if since <= then.until and (n == len(ends) or ends[n] >= then.since)
    ]
