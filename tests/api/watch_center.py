"""The product as it runs, for the tests of its face: store, relay, projector, reactor, API, each wired as in service.

Everything of ours runs in threads of the test's process; PostgreSQL and Kafka are real servers.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from time import monotonic, sleep
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
import psycopg
import structlog
from graphql import build_schema, get_named_type, is_composite_type, is_required_argument, parse, print_ast

from adapters import event_store
from adapters import keys as key_store
from adapters.event_store import LOGINS, login_roles
from adapters.heartbeats import PostgresHeartbeats
from adapters.identity.development_issuer import issue_token
from adapters.kafka import topics
from adapters.kafka.feed import feed_factory
from adapters.kafka.relay import Relay
from adapters.kafka.telemetry import TelemetryTail
from adapters.keys.encryption import new_key
from api.graphql import schema as graphql_schema
from api.observability import Health
from api.processes import api, demonstration, reactor, wiring
from api.processes.running import Running
from api.settings import Settings
from application.views import Views
from infra.stack.processes import free_port
from projections.engine import catalogue
from projections.engine.host import ProjectionHost
from projections.live_board.telemetry import TelemetryBoard
from projections.registry import PROJECTIONS
from tests.adapters.event_store.appends import PASSWORD

Json = dict[str, Any]
CAD_KEY = "the key of dispatch"
SCIM_KEY = "the key of the personnel system"
ANSWER = """__typename
  ... on Accepted { commandId position stream id replayed outcome recorded }
  ... on Refused { commandId position stream decidedBy reasons { code message rule field accepted } }
  ... on Mistaken { commandId code field message accepted }
  ... on Unavailable { commandId code message retryAfterSeconds }"""


def until(condition: Callable[[], object], seconds: float = 60, *, what: str = "") -> None:
    """Wait for a condition; fail when it has not come true in time."""
    deadline = monotonic() + seconds
    while not condition():
        assert monotonic() < deadline, f"not in {seconds:g} s: {what or condition}"
        sleep(0.02)


@contextmanager
def environment(values: Mapping[str, str]) -> Iterator[None]:
    """What the verbs that people type read their settings from."""
    before = dict(os.environ)
    os.environ.update(values)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@contextmanager
def thread(name: str, run: Callable[[threading.Event], None]) -> Iterator[None]:
    stop = threading.Event()
    running = threading.Thread(target=run, args=(stop,), name=name, daemon=True)
    running.start()
    try:
        yield
    finally:
        stop.set()
        running.join(60)
        assert not running.is_alive(), f"{name} did not stop"


@dataclass
class Asker:
    """Somebody who asks over HTTP, with a token of their own and so a session of their own."""

    http: httpx.Client
    person: str
    token: str

    def send(self, body: object, **headers: str) -> httpx.Response:
        return self.http.post("/graphql", json=body, headers=headers)

    def ask(self, query: str, **variables: object) -> Json:
        """The data. Errors fail the test; a read model that is not there yet is asked again, as its answer says."""
        deadline = monotonic() + 60
        while "errors" in (answer := self.send({"query": query, "variables": variables}).json()):
            late = [error["extensions"].get("code") for error in answer["errors"]] == ["not_yet_applied"]
            assert late and monotonic() < deadline, answer["errors"]
        data: Json = answer["data"]
        return data

    def errors(self, query: str, **variables: object) -> list[Json]:
        errors: list[Json] = self.send({"query": query, "variables": variables}).json()["errors"]
        return errors

    def code(self, query: str, **variables: object) -> str:
        """The code of the only error."""
        (error,) = self.errors(query, **variables)
        return str(error["extensions"]["code"])

    def order(self, mutation: str, **variables: object) -> Json:
        """What became of a command: `order("holdDrone(flight: $flight)", flight=…)`. The types are the schema's."""
        field = mutation.partition("(")[0]
        declared = ", ".join(f"${name}: {TYPES[name]}" for name in variables)
        query = f"mutation{f'({declared})' if declared else ''} {{ {mutation} {{ {ANSWER} }} }}"
        answer: Json = self.ask(query, **variables)[field]
        return answer

    def accepted(self, mutation: str, **variables: object) -> Json:
        answer = self.order(mutation, **variables)
        assert answer["__typename"] == "Accepted", answer
        return answer


