"""Which picture of a feed somebody gets: the camera's own where nothing in it is hidden, else none that shows it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from adapters.video.pieces import Joined, Take
from adapters.video.remuxed import RemuxedFeeds
from adapters.video.tapped import Tapped, TappedFeeds
from application.handling import Handler
from domain.camera import CAMERA, Installed
from domain.kernel import FeedId, Reason

Size = Literal["full", "grid"]  # as the camera sends it, or small enough for a wall of tiles
FAIL_CLOSED = "what cannot be masked is not shown"


@dataclass(frozen=True, slots=True)
class Look:
    """How a feed is to be shown to somebody now. `key`: equal for what is the same picture; `masked`: something in it
    is hidden; `override`: what lifts the mask, and `lifted_until`: no longer than so."""

    key: str
    masked: bool
    override: str | None = None
    lifted_until: datetime | None = None


class NotShown(Exception):
    """There is no picture that may be shown. `for_good`: nor will there be."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.message)
        self.reason = reason


class Pictures:
    """Those of one recorder. Everything here may be called from any thread, and waits for nobody but the store."""

    def __init__(self, handler: Handler, tapped: TappedFeeds) -> None:
        self._handler, self._tapped = handler, tapped
        self._remuxed = RemuxedFeeds()

    def source(self, feed: FeedId) -> Tapped:
        return self._tapped.source(feed)

    def look(self, feed: FeedId, person: str, override: str | None) -> Look:
        """Read in the store, never out of a read model. Raises StoreUnavailable."""
        kind, _, key = feed.partition("-")
        state = self._handler.states.load([(CAMERA, key)])[CAMERA.stream(key)][1] if kind == CAMERA.name else None
        if isinstance(state, Installed) and not state.outlines:
            return Look("nothing hidden", masked=False)
        return Look("hidden", masked=True)

    def join(self, feed: FeedId, look: Look, size: Size, take: Take) -> Joined:
        """Gives the picture from its last key frame on. Raises NotShown."""
        source = self.source(feed)
        if look.masked:
            said = "something in this picture is to be hidden, and this process cannot hide it"
            raise NotShown(Reason("no_masking", said, FAIL_CLOSED))
        parameters = source.parameters
        if parameters is not None and parameters.codec != "h264":
            said = f"the camera sends {parameters.codec}, which browsers do not play"
            raise NotShown(Reason("no_picture", said, "pictures are shown as H.264", accepted="H.264"))
        return self._remuxed.join(feed, source, take)

    def running(self) -> int:
        return self._remuxed.running()
