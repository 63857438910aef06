"""Notifications from the event that causes them to their arrival, on the real store and real servers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from adapters.notify import MailServer, OutsideMessenger, Webhook
from api.processes.scheduler import SpaceWatch
from application import codec, deadlines
from application.codec import Recorded
from application.deadlines import Due
from application.notices import RULES, Carry, Notices, Tell
from application.policies import Policies
from application.ports import Append
from application.retention import Retention, loss_key
from application.scheduler import Scheduler
from application.standing import service
from domain.footage import RecordFootage, ReportLoss
from domain.kernel import FeedId, PersonId, StreamId
from domain.launch import Conditions, Finding, Go
from domain.notice import (
    PAUSES,
    AttentionNeeded,
    CallForAttention,
    NotificationDelivered,
    NotificationFailed,
    NotificationSent,
)
from domain.person import Organisation, Role, Suspend
from domain.policy import RECORD_ALL_KEEP_30_DAYS
from domain.privacy_override_events import Range
from tests.adapters.notify.receivers import Mailbox, http_server, mail_server
from tests.application.small_center import ADMIN, CAPTAIN, SmallCenter, done, small_center
from tests.golden.make import event_of
from tests.projections.log import envelope

KEY = bytes(range(32))


class Remembered:
    """`Memory` for one test; the reactor's own keeps it with the checkpoint."""

    def __init__(self) -> None:
        self._sets: dict[str, set[str]] = {}

    def add(self, key: str, value: str) -> None:
        self._sets.setdefault(key, set()).add(value)

    def discard(self, key: str, value: str) -> None:
        self._sets.get(key, set()).discard(value)

    def values(self, key: str) -> list[str]:
        return sorted(self._sets.get(key, ()))


class Telling:
    """Both reactions over everything that has happened since the last time."""

    def __init__(self, center: SmallCenter, messenger: OutsideMessenger) -> None:
        self.center, self.messenger, self.memory, self.seen = center, messenger, Remembered(), 0
        self.tell = Tell(mail=messenger.mail_server is not None, endpoints=sorted(messenger.webhooks))

    def run(self, again: bool = False) -> None:
        """`again`: as after a crash that lost the checkpoint."""
        notices, actor = Notices(self.center.handler), service("service-reactor")
        if again:
            self.seen, self.memory = 0, Remembered()
        while fresh := [r for r in self.center.all_events() if r.position > self.seen]:
            for recorded in fresh:
                self.seen = recorded.position
                if type(recorded.event) in self.tell.handles:
                    for command in self.tell.react(recorded, self.memory):
                        done(notices.send(actor, command))
                if type(recorded.event) in Carry.handles:
                    for command in Carry().react(recorded, self.memory):
                        done(notices.carry(actor, self.messenger, command))

    def of(self, kind: type) -> list[Recorded]:
        return [r for r in self.center.all_events() if isinstance(r.event, kind)]


@pytest.fixture
def center(database_url: str) -> Iterator[SmallCenter]:
    with small_center(database_url) as center:
        yield center


def drafted(center: SmallCenter) -> None:
    admin = center.signed_on(ADMIN)
    done(Policies(center.handler).draft(admin, RECORD_ALL_KEEP_30_DAYS, "a second one"))


@pytest.mark.rule("record.notified")
def test_an_approval_that_is_asked_for_reaches_who_may_give_it_once(center: SmallCenter) -> None:
    with mail_server() as box:
        server = MailServer(f"smtp://127.0.0.1:{box.port}", "watch@weho.example")
        telling = Telling(center, OutsideMessenger(server))
        telling.run()
        box.messages.clear()  # of the first policy
        drafted(center)
        telling.run()
        telling.run(again=True)
    (message,) = box.messages
    assert message["To"] == f"{CAPTAIN}@weho.example" and "use policy was drafted" in message["Subject"]
    sent, delivered = telling.of(NotificationSent)[-1], telling.of(NotificationDelivered)[-1]
    assert sent.event.person == CAPTAIN and sent.stream == delivered.stream
    cause = next(r for r in center.all_events() if str(r.envelope.id) == sent.envelope.causationid)
    assert cause.stream == "policy-use"


