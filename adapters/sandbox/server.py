"""The sandbox as a server on loopback: Bybit v5 REST and the public linear socket, and with accounts the private half.

Without accounts there is nothing but the market: no gateway, no limits, no venue.
"""

from __future__ import annotations

import asyncio

import msgspec
from aiohttp import WSCloseCode, WSMsgType, web

from adapters.sandbox.carrier import Carrier
from adapters.sandbox.clock import MarketClock, MonotonicNs, real_monotonic_ns, real_utc_ms
from adapters.sandbox.connection import Connection
from adapters.sandbox.gateway.gateway import Gateway
from adapters.sandbox.gateway.private_session import PATH as PRIVATE_PATH
from adapters.sandbox.gateway.trade_session import PATH as TRADE_PATH
from adapters.sandbox.gateway.truth import TruthLog
from adapters.sandbox.market import Market
from adapters.sandbox.market_history import MarketHistory
from adapters.sandbox.player import Hub, Listener, OnProgress, Player
from adapters.sandbox.protocol import Session
from adapters.sandbox.rest import MarketRest
from adapters.sandbox.settings import SandboxSettings, check
from daemon.core.errors import ConfigError

SOCKET_PATH = "/v5/public/linear"
RATE_LIMIT = 600
CLOSE_SECONDS_MAX = 1.0


