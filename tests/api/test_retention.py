"""How long footage is kept, through GraphQL: held, extended, destroyed when due, lost in the open."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from api.processes import wiring
from application.handling import Accepted
from application.retention import Retention
from application.sealing import DESTROYED, SubjectKey
from application.standing import service
from domain.footage import HeldRangeCopied, RecordFootage, ReportLoss
from domain.kernel import FeedId, StreamId
from domain.privacy_override_events import Range
from infra.stack.processes import wait_until
from tests.api.watch_center import Json, WatchCenter, settings_as

DAY = timedelta(days=1)
WARRANT = {"kind": "warrant", "number": "26-SW-0417", "issuer": "Superior Court of Los Angeles"}
HOLD = 'placeLegalHold(footage: $footage, hold: "h1", legalBasis: $basis, reason: $text, verifyAgainOn: $date)'
DESTROY = "destroyFootage(footage: $footage)"


def recorded(watch_center: WatchCenter, days_ago: int, *, lost: bool = False) -> str:
    """Footage of one hour, so many days ago, as the recorder puts it on the record."""
    key, feed = f"f{secrets.token_hex(5)}", FeedId(StreamId("camera-park-1"))
    end = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - days_ago * DAY
    range_ = Range(end - timedelta(hours=1), end)
    with wiring.handler(watch_center.settings) as handler:
        retention, recorder = Retention(handler), service("service-recorder")
        record = RecordFootage(feed, range_, 1800, 900_000_000, "a" * 64, f"park-1.{key}")
        told = retention.record(recorder, key, record, uuid4())
        if lost:
            told = retention.report_loss(recorder, key, ReportLoss(feed, range_, "the disk failed"), uuid4())
    assert isinstance(told, Accepted), told
    watch_center.applied(told.position)
    return key


def found(watch_center: WatchCenter, which: str, footage: str, position: int | None = None) -> Json | None:
    page = watch_center.as_role("auditor").ask(
        "query($which: String!, $id: ID!, $at: Position) { retainedFootage(which: $which, id: $id, afterPosition: $at)"
        " { edges { node { state categories holds dueAt keepUntil askedUntil destroyedUnderPolicy unrecoverableAfter"
        " destructionApprovedBy { id } lostAt } } } }",
        which=which,
        id=footage,
        at=position,
    )["retainedFootage"]
    return next((edge["node"] for edge in page["edges"]), None)


def searched(watch_center: WatchCenter, footage: str, position: int) -> Json:
    """As the watch finds it, 40 days back."""
    end = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - 40 * DAY
    rows = watch_center.as_role("watch_operator").ask(
        "query($feed: ID!, $since: DateTime!, $until: DateTime!, $at: Position) { footage(feed: $feed, since: $since,"
        " until: $until, first: 100, afterPosition: $at) { id state left { since until } } }",
        feed="camera-park-1",
        since=(end - timedelta(hours=1)).isoformat(),
        until=end.isoformat(),
        at=position,
    )["footage"]
    (row,) = [each for each in rows if each["id"] == footage]
    return dict(row)


@pytest.mark.rule("retention.destroyed", "retention.key")
def test_footage_is_destroyed_when_it_is_due_and_not_held(watch_center: WatchCenter) -> None:
    footage, fresh_one = recorded(watch_center, 40), recorded(watch_center, 3)
    sealing = settings_as("saferweho_recorder", watch_center.environ)
    with wiring.footage_keys(sealing) as keys:
        keys.make([footage, fresh_one])
    captain = watch_center.as_role("station_commander", step_up=True)
    sergeant = watch_center.as_role("watch_supervisor", step_up=True)
    assert found(watch_center, "due", footage) and not found(watch_center, "due", fresh_one)
    assert captain.order(DESTROY, footage=fresh_one)["code"] == "wrong_state"
    day = str((datetime.now(UTC) + 90 * DAY).date())
    position = sergeant.accepted(HOLD, footage=footage, basis=WARRANT, text="homicide case 926-1", date=day)["position"]
    assert not found(watch_center, "due", footage, position)
    kept = found(watch_center, "kept", footage, position)
    assert kept and (kept["holds"], kept["dueAt"]) == (1, None)
    assert captain.order(DESTROY, footage=footage)["code"] == "wrong_state"
    holds = sergeant.ask("{ legalHolds(first: 100) { edges { node { footage name toVerify legalBasis { kind } } } } }")
    (hold,) = [e["node"] for e in holds["legalHolds"]["edges"] if e["node"]["footage"] == footage]
    assert hold == {"footage": footage, "name": "h1", "toVerify": False, "legalBasis": {"kind": "warrant"}}
    release = 'releaseLegalHold(footage: $footage, hold: "h1", reason: $text)'
    sergeant.accepted(release, footage=footage, text="the trial is over")
    position = captain.accepted(DESTROY, footage=footage)["position"]
    gone = found(watch_center, "destroyed", footage, position)
    assert gone and gone["destroyedUnderPolicy"] == 1 and gone["unrecoverableAfter"]
    assert gone["destructionApprovedBy"] == {"id": captain.person}
    with wiring.footage_keys(sealing) as keys:
        assert wait_until(lambda: keys.find([footage]) == {footage: DESTROYED}, 60), "by its key, and soon"
        assert isinstance(keys.find([fresh_one])[fresh_one], SubjectKey), "and nobody else's"
    event = watch_center.events(f"footage-{footage}")[-1]
    assert event["type"].endswith("footage_destroyed.v1") and event["data"]["categories"] == ["routine"]


def test_a_hold_on_a_part_takes_times_with_their_zone(watch_center: WatchCenter) -> None:
    footage, sergeant = recorded(watch_center, 3), watch_center.as_role("watch_supervisor")
    until = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - 3 * DAY
    since, day = until - timedelta(minutes=20), str((datetime.now(UTC) + 90 * DAY).date())
    hold = HOLD.replace("verifyAgainOn: $date)", "verifyAgainOn: $date, range: $range)")
    given = {"footage": footage, "basis": WARRANT, "text": "homicide case 926-1", "date": day}
    for field, changed in (("since", since), ("until", until)):
        stretch = {"since": since.isoformat(), "until": until.isoformat()}
        stretch[field] = changed.replace(tzinfo=None).isoformat()
        told = sergeant.order(hold, range=stretch, **given)
        assert (told["__typename"], told["code"], told["field"]) == ("Mistaken", "invalid_value", f"range.{field}"), (
            told
        )
    sergeant.accepted(hold, range={"since": since.isoformat(), "until": until.isoformat()}, **given)


def test_the_longest_category_and_an_approved_extension_keep_footage(watch_center: WatchCenter) -> None:
    footage = recorded(watch_center, 40)
    deputy, captain = watch_center.as_role("watch_operator"), watch_center.as_role("station_commander", step_up=True)
    position = deputy.accepted('tagFootage(footage: $footage, category: "evidence")', footage=footage)["position"]
    assert not found(watch_center, "due", footage, position)
    until = datetime.now(UTC) + 1000 * DAY
    position = deputy.accepted(
        "requestRetentionExtension(footage: $footage, keepUntil: $moment, reason: $text)",
        footage=footage,
        moment=until.isoformat(),
        text="the appeal is not decided",
    )["position"]
    asked = found(watch_center, "asked", footage, position)
    assert asked and asked["askedUntil"]
    answer = "answerRetentionExtension(footage: $footage)"
    assert deputy.order(answer, footage=footage)["__typename"] == "Refused"
    position = captain.accepted(answer, footage=footage)["position"]
    kept = found(watch_center, "kept", footage, position)
    assert kept and kept["categories"] == ["evidence", "routine"]
    assert kept["dueAt"] == kept["keepUntil"] and not found(watch_center, "asked", footage, position)


def test_footage_that_should_exist_and_does_not_is_shown_as_lost(watch_center: WatchCenter) -> None:
    footage = recorded(watch_center, 2, lost=True)
    lost = found(watch_center, "lost", footage)
    assert lost and lost["state"] == "lost" and lost["lostAt"]


def test_retention_is_read_by_those_who_answer_for_it(watch_center: WatchCenter) -> None:
    query = "{ retainedFootage(first: 1) { position } legalHolds(first: 1) { position } }"
    for role in ("watch_supervisor", "station_commander", "auditor", "city_analyst"):
        assert watch_center.as_role(role).ask(query)
    for role in ("watch_operator", "administrator"):
        errors = watch_center.as_role(role).errors(query)
        assert {error["extensions"]["code"] for error in errors} == {"not_permitted"}
    wrong = '{ retainedFootage(which: "everything") { position } }'
    assert watch_center.as_role("auditor").code(wrong) == "invalid_value"


@pytest.mark.rule("retention.held_copy")
def test_what_a_hold_keeps_outlives_the_rest_and_is_due_when_the_hold_is_over(watch_center: WatchCenter) -> None:
    """The recorder's part, that a copy is there, is said by the test."""
    footage = recorded(watch_center, 40)
    end = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - 40 * DAY
    held = {"since": (end - timedelta(minutes=20)).isoformat(), "until": (end - timedelta(minutes=10)).isoformat()}
    captain = watch_center.as_role("station_commander", step_up=True)
    sergeant = watch_center.as_role("watch_supervisor", step_up=True)
    day = str((datetime.now(UTC) + 90 * DAY).date())
    hold = HOLD.replace("verifyAgainOn: $date)", "verifyAgainOn: $date, range: $range)")
    sergeant.accepted(hold, footage=footage, basis=WARRANT, text="homicide case 926-1", date=day, range=held)
    assert captain.order(DESTROY, footage=footage)["code"] == "wrong_state", "nothing was copied yet"
    copy = f"held-h1~{footage}"
    sealing = settings_as("saferweho_recorder", watch_center.environ)
    with wiring.footage_keys(sealing) as keys, wiring.handler(watch_center.settings) as handler:
        keys.make([footage, copy])
        span = Range(end - timedelta(minutes=20), end - timedelta(minutes=10))
        copied = HeldRangeCopied("h1", copy, span, 300, 150_000_000, "b" * 64, "copy-key")
        told = Retention(handler).note_copy(service("service-recorder"), footage, copied, uuid4())
        assert isinstance(told, Accepted), told
    due = found(watch_center, "due", footage, told.position)
    assert due and (due["holds"], due["state"]) == (1, "kept") and due["dueAt"]
    position = captain.accepted(DESTROY, footage=footage)["position"]
    left = found(watch_center, "held", footage, position)
    assert left and (left["state"], left["holds"], left["dueAt"]) == ("held", 1, None) and left["unrecoverableAfter"]
    assert searched(watch_center, footage, position) == {"id": footage, "state": "held", "left": [held]}
    with wiring.footage_keys(sealing) as keys:
        assert wait_until(lambda: keys.find([footage])[footage] is DESTROYED, 60)
        assert isinstance(keys.find([copy])[copy], SubjectKey), "what is held is not touched"
    assert captain.order(DESTROY, footage=footage)["code"] == "wrong_state", "what is left is held"
    release = 'releaseLegalHold(footage: $footage, hold: "h1", reason: $text)'
    position = sergeant.accepted(release, footage=footage, text="the trial is over")["position"]
    left = found(watch_center, "held", footage, position)
    assert left and left["dueAt"]
    position = captain.accepted(DESTROY, footage=footage)["position"]
    gone = found(watch_center, "destroyed", footage, position)
    assert gone and gone["state"] == "destroyed" and not found(watch_center, "held", footage, position)
    assert searched(watch_center, footage, position) == {"id": footage, "state": "destroyed", "left": []}
    with wiring.footage_keys(sealing) as keys:
        assert wait_until(lambda: keys.find([copy])[copy] is DESTROYED, 60), "and so is the copy's key"
    kinds = [event["type"].split(".")[-2] for event in watch_center.events(f"footage-{footage}")]
    assert kinds[-5:] == [
        "held_range_copied",
        "rest_destroyed",
        "legal_hold_released",
        "held_copy_destroyed",
        "footage_destroyed",
    ]
