"""Accounts over real sockets on loopback: requests, private and order streams, lost answers, ends of connections."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from adapters.sandbox.clock import real_utc_ms
from adapters.sandbox.gateway.limits import LimitSettings
from adapters.sandbox.gateway.plan import Plan
from adapters.sandbox.gateway.settings import GatewaySettings
from adapters.sandbox.server import SandboxServer
from adapters.sandbox.synthetic_market import demo_market
from tests.adapters.sandbox.gateway.world import (
    CREATE,
    REALTIME,
    TOPICS,
    Message,
    auth_frame,
    limit_order,
    market_order,
    plan_of,
    signed_headers,
)
from tests.adapters.sandbox.reading import Client, connected, running

pytestmark = pytest.mark.process


class Trader:
    """A client of a running sandbox."""

    def __init__(self, server: SandboxServer, session: aiohttp.ClientSession) -> None:
        self.server = server
        self.session = session

    async def ask(
        self, method: str, path: str, what: Message | None = None, *, at_ms: int | None = None
    ) -> tuple[int, str]:
        query = "&".join(f"{name}={value}" for name, value in (what or {}).items()) if method == "GET" else ""
        body = json.dumps(what or {}) if method == "POST" else ""
        url = f"{self.server.url_rest}{path}" + (f"?{query}" if query else "")
        headers = signed_headers(query or body, self.server.now_ms() if at_ms is None else at_ms)
        async with self.session.request(
            method, url, data=body or None, headers=headers, timeout=aiohttp.ClientTimeout(10)
        ) as response:
            return response.status, await response.text()

    async def post(self, path: str, body: Message) -> Message:
        decoded: Message = json.loads((await self.ask("POST", path, body))[1])
        return decoded

    async def open_orders(self) -> list[str]:
        _, text = await self.ask("GET", REALTIME, {"category": "linear", "symbol": "BTCUSDT"})
        return sorted(row["orderLinkId"] for row in json.loads(text)["result"]["list"])

    @asynccontextmanager
    async def stream(self, url: str, *topics: str) -> AsyncIterator[Client]:
        async with self.session.ws_connect(url) as socket:
            client = Client(socket)
            await socket.send_str(auth_frame(self.server.now_ms()))
            acknowledged = await client.read()
            assert acknowledged.get("success") or acknowledged.get("retCode") == 0, acknowledged
            if topics:
                assert (await client.subscribe(*topics))["success"] is True
            yield client


@asynccontextmanager
async def trading(plan: Plan | None = None, **settings: Any) -> AsyncIterator[Trader]:
    personality = settings.pop("personality", "demo")
    gateway = GatewaySettings(
        plan=plan or Plan(), personality=personality, limits=settings.pop("limits", LimitSettings())
    )
    quick = {"speed": 1.0, "gateway": gateway} | settings
    async with running(demo_market(["BTCUSDT"], minutes=60), **quick) as server, aiohttp.ClientSession() as session:
        yield Trader(server, session)


async def ready(trader: Trader) -> None:
    """Wait until the market has its first prices."""
    async with connected(trader.server) as client:
        await client.subscribe("tickers.BTCUSDT")
        assert (await client.read())["topic"] == "tickers.BTCUSDT"


async def test_an_order_goes_in_over_rest_and_comes_back_on_the_private_stream() -> None:
    async with trading(speed=60.0) as trader, trader.stream(trader.server.url_private, *TOPICS) as stream:
        await ready(trader)
        made = await trader.post(CREATE, market_order("a"))
        assert made["retCode"] == 0, made
        topics = [(await stream.read())["topic"] for _ in range(5)]
    assert topics == ["order", "execution", "order", "position", "wallet"]


async def test_a_resting_order_is_filled_by_the_market_that_is_played() -> None:
    async with trading(speed=600.0) as trader, trader.stream(trader.server.url_private, "execution") as stream:
        await ready(trader)
        price = json.loads(
            (await trader.ask("GET", "/v5/market/tickers", {"category": "linear", "symbol": "BTCUSDT"}))[1]
        )
        last = float(price["result"]["list"][0]["bid1Price"])
        made = await trader.post(CREATE, limit_order("a", price=f"{last - 5:.1f}"))
        assert made["retCode"] == 0, made
        execution = (await stream.read())["data"][0]
    assert (execution["orderLinkId"], execution["isMaker"]) == ("a", True)


async def test_a_client_that_signs_by_todays_clock_is_in_time_although_another_day_is_played() -> None:
    skewed = plan_of(clock=[{"skew_ms": 20_000}])
    for plan, code in ((Plan(), 0), (skewed, 10002)):
        async with trading(plan) as trader:
            _, text = await trader.ask("GET", "/v5/account/info", at_ms=real_utc_ms())
            assert json.loads(text)["retCode"] == code, text


async def test_routes_about_the_past_are_answered_beside_accounts_too() -> None:
    async with trading(speed=60.0) as trader:
        await ready(trader)
        query = {"category": "linear", "symbol": "BTCUSDT", "interval": "1", "limit": 2}
        _, text = await trader.ask("GET", "/v5/market/mark-price-kline", query)
        assert len(json.loads(text)["result"]["list"]) == 2, text


async def test_the_order_socket_is_there_for_live_and_not_for_demo() -> None:
    async with trading() as trader:
        assert trader.server.url_trade == ""
        with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
            await trader.session.ws_connect(trader.server.url_private.replace("private", "trade"))
        assert caught.value.status == 404
    async with trading(personality="live") as trader, trader.stream(trader.server.url_trade) as stream:
        await ready(trader)
        frame = {
            "op": "order.create",
            "reqId": "1",
            "header": {"X-BAPI-TIMESTAMP": trader.server.now_ms()},
            "args": [limit_order("a")],
        }
        assert (await stream.ask(**frame))["retCode"] == 0
        assert await trader.open_orders() == ["a"]


@pytest.mark.parametrize("accepted", [False, True])
async def test_a_lost_answer_breaks_the_connection_and_the_order_is_there_or_not(accepted: bool) -> None:
    plan = plan_of(requests=[{"when": {"route": CREATE}, "lose": {"accepted": accepted}}])
    async with trading(plan) as trader:
        await ready(trader)
        with pytest.raises(aiohttp.ClientConnectionError):
            await trader.ask("POST", CREATE, limit_order("a"))
        assert await trader.open_orders() == (["a"] if accepted else [])


async def test_an_answer_that_never_comes_lasts_until_the_client_gives_up_or_the_server_ends() -> None:
    plan = plan_of(requests=[{"when": {"route": CREATE}, "lose": {"accepted": True, "how": "silence"}}])
    async with trading(plan) as trader:
        async with trader.stream(trader.server.url_private, "order") as stream:
            await ready(trader)
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.2):
                    await trader.ask("POST", CREATE, limit_order("a"))
            assert await trader.open_orders() == ["a"]
            waiting = asyncio.create_task(trader.ask("POST", CREATE, limit_order("b")))
            assert [(await stream.read())["data"][0]["orderLinkId"] for _ in "ab"] == ["a", "b"]
        await trader.server.close()
        with pytest.raises(aiohttp.ClientConnectionError):
            await waiting


async def test_a_late_answer_lets_the_push_come_first_and_a_late_push_the_answer() -> None:
    slow_answer = plan_of(requests=[{"when": {"route": CREATE}, "delay_ms": 100}])
    async with trading(slow_answer) as trader, trader.stream(trader.server.url_private, "order") as stream:
        await ready(trader)
        asking = asyncio.create_task(trader.ask("POST", CREATE, limit_order("a")))
        assert (await stream.read())["topic"] == "order"
        assert not asking.done()
        assert (await asking)[0] == 200
    slow_push = plan_of(pushes=[{"delay_ms": 100}])
    async with trading(slow_push) as trader, trader.stream(trader.server.url_private, "order") as stream:
        await ready(trader)
        reading = asyncio.create_task(stream.read())
        assert (await trader.post(CREATE, limit_order("a")))["retCode"] == 0
        assert not reading.done()
        assert (await reading)["topic"] == "order"


async def test_a_stream_ends_with_the_code_of_the_plan_after_what_was_pushed_before() -> None:
    plan = plan_of(pushes=[{"when": {"nth": [2]}, "close": 1012}])
    async with trading(plan) as trader, trader.stream(trader.server.url_private, "order") as stream:
        await ready(trader)
        for name in "abc":
            await trader.post(CREATE, limit_order(name))
        texts = await stream.read_all()
        assert [json.loads(text)["data"][0]["orderLinkId"] for text in texts] == ["a", "b"]
        assert stream.socket.close_code == 1012


async def test_a_stream_is_cut_without_a_goodbye() -> None:
    plan = plan_of(pushes=[{"when": {"nth": [1]}, "close": 0}])
    async with trading(plan) as trader, trader.stream(trader.server.url_private, "order") as stream:
        await ready(trader)
        await trader.post(CREATE, limit_order("a"))
        assert len(await stream.read_all()) == 1
        assert stream.socket.close_code == 1006


async def test_a_refused_upgrade_has_its_status() -> None:
    plan = plan_of(streams=[{"when": {"op": "connect"}, "refuse": 429}])
    async with trading(plan) as trader:
        with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
            await trader.session.ws_connect(trader.server.url_private)
        assert caught.value.status == 429


async def test_an_idle_private_stream_is_closed_and_the_market_closes_it_at_its_end() -> None:
    async with trading(idle_s=0.01) as trader, trader.session.ws_connect(trader.server.url_private) as socket:
        assert (await socket.receive(timeout=10)).type is aiohttp.WSMsgType.CLOSE
    async with (
        trading(speed="max", at_end="close") as trader,
        trader.stream(trader.server.url_private, "order") as stream,
        connected(trader.server) as client,
    ):
        await client.subscribe("publicTrade.BTCUSDT")
        await client.read_all()
        assert await stream.read_text() is None


async def test_public_frames_meet_the_public_part_of_the_plan() -> None:
    plan = plan_of(public={"duplicate": [1]})
    async with trading(plan, speed="max") as trader, connected(trader.server) as client:
        await client.subscribe("publicTrade.BTCUSDT")
        assert await client.read() == await client.read()


async def test_with_accounts_awake_subscribers_get_the_frames_they_got_without() -> None:
    async def frames(wake: bool) -> list[str]:
        async with trading(speed="max", start="first_subscription", at_end="close", settle_ms=50) as trader:
            if wake:
                await trader.open_orders()
            async with connected(trader.server) as client:
                await client.subscribe("tickers.BTCUSDT")
                return await client.read_all()

    asleep, awake = await frames(False), await frames(True)
    assert len(asleep) > 500
    assert asleep == awake


async def test_a_client_is_told_when_its_limit_is_over_by_the_clock_it_signs_by() -> None:
    async with trading(speed=60.0) as trader:
        for at_ms in (real_utc_ms, trader.server.now_ms):
            headers = signed_headers('{"category": "linear"}', at_ms())
            url = f"{trader.server.url_rest}{CREATE}"
            async with trader.session.post(url, data='{"category": "linear"}', headers=headers) as response:
                reset_ms = int(response.headers["X-Bapi-Limit-Reset-Timestamp"])
            assert abs(reset_ms - at_ms()) < 60_000
