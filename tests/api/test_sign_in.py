"""Signing in for the pages, over real HTTP, against the development issuer."""

from __future__ import annotations

import base64
import hashlib
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from adapters.identity.development_issuer import DevelopmentIssuer, IssuerForbidden, issue_token, sign_in_ticket
from adapters.identity.issuer_documents import IssuerDocuments
from adapters.identity.verifier import Identity, TokenRefused, TokenVerifier
from api.settings import Settings
from api.sign_in import SignIn, identity_of
from tests.adapters.identity.issuers import serving

JSON = {"content-type": "application/json"}


@dataclass
class Record:
    """Where the sign-ons of these tests go."""

    told: list[tuple[str, str]] = field(default_factory=list)
    refuse: str | None = None

    async def signed_on(self, identity: Identity, source_address: str) -> str | None:
        self.told.append(("signed_on", identity.person_id))
        return self.refuse

    async def stepped_up(self, identity: Identity, source_address: str) -> str | None:
        self.told.append(("stepped_up", identity.person_id))
        return self.refuse

    async def signed_off(self, identity: Identity, source_address: str) -> None:
        self.told.append(("signed_off", identity.person_id))


@dataclass
class Pages:
    base: str
    settings: Settings
    record: Record

    @property
    def home(self) -> Path:
        return self.settings.home

    def browser(self, **options: Any) -> httpx.Client:
        return httpx.Client(base_url=self.base, follow_redirects=True, timeout=10, **options)

    def signed_in(self, person: str = "ana") -> httpx.Client:
        browser = self.browser()
        assert browser.get("/sign-in", params={"ticket": sign_in_ticket(self.home, person)}).url.path == "/"
        return browser

    @property
    def own(self) -> dict[str, str]:
        return {"origin": self.base, **JSON}


async def who(request: Request) -> Response:
    try:
        identity = await identity_of(request)
    except TokenRefused as refused:
        return JSONResponse({"code": refused.code}, status_code=403)
    if identity is None:
        return JSONResponse(None, status_code=401)
    return JSONResponse(
        {"person": identity.person_id, "session": identity.session_id, "stepped_up": identity.stepped_up}
    )


async def a_page(request: Request) -> Response:
    return Response("a page")


async def listen(websocket: WebSocket) -> None:
    try:
        identity = await identity_of(websocket)
    except TokenRefused:
        identity = None
    if identity is None:
        await websocket.close(4403)
        return
    await websocket.accept()
    await websocket.send_text(identity.person_id)
    await websocket.close()


def sign_in_with(settings: Settings, record: Record | None = None) -> SignIn:
    http = httpx.AsyncClient(timeout=10)
    verifier = TokenVerifier(IssuerDocuments(settings.issuer, http), settings.oidc_audience)
    return SignIn(settings, verifier, http, record)


@contextmanager
def pages_with(settings: Settings, listener: socket.socket) -> Iterator[Pages]:
    """An API process with nothing but sign-in, the development issuer where it may be, and a question who is asking."""
    base = settings.base_url
    record = Record()
    sign_in = sign_in_with(settings, record)
    own: list[Route] = []
    if settings.uses_development_issuer:
        own = DevelopmentIssuer(settings.home, base, development=True, other_issuer=None).routes()
    app = Starlette(
        routes=[
            *sign_in.routes(),
            *own,
            Route("/who", who, methods=["GET", "POST"]),
            WebSocketRoute("/listen", listen),
            Route("/{rest:path}", a_page),
        ]
    )
    app.state.sign_in = sign_in
    with serving(app, listener):
        yield Pages(base, settings, record)


@contextmanager
def pages_at(home: Path) -> Iterator[Pages]:
    listener = socket.create_server(("127.0.0.1", 0))
    base = f"http://127.0.0.1:{listener.getsockname()[1]}"
    settings = Settings.model_validate(
        {"SAFERWEHO_ENV": "development", "SAFERWEHO_HOME": home, "SAFERWEHO_BASE_URL": base}
    )
    with pages_with(settings, listener) as pages:
        yield pages


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pages]:
    with pages_at(tmp_path_factory.mktemp("home")) as pages:
        yield pages


@pytest.fixture
def pages(running: Pages) -> Pages:
    running.record.told.clear()
    running.record.refuse = None
    return running


def session_cookie(browser: httpx.Client) -> str:
    return next(name for name in browser.cookies if name.startswith("saferweho_") and name.rpartition("_")[2].isdigit())


