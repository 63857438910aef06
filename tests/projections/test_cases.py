"""Case numbers that wait to be looked up: a page of them at a time, until dispatch tells or oversight finds them."""

from __future__ import annotations

import pytest

from domain import case
from domain.grounds import Grounds, stated
from domain.kernel import CallNumber, CaseNumber, FeedId, Personal, PersonId, StreamId
from domain.live_view import LiveViewRequested
from domain.reason_quality import quality
from projections.cases import queries
from projections.cases.projection import CASES
from projections.engine.host import ProjectionHost
from tests.projections.log import START, Log, store_feeds
from tests.projections.models import ask, wait_applied


def asked(view: str, number: str | None, *, verified: bool | None) -> tuple[str, LiveViewRequested]:
    grounds = Grounds("investigation", "who took the ladder", case=CaseNumber(number) if number else None)
    on_record = stated(grounds, quality(grounds.reason, case_verified=verified), view)
    return view, LiveViewRequested(FeedId(StreamId("camera-1")), PersonId("lee"), "s1", on_record, None)


@pytest.mark.rule("view.case_verified")
def test_an_unverified_case_waits_until_it_is_told_or_found(database_url: str) -> None:
    log, audrey = Log(database_url), PersonId("audrey")

    def examined(number: str, verdict: case.CaseVerdict) -> tuple[str, case.CaseExamined]:
        return f"case-{number}", case.CaseExamined(verdict, Personal(f"case-{number}", "looked up by hand"), audrey)

    log.append(asked("liveview-1", "C-1", verified=False), asked("liveview-2", "C-2", verified=False))
    log.append(asked("liveview-3", "C-1", verified=False), asked("liveview-4", "C-3", verified=False))
    last = log.append(asked("liveview-5", "C-4", verified=True), asked("liveview-6", None, verified=None))

    def waiting(first: int = 10, after: int = 0) -> list[tuple[str, int, str | None]]:
        page, more = ask(log.url, lambda c: queries.unverified(c, first=first, after=after))
        assert more == (first == 1 and len(page.rows) == 1)
        return [(row.case_number, row.uses, row.verdict) for row in page.rows]

    with ProjectionHost(log.url, store_feeds(log.url), [CASES]) as host:
        wait_applied(host, log.url, last, "cases")
        assert waiting() == [("C-1", 2, None), ("C-2", 1, None), ("C-3", 1, None)]
        assert waiting(first=1) == [("C-1", 2, None)]
        page, _ = ask(log.url, lambda c: queries.unverified(c, first=1))
        assert waiting(after=page.rows[-1].position) == [("C-2", 1, None), ("C-3", 1, None)]
        told = ("case-C-2", case.CaseOpened(CallNumber("26-1"), 2, START))
        last = log.append(told, examined("C-1", case.CaseVerdict.NOT_FOUND), examined("C-3", case.CaseVerdict.FOUND))
        wait_applied(host, log.url, last, "cases")
        assert waiting() == []
        last = log.append(asked("liveview-7", "C-1", verified=False), asked("liveview-8", "C-3", verified=True))
        wait_applied(host, log.url, last, "cases")
        assert waiting() == [("C-1", 1, "not_found")], "named again, it is looked up again"
    log.close()
