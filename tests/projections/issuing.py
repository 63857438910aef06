"""Hands the commands of a reaction to the session's aggregate and the real store, as the application does."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from application import codec
from application.ports import Append, Conflict, EventStore
from application.reactions import IssuedCommand
from domain.session import SESSION
from tests.projections.log import START, envelope


def issue_into(store: EventStore) -> Callable[[IssuedCommand], None]:
    def issue(issued: IssuedCommand) -> None:
        if store.answer_to(issued.command_id) is not None:
            return
        stream = SESSION.stream(issued.key)
        while True:
            stored = store.read([stream])[stream]
            state = SESSION.fold([codec.recorded(s).event for s in stored])
            decided = SESSION.decide(issued.command, state, START)
            new = [
                codec.new_event(
                    envelope(event, stream, n, START, causationid=str(issued.because.envelope.id)),
                    event,
                )
                for n, event in enumerate(decided, len(stored) + 1)
            ]
            digest = hashlib.sha256(repr((issued.rule, issued.key)).encode()).digest()
            try:
                store.append(Append(issued.command_id, digest, new, {} if new else {stream: len(stored)}))
            except Conflict:
                continue
            return

    return issue
