"""Everybody at once and every clock: whatever anyone tries, in whatever order, what the watch center promises holds.

All actors of the watch, the city's oversight and the processes act through the use cases, on the real store under the
adopted rules; time goes by as it likes, and scheduler, listener and reactor look when they get to it. What is checked
is kept in `promises.py`, out of the record alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from itertools import count
from typing import Any, ClassVar
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, event, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from adapters.heartbeats import PostgresHeartbeats
from application import codec, deadlines
from application.accounts import SignOnRefused
from application.cameras import Cameras
from application.deadlines import Due, NotDue
from application.exports import Exports
from application.handling import Accepted, Actor, Mistaken, Outcome, Refused
from application.overrides import Overrides
from application.reactions.looking import EndViewsThatAreNoLongerLet
from application.reactions.suspension import EndSessionsOfSuspended
from application.retention import Retention
from application.scheduler import Scheduler
from application.standing import is_refusal, service
from application.viewings import Viewings
from application.views import EndingViews, Permit, Views
from domain import footage
from domain.camera import InstallCamera, NoteOnline
from domain.export import RecordExport
from domain.grounds import OVERSIGHT_REVIEW, Grounds
from domain.kernel import CameraId, CaseNumber, FeedId, FootageId, PersonId, Place, StreamId
from domain.legal_basis import BasisKind, LegalBasis
from domain.person import Organisation, Reinstate, Role, Suspend
from domain.privacy_override import OverridePlan
from domain.privacy_override_events import Range, Verdict
from tests.application.promises import Promises
from tests.application.small_center import ADMIN, CAPTAIN, NOON, SmallCenter, done, small_center

SECOND, MINUTE, HOUR, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
DEE, SAM, SUE, FAY, AUD = "dee", "sam", "sue", "fay", "aud"
ROLES = {
    DEE: Role.WATCH_OPERATOR,
    SAM: Role.WATCH_SUPERVISOR,
    SUE: Role.WATCH_SUPERVISOR,
    FAY: Role.FIELD_RESPONDER,
    AUD: Role.AUDITOR,
}
EVERYBODY = [*ROLES, ADMIN, CAPTAIN]
FEED = FeedId(StreamId("camera-plaza"))
SAID = "said at some length, so that it is enough"
WARRANT = LegalBasis(BasisKind.WARRANT, "26-SW-0417", "Superior Court of Los Angeles")
GROUNDS = {
    "good": Grounds("call_for_service", SAID, case=CaseNumber("C-7")),
    "prohibited": Grounds("face_recognition", SAID, case=CaseNumber("C-7")),
    "no case": Grounds("call_for_service", SAID),
    "no reason": Grounds("call_for_service", "?", case=CaseNumber("C-7")),
    "review": Grounds(OVERSIGHT_REVIEW, SAID, authorisation="the sample of week 22"),
}

# What is in order comes up more often than what is not, so that the later rules are reached too.
anyone = st.sampled_from([*[DEE, SAM] * 4, SUE, *EVERYBODY])
supervisors = st.sampled_from([SAM, SUE, SAM, SUE, CAPTAIN, DEE, ADMIN])
latest = st.sampled_from([0, 0, 0, 1, 2])  # 0: the last one that was asked for
pieces = st.sampled_from([0, 0, 1])  # which footage
grounds = st.sampled_from([*["good"] * 8, *GROUNDS])


class Remembered:
    """A reaction's memory, as its checkpoint keeps it."""

    def __init__(self) -> None:
        self._sets: dict[str, list[str]] = {}

    def add(self, key: str, value: str) -> None:
        if value not in self._sets.setdefault(key, []):
            self._sets[key].append(value)

    def discard(self, key: str, value: str) -> None:
        with suppress(KeyError, ValueError):
            self._sets[key].remove(value)

    def values(self, key: str) -> list[str]:
        return sorted(self._sets.get(key, ()))


