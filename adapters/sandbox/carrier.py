"""Carries what the gateway says over aiohttp: HTTP requests, private and order sockets, in real time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeAlias

from aiohttp import WSCloseCode, WSMsgType, web

from adapters.sandbox.connection import Connection
from adapters.sandbox.gateway.gateway import SWITCHING, Gateway
from adapters.sandbox.gateway.messages import HttpRequest, Lost
from adapters.sandbox.gateway.private_session import PATH as PRIVATE_PATH
from adapters.sandbox.gateway.private_session import PrivateSession
from adapters.sandbox.gateway.stream import idle_ms_of
from adapters.sandbox.gateway.trade_session import PATH as TRADE_PATH
from adapters.sandbox.gateway.trade_session import TradeSession
from adapters.sandbox.settings import SandboxSettings

CLOSE_SECONDS_MAX = 1.0
LOST_POLL_SECONDS = 0.05

Talk: TypeAlias = Connection[PrivateSession | TradeSession]


class Tasks:
    """What runs for a connection: the conversation, and its end once it has one."""

    def __init__(self, conversation: asyncio.Task[None]) -> None:
        self.conversation = conversation
        self.ending: asyncio.Task[None] | None = None


class Carrier:
    """The gateway's transport.

    Args:
        gateway: what decides.
        settings: of the server.
        now_ms: market time, milliseconds UTC.
        real_ms: real time in milliseconds, beginning anywhere.
    """

    def __init__(
        self, gateway: Gateway, settings: SandboxSettings, *, now_ms: Callable[[], int], real_ms: Callable[[], int]
    ) -> None:
        self.gateway = gateway
        self._settings = settings
        self._now_ms = now_ms
        self._real_ms = real_ms
        self._connections: dict[Talk, Tasks] = {}
        self._accepted = 0
        self._alarm: asyncio.TimerHandle | None = None
        self._closed = asyncio.Event()

    def add_routes(self, app: web.Application) -> None:
        """Take over everything that the public socket does not serve."""
        app.router.add_get(PRIVATE_PATH, self._serve_private)
        app.router.add_get(TRADE_PATH, self._serve_trade)
        app.router.add_route("*", "/{path:.*}", self._serve_rest)

    def on_frame(self, topic: str, payload: bytes, ts_ms: int) -> None:
        """Let a public frame happen, before it is sent to clients."""
        self.gateway.on_frame(topic, payload, ts_ms, self._real_ms())

    def pass_time(self) -> None:
        """Let what is due happen and go out."""
        self.gateway.advance(self._now_ms(), self._real_ms())
        self._flush()

    def stop(self) -> None:
        """Hold nothing back any more: the server ends, and who waits for an answer that will not come is let go."""
        self._closed.set()
        if self._alarm is not None:
            self._alarm.cancel()

    async def close_streams(self, code: int) -> None:
        """Say goodbye to every stream."""
        for connection, tasks in self._connections.items():
            if tasks.ending is None:
                tasks.ending = asyncio.create_task(self._end(connection, tasks.conversation, code))
        await asyncio.gather(*(tasks.ending for tasks in self._connections.values() if tasks.ending is not None))

    async def _serve_rest(self, request: web.Request) -> web.StreamResponse:
        answer = self.gateway.handle(await _read(request), self._now_ms(), self._real_ms())
        self._flush()
        if answer.delay_ms:
            await self._pause(answer.delay_ms / 1000)
        if isinstance(answer, Lost):
            return await self._lose(request, answer)
        return web.Response(
            body=answer.body, status=answer.status, headers=answer.headers, content_type=answer.content_type
        )

    async def _lose(self, request: web.Request, lost: Lost) -> web.StreamResponse:
        """Break the connection, or keep the client waiting until it breaks it."""
        while lost.how == "silence" and not self._closed.is_set() and _is_open(request):
            await self._pause(LOST_POLL_SECONDS)
        if request.transport is not None:
            request.transport.abort()
        return web.Response(status=500)

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._closed.wait()
        except TimeoutError:
            return

    async def _serve_private(self, request: web.Request) -> web.StreamResponse:
        refused = self._refused(request, PRIVATE_PATH)
        if refused is not None:
            return refused
        session = self.gateway.open_private(self._name("private"), _peer(request))
        return await self._serve_socket(request, session)

    async def _serve_trade(self, request: web.Request) -> web.StreamResponse:
        refused = self._refused(request, TRADE_PATH)
        if refused is not None:
            return refused
        session = self.gateway.open_trade(self._name("trade"), _peer(request))
        return await self._serve_socket(request, session)

    def _refused(self, request: web.Request, path: str) -> web.Response | None:
        status = self.gateway.admit_stream(path, _peer(request), self._now_ms(), self._real_ms())
        return None if status == SWITCHING else web.Response(status=status, text=f"{status}")

    def _name(self, kind: str) -> str:
        self._accepted += 1
        return f"sandbox-{kind}-{self._accepted}"

    async def _serve_socket(
        self, request: web.Request, session: PrivateSession | TradeSession
    ) -> web.WebSocketResponse:
        idle_s = min(self._settings.idle_s, idle_ms_of(request.query.get("max_active_time", "")) / 1000)
        socket = web.WebSocketResponse(compress=False, receive_timeout=idle_s, timeout=CLOSE_SECONDS_MAX)
        connection: Talk = Connection(socket, request.transport, session)
        try:
            await socket.prepare(request)
            await self._attend(socket, connection)
        finally:
            self.gateway.close(session)
        return socket

    async def _attend(self, socket: web.WebSocketResponse, connection: Talk) -> None:
        """Converse with a client until one of the two ends it."""
        tasks = Tasks(asyncio.create_task(self._converse(socket, connection)))
        self._connections[connection] = tasks
        pump = asyncio.create_task(connection.pump())
        try:
            await asyncio.wait({tasks.conversation})
            if tasks.ending is not None:
                await tasks.ending
        finally:
            del self._connections[connection]
            for task in (tasks.conversation, pump):
                task.cancel()
            await asyncio.gather(tasks.conversation, pump, return_exceptions=True)

    async def _converse(self, socket: web.WebSocketResponse, connection: Talk) -> None:
        try:
            async for message in socket:
                if message.type in {WSMsgType.TEXT, WSMsgType.BINARY}:
                    await asyncio.sleep(self._settings.ack_delay_ms / 1000)
                    self.gateway.advance(self._now_ms(), self._real_ms())
                    self._offer(connection, connection.session.handle(message.data, self._now_ms(), self._real_ms()))
                    self._flush()
        except TimeoutError:
            await connection.close(WSCloseCode.OK)

    def _flush(self) -> None:
        """Hand over what is due, and come back for what is due later."""
        real_ms = self._real_ms()
        due: list[int] = []
        for connection in list(self._connections):
            self._offer(connection, connection.session.take_pushes(real_ms))
            if (due_ms := connection.session.due_ms) is not None:
                due.append(due_ms)
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        if due and not self._closed.is_set():
            loop = asyncio.get_running_loop()
            self._alarm = loop.call_later(max(1, min(due) - real_ms) / 1000, self._flush)

    def _offer(self, connection: Talk, texts: list[bytes]) -> None:
        for text in texts:
            connection.offer(text)
        ending, tasks = connection.session.ending, self._connections[connection]
        if ending is not None and tasks.ending is None:
            tasks.ending = asyncio.create_task(self._end(connection, tasks.conversation, ending.code))
        elif self._settings.speed != "max" and connection.pending > self._settings.outbox_frames:
            connection.cut()

    async def _end(self, connection: Talk, conversation: asyncio.Task[None], code: int) -> None:
        """End a stream after what it was told before."""
        try:
            async with asyncio.timeout(self._settings.stuck_s):
                await connection.wait_room(0)
        except TimeoutError:
            code = 0
        if not code:
            connection.hang_up()
        # The closing handshake reads too, and two cannot read at once.
        conversation.cancel()
        await asyncio.gather(conversation, return_exceptions=True)
        if code:
            await connection.close(code)


async def _read(request: web.Request) -> HttpRequest:
    """The request as it was sent: query and body byte for byte, since both are signed."""
    path, _, raw_query = request.raw_path.partition("?")
    return HttpRequest(
        method=request.method,
        path=path,
        raw_query=raw_query,
        headers=dict(request.headers),
        body=await request.read(),
        peer=_peer(request),
    )


def _peer(request: web.Request) -> str:
    return request.remote or ""


def _is_open(request: web.Request) -> bool:
    return request.transport is not None and not request.transport.is_closing()
