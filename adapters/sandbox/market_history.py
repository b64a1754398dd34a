"""What a market was: bars of mark, index and premium index, open interest, funding, as far as it was played.

It looks at the tickers at most once a market second. Source: Bybit v5 docs, "Get Mark Price Kline", "Get Index Price
Kline", "Get Premium Index Price Kline", "Get Open Interest", "Get Funding Rate History".

Assumptions:
- Before the market was looked at, the bars of trades stand for those of mark and index, and the premium is zero.
- premium index = (max(0, bid - index) - max(0, index - ask)) / index, with the touch in place of impact prices.
- When the next funding time moves on, the rate told last before it did was paid.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal, TypeAlias

from msgspec import Struct

from adapters.sandbox.listings import decimals_of
from adapters.sandbox.market import KlineQuery, Market, pick_rows
from adapters.sandbox.market_data import MINUTE_MS

SECOND_MS = 1000
OPEN_INTEREST_MS = 5 * MINUTE_MS
PREMIUM_DECIMALS = 6
LOOKED_AT = ("markPrice", "indexPrice", "bid1Price", "ask1Price", "openInterest", "nextFundingTime", "fundingRate")

Kind: TypeAlias = Literal["mark", "index", "premium"]
KINDS: tuple[Kind, ...] = ("mark", "index", "premium")


class PriceBar(Struct):
    """Open, high, low and close of a number."""

    open: float
    high: float
    low: float
    close: float

    def add(self, other: PriceBar) -> None:
        """Extend by a later bar."""
        self.high, self.low = max(self.high, other.high), min(self.low, other.low)
        self.close = other.close


class OpenInterest(Struct, frozen=True):
    """Open interest at a time, milliseconds UTC: both sides, and one side; base units."""

    ts_ms: int
    both: str
    single: str


class SymbolHistory:
    """What was seen of one symbol. bars: minutes by opening time.  paid: rates by the time they were paid."""

    def __init__(self) -> None:
        self.bars: dict[Kind, dict[int, PriceBar]] = {kind: {} for kind in KINDS}
        self.interest: dict[int, OpenInterest] = {}
        self.paid: dict[int, str] = {}
        self._next_funding = (0, "")
        self._told: tuple[object, ...] = ()

    def look(self, ticker: Mapping[str, str], now_ms: int) -> None:
        """Take in a ticker. One that says nothing new within its minute changes nothing."""
        told = (now_ms // MINUTE_MS, *[ticker.get(name) for name in LOOKED_AT])
        if told == self._told:
            return
        self._told = told
        for kind, value in _numbers(ticker).items():
            minutes, start = self.bars[kind], now_ms - now_ms % MINUTE_MS
            seen = PriceBar(value, value, value, value)
            if start in minutes:
                minutes[start].add(seen)
            else:
                minutes[start] = seen
        boundary = now_ms - now_ms % OPEN_INTEREST_MS
        if ticker.get("openInterest") and boundary not in self.interest:
            single = ticker.get("singleOpenInterest", "")
            self.interest[boundary] = OpenInterest(boundary, ticker["openInterest"], single)
        self._follow_funding(ticker)

    def _follow_funding(self, ticker: Mapping[str, str]) -> None:
        due, rate = int(ticker.get("nextFundingTime") or 0), ticker.get("fundingRate", "")
        before, told = self._next_funding
        if before and due > before and told:
            self.paid[before] = told
        if due:
            self._next_funding = (due, rate)


class MarketHistory:
    """Looks at a market while it is played; `look` is to be called after every step."""

    def __init__(self, market: Market) -> None:
        self._market = market
        self._symbols = {symbol: SymbolHistory() for symbol in market.listings}
        self._next_ms = 0

    def look(self, now_ms: int) -> None:
        """Look at all symbols, unless a second has not passed since the last time."""
        if now_ms < self._next_ms:
            return
        self._next_ms = now_ms - now_ms % SECOND_MS + SECOND_MS
        for symbol, history in self._symbols.items():
            ticker = self._market.ticker(symbol)
            if ticker:
                history.look(ticker, now_ms)

    def price_rows(self, kind: Kind, query: KlineQuery) -> list[list[str]]:
        """Bars [start, open, high, low, close] of a kind of price, newest first."""
        rows = {int(row[0]): row[:5] for row in self._market.klines(query)}
        if kind == "premium":
            zero = f"{0.0:.{PREMIUM_DECIMALS}f}"
            rows = {start: [str(start), zero, zero, zero, zero] for start in rows}
        write = self._writer(kind, query.symbol)
        for start, bar in _aggregate(self._symbols[query.symbol].bars[kind], query.minutes).items():
            rows[start] = [str(start), *map(write, (bar.open, bar.high, bar.low, bar.close))]
        return pick_rows([rows[start] for start in sorted(rows)], query)

    def open_interest(self, symbol: str, minutes: int) -> list[OpenInterest]:
        """Open interest at the boundaries of an interval, oldest first; the first look stands for the running one."""
        seen = self._symbols[symbol].interest
        width = minutes * MINUTE_MS
        found: dict[int, OpenInterest] = {}
        for ts_ms, interest in seen.items():
            found.setdefault(ts_ms - ts_ms % width, interest)
        return [OpenInterest(start, each.both, each.single) for start, each in found.items()]

    def funding(self, symbol: str) -> list[tuple[int, str]]:
        """(milliseconds UTC when it was paid, rate), oldest first."""
        return sorted((dict(self._market.funding(symbol)) | self._symbols[symbol].paid).items())

    def _writer(self, kind: Kind, symbol: str) -> Callable[[float], str]:
        decimals = PREMIUM_DECIMALS
        if kind != "premium":
            decimals = decimals_of(self._market.listings[symbol].instrument.tick)
        return lambda value: f"{value:.{decimals}f}"


def _numbers(ticker: Mapping[str, str]) -> dict[Kind, float]:
    """Mark, index and premium index, as far as they are known."""
    found: dict[Kind, float] = {}
    if ticker.get("markPrice"):
        found["mark"] = float(ticker["markPrice"])
    if ticker.get("indexPrice"):
        index = found["index"] = float(ticker["indexPrice"])
        bid, ask = (float(ticker.get(name) or index) for name in ("bid1Price", "ask1Price"))
        found["premium"] = (max(0.0, bid - index) - max(0.0, index - ask)) / index
    return found


def _aggregate(minutes: Mapping[int, PriceBar], width_minutes: int) -> dict[int, PriceBar]:
    width = width_minutes * MINUTE_MS
    found: dict[int, PriceBar] = {}
    for start, bar in minutes.items():
        first = start - start % width
        if first in found:
            found[first].add(bar)
        else:
            found[first] = PriceBar(bar.open, bar.high, bar.low, bar.close)
    return found
