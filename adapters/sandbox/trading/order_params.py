"""Order parameters: from the body of a request to the order, amendment or protection that the exchange understands.

Its one job: what Bybit refuses by the look of a request, with 10001; the rest is the exchange's to refuse. Source:
Bybit v5 docs, "Place Order", "Amend Order", "Set Trading Stop".

Assumptions:
- A price of "0" or "" is not set, but in an amendment or a trading stop "0" removes.
- A quantity of "0" with reduceOnly and closeOnTrigger closes the position, up to the largest market order.
- A limit order as take-profit or stop-loss needs tpslMode Partial.

Known limits: no RPI orders, no bboSideType; an amendment cannot change triggerBy, tpTriggerBy, slTriggerBy, tpslMode or
the limit prices of protections. All of these are refused with 10001.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from adapters.sandbox.refused import Refused
from adapters.sandbox.trading.codes import BAD_PARAMETER, bad
from adapters.sandbox.trading.parameters import Parameters, is_number
from daemon.core.events import Side
from daemon.core.orders import (
    Amendment,
    OrderRequest,
    PositionIdx,
    Protection,
    SelfMatch,
    Tolerance,
    TradingStop,
    TriggerDirection,
)
from daemon.core.records import OrderType, StopOrderType, TimeInForce, TriggerBy

MODES = ("Full", "Partial")
TYPES = ("Market", "Limit")
UNCHANGEABLE = {
    "triggerBy": "LastPrice",
    "tpTriggerBy": "LastPrice",
    "slTriggerBy": "LastPrice",
    "tpslMode": "Full",
    "tpLimitPrice": "0",
    "slLimitPrice": "0",
}
"""What an amendment may only repeat, with what it is where the order shows nothing."""


def order_request(parameters: Parameters, symbol: str) -> OrderRequest:
    """The order that a body asks for, without its id."""
    kind = OrderType(parameters.choice("orderType", TYPES))
    trigger = parameters.positive("triggerPrice")
    for name in ("bboSideType", "bboLevel"):
        if parameters.text(name):
            raise bad(name, "is not supported by the sandbox")
    return OrderRequest(
        order_id="",
        decision=0,
        strategy="",
        symbol=symbol,
        side=Side(parameters.choice("side", [side.value for side in Side])),
        type=kind,
        time_in_force=_time_in_force(parameters, kind),
        qty=_qty(parameters),
        price=_price(parameters, kind),
        reduce_only=parameters.flag("reduceOnly"),
        position_idx=PositionIdx(parameters.integer("positionIdx", 0, 0, 2)),
        trigger_price=trigger,
        trigger_by=_trigger_by(parameters, "triggerBy"),
        trigger_direction=_direction(parameters) if trigger is not None else None,
        close_on_trigger=parameters.flag("closeOnTrigger"),
        protection=_order_protection(parameters),
        self_match=SelfMatch(parameters.choice("smpType", [each.value for each in SelfMatch], "None")),
        tolerance=_tolerance(parameters),
        stop_order_type=StopOrderType.NONE if trigger is None else StopOrderType.STOP,
    )


def amendment_of(parameters: Parameters, order_id: str, shown: Mapping[str, object]) -> Amendment:
    """The change that a body asks for. order_id: the exchange's inner name; shown: the order as clients see it now."""
    for name, empty in UNCHANGEABLE.items():
        asked = parameters.text(name)
        if asked and not _is_same(asked, str(shown[name]) or empty):
            raise bad(name, f"{asked} cannot be amended at the sandbox")
    return Amendment(
        order_id=order_id,
        qty=parameters.positive("qty"),
        price=parameters.positive("price"),
        trigger_price=parameters.positive("triggerPrice"),
        take_profit=parameters.number("takeProfit"),
        stop_loss=parameters.number("stopLoss"),
    )


