"""The public's own door: feedback without an account, without scripts and without a trace of who sent it.

Nothing is kept but what was typed and when it came. The form is sealed when it is shown, so that only our own is
taken, and sent twice it counts once: the seal holds the seed of the receipt number, and the complaint's id is a
function of that.
"""

from __future__ import annotations

import asyncio
import base64
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, urlsplit

from prometheus_client import Counter
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from adapters.allowances import PostgresAllowances, Rate
from adapters.identity.session_cookie import Sealed
from api.bodies import body_within
from api.feedback import page
from api.feedback.words import LANGUAGES
from application.complaints import RECEIPT_BYTES, Complaints, Feedback, complaint_of, receipt_of
from application.handling import Accepted, Mistaken, Unavailable
from application.ports import StoreUnavailable
from application.standing import service
from domain.complaint import FeedbackChannel, Topic
from domain.kernel import Mistake

BODY_LIMIT = 64 * 1024  # 5,000 characters, each up to twelve bytes when percent-encoded
FORM_LIFETIME = timedelta(hours=24)  # somebody may write for long, or be called away
MESSAGES = Rate(5, timedelta(minutes=10))
LOOKUPS = Rate(20, timedelta(minutes=1))
FEEDBACK = Counter("saferweho_feedback_total", "Feedback sent through the public form", ["outcome"])


class PublicForm:
    """Routes of the public page. `base_url`: where this page is; forms sent from elsewhere are not taken."""

    def __init__(self, complaints: Complaints, allowances: PostgresAllowances, seal: Sealed, base_url: str) -> None:
        self._complaints, self._allowances, self._seal = complaints, allowances, seal
        base = urlsplit(base_url)
        self._origin = f"{base.scheme}://{base.netloc}"

    def routes(self) -> list[Route]:
        return [
            Route(page.FORM, self._show, methods=["GET"]),
            Route(page.FORM, self._take, methods=["POST"]),
            Route(page.RECEIPT, self._ask, methods=["GET"]),
            Route(page.RECEIPT, self._look, methods=["POST"]),
        ]

    # -- writing -----------------------------------------------------------------

    async def _show(self, request: Request) -> Response:
        return page.form(_language(request), self._token(), {})

    async def _take(self, request: Request) -> Response:
        given = await _fields(request)
        language = _language(request, given)
        if given is None:
            return page.plain(language, "large", 413)
        if not self._from_here(request):
            return self._again(language, given, "origin", 403)
        if given.get("trap"):
            return self._again(language, given, "trap", 400)
        seed = self._seal.open(given.get("form", ""), str)
        if seed is None:
            return self._again(language, given, "form", 400)
        if given.get("topic") not in set(Topic):
            return self._again(language, given, "topic", 400)
        try:
            if not await asyncio.to_thread(self._may, "feedback", request, MESSAGES):
                return self._again(language, given, "busy", 429)
            return await self._receive(language, given, receipt_of(base64.b64decode(seed)))
        except StoreUnavailable:
            return self._again(language, given, "away", 503)

    async def _receive(self, language: str, given: Mapping[str, str], receipt: str) -> Response:
        """Raises StoreUnavailable."""
        feedback = Feedback(
            FeedbackChannel.FORM,
            Topic(given["topic"]),
            given.get("said", ""),
            datetime.now(UTC),
            given.get("name", ""),
            given.get("contact", ""),
            given.get("wants_answer") == "yes",
        )
        id_ = complaint_of(receipt)
        actor = service("service-community")
        try:
            told = await asyncio.to_thread(self._complaints.receive, actor, feedback, id_)
        except Mistake as mistake:
            return self._again(language, given, _code(mistake.field), 400)
        match told:
            case Accepted():
                FEEDBACK.labels("taken").inc()
                return page.received(language, receipt)
            case Mistaken(code="command_id_reused"):
                # The same form again: with the same words it is the same message.
                before = await asyncio.to_thread(self._complaints.said, str(id_))
                if before is not None and before.said == feedback.said.strip():
                    return page.received(language, receipt)
                return self._again(language, given, "sent", 409)
            case Mistaken(field=field):
                return self._again(language, given, _code(field), 400)
            case Unavailable():
                raise StoreUnavailable(told.message)
            case _:
                return self._again(language, given, "away", 503)

    def _again(self, language: str, given: Mapping[str, str], code: str, status: int) -> Response:
        """The form with what was typed, and a fresh seal."""
        FEEDBACK.labels(code).inc()
        answer = page.form(language, self._token(), given, [code], status)
        if status in (429, 503):
            answer.headers["retry-after"] = str(int(MESSAGES.every.total_seconds()) if status == 429 else 60)
        return answer

    def _token(self) -> str:
        seed = base64.b64encode(secrets.token_bytes(RECEIPT_BYTES)).decode()
        return self._seal.seal(seed, FORM_LIFETIME.total_seconds())

    # -- reading -----------------------------------------------------------------

    async def _ask(self, request: Request) -> Response:
        return page.lookup(_language(request))

    async def _look(self, request: Request) -> Response:
        given = await _fields(request)
        language = _language(request, given)
        if given is None:
            return page.plain(language, "large", 413)
        receipt = given.get("receipt", "")[:64]
        try:
            if not await asyncio.to_thread(self._may, "receipt", request, LOOKUPS):
                return page.lookup(language, receipt, errors=["busy"], status=429)
            found = await asyncio.to_thread(self._complaints.progress, str(complaint_of(receipt)))
        except Mistake:
            return page.lookup(language, receipt, errors=["receipt"], status=400)
        except StoreUnavailable:
            return page.lookup(language, receipt, errors=["away"], status=503)
        if found is None:
            return page.lookup(language, receipt, errors=["receipt"], status=404)
        return page.lookup(language, receipt, found)

    # -- who asks ----------------------------------------------------------------

    def _may(self, what: str, request: Request, rate: Rate) -> bool:
        """Raises StoreUnavailable."""
        address = request.client.host if request.client else ""
        return self._allowances.take(what, address, rate, datetime.now(UTC))

    def _from_here(self, request: Request) -> bool:
        """What a browser says of where its form stood; who says nothing is none that could be led astray."""
        origin = request.headers.get("origin")
        if origin is not None:
            return origin == self._origin
        return request.headers.get("sec-fetch-site", "same-origin") in ("same-origin", "none")


async def _fields(request: Request) -> dict[str, str] | None:
    """What was typed, by the name of its field; None where it is longer than anybody types. No form: nothing."""
    body = await body_within(request, BODY_LIMIT)
    if body is None:
        return None
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=20, errors="replace")
    except ValueError:
        return {}
    # Browsers send CR LF for a line break in a text (HTML, 'constructing the entry list').
    return {name: value.replace("\r\n", "\n") for name, value in pairs}


def _language(request: Request, given: Mapping[str, str] | None = None) -> str:
    """As chosen on the page, else the first that the browser asks for and we speak."""
    chosen = (given or {}).get("lang") or request.query_params.get("lang", "")
    asked = [part.partition(";")[0].strip()[:2] for part in request.headers.get("accept-language", "").split(",")]
    return next((code for code in (chosen, *asked) if code in LANGUAGES), "en")


def _code(field: str | None) -> str:
    return field if field is not None and field in ("topic", "name", "contact") else "said"
