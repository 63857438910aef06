"""Sign-on: who gets in, how long a proof of identity lasts, and what is kept of attempts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from domain.kernel import InvalidValue, NotFound, PersonId, Reason, WrongState
from domain.person import Organisation, PersonStanding, Role
from domain.session import (
    LONGEST_SESSION,
    SESSION,
    AttemptRefused,
    Ended,
    ExpireSession,
    Locked,
    LockSession,
    NotSignedOn,
    Open,
    RecordRefusedAttempt,
    SessionLocked,
    SessionStanding,
    SignedOff,
    SignedOn,
    SignOff,
    SignOffReason,
    SignOn,
    SignOnRefused,
    SteppedUp,
    StepUp,
    session_standing,
)
from tests.domain.scenario import DAY, HOUR, MINUTE, NOW, SECOND, Scenario

given = Scenario(SESSION)
LEE = PersonId("lee")
in_good_standing = PersonStanding(
    LEE, True, "Jordan Lee", Organisation.LASD_WEST_HOLLYWOOD, frozenset({Role.WATCH_OPERATOR}), trained=True
)
sign_on = SignOn(in_good_standing, "https://id.lasd.example", "otp", "198.51.100.23", NOW + HOUR)
signed_on = SignedOn(LEE, "https://id.lasd.example", "otp", "198.51.100.23", NOW + HOUR)
reason = Reason("not_permitted", "your roles do not permit it", "default-deny")
attempt = RecordRefusedAttempt("assign_role", "person-lee", (reason,), "default-deny")


def test_a_person_in_good_standing_signs_on() -> None:
    given().when(sign_on).then(signed_on)


@pytest.mark.rule("people.sign_on")
def test_a_sign_on_is_refused_on_the_record_with_every_reason() -> None:
    unfit = replace(in_good_standing, suspended=True, trained=False, roles=frozenset())
    asked = given().when(replace(sign_on, claimed=unfit))
    asked.then_refused(SignOnRefused, "suspended", "training_expired", "no_role")


def test_a_stranger_is_refused_on_the_record() -> None:
    asked = given().when(replace(sign_on, claimed=PersonStanding(PersonId("who"), enrolled=False)))
    asked.then_refused(SignOnRefused, "not_enrolled")


def test_a_session_is_used_once() -> None:
    refused = SignOnRefused("who", "https://id.lasd.example", "otp", "198.51.100.23", (reason,))
    given(signed_on).when(sign_on).then_raises(WrongState)
    given(refused).when(sign_on).then_raises(WrongState)
    given(signed_on, SignedOff(SignOffReason.CLOSED)).when(sign_on).then_raises(WrongState)


@pytest.mark.rule("people.sign_on")
def test_no_session_outlasts_a_shift() -> None:
    given().when(replace(sign_on, ends_at=NOW + DAY)).then(replace(signed_on, ends_at=NOW + LONGEST_SESSION))


def test_a_step_up_lasts_as_long_as_the_policy_says_and_no_longer_than_the_session() -> None:
    given(signed_on).when(StepUp("otp", 15)).then(SteppedUp(NOW + 15 * MINUTE, "otp"))
    given(signed_on).when(StepUp("otp", 15), NOW + 50 * MINUTE).then(SteppedUp(NOW + HOUR, "otp"))


def test_a_session_that_is_over_cannot_step_up() -> None:
    given(signed_on).when(StepUp("otp", 15), NOW + HOUR + SECOND).then_raises(WrongState)
    given(signed_on, SignedOff(SignOffReason.SUSPENDED)).when(StepUp("otp", 15)).then_raises(WrongState)
    given().when(StepUp("otp", 15)).then_raises(NotFound)


def test_a_locked_console_opens_by_proving_identity_again() -> None:
    locked = SessionLocked("left the desk")
    given(signed_on).when(LockSession("left the desk")).then(locked)
    given(signed_on, locked).when(LockSession("again")).then_nothing()
    assert not session_standing("s", given(signed_on, locked).state, NOW).open
    again = given(signed_on, locked).and_when(StepUp("otp", 15))
    assert session_standing("s", again.state, NOW).stepped_up(NOW)


def test_a_session_ends_once() -> None:
    given(signed_on).when(SignOff(SignOffReason.SUSPENDED)).then(SignedOff(SignOffReason.SUSPENDED))
    given(signed_on, SignedOff(SignOffReason.CLOSED)).when(SignOff(SignOffReason.SUSPENDED)).then_nothing()
    given().when(SignOff(SignOffReason.CLOSED)).then_raises(NotFound)


@pytest.mark.rule("record.refusals")
def test_a_refused_attempt_is_kept_whatever_has_become_of_the_session() -> None:
    kept = AttemptRefused("assign_role", "person-lee", (reason,), "default-deny")
    given(signed_on).when(attempt).then(kept)
    given(signed_on, SessionLocked("left")).when(attempt).then(kept)
    given(signed_on, SignedOff(SignOffReason.SUSPENDED)).when(attempt).then(kept)
    given().when(attempt).then_raises(NotFound)


def test_a_standing_ends_with_the_session_and_the_step_up_with_its_time() -> None:
    state = given(signed_on, SteppedUp(NOW + 15 * MINUTE, "otp")).state
    assert session_standing("s", state, NOW + 15 * MINUTE).stepped_up(NOW + 15 * MINUTE)
    assert not session_standing("s", state, NOW + 16 * MINUTE).stepped_up(NOW + 16 * MINUTE)
    assert session_standing("s", state, NOW + HOUR).open
    late = session_standing("s", state, NOW + HOUR + SECOND)
    assert (late.open, late.person, late.stepped_up_until) == (False, LEE, None)
    assert session_standing("s", given().state, NOW).person is None


@pytest.mark.rule("people.sign_on")
def test_a_session_ends_by_itself_when_its_time_is_over() -> None:
    given(signed_on).when(ExpireSession(), NOW + HOUR - SECOND).then_nothing()
    given(signed_on).when(ExpireSession(), NOW + HOUR).then(SignedOff(SignOffReason.EXPIRED))
    given(signed_on, SessionLocked("idle")).when(ExpireSession(), NOW + HOUR).then(SignedOff(SignOffReason.EXPIRED))
    given(signed_on, SignedOff(SignOffReason.CLOSED)).when(ExpireSession(), NOW + HOUR).then_nothing()


@pytest.mark.rule("people.sign_on")
def test_access_that_was_revoked_takes_a_fresh_proof() -> None:
    revoked = replace(in_good_standing, proofs_from=NOW)
    asked = given().when(replace(sign_on, claimed=revoked, authenticated_at=NOW - SECOND), NOW + SECOND)
    asked.then_refused(SignOnRefused, "proof_revoked")
    given().when(replace(sign_on, claimed=revoked)).then_refused(SignOnRefused, "proof_revoked")
    fresh = replace(sign_on, claimed=revoked, authenticated_at=NOW + SECOND)
    given().when(fresh, NOW + SECOND).then(signed_on)


# -- limits, and what is kept ----------------------------------------------------------


@pytest.mark.rule("people.sign_on")
def test_a_refused_sign_on_says_who_it_was_by_which_provider_and_from_where() -> None:
    unfit = replace(in_good_standing, suspended=True)
    (refused,) = given().when(replace(sign_on, claimed=unfit)).events()
    assert refused == SignOnRefused(LEE, "https://id.lasd.example", "otp", "198.51.100.23", unfit.access_refusals())
    assert given(refused).state == NotSignedOn(refused=True)


@pytest.mark.rule("people.sign_on")
def test_a_proof_of_identity_ends_at_a_time_with_its_zone() -> None:
    given().when(replace(sign_on, ends_at=sign_on.ends_at.replace(tzinfo=None))).then_raises(InvalidValue, "ends_at")
    at_the_limit = replace(sign_on, ends_at=NOW + LONGEST_SESSION)
    given().when(at_the_limit).then(replace(signed_on, ends_at=NOW + LONGEST_SESSION))


@pytest.mark.rule("people.sign_on")
def test_a_proof_of_the_very_moment_of_a_revocation_is_void() -> None:
    revoked = replace(in_good_standing, proofs_from=NOW)
    asked = given().when(replace(sign_on, claimed=revoked, authenticated_at=NOW))
    asked.then_refused(SignOnRefused, "proof_revoked")
    both = replace(revoked, suspended=True)
    given().when(replace(sign_on, claimed=both)).then_refused(SignOnRefused, "suspended", "proof_revoked")
    given().when(replace(sign_on, authenticated_at=NOW - DAY)).then(signed_on)


def test_a_session_steps_up_until_its_very_end() -> None:
    locked = SessionLocked("left the desk")
    for happened in ((signed_on,), (signed_on, locked)):
        given(*happened).when(StepUp("otp", 15), NOW + HOUR).then(SteppedUp(NOW + HOUR, "otp"))
        given(*happened).when(StepUp("otp", 15), NOW + HOUR + SECOND).then_raises(WrongState, "session")


def test_a_console_is_locked_with_a_reason_and_signed_off_locked_or_not() -> None:
    given(signed_on).when(LockSession(" ")).then_raises(InvalidValue, "reason")
    given(signed_on).when(LockSession("x" * 201)).then_raises(InvalidValue, "reason")
    locked, ended = SessionLocked("left the desk"), SignedOff(SignOffReason.CLOSED)
    given(signed_on, locked).when(SignOff(SignOffReason.REVOKED)).then(SignedOff(SignOffReason.REVOKED))
    given(signed_on, ended).when(LockSession("again")).then_raises(WrongState, "session")
    given(signed_on, locked).when(ExpireSession(), NOW + HOUR - SECOND).then_nothing()
    for command in (LockSession("x"), ExpireSession(), StepUp("otp", 15)):
        given().when(command).then_raises(NotFound, "session")


@pytest.mark.rule("people.sign_on")
def test_where_a_session_stands_follows_from_what_happened() -> None:
    stepped_up, locked = SteppedUp(NOW + MINUTE, "otp"), SessionLocked("left the desk")
    ended = SignedOff(SignOffReason.CLOSED)
    assert given(signed_on).state == Open(LEE, NOW + HOUR)
    assert given(signed_on, stepped_up).state == Open(LEE, NOW + HOUR, NOW + MINUTE)
    assert given(signed_on, stepped_up, locked).state == Locked(LEE, NOW + HOUR)
    assert given(signed_on, locked, stepped_up).state == Open(LEE, NOW + HOUR, NOW + MINUTE)
    assert given(signed_on, ended).state == given(signed_on, locked, ended).state == Ended(LEE)
    for happened in ((signed_on, locked), (signed_on, ended)):
        standing = session_standing("s", given(*happened).state, NOW)
        assert standing == SessionStanding("s", LEE, False)
    standing = session_standing("s", given(signed_on, stepped_up).state, NOW)
    assert standing == SessionStanding("s", LEE, True, NOW + MINUTE)
    assert not SessionStanding("s", LEE, False, NOW + MINUTE).stepped_up(NOW)
    assert not SessionStanding("s", LEE, True).stepped_up(NOW)
    assert session_standing("s", given().state, NOW) == SessionStanding("s", None, False)


@pytest.mark.rule("record.refusals")
def test_a_refused_attempt_changes_nothing_of_a_session() -> None:
    kept = AttemptRefused("assign_role", "person-lee", (reason,), "default-deny")
    for happened in ((signed_on,), (signed_on, SignedOff(SignOffReason.CLOSED))):
        assert given(*happened, kept).state == given(*happened).state
