"""Constraints: whether the exchange takes an order at all, with Bybit's codes.

The checks run in Bybit's likely order: symbol state, lot and tick, notional, counts. Source: Bybit v5 docs, "Error
Codes" and "Get Instruments Info"; bounds are inclusive.

Known limits: price bands, leverage and risk limits are not checked yet.
"""

from __future__ import annotations

from decimal import Decimal

from daemon.core.events import Instrument
from daemon.core.orders import OrderRequest
from daemon.core.records import OrderType
from daemon.core.units import multiply, on_grid

MAX_ACTIVE_ORDERS = 500


def refusal(request: OrderRequest, instrument: Instrument | None, *, mark: Decimal, active_orders: int) -> str | None:
    """Bybit's code and text for an order that is refused on arrival, None for one that is taken.

    mark: USDT, what a market order is valued at.  active_orders: those open on the symbol, this one not counted.
    """
    if instrument is None or instrument.status != "Trading":
        return "110074: this contract is not live"
    return (
        _lot(request, instrument)
        or _tick(request, instrument)
        or _notional(request, instrument, mark)
        or ("110020: more than 500 active orders on the symbol" if active_orders >= MAX_ACTIVE_ORDERS else None)
    )


def _lot(request: OrderRequest, instrument: Instrument) -> str | None:
    if not on_grid(request.qty, instrument.step):
        return f"10001: qty {request.qty} is not a multiple of {instrument.step}"
    if request.qty < instrument.min_qty:
        return f"10001: qty {request.qty} is below the minimum of {instrument.min_qty}"
    largest = instrument.max_market_qty if request.type is OrderType.MARKET else instrument.max_qty
    if request.qty > largest and not request.reduce_only:
        return f"10001: qty {request.qty} is above the maximum of {largest}"
    return None


def _tick(request: OrderRequest, instrument: Instrument) -> str | None:
    if request.type is OrderType.MARKET:
        return None
    if request.price is None or request.price <= 0 or not on_grid(request.price, instrument.tick):
        return f"10001: price {request.price} is not a multiple of {instrument.tick}"
    return None


def _notional(request: OrderRequest, instrument: Instrument, mark: Decimal) -> str | None:
    price = request.price if request.price is not None else mark
    if request.reduce_only or multiply(request.qty, price) >= instrument.min_notional:
        return None
    return f"110094: order value is below the minimum of {instrument.min_notional} USDT"
