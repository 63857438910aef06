"""Notifications: each sent, delivered or failed on the record; what failed is tried again and then given up."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest

from domain.kernel import InvalidValue, NotFound, PersonId, StreamId, WrongState
from domain.notice import (
    NOTICE,
    PAUSES,
    AttentionNeeded,
    Called,
    CallForAttention,
    Channel,
    Event,
    NotificationDelivered,
    NotificationFailed,
    NotificationSent,
    OnItsWay,
    Over,
    RecordDelivery,
    RecordFailure,
    RetryNotification,
    SendNotification,
    Unsent,
    Waiting,
)
from tests.domain.scenario import NOW, SECOND, Given, Scenario

given = Scenario(NOTICE)
ABOUT, LEE = StreamId("override-o1"), PersonId("lee")
send = SendNotification("approval_asked", ABOUT, Channel.MAIL, "An approval is asked for", "Override o1.", person=LEE)
sent = NotificationSent("approval_asked", ABOUT, Channel.MAIL, LEE, None, "An approval is asked for", "Override o1.", 1)


def failed(attempt: int, retry_at: datetime | None) -> NotificationFailed:
    return NotificationFailed(attempt, "no answer", retry_at)


@pytest.mark.rule("record.notified")
def test_a_notification_is_sent_once() -> None:
    given().when(send).then(sent)
    given(sent).when(send).then_raises(WrongState)


@pytest.mark.rule("record.notified")
def test_a_delivery_is_on_the_record() -> None:
    given(sent).when(RecordDelivery(1, "250 OK")).then(NotificationDelivered(1, "250 OK"))
    given(sent, NotificationDelivered(1, "250 OK")).when(RecordDelivery(1, "250 OK")).then_nothing()


def test_a_failure_is_on_the_record_and_tried_again_after_a_pause() -> None:
    given(sent).when(RecordFailure(1, "no answer")).then(failed(1, NOW + PAUSES[0]))
    waiting = given(sent, failed(1, NOW + PAUSES[0]))
    waiting.when(RetryNotification(), NOW + PAUSES[0] - SECOND).then_nothing()
    waiting.when(RetryNotification(), NOW + PAUSES[0]).then(replace(sent, attempt=2))


def test_a_failure_that_cannot_mend_is_given_up_at_once() -> None:
    given(sent).when(RecordFailure(1, "no answer", final=True)).then(failed(1, None))


@pytest.mark.rule("record.notified")
def test_after_the_last_pause_it_is_given_up_on_the_record() -> None:
    story: Given = given(sent)
    at = NOW
    for pause in PAUSES:
        state = story.happened[-1].attempt
        story = story.and_when(RecordFailure(state, "no answer"), at)
        at += pause
        story = story.and_when(RetryNotification(), at)
    last = len(PAUSES) + 1
    story.when(RecordFailure(last, "no answer"), at).then(failed(last, None))
    story.and_when(RecordFailure(last, "no answer"), at).when(RetryNotification(), at + PAUSES[-1]).then_nothing()


@pytest.mark.parametrize("story", [(sent, NotificationDelivered(1, "250 OK")), (sent, failed(1, None))])
def test_what_is_over_stays_over(story: tuple[Event, ...]) -> None:
    given(*story).when(RecordFailure(1, "late")).then_nothing()
    given(*story).when(RetryNotification()).then_nothing()


def test_a_word_about_an_earlier_attempt_changes_nothing() -> None:
    again = replace(sent, attempt=2)
    given(sent, failed(1, NOW), again).when(RecordFailure(1, "no answer")).then_nothing()


def test_a_mail_goes_to_a_person_and_a_webhook_to_a_machine() -> None:
    given().when(replace(send, person=None, endpoint="dispatch")).then_raises(InvalidValue, "person")
    given().when(replace(send, channel=Channel.WEBHOOK)).then_raises(InvalidValue, "person")
    hook = replace(send, channel=Channel.WEBHOOK, person=None, endpoint="dispatch")
    given().when(hook).then(replace(sent, channel=Channel.WEBHOOK, person=None, endpoint="dispatch"))


def test_nothing_follows_from_a_notification_that_was_never_sent() -> None:
    given().when(RecordDelivery(1, "250 OK")).then_raises(NotFound)


@pytest.mark.rule("record.notified")
def test_attention_is_called_for_once() -> None:
    call = CallForAttention("low_space", ABOUT, NOW, "3 % of the disk is free.")
    needed = AttentionNeeded("low_space", ABOUT, NOW, "3 % of the disk is free.")
    given().when(call).then(needed)
    given(needed).when(call).then_nothing()
    given().when(replace(call, what="Low space!")).then_raises(InvalidValue, "what")


# -- limits, and what is kept ----------------------------------------------------------


def test_a_notification_has_a_subject_and_a_text() -> None:
    for field, longest in (("subject", 200), ("text", 2000)):
        given().when(replace(send, **{field: "x" * longest})).then(replace(sent, **{field: "x" * longest}))  # type: ignore[arg-type]
        for said in ("", "x" * (longest + 1)):
            given().when(replace(send, **{field: said})).then_raises(InvalidValue, field)  # type: ignore[arg-type]
    given().when(replace(send, rule="Not a code")).then_raises(InvalidValue, "rule")


@pytest.mark.rule("record.notified")
def test_the_pauses_grow_and_each_failure_waits_for_its_own() -> None:
    for attempt, pause in enumerate(PAUSES, start=1):
        story = given(replace(sent, attempt=attempt))
        story.when(RecordFailure(attempt, "no\x00answer")).then(NotificationFailed(attempt, "no answer", NOW + pause))
    last = given(replace(sent, attempt=len(PAUSES) + 1))
    last.when(RecordFailure(len(PAUSES) + 1, "no answer")).then(failed(len(PAUSES) + 1, None))
    given(sent).when(RecordDelivery(1, "250\x00OK")).then(NotificationDelivered(1, "250 OK"))
    given(sent).when(RecordDelivery(2, "250 OK")).then_nothing()
    given(sent).when(RetryNotification()).then_nothing()


def test_attention_that_was_called_for_is_no_notification() -> None:
    needed = AttentionNeeded("low_space", ABOUT, NOW, "3 % of the disk is free.")
    given(needed).when(send).then_raises(WrongState, "notice")
    assert given(needed, NotificationDelivered(1, "250 OK")).state == Called()
    assert given(NotificationDelivered(1, "250 OK")).state == Unsent()
    dirty = CallForAttention("low_space", ABOUT, NOW, "3 %\x00")
    given().when(dirty).then(replace(needed, detail="3 %"))


@pytest.mark.rule("record.notified")
def test_where_a_notification_stands_follows_from_what_happened() -> None:
    assert given(sent).state == OnItsWay(sent)
    assert given(sent, failed(1, NOW)).state == Waiting(sent, NOW)
    assert given(sent, failed(1, None)).state == Over(sent, False)
    assert given(sent, NotificationDelivered(1, "250 OK")).state == Over(sent, True)


def test_what_is_tried_again_goes_to_the_same_machine() -> None:
    hook = replace(sent, channel=Channel.WEBHOOK, person=None, endpoint="dispatch")
    given(hook, failed(1, NOW)).when(RetryNotification()).then(replace(hook, attempt=2))
