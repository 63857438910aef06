"""Which records of the feed a consumer wants, found by the event's type before its data is read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

import domain.catalogue  # noqa: F401  # makes the registry complete: a type not imported would look like poison
from application.codec import Recorded, decode, event_class
from projections.engine.feed import FeedRecord


class _Type(msgspec.Struct):
    type: str


_type_of = msgspec.json.Decoder(_Type)


class Selection:
    """Decodes the events of the given classes (None: all). A type that the registry doesn't know is never skipped:
    nobody can say that it doesn't matter."""

    def __init__(self, handles: Iterable[type] | None) -> None:
        self._handles = frozenset(handles) if handles is not None else None
        self._wanted: dict[str, bool] = {}

    def decoded(self, records: Sequence[FeedRecord]) -> list[Recorded]:
        """Raises UnreadableEvent at the first record that cannot be read."""
        if self._handles is None:
            return [decode(r.content, r.position) for r in records]
        return [decode(r.content, r.position) for r in records if self._wants(r.content)]

    def _wants(self, content: bytes) -> bool:
        try:
            type_ = _type_of.decode(content).type
        except (msgspec.DecodeError, msgspec.ValidationError):
            return True
        wanted = self._wanted.get(type_)
        if wanted is None:
            class_ = event_class(type_)
            wanted = self._wanted[type_] = class_ is None or (self._handles is not None and class_ in self._handles)
        return wanted
