"""Footage that somebody else recorded, taken in: the file and all that was made of it, in one append or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from application.commands import Commands
from application.handling import Actor, Attempt, Outcome, Recorded
from application.standing import authorise, outcome
from domain import checks
from domain.footage import FOOTAGE, ImportFootage, RecordFootage
from domain.footage_import import IMPORT, ImportFile, key_of
from domain.kernel import FootageId, InvalidValue, Mistake
from domain.policy import POLICY, POLICY_KEY, policy_in_force, policy_last_in_force


@dataclass(frozen=True, slots=True)
class Piece:
    """What was made of a part of the file, sealed and closed."""

    footage: FootageId
    record: RecordFootage


class Imports(Commands):
    def keeps_sound(self) -> bool:
        """Whether the use policy in force has sound recorded."""
        book = self.handler.states.load([(POLICY, POLICY_KEY)])[POLICY.stream(POLICY_KEY)][1]
        policy = policy_in_force(book, self.handler.clock.now())
        return policy is not None and policy.parameters.sound_recorded

    def would_take_in(self, actor: Actor, file: ImportFile, category: str) -> bool:
        """Whether `take_in` would, as far as can be said before the file is read. Nothing is recorded."""
        key = key_of(file.original.sha256)
        loaded = self.handler.states.load([(IMPORT, key), (POLICY, POLICY_KEY)])
        now = self.handler.clock.now()
        policy = policy_last_in_force(loaded[POLICY.stream(POLICY_KEY)][1], now)
        try:
            IMPORT.decide(file, loaded[IMPORT.stream(key)][1], now)
        except Mistake:
            return False
        kept = {rule.category for rule in policy.parameters.retention} if policy else set()
        return category in kept and self.handler.would_allow(actor, "import_footage", IMPORT.stream(key))

    def take_in(
        self, actor: Actor, file: ImportFile, pieces: Sequence[Piece], category: str, command_id: UUID | None = None
    ) -> Outcome:
        """Put the file and its footage on the record, all of it in `category`. Without pieces it is refused."""
        key = key_of(file.original.sha256)

        def use(attempt: Attempt) -> Recorded:
            attempt.case_number = file.case
            policy = authorise(attempt, "import_footage", IMPORT.stream(key))
            attempt.load((IMPORT, key), *((FOOTAGE, piece.footage) for piece in pieces))
            attempt.decide(IMPORT, key, file)
            checks.one_of("category", category, {rule.category for rule in policy.parameters.retention})
            if not pieces:
                raise InvalidValue("nothing was made of this file", field="file", accepted="a file that was read")
            for piece in pieces:
                of = ImportFootage(piece.record, IMPORT.stream(key), file.received_at)
                attempt.decide(FOOTAGE, piece.footage, of)
            return outcome(attempt, IMPORT.stream(key), key)

        return self.run(actor, "import_footage", [file, list(pieces), category], command_id, use)

    def refuse(self, actor: Actor, file: ImportFile, found: str, accepted: str) -> Outcome:
        """A file that is no footage, or none that can be taken in: the attempt is on the record."""

        def use(attempt: Attempt) -> Recorded:
            authorise(attempt, "import_footage", IMPORT.stream(key_of(file.original.sha256)))
            raise InvalidValue(checks.cleaned(found), field="file", accepted=accepted)

        return self.run(actor, "import_footage", [file, found], None, use)
