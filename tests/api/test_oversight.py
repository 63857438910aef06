"""Oversight and complaints through GraphQL: from the commitment to what was done, from feedback to its answer."""

from __future__ import annotations

import hashlib
import json
import secrets
from datetime import UTC, datetime, timedelta
from io import BytesIO

import psycopg
import pytest
from pypdf import PdfReader

from tests.api.watch_center import Asker, Json, WatchCenter

DUE = (
    "oversightQueue(first: 100, afterPosition: $at) { waiting overdue due { kind stream review number overdue dueAt } }"
)
FINDINGS = """findings(first: 100, open: $open, afterPosition: $at) { findings {
  id review number kind about person { id } shortcoming measure takenBy { id } overdue } }"""
SAMPLES = """auditSamples(week: $week, afterPosition: $at) { samples {
  week nonceSha256 nonce weekEndsAt committedBy { id } drawnAt accesses { position } findings { id } } }"""
COMPLAINT = """complaint(id: $id, afterPosition: $at) { phase channel topic wantsAnswer overdue answerBy late
  concerns { id } assignedTo { id } resolution texts { said name contact answer measure } }"""
COMMIT = "mutation($week: String!, $hash: String!) { commitAuditSeed(week: $week, nonceSha256: $hash)"
ANSWER = " { __typename ...on Accepted { position id } ...on Refused { reasons { code } } ...on Mistaken { field } } }"


def told(asker: Asker, mutation: str, field: str, **variables: object) -> Json:
    answer: Json = asker.ask(mutation + ANSWER, **variables)[field]
    return answer


def this_week() -> str:
    year, week, _ = datetime.now(UTC).isocalendar()
    return f"{year}-W{week:02}"


def coming_week() -> str:
    year, week, _ = (datetime.now(UTC) + timedelta(days=7)).isocalendar()
    return f"{year}-W{week:02}"


def test_oversight_commits_to_a_nonce_that_nobody_can_change(watch_center: WatchCenter) -> None:
    auditor, week = watch_center.as_role("auditor"), coming_week()
    nonce = secrets.token_bytes(32)
    digest = hashlib.sha256(nonce).hexdigest()
    answer = told(auditor, COMMIT, "commitAuditSeed", week=week, hash=digest)
    assert answer["__typename"] == "Accepted"
    other = told(auditor, COMMIT, "commitAuditSeed", week=week, hash="00" * 32)
    assert [reason["code"] for reason in other["reasons"]] == ["seed_committed"]
    draw = "mutation($week: String!, $nonce: String!) { drawAuditSample(week: $week, nonce: $nonce)"
    early = told(auditor, draw, "drawAuditSample", week=week, nonce=nonce.hex())
    assert [reason["code"] for reason in early["reasons"]] == ["week_not_over"]
    query = f"query($week: String, $at: Position) {{ {SAMPLES} }}"
    (sample,) = auditor.ask(query, week=week, at=answer["position"])["auditSamples"]["samples"]
    assert (sample["nonceSha256"], sample["nonce"], sample["accesses"]) == (digest, None, [])


def test_only_oversight_commits_and_only_those_who_answer_for_findings_read_them(watch_center: WatchCenter) -> None:
    for role in ("watch_supervisor", "administrator", "station_commander"):
        answer = told(watch_center.as_role(role), COMMIT, "commitAuditSeed", week=this_week(), hash="00" * 32)
        assert [reason["code"] for reason in answer["reasons"]] == ["not_permitted"]
    query = f"query($at: Position) {{ {DUE} }}"
    for role in ("watch_operator", "watch_supervisor", "administrator", "remote_pilot"):
        assert watch_center.as_role(role).code(query) == "not_permitted"


