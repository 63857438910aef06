"""A watch center with all its parts for one day, and what each step of the day must look like on the record."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

from adapters.kafka import topics
from api.processes import demonstration, wiring
from api.processes.scheduler import Scheduling
from application.cameras import Cameras
from application.handling import Accepted
from application.retention import Retention
from application.standing import service
from domain.camera import NoteOnline
from domain.footage import RecordFootage
from domain.kernel import CameraId, FeedId, StreamId
from domain.privacy_override_events import Range
from tests.adapters.alpr.reference_provider import read, reference_provider
from tests.adapters.drone_gateway.ground import DRONE, GatewayProcess, ground
from tests.adapters.mavlink.conftest import Launch, free_port
from tests.api.watch_center import ANSWER, TYPES, Asker, Json, WatchCenter, running, settings_as, thread, until

PATIENCE_S = 120  # of a slow, busy machine
LOCAL = "127.0.0.1"
ROW = """position type stream time actor { id name } role organisation sessionId sourceAddress purpose caseNumber
  outcome decidedBy policyVersion correlationId summary content personal { text } reasons { code rule }"""
TRAIL = f"""query($filter: AuditFilter!, $at: Position) {{
  auditTrail(filter: $filter, order: POSITION_DESC, first: 100, afterPosition: $at) {{
    edges {{ node {{ {ROW} }} }} }} }}"""
ALL = f"""query($after: String, $at: Position) {{
  auditTrail(order: POSITION_ASC, first: 100, after: $after, afterPosition: $at) {{
    edges {{ node {{ {ROW} }} }} pageInfo {{ hasNextPage endCursor }} }} }}"""
NO_RULE_OF_THE_SET = {"default-deny", "safety-first", "two-founders"}
REASONS = ("reason", "text", "shortcoming", "note", "plate", "number", "justification")  # what somebody says in words


@dataclass(frozen=True, slots=True)
class Step:
    """What the audit trail must answer about one step: who in which role, what, when, where from, why, by which rule.

    `since`, `until`: within these it happened; `said`: in which words, for the record to keep; `rule`: what its name
    begins with; blank: nobody had to be asked. `code`: of the reason it was refused for.
    """

    stream: str
    what: str
    who: str
    role: str
    not_after: int
    since: datetime
    until: datetime
    where: str | None = LOCAL
    why: tuple[str | None, str | None] = (None, None)  # purpose, and case or call
    rule: str = ""
    outcome: str = "granted"
    code: str | None = None
    policy: int | None = None  # the use policy in force
    said: tuple[str, ...] = ()


@dataclass
class Day:
    """The people, each with a console of their own; what they did so far, as the record must tell it."""

    center: WatchCenter
    policy: int
    ahead: timedelta = timedelta()
    steps: list[Step] = field(default_factory=list)
    began: datetime = field(default_factory=lambda: datetime.now(UTC))
    _consoles: dict[tuple[str, timedelta], Asker] = field(default_factory=dict)

    def of(self, role: str) -> Asker:
        """The console of the demonstration's person of that role, who has just shown a second factor."""
        console = (role, self.ahead)
        if console not in self._consoles:
            person, lifetime = demonstration.person_of(role), timedelta(days=30)
            self._consoles[console] = self.center.asker(person, step_up=True, lifetime=lifetime)
        return self._consoles[console]

    # -- what people do --------------------------------------------------------

    def done(self, role: str, mutation: str, what: str, rule: str, why: Why = None, **variables: object) -> Json:
        """Somebody does something, which is accepted."""
        return self._step(self.of(role), role, mutation, what, rule, why, None, variables)

    def refused(
        self, role: str, mutation: str, what: str, rule: str, code: str, why: Why = None, **variables: object
    ) -> Json:
        """Somebody tries something, which is refused for the reason with this code."""
        return self._step(self.of(role), role, mutation, what, rule, why, code, variables)

    def _step(
        self,
        asker: Asker,
        role: str,
        mutation: str,
        what: str,
        rule: str,
        why: Why,
        code: str | None,
        variables: dict[str, object],
    ) -> Json:
        since = self.now()
        answer = order(asker, mutation, **variables)
        if code is None:
            assert answer["__typename"] == "Accepted", answer
        else:
            assert [reason["code"] for reason in answer.get("reasons", ())] == [code], answer
        stream = answer["stream"] if code != "not_permitted" else ""  # what a role may not do is of its console
        outcome = "refused" if code else "granted" if rule else "recorded"
        asked = (stream, what, asker.person, role, answer["position"], since, self.now(), LOCAL, why or (None, None))
        self.steps.append(Step(*asked, rule, outcome, code, self.policy, _said(mutation, variables, code)))
        return answer

    def now(self) -> datetime:
        """By the clock of all processes, which a test sets ahead."""
        return datetime.now(UTC) + self.ahead

    # -- what machines do ------------------------------------------------------

    def dispatch(self, update: Json, what: str) -> str:
        since = self.now()
        told = self.center.dispatch(update)
        assert told.status_code == 200, told.text
        stream = f"call-{update['call']}"
        by = ("service-dispatch", "service", told.json()["position"], since, self.now())
        why = (None, update["call"])
        self.steps.append(Step(stream, what, *by, LOCAL, why, "services-record-what-they-see", policy=self.policy))
        return str(update["call"])

    def seen(self, flight: str, what: str, why: Why, *, times: int = 1, rule: str = "services-record") -> None:
        """Wait until the gateway has put on the record for so many times what it saw of a flight."""
        found: list[Json] = []

        def come() -> bool:
            found[:] = self.found(f"flight-{flight}", what)
            return len(found) >= times

        until(come, PATIENCE_S, what=f"{what} is on the record of the flight")
        last = found[0]["position"]
        by = ("service-drone-gateway", "service", last, self.began, self.now())
        self.steps.append(Step(f"flight-{flight}", what, *by, None, why or (None, None), rule, policy=self.policy))

    def camera(self, name: str) -> str:
        """A camera put up by IT; the recorder has seen its picture. Its feed."""
        place = {"latitude": 34.0905, "longitude": -118.3707}
        install = "installCamera(camera: $camera, name: $name, place: $place, heightM: 6, bearingDeg: 90)"
        rule = "administrators-keep-cameras"
        self.done("administrator", install, "camera.camera_installed", rule, camera=name, name="City Hall", place=place)
        with wiring.handler(settings_as("saferweho_gateway", self.center.environ)) as handler:
            told = Cameras(handler).change(service("service-recorder"), NoteOnline(CameraId(name), datetime.now(UTC)))
        assert isinstance(told, Accepted), told
        return f"camera-{name}"

    def footage(self, feed: str) -> str:
        """Footage of a feed, as the recorder puts it on the record: the hour that is over."""
        key, end = f"f{uuid4().hex[:10]}", datetime.now(UTC) - timedelta(minutes=1)
        range_ = Range(end - timedelta(minutes=10), end)
        record = RecordFootage(FeedId(StreamId(feed)), range_, 300, 90_000_000, "a" * 64, f"key.{key}")
        with wiring.handler(settings_as("saferweho_gateway", self.center.environ)) as handler:
            told = Retention(handler).record(service("service-recorder"), key, record, uuid4())
        assert isinstance(told, Accepted), told
        by = ("service-recorder", "service", told.position, self.began, self.now())
        by_recorder = {"rule": "services-record-footage", "policy": self.policy}
        self.steps.append(Step(f"footage-{key}", "footage.footage_recorded", *by, None, **by_recorder))
        return key

    # -- what the record says --------------------------------------------------

    def found(self, stream: str, what: str, at: int | None = None) -> list[Json]:
        """Events of a type that are of a stream, newest first, as oversight reads them."""
        wanted = {"type": what, **({"subject": stream} if stream else {})}
        edges = self.of("auditor").ask(TRAIL, filter=wanted, at=at)["auditTrail"]["edges"]
        return [e["node"] for e in edges if e["node"]["stream"] == stream or not stream]

    def wrong_about(self, step: Step) -> Iterator[str]:
        """Where the audit trail does not answer who, what, when, where, why and by which rule as it was done."""
        rows = [row for row in self.found(step.stream, step.what, step.not_after) if row["position"] <= step.not_after]
        row = next((row for row in rows if row["actor"]["id"] == step.who), None)
        if row is None:
            yield f"{step}: not on the record"
            return
        codes = [reason["code"] for reason in row["reasons"] if reason["rule"]]
        told = self._told_with(row)
        rule, _, rules = (row["decidedBy"] or "").partition("@")
        answers = {
            "who": row["role"] == step.role and row["actor"]["name"] and row["organisation"],
            "from which console": bool(row["sessionId"]) == (step.role != "service"),
            "what": row["summary"] and all(words in told for words in step.said),
            "when": step.since <= datetime.fromisoformat(row["time"]) <= step.until,
            "where": row["sourceAddress"] == step.where and _is_placed(row),
            "why": (row["purpose"], row["caseNumber"]) == step.why,
            "outcome": row["outcome"] == step.outcome and codes == ([step.code] if step.code else []),
            "rule": rule.startswith(step.rule) and bool(rule) == bool(step.rule),
            "of which rules": rules == self.rules or rule in {"", *NO_RULE_OF_THE_SET},
            "policy": row["policyVersion"] == step.policy,
        }
        yield from (f"{question} of {step}: {row}" for question, answered in answers.items() if not answered)

    @cached_property
    def rules(self) -> str:
        """Of the adopted set of access rules, as a decision names it."""
        versions = self.of("auditor").ask("{ policyHistory { state cedarSetHash } }")["policyHistory"]
        (found,) = [version["cedarSetHash"] for version in versions if version["state"] == "in_force"]
        return str(found)[:12]

    def _told_with(self, row: Json) -> str:
        """All that the record keeps of one act: a request and what became of it are two events of one command."""
        edges = self.of("auditor").ask(TRAIL, filter={"subject": row["stream"]}, at=row["position"])["auditTrail"][
            "edges"
        ]
        told = [e["node"] for e in edges if e["node"]["correlationId"] == row["correlationId"]]
        return "\n".join(
            text for each in told for text in (each["content"], *(p["text"] or "" for p in each["personal"]))
        )

    def everything_on_record(self) -> Iterator[Json]:
        """The whole audit trail, in the order of positions, as oversight turns its pages."""
        after, at = None, self.center.head()
        while True:
            page = self.of("auditor").ask(ALL, after=after, at=at)["auditTrail"]
            yield from (edge["node"] for edge in page["edges"])
            if not page["pageInfo"]["hasNextPage"]:
                return
            after = page["pageInfo"]["endCursor"]


