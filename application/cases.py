"""Case numbers: those that dispatch told, and those that oversight looks up because it did not."""

from __future__ import annotations

from uuid import UUID

from application.commands import Commands
from application.handling import KEY, Actor, Attempt, Outcome, Recorded
from application.standing import authorise, outcome
from domain.case import CASE, CaseStanding, CaseVerdict, ExamineCase, case_standing
from domain.kernel import CaseNumber, InvalidValue, PersonId


class Cases(Commands):
    def examine(
        self, actor: Actor, case: str, verdict: CaseVerdict, findings: str, command_id: UUID | None = None
    ) -> Outcome:
        """An auditor looked up a case number that somebody named and dispatch never told."""

        def use(attempt: Attempt) -> Recorded:
            if not KEY.fullmatch(case):
                accepted = "a case number that somebody named"
                raise InvalidValue("this is no case number", field="case", accepted=accepted)
            attempt.case_number = case
            authorise(attempt, "examine_case", CASE.stream(case))
            attempt.decide(CASE, case, ExamineCase(CaseNumber(case), verdict, findings, PersonId(actor.person)))
            return outcome(attempt, CASE.stream(case), case)

        return self.run(actor, "examine_case", [case, verdict, findings], command_id, use)


def case_of(attempt: Attempt, case: CaseNumber | None) -> CaseStanding | None:
    """How a case number stands that somebody names. The answer takes part in the append."""
    return case_standing(case, attempt.state(CASE, case)) if case else None
