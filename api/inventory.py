"""The public inventory of cameras: how many there are, and at which corners. No account, no script, no trace of who
reads it.

What anybody can see who walks by is public: that a camera stands at a corner, and since which month. What would help to
evade or attack it is not: where exactly it hangs and looks, what it sees and hides, whether it works, how it is reached
(Gov. Code §7929.210). Places are rounded to a thousandth of a degree, about a hundred metres.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from html import escape
from time import monotonic

import orjson
import psycopg
from psycopg_pool import PoolTimeout
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from api.feedback.page import FORM, framed
from api.feedback.words import LANGUAGES
from api.graphql.context import Services
from projections.cameras import queries as q
from projections.engine.reading import NoReadModel

PAGE, FILE = "/public/cameras", "/public/cameras.geojson"
KEPT_FOR_S = 30.0  # one question to the read model in that time, whoever asks
DECIMALS = 3
CACHE = {"cache-control": "public, max-age=300"}

WORDS = {
    "en": {
        "title": "Public safety cameras",
        "lead": "These are the fixed cameras that the Real-Time Watch Center at the West Hollywood Sheriff's Station"
        " can look at. Nobody looks without a purpose and a case, and every look is on a record that oversight reads.",
        "count": "Cameras that are up",
        "retired": "Taken down so far",
        "corner": "Corner",
        "since": "Since",
        "what": "What is told here and what is not",
        "told": "The corner, rounded to about a hundred metres, and the month in which the camera was put up. How it"
        " hangs and looks exactly, what its picture hides, whether it works at this moment and how it is reached is"
        " kept back, because it would help to evade or attack it (Gov. Code §7929.210).",
        "file": "The same as GeoJSON",
        "ask": "A question or a complaint about a camera",
        "as_of": "As of record no.",
        "none": "No camera is up.",
        "away": "The inventory cannot be shown now. Please try again in a minute.",
    },
    "es": {
        "title": "Cámaras de seguridad pública",
        "lead": "Estas son las cámaras fijas que el Centro de Vigilancia en Tiempo Real de la estación del Sheriff de"
        " West Hollywood puede mirar. Nadie mira sin un propósito y un caso, y cada mirada queda en un registro que la"
        " supervisión lee.",
        "count": "Cámaras instaladas",
        "retired": "Retiradas hasta ahora",
        "corner": "Esquina",
        "since": "Desde",
        "what": "Qué se dice aquí y qué no",
        "told": "La esquina, redondeada a unos cien metros, y el mes en que se instaló la cámara. Cómo cuelga y mira"
        " exactamente, qué oculta su imagen, si funciona en este momento y cómo se llega a ella se reserva, porque"
        " ayudaría a evadirla o atacarla (Gov. Code §7929.210).",
        "file": "Lo mismo como GeoJSON",
        "ask": "Una pregunta o queja sobre una cámara",
        "as_of": "Según el registro n.º",
        "none": "No hay ninguna cámara instalada.",
        "away": "El inventario no se puede mostrar ahora. Inténtelo de nuevo en un minuto.",
    },
}


@dataclass
class PublicInventory:
    """Answers anybody, out of the read model."""

    services: Services
    _kept: tuple[float, q.Public] | None = None

    def __post_init__(self) -> None:
        self._one_asks = asyncio.Lock()

    def routes(self) -> list[BaseRoute]:
        return [Route(PAGE, self._page, methods=["GET"]), Route(FILE, self._file, methods=["GET"])]

    async def _public(self) -> q.Public | None:
        """None: the read model does not answer."""
        async with self._one_asks:
            if self._kept is None or monotonic() - self._kept[0] > KEPT_FOR_S:
                try:
                    async with self.services.reads.connection() as connection:
                        self._kept = (monotonic(), await q.public(connection))
                except (NoReadModel, psycopg.OperationalError, PoolTimeout):
                    return None
            return self._kept[1]

    async def _file(self, request: Request) -> Response:
        found = await self._public()
        if found is None:
            words = orjson.dumps({"error": WORDS["en"]["away"]})
            return Response(words, 503, {"retry-after": "60"}, "application/json")
        return Response(orjson.dumps(geojson(found)), headers=CACHE, media_type="application/geo+json")  # RFC 7946 §12

    async def _page(self, request: Request) -> Response:
        language = _language(request)
        words, found = WORDS[language], await self._public()
        if found is None:
            answer = framed(language, PAGE, words["title"], f"<p>{escape(words['away'])}</p>", 503)
            answer.headers["retry-after"] = "60"
            return answer
        answer = framed(language, PAGE, words["title"], _body(language, found))
        answer.headers.update(CACHE)
        answer.headers["vary"] = "accept-language"
        return answer


def geojson(found: q.Public) -> dict[str, object]:
    return {
        "type": "FeatureCollection",
        "name": "public_safety_cameras",
        "position": found.checkpoint.position,
        "in_service": len(found.cameras),
        "retired": found.retired,
        "features": [
            {
                "type": "Feature",
                "geometry": {
                    "type": "Point",
                    "coordinates": [round(c.longitude, DECIMALS), round(c.latitude, DECIMALS)],
                },
                "properties": {"name": c.name, "installed": f"{c.installed_at:%Y-%m}"},
            }
            for c in found.cameras
        ],
    }


def _body(language: str, found: q.Public) -> str:
    words = WORDS[language]
    rows = "".join(
        f"<tr><td>{escape(camera.name)}</td><td>{camera.installed_at:%Y-%m}</td></tr>" for camera in found.cameras
    )
    head = f'<tr><th scope="col">{escape(words["corner"])}</th><th scope="col">{escape(words["since"])}</th></tr>'
    table = f"<table><thead>{head}</thead><tbody>{rows}</tbody></table>" if rows else f"<p>{escape(words['none'])}</p>"
    return f"""<p>{escape(words["lead"])}</p>
<div class="box"><p>{escape(words["count"])}: <strong>{len(found.cameras)}</strong></p>
<p>{escape(words["retired"])}: {found.retired}</p>
<p class="soft">{escape(words["as_of"])} {found.checkpoint.position}</p></div>
{table}
<h2>{escape(words["what"])}</h2><p>{escape(words["told"])}</p>
<p><a href="{FILE}">{escape(words["file"])}</a></p><p><a href="{FORM}?lang={language}">{escape(words["ask"])}</a></p>"""


def _language(request: Request) -> str:
    asked = [part.partition(";")[0].strip()[:2] for part in request.headers.get("accept-language", "").split(",")]
    return next((code for code in (request.query_params.get("lang", ""), *asked) if code in LANGUAGES), "en")
