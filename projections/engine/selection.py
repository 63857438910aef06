"""Which records of the feed a consumer wants, found by the event's type before its data is read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

import domain.catalogue  # noqa: F401  # makes the registry complete: a type not imported would look like poison
from application.codec import Recorded, decode, event_class
from application.sealing import Keyring, personal_values
from domain.subject_key import SubjectKeyDestroyed
from projections.engine.feed import FeedRecord
from projections.engine.projection import AnyProjection


class _Type(msgspec.Struct):
    type: str


_type_of = msgspec.json.Decoder(_Type)


class Selection:
    """Decodes the events of the given classes (None: all). A type that the registry doesn't know is never skipped:
    nobody can say that it doesn't matter. With `keys` what is personal can be opened."""

    def __init__(self, handles: Iterable[type] | None, keys: Keyring | None = None) -> None:
        self._handles = frozenset(handles) if handles is not None else None
        self._keys = keys
        self._wanted: dict[str, bool] = {}

    def decoded(self, records: Sequence[FeedRecord]) -> list[Recorded]:
        """Raises UnreadableEvent at the first record that cannot be read."""
        wanted = records if self._handles is None else [r for r in records if self._wants(r.content)]
        events = [decode(r.content, r.position, self._keys) for r in wanted]
        if self._keys is not None:
            self._keys.warm({personal.subject for e in events for personal in personal_values(e.event)})
        return events

    def wants_any(self, records: Sequence[FeedRecord]) -> bool:
        """Whether there is something to decode among these."""
        return self._handles is None or any(self._wants(record.content) for record in records)

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


def selection_of(projection: AnyProjection, keys: Keyring | None) -> Selection:
    """What a read model is given. Raises ValueError where it keeps something personal and there are no keys."""
    if not projection.personal:
        return Selection(projection.handles)
    if keys is None:
        raise ValueError(f"{projection.name} keeps something personal: its process needs a keyring")
    handles = projection.handles
    return Selection(handles if handles is None else handles | {SubjectKeyDestroyed}, keys)
