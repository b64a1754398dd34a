"""The exchange's own books of one account: ledger, margin in use, what is free for a new order.

Isolated margin, one-way mode. An order reserves its cost while it is open, on the part that would enlarge exposure; a
position binds its initial margin: entry value over leverage plus the fee to close at bankruptcy. Source: Bybit help
centre, "Order Cost (USDT Contract)" and "The New Margin Calculation: Adjustments and Implications":

    order cost     = qty p / L + qty p c + qty p (1 - s / L) c       s = +1 buy, -1 sell; c = taker fee rate
    initial margin = qty E / L           + qty E (1 - s / L) c       E = average entry price

Known limits: several orders against one position are each taken to reduce it; no maintenance margin and no
liquidation yet.
"""

from __future__ import annotations

from decimal import Decimal

from daemon.core.events import Side
from daemon.core.ledger import Ledger
from daemon.core.units import ZERO, add, divide, multiply, subtract

ONE = Decimal(1)


def margin_rate(side: Side, *, leverage: Decimal, taker_fee: Decimal) -> Decimal:
    """What a position of `side` binds for each USDT of its entry value."""
    share = divide(ONE, leverage)
    bankruptcy = subtract(ONE, share) if side is Side.BUY else add(ONE, share)
    return add(share, multiply(bankruptcy, taker_fee))


def order_cost_rate(side: Side, *, leverage: Decimal, taker_fee: Decimal) -> Decimal:
    """What an order that opens a position of `side` reserves for each USDT of its value."""
    return add(margin_rate(side, leverage=leverage, taker_fee=taker_fee), taker_fee)


class Account:
    """Ledger and reservations. `leverage` is the factor set for every symbol."""

    def __init__(self, leverage: Decimal, taker_fee: Decimal) -> None:
        self.ledger = Ledger()
        self._long_margin = margin_rate(Side.BUY, leverage=leverage, taker_fee=taker_fee)
        self._short_margin = margin_rate(Side.SELL, leverage=leverage, taker_fee=taker_fee)
        self._buy_cost = order_cost_rate(Side.BUY, leverage=leverage, taker_fee=taker_fee)
        self._sell_cost = order_cost_rate(Side.SELL, leverage=leverage, taker_fee=taker_fee)
        self._reserved: dict[str, Decimal] = {}

    def available(self) -> Decimal:
        """Cash that is bound neither by a position nor by an order, USDT."""
        free = self.ledger.cash
        for position in self.ledger.positions.values():
            if position.qty:
                rate = self._long_margin if position.qty > 0 else self._short_margin
                free = subtract(free, multiply(position.entry_value.copy_abs(), rate))
        for cost in self._reserved.values():
            free = subtract(free, cost)
        return free

    def opening_qty(self, symbol: str, side: Side, qty: Decimal) -> Decimal:
        """The part of an order that would enlarge exposure rather than reduce it, base units."""
        held = self.ledger.position(symbol).qty
        reduces = held < 0 if side is Side.BUY else held > 0
        return max(ZERO, subtract(qty, held.copy_abs())) if reduces else qty

    def reserve(self, order_id: str, symbol: str, side: Side, qty: Decimal, price: Decimal) -> bool:
        """Bind the cost of an order; False, and nothing bound, when less than that is available."""
        cost = self._cost(symbol, side, qty, price)
        if cost > 0 and cost > self.available():
            return False
        self._reserved[order_id] = cost
        return True

    def reserve_rest(self, order_id: str, symbol: str, side: Side, qty: Decimal, price: Decimal) -> None:
        """Bind no more than the cost of what is left of an order, after a part of it became a position."""
        self._reserved[order_id] = self._cost(symbol, side, qty, price)

    def release(self, order_id: str) -> None:
        """Free what an order had reserved."""
        self._reserved.pop(order_id, None)

    def _cost(self, symbol: str, side: Side, qty: Decimal, price: Decimal) -> Decimal:
        opening = self.opening_qty(symbol, side, qty)
        if not opening:
            return ZERO
        return multiply(multiply(opening, price), self._buy_cost if side is Side.BUY else self._sell_cost)