TYPES = {
    "input": "RequestLaunchInput!",
    "outcome": "OutcomeInput!",
    "place": "PlaceInput!",
    "commandId": "ID",
    "person": "ID!",
    "drone": "ID!",
    "dock": "ID!",
    "session": "ID!",
    "parameters": "JSON!",
    "flight": "ID!",
    "override": "ID!",
    "zone": "ID!",
    "target": "OverrideTargetInput!",
    "basis": "LegalBasisInput!",
    "shape": "ZoneShapeInput!",
    "camera": "ID!",
    "outline": "[PlaceInput!]!",
    "corners": "[[CornerInput!]!]!",
    "feed": "ID!",
    "view": "ID!",
    "call": "ID!",
    "grounds": "GroundsInput!",
    "footage": "ID!",
    "viewing": "ID!",
    "export": "ID!",
    "disclosure": "ID!",
    "range": "RangeInput!",
    "subject": "ID!",
    "pilot": "ID!",
    "spent": "CostInput!",
    "hit": "ID!",
    "plate": "PlateQueryInput!",
    "job": "RepurposeInput!",
    "complaint": "ID!",
    "review": "ID!",
    "finding": "OversightFindingInput!",
    "position": "Position!",
    "number": "Int!",
    "week": "String!",
    "battery": "Float!",
    "amsl": "Float!",
    "pitch": "Float!",
    "date": "Date!",
    "moment": "DateTime!",
    "until": "Date!",
    "serial": "String!",
    "text": "String!",
    "name": "String!",
    "organisation": "String!",
    "role": "String!",
    "version": "Int!",
    "system": "Int!",
}
GO = {"go": "go", "source": "station"}
WEATHER = {"weather": GO, "traffic": GO, "airspace": GO}


