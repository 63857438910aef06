"""A process that appends: `python -m tests.adapters.event_store.appender URL THREADS COMMANDS PREFIX`.

All threads of all such processes fight for the same few streams. Each command is repeated with its id until it is on
the record, and then told on a line: `command_id stream first last`.
"""

import random
import sys
import threading
import uuid

from adapters.event_store import PostgresEventStore
from application.ports import Append, Conflict, NewEvent, StoreUnavailable
from tests.adapters.event_store.appends import TYPE

_one_line = threading.Lock()
STREAMS = [f"hot-{n}" for n in range(6)]


def commands(store: PostgresEventStore, count: int, seed: str) -> None:
    choice = random.Random(seed)
    for _ in range(count):
        command_id = uuid.UUID(int=choice.getrandbits(128), version=4)
        stream, other = choice.sample(STREAMS, 2)
        while True:
            try:
                versions = store.versions([stream, other])
                event = NewEvent(stream, versions[stream] + 1, TYPE, command_id.bytes)
                appended = store.append(Append(command_id, command_id.bytes * 2, [event], {other: versions[other]}))
            except (Conflict, StoreUnavailable):
                continue
            with _one_line:
                print(command_id, stream, appended.first_position, appended.last_position, flush=True)
            break


def main(url: str, threads: str, count: str, prefix: str) -> None:
    with PostgresEventStore(url) as store:
        running = [
            threading.Thread(target=commands, args=(store, int(count), f"{prefix}{n}")) for n in range(int(threads))
        ]
        for thread in running:
            thread.start()
        for thread in running:
            thread.join()


if __name__ == "__main__":
    main(*sys.argv[1:])