LAUNCH = event_of("flight.launch_requested.v1")
UNKNOWN = Finding(Go.UNKNOWN, "station")


@pytest.mark.parametrize(
    ("purpose", "unknown", "told"),
    [
        ("pursuit", False, {"sam", CAPTAIN}),  # by the policy: sergeant or captain
        ("tactical_operation", False, {CAPTAIN}),
        ("call_for_service", False, set()),
        ("call_for_service", True, {"pia"}),  # it waits for the pilot's word
        ("pursuit", True, {"sam", CAPTAIN, "pia"}),
    ],
)
@pytest.mark.rule("record.notified")
def test_a_launch_that_waits_reaches_those_whose_yes_the_policy_asks_for(
    center: SmallCenter, purpose: str, unknown: bool, told: set[str]
) -> None:
    center.enrolled("sam", Role.WATCH_SUPERVISOR)
    memory, tell = Remembered(), Tell(mail=True)
    happened = [r for r in center.all_events() if type(r.event) in tell.handles]
    for recorded in happened:
        tell.react(recorded, memory)
    go = Finding(Go.GO, "station")
    asked = replace(
        LAUNCH,
        purpose=purpose,
        policy_version=1,
        pilot=PersonId("pia"),
        requested_by=PersonId("dee"),
        accepted_unknowns=(),
        conditions=Conditions(UNKNOWN if unknown else go, go, go),
    )
    waits = codec.Recorded(99, envelope(asked, "flight-f1", 1, center.clock.now()), asked, b"")
    sends = [command for command in tell.react(waits, memory) if command.rule == "launch_approval_asked"]
    assert {command.command.person for command in sends} == told


@pytest.mark.rule("record.notified")
def test_what_waits_for_an_approval_that_nobody_is_there_to_give_is_heard_of_by_it_and_oversight(
    center: SmallCenter,
) -> None:
    center.enrolled("aud", Role.AUDITOR, organisation=Organisation.OVERSIGHT)
    memory, tell = Remembered(), Tell(mail=True)
    for recorded in center.all_events():
        if type(recorded.event) in tell.handles:
            tell.react(recorded, memory)
    asked = event_of("policy.policy_retirement_proposed.v1")
    by_captain = envelope(asked, "policy-use", 9, center.clock.now(), actorid=CAPTAIN)
    sends = tell.react(codec.Recorded(99, by_captain, asked, b""), memory)
    assert {send.command.person for send in sends} == {ADMIN, "aud"}
    assert all("Nobody else is there" in send.command.text for send in sends)


@pytest.mark.rule("record.notified", "record.key_destroyed")
def test_the_destruction_of_personal_data_is_told_to_who_may_approve_it_and_to_oversight(center: SmallCenter) -> None:
    center.enrolled("aud", Role.AUDITOR, organisation=Organisation.OVERSIGHT)
    memory, tell = Remembered(), Tell(mail=True)
    for recorded in center.all_events():
        if type(recorded.event) in tell.handles:
            tell.react(recorded, memory)
    asked = event_of("subjectkey.destruction_requested.v1")
    waits = codec.Recorded(99, envelope(asked, "subjectkey-case-C-7", 1, center.clock.now()), asked, b"")
    assert {command.command.person for command in tell.react(waits, memory)} == {CAPTAIN, "aud"}


def test_machines_are_told_of_everything(center: SmallCenter) -> None:
    with http_server() as machine:
        telling = Telling(center, OutsideMessenger(None, {"dispatch": Webhook("dispatch", machine.url, KEY)}))
        drafted(center)
        telling.run()
        assert machine.requests
        assert {sent.event.endpoint for sent in telling.of(NotificationSent)} == {"dispatch"}


