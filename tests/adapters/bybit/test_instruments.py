"""REST reads over a loopback server."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from adapters.bybit.instruments import PATH, fetch_instruments, find_instruments, server_time
from daemon.core.errors import FeedError
from daemon.core.events import Instrument

Handler = Callable[[web.Request], web.Response]


def item(symbol: str, **changed: Any) -> dict[str, Any]:
    return {
        "symbol": symbol,
        "contractType": "LinearPerpetual",
        "status": "Trading",
        "baseCoin": "BTC",
        "quoteCoin": "USDT",
        "settleCoin": "USDT",
        "leverageFilter": {"minLeverage": "1", "maxLeverage": "100.00", "leverageStep": "0.01"},
        "priceFilter": {"minPrice": "0.10", "maxPrice": "199999.80", "tickSize": "0.10"},
        "lotSizeFilter": {
            "maxOrderQty": "1190.000",
            "maxMktOrderQty": "500.000",
            "minOrderQty": "0.001",
            "qtyStep": "0.001",
            "minNotionalValue": "5",
        },
        "fundingInterval": 480,
        "upperFundingRate": "0.00375",
        "lowerFundingRate": "-0.00375",
        "riskParameters": {"priceLimitRatioX": "0.01", "priceLimitRatioY": "0.02"},
        **changed,
    }


def envelope(result: Any, code: int = 0, text: str = "OK") -> web.Response:
    body = {"retCode": code, "retMsg": text, "result": result, "retExtInfo": {}, "time": 1707186451514}
    return web.json_response(body, dumps=lambda value: msgspec.json.encode(value).decode())


def listing(*items: dict[str, Any], page: int = 500) -> Handler:
    """An instruments-info endpoint over these items, at a venue that does not know risk limits."""

    def answer(request: web.Request) -> web.Response:
        if request.path != PATH:
            return envelope({}, 10017, "Route not found.")
        assert request.query["category"] == "linear"
        symbol = request.query.get("symbol")
        if symbol is not None:
            return envelope({"list": [one for one in items if one["symbol"] == symbol], "nextPageCursor": ""})
        first = int(request.query.get("cursor", "at=0").removeprefix("at="))
        more = f"at%3D{first + page}" if first + page < len(items) else ""
        return envelope({"list": items[first : first + page], "nextPageCursor": more})

    return answer


@asynccontextmanager
async def served(handler: Handler) -> AsyncIterator[str]:
    async def handle(request: web.Request) -> web.Response:
        return handler(request)

    app = web.Application()
    app.router.add_get("/{path:.*}", handle)
    async with TestServer(app) as server:
        yield str(server.make_url("")).rstrip("/")


async def test_specifications_come_as_decimals_in_the_order_asked_for() -> None:
    async with served(listing(item("BTCUSDT"), item("ETHUSDT", fundingInterval=240))) as url:
        found = await fetch_instruments(url, ["ETHUSDT", "BTCUSDT", "ETHUSDT"])
    assert [one.symbol for one in found] == ["ETHUSDT", "BTCUSDT"]
    assert found[1] == Instrument(
        symbol="BTCUSDT",
        tick=Decimal("0.10"),
        step=Decimal("0.001"),
        min_qty=Decimal("0.001"),
        max_qty=Decimal("1190.000"),
        max_market_qty=Decimal("500.000"),
        min_notional=Decimal("5"),
        max_leverage=Decimal("100.00"),
        funding_interval_min=480,
        min_leverage=Decimal("1"),
        leverage_step=Decimal("0.01"),
        price_limit_ratio_x=Decimal("0.01"),
        price_limit_ratio_y=Decimal("0.02"),
        upper_funding_rate=Decimal("0.00375"),
        lower_funding_rate=Decimal("-0.00375"),
    )
    assert found[0].funding_interval_min == 240


async def test_many_symbols_are_read_page_by_page() -> None:
    items = [item(f"S{number}USDT") for number in range(70)]
    async with served(listing(*items, page=30)) as url:
        found = await fetch_instruments(url, [one["symbol"] for one in reversed(items)])
    assert [one.symbol for one in found] == [one["symbol"] for one in reversed(items)]


async def test_an_unknown_symbol_is_refused_with_near_ones() -> None:
    async with served(listing(item("BTCUSDT"), item("1000PEPEUSDT"))) as url:
        with pytest.raises(FeedError, match=r"PEPEUSDT \(did you mean 1000PEPEUSDT") as caught:
            await fetch_instruments(url, ["BTCUSDT", "PEPEUSDT", "ZZZ"])
    assert "ZZZ" in caught.value.message
    assert caught.value.cure


async def test_a_symbol_the_venue_calls_invalid_is_unknown() -> None:
    good = listing(item("BTCUSDT"))

    def answer(request: web.Request) -> web.Response:
        return envelope({}, 10001, "params error: symbol invalid") if "symbol" in request.query else good(request)

    async with served(answer) as url:
        with pytest.raises(FeedError, match="did you mean BTCUSDT"):
            await fetch_instruments(url, ["BTCUSD"])


@pytest.mark.parametrize(
    "changed",
    [
        {"upperFundingRate": "", "lowerFundingRate": "", "riskParameters": {}},
        {"riskParameters": None},
        {"riskParameters": {"priceLimitRatioX": "", "priceLimitRatioY": ""}},
        {"leverageFilter": {"maxLeverage": "50", "minLeverage": "", "leverageStep": ""}},
    ],
)
async def test_what_the_venue_leaves_out_is_unknown_or_has_its_default(changed: dict[str, Any]) -> None:
    async with served(listing(item("BTCUSDT", **changed))) as url:
        [found] = await fetch_instruments(url, ["BTCUSDT"])
    assert (found.min_leverage, found.leverage_step, found.risk_tiers) == (Decimal(1), Decimal("0.01"), ())
    assert (found.price_limit_ratio_x is None) == ("riskParameters" in changed)
    assert (found.upper_funding_rate is None) == (found.lower_funding_rate is None) == ("upperFundingRate" in changed)


async def test_symbols_that_are_gone_are_left_out_when_asked_again() -> None:
    async with served(listing(item("BTCUSDT"), item("ETHUSDT"))) as url:
        assert list(await find_instruments(url, ["ETHUSDT", "GONEUSDT", "BTCUSDT"])) == ["ETHUSDT", "BTCUSDT"]


@pytest.mark.parametrize("changed", [{"contractType": "LinearFutures"}, {"settleCoin": "USDC"}])
async def test_what_is_no_usdt_perpetual_is_refused(changed: dict[str, Any]) -> None:
    async with served(listing(item("BTCPERP", **changed))) as url:
        with pytest.raises(FeedError, match="BTCPERP is a"):
            await fetch_instruments(url, ["BTCPERP"])


def text(status: int, body: str) -> Handler:
    return lambda request: web.Response(status=status, text=body, content_type="text/html")


@pytest.mark.parametrize(
    ("handler", "said"),
    [
        (text(403, "access too frequent"), "403"),
        (text(200, "<html>log in</html>"), "<html>log in"),
        (text(502, "bad gateway"), "HTTP 502"),
        (text(200, ""), "not an answer"),
        (lambda request: envelope({}, 10006, "Too many visits!"), "10006"),
        (lambda request: envelope({"list": [{"symbol": "BTCUSDT"}]}), "not an answer"),
        (listing(item("BTCUSDT", priceFilter={"tickSize": "0"})), "not an answer"),
        (listing(item("BTCUSDT", priceFilter={"tickSize": "NaN"})), "not an answer"),
        (listing(item("BTCUSDT", upperFundingRate="high")), "not an answer"),
        (listing(item("BTCUSDT", riskParameters={"priceLimitRatioX": "-0.1"})), "not an answer"),
        (listing(item("BTCUSDT", leverageFilter={"maxLeverage": "100", "leverageStep": "0"})), "not an answer"),
    ],
    ids=range(11),
)
async def test_what_is_no_answer_of_bybit_is_refused_with_a_cure(handler: Handler, said: str) -> None:
    async with served(handler) as url:
        with pytest.raises(FeedError, match=said) as caught:
            await fetch_instruments(url, ["BTCUSDT"])
    assert caught.value.cure


async def test_an_unreachable_venue_is_refused_with_a_cure() -> None:
    with pytest.raises(FeedError, match=r"127\.0\.0\.1:1/v5/market/time") as caught:
        await server_time("http://127.0.0.1:1")
    assert "network" in caught.value.cure


async def test_the_venues_clock_is_read_in_nanoseconds() -> None:
    async with served(lambda request: envelope({"timeSecond": "1688639403", "timeNano": "1688639403423213947"})) as url:
        assert await server_time(url) == 1688639403423213947
