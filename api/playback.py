"""`/hls/…`: footage played out of the vault, for whoever has a token of an open viewing.

Invariants: no byte of a picture leaves before the event that reserves it is on the record, and what is reserved is what
is sent next and no more; what has not left when a reservation is over, or the override that it was made under, does not
leave; what left is counted as it is handed to the connection, and accounted for also where the person went away in the
middle; whoever's token, viewing, session, range or override is not in order gets a named refusal and nothing else.
Without the store nothing new leaves.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any

import structlog
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from adapters.identity.picture_tokens import PictureRefused, PictureTokens, Ticket
from adapters.vault import StorageFault
from adapters.video.feeds import TooMany
from adapters.video.playback import (
    MEDIA_TYPE,
    FootageFault,
    Piece,
    Reels,
    Sent,
    moment,
    piece_at,
    pieces,
    playlist,
)
from api.attempts import REFUSED, Attempts
from application.handling import Accepted, Actor, Mistaken, Outcome, Refused, Unavailable
from application.mask_states import MaskState, MaskStates
from application.ports import StoreUnavailable
from application.viewings import Showing, Viewings
from domain import checks
from domain.kernel import Mistake, Reason
from domain.privacy_override_events import Range
from domain.viewing import AHEAD

CHUNK = 16 * 1024  # bytes handed to a connection at once
STALLED_S = 20.0  # one that takes nothing for so long is given up
LASTS_S = AHEAD.total_seconds()  # a reservation: who takes it drop by drop does not see it later than so
TURN_S = 30.0  # how long a request waits for the one before it, of the same viewing
FASTEST = 4.0  # times as fast as it was recorded
MOST_PLAYERS = 10_000
MADE_AT_ONCE = 64  # segments that are made, or wait for it, without holding up who asks what may be seen
# Attempts to see what was not granted. What else is refused is away, gone or too early, and was not kept from anybody.
NOT_OPENED = frozenset(
    {
        "token_expired",
        "token_other_use",
        "token_of_another_viewing",
        "token_superseded",
        "token_replayed",
        "not_your_viewing",
        "viewing_not_granted",
        "viewing_expired",
        "viewing_ended",
        "range_not_granted",
        "override_not_in_effect",
    }
)
NEWEST = "the newest token of the viewing (footagePicture)"
RULE = "no frame without a grant"
AWAY = "nobody can be shown anything: the event store does not answer"
log = structlog.get_logger()


class Refusal(Exception):
    """Nothing is sent, and why."""

    def __init__(self, status: int, reason: Reason, retry_after_s: int | None = None) -> None:
        super().__init__(reason.message)
        self.status, self.reason, self.retry_after_s = status, reason, retry_after_s

    def response(self) -> Response:
        headers = {}
        if self.retry_after_s is not None:
            headers["retry-after"] = str(self.retry_after_s)
        if self.status == 401:
            headers["www-authenticate"] = "Bearer"
        return JSONResponse(asdict(self.reason), self.status, headers)


def refused(
    status: int,
    code: str,
    message: str,
    field_: str | None = None,
    accepted: str | None = None,
    retry_after_s: int | None = None,
) -> Refusal:
    return Refusal(status, Reason(code, message, RULE, field_, accepted), retry_after_s)


# -- one viewing's player ----------------------------------------------------


@dataclass(slots=True)
class Pace:
    """How far ahead of the clock a player may be: AHEAD of footage at once, and then as fast as FASTEST plays."""

    left_s: float = AHEAD.total_seconds()
    at: float = field(default_factory=time.monotonic)

    def wait_s(self, seconds: float) -> float:
        """Until there is room for so much more."""
        self._look()
        return max(0.0, (seconds - self.left_s) / FASTEST)

    def took(self, seconds: float) -> None:
        self._look()
        self.left_s -= seconds

    def _look(self) -> None:
        now = time.monotonic()
        self.left_s = min(AHEAD.total_seconds(), self.left_s + FASTEST * (now - self.at))
        self.at = now


@dataclass(slots=True)
class Player:
    """Whoever plays a viewing: the token that counts, and from where it was used first."""

    ticket: Ticket
    source: str
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    pace: Pace = field(default_factory=Pace)

    @asynccontextmanager
    async def its_turn(self) -> AsyncIterator[None]:
        """One transfer at a time: what is reserved and not yet accounted for is at most one segment."""
        try:
            async with asyncio.timeout(TURN_S):
                await self.turn.acquire()
        except TimeoutError:
            message = "another segment of this viewing is still on its way: try again when it has come"
            raise refused(429, "too_far_ahead", message, retry_after_s=2) from None
        try:
            yield
        finally:
            self.turn.release()


class Players:
    """Of this process. A token from before what it remembers is not taken: who could say whether there is a newer one?
    Whoever holds it asks for another."""

    def __init__(self, most: int = MOST_PLAYERS) -> None:
        self._of: OrderedDict[str, Player] = OrderedDict()
        self._most = most
        self._remembers_since = datetime.now(UTC)

    def admitted(self, ticket: Ticket, source: str) -> Player:
        """Raises Refusal."""
        player = self._of.get(ticket.subject)
        if player is None:
            if ticket.issued_at < self._remembers_since:
                message = "this token is from before a restart: ask for another"
                raise refused(401, "token_expired", message, "token", NEWEST)
            player = self._of[ticket.subject] = Player(ticket, source)
            while len(self._of) > self._most:
                _, forgotten = self._of.popitem(last=False)
                self._remembers_since = max(self._remembers_since, forgotten.ticket.issued_at)
        elif ticket.id != player.ticket.id:
            if ticket.issued_at < player.ticket.issued_at:
                message = "a newer token of this viewing is in use: it plays in one place"
                raise refused(403, "token_superseded", message, accepted=NEWEST)
            player.ticket, player.source = ticket, source
        elif source != player.source:
            raise refused(403, "token_replayed", "this token is in use elsewhere", accepted="a token of one's own")
        self._of.move_to_end(ticket.subject)
        return player


# -- what was asked for ------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Asked:
    """By a request that is in order so far."""

    actor: Actor
    ticket: Ticket
    player: Player
    showing: Showing
    pieces: list[Piece]
    whole: MaskState  # of all that was granted

    @property
    def encoded(self) -> bool:
        return self.showing.override is None and not self.whole.nothing_hidden


class Playback:
    def __init__(self, viewings: Viewings, reels: Reels, states: MaskStates, tokens: PictureTokens) -> None:
        self._viewings, self._reels, self._states, self._tokens = viewings, reels, states, tokens
        self._players = Players()
        self._attempts = Attempts(viewings.attempted)
        self._makers = ThreadPoolExecutor(MADE_AT_ONCE, "footage")

    def routes(self) -> list[BaseRoute]:
        return [
            Route("/hls/{viewing}/index.m3u8", _Endpoint(self._playlist, self._refused)),
            Route("/hls/{viewing}/still", _Endpoint(self._still, self._refused)),
            Route("/hls/{viewing}/telemetry", _Endpoint(self._telemetry, self._refused)),
            Route("/hls/{viewing}/{name}", _Endpoint(self._part, self._refused)),
        ]

    # -- answers -------------------------------------------------------------

    async def _playlist(self, request: Request, send: Send) -> None:
        asked = await self._asked(request)
        granted = asked.showing.range
        within = Range(_time(request, "since") or granted.since, _time(request, "until") or granted.until)
        if not granted.covers(within) or within.since >= within.until:
            accepted = f"{granted.since.isoformat()} to {granted.until.isoformat()}"
            raise refused(416, "range_not_granted", "this was not granted", "since", accepted)
        some = pieces([(piece.part, piece.entry) for piece in asked.pieces], within)
        if not some:
            message = "no segment of this footage lies within what was granted from its beginning to its end"
            raise refused(404, "not_found", message, "since", "a range of ten seconds or more")
        answer = PlainTextResponse(playlist(some), media_type=MEDIA_TYPE)
        await answer(request.scope, request.receive, send)

    async def _part(self, request: Request, send: Send) -> None:
        name: str = request.path_params["name"]
        if name.startswith("init-") and name.endswith(".mp4"):
            at = moment(name.removeprefix("init-").removesuffix(".mp4"))
        else:
            at = moment(name.removesuffix(".m4s")) if name.endswith(".m4s") else None
        if at is None:
            raise refused(404, "not_found", "there is nothing of this name", accepted="a name out of the playlist")
        asked = await self._asked(request)
        piece = self._piece(asked, at)
        if piece.entry.since != at:
            raise refused(404, "not_found", "no segment begins then", accepted="a name out of the playlist")
        if name.startswith("init-"):
            state = await self._state(asked, piece.range)
            sent = await self._made(asked, piece, state)
            await Response(sent.init, media_type="video/mp4")(request.scope, request.receive, send)
        else:
            await self._segment(asked, piece, request, send)

    async def _segment(self, asked: Asked, piece: Piece, request: Request, send: Send) -> None:
        transfer = Transfer(request, send)
        async with asked.player.its_turn():
            await asyncio.sleep(asked.player.pace.wait_s(piece.lasts_s))
            state = await self._state(asked, piece.range)
            number = await self._reserved(asked, piece.range)
            over = self._over(state)
            asked.player.pace.took(piece.lasts_s)
            ranges: tuple[Range, ...] = ()
            try:
                sent = await self._made(asked, piece, state)
                ranges = (piece.range,)  # should what follows fail to say how much
                await transfer.send(sent.body, "video/mp4", _headers(asked, piece.range), over)
                ranges = sent.shown(transfer.left, piece.range)
            finally:
                await self._account(asked, number, ranges if transfer.left else (), transfer.left)

    async def _still(self, request: Request, send: Send) -> None:
        at = _moment(request)
        asked = await self._asked(request)
        piece = self._piece(asked, at)
        around = await _in_a_thread(self._reels.around, piece, at)
        transfer = Transfer(request, send)
        async with asked.player.its_turn():
            state = await self._state(asked, around)
            number = await self._reserved(asked, around)
            over = self._over(state)
            try:
                picture = await _in_a_thread(self._reels.still, piece, at, state, around, among=self._makers)
                await transfer.send(picture, "image/jpeg", _headers(asked, around), over)
            finally:
                await self._account(asked, number, (around,) if transfer.left else (), transfer.left)

    async def _telemetry(self, request: Request, send: Send) -> None:
        """Of the segment that holds a moment, beside the picture and never in it. No picture is sent; what a mask would
        hide of it, and an override lifts, is a use of that override, which is on the record first."""
        at = _moment(request)
        asked = await self._asked(request)
        piece, state = self._piece(asked, at), asked.whole
        if asked.showing.override is not None and not asked.whole.nothing_hidden:
            async with asked.player.its_turn():
                state = await self._state(asked, piece.range)
                await self._account(asked, await self._reserved(asked, piece.range), (), 0)
        said = await _in_a_thread(self._reels.telemetry, piece, asked.pieces, state, among=self._makers)
        await JSONResponse(said)(request.scope, request.receive, send)

    # -- in order ------------------------------------------------------------

    async def _asked(self, request: Request) -> Asked:
        """Raises Refusal."""
        if request.method != "GET":
            raise refused(405, "invalid_value", "footage is read, and nothing else", accepted="GET")
        source = _source(request)
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        try:
            ticket = self._tokens.read(token.strip() if kind.lower() == "bearer" else "", "playback")
        except PictureRefused as error:
            request.state.ticket = error.ticket
            raise Refusal(401, error.reason()) from None
        request.state.ticket = ticket
        actor = Actor(ticket.person, ticket.person, "", frozenset(), ticket.session, source)
        showing, whole, some = await _in_a_thread(self._granted, actor, ticket)
        if ticket.subject != request.path_params["viewing"]:
            raise refused(403, "token_of_another_viewing", "this token is of another viewing")
        player = self._players.admitted(ticket, source)
        return Asked(actor, ticket, player, showing, some, whole)

    async def _refused(self, request: Request, reason: Reason) -> None:
        """Whose genuine ticket does not open what it was shown for is on the record."""
        REFUSED.labels(reason.code).inc()
        ticket: Ticket | None = getattr(request.state, "ticket", None)
        if ticket is not None and reason.code in NOT_OPENED:
            await self._attempts.put(ticket, _source(request), reason)

    def _granted(self, actor: Actor, ticket: Ticket) -> tuple[Showing, MaskState, list[Piece]]:
        showing = self._viewings.showing(actor, ticket.subject, ticket.override)
        if isinstance(showing, Reason):
            raise Refusal(_STATUS.get(showing.code, 403), showing)
        entries = self._reels.entries(showing)
        whole = self._states.recorded(showing.footage, showing.range, actor.person)
        return showing, whole, pieces(entries, showing.range)

    def _piece(self, asked: Asked, at: datetime) -> Piece:
        """Raises Refusal."""
        granted = asked.showing.range
        if not granted.since <= at < granted.until:
            accepted = f"{granted.since.isoformat()} to {granted.until.isoformat()}"
            raise refused(416, "range_not_granted", "this was not granted", "at", accepted)
        piece = piece_at(asked.pieces, at)
        if piece is None:
            raise refused(404, "not_found", "there is no footage of then within what was granted", "at")
        return piece

    async def _state(self, asked: Asked, range_: Range) -> MaskState:
        """The masks of a stretch; none only where an override lifts them or there are none."""
        showing = asked.showing
        state: MaskState = await _in_a_thread(
            self._states.recorded, showing.footage, range_, asked.actor.person, showing.override
        )
        if showing.override is not None and state.lifted_by is None and not state.nothing_hidden:
            message = "the override does not lift the masks of this stretch"
            raise refused(409, "override_not_in_effect", message, "override", "a token without an override")
        return state

    def _over(self, state: MaskState) -> float:
        """When what was reserved just now may not leave any more, by the clock of the event loop."""
        lasts = LASTS_S
        if state.lifted_until is not None:
            lasts = min(lasts, (state.lifted_until - self._viewings.handler.clock.now()).total_seconds())
        return asyncio.get_running_loop().time() + lasts

    async def _made(self, asked: Asked, piece: Piece, state: MaskState) -> Sent:
        def make() -> Sent:
            return self._reels.sent(piece, state, encoded=asked.encoded)

        sent: Sent = await _in_a_thread(make, among=self._makers)
        return sent

    # -- the record ----------------------------------------------------------

    async def _reserved(self, asked: Asked, range_: Range) -> int:
        """The reservation's number. Raises Refusal."""
        ticket = asked.ticket
        told: Outcome = await _in_a_thread(
            self._viewings.reserve, asked.actor, ticket.subject, range_, asked.showing.override
        )
        match told:
            case Accepted():
                return int(told.key)
            case Refused():
                raise Refusal(403, told.reasons[0])
            case Unavailable():
                raise refused(503, told.code, AWAY, retry_after_s=told.retry_after_s)
            case Mistaken():
                # The range was looked at before, so that what is wrong with it is how much else is on its way.
                code = "too_far_ahead" if told.code == "invalid_value" else told.code
                status = {"too_far_ahead": 429, "not_found": 410}.get(code, 409)
                retry = 2 if status == 429 else None
                raise refused(status, code, told.message, told.field, told.accepted, retry)

    async def _account(self, asked: Asked, number: int, ranges: tuple[Range, ...], size: int) -> None:
        """To its end, also where the request is given up meanwhile. What cannot be accounted for counts as seen."""

        def account() -> None:
            try:
                told = self._viewings.account(asked.actor, asked.ticket.subject, number, ranges, size)
            except StoreUnavailable as away:
                log.warning("not_accounted", viewing=asked.ticket.subject, number=number, why=str(away))
            else:
                if not isinstance(told, Accepted):
                    log.warning("not_accounted", viewing=asked.ticket.subject, number=number, told=str(told))

        await asyncio.shield(asyncio.to_thread(account))


