"""An export: footage that leaves the watch center as a file. Who asks for it does not approve it.

Whoever approves also decides how the file stands to the public records act. What was approved and cannot be made is
refused, with the reason; a file that was made is never changed, and each time it is taken out is on the record.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from domain import checks
from domain.call import CallStanding
from domain.flight_events import RecordCategory
from domain.footage import FootageStanding
from domain.grounds import Grounds, StatedGrounds, check_grounds, grounds_refusals, stated
from domain.kernel import (
    Aggregate,
    ExportId,
    FootageId,
    InvalidValue,
    NotFound,
    PersonId,
    Reason,
    StreamId,
    WrongState,
    event,
)
from domain.legal_basis import LegalBasis, check_legal_basis
from domain.policy import PolicyInForce
from domain.privacy_override_events import Range
from domain.reason_quality import ReasonQuality

# -- events ------------------------------------------------------------------
# `override`: the privacy override under which it is not masked; None: it is masked. `legal_basis`: None where it was
# asked for before a basis had to be named.


@event("export.export_requested", version=2)
class ExportRequested:
    """Somebody asked for footage as a file, and said why, for whom and on which legal basis."""

    footage: FootageId
    range: Range
    recipient: str
    masked: bool
    override: StreamId | None
    person: PersonId
    grounds: StatedGrounds
    legal_basis: LegalBasis | None


@event("export.export_categorised")
class ExportCategorised:
    """It was decided how the file stands to the public records act."""

    category: RecordCategory
    decided_by: PersonId
    reason: str


@event("export.export_approved")
class ExportApproved:
    """A second person approved an export."""

    approved_by: PersonId


@event("export.export_refused")
class ExportRefused:
    """An export was refused: by a rule (`refused_by` None), at once or when the file was to be made; or by the person
    asked."""

    refused_by: PersonId | None
    reasons: tuple[Reason, ...]


@event("export.approval_refused")
class ApprovalRefused:
    """Somebody who may not tried to approve an export; it waits on."""

    by: PersonId
    reasons: tuple[Reason, ...]


@event("export.footage_exported")
class FootageExported:
    """The file was made. Its hash is what anybody can compare it with."""

    footage: FootageId
    file_sha256: str
    size_bytes: int
    masked: bool


@event("export.export_downloaded")
class ExportDownloaded:
    """Somebody took the file out of the watch center's keeping."""

    file_sha256: str
    size_bytes: int
    downloaded_by: PersonId


@event("export.export_delivered")
class ExportDelivered:
    """The file was handed over."""

    recipient: str
    handed_over_by: PersonId
    method: str


Event = (
    ExportRequested
    | ExportCategorised
    | ExportApproved
    | ExportRefused
    | ApprovalRefused
    | FootageExported
    | ExportDownloaded
    | ExportDelivered
)

# -- commands ----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ExportFacts:
    footage: FootageStanding
    call: CallStanding | None
    policy: PolicyInForce


@dataclass(frozen=True, slots=True)
class RequestExport:
    """`range` None: all of the footage. `recipient`: the office or agency it is for, never a person."""

    export: ExportId
    by: PersonId
    recipient: str
    legal_basis: LegalBasis
    grounds: Grounds
    quality: ReasonQuality
    facts: ExportFacts
    range: Range | None = None
    override: StreamId | None = None


@dataclass(frozen=True, slots=True)
class ApproveExport:
    """`category`, and `why` it is that: what the file is to the public records act. `lifted`: the override that was
    asked for is in effect now, for this."""

    by: PersonId
    footage: FootageStanding
    category: RecordCategory
    why: str
    lifted: bool = False


@dataclass(frozen=True, slots=True)
class RefuseExport:
    by: PersonId
    reason: str


@dataclass(frozen=True, slots=True)
class RecordExport:
    """The file that was made. `masked`: whether the pixels are; it must be what was approved. `lifted`: the override
    that was asked for is in effect now; `current`: the masks that are burnt in are those that hold now."""

    file_sha256: str
    size_bytes: int
    masked: bool
    lifted: bool = False
    current: bool = False


@dataclass(frozen=True, slots=True)
class GiveUpExport:
    """The file that was approved cannot be made, now or ever."""

    reason: Reason


@dataclass(frozen=True, slots=True)
class DownloadExport:
    by: PersonId


@dataclass(frozen=True, slots=True)
class DeliverExport:
    by: PersonId
    method: str


Answering = ApproveExport | RefuseExport
Making = RecordExport | GiveUpExport
Command = RequestExport | Answering | Making | DownloadExport | DeliverExport

# -- state -------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class NotRequested:
    """Nobody has asked for this export."""


