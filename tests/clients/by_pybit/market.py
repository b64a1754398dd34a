"""Market data."""

from __future__ import annotations

from tests.clients.board import Checks, eventually, rising
from tests.clients.by_pybit.connect import BTC, LINEAR, OF_BTC, Row, connect
from tests.clients.stand import Stand

MINUTE_MS = 60_000
EIGHT_HOURS_MS = 8 * 60 * MINUTE_MS


def time_and_status(stand: Stand) -> None:
    session = connect(stand.demo)
    answer = session.get_server_time()
    assert abs(int(answer["result"]["timeSecond"]) * 1000 - answer["time"]) < 2 * MINUTE_MS
    assert answer["result"]["timeNano"].startswith(answer["result"]["timeSecond"])
    assert session.get_system_status()["result"]["list"][0]["state"] == "completed"


def instruments(stand: Stand) -> None:
    session = connect(stand.demo)
    rows = session.get_instruments_info(**LINEAR)["result"]["list"]
    assert {row["symbol"] for row in rows} == {BTC, "ETHUSDT", "SOLUSDT"}
    (row,) = session.get_instruments_info(**OF_BTC)["result"]["list"]
    assert (row["priceFilter"]["tickSize"], row["lotSizeFilter"]["qtyStep"]) == ("0.10", "0.001")
    assert (row["leverageFilter"]["maxLeverage"], row["fundingInterval"]) == ("100.00", 480)
    first = session.get_instruments_info(**LINEAR, limit=2)["result"]
    rest = session.get_instruments_info(**LINEAR, limit=2, cursor=first["nextPageCursor"])["result"]
    assert [each["symbol"] for each in first["list"] + rest["list"]] == [each["symbol"] for each in rows]


def tickers(stand: Stand) -> None:
    session = connect(stand.demo)
    assert len(session.get_tickers(**LINEAR)["result"]["list"]) == 3
    (row,) = session.get_tickers(**OF_BTC)["result"]["list"]
    assert float(row["bid1Price"]) < float(row["ask1Price"])
    assert float(row["lowPrice24h"]) <= float(row["lastPrice"]) <= float(row["highPrice24h"])
    assert session.get_tickers(category="spot")["result"]["list"] == []


def order_book(stand: Stand) -> None:
    book = connect(stand.demo).get_orderbook(**OF_BTC, limit=10)["result"]
    bids, asks = ([float(price) for price, _ in book[side]] for side in "ba")
    assert len(bids) == len(asks) == 10
    assert rising(reversed(bids))
    assert rising(asks)
    assert bids[0] < asks[0]


def recent_trades(stand: Stand) -> None:
    rows = connect(stand.demo).get_public_trade_history(**OF_BTC, limit=20)["result"]["list"]
    times = [int(row["time"]) for row in rows]
    assert len(rows) > 1
    assert times == sorted(times, reverse=True)
    assert {row["side"] for row in rows} <= {"Buy", "Sell"}


def klines(stand: Stand) -> None:
    session = connect(stand.demo)
    since = session.get_server_time()["time"] // MINUTE_MS * MINUTE_MS - 30 * MINUTE_MS
    rows: list[list[str]] = []
    for page in range(3):
        start = since + page * 10 * MINUTE_MS
        end = start + 9 * MINUTE_MS
        rows += session.get_kline(**OF_BTC, interval=1, start=start, end=end)["result"]["list"][::-1]
    assert [int(row[0]) for row in rows] == [since + place * MINUTE_MS for place in range(30)]
    assert all(float(row[3]) <= float(row[4]) <= float(row[2]) for row in rows)


def price_klines(stand: Stand) -> None:
    session = connect(stand.demo)
    for get in (session.get_mark_price_kline, session.get_index_price_kline, session.get_premium_index_price_kline):
        rows: list[list[str]] = get(**OF_BTC, interval=1, limit=5)["result"]["list"]
        assert [len(row) for row in rows] == [5] * 5
        assert rising(int(row[0]) for row in reversed(rows))


def funding_rates(stand: Stand) -> None:
    session = connect(stand.live)
    rows: list[Row] = eventually(
        lambda: session.get_funding_rate_history(**OF_BTC)["result"]["list"], "funding is paid", 40
    )
    assert all(int(row["fundingRateTimestamp"]) % EIGHT_HOURS_MS == 0 for row in rows)
    end = int(rows[0]["fundingRateTimestamp"])
    (row,) = session.get_funding_rate_history(**OF_BTC, startTime=end, endTime=end, limit=1)["result"]["list"]
    assert row == rows[0]


def open_interest(stand: Stand) -> None:
    session = connect(stand.live)
    query = OF_BTC | {"intervalTime": "5min"}
    eventually(lambda: len(session.get_open_interest(**query)["result"]["list"]) > 5, "half an hour passed")
    rows: list[Row] = []
    cursor: str | None = ""
    while cursor is not None:
        result = session.get_open_interest(**query, limit=2, cursor=cursor)["result"]
        rows += result["list"]
        cursor = result["nextPageCursor"] or None
    assert len(rows) > 5
    assert rising(-int(row["timestamp"]) for row in rows)


def risk_tiers(stand: Stand) -> None:
    rows = connect(stand.demo).get_risk_limit(**OF_BTC)["result"]["list"]
    assert len(rows) == 35
    assert (rows[0]["riskLimitValue"], rows[0]["maintenanceMargin"], rows[0]["mmDeduction"]) == ("2000000", "0.005", "")


def price_limits(stand: Stand) -> None:
    limits = connect(stand.demo).get_price_limit(**OF_BTC)["result"]
    assert float(limits["sellLmt"]) < float(limits["buyLmt"])


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
    "price limits": price_limits,
}
