"""`saferweho api`: GraphQL, CAD intake, sign-in and the pages."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import httpx
import psycopg
import structlog
import uvicorn
import uvloop
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool
from starlette.routing import BaseRoute
from starlette.types import ASGIApp

from adapters.allowances import PostgresAllowances
from adapters.alpr import HttpPlateProvider
from adapters.conditions import sources as condition_files
from adapters.drone_gateway.wire import HttpDroneGateway
from adapters.event_store.pool import SmallPool, closed_by_server
from adapters.exports.progress import PostgresProgress
from adapters.geometry import CountyGeometry
from adapters.heartbeats import PostgresHeartbeats
from adapters.identity.development_issuer import DevelopmentIssuer
from adapters.identity.issuer_documents import IssuerDocuments
from adapters.identity.keys import session_keys
from adapters.identity.picture_tokens import PictureTokens
from adapters.identity.session_cookie import Sealed
from adapters.identity.verifier import Identity, TokenVerifier
from adapters.reports import TypstPress
from api import cad, scim
from api.feedback import PublicForm
from api.graphql.context import READ_SLOTS, Services
from api.http import PAGES, build_app, proof_of
from api.inventory import PublicInventory
from api.processes import wiring
from api.processes.running import Running, running
from api.settings import Settings, SettingsError
from api.sign_in import SignIn
from api.standings import Standings
from application.accounts import LOCKED, Accounts, SignOnRefused, SignOnUnavailable
from application.audit_export import AuditExports
from application.calls import Calls
from application.cameras import Cameras
from application.cases import Cases
from application.complaints import Complaints
from application.exports import Disclosures, Exports
from application.fleet import Fleet
from application.flights import Flights, StandingPapers
from application.handling import Actor, Handler, Refused, Unavailable
from application.mask_states import MaskStates
from application.overrides import Overrides
from application.oversight import Oversight
from application.people import Provisioning, Shifts
from application.personal_data import PersonalData
from application.pilots import Pilots
from application.plates import Plates
from application.policies import Policies
from application.ports import StoreUnavailable
from application.readings import Readings
from application.retention import Retention
from application.viewings import Viewings
from application.views import Reasons, Views
from application.zones import Zones
from domain.launch import AirspaceAuthority, AuthorityKind, Separation, SeparationMethod
from projections.access.queries import EarlierLooks
from projections.audit_trail.deeds import DeedsInTheTrail
from projections.engine.wait import AppliedPositions

log = structlog.get_logger()


def run() -> None:
    needs = ["DATABASE_URL", "SAFERWEHO_GATEWAY_KEY"]
    with running("api", needs) as process, wiring.handler(process.settings) as handler:
        uvloop.run(serve(process, handler))


async def serve(process: Running, handler: Handler, pages: Path = PAGES) -> None:
    """Until `process.stop` is set. Needs DATABASE_URL and SAFERWEHO_GATEWAY_KEY."""
    settings = process.settings
    assert settings.write_url and settings.read_url and settings.gateway_key
    async with httpx.AsyncClient() as http, AsyncExitStack() as stack:
        readers = stack.enter_context(httpx.Client())
        heartbeats = stack.enter_context(PostgresHeartbeats(settings.write_url))
        read_models = stack.enter_context(SmallPool(settings.read_url, "commands", _read_models_away))
        session_key = settings.session_key.get_secret_value() if settings.session_key else None
        sealing = session_keys(settings.home, session_key)
        allowances = stack.enter_context(PostgresAllowances(settings.write_url, sealing[0].raw_value))
        accounts = Accounts(handler)
        flights = Flights(handler)
        flights.papers = standing_papers(settings)
        if settings.conditions is not None:
            flights.sources = condition_files(settings.conditions)
        retention, personal_data = Retention(handler), PersonalData(handler)
        retention.key_backups_kept = personal_data.key_backups_kept = timedelta(days=settings.key_backup_days)
        personal_data.record = DeedsInTheTrail(read_models.connection)
        zones, cameras = Zones(handler), Cameras(handler)
        zones.geometry = cameras.sight = CountyGeometry()
        reasons = Reasons(handler, EarlierLooks(read_models.connection))
        services = Services(
            settings=settings,
            handler=handler,
            accounts=accounts,
            calls=Calls(handler),
            cases=Cases(handler),
            fleet=Fleet(handler),
            flights=flights,
            overrides=Overrides(handler),
            zones=zones,
            complaints=Complaints(handler),
            oversight=Oversight(handler),
            readings=Readings(handler),
            audit_exports=AuditExports(handler, TypstPress()),
            retention=retention,
            personal_data=personal_data,
            policies=Policies(handler),
            pilots=Pilots(handler),
            views=Views(handler, heartbeats, reasons),
            cameras=cameras,
            viewings=Viewings(handler, reasons),
            exports=Exports(handler, reasons),
            export_shelf=stack.enter_context(wiring.shelf(settings)),
            export_progress=stack.enter_context(PostgresProgress(settings.write_url)),
            disclosures=Disclosures(handler, reasons),
            plates=Plates(handler, plate_readers(settings, readers), reasons),
            reasons=reasons,
            shifts=Shifts(handler),
            gateway=HttpDroneGateway(settings.gateway_url, settings.gateway_key.get_secret_value(), http),
            reads=reading(settings.read_url),
            applied=AppliedPositions(settings.read_url),
            standings=Standings(accounts, settings.write_url),
            mask_states=MaskStates(handler),
            picture_tokens=PictureTokens(settings.media_key.get_secret_value()) if settings.media_key else None,
        )
        verifier = TokenVerifier(
            IssuerDocuments(settings.issuer, http),
            audience=settings.oidc_audience,
            person_claim=settings.oidc_person_claim,
            step_up_acr=settings.oidc_step_up_acr,
        )
        sign_in = SignIn(settings, verifier, http, RecordedSignOns(services))

        public_form = PublicForm(services.complaints, allowances, Sealed("feedback", sealing), settings.base_url)

        @asynccontextmanager
        async def lifespan() -> AsyncIterator[None]:
            async with services.applied, services.standings, services.reads:
                yield

        process.health.checks["read_models"] = lambda: _read_models(services)
        app = build_app(
            services,
            sign_in,
            process.health,
            lifespan,
            [
                *development_routes(settings),
                *scim_routes(settings, services),
                *public_form.routes(),
                *PublicInventory(services).routes(),
            ],
            cad.Keys.read(settings.cad_keys),
            verifier,
            pages,
        )
        server = uvicorn.Server(server_config(app, settings))

        async def stop() -> None:
            await asyncio.to_thread(process.stop.wait)
            server.should_exit = True

        stopping = asyncio.create_task(stop())
        await server.serve()
        process.stop.set()
        await stopping


def server_config(app: ASGIApp, settings: Settings) -> uvicorn.Config:
    """The source address goes on the record, so a header may name another only where a trusted proxy sent it."""
    return uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=settings.trusted_proxies,
        log_config=None,
        access_log=False,
        ws_max_size=64 * 1024,
        timeout_graceful_shutdown=3,
        server_header=False,
    )


def reading(url: str) -> AsyncConnectionPool[AsyncConnection[Any]]:
    """The connections that answer queries, not open yet."""

    async def for_short_questions(connection: AsyncConnection[Any]) -> None:
        """Compiling a question would take longer than answering it."""
        await connection.execute("SET jit = off")

    async def still_open(connection: AsyncConnection[Any]) -> None:
        if closed_by_server(connection):
            await connection.close()
            await pool.drain()  # as in SmallPool
            raise psycopg.OperationalError("the server has closed the connection")

    pool: AsyncConnectionPool[AsyncConnection[Any]] = AsyncConnectionPool(
        url,
        min_size=2,
        max_size=READ_SLOTS,
        timeout=5.0,
        open=False,
        kwargs={"autocommit": True, "application_name": "saferweho api"},
        configure=for_short_questions,
        check=still_open,
    )
    return pool


def _read_models_away() -> StoreUnavailable:
    return StoreUnavailable("the read models do not answer: what was asked and done before is not known")


def _read_models(services: Services) -> dict[str, Any]:
    positions = {name: services.applied.position(name) for name in ("audit_trail", "live_board")}
    return {"ok": services.applied.state("live_board") is not None, **positions}


def scim_routes(settings: Settings, services: Services) -> list[BaseRoute]:
    """The door of the personnel system, where it has a key."""
    if settings.scim_keys is None:
        return []
    keys = cad.Keys.read(settings.scim_keys)
    return list(scim.router(Provisioning(services.handler), services.reads, keys, settings.base_url).routes)


def development_routes(settings: Settings) -> list[BaseRoute]:
    """The development issuer, where it may run; otherwise nothing."""
    if not settings.uses_development_issuer:
        return []
    issuer = DevelopmentIssuer(
        settings.home,
        settings.base_url,
        development=settings.development,
        other_issuer=settings.oidc_issuer,
        client_id=settings.oidc_client_id,
        audience=settings.oidc_audience,
    )
    return list(issuer.routes())


def plate_readers(settings: Settings, http: httpx.Client) -> HttpPlateProvider | None:
    """The provider of plate reads, where one is set."""
    if settings.alpr_url is None:
        return None
    key = settings.alpr_key.get_secret_value() if settings.alpr_key else ""
    return HttpPlateProvider(settings.alpr_name, settings.alpr_url, key, http)


def standing_papers(settings: Settings) -> StandingPapers:
    """Raises SettingsError."""
    airspace = separation = None
    try:
        if settings.airspace_authority:
            kind, number, version, expires = settings.airspace_authority.split(":")
            airspace = AirspaceAuthority(AuthorityKind(kind), number, version, date.fromisoformat(expires))
        if settings.separation:
            method, _, by = settings.separation.partition(":")
            separation = Separation(SeparationMethod(method), by)
    except ValueError as error:
        raise SettingsError(
            [
                f"SAFERWEHO_AIRSPACE_AUTHORITY or SAFERWEHO_SEPARATION: {error}; accepted: "
                "coa:NUMBER:VERSION:YYYY-MM-DD, and detect_and_avoid:SYSTEM or visual_observer:NAME"
            ]
        ) from None
    return StandingPapers(airspace, separation)


class RecordedSignOns:
    """Puts what happens on the sign-in pages on the record."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def signed_on(self, identity: Identity, source_address: str) -> str | None:
        try:
            await self._services.standings.actor(proof_of(identity), source_address)
        except SignOnRefused as refused:
            return "; ".join(reason.message for reason in refused.reasons)
        except SignOnUnavailable as away:
            return str(away)
        return None

    async def stepped_up(self, identity: Identity, source_address: str) -> str | None:
        proof = proof_of(identity)
        try:
            actor = await self._services.standings.actor(proof, source_address)
        except SignOnUnavailable as away:
            return str(away)
        except SignOnRefused as refused:
            if LOCKED not in refused.reasons:
                return str(refused)
            actor = Actor(proof.person, proof.person, "", frozenset(), proof.session, source_address)
        told = await asyncio.to_thread(self._services.accounts.step_up, actor, identity.acr or "unknown")
        if isinstance(told, Refused):
            return "; ".join(reason.message for reason in told.reasons)
        return told.message if isinstance(told, Unavailable) else None

    async def signed_off(self, identity: Identity, source_address: str) -> None:
        try:
            actor = await self._services.standings.actor(proof_of(identity), source_address)
        except (SignOnRefused, SignOnUnavailable) as refused:
            log.warning("sign_off_not_recorded", reason=str(refused))
            return
        await asyncio.to_thread(self._services.accounts.sign_off, actor)
