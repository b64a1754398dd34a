"""Orders and their life cycle.

The life cycle is a table. `SUBMITTED` is ours (decided and handed to the venue); the others are Bybit's words
(v5 docs, "Enums Definitions"). A terminal state never reopens.

    Submitted ─┬─> New ──┬─> PartiallyFilled ─┬─> Filled
               │         │         └──────────┴─> Cancelled
               ├─────────┴─> Filled | Cancelled
               └─> Rejected
"""

from __future__ import annotations

from decimal import Decimal

from msgspec import Struct

from daemon.core.errors import InvariantBroken
from daemon.core.events import Side
from daemon.core.records import OrderStatus, OrderType, TimeInForce
from daemon.core.units import ZERO, add, subtract

_S = OrderStatus
TRANSITIONS: dict[OrderStatus, frozenset[OrderStatus]] = {
    _S.SUBMITTED: frozenset({_S.NEW, _S.PARTIALLY_FILLED, _S.FILLED, _S.CANCELLED, _S.REJECTED}),
    _S.NEW: frozenset({_S.PARTIALLY_FILLED, _S.FILLED, _S.CANCELLED}),
    _S.PARTIALLY_FILLED: frozenset({_S.PARTIALLY_FILLED, _S.FILLED, _S.CANCELLED}),
    _S.FILLED: frozenset(),
    _S.CANCELLED: frozenset(),
    _S.REJECTED: frozenset(),
}


class OrderRequest(Struct, frozen=True):
    """What a lane asks of a venue. Quantity and price are on the instrument's grid; `qty` is above zero.

    decision: seq of the decision line that asked.  order_id: derived from it, see `order_id`.
    """

    order_id: str
    decision: int
    strategy: str
    symbol: str
    side: Side
    type: OrderType
    time_in_force: TimeInForce
    qty: Decimal
    price: Decimal | None = None
    reduce_only: bool = False


class OrderState(Struct):
    """A request and where it stands at the venue. Changed by `advance` and `add_fill` only."""

    request: OrderRequest
    status: OrderStatus = OrderStatus.SUBMITTED
    filled_qty: Decimal = ZERO

    @property
    def is_open(self) -> bool:
        """Whether the order can still fill."""
        return bool(TRANSITIONS[self.status])

    @property
    def remaining(self) -> Decimal:
        """Quantity not yet filled, base units."""
        return subtract(self.request.qty, self.filled_qty)

    @property
    def may_rest(self) -> bool:
        """Whether the venue may keep the order in its book rather than fill or cancel it on arrival."""
        request = self.request
        return request.type is OrderType.LIMIT and request.time_in_force in (TimeInForce.GTC, TimeInForce.POST_ONLY)


def order_id(lane: str, decision: int, index: int) -> str:
    """Identity of an order inside the decision stream: a pure function of what was decided.

    The id sent to a real venue is derived from this one and the run's lineage by the adapter, so that the streams of
    a run and of its replay stay equal.
    """
    return f"{lane}-{decision}-{index}"


def advance(order: OrderState, status: OrderStatus) -> None:
    """Move an order to the venue's status.

    Raises:
        InvariantBroken: the table does not know this step.
    """
    if status not in TRANSITIONS[order.status]:
        raise InvariantBroken(f"order {order.request.order_id} cannot go from {order.status} to {status}")
    order.status = status


def add_fill(order: OrderState, qty: Decimal) -> None:
    """Count a fill and move to PartiallyFilled or Filled.

    Raises:
        InvariantBroken: the fill exceeds what was left, or the order is closed.
    """
    left = order.remaining
    if qty <= 0 or qty > left:
        raise InvariantBroken(f"order {order.request.order_id}: fill of {qty} with {left} left")
    advance(order, OrderStatus.FILLED if qty == left else OrderStatus.PARTIALLY_FILLED)
    order.filled_qty = add(order.filled_qty, qty)
