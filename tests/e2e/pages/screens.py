"""The pages as a person uses them: what one can see and do, without how it is built."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from playwright.sync_api import Locator, Page, expect

from tests.e2e.pages.product import until


@dataclass
class Board:
    """The live board."""

    page: Page

    @property
    def freshness(self) -> Locator:
        return self.page.get_by_test_id("freshness")

    @property
    def not_live(self) -> Locator:
        return self.page.get_by_test_id("not-live")

    @property
    def drone_marks(self) -> Locator:
        return self.page.locator(".drone-mark")

    @property
    def call_marks(self) -> Locator:
        return self.page.locator(".call-mark")

    @property
    def readout(self) -> Locator:
        return self.page.get_by_test_id("readout")

    def position(self) -> int:
        """The position that the board says it is complete up to."""
        return int(self.page.get_by_test_id("position").inner_text().replace(",", ""))

    def flight(self, *states: str) -> Locator:
        """Cards of flights in one of these states."""
        return self.page.locator(", ".join(f"article.flight[data-state={state}]" for state in states))

    def named(self, flight: str) -> Locator:
        return self.page.locator(f"article.flight[data-flight='{flight}']")

    def order(self, flight: Locator, name: str) -> Locator:
        return flight.get_by_role("button", name=name, exact=True)

    def confirm_who_one_is(self, refused: Locator) -> None:
        """Follows the way out of a refusal for want of a second factor; leads back to the board."""
        refused.get_by_role("link", name="Confirm who you are").click()
        self.page.get_by_role("button", name="It is me").click()

    def request_launch(self) -> "LaunchForm":
        self.page.get_by_role("button", name="Request launch", exact=True).first.click()
        return LaunchForm(self.page.get_by_role("dialog", name="Request launch"))


@dataclass
class LaunchForm:
    form: Locator

    def fill(self, *, purpose: str, case: str, pilot: str, reason: str) -> None:
        self.form.get_by_label("Purpose").select_option(purpose)
        self.form.get_by_label("Case number").fill(case)
        self.form.get_by_label("Pilot").fill(pilot)
        self.form.get_by_label("Reason").fill(reason)

    def found(self, condition: str, verdict: str, *, source: str) -> None:
        """What was found out before the flight, and by whom."""
        self.form.get_by_label(condition, exact=True).select_option(verdict)
        self.form.get_by_label(f"Source for {condition.lower()}").fill(source)

    def choose_on_map(self, x: float, y: float) -> None:
        """Clicks the map at a share of its width and height."""
        self.form.get_by_role("button", name="Choose on the map").click()
        canvas = self.form.page.get_by_test_id("map")
        box = canvas.bounding_box()
        assert box is not None
        canvas.click(position={"x": box["width"] * x, "y": box["height"] * y})

    @property
    def destination(self) -> Locator:
        return self.form.get_by_test_id("destination")

    @property
    def judgement(self) -> Locator:
        return self.form.locator("#reason-judged")

    @property
    def submit(self) -> Locator:
        return self.form.get_by_role("button", name="Request launch", exact=True)

    @property
    def reasons(self) -> Locator:
        return self.form.locator(".reasons li")


@dataclass
class AuditTrail:
    """The audit trail."""

    page: Page

    @property
    def rows(self) -> Locator:
        return self.page.locator("tr[data-position]")

    @property
    def drawer(self) -> Locator:
        return self.page.get_by_test_id("drawer")

    def positions(self) -> list[int]:
        return [int(each) for each in self.rows.evaluate_all("rows => rows.map(row => row.dataset.position)")]

    def filter(self, label: str, value: str) -> None:
        field = self.page.get_by_role("search").get_by_label(label, exact=True)
        field.fill(value)
        field.press("Enter")

    def choose(self, label: str, value: str) -> None:
        self.page.get_by_role("search").get_by_label(label, exact=True).select_option(value)

    def go(self, name: str) -> None:
        self.page.get_by_role("button", name=name, exact=True).click()


@dataclass
class Oversight:
    """Oversight's desk."""

    page: Page

    def due(self, kind: str) -> Locator:
        return self.page.get_by_test_id("due").locator(f"tr[data-kind={kind}]")

    @property
    def samples(self) -> Locator:
        return self.page.get_by_test_id("sample")

    @property
    def findings(self) -> Locator:
        return self.page.get_by_test_id("finding")

    @property
    def readings(self) -> Locator:
        return self.page.get_by_test_id("readings").locator("tbody tr")

    def commit(self) -> str:
        """Makes the number of this week, keeps it and commits to it; says which it was."""
        self.due("commit_seed").get_by_role("button", name="Commit", exact=True).click()
        self.page.get_by_role("button", name=re.compile("^Make a number")).click()
        nonce = self.page.get_by_test_id("nonce").inner_text()
        self.page.get_by_label("I have kept the number").check()
        self.page.get_by_role("button", name="Commit to it").click()
        return nonce

    def find(self, *, kind: str, about: str, shortcoming: str) -> None:
        form = self.page.get_by_role("form", name="Record a finding")
        form.get_by_label("Kind").select_option(kind)
        form.get_by_label("About").fill(about)
        form.get_by_label("What is wrong").fill(shortcoming)
        form.get_by_role("button", name="Record the finding").click()