def test_a_finding_waits_in_the_queue_until_something_was_done_about_it(watch_center: WatchCenter) -> None:
    auditor, captain = watch_center.as_role("auditor"), watch_center.as_role("station_commander")
    person = watch_center.enrolled("watch_operator")
    find = "mutation($input: OversightFindingInput!) { recordFinding(input: $input)"
    said = {"kind": "vague_reason", "shortcoming": "the reason says 'investigation' and nothing else"}
    found = told(auditor, find, "recordFinding", input={**said, "about": f"person-{person}", "personId": person})
    assert found["__typename"] == "Accepted"
    review, query = found["id"], f"query($at: Position) {{ {DUE} }}"
    (due,) = [
        due for due in captain.ask(query, at=found["position"])["oversightQueue"]["due"] if due["review"] == review
    ]
    assert (due["kind"], due["number"], due["overdue"]) == ("act_on_finding", 1, False)
    act = "mutation($review: ID!, $text: String!) { takeCorrectiveAction(review: $review, finding: 1, measure: $text)"
    refused = told(auditor, act, "takeCorrectiveAction", review=review, text="the operator was told")
    assert [reason["code"] for reason in refused["reasons"]] == ["not_permitted"]
    done = told(captain, act, "takeCorrectiveAction", review=review, text="the operator was told what a reason is")
    query = f"query($open: Boolean!, $at: Position) {{ {FINDINGS} }}"
    listed = auditor.ask(query, open=False, at=done["position"])["findings"]["findings"]
    (finding,) = [finding for finding in listed if finding["review"] == review]
    assert finding["measure"] == "the operator was told what a reason is"
    assert finding["shortcoming"] == said["shortcoming"] and finding["person"]["id"] == person
    waiting = auditor.ask(query, open=True, at=done["position"])["findings"]["findings"]
    assert review not in [finding["review"] for finding in waiting]
    wrong = told(auditor, find, "recordFinding", input={**said, "about": "kite-7"})
    assert wrong == {"__typename": "Mistaken", "field": "about"}


def test_a_disclosure_waits_for_its_review_by_oversight(watch_center: WatchCenter) -> None:
    auditor, sergeant = watch_center.as_role("auditor"), watch_center.as_role("watch_supervisor")
    ask = """mutation($what: ID!, $grounds: GroundsInput!) { requestDisclosure(what: $what, recipient: "The DA",
      legalBasis: {kind: "warrant", number: "SW-26-77", issuer: "Superior Court"}, grounds: $grounds)"""
    call = watch_center.call()
    grounds = {"purpose": "homicide_trial", "reason": "evidence in the trial of case 26-00417", "callNumber": call}
    asked = told(sergeant, ask, "requestDisclosure", what=f"call-{call}", grounds=grounds)
    make = "mutation($id: ID!) { makeDisclosure(disclosure: $id)"
    captain = watch_center.as_role("station_commander", step_up=True)
    made = told(captain, make, "makeDisclosure", id=asked["id"])
    assert made["__typename"] == "Accepted", made
    query, stream = f"query($at: Position) {{ {DUE} }}", f"disclosure-{asked['id']}"

    def waiting(at: int) -> list[Json]:
        queue = auditor.ask(query, at=at)["oversightQueue"]
        assert queue["waiting"] >= len(queue["due"]) and queue["overdue"] <= queue["waiting"]
        assert [due["dueAt"] for due in queue["due"]] == sorted(due["dueAt"] for due in queue["due"])
        return [due for due in queue["due"] if due["stream"] == stream]

    (due,) = waiting(made["position"])
    assert (due["kind"], due["review"], due["overdue"]) == ("review_disclosure", None, False)
    review = (
        "mutation($id: ID!, $verdict: String!, $note: String!)"
        " { reviewDisclosure(disclosure: $id, verdict: $verdict, note: $note)"
    )
    refused = told(captain, review, "reviewDisclosure", id=asked["id"], verdict="proper", note="")
    assert [reason["code"] for reason in refused["reasons"]] == ["not_permitted"]
    unsaid = told(auditor, review, "reviewDisclosure", id=asked["id"], verdict="improper", note="")
    assert unsaid == {"__typename": "Mistaken", "field": "note"}
    done = told(auditor, review, "reviewDisclosure", id=asked["id"], verdict="proper", note="the warrant was seen")
    assert done["__typename"] == "Accepted" and waiting(done["position"]) == []


