"""Promises about plates, other agencies, the street, the public, the pilot programme, and oversight."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from tests.application.everybody.facts import Facts
from tests.application.everybody.said import Said, holds, moment

ANSWERERS = {"city_analyst", "watch_supervisor", "station_commander", "auditor"}


@dataclass(slots=True)
class Plates:
    hits: dict[str, str] = field(default_factory=dict)  # stream -> waiting, confirmed, rejected
    searches: dict[str, str] = field(default_factory=dict)  # stream -> asked, answered
    met: set[str] = field(default_factory=set)

    def take(self, said: Said) -> None:
        data, stream = said.data, said.stream
        match said.kind:
            case "platesearch.hot_list_hit_received":
                holds(stream not in self.hits, "a hit comes in once")
                self.hits[stream] = "waiting"
            case "platesearch.hit_confirmed" | "platesearch.hit_rejected":
                holds(self.hits.get(stream) == "waiting", "a hit is decided on once")
                self.hits[stream] = said.kind.removeprefix("platesearch.hit_")
            case "platesearch.plate_searched":
                access = data["access"]
                complete = access["accessed_at"] and (access["plate"] or access["other"]) and access["organisation"]
                holds(complete and access["username"] == said.by, "a plate search names when, what, who and for whom")
                holds(data["grounds"]["purpose"], "a plate search names its purpose")
                if data["hit"] is not None:
                    self._used(f"platesearch-{data['hit']}")
                self.searches[stream] = "asked"
            case "platesearch.search_answered" | "platesearch.search_failed":
                holds(self.searches.get(stream) == "asked", "the readers are asked once, after the record")
                if said.kind == "platesearch.search_answered":
                    self.searches[stream] = "answered"
                    self.met.add("plate search answered")
            case "disclosure.disclosure_requested" | "disclosure.disclosure_made" if data["what"] in self.hits:
                self._used(data["what"])

    def asked_for(self, search: str) -> None:
        """The readers' system was asked."""
        holds(f"platesearch-{search}" in self.searches, "no reader is asked before the search is on the record")

    def _used(self, hit: str) -> None:
        holds(self.hits.get(hit) == "confirmed", "no hit used before a person confirmed it")
        self.met.add("hit used")


@dataclass(slots=True)
class Disclosures:
    asked: dict[str, dict[str, Any]] = field(default_factory=dict)
    made_by: dict[str, str] = field(default_factory=dict)
    met: set[str] = field(default_factory=set)

    def take(self, said: Said) -> None:
        data, stream = said.data, said.stream
        match said.kind:
            case "disclosure.disclosure_requested":
                basis = data["legal_basis"]
                holds(data["recipient"] and basis["kind"], "a disclosure names the agency and the paper it rests on")
                self.asked[stream] = data
            case "disclosure.disclosure_made":
                holds(stream in self.asked and stream not in self.made_by, "what is made was asked for, and once")
                holds(data["made_by"] != self.asked[stream]["person"], "approver is not requester")
                self.made_by[stream] = data["made_by"]
                self.met.add("disclosed")
            case "disclosure.disclosure_reviewed":
                part = (self.asked[stream]["person"], self.made_by.get(stream))
                holds(stream in self.made_by and data["reviewed_by"] not in part, "nobody judges himself")
                self.met.add("disclosure reviewed")


@dataclass(slots=True)
class Street:
    facts: Facts
    met: set[str] = field(default_factory=set)

    def take(self, said: Said) -> None:
        match said.kind:
            case "call.observation_reported":
                holds(self.facts.open_call(said.key), "what is seen is told of a call that is open")
                holds(said.data["reported_by"] == said.by, "who tells is who is named")
                holds(said.moment("observed_at") <= said.at + timedelta(seconds=1), "nobody sees what is to come")
                self.met.add("observed")
            case "call.feed_shared_with_incident":
                holds(self.facts.open_call(said.key), "nothing is shared with a call that is closed")


@dataclass(slots=True)
class Complaint:
    received: bool = True
    concerns: str | None = None
    assigned_to: str | None = None
    answer_by: Any = None
    closed: bool = False


@dataclass(slots=True)
class Public:
    facts: Facts
    complaints: dict[str, Complaint] = field(default_factory=dict)
    met: set[str] = field(default_factory=set)

    def take(self, said: Said) -> None:
        data = said.data
        if said.kind == "complaint.feedback_received":
            self.complaints[said.stream] = Complaint()
            return
        found = self.complaints.get(said.stream)
        if found is None:
            return
        match said.kind:
            case "complaint.complaint_opened":
                holds(found.answer_by is None and not found.closed, "feedback becomes a complaint once")
                found.concerns, found.answer_by = data["concerns"], said.moment("answer_by")
            case "complaint.complaint_assigned":
                who = data["assigned_to"]
                holds(found.answer_by and not found.closed, "what is assigned is an open complaint")
                holds(who != found.concerns, "whom a complaint is about does not look into it")
                holds(self.facts.roles(who) & ANSWERERS, "complaints have answerers")
                found.assigned_to = who
            case "complaint.complaint_resolved":
                by = data["resolved_by"]
                holds(
                    by == found.assigned_to == said.by and by != found.concerns, "who is assigned answers, nobody else"
                )
                holds(found.answer_by and not found.closed, "a complaint is answered once")
                holds(data["late"] == (said.at > found.answer_by), "what came late says so")
                found.closed = True
                self.met.add("complaint answered")
            case "complaint.feedback_closed":
                holds(found.answer_by is None and not found.closed, "only what is no complaint is closed like this")
                found.closed = True


