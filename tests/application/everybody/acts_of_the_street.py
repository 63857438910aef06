"""What comes from outside and goes there: dispatch, the field, ambassadors, plate readers, other agencies."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import strategies as st
from hypothesis.stateful import rule

from application.calls import Calls, Seen
from application.exports import Disclosures
from application.handling import Outcome
from application.plates import ForAgency, Hit, Plates
from application.views import Permit
from domain.call import ObservationKind
from domain.grounds import Grounds
from domain.kernel import StreamId
from domain.person import Role
from domain.plate_search import Agency, AgencyKind, PlateQuery, RejectionReason
from domain.review_events import AccessVerdict
from tests.application.everybody.acts_of_looking import FEED
from tests.application.everybody.center import update
from tests.application.everybody.watch import (
    ABE,
    ADA,
    AUD,
    CALL,
    DAY,
    DEE,
    FAY,
    FIN,
    GROUNDS,
    HOUR,
    MINUTE,
    SAID,
    SAM,
    SECOND,
    SUE,
    WARRANT,
    Watch,
    anyone,
    grounds,
    latest,
    mostly,
    supervisors,
)
from tests.application.small_center import CAPTAIN

BEVERLY = Agency("Beverly Hills Police Department", AgencyKind.CALIFORNIA_PUBLIC)
FEDERAL = Agency("Some Federal Bureau", AgencyKind.FEDERAL)
AGENCIES = {"": None, "beverly": ForAgency(BEVERLY, WARRANT), "federal": ForAgency(FEDERAL, WARRANT)}


class Street(Watch):
    def begin_street(self) -> None:
        self.calls, self.disclosures = Calls(self.handler), Disclosures(self.handler)
        self.plates = Plates(self.handler, self.everything.readers)
        self.cad_number = 1
        self.readings = 0

    # -- calls, and the field ------------------------------------------------------------------------------------

    @rule(closed=st.booleans())
    def dispatch_tells(self, closed: bool) -> None:
        self.cad_number += 1
        command = update(self.center, CALL, self.cad_number, "report taken" if closed else None)
        self.machine_says("service-dispatch", lambda actor: self.calls.update(actor, command))

    @rule(who=mostly(DEE, SAM))
    def shares_the_picture(self, who: str) -> None:
        self.ask(who, lambda actor: self.views.share(actor, CALL, FEED, SAID))

    @rule(who=mostly(DEE, SAM))
    def shares_it_no_more(self, who: str) -> None:
        self.ask(who, lambda actor: self.views.stop_sharing(actor, CALL, FEED))

    @rule(who=mostly(FAY, FIN), said=st.sampled_from(["call", "call", "good"]))
    def the_field_asks_to_watch(self, who: str, said: str) -> None:
        """Only what is shared, only while the call is open; and not a frame after that."""
        shared = self.promises.facts.shared(CALL, FEED)
        if self.ask(who, lambda actor: self.views.request(actor, FEED, GROUNDS[said]), "liveview"):
            role = self.promises.facts.roles(who)
            assert role != {Role.FIELD_RESPONDER} or (shared and said == "call")

    @rule(who=st.sampled_from([FAY, FIN]), then=st.sampled_from(["closed", "no more", "reopened"]))
    def the_field_sees_a_call_to_its_end(self, who: str, then: str) -> None:
        """What the rules above seldom reach by chance: the field watches, and what it watches for is over."""
        self.all_sign_on(who, DEE)
        self.dispatch_tells(False)
        self.shares_it_no_more(DEE)
        self.the_field_asks_to_watch(who, "call")
        self.shares_the_picture(DEE)
        self.the_field_asks_to_watch(who, "call")
        key = self.key("liveview", 0)
        if then == "no more":
            self.shares_it_no_more(DEE)
        else:
            self.dispatch_tells(True)
        if then == "reopened":
            self.dispatch_tells(False)
        assert not isinstance(self.views.permit(self.actors[who], key), Permit) or self.who.get(key) != who

    @rule(who=mostly(ABE, DEE), on=st.sampled_from([CALL, CALL, "WH26-9"]), ahead=st.sampled_from([-MINUTE, HOUR]))
    def tells_what_was_seen(self, who: str, on: str, ahead: timedelta) -> None:
        seen = Seen(ObservationKind.HAZARD, SAID, self.clock.now() + ahead)
        self.ask(who, lambda actor: self.calls.observe(actor, on, seen))

    # -- plates --------------------------------------------------------------------------------------------------

    @rule(
        who=anyone,
        plate=st.sampled_from(["8abc 12?", "8abc123", "", "?"]),
        said=grounds,
        agency=st.sampled_from(["", "", "", "beverly", "federal"]),
        hit=st.sampled_from([None, None, 0, 0, 1]),
    )
    def searches_for_a_plate(self, who: str, plate: str, said: str, agency: str, hit: int | None) -> None:
        query = PlateQuery(self.clock.now() - 3 * DAY, self.clock.now(), plate or None, "CA")
        asked = len(self.everything.provider.asked)
        on = None if hit is None else self.key("hit", hit)
        found = self.plates.search(self.actors[who], query, GROUNDS[said], AGENCIES[agency], on)
        if self.told(who, found.outcome, "searches_for_a_plate", "search") and agency:
            self.asked.setdefault("disclosure", []).append(self.key("search", 0))
        for question in self.everything.provider.asked[asked:]:
            self.promises.plates.asked_for(question["search"])
        assert found.answer is None or len(self.everything.provider.asked) == asked + 1

    @rule(who=st.sampled_from([None, None, SAM, DEE]), again=st.booleans())
    def a_hit_comes_in(self, who: str | None, again: bool) -> None:
        """From the readers, or out of a file that a sergeant brings; sent again it is the same one."""
        self.readings += 0 if again and self.readings else 1
        hit = Hit(f"h-{self.readings}", "CLETS stolen vehicles", "8ABC123", "CA", "smb-west", self.clock.now())

        def received(actor: object) -> Outcome:
            (told,) = self.plates.receive(actor, "station readers", [hit])  # type: ignore[arg-type]
            return told

        if who is None:
            self.machine_says("service-alpr", received)
        else:
            self.ask(who, received)
        known = [s.removeprefix("platesearch-") for s in self.promises.plates.hits]
        self.asked["hit"] = known

    @rule(who=mostly(DEE, SAM), number=latest, matches=st.sampled_from([True, True, False]), stands=st.booleans())
    def confirms_the_hit(self, who: str, number: int, matches: bool, stands: bool) -> None:
        key = self.key("hit", number)
        self.ask(
            who,
            lambda actor: self.plates.confirm(
                actor, key, picture_matches=matches, entry_stands=stands, checked_with="CLETS"
            ),
        )

    @rule(who=mostly(DEE, SAM), number=latest)
    def rejects_the_hit(self, who: str, number: int) -> None:
        key = self.key("hit", number)
        self.ask(who, lambda actor: self.plates.reject(actor, key, RejectionReason.MISREAD))

    @rule(
        who=st.sampled_from([DEE, SAM]),
        decided=st.sampled_from(["", "confirmed", "confirmed", "rejected"]),
        use=st.sampled_from(["search", "disclosure"]),
    )
    def a_hit_is_used(self, who: str, decided: str, use: str) -> None:
        """What the rules above seldom reach by chance: everything in order, but for the person's word."""
        self.all_sign_on(who, SUE)
        self.a_hit_comes_in(None, False)
        if decided == "confirmed":
            self.confirms_the_hit(who, 0, True, True)
        elif decided == "rejected":
            self.rejects_the_hit(who, 0)
        if use == "search":
            self.searches_for_a_plate(who, "8abc123", "good", "", 0)
        else:
            self.asks_to_tell_another_agency(who, "hit", "good")
            self.tells_the_other_agency(SUE, 0)

    # -- other agencies ------------------------------------------------------------------------------------------

    @rule(who=mostly(DEE, SAM, CAPTAIN), what=st.sampled_from(["footage", "hit", "search", "camera"]), said=grounds)
    def asks_to_tell_another_agency(self, who: str, what: str, said: str) -> None:
        stream = {
            "footage": "footage-plaza-0",
            "hit": f"platesearch-{self.key('hit', 0)}",
            "search": f"platesearch-{self.key('search', 0)}",
            "camera": str(FEED),
        }[what]
        stated: Grounds = GROUNDS[said]
        self.ask(
            who,
            lambda actor: self.disclosures.request(actor, StreamId(stream), BEVERLY.name, WARRANT, stated),
            "disclosure",
        )

    @rule(who=supervisors, number=latest)
    def tells_the_other_agency(self, who: str, number: int) -> None:
        self.ask(who, lambda actor: self.disclosures.make(actor, self.key("disclosure", number)))

    @rule(who=supervisors, number=latest)
    def does_not_tell_it(self, who: str, number: int) -> None:
        self.ask(who, lambda actor: self.disclosures.refuse(actor, self.key("disclosure", number), SAID))

    @rule(who=mostly(AUD, ADA), number=latest)
    def looks_into_the_disclosure(self, who: str, number: int) -> None:
        key = self.key("disclosure", number)
        self.ask(who, lambda actor: self.disclosures.review(actor, key, AccessVerdict.PROPER))

    @rule(who=st.sampled_from([DEE, SAM]), by=st.sampled_from([SUE, SAM, CAPTAIN]), days=st.sampled_from([0, 8]))
    def another_agency_is_told(self, who: str, by: str, days: int) -> None:
        """What the rules above seldom reach by chance: asked, decided by another one, reviewed, in time or late."""
        self.all_sign_on(who, by)
        self.asks_to_tell_another_agency(who, "footage", "good")
        self.tells_the_other_agency(by, 0)
        self.clock.step(days * DAY + SECOND)
        if days:
            self.the_scheduler_looks()
        self.all_sign_on(AUD)
        self.looks_into_the_disclosure(AUD, 0)
