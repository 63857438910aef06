"""Which streams an event speaks of, read off the types of its fields: a `DroneId` names the stream `drone-<id>`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import is_dataclass
from operator import attrgetter
from types import UnionType
from typing import Any, TypeAlias, Union, get_args, get_origin, get_type_hints

from domain import kernel
from domain.session import AttemptRefused

STREAM_OF: dict[Any, str] = {  # the identifier's type -> what its stream's name begins with
    kernel.StreamId: "",
    kernel.PersonId: "person-",
    kernel.CallNumber: "call-",
    kernel.CaseNumber: "case-",
    kernel.DroneId: "drone-",
    kernel.DockId: "dock-",
    kernel.FlightId: "flight-",
    kernel.FeedId: "",
    kernel.CameraId: "camera-",
    kernel.LiveViewId: "liveview-",
    kernel.FootageId: "footage-",
    kernel.ViewingId: "viewing-",
    kernel.ExportId: "export-",
    kernel.DisclosureId: "disclosure-",
}

STREAMS_BY_FIELD: dict[type, tuple[str, ...]] = {AttemptRefused: ("target",)}  # plain text, may name a stream

Reader: TypeAlias = Callable[[Any], Iterator[str]]


def subjects(stream: str, event: Any) -> tuple[str, ...]:
    """The event's own stream and every stream it refers to, each once."""
    readers = _readers(type(event))
    if not readers:
        return (stream,)
    found = dict.fromkeys((stream,))
    for read in readers:
        found.update(dict.fromkeys(read(event)))
    return tuple(found)


def _readers(class_: type) -> tuple[Reader, ...]:
    readers = _known.get(class_)
    if readers is None:
        readers = _known[class_] = tuple(_find_readers(class_))
    return readers


_known: dict[type, tuple[Reader, ...]] = {}


def _find_readers(class_: type) -> Iterator[Reader]:
    for name, hint in get_type_hints(class_).items():
        verbatim = name in STREAMS_BY_FIELD.get(class_, ())
        inner = _reader(kernel.StreamId if verbatim else hint)
        if inner is not None:
            yield _of_field(attrgetter(name), inner)


def _of_field(get: Callable[[Any], Any], inner: Reader) -> Reader:
    def read(event: Any) -> Iterator[str]:
        value = get(event)
        if value is not None:
            yield from inner(value)

    return read


def _reader(hint: Any) -> Reader | None:
    if hint in STREAM_OF:
        prefix = STREAM_OF[hint]
        return lambda value: iter((f"{prefix}{value}",) if isinstance(value, str) and value else ())
    origin = get_origin(hint)
    if origin in (Union, UnionType):
        several = [r for r in map(_reader, get_args(hint)) if r is not None]
        return several[0] if len(several) == 1 else None
    if origin in (tuple, list, frozenset, set):
        items = _reader(get_args(hint)[0])
        return None if items is None else lambda values: (s for value in values for s in items(value))
    if isinstance(hint, type) and is_dataclass(hint):
        fields = _readers(hint)
        return None if not fields else lambda value: (s for read in fields for s in read(value))
    return None
