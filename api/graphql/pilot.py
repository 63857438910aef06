"""The pilot programme and its figures. Each figure comes with its definition, and as of a position; the records behind
it are for those alone who may read the audit trail."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import date, datetime

import strawberry

from api.graphql import audit
from api.graphql import types as t
from api.graphql.audit import AuditConnection
from api.graphql.commands import chosen, command
from api.graphql.context import Context, Unreadable, context_of
from domain import pilot as p
from domain.kernel import PersonId
from domain.policy import policy_in_force
from projections.engine.reading import Reader
from projections.pilot_metrics import definitions as d
from projections.pilot_metrics import queries as q

Id = strawberry.ID
MODEL = "pilot_metrics"
SMALLEST_CELL = 5  # where no policy was in force
MOST_CASES = 100


# -- what is told ------------------------------------------------------------


@strawberry.type(description="What a figure says, over which cases, by which clock, without what.")
class MetricDefinition:
    code: str
    version: int
    sentence: str
    kind: str = strawberry.field(description="duration | share | count | total | rate")
    unit: str
    clock: str
    numerator: str | None
    denominator: str
    exclusions: list[str]
    broken_down_by: list[str]
    observational: bool = strawberry.field(description="a comparison that proves no cause")


@strawberry.type(
    description="One figure. `value`: the share, count, total or rate; of a duration the sum, beside median and p90."
)
class Figure:
    key: str | None = strawberry.field(description="of the group; null: the cases have none, or there are no groups")
    n: int | None = strawberry.field(description="cases")
    numerator: float | None
    denominator: float | None
    value: float | None
    median: float | None
    p90: float | None
    clocks_apart: int | None = strawberry.field(description="cases in which clocks differed by over a second")
    suppressed: bool = strawberry.field(description="too few cases in a neighbourhood: nothing is shown")


@strawberry.type(description="One case behind a figure: its stream, and the newest record of it that was counted.")
class MetricCase:
    stream: Id
    position: t.Position
    counted_at: datetime | None = strawberry.field(description="what puts it into a period")
    key: str | None
    in_numerator: bool
    value: float | None

    @strawberry.field(description="The records of its stream, in the order of the log.")
    async def events(
        self, info: strawberry.Info, first: int | None = None, after: str | None = None
    ) -> AuditConnection:
        wanted = audit.what_the_reader_may_see(context_of(info), audit.AuditFilter(subject=self.stream))
        return await audit.trail(info, wanted, audit.AuditOrder.POSITION_ASC, first, after, None, None)


@strawberry.input(description="Which cases. `since` is included, `until` is not.")
class MetricFilter:
    since: datetime | None = None
    until: datetime | None = None
    call_type: str | None = None
    purpose: str | None = None
    unit: str | None = None


@strawberry.type
class Metric:
    definition: MetricDefinition
    as_of: t.Position = strawberry.field(description="asked again as of this position, it is the same")
    figures: list[Figure]
    asked: strawberry.Private[tuple[d.Definition, d.By | None, q.Wanted]]

    @strawberry.field(description="What the figures were made of, in the order of the log; for oversight.")
    async def cases(self, info: strawberry.Info, first: int = 20, after: t.Position | None = None) -> list[MetricCase]:
        context = context_of(info)
        context.require("read_audit_trail")
        if not 1 <= first <= MOST_CASES:
            raise Unreadable("invalid_page", f"'first' must be 1 to {MOST_CASES}", field="first")
        definition, by, wanted = self.asked
        async with context.reading() as connection:
            found = await q.cases(connection, definition, self.as_of, by, wanted, first=first, after=int(after or 0))
        await context.consulted("metric_cases", self.as_of, {"metric": definition.code})
        return [
            MetricCase(
                stream=Id(case.stream),
                position=t.Position(case.position),
                counted_at=case.counted_at,
                key=case.key,
                in_numerator=case.in_numerator,
                value=case.value,
            )
            for case in found
        ]


@strawberry.type
class WithheldFlights:
    reason_code: str
    flights: int


@strawberry.type(description="flown = published + withheld, once no flight awaits its decision.")
class FlightReconciliation:
    as_of: t.Position
    flown: int
    published: int
    withheld: list[WithheldFlights]
    undecided: list[Id] = strawberry.field(description="streams of flights that landed, neither published nor withheld")
    in_the_air: int
    balanced: bool


@strawberry.type
class PilotProgramme:
    id: Id
    title: str
    authority: str = strawberry.field(description="the council's decision that it rests on")
    starts_on: date
    ends_on: date = strawberry.field(description="its last day")
    phase: str = strawberry.field(description="running | paused | concluded")
    evaluations: int


def _definition(of: d.Definition) -> MetricDefinition:
    return MetricDefinition(
        code=of.code,
        version=of.version,
        sentence=of.sentence,
        kind=of.kind,
        unit=of.unit,
        clock=of.clock,
        numerator=of.numerator or None,
        denominator=of.denominator,
        exclusions=list(of.exclusions),
        broken_down_by=list(of.by),
        observational=of.observational,
    )


# -- asking ------------------------------------------------------------------


async def _as_of(connection: Reader, asked: int | None) -> int:
    """Raises Unreadable where the read model has not come so far."""
    reached = (await q.checkpoint(connection)).position
    if asked is None:
        return reached
    if asked < 1:
        raise Unreadable("invalid_value", "positions start at 1", field="asOf")
    if asked > reached:
        raise Unreadable("not_yet_applied", f"the figures have come to position {reached}", position=reached)
    return asked


async def _smallest_cell(context: Context, connection: Reader, as_of: int) -> int:
    """By the policy in force when the newest record counted was made."""
    at = await q.as_of_time(connection, as_of)
    book = await asyncio.to_thread(context.services.policies.book)
    policy = policy_in_force(book, at) if at is not None else None
    return policy.parameters.smallest_cell if policy else SMALLEST_CELL


def _wanted(asked: MetricFilter | None) -> q.Wanted:
    if asked is None:
        return q.EVERYTHING
    for field, moment in (("since", asked.since), ("until", asked.until)):
        if moment is not None and moment.tzinfo is None:
            raise Unreadable("invalid_value", f"'{field}' has no time zone: give its offset from UTC", field=field)
    return q.Wanted(asked.since, asked.until, asked.call_type, asked.purpose, asked.unit)


def _known(code: str, by: str | None) -> tuple[d.Definition, d.By | None]:
    if code not in d.BY_CODE:
        raise Unreadable("not_found", "there is no such metric", field="code", accepted=", ".join(d.BY_CODE))
    try:
        return d.BY_CODE[code], d.By(by) if by is not None else None
    except ValueError:
        accepted = ", ".join(d.BY_CODE[code].by)
        raise Unreadable("invalid_value", "figures cannot be broken down so", field="by", accepted=accepted) from None


@strawberry.type
class PilotQueries:
    @strawberry.field(description="Every metric there is, and what it says.")
    async def metric_definitions(self, info: strawberry.Info) -> list[MetricDefinition]:
        context_of(info).require("read_metrics")
        return [_definition(definition) for definition in d.DEFINITIONS]

    @strawberry.field(description="A metric as of a position (none named: the newest), in groups or as a whole.")
    async def metric(
        self,
        info: strawberry.Info,
        code: str,
        by: str | None = None,
        filter: MetricFilter | None = None,
        as_of: t.Position | None = None,
        after_position: t.Position | None = None,
    ) -> Metric:
        context = context_of(info)
        context.require("read_metrics")
        definition, group = _known(code, by)
        wanted = _wanted(filter)
        await context.applied(MODEL, after_position)
        async with context.reading() as connection:
            position = await _as_of(connection, as_of)
            smallest = await _smallest_cell(context, connection, position) if group is d.By.CELL else 0
            try:
                found = await q.figures(connection, definition, position, group, wanted, smallest_cell=smallest)
            except q.NotBrokenDown as mistake:
                raise Unreadable("invalid_value", str(mistake), field="by", accepted=mistake.accepted) from None
        return Metric(
            definition=_definition(definition),
            as_of=t.Position(position),
            figures=[
                Figure(
                    key=x.key,
                    n=x.n,
                    numerator=x.numerator,
                    denominator=x.denominator,
                    value=x.value,
                    median=x.median,
                    p90=x.p90,
                    clocks_apart=x.clocks_apart,
                    suppressed=x.suppressed,
                )
                for x in found
            ],
            asked=(definition, group, wanted),
        )

    @strawberry.field(description="Whether every flight flown was published or withheld with its reason.")
    async def flight_reconciliation(
        self, info: strawberry.Info, as_of: t.Position | None = None, after_position: t.Position | None = None
    ) -> FlightReconciliation:
        context = context_of(info)
        context.require("read_metrics")
        await context.applied(MODEL, after_position)
        async with context.reading() as connection:
            position = await _as_of(connection, as_of)
            found = await q.reconciliation(connection, position)
        return FlightReconciliation(
            as_of=t.Position(position),
            flown=found.flown,
            published=found.published,
            withheld=[WithheldFlights(reason_code=code, flights=n) for code, n in found.withheld],
            undecided=[Id(stream) for stream in found.undecided],
            in_the_air=found.in_the_air,
            balanced=found.balanced,
        )

    @strawberry.field(description="The pilot programmes, as they stood at a position.")
    async def pilot_programmes(
        self, info: strawberry.Info, as_of: t.Position | None = None, after_position: t.Position | None = None
    ) -> list[PilotProgramme]:
        context = context_of(info)
        context.require("read_metrics")
        await context.applied(MODEL, after_position)
        async with context.reading() as connection:
            found = await q.programmes(connection, await _as_of(connection, as_of))
        return [
            PilotProgramme(
                id=Id(x.pilot),
                title=x.title,
                authority=x.authority,
                starts_on=x.starts_on,
                ends_on=x.ends_on,
                phase=x.phase,
                evaluations=x.evaluations,
            )
            for x in found
        ]


# -- what is done ------------------------------------------------------------


@strawberry.input
class CostInput:
    cost: str = strawberry.field(description="a fresh id: the invoice's, for example")
    heading: str = strawberry.field(description=", ".join(p.CostHeading))
    equipment: str = strawberry.field(description="its type, as the annual report lists it: drone, camera, …")
    amount_cents: int = strawberry.field(description="US cents; below zero in a correction alone")
    spent_on: date
    fund_source: str
    description: str
    corrects: str | None = strawberry.field(default=None, description="the id of the cost that this corrects")


async def _change(
    info: strawberry.Info, pilot: Id, name: str, command_id: Id | None, asked: Callable[[PersonId], p.Command]
) -> t.CommandResult:
    pilots = context_of(info).services.pilots
    return await command(
        info, name, command_id, lambda who, id_: pilots.change(who, str(pilot), asked(PersonId(who.person)), id_)
    )


@strawberry.type
class PilotMutations:
    @strawberry.mutation(description="Start a pilot programme, as the council decided.")
    async def start_pilot(
        self,
        info: strawberry.Info,
        pilot: Id,
        title: str,
        authority: str,
        starts_on: date,
        ends_on: date,
        command_id: Id | None = None,
    ) -> t.CommandResult:
        return await _change(
            info, pilot, "start_pilot", command_id, lambda by: p.StartPilot(title, authority, starts_on, ends_on, by)
        )

    @strawberry.mutation(description="Interrupt a pilot programme.")
    async def pause_pilot(
        self, info: strawberry.Info, pilot: Id, reason: str, command_id: Id | None = None
    ) -> t.CommandResult:
        return await _change(info, pilot, "pause_pilot", command_id, lambda by: p.PausePilot(reason, by))

    @strawberry.mutation(description="Go on with a pilot programme that is paused.")
    async def resume_pilot(
        self, info: strawberry.Info, pilot: Id, reason: str, command_id: Id | None = None
    ) -> t.CommandResult:
        return await _change(info, pilot, "resume_pilot", command_id, lambda by: p.ResumePilot(reason, by))

    @strawberry.mutation(description="Give a pilot programme a later last day.")
    async def extend_pilot(
        self,
        info: strawberry.Info,
        pilot: Id,
        authority: str,
        ends_on: date,
        reason: str,
        command_id: Id | None = None,
    ) -> t.CommandResult:
        return await _change(
            info, pilot, "extend_pilot", command_id, lambda by: p.ExtendPilot(authority, ends_on, reason, by)
        )

    @strawberry.mutation(description="Conclude a pilot programme.")
    async def conclude_pilot(
        self, info: strawberry.Info, pilot: Id, reason: str, command_id: Id | None = None
    ) -> t.CommandResult:
        return await _change(info, pilot, "conclude_pilot", command_id, lambda by: p.ConcludePilot(reason, by))

    @strawberry.mutation(description="Record what was spent, or correct it by a record of its own.")
    async def record_cost(
        self, info: strawberry.Info, pilot: Id, input: CostInput, command_id: Id | None = None
    ) -> t.CommandResult:
        return await _change(
            info,
            pilot,
            "record_cost",
            command_id,
            lambda by: p.RecordCost(
                input.cost,
                chosen(p.CostHeading, input.heading, "heading"),
                input.equipment,
                input.amount_cents,
                input.spent_on,
                input.fund_source,
                input.description,
                by,
                input.corrects,
            ),
        )

    @strawberry.mutation(description="Record that a judgement of the programme was published, and on which figures.")
    async def publish_evaluation(
        self,
        info: strawberry.Info,
        pilot: Id,
        title: str,
        document_sha256: str,
        as_of: t.Position,
        command_id: Id | None = None,
    ) -> t.CommandResult:
        return await _change(
            info,
            pilot,
            "publish_evaluation",
            command_id,
            lambda by: p.PublishEvaluation(title, document_sha256, int(as_of), by),
        )
