"""People and their consoles, shifts handed over, and the history of the use policy."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from datetime import date, datetime, timedelta

import msgspec
import strawberry
from strawberry.scalars import JSON

from api.graphql import types as t
from api.graphql.audit import page_info, page_length
from api.graphql.commands import chosen, command
from api.graphql.context import Context, context_of
from domain import person as domain
from domain.kernel import InvalidValue, PersonId
from domain.person import Role
from domain.policy import PolicyParameters, policy_in_force, policy_last_in_force
from projections.people import queries as q
from projections.policies import queries as policies

Id = strawberry.ID
Result = t.CommandResult

# -- types -------------------------------------------------------------------


@strawberry.type
class Course:
    course: str
    expires_on: date


@strawberry.type
class Certificate:
    kind: str
    number: str
    expires_on: date


@strawberry.type
class OversightChange:
    """What somebody asked about the access of a person of oversight. One of oversight answers it."""

    change: str = strawberry.field(description="suspend | leave | revoke_role | revoke_access | change_details")
    reason: str
    asked_by: Id
    asked_at: datetime
    answer_by: datetime = strawberry.field(description="after this the city may answer, where it did not ask")


@strawberry.type
class Account:
    """A named person with an account. Nobody shares one."""

    id: Id
    name: str
    organisation: str
    email: str
    enrolled_at: datetime
    roles: list[str]
    courses: list[Course]
    training_due: list[str] = strawberry.field(
        description="courses that have run out, and, with a role, those that the policy asks for and nobody completed"
    )
    certificates: list[Certificate]
    medical_hold: bool
    suspended_at: datetime | None
    suspended_because: str | None
    last_signed_on_at: datetime | None
    open_sessions: int
    oversight_change: OversightChange | None = strawberry.field(description="that waits for its second person")


@strawberry.type
class AccountEdge:
    cursor: str
    node: Account


@strawberry.type
class AccountConnection:
    edges: list[AccountEdge]
    page_info: t.PageInfo
    position: t.Position


@strawberry.type
class ConsoleSession:
    """One person at one place, from sign-on to sign-off."""

    id: Id
    person_id: Id
    name: str | None
    signed_on_at: datetime
    ends_at: datetime
    method: str
    source_address: str
    locked: bool
    ended_at: datetime | None
    ended_because: str | None = strawberry.field(description="closed | expired | suspended | replaced | revoked")


@strawberry.type
class ConsoleSessionEdge:
    cursor: str
    node: ConsoleSession


@strawberry.type
class ConsoleSessionConnection:
    edges: list[ConsoleSessionEdge]
    page_info: t.PageInfo
    position: t.Position


@strawberry.type
class PolicyDifference:
    parameter: str
    before: str | None = strawberry.field(description="JSON; null: not there")
    after: str | None = strawberry.field(description="JSON; null: not there")


@strawberry.type
class PolicyVersion:
    version: int
    amends: int | None
    state: str = strawberry.field(description="drafted | adopted | in_force | retired | replaced")
    summary: str
    parameters: JSON
    parameters_sha256: str
    cedar_set_hash: str
    drafted_by: Id
    drafted_at: datetime
    adopted_by: Id | None = strawberry.field(description="the second person")
    in_force_from: datetime | None
    retirement_proposed_by: Id | None = strawberry.field(description="who proposed to put it out of force")
    retired_at: datetime | None
    retired_because: str | None
    differences: list[PolicyDifference] = strawberry.field(description="against the version before it")


def _account(row: q.Person, today: date, required: Collection[str]) -> Account:
    expired = [course for course, day in row.courses if day < today]
    never = sorted(set(required) - {course for course, _ in row.courses}) if row.roles else []
    service = Role.SERVICE in row.roles
    return Account(
        id=Id(row.person),
        name=row.name,
        organisation=row.organisation,
        email=row.email,
        enrolled_at=row.enrolled_at,
        roles=list(row.roles),
        courses=[Course(course=course, expires_on=day) for course, day in row.courses],
        training_due=[] if service else expired + never,
        certificates=[Certificate(kind=c.kind, number=c.number, expires_on=c.expires_on) for c in row.certificates],
        medical_hold=row.medical_hold,
        suspended_at=row.suspended_at,
        suspended_because=row.suspended_because,
        last_signed_on_at=row.last_signed_on_at,
        open_sessions=row.open_sessions,
        oversight_change=OversightChange(
            change=row.asked.change,
            reason=row.asked.reason,
            asked_by=Id(row.asked.by),
            asked_at=row.asked.at,
            answer_by=row.asked.answer_by,
        )
        if row.asked
        else None,
    )


async def _required(context: Context) -> Collection[str]:
    """The courses that the use policy asks for: that in force, or the last one that was."""
    book = await asyncio.to_thread(context.services.policies.book)
    policy = policy_last_in_force(book, context.services.handler.clock.now())
    return policy.parameters.required_courses if policy else ()


async def _accounts(
    context: Context, page: q.People, required: Collection[str], after: str | None
) -> AccountConnection:
    today = context.services.handler.clock.now().date()
    nodes = [_account(row, today, required) for row in page.people]
    return AccountConnection(
        edges=[AccountEdge(cursor=str(node.id), node=node) for node in nodes],
        page_info=page_info([str(node.id) for node in nodes], after, page.has_next),
        position=t.Position(page.checkpoint.position),
    )


# -- questions ---------------------------------------------------------------


@strawberry.type
class PeopleQueries:
    @strawberry.field(description="Every account, by name.")
    async def accounts(
        self,
        info: strawberry.Info,
        first: int | None = None,
        after: str | None = None,
        after_position: t.Position | None = None,
    ) -> AccountConnection:
        context = context_of(info)
        context.require("read_person")
        await context.applied("people", after_position)
        required = await _required(context)
        async with context.reading() as connection:
            now = context.services.handler.clock.now()
            page = await q.people(connection, now, first=page_length(first), after=after)
        return await _accounts(context, page, required, after)

    @strawberry.field(description="One account; your own always.")
    async def account(self, info: strawberry.Info, id: Id, after_position: t.Position | None = None) -> Account | None:
        context = context_of(info)
        if not context.may("read_person", f"person-{id}"):
            context.require("read_person")
        await context.applied("people", after_position)
        required = await _required(context)
        now = context.services.handler.clock.now()
        async with context.reading() as connection:
            page = await q.people(connection, now, str(id))
        return _account(page.people[0], now.date(), required) if page.people else None

    @strawberry.field(description="Accounts that could be used and have not been for that many days, by name.")
    async def dormant_accounts(
        self,
        info: strawberry.Info,
        days: int = 90,
        first: int | None = None,
        after: str | None = None,
        after_position: t.Position | None = None,
    ) -> AccountConnection:
        context = context_of(info)
        context.require("read_person")
        await context.applied("people", after_position)
        required = await _required(context)
        unused_for = timedelta(days=min(max(days, 1), 36_500))
        async with context.reading() as connection:
            now = context.services.handler.clock.now()
            page = await q.dormant(connection, now, unused_for, first=page_length(first), after=after)
        return await _accounts(context, page, required, after)

    @strawberry.field(
        description="Accounts in use with a course that has run out, or, with a role, without one that the policy asks"
        " for, by name. `trainingDue` says which."
    )
    async def expired_training(
        self,
        info: strawberry.Info,
        first: int | None = None,
        after: str | None = None,
        after_position: t.Position | None = None,
    ) -> AccountConnection:
        context = context_of(info)
        context.require("read_person")
        await context.applied("people", after_position)
        required = await _required(context)
        async with context.reading() as connection:
            now = context.services.handler.clock.now()
            page = await q.expired_training(connection, now, required, first=page_length(first), after=after)
        return await _accounts(context, page, required, after)

    @strawberry.field(description="Sessions, newest first; of one person, or only those that are open.")
    async def console_sessions(
        self,
        info: strawberry.Info,
        person: Id | None = None,
        only_open: bool = False,
        first: int | None = None,
        after: str | None = None,
        after_position: t.Position | None = None,
    ) -> ConsoleSessionConnection:
        context = context_of(info)
        if person is None or not context.may("read_person", f"person-{person}"):
            context.require("read_person")
        await context.applied("people", after_position)
        now = context.services.handler.clock.now()
        async with context.reading() as connection:
            whose = str(person) if person else None
            found, more = await q.sessions(connection, whose, only_open, now, first=page_length(first), after=after)
        at, stream = context.services.applied.position("people"), f"person-{person}" if person else ""
        await context.consulted("sign_ons", at, {"person": person}, "read_person", stream)
        nodes = [
            ConsoleSession(
                id=Id(row.session),
                person_id=Id(row.person),
                name=row.name,
                signed_on_at=row.signed_on_at,
                ends_at=row.ends_at,
                method=row.method,
                source_address=row.source_address,
                locked=row.locked,
                ended_at=row.ended_at,
                ended_because=row.ended_because,
            )
            for row in found
        ]
        return ConsoleSessionConnection(
            edges=[ConsoleSessionEdge(cursor=str(node.id), node=node) for node in nodes],
            page_info=page_info([str(node.id) for node in nodes], after, more),
            position=t.Position(at),
        )

    @strawberry.field(description="Every version of the use policy with what it changed, newest first.")
    async def policy_history(
        self, info: strawberry.Info, after_position: t.Position | None = None
    ) -> list[PolicyVersion]:
        context = context_of(info)
        context.signed_on()
        await context.applied("policies", after_position)
        async with context.reading() as connection:
            found = await policies.versions(connection)
        book = await asyncio.to_thread(context.services.policies.book)
        current = policy_in_force(book, context.services.handler.clock.now())
        before = {row.version: found[n + 1].parameters for n, row in enumerate(found[:-1])}
        return [_version(row, before.get(row.version, {}), current.version if current else None) for row in found]


def _version(row: policies.Version, before: dict[str, object], current: int | None) -> PolicyVersion:
    if row.retired_at is not None:
        state = "retired"
    elif row.version == current:
        state = "in_force"
    elif row.adopted_at is None:
        state = "drafted"
    else:
        state = "adopted" if current is None or row.version > current else "replaced"
    return PolicyVersion(
        version=row.version,
        amends=row.amends,
        state=state,
        summary=row.summary,
        parameters=JSON(row.parameters),
        parameters_sha256=row.parameters_sha256,
        cedar_set_hash=row.cedar_set_sha256,
        drafted_by=Id(row.drafted_by),
        drafted_at=row.drafted_at,
        adopted_by=Id(row.adopted_by) if row.adopted_by else None,
        in_force_from=row.in_force_from,
        retirement_proposed_by=Id(row.retirement_proposed_by) if row.retirement_proposed_by else None,
        retired_at=row.retired_at,
        retired_because=row.retired_because,
        differences=[
            PolicyDifference(parameter=d.parameter, before=d.before, after=d.after)
            for d in policies.differences(before, row.parameters)
        ],
    )


def parameters_of(asked: object) -> PolicyParameters:
    """Raises InvalidValue, which names the parameter at fault."""
    try:
        return msgspec.convert(asked, PolicyParameters, strict=True)
    except msgspec.ValidationError as error:
        text, _, path = str(error).partition(" - at `")
        field = "parameters" + path.rstrip("`").removeprefix("$")
        raise InvalidValue("these are no policy parameters", field=field, accepted=text.partition(", got")[0]) from None


def texts(asked: object) -> dict[str, str]:
    """Raises InvalidValue for what is no text by file name."""
    try:
        return msgspec.convert(asked, dict[str, str], strict=True)
    except msgspec.ValidationError:
        accepted = "an object with the text of each *.cedar file by its name"
        raise InvalidValue("these are no access rules", field="next_rules", accepted=accepted) from None


def _details(name: str | None, organisation: str | None, email: str | None) -> domain.Details | None:
    """Raises InvalidValue where some are given and others are not."""
    if name is None and organisation is None and email is None:
        return None
    if name is None or organisation is None or email is None:
        raise InvalidValue("some of the details are missing", field="details", accepted="name, organisation and email")
    return domain.Details(name, chosen(domain.Organisation, organisation, "organisation"), email)


# -- commands ----------------------------------------------------------------


@strawberry.type
class PeopleMutations:
    @strawberry.mutation(description="Change a person's name, organisation or address; unsuitable roles are lost.")
    async def change_person(
        self,
        info: strawberry.Info,
        person_id: Id,
        name: str,
        organisation: str,
        email: str,
        command_id: Id | None = None,
    ) -> Result:
        accounts = context_of(info).services.accounts
        return await command(
            info,
            "change_person",
            command_id,
            lambda who, id_: accounts.change(
                who,
                domain.ChangeDetails(
                    PersonId(person_id),
                    name,
                    chosen(domain.Organisation, organisation, "organisation"),
                    email,
                    PersonId(who.person),
                ),
                id_,
            ),
        )

    @strawberry.mutation(description="A person has left: every role is given up, access ends at once.")
    async def record_leaver(
        self, info: strawberry.Info, person_id: Id, reason: str, command_id: Id | None = None
    ) -> Result:
        accounts = context_of(info).services.accounts
        return await command(
            info,
            "suspend_person",
            command_id,
            lambda who, id_: accounts.change(who, domain.Leave(PersonId(person_id), PersonId(who.person), reason), id_),
        )

    @strawberry.mutation(description="Close every console of a person; tokens from before are void.")
    async def revoke_access(
        self, info: strawberry.Info, person_id: Id, reason: str, command_id: Id | None = None
    ) -> Result:
        accounts = context_of(info).services.accounts
        return await command(
            info,
            "revoke_access",
            command_id,
            lambda who, id_: accounts.change(
                who, domain.RevokeAccess(PersonId(person_id), PersonId(who.person), reason), id_
            ),
        )

    @strawberry.mutation(description="Close one console; its token is void.")
    async def revoke_session(
        self, info: strawberry.Info, session: Id, reason: str, command_id: Id | None = None
    ) -> Result:
        accounts = context_of(info).services.accounts
        return await command(
            info, "revoke_access", command_id, lambda who, id_: accounts.revoke_session(who, session, reason, id_)
        )

    @strawberry.mutation(
        description="Ask to make less of the access of a person of oversight: `suspend`, `leave`, `revoke_role`,"
        " `revoke_access`, or `change_details` with the new `name`, `organisation` and `email`. Nothing is changed"
        " before one of oversight confirms, or the city after a week of silence; all of oversight are told. Needs a"
        " step-up."
    )
    async def request_oversight_change(
        self,
        info: strawberry.Info,
        person_id: Id,
        change: str,
        reason: str,
        name: str | None = None,
        organisation: str | None = None,
        email: str | None = None,
        command_id: Id | None = None,
    ) -> Result:
        accounts = context_of(info).services.accounts
        return await command(
            info,
            "request_oversight_change",
            command_id,
            lambda who, id_: accounts.ask_oversight_change(
                who,
                str(person_id),
                chosen(domain.OversightChange, change, "change"),
                reason,
                _details(name, organisation, email),
                id_,
            ),
        )

    @strawberry.mutation(
        description="Confirm what was asked about a person of oversight, which is done with it; or decline it with a"
        " `refusal`. As one of oversight; or of the city, once oversight has not answered in its time. Needs a step-up."
    )
    async def answer_oversight_change(
        self, info: strawberry.Info, person_id: Id, refusal: str | None = None, command_id: Id | None = None
    ) -> Result:
        accounts = context_of(info).services.accounts
        return await command(
            info,
            "answer_oversight_change",
            command_id,
            lambda who, id_: accounts.answer_oversight_change(who, str(person_id), refusal, id_),
        )

    @strawberry.mutation(
        description="Draft the next version of the use policy. `parameters`: as `policyHistory` shows them. It binds"
        " nobody before another person adopts it. `nextRules`: the access rules that the next release brings, where"
        " these are to be adopted with it: the text of each `*.cedar` file by its name."
    )
    async def draft_policy(
        self,
        info: strawberry.Info,
        parameters: JSON,
        summary: str,
        amends: int | None = None,
        next_rules: JSON | None = None,
        command_id: Id | None = None,
    ) -> Result:
        drafts = context_of(info).services.policies
        return await command(
            info,
            "draft_policy",
            command_id,
            lambda who, id_: drafts.draft(
                who, parameters_of(parameters), summary, amends, id_, None if next_rules is None else texts(next_rules)
            ),
        )
