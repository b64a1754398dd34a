"""Orders and their life cycle.

The life cycle is a table. `SUBMITTED` is ours (decided and handed to the venue); the others are Bybit's words
(v5 docs, "Enums Definitions"). A terminal state never reopens.

    Submitted ─┬─> New ──┬─> PartiallyFilled ─┬─> Filled
               │         │         └──────────┴─> Cancelled
               ├─────────┴─> Filled | Cancelled
               ├─> Untriggered ─┬─> Triggered ──> as from Submitted, without Untriggered
               │                └─> Deactivated | Cancelled
               └─> Rejected
"""

from __future__ import annotations

from decimal import Decimal
from enum import IntEnum, StrEnum

from msgspec import Struct

from daemon.core.errors import InvariantBroken
from daemon.core.events import Side
from daemon.core.records import CreateType, OrderStatus, OrderType, StopOrderType, TimeInForce, TriggerBy
from daemon.core.units import ZERO, add, subtract

_S = OrderStatus
TRANSITIONS: dict[OrderStatus, frozenset[OrderStatus]] = {
    _S.SUBMITTED: frozenset(
        {_S.NEW, _S.PARTIALLY_FILLED, _S.FILLED, _S.CANCELLED, _S.REJECTED, _S.UNTRIGGERED, _S.DEACTIVATED}
    ),
    _S.UNTRIGGERED: frozenset({_S.TRIGGERED, _S.CANCELLED, _S.DEACTIVATED}),
    _S.TRIGGERED: frozenset({_S.NEW, _S.PARTIALLY_FILLED, _S.FILLED, _S.CANCELLED, _S.REJECTED}),
    _S.NEW: frozenset({_S.PARTIALLY_FILLED, _S.FILLED, _S.CANCELLED}),
    _S.PARTIALLY_FILLED: frozenset({_S.PARTIALLY_FILLED, _S.FILLED, _S.CANCELLED}),
    _S.FILLED: frozenset(),
    _S.CANCELLED: frozenset(),
    _S.REJECTED: frozenset(),
    _S.DEACTIVATED: frozenset(),
}


class TriggerDirection(IntEnum):
    """Which way the price has to go to reach a trigger, in Bybit's numbers."""

    RISES = 1
    FALLS = 2


class PositionIdx(IntEnum):
    """Which position an order is for, in Bybit's numbers: the only one, or in hedge mode the long or the short one."""

    ONE_WAY = 0
    LONG = 1
    SHORT = 2


class SelfMatch(StrEnum):
    """What happens when an order would trade with another one of the same account (Bybit's smpType)."""

    NONE = "None"
    CANCEL_MAKER = "CancelMaker"
    CANCEL_TAKER = "CancelTaker"
    CANCEL_BOTH = "CancelBoth"


class Tolerance(Struct, frozen=True):
    """How far from the touch a market order may fill: exactly one of `ticks` (1 to 10,000) and `percent` (0.01 to 10).

    Source: Bybit v5 docs, "Place Order", slippageToleranceType and slippageTolerance.
    """

    ticks: int | None = None
    percent: Decimal | None = None


class Protection(Struct, frozen=True):
    """Take-profit, stop-loss and trailing stop of an order or of a position, as Bybit's trading stop has them.

    Prices are USDT on the tick grid; None leaves what is set, zero removes it. partial: the orders are of the filled
    quantity (or `qty`) and may be limit orders; otherwise they close the whole position at market and replace those
    before. trailing_stop: distance in USDT from the best last price; active_price: where it begins to trail, None at
    once. Only a position may carry a trailing stop.
    """

    take_profit: Decimal | None = None
    stop_loss: Decimal | None = None
    take_profit_by: TriggerBy = TriggerBy.LAST
    stop_loss_by: TriggerBy = TriggerBy.LAST
    partial: bool = False
    take_profit_limit: Decimal | None = None
    stop_loss_limit: Decimal | None = None
    qty: Decimal | None = None
    trailing_stop: Decimal | None = None
    active_price: Decimal | None = None


