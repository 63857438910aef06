"""Random histories of a pilot, and its figures computed the plain way: over and over all events, one by one."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from functools import partial
from math import floor
from typing import Any
from zoneinfo import ZoneInfo

from application.codec import Recorded
from domain import call, camera, live_view, pilot
from domain import flight_events as f
from domain import privacy_override_events as o
from domain.drone import DroneGrounded, DroneRegistered, DroneReleased, UnassignedFlightObserved
from domain.grounds import StatedGrounds
from domain.kernel import EVENT_NAMES, CaseNumber, DroneId, FeedId, Personal, PersonId, Place, PolicyVersion
from domain.launch import AirspaceAuthority, AuthorityKind
from domain.legal_basis import BasisKind, LegalBasis
from domain.reason_quality import ReasonQuality
from domain.session import AttemptRefused
from tests.projections.log import START, envelope
from tests.projections.pilot_watch import TURNS, Case, act, cases, equipment, watched
from tests.projections.sortie import air, flown

Happened = tuple[str, Any]
ANA, BO = PersonId("ana"), PersonId("bo")
CITY = ZoneInfo("America/Los_Angeles")
TYPES = ("459", "415", "211")
UNITS = ("lasd_west_hollywood", "la_county_fire")
BASIS = LegalBasis(BasisKind.WARRANT, "26-SW-0417", "Superior Court")


def _minutes(chance: random.Random, most: int = 40) -> timedelta:
    return timedelta(seconds=chance.randint(1, most * 60))


def _call(chance: random.Random, number: str) -> list[Happened]:
    at = START + timedelta(hours=chance.randint(0, 2000))
    stream, place = f"call-{number}", Place(34.09, -118.36)

    def stamp(n: int) -> tuple[int, datetime, float | None]:
        return n, at, chance.choice([None, None, None, 2.5])

    kind, later = chance.choice(TYPES), at + _minutes(chance)
    said: list[Happened] = [(stream, call.CallReceived(kind, 2, place, None, None, None, at, *stamp(1)))]
    for unit in chance.sample(("9A", "9B"), chance.randint(0, 2)):
        said.append((stream, call.UnitDispatched(unit, at, *stamp(2))))
        if chance.random() < 0.5:
            said.append((stream, call.UnitArrived(unit, at + _minutes(chance), *stamp(3))))
        if chance.random() < 0.5:
            said.append((stream, call.UnitCancelled(unit, at + _minutes(chance), *stamp(4))))
    if chance.random() < 0.4:
        said.append((stream, call.CallReclassified(chance.choice(TYPES), 3, *stamp(5))))
    if chance.random() < 0.7:
        said.append((stream, call.CallClosed("done", later, *stamp(6))))
    if chance.random() < 0.3:
        said.append((stream, call.CallReopened(*stamp(7))))
    if chance.random() < 0.4:  # late, so that only later figures change
        earlier = at - _minutes(chance, 5)
        said.append((stream, call.CallCorrected(place, None, None, None, earlier, *stamp(8))))
    return said


def _flight(chance: random.Random, key: str, calls: Sequence[str]) -> list[Happened]:
    number = chance.choice([*calls, None])
    (stream, request), *_ = flown(key, number)
    assert isinstance(request, f.LaunchRequested)
    where = Place(34.08 + chance.random() / 40, -118.38 + chance.random() / 40)
    plan, case = chance.choice([(None, "C-7"), ("Training plan 7", None), (None, None)])
    request = replace(
        request,
        purpose=chance.choice(("call_for_service", "training", "proactive")),
        destination=where,
        case=CaseNumber(case) if case and number is None else None,
        authorisation=plan if number is None else None,
    )
    said: list[Happened] = [(stream, request)]
    if chance.random() < 0.15:
        return [*said, (stream, f.LaunchRefused(None, ()))]
    at = START + timedelta(hours=chance.randint(0, 2000))
    apart = chance.choice([None, None, None, 1.7])
    said.append((stream, f.DroneLaunched(DroneId("d1"), air(2), None, at, apart, chance.random() < 0.9)))
    middle: list[Happened] = []
    if chance.random() < 0.8:
        middle.append((stream, f.ArrivedOnScene(air(60), None, at + _minutes(chance, 9), None)))
    if chance.random() < 0.3:
        reason = Personal(stream, "another job")
        airspace = AirspaceAuthority(AuthorityKind.PART_107_WAIVER, "107W-1", "1", date(2027, 1, 1))
        job = f.FlightRepurposed(
            "proactive", None, None, None, airspace, where, 60, reason, PolicyVersion(1), ANA, None
        )
        middle.append((stream, job))
        middle.append((stream, f.ArrivedOnScene(air(60), None, at + _minutes(chance, 19), None)))
    for _ in range(chance.randint(0, 2)):
        middle.append((stream, f.LinkLost(at, None)))
        effect = chance.choice(list(f.ZoneEffect))
        middle.append(
            (stream, f.PrivacyZoneEntered("pool", f.ZoneRule.MASK, effect, None, air(50), f.HEIGHT_UNKNOWN, at))
        )
    chance.shuffle(middle)
    said += middle
    if chance.random() < 0.85:
        end, length = at + timedelta(minutes=25), chance.uniform(60, 1800)
        said.append((stream, f.DroneLanded(DroneId("d1"), air(0), None, end, None, 60, length)))
    for _ in range(chance.randint(0, 2)):
        outcomes = tuple(chance.sample(list(f.Outcome), 2))
        counts = chance.randint(0, 2), chance.randint(0, 2)
        said.append((stream, f.OutcomeRecorded(outcomes, *counts, None, ANA)))
    for _ in range(chance.choice([0, 1, 1, 2])):
        withheld = f.PublicationWithheld(chance.choice(("ongoing", "medical")), "Gov. Code §7923.600", ANA)
        said.append((stream, chance.choice([f.FlightPublished(ANA), withheld])))
    return said


def _override(chance: random.Random, key: str) -> list[Happened]:
    stream, range_ = f"override-{key}", o.Range(START, START + timedelta(hours=1))
    due = START + timedelta(seconds=chance.randint(0, 900))
    why = Personal("x", "said")
    if chance.random() < 0.5:
        invoked = o.EmergencyOverrideInvoked(
            "zone-p", "f1", range_, why, "call_for_service", None, None, ANA, due, due, due
        )  # type: ignore[arg-type]
        said: list[Happened] = [(stream, invoked)]
        if chance.random() < 0.6:
            said.append((stream, o.OverrideJustified(why, LegalBasis(BasisKind.EXIGENCY), ANA, False)))
    else:
        asked = o.OverrideRequested("zone-p", "f1", range_, BASIS, "pursuit", None, None, why, 30, ANA, due)  # type: ignore[arg-type]
        said = [(stream, asked)]
        if chance.random() < 0.3:
            return [*said, (stream, o.OverrideRefused(BO, ()))]
        said.append((stream, o.OverrideApproved(BO, due, due)))
    if chance.random() < 0.6:
        said.append((stream, o.OverrideReviewed(chance.choice(list(o.Verdict)), why, BO, False)))
    return said


def _view(chance: random.Random, key: str) -> list[Happened]:
    stream, feed = f"liveview-{key}", FeedId(chance.choice(("camera-1", "flight-f0")))  # type: ignore[arg-type]
    quality = ReasonQuality(40, chance.random() < 0.4, ())
    grounds = StatedGrounds(chance.choice(("pursuit", "training")), None, None, None, Personal("x", "y"), quality)
    asked = live_view.LiveViewRequested(feed, ANA, "s", grounds, None)
    if chance.random() < 0.3:
        return [(stream, asked), (stream, live_view.LiveViewRefused(feed, ANA, ()))]
    said: list[Happened] = [(stream, asked), (stream, live_view.LiveViewGranted(feed, ANA, START, START))]
    if chance.random() < 0.5:
        renewed = live_view.LiveViewRenewed(feed, ANA, Personal("x", "y"), quality, START)
        said.append((stream, renewed))
    if chance.random() < 0.8:
        ended = live_view.LiveViewEnded(feed, ANA, live_view.EndReason.CLOSED, START, chance.uniform(1, 900))
        said.append((stream, ended))
    return said


def _pilot(chance: random.Random) -> list[Happened]:
    said: list[Happened] = [
        ("pilot-p", pilot.PilotStarted("Safer WeHo", "24-1", date(2026, 3, 20), date(2026, 12, 31), ANA))
    ]
    for n in range(chance.randint(0, 8)):
        cost = pilot.CostRecorded(
            f"c{n}",
            chance.choice(list(pilot.CostHeading)),
            chance.choice(("drone", "camera")),
            chance.randint(-50_00, 900_00),
            date(2026, chance.randint(1, 5), chance.randint(1, 28)),
            "General Fund",
            "things",
            None,
            ANA,
        )
        said.append(("pilot-p", cost))
    return said


def history(seed: int) -> list[Recorded]:
    """Events of many streams in a random order that keeps that of each, as they would be read from the log."""
    chance = random.Random(seed)
    calls = [f"c{n}" for n in range(8)]
    waiting = [
        *(_call(chance, number) for number in (*calls, *(f"q{n}" for n in range(6)))),  # nothing flies to a q
        *(_flight(chance, f"f{n}", calls) for n in range(14)),
        *(_override(chance, f"o{n}") for n in range(6)),
        *(_view(chance, f"v{n}") for n in range(6)),
        *watched(chance),
        _pilot(chance),
        [("session-s", AttemptRefused("export", "", (), "r")) for _ in range(3)],
    ]
    recorded: list[Recorded] = []
    versions: dict[str, int] = defaultdict(int)
    at = START
    while waiting := [w for w in waiting if w]:
        stream, happened = chance.choice(waiting).pop(0)
        versions[stream] += 1
        at += timedelta(seconds=chance.uniform(0.1, 20))
        who = envelope(happened, stream, versions[stream], at, actororg=chance.choice(UNITS), purpose="pursuit")
        recorded.append(Recorded(len(recorded) + 1, who, happened, b""))
    return recorded


# -- the plain way -------------------------------------------------------------


NO_TURN = (camera.CameraInstalled, DroneRegistered, DroneReleased)  # ends no outage


class Plain:
    """The cases of each metric out of the events up to a position."""

    def __init__(self, events: Sequence[Recorded]) -> None:
        self.events = events
        self.streams: dict[str, list[Recorded]] = defaultdict(list)
        for recorded in events:
            self.streams[recorded.stream].append(recorded)
        self.now = events[-1].envelope.time if events else START
        self.flights = [x for x in map(self._flight, self._named("flight-")) if x["launch"] is not None]
        self.flights.sort(key=lambda x: x["launch_position"])
        self.calls = {stream[5:]: self._call(stream) for stream in self._named("call-")}

    def _named(self, prefix: str) -> list[str]:
        return [stream for stream in self.streams if stream.startswith(prefix)]

    def _all(self, *kinds: type) -> Iterable[Recorded]:
        return (recorded for recorded in self.events if isinstance(recorded.event, kinds))

    def _flight(self, stream: str) -> dict[str, Any]:
        log = self.streams[stream]
        of: Callable[..., list[Any]] = lambda *kinds: [r.event for r in log if isinstance(r.event, kinds)]  # noqa: E731
        launch = next((r for r in log if isinstance(r.event, f.DroneLaunched)), None)
        arrivals = [r for r in log if isinstance(r.event, f.ArrivedOnScene)]
        jobs = [r for r in log if isinstance(r.event, f.FlightRepurposed)]
        zones = of(f.PrivacyZoneEntered)
        decided = of(f.FlightPublished, f.PublicationWithheld)
        return {
            "request": log[0].event,
            "unit": log[0].envelope.actororg,
            "launch": launch.event if launch else None,
            "launch_position": launch.position if launch else 0,
            "arrived": arrivals[0].event.observed_at if arrivals else None,
            "diverted": bool(jobs) and (not arrivals or jobs[0].position < arrivals[0].position),
            "jobs": len(jobs),
            "lost": len(of(f.LinkLost)),
            "landed": next(iter(of(f.DroneLanded)), None),
            "outcome": (of(f.OutcomeRecorded) or [None])[-1],
            "effects": [zone.effect for zone in zones],
            "decided": decided[-1] if decided else None,
            "apart": any(getattr(r.event, "clock_difference_s", None) is not None for r in log),
        }

    def _call(self, stream: str) -> dict[str, Any]:
        log = self.streams[stream]
        known: dict[str, Any] = {"type": None, "received": None, "closed": None, "units": {}, "apart": False}
        for event in (recorded.event for recorded in log):
            known["apart"] |= event.clock_difference_s is not None
            known["type"] = getattr(event, "call_type", known["type"])
            known["received"] = getattr(event, "received_at", known["received"])
            if isinstance(event, call.UnitDispatched):
                known["units"][event.unit] = {}
            elif isinstance(event, call.UnitArrived):
                known["units"].setdefault(event.unit, {})["arrived"] = event.arrived_at
            elif isinstance(event, call.UnitCancelled):
                known["units"].setdefault(event.unit, {})["cancelled"] = event.cancelled_at
            elif isinstance(event, call.CallClosed):
                known["closed"] = event.closed_at
            elif isinstance(event, call.CallReopened):
                known["closed"] = None
        return known

    def type_at(self, number: str | None, position: int) -> str | None:
        kinds = [
            r.event.call_type
            for r in self.streams.get(f"call-{number}", [])
            if r.position <= position and hasattr(r.event, "call_type")
        ]
        return kinds[-1] if kinds else None

    def _case(self, flight: dict[str, Any], **more: Any) -> Case:
        request, number = flight["request"], flight["request"].call
        on = self.calls.get(number)
        decided = flight["decided"]
        place = request.destination
        south, west = floor(place.latitude * 200) / 200, floor(place.longitude * 200) / 200
        dims = {
            "purpose": request.purpose,
            "unit": flight["unit"],
            "call_type": self.type_at(number, flight["launch_position"]),
            "call_type_at_close": on["type"] if on and on["closed"] else None,
            "cell": f"{south:.3f},{west:.3f}",
            "authority": "call" if number else "case" if request.case else request.authorisation,
            "reason": getattr(decided, "reason_code", None),
        }
        apart = flight["apart"] or bool(on and on["apart"])
        return Case(at=flight["launch"].observed_at, apart=apart, dims=dims, **more)

    def cases(self, code: str) -> list[Case]:
        for make in (self._of_flights, self._of_calls, self._of_acts, partial(cases, self.events)):
            found = make(code)
            if found is not None:
                return found
        raise AssertionError(f"nobody computes {code}")

    def _of_flights(self, code: str) -> list[Case] | None:
        landed = [x for x in self.flights if x["landed"]]
        judged = [x for x in self.flights if x["outcome"]]
        effect = {
            "zone_entries_overridden": f.ZoneEffect.OVERRIDDEN,
            "recordings_stopped": f.ZoneEffect.STOPPED,
            "recordings_masked": f.ZoneEffect.MASKED,
        }
        if code in effect:
            return [self._case(x, value=float(x["effects"].count(effect[code]))) for x in self.flights]
        if code.startswith("outcome_"):
            return [self._case(x, holds=code[8:] in x["outcome"].outcomes) for x in judged]
        if code in ("subjects_located", "arrests_assisted"):
            return [self._case(x, value=float(getattr(x["outcome"], code))) for x in judged]
        holds: dict[str, Callable[[dict[str, Any]], bool]] = {
            "flights": lambda x: True,
            "flights_without_call": lambda x: x["request"].call is None,
            "flights_repurposed": lambda x: x["jobs"] > 0,
            "flights_unauthorised": lambda x: not x["launch"].authorised,
            "lost_links": lambda x: x["lost"] > 0,
        }
        if code in holds:
            return [self._case(x, holds=holds[code](x)) for x in self.flights]
        match code:
            case "response_from_launch":
                there = [x for x in self.flights if x["arrived"] and not x["diverted"]]
                return [self._case(x, value=(x["arrived"] - x["launch"].observed_at).total_seconds()) for x in there]
            case "flight_hours":
                return [self._case(x, value=x["landed"].duration_s / 3600) for x in landed]
            case "zone_entries":
                return [self._case(x, value=float(len(x["effects"]))) for x in self.flights]
            case "flights_withheld":
                decided = [x for x in self.flights if x["decided"]]
                return [self._case(x, holds=isinstance(x["decided"], f.PublicationWithheld)) for x in decided]
            case _:
                return None

    def _of_calls(self, code: str) -> list[Case] | None:
        answered: dict[str, dict[str, Any]] = {}
        for flight in self.flights:
            if flight["request"].call is not None:
                answered.setdefault(flight["request"].call, flight)
        nothing: dict[str, Any] = {"type": None, "received": None, "closed": None, "units": {}, "apart": False}
        pairs = [(flight, self.calls.get(number, nothing)) for number, flight in answered.items()]
        first: Callable[[dict[str, Any]], datetime | None] = lambda c: min(  # noqa: E731
            (unit["arrived"] for unit in c["units"].values() if "arrived" in unit), default=None
        )
        there = [(x, c) for x, c in pairs if x["arrived"] and not x["diverted"]]
        match code:
            case "response_from_call":
                known = [(x, c) for x, c in there if c["received"]]
                return [self._case(x, value=(x["arrived"] - c["received"]).total_seconds()) for x, c in known]
            case "first_on_scene":
                return [self._case(x, holds=x["arrived"] < at) for x, c in there if (at := first(c)) is not None]
            case "cleared_without_patrol":
                return [self._case(x, holds=_cleared(c, x["arrived"])) for x, c in there if c["closed"]]
            case "patrol_response_with_drone":
                return [
                    self._case(x, value=(at - c["received"]).total_seconds())
                    for x, c in pairs
                    if (at := first(c)) is not None and c["received"]
                ]
            case "calls_reclassified":
                kept = [
                    (x, c, kind)
                    for x, c in pairs
                    if c["closed"] and (kind := self.type_at(x["request"].call, x["launch_position"]))
                ]
                return [self._case(x, holds=kind != c["type"]) for x, c, kind in kept]
            case (
                "patrol_response_without_drone"
                | "patrol_response_before_pilot"
                | "cleared_without_patrol_without_drone"
                | "cleared_without_patrol_before_pilot"
            ):
                return list(self._compared(code, answered.keys()))
            case _:
                return None

    def _compared(self, code: str, answered: Collection[str]) -> Iterator[Case]:
        """Calls of types to which drones fly, and no drone flew."""
        kinds = {self.type_at(x["request"].call, x["launch_position"]) for x in self.flights} - {None}
        starts = [r.event.starts_on for r in self._all(pilot.PilotStarted)]
        for number, c in self.calls.items():
            if number in answered or c["type"] not in kinds:
                continue
            before = bool(starts and c["received"] and c["received"].astimezone(CITY).date() < min(starts))
            if before != code.endswith("before_pilot"):
                continue
            case = Case(c["received"], c["apart"], dims={"call_type": c["type"]})
            first = min((unit["arrived"] for unit in c["units"].values() if "arrived" in unit), default=None)
            if code.startswith("cleared"):
                if c["closed"]:
                    standing = [u for u in c["units"].values() if "arrived" in u or "cancelled" not in u]
                    yield replace(case, holds=not standing)
            elif first and c["received"]:
                yield replace(case, value=(first - c["received"]).total_seconds())

    def _of_acts(self, code: str) -> list[Case] | None:
        match code:
            case "live_views":
                return [act(r, equipment(r.event.feed)) for r in self._all(live_view.LiveViewGranted)]
            case "live_view_length":
                ended = self._all(live_view.LiveViewEnded)
                return [act(r, equipment(r.event.feed), value=r.event.watched_s) for r in ended]
            case "refused_attempts":
                refused = [r for r in self.events if "refused" in EVENT_NAMES[type(r.event)]]
                return [act(r, EVENT_NAMES[type(r.event)].removesuffix(".v1")) for r in refused]
            case "outages":
                return self._outages()
            case "costs":
                costs = self._all(pilot.CostRecorded)
                return [_cost(r.event) for r in costs]
            case "cost_per_flight_hour":
                drones = [_cost(r.event) for r in self._all(pilot.CostRecorded) if r.event.equipment == "drone"]
                flights = [x for x in self.flights if x["landed"]]
                return drones + [self._hours(x) for x in flights]
            case _:
                return self._of_overrides(code)

    def _hours(self, flight: dict[str, Any]) -> Case:
        apart = self._case(flight).apart
        return Case(flight["landed"].observed_at, apart, True, 0.0, flight["landed"].duration_s / 3600, {})

    def _outages(self) -> list[Case]:
        found: list[Case] = []
        for stream in [*self._named("camera-"), *self._named("drone-")]:
            since: Recorded | None = None
            ends: datetime | None = None
            for recorded in self.streams[stream]:
                if not isinstance(recorded.event, TURNS) or isinstance(recorded.event, NO_TURN):
                    continue
                out = isinstance(recorded.event, camera.CameraOffline | DroneGrounded | UnassignedFlightObserved)
                if out and since is None:
                    since = recorded
                elif not out and since is not None:
                    ends = recorded.envelope.time
                    found.append(_outage(stream, since, ends))
                    since = None
            if since is not None:
                found.append(_outage(stream, since, self.now))
        return found

    def _of_overrides(self, code: str) -> list[Case] | None:
        granted: list[tuple[Case, datetime, Recorded | None, bool]] = []
        for stream in self._named("override-"):
            log = self.streams[stream]
            start = next((r for r in log if isinstance(r.event, o.OverrideApproved | o.EmergencyOverrideInvoked)), None)
            if start is None:
                continue
            review = next((r for r in log if isinstance(r.event, o.OverrideReviewed)), None)
            based = [r.event.legal_basis.kind for r in log if hasattr(r.event, "legal_basis")]
            dims = {
                "purpose": log[0].event.purpose,
                "unit": log[0].envelope.actororg,
                "basis": str(based[-1]) if based else None,
            }
            emergency = isinstance(start.event, o.EmergencyOverrideInvoked)
            granted.append((Case(start.envelope.time, dims=dims), start.event.review_by, review, emergency))
        match code:
            case "overrides":
                return [case for case, *_ in granted]
            case "emergency_overrides":
                return [_holding(case, emergency) for case, _, _, emergency in granted]
            case "overrides_abused":
                reviewed = [(case, review) for case, _, review, _ in granted if review]
                return [_holding(case, review.event.verdict == o.Verdict.ABUSE) for case, review in reviewed]
            case "reviews_overdue":
                due = [(c, by, r) for c, by, r, _ in granted if r or by < self.now]
                return [_holding(c, (r.envelope.time if r else self.now) > by) for c, by, r in due]
            case _:
                return None


def _holding(case: Case, holds: bool) -> Case:
    case.holds = holds
    return case


def _outage(stream: str, since: Recorded, until: datetime) -> Case:
    began = since.envelope.time
    return Case(began, value=(until - began).total_seconds(), dims={"what": stream.split("-")[0]})


def _cost(event: pilot.CostRecorded) -> Case:
    day = event.spent_on
    dims: dict[str, str | None] = {"heading": str(event.heading), "equipment": event.equipment}
    return Case(datetime(day.year, day.month, day.day, tzinfo=CITY), value=float(event.amount_cents), dims=dims)


def _cleared(on: dict[str, Any], arrived: datetime) -> bool:
    units = list(on["units"].values())
    if any("arrived" in unit or "cancelled" not in unit for unit in units):
        return False
    return not units or min(unit["cancelled"] for unit in units) > arrived


def period(case: Case, by: str) -> str:
    assert case.at is not None
    day = case.at.astimezone(CITY).date()
    if by == "week":
        day -= timedelta(days=day.weekday())
    return str(day.replace(day=1) if by == "month" else day)


def percentile(values: Sequence[float], share: float) -> float | None:
    """Interpolated between the two nearest."""
    if not values:
        return None
    ordered, place = sorted(values), share * (len(values) - 1)
    below = floor(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)
