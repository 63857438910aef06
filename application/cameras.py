"""Cameras: put up, moved, drawn, masked and looked after by IT; the recorder notes whether they work.

A whole inventory is taken in at once or not at all: every row is checked against the record first, all faults are told
together, and what is left to do goes on the record in one append. What is as it should be is left alone, so the same
inventory taken in again does nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Protocol
from uuid import UUID

from application.commands import Commands
from application.handling import KEY, Actor, Attempt, Outcome, Recorded
from application.standing import authorise, outcome
from domain import camera
from domain.camera import (
    CAMERA,
    DrawFieldOfView,
    Event,
    InstallCamera,
    MoveCamera,
    NameStreamSource,
    NotInstalled,
    RenameCamera,
    Retired,
    State,
)
from domain.kernel import EVENT_NAMES, CameraId, InvalidValue, Mistake, PersonId, Place

MOST_CAMERAS = 250  # of one inventory: it is one append
ACCEPTED_SIGHT = "a valid polygon that lies before the camera, no corner more than 500 m away"


class Sight(Protocol):
    """Knows whether what a camera is said to see is possible on the map."""

    def sight_fault(self, place: Place, bearing_deg: float, outline: Sequence[Place]) -> str | None:
        """What is wrong with it, in words; None: it is a valid polygon before the camera."""
        ...


ACTIONS: dict[type, str] = {
    camera.InstallCamera: "keep_camera",
    camera.MoveCamera: "keep_camera",
    camera.RenameCamera: "keep_camera",
    camera.DrawFieldOfView: "keep_camera",
    camera.NameStreamSource: "keep_camera",
    camera.NoteMaintenance: "keep_camera",
    camera.RetireCamera: "keep_camera",
    camera.ChangeMask: "mask_camera",
    camera.NoteOnline: "record_camera_state",
    camera.NoteOffline: "record_camera_state",
}


@dataclass(frozen=True, slots=True)
class Listed:
    """A camera as an inventory has it. `row`: its line there; what is None is left as it is."""

    row: int
    camera: CameraId
    name: str
    place: Place
    height_m: float
    bearing_deg: float
    field_of_view: tuple[Place, ...] | None = None
    secret: str | None = None


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a row. `column`: empty where it is the row as a whole."""

    row: int
    column: str
    message: str
    accepted: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """What taking the inventory in does to a camera: the names of the events; none where it is as it should be."""

    row: int
    camera: CameraId
    does: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """With faults nothing is taken in."""

    steps: tuple[Step, ...]
    faults: tuple[Fault, ...]


