"""`saferweho media`: pictures to whom they were granted. What cameras send may be anything, so it is taken apart here,
away from GraphQL, under a login of its own."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import structlog
import uvicorn
import uvloop

from adapters.heartbeats import PostgresHeartbeats
from adapters.identity.picture_tokens import PictureTokens
from adapters.poses.listening import Poses
from adapters.vault import Vault
from adapters.video import wire
from adapters.video.feeds import Capacity
from adapters.video.playback import Reels
from adapters.video.segments import MaskedSegments
from adapters.video.tapped import TappedFeeds
from api.live import MEDIA, Live, Most
from api.media import build, origin_of
from api.pictures import Pictures
from api.playback import Playback
from api.processes import wiring
from api.processes.running import Running, running
from api.sockets import PictureHttp, PictureSocket, listening
from application.handling import Handler
from application.mask_states import MaskStates
from application.viewings import Viewings
from application.views import Views
from domain.policy import POLICY, POLICY_KEY

QUESTIONS_AT_ONCE = 64
MOST_SAID_BYTES = 8192  # in one message of a console
log = structlog.get_logger()


def run() -> None:
    needs = ["DATABASE_URL", "SAFERWEHO_MEDIA_KEY"]
    with running("media", needs) as process, wiring.handler(process.settings, acts_as=MEDIA) as handler:
        uvloop.run(serve(process, handler))


async def serve(process: Running, handler: Handler) -> None:
    """Until `process.stop` is set. Needs DATABASE_URL and SAFERWEHO_MEDIA_KEY."""
    settings = process.settings
    assert settings.write_url and settings.media_key
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(QUESTIONS_AT_ONCE, "question"))
    with ExitStack() as stack:
        tapped = TappedFeeds(settings.home.absolute() / wire.SOCKET)
        stack.callback(tapped.close)
        views = Views(handler, stack.enter_context(PostgresHeartbeats(settings.write_url)))
        tokens = PictureTokens(settings.media_key.get_secret_value())
        poses = Poses(settings.home.absolute() / "gateway" / "poses.sock")
        poses.start()
        stack.callback(poses.stop)
        pictures = Pictures(handler, tapped, poses, Capacity(settings.masked_megapixels_per_s * 1e6))
        stack.callback(pictures.close)
        most = Most(settings.media_connections, settings.media_connections_each)
        live = Live(views, pictures, tokens, origin_of(settings.base_url), most)
        stack.callback(live.close)
        vault = stack.enter_context(wiring.vault(settings))
        more = playback_of(handler, vault, tokens).routes()
        process.health.checks["store"] = lambda: _store(handler)
        process.health.checks["live"] = live.standing
        app = build(live, more, settings.base_url)
        config = uvicorn.Config(
            app,
            host=settings.host,
            port=settings.media_port,
            proxy_headers=bool(settings.trusted_proxies),
            forwarded_allow_ips=settings.trusted_proxies,
            log_config=None,
            access_log=False,
            http=PictureHttp,
            ws=PictureSocket,
            ws_max_size=MOST_SAID_BYTES,
            ws_per_message_deflate=False,  # pictures are compressed already
            timeout_graceful_shutdown=3,
            server_header=False,
        )
        server = uvicorn.Server(config)

        async def stop() -> None:
            await asyncio.to_thread(process.stop.wait)
            server.should_exit = True

        stopping = asyncio.create_task(stop())
        await server.serve([listening(config)])
        process.stop.set()
        await stopping


def playback_of(handler: Handler, vault: Vault, tokens: PictureTokens) -> Playback:
    return Playback(Viewings(handler), Reels(vault, MaskedSegments()), MaskStates(handler), tokens)


def _store(handler: Handler) -> dict[str, Any]:
    """Raises StoreUnavailable."""
    version, _ = handler.states.load([(POLICY, POLICY_KEY)])[POLICY.stream(POLICY_KEY)]
    return {"ok": True, "policy_events": version}
