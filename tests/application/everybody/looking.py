"""Promises about looking, live and at footage, and about footage itself: kept, held, handed over, destroyed."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from tests.application.everybody.facts import Facts
from tests.application.everybody.flying import Flying
from tests.application.everybody.lifted import Liftings
from tests.application.everybody.said import Said, holds, moment

WATCH = {"watch_operator", "watch_supervisor"}
NEVER_VIDEO = {"administrator", "ambassador", "city_analyst"}


@dataclass(slots=True)
class Look:
    """A live view or a viewing. `until` None: asked for, not granted."""

    person: str
    session: str
    of: str
    call: str | None  # that it was shared with
    since: datetime | None = None
    until: datetime | None = None
    ended: bool = False
    ended_at: datetime | None = None
    left: int = 0  # bytes of its picture, as told

    def open(self, at: datetime) -> bool:
        return self.since is not None and self.until is not None and self.since <= at < self.until and not self.ended


@dataclass(slots=True)
class Looking:
    facts: Facts
    liftings: Liftings
    flying: Flying
    looks: dict[str, Look] = field(default_factory=dict)
    met: set[str] = field(default_factory=set)

    def take(self, said: Said) -> None:
        data, stream = said.data, said.stream
        match said.kind:
            case "liveview.live_view_requested":
                self.looks[stream] = Look(data["person"], data["session"], data["feed"], data["shared_by_call"])
            case "viewing.viewing_requested":
                self.looks[stream] = Look(data["person"], data["session"], f"footage-{data['footage']}", None)
            case "liveview.live_view_granted" | "viewing.viewing_granted":
                look = self.looks.get(stream)
                holds(look and look.person == data["person"] and look.until is None and not look.ended, "asked first")
                assert look is not None
                look.since, look.until = said.at, said.moment("until")
                self._may(look, said)
            case "liveview.live_view_refused" | "viewing.viewing_refused":
                self.looks[stream].ended = True
            case "liveview.live_view_renewed":
                look = self.looks[stream]
                holds(look.open(said.at) and look.person == data["person"], "only who watches renews")
                look.until = said.moment("until")
                self._may(look, said)
                self.met.add("renewed")
            case "liveview.live_view_ended" | "viewing.viewing_ended":
                look = self.looks[stream]
                holds(look.since and look.until and not look.ended, "what ends was granted, and ends once")
                assert look.since is not None and look.until is not None
                ended_at = said.moment("ended_at")
                holds(look.since <= ended_at <= min(said.at, look.until), "the length of a view is measured")
                look.ended, look.ended_at = True, ended_at
            case "liveview.live_pictures_served":
                self._left(said)
            case "viewing.segments_reserved":
                self.seen(stream, data["person"], said.at)
                holds(data["masked"] == (data["override"] is None), "unmasked means by an override, and says which")
                if data["override"] is not None:
                    footage = f"footage-{data['footage']}"
                    lifted = self.liftings.lifted(data["override"], footage, data["range"], data["person"], said.at)
                    holds(lifted, "no unmasked byte outside an active override")
                    self.met.add("unmasked")
                self.met.add("bytes")

    def _left(self, said: Said) -> None:
        """Of a view that was granted, while it was open, and each byte of it once."""
        data, look = said.data, self.looks.get(said.stream)
        same = look and (look.person, look.of) == (data["person"], data["feed"])
        holds(look and look.since and same, "what left was granted to who saw it")
        assert look is not None and look.since is not None and look.until is not None
        since, until = said.moment("since"), said.moment("until")
        holds(
            look.since <= since <= until <= min(said.at, look.ended_at or look.until),
            "nothing left of a view that is over",
        )
        look.left += data["size_bytes"]
        holds(data["total_bytes"] == look.left > 0, "what left adds up")
        self.met.add("pictures accounted for")

    def _may(self, look: Look, said: Said) -> None:
        """Who may look at this, by what they are."""
        roles = self.facts.roles(look.person)
        holds(not roles & NEVER_VIDEO, "some never see video")
        holds(self.facts.signed_on(look.session, look.person, said.at), "who looks is signed on")
        if said.kind.startswith("viewing."):
            holds(roles & (WATCH | {"auditor"}), "footage is for the watch, and for oversight's reviews")
            holds(roles & WATCH or said.purpose == "oversight_review", "oversight looks for a review that it names")
            return
        pilot = "remote_pilot" in roles and self.flying.pilot_of(look.of) == look.person
        shared = "field_responder" in roles and self.facts.shared(look.call, look.of)
        holds(roles & WATCH or pilot or shared, "the field sees what is shared with an open incident, and no more")
        holds(not self.flying.covered(look.of), "nobody looks into a zone that forbids it")
        if roles == {"field_responder"}:
            self.met.add("shared with the field")

    def seen(self, stream: str, person: str, at: datetime) -> None:
        """Something of this view or viewing reaches that person now."""
        look = self.looks.get(stream)
        holds(look and look.person == person and look.open(at), "no view without a grant before it")
        assert look is not None
        holds(self.facts.signed_on(look.session, person, at), "seen by who is not signed on")
        holds(not self.facts.suspended(person), "seen by who is suspended")
        holds(self.facts.policy(at), "seen without a use policy")
        holds(look.call is None or self.facts.shared(look.call, look.of), "seen by the field, and not shared any more")
        holds(not self.flying.covered(look.of), "seen in a zone that forbids viewing")
        self.met.add("seen")

    def nothing_goes_on(self, now: datetime) -> None:
        """After the reactor has caught up: who may no longer look has nothing open."""
        for session, found in self.facts.sessions.items():
            gone = self.facts.people[found.person].suspended
            holds(found.until is None or not gone, f"session {session} of who is suspended goes on")
        for stream, look in self.looks.items():
            session_open = self.facts.sessions[look.session].until is not None
            holds(not look.open(now) or session_open, f"{stream} goes on after its session")
            if look.call is not None:
                holds(
                    not look.open(now) or self.facts.shared(look.call, look.of), f"{stream} goes on, and is not shared"
                )
            holds(not look.open(now) or not self.flying.covered(look.of), f"{stream} goes on into a zone")


@dataclass(slots=True)
class Keeping:
    facts: Facts
    liftings: Liftings
    footage: dict[str, tuple[datetime, set[str]]] = field(default_factory=dict)  # its end, its categories
    kept_until: dict[str, datetime] = field(default_factory=dict)  # by extension
    holds_on: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    asked: dict[str, dict[str, Any]] = field(default_factory=dict)
    approved: set[str] = field(default_factory=set)
    made: dict[str, str] = field(default_factory=dict)  # file -> its hash
    met: set[str] = field(default_factory=set)

    def take(self, said: Said) -> None:
        data, stream = said.data, said.stream
        match said.kind:
            case "footage.footage_recorded":
                self.footage[stream] = moment(data["range"]["until"]), {data["category"]}
            case "footage.footage_tagged":
                self.footage[stream][1].add(data["category"])
            case "footage.legal_hold_placed":
                self.holds_on[stream].add(data["hold"])
            case "footage.legal_hold_released":
                holds(data["hold"] in self.holds_on[stream], "only a hold that is there is released")
                self.holds_on[stream].remove(data["hold"])
            case "footage.extension_requested":
                self.asked[stream] = data
            case "footage.retention_extended":
                asked = self.asked.get(stream)
                holds(asked and data["requested_by"] == asked["requested_by"], "what is extended was asked for")
                holds(data["approved_by"] != data["requested_by"], "approver is not requester")
                self.kept_until[stream] = said.moment("keep_until")
                self.met.add("extended")
            case "footage.footage_destroyed":
                self._destroyed(said)
            case "export.export_requested":
                self.asked[stream] = data
            case "export.export_approved":
                asked = self.asked.get(stream)
                holds(asked and data["approved_by"] != asked["person"], "approver is not requester")
                self.approved.add(stream)
                self.met.add("file approved")
            case "export.footage_exported":
                self._exported(said)
                self.made[stream] = data["file_sha256"]
            case "export.export_downloaded":
                holds(self.made.get(stream) == data["file_sha256"], "the file that leaves is the one that was made")
                self.met.add("file taken out")

    def _destroyed(self, said: Said) -> None:
        holds(not self.holds_on[said.stream], "nothing destroyed under hold")
        policy = self.facts.policy(said.at)
        holds(policy, "destroyed by no policy")
        assert policy is not None
        days = {rule["category"]: rule["days"] for rule in policy[1]["retention"]}
        end, categories = self.footage[said.stream]
        due = max(end + timedelta(days=max(days[c] for c in categories)), self.kept_until.get(said.stream, end))
        holds(said.at >= due, "nothing destroyed before it is due")
        holds(said.moment("unrecoverable_after") > said.at, "a destruction says when no backup can undo it")
        self.met.add("destroyed")

    def _exported(self, said: Said) -> None:
        asked = self.asked.get(said.stream)
        holds(asked and said.stream in self.approved, "the file that is made was approved")
        assert asked is not None
        holds(said.data["masked"] == (asked["override"] is None), "the file is masked as it was approved")
        if asked["override"] is not None:
            footage = f"footage-{asked['footage']}"
            lifted = self.liftings.lifted(asked["override"], footage, asked["range"], asked["person"], said.at)
            holds(lifted, "no unmasked byte outside an active override")
            self.met.add("unmasked file")