@dataclass(frozen=True, slots=True)
class Waiting:
    request: ExportRequested
    category: ExportCategorised | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    request: ExportRequested


@dataclass(frozen=True, slots=True)
class Approved:
    """`category`: None where it was approved before one had to be named."""

    request: ExportRequested
    by: PersonId
    category: ExportCategorised | None = None


@dataclass(frozen=True, slots=True)
class Exported:
    request: ExportRequested
    file: FootageExported


@dataclass(frozen=True, slots=True)
class Delivered:
    request: ExportRequested
    file: FootageExported


State = NotRequested | Waiting | Refused | Approved | Exported | Delivered

# -- decide and evolve -------------------------------------------------------


def decide(command: Command, state: State, at: datetime) -> list[Event]:
    match command, state:
        case RequestExport(), NotRequested():
            return _request(command, at)
        case RequestExport(), _:
            raise WrongState("this export was asked for before: ask for a new one", field="export")
        case _, NotRequested():
            raise NotFound("nobody has asked for this export", field="export", accepted="an export's id")
        case ApproveExport(), Waiting(request):
            return _approve(command, request)
        case RefuseExport(by, said), Waiting():
            message = checks.text("reason", said, at_least=3, at_most=300)
            return [ExportRefused(by, (Reason("refused_by_person", message, "a second person decides"),))]
        case RecordExport(), Approved(request):
            if command.masked != request.masked:
                raise InvalidValue(
                    "this is not what was approved", field="masked", accepted=str(request.masked).lower()
                )
            if not (command.masked or command.lifted):
                raise WrongState(
                    "the override that lifts the mask is over: the export is asked for anew", field="masked"
                )
            if command.masked and not command.current:
                raise WrongState("a mask was changed while the file was made: it is made anew", field="masks")
            if command.size_bytes < 1:
                raise InvalidValue("the file is empty", field="size_bytes", accepted="1 and up")
            file = checks.sha256("file_sha256", command.file_sha256)
            return [FootageExported(request.footage, file, command.size_bytes, command.masked)]
        case GiveUpExport(reason), Approved():
            return [ExportRefused(None, (reason,))]
        case DownloadExport(by), Exported(_, made) | Delivered(_, made):
            return [ExportDownloaded(made.file_sha256, made.size_bytes, by)]
        case DeliverExport(by, method), Exported(request):
            return [ExportDelivered(request.recipient, by, checks.text("method", method, at_least=3))]
        case _:
            raise WrongState("this export is not at that point", field="export")


def _request(command: RequestExport, at: datetime) -> list[Event]:
    facts, grounds, standing = command.facts, command.grounds, command.facts.footage
    check_grounds(grounds, facts.policy)
    wanted = standing.stretch(command.range) or Range(at, at)
    asked = ExportRequested(
        standing.footage,
        wanted,
        checks.text("recipient", command.recipient, at_least=3, at_most=120),
        command.override is None,
        command.override,
        command.by,
        stated(grounds, command.quality, f"export-{command.export}"),
        check_legal_basis(command.legal_basis),
    )
    reasons = tuple(grounds_refusals(grounds, facts.call, facts.policy))
    if standing.fault is not None:
        reasons += (standing.fault,)
    return [asked, ExportRefused(None, reasons)] if reasons else [asked]


def _approve(command: ApproveExport, request: ExportRequested) -> list[Event]:
    if command.by == request.person:
        message = "who asked for an export cannot approve it: ask another person"
        return [ApprovalRefused(command.by, (Reason("same_person", message, "approver is not requester"),))]
    if command.footage.fault is not None:
        return [ExportRefused(None, (command.footage.fault,))]
    if not (request.masked or command.lifted):
        message = "the override that lifts the mask is over: ask for the export under another one"
        return [ExportRefused(None, (Reason("override_over", message, "nothing is unmasked without an override"),))]
    why = checks.text("reason", command.why, at_least=3, at_most=300)
    return [ExportCategorised(command.category, command.by, why), ExportApproved(command.by)]


def evolve(state: State, happened: Event) -> State:
    match happened, state:
        case ExportRequested(), _:
            return Waiting(happened)
        case ExportCategorised(), Waiting(request):
            return Waiting(request, happened)
        case ExportApproved(by), Waiting(request, category):
            return Approved(request, by, category)
        case ExportRefused(), Waiting(request) | Approved(request):
            return Refused(request)
        case FootageExported(), Approved(request):
            return Exported(request, happened)
        case ExportDelivered(), Exported(request, file):
            return Delivered(request, file)
        case _:
            return state


EXPORT: Aggregate[Command, Event, State] = Aggregate("export", NotRequested(), decide, evolve)
