"""Nobody finds out by chance: who is told of what, as data, and each message on the record from sending to arrival.

Two reactions: `Tell` turns events into notifications to those whose roles they concern; `Carry` hands each one over to
the mail server or the machine at the other end. What fails is given out again by the scheduler.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import NAMESPACE_URL, UUID, uuid5

from application import losses
from application.codec import Recorded as RecordedEvent
from application.commands import Commands
from application.deadlines import Change, Due, NotDue, drawn_from, when_due
from application.handling import Accepted, Actor, Attempt, Handler, Outcome, Recorded
from application.reactions import IssuedCommand, Memory, issue
from application.standing import authorise, outcome, service
from domain import disclosure, export, privacy_override
from domain.disclosure import DISCLOSURE, DisclosureRequested
from domain.export import EXPORT, ExportRequested
from domain.flight import FLIGHT, waiting_for_pilot
from domain.flight_events import LaunchRequested
from domain.flight_state import Requested
from domain.footage import FOOTAGE, ExtensionRequested, FootageLost, FootageRecorded, Kept
from domain.kernel import Aggregate, PersonId, StreamId
from domain.notice import (
    NOTICE,
    AttentionNeeded,
    CallForAttention,
    Channel,
    NotificationDelivered,
    NotificationFailed,
    NotificationSent,
    OnItsWay,
    Over,
    RecordDelivery,
    RecordFailure,
    RetryNotification,
    SendNotification,
)
from domain.person import (
    PERSON,
    PERSONNEL_SYSTEM,
    Account,
    ChangeRefused,
    ExpiryApproaching,
    OversightChangeAsked,
    OversightChangeConfirmed,
    OversightChangeDeclined,
    Reinstated,
    Role,
    RoleAssigned,
    RoleRevoked,
    Suspended,
)
from domain.policy import PolicyAdopted, PolicyAmended, PolicyDrafted, PolicyRetirementProposed
from domain.privacy_override import OVERRIDE
from domain.privacy_override_events import EmergencyOverrideInvoked, OverrideRequested
from domain.review_events import AuditSeedMissed, DiscrepancyFound
from domain.session import AttemptRefused
from domain.subject_key import SUBJECT_KEY, Asked, DestructionRequested

GIVEN_UP = "notification_given_up"
SUPERVISORS = (Role.WATCH_SUPERVISOR, Role.STATION_COMMANDER)
ELSE = (Role.ADMINISTRATOR, Role.AUDITOR)  # hear of what waits for an approval that nobody is there to give


@dataclass(frozen=True, slots=True)
class Rule:
    """Who is told of events of one class. `text` names nobody of the public. `when`: only of these events."""

    code: str
    event: type
    roles: tuple[Role, ...]
    subject: str
    text: Callable[[RecordedEvent], str] = lambda recorded: ""
    # In place of the text, where one is not told of each: what to say now, None: nothing. Asked once of every event.
    gathered: Callable[[RecordedEvent, Memory], str | None] | None = None
    when: Callable[[RecordedEvent], bool] = lambda recorded: True
    also: Callable[[RecordedEvent], Sequence[str]] = lambda recorded: ()  # persons by id
    # Whether it still holds when it is sent: a request may have been answered in the same breath.
    holds: Callable[[Attempt, str], bool] = lambda attempt, key: True
    # Further roles, by what is remembered: whose approval it takes may be the use policy's to say.
    asked: Callable[[RecordedEvent, Memory], Sequence[str]] = lambda recorded, memory: ()


def _key(recorded: RecordedEvent) -> str:
    return recorded.stream.partition("-")[2]


def _suspended(by: PersonId) -> str:
    return "left" if by == PERSONNEL_SYSTEM else "suspended"


def _waits(aggregate: Aggregate[Any, Any, Any], state: type) -> Callable[[Attempt, str], bool]:
    """Whether nobody has answered yet: a rule may have, in the same breath."""
    return lambda attempt, key: isinstance(attempt.state(aggregate, key), state)


def _authorises(version: int | None, purpose: str) -> str:
    return f"authorises/{version}/{purpose}"


def _pilot_asked(recorded: RecordedEvent) -> Sequence[str]:
    """The pilot in command, where the launch waits for their word on what is unknown."""
    request: LaunchRequested = recorded.event
    return (request.pilot,) if waiting_for_pilot(request, ()) else ()


def _extension_waits(attempt: Attempt, key: str) -> bool:
    kept = attempt.state(FOOTAGE, key)
    return isinstance(kept, Kept) and kept.asked is not None


def _change_waits(attempt: Attempt, key: str) -> bool:
    account = attempt.state(PERSON, key)
    return isinstance(account, Account) and account.asked is not None


def _was_of_another_rule(attempt: Attempt, key: str) -> bool:
    """That nobody could be told of this is not told again."""
    state = attempt.state(NOTICE, key)
    return isinstance(state, Over) and state.sent.rule != GIVEN_UP


def _attention(code: str, roles: tuple[Role, ...], subject: str) -> Rule:
    return Rule(
        code,
        AttentionNeeded,
        roles,
        subject,
        lambda r: f"{r.event.detail} About {r.event.about}, since {r.event.since:%Y-%m-%d %H:%M} UTC.",
        when=lambda r: r.event.what == code,
    )


def _in_force(code: str, event: type, subject: str) -> Rule:
    return Rule(
        code,
        event,
        (Role.AUDITOR,),
        subject,
        lambda r: (
            f"Version {r.event.version} is in force from {r.event.in_force_from:%Y-%m-%d %H:%M} UTC,"
            f" with the access rules {r.event.cedar_set_sha256[:12]}. See {r.stream}."
        ),
    )


RULES: tuple[Rule, ...] = (
    Rule(
        "override_approval_asked",
        OverrideRequested,
        SUPERVISORS,
        "A privacy override waits for approval",
        lambda r: f"{r.stream} was asked for by {r.envelope.actorid}. It takes a second person.",
        holds=_waits(OVERRIDE, privacy_override.Waiting),
    ),
    Rule(
        "export_approval_asked",
        ExportRequested,
        SUPERVISORS,
        "An export of footage waits for approval",
        lambda r: f"{r.stream} was asked for by {r.envelope.actorid}. It takes a second person.",
        holds=_waits(EXPORT, export.Waiting),
    ),
    Rule(
        "disclosure_decision_asked",
        DisclosureRequested,
        SUPERVISORS,
        "Another agency's request waits for a decision",
        lambda r: f"{r.stream}, of {r.event.what}, was put on the record by {r.envelope.actorid}.",
        holds=_waits(DISCLOSURE, disclosure.Waiting),
    ),
    Rule(
        "extension_approval_asked",
        ExtensionRequested,
        (Role.STATION_COMMANDER,),
        "A longer retention waits for your decision",
        lambda r: f"{r.stream}, until {r.event.keep_until:%Y-%m-%d}, asked for by {r.envelope.actorid}.",
        holds=_extension_waits,
    ),
    Rule(
        "launch_approval_asked",
        LaunchRequested,
        (),
        "A launch waits for your decision",
        lambda r: f"{r.stream}, for {r.event.purpose}, until {r.event.awaits_until:%H:%M:%S} UTC.",
        also=_pilot_asked,
        holds=_waits(FLIGHT, Requested),
        asked=lambda r, memory: memory.values(_authorises(r.event.policy_version, r.event.purpose)),
    ),
    Rule(
        "destruction_approval_asked",
        DestructionRequested,
        (Role.STATION_COMMANDER, Role.AUDITOR),
        "The destruction of personal data waits for a decision",
        lambda r: (
            f"{_key(r)}, asked for by {r.event.by} under {r.event.ground}. Once approved, nobody can take it back."
        ),
        holds=_waits(SUBJECT_KEY, Asked),
    ),
    Rule(
        "policy_approval_asked",
        PolicyDrafted,
        (Role.STATION_COMMANDER,),
        "A use policy was drafted",
        lambda r: (
            f"Version {r.event.version} was drafted by {r.event.drafted_by}. It binds nobody before its adoption."
        ),
    ),
    Rule(
        "policy_retirement_asked",
        PolicyRetirementProposed,
        (Role.STATION_COMMANDER,),
        "It is proposed to retire the use policy",
        lambda r: f"Version {r.event.version}, proposed by {r.event.proposed_by}. It takes a second person.",
    ),
    Rule(
        "break_glass",
        EmergencyOverrideInvoked,
        (*SUPERVISORS, Role.AUDITOR),
        "Break-glass was invoked",
        lambda r: (
            f"{r.stream} was invoked by {r.envelope.actorid}. It must be justified by"
            f" {r.event.justify_by:%Y-%m-%d %H:%M} UTC and reviewed by {r.event.review_by:%Y-%m-%d %H:%M} UTC."
        ),
    ),
    _attention("override_review_overdue", (Role.AUDITOR,), "The review of an override is overdue"),
    _attention(
        "override_justification_overdue", (*SUPERVISORS, Role.AUDITOR), "A break-glass was not justified in time"
    ),
    _attention("disclosure_review_overdue", (Role.AUDITOR,), "The review of a disclosure is overdue"),
    _attention("audit_seed_due", (Role.AUDITOR,), "A week ends, and oversight has committed to no nonce for it"),
    Rule(
        "audit_seed_missed",
        AuditSeedMissed,
        (Role.AUDITOR, Role.CITY_ANALYST),
        "Oversight committed to no nonce for a week",
        lambda r: (
            f"Week {r.event.week} is over. Its sample is drawn from the log's root alone, and the record says so."
        ),
    ),
    _attention("audit_sample_overdue", (Role.AUDITOR,), "The weekly sample was not drawn in time"),
    _attention("sample_review_overdue", (Role.AUDITOR,), "Reviews of the weekly sample are overdue"),
    _attention("finding_overdue", (Role.STATION_COMMANDER, Role.AUDITOR), "Something is to be done about a finding"),
    _attention(
        "complaint_answer_overdue",
        (Role.CITY_ANALYST, Role.STATION_COMMANDER, Role.AUDITOR),
        "The answer to a complaint is overdue",
    ),
    _attention("feedback_overdue", (Role.CITY_ANALYST, Role.AUDITOR), "Nobody has looked at what the public says"),
    Rule(
        "footage_lost",
        FootageLost,
        (*SUPERVISORS, Role.AUDITOR),
        "Footage that should exist does not",
        gathered=losses.lost,
    ),
    Rule(
        "footage_recorded_again",
        FootageRecorded,
        (*SUPERVISORS, Role.AUDITOR),
        "Footage is there again after a loss",
        gathered=losses.recorded_again,
    ),
    _attention("hold_verification_due", SUPERVISORS, "A legal hold is to be verified again"),
    _attention("camera_maintenance_overdue", (Role.ADMINISTRATOR,), "The maintenance of a camera is overdue"),
    _attention("logging_failure", (Role.ADMINISTRATOR, Role.AUDITOR), "The record failed for a time"),
    _attention("low_space", (Role.ADMINISTRATOR,), "Disk space runs low"),
    _attention("letter_unreadable", (Role.CITY_ANALYST,), "A letter of the public could not be read"),
    _attention("mailbox_away", (Role.ADMINISTRATOR,), "The mailbox for feedback cannot be read"),
    Rule(
        "oversight_change_asked",
        OversightChangeAsked,
        (Role.AUDITOR,),
        "Somebody asks to make less of the access of one of oversight",
        lambda r: (
            f"{r.event.change} of {_key(r)}, asked for by {r.event.asked_by}: {r.event.reason}."
            f" One of oversight answers; after {r.event.answer_by:%Y-%m-%d %H:%M} UTC the city may."
        ),
        holds=_change_waits,
    ),
    Rule(
        "oversight_change_done",
        OversightChangeConfirmed,
        (Role.AUDITOR,),
        "The access of one of oversight was changed",
        lambda r: (
            f"{r.event.change} of {_key(r)}, asked for by {r.event.asked_by}, confirmed by {r.event.confirmed_by}."
        ),
        also=lambda r: (r.event.asked_by,),
    ),
    Rule(
        "oversight_change_declined",
        OversightChangeDeclined,
        (Role.AUDITOR,),
        "The access of one of oversight stays as it is",
        lambda r: f"{r.event.change} of {_key(r)}, asked for by {r.event.asked_by}, declined by {r.event.declined_by}.",
        also=lambda r: (r.event.asked_by,),
    ),
    Rule(
        "oversight_change_refused",
        ChangeRefused,
        (Role.AUDITOR,),
        "Somebody tried to take access from one of oversight",
        lambda r: f"{r.event.change} of {_key(r)}, by {r.event.requested_by}. It was refused.",
        when=lambda r: any(reason.code == "oversight_not_muted" for reason in r.event.reasons),
    ),
    Rule(
        "oversight_attempt_refused",
        AttemptRefused,
        (Role.AUDITOR,),
        "Somebody tried to take access from one of oversight",
        lambda r: f"{r.event.action} of {r.event.target}, by {r.envelope.actorid}. It was refused.",
        when=lambda r: any(reason.code == "oversight_not_muted" for reason in r.event.reasons),
    ),
    Rule(
        "auditor_appointed",
        RoleAssigned,
        (Role.AUDITOR,),
        "Oversight has one person more",
        lambda r: f"{_key(r)} is of oversight now, by {r.event.assigned_by}.",
        when=lambda r: r.event.role is Role.AUDITOR,
    ),
    _in_force("policy_adopted", PolicyAdopted, "A use policy was adopted"),
    _in_force("policy_amended", PolicyAmended, "The use policy was amended"),
    _attention(
        "oversight_change_overdue",
        (Role.AUDITOR, Role.CITY_ANALYST),
        "A change in oversight was not answered: the city may answer now",
    ),
    Rule(
        "expiry",
        ExpiryApproaching,
        (Role.ADMINISTRATOR,),
        "A training or certificate expires soon",
        lambda r: f"{r.event.what} {r.event.name} of {_key(r)} expires on {r.event.expires_on}.",
        also=lambda r: (_key(r),),
    ),
    Rule(
        "discrepancy",
        DiscrepancyFound,
        (Role.AUDITOR, Role.ADMINISTRATOR),
        "A discrepancy was found in the record",
        lambda r: f"See {r.stream}.",
    ),
    Rule(
        GIVEN_UP,
        NotificationFailed,
        (Role.ADMINISTRATOR,),
        "Somebody could not be told",
        lambda r: f"{r.stream} was given up after {r.event.attempt} attempts: {r.event.detail}",
        when=lambda r: r.event.retry_at is None,
        holds=_was_of_another_rule,
    ),
)
BY_CODE: Mapping[str, Rule] = {rule.code: rule for rule in RULES}


def _of(roles: Sequence[str], memory: Memory) -> set[str]:
    return {person for role in roles for person in memory.values(f"role/{role}")}


class Tell:
    """The reaction that turns events into notifications. Remembers who holds which role.

    `mail`: whether people can be written to; `endpoints`: the webhooks there are, which are told of everything. Where
    there is nothing to send by, it only remembers.
    """

    name = "notices"
    handles: frozenset[type] = frozenset(
        {RoleAssigned, RoleRevoked, Suspended, Reinstated, PolicyDrafted, *(rule.event for rule in RULES)}
    )

    def __init__(self, *, mail: bool, endpoints: Sequence[str] = ()) -> None:
        self._mail, self._endpoints = mail, tuple(endpoints)

    def react(self, recorded: RecordedEvent, memory: Memory) -> list[IssuedCommand]:
        match recorded.event:
            case RoleAssigned(role):
                memory.add(f"role/{role}", _key(recorded))
            case RoleRevoked(role):
                memory.discard(f"role/{role}", _key(recorded))
            case Suspended(by):
                memory.add(_suspended(by), _key(recorded))
            case Reinstated(by):
                memory.discard(_suspended(by), _key(recorded))
            case PolicyDrafted(version, parameters=parameters):
                for purpose in parameters.purposes:
                    for role in purpose.authorised_by:
                        memory.add(_authorises(version, purpose.code), role)
        return [
            command
            for rule in RULES
            if isinstance(recorded.event, rule.event) and rule.when(recorded)
            for command in self._told(rule, recorded, memory)
        ]

    def _told(self, rule: Rule, recorded: RecordedEvent, memory: Memory) -> list[IssuedCommand]:
        text = rule.text(recorded) if rule.gathered is None else rule.gathered(recorded, memory)
        if text is None:
            return []
        about = StreamId(recorded.stream)
        sends = [
            (name, SendNotification(rule.code, about, Channel.WEBHOOK, rule.subject, text, endpoint=name))
            for name in self._endpoints
        ]
        if self._mail:
            away = {*memory.values("suspended"), *memory.values("left"), recorded.envelope.actorid}
            roles = (*rule.roles, *rule.asked(recorded, memory))
            asked = _of(roles, memory) - away
            if roles and not asked and rule.code.endswith("_asked"):
                asked, text = _of(ELSE, memory) - away, f"{text} Nobody else is there whose answer it takes."
            people = asked | ({*rule.also(recorded)} - away)
            sends += [
                (who, SendNotification(rule.code, about, Channel.MAIL, rule.subject, text, person=PersonId(who)))
                for who in sorted(people)
            ]
        return [
            issue(rule.code, recorded, "notice", str(uuid5(recorded.envelope.id, f"{rule.code}:{to}")), command)
            for to, command in sends
        ]


class Carry:
    """The reaction that hands over each message that was sent."""

    name = "notice-delivery"
    handles: frozenset[type] = frozenset({NotificationSent})

    def react(self, recorded: RecordedEvent, memory: Memory) -> list[IssuedCommand]:
        return [issue(self.name, recorded, "notice", _key(recorded), recorded.event.attempt)]


# -- the way out ---------------------------------------------------------------


class NotDelivered(Exception):
    """A message was not taken. `final`: it would not be at any time."""

    def __init__(self, detail: str, *, final: bool = False) -> None:
        super().__init__(detail)
        self.detail, self.final = detail, final


class Messenger(Protocol):
    def mail(self, notice: str, address: str, subject: str, text: str) -> str:
        """What the mail server answered. Raises NotDelivered."""
        ...

    def call(self, notice: str, endpoint: str, content: Mapping[str, Any]) -> str:
        """What the machine at the other end answered. Raises NotDelivered."""
        ...


class Notices(Commands):
    def send(self, actor: Actor, issued: IssuedCommand) -> Outcome:
        """Give out what a rule drew from an event, if it still holds."""
        command, rule = issued.command, BY_CODE[issued.rule]
        because = issued.because

        def use(attempt: Attempt) -> Recorded:
            stream = NOTICE.stream(issued.key)
            authorise(attempt, "send_notification", stream)
            if rule.holds(attempt, because.stream.partition("-")[2]):
                attempt.decide(NOTICE, issued.key, command)
            return Accepted(stream, issued.key)

        ticket = self.handler.ticket(
            "send_notification",
            [issued.key, issued.rule],
            actor,
            issued.command_id,
            causation_id=str(because.envelope.id),
            correlation_id=because.envelope.correlationid,
        )
        return self.handler.handle(actor, ticket, use)

    def carry(self, actor: Actor, messenger: Messenger, issued: IssuedCommand) -> Outcome:
        """Hand a message over and record what became of it. After a crash between the two it goes out once more under
        the same id, which is what lets a receiver tell. Nothing is handed over twice once its outcome is recorded."""
        key = issued.key
        state = self.handler.states.load([(NOTICE, key)])[NOTICE.stream(key)][1]
        if not isinstance(state, OnItsWay) or state.sent.attempt != issued.command:
            return Accepted(NOTICE.stream(key), key)
        command: RecordDelivery | RecordFailure
        try:
            command = RecordDelivery(state.sent.attempt, self._hand_over(messenger, key, state.sent))
        except NotDelivered as failed:
            command = RecordFailure(state.sent.attempt, failed.detail, failed.final)

        def use(attempt: Attempt) -> Recorded:
            authorise(attempt, "send_notification", NOTICE.stream(key))
            attempt.decide(NOTICE, key, command)
            return outcome(attempt, NOTICE.stream(key), key)

        ticket = self.handler.ticket(
            "record_delivery",
            [key, issued.command],
            actor,
            issued.command_id,
            causation_id=str(issued.because.envelope.id),
        )
        return self.handler.handle(actor, ticket, use)

    def _hand_over(self, messenger: Messenger, key: str, sent: NotificationSent) -> str:
        if sent.endpoint is not None:
            content = {"rule": sent.rule, "about": sent.about, "subject": sent.subject, "text": sent.text}
            return messenger.call(key, sent.endpoint, content)
        account = self.handler.states.load([(PERSON, sent.person or "")])[PERSON.stream(sent.person or "")][1]
        if not isinstance(account, Account) or account.suspended:
            raise NotDelivered("this person has no account in use", final=True)
        return messenger.mail(key, account.email, sent.subject, sent.text)

    def call_for_attention(self, actor: Actor, command: CallForAttention, command_id: UUID | None = None) -> Outcome:
        """Once for what, about and since."""
        key = str(uuid5(NAMESPACE_URL, f"urn:saferweho:attention:{command.what}:{command.about}:{command.since}"))

        def use(attempt: Attempt) -> Recorded:
            authorise(attempt, "send_notification", NOTICE.stream(key))
            attempt.decide(NOTICE, key, command)
            return Accepted(NOTICE.stream(key), key)

        return self.run(actor, "call_for_attention", command, command_id, use)


# -- deadlines ---------------------------------------------------------------

RETRY = "notice_retry"


@drawn_from(NotificationSent, NotificationDelivered, NotificationFailed)
def _retry(recorded: RecordedEvent) -> list[Change]:
    if isinstance(recorded.event, NotificationFailed) and recorded.event.retry_at is not None:
        return [Due(RETRY, recorded.stream, recorded.event.retry_at)]
    return [NotDue(RETRY, recorded.stream)]


@when_due(RETRY)
def _again(handler: Handler, due: Due, command_id: UUID) -> Outcome:
    actor, key = service("service-scheduler"), due.stream.partition("-")[2]

    def use(attempt: Attempt) -> Recorded:
        authorise(attempt, "send_notification", due.stream)
        attempt.decide(NOTICE, key, RetryNotification())
        return outcome(attempt, due.stream, key)

    return handler.handle(actor, handler.ticket("retry_notification", key, actor, command_id), use)
