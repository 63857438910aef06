"""Another process that appends: `python -m tests.api.appending_node FD`, with what one API process has.

It carries out the commands that its pipe brings, several at once, and ends with the pipe.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import traceback
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from uuid import UUID

from api.processes import wiring
from api.processes.api import standing_papers
from application.accounts import Accounts
from application.calls import Calls
from application.fleet import Fleet
from application.flights import Flights
from application.handling import Outcome
from application.observability import RETRIES
from tests.api.watch_center import WatchCenter, settings_as

ROOT = Path(__file__).parents[2]
PATIENCE_S = 60.0
AT_ONCE = 8


@dataclass(frozen=True)
class Order:
    """A command as any process may be told it, and again: a use case, its arguments, the command's id."""

    use_case: str
    method: str
    arguments: tuple[Any, ...]
    id: UUID


class AppendingNode:
    """The process, from the test's side. Orders may be begun before others are answered; from one thread alone."""

    def __init__(self, center: WatchCenter) -> None:
        self._pipe, theirs = Pipe()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.api.appending_node", str(theirs.fileno())],
                cwd=ROOT,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
                pass_fds=[theirs.fileno()],
                start_new_session=True,  # Ctrl-C ends the tests, and the end of the pipe ends it
            )
        self._pipe.send(center.environ)
        self._numbers = 0
        self._answers: dict[int, tuple[Any, str]] = {}
        self.conflicts = 0
        """How often it found that others had been faster, and decided again."""

    @property
    def pid(self) -> int:
        return self._process.pid

    def begin(self, order: Order) -> int:
        """The number to ask for the answer by."""
        return self._send(order.use_case, order.method, order.arguments)

    def answered(self, number: int) -> bool:
        while self._pipe.poll():
            self._take()
        return number in self._answers

    def answer(self, number: int) -> Any:
        while number not in self._answers:
            assert self._pipe.poll(PATIENCE_S), f"no answer in {PATIENCE_S:g} s"
            self._take()
        told, failure = self._answers.pop(number)
        assert not failure, failure
        return told

    def tell(self, order: Order) -> Outcome:
        outcome: Outcome = self.answer(self.begin(order))
        return outcome

    def ask(self, use_case: str, method: str, *arguments: Any) -> Any:
        """What is no command, a sign-on for example."""
        return self.answer(self._send(use_case, method, arguments))

    def _send(self, use_case: str, method: str, arguments: tuple[Any, ...]) -> int:
        self._numbers += 1
        self._pipe.send((self._numbers, use_case, method, arguments))
        return self._numbers

    def _take(self) -> None:
        number, told, failure, self.conflicts = self._pipe.recv()
        self._answers[number] = (told, failure)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pipe.close()
        try:
            code = self._process.wait(PATIENCE_S)
        finally:
            self._process.kill()
            self._process.wait()
        assert code == 0 or error is not None, f"it ended with {code}"


# -- inside ------------------------------------------------------------------


def conflicts() -> int:
    found = (sample for family in RETRIES.collect() for sample in family.samples)
    return int(sum(sample.value for sample in found if sample.name.endswith("_total")))


def serve(pipe: Connection) -> None:
    settings = settings_as("saferweho_api", pipe.recv())
    one_at_a_time = threading.Lock()
    with wiring.handler(settings) as handler, ThreadPoolExecutor(AT_ONCE) as pool:
        flights = Flights(handler)
        flights.papers = standing_papers(settings)
        use_cases = {
            "accounts": Accounts(handler),
            "calls": Calls(handler),
            "fleet": Fleet(handler),
            "flights": flights,
        }

        def carry_out(number: int, use_case: str, method: str, arguments: tuple[Any, ...]) -> None:
            told, failure = None, ""
            try:
                told = getattr(use_cases[use_case], method)(*arguments)
            except Exception:
                failure = traceback.format_exc()
            with one_at_a_time, suppress(BrokenPipeError):
                pipe.send((number, told, failure, conflicts()))

        with suppress(EOFError):
            while True:
                pool.submit(carry_out, *pipe.recv())


if __name__ == "__main__":
    serve(Connection(int(sys.argv[1])))
