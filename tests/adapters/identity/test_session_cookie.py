"""What a browser keeps: sealed, for one purpose, for a time."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.identity import keys
from adapters.identity.keys import KeyFault
from adapters.identity.session_cookie import Sealed
from adapters.identity.verifier import Identity

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)
ANA = Identity("ana", "https://issuer.example", "session-1", NOON, None, False, NOON)
OLD, NEW = (base64.urlsafe_b64encode(bytes([n]) * 32).decode().rstrip("=") for n in (1, 2))


def sealed(kind: str = "session", given: str = OLD, now: float = 1000.0) -> Sealed:
    return Sealed(kind, keys.session_keys(Path("/nowhere"), given), now=lambda: now)


COOKIE = sealed().seal(ANA, 60)


def test_it_opens_with_the_same_key_until_it_expires() -> None:
    assert sealed().open(COOKIE, Identity) == ANA
    assert sealed(now=1059.9).open(COOKIE, Identity) == ANA
    assert sealed(now=1060).open(COOKIE, Identity) is None


def test_nothing_of_it_can_be_read() -> None:
    assert "ana" not in COOKIE
    parts = [base64.urlsafe_b64decode(part + "==") for part in COOKIE.split(".")]
    assert not any(b"issuer.example" in part for part in parts)


def test_a_cookie_of_one_kind_is_not_taken_for_another() -> None:
    assert sealed("sign-in").open(COOKIE, Identity) is None


def test_a_key_is_changed_without_signing_anyone_out() -> None:
    assert sealed(given=f"{NEW},{OLD}").open(COOKIE, Identity) == ANA
    assert sealed(given=NEW).open(COOKIE, Identity) is None
    assert sealed(given=NEW).open(sealed(given=f"{NEW},{OLD}").seal(ANA, 60), Identity) == ANA


@given(st.integers(0, len(COOKIE) - 1), st.characters(codec="utf-8"))
def test_a_cookie_that_was_tampered_with_does_not_open_to_anything_else(place: int, letter: str) -> None:
    tampered = COOKIE[:place] + letter + COOKIE[place + 1 :]
    assert sealed().open(tampered, Identity) in (None, ANA if tampered.rstrip() == COOKIE else None, _same(tampered))


def _same(tampered: str) -> Identity | None:
    # The last letter of a part of base64url holds unused bits: another letter there may mean the same bytes.
    def raw(text: str) -> list[bytes]:
        return [base64.urlsafe_b64decode(part + "==") for part in text.split(".")]

    try:
        return ANA if raw(tampered) == raw(COOKIE) else None
    except ValueError:
        return None


@given(st.text())
def test_what_was_never_sealed_does_not_open(text: str) -> None:
    assert sealed().open(text, Identity) is None


def test_the_homes_own_key_is_made_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    first, second = keys.session_keys(tmp_path, None), keys.session_keys(tmp_path, None)
    assert first[0].thumbprint() == second[0].thumbprint()
    made = tmp_path / "identity" / "session-key"
    assert made.stat().st_mode & 0o777 == 0o600
    made.chmod(0o644)
    with pytest.raises(KeyFault, match="chmod 600"):
        keys.session_keys(tmp_path, None)


@pytest.mark.parametrize("wrong", ["short", "é" * 32, f"{OLD},short", "A" * 44])
def test_a_key_of_the_wrong_length_is_refused_without_being_repeated(wrong: str) -> None:
    with pytest.raises(KeyFault, match="SAFERWEHO_SESSION_KEY") as refused:
        keys.session_keys(Path("/nowhere"), wrong)
    assert wrong not in str(refused.value)