def test_oversight_sees_who_read_the_record_what_left_it_and_what_did_not_agree(watch_center: WatchCenter) -> None:
    deputy = watch_center.asker(watch_center.enrolled("watch_operator"))
    auditor = watch_center.asker(watch_center.enrolled("auditor", "oversight"))
    deputy.ask("{ auditTrail(first: 1) { position } }")
    query = """query($person: ID, $at: Position) { consultations(personId: $person, first: 1, afterPosition: $at) {
      pageInfo { hasNextPage endCursor } edges { node { person { id } role question filter upToPosition } } } }"""
    at = watch_center.head()
    (edge,) = auditor.ask(query, person=deputy.person, at=at)["consultations"]["edges"]
    assert (edge["node"]["question"], edge["node"]["role"]) == ("audit_trail", "watch_operator")
    assert edge["node"]["filter"] == [f"person={deputy.person}"]
    (own,) = deputy.ask(query, at=at)["consultations"]["edges"]  # one's own alone
    assert own["node"]["person"]["id"] == deputy.person
    for role in ("watch_operator", "station_commander", "city_analyst"):
        asker = watch_center.as_role(role)
        assert asker.code(query, person=auditor.person) == "not_permitted"  # nobody sees what oversight looks at
        assert asker.code("{ auditExports { edges { cursor } } }") == "not_permitted"
    # Looking at who looked is on the record as well.
    assert ("consultations", [f"person={deputy.person}"]) in readings(watch_center, auditor.person)
    export = """mutation { exportAuditTrail(format: "csv", purpose: "the year", section: "§ 1", reason: "why not",
      filter: {type: "none"})"""
    made = told(auditor, export, "exportAuditTrail")
    listed = auditor.ask(
        "query($at: Position) { auditExports(first: 1, afterPosition: $at)"
        " { edges { node { id format person { id } } } } }",
        at=made["position"],
    )["auditExports"]["edges"]
    assert listed[0]["node"] == {"id": made["id"], "format": "csv", "person": {"id": auditor.person}}
    assert auditor.ask("{ discrepancies { edges { node { kind } } } }")["discrepancies"]["edges"] == []


def test_a_complaint_goes_from_the_desk_to_its_answer(watch_center: WatchCenter) -> None:
    analyst = watch_center.as_role("city_analyst")
    captain, supervisor = watch_center.enrolled("station_commander"), watch_center.enrolled("watch_supervisor")
    receive = (
        'mutation($said: String!, $at: DateTime!) { receiveFeedback(topic: "conduct", said: $said, receivedAt: $at,'
        ' name: "Ana Pérez", contact: "ana@mail.example", wantsAnswer: true)'
    )
    now = datetime.now(UTC).isoformat()
    key = told(analyst, receive, "receiveFeedback", said="He followed my car for no reason.", at=now)["id"]
    open_ = 'mutation($id: ID!, $person: ID) { openComplaint(complaint: $id, topic: "conduct", concerns: $person)'
    assert told(analyst, open_, "openComplaint", id=key, person=supervisor)["__typename"] == "Accepted"
    assign = "mutation($id: ID!, $person: ID!) { assignComplaint(complaint: $id, personId: $person)"
    concerned = told(analyst, assign, "assignComplaint", id=key, person=supervisor)
    assert [reason["code"] for reason in concerned["reasons"]] == ["concerned"]
    at = told(analyst, assign, "assignComplaint", id=key, person=captain)["position"]
    query = f"query($id: ID!, $at: Position) {{ {COMPLAINT} }}"
    seen = watch_center.asker(captain).ask(query, id=key, at=at)["complaint"]
    assert (seen["phase"], seen["assignedTo"]["id"], seen["overdue"]) == ("assigned", captain, False)
    assert (seen["texts"]["said"], seen["texts"]["name"]) == ("He followed my car for no reason.", "Ana Pérez")
    assert watch_center.asker(supervisor).ask(query, id=key, at=at)["complaint"]["texts"] is None
    resolve = (
        "mutation($id: ID!, $text: String!)"
        ' { resolveComplaint(complaint: $id, resolution: "sustained", answer: $text, measure: "he was retrained")'
    )
    assert told(analyst, resolve, "resolveComplaint", id=key, text="you were right")["__typename"] == "Refused"
    done = told(watch_center.asker(captain), resolve, "resolveComplaint", id=key, text="you were right, and we act")
    seen = analyst.ask(query, id=key, at=done["position"])["complaint"]
    assert (seen["phase"], seen["resolution"], seen["late"]) == ("resolved", "sustained", False)
    assert (seen["texts"]["answer"], seen["texts"]["measure"]) == ("you were right, and we act", "he was retrained")
    figures = (
        "query($from: DateTime!, $to: DateTime!, $at: Position) { complaintFigures(since: $from, until: $to,"
        " afterPosition: $at) { received complaints answered overdue medianDays } }"
    )
    to = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    counted = analyst.ask(figures, **{"from": now}, to=to, at=done["position"])["complaintFigures"]
    assert counted["answered"] == 1 and 0 <= counted["medianDays"] < 1
    assert analyst.code(figures, **{"from": now[:19]}, to=to) == "invalid_value"
    assert analyst.code(figures, **{"from": now}, to=to[:19]) == "invalid_value"


