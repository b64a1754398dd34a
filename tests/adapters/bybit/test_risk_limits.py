"""Risk tiers over a loopback server."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from aiohttp import web
from structlog.testing import capture_logs

from adapters.bybit.instruments import fetch_instruments, find_instruments
from adapters.bybit.risk_limits import PATH
from daemon.core.errors import FeedError
from daemon.core.events import RiskTier
from tests.adapters.bybit.test_instruments import Handler, envelope, item, listing, served

ROWS = (
    ("2000000", "0.005", "0.01", "100.00", ""),
    ("2600000", "0.0056", "0.0111", "90.00", "1200"),
    ("3200000", "0.0063", "0.0125", "80.00", "3020"),
)


def tier(symbol: str, *row: str, **changed: Any) -> dict[str, Any]:
    limit, maintenance, initial, leverage, deduction = row
    return {
        "id": 1,
        "symbol": symbol,
        "riskLimitValue": limit,
        "maintenanceMargin": maintenance,
        "initialMargin": initial,
        "isLowestRisk": int(not deduction),
        "maxLeverage": leverage,
        "mmDeduction": deduction,
        **changed,
    }


def limits(tiers: list[dict[str, Any]], symbols: tuple[str, ...] = ("BTCUSDT",), *, page: int = 500) -> Handler:
    """A venue with these symbols and tiers, so many tiers a page."""
    instruments = listing(*map(item, symbols))

    def answer(request: web.Request) -> web.Response:
        if request.path != PATH:
            return instruments(request)
        assert request.query["category"] == "linear"
        symbol = request.query.get("symbol", "")
        found = [one for one in tiers if symbol in ("", one["symbol"])]
        first = int(request.query.get("cursor", "at=0").removeprefix("at="))
        more = f"at%3D{first + page}" if first + page < len(found) else ""
        return envelope({"category": "linear", "list": found[first : first + page], "nextPageCursor": more})

    return answer


async def test_tiers_come_with_the_instrument_lowest_first_and_the_first_without_a_deduction() -> None:
    tiers = [tier("BTCUSDT", *row) for row in reversed(ROWS)]
    async with served(limits(tiers)) as url:
        [found] = await fetch_instruments(url, ["BTCUSDT"])
    assert found.risk_tiers[:2] == (
        RiskTier(Decimal(2_000_000), Decimal("0.005"), Decimal("0.01"), Decimal(100), Decimal(0)),
        RiskTier(Decimal(2_600_000), Decimal("0.0056"), Decimal("0.0111"), Decimal(90), Decimal(1200)),
    )
    assert len(found.risk_tiers) == 3


@pytest.mark.parametrize("count", [3, 25])
async def test_pages_are_read_to_the_end_for_few_symbols_and_for_many(count: int) -> None:
    symbols = tuple(f"S{number}USDT" for number in range(count))
    tiers = [tier(symbol, *row) for symbol in symbols for row in ROWS]
    async with served(limits(tiers, symbols, page=2)) as url:
        found = await fetch_instruments(url, symbols)
    assert [len(one.risk_tiers) for one in found] == [3] * count


async def test_a_symbol_without_tiers_has_none() -> None:
    async with served(limits([tier("ETHUSDT", *ROWS[0])], ("BTCUSDT", "ETHUSDT"))) as url:
        found = await find_instruments(url, ["BTCUSDT", "ETHUSDT"])
    assert (found["BTCUSDT"].risk_tiers, len(found["ETHUSDT"].risk_tiers)) == ((), 1)


async def test_a_venue_that_does_not_know_risk_limits_is_warned_about_and_used() -> None:
    with capture_logs() as said:
        async with served(listing(item("BTCUSDT"))) as url:
            [found] = await fetch_instruments(url, ["BTCUSDT"])
    assert found.risk_tiers == ()
    assert [event["event"] for event in said] == ["risk_limits_unknown"]


@pytest.mark.parametrize(
    ("tiers", "said"),
    [
        ([tier("BTCUSDT", *ROWS[0], maintenanceMargin="0,5")], "not an answer"),
        ([tier("BTCUSDT", *ROWS[0], maxLeverage="")], "not an answer"),
        ([tier("BTCUSDT", *ROWS[0], mmDeduction=None)], "not an answer"),
        ([tier("BTCUSDT", *ROWS[0], maintenanceMargin="0.5", initialMargin="1.1")], "contradict themselves: tier 1"),
        ([tier("BTCUSDT", *ROWS[0]), tier("BTCUSDT", *ROWS[0])], "tier 2: limit 2000000 is not above 2000000"),
        ([tier("BTCUSDT", *ROWS[0]), tier("BTCUSDT", *ROWS[1], maxLeverage="101")], "tier 2: max_leverage 101"),
        ([tier("BTCUSDT", *ROWS[0], maxLeverage="0.5")], "tier 1: max_leverage 0.5 is below 1"),
    ],
)
async def test_tiers_that_cannot_be_meant_are_refused_with_a_cure(tiers: list[dict[str, Any]], said: str) -> None:
    async with served(limits(tiers)) as url:
        with pytest.raises(FeedError, match=said) as caught:
            await fetch_instruments(url, ["BTCUSDT"])
    assert caught.value.cure


async def test_a_venue_that_refuses_the_question_is_not_taken_for_one_that_does_not_know_it() -> None:
    good = listing(item("BTCUSDT"))

    def answer(request: web.Request) -> web.Response:
        return envelope({}, 10006, "Too many visits!") if request.path == PATH else good(request)

    async with served(answer) as url:
        with pytest.raises(FeedError, match="10006"):
            await fetch_instruments(url, ["BTCUSDT"])


async def test_a_cursor_without_end_is_refused() -> None:
    good = listing(item("BTCUSDT"))

    def answer(request: web.Request) -> web.Response:
        if request.path != PATH:
            return good(request)
        return envelope({"list": [tier("BTCUSDT", *ROWS[0])], "nextPageCursor": "again"})

    async with served(answer) as url:
        with pytest.raises(FeedError, match="more than 200 pages"):
            await fetch_instruments(url, ["BTCUSDT"])