# -- signing in --------------------------------------------------------------


def test_a_printed_link_signs_its_person_in(pages: Pages) -> None:
    browser = pages.signed_in("ana")
    assert browser.get("/who").json()["person"] == "ana"
    assert pages.record.told == [("signed_on", "ana")]


def test_one_comes_back_to_the_page_one_wanted(pages: Pages) -> None:
    asked = {"ticket": sign_in_ticket(pages.home, "ana"), "return_to": "/audit?person=ben"}
    assert str(pages.browser().get("/sign-in", params=asked).url) == f"{pages.base}/audit?person=ben"


def test_the_session_cookie_is_out_of_reach_of_scripts_and_other_sites(pages: Pages) -> None:
    browser = pages.browser()
    answer = browser.get("/sign-in", params={"ticket": sign_in_ticket(pages.home, "ana")})
    set_cookies = [value for step in answer.history for value in step.headers.get_list("set-cookie")]
    session = next(value for value in set_cookies if value.startswith(session_cookie(browser)))
    assert "HttpOnly" in session
    assert "SameSite=strict" in session
    assert "ana" not in session
    assert all("HttpOnly" in value for value in set_cookies)
    assert not any("access_token" in step.text or "id_token" in step.text for step in answer.history)


def test_over_https_the_cookie_belongs_to_the_host_alone(tmp_path: Path) -> None:
    settings = Settings.model_validate(
        {"SAFERWEHO_HOME": tmp_path, "SAFERWEHO_BASE_URL": "https://watch.example", "OIDC_ISSUER": "https://id.example"}
    )
    sign_in = sign_in_with(settings)
    assert (sign_in._cookie, sign_in._secure) == ("__Host-saferweho", True)


@pytest.mark.parametrize("times", [1, 2])
def test_a_used_link_gets_a_clear_page(pages: Pages, times: int) -> None:
    ticket = sign_in_ticket(pages.home, "ana")
    pages.browser().get("/sign-in", params={"ticket": ticket})
    for _ in range(times):
        again = pages.browser().get("/sign-in", params={"ticket": ticket})
        assert (again.status_code, "used already" in again.text) == (410, True)
        assert "make run" in again.text


def test_a_made_up_link_and_no_link_get_a_clear_page(pages: Pages) -> None:
    assert pages.browser().get("/sign-in", params={"ticket": "made-up"}).status_code == 400
    answer = pages.browser().get("/sign-in")
    assert (answer.status_code, "sign-in link" in answer.text) == (401, True)


def test_an_old_link_gets_a_clear_page(tmp_path: Path) -> None:
    with pages_at(tmp_path) as pages:
        later = DevelopmentIssuer(tmp_path, pages.base, development=True, other_issuer=None, now=lambda: 4e9)
        ticket = sign_in_ticket(tmp_path, "ana")
        with serving(Starlette(routes=[*later.routes()])) as other:
            asked = {**authorization(pages)[0], "login_ticket": ticket}
            answer = httpx.get(f"{other}/dev-issuer/authorize", params=asked)
        assert (answer.status_code, "too old" in answer.text) == (410, True)


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example", "/\\evil.example", "evil", "/\t/evil.example", "/a\\b", ""]
)
def test_nobody_is_sent_elsewhere_after_signing_in(pages: Pages, target: str) -> None:
    for path in ("/sign-in", "/sign-in/step-up"):
        answer = pages.browser().get(path, params={"return_to": target})
        assert answer.status_code == 400
        assert "evil" not in answer.text


def test_who_is_not_enrolled_gets_no_session(pages: Pages) -> None:
    pages.record.refuse = "Nobody is enrolled here under this id."
    browser = pages.browser()
    answer = browser.get("/sign-in", params={"ticket": sign_in_ticket(pages.home, "stranger")})
    assert (answer.status_code, "Nobody is enrolled" in answer.text) == (403, True)
    assert browser.get("/who").status_code == 401


def test_a_callback_that_was_not_begun_here_is_refused(pages: Pages) -> None:
    # Login CSRF: someone else's code and state, in a browser that never began.
    begun = pages.browser(cookies={})
    answer = begun.get("/sign-in/callback", params={"code": "x", "state": "y"})
    assert (answer.status_code, "not begun here" in answer.text) == (400, True)
    other = httpx.Client(base_url=pages.base)
    first = other.get("/sign-in", params={"ticket": sign_in_ticket(pages.home, "ben")})
    back = other.get(first.headers["location"]).headers["location"]
    assert begun.get(back).status_code == 400
    assert begun.get("/who").status_code == 401


