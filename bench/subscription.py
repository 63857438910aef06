"""From a commit to the message of a subscription: store → relay → Kafka → projector → PostgreSQL → API → WebSocket,
each a process of its own, against one bare hop of the same broker: a transactional produce that a read_committed
consumer has received.

A dispatch update of a call is committed in this process by the product's own command handler; the clock runs from the
return of the commit until the board that shows the call has come in over graphql-transport-ws. Updates come one at a
time, as on a quiet evening; the relay, projector and API have nothing to batch.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from time import perf_counter
from typing import Any

import websockets

from adapters.cedar.authoriser import CedarAuthoriser
from adapters.event_store import PostgresEventStore
from adapters.kafka import topics
from adapters.kafka.clients import TopicPartition, admin, consumer, producer
from api.processes import wiring
from api.processes.wiring import RandomIds, SystemClock
from api.settings import Settings
from application.calls import Calls
from application.handling import Accepted, Handler
from application.standing import record_attempt, service
from bench.figures import figure, quantile
from bench.product import Product, product
from bench.stack import stack
from domain.call import UpdateCall
from domain.kernel import CallNumber, Place

P50_GOAL, P99_GOAL_MS = 3.0, 100.0
WARM_UP = 20
BOARD = "subscription { board { position calls { number state priority } } }"


def run(events: int = 300, **_: Any) -> list[dict[str, Any]]:
    """`events` updates through the product and as many records over the bare hop, in turns of a third each."""
    took: list[float] = []
    hops: list[float] = []
    with stack() as running, product(running) as watch_center, _hop(running.bootstrap) as hop:
        asyncio.run(_follow(watch_center, WARM_UP))
        for _turn in range(3):
            hops += hop(events // 3)
            took += asyncio.run(_follow(watch_center, events // 3))
    hops.sort()
    took.sort()
    p50, p99 = quantile(took, 0.5), quantile(took, 0.99)
    return [
        figure("commit → subscription, p50", p50, "ms", quantile(hops, 0.5), P50_GOAL, at_most=True),
        figure("commit → subscription, p99", p99, "ms", quantile(hops, 0.99), P99_GOAL_MS, at_most=True, absolute=True),
    ]


# -- the product -----------------------------------------------------------------


def _settings(watch_center: Product) -> Settings:
    return Settings.model_validate(
        {
            "SAFERWEHO_ENV": "development",
            "SAFERWEHO_HOME": watch_center.home,
            "DATABASE_URL": watch_center.database_url,
        }
    )


async def _follow(watch_center: Product, events: int) -> list[float]:
    """Milliseconds from each commit to the board that shows it."""
    address = watch_center.base_url.replace("http", "ws") + "/graphql"
    with PostgresEventStore(watch_center.database_url) as store, wiring.keyring(_settings(watch_center)) as keys:
        calls = Calls(Handler(store, SystemClock(), RandomIds(), CedarAuthoriser(), record_attempt, keys))
        async with websockets.connect(address, subprotocols=[websockets.Subprotocol("graphql-transport-ws")]) as socket:
            token = watch_center.token("watch_operator")
            await _send(socket, type="connection_init", payload={"authorization": f"Bearer {token}"})
            await _received(socket, "connection_ack")
            await _send(socket, type="subscribe", id="board", payload={"query": BOARD})
            await _received(socket, "next")
            took = []
            number = f"WH{secrets.token_hex(4)}"
            for update in range(1, events + 1):
                position = await asyncio.to_thread(_commit, calls, number, update)
                committed = perf_counter()
                while (await _received(socket, "next"))["payload"]["data"]["board"]["position"] < position:
                    pass
                took.append(1000 * (perf_counter() - committed))
    return took


def _commit(calls: Calls, number: str, update: int) -> int:
    command = UpdateCall(
        call=CallNumber(number),
        update_number=update,
        cad_time=datetime.now(UTC),
        call_type="prowler",
        priority=1 + update % 3,
        place=Place(34.0905, -118.3707),
        received_at=datetime(2026, 1, 1, tzinfo=UTC),
    )
    told = calls.update(service("service-dispatch"), command)
    if not isinstance(told, Accepted):
        raise RuntimeError(f"the update was not taken: {told}")
    return told.position


async def _send(socket: websockets.ClientConnection, **message: Any) -> None:
    await socket.send(json.dumps(message))


async def _received(socket: websockets.ClientConnection, kind: str) -> dict[str, Any]:
    while True:
        message: dict[str, Any] = json.loads(await asyncio.wait_for(socket.recv(), 30))
        if message["type"] == "ping":
            await _send(socket, type="pong")
        elif message["type"] == kind:
            return message
        else:
            raise RuntimeError(f"expected {kind}, got {message}")


# -- the bare hop ----------------------------------------------------------------


@contextmanager
def _hop(bootstrap: str) -> Iterator[Any]:
    """A function that sends so many records, each in a transaction, and gives the milliseconds until each is read."""
    prefix = f"hop{secrets.token_hex(4)}"
    created = topics.create(bootstrap, prefix)
    place = TopicPartition(topics.name(prefix, "events"), 0)
    writer, reader = producer(bootstrap, prefix), consumer(bootstrap)
    writer.init_transactions()
    reader.assign([place])
    reader.seek_to_beginning(place)
    arrived, stop = threading.Semaphore(0), threading.Event()

    def read() -> None:
        while not stop.is_set():
            for records in reader.poll(timeout_ms=250).values():
                arrived.release(len(records))

    def send(records: int) -> list[float]:
        took = []
        for _ in range(records):
            began = perf_counter()
            writer.begin_transaction()
            writer.send(place.topic, partition=place.partition, value=secrets.token_bytes(800))
            writer.commit_transaction()
            if not arrived.acquire(timeout=30):
                raise TimeoutError("the record did not come back in 30 s")
            took.append(1000 * (perf_counter() - began))
        return took

    thread = threading.Thread(target=read)
    thread.start()
    try:
        send(WARM_UP)
        yield send
    finally:
        stop.set()
        thread.join()
        writer.close()
        reader.close()
        client = admin(bootstrap)
        client.delete_topics(created)
        client.close()
