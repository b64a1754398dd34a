"""A loopback websocket server that speaks Bybit's public protocol as far as tests need it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from random import Random
from typing import Any

import msgspec
from websockets.asyncio.server import ServerConnection, serve

from adapters.bybit.feed import BybitFeed
from adapters.bybit.settings import FeedSettings
from daemon.core.events import Fact
from daemon.ports import Received
from tests.adapters.bybit.frames import ack

QUICK = FeedSettings(backoff_first_ms=10, backoff_max_ms=20)
Script = Callable[["Visit"], Awaitable[None]]


class WallClock:
    def now(self) -> int:
        return time.time_ns()


class Visit:
    """One connection as the server sees it. `number` counts them from 1."""

    def __init__(self, socket: ServerConnection, number: int) -> None:
        self.socket = socket
        self.number = number

    async def request(self, op: str = "subscribe") -> dict[str, Any]:
        """The next request of a kind."""
        while True:
            message = await self.socket.recv()
            assert isinstance(message, str), "the venue expects text frames"
            request: dict[str, Any] = msgspec.json.decode(message)
            if request["op"] == op:
                return request

    async def accept(self) -> dict[str, Any]:
        """Acknowledge the next subscription."""
        request = await self.request()
        await self.push(ack(request["req_id"]))
        return request

    async def push(self, *frames: bytes) -> None:
        for frame in frames:
            await self.socket.send(frame, text=True)

    async def stay(self) -> None:
        await self.socket.wait_closed()


@asynccontextmanager
async def venue(script: Script) -> AsyncIterator[str]:
    """Serve `script` to each visitor; yields the address."""
    visits = 0

    async def visit(socket: ServerConnection) -> None:
        nonlocal visits
        visits += 1
        await script(Visit(socket, visits))

    async with serve(visit, "127.0.0.1", 0, ping_interval=None, compression=None) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        yield f"ws://127.0.0.1:{port}/v5/public/linear"


def feed_of(url: str, *topics: str, settings: FeedSettings = QUICK) -> BybitFeed:
    return BybitFeed(url, topics, clock=WallClock(), jitter=Random(1), settings=settings)


async def collect(feed: BybitFeed, enough: Callable[[list[Received]], bool], seconds: float = 5.0) -> list[Received]:
    """Take batches until there is enough, then close."""
    received: list[Received] = []
    async with asyncio.timeout(seconds):
        async for batch in feed.batches():
            received += batch
            if enough(received):
                break
    await feed.close()
    return received


def frames_of(received: list[Received]) -> list[bytes]:
    return [item.frame for item in received if item.frame is not None]


def facts_of(received: list[Received]) -> list[Fact]:
    return [item.fact for item in received if item.fact is not None]
