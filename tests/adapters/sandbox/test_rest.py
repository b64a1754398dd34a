from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from adapters.sandbox.listings import LISTINGS
from adapters.sandbox.market_data import DEMO_START_MS, MINUTE_MS
from adapters.sandbox.price_limit import price_limits
from adapters.sandbox.rest import MarketRest
from adapters.sandbox.synthetic_market import SyntheticMarket, demo_market
from daemon.core.units import on_grid

NOW_MS = DEMO_START_MS + 150_123


@pytest.fixture
def market() -> SyntheticMarket:
    """The demo, two and a half minutes after midnight."""
    market = demo_market(minutes=10)
    while market.next_ms is not None and market.next_ms <= NOW_MS:
        market.advance(())
    return market


def ask(market: SyntheticMarket, path: str, **query: object) -> Any:
    rest = MarketRest(market, lambda: NOW_MS)
    status, body = rest.answer("GET", f"/v5/market/{path}", {name: str(value) for name, value in query.items()})
    assert (status, set(body)) == (200, {"retCode", "retMsg", "result", "retExtInfo", "time"})
    return body


def result(market: SyntheticMarket, path: str, **query: object) -> Any:
    body = ask(market, path, **query)
    assert (body["retCode"], body["retMsg"], body["time"]) == (0, "OK", NOW_MS)
    return body["result"]