def trading_stop_of(parameters: Parameters, symbol: str) -> TradingStop:
    """The protection of a position that a body asks for; the mode is Full and the position the only one by default."""
    partial = parameters.choice("tpslMode", MODES, "Full") == "Partial"
    sizes = [size for size in (parameters.positive("tpSize"), parameters.positive("slSize")) if size is not None]
    if len(set(sizes)) > 1:
        raise Refused(BAD_PARAMETER, "tpSize and slSize must be equal")
    protection = Protection(
        take_profit=parameters.number("takeProfit"),
        stop_loss=parameters.number("stopLoss"),
        take_profit_by=_trigger_by(parameters, "tpTriggerBy"),
        stop_loss_by=_trigger_by(parameters, "slTriggerBy"),
        partial=partial,
        take_profit_limit=_protection_limit(parameters, "tp"),
        stop_loss_limit=_protection_limit(parameters, "sl"),
        qty=sizes[0] if sizes and partial else None,
        trailing_stop=parameters.number("trailingStop"),
        active_price=parameters.positive("activePrice"),
    )
    return TradingStop(symbol, protection, position_idx=PositionIdx(parameters.integer("positionIdx", 0, 0, 2)))


def _is_same(asked: str, shown: str) -> bool:
    """Whether two texts are the same word, or the same number."""
    if asked == shown:
        return True
    return is_number(asked) and is_number(shown) and Decimal(asked) == Decimal(shown)


def _time_in_force(parameters: Parameters, kind: OrderType) -> TimeInForce:
    words = [each.value for each in TimeInForce]
    asked = TimeInForce(parameters.choice("timeInForce", words, "GTC"))
    if kind is OrderType.MARKET:
        return asked if asked is TimeInForce.FOK else TimeInForce.IOC
    return asked


def _qty(parameters: Parameters) -> Decimal:
    qty = parameters.needed_number("qty")
    if not qty and not (parameters.flag("reduceOnly") and parameters.flag("closeOnTrigger")):
        raise bad("qty", "0")
    return qty


def _price(parameters: Parameters, kind: OrderType) -> Decimal | None:
    price = parameters.positive("price")
    if kind is OrderType.LIMIT and price is None:
        raise bad("price")
    return price if kind is OrderType.LIMIT else None


def _direction(parameters: Parameters) -> TriggerDirection | None:
    number = parameters.integer("triggerDirection", 0, 0, 2)
    return TriggerDirection(number) if number else None


def _trigger_by(parameters: Parameters, name: str) -> TriggerBy:
    return TriggerBy(parameters.choice(name, [each.value for each in TriggerBy], TriggerBy.LAST.value))


def _order_protection(parameters: Parameters) -> Protection | None:
    take_profit, stop_loss = parameters.positive("takeProfit"), parameters.positive("stopLoss")
    if take_profit is None and stop_loss is None:
        return None
    return Protection(
        take_profit=take_profit,
        stop_loss=stop_loss,
        take_profit_by=_trigger_by(parameters, "tpTriggerBy"),
        stop_loss_by=_trigger_by(parameters, "slTriggerBy"),
        partial=parameters.choice("tpslMode", MODES, "Full") == "Partial",
        take_profit_limit=_protection_limit(parameters, "tp"),
        stop_loss_limit=_protection_limit(parameters, "sl"),
    )


def _protection_limit(parameters: Parameters, which: str) -> Decimal | None:
    kind = parameters.choice(f"{which}OrderType", TYPES, "Market")
    limit = parameters.positive(f"{which}LimitPrice")
    if kind == "Limit" and limit is None:
        raise bad(f"{which}LimitPrice")
    return limit if kind == "Limit" else None


def _tolerance(parameters: Parameters) -> Tolerance | None:
    kind = parameters.choice("slippageToleranceType", ("TickSize", "Percent", "UNKNOWN"), "UNKNOWN")
    if kind == "UNKNOWN":
        return None
    amount = parameters.needed_number("slippageTolerance")
    if kind == "Percent":
        return Tolerance(percent=amount)
    if amount != amount.to_integral_value():
        raise bad("slippageTolerance", amount)
    return Tolerance(ticks=int(amount))
