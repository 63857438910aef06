"""What the watch does at its consoles: looks, lifts protections, keeps footage, hands it over, lets it go."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule

from application.exports import Exports
from application.mask_states import MaskStates
from application.overrides import Overrides
from application.retention import Retention
from application.standing import service
from application.views import Permit
from domain import footage
from domain.export import RecordExport
from domain.flight_events import RecordCategory
from domain.kernel import CaseNumber, FeedId, FootageId, PersonId, Reason, StreamId
from domain.live_view import AccountForPictures
from domain.privacy_override import OverridePlan
from domain.privacy_override_events import Range, Verdict
from tests.application.everybody.watch import (
    AUD,
    DAY,
    DEE,
    EVERYBODY,
    GROUNDS,
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
    pieces,
    supervisors,
    the_one_or_another,
)
from tests.application.small_center import CAPTAIN, done

FEED = FeedId(StreamId("camera-plaza"))
CATEGORY = RecordCategory.INVESTIGATORY_FILE
HOUR_AND_A_BIT = 61 * MINUTE


class Looking(Watch):
    def begin_looking(self) -> None:
        self.overrides, self.exports = Overrides(self.handler), Exports(self.handler)
        self.retention, self.masks = Retention(self.handler), MaskStates(self.handler)
        now = self.clock.now()
        self.range = Range(now - 40 * MINUTE, now - 30 * MINUTE)
        self.footage = [FootageId(f"plaza-{n}") for n in range(2)]
        for key in self.footage:
            recorded = footage.RecordFootage(FEED, self.range, 300, 1_000_000, "0" * 64, "plaza/1")
            done(self.retention.record(service("service-recorder"), key, recorded, uuid4()))

    def piece(self, number: int) -> FootageId:
        return self.footage[number]

    def plan(self, number: int, minutes: int, purpose: str = "call_for_service") -> OverridePlan:
        target = StreamId(f"footage-{self.piece(number)}")
        return OverridePlan("", target, self.range, purpose, minutes, case=CaseNumber("C-7"))

    # -- live ----------------------------------------------------------------------------------------------------

    @rule(who=anyone, said=grounds)
    def asks_to_watch(self, who: str, said: str) -> None:
        self.ask(who, lambda actor: self.views.request(actor, FEED, GROUNDS[said]), "liveview")

    @invariant()
    def no_frame_without_a_grant_and_a_sign_on(self) -> None:
        """Whatever happened last: the consoles that watch ask whether they may show the next frame."""
        for key in self.asked.get("liveview", [])[-2:]:
            self.a_frame_is_asked_for(key, self.who[key])

    @rule(number=latest, who=anyone)
    def somebody_asks_for_a_frame(self, number: int, who: str) -> None:
        self.a_frame_is_asked_for(self.key("liveview", number), who)

    def a_frame_is_asked_for(self, key: str, who: str) -> None:
        if isinstance(self.views.permit(self.actors[who], key), Permit):
            self.promises.looking.seen(f"liveview-{key}", who, self.clock.now())

    @rule(number=latest)
    def the_console_is_heard_of(self, number: int) -> None:
        key = self.key("liveview", number)
        if self.views.pulse(self.actors[self.asker(key, DEE)], key).open:
            self.promises.looking.seen(f"liveview-{key}", self.asker(key, DEE), self.clock.now())

    @rule(number=latest, other=the_one_or_another(), reason=st.sampled_from([SAID, SAID, "?"]))
    def asks_to_go_on_watching(self, number: int, other: str | None, reason: str) -> None:
        key = self.key("liveview", number)
        self.ask(other or self.asker(key, DEE), lambda actor: self.views.renew(actor, key, reason))

    @rule(number=latest, other=the_one_or_another())
    def closes_the_view(self, number: int, other: str | None) -> None:
        key = self.key("liveview", number)
        self.ask(other or self.asker(key, DEE), lambda actor: self.views.close(actor, key))

    @rule(
        number=latest,
        size=st.integers(1, 1 << 20),
        told_after=st.sampled_from([0 * SECOND, 0 * SECOND, 11 * SECOND, HOUR_AND_A_BIT]),
        by=st.sampled_from([None, None, None, *EVERYBODY]),
    )
    def what_left_is_told(self, number: int, size: int, told_after: timedelta, by: str | None) -> None:
        """The media process counts what left while it was let, and tells it, also when the view is over by then."""
        key = self.key("liveview", number)
        permit, now = self.views.permit(self.actors[self.asker(key, DEE)], key), self.clock.now()
        if not isinstance(permit, Permit):
            return
        hidden = self.masks.live(permit.feed, self.asker(key, DEE), None)
        left = AccountForPictures(now, now, size, not hidden.nothing_hidden)
        self.clock.step(told_after)
        if told_after:
            self.looked("listener")
        if by is None:
            self.machine_says("service-media", lambda actor: self.views.account(actor, key, left, uuid4()))
        else:
            self.ask(by, lambda actor: self.views.account(actor, key, left, uuid4()))

    # -- at footage ----------------------------------------------------------------------------------------------

    @rule(who=anyone, piece=pieces, said=grounds)
    def asks_for_footage(self, who: str, piece: int, said: str) -> None:
        self.ask(who, lambda actor: self.viewings.request(actor, self.piece(piece), GROUNDS[said]), "viewing")

    @rule(
        number=latest,
        other=the_one_or_another(),
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

    @rule(number=latest, other=the_one_or_another())
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

    @rule(number=latest, other=the_one_or_another())
    def justifies(self, number: int, other: str | None) -> None:
        key = self.key("override", number)
        self.ask(other or self.asker(key, DEE), lambda actor: self.overrides.justify(actor, key, SAID, WARRANT))

    @rule(who=mostly(AUD), number=latest)
    def reviews_the_override(self, who: str, number: int) -> None:
        key = self.key("override", number)
        self.ask(who, lambda actor: self.overrides.review(actor, key, Verdict.IN_ORDER, SAID))

    @rule(who=st.sampled_from([DEE, SAM]), by=st.sampled_from([SAM, SUE]), piece=pieces, seconds=st.integers(1, 30))
    def looks_behind_the_mask_with_a_colleagues_word(self, who: str, by: str, piece: int, seconds: int) -> None:
        """What the rules above seldom reach by chance: everything in order, where nothing stands in the way."""
        self.all_sign_on(who, by)
        self.asks_for_an_override(who, piece, 30, 0)
        self.approves_the_override(by, 0)
        self.asks_for_footage(who, piece, "good")
        self.bytes_are_asked_for(0, None, 0, 0, seconds)
        self.bytes_are_accounted_for(0, 1)

    @rule(who=st.sampled_from([DEE, SAM]), piece=pieces, in_time=st.booleans())
    def answers_for_a_broken_glass(self, who: str, piece: int, in_time: bool) -> None:
        """What the rules above seldom reach by chance: invoked, justified, reviewed, each in time or late."""
        self.all_sign_on(who)
        self.breaks_the_glass(who, piece, 30)
        self.clock.step(HOUR_AND_A_BIT if in_time else DAY + MINUTE)
        self.looked("scheduler")
        self.all_sign_on(who, AUD)
        self.justifies(0, None)
        self.reviews_the_override(AUD, 0)

    # -- footage is kept and goes --------------------------------------------------------------------------------

    @rule(who=supervisors, piece=pieces, hold=st.sampled_from(["a", "b"]))
    def holds(self, who: str, piece: int, hold: str) -> None:
        day = self.clock.now().date() + 30 * DAY
        command = footage.PlaceLegalHold(self.piece(piece), hold, WARRANT, SAID, day, PersonId(who))
        self.ask(who, lambda actor: self.retention.change(actor, command))

    @rule(who=supervisors, piece=pieces, hold=st.sampled_from(["a", "b"]))
    def looks_at_the_hold_again(self, who: str, piece: int, hold: str) -> None:
        day = self.clock.now().date() + 40 * DAY
        command = footage.VerifyLegalHold(self.piece(piece), hold, SAID, day, PersonId(who))
        self.ask(who, lambda actor: self.retention.change(actor, command))

    @rule(who=supervisors, piece=pieces, hold=st.sampled_from(["a", "b"]))
    def releases(self, who: str, piece: int, hold: str) -> None:
        command = footage.ReleaseLegalHold(self.piece(piece), hold, SAID, PersonId(who))
        self.ask(who, lambda actor: self.retention.change(actor, command))

    @rule(who=anyone, piece=pieces, category=st.sampled_from(["training", "evidence", "nonsense"]))
    def says_what_it_is_about(self, who: str, piece: int, category: str) -> None:
        self.ask(who, lambda actor: self.retention.tag(actor, self.piece(piece), category))

    @rule(who=anyone, piece=pieces, days=st.sampled_from([1, 40, 60]))
    def asks_to_keep_longer(self, who: str, piece: int, days: int) -> None:
        until = self.clock.now() + days * DAY
        self.ask(who, lambda actor: self.retention.request_extension(actor, self.piece(piece), until, SAID))

    @rule(who=mostly(CAPTAIN), piece=pieces, no=st.sampled_from([None, None, SAID]))
    def answers_that(self, who: str, piece: int, no: str | None) -> None:
        self.ask(who, lambda actor: self.retention.answer_extension(actor, self.piece(piece), no))

    @rule(who=mostly(CAPTAIN), piece=pieces)
    def destroys(self, who: str, piece: int) -> None:
        self.ask(who, lambda actor: self.retention.destroy(actor, self.piece(piece)))

    @rule(
        by=st.sampled_from([SAM, SUE]),
        piece=pieces,
        hold=st.sampled_from(["a", "b", ""]),
        days=st.integers(29, 41),
        released=st.booleans(),
    )
    def what_is_due_meets_a_hold(self, by: str, piece: int, hold: str, days: int, released: bool) -> None:
        """What the rules above seldom reach by chance: it is due, or nearly, and the captain destroys it if he may."""
        self.all_sign_on(by, CAPTAIN)
        if hold:
            self.holds(by, piece, hold)
        self.clock.step(days * DAY)
        self.all_sign_on(*EVERYBODY)
        if hold and released:
            self.destroys(CAPTAIN, piece)
            self.looks_at_the_hold_again(by, piece, hold)
            self.releases(by, piece, hold)
        self.destroys(CAPTAIN, piece)

    @rule(who=st.sampled_from([DEE, SAM]), piece=pieces, days=st.sampled_from([40, 60]))
    def is_kept_longer_on_the_captains_word(self, who: str, piece: int, days: int) -> None:
        self.all_sign_on(who, CAPTAIN)
        self.asks_to_keep_longer(who, piece, days)
        self.answers_that(CAPTAIN, piece, None)

    # -- it leaves -----------------------------------------------------------------------------------------------

    @rule(who=anyone, piece=pieces, said=grounds, lifted=st.sampled_from([None, None, 0]))
    def asks_for_a_file(self, who: str, piece: int, said: str, lifted: int | None) -> None:
        override = None if lifted is None else self.key("override", lifted)
        recipient = "the district attorney"
        self.ask(
            who,
            lambda actor: self.exports.request(
                actor, self.piece(piece), GROUNDS[said], recipient, WARRANT, override=override
            ),
            "export",
        )

    @rule(who=supervisors, number=latest)
    def approves_the_file(self, who: str, number: int) -> None:
        self.ask(who, lambda actor: self.exports.approve(actor, self.key("export", number), CATEGORY, SAID))

    @rule(who=supervisors, number=latest)
    def refuses_the_file(self, who: str, number: int) -> None:
        self.ask(who, lambda actor: self.exports.refuse(actor, self.key("export", number), SAID))

    @rule(number=latest, masked=st.booleans())
    def the_file_is_made(self, number: int, masked: bool) -> None:
        file, key = RecordExport("0" * 64, 1_000_000, masked), self.key("export", number)
        request = getattr(self.exports.state(key), "request", None)
        masks = self.masks.recorded(request.footage, request.range, request.person).key if request else ""
        self.machine_says("service-exporter", lambda actor: self.exports.record(actor, key, file, uuid4(), masks))

    @rule(who=anyone, number=latest)
    def takes_the_file_out(self, who: str, number: int) -> None:
        self.ask(who, lambda actor: self.exports.download(actor, self.key("export", number)))

    @rule(number=latest)
    def the_file_cannot_be_made(self, number: int) -> None:
        why = Reason("footage_damaged", "a segment is missing", "only what is kept can be seen")
        self.machine_says(
            "service-exporter", lambda actor: self.exports.give_up(actor, self.key("export", number), why, uuid4())
        )

    @rule(who=anyone, number=latest)
    def hands_over_the_file(self, who: str, number: int) -> None:
        self.ask(who, lambda actor: self.exports.deliver(actor, self.key("export", number), "by courier"))

    @rule(who=st.sampled_from([SAM, SUE]), piece=pieces, file=st.booleans())
    def says_yes_to_what_one_asked_for(self, who: str, piece: int, file: bool) -> None:
        """What the rules above seldom reach by chance: nothing stands in the way but that it is one's own."""
        self.all_sign_on(who)
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
        self.all_sign_on(who, SUE)
        self.asks_for_an_override(who, piece, 30, 0)
        self.approves_the_override(SUE, 0)
        self.asks_for_a_file(who, piece, "good", 0)
        if early:
            self.approves_the_file(SUE, 0)
        self.clock.step(later)
        self.all_sign_on(SUE)
        self.approves_the_file(SUE, 0)
        self.the_file_is_made(0, False)
        self.takes_the_file_out(who, 0)
        self.hands_over_the_file(who, 0)