class Everybody(RuleBasedStateMachine):
    center: ClassVar[SmallCenter]
    heartbeats: ClassVar[PostgresHeartbeats]
    numbers: ClassVar[Iterator[int]] = count(1)

    def __init__(self) -> None:
        super().__init__()
        handler = self.center.handler
        self.clock = self.center.clock
        self.clock.at = NOON + HOUR
        self.views, self.viewings = Views(handler, self.heartbeats), Viewings(handler)
        self.overrides, self.exports, self.retention = Overrides(handler), Exports(handler), Retention(handler)
        self.promises = Promises()
        self.due: dict[tuple[str, str], Due] = {}
        self.position = handler.store.head().position
        self.reacted_to = self.position
        self.happened: list[codec.Recorded] = []
        self.reactions = [(EndSessionsOfSuspended(), Remembered()), (EndViewsThatAreNoLongerLet(), Remembered())]
        self.looks: dict[str, list[str]] = {"liveview": [], "viewing": [], "override": [], "export": []}
        self.who: dict[str, str] = {}  # who asked for what
        self.actors: dict[str, Actor] = {}

    # -- how it is asked, and what must be on record then ----------------------------------------------------------

    def heard(self) -> list[codec.Recorded]:
        """What was recorded since: taken by the promises and by the deadlines."""
        fresh = self.center.all_events(self.position)
        for recorded in fresh:
            self.promises.take(recorded)
            for change in deadlines.changes(recorded):
                if change.kind.partition(":")[0] in deadlines.kinds():
                    self.due.pop((change.kind, change.stream), None)
                    if not isinstance(change, NotDue):
                        self.due[change.kind, change.stream] = change
        self.position += len(fresh)
        self.happened += fresh
        return fresh

    def ask(self, who: str, command: Callable[[Actor], Outcome], made: str = "") -> bool:
        """Whether it was done. Every refusal is recorded, with who was refused."""
        told = command(self.actors[who])
        fresh = self.heard()
        assert isinstance(told, Accepted | Refused | Mistaken), told
        if not isinstance(told, Accepted):
            (refused,) = [r for r in fresh if r.position == told.position]
            assert is_refusal(refused.event), refused.event
            assert refused.envelope.actorid == who and refused.envelope.time == self.clock.now()
            self.promises.met.add("refused")
            return False
        if made:
            self.looks[made].append(told.key)
            self.who[told.key] = who
        return True

    def key(self, kind: str, number: int) -> str:
        known = self.looks[kind]
        return known[-1 - number] if number < len(known) else "never-asked-for"

    def asker(self, key: str, otherwise: str) -> str:
        return self.who.get(key, otherwise)

    def piece(self, number: int) -> FootageId:
        return self.footage[number]

    def plan(self, number: int, minutes: int, purpose: str = "call_for_service") -> OverridePlan:
        target = StreamId(f"footage-{self.piece(number)}")
        return OverridePlan("", target, self.range, purpose, minutes, case=CaseNumber("C-7"))

    # -- the day begins --------------------------------------------------------------------------------------------

    @initialize()
    def the_day_begins(self) -> None:
        example = next(self.numbers)
        now = self.clock.now()
        self.range = Range(now - 40 * MINUTE, now - 30 * MINUTE)
        self.footage = [FootageId(f"{example}-{n}") for n in range(2)]
        for key in self.footage:
            recorded = footage.RecordFootage(FEED, self.range, 300, 1_000_000, "0" * 64, f"plaza/{example}")
            done(self.retention.record(service("service-recorder"), key, recorded, uuid4()))
        for who in EVERYBODY:
            self.actors[who] = self.center.signed_on(who)
        self.heard()
        self.asks_to_watch(DEE, "good")
        self.asks_for_footage(DEE, 0, "good")
        self.asks_for_an_override(DEE, 0, 30, 0)

    def teardown(self) -> None:
        for kind in self.promises.met:
            event(kind)  # how often each promise was put to the test: --hypothesis-show-statistics
        # The next day begins with everybody back, and no console of this one is listened for.
        for beat in self.heartbeats.late(self.clock.now() + DAY):
            self.heartbeats.forget(beat.view)
        self.clock.at = NOON + HOUR
        admin = self.center.signed_on(ADMIN)
        for who in ROLES:
            self.center.accounts.change(admin, Reinstate(PersonId(who), PersonId(ADMIN), "a new day"))

    # -- people --------------------------------------------------------------------------------------------------

    @rule(who=anyone, step_up=st.sampled_from([True, True, False]))
    def signs_on(self, who: str, step_up: bool) -> None:
        try:
            self.actors[who] = self.center.signed_on(who, step_up=step_up)
        except SignOnRefused:
            assert any(is_refusal(recorded.event) for recorded in self.heard())
        self.heard()

    @rule(who=anyone)
    def signs_off(self, who: str) -> None:
        self.ask(who, self.center.accounts.sign_off)

    @rule(by=st.sampled_from([CAPTAIN, ADMIN, CAPTAIN, ADMIN, DEE]), whom=st.sampled_from(list(ROLES)))
    def is_suspended(self, by: str, whom: str) -> None:
        self.ask(by, lambda actor: self.center.accounts.change(actor, Suspend(PersonId(whom), PersonId(by), "lost it")))

    @rule(by=st.sampled_from([ADMIN, ADMIN, CAPTAIN]), whom=st.sampled_from(list(ROLES)))
    def is_reinstated(self, by: str, whom: str) -> None:
        command = Reinstate(PersonId(whom), PersonId(by), "found again")
        self.ask(by, lambda actor: self.center.accounts.change(actor, command))

    # -- looking -------------------------------------------------------------------------------------------------

    @rule(who=anyone, said=grounds)
    def asks_to_watch(self, who: str, said: str) -> None:
        self.ask(who, lambda actor: self.views.request(actor, FEED, GROUNDS[said]), "liveview")

    @invariant()
    def no_frame_without_a_grant_and_a_sign_on(self) -> None:
        """Whatever happened last: the consoles that watch ask whether they may show the next frame."""
        for key in self.looks["liveview"][-2:]:
            self.a_frame_is_asked_for(key, self.who[key])

    @rule(number=latest, who=anyone)
    def somebody_asks_for_a_frame(self, number: int, who: str) -> None:
        self.a_frame_is_asked_for(self.key("liveview", number), who)

    def a_frame_is_asked_for(self, key: str, who: str) -> None:
        if isinstance(self.views.permit(self.actors[who], key), Permit):
            self.promises.seen(f"liveview-{key}", who, self.clock.now())

    @rule(number=latest)
    def the_console_is_heard_of(self, number: int) -> None:
        key = self.key("liveview", number)
        self.views.pulse(self.actors[self.asker(key, DEE)], key)

    @rule(number=latest, other=st.sampled_from([None, None, *EVERYBODY]), reason=st.sampled_from([SAID, SAID, "?"]))
    def asks_to_go_on_watching(self, number: int, other: str | None, reason: str) -> None:
        key = self.key("liveview", number)
        self.ask(other or self.asker(key, DEE), lambda actor: self.views.renew(actor, key, reason))

    @rule(number=latest, other=st.sampled_from([None, None, *EVERYBODY]))
    def closes_the_view(self, number: int, other: str | None) -> None:
        key = self.key("liveview", number)
        self.ask(other or self.asker(key, DEE), lambda actor: self.views.close(actor, key))

    @rule(who=anyone, piece=pieces, said=grounds)
    def asks_for_footage(self, who: str, piece: int, said: str) -> None:
        self.ask(who, lambda actor: self.viewings.request(actor, self.piece(piece), GROUNDS[said]), "viewing")

    @rule(
        number=latest,
        other=st.sampled_from([None, None, None, *EVERYBODY]),
        lifted=st.sampled_from([None, 0, 0, 1]),
        since=st.integers(0, 3),
        seconds=st.sampled_from([10, 10, 30, 31, 0]),
    )
    def bytes_are_asked_for(self, number: int, other: str | None, lifted: int | None, since: int, seconds: int) -> None:
        key = self.key("viewing", number)
        begin = self.range.since + since * 3 * MINUTE
        override = None if lifted is None else self.key("override", lifted)
        stretch = Range(begin, begin + seconds * SECOND)
        self.ask(other or self.asker(key, DEE), lambda actor: self.viewings.reserve(actor, key, stretch, override))

    @rule(number=latest, reservation=st.integers(1, 3))
    def bytes_are_accounted_for(self, number: int, reservation: int) -> None:
        key = self.key("viewing", number)
        self.ask(self.asker(key, DEE), lambda actor: self.viewings.account(actor, key, reservation, [], 0))

    @rule(number=latest, other=st.sampled_from([None, None, *EVERYBODY]))
    def closes_the_footage(self, number: int, other: str | None) -> None:
        key = self.key("viewing", number)
        self.ask(other or self.asker(key, DEE), lambda actor: self.viewings.close(actor, key))

    # -- overrides -----------------------------------------------------------------------------------------------

    @rule(who=anyone, piece=pieces, minutes=st.sampled_from([30, 30, 60, 600, 0]), purpose=st.sampled_from([0, 0, 1]))
    def asks_for_an_override(self, who: str, piece: int, minutes: int, purpose: int) -> None:
        plan = self.plan(piece, minutes, ["call_for_service", "face_recognition"][purpose])
        self.ask(who, lambda actor: self.overrides.request(actor, plan, WARRANT, SAID), "override")

    @rule(who=anyone, piece=pieces, minutes=st.sampled_from([30, 600]))
    def breaks_the_glass(self, who: str, piece: int, minutes: int) -> None:
        plan = self.plan(piece, minutes)
        self.ask(who, lambda actor: self.overrides.invoke_emergency(actor, plan, SAID), "override")

    @rule(who=supervisors, number=latest)
    def approves_the_override(self, who: str, number: int) -> None:
        self.ask(who, lambda actor: self.overrides.approve(actor, self.key("override", number)))

    @rule(who=supervisors, number=latest)
    def refuses_the_override(self, who: str, number: int) -> None:
        self.ask(who, lambda actor: self.overrides.refuse(actor, self.key("override", number), SAID))

    @rule(number=latest, other=st.sampled_from([None, None, *EVERYBODY]))
    def justifies(self, number: int, other: str | None) -> None:
        key = self.key("override", number)
        self.ask(other or self.asker(key, DEE), lambda actor: self.overrides.justify(actor, key, SAID, WARRANT))

    @rule(who=st.sampled_from([AUD, AUD, AUD, *EVERYBODY]), number=latest)
    def reviews_the_override(self, who: str, number: int) -> None:
        key = self.key("override", number)
        self.ask(who, lambda actor: self.overrides.review(actor, key, Verdict.IN_ORDER, SAID))

    @rule(who=st.sampled_from([DEE, SAM]), by=st.sampled_from([SAM, SUE]), piece=pieces, seconds=st.integers(1, 30))
    def looks_behind_the_mask_with_a_colleagues_word(self, who: str, by: str, piece: int, seconds: int) -> None:
        """What the rules above seldom reach by chance: everything in order, where nothing stands in the way."""
        for person in {who, by}:
            self.signs_on(person, True)
        self.asks_for_an_override(who, piece, 30, 0)
        self.approves_the_override(by, 0)
        self.asks_for_footage(who, piece, "good")
        self.bytes_are_asked_for(0, None, 0, 0, seconds)

    # -- footage is kept and goes ----------------------------------------------------------------------------------

    @rule(who=supervisors, piece=pieces, hold=st.sampled_from(["a", "b"]))
    def holds(self, who: str, piece: int, hold: str) -> None:
        day = self.clock.now().date() + 30 * DAY
        command = footage.PlaceLegalHold(self.piece(piece), hold, WARRANT, SAID, day, PersonId(who))
        self.ask(who, lambda actor: self.retention.change(actor, command))

    @rule(who=supervisors, piece=pieces, hold=st.sampled_from(["a", "b"]))
    def releases(self, who: str, piece: int, hold: str) -> None:
        command = footage.ReleaseLegalHold(self.piece(piece), hold, SAID, PersonId(who))
        self.ask(who, lambda actor: self.retention.change(actor, command))

    @rule(who=anyone, piece=pieces, days=st.sampled_from([1, 40, 60]))
    def asks_to_keep_longer(self, who: str, piece: int, days: int) -> None:
        until = self.clock.now() + days * DAY
        command = footage.RequestExtension(self.piece(piece), until, SAID, PersonId(who))
        self.ask(who, lambda actor: self.retention.change(actor, command))

    @rule(who=st.sampled_from([CAPTAIN, CAPTAIN, *EVERYBODY]), piece=pieces, no=st.sampled_from([None, None, SAID]))
    def answers_that(self, who: str, piece: int, no: str | None) -> None:
        self.ask(who, lambda actor: self.retention.answer_extension(actor, self.piece(piece), no))

    @rule(who=st.sampled_from([CAPTAIN, CAPTAIN, *EVERYBODY]), piece=pieces)
    def destroys(self, who: str, piece: int) -> None:
        self.ask(who, lambda actor: self.retention.destroy(actor, self.piece(piece)))

    @rule(by=st.sampled_from([SAM, SUE]), piece=pieces, hold=st.sampled_from(["a", "b", ""]), days=st.integers(29, 41))
    def what_is_due_meets_a_hold(self, by: str, piece: int, hold: str, days: int) -> None:
        """What the rules above seldom reach by chance: it is due, or nearly, and the captain destroys it if he may."""
        if hold:
            self.signs_on(by, True)
            self.holds(by, piece, hold)
        self.days_pass(days * DAY)
        self.destroys(CAPTAIN, piece)

    @rule(who=anyone, piece=pieces, said=grounds, lifted=st.sampled_from([None, None, 0]))
    def asks_for_a_file(self, who: str, piece: int, said: str, lifted: int | None) -> None:
        override = None if lifted is None else self.key("override", lifted)
        self.ask(
            who,
            lambda actor: self.exports.request(
                actor, self.piece(piece), GROUNDS[said], "the district attorney", override=override
            ),
            "export",
        )

    @rule(who=supervisors, number=latest)
    def approves_the_file(self, who: str, number: int) -> None:
        self.ask(who, lambda actor: self.exports.approve(actor, self.key("export", number)))

    @rule(number=latest, masked=st.booleans())
    def the_file_is_made(self, number: int, masked: bool) -> None:
        file = RecordExport("0" * 64, 1_000_000, masked)
        told = self.exports.record(service("service-recorder"), self.key("export", number), file, uuid4())
        assert isinstance(told, Accepted | Mistaken), told
        self.heard()

    @rule(who=st.sampled_from([SAM, SUE]), piece=pieces, file=st.booleans())
    def says_yes_to_what_one_asked_for(self, who: str, piece: int, file: bool) -> None:
        """What the rules above seldom reach by chance: nothing stands in the way but that it is one's own."""
        self.signs_on(who, True)
        if file:
            self.asks_for_a_file(who, piece, "good", None)
            self.approves_the_file(who, 0)
        else:
            self.asks_for_an_override(who, piece, 30, 0)
            self.approves_the_override(who, 0)

    @rule(
        who=st.sampled_from([DEE, SAM]), piece=pieces, early=st.booleans(), later=st.sampled_from([MINUTE, 31 * MINUTE])
    )
    def a_file_outlives_its_override(self, who: str, piece: int, early: bool, later: timedelta) -> None:
        """What the rules above seldom reach by chance: all in order, but that the override may be over by then."""
        for person in (who, SUE):
            self.signs_on(person, True)
        self.asks_for_an_override(who, piece, 30, 0)
        self.approves_the_override(SUE, 0)
        self.asks_for_a_file(who, piece, "good", 0)
        if early:
            self.approves_the_file(SUE, 0)
        self.clock.step(later)
        self.signs_on(SUE, True)
        self.approves_the_file(SUE, 0)
        self.the_file_is_made(0, False)

    # -- the clocks ------------------------------------------------------------------------------------------------

    @rule(
        by=st.sampled_from([SECOND, 9 * SECOND, 11 * SECOND, MINUTE, 20 * MINUTE, HOUR, 8 * HOUR]),
        then=st.sampled_from(["", "", "scheduler", "listener", "reactor"]),
    )
    def time_passes(self, by: timedelta, then: str) -> None:
        self.clock.step(by)
        self.looked(then)

    @rule(by=st.sampled_from([DAY, 3 * DAY, 31 * DAY]), then=st.sampled_from(["", "scheduler", "reactor"]))
    def days_pass(self, by: timedelta, then: str = "") -> None:
        self.clock.step(by)
        self.looked(then)
        for who in EVERYBODY:
            self.signs_on(who, True)

    def looked(self, process: str) -> None:
        """None of the processes looks when it should, but at some time each does."""
        {
            "scheduler": self.the_scheduler_looks,
            "listener": self.the_listener_looks,
            "reactor": self.the_reactor_catches_up,
            "": lambda: None,
        }[process]()

    def the_scheduler_looks(self) -> None:
        scheduler = Scheduler(self.center.handler, self.due_until)
        while any(due.at <= self.clock.now() for due in self.due.values()):
            before = dict(self.due)
            scheduler.look()
            assert scheduler.late == 0
            self.heard()
            self.due = {k: due for k, due in self.due.items() if before.get(k) != due or due.at > self.clock.now()}
        self.promises.overdue(self.clock.now())

    def due_until(self, at: datetime) -> list[Due]:
        return sorted((due for due in self.due.values() if due.at <= at), key=lambda due: (due.at, due.stream))

    def the_listener_looks(self) -> None:
        self.views.end_lost(service("service-reactor"))
        self.heard()

    def the_reactor_catches_up(self) -> None:
        """Afterwards who is suspended, or has signed off, has nothing open."""
        while pending := [recorded for recorded in self.happened if recorded.position > self.reacted_to]:
            for recorded in pending:
                for reaction, memory in self.reactions:
                    if type(recorded.event) in reaction.handles:
                        for issued in reaction.react(recorded, memory):
                            self.issued(issued)
                self.reacted_to = recorded.position
            self.heard()
        self.promises.nothing_goes_on(self.clock.now())

    def issued(self, command: Any) -> None:
        actor, handler, because = service("service-reactor"), self.center.handler, command.because.envelope
        chain = (str(because.id), because.correlationid)
        if command.aggregate == "session":
            why = command.command.reason
            done(self.center.accounts.sign_off_person(actor, command.key, command.command_id, *chain, why))
            return
        ending = EndingViews(handler) if command.aggregate == "liveview" else self.viewings
        done(ending.end(actor, command.key, command.command, command.command_id, *chain))


