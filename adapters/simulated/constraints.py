"""Constraints: whether the exchange takes an order or an amendment at all, with Bybit's codes.

Its one job: refusals of orders; those of their take-profits and stop-losses stand in `protection_constraints`.
The checks run in this order: parameters (10001, 110108, 110109), state of the contract (110074), lot and tick (10001),
value (110118, 110094), price limits (110003, 110040), side of the trigger (110092, 110093) and of take-profit and
stop-loss (10001), identity (110072), what there is to reduce (110017), counts (110020, 110009, 110061), leverage and
risk limit (110086, 110089, 110090). Bounds are inclusive. Funds (110007) are the account's to refuse.
Source: Bybit v5 docs, "Error Codes", "Place Order", "Amend Order", "Get Instruments Info", "Get Risk Limit"; help
centre, "Derivatives Trading Rules".

Assumptions:
- Orders that can only reduce a position (reduce-only, close-on-trigger, or against their own leg in hedge mode) have no
  minimum value, no maximum quantity and no risk limit. Bybit splits one above the maximum; here it stays one order.
- A conditional market order is valued at its trigger price. Price band, liquidation price and what there is to reduce
  concern a conditional order only once it goes off; its risk limit is judged when it comes, and then no more.
- The take-profit and stop-loss of an order are measured against its limit price, else its trigger price, else the price
  that lets them go off.
- An order that would add to a position beyond that position's liquidation price is 110040.
- The quantity of a protection of the whole position follows the position; to amend it is 110060.

Known limits:
- A maximum of its own for post-only orders, and minimum and maximum prices, are not part of the instrument's facts.
- A quantity of zero with reduceOnly and closeOnTrigger, by which Bybit closes the position, is refused like any zero.
- Open-interest limits (110021) and restrictions to reducing only (110022, 110023, 30228) do not occur.
"""

from __future__ import annotations

from decimal import Decimal

from msgspec import Struct
from msgspec.structs import replace

from adapters.simulated.pricing import reference
from adapters.simulated.protection import amended
from adapters.simulated.protection_constraints import (
    NOT_LIVE,
    known_price,
    off_tick,
    off_ticks,
    shape_refusal,
    too_many,
    wrong_sides,
)
from adapters.simulated.working import Working
from daemon.core.events import Instrument, Side
from daemon.core.market import Market
from daemon.core.orders import Amendment, OrderRequest, PositionIdx, Tolerance, TriggerDirection
from daemon.core.records import OrderStatus, OrderType, StopOrderType
from daemon.core.units import add, multiply, on_grid, subtract

MAX_ACTIVE_ORDERS = 500
MAX_CONDITIONAL_ORDERS = 10
MAX_TOLERANCE_TICKS = 10_000
TOLERANCE_PERCENT = (Decimal("0.01"), Decimal(10))
TOLERANCE_GRID = Decimal("0.01")

UNCHANGED = "10001: the order remains unchanged as the parameters entered match the existing ones"

_OPEN = frozenset({OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED, OrderStatus.UNTRIGGERED, OrderStatus.TRIGGERED})
_WHOLE = frozenset({StopOrderType.TAKE_PROFIT, StopOrderType.STOP_LOSS, StopOrderType.TRAILING_STOP})


class Standing(Struct, frozen=True, kw_only=True):
    """What the exchange knows of the account and the symbol when an order comes.

    active_orders, conditional_orders: open on the symbol, this one not counted; protections are no conditional orders.
    partial_protections: partial take-profits and stop-losses that wait on the order's position.
    hedge: whether the account is in hedge mode.  leverage: set for the position, a factor.
    position_value: of position and open orders in the order's direction, this one not counted, USDT at mark.
    known_id: whether the order's id was used before.
    liquidation_price: of its position, USDT, None without one, and for an order without a price.
    reducible: what an order that can only reduce may still reduce, base units; zero for any other.
    band: highest price of a buy and lowest of a sell, USDT, when prices outside are refused; None when they are moved.
    """

    active_orders: int
    conditional_orders: int
    partial_protections: int
    hedge: bool
    leverage: Decimal
    position_value: Decimal
    known_id: bool
    liquidation_price: Decimal | None
    reducible: Decimal
    band: tuple[Decimal, Decimal] | None = None


