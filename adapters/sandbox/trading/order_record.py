"""An order as the account's private routes and its order topic show it.

Source: Bybit v5 docs, "Order" (websocket) and "Get Open & Closed Orders".

Assumptions:
- A plain order has an empty stopOrderType; prices that are not set are empty too.
- A cancelled order's leavesQty is zero, its executed part stays in cumExecQty.
"""

from __future__ import annotations

from decimal import Decimal

from msgspec import Struct

from adapters.sandbox.listings import Listing
from adapters.sandbox.trading.parameters import LINEAR
from adapters.sandbox.trading.spec import Result
from adapters.sandbox.trading.texts import plain, price_text, qty_text
from adapters.simulated.protection import PARTIAL
from daemon.core.orders import OrderRequest, Protection
from daemon.core.records import OrderStatus, OrderType, StopOrderType
from daemon.core.units import ZERO, divide, multiply, subtract, to_cash

CLOSED = frozenset({OrderStatus.FILLED, OrderStatus.CANCELLED, OrderStatus.REJECTED, OrderStatus.DEACTIVATED})


class OrderRecord(Struct, kw_only=True):
    """An order with its history.

    serial: place in the order of coming.  request: as it stands now; its `order_id` is the exchange's inner name.
    bound: what the market order may fill to, USDT, None without one.  last: last price when it came, USDT.
    cum_*: executed, base units and USDT.  closed_pnl: without fees, USDT.  reason: of its end, the exchange's words.
    refused: why it was refused before it was taken.
    """

    serial: int
    order_id: str
    link_id: str
    request: OrderRequest
    created_ms: int
    updated_ms: int
    bound: Decimal | None = None
    last: Decimal | None = None
    status: OrderStatus = OrderStatus.SUBMITTED
    cum_qty: Decimal = ZERO
    cum_value: Decimal = ZERO
    cum_fee: Decimal = ZERO
    closed_pnl: Decimal = ZERO
    reason: str = ""
    parent_link_id: str = ""
    refused: str | None = None

    @property
    def is_closed(self) -> bool:
        """Whether its life has ended."""
        return self.status in CLOSED

    @property
    def leaves(self) -> Decimal:
        """What may still fill, base units."""
        return ZERO if self.is_closed else subtract(self.request.qty, self.cum_qty)

    @property
    def price(self) -> Decimal | None:
        """The limit price, or that of the limit order which a market order becomes; USDT."""
        return self.bound if self.request.type is OrderType.MARKET else self.request.price


def order_item(record: OrderRecord, listing: Listing) -> Result:
    """The order in the words of the order topic."""
    request, cancel_type, reject_reason = record.request, *ending(record)
    leaves, price = record.leaves, record.price
    return {
        "category": LINEAR,
        "orderId": record.order_id,
        "orderLinkId": record.link_id,
        "parentOrderLinkId": record.parent_link_id,
        "isLeverage": "",
        "blockTradeId": "",
        "symbol": request.symbol,
        "price": price_text(price, listing, "0"),
        "brokerOrderPrice": "",
        "qty": qty_text(request.qty, listing),
        "side": request.side.value,
        "positionIdx": int(request.position_idx),
        "orderStatus": record.status.value,
        "createType": request.create_type.value,
        "cancelType": cancel_type,
        "rejectReason": reject_reason,
        "avgPrice": plain(to_cash(divide(record.cum_value, record.cum_qty))) if record.cum_qty else "",
        "leavesQty": qty_text(leaves, listing) if leaves else "0",
        "leavesValue": plain(multiply(leaves, price or ZERO)),
        "cumExecQty": qty_text(record.cum_qty, listing),
        "cumExecValue": plain(record.cum_value),
        "cumExecFee": plain(record.cum_fee),
        "cumFeeDetail": {"USDT": plain(record.cum_fee)} if record.cum_fee else {},
        "closedPnl": plain(record.closed_pnl),
        "feeCurrency": "",
        "timeInForce": request.time_in_force.value,
        "orderType": request.type.value,
        "stopOrderType": request.stop_order_type.value,
        "ocoTriggerBy": "",
        "orderIv": "",
        "marketUnit": "",
        **_tolerance_fields(request),
        "triggerPrice": price_text(request.trigger_price, listing),
        **_protection_fields(request, listing),
        "triggerDirection": 0 if request.trigger_direction is None else int(request.trigger_direction),
        "triggerBy": request.trigger_by.value if request.is_conditional else "",
        "lastPriceOnCreated": price_text(record.last, listing),
        "reduceOnly": request.reduce_only,
        "closeOnTrigger": request.close_on_trigger,
        "placeType": "",
        "smpType": request.self_match.value,
        "smpGroup": 0,
        "smpOrderId": "",
        "createdTime": str(record.created_ms),
        "updatedTime": str(record.updated_ms),
        "rpiTakerAccess": False,
        "rpiMatchedQty": "0",
    }


def ending(record: OrderRecord) -> tuple[str, str]:
    """(cancelType, rejectReason) of an order: by whom it was ended, and why."""
    reason = record.reason
    if not reason or not record.is_closed or record.status is OrderStatus.FILLED:
        return "UNKNOWN", "EC_NoError"
    if reason.startswith("EC_"):
        return "UNKNOWN", reason
    if reason == "CancelBySmp":
        return reason, "EC_BySelfMatch"
    if reason.startswith("Cancel"):
        return reason, "EC_PerCancelRequest"
    return "UNKNOWN", "EC_ReachRiskPriceLimit" if reason.startswith("110003") else "EC_Others"


def _tolerance_fields(request: OrderRequest) -> Result:
    asked = request.tolerance
    if asked is None:
        return {"slippageToleranceType": "UNKNOWN", "slippageTolerance": ""}
    if asked.percent is not None:
        return {"slippageToleranceType": "Percent", "slippageTolerance": plain(asked.percent)}
    return {"slippageToleranceType": "TickSize", "slippageTolerance": str(asked.ticks)}


def _protection_fields(request: OrderRequest, listing: Listing) -> Result:
    asked = request.protection or Protection()
    return {
        "takeProfit": price_text(asked.take_profit, listing),
        "stopLoss": price_text(asked.stop_loss, listing),
        "tpslMode": _mode(request),
        "tpLimitPrice": price_text(asked.take_profit_limit, listing),
        "slLimitPrice": price_text(asked.stop_loss_limit, listing),
        "tpTriggerBy": asked.take_profit_by.value if asked.take_profit else "",
        "slTriggerBy": asked.stop_loss_by.value if asked.stop_loss else "",
    }


def _mode(request: OrderRequest) -> str:
    """Whether its protection, or the order as one, is of a part or the whole of the position; empty for neither."""
    if request.protection is not None:
        return "Partial" if request.protection.partial else "Full"
    if request.stop_order_type in PARTIAL:
        return "Partial"
    return "" if request.stop_order_type in (StopOrderType.NONE, StopOrderType.STOP) else "Full"
