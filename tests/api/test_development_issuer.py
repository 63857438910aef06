"""The development issuer as an OpenID Connect provider: what it gives, to whom, and where it must not be."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from adapters.identity.development_issuer import DevelopmentIssuer, IssuerForbidden, issue_token
from tests.api.signing_in import VERIFIER, Pages, authorization, pages_at


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pages]:
    with pages_at(tmp_path_factory.mktemp("home")) as pages:
        yield pages


@pytest.fixture
def pages(running: Pages) -> Pages:
    running.record.told.clear()
    running.record.refuse = None
    return running


def code_for(pages: Pages) -> str:
    back = httpx.get(authorization(pages)[1]).headers["location"]
    return parse_qs(urlsplit(back).query)["code"][0]


def exchanged(pages: Pages, code: str, /, **changed: str) -> httpx.Response:
    form = {
        "grant_type": "authorization_code",
        "client_id": "saferweho-pages",
        "redirect_uri": f"{pages.base}/sign-in/callback",
        "code": code,
        "code_verifier": VERIFIER,
        **changed,
    }
    return httpx.post(f"{pages.base}/dev-issuer/token", data=form)


def test_a_code_is_exchanged_once(pages: Pages) -> None:
    code = code_for(pages)
    answer = exchanged(pages, code)
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert exchanged(pages, code).json()["error"] == "invalid_grant"


def test_tokens_say_who_and_never_what_they_may(pages: Pages) -> None:
    tokens = exchanged(pages, code_for(pages)).json()
    for name in ("access_token", "id_token"):
        claims = base64.urlsafe_b64decode(tokens[name].split(".")[1] + "==").decode()
        assert '"sub":"ana"' in claims
        assert "role" not in claims


def test_a_stolen_code_is_worth_nothing_without_the_verifier_and_is_then_spent(pages: Pages) -> None:
    code = code_for(pages)
    assert exchanged(pages, code, code_verifier="x" * 43).json()["error"] == "invalid_grant"
    assert exchanged(pages, code).json()["error"] == "invalid_grant"


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"client_id": "another"}, "invalid_client"),
        ({"redirect_uri": "https://evil.example/"}, "invalid_grant"),
        ({"code_verifier": ""}, "invalid_grant"),
        ({"code": "made-up"}, "invalid_grant"),
    ],
)
def test_a_wrong_exchange_is_refused(pages: Pages, changed: dict[str, str], error: str) -> None:
    answer = exchanged(pages, code_for(pages), **changed)
    assert (answer.status_code, answer.json()["error"]) == (400, error)


@pytest.mark.parametrize("changed", [{"redirect_uri": "https://evil.example/"}, {"client_id": "another"}])
def test_a_code_is_never_sent_to_an_address_that_was_not_registered(pages: Pages, changed: dict[str, str]) -> None:
    answer = httpx.get(authorization(pages, **changed)[1])
    assert (answer.status_code, "location" in answer.headers) == (400, False)


@pytest.mark.parametrize(
    "changed",
    [
        {"code_challenge_method": "plain"},
        {"code_challenge": ""},
        {"response_type": "token"},
        {"scope": "profile"},
    ],
)
def test_a_request_without_proof_key_or_of_another_flow_gets_no_code(pages: Pages, changed: dict[str, str]) -> None:
    back = httpx.get(authorization(pages, **changed)[1]).headers["location"]
    given = parse_qs(urlsplit(back).query)
    assert (given["error"], given["state"], "code" in given) == (["invalid_request"], ["s-1"], False)


def test_the_issuer_answers_by_its_loopback_name_alone(pages: Pages) -> None:
    for path in ("/dev-issuer/.well-known/openid-configuration", "/dev-issuer/authorize"):
        answer = httpx.get(pages.base + path, headers={"host": "attacker.example"})  # DNS rebinding
        assert answer.status_code == 403


@pytest.mark.parametrize(
    ("base", "development", "other", "says"),
    [
        ("http://127.0.0.1:1", False, None, "does not exist in production"),
        ("http://127.0.0.1:1", True, "https://id.example", "OIDC_ISSUER is set"),
        ("https://watch.example", True, None, "loopback alone"),
        ("http://0.0.0.0:1", True, None, "loopback alone"),
        ("http://localhost.evil.example", True, None, "loopback alone"),
    ],
)
def test_the_issuer_does_not_come_to_be_elsewhere(
    tmp_path: Path, base: str, development: bool, other: str | None, says: str
) -> None:
    with pytest.raises(IssuerForbidden, match=says):
        DevelopmentIssuer(tmp_path, base, development=development, other_issuer=other)


def test_no_token_is_given_where_nothing_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SAFERWEHO_BASE_URL", raising=False)
    with pytest.raises(IssuerForbidden, match="make run"):
        issue_token(tmp_path, "ana")
    (tmp_path / "run.json").write_text('{"base_url": "http://127.0.0.1:8080"}')
    assert issue_token(tmp_path, "ana").count(".") == 2


def test_a_token_of_another_home_or_an_old_one_is_refused(pages: Pages, tmp_path: Path) -> None:
    for token in (
        issue_token(tmp_path, "ana", base_url=pages.base),
        issue_token(pages.home, "ana", base_url="http://127.0.0.1:1"),
        issue_token(pages.home, "ana", base_url=pages.base, lifetime=timedelta(minutes=-2)),
        issue_token(pages.home, "ana", base_url=pages.base, audience="another"),
    ):
        assert httpx.get(f"{pages.base}/who", headers={"authorization": f"Bearer {token}"}).status_code == 403


def test_a_token_may_be_stepped_up(pages: Pages) -> None:
    token = issue_token(pages.home, "ana", True, base_url=pages.base)
    answer = httpx.get(f"{pages.base}/who", headers={"authorization": f"Bearer {token}"})
    assert answer.json()["stepped_up"] is True