def refusal(request: OrderRequest, market: Market, standing: Standing) -> str | None:
    """Bybit's code and words for an order that is refused when it comes, None for one that is taken."""
    refused = _parameters(request, hedge=standing.hedge)
    instrument = market.instrument
    if refused is not None or instrument is None or instrument.status != "Trading":
        return refused or NOT_LIVE
    return (
        _lot(request, instrument)
        or _ticks(request, instrument)
        or _value(request, market, instrument)
        or _limits(request, market, standing)
        or _trigger_side(request, market)
        or _protection_sides(request, market)
        or _identity(request, standing)
        or _counts(request, standing)
        or _risk(request, market, instrument, standing)
    )


def price_in_band(price: Decimal, side: Side, limits: tuple[Decimal, Decimal], *, move: bool) -> Decimal | str:
    """A limit price that the venue's band lets through: itself, or moved to the limit; or why it is refused.

    limits: highest price of a buy, lowest of a sell, USDT.  Source: help centre, "Order Price Limit Rules".
    """
    highest_buy, lowest_sell = limits
    allowed = min(price, highest_buy) if side is Side.BUY else max(price, lowest_sell)
    if move or allowed == price:
        return allowed
    bound = f"the highest buying price {highest_buy}" if side is Side.BUY else f"the lowest selling price {lowest_sell}"
    return f"110003: order price {price} exceeds the allowable range: {bound}"


def amend_refusal(amendment: Amendment, order: Working, market: Market, standing: Standing | None = None) -> str | None:
    """Bybit's code and words for an amendment that is refused, None for one that is made.

    Only what it changes is judged anew; with a standing, a larger order also by leverage and risk limit.
    """
    instrument = market.instrument
    if order.status not in _OPEN:
        return f"110001: order does not exist or is finished, its status is {order.status.value}"
    if instrument is None or instrument.status != "Trading":
        return NOT_LIVE
    after = amended_request(order.request, amendment)
    if after == order.request:
        return UNCHANGED
    return (
        _amended_qty(amendment, after, order, instrument)
        or _amended_prices(amendment, after, order)
        or _ticks(after, instrument)
        or (_value(after, market, instrument) if amendment.qty is not None or amendment.price is not None else None)
        or (_trigger_side(after, market) if amendment.trigger_price is not None else None)
        or (_protection_sides(after, market) if _touches_protection(amendment) else None)
        or (_larger_risk(after, order, market, instrument, standing) if standing is not None else None)
    )


def reduces(request: OrderRequest) -> bool:
    """Whether an order can only reduce a position: by its flags, or because in hedge mode it is against its own leg."""
    if request.reduce_only or request.close_on_trigger:
        return True
    leg = request.position_idx
    return bool(leg) and leg == (PositionIdx.SHORT if request.side is Side.BUY else PositionIdx.LONG)


# Parameters


def _parameters(request: OrderRequest, *, hedge: bool) -> str | None:
    if hedge is (request.position_idx == PositionIdx.ONE_WAY):
        mode = "hedge" if hedge else "one-way"
        return f"10001: position idx {int(request.position_idx)} does not match position mode {mode}"
    if request.type is OrderType.LIMIT and request.price is None:
        return "10001: a limit order needs a price"
    if request.is_conditional and request.trigger_direction is None:
        return "10001: a conditional order needs a trigger direction"
    return _tolerance(request) or _order_protection(request)


def _tolerance(request: OrderRequest) -> str | None:
    asked: Tolerance | None = request.tolerance
    if asked is None:
        return None
    if request.type is not OrderType.MARKET or request.is_conditional:
        return "10001: a slippage tolerance is for market orders that do not wait for a trigger"
    if (asked.ticks is None) is (asked.percent is None):
        return "10001: a slippage tolerance is either ticks or percent"
    if asked.ticks is not None and not 1 <= asked.ticks <= MAX_TOLERANCE_TICKS:
        return f"110108: allowable range of the slippage tolerance: 1 to {MAX_TOLERANCE_TICKS} ticks, not {asked.ticks}"
    if asked.percent is not None:
        lowest, highest = TOLERANCE_PERCENT
        if not (lowest <= asked.percent <= highest and on_grid(asked.percent, TOLERANCE_GRID)):
            return f"110109: allowable range of the slippage tolerance: {lowest} to {highest} %, not {asked.percent}"
    return None


