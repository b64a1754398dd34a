"""A leg: one position of the account with its margin, and what the open orders on it add up to.

Its one job: the numbers of one position, exact in Decimal and, for the test at every event, in float64.

Assumptions:
- In one-way mode a symbol has one leg, whose sign may change; in hedge mode a long and a short one.
- A position whose symbol has no mark price yet is worth its entry.
- The liquidation price is the first one on the tick grid at which the position is liquidated; that it is, is decided
  exactly and not by this price.
  Source of the formulas: `adapters.simulated.margin`.
"""

from __future__ import annotations

from decimal import Decimal
from math import inf, nan

from msgspec import Struct

from adapters.simulated import margin
from daemon.core.events import Instrument, RiskTier, Side
from daemon.core.ledger import Position
from daemon.core.market import Market
from daemon.core.orders import PositionIdx
from daemon.core.units import ZERO, add, divide, multiply, price_down, price_up, subtract, to_cash, to_decimal

BUY, SELL = Side.BUY, Side.SELL
WIDER = 1e-9


def leg_key(symbol: str, idx: PositionIdx) -> str:
    """Name of a position in the ledger: "BTCUSDT" in one-way mode, "BTCUSDT#1" and "BTCUSDT#2" in hedge mode."""
    return f"{symbol}#{int(idx)}" if idx else symbol


class OpenOrders(Struct):
    """What the orders of one side that bind margin add up to.

    qty: base units.  value: sum of quantity times price.  cost: what is bound for the part that enlarges, USDT.
    """

    qty: Decimal = ZERO
    value: Decimal = ZERO
    cost: Decimal = ZERO


class Seen(Struct):
    """Float64 numbers of a leg at the mark price it was last looked at.

    pnl: unrealised.  need, bound: maintenance and initial margin by the mark (cross margin).  value: at mark. USDT.
    """

    mark: float = nan
    pnl: float = 0.0
    need: float = 0.0
    bound: float = 0.0
    value: float = 0.0


