"""Engines over exchanges that are loaded with orders or positions, and over one that does nothing."""

# ruff: noqa: ARG002 - an exchange that does nothing takes what its protocol hands it

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from adapters.simulated.exchange import SimulatedExchange
from benchmarks.engines import BALANCE, START, HoldOn, instrument
from daemon.core.account_events import AccountFact
from daemon.core.engine import Engine
from daemon.core.events import (
    BookDelta,
    BookSnapshot,
    Command,
    Fact,
    MarketFact,
    Quote,
    Restarted,
    Side,
    Ticker,
    Trade,
    VenueTrouble,
)
from daemon.core.guards import GuardSettings
from daemon.core.lane import Lane, Runner
from daemon.core.market import Market
from daemon.core.orders import Amendment, OrderRequest, TradingStop
from daemon.core.records import OrderType, TimeInForce
from daemon.core.strategy import OnTimer
from daemon.core.units import NEVER, NS_PER_MS
from daemon.core.venue import Exchange, ExchangeSettings, MarginMode, Report

SYMBOL = "BTCUSDT"
PRICE = 50_000.0
TICK = 0.1


class NoExchange:
    """Implements `daemon.core.venue.Exchange` by doing nothing, so that what is timed is the engine alone."""

    next_due = NEVER
    agrees = True

    def submit(self, request: OrderRequest, market: Market, now: int) -> Sequence[Report]:
        return ()

    def amend(self, amendment: Amendment, now: int) -> Sequence[Report]:
        return ()

    def cancel(self, order_id: str, now: int) -> Sequence[Report]:
        return ()

    def cancel_all(self, symbol: str, now: int) -> Sequence[Report]:
        return ()

    def protect(self, stop: TradingStop, market: Market, now: int) -> Sequence[Report]:
        return ()

    def on_market(self, market: Market, fact: MarketFact, now: int) -> Sequence[Report]:
        return ()

    def advance(self, now: int) -> Sequence[Report]:
        return ()

    def trouble(self, trouble: VenueTrouble, now: int) -> Sequence[Report]:
        return ()

    def prove(self, now: int) -> Sequence[Report]:
        return ()

    def hear(self, fact: AccountFact | Restarted | Command, now: int) -> Sequence[Report]:
        return ()


class Stage:
    """An engine whose strategies are never asked, over one exchange, with every market at `PRICE`.

    Orders go to the exchange directly: no lane hears of them.
    """

    def __init__(self, exchange: Exchange, symbols: Sequence[str] = (SYMBOL,), *, book: bool = False) -> None:
        runners = [Runner("bench", symbol, HoldOn(OnTimer("never"))) for symbol in symbols]
        self.exchange = exchange
        self.engine = Engine([Lane("main", exchange, runners, GuardSettings())], None)
        self.markets = {runner.symbol: runner.market for runner in runners}
        self._seq = 0
        self._asked = 0
        for symbol in symbols:
            self._tell(instrument(symbol))
            self._tell(Ticker(symbol, START, mark=PRICE, index=PRICE, last=PRICE))
            self._tell(snapshot(symbol) if book else quote(0, symbol))

    def order(self, side: Side, price: str | None, symbol: str = SYMBOL) -> Sequence[Report]:
        """Place an order of the smallest quantity; a market order without a price."""
        self._asked += 1
        kind = OrderType.MARKET if price is None else OrderType.LIMIT
        limit = None if price is None else Decimal(price)
        qty = Decimal("0.001")
        request = OrderRequest(str(self._asked), 0, "", symbol, side, kind, TimeInForce.GTC, qty, limit)
        return self.exchange.submit(request, self.markets[symbol], START)

    def fold(self, tape: Sequence[MarketFact]) -> int:
        """Step through facts; returns how many."""
        step, seq = self.engine.step, self._seq
        for fact in tape:
            seq += 1
            step(seq, START, fact)
        self._seq = seq
        return len(tape)

    def _tell(self, fact: Fact) -> None:
        self._seq += 1
        self.engine.step(self._seq, START, fact)


def simulated(margin_mode: MarginMode = MarginMode.ISOLATED) -> SimulatedExchange:
    """An exchange that answers at once and says nothing by itself."""
    settings = ExchangeSettings(entry_latency_ms=0, response_latency_ms=0, account_every_min=0, margin_mode=margin_mode)
    exchange = SimulatedExchange(settings, balance=BALANCE, leverage=Decimal(5))
    exchange.advance(START)
    return exchange


def trade(number: int, symbol: str = SYMBOL) -> Trade:
    """A trade within a few ticks of `PRICE`."""
    return Trade(symbol, START + number * NS_PER_MS, PRICE + number % 7 * TICK, 0.1, Side.BUY, "")


def quote(number: int, symbol: str = SYMBOL) -> Quote:
    """A touch within a few ticks of `PRICE`."""
    bid = PRICE + number % 7 * TICK
    return Quote(symbol, START + number * NS_PER_MS, bid, 0.1, bid + TICK, 1.0)


def mark(number: int, symbol: str = SYMBOL) -> Ticker:
    """A mark price within a few ticks of `PRICE`."""
    return Ticker(symbol, START + number * NS_PER_MS, mark=PRICE + number % 7 * TICK)


def snapshot(symbol: str = SYMBOL, depth: int = 50) -> BookSnapshot:
    """A book of so many levels a side around `PRICE`."""
    bids = [(round(PRICE - level * TICK, 1), 1.0) for level in range(1, depth + 1)]
    asks = [(round(PRICE + level * TICK, 1), 1.0) for level in range(1, depth + 1)]
    return BookSnapshot(symbol, START, bids, asks)


def delta(number: int, symbol: str = SYMBOL) -> BookDelta:
    """Three levels a side that change their size."""
    size = 1.0 + number % 5
    near = [number % 40 + place for place in (1, 2, 3)]
    bids = [(round(PRICE - level * TICK, 1), size) for level in near]
    asks = [(round(PRICE + level * TICK, 1), size) for level in near]
    return BookDelta(symbol, START + number * NS_PER_MS, bids, asks)