@dataclass
class WatchCenter:
    """One installation. `url`: of the database's superuser; `base`: of the API."""

    url: str
    base: str
    home: Path
    settings: Settings
    environ: dict[str, str]
    _clients: list[httpx.Client] = field(default_factory=list)

    def token(self, person: str, *, step_up: bool = False, lifetime: timedelta = timedelta(hours=1)) -> str:
        return issue_token(self.home, person, step_up, lifetime, base_url=self.base)

    def http(self, **options: Any) -> httpx.Client:
        client = httpx.Client(base_url=self.base, timeout=60, verify=False, **options)
        self._clients.append(client)
        return client

    def asker(self, person: str, *, step_up: bool = False, lifetime: timedelta = timedelta(hours=1)) -> Asker:
        token = self.token(person, step_up=step_up, lifetime=lifetime)
        return Asker(self.http(headers={"authorization": f"Bearer {token}"}), person, token)

    def as_role(self, role: str, *, step_up: bool = False) -> Asker:
        """The demonstration's person of that role, in a session of their own."""
        return self.asker(demonstration.person_of(role), step_up=step_up)

    def close(self) -> None:
        for client in self._clients:
            client.close()

    # -- what tests have of their own ------------------------------------------

    def enrolled(self, role: str, organisation: str = "lasd_west_hollywood") -> str:
        """A person with an account, training, a pilot's certificate and one role."""
        person = f"p{secrets.token_hex(5)}"
        admin, captain = self.as_role("administrator"), self.as_role("station_commander", step_up=True)
        today = datetime.now(UTC).date()
        dates = {"date": str(today), "until": str(today + timedelta(days=365))}
        admin.accepted(
            "enrolPerson(personId: $person, name: $name, organisation: $organisation, email: $text)",
            person=person,
            name=f"Dep. {person}",
            organisation=organisation,
            text=f"{person}@weho.example",
        )
        admin.accepted(
            'recordTraining(personId: $person, course: "watch_center_use", completedOn: $date, expiresOn: $until)',
            person=person,
            **dates,
        )
        admin.accepted(
            'recordCertificate(personId: $person, kind: "part_107", number: "4417799", expiresOn: $until)',
            person=person,
            until=dates["until"],
        )
        captain.accepted("assignRole(personId: $person, role: $role)", person=person, role=role)
        return person

    def drone(self, *, ready: bool = True) -> str:
        """A drone at the station's dock."""
        drone = f"d{secrets.token_hex(5)}"
        self.as_role("administrator").accepted(
            "registerDrone(droneId: $drone, registration: $name, remoteIdSerial: $serial, model: $text,"
            ' dockId: "station-roof", systemId: $system)',
            drone=drone,
            name=f"FA{secrets.token_hex(4).upper()}",
            serial=f"1581F5B{secrets.token_hex(6).upper()}",
            text="copter of a test",
            system=1 + secrets.randbelow(250),
        )
        if ready:
            self.as_role("remote_pilot").accepted("readyDrone(droneId: $drone, batteryPercent: 96)", drone=drone)
        return drone

    def call(self, **changed: object) -> str:
        """An open call, told by dispatch."""
        update = call_update(**changed)
        answer = self.dispatch(update)
        assert answer.status_code == 200, answer.text
        return str(update["call"])

    def dispatch(self, update: object, key: str = CAD_KEY) -> httpx.Response:
        return self.http().post("/cad/calls", json=update, headers={"authorization": f"Bearer {key}"})

    def launch(self, **changed: object) -> Json:
        """What a launch form sends, for a call and a drone of its own."""
        asked: Json = {
            "purpose": "call_for_service",
            "destination": {"latitude": 34.09, "longitude": -118.38},
            "reason": "see before the units arrive",
            "pilot": "k.lindqvist",
            "conditions": WEATHER,
            **changed,
        }
        asked.setdefault("drone", None)
        asked["drone"] = asked["drone"] or self.drone()
        asked.setdefault("callNumber", self.call())
        return asked

    def applied(self, position: int) -> None:
        """Wait until every read model has come so far."""

        def come() -> bool:
            with psycopg.connect(self.url) as connection:
                found = connection.execute("SELECT min(position) FROM projections.catalogue WHERE state = 'live'")
                row = found.fetchone()
                return row is not None and row[0] >= position

        until(come, what=f"the read models are at {position}")

    def events(self, stream: str) -> list[Json]:
        """The stored bytes of a stream, read by JSON's own rules."""
        with psycopg.connect(self.url) as connection:
            rows = connection.execute(
                "SELECT state FROM events.stored_events WHERE originator_id = %s ORDER BY originator_version", (stream,)
            )
            return [json.loads(bytes(state)) for (state,) in rows]

    def head(self, of: str = "") -> int:
        """The last position; with `of` the last one of streams that begin so, for nothing else's sake in between."""
        with psycopg.connect(self.url) as connection:
            row = connection.execute(
                "SELECT coalesce(max(notification_id), 0) FROM events.stored_events"
                " WHERE starts_with(originator_id, %s)",
                (of,),
            ).fetchone()
        assert row is not None
        return int(row[0])


def call_update(**changed: object) -> Json:
    now = datetime.now(UTC).isoformat()
    return {
        "call": f"26-{secrets.token_hex(5)}",
        "update_number": 1,
        "call_type": "prowler",
        "priority": 3,
        "place": {"latitude": 34.0905, "longitude": -118.3707},
        "received_at": now,
        "cad_time": now,
        **changed,
    }


def every_question() -> dict[str, str]:
    """A document for each thing that may be asked, by its name, with arguments that fit."""
    some = {"String": '"x"', "ID": '"x"', "Int": "1", "Position": "1", "Float": "1", "Boolean": "true"}
    some |= {"DateTime": '"2026-06-01T00:00:00Z"', "Date": '"2026-06-01"'}
    some |= {"GroundsInput": '{purpose: "call_for_service", reason: "x"}', "[String!]": '["x"]', "[ID!]": '["x"]'}
    schema = build_schema(graphql_schema.build().as_str())
    assert schema.query_type is not None
    documents = {}
    for name, field_ in schema.query_type.fields.items():
        needed = {n: str(a.type).rstrip("!") for n, a in field_.args.items() if is_required_argument(a)}
        given = ", ".join(f"{n}: {some[type_]}" for n, type_ in needed.items())
        chosen = " { __typename }" if is_composite_type(get_named_type(field_.type)) else ""
        documents[name] = print_ast(parse(f"{{ {name}{f'({given})' if given else ''}{chosen} }}"))
    return documents


