"""Which documents are answered: the pages' own by hash, others within limits; and nothing of the inside gets out."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256

import httpx
import psycopg
import pytest

from adapters.identity.development_issuer import sign_in_ticket
from api.settings import Settings
from infra.stack.processes import free_port
from tests.api.watch_center import PERSISTED, Json, WatchCenter, serving

VIEWER = PERSISTED[0]


def by_hash(text: str) -> Json:
    return {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": sha256(text.encode()).hexdigest()}}}


def code(answer: httpx.Response) -> str:
    (error,) = answer.json()["errors"]
    return str(error["extensions"]["code"])


@pytest.fixture
def page(watch_center: WatchCenter) -> httpx.Client:
    """A deputy's page: a session by cookie, requests from our own origin."""
    browser = watch_center.http(follow_redirects=True)
    browser.get("/sign-in", params={"ticket": sign_in_ticket(watch_center.home, "j.alvarez")}).raise_for_status()
    browser.headers["origin"] = watch_center.base
    return browser


def test_a_known_hash_is_answered(watch_center: WatchCenter, page: httpx.Client) -> None:
    assert page.post("/graphql", json=by_hash(VIEWER)).json()["data"]["viewer"]["id"] == "j.alvarez"
    assert watch_center.as_role("auditor").send(by_hash(VIEWER)).json()["data"]["viewer"]["id"] == "s.bhatt"


def test_also_for_who_may_not_ask_freely(watch_center: WatchCenter) -> None:
    ambassador = watch_center.as_role("ambassador")
    assert ambassador.send(by_hash(VIEWER)).json()["data"]["viewer"]["id"] == "b.ellis"
    assert ambassador.send({"query": VIEWER}).json()["data"]["viewer"]["id"] == "b.ellis"  # the text counts as its hash
    assert code(ambassador.send({"query": "{ viewer { id } }"})) == "not_permitted"


def test_an_unknown_hash_is_told_so(watch_center: WatchCenter) -> None:
    assert code(watch_center.as_role("auditor").send(by_hash("{ viewer { name } }"))) == "PERSISTED_QUERY_NOT_FOUND"


def test_a_page_sends_its_own_documents_alone(page: httpx.Client) -> None:
    assert page.post("/graphql", json={"query": VIEWER}).json()["data"]["viewer"]["id"] == "j.alvarez"
    assert code(page.post("/graphql", json={"query": "{ viewer { id } }"})) == "not_permitted"
    assert code(page.post("/graphql", json={"query": "{ viewer { id } }", **by_hash("{ a }")})) == "not_permitted"


def test_another_site_cannot_use_the_cookie(page: httpx.Client) -> None:
    told = page.post("/graphql", json=by_hash(VIEWER), headers={"origin": "https://elsewhere.example"})
    assert (told.status_code, code(told)) == (403, "cross_site")
    as_a_form = page.post("/graphql", content=b'{"query":"{viewer{id}}"}', headers={"content-type": "text/plain"})
    assert (as_a_form.status_code, code(as_a_form)) == (403, "cross_site")


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("{ auditTrail { edges { node { nothing } } } }", "invalid_document"),
        ("{ auditTrail {", "invalid_document"),
        ("query A { viewer { id } } query B { viewer { id } }", "invalid_document"),
        ("subscription { board { position } }", "invalid_document"),
        ("{ auditTrail(first: 1000) { position } }", "invalid_page"),
        ("{ " + "flights(first: 100) { edges { node { events(first: 100) { edges { cursor } } } } } }", "too_costly"),
        (f'{{ flight(id: "x") {"{ events { edges { node { actor " * 4}', "invalid_document"),
        ("{ " + " ".join(f"v{n}: viewer {{ id }}" for n in range(31)) + " }", "invalid_document"),
        ("{ " + " ".join(f"viewer {{ {'id ' * 100} }}" for _ in range(50)) + " }", "invalid_document"),
    ],
    ids=["field", "syntax", "two", "subscription", "page", "cost", "open", "aliases", "tokens"],
)
def test_a_document_that_asks_too_much_is_told_which_limit(
    watch_center: WatchCenter, query: str, expected: str
) -> None:
    told = watch_center.as_role("watch_operator").send({"query": query})
    assert code(told) == expected
    assert told.json()["errors"][0]["message"]


