"""The matcher: lets orders meet the market, by what data there is, and lets triggers go off.

Its one job: who meets which fact, and in what order. Prices and quantities come from `matching`, the place in the queue
from `queue`, what an execution entails from `execution`; bars have their own path in `barpath`.

Assumptions:
- A symbol fills against the richest data it has had: book, then touch and trades, then bars. An order that comes while
  that data is missing (no book after a disconnect, bars only) waits for the next of its kind.
- A taker walks the displayed book, without what we took of it ourselves; without a book it takes all at the touch,
  worsened by the slippage model; with trades only, at the next trade's price so worsened.
- Within one fact resting orders fill first, then triggers go off, then positions are liquidated.
- One trade fills no more of our orders together than its own quantity.
- Our own opposite orders stand behind everyone else's at their price; what happens when we meet them is the incoming
  order's self-match prevention; without one they trade with each other.

Known limits: our orders do not move the market beyond the memory of what they took.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from math import isfinite
from typing import TypeAlias

from adapters.simulated import matching
from adapters.simulated.contract import Contract
from adapters.simulated.execution import Execution
from adapters.simulated.life import Life
from adapters.simulated.pricing import reference, touch
from adapters.simulated.protector import Protector
from adapters.simulated.queue import Queue, follow_book, join
from adapters.simulated.slippage import SlippageModel, slipped
from adapters.simulated.working import Working
from daemon.core.errors import InvariantBroken
from daemon.core.events import BookDelta, BookDown, BookSnapshot, MarketFact, Quote, Side, Ticker, Trade
from daemon.core.market import Market
from daemon.core.orders import SelfMatch
from daemon.core.records import TimeInForce, TriggerBy
from daemon.core.units import ZERO, add, floor_qty, subtract, to_decimal
from daemon.core.venue import FillData

Liquidity: TypeAlias = Callable[[Decimal, Decimal | None], list[matching.Execution]]
"""What a taker of a quantity gets, best first and none worse than a bound."""


class Matcher:
    """Orders of a contract against its market.

    touch_fills: whether a price that is only reached fills a limit order.
    """

    def __init__(
        self,
        *,
        fill_data: FillData,
        life: Life,
        execution: Execution,
        protector: Protector,
        queue: Queue,
        slippage: SlippageModel,
    ) -> None:
        self._fixed_data = None if fill_data is FillData.AUTO else fill_data
        self._life = life
        self._execution = execution
        self._protector = protector
        self._queue = queue
        self.touch_fills = queue.touch_fills
        self._slippage = slippage

    def data(self, market: Market) -> FillData:
        """What orders of this market meet."""
        if self._fixed_data is not None:
            return self._fixed_data
        if market.has_book:
            return FillData.BOOK
        return FillData.TRADES if market.has_trades or market.has_quotes else FillData.BARS

    # Coming to the market

    def judge(self, order: Working, contract: Contract, now: int) -> None:
        """Let an active order meet the market for the first time, or wait until there is one."""
        market = contract.market
        data = self.data(market)
        if data is FillData.BOOK and market.book.valid:
            self._take_book(order, contract, now)
        elif data is FillData.TRADES and (price := touch(market, order.side)) > 0.0:
            self.take_at(order, contract, price, now)
        else:
            contract.waiting[order.id] = order

    def judge_now(self, order: Working, contract: Contract, now: int) -> None:
        """Let an order of the exchange take what the market offers at this moment, at mark where it shows nothing."""
        market = contract.market
        if market.book.valid:
            self._take_book(order, contract, now)
        else:
            price = touch(market, order.side)
            self.take_at(order, contract, price if price > 0.0 else market.mark, now)

    def _take_book(self, order: Working, contract: Contract, now: int) -> None:
        side, book, step = order.side, contract.market.book, step_of(contract.market)

        def liquidity(qty: Decimal, bound: Decimal | None) -> list[matching.Execution]:
            return matching.walk(book, side, qty, bound, step=step, consumption=contract.consumption)

        self._take(order, contract, liquidity, now, from_book=True)

    def take_at(
        self, order: Working, contract: Contract, price: float, now: int, *, most: Decimal | None = None
    ) -> Decimal:
        """Let an order take at one price, worsened by the slippage model but not beyond its bound.

        most: how much there is at that price, base units; None without a bound.  Returns how much of it was taken.
        """
        there, side = to_decimal(price), order.side

        def liquidity(qty: Decimal, bound: Decimal | None) -> list[matching.Execution]:
            if not qty or (bound is not None and matching.is_worse(side, there, bound)):
                return []
            worse = slipped(self._slippage, side, there, qty, contract.market)
            if bound is not None:
                worse = min(worse, bound) if side is Side.BUY else max(worse, bound)
            return [(worse, qty)]

        return self._take(order, contract, liquidity, now, most=most)

    def _take(
        self,
        order: Working,
        contract: Contract,
        liquidity: Liquidity,
        now: int,
        *,
        from_book: bool = False,
        most: Decimal | None = None,
    ) -> Decimal:
        """First judgement: execute as a taker, then cancel or rest what is left, by time in force."""
        contract.waiting.pop(order.id, None)
        unmet = _unmet(order, contract, liquidity, most)
        if unmet is not None:
            self._life.end(order, contract, now, unmet)
            return ZERO
        taken = self._execute(order, contract, liquidity, now, from_book=from_book, most=most)
        if order.id in contract.active:
            if order.request.may_rest:
                self.rest(order, contract)
            else:
                self._life.end(order, contract, now, "EC_NoImmediateQtyToFill")
        return taken

    def _execute(
        self,
        order: Working,
        contract: Contract,
        liquidity: Liquidity,
        now: int,
        *,
        from_book: bool,
        most: Decimal | None,
    ) -> Decimal:
        """Execute against the market, and against our own orders in its way; returns what the market gave."""
        taken = ZERO
        while order.id in contract.active:
            maker = _own_maker(order, contract)
            left = None if most is None else subtract(most, taken)
            offered = liquidity(_wanted(order, left), order.limit if maker is None else maker.limit)
            if from_book:
                contract.consumption.take(contract.market.book, order.side, offered)
            for price, qty in offered:
                if order.id in contract.active:
                    part = min(qty, order.remaining)
                    taken = add(taken, part)
                    self._execution.fill(order, contract, price, part, maker=False, happened=now)
            if maker is None or order.id not in contract.active:
                break
            if maker.id in contract.active:
                self._meet_own(order, maker, contract, now)
        return taken

    def _meet_own(self, order: Working, maker: Working, contract: Contract, now: int) -> None:
        """An order of ours reaches another one of ours."""
        policy = order.request.self_match
        if policy in (SelfMatch.CANCEL_MAKER, SelfMatch.CANCEL_BOTH):
            self._life.end(maker, contract, now, "CancelBySmp")
        if policy in (SelfMatch.CANCEL_TAKER, SelfMatch.CANCEL_BOTH):
            self._life.end(order, contract, now, "CancelBySmp")
        if policy is SelfMatch.NONE:
            self._trade_own(order, maker, contract, now)

    def _trade_own(self, order: Working, maker: Working, contract: Contract, now: int) -> None:
        price = _limit(maker)
        qty = min(order.remaining, maker.remaining)
        self._execution.fill(maker, contract, price, qty, maker=True, happened=now)
        if order.id in contract.active:
            self._execution.fill(order, contract, price, min(qty, order.remaining), maker=False, happened=now)

    def rest(self, order: Working, contract: Contract) -> None:
        """Put a limit order into the book, behind all that stands there."""
        order.judged = True
        join(self._queue, order)
        contract.resting.add(order)

    # Resting

    def on_fact(self, contract: Contract, fact: MarketFact, now: int) -> None:
        """Fill what rests, and judge what waits, by a fact that the market has just applied; bars are not for here."""
        data = self.data(contract.market)
        if data is FillData.BARS:
            return
        if len(contract.resting):
            match fact:
                case Trade():
                    self._on_trade(contract, fact, now)
                case BookSnapshot() | BookDelta() | BookDown() if data is FillData.BOOK:
                    self._on_book(contract, fact, now)
                case Quote() | Ticker() | BookSnapshot() | BookDelta() if data is FillData.TRADES:
                    self._on_touch(contract, now)
        if contract.waiting:
            self._on_waiting(contract, fact, data, now)

    def _on_waiting(self, contract: Contract, fact: MarketFact, data: FillData, now: int) -> None:
        for order in list(contract.waiting.values()):
            if order.id not in contract.waiting:
                continue
            if data is FillData.TRADES and isinstance(fact, Trade) and touch(contract.market, order.side) <= 0.0:
                self.take_at(order, contract, fact.price, now)
            else:
                self.judge(order, contract, now)

    def _on_trade(self, contract: Contract, fact: Trade, now: int) -> None:
        resting, price = contract.resting, fact.price
        if resting.bid < price < resting.ask:
            return
        left = floor_qty(to_decimal(fact.qty), step_of(contract.market))
        for side in (Side.BUY, Side.SELL):
            for order in resting.reached(side, price, inclusive=False):
                self._queue.passed(order)
                left = self.fill_resting(order, contract, left, left, now)
        hit = Side.BUY if fact.taker_side is Side.SELL else Side.SELL
        for order in resting.at(hit, price):
            ours = floor_qty(to_decimal(self._queue.traded(order, float(left))), step_of(contract.market))
            left = self.fill_resting(order, contract, ours, left, now)

    def _on_book(self, contract: Contract, fact: BookSnapshot | BookDelta | BookDown, now: int) -> None:
        market, resting, inclusive = contract.market, contract.resting, self._queue.crossed
        follow_book(self._queue, resting, market, fact)
        if not market.book.valid:
            return
        for side in (Side.BUY, Side.SELL):
            price = touch(market, side)
            for order in resting.reached(side, price, inclusive=inclusive) if price > 0.0 else ():
                if order.id in contract.active and not self._cross(order, contract, now):
                    break

    def _cross(self, order: Working, contract: Contract, now: int) -> bool:
        """What the book shows beyond our price would have met us; whether there was anything."""
        market, memory = contract.market, contract.consumption
        offered = matching.walk(
            market.book,
            order.side,
            order.remaining,
            order.limit,
            step=step_of(market),
            consumption=memory,
            inclusive=self._queue.crossed,
        )
        memory.take(market.book, order.side, offered)
        there = matching.total(offered)
        self.fill_resting(order, contract, there, there, now)
        return bool(there)

    def _on_touch(self, contract: Contract, now: int) -> None:
        market, resting = contract.market, contract.resting
        if resting.bid < market.ask and market.bid < resting.ask:
            return
        for side in (Side.BUY, Side.SELL):
            price = touch(market, side)
            if price > 0.0:
                for order in resting.reached(side, price, inclusive=self._queue.touch_fills):
                    self.fill_resting(order, contract, order.remaining, order.remaining, now)

    def fill_resting(self, order: Working, contract: Contract, ours: Decimal, most: Decimal, now: int) -> Decimal:
        """Fill a resting order at its price by `ours`, but no more than `most`; returns what is left of `most`."""
        qty = min(ours, most, order.remaining)
        if order.id not in contract.active or not qty:
            return most
        self._execution.fill(order, contract, _limit(order), qty, maker=True, happened=now)
        return subtract(most, qty)

    # Triggers

    def fire(self, contract: Contract, now: int) -> None:
        """Let every order go off whose trigger the prices reach."""
        while self._fire_once(contract, now):
            pass

    def _fire_once(self, contract: Contract, now: int) -> bool:
        market, fired = contract.market, False
        if len(contract.triggers):
            for by in TriggerBy:
                price = reference(market, by)
                for order in contract.triggers.fired(by, price) if price > 0.0 else ():
                    fired = True
                    self.go_off(order, contract, now)
        for order in self._protector.trailing_hits(contract, reference(market, TriggerBy.LAST), now):
            fired = True
            self.go_off(order, contract, now)
        return fired

    def go_off(self, order: Working, contract: Contract, now: int) -> None:
        """Trigger an order and let it meet the market."""
        if order.id in contract.untriggered and self._life.trigger(order, contract, now):
            self.judge(order, contract, now)


def _wanted(order: Working, most: Decimal | None) -> Decimal:
    return order.remaining if most is None else min(order.remaining, most)


def _unmet(order: Working, contract: Contract, liquidity: Liquidity, most: Decimal | None) -> str | None:
    """Why an order ends before it takes anything: post-only and it would take, fill-or-kill and there is too little."""
    in_force = order.request.time_in_force
    if in_force is TimeInForce.POST_ONLY:
        takes = liquidity(_wanted(order, most), order.limit) or _own_maker(order, contract)
        return "EC_PostOnlyWillTakeLiquidity" if takes else None
    if in_force is TimeInForce.FOK:
        there = matching.total(liquidity(_wanted(order, most), order.limit))
        return "EC_CancelForNoFullFill" if there < order.remaining else None
    return None


def _own_maker(order: Working, contract: Contract) -> Working | None:
    """The best opposite order of ours that this one would trade with, were it not for the rest of the market."""
    other = Side.SELL if order.side is Side.BUY else Side.BUY
    best = contract.resting.best(other)
    if not isfinite(best):
        return None
    if order.limit is not None and matching.is_worse(order.side, to_decimal(best), order.limit):
        return None
    return contract.resting.at(other, best)[0]


def step_of(market: Market) -> Decimal:
    """Quantity step of a market whose instrument is known, as it is wherever an order was taken."""
    if market.instrument is None:
        raise InvariantBroken(f"an order on {market.symbol} was taken although its instrument is not known")
    return market.instrument.step


def _limit(order: Working) -> Decimal:
    if order.limit is None:
        raise InvariantBroken(f"order {order.id} rests without a price")
    return order.limit