EVERY_QUESTION = every_question()
# What the pages of those in the field send, who may not ask freely.
FIELD = {
    "open_calls": "query OpenCalls($at: Position) { openCalls(afterPosition: $at)"
    " { calls { number callType place { latitude longitude } receivedAt } } }",
    "report": "mutation Report($call: ID!, $kind: String!, $said: String!, $seen: DateTime!, $place: PlaceInput)"
    " { reportObservation(callNumber: $call, kind: $kind, said: $said, observedAt: $seen, place: $place)"
    f" {{ {ANSWER} }} }}",
    "shared": "query Shared($at: Position) { sharedFeeds(afterPosition: $at)"
    " { shared { feed name kind callNumber callType } } }",
    "follow_shared": "subscription FollowShared { sharedFeeds { shared { feed } } }",
    "watch": "mutation Watch($feed: ID!, $grounds: GroundsInput!)"
    f" {{ requestLiveView(feed: $feed, grounds: $grounds) {{ {ANSWER} }} }}",
}
FIELD = {name: print_ast(parse(text)) for name, text in FIELD.items()}

# What the pages of these tests would send: printed, as an independent client sends them.
PERSISTED = tuple(
    print_ast(parse(text))
    for text in (
        "query Viewer { viewer { id sessionId } }",
        "subscription Board { board { position } }",
        "query Page($size: Int) { auditTrail(first: $size) { position edges { node { position actor { id } } } } }",
        'mutation Lock { lockSession(reason: "leaving the console") { __typename } }',
        *FIELD.values(),
        *EVERY_QUESTION.values(),
    )
)


