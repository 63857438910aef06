"""What was once written to the log can be read for ever, and is written the same way today."""

from __future__ import annotations

import hashlib
import re
from dataclasses import fields
from pathlib import Path

import msgspec
import pytest

import domain.catalogue
from application.codec import decode, encode
from domain.kernel import EVENT_TYPES
from domain.policy import ADDED_LATER
from tests.golden.make import FOLDER, event_of, manifest
from tests.keys import FixedKeys

GOLDENS = sorted(FOLDER.glob("*.json"))


@pytest.fixture(params=GOLDENS, ids=lambda path: path.stem)
def golden(request: pytest.FixtureRequest) -> Path:
    path: Path = request.param
    return path


def test_a_golden_never_changes(golden: Path) -> None:
    assert hashlib.sha256(golden.read_bytes()).hexdigest() == manifest()[golden.name], (
        f"{golden.name} is not what was committed: events of that shape are in logs. Restore it; a new shape is a new "
        "version with an upcaster."
    )


def test_no_golden_is_ever_removed() -> None:
    assert set(manifest()) == {path.name for path in GOLDENS}


def test_every_event_type_has_a_golden() -> None:
    missing = EVENT_TYPES.keys() - {path.stem for path in GOLDENS}
    assert not missing, f"no golden for {sorted(missing)}: python -m tests.golden.make"


def test_a_golden_is_read_and_written_again_byte_for_byte(golden: Path) -> None:
    content = golden.read_bytes()
    recorded = decode(content, position=7)
    assert recorded.content is content
    if golden.stem in EVENT_TYPES:  # an older version is read as the newest, and never written again
        assert recorded.name == golden.stem
        written = encode(recorded.envelope, recorded.event, FixedKeys())
        assert written == content or without_later_parameters(written) == content


def without_later_parameters(content: bytes) -> bytes:
    """A policy that was written before a parameter came to be is read with the parameter's default."""
    event = msgspec.json.decode(content)
    for name in ADDED_LATER:
        event["data"].get("parameters", {}).pop(name, None)
    return msgspec.json.encode(event)


def test_a_golden_fills_every_field(golden: Path) -> None:
    data = msgspec.json.decode(golden.read_bytes())["data"]
    assert None not in data.values()
    if golden.stem in EVENT_TYPES:
        assert list(data) == [field.name for field in fields(EVENT_TYPES[golden.stem])]


def test_extension_attributes_are_named_as_cloudevents_asks(golden: Path) -> None:
    # CloudEvents 1.0 §3.1: lower-case letters and digits.
    assert all(re.fullmatch("[a-z0-9]+", name) for name in msgspec.json.decode(golden.read_bytes()))


def test_every_aggregate_is_folded_from_its_events_in_any_order() -> None:
    """A fold never fails, whatever is in the stream: what happened, happened."""
    for aggregate in domain.catalogue.AGGREGATES.values():
        events = [event_of(name) for name in EVENT_TYPES if name.startswith(f"{aggregate.name}.")]
        for order in (events, events[::-1], events + events):
            aggregate.fold(order)
