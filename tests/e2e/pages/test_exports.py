"""Footage as a file, from the asking to the hand that takes it."""

import re
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import expect

from tests.e2e.pages.product import STRIP, People, Product, wait_for_footage
from tests.e2e.pages.screens import FootageDesk, with_a_second_factor

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def test_a_file_is_asked_for_approved_fetched_and_verified_offline(
    people: People, product: Product, tmp_path: Path
) -> None:
    wait_for_footage(product, STRIP)
    page = people.page("watch_operator")
    page.get_by_role("link", name="Footage").click()
    desk = FootageDesk(page)
    desk.find(STRIP)
    desk.kept.first.get_by_role("radio").check()
    desk.shorten(8)
    asked = desk.file()
    expect(asked.button("Ask for the file")).to_be_disabled()
    asked.fill(purpose="call_for_service", case="26-00431", reason="Which of the two cars ran the red light?")
    asked.form.get_by_label("For which office or agency").fill("District Attorney of Los Angeles County")
    asked.form.get_by_label("Legal basis").select_option("subpoena")
    asked.form.get_by_label("Number", exact=True).fill("26-SDT-0117")
    asked.form.get_by_label("Issued by").fill("Superior Court")
    asked.button("Ask for the file").click()
    expect(asked.form).to_contain_text("it waits for a second person")
    asked.form.get_by_role("link", name="To the exports").click()
    expect(page).to_have_url(re.compile("/exports$"))
    mine = page.locator("[data-export]").filter(has_text="26-SDT-0117")
    expect(mine).to_have_attribute("data-state", "waiting")
    expect(mine.get_by_role("button", name="Approve")).to_have_count(0)  # who asks does not approve

    captain = people.page("station_commander")
    captain.get_by_role("link", name="Exports").click()
    waiting = captain.locator("[data-export][data-state=waiting]").filter(has_text="26-SDT-0117")

    def approve() -> None:
        waiting.get_by_role("button", name="Approve…").click()
        waiting.get_by_label("To the Public Records Act it is").select_option("investigation")
        waiting.get_by_label("Why", exact=True).fill("A collision under investigation.")
        waiting.get_by_role("button", name="Approve it").click()

    with_a_second_factor(captain, waiting, approve)
    captain.close()

    expect(mine).to_have_attribute("data-state", "made", timeout=240_000)
    with page.expect_download() as fetched:
        mine.get_by_role("link", name="Download").click()
    file = tmp_path / "export.zip"
    fetched.value.save_as(file)
    mine.get_by_role("button", name="It was handed over…").click()
    mine.get_by_label("How it was handed over").fill("on a disk, against a signature")
    mine.get_by_role("button", name="Put it on the record").click()
    expect(mine).to_have_attribute("data-state", "delivered")
    expect(mine).to_contain_text("on a disk, against a signature")
    page.close()
    root = tmp_path / "root.pem"
    root.write_bytes(httpx.get(f"{product.base_url}/export-root.pem", timeout=60).content)
    verified = product.typed("export", "verify", str(file), "--root", str(root))
    assert verified.returncode == 0, verified.stdout + verified.stderr
    content = file.read_bytes()
    assert b"26-SDT-0117" in content
    file.write_bytes(content.replace(b"26-SDT-0117", b"26-SDT-0118", 1))
    assert product.typed("export", "verify", str(file), "--root", str(root)).returncode == 1
