"""Live pictures over WebSockets: a ticket first, then fragments of MP4, for as long as the store says so.

Invariants: no picture leaves before the store was asked whether it may go to this person now, nor after what the store
said has run out, nor unmasked after the override has; what left is on the record; who watches slowly misses pictures,
up to the next key frame, and holds back nobody else; whoever is cut off is told why.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import msgspec
import structlog
from prometheus_client import Counter, Gauge, Histogram
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from adapters.identity.picture_tokens import PictureRefused, PictureTokens, Ticket, UsedOnce
from adapters.video.pieces import Ended, Fragment, Init, Joined, Piece, Take
from api.attempts import REFUSED, Attempts
from api.pictures import Asked, NotShown, Pictures
from api.tally import Counted, Tallies, Tally
from application.handling import Actor, Outcome
from application.mask_states import MaskState
from application.ports import StoreUnavailable
from application.standing import service
from application.views import Permit, Views
from domain.kernel import FeedId, Mistake, Reason, StreamId

ASK_S = 1.0  # between two questions to the store whether a picture may go on
ANSWER_S = 5.0  # how long an answer is waited for; no picture leaves meanwhile that was not permitted before
TICKET_WITHIN_S = 5.0
SLOW_S = 10.0  # who takes nothing for so long is cut off
END_S = 1.0  # to say why
MOST_WAITING = 16 << 20  # bytes on their way to one who watches; shared with all who watch the same
MOST_SAID = 60  # messages of one connection
AGAIN_AT_MOST = 3  # times within RESTS_S that a picture that ended is begun anew
RESTS_S = 30.0
# Attempts on a view that was not granted, or is over; where it ends under a picture, that end is on the record already.
NOT_OPENED = frozenset({"view_not_granted", "view_expired", "view_ended"})
NOT_ITS_OWN = frozenset({"not_your_view", "token_other_feed"})

MEDIA = "service-media"
ENDED, NO_TICKET, TOO_MANY = 4000, 4401, 4429  # close codes of our own (RFC 6455 §7.4.2)
AWAY = Reason(
    "store_unavailable", "nobody can say whether this may be seen: the event store does not answer", "fail closed"
)
FULL = "media_full"
SLOW = Reason("too_slow", "this connection takes too little for a picture", "nobody who is slow holds others back")
NO_TOKEN = Reason(
    "token_missing", "no ticket came", "a ticket first", "token", 'a first message {"token": "…"} within 5 s'
)

WATCHERS = Gauge("saferweho_media_watchers", "Connections over which a live picture is watched")
FEEDS = Gauge("saferweho_media_feeds", "Feeds that somebody watches live")
BYTES = Counter("saferweho_media_live_bytes", "Bytes of live pictures that left", ["masked"])
FRAGMENTS = Counter("saferweho_media_live_fragments", "Fragments of live pictures that left")
SKIPPED = Counter("saferweho_media_live_skipped", "Fragments that a slow connection did not get")
ENDS = Counter("saferweho_media_ended", "Pictures that were ended from here, by reason", ["code"])
FIRST = Histogram(
    "saferweho_media_first_fragment_seconds",
    "From the connection to the first fragment that left",
    buckets=(0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10),
)
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Most:
    """Connections at once: that watch, in all and of one person, and that have not shown a ticket yet."""

    watching: int = 512
    each: int = 64
    silent: int = 64


def full(message: str, accepted: str = "later") -> Reason:
    return Reason(FULL, message, "what is shown is bounded", accepted=accepted)


class Over(Exception):
    """The picture ends here. `code`: of the WebSocket's close."""

    def __init__(self, reason: Reason, code: int = ENDED) -> None:
        super().__init__(reason.message)
        self.reason, self.code = reason, code


class _Said(msgspec.Struct):
    """What a console says: a ticket, also in the middle of a picture, for one that is masked otherwise."""

    token: str