# -- sending -----------------------------------------------------------------


class Transfer:
    """Of one body. `left`: bytes handed to the connection, each counted before it is: never less than what left, and
    more by no more than a chunk and what the connection holds back."""

    def __init__(self, request: Request, send: Send) -> None:
        self._request, self._send = request, send
        self.left = 0

    async def send(self, body: bytes, media: str, headers: dict[str, str], over: float) -> None:
        """Until all of it left, the other end is gone, or, by the clock of the event loop, it is `over`. Raises Refusal
        where it is before the first byte."""
        loop = asyncio.get_running_loop()
        if loop.time() >= over:
            message = "the time to send what was reserved was over before it could be: ask for it again"
            raise refused(503, "reservation_over", message, retry_after_s=2)
        start = Response(None, headers={**headers, "content-type": media, "content-length": str(len(body))})
        gone = asyncio.ensure_future(self._gone())
        try:
            await asyncio.sleep(0)
            if gone.done():
                return
            await self._send({"type": "http.response.start", "status": 200, "headers": start.raw_headers})
            while self.left < len(body) and not gone.done():
                left_s = over - loop.time()
                if left_s <= 0:
                    raise TimeoutError
                chunk = body[self.left : self.left + CHUNK]
                self.left += len(chunk)
                part = {"type": "http.response.body", "body": chunk, "more_body": self.left < len(body)}
                await asyncio.wait_for(self._send(part), min(STALLED_S, left_s))
                await asyncio.sleep(0)  # so that it is heard of where the other end has gone
        except TimeoutError:
            log.info("transfer_cut", path=self._request.url.path, left=self.left)
        finally:
            gone.cancel()

    async def _gone(self) -> None:
        while (await self._request.receive())["type"] != "http.disconnect":
            pass


