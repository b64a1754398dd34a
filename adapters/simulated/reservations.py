"""Reservations: the margin that open orders bind.

Its one job: to keep, for each side of each leg, the sums from which order margin follows, so that an order binds, fills
and frees at a cost that does not depend on how many others are open.

Assumptions:
- The orders of one side bind the cost of what they would enlarge the position by together; what they reduce together is
  taken from each in proportion. Both sides of a leg bind, nothing is netted between them.
- Reduce-only, close-on-trigger and untriggered orders bind nothing. Source: Bybit help centre, "Order Cost (USDT
  Contract)"; the netting of offsetting orders is not documented, binding only what enlarges is the usual reading.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal

from msgspec import Struct

from adapters.simulated.leg import Leg, OpenOrders
from adapters.simulated.working import Working
from daemon.core.events import Side
from daemon.core.records import OrderStatus
from daemon.core.units import ZERO, add, multiply, subtract


class Reserved(Struct, eq=False):
    """What one open order takes part in its side's sums with. qty: base units.  price: USDT."""

    leg: Leg
    side: Side
    qty: Decimal
    price: Decimal


class Reservations:
    """The open orders of an account that bind margin. total: what they bind, USDT."""

    __slots__ = ("_by_order", "total")

    def __init__(self) -> None:
        self._by_order: dict[str, Reserved] = {}
        self.total = ZERO

    def __len__(self) -> int:
        return len(self._by_order)

    def __iter__(self) -> Iterator[Reserved]:
        return iter(self._by_order.values())

    def bind(self, order: Working, leg: Leg, fits: Callable[[Decimal], bool]) -> bool:
        """Bind what remains of an order at its price, in place of what it has bound before.

        fits: asked with what this costs more than before, USDT; when it says no, nothing changes and False returns.
        """
        if not binds(order):
            return True
        orders = leg.orders(order.side)
        old = self._by_order.get(order.id)
        qty, value = (orders.qty, orders.value) if old is None else _without(old)
        qty = add(qty, order.remaining)
        value = add(value, multiply(order.remaining, order.price))
        cost = leg.cost(order.side, qty, value)
        if not fits(subtract(cost, orders.cost)):
            return False
        self._by_order[order.id] = Reserved(leg, order.side, order.remaining, order.price)
        orders.qty, orders.value = qty, value
        self._bind(orders, cost)
        return True

    def free(self, order: Working) -> None:
        """Free what an order has bound, if anything."""
        reserved = self._by_order.pop(order.id, None)
        if reserved is not None:
            orders = reserved.leg.orders(reserved.side)
            orders.qty, orders.value = _without(reserved)
            self._charge(reserved.leg, reserved.side, orders)

    def fill(self, order: Working, qty: Decimal) -> None:
        """Take an execution of `qty` base units out of an order's part of the sums; `charge` the leg afterwards."""
        reserved = self._by_order.get(order.id)
        if reserved is None:
            return
        orders = reserved.leg.orders(reserved.side)
        gone = min(qty, reserved.qty)
        reserved.qty = subtract(reserved.qty, gone)
        orders.qty = subtract(orders.qty, gone)
        orders.value = subtract(orders.value, multiply(gone, reserved.price))

    def charge(self, leg: Leg) -> None:
        """Bind for both sides of a leg what they cost now: its position, leverage or orders changed."""
        self._charge(leg, Side.BUY, leg.buys)
        self._charge(leg, Side.SELL, leg.sells)

    def _charge(self, leg: Leg, side: Side, orders: OpenOrders) -> None:
        if orders.qty:
            self._bind(orders, leg.cost(side, orders.qty, orders.value))
        elif orders.cost:
            self._bind(orders, ZERO)

    def _bind(self, orders: OpenOrders, cost: Decimal) -> None:
        self.total = add(self.total, subtract(cost, orders.cost))
        orders.cost = cost


def binds(order: Working) -> bool:
    """Whether an order binds margin at all."""
    request = order.request
    return not (request.reduce_only or request.close_on_trigger or order.status is OrderStatus.UNTRIGGERED)


def _without(reserved: Reserved) -> tuple[Decimal, Decimal]:
    orders = reserved.leg.orders(reserved.side)
    return subtract(orders.qty, reserved.qty), subtract(orders.value, multiply(reserved.qty, reserved.price))
