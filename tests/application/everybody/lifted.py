"""Promises about overrides: whoever lifts a protection is never alone, or answers for it; and it ends by itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from tests.application.everybody.said import Said, holds, moment, when

HOUR = timedelta(hours=1)


@dataclass(slots=True)
class Lifting:
    """An override. `until` None: asked for, not in effect yet."""

    by: str
    target: str
    since: datetime
    till: datetime
    flight: str | None  # that a zone is lifted for
    answer_by: datetime | None
    until: datetime | None = None
    justify_by: datetime | None = None
    review_by: datetime | None = None
    approved_by: str | None = None
    over: bool = False

    def in_effect(self, target: str, at: datetime) -> bool:
        return self.target == target and self.until is not None and at < self.until and not self.over

    def lifts(self, target: str, range_: dict[str, Any], at: datetime) -> bool:
        within = self.since <= moment(range_["since"]) and moment(range_["until"]) <= self.till
        return within and self.in_effect(target, at)


@dataclass(slots=True)
class Liftings:
    known: dict[str, Lifting] = field(default_factory=dict)
    met: set[str] = field(default_factory=set)

    def take(self, said: Said) -> None:
        lifted, data = self.known.get(said.stream), said.data
        match said.kind:
            case "override.override_requested":
                self.known[said.stream] = self._opened(data, data["requested_by"], when(data["awaits_until"]))
            case "override.emergency_override_invoked":
                self.known[said.stream] = opened = self._opened(data, data["invoked_by"], None)
                opened.until, opened.justify_by = said.moment("expires_at"), said.moment("justify_by")
                opened.review_by = said.moment("review_by")
                holds(opened.until - said.at <= HOUR, "no override lasts longer than an hour")
                holds(opened.justify_by - said.at <= 24 * HOUR, "a broken glass is justified within a day")
                holds(opened.review_by - said.at <= 72 * HOUR, "an override is reviewed within 72 hours")
                self.met.add("glass broken")
            case "override.override_approved":
                holds(lifted and lifted.until is None and not lifted.over, "what is approved was asked for, and waits")
                assert lifted is not None
                holds(data["approved_by"] != lifted.by, "approver is not requester")
                holds(lifted.answer_by and said.at < lifted.answer_by, "a request waits only so long")
                lifted.answer_by, lifted.until = None, said.moment("expires_at")
                lifted.review_by, lifted.approved_by = said.moment("review_by"), data["approved_by"]
                holds(lifted.until - said.at <= HOUR, "no override lasts longer than an hour")
                holds(lifted.review_by - said.at <= 72 * HOUR, "an override is reviewed within 72 hours")
                self.met.add("override approved")
            case "override.override_refused" | "override.override_expired":
                holds(lifted and not lifted.over, "an override ends once")
                assert lifted is not None
                lifted.over, lifted.answer_by = True, None
            case "override.override_used":
                holds(lifted and lifted.lifts(lifted.target, data["range"], said.at), "used while it is in effect")
                assert lifted is not None
                of_zone = lifted.target.startswith("zone-") and said.role == "service"
                holds(said.by == lifted.by or of_zone, "an override opens to who asked for it")
                ours = lifted.flight is None or data["through"] == f"flight-{lifted.flight}"
                holds(ours, "a zone is lifted for one flight")
                self.met.add("override used")
            case "override.override_justified":
                holds(lifted and lifted.justify_by, "only a broken glass is justified afterwards")
                assert lifted is not None and lifted.justify_by is not None
                holds(data["justified_by"] == lifted.by, "who broke the glass justifies it")
                holds(data["late"] == (said.at > lifted.justify_by), "what came late says so")
                lifted.justify_by = None
            case "override.override_reviewed":
                holds(lifted and lifted.review_by, "what was in effect is reviewed, once")
                assert lifted is not None and lifted.review_by is not None
                holds(data["reviewed_by"] not in (lifted.by, lifted.approved_by), "oversight is independent")
                holds(data["late"] == (said.at > lifted.review_by), "what came late says so")
                lifted.review_by = lifted.justify_by = None

    @staticmethod
    def _opened(data: dict[str, Any], by: str, answer_by: datetime | None) -> Lifting:
        range_ = data["range"]
        return Lifting(by, data["target"], moment(range_["since"]), moment(range_["until"]), data["flight"], answer_by)

    def lifted(self, override: str, target: str, range_: dict[str, Any], by: str, at: datetime) -> bool:
        """Whether that override opens this to that person now."""
        found = self.known.get(override)
        return found is not None and found.by == by and found.lifts(target, range_, at)

    def lifts_zone(self, zone: str, flight: str, at: datetime) -> bool:
        """Whether one is in effect for this zone and this flight now."""
        return any(
            found.in_effect(f"zone-{zone}", at) and found.since <= at < found.till and found.flight == flight
            for found in self.known.values()
        )
