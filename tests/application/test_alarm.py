"""A record that fails is told of directly, within the hour, whatever else is away, and is on the record afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import psycopg
import pytest

from adapters.notify import MailServer, OutsideMessenger, Webhook
from application.alarm import PATIENCE, Alarm, Ends
from application.ports import StoreUnavailable
from domain.notice import AttentionNeeded
from infra.stack.processes import free_port, wait_until
from projections.deadlines import queries
from projections.deadlines.projection import DEADLINES
from projections.engine.host import ProjectionHost
from tests.adapters.notify.receivers import Machine, Mailbox, http_server, mail_server
from tests.application.small_center import ADMIN, SmallCenter, small_center
from tests.projections.log import store_feeds
from tests.projections.models import applied

MINUTE = timedelta(minutes=1)
IT = "it@weho.example"


@pytest.fixture
def center(database_url: str) -> Iterator[SmallCenter]:
    with small_center(database_url) as center:
        yield center


@pytest.fixture
def box() -> Iterator[Mailbox]:
    with mail_server() as box:
        yield box


@pytest.fixture
def machine() -> Iterator[Machine]:
    with http_server() as machine:
        yield machine


class Watched:
    """An alarm over the real store and the read model of deadlines, which runs only where it says so."""

    def __init__(self, center: SmallCenter, box: Mailbox, machine: Machine) -> None:
        self.center, self.away = center, False
        self.caught_up()
        self.messenger = OutsideMessenger(
            MailServer(f"smtp://127.0.0.1:{box.port}", "watch@weho.example"),
            {"duty": Webhook("duty", machine.url, bytes(32))},
        )
        self.alarm = Alarm(center.handler, self.messenger, self.ends, [IT], ["duty"])

    def ends(self) -> Ends:
        url = f"postgresql://127.0.0.1:{free_port()}/nothing" if self.away else self.center.url
        try:
            with psycopg.connect(url) as connection:
                read = queries.least_position(connection, [DEADLINES.name])
        except psycopg.Error as error:
            raise StoreUnavailable("PostgreSQL does not answer") from error
        return Ends(self.center.handler.store.head().position, read)

    def caught_up(self) -> None:
        """The read model runs until it has read what is recorded now."""
        end = self.center.handler.store.head().position
        with ProjectionHost(self.center.url, store_feeds(self.center.url), [DEADLINES]):
            assert wait_until(lambda: applied(self.center.url, DEADLINES.name) >= end, 120)

    def minutes(self, n: int) -> None:
        for _ in range(n):
            self.center.clock.step(MINUTE)
            self.alarm.look()

    def recorded(self) -> list[AttentionNeeded]:
        return [r.event for r in self.center.all_events() if isinstance(r.event, AttentionNeeded)]


@pytest.fixture
def watched(center: SmallCenter, box: Mailbox, machine: Machine) -> Watched:
    return Watched(center, box, machine)


def test_while_the_record_works_nobody_is_told(watched: Watched, box: Mailbox, machine: Machine) -> None:
    watched.minutes(90)
    assert (box.messages, machine.requests, watched.recorded()) == ([], [], [])


@pytest.mark.rule("record.alarm")
def test_what_is_recorded_and_reaches_nobody_is_told_within_the_hour_and_once(
    watched: Watched, box: Mailbox, machine: Machine
) -> None:
    watched.center.signed_on(ADMIN)  # and no read model runs
    watched.alarm.look()
    since = watched.center.clock.now()
    watched.minutes(PATIENCE // MINUTE - 1)
    assert box.messages == [] and watched.alarm.failing is None
    watched.minutes(60)
    (message,) = box.messages
    assert message["To"] == IT and "record fails" in message["Subject"]
    assert f"{since:%Y-%m-%d %H:%M}" in message.get_content()
    (request,) = machine.requests
    assert request[0]["webhook-signature"].startswith("v1,")
    (called,) = watched.recorded()
    assert (called.what, called.since) == ("logging_failure", since) and "2 of 2" in called.detail


@pytest.mark.rule("record.alarm")
def test_a_mail_server_that_is_away_does_not_silence_the_alarm(
    watched: Watched, box: Mailbox, machine: Machine
) -> None:
    box.answers += ["451 4.3.0 try again later"] * 3
    watched.center.signed_on(ADMIN)
    watched.alarm.look()
    watched.minutes(60)
    assert len(box.messages) == len(machine.requests) == 1
    assert "2 of 2" in watched.recorded()[0].detail


@pytest.mark.rule("record.alarm")
def test_while_nothing_can_be_recorded_the_alarm_is_given_all_the_same_and_recorded_afterwards(
    watched: Watched, box: Mailbox, machine: Machine
) -> None:
    watched.alarm.look()
    watched.away = True
    watched.minutes(PATIENCE // MINUTE + 1)
    assert len(box.messages) == len(machine.requests) == 1
    assert watched.alarm.failing and "Nothing can be recorded" in watched.alarm.failing
    watched.away = False
    watched.minutes(1)
    assert watched.alarm.failing is None
    assert ["works again" in message["Subject"] for message in box.messages] == [False, True]
    assert len(watched.recorded()) == 1


def test_after_the_failure_the_next_one_is_another(watched: Watched, box: Mailbox) -> None:
    for _ in range(2):
        watched.away = True
        watched.minutes(PATIENCE // MINUTE + 1)
        watched.away = False
        watched.minutes(1)
        watched.caught_up()
    assert len(box.messages) == 4
    assert len({called.since for called in watched.recorded()}) == 2


def test_a_clock_set_back_puts_the_alarm_off_by_no_more_than_its_patience(watched: Watched, box: Mailbox) -> None:
    watched.away = True
    watched.minutes(2)
    watched.center.clock.step(-timedelta(hours=3))
    watched.minutes(PATIENCE // MINUTE + 1)
    assert len(box.messages) == 1
