"""A watch center with all its parts for one day, and what each step of the day must look like on the record."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
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
TRAIL = """query($filter: AuditFilter!, $at: Position) {
  auditTrail(filter: $filter, order: POSITION_DESC, first: 100, afterPosition: $at) { edges { node {
    position type stream time actor { id name } role organisation sourceAddress purpose caseNumber outcome decidedBy
    policyVersion reasons { code rule } } } } }"""


@dataclass(frozen=True, slots=True)
class Step:
    """What the audit trail must answer about one step: who in which role, what, when, where from, why, by which rule.

    `rule`: what its name begins with; blank: nobody had to be asked. `code`: of the reason it was refused for.
    """

    stream: str
    what: str
    who: str
    role: str
    not_after: int
    where: str | None = LOCAL
    why: tuple[str | None, str | None] = (None, None)  # purpose, and case or call
    rule: str = ""
    outcome: str = "granted"
    code: str | None = None
    policy: int | None = None  # the use policy in force


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
        answer = order(asker, mutation, **variables)
        if code is None:
            assert answer["__typename"] == "Accepted", answer
        else:
            assert [reason["code"] for reason in answer.get("reasons", ())] == [code], answer
        stream = answer["stream"] if code != "not_permitted" else ""  # what a role may not do is of its console
        outcome = "refused" if code else "granted" if rule else "recorded"
        asked = (stream, what, asker.person, role, answer["position"], LOCAL, why or (None, None))
        self.steps.append(Step(*asked, rule, outcome, code, self.policy))
        return answer

    # -- what machines do ------------------------------------------------------

    def dispatch(self, update: Json, what: str) -> str:
        told = self.center.dispatch(update)
        assert told.status_code == 200, told.text
        stream = f"call-{update['call']}"
        by = ("service-dispatch", "service", told.json()["position"])
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
        by = ("service-drone-gateway", "service", last)
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
        by = ("service-recorder", "service", told.position)
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
        answers = {
            "who": row["role"] == step.role and row["actor"]["name"] and row["organisation"],
            "when": self.began <= datetime.fromisoformat(row["time"]) <= datetime.now(UTC) + self.ahead,
            "where": row["sourceAddress"] == step.where,
            "why": (row["purpose"], row["caseNumber"]) == step.why,
            "outcome": row["outcome"] == step.outcome and codes == ([step.code] if step.code else []),
            "rule": (row["decidedBy"] or "").startswith(step.rule) and bool(row["decidedBy"]) == bool(step.rule),
            "policy": row["policyVersion"] == step.policy,
        }
        yield from (f"{question} of {step}: {row}" for question, answered in answers.items() if not answered)


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
