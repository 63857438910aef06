"""What is published about the events is what the code does, checked by a validator that is not ours."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import msgspec
import pytest

from domain.kernel import EVENT_NAMES, EVENT_TYPES
from infra import catalogue
from tests.golden.make import FOLDER


@pytest.fixture(params=sorted(EVENT_TYPES))
def name(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


def published(name: str) -> Any:
    return msgspec.json.decode((catalogue.FOLDER / f"{name}.json").read_bytes())


def test_the_published_catalogue_is_current() -> None:
    assert catalogue.drift() == [], "run: python -m infra.catalogue"


def test_drift_is_seen(tmp_path: Path) -> None:
    catalogue.write(tmp_path)
    assert catalogue.drift(tmp_path) == []
    (tmp_path / "asyncapi.yaml").write_text("asyncapi: 3.0.0\n")
    (tmp_path / "flight.drone_launched.v1.json").unlink()
    (tmp_path / "left.over.v1.json").write_text("{}")
    stale = ["asyncapi.yaml", "flight.drone_launched.v1.json", "left.over.v1.json"]
    assert catalogue.drift(tmp_path) == stale
    assert catalogue.write(tmp_path) == stale
    assert catalogue.drift(tmp_path) == []


def test_a_real_event_is_valid_under_its_published_schema(name: str) -> None:
    data = msgspec.json.decode((FOLDER / f"{name}.json").read_bytes())["data"]
    validator = jsonschema.Draft202012Validator(
        published(name), format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
    )
    validator.check_schema(published(name))
    validator.validate(data)


def test_the_published_schema_refuses_an_event_with_a_field_missing(name: str) -> None:
    data = msgspec.json.decode((FOLDER / f"{name}.json").read_bytes())["data"]
    validator = jsonschema.Draft202012Validator(published(name))
    for field in data:
        assert not validator.is_valid({k: v for k, v in data.items() if k != field}), field


def test_every_event_says_what_it_means_in_one_line(name: str) -> None:
    said = catalogue.meaning(name)
    assert said.endswith(".") and 10 < len(said) < 160, f"{name}: {said!r}"
    assert not said.startswith(f"{EVENT_TYPES[name].__name__}("), f"{name} has no docstring of its own"


def test_an_event_is_named_for_its_class(name: str) -> None:
    snake = re.sub(r"(?<!^)([A-Z])", r"_\1", EVENT_TYPES[name].__name__).lower()
    assert name.split(".")[1] == snake
    assert EVENT_NAMES[EVENT_TYPES[name]] == name


def test_every_event_is_in_asyncapi_and_in_the_table(name: str) -> None:
    assert f'"#/components/messages/{name}"' in (catalogue.FOLDER / "asyncapi.yaml").read_text()
    assert f"({name}.json)" in (catalogue.FOLDER / "catalogue.md").read_text()


def test_yaml_of_nested_values_keeps_their_structure() -> None:
    value: Any = {"a": [{"b": 1, "c": []}, "x: y"], "$d": {}, "e": None, "f": [[1, 2]]}
    assert catalogue.to_yaml(value) == (
        'a:\n  -\n    b: 1\n    c: []\n  - "x: y"\n"$d": {}\ne: null\nf:\n  -\n    - 1\n    - 2\n'
    )