def test_depth_has_a_limit(watch_center: WatchCenter) -> None:
    inner = "{ name }"
    for _ in range(14):
        inner = f"{{ ofType {inner} }}"
    told = watch_center.as_role("auditor").send(
        {"query": f"{{ __schema {{ types {{ fields {{ type {inner} }} }} }} }}"}
    )
    assert code(told) == "too_deep"


@pytest.mark.parametrize(
    ("body", "status", "expected"),
    [
        (b"{", 400, "malformed"),
        (b"[]", 400, "malformed"),
        (b'[{"query":"{viewer{id}}"}]', 400, "malformed"),
        (b'{"query":"{viewer{id}}","variables":[1]}', 400, "malformed"),
        (b'{"query":"{viewer{id}}","operationName":7}', 400, "malformed"),
        (b'{"query":"\\ud800"}', 400, "malformed"),
        (b"{}", 200, "PERSISTED_QUERY_NOT_FOUND"),
        (b'{"query":["a"],"extensions":"x"}', 200, "PERSISTED_QUERY_NOT_FOUND"),
        (b'{"query":"' + b"x" * 70_000 + b'"}', 413, "too_large"),
    ],
)
def test_a_body_that_is_no_request_is_told_so(
    watch_center: WatchCenter, body: bytes, status: int, expected: str
) -> None:
    told = watch_center.as_role("auditor").http.post("/graphql", content=body)
    assert (told.status_code, code(told)) == (status, expected)


# -- as in production -------------------------------------------------------------


@pytest.fixture(scope="module")
def closed(watch_center: WatchCenter) -> Iterator[str]:
    """A second API of the same installation that does not describe itself, as in production."""
    environ = {**watch_center.environ, "SAFERWEHO_INTROSPECTION": "false", "SAFERWEHO_PORT": str(free_port())}
    settings = Settings.model_validate({**environ, "DATABASE_URL": watch_center.settings.write_url})
    with serving(watch_center, settings):
        yield f"http://127.0.0.1:{settings.port}/graphql"


def test_production_does_not_describe_itself(watch_center: WatchCenter, closed: str) -> None:
    auditor = watch_center.as_role("auditor")
    asked = {"query": "{ __schema { types { name } } }"}
    assert auditor.send(asked).json()["data"]["__schema"]["types"]
    told = auditor.http.post(closed, json=asked)
    assert told.json()["data"] is None
    assert {error["extensions"]["code"] for error in told.json()["errors"]} == {"invalid_document"}
    typo = auditor.http.post(closed, json={"query": "{ viewer { ide } }"}).json()["errors"][0]["message"]
    assert "Did you mean" not in typo
    assert auditor.http.get(closed.replace("graphql", "openapi.json")).status_code == 404
    assert auditor.http.post(closed, json=by_hash(VIEWER)).json()["data"]["viewer"]["id"] == "s.bhatt"


def test_an_error_of_ours_lets_nothing_of_the_inside_out(watch_center: WatchCenter) -> None:
    """The view that the audit trail is read through loses a column: a fault nobody foresaw."""
    auditor = watch_center.as_role("auditor")
    auditor.ask("{ viewer { id } }")
    with psycopg.connect(watch_center.url, autocommit=True) as admin:
        admin.execute("ALTER VIEW read.audit_trail_events RENAME COLUMN purpose TO why")
        try:
            answer = auditor.send({"query": "{ auditTrail(first: 3) { position edges { node { purpose } } } }"})
        finally:
            admin.execute("ALTER VIEW read.audit_trail_events RENAME COLUMN why TO purpose")
    assert code(answer) == "internal"
    for inside in ("psycopg", "column", "read.", "SELECT", "Traceback", "/api/", 'purpose"'):
        assert inside not in answer.text, answer.text
    assert auditor.ask("{ auditTrail(first: 3) { position } }")