class Outlet:
    """What is on its way to one connection. Belongs to the event loop; what `taking` gives is for any thread."""

    def __init__(self, most: int = MOST_WAITING) -> None:
        self._loop = asyncio.get_running_loop()
        self._most = most
        self._queue: deque[str | Piece] = deque()
        self._size = 0
        self._some = asyncio.Event()
        self._number = 0
        self._needs_key = True

    def taking(self) -> Take:
        """For the picture that is to be shown from now on: of the one before nothing more leaves."""
        self._number += 1
        number = self._number
        self._keep(lambda item: isinstance(item, str))

        def take(piece: Piece) -> None:
            with suppress(RuntimeError):  # the loop is closed: the process ends
                self._loop.call_soon_threadsafe(self._put, number, piece)

        return take

    def say(self, text: str) -> None:
        self._queue.append(text)
        self._some.set()

    def _put(self, number: int, piece: Piece) -> None:
        if number != self._number:
            return
        match piece:
            case Init():
                self._drop_fragments()
            case Fragment(data=data, key=key):
                if self._needs_key and not key:
                    SKIPPED.inc()
                    return
                self._needs_key = False
                if self._size + len(data) > self._most:
                    self.skip()
                    return
                self._size += len(data)
        self._queue.append(piece)
        self._some.set()

    def skip(self) -> None:
        """What waits is not sent any more; it goes on with the next key frame."""
        SKIPPED.inc(self._drop_fragments())

    def _drop_fragments(self) -> int:
        return self._keep(lambda item: not isinstance(item, Fragment))

    def _keep(self, which: Callable[[str | Piece], bool]) -> int:
        """How many were dropped."""
        before = len(self._queue)
        self._queue = deque(filter(which, self._queue))
        self._size, self._needs_key = 0, True
        return before - len(self._queue)

    async def next(self) -> str | Piece:
        while not self._queue:
            self._some.clear()
            await self._some.wait()
        item = self._queue.popleft()
        if isinstance(item, Fragment):
            self._size -= len(item.data)
        return item


@dataclass(eq=False)
class Watching:
    """One connection, of who has shown a ticket. `until`: as long as the store permits a picture, without being asked
    again; None: it has not said yet whether it does."""

    socket: WebSocket
    ticket: Ticket
    actor: Actor
    size: Asked
    outlet: Outlet
    tally: Tally
    began: float = field(default_factory=time.monotonic)
    until: datetime | None = None
    ends_at: datetime | None = None
    hidden: MaskState | None = None
    joined: Joined | None = None
    broken: str | None = None  # why the picture must be begun anew
    begun: deque[float] = field(default_factory=deque)
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    told: str = ""
    stalled: str | None = None
    bytes: int = 0
    fragments: int = 0

    @property
    def feed(self) -> FeedId:
        return FeedId(StreamId(self.ticket.feed))

    @property
    def shown(self) -> bool:
        return self.until is not None

    def may_leave(self, now: datetime) -> bool:
        if self.until is None or now >= self.until or self.hidden is None:
            return False
        return self.hidden.lifted_until is None or now < self.hidden.lifted_until


