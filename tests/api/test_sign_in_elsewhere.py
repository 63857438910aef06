"""Signing in with an OpenID Connect provider that somebody else wrote (npm `oidc-provider`), as in production."""

from __future__ import annotations

import hashlib
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, quote_plus, urlsplit

import httpx
import pytest
from playwright.sync_api import Browser, Error, sync_playwright

from adapters.identity.development_issuer import sign_in_ticket
from api.settings import Settings
from infra import node
from infra.browser import find_chromium
from infra.stack.jars import default_cache
from tests.api.signing_in import VERIFIER, Pages, authorization, pages_at, pages_with, session_cookie

pytestmark = pytest.mark.slow

SOURCE = Path(__file__).parents[1] / "adapters" / "identity" / "oidc_provider"
SECRET = "a secret: 100% safe & sound+"


@pytest.fixture(scope="module")
def provider() -> Path:
    """The folder with the provider and what it needs, installed once for each lock file."""
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in sorted(SOURCE.iterdir()))).hexdigest()[:16]
    folder = default_cache() / f"oidc-provider-{digest}"
    if not folder.exists():
        draft = folder.with_name(f"{folder.name}.{os.getpid()}")
        shutil.copytree(SOURCE, draft)
        environment = node.environment()
        npm = shutil.which("npm", path=environment["PATH"])
        assert npm
        subprocess.run([npm, "ci", "--ignore-scripts"], cwd=draft, env=environment, check=True, timeout=280)
        draft.rename(folder)
    return folder


@contextmanager
def signing_in_elsewhere(provider: Path, home: Path, host: str = "127.0.0.1") -> Iterator[Pages]:
    """Our pages under `host`, signing in at the provider under 127.0.0.1."""
    listener = socket.create_server(("127.0.0.1", 0))
    base = f"http://{host}:{listener.getsockname()[1]}"
    program = shutil.which("node", path=node.environment()["PATH"])
    assert program
    command = [program, "provider.mjs", f"{base}/sign-in/callback"]
    with subprocess.Popen(command, cwd=provider, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        settings = Settings.model_validate(
            {
                "SAFERWEHO_ENV": "development",
                "SAFERWEHO_HOME": home,
                "SAFERWEHO_BASE_URL": base,
                "OIDC_ISSUER": process.stdout.readline().strip(),
                "OIDC_CLIENT_ID": "watch-center",
                "OIDC_CLIENT_SECRET": SECRET,
                "OIDC_SCOPES": "openid",
            }
        )
        with pages_with(settings, listener) as pages:
            yield pages
        process.communicate()


@pytest.fixture(scope="module")
def running(provider: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pages]:
    with signing_in_elsewhere(provider, tmp_path_factory.mktemp("home")) as pages:
        yield pages


@pytest.fixture
def pages(running: Pages) -> Pages:
    running.record.told.clear()
    return running


def test_the_code_flow_signs_in_and_the_browser_holds_no_token(pages: Pages) -> None:
    with pages.browser() as browser:
        assert browser.get("/sign-in", params={"return_to": "/audit"}).url.path == "/audit"
        assert browser.get("/who").json()["person"] == "ana"
        assert browser.cookies[session_cookie(browser)].count(".") == 4  # sealed, not signed
    assert pages.record.told == [("signed_on", "ana")]


def test_a_step_up_asks_the_issuer_again_and_keeps_the_session(pages: Pages) -> None:
    with pages.browser() as browser:
        browser.get("/sign-in")
        before = browser.get("/who").json()
        assert browser.get("/sign-in/step-up", params={"return_to": "/?flight=7"}).url.path == "/"
        after = browser.get("/who").json()
    assert (before["stepped_up"], after) == (False, {**before, "stepped_up": True})
    assert pages.record.told == [("signed_on", "ana"), ("stepped_up", "ana")]


def test_an_access_token_of_that_issuer_is_a_bearer_token_here_and_an_identity_token_is_not(pages: Pages) -> None:
    asked = {**authorization(pages, client_id="watch-center", login_hint="ben")[0], "login_ticket": ""}
    issuer = pages.settings.issuer
    with httpx.Client(base_url=issuer) as browser:
        answer = browser.get("/auth", params=asked)
        while "/sign-in/callback" not in answer.headers["location"]:
            answer = browser.get(answer.headers["location"])
        code = parse_qs(urlsplit(answer.headers["location"]).query)["code"][0]
        tokens = browser.post(
            "/token",
            data={
                "grant_type": "authorization_code",
                "code": code,
                "redirect_uri": asked["redirect_uri"],
                "code_verifier": VERIFIER,
            },
            auth=("watch-center", quote_plus(SECRET)),
        ).json()
    bearer = {"authorization": f"Bearer {tokens['access_token']}"}
    assert httpx.get(f"{pages.base}/who", headers=bearer).json()["person"] == "ben"
    identity = {"authorization": f"Bearer {tokens['id_token']}"}
    assert httpx.get(f"{pages.base}/who", headers=identity).json() == {"code": "wrong_audience"}


def test_there_is_no_development_issuer_beside_another(pages: Pages) -> None:
    assert not pages.settings.uses_development_issuer
    assert httpx.get(f"{pages.base}/dev-issuer/.well-known/openid-configuration").text == "a page"


def test_signing_out_leads_to_the_issuers_end_of_session(pages: Pages) -> None:
    with pages.browser() as browser:
        browser.get("/sign-in")
        location = browser.post("/sign-out", headers=pages.own).json()["location"]
        assert browser.get("/who").status_code == 401
        assert location.startswith(pages.settings.issuer)
        assert browser.get(location).status_code == 200


def test_an_issuer_that_is_away_is_told_as_such(tmp_path: Path) -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    settings = Settings.model_validate(
        {
            "SAFERWEHO_ENV": "development",
            "SAFERWEHO_HOME": tmp_path,
            "SAFERWEHO_BASE_URL": f"http://127.0.0.1:{listener.getsockname()[1]}",
            "OIDC_ISSUER": "http://127.0.0.1:9",
        }
    )
    with pages_with(settings, listener) as pages, pages.browser() as browser:
        answer = browser.get("/sign-in")
        assert (answer.status_code, "does not answer" in answer.text) == (503, True)


# -- in a browser, which knows what a site is --------------------------------


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=["--no-sandbox"], timeout=120_000)
        yield browser
        browser.close()


