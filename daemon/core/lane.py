"""A lane: strategies, one account with its ledger, one exchange, guards. State only; the engine changes it."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from decimal import Decimal

from daemon.core.events import Side
from daemon.core.guards import GuardSettings
from daemon.core.ledger import Ledger, Position
from daemon.core.market import Market
from daemon.core.orders import OrderState
from daemon.core.strategy import Strategy
from daemon.core.units import NS_PER_MINUTE, ZERO, add, subtract
from daemon.core.venue import Exchange
from daemon.core.window import PriceWindow


class Runner:
    """A strategy at work on one symbol of a lane.

    position: what this strategy's own fills add up to; the account's position is the sum over its strategies.
    share: part of the lane's equity it may size on.  working: its open orders by id.
    """

    __slots__ = (
        "evaluation",
        "failed",
        "lane",
        "market",
        "name",
        "position",
        "share",
        "strategy",
        "symbol",
        "window",
        "working",
    )

    def __init__(self, name: str, symbol: str, strategy: Strategy, *, share: float = 1.0) -> None:
        self.name = name
        self.symbol = symbol
        self.strategy = strategy
        self.share = share
        self.position = Position(symbol)
        self.window = PriceWindow(strategy.window)
        self.evaluation = 0
        self.failed = False
        self.working: dict[str, OrderState] = {}
        self.market = Market(symbol)
        self.lane: Lane

    def held(self) -> Decimal:
        """Signed quantity held, counting its orders under way as filled."""
        total = self.position.qty
        for order in self.working.values():
            total = add(total, _signed_remaining(order))
        return total

    def unclosed(self, *, resting: bool) -> Decimal:
        """Signed quantity held that no order under way closes already; what would only open is not counted.

        resting: whether limit orders that may rest count, which may never fill.
        """
        total = self.position.qty
        side = Side.SELL if total > 0 else Side.BUY
        for order in self.working.values():
            if order.request.side is side and (resting or not order.may_rest):
                total = add(total, _signed_remaining(order))
        return total if (total > 0) == (self.position.qty > 0) else ZERO


class Lane:
    """One account at work. `halts` maps who halted the lane to the reason; empty means it may open risk."""

    __slots__ = (
        "_order_times",
        "day_equity",
        "exchange",
        "guards",
        "halts",
        "ledger",
        "name",
        "open",
        "orders",
        "runners",
    )

    def __init__(self, name: str, exchange: Exchange, runners: Sequence[Runner], guards: GuardSettings) -> None:
        self.name = name
        self.exchange = exchange
        self.runners = tuple(runners)
        self.guards = guards
        self.ledger = Ledger()
        self.orders: dict[str, tuple[OrderState, Runner]] = {}
        self.open: list[tuple[Position, Market]] = []
        self.halts: dict[str, str] = {}
        self.day_equity: float | None = None
        self._order_times: deque[int] = deque()
        for runner in self.runners:
            runner.lane = self

    def equity(self) -> float:
        """Cash plus unrealised PnL at mark, USDT."""
        total = self.ledger.cash_float
        for position, market in self.open:
            total += position.qty_float * (market.mark - position.entry_float)
        return total

    def bounds(self, symbol: str) -> tuple[Decimal, Decimal]:
        """Signed quantities of the account on a symbol if only its open sell, or only its open buy orders filled."""
        lowest = highest = self.ledger.position(symbol).qty
        for order, _ in self.orders.values():
            if order.request.symbol == symbol:
                if order.request.side is Side.BUY:
                    highest = add(highest, order.remaining)
                else:
                    lowest = subtract(lowest, order.remaining)
        return lowest, highest

    def gross_notional(self, *, without: str) -> float:
        """Sum of the absolute position values at mark, USDT, if the open orders of the worse side filled.

        without: the symbol to leave out.
        """
        markets = {market.symbol: market for _, market in self.open}
        for _, runner in self.orders.values():
            markets[runner.symbol] = runner.market
        markets.pop(without, None)
        return sum(self._widest(symbol) * market.mark for symbol, market in markets.items())

    def _widest(self, symbol: str) -> float:
        lowest, highest = self.bounds(symbol)
        return max(abs(float(lowest)), abs(float(highest)))

    def note_position(self, market: Market) -> None:
        """Keep `open` in step after a fill on the market's symbol."""
        position = self.ledger.position(market.symbol)
        self.open = [entry for entry in self.open if entry[0] is not position]
        if position.qty:
            self.open.append((position, market))

    def orders_last_minute(self, now: int) -> int:
        """How many orders were sent in the 60 s up to `now`, nanoseconds UTC."""
        times = self._order_times
        while times and times[0] <= now - NS_PER_MINUTE:
            times.popleft()
        return len(times)

    def note_order(self, now: int) -> None:
        """Count an order for the rate guard."""
        self._order_times.append(now)


def _signed_remaining(order: OrderState) -> Decimal:
    return order.remaining if order.request.side is Side.BUY else order.remaining.copy_negate()
