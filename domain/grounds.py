"""Why somebody wants to see something: purpose, call or case, reason. Asked before the first frame, of everybody alike.

Live views, viewings of footage, exports and disclosures state the same grounds and are refused by the same rules.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from domain import checks
from domain.call import CallStanding
from domain.kernel import CallNumber, CaseNumber, Personal, Reason
from domain.launch import check_purpose
from domain.policy import PROHIBITED, Basis, PolicyInForce
from domain.reason_quality import ReasonQuality

OVERSIGHT_REVIEW = "oversight_review"  # an auditor's own access, for a review that it names


@dataclass(frozen=True, slots=True)
class Grounds:
    """What is stated. `purpose`: a code of the use policy; `authorisation`: the document or review that allows it."""

    purpose: str
    reason: str
    call: CallNumber | None = None
    case: CaseNumber | None = None
    authorisation: str | None = None


@dataclass(frozen=True, slots=True)
class StatedGrounds:
    """Grounds on the record, with how good the reason was by the rules of that day."""

    purpose: str
    call: CallNumber | None
    case: CaseNumber | None
    authorisation: str | None
    reason: Personal[str]
    quality: ReasonQuality


def stated(grounds: Grounds, quality: ReasonQuality, stream: str) -> StatedGrounds:
    """For the record. The reason is free text, sealed with the key of its incident, or of `stream` where it names
    none."""
    return StatedGrounds(
        grounds.purpose,
        grounds.call,
        grounds.case,
        grounds.authorisation,
        Personal(subject_of(grounds, stream), checks.text("reason", grounds.reason, at_least=3, at_most=500)),
        quality,
    )


def subject_of(grounds: Grounds, stream: str) -> str:
    if grounds.call:
        return f"call-{grounds.call}"
    return f"case-{grounds.case}" if grounds.case else stream


def check_grounds(grounds: Grounds, policy: PolicyInForce | None) -> None:
    """Raises InvalidValue for what states nothing at all."""
    if grounds.purpose != OVERSIGHT_REVIEW:
        check_purpose(grounds.purpose, policy)
    checks.text("reason", grounds.reason, at_least=3, at_most=500)
    for field, number in (("call", grounds.call), ("case", grounds.case)):
        if number is not None:
            checks.identifier(field, number)
    if grounds.authorisation is not None:
        checks.text("authorisation", grounds.authorisation, at_least=3)


def grounds_refusals(
    grounds: Grounds,
    call: CallStanding | None,
    policy: PolicyInForce | None,
    *,
    live: bool = False,
    oversight: bool = False,
) -> Iterator[Reason]:
    """Every reason against these grounds. `live`: what is looked at happens now, so its call must be open;
    `oversight`: an auditor asks, who may look for a review."""
    yield from purpose_refusals(grounds.purpose, policy, oversight=oversight)
    rule = "purpose and case are asked before the first frame"
    named = policy.parameters.rule_for(grounds.purpose) if policy else None
    if grounds.purpose == OVERSIGHT_REVIEW or (named and named.basis is Basis.NAMED_AUTHORISATION):
        if grounds.authorisation is None:
            yield Reason(
                "authorisation_missing", "name the document or review that allows it", rule, field="authorisation"
            )
    elif grounds.call is None and grounds.case is None:
        accepted = "the number of a call that dispatch knows, or a case number"
        yield Reason("call_or_case_missing", "name the call or the case", rule, field="call", accepted=accepted)
    if grounds.call is None:
        return
    if call is None or not call.known:
        yield Reason("call_unknown", "dispatch knows no such call", rule, field="call")
    elif live and not call.open:
        message = "dispatch has closed this call: name the case that goes on"
        yield Reason("call_closed", message, rule, field="call")


def purpose_refusals(
    purpose: str, policy: PolicyInForce | None, *, oversight: bool = False, adopted: bool = True
) -> Iterator[Reason]:
    """`adopted`: the purpose must be one of the policy's; that of another agency need not, but none may be
    prohibited."""
    ruled_out = PROHIBITED.get(purpose)
    if ruled_out is None and policy is not None and purpose in policy.parameters.prohibited:
        ruled_out = purpose
    if ruled_out is not None:
        message = f"prohibited for everybody: {ruled_out}"
        yield Reason("purpose_prohibited", message, "prohibited purposes", field="purpose")
    elif policy is None:
        yield Reason("no_policy", "no use policy is in force: adopt one first", "nothing is seen without a policy")
    elif purpose == OVERSIGHT_REVIEW and oversight:
        return
    elif adopted and policy.parameters.rule_for(purpose) is None:
        yield Reason(
            "purpose_not_adopted",
            "the use policy in force does not name this purpose",
            "a request names an adopted purpose",
            field="purpose",
            accepted=", ".join(rule.code for rule in policy.parameters.purposes),
        )