@dataclass(slots=True)
class Programme:
    phase: dict[str, str] = field(default_factory=dict)  # running, paused, concluded
    ends_on: dict[str, date] = field(default_factory=dict)
    spent: Counter[tuple[str, str]] = field(default_factory=Counter)  # programme and cost -> cents
    met: set[str] = field(default_factory=set)

    def take(self, said: Said) -> None:
        data, stream, now = said.data, said.stream, self.phase.get(said.stream)
        match said.kind:
            case "pilot.pilot_started":
                holds(now is None, "a programme begins once")
                self.phase[stream], self.ends_on[stream] = "running", date.fromisoformat(data["ends_on"])
            case "pilot.pilot_paused":
                holds(now == "running", "only what runs is paused")
                self.phase[stream] = "paused"
            case "pilot.pilot_resumed":
                holds(now == "paused", "only what is paused goes on")
                self.phase[stream] = "running"
            case "pilot.pilot_extended":
                ends_on = date.fromisoformat(data["ends_on"])
                holds(
                    now in ("running", "paused") and ends_on > self.ends_on[stream],
                    "an extension is later, before the end",
                )
                holds(data["authority"], "an extension names the council's decision")
                self.ends_on[stream] = ends_on
            case "pilot.pilot_concluded":
                holds(now in ("running", "paused"), "a programme ends once")
                self.phase[stream] = "concluded"
                self.met.add("programme concluded")
            case "pilot.cost_recorded":
                holds(now is not None, "a cost is of a programme")
                of = stream, data["corrects"] or data["cost"]
                self.spent[of] += data["amount_cents"]
                holds(self.spent[of] >= 0, "a correction takes back no more than was recorded")
                holds(data["corrects"] is None or of in self.spent, "what is corrected was recorded")


@dataclass(slots=True)
class Overseeing:
    committed: dict[str, dict[str, Any]] = field(default_factory=dict)
    sampled: dict[str, dict[int, str]] = field(default_factory=dict)  # review -> position -> whose access
    accesses: dict[int, tuple[Any, str]] = field(default_factory=dict)  # position -> when, whose
    findings: dict[tuple[str, int], str | None] = field(default_factory=dict)  # whom it is about
    met: set[str] = field(default_factory=set)

    ACCESSES = (
        "disclosure.disclosure_made",
        "export.footage_exported",
        "liveview.live_view_granted",
        "override.override_used",
        "platesearch.plate_searched",
        "viewing.viewing_granted",
    )

    def take(self, said: Said) -> None:
        data, stream = said.data, said.stream
        if said.kind in self.ACCESSES:
            self.accesses[said.position] = said.at, said.by
        match said.kind:
            case "review.audit_seed_committed":
                holds(stream not in self.committed, "a nonce that was committed to stays the one")
                holds(said.at < said.moment("week_ends_at"), "oversight commits before the week is over")
                self.committed[stream] = data
            case "review.audit_sample_drawn":
                seed = self.committed.get(stream)
                holds(seed and stream not in self.sampled, "a sample is drawn once, of a week that was committed to")
                assert seed is not None
                ends_at = moment(seed["week_ends_at"])
                holds(said.at >= ends_at, "the nonce is revealed after the week")
                population = {position for position, (at, _) in self.accesses.items() if at < ends_at}
                holds(
                    data["population_size"] == len(population), "the population is every access of the week and before"
                )
                sample = {access["position"]: access["person"] for access in data["sample"]}
                holds(
                    set(sample) <= population and len(sample) == len(data["sample"]), "the sample is of the population"
                )
                self.sampled[stream] = sample
                self.met.add("sampled")
            case "review.access_reviewed":
                whose = self.sampled.get(stream, {}).get(data["position"])
                holds(whose is not None and whose != data["reviewed_by"], "nobody judges himself")
                self.met.add("access reviewed")
            case "review.finding_recorded":
                self.findings[stream, data["number"]] = data["person"]
            case "review.corrective_action_taken":
                about = (stream, data["finding"])
                holds(about in self.findings and self.findings[about] != said.by, "nobody judges himself")
                self.met.add("finding answered")
