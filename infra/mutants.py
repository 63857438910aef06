"""Every mutant of the domain against its tests: `python -m infra.mutants [file …]`, as `make mutants` runs it.

mutmut makes the mutants and the switch between them. Its own runner starts pytest anew for each; here the tests are
collected once, and a fork for each mutant runs those that reach the changed function, the fastest first, until one
fails. Killed once is killed: what is tried again is what survived, or changed. `make clean` forgets it all.
"""

from __future__ import annotations

import gc
import json
import os
import resource
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from mutmut.__main__ import create_mutants
from mutmut.configuration import config
from mutmut.mutation.trampoline import set_mutant_under_test
from mutmut.state import state
from mutmut.utils.file_utils import copy_also_copy_files, copy_src_dir
from mutmut.utils.format_utils import mangled_name_from_mutant_name

ROOT = Path(__file__).parents[1]
CHOSEN = "MUTATED_FILES"  # names of modules of the domain, with blanks between; none: all
SURVIVED, KILLED, NO_TEST = 0, 1, 33  # as mutmut has them
MEMORY_BYTES = 4 << 30  # of one mutant: one that never ends must not take the machine with it


def pytest_runtestloop(session: pytest.Session) -> bool:
    """In place of pytest's own: the tests once as they are, then for each mutant those that reach it."""
    reaching, seconds = _reaching(session)
    if session.testsfailed or _try(session, "none", session.items, sum(seconds.values())) != SURVIVED:
        raise session.Failed("the tests fail without any mutant")
    session.config.pluginmanager.unregister(name="terminalreporter")  # its dots are of no use to a mutant
    gc.freeze()
    chosen = [Path("domain") / f"{name}.py.meta" for name in os.environ[CHOSEN].split()]
    for meta in chosen or sorted(Path("domain").glob("*.py.meta")):
        _try_all(session, meta, reaching, seconds)
    return True


def _reaching(session: pytest.Session) -> tuple[dict[str, list[pytest.Item]], dict[pytest.Item, float]]:
    """The tests by function that they run through, and how long each takes, in seconds of CPU."""
    reaching: dict[str, list[pytest.Item]] = defaultdict(list)
    seconds = {}
    set_mutant_under_test("stats")
    for item, following in _with_next(session.items):
        state()._stats.clear()
        began = time.process_time()
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        seconds[item] = time.process_time() - began
        for function in state()._stats:
            reaching[function].append(item)
    set_mutant_under_test("")
    return {name: sorted(items, key=seconds.__getitem__) for name, items in reaching.items()}, seconds


def _with_next(items: Sequence[pytest.Item]) -> Iterator[tuple[pytest.Item, pytest.Item | None]]:
    yield from pairwise([*items, None])


def _try_all(
    session: pytest.Session, meta: Path, reaching: dict[str, list[pytest.Item]], seconds: dict[pytest.Item, float]
) -> None:
    known: dict[str, Any] = json.loads(meta.read_text("utf-8"))
    codes: dict[str, int | None] = known["exit_code_by_key"]
    began = time.monotonic()
    waiting = [mutant for mutant, code in codes.items() if code is None or code in (SURVIVED, NO_TEST)]
    for mutant in waiting:
        items = reaching.get(mangled_name_from_mutant_name(mutant), [])
        codes[mutant] = _try(session, mutant, items, sum(seconds[item] for item in items)) if items else NO_TEST
    meta.write_text(json.dumps(known), "utf-8")
    survived = sum(code in (SURVIVED, NO_TEST) for code in codes.values())
    took = time.monotonic() - began
    print(f"\n{meta.stem}: {len(waiting)} tried in {took:.0f} s, {survived} of {len(codes)} survived", file=sys.stderr)


def _try(session: pytest.Session, mutant: str, items: Sequence[pytest.Item], seconds: float) -> int:
    child = os.fork()
    if child:
        _, status = os.waitpid(child, 0)
        # A signal: it ran far longer than the tests take, or took all the memory it may have.
        return SURVIVED if os.waitstatus_to_exitcode(status) == SURVIVED else KILLED
    try:
        limit = int(time.process_time() + 10 * seconds) + 5
        resource.setrlimit(resource.RLIMIT_CPU, (limit, limit + 1))
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
        set_mutant_under_test(mutant)
        for item, following in _with_next(items):
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            if session.testsfailed:
                os._exit(KILLED)
        os._exit(SURVIVED)
    finally:
        os._exit(KILLED)


def main(chosen: Sequence[str]) -> int:
    os.chdir(ROOT)
    Path("mutants").mkdir(exist_ok=True)
    set_mutant_under_test("mutant_generation")
    copy_src_dir()
    copy_also_copy_files()
    create_mutants(1)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "--tb=no",
        "-p",
        "infra.mutants",
        *config().pytest_add_cli_args_test_selection,
    ]
    asked = {**os.environ, CHOSEN: " ".join(chosen), "MUTANT_UNDER_TEST": ""}
    return subprocess.run([*command, *config().pytest_add_cli_args], cwd="mutants", env=asked, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