def test_who_does_not_answer_complaints_reads_none(watch_center: WatchCenter) -> None:
    query = 'query { complaints(which: "new") { complaints { id } } }'
    for role in ("watch_operator", "remote_pilot", "administrator"):
        assert watch_center.as_role(role).code(query) == "not_permitted"
    assert watch_center.as_role("city_analyst").code(query.replace("new", "old")) == "invalid_value"


def test_an_export_of_the_audit_trail_is_on_the_record_with_its_hash_and_without_the_public(
    watch_center: WatchCenter,
) -> None:
    auditor, call = watch_center.as_role("auditor"), watch_center.call()
    export = (
        "mutation($format: String!, $filter: AuditFilter) { exportAuditTrail(format: $format,"
        ' purpose: "council inquiry", section: "Gov. Code §7927.700", reason: "members of the public", filter: $filter)'
    )
    wanted = {"subject": f"call-{call}"}
    query = """query($id: ID!) { auditExport(id: $id) { format filter records fileSha256 sizeBytes content download
      mediaType asOfPosition redactions { element times section redactedBy { id } } exportedBy { id } } }"""
    for format_ in ("csv", "jsonl", "pdf"):
        answer = told(auditor, export, "exportAuditTrail", format=format_, filter=wanted)
        assert answer["__typename"] == "Accepted", answer
        found = auditor.ask(query, id=answer["id"])["auditExport"]
        file = auditor.http.get(found["download"])
        assert file.status_code == 200 and file.headers["content-type"] == found["mediaType"]
        assert found["fileSha256"] == hashlib.sha256(file.content).hexdigest()
        assert found["content"] == (None if format_ == "pdf" else file.text)
        assert found["fileSha256"][:12] in file.headers["content-disposition"]
        assert (found["filter"], found["records"]) == (
            [f"subject=call-{call}"],
            len(watch_center.events(f"call-{call}")),
        )
        text = PdfReader(BytesIO(file.content)).pages[0].extract_text() if format_ == "pdf" else file.text
        assert f"call-{call}" in text
        assert {r["redactedBy"]["id"] for r in found["redactions"]} <= {auditor.person}
        (event,) = watch_center.events(f"review-{answer['id']}")
        assert event["data"]["file_sha256"] == found["fileSha256"]
        if format_ == "pdf":
            assert f"Complete up to position {found['asOfPosition']}" in text
            assert f"Rolling hash there {rolling_hash(watch_center, found['asOfPosition'])}" in text
    (whole,) = [event for event in readings(watch_center, auditor.person) if event[1] == [f"export={answer['id']}"]]
    assert whole[0] == "audit_export"  # looked at and downloaded: one consultation
    captain = watch_center.as_role("station_commander")
    refused = told(captain, export, "exportAuditTrail", format="csv", filter=wanted)
    assert [reason["code"] for reason in refused["reasons"]] == ["not_permitted"]
    denied = captain.http.get(found["download"])
    assert (denied.status_code, denied.json()["errors"][0]["extensions"]["code"]) == (403, "not_permitted")
    assert watch_center.http().get(found["download"]).status_code == 401
    for nothing in ("nothing", "%0a", "week-2026-W01", "x" * 200):
        assert auditor.http.get(f"/audit-exports/{nothing}").status_code == 404
    assert told(auditor, export, "exportAuditTrail", format="docx") == {"__typename": "Mistaken", "field": "format"}


def test_asking_for_the_size_and_hash_of_an_export_is_no_reading_and_its_download_is(watch_center: WatchCenter) -> None:
    auditor = watch_center.as_role("auditor")
    export = (
        'mutation { exportAuditTrail(format: "csv", purpose: "council inquiry", section: "Gov. Code §7927.700",'
        ' reason: "members of the public")'
    )
    key = told(auditor, export, "exportAuditTrail")["id"]
    address = f"/audit-exports/{key}"

    def times_read() -> int:
        return sum(event[1] == [f"export={key}"] for event in readings(watch_center, auditor.person))

    asked = auditor.http.head(address)
    assert (asked.status_code, asked.content) == (200, b"")
    assert watch_center.as_role("station_commander").http.head(address).status_code == 403
    assert times_read() == 0
    file = auditor.http.get(address)
    assert times_read() == 1
    assert int(asked.headers["content-length"]) == len(file.content) > 0
    same = ("content-length", "content-type", "content-disposition", "repr-digest", "cache-control")
    assert [asked.headers[name] for name in same] == [file.headers[name] for name in same]


