"""The read models of people and policies, against a naive fold written here, and what may be asked of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from domain.kernel import Personal, PersonId, PolicyVersion, StreamId
from domain.person import (
    PERSONNEL_SYSTEM,
    CertificateKind,
    CertificateRecorded,
    DetailsChanged,
    Enrolled,
    MedicalHoldPlaced,
    Organisation,
    OversightChange,
    OversightChangeAsked,
    OversightChangeConfirmed,
    Reinstated,
    Role,
    RoleAssigned,
    RoleRevoked,
    Suspended,
    TrainingCompleted,
    TrainingCorrected,
)
from domain.policy import (
    RECORD_ALL_KEEP_30_DAYS,
    PolicyAdopted,
    PolicyDrafted,
    PolicyParameters,
    PolicyRetired,
    parameters_sha256,
)
from domain.session import SessionLocked, SignedOff, SignedOn, SignOffReason, SignOnRefused, SteppedUp
from domain.shift import MoreWasOpen, OpenItem, OpenKind, ShiftHandedOver
from projections.engine.host import ProjectionHost
from projections.people import queries
from projections.people.projection import PEOPLE
from projections.policies import queries as policies
from projections.policies.projection import POLICIES
from tests.projections.log import START, Log, store_feeds
from tests.projections.models import ask, wait_applied

BY = PersonId("p-cook")
LASD, CITY = Organisation.LASD_WEST_HOLLYWOOD, Organisation.CITY_OF_WEST_HOLLYWOOD
DAY = timedelta(days=1)
TODAY = START.date()


def enrolled(person: str) -> tuple[str, Enrolled]:
    return f"person-{person}", Enrolled(person.title(), LASD, f"{person}@weho.example", BY)


def signed_on(session: str, person: str) -> tuple[str, SignedOn]:
    return f"session-{session}", SignedOn(PersonId(person), "https://issuer", "otp", "10.0.0.7", START + 9 * DAY)


def fold(log: Log) -> dict[str, dict[str, Any]]:
    """Account by account, one event at a time."""
    rows: dict[str, dict[str, Any]] = {}
    for recorded in log.recorded():
        kind, _, key = recorded.stream.partition("-")
        event = recorded.event
        if kind != "person":
            continue
        row = rows.setdefault(key, {"roles": set(), "courses": {}, "certificates": {}, "suspended": None})
        match event:
            case Enrolled() | DetailsChanged():
                row.update(name=event.name, organisation=event.organisation, email=event.email)
            case RoleAssigned(role):
                row["roles"].add(role)
            case RoleRevoked(role):
                row["roles"].discard(role)
            case TrainingCompleted():
                row["courses"][event.course] = event.expires_on
            case CertificateRecorded():
                row["certificates"][event.kind] = (event.number, event.expires_on)
            case Suspended(_, reason):
                row["suspended"] = reason
            case Reinstated():
                row["suspended"] = None
    return rows


def test_accounts_are_the_fold_of_the_people_s_events(log: Log) -> None:
    course = TrainingCompleted("watch_center_use", TODAY, TODAY + 30 * DAY, BY)
    log.append(
        enrolled("ann"),
        ("person-ann", RoleAssigned(Role.WATCH_OPERATOR, BY)),
        ("person-ann", RoleAssigned(Role.REMOTE_PILOT, BY)),
        ("person-ann", course),
        enrolled("ben"),
        ("person-ann", RoleRevoked(Role.REMOTE_PILOT, BY, "moved")),
        ("person-ann", replace(course, expires_on=TODAY + 60 * DAY)),
        ("person-ann", CertificateRecorded(CertificateKind.PART_107, "4827193", TODAY + DAY, BY)),
        ("person-ben", Suspended(BY, "lost the badge")),
        ("person-ben", MedicalHoldPlaced(BY)),
        ("person-ann", DetailsChanged("Ann Lee", CITY, "ann@city.example", BY)),
        enrolled("cai"),
    )
    last = log.append(("person-cai", Suspended(BY, "error")), ("person-cai", Reinstated(BY, "corrected")))
    with ProjectionHost(log.url, store_feeds(log.url, 3), [PEOPLE]) as host:
        wait_applied(host, log.url, last, PEOPLE.name)
    page = ask(log.url, queries.people, START, first=10)
    found = page.people
    assert page.checkpoint.position == last and not page.has_next
    shown = {
        row.person: {
            "roles": set(row.roles),
            "courses": dict(row.courses),
            "certificates": {c.kind: (c.number, c.expires_on) for c in row.certificates},
            "suspended": row.suspended_because,
            "name": row.name,
            "organisation": row.organisation,
            "email": row.email,
        }
        for row in found
    }
    assert shown == fold(log)
    assert [row.person for row in found if row.medical_hold] == ["ben"]


def test_who_has_left_and_is_suspended_is_so_until_both_are_lifted(log: Log) -> None:
    stream = "person-ann"
    steps = [
        (Suspended(PERSONNEL_SYSTEM, "left"), "left", True),
        (Suspended(BY, "lost the badge"), "lost the badge", True),
        (Reinstated(PERSONNEL_SYSTEM, "back"), "lost the badge", False),
        (Reinstated(BY, "found it"), None, False),
    ]
    last = log.append(enrolled("ann"))
    with ProjectionHost(log.url, store_feeds(log.url), [PEOPLE]) as host:
        for event, because, left in steps:
            last = log.append((stream, event))
            wait_applied(host, log.url, last, PEOPLE.name)
            (ann,) = ask(log.url, queries.people, START).people
            assert (ann.suspended_because, ann.left_at is not None) == (because, left)
            assert (ann.suspended_at is None) == (because is None)
            dormant = ask(log.url, queries.dormant, START + 999 * DAY, first=10).people
            assert [row.person for row in dormant] == ([] if because else ["ann"])


def test_dormant_accounts_and_expired_training_are_reported(log: Log) -> None:
    course = TrainingCompleted("watch_center_use", TODAY, TODAY + 30 * DAY, BY)
    log.append(*map(enrolled, ("active", "dormant", "never", "gone", "machine", "untrained")))
    log.append(("person-untrained", RoleAssigned(Role.AUDITOR, BY)))
    log.append(*((f"person-{p}", course) for p in ("active", "gone")))
    log.append(
        ("person-dormant", replace(course, expires_on=TODAY + 999 * DAY)),
        ("person-machine", RoleAssigned(Role.SERVICE, BY)),
        ("person-gone", Suspended(BY, "left")),
        signed_on("s1", "dormant"),
        signed_on("s2", "active"),
    )
    last = log.append(("session-s9", SignOnRefused("never", "https://issuer", "otp", "10.0.0.7", ())))
    with ProjectionHost(log.url, store_feeds(log.url), [PEOPLE]) as host:
        wait_applied(host, log.url, last, PEOPLE.name)
    now = START + 91 * DAY

    def dormant(**more: Any) -> set[str]:
        return {row.person for row in ask(log.url, queries.dormant, now, first=10, **more).people}

    assert dormant() == {"active", "dormant", "never", "untrained"}
    assert dormant(unused_for=92 * DAY) == set()
    required = ("watch_center_use",)
    expired = ask(log.url, queries.expired_training, now, required, first=10).people
    assert [row.person for row in expired] == ["active", "untrained"], "neither who has left, nor without a role"
    then = ask(log.url, queries.expired_training, START + 30 * DAY, required, first=10).people
    assert [row.person for row in then] == ["untrained"]
    assert not ask(log.url, queries.expired_training, START + 30 * DAY, (), first=10).people


def test_reports_of_accounts_come_page_by_page_and_lack_nobody(log: Log) -> None:
    people = [f"p{n:04}" for n in range(1_101)]
    log.append(*map(enrolled, people))
    last = log.append(*((f"person-{p}", RoleAssigned(Role.WATCH_OPERATOR, BY)) for p in people))
    with ProjectionHost(log.url, store_feeds(log.url), [PEOPLE]) as host:
        wait_applied(host, log.url, last, PEOPLE.name)
    questions = {
        "people": lambda **page: ask(log.url, queries.people, START, **page),
        "dormant": lambda **page: ask(log.url, queries.dormant, START + 91 * DAY, **page),
        "untrained": lambda **page: ask(log.url, queries.expired_training, START, ("watch_center_use",), **page),
    }
    for name, question in questions.items():
        found: list[str] = []
        while True:
            page = question(first=400, after=found[-1] if found else None)
            found += [row.person for row in page.people]
            if not page.has_next:
                break
        assert found == people, name


def test_who_is_at_which_console_and_who_took_over(log: Log) -> None:
    log.append(enrolled("ann"), signed_on("s1", "ann"), signed_on("s2", "ann"), signed_on("s3", "ben"))
    items = (OpenItem(OpenKind.CALL, StreamId("call-26-1")), OpenItem(OpenKind.FLIGHT, StreamId("flight-f1")))
    others = tuple(OpenItem(OpenKind.COMPLAINT_WAITING, StreamId(f"complaint-{n}")) for n in "ab")
    last = log.append(
        ("session-s1", SignedOff(SignOffReason.REVOKED)),
        ("session-s2", SessionLocked("idle")),
        ("session-s3", SessionLocked("idle")),
        ("session-s3", SteppedUp(START + DAY, "otp")),
        ("shift-h1", ShiftHandedOver(PersonId("ann"), PersonId("ben"), items, 4, 9, Personal("shift-h1", "a secret"))),
        ("shift-h1", MoreWasOpen(3, others)),
    )
    with ProjectionHost(log.url, store_feeds(log.url), [PEOPLE]) as host:
        wait_applied(host, log.url, last, PEOPLE.name)
    everyone = ask(log.url, queries.sessions, None, False, START, first=10)[0]
    assert {s.session: (s.ended_because, s.locked) for s in everyone} == {
        "s1": ("revoked", False),
        "s2": (None, True),
        "s3": (None, False),
    }
    assert [s.session for s in ask(log.url, queries.sessions, "ann", True, START, first=10)[0]] == ["s2"]
    assert ask(log.url, queries.sessions, None, True, START + 10 * DAY, first=10) == ([], False)
    (one,), more = ask(log.url, queries.sessions, None, False, START, first=1)
    rest, _ = ask(log.url, queries.sessions, None, False, START, first=10, after=one.session)
    assert more and {one.session, *(s.session for s in rest)} == {"s1", "s2", "s3"} and len(rest) == 2
    (handover,), more = ask(log.url, queries.handovers, first=10)
    assert not more and (handover.handed_to, handover.open_count, handover.as_of_position) == ("ben", 4, 9)
    assert "secret" not in repr(handover)
    seen, after = [], 0
    while True:
        page, more = ask(log.url, queries.handed_over, "h1", first=3, after=after)
        seen += [(item.kind, item.stream) for item in page]
        if not more:
            break
        after = page[-1].number
    assert seen == [(item.kind, item.stream) for item in (*items, *others)]


# -- the use policy -------------------------------------------------------------


def drafted(version: int, parameters: PolicyParameters) -> tuple[str, PolicyDrafted]:
    sha256 = parameters_sha256(parameters)
    return "policy-use", PolicyDrafted(PolicyVersion(version), None, parameters, sha256, "ab" * 32, "a summary", BY)


def test_the_policy_s_history_has_every_version_with_what_became_of_it(log: Log) -> None:
    city = RECORD_ALL_KEEP_30_DAYS
    adopted = PolicyAdopted(PolicyVersion(1), (BY, PersonId("cai")), "ab" * 32, parameters_sha256(city), START)
    last = log.append(
        drafted(1, city),
        ("policy-use", adopted),
        drafted(2, replace(city, live_view_minutes=15)),
        ("policy-use", PolicyRetired(PolicyVersion(1), (BY, PersonId("cai")), "the council said so")),
    )
    with ProjectionHost(log.url, store_feeds(log.url), [POLICIES]) as host:
        wait_applied(host, log.url, last, POLICIES.name)
    second, first = ask(log.url, policies.versions)
    assert (first.version, first.adopted_by, first.in_force_from) == (1, "cai", START)
    assert first.retired_because == "the council said so"
    assert (second.adopted_at, second.drafted_by) == (None, BY)
    (difference,) = policies.differences(first.parameters, second.parameters)
    assert (difference.parameter, difference.before, difference.after) == ("live_view_minutes", "30", "15")


def test_a_diff_names_the_entries_of_a_list() -> None:
    before: dict[str, Any] = {"retention": [{"category": "a", "days": 1}, {"category": "b", "days": 2}], "n": [1]}
    after: dict[str, Any] = {"retention": [{"category": "b", "days": 3}, {"category": "c", "days": 2}], "n": [1]}
    assert [(d.parameter, d.before, d.after) for d in policies.differences(before, after)] == [
        ("retention.a", '{"category":"a","days":1}', None),
        ("retention.b", '{"category":"b","days":2}', '{"category":"b","days":3}'),
        ("retention.c", None, '{"category":"c","days":2}'),
    ]


def test_a_change_of_oversight_is_shown_while_it_waits_and_a_corrected_training_as_it_is(log: Log) -> None:
    until = START + 7 * DAY
    asked = OversightChangeAsked(OversightChange.LEAVE, None, "moved away for good", until, BY, LASD)
    confirmed = OversightChangeConfirmed(OversightChange.LEAVE, BY, PersonId("p-kim"), Organisation.OVERSIGHT)
    course = TrainingCompleted("watch_center_use", TODAY, TODAY + 900 * DAY, BY)
    corrected = TrainingCorrected("watch_center_use", course.expires_on, TODAY + 90 * DAY, "mistyped", BY)
    log.append(enrolled("aud"), ("person-aud", asked), enrolled("kim"), ("person-kim", asked))
    last = log.append(("person-kim", confirmed), ("person-kim", course), ("person-kim", corrected))
    with ProjectionHost(log.url, store_feeds(log.url, 3), [PEOPLE]) as host:
        wait_applied(host, log.url, last, PEOPLE.name)
    aud, kim = ask(log.url, queries.people, START).people
    assert aud.asked is not None
    assert (aud.asked.change, aud.asked.by, aud.asked.answer_by) == ("leave", BY, until)
    assert kim.asked is None and kim.courses == (("watch_center_use", TODAY + 90 * DAY),)
