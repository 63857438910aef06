"""What a bearer token proves, and everything that proves nothing."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.identity.issuer_documents import IssuerDocuments, IssuerUnavailable
from adapters.identity.verifier import STEP_UP_ACR, Identity, TokenRefused, TokenVerifier
from tests.adapters.identity.issuers import KEYS, NOW, ForeignIssuer, b64, pem, public_jwk, serving, token

# joserfc would have issuers say "Ed25519" (RFC 9864); many still say "EdDSA".
pytestmark = pytest.mark.filterwarnings("ignore:EdDSA is deprecated")


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


@pytest.fixture(scope="module")
def running() -> Iterator[ForeignIssuer]:
    issuer = ForeignIssuer()
    with serving(issuer.app()) as url:
        issuer.url = url
        yield issuer


@pytest.fixture
def issuer(running: ForeignIssuer) -> ForeignIssuer:
    running.publish(*KEYS)
    running.broken, running.says_issuer, running.asked = False, None, 0
    return running


@pytest.fixture
def clock() -> Clock:
    return Clock()


Verify = Callable[..., Identity]


@pytest.fixture
def verify(issuer: ForeignIssuer, clock: Clock) -> Iterator[Verify]:
    """Verifies with one verifier that lives as long as the test."""
    with asyncio.Runner() as runner:
        http = httpx.AsyncClient()
        verifier = TokenVerifier(IssuerDocuments(issuer.url, http, monotonic=clock), "saferweho", now=clock)
        yield lambda given: runner.run(verifier.verify(given))
        runner.run(http.aclose())


def refusal(verify: Verify, given: str) -> str:
    with pytest.raises(TokenRefused) as refused:
        verify(given)
    assert given not in refused.value.message
    return refused.value.code


# -- good tokens -------------------------------------------------------------


@pytest.mark.parametrize("alg", KEYS)
def test_a_signature_of_each_allowed_algorithm_is_good(issuer: ForeignIssuer, verify: Verify, alg: str) -> None:
    identity = verify(issuer.sign(alg))
    assert (identity.person_id, identity.session_id, identity.issuer) == ("ana", "session-of-ana", issuer.url)
    assert identity.expires_at.timestamp() == NOW + 600


def test_an_audience_may_be_one_of_several(issuer: ForeignIssuer, verify: Verify) -> None:
    assert verify(issuer.sign(aud=["other", "saferweho"])).person_id == "ana"


def test_the_time_of_authentication_is_the_issuers(issuer: ForeignIssuer, verify: Verify) -> None:
    assert verify(issuer.sign(auth_time=NOW - 300)).authenticated_at.timestamp() == NOW - 300
    assert verify(issuer.sign()).authenticated_at.timestamp() == NOW - 10


def test_only_the_agreed_acr_counts_as_a_step_up(issuer: ForeignIssuer, verify: Verify) -> None:
    assert verify(issuer.sign(acr=STEP_UP_ACR)).stepped_up
    assert not verify(issuer.sign(acr="urn:other")).stepped_up
    assert not verify(issuer.sign()).stepped_up


def test_without_a_session_the_token_is_the_session(issuer: ForeignIssuer, verify: Verify) -> None:
    assert verify(issuer.sign(sid=None, jti="token-12345678")).session_id == "token-12345678"
    first, second = (verify(issuer.sign(sid=None, jti=None, iat=NOW - n)).session_id for n in (1, 2))
    assert first != second
    strange = verify(issuer.sign(sid="a session/with 'signs'")).session_id
    assert strange.isalnum()


def test_a_minute_of_difference_between_clocks_is_borne(issuer: ForeignIssuer, verify: Verify) -> None:
    assert verify(issuer.sign(exp=NOW - 59)).person_id == "ana"
    assert verify(issuer.sign(iat=NOW + 59, nbf=NOW + 59)).person_id == "ana"


def test_the_persons_id_may_be_in_another_claim(issuer: ForeignIssuer, clock: Clock) -> None:
    async def verified() -> Identity:
        async with httpx.AsyncClient() as http:
            documents = IssuerDocuments(issuer.url, http, monotonic=clock)
            verifier = TokenVerifier(documents, "saferweho", person_claim="badge", now=clock)
            return await verifier.verify(issuer.sign(badge="lasd-4711"))

    assert asyncio.run(verified()).person_id == "lasd-4711"


def test_roles_in_a_token_lead_nowhere(issuer: ForeignIssuer, verify: Verify) -> None:
    identity = verify(issuer.sign(roles=["administrator"], groups=["administrator"]))
    assert "administrator" not in repr(identity)


# -- tokens that prove nothing -----------------------------------------------


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"iss": "https://elsewhere.example"}, "wrong_issuer"),
        ({"iss": None}, "missing_claim"),
        ({"aud": "another-service"}, "wrong_audience"),
        ({"aud": ["a", "b"]}, "wrong_audience"),
        ({"aud": None}, "missing_claim"),
        ({"exp": NOW - 61}, "expired"),
        ({"exp": None}, "missing_claim"),
        ({"exp": "tomorrow"}, "malformed"),
        ({"exp": 1e300}, "malformed"),
        ({"nbf": NOW + 61}, "not_yet_valid"),
        ({"iat": NOW + 61}, "issued_in_the_future"),
        ({"iat": None}, "missing_claim"),
        ({"sub": None}, "missing_claim"),
        ({"sub": ""}, "missing_claim"),
        ({"sub": 7}, "malformed"),
        ({"sub": "ana\nben"}, "missing_claim"),
        ({"sub": "a" * 129}, "missing_claim"),
        ({"auth_time": "noon"}, "malformed"),
    ],
)
def test_a_signed_statement_must_be_whole_and_for_us(
    issuer: ForeignIssuer, verify: Verify, changed: dict[str, Any], code: str
) -> None:
    assert refusal(verify, issuer.sign(**changed)) == code


def test_no_signature_is_no_proof(issuer: ForeignIssuer, verify: Verify) -> None:
    for alg in ("none", "None", "NONE", ""):
        assert refusal(verify, token(issuer.claims(), alg, b"", kid="ES256")) == "algorithm_not_allowed"


@pytest.mark.parametrize("alg", ["RS256", "ES256", "EdDSA"])
def test_the_public_key_is_no_shared_secret(issuer: ForeignIssuer, verify: Verify, alg: str) -> None:
    key = KEYS[alg]
    for secret in (pem(key), json.dumps(public_jwk(key, alg)).encode()):
        assert refusal(verify, token(issuer.claims(), "HS256", secret, kid=alg)) == "algorithm_not_allowed"
        # The same forgery under the name of an allowed algorithm.
        forged = f"{b64(json.dumps({'alg': alg, 'kid': alg}).encode())}.{b64(json.dumps(issuer.claims()).encode())}"
        mac = token(issuer.claims(), "HS256", secret).rpartition(".")[2]
        assert refusal(verify, f"{forged}.{mac}") == "bad_signature"


def test_a_key_is_used_only_with_its_own_algorithm(issuer: ForeignIssuer, verify: Verify) -> None:
    assert refusal(verify, token(issuer.claims(), "RS256", KEYS["RS256"], kid="ES256")) == "unknown_key"


def test_a_key_in_the_token_itself_is_not_looked_at(issuer: ForeignIssuer, verify: Verify) -> None:
    own = ec.generate_private_key(ec.SECP256R1())
    forged = token(issuer.claims(), "ES256", own, kid="ES256", jwk=public_jwk(own, "ES256"), jku="http://evil.example")
    assert refusal(verify, forged) == "bad_signature"


def test_keys_for_other_uses_and_shared_secrets_in_the_set_do_not_verify(issuer: ForeignIssuer, verify: Verify) -> None:
    secret = b"0123456789abcdef0123456789abcdef"
    issuer.keys = [
        public_jwk(KEYS["ES256"], "ES256", use="enc"),
        {"kty": "oct", "k": b64(secret), "kid": "secret", "alg": "HS256"},
        {"kty": "of tomorrow", "kid": "new"},
        public_jwk(KEYS["RS256"], "RS256", use="sig"),
    ]
    assert refusal(verify, issuer.sign("ES256")) == "unknown_key"
    assert refusal(verify, token(issuer.claims(), "HS256", secret, kid="secret")) == "algorithm_not_allowed"
    assert verify(issuer.sign("RS256")).person_id == "ana"


def test_what_is_marked_critical_and_unknown_refuses(issuer: ForeignIssuer, verify: Verify) -> None:
    assert refusal(verify, token(issuer.claims(), "ES256", KEYS["ES256"], kid="ES256", crit=["x"], x=1)) == (
        "bad_signature"
    )


@pytest.mark.parametrize(
    "text", ["", ".", "..", "a.b.c", "not a token", "é.é.é", "e30.e30.", "W10.e30.e30", "x" * 20_000, "\x00.\x00.\x00"]
)
def test_what_is_no_token_is_refused_as_such(verify: Verify, text: str) -> None:
    with pytest.raises(TokenRefused) as refused:
        verify(text)
    assert refused.value.code in ("malformed", "algorithm_not_allowed")


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_an_altered_token_never_says_something_else(issuer: ForeignIssuer, verify: Verify, data: Any) -> None:
    good = issuer.sign(data.draw(st.sampled_from(list(KEYS)), "algorithm"))
    place = data.draw(st.integers(0, len(good) - 1), "place")
    letter = data.draw(st.characters(min_codepoint=32, max_codepoint=126), "letter")
    altered = good[:place] + letter + good[place + 1 :]
    try:
        identity = verify(altered)
    except TokenRefused:
        return
    # base64url leaves some bits of a last letter unused; such a copy says the same.
    assert identity == verify(good)


# -- the issuer's keys -------------------------------------------------------


def test_a_new_key_is_found_and_an_unknown_one_is_looked_for_once_in_thirty_seconds(
    issuer: ForeignIssuer, verify: Verify, clock: Clock
) -> None:
    issuer.publish("ES256")
    verify(issuer.sign("ES256"))
    assert issuer.asked == 1
    clock.now += 31
    issuer.publish("ES256", "RS256")
    assert verify(issuer.sign("RS256")).person_id == "ana"
    assert issuer.asked == 2
    for _ in range(20):
        assert refusal(verify, issuer.sign("EdDSA")) == "unknown_key"
    assert issuer.asked == 2
    clock.now += 31
    assert refusal(verify, issuer.sign("EdDSA")) == "unknown_key"
    assert issuer.asked == 3


def test_a_withdrawn_key_stops_counting_within_ten_minutes(issuer: ForeignIssuer, verify: Verify, clock: Clock) -> None:
    long = {"exp": NOW + 7200}
    assert verify(issuer.sign("ES256", **long)).person_id == "ana"
    issuer.publish("RS256")
    clock.now += 601
    assert refusal(verify, issuer.sign("ES256", **long)) == "unknown_key"


def test_keys_are_trusted_for_an_hour_while_the_issuer_is_away(
    issuer: ForeignIssuer, verify: Verify, clock: Clock
) -> None:
    long = issuer.sign("ES256", exp=NOW + 10_000)
    assert verify(long).person_id == "ana"
    issuer.broken = True
    clock.now += 3590
    assert verify(long).person_id == "ana"
    clock.now += 31
    with pytest.raises(IssuerUnavailable):
        verify(long)
    issuer.broken = False
    clock.now += 31
    assert verify(long).person_id == "ana"


def test_nobody_is_recognised_while_no_key_was_ever_read(issuer: ForeignIssuer, verify: Verify) -> None:
    issuer.broken = True
    with pytest.raises(IssuerUnavailable, match="OIDC_ISSUER"):
        verify(issuer.sign())


def test_a_document_of_another_issuer_is_not_believed(issuer: ForeignIssuer, verify: Verify) -> None:
    issuer.says_issuer = "https://elsewhere.example"
    with pytest.raises(IssuerUnavailable, match="another issuer"):
        verify(issuer.sign())


def test_of_many_requests_at_once_one_asks_for_the_keys(issuer: ForeignIssuer, clock: Clock) -> None:
    async def at_once(verifier: TokenVerifier) -> list[Identity]:
        return await asyncio.gather(*(verifier.verify(issuer.sign(jti=f"token-{n:08}")) for n in range(50)))

    async def run() -> list[Identity]:
        async with httpx.AsyncClient() as http:
            return await at_once(TokenVerifier(IssuerDocuments(issuer.url, http), "saferweho", now=clock))

    assert len(asyncio.run(run())) == 50
    assert issuer.asked == 1


def test_without_a_key_id_the_only_key_of_the_kind_is_taken(issuer: ForeignIssuer, verify: Verify) -> None:
    issuer.keys = [public_jwk(KEYS["ES256"], "one"), public_jwk(KEYS["RS256"], "two")]
    assert verify(token(issuer.claims(), "ES256", KEYS["ES256"])).person_id == "ana"


def test_without_a_key_id_two_keys_of_the_kind_are_a_doubt(issuer: ForeignIssuer, verify: Verify) -> None:
    other = ec.generate_private_key(ec.SECP256R1())
    issuer.keys = [public_jwk(KEYS["ES256"], "one"), public_jwk(other, "two")]
    assert refusal(verify, token(issuer.claims(), "ES256", KEYS["ES256"])) == "unknown_key"


# -- sign-in -----------------------------------------------------------------


@pytest.fixture
def verify_sign_in(issuer: ForeignIssuer, clock: Clock) -> Callable[[str], Identity]:
    async def verified(given: str) -> Identity:
        async with httpx.AsyncClient() as http:
            verifier = TokenVerifier(IssuerDocuments(issuer.url, http, monotonic=clock), "saferweho", now=clock)
            return await verifier.verify_sign_in(given, client_id="pages", nonce="n-1")

    run: Callable[[Coroutine[Any, Any, Identity]], Identity] = asyncio.run
    return lambda given: run(verified(given))


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"nonce": "n-2"}, "wrong_nonce"),
        ({"nonce": None}, "wrong_nonce"),
        ({"aud": "saferweho"}, "wrong_audience"),  # an access token is no identity token
        ({"aud": ["pages", "other"]}, "wrong_audience"),
        ({"aud": ["pages", "other"], "azp": "other"}, "wrong_audience"),
    ],
)
def test_an_identity_token_must_be_for_this_client_and_this_sign_in(
    issuer: ForeignIssuer, verify_sign_in: Verify, changed: dict[str, Any], code: str
) -> None:
    assert refusal(verify_sign_in, issuer.sign(**{"aud": "pages", "nonce": "n-1", **changed})) == code


def test_an_identity_token_of_this_sign_in_names_the_person(issuer: ForeignIssuer, verify_sign_in: Verify) -> None:
    assert verify_sign_in(issuer.sign(aud="pages", nonce="n-1")).person_id == "ana"
    assert verify_sign_in(issuer.sign(aud=["pages", "x"], azp="pages", nonce="n-1")).person_id == "ana"