def _order_protection(request: OrderRequest) -> str | None:
    protection = request.protection
    if protection is None:
        return None
    if reduces(request):
        return "10001: an order that only reduces cannot carry take-profit or stop-loss"
    if protection.trailing_stop is not None or protection.active_price is not None or protection.qty is not None:
        return "10001: trailing stop and quantity of a protection belong to a position, not to an order"
    return shape_refusal(protection)


# Lot, tick, value


def _lot(request: OrderRequest, instrument: Instrument) -> str | None:
    qty = request.qty
    if not on_grid(qty, instrument.step):
        return f"10001: qty {qty} is not a multiple of {instrument.step}"
    if qty < instrument.min_qty:
        return f"10001: qty {qty} is below the minimum of {instrument.min_qty}"
    largest = instrument.max_market_qty if request.type is OrderType.MARKET else instrument.max_qty
    if qty > largest and not reduces(request):
        return f"10001: qty {qty} is above the maximum of {largest}"
    return None


def _ticks(request: OrderRequest, instrument: Instrument) -> str | None:
    price = request.price if request.type is OrderType.LIMIT else None
    refused = off_tick("price", price, instrument) or off_tick("trigger price", request.trigger_price, instrument)
    if refused is not None or request.protection is None:
        return refused
    return off_ticks(request.protection, instrument)


def _value(request: OrderRequest, market: Market, instrument: Instrument) -> str | None:
    if reduces(request):
        return None
    price = _price(request, market)
    if price is None:
        return "110118: there is no price for a market order yet"
    value = multiply(request.qty, price)
    if value >= instrument.min_notional:
        return None
    return f"110094: order value {value} is below the minimum of {instrument.min_notional} USDT"


def _price(request: OrderRequest, market: Market) -> Decimal | None:
    """What an order is valued at, USDT; None when nothing is known."""
    if request.type is OrderType.LIMIT:
        return request.price
    return request.trigger_price or known_price(market.mark) or known_price(market.last)


# Prices against the market


def _limits(request: OrderRequest, market: Market, standing: Standing) -> str | None:
    price = request.price
    if request.type is OrderType.MARKET or price is None or request.is_conditional:
        return None
    if standing.band is not None:
        refused = price_in_band(price, request.side, standing.band, move=False)
        if isinstance(refused, str):
            return refused
    return _beyond_liquidation(request, price, market, standing.liquidation_price)


def _beyond_liquidation(
    request: OrderRequest, price: Decimal, market: Market, liquidation_price: Decimal | None
) -> str | None:
    mark = known_price(market.mark)
    if liquidation_price is None or mark is None or reduces(request):
        return None
    buys = request.side is Side.BUY
    if price <= liquidation_price < mark if buys else price >= liquidation_price > mark:
        return f"110040: price {price} is beyond the liquidation price {liquidation_price}"
    return None


def _trigger_side(request: OrderRequest, market: Market) -> str | None:
    trigger = request.trigger_price
    if trigger is None or (current := known_price(reference(market, request.trigger_by))) is None:
        return None
    if request.trigger_direction is TriggerDirection.RISES and trigger <= current:
        return f"110092: expect Rising, but trigger price {trigger} <= current {current} ({request.trigger_by.value})"
    if request.trigger_direction is TriggerDirection.FALLS and trigger >= current:
        return f"110093: expect Falling, but trigger price {trigger} >= current {current} ({request.trigger_by.value})"
    return None


def _protection_sides(request: OrderRequest, market: Market) -> str | None:
    protection = request.protection
    if protection is None:
        return None
    own = request.price if request.type is OrderType.LIMIT else request.trigger_price
    return wrong_sides(
        protection,
        take_profit_base=own or known_price(reference(market, protection.take_profit_by)),
        stop_loss_base=own or known_price(reference(market, protection.stop_loss_by)),
        long=request.side is Side.BUY,
    )


