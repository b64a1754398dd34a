"""A loopback REST server that answers signed requests as far as tests need it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from aiohttp import web

from adapters.bybit.hosts import Environment, custom_environment
from adapters.bybit.order_port import BybitPort
from adapters.bybit.quotas import Quotas
from adapters.bybit.signing import Credentials
from daemon.core.account_events import Answered, Op
from daemon.core.remote.requests import Call, Request
from daemon.ports import Received

CREDENTIALS = Credentials("loopback-key", "loopback-secret")
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
CREATE = Call("POST", "/v5/order/create", '{"category":"linear","symbol":"BTCUSDT","side":"Buy","qty":"0.010"}')
CANCEL = Call("POST", "/v5/order/cancel", '{"category":"linear","symbol":"BTCUSDT","orderLinkId":"ls-1"}')
ORDERS = Call("GET", "/v5/order/realtime", "category=linear&settleCoin=USDT&openOnly=0&limit=50&cursor=a%3Db%26")
INFO = Call("GET", "/v5/account/info", "")


def environment_at(rest: str) -> Environment:
    return custom_environment("custom", rest=rest, public_linear="ws://127.0.0.1:1/p", private="ws://127.0.0.1:1/v")


@asynccontextmanager
async def rest_venue(handler: Handler) -> AsyncIterator[str]:
    """Serve every path by `handler`; yields the address."""
    application = web.Application()
    application.router.add_route("*", "/{tail:.*}", handler)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        await runner.cleanup()


def ok(result: Any = None, *, code: Any = 0, status: int = 200, **headers: str) -> web.Response:
    body = msgspec.json.encode(
        {"retCode": code, "retMsg": "", "result": result or {}, "retExtInfo": {}, "time": time.time_ns() // 1_000_000}
    )
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return web.Response(body=body, status=status, headers=named, content_type="application/json")


class Answers:
    """What a port delivered, and a way to wait for it."""

    def __init__(self) -> None:
        self.items: list[Answered] = []
        self._more = asyncio.Event()

    def deliver(self, item: Received) -> None:
        assert item.source == "rest.main"
        assert isinstance(item.fact, Answered)
        self.items.append(item.fact)
        self._more.set()

    async def until(self, count: int, seconds: float = 5.0) -> list[Answered]:
        async with asyncio.timeout(seconds):
            while len(self.items) < count:
                self._more.clear()
                await self._more.wait()
        return self.items


@asynccontextmanager
async def port_to(rest: str, answers: Answers, **changed: Any) -> AsyncIterator[BybitPort]:
    settings: dict[str, Any] = {
        "account": "main",
        "now_ns": time.time_ns,
        "venue_now_ns": time.time_ns,
        "deliver": answers.deliver,
        "recv_window_ms": 3000,
        "quotas": Quotas(),
        **changed,
    }
    port = BybitPort(environment_at(rest), CREDENTIALS, **settings)
    try:
        yield port
    finally:
        await port.close()


def request_of(call: Call, op: Op = Op.CREATE, *, name: str = "r-1", **changed: Any) -> Request:
    return Request(id=name, account="main", op=op, call=call, **changed)
