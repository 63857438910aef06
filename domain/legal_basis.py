"""On what legal ground somebody sees, keeps or hands over what is otherwise protected.

Warrants, subpoenas and court orders are told by their number and who issued them; exigency by neither, because there
was no time, which is why whatever rests on it is reviewed.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from domain import checks
from domain.kernel import InvalidValue


class BasisKind(StrEnum):
    WARRANT = "warrant"
    SUBPOENA = "subpoena"
    COURT_ORDER = "court_order"
    CONSENT = "consent"
    EXIGENCY = "exigency"


ISSUED = frozenset({BasisKind.WARRANT, BasisKind.SUBPOENA, BasisKind.COURT_ORDER})


@dataclass(frozen=True, slots=True)
class LegalBasis:
    """`number` and `issuer` of the paper, such as the court; of a consent, the number of the form that was signed,
    never a name."""

    kind: BasisKind
    number: str | None = None
    issuer: str | None = None


def check_legal_basis(basis: LegalBasis, field: str = "legal_basis") -> LegalBasis:
    """Raises InvalidValue: a paper without its number or issuer, or a number where there is no paper."""
    if basis.kind in ISSUED and (basis.number is None or basis.issuer is None):
        missing = "number" if basis.number is None else "issuer"
        raise InvalidValue(
            f"a {basis.kind.replace('_', ' ')} has a number and an issuer",
            field=f"{field}.{missing}",
            accepted="as the paper says",
        )
    if basis.kind is BasisKind.CONSENT and (basis.number is None or basis.issuer is not None):
        raise InvalidValue(
            "a consent is named by the number of its form", field=f"{field}.number", accepted="a number, and no issuer"
        )
    if basis.kind is BasisKind.EXIGENCY and (basis.number is not None or basis.issuer is not None):
        raise InvalidValue(
            "exigency rests on no paper", field=f"{field}.number", accepted="neither a number nor an issuer"
        )
    number = None if basis.number is None else checks.identifier(f"{field}.number", basis.number)
    issuer = None if basis.issuer is None else checks.text(f"{field}.issuer", basis.issuer, at_least=2, at_most=120)
    return LegalBasis(basis.kind, number, issuer)
