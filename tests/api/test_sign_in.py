"""Signing in for the pages, over real HTTP, against the development issuer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
from starlette.applications import Starlette
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from adapters.identity.development_issuer import DevelopmentIssuer, issue_token, sign_in_ticket
from adapters.identity.verifier import Identity
from api.settings import Settings
from tests.adapters.identity.issuers import serving
from tests.api.signing_in import JSON, Pages, authorization, pages_at, session_cookie, sign_in_with


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pages]:
    with pages_at(tmp_path_factory.mktemp("home")) as pages:
        yield pages


@pytest.fixture
def pages(running: Pages) -> Pages:
    running.record.told.clear()
    running.record.refuse = None
    return running


# -- signing in --------------------------------------------------------------


def test_a_printed_link_signs_its_person_in(pages: Pages) -> None:
    browser = pages.signed_in("ana")
    assert browser.get("/who").json()["person"] == "ana"
    assert pages.record.told == [("signed_on", "ana")]


def test_one_comes_back_to_the_page_one_wanted(pages: Pages) -> None:
    asked = {"ticket": sign_in_ticket(pages.home, "ana"), "return_to": "/audit?person=ben"}
    assert str(pages.browser().get("/sign-in", params=asked).url) == f"{pages.base}/audit?person=ben"


def test_each_sign_in_is_a_session_of_its_own_though_the_issuers_goes_on(pages: Pages) -> None:
    browser = pages.signed_in("ana")
    first = browser.get("/who").json()["session"]
    browser.get("/sign-in").raise_for_status()  # without a ticket: the issuer still knows her
    again = browser.get("/who").json()
    assert again["person"] == "ana" and again["session"] != first


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