def test_server_time_is_market_time_in_seconds_and_nanoseconds(market: SyntheticMarket) -> None:
    assert result(market, "time") == {"timeSecond": str(NOW_MS // 1000), "timeNano": str(NOW_MS * 1_000_000)}


def test_instruments_are_listed_page_by_page(market: SyntheticMarket) -> None:
    pages, cursor = [], ""
    while True:
        page = result(market, "instruments-info", category="linear", limit=2, cursor=cursor)
        pages.append([item["symbol"] for item in page["list"]])
        cursor = page["nextPageCursor"]
        if not cursor:
            break
    assert pages == [["BTCUSDT", "ETHUSDT"], ["SOLUSDT"]]
    only = result(market, "instruments-info", category="linear", symbol="ETHUSDT")["list"]
    assert only == [LISTINGS["ETHUSDT"].info()]
    assert result(market, "instruments-info", category="linear", baseCoin="SOL")["list"][0]["symbol"] == "SOLUSDT"


@pytest.mark.parametrize(
    "query",
    [
        {"category": "spot"},
        {"category": "inverse"},
        {"category": "option"},
        {"category": "linear", "status": "PreLaunch"},
    ],
)
def test_what_is_not_played_is_an_empty_list(market: SyntheticMarket, query: dict[str, str]) -> None:
    assert result(market, "instruments-info", **query) == {
        "category": query["category"],
        "list": [],
        "nextPageCursor": "",
    }


def test_klines_come_newest_first_up_to_the_running_minute(market: SyntheticMarket) -> None:
    rows = result(market, "kline", category="linear", symbol="BTCUSDT", interval="1")["list"]
    assert [int(row[0]) for row in rows] == [DEMO_START_MS + index * MINUTE_MS for index in range(2, -121, -1)]
    assert all(len(row) == 7 and all(isinstance(text, str) for text in row) for row in rows)
    oldest = rows[-1]
    assert oldest[1:6] == ["94673.5", "94794.7", "94668.4", "94794.6", "232.450"]
    assert float(oldest[6]) == pytest.approx(232.45 * (94673.5 + 94794.7 + 94668.4 + 94794.6) / 4)


def test_klines_are_cut_by_start_end_and_limit(market: SyntheticMarket) -> None:
    def starts(**query: object) -> list[int]:
        rows = result(market, "kline", symbol="BTCUSDT", **query)["list"]
        return [(int(row[0]) - DEMO_START_MS) // MINUTE_MS for row in rows]

    start = DEMO_START_MS - 10 * MINUTE_MS
    assert starts(interval="1", limit=2) == [2, 1]
    assert starts(interval="1", start=start, limit=3) == [-8, -9, -10]
    assert starts(interval="1", end=start, limit=3) == [-10, -11, -12]
    assert starts(interval="1", start=start, end=start + 2 * MINUTE_MS) == [-8, -9, -10]
    assert starts(interval="1", start=start, end=start + 5 * MINUTE_MS, limit=2) == [-5, -6]
    assert starts(interval="60", limit=5) == [0, -60, -120]
    assert starts(interval="5", start=start, limit=2) == [-5, -10]
    assert starts(interval="1", start=DEMO_START_MS + 60 * MINUTE_MS) == []


def test_a_longer_bar_is_the_sum_of_its_minutes(market: SyntheticMarket) -> None:
    minutes = result(market, "kline", symbol="ETHUSDT", interval="1", end=DEMO_START_MS - 1, limit=5)["list"]
    five = result(market, "kline", symbol="ETHUSDT", interval="5", end=DEMO_START_MS - 1, limit=1)["list"][0]
    assert five[1] == minutes[-1][1]
    assert five[4] == minutes[0][4]
    assert float(five[5]) == pytest.approx(sum(float(row[5]) for row in minutes))
    assert float(five[6]) == pytest.approx(sum(float(row[6]) for row in minutes))


def test_tickers_of_one_or_of_all_symbols_carry_every_field(market: SyntheticMarket) -> None:
    everything = result(market, "tickers", category="linear")["list"]
    assert [item["symbol"] for item in everything] == ["BTCUSDT", "ETHUSDT", "SOLUSDT"]
    one = result(market, "tickers", category="linear", symbol="ETHUSDT")["list"]
    assert one == [everything[1]]
    wanted = {
        "lastPrice",
        "markPrice",
        "indexPrice",
        "fundingRate",
        "nextFundingTime",
        "ask1Size",
        "basis",
        "deliveryTime",
    }
    assert wanted <= set(one[0])
    assert "tickDirection" not in one[0]
    assert result(market, "tickers", category="spot")["list"] == []


def test_the_order_book_is_cut_to_the_limit_best_first(market: SyntheticMarket) -> None:
    book = result(market, "orderbook", category="linear", symbol="SOLUSDT")
    assert (len(book["b"]), len(book["a"])) == (25, 25)
    bids, asks = ([float(price) for price, _ in book[side]] for side in "ba")
    assert bids == sorted(bids, reverse=True)
    assert asks == sorted(asks)
    assert bids[0] < asks[0]
    assert all(isinstance(book[name], int) for name in ("ts", "u", "seq", "cts"))
    assert len(result(market, "orderbook", category="linear", symbol="SOLUSDT", limit=500)["b"]) == 50


def test_risk_limits_of_a_symbol_come_lowest_first_as_bybit_writes_them(market: SyntheticMarket) -> None:
    answer = result(market, "risk-limit", category="linear", symbol="BTCUSDT")
    assert (answer["category"], answer["nextPageCursor"], len(answer["list"])) == ("linear", "", 35)
    assert answer["list"][:2] == [
        {
            "id": 5001,
            "symbol": "BTCUSDT",
            "riskLimitValue": "2000000",
            "maintenanceMargin": "0.005",
            "initialMargin": "0.01",
            "isLowestRisk": 1,
            "maxLeverage": "100.00",
            "mmDeduction": "",
        },
        {
            "id": 5002,
            "symbol": "BTCUSDT",
            "riskLimitValue": "2600000",
            "maintenanceMargin": "0.0056",
            "initialMargin": "0.0111",
            "isLowestRisk": 0,
            "maxLeverage": "90.00",
            "mmDeduction": "1200",
        },
    ]
    assert result(market, "risk-limit", category="spot")["list"] == []


def test_risk_limits_of_all_symbols_come_fifteen_symbols_a_page(market: SyntheticMarket) -> None:
    one = LISTINGS["BTCUSDT"]
    names = [f"S{number}USDT" for number in range(20)]
    market.listings = {
        name: replace(one, instrument=replace(one.instrument, symbol=name, risk_tiers=one.instrument.risk_tiers[:2]))
        for name in names
    }
    first = result(market, "risk-limit", category="linear")
    second = result(market, "risk-limit", category="linear", cursor=first["nextPageCursor"])
    assert [item["symbol"] for item in first["list"]] == [name for name in names[:15] for _ in range(2)]
    assert [item["symbol"] for item in second["list"]] == [name for name in names[15:] for _ in range(2)]
    assert second["nextPageCursor"] == ""


def test_the_price_limit_lies_around_the_mark_price_on_the_tick_grid(market: SyntheticMarket) -> None:
    answer = result(market, "price-limit", category="linear", symbol="BTCUSDT")
    mark = float(market.ticker("BTCUSDT")["markPrice"])
    assert (answer["symbol"], answer["ts"]) == ("BTCUSDT", str(NOW_MS))
    assert mark * 1.009 < float(answer["buyLmt"]) <= mark * 1.02
    assert mark * 0.98 <= float(answer["sellLmt"]) < mark * 0.991
    assert all(on_grid(Decimal(answer[name]), Decimal("0.1")) for name in ("buyLmt", "sellLmt"))


def test_without_a_mark_price_the_price_limit_is_not_known() -> None:
    assert price_limits(LISTINGS["BTCUSDT"], {}) is None


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("instruments-info", {}),
        ("instruments-info", {"category": "coffee"}),
        ("instruments-info", {"category": "linear", "symbol": "NOSUCHUSDT"}),
        ("instruments-info", {"category": "linear", "limit": "1001"}),
        ("instruments-info", {"category": "linear", "cursor": "x"}),
        ("kline", {"symbol": "BTCUSDT"}),
        ("kline", {"symbol": "BTCUSDT", "interval": "7"}),
        ("kline", {"interval": "1"}),
        ("kline", {"symbol": "BTCUSDT", "interval": "1", "start": "yesterday"}),
        ("kline", {"symbol": "BTCUSDT", "interval": "1", "limit": "0"}),
        ("tickers", {"category": "linear", "symbol": "NOSUCHUSDT"}),
        ("risk-limit", {}),
        ("risk-limit", {"category": "linear", "symbol": "NOSUCHUSDT"}),
        ("risk-limit", {"category": "linear", "cursor": "x"}),
        ("price-limit", {"category": "linear"}),
        ("price-limit", {"symbol": "NOSUCHUSDT"}),
        ("orderbook", {"category": "linear"}),
        ("orderbook", {"category": "linear", "symbol": "BTCUSDT", "limit": "-1"}),
    ],
)
def test_bad_parameters_are_an_application_error(market: SyntheticMarket, path: str, query: dict[str, str]) -> None:
    body = ask(market, path, **query)
    assert (body["retCode"], body["result"]) == (10001, {})
    assert body["retMsg"].startswith("params error")


@pytest.mark.parametrize(("method", "path"), [("GET", "/v5/market/dreams"), ("POST", "/v5/market/time"), ("GET", "/")])
def test_unknown_routes_are_404_with_the_exchanges_code(market: SyntheticMarket, method: str, path: str) -> None:
    status, body = MarketRest(market, lambda: NOW_MS).answer(method, path, {})
    assert (status, body["retCode"]) == (404, 10017)