class Leg:
    """One position with its margin.

    leverage: a factor.  added: margin added by hand, below zero when funding took from the position's.
    initial_margin: bound by the position in isolated margin, USDT; zero in cross margin, where it follows the mark.
    filled: signed sum of all fills, kept beside the position to be compared with it.
    low, high: mark prices in float64 outside of which an isolated position may be in danger.
    """

    __slots__ = (
        "_bounds",
        "_mark",
        "_mark_seen",
        "_price",
        "_rates",
        "_tiers",
        "added",
        "buys",
        "filled",
        "high",
        "idx",
        "initial_margin",
        "instrument",
        "isolated",
        "key",
        "leverage",
        "low",
        "market",
        "position",
        "seen",
        "sells",
        "stale",
        "symbol",
        "taker_fee",
    )

    def __init__(
        self, idx: PositionIdx, market: Market, position: Position, leverage: Decimal, taker_fee: Decimal
    ) -> None:
        self.symbol = market.symbol
        self.idx = idx
        self.key = leg_key(market.symbol, idx)
        self.market = market
        self.position = position
        self.leverage = leverage
        self.taker_fee = taker_fee
        self.isolated = True
        self.added = self.initial_margin = self.filled = ZERO
        self.buys = OpenOrders()
        self.sells = OpenOrders()
        self.seen = Seen()
        self._mark_seen = nan
        self._mark = ZERO
        self.renew()

    # What it is

    @property
    def side(self) -> Side:
        """BUY for a long position, SELL for a short one."""
        return BUY if self.position.qty > 0 else SELL

    @property
    def qty(self) -> Decimal:
        """Quantity held, base units, without sign."""
        return self.position.qty.copy_abs()

    @property
    def tiers(self) -> tuple[RiskTier, ...]:
        """Risk tiers of the instrument as it is now, lowest first."""
        if self.instrument is not self.market.instrument:
            self.renew()
        return self._tiers

    @property
    def liquidation_price(self) -> Decimal | None:
        """Where an isolated position is liquidated, USDT on the tick grid; None when flat, safe, or in cross margin."""
        if self.stale:
            self._find_bounds()
        return None if self._price is None else self.first_tick(self._price, falling=self.position.qty > 0)

    def first_tick(self, price: Decimal, *, falling: bool) -> Decimal | None:
        """First price on the tick grid, above zero, that a falling or a rising mark has at `price` or beyond."""
        instrument = self.market.instrument
        if instrument is None:
            return price
        tick = instrument.tick
        return price_down(price, tick) or None if falling else max(tick, price_up(price, tick))

    def mark(self) -> Decimal:
        """Mark price, USDT; the average entry until there is one."""
        mark = self.market.mark
        if mark <= 0.0:
            return self.position.entry
        if mark != self._mark_seen:
            self._mark = to_decimal(mark)
            self._mark_seen = mark
        return self._mark

    def value(self) -> Decimal:
        """Value at mark, USDT, without sign."""
        return multiply(self.qty, self.mark())

    def entry_value(self) -> Decimal:
        """Value at entry, USDT, without sign."""
        return self.position.entry_value.copy_abs()

    def unrealised(self) -> Decimal:
        """Profit or loss at mark, USDT."""
        if self.market.mark <= 0.0:
            return ZERO
        return to_cash(subtract(multiply(self.position.qty, self.mark()), self.position.entry_value))

    def tier(self) -> RiskTier:
        """Risk tier of the value at mark."""
        return margin.tier_of(self.tiers, self.value())

    # Its orders

    def orders(self, side: Side) -> OpenOrders:
        """The open orders of one side."""
        return self.buys if side is BUY else self.sells

    def closes(self, side: Side) -> bool:
        """Whether orders of `side` can only close this leg: the other side's in hedge mode."""
        return bool(self.idx) and self.idx == (PositionIdx.SHORT if side is BUY else PositionIdx.LONG)

    def reducible(self, side: Side) -> Decimal:
        """What orders of `side` may reduce, base units."""
        held = self.position.qty
        return held.copy_abs() if (held < 0 if side is BUY else held > 0) else ZERO

    def side_qty(self, side: Side) -> Decimal:
        """Position of a side and all open orders of that side that bind margin, base units."""
        other = SELL if side is BUY else BUY
        return add(self.orders(side).qty, self.reducible(other))

    def opening(self, side: Side, qty: Decimal) -> Decimal:
        """The part of `qty` that would enlarge the position rather than reduce it, base units."""
        if self.closes(side):
            return ZERO
        reducible = self.reducible(side)
        return max(ZERO, subtract(qty, reducible)) if reducible else qty

    def cost(self, side: Side, qty: Decimal, value: Decimal) -> Decimal:
        """What orders of `side` bind that add up to `qty` base units and `value` USDT.

        What they reduce together is taken from each of them in proportion.
        """
        opening = self.opening(side, qty)
        if not opening:
            return ZERO
        if opening != qty:
            value = divide(multiply(value, opening), qty)
        return margin.order_cost(side, value, leverage=self.leverage, taker_fee=self.taker_fee)

    # In float64, for every event

    def renew(self) -> None:
        """Take over the instrument as it is now; leverage or position changed likewise."""
        self.instrument: Instrument | None = self.market.instrument
        self._tiers = margin.tiers_of(self.instrument)
        self.restate()

    def restate(self) -> None:
        """Position, leverage or margin changed: bounds and rates are found anew when they are asked for."""
        self.stale = True
        self.low, self.high = -inf, inf
        self._price: Decimal | None = None
        self._bounds = (inf, -inf)
        self._rates = (0.0, 0.0, 0.0)

    def look(self, mark: float) -> Seen:
        """The numbers at a mark price in float64; a price of 0 is unknown and stands for the entry."""
        position = self.position
        price = mark if mark > 0.0 else position.entry_float
        value = abs(position.qty_float) * price
        pnl = position.qty_float * (price - position.entry_float)
        if self.isolated:
            return Seen(mark, pnl, 0.0, 0.0, value)
        lower, upper = self._bounds
        if not lower < value <= upper:
            self._find_rates(value)
        rate, deduction, bound = self._rates
        return Seen(mark, pnl, value * rate - deduction, value * bound, value)

    def endangered(self, mark: float) -> bool:
        """Whether an isolated position may be in danger at a mark price; it is not when this says no."""
        if self.stale:
            self._find_bounds()
        return not self.low < mark < self.high and mark > 0.0

    def _find_bounds(self) -> None:
        self.stale = False
        if not self.position.qty or not self.isolated:
            return
        side = self.side
        self._price = margin.liquidation_price(
            side,
            self.position.qty.copy_abs(),
            self.position.entry_value.copy_abs(),
            leverage=self.leverage,
            added=self.added,
            taker_fee=self.taker_fee,
            tiers=self.tiers,
        )
        if self._price is None:
            return
        if side is BUY:
            self.low = float(self._price) * (1.0 + WIDER)
        else:
            self.high = float(self._price) * (1.0 - WIDER)

    def _find_rates(self, value: float) -> None:
        tiers, signed = self.tiers, float(margin.sign(self.side))
        index = margin.tier_index(tiers, to_decimal(value))
        tier, fee, leverage = tiers[index], float(self.taker_fee), float(self.leverage)
        lower = float(tiers[index - 1].limit) if index else -inf
        upper = float(tier.limit) if index < len(tiers) - 1 else inf
        closing = (1.0 - signed / leverage) * fee
        self._bounds = (lower, upper)
        self._rates = (float(tier.maintenance_rate) + closing, float(tier.deduction), 1.0 / leverage + closing)
