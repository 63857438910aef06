"""What the city and oversight do: the pilot programme, the public's feedback, samples and findings, the use policy."""

from __future__ import annotations

import hashlib
from datetime import date, timedelta

from hypothesis import strategies as st
from hypothesis.stateful import rule

from application.complaints import Complaints, Feedback
from application.oversight import Oversight
from application.pilots import Pilots
from application.policies import Policies
from domain import pilot
from domain.complaint import Disposal, FeedbackChannel, Resolution, Topic
from domain.kernel import PersonId, StreamId
from domain.policy import RECORD_ALL_KEEP_30_DAYS, RECORD_ON_APPROVAL_KEEP_2_YEARS, parameters_sha256
from domain.review import RecordFinding
from domain.review_events import AccessVerdict, FindingKind
from tests.application.everybody.watch import (
    ADA,
    AUD,
    CAL,
    DAY,
    DEE,
    EVERYBODY,
    SAID,
    SAM,
    SUE,
    Watch,
    latest,
    mostly,
)
from tests.application.small_center import ADMIN, CAPTAIN

PROGRAMME = "dfr-2026"
NONCES = ["00" * 31 + "01", "00" * 31 + "02"]
VERDICTS = st.sampled_from([AccessVerdict.PROPER, AccessVerdict.PROPER, AccessVerdict.IMPROPER])


def week_of(at: date) -> str:
    year, week, _ = at.isocalendar()
    return f"{year}-W{week:02}"