def _headers(asked: Asked, range_: Range) -> dict[str, str]:
    return {
        "x-footage-since": range_.since.isoformat(),
        "x-footage-until": range_.until.isoformat(),
        "x-footage-masked": str(asked.showing.override is None).lower(),
    }


class _Endpoint:
    """Plain ASGI, so that who answers sees each byte leave."""

    def __init__(
        self,
        answer: Callable[[Request, Send], Awaitable[None]],
        refused: Callable[[Request, Reason], Awaitable[None]],
    ) -> None:
        self._answer, self._refused = answer, refused

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            await self._answer(request, send)
        except Refusal as refusal:
            await self._refused(request, refusal.reason)
            await refusal.response()(scope, receive, send)


# What a viewing or its footage is not fit for, and how HTTP says so.
_STATUS = {
    "viewing_expired": 409,
    "viewing_ended": 409,
    "viewing_not_granted": 409,
    "override_not_in_effect": 409,
    "footage_destroyed": 410,
    "footage_lost": 410,
    "footage_unknown": 404,
    "footage_damaged": 422,
    "not_found": 404,
}


async def _in_a_thread(do: Callable[..., Any], *arguments: Any, among: Executor | None = None) -> Any:
    """What `do` gives. `among`: None, those who ask the store. Raises Refusal for whatever it cannot give."""
    try:
        if among is None:
            return await asyncio.to_thread(do, *arguments)
        return await asyncio.get_running_loop().run_in_executor(among, partial(do, *arguments))
    except StoreUnavailable as away:
        raise refused(503, "store_unavailable", str(away), retry_after_s=5) from None
    except StorageFault as away:
        log.error("vault_away", why=str(away))
        raise refused(503, "storage_unavailable", "the vault does not answer", retry_after_s=5) from None
    except TooMany as full:
        raise refused(503, "media_full", str(full), retry_after_s=5) from None
    except FootageFault as fault:
        raise refused(_STATUS[fault.code], fault.code, fault.message, fault.field) from None
    except Mistake as mistake:
        raise refused(404, mistake.code, mistake.message, mistake.field, mistake.accepted) from None


def _source(request: Request) -> str:
    return request.client.host if request.client else ""


def _moment(request: Request) -> datetime:
    """Raises Refusal."""
    if (at := _time(request, "at")) is None:
        raise refused(400, "invalid_value", "say of when", "at", "a time with its zone, 2026-06-01T12:00:00Z")
    return at


def _time(request: Request, name: str) -> datetime | None:
    """Raises Refusal for what is no time with its zone."""
    if (said := request.query_params.get(name)) is None:
        return None
    try:
        return checks.aware(name, datetime.fromisoformat(said)).astimezone(UTC)
    except (ValueError, OverflowError, Mistake):
        accepted = "a time with its zone, 2026-06-01T12:00:00Z"
        raise refused(400, "invalid_value", "this is no time with its zone", name, accepted) from None
