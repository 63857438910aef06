"""Every deadline is met, ends what it was set for, or is shown overdue: out of the events, by rules written here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta

from tests.application.everybody.said import Said, holds

Key = tuple[str, str]  # what, and of which stream
GATEWAY_FIRST = timedelta(minutes=2)  # a launch is the gateway's to give up, and the scheduler's after that
LOOKED_AT_WITHIN = timedelta(days=7)  # what the public says
NOTICE = timedelta(days=30)  # before a training or certificate runs out

# By kind of event: what is to be done until when, and whether that ends by itself (True) or is shown overdue (False).
SETS: dict[str, list[tuple[str, str, bool]]] = {
    "session.signed_on": [("session", "ends_at", True)],
    "liveview.live_view_granted": [("view", "until", True)],
    "liveview.live_view_renewed": [("view", "until", True)],
    "viewing.viewing_granted": [("view", "until", True)],
    "override.override_requested": [("override", "awaits_until", True)],
    "override.override_approved": [("override", "expires_at", True), ("override_review_overdue", "review_by", False)],
    "override.emergency_override_invoked": [
        ("override", "expires_at", True),
        ("override_review_overdue", "review_by", False),
        ("override_justification_overdue", "justify_by", False),
    ],
    "flight.launch_requested": [("launch", "awaits_until", True)],
    "flight.launch_authorised": [("launch", "expires_at", True)],
    "disclosure.review_awaited": [("disclosure_review_overdue", "review_by", False)],
    "review.audit_seed_committed": [("audit_sample_overdue", "reveal_by", False)],
    "review.audit_sample_drawn": [("sample_review_overdue", "review_by", False)],
    "complaint.complaint_opened": [("complaint_answer_overdue", "answer_by", False)],
}
CLEARS: dict[str, list[str]] = {
    "session.signed_off": ["session"],
    "liveview.live_view_ended": ["view"],
    "viewing.viewing_ended": ["view"],
    "override.override_refused": ["override"],
    "override.override_expired": ["override"],
    "override.override_justified": ["override_justification_overdue"],
    "override.override_reviewed": ["override_review_overdue", "override_justification_overdue"],
    "flight.launch_refused": ["launch"],
    "flight.launch_lapsed": ["launch"],
    "flight.launch_withdrawn": ["launch"],
    "flight.drone_launched": ["launch"],
    "disclosure.disclosure_reviewed": ["disclosure_review_overdue"],
    "review.audit_sample_drawn": ["audit_sample_overdue"],
    "complaint.complaint_opened": ["feedback_overdue"],
    "complaint.complaint_resolved": ["complaint_answer_overdue"],
    "complaint.feedback_closed": ["feedback_overdue"],
}


@dataclass(slots=True)
class Deadlines:
    ends: dict[Key, datetime] = field(default_factory=dict)
    shown: dict[Key, datetime] = field(default_factory=dict)  # is to be shown when it is overdue
    called_out: set[Key] = field(default_factory=set)
    to_review: dict[str, set[int]] = field(default_factory=dict)
    expiries: dict[Key, date] = field(default_factory=dict)  # person, and what runs out
    noted: set[tuple[str, str, date]] = field(default_factory=set)
    met: set[str] = field(default_factory=set)

    def take(self, said: Said) -> None:
        for what in CLEARS.get(said.kind, ()):
            self.ends.pop((what, said.stream), None)
            self.shown.pop((what, said.stream), None)
        for what, at, by_itself in SETS.get(said.kind, ()):
            (self.ends if by_itself else self.shown)[what, said.stream] = said.moment(at)
        if (special := _SPECIAL.get(said.kind)) is not None:
            special(self, said)

    def _attention(self, said: Said) -> None:
        what, about = said.data["what"], said.data["about"]
        set_for = [at for (kind, of), at in self.shown.items() if (kind.partition(":")[0], of) == (what, about)]
        holds(not set_for or said.at >= min(set_for), "nothing is called overdue before it is")
        self.called_out.add((what, about))

    def _fed_back(self, said: Said) -> None:
        self.shown["feedback_overdue", said.stream] = said.moment("received_at") + LOOKED_AT_WITHIN

    def _sampled(self, said: Said) -> None:
        self.to_review[said.stream] = {access["position"] for access in said.data["sample"]}
        self._nothing_left(said.stream)

    def _reviewed(self, said: Said) -> None:
        self.to_review[said.stream].discard(said.data["position"])
        self._nothing_left(said.stream)

    def _nothing_left(self, stream: str) -> None:
        if not self.to_review[stream]:
            self.shown.pop(("sample_review_overdue", stream), None)

    def _finding(self, said: Said) -> None:
        self.shown[f"finding_overdue:{said.data['number']}", said.stream] = said.moment("action_by")

    def _answered(self, said: Said) -> None:
        self.shown.pop((f"finding_overdue:{said.data['finding']}", said.stream), None)

    def _held(self, said: Said) -> None:
        day = date.fromisoformat(said.data["verify_again_on"])
        self.shown[f"hold_verification_due:{said.data['hold']}", said.stream] = datetime.combine(day, time(), UTC)

    def _released(self, said: Said) -> None:
        self.shown.pop((f"hold_verification_due:{said.data['hold']}", said.stream), None)

    def _runs_out(self, said: Said) -> None:
        what = said.data["course"] if said.kind == "person.training_completed" else said.data["kind"]
        until = date.fromisoformat(said.data["expires_on"])
        if said.kind == "person.training_completed":
            until = max(until, self.expiries.get((said.stream, what), until))
        self.expiries[said.stream, what] = until

    def _noted(self, said: Said) -> None:
        self.noted.add((said.stream, said.data["name"], date.fromisoformat(said.data["expires_on"])))

    def check(self, now: datetime) -> None:
        """After the scheduler has looked: what was to be done by now was done, has ended, or was called out."""
        for (what, stream), at in self.ends.items():
            grace = GATEWAY_FIRST if what == "launch" else timedelta()
            gone_on = now > at if what in ("session", "launch") else now >= at
            holds(not gone_on or now < at + grace, f"{what} of {stream} goes on past {at:%d %H:%M:%S}")
        for (what, stream), at in self.shown.items():
            if now >= at:
                holds((what.partition(":")[0], stream) in self.called_out, f"{what} of {stream}: nobody was told")
                self.met.add(f"overdue: {what.partition(':')[0]}")
        for (stream, what), until in self.expiries.items():
            if now >= datetime.combine(until, time(), UTC) - NOTICE:
                holds((stream, what, until) in self.noted, f"{what} of {stream} runs out, and nobody was told")
                self.met.add("overdue: expiry")


_SPECIAL: dict[str, Callable[[Deadlines, Said], None]] = {
    "notice.attention_needed": Deadlines._attention,
    "complaint.feedback_received": Deadlines._fed_back,
    "review.audit_sample_drawn": Deadlines._sampled,
    "review.access_reviewed": Deadlines._reviewed,
    "review.finding_recorded": Deadlines._finding,
    "review.corrective_action_taken": Deadlines._answered,
    "footage.legal_hold_placed": Deadlines._held,
    "footage.legal_hold_verified": Deadlines._held,
    "footage.legal_hold_released": Deadlines._released,
    "person.training_completed": Deadlines._runs_out,
    "person.certificate_recorded": Deadlines._runs_out,
    "person.expiry_approaching": Deadlines._noted,
}
