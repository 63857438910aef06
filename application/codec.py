"""One event, one byte string: CloudEvents 1.0 structured JSON, encoded once.

These bytes are what PostgreSQL stores, Kafka carries and the ledger hashes; nobody encodes an event again.
Attributes are CloudEvents context attributes and extensions (lower-case letters and digits only, CloudEvents 1.0 §3.1).
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any, get_origin
from uuid import UUID

import msgspec

import domain.catalogue  # noqa: F401  every event type is in the registry before the first byte is read
from application.ports import EventTooLarge, NewEvent, StoredEvent
from application.sealing import Keyring, Sealer, from_form, holds_personal
from application.upcasting import UPCASTERS, Json, upcaster
from domain.kernel import EVENT_NAMES, EVENT_TYPES, Mistake, Personal

EVENT_LIMIT = 32 * 1024  # bytes
TYPE_PREFIX = "org.weho.safer."
SCHEMA_PREFIX = "urn:saferweho:schema:"
CONTENT_TYPE = "application/cloudevents+json"


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


class NotDeclared(Exception):
    """A read model opens a personal value and has declared no column for it."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """A decoded event at its position (0 while it has none yet)."""

    position: int
    envelope: Envelope
    event: Any  # one of the classes in EVENT_TYPES; its personal values are sealed
    content: bytes
    keys: Keyring | None = None  # for who has declared what it does with personal values

    def text(self, personal: Personal[str] | None) -> str | None:
        """A personal value of this event, opened; None where its key is destroyed."""
        return self._keys().text(personal)

    def keyed_hash(self, purpose: str, text: str) -> str:
        """See `Keyring.keyed_hash`."""
        return self._keys().keyed_hash(purpose, text)

    def _keys(self) -> Keyring:
        if self.keys is None:
            raise NotDeclared(f"{self.name} is read by who has declared nothing personal: it stays sealed")
        return self.keys

    @property
    def stream(self) -> str:
        return self.envelope.subject

    @property
    def name(self) -> str:
        """`flight.drone_launched.v1`"""
        return self.envelope.type.removeprefix(TYPE_PREFIX)


# -- custom types ------------------------------------------------------------


class NotSealed(Exception):
    """A personal value would have been written in clear: whoever writes it has no keyring."""


def _to_json(value: Any) -> Any:
    if isinstance(value, Personal):
        raise NotSealed(f"a personal value of {value.subject} is never written in clear: pass the keyring")
    raise NotImplementedError(f"{type(value)} has no JSON form")


_reading = threading.local()  # the event whose data this thread decodes: msgspec's hooks take no context


def _from_json(type_: Any, value: Any) -> Any:
    if get_origin(type_) is Personal or type_ is Personal:
        return from_form(value, str(_reading.event))
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


def encode(envelope: Envelope, event: object, keys: Sealer | None = None) -> bytes:
    """The event's one byte string, its personal values sealed. Raises EventTooLarge above 32 KiB, NotSealed where there
    is something to seal and no `keys`, and what `keys` raises."""
    fields = {name: getattr(envelope, name) for name in Envelope.__struct_fields__}
    encoder = _encoder
    if keys is not None and holds_personal(type(event)):
        encoder = msgspec.json.Encoder(enc_hook=partial(_seal, keys, str(envelope.id)), uuid_format="canonical")
    content = encoder.encode(_Encoded(**fields, data=event))
    if len(content) > EVENT_LIMIT:
        raise EventTooLarge(envelope.type, len(content), EVENT_LIMIT)
    return content


def _seal(keys: Sealer, event_id: str, value: Any) -> Any:
    return keys.seal(value, event_id) if isinstance(value, Personal) else _to_json(value)


def new_event(envelope: Envelope, event: object, keys: Sealer | None = None) -> NewEvent:
    return NewEvent(envelope.subject, envelope.streamversion, EVENT_NAMES[type(event)], encode(envelope, event, keys))


def type_uri(event: type) -> str:
    return TYPE_PREFIX + EVENT_NAMES[event]


def schema_uri(event: type) -> str:
    return SCHEMA_PREFIX + EVENT_NAMES[event]


def event_class(type_uri: str) -> type | None:
    """The class that an event of this type becomes, upcast; None where the registry doesn't know it."""
    name = type_uri.removeprefix(TYPE_PREFIX)
    while name in UPCASTERS:
        name = UPCASTERS[name][0]
    return EVENT_TYPES.get(name)


def decode_envelope(content: bytes) -> Envelope:
    try:
        return _envelope_decoder.decode(content)
    except (msgspec.DecodeError, msgspec.ValidationError) as e:
        raise UnreadableEvent(f"the bytes are no CloudEvents envelope: {e}") from e


def decode(content: bytes, position: int = 0, keys: Keyring | None = None) -> Recorded:
    """`keys`: see Recorded. Raises UnreadableEvent: unknown type, wrong shape, a value in clear, not JSON."""
    try:
        envelope = _received_decoder.decode(content)
        name = envelope.type.removeprefix(TYPE_PREFIX)
        if name not in EVENT_TYPES and name not in UPCASTERS:
            raise UnreadableEvent(f"event type {envelope.type!r} at position {position} is not in the registry")
        event: Any
        _reading.event = envelope.id
        if name in UPCASTERS:
            data = msgspec.json.decode(envelope.data)
            while name in UPCASTERS:
                name, up = UPCASTERS[name]
                data = up(data)
            event = msgspec.convert(data, EVENT_TYPES[name], dec_hook=_from_json)
        else:
            event = _data_decoder(name).decode(envelope.data)
    except (msgspec.DecodeError, msgspec.ValidationError, Mistake) as e:
        raise UnreadableEvent(f"the event at position {position} cannot be read: {e}") from e
    return Recorded(position, envelope, event, content, keys)


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
    "Json",
    "NotDeclared",
    "NotSealed",
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
