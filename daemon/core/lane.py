"""A lane: strategies, one account with its ledger, one exchange, guards. State only; the engine changes it."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from decimal import Decimal

from daemon.core.allotment import sum_of
from daemon.core.errors import InvariantBroken
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

    position: what this strategy's own fills add up to, and its part of those on the account's whole position (see
    `daemon.core.allotment`); the account's position is the sum over its strategies.
    share: part of the lane's equity it may size on.  working: its open orders by id, but for those that wait for a
    trigger, which are in `waiting`.  failed: it is evaluated no more.
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
        "waiting",
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
        self.waiting: dict[str, OrderState] = {}
        self.market = Market(symbol)
        self.lane: Lane

    def held(self) -> Decimal:
        """Signed quantity held, counting its orders under way as filled."""
        total = self.position.qty
        for order in self.working.values():
            total = add(total, _signed(order, order.exposed))
        return total

    def unclosed(self, *, resting: bool) -> Decimal:
        """Signed quantity held that no order under way closes already; what would only open is not counted.

        resting: whether limit orders that may rest count, which may never fill.
        """
        total = self.position.qty
        side = Side.SELL if total > 0 else Side.BUY
        for order in self.working.values():
            if order.request.side is side and (resting or not order.request.may_rest):
                total = add(total, _signed(order, order.remaining))
        return total if (total > 0) == (self.position.qty > 0) else ZERO


class Lane:
    """One account at work.

    orders: the open ones by id, each with the strategy at work that it belongs to; None for an order on the account's
    whole position.  open: positions with their markets.
    asked: decisions that asked for something other than an order, by what and by the order or symbol it is about, until
    that is answered.  halts: who halted the lane, and why; empty means it may open risk.
    account: name of its account at a venue reached over a network; empty for one that is simulated.
    """

    __slots__ = (
        "_on_symbol",
        "_order_times",
        "_runner_of",
        "_symbol_halts",
        "account",
        "asked",
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

    def __init__(
        self, name: str, exchange: Exchange, runners: Sequence[Runner], guards: GuardSettings, account: str = ""
    ) -> None:
        self.name = name
        self.account = account
        self.exchange = exchange
        self.runners = tuple(runners)
        self.guards = guards
        self.ledger = Ledger()
        self.orders: dict[str, tuple[OrderState, Runner | None]] = {}
        self.asked: dict[tuple[str, str], list[int]] = {}
        self.open: list[tuple[Position, Market]] = []
        self.halts: dict[str, str] = {}
        self._symbol_halts: dict[str, dict[str, str]] = {}
        self.day_equity: float | None = None
        self._order_times: deque[int] = deque()
        self._runner_of: dict[tuple[str, str], Runner] = {}
        self._on_symbol: dict[str, list[Runner]] = {}
        for runner in self.runners:
            runner.lane = self
            self._runner_of[runner.name, runner.symbol] = runner
            self._on_symbol.setdefault(runner.symbol, []).append(runner)

    def halts_on(self, symbol: str) -> dict[str, str]:
        """Who halted a symbol alone, and why, to be read and changed; of the whole lane when it is empty."""
        return self._symbol_halts.setdefault(symbol, {}) if symbol else self.halts

    def is_halted(self, symbol: str) -> bool:
        """Whether the lane may open no risk on a symbol."""
        return bool(self.halts) or bool(self._symbol_halts.get(symbol))

    def runners_on(self, symbol: str) -> Sequence[Runner]:
        """Who trades a symbol, in configuration order.

        Raises:
            InvariantBroken: nobody does.
        """
        found = self._on_symbol.get(symbol)
        if found is None:
            raise InvariantBroken(f"lane {self.name}: no strategy trades {symbol}")
        return found

    def market(self, symbol: str) -> Market:
        """What is known of a symbol that the lane trades."""
        return self.runners_on(symbol)[0].market

    def add_order(self, order: OrderState) -> None:
        """Take on an order, ours or one that the exchange made by itself.

        Raises:
            InvariantBroken: its id is taken, or its strategy is not at work on its symbol.
        """
        request = order.request
        if request.order_id in self.orders:
            raise InvariantBroken(f"lane {self.name}: there is an open order {request.order_id} already")
        runner = self._runner_of.get((request.strategy, request.symbol))
        if runner is None and request.strategy:
            raise InvariantBroken(f"lane {self.name}: no strategy {request.strategy} trades {request.symbol}")
        self.orders[request.order_id] = (order, runner)
        if runner is not None:
            (runner.waiting if order.waits else runner.working)[request.order_id] = order

    def sort_order(self, order: OrderState) -> None:
        """Keep an order where its status wants it: waiting, working or, when it is done, forgotten."""
        if order.waits:
            return
        name, is_open = order.request.order_id, order.is_open
        _, runner = self.orders[name]
        if not is_open:
            del self.orders[name]
        if runner is None:
            return
        runner.waiting.pop(name, None)
        if is_open:
            runner.working[name] = order
        else:
            runner.working.pop(name, None)

    def ask(self, what: str, about: str, decision: int) -> None:
        """Remember who asked for something, in the words in which the exchange would refuse it."""
        decisions = self.asked.setdefault((what, about), [])
        decisions.append(decision)
        del decisions[:-2]  # not all that is granted is told; of more than one nobody knows who is refused

    def grant(self, what: str, about: str, decision: int) -> None:
        """Forget one who asked and got it, if he is remembered."""
        decisions = self.asked.get((what, about), [])
        if decision in decisions:
            decisions.remove(decision)
        if not decisions:
            self.asked.pop((what, about), None)

    def answer(self, what: str, about: str) -> int:
        """Forget who asked; 0 when that is not known, or several did and the answer may be for any of them."""
        decisions = self.asked.pop((what, about), [])
        return decisions[0] if len(decisions) == 1 else 0

    def check_positions(self, symbol: str) -> None:
        """What the strategies hold adds up to what the account holds.

        Raises:
            InvariantBroken: with the numbers that do not add up.
        """
        total = sum_of([runner.position.qty for runner in self.runners_on(symbol)])
        account = self.ledger.position(symbol).qty
        if total != account:
            raise InvariantBroken(f"lane {self.name}: strategies hold {total} {symbol}, the account {account}")

    def equity(self) -> float:
        """Cash plus unrealised PnL at mark, USDT."""
        total = self.ledger.cash_float
        for position, market in self.open:
            total += position.qty_float * (market.mark - position.entry_float)
        return total

    def bounds(self, symbol: str) -> tuple[Decimal, Decimal]:
        """Signed quantities of the account on a symbol if only its open sell, or only its open buy orders filled.

        An order that waits for its trigger counts only if it may open a position: protections never do.
        """
        lowest = highest = self.ledger.position(symbol).qty
        for order, _ in self.orders.values():
            request = order.request
            if request.symbol != symbol or (order.waits and (request.reduce_only or request.close_on_trigger)):
                continue
            if request.side is Side.BUY:
                highest = add(highest, order.exposed)
            else:
                lowest = subtract(lowest, order.exposed)
        return lowest, highest

    def gross_notional(self, *, without: str) -> float:
        """Sum of the absolute position values at mark, USDT, if the open orders of the worse side filled.

        without: the symbol to leave out.
        """
        if not self.orders:
            return sum(abs(held.qty_float) * market.mark for held, market in self.open if market.symbol != without)
        markets = {market.symbol: market for _, market in self.open}
        for order, _ in self.orders.values():
            markets[order.request.symbol] = self.market(order.request.symbol)
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


def _signed(order: OrderState, qty: Decimal) -> Decimal:
    return qty if order.request.side is Side.BUY else qty.copy_negate()