@dataclass
class Street:
    """What those in the field hold in the hand."""

    page: Page

    def call(self, number: str) -> Locator:
        return self.page.locator(f"[data-call='{number}']").get_by_role("radio")

    def tell(self, kind: str, said: str) -> None:
        self.page.locator(f"input[name=kind][value={kind}]").check()
        self.page.get_by_label("What did you see?").fill(said)

    @property
    def send(self) -> Locator:
        return self.page.get_by_role("button", name="Tell the watch")

    @property
    def status(self) -> Locator:
        return self.page.locator(".outcome")

    @property
    def freshness(self) -> Locator:
        return self.page.get_by_test_id("shared-freshness")

    def shared(self, feed: str) -> Locator:
        return self.page.locator(f"[data-feed='{feed}']")

    def ask_to_watch(self, shared: Locator, purpose: str, reason: str) -> None:
        """Opens the form where it is closed, and fills it in."""
        opener = shared.locator("button[aria-expanded]")
        if opener.get_attribute("aria-expanded") == "false":
            opener.click()
        shared.get_by_label("Purpose").select_option(purpose)
        shared.get_by_label("Reason").fill(reason)

    @property
    def score(self) -> Locator:
        return self.page.locator(".quality")

    @property
    def ask(self) -> Locator:
        return self.page.get_by_role("form").get_by_role("button", name="Ask to watch")

    @property
    def watching(self) -> Locator:
        return self.page.get_by_test_id("watching")


@dataclass
class Grounds:
    """A form that asks why."""

    form: Locator

    def fill(self, *, purpose: str, case: str, reason: str) -> None:
        self.form.get_by_label("Purpose").select_option(purpose)
        self.form.get_by_label("Case number").fill(case)
        self.form.get_by_label("Reason", exact=True).fill(reason)

    @property
    def quality(self) -> Locator:
        return self.form.locator(".quality")

    def button(self, name: str) -> Locator:
        return self.form.get_by_role("button", name=name, exact=True)

    @property
    def reasons(self) -> Locator:
        return self.form.locator(".reasons li")


# What a person sees of a picture: 64 by 36 samples of red, green and blue.
_SAMPLES = """(picture) => {
    const canvas = document.createElement('canvas')
    canvas.width = 64
    canvas.height = 36
    const paper = canvas.getContext('2d')
    paper.drawImage(picture, 0, 0, 64, 36)
    return Array.from(paper.getImageData(0, 0, 64, 36).data)
}"""


@dataclass
class Picture:
    """A video or an image on the page, by its pixels."""

    element: Locator

    def samples(self, *, left: float = 0.0, right: float = 1.0) -> list[int]:
        """Red, green and blue of the part between two shares of the width; none before the first picture."""
        data = self.element.evaluate(_SAMPLES)
        columns = range(round(64 * left), round(64 * right))
        return [data[4 * (64 * row + column) + part] for row in range(36) for column in columns for part in range(3)]

    def is_black(self, *, left: float = 0.0, right: float = 1.0) -> bool:
        return max(self.samples(left=left, right=right)) < 40

    def has_moved(self, before: list[int], *, left: float = 0.0, right: float = 1.0) -> bool:
        now = self.samples(left=left, right=right)
        return max(now) >= 40 and sum(abs(a - b) for a, b in zip(before, now, strict=True)) > len(now)

    def size(self) -> tuple[int, int]:
        """Width and height in pixels; none before the first picture."""
        width, height = self.element.evaluate("video => [video.videoWidth, video.videoHeight]")
        return int(width), int(height)

    def seconds_behind(self) -> float:
        """How far the picture is behind the newest that has come."""
        newest = "video.buffered.end(video.buffered.length - 1)"
        return float(self.element.evaluate(f"video => video.buffered.length ? {newest} - video.currentTime : 99"))


