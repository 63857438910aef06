"""Every command. A refusal is a result; the same `commandId` sent again gets the first answer."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime

import strawberry

from api.graphql import types as t
from api.graphql.commands import chosen, command
from api.graphql.context import context_of
from api.graphql.orders import fly, give_safety_order
from application.fleet import Upkeep
from application.flights import RepurposePlan
from domain import dock, drone, person
from domain.drone import SafetyOrder
from domain.flight_commands import RecordOutcome
from domain.flight_events import Outcome
from domain.kernel import CallNumber, CaseNumber, DockId, DroneId, FlightId, PersonId, Place
from domain.launch import AirspaceAuthority, AuthorityKind, Conditions, Finding, Go, LaunchPlan, Separation
from domain.launch import SeparationMethod as Method

Id = strawberry.ID
Result = t.CommandResult


def _place(place: t.PlaceInput) -> Place:
    return Place(place.latitude, place.longitude)


def _finding(name: str, finding: t.FindingInput) -> Finding:
    return Finding(chosen(Go, finding.go, f"conditions.{name}.go"), finding.source, finding.detail)


def _plan(asked: t.RequestLaunchInput, actor: str) -> LaunchPlan:
    conditions, airspace, separation = asked.conditions, asked.airspace, asked.separation
    return LaunchPlan(
        drone=DroneId(asked.drone),
        dock=DockId(""),
        purpose=asked.purpose,
        pilot=PersonId(asked.pilot or actor),
        destination=_place(asked.destination),
        cruise_agl_m=asked.cruise_agl_m,
        reason=asked.reason,
        conditions=Conditions(
            _finding("weather", conditions.weather),
            _finding("traffic", conditions.traffic),
            _finding("airspace", conditions.airspace),
        ),
        call=CallNumber(asked.call_number) if asked.call_number else None,
        case=CaseNumber(asked.case_number) if asked.case_number else None,
        authorisation=asked.authorisation,
        airspace=AirspaceAuthority(
            chosen(AuthorityKind, airspace.kind, "airspace.kind"),
            airspace.number,
            airspace.version,
            airspace.expires_on,
        )
        if airspace
        else None,
        separation=Separation(chosen(Method, separation.method, "separation.method"), separation.by)
        if separation
        else None,
        accepted_unknowns=tuple(asked.accept_unknowns),
        unknowns_await_pilot=asked.ask_pilot,
    )


async def _upkeep(
    info: strawberry.Info, drone_id: Id, command_id: Id | None, make: Callable[[PersonId], Upkeep], name: str
) -> Result:
    fleet = context_of(info).services.fleet
    return await command(
        info, name, command_id, lambda who, id_: fleet.upkeep(who, drone_id, make(PersonId(who.person)), id_)
    )


async def _account(
    info: strawberry.Info, command_id: Id | None, make: Callable[[PersonId], person.Command], name: str
) -> Result:
    accounts = context_of(info).services.accounts
    return await command(info, name, command_id, lambda who, id_: accounts.change(who, make(PersonId(who.person)), id_))


@strawberry.type
class Mutation:
    # -- flights -------------------------------------------------------------

    @strawberry.mutation(description="Ask for a launch. Refused, authorised at once, or waiting for a second person.")
    async def request_launch(
        self, info: strawberry.Info, input: t.RequestLaunchInput, command_id: Id | None = None
    ) -> Result:
        flights = context_of(info).services.flights
        return await command(
            info, "request_launch", command_id, lambda who, id_: flights.request(who, _plan(input, who.person), id_)
        )

    @strawberry.mutation(description="Authorise a launch that waits for a second person. Needs a step-up.")
    async def authorise_launch(self, info: strawberry.Info, flight: Id, command_id: Id | None = None) -> Result:
        flights = context_of(info).services.flights
        return await command(info, "authorise_launch", command_id, lambda who, id_: flights.authorise(who, flight, id_))

    @strawberry.mutation(description="Refuse a launch that waits for a second person.")
    async def refuse_launch(
        self, info: strawberry.Info, flight: Id, reason: str, command_id: Id | None = None
    ) -> Result:
        flights = context_of(info).services.flights
        return await command(
            info, "refuse_launch", command_id, lambda who, id_: flights.decline(who, flight, reason, id_)
        )

    @strawberry.mutation(description="Call a launch off before it begins.")
    async def withdraw_launch(
        self, info: strawberry.Info, flight: Id, reason: str, command_id: Id | None = None
    ) -> Result:
        flights = context_of(info).services.flights
        return await command(
            info, "withdraw_launch", command_id, lambda who, id_: flights.withdraw(who, flight, reason, id_)
        )

    @strawberry.mutation(
        description="The pilot in command sends the drone up: only for an authorised flight, only while that lasts."
        " The order is on the record before it is sent. Needs a step-up."
    )
    async def launch_drone(self, info: strawberry.Info, flight: Id, command_id: Id | None = None) -> Result:
        services = context_of(info).services
        return await fly(
            info,
            "launch_drone",
            command_id,
            lambda who, id_: services.flights.order_launch(who, flight, id_),
            lambda: services.gateway.launch(flight),
        )

    @strawberry.mutation(description="Send a flying drone to another place for the same job.")
    async def go_to(
        self,
        info: strawberry.Info,
        flight: Id,
        place: t.PlaceInput,
        reason: str,
        agl_m: float = 60.0,
        command_id: Id | None = None,
    ) -> Result:
        services = context_of(info).services
        return await fly(
            info,
            "goto",
            command_id,
            lambda who, id_: services.flights.redirect(who, flight, _place(place), agl_m, reason, id_),
            lambda: services.gateway.goto(flight, place.latitude, place.longitude, agl_m),
        )

    @strawberry.mutation(description="Give a flying drone another job, with its own purpose and authority.")
    async def repurpose_flight(
        self, info: strawberry.Info, flight: Id, input: t.RepurposeInput, command_id: Id | None = None
    ) -> Result:
        services = context_of(info).services
        there = input.destination

        def plan() -> RepurposePlan:
            return RepurposePlan(
                purpose=input.purpose,
                destination=_place(there),
                agl_m=input.agl_m,
                reason=input.reason,
                call=CallNumber(input.call_number) if input.call_number else None,
                case=CaseNumber(input.case_number) if input.case_number else None,
                authorisation=input.authorisation,
            )

        return await fly(
            info,
            "repurpose_flight",
            command_id,
            lambda who, id_: services.flights.repurpose(who, flight, plan(), id_),
            lambda: services.gateway.goto(flight, there.latitude, there.longitude, input.agl_m),
        )

    @strawberry.mutation(description="Point the drone's camera; -90 degrees is straight down, 0 is level.")
    async def point_camera(
        self, info: strawberry.Info, flight: Id, pitch_deg: float, command_id: Id | None = None
    ) -> Result:
        services = context_of(info).services
        return await fly(
            info,
            "point_camera",
            command_id,
            lambda who, id_: services.flights.may_point_camera(who, flight, pitch_deg, id_),
            lambda: services.gateway.camera(flight, pitch_deg),
        )

    @strawberry.mutation(
        description="Record what the drone sees on scene, with a reason. Where the use policy does not record by"
        " default, it says who may."
    )
    async def start_recording(
        self, info: strawberry.Info, flight: Id, reason: str, command_id: Id | None = None
    ) -> Result:
        flights = context_of(info).services.flights
        return await command(
            info, "start_recording", command_id, lambda who, id_: flights.start_recording(who, flight, reason, id_)
        )

    @strawberry.mutation(description="Record no more, until the drone comes to a scene again.")
    async def stop_recording(self, info: strawberry.Info, flight: Id, command_id: Id | None = None) -> Result:
        flights = context_of(info).services.flights
        return await command(
            info, "stop_recording", command_id, lambda who, id_: flights.stop_recording(who, flight, id_)
        )

    # -- safety: sent first, recorded after ----------------------------------

    @strawberry.mutation(description="Bring the drone home. Sent at once, recorded after, with both times.")
    async def return_drone(
        self, info: strawberry.Info, flight: Id, reason: str = "", command_id: Id | None = None
    ) -> Result:
        return await give_safety_order(info, SafetyOrder.RETURN, flight, reason, command_id)

    @strawberry.mutation(description="Land where the drone is. Sent at once, recorded after, with both times.")
    async def land_drone(
        self, info: strawberry.Info, flight: Id, reason: str = "", command_id: Id | None = None
    ) -> Result:
        return await give_safety_order(info, SafetyOrder.LAND, flight, reason, command_id)

    @strawberry.mutation(description="Stop and hover. Sent at once, recorded after, with both times.")
    async def hold_drone(
        self, info: strawberry.Info, flight: Id, reason: str = "", command_id: Id | None = None
    ) -> Result:
        return await give_safety_order(info, SafetyOrder.HOLD, flight, reason, command_id)

    @strawberry.mutation(description="Break the flight off. Sent at once, recorded after, with both times.")
    async def abort_flight(
        self, info: strawberry.Info, flight: Id, reason: str = "", command_id: Id | None = None
    ) -> Result:
        return await give_safety_order(info, SafetyOrder.ABORT, flight, reason, command_id)

    @strawberry.mutation(description="What a flight was good for.")
    async def record_outcome(
        self, info: strawberry.Info, flight: Id, input: t.OutcomeInput, command_id: Id | None = None
    ) -> Result:
        flights = context_of(info).services.flights
        return await command(
            info,
            "record_outcome",
            command_id,
            lambda who, id_: flights.record_outcome(
                who,
                RecordOutcome(
                    FlightId(flight),
                    tuple(chosen(Outcome, o, "outcomes") for o in input.outcomes),
                    input.subjects_located,
                    input.arrests_assisted,
                    input.note,
                    PersonId(who.person),
                ),
                id_,
            ),
        )

    # -- docks and drones ----------------------------------------------------

    @strawberry.mutation(description="Put a dock into service.")
    async def commission_dock(
        self,
        info: strawberry.Info,
        dock_id: Id,
        name: str,
        place: t.PlaceInput,
        amsl_m: float,
        command_id: Id | None = None,
    ) -> Result:
        fleet = context_of(info).services.fleet
        return await command(
            info,
            "commission_dock",
            command_id,
            lambda who, id_: fleet.commission_dock(
                who, dock.CommissionDock(DockId(dock_id), name, _place(place), amsl_m, PersonId(who.person)), id_
            ),
        )

    @strawberry.mutation(description="Register a drone with its Remote ID and its place on the MAVLink.")
    async def register_drone(
        self,
        info: strawberry.Info,
        drone_id: Id,
        registration: str,
        remote_id_serial: str,
        model: str,
        dock_id: Id,
        system_id: int,
        signing_key_id: str | None = None,
        command_id: Id | None = None,
    ) -> Result:
        fleet = context_of(info).services.fleet
        return await command(
            info,
            "register_drone",
            command_id,
            lambda who, id_: fleet.register(
                who,
                drone.RegisterDrone(
                    DroneId(drone_id),
                    registration,
                    remote_id_serial,
                    model,
                    DockId(dock_id),
                    system_id,
                    signing_key_id,
                    PersonId(who.person),
                ),
                id_,
            ),
        )

    @strawberry.mutation(description="A pilot declares a drone ready to fly.")
    async def ready_drone(
        self, info: strawberry.Info, drone_id: Id, battery_percent: float, command_id: Id | None = None
    ) -> Result:
        return await _upkeep(
            info, drone_id, command_id, lambda by: drone.ReadyDrone(battery_percent, by), "ready_drone"
        )

    @strawberry.mutation(description="Take a drone out of service.")
    async def ground_drone(
        self, info: strawberry.Info, drone_id: Id, reason: str, command_id: Id | None = None
    ) -> Result:
        return await _upkeep(info, drone_id, command_id, lambda by: drone.GroundDrone(reason, by), "ground_drone")

    @strawberry.mutation(description="Record another battery.")
    async def swap_battery(
        self, info: strawberry.Info, drone_id: Id, battery_serial: str, cycles: int, command_id: Id | None = None
    ) -> Result:
        return await _upkeep(
            info, drone_id, command_id, lambda by: drone.SwapBattery(battery_serial, cycles, by), "maintain_drone"
        )

    @strawberry.mutation(description="Record maintenance.")
    async def perform_maintenance(
        self,
        info: strawberry.Info,
        drone_id: Id,
        work: str,
        next_due_on: date | None = None,
        command_id: Id | None = None,
    ) -> Result:
        return await _upkeep(
            info, drone_id, command_id, lambda by: drone.PerformMaintenance(work, next_due_on, by), "maintain_drone"
        )

    @strawberry.mutation(description="From now on the drone's link is signed with another key. Needs a step-up.")
    async def rotate_signing_key(
        self, info: strawberry.Info, drone_id: Id, signing_key_id: str, command_id: Id | None = None
    ) -> Result:
        return await _upkeep(
            info, drone_id, command_id, lambda by: drone.RotateSigningKey(signing_key_id, by), "rotate_signing_key"
        )

    # -- people --------------------------------------------------------------

    @strawberry.mutation(description="Give a person an account. A role is given by somebody else.")
    async def enrol_person(
        self,
        info: strawberry.Info,
        person_id: Id,
        name: str,
        organisation: str,
        email: str,
        command_id: Id | None = None,
    ) -> Result:
        return await _account(
            info,
            command_id,
            lambda by: person.Enrol(
                PersonId(person_id), name, chosen(person.Organisation, organisation, "organisation"), email, by
            ),
            "enrol_person",
        )

    @strawberry.mutation(description="Record a course a person completed.")
    async def record_training(
        self,
        info: strawberry.Info,
        person_id: Id,
        course: str,
        completed_on: date,
        expires_on: date,
        command_id: Id | None = None,
    ) -> Result:
        return await _account(
            info,
            command_id,
            lambda by: person.RecordTraining(PersonId(person_id), course, completed_on, expires_on, by),
            "record_training",
        )

    @strawberry.mutation(
        description="Put right the day on which a recorded course expires, where it was entered wrongly. The first"
        " entry stays on the record."
    )
    async def correct_training(
        self,
        info: strawberry.Info,
        person_id: Id,
        course: str,
        expires_on: date,
        reason: str,
        command_id: Id | None = None,
    ) -> Result:
        return await _account(
            info,
            command_id,
            lambda by: person.CorrectTraining(PersonId(person_id), course, expires_on, reason, by),
            "correct_training",
        )

    @strawberry.mutation(description="Record a certificate, such as Part 107.")
    async def record_certificate(
        self,
        info: strawberry.Info,
        person_id: Id,
        kind: str,
        number: str,
        expires_on: date,
        command_id: Id | None = None,
    ) -> Result:
        return await _account(
            info,
            command_id,
            lambda by: person.RecordCertificate(
                PersonId(person_id), chosen(person.CertificateKind, kind, "kind"), number, expires_on, by
            ),
            "record_certificate",
        )

    @strawberry.mutation(description="Give a person a role. Needs a step-up, and another one than who enrolled them.")
    async def assign_role(
        self, info: strawberry.Info, person_id: Id, role: str, command_id: Id | None = None
    ) -> Result:
        return await _account(
            info,
            command_id,
            lambda by: person.AssignRole(PersonId(person_id), chosen(person.Role, role, "role"), by),
            "assign_role",
        )

    @strawberry.mutation(description="Take a role from a person.")
    async def revoke_role(
        self, info: strawberry.Info, person_id: Id, role: str, reason: str, command_id: Id | None = None
    ) -> Result:
        return await _account(
            info,
            command_id,
            lambda by: person.RevokeRole(PersonId(person_id), chosen(person.Role, role, "role"), by, reason),
            "revoke_role",
        )

    @strawberry.mutation(description="Suspend a person's access at once; their sessions end.")
    async def suspend_person(
        self, info: strawberry.Info, person_id: Id, reason: str, command_id: Id | None = None
    ) -> Result:
        return await _account(
            info, command_id, lambda by: person.Suspend(PersonId(person_id), by, reason), "suspend_person"
        )

    @strawberry.mutation(description="Give a suspended person's access back. Needs a step-up.")
    async def reinstate_person(
        self, info: strawberry.Info, person_id: Id, reason: str, command_id: Id | None = None
    ) -> Result:
        return await _account(
            info, command_id, lambda by: person.Reinstate(PersonId(person_id), by, reason), "reinstate_person"
        )

    # -- the use policy and one's own session --------------------------------

    @strawberry.mutation(
        description="Put a drafted use policy in force, as the second person: at once, or from a time to come. Needs a"
        " step-up."
    )
    async def adopt_policy(
        self,
        info: strawberry.Info,
        version: int,
        parameters_sha256: str,
        cedar_set_sha256: str,
        in_force_from: datetime | None = None,
        command_id: Id | None = None,
    ) -> Result:
        policies = context_of(info).services.policies
        return await command(
            info,
            "adopt_policy",
            command_id,
            lambda who, id_: policies.adopt(who, version, parameters_sha256, cedar_set_sha256, in_force_from, id_),
        )

    @strawberry.mutation(
        description="Propose to put the use policy out of force. It stays in force until another person confirms."
    )
    async def propose_policy_retirement(
        self, info: strawberry.Info, version: int, reason: str, command_id: Id | None = None
    ) -> Result:
        policies = context_of(info).services.policies
        return await command(
            info,
            "propose_policy_retirement",
            command_id,
            lambda who, id_: policies.propose_retirement(who, version, reason, id_),
        )

    @strawberry.mutation(
        description="Put the use policy out of force, as the second person. Nothing may be launched or seen until"
        " another one is. Needs a step-up."
    )
    async def retire_policy(self, info: strawberry.Info, version: int, command_id: Id | None = None) -> Result:
        policies = context_of(info).services.policies
        return await command(info, "retire_policy", command_id, lambda who, id_: policies.retire(who, version, id_))

    @strawberry.mutation(description="Lock your own session; the next act needs a step-up.")
    async def lock_session(self, info: strawberry.Info, reason: str, command_id: Id | None = None) -> Result:
        accounts = context_of(info).services.accounts
        return await command(info, "lock_session", command_id, lambda who, id_: accounts.lock(who, reason, id_))

    @strawberry.mutation(description="End your own session.")
    async def sign_off(self, info: strawberry.Info, command_id: Id | None = None) -> Result:
        accounts = context_of(info).services.accounts
        return await command(info, "sign_off", command_id, lambda who, id_: accounts.sign_off(who, id_))
