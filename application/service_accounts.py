"""The accounts of our own processes. The founding makes those of its day; a process that came later gets one as a
person does, by two people: one enrols it, another gives it its role."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from application.accounts import Accounts
from application.handling import Actor, Handler, Mistaken, Outcome, Refused
from application.standing import SERVICES
from domain.founding import Founder
from domain.kernel import PersonId
from domain.person import PERSON, Account, AssignRole, Enrol, Organisation, Role, State
from domain.policy import POLICY, POLICY_KEY, policy_last_in_force


class Lacks(StrEnum):
    """What keeps a process from acting under its account."""

    ACCOUNT = "no account"
    ROLE = "no role"
    ACCESS = "suspended"


@dataclass(frozen=True, slots=True)
class ServiceAccount:
    """`lacks` None: its process can act."""

    person: PersonId
    name: str
    lacks: Lacks | None


class NoServiceAccount(Exception):
    """What a process does could not be put on the record: it has no account here, or no role."""


def service_founders() -> list[Founder]:
    """Those of today, for a founding."""
    return [
        Founder(PersonId(person), name, Organisation.CITY_OF_WEST_HOLLYWOOD, f"{person}@saferweho.example")
        for person, name in SERVICES.items()
    ]


class ServiceAccounts:
    def __init__(self, handler: Handler) -> None:
        self._handler, self._accounts = handler, Accounts(handler)

    def all(self) -> list[ServiceAccount]:
        """Raises StoreUnavailable."""
        states = self._handler.states.load([(PERSON, person) for person in SERVICES])
        return [
            ServiceAccount(PersonId(person), name, _lacks(states[PERSON.stream(person)][1]))
            for person, name in SERVICES.items()
        ]

    def require(self, person: str) -> None:
        """Before the founding nobody has an account, and it will make this one. Raises NoServiceAccount and
        StoreUnavailable."""
        loaded = self._handler.states.load([(PERSON, person), (POLICY, POLICY_KEY)])
        if policy_last_in_force(loaded[POLICY.stream(POLICY_KEY)][1], self._handler.clock.now()) is None:
            return
        lacks = _lacks(loaded[PERSON.stream(person)][1])
        if lacks in (Lacks.ACCOUNT, Lacks.ROLE):
            raise NoServiceAccount(
                f"{person} has {lacks} here, so nothing that this process does could be put on the record. Two people"
                " give it both: an administrator by 'saferweho accounts enrol-services', then the station commander by"
                " 'saferweho accounts confirm-services'"
            )

    def enrol(self, actor: Actor) -> dict[PersonId, Outcome]:
        """Those without an account, as the first of the two people; what became of each. Raises StoreUnavailable."""
        by = PersonId(actor.person)
        missing = {each.person for each in self.all() if each.lacks is Lacks.ACCOUNT}
        return self._each(
            actor,
            [
                Enrol(founder.person, founder.name, founder.organisation, founder.email, by)
                for founder in service_founders()
                if founder.person in missing
            ],
        )

    def confirm(self, actor: Actor) -> dict[PersonId, Outcome]:
        """Their role, for those that wait for it, as the second. Raises StoreUnavailable."""
        by, waiting = PersonId(actor.person), [each.person for each in self.all() if each.lacks is Lacks.ROLE]
        return self._each(actor, [AssignRole(person, Role.SERVICE, by) for person in waiting])

    def _each(self, actor: Actor, commands: list[Enrol] | list[AssignRole]) -> dict[PersonId, Outcome]:
        """Up to the first that is refused: the others would be too, each on the record."""
        told: dict[PersonId, Outcome] = {}
        for command in commands:
            told[command.person] = outcome = self._accounts.change(actor, command)
            if isinstance(outcome, Refused | Mistaken):
                break
        return told


def _lacks(state: State) -> Lacks | None:
    if not isinstance(state, Account):
        return Lacks.ACCOUNT
    if Role.SERVICE not in state.roles:
        return Lacks.ROLE
    return Lacks.ACCESS if state.suspended else None
