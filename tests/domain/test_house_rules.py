"""The domain is pure and its registry complete: what the aggregates say they can emit is what the log can hold."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any, get_args

import pytest

import domain
from domain import (
    call,
    camera,
    case,
    complaint,
    disclosure,
    dock,
    drone,
    export,
    flight_events,
    footage,
    footage_import,
    founding,
    live_view,
    notice,
    person,
    pilot,
    plate_search,
    policy,
    privacy_override_events,
    privacy_zone,
    review_events,
    session,
    shift,
    subject_key,
    viewing,
)
from domain.catalogue import AGGREGATES, aggregate_of
from domain.kernel import EVENT_NAMES, EVENT_TYPES, InvalidValue, Mistake, NotFound, WrongState

SOURCES = sorted(Path(domain.__file__).parent.glob("*.py"))
STANDARD = {
    "__future__",
    "collections",
    "dataclasses",
    "datetime",
    "domain",
    "enum",
    "hashlib",
    "json",
    "math",
    "re",
    "types",
    "typing",
    "unicodedata",
}
EVENTS: dict[str, Any] = {
    "call": call.Event,
    "case": case.Event,
    "dock": dock.Event,
    "drone": drone.Event,
    "flight": flight_events.Event,
    "founding": founding.Event,
    "person": person.Event,
    "notice": notice.Event,
    "shift": shift.Event,
    "policy": policy.Event,
    "session": session.Event,
    "camera": camera.Event,
    "liveview": live_view.Event,
    "footage": footage.Event,
    "import": footage_import.Event,
    "viewing": viewing.Event,
    "export": export.Event,
    "disclosure": disclosure.Event,
    "platesearch": plate_search.Event,
    "override": privacy_override_events.Event,
    "zone": privacy_zone.Event,
    "review": review_events.Event,
    "complaint": complaint.Event,
    "pilot": pilot.Event,
    "subjectkey": subject_key.Event,
}


@pytest.fixture(params=SOURCES, ids=lambda path: path.stem)
def source(request: pytest.FixtureRequest) -> ast.Module:
    path: Path = request.param
    return ast.parse(path.read_text(encoding="utf-8"))


def test_the_domain_imports_a_few_modules_of_the_standard_library_and_nothing_else(source: ast.Module) -> None:
    named = [n.module or "" for n in ast.walk(source) if isinstance(n, ast.ImportFrom)]
    named += [alias.name for n in ast.walk(source) if isinstance(n, ast.Import) for alias in n.names]
    assert {name.partition(".")[0] for name in named} <= STANDARD


def test_the_domain_reads_no_clock(source: ast.Module) -> None:
    asked = {node.attr for node in ast.walk(source) if isinstance(node, ast.Attribute)}
    assert not asked & {"now", "utcnow", "today", "time_ns", "monotonic"}


@pytest.mark.parametrize("name", AGGREGATES)
def test_an_aggregate_emits_what_is_registered_under_its_name(name: str) -> None:
    emitted = set(get_args(EVENTS[name])) or {EVENTS[name]}
    registered = {type_ for full, type_ in EVENT_TYPES.items() if full.startswith(f"{name}.")}
    assert emitted == registered


def test_every_event_is_frozen_and_has_one_name() -> None:
    assert {full: type_ for type_, full in EVENT_NAMES.items()} == EVENT_TYPES
    assert all(type_.__dataclass_params__.frozen for type_ in EVENT_NAMES)  # type: ignore[attr-defined]


def test_a_stream_id_tells_its_aggregate() -> None:
    for name, aggregate in AGGREGATES.items():
        assert aggregate_of(aggregate.stream("a-b-c")) is aggregate
        assert aggregate.stream("a-b-c") == f"{name}-a-b-c"
    with pytest.raises(KeyError):
        aggregate_of("kite-1")


def test_each_kind_of_mistake_has_a_code_of_its_own() -> None:
    assert {m.code for m in (Mistake, InvalidValue, NotFound, WrongState)} == {
        "mistake",
        "invalid_value",
        "not_found",
        "wrong_state",
    }


def test_who_acts_on_the_job_is_never_shreddable(source: ast.Module) -> None:
    """What is personal is a text; officers are named by an id of their own type, and no key is theirs."""
    for node in ast.walk(source):
        if isinstance(node, ast.Subscript) and getattr(node.value, "id", "") == "Personal":
            assert ast.unparse(node.slice) in ("str", "T")
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Personal":
            assert "person-" not in ast.unparse(node.args[0])