@pytest.mark.rule("record.notified")
def test_what_fails_is_on_the_record_and_goes_out_again_after_its_pause(center: SmallCenter) -> None:
    with http_server() as machine:
        telling = Telling(center, OutsideMessenger(None, {"dispatch": Webhook("dispatch", machine.url, KEY)}))
        telling.run()
        machine.requests.clear()
        machine.answers += [503]
        drafted(center)
        telling.run()
        failed = telling.of(NotificationFailed)[-1]
        assert failed.event.retry_at == center.clock.now() + PAUSES[0]
        (due,) = deadlines.changes(failed)
        assert isinstance(due, Due)
        scheduler = Scheduler(center.handler, lambda at: [due] if due.at <= at else [])
        scheduler.look()
        assert len(machine.requests) == 1
        center.clock.step(PAUSES[0])
        scheduler.look()
        telling.run()
        ids = [headers["webhook-id"] for headers, _ in machine.requests]
        assert len(ids) == 2 and len(set(ids)) == 1  # the receiver can tell that it is the same
        assert telling.of(NotificationDelivered)[-1].event.attempt == 2


@pytest.mark.rule("record.notified")
def test_a_message_that_is_given_up_is_told_to_it_and_that_one_to_nobody(center: SmallCenter) -> None:
    with mail_server(unknown=frozenset({f"{CAPTAIN}@weho.example"})) as box:
        telling = Telling(center, OutsideMessenger(MailServer(f"smtp://127.0.0.1:{box.port}", "watch@weho.example")))
        telling.run()
        box.messages.clear()
        drafted(center)
        telling.run()
        (message,) = [m for m in box.messages if "could not be told" in m["Subject"]]
        assert message["To"] == f"{ADMIN}@weho.example" and "no such mailbox" in message.get_content()
    box.messages.clear()
    with mail_server(unknown=frozenset({f"{who}@weho.example" for who in (CAPTAIN, ADMIN)})) as nobody:
        telling.messenger = OutsideMessenger(MailServer(f"smtp://127.0.0.1:{nobody.port}", "watch@weho.example"))
        drafted(center)
        sent = len(telling.of(NotificationSent))
        telling.run()  # and comes to an end
    assert len(telling.of(NotificationSent)) == sent + 2
    assert all(r.event.retry_at is None for r in telling.of(NotificationFailed))


def test_attention_is_called_for_once_and_told(center: SmallCenter) -> None:
    call = CallForAttention("low_space", StreamId("service-scheduler"), center.clock.now(), "3 % is free.")
    with mail_server() as box:
        server = MailServer(f"smtp://127.0.0.1:{box.port}", "watch@weho.example")
        telling = Telling(center, OutsideMessenger(server))
        for _ in range(2):
            done(Notices(center.handler).call_for_attention(service("service-scheduler"), call))
        telling.run()
    assert len(telling.of(AttentionNeeded)) == 1
    low = [m for m in box.messages if "space" in m["Subject"]]
    assert [m["To"] for m in low] == [f"{ADMIN}@weho.example"] and "3 % is free" in low[0].get_content()


def test_nobody_is_told_who_lost_the_role_or_is_suspended(center: SmallCenter) -> None:
    center.enrolled("dee", Role.STATION_COMMANDER)
    telling = Telling(center, OutsideMessenger(MailServer("smtp://127.0.0.1:1", "watch@weho.example")))
    admin = center.signed_on(ADMIN)
    done(center.accounts.change(admin, Suspend(PersonId("dee"), PersonId(ADMIN), "under investigation")))
    drafted(center)
    center.clock.step(timedelta(seconds=1))
    told = {
        c.command.person
        for r in center.all_events()
        if type(r.event) in telling.tell.handles
        for c in telling.tell.react(r, telling.memory)
        if "Version 2" in c.command.text
    }
    assert told == {CAPTAIN}