def rolling_hash(watch_center: WatchCenter, position: int) -> str:
    """By hand, out of the log."""
    with psycopg.connect(watch_center.url) as connection:
        rows = connection.execute(
            "SELECT state FROM events.stored_events WHERE notification_id <= %s ORDER BY notification_id", (position,)
        ).fetchall()
    assert len(rows) == position
    root = bytes(32)
    for (content,) in rows:
        root = hashlib.sha256(root + hashlib.sha256(bytes(content)).digest()).digest()
    return root.hex()


CONSULTED = "review.audit_trail_consulted"
TRAIL_OF = "query($filter: AuditFilter, $at: Position) { auditTrail(filter: $filter, first: 50, afterPosition: $at) "
SEEN = "{ edges { node { position type actor { id } role sessionId outcome decidedBy content } } } }"


def readings(watch_center: WatchCenter, person: str) -> list[tuple[str, list[str]]]:
    """What this person read, as the audit trail tells it: question and filter, in the order of the log."""
    watch_center.applied(watch_center.head())
    wanted = {"personId": person, "type": CONSULTED}
    found = watch_center.as_role("auditor").ask(TRAIL_OF + SEEN, filter=wanted)["auditTrail"]["edges"]
    data = [json.loads(edge["node"]["content"])["data"] for edge in reversed(found)]
    return [(told["question"], told["filter"]) for told in data]


@pytest.mark.rule("oversight.reading")
def test_every_reading_of_the_record_is_itself_on_the_record(watch_center: WatchCenter) -> None:
    person = watch_center.enrolled("auditor", "oversight")
    auditor, camera = watch_center.asker(person), f"camera-{secrets.token_hex(4)}"
    asked = [
        (f'auditTrail(filter: {{personId: "{person}", outcome: "granted"}})', "{ position }"),
        ("auditEvent(position: 1)", "{ id }"),
        ('accessRecord(personId: "j.alvarez", kind: "live_view")', "{ position }"),
        (f'audience(subject: "{camera}")', "{ position }"),
        ('refusedAttempts(personId: "j.alvarez")', "{ position }"),
        (f'openViews(feed: "{camera}")', "{ feed }"),
        ('plateSearches(personId: "j.alvarez")', "{ position }"),
        ('consoleSessions(person: "j.alvarez")', "{ position }"),
        ('incident(callNumber: "26-117")', "{ position }"),
    ]
    for field, selected in asked:
        for _ in range(2):  # again, as a page does that turns or keeps itself fresh
            auditor.ask(f"{{ {field} {selected} }}")
    assert readings(watch_center, person) == [
        ("audit_trail", [f"person={person}", "outcome=granted"]),
        ("audit_event", ["position=1"]),
        ("access_record", ["person=j.alvarez", "kind=live_view"]),
        ("audience", [f"subject={camera}"]),
        ("refused_attempts", ["person=j.alvarez"]),
        ("open_views", [f"feed={camera}"]),
        ("plate_searches", ["person=j.alvarez"]),
        ("sign_ons", ["person=j.alvarez"]),
        ("incident", ["call=26-117"]),
    ]


def test_whoever_reads_their_own_record_is_on_the_record_with_the_rule_that_let_them(watch_center: WatchCenter) -> None:
    person = watch_center.enrolled("watch_operator")
    deputy = watch_center.asker(person)
    answer = deputy.ask("{ auditTrail(first: 5) { position } }")["auditTrail"]
    watch_center.applied(watch_center.head())
    wanted = {"personId": person, "type": CONSULTED}
    (edge,) = watch_center.as_role("auditor").ask(TRAIL_OF + SEEN, filter=wanted)["auditTrail"]["edges"]
    told = json.loads(edge["node"]["content"])["data"]
    assert (told["question"], told["up_to_position"]) == ("audit_trail", answer["position"])
    assert (edge["node"]["role"], edge["node"]["outcome"]) == ("watch_operator", "granted")
    assert edge["node"]["decidedBy"].startswith("everyone-reads-own-record@")
    # They see their own reading, like everything else they did.
    own = deputy.ask(TRAIL_OF + SEEN, filter={"type": CONSULTED})["auditTrail"]["edges"]
    assert edge["node"]["position"] in [each["node"]["position"] for each in own]


def test_pages_turned_and_asked_at_once_are_one_consultation(watch_center: WatchCenter) -> None:
    person = watch_center.enrolled("auditor", "oversight")
    auditor = watch_center.asker(person)
    twenty = " ".join(
        f'a{n}: auditTrail(first: 1, filter: {{type: "call.call_received"}}) {{ position }}' for n in range(20)
    )
    auditor.ask(f"{{ {twenty} }}")
    for size in (1, 2, 3):
        auditor.ask(f'{{ auditTrail(first: {size}, filter: {{type: "call.call_received"}}) {{ position }} }}')
    assert readings(watch_center, person) == [("audit_trail", ["type=call.call_received"])]


