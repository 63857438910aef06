"""Subscriptions over `graphql-transport-ws`, with an independent client; and what a WebSocket may be used for."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from time import monotonic
from typing import Any

import psycopg
import pytest
from gql import Client, gql
from gql.client import AsyncClientSession
from gql.transport.exceptions import TransportError, TransportQueryError
from gql.transport.httpx import HTTPXAsyncTransport
from gql.transport.websockets import WebsocketsTransport

from adapters.identity.development_issuer import sign_in_ticket
from tests.api.watch_center import PERSISTED, WatchCenter, call_update, fresh

BOARD = gql("subscription { board { position calls { number priority } } }")
VIEWER = gql("{ viewer { id } }")
PAGE_OF_100 = "auditTrail(first: 100) { edges { node { type } } }"


@asynccontextmanager
async def connected(watch_center: WatchCenter, token: str | None, **headers: str) -> AsyncIterator[AsyncClientSession]:
    transport = WebsocketsTransport(
        url=watch_center.base.replace("http", "ws") + "/graphql",
        subprotocols=[WebsocketsTransport.GRAPHQLWS_SUBPROTOCOL],
        init_payload={} if token is None else {"authorization": f"Bearer {token}"},
        headers=headers,
        connect_timeout=60,
        ack_timeout=60,
    )
    async with Client(transport=transport, execute_timeout=60) as session:
        yield session


def run(test: Callable[[], Awaitable[None]]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(120):
            await test()

    asyncio.run(bounded())


def code(error: TransportQueryError) -> str:
    (only,) = error.errors or []
    return str(only["extensions"]["code"])


def test_the_first_message_comes_at_once_and_the_next_after_a_change(watch_center: WatchCenter) -> None:
    async def test() -> None:
        update = call_update()
        token = watch_center.token("j.alvarez")
        async with connected(watch_center, token) as session:
            boards = session.subscribe(BOARD)
            first = (await anext(boards))["board"]
            assert update["call"] not in {call["number"] for call in first["calls"]}
            told = await asyncio.to_thread(watch_center.dispatch, update)
            async for message in boards:
                board = message["board"]
                assert board["position"] >= first["position"]
                if board["position"] >= told.json()["position"]:
                    assert {"number": update["call"], "priority": 3} in board["calls"]
                    break
            await boards.aclose()

    run(test)


def attempts(watch_center: WatchCenter, person: str) -> list[tuple[str, str]]:
    """What somebody was refused: the action, and the code of the reason, out of the record itself."""
    with psycopg.connect(watch_center.url) as connection:
        rows = connection.execute(
            "SELECT state FROM events.stored_events WHERE topic = 'session.attempt_refused.v1' ORDER BY notification_id"
        ).fetchall()
    told = [json.loads(bytes(content)) for (content,) in rows]
    return [(e["data"]["action"], e["data"]["reasons"][0]["code"]) for e in told if e["actorid"] == person]


@pytest.mark.rule("record.refusals")
def test_what_is_refused_over_a_websocket_is_on_the_record_as_over_http(watch_center: WatchCenter) -> None:
    analyst = watch_center.enrolled("city_analyst", "city_of_west_hollywood")
    deputy = watch_center.enrolled("watch_operator")

    async def refused(session: AsyncClientSession, document: str, **variables: Any) -> str:
        asked = gql(document)
        asked.variable_values = variables
        answer = anext(session.subscribe(asked)) if document.startswith("subscription") else session.execute(asked)
        with pytest.raises(TransportQueryError) as error:
            await answer
        return code(error.value)

    async def test() -> None:
        async with connected(watch_center, watch_center.token(analyst)) as session:
            for _ in range(2):  # one attempt, however often a page tries again
                assert await refused(session, "subscription { board { position } }") == "not_permitted"
        async with connected(watch_center, watch_center.token(deputy)) as session:
            assert await refused(session, '{ audience(subject: "camera-x") { position } }') == "not_permitted"
            order = "mutation($flight: ID!) { stopRecording(flight: $flight) { __typename } }"
            assert await refused(session, order, flight={"no": "id"}) == "invalid_value"

    run(test)
    assert attempts(watch_center, analyst) == [("read_board", "not_permitted")]
    assert attempts(watch_center, deputy) == [
        ("read_audit_trail", "not_permitted"),
        ("stop_recording", "invalid_value"),
    ]


def test_one_flight_is_followed_from_request_to_refusal(watch_center: WatchCenter) -> None:
    async def test() -> None:
        sergeant = watch_center.as_role("watch_supervisor", step_up=True)
        asked = watch_center.launch(purpose="proactive")
        flight = sergeant.accepted("requestLaunch(input: $input)", input=asked)["id"]
        query = gql("subscription($id: ID!) { flight(id: $id) { id state events { edges { node { type } } } } }")
        query.variable_values = {"id": flight}
        async with connected(watch_center, watch_center.token("t.okafor")) as session:
            captain = watch_center.as_role("station_commander")
            seen: list[str] = []
            async for message in session.subscribe(query):
                found = message["flight"]
                if found is None:  # the board has not come to the request yet
                    continue
                if not seen:
                    refuse = 'refuseLaunch(flight: $flight, reason: "not tonight")'
                    await asyncio.to_thread(captain.accepted, refuse, flight=flight)
                seen.append(found["state"])
                if found["state"] == "refused":
                    break
            assert seen[0] == "requested"

    run(test)


def test_an_order_over_http_is_read_back_and_answered_again_over_a_websocket(watch_center: WatchCenter) -> None:
    """By the same independent client over both, which has learned the schema from the API itself."""

    async def test() -> None:
        drone = await asyncio.to_thread(watch_center.drone, ready=False)
        token = watch_center.token("k.lindqvist")
        over_http = HTTPXAsyncTransport(
            url=f"{watch_center.base}/graphql", headers={"authorization": f"Bearer {token}"}, timeout=60
        )
        order = gql(
            "mutation($drone: ID!, $id: ID) { readyDrone(droneId: $drone, batteryPercent: 91, commandId: $id)"
            " { __typename ... on Accepted { commandId position replayed } } }"
        )
        order.variable_values = {"drone": drone, "id": fresh()}
        client = Client(transport=over_http, fetch_schema_from_transport=True, execute_timeout=60)
        async with client as http, connected(watch_center, token) as socket:
            told = (await http.execute(order))["readyDrone"]
            assert (told["__typename"], told["replayed"]) == ("Accepted", False)
            board = gql("query($at: Position!) { board(afterPosition: $at) { position drones { id status } } }")
            board.variable_values = {"at": told["position"]}
            found = (await http.execute(board))["board"]
            assert {"id": drone, "status": "ready"} in found["drones"]
            again = (await socket.execute(order))["readyDrone"]
            assert again == {**told, "replayed": True}

    run(test)


@pytest.mark.parametrize("token", ["x.y.z", ""])
def test_a_bad_token_opens_no_connection(watch_center: WatchCenter, token: str) -> None:
    async def test() -> None:
        with pytest.raises(TransportError):
            async with connected(watch_center, token):
                pass

    run(test)


def test_without_a_token_nothing_is_said(watch_center: WatchCenter) -> None:
    async def test() -> None:
        async with connected(watch_center, None) as session:
            with pytest.raises(TransportQueryError) as refused:
                await anext(session.subscribe(BOARD))
            assert code(refused.value) == "not_signed_on"

    run(test)


@pytest.mark.parametrize("person", ["r.quan", "s.bhatt"])
def test_no_board_for_who_may_not_see_it(watch_center: WatchCenter, person: str) -> None:
    async def test() -> None:
        async with connected(watch_center, watch_center.token(person)) as session:
            with pytest.raises(TransportQueryError) as refused:
                await anext(session.subscribe(BOARD))
            assert code(refused.value) == "not_permitted"

    run(test)


def test_a_token_that_expires_ends_its_subscription(watch_center: WatchCenter) -> None:
    async def test() -> None:
        token = watch_center.token("j.alvarez", lifetime=timedelta(seconds=10))
        began = monotonic()
        async with connected(watch_center, token) as session:
            with pytest.raises(TransportQueryError) as ended:
                async for _ in session.subscribe(BOARD):
                    pass
            assert code(ended.value) == "not_signed_on"
            assert monotonic() - began < 10 + 5

    run(test)


def test_a_suspension_ends_session_and_subscription_within_five_seconds(watch_center: WatchCenter) -> None:
    person = watch_center.enrolled("watch_operator")
    deputy = watch_center.asker(person)
    session_id = deputy.ask("{ viewer { sessionId } }")["viewer"]["sessionId"]

    async def test() -> None:
        async with connected(watch_center, deputy.token) as session:
            boards = session.subscribe(BOARD)
            await anext(boards)
            captain = watch_center.as_role("station_commander")
            suspend = 'suspendPerson(personId: $person, reason: "lost the badge")'
            await asyncio.to_thread(captain.accepted, suspend, person=person)
            suspended = monotonic()
            with pytest.raises(TransportQueryError) as ended:
                async for _ in boards:
                    pass
            assert code(ended.value) == "not_signed_on"
            assert monotonic() - suspended < 5  # the domain's deadline
            with pytest.raises(TransportQueryError) as refused:  # the connection that is still open is worth nothing
                await session.execute(VIEWER)
            assert code(refused.value) == "not_signed_on"
            while watch_center.events(f"session-{session_id}")[-1]["type"].split(".")[-2] != "signed_off":
                assert monotonic() - suspended < 5
                await asyncio.sleep(0.05)

    run(test)
    signed_off = watch_center.events(f"session-{session_id}")[-1]
    assert signed_off["actorid"] == "service-reactor" and signed_off["data"]["reason"] == "suspended"
    cause = watch_center.events(f"person-{person}")[-1]
    assert cause["type"].endswith("suspended.v1") and signed_off["causationid"] == cause["id"]
    assert deputy.code("{ viewer { id } }") == "not_signed_on"


# -- what may be sent -----------------------------------------------------------


@asynccontextmanager
async def page(watch_center: WatchCenter, person: str) -> AsyncIterator[AsyncClientSession]:
    """A page of ours: signed in by a link, with a cookie instead of a token."""
    browser = watch_center.http(follow_redirects=True)
    answer = await asyncio.to_thread(
        browser.get, "/sign-in", params={"ticket": sign_in_ticket(watch_center.home, person)}
    )
    assert answer.status_code == 200, answer.text
    cookies = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    async with connected(watch_center, None, cookie=cookies, origin=watch_center.base) as session:
        yield session


def test_a_page_sends_its_own_documents_and_no_others(watch_center: WatchCenter) -> None:
    async def test() -> None:
        async with page(watch_center, "j.alvarez") as session:
            message = await anext(session.subscribe(gql(PERSISTED[1])))
            assert message["board"]["position"] > 0
            with pytest.raises(TransportQueryError) as refused:
                await anext(session.subscribe(BOARD))
            assert code(refused.value) == "not_permitted"

    run(test)


def test_another_sites_page_gets_no_connection(watch_center: WatchCenter) -> None:
    async def test() -> None:
        browser = watch_center.http(follow_redirects=True)
        ticket = sign_in_ticket(watch_center.home, "j.alvarez")
        await asyncio.to_thread(browser.get, "/sign-in", params={"ticket": ticket})
        cookies = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
        with pytest.raises(TransportError):
            async with connected(watch_center, None, cookie=cookies, origin="https://elsewhere.example"):
                pass

    run(test)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("{ auditTrail(first: 101) { position } }", "invalid_page"),
        ("{ a: auditTrail(first: 100) { edges { node { reasons { code } } } } }", None),
        (f"{{ {' '.join(f'a{n}: {PAGE_OF_100}' for n in range(60))} }}", "too_costly"),
    ],
)
def test_the_limits_hold_over_websockets_too(watch_center: WatchCenter, query: str, expected: str | None) -> None:
    async def test() -> None:
        async with connected(watch_center, watch_center.token("s.bhatt")) as session:
            if expected is None:
                assert await session.execute(gql(query))
                return
            with pytest.raises(TransportQueryError) as refused:
                await session.execute(gql(query))
            assert code(refused.value) == expected

    run(test)
