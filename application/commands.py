"""What the use cases share: a handler, and a short way to run one."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from application.handling import Actor, Handler, Outcome, UseCase


class Commands:
    def __init__(self, handler: Handler) -> None:
        self.handler = handler

    def run(self, actor: Actor, name: str, content: Any, command_id: UUID | None, use: UseCase) -> Outcome:
        return self.handler.handle(actor, self.handler.ticket(name, content, actor, command_id), use)
