"""The catalogue of events, made out of the event classes: JSON Schema per type, AsyncAPI 3 and a table for people.

`python -m infra.catalogue` writes `docs/events/`; `--check` writes nothing and exits 1 where the files are not what
the code says.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterator, Mapping
from datetime import datetime
from enum import Enum
from itertools import groupby
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import msgspec

import domain.catalogue
from application.codec import CONTENT_TYPE, SCHEMA_PREFIX, TYPE_PREFIX, Envelope
from application.sealing import ALGORITHM
from domain.kernel import EVENT_TYPES, Personal

FOLDER = Path(__file__).parent.parent / "docs" / "events"
TOPIC = "saferweho.events"
Schema = dict[str, Any]

PERSONAL: Schema = {
    "title": "Personal",
    "description": "A text about a member of the public, sealed; what is left of it once its subject's key is "
    "destroyed is that there was one.",
    "type": "object",
    "properties": {
        "subject": {"type": "string", "description": "whose key seals the text"},
        "alg": {"const": ALGORITHM, "description": "AES-256-GCM, as RFC 7518 names it"},
        "kid": {"type": "string", "description": "which key of the key store"},
        "sealed": {
            "type": "string",
            "contentEncoding": "base64url",
            "description": "96-bit nonce, ciphertext of the text in UTF-8, 128-bit tag; additional data: the event's "
            "id, a space, the subject",
        },
        "shredded": {"const": True, "description": "written when the key was destroyed already"},
    },
    "required": ["subject"],
    "oneOf": [{"required": ["alg", "kid", "sealed"]}, {"required": ["shredded"]}],
}

# -- JSON Schema -------------------------------------------------------------


def schema_of(name: str) -> Schema:
    """JSON Schema (2020-12) of the `data` of the event type `name`, such as 'flight.drone_launched.v1'."""
    made = msgspec.json.schema(EVENT_TYPES[name], schema_hook=_schema_of_custom)
    definitions = made.pop("$defs")
    class_name = EVENT_TYPES[name].__name__
    for title, schema in definitions.items():
        if "description" in schema:
            schema["description"] = _one_line(schema["description"])
        for field, hint in _hints_by_title(EVENT_TYPES[name]).get(title, {}).items():
            _sharpen(schema["properties"][field], hint)
    top = definitions.pop(class_name)
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": SCHEMA_PREFIX + name}
    return {**head, **top, **({"$defs": definitions} if definitions else {})}


def _schema_of_custom(type_: Any) -> Schema:
    if type_ is Personal:
        return {**PERSONAL, "properties": dict(PERSONAL["properties"])}
    raise NotImplementedError(f"{type_} has no JSON Schema")


def _hints_by_title(class_: type) -> dict[str, dict[str, Any]]:
    """Field types by name of the dataclass that has them, for `class_` and every dataclass in it."""
    found: dict[str, dict[str, Any]] = {}
    waiting = [class_]
    while waiting:
        current = waiting.pop()
        if current.__name__ in found or not hasattr(current, "__dataclass_fields__"):
            continue
        found[current.__name__] = get_type_hints(current)
        waiting += [p for hint in found[current.__name__].values() for p in _parts(hint) if isinstance(p, type)]
    return found


def _parts(hint: Any) -> Iterator[Any]:
    yield hint
    for argument in get_args(hint):
        yield from _parts(argument)


def _sharpen(schema: Schema, hint: Any) -> None:
    """Say what msgspec leaves out: that a time is one (ours always have a zone)."""
    for alternative in schema.get("anyOf", [schema]):
        for part in _parts(hint):
            if part is datetime and alternative.get("type") == "string":
                alternative["format"] = "date-time"


def _one_line(text: str) -> str:
    return " ".join(text.split())


# -- AsyncAPI ----------------------------------------------------------------


def asyncapi() -> Schema:
    """AsyncAPI 3.0: the one topic on which every event of the log is read."""
    names = sorted(EVENT_TYPES)
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "The log of Safer WeHo's watch center",
            "version": "1.0.0",
            "description": "Every event of the watch center, in the order of its position. Generated: do not edit.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": CONTENT_TYPE,
        "channels": {
            "events": {
                "address": TOPIC,
                "title": "The log",
                "description": "Key: the stream id. Merge the partitions by the header `position`, which has no gaps.",
                "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in names},
                "bindings": {
                    "kafka": {"partitions": 8, "topicConfiguration": {"cleanup.policy": ["delete"], "retention.ms": -1}}
                },
            }
        },
        "operations": {
            "recordEvents": {
                "action": "send",
                "channel": {"$ref": "#/channels/events"},
                "summary": "The relay sends every committed event once, in the order of positions.",
            }
        },
        "components": {
            "messages": {name: _message(name) for name in names},
            "schemas": {"Envelope": _envelope_schema(), "Headers": _HEADERS},
        },
    }


def _message(name: str) -> Schema:
    return {
        "name": TYPE_PREFIX + name,
        "title": EVENT_TYPES[name].__name__,
        "summary": meaning(name),
        "contentType": CONTENT_TYPE,
        "headers": {"$ref": "#/components/schemas/Headers"},
        "payload": {
            "allOf": [
                {"$ref": "#/components/schemas/Envelope"},
                {
                    "type": "object",
                    "properties": {"type": {"const": TYPE_PREFIX + name}, "data": {"$ref": f"./{name}.json"}},
                    "required": ["data"],
                },
            ]
        },
        "bindings": {"kafka": {"key": {"type": "string", "description": "the stream id, as `subject`"}}},
    }


_HEADERS: Schema = {
    "type": "object",
    "properties": {
        "position": {"type": "string", "pattern": "^[1-9][0-9]*$", "description": "decimal, from 1, without gaps"},
        "content-type": {"const": CONTENT_TYPE},
        "traceparent": {"type": "string", "description": "W3C Trace Context"},
    },
    "required": ["position", "content-type"],
}


def _envelope_schema() -> Schema:
    made = msgspec.json.schema(Envelope)
    schema: Schema = made["$defs"]["Envelope"]
    schema["description"] = "CloudEvents 1.0 context attributes and extensions. Absent ones are left out."
    _sharpen(schema["properties"]["time"], datetime)
    return schema


# -- the table for people ----------------------------------------------------


def meaning(name: str) -> str:
    """The event in the words of the field: its docstring."""
    return _one_line(EVENT_TYPES[name].__doc__ or "")


def table() -> str:
    lines = [
        "# Events",
        "",
        f"Generated by `python -m infra.catalogue`: do not edit. {len(EVENT_TYPES)} types; the full name is "
        f"`{TYPE_PREFIX}<event>`, the schema of its data is the file beside this one. Every event also carries who, "
        "when, from where, for which purpose and by which rule: see `asyncapi.yaml`.",
    ]
    for aggregate, names in groupby(sorted(EVENT_TYPES), key=lambda name: name.partition(".")[0]):
        stream = domain.catalogue.AGGREGATES[aggregate].stream("…")
        lines += ["", f"## {aggregate} (stream `{stream}`)", "", "| event | meaning | fields |", "|---|---|---|"]
        for name in names:
            fields = ", ".join(f"`{field}` {_readable(hint)}" for field, hint in _fields(name).items())
            lines.append(f"| [{name}]({name}.json) | {meaning(name)} | {fields or '–'} |")
    return "\n".join(lines) + "\n"


def _fields(name: str) -> Mapping[str, Any]:
    return get_type_hints(EVENT_TYPES[name])


def _readable(hint: Any) -> str:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        named = " or ".join(_readable(a) for a in arguments if a is not NoneType)
        return f"{named}?" if NoneType in arguments else named
    if origin is tuple:
        return f"list of {_readable(arguments[0])}"
    if origin is Personal:
        return f"personal {_readable(arguments[0])}"
    if isinstance(hint, type) and issubclass(hint, Enum):
        return "one of " + " · ".join(str(member.value) for member in hint)
    words = {"str": "text", "float": "number", "int": "whole number", "bool": "yes or no", "datetime": "time"}
    name: str = hint.__name__
    return words.get(name, name)


# -- YAML --------------------------------------------------------------------


def to_yaml(value: Any, indent: int = 0) -> str:
    """JSON-like values as block-style YAML 1.2. Text is quoted, so nothing is taken for another type."""
    pad = "  " * indent
    if isinstance(value, dict) and value:
        return "".join(f"{pad}{_key(k)}:{_nested(v, indent)}" for k, v in value.items())
    if isinstance(value, list) and value:
        return "".join(f"{pad}-{_nested(item, indent)}" for item in value)
    return f"{pad}{json.dumps(value, ensure_ascii=False)}\n"


def _key(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z][A-Za-z0-9_.-]*", key) else json.dumps(key)


def _nested(value: Any, indent: int) -> str:
    if isinstance(value, dict | list) and value:
        return "\n" + to_yaml(value, indent + 1)
    return f" {json.dumps(value, ensure_ascii=False)}\n"


# -- the files ---------------------------------------------------------------


def files() -> dict[str, str]:
    """Name of each file of `docs/events/` and its content."""
    schemas = {f"{name}.json": json.dumps(schema_of(name), indent=2, ensure_ascii=False) + "\n" for name in EVENT_TYPES}
    head = "# Generated by `python -m infra.catalogue`: do not edit.\n"
    return {**schemas, "asyncapi.yaml": head + to_yaml(asyncapi()), "catalogue.md": table()}


def drift(folder: Path = FOLDER) -> list[str]:
    """Files that are missing, not what the code says, or left over."""
    wanted = files()
    present = {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*") if path.is_file()}
    return sorted(name for name in wanted.keys() | present.keys() if wanted.get(name) != present.get(name))


def write(folder: Path = FOLDER) -> list[str]:
    """Make the folder what the code says; returns the files that changed."""
    changed = drift(folder)
    wanted = files()
    folder.mkdir(parents=True, exist_ok=True)
    for name in changed:
        if name in wanted:
            (folder / name).write_text(wanted[name], encoding="utf-8")
        else:
            (folder / name).unlink()
    return changed


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m infra.catalogue", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 where docs/events/ is not current")
    if not parser.parse_args().check:
        print(f"{len(write())} files changed in docs/events/")
        return 0
    if stale := drift():
        print("docs/events/ is not what the code says: " + ", ".join(stale) + "\nRun: python -m infra.catalogue")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
