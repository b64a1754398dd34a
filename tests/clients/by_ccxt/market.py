"""Market data."""

from __future__ import annotations

from typing import Any

import ccxt

from tests.clients.board import Checks, eventually, rising
from tests.clients.by_ccxt.connect import BTC, ETH, connect, point, signed
from tests.clients.stand import Stand

MINUTE_MS = 60_000
SYMBOLS = {BTC, ETH, "SOL/USDT:USDT"}


def time_and_status(stand: Stand) -> None:
    client = connect(stand.demo)
    first, second = client.fetch_time(), client.fetch_time()
    assert first <= second
    assert client.fetch_status()["status"] == "ok"
    assert connect(stand.demo, options={"adjustForTimeDifference": True}).options["timeDifference"] > MINUTE_MS


def instruments(stand: Stand) -> None:
    """Of every category, as ccxt loads them unless it is told otherwise: of the others there are none."""
    for sandbox, account in ((stand.demo, ""), (stand.demo, "ccxt-main"), (stand.live, "ccxt-main")):
        client = point(ccxt.bybit(signed(sandbox, account)), sandbox)
        client.load_markets()
        assert set(client.markets) == SYMBOLS
        market = client.market(BTC)
        assert (market["id"], market["type"], market["settle"]) == ("BTCUSDT", "swap", "USDT")
        assert (market["precision"]["amount"], market["precision"]["price"]) == (0.001, 0.1)
        assert market["limits"]["leverage"]["max"] == 100
        assert market["limits"]["amount"]["min"] == 0.001
        assert market["contractSize"] == 1
        assert market["active"]


def tickers(stand: Stand) -> None:
    client = connect(stand.demo)
    assert set(client.fetch_tickers()) == SYMBOLS
    ticker = client.fetch_ticker(BTC)
    assert ticker["bid"] < ticker["ask"]
    assert ticker["low"] <= ticker["last"] <= ticker["high"]
    assert abs(ticker["markPrice"] / ticker["last"] - 1) < 0.01
    assert ticker["baseVolume"] > 0


def order_book(stand: Stand) -> None:
    book = connect(stand.demo).fetch_order_book(BTC, 10)
    bids, asks = ([price for price, _ in book[side]] for side in ("bids", "asks"))
    assert len(bids) == len(asks) == 10
    assert rising(reversed(bids))
    assert rising(asks)
    assert bids[0] < asks[0]


def recent_trades(stand: Stand) -> None:
    trades = connect(stand.demo).fetch_trades(BTC, limit=20)
    assert len(trades) > 1
    assert {trade["side"] for trade in trades} <= {"buy", "sell"}
    assert all(trade["price"] > 0 and trade["amount"] > 0 for trade in trades)
    assert [trade["timestamp"] for trade in trades] == sorted(trade["timestamp"] for trade in trades)


def klines(stand: Stand) -> None:
    client = connect(stand.demo)
    now = client.fetch_time()
    since = (now // MINUTE_MS - 30) * MINUTE_MS
    pages = [client.fetch_ohlcv(BTC, "1m", since + page * 10 * MINUTE_MS, 10) for page in range(3)]
    bars = [bar for page in pages for bar in page]
    assert [bar[0] for bar in bars] == [since + place * MINUTE_MS for place in range(30)]
    assert all(bar[3] <= min(bar[1], bar[4]) and max(bar[1], bar[4]) <= bar[2] and bar[5] > 0 for bar in bars)
    hours = client.fetch_ohlcv(BTC, "1h", limit=2)
    assert len(hours) >= 1


def price_klines(stand: Stand) -> None:
    client = connect(stand.demo)
    mark, index, premium = (client.fetch_ohlcv(BTC, "1m", limit=5, params={"price": kind}) for kind in PRICES)
    trades = client.fetch_ohlcv(BTC, "1m", limit=5)
    for bars in (mark, index):
        assert len(bars) == 5
        assert abs(bars[0][4] / trades[0][4] - 1) < 0.01
    assert all(abs(bar[4]) < 0.01 for bar in premium)


PRICES = ("mark", "index", "premiumIndex")


def funding_rates(stand: Stand) -> None:
    client = connect(stand.live)
    now = client.fetch_funding_rate(BTC)
    assert abs(now["fundingRate"]) < 0.004
    assert now["fundingTimestamp"] % (8 * 60 * MINUTE_MS) == 0
    assert set(client.fetch_funding_rates()) == SYMBOLS
    paid = eventually(lambda: client.fetch_funding_rate_history(BTC, limit=10), "funding is paid", 40)
    assert rising(row["timestamp"] for row in paid)
    assert all(row["timestamp"] % (8 * 60 * MINUTE_MS) == 0 for row in paid)
    since = client.fetch_funding_rate_history(BTC, paid[-1]["timestamp"], 1)
    assert since[0]["timestamp"] == paid[-1]["timestamp"]


def open_interest(stand: Stand) -> None:
    client = connect(stand.live)
    assert client.fetch_open_interest(BTC)["openInterestAmount"] > 0
    rows = eventually(lambda: _some(client.fetch_open_interest_history(BTC, "5m", limit=3), 2), "5 minutes passed")
    assert rising(row["timestamp"] for row in rows)


def _some(rows: list[dict[str, Any]], least: int) -> list[dict[str, Any]]:
    """The rows, or none while there are too few."""
    return rows if len(rows) >= least else []


def risk_tiers(stand: Stand) -> None:
    client = connect(stand.demo)
    tiers = client.fetch_market_leverage_tiers(BTC)
    first = tiers[0]
    assert (first["maxNotional"], first["maintenanceMarginRate"], first["maxLeverage"]) == (2_000_000, 0.005, 100)
    assert len(tiers) == 35
    assert set(client.fetch_leverage_tiers()) == SYMBOLS


CHECKS: Checks = {
    "time and status": time_and_status,
    "instruments": instruments,
    "tickers": tickers,
    "order book": order_book,
    "recent trades": recent_trades,
    "klines, page by page": klines,
    "mark, index and premium klines": price_klines,
    "funding rates": funding_rates,
    "open interest": open_interest,
    "risk tiers": risk_tiers,
}
