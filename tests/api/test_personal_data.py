"""Personal data on the whole path: sealed on its way, opened for who may, destroyed by two persons, then nowhere."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import psycopg
import pytest

from infra.stack.kafka import EmbeddedKafka
from infra.stack.processes import wait_until
from tests.api.looking import REQUEST as LOOK
from tests.api.looking import camera, grounds
from tests.api.watch_center import ANSWER, Asker, Json, WatchCenter

RECEIVE = f"""mutation($said: String!, $name: String!, $at: DateTime!) {{
  receiveFeedback(topic: "drone", said: $said, name: $name, receivedAt: $at) {{ {ANSWER} }} }}"""
CLOSE = f'mutation($id: ID!) {{ closeFeedback(complaint: $id, disposal: "thanked") {{ {ANSWER} }} }}'
REQUEST = f"""mutation($subject: ID!) {{ requestDestructionOfPersonalData(subject: $subject, ground: "person_asked",
  reference: "request 2026-14") {{ {ANSWER} }} }}"""
APPROVE = f"mutation($subject: ID!) {{ answerDestructionOfPersonalData(subject: $subject) {{ {ANSWER} }} }}"
TEXTS = "query($id: ID!, $at: Position) { complaint(id: $id, afterPosition: $at) { texts { said name } } }"
EVENT = "query($position: Position!) { auditEvent(position: $position) { content personal { field subject text } } }"
SUBJECT = """query($id: ID, $at: Position) { personalSubjects(id: $id, afterPosition: $at) { subjects {
  id state ground reference requestedBy { id } approvedBy { id } unrecoverableAfter destroyedUnderPolicy
  reasons { code } } } }"""
IMPORT = """mutation($file: String!) { importPlateHits(provider: "a stick", file: $file) { line hit message } }"""
HITS = """query($at: Position) { plateHits(state: "waiting", first: 100, afterPosition: $at) {
  edges { node { id plate } } } }"""


def told(asker: Asker, mutation: str, **variables: object) -> Json:
    (answer,) = asker.ask(mutation, **variables).values()
    made: Json = answer
    return made


class Neighbour:
    """Feedback of somebody of the public, with words that stand nowhere else."""

    def __init__(self, center: WatchCenter) -> None:
        self.center = center
        self.said = f"It hung over our yard. {secrets.token_hex(12)}"
        self.name = f"Ana {secrets.token_hex(12)}"
        self.analyst = center.as_role("city_analyst")
        at = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
        answer = told(self.analyst, RECEIVE, said=self.said, name=self.name, at=at)
        assert answer["__typename"] == "Accepted", answer
        self.id, self.position = answer["id"], answer["position"]
        self.subject = f"complaint-{self.id}"

    def texts(self) -> Json | None:
        texts: Json | None = self.analyst.ask(TEXTS, id=self.id, at=self.center.head())["complaint"]["texts"]
        return texts

    def standing(self, asker: Asker | None = None) -> Json:
        page = (asker or self.analyst).ask(SUBJECT, id=self.subject, at=self.center.head())["personalSubjects"]
        (found,) = page["subjects"]
        standing: Json = found
        return standing


@pytest.fixture
def neighbour(watch_center: WatchCenter) -> Neighbour:
    return Neighbour(watch_center)


@pytest.mark.rule("record.public_sealed")
def test_what_the_public_says_is_in_clear_in_no_table_and_in_no_segment_of_the_log(
    neighbour: Neighbour, kafka: EmbeddedKafka
) -> None:
    center = neighbour.center
    center.applied(neighbour.position)  # so it has gone through Kafka and every read model
    with psycopg.connect(center.url) as connection:
        tables = connection.execute(
            "SELECT format('%I.%I', table_schema, table_name) FROM information_schema.tables WHERE table_type ="
            " 'BASE TABLE' AND table_schema NOT IN ('pg_catalog', 'information_schema')"
        ).fetchall()
        for (table,) in tables:
            for said in (neighbour.said, neighbour.name):
                needles = (f"%{said}%", f"%{said.encode().hex()}%")
                query = f"SELECT FROM {table} t WHERE t::text LIKE ANY(%s)"
                assert connection.execute(query.encode(), (list(needles),)).rowcount == 0, table
    # Of this installation's topics: those of other tests may be deleted just now.
    segments = list((kafka.data / "log").glob(f"{center.settings.topic_prefix}.*/*.log"))
    assert any(neighbour.id.encode() in path.read_bytes() for path in segments), "the event itself is there"
    assert not any(neighbour.said.encode() in path.read_bytes() for path in segments)
    assert neighbour.texts() == {"said": neighbour.said, "name": neighbour.name}


@pytest.mark.rule("record.key_destroyed")
def test_two_persons_destroy_what_was_said_when_its_matter_is_over(neighbour: Neighbour) -> None:
    center, captain = neighbour.center, neighbour.center.as_role("station_commander", step_up=True)
    refused = told(neighbour.analyst, REQUEST, subject=neighbour.subject)
    assert [reason["code"] for reason in refused["reasons"]] == ["complaint_open"]
    assert told(neighbour.analyst, CLOSE, id=neighbour.id)["__typename"] == "Accepted"
    assert told(neighbour.analyst, REQUEST, subject=neighbour.subject)["__typename"] == "Accepted"
    assert neighbour.standing()["state"] == "asked" and neighbour.texts()
    own = told(neighbour.analyst, APPROVE, subject=neighbour.subject)
    assert [reason["code"] for reason in own["reasons"]] == ["not_permitted"]
    assert told(captain, APPROVE, subject=neighbour.subject)["__typename"] == "Accepted"
    assert wait_until(lambda: neighbour.texts() == {"said": None, "name": None}, 60)
    standing = neighbour.standing(center.as_role("auditor"))
    assert (standing["state"], standing["ground"], standing["reference"]) == (
        "destroyed",
        "person_asked",
        "request 2026-14",
    )
    assert standing["approvedBy"]["id"] == captain.person and standing["destroyedUnderPolicy"] >= 1
    gone = datetime.fromisoformat(standing["unrecoverableAfter"])
    assert gone > datetime.now(UTC) + timedelta(days=34)


@pytest.mark.rule("record.key_destroyed")
def test_nobody_destroys_the_reasons_of_accesses_that_oversight_has_not_looked_at(watch_center: WatchCenter) -> None:
    deputy, stated = watch_center.as_role("watch_operator"), grounds(watch_center)
    told_of = deputy.accepted(LOOK, feed=camera(watch_center), grounds=stated)
    watch_center.applied(told_of["position"])
    refused = told(watch_center.as_role("city_analyst"), REQUEST, subject=f"call-{stated['callNumber']}")
    assert {reason["code"] for reason in refused["reasons"]} == {"call_open", "access_not_sampled"}
    (event,) = [e for e in watch_center.events(f"subjectkey-call-{stated['callNumber']}") if "refused" in e["type"]]
    assert event["data"]["reasons"][1]["code"] == "access_not_sampled"


def test_oversight_reads_in_the_trail_what_was_said_until_it_is_destroyed(neighbour: Neighbour) -> None:
    center, auditor = neighbour.center, neighbour.center.as_role("auditor")
    center.applied(neighbour.position)
    event = auditor.ask(EVENT, position=neighbour.position)["auditEvent"]
    assert neighbour.said not in event["content"]
    assert {text["text"] for text in event["personal"]} == {neighbour.said, neighbour.name}
    assert {text["subject"] for text in event["personal"]} == {neighbour.subject}
    with psycopg.connect(center.url, autocommit=True) as connection:
        connection.execute("SELECT keys.destroy(%s)", (neighbour.subject,))
    # Asked the same again, with no event in between: nothing of the first answer is kept.
    assert wait_until(
        lambda: (
            {t["text"] for t in auditor.ask(EVENT, position=neighbour.position)["auditEvent"]["personal"]} == {None}
        ),
        30,
    )


def test_a_plate_of_a_hit_is_seen_by_who_decides_on_it_and_goes_with_its_key(watch_center: WatchCenter) -> None:
    plate = f"8{secrets.token_hex(3).upper()}"
    head = "reference,hot_list,plate,plate_state,reader,seen_at"
    line = f"h-{uuid4().hex},stolen vehicles,{plate},CA,west,2026-06-01T12:09:51Z"
    (made,) = watch_center.as_role("watch_supervisor").ask(IMPORT, file=f"{head}\n{line}")["importPlateHits"]
    deputy = watch_center.as_role("watch_operator")

    def seen() -> str | None:
        edges = deputy.ask(HITS, at=watch_center.head())["plateHits"]["edges"]
        return next(edge["node"]["plate"] for edge in edges if edge["node"]["id"] == made["hit"])

    assert seen() == plate
    (event,) = watch_center.events(f"platesearch-{made['hit']}")
    with psycopg.connect(watch_center.url, autocommit=True) as connection:
        connection.execute("SELECT keys.destroy(%s)", (event["data"]["plate"]["subject"],))
    assert wait_until(lambda: seen() is None, 30)


def test_who_may_not_list_subjects_is_told(watch_center: WatchCenter) -> None:
    for role in ("watch_operator", "administrator"):
        errors = watch_center.as_role(role).errors("{ personalSubjects { position } }")
        assert {error["extensions"]["code"] for error in errors} == {"not_permitted"}
    wrong = '{ personalSubjects(which: "everything") { position } }'
    assert watch_center.as_role("auditor").code(wrong) == "invalid_value"