def pages(home: Path) -> Path:
    """What the build of the pages leaves behind, as small as can be."""
    folder = home / "pages"
    for part in ("assets", "map"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    (folder / "index.html").write_text("<!doctype html><title>a page</title>")
    known = {sha256(text.encode()).hexdigest(): text for text in PERSISTED}
    (folder / "persisted-documents.json").write_text(json.dumps(known))
    return folder


def fresh() -> str:
    """An id for one command."""
    return str(uuid4())


# -- setting up --------------------------------------------------------------


def installed(url: str, home: Path, **more: str) -> WatchCenter:
    """A migrated database with the demonstration's people, and the settings of an API that is not running yet."""
    event_store.migrate(url)
    key_store.migrate(url)
    catalogue.install(url)
    login_roles(url, dict.fromkeys(LOGINS, PASSWORD))
    key_store.login_roles(url, dict.fromkeys(LOGINS, PASSWORD))
    keys = home / "key-encryption-keys"
    new_key(keys, only_first=True)
    scim_keys = home / "scim-keys"
    with open(os.open(scim_keys, os.O_WRONLY | os.O_CREAT, 0o600), "w") as out:
        out.write(f"{SCIM_KEY}\n")
    cad_keys = home / "cad-keys"
    with open(os.open(cad_keys, os.O_WRONLY | os.O_CREAT, 0o600), "w") as out:
        out.write(f"{CAD_KEY}\n")
    base, media_port = f"http://127.0.0.1:{free_port()}", free_port()
    environ = {
        "SAFERWEHO_ENV": "development",
        "SAFERWEHO_HOME": str(home),
        "SAFERWEHO_KEY_ENCRYPTION_KEYS": str(keys),  # the same for a process that has a home of its own
        "SAFERWEHO_BASE_URL": base,
        "SAFERWEHO_PORT": base.rpartition(":")[2],
        "SAFERWEHO_GATEWAY_KEY": "the key of the gateway",
        "SAFERWEHO_GATEWAY_URL": f"http://127.0.0.1:{free_port()}",
        "SAFERWEHO_MEDIA_URL": f"http://127.0.0.1:{media_port}",
        "SAFERWEHO_MEDIA_PORT": str(media_port),
        "SAFERWEHO_MEDIA_KEY": secrets.token_hex(32),
        "SAFERWEHO_ALPR_URL": f"http://127.0.0.1:{free_port()}/v1",
        "SAFERWEHO_ALPR_KEY": "reference-key",
        "SAFERWEHO_CAD_KEYS": str(cad_keys),
        "SAFERWEHO_SCIM_KEYS": str(scim_keys),
        "SAFERWEHO_AIRSPACE_AUTHORITY": "coa:2026-WSA-TEST:1:2099-12-31",
        "SAFERWEHO_SEPARATION": "detect_and_avoid:radar",
        "DATABASE_URL": url,
        **more,
    }
    with environment(environ):
        demonstration.prepare()
    return WatchCenter(url, base, home, settings_as("saferweho_api", environ), environ)


def settings_as(login: str, environ: Mapping[str, str]) -> Settings:
    """The settings of a process that logs in to the database under its own name, with its own rights."""
    address = urlsplit(environ["DATABASE_URL"])
    host = address.netloc.rpartition("@")[2]
    url = address._replace(netloc=f"{login}:{PASSWORD.replace(' ', '%20')}@{host}").geturl()
    return Settings.model_validate({**environ, "DATABASE_URL": url})


@contextmanager
def serving(center: WatchCenter, settings: Settings | None = None) -> Iterator[None]:
    """`saferweho api`, until the end of the block. Stopping and starting again is a restart."""
    chosen = settings or center.settings
    failures: list[BaseException] = []

    def run(stop: threading.Event) -> None:
        try:
            with wiring.handler(chosen) as handler:
                asyncio.run(api.serve(Running(chosen, Health("api"), stop), handler, pages(center.home)))
        except BaseException as error:
            failures.append(error)
            raise

    with thread("api", run):
        address = f"http://127.0.0.1:{chosen.port}/health/live"

        def alive() -> bool:
            assert not failures, failures
            try:
                return httpx.get(address).status_code == 200
            except httpx.TransportError:
                return False

        until(alive, what="the API answers")
        yield


@contextmanager
def running(url: str, bootstrap: str, prefix: str, home: Path) -> Iterator[WatchCenter]:
    """The whole path: a command over HTTP comes back out of the read models."""
    structlog.configure(processors=[structlog.processors.format_exc_info, structlog.processors.JSONRenderer()])
    topics.create(bootstrap, prefix)
    center = installed(url, home, KAFKA_BOOTSTRAP_SERVERS=bootstrap, SAFERWEHO_TOPIC_PREFIX=prefix)
    relay_url = settings_as("saferweho_relay", center.environ).write_url
    projector_url = settings_as("saferweho_projector", center.environ).write_url
    reacting = settings_as("saferweho_reactor", center.environ)
    assert relay_url and projector_url
    with ExitStack() as stack:
        stack.callback(center.close)
        relay = Relay(relay_url, bootstrap, topic_prefix=prefix, holder=secrets.token_hex(4))
        stack.enter_context(thread("relay", relay.run))
        keys = stack.enter_context(wiring.keyring(settings_as("saferweho_projector", center.environ)))
        stack.enter_context(ProjectionHost(projector_url, feed_factory(bootstrap, prefix), PROJECTIONS, keys=keys))
        telemetry = TelemetryBoard(projector_url, lambda: TelemetryTail(bootstrap, prefix))
        stack.enter_context(thread("telemetry", telemetry.run))
        handler = stack.enter_context(wiring.handler(reacting))
        footage_keys = stack.enter_context(wiring.footage_keys(reacting))
        for each in reactor.reactors_of(reacting, handler, footage_keys):
            stack.enter_context(thread(each.status().name, each.run))
        heartbeats = stack.enter_context(PostgresHeartbeats(reacting.write_url or ""))
        stack.enter_context(thread("heartbeats", reactor.Listener(Views(handler, heartbeats)).run))
        stack.enter_context(serving(center))
        center.applied(center.head())
        yield center


def typed(environ: Mapping[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    """A verb of `saferweho`, in a process of its own as from a console."""
    return subprocess.run(
        [sys.executable, "-m", "api.cli", *words],
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        timeout=300,
    )
