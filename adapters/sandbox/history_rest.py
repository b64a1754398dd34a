"""REST market data of the past: bars of mark, index and premium index, funding, open interest, recent trades.

Source: Bybit v5 docs, "Market", "System Status". Categories other than linear exist but list nothing here.

Known limits: open interest is known from the beginning of the play on, recent trades are those that were played.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec
from msgspec import Struct

from adapters.sandbox.candles import INTERVAL_MINUTES
from adapters.sandbox.market import KlineQuery, Market
from adapters.sandbox.market_history import Kind, MarketHistory
from adapters.sandbox.query import BAD_PARAMETER, Query, Result, category_of, check_symbol, number, time_bound
from adapters.sandbox.refused import Refused

INTEREST_MINUTES = {"5min": 5, "15min": 15, "30min": 30, "1h": 60, "4h": 240, "1d": 1440}
PAST_MAINTENANCE: Result = {
    "id": "4d95b2a0-587f-41f0-acc9-56f28c94d6ea",
    "title": "Sandbox maintenance",
    "state": "completed",
    "begin": "1704067200000",
    "end": "1704067260000",
    "href": "",
    "serviceTypes": [1, 2, 3, 4, 5],
    "product": [1, 2],
    "uidSuffix": [],
    "maintainType": 1,
    "env": 1,
}


class _Trade(Struct):
    T: int
    s: str
    S: str
    v: str
    p: str
    i: str
    BT: bool = False
    RPI: bool = False
    seq: int = 0


class _TradeFrame(Struct):
    data: list[_Trade]


_trades = msgspec.json.Decoder(_TradeFrame).decode


class HistoryRest:
    """Answers market requests about what was played; `routes` by path, all of them GET."""

    def __init__(self, market: Market, history: MarketHistory) -> None:
        self._market = market
        self._history = history
        self.routes: Mapping[str, Callable[[Query], Result]] = {
            "/v5/market/mark-price-kline": lambda query: self._price_kline("mark", query),
            "/v5/market/index-price-kline": lambda query: self._price_kline("index", query),
            "/v5/market/premium-index-price-kline": lambda query: self._price_kline("premium", query),
            "/v5/market/funding/history": self._funding,
            "/v5/market/open-interest": self._open_interest,
            "/v5/market/recent-trade": self._recent_trades,
            "/v5/system/status": _status,
        }

    def _price_kline(self, kind: Kind, query: Query) -> Result:
        category, symbol = category_of(query, default="linear"), query.get("symbol", "")
        minutes = INTERVAL_MINUTES.get(query.get("interval", ""))
        if minutes is None:
            raise Refused(BAD_PARAMETER, "params error: interval invalid")
        asked = KlineQuery(
            symbol=symbol,
            minutes=minutes,
            start_ms=time_bound(query, "start"),
            end_ms=time_bound(query, "end"),
            limit=number(query, "limit", 200, 1, 1000),
        )
        rows: list[list[str]] = []
        if category == "linear":
            check_symbol(self._market, symbol)
            rows = self._history.price_rows(kind, asked)
        return {"symbol": symbol, "category": category, "list": rows}

    def _funding(self, query: Query) -> Result:
        category, symbol = category_of(query), query.get("symbol", "")
        limit = number(query, "limit", 200, 1, 200)
        start, end = time_bound(query, "startTime"), time_bound(query, "endTime")
        if start is not None and end is None:
            raise Refused(BAD_PARAMETER, "params error: endTime is required with startTime")
        rows: list[Result] = []
        if category == "linear":
            check_symbol(self._market, symbol)
            rows = [
                {"symbol": symbol, "fundingRate": rate, "fundingRateTimestamp": str(ts_ms)}
                for ts_ms, rate in reversed(self._history.funding(symbol))
                if _within(ts_ms, start, end)
            ]
        return {"category": category, "list": rows[:limit]}

    def _open_interest(self, query: Query) -> Result:
        category, symbol = category_of(query), query.get("symbol", "")
        minutes = INTEREST_MINUTES.get(query.get("intervalTime", ""))
        if minutes is None:
            raise Refused(BAD_PARAMETER, "params error: intervalTime invalid")
        limit = number(query, "limit", 50, 1, 200)
        start, end = time_bound(query, "startTime"), time_bound(query, "endTime")
        before = time_bound(query, "cursor")
        rows: list[Result] = []
        if category == "linear":
            check_symbol(self._market, symbol)
            rows = [
                {"openInterest": each.both, "singleOpenInterest": each.single, "timestamp": str(each.ts_ms)}
                for each in reversed(self._history.open_interest(symbol, minutes))
                if _within(each.ts_ms, start, end) and (before is None or each.ts_ms < before)
            ]
        more = str(rows[limit - 1]["timestamp"]) if len(rows) > limit else ""
        return {"symbol": symbol, "category": category, "list": rows[:limit], "nextPageCursor": more}

    def _recent_trades(self, query: Query) -> Result:
        category, symbol = category_of(query), query.get("symbol", "")
        limit = number(query, "limit", 500, 1, 1000)
        rows: list[Result] = []
        if category == "linear":
            check_symbol(self._market, symbol)
            trades = [trade for frame in self._market.trades(symbol) for trade in _trades(frame).data]
            rows = [_trade_item(trade) for trade in reversed(trades[-limit:])]
        return {"category": category, "list": rows}


def _trade_item(trade: _Trade) -> Result:
    return {
        "execId": trade.i,
        "symbol": trade.s,
        "price": trade.p,
        "size": trade.v,
        "side": trade.S,
        "time": str(trade.T),
        "isBlockTrade": trade.BT,
        "isRPITrade": trade.RPI,
        "seq": str(trade.seq),
    }


def _status(_query: Query) -> Result:
    return {"list": [PAST_MAINTENANCE]}


def _within(ts_ms: int, start: int | None, end: int | None) -> bool:
    return (start is None or ts_ms >= start) and (end is None or ts_ms <= end)
