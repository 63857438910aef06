"""Promises about who may: by hand out of the domain's table of roles, never by asking the policy set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.application.everybody.facts import Facts
from tests.application.everybody.said import Said, holds

WATCH = frozenset({"watch_operator", "watch_supervisor"})
SERGEANT, CAPTAIN = frozenset({"watch_supervisor"}), frozenset({"station_commander"})
PILOT, AUDITOR, CITY = frozenset({"remote_pilot"}), frozenset({"auditor"}), frozenset({"city_analyst"})
SERVICE, IT = frozenset({"service"}), frozenset({"administrator"})

# Whose doing these are, as the domain's table of roles has it. What stands here, nobody else ever does.
MAY: Mapping[str, frozenset[str]] = {
    "call.call_received": SERVICE,
    "call.call_closed": SERVICE,
    "call.feed_shared_with_incident": WATCH,
    "call.observation_reported": WATCH | {"ambassador"},
    "complaint.complaint_assigned": CITY | CAPTAIN,
    "complaint.complaint_opened": CITY | AUDITOR,
    "complaint.complaint_resolved": CITY | AUDITOR | SERGEANT | CAPTAIN,
    "complaint.feedback_closed": CITY | AUDITOR,
    "disclosure.disclosure_made": SERGEANT | CAPTAIN,
    "disclosure.disclosure_reviewed": AUDITOR,
    "drone.drone_readied": PILOT,
    "drone.drone_grounded": PILOT | SERGEANT | CAPTAIN,
    "export.export_approved": SERGEANT | CAPTAIN,
    "export.export_downloaded": WATCH,
    "flight.camera_turned_to_scene": PILOT,
    "flight.drone_landed": SERVICE,
    "flight.drone_launched": SERVICE,
    "flight.flight_redirected": PILOT,
    "flight.flight_repurposed": SERGEANT | CAPTAIN,
    "flight.launch_ordered": PILOT,
    "flight.outcome_recorded": WATCH | PILOT | CAPTAIN,
    "footage.footage_destroyed": CAPTAIN,
    "footage.legal_hold_placed": SERGEANT,
    "footage.legal_hold_released": SERGEANT,
    "footage.retention_extended": CAPTAIN,
    "liveview.live_pictures_served": SERVICE,
    "liveview.live_view_granted": WATCH | PILOT | {"field_responder"},
    "override.emergency_override_invoked": WATCH,
    "override.override_approved": SERGEANT,
    "override.override_reviewed": AUDITOR,
    "person.reinstated": IT,
    "person.role_assigned": IT | CAPTAIN,
    "person.suspended": IT | CAPTAIN,
    "pilot.cost_recorded": CITY,
    "pilot.pilot_concluded": CITY,
    "pilot.pilot_extended": CITY,
    "pilot.pilot_paused": CITY | CAPTAIN,
    "pilot.pilot_resumed": CITY,
    "pilot.pilot_started": CITY,
    "platesearch.hit_confirmed": WATCH,
    "platesearch.hit_rejected": WATCH,
    "platesearch.hot_list_hit_received": SERVICE | SERGEANT,
    "platesearch.plate_searched": WATCH,
    "policy.policy_drafted": IT,
    "policy.policy_adopted": CAPTAIN,
    "review.access_reviewed": AUDITOR,
    "review.audit_sample_drawn": AUDITOR,
    "review.audit_seed_committed": AUDITOR,
    "review.corrective_action_taken": CAPTAIN,
    "review.finding_recorded": AUDITOR,
    "viewing.segments_reserved": WATCH | AUDITOR,
    "viewing.viewing_granted": WATCH | AUDITOR,
    "zone.privacy_zone_drawn": IT | CAPTAIN,
    "zone.privacy_zone_redrawn": CAPTAIN,
    "zone.privacy_zone_retired": CAPTAIN,
}
# Those who never see video or a plate, whatever else they are given.
NEVER = IT | CITY | {"ambassador"}
SEEING = {
    kind for kind in MAY if kind.startswith(("liveview.live_view", "viewing.", "platesearch.plate", "platesearch.hit"))
}
# What uses the equipment: for a purpose that is not prohibited, under the policy in force, which it names.
USES = {
    "disclosure.disclosure_made",
    "export.export_approved",
    "export.export_downloaded",
    "flight.flight_repurposed",
    "flight.launch_authorised",
    "liveview.live_view_granted",
    "liveview.live_view_renewed",
    "override.emergency_override_invoked",
    "override.override_approved",
    "platesearch.plate_searched",
    "viewing.segments_reserved",
    "viewing.viewing_granted",
}
PROHIBITED = {"immigration_enforcement", "relay_to_differing_state", "identify_demonstrators", "face_recognition"}


@dataclass(slots=True)
class Rights:
    facts: Facts
    stated: dict[str, str] = field(default_factory=dict)  # stream -> the purpose that was asked for
    met: set[str] = field(default_factory=set)

    def take(self, said: Said) -> None:
        self._stated(said)
        if said.kind in MAY and said.role:  # at the founding nobody has a role yet
            allowed = MAY[said.kind]
            holds(said.role in allowed, f"{said.kind} by {said.role}: not theirs to do")
            holds(said.role in self.facts.roles(said.by), f"{said.kind} by {said.by}, who does not have that role")
            self.met.add(f"right: {said.kind}")
        if said.kind in SEEING:
            holds(not self.facts.roles(said.by) & NEVER, f"{said.kind} by who never sees video or plates")
        if said.kind in USES:
            self._used(said)

    def _stated(self, said: Said) -> None:
        purpose = said.data.get("purpose") or (said.data.get("grounds") or {}).get("purpose")
        if purpose and (said.stream not in self.stated or said.kind == "flight.flight_repurposed"):
            self.stated[said.stream] = purpose

    def _used(self, said: Said) -> None:
        policy, purpose = self.facts.policy(said.at), self.stated.get(said.stream)
        holds(purpose, f"{said.kind}: nobody asked for it")
        holds(policy, f"{said.kind} without a use policy in force")
        assert policy is not None
        holds(purpose not in PROHIBITED | set(policy[1]["prohibited"]), f"{said.kind} for a prohibited purpose")
        holds(said.policy == policy[0], f"{said.kind} names policy {said.policy}, and {policy[0]} was in force")
        holds(said.purpose == purpose, f"{said.kind} does not say what it was for")
