"""How the tests read frames: their own book and client, sharing nothing with the server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import ClientSession, ClientWebSocketResponse, WSMsgType

from adapters.sandbox.market import Market, TimedFrame, timed_frames
from adapters.sandbox.server import SandboxServer, serve
from adapters.sandbox.settings import SandboxSettings

Message = dict[str, Any]


class ReadBook:
    """A book rebuilt from frames by the rules of Bybit's documentation, strict about every one of them."""

    def __init__(self) -> None:
        self.bids: dict[float, float] = {}
        self.asks: dict[float, float] = {}
        self.update_id: int | None = None

    def apply(self, message: Message) -> None:
        data = message["data"]
        if message["type"] == "snapshot":
            self.bids, self.asks = {}, {}
        else:
            assert self.update_id is not None, "a delta before the snapshot"
            assert data["u"] == self.update_id + 1, f"gap: {self.update_id} -> {data['u']}"
        self.update_id = data["u"]
        for side, levels in ((self.bids, data["b"]), (self.asks, data["a"])):
            for price, size in levels:
                if float(size) == 0:
                    del side[float(price)]
                else:
                    side[float(price)] = float(size)

    @property
    def touch(self) -> tuple[float, float]:
        return max(self.bids), min(self.asks)


def messages(frames: Iterable[TimedFrame]) -> list[Message]:
    return [json.loads(payload) for _, _, payload in frames]


def play(market: Market, *topics: str) -> list[Message]:
    """All messages of the given topics, or of all."""
    return messages(timed_frames(market, topics or None))


class Client:
    """A websocket client that reads messages as JSON."""

    def __init__(self, socket: ClientWebSocketResponse) -> None:
        self.socket = socket

    async def ask(self, **request: object) -> Message:
        await self.socket.send_str(json.dumps(request))
        return await self.read()

    async def subscribe(self, *topics: str) -> Message:
        return await self.ask(op="subscribe", req_id="s", args=list(topics))

    async def read(self) -> Message:
        async with asyncio.timeout(10):
            message = await self.socket.receive()
        assert message.type is WSMsgType.TEXT, message
        decoded: Message = json.loads(message.data)
        return decoded

    async def read_text(self) -> str | None:
        """The next text, or None when the connection has ended."""
        async with asyncio.timeout(10):
            message = await self.socket.receive()
        return str(message.data) if message.type is WSMsgType.TEXT else None

    async def read_all(self) -> list[str]:
        """Every text until the connection ends."""
        texts = []
        while (text := await self.read_text()) is not None:
            texts.append(text)
        return texts


QUICK: dict[str, Any] = {"ack_delay_ms": 0, "settle_ms": 0, "speed": "max"}


@asynccontextmanager
async def running(market: Market, **settings: Any) -> AsyncIterator[SandboxServer]:
    server = await serve(market, SandboxSettings(**(QUICK | settings)))
    try:
        yield server
    finally:
        await server.close()


@asynccontextmanager
async def connected(server: SandboxServer) -> AsyncIterator[Client]:
    async with ClientSession() as session, session.ws_connect(server.url_ws) as socket:
        yield Client(socket)
