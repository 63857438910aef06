"""Plates: searches of what plate readers saw, and hits of hot lists.

A search is on the record before the readers' system is asked, and what it is asked is read off the record; what it
answers is shown to the asker alone and kept nowhere, only how much it was.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import NAMESPACE_URL, UUID, uuid5

import structlog

from application.cases import case_of
from application.commands import Commands
from application.handling import Accepted, Actor, Attempt, Handler, Outcome, Recorded, Refused, Unavailable
from application.ports import StoreUnavailable
from application.sealing import Keyring
from application.standing import authorise, outcome
from application.views import Reasons, call_of
from domain import disclosure
from domain.disclosure import DISCLOSURE
from domain.grounds import Grounds
from domain.kernel import DisclosureId, PersonId, Place, PlateSearchId, Shredded
from domain.legal_basis import LegalBasis
from domain.plate_search import (
    PLATE_SEARCH,
    AccessRecord,
    Agency,
    Confirmed,
    ConfirmHit,
    NoteAnswer,
    NoteFailure,
    PlateQuery,
    PlateSearched,
    ReceiveHit,
    Rejected,
    RejectHit,
    RejectionReason,
    Searched,
    SearchFacts,
    SearchPlate,
    Waiting,
    hit_fault,
    plate_of,
)
from domain.reason_quality import ReasonQuality

log = structlog.get_logger()
SHOWN = 200  # sightings of one search
PLATE = "plate"  # the purpose under which plates are hashed


@dataclass(frozen=True, slots=True)
class Sighting:
    """What a reader saw. `id`: the provider's own name of it; `seen_at` by the reader's clock."""

    id: str
    plate: str
    plate_state: str | None
    reader: str
    seen_at: datetime
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """What the readers' system is asked. `search`: our id, so that its own log can be held against ours."""

    search: str
    seen_from: datetime
    seen_until: datetime
    plate: str | None
    plate_state: str | None
    other: str | None
    readers: tuple[str, ...]
    limit: int


@dataclass(frozen=True, slots=True)
class Answer:
    """`cut`: there were more than `limit`."""

    sightings: tuple[Sighting, ...]
    cut: bool = False


class ProviderFailed(Exception):
    """The readers' system did not answer, or not so that it can be read. The message holds nothing that was asked."""


class PlateProvider(Protocol):
    """The system that keeps what plate readers saw. `name` goes on the record."""

    name: str

    def search(self, asked: Asked) -> Answer:
        """Raises ProviderFailed."""
        ...


@dataclass(frozen=True, slots=True)
class ForAgency:
    """Another agency that asked for a search, and the ground on which it may know."""

    agency: Agency
    legal_basis: LegalBasis


@dataclass(frozen=True, slots=True)
class Hit:
    """A hit as a provider tells of it."""

    reference: str
    hot_list: str
    plate: str
    plate_state: str | None
    reader: str
    seen_at: datetime


@dataclass(frozen=True, slots=True)
class Found:
    """What became of a search. `answer` None: refused, or the readers' system was not asked or did not answer
    (`failure`)."""

    outcome: Outcome
    answer: Answer | None = None
    failure: str | None = None


