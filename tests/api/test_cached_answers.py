"""Answers kept by position: the same as fresh ones, for the same reader alone, and gone when the model moves."""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Sequence

import httpx
import pytest

from tests.api.watch_center import Asker, Json, WatchCenter, call_update, until

TRAIL = "{ auditTrail(first: 5) { position lag edges { node { position actor { id name } } } } }"
FLIGHTS = "{ flights(first: 5) { position edges { node { id state } } } }"
CONSULTED = """query($filter: AuditFilter) { auditTrail(filter: $filter, first: 50) {
  edges { node { sessionId content } } } }"""
EVENT = "{ auditEvent(position: %d) { position type actor { id } } }"


def etag(answer: httpx.Response) -> str:
    return answer.headers["etag"]


def kept(asker: Asker, query: str, **headers: str) -> httpx.Response:
    """An answer that is kept: during it no model moved, which others of the watch center may make it do."""
    answers: list[httpx.Response] = []

    def asked() -> bool:
        answers.append(asker.send({"query": query}, **headers))
        return "etag" in answers[-1].headers

    until(asked, what=f"an answer that is kept to {query}")
    return answers[-1]


def settled(watch_center: WatchCenter, *askers: Asker, reads: Sequence[str] = (TRAIL,)) -> None:
    """Everybody is signed on, has read each of these once (which is on the record), and has the end of the log."""
    for asker in askers:
        for query in (*reads, TRAIL):
            asker.send({"query": query})

    def nothing_moves() -> bool:
        head = watch_center.head()
        watch_center.applied(head)
        for asker in askers:
            asker.ask("query($at: Position) { auditTrail(first: 1, afterPosition: $at) { position } }", at=head)
            if asker.person == "j.alvarez":
                asker.ask("query($at: Position) { flights(first: 1, afterPosition: $at) { position } }", at=head)
        return watch_center.head() == head

    until(nothing_moves, what="the record stands still")


def test_an_answer_comes_with_its_etag_and_again_as_not_modified(watch_center: WatchCenter) -> None:
    deputy = watch_center.as_role("watch_operator")
    settled(watch_center, deputy)

    def is_kept(query: str) -> bool:
        """What other tests began may end meanwhile and move the model: then it is asked again."""
        first, again = deputy.send({"query": query}), deputy.send({"query": query})
        unmoved = deputy.send({"query": query}, **{"if-none-match": etag(first)})
        assert "private" in first.headers["cache-control"]
        assert first.content == again.content or etag(first) != etag(again)
        return etag(first) == etag(again) and (unmoved.status_code, unmoved.content) == (304, b"")

    for query in (FLIGHTS, TRAIL):
        until(lambda: is_kept(query), what="an answer is given again")  # noqa: B023


def test_the_answer_is_another_as_soon_as_the_model_moved(watch_center: WatchCenter) -> None:
    deputy = watch_center.as_role("watch_operator")
    settled(watch_center, deputy)
    before = kept(deputy, TRAIL)
    position = watch_center.dispatch(call_update()).json()["position"]
    deputy.ask("query($at: Position) { auditTrail(first: 1, afterPosition: $at) { position } }", at=position)
    after = kept(deputy, TRAIL, **{"if-none-match": etag(before)})
    assert after.status_code == 200
    assert after.json()["data"]["auditTrail"]["position"] >= position
    assert etag(after) != etag(before)


def test_nobody_is_given_the_answer_of_another(watch_center: WatchCenter) -> None:
    """Every order in which four readers of different rights can ask, and each with the others' ETags."""
    people = [watch_center.enrolled("watch_operator"), "j.alvarez", "s.bhatt", "r.quan"]
    readers = [watch_center.asker(person) for person in people]
    queries = (TRAIL, EVENT % 1, EVENT % watch_center.head(), FLIGHTS)
    settled(watch_center, *readers, reads=queries)
    alone: dict[tuple[str, str, str], Json] = {}

    def same_as_before(reader: Asker, query: str, answer: httpx.Response) -> Json:
        """The model may move when what other tests began ends; each of its positions has an answer of its own."""
        told: Json = answer.json()
        assert told == alone.setdefault((reader.person, query, answer.headers.get("etag", "")), told)
        return told

    for order in itertools.permutations(readers, 2):
        for reader in order:
            for query in queries:
                told = same_as_before(reader, query, reader.send({"query": query}))
                if query == TRAIL and reader.person != "s.bhatt":
                    actors = {edge["node"]["actor"]["id"] for edge in told["data"]["auditTrail"]["edges"]}
                    assert actors == {reader.person}
                other = next(each for each in order if each is not reader)
                foreign = other.send({"query": query}).headers.get("etag", '"none"')
                with_it = reader.send({"query": query}, **{"if-none-match": foreign})
                assert with_it.status_code == 200
                same_as_before(reader, query, with_it)


def test_what_is_not_read_from_a_model_is_not_kept(watch_center: WatchCenter) -> None:
    deputy = watch_center.as_role("watch_operator")
    for query in ("{ viewer { id } }", "{ board { position } }", "{ usePolicy { version } }"):
        assert "etag" not in deputy.send({"query": query}).headers
    assert "etag" not in deputy.send({"query": "{ flights(first: 500) { position } }"}).headers


def test_an_answer_with_variables_of_its_own(watch_center: WatchCenter) -> None:
    auditor = watch_center.as_role("auditor")
    settled(watch_center, auditor)
    query = "query($n: Int) { auditTrail(first: $n) { edges { node { position } } } }"
    sizes = [len(auditor.ask(query, n=n)["auditTrail"]["edges"]) for n in (1, 2, 1, 3, 2)]
    assert sizes == [1, 2, 1, 3, 2]


@pytest.mark.rule("oversight.reading")
def test_who_is_given_a_kept_answer_or_told_that_theirs_still_holds_has_read_the_record(
    watch_center: WatchCenter,
) -> None:
    first, second, third = (watch_center.as_role("auditor") for _ in range(3))
    role = secrets.token_hex(4)
    query = f'{{ auditTrail(first: 1, filter: {{role: "{role}"}}) {{ position edges {{ cursor }} }} }}'
    for asker in (second, third):
        asker.ask("{ viewer { id } }")
    settled(watch_center, first, reads=(query,))
    kept(first, query)
    assert second.send({"query": query}).status_code == 200
    watch_center.applied(watch_center.head())
    fresh = kept(first, query)
    assert third.send({"query": query}, **{"if-none-match": etag(fresh)}).status_code in (200, 304)
    for asker in (first, second, third):  # all of it is one consultation of each
        assert asker.send({"query": query}).status_code == 200
    watch_center.applied(watch_center.head())
    wanted = {"type": "review.audit_trail_consulted", "personId": first.person}
    found = first.ask(CONSULTED, filter=wanted)["auditTrail"]["edges"]
    asked = [edge["node"]["sessionId"] for edge in found if role in edge["node"]["content"]]
    assert len(asked) == len(set(asked)) == 3