@pytest.fixture
def everybody(database_url: str) -> Iterator[type[Everybody]]:
    deadlines.load_all()
    with small_center(database_url) as center, PostgresHeartbeats(database_url) as heartbeats:
        for person, role in ROLES.items():
            at = Organisation.OVERSIGHT if role is Role.AUDITOR else Organisation.LASD_WEST_HOLLYWOOD
            center.enrolled(person, role, organisation=at)
        by, cameras = PersonId(ADMIN), Cameras(center.handler)
        place = Place(34.0900, -118.3617)
        done(cameras.change(center.signed_on(ADMIN), InstallCamera(CameraId("plaza"), "Plaza", place, 6.0, 90.0, by)))
        done(cameras.change(service("service-recorder"), NoteOnline(CameraId("plaza"), center.clock.now())))
        yield type("EverybodyHere", (Everybody,), {"center": center, "heartbeats": heartbeats})


@pytest.mark.slow
@pytest.mark.rule(
    "view.grant_first",
    "view.masked",
    "view.ends_with_access",
    "retention.hold",
    "record.refusals",
    "record.four_eyes",
    "record.deadlines",
)
def test_whatever_anybody_tries_at_whatever_time(everybody: type[Everybody]) -> None:
    run_state_machine_as_test(
        everybody,
        settings=settings(
            max_examples=8,
            stateful_step_count=50,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