WHO = "fetch('/who').then(answer => answer.json())"
CHANGE = "fetch('/who', {method: 'POST', headers: {'content-type': 'application/json'}}).then(answer => answer.status)"


def test_cookies_survive_the_way_to_another_site_and_back(provider: Path, tmp_path: Path, chromium: Browser) -> None:
    # For a browser localhost and 127.0.0.1 are two sites, like an agency's issuer and the watch center.
    with signing_in_elsewhere(provider, tmp_path, "localhost") as pages, chromium.new_context() as context:
        tab = context.new_page()
        tab.goto(f"{pages.base}/sign-in?return_to=/audit")
        assert tab.url == f"{pages.base}/audit"
        assert tab.evaluate(WHO)["person"] == "ana"
        assert tab.evaluate("document.cookie") == ""
        assert tab.evaluate(CHANGE) == 200
        tab.goto(f"{pages.base}/sign-in/step-up?return_to=/")
        assert tab.evaluate(WHO)["stepped_up"] is True
        kept = {cookie["name"]: cookie["sameSite"] for cookie in context.cookies(pages.base)}
        assert [site for name, site in kept.items() if name.startswith("saferweho_")] == ["Strict"]


def test_another_site_can_neither_read_nor_change_anything(tmp_path: Path, chromium: Browser) -> None:
    with pages_at(tmp_path) as pages, chromium.new_context() as context:
        tab = context.new_page()
        tab.goto(f"{pages.base}/sign-in?ticket={sign_in_ticket(tmp_path, 'ana')}")
        assert tab.evaluate(WHO)["person"] == "ana"
        other = pages.base.replace("127.0.0.1", "localhost")  # the same server; for the browser another site
        tab.goto(f"{other}/")
        for request in (WHO, CHANGE):
            elsewhere = request.replace("/who'", f"{pages.base}/who'").replace(
                "{method", "{credentials:'include', method"
            )
            with pytest.raises(Error, match="Failed to fetch"):
                tab.evaluate(elsewhere)
        form = f"""<form method=post action='{pages.base}/sign-out'><button>go</button></form>"""
        tab.set_content(form)
        tab.get_by_role("button").click()
        tab.goto(f"{pages.base}/")
        assert tab.evaluate(WHO)["person"] == "ana"


def test_the_pages_of_the_development_issuer_work_in_a_browser(tmp_path: Path, chromium: Browser) -> None:
    with pages_at(tmp_path) as pages, chromium.new_context() as context:
        tab = context.new_page()
        said: list[str] = []
        tab.on("console", lambda message: said.append(message.text))
        tab.goto(f"{pages.base}/sign-in?ticket={sign_in_ticket(tmp_path, 'ana')}")
        tab.goto(f"{pages.base}/sign-in/step-up?return_to=/audit")
        tab.get_by_role("button", name="It is me").click()
        tab.wait_for_url(f"{pages.base}/audit")
        assert tab.evaluate(WHO)["stepped_up"] is True
        assert said == []  # nothing that the content security policy refused
