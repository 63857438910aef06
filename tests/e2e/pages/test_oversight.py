"""Oversight's desk: what is due, what was found, and who read the record."""

import hashlib

import pytest
from playwright.sync_api import expect

from tests.e2e.pages.product import People
from tests.e2e.pages.screens import AuditTrail, Oversight

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def test_oversight_commits_to_a_number_records_a_finding_and_is_on_the_record_itself(people: People) -> None:
    page = people.page("auditor")
    expect(AuditTrail(page).rows.first).to_be_visible()
    page.get_by_role("link", name="Oversight").click()
    desk = Oversight(page)
    expect(desk.due("commit_seed")).to_be_visible()
    nonce = desk.commit()
    expect(desk.due("commit_seed")).to_have_count(0)
    expect(desk.samples.first).to_contain_text(hashlib.sha256(bytes.fromhex(nonce)).hexdigest())
    expect(desk.samples.first).to_contain_text("not yet")
    desk.find(kind="procedure", about="person-j.alvarez", shortcoming="The console was left open over lunch.")
    expect(desk.findings.first).to_contain_text("The console was left open over lunch.")
    expect(desk.due("act_on_finding")).to_have_count(1)
    expect(desk.due("act_on_finding").get_by_role("button")).to_have_count(0)  # that is the captain's
    expect(desk.readings.filter(has_text="Sunita Bhatt").first).to_be_visible()
    page.close()
    page = people.page("station_commander")
    page.get_by_role("link", name="Oversight").click()
    desk = Oversight(page)
    desk.due("act_on_finding").get_by_role("button", name="Act").click()
    page.get_by_label("What was done about it").fill("Every console locks by itself after ten minutes now.")
    page.get_by_role("button", name="Put it on the record").click()
    expect(desk.findings.first).to_contain_text("Every console locks by itself")
    expect(desk.due("act_on_finding")).to_have_count(0)
    expect(desk.readings).to_have_count(0)  # what oversight looks at is not the captain's to see
    page.close()