def test_every_rule_has_a_code_of_its_own() -> None:
    assert len({rule.code for rule in RULES}) == len(RULES)


WAITING = [
    ("override", ["override_requested"], ["override_refused"], "override waits"),
    ("export", ["export_requested"], ["export_refused"], "export of footage waits"),
    ("disclosure", ["disclosure_requested"], ["disclosure_refused"], "request waits for a decision"),
    ("footage", ["footage_recorded", "extension_requested"], ["extension_refused"], "longer retention waits"),
]


@pytest.mark.rule("record.notified")
@pytest.mark.parametrize(("aggregate", "asked", "refused", "subject"), WAITING, ids=[case[0] for case in WAITING])
def test_what_waits_for_a_second_person_is_told_to_who_decides_and_what_a_rule_refused_to_nobody(
    center: SmallCenter, aggregate: str, asked: list[str], refused: list[str], subject: str
) -> None:
    with mail_server() as box:
        telling = Telling(center, OutsideMessenger(MailServer(f"smtp://127.0.0.1:{box.port}", "watch@weho.example")))
        telling.run()
        box.messages.clear()
        for key, names in (("waits", asked), ("refused", [*asked, *refused])):
            stream = f"{aggregate}-{key}"
            events = [event_of(f"{aggregate}.{name}.v1") for name in names]
            new = [
                codec.new_event(envelope(event, stream, n, center.clock.now()), event, center.handler.keys)
                for n, event in enumerate(events, 1)
            ]
            center.handler.store.append(Append(uuid4(), bytes(32), new))
        telling.run()
    assert [(m["To"], subject in m["Subject"]) for m in box.messages] == [(f"{CAPTAIN}@weho.example", True)]
    assert f"{aggregate}-waits" in box.messages[0].get_content()


@pytest.mark.rule("record.notified")
def test_low_space_is_told_once_a_day(center: SmallCenter, tmp_path: Path) -> None:
    """By the real disk of this machine, of which something is always taken."""
    watch = SpaceWatch(center.handler, tmp_path, least_percent=100)
    for hours in (0, 1, 24):
        center.clock.step(timedelta(hours=hours))
        watch.look()
    with mail_server() as box:
        telling = Telling(center, OutsideMessenger(MailServer(f"smtp://127.0.0.1:{box.port}", "watch@weho.example")))
        telling.run()
    assert [r.event.what for r in telling.of(AttentionNeeded)] == ["low_space", "low_space"]
    assert [m["To"] for m in box.messages if "space" in m["Subject"]] == [f"{ADMIN}@weho.example"] * 2
    SpaceWatch(center.handler, tmp_path / "not there yet", least_percent=0).look()
    assert len(telling.of(AttentionNeeded)) == 2


class Losing(Telling):
    """A recorder that tells of cameras, and who is mailed of it: the supervisor, one mail a time."""

    def __init__(self, center: SmallCenter, box: Mailbox) -> None:
        center.enrolled("sam", Role.WATCH_SUPERVISOR)
        super().__init__(center, OutsideMessenger(MailServer(f"smtp://127.0.0.1:{box.port}", "watch@weho.example")))
        self.retention, self._box = Retention(center.handler), box
        self.run()
        box.messages.clear()

    def lost(self, feed: str, since: datetime, until: datetime, after: timedelta = timedelta(0)) -> None:
        """Told `after` its end."""
        self.center.clock.step(until + after - self.center.clock.now())
        span = Range(since, until)
        command = ReportLoss(FeedId(StreamId(feed)), span, "the vault was too slow")
        done(self.retention.report_loss(service("service-recorder"), loss_key(command.feed, span), command, uuid4()))

    def recorded(self, feed: str, since: datetime, until: datetime) -> None:
        self.center.clock.step(until - self.center.clock.now())
        command = RecordFootage(FeedId(StreamId(feed)), Range(since, until), 9, 9000, "0f" * 32, "key-1")
        key = f"{feed}-{since:%Y%m%dT%H%MZ}"
        done(self.retention.record(service("service-recorder"), key, command, uuid4()))

    def mails(self) -> list[tuple[str, str]]:
        """Of footage to the supervisor, since the last time: subject and text."""
        self.run()
        found = [
            (str(m["Subject"]), " ".join(m.get_content().split()))
            for m in self._box.messages
            if m["To"] == "sam@weho.example" and "ootage" in m["Subject"]
        ]
        self._box.messages.clear()
        return found


