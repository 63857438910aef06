"""What leaves the watch center: exports of footage, and disclosures to other agencies. Each takes two persons."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from application.cases import case_of
from application.commands import Commands
from application.handling import KEY, Accepted, Actor, Attempt, Handler, Outcome, Recorded
from application.mask_states import MaskStates
from application.overrides import override_of, use_override
from application.standing import authorise, outcome
from application.viewings import standing_of_footage
from application.views import Reasons, call_of
from domain import disclosure, export
from domain.disclosure import DISCLOSURE, DisclosureRequested
from domain.export import EXPORT, ExportRequested
from domain.flight_events import RecordCategory
from domain.footage import FOOTAGE, destroyed
from domain.grounds import Grounds, StatedGrounds
from domain.kernel import DisclosureId, ExportId, InvalidValue, NotFound, PersonId, Reason, StreamId
from domain.legal_basis import LegalBasis
from domain.plate_search import PLATE_SEARCH, Rejected, Waiting, hit_fault
from domain.privacy_override import OVERRIDE
from domain.privacy_override_events import Range
from domain.review_events import AccessVerdict

DISCLOSABLE = {"footage", "export", "flight", "platesearch", "call"}  # kinds of streams


class Exports(Commands):
    """Footage as a file."""

    def __init__(self, handler: Handler, reasons: Reasons | None = None) -> None:
        super().__init__(handler)
        self._reasons, self._masks = reasons or Reasons(handler), MaskStates(handler)

    def request(
        self,
        actor: Actor,
        footage: str,
        grounds: Grounds,
        recipient: str,
        basis: LegalBasis,
        range_: Range | None = None,
        override: str | None = None,
        command_id: UUID | None = None,
    ) -> Outcome:
        """Ask for footage as a file. The export's id is the command's. Masked, unless an override is named."""
        ticket = self.handler.ticket(
            "request_export", [footage, grounds, recipient, basis, range_, override], actor, command_id
        )
        key = ExportId(str(ticket.command_id))

        def use(attempt: Attempt) -> Recorded:
            attempt.purpose, attempt.case_number = grounds.purpose, grounds.call or grounds.case or ""
            call = call_of(attempt, grounds.call)
            policy = authorise(attempt, "request_export", FOOTAGE.stream(footage))
            standing = standing_of_footage(attempt, footage)
            wanted = standing.stretch(range_)
            if override is not None and wanted is not None:
                use_override(attempt, override, FOOTAGE.stream(footage), EXPORT.stream(key), wanted)
            command = export.RequestExport(
                key,
                PersonId(actor.person),
                recipient,
                basis,
                grounds,
                self._reasons.quality(actor, grounds, call, case_of(attempt, grounds.case), policy),
                export.ExportFacts(standing, call, policy),
                range_,
                OVERRIDE.stream(override) if override is not None else None,
            )
            attempt.decide(EXPORT, key, command)
            return outcome(attempt, EXPORT.stream(key), key)

        return self.handler.handle(actor, ticket, use)

    def approve(
        self, actor: Actor, key: str, category: RecordCategory, why: str, command_id: UUID | None = None
    ) -> Outcome:
        """A second person lets the file be made, and decides what it is to the public records act. Needs a step-up."""

        def use(attempt: Attempt) -> Recorded:
            request = self._requested(attempt, key)
            mine = request.person == actor.person
            authorise(attempt, "approve_export", EXPORT.stream(key), own_request=mine)
            standing = standing_of_footage(attempt, request.footage)
            by = PersonId(actor.person)
            attempt.decide(EXPORT, key, export.ApproveExport(by, standing, category, why, _lifted(attempt, request)))
            return outcome(attempt, EXPORT.stream(key), key)

        return self.run(actor, "approve_export", [key, category, why], command_id, use)

    def refuse(self, actor: Actor, key: str, reason: str, command_id: UUID | None = None) -> Outcome:
        def use(attempt: Attempt) -> Recorded:
            self._requested(attempt, key)
            authorise(attempt, "refuse_export", EXPORT.stream(key))
            attempt.decide(EXPORT, key, export.RefuseExport(PersonId(actor.person), reason))
            return _done(key, EXPORT.stream(key))

        return self.run(actor, "refuse_export", [key, reason], command_id, use)

    def record(
        self, actor: Actor, key: str, command: export.RecordExport, command_id: UUID, masks: str = ""
    ) -> Outcome:
        """The media plane made the file. `masks`: those that are burnt in, `MaskState.key`; a mask that was changed
        since, and an override that ended, win."""

        def use(attempt: Attempt) -> Recorded:
            request = self._requested(attempt, key)
            authorise(attempt, "record_export", EXPORT.stream(key))
            now = self._masks.as_recorded(attempt, request.footage, request.range, request.person)
            facts = replace(command, lifted=_lifted(attempt, request), current=now.key == masks)
            attempt.decide(EXPORT, key, facts)
            return outcome(attempt, EXPORT.stream(key), key)

        return self.run(actor, "record_export", [key, command, masks], command_id, use)

    def give_up(self, actor: Actor, key: str, reason: Reason, command_id: UUID) -> Outcome:
        """The media plane cannot make the file."""

        def use(attempt: Attempt) -> Recorded:
            self._requested(attempt, key)
            authorise(attempt, "record_export", EXPORT.stream(key))
            attempt.decide(EXPORT, key, export.GiveUpExport(reason))
            return _done(key, EXPORT.stream(key))

        return self.run(actor, "give_up_export", [key, reason], command_id, use)

    def download(self, actor: Actor, key: str, command_id: UUID | None = None) -> Outcome:
        """Somebody takes the file out: on the record before its first byte leaves. Of footage that was destroyed nobody
        does, though its file may not have been taken away yet."""

        def use(attempt: Attempt) -> Recorded:
            request = self._requested(attempt, key)
            authorise(attempt, "download_export", EXPORT.stream(key))
            if destroyed(attempt.state(FOOTAGE, request.footage), request.range):
                message = "the footage of this file was destroyed, and its file goes with it"
                raise NotFound(message, field="export", accepted="a file of footage that is kept")
            attempt.decide(EXPORT, key, export.DownloadExport(PersonId(actor.person)))
            return outcome(attempt, EXPORT.stream(key), key)

        return self.run(actor, "download_export", key, command_id, use)

    def state(self, key: str) -> export.State:
        """As the record has it now. Raises StoreUnavailable."""
        found: export.State = self.handler.states.load([(EXPORT, key)])[EXPORT.stream(key)][1]
        return found

    def deliver(self, actor: Actor, key: str, method: str, command_id: UUID | None = None) -> Outcome:
        """The file was handed over."""

        def use(attempt: Attempt) -> Recorded:
            self._requested(attempt, key)
            authorise(attempt, "deliver_export", EXPORT.stream(key))
            attempt.decide(EXPORT, key, export.DeliverExport(PersonId(actor.person), method))
            return outcome(attempt, EXPORT.stream(key), key)

        return self.run(actor, "deliver_export", [key, method], command_id, use)

    @staticmethod
    def _requested(attempt: Attempt, key: str) -> ExportRequested:
        request: ExportRequested | None = getattr(attempt.state(EXPORT, key), "request", None)
        if request is None:
            raise NotFound("nobody has asked for this export", field="export", accepted="an export's id")
        _as_stated(attempt, request.grounds)
        return request


class Disclosures(Commands):
    """What another agency gets to know."""

    def __init__(self, handler: Handler, reasons: Reasons | None = None) -> None:
        super().__init__(handler)
        self._reasons = reasons or Reasons(handler)

    def request(
        self,
        actor: Actor,
        what: str,
        recipient: str,
        basis: LegalBasis,
        grounds: Grounds,
        command_id: UUID | None = None,
    ) -> Outcome:
        """Put another agency's request on the record. The disclosure's id is the command's."""
        ticket = self.handler.ticket("request_disclosure", [what, recipient, basis, grounds], actor, command_id)
        key = DisclosureId(str(ticket.command_id))

        def use(attempt: Attempt) -> Recorded:
            kind, _, name = what.partition("-")
            if kind not in DISCLOSABLE or not KEY.fullmatch(name):
                accepted = "the stream of footage, an export, a flight, a plate search or a call"
                raise InvalidValue("this cannot be disclosed", field="what", accepted=accepted)
            attempt.purpose, attempt.case_number = grounds.purpose, grounds.call or grounds.case or ""
            call = call_of(attempt, grounds.call)
            policy = authorise(attempt, "request_disclosure", what)
            if kind == PLATE_SEARCH.name:
                state = attempt.state(PLATE_SEARCH, name)
                fault = hit_fault(state) if isinstance(state, Waiting | Rejected) else None
                if fault is not None:
                    raise InvalidValue(fault.message, field="what", accepted="a hit that a person has confirmed")
            command = disclosure.RequestDisclosure(
                key,
                StreamId(what),
                recipient,
                basis,
                grounds,
                self._reasons.quality(actor, grounds, call, case_of(attempt, grounds.case), policy),
                PersonId(actor.person),
                call,
                policy,
            )
            attempt.decide(DISCLOSURE, key, command)
            return outcome(attempt, DISCLOSURE.stream(key), key)

        return self.handler.handle(actor, ticket, use)

    def make(self, actor: Actor, key: str, file: str | None = None, command_id: UUID | None = None) -> Outcome:
        """A second person gives the agency what it asked for. `file`: the export it is given. Needs a step-up."""

        def use(attempt: Attempt) -> Recorded:
            request = self._requested(attempt, key)
            mine = request.person == actor.person
            policy = authorise(attempt, "make_disclosure", DISCLOSURE.stream(key), own_request=mine)
            if file is not None and not isinstance(attempt.state(EXPORT, file), export.Exported | export.Delivered):
                raise NotFound("there is no such file", field="export", accepted="an export whose file was made")
            given = ExportId(file) if file is not None else None
            attempt.decide(DISCLOSURE, key, disclosure.MakeDisclosure(PersonId(actor.person), policy, given))
            return outcome(attempt, DISCLOSURE.stream(key), key)

        return self.run(actor, "make_disclosure", [key, file], command_id, use)

    def refuse(self, actor: Actor, key: str, reason: str, command_id: UUID | None = None) -> Outcome:
        def use(attempt: Attempt) -> Recorded:
            self._requested(attempt, key)
            authorise(attempt, "refuse_disclosure", DISCLOSURE.stream(key))
            attempt.decide(DISCLOSURE, key, disclosure.RefuseDisclosure(PersonId(actor.person), reason))
            return _done(key, DISCLOSURE.stream(key))

        return self.run(actor, "refuse_disclosure", [key, reason], command_id, use)

    def review(
        self, actor: Actor, key: str, verdict: AccessVerdict, note: str = "", command_id: UUID | None = None
    ) -> Outcome:
        """Oversight looks into a disclosure that was made."""

        def use(attempt: Attempt) -> Recorded:
            self._requested(attempt, key)
            authorise(attempt, "review_access", DISCLOSURE.stream(key))
            command = disclosure.ReviewDisclosure(DisclosureId(key), verdict, note, PersonId(actor.person))
            attempt.decide(DISCLOSURE, key, command)
            return outcome(attempt, DISCLOSURE.stream(key), key)

        return self.run(actor, "review_disclosure", [key, verdict, note], command_id, use)

    @staticmethod
    def _requested(attempt: Attempt, key: str) -> DisclosureRequested:
        request: DisclosureRequested | None = getattr(attempt.state(DISCLOSURE, key), "request", None)
        if request is None:
            raise NotFound("nobody has asked for this disclosure", field="disclosure", accepted="a disclosure's id")
        _as_stated(attempt, request.grounds)
        return request


def _lifted(attempt: Attempt, request: ExportRequested) -> bool:
    """Whether the override that the file was asked for under is in effect now; an end in between wins."""
    return request.override is not None and override_of(attempt, request.override.partition("-")[2]).active


def _as_stated(attempt: Attempt, said: StatedGrounds) -> None:
    attempt.purpose, attempt.case_number = said.purpose, said.call or said.case or ""


def _done(key: str, stream: str) -> Recorded:
    """Refusing is what was asked for, so it is not the asker who was refused."""
    return Accepted(stream, key)
