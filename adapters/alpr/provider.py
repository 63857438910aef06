"""A provider of plate reads over HTTP, as docs/how-to/connect-plate-readers.md describes it.

`POST <url>/searches` with a bearer key; the plate goes in the body, because addresses end up in logs.
"""

from __future__ import annotations

from datetime import datetime

import httpx
import msgspec

from application.plates import Answer, Asked, ProviderFailed, Sighting
from domain.kernel import InvalidValue, Place

TIMEOUT = httpx.Timeout(10.0, connect=2.0)
MOST_BYTES = 4 * 1024 * 1024


class SearchRequest(msgspec.Struct, frozen=True):
    """Plate with '?' for each unknown character; no `readers` means all."""

    search: str
    seen_from: datetime
    seen_until: datetime
    plate: str | None
    plate_state: str | None
    other: str | None
    readers: tuple[str, ...]
    limit: int


class SearchResponse(msgspec.Struct, frozen=True, forbid_unknown_fields=False):
    """Newest first. `more`: there are more than were asked for."""

    sightings: tuple[Seen, ...]
    more: bool = False


class Seen(msgspec.Struct, frozen=True):
    id: str
    plate: str
    reader: str
    seen_at: datetime
    plate_state: str | None = None
    latitude: float | None = None
    longitude: float | None = None


_responses = msgspec.json.Decoder(SearchResponse)


class HttpPlateProvider:
    """Implements `application.plates.PlateProvider`. `url`: where the provider's interface begins."""

    def __init__(self, name: str, url: str, key: str, http: httpx.Client) -> None:
        self.name = name
        self._url, self._key, self._http = url.rstrip("/"), key, http

    def search(self, asked: Asked) -> Answer:
        body = SearchRequest(
            asked.search,
            asked.seen_from,
            asked.seen_until,
            asked.plate,
            asked.plate_state,
            asked.other,
            asked.readers,
            asked.limit,
        )
        said = self._post(msgspec.json.encode(body))
        try:
            found = _responses.decode(said)
            sightings = tuple(_sighting(seen) for seen in found.sightings)
        except (msgspec.MsgspecError, InvalidValue):
            # The decoder's words may quote what was sent, and so a plate.
            raise ProviderFailed(f"{self.name} answered what cannot be read") from None
        return Answer(sightings[: asked.limit], found.more or len(sightings) > asked.limit)

    def _post(self, body: bytes) -> bytes:
        headers = {"authorization": f"Bearer {self._key}", "content-type": "application/json"}
        try:
            with self._http.stream(
                "POST", f"{self._url}/searches", content=body, headers=headers, timeout=TIMEOUT
            ) as answer:
                if answer.status_code != 200:
                    raise ProviderFailed(f"{self.name} answered HTTP {answer.status_code}")
                said = bytearray()
                for chunk in answer.iter_bytes():
                    said += chunk
                    if len(said) > MOST_BYTES:
                        raise ProviderFailed(f"{self.name} answered more than {MOST_BYTES} bytes")
                return bytes(said)
        except httpx.HTTPError as error:
            raise ProviderFailed(f"{self.name} did not answer ({type(error).__name__})") from None


def _sighting(seen: Seen) -> Sighting:
    if seen.seen_at.tzinfo is None:
        raise InvalidValue("a sighting has no time zone", field="seen_at")
    there = seen.latitude is not None and seen.longitude is not None
    place = Place(seen.latitude or 0.0, seen.longitude or 0.0) if there else None
    return Sighting(seen.id, seen.plate, seen.plate_state, seen.reader, seen.seen_at, place)