def test_an_attempt_to_read_the_record_of_others_is_on_the_record(watch_center: WatchCenter) -> None:
    deputy = watch_center.asker(watch_center.enrolled("watch_operator"))
    query = f'{{ audience(subject: "camera-{secrets.token_hex(4)}") {{ position }} }}'
    for _ in range(3):
        assert deputy.code(query) == "not_permitted"
    assert deputy.code('{ accessRecord(personId: "s.bhatt") { position } }') == "not_permitted"
    watch_center.applied(watch_center.head())
    wanted = {"personId": deputy.person, "type": "session.attempt_refused"}
    (edge,) = watch_center.as_role("auditor").ask(TRAIL_OF + SEEN, filter=wanted)["auditTrail"]["edges"]
    assert json.loads(edge["node"]["content"])["data"]["action"] == "read_audit_trail"
    assert edge["node"]["outcome"] == "refused"


@pytest.mark.rule("oversight.reading")
def test_what_cannot_be_put_on_the_record_is_not_shown(watch_center: WatchCenter) -> None:
    auditor = watch_center.asker(watch_center.enrolled("auditor", "oversight"))
    auditor.ask("{ auditTrail(first: 1) { position } }")
    with psycopg.connect(watch_center.url) as connection:
        connection.execute("SELECT * FROM events.head FOR UPDATE")  # no append comes through, while all reads do
        (error,) = auditor.errors('{ auditTrail(first: 1, filter: {outcome: "refused"}) { position } }')
        assert error["extensions"]["code"] == "store_unavailable"
        assert auditor.ask("{ auditTrail(first: 2) { position } }")  # is part of what is on the record already
    auditor.ask('{ auditTrail(first: 1, filter: {outcome: "refused"}) { position } }')


@pytest.mark.rule("oversight.reading")
def test_the_auditor_reads_every_record(watch_center: WatchCenter) -> None:
    auditor, end = watch_center.as_role("auditor"), watch_center.head()
    page = """query($after: String, $at: Position) { auditTrail(first: 100, order: POSITION_ASC, after: $after,
      afterPosition: $at) { pageInfo { hasNextPage endCursor } edges { node { position content } } } }"""
    read: list[Json] = []
    cursor, more = None, True
    while more and (not read or read[-1]["position"] < end):
        found = auditor.ask(page, after=cursor, at=end)["auditTrail"]
        read += [edge["node"] for edge in found["edges"]]
        cursor, more = found["pageInfo"]["endCursor"], found["pageInfo"]["hasNextPage"]
    assert [node["position"] for node in read[:end]] == list(range(1, end + 1))
    with psycopg.connect(watch_center.url) as connection:
        stored = connection.execute(
            "SELECT state FROM events.stored_events WHERE notification_id <= %s ORDER BY notification_id", (end,)
        ).fetchall()
    assert [node["content"].encode() for node in read[:end]] == [bytes(content) for (content,) in stored]


QUESTIONS = (  # what there is to read beside the audit trail, from each capability
    "flights(first: 1) { position }",
    'flight(id: "none") { id }',
    "handovers { pageInfo { hasNextPage } }",
    "stillOpen { position }",
    "unverifiedCases { position }",
    "accounts { position }",
    "dormantAccounts { position }",
    "expiredTraining { position }",
    "consoleSessions { position }",
    "overrides { position }",
    "openViews { stream }",
    "accessRecord { position }",
    'audience(subject: "camera-none") { position }',
    "refusedAttempts { position }",
    "cameras { position }",
    "watchers { feed }",
    "retainedFootage { position }",
    "legalHolds { position }",
    "privacyZones(retired: true) { position }",
    "complaints { position }",
    "plateSearches { position }",
    "pilotProgrammes { id }",
    "auditSamples { position }",
    "findings { position }",
    "oversightQueue { position }",
    "consultations { position }",
    "auditExports { position }",
    "discrepancies { position }",
    "usePolicy { version }",
)


@pytest.mark.parametrize("question", QUESTIONS)
def test_the_auditor_may_ask_every_read_model(watch_center: WatchCenter, question: str) -> None:
    answer = watch_center.as_role("auditor").send({"query": f"{{ {question} }}"}).json()
    assert "errors" not in answer, answer
