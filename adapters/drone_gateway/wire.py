"""Orders over HTTP from the API to the drone gateway, both ends: a private network and one shared key."""

from __future__ import annotations

import hmac
from uuid import UUID

import httpx
import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from adapters.drone_gateway.sorties import Sorties
from application.gateway import GatewayUnavailable, Sent
from application.handling import Actor
from domain.drone import SafetyOrder

SAFETY_TIMEOUT_S = 25.0  # the gateway itself repeats an order for 15 s until the drone's mode obeys
ORDER_TIMEOUT_S = 30.0


class Safety(msgspec.Struct, frozen=True, tag=True):
    flight: str
    order: SafetyOrder
    actor: Actor
    detail: str
    command_id: UUID


class Launch(msgspec.Struct, frozen=True, tag=True):
    flight: str


class Goto(msgspec.Struct, frozen=True, tag=True):
    flight: str
    latitude: float
    longitude: float
    agl_m: float


class Camera(msgspec.Struct, frozen=True, tag=True):
    flight: str
    pitch_deg: float


class Refusal(msgspec.Struct, frozen=True):
    """Why an order was not sent."""

    code: str
    message: str


Order = Safety | Launch | Goto | Camera
_orders = msgspec.json.Decoder(Order)
_sent = msgspec.json.Decoder(Sent)
_refusal = msgspec.json.Decoder(Refusal)


class HttpDroneGateway:
    """The API's end. Implements `application.gateway.DroneGateway`."""

    def __init__(self, url: str, key: str, http: httpx.AsyncClient) -> None:
        self._url, self._key, self._http = f"{url}/orders", key, http

    async def safety(self, flight: str, order: SafetyOrder, actor: Actor, detail: str, command_id: UUID) -> Sent:
        return await self._send(Safety(flight, order, actor, detail, command_id), SAFETY_TIMEOUT_S)

    async def launch(self, flight: str) -> Sent:
        return await self._send(Launch(flight))

    async def goto(self, flight: str, latitude: float, longitude: float, agl_m: float) -> Sent:
        return await self._send(Goto(flight, latitude, longitude, agl_m))

    async def camera(self, flight: str, pitch_deg: float) -> Sent:
        return await self._send(Camera(flight, pitch_deg))

    async def _send(self, order: Order, within: float = ORDER_TIMEOUT_S) -> Sent:
        try:
            answer = await self._http.post(
                self._url,
                content=msgspec.json.encode(order),
                headers={"authorization": f"Bearer {self._key}"},
                timeout=httpx.Timeout(within, connect=2.0),
            )
        except httpx.HTTPError as error:
            raise GatewayUnavailable(f"the drone gateway did not answer ({type(error).__name__})") from error
        if answer.status_code == 409:
            refused = _refusal.decode(answer.content)
            raise GatewayUnavailable(refused.message, refused.code)
        if answer.status_code != 200:
            raise GatewayUnavailable(answer.text[:300])
        return _sent.decode(answer.content)


def routes(sorties: Sorties, key: str) -> list[Route]:
    """The gateway's end."""

    async def orders(request: Request) -> Response:
        given = request.headers.get("authorization", "").removeprefix("Bearer ")
        if not hmac.compare_digest(given.encode(), key.encode()):
            return Response("the key is not the gateway's: see SAFERWEHO_GATEWAY_KEY", 401)
        try:
            order = _orders.decode(await request.body())
        except msgspec.MsgspecError as error:
            return Response(f"not an order: {error}", 400)
        try:
            sent = await _obey(order)
        except GatewayUnavailable as error:
            refusal = Refusal(error.code, str(error))
            return Response(msgspec.json.encode(refusal), 409, media_type="application/json")
        return Response(msgspec.json.encode(sent), media_type="application/json")

    async def _obey(order: Order) -> Sent:
        match order:
            case Safety():
                return await sorties.safety(order.flight, order.order, order.actor, order.detail, order.command_id)
            case Launch():
                return await sorties.launch(order.flight)
            case Goto():
                return await sorties.goto(order.flight, order.latitude, order.longitude, order.agl_m)
            case Camera():
                return await sorties.camera(order.flight, order.pitch_deg)

    return [Route("/orders", orders, methods=["POST"])]