class OrderRequest(Struct, frozen=True):
    """What a lane asks of a venue. Quantity and prices are on the instrument's grid; `qty` is above zero.

    decision: seq of the decision line that asked, 0 when the exchange made the order itself.  order_id: derived from
    it, see `order_id`.  strategy: whose it is; empty for an order on the account's whole position.
    trigger_price: makes it conditional; it goes off when the price of kind `trigger_by` gets there in
    `trigger_direction`.  close_on_trigger: reduces only, and other orders make room for its margin.
    parent: id of the order whose protection this is.
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
    position_idx: PositionIdx = PositionIdx.ONE_WAY
    trigger_price: Decimal | None = None
    trigger_by: TriggerBy = TriggerBy.LAST
    trigger_direction: TriggerDirection | None = None
    close_on_trigger: bool = False
    protection: Protection | None = None
    self_match: SelfMatch = SelfMatch.NONE
    tolerance: Tolerance | None = None
    stop_order_type: StopOrderType = StopOrderType.NONE
    create_type: CreateType = CreateType.USER
    parent: str = ""

    @property
    def is_conditional(self) -> bool:
        """Whether the order waits for a trigger before it becomes active."""
        return self.trigger_price is not None

    @property
    def may_rest(self) -> bool:
        """Whether the venue may keep the order in its book rather than fill or cancel it on arrival."""
        return self.type is OrderType.LIMIT and self.time_in_force in (TimeInForce.GTC, TimeInForce.POST_ONLY)


class Amendment(Struct, frozen=True):
    """A change of an open order; None leaves what is set. qty: the new total, base units, above what is filled.

    take_profit, stop_loss: of the order's protection; zero removes it.
    """

    order_id: str
    qty: Decimal | None = None
    price: Decimal | None = None
    trigger_price: Decimal | None = None
    take_profit: Decimal | None = None
    stop_loss: Decimal | None = None


class TradingStop(Struct, frozen=True):
    """A request to set the protection of a position. decision, strategy: who asked, as in `OrderRequest`."""

    symbol: str
    protection: Protection
    decision: int = 0
    strategy: str = ""
    position_idx: PositionIdx = PositionIdx.ONE_WAY


class OrderState(Struct):
    """A request and where it stands at the venue. Changed by the functions below only.

    asked_qty: the total that an amendment under way asks for, base units, None while none is.
    cancelling: whether a cancel is under way.
    """

    request: OrderRequest
    status: OrderStatus = OrderStatus.SUBMITTED
    filled_qty: Decimal = ZERO
    asked_qty: Decimal | None = None
    cancelling: bool = False

    @property
    def is_open(self) -> bool:
        """Whether the order can still fill."""
        return bool(TRANSITIONS[self.status])

    @property
    def waits(self) -> bool:
        """Whether the order waits for its trigger, or is on its way to do so."""
        return self.request.is_conditional and self.status in (OrderStatus.SUBMITTED, OrderStatus.UNTRIGGERED)

    @property
    def remaining(self) -> Decimal:
        """Quantity not yet filled, base units."""
        return subtract(self.request.qty, self.filled_qty)

    @property
    def exposed(self) -> Decimal:
        """Quantity that may still fill, base units: an amendment under way to a larger total counts as done."""
        asked = self.asked_qty
        total = self.request.qty if asked is None else max(asked, self.request.qty)
        return subtract(total, self.filled_qty)


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


def replace_request(order: OrderState, request: OrderRequest, *, ours: bool) -> None:
    """Take an order as it is after an amendment. ours: whether this answers the amendment that is under way.

    Raises:
        InvariantBroken: it is closed or another order now, or its total is not above what is filled.
    """
    before = order.request
    same = (before.symbol, before.side, before.strategy) == (request.symbol, request.side, request.strategy)
    if not (same and order.is_open and request.qty > order.filled_qty):
        raise InvariantBroken(
            f"order {before.order_id}, {order.status} with {order.filled_qty} filled, cannot become "
            f"{request.side} {request.qty} {request.symbol} of {request.strategy!r}"
        )
    order.request = request
    if ours:
        order.asked_qty = None
