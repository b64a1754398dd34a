"""What a naive bot believes: its orders, its fills, its position and its cash."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from tests.museum.habits import Habit
from tests.museum.naive_parts import ZERO, Memory, Order, Row

H = Habit
OPEN = ("New", "PartiallyFilled", "Untriggered", "Triggered")
ENDED = ("Cancelled", "Rejected", "Deactivated", "PartiallyFilledCanceled")
EXECUTION_TYPES = ("Trade", "Funding", "AdlTrade", "BustTrade")


class NaiveBooks:
    """Takes rows of orders, executions and wallets. protect: called with the stop of an entry that has filled."""

    def __init__(self, habits: frozenset[Habit], memory: Memory, protect: Callable[[float], None]) -> None:
        self.memory = memory
        self.cash = ZERO
        self._habits = habits
        self._protect = protect

    def _is(self, habit: Habit) -> bool:
        return habit in self._habits

    def see(self, row: Row) -> None:
        order = self.known(row)
        order.venue_id = row["orderId"]
        status, filled = row["orderStatus"], Decimal(row["cumExecQty"])
        if status in OPEN:
            order.status = "open" if order.status in ("sending", "open") else order.status
        elif status == "Filled":
            order.status = "filled"
        elif status in ENDED:
            order.status = "cancelled" if order.status in ("sending", "open") else order.status
        elif self._is(H.DIES_OF_WORDS):
            raise KeyError(status)
        if self._is(H.INFERS_FILLS) and filled > order.filled:
            self.fill(order, f"inferred-{order.name}", filled - order.filled)

    def known(self, row: Row) -> Order:
        orders = self.memory.orders
        by_id = next((each for each in orders.values() if each.venue_id == row["orderId"]), None)
        found = orders.get(row["orderLinkId"]) or by_id
        if found is None:
            name = row["orderLinkId"] or row["orderId"]
            qty = Decimal(row.get("qty") or row.get("orderQty") or 0)
            found = orders[name] = Order(name, row["side"], qty, venue_id=row["orderId"])
        return found

    def book(self, row: Row) -> None:
        kind, name = row["execType"], row["orderLinkId"]
        if self._is(H.DIES_OF_WORDS) and kind not in EXECUTION_TYPES:
            raise KeyError(kind)
        if kind == "Funding" and not self._is(H.BOOKS_FUNDING):
            return
        if row["execId"] in self.memory.booked and not self._is(H.BOOKS_EVERY_MESSAGE):
            return
        if self._is(H.BOOKS_OWN_ORDERS_ONLY) and name not in self.memory.orders:
            return
        if self._is(H.BOOKS_ACKED_ORDERS_ONLY) and name in self.memory.orders and not self.memory.orders[name].acked:
            return
        order = self.known(row)
        self.memory.booked.add(row["execId"])
        if self._is(H.PREDICTS_FUNDING) and kind != "Funding":
            self.cash -= Decimal(row["execFee"])
        self.fill(order, row["execId"], Decimal(row["execQty"]), row["side"])

    def fill(self, order: Order, exec_id: str, qty: Decimal, side: str = "") -> None:
        if qty <= 0:
            return
        self.memory.fills.append((exec_id, qty))
        order.filled += qty
        if not self._is(H.READS_POSITION_ONCE):
            self.memory.position += qty if (side or order.side) == "Buy" else -qty
        if order.filled >= order.qty:
            order.status = "filled"
        if order.then_stop_at and order.filled >= order.qty:
            self._protect(order.then_stop_at)
            order.then_stop_at = None

    def see_wallet(self, row: Row) -> None:
        if not (self._is(H.PREDICTS_FUNDING) and self.cash):
            self.cash = Decimal(row["coin"][0]["walletBalance"])
