"""REST market data: the public routes of Bybit v5 that the sandbox answers.

Source: Bybit v5 docs, "Market". Every answer is `retCode, retMsg, result, retExtInfo, time`; an application error comes
with HTTP 200. Categories other than linear exist but list nothing here, since clients ask for all of them at start.
"""

from __future__ import annotations

from collections.abc import Callable

from adapters.sandbox.candles import INTERVAL_MINUTES
from adapters.sandbox.history_rest import HistoryRest
from adapters.sandbox.market import KlineQuery, Market
from adapters.sandbox.market_history import MarketHistory
from adapters.sandbox.price_limit import price_limits
from adapters.sandbox.query import BAD_PARAMETER, Query, Result, category_of, check_symbol, number, time_bound
from adapters.sandbox.refused import Refused

OK = 0
UNKNOWN_ROUTE = 10017
SYMBOLS_PER_PAGE = 15


class MarketRest:
    """Answers market requests from the state of a market and, where it is given, from its history."""

    def __init__(self, market: Market, now_ms: Callable[[], int], history: MarketHistory | None = None) -> None:
        self._market = market
        self._now_ms = now_ms
        self._routes: dict[str, Callable[[Query], Result]] = {
            "/v5/market/time": self._time,
            "/v5/market/instruments-info": self._instruments,
            "/v5/market/kline": self._kline,
            "/v5/market/tickers": self._tickers,
            "/v5/market/orderbook": self._orderbook,
            "/v5/market/risk-limit": self._risk_limit,
            "/v5/market/price-limit": self._price_limit,
        }
        if history is not None:
            self._routes |= HistoryRest(market, history).routes

    def answer(self, method: str, path: str, query: Query) -> tuple[int, Result]:
        """(HTTP status, body) of a request; an unknown route is 404 with code 10017."""
        route = self._routes.get(path) if method == "GET" else None
        if route is None:
            return 404, self._envelope(UNKNOWN_ROUTE, "Route not found.", {})
        try:
            return 200, self._envelope(OK, "OK", route(query))
        except Refused as refused:
            return 200, self._envelope(refused.code, refused.message, {})

    def _envelope(self, code: int, message: str, result: Result) -> Result:
        return {"retCode": code, "retMsg": message, "result": result, "retExtInfo": {}, "time": self._now_ms()}

    def _time(self, _query: Query) -> Result:
        now_ms = self._now_ms()
        return {"timeSecond": str(now_ms // 1000), "timeNano": str(now_ms * 1_000_000)}

    def _instruments(self, query: Query) -> Result:
        category = category_of(query)
        limit, first = number(query, "limit", 500, 1, 1000), number(query, "cursor", 0, 0, 1 << 31)
        symbol, status, base = query.get("symbol", ""), query.get("status", "Trading"), query.get("baseCoin", "")
        if symbol and category == "linear":
            check_symbol(self._market, symbol)
        items = [
            listing.info()
            for listing in self._market.listings.values()
            if category == "linear"
            and symbol in {"", listing.symbol}
            and status == listing.instrument.status
            and base in {"", listing.base_coin}
        ]
        more = str(first + limit) if first + limit < len(items) else ""
        return {"category": category, "list": items[first : first + limit], "nextPageCursor": more}

    def _kline(self, query: Query) -> Result:
        category = category_of(query, default="linear")
        symbol, interval = query.get("symbol", ""), query.get("interval", "")
        if interval not in INTERVAL_MINUTES:
            raise Refused(BAD_PARAMETER, "params error: interval invalid")
        limit = number(query, "limit", 200, 1, 1000)
        start_ms, end_ms = time_bound(query, "start"), time_bound(query, "end")
        rows: list[list[str]] = []
        if category == "linear":
            check_symbol(self._market, symbol)
            rows = self._market.klines(
                KlineQuery(
                    symbol=symbol, minutes=INTERVAL_MINUTES[interval], start_ms=start_ms, end_ms=end_ms, limit=limit
                )
            )
        return {"category": category, "symbol": symbol, "list": rows}

    def _tickers(self, query: Query) -> Result:
        category = category_of(query)
        symbol = query.get("symbol", "")
        if category != "linear":
            return {"category": category, "list": []}
        if symbol:
            check_symbol(self._market, symbol)
        symbols = [symbol] if symbol else list(self._market.listings)
        fields = [self._market.ticker(name) for name in symbols]
        return {"category": category, "list": [_ticker_item(item) for item in fields if item]}

    def _orderbook(self, query: Query) -> Result:
        category_of(query)
        symbol = query.get("symbol", "")
        check_symbol(self._market, symbol)
        limit = number(query, "limit", 25, 1, 1000)
        view = self._market.book(symbol)
        if view is None:
            return {"s": symbol, "b": [], "a": [], "ts": self._now_ms(), "u": 0, "seq": 0, "cts": self._now_ms()}
        return {
            "s": symbol,
            "b": view.bids[:limit],
            "a": view.asks[:limit],
            "ts": view.ts_ms,
            "u": view.update_id,
            "seq": view.seq,
            "cts": view.cts_ms,
        }

    def _risk_limit(self, query: Query) -> Result:
        category = category_of(query)
        symbol, first = query.get("symbol", ""), number(query, "cursor", 0, 0, 1 << 31)
        if symbol and category == "linear":
            check_symbol(self._market, symbol)
        listings = [
            listing
            for listing in self._market.listings.values()
            if category == "linear" and symbol in {"", listing.symbol}
        ]
        page = listings[first : first + SYMBOLS_PER_PAGE]
        more = str(first + SYMBOLS_PER_PAGE) if first + SYMBOLS_PER_PAGE < len(listings) else ""
        items = [item for listing in page for item in listing.risk_limits()]
        return {"category": category, "list": items, "nextPageCursor": more}

    def _price_limit(self, query: Query) -> Result:
        category_of(query, default="linear")
        symbol = query.get("symbol", "")
        check_symbol(self._market, symbol)
        limits = price_limits(self._market.listings[symbol], self._market.ticker(symbol))
        highest, lowest = ("", "") if limits is None else (f"{limits[0]:f}", f"{limits[1]:f}")
        return {"symbol": symbol, "buyLmt": highest, "sellLmt": lowest, "ts": str(self._now_ms())}


def _ticker_item(fields: dict[str, str]) -> Result:
    item: Result = {name: text for name, text in fields.items() if name != "tickDirection"}
    for name in ("predictedDeliveryPrice", "basisRate", "basis", "deliveryFeeRate", "basisRateYear"):
        item[name] = ""
    item["deliveryTime"] = "0"
    return item
