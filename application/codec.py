"""One event, one byte string: CloudEvents 1.0 structured JSON, encoded once.

These bytes are what PostgreSQL stores, Kafka carries and the ledger hashes; nobody encodes an event again.
Attributes are CloudEvents context attributes and extensions (lower-case letters and digits only, CloudEvents 1.0 §3.1).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, get_args, get_origin
from uuid import UUID

import msgspec

import domain.catalogue  # noqa: F401  every event type is in the registry before the first byte is read
from application.ports import EventTooLarge, NewEvent, StoredEvent
from domain.kernel import EVENT_NAMES, EVENT_TYPES, SHREDDED, Mistake, Personal, Shredded

EVENT_LIMIT = 32 * 1024  # bytes
TYPE_PREFIX = "org.weho.safer."
SCHEMA_PREFIX = "urn:saferweho:schema:"
CONTENT_TYPE = "application/cloudevents+json"

Json = dict[str, Any]


class Envelope(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True, gc=False):
    """The context attributes, without `data`. Absent attributes are empty strings (`policyversion`: 0)."""

    specversion: str
    id: UUID
    type: str
    source: str
    subject: str
    time: datetime
    datacontenttype: str
    dataschema: str
    streamversion: int
    actorid: str
    actororg: str
    actorrole: str
    nonce: str
    sessionid: str = ""
    sourceaddress: str = ""
    purpose: str = ""
    casenumber: str = ""
    policyversion: int = 0
    decidedby: str = ""
    commandid: str = ""
    correlationid: str = ""
    causationid: str = ""
    traceparent: str = ""


class _Encoded(Envelope, frozen=True, omit_defaults=True, kw_only=True):
    data: Any


class _Received(Envelope, frozen=True, omit_defaults=True, kw_only=True):
    data: msgspec.Raw


class UnreadableEvent(Exception):
    """The bytes are no event this process knows how to read. Nothing is guessed."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """A decoded event at its position (0 while it has none yet)."""

    position: int
    envelope: Envelope
    event: Any  # one of the classes in EVENT_TYPES
    content: bytes

    @property
    def stream(self) -> str:
        return self.envelope.subject

    @property
    def name(self) -> str:
        """`flight.drone_launched.v1`"""
        return self.envelope.type.removeprefix(TYPE_PREFIX)


# -- upcasting ---------------------------------------------------------------

_UPCASTERS: dict[str, tuple[str, Callable[[Json], Json]]] = {}


def upcaster(old: str, new: str) -> Callable[[Callable[[Json], Json]], Callable[[Json], Json]]:
    """How the data of type `old` ('flight.x.v1') becomes that of `new` ('flight.x.v2'). Chains are followed."""

    def register(function: Callable[[Json], Json]) -> Callable[[Json], Json]:
        if old in _UPCASTERS:
            raise ValueError(f"{old} has an upcaster already")
        _UPCASTERS[old] = (new, function)
        return function

    return register


# -- custom types ------------------------------------------------------------


def _to_json(value: Any) -> Any:
    if isinstance(value, Personal):
        if isinstance(value.value, Shredded):
            return {"subject": value.subject, "shredded": True}
        return {"subject": value.subject, "value": value.value}
    raise NotImplementedError(f"{type(value)} has no JSON form")


def _from_json(type_: Any, value: Any) -> Any:
    if get_origin(type_) is Personal or type_ is Personal:
        if value.get("shredded"):
            return Personal(value["subject"], SHREDDED)
        inner = (get_args(type_) or (Any,))[0]
        return Personal(value["subject"], msgspec.convert(value["value"], inner, dec_hook=_from_json))
    raise NotImplementedError(f"{type_} cannot be read from JSON")


_encoder = msgspec.json.Encoder(enc_hook=_to_json, uuid_format="canonical")
_envelope_decoder = msgspec.json.Decoder(Envelope)
_received_decoder = msgspec.json.Decoder(_Received)
_data_decoders: dict[str, msgspec.json.Decoder[Any]] = {}


def _data_decoder(name: str) -> msgspec.json.Decoder[Any]:
    decoder = _data_decoders.get(name)
    if decoder is None:
        decoder = _data_decoders[name] = msgspec.json.Decoder(EVENT_TYPES[name], dec_hook=_from_json)
    return decoder


# -- encode and decode -------------------------------------------------------


def encode(envelope: Envelope, event: object) -> bytes:
    """The event's one byte string. Raises EventTooLarge above 32 KiB."""
    fields = {name: getattr(envelope, name) for name in Envelope.__struct_fields__}
    content = _encoder.encode(_Encoded(**fields, data=event))
    if len(content) > EVENT_LIMIT:
        raise EventTooLarge(envelope.type, len(content), EVENT_LIMIT)
    return content


def new_event(envelope: Envelope, event: object) -> NewEvent:
    return NewEvent(envelope.subject, envelope.streamversion, EVENT_NAMES[type(event)], encode(envelope, event))


def type_uri(event: type) -> str:
    return TYPE_PREFIX + EVENT_NAMES[event]


def schema_uri(event: type) -> str:
    return SCHEMA_PREFIX + EVENT_NAMES[event]


def event_class(type_uri: str) -> type | None:
    """The class that an event of this type becomes, upcast; None where the registry doesn't know it."""
    name = type_uri.removeprefix(TYPE_PREFIX)
    while name in _UPCASTERS:
        name = _UPCASTERS[name][0]
    return EVENT_TYPES.get(name)


def decode_envelope(content: bytes) -> Envelope:
    try:
        return _envelope_decoder.decode(content)
    except (msgspec.DecodeError, msgspec.ValidationError) as e:
        raise UnreadableEvent(f"the bytes are no CloudEvents envelope: {e}") from e


def decode(content: bytes, position: int = 0) -> Recorded:
    """Raises UnreadableEvent: unknown type, wrong shape, not JSON."""
    try:
        envelope = _received_decoder.decode(content)
        name = envelope.type.removeprefix(TYPE_PREFIX)
        if name not in EVENT_TYPES and name not in _UPCASTERS:
            raise UnreadableEvent(f"event type {envelope.type!r} at position {position} is not in the registry")
        event: Any
        if name in _UPCASTERS:
            data = msgspec.json.decode(envelope.data)
            while name in _UPCASTERS:
                name, up = _UPCASTERS[name]
                data = up(data)
            event = msgspec.convert(data, EVENT_TYPES[name], dec_hook=_from_json)
        else:
            event = _data_decoder(name).decode(envelope.data)
    except (msgspec.DecodeError, msgspec.ValidationError, Mistake) as e:
        raise UnreadableEvent(f"the event at position {position} cannot be read: {e}") from e
    return Recorded(position, envelope, event, content)


def recorded(stored: StoredEvent) -> Recorded:
    return decode(stored.content, stored.position)


def to_builtins(value: Any) -> Any:
    """JSON-ready values of a domain object: for documents, answers and pages."""
    return msgspec.to_builtins(value, enc_hook=_to_json)


def utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC)


__all__ = [
    "CONTENT_TYPE",
    "EVENT_LIMIT",
    "Envelope",
    "Recorded",
    "UnreadableEvent",
    "decode",
    "decode_envelope",
    "encode",
    "event_class",
    "new_event",
    "recorded",
    "schema_uri",
    "to_builtins",
    "type_uri",
    "upcaster",
    "utc",
]