class Cameras(Commands):
    """Use cases about cameras. `sight` is set by whoever wires this; without it no field of view is drawn."""

    sight: Sight | None = None

    def change(self, actor: Actor, command: camera.Command, command_id: UUID | None = None) -> Outcome:
        def use(attempt: Attempt) -> Recorded:
            stream = CAMERA.stream(command.camera)
            authorise(attempt, ACTIONS[type(command)], stream)
            before = attempt.state(CAMERA, command.camera)
            attempt.decide(CAMERA, command.camera, command)
            if isinstance(command, DrawFieldOfView) and isinstance(before, camera.Installed):
                self._check_sight(before.place, before.bearing_deg, command.outline)
            return outcome(attempt, stream, command.camera)

        return self.run(actor, type(command).__name__, command, command_id, use)

    # -- a whole inventory -----------------------------------------------------

    def plan(self, actor: Actor, inventory: Sequence[Listed], reason: str) -> Plan:
        """What taking it in would do, and everything that is wrong with it; nothing is recorded."""
        fit = [listed for listed in inventory if KEY.fullmatch(listed.camera)]
        states = self.handler.states.load([(CAMERA, listed.camera) for listed in fit]) if fit else {}
        faults = list(_faults_of_the_whole(inventory))
        steps = []
        for listed in inventory:
            _, state = states.get(CAMERA.stream(listed.camera), (0, CAMERA.initial))
            try:
                does = [e for _, events in self._decided(listed, state, reason, PersonId(actor.person)) for e in events]
            except Mistake as mistake:
                faults.append(Fault(listed.row, mistake.field or "", mistake.message, mistake.accepted or ""))
                continue
            names = tuple(EVENT_NAMES[type(event)].split(".")[1] for event in does)
            steps.append(Step(listed.row, listed.camera, names))
        return Plan(tuple(steps), tuple(sorted(faults, key=lambda fault: fault.row)))

    def take_in(
        self, actor: Actor, inventory: Sequence[Listed], reason: str, command_id: UUID | None = None
    ) -> Outcome:
        """Bring every camera of the inventory in line with it, in one append. Cameras that it does not name are left
        as they are."""

        def use(attempt: Attempt) -> Recorded:
            first = inventory[0].camera if inventory else ""
            authorise(attempt, "keep_camera", CAMERA.stream(first))
            for fault in _faults_of_the_whole(inventory):
                raise InvalidValue(fault.message, field=fault.column, accepted=fault.accepted)
            attempt.load(*((CAMERA, listed.camera) for listed in inventory))
            for listed in inventory:
                state = attempt.state(CAMERA, listed.camera)
                for command, _ in self._decided(listed, state, reason, PersonId(actor.person)):
                    attempt.decide(CAMERA, listed.camera, command)
            return outcome(attempt, CAMERA.stream(first), first)

        return self.run(actor, "take_in_cameras", [list(inventory), reason], command_id, use)

    def _decided(
        self, listed: Listed, state: State, reason: str, by: PersonId
    ) -> list[tuple[camera.Command, list[Event]]]:
        """Each command that brings the camera in line, with what comes of it. Raises Mistake."""
        found: list[tuple[camera.Command, list[Event]]] = []
        for command in _commands(listed, state, reason, by):
            events = camera.decide(command, state, self.handler.clock.now())
            for event in events:
                state = camera.evolve(state, event)
            found.append((command, events))
            if isinstance(command, DrawFieldOfView):
                self._check_sight(listed.place, listed.bearing_deg, command.outline)
        return found

    def _check_sight(self, place: Place, bearing_deg: float, outline: Sequence[Place]) -> None:
        sight = self.sight
        fault = "nothing here can check it" if sight is None else sight.sight_fault(place, bearing_deg, outline)
        if fault is not None:
            raise InvalidValue(
                f"the field of view is not a possible one: {fault}", field="outline", accepted=ACCEPTED_SIGHT
            )


def _commands(listed: Listed, state: State, reason: str, by: PersonId) -> Iterable[camera.Command]:
    key = listed.camera
    match state:
        case NotInstalled() | Retired():  # a retired one is refused by its rules
            yield InstallCamera(key, listed.name, listed.place, listed.height_m, listed.bearing_deg, by)
            seen = secret = None
        case camera.Installed():
            seen, secret = state.field_of_view, state.secret
            if listed.name.strip() != state.name:
                yield RenameCamera(key, listed.name, reason, by)
            aim = (listed.place, listed.height_m, listed.bearing_deg)
            if aim != (state.place, state.height_m, state.bearing_deg):
                yield MoveCamera(key, *aim, reason, by)
                seen = None
    if listed.field_of_view is not None and listed.field_of_view != seen:
        yield DrawFieldOfView(key, listed.field_of_view, reason, by)
    if listed.secret is not None and listed.secret != secret:
        yield NameStreamSource(key, listed.secret, "", by)


def _faults_of_the_whole(inventory: Sequence[Listed]) -> Iterable[Fault]:
    if not 1 <= len(inventory) <= MOST_CAMERAS:
        yield Fault(0, "", f"the inventory names {len(inventory)} cameras", f"1 to {MOST_CAMERAS}")
    in_order = sorted(inventory, key=lambda listed: (listed.camera, listed.row))
    for _, same in groupby(in_order, key=lambda listed: listed.camera):
        first, *again = same
        for other in again:
            yield Fault(other.row, "camera", f"row {first.row} names this camera too", "each camera once")
