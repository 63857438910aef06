"""The public form, as a browser without scripts and without a cookie uses it; and as one who means no good does."""

from __future__ import annotations

import re
import secrets
from html import unescape

import httpx
import psycopg
import pytest

from adapters.allowances import network
from application.complaints import RECEIPT_BYTES, complaint_of, receipt_of
from domain.kernel import InvalidValue
from tests.api.watch_center import Json, WatchCenter

TOLD = "The drone stood over our yard for ten minutes on Monday evening. <b>Why?</b>"


@pytest.fixture
def browser(watch_center: WatchCenter) -> httpx.Client:
    """Somebody of the public, at an address of their own as the limits see it."""
    return watch_center.http(headers={"origin": watch_center.base})


@pytest.fixture(autouse=True)
def _nobody_was_here_before(watch_center: WatchCenter) -> None:
    with psycopg.connect(watch_center.url) as connection:
        connection.execute("TRUNCATE allowances.buckets")


def sealed(browser: httpx.Client) -> str:
    found = re.search(r'name="form" value="([^"]+)"', browser.get("/feedback").raise_for_status().text)
    assert found is not None
    return unescape(found[1])


def sent(browser: httpx.Client, **changed: str) -> httpx.Response:
    form = changed.pop("form", "") or sealed(browser)
    return browser.post("/feedback", data={"form": form, "topic": "drone", "said": TOLD, **changed})


def receipt(answer: httpx.Response) -> str:
    found = re.search(r'class="receipt">(WH-[A-Z2-7-]+)<', answer.text)
    assert answer.status_code == 200 and found is not None, (answer.status_code, answer.text[-3000:])
    return found[1]


def recorded(center: WatchCenter, number: str) -> list[Json]:
    return center.events(f"complaint-{complaint_of(number)}")


def looked_up(browser: httpx.Client, number: str, language: str = "en") -> httpx.Response:
    return browser.post("/feedback/receipt", data={"receipt": number, "lang": language})


# -- heard -----------------------------------------------------------------------


def test_feedback_by_the_public_form_is_on_the_record_with_the_person_sealed(
    watch_center: WatchCenter, browser: httpx.Client
) -> None:
    number = receipt(sent(browser, name="Ana Pérez", contact="ana@example.org", wants_answer="yes"))
    (event,) = recorded(watch_center, number)
    assert event["type"] == "org.weho.safer.complaint.feedback_received.v1"
    assert (event["actorid"], event["actorrole"]) == ("service-community", "service")
    assert event["decidedby"].startswith("feedback-is-taken-in@")
    said = event["data"]
    assert (said["channel"], said["topic"], said["wants_answer"]) == ("form", "drone", True)
    subject = event["subject"]
    assert {said[name]["subject"] for name in ("said", "name", "contact")} == {subject}
    assert "sourceaddress" not in event or event["sourceaddress"] == ""
    shown = watch_center.as_role("city_analyst").ask(
        "query($id: ID!) { complaint(id: $id) { phase channel texts { said name contact } } }",
        id=subject.removeprefix("complaint-"),
    )
    assert shown["complaint"] is None or shown["complaint"]["texts"]["said"] == TOLD


def test_the_receipt_number_reads_how_far_it_has_come_until_the_answer(
    watch_center: WatchCenter, browser: httpx.Client
) -> None:
    number = receipt(sent(browser))
    assert "waits to be looked at" in looked_up(browser, number).text
    key = str(complaint_of(number))
    analyst = watch_center.as_role("city_analyst")
    analyst.accepted('openComplaint(complaint: $subject, topic: "drone")', subject=key)
    assert "is being looked into" in looked_up(browser, number).text
    analyst.accepted("assignComplaint(complaint: $subject, personId: $person)", subject=key, person=analyst.person)
    analyst.accepted(
        'resolveComplaint(complaint: $subject, resolution: "exonerated", answer: $text)',
        subject=key,
        text="It looked for a lost child & <found> her.",
    )
    answer = looked_up(browser, number.lower().replace("-", " "))  # as somebody types it
    assert "It looked for a lost child &amp; &lt;found&gt; her." in answer.text and TOLD not in answer.text
    assert "dentro de las reglas" in looked_up(browser, number, "es").text


def test_feedback_that_is_no_complaint_says_so_to_who_sent_it(watch_center: WatchCenter, browser: httpx.Client) -> None:
    number = receipt(sent(browser, topic="other", said="Thank you for finding my dog"))
    analyst = watch_center.as_role("city_analyst")
    analyst.accepted('closeFeedback(complaint: $subject, disposal: "thanked")', subject=str(complaint_of(number)))
    assert "dealt with" in looked_up(browser, number).text


def test_the_same_form_sent_twice_counts_once_and_other_words_are_not_lost(
    watch_center: WatchCenter, browser: httpx.Client
) -> None:
    form = sealed(browser)
    number = receipt(sent(browser, form=form))
    assert receipt(sent(browser, form=form)) == number
    other = sent(browser, form=form, said="And another thing")
    assert other.status_code == 409 and "And another thing" in other.text
    assert len(recorded(watch_center, number)) == 1
    again = re.search(r'name="form" value="([^"]+)"', other.text)
    assert again is not None
    assert receipt(sent(browser, form=unescape(again[1]), said="And another thing")) != number