class City(Watch):
    def begin_city(self) -> None:
        self.programme, self.complaints = Pilots(self.handler), Complaints(self.handler)
        self.oversight, self.policies = Oversight(self.handler), Policies(self.handler)
        self.costs = 0
        self.letters = 0

    # -- the pilot programme -------------------------------------------------------------------------------------

    @rule(who=mostly(CAL))
    def the_pilot_is_started(self, who: str) -> None:
        today = self.clock.now().date()
        command = pilot.StartPilot("Drone as first responder", "24-5512", today, today + 365 * DAY, PersonId(who))
        self.ask(who, lambda actor: self.programme.change(actor, PROGRAMME, command))

    @rule(who=mostly(CAL, CAPTAIN))
    def the_pilot_is_paused(self, who: str) -> None:
        command = pilot.PausePilot(SAID, PersonId(who))
        self.ask(who, lambda actor: self.programme.change(actor, PROGRAMME, command))

    @rule(who=mostly(CAL, CAL, CAPTAIN))
    def the_pilot_goes_on(self, who: str) -> None:
        command = pilot.ResumePilot(SAID, PersonId(who))
        self.ask(who, lambda actor: self.programme.change(actor, PROGRAMME, command))

    @rule(who=mostly(CAL), days=st.sampled_from([400, 800, 30]))
    def the_pilot_is_extended(self, who: str, days: int) -> None:
        until = (self.clock.now() + days * DAY).date()
        command = pilot.ExtendPilot("25-6021", until, SAID, PersonId(who))
        self.ask(who, lambda actor: self.programme.change(actor, PROGRAMME, command))

    @rule(who=mostly(CAL, CAL, CAPTAIN), sure=st.sampled_from([True, False, False]))
    def the_pilot_is_concluded(self, who: str, sure: bool) -> None:
        command = pilot.ConcludePilot(SAID if sure else "", PersonId(who))
        self.ask(who, lambda actor: self.programme.change(actor, PROGRAMME, command))

    @rule(who=mostly(CAL), cents=st.sampled_from([500_00, 500_00, -200_00, -900_00]), takes_back=st.booleans())
    def a_cost_is_recorded(self, who: str, cents: int, takes_back: bool) -> None:
        self.costs += 1
        command = pilot.RecordCost(
            f"cost-{self.costs}",
            pilot.CostHeading.PERSONNEL,
            "drone",
            cents,
            self.clock.now().date(),
            "general fund",
            SAID,
            PersonId(who),
            self.key("cost", 0) if takes_back else None,
        )
        if self.ask(who, lambda actor: self.programme.change(actor, PROGRAMME, command)) and not takes_back:
            self.asked.setdefault("cost", []).append(command.cost)

    @rule(by=st.sampled_from([CAL, CAPTAIN]), ends=st.booleans())
    def a_programme_takes_its_course(self, by: str, ends: bool) -> None:
        """What the rules above seldom reach by chance: begun, paid for, paused, gone on with, extended, ended."""
        self.all_sign_on(CAL, by)
        self.the_pilot_is_started(CAL)
        self.a_cost_is_recorded(CAL, 500_00, False)
        self.a_cost_is_recorded(CAL, -200_00, True)
        self.the_pilot_is_paused(by)
        self.the_pilot_goes_on(CAL)
        self.the_pilot_is_extended(CAL, 400 + self.costs)
        if ends:
            self.the_pilot_is_concluded(CAL, True)
            self.the_pilot_goes_on(CAL)

    # -- the public ----------------------------------------------------------------------------------------------

    @rule(who=st.sampled_from([None, None, CAL, SAM, DEE]), answer=st.booleans())
    def somebody_complains(self, who: str | None, answer: bool) -> None:
        channel = FeedbackChannel.FORM if who is None else FeedbackChannel.DESK
        said = Feedback(channel, Topic.DRONE, f"{SAID} {self.letters}", self.clock.now(), wants_answer=answer)
        self.letters += 1
        if who is None:
            told = self.machine_says("service-community", lambda actor: self.complaints.receive(actor, said))
        else:
            told = self.ask(who, lambda actor: self.complaints.receive(actor, said))
        if told:
            self.asked.setdefault("complaint", []).append(self.happened[-1].stream.partition("-")[2])

    @rule(who=mostly(CAL, AUD), number=latest, concerns=st.sampled_from([None, DEE, SAM, CAL]))
    def it_is_a_complaint(self, who: str, number: int, concerns: str | None) -> None:
        about = StreamId("camera-plaza")
        whom = PersonId(concerns) if concerns else None
        key = self.key("complaint", number)
        self.ask(who, lambda actor: self.complaints.open(actor, key, Topic.DRONE, about, whom))

    @rule(who=mostly(CAL, AUD), number=latest)
    def it_is_none(self, who: str, number: int) -> None:
        key = self.key("complaint", number)
        self.ask(who, lambda actor: self.complaints.close(actor, key, Disposal.THANKED))

    @rule(who=mostly(CAL, CAPTAIN), number=latest, to=st.sampled_from([SAM, SAM, SUE, CAL, DEE]))
    def is_to_look_into_it(self, who: str, number: int, to: str) -> None:
        key = self.key("complaint", number)
        self.ask(who, lambda actor: self.complaints.assign(actor, key, PersonId(to)))

    @rule(who=mostly(SAM, SUE, CAL), number=latest)
    def answers_the_complaint(self, who: str, number: int) -> None:
        key = self.key("complaint", number)
        self.ask(who, lambda actor: self.complaints.resolve(actor, key, Resolution.UNFOUNDED, SAID))

    @rule(
        concerns=st.sampled_from([None, SAM, DEE]),
        to=st.sampled_from([SAM, SUE]),
        by=st.sampled_from([SAM, SUE]),
        days=st.sampled_from([0, 31]),
    )
    def a_complaint_is_answered(self, concerns: str | None, to: str, by: str, days: int) -> None:
        """What the rules above seldom reach by chance: taken in, opened, assigned, answered, in time or late."""
        self.all_sign_on(CAL)
        self.somebody_complains(None, False)
        self.it_is_a_complaint(CAL, 0, concerns)
        self.is_to_look_into_it(CAL, 0, to)
        self.clock.step(days * DAY)
        self.looked("scheduler")
        self.all_sign_on(SAM, SUE)
        self.answers_the_complaint(by, 0)

    # -- oversight -----------------------------------------------------------------------------------------------

    @rule(who=mostly(AUD, ADA), weeks=st.sampled_from([0, 0, 1, -1]), nonce=st.sampled_from([0, 0, 0, 1]))
    def commits_to_a_nonce(self, who: str, weeks: int, nonce: int) -> None:
        week = week_of((self.clock.now() + 7 * weeks * DAY).date())
        sha256 = hashlib.sha256(bytes.fromhex(NONCES[nonce])).hexdigest()
        if self.ask(who, lambda actor: self.oversight.commit_seed(actor, week, sha256)):
            self.asked.setdefault("week", []).append(week)

    @rule(who=mostly(AUD, ADA), number=latest, nonce=st.sampled_from([0, 0, 0, 1]))
    def draws_the_sample(self, who: str, number: int, nonce: int) -> None:
        week = self.key("week", number)
        if self.ask(who, lambda actor: self.oversight.draw_sample(actor, week, NONCES[nonce])):
            self.asked.setdefault("review", []).append(f"week-{week}")

    @rule(who=mostly(AUD, ADA), number=latest, which=st.integers(0, 3), verdict=VERDICTS)
    def looks_into_an_access(self, who: str, number: int, which: int, verdict: AccessVerdict) -> None:
        key = self.key("review", number)
        sampled = list(self.promises.overseeing.sampled.get(f"review-{key}", ()))
        position = sampled[which % len(sampled)] if sampled else 1
        self.ask(who, lambda actor: self.oversight.review_access(actor, key, position, verdict, SAID))

    @rule(who=mostly(AUD, ADA), whom=st.sampled_from([DEE, CAPTAIN, None]))
    def finds_that_something_is_wrong(self, who: str, whom: str | None) -> None:
        person = PersonId(whom) if whom else None
        finding = RecordFinding("", FindingKind.PROCEDURE, SAID, PersonId(who), StreamId("camera-plaza"), None, person)
        self.ask(who, lambda actor: self.oversight.record_finding(actor, finding), "finding")

    @rule(who=mostly(CAPTAIN), number=latest)
    def does_something_about_it(self, who: str, number: int) -> None:
        key = self.key("finding", number)
        self.ask(who, lambda actor: self.oversight.take_corrective_action(actor, key, 1, SAID))

    @rule(days=st.sampled_from([7, 11]), nonce=st.sampled_from([0, 0, 1]), reviewed=st.booleans())
    def a_week_is_sampled(self, days: int, nonce: int, reviewed: bool) -> None:
        """What the rules above seldom reach by chance: a nonce, a week with accesses, the sample, its reviews."""
        self.all_sign_on(AUD, ADA, DEE)
        self.commits_to_a_nonce(AUD, 0, 0)
        self.an_access_happens(DEE)
        self.draws_the_sample(AUD, 0, 0)
        self.clock.step(timedelta(days=days))
        self.looked("scheduler")
        self.all_sign_on(*EVERYBODY)
        self.finds_that_something_is_wrong(ADA, DEE)
        self.draws_the_sample(AUD, 0, nonce)
        for which in range(2 if reviewed else 0):
            self.looks_into_an_access(ADA, 0, which, AccessVerdict.PROPER)
        self.does_something_about_it(CAPTAIN, 0)

    def an_access_happens(self, who: str) -> None:
        raise NotImplementedError

    # -- the use policy ------------------------------------------------------------------------------------------

    @rule(by=mostly(ADMIN), amended=st.booleans())
    def a_policy_is_drafted(self, by: str, amended: bool) -> None:
        parameters = RECORD_ON_APPROVAL_KEEP_2_YEARS if amended else RECORD_ALL_KEEP_30_DAYS
        if self.ask(by, lambda actor: self.policies.draft(actor, parameters, SAID)):
            self.asked.setdefault("policy", []).append(str(len(self.promises.facts.drafts)))

    @rule(by=mostly(CAPTAIN), number=latest)
    def a_policy_is_adopted(self, by: str, number: int) -> None:
        version = self.key("policy", number)
        drafts = self.policies.book().drafts
        draft = drafts[int(version) - 1] if version.isdigit() else drafts[0]
        hashes = draft.parameters_sha256, draft.cedar_set_sha256
        assert draft.parameters_sha256 == parameters_sha256(draft.parameters)
        self.ask(by, lambda actor: self.policies.adopt(actor, draft.version, *hashes))

    @rule(tries=st.lists(st.integers(0, 5), max_size=3), amended=st.booleans())
    def there_is_no_policy_for_a_while(self, tries: list[int], amended: bool) -> None:
        """Two persons retire it; nobody uses the equipment; drones still come home; two persons adopt another."""
        self.all_sign_on(ADMIN, CAPTAIN)
        policy = self.promises.facts.policy(self.clock.now())
        assert policy is not None
        self.ask(ADMIN, lambda actor: self.policies.propose_retirement(actor, policy[0], SAID))
        self.ask(ADMIN, lambda actor: self.policies.retire(actor, policy[0]))
        self.ask(CAPTAIN, lambda actor: self.policies.retire(actor, policy[0]))
        assert self.promises.facts.policy(self.clock.now()) is None
        for number in tries:
            self.tries_to_use_something(number)
        self.the_reactor_catches_up()
        self.a_policy_is_drafted(ADMIN, amended)
        self.a_policy_is_adopted(ADMIN, 0)
        self.a_policy_is_adopted(CAPTAIN, 0)

    def tries_to_use_something(self, number: int) -> None:
        raise NotImplementedError