def test_an_answer_of_another_issuer_is_refused(pages: Pages) -> None:
    browser = httpx.Client(base_url=pages.base)
    first = browser.get("/sign-in", params={"ticket": sign_in_ticket(pages.home, "ana")})
    back = urlsplit(browser.get(first.headers["location"]).headers["location"])
    mixed_up = {**dict(parse_qsl(back.query)), "iss": "https://elsewhere.example"}  # RFC 9207
    answer = browser.get(back.path, params=mixed_up)
    assert (answer.status_code, "another issuer" in answer.text) == (403, True)


def test_two_tabs_may_sign_in_at_once(pages: Pages) -> None:
    browser = httpx.Client(base_url=pages.base)
    backs = []
    for person in ("ana", "ben"):
        first = browser.get("/sign-in", params={"ticket": sign_in_ticket(pages.home, person)})
        backs.append(browser.get(first.headers["location"]).headers["location"])
    assert [browser.get(back).status_code for back in backs] == [303, 303]
    assert browser.get("/who").json()["person"] == "ben"


def test_a_tampered_session_is_no_session(pages: Pages) -> None:
    browser = pages.signed_in()
    name = session_cookie(browser)
    good = browser.cookies[name]
    for bad in (good[:-10], good[:40] + ("A" if good[40] != "A" else "B") + good[41:], "x", good + ".x"):
        assert httpx.get(f"{pages.base}/who", cookies={name: bad}).status_code == 401
    assert httpx.get(f"{pages.base}/who", cookies={name: good}).status_code == 200


def test_another_process_with_the_same_home_knows_the_session(pages: Pages) -> None:
    browser = pages.signed_in()
    sealed = browser.cookies[session_cookie(browser)]
    settings = Settings.model_validate(
        {"SAFERWEHO_ENV": "development", "SAFERWEHO_HOME": pages.home, "SAFERWEHO_BASE_URL": pages.base}
    )
    opened = sign_in_with(settings)._sessions.open(sealed, Identity)
    assert opened is not None
    assert opened.person_id == "ana"


# -- requests by cookie and by token -----------------------------------------


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"origin": "OWN", **JSON}, 200),
        ({"sec-fetch-site": "same-origin", **JSON}, 200),
        ({**JSON}, 403),
        ({"origin": "https://evil.example", **JSON}, 403),
        ({"origin": "null", **JSON}, 403),
        ({"origin": "https://evil.example", "sec-fetch-site": "same-origin", **JSON}, 403),
        ({"sec-fetch-site": "cross-site", **JSON}, 403),
        ({"sec-fetch-site": "same-site", **JSON}, 403),
        ({"origin": "OWN", "content-type": "text/plain"}, 403),
        ({"origin": "OWN", "content-type": "application/x-www-form-urlencoded"}, 403),
        ({"origin": "OWN"}, 403),
    ],
)
def test_a_cookie_counts_only_from_our_own_pages(pages: Pages, headers: dict[str, str], status: int) -> None:
    sent = {name: pages.base if value == "OWN" else value for name, value in headers.items()}
    answer = pages.signed_in().post("/who", headers=sent)
    assert answer.status_code == status
    assert status == 200 or answer.json() == {"code": "cross_site"}


def test_a_websocket_by_cookie_counts_only_from_our_own_pages(pages: Pages) -> None:
    browser = pages.signed_in()
    name = session_cookie(browser)
    cookie = {"cookie": f"{name}={browser.cookies[name]}"}
    address = pages.base.replace("http", "ws") + "/listen"
    with connect(address, origin=pages.base, additional_headers=cookie) as socket_:  # type: ignore[arg-type]
        assert socket_.recv() == "ana"
    for origin in ("https://evil.example", None):
        with (
            pytest.raises(InvalidStatus),
            connect(address, origin=origin, additional_headers=cookie),  # type: ignore[arg-type]
        ):
            pass


def test_a_bearer_token_needs_no_page(pages: Pages) -> None:
    token = issue_token(pages.home, "ana", base_url=pages.base)
    answer = httpx.post(f"{pages.base}/who", headers={"authorization": f"Bearer {token}"})
    assert answer.json()["person"] == "ana"