class SandboxServer:
    """A running sandbox. Made by `serve`; `close` it when done."""

    def __init__(
        self,
        market: Market,
        settings: SandboxSettings,
        on_progress: OnProgress | None,
        monotonic_ns: MonotonicNs,
        *,
        truth: TruthLog | None = None,
    ) -> None:
        self._market = market
        self._settings = settings
        self._hub = Hub()
        self._clock = MarketClock(market.start_ms, settings.speed, monotonic_ns)
        self._monotonic_ns = monotonic_ns
        history = MarketHistory(market)
        self.gateway: Gateway | None = None
        self._carrier: Carrier | None = None
        if settings.gateway is not None:
            self.gateway = Gateway(
                market, settings.gateway, speed=settings.speed, truth=truth, history=history, wall_ms=real_utc_ms
            )
            self._carrier = Carrier(self.gateway, settings, now_ms=self.now_ms, real_ms=self._real_ms)
        self._player = Player(
            market, self._hub, self._clock, settings, on_progress, history=history, carrier=self._carrier
        )
        self._rest = MarketRest(market, self.now_ms, history)
        self._accepted = 0
        self._runner = web.AppRunner(self._application(), access_log=None, shutdown_timeout=CLOSE_SECONDS_MAX)
        self._address = ""
        self._playing: asyncio.Task[None] | None = None

    @property
    def url_rest(self) -> str:
        """Base of the REST routes."""
        return f"http://{self._address}"

    @property
    def url_ws(self) -> str:
        """The public linear socket."""
        return f"ws://{self._address}{SOCKET_PATH}"

    @property
    def url_private(self) -> str:
        """The private socket; empty without accounts."""
        return f"ws://{self._address}{PRIVATE_PATH}" if self.gateway is not None else ""

    @property
    def url_trade(self) -> str:
        """The order socket; empty where the environment has none."""
        offered = self.gateway is not None and self.gateway.offers_trade_socket
        return f"ws://{self._address}{TRADE_PATH}" if offered else ""

    @property
    def frames_sent(self) -> int:
        """Market frames sent so far; a frame for many subscribers counts once."""
        return self._player.frames_sent

    def now_ms(self) -> int:
        """Server time: milliseconds UTC of the market."""
        return self._clock.now_ms(self._market.next_ms)

    def _real_ms(self) -> int:
        return self._monotonic_ns() // 1_000_000

    async def wait_finished(self) -> None:
        """Wait until the recording has been played and handed to every client.

        Raises:
            DataError: a recorded frame cannot be read.
        """
        assert self._playing is not None, "the server was not started"
        await asyncio.shield(self._playing)

    async def start(self) -> None:
        """Listen and begin to play.

        Raises:
            ConfigError: the port cannot be taken.
        """
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._settings.host, self._settings.port)
        try:
            await site.start()
        except OSError as error:
            await self._runner.cleanup()
            raise ConfigError(
                f"sandbox: cannot listen on {self._settings.host}:{self._settings.port}: {error}",
                cure="Choose another port, or 0 for any free one.",
            ) from error
        host, port = self._runner.addresses[0][:2]
        self._address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        self._playing = asyncio.create_task(self._play())

    async def close(self) -> None:
        """Stop playing, say goodbye to every client and free the port."""
        if self._playing is not None:
            self._playing.cancel()
            await asyncio.gather(self._playing, return_exceptions=True)
        if self._carrier is not None:
            self._carrier.stop()
        await self._close_connections(WSCloseCode.GOING_AWAY)
        await self._runner.cleanup()

    async def _play(self) -> None:
        try:
            await self._player.run()
        except Exception:
            # Clients must notice that the market died; `wait_finished` tells why.
            for connection in list(self._hub.connections):
                connection.cut()
            raise
        if self._settings.at_end == "close":
            await self._close_connections(WSCloseCode.OK)

    async def _close_connections(self, code: WSCloseCode) -> None:
        await asyncio.gather(*(connection.close(code) for connection in list(self._hub.connections)))
        if self._carrier is not None:
            await self._carrier.close_streams(code)

    def _application(self) -> web.Application:
        app = web.Application()
        app.router.add_get(SOCKET_PATH, self._serve_socket)
        if self._carrier is not None:
            self._carrier.add_routes(app)
        else:
            app.router.add_route("*", "/{path:.*}", self._serve_rest)
        return app

    async def _serve_rest(self, request: web.Request) -> web.Response:
        status, body = self._rest.answer(request.method, request.path, request.query)
        headers = {
            "X-Bapi-Limit": str(RATE_LIMIT),
            "X-Bapi-Limit-Status": str(RATE_LIMIT - 1),
            "X-Bapi-Limit-Reset-Timestamp": str(self.now_ms()),
        }
        return web.Response(
            body=msgspec.json.encode(body), status=status, headers=headers, content_type="application/json"
        )

    async def _serve_socket(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(compress=False, receive_timeout=self._settings.idle_s, timeout=CLOSE_SECONDS_MAX)
        await socket.prepare(request)
        self._accepted += 1
        session = Session(f"sandbox-{self._accepted}", self._market.topics)
        connection: Listener = Connection(socket, request.transport, session)
        self._hub.connections[connection] = None
        pump = asyncio.create_task(connection.pump())
        try:
            await self._converse(socket, connection)
        finally:
            self._hub.leave(connection)
            pump.cancel()
            await asyncio.gather(pump, return_exceptions=True)
        return socket

    async def _converse(self, socket: web.WebSocketResponse, connection: Listener) -> None:
        try:
            async for message in socket:
                if message.type in {WSMsgType.TEXT, WSMsgType.BINARY}:
                    await asyncio.sleep(self._settings.ack_delay_ms / 1000)
                    self._respond(connection, message.data)
        except TimeoutError:
            await connection.close(WSCloseCode.OK)

    def _respond(self, connection: Listener, text: str | bytes) -> None:
        """Ack, then the snapshots, then live frames: in one go, so that nothing slips between them."""
        outcome = connection.session.handle(text)
        self._hub.remove(connection, outcome.removed)
        connection.offer(outcome.answer)
        for topic in outcome.added:
            if (snapshot := self._market.snapshot(topic)) is not None:
                connection.offer(snapshot)
        self._hub.add(connection, outcome.added)


async def serve(
    market: Market,
    settings: SandboxSettings | None = None,
    *,
    on_progress: OnProgress | None = None,
    monotonic_ns: MonotonicNs = real_monotonic_ns,
    truth: TruthLog | None = None,
) -> SandboxServer:
    """Start a sandbox that plays `market`.

    Args:
        market: what is played; a market serves one server.
        settings: how; the defaults play in real time on a free port.
        on_progress: called with (market time in milliseconds UTC, frames sent) while playing.
        monotonic_ns: the real clock behind the market's.
        truth: where accounts' truth goes; kept in memory when left out.

    Raises:
        ConfigError: the settings cannot work, or the port cannot be taken.
    """
    settings = settings or SandboxSettings()
    check(settings)
    server = SandboxServer(market, settings, on_progress, monotonic_ns, truth=truth)
    await server.start()
    return server
