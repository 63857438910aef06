"""Footage over the real path: looked at, exported, disclosed; by two persons where something leaves."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from api.processes import demonstration, wiring
from application.accounts import Accounts, Proof
from application.exports import Exports
from application.handling import Accepted, Actor, Handler, Mistaken, Refused
from application.mask_states import MaskStates
from application.retention import Retention
from application.standing import service
from application.viewings import Viewings
from domain.export import Approved, RecordExport
from domain.footage import RecordFootage
from domain.grounds import OVERSIGHT_REVIEW, Grounds
from domain.kernel import CallNumber, FeedId, StreamId
from domain.privacy_override_events import Range
from tests.api.looking import camera, grounds
from tests.api.test_looking import AUDIENCE, REFUSED, codes, nodes
from tests.api.test_overrides import target
from tests.api.watch_center import Json, WatchCenter, settings_as, until

VIEW = "requestViewing(footage: $footage, grounds: $grounds, range: $range)"
EXPORT = "requestExport(footage: $footage, grounds: $grounds, recipient: $text, legalBasis: $basis)"
APPROVE = 'approveExport(export: $export, category: "investigatory_file", reason: "part of an open robbery")'
DISCLOSE = "requestDisclosure(what: $subject, recipient: $text, legalBasis: $basis, grounds: $grounds)"
SINCE = datetime(2026, 6, 1, 19, tzinfo=UTC)
WARRANT = {"kind": "warrant", "number": "26-SW-118", "issuer": "Superior Court, Los Angeles"}


def part(start_s: float, end_s: float) -> Range:
    return Range(SINCE + timedelta(seconds=start_s), SINCE + timedelta(seconds=end_s))


def asked(range_: Range) -> Json:
    return {"since": range_.since.isoformat(), "until": range_.until.isoformat()}


@contextmanager
def at_work(center: WatchCenter) -> Iterator[Handler]:
    """What the processes without a page do through."""
    with wiring.handler(settings_as("saferweho_api", center.environ)) as handler:
        yield handler


@pytest.fixture(scope="module")
def feed(watch_center: WatchCenter) -> str:
    return camera(watch_center)


@pytest.fixture
def footage(watch_center: WatchCenter, feed: str) -> str:
    return recorded(watch_center, feed)


def recorded(watch_center: WatchCenter, feed: str) -> str:
    """An hour of a camera, sealed by the recorder."""
    key = f"f{secrets.token_hex(5)}"
    command = RecordFootage(FeedId(StreamId(feed)), part(0, 3600), 1800, 900_000_000, secrets.token_hex(32), key)
    with at_work(watch_center) as handler:
        told = Retention(handler).record(service("service-recorder"), key, command, uuid4())
    assert isinstance(told, Accepted), told
    return key


def on_duty(handler: Handler, role: str) -> Actor:
    ends_at = datetime.now(UTC) + timedelta(hours=1)
    proof = Proof(demonstration.person_of(role), secrets.token_hex(8), "https://id.example", "otp", ends_at, True)
    return Accounts(handler).sign_on(proof, "127.0.0.1")


def test_footage_is_found_by_feed_and_time(watch_center: WatchCenter, feed: str, footage: str) -> None:
    query = """query($feed: ID!, $since: DateTime!, $until: DateTime!, $at: Position) {
      footage(feed: $feed, since: $since, until: $until, afterPosition: $at, first: 100) { id state since } }"""
    deputy = watch_center.as_role("watch_operator")
    day: dict[str, Any] = {"since": SINCE.isoformat(), "until": (SINCE + timedelta(minutes=1)).isoformat()}
    found = deputy.ask(query, feed=feed, at=watch_center.head(), **day)["footage"]
    assert {"id": footage, "state": "kept", "since": SINCE.isoformat()} in found
    for_review = watch_center.as_role("auditor").ask(query, feed=feed, at=watch_center.head(), **day)["footage"]
    assert for_review == found, "oversight finds what it reviews"
    before: dict[str, Any] = {"since": (SINCE - timedelta(days=1)).isoformat(), "until": SINCE.isoformat()}
    assert deputy.ask(query, feed=feed, **before)["footage"] == []
    assert deputy.code(query, feed=feed, **{**day, "until": "2027-06-01T00:00:00Z"}) == "invalid_value"
    assert watch_center.as_role("administrator").code(query, feed=feed, **day) == "not_permitted"


def test_no_byte_leaves_before_the_event_that_reserves_it(watch_center: WatchCenter, footage: str) -> None:
    with at_work(watch_center) as handler:
        viewings, deputy = Viewings(handler), on_duty(handler, "watch_operator")
        call = watch_center.call()
        stated = Grounds("call_for_service", "which way did he run", CallNumber(call))
        granted = viewings.request(deputy, footage, stated, part(0, 60))
        assert isinstance(granted, Accepted), granted
        assert isinstance(viewings.reserve(deputy, granted.key, part(0, 31)), Mistaken)
        assert isinstance(viewings.reserve(deputy, granted.key, part(50, 61)), Mistaken)
        assert isinstance(viewings.reserve(deputy, granted.key, part(0, 25)), Accepted)
        other = on_duty(handler, "watch_supervisor")
        assert isinstance(viewings.reserve(other, granted.key, part(25, 30)), Mistaken)
        assert isinstance(viewings.account(other, granted.key, 1, [part(0, 25)], 9), Refused)
        assert isinstance(viewings.account(deputy, granted.key, 1, [part(0, 20)], 5_000_000), Accepted)
        assert isinstance(viewings.reserve(deputy, granted.key, part(20, 30)), Accepted)
        assert viewings.seen(granted.key) == (part(0, 20), part(20, 30))
        unmasked = viewings.reserve(deputy, granted.key, part(30, 35), override="no-such-override")
        assert isinstance(unmasked, Mistaken)
        assert isinstance(viewings.close(deputy, granted.key), Accepted)
    end = watch_center.events(granted.stream)[-1]
    assert end["data"]["seen_s"] == 30.0 and end["data"]["unclosed"] == 1 and end["data"]["size_bytes"] == 5_000_000


def test_a_viewing_is_asked_for_with_its_grounds_and_refused_on_the_record(
    watch_center: WatchCenter, footage: str
) -> None:
    deputy = watch_center.as_role("watch_operator")
    span = asked(part(0, 60))
    told = deputy.accepted(VIEW, footage=footage, grounds=grounds(watch_center), range=span)
    deputy.accepted("closeViewing(viewing: $viewing)", viewing=told["id"])
    refused = deputy.order(
        VIEW, footage=footage, grounds=grounds(watch_center, purpose="identify_demonstrators"), range=span
    )
    assert codes(refused) == ["purpose_prohibited"]
    gone = deputy.order(VIEW, footage="no-such-hour", grounds=grounds(watch_center), range=span)
    assert codes(gone) == ["footage_unknown"]
    auditor = watch_center.as_role("auditor")
    seen_by = nodes(auditor.ask(AUDIENCE, subject=f"footage-{footage}", at=gone["position"]))
    assert [(row["kind"], row["state"]) for row in seen_by] == [("viewing", "refused"), ("viewing", "ended")]
    (attempt,) = nodes(auditor.ask(REFUSED, subject=f"footage-{footage}"))
    assert codes(attempt) == ["purpose_prohibited"]


@pytest.mark.rule("view.auditor")
def test_an_auditor_looks_at_footage_with_an_own_recorded_review_access_alone(
    watch_center: WatchCenter, footage: str
) -> None:
    auditor, span = watch_center.as_role("auditor"), asked(part(0, 60))
    told = auditor.order(VIEW, footage=footage, grounds=grounds(watch_center), range=span)
    assert codes(told) == ["not_permitted"]
    review: Json = {"purpose": OVERSIGHT_REVIEW, "reason": "was the mask in force", "authorisation": "review-26-22"}
    told = auditor.order(VIEW, footage=footage, grounds=review, range=span)
    assert (told["code"], told["field"]) == ("not_found", "authorisation")
    told = auditor.order(VIEW, footage=footage, grounds={**review, "authorisation": "as agreed"}, range=span)
    assert (told["code"], told["field"]) == ("invalid_value", "authorisation") and "review-…" in told["accepted"]
    found = 'recordFinding(input: {kind: "procedure", shortcoming: "the mask may have been off", about: $subject})'
    review["authorisation"] = auditor.accepted(found, subject=f"footage-{footage}")["stream"]
    told = auditor.accepted(VIEW, footage=footage, grounds=review, range=span)
    assert watch_center.events(told["stream"])[0]["purpose"] == OVERSIGHT_REVIEW
    told = watch_center.as_role("watch_operator").order(VIEW, footage=footage, grounds=review, range=span)
    assert codes(told) == ["not_permitted"]


@pytest.mark.rule("view.ends_with_access")
def test_a_suspension_ends_a_viewing_too(watch_center: WatchCenter, footage: str) -> None:
    person = watch_center.enrolled("watch_operator")
    deputy = watch_center.asker(person)
    told = deputy.accepted(VIEW, footage=footage, grounds=grounds(watch_center), range=asked(part(0, 60)))
    captain = watch_center.as_role("station_commander", step_up=True)
    captain.accepted("suspendPerson(personId: $person, reason: $text)", person=person, text="left the department")
    until(lambda: watch_center.events(told["stream"])[-1]["type"].endswith("viewing_ended.v1"))
    assert watch_center.events(told["stream"])[-1]["data"]["why"] == "revoked"


def test_an_export_takes_a_second_person_and_a_step_up(watch_center: WatchCenter, footage: str) -> None:
    sergeant = watch_center.as_role("watch_supervisor", step_up=True)
    told = sergeant.accepted(
        EXPORT, footage=footage, grounds=grounds(watch_center), text="District Attorney", basis=WARRANT
    )
    assert codes(sergeant.order(APPROVE, export=told["id"])) == ["not_permitted"]
    unsure = watch_center.as_role("station_commander")
    assert codes(unsure.order(APPROVE, export=told["id"])) == ["step_up_required"]
    captain = watch_center.as_role("station_commander", step_up=True)
    captain.accepted(APPROVE, export=told["id"])
    with at_work(watch_center) as handler:
        exports, file = Exports(handler), RecordExport("f" * 64, 12345, True)
        state = exports.state(told["id"])
        assert isinstance(state, Approved)
        masks = MaskStates(handler).recorded(state.request.footage, state.request.range, state.request.person).key
        made = exports.record(service("service-exporter"), told["id"], file, uuid4(), masks)
        assert isinstance(made, Accepted), made
    done = sergeant.accepted("deliverExport(export: $export, method: $text)", export=told["id"], text="evidence portal")
    look = nodes(watch_center.as_role("auditor").ask(AUDIENCE, subject=f"footage-{footage}", at=done["position"]))[0]
    assert (look["kind"], look["state"], look["person"]["id"]) == ("export", "delivered", sergeant.person)


def test_a_disclosure_names_agency_and_basis_and_takes_a_second_person(watch_center: WatchCenter, footage: str) -> None:
    sergeant = watch_center.as_role("watch_supervisor", step_up=True)
    what = f"footage-{footage}"
    told = sergeant.accepted(
        DISCLOSE, subject=what, text="Culver City Police", basis=WARRANT, grounds=grounds(watch_center)
    )
    make = "makeDisclosure(disclosure: $disclosure)"
    assert codes(sergeant.order(make, disclosure=told["id"])) == ["not_permitted"]
    captain = watch_center.as_role("station_commander", step_up=True)
    done = captain.accepted(make, disclosure=told["id"])
    _, event, awaited = watch_center.events(told["stream"])
    assert "review_by" in awaited["data"]
    assert (event["data"]["recipient"], event["actorid"]) == ("Culver City Police", captain.person)
    look = nodes(watch_center.as_role("auditor").ask(AUDIENCE, subject=what, at=done["position"]))[0]
    assert (look["kind"], look["state"]) == ("disclosure", "made")
    refused = sergeant.order(
        DISCLOSE,
        subject=what,
        text="Immigration and Customs Enforcement",
        basis=WARRANT,
        grounds=grounds(watch_center, purpose="immigration_enforcement"),
    )
    assert codes(refused) == ["purpose_prohibited"]
    without = sergeant.order(
        DISCLOSE, subject=what, text="Culver City Police", basis={"kind": "warrant"}, grounds=grounds(watch_center)
    )
    assert (without["__typename"], without["field"]) == ("Mistaken", "legal_basis.number")


@pytest.mark.rule("view.masked")
def test_unmasking_needs_an_override_for_that_footage_and_range_and_its_use_is_recorded(
    watch_center: WatchCenter, footage: str
) -> None:
    deputy = watch_center.as_role("watch_operator", step_up=True)
    wanted = target(watch_center, f"footage-{footage}", **asked(part(10, 40)))
    override = deputy.accepted(
        "requestOverride(input: $target, legalBasis: $basis, reason: $text)",
        target=wanted,
        basis=WARRANT,
        text="the face of the man with the knife",
    )
    with at_work(watch_center) as handler:
        viewings, actor = Viewings(handler), on_duty(handler, "watch_operator")
        stated = Grounds("call_for_service", "which way did he run", CallNumber(wanted["callNumber"]))
        granted = viewings.request(actor, footage, stated)
        assert isinstance(granted, Accepted), granted
        key = override["id"]
        assert isinstance(viewings.reserve(actor, granted.key, part(10, 20), key), Mistaken), "nobody approved it"
        sergeant = watch_center.as_role("watch_supervisor", step_up=True)
        sergeant.accepted("approveOverride(override: $override)", override=key)
        assert isinstance(viewings.reserve(actor, granted.key, part(5, 15), key), Mistaken), "outside its range"
        unmasked = viewings.reserve(actor, granted.key, part(10, 20), key)
        assert isinstance(unmasked, Accepted), unmasked
        assert isinstance(viewings.reserve(actor, granted.key, part(20, 25)), Accepted)
    reserved = [event["data"] for event in watch_center.events(granted.stream) if "reserved" in event["type"]]
    assert [(each["masked"], each["override"]) for each in reserved] == [(False, f"override-{key}"), (True, None)]
    used = watch_center.events(f"override-{key}")[-1]
    assert used["type"].endswith("override_used.v1") and used["data"]["through"] == granted.stream
    assert used["commandid"] == watch_center.events(granted.stream)[2]["commandid"], "in the same append"