# Account


def _identity(request: OrderRequest, standing: Standing) -> str | None:
    if standing.known_id:
        return f"110072: order id {request.order_id} is duplicate"
    if reduces(request) and not request.is_conditional and standing.reducible <= 0:
        return "110017: there is no position left to reduce, the order would be cut to zero"
    return None


def _counts(request: OrderRequest, standing: Standing) -> str | None:
    if request.is_conditional and standing.conditional_orders >= MAX_CONDITIONAL_ORDERS:
        return f"110009: more than {MAX_CONDITIONAL_ORDERS} conditional orders on the symbol"
    if not request.is_conditional and standing.active_orders >= MAX_ACTIVE_ORDERS:
        return f"110020: more than {MAX_ACTIVE_ORDERS} active orders on the symbol"
    return None if request.protection is None else too_many(request.protection, standing.partial_protections)


def _risk(request: OrderRequest, market: Market, instrument: Instrument, standing: Standing) -> str | None:
    if reduces(request):
        return None
    leverage, tiers = standing.leverage, instrument.risk_tiers
    reachable = [tier for tier in tiers if tier.max_leverage >= leverage]
    if leverage > instrument.max_leverage or (tiers and not reachable):
        return f"110086: leverage {leverage} exceeds the maximum available, {_highest_leverage(instrument)}"
    price = _price(request, market)
    if not tiers or price is None:
        return None
    value = add(standing.position_value, multiply(request.qty, price))
    if value <= reachable[-1].limit:
        return None
    if value > tiers[-1].limit:
        return f"110089: value {value} exceeds the maximum risk limit of {tiers[-1].limit} USDT"
    lower = next(tier.max_leverage for tier in tiers if value <= tier.limit)
    return f"110090: value {value} exceeds {reachable[-1].limit} USDT; adjust your leverage to {lower} or below"


def _highest_leverage(instrument: Instrument) -> Decimal:
    tiers = instrument.risk_tiers
    return min(instrument.max_leverage, tiers[0].max_leverage) if tiers else instrument.max_leverage


# Amendments


def amended_request(request: OrderRequest, amendment: Amendment) -> OrderRequest:
    """The order as an amendment asks for it."""
    return replace(
        request,
        qty=request.qty if amendment.qty is None else amendment.qty,
        price=request.price if amendment.price is None else amendment.price,
        trigger_price=request.trigger_price if amendment.trigger_price is None else amendment.trigger_price,
        protection=amended(request.protection, amendment),
    )


def _touches_protection(amendment: Amendment) -> bool:
    return amendment.take_profit is not None or amendment.stop_loss is not None


def _amended_qty(amendment: Amendment, after: OrderRequest, order: Working, instrument: Instrument) -> str | None:
    if amendment.qty is None:
        return None
    if order.request.stop_order_type in _WHOLE:
        return "110060: a protection of the whole position has the position's quantity"
    refused = _lot(after, instrument)
    if refused is None and amendment.qty <= order.filled:
        return f"110064: qty {amendment.qty} cannot be less than or equal to the filled {order.filled}"
    return refused


def _amended_prices(amendment: Amendment, after: OrderRequest, order: Working) -> str | None:
    if amendment.price is not None and after.type is OrderType.MARKET:
        return "10001: a market order has no price to amend"
    if amendment.trigger_price is not None:
        if order.status is not OrderStatus.UNTRIGGERED:
            return "10001: the order does not wait for a trigger"
        if after.stop_order_type is StopOrderType.TRAILING_STOP:
            return "10001: a trailing stop moves by itself"
    if _touches_protection(amendment) and order.filled > 0:
        return "110059: take-profit and stop-loss of a partially filled order cannot be modified"
    return _order_protection(after)


def _larger_risk(
    after: OrderRequest, order: Working, market: Market, instrument: Instrument, standing: Standing
) -> str | None:
    if after.qty <= order.request.qty and after.price == order.request.price:
        return None
    return _risk(replace(after, qty=subtract(after.qty, order.filled)), market, instrument, standing)
