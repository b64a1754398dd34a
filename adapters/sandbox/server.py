"""The sandbox's public half as a server: Bybit v5 REST market data and the public linear socket, on loopback."""

from __future__ import annotations

import asyncio

import msgspec
from aiohttp import WSCloseCode, WSMsgType, web

from adapters.sandbox.clock import MarketClock, MonotonicNs, real_monotonic_ns
from adapters.sandbox.connection import Connection
from adapters.sandbox.market import Market
from adapters.sandbox.player import Hub, OnProgress, Player
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
        self, market: Market, settings: SandboxSettings, on_progress: OnProgress | None, monotonic_ns: MonotonicNs
    ) -> None:
        self._market = market
        self._settings = settings
        self._hub = Hub()
        self._clock = MarketClock(market.start_ms, settings.speed, monotonic_ns)
        self._player = Player(market, self._hub, self._clock, settings, on_progress)
        self._rest = MarketRest(market, self.now_ms)
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
    def frames_sent(self) -> int:
        """Market frames sent so far; a frame for many subscribers counts once."""
        return self._player.frames_sent

    def now_ms(self) -> int:
        """Server time: milliseconds UTC of the market."""
        return self._clock.now_ms(self._market.next_ms)

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

    def _application(self) -> web.Application:
        app = web.Application()
        app.router.add_get(SOCKET_PATH, self._serve_socket)
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
        connection = Connection(socket, request.transport, session)
        self._hub.connections[connection] = None
        pump = asyncio.create_task(connection.pump())
        try:
            await self._converse(socket, connection)
        finally:
            self._hub.leave(connection)
            pump.cancel()
            await asyncio.gather(pump, return_exceptions=True)
        return socket

    async def _converse(self, socket: web.WebSocketResponse, connection: Connection) -> None:
        try:
            async for message in socket:
                if message.type in {WSMsgType.TEXT, WSMsgType.BINARY}:
                    await asyncio.sleep(self._settings.ack_delay_ms / 1000)
                    self._respond(connection, message.data)
        except TimeoutError:
            await connection.close(WSCloseCode.OK)

    def _respond(self, connection: Connection, text: str | bytes) -> None:
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
) -> SandboxServer:
    """Start a sandbox that plays `market`.

    Args:
        market: what is played; a market serves one server.
        settings: how; the defaults play in real time on a free port.
        on_progress: called with (market time in milliseconds UTC, frames sent) while playing.
        monotonic_ns: the real clock behind the market's.

    Raises:
        ConfigError: the settings cannot work, or the port cannot be taken.
    """
    settings = settings or SandboxSettings()
    check(settings)
    server = SandboxServer(market, settings, on_progress, monotonic_ns)
    await server.start()
    return server