LOST, AGAIN = "Footage that should exist does not", "Footage is there again after a loss"


@pytest.mark.rule("record.notified", "retention.lost")
def test_a_loss_that_goes_on_is_told_when_it_begins_every_six_hours_and_when_it_is_over(center: SmallCenter) -> None:
    began, step = center.clock.now() + timedelta(hours=1), timedelta(minutes=3)
    with mail_server() as box:
        losing = Losing(center, box)
        pieces = [began + n * step for n in range(125)]  # six hours and a quarter
        for since in pieces[:3]:
            losing.lost("camera-north", since, since + step)
        ((subject, text),) = losing.mails()
        assert LOST in subject and "camera-north" in text and "the vault was too slow" in text
        assert f"from {began:%Y-%m-%d %H:%M:%S} to {began + step:%Y-%m-%d %H:%M:%S} UTC" in text
        for since in pieces[3:]:
            losing.lost("camera-north", since, since + step)
        ((subject, text),) = losing.mails()
        assert LOST in subject and "120 stretches were lost" in text, "once more, six hours after the first"
        over = pieces[-1] + step
        # What was recorded before the loss and is told late ends nothing.
        losing.recorded("camera-north", began - step, began)
        losing.recorded("camera-south", over, over + timedelta(minutes=30))
        assert losing.mails() == []
        losing.recorded("camera-north", over, over + timedelta(minutes=40))
        ((subject, text),) = losing.mails()
        assert AGAIN in subject and "4 stretches were lost" in text
        assert f"to {over:%Y-%m-%d %H:%M:%S} UTC" in text
        losing.recorded("camera-north", over + timedelta(minutes=40), over + timedelta(minutes=60))
        assert losing.mails() == []
        losing.lost("camera-north", over + timedelta(hours=1), over + timedelta(hours=1, seconds=30))
        ((subject, _),) = losing.mails()
        assert LOST in subject, "another one"
        sent = len(losing.of(NotificationSent))
        losing.run(again=True)
        assert len(losing.of(NotificationSent)) == sent, "a reactor that died tells nothing twice"


@pytest.mark.rule("record.notified")
def test_a_loss_of_which_all_was_told_is_not_told_again(center: SmallCenter) -> None:
    began = center.clock.now() + timedelta(hours=1)
    with mail_server() as box:
        losing = Losing(center, box)
        losing.lost("camera-north", began, began + timedelta(seconds=9))
        losing.lost("camera-south", began, began + timedelta(seconds=9))
        assert len(losing.mails()) == 2, "each camera has its own"
        losing.recorded("camera-north", began + timedelta(seconds=9), began + timedelta(minutes=50))
        assert losing.mails() == []


@pytest.mark.rule("record.notified")
def test_of_a_flight_each_loss_is_told_that_does_not_go_on_from_the_last(center: SmallCenter) -> None:
    began, minute = center.clock.now() + timedelta(hours=1), timedelta(minutes=1)
    with mail_server() as box:
        losing = Losing(center, box)
        losing.lost("flight-f1", began, began + 3 * minute)
        losing.lost("flight-f1", began + 3 * minute, began + 6 * minute)
        assert len(losing.mails()) == 1
        losing.lost("flight-f1", began + 9 * minute, began + 10 * minute)
        ((_, text),) = losing.mails()
        assert "flight-f1" in text and "if more of it is lost" in text.lower()