class Plates(Commands):
    """Use cases about plates. Without a provider searches are recorded and told that nobody answers them."""

    def __init__(self, handler: Handler, provider: PlateProvider | None = None, reasons: Reasons | None = None) -> None:
        super().__init__(handler)
        self.provider = provider
        self._reasons = reasons or Reasons(handler)

    # -- searches ------------------------------------------------------------

    def search(
        self,
        actor: Actor,
        query: PlateQuery,
        grounds: Grounds,
        for_agency: ForAgency | None = None,
        hit: str | None = None,
        command_id: UUID | None = None,
    ) -> Found:
        """Search for a plate. The search's id is the command's, and so is that of the disclosure to another agency,
        which takes a second person to be made. The same command sent again asks nobody a second time."""
        # No plate in the digest: digests are kept for good, and plates are few enough to try them all.
        ticket = self.handler.ticket(
            "search_plate", [query.seen_from, query.seen_until, grounds, for_agency, hit], actor, command_id
        )
        key = PlateSearchId(str(ticket.command_id))

        def use(attempt: Attempt) -> Recorded:
            attempt.purpose, attempt.case_number = grounds.purpose, grounds.call or grounds.case or ""
            call = call_of(attempt, grounds.call)
            stream = PLATE_SEARCH.stream(key)
            if for_agency is not None:
                authorise(attempt, "request_disclosure", stream)
            policy = authorise(attempt, "search_plate", stream)
            quality = self._reasons.quality(actor, grounds, call, case_of(attempt, grounds.case), policy)
            fault = hit_fault(attempt.state(PLATE_SEARCH, hit)) if hit is not None else None
            command = SearchPlate(
                key,
                PersonId(actor.person),
                attempt.actor.organisation,
                query,
                grounds,
                quality,
                SearchFacts(call, policy, fault),
                f"plate-{self.handler.ids.nonce()}",
                for_agency.agency if for_agency else None,
                DisclosureId(key),
                PlateSearchId(hit) if hit is not None else None,
            )
            (event,) = attempt.decide(PLATE_SEARCH, key, command)
            if for_agency is not None and isinstance(event, PlateSearched):
                self._account(attempt, key, for_agency, grounds, quality, command.facts)
            return outcome(attempt, stream, key)

        told = self.handler.handle(actor, ticket, use)
        if not isinstance(told, Accepted):
            return Found(told)
        return self._ask(actor, told, ticket.command_id)

    @staticmethod
    def _account(
        attempt: Attempt,
        key: PlateSearchId,
        for_agency: ForAgency,
        grounds: Grounds,
        quality: ReasonQuality,
        facts: SearchFacts,
    ) -> None:
        """The other agency's request, in the same append as the search."""
        asked = disclosure.RequestDisclosure(
            DisclosureId(key),
            PLATE_SEARCH.stream(key),
            for_agency.agency.name,
            for_agency.legal_basis,
            grounds,
            quality,
            PersonId(attempt.actor.person),
            facts.call,
            facts.policy,
        )
        attempt.decide(DISCLOSURE, key, asked)

    def _ask(self, actor: Actor, told: Accepted, command_id: UUID) -> Found:
        try:
            state = self.handler.states.load([(PLATE_SEARCH, told.key)])[told.stream][1]
        except StoreUnavailable:
            return Found(told, failure="the event store is away: nothing is shown without it")
        if not isinstance(state, Searched) or state.answered:
            return Found(told, failure="this search was answered before: make a new one to see sightings again")
        if self.provider is None:
            return Found(told, failure="no plate readers are connected: set SAFERWEHO_ALPR_URL")
        asked = _as_recorded(self.handler.keys, told.key, state.search.access)
        if asked is None:
            return Found(told, failure="what was searched for was made unreadable: make a new search")
        note: NoteAnswer | NoteFailure
        answer, failure = None, None
        try:
            answer = self.provider.search(asked)
            note = NoteAnswer(self.provider.name, len(answer.sightings), answer.cut)
        except ProviderFailed as error:
            failure = str(error)
            note = NoteFailure(self.provider.name, failure)

        def use(attempt: Attempt) -> Recorded:
            attempt.purpose = state.search.grounds.purpose
            attempt.case_number = state.search.grounds.call or state.search.grounds.case or ""
            authorise(attempt, "search_plate", told.stream)
            attempt.decide(PLATE_SEARCH, told.key, note)
            return Accepted(told.stream, told.key)

        # Nothing is shown before the record says how much: a fresh id each time, an answer is noted once.
        chain = {"correlation_id": str(command_id), "causation_id": str(command_id)}
        ticket = self.handler.ticket("note_answer", [told.key, note], actor, None, **chain)
        noted = self.handler.handle(actor, ticket, use)
        if not isinstance(noted, Accepted):
            log.warning("plate_answer_not_noted", search=told.key)
            return Found(noted if isinstance(noted, Refused | Unavailable) else told, failure="the answer is not noted")
        return Found(told, answer, failure)

    def hash_of(self, plate: str) -> str:
        """What finds the searches for a plate, written as it was searched for ('?' where that was). Raises
        InvalidValue, never with the plate."""
        return self.handler.keys.keyed_hash(PLATE, plate_of("plate", plate, pattern=True))

    # -- hits ----------------------------------------------------------------

    def plate_of_hit(self, key: str) -> str | None:
        """The plate of a hit, out of the record itself: no read model keeps it. None where its key is destroyed."""
        state = self.handler.states.load([(PLATE_SEARCH, key)])[PLATE_SEARCH.stream(key)][1]
        return self.handler.keys.text(state.hit.plate) if isinstance(state, Waiting | Confirmed | Rejected) else None

    def receive(self, actor: Actor, provider: str, hits: Iterable[Hit]) -> list[Outcome]:
        """Put hits on the record, each once however often it is sent; what became of each, in order."""
        return [self._receive(actor, provider, hit) for hit in hits]

    def _receive(self, actor: Actor, provider: str, hit: Hit) -> Outcome:
        key = str(uuid5(NAMESPACE_URL, f"urn:saferweho:alpr:{provider}:{hit.reference}"))
        command = ReceiveHit(
            provider,
            hit.reference,
            hit.hot_list,
            hit.plate,
            hit.plate_state,
            hit.reader,
            hit.seen_at,
            f"plate-{self.handler.ids.nonce()}",
        )

        def use(attempt: Attempt) -> Recorded:
            stream = PLATE_SEARCH.stream(key)
            authorise(attempt, "record_hot_list_hit", stream)
            attempt.decide(PLATE_SEARCH, key, command)
            return outcome(attempt, stream, key)

        return self.run(actor, "record_hot_list_hit", [provider, hit.reference], None, use)

    def confirm(
        self,
        actor: Actor,
        key: str,
        *,
        picture_matches: bool,
        entry_stands: bool,
        checked_with: str,
        command_id: UUID | None = None,
    ) -> Outcome:
        """A person looked at the picture and asked who keeps the list: the hit may be used."""
        command = ConfirmHit(PersonId(actor.person), picture_matches, entry_stands, checked_with)

        def use(attempt: Attempt) -> Recorded:
            authorise(attempt, "decide_hit", PLATE_SEARCH.stream(key))
            attempt.decide(PLATE_SEARCH, key, command)
            return outcome(attempt, PLATE_SEARCH.stream(key), key)

        return self.run(actor, "confirm_hit", [key, command], command_id, use)

    def reject(
        self, actor: Actor, key: str, why: RejectionReason, note: str | None = None, command_id: UUID | None = None
    ) -> Outcome:
        """A person found that the hit is none."""

        def use(attempt: Attempt) -> Recorded:
            authorise(attempt, "decide_hit", PLATE_SEARCH.stream(key))
            attempt.decide(PLATE_SEARCH, key, RejectHit(PersonId(actor.person), why, note))
            return outcome(attempt, PLATE_SEARCH.stream(key), key)

        return self.run(actor, "reject_hit", [key, why], command_id, use)


def _as_recorded(keys: Keyring, search: str, access: AccessRecord) -> Asked | None:
    """None where plate or description were made unreadable meanwhile."""
    plate, other = (keys.open(said) if said is not None else None for said in (access.plate, access.other))
    if isinstance(plate, Shredded) or isinstance(other, Shredded):
        return None
    return Asked(search, access.seen_from, access.seen_until, plate, access.plate_state, other, access.readers, SHOWN)