def test_a_bad_token_is_not_saved_by_a_good_cookie(pages: Pages) -> None:
    browser = pages.signed_in()
    for bad in ("Bearer x.y.z", "Bearer", "Basic YW5hOmFuYQ=="):
        assert browser.get("/who", headers={"authorization": bad}).status_code == 403


# -- step-up and sign-out ----------------------------------------------------


def confirmed(browser: httpx.Client, page: httpx.Response) -> httpx.Response:
    assert "Confirm that it is you" in page.text
    secret = page.text.partition('name="confirmation" value="')[2].partition('"')[0]
    return browser.post("/dev-issuer/confirm", data={"confirmation": secret})


def test_a_step_up_confirms_the_same_session_again(pages: Pages) -> None:
    browser = pages.signed_in()
    before = browser.get("/who").json()
    page = browser.get("/sign-in/step-up", params={"return_to": "/?flight=7"})
    answer = confirmed(browser, page)
    assert str(answer.url) == f"{pages.base}/?flight=7"
    after = browser.get("/who").json()
    assert (before["stepped_up"], after["stepped_up"]) == (False, True)
    assert after["session"] == before["session"]
    assert pages.record.told == [("signed_on", "ana"), ("stepped_up", "ana")]


def test_a_confirmation_works_once_and_for_its_person_alone(pages: Pages) -> None:
    ana, ben = pages.signed_in("ana"), pages.signed_in("ben")
    page = ana.get("/sign-in/step-up")
    assert confirmed(ben, page).status_code == 403
    assert confirmed(ana, page).status_code == 410
    assert ana.get("/who").json()["stepped_up"] is False


def test_someone_else_cannot_step_up_a_session(pages: Pages) -> None:
    browser = pages.signed_in("ana")
    begun = httpx.Client(base_url=pages.base, cookies=browser.cookies).get("/sign-in/step-up")
    for cookie in begun.headers.get_list("set-cookie"):
        name, _, value = cookie.partition(";")[0].partition("=")
        browser.cookies.set(name, value, domain="127.0.0.1", path="/sign-in/callback")
    ben = pages.signed_in("ben")
    page = ben.get(begun.headers["location"])
    secret = page.text.partition('name="confirmation" value="')[2].partition('"')[0]
    back = ben.post("/dev-issuer/confirm", data={"confirmation": secret}, follow_redirects=False)
    answer = browser.get(back.headers["location"])
    assert (answer.status_code, "someone else" in answer.text) == (403, True)
    assert browser.get("/who").json() == {**browser.get("/who").json(), "person": "ana", "stepped_up": False}


def test_signing_out_ends_the_session_here_and_at_the_issuer(pages: Pages) -> None:
    browser = pages.signed_in()
    answer = browser.post("/sign-out", headers=pages.own)
    assert pages.record.told[-1] == ("signed_off", "ana")
    assert browser.get("/who").status_code == 401
    assert browser.get(answer.json()["location"]).url.path == "/"
    assert browser.get("/sign-in").status_code == 401


def test_another_site_cannot_sign_anyone_out(pages: Pages) -> None:
    browser = pages.signed_in()
    for cookies in (browser.cookies, httpx.Cookies()):  # a browser may hold the strict cookie back and still obey us
        elsewhere = {"origin": "https://evil.example", **JSON}
        answer = httpx.post(f"{pages.base}/sign-out", headers=elsewhere, cookies=cookies)
        assert (answer.status_code, "set-cookie" in answer.headers) == (403, False)
    assert browser.get("/who").status_code == 200
    assert browser.get("/sign-out").text == "a page"  # the address alone does nothing


# -- the development issuer as an OpenID Connect provider --------------------

VERIFIER = "a-verifier-that-is-long-enough-for-the-rfc-0123456789"


def authorization(pages: Pages, **changed: str) -> tuple[dict[str, str], str]:
    challenge = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")
    asked = {
        "response_type": "code",
        "client_id": "saferweho-pages",
        "redirect_uri": f"{pages.base}/sign-in/callback",
        "scope": "openid",
        "state": "s-1",
        "nonce": "n-1",
        "code_challenge": challenge,
        "code_challenge_method": "S256",
        "login_ticket": sign_in_ticket(pages.home, "ana"),
        **changed,
    }
    return asked, f"{pages.base}/dev-issuer/authorize?{urlencode(asked)}"


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
