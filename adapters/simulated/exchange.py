"""The simulated exchange: takes orders, lets them arrive, matches them, reports.

A thin orchestrator: what is taken is decided in `constraints`, prices and quantities in `matching`, money in
`account`. It is deterministic: the same calls give the same reports.

Assumptions:
- An order arrives `entry_latency_ms` after it was decided and meets the market as it stood then, that is, before the
  input that lets time pass its arrival. Reports are known to the daemon `response_latency_ms` after they happened.
- A symbol fills against the richest data it has had: book, then touch and trades, then bars. An order that arrives
  while that data is missing (no book after a disconnect, bars only) waits for the next of its kind.
- With bars only, an order takes the open of the next bar, latency or not; one that was decided within a bar takes that
  bar's close, for its open is the past. With several bar intervals on a symbol, only the shortest fills.
- A reduce-only order is cut to the position when it arrives and again whenever it meets the market.

Known limits: no conditional orders, TP/SL, funding or liquidation yet.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from heapq import heappop, heappush

from msgspec import Struct

from adapters.simulated import matching
from adapters.simulated.account import Account
from adapters.simulated.constraints import refusal
from daemon.core.events import Bar, BookDelta, BookSnapshot, MarketFact, Quote, Side, Ticker, Trade
from daemon.core.market import Market
from daemon.core.orders import OrderRequest
from daemon.core.records import OrderStatus, OrderType, TimeInForce
from daemon.core.units import (
    NEVER,
    NS_PER_MS,
    NS_PER_SECOND,
    ZERO,
    add,
    floor_qty,
    multiply,
    subtract,
    to_cash,
    to_decimal,
)
from daemon.core.venue import ExchangeSettings, FillData, FillReport, OrderReport, Report, TransferReport

NOTHING: tuple[Report, ...] = ()

# How long after a bar's open an order may be decided and still take it: a live bar is heard a moment after its close.
OPEN_GRACE = NS_PER_SECOND


class Working(Struct):
    """An order at the exchange. `judged` once it met the market for the first time; from then on it is a maker.

    decided, arrived: nanoseconds UTC.  remaining: what may still fill, base units.  price: what its margin is
    reserved at, USDT.  told: when the daemon learns of its last report, which no later one may overtake.
    """

    request: OrderRequest
    market: Market
    remaining: Decimal
    decided: int
    arrived: int = 0
    price: Decimal = ZERO
    filled: Decimal = ZERO
    judged: bool = False
    fills: int = 0
    told: int = 0


class Cancel(Struct, frozen=True):
    """A cancel request on its way."""

    order_id: str


Travelling = Working | Cancel | OrderReport | FillReport | TransferReport


class SimulatedExchange:
    """One account at a simulated exchange. Implements `daemon.core.venue.Exchange`.

    Args:
        settings: fees, latencies, fill data.
        balance: opening balance, USDT.
        leverage: leverage set on every symbol, a factor of at least 1.
    """

    def __init__(self, settings: ExchangeSettings, *, balance: Decimal, leverage: Decimal) -> None:
        self.next_due = 0
        self._settings = settings
        self._entry_latency = settings.entry_latency_ms * NS_PER_MS
        self._response_latency = settings.response_latency_ms * NS_PER_MS
        self._account = Account(leverage, settings.taker_fee)
        self._orders: dict[str, dict[str, Working]] = {}
        self._agenda: list[tuple[int, int, Travelling]] = []
        self._sent = 0
        self._account.ledger.transfer(balance)
        self._send(0, TransferReport(balance, "opening balance"))

    # Exchange protocol

    def submit(self, request: OrderRequest, market: Market, now: int) -> Sequence[Report]:
        """Take an order; it arrives after the entry latency."""
        self._send(now + self._entry_latency, Working(request, market, request.qty, now))
        return self.advance(now)

    def cancel(self, order_id: str, now: int) -> Sequence[Report]:
        """Take a cancel request; it travels like an order."""
        self._send(now + self._entry_latency, Cancel(order_id))
        return self.advance(now)

    def advance(self, now: int) -> Sequence[Report]:
        """Let everything arrive that is due by `now`, in order of time, then of sending."""
        reports: list[Report] = []
        agenda = self._agenda
        while agenda and agenda[0][0] <= now:
            due, _, item = heappop(agenda)
            match item:
                case Working():
                    self._report(item, due, self._arrive(item, due))
                case Cancel():
                    self._cancel(item.order_id, due)
                case _:
                    reports.append(item)
        self.next_due = agenda[0][0] if agenda else NEVER
        return reports

    def on_market(self, market: Market, fact: MarketFact, now: int) -> Sequence[Report]:
        """Judge the orders of the symbol against what just happened."""
        orders = self._orders.get(market.symbol)
        if not orders:
            return NOTHING
        met = False
        for order in list(orders.values()):
            reports = self._meet(order, fact)
            if reports:
                met = True
                self._report(order, max(fact.ts_open, order.arrived) if isinstance(fact, Bar) else now, reports)
        return self.advance(now) if met else NOTHING

    # Travel

    def _send(self, due: int, item: Travelling) -> None:
        self._sent += 1
        heappush(self._agenda, (due, self._sent, item))
        self.next_due = min(self.next_due, due)

    def _report(self, order: Working, happened: int, reports: Sequence[Report]) -> None:
        """Send reports on their way. Those of a bar happened at its open, and still come after what was told before."""
        order.told = max(order.told, happened + self._response_latency)
        for report in reports:
            self._send(order.told, report)

    # Life of an order

    def _arrive(self, order: Working, now: int) -> list[Report]:
        order.arrived = now
        request, market = order.request, order.market
        orders = self._orders.setdefault(request.symbol, {})
        order.price = to_decimal(market.mark) if request.price is None else request.price
        refused = refusal(request, market.instrument, mark=order.price, active_orders=len(orders))
        refused = refused or self._reduce_only(order) or self._funds(order)
        if refused:
            return [OrderReport(request.order_id, OrderStatus.REJECTED, refused)]
        orders[request.order_id] = order
        return [OrderReport(request.order_id, OrderStatus.NEW), *self._meet(order, None)]

    def _reduce_only(self, order: Working) -> str | None:
        if order.request.reduce_only and not self._cut(order):
            return "110017: reduce-only order has no position to reduce"
        return None

    def _cut(self, order: Working) -> Decimal:
        """Cut a reduce-only order to the position; returns what is left of it."""
        request, left = order.request, order.remaining
        enlarging = self._account.opening_qty(request.symbol, request.side, left)
        if enlarging:
            order.remaining = subtract(left, enlarging)
        return order.remaining

    def _funds(self, order: Working) -> str | None:
        request = order.request
        if self._account.reserve(request.order_id, request.symbol, request.side, order.remaining, order.price):
            return None
        return "110007: available balance is not enough for the new order"

    def _cancel(self, order_id: str, now: int) -> None:
        for orders in self._orders.values():
            order = orders.get(order_id)
            if order is not None:
                self._report(order, now, [self._end(order, "CancelByUser")])

    def _end(self, order: Working, reason: str) -> OrderReport:
        self._forget(order)
        return OrderReport(order.request.order_id, OrderStatus.CANCELLED, reason)

    def _forget(self, order: Working) -> None:
        del self._orders[order.request.symbol][order.request.order_id]
        self._account.release(order.request.order_id)

    # Meeting the market

    def _meet(self, order: Working, fact: MarketFact | None) -> list[Report]:
        """Match one order; `fact` is None on arrival."""
        if order.request.reduce_only and not self._cut(order):
            return [self._end(order, "CancelByReduceOnly")]
        data = self._data(order.market)
        if data is FillData.BARS:
            if not isinstance(fact, Bar) or fact.interval > order.market.finest_bar:
                return []
            return self._rest_bar(order, fact) if order.judged else self._take_bar(order, fact)
        if order.judged:
            return self._rest(order, fact)
        if data is FillData.BOOK:
            return self._take(order, self._walk(order)) if order.market.book.valid else []
        return self._take_touch(order, fact)

    def _data(self, market: Market) -> FillData:
        if self._settings.fill_data is not FillData.AUTO:
            return self._settings.fill_data
        if market.has_book:
            return FillData.BOOK
        return FillData.TRADES if market.has_trades or market.has_quotes else FillData.BARS

    def _walk(self, order: Working) -> list[matching.Execution]:
        request = order.request
        step = _instrument_step(order)
        return matching.walk_book(order.market, request.side, order.remaining, request.price, step)

    def _take_touch(self, order: Working, fact: MarketFact | None) -> list[Report]:
        market, side = order.market, order.request.side
        price = market.ask if side is Side.BUY else market.bid
        if price <= 0.0:
            if not isinstance(fact, Trade):
                return []
            price = fact.price
        return self._take_at(order, price)

    def _take_bar(self, order: Working, bar: Bar) -> list[Report]:
        if order.decided > bar.ts_open + OPEN_GRACE:
            return self._take_at(order, bar.close)
        reports = self._take_at(order, bar.open)
        return reports or self._rest_bar(order, bar)

    def _take_at(self, order: Working, price: float) -> list[Report]:
        """Take the whole order at one price, worsened by the slippage but not beyond the limit."""
        request = order.request
        executed = matching.slipped(request.side, price, _instrument_tick(order), self._settings.slippage_ticks)
        if request.price is not None:
            if matching.is_worse(request.side, to_decimal(price), request.price):
                return self._take(order, [])
            executed = min(executed, request.price) if request.side is Side.BUY else max(executed, request.price)
        return self._take(order, [(executed, order.remaining)])

    def _take(self, order: Working, executions: list[matching.Execution]) -> list[Report]:
        """First judgement: execute as a taker, then cancel or rest what is left, by time in force."""
        request = order.request
        order.judged = True
        if request.time_in_force is TimeInForce.POST_ONLY and executions:
            return [self._end(order, "EC_PostOnlyWillTakeLiquidity")]
        if request.time_in_force is TimeInForce.FOK and matching.total(executions) < order.remaining:
            return [self._end(order, "EC_CancelForNoFullFill")]
        reports: list[Report] = [self._execute(order, price, qty, maker=False) for price, qty in executions]
        if not order.remaining:
            reports += self._finish(order)
        elif request.type is OrderType.MARKET or request.time_in_force is TimeInForce.IOC:
            reports.append(self._end(order, "EC_NoImmediateQtyToFill"))
        return reports

    def _rest(self, order: Working, fact: MarketFact | None) -> list[Report]:
        """Fill a resting limit order at its price by what traded, or is offered, beyond it."""
        request, market = order.request, order.market
        limit = request.price
        if limit is None:
            return []
        beyond = ZERO
        match fact:
            case Trade() if matching.trades_through(request.side, limit, fact.price):
                beyond = to_decimal(fact.qty)
            case BookSnapshot() | BookDelta() if market.book.valid:
                beyond = matching.quantity_beyond(market, request.side, limit, _instrument_step(order))
            case Quote() | Ticker() if not market.has_book:
                touch = market.ask if request.side is Side.BUY else market.bid
                if touch > 0.0 and matching.trades_through(request.side, limit, touch):
                    beyond = order.remaining
        return self._fill_resting(order, min(order.remaining, beyond))

    def _rest_bar(self, order: Working, bar: Bar) -> list[Report]:
        limit = order.request.price
        if limit is None or not matching.bar_goes_through(order.request.side, limit, bar):
            return []
        return self._fill_resting(order, order.remaining)

    def _fill_resting(self, order: Working, qty: Decimal) -> list[Report]:
        price = order.request.price
        part = floor_qty(qty, _instrument_step(order))
        if price is None or not part:
            return []
        report = self._execute(order, price, part, maker=True)
        return [report] if order.remaining else [report, *self._finish(order)]

    def _finish(self, order: Working) -> list[Report]:
        """Take an order with nothing left off the book, telling of the part that reduce-only cut off."""
        if order.filled < order.request.qty:
            return [self._end(order, "CancelByReduceOnly")]
        self._forget(order)
        return []

    def _execute(self, order: Working, price: Decimal, qty: Decimal, *, maker: bool) -> FillReport:
        request = order.request
        rate = self._settings.maker_fee if maker else self._settings.taker_fee
        fee = to_cash(multiply(multiply(qty, price), rate))
        self._account.ledger.fill(request.symbol, request.side, price, qty, fee)
        self._account.ledger.check()
        order.remaining = subtract(order.remaining, qty)
        order.filled = add(order.filled, qty)
        if order.remaining:
            account = self._account
            account.reserve_rest(request.order_id, request.symbol, request.side, order.remaining, order.price)
        order.fills += 1
        fill_id = f"{request.order_id}-f{order.fills}"
        return FillReport(request.order_id, fill_id, request.symbol, request.side, price, qty, fee, maker)


def _instrument_step(order: Working) -> Decimal:
    assert order.market.instrument is not None, "an order arrives only on a known instrument"
    return order.market.instrument.step


def _instrument_tick(order: Working) -> Decimal:
    assert order.market.instrument is not None, "an order arrives only on a known instrument"
    return order.market.instrument.tick