def _said(mutation: str, variables: dict[str, object], code: str | None) -> tuple[str, ...]:
    """The words that were given, for the record to keep. Of what somebody may not do it keeps what they tried, and no
    word of theirs; of what a rule refused, the grounds that were stated."""
    name = mutation.partition("(")[0]
    if code == "not_permitted":
        return (re.sub("[A-Z]", lambda capital: f"_{capital[0].lower()}", name),)
    kept = variables if code is None else {key: variables[key] for key in ("grounds", "input") if key in variables}
    inline = tuple(re.findall(r'"([^"]* [^"]*)"', mutation)) if code is None else ()
    return inline + tuple(_words(kept))


def _words(given: dict[str, object]) -> Iterator[str]:
    for key, value in given.items():
        if isinstance(value, dict) and key not in ("conditions", "shape", "parameters"):
            yield from _words(value)
        elif key in REASONS and isinstance(value, str):
            yield value


def _is_placed(row: Json) -> bool:
    """What a drone did says where it was."""
    if row["type"] not in ("flight.drone_launched", "flight.arrived_on_scene", "flight.drone_landed"):
        return True
    position = json.loads(row["content"])["data"]["position"]
    return abs(position["latitude"] - 34.09) < 0.05 and abs(position["longitude"] + 118.37) < 0.05


