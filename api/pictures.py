"""Which picture of a feed somebody gets: the camera's own where nothing in it is hidden, else one that is masked."""

from __future__ import annotations

from typing import Literal

from adapters.poses.listening import Poses
from adapters.video.feeds import Capacity, MaskedFeeds, TooMany
from adapters.video.masked import NOTHING, Size
from adapters.video.pieces import Joined, Take
from adapters.video.remuxed import RemuxedFeeds
from adapters.video.tapped import Tapped, TappedFeeds
from application.handling import Handler
from application.mask_states import MaskState, MaskStates, mask_at
from domain.kernel import FeedId, Reason

Asked = Literal["full", "grid"]  # as the camera sends it, or small enough for a wall of tiles
PLAYED = "h264"  # what every browser plays as it is


class NotShown(Exception):
    """There is no picture that can be shown now."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.message)
        self.reason = reason


class Pictures:
    """Those of one recorder. `poses`: where drones looked, without which all of their picture is hidden as long as
    there is a zone to hide. Everything here may be called from any thread."""

    def __init__(self, handler: Handler, tapped: TappedFeeds, poses: Poses, capacity: Capacity | None = None) -> None:
        self._states, self._tapped, self._poses = MaskStates(handler), tapped, poses
        self._remuxed, self._masked = RemuxedFeeds(), MaskedFeeds(capacity)

    def source(self, feed: FeedId) -> Tapped:
        return self._tapped.source(feed)

    def hidden(self, feed: FeedId, person: str, override: str | None) -> MaskState:
        """What is to be hidden from somebody now: read in the store, never out of a read model. Raises
        StoreUnavailable."""
        return self._states.live(feed, person, override)

    def join(self, feed: FeedId, hidden: MaskState, size: Asked, take: Take) -> Joined:
        """Gives the picture from its last key frame on. Raises NotShown."""
        source = self.source(feed)
        parameters = source.parameters
        if hidden.nothing_hidden and (parameters is None or parameters.codec == PLAYED):
            return self._remuxed.join(feed, source, take)
        mask = NOTHING if hidden.nothing_hidden else mask_at(hidden, self._poses.track(feed).view)
        small = Size.GRID if size == "grid" else Size.FULL
        try:
            return self._masked.join(feed, hidden.key, small, source, mask, take)
        except TooMany as many:
            rule, accepted = (
                "what a machine can mask is bounded",
                "after another masked picture is closed, or in the grid",
            )
            raise NotShown(Reason("media_full", str(many), rule, accepted=accepted)) from None

    def running(self) -> int:
        return self._remuxed.running() + self._masked.running()

    def close(self) -> None:
        self._masked.close()
