"""The use policy, and the first day on which there is none yet."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from application.commands import Commands
from application.handling import Actor, Attempt, Outcome, Recorded
from application.ports import Document
from application.standing import authorise, outcome
from domain import founding, policy
from domain.founding import FOUNDING, FOUNDING_KEY, Founder, FoundingConfirmed, FoundingProposed
from domain.kernel import Aggregate, InvalidValue, PersonId, PolicyVersion
from domain.person import PERSON
from domain.policy import POLICY, POLICY_KEY, PolicyBook, PolicyParameters


class PolicyNotAdopted(Exception):
    """The access rules of this process are not those that two persons adopted."""


class Policies(Commands):
    def draft(
        self,
        actor: Actor,
        parameters: PolicyParameters,
        summary: str,
        amends: int | None = None,
        command_id: UUID | None = None,
        next_rules: Mapping[str, str] | None = None,
    ) -> Outcome:
        """Draft the next version, to go with the access rules this process runs with or with those of the next release,
        as text by file name: kept by their hash as a document, so that what is adopted can always be installed."""

        def use(attempt: Attempt) -> Recorded:
            authorise(attempt, "draft_policy", POLICY.stream(POLICY_KEY))
            rules = attempt.rules_sha256 if next_rules is None else self._kept(attempt, next_rules)
            by, amended = PersonId(actor.person), None if amends is None else PolicyVersion(amends)
            attempt.decide(POLICY, POLICY_KEY, policy.DraftPolicy(parameters, rules, summary, by, amended))
            return outcome(attempt, POLICY.stream(POLICY_KEY), POLICY_KEY)

        content = [parameters, summary, amends, None if next_rules is None else dict(next_rules)]
        return self.run(actor, "draft_policy", content, command_id, use)

    def _kept(self, attempt: Attempt, rules: Mapping[str, str]) -> str:
        """The hash of a set of access rules whose text is kept with the draft. Raises InvalidValue."""
        try:
            content = self.handler.authoriser.other_set(rules)
        except ValueError as fault:
            accepted = "the *.cedar files of the next release, as text by file name"
            raise InvalidValue(str(fault), field="next_rules", accepted=accepted) from fault
        digest = hashlib.sha256(content)
        attempt.documents.append(Document(digest.digest(), "application/octet-stream", content))
        return digest.hexdigest()

    def adopt(
        self,
        actor: Actor,
        version: int,
        parameters_sha256: str,
        cedar_set_sha256: str,
        in_force_from: datetime | None = None,
        command_id: UUID | None = None,
    ) -> Outcome:
        """Adopt a drafted version, as the second person; in force at once, or from a time to come."""
        command = policy.AdoptPolicy(
            PolicyVersion(version), cedar_set_sha256, parameters_sha256, PersonId(actor.person), in_force_from
        )

        def use(attempt: Attempt) -> Recorded:
            draft = attempt.state(POLICY, POLICY_KEY).draft(command.version)
            authorise(attempt, "adopt_policy", POLICY.stream(POLICY_KEY), own_request=draft.drafted_by == actor.person)
            if in_force_from is None and draft.cedar_set_sha256 != attempt.rules_sha256:
                said = "these are not the access rules here: at once, they would stop every process"
                raise InvalidValue(said, field="in_force_from", accepted="the time at which the next release begins")
            attempt.decide(POLICY, POLICY_KEY, command)
            return outcome(attempt, POLICY.stream(POLICY_KEY), POLICY_KEY)

        return self.run(actor, "adopt_policy", command, command_id, use)

    def propose_retirement(self, actor: Actor, version: int, reason: str, command_id: UUID | None = None) -> Outcome:
        """Propose to put the policy out of force, for another person to confirm."""

        def use(attempt: Attempt) -> Recorded:
            authorise(attempt, "propose_policy_retirement", POLICY.stream(POLICY_KEY))
            command = policy.ProposePolicyRetirement(PolicyVersion(version), reason, PersonId(actor.person))
            attempt.decide(POLICY, POLICY_KEY, command)
            return outcome(attempt, POLICY.stream(POLICY_KEY), POLICY_KEY)

        return self.run(actor, "propose_policy_retirement", [version, reason], command_id, use)

    def retire(self, actor: Actor, version: int, command_id: UUID | None = None) -> Outcome:
        """Put the policy out of force, as the second person: nothing may be launched or seen until another one is."""

        def use(attempt: Attempt) -> Recorded:
            proposed = attempt.state(POLICY, POLICY_KEY).retirement
            own = proposed is not None and proposed.proposed_by == actor.person
            authorise(attempt, "retire_policy", POLICY.stream(POLICY_KEY), own_request=own)
            attempt.decide(POLICY, POLICY_KEY, policy.RetirePolicy(PolicyVersion(version), PersonId(actor.person)))
            return outcome(attempt, POLICY.stream(POLICY_KEY), POLICY_KEY)

        return self.run(actor, "retire_policy", version, command_id, use)

    def book(self) -> PolicyBook:
        """Every version, as the store has it now."""
        state: PolicyBook = self.handler.states.load([(POLICY, POLICY_KEY)])[POLICY.stream(POLICY_KEY)][1]
        return state

    def check_adopted(self) -> None:
        """A process refuses access rules that were not adopted. Before the founding there is nothing to compare with.

        Raises PolicyNotAdopted.
        """
        current = policy.policy_last_in_force(self.book(), self.handler.clock.now())
        mine = self.handler.authoriser.set_hash
        if current is not None and current.cedar_set_sha256 != mine:
            raise PolicyNotAdopted(
                f"the access rules here have the hash {mine[:12]}…, policy version {current.version} was adopted with "
                f"{current.cedar_set_sha256[:12]}…: install the adopted rules, or have these adopted by two persons"
            )

    # -- the first day -------------------------------------------------------

    def propose_founding(
        self,
        by: str,
        administrator: Founder,
        commander: Founder,
        services: Sequence[Founder],
        parameters: PolicyParameters,
        summary: str,
    ) -> Outcome:
        """The first of the two persons who start the watch center proposes its first accounts and policy."""
        actor = self._founder(by, administrator, commander)

        def use(attempt: Attempt) -> Recorded:
            command = founding.ProposeFounding(
                administrator,
                commander,
                tuple(services),
                parameters,
                self.handler.authoriser.set_hash,
                summary,
                PersonId(by),
                self._other_events(attempt),
            )
            attempt.decided_by = "two-founders"
            attempt.decide(FOUNDING, FOUNDING_KEY, command)
            return outcome(attempt, FOUNDING.stream(FOUNDING_KEY), FOUNDING_KEY)

        return self.run(actor, "propose_founding", [administrator, commander, summary], None, use)

    def confirm_founding(self, by: str) -> Outcome:
        """The second person confirms; accounts and policy come to be in the same append."""
        state = self.handler.states.load([(FOUNDING, FOUNDING_KEY)])[FOUNDING.stream(FOUNDING_KEY)][1]
        actor = Actor(by, by, "", frozenset())
        sha256 = ""
        if isinstance(state, founding.Proposed):
            actor = self._founder(by, state.proposal.administrator, state.proposal.commander)
            sha256 = state.proposal.parameters_sha256

        def use(attempt: Attempt) -> Recorded:
            proposed = attempt.state(FOUNDING, FOUNDING_KEY)
            attempt.decided_by = "two-founders"
            events = attempt.decide(
                FOUNDING,
                FOUNDING_KEY,
                founding.ConfirmFounding(
                    self.handler.authoriser.set_hash, sha256, PersonId(by), self._other_events(attempt)
                ),
            )
            confirmed = next((e for e in events if isinstance(e, FoundingConfirmed)), None)
            if confirmed is not None and isinstance(proposed, founding.Proposed):
                self._first_streams(attempt, proposed.proposal, confirmed)
            return outcome(attempt, FOUNDING.stream(FOUNDING_KEY), FOUNDING_KEY)

        return self.run(actor, "confirm_founding", [sha256], None, use)

    @staticmethod
    def _founder(by: str, *founders: Founder) -> Actor:
        for founder in founders:
            if founder.person == by:
                return Actor(by, founder.name, str(founder.organisation), frozenset())
        return Actor(by, by, "", frozenset())

    def _other_events(self, attempt: Attempt) -> int:
        return self.handler.store.head().position - attempt.version(FOUNDING, FOUNDING_KEY)

    @staticmethod
    def _first_streams(attempt: Attempt, proposal: FoundingProposed, confirmed: FoundingConfirmed) -> None:
        for stream, events in founding.first_streams(proposal, confirmed, attempt.at).items():
            aggregate: Aggregate[Any, Any, Any] = POLICY if stream == POLICY.stream(POLICY_KEY) else PERSON
            attempt.take(aggregate, stream.removeprefix(f"{aggregate.name}-"), events)


__all__ = ["Policies", "PolicyNotAdopted"]