Why = tuple[str | None, str | None] | None


def order(asker: Asker, mutation: str, **variables: object) -> Json:
    """As `Asker.order`, also where the answer holds more than what became of the command."""
    name = mutation.partition("(")[0]
    if name != "searchPlate":
        return asker.order(mutation, **variables)
    declared = ", ".join(f"${variable}: {TYPES[variable]}" for variable in variables)
    query = f"mutation({declared}) {{ {mutation} {{ result {{ {ANSWER} }} sightings {{ plate reader }} }} }}"
    told: Json = asker.ask(query, **variables)[name]
    return {**told["result"], "sightings": told["sightings"]}


# -- the parts -------------------------------------------------------------------


@contextmanager
def everything(url: str, bootstrap: str, prefix: str, home: Path, launch: Launch) -> Iterator[WatchCenter]:
    """Store, log, read models, reactions, scheduler and API; the drone gateway as a process, and a copter as another;
    a provider of plate reads."""
    with ExitStack() as stack:
        center = stack.enter_context(running(url, bootstrap, prefix, home))
        topics.create(bootstrap, prefix)
        scheduling = settings_as("saferweho_scheduler", center.environ)
        handler = stack.enter_context(wiring.handler(scheduling))
        assert scheduling.read_url
        stack.enter_context(thread("scheduler", Scheduling(handler, scheduling.read_url).run))
        provider = stack.enter_context(reference_provider(urlsplit(center.environ["SAFERWEHO_ALPR_URL"]).port or 0))
        provider.reads = [read("r1", "8ABC123", datetime.now(UTC) - timedelta(minutes=30))]
        station = stack.enter_context(ground(center.environ))
        link, port = free_port(), urlsplit(center.environ["SAFERWEHO_GATEWAY_URL"]).port or 0
        gateway = GatewayProcess(
            station, f"{DRONE}@udpin:127.0.0.1:{link}#1", SAFERWEHO_GATEWAY_URL=f"http://127.0.0.1:{port}"
        )
        gateway.port = port
        launch("--connect", f"udpout:127.0.0.1:{link}", "--speedup", "8", "--ground-timeout", "0")
        gateway.start()
        stack.callback(gateway.stop)
        gateway.ready()
        yield center
