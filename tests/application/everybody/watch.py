"""Who acts, when, and what must be on record then: what all rules of the machine share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import datetime, timedelta
from itertools import count
from typing import Any, ClassVar

import psycopg
from hypothesis import currently_in_test_context
from hypothesis import event as hypothesis_event
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from application import codec, deadlines
from application.accounts import SignOnRefused
from application.deadlines import Due, NotDue
from application.handling import Accepted, Actor, Mistaken, Outcome, Refused
from application.reactions import Reaction
from application.reactions.looking import EndViewsThatAreNoLongerLet
from application.reactions.suspension import EndSessionsOfSuspended
from application.scheduler import Scheduler
from application.standing import is_refusal, service
from application.viewings import Viewings
from application.views import EndingViews, Views
from domain.grounds import OVERSIGHT_REVIEW, Grounds
from domain.kernel import CallNumber, CaseNumber, PersonId
from domain.legal_basis import BasisKind, LegalBasis
from domain.person import Reinstate, Suspend
from tests.application.everybody.center import ROLES, UNDER_REVIEW, Everything
from tests.application.everybody.promises import Promises
from tests.application.everybody.said import said
from tests.application.small_center import ADMIN, CAPTAIN, NOON, SmallCenter, done

SECOND, MINUTE, HOUR, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
DEE, SAM, SUE, FAY, FIN, PIA, POL, AUD, ADA, ABE, CAL = ROLES
EVERYBODY = [*ROLES, ADMIN, CAPTAIN]
SAID = "said at some length, so that it is enough"
WARRANT = LegalBasis(BasisKind.WARRANT, "26-SW-0417", "Superior Court of Los Angeles")
CALL = CallNumber("WH26-000417")
GROUNDS = {
    "good": Grounds("call_for_service", SAID, case=CaseNumber("C-7")),
    "call": Grounds("call_for_service", SAID, call=CALL),
    "prohibited": Grounds("face_recognition", SAID, case=CaseNumber("C-7")),
    "no case": Grounds("call_for_service", SAID),
    "no reason": Grounds("call_for_service", "?", case=CaseNumber("C-7")),
    "review": Grounds(OVERSIGHT_REVIEW, SAID, authorisation=f"review-{UNDER_REVIEW}"),
    "no review": Grounds(OVERSIGHT_REVIEW, SAID, authorisation="review-of-nothing"),
}

# What is in order comes up more often than what is not, so that the later rules are reached too.
anyone = st.sampled_from([*[DEE, SAM] * 4, SUE, *EVERYBODY])
supervisors = st.sampled_from([SAM, SUE, SAM, SUE, CAPTAIN, DEE, ADMIN])
latest = st.sampled_from([0, 0, 0, 1, 2])  # 0: the last one that was asked for
pieces = st.sampled_from([0, 0, 1])  # which footage
grounds = st.sampled_from([*["good"] * 8, *["call"] * 2, *GROUNDS])


def mostly(*usual: str) -> st.SearchStrategy[str]:
    """One of these, and now and then somebody else."""
    return st.sampled_from([*usual * (24 // len(usual)), *EVERYBODY])


def the_one_or_another() -> st.SearchStrategy[str | None]:
    """None: whose it is."""
    return st.sampled_from([None, None, None, *EVERYBODY])


def event(what: str) -> None:
    """For `--hypothesis-show-statistics`, where Hypothesis drives."""
    if currently_in_test_context():
        hypothesis_event(what)


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


class Watch(RuleBasedStateMachine):
    """Each example is a watch center of its own, just founded."""

    everything: ClassVar[Everything]
    accepted: ClassVar[Counter[str]] = Counter()  # by rule
    refused: ClassVar[Counter[str]] = Counter()
    kept: ClassVar[Counter[str]] = Counter()  # promises that were put to the test, by kind
    numbers: ClassVar[Iterable[int]] = count(1)

    def __init__(self) -> None:
        super().__init__()
        self.center: SmallCenter
        self.center, self.heartbeats = self.everything.another()
        self.clock = self.center.clock
        self.clock.at = NOON + HOUR
        self.handler = self.center.handler
        self.views, self.viewings = Views(self.handler, self.heartbeats), Viewings(self.handler)
        self.promises = Promises()
        self.due: dict[tuple[str, str], Due] = {}
        self.position = self.reacted_to = 0
        self.happened: list[codec.Recorded] = []
        self.reactions: list[tuple[Reaction, Remembered]] = [
            (EndSessionsOfSuspended(), Remembered()),
            (EndViewsThatAreNoLongerLet(), Remembered()),
        ]
        self.asked: dict[str, list[str]] = {}
        self.who: dict[str, str] = {}  # who asked for what
        self.actors: dict[str, Actor] = {}

    def teardown(self) -> None:
        met = self.promises.met
        self.kept.update(met)
        for kind in sorted(met):
            event(f"promise: {kind}")  # how often each was put to the test: --hypothesis-show-statistics
        self.everything.away()

    # -- how it is asked, and what must be on record then ----------------------------------------------------------

    def heard(self) -> list[codec.Recorded]:
        """What was recorded since: taken by the promises and by the deadlines."""
        with psycopg.connect(self.center.url) as connection:
            rows = connection.execute(
                "SELECT state, notification_id FROM events.stored_events WHERE notification_id > %s"
                " ORDER BY notification_id",
                (self.position,),
            ).fetchall()
        fresh = []
        for content, position in rows:
            self.promises.take(said(bytes(content), position))
            recorded = codec.decode(bytes(content), position)
            fresh.append(recorded)
            for change in deadlines.changes(recorded):
                if change.kind.partition(":")[0] in deadlines.kinds():
                    self.due.pop((change.kind, change.stream), None)
                    if not isinstance(change, NotDue):
                        self.due[change.kind, change.stream] = change
        self.promises.flying.settled()
        self.position += len(fresh)
        self.happened += fresh
        return fresh

    def ask(self, who: str, command: Callable[[Actor], Outcome], made: str = "") -> bool:
        """Whether it was done. Every refusal is recorded, with who was refused."""
        return self.told(who, command(self.actors[who]), _rule_of(command), made)

    def told(self, who: str, told: Outcome, of_rule: str, made: str = "") -> bool:
        fresh = self.heard()
        assert isinstance(told, Accepted | Refused | Mistaken), told
        if not isinstance(told, Accepted):
            refused = next((r for r in fresh if r.position == told.position), None)
            assert refused is not None, "every refusal is recorded"
            assert is_refusal(refused.event), refused.event
            assert refused.envelope.actorid == who and refused.envelope.time == self.clock.now()
            self.refused[of_rule] += 1
            event(f"{of_rule}: refused")
            return False
        self.accepted[of_rule] += 1
        event(f"{of_rule}: done")
        if made:
            self.asked.setdefault(made, []).append(told.key)
            self.who[told.key] = who
        return True

    def machine_says(self, name: str, command: Callable[[Actor], Outcome]) -> bool:
        """One of our own processes does its part. What it may not is not on the record; what it did is."""
        told = command(service(name))
        assert isinstance(told, Accepted | Mistaken), told
        self.heard()
        if isinstance(told, Accepted):
            self.accepted[_rule_of(command)] += 1
            event(f"{_rule_of(command)}: done")
        return isinstance(told, Accepted)

    def key(self, kind: str, number: int) -> str:
        known = self.asked.get(kind, [])
        return known[-1 - number] if number < len(known) else "never-asked-for"

    def asker(self, key: str, otherwise: str) -> str:
        return self.who.get(key, otherwise)

    def all_sign_on(self, *people: str) -> None:
        for who in people:
            self._signs_on(who, True)

    def _signs_on(self, who: str, step_up: bool) -> bool:
        try:
            self.actors[who] = self.center.signed_on(who, step_up=step_up)
        except SignOnRefused:
            assert any(is_refusal(recorded.event) for recorded in self.heard())
            return False
        self.heard()
        return True

    # -- people --------------------------------------------------------------------------------------------------

    @rule(who=anyone, step_up=st.sampled_from([True, True, False]))
    def signs_on(self, who: str, step_up: bool) -> None:
        done_or_not = self.accepted if self._signs_on(who, step_up) else self.refused
        done_or_not["signs_on"] += 1

    @rule(who=anyone)
    def signs_off(self, who: str) -> None:
        self.ask(who, lambda actor: self.center.accounts.sign_off(actor))

    @rule(who=anyone)
    def leaves_the_console_locked(self, who: str) -> None:
        self.ask(who, lambda actor: self.center.accounts.lock(actor, "idle"))

    @rule(who=anyone)
    def steps_up(self, who: str) -> None:
        self.ask(who, lambda actor: self.center.accounts.step_up(actor, "otp"))

    @rule(by=st.sampled_from([CAPTAIN, ADMIN, CAPTAIN, ADMIN, DEE]), whom=st.sampled_from(list(ROLES)))
    def is_suspended(self, by: str, whom: str) -> None:
        self.ask(by, lambda actor: self.center.accounts.change(actor, Suspend(PersonId(whom), PersonId(by), "lost it")))

    @rule(by=st.sampled_from([ADMIN, ADMIN, CAPTAIN]), whom=st.sampled_from(list(ROLES)))
    def is_reinstated(self, by: str, whom: str) -> None:
        command = Reinstate(PersonId(whom), PersonId(by), "found again")
        self.ask(by, lambda actor: self.center.accounts.change(actor, command))

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
        self.all_sign_on(*EVERYBODY)

    def looked(self, process: str) -> None:
        """None of the processes looks when it should, but at some time each does."""
        match process:
            case "scheduler":
                self.the_scheduler_looks()
            case "listener":
                self.the_listener_looks()
            case "reactor":
                self.the_reactor_catches_up()

    def the_scheduler_looks(self) -> None:
        scheduler = Scheduler(self.handler, self.due_until)
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
        actor, because = service("service-reactor"), command.because.envelope
        chain = (str(because.id), because.correlationid)
        if command.aggregate == "session":
            why = command.command.reason
            done(self.center.accounts.sign_off_person(actor, command.key, command.command_id, *chain, why))
            return
        ending = EndingViews(self.handler) if command.aggregate == "liveview" else self.viewings
        done(ending.end(actor, command.key, command.command, command.command_id, *chain))


def _rule_of(command: Callable[[Actor], Outcome]) -> str:
    """The rule in whose body a lambda is written."""
    return command.__qualname__.partition(".<locals>")[0].rpartition(".")[2]