def seen_to_move(what: str, picture: Picture, *, left: float = 0.0, right: float = 1.0) -> None:
    before = picture.samples(left=left, right=right)
    until(f"{what} moves", lambda: picture.has_moved(before, left=left, right=right), 90)


@dataclass
class Wall:
    """The page of live pictures."""

    page: Page

    def choose(self, *feeds: str) -> None:
        for feed in feeds:
            self.page.locator(f"label.feed[data-feed='{feed}']").get_by_role("checkbox").check()

    def ask(self) -> Grounds:
        self.page.get_by_role("button", name=re.compile(r"^Ask to watch.*…$")).click()
        return self.asked

    @property
    def asked(self) -> Grounds:
        """The form, which an address that names a feed opens by itself."""
        return Grounds(self.page.get_by_role("dialog", name="Ask to watch"))

    def tile(self, feed: str) -> Locator:
        return self.page.locator(f".tile[data-feed='{feed}']")

    def picture(self, feed: str) -> Picture:
        return Picture(self.tile(feed).locator("video"))

    def camera_of(self, feed: str) -> Locator:
        """Of a drone: where its camera points, and the orders to turn it."""
        return self.tile(feed).get_by_role("group", name="Where the camera points")


@dataclass
class FootageDesk:
    """The page of footage."""

    page: Page

    def find(self, feed: str) -> None:
        """All of the last hour."""
        search = self.page.get_by_role("search", name="Find footage")
        search.get_by_label("Camera or flight").select_option(feed)
        search.get_by_role("button", name="Find", exact=True).click()

    @property
    def kept(self) -> Locator:
        return self.page.locator(".recording-row[data-state=kept]")

    def recording(self, footage: str) -> Locator:
        return self.page.locator(f".recording-row[data-footage='{footage.removeprefix('footage-')}']")

    @property
    def look(self) -> Grounds:
        return Grounds(self.page.get_by_role("form", name="Ask to look at footage"))

    @property
    def audience(self) -> Locator:
        """Who saw what is chosen, as oversight reads it."""
        return self.page.get_by_role("region", name="Who saw it")

    def shorten(self, seconds: int) -> None:
        """Of what is chosen, so much from its beginning."""
        stretch = self.page.get_by_role("group", name="Stretch")
        since = datetime.fromisoformat(stretch.get_by_label("From").input_value())
        until = stretch.get_by_label("Until")
        until.fill((since + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S"))
        until.blur()

    def file(self) -> Grounds:
        self.page.get_by_role("tab", name="Ask for a file").click()
        return Grounds(self.page.get_by_role("form", name="Ask for a file"))

    @property
    def player(self) -> Locator:
        return self.page.get_by_test_id("player")

    @property
    def picture(self) -> Picture:
        return Picture(self.player.locator("video"))


@dataclass
class RetentionDesk:
    """The page of how long footage is kept."""

    page: Page

    def show(self, kind: str) -> None:
        self.page.get_by_role("tab", name=kind).click()

    def footage(self, footage: str) -> Locator:
        return self.page.locator(f"[data-footage='{footage}']")

    def hold(self, name: str) -> Locator:
        return self.page.locator("[data-hold]").filter(has_text=name)


def with_a_second_factor(page: Page, waiting: Locator, act: Callable[[], None]) -> None:
    """Does what ends the waiting; shows the second factor where it is asked for, and does it again."""
    act()
    confirm = waiting.get_by_role("link", name="Confirm who you are")
    until("it is answered", lambda: confirm.is_visible() or waiting.count() == 0, 60)
    if confirm.is_visible():
        confirm.click()
        page.get_by_role("button", name="It is me").click()
        act()
    expect(waiting).to_have_count(0)
