"""The exchange's own books of one account: ledger, margin in use, what is free for a new order.

Isolated margin, one-way mode. Initial margin of a position is its entry value over leverage plus the fee to close at
bankruptcy; an order reserves its cost. Source: Bybit help centre, "Order Cost (USDT Contract)":

    cost = qty p / L + qty p c + qty p (1 - s / L) c        s = +1 buy, -1 sell; c = taker fee rate

Known limits: offsetting orders on both sides are not netted; no maintenance margin and no liquidation yet.
"""

from __future__ import annotations

from decimal import Decimal

from daemon.core.events import Side
from daemon.core.ledger import Ledger
from daemon.core.units import MONEY, ZERO

ONE = Decimal(1)


def order_cost(qty: Decimal, price: Decimal, side: Side, *, leverage: Decimal, taker_fee: Decimal) -> Decimal:
    """What an order that opens `qty` at `price` reserves, USDT."""
    value = MONEY.multiply(qty, price)
    bankruptcy = MONEY.subtract(ONE, MONEY.divide(ONE if side is Side.BUY else -ONE, leverage))
    fees = MONEY.multiply(MONEY.multiply(value, taker_fee), MONEY.add(ONE, bankruptcy))
    return MONEY.add(MONEY.divide(value, leverage), fees)


class Account:
    """Ledger and reservations. `leverage` is the factor set for every symbol."""

    def __init__(self, leverage: Decimal, taker_fee: Decimal) -> None:
        self.ledger = Ledger()
        self._leverage = leverage
        self._taker_fee = taker_fee
        self._reserved: dict[str, Decimal] = {}

    def available(self) -> Decimal:
        """Cash that is bound neither by a position nor by an order, USDT."""
        bound = ZERO
        for position in self.ledger.positions.values():
            if position.qty:
                bound = MONEY.add(bound, self._cost(abs(position.qty), position.entry, position.qty > 0))
        for cost in self._reserved.values():
            bound = MONEY.add(bound, cost)
        return MONEY.subtract(self.ledger.cash, bound)

    def opening_qty(self, symbol: str, side: Side, qty: Decimal) -> Decimal:
        """The part of an order that would enlarge exposure rather than reduce it, base units."""
        held = self.ledger.position(symbol).qty
        reduces = held < 0 if side is Side.BUY else held > 0
        return max(ZERO, MONEY.subtract(qty, abs(held))) if reduces else qty

    def reserve(self, order_id: str, symbol: str, side: Side, qty: Decimal, price: Decimal) -> bool:
        """Bind the cost of an order; False, and nothing bound, when less than that is available."""
        opening = self.opening_qty(symbol, side, qty)
        cost = self._cost(opening, price, side is Side.BUY)
        if opening and cost > self.available():
            return False
        self._reserved[order_id] = cost
        return True

    def release(self, order_id: str) -> None:
        """Free what an order had reserved."""
        self._reserved.pop(order_id, None)

    def _cost(self, qty: Decimal, price: Decimal, is_buy: bool) -> Decimal:
        side = Side.BUY if is_buy else Side.SELL
        return order_cost(qty, price, side, leverage=self._leverage, taker_fee=self._taker_fee)