# -- the page --------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/feedback", "/feedback/receipt"])
def test_the_page_asks_for_no_script_no_cookie_and_nothing_of_others(browser: httpx.Client, path: str) -> None:
    answer = browser.get(path)
    assert answer.status_code == 200 and not answer.cookies
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "script-src" not in policy and "form-action 'self'" in policy
    assert answer.headers["cache-control"] == "no-store"
    assert not re.search(r"<script|<img|<link|https?://", answer.text)


def test_the_page_speaks_the_language_that_is_asked_for(browser: httpx.Client) -> None:
    assert '<html lang="es">' in browser.get("/feedback", headers={"accept-language": "es-MX,en;q=0.5"}).text
    assert '<html lang="en">' in browser.get("/feedback?lang=en", headers={"accept-language": "es"}).text
    assert '<html lang="en">' in browser.get("/feedback?lang=tlh").text
    assert "911" in browser.get("/feedback?lang=es").text


def test_what_was_typed_is_never_taken_for_markup(browser: httpx.Client) -> None:
    answer = sent(browser, contact="", wants_answer="yes", name='"><script>alert(1)</script>')
    assert answer.status_code == 400 and "<script" not in answer.text
    assert "&lt;b&gt;Why?&lt;/b&gt;" in answer.text and 'aria-invalid="true"' in answer.text


# -- what is not taken -----------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "status", "says"),
    [
        ({"said": "  "}, 400, "Write something"),
        ({"said": "x" * 5001}, 400, "Write something"),
        ({"said": "a \u202e b"}, 400, "Write something"),
        ({"said": "x" * 70_000}, 413, "too much"),
        ({"name": "x" * 201}, 400, "The name has"),
        ({"wants_answer": "yes"}, 400, "To be answered"),
        ({"topic": "gossip"}, 400, "Choose what"),
        ({"form": "made.up.by.some.body"}, 400, "too old or was not ours"),
        ({"trap": "http://buy.example"}, 400, "to catch programs"),
    ],
)
def test_what_cannot_be_is_said_beside_its_field_and_nothing_typed_is_lost(
    watch_center: WatchCenter, browser: httpx.Client, changed: dict[str, str], status: int, says: str
) -> None:
    before = watch_center.head("complaint-")
    answer = sent(browser, **changed)
    assert answer.status_code == status and says in answer.text, answer.text
    if "said" not in changed:
        assert "ten minutes on Monday evening" in answer.text
    assert watch_center.head("complaint-") == before


def test_a_form_of_another_site_is_not_taken(browser: httpx.Client) -> None:
    for origin in ("https://elsewhere.example", "null"):
        answer = browser.post("/feedback", data={"form": "x", "said": TOLD}, headers={"origin": origin})
        assert answer.status_code == 403 and "another site" in answer.text
    plain = httpx.Client(base_url=browser.base_url)
    answer = plain.post("/feedback", data={"said": TOLD}, headers={"sec-fetch-site": "cross-site"})
    assert answer.status_code == 403


def test_who_floods_is_asked_to_wait_and_keeps_what_was_typed(browser: httpx.Client) -> None:
    for n in range(5):
        receipt(sent(browser, said=f"message {n}"))
    answer = sent(browser, said="message 6")
    assert answer.status_code == 429 and "message 6" in answer.text
    assert int(answer.headers["retry-after"]) > 0


def test_a_receipt_number_that_is_none_or_nobodys_is_told_so(browser: httpx.Client) -> None:
    assert looked_up(browser, "26-4711").status_code == 400
    assert looked_up(browser, receipt_of(secrets.token_bytes(RECEIPT_BYTES))).status_code == 404


def test_what_is_no_form_at_all_is_answered_in_words(browser: httpx.Client) -> None:
    for body in (b"\xff\xfe", b"&".join(b"a=b" for _ in range(100)), b'{"said": "x"}'):
        answer = browser.post("/feedback", content=body)
        assert answer.status_code == 400 and "too old or was not ours" in answer.text


# -- numbers ---------------------------------------------------------------------


def test_a_receipt_number_is_read_however_it_is_typed() -> None:
    number = receipt_of(bytes(range(10)))
    assert number == "WH-AAAQ-EAYE-AUDA-OCAJ"
    for typed in (number.lower(), number.replace("-", ""), f"  {number} ", number.replace("O", "0")):
        assert complaint_of(typed) == complaint_of(number)
    for wrong in ("", "WH", number[:-1], number + "A", "WH-" + "é" * 16):
        with pytest.raises(InvalidValue):
            complaint_of(wrong)


def test_a_household_is_one_source() -> None:
    assert network("192.0.2.7") == "192.0.2.7"
    assert network("2001:db8:1:2:3::4") == network("2001:db8:1:2:ffff::1") != network("2001:db8:1:3::1")
    assert network("::ffff:192.0.2.7") == "192.0.2.7"