class Live:
    """All live pictures of this process, on one event loop. `origin`: of the pages; no other may ask from a browser."""

    def __init__(
        self,
        views: Views,
        pictures: Pictures,
        tokens: PictureTokens,
        origin: str,
        most: Most | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._views, self._pictures, self._tokens, self._origin, self._now = views, pictures, tokens, origin, clock
        self._most = most or Most()
        self._used = UsedOnce()
        self._tallies = Tallies(self._told)
        self._watching: set[Watching] = set()
        self._silent: dict[asyncio.Future[str], None] = {}  # what is waited for, since when in that order
        self._attempts = Attempts(views.attempted, clock)
        WATCHERS.set_function(lambda: sum(w.shown for w in list(self._watching)))
        FEEDS.set_function(lambda: len({w.feed for w in list(self._watching) if w.shown}))

    def standing(self) -> dict[str, Any]:
        """For `/health/ready`: each feed that is watched, by how many, and why no picture comes."""
        shown = [w for w in list(self._watching) if w.shown]
        feeds = sorted({w.feed for w in shown})
        return {
            "watchers": len(shown),
            "not_on_record": len(self._tallies),
            "feeds": {
                feed: {"watchers": self._watchers(feed), "fault": self._pictures.source(feed).fault} for feed in feeds
            },
        }

    def _watchers(self, feed: str) -> int:
        """Views of the feed that are shown, not connections: who has two windows is one."""
        return len({w.ticket.subject for w in self._watching if w.shown and w.feed == feed})

    def close(self) -> None:
        """What left is told, as far as the store answers."""
        for watching in self._watching:
            self._account(watching)
        self._tallies.close()

    # -- one connection ------------------------------------------------------

    async def serve(self, socket: WebSocket) -> None:
        origin = socket.headers.get("origin")
        if origin is not None and origin != self._origin:
            REFUSED.labels("other_origin").inc()
            await socket.close()  # before it is accepted: HTTP 403
            return
        await socket.accept()
        watching: Watching | None = None
        try:
            watching = await self._admitted(socket)
            await self._show(watching)
        except Over as over:
            (ENDS if watching is not None and watching.fragments else REFUSED).labels(over.reason.code).inc()
            await _end(socket, over)
        except WebSocketDisconnect:
            pass
        finally:
            if watching is not None:
                self._left(watching)

    def _left(self, watching: Watching) -> None:
        self._watching.discard(watching)
        self._account(watching)
        if watching.joined is not None:
            asyncio.get_running_loop().run_in_executor(None, watching.joined.leave)
        self._tell_all(watching.feed)
        log.info(
            "live_picture_left",
            view=watching.ticket.subject,
            feed=watching.feed,
            bytes=watching.bytes,
            fragments=watching.fragments,
            seconds=round(time.monotonic() - watching.began, 1),
        )

    async def _admitted(self, socket: WebSocket) -> Watching:
        """Raises Over and WebSocketDisconnect."""
        size = socket.query_params.get("size", "full")
        if size not in ("full", "grid"):
            raise Over(Reason("invalid_value", "'size' is none of the choices", "input", "size", "full, grid"))
        source = socket.client.host if socket.client else ""
        ticket = await self._ticket(await self._first_token(socket), socket.path_params["feed"], source)
        self._room(ticket.person)
        actor = Actor(ticket.person, ticket.person, "", frozenset(), ticket.session, source)
        tally = Tally(ticket.subject, ticket.id)
        watching = Watching(socket, ticket, actor, "grid" if size == "grid" else "full", Outlet(), tally)
        self._watching.add(watching)  # with no pause since there was room: of many at once no more get in than may
        return watching

    def _room(self, person: str) -> None:
        """Raises Over where there is none."""
        most, mine = self._most, sum(1 for w in self._watching if w.ticket.person == person)
        if mine >= most.each:
            said = f"you watch {mine} live pictures already, and one person may watch {most.each} at once"
            raise Over(full(said, "after another of your pictures is closed"), TOO_MANY)
        if len(self._watching) >= most.watching:
            said = f"{len(self._watching)} live pictures are watched already, as many as are shown here at once"
            raise Over(full(said, "after another picture is closed"), TOO_MANY)

    async def _first_token(self, socket: WebSocket) -> str:
        """Out of the header, which scripts can set, or the first message. Never out of the address: that is in logs.
        Raises Over and WebSocketDisconnect."""
        scheme, _, bearer = socket.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return bearer.strip()
        if len(self._silent) >= self._most.silent:
            # Whoever has a ticket shows it at once: who has been silent longest makes room.
            longest = next(iter(self._silent))
            del self._silent[longest]
            longest.cancel()
        said = asyncio.ensure_future(socket_text(socket))
        self._silent[said] = None
        try:
            await asyncio.wait((said,), timeout=TICKET_WITHIN_S)
            if not said.done():
                raise Over(NO_TOKEN, NO_TICKET)
            if said.cancelled():
                raise Over(full("too many connections wait here that have shown no ticket"), TOO_MANY)
            return _token_in(said.result())
        finally:
            self._silent.pop(said, None)
            said.cancel()

    async def _ticket(self, token: str, feed: str, source: str) -> Ticket:
        """Raises Over for what opens nothing."""
        try:
            ticket = self._tokens.read(token, "live")
            if ticket.feed != feed:
                raise PictureRefused("token_other_feed", "this ticket is for another feed", ticket)
            self._used.use(ticket)
            return ticket
        except PictureRefused as refused:
            if refused.ticket is not None:
                await self._attempts.put(refused.ticket, source, refused.reason())
            raise Over(refused.reason(), NO_TICKET) from None

    async def _show(self, watching: Watching) -> None:
        """Until somebody ends it. Raises Over and WebSocketDisconnect."""
        await self._permitted(watching)
        self._tell_all(watching.feed)
        parts = [
            asyncio.create_task(part(watching), name=part.__name__) for part in (self._ask, self._send, self._hear)
        ]
        try:
            done, _ = await asyncio.wait(parts, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for part in parts:
                part.cancel()
            await asyncio.gather(*parts, return_exceptions=True)
        for part in done:
            part.result()

    # -- asking --------------------------------------------------------------

    async def _ask(self, watching: Watching) -> None:
        """Whether it may go on, every second and whenever something runs out."""
        while True:
            assert watching.until is not None
            ends = [watching.until]
            if watching.hidden is not None and watching.hidden.lifted_until is not None:
                ends.append(watching.hidden.lifted_until)
            left = (min(ends) - self._now()).total_seconds()
            with suppress(TimeoutError):
                await asyncio.wait_for(watching.wake.wait(), min(ASK_S, max(left, 0.02)))
            watching.wake.clear()
            await self._permitted(watching)
            self._tell(watching)
            if watching.tally.due(self._now()):
                self._account(watching)

    async def _permitted(self, watching: Watching) -> None:
        """Raises Over where it may not go on. Without an answer, what was permitted before holds to its end."""
        try:
            answer = await asyncio.wait_for(asyncio.to_thread(self._asked, watching), ANSWER_S)
        except Mistake as mistake:
            raise Over(Reason(mistake.code, mistake.message, "input", mistake.field, mistake.accepted)) from None
        except (StoreUnavailable, TimeoutError):
            if watching.until is None or self._now() >= watching.until:
                raise Over(AWAY) from None
            return
        if isinstance(answer, Reason):
            if answer.code in NOT_ITS_OWN or (not watching.shown and answer.code in NOT_OPENED):
                await self._attempts.put(watching.ticket, watching.actor.source_address, answer)
            raise Over(answer)
        permit, hidden = answer
        watching.until, watching.ends_at = permit.valid_until, permit.until
        await self._picture(watching, hidden)

    def _asked(self, watching: Watching) -> tuple[Permit, MaskState] | Reason:
        """Raises StoreUnavailable and Mistake."""
        ticket = watching.ticket
        permit = self._views.permit(watching.actor, ticket.subject)
        if isinstance(permit, Reason):
            return permit
        if permit.feed != ticket.feed:
            return Reason("token_other_feed", "this view is of another feed", "no frame without a grant")
        return permit, self._pictures.hidden(permit.feed, ticket.person, ticket.override)

    async def _picture(self, watching: Watching, hidden: MaskState) -> None:
        """Begin the picture, or another one where it is to be shown otherwise. Raises Over."""
        before = watching.hidden
        if before is not None and (before.key, before.lifted_by) != (hidden.key, hidden.lifted_by):
            self._account(watching)
        watching.hidden = hidden
        if before is not None and before.key == hidden.key and watching.broken is None:
            return
        if watching.broken is not None:
            self._not_too_often(watching)
        watching.broken = None
        old, take = watching.joined, watching.outlet.taking()
        watching.joined = None
        try:
            watching.joined = await asyncio.to_thread(self._pictures.join, watching.feed, hidden, watching.size, take)
        except NotShown as none:
            raise Over(none.reason, TOO_MANY if none.reason.code == FULL else ENDED) from None
        finally:
            if old is not None:
                asyncio.get_running_loop().run_in_executor(None, old.leave)

    @staticmethod
    def _not_too_often(watching: Watching) -> None:
        now = time.monotonic()
        watching.begun.append(now)
        while watching.begun[0] < now - RESTS_S:
            watching.begun.popleft()
        if len(watching.begun) > AGAIN_AT_MOST:
            raise Over(Reason("no_picture", f"{watching.broken}", "what cannot be shown is ended"))

    # -- telling -------------------------------------------------------------

    def _tell_all(self, feed: str) -> None:
        for watching in self._watching:
            if watching.feed == feed:
                self._tell(watching)

    def _tell(self, watching: Watching) -> None:
        """What changed since it was told: when the view ends, who else watches, whether pictures come."""
        if watching.ends_at is None or watching.hidden is None:
            return
        view = _text(
            type="view",
            until=watching.ends_at,
            watchers=self._watchers(watching.feed),
            masked=not watching.hidden.nothing_hidden,
            override=watching.hidden.lifted_by,
        )
        if view != watching.told:
            watching.told = view
            watching.outlet.say(view)
        fault = self._pictures.source(watching.feed).fault
        if fault != watching.stalled:
            watching.stalled = fault
            if fault is not None:
                watching.outlet.say(_text(type="stalled", message=fault))

    async def _send(self, watching: Watching) -> None:
        """Raises Over where it takes nothing."""
        while True:
            match await watching.outlet.next():
                case str() as text:
                    await _out(watching.socket.send_text(text))
                case Init() as init:
                    assert watching.hidden is not None
                    picture = _text(
                        type="picture",
                        mime=init.media,
                        masked=not watching.hidden.nothing_hidden,
                        override=watching.hidden.lifted_by,
                        size=watching.size,
                        width=init.width,
                        height=init.height,
                    )
                    await _out(watching.socket.send_text(picture))
                    await _out(watching.socket.send_bytes(init.data))
                case Fragment() as fragment:
                    await self._fragment(watching, fragment)
                case Ended(why):
                    watching.broken = why
                    watching.wake.set()

    async def _fragment(self, watching: Watching, fragment: Fragment) -> None:
        if not watching.may_leave(self._now()):
            watching.outlet.skip()
            watching.wake.set()
            return
        assert watching.hidden is not None
        watching.tally.leaves(len(fragment.data), watching.hidden, self._now())
        await _out(watching.socket.send_bytes(fragment.data))
        if not watching.fragments:
            FIRST.observe(time.monotonic() - watching.began)
        watching.fragments += 1
        watching.bytes += len(fragment.data)
        FRAGMENTS.inc()
        whole = watching.hidden.nothing_hidden
        BYTES.labels("no" if whole else "yes").inc(len(fragment.data))

    def _account(self, watching: Watching) -> None:
        """What left since the last time is put on the record, as soon as the store takes it."""
        if (counted := watching.tally.taken()) is not None:
            self._tallies.put(counted)

    def _told(self, counted: Counted) -> Outcome:
        return self._views.account(service(MEDIA), counted.view, counted.served, counted.command_id)

    async def _hear(self, watching: Watching) -> None:
        """Another ticket of the same view, for a picture that is masked otherwise. Raises Over, WebSocketDisconnect."""
        for _ in range(MOST_SAID):
            source = watching.actor.source_address
            ticket = await self._ticket(_token_in(await socket_text(watching.socket)), watching.ticket.feed, source)
            mine, asked = watching.ticket, ticket
            if (asked.person, asked.session, asked.subject) != (mine.person, mine.session, mine.subject):
                refused = PictureRefused("token_other_view", "this ticket is for another view", asked)
                await self._attempts.put(asked, source, refused.reason())
                raise Over(refused.reason(), NO_TICKET)
            watching.ticket = ticket
            watching.wake.set()
        raise Over(Reason("too_many_messages", "too much was said here", "what is heard is bounded"))


# -- messages ----------------------------------------------------------------


def _text(**message: Any) -> str:
    return msgspec.json.encode(message).decode()


async def socket_text(socket: WebSocket) -> str:
    """Raises WebSocketDisconnect, and Over for what is no text."""
    message = await socket.receive()
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(message.get("code", 1006))
    text = message.get("text")
    if not isinstance(text, str):
        raise Over(NO_TOKEN, NO_TICKET)
    return text


def _token_in(text: str) -> str:
    try:
        return msgspec.json.decode(text, type=_Said).token
    except msgspec.MsgspecError:
        raise Over(NO_TOKEN, NO_TICKET) from None


async def _out(sending: Any) -> None:
    """Raises Over, and WebSocketDisconnect where nobody is there any more."""
    try:
        await asyncio.wait_for(sending, SLOW_S)
    except TimeoutError:
        raise Over(SLOW) from None


async def _end(socket: WebSocket, over: Over) -> None:
    """Says why, as far as it is taken, and closes."""
    reason = over.reason
    said = {
        "code": reason.code,
        "message": reason.message,
        "rule": reason.rule,
        "field": reason.field,
        "accepted": reason.accepted,
    }
    with suppress(TimeoutError, WebSocketDisconnect, RuntimeError):
        async with asyncio.timeout(END_S):
            await socket.send_text(_text(type="end", reason=said))
            if socket.application_state is WebSocketState.CONNECTED:
                await socket.close(over.code, reason.code)
