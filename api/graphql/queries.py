"""Everything that may be asked. `afterPosition` waits (at most 5 s) until the read model has applied that position."""

from __future__ import annotations

import asyncio

import strawberry

from api.graphql import audit, board
from api.graphql.audit import AuditConnection, AuditEvent, AuditFilter, AuditOrder
from api.graphql.context import context_of
from api.graphql.types import (
    Board,
    Flight,
    FlightConnection,
    Position,
    Purpose,
    UsePolicy,
    Viewer,
)
from domain.person import Role
from domain.policy import Basis, policy_in_force

# What a page asks to know which buttons to show.
ACTIONS = (
    "read_board",
    "read_audit_trail",
    "read_own_record",
    "read_incident",
    "read_complaints",
    "open_complaint",
    "assign_complaint",
    "resolve_complaint",
    "read_oversight",
    "export_audit_trail",
    "commit_audit_seed",
    "review_access",
    "record_finding",
    "take_corrective_action",
    "request_launch",
    "authorise_launch",
    "refuse_launch",
    "launch_drone",
    "accept_unknowns",
    "goto",
    "repurpose_flight",
    "point_camera",
    "start_recording",
    "stop_recording",
    "return_drone",
    "land_drone",
    "hold_drone",
    "abort_flight",
    "record_outcome",
    "enrol_person",
    "assign_role",
    "suspend_person",
    "change_person",
    "revoke_access",
    "request_oversight_change",
    "answer_oversight_change",
    "answer_for_oversight",
    "read_person",
    "hand_over_shift",
    "draft_policy",
    "adopt_policy",
    "propose_policy_retirement",
    "retire_policy",
    "register_drone",
    "ready_drone",
    "ground_drone",
    "request_live_view",
    "share_feed",
    "report_observation",
    "read_open_calls",
    "read_shared_feeds",
    "request_viewing",
    "request_export",
    "approve_export",
    "download_export",
    "deliver_export",
    "read_exports",
    "request_disclosure",
    "make_disclosure",
    "examine_case",
    "read_cameras",
    "keep_camera",
    "mask_camera",
    "request_override",
    "approve_override",
    "invoke_emergency_override",
    "review_override",
    "read_overrides",
    "draw_privacy_zone",
    "redraw_privacy_zone",
    "read_privacy_zones",
    "read_metrics",
    "start_pilot",
    "pause_pilot",
    "record_cost",
    "import_footage",
    "tag_footage",
    "place_legal_hold",
    "answer_retention_extension",
    "destroy_footage",
    "read_retention",
    "request_key_destruction",
    "answer_key_destruction",
    "read_personal_subjects",
    "search_plate",
    "decide_hit",
    "read_hits",
    "read_plate_record",
)


@strawberry.type
class Query:
    @strawberry.field(description="Who is asking, and what they may do.")
    async def viewer(self, info: strawberry.Info) -> Viewer:
        context = context_of(info)
        actor = context.signed_on()
        # Asked as if stepped up, of another's request, of what is shared and of a flight of one's own: what still
        # stands in the way is said when it is tried.
        may = [
            action
            for action in ACTIONS
            if context.may(
                action,
                f"person-{actor.person}" if action == "read_own_record" else "",
                stepped_up=True,
                own_request=False,
                of_oversight=False,
                needs_station_commander=False,
                shared_with_open_incident=True,
                commands_flight=True,
            )
        ]
        return Viewer(
            id=strawberry.ID(actor.person),
            name=actor.name,
            organisation=actor.organisation,
            roles=sorted(actor.roles),
            may=may,
            session_id=actor.session,
            stepped_up_until=actor.stepped_up_until,
            environment=context.services.settings.env.value,
        )

    @strawberry.field(description="The live board as one snapshot.")
    async def board(self, info: strawberry.Info, after_position: Position | None = None) -> Board:
        await context_of(info).applied("live_board", after_position)
        return await board.board(info)

    @strawberry.field
    async def flight(
        self, info: strawberry.Info, id: strawberry.ID, after_position: Position | None = None
    ) -> Flight | None:
        await context_of(info).applied("live_board", after_position)
        return await board.one_flight(info, str(id))

    @strawberry.field(description="Flights of all time, newest request first.")
    async def flights(
        self,
        info: strawberry.Info,
        first: int | None = None,
        after: str | None = None,
        after_position: Position | None = None,
    ) -> FlightConnection:
        await context_of(info).applied("live_board", after_position)
        return await board.flights(info, first, after)

    @strawberry.field(description="Every event that matches; your own acts alone, unless you may read everything.")
    async def audit_trail(
        self,
        info: strawberry.Info,
        filter: AuditFilter | None = None,
        order: AuditOrder = AuditOrder.POSITION_DESC,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
        after_position: Position | None = None,
    ) -> AuditConnection:
        context = context_of(info)
        wanted = audit.what_the_reader_may_see(context, filter)
        await context.applied("audit_trail", after_position)
        return await audit.trail(info, wanted, order, first, after, last, before)

    @strawberry.field(description="One event by its position.")
    async def audit_event(
        self, info: strawberry.Info, position: Position, after_position: Position | None = None
    ) -> AuditEvent | None:
        await context_of(info).applied("audit_trail", after_position)
        return await audit.event_at(info, position)

    @strawberry.field(description="The use policy in force: what a launch form needs.")
    async def use_policy(self, info: strawberry.Info) -> UsePolicy | None:
        context = context_of(info)
        context.signed_on()
        handler = context.services.handler
        book = await asyncio.to_thread(context.services.policies.book)
        current = policy_in_force(book, handler.clock.now())
        if current is None:
            return None
        parameters = current.parameters
        return UsePolicy(
            version=current.version,
            in_force_from=current.in_force_from,
            cedar_set_hash=current.cedar_set_sha256,
            purposes=[
                Purpose(
                    code=rule.code,
                    title=rule.title,
                    needs_call=rule.basis is Basis.CALL_OR_CASE,
                    needs_commander=rule.authorised_by == (Role.STATION_COMMANDER,),
                    prohibited=False,
                )
                for rule in parameters.purposes
            ]
            + [
                Purpose(
                    code=code, title=code.replace("_", " "), needs_call=False, needs_commander=False, prohibited=True
                )
                for code in parameters.prohibited
            ],
            step_up_minutes=parameters.step_up_minutes,
        )
