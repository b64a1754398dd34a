"""From what a strategy wants to an order on the instrument's grid."""

from __future__ import annotations

from decimal import Decimal

from msgspec import Struct

from daemon.core.events import Instrument, Side
from daemon.core.records import Action
from daemon.core.strategy import Decision
from daemon.core.units import MONEY, ZERO, floor_qty, price_down, price_up, to_decimal


class Sized(Struct, frozen=True):
    """An order's side, quantity (above zero, on the step grid) and limit price (on the tick grid, None for market)."""

    side: Side
    qty: Decimal
    price: Decimal | None


def size(decision: Decision, *, instrument: Instrument, mark: float, held: Decimal) -> Sized | str:
    """Size a decision, or say in words why there is nothing to order.

    Args:
        decision: what the strategy wants; not a hold.
        instrument: grid and minima.
        mark: mark price, above zero.
        held: signed quantity that the strategy holds, its orders under way counted as filled, base units.
    """
    wanted = _signed_qty(decision, mark=mark, held=held, step=instrument.step)
    if isinstance(wanted, str):
        return wanted
    qty = abs(wanted)
    exits = decision.action is Action.CLOSE
    if qty < instrument.min_qty:
        return f"quantity {qty} is below the minimum of {instrument.min_qty}"
    if not exits and MONEY.multiply(qty, to_decimal(mark)) < instrument.min_notional:
        return f"order value is below the minimum of {instrument.min_notional} USDT"
    side = Side.BUY if wanted > 0 else Side.SELL
    return Sized(side, qty, _limit_price(decision, side, instrument.tick))


def _signed_qty(decision: Decision, *, mark: float, held: Decimal, step: Decimal) -> Decimal | str:
    if decision.action is Action.CLOSE:
        return -held if held else "already flat"
    buys = decision.action is Action.BUY
    if decision.target_notional is None:
        qty = floor_qty(to_decimal(decision.qty or 0.0), step)
        return qty if buys else -qty
    target = floor_qty(MONEY.divide(to_decimal(decision.target_notional), to_decimal(mark)), step)
    change = MONEY.subtract(target, held)
    if change == ZERO or (change > 0) != buys:
        return "already at the target"
    return change


def _limit_price(decision: Decision, side: Side, tick: Decimal) -> Decimal | None:
    if decision.price is None:
        return None
    price = to_decimal(decision.price)
    return price_down(price, tick) if side is Side.BUY else price_up(price, tick)
